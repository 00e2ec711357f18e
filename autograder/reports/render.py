"""Reports as HTML: one page for a student, one for the class; each is a function of the models and of nothing else.

A page is one file: no script, nothing loaded from elsewhere. Every value that a template prints passes through
:func:`_printable` and is then escaped, so no template can forget either; the only styles that a browser accepts are
those whose hash stands in the page's content security policy.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from autograder.reports import charts, pictures, words
from autograder.reports.class_page import class_page
from autograder.reports.course_page import course_page
from autograder.reports.models import Report, StaffReport
from autograder.reports.student_page import student_page
from autograder.reports.text import plain

_CODE = re.compile(r"`([^`\n]+)`")


def render_report(report: Report) -> str:
    """Return the page that a student reads, as one self-contained HTML document."""
    return _environment().get_template("student.html.j2").render(report=report, page=student_page(report))


def render_class(reports: Sequence[StaffReport]) -> str:
    """Return the page that staff read about a class, as one self-contained HTML document with relative links."""
    return _environment().get_template("class.html.j2").render(page=class_page(reports))


def render_course(classes: Mapping[str, Sequence[StaffReport]]) -> str:
    """Return the page that staff read about a course, topic by topic in the order given, with relative links."""
    return _environment().get_template("course.html.j2").render(page=course_page(classes))


def prose(text: str) -> Markup:
    """Return text as HTML in which what stands between backticks is set as code and all else is only text.

    Example:
        >>> prose("call `f()` <b>")
        Markup('call <code>f()</code> &lt;b&gt;')
    """
    parts = _CODE.split(plain(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts)
    )


def _breakable(name: str) -> Markup:
    """Return a name that may be broken after its underscores, so that a long one does not widen a table."""
    return Markup("_<wbr>").join(plain(part) for part in name.split("_"))


def _printable(value: object) -> object:
    return value if isinstance(value, Markup) else plain(str(value))


@cache
def _environment() -> Environment:
    """Return the templates, compiled once per process."""
    loader = PackageLoader("autograder.reports", "templates")
    environment = Environment(
        loader=loader,
        autoescape=True,
        finalize=_printable,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    style = loader.get_source(environment, "style.css")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    environment.globals.update(
        style=Markup(style),  # ours, from the package
        style_hash=f"sha256-{digest}",
        outcomes=words.OUTCOME_WORDS,
        draw=pictures.draw_picture,
        ring=charts.grade_ring,
        bar=charts.points_bar,
        histogram=charts.histogram,
        share_of=charts.share_of,
        comparison_words=words.comparison_words,
        environment_words=words.environment_words,
        plural=words.plural,
    )
    environment.filters.update(
        prose=prose,
        number=words.number,
        percent=words.percent,
        grade=words.grade_words,
        moment=words.moment,
        duration=words.duration,
        devices=words.devices_words,
        kind=words.kind_words,
        joined=words.joined,
        breakable=_breakable,
    )
    return environment
