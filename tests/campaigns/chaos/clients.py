"""Those outside: they upload, overwrite and delete, and the events of it arrive three times and in no order."""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import requests
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from tests.campaigns.chaos.evidence import TABLE
from tests.campaigns.chaos.ledger import Ledger, Place, Version
from tests.campaigns.chaos.load import Medium

HANDS = 4
AGAIN_S = 0.5
PATIENCE_S = 20.0
"""How long a change waits for the analysis of its upload to begin."""
DELIVERIES = 3
ANSWER_WITHIN_S = 15.0

Act = Callable[[], bool]
"""Returns whether it is done; if not, it is asked for again."""


@dataclass(frozen=True)
class Plan:
    """What the clients are to do.

    Attributes:
        containers: number of containers that the uploads are spread over.
        over_s: seconds from the first to the last upload.
        late_s: how long after it an event arrives at most, and an upload is changed.
        changed: share of the uploads that are overwritten, and again as many that are deleted.
    """

    media: Sequence[Medium]
    containers: int
    over_s: float
    late_s: float
    changed: float


@dataclass
class Clients:
    """Threads that work through a list of things to do, each at its time.

    Attributes:
        counts: of what was done.
        refused: answers that no client may get.
    """

    connection_string: str
    service_url: str
    ledger: Ledger
    chance: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._storage = BlobServiceClient.from_connection_string(self.connection_string, retry_total=0)
        self._tables = TableServiceClient.from_connection_string(self.connection_string, retry_total=0)
        self._jobs = self._tables.get_table_client(TABLE)
        self._job_ids: dict[Place, str] = {}
        self._due: list[tuple[float, int, Act]] = []
        self._order = itertools.count()
        self._lock = threading.Lock()
        self._left = 0
        self._threads: list[threading.Thread] = []

    @property
    def are_done(self) -> bool:
        """Everything was done, and every event delivered."""
        return self._left <= 0

    def start(self, plan: Plan) -> None:
        containers = [str(uuid.UUID(int=self.chance.getrandbits(128))) for _ in range(plan.containers)]
        begin = time.monotonic()
        for container in containers:
            self._put_off(begin, partial(self._create, container))
        count = len(plan.media)
        changed = round(count * plan.changed)
        fates = ["overwritten"] * changed + ["deleted"] * changed
        fates += [""] * (count - len(fates))
        self.chance.shuffle(fates)
        for number, (medium, fate) in enumerate(zip(plan.media, fates, strict=True)):
            at = begin + plan.over_s * number / count
            container, blob = containers[number % len(containers)], f"{number:03d}-{medium.name}"
            self._put_off(at, partial(self._upload, container, blob, medium, self._delays(plan.late_s)))
            later = at + self.chance.uniform(0.2, plan.late_s)
            if fate == "overwritten":
                newer = self._newer(medium)
                change = partial(self._overwrite, container, blob, newer, self._delays(plan.late_s))
                self._put_off(later, self._perhaps_in_mid_analysis((container, blob), change))
            elif fate == "deleted":
                change = partial(self._delete, container, blob)
                self._put_off(later, self._perhaps_in_mid_analysis((container, blob), change))
        self._threads = [threading.Thread(target=self._work, name=f"client-{n}") for n in range(HANDS)]
        for thread in self._threads:
            thread.start()

    def give_up(self) -> None:
        """Stop, done or not."""
        with self._lock:
            self._left = 0
        for thread in self._threads:
            thread.join()
        self._storage.close()
        self._tables.close()

    def _perhaps_in_mid_analysis(self, place: Place, change: Act) -> Act:
        """Put off every other change until the upload's job runs; not for ever, since it may have run before."""
        if self.chance.random() < 0.5:
            return change
        until: list[float] = []

        def wait_and_change() -> bool:
            until[:] = until or [time.monotonic() + PATIENCE_S]
            is_running = self._is_running(place)
            if not is_running and time.monotonic() < until[0]:
                return False
            done = change()
            self.counts["changed in mid-analysis"] += is_running and done
            return done

        return wait_and_change

    def _is_running(self, place: Place) -> bool:
        job_id = self._job_ids.get(place)
        if job_id is None:
            return False
        try:
            return bool(self._jobs.get_entity(job_id, job_id)["state"] == "running")
        except AzureError:
            return False

    def _delays(self, late_s: float) -> list[float]:
        """Seconds until each delivery of an event."""
        return [self.chance.uniform(0, late_s) for _ in range(DELIVERIES)]

    def _newer(self, medium: Medium) -> Medium:
        """Make a file of its sort with another mark."""
        mark = medium.mark[:-4] + f"{self.chance.getrandbits(16):04x}"
        content = medium.content.replace(medium.mark.encode(), mark.encode())
        return Medium(medium.name, medium.kind, content, medium.rows, mark)

    def _put_off(self, until: float, act: Act) -> None:
        with self._lock:
            self._left += 1
            heapq.heappush(self._due, (until, next(self._order), act))

    def _work(self) -> None:
        while not self.are_done:
            act = self._next()
            if act is None:
                time.sleep(0.05)
                continue
            if not act():
                self._put_off(time.monotonic() + AGAIN_S, act)
            with self._lock:
                self._left -= 1

    def _next(self) -> Act | None:
        with self._lock:
            if self._due and self._due[0][0] <= time.monotonic():
                return heapq.heappop(self._due)[2]
        return None

    def _create(self, container: str) -> bool:
        client = self._storage.get_container_client(container)
        try:
            if not client.exists():
                client.create_container()
        except AzureError:
            return False
        return True

    def _upload(self, container: str, blob: str, medium: Medium, delays: Sequence[float]) -> bool:
        client = self._storage.get_blob_client(container, blob)
        try:
            etag = client.upload_blob(medium.content, overwrite=True)["etag"].strip('"')
        except AzureError:
            self.ledger.unsure.add((container, blob))
            return False
        version = Version(container, blob, etag, medium)
        self.ledger.note(version)
        self.counts["uploads"] += 1
        for delay in delays:
            self._put_off(time.monotonic() + delay, partial(self._deliver, version))
        return True

    def _overwrite(self, container: str, blob: str, medium: Medium, delays: Sequence[float]) -> bool:
        # Not before the first upload is known to be over: two at once would leave open which one was the last.
        done = self.ledger.knows((container, blob)) and self._upload(container, blob, medium, delays)
        self.counts["overwritten"] += done
        return done

    def _delete(self, container: str, blob: str) -> bool:
        if not self.ledger.knows((container, blob)):
            return False
        try:
            self._storage.get_blob_client(container, blob).delete_blob()
        except ResourceNotFoundError:
            pass  # the answer to an earlier try was lost
        except AzureError:
            return False
        self.ledger.deleted.add((container, blob))
        self.counts["deleted"] += 1
        return True

    def _deliver(self, version: Version) -> bool:
        """The request that the function app makes of an event."""
        url = f"{self.service_url}/analyse/{version.medium.kind}/wild/{version.container}"
        try:
            answer = requests.post(url, params={"blob": version.blob}, timeout=ANSWER_WITHIN_S)
        except requests.RequestException:
            self.counts["events put off"] += 1
            return False
        if answer.status_code == requests.codes.service_unavailable:
            self.counts["events put off"] += 1
            return False
        gone = answer.status_code == requests.codes.not_found and version.place in self.ledger.deleted
        if not answer.ok and not gone:
            self.refused.append(f"{answer.status_code} for {version.place}: {answer.text[:200]}")
        elif answer.ok:
            self._job_ids[version.place] = str(answer.json()["jobs"][0]["id"])
        self.counts["events delivered"] += 1
        return True
