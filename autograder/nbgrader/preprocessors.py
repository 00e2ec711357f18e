"""What ``nbgrader autograde`` does here instead of running notebooks: take the reports of the grading engine.

No kernel starts and no student code runs in nbgrader's process. The engine reads the submitted notebooks themselves;
nbgrader's copies are what people look at, and the gradebook is where the points go.
"""

from __future__ import annotations

from typing import Any

from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from traitlets import Integer, Unicode

from autograder.errors import AutograderError
from autograder.nbgrader.batch import Batch
from autograder.nbgrader.feedback import comment_of, outputs_of, points_in
from autograder.reports.models import ExerciseResult, Report

TEST_PREFIX = "test_"  # the test cell of the exercise box_iou is test_box_iou
REPORT = "autograder_report"  # where later steps find the report in nbgrader's resources


class GradeCells(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
    """Writes into each test cell what the hidden checks found, and the points that nbgrader reads from it."""

    reports_directory = Unicode(
        "build/nbgrader", help="Where the reports go, relative to the course's folder: one folder per assignment."
    ).tag(config=True)
    jobs = Integer(1, min=1, help="How many grader processes work side by side.").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Fill the test cells of one notebook."""
        names = resources["nbgrader"]
        converter = self.parent.parent  # this preprocessor's exporter's converter
        try:
            batch = Batch.of(converter, names["assignment"], self.reports_directory, self.jobs)
            report = batch.report(names["student"])
        except AutograderError:
            _withdraw(names)
            raise
        exercises = {exercise.name: exercise for exercise in report.exercises}
        for cell in nb.cells:
            if cell.cell_type != "code":
                continue
            cell.outputs, cell.execution_count = [], None
            if is_test(cell):
                nbgrader = cell.metadata.nbgrader
                exercise = exercises.get(nbgrader["grade_id"].removeprefix(TEST_PREFIX))
                cell.outputs = outputs_of(exercise, float(nbgrader["points"]))
        resources[REPORT] = report
        return nb, resources


class SavePoints(SaveAutoGrades):  # type: ignore[misc]  # nbgrader has no types
    """Writes the points into the gradebook; a test cell without a number needs a person.

    nbgrader itself takes a cell without a number for a passed one and gives it full points.
    """

    def _add_score(self, cell: Any, resources: Any) -> None:
        if not is_test(cell):
            super()._add_score(cell, resources)
            return
        grade_id = cell.metadata.nbgrader["grade_id"]
        grade = self.gradebook.find_grade(grade_id, self.notebook_id, self.assignment_id, self.student_id)
        grade.auto_score = points_in(cell, float(cell.metadata.nbgrader["points"]))
        grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None
        self.gradebook.db.commit()

    def _add_comment(self, cell: Any, resources: Any) -> None:
        super()._add_comment(cell, resources)
        grade_id = cell.metadata.nbgrader["grade_id"]
        comment = self.gradebook.find_comment(grade_id, self.notebook_id, self.assignment_id, self.student_id)
        exercise = _exercise(resources[REPORT], grade_id)
        if comment.auto_comment is None and exercise is not None:  # else it is "No response."
            comment.auto_comment = comment_of(exercise)
            self.gradebook.db.commit()


class SavePenalty(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
    """Writes the points that a late submission loses by ``course.toml`` into the gradebook."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Save the penalty of one submission; without one, what nbgrader's own deadline says stays."""
        names, penalty = resources["nbgrader"], resources[REPORT].penalty
        if penalty:
            with Gradebook(names["db_url"]) as gradebook:
                notebook = gradebook.find_submission_notebook(names["notebook"], names["assignment"], names["student"])
                notebook.late_submission_penalty = min(penalty, notebook.score)
                gradebook.db.commit()
        return nb, resources


def is_test(cell: Any) -> bool:
    """Return whether a cell is graded by hidden checks: a code cell with points that the student does not write."""
    return cell.cell_type == "code" and bool(utils.is_grade(cell)) and not utils.is_solution(cell)


def _exercise(report: Report, name: str) -> ExerciseResult | None:
    return next((exercise for exercise in report.exercises if exercise.name == name), None)


def _withdraw(names: dict[str, str]) -> None:
    """Take back the points of an earlier submission: nobody keeps a grade for work that is not graded."""
    with Gradebook(names["db_url"]) as gradebook:
        notebook = gradebook.find_submission_notebook(names["notebook"], names["assignment"], names["student"])
        for grade in notebook.grades:
            grade.auto_score, grade.needs_manual_grade = None, True
        gradebook.db.commit()
