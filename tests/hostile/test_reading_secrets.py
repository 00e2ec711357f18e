"""Hidden checks, reference, solutions, other submissions and the machine's files cannot be read, listed, changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.boundary.student import Student

ROOT = Path(__file__).resolve().parents[2]
WAYS = """
import io, mmap, os, shutil, sqlite3, numpy, torch

def opened(path):
    descriptor = os.open(path, os.O_RDONLY)
    return os.read(descriptor, 100) or "opened"

def by_path_descriptor(path):
    descriptor = os.open(path, os.O_PATH)
    return open(f"/proc/self/fd/{descriptor}").read()

def below(path):
    descriptor = os.open(os.path.dirname(path), os.O_PATH)
    return os.read(os.open(os.path.basename(path), os.O_RDONLY, dir_fd=descriptor), 100)

def moved(path):
    os.rename(path, "stolen")
    return open("stolen").read()

def linked(path):
    os.link(path, "link")
    return open("link").read()

def pointed(path):
    os.symlink(path, "pointer")
    return open("pointer").read()

def entered(path):
    os.chdir(path)
    return os.listdir(".")

def scanned(path):
    return [entry.name for entry in os.scandir(path)]

def truncated(path):
    os.close(os.open(path, os.O_RDONLY | os.O_TRUNC))

WAYS = {
    "open": lambda path: open(path).read(),
    "open_code": lambda path: io.open_code(path).read(),
    "os.open": opened, "O_PATH": by_path_descriptor, "dir_fd": below,
    "copy": lambda path: shutil.copyfile(path, "copy"),
    "sqlite": lambda path: sqlite3.connect(path).execute("select * from sqlite_master").fetchall(),
    "numpy": lambda path: numpy.fromfile(path, dtype="uint8").tolist(),
    "torch": lambda path: torch.from_file(path, size=1, dtype=torch.uint8).tolist(),
    "rename": moved, "link": linked, "symlink": pointed,
    "listdir": os.listdir, "scandir": scanned, "chdir": entered, "walk": lambda path: [x for x in os.walk(path)],
    "truncate": truncated, "append": lambda path: open(path, "a"), "unlink": os.unlink, "rmdir": os.rmdir,
    "beside": lambda path: open(os.path.join(os.path.dirname(path), "conftest.py"), "w"),
    "mkdir": lambda path: os.mkdir(path + ".d"),
    "chown": lambda path: os.chown(path, os.getuid(), os.getgid()),
}

def attack(path):
    worked = {}
    for name, way in WAYS.items():
        try:
            worked[name] = repr(way(path))[:200]
        except (OSError, RuntimeError, sqlite3.Error):
            pass
    return {name: value for name, value in worked.items() if value not in ("[]", "b''", "''")}

def exists(path):
    return os.path.lexists(path)

def change_rights(path):
    for change in (lambda: os.chmod(path, 0), lambda: os.utime(path, (0, 0))):
        try:
            change()
        except OSError:
            pass
"""
OURS = sorted(
    str(path.relative_to(ROOT))
    for folder in ("tests/hidden", "reference", "solutions", "autograder/grading", "tests/hostile")
    for path in (
        ROOT / folder,
        *sorted((ROOT / folder).glob("*.py"))[:1],
        *sorted((ROOT / folder).rglob("*.ipynb"))[:1],
    )
)
MACHINE = (
    "/etc/shadow",
    "/etc/passwd",
    "/etc/hostname",
    "/root",
    "/home",
    "/var/log",
    "/proc",
    "/proc/self/environ",
    "/proc/self/maps",
    "/proc/self/mem",
    "/proc/self/fd",
    "/proc/1/environ",
    "/proc/1/cmdline",
    "/proc/net/tcp",
    "/proc/cpuinfo",
    "/sys",
    "/dev/shm",
    "/dev/mem",
    "/dev/kmsg",
    "/dev/tty",
    "/run",
)


@pytest.fixture(scope="module")
def thief(lasting: Callable[[str], Student]) -> Student:
    return lasting(WAYS)


@pytest.mark.parametrize("path", [*OURS, "course.toml", "pyproject.toml", "."])
def test_nothing_of_this_repository_can_be_had(thief: Student, path: str, has_namespaces: bool) -> None:
    assert thief.attack(str(ROOT / path)) == {}
    if has_namespaces and path != ".":  # the root holds the virtual environment, and nothing else, in there
        assert thief.exists(str(ROOT / path)) is (path == "autograder")


@pytest.mark.parametrize("path", MACHINE)
def test_nothing_of_the_machine_can_be_had(thief: Student, path: str, has_namespaces: bool) -> None:
    assert thief.attack(path) == {}
    assert not (has_namespaces and thief.exists(path) and path not in ("/proc", "/root", "/etc/hostname"))


@pytest.mark.parametrize("name", ["environ", "maps", "mem", "fd", "cmdline", "cwd", "root", "task"])
def test_nothing_of_the_grader_can_be_had(thief: Student, name: str) -> None:
    assert thief.attack(f"/proc/{os.getpid()}/{name}") == {}


@pytest.mark.parametrize("name", ["anna/metrics.ipynb", "gradebook.db", "anna", ""])
def test_what_lies_beside_a_submission_can_neither_be_had_nor_changed(
    thief: Student, secrets: Path, name: str, has_namespaces: bool
) -> None:
    path = secrets / name
    before = path.stat()
    assert thief.attack(str(path)) == {}
    thief.change_rights(str(path))
    after = path.stat()
    assert (stat.filemode(after.st_mode), after.st_mtime_ns, after.st_size) == (
        stat.filemode(before.st_mode),
        before.st_mtime_ns,
        before.st_size,
    )
    assert sorted(p.name for p in secrets.rglob("*")) == ["anna", "gradebook.db", "metrics.ipynb"]
    assert not (has_namespaces and thief.exists(str(path)))


def test_the_installation_can_be_read_and_not_changed(thief: Student) -> None:
    import torch

    source = Path(torch.__file__)
    before = source.stat()
    reading = {"open", "open_code", "os.open", "O_PATH", "dir_fd", "copy", "numpy", "torch", "sqlite"}
    assert set(thief.attack(str(source))) <= reading
    thief.change_rights(str(source))
    after = source.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_size) == (before.st_mode, before.st_mtime_ns, before.st_size)


IMPORTER = """
import importlib

def attack(name):
    try:
        found = importlib.import_module(name)
    except (ImportError, PermissionError):
        return None
    return [key for key in dir(found) if not key.startswith("__")] or None  # an empty namespace package
"""
IMPORTS = (
    "sklearn",
    "scipy",
    "pytest",
    "_pytest",
    "pydantic",
    "click",
    "nbformat",
    "coverage",
    "hypothesis",
    "torchmetrics",
    "reference",
    "reference.metrics",
    "solutions",
    "tests.hidden.grade_metrics",
    "grade_metrics",
    "wrong.metrics",
    "autograder.boundary.student",
    "autograder.checks",
    "autograder.grading.grader",
    "autograder.course",
    "autograder.cli",
)


@pytest.mark.parametrize("name", IMPORTS)
def test_a_package_that_the_course_does_not_list_cannot_be_imported(
    lasting: Callable[[str], Student], name: str
) -> None:
    assert lasting(IMPORTER).attack(name) is None


def test_of_this_package_only_the_worker_is_in_memory(student: Callable[..., Student]) -> None:
    one = student(
        "import sys\n\ndef names(): return sorted(n for n in sys.modules if n.startswith(('autograder', 'pytest')))"
    )
    assert {name for name in one.names() if not name.startswith("autograder.worker")} == {"autograder"}


def test_distributions_of_the_course_are_all_that_metadata_knows(student: Callable[..., Student]) -> None:
    one = student(
        """
        from importlib import metadata
        def names():
            found = []
            for one in metadata.distributions():
                try:
                    found.append((one.metadata["Name"] or "").lower())
                except OSError:
                    pass
            return found
        """
    )
    names = set(one.names())
    assert "torch" in names
    assert not names & {"pytest", "scikit-learn", "pydantic", "autograder"}
