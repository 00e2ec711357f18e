"""From the teacher's notebook to the students': nbgrader makes it, and it leaves the house only if it leaks nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.course import PACKAGE, Course, Topic
from autograder.errors import HarnessError, UsageError
from autograder.nbgrader.leaks import leaks_in, points_of, stray_files
from autograder.reports.models import POINTS_TOLERANCE

TIMEOUT_S = 300.0
_ERROR = re.compile(r"^\s*((?:[\w.]+\.)?\w*(?:Error|Exception|Exit): .+)$", re.M)


class RefuseLeaks(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
    """The last step of ``nbgrader generate_assignment``: no release that gives something away."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Look at one released notebook, and at what would be copied beside it."""
        name = resources["nbgrader"]["assignment"]
        course = Course.find(Path(self.parent.parent.coursedir.root))  # this preprocessor's exporter's converter
        _refuse(_topic(course, name), nb)
        return nb, resources


RELEASE_PREPROCESSORS = [*GenerateAssignment.preprocessors.default(), RefuseLeaks]


def release_topic(course: Course, name: str) -> Path:
    """Make ``assignments/<name>/`` from ``solutions/<name>/`` with nbgrader's ``generate_assignment``.

    nbgrader works with a gradebook of its own in a temporary folder; nothing of an earlier release changes unless the
    new one is whole and gives nothing away. The same solution makes the same bytes.

    Returns:
        The path of the released notebook.

    Raises:
        UsageError: if the topic or its solution is not usable.
        HarnessError: if nbgrader cannot make the release, or it gives something away.
    """
    topic = _topic(course, name)
    if strays := stray_files(topic.solution.parent, name):
        raise HarnessError(f"release of {name} refused: {strays[0]}")
    with tempfile.TemporaryDirectory(prefix="autograder-release-") as scratch:
        made = _generate(topic, Path(scratch))
        _refuse(topic, json.loads((made / topic.release.name).read_bytes()))
        _replace(made, topic.release.parent)
    return topic.release


def _topic(course: Course, name: str) -> Topic:
    if name not in course.file.topics:
        known = ", ".join(course.file.topics) or "none"
        raise UsageError(f"topic: expected one of {known} (course.toml), got {name!r}.")
    topic = Topic(course, name, course.file.topics[name])
    if not topic.solution.is_file():
        raise UsageError(f"topic {name}: expected {topic.solution.relative_to(course.root)}, got no such file.")
    return topic


def _refuse(topic: Topic, released: Any) -> None:
    """Raise if a released notebook must not leave the house."""
    solution = json.loads(topic.solution.read_bytes())
    leaks = [*stray_files(topic.solution.parent, topic.name), *leaks_in(released, solution)]
    if leaks:
        more = f" ({len(leaks) - 1} more)" if len(leaks) > 1 else ""
        raise HarnessError(f"release of {topic.name} refused: {leaks[0]}{more}")
    worth = points_of(released)
    if abs(worth - topic.table.points) > POINTS_TOLERANCE:
        expected = f"{topic.table.points:g} points (course.toml)"
        raise UsageError(f"topic {topic.name}: expected {expected}, got {worth:g} in the test cells of its notebook.")


def _generate(topic: Topic, scratch: Path) -> Path:
    """Run nbgrader's ``generate_assignment`` into a scratch folder and return the assignment's folder there."""
    command = [
        sys.executable, "-m", "nbgrader", "generate_assignment", topic.name,
        f"--db=sqlite:///{scratch / 'gradebook.db'}",
        f"--CourseDirectory.release_directory={scratch / 'release'}",
        "--RefuseLeaks.enabled=False",  # it is looked at here, before anything is replaced
    ]  # fmt: skip
    done = subprocess.run(
        command,
        cwd=topic.course.root,
        env=_environment(scratch),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT_S,
    )
    made = scratch / "release" / topic.name
    if done.returncode or not (made / topic.release.name).is_file():
        errors = _ERROR.findall(done.stderr)
        said = errors[-1] if errors else (done.stderr.strip().splitlines() or ["nothing on stderr"])[-1]
        raise HarnessError(f"release of {topic.name}: nbgrader ended with status {done.returncode}: {said}")
    return made


def _environment(scratch: Path) -> dict[str, str]:
    """Return an environment in which nobody's own Jupyter settings count."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "IPYTHON", "PYTEST"))},
        **{name: str(scratch / "home") for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")},
        "PYTHONPATH": os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")])),
    }


def _replace(made: Path, target: Path) -> None:
    """Make a folder's files those of another, each one there whole or not at all."""
    files = {path.relative_to(made) for path in made.rglob("*") if path.is_file()}
    for relative in sorted(files):
        destination = target / relative
        destination.parent.mkdir(parents=True, exist_ok=True)
        temporary = destination.with_name(f".{destination.name}.tmp")
        temporary.write_bytes((made / relative).read_bytes())
        temporary.replace(destination)
    for path in sorted(target.rglob("*")):
        if path.is_file() and path.relative_to(target) not in files and ".ipynb_checkpoints" not in path.parts:
            path.unlink()
