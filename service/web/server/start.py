"""gunicorn, started from the settings."""

from __future__ import annotations

import errno
import logging
import re
import socket
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from service import metrics
from service.settings import BadSettings, Settings
from service.web.server.shares import Shares
from service.web.server.slow_clients import PatientWorker, close_after_body

GRACEFUL_S = 30

# The longest that gunicorn takes: a blob name of 1,024 characters does not fit into its default of 4,094.
REQUEST_LINE_BYTES = 8190

# Open at once, a process; later ones wait. Each costs no more than HEAD_BYTES.
CONNECTIONS = 1000
# A thread for each of them, started when it is needed: an event stream, a waiting answer and a slow reader hold one.
# Requests that are worked on are limited elsewhere (WEB_THREADS). gunicorn keeps no connection open without a spare.
THREADS = CONNECTIONS - 1

_REFUSED = re.compile(r"^(Invalid request from ip=\S*: [A-Za-z ]*).*", re.DOTALL)


class _OurLogs(Logger):  # type: ignore[misc]
    """gunicorn's own lines go the way of all others."""

    def setup(self, cfg: Any) -> None:
        for logger in (self.error_log, self.access_log):
            logger.handlers[:] = []
            logger.propagate = True
        self.error_log.setLevel(logging.INFO)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        # A request that is no HTTP is told without its own words: a header line without a colon may be a key.
        super().warning(_REFUSED.sub(r"\1", msg), *args, **kwargs)


class Server(BaseApplication):  # type: ignore[misc]
    """A gunicorn of threads, in which each process makes its own application."""

    def __init__(
        self, settings: Settings, make_app: Callable[[], Any], on_end: Callable[[], None] = lambda: None
    ) -> None:
        """`on_end` is called when the server ends, by its first process alone."""
        self._settings = settings
        self._on_end = on_end
        self._make_app = make_app
        super().__init__()

    def load_config(self) -> None:
        own = self._settings
        places = [(own.host, own.port)] + [(own.metrics_host, own.metrics_port)] * bool(own.metrics_port)
        options = {
            "bind": [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in places],
            "workers": self._settings.web_workers,
            "worker_class": PatientWorker,
            "threads": THREADS,
            "worker_connections": CONNECTIONS,
            "pre_request": close_after_body,
            "graceful_timeout": GRACEFUL_S,
            "limit_request_line": REQUEST_LINE_BYTES,
            "control_socket_disable": True,
            "logger_class": _OurLogs,
            "proc_name": "faceline-web",
            "child_exit": _count_out,
            "on_exit": lambda arbiter: self._on_end(),
        }
        PatientWorker.shares = Shares() if own.web_workers > 1 else None
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self._make_app()


def _count_out(arbiter: Any, worker: Any) -> None:
    if PatientWorker.shares:
        PatientWorker.shares.end(worker.age)
    metrics.process_ended(worker.pid)


def refuse_taken_ports(settings: Settings) -> None:
    """A port that another program listens on is an error of the settings, and no reason to try for seconds.

    Raises:
        BadSettings: PORT or METRICS_PORT is taken.
    """
    places = {"PORT": (settings.host, settings.port), "METRICS_PORT": (settings.metrics_host, settings.metrics_port)}
    for name, (host, port) in places.items():
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            # As the server does: a port in TIME_WAIT after a restart counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port or 0))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise BadSettings(f"{name}: {port} is taken by another program; end it, or set {name}") from error


def refuse_open_door(settings: Settings) -> None:
    """Listening beyond this machine without asking for keys must be meant.

    Raises:
        BadSettings: it was not said that it is.
    """
    if settings.asks_for_keys or settings.allow_anonymous or settings.listens_on_loopback:
        return
    raise BadSettings(
        f"HOST: {settings.host} can be reached from other machines and no keys are asked for; "
        "set API_KEYS_FILE or API_KEYS (`python -m service key new` makes keys), or ALLOW_ANONYMOUS=true if something "
        "in front of it keeps strangers out, else HOST=127.0.0.1"
    )
