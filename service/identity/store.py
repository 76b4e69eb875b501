"""The identity database: SQLite, or PostgreSQL for more than one machine.

Every change of a gallery begins with an update of the gallery's row, which locks it until the commit: changes of one
gallery happen one after the other, those of different galleries do not wait for each other (on PostgreSQL).
"""

from __future__ import annotations

import fcntl
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Dialect,
    Engine,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    make_url,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.types import TypeDecorator

from service.errors import StorageUnavailable
from service.identity.vectors import Embedding
from service.logs import log
from service.settings import BadSettings

BUSY_S = 30.0
"""Longest wait of a change for the one before it (SQLite has one at a time)."""
CHECKPOINT_WAIT_MS = 2000
"""Longest wait of an erasure for readers that keep SQLite's log from being emptied."""
SET_UP_LOCK = 0x1DE27177
"""Number of PostgreSQL's advisory lock under which one process at a time creates missing tables."""

POOL: dict[str, Any] = {"pool_size": 4, "max_overflow": 28}
"""Connections of a process: a few that stay open, and as many more as gunicorn's usual threads."""

IMMEDIATE = "immediate"


class Moment(TypeDecorator[datetime]):
    """A time in UTC; SQLite drops the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class EmbeddingColumn(TypeDecorator[Embedding]):
    """128 float32 as bytes, little-endian."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Embedding | None, dialect: Dialect) -> bytes | None:
        return None if value is None else np.asarray(value, "<f4").tobytes()

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Embedding | None:
        return None if value is None else np.frombuffer(value, "<f4")


METADATA = MetaData()

galleries = Table(
    "identity_galleries",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("created", Moment, nullable=False),
    # Incremented whenever a face may have been removed; added faces are found by their numbers.
    Column("generation", Integer, nullable=False),
)

people = Table(
    "identity_people",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("gallery", ForeignKey("identity_galleries.name", ondelete="CASCADE"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("consent", String(200), nullable=False),
    Column("created", Moment, nullable=False),
    Column("expires", Moment, index=True),
    Index("identity_people_by_name", "gallery", "name"),
)

faces = Table(
    "identity_faces",
    METADATA,
    # Counts up and is never reused, so that a reader finds new faces by their numbers.
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("token", String(24), nullable=False, unique=True),
    Column("gallery", String(64), nullable=False),
    Column("person", ForeignKey("identity_people.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("model", String(80), nullable=False),
    Column("embedding", EmbeddingColumn, nullable=False),
    Column("thumbnail", LargeBinary),
    Column("created", Moment, nullable=False),
    Index("identity_faces_in_order", "gallery", "number"),
    sqlite_autoincrement=True,
)

temporary = Table(
    "identity_temporary",
    METADATA,
    Column("token", String(24), primary_key=True),
    Column("gallery", ForeignKey("identity_galleries.name", ondelete="CASCADE"), nullable=False),
    Column("model", String(80), nullable=False),
    Column("embedding", EmbeddingColumn, nullable=False),
    # Always empty; earlier builds stored a picture of the face.
    Column("crop", LargeBinary, nullable=False),
    Column("expires", Moment, nullable=False, index=True),
)

mentions = Table(
    "identity_mentions",
    METADATA,
    Column("person", ForeignKey("identity_people.id", ondelete="CASCADE"), primary_key=True),
    Column("job_id", String(32), primary_key=True),
    Column("container", String(63), nullable=False),
    Column("blob", String(1024), nullable=False),
    Column("created", Moment, nullable=False),
)


def default_url(folder: Path) -> str:
    """URL of a SQLite file in a folder."""
    return f"sqlite:///{folder / 'identity.sqlite3'}"


class Store:
    """One database, connected on first use; safe to use from many threads."""

    def __init__(self, url: str) -> None:
        """Raises BadSettings for a URL of another kind of database."""
        self._engine = _engine(url)
        self._is_ready = False
        self._setting_up = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that reads one consistent state. Raises StorageUnavailable."""
        with self._connected() as connection:
            if self._engine.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def changing(self, gallery: str, *, removes: bool = False, erases: bool = False) -> Iterator[Connection]:
        """Open a transaction that changes one gallery, and create the gallery if it is missing.

        Args:
            removes: the change may remove enrolled faces, or let them expire; includes `erases`.
            erases: the change deletes personal data; SQLite's log of older pages is emptied after the commit.

        Raises:
            StorageUnavailable: also for errors of the database inside the block.
        """
        with self._connected() as connection:
            # On SQLite, a transaction that reads first and writes later can fail at its first write.
            connection.execution_options(**{IMMEDIATE: True})
            with connection.begin():
                _touch(connection, gallery, removes=removes)
                yield connection
        if removes or erases:
            self.checkpoint()

    def checkpoint(self) -> bool:
        """Empty SQLite's write-ahead log, which still holds deleted pages; returns whether it is empty.

        A reader in another process can keep it from being emptied; the next erasure or sweep tries again. PostgreSQL
        reuses deleted rows by its own vacuum.
        """
        if self._engine.dialect.name != "sqlite":
            return True
        with self._connected() as connection:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={CHECKPOINT_WAIT_MS}")
            try:
                busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={round(1000 * BUSY_S)}")
        if busy:
            log.warning("identity.log_not_emptied")
        return not busy

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            self._get_ready()
            with self._engine.connect() as connection:
                yield connection
        except (SQLAlchemyError, sqlite3.Error) as error:
            # The text of a database error contains the statement and its values.
            kind = type(error.orig if isinstance(error, DBAPIError) else error).__name__
            raise StorageUnavailable(f"the identity database failed: {kind}") from None

    def _get_ready(self) -> None:
        with self._setting_up:
            if not self._is_ready:
                (_set_up_sqlite if self._engine.dialect.name == "sqlite" else _set_up_postgresql)(self._engine)
            self._is_ready = True


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        # The URL is not quoted: it may hold a password.
        raise BadSettings("IDENTITY_DATABASE: not a database URL") from None
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        return create_engine(parsed, pool_pre_ping=True, hide_parameters=True, **POOL)
    raise BadSettings("IDENTITY_DATABASE: not a URL of SQLite (sqlite:///…) or PostgreSQL (postgresql://…)")


def _sqlite(url: str) -> Engine:
    path = Path(make_url(url).database or "")
    if not path.name:
        raise BadSettings("IDENTITY_DATABASE: SQLite needs a file (sqlite:////folder/file)")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise BadSettings(f"IDENTITY_DATABASE: {path} cannot be used: {error.strerror or error}") from error
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_S}, **POOL)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # Python's sqlite3 begins transactions late; `_begin` below begins them.
        connection.isolation_level = None
        for pragma in ("foreign_keys=ON", "secure_delete=ON", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(IMMEDIATE) else "BEGIN")

    return engine


def _set_up_sqlite(engine: Engine) -> None:
    """Create missing tables, and let readers and a writer work at once (WAL, a property of the file)."""
    path = Path(engine.url.database or "")
    with path.with_name(f"{path.name}-lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode=WAL")
        finally:
            raw.close()
        METADATA.create_all(engine)


def _set_up_postgresql(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SET_UP_LOCK})
        if connection.execute(_COLUMN_TYPE).scalar() == "vector":
            raise StorageUnavailable("IDENTITY_DATABASE holds embeddings of pgvector's type; enrol into a new database")
        METADATA.create_all(connection)


_COLUMN_TYPE = text(
    "SELECT udt_name FROM information_schema.columns WHERE table_schema = current_schema() "
    "AND table_name = 'identity_faces' AND column_name = 'embedding'"
)


def _touch(connection: Connection, gallery: str, *, removes: bool) -> None:
    """Create the gallery if it is missing, and lock its row until the commit."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    fresh = insert(galleries).values(name=gallery, created=now(), generation=0)
    connection.execute(fresh.on_conflict_do_nothing())
    generation = galleries.c.generation + (1 if removes else 0)
    connection.execute(update(galleries).where(galleries.c.name == gallery).values(generation=generation))
