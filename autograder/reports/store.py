"""Reports on disk: one folder per student with three files, each there whole or not at all.

One run at a time writes into a folder: it holds a lock (:func:`locked`) that ends with it, however it ends.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from autograder.errors import NotWritten, UsageError
from autograder.reports.folders import student_folder
from autograder.reports.models import Model, StaffReport
from autograder.reports.render import render_class, render_course, render_report

__all__ = [
    "kept_report",
    "locked",
    "read_report",
    "rebuild",
    "student_folder",
    "write_class_page",
    "write_course_page",
    "write_json",
    "write_report",
]

PUBLIC_JSON, PUBLIC_HTML, STAFF_JSON, CLASS_HTML = "report.json", "report.html", "report.staff.json", "index.html"
HTML_END = b"</html>"
PUBLIC_MODE, STAFF_MODE = 0o666, 0o640  # less the umask; expected values are not for every user of a machine
GRADE_AGAIN = "Grade this submission again with --force."
LOCK = ".lock"
HINTS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "Free some space"),
    **dict.fromkeys((errno.EISDIR, errno.EEXIST, errno.ENOTDIR), "Remove what lies there"),
}
TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")
OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)  # the next report will meet it too


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Make the folder of a class's reports, and keep other runs from writing into it for as long as this one does.

    The kernel lets go of the lock when this process ends: a run that was killed blocks nobody. What such a run was
    about to write is removed.

    Raises:
        UsageError: if another run has the lock, or the folder cannot be written.
    """
    path = directory / LOCK
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = _lock(path)
    except BlockingIOError:
        raise UsageError(
            f"{directory}: expected no other run that writes into this folder, got one. "
            "Wait until it has ended, or choose another folder."
        ) from None
    except OSError as error:
        raise UsageError(f"{directory}: expected a folder that can be written, got: {error.strerror}.") from error
    try:
        for leftover in (*directory.glob(".*.tmp"), *directory.glob("*/.*.tmp")):
            if TEMPORARY.fullmatch(leftover.name):
                with contextlib.suppress(OSError):
                    leftover.unlink()
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _lock(path: Path) -> int:
    """Return a descriptor of the file ``path`` that holds its lock; raises BlockingIOError if another one does."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the run that had it has just ended, and taken the file away


def write_report(directory: Path, staff: StaffReport) -> None:
    """Write a student's three files into ``directory/<student>/``.

    Note:
        All three are complete in temporary files before the first one gets its name, and the staff copy, from which
        everything else can be rebuilt, gets its name last. If that goes wrong half-way, all three are removed: no
        report is better than two halves of different ones. If the machine goes down half-way, :func:`kept_report`
        knows them apart.

    Raises:
        NotWritten: if it cannot be written; a report that is there already stays.
    """
    folder = directory / student_folder(staff.report.student)
    _write_together({
        folder / PUBLIC_JSON: (_json(staff.report), PUBLIC_MODE),
        folder / PUBLIC_HTML: (render_report(staff.report).encode("utf-8"), PUBLIC_MODE),
        folder / STAFF_JSON: (_json(staff), STAFF_MODE),
    })  # fmt: skip


def write_json(path: Path, model: Model) -> None:
    """Write a model for staff; a reader sees the old file or the new one.

    Raises:
        NotWritten: if it cannot be written.
    """
    _write_together({path: (_json(model), STAFF_MODE)})


def kept_report(directory: Path, student: str) -> StaffReport | None:
    """Return the report of a student, ``None`` unless all three files are there, whole, and of the same grading."""
    folder = directory / student_folder(student)
    try:
        staff = read_report(folder / STAFF_JSON)
        is_same = (folder / PUBLIC_JSON).read_bytes() == _json(staff.report)
        is_whole = (folder / PUBLIC_HTML).read_bytes().rstrip().endswith(HTML_END)
    except (UsageError, OSError):
        return None
    return staff if staff.report.student == student and is_same and is_whole else None


def read_report(path: Path) -> StaffReport:
    """Return the staff report in a file.

    Raises:
        UsageError: if the file cannot be read or does not hold a staff report.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: expected a readable file, got {error.strerror}. {GRADE_AGAIN}") from error
    try:
        return StaffReport.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        message = f"{path}: expected a staff report, got a fault at {place} ({first['msg']}). {GRADE_AGAIN}"
        raise UsageError(message) from error


def rebuild(directory: Path, order: Sequence[str] = ()) -> Path:
    """Render every student's page and the class page again from the staff reports in ``directory``.

    Args:
        directory: a class (``<student>/``), or a course (``<topic>/<student>/``), which gets its page too.
        order: the topics of a course in their order; others follow by name.

    Returns:
        The path of the class page, or of the course page.

    Raises:
        UsageError: if there is no report, or one that cannot be read or lies in another student's folder, or if a run
            is writing reports.
        NotWritten: if a page cannot be written.
    """
    if topics := _topics_in(directory):
        for topic in topics:
            rebuild(directory / topic)
        return write_course_page(directory, order)
    _read_all(directory)  # where there is nothing, nothing is made
    with locked(directory):
        reports = _read_all(directory)
        for staff in reports:
            page = directory / student_folder(staff.report.student) / PUBLIC_HTML
            _write_together({page: (render_report(staff.report).encode("utf-8"), PUBLIC_MODE)})
        return _write_class_page(directory, reports)


def write_class_page(directory: Path) -> Path:
    """Render the class page alone from the staff reports in ``directory``; raises as `rebuild` does."""
    return _write_class_page(directory, _read_all(directory))


def write_course_page(directory: Path, order: Sequence[str] = ()) -> Path:
    """Render the course page alone from the staff reports in ``directory/<topic>/``; raises as `rebuild` does."""
    found = _topics_in(directory)
    topics = [topic for topic in order if topic in found] + [topic for topic in found if topic not in order]
    classes = {topic: _read_all(directory / topic) for topic in topics}
    index = directory / CLASS_HTML
    _write_together({index: (render_course(classes).encode("utf-8"), STAFF_MODE)})
    return index


def _topics_in(directory: Path) -> list[str]:
    """Return the folders of topics in the folder of a course; a class has none."""
    return sorted({path.parent.parent.name for path in directory.glob(f"*/*/{STAFF_JSON}")})


def _read_all(directory: Path) -> list[StaffReport]:
    reports = []
    for path in sorted(directory.glob(f"*/{STAFF_JSON}")):
        staff = read_report(path)
        expected = student_folder(staff.report.student)
        if path.parent.name != expected:
            raise UsageError(f"{path}: expected to find it in the folder {expected}, got {path.parent.name}. Move it.")
        reports.append(staff)
    if not reports:
        raise UsageError(
            f"{directory}: expected folders with a {STAFF_JSON}, got none. Grade submissions into it first."
        )
    return sorted(reports, key=lambda staff: staff.report.student)


def _write_class_page(directory: Path, reports: list[StaffReport]) -> Path:
    index = directory / CLASS_HTML
    _write_together({index: (render_class(reports).encode("utf-8"), STAFF_MODE)})
    return index


def _json(model: Model) -> bytes:
    try:
        return model.model_dump_json(indent=2).encode("utf-8") + b"\n"
    except PydanticSerializationError:  # a lone surrogate, which is not text: it is written as a question mark
        text = json.dumps(model.model_dump(), indent=2, ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8", errors="replace") + b"\n"


def _write_together(files: dict[Path, tuple[bytes, int]]) -> None:
    """Write files of one folder so that a reader sees the old or the new ones, and after a failure never a mixture."""
    suffix = f".{secrets.token_hex(4)}.tmp"
    waiting = {path.with_name(f".{path.name}{suffix}"): path for path in files}
    placed: list[Path] = []
    folder = next(iter(files)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for temporary, path in waiting.items():
            data, mode = files[path]
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
                stream.write(data)
        for temporary, path in waiting.items():
            temporary.replace(path)
            placed.append(path)
    except BaseException as error:
        for leftover in (*waiting, *(files if placed else ())):
            with contextlib.suppress(OSError):
                leftover.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        hint = HINTS.get(error.errno or 0, "Make it writable")
        message = f"{folder}: it cannot be written: {error.strerror or error}. {hint}, then run it again."
        raise NotWritten(message, is_of_the_disk=error.errno in OF_THE_DISK) from error
