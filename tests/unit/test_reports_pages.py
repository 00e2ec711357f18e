"""What is on the pages: the student's and the class's, from the models alone."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from autograder.reports.build import build_exercise, build_report
from autograder.reports.class_page import class_page, distribution_of
from autograder.reports.course_page import course_page
from autograder.reports.example import ENVIRONMENT, example_class, example_staff_report
from autograder.reports.models import CheckResult, Comparison, Incident, Outcome, Report, StaffDetail, StaffReport
from autograder.reports.render import render_class, render_course, render_report
from autograder.reports.student_page import student_page
from autograder.reports.words import OUTCOME_WORDS, comparison_words, percent

VOID = {"meta", "br", "wbr", "rect", "line", "circle", "path", "use", "polyline"}
HOSTILE = (
    "<script>alert(1)</script>",
    "</pre></table></details></main>",
    "<img src=x onerror=alert(1)>",
    "';}*{display:none}/*",
    '" onmouseover="alert(1)',
    "<meta http-equiv=refresh content=0;url=https://example.org>",
    "<base href=https://example.org>",
    "<h1 style=position:fixed;top:0>100</h1>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "\u202e%001 :edarg",
    "\x1b[2J\x1b[31mred\x00",
)


class Page(HTMLParser):
    """The elements, attributes and text of a page; fails when tags are not balanced."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.pieces))


def a_check(outcome: Outcome = "passed", *, title: str = "A check", device: str = "cpu", points: float = 1.0,
            message: str = "", hint: str = "", misconception: str = "",
            comparison: Comparison | None = None) -> CheckResult:  # fmt: skip
    return CheckResult(
        id=f"{title}[{device}]",
        title=title,
        device=device,
        outcome=outcome,
        points=points if outcome == "passed" else 0,
        max_points=points,
        message=message,
        hint=hint,
        misconception=misconception,
        comparison=comparison,
    )


def a_report(*checks: CheckResult, student: str = "ada", penalty: float = 0.0, late_seconds: float = 0.0,
             incidents: tuple[Incident, ...] = (), stdout: str = "") -> Report:  # fmt: skip
    return build_report(
        assignment="detection",
        student=student,
        submission_sha256="0" * 64,
        environment=ENVIRONMENT,
        exercises=[build_exercise("box_iou", checks)],
        penalty=penalty,
        late_seconds=late_seconds,
        incidents=incidents,
        stdout=stdout,
    )


def assert_inert(html: str) -> Page:
    """Assert that a page has no script, loads nothing, and styles nothing outside its own sheet."""
    page = Page(html)
    for tag, attributes in page.elements:
        assert tag not in {"script", "iframe", "object", "embed", "form", "link", "base", "img", "input"}
        assert not any(name.startswith("on") or name in {"style", "src", "srcset", "action"} for name in attributes)
        for name in ("href", "xlink:href"):
            target = attributes.get(name)
            assert target is None or re.fullmatch(r"#[\w-]+|[\w.~%@+,()'-]+/report\.html", target), target
        if attributes.get("http-equiv"):
            assert attributes["http-equiv"] == "Content-Security-Policy"
    assert [tag for tag, _ in page.elements].count("h1") == 1
    assert ("html", {"lang": "en"}) in page.elements
    return page


def test_the_pages_of_the_example_class_are_inert_and_well_formed() -> None:
    for staff in example_class():
        assert_inert(render_report(staff.report))
    assert_inert(render_class(example_class()))


def test_only_the_style_sheet_of_the_page_may_style_it() -> None:
    html = render_report(a_report(a_check()))
    policy = next(a["content"] for t, a in Page(html).elements if a.get("http-equiv") == "Content-Security-Policy")
    style = html.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy is not None
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:")
    assert "unsafe" not in policy
    assert "url(http" not in style
    assert "@import" not in style


def test_pages_are_the_same_every_time() -> None:
    assert render_report(example_staff_report().report) == render_report(example_staff_report().report)
    assert render_class(example_class()) == render_class(tuple(reversed(example_class())))


@pytest.mark.parametrize("evil", HOSTILE)
def test_what_others_wrote_is_only_text(evil: str) -> None:
    check = a_check("failed", title=evil, message=evil, hint=evil, misconception=evil, device=evil)
    report = a_report(
        check, student=evil, stdout=evil, incidents=(Incident(kind=evil, check=check.id, detail=evil),)
    ).model_copy(update={"assignment": evil, "submitted_at": evil, "submission_sha256": evil})
    staff = StaffReport(report=report, incidents=(Incident(kind=evil, check=evil, detail=evil + "!"),))
    visible = re.sub(r"\x1b\[\w+|\x00", "", evil).replace("\u202e", "⟨U+202E⟩")
    for html in (render_report(report), render_class([staff])):
        page = assert_inert(html)
        assert visible in unescape(html)
        assert visible in page.text
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", html)
        html.encode("utf-8")


def test_a_page_is_valid_utf8_even_with_lone_surrogates() -> None:
    html = render_report(a_report(a_check(), student="ad\ud800a"))
    assert "ad\ufffda" in html
    html.encode("utf-8")


def test_code_between_backticks_is_set_as_code_and_stays_text() -> None:
    html = render_report(a_report(a_check("failed", hint="try `a < b` or <b>")))
    assert "try <code>a &lt; b</code> or &lt;b&gt;" in html


def test_a_failed_check_says_what_it_knows() -> None:
    comparison = Comparison(expected_shape=(3, 2), actual_shape=(2, 3), max_abs_error=0.3, mismatched_fraction=0.5)
    check = a_check("failed", message="wrong", hint="look", misconception="swapped", comparison=comparison)
    text = Page(render_report(a_report(check))).text
    for sentence in ("Not yet right on CPU", "wrong", "Hint: look", "This looks like: swapped",
                     "Expected shape: (3, 2).", "Your shape: (2, 3).", "50 % of the entries differ.",
                     "The largest difference is about 0.3.", "0 / 1"):  # fmt: skip
        assert sentence in text


@pytest.mark.parametrize("outcome", ["timed_out", "crashed", "out_of_memory", "blocked"])
def test_an_outcome_that_is_not_a_comparison_is_explained(outcome: Outcome) -> None:
    text = Page(render_report(a_report(a_check(outcome)))).text
    assert OUTCOME_WORDS[outcome].label in text
    assert OUTCOME_WORDS[outcome].meaning in text


def test_not_graded_is_our_fault_and_the_grade_is_pending() -> None:
    report = a_report(a_check(title="one", points=3), a_check("not_graded", title="two", points=2))
    text = Page(render_report(report)).text
    for sentence in ("Grade pending", "3 points so far", "2 of 5 waiting for us", "That is our fault, not yours",
                     "2 waiting", "it costs you nothing"):  # fmt: skip
        assert sentence in text
    assert "of 100" not in text


def test_not_run_says_why_and_whether_points_depend_on_it() -> None:
    free = a_check("not_run", title="on a GPU", device="cuda", points=0, message="cuda: not run, there is no GPU.")
    costly = a_check("not_run", title="later", points=2, message="The file did not load.")
    text = Page(render_report(a_report(a_check(), free, costly))).text
    assert "cuda: not run, there is no GPU. No points depend on it." in text
    assert "The file did not load. Worth 2 points." in text


def test_the_same_result_on_several_devices_is_shown_once() -> None:
    checks = [a_check("failed", device=device, points=0.5, message="wrong") for device in ("cpu", "simgpu")]
    section = student_page(a_report(*checks)).sections[0]
    assert [(item.devices, item.max_points) for item in section.open_items] == [(("cpu", "simgpu"), 1.0)]


def test_a_check_that_passes_on_another_device_says_so() -> None:
    report = a_report(a_check(device="cpu"), a_check("failed", device="simgpu", message="device"))
    assert "on simulated GPU · passes on CPU" in Page(render_report(report)).text


def test_what_passes_on_the_cpu_alone_is_said_once_and_does_not_count() -> None:
    placement = a_check("failed", title="placement", device="simgpu", points=0.5, message="on the CPU")
    there = [a_check("failed", title=title, device="simgpu", points=0, message="mixed") for title in ("one", "two")]
    report = a_report(a_check(title="one"), a_check(title="two"), *there, placement)
    page = student_page(report)
    (section,) = page.sections
    assert dict(page.counts) == {"passed": 2, "failed": 1}
    assert [item.first.title for item in section.open_items] == ["placement"]
    assert [item.first.title for item in section.elsewhere_items] == ["one", "two"]
    assert "2 checks passed on the CPU alone" in Page(assert_html(report)).text
    failing = class_page([StaffReport(report=report)]).failing
    assert [check.title for check in failing] == ["placement"]


def test_checks_that_only_share_a_title_stay_apart() -> None:
    report = a_report(a_check(device="cpu"), a_check(device="cpu"))
    assert dict(student_page(report).counts) == {"passed": 2}


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        (("passed", "passed"), "Every check that ran has passed. Well done."),
        (("passed", "not_graded"), "Every check that ran has passed so far. Well done."),
        (("passed", "failed"), "1 of 2 checks passed. The messages below say where to look next."),
        (("failed",), "No check has passed yet. Start with the first message below"),
        (("not_graded",), "No check has been judged yet."),
        ((), "This assignment has no checks."),
    ],
)
def test_the_first_sentence_says_where_the_work_stands(outcomes: tuple[Outcome, ...], sentence: str) -> None:
    checks = [a_check(outcome, title=f"check {index}") for index, outcome in enumerate(outcomes)]
    assert sentence in Page(render_report(a_report(*checks))).text


def test_nothing_to_earn_is_a_grade_of_zero_and_not_an_error() -> None:
    report = a_report(a_check(points=0))
    assert report.grade == 0
    assert "0 of 0 points" in Page(assert_html(report)).text


def assert_html(report: Report) -> str:
    html = render_report(report)
    assert_inert(html)
    return html


def test_times_that_are_no_times_are_shown_as_they_are() -> None:
    text = Page(render_report(a_report(a_check()).model_copy(update={"submitted_at": "yesterday"}))).text
    assert "Handed in yesterday" in text


def test_lateness_and_its_penalty_are_shown() -> None:
    text = Page(render_report(a_report(a_check(points=10), penalty=1.5, late_seconds=7500))).text
    assert "2 h 5 min late" in text
    assert "less 1.5 for handing in late" in text
    assert "85 of 100" in text.replace("85of", "85 of")


def test_incidents_name_the_check_by_its_title() -> None:
    check = a_check("crashed", title="Boxes that touch")
    incident = Incident(kind="worker_died", check=check.id, detail="The process ended.")
    text = Page(render_report(a_report(check, incidents=(incident,)))).text
    assert "Worker died in “Boxes that touch”: The process ended." in text


def test_incidents_that_read_the_same_are_said_once() -> None:
    incidents = (Incident(kind="worker_died", detail="It ended."),) * 3
    text = Page(render_report(a_report(a_check(), incidents=incidents))).text
    assert "Worker died 3 times: It ended." in text
    assert text.count("Worker died") == 1


def test_what_the_code_printed_is_shown_as_its_end() -> None:
    text = Page(render_report(a_report(a_check(), stdout="first\n" + "x" * 20_000 + "\nlast words"))).text
    assert "last words" in text
    assert "first" not in text


def test_no_public_page_has_a_word_of_the_staff_details() -> None:
    detail = StaffDetail(check="c", device="cpu", expected="EXPECTED-7", actual="ACTUAL-7", traceback="TRACE-7")
    staff = StaffReport(report=a_report(a_check("failed")), details=(detail,),
                        incidents=(Incident(kind="harness_error", detail="STAFF-ONLY"),))  # fmt: skip
    public = render_report(staff.report) + staff.report.model_dump_json()
    assert not re.search("EXPECTED-7|ACTUAL-7|TRACE-7|STAFF-ONLY", public)
    assert "EXPECTED-7" in staff.model_dump_json()


def test_comparison_words_say_everything_or_nothing() -> None:
    assert comparison_words(Comparison()) == ()
    assert comparison_words(Comparison(expected_shape=(), actual_shape=())) == (
        "The shape () — a single number is right.",
    )
    assert comparison_words(Comparison(mismatched_fraction=1.0, dtype="float32")) == (
        "Data type: float32.",
        "Every entry differs.",
    )
    assert [percent(share) for share in (0.0, 0.001, 0.5, 0.999, 1.0)] == [
        "0 %", "less than 1 %", "50 %", "more than 99 %", "100 %"
    ]  # fmt: skip


def test_an_empty_class_is_a_page() -> None:
    text = assert_inert(render_class([])).text
    assert "No reports yet" in text
    assert "Distribution" not in text


def test_the_class_page_counts_right() -> None:
    page = class_page(example_class())
    assert [row.student for row in page.rows] == sorted(row.student for row in page.rows)
    assert page.exercise_names == ("box_iou", "softmax_cross_entropy", "average_precision")
    assert page.waiting_students == 1
    assert [(waiting.student, waiting.devices) for waiting in page.not_graded] == [("f.haddad", ("cpu", "simgpu"))]
    assert page.distribution is not None
    assert (sum(page.distribution.counts), page.distribution.students) == (11, 11)
    disjoint = next(check for check in page.failing if check.title == "Boxes that do not overlap have IoU 0")
    assert (disjoint.students, disjoint.judged) == (5, 12)
    assert disjoint.misconception == "Widths and heights are not clamped at zero"
    assert disjoint.misconception_students == 5
    gradient = next(check for check in page.failing if check.title.startswith("The gradient"))
    assert gradient.judged == 11, "a check that is not graded is not judged"
    assert [check.students for check in page.failing] == sorted((c.students for c in page.failing), reverse=True)
    ours = next(row for row in page.incidents if row.student == "f.haddad")
    assert (ours.staff_only, ours.incident.times, ours.incident.kind) == (True, 2, "harness_error")
    assert dict(next(row for row in page.rows if row.student == "ada").outcomes) == {"passed": 12}


def test_the_class_page_shows_not_graded_first_and_links_to_students() -> None:
    html = render_class(example_class())
    text = assert_inert(html).text
    assert text.index("Not graded: 1 check of 1 student") < text.index("Distribution of grades")
    assert 'href="d.m%C3%BCller/report.html"' in html
    assert "12 submissions, 1 with checks that are not graded." in text


def test_a_link_to_a_strange_student_id_is_encoded() -> None:
    hrefs = [a["href"] for _, a in Page(render_class([StaffReport(report=a_report(student="a b/../c?#"))])).elements
             if "report.html" in (a.get("href") or "")]  # fmt: skip
    assert hrefs
    assert all(re.fullmatch(r"a%20b_\.\._c~[0-9a-f]{16}/report\.html", str(href)) for href in hrefs)


def test_reports_with_other_exercises_have_gaps_and_not_zeros() -> None:
    other = build_report(assignment="detection", student="zoe", submission_sha256="", environment=ENVIRONMENT,
                         exercises=[build_exercise("nms", [a_check()])])  # fmt: skip
    page = class_page([StaffReport(report=a_report(a_check())), StaffReport(report=other)])
    assert page.exercise_names == ("box_iou", "nms")
    assert page.rows[1].exercises[0] is None
    assert "not in this report" in render_class([StaffReport(report=a_report(a_check())), StaffReport(report=other)])


def test_the_distribution_of_grades() -> None:
    assert distribution_of([]) is None
    one = distribution_of([100.0])
    assert one is not None
    assert (one.counts[9], one.quartiles, one.mean) == (1, (100.0, 100.0, 100.0), 100.0)
    five = distribution_of([0.0, 10.0, 20.0, 30.0, 100.0])
    assert five is not None
    assert five.counts == (1, 1, 1, 1, 0, 0, 0, 0, 0, 1)
    assert (five.quartiles, five.mean) == ((10.0, 20.0, 30.0), 32.0)


def _luminance(colour: str) -> float:
    channels = (int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_course_page_shows_every_student_in_every_topic() -> None:
    """Who has not handed in a topic has a dash there, and 0 of its points in the sum; what waits is open."""
    staffs = example_class()
    one, other = staffs[:3], staffs[1:4]
    page = course_page({"second": one, "first": other})
    assert [(topic.name, topic.submissions) for topic in page.topics] == [("second", 3), ("first", 3)]
    students = {staff.report.student: staff.report for staff in staffs[:4]}
    assert [row.student for row in page.rows] == sorted(students, key=lambda name: (name.casefold(), name))
    for row in page.rows:
        report, times = students[row.student], 2 - row.missing
        assert row.points == times * report.points
        assert row.max_points == page.max_points
        expected = None if report.grade is None else 100 * times * report.points / page.max_points
        assert row.grade == (None if expected is None else pytest.approx(expected))
    assert sum(row.missing for row in page.rows) == 2
    assert page.waiting_students == sum(students[row.student].grade is None for row in page.rows)
    html = render_course({"second": one, "first": other})
    Page(html)
    assert html.count("not handed in</span>") == 2
    assert html.index("second") < html.index("first")


@pytest.mark.parametrize("evil", HOSTILE)
def test_a_topic_of_any_name_is_only_text(evil: str) -> None:
    page = Page(render_course({evil: example_class()[:2]}))
    assert {name for name, _ in page.elements} <= {name for name, _ in Page(render_class(example_class())).elements}
    assert all(not (attributes.get("href") or "").startswith("javascript:") for _, attributes in page.elements)


def test_every_colour_of_text_has_contrast_aa_in_light_dark_and_print() -> None:
    style = files("autograder.reports").joinpath("templates/style.css").read_text(encoding="utf-8")
    palettes = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{.*?\}", style, re.S)
    ]
    assert len(palettes) == 3
    for palette in palettes:
        for ink in ("ink", "muted", "accent", "good", "bad", "wait"):
            for ground in ("page", "card"):
                assert _contrast(palette[ink], palette[ground]) >= 4.5, (ink, ground)
        for tone in ("good", "bad", "wait", "accent"):
            assert _contrast(palette[tone], palette[f"{tone}-tint"]) >= 4.5, tone
            assert _contrast(palette["muted"], palette[f"{tone}-tint"]) >= 4.5, tone
        assert _contrast(palette["muted"], palette["sunken"]) >= 4.5
        assert _contrast(palette["ink"], palette["sunken"]) >= 4.5
