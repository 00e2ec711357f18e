"""Whatever a student's functions return, every check is judged, and nothing is called a fault of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autograder.course import Course, Topic
from autograder.grading import operator
from autograder.reports.store import STAFF_JSON, read_report
from autograder.submissions.submission import Located
from tests.graders.proof import JOBS, ROOT, solution_cells

COURSE = Course.find(ROOT)
ANSWERS = {
    "nothing": "None",
    "a huge number": "-1.79e308",
    "a number": "7",
    "a text": "'x' * 1000",
    "a type": "int",
    "a truth": "True",
    "a dict": "{'a': 1, (1, 2.5): None}",
    "a nested tuple": "((1, [2, {}]), None, ())",
    "a tensor of many dimensions": "torch.zeros((2,) * 12)",
    "a complex tensor": "torch.full((3, 3), 1j)",
    "a tensor of bools": "torch.ones(4, dtype=torch.bool)",
    "an infinite tensor": "torch.full((2, 2), -float('inf'), dtype=torch.float64)",
    "an empty tensor": "torch.empty(0, 3)",
    "a module": "torch.nn.Linear(2, 3)",
    "a module of bools": "Strange()",
    "an exception": "ValueError('returned')",
}
SOURCE = """
import torch
class Strange(torch.nn.Module):
    def state_dict(self, *words, **options):
        return {"weight": torch.ones(2, dtype=torch.bool), "bias": torch.ones(2, dtype=torch.complex64), "n": 3}
    def forward(self, *words): return None
def answer(*words, **options): return __ANSWER__
"""


def strange(topic: Topic, answer: str) -> str:
    """Return a notebook in which every name that an exercise defines returns ``answer``."""
    whole: dict[str, Any] = json.loads(topic.solution.read_text(encoding="utf-8"))
    exercises = solution_cells(topic)
    for cell in whole["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if name in exercises:
            names = [line.split()[1].partition("(")[0].rstrip(":") for line in exercises[name].splitlines()
                     if line.startswith(("def ", "class "))]  # fmt: skip
            cell["source"] = SOURCE.replace("__ANSWER__", answer) + "\n".join(f"{each} = answer" for each in names)
    return json.dumps(whole)


@pytest.mark.parametrize("name", list(COURSE.file.topics))
def test_every_check_is_judged_whatever_comes_back(name: str, tmp_path: Path) -> None:
    topic, out = COURSE.topic(name), tmp_path / "reports"
    located = []
    for number, (words, answer) in enumerate(ANSWERS.items()):
        path = tmp_path / f"{number}.ipynb"
        path.write_text(strange(topic, answer), encoding="utf-8")
        located.append(Located(words, path))
    outcome = operator.grade(topic, located, out, jobs=JOBS)
    assert not outcome.set_aside
    faults = [f"{graded.student}: {fault}" for graded in outcome.graded for fault in graded.faults]
    assert faults == [], "\n".join(sorted({fault.partition(": ")[2] for fault in faults}))
    for words in ANSWERS:
        report = read_report(out / words / STAFF_JSON).report
        assert [check.id for check in report.checks if check.outcome == "not_graded"] == []
        assert report.grade is not None
        assert report.grade < 30, words
