"""What can be said of CUDA without a GPU: the settings, the confinement around it, and that no points depend on it."""

from __future__ import annotations

import glob
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from autograder.boundary import nursery as boundary
from autograder.boundary.installation import installation
from autograder.boundary.student import Student
from autograder.boundary.worker import Answer
from autograder.errors import HarnessError, StudentRaised, UsageError
from autograder.grading import doctor, grader
from autograder.grading.devices import CHOICES, devices_of
from autograder.grading.grader import Workers
from autograder.reports.models import StaffReport
from autograder.submissions.submission import Located
from autograder.worker import confinement, cuda, nursery
from autograder.worker.confinement import Limits
from tests.unit.toy import CHECK_IDS, ProcesslessNursery, ProcesslessWorker, make_course, notebook, own_imports, save
from tests.unit.toy import job_of as toy_job

LIMITS = Limits(memory_mib=512, scratch_mib=16, cpu_s=10)


@pytest.fixture
def precision() -> Iterator[None]:
    """Afterwards PyTorch computes as before."""
    backends: Any = torch.backends
    places = (backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn)
    before = [place.fp32_precision for place in places], backends.cudnn.benchmark, backends.cudnn.deterministic
    yield
    for place, value in zip(places, before[0], strict=True):
        place.fp32_precision = value
    backends.cudnn.benchmark, backends.cudnn.deterministic = before[1:]


def test_float32_is_computed_in_float32(precision: None) -> None:
    backends: Any = torch.backends
    for place in (backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn):
        place.fp32_precision = "tf32"
    cuda.use_full_precision()
    for place in (backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn):
        assert place.fp32_precision == "ieee"
    assert backends.cudnn.deterministic
    assert not backends.cudnn.benchmark


def test_memory_is_capped_before_anything_is_computed(monkeypatch: pytest.MonkeyPatch, precision: None) -> None:
    done: list[Any] = []
    monkeypatch.setattr(cuda, "NAME", "cpu")
    fake = SimpleNamespace(
        get_device_properties=lambda index: SimpleNamespace(total_memory=4 << 30),
        set_per_process_memory_fraction=done.append,
        synchronize=lambda: done.append("synchronised"),
    )
    monkeypatch.setattr(torch, "cuda", fake)
    cuda.start(1024)
    cuda.start(1 << 20)
    assert done == [0.25, "synchronised", 1.0, "synchronised"]


def test_the_nursery_never_asks_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it has, on a machine with a GPU, no worker that it forks can use one, and a backward pass there fails."""
    settings: list[dict[str, Any]] = []

    def set_up(wanted: list[str], readable: list[str], masked: list[str]) -> list[str]:
        settings.append({"seen": readable})
        return []

    def serve(started: nursery.Nursery) -> None:
        settings.append({"gpu_files": started.gpu_files})
        started.control.close()

    monkeypatch.setattr(nursery, "warm_up", lambda device, with_backward: settings.append({device: with_backward}))
    monkeypatch.setattr(nursery, "_layers", set_up)
    monkeypatch.setattr(nursery, "_serve", serve)
    monkeypatch.setattr("gc.freeze", lambda: None)
    monkeypatch.setattr(confinement, "die_with_parent", lambda parent=None: None)
    for gpu_files in ([], ["/dev/nvidia0"]):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            words = {"layers": [], "readable": ["/usr"], "masked": [], "listable": [], "gpu_files": gpu_files,
                     "preload": [], "scratch_root": "/tmp"}  # fmt: skip
            ours.send(json.dumps(words).encode())
            nursery.main(theirs.detach())
    assert settings == [
        {"seen": ["/usr"]}, {"cpu": True}, {"gpu_files": []},
        {"seen": ["/usr", "/dev/nvidia0"]}, {"cpu": False}, {"gpu_files": ["/dev/nvidia0"]},
    ]  # fmt: skip


def test_a_started_nursery_and_its_workers_see_no_gpu() -> None:
    source = "import os, torch\ndef seen(): return os.environ.get('CUDA_VISIBLE_DEVICES'), torch.cuda.is_available()"
    with boundary.Nursery(installation(["torch"]), LIMITS, preload=["torch"]) as started:
        one = Student(started.spawn, [SimpleNamespace(label="seen", exercise="", source=source)])
        assert one.seen() == ("", False)
        one.close()


def test_cuda_starts_when_its_threads_have_little_to_inherit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It names its threads in /proc, cannot start without, and its threads keep what they were started with."""
    done: list[Any] = []
    for name in ("close_all_but", "limit_resources", "enter_private_tree", "become_nobody", "drop_capabilities",
                 "die_with_parent", "restrict_files", "filter_system_calls"):  # fmt: skip
        monkeypatch.setattr(
            confinement, name, lambda *words, name=name, **options: done.append((name, options) if options else name)
        )
    monkeypatch.setattr(cuda, "start", lambda memory_mib: done.append(f"cuda with {memory_mib} MiB"))
    monkeypatch.setattr(os, "setsid", lambda: done.append("setsid"))
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(tmp_path)
    files: list[Any] = []

    def restrict(*words: Any) -> None:
        done.append("restrict_files")
        files.append(words)

    monkeypatch.setattr(confinement, "restrict_files", restrict)
    gpu = ["/dev/nvidia0"]
    one = nursery.Nursery(SimpleNamespace(), ["/usr"], ["/lib"], list(boundary.ALL_LAYERS), gpu, device="cuda")  # type: ignore[arg-type]
    nursery.confine(one, LIMITS, 5, str(tmp_path))
    assert done == [
        "setsid", "close_all_but", "enter_private_tree", "become_nobody", "drop_capabilities", "die_with_parent",
        "restrict_files", "cuda with 512 MiB", ("limit_resources", {"limit_address_space": False}), "restrict_files",
        ("filter_system_calls", {"with_ioctl": True}),
    ]  # fmt: skip
    assert files == [
        (["/usr", "/proc/self"], ["/lib"], [str(tmp_path), "/proc/self/task"], gpu),
        (["/usr"], ["/lib"], [str(tmp_path)], gpu),
    ]
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8", "cuBLAS adds in one order"
    assert not cuda.HIDDEN.keys() & os.environ.keys()
    done.clear()
    files.clear()
    one.layers, one.device = ["landlock"], "cpu"
    monkeypatch.setattr("autograder.worker.serve.rehearse", lambda device: done.append("rehearse"))
    nursery.confine(one, LIMITS, 5, str(tmp_path))
    assert files == [(["/usr"], ["/lib"], [str(tmp_path)], ())], "the others have no devices"


def test_the_devices_and_libraries_are_in_sight_only_where_there_is_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    real = glob.glob

    def look(pattern: str) -> list[str]:
        seen.append(pattern)
        return ["/dev/null"] if pattern == "/dev/nvidia*" else real(pattern)

    monkeypatch.setattr(glob, "glob", look)
    assert installation(["torch"]).gpu_files == ()
    assert "/dev/nvidia*" not in seen
    found = installation(["torch"], has_gpu=True)
    assert found.gpu_files == ("/dev/null",)
    assert "/dev/null" not in found.readable, "that is for every worker"


# ---------------------------------------------------------------------------------------------- the trusted side


def test_cuda_is_graded_where_there_is_a_gpu_or_asked_for() -> None:
    assert devices_of("auto", has_gpu=False) == ("cpu", "simgpu")
    assert devices_of("auto", has_gpu=True) == ("cpu", "simgpu", "cuda")
    for choice, devices in CHOICES.items():
        assert devices[0] == "cpu"
        if choice != "auto":
            assert devices_of(choice, has_gpu=True) == devices


def test_cuda_that_is_asked_for_and_not_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=r"^--device: expected a machine with a GPU .* got neither\.$"):
        grader._devices_for("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert grader._devices_for("auto") == ("cpu", "simgpu", "cuda")


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_after_a_cuda_error_the_next_call_has_a_fresh_process(device: str) -> None:
    class Poisoned(ProcesslessWorker):
        def ask(self, operation: str, what: str, timeout_s: float, **more: Any) -> Answer:
            return super().ask(operation, what, timeout_s, **{**more, "device": "cpu"})

    one = Student(Poisoned, [Cell()], device=device)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(StudentRaised, match="CUDA error: device-side assert triggered"):
            one.call("f")
    assert one.workers_used == (2 if device == "cuda" else 1)


class Cell:
    label, exercise = "cell f", "f"
    source = "def f():\n    raise RuntimeError('CUDA error: device-side assert triggered')\n"


class BrokenGpu:
    """Workers of a machine whose GPU cannot be used."""

    tries = 0

    def __init__(self, nursery: Any, device: str) -> None:
        self.limits = self.layers = None

    def start(self) -> None:
        type(self).tries += 1
        raise HarnessError("the workers for cuda did not start: no driver")

    is_running = False

    def stop(self) -> None:
        pass


def test_no_points_depend_on_a_gpu_that_does_not_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grader, "Branch", BrokenGpu)
    monkeypatch.setattr(BrokenGpu, "tries", 0)
    topic = make_course(tmp_path)
    job = toy_job(topic, tmp_path)
    job.devices = ("cpu", "cuda")
    reports: list[StaffReport] = []
    located = [Located(name, save(tmp_path / f"{name}.ipynb", notebook())) for name in ("ada", "bob")]
    with own_imports(topic.course.root):
        grader.run_checks(job, ProcesslessNursery(), iter(located), lambda staff, student: reports.append(staff))  # type: ignore[arg-type]
    for staff in reports:
        there = [check for check in staff.report.checks if check.device == "cuda"]
        assert [check.id for check in there] == list(CHECK_IDS)
        assert {(check.outcome, check.max_points) for check in there} == {("not_run", 0.0)}
        assert {check.message for check in there} == {"it could not be run on the GPU; the fault is ours"}
        assert (staff.report.points, staff.report.grade) == (5.0, 100.0)
        assert "on cuda: HarnessError: the workers for cuda did not start: no driver" in {
            incident.detail for incident in staff.incidents
        }
    assert BrokenGpu.tries == 1


def test_a_doctor_says_that_a_gpu_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grader, "Branch", BrokenGpu)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "A GPU")
    line = doctor._try_workers(ProcesslessNursery(), "cuda")  # type: ignore[arg-type]
    assert line == "cuda         A GPU: cannot be used: the workers for cuda did not start: no driver"
    workers = Workers(ProcesslessNursery(), "simgpu")  # type: ignore[arg-type]
    with pytest.raises(HarnessError, match="did not start"):
        workers.spawn()
    with pytest.raises(HarnessError, match="did not start"):
        doctor._try_workers(ProcesslessNursery(), "simgpu")  # type: ignore[arg-type]
