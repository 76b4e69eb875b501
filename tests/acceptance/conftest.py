"""The whole pipeline as processes: real storage, gunicorn, workers, engine and function app."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.storage.blob import BlobServiceClient

from infra.local.stack import LocalStack, StackOptions
from tests.cloud_function.stand_in import StandIn, serving

LEASE_S = 4
SECRET = "a secret of sixteen or more"


@dataclass(frozen=True)
class Site:
    """A running stack, and what tests ask of it."""

    stack: LocalStack
    receiver: StandIn

    @property
    def storage(self) -> BlobServiceClient:
        return BlobServiceClient.from_connection_string(self.stack.connection_string)

    def upload(self, name: str, content: bytes) -> str:
        """Into a new container; returns the container."""
        container = str(uuid.uuid4())
        with self.storage as storage:
            storage.create_container(container).upload_blob(name, content)
        return container

    def jobs(self, container: str) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.stack.service_url}/jobs", params={"container": container}, timeout=10)
        return list(answer.json()["jobs"])

    def job(self, container: str) -> dict[str, Any]:
        """The only job of a container, once the function has submitted it."""
        self.until(lambda: self.jobs(container))
        [job] = self.jobs(container)
        return job

    def finished(self, container: str, within_s: float = 60) -> dict[str, Any]:
        self.until(lambda: self.job(container)["times"]["finished"], within_s)
        return self.job(container)

    def results(self, container: str) -> dict[str, bytes]:
        """Every result of a container's uploads, by what follows the container in its name."""
        with self.storage as storage:
            client = storage.get_container_client("results")
            names = list(client.list_blob_names(name_starts_with=f"{container}/"))
            return {name[len(container) + 1 :]: client.download_blob(name).readall() for name in names}

    def log_lines(self, part: str) -> list[dict[str, Any]]:
        text = (self.stack.logs / f"{part}.log").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def until(self, reached: Callable[[], object], within_s: float = 60) -> None:
        deadline, pause_s = time.monotonic() + within_s, 0.1
        while not reached():
            self.stack.check()
            assert time.monotonic() < deadline, "took too long"
            time.sleep(pause_s)
            # Each look is a request, and costs the processor that is waited for.
            pause_s = min(1.2 * pause_s, 0.4)


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(StandIn(status=204)) as receiver:
        extra = {
            "LEASE_S": str(LEASE_S),
            "WEB_WORKERS": "1",
            "DETECT_CHILDREN": "1",
            "NEXT_STAGE_URL": receiver.url,
            "NEXT_STAGE_SECRET": SECRET,
        }
        options = StackOptions(run_folder=tmp_path_factory.mktemp("site"), workers=2, extra_env=extra)
        with LocalStack(options) as stack:
            yield Site(stack, receiver)


@pytest.fixture(scope="session")
def moving_face(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], bytes]:
    """Clips of the demo's moving face, repeated to a multiple of its length."""
    from infra.local.demo_media import make_clip
    from tests.conftest import ASTRONAUT

    once = tmp_path_factory.mktemp("clips") / "once.mp4"
    make_clip(ASTRONAUT, once)

    def repeated(times: int) -> bytes:
        return once.read_bytes() if times == 1 else _repeat(once, times)

    return repeated


def _repeat(clip: Path, times: int) -> bytes:
    import io

    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for _ in range(times):
            with av.open(str(clip)) as source:
                for frame in source.decode(video=0):
                    # A new frame: the old one's times belong to another clip.
                    out.mux(stream.encode(av.VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"))))
        out.mux(stream.encode())
    return buffer.getvalue()
