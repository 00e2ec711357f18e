"""Every attack of the suite, graded with the real command beside an honest class: nothing gets through."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.selftest import run
from autograder.selftest.attack import GROUPS, Attack, NotExpressible
from autograder.selftest.attacks import ATTACKS, NOT_EXPRESSIBLE
from autograder.selftest.run import EARNED, HONEST, Result, selftest, table

HERE = Path(__file__).resolve().parent
LISTED = {
    "A": (1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 14),
    "B": (1, 3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20),
    "C": (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 14, 15, 17, 18),
    "D": (1, 2, 3, 5, 6, 8, 9, 10, 12, 13, 14, 15),
    "E": (1, 2, 3, 5, 6, 7, 8, 9, 11, 12),
    "F": (1, 2, 4, 5, 6, 8, 9, 10, 11, 12),
    "G": (1, 2, 3, 5),
    "H": (1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16),
    "I": (1, 2, 3, 4, 6, 7, 8, 9, 10),
    "J": (1, 2, 3, 4, 5, 6, 7, 8),
}
"""What has been tried against graders, collected from their trackers: 110 entries."""


@pytest.fixture(scope="module")
def result() -> Iterator[Result]:
    with tempfile.TemporaryDirectory(prefix="attacks-") as name:
        os.chmod(name, 0o755)
        yield selftest(Path(name), jobs=2)


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.id for attack in ATTACKS])
def test_the_attack_is_contained(attack: Attack, result: Result) -> None:
    assert [str(finding) for finding in result.findings if finding.subject == attack.id] == []


@pytest.mark.parametrize("student", HONEST)
def test_an_honest_student_beside_attackers_has_the_report_of_a_quiet_class(student: str, result: Result) -> None:
    assert [str(finding) for finding in result.findings if finding.subject == student] == []
    assert result.reports[student].points == EARNED[student]


def test_nothing_is_left_and_nobody_was_reached(result: Result) -> None:
    assert [str(finding) for finding in result.findings] == []
    assert (result.gained, result.leaks) == (0.0, 0)
    assert "points gained over the honest score: 0" in table(result)


def test_every_entry_of_the_list_is_tried_or_has_a_reason() -> None:
    assert sum(map(len, LISTED.values())) == 110
    tried = {attack.id.rstrip("abcdefghijklm") for attack in ATTACKS}
    absent = {entry.id for entry in NOT_EXPRESSIBLE}
    assert tried & absent == set()
    assert tried | absent == {f"{letter}{number:02}" for letter, numbers in LISTED.items() for number in numbers}
    assert set(GROUPS) == set(LISTED)
    assert len({attack.id for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("entry", NOT_EXPRESSIBLE, ids=[entry.id for entry in NOT_EXPRESSIBLE])
def test_what_cannot_be_tried_names_the_test_of_its_reason(entry: NotExpressible) -> None:
    file, _, function = entry.shown_by.partition("::")
    assert f"def {function}" in (HERE.parent / file).read_text(encoding="utf-8")


BREACHES = {
    "B01": ("def double(x):\n    return 2 * x\n", "double earns 4, honestly 0"),
    "B02": ("won('everything')\ndef double(x):\n    return x\n", "GOT THROUGH: 'everything'"),
    "B03": ("print('dd' * 12)\ndef double(x):\n    return x\n", "the secret of checks is in the report"),
    "B04": ("def double(x):\n    return x\n", "expected an incident of crashed, got []"),
    "B05": ("def double(x):\n    return x\ndel torch\n", "Doubler earns 0, although only `double` is hostile"),
}


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that a worker without namespaces, which is another user then, can reach; pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="selftest-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_the_suite_notices_what_gets_through(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = {"classmate": HONEST["classmate"], "honest-wrong": HONEST["honest-wrong"]}
    attacks = [
        Attack(name, "", source, incidents=("crashed",) * (name == "B04")) for name, (source, _) in BREACHES.items()
    ]
    monkeypatch.setattr(run, "ATTACKS", attacks)
    monkeypatch.setattr(run, "HONEST", honest)
    monkeypatch.setattr(run, "EARNED", {"classmate": 10.0, "honest-wrong": 7.0})
    monkeypatch.setattr(secrets, "token_hex", lambda size: "d" * 2 * size)
    found = run.selftest(open_folder, jobs=1)
    lines = [str(finding) for finding in found.findings]
    assert [line for line in lines if line.startswith("honest")] == ["honest-wrong: earns 6 alone, expected 7"]
    for name, (_, expected) in BREACHES.items():
        assert any(line.startswith(f"{name}: ") and expected in line for line in lines), (name, lines)
    assert found.gained == 4.0
    assert found.leaks >= 2
    assert f"{'all':34} {5:7} {0:10}" in run.table(found)


def test_a_page_with_an_element_of_its_own_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<a href='#top'>x</a><img src=x onerror=alert(1)><a href=' //evil'>y</a>")
    assert run.Elements.of(tmp_path / "page.html").found == {
        "img onerror src", "img onerror=alert(1)", "a href= //evil"
    }  # fmt: skip


def test_a_process_that_is_left_is_noticed() -> None:
    """Whoever loses its parent becomes a child of the suite, and is seen."""
    with run.orphans_come_here():
        subprocess.run([sys.executable, "-c", "import os, time; os.fork() or time.sleep(1.5)"], check=True)
        assert len(run.children(os.getpid())) == 1
        os.wait()
    assert run.children(os.getpid()) == []
