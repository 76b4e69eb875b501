"""The part of a media item that a job measures: some frames, and a region of the picture."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from service.errors import OptionDoesNotFit

SMALLEST_REGION = 16
"""Smallest side of a region in pixels; no engine finds a face in a smaller one."""
LONGEST_NUMBER = 6


@dataclass(frozen=True)
class Region:
    """A part of the picture, in whole pixels of the upright one; x and y of its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> Region:
        """Read `x,y,w,h`. Raises ValueError."""
        parts = [part.strip() for part in text.split(",")]
        if len(parts) != len(fields(cls)) or max(map(len, parts)) > LONGEST_NUMBER:
            raise ValueError("four whole numbers x,y,w,h expected")
        region = cls(*map(int, parts))
        if min(region.x, region.y) < 0 or min(region.width, region.height) < SMALLEST_REGION:
            raise ValueError(f"x and y are 0 or more, w and h {SMALLEST_REGION} or more")
        return region

    def check_inside(self, width: int, height: int) -> None:
        """Raise OptionDoesNotFit unless the region lies inside a picture of this size."""
        if self.x + self.width > width or self.y + self.height > height:
            raise OptionDoesNotFit(f"the region {self} reaches beyond the upright picture of {width} × {height} pixels")

    def __str__(self) -> str:
        return f"{self.x},{self.y},{self.width},{self.height}"


@dataclass(frozen=True)
class Part:
    """A part of a media item.

    Attributes:
        start_s, end_s: frames from this time on and before that one, in seconds after the first frame.
        every: number of these frames of which one is measured.
        region: None for the whole picture.
    """

    start_s: float = 0.0
    end_s: float | None = None
    every: int = 1
    region: Region | None = None

    @property
    def chooses_frames(self) -> bool:
        return self.start_s > 0 or self.end_s is not None or self.every > 1

    @property
    def is_whole(self) -> bool:
        return not self.chooses_frames and self.region is None

    def as_request(self) -> dict[str, Any]:
        """Return the part as JSON for a decoder."""
        return {
            "start_s": self.start_s,
            "end_s": self.end_s,
            "every": self.every,
            "region": str(self.region) if self.region else None,
        }

    @classmethod
    def of_request(cls, fields: dict[str, Any]) -> Part:
        """Inverse of `as_request`."""
        region = fields["region"]
        return cls(fields["start_s"], fields["end_s"], fields["every"], Region.parse(region) if region else None)


WHOLE = Part()
