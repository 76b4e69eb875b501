"""Start a command of ``bin/`` under the right Python, without a shell before it.

The Python is ``OPENFACE_LITE_PYTHON``, else the one of the checkout's ``.venv``, else the one that runs already; where
that is another, this process becomes it. Runs under any Python 3, so it imports nothing else until then.

A start is mostly imports. Where every command loads a module, its records are named tuples: a frozen dataclass takes a
millisecond to make, ten times as long.
"""

import gc
import os
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
# One thread a process, also inside numpy.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def start(command: str) -> None:
    """Run a command with this process's own arguments, and end with its exit code; what it raises is raised."""
    os.environ.update(_ONE_THREAD)
    python = _other_python()
    if python:
        os.environ["PYTHONPATH"] = str(_ROOT)
        # -P: nothing in the working directory can take the place of a module.
        os.execv(python, [python, "-P", "-m", "openface_lite.cli", command, *sys.argv[1:]])
    # What is imported stays: to look through it for garbage again and again would take a tenth of the start.
    gc.disable()
    from openface_lite.cli import main

    code = main([command, *sys.argv[1:]])
    sys.stdout.flush()
    sys.stderr.flush()
    # All files are closed. To take modules and networks apart one by one would take a twentieth of the start.
    os._exit(code)


def _other_python() -> str:
    """The Python to change to; empty where this is the one."""
    named = os.environ.get("OPENFACE_LITE_PYTHON", "")
    if named:
        # Not resolved: a virtual environment's python is a link to the one it was made from.
        return "" if Path(named).absolute() == Path(sys.executable).absolute() else named
    venv = _ROOT / ".venv"
    python = venv / "bin" / "python"
    return "" if not os.access(python, os.X_OK) or venv.samefile(sys.prefix) else str(python)
