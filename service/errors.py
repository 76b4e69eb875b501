"""Every way a media item can fail, in one tree, so that settling is a table and not a guess.

AnalysisError                  code, retryable, HTTP status, advice, a sentence for people
├── BadRequest                 the request cannot be done as stated (400)
├── Conflict                   the request does not fit the present state (409)
├── NotFound                   no such container, blob or job (404)
├── BadJob                     a queue message that cannot be decoded, or of an unknown schema
├── MediaError
│   ├── MediaNotFound          the blob is gone
│   ├── MediaChanged           the blob was overwritten since the job was submitted
│   ├── MediaRefused           storage refuses to hand out the blob, now and on every later try
│   │   └── MediaArchived      the blob is in the archive tier, or on its way out of it
│   ├── MediaTooLarge          over a limit of bytes, pixels or seconds
│   ├── UnsupportedMedia       neither a picture nor a video of a supported format
│   └── UnreadableMedia        claims to be one, but cannot be decoded
├── EngineError
│   ├── EngineUnavailable      command, model or Python part missing; nothing was analysed
│   ├── EngineTimeout          stopped at the time limit
│   ├── EngineCrashed          a signal, or a non-zero exit
│   ├── NoOutput               the command ended well and left nothing to read
│   └── MalformedOutput        a table that is not OpenFace 2.x's
├── ReportFailed               no report can be made of a published result
├── WorkspaceFull              no room on this worker's disk; says nothing about the media
├── StorageUnavailable         blob, queue or table storage cannot be reached, or is busy
├── StorageRefused             storage refuses a request, now and on every later try
├── Busy                       the server is at its limit of concurrent work
├── BlobExists                 a create-only write found the name taken
├── RecordChanged              a conditional write on a job record lost the race
├── AttemptsExhausted          every allowed attempt ended without an answer
├── UnexpectedError            a programming error, caught by the worker's one broad except
└── Interrupted
    ├── LeaseLost              another worker may hold the message now: publish nothing, touch nothing
    ├── Cancelled              the job's cancellation was requested
    └── ShuttingDown           this worker is stopping: release the message
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from http import HTTPStatus
from typing import ClassVar

RUN_AGAIN = "Run it again; if it fails in the same way, the operator can see why in the worker's log."
ASK_OPERATOR = (
    "Nothing is wrong with the file. The operator of this service has to act: `python -m service doctor` helps."
)
NOTHING_TO_DO = "Nothing has to be done: it is tried again automatically."


class AnalysisError(Exception):
    """Base of all errors that are raised on purpose; the class docstring is the default message.

    Attributes:
        code: stable, machine-readable; part of the API, of manifests and of log lines.
        retryable: whether the same job may end otherwise when it is run again.
        http_status: of the HTTP answer that reports it.
        advice: what a user or an operator can do about it.
    """

    code = "internal_error"
    retryable = False
    http_status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    advice: ClassVar[str] = RUN_AGAIN

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or self.code).strip().splitlines()[0])

    @property
    def message(self) -> str:
        return str(self)


class BadRequest(AnalysisError):
    """The request cannot be done as it was stated."""

    code = "bad_request"
    http_status = HTTPStatus.BAD_REQUEST
    advice = "Change what the message names, and send the request again."

    def __init__(self, message: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        if code:
            self.code = code


class Conflict(BadRequest):
    """The request does not fit the present state."""

    code = "conflict"
    http_status = HTTPStatus.CONFLICT
    advice = "Look at the present state: the request may have been fulfilled already."


class NotFound(AnalysisError):
    """There is no such thing here."""

    code = "not_found"
    http_status = HTTPStatus.NOT_FOUND
    advice = "Look for it in the list of jobs; a part of its name is enough."

    def __init__(self, message: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        if code:
            self.code = code


class BadJob(AnalysisError):
    """The queue message is not a job that this version understands."""

    code = "bad_job"
    advice = "The message was written by another version of this service. Start the job again from its file."


class MediaError(AnalysisError):
    """The media cannot be analysed."""

    code = "media_error"
    advice = "Try to play or open the file elsewhere, and upload one that works."


class MediaNotFound(MediaError):
    """The blob does not exist any more."""

    code = "media_not_found"
    http_status = HTTPStatus.NOT_FOUND
    advice = "Upload the file again: it was deleted before it could be fetched."


class MediaChanged(MediaError):
    """The blob was overwritten after the job was submitted."""

    code = "media_changed"
    advice = "Look at the job of the newer version of the file, which was started in its place."


class MediaRefused(MediaError):
    """Storage refuses to hand out the blob."""

    code = "media_refused"
    http_status = HTTPStatus.BAD_REQUEST
    advice = (
        "The message has storage's own error code: the blob needs a key that this service does not have, or a name or "
        "state that storage does not serve. Upload the file again without it, then run the job again."
    )


class MediaArchived(MediaRefused):
    """The blob is in the archive tier and cannot be read."""

    code = "media_archived"
    http_status = HTTPStatus.CONFLICT
    advice = "Rehydrate the blob (set its tier to Hot or Cool, and wait for hours), then run the job again."


class MediaTooLarge(MediaError):
    """The media is larger than this deployment allows."""

    code = "media_too_large"
    http_status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    advice = "Make the file smaller (fewer pixels, shorter, or more compressed) and upload it again."


class UnsupportedMedia(MediaError):
    """The media is of a kind that is not analysed here."""

    code = "unsupported_media"
    http_status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    advice = "Convert it to JPEG or PNG, or to MP4 with H.264, and upload that."


class UnreadableMedia(MediaError):
    """The media cannot be decoded: it is empty, truncated or not what its name says."""

    code = "unreadable_media"
    http_status = HTTPStatus.BAD_REQUEST
    advice = (
        "Try to open the file elsewhere. If it opens, save or export it anew; if not, the upload or the file itself is "
        "damaged: upload it again from the original."
    )


class OptionDoesNotFit(MediaError):
    """The media lacks what an option asks for."""

    code = "option_does_not_fit"
    http_status = HTTPStatus.BAD_REQUEST
    advice = (
        "Compare the options with the file: a region lies inside the picture, start before the end of the video, and "
        "camera=exif needs a photo whose EXIF data states the 35 mm equivalent focal length."
    )


class EngineError(AnalysisError):
    """The analysis command failed."""

    code = "engine_error"


class EngineUnavailable(EngineError):
    """The analysis command or its models are missing on this machine."""

    code = "engine_unavailable"
    retryable = True
    http_status = HTTPStatus.SERVICE_UNAVAILABLE
    advice = ASK_OPERATOR


class EngineTimeout(EngineError):
    """The analysis command ran over its time limit and was stopped."""

    code = "engine_timeout"
    retryable = True
    advice = "Cut the video into shorter pieces or make its frames smaller, or raise the limit (ENGINE_TIME_LIMIT_S)."


class EngineCrashed(EngineError):
    """The analysis command was killed or ended with an error."""

    code = "engine_crashed"
    retryable = True
    advice = (
        "Run it again. If it ends in the same way, export the file anew in a common format: the analysis command does "
        "not get along with this one, or there was too little memory for it."
    )


class NoOutput(EngineError):
    """The analysis command ended without a table and without reporting that it found no face."""

    code = "no_output"
    retryable = True


class MalformedOutput(EngineError):
    """The analysis command wrote a table that is not OpenFace 2.x's.

    A table that is torn may be whole the next time; one of other columns will not change.
    """

    code = "malformed_output"
    http_status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, message: str | None = None, *, torn: bool = False) -> None:
        super().__init__(message)
        self.retryable = torn


class ReportFailed(AnalysisError):
    """No report can be made of this result."""

    code = "report_failed"
    http_status = HTTPStatus.CONFLICT
    advice = (
        "The table and the manifest are whole and can be downloaded. The operator can see in the log why no report "
        "could be made of them."
    )


class WorkspaceFull(AnalysisError):
    """The disk of this worker's workspace is full; another worker, or a later time, may have room."""

    code = "workspace_full"
    retryable = True
    http_status = HTTPStatus.SERVICE_UNAVAILABLE
    advice = ASK_OPERATOR

    @staticmethod
    def is_meant_by(error: BaseException) -> bool:
        """Return whether an error is the operating system's report of a full disk."""
        return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


class StorageUnavailable(AnalysisError):
    """The storage account cannot be reached or is busy; nothing is lost, try again."""

    code = "storage_unavailable"
    retryable = True
    http_status = HTTPStatus.SERVICE_UNAVAILABLE
    advice = "Wait a little and try again; nothing is lost."


class StorageRefused(AnalysisError):
    """The storage account refuses the request; the same request will be refused again."""

    code = "storage_refused"
    advice = (
        "The message has storage's own error code. The operator of this service has to look at it; the file may be "
        "analysed under another, shorter name."
    )


class Busy(AnalysisError):
    """The server is at its limit of concurrent work; try again in a few seconds."""

    code = "busy"
    retryable = True
    http_status = HTTPStatus.SERVICE_UNAVAILABLE
    advice = "Try again in a few seconds."


class BlobExists(AnalysisError):
    """A blob of this name exists already."""

    code = "blob_exists"
    advice = "Take another name or container: what is stored is never overwritten."


class RecordChanged(AnalysisError):
    """The job record was changed by another request meanwhile."""

    code = "record_changed"
    retryable = True
    http_status = HTTPStatus.CONFLICT
    advice = "Load the page again, and look whether it still has to be done."


class AttemptsExhausted(AnalysisError):
    """Every allowed attempt at this job ended without an answer."""

    code = "attempts_exhausted"
    advice = (
        "Look at the message of the last attempt. Run it again once its cause is gone; a file that ends every worker "
        "that takes it should be exported anew."
    )


class UnexpectedError(AnalysisError):
    """Something unforeseen went wrong; the log has the details."""

    code = "internal_error"
    retryable = True


class Interrupted(AnalysisError):
    """The work was stopped from outside; the media is not the cause."""

    code = "interrupted"
    retryable = True
    advice = NOTHING_TO_DO


class LeaseLost(Interrupted):
    """Another worker may hold this job now."""

    code = "lease_lost"


class Cancelled(Interrupted):
    """The job was cancelled."""

    code = "cancelled"
    retryable = False
    advice = "Run it again if it was cancelled by mistake."


class ShuttingDown(Interrupted):
    """The worker was stopped before the job was finished."""

    code = "shutting_down"


def advice_for(code: str) -> str:
    """Return the advice of the error class with this code; general advice for a code of another version."""
    return next((kind.advice for kind in _tree(AnalysisError) if kind.code == code), RUN_AGAIN)


def _tree(kind: type[AnalysisError]) -> Iterator[type[AnalysisError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _tree(below)
