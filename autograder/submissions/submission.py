"""A submission: whose it is, the cells to run, and what was odd about it."""

from __future__ import annotations

import datetime
import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.errors import UsageError
from autograder.reports.text import clean_text
from autograder.submissions.notebook import (
    MAX_NOTEBOOK_BYTES,
    Manifest,
    RawCell,
    UnreadableNotebook,
    cells_of,
    read_capped,
)

SUFFIXES = (".ipynb", ".py")
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")  # never unpacked
MAX_ID_CHARS = 200
LINE_BREAKERS = str.maketrans("\n\t", "  ")
MAX_EXTRA_FILES = 200
MAX_EXTRA_BYTES = 16 << 20
MAX_EXTRA_DEPTH = 20  # folders in folders; a worker makes them one in another
MAX_EXTRA_ENTRIES = 10_000  # after which no further folder is looked into
MAX_SKIPPED = 20  # files that are named one by one as left out
MAX_SOURCE_BYTES = 2 << 20
MAX_CELLS = 2_000  # each is run, and may be named in the report
TIMESTAMP = "timestamp.txt"
TIMESTAMP_CHARS = 100
NBGRADER_FILES = (TIMESTAMP, "submission_secret.txt", "feedback")
WHOLE_FILE = "*"  # the exercise of a .py file: all of them


@dataclass(frozen=True)
class Oddity:
    """Something about a submission that a person should know; never a reason to lose it."""

    kind: str
    detail: str


@dataclass(frozen=True)
class SubmittedCell:
    """One piece of code to run, and the exercise that suffers if it fails."""

    label: str
    source: str
    exercise: str


@dataclass(frozen=True)
class Located:
    """Where a submission lies: the file to grade (``None`` if there is none) and its folder if that is its own.

    The student's id is cleaned here, where it enters, so that every later part knows the student by the same name.
    """

    student: str
    path: Path | None
    folder: Path | None = None

    def __post_init__(self) -> None:
        one_line = clean_text(self.student, MAX_ID_CHARS).translate(LINE_BREAKERS)
        object.__setattr__(self, "student", one_line or "unnamed")


@dataclass(frozen=True)
class Submission:
    """What is graded.

    Attributes:
        student: the student's id.
        cells: what the worker runs, in order.
        module_name: ``__name__`` while it runs.
        files: what lies beside it, by relative path.
        sha256: the hash of the file and of what lies beside it.
        oddities: what was odd about it.
        unreadable: why it cannot be read at all, or an empty string.
        submitted_at: when it was submitted, if its folder says so.
    """

    student: str
    cells: tuple[SubmittedCell, ...]
    module_name: str
    files: dict[str, bytes]
    sha256: str
    oddities: tuple[Oddity, ...] = ()
    unreadable: str = ""
    submitted_at: datetime.datetime | None = None


@dataclass
class _Cut:
    cells: list[SubmittedCell] = field(default_factory=list)
    oddities: list[Oddity] = field(default_factory=list)


def locate(topic: str, arguments: Iterable[Path]) -> list[Located]:
    """Find the submissions that the arguments name.

    An argument is a file (``.ipynb`` or ``.py``; the student is its stem), a folder of such files, a folder
    ``<student>/<topic>/`` (it holds a file of the topic's name, or nbgrader's time stamp), or a folder that holds such
    folders (``submitted/``). Student ids are printable text: two that look the same are the same.

    In a folder, links (symbolic or hard), pipes, devices and archives are no submissions: what they lead to may be
    somebody else's. Their students are found, without a file, so that a report says so. Nothing is ever unpacked.

    Raises:
        UsageError: if an argument holds no submission, two are of the same student, or files that look like submissions
            lie beside the folders of students: nobody can say whose they are, and none may be lost.
    """
    found: list[Located] = []
    for argument in arguments:
        try:
            if not argument.exists():
                raise UsageError(
                    f"submission: expected a file or a folder, got {str(argument)!r}, which does not exist."
                )
            here = [_in_file(argument)] if argument.is_file() else _in_folder(topic, argument)
        except OSError as error:
            raise UsageError(
                f"submission: expected a file or a folder that can be read, got {str(argument)!r}: {error.strerror}."
            ) from error
        if not here:
            raise UsageError(
                f"submission: expected .ipynb or .py files or <student>/{topic}/ folders, "
                f"got none in {str(argument)!r}."
            )
        found += here
    twice = [student for student, count in Counter(item.student for item in found).items() if count > 1]
    if twice:
        raise UsageError(f"submission: expected one per student, got several of {', '.join(map(repr, sorted(twice)))}.")
    return found


def locate_all(topics: Sequence[str], folder: Path) -> dict[str, list[Located]]:
    """Find the submissions of every topic in ``folder/<topic>/`` or ``folder/<student>/<topic>/``.

    Returns:
        The submissions of each topic that has some, topics in the order given.

    Raises:
        UsageError: as :func:`locate` does, if no topic has a submission, or if files lie beside the folders.
    """
    if not folder.is_dir():
        raise UsageError(f"--all: expected a folder, got {str(folder)!r}.")
    entries = sorted(folder.iterdir())
    _refuse_strays(folder, [entry for entry in entries if not entry.is_dir()], "folders <topic>/ or <student>/<topic>/")
    places = {topic: folder / topic if (folder / topic).is_dir() else folder for topic in topics}
    for topic in topics:
        both = [entry for entry in entries if entry.name not in topics and (entry / topic).is_dir()]
        if places[topic] != folder and both:
            raise UsageError(
                f"--all: expected {topic}/ or <student>/{topic}/ in {str(folder)!r}, got both: "
                f"{topic!r} and {str(both[0].relative_to(folder) / topic)!r}. Put them into one."
            )
    found = {
        topic: locate(topic, [place])
        for topic, place in places.items()
        if place != folder or any((entry / topic).is_dir() for entry in folder.iterdir())
    }
    if not found:
        known = ", ".join(topics)
        raise UsageError(
            f"--all: expected <topic>/ or <student>/<topic>/ folders of {known}, got none in {str(folder)!r}."
        )
    return found


def _in_file(path: Path) -> Located:
    if path.suffix.lower() not in SUFFIXES:
        hint = " Archives are not unpacked." if _is_archive(path) else ""
        raise UsageError(f"submission: expected a .ipynb or .py file, got {str(path)!r}.{hint}")
    return Located(path.stem, path)


def _in_folder(topic: str, folder: Path) -> list[Located]:
    whole = folder.resolve()
    if whole.name == topic and _is_own_folder(topic, folder):
        return [_in_own_folder(topic, whole.parent.name, folder)]
    entries = sorted(folder.iterdir())
    students = [entry for entry in entries if entry.is_dir() and os.path.lexists(entry / topic)]
    if any((entry / topic).is_dir() for entry in students):
        strays = [*(entry for entry in entries if not entry.is_dir()), *_one_level_down(topic, entries)]
        _refuse_strays(folder, strays, f"folders <student>/{topic}/")
        return [_of_student(topic, entry) for entry in students]
    files = _submissions_in(folder)
    known = {path.stem for path in files}
    lost = dict.fromkeys(_stem(path) for path in entries if path not in files and _looks_like_one(path))
    return [_in_file(path) for path in files] + [Located(stem, None) for stem in lost if stem not in known]


def _one_level_down(topic: str, entries: Iterable[Path]) -> list[Path]:
    """Return what lies in the folders of students and looks like a submission, or nearly like the topic's folder."""
    found: list[Path] = []
    for entry in entries:
        if entry.is_dir() and not entry.is_symlink() and not entry.name.startswith("."):
            found += [
                path
                for path in sorted(entry.iterdir())
                if (path.is_file() and _looks_like_one(path))
                or (path.is_dir() and path.name != topic and path.name.casefold() == topic.casefold())
            ]
    return found


def _refuse_strays(folder: Path, entries: Iterable[Path], expected: str) -> None:
    strays = [str(path.relative_to(folder)) for path in entries if path.is_dir() or _looks_like_one(path)]
    if strays:
        named = ", ".join(map(repr, strays[:MAX_SKIPPED])) + (" and more" if len(strays) > MAX_SKIPPED else "")
        raise UsageError(
            f"submission: expected only {expected} in {str(folder)!r}, got {named} beside them. "
            "Move each where its student's submission belongs, or out of the way."
        )


def _is_own_folder(topic: str, folder: Path) -> bool:
    """Return whether a folder of the topic's name is one student's, and not one of all students' files."""
    files = _submissions_in(folder)
    return any(path.stem == topic for path in files) or (bool(files) and (folder / TIMESTAMP).exists())


def _of_student(topic: str, entry: Path) -> Located:
    folder = entry / topic
    if entry.is_symlink() or folder.is_symlink() or not folder.is_dir():
        return Located(entry.name, None)  # what it leads to may be somebody else's
    return _in_own_folder(topic, entry.name, folder)


def _in_own_folder(topic: str, student: str, folder: Path) -> Located:
    files = _submissions_in(folder)
    named = [path for path in files if path.stem == topic]
    notebooks = [path for path in files if path.suffix.lower() == ".ipynb"]
    for choice in (named, notebooks, files):
        if choice:
            return Located(student, choice[0], folder)
    return Located(student, None, folder)


def _submissions_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and _is_regular(path))


def _is_regular(path: Path) -> bool:
    """Return whether a path is a file that has no other name: what is linked may be somebody else's."""
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() in ARCHIVES


def _looks_like_one(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES or (_is_archive(path) and path.is_file())


def _stem(path: Path) -> str:
    return path.stem.removesuffix(".tar")


def read(located: Located, topic: str, manifest: Manifest) -> Submission:
    """Read a submission; whatever is wrong with it is said in the result, never raised."""
    oddities: list[Oddity] = []
    files = _files_beside(located, oddities)
    submitted_at = _submitted_at(located, oddities)
    if located.path is None:
        why = f"expected {topic}.ipynb or {topic}.py in the folder, got neither"
        if located.folder is None:
            why = "expected a .ipynb or .py file, got a link, an archive or another thing that is not read"
        return Submission(located.student, (), "", files, _hash(b"", files), tuple(oddities), why, submitted_at)
    if located.folder is not None and located.path.stem != topic:
        oddities.append(Oddity("renamed-file", f"expected {topic}.ipynb or {topic}.py, took {located.path.name}"))
    content = b""
    unreadable, cut = "", _Cut()
    is_script = located.path.suffix.lower() == ".py"
    try:
        content = read_capped(located.path, MAX_SOURCE_BYTES if is_script else MAX_NOTEBOOK_BYTES)
        cut = _read_script(located.path.name, content) if is_script else _read_notebook(content, manifest)
    except UnreadableNotebook as error:
        unreadable = str(error)
    except OSError as error:  # without the path: where submissions lie is none of the student's business
        unreadable = f"expected a file that can be read, got: {error.strerror}"
    if not content:  # too large, or not to be read: what is known of it
        content = unreadable.encode("utf-8", "replace")
    return Submission(
        located.student,
        tuple(cut.cells),
        "submission" if is_script else "__main__",
        files,
        _hash(content, files),
        tuple(oddities + cut.oddities),
        unreadable,
        submitted_at,
    )


def _read_script(name: str, content: bytes) -> _Cut:
    try:
        source = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableNotebook(f"expected UTF-8 text, got: {error}") from error
    return _Cut([SubmittedCell(name, source, WHOLE_FILE)])


def _read_notebook(content: bytes, manifest: Manifest) -> _Cut:
    cells = cells_of(content)
    if sum(len(cell.source) for cell in cells) > MAX_SOURCE_BYTES:
        raise UnreadableNotebook(f"expected at most {MAX_SOURCE_BYTES >> 20} MiB of source, got more")
    if len(cells) > MAX_CELLS:
        raise UnreadableNotebook(f"expected at most {MAX_CELLS} cells, got {len(cells)}")
    cut = _Cut([SubmittedCell(f"cell {cell.grade_id}", cell.source, "") for cell in manifest.having("setup")])
    copies: Counter[str] = Counter()
    for cell in cells:
        _take(cell, manifest, cut, copies)
    _say_what_is_odd(cells, manifest, cut, copies)
    return cut


def _take(cell: RawCell, manifest: Manifest, cut: _Cut, copies: Counter[str]) -> None:
    """Add the cell to what will be run, if it is the student's own code."""
    if cell.kind != "code" or not cell.source.strip():
        return
    if cell.grade_id not in manifest:
        label = f"cell number {cell.number}"
        cut.cells.append(SubmittedCell(label, cell.source, ""))
        return
    released = manifest[cell.grade_id]
    if released.role == "solution":
        copies[cell.grade_id] += 1
        copy = f" (copy {copies[cell.grade_id]})" if copies[cell.grade_id] > 1 else ""
        cut.cells.append(SubmittedCell(f"cell {cell.grade_id}{copy}", cell.source, cell.grade_id))
    elif released.role == "setup" and cell.source.strip() != released.source.strip():
        cut.oddities.append(
            Oddity("changed-cell", f"cell {cell.grade_id} was changed; the release's ran first, then this")
        )
        cut.cells.append(SubmittedCell(f"cell {cell.grade_id} (changed)", cell.source, ""))


def _say_what_is_odd(cells: Sequence[RawCell], manifest: Manifest, cut: _Cut, copies: Counter[str]) -> None:
    wanted = [cell.grade_id for cell in manifest.having("solution")]
    if wanted and not any(cell.grade_id in wanted for cell in cells):
        what = "the release's notebook, got one without any of its exercises"
        hint = "it is another notebook, or a program has removed nbgrader's metadata"
        cut.oddities.append(Oddity("wrong-notebook", f"expected {what}: {hint}"))
        return
    for grade_id, count in copies.items():
        if count > 1:
            cut.oddities.append(
                Oddity("duplicated-cell", f"cell {grade_id} is there {count} times; the last one counts")
            )
    for grade_id in wanted:
        if copies[grade_id]:
            continue
        other = next((cell for cell in cells if cell.grade_id == grade_id), None)
        if other is None:
            kind, why = "deleted-cell", "is not in the notebook"
        elif other.kind != "code":
            kind, why = "deleted-cell", f"holds no code (it is a {other.kind} cell)"
        else:
            kind, why = "empty-cell", "is empty"
        cut.oddities.append(Oddity(kind, f"cell {grade_id} {why}"))
    order = list(dict.fromkeys(cell.grade_id for cell in cells if cell.kind == "code" and copies[cell.grade_id]))
    if order != [grade_id for grade_id in wanted if grade_id in order]:
        cut.oddities.append(Oddity("reordered-cells", f"the cells came in the order {', '.join(order)}"))
    changed = [cell.grade_id for cell in cells if cell.grade_id in manifest and _is_changed(cell, manifest)]
    if changed:
        names = ", ".join(dict.fromkeys(changed))
        cut.oddities.append(
            Oddity("changed-metadata", f"nbgrader's metadata was changed in {names}; the release's counts")
        )


def _is_changed(cell: RawCell, manifest: Manifest) -> bool:
    released = manifest[cell.grade_id]
    flags = (bool(cell.nbgrader.get("solution")), bool(cell.nbgrader.get("grade")))
    points = cell.nbgrader.get("points")
    if released.role == "test" and points is not None and points != released.points:
        return True
    return flags != (released.role == "solution", released.role == "test")


def _files_beside(located: Located, oddities: list[Oddity]) -> dict[str, bytes]:
    """Return the regular files of a submission's own folder, within the caps; links and the rest are left out."""
    files: dict[str, bytes] = {}
    if located.folder is None:
        return files
    total = 0
    skipped: list[str] = []
    for path in _walk(located.folder):
        relative = str(path.relative_to(located.folder))
        if path == located.path or relative in NBGRADER_FILES:
            continue
        if len(skipped) >= MAX_SKIPPED:
            skipped.append(f"{relative} and what follows: more than {MAX_SKIPPED} that cannot be taken along")
            break
        data = None
        try:
            if not _is_regular(path):
                what = (
                    "a folder too deep, or one too many"
                    if path.is_dir() and not path.is_symlink()
                    else "not a regular file"
                )
                skipped.append(f"{relative} is {what}")
                continue
            data = read_capped(path, MAX_EXTRA_BYTES - total)
        except OSError as error:
            skipped.append(f"{relative} cannot be read: {error.strerror}")
            continue
        except UnreadableNotebook:
            pass
        if data is None or len(files) >= MAX_EXTRA_FILES:
            limit = f"{MAX_EXTRA_FILES} files or {MAX_EXTRA_BYTES >> 20} MiB"
            skipped.append(f"{relative} and what follows: more than {limit}")
            break
        total += len(data)
        files[relative] = data
    oddities += [Oddity("skipped-file", detail) for detail in skipped]
    return files


def _walk(top: Path) -> Iterator[Path]:
    """Return what lies in a folder and in its folders, and a folder itself where it is not looked into.

    What is hidden, and what nbgrader puts there, is left out.
    """
    waiting, seen = [(top, 0)], 0
    while waiting:
        folder, depth = waiting.pop()
        if depth > MAX_EXTRA_DEPTH or seen > MAX_EXTRA_ENTRIES:
            yield folder
            continue
        try:
            with os.scandir(folder) as found:
                entries = {entry.name: entry for entry in found if not entry.name.startswith(".")}
        except OSError:
            yield folder
            continue
        seen += len(entries)
        folders = {name for name, entry in entries.items() if entry.is_dir(follow_symlinks=False)}
        yield from (folder / name for name in sorted(entries.keys() - folders))
        waiting += [(folder / name, depth + 1) for name in sorted(folders - set(NBGRADER_FILES), reverse=True)]


def _submitted_at(located: Located, oddities: list[Oddity]) -> datetime.datetime | None:
    """Return what nbgrader's ``timestamp.txt`` says ("2024-11-21 10:00:00.000000 UTC"), or ``None``."""
    path = located.folder / TIMESTAMP if located.folder is not None else None
    if path is None or not os.path.lexists(path):
        return None
    if not _is_regular(path):  # what it leads to is none of the student's business
        oddities.append(Oddity("bad-timestamp", f"{TIMESTAMP}: expected a regular file, got a link or another thing"))
        return None
    text = ""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(TIMESTAMP_CHARS).strip()
        moment = datetime.datetime.fromisoformat(text.removesuffix(" UTC"))
    except (ValueError, OSError):
        oddities.append(Oddity("bad-timestamp", f"{TIMESTAMP}: expected a date and time, got {text!r}"))
        return None
    return moment.replace(tzinfo=datetime.UTC) if moment.tzinfo is None else moment


def _hash(content: bytes, files: dict[str, bytes]) -> str:
    digest = hashlib.sha256(hashlib.sha256(content).digest())
    for name, data in sorted(files.items()):
        digest.update(name.encode("utf-8", "surrogateescape") + b"\0" + hashlib.sha256(data).digest())
    return digest.hexdigest()
