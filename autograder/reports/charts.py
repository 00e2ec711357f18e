"""The graphics of the pages themselves, as inline SVG: the grade ring, the bars, the histogram."""

from __future__ import annotations

from markupsafe import Markup

from autograder.reports.words import number, plural

HISTOGRAM_WIDTH, HISTOGRAM_HEIGHT = 560, 200
HISTOGRAM_TOP, HISTOGRAM_BOTTOM, HISTOGRAM_SIDE = 22, 26, 8


def share_of(part: float, whole: float) -> float:
    """Return ``part / whole`` within ``[0, 1]``; of nothing, 0."""
    return min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0


def grade_ring(earned: float, waiting: float = 0.0) -> Markup:
    """Return a ring that is filled for the share ``earned``, and hatched for the share still ``waiting``."""
    earned = share_of(earned, 1.0)
    return Markup('<svg class="ring" viewBox="0 0 120 120" aria-hidden="true">{}{}{}</svg>').format(
        _arc("ring-track", 0.0, 1.0), _arc("ring-waiting", earned, waiting), _arc("ring-earned", 0.0, earned)
    )


def points_bar(points: float, max_points: float, waiting: float = 0.0) -> Markup:
    """Return a horizontal bar of ``points`` out of ``max_points``, the part not graded yet hatched."""
    earned, hatched = share_of(points, max_points), share_of(waiting, max_points)
    label = f"{number(points)} of {plural(max_points, 'point')}" + (f", {number(waiting)} waiting" if waiting else "")
    return Markup('<svg class="bar" role="img" aria-label="{}">{}{}</svg>').format(
        label,
        Markup('<rect class="bar-earned" width="{:.2f}%" height="100%"/>').format(100 * earned) if earned else "",
        Markup('<rect class="bar-waiting" x="{:.2f}%" width="{:.2f}%" height="100%"/>').format(
            100 * earned, 100 * hatched
        ) if hatched else "",
    )  # fmt: skip


def histogram(counts: tuple[int, ...], label: str) -> Markup:
    """Return a histogram of grades: one column for each of the equal parts of 0 to 100."""
    bins = len(counts)
    width = (HISTOGRAM_WIDTH - 2 * HISTOGRAM_SIDE) / bins
    floor, tallest = HISTOGRAM_HEIGHT - HISTOGRAM_BOTTOM, max((*counts, 1))
    parts = [Markup('<line class="axis" x1="0" x2="{}" y1="{y}" y2="{y}"/>').format(HISTOGRAM_WIDTH, y=floor)]
    for index, count in enumerate(counts):
        left, height = HISTOGRAM_SIDE + index * width, (floor - HISTOGRAM_TOP) * count / tallest
        if count:
            parts.append(
                Markup('<rect class="column" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="3"/>').format(
                    left + 3, floor - height, width - 6, height
                )
            )
            parts.append(Markup('<text x="{:.1f}" y="{:.1f}">{}</text>').format(
                left + width / 2, floor - height - 6, count
            ))  # fmt: skip
    for index in range(bins + 1):
        parts.append(Markup('<text class="tick" x="{:.1f}" y="{}">{}</text>').format(
            HISTOGRAM_SIDE + index * width, HISTOGRAM_HEIGHT - 8, number(100 * index / bins)
        ))  # fmt: skip
    return Markup('<svg class="histogram" viewBox="-8 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        HISTOGRAM_WIDTH + 16, HISTOGRAM_HEIGHT, label, Markup("").join(parts)
    )


def _arc(name: str, start: float, share: float) -> Markup:
    if share <= 0:
        return Markup("")
    return Markup(
        '<circle class="{}" cx="60" cy="60" r="52" pathLength="100" stroke-dasharray="{:.2f} 100"'
        ' transform="rotate({:.2f} 60 60)"/>'
    ).format(name, 100 * share, 360 * start - 90)
