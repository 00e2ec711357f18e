"""Mutants made by a tool: the table in the docs is that of today's solutions, and a sample of it is graded again."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course import Course
from tests.graders import generated
from tests.graders.proof import ROOT

COURSE = Course.find(ROOT)
EACH_TOPIC = pytest.mark.parametrize("topic", list(COURSE.file.topics))
SAMPLE = 6  # of some two hundred per topic, spread over all exercises; `python -m tests.graders.prove` grades all


@EACH_TOPIC
def test_every_listed_survivor_is_a_mutant_of_the_solution(topic: str) -> None:
    """Whoever changes the solution has to look at its survivors again."""
    keys = [(mutant.exercise, mutant.before, mutant.after) for mutant in generated.generate(COURSE.topic(topic))]
    listed = [(s.exercise, s.before, s.after) for s in generated.survivors(COURSE.topic(topic))]
    assert [key for key in listed if key not in keys] == []
    assert len(set(listed)) == len(listed)
    assert all(len(survivor.reason) > 10 for survivor in generated.survivors(COURSE.topic(topic)))


@EACH_TOPIC
def test_the_table_in_the_docs_is_of_today(topic: str) -> None:
    mutants = generated.generate(COURSE.topic(topic))
    keys = {(s.exercise, s.before, s.after) for s in generated.survivors(COURSE.topic(topic))}
    alive = sum((mutant.exercise, mutant.before, mutant.after) in keys for mutant in mutants)
    row = generated.table([generated.Outcome(topic, len(mutants), len(mutants) - alive, alive, ())]).splitlines()[-1]
    assert row in (ROOT / "docs" / "proof.md").read_text(encoding="utf-8").splitlines(), f"docs/proof.md lacks: {row}"


@EACH_TOPIC
def test_a_sample_is_caught_or_listed(topic: str, tmp_path: Path) -> None:
    mutants = generated.generate(COURSE.topic(topic))
    sample = mutants[:: max(1, len(mutants) // SAMPLE)]
    assert generated.judge(COURSE.topic(topic), sample, tmp_path).faults == ()
