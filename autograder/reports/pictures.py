"""The pictures of checks as inline SVG: boxes over each other, curves in one frame.

Colours and dashes come from classes of the page's style sheet, so that they follow light, dark and print. Every text
is escaped here; every coordinate is a finite number of this module's own making.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from autograder.reports.models import BoxPicture, CurvePicture, Picture
from autograder.reports.text import plain

WIDTH, HEIGHT = 320, 240
LEFT, RIGHT, TOP, BOTTOM = 44, 14, 14, 34
MAX_SERIES = 6  # as many as the style sheet has strokes
MAX_CURVE_POINTS = 1_000
MAX_COORDINATE = 1e9
Span = tuple[float, float]


def draw_picture(picture: Picture) -> Markup:
    """Return a figure with the picture, its caption and a legend."""
    if isinstance(picture, BoxPicture):
        drawing, count = _boxes(picture), len(picture.boxes)
    else:
        drawing, count = _curves(picture), len(picture.curves)
    names = [plain(name) for name in picture.labels[: min(count, MAX_SERIES)]]
    label = ": ".join(filter(None, ("Example" if not picture.caption else plain(picture.caption), ", ".join(names))))
    key = Markup('<li><svg class="key" viewBox="0 0 28 10" aria-hidden="true">{}</svg> <bdi>{}</bdi></li>')
    stroke = Markup('<line class="series series-{}" x1="1" x2="27" y1="5" y2="5"/>')
    legend = [key.format(stroke.format(index + 1), name) for index, name in enumerate(names) if name]
    if isinstance(picture, BoxPicture) and _intersection(picture) is not None:
        legend.append(key.format(Markup('<rect class="intersection" width="28" height="10"/>'), "intersection"))
    if count > MAX_SERIES:
        legend.append(Markup("<li>and {} more, not drawn</li>").format(count - MAX_SERIES))
    return Markup(
        '<figure class="picture"><svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>{}{}</figure>'
    ).format(
        WIDTH, HEIGHT, label, drawing,
        Markup("<ul>{}</ul>").format(Markup("").join(legend)) if legend else "",
        Markup("<figcaption>{}</figcaption>").format(plain(picture.caption)) if picture.caption else "",
    )  # fmt: skip


def _boxes(picture: BoxPicture) -> Markup:
    boxes = [tuple(map(_bounded, box)) for box in picture.boxes[:MAX_SERIES]]
    x_span, y_span = _same_scale(
        _span([x for x1, _, x2, _ in boxes for x in (x1, x2)]), _span([y for _, y1, _, y2 in boxes for y in (y1, y2)])
    )
    frame = _Frame(x_span, y_span, y_grows_down=True)
    parts = [frame.draw("x →", "y ↓")]
    shared = _intersection(picture)
    if shared is not None:
        parts.append(frame.rectangle(shared, "intersection"))
    parts += [frame.rectangle(box, f"series series-{index + 1}") for index, box in enumerate(boxes)]
    return Markup("").join(parts)


def _curves(picture: CurvePicture) -> Markup:
    curves = [
        [(_bounded(x), _bounded(y)) for x, y in curve[:MAX_CURVE_POINTS]] for curve in picture.curves[:MAX_SERIES]
    ]
    frame = _Frame(
        _span([x for curve in curves for x, _ in curve], unit=True),
        _span([y for curve in curves for _, y in curve], unit=True),
    )
    parts = [frame.draw(plain(picture.x_label), plain(picture.y_label))]
    for index, curve in enumerate(curves):
        points = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in curve)
        parts.append(Markup('<polyline class="series series-{}" points="{}"/>').format(index + 1, points))
    return Markup("").join(parts)


class _Frame:
    """Axes with ticks, and where a coordinate lies between them."""

    def __init__(self, x_span: Span, y_span: Span, *, y_grows_down: bool = False) -> None:
        self.x_span, self.y_span, self.y_grows_down = x_span, y_span, y_grows_down

    def x(self, value: float) -> float:
        low, high = self.x_span
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / (high - low)

    def y(self, value: float) -> float:
        low, high = self.y_span
        share = (value - low) / (high - low)
        return TOP + (HEIGHT - TOP - BOTTOM) * (share if self.y_grows_down else 1 - share)

    def rectangle(self, box: Sequence[float], classes: str) -> Markup:
        left, right = sorted((self.x(box[0]), self.x(box[2])))
        top, bottom = sorted((self.y(box[1]), self.y(box[3])))
        return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
            classes, left, top, right - left, bottom - top
        )

    def draw(self, x_label: str, y_label: str) -> Markup:
        floor, parts = HEIGHT - BOTTOM, []
        for value in _ticks(self.x_span):
            parts.append(Markup('<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{}" y2="{}"/>'
                                '<text class="tick" x="{x:.1f}" y="{}">{}</text>'
            ).format(TOP, floor, floor + 14, _tick(value), x=self.x(value)))  # fmt: skip
        for value in _ticks(self.y_span):
            parts.append(Markup('<line class="grid" x1="{}" x2="{}" y1="{y:.1f}" y2="{y:.1f}"/>'
                                '<text class="tick tick-y" x="{}" y="{:.1f}">{}</text>'
            ).format(LEFT, WIDTH - RIGHT, LEFT - 6, self.y(value) + 4, _tick(value), y=self.y(value)))  # fmt: skip
        parts.append(Markup('<path class="axis" d="M{0} {1}V{2}H{3}"/>').format(LEFT, TOP, floor, WIDTH - RIGHT))
        parts.append(Markup('<text class="axis-label" x="{}" y="{}">{}</text>').format(
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, x_label))  # fmt: skip
        turn = "" if self.y_grows_down else " rotate(-90)"  # an arrow that points down must stay so
        parts.append(Markup('<text class="axis-label" transform="translate(11 {}){}">{}</text>').format(
            (TOP + floor) / 2, turn, y_label))  # fmt: skip
        return Markup("").join(parts)


def _intersection(picture: BoxPicture) -> tuple[float, float, float, float] | None:
    if len(picture.boxes) != 2:
        return None
    first, second = ([_bounded(value) for value in box] for box in picture.boxes)
    x1, y1 = max(first[0], second[0]), max(first[1], second[1])
    x2, y2 = min(first[2], second[2]), min(first[3], second[3])
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def _bounded(value: float) -> float:
    return max(-MAX_COORDINATE, min(MAX_COORDINATE, value))


def _span(values: list[float], *, unit: bool = False) -> Span:
    """Return the interval to draw: 0 to 1 if ``unit`` and that holds all values, else a little more than they take."""
    if not values or (unit and min(values) >= 0 and max(values) <= 1):
        return 0.0, 1.0
    low, high = min(values), max(values)
    margin = 0.08 * (high - low) or max(1.0, abs(low)) * 0.5
    return low - margin, high + margin


def _same_scale(x_span: Span, y_span: Span) -> tuple[Span, Span]:
    """Return the spans, one of them widened around its middle so that a square is drawn as a square."""
    per_pixel = max((x_span[1] - x_span[0]) / (WIDTH - LEFT - RIGHT), (y_span[1] - y_span[0]) / (HEIGHT - TOP - BOTTOM))
    return _widened(x_span, per_pixel * (WIDTH - LEFT - RIGHT)), _widened(y_span, per_pixel * (HEIGHT - TOP - BOTTOM))


def _widened(span: Span, length: float) -> Span:
    middle = (span[0] + span[1]) / 2
    return middle - length / 2, middle + length / 2


def _ticks(span: Span) -> list[float]:
    """Return round numbers inside the span, between three and seven of them."""
    low, high = span
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def _tick(value: float) -> str:
    return f"{value:.6g}"
