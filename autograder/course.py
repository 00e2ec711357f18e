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

FILE_NAME = "course.toml"
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Layer = Literal["namespaces", "uid", "capabilities", "rlimits", "landlock", "seccomp"]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
PACKAGE = Path(__file__).parent


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

    call_s: Positive = 5.0
    cell_s: Positive = 10.0
    total_s: Positive = 120.0
    memory_mib: Annotated[int, Field(ge=64)] = 2048
    scratch_mib: Annotated[int, Field(ge=1)] = 64


class WorkerTable(_Table):
    """``[worker]``: what student code can import."""

    packages: tuple[str, ...] = ("torch", "numpy")
    preload: tuple[str, ...] = ("torch", "numpy")


class SandboxTable(_Table):
    """``[sandbox]``."""

    required: tuple[Layer, ...] = ("capabilities", "rlimits", "landlock", "seccomp")


class TopicLimits(_Table):
    """``[topics.<topic>.limits]``: what is another than in ``[limits]``."""

    call_s: Positive | None = None
    cell_s: Positive | None = None
    total_s: Positive | None = None
    memory_mib: Annotated[int, Field(ge=64)] | None = None
    scratch_mib: Annotated[int, Field(ge=1)] | None = None


class TopicTable(_Table):
    """``[topics.<topic>]``; ``packages`` and ``preload`` are added to those of ``[worker]``."""

    title: str = ""
    points: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    deadline: datetime.datetime | None = None
    late_penalty_per_day: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    limits: TopicLimits = TopicLimits()
    packages: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()


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
    def grader_sha256(self) -> str:
        """The hash of everything that decides the points beside the submission.

        The hidden checks, the reference, the release, ``course.toml``, this package, and the versions of Python and of
        the packages that compute.
        """
        root = self.course.root
        files = [root / FILE_NAME, self.release, *_sources(root / "tests" / "hidden"), *_sources(root / "reference")]
        digest = hashlib.sha256()
        for base, path in [*((root, path) for path in files), *((PACKAGE, path) for path in _sources(PACKAGE))]:
            digest.update(f"{path.relative_to(base)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest() if path.exists() else b"missing")
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
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"{path.name}: expected a TOML file, got: {error}.") from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise UsageError(f"{path.name}: {place}: {first['msg']}, got {first['input']!r}.") from error

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


def version_of(package: str) -> str:
    """Return the installed version of a distribution, or an empty string."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _sources(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".j2", ".ini") and path.is_file())
