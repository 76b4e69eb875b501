"""API keys: entries, comparison, and a file that changes under a running server."""

from __future__ import annotations

import hashlib
import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.cli.key import add
from service.settings import Settings
from service.web.access.keys import SCOPES, BadKeys, Key, KeyRing, new_key, parse_entry

DIGEST = hashlib.sha256(b"mak_text").hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def _ring(file: Path) -> KeyRing:
    return KeyRing.of(Settings.load({"API_KEYS_FILE": str(file)}))


def test_an_entry_is_read_as_it_was_written() -> None:
    text, key = new_key("site-1.b_2", ["read", "analyse"])
    assert key.entry == f"site-1.b_2:analyse+read:{hashlib.sha256(text.encode()).hexdigest()}"
    assert parse_entry(key.entry) == key
    assert len(text) > 43
    assert new_key("site", ["read"])[0] != new_key("site", ["read"])[0]


def test_a_key_is_never_shown() -> None:
    text, key = new_key("site", ["read"])
    settings = Settings.load({"API_KEYS": key.entry})
    shown = repr(key) + repr(settings) + settings.model_dump_json()
    assert text not in shown
    assert key.digest.hex() not in shown


def test_admin_has_all_scopes_and_others_their_own() -> None:
    admin, reader = parse_entry(f"a:admin:{DIGEST}"), parse_entry(f"r:read:{DIGEST}")
    assert all(admin.may(scope) for scope in SCOPES)
    assert [scope for scope in SCOPES if reader.may(scope)] == ["read"]


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("mak_hush-hush", "an entry is"),
        (f"site:read:{DIGEST}:more", "scopes are"),
        (f"site:write:{DIGEST}", "scopes are analyse, analyse:own, read, read:own, identity, admin"),
        (f"site::{DIGEST}", "scopes are"),
        (f"site:read+:{DIGEST}", "scopes are"),
        (f"site:read:{DIGEST[:-1]}", "64 hex digits"),
        ("site:read:mak_hush-hush", "64 hex digits"),
        (f":read:{DIGEST}", "name"),
        (f"-site:read:{DIGEST}", "name"),
        (f"si te:read:{DIGEST}", "name"),
        (f"site\n:read:{DIGEST}", "name"),
        (f"{'x' * 65}:read:{DIGEST}", "name"),
        (f"ünï:read:{DIGEST}", "name"),
    ],
)
def test_mistakes_are_reported_and_never_quoted(file: Path, entry: str, says: str) -> None:
    with pytest.raises(BadKeys, match=says) as caught:
        parse_entry(entry)
    assert "hush" not in str(caught.value)
    file.write_text(f"# ours\n\n{entry}\n" if "\n" not in entry else "x")
    with pytest.raises(BadKeys, match=r"API_KEYS_FILE: .*line \d: ") as caught:
        _ring(file).check()
    assert "hush" not in str(caught.value)


def test_inline_entries_between_blanks_and_commas() -> None:
    made = [new_key(f"site-{number}", ["read"]) for number in range(3)]
    entries = [key.entry for _, key in made]
    ring = KeyRing.of(Settings.load({"API_KEYS": f" {entries[0]},\n{entries[1]} ,\t{entries[2]}, "}))
    assert [ring.find(text) for text, _ in made] == [key for _, key in made]
    with pytest.raises(BadKeys, match="API_KEYS: entry 2: "):
        KeyRing.of(Settings.load({"API_KEYS": f"{entries[0]} mak_hush"}))
    with pytest.raises(BadKeys, match="API_KEYS: entry 1: "):
        KeyRing.of(Settings.load({"API_KEYS": " , "}))


def test_a_file_may_have_several_entries_a_line(file: Path) -> None:
    entries = [new_key(name, ("read",))[1].entry for name in ("a", "b", "c", "d")]
    file.write_text(f"{entries[0]} {entries[1]},{entries[2]}  # lab\n{entries[3]}")
    assert [key.name for key in KeyRing(file=file).current()] == ["a", "b", "c", "d"]


def test_repeated_names_and_keys_are_refused(file: Path) -> None:
    first, second = new_key("site", ["read"])[1], new_key("site", ["admin"])[1]
    with pytest.raises(BadKeys, match="same name"):
        KeyRing.of(Settings.load({"API_KEYS": f"{first.entry} {second.entry}"}))
    file.write_text(f"{first.entry}\n")
    both = KeyRing.of(Settings.load({"API_KEYS": second.entry, "API_KEYS_FILE": str(file)}))
    with pytest.raises(BadKeys, match="same name"):
        both.check()
    twice = Key("other", first.scopes, first.digest)
    with pytest.raises(BadKeys, match="the same key"):
        KeyRing.of(Settings.load({"API_KEYS": f"{first.entry} {twice.entry}"}))


def test_every_entry_is_compared_wherever_the_right_one_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """No early end: the time taken must not tell the place of a key, or whether there is one."""
    import hmac

    compared: list[bytes] = []

    def counted(one: bytes, other: bytes, compare: Callable[[bytes, bytes], bool] = hmac.compare_digest) -> bool:
        compared.append(one)
        return compare(one, other)

    monkeypatch.setattr("service.web.access.keys.hmac.compare_digest", counted)
    made = [new_key(f"site-{number}", ["read"]) for number in range(5)]
    ring = KeyRing(tuple(key for _, key in made))
    for presented in (made[0][0], made[4][0], "mak_wrong"):
        compared.clear()
        ring.find(presented)
        assert compared == [key.digest for _, key in made]


@pytest.mark.parametrize("wrong", ["", " ", "mak_", DIGEST, "ünï", "\udcff", "x" * 100_000, "\0"])
def test_wrong_keys_of_many_kinds(wrong: str) -> None:
    text, key = new_key("site", ["read"])
    ring = KeyRing((key,))
    assert ring.find(text) == key
    for presented in (wrong, text + wrong, wrong + text, text[:-1], text.upper(), key.digest.hex(), key.entry):
        if presented != text:
            assert ring.find(presented) is None


def test_a_changed_file_counts_at_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("# nobody yet\n")
    ring = _ring(file)
    ring.check()
    (first_text, first), (second_text, second) = new_key("first", ["read"]), new_key("second", ["read"])
    assert ring.asks
    assert ring.find(first_text) is None
    file.write_text(f"{first.entry}  # since today\n")
    assert ring.find(first_text) == first
    # Rewritten in place, of the same length, within the same tick of the clock.
    file.write_text(file.read_text().replace(first.digest.hex(), second.digest.hex()))
    assert ring.find(first_text) is None
    assert ring.find(second_text) == Key("first", first.scopes, second.digest)
    # Emptied, as by rewriting; after a moment that is what was wanted.
    file.write_text("")
    assert ring.find(second_text) is not None
    monkeypatch.setattr("service.web.access.keys.EMPTY_S", 0.0)
    assert ring.find(second_text) is None


@pytest.mark.parametrize("pause_s", [0.0, 0.05])
def test_a_file_that_is_rewritten_in_place_never_takes_its_keys_away(
    file: Path, pause_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine its writer may be kept waiting while the file is empty.
    monkeypatch.setattr("service.web.access.keys.EMPTY_S", 60.0)
    text, key = new_key("one", ["read"])
    file.write_text(f"{key.entry}\n")
    ring, done = _ring(file), threading.Event()
    assert ring.find(text) == key

    def rewrite() -> None:
        for _ in range(10 if pause_s else 300):
            with file.open("w") as emptied:
                time.sleep(pause_s)
                emptied.write(f"{key.entry}\n")
        done.set()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(rewrite)
        while not done.is_set():
            assert ring.find(text) == key
            time.sleep(0.0005)
        writing.result()


@pytest.mark.parametrize("spoil", ["malformed", "not text", "gone", "a folder"])
def test_an_invalid_file_keeps_the_last_valid_keys(file: Path, spoil: str) -> None:
    (old_text, old), (new_text, new) = new_key("old", ["read"]), new_key("new", ["read"])
    file.write_text(f"{old.entry}\n")
    ring = _ring(file)
    assert ring.find(old_text) == old
    _spoil(file, spoil, new)
    assert ring.find(old_text) == old
    assert ring.find(new_text) is None
    with pytest.raises(BadKeys, match="API_KEYS_FILE"):
        ring.check()
    if file.is_dir():
        file.rmdir()
    file.write_text(f"{new.entry}\n")
    assert ring.find(new_text) == new
    assert ring.find(old_text) is None


def _spoil(file: Path, how: str, key: Key) -> None:
    if how == "malformed":
        file.write_text(f"{key.entry}\nnonsense\n")
    elif how == "not text":
        file.write_bytes(b"\xff\xfe" + key.entry.encode())
    else:
        file.unlink()
        if how == "a folder":
            file.mkdir()


def test_an_unreadable_file_admits_no_key(file: Path) -> None:
    """A process that begins beside a spoilt file must not be an open door; and inline keys go on."""
    text, key = new_key("inline", ["read"])
    ring = KeyRing.of(Settings.load({"API_KEYS": key.entry, "API_KEYS_FILE": str(file)}))
    assert ring.asks
    assert ring.find(text) == key
    assert ring.find("mak_other") is None


def test_threads_see_consistent_keys(file: Path) -> None:
    made = [new_key(f"site-{number}", ["read"]) for number in range(20)]
    file.write_text("")
    ring = _ring(file)
    with ThreadPoolExecutor(8) as pool:
        written = [pool.submit(add, file, key) for _, key in made]
        for _ in range(200):
            assert all(isinstance(key, Key) for key in ring.current())
        for one in written:
            one.result()
    # Each addition read the file after the one before it: none was lost.
    assert {key.name for key in ring.current()} == {key.name for _, key in made}
    assert all(ring.find(text) for text, _ in made)


def test_a_new_file_is_private_and_an_old_one_keeps_its_mode(file: Path) -> None:
    add(file, new_key("one", ["read"])[1])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o640)
    file.write_text(f"# ours\n{file.read_text()}")
    add(file, new_key("two", ["read"])[1])
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert file.read_text().startswith("# ours\none:")
    assert [path.name for path in file.parent.iterdir()] == ["keys"]
    with pytest.raises(BadKeys, match="already"):
        add(file, new_key("two", ["read"])[1])
    with pytest.raises(BadKeys):
        add(file.parent / "no" / "folder", new_key("two", ["read"])[1])
