"""A folder of reports is what was graded, or `verify` says what is not; with a key also against a careful hand."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from autograder import cli
from autograder import course as courses
from autograder.course import Course
from autograder.errors import NotWritten, UsageError
from autograder.grading import operator
from autograder.grading.operator import Graded
from autograder.reports import store, verification
from autograder.reports.example import ENVIRONMENT, example_staff_report
from autograder.reports.integrity import MANIFEST_JSON, Recorder, hashes_of, read_manifest
from autograder.reports.models import Report, Sources, StaffReport
from autograder.reports.signature import SIGNATURE_JSON, Key, new_key, read_key, sign
from autograder.reports.store import read_report, rebuild, write_class_page, write_course_page, write_report
from autograder.reports.verification import AtHand, lines_of, manifests_in, verify
from autograder.submissions.submission import Located
from tests.unit.toy import (
    SQUARED,
    STUB,
    TOPIC,
    autograder,
    hand_in,
    make_course,
    notebook,
    save,
    staff_report,
)

STUDENTS = ("ada", "b.okonkwo", "chen.li", "i.silva")
HARNESS = 64 * "a"
SOURCES = Sources(checks="c", reference="d", release="e", course="f", harness=HARNESS)
AT_HAND = AtHand(HARNESS)
REPORT, STAFF, PAGE = "report.json", "report.staff.json", "report.html"

Tamper = Callable[[Path], object]


def made_up(student: str, assignment: str = "detection") -> StaffReport:
    """Return a report that states its sources."""
    staff = example_staff_report(student)
    environment = ENVIRONMENT.model_copy(update={"sources": SOURCES})
    report = staff.report.model_copy(update={"environment": environment, "assignment": assignment})
    return staff.model_copy(update={"report": report})


def write_class(folder: Path, assignment: str = "detection") -> Path:
    """Write a class as a run does."""
    folder.mkdir(parents=True)
    for student in STUDENTS:
        write_report(folder, made_up(student, assignment))
    write_class_page(folder)
    Recorder(folder).record(STUDENTS, [])
    return folder


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """The reports of a class."""
    return write_class(tmp_path / "reports")


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder outside of every course, as tests' own folders are not."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture
def key(elsewhere: Path) -> Key:
    """A fresh key."""
    new_key(elsewhere / "staff.key")
    return read_key(elsewhere / "staff.key")


def faults(folder: Path, key: Key | None = None, at_hand: AtHand = AT_HAND) -> dict[str, str]:
    """Return what is wrong, by place."""
    return {place: "; ".join(sentences) for place, sentences in verify(folder, at_hand, key).faults.items()}


# ---------------------------------------------------------------------------------------------- tampering


def better(staff: StaffReport) -> StaffReport:
    """Return a report in which every check has passed, and all sums follow: a consistent edit."""
    data = json.loads(staff.model_dump_json())
    report = data["report"]
    for exercise in report["exercises"]:
        for check in exercise["checks"]:
            if check["outcome"] != "not_run":
                check.update(outcome="passed", points=check["max_points"])
        exercise["points"] = exercise["max_points"]
    report.update(points=report["max_points"], points_not_graded=0.0, grade=100.0, penalty=0.0)
    return StaffReport.model_validate(data)


def edit(path: Path, old: str, new: str) -> None:
    """Replace a piece of text in a file; it must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def edit_well(folder: Path, student: str = "b.okonkwo") -> None:
    """Raise a student's grade in all three files, so that they agree."""
    write_report(folder, better(read_report(folder / student / STAFF)))
    write_class_page(folder)


def exchange(folder: Path, with_names: bool = False) -> None:
    """Give a student the reports of another."""
    first, second, between = folder / "ada", folder / "b.okonkwo", folder / "between"
    first.rename(between)
    second.rename(first)
    between.rename(second)
    if with_names:
        for place in (first, second):
            staff = read_report(place / STAFF)
            renamed = staff.report.model_copy(update={"student": place.name})
            write_report(folder, staff.model_copy(update={"report": renamed}))
        write_class_page(folder)


def replay(folder: Path) -> None:
    """Put a report of an older run in the place of a newer one."""
    older = made_up("b.okonkwo")
    then = older.report.environment.model_copy(update={"started_at": "2023-11-28T18:30:12Z"})
    write_report(folder, older.model_copy(update={"report": older.report.model_copy(update={"environment": then})}))


def add(folder: Path, staff: StaffReport) -> None:
    """Add a report, and to the class page."""
    write_report(folder, staff)
    write_class_page(folder)


def make_pipe(path: Path) -> None:
    """Put a pipe in the place of a file."""
    path.unlink()
    os.mkfifo(path)


TAMPERING: dict[str, tuple[Tamper, dict[str, str]]] = {
    "points without their sums": (
        lambda folder: edit(folder / "b.okonkwo" / REPORT, '"grade": ', '"grade": 1'),
        {"b.okonkwo": "report.json changed after grading; report.json: expected a report, got: "},
    ),
    "points of the staff's copy": (
        lambda folder: edit(folder / "b.okonkwo" / STAFF, '"grade": ', '"grade": 1'),
        {"b.okonkwo": "report.staff.json: expected a staff report, got a fault at report"},
    ),
    "a name in the student's copy": (
        lambda folder: edit(folder / "b.okonkwo" / REPORT, "b.okonkwo", "b.okonkwa"),
        {"b.okonkwo": "report.json: expected the report of report.staff.json, got another"},
    ),
    "all files, consistently": (edit_well, {"b.okonkwo": "report.json and report.staff.json changed after grading"}),
    "the page": (
        lambda folder: edit(folder / "b.okonkwo" / PAGE, "detection", "detectives"),
        {"b.okonkwo": "report.html: expected the page of report.json, got another; autograder report draws it again"},
    ),
    "the class page": (
        lambda folder: edit(folder / "index.html", "detection", "detectives"),
        {"index.html": "expected the page of these reports, got another; autograder report draws it again"},
    ),
    "an exchange": (
        exchange,
        {"ada": "expected the report of ada, got that of b.okonkwo",
         "b.okonkwo": "expected the report of b.okonkwo, got that of ada"},
    ),
    "an exchange with names": (
        lambda folder: exchange(folder, with_names=True),
        {"ada": "report.json and report.staff.json changed after grading",
         "b.okonkwo": "report.json and report.staff.json changed after grading"},
    ),
    "an older report": (replay, {"b.okonkwo": "report.json and report.staff.json changed after grading"}),
    "a report removed": (lambda folder: shutil.rmtree(folder / "ada"), {"ada": "removed after grading"}),
    "a page removed": (
        lambda folder: (folder / "ada" / PAGE).unlink(),
        {"ada": "report.html: expected a page, got none"},
    ),
    "a staff's copy removed": (
        lambda folder: (folder / "ada" / STAFF).unlink(),
        {"ada": "report.staff.json: expected a file, got none"},
    ),
    "a student's copy removed": (
        lambda folder: (folder / "ada" / REPORT).unlink(),
        {"ada": "report.json: expected a file, got none"},
    ),
    "a pipe for a file": (
        lambda folder: make_pipe(folder / "ada" / STAFF),
        {"ada": "report.staff.json: expected a file, got none"},
    ),
    "a report twice": (
        lambda folder: shutil.copytree(folder / "ada", folder / "eve"),
        {"eve": "not in manifest.json: no run that ended wrote it; expected the report of eve, got that of ada"},
    ),
    "a report added": (
        lambda folder: add(folder, made_up("eve")),
        {"eve": "not in manifest.json: no run that ended wrote it"},
    ),
    "a report of another assignment": (
        lambda folder: add(folder, made_up("ada", "metrics")),
        {"ada": "expected a report of detection, got one of metrics"},
    ),
    "the manifest removed": (
        lambda folder: (folder / MANIFEST_JSON).unlink(),
        {MANIFEST_JSON: "expected the hashes of the reports, got no such file"},
    ),
    "the manifest broken": (
        lambda folder: save(folder / MANIFEST_JSON, "{"),
        {MANIFEST_JSON: "expected a manifest of reports, got: "},
    ),
}  # fmt: skip


def test_an_untouched_folder_is_as_it_was_graded(reports: Path) -> None:
    found = verify(reports, AT_HAND)
    assert (found.reports, found.faults) == (len(STUDENTS), {})
    assert lines_of(found) == [
        "4 reports: all as they were graded; not signed; not compared: the course (no course.toml is near); "
        "not compared: the submissions (no --submissions)"
    ]


@pytest.mark.parametrize(("tamper", "expected"), TAMPERING.values(), ids=TAMPERING)
def test_what_is_wrong_is_named_with_whom(reports: Path, tamper: Tamper, expected: dict[str, str]) -> None:
    tamper(reports)
    found = faults(reports)
    assert found.keys() == expected.keys(), found
    for place, sentence in expected.items():
        assert sentence in found[place]


def rewrite_manifest(folder: Path) -> None:
    """Write a manifest of what is there now, as whoever can write to the folder can."""
    known = read_manifest(folder)
    assert known is not None
    reports = {path.parent.name: hashes_of(path.parent) for path in sorted(folder.glob(f"*/{STAFF}"))}
    store.write_json(folder / MANIFEST_JSON, known.model_copy(update={"reports": reports}))


CAREFUL: dict[str, tuple[Tamper, dict[str, str]]] = {
    "an edit": (edit_well, {"b.okonkwo": "report.json and report.staff.json changed after signing"}),
    "an exchange": (
        lambda folder: exchange(folder, with_names=True),
        {"ada": "report.json and report.staff.json changed after signing",
         "b.okonkwo": "report.json and report.staff.json changed after signing"},
    ),
    "an older report": (replay, {"b.okonkwo": "report.json and report.staff.json changed after signing"}),
    "a report removed": (
        lambda folder: shutil.rmtree(folder / "ada"),
        {"ada": "removed after signing"},
    ),
    "a report added": (
        lambda folder: add(folder, made_up("eve")),
        {"eve": "not in signature.json: it came later"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("tamper", "expected"), CAREFUL.values(), ids=CAREFUL)
def test_a_signature_finds_what_a_rewritten_manifest_hides(
    reports: Path, key: Key, tamper: Tamper, expected: dict[str, str]
) -> None:
    sign(reports, manifests_in(reports), key)
    assert faults(reports, key) == {}
    tamper(reports)
    rewrite_manifest(reports)
    rebuild(reports)
    assert faults(reports) == {}, "the hand was careful"
    assert faults(reports, key) == expected


def test_what_runs_write_after_signing_is_to_be_signed_again(reports: Path, key: Key) -> None:
    sign(reports, manifests_in(reports), key)
    recorder = Recorder(reports)
    recorder.forget(["ada"])
    write_report(reports, better(made_up("ada")))
    recorder.record(["ada"], STUDENTS[1:])
    write_class_page(reports)
    assert faults(reports) == {}
    sign(reports, manifests_in(reports), key)
    assert faults(reports, key) == {}


def test_a_whole_folder_put_back_is_found_by_the_log_beside_the_key(reports: Path, key: Key) -> None:
    sign(reports, manifests_in(reports), key)
    before = shutil.copytree(reports, reports.with_name("before"))
    test_what_runs_write_after_signing_is_to_be_signed_again(reports, key)
    shutil.rmtree(reports)
    before.rename(reports)
    assert faults(reports) == {}
    found = faults(reports, key)
    assert found.keys() == {SIGNATURE_JSON}
    assert re.match(r"expected the last signature, of 20\S+, got that of 20\S+$", found[SIGNATURE_JSON])


@pytest.mark.parametrize("content", [None, "{\n", ""], ids=["none", "no log", "without this folder"])
def test_without_the_log_it_is_said_that_nobody_knows(reports: Path, key: Key, content: str | None) -> None:
    sign(reports, manifests_in(reports), key)
    key.log.unlink()
    if content is not None:
        save(key.log, content)
    found = verify(reports, AT_HAND, key)
    assert found.faults == {}
    assert any(note.startswith("not compared: later signatures (") for note in found.notes)


def test_the_signature_of_another_folder_is_no_signature_of_this_one(reports: Path, key: Key) -> None:
    sign(reports, manifests_in(reports), key)
    other = write_class(reports.with_name("other"))
    edit_well(other)
    rewrite_manifest(other)
    shutil.copy(reports / SIGNATURE_JSON, other)
    assert faults(other, key) == {"b.okonkwo": "report.json and report.staff.json changed after signing"}


def test_no_signature_or_a_forged_one_is_no_signature(reports: Path, key: Key, elsewhere: Path) -> None:
    assert faults(reports, key) == {SIGNATURE_JSON: "expected a signature, got none; autograder sign makes it"}
    new_key(elsewhere / "other.key")
    path = sign(reports, manifests_in(reports), read_key(elsewhere / "other.key"))
    forged = {SIGNATURE_JSON: "expected a signature made with this key, got another or an edited one"}
    assert faults(reports, key) == forged
    sign(reports, manifests_in(reports), key)
    edit_well(reports)
    rewrite_manifest(reports)
    manifest = read_manifest(reports)
    assert manifest is not None
    whole = json.loads(path.read_text(encoding="utf-8"))
    whole["signed"]["manifests"]["."] = manifest.model_dump()
    save(path, whole)
    assert faults(reports, key) == forged
    save(path, "[]")
    assert faults(reports, key)[SIGNATURE_JSON].startswith("expected a signature, got: ")
    assert faults(reports)[SIGNATURE_JSON].startswith("expected a signature, got: ")


# ---------------------------------------------------------------------------------------------- courses


@pytest.fixture
def course_reports(tmp_path: Path) -> Path:
    """The reports of a course of two topics."""
    folder = tmp_path / "course"
    for topic in ("detection", "metrics"):
        write_class(folder / topic, topic)
    write_course_page(folder)
    return folder


def test_a_course_is_verified_topic_by_topic(course_reports: Path, key: Key) -> None:
    sign(course_reports, manifests_in(course_reports), key)
    assert faults(course_reports, key) == {}
    assert verify(course_reports, AT_HAND).reports == 2 * len(STUDENTS)
    edit_well(course_reports / "metrics")
    assert faults(course_reports) == {"metrics/b.okonkwo": "report.json and report.staff.json changed after grading"}


def test_a_topic_of_which_all_reports_are_gone_is_named_with_everyone(course_reports: Path) -> None:
    def hand_ins(topic: str) -> dict[str, str]:
        if topic == "bandit":
            raise UsageError("submission: expected some, got none.")
        return {"ada": 64 * "0", "zoe": 64 * "1"}

    shutil.rmtree(course_reports / "metrics")
    at_hand = AtHand(HARNESS, dict.fromkeys(("bandit", "detection", "metrics")), hand_ins)
    found = faults(course_reports, at_hand=at_hand)
    for student in ("ada", "zoe"):
        assert found[f"metrics/{student}"] == "expected a report of the submission at hand, got none"
    assert not any(place.startswith("bandit") for place in found)


def test_the_page_of_a_course_is_that_of_its_reports(course_reports: Path) -> None:
    edit(course_reports / "index.html", "metrics", "merits")
    assert faults(course_reports).keys() == {"index.html"}


def test_a_report_in_another_topic_is_a_replayed_one(course_reports: Path) -> None:
    shutil.rmtree(course_reports / "metrics" / "ada")
    shutil.copytree(course_reports / "detection" / "ada", course_reports / "metrics" / "ada")
    rewrite_manifest(course_reports / "metrics")
    rebuild(course_reports)
    assert faults(course_reports) == {"metrics/ada": "expected a report of metrics, got one of detection"}


def test_a_class_in_another_topic_is_a_replayed_one(course_reports: Path) -> None:
    shutil.rmtree(course_reports / "metrics")
    shutil.copytree(course_reports / "detection", course_reports / "metrics")
    write_course_page(course_reports)
    assert faults(course_reports) == {
        f"metrics/{student}": "expected a report of metrics, got one of detection" for student in STUDENTS
    }


def test_a_topic_removed_after_signing_is_named_with_everyone(course_reports: Path, key: Key) -> None:
    sign(course_reports, manifests_in(course_reports), key)
    shutil.rmtree(course_reports / "metrics")
    write_course_page(course_reports)
    assert faults(course_reports) == {}, "there is nothing to compare with"
    found = faults(course_reports, key)
    assert {f"metrics/{student}" for student in STUDENTS} <= found.keys()
    assert found["metrics/ada"] == "removed after signing"


def test_a_topic_added_after_signing_is_not_signed(course_reports: Path, key: Key) -> None:
    sign(course_reports, manifests_in(course_reports), key)
    write_class(course_reports / "bandit", "bandit")
    write_course_page(course_reports)
    assert faults(course_reports, key)["bandit/ada"] == "not in signature.json: it came later"


def test_a_folder_of_nothing_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected folders with a report\.staff\.json, got none\."):
        verify(tmp_path, AT_HAND)
    with pytest.raises(UsageError, match=r"expected folders with a report\.staff\.json, got none\."):
        manifests_in(tmp_path)


def test_a_folder_from_which_all_was_removed_is_not_a_folder_of_nothing(reports: Path) -> None:
    for student in STUDENTS:
        shutil.rmtree(reports / student)
    assert faults(reports) == dict.fromkeys(STUDENTS, "removed after grading")


# ---------------------------------------------------------------------------------------------- versions


def test_a_page_of_another_version_is_worth_a_note_if_it_is_as_it_was_written(
    reports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "render_report", lambda report: "another template")
    monkeypatch.setattr(verification, "render_class", lambda reports: "another template")
    later = AtHand(64 * "b")
    found = verify(reports, later)
    assert found.faults == {}
    assert "pages of another version; autograder report draws it again" in found.notes
    assert faults(reports).keys() == set(STUDENTS), "this version would have drawn them otherwise"
    edit(reports / "ada" / PAGE, "detection", "detectives")
    assert faults(reports, at_hand=later).keys() == {"ada"}


def without_new_fields(folder: Path, student: str) -> None:
    """Make a report what an earlier version wrote."""
    for name in (REPORT, STAFF):
        whole = json.loads((folder / student / name).read_text(encoding="utf-8"))
        environment = whole.get("report", whole)["environment"]
        del environment["sources"], environment["limits"]
        save(folder / student / name, json.dumps(whole, indent=2, ensure_ascii=False) + "\n")


def test_a_report_of_an_earlier_version_can_be_read(reports: Path) -> None:
    without_new_fields(reports, "ada")
    rewrite_manifest(reports)
    assert read_report(reports / "ada" / STAFF).report.environment.sources is None
    found = verify(reports, AtHand(HARNESS, {"detection": SOURCES}))
    assert found.faults == {}
    assert "not compared: the sources of reports of an earlier version, which do not state them" in found.notes


def test_the_sources_of_a_report_are_those_at_hand(reports: Path) -> None:
    other = Sources(checks="c", reference="x", release="e", course="y", harness="z")
    found = verify(reports, AtHand("z", {"detection": other}))
    sentence = "graded with another reference, another course.toml than at hand"
    assert found.faults == {student: [sentence] for student in STUDENTS}
    assert "graded by another version of autograder" in found.notes
    assert faults(reports, at_hand=AtHand(HARNESS, {"metrics": SOURCES})) == dict.fromkeys(
        STUDENTS, "expected a topic of course.toml, got detection"
    )
    found = verify(reports, AtHand(HARNESS, {"detection": None}))
    assert found.faults == {}
    assert any(note.startswith("not compared: the sources of detection") for note in found.notes)


# ---------------------------------------------------------------------------------------------- the manifest


def test_a_run_that_is_killed_leaves_no_manifest_that_accuses_a_good_report(reports: Path) -> None:
    Recorder(reports).forget(["ada"])
    write_report(reports, better(made_up("ada")))  # and here it is killed
    write_class_page(reports)
    assert faults(reports) == {"ada": "not in manifest.json: no run that ended wrote it"}
    recorder = Recorder(reports)
    assert not recorder.is_changed("ada")
    recorder.record([], STUDENTS)
    assert faults(reports) == {}


def test_a_kept_report_that_was_edited_is_not_recorded_anew(reports: Path) -> None:
    edit_well(reports)
    recorder = Recorder(reports)
    assert recorder.is_changed("b.okonkwo")
    assert not recorder.is_changed("ada")
    assert not recorder.is_changed("nobody")
    recorder.record([], STUDENTS)
    assert faults(reports).keys() == {"b.okonkwo"}


def test_an_edited_report_is_graded_again_however_often_a_run_is_interrupted(reports: Path) -> None:
    edit_well(reports)
    for _ in range(2):
        recorder = Recorder(reports)
        assert recorder.is_changed("b.okonkwo")
        recorder.forget(["ada", "b.okonkwo"])  # and here the run is interrupted
    assert not Recorder(reports).is_changed("ada"), "which nobody has edited, and is kept"
    assert faults(reports)["b.okonkwo"] == "not in manifest.json: no run that ended wrote it"
    recorder = Recorder(reports)
    write_report(reports, made_up("b.okonkwo"))
    recorder.record(["b.okonkwo"], ["ada"])
    assert not Recorder(reports).is_changed("b.okonkwo")
    rebuild(reports)
    assert faults(reports) == {}


def test_a_manifest_that_nothing_changes_is_not_written(reports: Path) -> None:
    before = (reports / MANIFEST_JSON).stat().st_mtime_ns
    recorder = Recorder(reports)
    recorder.forget(["nobody"])
    recorder.record([], STUDENTS)
    assert (reports / MANIFEST_JSON).stat().st_mtime_ns == before


def test_a_broken_manifest_is_refused_or_begun_anew(reports: Path) -> None:
    save(reports / MANIFEST_JSON, "{")
    with pytest.raises(UsageError, match=r"manifest\.json: expected a manifest of reports, got: .* with --force\."):
        Recorder(reports)
    Recorder(reports, is_forced=True).record(STUDENTS, [])
    assert faults(reports) == {}


def test_a_manifest_that_cannot_be_written_is_our_fault(reports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise NotWritten("no space", is_of_the_disk=True)

    monkeypatch.setattr("autograder.reports.integrity.write_json", full)
    with pytest.raises(NotWritten):
        Recorder(reports).forget(["ada"])


# ---------------------------------------------------------------------------------------------- keys


def test_a_new_key_is_for_its_owner_alone_and_replaces_nothing(elsewhere: Path) -> None:
    path = elsewhere / "staff.key"
    new_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    content = path.read_bytes()
    assert re.fullmatch(rb"[0-9a-f]{64}\n", content)
    with pytest.raises(UsageError, match=r"--new-key: expected a new file, got .*: File exists"):
        new_key(path)
    assert path.read_bytes() == content
    new_key(elsewhere / "other.key")
    assert (elsewhere / "other.key").read_bytes() != content


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        (64 * "0", 0o644, "only its owner can read, got mode 644"),
        (64 * "0", 0o620, "only its owner can read, got mode 620"),
        (62 * "0", 0o600, "at least 64 hexadecimal digits"),
        ("password", 0o600, "at least 64 hexadecimal digits"),
        ("", 0o600, "at least 64 hexadecimal digits"),
        (None, 0o600, "No such file"),
    ],
)
def test_a_file_that_is_no_key_is_refused(elsewhere: Path, content: str | None, mode: int, why: str) -> None:
    path = elsewhere / "staff.key"
    if content is not None:
        save(path, content).chmod(mode)
    with pytest.raises(UsageError, match=f"--key: expected .*{why}"):
        read_key(path)


def test_without_a_log_nothing_is_signed(reports: Path, key: Key) -> None:
    key.log.mkdir()
    with pytest.raises(UsageError, match="expected a log that can be written beside the key"):
        sign(reports, manifests_in(reports), key)
    assert not (reports / SIGNATURE_JSON).exists()
    key.log.rmdir()
    before = sign(reports, manifests_in(reports), key).read_bytes()
    key.log.unlink()
    key.log.mkdir()
    with pytest.raises(UsageError, match="expected a log"):
        sign(reports, manifests_in(reports), key)
    assert (reports / SIGNATURE_JSON).read_bytes() == before


def test_a_signature_that_cannot_be_written_leaves_the_last_one_good(
    reports: Path, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(reports, manifests_in(reports), key)

    def refuse(path: Path, model: object) -> None:
        raise NotWritten("it cannot be written")

    with monkeypatch.context() as patch:
        patch.setattr("autograder.reports.signature.write_json", refuse)
        with pytest.raises(NotWritten):
            sign(reports, manifests_in(reports), key)
    assert faults(reports, key) == {}


# ---------------------------------------------------------------------------------------------- the commands


class Ended(NamedTuple):
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs the command line in this process, in a given folder."""

    def run_in(folder: Path, *words: str | Path) -> Ended:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["autograder", *map(str, words)])
        capsys.readouterr()
        status: Any = 0
        try:
            cli.main()
        except SystemExit as ending:
            status = ending.code
        return Ended(status or 0, *capsys.readouterr())

    return run_in


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy course with a class that was graded, by topic and with --all."""
    root = tmp_path_factory.mktemp("graded")
    make_course(root)
    hand_in(root, "ada", notebook())
    hand_in(root, "bob", notebook(SQUARED))
    hand_in(root, "cy", notebook(STUB, STUB))
    for words in (("grade", TOPIC, "submitted", "--out", "reports"), ("grade", "--all", "submitted", "--out", "all")):
        process = autograder(*words, cwd=root)
        assert process.returncode == 0, process.stderr
    return root


@pytest.fixture
def root(graded: Path, tmp_path: Path) -> Path:
    """The same, to change."""
    return shutil.copytree(graded, tmp_path / "toys")


def test_a_report_says_what_was_graded(graded: Path) -> None:
    topic = Course.read(graded / "course.toml").topic(TOPIC)
    environment = staff_report(graded / "reports", "ada").report.environment
    assert environment.sources is not None
    assert environment.sources.model_dump(exclude={"harness"}) == topic.sources.model_dump(exclude={"harness"})
    assert len({*environment.sources.model_dump().values()}) == 5
    assert environment.limits is not None
    assert environment.limits.model_dump() == {
        "call_s": 1.0, "cell_s": 2.0, "total_s": 20.0, "memory_mib": 512, "scratch_mib": 64
    }  # fmt: skip
    public = Report.model_validate_json((graded / "reports" / "ada" / REPORT).read_bytes())
    assert public.environment == environment


@pytest.mark.parametrize("folder", ["reports", "all", f"all/{TOPIC}"])
def test_what_was_graded_verifies(graded: Path, run: Command, folder: str) -> None:
    ended = run(graded, "verify", folder, "--submissions", "submitted")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("3 reports: all as they were graded; not signed")
    assert "not compared" not in ended.out


@pytest.mark.parametrize("folder", ["reports", "all"])
def test_it_verifies_after_the_pages_were_drawn_again(root: Path, run: Command, folder: str) -> None:
    assert run(root, "report", folder).status == 0
    assert run(root, "verify", folder, "--submissions", "submitted").status == 0


def test_a_second_run_grades_what_is_not_what_was_graded(root: Path, run: Command) -> None:
    """A submission that changed, a report that was edited, one of an earlier version, and one that is new."""
    reports = root / "reports"
    before = shutil.copytree(reports / "ada", root / "before")
    hand_in(root, "ada", notebook(halve=STUB))
    edit_well(reports, "bob")
    assert staff_report(reports, "bob").report.grade == 100.0
    without_new_fields(reports, "cy")
    known = hashes_of(reports / "cy")
    edit(
        reports / MANIFEST_JSON,
        json.loads((reports / MANIFEST_JSON).read_bytes())["reports"]["cy"][STAFF],
        known[STAFF],
    )
    edit(
        reports / MANIFEST_JSON,
        json.loads((reports / MANIFEST_JSON).read_bytes())["reports"]["cy"][REPORT],
        known[REPORT],
    )
    hand_in(root, "dan", notebook())
    ended = run(root, "verify", "reports", "--submissions", "submitted")
    assert ended.status == 1
    assert ended.out.splitlines()[:3] == [
        "ada: graded from another submission than the one at hand",
        "bob: report.json and report.staff.json changed after grading",
        "dan: expected a report of the submission at hand, got none",
    ]
    process = autograder("grade", TOPIC, "submitted", "--out", "reports", cwd=root)
    assert process.returncode == 0
    assert "(kept)" not in process.stderr
    assert process.stdout.splitlines()[:4] == [
        "ada\t3/5\t60.0 %",
        "bob\t2/5\t40.0 %",
        "cy\t0/5\t0.0 %",
        "dan\t5/5\t100.0 %",
    ]
    assert staff_report(reports, "cy").report.environment.sources is not None
    ended = run(root, "verify", "reports", "--submissions", "submitted")
    assert (ended.status, ended.out.partition(":")[0]) == (0, "4 reports")

    shutil.rmtree(reports / "ada")
    before.rename(reports / "ada")
    run(root, "report", "reports")
    ended = run(root, "verify", "reports", "--submissions", "submitted")
    assert ended.status == 1
    assert ended.out.splitlines()[0] == (
        "ada: report.json and report.staff.json changed after grading; "
        "graded from another submission than the one at hand"
    )


def test_an_interrupted_run_records_what_it_has_done(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = root / "reports"

    def interrupted(self: Any, jobs: int) -> None:
        manifest = read_manifest(out)
        assert manifest is not None
        assert manifest.reports.keys() == {"bob"}, "who is graded now is taken out before"
        self._outcome.graded.append(Graded("ada", 5.0, 5.0, 100.0))
        raise KeyboardInterrupt

    monkeypatch.setattr(operator._Run, "run", interrupted)
    located = [Located(name, root / "submitted" / name / TOPIC / "toy.ipynb") for name in ("ada", "cy")]
    with pytest.raises(KeyboardInterrupt):
        operator.grade(Course.read(root / "course.toml").topic(TOPIC), located, out, is_forced=True)
    manifest = read_manifest(out)
    assert manifest is not None
    assert manifest.reports.keys() == {"ada", "bob"}


def test_a_report_without_a_submission_at_hand_is_named(root: Path, run: Command) -> None:
    shutil.rmtree(root / "submitted" / "ada")
    ended = run(root, "verify", "reports", "--submissions", "submitted")
    assert (ended.status, ended.out.splitlines()[0]) == (1, "ada: expected a submission at hand, got none")


CHANGED = {
    "course.toml": ("course.toml", "another course.toml"),
    "the checks": ("tests/hidden/grade_toy.py", "other hidden checks"),
    "a misconception": ("tests/hidden/wrong/toy.py", "other hidden checks"),
    "the reference": ("reference/toy.py", "another reference"),
    "the release": ("assignments/toy/toy.ipynb", "another release"),
}


@pytest.mark.parametrize(("path", "what"), CHANGED.values(), ids=CHANGED)
def test_what_it_was_graded_with_is_compared_with_the_course_at_hand(
    root: Path, run: Command, path: str, what: str
) -> None:
    before = (root / path).read_text(encoding="utf-8") if (root / path).exists() else ""
    save(root / path, before + "\n")
    ended = run(root, "verify", "reports")
    assert ended.status == 1
    assert ended.out.splitlines()[:3] == [
        f"{student}: graded with {what} than at hand" for student in ("ada", "bob", "cy")
    ]


def test_the_course_is_found_from_the_current_folder(root: Path, run: Command, tmp_path: Path) -> None:
    away = shutil.move(root / "reports", tmp_path / "away")
    assert "the course" not in run(root, "verify", away).out


def test_without_a_course_it_is_said(graded: Path, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courses, "FILE_NAME", "no_such_course.toml")
    ended = run(graded, "verify", "reports")
    assert ended.status == 0
    assert "not compared: the course (no course.toml is near); not compared: the submissions" in ended.out


def test_staff_sign_and_verify(root: Path, run: Command, elsewhere: Path) -> None:
    key = elsewhere / "staff.key"
    assert run(root, "sign", "--new-key", key) == Ended(0, f"{key.resolve()}\n", "")
    for folder in ("reports", "all"):
        assert run(root, "sign", folder, "--key", key) == Ended(0, f"{(root / folder).resolve()}/signature.json\n", "")
        ended = run(root, "verify", folder, "--key", key)
        assert ended.status == 0
        assert re.match(r"3 reports: all as they were graded; signed 20", ended.out)
        assert "signed, which was not checked (no --key)" in run(root, "verify", folder).out
    edit_well(root / "all" / TOPIC, "bob")
    rewrite_manifest(root / "all" / TOPIC)
    rebuild(root / "all")
    assert run(root, "verify", "all").status == 0
    ended = run(root, "verify", "all", "--key", key)
    assert (ended.status, ended.out.splitlines()[0]) == (
        1,
        "toy/bob: report.json and report.staff.json changed after signing",
    )


def test_what_was_edited_is_not_signed(root: Path, run: Command, elsewhere: Path) -> None:
    run(root, "sign", "--new-key", elsewhere / "staff.key")
    edit_well(root / "reports", "bob")
    ended = run(root, "sign", "reports", "--key", elsewhere / "staff.key")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith("bob: report.json and report.staff.json changed after grading\n")
    assert ended.err.splitlines()[-1].endswith("got the above. Nothing was signed.")
    assert not (root / "reports" / "signature.json").exists()


@pytest.mark.parametrize("place", ["reports/staff.key", "staff.key", "tests/staff.key", "link/staff.key"])
def test_a_key_where_reports_or_the_course_lie_is_refused(
    root: Path, run: Command, elsewhere: Path, place: str
) -> None:
    (root / "tests").mkdir(exist_ok=True)
    (root / "link").symlink_to(root / "reports")
    made = save(root / place, 64 * "0")
    made.chmod(0o600)
    for words in (["sign", "reports", "--key", place], ["verify", "reports", "--key", place]):
        ended = run(root, *words)
        assert (ended.status, ended.out) == (2, "")
        assert ended.err.startswith("autograder: key: expected a file outside of ")
        assert ended.err.endswith("Keep it elsewhere.\n")
    made.unlink()
    ended = run(root, "sign", "--new-key", place)
    assert (ended.status, made.exists()) == (2, False)
    assert not (root / "reports" / "signature.json").exists()


def test_a_key_in_a_folder_of_reports_without_a_course_is_refused(
    reports: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courses, "FILE_NAME", "no_such_course.toml")
    save(reports / "staff.key", 64 * "0").chmod(0o600)
    ended = run(reports.parent, "sign", "reports", "--key", "reports/staff.key")
    assert ended.status == 2
    assert "key: expected a file outside of 'reports'" in ended.err


USAGE = {
    "nothing to verify": (["verify", "gone"], "directory: expected a folder of reports, got 'gone'."),
    "a folder without reports": (["verify", "reference"], "expected folders with a report.staff.json, got none."),
    "submissions that are none": (
        ["verify", "reports", "--submissions", "gone"],
        "submission: expected a file or a folder, got 'gone', which does not exist.",
    ),
    "no key to sign with": (["sign", "reports"], "sign: expected DIRECTORY and --key FILE, or --new-key FILE alone."),
    "nothing to sign": (["sign", "--key", "k"], "sign: expected DIRECTORY and --key FILE, or --new-key FILE alone."),
    "two wishes": (
        ["sign", "reports", "--key", "k", "--new-key", "l"],
        "sign: expected DIRECTORY and --key FILE, or --new-key FILE alone.",
    ),
    "nothing there to sign": (["sign", "gone", "--key", "k"], "directory: expected a folder of reports, got 'gone'."),
}


@pytest.mark.parametrize(("words", "why"), USAGE.values(), ids=USAGE)
def test_what_is_not_usable_is_one_sentence_and_exit_2(graded: Path, run: Command, words: list[str], why: str) -> None:
    ended = run(graded, *words)
    assert (ended.status, ended.out) == (2, "")
    assert why in ended.err
    assert len(ended.err.splitlines()) == 1


def test_names_cannot_move_the_cursor(reports: Path, run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courses, "FILE_NAME", "no_such_course.toml")
    shutil.copytree(reports / "ada", reports / "a\x1b[2J\nb")
    ended = run(reports.parent, "verify", "reports")
    assert ended.status == 1
    assert "\x1b" not in ended.out
    assert len(ended.out.splitlines()) == 2


def test_the_help_says_who_can_sign(tmp_path: Path, run: Command) -> None:
    assert "Whoever has the key can sign" in run(tmp_path, "sign", "--help").out
    assert run(tmp_path, "verify", "--help").out.startswith("Usage: autograder verify [OPTIONS] DIRECTORY")
