"""What the class page shows, as data: the grades, their distribution, what fails most, what needs a person."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from autograder.reports.folders import student_folder
from autograder.reports.models import CheckResult, ExerciseResult, Outcome, StaffReport, decisive
from autograder.reports.student_page import SeenIncident, item_counts, seen_incidents
from autograder.reports.words import COSTLY

BINS = 10  # of the histogram, from 0 to 100
MOST_FAILED = 15  # rows of the table of checks that fail most


@dataclass(frozen=True)
class StudentRow:
    """One student's line in the table of grades; ``exercises`` has ``None`` where a report lacks one."""

    student: str
    href: str
    points: float
    max_points: float
    waiting: float
    grade: float | None
    exercises: tuple[ExerciseResult | None, ...]
    outcomes: tuple[tuple[Outcome, int], ...]
    incidents: int


@dataclass(frozen=True)
class Distribution:
    """The grades that are known: how many fall in each tenth, and their location."""

    counts: tuple[int, ...]
    students: int
    mean: float
    quartiles: tuple[float, float, float]


@dataclass(frozen=True)
class FailingCheck:
    """How many students did not pass a check, of those for whom it was judged, and what most of them got wrong."""

    title: str
    exercise: str
    students: int
    judged: int
    misconception: str
    misconception_students: int

    @property
    def share(self) -> float:
        """The share of the students for whom the check was judged."""
        return self.students / self.judged


@dataclass(frozen=True)
class NotGraded:
    """One check of one student that waits for us, with what the incidents say about it."""

    student: str
    href: str
    exercise: str
    title: str
    devices: tuple[str, ...]
    details: tuple[str, ...]


@dataclass(frozen=True)
class IncidentRow:
    """An incident of one student, and whether only staff see it."""

    student: str
    href: str
    incident: SeenIncident
    staff_only: bool


@dataclass(frozen=True)
class ClassPage:
    """Everything that the class page shows."""

    assignments: tuple[str, ...]
    exercise_names: tuple[str, ...]
    rows: tuple[StudentRow, ...]
    distribution: Distribution | None
    failing: tuple[FailingCheck, ...]
    not_graded: tuple[NotGraded, ...]
    incidents: tuple[IncidentRow, ...]

    @property
    def waiting_students(self) -> int:
        """How many students have no grade yet."""
        return sum(row.grade is None for row in self.rows)


def class_page(reports: Sequence[StaffReport]) -> ClassPage:
    """Return what the class page shows about these reports, sorted by student."""
    ordered = sorted(reports, key=lambda staff: (staff.report.student.casefold(), staff.report.student))
    names = tuple(dict.fromkeys(exercise.name for staff in ordered for exercise in staff.report.exercises))
    return ClassPage(
        assignments=tuple(sorted({staff.report.assignment for staff in ordered})),
        exercise_names=names,
        rows=tuple(_row(staff, names) for staff in ordered),
        distribution=distribution_of([s.report.grade for s in ordered if s.report.grade is not None]),
        failing=_failing(ordered),
        not_graded=tuple(waiting for staff in ordered for waiting in _not_graded(staff)),
        incidents=tuple(row for staff in ordered for row in _incidents(staff)),
    )


def distribution_of(grades: Sequence[float]) -> Distribution | None:
    """Return how grades in ``[0, 100]`` are distributed; 100 belongs to the last part, and of none there is nothing."""
    if not grades:
        return None
    tally = Counter(min(int(grade * BINS / 100), BINS - 1) for grade in grades)
    low, middle, high = statistics.quantiles(grades, n=4, method="inclusive") if len(grades) > 1 else 3 * [grades[0]]
    return Distribution(
        counts=tuple(tally[index] for index in range(BINS)),
        students=len(grades),
        mean=statistics.fmean(grades),
        quartiles=(low, middle, high),
    )


def _href(staff: StaffReport) -> str:
    return f"{quote(student_folder(staff.report.student), safe='')}/report.html"


def _row(staff: StaffReport, names: tuple[str, ...]) -> StudentRow:
    report = staff.report
    exercises = {exercise.name: exercise for exercise in report.exercises}
    return StudentRow(
        student=report.student,
        href=_href(staff),
        points=report.points,
        max_points=report.max_points,
        waiting=report.points_not_graded,
        grade=report.grade,
        exercises=tuple(exercises.get(name) for name in names),
        outcomes=item_counts(report),
        incidents=sum(row.incident.times for row in _incidents(staff)),
    )


@dataclass
class _Tally:
    title: str = ""
    judged: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    misconceptions: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))


def _failing(reports: Sequence[StaffReport]) -> tuple[FailingCheck, ...]:
    tallies: defaultdict[tuple[str, str], _Tally] = defaultdict(_Tally)
    for student, staff in enumerate(reports):
        for exercise in staff.report.exercises:
            for check in decisive(exercise):
                tally = tallies[exercise.name, check.title]
                if check.outcome == "passed" or check.outcome in COSTLY:
                    tally.judged.add(student)
                if check.outcome in COSTLY:
                    tally.failed.add(student)
                    if check.misconception:
                        tally.misconceptions[check.misconception].add(student)
    failing = []
    for (exercise_name, title), tally in tallies.items():
        if tally.failed:
            common = min(tally.misconceptions, key=lambda name: (-len(tally.misconceptions[name]), name), default="")
            failing.append(FailingCheck(
                title=title,
                exercise=exercise_name,
                students=len(tally.failed),
                judged=len(tally.judged),
                misconception=common,
                misconception_students=len(tally.misconceptions[common]) if common else 0,
            ))  # fmt: skip
    failing.sort(key=lambda check: (-check.students, -check.share, check.exercise, check.title))
    return tuple(failing[:MOST_FAILED])


def _not_graded(staff: StaffReport) -> list[NotGraded]:
    incidents = (*staff.incidents, *staff.report.incidents)
    waiting: defaultdict[tuple[str, str], list[CheckResult]] = defaultdict(list)
    for exercise in staff.report.exercises:
        for check in exercise.checks:
            if check.outcome == "not_graded":
                waiting[exercise.name, check.title].append(check)
    return [
        NotGraded(
            student=staff.report.student,
            href=_href(staff),
            exercise=exercise_name,
            title=title,
            devices=tuple(dict.fromkeys(check.device for check in checks)),
            details=tuple(dict.fromkeys(
                incident.detail for check in checks for incident in incidents
                if incident.check == check.id and incident.detail
            )),
        )
        for (exercise_name, title), checks in waiting.items()
    ]  # fmt: skip


def _incidents(staff: StaffReport) -> list[IncidentRow]:
    """Return the incidents of a student; one that staff and student both see is counted once."""
    public = staff.report.incidents
    private = [incident for incident in staff.incidents if incident not in set(public)]
    return [
        IncidentRow(student=staff.report.student, href=_href(staff), incident=incident, staff_only=staff_only)
        for incidents, staff_only in ((public, False), (private, True))
        for incident in seen_incidents(incidents, staff.report)
    ]
