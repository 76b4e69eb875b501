"""The manifest's shape, and the verdict on completeness."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from service.engine.table import Intensity, Measures, Table
from service.errors import EngineTimeout
from service.jobs.job import AnalysisJob
from service.jobs.options import JobOptions
from service.results.manifest import (
    STEPS,
    AttemptFacts,
    EngineFacts,
    FrameFacts,
    MediaFacts,
    completeness,
    failed,
    succeeded,
)

MEASURES = Measures(
    confidence_mean=0.95,
    head_pose_deg={"pitch": 1.0, "yaw": -2.00004, "roll": 0.0},
    intensities={"AU12_r": Intensity(1.0, 0.5, 2.5)},
    presence={"AU12_c": 0.25},
    not_measured=("AU04_r",),
)
TABLE = Table(Path("table.csv"), 90, 714, "ab", 1234, 1, 90, 80, 90, MEASURES)
ATTEMPT = AttemptFacts("a1", 2, "worker-1", "2024-05-01T10:00:00Z", "2024-05-01T10:00:09Z")
MEDIA = MediaFacts(10, "cd", "0x1", "video/mp4", {"format": "mp4", "frames": 90, "rate": "25"}, ("turned",))
ENGINE = EngineFacts("lite", "1", None, "permissive", {"m": "ef"}, {"AU12_r": "weak"}, "FeatureExtraction", ["x"], 0)
SECONDS = {"fetch": 0.12345, "engine": 2.0}


def job(media: str = "video", **options: str) -> AnalysisJob:
    return AnalysisJob("box", "a.mp4", "0x1", media, "wild", JobOptions.resolve(media, "wild", options))


def good(asked: AnalysisJob, table: Table = TABLE, expected: int | None = 90) -> dict:
    frames = FrameFacts(expected, None)
    return succeeded(asked, ATTEMPT, MEDIA, ENGINE, SECONDS, frames, table, "a.csv", "0.1.0")


def test_the_manifest_of_a_video_has_every_fact():
    manifest = good(job())
    assert json.loads(json.dumps(manifest)) == manifest
    assert manifest["schema"] == 1
    assert manifest["job"] == {"id": job().job_id, **job().as_dict()}
    assert (manifest["outcome"], manifest["error"]) == ("succeeded", None)
    assert manifest["frames"] == {"expected": 90, "decoded": None, "written": 90, "success": 80}
    assert manifest["completeness"] == {"verdict": "complete", "reason": None}
    assert manifest["csv"] == {"name": "a.csv", "sha256": "ab", "bytes": 1234, "rows": 90, "columns": 714}
    assert manifest["seconds"] == dict.fromkeys(STEPS) | {"fetch": 0.123, "engine": 2.0}
    assert manifest["engine"]["threads"] == 1
    assert manifest["media"]["probe"]["format"] == "mp4"
    assert "rate" not in manifest["media"]["probe"]


def test_the_summary_says_support_and_what_is_not_measured():
    summary = good(job())["summary"]
    assert summary["action_units"] == {
        "AU12_r": {"mean": 1.0, "sd": 0.5, "max": 2.5, "support": "weak"},
        "AU12_c": {"share_present": 0.25, "support": "supported"},
    }
    assert summary["head_pose_deg"] == {"pitch": 1.0, "yaw": -2.0, "roll": 0.0}
    assert summary["success_share"] == pytest.approx(0.8889)
    assert summary["not_measured"] == ["AU04_r"]


def test_a_picture_has_no_frames():
    picture = replace(TABLE, rows=0, faces=0, frames_written=None, frames_success=None, last_frame=None)
    manifest = good(job("image"), picture)
    assert manifest["frames"] is None
    assert manifest["faces"] == 0
    assert manifest["summary"]["success_share"] is None
    assert manifest["completeness"]["verdict"] == "complete"


def test_a_failure_has_the_same_keys():
    manifest = failed(job(), ATTEMPT, EngineTimeout("too slow"), "0.1.0")
    assert list(manifest) == list(good(job()))
    assert manifest["media"].keys() == good(job())["media"].keys()
    assert (manifest["outcome"], manifest["error"]) == (
        "failed",
        {"code": "engine_timeout", "message": "too slow"},
    )
    assert all(manifest[key] is None for key in ("engine", "frames", "faces", "completeness", "csv", "summary"))
    assert manifest["media"]["probe"] is None
    known = failed(job(), ATTEMPT, EngineTimeout(), "0.1.0", MEDIA, ENGINE, SECONDS)
    assert known["engine"]["name"] == "lite"
    assert known["media"]["sha256"] == "cd"


@pytest.mark.parametrize(
    ("media", "every", "expected", "written", "last", "verdict"),
    [
        ("image", True, 1, None, None, "complete"),
        ("video", True, 90, 90, 90, "complete"),
        ("video", True, 90, 91, 91, "partial"),
        ("video", True, 90, 89, 89, "partial"),
        ("video", True, 90, 0, 0, "partial"),
        ("video", True, 90, 60, 90, "partial"),
        ("video", True, None, 90, 90, "partial"),
        ("video", False, 90, 30, 90, "complete"),
        ("video", False, 90, 30, 40, "partial"),
        ("video", False, 90, 0, 0, "partial"),
    ],
)
def test_a_truncated_table_is_never_complete(media, every, expected, written, last, verdict):
    table = replace(TABLE, frames_written=written, last_frame=last)
    judged = completeness(media, expected, table, every_frame_has_rows=every)
    assert judged.verdict == verdict
    assert (judged.reason is None) == (verdict == "complete")
