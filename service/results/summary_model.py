"""`summary.json` as typed values; its JSON Schema is part of `GET /schema/<version>`.

Light to import, for web processes, which need the schema and compute no summary.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SUMMARY_SCHEMA: Literal[1] = 1
"""Version of `summary.json`."""

Support = Literal["supported", "weak", "not_estimable"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Excluded(_Part):
    """A stretch that is not to be used, in seconds; the start belongs to it, the end does not."""

    start_s: float
    end_s: float


class Gate(_Part):
    """The quality gate: the rows that statistics use."""

    success: int = Field(description="In videos, rows with this `success`; pictures have no such column.")
    confidence: float = Field(ge=0, le=1, description="And with at least this `confidence`.")
    excluded: list[Excluded] = Field([], description="And outside these stretches, as annotated beside the result.")
    why: str


class EventRule(_Part):
    """Definition of an event of an action unit; times in seconds."""

    column: str = Field(description="Pattern of the columns that it is used on.")
    onset: float = Field(description="It begins where the value reaches this…")
    offset: float = Field(description="…and goes on while the value is at least this (hysteresis).")
    merge_s: float = Field(description="Two with less than this between them are one.")
    shortest_s: float = Field(description="Shorter ones are not counted.")
    longest_s: float | None = Field(description="Longer ones are counted apart; null: any length.")
    why: str


class Rules(_Part):
    """The definitions behind the events."""

    intensity: EventRule
    presence: EventRule
    blink: EventRule


class Spread(_Part):
    """A distribution over the rows that pass the gate: `sd` of the population, percentiles by linear interpolation."""

    n: int
    mean: float
    sd: float
    min: float
    p5: float
    p25: float
    p50: float
    p75: float
    p95: float
    max: float


class Event(_Part):
    """One event; times in seconds from the beginning of the media."""

    start_s: float
    end_s: float
    peak: float
    peak_s: float


class Events(_Part):
    """Events of one column; `peaks` lists the highest, in order of time."""

    count: int
    per_minute: float | None = Field(description="Null where too little was observed.")
    mean_length_s: float | None
    peaks: list[Event]


class Intensity(_Part):
    """Intensity of an action unit (`AUxx_r`), 0 to 5."""

    spread: Spread
    events: Events


class Presence(_Part):
    """Presence of an action unit (`AUxx_c`)."""

    share: float = Field(ge=0, le=1, description="Share of the rows that pass the gate with presence 1.")
    events: Events


class ActionUnit(_Part):
    """One action unit over a video; null where not measured, never 0."""

    support: Support = Field(description="How well the engine measures it, as the engine states.")
    intensity: Intensity | None
    presence: Presence | None
    disagree_share: float | None = Field(
        description="Share of the rows that pass the gate with presence 1 at intensity 0, or 0 at intensity 1 or more."
    )


class ActionUnitOfPicture(_Part):
    """One action unit of a face in a picture."""

    support: Support
    intensity: float | None
    presence: int | None


class Pose(_Part):
    """Head pose in degrees and millimetres; null where not measured."""

    pitch_deg: Spread | None
    yaw_deg: Spread | None
    roll_deg: Spread | None
    x_mm: Spread | None
    y_mm: Spread | None
    z_mm: Spread | None


class Gaze(_Part):
    """Gaze angle of both eyes, in degrees: x across, y down."""

    x_deg: Spread | None
    y_deg: Spread | None


class Blinks(_Part):
    """Blinks, counted from `AU45_r`."""

    count: int
    per_minute: float | None = Field(description="Null where too little was observed.")
    mean_length_s: float | None
    longer_closures: int = Field(description="Eyes closed for longer than a blink; not among the blinks.")


class Track(_Part):
    """One `face_id` of a video: a slot of the tracker, not a person."""

    face_id: int
    rows: int
    rows_used: int
    observed_s: float = Field(description="Time covered by the rows that pass the gate.")
    confidence: Spread | None = Field(description="Of all rows.")
    face_height_px: Spread | None = Field(description="Height of the box around the landmarks.")
    action_units: dict[str, ActionUnit]
    head_pose: Pose
    gaze: Gaze
    blinks: Blinks | None = Field(description="Null where AU45 was not measured.")


class Face(_Part):
    """One face of a picture; null where not measured."""

    face: int
    used: bool = Field(description="Whether it passes the gate.")
    confidence: float | None
    box_px: list[float] | None = Field(description="Around the landmarks: x, y, width, height.")
    head_pose: dict[str, float | None] = Field(description="pitch_deg yaw_deg roll_deg x_mm y_mm z_mm")
    gaze: dict[str, float | None] = Field(description="x_deg y_deg")
    action_units: dict[str, ActionUnitOfPicture]


class Histogram(_Part):
    """Rows by confidence; `edges` has one number more than `counts`."""

    edges: list[float]
    counts: list[int]


class Rows(_Part):
    """Numbers of rows of the table."""

    total: int
    used: int
    without_success: int
    excluded: int = Field(0, description="In annotated stretches that are not to be used.")
    low_confidence: int = Field(description="Of those with success, below the gate's confidence.")


class Frames(_Part):
    """Numbers of frames of a video."""

    expected: int | None
    decoded: int | None = Field(description="While a copy was made for the engine; null where none was needed.")
    written: int
    with_face: int = Field(description="With a row of success 1.")
    used: int = Field(description="With a row that passes the gate.")


class Completeness(_Part):
    """Whether the table covers the whole media, by the manifest."""

    verdict: Literal["complete", "partial", "unknown"]
    reason: str | None


class TableFacts(_Part):
    """The table behind the summary."""

    sha256: str = Field(description="Computed when the summary was made.")
    as_published: bool | None = Field(description="Whether it equals the manifest's; null where the manifest has none.")
    columns: int


class EngineFacts(_Part):
    """The engine."""

    name: str
    version: str | None
    licence_class: str | None


class Caution(_Part):
    """A caution that applies to this result."""

    code: str
    text: str


class Summary(_Part):
    """Statistics of a result: by face, over a video or of a picture."""

    summary_schema: Literal[1]
    job: dict[str, Any] = Field(description="id, container, blob, media, media_type, options; as in the manifest.")
    engine: EngineFacts | None
    table: TableFacts
    completeness: Completeness
    gate: Gate
    rules: Rules | None = Field(description="Null for pictures, which have no events.")
    rows: Rows
    frames: Frames | None = Field(description="Null for pictures.")
    confidence: Histogram
    tracks: list[Track] = Field(description="Of a video.")
    faces: list[Face] = Field(description="Of a picture.")
    not_measured: list[str] = Field(description="Action-unit columns without one value.")
    cautions: list[Caution]
