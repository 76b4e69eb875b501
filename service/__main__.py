"""The command line: analyse local files, serve the web, work on the queue.

Exit codes: 0 success, 1 something failed, 2 wrong arguments or settings, 3 no engine.
"""

from __future__ import annotations

import click

from service import __version__
from service.cli.lazy_commands import LazyCommands


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="faceline", prog_name="faceline")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
def main(debug: bool) -> None:
    """Action units, head pose, gaze and landmarks of faces, measured by the OpenFace commands.

    Settings come from the environment or a TOML file (SETTINGS_FILE); `settings` lists them.
    """


if __name__ == "__main__":
    main(prog_name="python -m service")
