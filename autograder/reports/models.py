"""The report as data: frozen, strict pydantic models with finite numbers whose sums are validated.

``Report`` is what a student may see: it has no field that could hold an expected value. ``StaffReport`` wraps it with
what only staff may see. Rendering (:mod:`autograder.reports.render`) is a function of these models and of nothing else.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

# Raised when a field is renamed, removed or means something else. A new field has a default, so that a report written
# before it can still be read, and does not raise it.
SCHEMA_VERSION: Literal["1.0"] = "1.0"
POINTS_TOLERANCE = 1e-6  # points are sums of a few hundred decimal fractions; float64 keeps 1e-12 of them
MESSAGE_CHARS = 2_000  # what a student reads about one check fits on a screen
STDOUT_TAIL_CHARS = 8_000  # the end of what the student's code printed
Outcome = Literal["passed", "failed", "timed_out", "crashed", "out_of_memory", "blocked", "not_run", "not_graded"]
OUTCOMES: tuple[Outcome, ...] = (
    "passed", "failed", "timed_out", "crashed", "out_of_memory", "blocked", "not_run", "not_graded",
)  # fmt: skip

Text = Annotated[str, StringConstraints(max_length=MESSAGE_CHARS)]
Points = Annotated[float, Field(ge=0)]


class Model(BaseModel):
    """What all models of the report share: frozen, no unknown fields, no NaN and no infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Comparison(Model):
    """How far an output was from what was expected, in numbers that do not give the answer away."""

    expected_shape: tuple[int, ...] | None = None
    actual_shape: tuple[int, ...] | None = None
    dtype: str | None = None
    max_abs_error: float | None = Field(default=None, description="largest absolute error, one significant digit")
    mismatched_fraction: float | None = Field(
        default=None, ge=0, le=1, description="share of entries outside the tolerance"
    )


class BoxPicture(Model):
    """Rectangles to draw over each other, corners ``(x1, y1, x2, y2)``; an example, never a hidden input."""

    kind: Literal["boxes"] = "boxes"
    caption: Text = ""
    boxes: tuple[tuple[float, float, float, float], ...]
    labels: tuple[Text, ...] = ()


class CurvePicture(Model):
    """Curves to draw in one frame; an example, never a hidden input."""

    kind: Literal["curves"] = "curves"
    caption: Text = ""
    x_label: Text = ""
    y_label: Text = ""
    curves: tuple[tuple[tuple[float, float], ...], ...]
    labels: tuple[Text, ...] = ()


Picture = Annotated[BoxPicture | CurvePicture, Field(discriminator="kind")]


class CheckResult(Model):
    """One graded statement about the student's code, on one device."""

    id: str
    title: Text
    device: str
    outcome: Outcome
    points: Points
    max_points: Points
    message: Text = ""
    hint: Text = ""
    misconception: Text = ""
    duration_s: Annotated[float, Field(ge=0)] = Field(
        default=0.0, description="0: how long a check took depends on hidden inputs, and is for staff"
    )
    comparison: Comparison | None = None
    picture: Picture | None = None

    @model_validator(mode="after")
    def _points_follow_the_outcome(self) -> CheckResult:
        earned = self.max_points if self.outcome == "passed" else 0.0
        if not math.isclose(self.points, earned, abs_tol=POINTS_TOLERANCE):
            raise ValueError(f"check {self.id}: expected {earned} points for {self.outcome}, got {self.points}")
        return self


class ExerciseResult(Model):
    """The checks of one exercise and their sum."""

    name: str
    points: Points
    max_points: Points
    checks: tuple[CheckResult, ...]

    @model_validator(mode="after")
    def _sums(self) -> ExerciseResult:
        _expect_sum(f"exercise {self.name}: points", self.points, (check.points for check in self.checks))
        _expect_sum(f"exercise {self.name}: max_points", self.max_points, (c.max_points for c in self.checks))
        return self


def decisive(exercise: ExerciseResult) -> tuple[CheckResult, ...]:
    """Return the checks without those that repeat one with points on another device, for none."""
    worth = {check.title for check in exercise.checks if check.max_points}
    return tuple(check for check in exercise.checks if check.max_points or check.title not in worth)


class Sources(Model):
    """The SHA-256 of each thing that decides points beside the submission; a folder's is of its files and names."""

    checks: str = Field(description="the hidden checks and the misconceptions, tests/hidden")
    reference: str = Field(description="the references, reference/")
    release: str = Field(description="the notebook that students received")
    course: str = Field(description="course.toml")
    harness: str = Field(description="the package autograder")


class AppliedLimits(Model):
    """The limits of ``course.toml`` that applied to the topic: seconds and MiB."""

    call_s: float = Field(description="wall-clock seconds of one call")
    cell_s: float = Field(description="of one cell while the submission is loaded")
    total_s: float = Field(description="of all code of the submission")
    memory_mib: int
    scratch_mib: int


class Environment(Model):
    """What graded: versions, devices, the sandbox's active layers, the sources and limits that applied, and when."""

    python: str
    torch: str
    torchvision: str
    platform: str
    devices: tuple[str, ...]
    sandbox_layers: tuple[str, ...]
    grader_sha256: str = Field(description="all of the sources, and the versions of what computes, in one hash")
    started_at: str = Field(description="ISO 8601, UTC")
    duration_s: Annotated[float, Field(ge=0)] = Field(description="of the whole submission, in tens of seconds")
    sources: Sources | None = Field(default=None, description="null in a report written before there was this field")
    limits: AppliedLimits | None = Field(
        default=None, description="null in a report written before there was this field"
    )


class Incident(Model):
    """Something that a person should know: a cell that failed, a process that died, a fault of ours."""

    kind: str
    check: str = Field(default="", description="the id of the check it happened in, or empty")
    detail: Text = ""


class Report(Model):
    """The report of one submission, as its student may see it."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    assignment: str
    student: str
    submission_sha256: str
    submitted_at: str | None = Field(default=None, description="ISO 8601, as the submission's folder says")
    late_seconds: Annotated[float, Field(ge=0)] = 0.0
    penalty: Points = 0.0
    environment: Environment
    exercises: tuple[ExerciseResult, ...]
    points: Points
    max_points: Points
    points_not_graded: Points = Field(
        default=0.0, description="points of checks that are not graded yet, through no fault of the student"
    )
    grade: Annotated[float, Field(ge=0, le=100)] | None = Field(
        description="100 * (points - penalty) / max_points, not below 0; null while a check is not graded"
    )
    incidents: tuple[Incident, ...] = ()
    stdout_tail: Annotated[str, StringConstraints(max_length=STDOUT_TAIL_CHARS)] = ""

    @model_validator(mode="after")
    def _sums(self) -> Report:
        _expect_sum("report: points", self.points, (exercise.points for exercise in self.exercises))
        _expect_sum("report: max_points", self.max_points, (exercise.max_points for exercise in self.exercises))
        waiting = [check.max_points for check in self.checks if check.outcome == "not_graded"]
        _expect_sum("report: points_not_graded", self.points_not_graded, waiting)
        expected = None if self.has_not_graded else grade_of(self.points, self.max_points, self.penalty)
        if (self.grade is None) != (expected is None) or (
            self.grade is not None and expected is not None and abs(self.grade - expected) > POINTS_TOLERANCE
        ):
            raise ValueError(f"report: expected grade {expected}, got {self.grade}")
        return self

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """Every check of every exercise, in order."""
        return tuple(check for exercise in self.exercises for check in exercise.checks)

    @property
    def has_not_graded(self) -> bool:
        """Whether some check could not be judged, through a fault of ours."""
        return any(check.outcome == "not_graded" for check in self.checks)


class StaffDetail(Model):
    """What only staff may see about one check."""

    check: str
    device: str
    expected: str = ""
    actual: str = ""
    traceback: str = ""


class StaffTime(Model):
    """How long one check took, in seconds."""

    check: str
    device: str
    duration_s: Annotated[float, Field(ge=0)]


class StaffReport(Model):
    """A student's report with the details that only staff may see."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    report: Report
    incidents: tuple[Incident, ...] = ()
    details: tuple[StaffDetail, ...] = ()
    duration_s: Annotated[float, Field(ge=0)] = 0.0
    times: tuple[StaffTime, ...] = ()


def grade_of(points: float, max_points: float, penalty: float = 0.0) -> float:
    """Return the grade in percent of ``max_points``, not below 0; nothing to earn is grade 0."""
    return max(0.0, min(100.0, 100.0 * (points - penalty) / max_points)) if max_points > 0 else 0.0


def _expect_sum(subject: str, total: float, parts: object) -> None:
    expected = math.fsum(parts)  # type: ignore[arg-type]
    if not math.isclose(total, expected, abs_tol=POINTS_TOLERANCE):
        raise ValueError(f"{subject}: expected {expected}, got {total}")
