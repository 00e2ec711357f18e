"""Threads, memory, files, descriptors, output and CPU time run out for the one who takes them, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autograder.boundary.nursery import Nursery
from autograder.boundary.student import Student
from autograder.errors import StudentCrashed, StudentError, StudentOutOfMemory, StudentRaised, StudentTimedOut
from autograder.worker.confinement import Limits

BALLOONS = {
    "a tensor": "torch.ones(10**12)",
    "a small tensor too many": "[torch.empty(64 << 20, dtype=torch.uint8) for _ in range(99)]",
    "bytes": "bytearray(10**12)",
    "a string": "'x' * 10**11",
    "a list": "[None] * 10**11",
    "an array": "numpy.zeros(10**11)",
    "a product": "torch.ones(10**5, 1) @ torch.ones(1, 10**5)",
}


@pytest.mark.parametrize("how", BALLOONS.values(), ids=BALLOONS)
def test_a_balloon_is_out_of_memory(costs_one_call: Callable[..., StudentError], how: str) -> None:
    costs_one_call(
        f"import numpy, torch\n\ndef attack(): return {how}", error=StudentOutOfMemory, match="more memory than allowed"
    )


def test_a_balloon_in_small_pieces_ends(costs_one_call: Callable[..., StudentError]) -> None:
    source = "def attack():\n    kept = []\n    while True: kept.append('x' * 10**6 + str(len(kept)))"
    costs_one_call(source, error=StudentOutOfMemory, call_s=30)


def test_memory_of_its_own_mappings_ends(costs_one_call: Callable[..., StudentError]) -> None:
    source = "import mmap\n\ndef attack():\n    kept = []\n    while True: kept.append(mmap.mmap(-1, 1 << 28))"
    costs_one_call(source, match="Cannot allocate memory|more memory than allowed")


def test_the_memory_that_it_holds_is_seen_from_outside(student: Callable[..., Student]) -> None:
    one = student("kept = b'x' * (50 << 20)")
    one.fine()
    assert one._worker is not None
    assert one._worker._resident_bytes() > 50 << 20


def test_a_recursion_without_a_limit_ends(costs_one_call: Callable[..., StudentError]) -> None:
    source = "import sys\nsys.setrecursionlimit(10**9)\n\ndef attack(): return attack()"
    costs_one_call(source, error=(StudentOutOfMemory, StudentCrashed, StudentTimedOut), call_s=0.5)


def test_threads_run_out_for_the_one_who_starts_them(student: Callable[..., Student]) -> None:
    one = student(
        """
        import threading
        stop = threading.Event()
        def attack():
            try:
                for number in range(10_000): threading.Thread(target=stop.wait, daemon=True).start()
            except RuntimeError:
                return number
        """
    )
    assert one.attack() < 256
    assert one.fine() == 42


def test_descriptors_run_out_for_the_one_who_opens_them(student: Callable[..., Student]) -> None:
    one = student(
        """
        import os
        def attack():
            try:
                for number in range(10_000): os.dup(0)
            except OSError as error:
                return number, error.errno
        """
    )
    number, error = one.attack()
    assert number < 256
    assert error == 24
    assert one.fine() == 42


FILL = """
import errno, os

def attack(size, count, folder=None):
    written = made = 0
    block = b"x" * (1 << 20)
    try:
        for number in range(count):
            with open(os.path.join(folder or ".", f"file-{number}"), "wb", buffering=0) as file:
                made += 1
                while file.tell() < size:
                    written += file.write(block[: size - file.tell()])
    except OSError as error:
        return written >> 20, made, errno.errorcode[error.errno]
    return written >> 20, made, ""
"""


def test_a_file_grows_no_further_than_the_scratch_folder(student: Callable[..., Student]) -> None:
    one = student(FILL)
    written, _, error = one.attack(1 << 40, 1)
    assert written <= 16
    assert error in ("EFBIG", "ENOSPC")
    assert one.fine() == 42


def test_all_files_together_grow_no_further_than_the_scratch_folder(
    student: Callable[..., Student], has_namespaces: bool
) -> None:
    if not has_namespaces:
        pytest.skip("without a file system of its own only each single file has a limit")
    one = student(FILL)
    assert one.attack(1 << 20, 100) == (15, 16, "ENOSPC") or one.attack(1 << 20, 100)[2] == "ENOSPC"
    assert one.fine() == 42


def test_the_number_of_files_has_a_limit(student: Callable[..., Student], has_namespaces: bool) -> None:
    if not has_namespaces:
        pytest.skip("without a file system of its own the number of files has no limit but time")
    _, made, error = student(FILL).attack(0, 100_000)
    assert made < 16_384
    assert error == "ENOSPC"


@pytest.mark.parametrize("folder", ["/", "/var/tmp", "/dev/shm", "/usr/lib", "/tmp/..", "/home"])
def test_no_other_folder_can_be_filled(student: Callable[..., Student], folder: str) -> None:
    written, made, error = student(FILL).attack(1, 1, folder)
    assert (written, made) == (0, 0)
    assert error in ("EACCES", "ENOENT", "EROFS")


def test_a_flood_of_output_keeps_its_end_only(student: Callable[..., Student]) -> None:
    one = student(
        "import os, sys\n\ndef attack():\n    for _ in range(300): print('x' * 10**5); sys.stderr.write('y' * 999)\n"
        "    os.write(1, b'z' * 10**6)\n    os.write(2, b'z' * 10**6)\n    print('the end')"
    )
    one.attack()
    assert len(one.stdout_tail) == 8_000
    assert one.stdout_tail.endswith("the end\n")
    assert "z" not in one.stdout_tail


def test_cpu_time_has_a_limit_of_its_own(new_nursery: Callable[..., Nursery], student: Callable[..., Student]) -> None:
    """Also where the kernel spares the first process of a namespace the signal, and kills it a second later."""
    with new_nursery(limits=Limits(memory_mib=256, scratch_mib=16, cpu_s=1)) as nursery:
        one = student("def attack():\n    while True: pass", spawn=nursery, call_s=10)
        with pytest.raises(StudentTimedOut, match="used up its CPU time"):
            one.attack()
        assert one.fine() == 42
        one.close()


def test_an_answer_that_is_too_large_fails_with_a_sentence(costs_one_call: Callable[..., StudentError]) -> None:
    for value in ("list(range(10**6))", "[[[]] * 1000] * 1000", "'x' * (5 << 20)", "{i: i for i in range(200_000)}"):
        error = costs_one_call(f"def attack(): return {value}")
        assert not isinstance(error, StudentRaised)
        assert str(error).startswith("attack: returned something that cannot be compared: the value is too")


def test_many_tensors_are_too_many(costs_one_call: Callable[..., StudentError]) -> None:
    costs_one_call(
        "import torch\n\ndef attack(): return [torch.ones(1)] * 10_001", match="cannot be compared: too many tensors"
    )
