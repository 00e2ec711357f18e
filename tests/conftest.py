"""What every test of the project shares: torchvision that imports beside a CPU torch, and one thread."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from autograder.course import Course
from autograder.grading import operator
from autograder.reports.models import Report
from autograder.reports.store import read_report
from autograder.submissions.submission import Located
from autograder.worker.torchvision_cpu import cure

ROOT = Path(__file__).resolve().parents[1]

# what libraries and the browser remember stays inside the clone, too
for _name in ("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
    os.environ[_name] = str(ROOT / "build" / "home" / _name.lower())


def pytest_configure(config: pytest.Config) -> None:
    """Keep what tests write inside the clone, apart from that of another run beside this one."""
    if config.option.basetemp is None:
        folder = ROOT / "build" / "pytest"
        folder.mkdir(parents=True, exist_ok=True)
        config.option.basetemp = str(folder / str(os.getpid()))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Leave nothing behind when all is well."""
    if exitstatus == 0:
        shutil.rmtree(session.config.option.basetemp, ignore_errors=True)


cure()
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def graded_solution(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Report]:
    """Return a function that grades a topic's solution once and returns its report."""
    known: dict[str, Report] = {}

    def grade(topic: str) -> Report:
        if topic not in known:
            out = tmp_path_factory.mktemp(f"solution-{topic}")
            chosen = Course.find(ROOT).topic(topic)
            operator.grade(chosen, [Located(topic, chosen.solution)], out)
            known[topic] = read_report(out / topic / "report.staff.json").report
        return known[topic]

    return grade
