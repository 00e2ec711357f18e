"""Rooms: sofas, tables and chairs before wall and floor, and what detection and segmentation ask about them.

What it is. Drawn rooms. Sofas with one to three cushions, some without one of the arms; tables on four legs, with a
cabinet, or round on a pedestal; chairs from the front, from the side and on castors. What stands nearer is lower in the
image, larger, and painted over what stands behind it.

What varies. Colours, patterns, light, the corner of the room, a window or picture, a rug; of the furniture the kind,
proportions, place, size and overlap. All classes draw their colours and patterns alike: one has to look at shapes.

What it is not. No photographs and no benchmark: a result says something about a method, and nothing about real rooms.
"""

import colorsys
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

CLASSES = ("sofa", "table", "chair")
MASK_CLASSES = ("wall", "floor", *CLASSES)
VISIBLE = 0.3  # the share of an object that has to be seen; what shows less is taken out of the room

Draw = Callable[[float, float], float]  # a random number between two bounds
Point = tuple[float, float]
Triple = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Scene:
    """A room with ``G`` objects, the farthest first: a later one covers an earlier one.

    Pixel ``(r, c)`` is the square from ``(c, r)`` to ``(c + 1, r + 1)``. It belongs to the last object whose outline
    its centre is in, by the even-odd rule; else to the floor, if its centre is in that outline; else to the wall.
    """

    image: Tensor  # (3, H, W) float32 in [0, 1]
    mask: Tensor  # (H, W) int64, indices into MASK_CLASSES
    labels: Tensor  # (G,) int64, indices into CLASSES; the mask has them plus 2
    boxes_xyxy: Tensor  # (G, 4) float32, tight around the squares of the pixels that are seen of each object
    polygons: list[Tensor]  # G times (V, 2) float32, x and y: whole outlines, also what is hidden or off the image
    visible: Tensor  # (G,) float32, pixels that are seen over the area of the outline, at most 1
    floor: Tensor  # (V, 2) float32, the outline of the floor, also where furniture hides it

    @property
    def boxes_xxyy(self) -> Tensor:
        """The boxes (G, 4) in the lecture's order: x_min, x_max, y_min, y_max."""
        return self.boxes_xyxy[:, [0, 2, 1, 3]]


def scenes(num: int, size: int = 64, max_objects: int = 5, *, generator: Generator) -> list[Scene]:
    """Return ``num`` rooms, one after another from `scene`; a negative ``num`` raises ValueError.

    Example:
        >>> rooms = scenes(3, generator=torch.Generator().manual_seed(0))
        >>> torch.stack([room.image for room in rooms]).shape
        torch.Size([3, 3, 64, 64])
    """
    if num < 0:
        raise ValueError(f"scenes: expected num >= 0, got {num}.")
    return [scene(generator, size, max_objects) for _ in range(num)]


def scene(generator: Generator, size: int = 64, max_objects: int = 5) -> Scene:
    """Return a room.

    Args:
        generator: decides everything.
        size: ``H = W`` in pixels, at least 32.
        max_objects: one to that many objects are put into the room, each number equally likely; 0 leaves it empty.

    Returns:
        The room, without the objects of which less than ``VISIBLE`` would be seen; the nearest one always stays.

    Raises:
        ValueError: if ``max_objects`` is not from 0 to 20 or ``size`` is below 32.

    Example:
        >>> room = scene(torch.Generator().manual_seed(2))
        >>> [CLASSES[label] for label in room.labels]
        ['sofa', 'chair']
        >>> room.boxes_xxyy
        tensor([[ 9., 38., 19., 35.],
                [23., 40., 21., 55.]])
    """
    if size < 32 or not 0 <= max_objects <= 20:
        raise ValueError(f"scene: expected size >= 32 and max_objects from 0 to 20, got {size} and {max_objects}.")

    # torch.rand takes as long for one number as for many
    numbers: Iterator[float] = itertools.chain.from_iterable(
        torch.rand(256, generator=generator).tolist() for _ in itertools.count()
    )

    def draw(low: float, high: float) -> float:
        return low + (high - low) * next(numbers)

    room = _room(draw)
    things = [_place(draw, room) for _ in range(min(1 + int(draw(0, max_objects)), max_objects))]
    things.sort(key=lambda thing: thing.base)
    outlines = [room[1].ring, *(thing.parts[0].ring for thing in things)]
    floor, *polygons = (torch.tensor(ring) * size for ring in outlines)  # (V, 2) each
    areas = torch.tensor([_area(polygon) for polygon in polygons])
    inside = _inside(outlines, size)  # (1 + G, H, W)
    shares = _topmost(inside[1:]).sum(dim=(1, 2)) / areas  # (G,)
    keep = [i for i, share in enumerate(shares.tolist()) if share >= VISIBLE or i == len(things) - 1]
    seen = _topmost(inside[1:][keep])  # (G, H, W)
    labels = torch.tensor([things[i].label for i in keep], dtype=torch.int64)
    image = _paint(room, [things[i] for i in keep], size)
    turn, line = draw(0, 2 * math.pi), (torch.arange(size) + 0.5) / size - 0.5
    light = draw(0.96, 1.1) + 0.16 * (math.cos(turn) * line + math.sin(turn) * line[:, None])  # (H, W)
    noise = 0.012 * torch.randn(image.shape, generator=generator)
    return Scene(
        image=(image * light + noise).clamp(0, 1),
        mask=torch.where(seen.any(0), (seen * (labels + 2)[:, None, None]).sum(0), inside[0].long()),
        labels=labels,
        boxes_xyxy=_boxes(seen),
        polygons=[polygons[i] for i in keep],
        visible=(seen.sum(dim=(1, 2)) / areas[keep]).clamp(max=1),
        floor=floor,
    )


class _Part(NamedTuple):
    """What to paint: a ring in [0, 1], y down, a colour, a pattern (waves along x and y of the image, strength)."""

    ring: Sequence[Point]
    color: Triple
    pattern: Triple = (0, 0, 0)


class _Thing(NamedTuple):
    """A sofa, a table or a chair that stands at a height of the image; the first of its parts is its outline."""

    label: int
    base: float
    parts: list[_Part]
    shadow: Sequence[Point]


def _area(polygon: Tensor) -> float:
    """Return the area of a polygon (V, 2), by the shoelace formula."""
    x, y = polygon.double().T
    return float((x * y.roll(-1) - x.roll(-1) * y).sum().abs() / 2)


def _inside(rings: Sequence[Sequence[Point]], size: int, fine: int = 1) -> Tensor:
    """Return whether the centres of pixels, or of ``fine`` parts of their sides, are in P rings (P, fine H, fine W).

    Even-odd: along a row, each edge that is crossed switches between outside and inside.
    """
    lengths = torch.tensor([len(ring) for ring in rings])
    owner, last = torch.repeat_interleave(lengths), lengths.cumsum(0) - 1  # (E,) the ring of each edge, (P,)
    start = (torch.tensor([x for ring in rings for point in ring for x in point]).view(-1, 2) * size).double()  # (E, 2)
    end = start.roll(-1, 0)
    end[last] = start[last - lengths + 1]
    rows = (torch.arange(fine * size, dtype=torch.float64) + 0.5) / fine
    edge, row = torch.nonzero((start[:, 1:] <= rows) != (end[:, 1:] <= rows), as_tuple=True)  # (X,) crossings
    (x1, y1), (x2, y2) = start[edge].T, end[edge].T
    x = x1 + (rows[row] - y1) / (y2 - y1) * (x2 - x1)
    column = (fine * x + 0.5).floor().long().clamp(0, fine * size)  # the first centre to the right of the crossing
    switches = torch.zeros(len(rings), fine * size, fine * size + 1, dtype=torch.uint8)
    place = (owner[edge] * fine * size + row) * (fine * size + 1) + column
    switches.put_(place, torch.ones_like(place, dtype=torch.uint8), accumulate=True)
    return (switches.cumsum(2, dtype=torch.uint8)[:, :, :-1] & 1).bool()


def _topmost(inside: Tensor) -> Tensor:
    """Return what is seen (G, H, W) of objects of which later ones cover earlier ones."""
    return inside & (inside.flip(0).cumsum(0).flip(0) == 1)  # nothing but the object itself from there on


def _boxes(seen: Tensor) -> Tensor:
    """Return the boxes (G, 4) xyxy around what is seen (G, H, W) of objects."""
    columns, rows, size = seen.any(1).byte(), seen.any(2).byte(), seen.shape[1]
    first, last = [columns.argmax(1), rows.argmax(1)], [columns.flip(1).argmax(1), rows.flip(1).argmax(1)]
    return torch.stack([*first, *(size - steps for steps in last)], dim=1).float()


def _paint(room: Sequence[_Part], things: Sequence[_Thing], size: int, fine: int = 2) -> Tensor:
    """Return the image (3, H, W), each part over the ones before; shadows fall on the room alone."""
    parts = [*room, *(part for thing in things for part in thing.parts)]
    inside = _inside([*(part.ring for part in parts), *(thing.shadow for thing in things)], size, fine)
    order = torch.arange(len(parts), dtype=torch.uint8)[:, None, None]  # at most 8 + 20 * 10 parts
    top = (inside[: len(parts)] * order).amax(0).long()  # (fine H, fine W), which part is seen
    looks = torch.tensor([(*part.color, *part.pattern) for part in parts]).T[:, top]  # (6, fine H, fine W)
    line = torch.arange(fine * size) / (fine * size)
    wave = torch.sin(2 * math.pi * (looks[3] * line + looks[4] * line[:, None])) * looks[5]
    is_dark = inside[len(parts) :].any(0) & (top < len(room))
    return torch.nn.functional.avg_pool2d(looks[:3] * (1 + wave) * (1 - 0.3 * is_dark), fine)


def _color(draw: Draw, saturation: Point, value: Point, hue: float | None = None) -> Triple:
    return colorsys.hsv_to_rgb(draw(0, 1) if hue is None else hue, draw(*saturation), draw(*value))


def _toned(color: Triple, tone: float) -> Triple:
    """Return a lighter colour, or with a tone below 1 a darker one."""
    red, green, blue = (min(1.0, tone * channel) for channel in color)
    return red, green, blue


def _arc(x: float, y: float, rx: float, ry: float, start: float = 0, end: float = 4, steps: int = 20) -> list[Point]:
    """Return points of an ellipse; the angles are in quarter turns, from the right over the top."""
    angles = [math.pi / 2 * (start + (end - start) * i / steps) for i in range(steps + 1)]
    return [(x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles]


def _block(x1: float, y1: float, x2: float, y2: float, r: float = 0.0) -> list[Point]:
    """Return a rectangle whose corners are rounded with radius r."""
    corners = [(x2 - r, y2 - r), (x1 + r, y2 - r), (x1 + r, y1 + r), (x2 - r, y1 + r)]
    return [point for i, (x, y) in enumerate(corners) for point in _arc(x, y, r, r, i, i + 1, 3)]


def _mirrored(half: Sequence[Point]) -> list[Point]:
    """Return a ring of a right half, from below, and the left one."""
    return [*half, *((-x, y) for x, y in half[::-1])]


def _room(draw: Draw) -> list[_Part]:
    """Return wall, floor and what belongs to them; the floor begins with its far edge: left, corner, right."""
    corner, far = draw(0.15, 0.85), draw(0.42, 0.6)
    left, right = (far + max(0.0, draw(-0.12, 0.12)) for _ in range(2))
    edge = [(0.0, left), (corner, far), (1.0, right)]
    wall, paper = _color(draw, (0.03, 0.22), (0.72, 0.97)), (round(draw(6, 14)), 0, max(0.0, draw(-0.04, 0.04)))
    wood = _color(draw, (0.12, 0.45), (0.45, 0.85), draw(0.03, 0.13) if draw(0, 1) < 0.7 else draw(0, 1))
    parts = [
        _Part(_block(0, 0, 1, 1), wall, paper),
        _Part([*edge, (1.0, 1.0), (0.0, 1.0)], wood, (draw(-5, 5), draw(8, 16), draw(0, 0.06))),
        _Part([(corner, 0.0), (1.0, 0.0), *edge[:0:-1]], _toned(wall, draw(0.84, 0.97)), paper),
        _Part([*edge, *((x, y - 0.025) for x, y in edge[::-1])], _toned(wall, draw(0.7, 1.3))),
    ]
    if draw(0, 1) < 0.6:  # a window or a picture
        x, y, width, height = draw(0.05, 0.7), draw(0.04, 0.15), draw(0.12, 0.28), draw(0.12, 0.22)
        for d, value in ((0, (0.3, 1.0)), (0.02, (0.65, 1.0))):
            ring = _block(x + d, y + d, x + width - d, y + height - d)
            parts.append(_Part(ring, _color(draw, (0.0, 0.4), value)))
    if draw(0, 1) < 0.5:  # a rug
        x, y, width = draw(0.25, 0.75), draw(max(left, right) + 0.12, 0.95), draw(0.2, 0.4)
        rug, rim = _color(draw, (0.1, 0.5), (0.4, 0.9)), draw(0.75, 0.9)
        parts.append(_Part(_arc(x, y, width, 0.22 * width), rug))
        parts.append(_Part(_arc(x, y, rim * width, 0.22 * rim * width), _toned(rug, draw(0.8, 1.25))))
    return parts


def _place(draw: Draw, room: Sequence[_Part]) -> _Thing:
    """Return a thing of any class somewhere on the floor."""
    label, x, depth = int(draw(0, 3)), draw(0.08, 0.92), draw(0, 1)
    (_, left), (corner, far), (_, right) = room[1].ring[:3]
    wall = far + (left - far) * max(0.0, 1 - x / corner) + (right - far) * max(0.0, (x - corner) / (1 - corner))
    base = wall + 0.03 + depth * (0.99 - wall)
    pieces, width = (_sofa, _table, _chair)[label](draw)
    scale, side = (0.7 + 0.45 * depth) * width, 1 if draw(0, 1) < 0.5 else -1
    # of two colours the one that differs most from wall and floor
    colors = [_color(draw, (0.15, 0.65), (0.35, 0.92)) for _ in range(2)]
    color = max(colors, key=lambda mine: min(math.dist(mine, part.color) for part in room[:2]))
    second = _color(draw, (0.1, 0.6), (0.15, 0.55))
    pattern = (draw(-14, 14), draw(-14, 14), max(0.0, draw(-0.09, 0.09)))
    parts = []
    for ring, tone in pieces:
        placed = [(x + side * scale * u, base - scale * v) for u, v in ring]
        parts.append(_Part(placed, _toned(color, tone), pattern) if tone > 0 else _Part(placed, _toned(second, -tone)))
    return _Thing(label, base, parts, _arc(x, base - 0.01, 0.56 * scale, 0.05 * scale + 0.015))


# Each of the following returns pieces, outline first, and a width. A piece is a ring and its tone: of the thing's first
# colour, or if negative of its second. Its x goes from -0.5 to 0.5, its y up from the floor at 0, in widths.
Pieces = list[tuple[list[Point], float]]


def _sofa(draw: Draw) -> tuple[Pieces, float]:
    high, seat, foot = draw(0.38, 0.6), draw(0.17, 0.24), draw(0.03, 0.08)
    wide, r, cushions = draw(0.08, 0.15), draw(0.015, 0.04), int(draw(1, 4))
    arm, inner = seat + draw(0.06, 0.14), 0.5 - 0.6 * wide
    arms = {1: arm, -1: arm if draw(0, 1) < 0.75 else seat}
    outline = []
    for side, top in arms.items():
        half = [(0.38, foot), (0.4, 0.0), (0.45, 0.0), (0.46, foot), (0.5, foot)]
        half += [*_arc(0.5 - r, top - r, r, r, 0, 1, 3), (inner, top), *_arc(inner - r, high - r, r, r, 0, 1, 3)]
        outline += [(side * x, y) for x, y in half[::side]]
    body = [(x, max(y, foot)) for x, y in outline]
    pieces, step = [(outline, -1.0), (body, 0.8)], (1 - 2 * wide) / cushions
    for i in range(cushions):
        x = wide - 0.5 + i * step
        pieces.append((_block(x + 0.01, seat - 0.02, x + step - 0.01, high - 0.03, r), 1.0))
        pieces.append((_block(x + 0.005, seat - 0.07, x + step - 0.005, seat + 0.025, 0.02), 1.22))
    for x, top in ((0.5 - wide, arms[1]), (-0.5, arms[-1])):
        if top > seat:
            pieces.append((_block(x, foot, x + wide, top, r), 0.93))
    return pieces, draw(0.42, 0.7)


def _legged(draw: Draw, high: float, deep: float, back: Sequence[Point] = ()) -> Pieces:
    """Return a top on four legs; with the right half of a back, from below, it is a chair."""
    thick, leg = (draw(0.1, 0.2), draw(0.08, 0.12)) if back else (draw(0.03, 0.07), draw(0.04, 0.08))
    inset, lean, splay = draw(0.02, 0.12), draw(-0.08, 0.08), draw(-0.03, 0.04)
    under, front, far = high - deep - thick, high - deep, 0.32 - leg
    foot = min(0.7 * deep, 0.6 * under)  # of the legs at the back
    cabinet = 0.3 if not back and draw(0, 1) < 0.3 else 0.0  # in place of the legs on one side
    outline = []
    for side, wide in ((1, leg + cabinet), (-1, leg)):
        rear = [(far - leg, under), (far - leg, foot), (far, foot), (far, under)]
        legs = [(side * x + lean, y) for x, y in (rear if wide == leg else [])]
        near = [(0.5 - wide, under), (0.5 - wide + splay, 0.0), (0.5 + splay, 0.0), (0.5, under), (0.5, front)]
        half = [*legs, *((side * x, y) for x, y in near)]
        half += [(side * x + lean, y) for x, y in [(0.5 - inset, high), *back]]
        outline += half[::side]
    top = [(-0.5, front), (0.5, front), (0.5 - inset + lean, high), (inset - 0.5 + lean, high)]
    pieces = [(outline, draw(0.6, 0.8) if draw(0, 1) < 0.5 else -1.0), (_block(-0.5, under, 0.5, front), 0.9)]
    for shrink, tone in ((1.0, 1.0), (0.7, 0.85)) if back else ():
        panel = [(shrink * x + lean, high + (1 - shrink) / 2 + shrink * (y - high)) for x, y in _mirrored(back)]
        pieces.append((panel, tone))
    return [*pieces, (top, 1.18)]


def _table(draw: Draw) -> tuple[Pieces, float]:
    high, deep, width = draw(0.32, 0.7), draw(0.1, 0.22), draw(0.3, 0.58)
    if draw(0, 1) < 0.7:
        return _legged(draw, high, deep), width
    stem, foot, thick, ry = draw(0.03, 0.07), draw(0.12, 0.28), draw(0.03, 0.06), min(deep / 2, 0.2 * high)  # round
    over, low = _arc(0, high - ry, 0.5, ry, 0, 2), high - ry - thick
    left, right = _arc(0, low, 0.5, ry, 2, 3 - 1.3 * stem, 8), _arc(0, low, 0.5, ry, 3 + 1.3 * stem, 4, 8)
    column = [(-stem, 0.09), (-foot, 0.03), (-foot, 0.0), (foot, 0.0), (foot, 0.03), (stem, 0.09)]
    rim = ([*over, *left, *right], 0.85)
    return [([*over, *left, *column, *right], -1.0), rim, (_arc(0, high - ry, 0.5, ry), 1.18)], width


def _chair(draw: Draw) -> tuple[Pieces, float]:
    seat, high, width, kind = draw(0.9, 1.2), draw(1.85, 2.4), draw(0.19, 0.28), draw(0, 3)
    r, wide, leg, lean = draw(0.04, 0.2), draw(0.32, 0.46), draw(0.11, 0.15), draw(0.0, 0.2)
    under = seat - draw(0.1, 0.18)
    head = _arc(wide - r, high - r, r, r, 0, 1, 3)
    if kind < 1.2:  # from the front
        return _legged(draw, seat, draw(0.25, 0.45), [(0.36, seat), *head]), width
    if kind < 2.2:  # from the side
        legs = [(-0.5 - lean / 2, 0.0), (leg - 0.5 - lean / 2, 0.0), (leg - 0.5, under)]
        legs += [(0.45 - leg, under), (0.45 - leg, 0.0), (0.45, 0.0), (0.45, under)]
        cushion = [(0.5, under), (0.5, seat), (leg - 0.5, seat)]
        back = [(leg - 0.5 - lean, high), (-0.5 - lean, high), (-0.5, seat)]
        pieces = [(legs + cushion + back, 0.75), ([*cushion, *back[2:], (-0.5, under)], 1.15)]
        return [*pieces, (cushion[2:] + back, 1.0)], width
    half = [(0.0, 0.1), (0.3, 0.0), (0.42, 0.0), (0.42, 0.09), (0.06, 0.2), (0.06, under)]  # on castors
    half += [(0.42, under), (0.5, under + 0.05), (0.5, seat), (0.08, seat), (0.08, seat + 0.12)]
    half += [(wide - 0.05, seat + 0.12), (wide, seat + 0.17), *head]
    return [(_mirrored(half), -0.8), (_mirrored(half[6:9]), 1.15), (_mirrored(half[11:]), 1.0)], width
