"""Everything a first user uploads by mistake: each ends in a known state, in words, and the worker goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from infra.local.azurite import Azurite
from service.jobs.job import AnalysisJob, QueuedJob
from service.jobs.media_kind import Media
from service.settings import REPOSITORY
from tests.conftest import account_on
from tests.fixtures import clips
from tests.fixtures.media_made import jpeg
from tests.integration.worker.conftest import Bench

LITE = REPOSITORY / "openface_lite" / "bin"


@dataclass(frozen=True)
class Upload:
    """A file, what it is uploaded as, and how its job must end.

    Attributes:
        code: of the failure; empty where a result is right.
        says: words of the sentence for people, or of the preparation that the manifest tells.
    """

    name: str
    media: Media
    make: Callable[[Path], bytes]
    code: str = ""
    says: str = ""
    verdict: str = "complete"


def _png(width: int, height: int) -> bytes:
    return cv2.imencode(".png", np.zeros((height, width, 3), np.uint8))[1].tobytes()


def _clip(folder: Path, **more: object) -> Path:
    return clips.clip(folder / "clip.mp4", **more)  # type: ignore[arg-type]


def _cut(folder: Path, share: float, **more: object) -> bytes:
    return clips.cut(_clip(folder, **more), folder / "cut.mp4", share).read_bytes()


def _without_frames(folder: Path) -> bytes:
    """A container with a video track that holds nothing."""
    import av

    path = folder / "none.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    return path.read_bytes()


UPLOADS = [
    Upload("empty.jpg", "image", lambda _: b"", "unreadable_media", "empty"),
    Upload("empty.mp4", "video", lambda _: b"", "unreadable_media", "empty"),
    Upload("text.jpg", "image", lambda _: b"dear diary, " * 50, "unreadable_media"),
    Upload("text.mp4", "video", lambda _: b"dear diary, " * 50, "unreadable_media"),
    Upload("cut.jpg", "image", lambda _: jpeg()[: len(jpeg()) // 2], "unreadable_media", "cut short"),
    Upload("cut.png", "image", lambda _: _png(64, 64)[:60], "unreadable_media"),
    Upload("no-index.mp4", "video", lambda folder: _cut(folder, 0.5), "unreadable_media"),
    Upload(
        "cut-tail.mp4",
        "video",
        lambda folder: _cut(folder, 0.8, frames=60, movflags="faststart", codec="mpeg4"),
        says="of 60 frames",
        verdict="partial",
    ),
    Upload(
        "sound.mp4", "video", lambda folder: clips.sound(folder / "s.mp4").read_bytes(), "unsupported_media", "sound"
    ),
    Upload("none.mkv", "video", _without_frames, "unreadable_media"),
    Upload("picture.mp4", "video", lambda _: jpeg(), "unreadable_media"),
    Upload("clip.jpg", "image", lambda folder: _clip(folder).read_bytes(), "unreadable_media"),
    Upload("pdf.png", "image", lambda _: b"%PDF-1.7\n" + bytes(50), "unsupported_media", "PDF"),
    Upload("one.png", "image", lambda _: _png(1, 1)),
    Upload("thin.png", "image", lambda _: _png(1, 900)),
    Upload("wide.png", "image", lambda _: _png(4000, 3000), "media_too_large", "limit is 10 million"),
    Upload("long.mp4", "video", lambda folder: _clip(folder, frames=150, rate=25).read_bytes(), "media_too_large", "5"),
    Upload(
        "variable.mp4",
        "video",
        lambda folder: _clip(folder, times_ms=[0, 40, 80, 200, 240, 280, 500, 540, 580, 800]).read_bytes(),
        says="shown to the engine frame by frame at a nominal 25 fps",
    ),
    Upload(
        "turned.mp4",
        "video",
        lambda folder: clips.turned(_clip(folder), folder / "t.mp4", clips.QUARTER_CLOCKWISE).read_bytes(),
        says="rotated 90° upright",
    ),
]


@dataclass(frozen=True)
class Ended:
    """What one worker has left of all uploads."""

    bench: Bench
    jobs: dict[str, AnalysisJob]
    poisoned: list[AnalysisJob]
    csvs: list[str]
    folder: Path


@pytest.fixture(scope="module")
def ended(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Every upload worked on by one worker that is still well afterwards."""
    folder = tmp_path_factory.mktemp("uploads")
    bench = Bench(account_on(azurite, folder))
    jobs = {upload.name: bench.submit(upload.name, upload.make(folder), upload.media) for upload in UPLOADS}
    with bench.worker(max_megapixels=10.0, max_duration_s=5.0, openface_bin_dir=LITE):
        bench.settled(within_s=90)
        after = bench.submit("after.jpg", jpeg())
        assert bench.finished(after).state == "succeeded"
    poisoned = [QueuedJob.decode(text).job for text in bench.account.services.queue.poisoned()]
    return Ended(bench, jobs, poisoned, bench.csvs(), folder)


@pytest.mark.parametrize("upload", UPLOADS, ids=lambda upload: upload.name)
def test_each_ends_in_a_known_state(ended: Ended, upload: Upload) -> None:
    job = ended.jobs[upload.name]
    record, manifest = ended.bench.record(job), ended.bench.manifest(job)
    csvs = [name for name in ended.csvs if f"/{job.job_id}/" in name]
    if upload.code:
        assert (record.state, record.error_code, record.attempts) == ("failed", upload.code, 1)
        assert upload.says.lower() in record.error_message.lower()
        assert manifest["error"] == {"code": record.error_code, "message": record.error_message}
        assert (csvs, ended.poisoned.count(job)) == ([], 1)
    else:
        assert record.state == "succeeded", record.error_message
        assert manifest["completeness"]["verdict"] == upload.verdict
        told = [*manifest["media"]["preparation"], manifest["completeness"]["reason"] or ""]
        assert any(upload.says in words for words in told)
        assert (len(csvs), ended.poisoned.count(job)) == (1, 0)
    # A sentence for people: no path of this machine, and not a traceback.
    assert str(ended.folder) not in record.error_message
    assert "Traceback" not in record.error_message


def test_a_blob_over_the_size_limit_is_not_downloaded_whole(bench: Bench) -> None:
    job = bench.submit("big.jpg", b"\xff" * (6 << 20))
    with bench.worker(max_media_mb=1):
        record = bench.finished(job)
    assert (record.state, record.error_code) == ("failed", "media_too_large")
    assert "limit is 1 MiB" in record.error_message


def test_a_turned_clip_is_measured_upright(bench: Bench, tmp_path: Path) -> None:
    """The stored frames lie on their side; the face must be found and stand upright in the table."""
    import io

    import pandas as pd

    from infra.local.demo_media import make_clip
    from tests.conftest import ASTRONAUT

    make_clip(ASTRONAUT, tmp_path / "upright.mp4", frames=12)
    lying = _lying(tmp_path / "upright.mp4", tmp_path / "lying.mp4")
    turned = clips.turned(lying, tmp_path / "turned.mp4", clips.QUARTER_CLOCKWISE)
    job = bench.submit("phone.mp4", turned.read_bytes(), "video")
    with bench.worker(openface_bin_dir=LITE):
        assert bench.finished(job).state == "succeeded"
    place = bench.place(job)
    table = pd.read_csv(io.BytesIO(bench.account.services.blobs.read(place.container, place.csv)))
    assert table["success"].mean() == 1
    assert table["pose_Rz"].abs().max() < 0.5
    assert (table["y_8"] > table["y_27"]).all()


def _lying(source: Path, target: Path) -> Path:
    """The clip's frames turned a quarter back, as a phone held upright stores them."""
    import av

    with av.open(str(source)) as clip, av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 480, 640, "yuv420p"
        for frame in clip.decode(video=0):
            picture = np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24")))
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        out.mux(stream.encode())
    return target
