"""What a graded test cell shows: its exercise's report as notebook outputs, and the points for nbgrader to read."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from autograder.nbgrader.nodes import new_output
from autograder.reports.models import POINTS_TOLERANCE, CheckResult, ExerciseResult, decisive
from autograder.reports.words import OUTCOME_WORDS, device_words, joined, number, plural

NOT_OUR_CELL = "This cell is not graded yet. That is a fault of the grader, not of your code; a person will look at it."

WRAP = 'style="white-space: pre-wrap; margin: 0.2em 0"'  # a message's own line ends count


def outputs_of(exercise: ExerciseResult | None, max_points: float) -> list[Any]:
    """Return the outputs of a test cell: a message, then the points.

    Args:
        exercise: what the report says about the cell's exercise; ``None`` if it says nothing.
        max_points: what the cell is worth in the gradebook.

    Returns:
        No points, only a message, where something could not be judged or the cell is not worth what the hidden checks
        are worth. There is never an error and never anything on stderr, which nbgrader would read as zero points.
    """
    if exercise is None or not math.isclose(exercise.max_points, max_points, abs_tol=POINTS_TOLERANCE):
        return [_message(NOT_OUR_CELL, f"<p><strong>{escape(NOT_OUR_CELL)}</strong></p>")]
    outputs = [_message(_text(exercise), _html(exercise))]
    if not waiting_points(exercise):
        points = min(max(exercise.points, 0.0), max_points)
        outputs.append(new_output("execute_result", data={"text/plain": repr(float(points))}, execution_count=1))
    return outputs


def points_in(cell: Any, max_points: float) -> float | None:
    """Return the points that a test cell's outputs hold, or ``None``: no number is no points, not all of them."""
    for output in cell.outputs:
        if output.output_type == "execute_result":
            try:
                points = float(output.data["text/plain"])
            except (KeyError, TypeError, ValueError):
                return None
            return points if 0 <= points <= max_points else None
    return None


def comment_of(exercise: ExerciseResult) -> str:
    """Return the comment for the exercise's solution cell, safe where nbgrader renders it: only words of the staff."""
    return escape(" ".join([_headline(exercise), *(f"{_label(check)}: {check.title}" for check in _shown(exercise))]))


def waiting_points(exercise: ExerciseResult) -> float:
    """Return the points of the checks that could not be judged (a check without points counts as none)."""
    return math.fsum(check.max_points for check in exercise.checks if check.outcome == "not_graded")


def _shown(exercise: ExerciseResult) -> list[CheckResult]:
    own = decisive(exercise)
    return [
        check
        for check in exercise.checks
        if check.outcome == "not_graded" or (check in own and check.outcome not in ("passed", "not_run"))
    ]


def _headline(exercise: ExerciseResult) -> str:
    checks = [check for check in decisive(exercise) if check.outcome != "not_run"]
    passed = sum(check.outcome == "passed" for check in checks)
    waiting = waiting_points(exercise)
    said = f"{exercise.name}: {number(exercise.points)} of {plural(exercise.max_points, 'point')}"
    if waiting:
        said += f" so far, {number(waiting)} not graded yet"
    return f"{said}. {passed} of {plural(len(checks), 'check')} passed."


def _label(check: CheckResult) -> str:
    return OUTCOME_WORDS[check.outcome].label


def _title(check: CheckResult, exercise: ExerciseResult) -> str:
    devices = dict.fromkeys(item.device for item in exercise.checks)
    return check.title if len(devices) == 1 else f"{check.title} ({joined((device_words(check.device),))})"


def _details(check: CheckResult) -> list[tuple[str, str]]:
    said = [("", check.message), ("This looks like: ", check.misconception), ("Hint: ", check.hint)]
    return [(label, text) for label, text in said if text]


def _text(exercise: ExerciseResult) -> str:
    lines = [_headline(exercise)]
    for check in _shown(exercise):
        lines += ["", f"{_label(check)}: {_title(check, exercise)}"]
        lines += [f"  {label}{text}".replace("\n", "\n  ") for label, text in _details(check)]
    return "\n".join(lines)


def _html(exercise: ExerciseResult) -> str:
    """Return the message as HTML; all text is escaped, and nothing of it is taken for mathematics."""
    items = []
    for check in _shown(exercise):
        details = "".join(
            f"<p {WRAP}><b>{escape(label)}</b><bdi>{escape(text)}</bdi></p>" for label, text in _details(check)
        )
        title = escape(_title(check, exercise))
        items.append(f"<li><b>{escape(_label(check))}:</b> <bdi>{title}</bdi>{details}</li>")
    body = f"<ul>{''.join(items)}</ul>" if items else ""
    headline = escape(_headline(exercise))
    return f'<div class="autograder tex2jax_ignore mathjax_ignore"><p><strong>{headline}</strong></p>{body}</div>'


def _message(text: str, html: str) -> Any:
    return new_output("display_data", data={"text/plain": text, "text/html": html})
