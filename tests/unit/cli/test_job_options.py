"""Options of an analysis on the command line: those of the route, and given ones alone."""

from __future__ import annotations

from typing import Any

import click
from click.testing import CliRunner

from service.cli.job_options import given_options, with_job_options
from service.jobs.options import OPTION_NAMES


def command(**decorated: Any) -> tuple[click.Command, list[dict[str, str]]]:
    seen: list[dict[str, str]] = []

    @click.command()
    @with_job_options(**decorated)
    def made(**options: Any) -> None:
        seen.append(given_options(options))

    return made, seen


def test_every_option_of_the_route_is_one_of_the_command_in_its_order() -> None:
    made, _ = command()
    assert [option.name for option in made.params] == list(OPTION_NAMES)
    assert all(isinstance(option, click.Option) and option.help for option in made.params)
    without, _ = command(without=("gallery",))
    assert [option.name for option in without.params] == [name for name in OPTION_NAMES if name != "gallery"]


def test_given_options_are_passed_on_as_texts_and_no_others() -> None:
    made, seen = command()
    assert CliRunner().invoke(made, ["--au", "static", "--every", "3"]).exit_code == 0
    assert seen == [{"au": "static", "every": "3"}]
    assert CliRunner().invoke(made, ["--au", "other"]).exit_code == 2
