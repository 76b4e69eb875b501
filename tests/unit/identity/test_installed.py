"""Identity is on where it was asked for and its packages are there."""

from __future__ import annotations

import pytest

from service.identity import installed
from service.identity.installed import is_wanted
from service.settings import BadSettings, Settings


def test_identity_is_off_unless_it_is_asked_for() -> None:
    assert not is_wanted(Settings.load({}))
    assert is_wanted(Settings.load({"IDENTITY": "on"}))


def test_missing_packages_are_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "PACKAGES", ("json", "no_such_package", "nor_this_one"))
    with pytest.raises(BadSettings, match=r"^IDENTITY: no_such_package, nor_this_one missing; `pip install"):
        is_wanted(Settings.load({"IDENTITY": "on"}))
    # Without IDENTITY none is needed.
    assert not is_wanted(Settings.load({}))


def test_the_older_routes_need_the_newer_ones() -> None:
    with pytest.raises(BadSettings, match="IDENTITY_LEGACY"):
        is_wanted(Settings.load({"IDENTITY_LEGACY": "on"}))
