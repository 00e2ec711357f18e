"""Every check on the CPU for its points, and again on the simulated accelerator, by the real command line."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from autograder.boundary.nursery import Nursery
from autograder.boundary.worker import Answer, Worker
from autograder.errors import HarnessError, NurseryGone
from autograder.grading import grader
from autograder.grading.devices import (
    ACCELERATORS,
    CHOICES,
    CPU,
    CUDA,
    NO_GPU,
    PLACEMENT_JUDGE,
    SIMULATED,
    SLOWDOWN,
    devices_of,
)
from autograder.reports.models import CheckResult, StaffReport
from autograder.submissions.submission import Located
from tests.unit.toy import (
    STUB,
    TOPIC,
    ProcesslessNursery,
    ProcesslessWorker,
    autograder,
    hand_in,
    job_of,
    make_course,
    notebook,
    own_imports,
    save,
    staff_report,
)

HEAD = '''
"""Hidden checks of the topic toy, with a check of placement for each exercise."""
import pytest
import torch

from autograder.checks import (
    cpu_only, exercise, expect_close, expect_device, expect_equal, expect_placement, expect_raises, expect_true, hint,
    misconception, not_simulated, points
)


def squared(x):
    return x * x

'''
CHECKS = (
    HEAD
    + '''
@exercise("double")
@points(2)
@hint("Twice is not the square.")
@misconception("The number is squared", squared)
def check_double(student, generator):
    """Doubling works entry by entry."""
    x = 2 + torch.rand(4, generator=generator, dtype=torch.float64)
    expect_close(student.double(x), 2 * x)


@exercise("double")
@points(1)
def check_double_of_integers(student):
    """Doubling integers gives integers."""
    expect_equal(student.double(torch.tensor([0, 2])), torch.tensor([0, 4]), dtype=torch.int64)


@exercise("double")
@points(1)
@not_simulated("more numbers on the same path")
def check_double_of_more(student, generator):
    """Doubling works for many numbers."""
    x = torch.randn(20, generator=generator, dtype=torch.float64)
    expect_close(student.double(x), 2 * x)


@exercise("double")
@points(4)
@hint("On which device is what you make?")
def check_placement_of_double(runs):
    """On an accelerator, doubling works as on the CPU."""
    expect_placement(runs)


@exercise("halve")
@points(1)
def check_halve(student):
    """Halving works entry by entry."""
    expect_close(student.halve(torch.ones(3, dtype=torch.float64)), torch.full((3,), 0.5, dtype=torch.float64))


@exercise("halve")
@points(1)
@cpu_only("it must raise")
def check_halve_of_nothing(student):
    """Nothing has no half."""
    expect_raises(lambda: student.halve(None))


@exercise("halve")
@points(8)
@hint("On which device is what you make?")
def check_placement_of_halve(runs):
    """On an accelerator, halving works as on the CPU."""
    expect_placement(runs)
'''
)
CPU_POINTS, PLACEMENT, PLACEMENT_OF_HALVE = 6.0, 4.0, 8.0
EVERYTHING = CPU_POINTS + PLACEMENT + PLACEMENT_OF_HALVE
CPU_IDS = ("check_double", "check_double_of_integers", "check_double_of_more", "check_halve", "check_halve_of_nothing")
SIMULATED_IDS = ("check_double", "check_double_of_integers", "check_placement_of_double", "check_halve",
                 "check_placement_of_halve")  # fmt: skip

DOUBLES = {
    "right": """
import torch

def double(x):
    result = torch.zeros(len(x), dtype=x.dtype, device=x.device)
    return result + 2 * x
""",
    "made": """
import torch

def double(x):
    result = torch.zeros(len(x), dtype=x.dtype)
    return result + 2 * x
""",
    "constant": """
import torch

TWICE = torch.tensor([2])

def double(x):
    return x * TWICE
""",
    "moved": """
def double(x):
    twice = 2 * x
    return twice.cpu()
""",
    "converted": """
import torch

def double(x):
    values = x.numpy()
    return torch.from_numpy(2 * values)
""",
    "through lists": """
import torch

def double(x):
    values = [2 * value for value in x.tolist()]
    return torch.tensor(values, dtype=x.dtype)
""",
    "in a rare branch": """
import torch

def double(x):
    if x.dtype == torch.int64:
        return x + torch.zeros(len(x), dtype=x.dtype) + x
    return 2 * x
""",
    "squared": "def double(x):\n    return x * x\n",
    "squared, misplaced": "def double(x):\n    return (x * x).cpu()\n",
    "tripled": "def double(x):\n    return 3 * x + 1\n",
    "stub": STUB,
    "other numbers there": "def double(x):\n    return 2 * x + (x.device.type != 'cpu') * (x == 0)\n",
    "cannot be simulated": "def double(x):\n    return 2 * x.to_sparse().to_dense()\n",
    "integers cannot be simulated": """
def double(x):
    return 2 * (x if x.is_floating_point() else x.to_sparse().to_dense())
""",
    "says it cannot be simulated": """
def double(x):
    if x.device.type != "cpu":
        raise NotImplementedError("simgpu: x")
    return 2 * x
""",
    "says not implemented": """
def double(x):
    if x.device.type != "cpu":
        raise NotImplementedError("not simgpu: x")
    return 2 * x
""",
    "says it cannot be done on the CPU": "def double(x):\n    raise NotImplementedError('simgpu: x')\n",
    "loops there": "def double(x):\n    while x.device.type != 'cpu': pass\n    return 2 * x\n",
    "loops": "def double(x):\n    while x.is_floating_point(): pass\n    return 2 * x\n",
    "exits there": "import os\ndef double(x):\n    x.device.type == 'cpu' or os._exit(0)\n    return 2 * x\n",
    "prints": "print('loaded')\ndef double(x):\n    print('called')\n    return 2 * x\n",
}
HALVES = {"halve is misplaced": "def halve(x):\n    half = x / 2\n    return half.cpu()\n"}

OTHERS = {
    "loops there with floats": (
        "def double(x):\n    while x.device.type != 'cpu' and x.is_floating_point(): pass\n    return 2 * x\n"
    ),
}

# of the exercise double: points on the CPU, points of placement, how the placement check ends
RESULTS: dict[str, tuple[float, float, str]] = {
    "right": (4.0, PLACEMENT, "passed"),
    "made": (4.0, 0.0, "failed"),
    "constant": (4.0, 0.0, "failed"),
    "moved": (4.0, 0.0, "failed"),
    "converted": (4.0, 0.0, "failed"),
    "through lists": (4.0, 0.0, "failed"),
    "in a rare branch": (4.0, 0.0, "failed"),
    "squared": (1.0, PLACEMENT, "passed"),
    "squared, misplaced": (1.0, 0.0, "failed"),
    "tripled": (0.0, 0.0, "failed"),
    "stub": (0.0, 0.0, "failed"),
    "other numbers there": (4.0, 0.0, "failed"),
    "cannot be simulated": (4.0, 0.0, "not_graded"),
    "integers cannot be simulated": (4.0, PLACEMENT, "passed"),
    "says it cannot be simulated": (4.0, 0.0, "not_graded"),
    "says not implemented": (4.0, 0.0, "failed"),
    "says it cannot be done on the CPU": (0.0, 0.0, "failed"),
    "loops there": (4.0, 0.0, "failed"),
    "loops": (1.0, PLACEMENT, "passed"),
    "exits there": (4.0, 0.0, "failed"),
    "prints": (4.0, PLACEMENT, "passed"),
}
NAMED = {
    "made": "`torch.zeros` in line 4 of cell double makes a tensor on the CPU, whatever the inputs are on",
    "constant": "`TWICE`, used in line 6 of cell double, was made beforehand and lives on the CPU",
    "moved": "`Tensor.cpu` in line 3 of cell double moves a tensor to the CPU",
    "converted": "`Tensor.numpy` in line 4 of cell double works on the CPU only",
    "through lists": "`torch.tensor` in line 5 of cell double makes a tensor on the CPU, whatever the inputs are on",
    "in a rare branch": "`torch.zeros` in line 5 of cell double makes a tensor on the CPU, whatever the inputs are on",
}
RETURNED = {"moved", "through lists", "squared, misplaced"}  # the result is on the CPU; elsewhere the call raises


@dataclass(frozen=True)
class Run:
    """One run of the command line."""

    process: subprocess.CompletedProcess[str]
    out: Path
    seconds: float = 0.0

    def staff(self, student: str) -> StaffReport:
        return staff_report(self.out, student)

    def on(self, device: str, student: str) -> dict[str, CheckResult]:
        return {check.id: check for check in self.staff(student).report.checks if check.device == device}


def grade(root: Path, *words: str, out: str = "reports") -> Run:
    start = time.monotonic()
    process = autograder("grade", TOPIC, root / "submitted", "--out", root / out, *words, cwd=root)
    return Run(process, root / out, time.monotonic() - start)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A class that is right and wrong about devices in many ways."""
    root = tmp_path_factory.mktemp("devices")
    make_course(root, CHECKS)
    for student, source in {**DOUBLES, **OTHERS}.items():
        hand_in(root, student, notebook(source.lstrip()))
    for student, source in HALVES.items():
        hand_in(root, student, notebook(DOUBLES["right"], source))
    return grade(root, "--jobs", "2")


# ---------------------------------------------------------------------------------------------- the table of devices


def test_the_cpu_comes_first_whatever_is_asked_for() -> None:
    for choice in CHOICES:
        for has_gpu in (False, True):
            devices = devices_of(choice, has_gpu)
            assert devices[0] == CPU
            assert len(set(devices)) == len(devices)
            assert set(devices) <= {CPU, *ACCELERATORS}
            assert (PLACEMENT_JUDGE in devices) == (choice != CPU)
    assert devices_of("auto", False) == (CPU, SIMULATED)
    assert devices_of("auto", True) == (CPU, SIMULATED, CUDA)
    assert devices_of("simgpu", True) == (CPU, SIMULATED)
    assert set(SLOWDOWN) == set(ACCELERATORS)


# ---------------------------------------------------------------------------------------------- a class


def test_every_student_is_in_the_table() -> None:
    assert set(RESULTS) == set(DOUBLES)
    assert NAMED.keys() | RETURNED <= DOUBLES.keys()


@pytest.mark.parametrize("student", [*RESULTS, *HALVES])
def test_everybody_has_the_same_rows(graded: Run, student: str) -> None:
    assert tuple(graded.on(CPU, student)) == CPU_IDS
    assert tuple(graded.on(SIMULATED, student)) == SIMULATED_IDS
    report = graded.staff(student).report
    assert report.max_points == EVERYTHING
    assert report.environment.devices[:2] == (CPU, SIMULATED)
    for device in ACCELERATORS:
        for check in graded.on(device, student).values():
            judges = device == SIMULATED and check.id.startswith("check_placement_of_")
            assert (check.max_points > 0) == judges, "on an accelerator, only placement has points"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("student", RESULTS)
def test_without_a_gpu_placement_there_is_not_run_and_costs_nothing(graded: Run, student: str) -> None:
    rows = graded.on(CUDA, student)
    assert tuple(rows) == ("check_placement_of_double", "check_placement_of_halve")
    for check in rows.values():
        assert (check.outcome, check.points, check.max_points) == ("not_run", 0.0, 0.0)
        assert check.message == NO_GPU
    assert graded.staff(student).report.environment.devices == (CPU, SIMULATED)


@pytest.mark.parametrize("student", RESULTS)
def test_points(graded: Run, student: str) -> None:
    on_the_cpu, of_placement, outcome = RESULTS[student]
    staff = graded.staff(student)
    double, halve = staff.report.exercises
    assert sum(check.points for check in double.checks if check.device == CPU) == on_the_cpu
    row = graded.on(SIMULATED, student)["check_placement_of_double"]
    assert (row.outcome, row.points, row.max_points) == (outcome, of_placement, PLACEMENT), row.message
    assert halve.points == 2.0 + PLACEMENT_OF_HALVE, "the other exercise does not see these runs"
    points = on_the_cpu + of_placement + halve.points
    assert staff.report.points == points
    if outcome == "not_graded":
        assert staff.report.grade is None
        assert staff.report.points_not_graded == PLACEMENT
        assert [(fault.kind, fault.check) for fault in staff.incidents] == [("grader-fault", row.id)]
        assert staff.incidents[0].detail == "HarnessError: no check of this exercise could be run on simgpu"
        assert row.message == "This check could not be judged. The fault is ours; it costs nothing."
    else:
        assert staff.report.grade == pytest.approx(100 * points / EVERYTHING)
        assert staff.incidents == ()


def test_the_run_says_who_is_not_graded_and_why(graded: Run) -> None:
    waiting = [student for student, (_, _, outcome) in RESULTS.items() if outcome == "not_graded"]
    assert graded.process.returncode == 1
    for line in graded.process.stdout.splitlines()[:-1]:
        student, _, grade = line.split("\t")
        assert (grade == "not graded yet") == (student in waiting) or student in OTHERS
    assert "Traceback" not in graded.process.stderr
    assert "check_placement_of_double" in graded.process.stderr
    assert "no check of this exercise could be run on simgpu" in graded.process.stderr


# ---------------------------------------------------------------------------------------------- placement


@pytest.mark.parametrize("student", NAMED)
def test_a_misplaced_tensor_costs_placement_alone_and_its_line_is_named(graded: Run, student: str) -> None:
    row = graded.on(SIMULATED, student)["check_placement_of_double"]
    if student in RETURNED:
        text = "double: expected the result on simgpu, where the inputs are, got it on cpu. "
        assert row.message == text + NAMED[student]
    else:
        assert row.message.startswith("on simgpu, double: raised ")
        assert row.message.endswith(f" of cell double). {NAMED[student]}")
    assert row.hint == "On which device is what you make?"
    assert graded.staff(student).report.points == EVERYTHING - PLACEMENT


def test_a_rare_branch_is_found_where_a_check_takes_it(graded: Run) -> None:
    rows = graded.on(SIMULATED, "in a rare branch")
    assert [rows[name].outcome for name in SIMULATED_IDS[:2]] == ["passed", "failed"]


@pytest.mark.parametrize("student", RETURNED)
def test_a_result_on_the_cpu_does_not_fail_the_check_of_its_values(graded: Run, student: str) -> None:
    here, there = graded.on(CPU, student), graded.on(SIMULATED, student)
    for name in SIMULATED_IDS[:2]:
        assert there[name].outcome == here[name].outcome


def test_one_exercise_does_not_see_the_runs_of_another(graded: Run) -> None:
    rows = graded.on(SIMULATED, "halve is misplaced")
    assert (rows["check_placement_of_double"].outcome, rows["check_placement_of_double"].points) == (
        "passed",
        PLACEMENT,
    )
    assert rows["check_placement_of_halve"].outcome == "failed"
    assert "`Tensor.cpu` in line 3 of cell halve moves a tensor to the CPU" in rows["check_placement_of_halve"].message
    assert graded.staff("halve is misplaced").report.points == EVERYTHING - PLACEMENT_OF_HALVE


def test_wrong_values_in_the_right_place_keep_the_points_of_placement(graded: Run) -> None:
    here, there = graded.on(CPU, "squared")["check_double"], graded.on(SIMULATED, "squared")["check_double"]
    assert (here.outcome, here.misconception) == ("failed", "The number is squared")
    assert (there.outcome, there.misconception, there.message) == ("failed", here.misconception, here.message)


def test_wrong_values_in_the_wrong_place_are_both(graded: Run) -> None:
    rows = graded.on(SIMULATED, "squared, misplaced")
    assert rows["check_double"].misconception == "The number is squared"
    assert "got it on cpu" in rows["check_placement_of_double"].message


def test_other_values_there_fail_placement_and_are_no_misconception(graded: Run) -> None:
    rows = graded.on(SIMULATED, "other numbers there")
    assert graded.on(CPU, "other numbers there")["check_double_of_integers"].outcome == "passed"
    assert rows["check_double_of_integers"].outcome == "failed"
    assert rows["check_double_of_integers"].misconception == ""
    assert rows["check_placement_of_double"].message.endswith(" (on simgpu, and not on the CPU)")


@pytest.mark.parametrize("student", ["stub", "tripled", "says it cannot be done on the CPU"])
def test_before_anything_is_right_placement_has_no_hint(graded: Run, student: str) -> None:
    row = graded.on(SIMULATED, student)["check_placement_of_double"]
    assert row.message == (
        "not even a quarter of this exercise's checks pass on the CPU yet: placement comes after that"
    )
    assert row.hint == ""


# ---------------------------------------------------------------------------------------------- what cannot be judged


@pytest.mark.parametrize("student", ["cannot be simulated", "says it cannot be simulated"])
def test_what_cannot_be_simulated_is_not_run(graded: Run, student: str) -> None:
    """Who says so without need gains nothing: the staff hears of it, and there is no grade before they have looked."""
    rows = graded.on(SIMULATED, student)
    for name in SIMULATED_IDS[:2]:
        assert rows[name].outcome == "not_run"
        assert rows[name].message.startswith("it cannot be simulated: ")
        assert "simgpu: " not in rows[name].message
    assert rows["check_halve"].outcome == "passed"


def test_what_can_be_simulated_is_judged(graded: Run) -> None:
    """One row is enough for the points: whoever forges the refusal in a branch that is misplaced gets away with it."""
    rows = graded.on(SIMULATED, "integers cannot be simulated")
    assert [rows[name].outcome for name in SIMULATED_IDS[:3]] == ["passed", "not_run", "passed"]


def test_only_the_simulation_says_that_it_cannot(graded: Run) -> None:
    rows = graded.on(SIMULATED, "says not implemented")
    assert [rows[name].outcome for name in SIMULATED_IDS[:3]] == ["failed"] * 3
    assert rows["check_placement_of_double"].message.startswith("on simgpu, double: not implemented yet (line 3 of")
    assert {check.outcome for check in graded.on(CPU, "says it cannot be done on the CPU").values()} == {
        "failed",
        "passed",  # halve
    }
    assert graded.on(CPU, "says it cannot be done on the CPU")["check_double"].outcome == "failed"


def test_an_endless_loop_there_alone_ends_and_earns_nothing(graded: Run) -> None:
    """Every run there timed out, and none on the CPU: it does not work there.

    With one check that comes to its end there, the points would be earned: a loop on some path says nothing of
    placement, by design. On the CPU, where the other points are, such a loop costs nothing at all.
    """
    rows = graded.on(SIMULATED, "loops there")
    for name in SIMULATED_IDS[:2]:
        assert rows[name].outcome == "timed_out"
    assert rows["check_double"].message == "double: ran for more than 4 s"
    assert "nothing of this exercise comes to its end" in rows["check_placement_of_double"].message
    kinds = [i.kind for i in graded.staff("loops there").report.incidents if i.kind != "unknown-time"]
    assert kinds == ["timed-out", "timed-out"]
    assert rows["check_halve"].outcome == "passed", "in a worker of its own"
    assert 8 <= graded.staff("loops there").duration_s < 60  # two limits of four seconds


def test_a_check_that_times_out_there_is_asked_once(graded: Run) -> None:
    rows = graded.on(SIMULATED, "loops there with floats")
    assert rows["check_double"].outcome == "timed_out"
    took = {time.check: time.duration_s for time in graded.staff("loops there with floats").times if time.device != CPU}
    assert 4 <= took["check_double"] < 8  # the limit is four seconds, and it is not waited for twice
    assert rows["check_double_of_integers"].outcome == "passed"
    assert rows["check_placement_of_double"].outcome == "passed"


def test_an_end_there_alone_earns_nothing(graded: Run) -> None:
    rows = graded.on(SIMULATED, "exits there")
    for name in SIMULATED_IDS[:2]:
        assert (rows[name].outcome, rows[name].message) == (
            "crashed",
            "double: its process ended itself with exit code 0 before it answered",
        )
    assert rows["check_halve"].outcome == "passed"


def test_what_times_out_on_the_cpu_is_not_run_again(graded: Run) -> None:
    here, there = graded.on(CPU, "loops"), graded.on(SIMULATED, "loops")
    assert here["check_double"].outcome == "timed_out"
    assert there["check_double"].outcome == "not_run"
    took = [time for time in graded.staff("loops").times if time.check == "check_double" and time.device == SIMULATED]
    assert [time.duration_s for time in took] == [0.0]
    assert there["check_double"].message == "it did not come to its end on the CPU"
    assert there["check_double_of_integers"].outcome == "passed"
    assert graded.staff("loops").duration_s < 30  # two limits of a second


def test_what_is_printed_is_kept_once(graded: Run) -> None:
    assert graded.staff("prints").report.stdout_tail == "loaded\n" + 3 * "called\n"


# ---------------------------------------------------------------------------------------------- --device


@pytest.fixture
def one_student(tmp_path: Path) -> Path:
    make_course(tmp_path, CHECKS)
    hand_in(tmp_path, "ada", notebook(DOUBLES["right"].lstrip()))
    return tmp_path


def test_limited_to_the_cpu_placement_waits_for_another_run(one_student: Path) -> None:
    run = grade(one_student, "--device", "cpu")
    assert run.process.returncode == 1
    report = run.staff("ada").report
    assert report.environment.devices == (CPU,)
    assert (report.points, report.points_not_graded, report.grade) == (6.0, 12.0, None)
    rows = run.on(SIMULATED, "ada")
    assert tuple(rows) == ("check_placement_of_double", "check_placement_of_halve")
    assert {row.outcome for row in rows.values()} == {"not_graded"}
    assert [fault.detail for fault in run.staff("ada").incidents] == [
        "this run was limited to the CPU; use --device auto or simgpu"
    ] * 2
    assert "use --device auto or simgpu" in run.process.stderr

    run = grade(one_student, "--device", "auto")
    assert (run.process.returncode, run.process.stdout.splitlines()[0]) == (0, "ada\t18/18\t100.0 %")
    assert "(kept)" not in run.process.stderr
    for device in ("auto", "simgpu", "cpu"):  # what was asked for is in the report, and more
        run = grade(one_student, "--device", device)
        assert (run.process.returncode, run.process.stdout.splitlines()[0]) == (0, "ada\t18/18\t100.0 %")
        assert "(kept)" in run.process.stderr


def test_a_complete_report_of_fewer_devices_is_graded_again(tmp_path: Path) -> None:
    """Without a check of placement a run on the CPU alone is complete; only the devices differ."""
    checks, count = re.subn(r'@exercise\("\w+"\)\n@points\(\d\)\n@hint\([^)]*\)\ndef check_placement_.*?\n\n\n', "",
                            CHECKS + "\n\n\n", flags=re.DOTALL)  # fmt: skip
    assert count == 2
    make_course(tmp_path, checks)
    hand_in(tmp_path, "ada", notebook(DOUBLES["right"].lstrip()))
    run = grade(tmp_path, "--device", "cpu")
    assert (run.process.returncode, run.process.stdout.splitlines()[0]) == (0, "ada\t6/6\t100.0 %")
    assert {check.device for check in run.staff("ada").report.checks} == {CPU}
    assert "(kept)" in grade(tmp_path, "--device", "cpu").process.stderr
    run = grade(tmp_path)
    assert "(kept)" not in run.process.stderr
    assert {SIMULATED, CPU} <= {check.device for check in run.staff("ada").report.checks}
    assert "(kept)" in grade(tmp_path).process.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_one_sentence(one_student: Path) -> None:
    run = grade(one_student, "--device", "cuda")
    assert run.process.returncode == 2
    assert run.process.stdout == ""
    assert run.process.stderr == (
        "autograder: --device: expected a machine with a GPU and a CUDA build of torch for 'cuda', got neither.\n"
    )
    assert not (one_student / "reports" / "ada").exists()


def test_an_unreadable_submission_fails_on_every_device(one_student: Path) -> None:
    hand_in(one_student, "ada", b"\x80PK")
    run = grade(one_student)
    for device, count in ((CPU, len(CPU_IDS)), (SIMULATED, len(SIMULATED_IDS))):
        rows = run.on(device, "ada")
        assert len(rows) == count
        for check in rows.values():
            assert check.outcome == "failed"
            assert check.message.startswith("the submission cannot be read: ")
    assert run.staff("ada").report.grade == 0.0


# ---------------------------------------------------------------------------------------------- modules

MODULE_CHECKS = (
    HEAD
    + '''
STATE = {"scale": torch.tensor([1.0, 2.0, 3.0]), "inner.weight": 2 * torch.eye(3), "inner.bias": torch.ones(3)}
X = torch.tensor([[1.0, -1.0, 0.5], [0.0, 2.0, 4.0]])


@exercise("double")
@points(1)
def check_forward(student):
    """The module computes."""
    net = student.Net()
    net.call("load_state_dict", STATE, strict=False)
    expect_close(net(X), (2 * X + 1) * STATE["scale"], dtype=torch.float32)


@exercise("double")
@points(1)
def check_state(student, device):
    """The parameters and what is saved of them are on the device."""
    net = student.Net()
    expect_device(net.value("scale"), device)
    net.call("load_state_dict", STATE, strict=False)
    state = net.call("state_dict")
    for name, value in STATE.items():
        expect_close(state[name], value, dtype=torch.float32)
        expect_device(state[name], device)


@exercise("double")
@points(1)
def check_gradients(student, device):
    """The gradients reach the parameters."""
    net = student.Net()
    net.call("load_state_dict", STATE, strict=False)
    found = net.gradients(X)
    expect_close(found.inputs[0], (2 * STATE["scale"]).expand(2, 3), dtype=torch.float32)
    expect_close(found.parameters["scale"], (2 * X + 1).sum(0), dtype=torch.float32)
    expect_close(found.parameters["inner.bias"], 2 * STATE["scale"], dtype=torch.float32)
    for gradient in (*found.inputs, *found.parameters.values()):
        expect_device(gradient, device)


@pytest.fixture
def of_both(runs):
    return runs


@exercise("double")
@points(4)
def check_placement_of_double(of_both):
    """On an accelerator, the module works as on the CPU."""
    expect_placement(of_both)


@exercise("halve")
@points(1)
def check_halve_of_nothing(student):
    """The author has forgotten that this is for the CPU alone."""
    expect_raises(lambda: student.halve(None))
'''
)
NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.inner = nn.Linear(3, 3)
        BUFFER

    def forward(self, x):
        y = self.inner(x)
        return (y + self.shift) * self.scale
""".lstrip()
NETS = {
    "buffer": NET.replace("BUFFER", 'self.register_buffer("shift", torch.zeros(3))'),
    "attribute": NET.replace("BUFFER", "self.shift = torch.zeros(3)"),
}


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two modules: one registers its buffer, one keeps it as an attribute."""
    root = tmp_path_factory.mktemp("modules")
    make_course(root, MODULE_CHECKS)
    for student, source in NETS.items():
        hand_in(root, student, notebook(source))
    return grade(root)


def test_a_module_is_made_where_the_check_is_run(modules: Run) -> None:
    for device in (CPU, SIMULATED):
        rows = modules.on(device, "buffer")
        for name in ("check_forward", "check_state", "check_gradients"):
            assert rows[name].outcome == "passed", rows[name].message
    assert modules.on(SIMULATED, "buffer")["check_placement_of_double"].points == 4.0


def test_an_attribute_that_is_no_buffer_is_found(modules: Run) -> None:
    here, there = modules.on(CPU, "attribute"), modules.on(SIMULATED, "attribute")
    assert {check.outcome for check in here.values()} == {"passed"}
    assert there["check_state"].outcome == "passed"
    assert there["check_forward"].outcome == there["check_gradients"].outcome == "failed"
    row = there["check_placement_of_double"]
    assert (row.outcome, row.points) == ("failed", 0.0)
    assert row.message.startswith("on simgpu, Net: raised RuntimeError: Expected all tensors to be on the same device")
    assert row.message.endswith(". A tensor that is used in line 13 of cell double lives on the CPU")


@pytest.mark.parametrize("student", NETS)
def test_an_author_who_forgets_that_a_check_is_for_the_cpu_alone_notices(modules: Run, student: str) -> None:
    name = "check_halve_of_nothing"
    assert modules.on(CPU, student)[name].outcome == "passed"
    row = modules.on(SIMULATED, student)[name]
    assert (row.outcome, row.max_points) == ("not_graded", 0.0)
    (fault,) = [fault for fault in modules.staff(student).incidents if fault.check == name]
    assert fault.detail == (
        "on simgpu: HarnessError: expect_raises: expected a check that runs on the CPU alone. Add @cpu_only(...)."
    )
    assert modules.staff(student).report.grade is None
    assert modules.process.returncode == 1
    assert "Add @cpu_only(...)" in modules.process.stderr


# ---------------------------------------------------------------------------------------------- with made-up workers

NUMBERS = (
    HEAD
    + """
@exercise("double")
@points(1)
def check_double(student):
    expect_equal(student.double(2), 4)


@exercise("double")
@points(1)
@cpu_only("a reason")
def check_double_of_one(student):
    expect_equal(student.double(1), 2)


@exercise("double")
@points(1)
@not_simulated("a reason")
def check_double_of_zero(student):
    expect_equal(student.double(0), 0)


@exercise("double")
@points(4)
def check_placement_of_double(runs):
    expect_placement(runs)
"""
)


class OneOfTheseDays(ProcesslessWorker):
    """A worker whose student has forgotten every function."""

    def ask(self, operation: str, *words: Any, **header: Any) -> Answer:
        if operation == "call":
            header["name"] = "forgotten"
        return super().ask(operation, *words, **header)


class Gone(ProcesslessWorker):
    """A worker that cannot be had."""

    def __init__(self) -> None:
        raise HarnessError("the workers for this device did not start")


@pytest.fixture
def graded_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., StaffReport]:
    """Return a function that grades a right solution with these workers, by device; tensors never get anywhere."""

    def grade_with(**workers: type[ProcesslessWorker]) -> StaffReport:
        class Workers(grader.Workers):
            def __init__(self, nursery: object, device: str) -> None:
                self._device = device

            def spawn(self) -> Worker:
                return cast(Worker, workers[self._device]())

            def has_lost_one(self) -> bool:
                return False

            def close(self) -> None: ...

        monkeypatch.setattr(grader, "Workers", Workers)
        topic = make_course(tmp_path, NUMBERS)
        job = replace(job_of(topic, tmp_path), devices=tuple(workers))
        located = Located("ada", save(tmp_path / "ada.ipynb", notebook()))
        reports: list[StaffReport] = []
        with own_imports(topic.course.root):
            grader.run_checks(
                job, cast(Nursery, ProcesslessNursery()), iter([located]), lambda staff, student: reports.append(staff)
            )
        return reports[0]

    return grade_with


def rows_of(staff: StaffReport) -> dict[tuple[str, str], CheckResult]:
    return {(check.id.removeprefix("check_"), check.device): check for check in staff.report.checks}


def test_what_is_not_simulated_runs_on_a_gpu(graded_with: Callable[..., StaffReport]) -> None:
    staff = graded_with(cpu=ProcesslessWorker, simgpu=ProcesslessWorker, cuda=ProcesslessWorker)
    rows = rows_of(staff)
    assert list(rows) == [
        ("double", CPU),
        ("double_of_one", CPU),
        ("double_of_zero", CPU),
        ("double", SIMULATED),
        ("placement_of_double", SIMULATED),
        ("double", CUDA),
        ("double_of_zero", CUDA),
        ("placement_of_double", CUDA),
    ]
    assert {row.outcome for row in rows.values()} == {"passed"}
    assert (staff.report.points, staff.report.max_points, staff.incidents) == (7.0, 7.0, ())
    assert sum(row.max_points for (_, device), row in rows.items() if device == CUDA) == 0


def test_placement_on_a_gpu_is_judged_by_the_runs_there(graded_with: Callable[..., StaffReport]) -> None:
    staff = graded_with(cpu=ProcesslessWorker, simgpu=ProcesslessWorker, cuda=OneOfTheseDays)
    rows = rows_of(staff)
    assert rows["placement_of_double", SIMULATED].points == 4.0
    assert rows["double", CUDA].outcome == "failed"
    assert (rows["placement_of_double", CUDA].outcome, rows["placement_of_double", CUDA].max_points) == ("failed", 0.0)
    assert (staff.report.points, staff.report.grade) == (7.0, 100.0)


def test_a_gpu_that_cannot_be_had_costs_no_points_and_no_grade(graded_with: Callable[..., StaffReport]) -> None:
    staff = graded_with(cpu=ProcesslessWorker, simgpu=ProcesslessWorker, cuda=Gone)
    assert (staff.report.points, staff.report.grade) == (7.0, 100.0)
    assert {row.outcome for (_, device), row in rows_of(staff).items() if device == CUDA} == {"not_run"}
    assert staff.incidents


def test_a_simulation_that_cannot_be_had_is_not_graded(graded_with: Callable[..., StaffReport]) -> None:
    staff = graded_with(cpu=ProcesslessWorker, simgpu=Gone)
    rows = rows_of(staff)
    assert {row.outcome for (_, device), row in rows.items() if device == SIMULATED} == {"not_graded"}
    assert {row.outcome for (_, device), row in rows.items() if device == CPU} == {"passed"}
    assert (staff.report.points, staff.report.points_not_graded, staff.report.grade) == (3.0, 4.0, None)
    assert any("the workers for this device did not start" in fault.detail for fault in staff.incidents)


# ---------------------------------------------------------------------------------------------- what has just died


class LingeringBranch:
    """A branch that was killed: its sockets are closed, and its process counts as ended some milliseconds later."""

    def __init__(self) -> None:
        self.starts = 0
        self._ends_at = 0.0

    @property
    def is_running(self) -> bool:
        return self.starts > 0 and time.monotonic() < self._ends_at

    def start(self) -> None:
        self.starts += 1
        self._ends_at = time.monotonic() + 60

    def stop(self) -> None:
        self._ends_at = 0.0

    def spawn(self) -> ProcesslessWorker:
        if self.starts < 2:
            self._ends_at = time.monotonic() + 0.02
            raise NurseryGone("the nursery is gone: [Errno 104] Connection reset by peer")
        return ProcesslessWorker()


def test_a_branch_that_is_just_ending_is_replaced() -> None:
    workers = grader.Workers(cast(Nursery, ProcesslessNursery()), CPU)
    branch = LingeringBranch()
    workers._branch = cast(Any, branch)
    assert workers.spawn().is_alive
    assert branch.starts == 2
