"""`python -m infra.local.up`: run the local stack in the foreground until Ctrl-C.

Separate because it is for people: it prints where everything is, and waits.
"""

import signal
import sys
import time
from pathlib import Path
from types import FrameType

import click

from infra.local.node import NodeUnavailable
from infra.local.part import PartFailed
from infra.local.stack import DEFAULT_RUN_FOLDER, REPOSITORY, LocalStack, StackOptions

_LOOK_S = 0.5


@click.command()
@click.option("--run-folder", type=click.Path(path_type=Path), default=DEFAULT_RUN_FOLDER, show_default=True)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True)
@click.option("--port", default=8080, show_default=True, help="The service's port, or any if taken.")
def main(run_folder: Path, workers: int, port: int) -> None:
    """Start storage, web, workers and function app, and keep them running until Ctrl-C."""
    stop_on_sigterm()
    try:
        with LocalStack(StackOptions(run_folder=run_folder, workers=workers, web_port=port)) as stack:
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


def _how_to_use(stack: LocalStack) -> str:
    python = Path(sys.executable)
    if python.is_relative_to(REPOSITORY):
        python = python.relative_to(REPOSITORY)
    folder = "" if stack.run_folder == DEFAULT_RUN_FOLDER else f" --run-folder {stack.run_folder}"
    by_function = f"{stack.functions_url}/api/analyse/image/wild/my-upload"
    return f"""\
service    {stack.service_url}  (try it: {stack.service_url}/docs/)
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
