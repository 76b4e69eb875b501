"""From a whole video to one table, without files."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from openface_lite import action_units, columns, videos
from openface_lite.arrays import Array, Image
from openface_lite.pictures import images_in, picture_of_frame
from openface_lite.pose import Camera
from openface_lite.side_by_side import StretchTracker
from openface_lite.stretches import cut

if TYPE_CHECKING:
    from pandas import DataFrame

# Called after each frame with the number of frames done and of frames expected (0: unknown).
Progress = Callable[[int, int], object]

_GROUPS = columns.video_groups(frozenset(columns.COLUMN_FLAGS))
# Measured frame by frame; action units follow at the end of the clip.
_STREAMED = columns.without_units(_GROUPS)


@dataclass(frozen=True)
class Table:
    """One row a frame.

    ``columns`` are the 714 names of FeatureExtraction's CSV in its order and units; ``values`` is
    (frames, 714) float64, NaN where nothing was measured. ``table["AU12_r"]`` is one column (frames,).
    """

    columns: tuple[str, ...]
    values: Array

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> Array:
        try:
            return np.asarray(self.values[:, self.columns.index(name)])
        except ValueError:
            raise KeyError(name) from None

    def __repr__(self) -> str:
        return f"<Table of {len(self)} frames, {int(np.nansum(self['success']))} with a face>"

    def to_pandas(self) -> "DataFrame":
        """As a pandas data frame, one column a measure."""
        from pandas import DataFrame

        return DataFrame(self.values, columns=list(self.columns))


def analyse_video(
    source: Path | str | Iterable[Image],
    on_progress: Progress | None = None,
    *,
    fps: float | None = None,
    camera: Camera | None = None,
    thorough: bool = False,
    au_static: bool = False,
) -> Table:
    """The biggest face of a video, tracked: what the command FeatureExtraction measures, not rounded.

    ``source`` is a video file, a folder of pictures, or upright (height, width, 3) uint8 BGR frames of one
    size, for which ``fps`` gives the timestamps (0 without it). A frame without a face is a row with
    ``success`` and ``confidence`` 0 and NaN in what would be measured. ``thorough`` is ``-wild``, ``au_static``
    is ``-au_static``. 5.7 kB a frame are held in memory.

    Raises MediaError (not a readable video), ModelsUnavailableError, and whatever ``on_progress`` raises.
    """
    frames, expected = _frames_of(source, fps)
    firsts = [stretch.first for stretch in cut(Path(source))] if isinstance(source, (str, Path)) else []
    tracker = StretchTracker(firsts, camera=camera, thorough=thorough)
    rows, measures = [], []
    for number, frame in enumerate(frames, start=1):
        face = tracker.step(frame.picture)
        rows.append(columns.cells(_GROUPS, columns.video_values(number, 0, frame.time_s, face, _STREAMED)))
        measures.append(face.au_measures if face else action_units.NOT_MEASURED)
        if on_progress:
            on_progress(number, expected)
    return _table(rows, measures, au_static=au_static)


def _table(rows: list[Array], measures: list[Array], *, au_static: bool) -> Table:
    names = tuple(name for group in _GROUPS for name in group.names)
    if not rows:
        return Table(names, np.empty((0, len(names))))
    values = np.array(rows)
    times_s = values[:, columns.place_of("timestamp", _GROUPS)].ravel()
    final = action_units.clip_units(np.array(measures), times_s, static=au_static)
    values[:, columns.place_of("au_r", _GROUPS)] = final.intensities
    values[:, columns.place_of("au_c", _GROUPS)] = final.presences
    return Table(names, values)


def _frames_of(source: Path | str | Iterable[Image], fps: float | None) -> tuple[Iterator[videos.Frame], int]:
    if isinstance(source, (str, Path)):
        path = Path(source)
        footage = videos.open_sequence(images_in(path)) if path.is_dir() else videos.open_video(path)
        return footage.frames, footage.expected_frames
    frames = (
        videos.Frame(number / fps if fps else 0.0, picture_of_frame(pixels)) for number, pixels in enumerate(source)
    )
    return frames, len(source) if isinstance(source, (list, tuple)) else 0
