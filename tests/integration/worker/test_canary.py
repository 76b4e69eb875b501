"""The reference picture, by an engine whose numbers are as recorded, and then are not."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from click.testing import Result

from service.worker.canary_record import PICTURE, TOLERANCES, Record, compared
from tests.fixtures.media_made import FAKES, clip, jpeg
from tests.integration.cli.conftest import CommandLine, environ_of
from tests.integration.worker.conftest import Bench

ENGINE = f"""#!/usr/bin/env python3
import sys
from pathlib import Path

sys.path.insert(0, {str(FAKES)!r})
import acting

whole_cell = acting.cell
shift = float((Path(__file__).parent / "shift").read_text())


def cell(column, *rest, **more):
    value = whole_cell(column, *rest, **more)
    return f"{{float(value) + shift:.1f}}" if column.startswith("x_") else value


acting.cell = cell
acting.whole()
"""


@dataclass(frozen=True)
class StandIn:
    """An engine that can be made to drift, with a record or without."""

    folder: Path
    records: Path
    bench: Bench

    def shift(self, pixels: float) -> None:
        """From now on all landmarks are so far to the right."""
        (self.folder / "shift").write_text(str(pixels))

    def command(self, *words: str) -> Result:
        own = {"OPENFACE_BIN_DIR": str(self.folder), "CANARY_RECORDS": str(self.records)}
        return CommandLine(environ_of(self.bench.account.settings) | own)("canary", *words)

    @contextmanager
    def watched(self, **settings: object) -> Iterator[list[dict]]:
        """A worker with this engine, and what it logs."""
        own = {"openface_bin_dir": self.folder, "canary_records": self.records, "canary_every_s": 0.2, **settings}
        with structlog.testing.capture_logs() as lines, self.bench.worker(**own):
            yield lines


@pytest.fixture
def stand_in(bench: Bench, tmp_path: Path) -> StandIn:
    folder = tmp_path / "engine"
    folder.mkdir()
    (folder / "engine.json").write_text('{"name": "stand-in", "version": "1", "licence_class": "permissive"}')
    for name in ("FaceLandmarkImg", "FeatureExtraction"):
        (folder / name).write_text(ENGINE)
        (folder / name).chmod(0o755)
    own = StandIn(folder, tmp_path / "records", bench)
    own.shift(0)
    return own


def events(lines: list[dict], name: str) -> list[dict]:
    return [line for line in lines if line["event"] == name]


def test_what_is_recorded_is_what_is_measured_until_it_is_not(stand_in: StandIn) -> None:
    assert stand_in.command().exit_code == 1
    assert stand_in.command("--record").exit_code == 0
    assert stand_in.command().exit_code == 0
    stand_in.shift(3)
    done = stand_in.command("--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["good"], told["drift"]) == (1, False, 3.0)
    drifts = {group["group"]: group["tolerances"] for group in told["groups"]}
    assert drifts.pop("landmarks, pixels") == 3.0
    assert set(drifts.values()) == {0.0}
    # A record is not overwritten by mistake.
    again = stand_in.command("--record")
    assert again.exit_code == 2
    assert "remove that first" in again.output


def test_the_shipped_record_is_what_the_embedded_analyser_measures(bench: Bench) -> None:
    done = CommandLine(environ_of(bench.account.settings))("canary", "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 0, told
    assert [group["group"] for group in told["groups"]] == [name for name, _, _ in TOLERANCES]


def test_a_drifting_worker_is_withdrawn_and_comes_back(stand_in: StandIn) -> None:
    bench = stand_in.bench
    stand_in.command("--record")
    with stand_in.watched(canary_withdraw=True) as lines:
        first = bench.submit("first.jpg", jpeg(10))
        assert bench.finished(first).state == "succeeded"
        stand_in.shift(4)
        bench.until(lambda: bool(events(lines, "canary.drift")))
        late = bench.submit("late.jpg", jpeg(20))
        time.sleep(0.8)
        assert bench.record(late).state == "queued"
        stand_in.shift(0)
        assert bench.finished(late).state == "succeeded"
    [drift, *_] = events(lines, "canary.drift")
    assert (drift["log_level"], drift["worst"][:2], drift["drift"]) == ("error", "x_", 4.0)
    assert (drift["engine"], drift["withdrawn"]) == ("stand-in 1", True)


def test_what_is_in_hand_is_finished_by_a_withdrawn_worker(stand_in: StandIn) -> None:
    bench = stand_in.bench
    stand_in.command("--record")
    with stand_in.watched(canary_withdraw=True, engines=2) as lines:
        bench.until(lambda: bool(events(lines, "canary.passed")))
        job = bench.submit("clip.mp4", clip(frames=60), media="video")
        bench.until(lambda: bench.record(job).state == "running")
        stand_in.shift(4)
        bench.until(lambda: bool(events(lines, "canary.drift")))
        assert bench.finished(job).state == "succeeded"


def test_without_withdrawing_a_drift_is_told_and_work_goes_on(stand_in: StandIn) -> None:
    stand_in.command("--record")
    stand_in.shift(2)
    with stand_in.watched(canary_every_s=60.0) as lines:
        stand_in.bench.until(lambda: bool(events(lines, "canary.drift")))
        job = stand_in.bench.submit("face.jpg", jpeg())
        assert stand_in.bench.finished(job).state == "succeeded"


def test_an_engine_of_which_nothing_is_recorded_is_told_of_and_works(stand_in: StandIn) -> None:
    with stand_in.watched(canary_withdraw=True) as lines:
        job = stand_in.bench.submit("face.jpg", jpeg())
        assert stand_in.bench.finished(job).state == "succeeded"
    assert len(events(lines, "canary.no_record")) == 1
    assert not events(lines, "canary.passed")


def test_an_engine_that_cannot_measure_it_drifts_beyond_all_bounds(stand_in: StandIn) -> None:
    stand_in.command("--record")
    (stand_in.folder / "shift").write_text("nonsense")
    with stand_in.watched(canary_withdraw=True) as lines:
        stand_in.bench.until(lambda: bool(events(lines, "canary.drift")))
    [drift, *_] = events(lines, "canary.drift")
    assert (drift["drift"], drift["error_code"]) == ("unmeasured", "engine_crashed")


def test_a_record_of_another_picture_is_refused(stand_in: StandIn) -> None:
    stand_in.command("--record")
    [path] = stand_in.records.iterdir()
    path.write_text(path.read_text().replace('"picture_sha256": "', '"picture_sha256": "0'))
    done = stand_in.command()
    assert done.exit_code == 2
    assert "another picture" in done.output


def test_a_value_that_is_gone_is_a_drift() -> None:
    record = Record("one", {"x_0": 10.0, "AU12_r": 1.0})
    [landmarks, units] = record.drifts(compared({"x_0": "10.4", "AU12_r": ""}))
    assert (landmarks.tolerances, units.tolerances) == (pytest.approx(0.4), math.inf)


def test_the_picture_has_a_provenance() -> None:
    assert PICTURE.name in (PICTURE.parent / "PROVENANCE.md").read_text()
