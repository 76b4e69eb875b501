"""The first requests of a process, from many threads at once."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import StorageAccount

ROUNDS = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor

sys.setswitchinterval(1e-6)
for _ in range(8):
    for name in [name for name in sys.modules if name.startswith("azure.storage.queue")]:
        del sys.modules[name]
    from azure.storage.queue import QueueClient
    queue = QueueClient.from_connection_string(sys.argv[1], sys.argv[2])
    at_once = threading.Barrier(16)

    def use(number):
        at_once.wait()
        sent = queue.send_message(str(number))
        hidden = queue.update_message(sent, visibility_timeout=60)
        return hidden.id == sent.id and hidden.next_visible_on > sent.next_visible_on

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(use, range(16)))
"""


def test_threads_may_all_send_at_once(account: StorageAccount) -> None:
    """azure-storage-queue 12.18 gave now and then something else than a message."""
    told = account.settings.azure_storage_connection_string
    assert told
    command = [sys.executable, "-c", ROUNDS, told.get_secret_value(), account.settings.queue_name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
