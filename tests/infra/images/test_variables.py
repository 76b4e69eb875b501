"""The images and the compose file set only documented variables that the code reads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.images.check import COMPOSE, PROFILES, REPOSITORY, dockerfiles
from infra.local.azurite import ACCOUNT, ACCOUNT_KEY
from service.settings import Settings

SETTINGS_PAGE = (REPOSITORY / "docs" / "reference" / "settings.md").read_text("utf-8")
FUNCTION_APP = REPOSITORY / "cloud_function"
OURS = {name.upper() for name in Settings.model_fields}
FUNCTIONS = set(re.findall(r'given\.get\("(\w+)"', (FUNCTION_APP / "function_settings.py").read_text("utf-8")))
NOT_OURS = {
    "PATH": "where the commands are",
    "TMPDIR": "Python's and gunicorn's",
    "PYTHONUNBUFFERED": "Python's",
    "MALLOC_ARENA_MAX": "glibc's",
    "CPU_FLAGS": "openface-base's own stages",
    "PYTHON_THREADPOOL_THREAD_COUNT": "the Functions worker's",
    "AzureWebJobsStorage": "the Functions host's",
    "AzureWebJobsScriptRoot": "the Functions host's",
    "AzureFunctionsJobHost__Logging__Console__IsEnabled": "the Functions host's",
}


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE.read_text("utf-8")))


def environment(name: str) -> dict[str, str]:
    return dict(compose()["services"][name].get("environment", {}))


def variables_set_in(dockerfile: Path) -> set[str]:
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.removeprefix("ENV ") for line in text.splitlines() if line.startswith("ENV ")]
    return {name for line in lines for name in re.findall(r"(\w+)=", line)}


@pytest.mark.parametrize("dockerfile", dockerfiles(), ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_what_a_dockerfile_sets_is_a_setting(dockerfile: Path) -> None:
    variables = variables_set_in(dockerfile)
    assert variables
    assert variables <= OURS | set(NOT_OURS)


@pytest.mark.parametrize("name", ["web", "worker", "worker-openface"])
def test_what_compose_sets_for_the_service_is_a_setting(name: str) -> None:
    assert set(environment(name)) <= OURS
    settings = {key: _default(str(value)) for key, value in environment(name).items()}
    assert Settings.load(settings).azure_storage_connection_string


@pytest.mark.parametrize("name", ["function", "function-host"])
def test_what_compose_sets_for_the_function_is_a_setting_of_it(name: str) -> None:
    assert set(environment(name)) <= FUNCTIONS | set(NOT_OURS)


def test_every_variable_is_documented() -> None:
    set_somewhere = set().union(*map(variables_set_in, dockerfiles()), *map(environment, compose()["services"]))
    function_readme = (FUNCTION_APP / "README.md").read_text("utf-8")
    for name in set_somewhere - set(NOT_OURS):
        assert f"| `{name}` |" in (SETTINGS_PAGE if name in OURS else function_readme), name


def test_the_example_names_every_variable_with_its_default() -> None:
    used = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE.read_text("utf-8")))
    assert len(used) == len(set(re.findall(r"\$\{(\w+)", COMPOSE.read_text("utf-8"))))
    lines = (COMPOSE.parent / ".env.example").read_text("utf-8").splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert example.pop("COMPOSE_PROFILES") in PROFILES
    assert example == used


def test_the_defaults_are_the_same_everywhere() -> None:
    base = re.findall(r"^ARG (?:BASE|UBUNTU)=(.+)$", "".join(map(Path.read_text, dockerfiles())), re.MULTILINE)
    assert base and set(base) == set(re.findall(r"\$\{BASE:-([^}]*)\}", COMPOSE.read_text("utf-8")))


def test_the_storage_is_spelled_out_with_the_one_public_key() -> None:
    key = f"AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};"
    inside = environment("web")["AZURE_STORAGE_CONNECTION_STRING"]
    outside = json.loads((COMPOSE.parent / "stack.json").read_text("utf-8"))["connection_string"]
    assert key in inside
    assert outside == inside.replace("http://azurite:", "http://127.0.0.1:")
    ports = re.findall(r"http://azurite:(\d+)/", inside)
    assert compose()["services"]["azurite"]["ports"] == [f"127.0.0.1:{port}:{port}" for port in ports]


def test_nothing_is_published_beyond_this_machine() -> None:
    ports = [port for service in compose()["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_secret_is_in_the_file() -> None:
    text = re.sub(r"@sha256:[0-9a-f]{64}", "", COMPOSE.read_text("utf-8").replace(ACCOUNT_KEY, ""))
    assert not re.search(r"[A-Za-z0-9+/]{40,}={0,2}", text)
    for name in compose()["services"]:
        for variable, value in environment(name).items():
            if re.search("SECRET|PASSWORD|API_KEY|FUNCTION_KEY", variable):
                assert _default(value) == "", variable


def test_a_stopped_worker_has_its_grace() -> None:
    graces = [compose()["services"][name]["stop_grace_period"] for name in ("worker", "worker-openface")]
    assert all(int(grace.removesuffix("s")) > Settings.load({}).shutdown_grace_s for grace in graces)


def _default(value: str) -> str:
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
