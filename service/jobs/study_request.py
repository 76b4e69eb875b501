"""A request for the table and report of a study, as a text in the queue of reports."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TEXT = re.compile(r"study:(?P<study>[a-z0-9][a-z0-9._-]{0,62})(?::(?P<key>[A-Za-z0-9._-]{1,64}))?")


@dataclass(frozen=True)
class StudyRequest:
    """A request.

    Attributes:
        key_name: only the jobs of this API key; empty for all.
    """

    study: str
    key_name: str = ""

    @property
    def text(self) -> str:
        return f"study:{self.study}:{self.key_name}" if self.key_name else f"study:{self.study}"

    @classmethod
    def read(cls, text: str) -> StudyRequest | None:
        """Inverse of `text`; None for any other text."""
        found = _TEXT.fullmatch(text)
        return cls(found["study"], found["key"] or "") if found else None
