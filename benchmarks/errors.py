"""How far right answers are from the oracle: the largest relative error of every check, by dtype and device.

Run: ``python benchmarks/errors.py [--topic TOPIC] [--device auto|cpu|simgpu|cuda] [FILE ...]``

The files (by default the solution) must be right: they are graded, and every comparison of numbers in a check is
noted as ``max |actual - expected| / max |expected|`` in float64. What is printed is a Markdown table; tolerances
(``autograder/checks/tolerance.py``, and the named constants of the hidden checks) have to stay above it.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from autograder.boundary.student import Student
from autograder.checks.expect import current_run, measuring
from autograder.course import Course
from autograder.grading.devices import CHOICES, CUDA
from autograder.grading.grader import _job_of, open_nursery, run_checks
from autograder.reports.models import StaffReport
from autograder.submissions.submission import Located

ROOT = Path(__file__).resolve().parents[1]
Errors = dict[tuple[str, str], dict[str, float]]


def measure(topic: str, files: Sequence[Path], device: str) -> tuple[Errors, tuple[str, ...]]:
    """Return the largest error by check and dtype and then device, and the devices."""
    errors: Errors = {}
    lost: list[str] = []

    def observe(dtype: str, actual: Tensor, expected: Tensor) -> None:
        run = current_run.get()
        assert run is not None
        assert run.student is not None
        by_device = errors.setdefault((run.check, dtype), {})
        by_device[run.student.device] = max(by_device.get(run.student.device, 0.0), _relative(actual, expected))

    def answer(staff: StaffReport, student: Student) -> None:
        lost.extend(f"{c.id} on {c.device}: {c.outcome}" for c in staff.report.checks if c.outcome == "failed")

    with tempfile.TemporaryDirectory() as out, contextlib.redirect_stdout(sys.stderr):
        job = _job_of({"course": str(ROOT / "course.toml"), "topic": topic, "out": out, "device": device})
        token = measuring.set(observe)
        try:
            with open_nursery(job.course, CUDA in job.devices) as nursery:
                run_checks(job, nursery, iter([Located(path.stem, path) for path in files]), answer)
        finally:
            measuring.reset(token)
    if lost:
        raise SystemExit(f"expected right answers only, got: {'; '.join(lost)}")
    return errors, job.devices


def _relative(actual: Tensor, expected: Tensor) -> float:
    is_finite = actual.isfinite() & expected.isfinite()
    if not bool(is_finite.any()):
        return 0.0
    largest = float(expected[is_finite].abs().max()) or 1.0
    return float((actual - expected)[is_finite].abs().max()) / largest


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--topic", default="metrics")
    parser.add_argument("--device", default="auto", choices=sorted(CHOICES))
    parser.add_argument("files", nargs="*", type=Path)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    files = arguments.files or [Course.find(ROOT).topic(arguments.topic).solution]
    errors, devices = measure(arguments.topic, files, arguments.device)
    print(f"| check | dtype | {' | '.join(devices)} |")
    print("|---|---|" + "---|" * len(devices))
    for (check, dtype), found in errors.items():
        figures = " | ".join(f"{found[device]:.1e}" if device in found else "" for device in devices)
        print(f"| `{check}` | {dtype} | {figures} |")


if __name__ == "__main__":
    main()
