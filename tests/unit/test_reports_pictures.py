"""The pictures of checks are figures of finite numbers and escaped text."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.reports.charts import grade_ring, histogram, points_bar
from autograder.reports.example import PRECISION_RECALL, TOUCHING
from autograder.reports.models import BoxPicture, CurvePicture, Picture
from autograder.reports.pictures import MAX_SERIES, draw_picture

coordinate = st.floats(allow_nan=False, allow_infinity=False)


def drawn(picture: Picture) -> ElementTree.Element:
    """Return the figure as a tree, having checked that each of its numbers is finite and of drawable size."""
    markup = str(draw_picture(picture))
    figure = ElementTree.fromstring(markup)
    for element in figure.iter():
        for name in ("x", "y", "x1", "x2", "y1", "y2", "width", "height", "points"):
            for value in re.split("[ ,]", element.get(name, "0")):
                assert not value or -10_000 < float(value) < 10_000
    return figure


def boxes_of(figure: ElementTree.Element) -> list[ElementTree.Element]:
    return [element for element in figure.iter("rect") if "series" in element.get("class", "")]


def intersections_of(figure: ElementTree.Element) -> list[ElementTree.Element]:
    return [e for e in figure.findall("svg")[0].iter("rect") if e.get("class") == "intersection"]


def test_two_boxes_that_overlap_show_their_intersection() -> None:
    figure = drawn(TOUCHING)
    shared = intersections_of(figure)
    assert len(boxes_of(figure)) == 2
    assert len(shared) == 1
    first, second = boxes_of(figure)
    assert shared[0].get("x") == second.get("x")
    assert shared[0].get("y") == second.get("y")
    assert float(shared[0].get("width", "0")) == pytest.approx(float(first.get("width", "0")) / 2, abs=0.2)
    assert "intersection" in "".join(figure.itertext())


@pytest.mark.parametrize("second", [(2.0, 0.0, 3.0, 1.0), (1.0, 0.0, 2.0, 1.0)])
def test_boxes_that_are_apart_or_only_touch_show_none(second: tuple[float, float, float, float]) -> None:
    assert not intersections_of(drawn(BoxPicture(boxes=((0, 0, 1, 1), second))))


def test_a_square_is_drawn_as_a_square() -> None:
    (box,) = boxes_of(drawn(BoxPicture(boxes=((0, 0, 2, 2),))))
    assert float(box.get("width", "0")) == pytest.approx(float(box.get("height", "1")), abs=0.2)


def test_curves_in_the_unit_square_have_ticks_from_0_to_1() -> None:
    figure = drawn(PRECISION_RECALL)
    ticks = [element.text for element in figure.iter("text") if "tick" in element.get("class", "")]
    assert ticks[0] == "0"
    assert "1" in ticks
    assert len(list(figure.iter("polyline"))) == 2
    assert {"recall", "precision", "as ranked", "interpolated"} <= set(figure.itertext())


def test_series_differ_by_more_than_their_colour() -> None:
    classes = [element.get("class") for element in boxes_of(drawn(TOUCHING))]
    assert classes == ["series series-1", "series series-2"]


def test_text_of_pictures_is_escaped() -> None:
    evil = "<script>alert(1)</script>\x1b[0m\u202e"
    for picture in (
        BoxPicture(caption=evil, boxes=((0, 0, 1, 1),), labels=(evil,)),
        CurvePicture(caption=evil, x_label=evil, y_label=evil, curves=(((0, 0), (1, 1)),), labels=(evil,)),
    ):
        markup = str(draw_picture(picture))
        assert "<script" not in markup
        assert "\x1b" not in markup
        assert "\u202e" not in markup
        assert "&lt;script&gt;" in markup


def test_more_boxes_than_strokes_are_counted() -> None:
    figure = drawn(BoxPicture(boxes=((0, 0, 1, 1),) * 50))
    assert len(boxes_of(figure)) == MAX_SERIES
    assert "and 44 more, not drawn" in "".join(figure.itertext())


@given(st.lists(st.tuples(coordinate, coordinate, coordinate, coordinate), max_size=4))
def test_any_finite_boxes_can_be_drawn(boxes: list[tuple[float, float, float, float]]) -> None:
    drawn(BoxPicture(boxes=tuple(boxes)))


@given(st.lists(st.lists(st.tuples(coordinate, coordinate), max_size=4), max_size=3))
def test_any_finite_curves_can_be_drawn(curves: list[list[tuple[float, float]]]) -> None:
    drawn(CurvePicture(curves=tuple(map(tuple, curves))))


def test_charts_never_leave_their_frame() -> None:
    assert str(grade_ring(0.0)).count("<circle") == 1
    assert 'stroke-dasharray="100.00 100"' in str(grade_ring(3.0))
    assert 'aria-label="1 of 4 points, 2 waiting"' in str(points_bar(1, 4, 2))
    assert "rect" not in str(points_bar(0, 0))
    assert str(histogram((0,) * 10, "none")).count("<rect") == 0
    assert str(histogram((1, 2), "two")).count("<rect") == 2
