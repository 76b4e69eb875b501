"""Run `python -m service …` as a child of the demo, watched beside the stack and ended with it.

Separate because the demo meets the service on its command line, as everybody does.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from infra.local.stack import REPOSITORY, inherited_environ

_LOOK_S = 0.1


def run_service(*arguments: str, quiet: bool = False, while_running: Callable[[], None] = lambda: None) -> int:
    """Run a command to its end; returns its exit code.

    Args:
        quiet: show only what it says in the case of failure; else what it says goes where our own words go.
        while_running: called several times a second; an error raised in it ends the command.
    """
    environ = inherited_environ() | {"PYTHONUNBUFFERED": "1", "NO_PROXY": "127.0.0.1"}
    argv = [sys.executable, "-m", "service", *arguments]
    with tempfile.TemporaryFile() as said:
        output = said if quiet else None
        with subprocess.Popen(argv, cwd=REPOSITORY, env=environ, stdout=output, stderr=output) as command:
            try:
                while command.poll() is None:
                    while_running()
                    time.sleep(_LOOK_S)
            except BaseException:
                command.terminate()
                raise
        if command.returncode and quiet:
            said.seek(0)
            sys.stderr.write(said.read().decode(errors="replace"))
    return command.returncode
