"""What stands in a report: the table's numbers, and nothing that runs, loads or came from a name."""

from __future__ import annotations

import csv
import math
import re
import statistics
from collections import Counter
from pathlib import Path

import pytest

from service.results.report.make import ReportRequest
from service.results.report.page import visible
from service.results.summary_model import Summary
from tests.fixtures.reports_made import FRAMES, Made, write_report
from tests.fixtures.results_made import DOUBTED, LOST, RATE, manifest_of, write_table

# Together, since making the reports of the fixtures takes seconds.
pytestmark = pytest.mark.xdist_group("reports")


def counting(made: Made) -> list[dict[str, str]]:
    """The rows that pass the gate, read by another reader than the report's."""
    with made.csv.open() as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if row.get("success", "1") == "1" and float(row["confidence"]) >= 0.75]


def shown(value: float, digits: int = 2) -> str:
    return f"{value:,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def test_numbers_of_action_units_are_the_tables(openface: Made) -> None:
    rows = counting(openface)
    assert len(rows) == FRAMES - len(LOST) - len(DOUBTED)
    values = sorted(float(row["AU12_r"]) for row in rows)
    cells = openface.page.rows["units-0", "AU12"]
    mean, sd = statistics.fmean(values), statistics.pstdev(values)
    assert cells[2:4] == [shown(mean), shown(sd)]
    assert cells[5] == shown(statistics.median(values))
    assert cells[7:9] == [shown(values[0]), shown(values[-1])]
    assert cells[12] == f"{100 * sum(float(row['AU12_c']) for row in rows) / len(rows):.1f}\N{NO-BREAK SPACE}%"
    told = openface.summary["tracks"][0]["action_units"]["AU12"]["intensity"]["spread"]
    assert told["n"] == len(rows)
    assert (told["mean"], told["sd"]) == (pytest.approx(mean, abs=1e-4), pytest.approx(sd, abs=1e-4))


def test_one_smile_is_one_event(openface: Made) -> None:
    told = openface.summary["tracks"][0]["action_units"]["AU12"]
    [peak] = told["intensity"]["events"]["peaks"]
    assert told["intensity"]["events"]["count"] == 1
    assert peak["start_s"] == pytest.approx(59 / RATE, abs=1e-3)
    assert told["intensity"]["events"]["mean_length_s"] == pytest.approx(90 / RATE, abs=1e-3)
    assert openface.page.rows["units-0", "AU12"][9] == "1"


def test_blinks_are_counted(openface: Made) -> None:
    # One at each multiple of 90 frames, and the end of one in the first frames.
    blinks = openface.summary["tracks"][0]["blinks"]
    assert blinks["count"] == 4
    assert blinks["per_minute"] is None
    assert "4 blinks in 9.5 s that pass the quality gate" in openface.page.text
    assert "too short for a rate per minute" in openface.page.text


def test_pose_is_in_degrees(openface: Made) -> None:
    degrees = [math.degrees(float(row["pose_Rx"])) for row in counting(openface)]
    assert openface.page.rows["pose", "pitch_deg"][2] == shown(statistics.fmean(degrees), 1)
    assert openface.page.rows["pose", "z_mm"][2] == "500.0"


def test_the_verdict_counts_frames(openface: Made) -> None:
    text = openface.page.text
    assert "Complete: the table covers the whole media." in text
    assert f"A face was tracked in {FRAMES - len(LOST)} of {FRAMES} frames" in text
    assert f"{len(LOST)} of {FRAMES} rows have success 0" in text
    assert f"{len(DOUBTED)} rows are called tracked, but with a confidence below 0.75" in text
    assert sum(openface.summary["confidence"]["counts"]) == FRAMES


def test_the_picture_of_a_video_is_a_frame_that_counts(openface: Made) -> None:
    found = re.search(r"Frame (\d+) at ([\d.]+) s", openface.page.text)
    assert found
    assert int(found[1]) not in (*LOST, *DOUBTED)
    assert float(found[2]) == pytest.approx((int(found[1]) - 1) / RATE, abs=0.01)
    assert "data:image/jpeg;base64," in openface.html


def test_a_name_is_text_and_nothing_else(openface: Made) -> None:
    page = openface.page
    assert "script" not in page.tags
    assert page.handlers == []
    assert "=cmd|' /C calc'!A1" in page.text
    assert "{{7*7}}" in page.text
    # What turns the direction of text is shown as what it is, in the heading; the manifest has it escaped.
    assert "\u202e" not in openface.html.split('<pre class="manifest"')[0]


def test_nothing_runs_or_loads(openface: Made, portrait: Made) -> None:
    for made in (openface, portrait):
        page = made.page
        assert not {"script", "link", "iframe", "object", "embed", "form"} & set(page.tags)
        outside = [link for link in page.references if not link.startswith(("#", "data:image/jpeg;base64,"))]
        assert all(re.match(r"https://(doi\.org/10\.|arxiv\.org/abs/)", link) for link in outside)
        assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", made.html)
        assert "@import" not in made.html


def test_ids_are_unique_and_references_lead_somewhere(openface: Made) -> None:
    page = openface.page
    assert [name for name, count in Counter(page.ids).items() if count > 1] == []
    wanted = {link[1:] for link in page.references if link.startswith("#")}
    wanted |= set(re.findall(r"url\(#([\w-]+)\)", openface.html))
    wanted |= set(re.findall(r'aria-labelledby="([\w-]+)"', openface.html))
    assert wanted <= set(page.ids)


def test_every_drawing_has_a_name(openface: Made) -> None:
    drawings = re.findall(r"<svg[^>]*>", openface.html)
    assert len(drawings) > 20
    assert all("aria-label" in drawing for drawing in drawings)
    assert openface.html.count("<h1") == 1
    assert all("scope" in head for head in re.findall(r"<th\b[^>]*>", openface.html))


def test_the_same_result_makes_the_same_bytes(openface: Made, tmp_path: Path) -> None:
    made = write_report(ReportRequest(openface.csv, openface.manifest, openface.folder / "upload"), tmp_path)
    for name, path in made.items():
        assert path.read_bytes() == (openface.folder / name).read_bytes(), name


def test_what_was_not_measured_is_never_zero(portrait: Made) -> None:
    [face] = portrait.summary["faces"]
    units = face["action_units"]
    assert units["AU04"] == {"support": "not_estimable", "intensity": None, "presence": None}
    assert units["AU12"]["presence"] is None
    with portrait.csv.open() as file:
        [row] = csv.DictReader(file)
    assert row["AU04_r"] == ""
    assert units["AU12"]["intensity"] == pytest.approx(float(row["AU12_r"]), abs=1e-4)
    page = portrait.page
    assert ("bars", "AU04") not in page.rows
    assert page.rows["bars", "AU12"][1:] == [shown(float(row["AU12_r"])), "not measured"]
    assert "Not measured: AU04, AU09" in page.text
    assert "AU04_r" in portrait.summary["not_measured"]


def test_each_measured_unit_states_what_it_rests_on(portrait: Made) -> None:
    assert "Duchenne" in portrait.page.text
    assert "nothing here sees the cheeks" in portrait.page.text


def test_the_portraits_pose_and_box(portrait: Made) -> None:
    with portrait.csv.open() as file:
        [row] = csv.DictReader(file)
    [face] = portrait.summary["faces"]
    assert face["head_pose"]["yaw_deg"] == pytest.approx(math.degrees(float(row["pose_Ry"])), abs=1e-3)
    xs = [float(row[f"x_{i}"]) for i in range(68)]
    assert face["box_px"][0] == pytest.approx(min(xs))
    assert face["box_px"][2] == pytest.approx(max(xs) - min(xs))
    assert f"yaw {shown(face['head_pose']['yaw_deg'], 1)}°" in portrait.page.text


def test_summaries_fit_their_schema(openface: Made, portrait: Made) -> None:
    for made in (openface, portrait):
        assert Summary.model_validate(made.summary).model_dump(mode="json") == made.summary


def test_ten_minutes_of_openface_stay_small(tmp_path: Path) -> None:
    frames = 18_000
    table = write_table(tmp_path / "long.csv", frames)
    made = write_report(ReportRequest(table, manifest_of(table, frames), None, "it was not kept."), tmp_path)
    assert made["report.html"].stat().st_size < 1_500_000
    told = Summary.model_validate_json(made["summary.json"].read_text("utf-8"))
    assert told.frames
    assert told.frames.used == frames - len(LOST) - len(DOUBTED)
    # One each three seconds.
    assert told.tracks[0].blinks
    assert told.tracks[0].blinks.per_minute == pytest.approx(20, abs=0.2)


def test_what_was_changed_since_is_said(openface: Made, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"not a video")
    changed = tmp_path / "changed.csv"
    lines = openface.csv.read_text().splitlines(keepends=True)
    changed.write_text("".join(lines[:-1]))
    made = write_report(ReportRequest(changed, openface.manifest, tmp_path / "bad"), tmp_path)
    text = made["report.html"].read_text("utf-8")
    assert "The table is not the one that the manifest describes" in text
    assert "data:image/jpeg" not in text
    assert "No picture: the file is empty, cut short or no video" in text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("photo\u202egpj.exe", "photo⟨U+202E⟩gpj.exe"),
        ("a\u2066b\u2069", "a⟨U+2066⟩b⟨U+2069⟩"),
        ("שלום.jpg", "שלום.jpg"),
        ("plain.jpg", "plain.jpg"),
    ],
)
def test_characters_that_turn_the_direction_of_text_are_shown(name: str, text: str) -> None:
    assert visible(name) == text
