"""Why some attacks cannot even be written: what they would attack is not there."""

from __future__ import annotations

import ast
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from autograder.cli import cli
from autograder.errors import UsageError
from autograder.reports.store import student_folder
from autograder.submissions import notebook as notebooks
from autograder.submissions import submission
from autograder.submissions.notebook import Manifest
from autograder.submissions.submission import Located, locate, read
from tests.unit.toy import HEAD, TOPIC, autograder, cell_of, grade_here, hand_in, make_course, notebook, save

ROOT = Path(__file__).resolve().parents[2]
HARNESS = sorted(path for path in (ROOT / "autograder").rglob("*.py") if "selftest" not in path.parts)
HIDDEN = sorted((ROOT / "tests" / "hidden").rglob("*.py"))


def words_of(paths: list[Path]) -> set[str]:
    """Return every module that is imported, and every name and attribute that is used."""
    found: set[str] = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found |= {(node.module or "").partition(".")[0], *(alias.name for alias in node.names)}
            elif isinstance(node, ast.Attribute):
                found |= {node.attr, ast.unparse(node)}
            elif isinstance(node, ast.Name):
                found.add(node.id)
    return found


def test_a_public_report_has_no_field_for_an_expected_value(tmp_path: Path) -> None:
    secret = "expect_number(student.double(123.5), 987654.25)"
    checks = f"{HEAD}\n\n@exercise('halve')\n@points(2)\ndef check_halve(student):\n    {secret}\n"
    topic = make_course(tmp_path, checks=checks)
    hand_in(tmp_path, "ada", notebook())
    assert autograder("grade", TOPIC, "submitted", "--out", "out", cwd=tmp_path).returncode == 0
    folder = tmp_path / "out" / "ada"
    assert "987654" in (folder / "report.staff.json").read_text()
    for name in ("report.json", "report.html"):
        assert "98765" not in (folder / name).read_text()
    assert topic.grader.is_file()


def test_what_students_run_knows_no_hidden_check(tmp_path: Path) -> None:
    make_course(tmp_path, checks="import os\nos._exit(0)\n")
    path = save(tmp_path / "home" / "toy.ipynb", notebook())
    ran = autograder("check", path, cwd=tmp_path)
    assert (ran.returncode, ran.stdout.splitlines()[:2]) == (0, ["double: passed", "halve: passed"])


def test_a_public_report_tells_no_durations(tmp_path: Path) -> None:
    make_course(tmp_path)
    slow = "import time\ndef double(x):\n    time.sleep(0.2)\n    return 2 * x\n"
    hand_in(tmp_path, "ada", notebook(slow))
    assert autograder("grade", TOPIC, "submitted", "--out", "out", cwd=tmp_path).returncode == 0
    public, staff = (
        json.loads((tmp_path / "out" / "ada" / name).read_text()) for name in ("report.json", "report.staff.json")
    )

    def durations(report: dict[str, Any]) -> list[float]:
        return [check["duration_s"] for exercise in report["exercises"] for check in exercise["checks"]]

    assert max(time["duration_s"] for time in staff["times"]) > 0.2
    assert set(durations(public)) == {0.0}


def test_nothing_is_unpickled() -> None:
    used = words_of(HARNESS)
    assert used & {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml"} == set()
    assert used & {"torch.load", "np.load", "numpy.load", "allow_pickle", "safetensors"} == set()


def test_archives_are_not_unpacked(tmp_path: Path) -> None:
    assert words_of(HARNESS) & {"zipfile", "tarfile", "unpack_archive", "gzip", "bz2", "lzma", "zlib"} == set()
    archive = save(tmp_path / "ada.zip", b"PK\x05\x06" + bytes(18))
    with pytest.raises(UsageError, match=r"expected a \.ipynb or \.py file"):
        locate(TOPIC, [archive])


def test_nothing_listens() -> None:
    used = words_of(HARNESS)
    assert used & {"listen", "create_server", "start_server", "socketserver", "xmlrpc", "multiprocessing"} == set()
    assert {name for name in used if "HTTPServer" in name} == set()


def test_no_points_depend_on_a_gpu(tmp_path: Path) -> None:
    placed = "from autograder.checks.placement import expect_placement\n\n\n@exercise('double')\n@points(3)\n"
    placed += "def check_placement_of_double(runs):\n    expect_placement(runs)\n"
    topic = make_course(tmp_path, checks=HEAD + placed)
    hand_in(tmp_path, "ada", notebook())
    assert autograder("grade", TOPIC, "submitted", "--out", "out", cwd=tmp_path).returncode == 0
    report = json.loads((tmp_path / "out" / "ada" / "report.json").read_text())
    checks = [check for exercise in report["exercises"] for check in exercise["checks"]]
    assert {check["max_points"] for check in checks if check["device"] == "cuda"} == {0.0}
    assert report["points"] == report["max_points"] == topic.table.points


def test_no_check_measures_time() -> None:
    assert words_of(HIDDEN) & {"time", "timeit", "perf_counter", "monotonic", "duration_s"} == set()


def test_no_spreadsheet_is_written(tmp_path: Path) -> None:
    assert words_of(HARNESS) & {"csv", "openpyxl", "xlsxwriter", "pandas"} == set()
    make_course(tmp_path)
    hand_in(tmp_path, "=HYPERLINK(1)", notebook())
    assert autograder("grade", TOPIC, "submitted", "--out", "out", cwd=tmp_path).returncode == 0
    assert {path.suffix for path in (tmp_path / "out").rglob("*") if path.is_file()} <= {".json", ".html"}


def test_no_picture_of_a_submission_is_shown(tmp_path: Path) -> None:
    whole = notebook("def double(x):\n    return x\n")
    picture = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/png": "iVBORw0KGgo=", "image/svg+xml": "<svg/>"},
    }
    cell_of(whole, "double")["outputs"] = [picture]
    make_course(tmp_path)
    hand_in(tmp_path, "ada", whole)
    assert autograder("grade", TOPIC, "submitted", "--out", "out", cwd=tmp_path).returncode == 0
    for path in (tmp_path / "out").rglob("*.html"):
        page = path.read_text()
        assert "<img" not in page
        assert "iVBORw0KGgo" not in page


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a/b", "..", ".", "", "C:\\x", "index.html", "%2e%2e"]
)
def test_a_name_is_no_path(name: str) -> None:
    folder = student_folder(name)
    assert Path(folder).name == folder
    assert folder not in ("", ".", "..", "index.html")
    assert folder != student_folder(name + " ")


def test_a_submission_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = make_course(tmp_path)
    path = save(tmp_path / "ada.ipynb", notebook())
    opened: list[Path] = []

    def counted(where: Path, limit: int) -> bytes:
        opened.append(where)
        content = original(where, limit)
        save(path, notebook("raise SystemExit"))  # exchanged as soon as it has been read
        return content

    original = notebooks.read_capped
    monkeypatch.setattr(submission, "read_capped", counted)
    was_read = read(Located("ada", path), TOPIC, Manifest.read(topic.release))
    assert opened == [path]
    assert [cell.source for cell in was_read.cells if cell.exercise == "double"] == [
        "def double(x):\n    return 2 * x\n"
    ]
    save(path, notebook())
    report = grade_here(topic, Located("ada", path))["ada"].report
    assert (report.points, report.submission_sha256) == (5.0, was_read.sha256)


def test_there_is_no_exam() -> None:
    assert not {name for name in cli.commands if "exam" in name or "serve" in name or "similar" in name}
    assert not [path.name for path in HARNESS if "exam" in path.stem.split("_")]
    fields = {field.name for field in dataclasses.fields(submission.Submission)}
    assert not {name for name in fields if "variant" in name or "extension" in name}
