"""A small course to attack: four exercises, hidden checks, and secrets in every place where a grader has some.

Each secret has a random word of its own, so that a leak says where it comes from.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.selftest.attack import Notebook

TOPIC = "vault"
POINTS = {"double": 4.0, "halve": 2.0, "Doubler": 2.0, "fit": 2.0}
PLACES = ("checks", "reference", "course", "classmate", "gradebook", "environment", "descriptor", "home", "shared")

COURSE = """
[course]
name = "Vault"
seed = {seed}

[feedback]
show = "hints"

[limits]
call_s = 1.5
cell_s = 3.0
total_s = 12.0
memory_mib = 512
scratch_mib = 16

[worker]
packages = ["torch", "numpy"]
preload = ["torch", "numpy"]
{sandbox}
[topics.vault]
title = "Vault"
points = 10.0
# {course}
"""

REFERENCE = '''
"""The reference."""
import torch

SECRET = "{reference}"


def double(x):
    """Twice."""
    return 2 * x


def halve(x):
    """Half."""
    return x / 2


def fit(x, y):
    """The slope of the line through the origin."""
    return float((x * y).sum() / (x * x).sum())
'''

CHECKS = '''
"""Hidden checks."""
import torch

from autograder.checks import exercise, expect_close, expect_no_side_effects, expect_number, hint, oracle, points
from reference import vault as reference

SECRET = "{checks}"
vault = oracle(reference)


@exercise("double")
@points(1)
@hint("Twice is not once.")
def check_double_of_numbers(student):
    """Doubling a number gives twice the number."""
    for number in (3.0, -1.5, 0.001):
        expect_number(student.double(number), vault.double(number))


@exercise("double")
@points(2)
def check_double_of_tensors(student, generator):
    """Doubling works entry by entry."""
    x = 1 + torch.rand(5, generator=generator, dtype=torch.float64)
    expect_close(student.double(x), vault.double(x))


@exercise("double")
@points(1)
def check_double_leaves_its_input(student, generator):
    """The input is as it was, and doubling again gives the same."""
    x = 1 + torch.rand(4, generator=generator, dtype=torch.float64)
    expect_close(expect_no_side_effects(student, "double", x), vault.double(x))
    expect_close(student.double(x), vault.double(x))


@exercise("halve")
@points(2)
def check_halve(student, generator):
    """Halving works."""
    x = 1 + torch.rand(3, generator=generator, dtype=torch.float64)
    expect_close(student.halve(x), vault.halve(x))
    expect_number(student.halve(5.0), vault.halve(5.0))


@exercise("Doubler")
@points(2)
def check_network(student, generator):
    """The network doubles, and so does its gradient."""
    x = torch.rand(2, 3, generator=generator, dtype=torch.float64)
    net = student.Doubler()
    expect_close(net(x), vault.double(x))
    expect_close(net.gradients(x).inputs[0], torch.full_like(x, 2.0))


@exercise("fit")
@points(2)
def check_training(student, generator):
    """The slope that is found is that of the data, which nobody has seen before."""
    for _ in range(2):
        slope = 1 + 9 * float(torch.rand((), generator=generator, dtype=torch.float64))
        x = torch.rand(16, generator=generator, dtype=torch.float64)
        expect_number(student.fit(x, slope * x), slope, rtol=1e-6)
'''

SOLUTION = {
    "double": "def double(x):\n    return 2 * x\n",
    "halve": "def halve(x):\n    return x / 2\n",
    "Doubler": (
        "class Doubler(torch.nn.Module):\n"
        "    def forward(self, x):\n"
        "        return 2 * x\n"
    ),
    "fit": "def fit(x, y):\n    return float((x * y).sum() / (x * x).sum())\n",
}  # fmt: skip


@dataclass(frozen=True)
class Vault:
    """A course on disk, and its secrets.

    Attributes:
        root: its folder.
        secrets: a random word for each of ``PLACES``.
    """

    root: Path
    secrets: dict[str, str] = field(default_factory=lambda: {place: secrets.token_hex(12) for place in PLACES})

    @property
    def paths(self) -> dict[str, str]:
        """Where the secrets lie that are files; attackers are told, which no real one would be."""
        return {
            "checks": str(self.root / "tests" / "hidden" / f"grade_{TOPIC}.py"),
            "reference": str(self.root / "reference" / f"{TOPIC}.py"),
            "course": str(self.root / "course.toml"),
            "classmate": str(self.root / "submitted" / "classmate" / TOPIC / f"{TOPIC}.ipynb"),
            "gradebook": str(self.root / "gradebook.db"),
            "home": str(self.root / "home" / ".cache" / "torch" / "hub" / "solution.pt"),
        }

    def write(self, sandbox: str = "") -> None:
        """Write the course; ``sandbox`` is a ``[sandbox]`` table."""
        seed = secrets.randbelow(2**31)
        release = notebook(dict.fromkeys(SOLUTION, "raise NotImplementedError\n"))
        stolen = {**SOLUTION, "halve": SOLUTION["halve"] + f"# {self.secrets['classmate']}\n"}
        contents = {
            self.paths["course"]: COURSE.format(seed=seed, sandbox=sandbox, course=self.secrets["course"]),
            self.paths["reference"]: REFERENCE.format(**self.secrets),
            self.paths["checks"]: CHECKS.format(**self.secrets),
            self.paths["gradebook"]: self.secrets["gradebook"],
            self.paths["home"]: self.secrets["home"],
            self.paths["classmate"]: json.dumps(notebook(stolen)),
            str(self.root / "reference" / "__init__.py"): '"""References."""\n',
            str(self.root / "assignments" / TOPIC / f"{TOPIC}.ipynb"): json.dumps(release),
        }
        for name, text in contents.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            path.chmod(0o644)  # that a file may not be read is not what keeps it


def notebook(sources: dict[str, str]) -> Notebook:
    """Return a notebook whose solution cells have these sources."""
    cells = [cell("# Vault", kind="markdown"), cell("import torch", "setup")]
    for name, source in sources.items():
        cells.append(cell(source, name, solution=True, locked=False))
        cells.append(cell(f"assert {name} is not None", f"test_{name}", grade=True, points=POINTS[name]))
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}


def cell(source: str, grade_id: str = "", kind: str = "code", **nbgrader: Any) -> dict[str, Any]:
    """Return a cell; with a grade id it has nbgrader's metadata."""
    metadata: dict[str, Any] = {}
    if grade_id:
        flags = {"grade": False, "solution": False, "locked": True, "schema_version": 3, "task": False}
        metadata["nbgrader"] = {"grade_id": grade_id, **flags, **nbgrader}
    outputs: dict[str, Any] = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": metadata, "source": source, **outputs}


def cell_of(whole: Notebook, grade_id: str) -> dict[str, Any]:
    """Return the first cell with this grade id."""
    found: dict[str, Any] = next(
        item for item in whole["cells"] if item["metadata"].get("nbgrader", {}).get("grade_id") == grade_id
    )
    return found
