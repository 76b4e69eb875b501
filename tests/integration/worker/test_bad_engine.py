"""Engines that fail in every way they are known to, behind a real worker: played by stand-in executables."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from service.sandbox import confinement
from service.settings import Settings
from tests.fixtures.media_made import FAKES, clip, jpeg
from tests.integration.worker.conftest import Bench

PICTURE, VIDEO = ("face.jpg", jpeg(), "image"), ("clip.mp4", clip(), "video")

ENDINGS = [
    # behaviour, upload, attempts of the two that it may have, state, code, words for people
    ("ignores_sigterm", PICTURE, 1, "failed", "engine_timeout", "time limit of 2 s"),
    ("crash", PICTURE, 2, "failed", "engine_crashed", "exit code 3"),
    ("crash", VIDEO, 2, "failed", "engine_crashed", "exit code 3"),
    ("killed", VIDEO, 2, "failed", "engine_crashed", "memory"),
    ("silent_success", PICTURE, 2, "failed", "no_output", ""),
    ("silent_success", VIDEO, 2, "failed", "no_output", ""),
    ("half_csv", VIDEO, 2, "failed", "malformed_output", "torn"),
    ("full_disk", VIDEO, 2, "failed", "workspace_full", "full"),
    ("other_columns", VIDEO, 1, "failed", "malformed_output", "missing"),
    ("legacy_431", VIDEO, 1, "failed", "malformed_output", "older than OpenFace 2.0"),
    ("nan_inf", VIDEO, 1, "succeeded", "", ""),
    ("stdout_flood", PICTURE, 1, "succeeded", "", ""),
    ("leaves_children", PICTURE, 1, "succeeded", "", ""),
    ("ok_spaced_dialect", VIDEO, 1, "succeeded", "", ""),
    ("header_only", VIDEO, 1, "succeeded", "", ""),
]


@pytest.mark.parametrize(
    ("behaviour", "upload", "attempts", "state", "code", "says"),
    ENDINGS,
    ids=[f"{behaviour}-{upload[2]}" for behaviour, upload, *_ in ENDINGS],
)
def test_each_ends_in_a_known_state(
    bench: Bench,
    behaviour: str,
    upload: tuple[str, bytes, str],
    attempts: int,
    state: str,
    code: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What may be a whim is tried again and then set aside; what another try cannot mend is set aside at once."""
    monkeypatch.setattr("service.worker.retry_policy.FIRST_DELAY_S", 0.1)
    limits = {"engine_time_limit_s": 1.5, "engine_time_limit_per_media_s": 0.0, "max_attempts": 1}
    job = bench.submit(*upload)  # type: ignore[arg-type]
    with bench.worker(behaviour, **{"max_attempts": 2, **(limits if behaviour == "ignores_sigterm" else {})}):
        bench.settled()
    record = bench.record(job)
    assert (record.state, record.error_code, record.attempts) == (state, code, attempts)
    assert says in record.error_message
    assert len(bench.csvs()) == (state == "succeeded")
    assert len(bench.account.services.queue.poisoned()) == (state == "failed")
    assert _stand_ins_running(bench) == []
    # The log that is quoted in words for people names no folder of this machine.
    assert str(FAKES) not in record.error_message
    assert str(bench.account.settings.workspace) not in record.error_message


def test_a_flood_of_words_leaves_a_small_log(bench: Bench) -> None:
    job = bench.submit(*VIDEO)  # type: ignore[arg-type]
    with bench.worker("stdout_flood"):
        record = bench.finished(job)
    log = bench.place(job).artefact(record.attempt_published, "engine.log")
    assert bench.account.services.blobs.info(bench.account.settings.results_container, log).size < 12 << 20


def test_a_crash_on_the_third_picture_costs_only_another_run(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.worker.retry_policy.FIRST_DELAY_S", 0.5)
    # It counts its runs beside itself, where no engine writes otherwise.
    confinement.configure(Settings.load({"SANDBOX": "off"}))
    installed = _installed("crash_on_third", tmp_path)
    jobs = [bench.submit(f"{number}.jpg", jpeg(number * 30)) for number in range(5)]
    # One engine: two would read and write the count at once.
    with bench.worker(openface_bin_dir=installed, engines=1):
        records = [bench.finished(job) for job in jobs]
        bench.settled()
    assert {record.state for record in records} == {"succeeded"}
    # In a batch it is run again at once, by itself at the next attempt.
    assert sum(record.attempts for record in records) in {5, 6}
    # The picture before it may be run again, too: that it was whole shows only when the next one has begun.
    assert len((installed / "runs").read_text()) in {6, 7}
    assert len(bench.csvs()) == 5


def _installed(behaviour: str, tmp_path: Path) -> Path:
    """A copy of a stand-in with what it imports, so that it can keep a count of its own."""
    folder = tmp_path / "tests" / "fixtures" / "fake_openface" / behaviour
    shutil.copytree(FAKES / behaviour, folder)
    shutil.copy(FAKES / "acting.py", folder.parent)
    (tmp_path / "service").symlink_to(FAKES.parents[2] / "service")
    return folder


def _stand_ins_running(bench: Bench) -> list[str]:
    """Command lines of living processes that a stand-in of this test is, or has started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(bench.account.settings.workspace):
                found.append((process / "cmdline").read_bytes().decode("utf-8", "replace"))
    return found
