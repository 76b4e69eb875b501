"""Read the command line the way OpenFace does: known words are picked out, everything else is ignored."""

from pathlib import Path
from typing import NamedTuple

from openface_lite.columns import COLUMN_FLAGS
from openface_lite.pose import Camera

# Selection flags whose output this engine does not make, and the one whose output it makes where it is named: without
# any flag OpenFace writes everything, which fills disks.
NOT_PRODUCED = {"-hogalign": ".hog features", "-tracked": "tracked media"}
ALIGNED, ALIGNED_IMAGES = "-simalign", "aligned images"
_WITH_VALUE = (
    *("-f", "-fdir", "-root", "-inroot", "-of", "-out_dir", "-mloc", "-multi_view", "-bboxdir", "-device"),
    *("-fx", "-fy", "-cx", "-cy", "-faces_at_most", "-format_aligned", "-simscale", "-simsize"),
)
_WITHOUT_EFFECT = ("-bboxdir", "-device", "-simscale", "-simsize")
# As many as OpenFace's tool tracks, and as many as a recording of a meeting shows.
FACES_AT_MOST, MOST_FACES = 4, 25
_ALIGNED_FORMATS = ("bmp", "png", "jpg")
_DEFAULT_FOLDER = "processed"


class Arguments(NamedTuple):
    """What the command line asks for.

    ``selection`` holds the column flags in force (all of them where no selection flag was given),
    ``not_produced`` the outputs asked for that this engine does not make, ``ignored`` the known
    options without effect here. ``aligned`` is the format of the aligned crops, None for no crops;
    ``faces_at_most`` the number of faces that are followed in a video with several.
    """

    files: tuple[str, ...]
    folders: tuple[str, ...]
    output_folder: Path
    output_names: tuple[str, ...]
    selection: frozenset[str]
    not_produced: tuple[str, ...]
    ignored: tuple[str, ...]
    thorough: bool
    au_static: bool
    landmark_model: str | None
    focal: tuple[float, float] | None
    center: tuple[float, float] | None
    aligned: str | None = None
    faces_at_most: int = FACES_AT_MOST

    @classmethod
    def parse(cls, words: list[str]) -> "Arguments":
        """Arguments from the words after the command's name. Never fails; see the module's sentence."""
        values, flags = _split(words)
        root = [*values["-root"], *values["-inroot"]][-1:]
        asked_columns = frozenset(COLUMN_FLAGS) & flags
        asked_other = tuple(NOT_PRODUCED[flag] for flag in NOT_PRODUCED if flag in flags)
        everything = not asked_columns and not asked_other and ALIGNED not in flags
        return cls(
            files=_under(root, values["-f"]),
            folders=_under(root, values["-fdir"]),
            output_folder=Path(values["-out_dir"][-1] if values["-out_dir"] else _DEFAULT_FOLDER),
            output_names=tuple(values["-of"]),
            selection=frozenset(COLUMN_FLAGS) if everything else asked_columns,
            not_produced=(*NOT_PRODUCED.values(), ALIGNED_IMAGES) if everything else asked_other,
            ignored=tuple(option for option in _WITHOUT_EFFECT if values[option]),
            thorough="-wild" in flags or values["-multi_view"][-1:] == ["1"],
            au_static="-au_static" in flags,
            landmark_model=values["-mloc"][-1] if values["-mloc"] else None,
            focal=_pair(values["-fx"], values["-fy"]),
            center=_pair(values["-cx"], values["-cy"]),
            aligned=_aligned_format(values["-format_aligned"]) if ALIGNED in flags else None,
            faces_at_most=_faces_at_most(values["-faces_at_most"]),
        )

    def camera(self, width: int, height: int) -> Camera:
        """The camera for a picture's size; given values win, in pairs."""
        guess = Camera.for_size(width, height)
        fx, fy = self.focal or (guess.fx, guess.fy)
        cx, cy = self.center or (guess.cx, guess.cy)
        return Camera(fx, fy, cx, cy)

    def output(self, index: int, default_stem: str) -> tuple[Path, str]:
        """The folder and the stem of the files for the input with this number, counted from 0."""
        if index < len(self.output_names):
            name = Path(self.output_names[index])
            return self.output_folder / name.parent, name.stem
        return self.output_folder, default_stem


def _split(words: list[str]) -> tuple[dict[str, list[str]], set[str]]:
    """The values of options that take one, in order, and the words that stand alone."""
    values: dict[str, list[str]] = {option: [] for option in _WITH_VALUE}
    flags: set[str] = set()
    remaining = iter(words)
    for word in remaining:
        if word not in values:
            flags.add(word)
        elif (value := next(remaining, None)) is not None:
            values[word].append(value)
    return values, flags


def _under(root: list[str], names: list[str]) -> tuple[str, ...]:
    return tuple(str(Path(*root, name)) if root else name for name in names)


def _pair(first: list[str], second: list[str]) -> tuple[float, float] | None:
    """Both numbers, or None: half a pair, or a word that is no number, does not count."""
    try:
        return float(first[-1]), float(second[-1])
    except (IndexError, ValueError):
        return None


def _aligned_format(given: list[str]) -> str:
    return given[-1] if given and given[-1] in _ALIGNED_FORMATS else _ALIGNED_FORMATS[0]


def _faces_at_most(given: list[str]) -> int:
    """The number, within bounds; OpenFace's own where it is none."""
    try:
        return min(max(int(given[-1]), 1), MOST_FACES)
    except (IndexError, ValueError):
        return FACES_AT_MOST
