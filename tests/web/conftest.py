"""The application over real storage."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from service.web.app import create_app
from tests.conftest import Premises


@pytest.fixture
def client(premises: Premises) -> FlaskClient:
    return create_app(premises.services).test_client()
