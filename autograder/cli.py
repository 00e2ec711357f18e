"""The command line. stdout is the result, stderr is progress; one sentence and exit 2 for what is not usable."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click
from tqdm import tqdm

from autograder import __version__
from autograder.course import PACKAGE, Course, Topic
from autograder.errors import AutograderError, SandboxUnavailable, UsageError
from autograder.grading import operator
from autograder.grading.devices import CHOICES
from autograder.grading.operator import Graded, Outcome
from autograder.reports.store import (
    PUBLIC_HTML,
    STAFF_JSON,
    read_report,
    rebuild,
    student_folder,
    write_class_page,
    write_course_page,
)
from autograder.submissions.submission import Located, locate, locate_all

EXIT_NOT_GRADED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130
PATHS = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="autograder")
def cli() -> None:
    """Grade PyTorch assignments: student code in confined workers, hidden checks outside."""


@cli.command()
@click.argument("topic", required=False)
@click.argument("submissions", nargs=-1, type=PATHS)
@click.option("--all", "everything", type=PATHS, metavar="DIR", help="Grade all topics, of which DIR has submissions.")
@click.option("--out", required=True, type=PATHS, help="The folder for the reports and the class page.")
@click.option(
    "--jobs", default=1, show_default=True, type=click.IntRange(1, 256), help="Grader processes side by side."
)
@click.option("--device", default="auto", show_default=True, type=click.Choice(sorted(CHOICES)), help="Where to grade.")
@click.option("--force", is_flag=True, help="Grade also what has a report of the same submission and checks.")
def grade(
    topic: str | None,
    submissions: tuple[Path, ...],
    everything: Path | None,
    out: Path,
    jobs: int,
    device: str,
    force: bool,
) -> None:
    """Grade SUBMISSIONS of TOPIC: .ipynb or .py files, folders of them, or folders submitted/<student>/<topic>/.

    With --all DIR instead, every topic of the course: what lies in DIR/<topic>/ or DIR/<student>/<topic>/.
    """
    course = Course.find()
    settings = {"jobs": jobs, "device": device, "is_forced": force}
    if everything is None:
        if topic is None or not submissions:
            raise UsageError("grade: expected a topic and its submissions, or --all DIR.")
        outcomes = [_grade_topic(course.topic(topic), locate(topic, submissions), out, settings)]
    else:
        if topic is not None:
            raise UsageError(
                f"grade: expected either a topic or --all DIR, got both {topic!r} and {str(everything)!r}."
            )
        found = locate_all(list(course.file.topics), everything)
        outcomes = [
            _grade_topic(course.topic(name), located, out / name, settings, f"{name}\t")
            for name, located in found.items()
        ]
        if any(outcome.graded for outcome in outcomes):
            click.echo(str(write_course_page(out, list(course.file.topics)).resolve()))
    if not all(outcome.is_complete for outcome in outcomes):
        sys.exit(EXIT_NOT_GRADED)


def _grade_topic(
    chosen: Topic, located: list[Located], out: Path, settings: dict[str, Any], prefix: str = ""
) -> Outcome:
    """Grade the submissions of one topic and say what they earned."""
    _make_folder(out)
    with _Progress(len(located)) as progress:
        outcome = operator.grade(chosen, located, out, **settings, progress=progress)
    for graded in outcome.graded:
        click.echo(prefix + _line(graded))
    for student, why in outcome.set_aside.items():
        click.echo(f"{prefix}{_plain(student)}\tnot graded\t{why}")
        click.echo(f"{_plain(student)}: not graded: {why}", err=True)
    _say_faults(outcome.graded)
    if outcome.graded:
        click.echo(str(write_class_page(out).resolve()))
    return outcome


@cli.command()
@click.argument("file", type=PATHS)
@click.option("--out", type=PATHS, help="Keep the report in this folder.")
def check(file: Path, out: Path | None) -> None:
    """Run the visible tests of the notebook FILE, as they will be run when it is graded."""
    if not file.is_file() or file.suffix != ".ipynb":
        raise UsageError(f"file: expected a notebook (.ipynb), got {str(file)!r}.")
    course_file = Course.file_near(file.parent) or PACKAGE / "submissions" / "defaults.toml"
    with tempfile.TemporaryDirectory() as scratch:
        folder = out or Path(scratch)
        _make_folder(folder)
        graded = operator.check_visible(file, course_file, folder)
        place = folder / student_folder(graded.student)
        report = read_report(place / STAFF_JSON).report
        for exercise in report.exercises:
            for result in exercise.checks:
                mark = "passed" if result.outcome == "passed" else result.outcome.replace("_", " ")
                click.echo(f"{exercise.name}: {mark}" + (f": {result.message}" if result.message else ""))
        for incident in report.incidents:
            click.echo(f"note: {incident.detail}")
        click.echo(f"{graded.points:g} of {graded.max_points:g} visible tests passed; hidden checks decide the points.")
        if out is not None:
            click.echo(str((place / PUBLIC_HTML).resolve()))
    if report.has_not_graded:
        sys.exit(EXIT_NOT_GRADED)


@cli.command()
@click.argument("directory", type=PATHS)
def report(directory: Path) -> None:
    """Rebuild the HTML of every report in DIRECTORY, and the class page."""
    if not directory.is_dir():
        raise UsageError(f"directory: expected a folder of reports, got {str(directory)!r}.")
    course = Course.file_near(directory)
    order = list(Course.read(course).file.topics) if course else []
    click.echo(str(rebuild(directory, order).resolve()))


@cli.command()
@click.argument("topics", nargs=-1)
def release(topics: tuple[str, ...]) -> None:
    """Regenerate assignments/ from solutions/ through nbgrader, and scan the result for leaks."""
    try:
        from autograder.nbgrader.release import release_topic
    except ImportError as error:
        raise UsageError(
            f"release: expected nbgrader to be installed, got: {error}. Install autograder[nbgrader]."
        ) from error
    course = Course.find()
    for name in topics or tuple(course.file.topics):
        click.echo(str(release_topic(course, name)))


@cli.command()
def doctor() -> None:
    """Say what this machine offers for grading."""
    from autograder.grading.doctor import examine

    path = Course.file_near(Path.cwd())
    lines, is_fit = examine(Course.read(path) if path else None)
    for line in lines:
        click.echo(line)
    if not is_fit:
        sys.exit(EXIT_NOT_GRADED)


class _Progress:
    """A bar with the time left on a terminal, a line for each submission elsewhere."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._bar: Any = None

    def __enter__(self) -> Callable[[Graded], None]:
        if sys.stderr.isatty():
            self._bar = tqdm(total=self._total, unit="submission", file=sys.stderr, dynamic_ncols=True, leave=False)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, graded: Graded) -> None:
        self._done += 1
        if self._bar is not None:
            self._bar.set_postfix_str(_plain(graded.student), refresh=False)
            self._bar.update()
            return
        how = "kept" if graded.was_cached else f"{graded.duration_s:.2f} s"
        click.echo(f"[{self._done}/{self._total}] {_plain(graded.student)}: {_points(graded)} ({how})", err=True)


def _line(graded: Graded) -> str:
    grade = "not graded yet" if graded.grade is None else f"{graded.grade:.1f} %"
    return f"{_plain(graded.student)}\t{_points(graded)}\t{grade}"


def _points(graded: Graded) -> str:
    return f"{graded.points:g}/{graded.max_points:g}"


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "�" for character in text)


def _say_faults(graded: list[Graded]) -> None:
    """Name the checks that could not be judged, each once, with how many students it concerns."""
    counts: dict[str, int] = {}
    for item in graded:
        for fault in dict.fromkeys(item.faults):  # the same one on each device
            counts[fault] = counts.get(fault, 0) + 1
    for fault, count in counts.items():
        click.echo(f"our fault ({count} submission{'s' if count > 1 else ''}): {_plain(fault)}", err=True)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"--out: expected a folder that can be written, got {str(path)!r}: {error.strerror}."
        ) from error


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"autograder: {message}", err=True)
    sys.exit(code)


def main() -> None:
    """Run the command line and turn every outcome into an exit code."""
    try:
        cli.main(prog_name="autograder", standalone_mode=False)
    except click.UsageError as error:
        _fail(error.format_message(), EXIT_USAGE)
    except (UsageError, SandboxUnavailable) as error:
        _fail(str(error), EXIT_USAGE)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted; what is graded is kept, run it again to go on.", EXIT_INTERRUPTED)
    except AutograderError as error:
        _fail(str(error), EXIT_NOT_GRADED)
