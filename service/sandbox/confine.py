"""Launcher of every child: give up rights, then become a command or run a Python module.

    python -I -S confine.py SPEC /absolute/command argument…
    python -m service.sandbox.confine SPEC -m module argument…

SPEC is the JSON of `confinement.instructions`. Each measure is taken where the kernel and this process's rights allow
it, and left out elsewhere; `python -m service doctor` tries what holds. It needs the standard library alone, so that an
engine starts quickly, and it runs after exec: code between fork and exec is unsafe in a process with threads.
"""

import ctypes
import json
import os
import resource
import signal
import stat
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

NOT_STARTED = 127
OTHER_USER = 65533
"""User and group of the children of root: unassigned in Debian, and mapped in rootless containers."""
PERMISSION_DENIED, NO_SUCH_CALL = 1, 38

# prctl(2), capabilities(7), unshare(2)
PDEATHSIG, KEEPCAPS, CAPBSET_DROP, NO_NEW_PRIVS, CAP_AMBIENT, AMBIENT_RAISE = 1, 8, 24, 38, 47, 2
DAC_OVERRIDE, CAP_KILL, SETGID, SETUID, LAST_CAPABILITY = 1, 5, 6, 7, 63
NEWUSER, NEWNET = 0x10000000, 0x40000000
CAPABILITIES_VERSION_3 = 0x20080522

# landlock(7). The numbers of the calls are the same on all architectures.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
MAKE_CHAR, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = 1 << 6, 1 << 10, 1 << 11, 1 << 12
NOT_MADE = MAKE_CHAR | MAKE_FIFO | MAKE_BLOCK | MAKE_SYM
"""No child makes these: through a link of its, this service would hand out another file than the child's."""
TRUNCATE, IOCTL_DEVICE = 1 << 14, 1 << 15
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All rights that a version of Landlock knows, by the first version that knows them."""
TCP = 3
"""To bind and to connect; from version 4 on."""
ABSTRACT_SOCKETS_AND_SIGNALS = 3
"""Scopes; from version 6 on."""

# seccomp(2) through libseccomp: https://man7.org/linux/man-pages/man3/seccomp_init.3.html
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
REFUSED_CALLS = (
    *("socket", "connect", "bind", "listen", "accept", "accept4", "io_uring_setup"),
    *("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp"),
    *("mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "open_by_handle_at"),
    *("bpf", "perf_event_open", "userfaultfd", "add_key", "request_key", "keyctl"),
)
"""Calls of the network (sockets that are handed down still work), of other processes, and of kernels' weak spots."""


class _Version(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Capabilities(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable"))


class _Ruleset(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("files", "network", "scopes"))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


class _Condition(ctypes.Structure):
    """`struct scmp_arg_cmp`: an argument of a call, masked and compared."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("mask", ctypes.c_uint64), ("value", ctypes.c_uint64))


MASKED_EQUAL = 7


def main(arguments: Sequence[str]) -> None:
    """Confine this process, and become what the arguments name."""
    spec, *command = arguments
    confine(json.loads(spec))
    if command[0] == "-m":
        # Imported here: it takes longer than the start of an engine's launcher without it.
        import runpy

        sys.argv[1:] = command[2:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
        return
    # Python ignores these, and a command would inherit that.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execv(command[0], command)
    except OSError as error:
        sys.stderr.write(f"confine: {command[0]}: {error.strerror}\n")
        sys.exit(NOT_STARTED)


def confine(spec: Mapping[str, Any]) -> None:
    """Take every measure that can be taken here."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0)
        if spec["sandbox"]:
            _leave_network(libc)
            _become_other_user(libc)
            _restrict_files(libc, spec["lists"], spec["reads"], spec["writes"])
        # After the change of user, which would clear it.
        libc.prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != spec["parent"]:
            sys.exit(NOT_STARTED)
        if spec["sandbox"]:
            _refuse_calls()
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, spec["file_bytes"]),
        (resource.RLIMIT_AS, spec["memory_bytes"]),
    ):
        _limit(kind, most)


def _leave_network(libc: ctypes.CDLL) -> None:
    """Enter a network namespace without interfaces; without privileges, through a user namespace."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        libc.unshare(NEWNET)
    elif libc.unshare(NEWUSER | NEWNET) == 0:
        # Keeps its ids, and may not become another.
        with suppress(OSError):
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"{user} {user} 1")
            _write("/proc/self/gid_map", f"{group} {group} 1")
        _set_capabilities(libc, 0)


def _write(path: str, text: str) -> None:
    place = os.open(path, os.O_WRONLY)
    os.write(place, text.encode())
    os.close(place)


def _become_other_user(libc: ctypes.CDLL) -> None:
    """Leave root, and all of its capabilities but the one to reach a workspace and a Python that are closed to others.

    Landlock restricts files for it as for any process. Without the capabilities that this takes, and that the parent
    takes to end its child, it stays root; so it does where a user namespace has no such user.
    """
    if os.geteuid() != 0:
        return
    needed = sum(1 << number for number in (DAC_OVERRIDE, CAP_KILL, SETGID, SETUID))
    held = _capabilities(libc)
    for number in range(LAST_CAPABILITY + 1):
        if number != DAC_OVERRIDE:
            libc.prctl(CAPBSET_DROP, number, 0, 0, 0)
    if held & needed == needed:
        libc.prctl(KEEPCAPS, 1, 0, 0, 0)
        with suppress(OSError):
            os.setgroups([])
        with suppress(OSError):
            os.setresgid(OTHER_USER, OTHER_USER, OTHER_USER)
            os.setresuid(OTHER_USER, OTHER_USER, OTHER_USER)
    _set_capabilities(libc, held & 1 << DAC_OVERRIDE)
    libc.prctl(CAP_AMBIENT, AMBIENT_RAISE, DAC_OVERRIDE, 0, 0)


def _capabilities(libc: ctypes.CDLL) -> int:
    """Return the effective capabilities, the lower 32 of them."""
    sets = (_Capabilities * 2)()
    libc.capget(ctypes.byref(_Version(CAPABILITIES_VERSION_3, 0)), sets)
    return int(sets[0].effective)


def _set_capabilities(libc: ctypes.CDLL, lower: int) -> None:
    sets = (_Capabilities * 2)(_Capabilities(lower, lower, lower))
    libc.capset(ctypes.byref(_Version(CAPABILITIES_VERSION_3, 0)), sets)


def _restrict_files(libc: ctypes.CDLL, lists: Sequence[str], reads: Sequence[str], writes: Sequence[str]) -> None:
    """Leave access to these folders and files alone, by Landlock; also no TCP and no signals to other processes."""
    version = libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return
    known = FILE_RIGHTS[max(first for first in FILE_RIGHTS if first <= version)]
    ruleset = _Ruleset(known, TCP if version >= 4 else 0, ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0)
    # Older kernels refuse a larger structure.
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = libc.syscall(CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(size), 0)
    if rules < 0:
        return
    for paths, rights in (
        (lists, READ_DIR),
        (reads, EXECUTE | READ_FILE | READ_DIR),
        (writes, known & ~EXECUTE & ~NOT_MADE),
    ):
        for path in paths:
            _allow(libc, rules, path, rights & known)
    libc.syscall(RESTRICT_SELF, rules, 0)
    os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    with suppress(OSError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= OF_FILES
        libc.syscall(ADD_RULE, rules, 1, ctypes.byref(_PathRule(rights, place)), 0)
        os.close(place)


def _refuse_calls() -> None:
    """Let the kernel refuse calls that no decoder makes, by libseccomp where it is installed."""
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(ALLOW)))
    refuse = ctypes.c_uint32(ERRNO | PERMISSION_DENIED)
    for name in REFUSED_CALLS:
        library.seccomp_rule_add_array(rules, refuse, _number(library, name), 0, None)
    # New threads are wanted, new user namespaces are not; a filter cannot tell with `clone3`: libraries take `clone`.
    in_new_user_namespace = _Condition(0, MASKED_EQUAL, NEWUSER, NEWUSER)
    library.seccomp_rule_add_array(rules, refuse, _number(library, "clone"), 1, ctypes.byref(in_new_user_namespace))
    absent = ctypes.c_uint32(ERRNO | NO_SUCH_CALL)
    library.seccomp_rule_add_array(rules, absent, _number(library, "clone3"), 0, None)
    library.seccomp_load(rules)
    library.seccomp_release(rules)


def _number(library: ctypes.CDLL, name: str) -> int:
    return int(library.seccomp_syscall_resolve_name(name.encode()))


def _limit(kind: int, most: int) -> None:
    with suppress(ValueError, OSError):
        _, hard = resource.getrlimit(kind)
        ceiling = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (ceiling, ceiling))


if __name__ == "__main__":
    main(sys.argv[1:])
