"""What this machine offers for grading, found by trying it: one worker is forked and asked."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from autograder import __version__
from autograder.boundary.nursery import ALL_LAYERS, INSTALL_HINTS, Nursery
from autograder.boundary.student import Student
from autograder.course import PACKAGE, Course, CourseFile, version_of
from autograder.errors import AutograderError, HarnessError
from autograder.grading.devices import CPU, CUDA, devices_of
from autograder.grading.grader import Workers, open_nursery
from autograder.worker.confinement import landlock_version

PROBE = "def answer(x):\n    return x + 1\n"


@dataclass(frozen=True)
class _Probe:
    label: str
    source: str
    exercise: str = ""


def examine(course: Course | None) -> tuple[list[str], bool]:
    """Return what to print, and whether this machine can grade as the course demands."""
    chosen = course or Course(PACKAGE, CourseFile())
    lines = list(_about())
    where = str(course.root / "course.toml") if course else "none here: the defaults count"
    lines.append(f"course       {where}")
    nursery: Nursery | None = None
    has_gpu = torch.cuda.is_available()
    try:
        started = time.perf_counter()
        nursery = open_nursery(chosen, has_gpu)
        with nursery:
            lines.append(f"nursery      ready after {time.perf_counter() - started:.1f} s")
            workers = [_try_workers(nursery, device) for device in devices_of("auto", has_gpu)]
        lines += [*_layers(nursery, chosen), *workers]
        if not has_gpu:
            lines.append(f"{CUDA:<12} not run: there is no GPU on this machine")
    except AutograderError as error:
        lines += _layers(nursery, chosen) if nursery is not None and nursery.layers else ()
        return [*lines, f"verdict      cannot grade: {error}"], False
    return [*lines, "verdict      fit to grade"], True


def _about() -> Iterator[str]:
    yield f"autograder   {__version__}"
    yield f"python       {platform.python_version()} on {platform.platform(terse=True)}, as {_who()}"
    for package in ("torch", "torchvision", "numpy", "pytest", "nbgrader"):
        yield f"{package:<12} {version_of(package) or 'not installed'}"
    yield f"landlock     {f'version {landlock_version()}' if landlock_version() else 'not in this kernel'}"


def _who() -> str:
    return "root" if os.geteuid() == 0 else f"an ordinary user (uid {os.geteuid()})"


def _layers(nursery: Nursery, course: Course) -> Iterator[str]:
    for name in ALL_LAYERS:
        is_required = name in course.file.sandbox.required
        state = "active" if name in nursery.layers else f"missing ({INSTALL_HINTS.get(name, 'see SECURITY.md')})"
        yield f"  {name:<14} {state}{', required' if is_required else ''}"


def _try_workers(nursery: Nursery, device: str) -> str:
    """Ask five workers of a device a question about nothing; return how long they took."""
    workers, times = Workers(nursery, device), []
    words = {CPU: "the CPU"}.get(device, "a simulated accelerator" if device != CUDA else torch.cuda.get_device_name())
    try:
        for _ in range(5):
            started = time.perf_counter()
            student = Student(workers.spawn, [_Probe("probe", PROBE)], device=device)
            try:
                if student.call("answer", torch.tensor(41)) != 42 or student.steps[-1].misplaced:
                    raise HarnessError(f"a worker for {device} gave a wrong answer to a question about nothing")
            finally:
                student.close()
            times.append(time.perf_counter() - started)
    except HarnessError as error:
        if device != CUDA:
            raise
        return f"{device:<12} {words}: cannot be used: {error}"  # no points depend on it
    finally:
        workers.close()
    milliseconds = sorted(times)[2] * 1e3
    return f"{device:<12} {words}: {milliseconds:.0f} ms from the order of a worker to its first answer (median of 5)"
