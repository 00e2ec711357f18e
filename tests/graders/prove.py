"""The proof of the graders, as two tables: ``python -m tests.graders.prove [TOPIC ...]``.

For each topic, through real workers: the solution earns 100 %, the stub 0; every planted mistake is caught by the check
it belongs to and named in the report; every alternative answer earns 100 %; every mutant that a tool makes of the
solution is caught, or listed with the reason why it cannot be.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.course import Course, Topic
from autograder.grading import operator
from autograder.reports.models import Report
from autograder.reports.store import read_report
from autograder.submissions.submission import Located
from tests.graders import generated
from tests.graders.proof import (
    JOBS,
    ROOT,
    Alternative,
    Mutant,
    checks_of,
    failed,
    other_trainings,
    solution_cells,
    unneeded_exercises,
    variant,
)

LIMITED = "this run was limited to the CPU"  # what is said of placement there
NAMED_SHARE = 0.9  # of the bank's mutants that can be observed, this share must be named in the report


@dataclass
class Count:
    """Mutants of one kind: how many, how many of them cannot be observed, are caught, are named."""

    mutants: int = 0
    equivalent: int = 0
    caught: int = 0
    named: int = 0

    def __str__(self) -> str:
        return f"{self.mutants} | {self.equivalent} | {self.caught} | {self.named}"


@dataclass(frozen=True)
class Proof:
    """What was found for one topic; an empty ``faults`` is the proof.

    ``bank`` counts the mutants that are classic misconceptions, ``slips`` the others (a missing error, a wrong dtype,
    an input changed in place), of which many have no output that could be recognised.
    """

    topic: str
    solution: float
    stub: float
    bank: Count
    slips: Count
    alternatives: int
    accepted: int
    faults: tuple[str, ...]


def prove(topic: Topic, scratch: Path, trains_again: bool = True) -> Proof:
    """Grade the solution, the stub, every mutant and every alternative of a topic, and compare.

    Args:
        topic: the topic.
        scratch: a folder for notebooks and reports.
        trains_again: grade the training exercises also with the alternatives of other exercises that they call.
    """
    mutants: Sequence[Mutant] = importlib.import_module(f"tests.graders.mutants_{topic.name}").MUTANTS
    alternatives: Sequence[Alternative] = importlib.import_module(
        f"tests.graders.alternatives_{topic.name}"
    ).ALTERNATIVES
    everywhere = [Located("solution", topic.solution), Located("stub", topic.release)]
    on_the_cpu: list[Located] = []  # where most mutants fail; a simulated accelerator would take as long again
    cells = solution_cells(topic)
    for exercise, source in cells.items():
        empty = unneeded_exercises(topic, exercise, source)
        everywhere.append(variant(topic, scratch, f"alone-{exercise}", exercise, source, empty))
    for number, mutant in enumerate(mutants):
        # an equivalent mutant must earn everything, the others lose points in their own exercise
        empty = frozenset() if mutant.equivalent else unneeded_exercises(topic, mutant.exercise, mutant.source)
        needs_all = mutant.equivalent or mutant.caught_by.startswith("check_placement")
        place = everywhere if needs_all else on_the_cpu
        place.append(variant(topic, scratch, f"mutant-{number}", mutant.exercise, mutant.source, empty))
    for number, alternative in enumerate(alternatives):
        empty = other_trainings(topic, alternative.exercise, trains_again)
        everywhere.append(
            variant(topic, scratch, f"alternative-{number}", alternative.exercise, alternative.source, empty)
        )
    reports, faults = _graded(topic, {"auto": everywhere, "cpu": on_the_cpu}, scratch)
    for exercise in cells:
        lost = [check.id for check in checks_of(reports[f"alone-{exercise}"], exercise) if failed(check)]
        faults += [f"{exercise} loses {lost[0]} where other exercises are empty: say so in NEEDS"] if lost else []
    bank, slips = Count(), Count()
    for number, mutant in enumerate(mutants):
        report = reports[f"mutant-{number}"]
        wrong = _faults_of(mutant, report)
        faults += wrong
        count = bank if mutant.is_in_bank else slips
        count.mutants += 1
        count.equivalent += bool(mutant.equivalent)
        if not mutant.equivalent:
            count.caught += not wrong and any(map(failed, checks_of(report, mutant.exercise)))
            count.named += mutant.named is not None and mutant.named in _named(report, mutant.exercise)
    accepted = 0
    for number, alternative in enumerate(alternatives):
        report = reports[f"alternative-{number}"]
        graded = cells.keys() - other_trainings(topic, alternative.exercise, trains_again)
        checks = [check for name in graded for check in checks_of(report, name)]
        lost = [f"{check.id}: {check.message}" for check in checks if check.points < check.max_points]
        accepted += not lost
        if lost:
            faults.append(f"alternative {alternative.exercise} ({alternative.name}) lost points: {lost[0]}")
    solution, stub = reports["solution"].grade, reports["stub"].grade
    if solution != 100.0 or stub != 0.0:
        faults.append(f"the solution earned {solution} %, the stub {stub} %")
    if bank.named < NAMED_SHARE * (bank.mutants - bank.equivalent):
        faults.append(
            f"only {bank.named} of the bank's {bank.mutants - bank.equivalent} mutants are named in the report"
        )
    return Proof(topic.name, solution or 0.0, stub or 0.0, bank, slips, len(alternatives), accepted, tuple(faults))


def _graded(
    topic: Topic, by_device: Mapping[str, Sequence[Located]], scratch: Path
) -> tuple[dict[str, Report], list[str]]:
    """Return the report of each submission, and what was a fault of the graders themselves."""
    reports: dict[str, Report] = {}
    faults: list[str] = []
    for device, located in by_device.items():
        out = scratch / f"reports-{device}"
        outcome = operator.grade(topic, located, out, jobs=JOBS, device=device)
        assert not outcome.set_aside, outcome.set_aside
        reports |= {item.student: read_report(out / item.student / "report.staff.json").report for item in located}
        for graded in outcome.graded:
            faults += [f"{graded.student}: {fault}" for fault in graded.faults if LIMITED not in fault]
    return reports, faults


def _faults_of(mutant: Mutant, report: Report) -> list[str]:
    if mutant.equivalent:
        return [] if report.grade == 100.0 else [f"{mutant.id} is called equivalent, and lost points"]
    check = next(
        (check for check in report.checks if check.id.partition("[")[0] == mutant.caught_by and failed(check)), None
    )
    if check is None:
        lost = [check.id for check in report.checks if failed(check)]
        return [f"{mutant.id} ({mutant.mistake}) is not caught by {mutant.caught_by}, but by {lost or 'none'}"]
    if mutant.named is not None and mutant.named not in _named(report, mutant.exercise):
        return [f"{mutant.id} ({mutant.mistake}) is not named: expected {mutant.named!r}"]
    return []


def _named(report: Report, exercise: str) -> set[str]:
    return {check.misconception for check in checks_of(report, exercise)}


def table(proofs: Sequence[Proof]) -> str:
    """Return the proofs as a Markdown table."""
    lines = [
        "| topic | solution | stub | misconceptions | equivalent | caught | named "
        "| slips | equivalent | caught | named | alternatives | accepted |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {p.topic} | {p.solution:g} % | {p.stub:g} % | {p.bank} | {p.slips} | {p.alternatives} | {p.accepted} |"
        for p in proofs
    ]
    return "\n".join(lines)


def main(names: Sequence[str]) -> int:
    """Prove the topics that are named, or all; print the tables and what does not hold."""
    course = Course.find(ROOT)
    proofs: list[Proof] = []
    outcomes: list[generated.Outcome] = []
    for name in names or list(course.file.topics):
        topic = course.topic(name)
        with tempfile.TemporaryDirectory() as scratch:
            proofs.append(prove(topic, Path(scratch)))
        with tempfile.TemporaryDirectory() as scratch:
            outcomes.append(generated.judge(topic, generated.generate(topic), Path(scratch)))
    print(table(proofs), generated.table(outcomes), sep="\n\n")
    faults = [f"{proof.topic}: {fault}" for proof in proofs for fault in proof.faults]
    faults += [f"{outcome.topic}: {fault}" for outcome in outcomes for fault in outcome.faults]
    print(*faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
