"""Methods paragraph, citations and cautions: true of the engine that measured, and readable by other tools."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from pybtex.database import parse_string

from infra.local.stack import REPOSITORY
from service.engine.columns import INTENSITIES, PRESENCES, VIDEO_HEAD
from service.results.citations import OF_LITE_0_2, OF_OPENFACE, bibliography
from service.results.manifest_reader import ManifestReader
from service.results.methods import certificate, methods, methods_file
from service.results.quality_gate import gate
from service.results.summary import BOX, GAZE, POSE, summarise
from service.results.summary_model import Summary

COLUMNS = ["face", *VIDEO_HEAD, *POSE.values(), *GAZE.values(), *BOX, *INTENSITIES, *PRESENCES]
SHA = "cd" * 32


def table_of(rows: list[dict[str, float]]) -> pd.DataFrame:
    """Rows at 25 frames a second; what is not given is nan."""
    given = [
        {"frame": i + 1, "face_id": 0, "timestamp": i / 25, "confidence": 0.98, "success": 1} | row
        for i, row in enumerate(rows)
    ]
    return pd.DataFrame(given, columns=COLUMNS).astype(float)


def summarised(rows: list[dict[str, float]], **manifest: Any) -> tuple[Summary, ManifestReader]:
    base = {
        "job": {"media": "video", "media_type": "wild", "options": {"faces": "one", "au": "dynamic"}},
        "media": {"probe": {"width": 640, "height": 480, "frame_rate": 25.0, "duration_s": 4.0}},
        "engine": {"name": "OpenFace", "version": "2.2.0", "command": "FeatureExtraction", "exit_code": 0},
        "frames": {"expected": len(rows), "decoded": None},
        "csv": {"sha256": SHA, "rows": len(rows)},
        "completeness": {"verdict": "complete", "reason": None},
    }
    whole = base | manifest
    return summarise(table_of(rows), SHA, whole, gate()), ManifestReader(whole)


def codes(summary: Summary) -> set[str]:
    return {caution.code for caution in summary.cautions}


LITE_0_2 = {"name": "openface_lite", "version": "0.2.0", "au_support": {"AU12_r": "supported", "AU26_r": "weak"}}
LITE = json.loads((REPOSITORY / "openface_lite" / "bin" / "engine.json").read_text())
NAMED_BY_LITE = {work["key"] for work in LITE["citations"]}


@pytest.mark.parametrize(
    ("engine", "keys"),
    [
        ({"name": "OpenFace"}, {work.key for work in OF_OPENFACE}),
        (LITE_0_2, {work.key for work in OF_LITE_0_2}),
        (LITE, NAMED_BY_LITE),
    ],
)
def test_bibtex_parses_and_holds_what_the_methods_cite(engine: dict[str, Any], keys: set[str]) -> None:
    summary, facts = summarised([{"AU12_r": 1.0}] * 5, engine=engine)
    entries = parse_string(bibliography(facts), "bibtex").entries
    assert set(entries) == keys
    assert all(entry.persons["author"] and entry.fields["title"] for entry in entries.values())
    paragraph = methods(summary, facts)
    assert all(f"[{key}]" in paragraph for key in entries)
    assert all(f"[{key}]" in methods_file(summary, facts) for key in entries)


def test_openface_is_not_claimed_where_another_measured() -> None:
    summary, facts = summarised([{"AU12_r": 1.0}] * 5, engine=LITE)
    paragraph = methods(summary, facts)
    assert f"measured with openface_lite {LITE['version']}" in paragraph
    assert "is not OpenFace" in paragraph
    assert "measured with OpenFace" not in paragraph
    assert "baltrusaitis" not in paragraph + bibliography(facts)
    assert "AU26 and AU45 (AU02, AU05, AU07, AU10 and AU26 weakly) and the presence of AU45;" in paragraph
    assert {"not_openface", "weak_action_units", "not_measured", "cheeks_not_seen"} <= codes(summary)


def test_citations_of_a_hostile_manifest_are_left_out() -> None:
    hostile = {"key": "a}\n@misc{x", "kind": "misc", "what": "", "fields": {"title": "t"}}
    unbalanced = {"key": "b", "kind": "misc", "what": "", "fields": {"title": "t}"}}
    engine = {"name": "other", "citations": [hostile, unbalanced, "no mapping"]}
    _, facts = summarised([{"AU12_r": 1.0}] * 5, engine=engine)
    assert not parse_string(bibliography(facts), "bibtex").entries


def test_an_unknown_engine_has_no_publications() -> None:
    summary, facts = summarised([{"AU12_r": 1.0}] * 5, engine={"name": "other}\n@misc{x"})
    assert not parse_string(bibliography(facts), "bibtex").entries
    assert "other" in methods(summary, facts)


def test_the_methods_count_frames() -> None:
    rows = [{"AU12_r": 1.0}] * 90 + [{"AU12_r": 5.0, "success": 0}] * 10
    paragraph = methods(*summarised(rows))
    assert "The table holds 100 of 100 frames; a face was tracked in 90." in paragraph
    assert "the 90 frames with success 1 and a confidence of at least 0.75 (90.0%)" in paragraph
    assert "dynamic action-unit models" in paragraph


def test_the_certificate_repeats_verdict_reason_and_hash() -> None:
    summary, facts = summarised(
        [{"AU12_r": 1.0}] * 50, completeness={"verdict": "partial", "reason": "50 of 60 frames"}
    )
    named = dict(certificate(summary, facts))
    assert (named["Verdict"], named["Reason"]) == ("partial", "50 of 60 frames")
    assert named["Equal to the manifest's SHA-256"] == "yes"
    assert named["Exit code of the engine"] == "0"
    other = summary.model_copy(update={"table": summary.table.model_copy(update={"as_published": False})})
    assert dict(certificate(other, facts))["Equal to the manifest's SHA-256"] == "NO"


@pytest.mark.parametrize(
    ("rows", "manifest", "code"),
    [
        ([{"AU01_r": 0.0, "AU01_c": 1.0}] * 20, {}, "presence_disagrees"),
        ([{"AU01_r": 2.0, "success": 0}] * 20, {}, "nothing_counts"),
        ([{"box_height": 40.0}] * 20, {}, "small_faces"),
        ([{"pose_Rz": 1.5}] * 20, {}, "lying"),
        ([{"pose_Ry": -0.7}] * 20, {}, "turned_away"),
        ([{"confidence": 0.5}] * 20, {}, "low_confidence"),
        ([{}] * 20, {}, "short"),
        ([{"face_id": 0}, {"face_id": 1}] * 20, {}, "slots"),
        ([{}] * 20, {"media": {"preparation": ["rotated 90° upright"]}}, "prepared"),
        ([{}] * 20, {"media": {"preparation": ["resampled from variable to 30 fps"]}}, "variable_frame_rate"),
        ([{}] * 20, {"media": {"probe": {"frame_rate": 10.0}}}, "few_frames"),
        ([{}] * 20, {"csv": {"sha256": "00"}}, "table_changed"),
        ([{}] * 20, {"completeness": {"verdict": "partial", "reason": "cut"}}, "partial"),
        ([{}] * 20, {"engine": {"name": "OpenFace", "licence_class": "research-only"}}, "research_only"),
        ([{}] * 3100, {}, "long_clip"),
        (
            [{"face": 0, "box_height": 200.0}],
            {"job": {"media": "image", "options": {"multi_view": True}}},
            "confidence_of_another_view",
        ),
    ],
)
def test_cautions_appear_where_they_apply(rows: list[dict[str, float]], manifest: dict[str, Any], code: str) -> None:
    summary, _ = summarised(rows, **manifest)
    assert code in codes(summary)
    # Whole, upright, well seen for long enough, calm: none of these.
    calm, _ = summarised([{"AU01_r": 0.2, "AU01_c": 0.0, "box_height": 200.0, "pose_Ry": 0.1, "pose_Rz": 0.0}] * 300)
    assert code not in codes(calm)


def test_statistics_are_of_the_rows_that_count() -> None:
    rows = [{"AU12_r": 2.0}] * 4 + [{"AU12_r": 5.0, "success": 0}, {"AU12_r": 5.0, "confidence": 0.74}]
    summary, _ = summarised(rows)
    intensity = summary.tracks[0].action_units["AU12"].intensity
    assert intensity
    assert (intensity.spread.n, intensity.spread.mean, intensity.spread.max) == (4, 2.0, 2.0)
    assert (summary.rows.without_success, summary.rows.low_confidence) == (1, 1)
    # A gate of one's own is told in the summary.
    other = summarise(table_of(rows), SHA, {"job": {"media": "video"}}, gate(0.6))
    assert (other.gate.confidence, other.rows.used) == (0.6, 5)


def test_what_was_not_measured_is_null() -> None:
    summary, _ = summarised([{"AU12_r": 2.0}] * 4)
    units = summary.tracks[0].action_units
    assert (units["AU04"].intensity, units["AU04"].presence) == (None, None)
    assert (units["AU28"].intensity, units["AU12"].presence) == (None, None)
    assert summary.tracks[0].blinks is None
    assert summary.tracks[0].head_pose.yaw_deg is None
    assert "AU04_r" in summary.not_measured


def test_a_manifest_that_says_nothing_is_no_error() -> None:
    empty = table_of([]).drop(columns=["frame", "face_id", "timestamp", "success"]).assign(face=[])
    summary = summarise(empty, SHA, {"schema": 1}, gate())
    assert (summary.completeness.verdict, summary.rows.total, summary.engine) == ("unknown", 0, None)
    assert methods(summary, ManifestReader({"schema": 1}))


def test_a_gate_is_a_share() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        gate(70)
