"""`web` and `worker`: the two long-lived processes."""

from __future__ import annotations

import secrets
import sys

import click
from pydantic import SecretStr

from service import wiring
from service.commands.starting import load_settings, told
from service.keys import KeyRing
from service.logs import configure
from service.web.server import Server, refuse_open_door


@click.command()
def web() -> None:
    """Serve the HTTP API (HOST, PORT)."""
    settings = load_settings()
    configure(settings.log_format, settings.log_level)
    with told():
        refuse_open_door(settings)
        KeyRing.of(settings).check()
        wiring.web_services(settings)
    # One for all processes of this server.
    secret = settings.session_secret or SecretStr(secrets.token_urlsafe(32))
    shared = settings.model_copy(update={"session_secret": secret})
    Server(shared, lambda: wiring.web_app(shared)).run()


@click.command()
def worker() -> None:
    """Take jobs from the queue, one at a time, until told to stop.

    SIGTERM: the item in hand is finished within SHUTDOWN_GRACE_S, else handed back; a second one hands it back now.
    """
    settings = load_settings()
    configure(settings.log_format, settings.log_level)
    with told():
        sys.exit(wiring.run_worker(settings))
