"""Whether a folder of reports is what was graded: each report against itself, its page, records of it, and its sources.

Nothing is repaired and nothing is written. What cannot be compared is said, and is not taken for good.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from autograder.errors import UsageError
from autograder.reports.folders import student_folder
from autograder.reports.integrity import MANIFEST_JSON, FileHashes, ReportManifest, hashes_of, read_manifest
from autograder.reports.models import Report, Sources, StaffReport
from autograder.reports.render import render_class, render_course, render_report
from autograder.reports.signature import SIGNATURE_JSON, Key, is_made_with, later_signature, read_signature
from autograder.reports.store import CLASS_HTML, PUBLIC_HTML, PUBLIC_JSON, STAFF_JSON, read_report
from autograder.reports.words import plural

HERE = "."  # the class that is the folder itself, beside those of topics below it
JSON_FILES = (PUBLIC_JSON, STAFF_JSON)
SOURCE_NAMES = {
    "checks": "other hidden checks",
    "reference": "another reference",
    "release": "another release",
    "course": "another course.toml",
}  # the harness is another after every update: that is no fault of a report
ABSENT = {
    "grading": f"not in {MANIFEST_JSON}: no run that ended wrote it",
    "signing": f"not in {SIGNATURE_JSON}: it came later",
}
REDRAW = "autograder report draws it again"


@dataclass(frozen=True)
class AtHand:
    """What reports are compared with; what is ``None`` is not at hand.

    Attributes:
        harness: the hash of this package, which draws the pages.
        sources: of each topic of the course, its sources, or ``None`` where rooms of the topic are missing.
        submissions: returns the hash of each student's submission in a topic.
    """

    harness: str = ""
    sources: Mapping[str, Sources | None] | None = None
    submissions: Callable[[str], Mapping[str, str]] | None = None


@dataclass
class Verification:
    """What was found.

    Attributes:
        reports: how many reports were looked at.
        faults: what is wrong, by the place below the folder: a student's folder or a file.
        notes: what could not be compared, or is only worth knowing.
    """

    reports: int = 0
    faults: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def blame(self, place: str, sentence: str) -> None:
        """Add a fault; the same one twice is one."""
        known = self.faults.setdefault(place, [])
        if sentence not in known:
            known.append(sentence)

    def note(self, sentence: str) -> None:
        """Add a note; the same one twice is one."""
        if sentence not in self.notes:
            self.notes.append(sentence)


def verify(directory: Path, at_hand: AtHand, key: Key | None = None) -> Verification:
    """Verify a folder of reports.

    Args:
        directory: a class (``<student>/``) or a course (``<topic>/<student>/``).
        at_hand: what to compare with.
        key: the key it was signed with, to check the signature.

    Raises:
        UsageError: if there is nothing to verify.
    """
    found = Verification()
    signed = _signed(directory, key, found)
    names = sorted({*classes_in(directory), *(signed or {})})
    if not names and key is None:
        raise UsageError(f"{directory}: expected folders with a {STAFF_JSON}, got none.")
    readable: dict[str, list[StaffReport]] = {}
    for name in names:
        one = _Class(directory, name, at_hand, found)
        readable[name] = one.verify(signed if signed is None else signed.get(name, _NOTHING))
    if HERE not in names and at_hand.submissions is not None:
        for topic in sorted((at_hand.sources or {}).keys() - set(names)):
            _say_missing_topic(topic, at_hand.submissions, found)
    topics = {name: reports for name, reports in readable.items() if name != HERE and reports}
    if topics and HERE not in readable and not found.faults:
        _verify_course_page(directory, topics, at_hand, found)
    if at_hand.sources is None:
        found.note("not compared: the course (no course.toml is near)")
    if at_hand.submissions is None:
        found.note("not compared: the submissions (no --submissions)")
    return found


def lines_of(found: Verification) -> list[str]:
    """Return a line for each place where something is wrong, and one for all."""
    lines = [f"{place}: {'; '.join(sentences)}" for place, sentences in sorted(found.faults.items())]
    state = f"something is wrong in {plural(len(lines), 'place')}" if lines else "all as they were graded"
    return [*lines, "; ".join([f"{plural(found.reports, 'report')}: {state}", *found.notes])]


def classes_in(directory: Path) -> list[str]:
    """Return the folders of classes: topics below ``directory``, and `HERE` if it is one itself."""
    below = {path.parent.parent.name for name in JSON_FILES for path in directory.glob(f"*/*/{name}")}
    below |= {path.parent.name for path in directory.glob(f"*/{MANIFEST_JSON}")}
    is_class = (directory / MANIFEST_JSON).exists() or any(_folders(directory))
    return ([HERE] if is_class else []) + sorted(below)


def manifests_in(directory: Path) -> dict[str, ReportManifest]:
    """Return the manifest of every class.

    Raises:
        UsageError: if a class has none, or there is no class.
    """
    manifests = {}
    for name in classes_in(directory):
        manifest = read_manifest(directory / name)
        if manifest is None:
            raise UsageError(f"{directory / name / MANIFEST_JSON}: expected a manifest, got none. Grade again first.")
        manifests[name] = manifest
    if not manifests:
        raise UsageError(
            f"{directory}: expected folders with a {STAFF_JSON}, got none. Grade submissions into it first."
        )
    return manifests


_NOTHING = ReportManifest(folder_id=32 * "0", reports={})  # of a class that was not there when the folder was signed


class _Class:
    """One class: a folder of students' folders."""

    def __init__(self, directory: Path, name: str, at_hand: AtHand, found: Verification) -> None:
        self._path = directory / name
        self._topic = None if name == HERE else name
        self._prefix = "" if name == HERE else f"{name}/"
        self._at_hand = at_hand
        self._found = found
        self._hand_ins: Mapping[str, str] | None = None

    def verify(self, signed: ReportManifest | None) -> list[StaffReport]:
        """Verify every report; return those that can be read, by student."""
        faults_before = len(self._found.faults)
        manifest = self._manifest()
        recorded = manifest.reports if manifest else {}
        present = set(_folders(self._path))
        folders = sorted({*present, *recorded, *(signed.reports if signed else {})})
        readable = {folder: staff for folder in folders if folder in present and (staff := self._read(folder))}
        assignment = self._assignment(readable.values())
        if self._at_hand.submissions is not None and assignment:
            self._hand_ins = self._at_hand.submissions(assignment)
        for folder in folders:
            actual = hashes_of(self._path / folder) if folder in present else {}
            if manifest is not None:
                self._compare(folder, actual, recorded.get(folder), "grading")
            if signed is not None:
                self._compare(folder, actual, signed.reports.get(folder), "signing")
            if folder in present:
                self._found.reports += 1
                self._verify_one(folder, readable.get(folder), recorded.get(folder, {}), assignment)
        self._say_missing(folders, readable.values())
        if len(self._found.faults) == faults_before:  # else the page of these reports is not to be had
            self._verify_class_page(list(readable.values()))
        return sorted(readable.values(), key=lambda staff: staff.report.student)

    def _blame(self, folder: str, sentence: str) -> None:
        self._found.blame(f"{self._prefix}{folder}", sentence)

    def _manifest(self) -> ReportManifest | None:
        try:
            manifest = read_manifest(self._path)
        except UsageError as error:
            self._blame(MANIFEST_JSON, _without_path(error, self._path / MANIFEST_JSON))
            return None
        if manifest is None:
            self._blame(MANIFEST_JSON, "expected the hashes of the reports, got no such file; grade again to write it")
        return manifest

    def _read(self, folder: str) -> StaffReport | None:
        path = self._path / folder / STAFF_JSON
        if not path.is_file():
            self._blame(folder, f"{STAFF_JSON}: expected a file, got none")
            return None
        try:
            return read_report(path)
        except UsageError as error:
            self._blame(folder, f"{STAFF_JSON}: {_without_path(error, path)}")
            return None

    def _assignment(self, readable: Iterable[StaffReport]) -> str | None:
        counts = Counter(staff.report.assignment for staff in readable)
        return self._topic or (counts.most_common(1)[0][0] if counts else None)

    def _compare(self, folder: str, actual: FileHashes, expected: FileHashes | None, event: str) -> None:
        """Compare the JSON files with what was recorded at an event; the page is compared with the JSON."""
        if not expected:
            if actual:
                self._blame(folder, ABSENT[event])
            return
        if not actual:
            self._blame(folder, f"removed after {event}")
            return
        changed = [name for name in JSON_FILES if actual.get(name) != expected.get(name)]
        if changed:
            self._blame(folder, f"{' and '.join(changed)} changed after {event}")

    def _verify_one(self, folder: str, staff: StaffReport | None, recorded: FileHashes, assignment: str | None) -> None:
        public = self._public(folder)
        if staff is None:
            return
        report = staff.report
        if public is not None and public != report:
            self._blame(folder, f"{PUBLIC_JSON}: expected the report of {STAFF_JSON}, got another")
        if student_folder(report.student) != folder:
            self._blame(folder, f"expected the report of {folder}, got that of {report.student}")
        if assignment is not None and report.assignment != assignment:
            self._blame(folder, f"expected a report of {assignment}, got one of {report.assignment}")
        self._verify_page(folder, report, recorded)
        self._verify_sources(folder, report)
        self._verify_submission(folder, report)

    def _public(self, folder: str) -> Report | None:
        path = self._path / folder / PUBLIC_JSON
        if not path.is_file():
            self._blame(folder, f"{PUBLIC_JSON}: expected a file, got none")
            return None
        try:
            return Report.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            why = error.strerror if isinstance(error, OSError) else error.errors(include_url=False)[0]["msg"]
            self._blame(folder, f"{PUBLIC_JSON}: expected a report, got: {why}")
            return None

    def _verify_page(self, folder: str, report: Report, recorded: FileHashes) -> None:
        path = self._path / folder / PUBLIC_HTML
        if not path.is_file():
            self._blame(folder, f"{PUBLIC_HTML}: expected a page, got none; {REDRAW}")
        elif path.read_bytes() != render_report(report).encode("utf-8"):
            as_written = recorded.get(PUBLIC_HTML) == hashes_of(path.parent).get(PUBLIC_HTML)
            if as_written and not self._is_drawn_by_us(report):
                self._found.note(f"pages of another version; {REDRAW}")
            else:
                self._blame(folder, f"{PUBLIC_HTML}: expected the page of {PUBLIC_JSON}, got another; {REDRAW}")

    def _is_drawn_by_us(self, report: Report) -> bool:
        sources = report.environment.sources
        return sources is not None and sources.harness == self._at_hand.harness

    def _verify_sources(self, folder: str, report: Report) -> None:
        if self._at_hand.sources is None:
            return
        if report.assignment not in self._at_hand.sources:
            self._blame(folder, f"expected a topic of course.toml, got {report.assignment}")
            return
        ours, theirs = self._at_hand.sources[report.assignment], report.environment.sources
        if ours is None:
            self._found.note(
                f"not compared: the sources of {report.assignment} (it lacks its release or its checks here)"
            )
        elif theirs is None:
            self._found.note("not compared: the sources of reports of an earlier version, which do not state them")
        else:
            others = [text for name, text in SOURCE_NAMES.items() if getattr(ours, name) != getattr(theirs, name)]
            if others:
                self._blame(folder, f"graded with {', '.join(others)} than at hand")
            if ours.harness != theirs.harness:
                self._found.note("graded by another version of autograder")

    def _verify_submission(self, folder: str, report: Report) -> None:
        if self._hand_ins is None:
            return
        sha256 = self._hand_ins.get(report.student)
        if sha256 is None:
            self._blame(folder, "expected a submission at hand, got none")
        elif sha256 != report.submission_sha256:
            self._blame(folder, "graded from another submission than the one at hand")

    def _say_missing(self, folders: Sequence[str], readable: Iterable[StaffReport]) -> None:
        reported = {staff.report.student for staff in readable}
        for student in sorted(set(self._hand_ins or ()) - reported):
            if student_folder(student) not in folders:
                self._blame(student_folder(student), "expected a report of the submission at hand, got none")

    def _verify_class_page(self, reports: Sequence[StaffReport]) -> None:
        if self._topic is None and any(self._path.glob(f"*/*/{STAFF_JSON}")):
            return  # the page is the course's
        _verify_index(self._path, self._prefix, reports, lambda: render_class(reports), self._at_hand, self._found)


def _say_missing_topic(topic: str, submissions: Callable[[str], Mapping[str, str]], found: Verification) -> None:
    """Name who has handed in a topic of which there is no report at all."""
    try:
        students = submissions(topic)
    except UsageError:  # nobody has
        return
    for student in students:
        found.blame(f"{topic}/{student_folder(student)}", "expected a report of the submission at hand, got none")


def _verify_course_page(
    directory: Path, topics: Mapping[str, list[StaffReport]], at_hand: AtHand, found: Verification
) -> None:
    order = [name for name in at_hand.sources or () if name in topics]
    classes = {name: topics[name] for name in (*order, *(name for name in topics if name not in order))}
    everyone = [staff for reports in classes.values() for staff in reports]
    _verify_index(directory, "", everyone, lambda: render_course(classes), at_hand, found)


def _verify_index(
    directory: Path,
    prefix: str,
    reports: Sequence[StaffReport],
    draw: Callable[[], str],
    at_hand: AtHand,
    found: Verification,
) -> None:
    """Compare a page of several reports, if there is one; one that another version has drawn is worth a note."""
    path = directory / CLASS_HTML
    if not reports or not path.is_file() or path.read_bytes() == draw().encode("utf-8"):
        return
    if any(s.report.environment.sources and s.report.environment.sources.harness == at_hand.harness for s in reports):
        found.blame(f"{prefix}{CLASS_HTML}", f"expected the page of these reports, got another; {REDRAW}")
    else:
        found.note(f"pages of another version; {REDRAW}")


def _signed(directory: Path, key: Key | None, found: Verification) -> dict[str, ReportManifest] | None:
    """Return what was signed with the key, ``None`` if there is nothing of it that can be believed."""
    try:
        signature = read_signature(directory)
    except UsageError as error:
        found.blame(SIGNATURE_JSON, _without_path(error, directory / SIGNATURE_JSON))
        return None
    if key is None:
        found.note("not signed" if signature is None else "signed, which was not checked (no --key)")
        return None
    if signature is None:
        found.blame(SIGNATURE_JSON, "expected a signature, got none; autograder sign makes it")
        return None
    if not is_made_with(signature, key):
        found.blame(SIGNATURE_JSON, "expected a signature made with this key, got another or an edited one")
        return None
    found.note(f"signed {signature.signed.signed_at}")
    try:
        later = later_signature(signature, key)
    except UsageError as error:
        found.note(f"not compared: later signatures ({error})")
    else:
        if later:
            found.blame(
                SIGNATURE_JSON, f"expected the last signature, of {later}, got that of {signature.signed.signed_at}"
            )
    return signature.signed.manifests


def _folders(directory: Path) -> list[str]:
    """Return the students' folders."""
    return sorted({path.parent.name for name in JSON_FILES for path in directory.glob(f"*/{name}")})


def _without_path(error: UsageError, path: Path) -> str:
    return str(error).removeprefix(f"{path}: ").rstrip(".")
