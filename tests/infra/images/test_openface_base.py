"""The scripts of openface-base, run as the Dockerfile runs them, on files made by the tests."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.images.check import REPOSITORY
from service.cli.doctor_checks.engine import models_check
from service.engine.columns import IMAGE_COLUMNS
from service.engine.installed import Engine
from tests.conftest import ASTRONAUT
from tests.fixtures.media_made import FAKES

BASE = REPOSITORY / "openface-base"
COMMIT = "3d4b5cf8d96138be42bed229447f36cbb09a5a29"


def run(*argv: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [str(word) for word in argv],
        env={"PATH": path} | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def needs(tool: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"no {tool} here")


# --- cpu-check


@pytest.mark.parametrize(
    ("processor", "missing"),
    [
        ("fpu pni avx avx2 fma", ""),
        ("fpu pni avx", "avx2 fma"),
        ("fpu pni avx2x fma", "avx avx2"),
        ("", "avx avx2 fma"),
    ],
)
def test_a_processor_is_held_against_what_was_assumed(tmp_path: Path, processor: str, missing: str) -> None:
    flags, cpuinfo = tmp_path / "flags", tmp_path / "cpuinfo"
    flags.write_text("avx\navx2\nfma\n")
    cpuinfo.write_text(
        f"processor\t: 0\nmodel name\t: a processor with avx2\nflags\t\t: {processor}\nbugs\t: none\n" * 2
    )
    done = run(BASE / "cpu-check", flags, cpuinfo)
    assert done.returncode == (1 if missing else 0)
    assert (f"lacks {missing}," in done.stderr) == bool(missing)
    assert len(done.stderr.splitlines()) == (1 if missing else 0)


def test_without_a_list_nothing_is_waved_through(tmp_path: Path) -> None:
    assert run(BASE / "cpu-check", tmp_path / "none", "/proc/cpuinfo").returncode == 2


@needs("g++")
@pytest.mark.parametrize(
    ("compiler_flags", "required", "not_required"),
    [(["-march=x86-64-v3"], {"avx2", "fma", "bmi2", "movbe"}, {"avx512f"}), (["-msse3"], {"pni"}, {"avx", "sse4_1"})],
)
def test_the_compiler_says_what_its_code_needs(
    compiler_flags: list[str], required: set[str], not_required: set[str]
) -> None:
    done = run(BASE / "required-cpu-flags.sh", *compiler_flags)
    if "unrecognized" in done.stderr or "bad value" in done.stderr:
        pytest.skip("the compiler here is for another processor")
    flags = set(done.stdout.split())
    assert required <= flags
    assert not flags & not_required


# --- fetch-models


@pytest.fixture
def mirrors(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A list of two models, a good mirror and a bad one."""
    good, bad = tmp_path / "good", tmp_path / "bad"
    lines = ["# a comment", ""]
    for folder in (good, bad):
        folder.mkdir()
    for name in ("one.dat", "two.dat"):
        content = name.encode() * 1000
        (good / f"share-{name}").write_bytes(content)
        # Of the right size, and not it.
        (bad / name).write_bytes(b"<html>" + content[6:])
        lines.append(f"{name} {len(content)} {hashlib.sha256(content).hexdigest()} share-{name}")
    list_file = tmp_path / "models.txt"
    list_file.write_text("\n".join(lines) + "\n")
    return list_file, good, bad


@needs("curl")
def test_models_come_from_the_first_mirror_that_has_them_whole(
    mirrors: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    list_file, good, bad = mirrors
    folder = tmp_path / "models"
    done = run(BASE / "fetch-models.sh", list_file, folder, f"file://{bad}/{{name}}", f"file://{good}/{{share}}")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["one.dat", "two.dat"]
    assert (folder / "one.dat").read_bytes() == (good / "share-one.dat").read_bytes()


@needs("curl")
@pytest.mark.parametrize("damage", ["changed", "cut", "longer", "gone"])
def test_a_model_that_is_not_the_known_one_ends_the_build(
    mirrors: tuple[Path, Path, Path], tmp_path: Path, damage: str
) -> None:
    list_file, good, _ = mirrors
    file = good / "share-two.dat"
    content = file.read_bytes()
    file.write_bytes(
        {"changed": b"X" + content[1:], "cut": content[:-1], "longer": content + b"X", "gone": b""}[damage]
    )
    if damage == "gone":
        file.unlink()
    folder = tmp_path / "models"
    done = run(BASE / "fetch-models.sh", list_file, folder, f"file://{good}/{{share}}")
    assert done.returncode == 1
    assert "no mirror has two.dat" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["one.dat"]


def test_the_list_is_the_four_known_models() -> None:
    rows = [line.split() for line in (BASE / "models.txt").read_text().splitlines() if not line.startswith("#")]
    assert sum(int(row[1]) for row in rows) == 429_784_304
    assert [row[0] for row in rows] == [f"cen_patches_{scale}_of.dat" for scale in ("0.25", "0.35", "0.50", "1.00")]
    assert all(len(row[2]) == 64 for row in rows)


# --- runtime-packages


@needs("dpkg-query")
@needs("objdump")
def test_the_packages_of_a_program_are_those_of_its_libraries() -> None:
    curl = shutil.which("bash") or ""
    packages = run(BASE / "runtime-packages.sh", curl, PATH="/usr/sbin:/usr/bin:/sbin:/bin").stdout.split()
    assert "libc6" in packages
    without = run(BASE / "runtime-packages.sh", "--without", "libc", curl, PATH="/usr/sbin:/usr/bin:/sbin:/bin")
    assert set(without.stdout.split()) == set(packages) - {"libc6"}


# --- write_engine_json


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder laid out as OpenFace's, with small models."""
    bin_dir = tmp_path / "bin"
    shutil.copytree(FAKES / "ok", bin_dir)
    for folder in ("model/patch_experts", "AU_predictors/svm_combined"):
        (bin_dir / folder).mkdir(parents=True)
    (bin_dir / "model" / "main_ceclm_general.txt").write_text("a model")
    (bin_dir / "AU_predictors" / "svm_combined" / "AU_1.dat").write_bytes(b"weights")
    (bin_dir / "model" / "patch_experts" / "cen.dat").write_bytes(b"patches")
    digest = hashlib.sha256(b"patches").hexdigest()
    (tmp_path / "models.txt").write_text(f"# file, bytes, SHA-256, share\ncen.dat 7 {digest} share\n")
    return bin_dir


def write(bin_dir: Path, commit: str = COMMIT) -> subprocess.CompletedProcess[str]:
    options = ("--version", "2.2.0", "--commit", commit)
    return run(sys.executable, BASE / "write_engine_json.py", bin_dir, bin_dir.parent / "models.txt", *options)


def test_the_service_reads_what_the_build_wrote(installed: Path) -> None:
    assert write(installed).returncode == 0
    engine = Engine.find(installed)
    assert (engine.name, engine.version, engine.commit) == ("OpenFace", "2.2.0", COMMIT)
    assert engine.licence_class == "research-only"
    assert engine.models["cen.dat"] == hashlib.sha256(b"patches").hexdigest()
    assert set(engine.models) == {"cen.dat", "model/", "AU_predictors/"}
    assert set(engine.au_support) == {column for column in IMAGE_COLUMNS if column.startswith("AU")}
    assert set(engine.au_support.values()) == {"supported"}


def test_doctor_checks_the_models_that_the_build_wrote(installed: Path) -> None:
    write(installed)
    assert models_check(Engine.find(installed)).status == "ok"
    (installed / "AU_predictors" / "svm_combined" / "AU_1.dat").write_bytes(b"other weights")
    changed = models_check(Engine.find(installed))
    assert (changed.status, "AU_predictors" in changed.said) == ("failed", True)
    assert "openface-base" in changed.advice
    shutil.rmtree(installed / "model" / "patch_experts")
    gone = models_check(Engine.find(installed))
    assert "missing: cen.dat" in gone.said


def test_it_has_the_same_fields_as_the_embedded_analysers(installed: Path) -> None:
    write(installed)
    theirs = json.loads((installed / "engine.json").read_text())
    ours = json.loads((REPOSITORY / "openface_lite" / "bin" / "engine.json").read_text())
    # The embedded analyser states more about itself; the service needs none of it.
    assert set(ours) - set(theirs) <= {
        "au_facts",
        "model_facts",
        "citations",
        "parallel",
        "turns_videos",
        "reads_lines",
        "faces_at_most",
    }


def test_another_model_has_another_hash(installed: Path) -> None:
    write(installed)
    before = Engine.find(installed).models
    (installed / "AU_predictors" / "svm_combined" / "AU_1.dat").write_bytes(b"other weights")
    write(installed)
    after = Engine.find(installed).models
    assert {name for name in before if before[name] != after[name]} == {"AU_predictors/"}


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        ("FeatureExtraction", "FeatureExtraction"),
        ("model/patch_experts/cen.dat", "cen.dat"),
        ("AU_predictors/svm_combined/AU_1.dat", "AU_predictors"),
    ],
)
def test_what_is_not_whole_ends_the_build(installed: Path, lost: str, told: str) -> None:
    (installed / lost).unlink()
    done = write(installed)
    assert done.returncode == 1
    assert told in done.stderr
    assert not (installed / "engine.json").exists()


def test_a_model_of_another_content_ends_the_build(installed: Path) -> None:
    (installed / "model" / "patch_experts" / "cen.dat").write_bytes(b"<html>")
    assert "not the known models" in write(installed).stderr


def test_a_commit_is_a_commit(installed: Path) -> None:
    assert "master" in write(installed, "master").stderr


# --- before-targets.cmake


@needs("cmake")
@needs("g++")
@pytest.mark.parametrize("has_boost", [True, False])
def test_the_build_ends_early_where_boosts_header_is_installed(tmp_path: Path, has_boost: bool) -> None:
    if not has_boost and Path("/usr/include/boost/filesystem.hpp").exists():
        pytest.skip("Boost is installed here")
    (tmp_path / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.8)\nproject(any CXX)\n")
    (tmp_path / "include" / "boost").mkdir(parents=True)
    if has_boost:
        (tmp_path / "include" / "boost" / "filesystem.hpp").touch()
    done = run(
        "cmake",
        *("-S", tmp_path, "-B", tmp_path / "build"),
        f"-DCMAKE_PROJECT_INCLUDE={BASE / 'before-targets.cmake'}",
        CPLUS_INCLUDE_PATH=str(tmp_path / "include"),
    )
    assert (done.returncode != 0) == has_boost, done.stderr
    assert ("boost/filesystem.hpp is installed" in done.stderr) == has_boost


# --- smoke-test, on stand-ins of which each fails in its way, and on the embedded analyser


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        ("no_face", "found no face"),
        ("silent_success", "found no face"),
        ("crash", "FAILED"),
        ("other_columns", "columns, not 711"),
        ("zero_units", "every action unit's intensity is 0"),
        ("ok", "AU12_r is 0.50, not within 1 to 5"),
    ],
)
def test_the_smoke_test_sees_what_an_exit_code_does_not(behaviour: str, told: str) -> None:
    done = run(sys.executable, BASE / "smoke_test.py", ASTRONAUT, OPENFACE_BIN_DIR=str(FAKES / behaviour))
    assert done.returncode == 1
    assert told in done.stderr


def test_the_smoke_test_passes_an_engine_that_works() -> None:
    engine = REPOSITORY / "openface_lite" / "bin"
    done = run(
        sys.executable,
        BASE / "smoke_test.py",
        ASTRONAUT,
        OPENFACE_BIN_DIR=str(engine),
        OPENFACE_LITE_PYTHON=sys.executable,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.removeprefix("ok: ").split("  ")[0] for line in done.stdout.splitlines() if line.startswith("ok: ")]
    assert lines == [
        "FaceLandmarkImg",
        "FaceLandmarkImg -wild",
        "two pictures in one run",
        "unreadable one between two",
        "FeatureExtraction",
        "FaceLandmarkVidMulti",
    ]
