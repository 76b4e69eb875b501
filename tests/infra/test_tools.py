"""What azd, the devcontainer, and the workflows name is there."""

from __future__ import annotations

import json
import re
import subprocess

import yaml

from infra.checks.check import BICEP, WORKFLOWS
from infra.steps import REPOSITORY

USAGE = subprocess.run(["/bin/sh", str(BICEP / "deploy.sh"), "--help"], capture_output=True, text=True).stdout


def options_of(command: str) -> set[str]:
    return set(re.findall(r"(?<=\s)--[a-z-]+", command))


def test_azd_provisions_the_template_and_runs_the_script() -> None:
    azd = yaml.safe_load((REPOSITORY / "azure.yaml").read_text("utf-8"))
    assert (REPOSITORY / azd["infra"]["path"] / f"{azd['infra']['module']}.bicep").is_file()
    script, *_ = azd["hooks"]["postprovision"]["run"].split()
    assert (REPOSITORY / script).stat().st_mode & 0o100
    assert options_of(azd["hooks"]["postprovision"]["run"]) <= options_of(USAGE)


def test_the_deploy_workflow_signs_in_without_a_password() -> None:
    text = (WORKFLOWS / "deploy.yaml").read_text("utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}
    assert "secrets." not in text
    run = workflow["jobs"]["deploy"]["steps"][-1]["run"]
    assert options_of(run) | {"--what-if", "--yes"} <= options_of(USAGE)
    # Free text reaches the shell through the environment alone.
    assert "${{" not in run


def test_the_devcontainer_sets_the_project_up() -> None:
    container = json.loads((REPOSITORY / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    assert container["postCreateCommand"] == "make setup"
    assert re.search(r"^setup:", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE)


def test_every_python_that_something_runs_on_is_tested() -> None:
    workflow = yaml.safe_load((WORKFLOWS / "tests.yaml").read_text("utf-8"))
    tested = set(workflow["jobs"]["tests"]["strategy"]["matrix"]["python"])
    function = re.search(
        r"runtime: \{ name: 'python', version: '([\d.]+)' \}", (BICEP / "modules" / "function.bicep").read_text("utf-8")
    )
    # Ubuntu 24.04, the base of the images, has Python 3.12.
    assert "BASE=ubuntu:noble" in (REPOSITORY / "Dockerfile").read_text("utf-8")
    assert function and {function[1], "3.12"} <= tested
    assert f'requires-python = ">={min(tested, key=lambda version: int(version.split(".")[1]))}"' in (
        REPOSITORY / "pyproject.toml"
    ).read_text("utf-8")


def test_the_build_context_holds_what_the_images_copy() -> None:
    allowed = {
        line[1:].rstrip("/")
        for line in (REPOSITORY / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (REPOSITORY / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    for source in " ".join(copied).split():
        assert (REPOSITORY / source).exists(), source
        assert any(source == one or source.startswith(f"{one}/") for one in allowed), source
