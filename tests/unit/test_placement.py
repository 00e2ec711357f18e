"""``expect_placement`` on runs that are made up: what counts against a student, what does not, and what is said."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autograder.boundary.student import Blame, Step
from autograder.checks import Runs, expect_placement
from autograder.checks.expect import CheckRun, current_run
from autograder.checks.placement import BLAMES, Ran
from autograder.errors import CheckFailed, HarnessError, StudentCrashed, StudentRaised, StudentTimedOut
from autograder.worker import provenance

Pair = tuple[Ran, Ran]
MIXED = StudentRaised("double", ("RuntimeError",), "two devices", "line 2 of cell double")
WRONG = StudentRaised("double", ("ValueError",), "no")


def ran(outcome: str, *steps: Step, message: str = "") -> Ran:
    return Ran("Doubling.", outcome, message, steps)


def step(error: StudentRaised | None = None, misplaced: str = "", name: str = "double") -> Step:
    return Step(name, error, misplaced)


TOO_LITTLE = "not even a quarter of this exercise's checks pass on the CPU yet: placement comes after that"
FINE = ran("passed", step())


def runs(*pairs: Pair, blame: Callable[[Step], Blame | None] = lambda step: None) -> Runs:
    return Runs("simgpu", pairs, blame)


def failure(*pairs: Pair, blame: Callable[[Step], Blame | None] = lambda step: None) -> CheckFailed:
    with pytest.raises(CheckFailed) as caught:
        expect_placement(runs(*pairs, blame=blame))
    return caught.value


# ---------------------------------------------------------------------------------------------- what passes


def test_what_runs_there_as_here_passes() -> None:
    expect_placement(runs((FINE, FINE), (ran("passed", step(), step()), ran("passed", step(), step()))))


def test_it_counts_as_an_expectation() -> None:
    run = CheckRun()
    token = current_run.set(run)
    try:
        expect_placement(runs((FINE, FINE)))
        assert run.expectations == 1
        failure((FINE, ran("failed", step(MIXED))))
        assert run.expectations == 2
    finally:
        current_run.reset(token)


def test_a_wrong_answer_in_the_right_place_passes() -> None:
    wrong = ran("failed", step(), message="double: wrong value")
    expect_placement(runs((FINE, FINE), (wrong, wrong)))


def test_an_error_on_both_sides_is_none_of_placement() -> None:
    raises = ran("failed", step(WRONG), message=str(WRONG))
    expect_placement(runs((raises, raises), (FINE, FINE)))
    elsewhere = ran("failed", step(MIXED), message=str(MIXED))  # another one: the call was not right to begin with
    expect_placement(runs((raises, elsewhere), (FINE, FINE)))


def test_what_the_cpu_did_not_come_to_is_not_looked_at() -> None:
    """There the check went on; that the first call was answered differently is for the check on the CPU to judge."""
    before = ran("failed", step(), message="double: wrong value")
    there = ran("failed", step(), step(MIXED), message=str(MIXED))
    expect_placement(runs((before, there), (FINE, FINE)))
    there = ran("failed", step(), step(misplaced="cpu"), message="double: wrong value")
    expect_placement(runs((before, there), (FINE, FINE)))


@pytest.mark.parametrize("outcome", ["timed_out", "out_of_memory", "not_run", "not_graded"])
def test_what_did_not_come_to_its_end_there_is_not_judged(outcome: str) -> None:
    timeout = Step("double", StudentTimedOut("double: ran for more than 4 s"))
    interrupted = ran(outcome, step(misplaced="cpu"), timeout, message="double: ran for more than 4 s")
    expect_placement(runs((ran("passed", step(), step()), interrupted), (FINE, FINE)))


# ---------------------------------------------------------------------------------------------- what fails


def test_a_result_on_the_wrong_device_fails_although_its_values_are_right() -> None:
    error = failure((FINE, ran("passed", step(misplaced="cpu"))))
    assert str(error) == "double: expected the result on simgpu, where the inputs are, got it on cpu"
    assert not error.is_absent


def test_a_wrong_answer_in_the_wrong_place_fails_too() -> None:
    wrong = ran("failed", step(), message="double: wrong value")
    there = ran("failed", step(misplaced="cpu"), message="double: wrong value")
    assert "got it on cpu" in str(failure((FINE, FINE), (wrong, there)))


def test_an_error_only_there_fails_with_its_message() -> None:
    error = failure((FINE, ran("failed", step(MIXED), message=str(MIXED))))
    assert str(error) == "on simgpu, double: raised RuntimeError: two devices (line 2 of cell double)"
    assert not error.is_absent


def test_an_error_there_fails_also_where_the_cpu_run_failed_later() -> None:
    before = ran("failed", step(), step(), message="double: wrong value")
    there = ran("failed", step(), step(MIXED), message=str(MIXED))
    assert str(failure((FINE, FINE), (before, there))).startswith("on simgpu, double: raised RuntimeError")


def test_the_first_fault_is_the_one_that_is_named() -> None:
    there = ran("failed", step(name="first", misplaced="cpu"), step(MIXED, name="second"), message=str(MIXED))
    assert str(failure((ran("passed", step(), step()), there))).startswith("first: expected the result on simgpu")
    pairs = (FINE, FINE), (FINE, ran("failed", step(MIXED))), (FINE, ran("passed", step(misplaced="meta")))
    assert "two devices" in str(failure(*pairs))


def test_a_check_that_passes_here_and_fails_there_says_what_was_wrong_there() -> None:
    there = ran("failed", step(), message="double: wrong value in 2 of 4")
    error = failure((FINE, there))
    assert str(error) == "double: wrong value in 2 of 4 (on simgpu, and not on the CPU)"
    assert not error.is_absent


# ---------------------------------------------------------------------------------------------- what cannot be judged


@pytest.mark.parametrize("outcome", ["failed", "timed_out", "crashed", "not_graded"])
@pytest.mark.parametrize("there", ["failed", "not_run", "passed"])
def test_before_anything_passes_on_the_cpu_there_is_nothing_that_a_hint_could_help_with(
    outcome: str, there: str
) -> None:
    error = failure((ran(outcome, step(WRONG)), ran(there, step(misplaced="cpu"))))
    assert error.is_absent
    assert str(error) == TOO_LITTLE


@pytest.mark.parametrize(("works", "of"), [(1, 5), (1, 100), (24, 97)])
def test_what_hardly_works_is_not_judged_either(works: int, of: int) -> None:
    """A result that is right by chance where nothing is to be done is no reason to give points for placement."""
    wrong = ran("failed", step(), message="double: wrong value")
    error = failure(*[(FINE, FINE)] * works, *[(wrong, wrong)] * (of - works))
    assert error.is_absent
    assert str(error) == TOO_LITTLE


@pytest.mark.parametrize(("works", "of"), [(1, 1), (1, 4), (2, 8), (2, 7), (25, 100)])
def test_a_quarter_is_enough(works: int, of: int) -> None:
    wrong = ran("failed", step(), message="double: wrong value")
    pairs = [(FINE, FINE)] * works + [(wrong, wrong)] * (of - works)
    expect_placement(runs(*pairs))
    misplaced = ran("failed", step(misplaced="cpu"), message="double: wrong value")
    if of > works:
        assert "got it on cpu" in str(failure(*pairs[:-1], (wrong, misplaced)))


@pytest.mark.parametrize("outcome", ["crashed", "blocked"])
def test_code_that_ends_its_process_there_alone_does_not_work_there(outcome: str) -> None:
    crash = Step("double", StudentCrashed("double: its process ended before it answered"))
    there = ran(outcome, step(), crash, message="double: its process ended before it answered")
    error = failure((ran("passed", step(), step()), there), (FINE, FINE))
    assert str(error) == "on simgpu, double: its process ended before it answered"


@pytest.mark.parametrize("outcome", ["timed_out", "out_of_memory"])
def test_where_nothing_comes_to_its_end_there_placement_is_lost(outcome: str) -> None:
    """Or whoever waits for ever on an accelerator would have no grade at all, and staff a fault to look for."""
    error = failure((FINE, ran(outcome)), (FINE, ran("not_run")))
    assert str(error) == "on simgpu, nothing of this exercise comes to its end in the time and memory allowed"


@pytest.mark.parametrize("outcome", ["not_run", "not_graded"])
def test_when_nothing_could_be_run_there_it_is_our_fault(outcome: str) -> None:
    with pytest.raises(HarnessError, match="no check of this exercise could be run on simgpu"):
        expect_placement(runs((FINE, ran(outcome)), (FINE, ran(outcome))))


def test_an_exercise_without_a_check_that_runs_there_is_our_fault() -> None:
    with pytest.raises(HarnessError, match="no check of this exercise runs on simgpu: leave its placement check out"):
        expect_placement(runs())


# ---------------------------------------------------------------------------------------------- whom it blames

SENTENCES = {
    "made": "`torch.zeros` in line 3 of cell double makes a tensor on the CPU, whatever the inputs are on",
    "moved": "`torch.zeros` in line 3 of cell double moves a tensor to the CPU",
    "converted": "`torch.zeros` in line 3 of cell double works on the CPU only",
    "constant": "`torch.zeros`, used in line 3 of cell double, was made beforehand and lives on the CPU",
}


@pytest.mark.parametrize("kind", SENTENCES)
def test_the_line_is_named(kind: str) -> None:
    asked: list[Step] = []

    def blame(step: Step) -> Blame:
        asked.append(step)
        return Blame("line 3 of cell double", kind, "torch.zeros")

    there = ran("passed", step(name="first"), step(misplaced="cpu"))
    error = failure((ran("passed", step(name="first"), step()), there), blame=blame)
    text = "double: expected the result on simgpu, where the inputs are, got it on cpu"
    assert str(error) == f"{text}. {SENTENCES[kind]}"
    assert asked == [there.steps[1]]
    error = failure((FINE, ran("failed", step(MIXED))), blame=blame)
    assert str(error) == f"on simgpu, {MIXED}. {SENTENCES[kind]}"


@pytest.mark.parametrize("kind", SENTENCES)
def test_a_tensor_that_nobody_has_seen_being_made_is_named_by_its_use(kind: str) -> None:
    blame = Blame("line 3 of cell double", kind, provenance.UNNAMED)
    error = failure((FINE, ran("passed", step(misplaced="cpu"))), blame=lambda step: blame)
    assert str(error).endswith("got it on cpu. A tensor that is used in line 3 of cell double lives on the CPU")


def test_a_function_has_the_name_that_a_student_writes() -> None:
    blame = Blame("line 3 of cell double", "converted", "Tensor.__array__")
    error = failure((FINE, ran("failed", step(MIXED))), blame=lambda step: blame)
    assert str(error).endswith(". `numpy.asarray` in line 3 of cell double works on the CPU only")


def test_every_kind_has_its_sentence() -> None:
    assert set(SENTENCES) == set(BLAMES)


@pytest.mark.parametrize("blame", [None, Blame("line 3", "", "x"), Blame("line 3", "guessed", "x")], ids=str)
def test_what_nobody_knows_is_not_said(blame: Blame | None) -> None:
    error = failure((FINE, ran("passed", step(misplaced="cpu"))), blame=lambda step: blame)
    assert str(error) == "double: expected the result on simgpu, where the inputs are, got it on cpu"


def test_words_that_a_worker_chooses_are_no_format() -> None:
    blame = Blame("{name.__class__}", "made", "{where} {0} %s")
    error = failure((FINE, ran("passed", step(misplaced="cpu"))), blame=lambda step: blame)
    assert "`{where} {0} %s` in {name.__class__} makes a tensor" in str(error)


def test_a_value_that_is_wrong_there_has_no_line() -> None:
    def blame(step: Step) -> Blame:
        raise AssertionError("no call is asked again")

    assert "`" not in str(failure((FINE, ran("failed", step(), message="double: wrong value")), blame=blame))
