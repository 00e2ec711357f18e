"""What grading one submission costs above the student's own compute, beside a fresh interpreter that imports torch.

Run: ``python benchmarks/overhead.py [--submissions N] [--topic TOPIC]``

Both are measured in turn in one run, because a machine's speed drifts: after every few submissions a fresh
``python -c "import torch"`` is timed. The cost of a submission is the wall time from the moment it is handed to the
grader to the moment its report is written (read, fork, confine, load, all checks, report), less the time that its
worker says the student's functions have taken. The ratio of the medians is what is quoted.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from autograder.boundary.student import Student
from autograder.course import Course
from autograder.grading.grader import _job_of, open_nursery, run_checks, sharing_one_cpu
from autograder.grading.operator import cpus_for
from autograder.reports.models import StaffReport
from autograder.reports.store import write_report
from autograder.submissions.submission import Located

ROOT = Path(__file__).resolve().parents[1]
WARM_UP = 3  # submissions that pay for what is computed once per class
EVERY = 5  # submissions between two fresh interpreters


def fresh_interpreter() -> float:
    """Return the seconds that a fresh interpreter needs to import torch."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.perf_counter() - start


def measure(topic: str, submissions: int) -> tuple[list[float], list[float], list[float], float]:
    """Return the overheads, the students' own seconds, the fresh interpreters' seconds, and the points of the last."""
    course = Course.find(ROOT)
    sys.path.insert(0, str(ROOT))
    overheads: list[float] = []
    own: list[float] = []
    fresh: list[float] = []
    points = [0.0]
    (cpu,) = cpus_for(1)
    with tempfile.TemporaryDirectory() as out, sharing_one_cpu(open_nursery(course), cpu) as nursery:
        job = _job_of({"course": str(ROOT / "course.toml"), "topic": topic, "out": out})
        started = [0.0]

        def arriving() -> Iterator[Located]:
            for number in range(WARM_UP + submissions):
                if number >= WARM_UP and (number - WARM_UP) % EVERY == 0:
                    fresh.append(fresh_interpreter())
                started[0] = time.perf_counter()
                yield Located(f"student-{number}", course.topic(topic).solution)

        def answer(staff: StaffReport, student: Student) -> None:
            write_report(job.out, staff)
            wall = time.perf_counter() - started[0]
            own.append(student.student_seconds)
            overheads.append(wall - student.student_seconds)
            points[0] = staff.report.points

        with contextlib.redirect_stdout(sys.stderr):
            run_checks(job, nursery, arriving(), answer)
    return overheads[WARM_UP:], own[WARM_UP:], fresh, points[0]


def main() -> None:
    """Measure and print one line per figure, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--topic", default="metrics")
    parser.add_argument("--submissions", type=int, default=50)
    arguments = parser.parse_args()
    overheads, own, fresh, points = measure(arguments.topic, arguments.submissions)

    def line(name: str, seconds: list[float]) -> str:
        return (
            f"{name:<48} median {statistics.median(seconds) * 1e3:8.1f} ms   "
            f"min {min(seconds) * 1e3:8.1f}   max {max(seconds) * 1e3:8.1f}   (n = {len(seconds)})"
        )

    print(line("grading one submission, above its own compute", overheads))
    print(line("the student's own compute", own))
    print(line("fresh `python -c 'import torch'`", fresh))
    ratio = statistics.median(fresh) / statistics.median(overheads)
    print(f"ratio of the medians: {ratio:.1f} ({points:g} points each, one grader process)")


if __name__ == "__main__":
    main()
