"""Canary files and a canary port: any access to them is noticed (Linux: inotify)."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.local.loopback import HOST
from tests.campaigns.hostile.whole_media import picture, transport_stream

NAME = "canary"
_OPENED, _CHANGED = 0x20, 0x2 | 0x40 | 0x80 | 0x100 | 0x200
"""IN_OPEN; IN_MODIFY, IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE and IN_DELETE (inotify(7))."""
_EVENT = struct.Struct("iIII")


class Canaries:
    """A folder of media that is watched, and a port of loopback that is listened on, for TCP and UDP.

    The files are whole media, so that a reader that follows a playlist to them succeeds and goes on.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / f"{NAME}.ts"

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        self.file.write_bytes(transport_stream())
        (self.folder / f"{NAME}.png").write_bytes(picture("png"))
        self._tcp, self._udp = _listening()
        self.port = int(self._tcp.getsockname()[1])
        libc = ctypes.CDLL(None, use_errno=True)
        self._inotify = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        watched = libc.inotify_add_watch(self._inotify, os.fsencode(self.folder), _OPENED | _CHANGED)
        if min(self._inotify, watched) < 0:
            raise OSError(ctypes.get_errno(), "inotify does not watch")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._inotify)
        self._tcp.close()
        self._udp.close()

    def touched(self) -> list[str]:
        """Describe each access since the last call."""
        return [*self._files_touched(), *self._calls()]

    def _files_touched(self) -> list[str]:
        found = []
        while True:
            try:
                events = os.read(self._inotify, 1 << 16)
            except BlockingIOError:
                return found
            while events:
                _, mask, _, length = _EVENT.unpack_from(events)
                name = events[_EVENT.size : _EVENT.size + length].rstrip(b"\0").decode()
                found.append(f"canary file {name or 'folder'} was {'changed' if mask & _CHANGED else 'opened'}")
                events = events[_EVENT.size + length :]

    def _calls(self) -> list[str]:
        found = []
        while True:
            try:
                connection, _ = self._tcp.accept()
            except BlockingIOError:
                break
            connection.close()
            found.append("canary port was connected to")
        try:
            self._udp.recv(1)
            found.append("canary port got a datagram")
        except BlockingIOError:
            pass
        return found


def _listening() -> tuple[socket.socket, socket.socket]:
    """Open one free port for both."""
    while True:
        tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        tcp.bind((HOST, 0))
        tcp.listen(128)
        try:
            udp.bind(tcp.getsockname())
        except OSError:
            tcp.close()
            udp.close()
            continue
        tcp.setblocking(False)
        udp.setblocking(False)
        return tcp, udp
