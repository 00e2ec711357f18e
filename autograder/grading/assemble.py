"""From verdicts to the report: a pure function, and the only place that decides what a student reads."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.boundary.student import CellFailure
from autograder.course import TopicTable
from autograder.grading.devices import CPU
from autograder.grading.plugin import Verdict
from autograder.reports.build import build_exercise, build_report
from autograder.reports.models import (
    MESSAGE_CHARS,
    CheckResult,
    Environment,
    Incident,
    StaffDetail,
    StaffReport,
    StaffTime,
)
from autograder.reports.text import clean_text
from autograder.submissions.submission import TIMESTAMP, Submission

SECONDS_PER_DAY = 86_400
DURATION_STEP_S = 10.0
INTERRUPTIONS = ("timed_out", "crashed", "out_of_memory", "blocked")


@dataclass(frozen=True)
class Ran:
    """What running the checks of one submission left behind."""

    verdicts: Sequence[Verdict]
    failures: Sequence[CellFailure] = ()
    ignored: Sequence[tuple[str, str]] = ()
    stdout_tail: str = ""


def assemble(
    assignment: str, table: TopicTable, submission: Submission, ran: Ran, environment: Environment, show: str
) -> StaffReport:
    """Build the report of one submission.

    Args:
        assignment: the topic's word.
        table: its table in ``course.toml``, for the deadline.
        submission: what was graded.
        ran: what came out.
        environment: what graded.
        show: the feedback policy of ``course.toml``.
    """
    names = list(dict.fromkeys(verdict.check.spec.exercise for verdict in ran.verdicts))
    exercises = tuple(
        build_exercise(name, (_check(verdict, show) for verdict in ran.verdicts if verdict.check.spec.exercise == name))
        for name in names
    )
    late_seconds, penalty = _late(table, submission.submitted_at)
    report = build_report(
        assignment=assignment,
        student=submission.student,
        submission_sha256=submission.sha256,
        submitted_at=submission.submitted_at.isoformat() if submission.submitted_at else None,
        late_seconds=late_seconds,
        penalty=penalty,
        environment=environment.model_copy(update={"duration_s": _in_steps(environment.duration_s)}),
        exercises=exercises,
        incidents=_incidents(table, submission, ran, show),
        stdout=ran.stdout_tail if show != "nothing" else "",
    )
    faults = [
        Incident(kind="grader-fault", check=check, detail=clean_text(fault, MESSAGE_CHARS))
        for check, fault in _faults(ran.verdicts)
    ]
    details = [
        StaffDetail(
            check=verdict.check.id,
            device=verdict.check.device,
            expected=clean_text(verdict.staff, MESSAGE_CHARS),
            actual=clean_text(verdict.message, MESSAGE_CHARS),
            traceback=clean_text(verdict.traceback, 2 * MESSAGE_CHARS),
        )
        for verdict in ran.verdicts
        if verdict.staff or verdict.traceback or (verdict.message and show == "nothing")
    ]
    times = [
        StaffTime(check=verdict.check.id, device=verdict.check.device, duration_s=round(verdict.duration_s, 6))
        for verdict in ran.verdicts
    ]
    return StaffReport(
        report=report,
        incidents=tuple(faults),
        details=tuple(details),
        duration_s=environment.duration_s,
        times=tuple(times),
    )


def _in_steps(duration_s: float) -> float:
    """Return a duration as students may read it, rounded up.

    Their code sees the hidden inputs and decides how long it runs: seconds, and those of each check all the more, would
    tell what it has seen, also where nothing else is shown.
    """
    return math.ceil(duration_s / DURATION_STEP_S) * DURATION_STEP_S


def unreadable(verdicts: Sequence[Verdict], why: str) -> Ran:
    """Return what a submission that cannot be read leaves behind: every check failed, and says why."""
    for verdict in verdicts:
        verdict.outcome, verdict.message = "failed", f"the submission cannot be read: {why}"
    return Ran(verdicts)


def _faults(verdicts: Sequence[Verdict]) -> list[tuple[str, str]]:
    """Return our faults by check: the same one on several devices once, one of an accelerator alone with its name."""
    found: dict[tuple[str, str], None] = {}
    for verdict in verdicts:
        check = verdict.check
        for fault in verdict.faults:
            if (check.id, fault) not in found:
                is_first = check.device == CPU or check.judges_placement
                found[check.id, fault if is_first else f"on {check.device}: {fault}"] = None
    return list(found)


def _check(verdict: Verdict, show: str) -> CheckResult:
    spec = verdict.check.spec
    has_passed = verdict.outcome == "passed"
    result = CheckResult(
        id=verdict.check.id,
        title=clean_text(verdict.check.title, MESSAGE_CHARS),
        device=verdict.check.device,
        outcome=verdict.outcome,
        points=spec.points if has_passed else 0.0,
        max_points=spec.points,
    )
    if has_passed or show == "nothing":
        return result
    if verdict.outcome == "not_graded":
        return result.model_copy(
            update={"message": "This check could not be judged. The fault is ours; it costs nothing."}
        )
    if verdict.outcome == "not_run":
        return result.model_copy(update={"message": clean_text(verdict.message, MESSAGE_CHARS)})
    is_wrong = verdict.outcome == "failed" and not verdict.is_absent
    return result.model_copy(
        update={
            "message": clean_text(verdict.message, MESSAGE_CHARS),
            "hint": spec.hint if is_wrong else "",
            "misconception": verdict.misconception,
            "comparison": verdict.comparison,
            "picture": spec.picture if is_wrong else None,
        }
    )


def _incidents(table: TopicTable, submission: Submission, ran: Ran, show: str) -> list[Incident]:
    found = [("unreadable", "", submission.unreadable)] if submission.unreadable else []
    if table.deadline is not None and table.late_penalty_per_day and submission.submitted_at is None:
        found.append(
            ("unknown-time", "", f"no {TIMESTAMP} says when it was handed in: nothing was taken off for being late")
        )
    found += [(oddity.kind, "", oddity.detail) for oddity in submission.oddities]
    found += [("magic", "", f"{label}: {line!r} was left out") for label, line in ran.ignored]
    found += [
        ("cell-failed", "", f"{failure.label} did not run to its end: {failure.reason}")
        for failure in ran.failures
        if not failure.is_unfinished
    ]
    found += [
        (verdict.outcome.replace("_", "-"), verdict.check.id, "" if show == "nothing" else verdict.message)
        for verdict in ran.verdicts
        if verdict.outcome in INTERRUPTIONS
    ]
    return [Incident(kind=kind, check=check, detail=clean_text(detail, MESSAGE_CHARS)) for kind, check, detail in found]


def _late(table: TopicTable, submitted_at: datetime.datetime | None) -> tuple[float, float]:
    """Return the seconds after the deadline and the points that they cost."""
    if table.deadline is None or submitted_at is None:
        return 0.0, 0.0
    deadline = table.deadline if table.deadline.tzinfo else table.deadline.replace(tzinfo=datetime.UTC)
    late = max(0.0, (submitted_at - deadline).total_seconds())
    return late, table.late_penalty_per_day * math.ceil(late / SECONDS_PER_DAY)
