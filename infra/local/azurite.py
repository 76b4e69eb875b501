"""Run Azurite, the Azure Storage emulator, as a child process on free ports with a data folder.

Separate because the tests need storage alone, where the stack needs everything.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.loopback import HOST, accepts, free_ports, http_status
from infra.local.node import find_node, install_packages
from infra.local.part import Part, PartFailed

ACCOUNT = "devstoreaccount1"
# Not a secret: every Azurite in the world has this key.
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_PORT_TRIES = 3


class Azurite:
    """A storage emulator that can be stopped and started again on the same ports with the same data.

    Args:
        location: folder of its data.
        access_log: write a line for each request into the log file.
        in_memory: write nothing into `location`; all is gone when it stops.
    """

    def __init__(
        self, location: Path, log_file: Path | None = None, *, access_log: bool = False, in_memory: bool = False
    ) -> None:
        self.location = location
        self._access_log = access_log
        self._in_memory = in_memory
        self._log_file = log_file or location / "azurite.log"
        self._ports = free_ports(3)
        self._part: Part | None = None

    @property
    def part(self) -> Part:
        """The process. Raises PartFailed before the first start."""
        if self._part is None:
            raise PartFailed("azurite", "is not running", "")
        return self._part

    @property
    def blob_port(self) -> int:
        """The port of the blob service."""
        return self._ports[0]

    @property
    def connection_string(self) -> str:
        """The connection string for the Azure clients."""
        endpoints = [
            f"{kind}Endpoint=http://{HOST}:{port}/{ACCOUNT}"
            for kind, port in zip(("Blob", "Queue", "Table"), self._ports, strict=True)
        ]
        account = ["DefaultEndpointsProtocol=http", f"AccountName={ACCOUNT}", f"AccountKey={ACCOUNT_KEY}"]
        return ";".join(account + endpoints) + ";"

    def start(self) -> None:
        """Start and wait until all three services answer. Raises PartFailed, NodeUnavailable."""
        if self._part is not None:
            self._part.start()
            return
        for tries_left in reversed(range(_PORT_TRIES)):
            self._part = self._new_part()
            try:
                self._part.start()
                return
            except PartFailed:
                # Someone took a port between our look and Azurite's.
                self._part = None
                if not tries_left:
                    raise
                self._ports = free_ports(3)

    def stop(self) -> None:
        """Stop so that nothing is lost: Azurite writes its metadata on SIGTERM."""
        if self._part is not None:
            self._part.stop()

    def _new_part(self) -> Part:
        node = find_node()
        program = install_packages(node) / "azurite" / "dist" / "src" / "azurite.js"
        self.location.mkdir(parents=True, exist_ok=True)
        argv = [str(node.node), str(program), "--disableTelemetry", *([] if self._access_log else ["--silent"])]
        # The Azure clients send a newer API version than Azurite knows, and use nothing new of it.
        argv += ["--skipApiVersionCheck"]
        argv += ["--inMemoryPersistence"] if self._in_memory else ["--location", str(self.location)]
        for kind, port in zip(("blob", "queue", "table"), self._ports, strict=True):
            argv += [f"--{kind}Host", HOST, f"--{kind}Port", str(port)]
        return Part("azurite", argv, log_file=self._log_file, environ=node.environ, is_ready=self._answers)

    def _answers(self, _part: Part) -> bool:
        listing = f"http://{HOST}:{self.blob_port}/{ACCOUNT}?comp=list"
        # Without a key the answer is a refusal: an answer all the same.
        return http_status(listing) is not None and all(accepts(port) for port in self._ports)


@contextmanager
def start_azurite(
    location: Path, *, log_file: Path | None = None, access_log: bool = False, in_memory: bool = False
) -> Iterator[Azurite]:
    """Start Azurite with its data in `location`, or in memory; stop it at the end of the block.

    Raises PartFailed, NodeUnavailable.
    """
    azurite = Azurite(location, log_file, access_log=access_log, in_memory=in_memory)
    try:
        azurite.start()
        yield azurite
    finally:
        azurite.stop()
