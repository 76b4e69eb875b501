"""What is to be analysed, as a value: its identity, its options, and its form as a queue message."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, get_args

from service.errors import BadJob, BadRequest
from service.logs import bound_to_trace

SCHEMA = 1
"""Version of the queue message; a worker hands back what is newer, and sets aside, untouched, what it does not know."""

Media = Literal["image", "video"]
MediaType = Literal["posed", "wild"]
Faces = Literal["one", "many"]
ActionUnits = Literal["dynamic", "static"]

SHORT_FORMS: dict[str, tuple[Media, MediaType]] = {
    "ip": ("image", "posed"),
    "iw": ("image", "wild"),
    "vp": ("video", "posed"),
    "vw": ("video", "wild"),
}


@dataclass(frozen=True)
class JobOptions:
    """How a media item is to be analysed; every field is part of the job's identity.

    Attributes:
        faces: ``one`` keeps the biggest face of a picture and runs FeatureExtraction on a video;
            ``many`` keeps all and runs FaceLandmarkVidMulti.
        au: ``static`` action-unit models judge each frame alone; ``dynamic`` ones calibrate over the clip.
        multi_view: several starting views a face (slower; ``-wild`` turns it on by itself).
        overlay: the media once more, with what was measured drawn into it.
        gallery: in which to look who is seen; empty for none.
    """

    faces: Faces
    au: ActionUnits
    multi_view: bool
    overlay: bool = False
    gallery: str = ""

    @classmethod
    def resolve(
        cls, media: Media, media_type: MediaType, given: Mapping[str, str], *, galleries: bool = False
    ) -> JobOptions:
        """Fill in what was not asked for, as the OpenFace commands would.

        Args:
            galleries: a gallery may be named; whose it is has been looked at.

        Raises:
            BadRequest: an option or value is unknown, or cannot be had for this media.
        """
        unknown = sorted(set(given) - OPTION_VALUES.keys())
        if unknown:
            raise BadRequest(
                f"unknown option {', '.join(unknown)}; known: {', '.join(OPTION_VALUES)}", "unknown_option"
            )
        if given.get("gallery") and not galleries:
            raise BadRequest("this deployment knows no galleries", "option_unavailable")
        gallery = given.get("gallery", "")
        for name, value in given.items():
            if name == "gallery":
                continue
            allowed = OPTION_VALUES[name]
            if value not in allowed:
                raise BadRequest(f"{name}={value!r} is not one of {', '.join(allowed)}", "bad_option")
        faces = given.get("faces", "many" if media == "image" else "one")
        static_only = media == "image" or faces == "many"
        au = given.get("au", "static" if static_only else "dynamic")
        if static_only and au == "dynamic":
            raise BadRequest(
                "au=dynamic calibrates over the frames of one tracked face; "
                "pictures and videos with faces=many are always au=static",
                "bad_option",
            )
        multi_view = given.get("multi_view", "1" if media_type == "wild" else "0") == "1"
        return cls(
            faces=_literal(faces, Faces),
            au=_literal(au, ActionUnits),
            multi_view=multi_view,
            overlay=given.get("overlay", "0") in {"1", "true"},
            gallery=gallery,
        )


OPTION_VALUES: dict[str, tuple[str, ...]] = {
    "faces": get_args(Faces),
    "au": get_args(ActionUnits),
    "multi_view": ("0", "1"),
    "overlay": ("0", "1", "false", "true"),
    "gallery": ("",),
}
"""Options of the route and their values."""


@dataclass(frozen=True)
class AnalysisJob:
    """One media item to be analysed in one way.

    Attributes:
        container: blob container of the upload.
        blob: its name inside the container.
        etag: ETag without quotes (listings and events leave them out, properties do not).
        generation: 0; an explicit re-run of a finished job adds one.
    """

    container: str
    blob: str
    etag: str
    media: Media
    media_type: MediaType
    options: JobOptions
    generation: int = 0

    @cached_property
    def job_id(self) -> str:
        """32 hex digits; the same media analysed the same way has the same id, whoever asks."""
        canonical = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:32]

    @property
    def stem(self) -> str:
        """Name of the results, as OpenFace forms it: the file name without its last extension."""
        name = self.blob.rsplit("/", 1)[-1]
        return name.rpartition(".")[0] or name

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> AnalysisJob:
        """Inverse of `as_dict`.

        Raises:
            BadJob: a field is missing, unknown or of the wrong type.
        """
        try:
            media, media_type = _literal(fields["media"], Media), _literal(fields["media_type"], MediaType)
            options = dict(fields["options"])
            job = cls(
                container=_text(fields["container"]),
                blob=_text(fields["blob"]),
                etag=_text(fields["etag"]),
                media=media,
                media_type=media_type,
                options=JobOptions(
                    faces=_literal(options.pop("faces"), Faces),
                    au=_literal(options.pop("au"), ActionUnits),
                    multi_view=bool(options.pop("multi_view")),
                    overlay=bool(options.pop("overlay")),
                    gallery=str(options.pop("gallery")),
                ),
                generation=int(fields["generation"]),
            )
        except (KeyError, TypeError, ValueError, BadRequest) as error:
            raise BadJob(f"the job cannot be read: {error!r}") from error
        if options:
            raise BadJob(f"the job has options that this version does not know: {', '.join(sorted(options))}")
        return job


class NewerJob(BadJob):
    """The queue message is of a newer release's schema; a worker of that release will take it."""


@dataclass(frozen=True)
class QueuedJob:
    """A job and the trace it belongs to, as it travels through the queue: references only, no media.

    Attributes:
        created, version: of the job's record when the message was sent, so that whoever claims it first need not
            read it; None and empty in messages that do not say.
    """

    job: AnalysisJob
    traceparent: str
    created: datetime | None = None
    version: str = ""

    def encode(self) -> str:
        """Message text: plain JSON in ASCII, well under the queue's 64 KiB."""
        record = {"created": self.created.isoformat(), "version": self.version} if self.created else None
        return json.dumps(
            {
                "schema": SCHEMA,
                "job_id": self.job.job_id,
                "traceparent": self.traceparent,
                "job": self.job.as_dict(),
                **({"record": record} if record else {}),
            }
        )

    @classmethod
    def decode(cls, text: str) -> QueuedJob:
        """Inverse of `encode`.

        Raises:
            NewerJob: of a schema version to come.
            BadJob: not JSON, another schema version, or an id that is not the job's.
        """
        try:
            fields = json.loads(text)
            schema = fields["schema"]
        except (ValueError, TypeError, KeyError) as error:
            raise BadJob(f"the message is not a job: {error!r}") from error
        if isinstance(schema, int) and schema > SCHEMA:
            raise NewerJob(f"the message has schema version {schema}; this worker knows {SCHEMA}")
        if schema != SCHEMA:
            raise BadJob(f"the message has schema version {schema!r}; this worker knows {SCHEMA}")
        job = AnalysisJob.from_dict(fields.get("job") or {})
        if fields.get("job_id") != job.job_id:
            raise BadJob("the message's job id does not belong to its job")
        created, version = _record_of(fields.get("record"))
        return cls(job, str(fields.get("traceparent", "")), created, version)


def _record_of(told: Any) -> tuple[datetime | None, str]:
    """What a message says of its job's record. Raises BadJob."""
    if told is None:
        return None, ""
    try:
        return datetime.fromisoformat(told["created"]), _text(told["version"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadJob(f"the message's record cannot be read: {error!r}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is not a name")
    return value


def _literal(value: Any, kind: Any) -> Any:
    if value not in get_args(kind):
        raise BadRequest(f"{value!r} is not one of {', '.join(get_args(kind))}")
    return value


def log_context(job: AnalysisJob, traceparent: str) -> AbstractContextManager[None]:
    """Bind the job and its trace to every line logged inside the block."""
    return bound_to_trace(traceparent, job_id=job.job_id, container=job.container, blob=job.blob)
