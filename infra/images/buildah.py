"""Images without a daemon: roots by debootstrap, Dockerfiles by `buildah bud --isolation chroot`, and an image's own
entry point run in namespaces of its own, on a read-only root.

Apart from the check, which says what must hold. Needs root and Linux; the network inside is the machine's.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.steps import StepFailed

TOOLS = ("buildah", "debootstrap", "unshare")
TIME_LIMIT_S = 3600


class BuildFailed(StepFailed):
    """A tool failed; the text has the end of its output."""


@dataclass(frozen=True)
class Distribution:
    """A distribution whose smallest root debootstrap can make.

    Attributes:
        script: debootstrap's, where it does not know the suite by name.
        keyring: what its index is signed with; None: debootstrap's own choice.
    """

    suite: str
    mirror: str
    components: str = "main"
    script: str | None = None
    keyring: Path | None = None


DEBIAN = Distribution("bookworm", "http://deb.debian.org/debian")


@dataclass(frozen=True)
class Images:
    """A store of images in a folder of its own."""

    folder: Path

    def bootstrap(self, distribution: Distribution) -> str:
        """Make an image of the distribution's smallest root. Raises BuildFailed."""
        root, tag = self.folder / "root", f"localhost/{distribution.suite}"
        argv = ["debootstrap", "--variant=minbase", f"--components={distribution.components}"]
        argv += [f"--keyring={distribution.keyring}"] if distribution.keyring else []
        argv += [distribution.suite, str(root), distribution.mirror]
        argv += [f"/usr/share/debootstrap/scripts/{distribution.script}"] if distribution.script else []
        _run(argv)
        dockerfile = self.folder / "root.Dockerfile"
        dockerfile.write_text("FROM scratch\nCOPY . /\n")
        self._buildah("bud", "--tag", tag, "--file", str(dockerfile), str(root))
        shutil.rmtree(root)
        return tag

    def build(self, tag: str, context: Path, *, target: str = "", args: Mapping[str, str] | None = None) -> None:
        """Build a Dockerfile, RUN steps included. Raises BuildFailed."""
        options = [word for name, value in (args or {}).items() for word in ("--build-arg", f"{name}={value}")]
        options += ["--target", target] if target else []
        # As if the machine's own trust were in the base image: pip must work behind a proxy of the machine's network.
        pip_conf = self.folder / "pip.conf"
        pip_conf.write_text("[global]\ncert = /run/machine-ca.crt\n")
        volumes = [
            f"{ssl.get_default_verify_paths().cafile or '/etc/ssl/certs/ca-certificates.crt'}:/run/machine-ca.crt:ro"
        ]
        volumes += [f"{pip_conf}:/etc/pip.conf:ro"]
        options += [word for volume in volumes for word in ("--volume", volume)]
        self._buildah(
            "bud",
            "--isolation",
            "chroot",
            "--network",
            "host",
            "--format",
            "docker",
            *options,
            "--tag",
            tag,
            str(context),
        )

    @contextmanager
    def container(self, tag: str) -> Iterator[Container]:
        """Mount the image's root. Raises BuildFailed."""
        config = json.loads(self._buildah("inspect", "--type", "image", tag))["OCIv1"]["config"]
        name = self._buildah("from", "--pull=false", tag).strip()
        try:
            yield Container(Path(self._buildah("mount", name).strip()), config)
        finally:
            self._buildah("umount", name)
            self._buildah("rm", name)

    def _buildah(self, *words: str) -> str:
        store = ["--root", str(self.folder / "store"), "--runroot", str(self.folder / "run")]
        return _run(["buildah", *store, *words])


@dataclass(frozen=True)
class Container:
    """An image's root and its configuration (Env, Entrypoint, Cmd, User, WorkingDir)."""

    root: Path
    config: Mapping[str, Any]

    @contextmanager
    def running(
        self, words: Sequence[str], environ: Mapping[str, str], mounts: Mapping[Path, str], log: Path
    ) -> Iterator[RunningContainer]:
        """Run the image's entry point with these arguments; kill it at the end of the block.

        Args:
            mounts: folders of the machine by their place inside, where a folder is already.
        """
        argv = [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-ec",
            self._script(words, environ, mounts),
        ]
        with log.open("ab") as out:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            yield RunningContainer(process, log)
        finally:
            process.kill()
            process.wait()

    def _script(self, words: Sequence[str], environ: Mapping[str, str], mounts: Mapping[Path, str]) -> str:
        root, user = shlex.quote(str(self.root)), self.config["User"]
        lines = [
            f"mount --bind {root} {root}",
            f"mount -o remount,bind,ro {root}",
            f"mount -t proc proc {root}/proc",
            f"mount --bind /dev {root}/dev",
            f"mount -t tmpfs -o mode=0700,uid=10001,gid=10001 tmpfs {root}/workspace",
            *(f"mount --bind {shlex.quote(str(folder))} {root}{place}" for folder, place in mounts.items()),
        ]
        variables = [*self.config["Env"], *(f"{name}={value}" for name, value in environ.items())]
        command = [
            "chroot",
            f"--userspec={user}",
            str(self.root),
            "/usr/bin/env",
            "-i",
            "-C",
            self.config["WorkingDir"],
        ]
        # In this process's place, so that what the image starts first is the first process of its namespace.
        return "\n".join([*lines, f"exec {shlex.join([*command, *variables, *self.config['Entrypoint'], *words])}"])


@dataclass(frozen=True)
class RunningContainer:
    """The first process of a container, seen from outside."""

    process: subprocess.Popen[bytes]
    log: Path

    def terminate(self) -> None:
        """Send SIGTERM to its first process, as `docker stop` does."""
        own = self.process.pid
        first = Path(f"/proc/{own}/task/{own}/children").read_text("ascii").split()[0]
        os.kill(int(first), signal.SIGTERM)

    def wait(self, within_s: float) -> int:
        """Return its exit code. Raises BuildFailed where it takes longer."""
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired as error:
            raise BuildFailed(f"still runs after {within_s:.0f} s\n{self.log_tail()}") from error

    def log_tail(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8", "replace")[-3000:]


@contextmanager
def images() -> Iterator[Images]:
    """Make a store of images, and delete it at the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="images-"))
    try:
        yield Images(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(argv: Sequence[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=TIME_LIMIT_S)
    if done.returncode != 0:
        raise BuildFailed(f"{shlex.join(argv)}\n{(done.stdout + done.stderr)[-4000:]}")
    return done.stdout
