"""The house: every topic has all its rooms, README's tree is the tree, arrows point one way."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOPICS = sorted(tomllib.loads((ROOT / "course.toml").read_text(encoding="utf-8"))["topics"])
FORBIDDEN = re.compile(r"\.\./shared|/work/|issue #?\d+|/root/", re.IGNORECASE)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_has_all_its_rooms(topic: str) -> None:
    rooms = [
        f"assignments/{topic}/{topic}.ipynb",
        f"solutions/{topic}/{topic}.ipynb",
        f"reference/{topic}.py",
        f"tests/hidden/grade_{topic}.py",
        f"tests/hidden/wrong/{topic}.py",
        f"tests/submissions/{topic}/expected.toml",
        f"tests/graders/mutants_{topic}.py",
        f"tests/graders/alternatives_{topic}.py",
        f"tests/graders/survivors_{topic}.py",
    ]
    assert [room for room in rooms if not (ROOT / room).is_file()] == []


def test_every_reference_belongs_to_a_topic() -> None:
    """Beside the topics' references there is what draws pictures for notebooks and checks."""
    stems = {path.stem for path in (ROOT / "reference").glob("*.py")} - {"__init__"}
    assert stems - GENERATORS == set(TOPICS)


def test_readme_tree_is_the_tree() -> None:
    """Every entry of README's tree exists, and every top-level file and room is in the tree."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.split("```text\n", 1)[1].split("```", 1)[0]
    folders: list[str] = []
    shown = set()
    for line in block.splitlines():
        if not line.strip():
            continue
        depth = (len(line) - len(line.lstrip())) // 2
        name = line.split()[0]
        folders = [*folders[:depth], name.rstrip("/")]
        path = "/".join(folders)
        assert (ROOT / path).exists(), f"README's tree names {path}"
        assert name.endswith("/") == (ROOT / path).is_dir(), f"{path}: a folder ends with a slash"
        shown.add(path)
    top = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert sorted(top - shown) == [], "README's tree leaves something out"
    packages = {str(path.parent.relative_to(ROOT)) for path in tracked() if path.name == "__init__.py"}
    assert sorted(package for package in packages if package.startswith("autograder/")) == sorted(
        path for path in shown if path.startswith("autograder/")
    )


def test_nothing_speaks_of_a_workplace() -> None:
    texts = [
        path for path in tracked() if path.suffix in {".py", ".md", ".toml", ".ini", ".ipynb", ".yaml", ".txt", ".j2"}
    ]
    this = Path(__file__)
    found = [
        str(path.relative_to(ROOT))
        for path in texts
        if path != this and FORBIDDEN.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


# ---------------------------------------------------------------------------------------------- arrows

GENERATORS = {"creatures", "scenes"}
OURS = ("autograder", "reference", "wrong", "tests")


def imports_of(path: Path) -> set[str]:
    """Return the absolute dotted names that a file imports, at module level and inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in OURS}


def outside(folder: str, *allowed: str) -> list[str]:
    """Return the imports of ours below ``folder`` that do not begin with one of ``allowed``."""
    wrong = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        for name in sorted(imports_of(path)):
            if not any(name == prefix or name.startswith(prefix + ".") for prefix in allowed):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    return wrong


def test_the_worker_imports_nothing_of_ours_but_itself() -> None:
    assert outside("autograder/worker", "autograder.worker") == []


def test_references_import_nothing_of_ours() -> None:
    assert outside("reference") == []


def test_the_harness_imports_no_content() -> None:
    assert outside("autograder", "autograder") == []


def test_only_hidden_graders_import_the_reference() -> None:
    rooms = ("autograder", "solutions", "assignments", "benchmarks")
    assert [line for room in rooms for line in outside(room, "autograder", "tests")] == []


def test_the_boundary_knows_no_check_and_no_report() -> None:
    assert outside("autograder/boundary", "autograder.boundary", "autograder.worker", "autograder.errors") == []


def test_reports_know_only_themselves() -> None:
    assert outside("autograder/reports", "autograder.reports", "autograder.errors") == []


def test_the_operator_does_not_import_torch() -> None:
    code = "import sys, autograder.cli; sys.exit('torch' in sys.modules)"
    python = ROOT / ".venv/bin/python"
    import sys

    command = [str(python) if python.exists() else sys.executable, "-c", code]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def test_modules_of_the_harness_have_no_cycles() -> None:
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((ROOT / "autograder").rglob("*.py"))
    }
    arrows = {
        name: {
            target if target in modules else target.rpartition(".")[0]
            for target in imports_of(path)
            if target in modules or target.rpartition(".")[0] in modules
        }
        for name, path in modules.items()
    }
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, f"cycle: {' -> '.join((*above, name))}"
        if name in done:
            return
        for target in sorted(arrows[name] - {name}):
            visit(target, (*above, name))
        done.add(name)

    for name in modules:
        visit(name, ())
