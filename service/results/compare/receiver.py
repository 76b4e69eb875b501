"""Receive the function app's next-stage calls: fetch the announced table, compare it, keep the verdict.

Each job has a folder below `out` with `verdict.html` and, written last, `verdict.json`. A repeated call is answered
with the verdict that is there.
"""

from __future__ import annotations

import fcntl
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request

from service.errors import AnalysisError
from service.logs import bound, log
from service.results.compare.comparison import compare
from service.results.compare.measured import ResultInfo, measure_table
from service.results.compare.page import page
from service.results.compare.parameters import Parameters
from service.results.compare.signed_call import (
    Announcement,
    check_link,
    check_signature,
    fetch,
)
from service.storage.local_files import replacing

LONGEST_BODY = 4 << 20


@dataclass(frozen=True)
class VerdictService:
    """Compare announced results with the parameters.

    Attributes:
        storage: addresses that tables may be fetched from, such as `https://account.blob.core.windows.net/results/`.
        out: folder of the verdicts.
    """

    parameters: Parameters
    secret: str = field(repr=False)
    storage: tuple[str, ...]
    out: Path
    most_bytes: int

    def judge(self, announced: Announcement) -> dict[str, Any]:
        """Return the verdict, made now or by an earlier call. Raises AnalysisError."""
        folder = self.out / announced.job_id
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "verdict.json"
        with _locked(folder):
            if file.exists():
                log.info("verdict.kept")
                return dict(json.loads(file.read_text("utf-8")))
            return self._judge_anew(announced, file)

    def _judge_anew(self, announced: Announcement, file: Path) -> dict[str, Any]:
        check_link(announced.links.csv, self.storage)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=file.parent) as room:
            csv = Path(room) / "result.csv"
            fetch(announced.links.csv, csv, announced.csv_sha256, self.most_bytes)
            comparison = compare(self.parameters, measure_table(csv, _about(announced)))
            verdict = comparison.as_dict()
            for name, text in (("verdict.html", page(comparison)), (file.name, json.dumps(verdict, indent=2))):
                with replacing(file.parent / name) as beside:
                    beside.write_text(text, "utf-8")
        log.info("verdict.made", verdict=comparison.verdict, sentence=comparison.sentence)
        return verdict


def create_receiver(verdicts: VerdictService) -> Flask:
    """Create the receiver's web application."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LONGEST_BODY
    app.register_error_handler(AnalysisError, _refused)

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @app.post("/")
    def announced() -> Response:
        body = request.get_data(cache=False)
        check_signature(verdicts.secret, dict(request.headers), body)
        call = Announcement.read(body, request.headers.get("Idempotency-Key", ""))
        with bound(job_id=call.job_id, container=call.container, blob=call.blob):
            return jsonify(verdicts.judge(call))

    return app


def _refused(error: AnalysisError) -> tuple[Response, int]:
    log.warning("announcement.refused", code=error.code, error=error.message)
    status = error.http_status
    problem = jsonify(title=status.phrase, status=status, code=error.code, detail=error.message)
    problem.content_type = "application/problem+json"
    return problem, status


def _about(announced: Announcement) -> ResultInfo:
    """Read the manifest of the call, which the signature covers."""
    try:
        return ResultInfo.of(announced.manifest, announced.csv_sha256)
    except (KeyError, TypeError, AttributeError):
        return ResultInfo(media=announced.blob, csv_sha256=announced.csv_sha256, job_id=announced.job_id)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a job's folder against all threads and processes of this machine."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
