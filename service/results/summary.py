"""A table in a few numbers, for people who look before they load it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.results.table import Table

ALL_SUPPORTED = "supported"


def summary(table: Table, au_support: Mapping[str, str]) -> dict[str, Any]:
    """Means over the rows with a face; what was not measured is named, never counted as 0.

    Args:
        au_support: support level by action-unit column, as the engine states it; unstated is `supported`.
    """
    measures = table.measures
    units: dict[str, dict[str, Any]] = {}
    for name, intensity in measures.intensities.items():
        units[name] = {
            "mean": _rounded(intensity.mean),
            "sd": _rounded(intensity.sd),
            "max": _rounded(intensity.max),
            "support": au_support.get(name, ALL_SUPPORTED),
        }
    for name, share in measures.presence.items():
        units[name] = {"share_present": _rounded(share), "support": au_support.get(name, ALL_SUPPORTED)}
    pose = measures.head_pose_deg
    return {
        "confidence_mean": _rounded(measures.confidence_mean),
        "success_share": _success_share(table),
        "head_pose_deg": {angle: _rounded(pose.get(angle)) for angle in ("pitch", "yaw", "roll")},
        "action_units": units,
        "not_measured": list(measures.not_measured),
    }


def _success_share(table: Table) -> float | None:
    """Share of the written frames in which the face was tracked; None for pictures and empty tables."""
    if not table.frames_written:
        return None
    return _rounded((table.frames_success or 0) / table.frames_written)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
