"""`reference` and `compare`: numbers worked out by hand, and what was not measured."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from service.results.compare.comparison import compare
from service.results.compare.measured import BadResult, measure_result
from service.results.compare.page import page
from service.results.compare.parameters import BadParameters, Desired, Parameters
from tests.fixtures.comparable_results import face, frame, result, table
from tests.integration.cli.conftest import CommandLine

run = CommandLine({})


def parameters(statistic: str = "mean", **units: tuple[float, float]) -> Parameters:
    desired = {name: Desired(desired=value, tolerance=by) for name, (value, by) in units.items()}
    return Parameters(statistic=statistic, action_units=desired)


def test_inside_outside_and_not_measured(tmp_path: Path) -> None:
    one = result(tmp_path / "a", "image", [face(AU01_r=1.0, AU12_r=2.6, AU25_r=0.5)])
    told = compare(parameters(AU01_r=(1.2, 0.3), AU12_r=(2.0, 0.5), AU04_r=(0.0, 0.5)), measure_result(one))
    found = {unit.column: (unit.status, unit.deviation, unit.outside_by) for unit in told.action_units}
    assert found == {
        "AU01_r": ("inside", -0.2, 0.0),
        "AU12_r": ("outside", 0.6, 0.1),
        "AU04_r": ("not measured", None, None),
    }
    assert told.verdict == "fail"
    assert told.sentence == "1 of 3 action units lie outside the tolerance; 1 not measured"


def test_what_lies_on_the_border_is_inside(tmp_path: Path) -> None:
    # 2.1 - 1.6 is 0.5000000000000002 in binary.
    one = result(tmp_path / "a", "image", [face(AU12_r=2.1)])
    assert compare(parameters(AU12_r=(1.6, 0.5)), measure_result(one)).verdict == "pass"
    assert compare(parameters(AU12_r=(1.6, 0.49)), measure_result(one)).verdict == "fail"


def test_not_measured_is_neither_pass_nor_zero(tmp_path: Path) -> None:
    one = result(tmp_path / "a", "image", [face(AU12_r=1.0)])
    told = compare(parameters(AU12_r=(1.0, 0.1), AU04_r=(0.0, 5.0)), measure_result(one))
    assert told.verdict == "incomplete"
    assert told.action_units[1].measured is None
    nothing = compare(parameters(AU12_r=(0.0, 5.0)), measure_result(result(tmp_path / "none", "image", [])))
    assert (nothing.verdict, nothing.warnings) == ("incomplete", ("no face was found",))


@pytest.mark.parametrize(
    ("statistic", "value"), [("mean", 2.0), ("median", 1.5), ("p0", 1.0), ("p100", 4.0), ("p50", 1.5)]
)
def test_a_video_is_judged_by_its_good_rows(tmp_path: Path, statistic: str, value: float) -> None:
    good = [frame(n, AU12_r=r) for n, r in enumerate((1.0, 1.0, 2.0, 4.0), start=1)]
    bad = [frame(5, success=0, AU12_r=5.0), frame(6, confidence=0.5, AU12_r=5.0), frame(7, AU12_r="nan")]
    one = measure_result(result(tmp_path / "v", "video", [*good, *bad]))
    assert one.value("AU12_r", statistic) == pytest.approx(value)
    assert (one.rows, one.rows_used) == (7, 5)


def test_of_several_faces_the_main_one_is_meant_unless_another_is_chosen(tmp_path: Path) -> None:
    faces = [face(0, size=50, AU12_r=1.0), face(1, size=200, AU12_r=2.0), face(2, size=80, AU12_r=3.0)]
    group = result(tmp_path / "group", "image", faces)
    assert (measure_result(group).face, measure_result(group).value("AU12_r", "mean")) == (1, 2.0)
    assert measure_result(group, face=2).value("AU12_r", "mean") == 3.0
    assert (
        "3 faces: compared is face 1, the biggest"
        in compare(parameters(AU12_r=(1, 1)), measure_result(group)).warnings[0]
    )
    with pytest.raises(BadResult, match="no face 7; it has 0, 1, 2"):
        measure_result(group, face=7)
    rows = [frame(1, face_id=0, AU12_r=1.0), frame(1, face_id=1, AU12_r=2.0), frame(2, face_id=1, AU12_r=4.0)]
    video = result(tmp_path / "many", "video", rows)
    assert (measure_result(video).face, measure_result(video).value("AU12_r", "mean")) == (1, 3.0)


def test_a_reference_is_what_was_measured_and_passes_against_itself(tmp_path: Path) -> None:
    one = result(tmp_path / "a", "image", [face(AU01_r=0.4, AU12_r=2.6, AU12_c=1)])
    file = tmp_path / "p.json"
    assert run("reference", str(one), "--out", str(file), "--tolerance", "0.25").exit_code == 0
    told = json.loads(file.read_text())
    assert told["action_units"] == {
        "AU01_r": {"desired": 0.4, "tolerance": 0.25},
        "AU12_r": {"desired": 2.6, "tolerance": 0.25},
    }
    assert "AU04_r" in told["not_measured"]
    done = run("compare", str(one), "--reference", str(file), "--json")
    assert (done.exit_code, json.loads(done.stdout)["verdict"]) == (0, "pass")
    other = result(tmp_path / "b", "image", [face(AU01_r=0.4, AU12_r=2.86)])
    done = run("compare", str(other / "t.csv"), "--reference", str(file), "--html", str(tmp_path / "r.html"))
    assert done.exit_code == 1
    assert "FAIL  b.jpg: 1 of 2" in done.stdout
    assert "outside by 0.01" in done.stdout
    assert "AU12_r" in (tmp_path / "r.html").read_text()


def test_warnings_say_what_the_verdict_does_not(tmp_path: Path) -> None:
    one = result(tmp_path / "a", "image", [face(AU02_r=1.0)])
    made = Parameters.from_reference(measure_result(one), "mean", 0.5)
    assert made.made_from.au == "static"
    partial = {"verdict": "partial", "reason": "3 of 9 frames"}
    engine = {"name": "other", "version": "2", "au_support": {"AU02_r": "weak"}}
    rows = [frame(1, AU02_r=1.0), *(frame(n, success=0) for n in (2, 3))]
    video = result(tmp_path / "v", "video", rows, completeness=partial, engine=engine)
    manifest = json.loads((video / "manifest.json").read_text())
    manifest["job"]["options"]["au"] = "dynamic"
    (video / "manifest.json").write_text(json.dumps(manifest))
    told = " | ".join(compare(made, measure_result(video)).warnings)
    assert "partial: 3 of 9 frames" in told
    assert "only 1 of 3 rows" in told
    assert "measured by engine 1, this by other 2" in told
    assert "AU02_r only weakly" in told
    assert "reference are static, these are dynamic" in told
    assert compare(made, measure_result(one)).warnings == ("the engine measures AU02_r only weakly, as it states",)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Invalid JSON"),
        ('{"action_units": {}}', "at least 1"),
        ('{"action_units": {"AU99_r": {"desired": 1}}}', "AU99_r"),
        ('{"action_units": {"AU12_r": {"desired": 7}}}', "less than or equal to 5"),
        ('{"action_units": {"AU12_r": {"desired": NaN}}}', "AU12_r"),
        ('{"action_units": {"AU12_r": {"desired": 1}}, "statistic": "p101"}', "statistic"),
        ('{"action_units": {"AU12_r": {"desired": 1}}, "more": 1}', "more"),
    ],
)
def test_unusable_parameters_are_errors(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "p.json"
    file.write_text(text)
    with pytest.raises(BadParameters, match=why):
        Parameters.load(file)
    one = result(tmp_path / "a", "image", [face(AU12_r=1.0)])
    done = run("compare", str(one), "--reference", str(file))
    assert (done.exit_code, "(bad_parameters)" in done.stderr) == (1, True)


def test_a_folder_without_a_result_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    (tmp_path / "torn.csv").write_text(table("image", [face(AU12_r=1.0)])[:-5])
    for name, code in (("empty", "bad_result"), ("x.csv", "bad_result"), ("torn.csv", "malformed_output")):
        done = run("reference", str(tmp_path / name), "--out", str(tmp_path / "p.json"))
        assert (done.exit_code, f"({code})" in done.stderr) == (1, True), done.stderr
    with pytest.raises(BadParameters, match="no action unit"):
        Parameters.from_reference(measure_result(result(tmp_path / "n", "image", [])), "mean", 0.5)


class _Cells(HTMLParser):
    """Tags, and the text of table cells."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")
        assert not {name for name, _ in attrs} & {"src", "href", "onclick", "onerror"}

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data.strip()


def test_the_page_has_the_numbers_and_nothing_of_a_hostile_name(tmp_path: Path) -> None:
    hostile = {"id": "0" * 32, "blob": "<script>alert(1)</script>.jpg"}
    one = result(tmp_path / "a", "image", [face(AU01_r=0.5, AU12_r=2.61)], job=hostile)
    text = page(compare(parameters(AU01_r=(0.5, 0.1), AU12_r=(1.7, 0.4), AU04_r=(0.0, 0.5)), measure_result(one)))
    read = _Cells()
    read.feed(text)
    assert "script" not in read.tags
    assert "&lt;script&gt;" in text
    row = read.cells.index("AU12_rLip corner puller")
    assert read.cells[row + 1 : row + 6] == ["", "1.70 ± 0.40", "2.61", "+0.91", "outsideby 0.51"]
    row = read.cells.index("AU04_rBrow lowerer")
    assert read.cells[row + 2 : row + 5] == ["0.00 ± 0.50", "-", "-"]
    assert read.cells[row + 5].startswith("not measured")
    assert "url(" not in text and "@import" not in text


def test_excluded_stretches_are_not_compared(tmp_path: Path) -> None:
    rows = [frame(n, timestamp=f"{n - 1}", AU12_r=float(n)) for n in range(1, 5)]
    folder = result(tmp_path / "v", "video", rows)
    stretch = {"start_s": 2, "end_s": 4, "by": "lab", "at": "2026-01-02T03:04:05Z"}
    (folder / "annotations.json").write_text(json.dumps({"excluded": [stretch]}))
    measured = measure_result(folder)
    assert (measured.rows, measured.rows_used, measured.value("AU12_r", "mean")) == (4, 2, 1.5)
