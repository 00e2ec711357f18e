"""``course.toml`` and the rooms of a course around it."""

from __future__ import annotations

import datetime
import hashlib
import platform
import tomllib
from collections.abc import Iterable
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from autograder.errors import UsageError
from autograder.reports.models import Sources

FILE_NAME = "course.toml"
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Layer = Literal["namespaces", "uid", "capabilities", "rlimits", "landlock", "seccomp"]
Module = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$", max_length=100)]
A_WEEK = 604_800
Seconds = Annotated[float, Field(gt=0, le=A_WEEK, allow_inf_nan=False)]
Memory = Annotated[int, Field(ge=64, le=1 << 24)]  # 16 TiB: what is more is a slip, and no limit that a kernel takes
Scratch = Annotated[int, Field(ge=1, le=1 << 24)]
Points = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
SHOWN_CHARS = 100  # of a value that is not usable
PACKAGE = Path(__file__).parent
SOURCE_SUFFIXES = (".py", ".j2", ".css", ".ini")


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CourseTable(_Table):
    """``[course]``."""

    name: str = "Course"
    seed: int = 0


class FeedbackTable(_Table):
    """``[feedback]``."""

    show: Literal["nothing", "hints"] = "hints"


class LimitsTable(_Table):
    """``[limits]``: seconds and MiB."""

    call_s: Seconds = 5.0
    cell_s: Seconds = 10.0
    total_s: Seconds = 120.0
    memory_mib: Memory = 2048
    scratch_mib: Scratch = 64


class WorkerTable(_Table):
    """``[worker]``: what student code can import."""

    packages: tuple[str, ...] = ("torch", "numpy")
    preload: tuple[Module, ...] = ("torch", "numpy")


class SandboxTable(_Table):
    """``[sandbox]``."""

    required: tuple[Layer, ...] = ("capabilities", "rlimits", "landlock", "seccomp")


class TopicLimits(_Table):
    """``[topics.<topic>.limits]``: what is another than in ``[limits]``."""

    call_s: Seconds | None = None
    cell_s: Seconds | None = None
    total_s: Seconds | None = None
    memory_mib: Memory | None = None
    scratch_mib: Scratch | None = None


class TopicTable(_Table):
    """``[topics.<topic>]``; ``packages`` and ``preload`` are added to those of ``[worker]``."""

    title: str = ""
    points: Points
    deadline: datetime.datetime | None = None
    late_penalty_per_day: Points = 0.0
    limits: TopicLimits = TopicLimits()
    packages: tuple[str, ...] = ()
    preload: tuple[Module, ...] = ()


class CourseFile(_Table):
    """The whole file."""

    course: CourseTable = CourseTable()
    feedback: FeedbackTable = FeedbackTable()
    limits: LimitsTable = LimitsTable()
    worker: WorkerTable = WorkerTable()
    sandbox: SandboxTable = SandboxTable()
    topics: dict[Word, TopicTable] = {}


class Topic:
    """One topic of a course, with its rooms.

    Attributes:
        name: the word that names it in every room.
        table: its table in ``course.toml``.
    """

    def __init__(self, course: Course, name: str, table: TopicTable) -> None:
        self.course = course
        self.name = name
        self.table = table

    @property
    def release(self) -> Path:
        """The notebook that students receive."""
        return self.course.root / "assignments" / self.name / f"{self.name}.ipynb"

    @property
    def solution(self) -> Path:
        """The teacher's notebook."""
        return self.course.root / "solutions" / self.name / f"{self.name}.ipynb"

    @property
    def grader(self) -> Path:
        """The hidden checks."""
        return self.course.root / "tests" / "hidden" / f"grade_{self.name}.py"

    @cached_property
    def sources(self) -> Sources:
        """The hash of each thing that decides the points beside the submission."""
        root = self.course.root
        return Sources(
            checks=_hash_of(root, _sources(root / "tests" / "hidden")),
            reference=_hash_of(root, _sources(root / "reference")),
            release=_hash_of(root, [self.release]),
            course=_hash_of(root, [root / FILE_NAME]),
            harness=harness_sha256(),
        )

    @cached_property
    def grader_sha256(self) -> str:
        """The hash of everything that decides the points beside the submission.

        The hidden checks, the reference, the release, ``course.toml``, this package, and the versions of Python and of
        the packages that compute.
        """
        digest = hashlib.sha256(self.sources.model_dump_json().encode())
        for package in ("torch", "torchvision", "numpy"):
            digest.update(f"{package} {version_of(package)}\0".encode())
        digest.update(platform.python_version().encode())
        return digest.hexdigest()


class Course:
    """A course: the folder that holds ``course.toml``, and what the file says."""

    def __init__(self, root: Path, file: CourseFile) -> None:
        self.root = root
        self.file = file

    @classmethod
    def find(cls, start: Path | None = None) -> Course:
        """Read the ``course.toml`` of ``start`` (the current folder) or of the nearest folder above it.

        Raises:
            UsageError: if there is none, or it is not valid; the message names the entry.
        """
        folder = start or Path.cwd()
        path = cls.file_near(folder)
        if path is None:
            raise UsageError(
                f"{FILE_NAME}: expected one in {folder.resolve()} or above it, got none. Run from the course's folder."
            )
        return cls.read(path)

    @staticmethod
    def file_near(folder: Path) -> Path | None:
        """Return the ``course.toml`` of ``folder`` or of the nearest folder above it, ``None`` if there is none."""
        whole = folder.resolve()
        found = (candidate / FILE_NAME for candidate in (whole, *whole.parents) if (candidate / FILE_NAME).is_file())
        return next(found, None)

    @classmethod
    def read(cls, path: Path) -> Course:
        """Read one ``course.toml``."""
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
            return cls(path.resolve().parent, CourseFile.model_validate(content))
        except ValidationError as error:
            first = error.errors()[0]
            place, found = ".".join(map(str, first["loc"])), repr(first["input"])
            if len(found) > SHOWN_CHARS:
                found = f"{found[:SHOWN_CHARS]}…"
            raise UsageError(f"{path.name}: {place}: {first['msg']}, got {found}.") from error
        except (
            OSError,
            ValueError,
            RecursionError,
        ) as error:  # not read, not UTF-8, not TOML, too long a number, too deep
            raise UsageError(f"{path.name}: expected a TOML file, got: {error}.") from error

    def for_topic(self, table: TopicTable) -> Course:
        """Return the course with the limits and packages of one topic."""
        changed = self.file.limits.model_copy(update=table.limits.model_dump(exclude_none=True))
        worker = WorkerTable(
            packages=(*self.file.worker.packages, *table.packages), preload=(*self.file.worker.preload, *table.preload)
        )
        return Course(self.root, self.file.model_copy(update={"limits": changed, "worker": worker}))

    def topic(self, name: str) -> Topic:
        """Return a topic by its word.

        Raises:
            UsageError: if the course has no such topic, or one of its rooms is missing.
        """
        if name not in self.file.topics:
            known = ", ".join(self.file.topics) or "none"
            raise UsageError(f"topic: expected one of {known} ({FILE_NAME}), got {name!r}.")
        topic = Topic(self, name, self.file.topics[name])
        for path in (topic.release, topic.grader):
            if not path.is_file():
                raise UsageError(f"topic {name}: expected {path.relative_to(self.root)}, got no such file.")
        return topic


def harness_sha256() -> str:
    """Return the hash of this package."""
    return _hash_of(PACKAGE, _sources(PACKAGE))


def version_of(package: str) -> str:
    """Return the installed version of a distribution, or an empty string."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _sources(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in SOURCE_SUFFIXES and path.is_file())


def _hash_of(base: Path, files: Iterable[Path]) -> str:
    """Return the hash of files and of their names below ``base``."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(base)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest() if path.exists() else b"missing")
    return digest.hexdigest()
