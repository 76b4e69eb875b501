"""What to do about an error, for whoever sees it on a page or in an answer; the errors say what happened."""

from __future__ import annotations

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
