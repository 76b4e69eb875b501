"""`python -m infra.local.up`: run the local stack in the foreground until Ctrl-C.

Separate because it is for people: it prints where everything is, and waits.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import click

from infra.local.node import NodeUnavailable
from infra.local.part import PartFailed
from infra.local.stack import DEFAULT_RUN_FOLDER, REPOSITORY, LocalStack, StackOptions, inherited_environ

_LOOK_S = 0.5
_OF_THE_STACK = {"AZURE_STORAGE_CONNECTION_STRING", "STORAGE_ACCOUNT", "HOST", "PORT", "WORKSPACE", "WORKER_NAME"}
"""Settings that the stack gives to its parts itself."""


@click.command()
@click.option("--run-folder", type=click.Path(path_type=Path), default=DEFAULT_RUN_FOLDER, show_default=True)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True)
@click.option("--port", default=8080, show_default=True, help="The service's port, or any if taken.")
def main(run_folder: Path, workers: int, port: int) -> None:
    """Start storage, web, workers and function app, and keep them running until Ctrl-C."""
    stop_on_sigterm()
    settings = settings_of_caller()
    for name in sorted(_OF_THE_STACK & os.environ.keys()):
        click.echo(f"{name} is set and not used: this stack has a storage, ports and folders of its own", err=True)
    options = StackOptions(run_folder=run_folder, workers=workers, web_port=port, extra_env=settings)
    try:
        with LocalStack(options) as stack:
            if settings:
                click.echo(f"settings   {', '.join(sorted(settings))} of this environment\n")
            if not stack.service_url.endswith(f":{port}"):
                click.echo(f"port {port} is taken by another program; --port or PORT=… of `make up` names another\n")
            click.echo(_how_to_use(stack))
            while True:
                stack.check()
                time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        click.echo("stopped")
    except (PartFailed, NodeUnavailable) as error:
        click.echo(str(error), err=True)
        sys.exit(1)


def stop_on_sigterm() -> None:
    """Let SIGTERM end this process as Ctrl-C does: with every part stopped in order."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def settings_of_caller() -> dict[str, str]:
    """Select the caller's variables that are settings of the service and not the stack's own business."""
    listing = subprocess.run(
        [sys.executable, "-m", "service", "settings"],
        cwd=REPOSITORY,
        env=inherited_environ(),
        capture_output=True,
        text=True,
        check=True,
    )
    known = {line.partition("=")[0] for line in listing.stdout.splitlines() if not line.startswith(" ")}
    wanted = (known | {"SETTINGS_FILE", "FACELINE_MODELS"}) - _OF_THE_STACK
    return {name: value for name, value in os.environ.items() if name in wanted}


def _how_to_use(stack: LocalStack) -> str:
    python = Path(sys.executable)
    if python.is_relative_to(REPOSITORY):
        python = python.relative_to(REPOSITORY)
    folder = "" if stack.run_folder == DEFAULT_RUN_FOLDER else f" --run-folder {stack.run_folder}"
    by_function = f"{stack.functions_url}/api/analyse/image/wild/my-upload"
    return f"""\
pages      {stack.service_url}/  (drop files, see faces at once)
service    {stack.service_url}  (its API: {stack.service_url}/docs/)
functions  {stack.functions_url}/api/  (x-functions-key: {stack.function_key})
storage    {stack.connection_string}
logs       {stack.logs}

Upload something; the function app sees it and starts the job:
  {python} -m infra.local.upload tests/fixtures/media/astronaut.png --container my-upload{folder}
Start a job by hand, and wait for it:
  curl -X POST -H 'Prefer: wait=20' '{stack.service_url}/analyse/image/wild/my-upload'
  curl -X POST -H 'x-functions-key: {stack.function_key}' '{by_function}'
See where everything is:
  curl '{stack.service_url}/jobs'

Ctrl-C stops everything."""


if __name__ == "__main__":
    main()
