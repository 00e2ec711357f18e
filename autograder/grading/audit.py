"""What reports are compared with: the course near them, and the submissions that lie at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from autograder.course import Course, harness_sha256
from autograder.errors import UsageError
from autograder.reports.models import Sources
from autograder.reports.verification import AtHand
from autograder.submissions.notebook import Manifest
from autograder.submissions.submission import locate, read


def at_hand(directory: Path, submissions: Sequence[Path] = ()) -> AtHand:
    """Return what a folder of reports can be compared with.

    Args:
        directory: the reports; the course is the one around them, or else around the current folder.
        submissions: files and folders of submissions, as for grading.

    Raises:
        UsageError: if the course near it cannot be read; later, if the submissions hold none of a topic.
    """
    course = course_near(directory)
    sources = None if course is None else {name: _sources(course, name) for name in course.file.topics}
    return AtHand(harness_sha256(), sources, partial(_hashes, submissions) if submissions else None)


def course_near(directory: Path) -> Course | None:
    """Return the course around a folder, or else around the current one."""
    path = Course.file_near(directory) or Course.file_near(Path.cwd())
    return Course.read(path) if path else None


def refuse_near_key(key: Path, directory: Path | None = None) -> None:
    """Refuse a key that lies where what it vouches for lies: whoever may write there could sign.

    Raises:
        UsageError: if the key is in ``directory`` or in the folder of a course.
    """
    whole = key.resolve()
    if directory is not None and whole.is_relative_to(directory.resolve()):
        raise UsageError(f"key: expected a file outside of {str(directory)!r}, got {str(key)!r}. Keep it elsewhere.")
    near = Course.file_near(whole.parent)
    if near is not None:
        raise UsageError(
            f"key: expected a file outside of the course's folder {str(near.parent)!r}, got {str(key)!r}. "
            f"Keep it elsewhere."
        )


def _sources(course: Course, name: str) -> Sources | None:
    try:
        return course.topic(name).sources
    except UsageError:
        return None


def _hashes(paths: Sequence[Path], topic: str) -> Mapping[str, str]:
    """Return the hash of each student's submission; the release is not needed for it."""
    places = [path / topic if (path / topic).is_dir() else path for path in paths]
    return {item.student: read(item, topic, Manifest(())).sha256 for item in locate(topic, places)}
