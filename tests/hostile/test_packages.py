"""Whatever lies in a submission's folder earns at most what its code earns, and nobody else notices.

Every package is graded by the real command, all of them in one run: what one does to another would show.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autograder.reports.models import Report
from autograder.reports.store import student_folder
from autograder.submissions.notebook import MAX_NOTEBOOK_BYTES
from autograder.submissions.submission import Located
from tests.unit.toy import (
    CHECKS,
    DOUBLE,
    HALVE,
    SQUARED,
    TOPIC,
    Notebook,
    autograder,
    cell,
    cell_of,
    command,
    make_course,
    notebook,
    save,
    staff_report,
)

SECRET = "secret-4711"
ALL, HALF, NONE = 5.0, 2.0, 0.0  # points: both functions right, only `halve`, nothing
WHOLE = DOUBLE + HALVE
Put = Callable[[Path], object]


@dataclass(frozen=True)
class Package:
    """What a student's folder holds, what its code earns, and what the report says about it.

    Attributes:
        put: puts it into the student's folder.
        points: what it earns, before a penalty.
        kinds: the kinds of incidents that the report names.
        penalty: the points that its time stamp costs.
    """

    put: Put
    points: float
    kinds: tuple[str, ...] = ()
    penalty: float = 0.0


def holding(content: Notebook | bytes | str, name: str = "toy.ipynb", beside: Mapping[str, str] | None = None) -> Put:
    """Return what puts a submission into a folder, and other files beside it."""

    def put(folder: Path) -> None:
        save(folder / name, content)
        for other, text in (beside or {}).items():
            save(folder / other, text)

    return put


def changed(change: Callable[[Notebook], object], double: str = SQUARED) -> Put:
    """Return what puts a notebook into a folder that was changed after it had been filled in."""

    def apply(whole: Notebook) -> None:
        change(whole)

    return holding(notebook(double, change=apply))


def marked(grade_id: str, /, **nbgrader: Any) -> Put:
    """Return what puts a notebook with a wrong `double` into a folder, nbgrader's metadata of one cell changed."""
    return changed(lambda whole: cell_of(whole, grade_id)["metadata"]["nbgrader"].update(nbgrader))


def stamped(text: str) -> Put:
    """Return what puts a right notebook and a time stamp into a folder."""
    return holding(notebook(), beside={"timestamp.txt": text})


def named(*names: bytes | str) -> Put:
    """Return what puts a right notebook into a folder, and files of these names beside it."""

    def put(folder: Path) -> None:
        save(folder / "toy.ipynb", notebook())
        for name in names:
            with open(os.path.join(os.fsencode(folder), os.fsencode(name)), "wb") as file:
                file.write(b"x")

    return put


def sized(size: int) -> Put:
    """Return what puts a sparse file of this many bytes into a folder, a notebook at its beginning."""

    def put(folder: Path) -> None:
        with save(folder / "toy.ipynb", notebook()).open("r+b") as file:
            file.truncate(size)

    return put


def in_old_format(version: int) -> Put:
    """Return what puts a notebook of nbformat 2 or 3 into a folder."""
    cells = [
        {
            "cell_type": "code",
            "language": "python",
            "input": item["source"],
            "outputs": [],
            "metadata": item["metadata"],
        }
        for item in notebook()["cells"]
        if item["cell_type"] == "code"
    ]
    worksheets = [{"cells": cells, "metadata": {}}]
    return holding({"nbformat": version, "nbformat_minor": 0, "metadata": {}, "worksheets": worksheets})


def copies(first: str, second: str) -> Put:
    """Return what puts a notebook into a folder in which the cell of `double` is there twice."""
    return changed(lambda whole: whole["cells"].append(cell(second, "double", solution=True)), first)


def extra(source: str, place: int, double: str = SQUARED) -> Put:
    """Return what puts a notebook into a folder that has one more cell."""
    return changed(lambda whole: whole["cells"].insert(place, cell(source)), double)


def linked_to_the_solution(link: Callable[[Path, Path], object]) -> Put:
    """Return what puts a link into a folder in place of a notebook."""
    return lambda folder: link(folder.parents[2] / "solutions" / TOPIC / "toy.ipynb", folder / "toy.ipynb")


def all_of(*puts: Put) -> Put:
    """Return what does one after the other."""

    def put(folder: Path) -> None:
        for one in puts:
            one(folder)

    return put


def many_small_files(folder: Path) -> None:
    """Put a right notebook into a folder, and 100,000 files."""
    save(folder / "toy.ipynb", notebook())
    where = os.open(folder, os.O_RDONLY)
    for number in range(100_000):
        os.close(os.open(f"{number:06}", os.O_CREAT | os.O_WRONLY, dir_fd=where))
    os.close(where)


def bound_socket(folder: Path) -> None:
    """Put a socket into a folder in place of a notebook."""
    here = os.open(folder, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"/proc/self/fd/{here}/toy.ipynb")  # a socket's path is 108 bytes at most
    os.close(here)


def device_node(folder: Path) -> None:
    """Put a device that never ends into a folder in place of a notebook; where that is not allowed, a pipe."""
    try:
        os.mknod(folder / "toy.ipynb", 0o20666, os.makedev(1, 5))
    except PermissionError:
        os.mkfifo(folder / "toy.ipynb")


# the last of these lines break the worker's own answers, which costs the submission one more worker
PATCHES = """
import builtins, sys
import torch
for name in ("allclose", "equal", "isclose"):
    setattr(torch, name, lambda *values, **options: True)
torch.testing.assert_close = lambda *values, **options: None
torch.Tensor.__eq__ = lambda self, other: True
builtins.abs = builtins.float = lambda value: 0.0
builtins.isinstance = lambda value, kind: True
sys.modules["pytest"] = sys.modules["autograder"] = sys
"""
PLANTED = f"raise SystemExit('{SECRET}')\n"
READS = """
import os
for place in ("../../ann/toy/toy.ipynb", "../../../solutions/toy/toy.ipynb", "../../../tests/hidden/grade_toy.py"):
    try:
        print(open(place).read())
    except OSError as error:
        print(type(error).__name__)
"""
WRITES = """
for place in ("..", "../..", "../../..", "/tmp", "/var/tmp", "/dev/shm"):
    try:
        open(place + "/pwned", "w").close()
    except OSError as error:
        print(type(error).__name__)
"""
DEEP = '{"a": ' * 400 + "{}" + "}" * 400
READS_DATA = notebook("print(open('data').read())\n" + DOUBLE)
OUTPUT = {"output_type": "stream", "name": "stdout", "text": "double: 1000000 of 3 points"}
IMAGE = {
    "output_type": "display_data",
    "metadata": {},
    "data": {"image/png": base64.b64encode(bytes(15 << 20)).decode()},
}
NOT_READ = ("skipped-file", "unreadable")
CELL_FAILED, ODD_FLAGS, UNREADABLE, SKIPPED = (
    ("cell-failed",),
    ("changed-metadata",),
    ("unreadable",),
    ("skipped-file",),
)


def forged_outputs(whole: Notebook) -> None:
    """Say that everything was run and full."""
    for number, item in enumerate(whole["cells"]):
        if item["cell_type"] == "code":
            item.update(outputs=[OUTPUT], execution_count=number)


def merged(whole: Notebook) -> None:
    """Put what two cells define into the first."""
    cell_of(whole, "double")["source"] = WHOLE
    whole["cells"].remove(cell_of(whole, "halve"))


def split(whole: Notebook) -> None:
    """Put the second line of a function into a cell of its own."""
    place = whole["cells"].index(cell_of(whole, "double"))
    first, second = DOUBLE.rstrip("\n").split("\n")
    whole["cells"][place]["source"] = first
    whole["cells"].insert(place + 1, cell(second))


def reordered(whole: Notebook) -> None:
    """Turn the cells round."""
    whole["cells"].reverse()


def with_ids(whole: Notebook) -> None:
    """Give all cells but one the same id, and one none."""
    whole["nbformat_minor"] = 5
    for item in whole["cells"][1:]:
        item["id"] = "same"


METADATA: dict[str, Package] = {
    "points raised": Package(marked("test_double", points=1e6), HALF, ODD_FLAGS),
    "points as text": Package(marked("test_double", points="1000"), HALF, ODD_FLAGS),
    "points not a number": Package(marked("test_double", points=float("nan")), HALF, ODD_FLAGS),
    "points below zero": Package(marked("test_halve", points=-100), HALF, ODD_FLAGS),
    "points in a solution": Package(marked("double", points=1e6), HALF),
    "grade off": Package(marked("test_double", grade=False), HALF, ODD_FLAGS),
    "solution off": Package(marked("double", solution=False), HALF, ODD_FLAGS),
    "solution and grade": Package(marked("double", grade=True, points=100), HALF, ODD_FLAGS),
    "not locked": Package(marked("test_double", locked=False), HALF),
    "a task": Package(marked("double", task=True), HALF),
    "checksum removed": Package(marked("test_double", checksum=None), HALF),
    "schema 0": Package(marked("double", schema_version=0), HALF),
    "schema 99": Package(marked("double", schema_version=99), HALF),
    "unknown keys": Package(marked("double", score=100, passed=True, student="ann"), HALF),
    "grade id of another type": Package(marked("double", grade_id=["double"]), HALF, ("deleted-cell",)),
    "grade id unknown": Package(marked("double", grade_id="\ud800../../ann"), HALF, ("deleted-cell",)),
    "a test cell as text": Package(changed(lambda n: cell_of(n, "test_double").update(cell_type="markdown")), HALF),
    "a solution as text": Package(
        changed(lambda n: cell_of(n, "double").update(cell_type="raw"), DOUBLE), HALF, ("deleted-cell",)
    ),
    "another kernel": Package(
        changed(lambda n: n["metadata"].update(
            kernelspec={"name": "bash", "language": "bash", "argv": ["/bin/sh", "-c", "id"]},
            language_info={"name": "R"},
            otter={"tests": ["q1"], "assignment_name": "ann"},
            widgets={"application/vnd.jupyter.widget-state+json": {"state": {"x": {"model_name": "Evil"}}}},
        )), HALF,
    ),
    "saved outputs": Package(changed(forged_outputs), HALF),
    "images": Package(changed(lambda n: cell_of(n, "double").update(outputs=[IMAGE]), DOUBLE), ALL),
    "attachments": Package(
        changed(lambda n: n["cells"][0].update(attachments={"a.svg": {"image/svg+xml": "<svg onload='alert(1)'/>"}})),
        HALF,
    ),
    "cell ids": Package(changed(with_ids, DOUBLE), ALL),
}  # fmt: skip
CELLS: dict[str, Package] = {
    "the first copy right": Package(copies(DOUBLE, SQUARED), HALF, ("duplicated-cell",)),
    "the last copy right": Package(copies(SQUARED, DOUBLE), ALL, ("duplicated-cell",)),
    "a cell deleted": Package(changed(lambda n: n["cells"].remove(cell_of(n, "double"))), HALF, ("deleted-cell",)),
    "test cells deleted": Package(changed(lambda n: n["cells"].remove(cell_of(n, "test_double"))), HALF),
    "all cells deleted": Package(changed(lambda n: n["cells"].clear()), NONE, ("wrong-notebook",)),
    "reordered": Package(changed(reordered, DOUBLE), ALL, ("reordered-cells",)),
    "merged": Package(changed(merged), ALL, ("deleted-cell",)),
    "split": Package(changed(split), HALF, CELL_FAILED),
    "patched before": Package(extra(PATCHES, 0), HALF, CELL_FAILED),
    "defined wrong after": Package(extra(SQUARED, 99, DOUBLE), HALF),
    "defined right after": Package(extra(DOUBLE, 99, SQUARED), ALL),
    "in a raw cell": Package(changed(lambda n: n["cells"].append(cell(DOUBLE, kind="raw"))), HALF),
    "a test cell rewritten": Package(changed(lambda n: cell_of(n, "test_double").update(source=DOUBLE)), HALF),
    "setup rewritten": Package(
        changed(lambda n: cell_of(n, "setup").update(source=PATCHES)), HALF, ("cell-failed", "changed-cell")
    ),
    "too many cells": Package(changed(lambda n: n["cells"].extend([cell("1 / 0")] * 3_000)), NONE, UNREADABLE),
    "a bash cell": Package(extra(f"%%bash\ntouch /tmp/pwned; echo {SECRET}", 1), HALF, ("magic",)),
    "a shell line": Package(extra("!touch /tmp/pwned\n!cat ../../ann/toy/toy.ipynb", 1), HALF, ("magic",)),
    "run and load": Package(extra("%run ../../ann/toy/toy.ipynb\n%load_ext evil", 1), HALF, ("magic",)),
    "javascript": Package(extra("%%javascript\nalert(1)", 1), HALF, ("magic",)),
    "reads": Package(extra(READS, 1), HALF),
    "writes": Package(extra(WRITES, 1), HALF),
}
FILES: dict[str, Package] = {
    "invalid JSON": Package(holding(b'{"cells": ['), NONE, UNREADABLE),
    "nothing in it": Package(holding(b""), NONE, UNREADABLE),
    "another JSON": Package(holding("[]"), NONE, UNREADABLE),
    "deep JSON": Package(holding("[" * 100_000 + "]" * 100_000), NONE, UNREADABLE),
    "deep metadata": Package(holding(json.dumps(notebook()).replace("{}", DEEP, 1)), ALL),
    "a huge number": Package(holding('{"nbformat": ' + "9" * 5_000 + "}"), NONE, UNREADABLE),
    "a byte order mark": Package(holding(b"\xef\xbb\xbf" + json.dumps(notebook()).encode()), ALL),
    "UTF-16": Package(holding(json.dumps(notebook()).encode("utf-16")), NONE, UNREADABLE),
    "nbformat 3": Package(in_old_format(3), ALL),
    "nbformat 2": Package(in_old_format(2), ALL),
    "nbformat 99": Package(holding({**notebook(), "nbformat": 99}), NONE, UNREADABLE),
    "5 GB": Package(sized(5 << 30), NONE, UNREADABLE),
    "100 MB": Package(sized(100 << 20), NONE, UNREADABLE),
    "as large as allowed": Package(sized(MAX_NOTEBOOK_BYTES), NONE, UNREADABLE),  # with zeros behind the notebook
    "half a character": Package(changed(lambda n: n["cells"].append(cell("x = '\ud800'")), DOUBLE), ALL, CELL_FAILED),
    "encoding cookie": Package(holding("# -*- coding: latin-1 -*-\n" + WHOLE + "name = 'é'\n", "toy.py"), ALL),
    "utf-7 cookie": Package(holding("# coding: utf-7\n" + WHOLE, "toy.py"), ALL),
    "latin-1": Package(holding(b"# coding: latin-1\nname = '\xe9'\n" + WHOLE.encode(), "toy.py"), NONE, UNREADABLE),
    "form feeds": Package(holding("\f\n" + DOUBLE + "\f\n" + HALVE, "toy.py"), ALL),
    "a homoglyph": Package(holding(WHOLE.replace("def double", "def d\u043euble"), "toy.py"), HALF),
    "a zero byte": Package(holding(WHOLE + "\0", "toy.py"), NONE, CELL_FAILED),
    "a syntax error": Package(holding(WHOLE + "def broken(:\n", "toy.py"), NONE, CELL_FAILED),
    "from the future": Package(holding(f"from __future__ import annotations\n{WHOLE}x = 1  # type: x", "toy.py"), ALL),
    "brackets": Package(holding(WHOLE + "(" * 5_000, "toy.py"), NONE, CELL_FAILED),
    "another's name": Package(changed(lambda n: n["metadata"].update(authors=[{"name": "ann"}], student="ann")), HALF),
}  # fmt: skip
FOLDERS: dict[str, Package] = {
    "a symbolic link": Package(linked_to_the_solution(lambda to, at: at.symlink_to(to)), NONE, NOT_READ),
    "a hard link": Package(linked_to_the_solution(os.link), NONE, NOT_READ),
    "a linked folder": Package(all_of(Path.rmdir, lambda f: f.symlink_to("../ann/toy")), NONE, UNREADABLE),
    "a pipe": Package(lambda f: os.mkfifo(f / "toy.ipynb"), NONE, NOT_READ),
    "a socket": Package(bound_socket, NONE, NOT_READ),
    "a device": Package(device_node, NONE, NOT_READ),
    "a folder as a notebook": Package(lambda f: (f / "toy.ipynb").mkdir(), NONE, UNREADABLE),
    "an empty folder": Package(lambda f: None, NONE, UNREADABLE),
    "an archive alone": Package(lambda f: zipped(f / "toy.zip"), NONE, UNREADABLE),
    "linked data": Package(
        all_of(holding(READS_DATA), lambda f: (f / "data").symlink_to("../../../solutions/toy/toy.ipynb")),
        HALF, ("cell-failed", "skipped-file"),
    ),
    "hard linked data": Package(
        all_of(holding(READS_DATA), lambda f: os.link(f.parents[2] / "solutions" / TOPIC / "toy.ipynb", f / "data")),
        HALF, ("cell-failed", "skipped-file"),
    ),
    "pipes beside": Package(all_of(holding(notebook()), lambda f: os.mkfifo(f / "data")), ALL, SKIPPED),
    "small files": Package(many_small_files, ALL, SKIPPED),
    "odd names": Package(named("new\nline", "\x1b[2Jclear", "\u202egnp.exe", b"\xff\xfe", "--force", "x" * 255), ALL),
    "planted for pytest": Package(
        holding(notebook(SQUARED), beside={
            "conftest.py": PLANTED, "evil.py": PLANTED, "pytest.ini": "[pytest]\naddopts = -p evil\n",
            "setup.cfg": "[tool:pytest]\n", "tox.ini": "[pytest]\nrequired_plugins = evil\n",
            "evil-0.dist-info/entry_points.txt": "[pytest11]\nevil = evil\n",
            "evil-0.dist-info/METADATA": "Metadata-Version: 2.1\nName: evil\nVersion: 0\n",
        }), HALF,
    ),
    "planted for Python": Package(
        holding(notebook(SQUARED), beside={
            "sitecustomize.py": PLANTED, "usercustomize.py": PLANTED, "evil.pth": "import evil\n", "evil.py": PLANTED,
            "autograder/__init__.py": PLANTED, "reference/toy.py": PLANTED, "grade_toy.py": PLANTED,
        }), HALF,
    ),
    "planted libraries": Package(
        holding(notebook("import numpy, torch, json, random\n" + DOUBLE), beside={
            f"{name}.py": PLANTED for name in ("numpy", "json", "random", "torch/__init__", "os", "click", "tqdm")
        }), ALL,
    ),
    "planted data": Package(
        holding(notebook(SQUARED), beside={
            "course.toml": "[topics.toy]\npoints = 100\n", "data/expected.npz": "PK", "report.json": "{}",
            "report.staff.json": "{}", "assignments/toy/toy.ipynb": "{}",
        }), HALF,
    ),
    "a helper": Package(holding(notebook("from helper import double\n"), beside={"helper.py": DOUBLE}), ALL),
    "a helper that is not there": Package(holding(notebook("from helper import double\n")), HALF, CELL_FAILED),
}  # fmt: skip
TIMES: dict[str, Package] = {
    "in time": Package(stamped("2024-11-21 11:00:00.000000 UTC"), ALL),
    "in time elsewhere": Package(stamped("2024-11-21 23:59:00+14:00"), ALL),
    "a second late": Package(stamped("2024-11-21 11:00:01 UTC"), ALL, penalty=1.0),
    "late in a zone of its own": Package(stamped("2024-11-21 10:00:00-05:00"), ALL, penalty=1.0),
    "in the year 9999": Package(stamped("9999-12-31 23:59:59 UTC"), ALL, penalty=2_913_000.0),
    "in the year 1": Package(stamped("0001-01-01 00:00:00+23:59"), ALL),
    "no date": Package(stamped("soon"), ALL, ("bad-timestamp",)),
    "a linked date": Package(
        all_of(holding(notebook()), lambda f: (f / "timestamp.txt").symlink_to("../../ann/toy/toy.ipynb")),
        ALL, ("bad-timestamp",),
    ),
}  # fmt: skip
NAMES = (
    "--force", "-rf", "..evil", "...", ".hidden", "~root", "$HOME", "`id`", "a;id", "con", "index", "index.html",
    "report.staff.json", "=1+1", "@SUM(A1)", "<script>alert(1)<script>", '"><img src=x onerror=alert(1)>',
    "forged\nann\t5\t100.0 %", "red\x1b[31m", "cursor\x1b[2J\x9b2J", "back\x08\x08\rforged", "rtl\u202egnp",
    "zo\u00eb", unicodedata.normalize("NFD", "zo\u00eb") + "2", "Ann", "ANN", "x" * 255, "\u00e9" * 127, "100%", "a\\b",
    "toy", "tab\there", os.fsdecode(b"half\xff"),
)  # fmt: skip
PACKAGES = {
    **METADATA, **CELLS, **FILES, **FOLDERS, **TIMES,
    "ann": Package(holding(notebook()), ALL),
    "copied from ann": Package(holding(notebook()), ALL),
    "zoe": Package(holding(notebook("raise NotImplementedError", "raise NotImplementedError")), NONE),
    **{name: Package(holding(notebook(SQUARED)), HALF) for name in NAMES},
}  # fmt: skip


def zipped(path: Path) -> Path:
    """Write an archive with a right notebook, a way up and a name that begins at the root."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("toy.ipynb", "../../../pwned", "/tmp/pwned", "../../../reports/ann/report.json"):
            archive.writestr(name, json.dumps(notebook()))
    return path


def tarred(path: Path) -> Path:
    """Write an archive with a link that leads out of it, and a file that goes through the link."""
    inside = save(path.parent.parent / "inside.ipynb", notebook())
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, "/"
        archive.addfile(link)
        archive.add(inside, "toy.ipynb")
    inside.unlink()
    return path


@dataclass(frozen=True)
class Run:
    """A graded class."""

    root: Path
    process: subprocess.CompletedProcess[str]
    before: frozenset[Path]

    @property
    def out(self) -> Path:
        return self.root / "reports"

    def report(self, name: str) -> Report:
        """Return a student's report; the public file is the same as the staff's copy of it."""
        student = Located(name, None).student
        staff = staff_report(self.out, student)
        public = (self.out / student_folder(student) / "report.json").read_text(encoding="utf-8")
        assert Report.model_validate_json(public) == staff.report
        assert staff.incidents == (), "a fault of ours"
        return staff.report


def everything_below(root: Path) -> frozenset[Path]:
    return frozenset(path for path in root.rglob("*") if "small files" not in path.parts)


def grade_all(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the real command; its time is that of some 150 submissions."""
    words = command("grade", TOPIC, "submitted", "--out", "reports", "--device", "cpu")
    return subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=500, check=False)


def graded(root: Path, put: Callable[[Path], None]) -> Run:
    """Grade what is put below ``root`` with the real command."""
    make_course(root, CHECKS + f"# {SECRET}\n")
    save(root / "solutions" / TOPIC / "toy.ipynb", notebook(DOUBLE + f"# {SECRET}"))
    put(root / "submitted")
    before = everything_below(root)
    process = grade_all(root)
    return Run(root, process, before)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """All packages, each in ``submitted/<student>/toy/``, graded in one run."""
    root = tmp_path_factory.mktemp("packages")

    def put(submitted: Path) -> None:
        for name, package in PACKAGES.items():
            folder = submitted / name / TOPIC
            folder.mkdir(parents=True)
            package.put(folder)

    yield graded(root, put)
    subprocess.run(["rm", "-rf", root], check=True)


@pytest.mark.parametrize("name", PACKAGES, ids=ascii)
def test_a_package_earns_what_its_code_earns(run: Run, name: str) -> None:
    package, report = PACKAGES[name], run.report(name)
    assert report.points == package.points, [check.message for check in report.checks]
    assert not report.has_not_graded
    unknown = {"unknown-time"} if report.submitted_at is None else set()
    assert {incident.kind for incident in report.incidents} == set(package.kinds) | unknown
    assert report.grade == max(0.0, 100 * (package.points - package.penalty) / ALL)
    assert report.penalty == pytest.approx(package.penalty, rel=0.01)


def test_everybody_has_one_report_and_one_line(run: Run) -> None:
    assert run.process.returncode == 0, run.process.stderr[-2000:]
    students = {Located(name, None).student for name in PACKAGES}
    assert len(students) == len(PACKAGES)
    assert {path.name for path in run.out.iterdir() if path.is_dir()} == {student_folder(name) for name in students}
    lines = run.process.stdout.splitlines()
    assert len(lines) == len(PACKAGES) + 1
    assert sum(line.startswith("ann\t") for line in lines) == 1
    said = run.process.stderr.splitlines()
    assert sum(line.startswith("[") for line in said) == len(PACKAGES)
    noted = [name for name, package in PACKAGES.items() if {"unreadable", "wrong-notebook"} & set(package.kinds)]
    assert len(said) == len(PACKAGES) + len(noted), "who cannot be read is named once more"


def test_no_character_of_a_package_moves_the_cursor(run: Run) -> None:
    for text in (run.process.stdout, run.process.stderr):
        assert all(character.isprintable() or character in "\n\t" for character in text)
        assert "Traceback" not in text


def test_nothing_is_written_beside_the_reports(run: Run) -> None:
    out = run.out
    new = [path for path in everything_below(run.root) - run.before if out not in (path, *path.parents)]
    assert new == []
    assert not any(Path(place, "pwned").exists() for place in ("/tmp", run.root.parent))
    assert {path.name for path in out.glob("*/*")} == {"report.json", "report.html", "report.staff.json"}


def test_no_public_file_tells_a_secret(run: Run) -> None:
    pages = [*run.out.glob("*/report.json"), *run.out.glob("*/report.html")]
    assert len(pages) == 2 * len(PACKAGES)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert SECRET not in text, page
        assert str(run.root) not in text, page


def test_a_second_run_keeps_every_report(run: Run) -> None:
    """What is odd about a package is the same each time: nothing is graded again, and nobody's place is taken."""
    again = grade_all(run.root)
    assert again.returncode == 0
    assert again.stdout == run.process.stdout
    assert again.stderr.count("(kept)") == len(PACKAGES)


# ---------------------------------------------------------------------------------------------- a folder of files


LOOSE: dict[str, tuple[str, Put]] = {
    "a link": ("a link.ipynb", lambda path: path.symlink_to("../solutions/toy/toy.ipynb")),
    "a link to nothing": ("a link to nothing.py", lambda path: path.symlink_to("nowhere")),
    "a hard link": ("a hard link.ipynb", lambda path: os.link(path.parents[1] / "solutions/toy/toy.ipynb", path)),
    "a pipe": ("a pipe.py", os.mkfifo),
    "a folder": ("a folder.ipynb", Path.mkdir),
    "a zip": ("a zip.zip", zipped),
    "a tar": ("a tar.tar.gz", tarred),
    "not a zip": ("not a zip.ZIP", lambda path: path.write_bytes(b"PK\3\4")),
}


def test_in_a_folder_of_files_what_is_not_read_is_said_in_a_report(tmp_path: Path) -> None:
    """An archive is not unpacked and a link not followed; the student is in the class all the same, with 0 points."""

    def put(submitted: Path) -> None:
        save(submitted / "ann.ipynb", notebook())
        save(submitted / "bob.py", WHOLE)
        for name, write in LOOSE.values():
            write(submitted / name)

    run = graded(tmp_path, put)
    assert run.process.returncode == 0, run.process.stderr
    assert (run.report("ann").points, run.report("bob").points) == (ALL, ALL)
    for student in LOOSE:
        report = run.report(student)
        assert (report.points, report.grade, report.has_not_graded) == (NONE, 0.0, False)
        assert [incident.kind for incident in report.incidents] == ["unreadable", "unknown-time"]
        assert SECRET not in report.model_dump_json()
    assert len(run.process.stdout.splitlines()) == len(LOOSE) + 3
    assert [path for path in everything_below(tmp_path) - run.before if run.out not in (path, *path.parents)] == []


@pytest.mark.parametrize("write", [zipped, tarred])
def test_an_archive_as_an_argument_is_refused_in_a_sentence(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    make_course(tmp_path)
    (tmp_path / "in").mkdir()
    archive = write(tmp_path / "in" / "all.zip")
    process = autograder("grade", TOPIC, archive, "--out", "reports", cwd=tmp_path)
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr == (
        f"autograder: submission: expected a .ipynb or .py file, got {str(archive)!r}. Archives are not unpacked.\n"
    )
    assert not (tmp_path / "reports").exists()


def test_nothing_that_grades_can_unpack() -> None:
    """Zip slips and bombs need somebody who unpacks."""
    package = Path(shutil.__file__).parent  # of the standard library: where the words below come from
    assert (package / "zipfile.py").is_file()
    ours = Path(__file__).parents[2] / "autograder"
    words = ("import zipfile", "import tarfile", "unpack_archive", "import gzip", "import bz2", "import lzma")
    found = [
        f"{path.name}: {word}"
        for path in ours.rglob("*.py")
        for word in words
        if word in path.read_text(encoding="utf-8")
    ]
    assert found == []
