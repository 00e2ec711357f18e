"""The drawn rooms: what the docstrings promise, the labels computed a second time, and what the data card says.

``python -m tests.reference.test_scenes`` prints the numbers of the card.
"""

from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor

from reference.scenes import (
    CLASSES,
    MASK_CLASSES,
    VISIBLE,
    Draw,
    Scene,
    _area,
    _inside,
    _place,
    _room,
    _Thing,
    scene,
    scenes,
)

CARD = Path(__file__).resolve().parents[2] / "docs" / "data-card-scenes.md"


def seeded(seed: int) -> Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def many() -> list[Scene]:
    return scenes(500, generator=seeded(0))


def drawing(seed: int) -> Draw:
    generator = seeded(seed)
    return lambda low, high: low + (high - low) * float(torch.rand((), generator=generator))


def things(num: int) -> list[_Thing]:
    draw = drawing(1)
    room = _room(draw)
    return [_place(draw, room) for _ in range(num)]


def centers(size: int) -> Tensor:
    """Return the centres (H W, 2) of the pixels, x and y, row by row."""
    line = torch.arange(size, dtype=torch.float64) + 0.5
    return torch.cartesian_prod(line, line).flip(1)


def wound_around(polygon: Tensor, size: int) -> Tensor:
    """Return whether pixels (H, W) are inside: the angles under which a centre sees the edges add up to a full turn."""
    spokes = polygon.double()[:, None] - centers(size)  # (V, H W, 2)
    following = spokes.roll(-1, 0)
    cross = spokes[..., 0] * following[..., 1] - spokes[..., 1] * following[..., 0]
    turns = torch.atan2(cross, (spokes * following).sum(-1)).sum(0) / (2 * torch.pi)  # (H W,)
    return (turns.abs() > 0.5).reshape(size, size)


def painted(room: Scene) -> Tensor:
    """Return which object (H, W) a pixel shows, painted from the polygons one after another; -1 is none."""
    size = room.mask.shape[0]
    canvas = torch.full((size, size), -1)
    for i, polygon in enumerate(room.polygons):
        canvas[wound_around(polygon, size)] = i
    return canvas


# ------------------------------------------------------------------------------------------------------- the promises


@pytest.mark.parametrize(("size", "max_objects"), [(32, 5), (64, 20), (47, 2), (64, 5), (96, 1), (64, 0), (256, 5)])
def test_shapes_dtypes_and_ranges(size: int, max_objects: int) -> None:
    for room in scenes(3, size, max_objects, generator=seeded(1)):
        num = len(room.labels)
        assert min(max_objects, 1) <= num <= max_objects
        assert (room.image.shape, room.image.dtype) == ((3, size, size), torch.float32)
        assert bool(((room.image >= 0) & (room.image <= 1)).all())
        assert (room.mask.shape, room.mask.dtype) == ((size, size), torch.int64)
        assert set(room.mask.flatten().tolist()) <= set(range(len(MASK_CLASSES)))
        assert (room.labels.shape, room.labels.dtype) == ((num,), torch.int64)
        assert set(room.labels.tolist()) <= set(range(len(CLASSES)))
        assert (room.boxes_xyxy.shape, room.boxes_xyxy.dtype) == ((num, 4), torch.float32)
        assert (room.boxes_xxyy.shape, room.boxes_xxyy.dtype) == ((num, 4), torch.float32)
        assert (room.visible.shape, room.visible.dtype) == ((num,), torch.float32)
        assert len(room.polygons) == num
        for polygon in [*room.polygons, room.floor]:
            assert polygon.dtype == torch.float32
            assert polygon.ndim == 2
            assert polygon.shape[0] >= 4
            assert polygon.shape[1] == 2


def test_the_generator_decides_everything() -> None:
    before = torch.get_rng_state()
    first, second = scenes(2, generator=seeded(3)), scenes(2, generator=seeded(3))
    for one, other in zip(first, second, strict=True):
        for name in ("image", "mask", "labels", "boxes_xyxy", "boxes_xxyy", "visible", "floor"):
            assert torch.equal(getattr(one, name), getattr(other, name)), name
        assert all(torch.equal(a, b) for a, b in zip(one.polygons, other.polygons, strict=True))
    assert not torch.equal(first[0].image, first[1].image)
    assert not torch.equal(first[0].image, scene(seeded(4)).image)
    assert torch.equal(torch.get_rng_state(), before)


def test_scenes_are_one_scene_after_another() -> None:
    generator = seeded(5)
    for room in scenes(3, 32, 2, generator=seeded(5)):
        assert torch.equal(room.image, scene(generator, 32, 2).image)
    assert scenes(0, generator=generator) == []


def test_a_room_does_not_depend_on_the_size_of_its_image() -> None:
    small, large = scene(seeded(2), 48), scene(seeded(2), 192)
    assert torch.equal(small.labels, large.labels)
    for one, other in zip(small.polygons, large.polygons, strict=True):
        torch.testing.assert_close(4 * one, other)


@pytest.mark.parametrize(("size", "max_objects"), [(31, 5), (64, -1), (64, 21)])
def test_refused(size: int, max_objects: int) -> None:
    with pytest.raises(ValueError, match=f"got {size} and {max_objects}"):
        scene(seeded(0), size, max_objects)


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(ValueError, match="got -1"):
        scenes(-1, generator=seeded(0))


def test_an_empty_room_is_wall_and_floor() -> None:
    room = scene(seeded(6), max_objects=0)
    assert set(room.mask.flatten().tolist()) == {0, 1}
    assert torch.equal(room.mask == 1, wound_around(room.floor, 64))


# ------------------------------------------------------------------------------- the labels, computed a second time


@pytest.mark.parametrize("size", [32, 64, 101])
def test_the_mask_is_what_the_polygons_say(size: int) -> None:
    """The second way counts angles, and has its own rounding: a pixel in ten thousand may differ."""
    wrong = 0
    for room in scenes(12, size, generator=seeded(size)):
        owner = painted(room)
        expected = wound_around(room.floor, size).long()
        expected[owner >= 0] = room.labels[owner[owner >= 0]] + 2
        wrong += int((room.mask != expected).sum())
    assert wrong <= 12 * size * size / 10_000


def test_the_masks_agree_with_matplotlib(many: list[Scene]) -> None:
    path = pytest.importorskip("matplotlib.path")
    for room in many[:40]:
        expected = torch.zeros(64, 64, dtype=torch.int64)
        for value, polygon in [(1, room.floor), *zip((room.labels + 2).tolist(), room.polygons, strict=True)]:
            inside = path.Path(polygon.double().numpy()).contains_points(centers(64).numpy())
            expected[torch.from_numpy(inside).reshape(64, 64)] = value
        assert int((room.mask != expected).sum()) <= 1


def test_boxes_are_tight_around_what_is_seen(many: list[Scene]) -> None:
    for room in many[:60]:
        owner = painted(room)
        for i, box in enumerate(room.boxes_xyxy.tolist()):
            rows, columns = torch.nonzero(owner == i, as_tuple=True)
            expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert box == [float(value) for value in expected]


def test_visible_is_the_share_that_is_seen(many: list[Scene]) -> None:
    for room in many[:60]:
        owner = painted(room)
        seen = torch.stack([(owner == i).sum() for i in range(len(room.labels))])
        areas = torch.tensor([_area(polygon) for polygon in room.polygons])
        torch.testing.assert_close(room.visible, (seen / areas).clamp(max=1))


def test_xxyy_is_the_lectures_order(many: list[Scene]) -> None:
    for room in many[:20]:
        x1, y1, x2, y2 = room.boxes_xyxy.T
        assert torch.equal(room.boxes_xxyy, torch.stack([x1, x2, y1, y2], dim=1))
        for low, high in ((x1, x2), (y1, y2)):
            assert bool(((low >= 0) & (low < high) & (high <= 64)).all())


def test_a_square_has_its_pixels_and_its_area() -> None:
    square = [(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)]
    inside = _inside([square, square[::-1]], 8)
    expected = torch.zeros(8, 8, dtype=torch.bool)
    expected[2:6, 2:6] = True
    assert torch.equal(inside, expected.expand(2, 8, 8))
    assert _area(8 * torch.tensor(square)) == 16


def test_a_ring_that_crosses_itself_is_even_odd() -> None:
    """Around the middle of a pentagram an outline turns twice: outside."""
    angles = 0.1 + torch.arange(5) * 0.8 * torch.pi
    star = (0.5 + 0.45 * torch.stack([angles.cos(), angles.sin()], dim=1)).tolist()
    inside = _inside([star], 63)[0]
    assert not inside[31, 31]
    assert 0.05 < float(inside.double().mean()) < 0.25


# ----------------------------------------------------------------------------------------------------- the drawings


def test_outlines_do_not_cross_themselves() -> None:
    for thing in things(800):
        start = torch.tensor(thing.parts[0].ring, dtype=torch.float64)
        start = start[(start - start.roll(1, 0)).abs().sum(1) > 1e-9]
        end = start.roll(-1, 0)

        def side(points: Tensor, start: Tensor = start, end: Tensor = end) -> Tensor:
            """Return on which side of edge i (rows) the points j (columns) are."""
            along, to = (end - start)[:, None], points - start[:, None]
            twice = along[..., 0] * to[..., 1] - along[..., 1] * to[..., 0]
            return torch.where(twice.abs() < 1e-9, 0.0, twice.sign())

        splits = side(start) * side(end) < 0  # the line through edge i separates the ends of edge j
        assert not bool((splits & splits.T).any()), CLASSES[thing.label]


def test_what_is_painted_stays_in_the_outline() -> None:
    for thing in things(200):
        outline, *others = _inside([part.ring for part in thing.parts], 64, fine=2)
        assert int((torch.stack(others) & ~outline).sum()) <= 2, CLASSES[thing.label]


def test_images_show_the_objects(many: list[Scene]) -> None:
    """Most objects differ from the wall and the floor by far more than the noise."""
    distances = []
    for room in many[:200]:
        pixels = room.image.flatten(1)  # (3, H W)
        means = {
            value: pixels[:, (room.mask == value).flatten()].mean(1) for value in set(room.mask.flatten().tolist())
        }
        for value in set(means) - {0, 1}:
            distances.append(min(float((means[value] - means[other]).norm()) for other in {0, 1} & set(means)))
    assert float(torch.tensor(distances).quantile(0.1)) > 0.08


def test_later_objects_stand_nearer(many: list[Scene]) -> None:
    for room in many:
        lowest = [float(polygon[:, 1].max()) for polygon in room.polygons]
        assert lowest == sorted(lowest)


def test_every_object_is_seen(many: list[Scene]) -> None:
    shares = torch.cat([room.visible for room in many])
    assert float(shares.min()) >= VISIBLE
    assert all(len(room.labels) for room in many)
    for room in scenes(300, 32, generator=seeded(1)):  # legs are thinner than a pixel
        assert bool((room.visible[:-1] >= VISIBLE).all())
        assert float(room.visible[-1]) > 0.1


def test_the_nearest_object_always_stays() -> None:
    rooms = scenes(400, 32, 1, generator=seeded(7))
    assert {len(room.labels) for room in rooms} == {1}


def test_all_classes_occur_and_overlap(many: list[Scene]) -> None:
    labels = torch.cat([room.labels for room in many])
    assert float(labels.bincount(minlength=len(CLASSES)).min() / len(labels)) > 0.25
    visible = torch.cat([room.visible for room in many])
    for label in range(len(CLASSES)):
        assert float((visible[labels == label] < 0.8).double().mean()) > 0.1
    for nearer in range(len(CLASSES)):
        assert any(nearer in room.labels[1:] for room in many)


def right_of_a_linear_classifier(features: Tensor, labels: Tensor) -> float:
    """Fit two thirds by least squares, with a small ridge, and return how much of the last third is right."""
    columns = torch.cat([features, features.square(), torch.ones(len(features), 1)], dim=1).double()
    cut = 2 * len(columns) // 3
    known, target = columns[:cut], torch.eye(len(CLASSES), dtype=torch.float64)[labels[:cut]]
    ridge = 0.01 * torch.eye(columns.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(known.T @ known + ridge, known.T @ target)
    return float(((columns[cut:] @ weights).argmax(1) == labels[cut:]).double().mean())


def test_the_mean_colour_is_not_enough(many: list[Scene]) -> None:
    colors, sizes, labels = [], [], []
    for room in many:
        for label, (x1, y1, x2, y2) in zip(room.labels, room.boxes_xyxy.int().tolist(), strict=True):
            in_class = room.mask[y1:y2, x1:x2] == label + 2
            colors.append(room.image[:, y1:y2, x1:x2][:, in_class].mean(1))
            sizes.append(torch.tensor([x2 - x1, y2 - y1]) / 64)
            labels.append(label)
    target = torch.stack(labels)
    assert right_of_a_linear_classifier(torch.stack(colors), target) < 0.45
    assert right_of_a_linear_classifier(torch.stack(sizes), target) > 0.6


# -------------------------------------------------------------------------------------------------------- the card


def statistics(rooms: list[Scene]) -> list[str]:
    """Return the card's rows of numbers."""
    size = rooms[0].mask.shape[0]
    labels, visible = (torch.cat([getattr(room, name) for room in rooms]) for name in ("labels", "visible"))
    spans = torch.cat([room.boxes_xyxy[:, 2:] - room.boxes_xyxy[:, :2] for room in rooms])  # (G, 2)
    cut = torch.tensor([not 0 <= float(p.min()) <= float(p.max()) <= size for room in rooms for p in room.polygons])
    numbers = torch.tensor([len(room.labels) for room in rooms]).bincount() / len(rooms)
    pixels = torch.stack([room.mask for room in rooms]).flatten().bincount() / len(rooms) / size**2
    rows = [f"| rooms with {num} | {share:.1%} |" for num, share in enumerate(numbers.tolist()) if num]
    for label, name in enumerate(CLASSES):
        mine = labels == label
        (low_w, low_h), (width, height), (high_w, high_h) = spans[mine].quantile(torch.tensor([0.1, 0.5, 0.9]), dim=0)
        shares = [mine.double().mean(), visible[mine].mean(), (visible[mine] < 0.8).double().mean()]
        shares.append(cut[mine].double().mean())
        cells = [f"{float(share):.1%}" for share in shares]
        cells += [f"{width:.0f} ({low_w:.0f} to {high_w:.0f})", f"{height:.0f} ({low_h:.0f} to {high_h:.0f})"]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    rows += [f"| {name} pixels | {share:.1%} |" for name, share in zip(MASK_CLASSES, pixels.tolist(), strict=True)]
    return rows


def test_the_card_has_the_measured_numbers(many: list[Scene]) -> None:
    card = CARD.read_text(encoding="utf-8").splitlines()
    assert [row for row in statistics(many) if row not in card] == []


if __name__ == "__main__":
    print("\n".join(statistics(scenes(500, generator=seeded(0)))))
