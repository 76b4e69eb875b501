"""The settings, read once from the environment or a TOML file; the only file that looks at the environment.

A setting's environment variable is its name in capitals, in the TOML file it is the name itself;
`python -m service settings` prints them all. The environment wins over the file.
"""

from __future__ import annotations

import ctypes
import ipaddress
import os
import re
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

REPOSITORY = Path(__file__).resolve().parent.parent
_MODELS_BESIDE = REPOSITORY / "openface_lite" / "models"
MOST_PROXIES = 10


def processors(cgroups: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> int:
    """Count the processors that this process may use: those of its mask, within its container's quota."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    quotas = [quota for folder in _cgroup_folders(cgroups, membership) if (quota := _cpu_quota(folder))]
    return max(1, min(usable, *(int(quota) for quota in quotas))) if quotas else usable


def models_folder() -> Path:
    """Return the folder of the embedded analyser's networks.

    FACELINE_MODELS (or OPENFACE_LITE_MODELS, its older name), else `models/` of a checkout or image, else the
    user's cache.
    """
    named = os.environ.get("FACELINE_MODELS") or os.environ.get("OPENFACE_LITE_MODELS")
    if named:
        return Path(named).absolute()
    if _MODELS_BESIDE.is_dir() or (REPOSITORY / "pyproject.toml").is_file():
        return _MODELS_BESIDE
    caches = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(caches) if caches.startswith("/") else Path.home() / ".cache") / "faceline" / "models"


def models_environment() -> dict[str, str]:
    """Return what the analyser's processes are given, which find a folder beside them by themselves."""
    folder = models_folder()
    return {} if folder == _MODELS_BESIDE else {"FACELINE_MODELS": str(folder)}


def container_memory_mb(
    cgroups: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")
) -> int | None:
    """Return the memory limit of this process's container in MiB; None where it has none."""
    limits = [limit for folder in _cgroup_folders(cgroups, membership, "memory") if (limit := _memory_limit(folder))]
    return min(limits) >> 20 if limits else None


def _memory_limit(folder: Path) -> int | None:
    """Bytes that a control group may use (versions 2 and 1); None for no limit."""
    for name in ("memory.max", "memory.limit_in_bytes"):
        try:
            limit = int((folder / name).read_text("utf-8"))
        except (OSError, ValueError):
            continue
        # Version 1 writes a number beyond every memory where there is no limit.
        return limit if limit < 1 << 50 else None
    return None


def _cgroup_folders(cgroups: Path, membership: Path, controller: str = "cpu") -> list[Path]:
    """Folders that may hold a limit: of the process's own control group, and of the groups around it."""
    folders = [cgroups, cgroups / controller, cgroups / "cpu,cpuacct"]
    try:
        lines = membership.read_text("utf-8").splitlines()
    except OSError:
        return folders
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        root = cgroups / controllers if controllers else cgroups
        if not controllers or controller in controllers.split(","):
            own = root / path.lstrip("/")
            folders += [own, *(folder for folder in own.parents if folder.is_relative_to(root))]
    return folders


def _cpu_quota(folder: Path) -> float | None:
    """Processors' worth of time that a control group may use (versions 2 and 1); None for no limit."""
    try:
        if (folder / "cpu.max").is_file():
            quota, period = (folder / "cpu.max").read_text("utf-8").split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text("utf-8") for name in ("quota", "period"))
        return float(quota) / float(period) if float(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None


def listed(text: str) -> list[str]:
    """Split a setting's list at commas and blanks."""
    return [item for item in re.split(r"[\s,]+", text) if item]


class BadSettings(Exception):
    """The settings cannot be used; the text names every problem at once."""


class Settings(BaseSettings):
    """Everything that differs between deployments; one value, frozen, handed down by `wiring`."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, env_ignore_empty=True)

    # Storage
    azure_storage_connection_string: SecretStr | None = Field(
        None, description="Connection string of the storage account. This, or STORAGE_ACCOUNT, never both."
    )
    storage_account: str | None = Field(
        None,
        description="Name of the storage account, reached with the machine's managed identity.",
        pattern=r"^[a-z0-9]{3,24}$",
    )
    results_container: str = Field(
        "results",
        description="Container of the results; `{container}` keeps them in the upload's own, under `_results/`.",
    )
    queue_name: str = Field(
        "analysis-jobs",
        description="Queue of the jobs; failed ones go to `<name>-poison`.",
        pattern=r"^[a-z0-9][a-z0-9-]{1,54}[a-z0-9]$",
    )
    table_name: str = Field(
        "analysisjobs", description="Table of the job records.", pattern=r"^[A-Za-z][A-Za-z0-9]{2,62}$"
    )
    record_retention_days: int = Field(
        0,
        description="Days after its end for which a job's record is kept; 0: for ever. `sweep --mend` removes older "
        "ones; set the lifecycle rule of the results to as many days.",
        ge=0,
    )
    result_link_minutes: int = Field(
        60, description="Life of the read-only links handed to the next stage.", ge=1, le=7 * 24 * 60
    )

    # Web
    host: str = Field("127.0.0.1", description="Address that the web server listens on.")
    port: int = Field(5000, description="Its port.", ge=1, le=65535)
    web_workers: int = Field(2, description="gunicorn processes.", ge=1, le=64)
    web_threads: int = Field(
        12,
        description="Requests that a process works on at once; "
        "event streams, answers that wait and requests with a body do not count.",
        ge=2,
        le=256,
    )
    allow_anonymous: bool = Field(
        False, description="`true` lets the web server listen beyond loopback although it asks for no keys."
    )
    api_keys: SecretStr | None = Field(
        None,
        description="Keys of the API: entries `<name>:<scope>+<scope>:<SHA-256>` of `key new`, with blanks between.",
    )
    api_keys_file: Path | None = Field(
        None, description="File of such entries, one a line, `#` for comments; read again whenever it changes."
    )
    session_secret: SecretStr | None = Field(
        None,
        description="Signs browser sessions; the same on every replica. Without it they end with the server.",
        min_length=32,
    )
    rate_limit_per_minute: int = Field(
        6000,
        description="Requests a minute of one key, or of one address without keys, in all processes; 0: no limit.",
        ge=0,
    )
    allowed_hosts: str = Field(
        "",
        description="Names in the `Host` header under which a server without keys answers, with commas between; "
        "`.example.org` includes subdomains, `*` is any. Default: loopback names and HOST.",
    )
    cors_origins: str = Field(
        "",
        description="Origins whose pages may call `/api/*`, such as `https://lab.example.org`, with commas between.",
    )
    trusted_proxies: str = Field(
        "",
        description="Proxies whose `X-Forwarded-For` names the caller: their number, or their networks with commas "
        "between. Default: none.",
    )
    default_media_type: Literal["posed", "wild"] = Field(
        "wild", description="Media type of files whose metadata and folders name none."
    )

    # Interactive analysis
    detect_confidence: float = Field(
        0.9, description="Least confidence of a face in answers of `/api/detect` and `/api/analyse-image`.", ge=0, le=1
    )
    detect_max_faces: int = Field(100, description="Most faces in such an answer.", ge=1, le=1000)
    detect_upsample: bool = Field(
        False, description="`true`: find small faces as well, in four times the time, where the request does not say."
    )
    detect_max_mb: int = Field(10, description="Largest picture that these routes accept, in MiB.", ge=1, le=64)
    detect_max_megapixels: float = Field(
        40.0, description="Largest picture that these routes accept, in millions of pixels.", gt=0, le=256
    )
    detect_children: int = Field(
        0,
        description="Analyser processes of a gunicorn process; default (0): its share of the processors.",
        ge=0,
        le=64,
    )
    detect_time_limit_s: float = Field(20.0, description="Time limit of one such picture, in seconds.", gt=0, le=600)

    # Identity
    identity: bool = Field(
        False, description="`on`: galleries of people, and matches in them; needs `requirements-identity.txt`."
    )
    identity_legacy: bool = Field(
        False, description="`on`: also the two older forms of its routes, which cannot state a consent."
    )
    identity_database: SecretStr | None = Field(
        None,
        description="Database of people: `sqlite:////folder/file` or `postgresql://…` (for more than one machine); "
        "default: SQLite in WORKSPACE, which has to be durable then.",
    )
    identity_threshold: float = Field(
        0.6, description="Distance below which two faces count as one person's; smaller is stricter.", gt=0, le=2
    )
    identity_token_minutes: int = Field(
        60, description="How long a detected face can be enrolled by its token.", ge=1, le=7 * 24 * 60
    )

    # Reports
    reports_by: Literal["web", "worker"] = Field(
        "web",
        description="Who makes reports: `web`, one at a time in each process, or `worker`, on request through the "
        "queue `<QUEUE_NAME>-reports`; set it on both.",
    )

    # Worker
    lease_s: int = Field(
        60, description="Seconds for which a message stays hidden; renewed at a third of it.", ge=3, le=3600
    )
    max_attempts: int = Field(5, description="Attempts at one job before it is failed.", ge=1, le=100)
    shutdown_grace_s: float = Field(
        20.0, description="Seconds that a stopping worker gives its current jobs.", ge=0, le=3600
    )
    workspace: Path = Field(
        # One for each user: in a shared temporary folder the first user's would be closed to the others.
        default_factory=lambda: Path(tempfile.gettempdir()) / f"faceline-{os.getuid()}",
        description="Folder for downloads and engine output; emptied after each job.",
    )
    workspace_mb: int | None = Field(
        None,
        description="MiB of WORKSPACE that media in hand take together, each twice its file; large ones wait. "
        "Default: nine tenths of what is free at the start.",
        ge=1,
    )
    worker_name: str = Field(default_factory=socket.gethostname, description="Shown in records and logs.")

    # Callbacks
    callback_hosts: str = Field(
        "",
        description="Hosts that jobs may name in `callback=`, with commas between; `.example.org` is every name below "
        "it. Default: none, and such requests are refused.",
    )
    callback_secret: SecretStr | None = Field(
        None, description="Signs callbacks, as NEXT_STAGE_SECRET the calls of the next stage.", min_length=16
    )
    callback_allow_private: bool = Field(
        False, description="`true`: private and loopback addresses may be called back too, and these by http."
    )

    # Engine and limits
    openface_bin_dir: Path = Field(
        REPOSITORY / "openface_lite" / "bin",
        description="Folder of the commands: the real OpenFace, or the embedded analyser.",
    )
    engines_available: str | None = Field(
        None, description="More engines, `name=/folder` separated by commas, that a job chooses with `engine=`."
    )
    engines: int = Field(
        default_factory=processors,
        description="Engine processes at once, one processor each; default: those of its mask and quota.",
        ge=1,
    )
    batch_images: int = Field(
        200, description="Most pictures that one engine process measures, one after another; 1: each alone.", ge=1
    )
    engine_time_limit_s: float = Field(60.0, description="Seconds the engine may take for any item…", gt=0, le=86400)
    engine_time_limit_per_media_s: float = Field(
        20.0, description="…and as many more for each second of video.", ge=0, le=1000
    )
    prepare_time_limit_s: float = Field(
        60.0, description="Seconds that decoding and copying a video for the engine may take…", gt=0, le=86400
    )
    prepare_time_limit_per_gigapixel_s: float = Field(
        60.0, description="…and as many more for each thousand million pixels of all its frames.", ge=0, le=10_000
    )
    engine_memory_mb: int | None = Field(
        None,
        description="Address space of an engine process, in MiB; default: its share of the container's memory, 8192 "
        "where that has no limit. `doctor` tells the sum.",
        ge=256,
    )
    decoder_memory_mb: int | None = Field(
        None,
        description="The same of a decoder of the worker; default: half of an engine's share, at most 4096.",
        ge=256,
    )
    web_child_memory_mb: int | None = Field(
        None,
        description="The same of each child of the web server; default: its share of the container's memory, at most "
        "4096.",
        ge=256,
    )
    max_media_mb: int = Field(4096, description="Largest blob that is analysed, in MiB.", ge=1)
    max_picture_mb: int = Field(
        512, description="Largest picture, in MiB: its decoder holds the whole file in memory.", ge=1
    )
    max_megapixels: float = Field(
        250.0,
        description="Largest picture, in millions of pixels; above 64 it is reduced. Frames of videos: at most 64.",
        gt=0,
        le=268,
    )
    max_duration_s: float = Field(4 * 3600.0, description="Longest video, in seconds.", gt=0)

    # Metrics, traces, reference picture
    metrics_port: int = Field(
        0,
        description="Port of `/metrics`, `/healthz` and `/readyz` of web server and worker, without a key; 0: none.",
        ge=0,
        le=65535,
    )
    metrics_host: str = Field("127.0.0.1", description="Address of that port.")
    otel_exporter_otlp_endpoint: SecretStr | None = Field(
        None,
        description="Send traces there by OTLP over HTTP, `/v1/traces` is added; needs `requirements-otel.txt`.",
    )
    applicationinsights_connection_string: SecretStr | None = Field(
        None, description="Send traces to Azure Monitor instead; needs `requirements-otel.txt`."
    )
    otel_traces_sampler: Literal["traceidratio", "always_on", "always_off"] = Field(
        "traceidratio",
        description="Which traces are kept: a share of them, all, or none. The caller's own choice (the last digits of "
        "its `traceparent`) does not count: the Functions host drops most.",
    )
    otel_traces_sampler_arg: float = Field(
        1.0, description="The share of traces that `traceidratio` keeps; the same ones in all parts.", ge=0, le=1
    )
    canary_every_s: float = Field(
        3600.0, description="How often a worker measures the reference picture, first at its start; 0: never.", ge=0
    )
    canary_withdraw: bool = Field(
        False, description="`on`: a worker whose engine does not measure it as recorded receives no jobs until it does."
    )
    canary_records: Path | None = Field(
        None, description="Folder of recorded measures, for `canary --record`; default: those that ship."
    )

    # Sandbox
    sandbox: bool = Field(
        True,
        description="`off`: engine and decoders keep the network and files of this user; to find out whether their "
        "trouble comes from here. `doctor` tells what holds.",
    )
    sandbox_readable: str = Field(
        "",
        description="Further folders that engine and decoders may read, with commas between; those of the system, of "
        "Python and of the engine are.",
    )

    # Logs
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="`json`, `text`, or `auto`: text on a terminal, JSON elsewhere."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severity logged.")

    @field_validator("workspace", "openface_bin_dir")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        # The engine runs in a directory of its own: a relative path would mean another place there.
        return path.expanduser().resolve()

    @field_validator("results_container")
    @classmethod
    def _container_name(cls, name: str) -> str:
        plain = name.replace("-", "")
        if name != "{container}" and not (3 <= len(name) <= 63 and plain.isalnum() and name.islower()):
            raise ValueError("must be a container name (3-63 of a-z, 0-9 and -) or `{container}`")
        return name

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, text: str) -> str:
        for origin in listed(text):
            if not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+", origin):
                raise ValueError(f"{origin[:80]!r} is not an origin such as https://lab.example.org, without a path")
        return text

    @field_validator("sandbox_readable")
    @classmethod
    def _folders(cls, text: str) -> str:
        for folder in listed(text):
            if not Path(folder).is_absolute():
                raise ValueError(f"{folder[:80]!r} is not an absolute path")
        return text

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, text: str) -> str:
        if not text.isdecimal():
            for network in listed(text):
                ipaddress.ip_network(network)
        elif int(text) > MOST_PROXIES:
            raise ValueError(f"at most {MOST_PROXIES} proxies")
        return text

    @field_validator("engines_available")
    @classmethod
    def _engine_names(cls, text: str | None) -> str | None:
        for entry in (text or "").split(",") if text else ():
            name, separator, folder = entry.strip().partition("=")
            is_name = name.replace("-", "").replace("_", "").isalnum() and name.isascii() and name == name.lower()
            if not (separator and is_name and len(name) <= 32 and Path(folder).is_absolute()):
                raise ValueError(f"{entry.strip()!r} is not `name=/folder` (name: at most 32 of a-z, 0-9, - and _)")
        return text

    @model_validator(mode="after")
    def _one_storage(self) -> Self:
        if self.azure_storage_connection_string and self.storage_account:
            raise ValueError("AZURE_STORAGE_CONNECTION_STRING and STORAGE_ACCOUNT are both set; keep one")
        return self

    @model_validator(mode="after")
    def _one_place_of_traces(self) -> Self:
        if self.otel_exporter_otlp_endpoint and self.applicationinsights_connection_string:
            raise ValueError(
                "OTEL_EXPORTER_OTLP_ENDPOINT and APPLICATIONINSIGHTS_CONNECTION_STRING are both set; keep one"
            )
        return self

    @model_validator(mode="after")
    def _callbacks_are_signed(self) -> Self:
        if self.callback_hosts and self.callback_secret is None:
            raise ValueError("CALLBACK_HOSTS is set without CALLBACK_SECRET: receivers could not trust a call")
        return self

    @property
    def exports_traces(self) -> bool:
        """Whether spans have a destination."""
        return bool(self.otel_exporter_otlp_endpoint or self.applicationinsights_connection_string)

    @property
    def engine_folders(self) -> dict[str, Path]:
        """Folders of `ENGINES_AVAILABLE` by name."""
        entries = (entry.strip().partition("=") for entry in (self.engines_available or "").split(",") if entry.strip())
        return {name: Path(folder) for name, _, folder in entries}

    @property
    def sandbox_folders(self) -> tuple[Path, ...]:
        """Folders of `SANDBOX_READABLE`."""
        return tuple(Path(folder) for folder in listed(self.sandbox_readable))

    def largest_mb(self, media: str) -> tuple[int, str]:
        """Largest file of a kind of media in MiB, and the setting that limits it."""
        if media == "image" and self.max_picture_mb < self.max_media_mb:
            return self.max_picture_mb, "MAX_PICTURE_MB"
        return self.max_media_mb, "MAX_MEDIA_MB"

    @property
    def listens_on_loopback(self) -> bool:
        """Whether only this machine can reach the web server."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def detect_processes(self) -> int:
        """Analyser processes of each gunicorn process: `DETECT_CHILDREN`, or its share of the processors."""
        return self.detect_children or max(1, processors() // self.web_workers)

    @property
    def has_storage(self) -> bool:
        """Whether a storage account is named."""
        return self.azure_storage_connection_string is not None or self.storage_account is not None

    @property
    def asks_for_keys(self) -> bool:
        """Whether callers need a key, also where none has been made yet."""
        return self.api_keys is not None or self.api_keys_file is not None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment, then the TOML file named by SETTINGS_FILE."""
        file = os.environ.get("SETTINGS_FILE")
        if not file:
            return init_settings, env_settings
        if not Path(file).is_file():
            raise BadSettings(f"SETTINGS_FILE: {file} is not a file")
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, Path(file))

    @classmethod
    def load(cls, given: Mapping[str, str] | None = None) -> Settings:
        """Read the settings of this process.

        Args:
            given: variables that win over the environment.

        Raises:
            BadSettings: with every problem, one a line.
        """
        values: dict[str, Any] = {name: (given or {}).get(name.upper(), "") for name in cls.model_fields}
        try:
            return cls(**{name: value for name, value in values.items() if value != ""})
        except ValidationError as error:
            problems = [
                f"{str(problem['loc'][0]).upper() if problem['loc'] else 'settings'}: {problem['msg']}"
                for problem in error.errors()
            ]
            raise BadSettings("\n".join(problems)) from error
        except (OSError, ValueError) as error:
            raise BadSettings(f"SETTINGS_FILE: {os.environ.get('SETTINGS_FILE')} cannot be read: {error}") from error


def drop_secrets() -> None:
    """Overwrite the settings that are secrets in this process's environment, and remove them.

    /proc/<pid>/environ shows the memory that a process was started with: to remove a variable does not clear it.
    """
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_void_p
    for name, field in Settings.model_fields.items():
        variable = name.upper()
        if variable in os.environ and SecretStr in (field.annotation, *get_args(field.annotation)):
            if place := libc.getenv(variable.encode()):
                ctypes.memset(place, 0, len(os.fsencode(os.environ[variable])))
            del os.environ[variable]


def share_metrics_in(folder: Path) -> None:
    """Set the one variable in which prometheus-client looks for the folder of shared metrics."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
