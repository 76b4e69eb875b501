"""The folder of executables that a run's workers are given, and the journal of what those did."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.fixtures.media_made import FAKES

COMMAND = Path(__file__).parent / "engine" / "command"
REAL = Path(__file__).parents[3] / "openface_lite" / "bin"

LIES = ("silent_success", "half_csv")
"""Ending well with nothing to show, or with half a table."""
FAULTS = ("crash", "hang", "killed", *LIES)
"""Named as the stand-ins of `tests/fixtures/fake_openface` are."""

LABEL = {"name": "chaos", "licence_class": "permissive", "commands": ["FaceLandmarkImg", "FeatureExtraction"]}


@dataclass(frozen=True)
class EngineOfRun:
    """One run's engine.

    Attributes:
        folder: what OPENFACE_BIN_DIR names.
    """

    folder: Path

    @classmethod
    def install(cls, folder: Path, seed: int, share: float) -> EngineOfRun:
        """Copy the commands; each crashes, hangs, is killed and lies in such a share of its runs."""
        (folder / "runs").mkdir(parents=True)
        for name in LABEL["commands"]:
            shutil.copy(COMMAND, folder / name)
        # Both ways of taking pictures have their runs.
        (folder / "engine.json").write_text(json.dumps({**LABEL, "reads_lines": seed % 2 == 0}))
        each = {fault: share / len(LIES) if fault in LIES else share for fault in FAULTS}
        plan = {"seed": seed, "faults": each, "real": str(REAL), "stand_ins": str(FAKES)}
        (folder / "plan.json").write_text(json.dumps(plan))
        return cls(folder)

    def faults(self) -> Counter[str]:
        """How often each happened; runs without one are counted under the empty name."""
        journal = self.folder / "journal.jsonl"
        lines = journal.read_text().splitlines() if journal.exists() else []
        return Counter(json.loads(line)["fault"] for line in lines)
