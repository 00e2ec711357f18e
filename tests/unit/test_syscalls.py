"""The filter of system calls, run by a small interpreter of its own, on both architectures."""

from __future__ import annotations

import platform
import struct

import pytest

from autograder.worker import syscalls
from tests.hostile.dangerous import DANGEROUS

LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
PID = 4711
BOTH = pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])


def run(architecture: str, number: int, *arguments: int, audit: int | None = None, with_ioctl: bool = False) -> int:
    """Return what the filter answers to a system call."""
    words = [number & 0xFFFFFFFF, syscalls.AUDIT_ARCH[architecture] if audit is None else audit, 0, 0]
    for argument in (*arguments, *[0] * (6 - len(arguments))):
        words += [argument & 0xFFFFFFFF, argument >> 32 & 0xFFFFFFFF]
    code = list(struct.iter_unpack("=HBBI", syscalls.program(architecture, PID, with_ioctl)))
    position = accumulator = 0
    for _ in range(len(code)):
        operation, true, false, value = code[position]
        position += 1
        if operation == RETURN:
            return int(value)
        if operation == LOAD:
            assert value % 4 == 0
            accumulator = words[value // 4]
        else:
            holds = {
                JUMP_EQUAL: accumulator == value,
                JUMP_AT_LEAST: accumulator >= value,
                JUMP_ANY_BIT: bool(accumulator & value),
            }[operation]
            position += true if holds else false
    raise AssertionError("the filter does not end")


def refused(error: int) -> int:
    return ERRNO | error


@BOTH
def test_listed_calls_are_allowed_and_all_others_are_not(architecture: str) -> None:
    listed = syscalls.numbers(architecture)
    checked = syscalls.GROUPS["checked by argument"]
    free = {number for name, number in listed.items() if name not in checked and name not in syscalls.UNDONE}
    for number in range(600):
        if number in free:
            assert run(architecture, number) == ALLOW
        elif number not in listed.values():
            assert run(architecture, number) == refused(syscalls.EPERM)


@BOTH
def test_numbers_are_those_of_one_call_each(architecture: str) -> None:
    listed = syscalls.numbers(architecture)
    assert len(set(listed.values())) == len(listed)


@BOTH
def test_another_architecture_is_deadly(architecture: str) -> None:
    for audit in (0x40000003, 0x40000028, 0, syscalls.AUDIT_ARCH["aarch64" if architecture == "x86_64" else "x86_64"]):
        assert run(architecture, 0, audit=audit) == KILL


@BOTH
def test_x32_numbers_do_not_exist(architecture: str) -> None:
    for number in (0, 1, 39, 520, 0x3FFFFFFF):
        assert run(architecture, syscalls.X32_BIT | number) == refused(syscalls.ENOSYS)
    assert run(architecture, 0xFFFFFFFF) == refused(syscalls.ENOSYS)


@BOTH
def test_clone_makes_threads_only(architecture: str) -> None:
    clone = syscalls.numbers(architecture)["clone"]
    thread = 0x003D0F00  # as glibc calls it
    assert run(architecture, clone, thread) == ALLOW
    for flags in (
        17,
        0x01200011,
        0x4111,
        0x10000011,
        0x7E020000 | 17,
        thread & ~syscalls.CLONE_THREAD,
        syscalls.CLONE_THREAD << 32,
        *(thread | 1 << bit for bit in range(32) if not (thread | syscalls.THREAD_FLAGS) & 1 << bit),
    ):
        assert run(architecture, clone, flags) == refused(syscalls.EPERM)
    assert run(architecture, syscalls.numbers(architecture)["clone3"], 0, 88) == refused(syscalls.ENOSYS)


@BOTH
@pytest.mark.parametrize(("name", "between"), [("kill", ()), ("tgkill", (PID + 7,))])
def test_only_itself_can_be_signalled_and_not_in_the_way_of_others(
    architecture: str, name: str, between: tuple[int, ...]
) -> None:
    """A worker that ends by SIGKILL has been ended from outside."""
    number = syscalls.numbers(architecture)[name]
    for signal in (0, 1, 2, 6, 8, 10, 15, 18, 20, 64):
        assert run(architecture, number, PID, *between, signal) == ALLOW
    for signal in (9, 19):
        assert run(architecture, number, PID, *between, signal) == refused(syscalls.EPERM)
    for pid in (0, 1, PID - 1, PID + 1, -1, -PID, 2**31):
        assert run(architecture, number, pid, *between, 15) == refused(syscalls.EPERM)


@BOTH
def test_only_its_own_limits_can_be_read(architecture: str) -> None:
    number = syscalls.numbers(architecture)["prlimit64"]
    assert run(architecture, number, 0, 7, 0, 0x7FFF0000) == ALLOW
    for arguments in ((0, 7, 0x7FFF0000, 0), (0, 7, 1 << 32, 0), (1, 7, 0, 0), (PID, 7, 0, 0)):
        assert run(architecture, number, *arguments) == refused(syscalls.EPERM)


@BOTH
def test_prctl_names_threads_and_mappings_only(architecture: str) -> None:
    number = syscalls.numbers(architecture)["prctl"]
    allowed = {15, 16, 0x53564D41}
    for option in [*range(80), 0x53564D41]:
        assert run(architecture, number, option) == (ALLOW if option in allowed else refused(syscalls.EPERM))


@BOTH
def test_fcntl_gives_no_signal_to_anybody(architecture: str) -> None:
    number = syscalls.numbers(architecture)["fcntl"]
    allowed = {0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1031, 1032}
    for command in [*range(64), *range(1020, 1050)]:
        assert run(architecture, number, 3, command) == (ALLOW if command in allowed else refused(syscalls.EPERM))


@BOTH
def test_ioctl_finds_no_terminal(architecture: str) -> None:
    assert run(architecture, syscalls.numbers(architecture)["ioctl"], 0, 0x5401) == refused(syscalls.ENOTTY)


@BOTH
def test_rights_and_times_are_left_alone_without_a_word(architecture: str) -> None:
    listed = syscalls.numbers(architecture)
    for name in set(syscalls.UNDONE) & set(listed):
        assert run(architecture, listed[name]) == refused(0)


@BOTH
def test_devices_are_controlled_only_where_there_is_a_gpu(architecture: str) -> None:
    listed = syscalls.numbers(architecture)
    assert run(architecture, listed["ioctl"], 3, 0x5401) == refused(syscalls.ENOTTY)
    assert run(architecture, listed["ioctl"], 3, 0x5401, with_ioctl=True) == ALLOW
    for number in {*range(600)} - {listed["ioctl"]}:
        assert run(architecture, number) == run(architecture, number, with_ioctl=True)


@BOTH
def test_the_filter_is_as_long_as_the_kernel_allows(architecture: str) -> None:
    code = list(struct.iter_unpack("=HBBI", syscalls.program(architecture, PID)))
    assert len(code) <= 4096
    for position, (operation, true, false, _) in enumerate(code):
        if operation in (JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT):
            assert position + 1 + max(true, false) < len(code)
    assert code[-1][0] == RETURN


@pytest.mark.parametrize(
    ("machine", "name"), [("x86_64", "x86_64"), ("amd64", "x86_64"), ("arm64", "aarch64"), ("riscv64", "")]
)
def test_the_machine_is_known_by_its_kernel_s_name(monkeypatch: pytest.MonkeyPatch, machine: str, name: str) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert syscalls.machine() == name
    assert bool(syscalls.own_program()) == bool(name)


@BOTH
@pytest.mark.parametrize("name", ["sendto", "recvfrom"])
def test_the_connection_carries_bytes_to_the_grader_and_nothing_else(architecture: str, name: str) -> None:
    number = syscalls.numbers(architecture)[name]
    flags = {"sendto": (0, 0x4000, 0x40, 0x4040), "recvfrom": (0, 2, 0x40, 0x100, 0x4000)}[name]
    for given in flags:
        assert run(architecture, number, 3, 0x7FFF0000, 9, given, 0, 0) == ALLOW
    for bit in {1 << bit for bit in range(32)} - {*flags}:  # MSG_OOB is 1
        assert run(architecture, number, 3, 0x7FFF0000, 9, bit | flags[1]) == refused(syscalls.EPERM)
    for address in (0x7FFF0000, 1, 1 << 32):
        answer = run(architecture, number, 3, 0x7FFF0000, 9, 0, address, 16)
        assert answer == (refused(syscalls.EPERM) if name == "sendto" else ALLOW)


@BOTH
@pytest.mark.parametrize("name", DANGEROUS)
def test_what_is_dangerous_is_refused_whatever_it_is_asked_for(architecture: str, name: str) -> None:
    number = DANGEROUS[name][0 if architecture == "x86_64" else 1]
    if number is not None:
        for arguments in ((), (0,) * 6, (PID, PID, 1, 0, 0, 0), (2**64 - 1,) * 6):
            assert run(architecture, number, *arguments) == refused(syscalls.EPERM)
