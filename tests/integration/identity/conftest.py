"""Stores of both kinds, children that make embeddings, and applications that ask for keys."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient
from sqlalchemy import NullPool, create_engine, make_url, text

from service.identity.embedder import Embedder
from service.identity.services import IdentityServices
from service.identity.store import Store, default_url
from service.settings import Settings
from service.storage.folder import FolderBlobs
from service.web.access.auth import Authenticator
from service.web.access.keys import Key, new_key
from service.web.app import create_app
from service.web.identity.app import add_identity
from tests.conftest import ASTRONAUT
from tests.fixtures.postgres import can_run, postgres

KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.skipif(not can_run(), reason="no PostgreSQL here"))]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of either kind."""
    if request.param == "sqlite":
        return default_url(tmp_path / "identity")
    server = make_url(request.getfixturevalue("postgres_url")).set(drivername="postgresql+psycopg")
    name = f"t{uuid.uuid4().hex}"
    engine = create_engine(server, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    own = server.update_query_dict({"options": f"-csearch_path={name},public"})
    return own.render_as_string(hide_password=False)


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    opened = Store(database)
    yield opened
    opened.close()


def made_up(seed: int, near: int | None = None, apart: float = 0.0) -> np.ndarray[Any, np.dtype[np.float32]]:
    """An embedding as long as dlib's are; with `near`, so far from that other one."""
    own = np.random.default_rng(seed).normal(size=128)
    own /= np.linalg.norm(own)
    if near is None:
        return (1.4 * own).astype(np.float32)
    return (made_up(near) + apart * own).astype(np.float32)


@pytest.fixture(scope="session")
def embedder() -> Iterator[Embedder]:
    made = Embedder(Settings.load({"WEB_WORKERS": "1", "DETECT_CHILDREN": "1"}))
    yield made
    made.close()


@dataclass(frozen=True)
class Caller:
    """A caller with a key of its own."""

    client: FlaskClient
    key: Key
    text: str

    @property
    def gallery(self) -> str:
        return f"/galleries/{self.key.name}"

    def ask(self, method: str, path: str, **more: Any) -> Any:
        return self.client.open(path, method=method, headers={"X-API-Key": self.text}, **more)

    def get(self, path: str, **more: Any) -> Any:
        return self.ask("GET", path, **more)

    def post(self, path: str, **more: Any) -> Any:
        return self.ask("POST", path, **more)

    def delete(self, path: str, **more: Any) -> Any:
        return self.ask("DELETE", path, **more)


@dataclass(frozen=True)
class Office:
    """An application with identity, two callers, and one who may only read."""

    identity: IdentityServices
    settings: Settings
    lab: Caller
    clinic: Caller
    reader: Caller
    client: FlaskClient


@pytest.fixture
def office(embedder: Embedder, tmp_path: Path) -> Iterator[Office]:
    yield from opened(default_url(tmp_path / "identity"), embedder, tmp_path)


@pytest.fixture
def any_office(database: str, embedder: Embedder, tmp_path: Path) -> Iterator[Office]:
    """An application over either kind of database."""
    yield from opened(database, embedder, tmp_path)


def opened(database: str, embedder: Embedder, tmp_path: Path) -> Iterator[Office]:
    keys = [new_key("lab", ["identity"]), new_key("clinic", ["identity", "analyse"]), new_key("reader", ["read"])]
    settings = Settings.load(
        {
            "IDENTITY": "on",
            "IDENTITY_LEGACY": "on",
            "IDENTITY_DATABASE": database,
            "API_KEYS": " ".join(key.entry for _, key in keys),
            "WORKSPACE": str(tmp_path),
            "RATE_LIMIT_PER_MINUTE": "0",
        }
    )
    identity = IdentityServices(settings)
    identity.embedder = embedder
    client = identity_client(settings, identity)
    callers = [Caller(client, key, key_text) for key_text, key in keys]
    yield Office(identity, settings, *callers, client)
    identity.store.close()


@dataclass(frozen=True)
class OnlySettings:
    """Services with a folder for storage."""

    settings: Settings

    @property
    def blobs(self) -> FolderBlobs:
        return FolderBlobs(self.settings.workspace / "blobs")


def identity_client(settings: Settings, identity: IdentityServices, services: Any = None) -> FlaskClient:
    """An application with identity and the older forms."""
    return create_app(
        services or OnlySettings(settings),  # type: ignore[arg-type]
        Authenticator(settings),
        lambda app: add_identity(app, identity, legacy=True),
    ).test_client()


@cache
def portrait() -> np.ndarray[Any, Any]:
    """The one face, and some of what is around it."""
    return cv2.imread(str(ASTRONAUT))[0:300, 60:400]


def encoded(pixels: np.ndarray[Any, Any], kind: str = ".png") -> bytes:
    return cv2.imencode(kind, np.ascontiguousarray(pixels))[1].tobytes()


def picture(change: str = "") -> bytes:
    """The portrait, or the same person otherwise: `flipped`, `darker`, `smaller`, `turned`, as JPEG."""
    pixels = portrait()
    if change == "flipped":
        pixels = pixels[:, ::-1]
    elif change == "darker":
        pixels = (pixels * 0.6).astype(np.uint8)
    elif change == "smaller":
        pixels = cv2.resize(pixels, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    elif change == "turned":
        pixels = np.rot90(pixels)
    return encoded(pixels, ".jpg" if change else ".png")


def two_faces() -> bytes:
    return encoded(np.hstack([portrait(), portrait()[:, ::-1]]))


def no_face() -> bytes:
    return encoded(np.full((120, 160, 3), 128, np.uint8))


def file(content: bytes, name: str = "p.png") -> tuple[io.BytesIO, str]:
    return io.BytesIO(content), name
