"""What belongs to one key alone: galleries are shown to their owner, and restricted keys see their own uploads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, g

from service.jobs.submit import UPLOADED_BY
from service.storage.blob_store import BlobInfo
from service.web.access.keys import new_key
from service.web.access.ownership import (
    ANONYMOUS,
    caller_name,
    hide_gallery,
    is_visible,
    own_name,
    visible_gallery,
)

ANNA = new_key("anna", ["read"])[1]


@pytest.fixture(autouse=True)
def _request() -> Iterator[None]:
    with Flask(__name__).test_request_context("/"):
        yield


def test_without_keys_all_callers_are_one() -> None:
    assert (caller_name(), own_name()) == (ANONYMOUS, "")
    g.key = ANNA
    assert (caller_name(), own_name()) == ("anna", "anna")


def test_a_gallery_is_shown_to_its_owner_alone() -> None:
    g.key = ANNA
    assert (visible_gallery("anna"), visible_gallery("ben"), visible_gallery("")) == ("anna", "", "")


@pytest.mark.parametrize(("gallery", "shown"), [("anna", "anna"), ("ben", ""), (None, None)])
def test_a_manifest_hides_anothers_gallery_and_nothing_else(gallery: str | None, shown: str | None) -> None:
    g.key = ANNA
    manifest = {"job": {"options": {"au": "static", "gallery": gallery}}, "faces": 1}
    assert hide_gallery(manifest) == {"job": {"options": {"au": "static", "gallery": shown}}, "faces": 1}
    assert hide_gallery({}) == {}


def test_a_restricted_key_sees_the_uploads_that_bear_its_name() -> None:
    def upload(**metadata: str) -> BlobInfo:
        return BlobInfo("a.jpg", "e", 1, metadata=metadata)

    g.key = ANNA
    assert is_visible(upload(**{UPLOADED_BY: "ben"})) and is_visible(upload())
    g.sees_own_only = True
    assert is_visible(upload(**{UPLOADED_BY: "anna"}))
    assert not is_visible(upload(**{UPLOADED_BY: "ben"})) and not is_visible(upload())
