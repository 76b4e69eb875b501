"""Limits of one media item and of the processes that handle it."""

from __future__ import annotations

from dataclasses import dataclass

from service.jobs.media_kind import Media
from service.sandbox.media import MediaLimits
from service.sandbox.memory import worker_memory
from service.sandbox.process import ChildLimits
from service.settings import Settings

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Limits of one media item: size of the download, pixels, seconds, and its processes' time and memory."""

    media_bytes: int
    pixels: int
    duration_s: float
    prepare_s: float
    prepare_s_per_gigapixel: float
    engine_s: float
    engine_s_per_media_s: float
    memory_bytes: int
    decoder_memory_bytes: int
    picture_bytes: int

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        memory = worker_memory(settings)
        return cls(
            media_bytes=settings.max_media_mb * MIB,
            pixels=int(settings.max_megapixels * 1_000_000),
            duration_s=settings.max_duration_s,
            prepare_s=settings.prepare_time_limit_s,
            prepare_s_per_gigapixel=settings.prepare_time_limit_per_gigapixel_s,
            engine_s=settings.engine_time_limit_s,
            engine_s_per_media_s=settings.engine_time_limit_per_media_s,
            memory_bytes=memory.engine_mb * MIB,
            decoder_memory_bytes=memory.decoder_mb * MIB,
            picture_bytes=settings.largest_mb("image")[0] * MIB,
        )

    @property
    def of_media(self) -> MediaLimits:
        return MediaLimits(
            max_pixels=self.pixels,
            max_duration_s=self.duration_s,
            prepare_time_s=self.prepare_s,
            prepare_time_per_gigapixel_s=self.prepare_s_per_gigapixel,
            memory_bytes=self.decoder_memory_bytes,
            file_bytes=4 * self.media_bytes,
        )

    def bytes_of(self, media: Media) -> int:
        """Largest file of a kind of media."""
        return self.picture_bytes if media == "image" else self.media_bytes

    def of_engine(self, duration_s: float) -> ChildLimits:
        """Limit an engine run on media of this duration in seconds, 0 for a picture."""
        time_s = self.engine_s + self.engine_s_per_media_s * duration_s
        return ChildLimits(time_s=time_s, memory_bytes=self.memory_bytes, file_bytes=4 * self.media_bytes)
