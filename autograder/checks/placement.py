"""Placement: on an accelerator, a function does what it does on the CPU, and leaves its results where its inputs are.

Every check of an exercise runs on the CPU, for its points, and again on each accelerator, for none. What placement is
worth is the points of one check of its own that looks at all these runs: so a right answer on the wrong device loses
those points alone, a wrong answer on the right device keeps them, and a constant in a rare branch is found where some
check takes that branch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autograder.boundary.student import Blame, Step
from autograder.checks.expect import current_run
from autograder.errors import CheckFailed, HarnessError
from autograder.worker import provenance

NEEDED_SHARE = 0.25  # of an exercise's checks must pass on the CPU: where less works, there is nothing to place
JUDGED = ("passed", "failed", "crashed", "blocked")
STALLED = ("timed_out", "out_of_memory")  # an accelerator takes more of both: judged only where nothing else can be
BLAMES = {
    "made": "`{name}` in {where} makes a tensor on the CPU, whatever the inputs are on",
    "moved": "`{name}` in {where} moves a tensor to the CPU",
    "converted": "`{name}` in {where} works on the CPU only",
    "constant": "`{name}`, used in {where}, was made beforehand and lives on the CPU",
}
UNNAMED = "A tensor that is used in {where} lives on the CPU"
OTHER_NAMES = {"Tensor.__array__": "numpy.asarray"}  # what a student writes


@dataclass(frozen=True)
class Ran:
    """One check as it ran on one device."""

    title: str
    outcome: str
    message: str = ""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Runs:
    """Every check of one exercise, on the CPU and on another device; the fixture ``runs`` of a placement check.

    Attributes:
        device: the other device.
        pairs: the same check on the CPU and there.
        blame: asks a call again, and which line put a tensor on the wrong device.
    """

    device: str
    pairs: tuple[tuple[Ran, Ran], ...]
    blame: Callable[[Step], Blame | None] = lambda step: None


def expect_placement(runs: Runs) -> None:
    """Expect that what runs on the CPU runs on the other device too, and that its results are where its inputs are.

    Raises:
        CheckFailed: naming the call and, where it can be known, the line.
        HarnessError: if nothing could be run there, because it cannot be simulated.
    """
    run = current_run.get()
    if run is not None:
        run.expectations += 1
    if not runs.pairs:
        raise HarnessError(f"no check of this exercise runs on {runs.device}: leave its placement check out")
    works = sum(before.outcome == "passed" for before, _ in runs.pairs)
    if not works or works < NEEDED_SHARE * len(runs.pairs):
        raise CheckFailed(
            "not even a quarter of this exercise's checks pass on the CPU yet: placement comes after that",
            is_absent=True,
        )
    judged = [pair for pair in runs.pairs if pair[1].outcome in JUDGED]
    if not judged and any(there.outcome in STALLED for _, there in runs.pairs):
        raise CheckFailed(f"on {runs.device}, nothing of this exercise comes to its end in the time and memory allowed")
    if not judged:
        raise HarnessError(f"no check of this exercise could be run on {runs.device}")
    for before, there in judged:
        _expect_same(before, there, runs)


def _expect_same(before: Ran, there: Ran, runs: Runs) -> None:
    for here, step in zip(before.steps, there.steps, strict=False):
        if step.misplaced:
            text = (
                f"{step.name}: expected the result on {runs.device}, where the inputs are, got it on {step.misplaced}"
            )
            raise CheckFailed(_explained(text, step, runs))
        if step.error is not None and here.error is None:
            raise CheckFailed(_explained(f"on {runs.device}, {step.error}", step, runs))
    if before.outcome == "passed" != there.outcome:
        raise CheckFailed(f"{there.message} (on {runs.device}, and not on the CPU)")


def _explained(text: str, step: Step, runs: Runs) -> str:
    blame = runs.blame(step)
    if blame is None or blame.kind not in BLAMES:
        return text
    sentence = UNNAMED if blame.name == provenance.UNNAMED else BLAMES[blame.kind]
    return f"{text}. {sentence.format(name=OTHER_NAMES.get(blame.name, blame.name), where=blame.where)}"
