"""Say in a sentence what went wrong outside the service's own errors, and what to do; `--debug` shows the traceback."""

from __future__ import annotations

import errno

EXTRAS = {
    "flask": "server",
    "flask_openapi3": "server",
    "gunicorn": "server",
    "limits": "server",
    "werkzeug": "server",
    "dlib": "identity",
    "sqlalchemy": "identity",
    "pillow_heif": "media",
}
"""Extra of the package `faceline` by a module that it installs."""

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space and run the command again",
    errno.EDQUOT: "the disk quota is used up: free some space and run the command again",
    errno.EROFS: "that file system is read-only: name another folder",
    errno.EACCES: "no permission: name another folder, or change its owner or mode",
    errno.EPERM: "not permitted: name another folder, or change its owner or mode",
    errno.EADDRINUSE: "the port is taken: end the program that has it, or name another port",
    errno.EMFILE: "too many open files: raise `ulimit -n`",
    errno.ENOENT: "there is no such file or folder: check the path",
    errno.ENOTDIR: "a part of that path is a file: name another folder",
    errno.ENAMETOOLONG: "the name is too long for this file system: name a shorter folder",
}


def sentence(error: Exception) -> str:
    """Return the error with what to do about it, for a user of the command line."""
    if isinstance(error, ModuleNotFoundError) and (extra := EXTRAS.get((error.name or "").partition(".")[0])):
        return f"this command needs the extra `{extra}`: pip install 'faceline[{extra}]'"
    if isinstance(error, OSError) and error.errno in _ADVICE:
        about = f"{error.filename}: " if error.filename else ""
        return f"{about}{_ADVICE[error.errno]}"
    if isinstance(error, MemoryError):
        return "there is not enough memory: close other programs, or analyse fewer or smaller files at once"
    words = str(error).strip().partition("\n")[0] or type(error).__name__
    return f"{type(error).__name__}: {words} (run `faceline --debug ...` for the traceback, and report it)"
