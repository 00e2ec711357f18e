"""A made-up class, to look at the pages without grading anything: ``python -m autograder.reports.example DIR``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from autograder.reports.build import build_exercise, build_report
from autograder.reports.models import (
    BoxPicture,
    CheckResult,
    Comparison,
    CurvePicture,
    Environment,
    Incident,
    Outcome,
    Picture,
    StaffDetail,
    StaffReport,
)
from autograder.reports.store import write_class_page, write_report

DEVICES = ("cpu", "simgpu", "cuda")
ENVIRONMENT = Environment(
    python="3.11.7",
    torch="2.13.0+cpu",
    torchvision="0.28.0",
    platform="Linux x86_64",
    devices=("cpu", "simgpu"),
    sandbox_layers=("namespaces", "landlock", "seccomp", "rlimits", "cgroup v2", "unprivileged uid"),
    grader_sha256=sha256(b"grader").hexdigest(),
    started_at="2024-11-28T18:30:12Z",
    duration_s=0.412,
)
TOUCHING = BoxPicture(
    caption="Two boxes that overlap in one corner. The shaded area is the intersection.",
    boxes=((0.0, 0.0, 4.0, 3.0), (2.0, 1.0, 6.0, 5.0)),
    labels=("boxes1", "boxes2"),
)
PRECISION_RECALL = CurvePicture(
    caption="Precision over recall, and its interpolation.",
    x_label="recall",
    y_label="precision",
    curves=(
        ((0.2, 1.0), (0.4, 1.0), (0.4, 0.67), (0.4, 0.5), (0.4, 0.4), (0.6, 0.5)),
        ((0.0, 1.0), (0.4, 1.0), (0.4, 0.5), (0.6, 0.5), (0.6, 0.0), (1.0, 0.0)),
    ),
    labels=("as ranked", "interpolated"),
)


@dataclass(frozen=True)
class Statement:
    """A check as its author wrote it, with what it says when it fails."""

    id: str
    title: str
    points: float
    message: str = ""
    hint: str = ""
    misconception: str = ""
    comparison: Comparison | None = None
    picture: Picture | None = None


EXERCISES: dict[str, tuple[Statement, ...]] = {
    "box_iou": (
        Statement("check_shape", "The result has one row per first box and one column per second box", 1,
                  "box_iou: expected shape (3, 2), got (2, 3). Rows are `boxes1`, columns are `boxes2`.",
                  "`boxes1[:, None]` and `boxes2[None]` broadcast to the right shape.",
                  comparison=Comparison(expected_shape=(3, 2), actual_shape=(2, 3))),
        Statement("check_identical", "A box has IoU 1 with itself", 1),
        Statement("check_disjoint", "Boxes that do not overlap have IoU 0", 2,
                  "box_iou: wrong for boxes that are apart. What is the width of their intersection?",
                  "`Tensor.clamp` keeps lengths at zero or above.", "Widths and heights are not clamped at zero",
                  Comparison(expected_shape=(4, 4), actual_shape=(4, 4), mismatched_fraction=0.625, max_abs_error=0.3),
                  TOUCHING),
        Statement("check_touching", "Boxes that only touch have IoU 0", 1,
                  "box_iou: wrong for boxes that only touch. What is their intersection?"),
        Statement("check_empty", "No boxes give an empty result", 1,
                  "box_iou: raised IndexError: index 0 is out of bounds (line 4 of cell box_iou)",
                  "An empty set of boxes has shape `(0, 4)`."),
        Statement("check_no_side_effect", "The inputs stay as they are", 1),
    ),
    "softmax_cross_entropy": (
        Statement("check_small", "The loss of small logits is right", 2),
        Statement("check_large", "The loss stays finite for logits of 1000", 2,
                  "softmax_cross_entropy: not finite for large logits.",
                  "Subtract the largest logit of each row first: the loss does not change.",
                  "The exponential is taken without subtracting the maximum"),
        Statement("check_gradient", "The gradient is softmax minus one-hot", 2,
                  "softmax_cross_entropy: the gradient is wrong by a constant factor.",
                  misconception="The sum over the batch is returned, not the mean",
                  comparison=Comparison(dtype="float32", mismatched_fraction=1.0, max_abs_error=0.8)),
    ),
    "average_precision": (
        Statement("check_ranking", "Predictions are ranked by their score", 1),
        Statement("check_interpolated", "Precision is interpolated before it is averaged", 3,
                  "average_precision: expected the area under the interpolated curve, got the area under the raw one.",
                  "At each recall, take the largest precision at that recall or a higher one.",
                  picture=PRECISION_RECALL),
        Statement("check_no_ground_truth", "Without true boxes the result follows the docstring", 1),
    ),
}  # fmt: skip
FAULTS: dict[str, dict[str, Outcome]] = {
    "ada": {},
    "b.okonkwo": {"check_disjoint": "failed", "check_touching": "failed", "check_large": "failed"},
    "chen.li": {"check_large": "failed", "check_interpolated": "failed"},
    "d.müller": {"check_shape": "failed", "check_disjoint": "failed", "check_gradient": "failed",
                 "check_interpolated": "failed", "check_empty": "crashed"},
    "e.rossi": {"check_large": "timed_out"},
    "f.haddad": {"check_gradient": "not_graded", "check_disjoint": "failed"},
    "g.novak": {statement.id: "failed" for statements in EXERCISES.values() for statement in statements},
    "h.sato": {"check_small": "blocked", "check_gradient": "out_of_memory"},
    "i.silva": {"check_touching": "failed"},
    "j.smith": {"check_disjoint": "failed", "check_large": "failed", "check_gradient": "failed"},
    "k.larsen": {},
    "l.dubois": {"check_interpolated": "failed", "check_no_ground_truth": "failed"},
}  # fmt: skip
ONLY_ON_SIMGPU = frozenset({"check_empty"})


def example_staff_report(student: str = "b.okonkwo", faults: dict[str, Outcome] | None = None) -> StaffReport:
    """Return the report of a made-up student in whose work the given checks have the given outcomes."""
    outcomes = FAULTS.get(student, {}) if faults is None else faults
    exercises = [
        build_exercise(name, (
            _result(name, statement, device, outcomes.get(statement.id, "passed"))
            for statement in statements
            for device in DEVICES
        ))
        for name, statements in EXERCISES.items()
    ]  # fmt: skip
    checks = [check for exercise in exercises for check in exercise.checks]
    died = [Incident(kind="worker_died", check=check.id, detail="The process ended; the next check got a fresh one.")
            for check in checks if check.outcome in ("crashed", "out_of_memory")]  # fmt: skip
    ours = [Incident(kind="harness_error", check=check.id, detail="KeyError: 'weight' in the hidden check, line 12")
            for check in checks if check.outcome == "not_graded"]  # fmt: skip
    late = student.startswith("d.")
    return StaffReport(
        report=build_report(
            assignment="detection",
            student=student,
            submission_sha256=sha256(student.encode()).hexdigest(),
            environment=ENVIRONMENT,
            exercises=exercises,
            submitted_at="2024-11-28T20:05:00+01:00" if late else "2024-11-28T16:48:30+01:00",
            late_seconds=7500.0 if late else 0.0,
            penalty=1.5 if late else 0.0,
            incidents=died,
            stdout="epoch 1: loss 2.303\nepoch 2: loss 1.871\nepoch 3: loss 1.640\nPASSED\n",
        ),
        incidents=tuple(ours),
        details=tuple(
            StaffDetail(check=check.id, device=check.device, expected="0.142857", actual="0.3", traceback="line 12")
            for check in checks
            if check.outcome not in ("passed", "not_run")
        ),
    )


def example_class() -> tuple[StaffReport, ...]:
    """Return the reports of a made-up class."""
    return tuple(example_staff_report(student) for student in FAULTS)


def _result(exercise: str, statement: Statement, device: str, outcome: Outcome) -> CheckResult:
    worth = 0.0 if device == "cuda" else statement.points / 2
    identity = f"{exercise}/{statement.id}[{device}]"
    if device == "cuda":
        return CheckResult(id=identity, title=statement.title, device=device, outcome="not_run", points=0,
                           max_points=0, message="cuda: not run, because this machine has no GPU.")  # fmt: skip
    if device == "cpu" and statement.id in ONLY_ON_SIMGPU:
        outcome = "passed"
    if outcome != "failed":
        return CheckResult(id=identity, title=statement.title, device=device, outcome=outcome,
                           points=worth if outcome == "passed" else 0, max_points=worth,
                           duration_s=5.0 if outcome == "timed_out" else 0.004)  # fmt: skip
    return CheckResult(
        id=identity,
        title=statement.title,
        device=device,
        outcome=outcome,
        points=0,
        max_points=worth,
        message=statement.message,
        hint=statement.hint,
        misconception=statement.misconception,
        duration_s=0.0041,
        comparison=statement.comparison,
        picture=statement.picture,
    )


def write_example(target: Path) -> Path:
    """Write the made-up class into ``target`` and return its class page."""
    for staff in example_class():
        write_report(target, staff)
    return write_class_page(target)


if __name__ == "__main__":
    print(write_example(Path(sys.argv[1])))
