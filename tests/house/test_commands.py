"""README's commands, the CI script and the documentation's examples say the same and work."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def commands_of_readme() -> list[str]:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return [line for block in re.findall(r"```console\n(.*?)```", readme, re.DOTALL) for line in block.splitlines()]


def test_the_first_two_commands_are_single_lines_that_set_up_everything() -> None:
    first, second = commands_of_readme()[:2]
    for command in (first, second):
        assert command.startswith(
            "python3 -m venv --without-pip .venv && python3 -m pip --python .venv/bin/python install"
        )
        assert "-c constraints.txt" in command
    assert "autograder grade --all tests/submissions" in first
    assert "pytest" in second


def test_ci_runs_the_second_command_word_for_word() -> None:
    assert commands_of_readme()[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_every_command_has_a_help_text() -> None:
    for words in ([], ["grade"], ["check"], ["report"], ["release"], ["doctor"], ["verify"], ["sign"], ["selftest"]):
        run = subprocess.run(
            [sys.executable, "-m", "autograder", *words, "--help"], capture_output=True, text=True, check=True
        )
        assert "Usage:" in run.stdout


def test_the_wheel_holds_the_harness_and_nothing_else(tmp_path: Path) -> None:
    code = (
        "from hatchling.builders.wheel import WheelBuilder; import sys\n"
        "print(list(WheelBuilder(sys.argv[1]).build(directory=sys.argv[2], versions=['standard'])))"
    )
    subprocess.run([sys.executable, "-c", code, str(ROOT), str(tmp_path)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"autograder"}
    assert "autograder/py.typed" in names
    assert "autograder/grading/pytest.ini" in names
    assert any(name.endswith(".j2") for name in names)
    secret = ("grade_metrics", "hidden", "reference", "solutions")
    assert [name for name in names if any(word in name for word in secret)] == []


def test_every_line_of_the_security_page_links_to_its_test() -> None:
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    covered = page.partition("## Covered")[2].partition("\n## ")[0]
    rows = [line for line in covered.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    for row in rows:
        linked = re.findall(r"\]\((tests/[a-z_/]+\.py)\)", row)
        assert linked, row
        assert [path for path in linked if not (ROOT / path).is_file()] == []
