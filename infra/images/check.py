"""`make image-check`: check the images and the compose file without a Docker daemon.

The quick part reads: linters, the compose schema. The other part builds and runs, where this machine lets it. Every
step says `ok`, `FAILED`, or `not run` and why; the exit code is 1 if any failed.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click

from infra.images.buildah import DEBIAN, TOOLS, Container, Distribution, Images, RunningContainer, images
from infra.local.azurite import start_azurite
from infra.local.loopback import free_port, http_status
from infra.local.upload import upload
from infra.steps import REPOSITORY, NotRun, Step, command

COMPOSE = REPOSITORY / "infra" / "compose" / "compose.yaml"
PROFILES = ("lite", "openface", "functions-host")
PHOTO = REPOSITORY / "tests" / "fixtures" / "media" / "astronaut.png"
EXTRAS = "otel identity"
WEB_READY_S, WORKER_READY_S, STOPPED_S = 60.0, 60.0, 40.0


@click.command()
@click.option("--build/--no-build", default=True, help="Also build and run, where this machine can.")
@click.option(
    "--ubuntu-keyring", type=click.Path(exists=True, path_type=Path), help="Also try openface-base on Ubuntu."
)
def main(build: bool, ubuntu_keyring: Path | None) -> None:
    """Check the Dockerfiles and the compose file."""
    results = [step.succeeds() for step in quick_steps()]
    if build:
        with images() as store:
            results += [step.succeeds() for step in build_steps(store, ubuntu_keyring)]
    else:
        click.echo("not run  building the images and running what was built: --no-build was given")
    sys.exit(0 if all(results) else 1)


def dockerfiles() -> list[Path]:
    """Every Dockerfile of the repository."""
    folders = (REPOSITORY, REPOSITORY / "openface-base", REPOSITORY / "infra" / "images")
    return [path for folder in folders for path in sorted(folder.glob("*Dockerfile"))]


def scripts() -> list[Path]:
    """Every shell script of the images."""
    folders = (REPOSITORY / "openface-base", REPOSITORY / "infra" / "images")
    files = [path for folder in folders for path in sorted(folder.iterdir()) if path.is_file()]
    return [path for path in files if path.read_bytes().startswith(b"#!/bin/sh")]


def quick_steps() -> Iterator[Step]:
    """Steps that only read."""
    for path in dockerfiles():
        yield Step(f"hadolint {path.relative_to(REPOSITORY)}", partial(command, "hadolint", str(path)))
    yield Step("shellcheck", partial(command, "shellcheck", *map(str, scripts())))
    schema = ("--builtin-schema", "vendor.compose-spec", str(COMPOSE))
    yield Step("compose.yaml against the compose schema", partial(command, "check-jsonschema", *schema))
    for profile in PROFILES:
        yield Step(f"podman-compose config, profile {profile}", partial(_compose_config, profile))


def build_steps(store: Images, ubuntu_keyring: Path | None) -> Iterator[Step]:
    """Steps that build images and run them."""
    yield Step("a Debian root", partial(_bootstrap, store, DEBIAN))
    yield Step("the service's image on it", partial(_build, store, "service"))
    yield Step("in it: the demo photo is analysed, on a read-only root", partial(_inside, store, analyse_photo))
    yield Step("in it: upload, web, worker, result; SIGTERM ends both", partial(_inside, store, serve_and_work))
    yield Step("in it: web starts with every optional package", partial(_inside, store, start_with_extras))
    yield Step("the function runner's image", partial(_build, store, "function-runner"))
    yield Step("in it: the runner is ready; SIGTERM ends it", partial(_inside, store, run_functions, "function-runner"))
    yield Step("openface-base on Debian, all but OpenFace itself", partial(_build_base, store, DEBIAN))
    ubuntu = Distribution("noble", "http://archive.ubuntu.com/ubuntu", "main,universe", "gutsy", ubuntu_keyring)
    yield Step("openface-base on Ubuntu, all but OpenFace itself", partial(_build_base, store, ubuntu))


def _compose_config(profile: str) -> None:
    if shutil.which("podman") is None:
        raise NotRun("podman-compose wants podman beside it (apt-get install podman)")
    command("podman-compose", "--file", str(COMPOSE), "--profile", profile, "config")


def _bootstrap(store: Images, distribution: Distribution) -> None:
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent or os.geteuid() != 0:
        raise NotRun(f"needs root and {', '.join(TOOLS)} (apt-get install buildah debootstrap); nothing was built")
    store.bootstrap(distribution)


def _build(store: Images, target: str) -> None:
    if not (store.folder / "store").exists():
        raise NotRun("no root to build on")
    store.build(
        f"localhost/{target}", REPOSITORY, target=target, args={"BASE": f"localhost/{DEBIAN.suite}", "EXTRAS": EXTRAS}
    )


def _build_base(store: Images, distribution: Distribution) -> None:
    if not (store.folder / "store").exists():
        raise NotRun("no root to build on")
    if distribution != DEBIAN:
        if distribution.keyring is None:
            raise NotRun("needs --ubuntu-keyring FILE (of the package ubuntu-keyring)")
        store.bootstrap(distribution)
    args = {"UBUNTU": f"localhost/{distribution.suite}", "COMMANDS": "probe"}
    store.build("localhost/openface-base-probe", REPOSITORY / "openface-base", args=args)


def _inside(store: Images, proof: Callable[[Container, Path], None], image: str = "service") -> None:
    if not (store.folder / "store").exists():
        raise NotRun("no image to run")
    with store.container(f"localhost/{image}") as container, tempfile.TemporaryDirectory() as scratch:
        proof(container, Path(scratch))


def analyse_photo(container: Container, scratch: Path) -> None:
    """The photo's table has OpenFace's columns and one face."""
    results = scratch / "results"
    results.mkdir()
    os.chown(results, 10001, 10001)
    mounts = {PHOTO.parent: "/mnt", results: "/srv"}
    words = ["analyse", f"/mnt/{PHOTO.name}", "--out", "/srv"]
    with container.running(words, {}, mounts, scratch / "log") as run:
        assert run.wait(120) == 0, run.log_tail()
    (table,) = results.rglob("*.csv")
    with table.open(newline="") as file:
        rows = list(csv.reader(file))
    assert (len(rows), len(rows[0])) == (2, 711), f"{len(rows) - 1} rows of {len(rows[0])} columns"


def serve_and_work(container: Container, scratch: Path) -> None:
    """An upload is analysed by a worker on a request to the web server, both out of the image; both end on SIGTERM."""
    port = free_port()
    with ExitStack() as stack:
        azurite = stack.enter_context(start_azurite(scratch / "azurite"))
        environ = {"AZURE_STORAGE_CONNECTION_STRING": azurite.connection_string}
        served = environ | {"HOST": "127.0.0.1", "PORT": str(port)}
        web = stack.enter_context(container.running(["web"], served, {}, scratch / "web.log"))
        worker = stack.enter_context(container.running(["worker"], environ, {}, scratch / "worker.log"))
        service = f"http://127.0.0.1:{port}"
        _until(lambda: http_status(f"{service}/healthz") == 200, WEB_READY_S, web)
        _until(lambda: "worker.ready" in worker.log_tail(), WORKER_READY_S, worker)
        name = str(uuid.uuid4())
        upload(azurite.connection_string, PHOTO, name, {})
        address = f"{service}/analyse/image/wild/{name}"
        request = urllib.request.Request(address, method="POST", headers={"Prefer": "wait=25"})
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        assert [job["state"] for job in answer["jobs"]] == ["succeeded"], f"{answer}\n{worker.log_tail()}"
        _stop(web, "Shutting down")
        _stop(worker, "worker.stopped")


def start_with_extras(container: Container, scratch: Path) -> None:
    """The settings that need optional packages are taken: web refuses to start without them."""
    port = free_port()
    with ExitStack() as stack:
        azurite = stack.enter_context(start_azurite(scratch / "azurite"))
        environ = {
            "AZURE_STORAGE_CONNECTION_STRING": azurite.connection_string,
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
            "OTEL_TRACES_SAMPLER": "always_off",
            "IDENTITY": "true",
            "HOST": "127.0.0.1",
            "PORT": str(port),
        }
        web = stack.enter_context(container.running(["web"], environ, {}, scratch / "web.log"))
        _until(lambda: http_status(f"http://127.0.0.1:{port}/healthz") == 200, WEB_READY_S, web)
        _stop(web, "Shutting down")


def run_functions(container: Container, scratch: Path) -> None:
    """The function app's triggers are found and served; the runner ends on SIGTERM."""
    port = free_port()
    with ExitStack() as stack:
        azurite = stack.enter_context(start_azurite(scratch / "azurite"))
        environ = {"MEDIA_STORAGE": azurite.connection_string, "SERVICE_URL": "http://127.0.0.1:9"}
        words = ["--state", "/workspace/delivered.json", "--port", str(port)]
        runner = stack.enter_context(container.running(words, environ, {}, scratch / "log"))
        _until(lambda: http_status(f"http://127.0.0.1:{port}/admin/host/status") == 200, WEB_READY_S, runner)
        _stop(runner, "runner.stopped")


def _stop(run: RunningContainer, last_word: str) -> None:
    run.terminate()
    code = run.wait(STOPPED_S)
    assert code == 0, f"exit code {code}\n{run.log_tail()}"
    assert last_word in run.log_tail(), run.log_tail()


def _until(holds: Callable[[], bool], within_s: float, run: RunningContainer) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline and run.process.poll() is None, f"not in time\n{run.log_tail()}"
        time.sleep(0.1)


if __name__ == "__main__":
    main()
