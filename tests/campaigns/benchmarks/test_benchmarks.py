"""The benchmarks as people run them, as small as they can be: their figures have names and signs, not values."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.media import padded, zeros
from benchmarks.overhead import CLIP_RATIO_AT_MOST, PHOTO_EXTRA_AT_MOST_S
from benchmarks.site import BENCH_FOLDER, STEPS
from infra.local.stack import REPOSITORY

SMALLEST = {
    "overhead": ["--runs", "1", "--photo-runs", "1", "--rest-runs", "1", "--clip-s", "1", "--rest-s", "0"],
    "streaming": ["--mb", "8"],
}


def figures_of(benchmark: str, into: Path) -> dict[str, Any]:
    before = set(BENCH_FOLDER.glob("run-*"))
    file = into / f"{benchmark}.json"
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{benchmark}", *SMALLEST[benchmark], "--json", str(file)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Other load on the machine distorts" in done.stdout
    assert set(BENCH_FOLDER.glob("run-*")) <= before
    figures = json.loads(file.read_text())
    assert figures["benchmark"] == benchmark
    assert {"cpus", "python", "date", "load_1_min"} <= figures["machine"].keys()
    return figures


def test_overhead_compares_bare_runs_with_the_pipelines(tmp_path: Path) -> None:
    figures = figures_of("overhead", tmp_path)
    assert figures["engine"]["name"]
    photo, at_rest, clip = figures["media"]
    assert photo["aim"] == at_rest["aim"] == {"of": "extra_s", "at_most": PHOTO_EXTRA_AT_MOST_S}
    assert clip["aim"] == {"of": "ratio", "at_most": CLIP_RATIO_AT_MOST}
    for each in figures["media"]:
        assert each["runs"] == len(each["bare_runs_s"]) == len(each["pipeline_runs_s"]) == 1
        assert each["met"] is (each[each["aim"]["of"]] <= each["aim"]["at_most"])
        assert each["bare_s"] > 0 and each["ratio"] > 0
        assert each["settled_s"] > 0
        assert list(each["steps_s"]) == list(STEPS)
        # Whole milliseconds in the manifest; nothing else is lost between the steps.
        assert sum(each["steps_s"].values()) == pytest.approx(each["pipeline_s"], abs=0.01)
        assert min(each["steps_s"].values()) > -0.01
        assert each["steps_s"]["engine"] > 0


def test_streaming_compares_peak_memory_with_idle(tmp_path: Path) -> None:
    figures = figures_of("streaming", tmp_path)
    assert (figures["blob_mib"], figures["aim_mib"]) == (8, 64)
    whole, refused = figures["blobs"]
    assert (whole["state"], whole["error"]) == ("succeeded", None)
    assert (refused["state"], refused["error"]) == ("failed", "unreadable_media")
    for each in figures["blobs"]:
        assert 0 < each["idle_mib"] < each["peak_mib"]
        assert each["difference_mib"] == pytest.approx(each["peak_mib"] - each["idle_mib"])
        assert each["met"] is (each["difference_mib"] <= 64)
        assert each["after_mib"] > 0
        assert each["seconds"] > 0
        assert "probe" in each["peak_by_step_mib"]
        assert max(each["peak_by_step_mib"].values()) <= each["peak_mib"]


def test_huge_files_take_no_room(tmp_path: Path) -> None:
    video = tmp_path / "video.mp4"
    video.write_bytes(b"video")
    huge = [padded(video, tmp_path / "padded.mp4", 1 << 30), zeros(tmp_path / "zeros.mp4", 1 << 30)]
    assert [file.stat().st_size for file in huge] == [1 << 30] * 2
    assert max(file.stat().st_blocks * 512 for file in huge) < 1 << 20
    with huge[0].open("rb") as file:
        assert file.read(13) == b"video" + ((1 << 30) - 5).to_bytes(4, "big") + b"free"
