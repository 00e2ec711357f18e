"""What the student page shows, as data: checks that say the same on several devices become one item."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.reports.models import OUTCOMES, CheckResult, ExerciseResult, Incident, Outcome, Report
from autograder.reports.words import COSTLY, plural


@dataclass(frozen=True)
class Item:
    """One check, or one check on several devices where the result is the same on each.

    Attributes:
        first: the result itself, as it came on the first of the devices.
        devices: every device with this result.
        passed_on: the devices where the same check passed, which tells where to look.
    """

    first: CheckResult
    devices: tuple[str, ...]
    points: float
    max_points: float
    duration_s: float
    passed_on: tuple[str, ...] = ()

    @property
    def is_elsewhere(self) -> bool:
        """Whether it only repeats, for no points, on a device where it does not hold what holds on another one."""
        return bool(self.passed_on) and not self.max_points and self.first.outcome in COSTLY


@dataclass(frozen=True)
class NotRun:
    """Checks that were not run for one and the same reason."""

    reason: str
    devices: tuple[str, ...]
    titles: tuple[str, ...]
    max_points: float


@dataclass(frozen=True)
class Section:
    """One exercise: what to look at first, then what is done; ``not_run`` has only checks that are worth points.

    ``elsewhere_items`` passed on the CPU; why they do not on another device is said where it costs points.
    """

    name: str
    points: float
    max_points: float
    waiting: float
    open_items: tuple[Item, ...]
    elsewhere_items: tuple[Item, ...]
    waiting_items: tuple[Item, ...]
    passed_items: tuple[Item, ...]
    not_run: tuple[NotRun, ...]


@dataclass(frozen=True)
class SeenIncident:
    """Incidents that read the same, and how often they happened; ``check`` is a title where the report has one."""

    kind: str
    check: str
    detail: str
    times: int


@dataclass(frozen=True)
class StudentPage:
    """Everything that the student page shows besides the report's own fields.

    Attributes:
        counts: how many items each outcome has; a check with one result on several devices counts once.
        not_run: checks that were not run and that no points depend on.
    """

    encouragement: str
    counts: tuple[tuple[Outcome, int], ...]
    sections: tuple[Section, ...]
    not_run: tuple[NotRun, ...]
    incidents: tuple[SeenIncident, ...]


def student_page(report: Report) -> StudentPage:
    """Return what the student page shows about a report."""
    items = [_items(exercise.checks) for exercise in report.exercises]
    counts = _counts(items)
    return StudentPage(
        encouragement=_encouragement(report, dict(counts)),
        counts=counts,
        sections=tuple(map(_section, report.exercises, items)),
        not_run=_not_run(check for check in report.checks if not check.max_points),
        incidents=seen_incidents(report.incidents, report),
    )


def seen_incidents(incidents: Iterable[Incident], report: Report) -> tuple[SeenIncident, ...]:
    """Return the incidents, those that read the same once, with the titles of the report's checks."""
    titles = {check.id: check.title for check in report.checks}
    alike = Counter((i.kind, titles.get(i.check, i.check), i.detail) for i in incidents)
    return tuple(SeenIncident(*what, times) for what, times in alike.items())


def item_counts(report: Report) -> tuple[tuple[Outcome, int], ...]:
    """Return how many items each outcome has, those that occur, in the order of ``OUTCOMES``.

    What was not run and is worth nothing does not count, nor what passed and does not on another device.
    """
    return _counts([_items(exercise.checks) for exercise in report.exercises])


def _counts(items: list[list[Item]]) -> tuple[tuple[Outcome, int], ...]:
    counted = (item for some in items for item in some if not item.is_elsewhere)
    tally = Counter(item.first.outcome for item in counted if item.max_points or item.first.outcome != "not_run")
    return tuple((outcome, tally[outcome]) for outcome in OUTCOMES if tally[outcome])


def _encouragement(report: Report, counts: dict[Outcome, int]) -> str:
    """Return the first sentence of the page: where the work stands and what to do next."""
    passed = counts.get("passed", 0)
    judged = passed + sum(counts.get(outcome, 0) for outcome in COSTLY)
    if not report.checks:
        return "This assignment has no checks."
    if not judged:
        return "No check has been judged yet."
    if passed == judged:
        return f"Every check that ran has passed{' so far' if report.has_not_graded else ''}. Well done."
    if not passed:
        return "No check has passed yet. Start with the first message below: one fix often repairs several checks."
    return f"{passed} of {plural(judged, 'check')} passed. The messages below say where to look next."


def _section(exercise: ExerciseResult, items: list[Item]) -> Section:
    waiting = tuple(item for item in items if item.first.outcome == "not_graded")
    return Section(
        name=exercise.name,
        points=exercise.points,
        max_points=exercise.max_points,
        waiting=math.fsum(item.max_points for item in waiting),
        open_items=tuple(item for item in items if item.first.outcome in COSTLY and not item.is_elsewhere),
        elsewhere_items=tuple(item for item in items if item.is_elsewhere),
        waiting_items=waiting,
        passed_items=tuple(item for item in items if item.first.outcome == "passed"),
        not_run=_not_run(check for check in exercise.checks if check.max_points),
    )


def _items(checks: tuple[CheckResult, ...]) -> list[Item]:
    passed_on: dict[str, list[str]] = {}
    groups: dict[tuple[object, ...], list[list[CheckResult]]] = {}
    order: list[list[CheckResult]] = []
    for check in checks:
        key: tuple[object, ...] = (check.title, check.outcome)
        if check.outcome == "passed":  # then it says nothing more
            passed_on.setdefault(check.title, []).append(check.device)
        else:
            key = (*key, check.message, check.hint, check.misconception, check.comparison, check.picture)
        alike = groups.setdefault(key, [])
        for group in alike:
            if check.device not in {other.device for other in group}:
                group.append(check)
                break
        else:
            group = [check]
            alike.append(group)
            order.append(group)
    return [
        Item(
            first=group[0],
            devices=tuple(check.device for check in group),
            points=math.fsum(check.points for check in group),
            max_points=math.fsum(check.max_points for check in group),
            duration_s=math.fsum(check.duration_s for check in group),
            passed_on=() if group[0].outcome == "passed" else tuple(
                device for device in dict.fromkeys(passed_on.get(group[0].title, ()))
                if device not in {check.device for check in group}
            ),
        )
        for group in order
    ]  # fmt: skip


def _not_run(checks: Iterable[CheckResult]) -> tuple[NotRun, ...]:
    reasons: dict[str, list[CheckResult]] = {}
    for check in checks:
        if check.outcome == "not_run":
            reasons.setdefault(check.message, []).append(check)
    return tuple(
        NotRun(
            reason=reason,
            devices=tuple(dict.fromkeys(check.device for check in group)),
            titles=tuple(dict.fromkeys(check.title for check in group)),
            max_points=math.fsum(check.max_points for check in group),
        )
        for reason, group in reasons.items()
    )
