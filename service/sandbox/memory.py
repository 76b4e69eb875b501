"""Memory of children: shares of their container's, so that all of them together stay below it."""

from __future__ import annotations

from dataclasses import dataclass

from service.settings import Settings, container_memory_mb

WORKER_MB, WEB_PROCESS_MB = 512, 160
"""What the processes themselves need."""
MOST_ENGINE_MB, MOST_DECODER_MB = 8192, 4096
LEAST_DECODER_MB, LEAST_WEB_CHILD_MB = 512, 768
"""Less than this loads no models; smaller shares are raised to it, and `doctor` warns."""
SPARE_DECODERS = 2
"""Decoders besides the engines: the pool's for pictures, and that of the video that is prepared meanwhile."""
OTHER_WEB_CHILDREN = 2
"""Of each process besides the analyser's: one makes reports, one a video's series."""


@dataclass(frozen=True)
class WorkerMemory:
    """Address space of a worker's children, in MiB."""

    engine_mb: int
    decoder_mb: int
    engines: int

    @classmethod
    def of(cls, settings: Settings, container_mb: int | None) -> WorkerMemory:
        """Share the container's memory: an engine counts as two decoders."""
        decoder_mb, engine_mb = MOST_DECODER_MB, MOST_ENGINE_MB
        if container_mb is not None:
            share = (container_mb - WORKER_MB) // (2 * settings.engines + SPARE_DECODERS)
            decoder_mb = max(LEAST_DECODER_MB, min(MOST_DECODER_MB, share))
            engine_mb = min(MOST_ENGINE_MB, 2 * decoder_mb)
        return cls(settings.engine_memory_mb or engine_mb, settings.decoder_memory_mb or decoder_mb, settings.engines)

    @property
    def together_mb(self) -> int:
        """Of all children that run at once, and the worker."""
        return WORKER_MB + self.engines * self.engine_mb + SPARE_DECODERS * self.decoder_mb


@dataclass(frozen=True)
class WebMemory:
    """Address space of the web server's children, in MiB."""

    child_mb: int
    children: int
    processes: int

    @classmethod
    def of(cls, settings: Settings, container_mb: int | None) -> WebMemory:
        """Share the container's memory evenly."""
        processes = settings.web_workers
        # Galleries have as many children of their own.
        pools = 2 if settings.identity else 1
        children = processes * (pools * settings.detect_processes + OTHER_WEB_CHILDREN)
        child_mb = MOST_DECODER_MB
        if container_mb is not None:
            share = (container_mb - processes * WEB_PROCESS_MB) // children
            child_mb = max(LEAST_WEB_CHILD_MB, min(MOST_DECODER_MB, share))
        return cls(settings.web_child_memory_mb or child_mb, children, processes)

    @property
    def together_mb(self) -> int:
        """Of all children that run at once, and the server's processes."""
        return self.processes * WEB_PROCESS_MB + self.children * self.child_mb


def worker_memory(settings: Settings) -> WorkerMemory:
    """Share this container's memory among a worker's children."""
    return WorkerMemory.of(settings, container_memory_mb())


def web_memory(settings: Settings) -> WebMemory:
    """Share this container's memory among the web server's children."""
    return WebMemory.of(settings, container_memory_mb())
