"""Masks, losses, metrics and the U-Net against hand values, other people's code, and their edges."""

import base64
import inspect
import itertools
import math
import re
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder.worker import torchvision_cpu
from reference import segmentation
from reference.segmentation import (
    DoubleConv,
    UNet,
    confusion_matrix,
    one_hot_mask,
    polygon_to_mask,
    polygons_to_mask,
    segmentation_cross_entropy,
    segmentation_metrics,
    soft_dice_loss,
    soft_iou_loss,
)

torchvision_cpu.cure()  # torchmetrics and segmentation_models_pytorch import torchvision; the cure comes first

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
FLOATS = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.uint16, torch.int32, torch.int64]
SOFT_LOSSES: list[Callable[..., Tensor]] = [soft_iou_loss, soft_dice_loss]

MASK = torch.tensor(
    [
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0],
        [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        [3, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        [3, 2, 2, 2, 3, 1, 1, 1, 1, 1, 1, 1, 1],
        [3, 2, 3, 3, 3, 3, 1, 1, 1, 1, 1, 1, 3],
        [3, 3, 3, 3, 3, 3, 3, 1, 1, 3, 3, 3, 3],
    ]
)  # (9, 13), the lecture's mask: wall 0, sofa 1, table 2, floor 3
SHIFTED = torch.cat([MASK[:, :1], MASK[:, :-1]], dim=1)  # (9, 13), one pixel to the right

# Logits (1, 4, 9, 13), drawn around MASK once and kept as little-endian float32: a seed gives others elsewhere.
LOGITS = base64.b64decode("""
1QWXPwVSGUC4hzlAkJEcP+Cf6j/mPxJAtvCtP7OcjT97TDtAVnS7P5IcVz+SGcU/tFgtQPzQQEDSvg5ARMVFQPys1T6adNY/nkl7QC3C1T9Tsw
xAeg0yQL6AQkA8Q6M/VTTlP7Bv5D+gsTw+HM/TP0DQe713JCtANjktPy7mIz/yTvU/rf78P/coC0AGjIlAKkE9QOxHqz9I9ZU/EnmyP6BHGT+N
B1NAGgrSP21Bh7+y7oW+YhGAvn9JAD93I4U+IHg2vgndhL7UXm28qdzOP+hWd79EwIe/wzSevoMtbz+a6c8/4WzNOlYF4L428gbAm4+SP6qtw7
5u5bW+wxJBPwRwCD4v7To+8r4Dv83uTD/XIJ+/S9/bv2wXFb87hx2/m8Niv+Y3mT8wV+8+/2QTvojfT7+G7cW+87uEv0OPFz+BfxDANADPPqJ7
Ej+0mZ0+EesAvjgxdb/QO+A/0sR6P8wCzL7aUjG+88JBP1N5fD8dSVO/izQnPkdTAD+d1LU/Mm0Jv6cxVD8QToc/m2aNv4+AAj48Lpu8zYXQvk
MdCD8hbMQ+D8/0P9t0m7+mtOI/w88BP1ReIb6drus+U5yTvy32j79A/qC+Cz8gP7H4uT1BARa/H6v6vsfJIz92Ahw/e+NQv6QGlD9Q95q/UtQB
P1+03L5i/hw/xeiQPuW8lz8yoxE/OIEIPr9cDz9AMjy/Xl1lvt2jS79QkgjAJ9A/v3INuj9PTcW/D7WpvirrDD9wzQE+HPPBv2Wmab/6w6I/KO
GFPvYBGb4UgJM/e8CQvyiZBUBi3Ae/nudNP2dWlz32hYo9TIUMv8vx0r5f9lw98DY5P/e0ir9DvQe/M3wIQD+oK0BAIXk/0+H1P2Q0CUAyw1lA
r6nKP8yWCkAuZKQ/rWcsvw9kNr9UjKc/HMsOQEJJnz/hqvA/GxY9QFiMCUDnzcM/om2TP1NiNEBsMA1A4t4sQL6Opz9+mZU+4Qq7P7xTnT7+Yk
I/CCJiQPC9nD+gpxq+BGk4P6xjgT9fcP8/zDvSP6btC0AMqVU/CYhiPwllpD8JOVa/vaa2v7RSib5IYyK/wAr9P79HL0AUZypARyswQLXZJEDc
VwRAE3TzPxk7HD955Ge/kHdhvy5VXL/koyy/cVFBwPWwGUAij3A/uCReP+DBKT6OnLw/K3ZJQOf2j76cqTC/GJG9P8NfQ72WQvE+L9wlPyFyqj
++FZe+Ayr+P2Jbtj8sYsw+Qd7/vnzEpL9PuEK+sj+nvdAeWr9WYNa+PeGuPiCJd77CEKU/wX83v1ywXD/fN9++crT3vme7IL+UiQBAUyFBP4q8
gj34OSA/4w6Gvmcy0774Ysc9Gr5JP2k9T7/mt749KtKZvrkN0DuY08C/190fvzHt5z6Gp08/GbQxQGh3Qz+amje+LOq1v/qLhb8lmJK+BpZIP6
cxJz4N71e/u6Q/P+SX+T3PSRi+Uzu8P9EzTT44jzG/LJ4ZP5Q6Qb8CCNA/aEjmPwrBgb/NHnW/T8mzPs/FDTxC2tE+Fx+YO1VWTD8xJFY+J27a
vhytTD9P0QO+B23LPu2W3D4Jq4S/iecdvwOpuz/fsOQ/uqr0vQMsjT8I+1e/Z9joP2VS0z8ar0lAYzDIv5t2JT+3qCq/TYOlPpMY3z4+wmc/U9
G/PqZ1jT8iBLo9YP0sP5S4wj+SKpY/x1H4PyUGHT81+XC+p9DBv8ZPLj6tgsi/4+GHPiVR4bxuaA08bCEkP4R/Hj/Ulpo/pWc8v6w22T1V1Wc/
3em3vxnur75uS4U+hCsUPoleIj/dGmG/+hahPqd1gr8WdqU+Rk2LvEBxlz8p4cY/cycsvjH7Nr+occk+q+rTvtZhl78GLwC/cg8WQBlLn7922Q
NAAvzfPg9daT9BDtC/A5YKPlcOIr/JG7y+75nBv/h1eT/OMgo/ned8vqlsRb5IgmQ+80k1vH90gb/yFZk/6HSUPWJB4L/qh5o+2d0NP+9Z1j/7
uVw/Np6jv3RlTb4B9cW/VagsPA6TQT+evQu+z4WtvdfXi79gqMQ/FjF9PwSwdb+81nq/GEgAP7VakrsUyIA/HibdvxLpvr9m2xe/ameNv24tZT
4f5Zc/fIzJP42kB78FT40+6GErP2sf0z+6GhY+9Ee8vkdblr9fBBU+ynqjv8Zw6z19X4Y/hYBiQMy0Jb5h0Jw/hkCqvTztzr9Na5q/jIrpPXT2
iD+L8d+/Tyk8Pw3Y+j6LMvQ/xFs0PXPCrT/FCKA/x3fXPtajdj9kxo0/Hbw6P8ZFn77mW7o+6rh+voBRhr6fvAo/OCzjP+XrND/10ak/pWumPd
3SwT9sYghAk2nLPhdCz79vFGQ/zCcIv10TZj9Dqay/6detP35qR0CHc44//B5+PwA97z9mDvQ/GB8oQMp/0r7GcsC/vvQlP+I5iD9gy94/eoGB
vzWvHUDnsNg/CEsJQLaUHj8jbyJAyjlnQAdL7D8g0BY/q42yP5EXyT6RWc8/VqjJP7LllD/9hw1A
""")


def lecture_logits() -> Tensor:
    return torch.from_numpy(np.frombuffer(LOGITS, dtype="<f4").astype(np.float64)).reshape(1, 4, 9, 13)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def integer(generator: torch.Generator, low: int, high: int) -> int:
    return int(torch.randint(low, high, (), generator=generator))


def randn(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def tensor(*rows: object) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def binary_case() -> tuple[Tensor, Tensor]:
    """Return logits (1, 1, 2, 2) and target (1, 2, 2); I = 2.3333712, sums 5.6023126, U = 3.2689414."""
    return tensor([[[2, -1], [0, 3]]]), torch.tensor([[[1, 0], [1, 1]]])


def certain(mask: Tensor, num_classes: int) -> Tensor:
    """Return logits whose softmax is exactly the one-hot mask."""
    return (2 * one_hot_mask(mask, num_classes).double() - 1) * 1e4


def random_case(seed: int, every_class: bool = False) -> tuple[Tensor, Tensor, int]:
    """Return logits (N, K, H, W), target (N, H, W) and K; classes may be absent unless ``every_class``."""
    generator = seeded(seed)
    n, k = integer(generator, 1, 4), integer(generator, 1, 6)
    h, w = integer(generator, 1, 7), integer(generator, 1, 7)
    if every_class:
        h = max(h, -(-k // w))
    target = torch.randint(0, k, (n, h, w), generator=generator)
    if every_class:
        target.view(n, -1)[:, :k] = torch.arange(k)
    return 3 * randn(generator, n, k, h, w), target, k


# ---------------------------------------------------------------------------------------------------------- polygons

SQUARE = [0, 0, 9, 0, 9, 9, 0, 9]
TRIANGLE = [0, 0, 8, 0, 0, 8]


def ring(vertices: list[tuple[float, float]]) -> list[float]:
    return [coordinate for vertex in vertices for coordinate in vertex]


def random_polygon(generator: torch.Generator, size: float = 20.0, num_vertices: int | None = None) -> list[float]:
    """Return a polygon in general position; most cross themselves and leave the image."""
    n = num_vertices or integer(generator, 3, 10)
    vertices: list[float] = ((torch.rand(2 * n, generator=generator, dtype=torch.float64) * 1.4 - 0.2) * size).tolist()
    return vertices


def test_a_polygon_with_integer_corners_has_as_many_pixels_as_centres_inside() -> None:
    assert int(polygon_to_mask(SQUARE, 20, 20).sum()) == 81  # 100 with the boundary
    assert int(polygon_to_mask(TRIANGLE, 20, 20).sum()) == 28  # 45 with the boundary
    assert torch.equal(polygon_to_mask(SQUARE, 9, 9), torch.ones(9, 9, dtype=torch.bool))


def test_x_runs_over_columns_and_y_over_rows() -> None:
    mask = polygon_to_mask([1, 0, 5, 0, 5, 2, 1, 2], height=3, width=6)
    expected = torch.zeros(3, 6, dtype=torch.bool)
    expected[0:2, 1:5] = True
    assert mask.dtype == torch.bool
    assert torch.equal(mask, expected)
    assert torch.equal(polygon_to_mask([0, 1, 0, 5, 2, 5, 2, 1], height=6, width=3), expected.T)


def test_a_thin_polygon_paints_a_pixel_only_if_it_covers_the_centre() -> None:
    for left, right, painted in ((0.4, 0.6, True), (0.0, 0.4, False), (0.6, 1.0, False)):
        assert polygon_to_mask([left, 0, right, 0, right, 1, left, 1], 1, 1).item() is painted


@pytest.mark.parametrize("seed", range(20))
def test_the_ring_may_be_closed_turned_round_and_begun_anywhere(seed: int) -> None:
    flat = random_polygon(seeded(seed))
    expected = polygon_to_mask(flat, 18, 22)
    vertices = list(zip(flat[::2], flat[1::2], strict=True))
    for variant in (
        [*vertices, vertices[0]],
        vertices[::-1],
        [*vertices[2:], *vertices[:2]],
        [vertex for vertex in vertices for _ in range(2)],
    ):
        assert torch.equal(polygon_to_mask(ring(variant), 18, 22), expected)


def test_a_region_wound_round_twice_is_outside() -> None:
    angles = [2 * math.pi * 2 * i / 5 - math.pi / 2 for i in range(5)]
    star = ring([(20 + 18 * math.cos(angle), 20 + 18 * math.sin(angle)) for angle in angles])
    mask = polygon_to_mask(star, 40, 40)
    assert not mask[20, 20]  # the pentagon in the middle
    assert mask[6, 20]  # the upper arm
    assert torch.equal(mask, mask.flip(1))


def test_a_bow_tie_is_two_triangles() -> None:
    mask = polygon_to_mask([0, 0, 8, 8, 8, 0, 0, 8], 8, 8)
    i, j = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
    strictly_inside = ((j > i) & (j > 7 - i)) | ((j < i) & (j < 7 - i))
    assert torch.equal(mask & (i != j) & (i + j != 7), strictly_inside)


def test_a_centre_on_an_edge_belongs_to_what_lies_right_of_it_or_below() -> None:
    mask = polygon_to_mask([0.5, 0.5, 2.5, 0.5, 2.5, 2.5, 0.5, 2.5], 4, 4)
    expected = torch.zeros(4, 4, dtype=torch.bool)
    expected[0:2, 0:2] = True
    assert torch.equal(mask, expected)


def test_polygons_that_share_edges_cover_each_pixel_once() -> None:
    generator = seeded(0)
    frame = [(0.0, 0.0), (16.0, 0.0), (16.0, 16.0), (0.0, 16.0)]
    for trial in range(200):
        x, y = (torch.rand(2, generator=generator, dtype=torch.float64) * 16).tolist()
        if trial % 2:
            x, y = math.floor(x) + 0.5, math.floor(y) + 0.5  # on a centre; many centres then lie on the edges
        fan = [polygon_to_mask(ring([frame[i], frame[(i + 1) % 4], (x, y)]), 16, 16).int() for i in range(4)]
        assert torch.equal(torch.stack(fan).sum(dim=0), torch.ones(16, 16, dtype=torch.int64))


def centre_rule(flat: list[float], height: int, width: int) -> Tensor:
    """Return the mask in rational arithmetic: for each centre, count the edges strictly to its right."""
    numbers = list(map(Fraction, flat))
    vertices = list(zip(numbers[::2], numbers[1::2], strict=True))
    mask = torch.zeros(height, width, dtype=torch.bool)
    for r, c in itertools.product(range(height), range(width)):
        x, y = c + Fraction(1, 2), r + Fraction(1, 2)
        crossings = 0
        for (x1, y1), (x2, y2) in itertools.pairwise([*vertices, vertices[0]]):
            if (y1 > y) != (y2 > y):
                crossings += x1 + (y - y1) / (y2 - y1) * (x2 - x1) > x
        mask[r, c] = crossings % 2 == 1
    return mask


def test_masks_equal_rational_arithmetic_also_when_centres_lie_on_edges_and_vertices() -> None:
    generator = seeded(1)
    for trial in range(120):
        flat = random_polygon(generator, size=9)
        if trial % 3:
            flat = [round(2 * coordinate) / 2 for coordinate in flat]
        if len(set(zip(flat[::2], flat[1::2], strict=True))) < 3:
            continue
        assert torch.equal(polygon_to_mask(flat, 8, 10), centre_rule(flat, 8, 10)), flat


def test_a_polygon_may_leave_the_image_or_lie_beside_it() -> None:
    assert polygon_to_mask([-5, -5, 50, -5, 50, 50, -5, 50], 7, 3).all()
    assert not polygon_to_mask([10, 0, 20, 0, 20, 5, 10, 5], 5, 10).any()
    assert not polygon_to_mask([-9, 0, -1, 0, -1, 5, -9, 5], 5, 10).any()


def test_vertices_on_one_line_enclose_nothing() -> None:
    for line in ([0, 0, 4, 4, 8, 8], [0, 2, 5, 2, 9, 2], [3, 0, 3, 4, 3, 9], [0.5, 0.5, 4.5, 4.5, 2.5, 2.5]):
        assert not polygon_to_mask(line, 9, 9).any()


def test_coordinates_may_be_a_tuple_an_array_or_a_tensor() -> None:
    expected = polygon_to_mask(TRIANGLE, 9, 9)
    for flat in (tuple(TRIANGLE), np.array(TRIANGLE), torch.tensor(TRIANGLE), torch.tensor(TRIANGLE).half()):
        assert torch.equal(polygon_to_mask(flat, 9, 9), expected)  # type: ignore[arg-type]  # sequences in all but name


def test_the_lecture_mask_is_painted_from_the_polygons_of_its_runs() -> None:
    polygons: list[list[list[float]]] = [[], [], [], []]
    for row, labels in enumerate(MASK.tolist()):
        column = 0
        for label, run in itertools.groupby(labels):
            end = column + len(list(run))
            polygons[label].append([column, row, end, row, end, row + 1, column, row + 1, column, row])
            column = end
    mask = polygons_to_mask(polygons, 9, 13, background=255)
    assert mask.dtype == torch.int64
    assert torch.equal(mask, MASK)
    assert MASK.flatten().bincount().tolist() == [44, 46, 7, 20]


def test_later_classes_cover_earlier_ones_and_the_rest_is_background() -> None:
    wall, sofa, table = [0, 0, 4, 0, 4, 4, 0, 4], [1, 1, 4, 1, 4, 3, 1, 3], [2, 0, 3, 0, 3, 4, 2, 4]
    mask = polygons_to_mask([[wall], [sofa], [table]], 4, 5, background=255)
    assert mask.tolist() == [[0, 0, 2, 0, 255], [0, 1, 2, 1, 255], [0, 1, 2, 1, 255], [0, 0, 2, 0, 255]]
    reverse = polygons_to_mask([[table], [sofa], [wall]], 4, 5, background=-1)
    assert reverse.tolist() == [[2, 2, 2, 2, -1]] * 4


def test_class_k_is_painted_with_k_also_when_it_equals_the_background() -> None:
    square, corner = [0, 0, 2, 0, 2, 2, 0, 2], [0, 0, 1, 0, 1, 1, 0, 1]
    assert polygons_to_mask([[corner]], 2, 2).tolist() == [[0, 0], [0, 0]]
    assert polygons_to_mask([[corner], [square]], 2, 3, background=1).tolist() == [[1, 1, 1], [1, 1, 1]]
    assert polygons_to_mask([[], [square], [corner]], 2, 3).tolist() == [[2, 1, 0], [1, 1, 0]]


def test_polygons_of_one_class_are_united() -> None:
    outer, inner, beside = [0, 0, 4, 0, 4, 4, 0, 4], [1, 1, 3, 1, 3, 3, 1, 3], [5, 0, 6, 0, 6, 4, 5, 4]
    mask = polygons_to_mask([[], [outer, inner, beside]], 4, 6)
    assert mask.tolist() == [[1, 1, 1, 1, 0, 1]] * 4


def test_without_polygons_everything_is_background() -> None:
    nothing: list[list[list[list[float]]]] = [[], [[], []]]
    for polygons in nothing:
        assert polygons_to_mask(polygons, 2, 3, background=7).tolist() == [[7] * 3] * 2


def test_polygons_equal_matplotlib_and_scikit_image_in_general_position() -> None:
    from matplotlib.path import Path
    from skimage.draw import polygon2mask
    from skimage.measure import points_in_poly

    generator = seeded(2)
    rows, columns = np.mgrid[:18, :22]
    centres = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)  # (396, 2)
    for _ in range(200):
        flat = random_polygon(generator)
        vertices = np.array(flat).reshape(-1, 2)
        mask = polygon_to_mask(flat, 18, 22).numpy()
        assert (mask == Path(np.concatenate([vertices, vertices[:1]])).contains_points(centres).reshape(18, 22)).all()
        assert (mask == points_in_poly(centres, vertices).reshape(18, 22)).all()  # type: ignore[no-untyped-call]
        # For scikit-image the centre of the first pixel is (0, 0), and rows come first.
        assert (mask == polygon2mask((18, 22), vertices[:, ::-1] - 0.5)).all()  # type: ignore[no-untyped-call]


# pycocotools 2.0.11 predates the copy argument of NumPy 2
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_others_paint_the_boundary_or_approximate_the_centre_rule() -> None:
    from PIL import Image, ImageDraw
    from pycocotools import mask as coco_mask
    from skimage.draw import polygon2mask

    def pillow(flat: list[float]) -> Tensor:
        image = Image.new("L", (20, 20))
        ImageDraw.Draw(image).polygon(flat, fill=1)
        return torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).reshape(20, 20).bool()

    def coco(flat: list[float]) -> Tensor:
        return torch.from_numpy(coco_mask.decode(coco_mask.frPyObjects([flat], 20, 20))[:, :, 0]).bool()

    def scikit_image(flat: list[float]) -> Tensor:
        return torch.from_numpy(polygon2mask((20, 20), np.array(flat).reshape(-1, 2)[:, ::-1]))  # type: ignore[no-untyped-call]

    painters = (pillow, scikit_image, coco)
    assert [int(paint(list(map(float, SQUARE))).sum()) for paint in painters] == [100, 100, 81]
    assert [int(paint(list(map(float, TRIANGLE))).sum()) for paint in painters] == [45, 45, 28]

    generator = seeded(3)
    overlaps = []
    for _ in range(50):
        centre, radius = 10.0, 5 + 4 * torch.rand(7, generator=generator, dtype=torch.float64)
        flat = ring(
            [
                (centre + r * math.cos(2 * math.pi * i / 7), centre + r * math.sin(2 * math.pi * i / 7))
                for i, r in enumerate(radius.tolist())
            ]
        )
        ours = polygon_to_mask(flat, 20, 20)
        overlaps.append([float((ours & mask).sum() / (ours | mask).sum()) for mask in (p(flat) for p in painters)])
    inclusive, shifted, nearly = torch.tensor(overlaps).mean(dim=0).tolist()
    assert 0.8 < inclusive < 0.95
    assert 0.8 < shifted < 0.95
    assert 0.97 < nearly <= 1.0


# ------------------------------------------------------------------------------------------------------- one-hot masks


def test_one_hot_masks_have_the_classes_in_dimension_one() -> None:
    one_hot = one_hot_mask(MASK[None], num_classes=5)
    assert one_hot.dtype == torch.float32
    assert one_hot.shape == (1, 5, 9, 13)
    assert one_hot.sum(dim=(0, 2, 3)).tolist() == [44, 46, 7, 20, 0]
    for k in range(5):
        assert torch.equal(one_hot[0, k], MASK.eq(k).float())


@pytest.mark.parametrize("seed", range(50))
def test_one_hot_masks_equal_the_permuted_ones_of_torch(seed: int) -> None:
    _, target, k = random_case(seed)
    assert torch.equal(one_hot_mask(target, k), F.one_hot(target, k).permute(0, 3, 1, 2).float())
    ignored = torch.rand(target.shape, generator=seeded(seed)) < 0.3
    one_hot = one_hot_mask(target.masked_fill(ignored, -100), k, ignore_index=-100)
    assert torch.equal(one_hot.sum(dim=1), (~ignored).float())
    assert torch.equal(one_hot, one_hot_mask(target, k) * ~ignored.unsqueeze(1))


def test_a_class_may_be_the_ignored_one() -> None:
    one_hot = one_hot_mask(torch.tensor([[[0, 1], [2, 1]]]), 3, ignore_index=1)
    assert one_hot.sum(dim=1).tolist() == [[[1, 0], [1, 0]]]
    assert one_hot[:, 1].sum() == 0


# -------------------------------------------------------------------------------------------------- losses, hand values


def test_the_cross_entropy_of_the_lecture_mask() -> None:
    logits = lecture_logits()
    assert segmentation_cross_entropy(logits, MASK[None]).item() == pytest.approx(0.6487550791, abs=2e-9)
    target = MASK[None].clone()
    target[:, 0] = 255
    assert segmentation_cross_entropy(logits, target).item() == pytest.approx(0.6547675639, abs=2e-9)


def test_the_soft_losses_of_the_lecture_mask() -> None:
    logits, target = lecture_logits(), MASK[None]
    assert soft_iou_loss(logits, target).item() == pytest.approx(0.6353050240, abs=2e-9)
    assert soft_dice_loss(logits, target).item() == pytest.approx(0.4809363972, abs=2e-9)
    for k, iou in enumerate([0.4975941, 0.4733787, 0.1586888, 0.3291183]):
        probability = logits.softmax(dim=1)[:, k]
        binary = soft_iou_loss(probability.logit(), (target == k).long(), mode="binary")
        assert binary.item() == pytest.approx(1 - iou, abs=1e-7)


def test_the_soft_losses_of_two_by_two_pixels() -> None:
    logits, target = binary_case()
    assert soft_iou_loss(logits, target, "binary").item() == pytest.approx(0.2861997, abs=1e-7)
    assert soft_dice_loss(logits, target, "binary").item() == pytest.approx(0.1669971, abs=1e-7)  # squared: 0.0676828
    assert soft_iou_loss(logits, target, "binary", smooth=1.0).item() == pytest.approx(0.2191574, abs=1e-7)
    assert soft_dice_loss(logits, target, "binary", smooth=1.0).item() == pytest.approx(0.1417034, abs=1e-7)


def test_binary_logits_may_have_a_channel_or_not() -> None:
    logits, target = binary_case()
    for loss in SOFT_LOSSES:
        expected = loss(logits, target, "binary")
        assert torch.equal(loss(logits[:, 0], target, "binary"), expected)
        assert torch.equal(loss(logits, target[:, None], "binary"), expected)
        assert torch.equal(loss(logits, target.bool(), "binary"), expected)


def test_ratios_are_averaged_per_sample_not_over_the_batch() -> None:
    target, found = torch.zeros(2, 4, 4, dtype=torch.int64), torch.zeros(2, 4, 4, dtype=torch.int64)
    target[0, 0, 0] = found[0, 3, 3] = 1
    target[1] = found[1] = 1
    logits = (2.0 * found - 1) * 1e4
    assert [soft_dice_loss(logits[n, None], target[n, None], "binary").item() for n in (0, 1)] == [1.0, 0.0]
    assert soft_dice_loss(logits, target, "binary").item() == 0.5
    assert soft_iou_loss(logits, target, "binary").item() == 0.5
    pooled = segmentation_metrics(found, target, 2)["dice"][1]
    assert float(pooled) == 32 / 34  # metrics pool the batch, 1 - 0.9411765 would be the loss of pooled sums


def test_all_pairs_of_a_sample_and_a_class_in_its_target_weigh_the_same() -> None:
    target = torch.tensor([[[0, 0, 0]], [[0, 1, 2]]])  # one class in the first image, three in the second
    logits = certain(torch.tensor([[[0, 0, 0]], [[1, 2, 0]]]), 3)
    assert soft_dice_loss(logits, target).item() == 1 - 1 / 4  # 1 - 1 / 2 if samples were averaged first
    assert soft_iou_loss(logits, target).item() == 1 - 1 / 4  # 1 - 1 / 6 if classes were


def test_predicting_an_absent_class_costs_only_where_it_covers_a_present_one() -> None:
    target = torch.zeros(1, 1, 4, dtype=torch.int64)
    logits = certain(torch.tensor([[[0, 0, 0, 2]]]), 3)
    assert soft_iou_loss(logits, target).item() == 1 - 3 / 4
    assert soft_dice_loss(logits, target).item() == pytest.approx(1 - 6 / 7, abs=1e-15)
    assert soft_dice_loss(logits, target, smooth=1.0).item() == pytest.approx(1 - 7 / 8, abs=1e-15)


# --------------------------------------------------------------------------------------------------- losses, properties


@pytest.mark.parametrize("seed", range(30))
def test_with_certain_predictions_the_soft_losses_are_those_of_hard_masks(seed: int) -> None:
    _, target, k = random_case(seed)
    target = target[:1]
    pred = torch.randint(0, k, target.shape, generator=seeded(seed))
    metrics = segmentation_metrics(pred, target, k)
    present = target.flatten().bincount(minlength=k) > 0
    logits = certain(pred, k)
    assert soft_iou_loss(logits, target).item() == pytest.approx(1 - float(metrics["iou"][present].mean()), abs=1e-15)
    assert soft_dice_loss(logits, target).item() == pytest.approx(1 - float(metrics["dice"][present].mean()), abs=1e-15)
    assert soft_iou_loss(certain(target, k), target).item() == 0.0
    assert soft_dice_loss(certain(target, k), target).item() == 0.0


def naive_soft_loss(
    logits: Tensor, target: Tensor, score: str, smooth: float, ignore_index: int | None, binary: bool
) -> float:
    """Return the loss pixel by pixel in Python floats."""
    losses = []
    for n in range(len(logits)):
        labels = target[n].flatten().tolist()
        pixels = [pixel.tolist() for pixel in logits[n].flatten(1).T]  # H * W lists of K
        for k in [1] if binary else range(logits.shape[1]):
            intersection = sum_p = sum_t = 0.0
            for label, z in zip(labels, pixels, strict=True):
                if label == ignore_index:
                    continue
                p = 1 / (1 + math.exp(-z[0])) if binary else math.exp(z[k]) / sum(map(math.exp, z))
                sum_p += p
                if label == k:
                    intersection += p
                    sum_t += 1
            if sum_t > 0 and score == "iou":
                losses.append(1 - (intersection + smooth) / (sum_p + sum_t - intersection + smooth))
            elif sum_t > 0:
                losses.append(1 - (2 * intersection + smooth) / (sum_p + sum_t + smooth))
    return math.fsum(losses) / len(losses) if losses else 0.0


def test_the_soft_losses_equal_loops_over_samples_classes_and_pixels() -> None:
    num_absent = num_empty = 0
    for seed in range(300):
        logits, target, k = random_case(seed)
        generator = seeded(1000 + seed)
        smooth = [0.0, 1e-3, 1.0][seed % 3]
        ignored = torch.rand(target.shape, generator=generator) < [0.0, 0.3, 1.0][integer(generator, 0, 10) // 4 % 3]
        target = target.masked_fill(ignored, 255)
        num_absent += len(set(target.flatten().tolist())) < k
        num_empty += bool(ignored.all())
        for score, loss in (("iou", soft_iou_loss), ("dice", soft_dice_loss)):
            actual = loss(logits, target, "multiclass", smooth, 255).item()
            assert actual == pytest.approx(naive_soft_loss(logits, target, score, smooth, 255, False), abs=1e-13)
            foreground = target.where(target == 255, (target == 0).long())
            actual = loss(logits[:, :1], foreground, "binary", smooth, 255).item()
            expected = naive_soft_loss(logits[:, :1], foreground, score, smooth, 255, True)
            assert actual == pytest.approx(expected, abs=1e-13)
    assert num_absent > 50
    assert num_empty > 20


@pytest.mark.parametrize("loss", SOFT_LOSSES)
@pytest.mark.parametrize("seed", range(10))
def test_a_soft_loss_ignores_order_of_pixels_names_of_classes_and_common_logits(
    loss: Callable[..., Tensor], seed: int
) -> None:
    logits, target, k = random_case(seed)
    expected = loss(logits, target)
    assert 0 <= expected.item() <= 1
    order = torch.randperm(target[0].numel(), generator=seeded(seed))
    shuffled = loss(logits.flatten(2)[:, :, order].unsqueeze(2), target.flatten(1)[:, order].unsqueeze(1))
    names = torch.randperm(k, generator=seeded(seed))
    renamed = loss(logits[:, names.argsort()], names[target])
    lifted = loss(logits + randn(seeded(seed), len(logits), 1, *target.shape[1:]), target)
    torch.testing.assert_close(torch.stack([shuffled, renamed, lifted]), expected.expand(3), rtol=0, atol=1e-14)


@pytest.mark.parametrize("seed", range(10))
def test_for_one_class_dice_is_two_iou_over_one_plus_iou(seed: int) -> None:
    logits, target, _ = random_case(seed)
    foreground = (target == 0).long()[:1]
    foreground[0, 0, 0] = 1
    iou, dice = (1 - loss(logits[:1, :1], foreground, "binary").item() for loss in SOFT_LOSSES)
    assert dice == pytest.approx(2 * iou / (1 + iou), abs=1e-14)


def test_a_sigmoid_is_the_softmax_against_a_logit_of_zero() -> None:
    logits, target = binary_case()
    two = torch.cat([torch.zeros_like(logits), logits], dim=1)
    for loss in SOFT_LOSSES:
        foreground = loss(logits, target, "binary")
        background = loss(-logits, 1 - target, "binary")
        assert loss(two, target).item() == pytest.approx((foreground + background).item() / 2, abs=1e-15)
    assert soft_dice_loss(two, target, ignore_index=None).item() != soft_dice_loss(logits, target, "binary").item()


@pytest.mark.parametrize("seed", range(8))
def test_every_loss_has_the_right_gradient(seed: int) -> None:
    logits, target, _ = random_case(seed)
    logits = logits[:, :, :3, :3].clone().requires_grad_()
    target = target[:, :3, :3].clone()
    target[0, 0, 0] = 255
    foreground = (target == 0).long()
    assert torch.autograd.gradcheck(lambda z: segmentation_cross_entropy(z, target).nan_to_num(), (logits,))
    for loss, smooth in itertools.product(SOFT_LOSSES, (0.0, 1.0)):
        assert torch.autograd.gradcheck(
            lambda z, loss=loss, smooth=smooth: loss(z, target, "multiclass", smooth, 255), (logits,)
        )
        assert torch.autograd.gradcheck(
            lambda z, loss=loss, smooth=smooth: loss(z[:, :1], foreground, "binary", smooth), (logits,)
        )


def test_ignored_pixels_have_no_gradient_and_the_others_do() -> None:
    target = MASK[None].clone()
    target[:, 0] = 255
    for loss in (segmentation_cross_entropy, *SOFT_LOSSES):
        logits = lecture_logits().requires_grad_()
        value: Tensor = loss(logits, target, ignore_index=255)
        (gradient,) = torch.autograd.grad(value, logits)
        assert not gradient[:, :, 0].any()
        assert (gradient[:, :, 1:] != 0).all()


@pytest.mark.parametrize("loss", [segmentation_cross_entropy, *SOFT_LOSSES])
def test_gradient_descent_on_each_loss_finds_the_mask(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    logits = lecture_logits().requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.5)
    for _ in range(60):
        optimizer.zero_grad()
        torch.autograd.backward(loss(logits, MASK[None]))
        optimizer.step()
    assert torch.equal(logits.argmax(dim=1), MASK[None])
    assert loss(logits, MASK[None]).item() < 0.01


# ------------------------------------------------------------------------------------------------------- losses, edges


def test_cross_entropy_without_a_pixel_that_counts_is_nan_and_soft_losses_are_zero() -> None:
    logits = lecture_logits().requires_grad_()
    nothing = torch.full((1, 9, 13), 255)
    assert segmentation_cross_entropy(logits, nothing).isnan()
    assert segmentation_cross_entropy(logits[:0], nothing[:0]).isnan()
    for loss in SOFT_LOSSES:
        for smooth in (0.0, 1.0):
            value = loss(logits, nothing, "multiclass", smooth, 255)
            assert value.item() == 0.0
            (gradient,) = torch.autograd.grad(value, logits)
            assert not gradient.any()
        assert loss(logits[:0], nothing[:0]).item() == 0.0
        assert loss(logits[:, :1], nothing, "binary", ignore_index=255).item() == 0.0


@pytest.mark.parametrize("smooth", [0.0, 1.0])
@pytest.mark.parametrize("logit", [-1e4, 0.0, 1e4])
def test_a_binary_mask_without_foreground_is_skipped(logit: float, smooth: float) -> None:
    logits, empty = torch.full((1, 1, 2, 2), logit, requires_grad=True), torch.zeros(1, 2, 2, dtype=torch.int64)
    for loss in SOFT_LOSSES:
        value = loss(logits, empty, "binary", smooth)
        assert value.item() == 0.0
        (gradient,) = torch.autograd.grad(value, logits)
        assert gradient.isfinite().all()
        two_logits, target = binary_case()
        both = loss(torch.cat([two_logits, logits.double()]), torch.cat([target, empty]), "binary", smooth)
        assert both.item() == loss(two_logits, target, "binary", smooth).item()


def test_all_background_is_a_class_like_any_other_in_multiclass() -> None:
    background = torch.zeros(1, 3, 3, dtype=torch.int64)
    for loss in SOFT_LOSSES:
        assert loss(certain(background, 4), background).item() == 0.0
        assert loss(certain(background + 1, 4), background).item() == 1.0
        assert loss(certain(background, 4), MASK[None, 3:6, 0:3]).item() == pytest.approx(
            1 - naive_hard(loss, MASK[3:6, 0:3]), abs=1e-15
        )


def naive_hard(loss: Callable[..., Tensor], mask: Tensor) -> float:
    """Return the mean score of predicting 0 everywhere: only class 0 overlaps at all."""
    zeros, present = int((mask == 0).sum()), len(set(mask.flatten().tolist()))
    return (zeros / mask.numel() if loss is soft_iou_loss else 2 * zeros / (mask.numel() + zeros)) / present


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("scale", [1e4, -1e4])
def test_huge_logits_overflow_nowhere(dtype: torch.dtype, scale: float) -> None:
    target = torch.tensor([[[0, 1]]])
    logits = (scale * torch.tensor([[[[1.0, -1.0]], [[-1.0, 1.0]]]])).to(dtype).requires_grad_()
    right = scale > 0
    wide = torch.tensor(scale).to(dtype).double().abs().item()
    cross_entropy = segmentation_cross_entropy(logits, target)
    assert cross_entropy.item() == (0.0 if right else pytest.approx(2 * wide, rel=1e-2))
    for loss in SOFT_LOSSES:
        for value in (loss(logits, target), loss(logits[:, 1:], target, "binary")):
            assert value.item() == (0.0 if right else 1.0)
            (gradient,) = torch.autograd.grad(value, logits)
            assert gradient.isfinite().all()


@pytest.mark.parametrize("dtype", FLOATS)
def test_losses_keep_the_dtype_and_sum_in_a_wider_one(dtype: torch.dtype) -> None:
    target = torch.ones(1, 512, 512, dtype=torch.uint8)  # 262144 ones: more than float16 can count to
    target[0, 0] = 0
    logits = torch.stack([torch.zeros(512, 512), torch.ones(512, 512)])[None].to(dtype)
    wide = logits.double()
    for loss in SOFT_LOSSES:
        for arguments in ((logits, target), (logits[:, 1:], target, "binary")):
            value = loss(*arguments)
            assert value.dtype == dtype
            assert value.shape == ()
            expected = loss(arguments[0].double(), *arguments[1:])
            assert value.item() == expected.to(dtype).item()
    value = segmentation_cross_entropy(logits, target)
    assert value.dtype == dtype
    assert value.item() == segmentation_cross_entropy(wide, target).to(dtype).item()


@pytest.mark.parametrize("dtype", [torch.bool, *INTEGERS])
def test_masks_of_every_integer_dtype_are_accepted(dtype: torch.dtype) -> None:
    wide = (MASK == 1).long()[None]
    narrow, logits = wide.to(dtype), lecture_logits()
    assert torch.equal(one_hot_mask(narrow, 2), one_hot_mask(wide, 2))
    assert torch.equal(segmentation_cross_entropy(logits, narrow), segmentation_cross_entropy(logits, wide))
    for loss in SOFT_LOSSES:
        assert torch.equal(loss(logits, narrow), loss(logits, wide))
        assert torch.equal(loss(logits[:, :1], narrow, "binary"), loss(logits[:, :1], wide, "binary"))
        assert torch.equal(loss(logits, narrow, ignore_index=-100), loss(logits, wide))
    shifted = wide.roll(1, 2)
    for pred, target in ((shifted.to(dtype), narrow), (shifted.to(dtype), wide), (shifted, narrow)):
        assert torch.equal(confusion_matrix(pred, target, 2), confusion_matrix(shifted, wide, 2))


def test_an_ignore_index_outside_the_dtype_does_not_wrap_around() -> None:
    target = torch.full((1, 2, 2), 156, dtype=torch.uint8)  # -100 in eight bits
    logits = torch.zeros(1, 157, 2, 2)
    assert segmentation_cross_entropy(logits, target, ignore_index=-100).item() == pytest.approx(math.log(157))
    assert one_hot_mask(target, 157, ignore_index=-100).sum() == 4
    assert confusion_matrix(target, target, 157, ignore_index=-100).sum() == 4
    assert soft_dice_loss(logits, target, ignore_index=-100).item() > 0


def test_the_default_ignore_index_of_cross_entropy_is_255_and_the_others_have_none() -> None:
    functions = (one_hot_mask, soft_iou_loss, soft_dice_loss, confusion_matrix, segmentation_metrics)
    assert [inspect.signature(f).parameters["ignore_index"].default for f in functions] == [None] * 5
    assert inspect.signature(segmentation_cross_entropy).parameters["ignore_index"].default == 255
    logits = torch.zeros(1, 300, 1, 2)
    assert segmentation_cross_entropy(logits, torch.tensor([[[255, 255]]])).isnan()
    assert segmentation_cross_entropy(logits, torch.tensor([[[255, 299]]]), ignore_index=-1).isfinite()


# ------------------------------------------------------------------------------------------------------ losses, oracles


def test_cross_entropy_equals_torch_in_value_and_gradient() -> None:
    for seed in range(300):
        logits, target, _ = random_case(seed)
        ignored = torch.rand(target.shape, generator=seeded(seed)) < 0.2 * (seed % 3)
        target = target.masked_fill(ignored, 255)
        logits.requires_grad_()
        ours, theirs = segmentation_cross_entropy(logits, target), F.cross_entropy(logits, target, ignore_index=255)
        torch.testing.assert_close(ours, theirs, rtol=1e-13, atol=1e-14, equal_nan=True)
        if not ignored.all():
            gradients = [torch.autograd.grad(value, logits)[0] for value in (ours, theirs)]
            torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-15)


def test_soft_losses_equal_segmentation_models_pytorch_for_one_image() -> None:
    import segmentation_models_pytorch as smp  # type: ignore[import-untyped, unused-ignore]

    for seed in range(100):
        logits, target, k = random_case(seed, every_class=True)
        logits, target = logits[:1], target[:1]
        iou, dice = (soft_iou_loss, smp.losses.JaccardLoss, 1), (soft_dice_loss, smp.losses.DiceLoss, 2)
        for ours, theirs, factor in (iou, dice):
            for smooth in (0.0, 1.0):
                # Its Dice is (I + smooth) / (I + FP / 2 + FN / 2 + smooth), so its smooth is half of ours.
                expected = theirs("multiclass", smooth=smooth / factor)(logits, target)
                torch.testing.assert_close(ours(logits, target, smooth=smooth), expected, rtol=0, atol=1e-7)
                foreground = (target == k - 1).long()
                expected = theirs("binary", smooth=smooth / factor)(logits[:, :1], foreground[:, None])
                actual = ours(logits[:, :1], foreground, "binary", smooth)
                torch.testing.assert_close(actual, expected, rtol=0, atol=1e-6)
        ignored = target.clone()
        ignored[0, -1, -1] = 255
        if len(set(ignored.flatten().tolist())) == k + 1:
            expected = smp.losses.DiceLoss("multiclass", ignore_index=255)(logits, ignored)
            actual = soft_dice_loss(logits, ignored, ignore_index=255)
            torch.testing.assert_close(actual, expected, rtol=0, atol=1e-7)


def test_segmentation_models_pytorch_pools_the_batch_and_counts_absent_classes_as_perfect() -> None:
    import segmentation_models_pytorch as smp  # type: ignore[import-untyped, unused-ignore]

    target = torch.zeros(2, 4, 4, dtype=torch.int64)
    found = target.clone()
    target[0, 0, 0] = found[0, 3, 3] = 1
    target[1] = found[1] = 1
    pooled = smp.losses.DiceLoss("binary")((2.0 * found - 1)[:, None] * 1e4, target[:, None])
    assert pooled.item() == pytest.approx(1 - 32 / 34, abs=1e-6)
    logits = torch.cat([lecture_logits(), torch.full((1, 1, 9, 13), -1e4)], dim=1)  # a fifth class that never occurs
    theirs = smp.losses.JaccardLoss("multiclass")(logits, MASK[None]).item()
    assert theirs == pytest.approx(0.6353050240 * 4 / 5, abs=1e-6)
    assert soft_iou_loss(logits, MASK[None]).item() == pytest.approx(0.6353050240, abs=2e-9)


def test_soft_losses_equal_monai_when_every_class_occurs_in_every_image() -> None:
    from monai.losses.dice import DiceLoss

    for seed in range(100):
        logits, target, k = random_case(seed, every_class=True)
        if k == 1:
            continue  # MONAI refuses a softmax over one channel
        for smooth in (0.0, 1.0):
            dice = DiceLoss(softmax=True, to_onehot_y=True, smooth_nr=smooth, smooth_dr=smooth)
            actual = soft_dice_loss(logits, target, smooth=smooth)
            torch.testing.assert_close(actual, dice(logits, target[:, None]), rtol=0, atol=1e-6)
            # Its Jaccard is 2 I / 2 U, so its smooth is twice ours.
            jaccard = DiceLoss(softmax=True, to_onehot_y=True, jaccard=True, smooth_nr=2 * smooth, smooth_dr=2 * smooth)
            actual = soft_iou_loss(logits, target, smooth=smooth)
            torch.testing.assert_close(actual, jaccard(logits, target[:, None]), rtol=0, atol=1e-6)
        foreground = (target == 0).long()
        dice = DiceLoss(sigmoid=True, smooth_nr=0, smooth_dr=0)
        actual = soft_dice_loss(logits[:, :1], foreground, "binary")
        torch.testing.assert_close(actual, dice(logits[:, :1], foreground[:, None]), rtol=0, atol=1e-6)


def test_monai_counts_absent_classes_as_missed() -> None:
    from monai.losses.dice import DiceLoss

    logits, target = certain(torch.tensor([[[0, 0, 0, 1]]]), 3), torch.zeros(1, 1, 4, dtype=torch.int64)
    theirs = DiceLoss(softmax=True, to_onehot_y=True, smooth_nr=0, smooth_dr=1e-5)(logits, target[:, None])
    assert theirs.item() == pytest.approx(1 - (6 / 7) / 3, abs=1e-5)
    assert soft_dice_loss(logits, target).item() == pytest.approx(1 - 6 / 7, abs=1e-15)


# ------------------------------------------------------------------------------------------------------------- metrics


def test_the_metrics_of_the_lecture_mask_shifted_by_one_pixel() -> None:
    counts = [[43, 1, 0, 0], [2, 40, 1, 3], [0, 0, 4, 3], [0, 2, 2, 16]]
    confusion = confusion_matrix(SHIFTED, MASK, 4)
    assert confusion.dtype == torch.int64
    assert confusion.tolist() == counts
    metrics = segmentation_metrics(SHIFTED, MASK, 4)
    assert metrics["pixel_accuracy"] == 103 / 117
    assert metrics["iou"].tolist() == [43 / 46, 40 / 49, 4 / 10, 16 / 26]
    assert metrics["dice"].tolist() == [86 / 89, 80 / 89, 8 / 14, 32 / 42]
    assert metrics["precision"].tolist() == [43 / 45, 40 / 43, 4 / 7, 16 / 22]
    assert metrics["recall"].tolist() == [43 / 44, 40 / 46, 4 / 7, 16 / 20]
    assert metrics["mean_iou"] == pytest.approx(0.6916234, abs=5e-8)
    assert metrics["mean_dice"] == pytest.approx(0.7996255, abs=5e-8)
    frequency = MASK.flatten().bincount() / 117
    assert float((frequency * metrics["iou"]).sum()) == pytest.approx(0.8016167, abs=5e-8)


def test_metrics_are_python_floats_and_one_float64_per_class() -> None:
    metrics = segmentation_metrics(SHIFTED, MASK, 5)
    assert list(metrics) == ["pixel_accuracy", "iou", "dice", "precision", "recall", "mean_iou", "mean_dice"]
    for value in metrics.values():
        if isinstance(value, Tensor):
            assert value.shape == (5,)
            assert value.dtype == torch.float64
        else:
            assert type(value) is float


def test_the_majority_class_alone_is_right_in_four_pixels_of_ten() -> None:
    accuracies = [segmentation_metrics(torch.full_like(MASK, k), MASK, 4)["pixel_accuracy"] for k in range(4)]
    assert accuracies == [44 / 117, 46 / 117, 7 / 117, 20 / 117]


def test_two_bands_that_overlap_by_half() -> None:
    target, pred = torch.zeros(4, 4, dtype=torch.int64), torch.zeros(4, 4, dtype=torch.int64)
    target[0:2], pred[1:3] = 1, 1
    metrics = segmentation_metrics(pred, target, 2)
    assert confusion_matrix(pred, target, 2).tolist() == [[4, 4], [4, 4]]
    assert metrics["pixel_accuracy"] == 0.5
    assert metrics["iou"].tolist() == [1 / 3, 1 / 3]
    assert metrics["dice"].tolist() == [0.5, 0.5]  # 2 / 3 with union below, 1 / 4 without the 2


def test_a_class_in_neither_mask_is_nan_and_left_out_of_the_means() -> None:
    four, five = segmentation_metrics(SHIFTED, MASK, 4), segmentation_metrics(SHIFTED, MASK, 5)
    for key in ("iou", "dice", "precision", "recall"):
        assert five[key][4].isnan()
        assert torch.equal(five[key][:4], four[key])
    assert five["mean_iou"] == four["mean_iou"]  # 0.5533 with a zero, 0.7533 with a one
    assert five["mean_dice"] == four["mean_dice"]
    assert five["pixel_accuracy"] == four["pixel_accuracy"]


def test_a_class_in_one_mask_only_has_zero_and_counts() -> None:
    target, invented = torch.tensor([0, 0, 0, 0]), torch.tensor([0, 0, 0, 1])
    for pred, truth, precision, recall in ((invented, target, 0.0, None), (target, invented, None, 0.0)):
        metrics = segmentation_metrics(pred, truth, 2)
        assert metrics["iou"].tolist() == [0.75, 0.0]
        assert metrics["dice"].tolist() == [6 / 7, 0.0]
        assert metrics["mean_iou"] == 0.375
        assert metrics["mean_dice"] == pytest.approx(3 / 7)
        for key, value in (("precision", precision), ("recall", recall)):
            actual = float(metrics[key][1])  # type: ignore[literal-required]
            assert math.isnan(actual) if value is None else actual == value


def test_all_background_and_one_class_alone() -> None:
    background = torch.zeros(3, 3, dtype=torch.int64)
    metrics = segmentation_metrics(background, background, 1)
    assert (metrics["pixel_accuracy"], metrics["mean_iou"], metrics["mean_dice"]) == (1.0, 1.0, 1.0)
    metrics = segmentation_metrics(background, background + 1, 2)
    assert metrics["iou"].tolist() == [0.0, 0.0]
    assert (metrics["pixel_accuracy"], metrics["mean_iou"]) == (0.0, 0.0)
    assert segmentation_metrics(background, background, 2)["mean_iou"] == 1.0


def test_the_background_counts_like_any_other_class() -> None:
    iou = segmentation_metrics(SHIFTED, MASK, 4)["iou"]
    assert float(iou[1:].mean()) == pytest.approx(0.6106, abs=5e-5)
    assert segmentation_metrics(SHIFTED, MASK, 4)["mean_iou"] == pytest.approx(float(iou.mean()), abs=1e-15)


def test_without_a_pixel_that_counts_every_metric_is_nan() -> None:
    for pred, target in ((MASK, torch.full_like(MASK, 255)), (MASK[:0], MASK[:0])):
        assert confusion_matrix(pred, target, 4, ignore_index=255).tolist() == [[0] * 4] * 4
        metrics = segmentation_metrics(pred, target, 4, ignore_index=255)
        for value in metrics.values():
            assert value.isnan().all() if isinstance(value, Tensor) else math.isnan(value)  # type: ignore[arg-type]


def test_pixels_whose_target_is_ignored_are_in_no_count() -> None:
    pred, target = SHIFTED.clone(), MASK.clone()
    target[0], pred[0] = 255, 200  # what is predicted there may be anything
    counts = confusion_matrix(pred, target, 4, ignore_index=255)
    assert torch.equal(counts, confusion_matrix(SHIFTED[1:], MASK[1:], 4))
    assert int(counts.sum()) == 104
    ours, cut = segmentation_metrics(pred, target, 4, 255), segmentation_metrics(SHIFTED[1:], MASK[1:], 4)
    assert (ours["pixel_accuracy"], ours["mean_iou"]) == (cut["pixel_accuracy"], cut["mean_iou"])


def test_a_prediction_of_the_ignored_class_on_a_pixel_that_counts_is_wrong() -> None:
    pred, target = torch.tensor([1, 1, 0, 0]), torch.tensor([1, 0, 0, 1])
    assert confusion_matrix(pred, target, 2, ignore_index=1).tolist() == [[1, 1], [0, 0]]
    assert segmentation_metrics(pred, target, 2, ignore_index=1)["pixel_accuracy"] == 0.5


@pytest.mark.parametrize("seed", range(30))
def test_identities_between_the_metrics(seed: int) -> None:
    _, target, k = random_case(seed)
    pred = torch.randint(0, k, target.shape, generator=seeded(seed))
    confusion, metrics = confusion_matrix(pred, target, k), segmentation_metrics(pred, target, k)
    assert torch.equal(confusion, confusion_matrix(target, pred, k).T)
    assert int(confusion.sum()) == target.numel()
    assert torch.equal(confusion.sum(dim=1), target.flatten().bincount(minlength=k))
    iou, dice, swapped = metrics["iou"], metrics["dice"], segmentation_metrics(target, pred, k)
    torch.testing.assert_close(dice, 2 * iou / (1 + iou), equal_nan=True)
    torch.testing.assert_close(iou, dice / (2 - dice), equal_nan=True)
    torch.testing.assert_close(swapped["precision"], metrics["recall"], rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(swapped["iou"], iou, rtol=0, atol=0, equal_nan=True)
    # Pooled over classes, Dice says no more than accuracy.
    accuracy = metrics["pixel_accuracy"]
    tp, wrong = int(confusion.trace()), int(confusion.sum() - confusion.trace())
    assert 2 * tp / (2 * tp + 2 * wrong) == pytest.approx(accuracy, abs=1e-15)
    assert tp / (tp + 2 * wrong) == pytest.approx(accuracy / (2 - accuracy), abs=1e-15)


def test_metrics_equal_rational_arithmetic() -> None:
    for seed in range(200):
        _, target, k = random_case(seed)
        pred = torch.randint(0, k, target.shape, generator=seeded(seed))
        pairs = list(zip(pred.flatten().tolist(), target.flatten().tolist(), strict=True))
        metrics = segmentation_metrics(pred, target, k)
        ious, dices = [], []
        for c in range(k):
            tp = sum(p == t == c for p, t in pairs)
            fp, fn = sum(p == c != t for p, t in pairs), sum(t == c != p for p, t in pairs)
            for key, numerator, denominator in (
                ("iou", tp, tp + fp + fn),
                ("dice", 2 * tp, 2 * tp + fp + fn),
                ("precision", tp, tp + fp),
                ("recall", tp, tp + fn),
            ):
                actual = float(metrics[key][c])  # type: ignore[literal-required]
                assert actual == numerator / denominator if denominator else math.isnan(actual)
            if tp + fp + fn:
                ious.append(Fraction(tp, tp + fp + fn))
                dices.append(Fraction(2 * tp, 2 * tp + fp + fn))
        assert metrics["pixel_accuracy"] == sum(p == t for p, t in pairs) / len(pairs)
        assert metrics["mean_iou"] == pytest.approx(float(sum(ious) / len(ious)), abs=1e-15)
        assert metrics["mean_dice"] == pytest.approx(float(sum(dices) / len(dices)), abs=1e-15)


def test_metrics_equal_scikit_learn() -> None:
    from sklearn import metrics as sklearn_metrics

    for seed in range(60):
        _, target, k = random_case(seed)
        if k == 1:
            continue  # scikit-learn warns of a single label
        pred = torch.randint(0, k, target.shape, generator=seeded(seed))
        truth, guess, labels = target.flatten().numpy(), pred.flatten().numpy(), list(range(k))
        ours = segmentation_metrics(pred, target, k)
        matrix = sklearn_metrics.confusion_matrix(truth, guess, labels=labels)
        assert confusion_matrix(pred, target, k).tolist() == matrix.tolist()
        for key, function in (
            ("dice", sklearn_metrics.f1_score),
            ("precision", sklearn_metrics.precision_score),
            ("recall", sklearn_metrics.recall_score),
        ):
            expected = function(truth, guess, labels=labels, average=None, zero_division=np.nan)
            np.testing.assert_allclose(ours[key].numpy(), expected, rtol=1e-14)  # type: ignore[literal-required]
        iou = sklearn_metrics.jaccard_score(truth, guess, labels=labels, average=None, zero_division=0)
        np.testing.assert_allclose(ours["iou"].nan_to_num().numpy(), iou, rtol=1e-14)


def test_metrics_equal_torchmetrics_apart_from_absent_classes() -> None:
    from torchmetrics.functional.classification import multiclass_confusion_matrix, multiclass_jaccard_index
    from torchmetrics.functional.segmentation import dice_score, mean_iou

    for seed in range(60):
        _, target, k = random_case(seed)
        if k == 1:
            continue  # torchmetrics wants at least two classes
        pred = torch.randint(0, k, target.shape, generator=seeded(seed))
        ignored = torch.rand(target.shape, generator=seeded(seed)) < 0.2
        holed = target.masked_fill(ignored, 255)
        theirs = multiclass_confusion_matrix(pred, holed, k, ignore_index=255)
        assert torch.equal(confusion_matrix(pred, holed, k, ignore_index=255), theirs)
        ours = segmentation_metrics(pred, target, k)
        iou = multiclass_jaccard_index(pred, target, k, average=None)
        torch.testing.assert_close(ours["iou"].nan_to_num(0).float(), iou)  # an absent class has 0 there
        macro = multiclass_jaccard_index(pred, target, k, average="macro")
        assert ours["mean_iou"] == pytest.approx(macro.item(), abs=1e-6)  # but is left out of the mean
        one = segmentation_metrics(pred[:1], target[:1], k)
        per_class = mean_iou(pred[:1], target[:1], k, per_class=True, input_format="index")[0]
        torch.testing.assert_close(one["iou"].nan_to_num(-1).float(), per_class)  # here it has -1
        dice = dice_score(pred[:1], target[:1], k, average="none", input_format="index")[0]
        torch.testing.assert_close(one["dice"].float(), dice, equal_nan=True)  # and here NaN


def test_the_accuracy_of_segmentation_models_pytorch_counts_true_negatives_of_every_class() -> None:
    import segmentation_models_pytorch as smp  # type: ignore[import-untyped, unused-ignore]

    counts = smp.metrics.get_stats(SHIFTED[None], MASK[None], mode="multiclass", num_classes=4)
    ours = segmentation_metrics(SHIFTED, MASK, 4)
    tp, fp, fn, _ = (count[0] for count in counts)  # (K,) each
    assert torch.equal(tp, confusion_matrix(SHIFTED, MASK, 4).diagonal())
    torch.testing.assert_close(ours["iou"], tp.double() / (tp + fp + fn))
    assert smp.metrics.iou_score(*counts, reduction="macro").item() == pytest.approx(ours["mean_iou"], abs=1e-6)
    assert smp.metrics.accuracy(*counts, reduction="micro").item() == pytest.approx(0.9402, abs=5e-5)
    assert ours["pixel_accuracy"] == pytest.approx(0.8803419, abs=5e-8)


def test_the_contingency_table_of_scikit_image_is_the_confusion_matrix() -> None:
    from skimage.metrics import contingency_table

    table = contingency_table(MASK.numpy(), SHIFTED.numpy()).toarray()  # type: ignore[no-untyped-call]
    np.testing.assert_array_equal(table, confusion_matrix(SHIFTED, MASK, 4).numpy())


# --------------------------------------------------------------------------------------------------------------- U-Net


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def on_meta(in_channels: int = 1, num_classes: int = 2, base: int = 64, padding: str = "same") -> UNet:
    """Return a U-Net that knows its shapes and has no numbers."""
    with torch.device("meta"):
        return UNet(in_channels, num_classes, base, padding)


@pytest.fixture(scope="module")
def paper() -> UNet:
    return on_meta(padding="valid")


def small(padding: str = "same", seed: int = 0, in_channels: int = 2, num_classes: int = 3, base: int = 2) -> UNet:
    """Return a float64 U-Net whose weights, biases included, keep its activations of order one."""
    unet = UNet(in_channels, num_classes, base, padding).double()
    generator = seeded(seed)
    with torch.no_grad():
        for parameter in unet.parameters():
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 1
            parameter.copy_(randn(generator, *parameter.shape) * (math.sqrt(2 / fan_in) if fan_in > 1 else 0.1))
    return unet


def test_the_paper_network_has_31030658_parameters_in_23_convolutional_layers(paper: UNet) -> None:
    assert count(paper) == 31_030_658
    layers = [module for module in paper.modules() if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d))]
    kinds = [(type(layer).__name__, layer.kernel_size) for layer in layers]
    assert len(layers) == 23
    assert kinds.count(("Conv2d", (3, 3))) == 18
    assert kinds.count(("ConvTranspose2d", (2, 2))) == 4
    assert kinds.count(("Conv2d", (1, 1))) == 1
    assert not list(paper.buffers())
    encoder = [paper.enc1, paper.enc2, paper.enc3, paper.enc4, paper.bottleneck]
    ups, decoder = [paper.up4, paper.up3, paper.up2, paper.up1], [paper.dec4, paper.dec3, paper.dec2, paper.dec1]
    assert [sum(map(count, part)) for part in (encoder, ups, decoder, [paper.head])] == [
        18_842_048,
        2_786_240,
        9_402_240,
        130,
    ]


@pytest.mark.parametrize(
    ("in_channels", "num_classes", "base", "expected"),
    [
        (1, 2, 64, 31_030_658),
        (1, 1, 64, 31_030_593),
        (3, 1, 64, 31_031_745),
        (3, 2, 64, 31_031_810),
        (3, 4, 64, 31_031_940),
        (3, 21, 64, 31_033_045),
        (3, 4, 32, 7_760_196),
        (3, 4, 16, 1_941_156),
        (3, 4, 8, 485_844),
    ],
)
def test_parameters_by_channels_classes_and_width(in_channels: int, num_classes: int, base: int, expected: int) -> None:
    for padding in ("same", "valid"):
        assert count(on_meta(in_channels, num_classes, base, padding)) == expected


def test_the_defaults_are_those_of_the_contract() -> None:
    parameters = inspect.signature(UNet).parameters
    assert {name: parameter.default for name, parameter in parameters.items()} == {
        "in_channels": 1,
        "num_classes": 2,
        "base": 64,
        "padding": "same",
    }
    assert list(inspect.signature(DoubleConv).parameters) == ["in_channels", "out_channels", "padding"]
    assert inspect.signature(DoubleConv).parameters["padding"].default == "same"


def test_the_keys_of_the_state_dict_and_the_shapes_behind_them() -> None:
    expected: dict[str, tuple[int, ...]] = {}
    widths = {"enc1": (3, 4), "enc2": (4, 8), "enc3": (8, 16), "enc4": (16, 32), "bottleneck": (32, 64)}
    widths |= {"dec4": (64, 32), "dec3": (32, 16), "dec2": (16, 8), "dec1": (8, 4)}
    for name, (in_channels, out_channels) in widths.items():
        for conv, channels in (("conv1", in_channels), ("conv2", out_channels)):
            expected[f"{name}.{conv}.weight"] = (out_channels, channels, 3, 3)
            expected[f"{name}.{conv}.bias"] = (out_channels,)
    for level, channels in ((4, 32), (3, 16), (2, 8), (1, 4)):
        expected[f"up{level}.weight"] = (2 * channels, channels, 2, 2)
        expected[f"up{level}.bias"] = (channels,)
    expected |= {"head.weight": (5, 4, 1, 1), "head.bias": (5,)}
    unet = UNet(in_channels=3, num_classes=5, base=4)
    assert {key: tuple(value.shape) for key, value in unet.state_dict().items()} == expected


def sizes(unet: UNet, size: int) -> dict[str, int]:
    """Return the height of the output of every direct child that has weights."""
    seen: dict[str, int] = {}
    hooks = [
        child.register_forward_hook(lambda _, __, output, name=name: seen.__setitem__(name, output.shape[2]))
        for name, child in unet.named_children()
        if name not in ("pool",)
    ]
    device = next(unet.parameters()).device
    unet(torch.zeros(1, unet.in_channels, size, size, device=device))
    for hook in hooks:
        hook.remove()
    return seen


def test_map_sizes_of_the_papers_figure(paper: UNet) -> None:
    assert sizes(paper, 572) == {
        "enc1": 568,
        "enc2": 280,
        "enc3": 136,
        "enc4": 64,
        "bottleneck": 28,
        "up4": 56,
        "dec4": 52,
        "up3": 104,
        "dec3": 100,
        "up2": 200,
        "dec2": 196,
        "up1": 392,
        "dec1": 388,
        "head": 388,
    }
    same = on_meta(base=1)
    assert sizes(same, 48) == {
        "enc1": 48,
        "enc2": 24,
        "enc3": 12,
        "enc4": 6,
        "bottleneck": 3,
        "up4": 6,
        "dec4": 6,
        "up3": 12,
        "dec3": 12,
        "up2": 24,
        "dec2": 24,
        "up1": 48,
        "dec1": 48,
        "head": 48,
    }


def test_valid_outputs_are_184_smaller_and_other_sizes_are_refused() -> None:
    unet = on_meta(in_channels=3, num_classes=4, base=1, padding="valid")
    for size in range(160, 290):
        x = torch.zeros(2, 3, size, 188, device="meta")
        if size in range(188, 290, 16):
            assert unet(x).shape == (2, 4, size - 184, 4)
            assert unet(x.transpose(2, 3)).shape == (2, 4, 4, size - 184)
        else:
            for image in (x, x.transpose(2, 3)):
                with pytest.raises(ValueError, match="UNet: expected height and width of 188"):
                    unet(image)


def test_same_outputs_have_the_size_of_the_input_and_other_sizes_are_refused() -> None:
    unet = on_meta(in_channels=3, num_classes=4, base=1)
    for size in range(70):
        x = torch.zeros(2, 3, size, 32, device="meta")
        if size in (16, 32, 48, 64):
            assert unet(x).shape == (2, 4, size, 32)
            assert unet(x.transpose(2, 3)).shape == (2, 4, 32, size)
        else:
            for image in (x, x.transpose(2, 3)):
                with pytest.raises(ValueError, match="UNet: expected height and width of multiples of 16"):
                    unet(image)


def figure_one(weights: dict[str, Tensor], x: Tensor, padding: int, order: tuple[int, int] = (0, 1)) -> Tensor:
    """Return the paper's network as functions, cropping with a negative padding."""

    def double_conv(name: str, x: Tensor) -> Tensor:
        for conv in ("conv1", "conv2"):
            x = F.conv2d(x, weights[f"{name}.{conv}.weight"], weights[f"{name}.{conv}.bias"], padding=padding)
            x = x.clamp(min=0)
        return x

    skips = []
    for level in (1, 2, 3, 4):
        skips.append(double_conv(f"enc{level}", x))
        x = skips[-1].unfold(2, 2, 2).unfold(3, 2, 2).amax(dim=(4, 5))
    x = double_conv("bottleneck", x)
    for level in (4, 3, 2, 1):
        n, _, h, w = x.shape
        kernel, bias = weights[f"up{level}.weight"], weights[f"up{level}.bias"]
        x = torch.einsum("nihw,ioab->nohawb", x, kernel).reshape(n, -1, 2 * h, 2 * w) + bias[:, None, None]
        margin = (skips[level - 1].shape[2] - 2 * h) // 2
        parts = (F.pad(skips[level - 1], [-margin] * 4), x)
        x = double_conv(f"dec{level}", torch.cat([parts[i] for i in order], dim=1))
    return torch.einsum("nchw,kc->nkhw", x, weights["head.weight"][:, :, 0, 0]) + weights["head.bias"][:, None, None]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("padding", "height", "width"), [("same", 32, 48), ("valid", 204, 220)])
def test_outputs_equal_the_network_written_as_functions(padding: str, height: int, width: int, seed: int) -> None:
    unet = small(padding, seed)
    x = randn(seeded(seed), 2, 2, height, width)
    with torch.no_grad():
        logits = unet(x)
        weights = dict(unet.state_dict())
        conv_padding = 1 if padding == "same" else 0
        torch.testing.assert_close(logits, figure_one(weights, x, conv_padding), rtol=1e-10, atol=1e-10)
        swapped = figure_one(weights, x, conv_padding, order=(1, 0))
    assert logits.std() > 0.05
    assert (logits - swapped).abs().max() > 0.01 * logits.abs().max()  # the order of the concatenation is visible
    assert (logits < 0).any()  # no ReLU after the head


def test_a_double_convolution_is_two_of_each() -> None:
    for padding, margin in (("same", 1), ("valid", 0)):
        block, x = DoubleConv(3, 5, padding).double(), randn(seeded(0), 2, 3, 8, 9)
        assert [name for name, _ in block.named_parameters()] == [
            "conv1.weight",
            "conv1.bias",
            "conv2.weight",
            "conv2.bias",
        ]
        inner = F.conv2d(x, block.conv1.weight, block.conv1.bias, padding=margin).relu()
        expected = F.conv2d(inner, block.conv2.weight, block.conv2.bias, padding=margin).relu()
        torch.testing.assert_close(block(x), expected)
        assert block(x).shape == (2, 5, 4 + 4 * margin, 5 + 4 * margin)
        assert (block(x) >= 0).all()
        assert count(block) == 5 * 27 + 5 + 5 * 45 + 5


def test_a_valid_network_commutes_with_a_shift_by_16() -> None:
    unet, x = small("valid"), randn(seeded(1), 1, 2, 220, 204)
    with torch.no_grad():
        whole = unet(x)
        torch.testing.assert_close(unet(x[:, :, 16:204]), whole[:, :, 16:20])
        torch.testing.assert_close(unet(x[:, :, :188, :188]), whole[:, :, :4, :4])


def test_images_of_a_batch_do_not_see_each_other_and_modes_do_not_matter() -> None:
    unet, x = small(), randn(seeded(2), 3, 2, 16, 32)
    with torch.no_grad():
        whole = unet(x)
        for n in range(3):
            torch.testing.assert_close(unet(x[n : n + 1]), whole[n : n + 1])
        assert torch.equal(unet.eval()(x), whole)
        assert unet(x[:0]).shape == (0, 3, 16, 32)


def test_the_network_has_the_right_gradient_and_every_parameter_gets_one() -> None:
    unet = small(in_channels=1, num_classes=2, base=1)
    x = randn(seeded(3), 1, 1, 16, 16).requires_grad_()
    assert torch.autograd.gradcheck(unet, (x,))
    unet = small()
    target = torch.randint(0, 3, (2, 32, 32), generator=seeded(3))
    torch.autograd.backward(segmentation_cross_entropy(unet(randn(seeded(4), 2, 2, 32, 32)), target))
    assert all(p.grad is not None and p.grad.any() and p.grad.isfinite().all() for p in unet.parameters())


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_network_computes_in_every_float_dtype(dtype: torch.dtype) -> None:
    unet, x = small(), randn(seeded(5), 1, 2, 16, 16)
    with torch.no_grad():
        expected = unet(x)
        logits = unet.to(dtype)(x.to(dtype))
    assert logits.dtype == dtype
    error = (logits.double() - expected).abs().max() / expected.abs().max()
    assert error <= {torch.float64: 0, torch.float32: 1e-5, torch.float16: 1e-2, torch.bfloat16: 5e-2}[dtype]


def test_the_network_is_initialised_from_the_global_generator_and_uses_it_no_further() -> None:
    torch.manual_seed(0)
    first = UNet(base=1)
    state = torch.get_rng_state()
    first(torch.zeros(1, 1, 16, 16))
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(0)
    second = UNet(base=1)
    assert all(torch.equal(value, second.state_dict()[key]) for key, value in first.state_dict().items())


def test_the_network_learns_the_lecture_mask() -> None:
    torch.manual_seed(0)
    unet = UNet(in_channels=1, num_classes=4, base=8)
    target = torch.full((1, 16, 16), 255)
    target[0, :9, :13] = MASK
    x = randn(seeded(6), 1, 1, 16, 16).float()
    optimizer = torch.optim.Adam(unet.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        logits = unet(x)
        loss = segmentation_cross_entropy(logits, target) + soft_dice_loss(logits, target, ignore_index=255)
        torch.autograd.backward(loss)
        optimizer.step()
    assert (
        segmentation_metrics(unet(x).argmax(dim=1), target, 4, 255)["pixel_accuracy"] > 0.8
    )  # 0.39 is sofa everywhere


# --------------------------------------------------------------------------------------- layouts, devices, side effects


def test_non_contiguous_and_channels_last_inputs_give_the_same_values() -> None:
    logits, target = lecture_logits(), MASK[None]
    last = logits.repeat(2, 1, 1, 1).to(memory_format=torch.channels_last)[:1]
    strided = logits.repeat_interleave(2, dim=3)[..., ::2]
    turned_target = target.transpose(1, 2).contiguous().transpose(1, 2)
    turned_shifted = SHIFTED.T.contiguous().T
    assert not any(x.is_contiguous() for x in (last, strided, turned_target, turned_shifted))
    for z in (last, strided):
        for loss in (segmentation_cross_entropy, *SOFT_LOSSES):
            torch.testing.assert_close(loss(z, turned_target), loss(logits, target), rtol=1e-14, atol=0)
        for loss in SOFT_LOSSES:
            foreground = (target == 1).long()
            turned = foreground.transpose(1, 2).contiguous().transpose(1, 2)
            expected = loss(logits[:, 1:2].contiguous(), foreground, "binary")
            torch.testing.assert_close(loss(z[:, 1:2], turned, "binary"), expected, rtol=1e-14, atol=0)
    assert torch.equal(one_hot_mask(turned_target, 4), one_hot_mask(target, 4))
    assert torch.equal(confusion_matrix(turned_shifted, MASK, 4), confusion_matrix(SHIFTED, MASK, 4))
    assert segmentation_metrics(SHIFTED.T, MASK.T, 4)["mean_iou"] == segmentation_metrics(SHIFTED, MASK, 4)["mean_iou"]
    unet, x = small(), randn(seeded(7), 2, 2, 32, 16)
    with torch.no_grad():
        torch.testing.assert_close(unet(x.to(memory_format=torch.channels_last)), unet(x))
        torch.testing.assert_close(unet(x.repeat_interleave(2, dim=2)[:, :, ::2]), unet(x))


def test_inputs_the_random_state_and_the_defaults_are_left_alone() -> None:
    logits, target, pred = lecture_logits().requires_grad_(), MASK[None].clone(), SHIFTED[None].clone()
    target[0, 0, 0] = 255
    polygon = [0.0, 0.0, 8.0, 0.0, 0.0, 8.0]
    polygons = [[polygon], [polygon]]
    inputs = [logits, target, pred]
    copies, versions = [value.detach().clone() for value in inputs], [value._version for value in inputs]
    state = torch.get_rng_state()
    segmentation_cross_entropy(logits, target)
    for loss in SOFT_LOSSES:
        loss(logits, target, ignore_index=255)
        loss(logits[:, :1], (target == 1).long(), "binary")
    segmentation_metrics(pred, target, 4, 255)
    one_hot_mask(target, 4, 255).zero_()
    polygon_to_mask(polygon, 9, 9)
    polygons_to_mask(polygons, 9, 9)
    assert all(map(torch.equal, inputs, copies))
    assert [value._version for value in inputs] == versions
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert polygons == [[[0.0, 0.0, 8.0, 0.0, 0.0, 8.0]]] * 2


@pytest.mark.parametrize("device", DEVICES)
def test_results_live_on_the_device_of_the_inputs(device: str) -> None:
    logits, target = lecture_logits().to(device), MASK[None].to(device)
    assert one_hot_mask(target, 4).device.type == device
    assert confusion_matrix(target, target, 4).device.type == device
    assert segmentation_metrics(target, target, 4)["iou"].device.type == device
    for loss in (segmentation_cross_entropy, *SOFT_LOSSES):
        assert loss(logits, target).device.type == device
    assert small().to(device)(torch.zeros(1, 2, 16, 16, dtype=torch.float64, device=device)).device.type == device


# -------------------------------------------------------------------------------------------------------------- errors

LABELS = torch.zeros(1, 2, 3, dtype=torch.int64)
ZEROS = torch.zeros(1, 4, 2, 3)
ONE_CHANNEL = ZEROS[:, :1]

WRONG_CALLS: dict[str, Callable[[], object]] = {
    "polygon_to_mask: expected an even number of coordinates, got 7.": lambda: polygon_to_mask([0] * 7, 3, 3),
    "polygon_to_mask: expected finite coordinates, got nan.": lambda: polygon_to_mask([0, 0, 1, math.nan, 2, 2], 3, 3),
    "polygon_to_mask: expected finite coordinates, got inf.": lambda: polygon_to_mask([0, 0, 1, math.inf, 2, 2], 3, 3),
    "polygon_to_mask: expected at least 3 distinct vertices, got 0.": lambda: polygon_to_mask([], 3, 3),
    "polygon_to_mask: expected at least 3 distinct vertices, got 1.": lambda: polygon_to_mask([1, 1] * 4, 3, 3),
    "polygon_to_mask: expected at least 3 distinct vertices, got 2.": lambda: polygon_to_mask([0, 0, 5, 5, 0, 0], 3, 3),
    "polygon_to_mask: expected a height and width of at least 1, got (0, 3).": lambda: polygon_to_mask(TRIANGLE, 0, 3),
    "polygon_to_mask: expected a height and width of at least 1, got (3, -1).": lambda: polygon_to_mask(
        TRIANGLE, 3, -1
    ),
    "polygons_to_mask: expected a height and width of at least 1, got (0, 3).": lambda: polygons_to_mask([], 0, 3),
    "polygon_to_mask: expected at least 3 distinct vertices, got 2. A": lambda: polygons_to_mask(
        [[TRIANGLE, [0, 0, 5, 5]]], 3, 3
    ),
    "one_hot_mask: expected shape (N, H, W), got (2, 3).": lambda: one_hot_mask(LABELS[0], 4),
    "one_hot_mask: expected shape (N, H, W), got (1, 1, 2, 3).": lambda: one_hot_mask(LABELS[None], 4),
    "one_hot_mask: expected integers in mask, got torch.float32.": lambda: one_hot_mask(LABELS.float(), 4),
    "one_hot_mask: expected integers in mask, got torch.complex64.": lambda: one_hot_mask(
        LABELS.to(torch.complex64), 4
    ),
    "one_hot_mask: expected at least 1 class, got 0.": lambda: one_hot_mask(LABELS, 0),
    "one_hot_mask: expected mask in [0, 4), got 4.": lambda: one_hot_mask(LABELS + 4, 4),
    "one_hot_mask: expected mask in [0, 4), got -1.": lambda: one_hot_mask(LABELS - 1, 4, ignore_index=255),
    "segmentation_cross_entropy: expected shape (N, K, H, W) with K >= 1, got (4, 2, 3).": (
        lambda: segmentation_cross_entropy(ZEROS[0], LABELS)
    ),
    "segmentation_cross_entropy: expected shape (N, K, H, W) with K >= 1, got (1, 0, 2, 3).": (
        lambda: segmentation_cross_entropy(ZEROS[:, :0], LABELS)
    ),
    "segmentation_cross_entropy: expected shape (1, 2, 3), got (1, 3, 2).": lambda: segmentation_cross_entropy(
        ZEROS, LABELS.transpose(1, 2)
    ),
    "segmentation_cross_entropy: expected shape (1, 2, 3), got (1, 1, 2, 3).": lambda: segmentation_cross_entropy(
        ZEROS, LABELS[None]
    ),
    "segmentation_cross_entropy: expected a floating dtype for logits, got torch.int64.": (
        lambda: segmentation_cross_entropy(ZEROS.long(), LABELS)
    ),
    "segmentation_cross_entropy: expected integers in target, got torch.float32.": lambda: segmentation_cross_entropy(
        ZEROS, LABELS.float()
    ),
    "segmentation_cross_entropy: expected target in [0, 4), got 4.": lambda: segmentation_cross_entropy(
        ZEROS, LABELS + 4
    ),
    "segmentation_cross_entropy: expected target in [0, 4), got -100.": lambda: segmentation_cross_entropy(
        ZEROS, LABELS - 100
    ),
    "segmentation_cross_entropy: expected target in [0, 4), got 255.": lambda: segmentation_cross_entropy(
        ZEROS, LABELS + 255, ignore_index=-100
    ),
    "soft_iou_loss: expected a mode of multiclass, binary, got 'multilabel'.": lambda: soft_iou_loss(
        ZEROS, LABELS, "multilabel"
    ),
    "soft_iou_loss: expected smooth >= 0, got -1.0.": lambda: soft_iou_loss(ZEROS, LABELS, smooth=-1.0),
    "soft_iou_loss: expected smooth >= 0, got nan.": lambda: soft_iou_loss(ZEROS, LABELS, smooth=math.nan),
    "soft_dice_loss: expected smooth >= 0, got inf.": lambda: soft_dice_loss(ZEROS, LABELS, smooth=math.inf),
    "soft_dice_loss: expected a mode of multiclass, binary, got 'Binary'.": lambda: soft_dice_loss(
        ZEROS, LABELS, "Binary"
    ),
    "soft_dice_loss: expected shape (N, 1, H, W), got (1, 4, 2, 3).": lambda: soft_dice_loss(ZEROS, LABELS, "binary"),
    "soft_dice_loss: expected shape (N, 1, H, W), got (1, 4, 2, 3). A": lambda: soft_dice_loss(
        ZEROS, ZEROS.long(), "binary"
    ),
    "soft_dice_loss: expected shape (N, 1, H, W), got (2, 3).": lambda: soft_dice_loss(ZEROS[0, 0], LABELS, "binary"),
    "soft_dice_loss: expected shape (N, K, H, W) with K >= 1, got (1, 2, 3).": lambda: soft_dice_loss(
        ZEROS[:, 0], LABELS
    ),
    "soft_dice_loss: expected shape (1, 2, 3), got (1, 2, 2).": lambda: soft_dice_loss(ZEROS, LABELS[:, :, :2]),
    "soft_dice_loss: expected shape (1, 2, 3), got (1, 2, 2). t": lambda: soft_dice_loss(
        ONE_CHANNEL, LABELS[:, :, :2], "binary"
    ),
    "soft_dice_loss: expected target in [0, 2), got 2.": lambda: soft_dice_loss(ONE_CHANNEL, LABELS + 2, "binary"),
    "soft_dice_loss: expected target in [0, 4), got 255.": lambda: soft_dice_loss(ZEROS, LABELS + 255),
    "soft_dice_loss: expected integers in target, got torch.float32.": lambda: soft_dice_loss(
        ONE_CHANNEL, LABELS.float(), "binary"
    ),
    "soft_dice_loss: expected a floating dtype for logits, got torch.bool.": lambda: soft_dice_loss(
        ONE_CHANNEL.bool(), LABELS, "binary"
    ),
    "confusion_matrix: expected shape (1, 2, 3), got (2, 3).": lambda: confusion_matrix(LABELS[0], LABELS, 4),
    "confusion_matrix: expected integers in pred, got torch.float32.": lambda: confusion_matrix(
        LABELS.float(), LABELS, 4
    ),
    "confusion_matrix: expected integers in target, got torch.float64.": lambda: confusion_matrix(
        LABELS, LABELS.double(), 4
    ),
    "confusion_matrix: expected at least 1 class, got 0.": lambda: confusion_matrix(LABELS, LABELS, 0),
    "confusion_matrix: expected pred in [0, 4), got 4.": lambda: confusion_matrix(LABELS + 4, LABELS, 4),
    "confusion_matrix: expected pred in [0, 4), got 255.": lambda: confusion_matrix(LABELS + 255, LABELS, 4, 255),
    "confusion_matrix: expected pred in [0, 4), got -1.": lambda: confusion_matrix(LABELS - 1, LABELS, 4),
    "confusion_matrix: expected target in [0, 4), got 4.": lambda: segmentation_metrics(LABELS, LABELS + 4, 4),
    "DoubleConv: expected a padding of same, valid, got 'reflect'.": lambda: DoubleConv(1, 2, "reflect"),
    "UNet: expected a padding of same, valid, got 'full'.": lambda: UNet(base=1, padding="full"),
    "UNet: expected shape (N, 1, H, W), got (1, 3, 16, 16).": lambda: UNet(base=1)(torch.zeros(1, 3, 16, 16)),
    "UNet: expected shape (N, 1, H, W), got (1, 16, 16).": lambda: UNet(base=1)(torch.zeros(1, 16, 16)),
    "UNet: expected height and width of multiples of 16, got (16, 20).": lambda: UNet(base=1)(
        torch.zeros(1, 1, 16, 20)
    ),
    "UNet: expected height and width of 188 + 16 k, got (172, 188).": lambda: UNet(base=1, padding="valid")(
        torch.zeros(1, 1, 172, 188)
    ),
}


@pytest.mark.parametrize("message", WRONG_CALLS)
def test_a_wrong_call_raises_a_value_error_that_names_both_sides(message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as caught:
        WRONG_CALLS[message]()
    assert "\n" not in str(caught.value)


def test_each_metric_has_a_row_in_the_table_of_the_docstring() -> None:
    assert all(
        f"``{key}``" in (segmentation_metrics.__doc__ or "") for key in segmentation.SegmentationMetrics.__annotations__
    )
