"""Settings: every problem at once, secrets out of sight, the environment over the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.settings import BadSettings, Settings, container_memory_mb, processors
from service.web.server.start import refuse_open_door


def test_defaults_are_safe() -> None:
    settings = Settings.load({})
    assert settings.host == "127.0.0.1"
    assert not settings.allow_anonymous
    assert (settings.openface_bin_dir / "FaceLandmarkImg").exists()


def test_all_problems_are_told_together() -> None:
    with pytest.raises(BadSettings) as caught:
        Settings.load({"PORT": "no", "LEASE_S": "0", "MAX_ATTEMPTS": "-1", "RESULTS_CONTAINER": "Bad_Name"})
    told = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in told] == ["RESULTS_CONTAINER", "PORT", "LEASE_S", "MAX_ATTEMPTS"]


def test_connection_string_and_identity_are_never_both_taken() -> None:
    with pytest.raises(BadSettings, match="both set"):
        Settings.load({"AZURE_STORAGE_CONNECTION_STRING": "x", "STORAGE_ACCOUNT": "account"})


def test_the_secret_is_not_shown() -> None:
    settings = Settings.load({"AZURE_STORAGE_CONNECTION_STRING": "AccountKey=hush"})
    assert "hush" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('port = 6000\nlease_s = 30\nresults_container = "{container}"\n')
    monkeypatch.setenv("SETTINGS_FILE", str(file))
    monkeypatch.setenv("PORT", "7000")
    monkeypatch.setenv("QUEUE_NAME", "")
    settings = Settings.load()
    assert settings.queue_name == "analysis-jobs"
    assert (settings.port, settings.lease_s, settings.results_container) == (7000, 30, "{container}")


@pytest.mark.parametrize("text", ["prot = 6000", "port = ", None])
def test_a_file_with_mistakes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    file = tmp_path / "settings.toml"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("SETTINGS_FILE", str(file))
    with pytest.raises(BadSettings, match="SETTINGS_FILE" if text != "prot = 6000" else "PROT"):
        Settings.load()


@pytest.mark.parametrize(
    ("environ", "refused"),
    [
        ({"HOST": "127.0.0.1"}, False),
        ({"HOST": "::1"}, False),
        ({"HOST": "localhost"}, False),
        ({"HOST": "0.0.0.0"}, True),
        ({"HOST": "::"}, True),
        ({"HOST": "example.org"}, True),
        ({"HOST": "0.0.0.0", "ALLOW_ANONYMOUS": "true"}, False),
    ],
)
def test_an_open_door_must_be_meant(environ: dict[str, str], refused: bool) -> None:
    settings = Settings.load(environ)
    if refused:
        with pytest.raises(BadSettings, match="ALLOW_ANONYMOUS"):
            refuse_open_door(settings)
    else:
        refuse_open_door(settings)


@pytest.mark.parametrize(
    ("files", "membership", "count"),
    [
        ({}, "0::/", None),
        ({"cpu.max": "max 100000"}, "0::/", None),
        ({"cpu.max": "100000 100000"}, "0::/", 1),
        ({"cpu.max": "50000 100000"}, "0::/", 1),
        ({"pod/cpu.max": "100000 100000", "pod/worker/cpu.max": "max 100000"}, "0::/pod/worker", 1),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, "4:cpu:/", 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, "4:cpu:/", None),
        ({"cpu.max": "6400000 100000"}, "0::/", None),
    ],
)
def test_processors_are_those_of_the_mask_within_the_quota(
    tmp_path: Path, files: dict[str, str], membership: str, count: int | None
) -> None:
    import os

    for name, text in files.items():
        (tmp_path / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cgroup" / name).write_text(text)
    (tmp_path / "membership").write_text(membership + "\n")
    found = processors(tmp_path / "cgroup", tmp_path / "membership")
    assert found == (count or len(os.sched_getaffinity(0)))


def test_engines_to_choose_from_are_folders_by_name() -> None:
    settings = Settings.load({"ENGINES_AVAILABLE": "openface=/opt/openface/bin, my-own=/srv/engine"})
    assert settings.engine_folders == {"openface": Path("/opt/openface/bin"), "my-own": Path("/srv/engine")}
    assert Settings.load({}).engine_folders == {}


@pytest.mark.parametrize("text", ["openface", "=/x", "Open Face=/x", "a=relative", "a=/x,", f"{'a' * 33}=/x"])
def test_badly_named_engines_are_refused(text: str) -> None:
    with pytest.raises(BadSettings, match="ENGINES_AVAILABLE"):
        Settings.load({"ENGINES_AVAILABLE": text})


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"memory.max": "6442450944\n"}, 6144),
        ({"memory.max": "max\n"}, None),
        ({"memory/memory.limit_in_bytes": "2147483648\n"}, 2048),
        ({"memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),
        ({"memory.max": "6442450944\n", "part/memory.max": "1073741824\n"}, 1024),
        ({}, None),
    ],
)
def test_the_limit_of_the_innermost_control_group_counts(
    tmp_path: Path, files: dict[str, str], limit: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cgroup" / name).write_text(text)
    membership = tmp_path / "membership"
    membership.write_text("0::/part\n")
    assert container_memory_mb(tmp_path / "cgroup", membership) == limit
