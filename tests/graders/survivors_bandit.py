"""Mutants of the solution of *bandit* that nobody can tell from it."""

from tests.graders.proof import Survivor

SURVIVORS: list[Survivor] = []
