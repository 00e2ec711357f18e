"""A worker that has a GPU can do no more than any other but compute there, and neither can the threads of CUDA.

Skipped where there is no GPU: no continuous integration has one. CUDA starts threads in the worker's process, and the
kernel keeps most rights by thread, so each thread is looked at.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from autograder.boundary.installation import installation
from autograder.boundary.nursery import Branch, Nursery
from autograder.boundary.student import CallLimits, Student
from autograder.errors import (
    StudentBlocked,
    StudentCrashed,
    StudentError,
    StudentOutOfMemory,
    StudentRaised,
    StudentTimedOut,
)
from autograder.worker import cuda
from autograder.worker.confinement import Limits
from tests.hostile.conftest import FINE, PACKAGES, Cell
from tests.hostile.test_on_an_accelerator import WAYS, WHO

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU on this machine")

LIMITS = Limits(memory_mib=1024, scratch_mib=16, cpu_s=120)
THERE = "import torch\nTHERE = torch.ones(1, device='cuda')\n"
Attacker = Callable[..., Student]


@pytest.fixture(scope="module")
def gpu_nursery() -> Iterator[Nursery]:
    """A nursery whose branch has the GPU."""
    with Nursery(installation(PACKAGES, has_gpu=True), LIMITS, None, PACKAGES) as started:
        yield started


@pytest.fixture(scope="module")
def branch(gpu_nursery: Nursery) -> Iterator[Branch]:
    """The branch of the nursery that all attacks share."""
    started = Branch(gpu_nursery, cuda.NAME)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def attacker(gpu_nursery: Nursery, branch: Branch) -> Iterator[Attacker]:
    """Return a function that makes a student with the GPU or, with ``device="cpu"``, one beside them."""
    made: list[Student] = []

    def make(source: str, *, call_s: float = 20, device: str = cuda.NAME) -> Student:
        spawn = branch.spawn if device == cuda.NAME else gpu_nursery.spawn
        made.append(Student(spawn, [Cell(source + FINE)], limits=CallLimits(call_s, 20, 120), device=device))
        return made[-1]

    yield make
    for one in made:
        one.close()
    assert branch.is_running


def threads_of(one: Student) -> list[dict[str, str]]:
    """Return what the kernel says of each thread of a student's worker."""
    worker = one._worker
    assert worker is not None
    with open(f"/proc/self/fdinfo/{worker._pidfd}") as file:
        pid = next(int(line.split()[1]) for line in file if line.startswith("Pid:"))
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        status = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        found.append({**status, "mnt": os.readlink(task / "ns/mnt")})
    return found


def test_every_thread_has_given_up_the_same(attacker: Attacker) -> None:
    one = attacker(f"{THERE}def conv(x): return torch.nn.functional.conv2d(x, x[:, :, :3, :3])")
    one.conv(torch.ones(1, 1, 8, 8))
    threads = threads_of(one)
    assert len(threads) > 1, "CUDA has threads of its own"
    for name in ("Uid", "Gid", "CapEff", "CapPrm", "NoNewPrivs", "Seccomp", "Seccomp_filters", "mnt"):
        assert len({thread[name] for thread in threads}) == 1, name
    assert {(thread["CapEff"].strip("0"), thread["NoNewPrivs"], thread["Seccomp"]) for thread in threads} == {
        ("", "1", "2")
    }


def test_it_is_what_the_others_are(attacker: Attacker) -> None:
    here, there = attacker(WHO, device="cpu"), attacker(WHO)
    assert there.modules() == here.modules()
    *identity, files = there.who()
    assert set(files) <= {"file", ".nv"}, "its own file, and what CUDA keeps of compiled kernels"
    assert [value for value in identity if isinstance(value, bool)] == [True, True]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_is_forbidden_is_forbidden_there(attacker: Attacker, tmp_path: Path, way: str) -> None:
    secret = tmp_path / "gradebook.db"
    secret.write_text("secret")
    project = Path(__file__).resolve().parents[2] / "tests" / "hidden" / "grade_metrics.py"
    expression = way.format(secret=str(secret), folder=str(tmp_path), project=str(project))
    one = attacker(f"{THERE}import os, socket, subprocess\ndef attack(): return {expression}\n")
    with pytest.raises(StudentError) as caught:
        one.attack()
    absent = isinstance(caught.value, StudentRaised) and caught.value.names[0] in (
        "FileNotFoundError", "ProcessLookupError"
    )  # fmt: skip
    assert isinstance(caught.value, StudentBlocked) or absent or "Read-only file system" in str(caught.value)
    assert one.fine() == 42


@pytest.mark.parametrize("path", ["/proc/self/status", "/proc/self/environ", "/proc/self/maps", "/proc/self/task"])
def test_it_reads_nothing_of_its_own_process_either(attacker: Attacker, path: str) -> None:
    read = "os.listdir" if path.endswith("task") else "open"
    with pytest.raises(StudentBlocked):
        attacker(f"{THERE}import os\ndef attack(): {read}({path!r})").attack()


@pytest.mark.parametrize("device", ["/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm"])
def test_others_cannot_open_the_gpu(attacker: Attacker, device: str) -> None:
    source = (
        f"import os, torch\ndef attack(): os.open({device!r}, os.O_RDWR)\ndef has(): return torch.cuda.is_available()"
    )
    one = attacker(source, device="cpu")
    with pytest.raises(StudentBlocked):
        one.attack()
    assert one.has() is False
    assert attacker(source).has() is True


def test_a_balloon_on_the_gpu_is_out_of_memory(attacker: Attacker) -> None:
    one = attacker(f"{THERE}HELD = []\ndef attack():\n    while True: HELD.append(torch.ones(64 << 18, device='cuda'))")
    with pytest.raises(StudentOutOfMemory):
        one.attack()
    assert one.fine() == 42


def test_an_assertion_on_the_gpu_costs_one_call(attacker: Attacker) -> None:
    one = attacker(
        f"{THERE}def attack():\n    return torch.ones(3, device='cuda')[torch.tensor([7], device='cuda')].cpu()\n"
        "def double(x): return 2 * x"
    )
    with pytest.raises(StudentError, match=r"assert|CUDA error"):
        one.attack()
    assert torch.equal(one.double(torch.ones(2)), torch.full((2,), 2.0))
    assert not one.steps[-1].misplaced


def test_an_endless_kernel_ends(attacker: Attacker) -> None:
    one = attacker(
        f"{THERE}def attack():\n    torch.cuda._sleep(10**15)\n    return torch.ones(1, device='cuda').cpu()", call_s=2
    )
    with pytest.raises(StudentTimedOut):
        one.attack()
    assert one.fine() == 42
    other = attacker(f"{THERE}def double(x): return 2 * x")
    assert torch.equal(other.double(torch.ones(2)), torch.full((2,), 2.0))


def test_memory_on_the_gpu_holds_nothing_of_others(attacker: Attacker) -> None:
    """Neither what another student has left there nor what the grader computes, which never touches the GPU."""
    mark = 0x5EC2E7
    one = attacker(f"{THERE}KEPT = torch.full((64 << 18,), {mark}, device='cuda', dtype=torch.int32)")
    assert one.fine() == 42
    one.close()
    source = f"{THERE}def attack():\n    found = torch.empty(100 << 18, device='cuda', dtype=torch.int32)\n"
    assert attacker(f"{source}    return int((found == {mark}).sum())").attack() == 0


def test_code_that_ends_its_process_costs_one_call(attacker: Attacker) -> None:
    one = attacker(f"{THERE}import ctypes, os\ndef attack(): os._exit(7)\ndef fault(): ctypes.string_at(8)")
    for name in ("attack", "fault"):
        with pytest.raises(StudentCrashed):
            one.call(name)
        assert one.fine() == 42


def test_numbers_are_computed_in_full_precision_and_in_one_order(attacker: Attacker) -> None:
    source = (
        f"{THERE}def settings():\n    b = torch.backends\n"
        "    precision = b.cuda.matmul.fp32_precision, b.cudnn.conv.fp32_precision\n"
        "    return [*precision, b.cudnn.benchmark, b.cudnn.deterministic]\n"
        "def product(x): return x @ x.T"
    )
    one, other = attacker(source), attacker(source)
    assert one.settings() == ["ieee", "ieee", False, True]
    x = torch.rand(256, 512, generator=torch.Generator().manual_seed(1))
    expected = x.double() @ x.double().T
    assert float(((one.product(x).double() - expected) / expected).abs().max()) < 1e-5  # TF32 would have 1e-3
    assert torch.equal(one.product(x), other.product(x))


def test_nothing_is_left(branch: Branch) -> None:
    student = Student(branch.spawn, [Cell(THERE + FINE)], limits=CallLimits(20, 20, 120), device=cuda.NAME)
    assert student.fine() == 42
    threads = threads_of(student)
    student.close()
    with contextlib.suppress(FileNotFoundError):
        status = Path(f"/proc/{threads[0]['Tgid']}/status").read_text()
        assert "State:\tZ" in status
