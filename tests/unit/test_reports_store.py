"""Reports on disk are whole or absent, and everything can be rebuilt from the staff copies."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.errors import NotWritten, UsageError
from autograder.reports.build import build_exercise, build_report
from autograder.reports.example import ENVIRONMENT, example_class, example_staff_report
from autograder.reports.models import CheckResult, Incident, Report, StaffReport
from autograder.reports.store import (
    LOCK,
    kept_report,
    locked,
    read_report,
    rebuild,
    student_folder,
    write_class_page,
    write_report,
)

FILES = {"report.json", "report.html", "report.staff.json"}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_three_files_are_written_and_read_back(tmp_path: Path) -> None:
    staff = example_staff_report("d.müller")
    write_report(tmp_path, staff)
    folder = tmp_path / "d.müller"
    assert names(folder) == FILES
    assert read_report(folder / "report.staff.json") == staff
    assert Report.model_validate_json((folder / "report.json").read_bytes()) == staff.report
    text = (folder / "report.json").read_text(encoding="utf-8")
    assert '\n  "student": "d.müller",\n' in text
    assert text.endswith("}\n")


def test_the_public_files_hold_no_expected_value(tmp_path: Path) -> None:
    staff = example_staff_report()
    write_report(tmp_path, staff)
    folder = tmp_path / staff.report.student
    for name in ("report.json", "report.html"):
        public = (folder / name).read_text(encoding="utf-8")
        assert not any(detail.expected in public for detail in staff.details)
    assert staff.details[0].expected in (folder / "report.staff.json").read_text(encoding="utf-8")


def test_the_staff_copy_is_not_readable_by_everyone(tmp_path: Path) -> None:
    write_report(tmp_path, example_staff_report("ada"))
    assert not stat.S_IMODE((tmp_path / "ada" / "report.staff.json").stat().st_mode) & stat.S_IRWXO


def test_a_lone_surrogate_does_not_prevent_a_report(tmp_path: Path) -> None:
    good = example_staff_report("ada")
    staff = good.model_copy(update={"incidents": (Incident(kind="odd \ud800", detail="ä"),)})
    write_report(tmp_path, staff)
    assert read_report(tmp_path / "ada" / "report.staff.json").incidents == (Incident(kind="odd ?", detail="ä"),)


def _fail_at(monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    """Make the replacement with that number fail, as on a machine that dies there."""
    replace, calls = Path.replace, iter(range(100))

    def failing(self: Path, target: Path) -> Path:
        if next(calls) == moment:
            raise OSError("the disk is gone")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)


def test_a_failure_before_the_first_name_keeps_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = example_staff_report("ada")
    write_report(tmp_path, old)
    _fail_at(monkeypatch, 0)
    with pytest.raises(NotWritten, match="ada: it cannot be written: the disk is gone"):
        write_report(tmp_path, example_staff_report("ada", {"check_shape": "failed"}))
    assert names(tmp_path / "ada") == FILES
    assert read_report(tmp_path / "ada" / "report.staff.json") == old


@pytest.mark.parametrize("moment", [1, 2])
def test_a_failure_half_way_leaves_no_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    write_report(tmp_path, example_staff_report("ada"))
    _fail_at(monkeypatch, moment)
    with pytest.raises(NotWritten, match="ada: it cannot be written: the disk is gone"):
        write_report(tmp_path, example_staff_report("ada", {"check_shape": "failed"}))
    assert names(tmp_path / "ada") == set()


@pytest.mark.parametrize("moment", [0, 1, 2])
def test_a_machine_that_goes_down_half_way_leaves_no_report_that_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Nothing is cleaned up then: of three files, some are old and some are new."""
    old, new = example_staff_report("ada"), example_staff_report("ada", {"check_shape": "failed"})
    write_report(tmp_path, old)
    _fail_at(monkeypatch, moment)
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
    with pytest.raises(NotWritten):
        write_report(tmp_path, new)
    monkeypatch.undo()
    assert len(names(tmp_path / "ada") - FILES) == 3 - moment
    assert kept_report(tmp_path, "ada") == (old if moment == 0 else None)
    with locked(tmp_path):
        assert names(tmp_path / "ada") == FILES, "what was left is removed by the next run"
    write_report(tmp_path, new)
    assert kept_report(tmp_path, "ada") == new


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("harm", ["gone", "empty", "cut"])
def test_a_report_is_kept_only_if_it_is_whole(tmp_path: Path, name: str, harm: str) -> None:
    write_report(tmp_path, example_staff_report("ada"))
    assert kept_report(tmp_path, "ada") == example_staff_report("ada")
    assert kept_report(tmp_path, "bob") is None
    path = tmp_path / "ada" / name
    content = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(b"" if harm == "empty" else content[: len(content) // 2])
    assert kept_report(tmp_path, "ada") is None


def test_one_run_at_a_time_writes_into_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with locked(folder):
        assert names(folder) == {LOCK}
        with (
            pytest.raises(UsageError, match="expected no other run that writes into this folder, got one"),
            locked(folder),
        ):
            raise AssertionError("two runs")
        write_report(folder, example_staff_report("ada"))
        with pytest.raises(UsageError, match="expected no other run"):
            rebuild(folder)
    assert names(folder) == {"ada"}
    rebuild(folder)
    (folder / LOCK).write_bytes(b"")  # of a run that was killed
    with locked(folder):
        pass
    assert not (folder / LOCK).exists()


def test_a_lock_that_is_taken_away_just_then_is_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, moments = fcntl.flock, iter([True])

    def flock(descriptor: int, operation: int) -> None:
        if next(moments, False):  # the other run ends between our opening its file and our locking it
            (tmp_path / LOCK).unlink()
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with locked(tmp_path), pytest.raises(UsageError, match="expected no other run"), locked(tmp_path):
        raise AssertionError("two runs, on two files")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_folder_that_cannot_be_locked_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*args: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with (
        pytest.raises(UsageError, match=f"expected a folder that can be written, got: {os.strerror(number)}"),
        locked(tmp_path),
    ):
        raise AssertionError("no lock")


def test_a_page_that_cannot_be_written_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_report(tmp_path, example_staff_report("ada"))
    _fail_at(monkeypatch, 0)
    with pytest.raises(NotWritten, match="it cannot be written: the disk is gone"):
        write_class_page(tmp_path)
    assert names(tmp_path) == {"ada"}


def test_rebuilding_makes_every_page_again(tmp_path: Path) -> None:
    for staff in example_class():
        write_report(tmp_path, staff)
    before = (tmp_path / "ada" / "report.html").read_bytes()
    for page in tmp_path.glob("*/report.html"):
        page.write_text("stale")
    index = rebuild(tmp_path)
    assert index == tmp_path / "index.html"
    assert (tmp_path / "ada" / "report.html").read_bytes() == before
    html = index.read_text(encoding="utf-8")
    assert html.count("report.html") >= len(example_class())
    assert html.index(">ada<") < html.index(">b.okonkwo<") < html.index(">l.dubois<")


def test_strange_student_ids_are_written_inside_the_folder(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    for student in ("../../escape", "/etc", "", ".", "a\0b", "<b>", "x" * 300, "index.html"):
        report = build_report(
            assignment="a", student=student, submission_sha256="", environment=ENVIRONMENT, exercises=[]
        )
        write_report(reports, StaffReport(report=report))
        assert (reports / student_folder(student) / "report.json").is_file()
    assert names(tmp_path) == {"reports"}
    assert len(names(reports)) == 8
    rebuild(reports)


def test_a_folder_without_reports_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected folders with a report\.staff\.json, got none"):
        rebuild(tmp_path)
    with pytest.raises(UsageError, match="got none"):
        rebuild(tmp_path / "missing")


def test_a_report_in_a_folder_of_someone_else_is_refused(tmp_path: Path) -> None:
    write_report(tmp_path, example_staff_report("ada"))
    (tmp_path / "ada").rename(tmp_path / "bob")
    with pytest.raises(UsageError, match="expected to find it in the folder ada, got bob"):
        rebuild(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"schema_version": "9.9"}', b"null"])
def test_a_broken_file_is_named_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "report.staff.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="expected a staff report, got a fault at") as caught:
        read_report(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_changed_points_are_refused(tmp_path: Path) -> None:
    write_report(tmp_path, example_staff_report("b.okonkwo"))
    path = tmp_path / "b.okonkwo" / "report.staff.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["report"]["grade"] = 100.0
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(UsageError, match="expected grade"):
        read_report(path)


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a readable file"):
        read_report(tmp_path / "report.staff.json")


def test_the_example_class_can_be_written(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "autograder.reports.example", str(tmp_path)]
    run = subprocess.run(command, check=True, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert Path(run.stdout.strip()) == tmp_path / "index.html"
    assert len(list(tmp_path.glob("*/report.html"))) == len(example_class())


def test_built_sums_add_up() -> None:
    checks = [
        CheckResult(id=str(i), title="t", device="cpu", outcome="passed", points=0.1, max_points=0.1) for i in range(30)
    ]
    report = build_report(assignment="a", student="s", submission_sha256="", environment=ENVIRONMENT, penalty=1.0,
                          exercises=[build_exercise("e", checks)])  # fmt: skip
    assert report.points == pytest.approx(3.0)
    assert report.grade == pytest.approx(200 / 3)
