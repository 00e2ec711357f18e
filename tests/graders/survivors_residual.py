"""Mutants of the solution of *residual* that nobody can tell from it."""

from tests.graders.proof import Survivor

SURVIVORS: list[Survivor] = []
