"""Fixtures of several rooms."""

from tests.fixtures.reports_made import openface, portrait

__all__ = ["openface", "portrait"]
