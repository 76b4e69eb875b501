"""Local files on their way through a service."""

from __future__ import annotations

from pathlib import Path

from service.client.send import upload_name


def test_file_names_become_valid_names_of_uploads() -> None:
    assert upload_name(Path("/x/Ünï côdé (1).jpg")) == "Ünï côdé (1).jpg"
    assert upload_name(Path("/x/a\\b\tc.jpg")) == "a_b_c.jpg"
    assert upload_name(Path("/x/\udcff.jpg")) == "?.jpg"
