"""From verdicts to the report: what a student reads, what only staff read, and what being late costs."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any, cast

import pytest

from autograder.boundary.student import CellFailure
from autograder.checks.language import CheckSpec
from autograder.course import TopicTable
from autograder.errors import StudentError, StudentRaised
from autograder.grading.assemble import Ran, assemble, unreadable
from autograder.grading.plugin import Check, Verdict
from autograder.reports.example import ENVIRONMENT
from autograder.reports.models import Comparison, CurvePicture, Outcome, StaffReport
from autograder.reports.render import render_report
from autograder.submissions.submission import Oddity, Submission

PICTURE = CurvePicture(curves=(((0.0, 0.0), (1.0, 1.0)),))
COMPARISON = Comparison(expected_shape=(2,), actual_shape=(3,))


def verdict(
    name: str = "check_a", outcome: Outcome = "passed", exercise: str = "double", points: float = 2.0, **said: Any
) -> Verdict:
    spec = CheckSpec(points, exercise, "Think twice.", PICTURE)
    check = Check(name, f"The title of {name}.", "cpu", spec, cast(pytest.Item, None))
    return Verdict(check, outcome, duration_s=0.5, **said)


def failed(name: str = "check_b", **said: Any) -> Verdict:
    defaults = {"message": "double: wrong value", "misconception": "Squared", "comparison": COMPARISON, "staff": "6.0"}
    return verdict(name, "failed", **{**defaults, **said})


def submission(**changes: Any) -> Submission:
    return Submission("ada", (), "__main__", {}, "0" * 64, **changes)


def report_of(
    verdicts: Sequence[Verdict],
    handed_in: Submission | None = None,
    show: str = "hints",
    table: TopicTable | None = None,
    **ran: Any,
) -> StaffReport:
    table = table or TopicTable(points=4)
    return assemble("toy", table, handed_in or submission(), Ran(verdicts, **ran), ENVIRONMENT, show)


def incidents(staff: StaffReport) -> list[tuple[str, str, str]]:
    return [(incident.kind, incident.check, incident.detail) for incident in staff.report.incidents]


def test_checks_are_grouped_by_exercise_in_order() -> None:
    staff = report_of([verdict("check_a"), failed("check_b", exercise="halve"), verdict("check_c", points=0.5)])
    assert [(e.name, [c.id for c in e.checks], e.points, e.max_points) for e in staff.report.exercises] == [
        ("double", ["check_a", "check_c"], 2.5, 2.5),
        ("halve", ["check_b"], 0.0, 2.0),
    ]
    assert (staff.report.points, staff.report.max_points) == (2.5, 4.5)


def test_a_failed_check_is_explained() -> None:
    (check,) = report_of([failed()]).report.checks
    assert (check.outcome, check.points, check.max_points) == ("failed", 0.0, 2.0)
    assert (check.message, check.hint, check.misconception) == ("double: wrong value", "Think twice.", "Squared")
    assert (check.comparison, check.picture) == (COMPARISON, PICTURE)


def test_a_passed_check_needs_no_explanation() -> None:
    (check,) = report_of([verdict(message="left over", misconception="left over")]).report.checks
    assert (check.message, check.hint, check.misconception, check.picture) == ("", "", "", None)


def test_hints_are_for_wrong_answers_and_not_for_accidents() -> None:
    (check,) = report_of([verdict("check_a", "timed_out", message="double: ran for more than 1 s")]).report.checks
    assert (check.message, check.hint, check.picture) == ("double: ran for more than 1 s", "", None)


def test_the_policy_nothing_blanks_all_but_the_points() -> None:
    verdicts = [verdict(), failed(), verdict("check_c", "crashed", message="the inputs were [3, 4]")]
    staff = report_of(verdicts, show="nothing", stdout_tail="the inputs were [3, 4]")
    assert [(check.outcome, check.points) for check in staff.report.checks] == [
        ("passed", 2.0),
        ("failed", 0.0),
        ("crashed", 0.0),
    ]
    for check in staff.report.checks:
        assert (check.message, check.hint, check.misconception) == ("", "", "")
        assert (check.comparison, check.picture) == (None, None)
    assert staff.report.stdout_tail == ""
    assert incidents(staff) == [("crashed", "check_c", "")]
    assert "inputs" not in staff.report.model_dump_json()
    assert [(detail.check, detail.actual) for detail in staff.details] == [
        ("check_b", "double: wrong value"),
        ("check_c", "the inputs were [3, 4]"),
    ]


def test_the_policy_hints_shows_what_was_printed() -> None:
    assert report_of([verdict()], stdout_tail="hello").report.stdout_tail == "hello"


def test_a_fault_of_ours_is_said_to_staff_and_leaves_the_grade_open() -> None:
    broken = verdict("check_b", "not_graded", faults=["TypeError: oops"], traceback="Traceback: line 7")
    staff = report_of([verdict(), broken])
    assert (staff.report.points, staff.report.points_not_graded, staff.report.grade) == (2.0, 2.0, None)
    assert staff.report.checks[1].message == "This check could not be judged. The fault is ours; it costs nothing."
    assert [(fault.kind, fault.check, fault.detail) for fault in staff.incidents] == [
        ("grader-fault", "check_b", "TypeError: oops")
    ]
    assert "Traceback: line 7" in staff.details[0].traceback
    assert "line 7" not in staff.report.model_dump_json()
    assert "oops" not in staff.report.model_dump_json()


def test_an_unreadable_submission_fails_every_check_and_says_why() -> None:
    verdicts = [verdict(), failed(), verdict("check_c", "not_graded", faults=["ours"])]
    handed_in = submission(unreadable="expected JSON, got none")
    staff = assemble(
        "toy", TopicTable(points=4), handed_in, unreadable(verdicts, handed_in.unreadable), ENVIRONMENT, "hints"
    )
    for check in staff.report.checks:
        assert check.outcome == "failed"
        assert check.message == "the submission cannot be read: expected JSON, got none"
    assert incidents(staff) == [("unreadable", "", "expected JSON, got none")]
    assert (staff.report.points, staff.report.max_points, staff.report.grade) == (0.0, 6.0, 0.0)


def test_everything_odd_is_an_incident() -> None:
    staff = report_of(
        [verdict("check_a", "timed_out", message="double: ran for more than 1 s"), verdict("check_b", "out_of_memory"),
         verdict("check_c", "blocked"), failed("check_d")],
        submission(oddities=(Oddity("empty-cell", "cell halve is empty"),)),
        ignored=[("cell double", "%matplotlib inline")],
        failures=[
            CellFailure("cell a", "a", StudentRaised("cell a", ("ValueError", "Exception"), "bad"), is_fatal=False),
            CellFailure("cell b", "b", StudentRaised("cell b", ("NotImplementedError",), ""), is_fatal=False),
            CellFailure("cell c", "c", StudentError("cell c: its process ended"), is_fatal=True),
        ],
    )  # fmt: skip
    assert incidents(staff) == [
        ("empty-cell", "", "cell halve is empty"),
        ("magic", "", "cell double: '%matplotlib inline' was left out"),
        ("cell-failed", "", "cell a did not run to its end: raised ValueError: bad"),
        ("cell-failed", "", "cell c did not run to its end: its process ended"),
        ("timed-out", "check_a", "double: ran for more than 1 s"),
        ("out-of-memory", "check_b", ""),
        ("blocked", "check_c", ""),
    ]


def test_texts_of_the_student_are_plain_and_short() -> None:
    staff = report_of([failed(message="\x1b[31mred\x00 \u202e" + "x" * 10_000)], submission(unreadable=""))
    message = staff.report.checks[0].message
    assert message.startswith("red ⟨U+202E⟩xxx")
    assert len(message) == 2_000


DEADLINE = datetime.datetime(2024, 11, 21, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))


@pytest.mark.parametrize(
    ("late_s", "penalty"),
    [(-60, 0.0), (0, 0.0), (1, 1.5), (86_400, 1.5), (86_401, 3.0), (10 * 86_400, 15.0)],
)
def test_each_day_that_has_begun_costs_points(late_s: int, penalty: float) -> None:
    handed_in = submission(submitted_at=DEADLINE + datetime.timedelta(seconds=late_s))
    table = TopicTable(points=4, deadline=DEADLINE, late_penalty_per_day=1.5)
    report = report_of([verdict(points=10.0)], handed_in, table=table).report
    assert (report.late_seconds, report.penalty) == (max(0, late_s), penalty)
    assert report.points == 10.0
    assert report.grade == max(0.0, 100.0 * (10.0 - penalty) / 10.0)
    assert report.submitted_at == handed_in.submitted_at.isoformat() if handed_in.submitted_at else False


def test_a_deadline_without_a_time_zone_is_in_utc() -> None:
    table = TopicTable(points=4, deadline=datetime.datetime(2024, 11, 21, 12), late_penalty_per_day=1.0)
    at = datetime.datetime(2024, 11, 21, 12, 30, tzinfo=datetime.UTC)
    assert report_of([verdict()], submission(submitted_at=at), table=table).report.late_seconds == 1_800


def test_without_a_deadline_or_a_time_stamp_nobody_is_late() -> None:
    at = datetime.datetime(2034, 1, 1, tzinfo=datetime.UTC)
    assert report_of([verdict()], submission(submitted_at=at)).report.penalty == 0.0
    table = TopicTable(points=4, deadline=DEADLINE, late_penalty_per_day=1.0)
    report = report_of([verdict()], table=table).report
    assert (report.late_seconds, report.penalty, report.submitted_at) == (0.0, 0.0, None)


def test_that_a_penalty_could_not_be_taken_is_said() -> None:
    """Who removes the time stamp is not fined, and staff read of it."""
    table = TopicTable(points=4, deadline=DEADLINE, late_penalty_per_day=1.0)
    (incident,) = report_of([verdict()], table=table).report.incidents
    assert incident.kind == "unknown-time"
    assert incident.detail == "no timestamp.txt says when it was handed in: nothing was taken off for being late"
    at = DEADLINE - datetime.timedelta(days=1)
    for without in (table.model_copy(update={"late_penalty_per_day": 0.0}), TopicTable(points=4)):
        assert report_of([verdict()], table=without).report.incidents == ()
    assert report_of([verdict()], submission(submitted_at=at), table=table).report.incidents == ()


@pytest.mark.parametrize("show", ["hints", "nothing"])
def test_what_students_read_does_not_depend_on_how_long_their_code_ran(show: str) -> None:
    """Their code sees the hidden inputs and could sleep for as long as one of them is large."""

    def read(check_s: float, whole_s: float) -> StaffReport:
        ran = failed()
        ran.duration_s = check_s
        environment = ENVIRONMENT.model_copy(update={"duration_s": whole_s})
        return assemble("toy", TopicTable(points=4), submission(), Ran([ran]), environment, show)

    quick, slow = read(0.25, 1.5), read(4.75, 9.5)
    assert quick.report == slow.report
    assert render_report(quick.report) == render_report(slow.report)
    assert (quick.report.environment.duration_s, read(0.0, 10.01).report.environment.duration_s) == (10.0, 20.0)
    assert {check.duration_s for check in quick.report.checks} == {0.0}
    assert (slow.duration_s, slow.times[0].duration_s) == (9.5, 4.75)
    assert (slow.times[0].check, slow.times[0].device) == ("check_b", "cpu")
