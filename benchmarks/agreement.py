"""What the simulated accelerator says of mistakes about devices, beside a real GPU.

Run on a machine with a GPU: ``python benchmarks/agreement.py [--jobs N] [TOPIC ...]``

The solution of each topic and every mutant of its proof that is wrong about devices are graded on the CPU, on the
simulated accelerator and on CUDA. Printed is, for each topic, how many checks ended alike on both accelerators, and
every check that did not.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from collections import Counter
from pathlib import Path

from autograder.course import Course
from autograder.grading import operator
from autograder.grading.devices import CUDA, SIMULATED
from autograder.reports.store import STAFF_JSON, read_report
from autograder.submissions.submission import Located

ROOT = Path(__file__).resolve().parents[1]
NOT_JUDGED = ("not_run", "not_graded")


def outcomes(path: Path) -> dict[str, dict[str, str]]:
    """Return how each check of a report ended, by check and accelerator."""
    found: dict[str, dict[str, str]] = {}
    for check in read_report(path).report.checks:
        if check.device in (SIMULATED, CUDA):
            found.setdefault(check.id, {})[check.device] = check.outcome
    return found


def compare(name: str, jobs: int, scratch: Path) -> list[str]:
    """Grade one topic; return its row, and a line for each check that ended differently."""
    proof = importlib.import_module("tests.graders.proof")
    topic = Course.find(ROOT).topic(name)
    rows = importlib.import_module(f"tests.graders.mutants_{name}").MISPLACED
    located = [Located("solution", topic.solution)]
    located += [
        proof.variant(topic, scratch, m.id, m.exercise, m.source, proof.other_trainings(topic, m.exercise, False))
        for m, _ in rows
    ]
    operator.grade(topic, located, scratch / "reports", jobs=jobs, device=CUDA)
    counts: Counter[str] = Counter()
    lines = []
    for item in located:
        for check, ended in outcomes(scratch / "reports" / item.student / STAFF_JSON).items():
            if len(ended) < 2 or any(outcome in NOT_JUDGED for outcome in ended.values()):
                counts["on one of them only"] += 1
                continue
            is_alike = (ended[SIMULATED] == "passed") == (ended[CUDA] == "passed")
            counts["alike" if is_alike else "different"] += 1
            if "placement" in check and ended[SIMULATED] != "passed":
                counts["mistakes"] += 1
                counts["mistakes found by the GPU"] += ended[CUDA] != "passed"
            if not is_alike:
                lines.append(f"  {item.student} {check}: {ended[SIMULATED]} on {SIMULATED}, {ended[CUDA]} on {CUDA}")
    names = ("alike", "different", "on one of them only", "mistakes", "mistakes found by the GPU")
    return [f"| {name} | {len(rows)} | {' | '.join(str(counts[column]) for column in names)} |", *lines]


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("topics", nargs="*")
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    print(
        "| topic | mutants | checks alike | different | on one of them only | mistakes on simgpu | of these on CUDA |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in arguments.topics or Course.find(ROOT).file.topics:
        with tempfile.TemporaryDirectory() as scratch:
            print("\n".join(compare(name, arguments.jobs, Path(scratch))), flush=True)


if __name__ == "__main__":
    main()
