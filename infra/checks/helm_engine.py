"""Render a chart with Helm's own engine, out of the library in helm-sdkpy's wheel: `helm_engine.py LIBRARY CHART`.

A process of its own, since the library says what it has rendered on standard error: it offers `lint` and no `template`,
so the chart given here is a copy with a template added that prints all others (see `chart.py`). Only the standard
library, and no import of the wheel's Python code, which wants a newer Python than the library does.
"""

from __future__ import annotations

import ctypes
import sys


def main(library: str, chart: str) -> int:
    """Lint the chart, which renders it; the exit code."""
    helm = ctypes.CDLL(library)
    helm.helm_sdkpy_last_error.restype = ctypes.c_char_p
    handle, answer = ctypes.c_ulonglong(), ctypes.c_char_p()
    failed = helm.helm_sdkpy_config_create(b"default", b"", b"", b"", ctypes.byref(handle)) or helm.helm_sdkpy_lint(
        handle, chart.encode(), ctypes.byref(answer)
    )
    if failed:
        print((helm.helm_sdkpy_last_error() or b"").decode())
        return 1
    print((answer.value or b"").decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
