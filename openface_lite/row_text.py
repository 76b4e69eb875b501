"""The text of a table's row, most of whose numbers have one decimal.

Python takes a sixth of a microsecond for the decimals of a number, and a row has 623 with one. Their texts are
remembered: frame after frame a face's pixels and millimetres are among a few thousand tenths.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openface_lite.arrays import Array

# Texts of tenths, each with its comma in 8 bytes: up to 9999.9 with a sign. Twice the tenths is the place of a text,
# one less for a number with a sign, which -0.0 has too: negative places count from the end. 0: not made yet.
_LARGEST: Final = 99_999
_texts: Final = np.zeros(4 * (_LARGEST + 1), np.uint64)
# This far from the middle between two tenths, a number's tenths are those that Python rounds it to.
_NEARLY_HALF: Final = 0.5 - 1e-6


class Part(NamedTuple):
    """Neighbouring columns, from ``start`` to before ``stop``, that all have one decimal or all another number."""

    start: int
    stop: int
    template: str
    is_tenths: bool


def parts_of(decimals: Iterable[int]) -> tuple[Part, ...]:
    """The parts of a row whose columns have these numbers of decimals."""
    parts, start = [], 0
    for is_tenths, run in groupby(decimals, key=lambda count: count == 1):
        formats = [f"%.{count}f" for count in run]
        parts.append(Part(start, start + len(formats), ",".join(formats), is_tenths))
        start += len(formats)
    return tuple(parts)


def line(parts: tuple[Part, ...], numbers: Array) -> str:
    """One line without its line end; NaN becomes an empty cell."""
    return ",".join([_text(part, numbers[part.start : part.stop]) for part in parts])


def _text(part: Part, numbers: Array) -> str:
    places = _places(numbers) if part.is_tenths else None
    texts = None if places is None else _texts[places]
    if texts is not None and texts.all():
        return texts.tobytes().translate(None, b"\0")[:-1].decode()
    # The one word a number can be printed as.
    text = (part.template % tuple(numbers.tolist())).replace("nan", "")
    if places is not None:
        _texts[places] = np.array([f"{each}," for each in text.split(",")], "S8").view(np.uint64)
    return text


def _places(numbers: Array) -> NDArray[np.intp] | None:
    """Where the numbers' texts are; None if one has no place."""
    scaled = 10 * numbers
    tenths = np.rint(scaled)
    # False for NaN.
    if np.abs(scaled - tenths).max() < _NEARLY_HALF and np.abs(tenths).max() <= _LARGEST:
        return np.asarray(2 * tenths - np.signbit(scaled), np.intp)
    return None
