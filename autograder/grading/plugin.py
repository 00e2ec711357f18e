"""The pytest plugin: collects the hidden checks once, then runs them for one submission after another.

pytest is the engine (fixtures, parametrisation, ids); the verdict is not its. A check has passed only if its body ran
to the end and expected something; what the student's code did wrong is a :class:`StudentError` or a
:class:`CheckFailed`; every other exception is a fault of ours, and the check is ``not_graded``.

Every check runs on the CPU, where its points are, then on each accelerator, for none. A check that asks for ``runs``
judges the placement of one exercise by all these runs (:mod:`autograder.checks.placement`).
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import inspect
import re
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, Literal

import pytest
import torch

from autograder.boundary.student import Call, Handle, Step, Student
from autograder.boundary.worker import Worker
from autograder.checks.expect import CheckRun, current_run, equals_mistake, identical, kind_of, measuring
from autograder.checks.language import CheckSpec, Misconception, spec_of, title_of
from autograder.checks.placement import Ran, Runs
from autograder.errors import CheckFailed, HarnessError, StudentError, StudentRaised
from autograder.grading.devices import (
    ACCELERATORS,
    CPU,
    CUDA,
    NO_GPU,
    NOT_ASKED_FOR,
    PLACEMENT_JUDGE,
    SIMULATED,
    SLOWDOWN,
)
from autograder.reports.models import Comparison, Outcome

TRACEBACK_CHARS = 4_000
NO_OUTPUT = (ValueError, RuntimeError, IndexError, ArithmeticError)
"""What a mistaken function may raise about its input; a name or a type that is wrong is a fault in writing it."""
INTERRUPTED = ("timed_out", "crashed", "out_of_memory", "blocked")
FIXTURES = ("student", "device", "generator", "runs")
REFUSED = "simgpu: "  # begins what the simulated accelerator says of what it cannot do


@dataclass(frozen=True)
class Check:
    """One collected check on one device: what its markers say, and the pytest item that runs it.

    ``is_plain`` says that it uses nothing but our fixtures and direct parameters. Then there is nothing to set up or to
    tear down, and the check is called without pytest's protocol, which would cost more than most checks do.
    """

    id: str
    title: str
    device: str
    spec: CheckSpec
    item: pytest.Item
    is_plain: bool = False
    asked: tuple[str, ...] = ()

    @property
    def judges_placement(self) -> bool:
        """Whether it looks at the runs of the other checks of its exercise."""
        return isinstance(self.item, pytest.Function) and "runs" in self.item.fixturenames


@dataclass
class Verdict:
    """What came out of one check for one submission."""

    check: Check
    outcome: Outcome = "not_graded"
    message: str = ""
    misconception: str = ""
    comparison: Comparison | None = None
    staff: str = ""
    traceback: str = ""
    faults: list[str] = field(default_factory=list)
    duration_s: float = 0.0
    is_absent: bool = False  # there is nothing yet that a hint could help with
    steps: tuple[Step, ...] = ()
    replayable: tuple[Call, ...] = ()  # all its calls, if their answers are all that it can have looked at


class ChecksPlugin:
    """Runs every collected check for every student that ``students`` yields.

    Args:
        seed: the course's seed; with a check's id it seeds the check's generator.
        students: yields the students' proxies on the CPU, one after the other; is asked for the next when one is done.
        done: is given each student's verdicts.
        workers: for each accelerator that checks run on, what gives a worker that has it.
    """

    def __init__(
        self,
        seed: int,
        students: Iterable[Student],
        done: Callable[[Student, list[Verdict]], None],
        workers: Mapping[str, Callable[[], Worker]] | None = None,
    ) -> None:
        self._seed = seed
        self._students = students
        self._done = done
        self._workers = workers or {}
        self._student: Student | None = None
        self._verdict: Verdict | None = None
        self._verdicts_so_far: list[Verdict] = []
        self.collection_errors: list[str] = []
        self.failure: Exception | None = None

    # ------------------------------------------------------------------ fixtures

    @pytest.fixture
    def student(self) -> Student:
        """The stand-in for the student's code."""
        assert self._student is not None
        return self._student

    @pytest.fixture
    def device(self) -> str:
        """The name of the device that this check's tensors are on in the worker."""
        assert self._verdict is not None
        return self._verdict.check.device

    @pytest.fixture
    def generator(self) -> torch.Generator:
        """A CPU generator seeded by the course's seed and the check's id: the same inputs for every student."""
        assert self._verdict is not None
        return self._generator(self._verdict.check)

    @pytest.fixture
    def runs(self) -> Runs:
        """What the other checks of the exercise did on the CPU and on this check's device."""
        assert self._verdict is not None
        return self._runs(self._verdict.check)

    # ------------------------------------------------------------------ pytest's hooks

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember what could not be collected."""
        if report.failed:
            self.collection_errors.append(_in_a_sentence(PurePath(report.nodeid).name, report.longreprtext))

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Remember what pytest itself stumbled over, in place of its traceback."""
        self.failure = HarnessError(f"the hidden checks cannot be run: {excinfo.exconly()}")
        return True

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run all checks for each student."""
        try:
            if self.collection_errors:
                raise HarnessError(f"the hidden checks cannot be collected: {'; '.join(self.collection_errors)}")
            checks = _on_devices([_check_of(item) for item in session.items], set(self._workers))
            if not checks:
                raise HarnessError("the hidden checks cannot be collected: there is no check_* function")
            gc.collect()
            gc.freeze()  # what pytest, torch and the checks have built stays: never look through it again
            for student in self._students:
                self._done(student, list(self._verdicts(student, checks)))
        except Exception as error:  # pytest would print it and go on; the grader process must hear of it
            self.failure = error
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """Judge one phase of one check, without pytest's own failure text, which would print expected values."""
        verdict = self._verdict
        assert verdict is not None
        if call.excinfo is not None:
            self._judge(verdict, call.excinfo.value)
        elif call.when == "call":
            self._pass(verdict)
        assert call.when != "collect"
        # after a setup that has failed, the check must not be called
        outcome: Literal["passed", "failed"] = (
            "failed" if call.excinfo is not None and call.when == "setup" else "passed"
        )
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when, duration=call.duration)

    # ------------------------------------------------------------------ inside

    def _verdicts(self, student: Student, checks: list[Check]) -> Iterator[Verdict]:
        self._verdicts_so_far = []
        with contextlib.ExitStack() as others:
            on_device = {CPU: student}
            for check, following in zip(checks, [*checks[1:], checks[0]] if checks else [], strict=True):
                self._verdict = verdict = Verdict(check)
                self._verdicts_so_far.append(verdict)
                why = self._why_not(check)
                if why is not None:
                    verdict.outcome, verdict.message = why
                    if why[0] == "not_graded":
                        verdict.faults.append(why[1])
                    yield verdict
                    continue
                if check.device not in on_device:
                    other = student.on(check.device, self._workers[check.device], SLOWDOWN[check.device])
                    on_device[check.device] = others.enter_context(contextlib.closing(other))
                self._student = on_device[check.device]
                self._run(check, following, verdict)
                yield verdict

    def _why_not(self, check: Check) -> tuple[Outcome, str] | None:
        """Return how a check ends that is not run at all, and why; ``None`` for one that is run."""
        if check.device == CPU:
            return None
        if check.device not in self._workers:
            return ("not_run", NO_GPU) if check.device == CUDA else ("not_graded", NOT_ASKED_FOR)
        on_the_cpu = self._on_the_cpu(check)
        if on_the_cpu is not None and on_the_cpu.outcome in INTERRUPTED:
            return "not_run", "it did not come to its end on the CPU"
        return None

    def _run(self, check: Check, following: Check, verdict: Verdict) -> None:
        student = self._student
        assert student is not None
        start = time.perf_counter()
        run = CheckRun(student, check=check.id)
        token = current_run.set(run)
        try:
            if self._answers_as_on_the_cpu(check):
                verdict.outcome = "passed"
                return
            student.begin_check(check.spec.forbidden, check.spec.call_s, check.spec.exercise)
            if check.is_plain:
                self._call(check, verdict)
            else:  # an item that comes twice in a row must be torn down in between
                next_item = following.item if following.item is not check.item else None
                check.item.config.hook.pytest_runtest_protocol(item=check.item, nextitem=next_item)
        except StudentError as error:
            self._judge(verdict, error)
        finally:
            current_run.reset(token)
            verdict.duration_s = time.perf_counter() - start
            verdict.steps = tuple(student.steps)
        if check.is_plain and "device" not in check.asked and not run.looked_at_device:
            is_all = len(student.calls) == len(student.steps) and all(step.is_plain_call for step in student.steps)
            verdict.replayable = tuple(student.calls) if is_all else ()
        if verdict.outcome == "not_graded" and not verdict.faults:
            verdict.faults.append("the check did not run to its end")

    def _answers_as_on_the_cpu(self, check: Check) -> bool:
        """Ask what the check has asked on the CPU, where it passed; return whether the answers are the same.

        Then it would pass here too: its inputs need not be made again, nor its expectations computed. Where anything
        differs, or could be seen by the check to differ, the check itself decides.

        Raises:
            StudentError: if a call does not come to its end here, which need not be waited for twice.
        """
        before = self._on_the_cpu(check)
        if check.device == CPU or before is None or before.outcome != "passed" or not before.replayable:
            return False
        if measuring.get() is not None:
            return False
        student = self._student
        assert student is not None
        student.begin_check(check.spec.forbidden, check.spec.call_s, check.spec.exercise)
        try:
            return all(
                identical(student.call(call.name, *call.args, **call.kwargs), call.result) for call in before.replayable
            )
        except (StudentRaised, HarnessError):  # the check itself will meet it too, and is judged by it
            return False

    def _on_the_cpu(self, check: Check) -> Verdict | None:
        """Return the verdict of the same check on the CPU, if there is one."""
        return next((v for v in self._verdicts_so_far if (v.check.id, v.check.device) == (check.id, CPU)), None)

    def _runs(self, check: Check) -> Runs:
        """Return what the checks of an exercise did on the CPU and on the device of ``check``."""
        assert self._student is not None
        same = [v for v in self._verdicts_so_far if v.check.spec.exercise == check.spec.exercise]
        before = {v.check.id: v for v in same if v.check.device == CPU}
        there = [v for v in same if v.check.device == check.device and not v.check.judges_placement]
        return Runs(check.device, tuple((_ran(before[v.check.id]), _ran(v)) for v in there), blame=self._student.blame)

    def _call(self, check: Check, verdict: Verdict) -> None:
        """Run a plain check as pytest would, less the setup and teardown that it does not have."""
        item = check.item
        assert isinstance(item, pytest.Function)
        values = {"student": self._student, "device": check.device, **_parameters(item)}
        if "generator" in item.fixturenames:
            values["generator"] = self._generator(check)
        if "runs" in item.fixturenames:
            values["runs"] = self._runs(check)
        try:
            item.obj(**{name: values[name] for name in check.asked})
        except BaseException as error:
            self._judge(verdict, error)
        else:
            self._pass(verdict)

    def _generator(self, check: Check) -> torch.Generator:
        digest = hashlib.sha256(f"{self._seed} {check.id}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))

    def _pass(self, verdict: Verdict) -> None:
        run = current_run.get()
        if run is None or run.expectations == 0:
            verdict.faults.append("the check expected nothing: it uses no expect_*")
            return
        verdict.outcome = "passed"

    def _judge(self, verdict: Verdict, error: BaseException) -> None:
        """Say whose fault an exception is; a fault of ours outweighs everything."""
        if no_object := self._of_no_object(error):  # there is no output that a mistake could equal
            verdict.outcome, verdict.message = "failed", no_object
        elif isinstance(error, CheckFailed):
            verdict.outcome, verdict.message, verdict.staff = "failed", str(error), error.staff
            if isinstance(error.comparison, Comparison):
                verdict.comparison = error.comparison
            verdict.is_absent = error.is_absent or self._passed_on_the_cpu(verdict.check)
            verdict.misconception = self._recognised(verdict)
        elif (
            isinstance(error, StudentRaised) and error.names[0] == "NotImplementedError" and _is_refusal(error, verdict)
        ):
            verdict.outcome, verdict.message = "not_run", f"it cannot be simulated: {error.text.removeprefix(REFUSED)}"
        elif isinstance(error, StudentError):
            verdict.outcome, verdict.message = error.outcome, str(error)  # type: ignore[assignment]
            verdict.is_absent = self._passed_on_the_cpu(verdict.check) or (
                isinstance(error, StudentRaised) and (error.is_undefined or "NotImplementedError" in error.names)
            )
        elif isinstance(error, KeyboardInterrupt):
            raise error
        else:
            verdict.outcome, verdict.message = "not_graded", ""
            if verdict.check.device == CUDA:  # no points depend on it
                verdict.outcome, verdict.message = "not_run", "it could not be run on the GPU; the fault is ours"
            verdict.faults.append(f"{type(error).__name__}: {error}")
            trace = "".join(traceback.format_exception(error))
            verdict.traceback = trace[-TRACEBACK_CHARS:]

    def _of_no_object(self, error: BaseException) -> str:
        """Return what is said where a check asks an object, and the student's code has returned something else.

        It is what ``expect_object`` says, which a check uses that calls the object itself. Only what a student's call
        has returned, and only what every object can be asked: the rest is a check's mistake, and the text is empty.
        """
        if not isinstance(error, AttributeError) or not hasattr(Handle, error.name or "") or self._student is None:
            return ""
        value = error.obj
        made = next((call for call in reversed(self._student.calls) if call.result is value), None)
        if made is None or isinstance(value, Handle):
            return ""
        return f"{made.name}: expected an object (a module, say), got {kind_of(value)}"

    def _passed_on_the_cpu(self, check: Check) -> bool:
        """Whether a check on an accelerator has passed before: then its hint, which is about numbers, misleads."""
        before = self._on_the_cpu(check)
        return check.device != CPU and before is not None and before.outcome == "passed"

    def _recognised(self, verdict: Verdict) -> str:
        """Return the sentence of the registered mistake whose output the student's equals, or an empty string."""
        assert self._student is not None
        if verdict.check.device != CPU:  # the mistake is the same one as on the CPU, or one of placement
            before = self._on_the_cpu(verdict.check)
            return before.misconception if before is not None and before.message == verdict.message else ""
        for mistake in verdict.check.spec.misconceptions:
            calls = [call for call in self._student.calls if mistake.of in (None, call.name)]
            if not calls or not _fits(mistake, calls[-1]):
                continue
            try:
                if _is_output_of(mistake, calls[-1].args, dict(calls[-1].kwargs), calls[-1].result):
                    return mistake.sentence
            except NO_OUTPUT:  # whoever made this mistake would have got an error here, and no result
                continue
            except Exception as error:  # a mistake is ours; that it breaks must not touch the student's verdict
                verdict.faults.append(
                    f"the misconception {mistake.wrong.__name__} raised {type(error).__name__}: {error}"
                )
        return ""


def _ran(verdict: Verdict) -> Ran:
    return Ran(verdict.check.title, verdict.outcome, verdict.message, verdict.steps)


def _is_refusal(error: StudentRaised, verdict: Verdict) -> bool:
    return verdict.check.device != CPU and error.text.startswith(REFUSED)


def _on_devices(checks: list[Check], available: set[str]) -> list[Check]:
    """Return the checks on every device, in the order in which they run: an accelerator's placement checks last.

    The list is the same for every student. Placement is judged on the simulated accelerator, for points, also where it
    is not available: then it is not graded. On a GPU, checks are worth nothing.
    """
    values = [check for check in checks if not check.judges_placement]
    placements = [check for check in checks if check.judges_placement]
    result = list(values)
    for device in ACCELERATORS:
        if device in available:
            anywhere = [check for check in values if not check.spec.cpu_only]
            if device == SIMULATED:
                anywhere = [check for check in anywhere if not check.spec.not_simulated]
            result += [replace(check, device=device, spec=replace(check.spec, points=0.0)) for check in anywhere]
        for check in placements:
            spec = check.spec if device == PLACEMENT_JUDGE else replace(check.spec, points=0.0)
            result.append(replace(check, device=device, spec=spec))
    return result


def _fits(mistake: Misconception, call: Call) -> bool:
    """Return whether a mistake can be given the arguments of a call; a call may make what should be asked later."""
    try:
        inspect.signature(mistake.wrong).bind(*call.args, **call.kwargs)
    except TypeError:
        return False
    return True


def _is_output_of(mistake: Misconception, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> bool:
    return equals_mistake(result, mistake.wrong(*args, **kwargs))


def _check_of(item: pytest.Item) -> Check:
    function = getattr(item, "obj", None)
    if not callable(function):
        raise HarnessError(f"{item.nodeid}: expected a check function")
    spec, title = spec_of(function), title_of(function)
    parameters = _parameters(item)
    visible = parameters.get("visible_cell")
    if visible is not None:
        spec = CheckSpec(points=1.0, exercise=visible.exercise)
        title = f"The visible tests of {visible.exercise}"
    elif parameters:
        title = f"{title.removesuffix('.')} ({item.name.partition('[')[2].removesuffix(']')})."
    if not spec.exercise:
        raise HarnessError(f"{item.name}: expected a check to name its exercise, got none. Add @exercise(...).")
    return Check(item.name, title, CPU, spec, item, _is_plain(item), _asked(item))


def _parameters(item: pytest.Item) -> dict[str, Any]:
    return dict(getattr(getattr(item, "callspec", None), "params", {}))


def _asked(item: pytest.Item) -> tuple[str, ...]:
    return tuple(inspect.signature(item.obj).parameters) if isinstance(item, pytest.Function) else ()


def _is_plain(item: pytest.Item) -> bool:
    """Return whether a check has no fixtures but ours, no indirect parameters and no markers that pytest acts on."""
    marks = {mark.name for mark in item.iter_markers()}
    if not isinstance(item, pytest.Function) or marks - {"parametrize"}:
        return False
    direct: set[str] = set()
    for mark in item.iter_markers("parametrize"):
        if mark.kwargs.get("indirect"):
            return False
        names = mark.args[0] if mark.args else mark.kwargs.get("argnames", ())
        direct |= {name.strip() for name in (names.split(",") if isinstance(names, str) else names)}
    defined = item._fixtureinfo.name2fixturedefs  # more than one where the checks define a fixture of the same name
    ours = {name for name in FIXTURES if len(defined.get(name, ())) == 1}
    asked = set(_asked(item))
    return asked <= direct | ours and set(item.fixturenames) <= asked | ours


def _in_a_sentence(file: str, trace: str) -> str:
    """Return a collection error without its traceback: the fault, and the line in ``file``, where the checks are."""
    lines = trace.splitlines()
    fault = [line[1:].strip() for line in lines if line.startswith("E ")] or lines
    place = re.match(r'File "(.+)", line (\d+)', fault[0])
    if place is not None:  # a syntax error, in this file or in one that it imports
        return f"{fault[-1]} ({PurePath(place[1]).name}, line {place[2]})"
    numbers = [found[1] for line in lines if (found := re.match(rf"(?:.*/)?{re.escape(file)}:(\d+): in ", line))]
    return " ".join(fault) + (f" (line {numbers[-1]})" if numbers else "")
