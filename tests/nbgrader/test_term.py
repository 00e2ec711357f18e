"""nbgrader's gradebook and feedback say what the reports say, for a class in which not everybody is honest."""

from __future__ import annotations

import re
from html import unescape

import pytest

from tests.nbgrader.conftest import Term
from tests.nbgrader.course import TOPIC, cell_of, loaded
from tests.nbgrader.students import CLASS

FULL = {
    "test_pixel_accuracy": 3.0,
    "test_box_iou": 7.0,
    "test_match_detections": 9.0,
    "test_precision_recall": 5.0,
    "test_average_precision": 7.0,
    "test_mean_average_precision": 9.0,
}


@pytest.mark.parametrize("student", CLASS)
def test_gradebook_holds_the_points_of_the_report(term: Term, student: str) -> None:
    report = term.course.report(student).report
    expected = {f"test_{exercise.name}": [pytest.approx(exercise.points), False] for exercise in report.exercises}
    assert term.grades[student]["cells"] == expected
    assert term.grades[student]["score"] == pytest.approx(report.points)
    assert not term.grades[student]["needs_manual_grade"]


@pytest.mark.parametrize(
    ("student", "missing"),
    [
        ("perfect", {}),
        ("twice", {}),
        ("half", {"test_precision_recall": 0.0, "test_average_precision": 0.0, "test_mean_average_precision": 0.0}),
        ("forged", {name: 0.0 for name in FULL if name != "test_precision_recall"}),
        ("shouts", {"test_precision_recall": 0.0}),
        ("bom", {name: 0.0 for name in FULL if name != "test_pixel_accuracy"}),
        ("garbage", dict.fromkeys(FULL, 0.0)),
    ],
)
def test_points_are_what_the_code_earns(term: Term, student: str, missing: dict[str, float]) -> None:
    points = {name: points for name, (points, _) in term.grades[student]["cells"].items()}
    if student == "shouts":  # mAP is built on precision and recall, and falls with it
        missing = {**missing, "test_mean_average_precision": points["test_mean_average_precision"]}
        assert points["test_mean_average_precision"] < 9
    assert points == pytest.approx({**FULL, **missing})


def test_one_mistake_costs_a_part_of_the_points(term: Term) -> None:
    points, _ = term.grades["wrong"]["cells"]["test_box_iou"]
    assert 0 < points < 7


def test_exit_in_one_function_leaves_the_others_their_points(term: Term) -> None:
    cells = term.grades["exits"]["cells"]
    assert [cells[name][0] for name in FULL if name != "test_mean_average_precision"] == [3, 7, 9, 5, 7]
    assert cells["test_mean_average_precision"][0] < 9


def test_deleted_cells_come_back_in_their_place(term: Term) -> None:
    autograded = loaded(term.course.root / "autograded" / "gone" / TOPIC / f"{TOPIC}.ipynb")
    ids = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in autograded["cells"]]
    assert ids.index("test_box_iou") == ids.index("about_box_iou") + 1
    assert term.grades["gone"]["cells"]["test_box_iou"] == [0.0, False]


def test_submitted_outputs_flags_and_tags_stay_behind(term: Term) -> None:
    autograded = loaded(term.course.root / "autograded" / "forged" / TOPIC / f"{TOPIC}.ipynb")
    text = (term.course.root / "autograded" / "forged" / TOPIC / f"{TOPIC}.ipynb").read_text()
    assert "skip-execution" not in text
    assert "evil" not in text
    assert "alert('forged')" not in text
    for name, points in FULL.items():
        nbgrader = cell_of(autograded, name)["metadata"]["nbgrader"]
        flags = (nbgrader["grade"], nbgrader["solution"], nbgrader["locked"], nbgrader["points"])
        assert flags == (True, False, True, points)


def test_no_output_can_be_read_as_another_score(term: Term) -> None:
    for student in CLASS:
        autograded = loaded(term.course.root / "autograded" / student / TOPIC / f"{TOPIC}.ipynb")
        outputs = [output for cell in autograded["cells"] for output in cell.get("outputs", [])]
        assert {output["output_type"] for output in outputs} == {"display_data", "execute_result"}


def test_feedback_names_the_mistake_and_gives_a_hint(term: Term) -> None:
    feedback = term.course.feedback("wrong")
    failed = [c for c in term.course.report("wrong").report.checks if c.outcome not in ("passed", "not_run")]
    assert failed
    assert "This looks like: " in feedback
    for check in failed:
        for text in (check.title, check.hint, check.misconception):
            assert not text or _said(text) in _said(feedback), text


@pytest.mark.parametrize("student", CLASS)
def test_feedback_holds_nothing_hidden(term: Term, student: str) -> None:
    feedback = _said(term.course.feedback(student))
    staff = term.course.report(student)
    public = _said(" ".join(f"{check.title} {check.message}" for check in staff.report.checks))
    for detail in staff.details:
        for text in filter(None, (detail.expected, detail.traceback)):
            assert _said(text) in public or _said(text) not in feedback
    for word in ("grade_metrics", "reference.metrics", "tests/hidden", "Traceback", "report.staff"):
        assert word not in feedback


def test_text_of_students_is_text_in_the_feedback(term: Term) -> None:
    assert "<script>alert('message')" not in term.course.feedback("shouts")
    assert "alert(" in term.course.feedback("shouts")
    gone = term.course.feedback("gone")
    assert "<script>alert('markdown')" not in gone
    assert not re.search(r"<img src=.?x", gone)


def test_unreadable_notebook_has_feedback_that_says_so(term: Term) -> None:
    assert "could not be read as a notebook" in term.course.feedback("garbage")
    assert "cannot be read" in term.course.feedback("garbage")


def test_comments_are_at_the_answers(term: Term) -> None:
    comments = term.grades["half"]["comments"]
    assert comments["average_precision"] == "No response."
    assert comments["box_iou"].startswith("box_iou: 7 of 7 points.")
    assert "Not yet right: " in term.grades["wrong"]["comments"]["box_iou"]


def test_class_is_graded_in_one_run_of_the_engine(term: Term) -> None:
    assert term.log.count(f"Grading {len(CLASS)} submissions") == 1


def _said(text: str) -> str:
    """Return a text as it reads: without styles, scripts, markup, entities and further spaces."""
    if "<html" in text:
        text = re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", "", text, flags=re.DOTALL)
    return " ".join(unescape(text).split())
