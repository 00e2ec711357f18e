"""The visible test cells that ``autograder check`` runs."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class VisibleCell:
    """A test cell of the notebook that a student has in front of them."""

    label: str
    exercise: str
    source: str


cells: ContextVar[tuple[VisibleCell, ...]] = ContextVar("cells", default=())
