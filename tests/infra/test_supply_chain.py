"""Actions are pinned by commit, images by digest, and a release is scanned and attested."""

from __future__ import annotations

import re

import pytest
import yaml

from infra.checks.audit import outcome_of
from infra.checks.check import WORKFLOWS
from infra.steps import REPOSITORY

COMMIT = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}")


@pytest.mark.parametrize("workflow", sorted(path.name for path in WORKFLOWS.glob("*.y*ml")))
def test_actions_are_named_by_commit_and_version(workflow: str) -> None:
    for line in (WORKFLOWS / workflow).read_text("utf-8").splitlines():
        if "uses:" in line:
            assert COMMIT.search(line), line


def test_each_version_of_an_action_is_one_commit() -> None:
    text = "\n".join(path.read_text("utf-8") for path in WORKFLOWS.glob("*.y*ml"))
    found = set(re.findall(r"uses: ([\w./-]+)@([0-9a-f]{40}) # (v\S+)", text))
    assert len({name for name, _, _ in found}) == len(found)


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("Dockerfile", r"^ARG BASE=(\S+)$"),
        ("openface-base/Dockerfile", r"^ARG UBUNTU=(\S+)$"),
        ("infra/compose/compose.yaml", r"image: (mcr\S+)$"),
        ("infra/compose/compose.yaml", r"\$\{BASE:-([^}]+)\}"),
        ("infra/helm/values.yaml", r"image: (mcr\S+)$"),
    ],
)
def test_base_images_are_named_by_digest(file: str, pattern: str) -> None:
    named = re.findall(pattern, (REPOSITORY / file).read_text("utf-8"), re.MULTILINE)
    assert named
    assert all(DIGEST.search(image) for image in named)


def test_every_folder_with_packages_actions_or_images_is_refreshed_monthly() -> None:
    config = yaml.safe_load((REPOSITORY / ".github" / "dependabot.yml").read_text("utf-8"))
    assert {each["schedule"]["interval"] for each in config["updates"]} == {"monthly"}
    watched = {
        (each["package-ecosystem"], folder)
        for each in config["updates"]
        for folder in each.get("directories", [each.get("directory")])
    }
    own = [
        path
        for path in REPOSITORY.rglob("requirements*.txt")
        if ".venv" not in path.parts and ".local" not in path.parts
    ]
    assert own
    for lock in own:
        folder = lock.parent.relative_to(REPOSITORY)
        if folder.name != "local":
            assert (("uv", "/") if str(folder) == "." else ("pip", f"/{folder}")) in watched
    assert {("github-actions", "/"), ("docker", "/"), ("docker", "/openface-base"), ("npm", "/infra/local")} <= watched


def test_a_release_is_scanned_before_it_is_pushed_and_attested_after() -> None:
    [job] = yaml.safe_load((WORKFLOWS / "release.yaml").read_text("utf-8"))["jobs"].values()
    used = [step.get("uses", "").partition("@")[0] for step in job["steps"]]
    order = ["anchore/sbom-action", "anchore/scan-action", "actions/attest-build-provenance", "actions/attest-sbom"]
    places = [used.index(name) for name in order]
    pushed = [number for number, step in enumerate(job["steps"]) if step.get("with", {}).get("push") is True]
    assert places == sorted(places)
    assert places[1] < pushed[0] < places[2]
    assert job["steps"][places[0]]["with"]["format"] == "cyclonedx-json"


@pytest.mark.parametrize(
    ("code", "said", "outcome"),
    [
        (0, "", "clean"),
        (1, "Found 2 known vulnerabilities in 1 package", "holes"),
        (1, "requests.exceptions.ConnectionError: …", "skipped"),
        (1, "npm error audit endpoint returned an error", "skipped"),
    ],
)
def test_an_audit_that_could_not_ask_is_not_called_clean(code: int, said: str, outcome: str) -> None:
    assert outcome_of(code, said) == outcome
