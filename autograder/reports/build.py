"""Putting a report together: the sums are computed here, once, so that no caller has to get them right."""

from __future__ import annotations

import math
from collections.abc import Iterable

from autograder.reports.models import (
    STDOUT_TAIL_CHARS,
    CheckResult,
    Environment,
    ExerciseResult,
    Incident,
    Report,
    grade_of,
)
from autograder.reports.text import clean_tail


def build_exercise(name: str, checks: Iterable[CheckResult]) -> ExerciseResult:
    """Return an exercise with the sums of its checks."""
    results = tuple(checks)
    return ExerciseResult(
        name=name,
        points=math.fsum(check.points for check in results),
        max_points=math.fsum(check.max_points for check in results),
        checks=results,
    )


def build_report(
    *,
    assignment: str,
    student: str,
    submission_sha256: str,
    environment: Environment,
    exercises: Iterable[ExerciseResult],
    submitted_at: str | None = None,
    late_seconds: float = 0.0,
    penalty: float = 0.0,
    incidents: Iterable[Incident] = (),
    stdout: str = "",
) -> Report:
    """Return a report with its sums, its grade (``None`` while a check is not graded) and the end of ``stdout``."""
    graded = tuple(exercises)
    checks = [check for exercise in graded for check in exercise.checks]
    waiting = [check.max_points for check in checks if check.outcome == "not_graded"]
    points = math.fsum(exercise.points for exercise in graded)
    max_points = math.fsum(exercise.max_points for exercise in graded)
    return Report(
        assignment=assignment,
        student=student,
        submission_sha256=submission_sha256,
        submitted_at=submitted_at,
        late_seconds=late_seconds,
        penalty=penalty,
        environment=environment,
        exercises=graded,
        points=points,
        max_points=max_points,
        points_not_graded=math.fsum(waiting),
        grade=None if waiting else grade_of(points, max_points, penalty),
        incidents=tuple(incidents),
        stdout_tail=clean_tail(stdout, STDOUT_TAIL_CHARS),
    )
