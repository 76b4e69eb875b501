"""`next-stage`: receive announced results and compare each with desired action units."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.compare import FILE
from service.cli.startup import Refused, exit_on_error, load_settings
from service.logs import configure
from service.results.compare.parameters import Parameters
from service.results.compare.receiver import VerdictService, create_receiver
from service.results.compare.signed_call import SHORTEST_SECRET
from service.web.server.start import Server


@click.command("next-stage")
@click.option("--reference", "parameters_file", required=True, type=FILE, help="Parameters, as `reference` makes them.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder of the verdicts.")
@click.option(
    "--storage-url",
    "storage",
    multiple=True,
    required=True,
    envvar="NEXT_STAGE_STORAGE",
    help="Address that tables may be fetched from, and nowhere else. Repeat for several.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address that it listens on.")
@click.option("--port", type=click.IntRange(1, 65535), default=5001, show_default=True)
@click.option("--max-mb", type=click.IntRange(1), default=2048, show_default=True, help="Longest table, in MiB.")
@click.option("--secret", envvar="NEXT_STAGE_SECRET", default="", hidden=True)
def next_stage(
    parameters_file: Path, out: Path, storage: tuple[str, ...], host: str, port: int, max_mb: int, secret: str
) -> None:
    """Receive the function app's next-stage calls, and compare each result with desired action units.

    A working example of a stage after the analysis: set the function app's NEXT_STAGE_URL to this
    receiver's address, and NEXT_STAGE_SECRET here and there to the same 16 characters or more. A call must be signed
    with it. Its table is fetched from --storage-url only; the verdict goes to <out>/<job id>/verdict.json and
    verdict.html. A repeated call is answered with the existing verdict.
    """
    if len(secret) < SHORTEST_SECRET:
        raise Refused(f"NEXT_STAGE_SECRET needs at least {SHORTEST_SECRET} characters")
    if wrong := [address for address in storage if not address.startswith(("http://", "https://"))]:
        raise Refused(f"--storage-url: {wrong[0]} is no http(s) address")
    settings = load_settings().model_copy(update={"host": host, "port": port, "web_workers": 1, "metrics_port": 0})
    configure(settings.log_format, settings.log_level)
    with exit_on_error():
        parameters = Parameters.load(parameters_file)
    verdicts = VerdictService(parameters, secret, storage, out.resolve(), max_mb * 1024 * 1024)
    Server(settings, lambda: create_receiver(verdicts)).run()
