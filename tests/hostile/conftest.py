"""What the attacks share: one nursery, students made of a few lines, and a neighbour that must not notice anything.

Which layers protect is decided by what this process is. As root it is all of them; ``test_with_fewer_rights.py``
runs the same attacks again as an ordinary user, with and without namespaces, and as root without them.
"""

from __future__ import annotations

import os
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autograder.boundary.installation import installation
from autograder.boundary.nursery import Nursery, SandboxSettings
from autograder.boundary.student import CallLimits, Student
from autograder.errors import StudentError
from autograder.worker.confinement import Limits

PACKAGES = ("torch", "numpy")
LIMITS = Limits(memory_mib=256, scratch_mib=16, cpu_s=60)
FINE = "\n\ndef fine():\n    return 42\n"


@dataclass(frozen=True)
class Cell:
    source: str
    label: str = "the cell"
    exercise: str = ""


@pytest.fixture(scope="session")
def new_nursery() -> Callable[..., Nursery]:
    """Return a function that makes a nursery (not yet started) with the settings of all these tests."""

    def make(sandbox: SandboxSettings | None = None, limits: Limits = LIMITS) -> Nursery:
        return Nursery(installation(PACKAGES), limits, sandbox, PACKAGES)

    return make


@pytest.fixture(scope="session")
def nursery(new_nursery: Callable[..., Nursery]) -> Iterator[Nursery]:
    """A nursery, started by a process that has a secret in its environment and an open file that is inherited."""
    secret = os.open(Path(__file__), os.O_RDONLY)
    os.set_inheritable(secret, True)
    os.environ["AUTOGRADER_NONCE"] = "nonce-4711"
    try:
        with new_nursery() as started:
            yield started
    finally:
        del os.environ["AUTOGRADER_NONCE"]
        os.close(secret)


@pytest.fixture(scope="session")
def has_namespaces(nursery: Nursery) -> bool:
    """Whether the workers live in namespaces of their own."""
    return "namespaces" in nursery.layers


@pytest.fixture(scope="session")
def neighbour(nursery: Nursery) -> Iterator[Student]:
    """Another student, whose worker runs during all attacks."""
    student = Student(nursery.spawn, [Cell(FINE)], limits=CallLimits(5, 10, 3_600))
    assert student.fine() == 42
    yield student
    student.close()


@pytest.fixture
def student(nursery: Nursery, neighbour: Student) -> Iterator[Callable[..., Student]]:
    """Return a function that makes a student of a cell; afterwards the neighbour still has its first worker."""
    made: list[Student] = []

    def make(source: str, *, call_s: float = 5, cell_s: float = 5, spawn: Nursery = nursery, **more: Any) -> Student:
        cell = Cell(textwrap.dedent(source) + FINE)
        made.append(Student(spawn.spawn, [cell], limits=CallLimits(call_s, cell_s, 60), **more))
        return made[-1]

    yield make
    for one in made:
        one.close()
    assert neighbour.fine() == 42
    assert neighbour.workers_used == 1


@pytest.fixture(scope="module")
def lasting(nursery: Nursery) -> Iterator[Callable[[str], Student]]:
    """Return a function that makes a student of a cell, one for all tests of a file."""
    made: dict[str, Student] = {}

    def make(source: str) -> Student:
        if source not in made:
            made[source] = Student(nursery.spawn, [Cell(source + FINE)], limits=CallLimits(2, 5, 600))
            made[source].load()
            assert not made[source].failures, "the attack itself is not right"
        return made[source]

    yield make
    for one in made.values():
        one.close()


@pytest.fixture
def costs_one_call(student: Callable[..., Student]) -> Callable[..., StudentError]:
    """Return a function that runs ``attack()`` of a cell and returns its error; the next call is answered as ever."""

    def run(source: str, *args: object, error: type[StudentError] | tuple[type[StudentError], ...] = StudentError,
            match: str | None = None, **limits: float) -> StudentError:  # fmt: skip
        attacker = student(source, **limits)
        attacker.load()
        assert not attacker.failures, "the attack itself is not right"
        with pytest.raises(error, match=match) as caught:
            attacker.attack(*args)
        assert attacker.fine() == 42
        return caught.value

    return run


@pytest.fixture(scope="session")
def secrets() -> Iterator[Path]:
    """A folder that everybody may read, with what a worker must not: another submission and a gradebook."""
    with tempfile.TemporaryDirectory(prefix="grading-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "anna").mkdir(mode=0o755)
        for path in (folder / "anna" / "metrics.ipynb", folder / "gradebook.db"):
            path.write_text("secret")
            path.chmod(0o644)
        yield folder


def descendants(pid: int) -> set[int]:
    """Return the processes that ``pid`` and its children have started."""
    parents: dict[int, int] = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            text = Path(f"/proc/{entry}/stat").read_text()
        except OSError:
            continue
        parents[int(entry)] = int(text.rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


@pytest.fixture
def processes_below() -> Callable[[int], set[int]]:
    """Return the function that finds a process's descendants."""
    return descendants
