"""What the simulated accelerator costs: grading one submission on the CPU and on it, beside the CPU alone.

Run: ``python benchmarks/devices.py [--submissions N] [--topic TOPIC] [FILE]``

Both are measured in turn in one run, because a machine's speed drifts. The cost of a submission is the wall time from
the moment it is handed to the grader to the moment its report is written, the student's own compute included.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from autograder.boundary.student import Student
from autograder.course import Course
from autograder.grading.devices import CPU, SIMULATED
from autograder.grading.grader import _job_of, open_nursery, run_checks, sharing_one_cpu
from autograder.grading.operator import cpus_for
from autograder.reports.models import StaffReport
from autograder.reports.store import write_report
from autograder.submissions.submission import Located

ROOT = Path(__file__).resolve().parents[1]
WARM_UP = 3  # submissions that pay for what is computed once per class
ROUNDS = 5


def measure(topic: str, file: Path, submissions: int, devices: tuple[str, ...], out: str) -> list[float]:
    """Return the seconds of each submission, graded one after the other on ``devices``."""
    course, seconds, started = Course.find(ROOT), [], [0.0]
    (cpu,) = cpus_for(1)

    def arriving() -> Iterator[Located]:
        for number in range(WARM_UP + submissions):
            started[0] = time.perf_counter()
            yield Located(f"student-{number}", file)

    def answer(staff: StaffReport, student: Student) -> None:
        write_report(Path(out), staff)
        seconds.append(time.perf_counter() - started[0])

    with sharing_one_cpu(open_nursery(course), cpu) as nursery, contextlib.redirect_stdout(sys.stderr):
        job = _job_of({"course": str(ROOT / "course.toml"), "topic": topic, "out": out, "device": CPU})
        run_checks(replace(job, devices=devices), nursery, arriving(), answer)
    return seconds[WARM_UP:]


def main() -> None:
    """Measure in turn, and print one line per figure, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--topic", default="metrics")
    parser.add_argument("--submissions", type=int, default=50)
    parser.add_argument("file", nargs="?", type=Path)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    file = arguments.file or Course.find(ROOT).topic(arguments.topic).solution
    alone: list[float] = []
    both: list[float] = []
    with tempfile.TemporaryDirectory() as out:
        for _ in range(ROUNDS):
            count = max(1, arguments.submissions // ROUNDS)
            alone += measure(arguments.topic, file, count, (CPU,), out)
            both += measure(arguments.topic, file, count, (CPU, SIMULATED), out)
    for name, seconds in (("on the CPU alone", alone), ("on the CPU and the simulated accelerator", both)):
        print(
            f"{name:<44} median {statistics.median(seconds) * 1e3:8.1f} ms   "
            f"min {min(seconds) * 1e3:8.1f}   max {max(seconds) * 1e3:8.1f}   (n = {len(seconds)})"
        )
    print(f"ratio of the medians: {statistics.median(both) / statistics.median(alone):.2f}")


if __name__ == "__main__":
    main()
