"""The graders are proven: solution 100 %, stub 0, mistakes caught and named, alternatives accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course import Course
from tests.graders.proof import ROOT
from tests.graders.prove import prove, table

COURSE = Course.find(ROOT)


@pytest.mark.parametrize("topic", list(COURSE.file.topics))
def test_the_grader_is_proven(topic: str, tmp_path: Path) -> None:
    # the command grades more: every alternative also in the training exercises that call it, which takes as long again
    proof = prove(COURSE.topic(topic), tmp_path, trains_again=False)
    print(table([proof]))
    assert proof.faults == ()
    row = table([proof]).splitlines()[-1]
    assert row in (ROOT / "docs" / "proof.md").read_text(encoding="utf-8").splitlines(), f"docs/proof.md lacks: {row}"
    for count in (proof.bank, proof.slips):
        assert count.caught == count.mutants - count.equivalent > 0
    assert proof.accepted == proof.alternatives > 0
