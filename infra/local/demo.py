"""`python -m infra.local.demo`: send a photo and a video through the whole pipeline, from upload to next stage.

Separate because it is the first thing a newcomer runs: it says yes only for results that are whole.
"""

import shutil
import signal
import sys
import tempfile
import time
import uuid
from contextlib import closing
from pathlib import Path

import click
from rich.console import Console

from infra.local.demo_display import new_console, results_table
from infra.local.demo_media import make_clip
from infra.local.demo_next_stage import NextStage
from infra.local.demo_results import DemoResult, NotWhole, checked_results, replace_folder
from infra.local.node import NodeUnavailable
from infra.local.part import Part, PartFailed
from infra.local.service_command import run_service
from infra.local.stack import DEFAULT_RUN_FOLDER, REPOSITORY, LocalStack, StackOptions
from infra.local.up import stop_on_sigterm
from infra.local.upload import upload

PORTRAIT = REPOSITORY / "tests" / "fixtures" / "media" / "astronaut.png"
RESULTS_FOLDER = REPOSITORY / "demo-results"
EXIT_FAILED, EXIT_INTERRUPTED = 1, 130

_NO_JOB_WITHIN_S = 30.0
_NEXT = """
Open a report.html above in a browser. Then
  .venv/bin/faceline analyse YOUR-PHOTO.jpg --out results   measure a file of yours
  make up                                                   leave the pages running: drop files, see faces at once
  docs/quickstart.md                                        the first hour"""


@click.command()
@click.option("--time-limit-s", default=180.0, show_default=True, help="Give up after this.")
def main(time_limit_s: float) -> None:
    """Start the local stack, upload a portrait and a clip, show the measurements, stop."""
    stop_on_sigterm()
    console = new_console()
    DEFAULT_RUN_FOLDER.mkdir(exist_ok=True)
    run_folder = Path(tempfile.mkdtemp(prefix="demo-", dir=DEFAULT_RUN_FOLDER))
    try:
        results = _run(console, run_folder, time_limit_s)
    except KeyboardInterrupt:
        console.print("stopped")
        # Ctrl-C again while the folder goes must not leave a traceback.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        shutil.rmtree(run_folder, ignore_errors=True)
        sys.exit(EXIT_INTERRUPTED)
    except (PartFailed, NodeUnavailable, NotWhole, FileNotFoundError) as error:
        console.print(f"failed: {error}", markup=False, highlight=False)
        console.print(f"logs: {run_folder / 'logs'}", markup=False, highlight=False)
        sys.exit(EXIT_FAILED)
    shutil.rmtree(run_folder, ignore_errors=True)
    console.print(results_table(results))
    for result in results:
        # Outside the table: a path that a narrow terminal wraps cannot be copied.
        beside = (result.csv_file.with_name(name) for name in ("report.html", "verdict.html"))
        for file in (result.csv_file, *(file for file in beside if file.exists())):
            click.echo(file.relative_to(REPOSITORY))
    click.echo(_NEXT)


def _run(console: Console, run_folder: Path, time_limit_s: float) -> list[DemoResult]:
    console.print("making the clip, starting storage, web, worker and function app …", highlight=False)
    clip = run_folder / "moving-face.mp4"
    make_clip(PORTRAIT, clip)
    next_stage = NextStage(run_folder)
    next_stage.make_reference(PORTRAIT)
    options = StackOptions(run_folder=run_folder, extra_env=next_stage.function_settings)
    with LocalStack(options) as stack, closing(next_stage):
        next_stage.start(stack)
        # Static action units, which alone can be compared with a single picture's.
        containers = [_upload(stack, PORTRAIT), _upload(stack, clip, faceline_au="static")]
        _follow(stack, containers, time_limit_s)
        results = _download(stack, containers, run_folder / "results")
        return next_stage.add_verdicts(results, stack.check)


def _upload(stack: LocalStack, file: Path, **metadata: str) -> str:
    """Upload into a new container, as the function app expects; return its name."""
    container = str(uuid.uuid4())
    upload(stack.connection_string, file, container, {"media_type": "wild", **metadata})
    return container


def _follow(stack: LocalStack, containers: list[str], time_limit_s: float) -> None:
    """Watch until the jobs that the function app started have ended well. Raises PartFailed."""
    deadline = time.monotonic() + time_limit_s

    def check() -> None:
        stack.check()
        if time.monotonic() > deadline:
            raise _gave_up(stack.worker(0), f"did not finish within {time_limit_s:.0f} s")

    appear = ("--appear-s", str(_NO_JOB_WITHIN_S))
    if run_service("watch", *containers, *appear, "--url", stack.service_url, while_running=check):
        raise _gave_up(stack.worker(0), "did not end every job well")


def _download(stack: LocalStack, containers: list[str], beside: Path) -> list[DemoResult]:
    """Fetch the results in place of an earlier demo's. Raises PartFailed, NotWhole."""
    to = ("--out", str(beside), "--url", stack.service_url)
    if run_service("download", *containers, *to, while_running=stack.check, quiet=True):
        raise _gave_up(stack.web, "did not give every result")
    replace_folder(beside, RESULTS_FOLDER)
    return checked_results(RESULTS_FOLDER, len(containers))


def _gave_up(part: Part, reason: str) -> PartFailed:
    return PartFailed(part.name, reason, part.log_tail())


if __name__ == "__main__":
    main()
