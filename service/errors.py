"""Every way a media item can fail, in one tree, so that settling is a table and not a guess.

AnalysisError                  code, retryable, a sentence for people
├── BadRequest                 what a caller asked for cannot be done as asked (400)
├── Conflict                   not in the state that it is in now (409)
├── NotFound                   no such container, blob or job (404)
├── BadJob                     a queue message that cannot be decoded, or of an unknown schema
├── MediaError
│   ├── MediaNotFound          the blob is gone
│   ├── MediaChanged           the blob was overwritten since the job was submitted
│   ├── MediaTooLarge          over a limit of bytes, pixels or seconds
│   ├── UnsupportedMedia       not a picture or video that we take
│   └── UnreadableMedia        claims to be one, but cannot be decoded
├── EngineError
│   ├── EngineUnavailable      command, model or Python part missing; nothing was analysed
│   ├── EngineTimeout          stopped by our time limit
│   ├── EngineCrashed          a signal, or a non-zero exit
│   ├── NoOutput               the command ended well and left nothing to read
│   └── MalformedOutput        a table that is not OpenFace 2.x's
├── ReportFailed               a published result cannot be made a report of
├── WorkspaceFull              no room on this worker's disk; says nothing about the media
├── StorageUnavailable         blob, queue or table storage cannot be reached, or is busy
├── Busy                       as much as this server does at once is being done
├── BlobExists                 a create-only write found the name taken
├── RecordChanged              a conditional write on a job record lost the race
├── AttemptsExhausted          every allowed attempt ended without an answer
├── UnexpectedError            a fault of ours, met by the worker's one broad except
└── Interrupted
    ├── LeaseLost              another worker may hold the message now: publish nothing, touch nothing
    ├── Cancelled              someone asked for the job to be cancelled
    └── ShuttingDown           this worker was asked to stop: hand the message back
"""

from __future__ import annotations

import errno


class AnalysisError(Exception):
    """Base of all errors that we raise on purpose; the class docstring is the default sentence.

    Attributes:
        code: stable, machine-readable; part of the API, of manifests and of log lines.
        retryable: whether the same job may end otherwise when it is run again.
    """

    code = "internal_error"
    retryable = False

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or self.code).strip().splitlines()[0])

    @property
    def message(self) -> str:
        return str(self)


class BadRequest(AnalysisError):
    """The request cannot be done as it was asked."""

    code = "bad_request"

    def __init__(self, message: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        if code:
            self.code = code


class Conflict(BadRequest):
    """That cannot be done in the state things are in now."""

    code = "conflict"


class NotFound(AnalysisError):
    """There is no such thing here."""

    code = "not_found"

    def __init__(self, message: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        if code:
            self.code = code


class BadJob(AnalysisError):
    """The queue message is not a job that this version understands."""

    code = "bad_job"


class MediaError(AnalysisError):
    """The media cannot be analysed."""

    code = "media_error"


class MediaNotFound(MediaError):
    """The blob does not exist any more."""

    code = "media_not_found"


class MediaChanged(MediaError):
    """The blob was overwritten after the job was submitted."""

    code = "media_changed"


class MediaTooLarge(MediaError):
    """The media is larger than this deployment allows."""

    code = "media_too_large"


class UnsupportedMedia(MediaError):
    """The media is of a kind that is not analysed here."""

    code = "unsupported_media"


class UnreadableMedia(MediaError):
    """The media cannot be decoded: it is empty, truncated or not what its name says."""

    code = "unreadable_media"


class EngineError(AnalysisError):
    """The analysis command failed."""

    code = "engine_error"


class EngineUnavailable(EngineError):
    """The analysis command or its models are missing on this machine."""

    code = "engine_unavailable"
    retryable = True


class EngineTimeout(EngineError):
    """The analysis command ran over its time limit and was stopped."""

    code = "engine_timeout"
    retryable = True


class EngineCrashed(EngineError):
    """The analysis command was killed or ended with an error."""

    code = "engine_crashed"
    retryable = True


class NoOutput(EngineError):
    """The analysis command ended without a table and without saying that it found no face."""

    code = "no_output"
    retryable = True


class MalformedOutput(EngineError):
    """The analysis command wrote a table that is not OpenFace 2.x's.

    A table that is torn may be whole the next time; one of other columns will not change.
    """

    code = "malformed_output"

    def __init__(self, message: str | None = None, *, torn: bool = False) -> None:
        super().__init__(message)
        self.retryable = torn


class ReportFailed(AnalysisError):
    """No report can be made of this result."""

    code = "report_failed"


class WorkspaceFull(AnalysisError):
    """The disk of this worker's workspace is full; another worker, or a later time, may have room."""

    code = "workspace_full"
    retryable = True

    @staticmethod
    def is_meant_by(error: BaseException) -> bool:
        """Whether that is how the system says so."""
        return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


class StorageUnavailable(AnalysisError):
    """The storage account cannot be reached or is busy; nothing is lost, try again."""

    code = "storage_unavailable"
    retryable = True


class Busy(AnalysisError):
    """As much as this server does at once is being done; ask again in a few seconds."""

    code = "busy"
    retryable = True


class BlobExists(AnalysisError):
    """A blob of this name exists already."""

    code = "blob_exists"


class RecordChanged(AnalysisError):
    """The job record was changed by someone else meanwhile."""

    code = "record_changed"
    retryable = True


class AttemptsExhausted(AnalysisError):
    """Every allowed attempt at this job ended without an answer."""

    code = "attempts_exhausted"


class UnexpectedError(AnalysisError):
    """Something went wrong that nobody foresaw; the log has the details."""

    code = "internal_error"
    retryable = True


class Interrupted(AnalysisError):
    """The work was stopped from outside; the media is not to blame."""

    code = "interrupted"
    retryable = True


class LeaseLost(Interrupted):
    """Another worker may hold this job now."""

    code = "lease_lost"


class Cancelled(Interrupted):
    """The job was cancelled."""

    code = "cancelled"
    retryable = False


class ShuttingDown(Interrupted):
    """The worker was asked to stop before the job was finished."""

    code = "shutting_down"


AGAIN = "Run it again; if it fails in the same way, whoever runs this service can see why in the worker's log."
OPERATOR = (
    "Nothing is wrong with the file. Whoever runs this service has to look at it: `python -m service doctor` helps."
)
ITSELF = "Nothing has to be done: it is tried again by itself."

ADVICE: dict[str, str] = {
    "internal_error": AGAIN,
    "bad_request": "Change what the message names, and ask again.",
    "conflict": "Look at the state it is in now: what was asked may have been done already.",
    "not_found": "Look for it in the list of jobs; a part of its name is enough.",
    "bad_job": "The message was written by another version of this service. Start the job again from its file.",
    "media_error": "Try to play or open the file elsewhere, and upload one that works.",
    "media_not_found": "Upload the file again: it was deleted before it could be fetched.",
    "media_changed": "Look at the job of the newer version of the file, which was started in its place.",
    "media_too_large": "Make the file smaller (fewer pixels, shorter, or more compressed) and upload it again.",
    "unsupported_media": "Convert it to JPEG, PNG, WebP or BMP, or to MP4 with H.264, and upload that.",
    "unreadable_media": "Try to open the file elsewhere. If it opens, save or export it anew; if not, the "
    "upload or the file itself is damaged: upload it again from the original.",
    "engine_error": AGAIN,
    "engine_unavailable": OPERATOR,
    "engine_timeout": "Cut the video into shorter pieces or make its frames smaller, or ask for a longer limit "
    "(ENGINE_TIME_LIMIT_S).",
    "engine_crashed": "Run it again. If it ends in the same way, export the file anew in a common format: the analysis "
    "command does not get along with this one, or there was too little memory for it.",
    "no_output": AGAIN,
    "malformed_output": AGAIN,
    "report_failed": "The table and the manifest are whole and can be had. Whoever runs this service can see in the "
    "log why no report could be made of them.",
    "workspace_full": OPERATOR,
    "storage_unavailable": "Wait a little and try again; nothing is lost.",
    "busy": "Try again in a few seconds.",
    "blob_exists": "Take another name or container: what is stored is never overwritten.",
    "record_changed": "Load the page again, and look whether it still has to be done.",
    "attempts_exhausted": "Look at the message of the last attempt. Run it again once its cause is gone; a file that "
    "ends every worker that takes it should be exported anew.",
    "interrupted": ITSELF,
    "lease_lost": ITSELF,
    "cancelled": "Run it again if it was cancelled by mistake.",
    "shutting_down": ITSELF,
}
"""By `code`; every code of `service.errors` has one."""


def advice(code: str) -> str:
    """What to do; the general advice for a code of another version."""
    return ADVICE.get(code, AGAIN)
