"""Checks of the machine: space for media, and the decoders."""

from __future__ import annotations

import shutil
import time
from contextlib import closing
from pathlib import Path

from service.cli.doctor_checks.check import Check, failed, ok, warning
from service.errors import AnalysisError, EngineUnavailable, WorkspaceFull
from service.jobs.media_kind import Media
from service.sandbox.media import MediaLimits, probe
from service.sandbox.workspace import Workspace
from service.settings import BadSettings, Settings
from service.worker.canary_record import CLIP, PICTURE

MIB = 1024 * 1024


def workspace_check(settings: Settings) -> Check:
    """Check that downloads can be written and that the largest one fits."""
    name = "workspace"
    try:
        with closing(Workspace(settings.workspace)) as workspace, workspace.room() as room:
            (room / "tried").write_bytes(b"x")
    except (BadSettings, OSError, WorkspaceFull) as error:
        return failed(name, str(error), "set WORKSPACE to a folder that this user can write to")
    free_mb = shutil.disk_usage(settings.workspace).free // MIB
    said = (
        f"{settings.workspace} has {free_mb:,} MiB free; the largest media has {settings.max_media_mb:,} (MAX_MEDIA_MB)"
    )
    advice = "free some space, set WORKSPACE to a larger disk, or lower MAX_MEDIA_MB"
    if free_mb < settings.max_media_mb:
        return failed(name, said, advice)
    if free_mb < 2 * settings.max_media_mb:
        return warning(name, f"{said}, and the upright copy of a rotated video takes as much again", advice)
    return ok(name, said)


def decoders_check(room: Path, limits: MediaLimits) -> Check:
    """Check that the decoders' child processes start and read the reference picture and clip."""
    media: Media = "image"
    files: dict[Media, Path] = {"image": PICTURE, "video": CLIP}
    began = time.monotonic()
    try:
        for media, file in files.items():
            folder = room / f"decoded-{media}"
            folder.mkdir()
            probe(file, media, folder, limits)
    except EngineUnavailable as error:
        return failed(
            "decoders", error.message, "install requirements.txt into the Python that runs this (`make setup`)"
        )
    except AnalysisError as error:
        advice = "the reference media is whole, so the decoders are not: install requirements.txt again (`make setup`)"
        return failed("decoders", f"{media}: {error.message}", advice)
    return ok("decoders", "the reference picture and clip were read", seconds=time.monotonic() - began)
