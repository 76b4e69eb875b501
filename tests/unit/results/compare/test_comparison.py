"""Comparisons: numbers worked out by hand, and what was not measured."""

from __future__ import annotations

import json
from pathlib import Path

from service.results.compare.comparison import compare
from service.results.compare.measured import measure_result
from service.results.compare.parameters import Parameters
from tests.fixtures.comparable_results import face, frame, parameters, result


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
