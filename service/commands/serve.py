"""`web` and `worker`: the two long-lived processes."""

from __future__ import annotations

import secrets
import sys
from math import inf

import click
from pydantic import SecretStr

from service import metrics, wiring
from service.commands.starting import load_settings, told
from service.intake import Shift
from service.keys import KeyRing
from service.logs import configure
from service.web.server import Server, refuse_open_door
from service.workspace import Workspace


@click.command()
def web() -> None:
    """Serve the HTTP API (HOST, PORT)."""
    settings = load_settings()
    configure(settings.log_format, settings.log_level)
    with told():
        refuse_open_door(settings)
        KeyRing.of(settings).check()
        wiring.web_services(settings)
        workspace = Workspace(settings.workspace)
    metrics.share(workspace.path / "metrics")
    # One for all processes of this server.
    secret = settings.session_secret or SecretStr(secrets.token_urlsafe(32))
    shared = settings.model_copy(update={"session_secret": secret})
    Server(shared, lambda: wiring.web_app(shared), workspace.close).run()


SECONDS = click.FloatRange(min=0, min_open=True)


@click.command()
@click.option(
    "--until-idle",
    type=SECONDS,
    metavar="SECONDS",
    help="Leave when nothing has come, and nothing is in hand, so long.",
)
@click.option("--take-for", type=SECONDS, metavar="SECONDS", help="Take nothing new after so long; finish, and leave.")
def worker(until_idle: float | None, take_for: float | None) -> None:
    """Take jobs from the queue until told to stop.

    SIGTERM: the item in hand is finished within SHUTDOWN_GRACE_S, else handed back; a second one hands it back now.
    """
    settings = load_settings()
    configure(settings.log_format, settings.log_level)
    with told():
        sys.exit(wiring.run_worker(settings, Shift(until_idle or inf, take_for or inf)))
