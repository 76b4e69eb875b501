"""gunicorn, started from the settings."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from service.settings import BadSettings, Settings

GRACEFUL_S = 30


class _OurLogs(Logger):  # type: ignore[misc]
    """gunicorn's own lines go the way of all others."""

    def setup(self, cfg: Any) -> None:
        for logger in (self.error_log, self.access_log):
            logger.handlers[:] = []
            logger.propagate = True
        self.error_log.setLevel(logging.INFO)


class Server(BaseApplication):  # type: ignore[misc]
    """A gunicorn of threads (an event stream or a waiting answer holds one); each process makes its own application."""

    def __init__(self, settings: Settings, make_app: Callable[[], Any]) -> None:
        self._settings = settings
        self._make_app = make_app
        super().__init__()

    def load_config(self) -> None:
        host = self._settings.host
        options = {
            "bind": [f"[{host}]:{self._settings.port}" if ":" in host else f"{host}:{self._settings.port}"],
            "workers": self._settings.web_workers,
            "worker_class": "gthread",
            "threads": self._settings.web_threads,
            "graceful_timeout": GRACEFUL_S,
            "control_socket_disable": True,
            "logger_class": _OurLogs,
            "proc_name": "media-analysis-web",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self._make_app()


def refuse_open_door(settings: Settings) -> None:
    """Listening beyond this machine without asking for keys must be meant.

    Raises:
        BadSettings: it was not said that it is.
    """
    if settings.allow_anonymous or _is_loopback(settings.host):
        return
    raise BadSettings(
        f"HOST: {settings.host} can be reached from other machines and no keys are asked for; "
        "set ALLOW_ANONYMOUS=true if something in front of it keeps strangers out, else HOST=127.0.0.1"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
