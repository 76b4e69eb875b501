"""The threads in which the Functions worker runs functions that are not coroutines.

Separate because events and HTTP requests share them, as they do in the real worker.
"""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

THREAD_COUNT = "PYTHON_THREADPOOL_THREAD_COUNT"


def worker_threads(environ: Mapping[str, str]) -> ThreadPoolExecutor:
    """As many threads as the worker's own setting says, else its default. Raises ValueError."""
    count = int(environ.get(THREAD_COUNT) or min(32, (os.cpu_count() or 1) + 4))
    return ThreadPoolExecutor(count, thread_name_prefix="function")
