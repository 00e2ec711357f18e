"""An honest class gets the same reports beside twenty attackers as alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.attackers import ATTACKERS
from tests.unit.toy import (
    SQUARED,
    STUB,
    TOML,
    Notebook,
    command,
    hand_in,
    make_course,
    notebook,
    staff_report,
)

# the names lie between those of the attackers, for submissions are graded in the order of their names
HONEST: dict[str, tuple[Notebook, float]] = {
    "anna": (notebook(), 5.0),
    "elif": (notebook(SQUARED), 2.0),
    "john": (notebook(halve=STUB), 3.0),
    "noor": (
        notebook("def double(x):\n    print('twice', x)\n    return x + x\n", "def halve(x):\n    return x\n"),
        3.0,
    ),
    "paul": (notebook("def double(x):\n    raise ValueError('not today')\n"), 2.0),
    "zora": (notebook(STUB, STUB), 0.0),
}
REFUSED = ("daemon", "forks", "memfd", "posix", "priority", "sysv")
BESIDE = [name for name, attacker in ATTACKERS.items() if not attacker.is_refused or name in REFUSED]
# right code takes milliseconds: what it loses here it does not lose to a machine that is busy with other things
PATIENT = TOML.replace("call_s = 1.0", "call_s = 4.0").replace("cell_s = 2.0", "cell_s = 8.0").replace("20.0", "60.0")
OF_THE_CLOCK: Any = {
    "duration_s": True, "times": True, "report": {"environment": {"started_at", "duration_s"}},
}  # fmt: skip


def graded(root: Path, *attackers: str) -> dict[str, dict[str, Any]]:
    """Return the honest reports, as staff have them, less what the clock says."""
    make_course(root, toml=PATIENT)
    for name, (content, _) in HONEST.items():
        hand_in(root, name, content)
    for name in attackers:
        hand_in(root, name, notebook(ATTACKERS[name].double))
    done = subprocess.run(
        command("grade", "toy", root / "submitted", "--out", root / "out", "--device", "cpu", "--jobs", "2"), cwd=root,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4_000:]
    return {name: staff_report(root / "out", name).model_dump(exclude=OF_THE_CLOCK) for name in HONEST}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """The reports of the honest class alone, and beside attackers."""
    return graded(tmp_path_factory.mktemp("alone")), graded(tmp_path_factory.mktemp("beside"), *BESIDE)


def test_there_are_twenty_attackers_of_different_kinds() -> None:
    assert len(BESIDE) == len(set(BESIDE)) == 20
    assert len({ATTACKERS[name].source for name in BESIDE}) == 20


@pytest.mark.parametrize("name", HONEST)
def test_the_report_is_that_of_a_class_without_attackers(both: tuple[dict[str, Any], ...], name: str) -> None:
    alone, beside = both
    assert alone[name]["report"]["points"] == HONEST[name][1]
    assert beside[name] == alone[name]


def test_the_report_says_more_than_points(both: tuple[dict[str, Any], ...]) -> None:
    """Or it would be no wonder that it is the same."""
    checks = [check for exercise in both[1]["paul"]["report"]["exercises"] for check in exercise["checks"]]
    assert "twice" in both[1]["noor"]["report"]["stdout_tail"]
    assert any("not today" in check["message"] for check in checks)
