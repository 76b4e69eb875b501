"""`settings`: list every setting."""

from __future__ import annotations

import click

from service.settings import Settings


@click.command()
def settings() -> None:
    """List every setting: variable, default, meaning."""
    for name, field in Settings.model_fields.items():
        default = "" if field.is_required() else field.get_default(call_default_factory=True)
        click.echo(f"{name.upper()}={'' if default is None else default}\n    {field.description}")
