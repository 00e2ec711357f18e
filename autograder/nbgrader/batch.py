"""One run of ``nbgrader autograde`` is one run of the grading engine, however many submissions it has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.course import Course
from autograder.errors import AutograderError, HarnessError
from autograder.grading import operator
from autograder.reports.models import Report
from autograder.reports.store import STAFF_JSON, read_report, student_folder
from autograder.submissions.submission import Located

ATTRIBUTE = "_autograder_batch"


class Batch:
    """The submissions of one run and their reports.

    Args:
        converter: nbgrader's converter, which knows the submissions of the run.
        assignment: the topic's word.
        reports: the folder for the reports, relative to the course's.
        jobs: how many grader processes work side by side.
    """

    def __init__(self, converter: Any, assignment: str, reports: str, jobs: int) -> None:
        self._converter = converter
        self._assignment = assignment
        self._topic = Course.find(Path(converter.coursedir.root)).topic(assignment)
        self._jobs = jobs
        self._reports: dict[str, Report] = {}
        self._set_aside: dict[str, str] = {}
        self.out = self._topic.course.root / reports / assignment

    @classmethod
    def of(cls, converter: Any, assignment: str, reports: str, jobs: int) -> Batch:
        """Return the batch of a converter's run; nbgrader builds its preprocessors anew for every notebook."""
        batches: dict[str, Batch] = converter.__dict__.setdefault(ATTRIBUTE, {})
        if assignment not in batches:
            batches[assignment] = cls(converter, assignment, reports, jobs)
        return batches[assignment]

    def report(self, student: str) -> Report:
        """Return a student's report; the first call grades the whole class.

        Raises:
            AutograderError: if this submission has no report; the message says why.
        """
        if student not in self._reports and student not in self._set_aside:
            self._grade(student)
        if student in self._set_aside:
            raise HarnessError(f"{student}: not graded: {self._set_aside[student]}")
        return self._reports[student]

    def _grade(self, student: str) -> None:
        located = {item.student: item for item in self._located() if item.student == student or self._is_due(item)}
        located = {name: item for name, item in located.items() if name not in self._reports}
        self._converter.log.info("Grading %d submissions into %s", len(located), self.out)
        # whoever gets no report below is told this
        self._set_aside |= dict.fromkeys([student, *located], "the grading engine has no report of this submission")
        try:
            outcome = operator.grade(
                self._topic,
                located.values(),
                self.out,
                jobs=self._jobs,
                is_forced=self._converter.force,
                progress=self._say,
            )
        except AutograderError as error:
            self._set_aside |= dict.fromkeys([student, *located], str(error))
            return
        self._set_aside |= outcome.set_aside
        for graded in outcome.graded:
            path = self.out / student_folder(graded.student) / STAFF_JSON
            try:
                self._reports[graded.student] = read_report(path).report
            except AutograderError as error:
                self._set_aside[graded.student] = str(error)
            else:
                self._set_aside.pop(graded.student, None)

    def _say(self, graded: operator.Graded) -> None:
        self._converter.log.info("%s: %g of %g points", graded.student, graded.points, graded.max_points)
        for fault in graded.faults:
            self._converter.log.error("%s: not graded, our fault: %s", graded.student, fault)

    def _located(self) -> Iterator[Located]:
        """Yield the run's submissions of this assignment, as they lie in ``submitted/``."""
        directory = self._converter.coursedir
        names = ("(?P<student>.*)", "(?P<assignment>.*)")
        pattern = directory.format_path(directory.submitted_directory, *names, escape=True)
        excluded = directory.student_id_exclude.split(",")
        for folder, notebooks in self._converter.assignments.items():
            match = re.fullmatch(pattern, folder)
            path = Path(folder) / f"{self._assignment}.ipynb"
            if not match or match["assignment"] != self._assignment or match["student"] in excluded:
                continue
            if str(path) in notebooks:
                yield Located(match["student"], None if path.is_symlink() else path, Path(folder))

    def _is_due(self, located: Located) -> bool:
        """Return whether nbgrader will autograde a submission in this run: it has not yet, or an older one, or must."""
        directory = self._converter.coursedir
        autograded = directory.format_path(directory.autograded_directory, located.student, self._assignment)
        if self._converter.force or not Path(autograded).exists():
            return True
        try:
            new, old = (directory.get_existing_timestamp(str(folder)) for folder in (located.folder, autograded))
        except Exception:  # nbgrader will stumble over the same file, and say so
            return False
        return new is not None and old is not None and bool(new > old)
