"""Schema routes: the columns of results, and the engine's support for each."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel, Field

from service.engine.column_meanings import SCHEMA_VERSION, Column, meanings
from service.engine.installed import Engine
from service.errors import EngineUnavailable, NotFound
from service.results.summary_model import Summary
from service.web.protocol.openapi import needs, operation_name, problems
from service.web.services import services

TO_READ = needs("read", own=True)

schema = APIBlueprint("schema", __name__, abp_tags=[Tag(name="Schema")], operation_id_callback=operation_name)


class ColumnFacts(BaseModel):
    """One column of a result."""

    name: str
    group: str
    unit: str = Field(description="Empty for numbers without one.")
    low: float | None = Field(description="Values outside are errors; null where there is no bound.")
    high: float | None
    meaning: str
    caveat: str
    support: str | None = Field(description="Support for an action unit by this server's engine; null for others.")
    rests_on: str | None = Field(description="Source of an action unit in the engine; null where it declares none.")
    cannot_tell: str | None = Field(
        description="Expressions that look alike to the engine; null where it declares none."
    )


class DeployedEngine(BaseModel):
    """An engine of this deployment."""

    option: str = Field(description="Value of `engine=` that chooses it; empty for the deployment's own engine.")
    name: str
    version: str | None
    licence_class: str = Field(description="`research-only` or `permissive`: the use that its numbers may have.")


class Schema(BaseModel):
    """The schema of results."""

    version: int
    engine: DeployedEngine | None = Field(description="Null where this server has none; workers may have another.")
    engines: list[DeployedEngine] = Field(description="The engines that a job can choose.")
    image: list[ColumnFacts]
    video: list[ColumnFacts]
    summary: dict[str, Any] = Field(description="JSON Schema of `summary.json`.")


class SchemaPath(BaseModel):
    """Version of the schema."""

    version: int = Field(ge=1, le=10**6)


@schema.get("/schema", endpoint="current", responses={200: Schema, **problems(400)}, security=TO_READ)
def current_schema() -> Response:
    """Show columns, units, ranges and caveats of the current version."""
    return _answer()


@schema.get("/schema/<version>", endpoint="one", responses={200: Schema, **problems(400, 404)}, security=TO_READ)
def one_schema(path: SchemaPath) -> Response:
    """Show the schema version that a manifest names."""
    if path.version != SCHEMA_VERSION:
        raise NotFound(f"there is no schema {path.version}; the current one is {SCHEMA_VERSION}", "schema_not_found")
    return _answer()


def _answer() -> Response:
    settings = services().settings
    others = tuple(settings.engine_folders.items())
    return jsonify(_schema(settings.openface_bin_dir, others).model_dump(mode="json"))


@cache
def _schema(bin_dir: Path, others: tuple[tuple[str, Path], ...]) -> Schema:
    engine = _found(bin_dir)
    named = [("", engine), *((name, _found(folder)) for name, folder in others)]
    image, video = ([_facts(column, engine) for column in meanings(media)] for media in ("image", "video"))
    return Schema(
        version=SCHEMA_VERSION,
        engine=_engine_facts("", engine) if engine else None,
        engines=[_engine_facts(name, each) for name, each in named if each],
        image=image,
        video=video,
        summary=Summary.model_json_schema(),
    )


def _found(bin_dir: Path) -> Engine | None:
    try:
        return Engine.find(bin_dir)
    except EngineUnavailable:
        return None


def _engine_facts(option: str, engine: Engine) -> DeployedEngine:
    return DeployedEngine(option=option, name=engine.name, version=engine.version, licence_class=engine.licence_class)


def _facts(column: Column, engine: Engine | None) -> ColumnFacts:
    declared = engine.au_facts.get(column.name) if engine else None
    return ColumnFacts(
        **asdict(column),
        support=engine.au_support.get(column.name) if engine else None,
        rests_on=declared.rests_on if declared else None,
        cannot_tell=declared.cannot_tell if declared else None,
    )
