"""Wrong clocks of the parts: a shim in C that is preloaded into them, and a file for each that says how wrong.

Where there is no C compiler, the run does without and says so.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

SHIM = Path(__file__).parent / "skewed_clock.c"


@dataclass(frozen=True)
class Clocks:
    """Clocks of the parts by their names; a worker's is its WORKER_NAME."""

    folder: Path

    @classmethod
    def install(cls, folder: Path, names: Iterable[str]) -> Clocks | None:
        """Compile the shim; None where that cannot be done."""
        compiler = shutil.which("cc")
        folder.mkdir(parents=True)
        clocks = cls(folder)
        for name in names:
            clocks.set(name, 0.0)
        if not compiler:
            return None
        argv = [compiler, "-shared", "-fPIC", "-O2", "-o", str(clocks._shim), str(SHIM), "-ldl", "-lm"]
        return clocks if subprocess.run(argv, capture_output=True, check=False).returncode == 0 else None

    @property
    def environ(self) -> Mapping[str, str]:
        """Variables of the parts that are to have these clocks."""
        return {"LD_PRELOAD": str(self._shim), "CHAOS_CLOCKS": str(self.folder)}

    def set(self, name: str, seconds_ahead: float) -> None:
        """Step a clock, also that of a running part."""
        file = self.folder / name
        # Written in place: running parts have mapped it.
        with file.open("r+b" if file.exists() else "w+b") as clock:
            clock.write(struct.pack("=d", seconds_ahead))

    @property
    def _shim(self) -> Path:
        return self.folder / "skewed_clock.so"
