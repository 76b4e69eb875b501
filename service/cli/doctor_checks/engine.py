"""Checks of the engine: its commands, its models, and one picture analysed."""

from __future__ import annotations

import time
from pathlib import Path

from service.cli.doctor_checks.check import Check, failed, ok, warning
from service.engine.command import EngineTask, command_for
from service.engine.installed import COMMANDS, Engine
from service.engine.model_files import check_models, model_roots
from service.engine.output import read_table
from service.engine.run import run_engine
from service.errors import AnalysisError
from service.sandbox.media import probe
from service.sandbox.preparation import prepare
from service.worker.canary_record import PICTURE
from service.worker.limits import Limits

NEEDED = COMMANDS[:2]
"""Commands that pictures and videos need; the third is for videos with `faces=many` only."""

OPENFACE_MODELS: dict[str, int | None] = {
    "model/main_ceclm_general.txt": None,
    "model/patch_experts/cen_patches_0.25_of.dat": 60_602_360,
    "model/patch_experts/cen_patches_0.35_of.dat": 60_602_360,
    "model/patch_experts/cen_patches_0.50_of.dat": 154_289_792,
    "model/patch_experts/cen_patches_1.00_of.dat": 154_289_792,
    "model/model_eye": None,
    "model/detection_validation": None,
    "model/mtcnn_detector": None,
    "AU_predictors": None,
}
"""Files that OpenFace 2.x reads at run time, with the size of those that downloads often cut short, in bytes."""

ADVICE = {
    "engine_unavailable": "install what it says is missing",
    "engine_timeout": "raise ENGINE_TIME_LIMIT_S, or give the machine more processor time",
    "engine_crashed": "read the end of its log; if it ran out of memory, raise ENGINE_MEMORY_MB",
    "no_output": "OPENFACE_BIN_DIR must hold the commands of OpenFace 2.x, or ones that write the same files",
    "malformed_output": "OPENFACE_BIN_DIR must hold the commands of OpenFace 2.x: older ones write other columns",
}
"""Advice on a failed run, by error code."""


MODELS_ADVICE = {
    "OpenFace": "build the image from openface-base again: it downloads the models and checks them",
    "openface_lite": "run `python -m openface_lite.fetch_models`",
}
"""How to get the right models, by the engine's name."""


def commands_check(engine: Engine) -> Check:
    """Check which engine it is and which commands it has."""
    version = engine.version or (f"commit {engine.commit}" if engine.commit else "of a version that is not stated")
    said = f"{engine.name} {version}, {engine.licence_class}, in {engine.bin_dir}: {', '.join(engine.commands)}"
    absent = [command for command in COMMANDS if command not in engine.commands]
    if set(absent) & set(NEEDED):
        return failed(
            "engine", f"{said}; without {', '.join(absent)}", "put the missing commands into OPENFACE_BIN_DIR"
        )
    if absent:
        return warning("engine", said, f"without {absent[0]}, videos with faces=many are refused")
    return ok("engine", said)


def models_check(engine: Engine) -> Check:
    """Check the model files against `engine.json`; without one, OpenFace's by their sizes."""
    if engine.models:
        return _stated_models(engine)
    return _openface_models(engine.bin_dir)


def probe_check(engine: Engine, room: Path, limits: Limits) -> Check:
    """Analyse the reference picture from file to table, as a job's media."""
    task = EngineTask.resolve("image", "posed")
    began = time.monotonic()
    try:
        prepared = prepare(PICTURE, probe(PICTURE, "image", room, limits.of_media), room, limits.of_media)
        run = run_engine(engine, task, prepared, room, limits.of_engine(0.0))
        table = read_table(task, run, room / "table.csv")
    except AnalysisError as error:
        advice = ADVICE.get(error.code, f"run {engine.bin_dir / command_for(task)} -f on a picture by hand")
        return failed("probe picture", error.message, advice)
    seconds = time.monotonic() - began
    found = f"{command_for(task)} gave {table.columns} columns and found {table.faces} face{'s' * (table.faces != 1)}"
    if table.faces == 1:
        return ok("probe picture", found, seconds=seconds)
    return warning("probe picture", found, "the picture shows one face: check the engine's models", seconds=seconds)


def _stated_models(engine: Engine) -> Check:
    files = check_models(engine)
    if not files.whole and not files.changed:
        said = f"none of the {len(engine.models)} models of engine.json is beside the commands, so no hash was checked"
        return warning("models", said, "the probe picture tells whether the engine has them elsewhere")
    if files.missing or files.changed:
        said = "; ".join(
            [f"missing: {', '.join(files.missing)}"] * bool(files.missing)
            + [f"not the ones of engine.json: {', '.join(map(str, files.changed))}"] * bool(files.changed)
        )
        return failed("models", said, MODELS_ADVICE.get(engine.name, "put the files that engine.json names there"))
    return ok("models", f"{len(files.whole)} models with the hashes of engine.json")


def _openface_models(bin_dir: Path) -> Check:
    root = next((root for root in model_roots(bin_dir) if (root / "model").is_dir()), None)
    if root is None:
        return warning(
            "models",
            "not stated (no engine.json), and no folder `model` beside the commands",
            "the probe picture tells whether the engine has them elsewhere",
        )
    missing = [name for name in OPENFACE_MODELS if not (root / name).exists()]
    cut = [
        f"{name} has {(root / name).stat().st_size:,} bytes instead of {size:,}"
        for name, size in OPENFACE_MODELS.items()
        if size and name not in missing and (root / name).stat().st_size != size
    ]
    if missing or cut:
        said = "; ".join([f"missing: {', '.join(missing)}"] * bool(missing) + cut)
        return failed("models", f"in {root}: {said}", "run OpenFace's download_models.sh and copy its files there")
    return ok("models", f"hashes not stated (no engine.json); OpenFace's files are in {root}, of the right sizes")
