"""The suite's own sharing out: without its groups every stack would start on every worker."""

from __future__ import annotations

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="shared out to workers alone (pytest -n)")
def test_the_tests_of_a_file_are_one_group_of_the_scheduler(request: pytest.FixtureRequest) -> None:
    assert request.node.nodeid.endswith("@infra/test_groups.py")
