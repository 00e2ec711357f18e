"""nbgrader for this course: `nbgrader COMMAND TOPIC` in this folder. What grades is the package autograder."""

import os
import sys
from pathlib import Path

from nbgrader.preprocessors import AssignLatePenalties, CheckCellMetadata, OverwriteCells, OverwriteKernelspec

from autograder.nbgrader.exporter import SubmissionExporter
from autograder.nbgrader.preprocessors import GradeCells, SavePenalty, SavePoints
from autograder.nbgrader.release import RELEASE_PREPROCESSORS
from autograder.nbgrader.repair import RepairCells

c = get_config()  # type: ignore[name-defined]  # noqa: F821

# nbgrader calls alembic when it makes a gradebook; it lies beside this Python, activated or not
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.CourseDirectory.course_id = "cnn"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
# submitted/, autograded/, feedback/ and gradebook.db lie beside them, and are not under version control

# A release is refused if it gives something away.
c.GenerateAssignment.preprocessors = RELEASE_PREPROCESSORS

# A submission is read as data, repaired by the gradebook, graded by the hidden checks in confined workers.
c.Autograde.exporter_class = SubmissionExporter
c.Autograde.sanitize_preprocessors = [RepairCells, OverwriteKernelspec, OverwriteCells, CheckCellMetadata]
c.Autograde.autograde_preprocessors = [GradeCells, SavePoints, AssignLatePenalties, SavePenalty, CheckCellMetadata]
c.GradeCells.reports_directory = "build/nbgrader"
c.GradeCells.jobs = 1
