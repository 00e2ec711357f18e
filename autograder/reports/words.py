"""How the reports say things: outcomes, devices, numbers, times and comparisons, in words for students."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from autograder.reports.models import Comparison, Environment, Outcome, Report

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DEVICES = {"cpu": "CPU", "simgpu": "simulated GPU", "cuda": "GPU (CUDA)"}
COSTLY: tuple[Outcome, ...] = ("failed", "timed_out", "crashed", "out_of_memory", "blocked")


class OutcomeWords(NamedTuple):
    """An outcome for a person: a label, and a sentence that says what it means where the label does not."""

    label: str
    meaning: str = ""


OUTCOME_WORDS: dict[Outcome, OutcomeWords] = {
    "passed": OutcomeWords("Passed"),
    "failed": OutcomeWords("Not yet right"),
    "timed_out": OutcomeWords(
        "Ran out of time",
        "The call was still running at the time limit. Usual reasons: a loop that never ends, or a Python loop over "
        "many elements where one tensor operation would do.",
    ),
    "crashed": OutcomeWords("Process ended", "The process that ran this code ended before it returned an answer."),
    "out_of_memory": OutcomeWords(
        "Ran out of memory",
        "The call asked for more memory than the limit. Usual reason: a tensor larger than intended, often through "
        "broadcasting. Print the shapes.",
    ),
    "blocked": OutcomeWords(
        "Blocked by the sandbox",
        "The call tried something that is switched off while grading, such as the network, other programs, or files "
        "outside its own folder.",
    ),
    "not_run": OutcomeWords("Not run"),
    "not_graded": OutcomeWords(
        "Not graded yet",
        "We could not judge this check. That is a fault of the grader, not of your code, and it costs you nothing: "
        "its points are waiting for you.",
    ),
}


def device_words(device: str) -> str:
    """Return a device's name for a person: ``simgpu`` is ``simulated GPU``; an unknown one stays as it is."""
    return DEVICES.get(device, device)


def devices_words(devices: tuple[str, ...]) -> str:
    """Return several devices as a list in words.

    Example:
        >>> devices_words(("cpu", "simgpu", "cuda"))
        'CPU, simulated GPU and GPU (CUDA)'
    """
    return joined(tuple(device_words(device) for device in devices))


def joined(parts: tuple[str, ...]) -> str:
    """Return the parts joined by commas, the last by "and"."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), "".join(parts[-1:]))))


def number(value: float) -> str:
    """Return a number with at most two decimals and no trailing zeros.

    Example:
        >>> number(2.0), number(1.25), number(0.1 + 0.2)
        ('2', '1.25', '0.3')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def percent(share: float) -> str:
    """Return a share in ``[0, 1]`` in percent; only none is 0 % and only all is 100 %.

    Example:
        >>> percent(0.125), percent(0.001), percent(0.9999), percent(1.0)
        ('12 %', 'less than 1 %', 'more than 99 %', '100 %')
    """
    if 0 < share < 0.01:
        return "less than 1 %"
    if 0.99 < share < 1:
        return "more than 99 %"
    return f"{100 * share:.0f} %"


def grade_words(grade: float) -> str:
    """Return a grade with at most one decimal; only full marks read 100.

    Example:
        >>> grade_words(78.26), grade_words(99.99), grade_words(100.0)
        ('78.3', '99.9', '100')
    """
    return f"{grade if grade == 100 else min(grade, 99.9):.1f}".removesuffix(".0")


def plural(count: float, noun: str) -> str:
    """Return a count with its noun.

    Example:
        >>> plural(1, "check"), plural(2.5, "point")
        ('1 check', '2.5 points')
    """
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"


def duration(seconds: float) -> str:
    """Return a duration in the unit that fits.

    Example:
        >>> duration(0.0412), duration(2.5), duration(7500), duration(90000)
        ('41 ms', '2.5 s', '2 h 5 min', '1 d 1 h')
    """
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{number(round(seconds, 1))} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def moment(text: str) -> str:
    """Return an ISO 8601 time for a person; what is not one stays as it is.

    Example:
        >>> moment("2024-11-21T09:05:00Z")
        '21 Nov 2024, 09:05 UTC'
        >>> moment("2024-11-21T09:05:00+01:00")
        '21 Nov 2024, 09:05 UTC+01:00'
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return text
    offset = time.utcoffset()
    zone = "" if offset is None else f" UTC{time.isoformat()[-6:]}" if offset else " UTC"
    return f"{time.day} {MONTHS[time.month - 1]} {time.year}, {time:%H:%M}{zone}"


def shape_words(shape: tuple[int, ...]) -> str:
    """Return a shape as PyTorch prints it, and a single number in words.

    Example:
        >>> shape_words((3, 2)), shape_words(())
        ('(3, 2)', '() — a single number')
    """
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})" if shape else "() — a single number"


def comparison_words(comparison: Comparison) -> tuple[str, ...]:
    """Return what a comparison measured, one short sentence each."""
    said = []
    expected, actual = comparison.expected_shape, comparison.actual_shape
    if expected is not None and expected == actual:
        said.append(f"The shape {shape_words(expected)} is right.")
    else:
        said += [f"Expected shape: {shape_words(expected)}."] if expected is not None else []
        said += [f"Your shape: {shape_words(actual)}."] if actual is not None else []
    if comparison.dtype:
        said.append(f"Data type: {comparison.dtype}.")
    if comparison.mismatched_fraction is not None:
        share = comparison.mismatched_fraction
        said.append("Every entry differs." if share == 1 else f"{percent(share).capitalize()} of the entries differ.")
    if comparison.max_abs_error is not None:
        said.append(f"The largest difference is about {comparison.max_abs_error:.1g}.")
    return tuple(said)


def kind_words(kind: str) -> str:
    """Return the kind of an incident as words.

    Example:
        >>> kind_words("cell-failed")
        'Cell failed'
    """
    words = kind.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def environment_words(environment: Environment) -> tuple[tuple[str, str], ...]:
    """Return what graded as pairs of a term and its value."""
    return (
        ("Graded", f"{moment(environment.started_at)}, in {duration(environment.duration_s)}"),
        ("Python", environment.python),
        ("PyTorch", environment.torch),
        ("torchvision", environment.torchvision),
        ("Platform", environment.platform),
        ("Devices", devices_words(environment.devices) or "none"),
        ("Sandbox", ", ".join(environment.sandbox_layers) or "none"),
    )


NOTED = ("unreadable", "wrong-notebook")


def notes_of(report: Report) -> tuple[str, ...]:
    """Return what staff should know before they believe a grade of zero; it is said on the terminal too."""
    return tuple(incident.detail for incident in report.incidents if incident.kind in NOTED)
