"""Mutants of the solution of *detection* that nobody can tell from it."""

from tests.graders.proof import Survivor

SURVIVORS: list[Survivor] = []
