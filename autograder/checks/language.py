"""Markers that say what a check is worth, which exercise it belongs to and what to tell a student who fails it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from autograder.reports.models import BoxPicture, CurvePicture

Check = TypeVar("Check", bound=Callable[..., None])
_ATTRIBUTE = "__autograder_check__"


@dataclass(frozen=True)
class Misconception:
    """A classic mistake, written as a function with the signature of the student's.

    Attributes:
        sentence: what the student seems to have done, as the report says it.
        wrong: the mistake; called with the arguments of the student's call.
        of: the name of the student's function that it stands for; ``None`` for the check's last call.
    """

    sentence: str
    wrong: Callable[..., Any]
    of: str | None = None


@dataclass(frozen=True)
class CheckSpec:
    """What the markers of one check say."""

    points: float = 0.0
    exercise: str = ""
    hint: str = ""
    picture: BoxPicture | CurvePicture | None = None
    misconceptions: tuple[Misconception, ...] = field(default=())
    cpu_only: str = ""
    not_simulated: str = ""
    forbidden: tuple[str, ...] = ()
    call_s: float | None = None


def spec_of(check: Callable[..., None]) -> CheckSpec:
    """Return what the markers of ``check`` say; a function without markers has the default specification."""
    spec = getattr(inspect.unwrap(check), _ATTRIBUTE, CheckSpec())
    assert isinstance(spec, CheckSpec)
    return spec


def title_of(check: Callable[..., None]) -> str:
    """Return the title that the student reads: the first line of the docstring, else the name in words."""
    doc = inspect.getdoc(check)
    return doc.splitlines()[0] if doc else check.__name__.removeprefix("check_").replace("_", " ")


def points(value: float) -> Callable[[Check], Check]:
    """Give a check its points; every parametrised instance has them."""
    if not 0 <= value < math.inf:
        raise ValueError(f"points: expected a number >= 0, got {value!r}")
    return _marker(points=float(value))


def exercise(name: str) -> Callable[[Check], Check]:
    """Say to which exercise (the grade id of its solution cell) a check belongs."""
    return _marker(exercise=name)


def hint(text: str) -> Callable[[Check], Check]:
    """Add a hint for the student whose output fails the check; it must not give the answer away."""
    return _marker(hint=text)


def cpu_only(reason: str) -> Callable[[Check], Check]:
    """Run a check on the CPU alone, and say why; every other check runs on every device.

    On the CPU alone belong: arguments that must raise (on CUDA, a wrong index ends the process with a device-side
    assert), and what has no tensors.
    """
    return _marker(cpu_only=reason)


def not_simulated(reason: str) -> Callable[[Check], Check]:
    """Do not run a check on the simulated accelerator, and say why.

    Its numbers are the CPU's, bit for bit: a check that only tries more numbers on a path through the student's code
    that other checks take finds nothing there. On a real GPU it runs.
    """
    return _marker(not_simulated=reason)


def forbid(*names: str) -> Callable[[Check], Check]:
    """Refuse calls of PyTorch's functions while the student's code runs, from wherever it has them.

    Args:
        names: as PyTorch resolves them, ``torch.nn.functional.cross_entropy`` or ``torch.Tensor.softmax``; a name that
            ends with ``.*`` stands for all that begins so.
    """
    for name in names:
        if not name.startswith("torch"):
            raise ValueError(f"forbid: expected a full name such as 'torch.softmax', got {name!r}")
    return _marker(forbidden=names)


def call_limit(seconds: float) -> Callable[[Check], Check]:
    """Give each call of a check another limit of wall-clock time than the course's, a training run for one."""
    if not 0 < seconds < math.inf:
        raise ValueError(f"call_limit: expected seconds > 0, got {seconds!r}")
    return _marker(call_s=float(seconds))


def picture(example: BoxPicture | CurvePicture) -> Callable[[Check], Check]:
    """Add a picture of an example of the case (never of a hidden input)."""
    return _marker(picture=example)


def misconception(sentence: str, wrong: Callable[..., Any], of: str | None = None) -> Callable[[Check], Check]:
    """Register a classic mistake that is named when the student's output equals its output.

    Args:
        sentence: what the student seems to have done, as the report says it.
        wrong: the mistake as a function with the same signature as the student's function; it runs in the trusted
            process on the inputs of the student's call, and only when the check has failed.
        of: the student's function that ``wrong`` stands for; by default the one the check called last.
    """

    def mark(check: Check) -> Check:
        spec = spec_of(check)
        # decorators run from the bottom up: the misconception written first is tried first
        changed = replace(spec, misconceptions=(Misconception(sentence, wrong, of), *spec.misconceptions))
        setattr(check, _ATTRIBUTE, changed)
        return check

    return mark


def _marker(**changes: Any) -> Callable[[Check], Check]:
    def mark(check: Check) -> Check:
        setattr(check, _ATTRIBUTE, replace(spec_of(check), **changes))
        return check

    return mark
