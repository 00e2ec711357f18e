"""Mutants of the solution of *segmentation* that nobody can tell from it."""

from tests.graders.proof import Survivor

SURVIVORS: list[Survivor] = []
