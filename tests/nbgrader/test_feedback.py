"""What a test cell's outputs say, and which number nbgrader may read from them."""

from __future__ import annotations

from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest

from autograder.nbgrader.feedback import comment_of, outputs_of, points_in
from autograder.reports.build import build_exercise
from autograder.reports.models import CheckResult, ExerciseResult, Outcome

EVIL = "</p></div><script>alert(1)</script> $\\href{javascript:alert(1)}{x}$ =1+1"


def _check(name: str, outcome: Outcome, max_points: float, device: str = "cpu", **said: Any) -> CheckResult:
    points = max_points if outcome == "passed" else 0.0
    return CheckResult(
        id=name, title=f"It is {name}.", device=device, outcome=outcome, points=points, max_points=max_points, **said
    )


def _exercise(*checks: CheckResult) -> ExerciseResult:
    return build_exercise("box_iou", checks)


HALF = _exercise(
    _check("one", "passed", 0.75),
    _check("two", "failed", 1.25, message=EVIL, hint="Think.", misconception="So."),
)


def _cell(outputs: list[Any]) -> Any:
    return SimpleNamespace(outputs=outputs)


def test_points_are_the_last_output_and_fractional() -> None:
    message, points = outputs_of(HALF, 2.0)
    assert (message.output_type, points.output_type) == ("display_data", "execute_result")
    assert points.data["text/plain"] == "0.75"
    assert points_in(_cell([message, points]), 2.0) == 0.75


def test_message_says_what_failed_and_why() -> None:
    text = outputs_of(HALF, 2.0)[0].data["text/plain"]
    assert text.splitlines()[0] == "box_iou: 0.75 of 2 points. 1 of 2 checks passed."
    for said in ("Not yet right: It is two.", "This looks like: So.", "Hint: Think.", EVIL):
        assert said in text
    assert "It is one." not in text


def test_html_is_text_and_no_mathematics() -> None:
    html = outputs_of(HALF, 2.0)[0].data["text/html"]
    tags: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]
    parser.feed(html)
    assert set(tags) == {"div", "p", "strong", "ul", "li", "b", "bdi"}
    assert html.startswith('<div class="autograder tex2jax_ignore mathjax_ignore">')


def test_comment_holds_no_word_of_the_student() -> None:
    assert comment_of(HALF) == "box_iou: 0.75 of 2 points. 1 of 2 checks passed. Not yet right: It is two."
    assert "<" not in comment_of(_exercise(_check("<script>", "failed", 1)))


def test_device_is_named_where_there_are_several() -> None:
    checks = [_check("one", "passed", 1), _check("one", "failed", 1, "simgpu"), _check("one", "not_run", 0, "cuda")]
    text = outputs_of(_exercise(*checks), 2.0)[0].data["text/plain"]
    assert "It is one. (simulated GPU)" in text
    assert "1 of 2 checks passed" in text
    assert "CUDA" not in text


@pytest.mark.parametrize(
    ("exercise", "max_points"),
    [
        (_exercise(_check("one", "passed", 1), _check("two", "not_graded", 1)), 2.0),
        (HALF, 3.0),
        (None, 2.0),
    ],
    ids=["not graded", "worth something else", "no such exercise"],
)
def test_no_number_where_we_cannot_judge(exercise: ExerciseResult | None, max_points: float) -> None:
    outputs = outputs_of(exercise, max_points)
    assert [output.output_type for output in outputs] == ["display_data"]
    assert "not graded yet" in outputs[0].data["text/plain"]
    assert points_in(_cell(outputs), max_points) is None


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "2.5", "full", ""])
def test_what_is_not_a_number_of_points_is_none(text: str) -> None:
    output = SimpleNamespace(output_type="execute_result", data={"text/plain": text})
    assert points_in(_cell([output]), 2.0) is None
    assert points_in(_cell([SimpleNamespace(output_type="execute_result", data={})]), 2.0) is None


def test_what_passes_on_the_cpu_alone_is_not_said_twice() -> None:
    there = _check("one", "failed", 0.0, device="simgpu", message="mixed devices")
    placement = _check("placement", "failed", 0.5, device="simgpu", message="`torch.zeros` in line 3")
    exercise = _exercise(_check("one", "passed", 1.5), there, placement)
    text = outputs_of(exercise, 2.0)[0].data["text/plain"]
    assert text.splitlines()[0] == "box_iou: 1.5 of 2 points. 1 of 2 checks passed."
    assert "`torch.zeros` in line 3" in text
    assert "mixed devices" not in text
    waiting = _exercise(_check("one", "passed", 2.0), _check("one", "not_graded", 0.0, device="simgpu"))
    assert "Not graded yet: It is one. (simulated GPU)" in outputs_of(waiting, 2.0)[0].data["text/plain"]
