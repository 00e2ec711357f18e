"""A worker that has an accelerator is as confined as any other, its device can be lied about and nothing is gained.

It is forked by a branch of the nursery. Where a tensor is, only the worker can say, and a student's code may have
changed what says it: a lie about placement is worth the points of placement, and those alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from autograder.boundary.installation import Installation
from autograder.boundary.nursery import Branch, Nursery
from autograder.boundary.student import BLAME_CHARS, CallLimits, Student
from autograder.checks import Runs, expect_close, expect_placement
from autograder.checks.expect import CheckRun, current_run
from autograder.checks.placement import Ran
from autograder.errors import (
    CheckFailed,
    HarnessError,
    ProtocolViolation,
    StudentBlocked,
    StudentCrashed,
    StudentError,
    StudentOutOfMemory,
    StudentRaised,
    StudentTimedOut,
)
from autograder.grading.grader import Workers
from autograder.worker import simgpu
from tests.hostile.conftest import FINE, Cell, descendants
from tests.hostile.test_nothing_is_left import MESS, alive, processes, scratch_root, until

__all__ = ["scratch_root"]  # a fixture

DEVICE = simgpu.NAME
ON_DEVICE = f"import torch\nTHERE = torch.ones(1, device='{DEVICE}')\n"
Attacker = Callable[..., Student]


@pytest.fixture(scope="module")
def branch(nursery: Nursery) -> Iterator[Branch]:
    """A branch of the nursery that all attacks share."""
    started = Branch(nursery, DEVICE)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def attacker(branch: Branch, neighbour: Student) -> Iterator[Attacker]:
    """Return a function that makes a student on the accelerator; afterwards the branch and the neighbour are there."""
    made: list[Student] = []

    def make(source: str, *, call_s: float = 5, spawn: Callable[[], object] = branch.spawn) -> Student:
        cell = Cell(textwrap.dedent(source) + FINE)
        made.append(Student(spawn, [cell], limits=CallLimits(call_s, 5, 60), device=DEVICE))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()
    assert branch.is_running
    assert neighbour.fine() == 42
    assert neighbour.workers_used == 1


@pytest.fixture
def costs_one_call_there(attacker: Attacker) -> Callable[..., StudentError]:
    """Return a function that runs ``attack()`` there and returns its error; the next call is answered as ever."""

    def run(source: str, *args: object, error: type[StudentError] = StudentError, match: str | None = None,
            call_s: float = 5) -> StudentError:  # fmt: skip
        one = attacker(ON_DEVICE + source, call_s=call_s)
        one.load()
        assert not one.failures, "the attack itself is not right"
        with pytest.raises(error, match=match) as caught:
            one.attack(*args)
        assert one.fine() == 42
        return caught.value

    return run


# ---------------------------------------------------------------------------------------------- as confined as others


WHO = """
import os

def who():
    with open("file", "w") as file:
        file.write("mine")
    there = sorted(os.listdir("."))
    return os.getpid() == 1, os.getuid(), os.getgid(), len(os.environ), os.getcwd() == os.environ["HOME"], there

def status():
    with open("/proc/self/status") as file:
        return {line.partition(":")[0]: line.partition(":")[2].strip() for line in file}

def limits():
    import resource
    names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    return {name: resource.getrlimit(getattr(resource, name)) for name in names}

def modules():
    import sys
    return sorted(name for name in sys.modules if name.startswith(("autograder", "reference", "grade_", "pytest")))

def descriptors():
    found = []
    for number in range(256):
        try:
            os.fstat(number)
            found.append(number)
        except OSError:
            pass
    return len(found)
"""


def test_it_has_the_layers_of_the_others(branch: Branch, nursery: Nursery) -> None:
    """``spawn`` refuses a worker whose own report differs from these."""
    assert branch.layers == nursery.layers
    assert branch.limits == nursery.limits
    worker = branch.spawn()
    worker.kill()


@pytest.mark.parametrize("what", ["who", "modules", "descriptors"])
def test_it_is_what_the_others_are(attacker: Attacker, student: Callable[..., Student], what: str) -> None:
    here, there = student(WHO), attacker(WHO)
    assert there.call(what) == here.call(what)


def test_it_may_take_what_the_others_may(attacker: Attacker, student: Callable[..., Student]) -> None:
    """Memory is limited beyond what a process has when it starts, and the simulation has some more."""
    here, there = student(WHO).limits(), attacker(WHO).limits()
    assert there.keys() == here.keys()
    for name in here:
        if name in ("RLIMIT_AS", "RLIMIT_DATA"):
            assert there[name] == pytest.approx(here[name], abs=32 << 20)
        else:
            assert there[name] == here[name]


def test_the_kernel_says_the_same_of_it(attacker: Attacker, student: Callable[..., Student]) -> None:
    """No new privileges, a filter of system calls, no capabilities: as for the others, whether they can be read."""
    answers = []
    for one in (student(WHO), attacker(WHO)):
        try:
            found = one.status()
            answers.append({name: found.get(name) for name in ("NoNewPrivs", "Seccomp", "CapEff", "CapPrm", "CapBnd")})
        except StudentError as error:
            answers.append({"error": type(error).__name__})
    assert answers[0] == answers[1]


WAYS = {
    "the passwords": "open('/etc/shadow').read()",
    "a secret": "open({secret!r}).read()",
    "the folder of secrets": "os.listdir({folder!r})",
    "the project": "open({project!r}).read()",
    "a socket": "socket.socket()",
    "a socket of this machine": "socket.socket(socket.AF_UNIX)",
    "a fork": "os.fork()",
    "a program": "subprocess.run(['true'])",
    "a signal": "os.kill(os.getppid() or 2, 9)",
    "a file elsewhere": "open('/etc/planted', 'w')",
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_is_forbidden_is_forbidden_there(
    costs_one_call_there: Callable[..., StudentError], secrets: Path, way: str
) -> None:
    project = Path(__file__).resolve().parents[2] / "tests" / "hidden" / "grade_metrics.py"
    expression = way.format(secret=str(secrets / "gradebook.db"), folder=str(secrets), project=str(project))
    source = f"import os, socket, subprocess\n\ndef attack(): return {expression}"
    error = costs_one_call_there(source)
    # with a mount namespace there is nothing of that name, and nothing to write to
    absent = isinstance(error, StudentRaised) and error.names[0] in ("FileNotFoundError", "ProcessLookupError")
    assert isinstance(error, StudentBlocked) or absent or "Read-only file system" in str(error)


def test_it_sees_no_other_process(attacker: Attacker, student: Callable[..., Student]) -> None:
    source = """
    import os

    def see(others):
        seen = []
        for pid in others:
            try:
                seen.append(open(f"/proc/{pid}/cmdline").read())
            except OSError:
                pass
        return seen
    """
    assert attacker(source).see([os.getpid(), os.getppid(), *descendants(os.getpid())]) == []


@pytest.mark.parametrize(
    "how",
    [
        f"torch.ones(10**12, device='{DEVICE}')",
        f"[torch.ones(64 << 18, device='{DEVICE}') for _ in range(99)]",
        "[THERE.new_ones(64 << 18) for _ in range(99)]",
        "THERE.repeat(10**12)",
        f"torch.zeros(8 << 20, dtype=torch.uint8).repeat(99).to('{DEVICE}')",
    ],
)
def test_a_balloon_there_is_out_of_memory(costs_one_call_there: Callable[..., StudentError], how: str) -> None:
    costs_one_call_there(f"def attack(): return {how}", error=StudentOutOfMemory, match="more memory than allowed")


def test_its_end_is_told_by_the_branch(costs_one_call_there: Callable[..., StudentError]) -> None:
    error = costs_one_call_there("import os\n\ndef attack(): os._exit(7)", error=StudentCrashed)
    assert str(error) == "attack: its process ended itself with exit code 7 before it answered"
    error = costs_one_call_there("import ctypes\n\ndef attack(): ctypes.string_at(8)", error=StudentCrashed)
    assert str(error) == "attack: its process was ended by SIGSEGV"


def test_a_loop_in_a_backward_pass_ends(costs_one_call_there: Callable[..., StudentError]) -> None:
    source = """
class Loop(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x.clone()
    @staticmethod
    def backward(ctx, gradient):
        while True: pass

def attack(): Loop.apply(torch.ones(2, device='simgpu', requires_grad=True)).sum().backward()
"""
    costs_one_call_there(source, error=StudentTimedOut, call_s=0.5)


def test_memory_that_the_simulation_shares_is_its_own(attacker: Attacker) -> None:
    """What a worker does to the simulation's tables, another does not see: each is a fork of its own."""
    one = attacker("import sys\ndef attack():\n    sys.modules['autograder.worker.simgpu.kernels']._plans.clear()\n"
                   "    sys.modules['torch'].Tensor.to = None\n    return True")  # fmt: skip
    assert one.attack() is True
    other = attacker(f"import torch\ndef double(x): return (2 * x).to('cpu').to('{DEVICE}')")
    assert torch.equal(other.double(torch.ones(2)), torch.full((2,), 2.0))
    assert not other.steps[-1].misplaced


# ---------------------------------------------------------------------------------------------- lies about the device

RIGHT = "def double(x): return 2 * x"
LIES = {
    "the device of a tensor": """
import torch
class Claimed:
    type, index = "simgpu", 0
    def __str__(self): return "simgpu:0"
torch.Tensor.device = property(lambda tensor: Claimed())
torch.Tensor.is_cpu = property(lambda tensor: False)
def double(x): return torch.tensor([2.0 * v for v in x.tolist()], device="cpu")
""",
    "what asks for the device": """
import sys, torch
wire = sys.modules["autograder.worker.wire"]
serve = sys.modules["autograder.worker.serve"]
encode = wire.Encoder._tensor
def lie(encoder, tensor):
    value = encode(encoder, tensor)
    encoder.tensors[-1][2] = "simgpu:0"
    return value
wire.Encoder._tensor = lie
def double(x): return 2 * x.cpu()
""",
    "where inputs are put": """
import sys
sys.modules["autograder.worker.serve"]._placed = lambda tensor, info, device: tensor
import autograder.worker.wire as wire
encode = wire.Encoder._tensor
def lie(encoder, tensor):
    value = encode(encoder, tensor)
    encoder.tensors[-1][2] = "simgpu:0"
    return value
wire.Encoder._tensor = lie
import torch
ZERO = torch.zeros(1)
def double(x): return 2 * x + ZERO
""",
    "what moves a tensor": """
import torch
to = torch.Tensor.to
torch.Tensor.cpu = torch.Tensor.to = lambda tensor, *words, **more: tensor
def double(x): return (2 * x).cpu()
""",
}
BREAKING = {
    "the simulation's kernels": "sys.modules['autograder.worker.simgpu.kernels'].run = None",
    "the simulation's memory": "sys.modules['autograder.worker.simgpu.memory'].raw = lambda tensor: 1 / 0",
    "the simulation's name": "sys.modules['autograder.worker.simgpu'].NAME = 7",
    "all of the simulation": "[sys.modules.pop(name) for name in list(sys.modules) if 'simgpu' in name]",
    "what the loop fetches with": "sys.modules['autograder.worker.serve']._fetched = lambda tensor: tensor",
    "raw memory that is none": "sys.modules['autograder.worker.serve'].simgpu.raw = lambda tensor: torch.empty(0)",
    "who looks for the line": "sys.modules['autograder.worker.provenance'].blamed = lambda *words: 1 / 0",
    "the device module": "del torch.simgpu",
    "what a module is moved with": "torch.nn.Module._apply = None",
    "the engine": "sys.modules['autograder.worker.simgpu.guard'].run_backward = None",
    "a second simulation": "sys.modules['autograder.worker.simgpu']._libraries.clear(); gc.collect()",
    "another name": "torch.utils.rename_privateuse1_backend('evil')",
    "the storage": "torch.Tensor.untyped_storage = lambda tensor: 1 / 0",
}


def as_a_check(student: Student, value: float) -> Ran:
    """Run one check as the grader does: doubling gives twice the number."""
    student.begin_check()
    token = current_run.set(CheckRun(student))
    x = torch.full((3,), value)
    try:
        expect_close(student.double(x), 2 * x.double(), dtype=torch.float32)
        outcome, message = "passed", ""
    except (StudentError, CheckFailed) as error:
        outcome, message = getattr(error, "outcome", "failed"), str(error)
    finally:
        current_run.reset(token)
    return Ran("Doubling.", outcome, message, tuple(student.steps))


def judged(here: Student, there: Student) -> str:
    """Return how placement is judged: ``passed``, or what is said."""
    pairs = tuple((as_a_check(here, value), as_a_check(there, value)) for value in (1.0, 2.0))
    try:
        expect_placement(Runs(DEVICE, pairs, there.blame))
    except (CheckFailed, HarnessError) as error:
        return f"{type(error).__name__}: {error}"
    return "passed"


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lie_about_the_device_is_worth_no_more_than_placement(
    attacker: Attacker, student: Callable[..., Student], lie: str
) -> None:
    """It is possible, for nobody else knows; values are judged on the CPU, where there is nothing to lie about."""
    wrong = lie.replace("2 *", "3 *").replace("2.0 *", "3.0 *")
    assert wrong != lie
    there = attacker(wrong)
    there.load()
    assert not there.failures, "the attack itself is not right"
    for value in (1.0, 2.0):
        run = as_a_check(there, value)
        assert run.outcome != "passed", "values are compared wherever they are said to be"
    assert judged(student(wrong), attacker(wrong)).endswith("on the CPU yet: placement comes after that")
    assert judged(student(RIGHT), attacker(RIGHT)) == "passed", "of another student, afterwards"
    judged(student(lie), attacker(lie))  # may be what it likes; it ends


def test_some_lies_succeed(attacker: Attacker, student: Callable[..., Student]) -> None:
    """Said here so that nobody believes otherwise: placement is judged by what the worker says."""
    lie = LIES["what asks for the device"]
    assert judged(student(lie), attacker(lie)) == "passed"
    honest = "def double(x): return 2 * x.cpu()"
    assert judged(student(honest), attacker(honest)).startswith("CheckFailed: double: expected the result on simgpu")


@pytest.mark.parametrize("sabotage", BREAKING.values(), ids=BREAKING)
def test_who_breaks_the_simulation_breaks_his_own_worker(attacker: Attacker, sabotage: str) -> None:
    source = f"import gc, sys, torch\n\ndef attack():\n    {sabotage}\n    return True\n\n{RIGHT}"
    one = attacker(source)
    one.load()
    assert not one.failures, "the attack itself is not right"
    with contextlib.suppress(StudentError):
        one.attack()
    for _ in range(2):  # whatever comes is an answer or an error of the student's
        with contextlib.suppress(StudentError):
            one.begin_check()
            result = one.double(torch.ones(2))
            if isinstance(result, torch.Tensor) and not one.steps[-1].misplaced and result.shape == (2,):
                assert torch.equal(result, torch.full((2,), 2.0))
        assert one.blame(one.steps[-1]) is None or one.steps[-1]
    other = attacker(RIGHT)
    assert torch.equal(other.double(torch.ones(2)), torch.full((2,), 2.0))


@pytest.mark.parametrize(
    "claimed", ["'simgpu:' + '0' * 40", "7", "None", "['simgpu:0']", "{'simgpu': 0}", "True", "'\\ud800' * 41"]
)
def test_a_device_that_is_no_short_text_is_no_answer(attacker: Attacker, claimed: str) -> None:
    source = LIES["what asks for the device"].replace('"simgpu:0"', claimed)
    one = attacker(source)
    with pytest.raises(ProtocolViolation, match="the answer is not well formed"):
        one.double(torch.ones(2))
    assert one.fine() == 42


@pytest.mark.parametrize("claimed", ["''", "':0'", "'simgpu0'", "'SIMGPU:0'", "'<b>simgpu:0'", "' simgpu'", "'cuda'"])
def test_a_device_of_another_name_is_misplaced(
    attacker: Attacker, student: Callable[..., Student], claimed: str
) -> None:
    source = LIES["what asks for the device"].replace('"simgpu:0"', claimed)
    said = judged(student(RIGHT), attacker(source))
    assert said.startswith("CheckFailed: double: expected the result on simgpu, where the inputs are, got it on ")


@pytest.mark.parametrize(
    "answer",
    ["None", "(1, 2, 3)", "('a', 'made')", "('a', 'made', 'b', 'c')", "['a', 'made', 'b']", "torch.ones(3)",
     "{'where': 1}", "('x' * 100_000, 'made', 'y' * 100_000)", "('\\x1b[2J', 'moved', '`{0}`')", "[[]] * 10"],
)  # fmt: skip
def test_a_line_that_is_made_up_is_a_short_text_or_nothing(
    attacker: Attacker, student: Callable[..., Student], answer: str
) -> None:
    source = f"""
import sys, torch
serve = sys.modules["autograder.worker.serve"]
serve.OPERATIONS["blame"] = lambda *words: {{"value": {answer}}}
def double(x): return (2 * x).cpu()
"""
    said = judged(student(RIGHT), attacker(source))
    text = "CheckFailed: double: expected the result on simgpu, where the inputs are, got it on cpu"
    assert said.startswith(text)
    assert len(said) <= len(text) + 2 * BLAME_CHARS + 100


@pytest.mark.parametrize(
    ("reaction", "seconds"), [("os._exit(0)", 2), ("time.sleep(60)", 6), ("1 / 0", 2), ("bytearray(10**12)", 2)]
)
def test_a_second_time_that_goes_otherwise_is_no_fault_of_ours(
    attacker: Attacker, student: Callable[..., Student], reaction: str, seconds: float
) -> None:
    """To find the line, the call is asked once more: the function may know that and do what it likes."""
    source = f"""
import os, sys, time
def double(x):
    if sys.getprofile() is not None: {reaction}
    return (2 * x).cpu()
"""
    one = attacker(source, call_s=1.0)
    start = time.monotonic()
    assert judged(student(RIGHT), one).startswith(
        "CheckFailed: double: expected the result on simgpu, where the inputs are, got it on cpu"
    )
    assert time.monotonic() - start < seconds + 20
    assert one.fine() == 42


# ---------------------------------------------------------------------------------------------- who ends, and who stays


def branch_pid(branch: Branch) -> int:
    with open(f"/proc/self/fdinfo/{branch._pidfd}") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pid:"))


@pytest.fixture
def workers(new_nursery: Callable[..., Nursery], scratch_root: Path) -> Iterator[tuple[Nursery, Workers]]:
    """A nursery of this test, and what gives workers of a branch of it."""
    with new_nursery() as nursery:
        made = Workers(nursery, DEVICE)
        yield nursery, made
        made.close()


def person(spawn: Callable[[], object], source: str = "") -> Student:
    return Student(spawn, [Cell(source + FINE)], limits=CallLimits(5, 5, 60), device=DEVICE)  # type: ignore[arg-type]


def test_a_killed_branch_takes_its_workers_and_another_one_is_started(
    workers: tuple[Nursery, Workers], processes_below: Callable[[int], set[int]]
) -> None:
    nursery, there = workers
    on_the_cpu = Student(nursery.spawn, [Cell(FINE)])
    one = person(there.spawn)
    assert one.fine() == on_the_cpu.fine() == 42
    assert there._branch is not None
    pid = branch_pid(there._branch)
    assert pid in processes_below(os.getpid())
    its_own = processes_below(pid) | {pid}
    assert len(its_own) >= 3  # a worker, and the one that is next
    os.kill(pid, signal.SIGKILL)
    assert until(lambda: not alive(its_own))
    assert not there._branch.is_running
    with pytest.raises(StudentCrashed, match="fine: its process ended before it answered"):
        one.fine()
    assert one.fine() == 42
    assert branch_pid(there._branch) != pid
    assert nursery.is_running
    assert on_the_cpu.fine() == 42
    assert (one.workers_used, on_the_cpu.workers_used) == (2, 1)
    one.close()
    on_the_cpu.close()


def test_a_killed_nursery_takes_branches_and_their_workers(
    workers: tuple[Nursery, Workers], processes_below: Callable[[int], set[int]]
) -> None:
    nursery, there = workers
    one = person(there.spawn)
    assert one.fine() == 42
    everybody = processes(nursery, processes_below)
    assert there._branch is not None
    assert branch_pid(there._branch) in everybody
    assert nursery._process is not None
    nursery._process.kill()
    assert until(lambda: not alive(everybody))
    assert not there._branch.is_running
    with pytest.raises(StudentCrashed):
        one.fine()
    assert one.fine() == 42, "the grader starts the nursery once more, and a branch of it"
    assert nursery.is_running
    assert branch_pid(there._branch) in processes(nursery, processes_below)
    one.close()


def test_a_nursery_that_is_just_being_killed_is_replaced_too(workers: tuple[Nursery, Workers]) -> None:
    nursery, there = workers
    there.spawn().kill()
    assert nursery._process is not None
    nursery._process.kill()
    nursery._process.wait()
    there.spawn().kill()


def test_a_branch_that_cannot_be_is_said_and_the_nursery_goes_on(workers: tuple[Nursery, Workers]) -> None:
    nursery, there = workers
    with pytest.raises(HarnessError, match="the workers for tpu did not start: KeyError: 'tpu'"):
        Branch(nursery, "tpu").start()
    there.spawn().kill()
    nursery.spawn().kill()
    with pytest.raises(HarnessError, match="the nursery is not started"):
        Branch(Nursery(Installation((), (), ()), nursery.limits), DEVICE).start()


def nothing_is_left(
    new_nursery: Callable[..., Nursery], scratch_root: Path, source: str, ask: str, is_closed: bool
) -> None:
    """Let one worker of a branch work, and end everything as a grader process does; see what is left."""
    with new_nursery() as nursery:
        there = Workers(nursery, DEVICE)
        one = person(there.spawn, source)
        try:
            one.call(ask)
            if is_closed:
                one.close()
            everybody = processes(nursery, descendants)
            there.close()
            nursery.stop()
            assert until(lambda: not alive(everybody))
        finally:
            one.close()
            there.close()
    assert until(lambda: not list(scratch_root.iterdir()), 5)


@pytest.mark.parametrize("is_closed", [True, False])
def test_nothing_is_left(new_nursery: Callable[..., Nursery], scratch_root: Path, is_closed: bool) -> None:
    nothing_is_left(new_nursery, scratch_root, "", "fine", is_closed)


FULL = """
import os

def attack():
    for number in range(150):
        os.mkdir(str(number))
        for inner in range(20):
            os.mkdir(f"{number}/{inner}")
    return True
"""


@pytest.mark.parametrize(("source", "is_closed"), [(MESS, False), (FULL, True)], ids=["deep", "wide"])
def test_a_scratch_folder_that_takes_time_to_remove_is_removed(
    new_nursery: Callable[..., Nursery], scratch_root: Path, source: str, is_closed: bool
) -> None:
    nothing_is_left(new_nursery, scratch_root, source, "attack", is_closed)


def test_a_stopped_branch_ends_and_can_be_started_again(
    workers: tuple[Nursery, Workers], processes_below: Callable[[int], set[int]], scratch_root: Path
) -> None:
    nursery, there = workers
    one = person(there.spawn)
    one.fine()
    assert there._branch is not None
    pid = branch_pid(there._branch)
    its_own = processes_below(pid) | {pid}
    there.close()
    assert until(lambda: not alive(its_own))
    assert nursery.is_running
    assert until(lambda: len(list(scratch_root.iterdir())) <= 1), "that of the nursery's next worker"
    with pytest.raises(StudentCrashed):
        one.fine()
    assert one.fine() == 42
    one.close()
