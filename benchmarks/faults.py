"""Kills processes of grading runs at random moments, and counts the reports that are lost, wrong or double afterwards.

Run: ``python benchmarks/faults.py [--kills N] [--minutes M] [--seed SEED] [--jobs N] [--keep]``

A small class of a toy course is graded once undisturbed, and then again and again into new folders with the real
command, ``autograder grade``. While it runs, a process of it is chosen at random in ``/proc`` and killed with SIGKILL:
the operator, a grader, a nursery (or a part of one) or a worker. The command is given again until it ends with exit
code 0. Then every report, but for times and durations, must be that of the undisturbed run, whoever was killed.

Each class has one kind of victim, and every fifth has all of them. Exit code 1 says that something was lost, wrong or
double, or that a class was not graded after a few runs without a further kill.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from autograder.reports.store import CLASS_HTML, PUBLIC_HTML, PUBLIC_JSON, STAFF_JSON

KINDS = ("operator", "grader", "nursery", "worker")
ANY = "any of them"
KILLS_PER_CLASS = {"operator": 4, "grader": 4, "nursery": 6, "worker": 24, ANY: 8}
RUNS_AFTER_THE_LAST_KILL = 3
POLL_S = 0.005  # between two looks at the processes
TIMES = ("duration_s", "started_at")

TOML = """
[course]
name = "Toys"
[limits]
call_s = 10.0
cell_s = 10.0
memory_mib = 512
[worker]
packages = ["torch"]
preload = ["torch"]
[topics.toy]
title = "Doubling and halving"
points = 6.0
"""
CHECKS = '''
"""Hidden checks of the toys."""
import pytest
import torch

from autograder.checks import exercise, expect_close, expect_number, misconception, points


def squared(x):
    return x * x


@exercise("double")
@points(2)
@misconception("The number is squared", squared)
def check_double_of_a_number(student):
    """Doubling a number gives twice the number."""
    expect_number(student.double(3.0), 6.0)


@exercise("double")
@points(2)
def check_double_of_a_tensor(student, generator):
    """Doubling works entry by entry."""
    x = torch.rand(4, generator=generator, dtype=torch.float64)
    expect_close(student.double(x), 2 * x)


@exercise("halve")
@points(1)
@pytest.mark.parametrize("number", [2.0, 5.0], ids=["even", "odd"])
def check_halve(student, number):
    """Halving a number gives half the number."""
    expect_number(student.halve(number), number / 2)
'''
DOUBLE = "def double(x):\n    return 2 * x\n"
HALVE = "import time\ndef halve(x):\n    time.sleep(0.03)\n    return x / 2\n"
CLASS = {
    "ada": DOUBLE + HALVE,
    "bob, who squares": "def double(x):\n    return x * x\n" + HALVE,
    "cleo": DOUBLE + "def halve(x):\n    return x // 2\n",
    "dan does nothing": "",
    "eve ends": DOUBLE + "import os\ndef halve(x):\n    os._exit(3)\n",
    "fay raises": HALVE + "def double(x):\n    raise ValueError(x)\n",
    "gus is slow": "import time\ntime.sleep(0.3)\n" + DOUBLE + HALVE,
    "hal prints": "print('hello')\n" + DOUBLE + HALVE,
    "ian stops": "raise RuntimeError('before anything')\n" + DOUBLE + HALVE,
    "joy returns nothing": "def double(x):\n    pass\n" + HALVE,
    "kim mistypes": "def double(x)\n    return 2 * x\n",
    "léa": DOUBLE + HALVE,
    **{f"student {number:02}": DOUBLE + HALVE for number in range(8)},
}


@dataclass
class Harm:
    """What was found after the kills of one kind, and what it took."""

    classes: int = 0
    runs: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    wrong: int = 0
    double: int = 0
    unfinished: int = 0

    @property
    def is_none(self) -> bool:
        """Whether every report was there, right, and once."""
        return not (self.lost or self.wrong or self.double or self.unfinished)


def make_course(root: Path) -> None:
    """Write the toy course and its class below ``root``."""
    stub = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    files = {
        "course.toml": TOML,
        "assignments/toy/toy.ipynb": json.dumps(stub),
        "tests/hidden/grade_toy.py": CHECKS,
        **{f"submitted/{student}.py": source for student, source in CLASS.items()},
    }
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def start(root: Path, out: Path, jobs: int) -> subprocess.Popen[bytes]:
    """Start to grade the class into ``out``; what is said goes to ``<out>.log``."""
    words = ("-m", "autograder", "grade", "toy", "submitted", "--out", str(out), "--jobs", str(jobs))
    with open(out.with_suffix(".log"), "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-P", *words], cwd=root, stdout=log, stderr=log, start_new_session=True
        )


def processes_of(operator: int) -> dict[str, list[int]]:
    """Return the processes of a run by kind; what has ended and is not reaped yet is none of them."""
    parents: dict[int, int] = {}
    sessions: dict[int, int] = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            state, parent, _, session = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[:4]
            if state != "Z":
                parents[int(entry)], sessions[int(entry)] = int(parent), int(session)
    found: defaultdict[str, list[int]] = defaultdict(list)
    depths = {operator: 0}
    while more := {child: depths[parent] + 1 for child, parent in parents.items() if parent in depths} - depths.keys():
        depths |= {child: depths[parents[child]] + 1 for child in more}
    for pid, depth in depths.items():
        if pid not in sessions:
            continue
        if depth > 2 and sessions[pid] == pid:  # a worker begins a session of its own
            found["worker"].append(pid)
        else:
            found[("operator", "grader", "nursery")[min(depth, 2)]].append(pid)
    return found


def disturb(process: subprocess.Popen[bytes], kind: str, budget: int, whole_s: float, rng: random.Random) -> list[str]:
    """Kill processes of a run at random moments until it ends or the budget is spent; return who was killed."""
    killed: list[str] = []
    spread_s = {"operator": whole_s, "grader": whole_s, "nursery": whole_s / 2, "worker": 0.3, ANY: whole_s / 2}[kind]
    while len(killed) < budget:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0, spread_s))
            return killed
        victim = ""
        while process.poll() is None and not victim:
            there = processes_of(process.pid)
            victim = rng.choice(sorted(there) if kind == ANY else [kind])
            if not there.get(victim):
                victim = ""
                time.sleep(POLL_S)
        if not victim:
            return killed
        with contextlib.suppress(ProcessLookupError):
            os.kill(rng.choice(there[victim]), signal.SIGKILL)
            killed.append(victim)
        if victim == "operator":
            process.wait()
    return killed


def without_times(value: Any) -> Any:
    """Return a report's content less what says when it was made and how long that took."""
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in TIMES}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def reports_in(out: Path) -> list[dict[str, Any]]:
    """Return what every staff report says; one that is not whole, or whose public files are not, is left out."""
    found = []
    for path in sorted(out.glob(f"*/{STAFF_JSON}")):
        with contextlib.suppress(OSError, ValueError):
            staff = json.loads(path.read_bytes())
            public = json.loads(path.with_name(PUBLIC_JSON).read_bytes())
            if public == staff["report"] and path.with_name(PUBLIC_HTML).read_bytes().rstrip().endswith(b"</html>"):
                found.append(without_times(staff))
    return found


def graders_of(staff: dict[str, Any]) -> str:
    """Return the hash of the code that has made a report."""
    return str(staff["report"]["environment"]["grader_sha256"])


def rows_in(out: Path) -> Counter[str]:
    """Return how often each student stands in the table of grades of the class page."""
    page = (out / CLASS_HTML).read_text(encoding="utf-8")
    table = page.partition('<h2 id="grades">')[2].partition("</section>")[0]
    return Counter(unquote(unescape(name)) for name in re.findall(r'href="([^"]+)/report\.html"', table))


def judge(out: Path, undisturbed: list[dict[str, Any]], harm: Harm) -> None:
    """Compare a class with the undisturbed one."""
    expected = {staff["report"]["student"]: staff for staff in undisturbed}
    reports = reports_in(out)
    if {graders_of(staff) for staff in reports} - {graders_of(staff) for staff in undisturbed}:
        sys.exit("the package was edited while this ran: expected one grader_sha256, got several. Run it again.")
    times = Counter(staff["report"]["student"] for staff in reports)
    rows = rows_in(out)
    harm.lost += len(expected.keys() - times.keys()) + len(expected) - min(len(expected), len(rows))
    harm.wrong += sum(staff != expected.get(staff["report"]["student"]) for staff in reports)
    harm.double += sum(count - 1 for count in times.values()) + sum(count - 1 for count in rows.values())


def grade_disturbed(
    root: Path, out: Path, kind: str, whole_s: float, jobs: int, rng: random.Random, harm: Harm
) -> bool:
    """Grade the class, with kills, until exit code 0; return whether that came in time."""
    budget, calm = KILLS_PER_CLASS[kind], 0
    harm.classes += 1
    while calm < RUNS_AFTER_THE_LAST_KILL:
        harm.runs += 1
        calm += budget == 0
        process = start(root, out, jobs)
        killed = disturb(process, kind, budget, whole_s, rng)
        harm.kills.update(killed)
        budget -= len(killed)
        if process.wait() == 0:
            return True
    return False


def table(harms: dict[str, Harm]) -> str:
    """Return a row for each kind of class and one of all."""
    rows: list[tuple[str, ...]] = [("victims", "classes", "runs", "kills", "lost", "wrong", "double", "unfinished")]
    for kind, harm in harms.items():
        numbers = (
            harm.classes, harm.runs, harm.kills.total(), harm.lost, harm.wrong, harm.double, harm.unfinished
        )  # fmt: skip
        rows.append((kind, *map(str, numbers)))
    rows.append(("all", *(str(sum(int(row[column]) for row in rows[1:])) for column in range(1, len(rows[0])))))
    return "\n".join(f"{row[0]:<12}" + "".join(f"{cell:>11}" for cell in row[1:]) for row in rows)


def main() -> None:
    """Kill, compare and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no new class after so many")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument(
        "--keep", action="store_true", help="keep the reports of a class in which something is not right"
    )
    arguments = parser.parse_args()
    rng, began = random.Random(arguments.seed), time.monotonic()
    harms = {kind: Harm() for kind in (*KINDS, ANY)}
    root = Path(tempfile.mkdtemp(prefix="faults-"))
    root.chmod(0o755)
    make_course(root)
    started = time.monotonic()
    if status := start(root, root / "undisturbed", arguments.jobs).wait():
        sys.exit(f"the undisturbed run ended with exit code {status}:\n{(root / 'undisturbed.log').read_text()}")
    whole_s = time.monotonic() - started
    undisturbed = reports_in(root / "undisturbed")
    assert len(undisturbed) == len(CLASS), "the undisturbed run has lost a report itself"
    number = 0
    done = 0
    while done < arguments.kills and time.monotonic() - began < 60 * arguments.minutes:
        kind = [*KINDS, ANY][number % len(harms)]
        out, harm = root / f"class-{number}", Harm()
        if grade_disturbed(root, out, kind, whole_s, arguments.jobs, rng, harm):
            judge(out, undisturbed, harm)
        else:
            harm.unfinished += 1
        if not harm.is_none:
            print(f"class {number}, {kind}: {harm}\n{out.with_suffix('.log').read_text()}", file=sys.stderr)
        if harm.is_none or not arguments.keep:
            shutil.rmtree(out, ignore_errors=True)
        whole = harms[kind]
        for name, value in vars(harm).items():
            setattr(whole, name, getattr(whole, name) + value)
        number += 1
        done = sum(harm.kills.total() for harm in harms.values())
        print(f"{done} of {arguments.kills} kills, {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(table(harms))
    killed = sum((harm.kills for harm in harms.values()), Counter())
    print("killed: " + ", ".join(f"{killed[kind]} times {kind}" for kind in KINDS))
    print(f"{len(CLASS)} submissions a class, undisturbed {whole_s:.1f} s; {time.monotonic() - began:.0f} s in all")
    if not arguments.keep:
        shutil.rmtree(root, ignore_errors=True)
    if not all(harm.is_none for harm in harms.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
