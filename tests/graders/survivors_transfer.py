"""Mutants of the solution of *transfer* that nobody can tell from it."""

from tests.graders.proof import Survivor

SURVIVORS: list[Survivor] = []
