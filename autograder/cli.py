"""The command line. stdout is the result, stderr is progress; one sentence and exit 2 for what is not usable."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click
from tqdm import tqdm

from autograder import __version__
from autograder.course import PACKAGE, Course, Topic, harness_sha256
from autograder.errors import AutograderError, HarnessError, SandboxUnavailable, UsageError
from autograder.grading import audit, operator
from autograder.grading.devices import CHOICES
from autograder.grading.operator import Graded, Outcome
from autograder.reports import signature, verification
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


class _NamedPath(click.Path):
    """A path; an empty text, which an unset variable of a shell gives, is none and does not stand for this folder."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        if not str(value):
            self.fail("expected a path, got an empty text.", parameter, context)
        return super().convert(value, parameter, context)


PATHS = _NamedPath(path_type=Path)


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
    for given in (*submissions, *([everything] if everything else [])):
        if given.is_dir() and given.resolve() == out.resolve():
            raise UsageError(f"--out: expected a folder of its own, got that of the submissions, {str(out)!r}.")
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
        chosen = {name: course.topic(name) for name in found}  # all are looked at before the first is graded
        outcomes = []
        for name, located in found.items():
            try:
                outcomes.append(_grade_topic(chosen[name], located, out / name, settings, f"{name}\t"))
            except SandboxUnavailable:  # no topic can be graded
                raise
            except HarnessError as error:
                click.echo(f"autograder: {name}: {_sentence(str(error))}", err=True)
                outcomes.append(Outcome(set_aside={located[0].student: str(error)}))
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
        click.echo(f"{prefix}{_plain(student)}\tnot graded\t{_sentence(why)}")
        click.echo(f"{_plain(student)}: not graded: {_sentence(why)}", err=True)
    for graded in outcome.graded:
        for note in graded.notes:
            click.echo(f"{_plain(graded.student)}: {_points(graded)}: {_sentence(note)}", err=True)
    _say_faults(outcome.graded)
    if outcome.graded or any(out.glob(f"*/{STAFF_JSON}")):  # of one that is set aside, say
        click.echo(_plain(str(write_class_page(out).resolve())))
    return outcome


@cli.command()
@click.argument("file", type=PATHS)
@click.option("--out", type=PATHS, help="Keep the report in this folder.")
def check(file: Path, out: Path | None) -> None:
    """Run the visible tests of the notebook FILE, as they will be run when it is graded."""
    if not file.is_file() or file.suffix.lower() != ".ipynb":
        why = "" if file.exists() else ", which does not exist"
        raise UsageError(f"file: expected a notebook (.ipynb), got {str(file)!r}{why}.")
    course_file = Course.file_near(file.parent) or PACKAGE / "submissions" / "defaults.toml"
    Course.read(course_file)  # what is wrong with it is said before a process is started
    with tempfile.TemporaryDirectory() as scratch:
        folder = out or Path(scratch)
        _make_folder(folder)
        graded = operator.check_visible(file, course_file, folder)
        place = folder / student_folder(graded.student)
        report = read_report(place / STAFF_JSON).report
        for exercise in report.exercises:
            for result in exercise.checks:
                mark = "passed" if result.outcome == "passed" else result.outcome.replace("_", " ")
                said = f": {result.message}" if result.message else ""
                click.echo(_sentence(f"{exercise.name}: {mark}{said}"))
        for incident in report.incidents:
            click.echo(_sentence(f"note: {incident.detail}"))
        click.echo(f"{graded.points:g} of {graded.max_points:g} visible tests passed; hidden checks decide the points.")
        if out is not None:
            click.echo(_plain(str((place / PUBLIC_HTML).resolve())))
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
    click.echo(_plain(str(rebuild(directory, order).resolve())))


@cli.command()
@click.argument("directory", type=PATHS)
@click.option("--submissions", multiple=True, type=PATHS, help="Compare with these submissions too; may be repeated.")
@click.option("--key", type=PATHS, help="Check the signature with this key.")
def verify(directory: Path, submissions: tuple[Path, ...], key: Path | None) -> None:
    """Say whether the reports in DIRECTORY are what was graded: a class, or a course of --all.

    Each report is compared with its page, with the manifest of the runs that wrote it, and with course.toml, checks,
    reference and release at hand. One line for each student with whom something is wrong, then one for all.
    """
    if not directory.is_dir():
        raise UsageError(f"directory: expected a folder of reports, got {str(directory)!r}.")
    if key is not None:
        audit.refuse_near_key(key, directory)
    found = verification.verify(
        directory, audit.at_hand(directory, submissions), signature.read_key(key) if key else None
    )
    for line in verification.lines_of(found):
        click.echo(_plain(line))
    if found.faults:
        sys.exit(EXIT_NOT_GRADED)


@cli.command()
@click.argument("directory", required=False, type=PATHS)
@click.option("--key", type=PATHS, help="The key to sign with.")
@click.option("--new-key", type=PATHS, help="Make a key in this new file instead.")
def sign(directory: Path | None, key: Path | None, new_key: Path | None) -> None:
    """Sign the reports in DIRECTORY, so that verify --key finds whatever changes after that.

    Whoever has the key can sign: keep it, and the log that signing writes beside it, where only staff can write.
    Sign again after every run that graded something.
    """
    if new_key is not None and key is None and directory is None:
        audit.refuse_near_key(new_key)
        signature.new_key(new_key)
        click.echo(str(new_key.resolve()))
        return
    if new_key is not None or key is None or directory is None:
        raise UsageError("sign: expected DIRECTORY and --key FILE, or --new-key FILE alone.")
    if not directory.is_dir():
        raise UsageError(f"directory: expected a folder of reports, got {str(directory)!r}.")
    audit.refuse_near_key(key, directory)
    secret = signature.read_key(key)
    found = verification.verify(directory, verification.AtHand(harness_sha256()))
    if found.faults:
        for line in verification.lines_of(found):
            click.echo(_plain(line), err=True)
        _fail("sign: expected reports as they were graded, got the above. Nothing was signed.", EXIT_NOT_GRADED)
    click.echo(str(signature.sign(directory, verification.manifests_in(directory), secret).resolve()))


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
@click.option(
    "--jobs", default=2, show_default=True, type=click.IntRange(1, 256), help="Grader processes side by side."
)
def selftest(jobs: int) -> None:
    """Run the attack suite on this machine: hostile submissions beside honest ones, graded as a class is.

    Exit code 1 if anything gets through. The layers that the course asks for are those of the course.toml near.
    """
    from autograder.selftest.run import run_in_temporary_folder, table

    path = Course.file_near(Path.cwd())
    required = Course.read(path).file.sandbox.required if path else ()
    sandbox = f"[sandbox]\nrequired = {list(required)}" if path else ""
    result = run_in_temporary_folder(jobs, sandbox)
    click.echo(table(result))
    if result.findings:
        sys.exit(EXIT_NOT_GRADED)


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


def _sentence(text: str) -> str:
    """Return a message on one line, so that none of its lines can be taken for one of ours."""
    return _plain(" ".join(text.splitlines()))


def _say_faults(graded: list[Graded]) -> None:
    """Name the checks that could not be judged, each once, with how many students it concerns."""
    counts: dict[str, int] = {}
    for item in graded:
        for fault in dict.fromkeys(item.faults):  # the same one on each device
            counts[fault] = counts.get(fault, 0) + 1
    for fault, count in counts.items():
        click.echo(f"our fault ({count} submission{'s' if count > 1 else ''}): {_sentence(fault)}", err=True)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"--out: expected a folder that can be written, got {str(path)!r}: {error.strerror}."
        ) from error


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"autograder: {_sentence(message)}", err=True)
    sys.exit(code)


def main() -> None:
    """Run the command line and turn every outcome into an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a name that the terminal cannot write ends nothing
    try:
        cli.main(prog_name="autograder", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(EXIT_USAGE)
    except click.UsageError as error:
        _fail(error.format_message(), EXIT_USAGE)
    except (UsageError, SandboxUnavailable) as error:
        _fail(str(error), EXIT_USAGE)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted; what is graded is kept, run it again to go on.", EXIT_INTERRUPTED)
    except AutograderError as error:
        _fail(str(error), EXIT_NOT_GRADED)
    except BrokenPipeError:  # whoever read the result has closed it; what is graded is kept
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(EXIT_NOT_GRADED)
    except OSError as error:
        if error.filename is None:
            _fail(f"the machine refused: {error.strerror or error}.", EXIT_NOT_GRADED)
        _fail(f"expected a file or folder that can be used, got {str(error.filename)!r}: {error.strerror}.", EXIT_USAGE)
