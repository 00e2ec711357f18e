"""Whose fault it was: a check passes by expecting, fails by the student's code, and is not graded through ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.errors import HarnessError
from autograder.reports.models import CheckResult, StaffReport
from autograder.submissions.submission import Located
from tests.unit.toy import (
    CHECK_IDS,
    CHECKS,
    DOUBLE,
    HALVE,
    HEAD,
    SQUARED,
    STUB,
    ProcesslessNursery,
    checks_of,
    grade_here,
    make_course,
    notebook,
    save,
)

ODD_CHECKS = (
    HEAD
    + """
@exercise("double")
@points(1)
def check_bare_assert(student):
    assert student.double(1.0) == -1, "2.0 is the secret value"


@exercise("double")
@points(1)
def check_type_error(student):
    expect_number(len(student.double(1.0)), 1)


@exercise("double")
@points(1)
def check_expects_nothing(student):
    student.double(1.0)


@exercise("double")
@points(1)
def check_skips(student):
    pytest.skip("not today")


@exercise("double")
@points(1)
@pytest.mark.skip(reason="not ever")
def check_is_skipped(student):
    expect_true(True, "never")


@exercise("double")
@points(1)
@pytest.mark.xfail(reason="some day")
def check_expected_to_fail(student):
    raise ValueError("ours")


@pytest.fixture
def broken():
    raise KeyError("fixture")


@exercise("double")
@points(1)
def check_broken_fixture(student, broken):
    expect_true(True, "never")


@pytest.fixture
def untidy():
    yield 1
    raise OSError("teardown")


@exercise("double")
@points(1)
def check_broken_teardown(student, untidy):
    expect_number(student.double(1.0), 2.0)


@exercise("double")
@points(1)
def check_exits(student):
    raise SystemExit(0)


@exercise("double")
@points(1)
def check_unknown_fixture(student, nonsense):
    expect_true(True, "never")


@pytest.fixture
def generator():
    return "the author's own"


@exercise("halve")
@points(1)
def check_own_fixture_of_our_name(generator):
    expect_true(generator == "the author's own", "is the one of the module")


@pytest.fixture
def seeded(device, request):
    return device, request.param


@exercise("halve")
@points(1)
@pytest.mark.parametrize("seeded", [7], indirect=True)
def check_indirect_parameter(seeded):
    expect_true(seeded == ("cpu", 7), "is the device and the parameter")


@exercise("halve")
@points(1)
def check_says_what_does_not_hold(student):
    expect_true(student.halve(8.0) == 4.0, "halving eight is not well done")


@pytest.fixture(scope="session")
def costly():
    return object()


SEEN = []


@exercise("halve")
@points(1)
def check_shares_a_session_fixture(student, costly):
    SEEN.append(costly)
    expect_true(all(seen is costly for seen in SEEN), "is made once for all students")


@pytest.fixture
def halved(student):
    return student.halve(8.0)


@exercise("halve")
@points(1)
def check_student_called_in_a_fixture(halved):
    expect_number(halved, 4.0)


def wrong_and_broken(x):
    raise TypeError("in the mistake")


def wrong_and_refuses(x):
    raise ValueError("this mistake has no output here")


def not_called(x):
    raise AssertionError("the student has not called this")


@exercise("halve")
@points(1)
@misconception("Of a function that was not called", not_called, of="double")
@misconception("Broken", wrong_and_broken)
@misconception("Refuses", wrong_and_refuses)
@misconception("Quartered", lambda x: x / 4)
def check_broken_misconception(student):
    expect_number(student.halve(8.0), 4.0)
"""
)
OURS = {
    "check_bare_assert": "AssertionError: 2.0 is the secret value",
    "check_type_error": "TypeError: ",
    "check_expects_nothing": "the check expected nothing: it uses no expect_*",
    "check_skips": "Skipped: not today",
    "check_is_skipped": "Skipped: not ever",
    "check_expected_to_fail": "ValueError: ours",
    "check_broken_fixture": "KeyError: 'fixture'",
    "check_broken_teardown": "OSError: teardown",
    "check_exits": "SystemExit: 0",
    "check_unknown_fixture": "FixtureLookupError: ",
}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> dict[str, StaffReport]:
    """Three students, graded with checks of which many are broken."""
    root = tmp_path_factory.mktemp("odd")
    topic = make_course(root, ODD_CHECKS)
    sources = {"good": (DOUBLE, HALVE), "quarter": (DOUBLE, "def halve(x):\n    return x / 4\n"), "stub": (STUB, STUB)}
    located = [Located(name, save(root / f"{name}.ipynb", notebook(*pair))) for name, pair in sources.items()]
    return grade_here(topic, *located)


@pytest.mark.parametrize("name", OURS)
def test_a_fault_of_ours_is_not_graded(odd: dict[str, StaffReport], name: str) -> None:
    check = checks_of(odd["good"].report)[name]
    assert (check.outcome, check.points, check.max_points) == ("not_graded", 0.0, 1.0)
    assert check.message == "This check could not be judged. The fault is ours; it costs nothing."
    (fault,) = [fault for fault in odd["good"].incidents if fault.check == name]
    assert fault.kind == "grader-fault"
    assert fault.detail.startswith(OURS[name])


def test_the_other_checks_keep_their_points(odd: dict[str, StaffReport]) -> None:
    report = odd["good"].report
    assert checks_of(report)["check_double_of_a_number"].points == 2.0
    assert [exercise.points for exercise in report.exercises] == [2.0, 6.0]
    assert (report.points, report.max_points, report.points_not_graded) == (8.0, 18.0, 10.0)
    assert report.grade is None


def test_the_public_report_holds_nothing_of_our_fault(odd: dict[str, StaffReport]) -> None:
    public = odd["good"].report.model_dump_json()
    for word in ("Traceback", "AssertionError", "secret value", "grade_toy.py", "ZeroDivisionError"):
        assert word not in public
    staff = odd["good"].model_dump_json()
    assert "Traceback" in staff
    assert "secret value" in staff


def test_a_mistake_that_breaks_does_not_touch_the_verdict(odd: dict[str, StaffReport]) -> None:
    check = checks_of(odd["quarter"].report)["check_broken_misconception"]
    assert (check.outcome, check.message, check.misconception) == ("failed", "halve: wrong value", "Quartered")
    (fault,) = [fault for fault in odd["quarter"].incidents if fault.check == check.id]
    assert fault.detail == "the misconception wrong_and_broken raised TypeError: in the mistake"


def test_a_broken_check_is_not_reached_by_a_student_who_fails_before(odd: dict[str, StaffReport]) -> None:
    """What a check does not come to say, it does not come to say wrongly: the student's failure is the verdict."""
    outcomes = {name: check.outcome for name, check in checks_of(odd["stub"].report).items()}
    assert outcomes["check_bare_assert"] == outcomes["check_type_error"] == "failed"
    assert outcomes["check_skips"] == outcomes["check_broken_fixture"] == "not_graded"
    assert outcomes["check_student_called_in_a_fixture"] == "failed"
    message = checks_of(odd["stub"].report)["check_student_called_in_a_fixture"].message
    assert message.startswith("halve is not defined, because cell halve did not run")


def test_fixtures_live_as_long_as_they_say(odd: dict[str, StaffReport]) -> None:
    for staff in odd.values():
        assert checks_of(staff.report)["check_shares_a_session_fixture"].outcome == "passed"


def test_fixtures_of_the_checks_may_use_ours(odd: dict[str, StaffReport]) -> None:
    assert checks_of(odd["good"].report)["check_indirect_parameter[7]"].outcome == "passed"


def test_a_property_that_does_not_hold_is_said(odd: dict[str, StaffReport]) -> None:
    check = checks_of(odd["quarter"].report)["check_says_what_does_not_hold"]
    assert (check.outcome, check.message) == ("failed", "halve: halving eight is not well done")
    assert check.comparison is None


def test_a_fixture_of_the_checks_hides_ours_of_the_same_name(odd: dict[str, StaffReport]) -> None:
    assert checks_of(odd["good"].report)["check_own_fixture_of_our_name"].outcome == "passed"


def test_everyone_has_the_same_checks_and_the_same_total(odd: dict[str, StaffReport]) -> None:
    shapes = {tuple((check.id, check.max_points) for check in staff.report.checks) for staff in odd.values()}
    assert len(shapes) == 1
    assert {staff.report.max_points for staff in odd.values()} == {18.0}


# ---------------------------------------------------------------------------------------------- ordinary checks


def graded(tmp_path: Path, double: str = DOUBLE, halve: str = HALVE, checks: str = CHECKS) -> StaffReport:
    topic = make_course(tmp_path, checks)
    return grade_here(topic, Located("ada", save(tmp_path / "ada.ipynb", notebook(double, halve))))["ada"]


def result(staff: StaffReport, name: str) -> CheckResult:
    return checks_of(staff.report)[name]


def test_a_right_solution_earns_everything(tmp_path: Path) -> None:
    staff = graded(tmp_path)
    assert tuple(checks_of(staff.report)) == CHECK_IDS
    assert (staff.report.points, staff.report.max_points, staff.report.grade) == (5.0, 5.0, 100.0)
    assert staff.incidents == ()
    assert staff.details == ()
    assert result(staff, "check_double_of_a_number").hint == ""


def test_the_docstring_is_the_title_and_parameters_are_in_it(tmp_path: Path) -> None:
    staff = graded(tmp_path)
    assert [check.title for check in staff.report.checks] == [
        "Doubling a number gives twice the number.",
        "Doubling works entry by entry.",
        "Halving a number gives half the number (even).",
        "Halving a number gives half the number (odd).",
    ]


def test_a_classic_mistake_is_named(tmp_path: Path) -> None:
    check = result(graded(tmp_path, SQUARED), "check_double_of_a_number")
    assert (check.outcome, check.misconception) == ("failed", "The number is squared")
    assert check.hint == "Twice is not the square."
    assert check.picture is not None
    assert check.comparison is not None


def test_expected_values_are_for_staff_only(tmp_path: Path) -> None:
    staff = graded(tmp_path, "def double(x):\n    return x + 1.25\n")
    detail = next(detail for detail in staff.details if detail.check == "check_double_of_a_number")
    assert "6." in detail.expected
    assert "6." not in result(staff, "check_double_of_a_number").message


def test_every_student_gets_the_same_inputs(tmp_path: Path) -> None:
    checks = HEAD + (
        '\n@exercise("double")\n@points(1)\ndef check_a(student, generator, device):\n'
        '    """{}"""\n    expect_equal(student.double(torch.rand(1, generator=generator).item()), device)\n'
    )
    checks = checks.replace("expect_number,", "expect_equal, expect_number,")
    topic = make_course(tmp_path, checks)
    echo = "def double(x):\n    raise ValueError(x)\n"
    located = [Located(name, save(tmp_path / f"{name}.ipynb", notebook(echo))) for name in ("ada", "bob")]
    messages = {result(staff, "check_a").message for staff in grade_here(topic, *located).values()}
    (message,) = messages
    assert message.startswith("double: raised ValueError: 0.")


def test_the_inputs_do_not_depend_on_how_a_check_is_run(tmp_path: Path) -> None:
    echo = "def double(x):\n    raise ValueError(x)\n"
    messages = set()
    for mark in ("", "@pytest.mark.filterwarnings('ignore')\n"):
        checks = f"""{HEAD}

@exercise("double")
@points(1)
{mark}def check_a(student, generator):
    expect_number(student.double(torch.rand(1, generator=generator).item()), 1.0)
"""
        messages.add(result(graded(tmp_path, echo, checks=checks), "check_a").message)
    assert len(messages) == 1


def test_a_check_without_a_docstring_has_its_name_for_a_title(tmp_path: Path) -> None:
    checks = HEAD + '\n@exercise("double")\n@points(1)\ndef check_of_some_kind(student):\n    expect_true(True, "")\n'
    assert result(graded(tmp_path, checks=checks), "check_of_some_kind").title == "of some kind"


# ---------------------------------------------------------------------------------------------- graders that cannot run


def refused(tmp_path: Path, checks: str) -> str:
    topic = make_course(tmp_path, checks)
    nursery = ProcesslessNursery()
    with pytest.raises(HarnessError) as caught:
        grade_here(topic, Located("ada", save(tmp_path / "ada.ipynb", notebook())), nursery=nursery)
    assert nursery.spawned == 0
    return str(caught.value)


def test_a_syntax_error_is_named(tmp_path: Path) -> None:
    message = refused(tmp_path, "def check_(:\n")
    assert message == (
        "grade_toy.py: the hidden checks cannot be collected: SyntaxError: invalid syntax (grade_toy.py, line 1)"
    )


def test_a_syntax_error_in_the_reference_is_named(tmp_path: Path) -> None:
    topic = make_course(tmp_path)
    save(tmp_path / "reference" / "toy.py", "x = 1\ny = (\n")
    with pytest.raises(HarnessError, match=r"^grade_toy\.py: .* SyntaxError: .* \(toy\.py, line 2\)$"):
        grade_here(topic)


def test_an_import_error_is_named(tmp_path: Path) -> None:
    message = refused(tmp_path, "import no_such_module_anywhere\n")
    assert message == (
        "grade_toy.py: the hidden checks cannot be collected: "
        "ModuleNotFoundError: No module named 'no_such_module_anywhere' (line 1)"
    )


def test_a_marker_that_cannot_be_is_named(tmp_path: Path) -> None:
    message = refused(tmp_path, "from autograder.checks import points\n\n\n@points(-1)\ndef check_a(student): ...\n")
    assert message.endswith("ValueError: points: expected a number >= 0, got -1 (line 4)")
    message = refused(tmp_path, "import pytest\n\n\n@pytest.mark.parametrize('x', [1])\ndef check_a(student): ...\n")
    assert message.endswith("function uses no argument 'x'")


def test_a_module_that_exits_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    message = refused(tmp_path, "raise SystemExit(3)\n")
    assert message == "grade_toy.py: the hidden checks cannot be run: SystemExit: 3"
    assert "Traceback" not in capfd.readouterr().err


def test_no_checks_are_named(tmp_path: Path) -> None:
    message = refused(tmp_path, "def test_something():\n    pass\n")
    assert "grade_toy.py" in message
    assert "there is no check_* function" in message


def test_a_check_without_an_exercise_is_named(tmp_path: Path) -> None:
    message = refused(tmp_path, "def check_lonely(student):\n    pass\n")
    assert "grade_toy.py" in message
    assert "check_lonely: expected a check to name its exercise, got none. Add @exercise(...)." in message


def test_a_check_that_ends_pytest_ends_the_run(tmp_path: Path) -> None:
    checks = HEAD + '\n@exercise("double")\n@points(1)\ndef check_a(student):\n    raise KeyboardInterrupt\n'
    topic = make_course(tmp_path, checks)
    with pytest.raises(HarnessError, match=r"grade_toy\.py: the hidden checks cannot be run: pytest ended with"):
        grade_here(topic, Located("ada", save(tmp_path / "ada.ipynb", notebook())))
