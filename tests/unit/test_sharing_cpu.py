"""A grader and its workers share one CPU; several graders have one each where there are enough."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

from autograder.boundary.installation import installation
from autograder.boundary.nursery import Nursery
from autograder.boundary.student import Student
from autograder.grading.grader import sharing_one_cpu
from autograder.grading.operator import cpus_for
from autograder.worker.confinement import Limits


@dataclass(frozen=True)
class Cell:
    label: str = "cell probe"
    source: str = "import os\n\ndef cpus():\n    return sorted(os.sched_getaffinity(0))\n"
    exercise: str = ""


def cpus_of_a_worker(cpu: int | None) -> list[int]:
    nursery = Nursery(installation(["torch"]), Limits(memory_mib=512, scratch_mib=16, cpu_s=30), preload=["torch"])
    with sharing_one_cpu(nursery, cpu) as started:
        student = Student(started.spawn, [Cell()])
        try:
            assert cpu is None or os.sched_getaffinity(0) == {cpu}
            found = student.call("cpus")
            assert isinstance(found, list)
            return found
        finally:
            student.close()


def test_grader_and_worker_share_the_given_cpu() -> None:
    before = os.sched_getaffinity(0)
    last = max(before)
    assert cpus_of_a_worker(last) == [last]
    assert os.sched_getaffinity(0) == before


def test_without_a_cpu_they_run_anywhere() -> None:
    assert cpus_of_a_worker(None) == sorted(os.sched_getaffinity(0))


def test_graders_have_different_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 3, 5, 7})
    assert len(set(cpus_for(4))) == 4
    assert set(cpus_for(4)) == {1, 3, 5, 7}
    assert cpus_for(1)[0] in {1, 3, 5, 7}


@pytest.mark.parametrize(("available", "jobs"), [({0}, 1), ({0, 1}, 3)], ids=["one CPU", "more jobs than CPUs"])
def test_where_there_are_too_few_nobody_is_bound(
    monkeypatch: pytest.MonkeyPatch, available: set[int], jobs: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: available)
    assert cpus_for(jobs) == [None] * jobs
