"""`web`: serve the HTTP API until stopped."""

from __future__ import annotations

import secrets

import click
from pydantic import SecretStr

from service import metrics, wiring
from service.cli.startup import exit_on_error, load_settings
from service.jobs.backend import JobBackend
from service.logs import configure
from service.sandbox.workspace import Workspace
from service.web.access.keys import KeyRing
from service.web.server.start import Server, refuse_open_door, refuse_taken_ports


@click.command()
def web() -> None:
    """Serve the HTTP API (HOST, PORT)."""
    settings = load_settings()
    configure(settings.log_format, settings.log_level)
    with exit_on_error():
        refuse_open_door(settings)
        refuse_taken_ports(settings)
        KeyRing.of(settings).check()
        JobBackend.connect(settings)
        workspace = Workspace(settings.workspace)
    metrics.share(workspace.path / "metrics")
    # Shared by all processes of this server.
    secret = settings.session_secret or SecretStr(secrets.token_urlsafe(32))
    shared = settings.model_copy(update={"session_secret": secret})
    Server(shared, lambda: wiring.web_app(shared), workspace.close).run()
