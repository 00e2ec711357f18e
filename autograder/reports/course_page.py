"""What the course page shows, as data: every student's points in every topic, and each topic's class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from autograder.reports.class_page import Distribution, StudentRow, class_page, distribution_of
from autograder.reports.models import StaffReport


@dataclass(frozen=True)
class TopicColumn:
    """One topic of the course: its class page, and how its class has done."""

    name: str
    href: str
    max_points: float
    submissions: int
    waiting_students: int
    distribution: Distribution | None


@dataclass(frozen=True)
class TopicCell:
    """What one student has in one topic, with the address of the report."""

    href: str
    row: StudentRow


@dataclass(frozen=True)
class CourseRow:
    """One student's line: a cell for each topic, ``None`` where nothing was handed in, and the sums.

    Attributes:
        student: the student id.
        cells: one for each topic, in order.
        points: of all topics; what was not handed in counts 0.
        max_points: what all topics are worth.
        grade: in ``[0, 100]``, of all topics; ``None`` while some check of some topic is not graded.
    """

    student: str
    cells: tuple[TopicCell | None, ...]
    points: float
    max_points: float
    grade: float | None

    @property
    def missing(self) -> int:
        """How many topics were not handed in."""
        return sum(cell is None for cell in self.cells)


@dataclass(frozen=True)
class CoursePage:
    """Everything that the course page shows."""

    topics: tuple[TopicColumn, ...]
    rows: tuple[CourseRow, ...]
    distribution: Distribution | None

    @property
    def waiting_students(self) -> int:
        """How many students have no grade of the course yet."""
        return sum(row.grade is None for row in self.rows)

    @property
    def max_points(self) -> float:
        """What all topics are worth."""
        return sum(topic.max_points for topic in self.topics)


def course_page(classes: Mapping[str, Sequence[StaffReport]]) -> CoursePage:
    """Return what the course page shows about the reports of each topic, topics in the order given.

    Args:
        classes: for each topic, the name of its folder, the reports of its class; at least one each.
    """
    columns: list[TopicColumn] = []
    cells: dict[tuple[str, str], TopicCell] = {}
    for topic, reports in classes.items():
        page, folder = class_page(reports), quote(topic, safe="")
        columns.append(
            TopicColumn(
                name=topic,
                href=f"{folder}/index.html",
                max_points=max(row.max_points for row in page.rows),
                submissions=len(page.rows),
                waiting_students=page.waiting_students,
                distribution=page.distribution,
            )
        )
        cells |= {(row.student, topic): TopicCell(f"{folder}/{row.href}", row) for row in page.rows}
    students = sorted({student for student, _ in cells}, key=lambda student: (student.casefold(), student))
    rows = tuple(
        _row(student, tuple(cells.get((student, topic)) for topic in classes), columns) for student in students
    )
    return CoursePage(tuple(columns), rows, distribution_of([row.grade for row in rows if row.grade is not None]))


def _row(student: str, cells: tuple[TopicCell | None, ...], topics: Sequence[TopicColumn]) -> CourseRow:
    points = sum(cell.row.points for cell in cells if cell is not None)
    max_points = sum(topic.max_points for topic in topics)
    is_waiting = any(cell is not None and cell.row.grade is None for cell in cells)
    grade = None if is_waiting or not max_points else 100 * points / max_points
    return CourseRow(student, cells, points, max_points, grade)
