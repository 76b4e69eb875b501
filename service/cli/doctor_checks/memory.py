"""Check that the children of one container together stay below its memory."""

from __future__ import annotations

from service.cli.doctor_checks.check import Check, ok, warning
from service.sandbox.memory import WebMemory, WorkerMemory
from service.settings import Settings, container_memory_mb

NAME = "memory"
ADVICE = {
    "worker": "give it more memory, or lower ENGINES, ENGINE_MEMORY_MB or DECODER_MEMORY_MB",
    "web server": "give it more memory, or lower WEB_WORKERS, DETECT_CHILDREN or WEB_CHILD_MEMORY_MB",
}


def memory_check(settings: Settings, container_mb: int | None = None) -> Check:
    """Compare what all children may take together, of a worker and of a web server, with the container's memory."""
    container_mb = container_memory_mb() if container_mb is None else container_mb
    worker, web = WorkerMemory.of(settings, container_mb), WebMemory.of(settings, container_mb)
    sums = {"worker": worker.together_mb, "web server": web.together_mb}
    said = (
        f"worker {sums['worker']:,} MiB ({worker.engines} engines of {worker.engine_mb:,}, decoders of "
        f"{worker.decoder_mb:,}), web server {sums['web server']:,} MiB ({web.children} children of {web.child_mb:,})"
    )
    if container_mb is None:
        return ok(NAME, f"no limit of a container here; together at most: {said}")
    said = f"{container_mb:,} MiB in this container; together at most: {said}"
    over = [part for part, together in sums.items() if together > container_mb]
    if over:
        advice = "; ".join(f"for a {part}, {ADVICE[part]}" for part in over)
        return warning(NAME, f"{said}; too much for a {' and a '.join(over)}", advice)
    return ok(NAME, said)
