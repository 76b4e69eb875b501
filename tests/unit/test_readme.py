"""README is held to the code: its settings table, its commands, its routes."""

from __future__ import annotations

import re
from pathlib import Path

from service.settings import Settings

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text("utf-8")


def settings_table() -> str:
    """The table as README has to have it."""
    rows = ["| Variable | Default | Meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default_factory or field.default is None else f"`{_shown(field.default)}`"
        rows.append(f"| `{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def _shown(default: object) -> str:
    if isinstance(default, Path):
        return default.relative_to(REPOSITORY).as_posix()
    return str(default).lower() if isinstance(default, bool) else str(default)


def test_the_settings_table_is_the_codes() -> None:
    table = README.split("<!-- settings -->\n")[1].split("\n<!-- /settings -->")[0]
    assert table == settings_table()


def test_the_two_commands_are_named_and_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    for target in re.findall(r"`?make ([a-z-]+)`?", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    assert "make test" in (REPOSITORY / ".ci" / "run").read_text("utf-8")


def test_every_route_is_told() -> None:
    from service.web.app import create_app

    app = create_app(None)  # type: ignore[arg-type]
    for rule in app.url_map.iter_rules():
        if rule.endpoint.split(".")[0] in {"analyse", "jobs", "health"}:
            last = rule.rule.rsplit("/", 1)[-1]
            assert last.strip("<>") in README or f"/{last}" in README, rule.rule
