"""Environment of every engine run, added to the sandbox's own."""

from __future__ import annotations

from service.sandbox import ffmpeg_options
from service.settings import models_environment

ENVIRONMENT = {
    **ffmpeg_options.ENVIRONMENT,
    # The engine's own default may lie in a home folder, which children do not know.
    **models_environment(),
    # Where OpenCV has several readers of videos, only FFmpeg's obeys the options above.
    "OPENCV_VIDEOIO_PRIORITY_LIST": "FFMPEG",
    # glibc reserves an arena for each thread, which counts against the limit of address space.
    "MALLOC_ARENA_MAX": "2",
}
