"""Hidden checks of the topic *segmentation*: masks, losses, metrics, the U-Net and its training.

Numbers are checked in float64, so that the order of operations does not matter; dtypes are checks of their own.
Networks are judged by the numbers that are loaded into them, never by their initial ones, and the paper's full size is
looked at on the meta device. Nothing that a training run says about itself counts: the overlap is computed here, from
the logits of the network it returns, on rooms that it has not seen.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import torch
from expectations import ATOL, RTOL, expect_floats, expect_rounded
from torch import Generator, Tensor
from wrong import segmentation as wrong

from autograder.checks import (
    Runs,
    call_limit,
    cpu_only,
    exercise,
    expect_close,
    expect_equal,
    expect_item,
    expect_no_side_effects,
    expect_number,
    expect_object,
    expect_placement,
    expect_raises,
    expect_tensor,
    expect_true,
    forbid,
    hint,
    misconception,
    oracle,
    points,
)
from reference import scenes
from reference import segmentation as reference

segmentation = oracle(reference)

INVALID = "invalid arguments must raise, which is tested on the CPU only"
NO_TENSORS = "polygons are plain numbers: there is no tensor that could be elsewhere"
SHAPES = "only names and shapes are looked at"
MORE_NUMBERS = "larger inputs, but no other path through the code than the small cases above"
TRAINS = "a training run takes its time, and is judged by its result alone"
TRAINING_S = 60.0  # the docstring says 25 on one core; a busy machine takes longer, and is nobody's fault
ROOMS, UNSEEN, SIZE, NUM_CLASSES = 240, 100, 32, 5
OVERLAP = 0.4  # mean IoU that the contract promises on rooms that the network has not seen

own_loss = forbid(
    "torch.nn.functional.cross_entropy",
    "torch.nn.functional.nll_loss",
    *(
        f"torch.ops.aten.{name}{ending}"
        for name in ("cross_entropy_loss", "nll_loss", "nll_loss2d", "nll_loss_nd", "nll_loss_forward")
        for ending in ("", ".*")
    ),
)

Check = TypeVar("Check", bound=Callable[..., None])
Mistakes = tuple[tuple[str, Callable[..., Any]], ...]


def mistakes(*pairs: tuple[str, Callable[..., Any]]) -> Callable[[Check], Check]:
    """Register several classic mistakes; the first is tried first."""

    def mark(check: Check) -> Check:
        for sentence, function in reversed(pairs):
            check = misconception(sentence, function)(check)
        return check

    return mark


SWAPPED = "The coordinates are read as row and column: x runs over the columns, and comes first"
CORNERS = "A corner of the pixel is looked at, not its centre"
BOUNDARY = "The boundary is painted, too: the square from 0 to 9 has 81 pixels, not 100"
TRANSPOSED = "The mask has the shape (W, H)"
CLASSES_LAST = "The classes are in the last dimension, not in dimension 1"
INFERRED = "The number of classes is inferred from the masks"
IGNORED_ZERO = "Ignored pixels are counted as class 0"
IGNORED_LAST = "Ignored pixels are counted as the last class"
IGNORES_NOTHING = "`ignore_index` has no effect on a label that is also a class"
IN_DENOMINATOR = "Ignored pixels are still counted in the denominator"
OVER_ROWS = "The softmax runs over the height (dimension 2)"
OVER_COLUMNS = "The softmax runs over the width (dimension 3)"
OVER_BATCH = "The softmax runs over the batch (dimension 0)"
TWICE = "Softmax, or the sigmoid, is applied twice"
LOGITS = "The logits are used as if they were probabilities"
HARD = "The probabilities are thresholded: masks of 0 and 1 have no gradient"
POOLED = "The sums run over the batch: there is one ratio for all samples"
MICRO = "The sums run over the classes, too: there is one ratio for everything"
SQUARED = "The denominator has squares (as in V-Net): it is linear here"
BACKGROUND = "Class 0 is left out"
NOT_SUBTRACTED = "The overlap is returned, not 1 minus it"
NEGATIVE = "The overlap is returned with a minus, without the 1"
PADDED = "The convolutions pad where `padding` is `valid`"
NOT_PADDED = "The convolutions do not pad where `padding` is `same`"


# ---------------------------------------------------------------------------------------------- polygons


POLYGON_MISTAKES: Mistakes = (
    (SWAPPED, wrong.polygon_swapped),
    (TRANSPOSED, wrong.polygon_transposed),
    ("The vertical axis points up: row 0 is at the top", wrong.polygon_upside_down),
    ("Inside and outside are swapped", wrong.polygon_outside),
    ("The bounding box is filled, not the polygon", wrong.polygon_box),
    ("The coordinates are rounded to whole numbers", wrong.polygon_rounded),
    ("The coordinates are cut to whole numbers", wrong.polygon_truncated),
    (CORNERS, wrong.polygon_at_corners),
    (CORNERS, wrong.polygon_far_corners),
    (BOUNDARY, wrong.polygon_with_boundary),
    (BOUNDARY, wrong.polygon_by_pillow),
    ("The last edge, back to the first vertex, is missing", wrong.polygon_open),
)


@exercise("polygon_to_mask")
@cpu_only(NO_TENSORS)
@points(1.0)
@hint("Where is the centre of the first pixel? And which of the two numbers of a vertex chooses the column?")
@mistakes(*POLYGON_MISTAKES)
def check_pixels_in_convex_polygons(student: Any) -> None:
    """The pixels whose centre is in a triangle, a rectangle or a hexagon are True."""
    for polygon in (
        [1.2, 0.7, 8.6, 2.3, 3.1, 6.9],
        [2, 1, 6, 1, 6, 5, 2, 5],
        [0.7, 3.2, 3.4, 0.9, 7.8, 1.3, 9.3, 4.1, 6.6, 6.7, 2.1, 5.8],
    ):
        expect_pixels(student.polygon_to_mask(polygon, 7, 10), segmentation.polygon_to_mask(polygon, 7, 10))


@exercise("polygon_to_mask")
@cpu_only(NO_TENSORS)
@points(0.75)
@hint("Walk from a pixel to the right and count the edges that you cross. What does their number say?")
@mistakes(
    ("What the ring winds around twice counts as inside: the rule is even-odd", wrong.polygon_by_winding),
    ("A pixel has to be on one side of all edges: that holds for convex polygons only", wrong.polygon_convex),
    *POLYGON_MISTAKES,
)
def check_pixels_in_other_polygons(student: Any) -> None:
    """Notches and crossings follow the even-odd rule."""
    for polygon in (
        [0.8, 0.7, 9.2, 1.1, 9.4, 7.3, 6.8, 7.1, 6.3, 3.3, 3.2, 3.4, 2.7, 7.2, 0.9, 6.8],
        [5.1, 0.2, 7.7, 7.8, 0.6, 3.3, 9.6, 2.9, 2.3, 7.6],  # a star drawn in one line
        [0.7, 0.8, 9.2, 6.9, 9.4, 0.9, 0.6, 7.1],  # a bow tie
        [1, 1.2, 5, 1.2, 8, 1.2],  # a line
    ):
        expect_pixels(student.polygon_to_mask(polygon, 8, 10), segmentation.polygon_to_mask(polygon, 8, 10))


@exercise("polygon_to_mask")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("The same ring can be written down in many ways: from another vertex, backwards, with the first vertex again.")
@mistakes(
    ("The ring has to run in one direction: both are allowed", wrong.polygon_one_direction),
    ("The ring has to run in one direction: both are allowed", wrong.polygon_other_direction),
    *POLYGON_MISTAKES,
)
def check_ways_to_write_a_ring(student: Any) -> None:
    """Either direction, any first vertex and a repeated first vertex give the same mask."""
    ring = [(1.3, 0.8), (7.9, 1.6), (5.2, 3.3), (8.4, 6.2), (2.1, 5.7)]
    for some in (ring, ring[::-1], ring[2:] + ring[:2], [*ring, ring[0]], [*ring[::-1], ring[-1]]):
        polygon = [number for vertex in some for number in vertex]
        expect_pixels(student.polygon_to_mask(polygon, 7, 9), segmentation.polygon_to_mask(polygon, 7, 9))


@exercise("polygon_to_mask")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("Some objects are cut by the border of the image. Is a vertex out there an index?")
@mistakes(
    ("Vertices off the image are moved to its border: that bends the edges", wrong.polygon_clamped), *POLYGON_MISTAKES
)
def check_polygons_that_leave_the_image(student: Any) -> None:
    """Polygons may leave the image on any side, cover it or lie beside it."""
    for polygon in (
        [-4.3, 2.2, 4.6, -3.7, 12.4, 4.1, 5.3, 11.6],
        [-3.2, 1.4, 5.7, 3.1, -2.6, 9.3],
        [-20, -30, 40, -10, 35, 50, -25, 45],
        [12.3, 1.1, 19.7, 2.4, 15.2, 6.3],
        [-9.1, 1.2, -2.3, 2.2, -5.6, 5.4],
    ):
        expect_pixels(student.polygon_to_mask(polygon, 6, 8), segmentation.polygon_to_mask(polygon, 6, 8))


@exercise("polygon_to_mask")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("Which dtype has a mask of yes and no? Is its first dimension the height? And do you sort or extend a list?")
@mistakes((TRANSPOSED, wrong.polygon_transposed), (SWAPPED, wrong.polygon_swapped))
def check_shape_and_dtype_of_a_mask(student: Any) -> None:
    """The mask is `(H, W)` bool, of integers or floats, and the polygon is left as it is."""
    for polygon in ([1, 1, 5, 1, 5, 3, 1, 3], [0.6, 0.2, 7.3, 1.7, 2.9, 3.8], [0, 0, 9, 0, 9, 9, 0, 9, 0, 0]):
        for height, width in ((4, 9), (9, 4), (1, 6), (6, 1), (1, 1)):
            actual = expect_no_side_effects(student, "polygon_to_mask", polygon, height, width)
            expect_equal(actual, segmentation.polygon_to_mask(polygon, height, width), dtype=torch.bool)


@exercise("polygon_to_mask")
@cpu_only(NO_TENSORS)
@points(0.25)
@hint("Compute one row by hand: where does each edge cross the height of the centres?")
@mistakes(*POLYGON_MISTAKES)
def check_many_polygons(student: Any, generator: Generator) -> None:
    """Polygons of 3 to 12 random vertices give the right masks."""
    for count in (3, 5, 8, 12):
        polygon = (torch.rand(2 * count, generator=generator, dtype=torch.float64) * 24 - 2).tolist()
        expect_pixels(student.polygon_to_mask(polygon, 18, 22), segmentation.polygon_to_mask(polygon, 18, 22))


@exercise("polygon_to_mask")
@cpu_only(INVALID)
@points(0.5)
@hint("What encloses nothing, and which lists of numbers are not a list of points?")
def check_polygons_that_are_none(student: Any) -> None:
    """Odd lengths, fewer than three distinct vertices, infinite numbers and images without pixels are refused."""
    square = [1, 1, 3, 1, 3, 3, 1, 3]
    expect_pixels(student.polygon_to_mask(square, 4, 5), segmentation.polygon_to_mask(square, 4, 5))
    for polygon in ([], [1, 1], [1, 1, 3, 1], [1, 1, 3, 1, 1, 1], [1, 1, 3, 1, 3, 1, 1, 1], [1, 1, 3, 1, 3, 3, 1]):
        expect_raises(partial(student.polygon_to_mask, polygon, 4, 5))
    for number in (math.nan, math.inf, -math.inf):
        expect_raises(partial(student.polygon_to_mask, [1, 1, 3, number, 3, 3, 1, 3], 4, 5))
    for height, width in ((0, 5), (4, 0), (-2, 5), (4, -3)):
        expect_raises(partial(student.polygon_to_mask, square, height, width))


ROOM: list[list[list[float]]] = [
    [[0, 0, 12, 0, 12, 5, 0, 5]],
    [[0, 5, 12, 5, 12, 9, 0, 9]],
    [[1.2, 3.1, 6.8, 2.9, 6.7, 7.2, 0.8, 7.1], [9.1, 2.2, 11.3, 2.4, 10.9, 4.8, 8.8, 4.3]],
    [[4.6, 4.3, 9.7, 4.1, 9.3, 8.2, 5.1, 7.8]],
]
"""A wall, a floor, two sofas, and a table before one of them, on 9 by 12 pixels."""

POLYGONS_MISTAKES: Mistakes = (
    ("What is painted first stays on top: later polygons cover earlier ones", wrong.polygons_reversed),
    ("Class k is painted with k + 1", wrong.polygons_from_one),
    ("Only the first polygon of each class is painted", wrong.polygons_first_only),
    ("Each polygon has a number of its own, not that of its class", wrong.polygons_numbered),
    ("The numbers of the classes are added where polygons overlap", wrong.polygons_added),
    ("Polygons of one class cut holes into each other: they are united", wrong.polygons_with_holes),
    ("A pixel has to be in all polygons of its class: one is enough", wrong.polygons_intersected),
    ("`background` has no effect", wrong.polygons_black),
    ("Class 0 is taken for the background", wrong.polygons_background_is_class_zero),
    (TRANSPOSED, wrong.polygons_transposed),
    (SWAPPED, wrong.polygons_swapped),
    (CORNERS, wrong.polygons_at_corners),
)


@exercise("polygons_to_mask")
@cpu_only(NO_TENSORS)
@points(1.0)
@hint("Paint like a painter: class after class, and what comes later covers what came before. With which number?")
@mistakes(*POLYGONS_MISTAKES)
def check_painted_room(student: Any) -> None:
    """Every pixel has the number of the last class that covers it."""
    expect_labels(student.polygons_to_mask(ROOM, 9, 12), segmentation.polygons_to_mask(ROOM, 9, 12))
    back = ROOM[::-1]
    expect_labels(student.polygons_to_mask(back, 9, 12), segmentation.polygons_to_mask(back, 9, 12))


@exercise("polygons_to_mask")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("What is the value of a pixel that nobody paints, and what of one that class 0 paints?")
@mistakes(*POLYGONS_MISTAKES)
def check_background(student: Any) -> None:
    """Pixels that no polygon covers have the value of `background`, whatever it is; class 0 is painted with 0."""
    some = [ROOM[3], [], ROOM[2]]
    for background in (255, -1, 7):
        expected = segmentation.polygons_to_mask(some, 9, 12, background)
        expect_labels(student.polygons_to_mask(some, 9, 12, background), expected)
    expect_labels(student.polygons_to_mask(some, 9, 12), segmentation.polygons_to_mask(some, 9, 12))
    expected = segmentation.polygons_to_mask(some, 9, 12, 255)
    expect_labels(student.polygons_to_mask(some, 9, 12, background=255), expected)


@exercise("polygons_to_mask")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("Two sofas are two polygons of one class. What if they overlap, or one lies inside the other?")
@mistakes(*POLYGONS_MISTAKES)
def check_polygons_of_one_class(student: Any) -> None:
    """Polygons of one class are united: they may lie apart, overlap, or lie one inside another."""
    outer, inner, beside = [1, 1, 7, 1, 7, 7, 1, 7], [3, 3, 5, 3, 5, 5, 3, 5], [6, 4, 10, 4, 10, 8, 6, 8]
    for rings in ([outer, inner], [inner, outer], [outer, beside, inner]):
        polygons: list[list[list[int]]] = [[], rings]
        expect_labels(student.polygons_to_mask(polygons, 9, 11), segmentation.polygons_to_mask(polygons, 9, 11))


@exercise("polygons_to_mask")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("How many classes have no polygon in most images? And which dtype does a loss want as labels?")
@mistakes((TRANSPOSED, wrong.polygons_transposed), ("`background` has no effect", wrong.polygons_black))
def check_empty_classes_and_dtype(student: Any) -> None:
    """The mask is `(H, W)` int64, also without polygons or classes, and the lists are left as they are."""
    several: tuple[list[list[list[float]]], ...] = (ROOM, [[], [], ROOM[3], []], [[], []], [])
    for polygons in several:
        actual = expect_no_side_effects(student, "polygons_to_mask", polygons, 9, 12, 255)
        expect_equal(actual, segmentation.polygons_to_mask(polygons, 9, 12, 255), dtype=torch.int64)
        for height, width in ((5, 3), (1, 4), (4, 1)):
            actual = expect_no_side_effects(student, "polygons_to_mask", polygons, height, width)
            expect_equal(actual, segmentation.polygons_to_mask(polygons, height, width), dtype=torch.int64)


@exercise("polygons_to_mask")
@cpu_only(INVALID)
@points(0.5)
@hint("Who looks at the size of an image in which there is nothing to paint?")
def check_rooms_that_are_none(student: Any) -> None:
    """Images without pixels and polygons that are none are refused."""
    expect_labels(student.polygons_to_mask(ROOM, 9, 12), segmentation.polygons_to_mask(ROOM, 9, 12))
    for height, width in ((0, 5), (4, 0), (-1, 3)):
        expect_raises(partial(student.polygons_to_mask, ROOM, height, width))
        expect_raises(partial(student.polygons_to_mask, [[], []], height, width))
    for ring in ([0, 0, 1, 1], [0, 0, 3, 0, 3], [0, 0, 3, 0, math.nan, 3]):
        expect_raises(partial(student.polygons_to_mask, [[], [ring]], 4, 4))


# ---------------------------------------------------------------------------------------------- one-hot


ONE_HOT_MISTAKES: Mistakes = (
    (CLASSES_LAST, wrong.one_hot_classes_last),
    ("A reshape does not move a dimension: the numbers stay in their old order", wrong.one_hot_reshaped),
    ("Height and width are swapped", wrong.one_hot_swapped),
    ("0 and 1 are swapped", wrong.one_hot_inverted),
    (INFERRED, wrong.one_hot_infers),
    ("Labels are taken to begin with 1", wrong.one_hot_from_one),
    (IGNORED_ZERO, wrong.one_hot_ignored_is_zero),
    (IGNORED_LAST, wrong.one_hot_ignored_is_last),
    ("Ignored pixels are 1 in all classes, not 0", wrong.one_hot_ignored_is_one),
    (IGNORES_NOTHING, wrong.one_hot_ignores_nothing),
)


@exercise("one_hot_mask")
@points(0.5)
@hint("One binary mask per class: in which dimension are the classes? How many are there if the last does not occur?")
@mistakes(*ONE_HOT_MISTAKES)
def check_one_mask_per_class(student: Any) -> None:
    """The mask of class k is 1 where the label is k, in dimension 1, for every class, also for one that is absent."""
    mask = torch.tensor([[[0, 2, 1, 1], [3, 0, 0, 2], [1, 1, 3, 0]], [[1, 0, 0, 3], [2, 2, 1, 0], [0, 3, 1, 2]]])
    for num_classes in (4, 6):
        expect_any_dtype(student.one_hot_mask(mask, num_classes), segmentation.one_hot_mask(mask, num_classes))
    expect_any_dtype(student.one_hot_mask(mask * 0, 1), segmentation.one_hot_mask(mask * 0, 1))


@exercise("one_hot_mask")
@points(0.5)
@hint("An ignored pixel belongs to no class. Is its label used as an index before it is left out?")
@mistakes(*ONE_HOT_MISTAKES)
def check_ignored_pixels_of_one_hot(student: Any) -> None:
    """Ignored pixels are 0 in all classes, whatever number stands for them."""
    mask = torch.tensor([[[0, 255, 1], [2, 255, 0]], [[255, 255, 255], [1, 1, 2]]])
    expect_any_dtype(student.one_hot_mask(mask, 3, 255), segmentation.one_hot_mask(mask, 3, 255))
    mask = torch.tensor([[[0, -1, 1], [2, 2, -1]]])
    expect_any_dtype(student.one_hot_mask(mask, 3, ignore_index=-1), segmentation.one_hot_mask(mask, 3, -1))
    mask = torch.tensor([[[0, 1, 1], [2, 0, 1]]])
    for ignored in (1, 2, 0):
        expect_any_dtype(student.one_hot_mask(mask, 3, ignored), segmentation.one_hot_mask(mask, 3, ignored))
    mask = torch.tensor([[[0, 255, 0]]])
    expect_any_dtype(student.one_hot_mask(mask, 1, 255), segmentation.one_hot_mask(mask, 1, 255))


@exercise("one_hot_mask")
@points(0.25)
@hint("The dtype of the result is the same for all masks. What is -1 in uint8, and what does a bool in brackets mean?")
def check_dtypes_of_one_hot(student: Any) -> None:
    """Masks of any integer dtype and bools give float32."""
    mask = torch.tensor([[[0, 2, 1], [1, 0, 2]]])
    for dtype in (torch.int64, torch.int32, torch.uint8, torch.int16):
        actual = student.one_hot_mask(mask.to(dtype), 3)
        expect_close(actual, segmentation.one_hot_mask(mask, 3), dtype=torch.float32)
    mask = torch.tensor([[[True, False, True]]])
    expect_close(student.one_hot_mask(mask, 2), segmentation.one_hot_mask(mask, 2), dtype=torch.float32)
    mask = torch.tensor([[[0, 255, 1]]], dtype=torch.uint8)
    actual = student.one_hot_mask(mask, 2, ignore_index=255)
    expect_close(actual, segmentation.one_hot_mask(mask, 2, 255), dtype=torch.float32)


@exercise("one_hot_mask")
@points(0.25)
@hint("`mask[mask == 255] = 0` writes into the caller's mask. And do you need memory without gaps?")
def check_views_of_masks(student: Any, generator: Generator) -> None:
    """Views and a single mask work, and masks are left as they are."""
    mask = torch.randint(0, 3, (2, 6, 8), generator=generator)
    mask[0, 1:3, 2:5] = 9
    for some in (mask.transpose(1, 2), mask[:, ::2], mask[..., 1::3], mask[1:]):
        actual = expect_no_side_effects(student, "one_hot_mask", some, 3, 9)
        expect_any_dtype(actual, segmentation.one_hot_mask(some, 3, 9))


@exercise("one_hot_mask")
@cpu_only(INVALID)
@points(0.25)
@hint("Which labels have no mask? Mind the negative ones: PyTorch counts them from the end.")
def check_masks_that_are_none(student: Any) -> None:
    """Labels that are no class, floats, other shapes and less than one class are refused."""
    mask = torch.tensor([[[0, 1, 2]]])
    expect_any_dtype(student.one_hot_mask(mask, 3), segmentation.one_hot_mask(mask, 3))
    expect_raises(lambda: student.one_hot_mask(mask, 2))
    expect_raises(lambda: student.one_hot_mask(-mask, 3))
    expect_raises(lambda: student.one_hot_mask(mask, 2, 255))
    expect_raises(lambda: student.one_hot_mask(mask.double(), 3))
    expect_raises(lambda: student.one_hot_mask(mask[0], 3))
    expect_raises(lambda: student.one_hot_mask(mask[None], 3))
    expect_raises(lambda: student.one_hot_mask(mask[:0], 0))


@exercise("one_hot_mask")
@points(0.25)
@hint("`torch.eye`, `torch.zeros` and `torch.arange` live on the CPU unless you say where: `device=mask.device`.")
def check_placement_of_one_hot_mask(runs: Runs) -> None:
    """On an accelerator, one-hot masks are made where the mask is."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- cross-entropy


CE_MISTAKES: Mistakes = (
    (TWICE, wrong.ce_twice),
    (OVER_ROWS, wrong.ce_over_rows),
    (OVER_COLUMNS, wrong.ce_over_columns),
    (OVER_BATCH, wrong.ce_over_batch),
    ("The softmax runs over classes and pixels together", wrong.ce_over_everything),
    ("A reshape to rows of K numbers, without moving the classes to the end first", wrong.ce_reshaped),
    ("Height and width of the logits are swapped (`transpose(1, 3)`)", wrong.ce_swapped),
    ("The pixels are summed: the loss is their mean", wrong.ce_sums),
    ("The pixels are summed, and only the images averaged", wrong.ce_per_image),
    ("The mean runs over the classes, too", wrong.ce_over_classes),
    ("The minus is missing", wrong.ce_negative),
    ("The logarithm has base 2", wrong.ce_in_bits),
    ("The logarithm is missing", wrong.ce_without_log),
    ("The softmax is missing", wrong.ce_of_logits),
    ("A sigmoid and a binary cross-entropy of each class", wrong.ce_is_bce),
)


@exercise("segmentation_cross_entropy")
@own_loss
@points(0.75)
@hint("At each pixel there are K logits: in which dimension? Over what does the sum run, and over what the mean?")
@mistakes(*CE_MISTAKES)
def check_loss_of_pixels(student: Any, generator: Generator) -> None:
    """The loss is the mean over pixels of the cross-entropy of the classes at each pixel."""
    for shape in ((2, 3, 4, 5), (1, 4, 6, 3), (3, 2, 1, 1)):
        logits, target = pixels(generator, *shape)
        expected = segmentation.segmentation_cross_entropy(logits, target)
        expect_floats(student.segmentation_cross_entropy(logits, target), expected)
    only, target = logits[:, :1], torch.zeros(3, 1, 1, dtype=torch.int64)
    expected = segmentation.segmentation_cross_entropy(only, target)
    expect_floats(student.segmentation_cross_entropy(only, target), expected)


@exercise("segmentation_cross_entropy")
@own_loss
@points(0.25)
@hint("What is the loss of a class that the net is sure to be wrong? Not infinite: it grows with the logits.")
@mistakes(
    ("The logarithm is taken of a probability that has become 0", wrong.ce_log_of_softmax),
    ("The exponential overflows: large logits need log-softmax", wrong.ce_overflows),
    *(
        ("A small number is added in the logarithm: that bounds the loss", wrong.ce_with_epsilon(10.0**-digits))
        for digits in (15, 12, 10, 9, 8, 7, 6, 5)
    ),
)
def check_large_logits(student: Any) -> None:
    """Wrong answers with very large logits have a large, finite loss."""
    logits = torch.tensor([[[[1e4, -1e4]], [[0.0, 1e4]], [[-1e4, 0.0]]]], dtype=torch.float64)
    for target in (torch.tensor([[[0, 1]]]), torch.tensor([[[1, 0]]])):
        expected = segmentation.segmentation_cross_entropy(logits, target)
        expect_floats(student.segmentation_cross_entropy(logits, target), expected)


@exercise("segmentation_cross_entropy")
@own_loss
@points(0.5)
@hint("An ignored pixel is neither in the sum nor in the number of pixels. Do all pixels of a batch form one mean?")
@mistakes(
    (IN_DENOMINATOR, wrong.ce_ignored_in_denominator),
    (IGNORED_ZERO, wrong.ce_ignored_is_zero),
    (IGNORED_LAST, wrong.ce_ignored_is_last),
    (IGNORES_NOTHING, wrong.ce_ignores_nothing),
    ("Each image has a mean of its own, and the images are averaged", wrong.ce_mean_of_images),
    *CE_MISTAKES,
)
def check_ignored_pixels_of_the_loss(student: Any, generator: Generator) -> None:
    """Ignored pixels are left out of the sum and of their number; without a word, the label 255 is ignored."""
    logits, target = pixels(generator, 2, 3, 4, 5)
    for ignored in (255, -100, 7):
        some = target.clone()
        some[0, :3], some[1, 2, 1:3] = ignored, ignored
        arguments = (logits, some) if ignored == 255 else (logits, some, ignored)
        expected = segmentation.segmentation_cross_entropy(*arguments)
        expect_floats(student.segmentation_cross_entropy(*arguments), expected)
    for ignored in (0, 2):
        expected = segmentation.segmentation_cross_entropy(logits, target, ignored)
        expect_floats(student.segmentation_cross_entropy(logits, target, ignore_index=ignored), expected)


@exercise("segmentation_cross_entropy")
@own_loss
@points(0.25)
@hint("What is the mean of nothing? The docstring says it.")
@mistakes(("The mean of no pixel is 0", wrong.ce_of_nothing_is_zero))
def check_loss_of_no_pixel(student: Any, generator: Generator) -> None:
    """If every pixel is ignored, or there is none, the loss is NaN."""
    logits, target = pixels(generator, 2, 3, 2, 4)
    for some, labels in ((logits, torch.full_like(target, 255)), (logits[:0], target[:0])):
        expected = segmentation.segmentation_cross_entropy(some, labels)
        expect_floats(student.segmentation_cross_entropy(some, labels), expected)


@exercise("segmentation_cross_entropy")
@own_loss
@points(0.25)
@hint("`.item()`, `.detach()` and NumPy cut the graph. Which gradient has an ignored pixel?")
def check_gradient_of_the_loss(student: Any, generator: Generator) -> None:
    """Gradients reach the logits, and are 0 at ignored pixels."""
    logits, target = pixels(generator, 2, 3, 2, 4)
    target[0, 1, :2] = 255
    expect_gradient(student, "segmentation_cross_entropy", logits, target)


@exercise("segmentation_cross_entropy")
@own_loss
@points(0.25)
@hint("The loss has the dtype of the logits. Which dtypes may labels have, and what is -100 in uint8?")
def check_dtypes_of_the_loss(student: Any, generator: Generator) -> None:
    """The loss has the dtype of the logits, and labels of any integer dtype and bools work."""
    logits, target = pixels(generator, 2, 3, 3, 4)
    target[0, 0] = 255
    expected = segmentation.segmentation_cross_entropy(logits, target)
    for dtype in (torch.float64, torch.float32):
        expect_rounded(student.segmentation_cross_entropy(logits.to(dtype), target), expected, dtype)
    for dtype in (torch.float16, torch.bfloat16):
        few = logits.to(dtype)
        expected = segmentation.segmentation_cross_entropy(few, target)
        expect_rounded(student.segmentation_cross_entropy(few, target), expected, dtype)
    target = target.where(target != 255, 2)
    for kind in (torch.uint8, torch.int32, torch.int16):
        expected = segmentation.segmentation_cross_entropy(logits, target)
        expect_floats(student.segmentation_cross_entropy(logits, target.to(kind)), expected)
    expected = segmentation.segmentation_cross_entropy(logits, (target > 0).long(), -100)
    expect_floats(student.segmentation_cross_entropy(logits, target > 0, -100), expected)
    expect_floats(student.segmentation_cross_entropy(logits, (target > 0).to(torch.uint8), -100), expected)


@exercise("segmentation_cross_entropy")
@own_loss
@points(0.25)
@hint("`view` asks for a memory layout that the caller's tensor may not have. What do you write into?")
def check_views_of_logits(student: Any, generator: Generator) -> None:
    """Logits and labels that are views work, channels last too, and are left as they are."""
    logits, target = pixels(generator, 2, 3, 4, 6)
    target[1, 2:, :3] = 255
    for some, labels in layouts(logits, target):
        actual = expect_no_side_effects(student, "segmentation_cross_entropy", some, labels)
        expect_floats(actual, segmentation.segmentation_cross_entropy(some, labels))


@exercise("segmentation_cross_entropy")
@own_loss
@cpu_only(INVALID)
@points(0.25)
@hint("Shapes that do not fit are stretched silently by PyTorch. Which ones does the docstring allow?")
def check_logits_that_are_none(student: Any, generator: Generator) -> None:
    """Shapes that do not fit, labels that are no class and wrong dtypes are refused."""
    logits, target = pixels(generator, 2, 3, 4, 5)
    loss = student.segmentation_cross_entropy
    expect_floats(loss(logits, target), segmentation.segmentation_cross_entropy(logits, target))
    expect_raises(lambda: loss(logits, target[:1]))
    expect_raises(lambda: loss(logits, target[:, None]))
    expect_raises(lambda: loss(logits, target.transpose(1, 2)))
    expect_raises(lambda: loss(logits[:, :, 0], target[:, 0]))
    expect_raises(lambda: loss(logits.long(), target))
    expect_raises(lambda: loss(logits, target.double()))
    expect_raises(lambda: loss(logits, target + 1))
    expect_raises(lambda: loss(logits, target - 1))


@exercise("segmentation_cross_entropy")
@points(0.25)
@hint("Masks and one-hot vectors that you make live on the CPU, unless you say `device=logits.device`.")
def check_placement_of_segmentation_cross_entropy(runs: Runs) -> None:
    """On an accelerator, the loss is computed as on the CPU, and stays there."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- soft overlaps


def soft_mistakes(kind: str) -> Mistakes:
    """Return the mistakes that are the same for both losses, and those of each."""
    soft = partial(wrong.soft, kind)
    own: Mistakes
    if kind == "iou":
        own = (
            ("The intersection is counted twice in the denominator", soft(ratio=wrong.over_total)),
            ("The numerator is doubled as in Dice, over the union", soft(ratio=wrong.two_over_union)),
            ("This is the Dice coefficient, not IoU", wrong.soft("dice")),
        )
    else:
        own = (
            ("The 2 is missing in the numerator", soft(ratio=wrong.without_two)),
            ("Twice the intersection over the union: the sum of both masks belongs there",
             soft(ratio=wrong.two_over_union)),
            ("This is IoU (Jaccard), not Dice", wrong.soft("iou")),
        )  # fmt: skip
    return (
        *own,
        (LOGITS, soft(probability=wrong.unchanged)),
        (TWICE, soft(probability=wrong.twice)),
        (HARD, soft(probability=wrong.hard)),
        (SQUARED, soft(power=2)),
        (OVER_ROWS, soft(probability=wrong.over(2))),
        (OVER_COLUMNS, soft(probability=wrong.over(3))),
        (OVER_BATCH, soft(probability=wrong.over(0))),
        ("Each class has a sigmoid: softmax over the classes is asked for", soft(probability=wrong.sigmoids)),
        ("A softmax over one channel is always 1: `binary` needs a sigmoid", soft(probability=wrong.softmax_always)),
        (BACKGROUND, soft(first=1)),
        (NOT_SUBTRACTED, soft(outcome=lambda overlap: overlap)),
        (NEGATIVE, soft(outcome=lambda overlap: -overlap)),
        ("The logarithm of the overlap is taken", soft(outcome=lambda overlap: -overlap.log())),
        ("`smooth` is 1 although it was not asked for", soft(smoothing=lambda smooth: 1.0)),
        ("The intersection is divided by the true mask alone", soft(ratio=wrong.over_target)),
        (POOLED, soft(pooled=True)),
        (MICRO, wrong.ratio_of_all_sums(kind)),
        ("The overlaps of the classes are summed", soft(average=wrong.summed)),
        ("Large classes weigh more than small ones: all weigh the same", soft(average=wrong.by_size)),
    )


def absent_mistakes(kind: str) -> Mistakes:
    """Return the mistakes about classes that do not occur."""
    soft = partial(wrong.soft, kind)
    return (
        ("A class that does not occur counts with overlap 0", soft(average=wrong.absent_is(0.0))),
        ("A class that does not occur counts with overlap 1", soft(average=wrong.absent_is(1.0))),
        ("A class that does not occur counts in the mean", soft(average=wrong.absent_counts)),
        ("A class is left out only if it occurs nowhere in the batch", soft(average=wrong.absent_in_batch)),
        ("Each sample has a mean of its own: all pairs weigh the same", soft(average=wrong.per_sample)),
        ("Each class has a mean of its own: all pairs weigh the same", soft(average=wrong.per_class)),
        *soft_mistakes(kind),
    )


def smooth_mistakes(kind: str) -> Mistakes:
    """Return the mistakes about ``smooth``."""
    soft = partial(wrong.soft, kind)
    doubled: Mistakes = (("`smooth` is doubled in the numerator", soft(ratio=wrong.smooth_doubled)),)
    return (
        *(doubled if kind == "dice" else ()),
        ("`smooth` has no effect", soft(smoothing=lambda smooth: 0.0)),
        ("`smooth` is added to the denominator only", soft(ratio=wrong.smooth_below(kind))),
        ("`smooth` is added to the numerator only", soft(ratio=wrong.smooth_above(kind))),
        ("`smooth` is added twice", soft(smoothing=lambda smooth: 2 * smooth)),
        *absent_mistakes(kind),
    )


def ignored_mistakes(kind: str) -> Mistakes:
    """Return the mistakes about ignored pixels."""
    soft = partial(wrong.soft, kind)
    return (
        ("What is predicted at ignored pixels still counts", soft(ignored="in p")),
        (IGNORED_ZERO, soft(ignored="zero")),
        (IGNORES_NOTHING, soft(ignored="counted")),
        *absent_mistakes(kind),
    )


SURE = torch.tensor([[[[2.0, -1.0], [0.0, 3.0]]]], dtype=torch.float64)
SURE_TARGET = torch.tensor([[[1, 0], [1, 1]]])


def expect_binary(student: Any, name: str, generator: Generator) -> None:
    """Expect the loss of binary masks."""
    loss, right = getattr(student, name), getattr(segmentation, name)
    expect_floats(loss(SURE, SURE_TARGET, "binary"), right(SURE, SURE_TARGET, "binary"))
    logits, target = pixels(generator, 2, 1, 5, 4, num_labels=2)
    expect_floats(loss(logits, target, mode="binary"), right(logits, target, mode="binary"))
    large, target = 1e4 * SURE, SURE_TARGET
    expect_floats(loss(large, target, "binary"), right(large, target, "binary"))


def expect_multiclass(student: Any, name: str, generator: Generator) -> None:
    """Expect the loss of one image of several classes."""
    loss, right = getattr(student, name), getattr(segmentation, name)
    for shape in ((1, 3, 4, 5), (1, 4, 6, 3)):
        logits, target = pixels(generator, *shape)
        expect_floats(loss(logits, target), right(logits, target))
        expect_floats(loss(logits, target, "multiclass"), right(logits, target))
    expect_floats(loss(1e4 * logits, target), right(1e4 * logits, target))


def expect_batches(student: Any, name: str, generator: Generator) -> None:
    """Expect the loss of several images with objects of very different sizes."""
    loss, right = getattr(student, name), getattr(segmentation, name)
    logits, target = pixels(generator, 3, 2, 6, 7)
    target[0], target[1] = 0, 1
    target[0, 2, 3], target[1, 4, 5] = 1, 0
    expect_floats(loss(logits, target), right(logits, target))
    small = logits[:, :1]
    expect_floats(loss(small, target, "binary"), right(small, target, "binary"))


def expect_absent(student: Any, name: str, generator: Generator) -> None:
    """Expect the loss of images in which classes are absent."""
    loss, right = getattr(student, name), getattr(segmentation, name)
    logits, target = pixels(generator, 3, 5, 3, 5, num_labels=4)
    target[0] = target[0] % 2
    target[1] = 3
    expect_floats(loss(logits, target), right(logits, target))
    expect_floats(loss(logits, target, "multiclass", 0.5), right(logits, target, "multiclass", 0.5))
    foreground, labels = logits[:, :1], (target == 2).long()
    labels[2, 1, :3] = 1
    expect_floats(loss(foreground, labels, "binary"), right(foreground, labels, "binary"))
    expect_floats(loss(foreground, labels, "binary", 1.0), right(foreground, labels, "binary", 1.0))
    few, target = pixels(generator, 1, 5, 2, 2)  # more classes than pixels
    expect_floats(loss(few, target), right(few, target))


def expect_smooth(student: Any, name: str, generator: Generator) -> None:
    """Expect the loss with a smooth term."""
    loss, right = getattr(student, name), getattr(segmentation, name)
    logits, target = pixels(generator, 2, 3, 3, 5)
    for smooth in (1.0, 0.25):
        expect_floats(loss(logits, target, smooth=smooth), right(logits, target, smooth=smooth))
        expect_floats(loss(SURE, SURE_TARGET, "binary", smooth), right(SURE, SURE_TARGET, "binary", smooth))


def expect_ignored(student: Any, name: str, generator: Generator) -> None:
    """Expect the loss with pixels that are ignored."""
    loss, right = getattr(student, name), getattr(segmentation, name)
    logits, target = pixels(generator, 2, 3, 4, 5)
    for ignored in (1, 0):
        expect_floats(loss(logits, target, ignore_index=ignored), right(logits, target, ignore_index=ignored))
    for ignored in (255, -1):
        target[0, 1, 1:4], target[1, :2] = ignored, ignored
        expect_floats(loss(logits, target, "multiclass", 0.0, ignored),
                      right(logits, target, "multiclass", 0.0, ignored))  # fmt: skip
        binary = target.where(target != 2, 0)
        expect_floats(loss(logits[:, :1], binary, mode="binary", ignore_index=ignored),
                      right(logits[:, :1], binary, mode="binary", ignore_index=ignored))  # fmt: skip
        target = target.where(target != ignored, 2)


def expect_nothing(student: Any, name: str, generator: Generator) -> None:
    """Expect 0, with gradient 0, where there is nothing to overlap with."""
    loss, right = getattr(student, name), getattr(segmentation, name)
    logits, target = pixels(generator, 2, 3, 2, 4)
    empty, ignored = torch.zeros_like(target), torch.full_like(target, 255)
    for smooth in (0.0, 1.0):
        expect_floats(loss(logits[:, :1], empty, "binary", smooth), right(logits[:, :1], empty, "binary", smooth))
    expect_floats(loss(logits, ignored, ignore_index=255), right(logits, ignored, ignore_index=255))
    expect_floats(loss(logits[:, :1], ignored, "binary", ignore_index=255),
                  right(logits[:, :1], ignored, "binary", ignore_index=255))  # fmt: skip
    expect_gradient(student, name, logits[:, :1], empty, "binary")
    expect_gradient(student, name, logits, ignored, "multiclass", 0.0, 255)


def expect_soft_gradient(student: Any, name: str, generator: Generator) -> None:
    """Expect gradients, also where a class is absent."""
    logits, target = pixels(generator, 2, 4, 3, 4)
    expect_gradient(student, name, logits, target)
    target[0] = target[0] % 2
    target[1, 0] = 255
    expect_gradient(student, name, logits, target, "multiclass", 0.0, 255)
    expect_gradient(student, name, logits[:, :1], (target == 1).long(), "binary")


def expect_soft_dtypes(student: Any, name: str, generator: Generator) -> None:
    """Expect the dtype of the logits, whatever that of the labels, and sums that do not overflow."""
    loss, right = getattr(student, name), getattr(segmentation, name)
    logits, target = pixels(generator, 2, 3, 3, 4)
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        few = logits.to(dtype)
        expect_rounded(loss(few, target), right(few, target), dtype)
    for kind in (torch.uint8, torch.int32, torch.int16):
        expect_floats(loss(logits, target.to(kind)), right(logits, target))
    expect_floats(loss(SURE, SURE_TARGET.bool(), "binary"), right(SURE, SURE_TARGET, "binary"))
    expect_floats(loss(SURE, SURE_TARGET.to(torch.uint8), "binary", 0.0, -1), right(SURE, SURE_TARGET, "binary"))
    large = torch.tensor([1.5, -0.5], dtype=torch.float16).repeat(1, 1, 300, 150)
    full = torch.ones(1, 300, 300, dtype=torch.uint8)  # more ones than float16 can count
    expect_rounded(loss(large, full, "binary"), right(large, full, "binary"), torch.float16)


def expect_soft_views(student: Any, name: str, generator: Generator) -> None:
    """Expect that all shapes of the docstring and all layouts work, and that inputs are left as they are."""
    right = getattr(segmentation, name)
    logits, target = pixels(generator, 2, 3, 4, 6)
    target[1, 2:, :3] = 255
    for some, labels in layouts(logits, target):
        actual = expect_no_side_effects(student, name, some, labels, "multiclass", 0.0, 255)
        expect_floats(actual, right(some, labels, "multiclass", 0.0, 255))
    some, labels = logits[:, 1:2].transpose(2, 3), (target == 1).long().transpose(1, 2)
    expected = right(some, labels, "binary")
    for z, y in ((some, labels), (some[:, 0], labels), (some, labels[:, None]), (some[:, 0], labels)):
        expect_floats(expect_no_side_effects(student, name, z, y, "binary"), expected)


def expect_soft_errors(student: Any, name: str, generator: Generator) -> None:
    """Expect that what the docstring does not allow is refused."""
    loss, right = getattr(student, name), getattr(segmentation, name)
    logits, target = pixels(generator, 2, 3, 4, 5)
    expect_floats(loss(logits, target), right(logits, target))
    binary, labels = logits[:, :1], (target == 1).long()
    expect_floats(loss(binary, labels, "binary"), right(binary, labels, "binary"))
    expect_raises(lambda: loss(logits, target, "multilabel"))
    for smooth in (-0.5, math.inf, math.nan):
        expect_raises(partial(loss, logits, target, "multiclass", smooth))
    expect_raises(lambda: loss(logits, target[:1]))
    expect_raises(lambda: loss(logits, target[:, None]))
    expect_raises(lambda: loss(logits, target.transpose(1, 2)))
    expect_raises(lambda: loss(logits[:, 0], target))
    expect_raises(lambda: loss(logits.long(), target))
    expect_raises(lambda: loss(logits, target.double()))
    expect_raises(lambda: loss(logits, target + 1))
    expect_raises(lambda: loss(logits, target - 1))
    expect_raises(lambda: loss(logits, labels, "binary"))
    expect_raises(lambda: loss(binary, labels + 1, "binary"))
    expect_raises(lambda: loss(binary, labels[:1], "binary"))


@exercise("soft_iou_loss")
@points(0.5)
@hint("With binary masks: which function makes a probability of one logit, and what is in the denominator?")
@mistakes(*soft_mistakes("iou"))
def check_soft_iou_of_binary_masks(student: Any, generator: Generator) -> None:
    """In binary masks, the overlap with the foreground counts; probabilities are those of the sigmoid."""
    expect_binary(student, "soft_iou_loss", generator)


@exercise("soft_iou_loss")
@points(0.75)
@hint("Write down I, and both sums, for one class of one image. What is divided by what, and then averaged?")
@mistakes(*soft_mistakes("iou"))
def check_soft_iou_of_several_classes(student: Any, generator: Generator) -> None:
    """Each class of an image has an overlap of its own, and the loss is 1 minus their mean."""
    expect_multiclass(student, "soft_iou_loss", generator)


@exercise("soft_iou_loss")
@points(0.5)
@hint("An image with a tiny object and one with a huge object: do both weigh the same?")
@mistakes(*absent_mistakes("iou"))
def check_soft_iou_of_batches(student: Any, generator: Generator) -> None:
    """Each sample of a batch has its own overlaps, however small its objects are."""
    expect_batches(student, "soft_iou_loss", generator)


@exercise("soft_iou_loss")
@points(0.5)
@hint("Which pairs of a sample and a class are in S, and by what is the sum divided?")
@mistakes(*absent_mistakes("iou"))
def check_soft_iou_of_absent_classes(student: Any, generator: Generator) -> None:
    """A class that does not occur in a sample is left out of the mean, whatever `smooth` is."""
    expect_absent(student, "soft_iou_loss", generator)


@exercise("soft_iou_loss")
@points(0.25)
@hint("To what exactly does the formula add the smooth term, and how often?")
@mistakes(*smooth_mistakes("iou"))
def check_soft_iou_of_smooth_terms(student: Any, generator: Generator) -> None:
    """`smooth` is added to the numerator and to the denominator."""
    expect_smooth(student, "soft_iou_loss", generator)


@exercise("soft_iou_loss")
@points(0.5)
@hint("In how many sums does an ignored pixel occur? It may be in none of them.")
@mistakes(*ignored_mistakes("iou"))
def check_soft_iou_of_ignored_pixels(student: Any, generator: Generator) -> None:
    """Ignored pixels are left out of all sums, of the predicted ones as well."""
    expect_ignored(student, "soft_iou_loss", generator)


@exercise("soft_iou_loss")
@points(0.25)
@hint("0 divided by 0 is NaN, and its gradient too, even if `torch.where` puts another number there.")
@mistakes(*absent_mistakes("iou"))
def check_soft_iou_of_nothing_to_overlap(student: Any, generator: Generator) -> None:
    """If no class occurs anywhere, the loss and its gradient are 0."""
    expect_nothing(student, "soft_iou_loss", generator)


@exercise("soft_iou_loss")
@points(0.25)
@hint("A mask of 0 and 1 has no gradient. Does anything cut the graph, or divide by 0 on a branch that is not taken?")
def check_soft_iou_of_gradients(student: Any, generator: Generator) -> None:
    """Gradients reach the logits, also if a class is absent or pixels are ignored."""
    expect_soft_gradient(student, "soft_iou_loss", generator)


@exercise("soft_iou_loss")
@points(0.25)
@hint("How many ones can float16 count? In which dtype do you sum, and in which do you return?")
def check_soft_iou_of_dtypes(student: Any, generator: Generator) -> None:
    """The loss has the dtype of the logits, labels of any integer dtype work, and large masks do not overflow."""
    expect_soft_dtypes(student, "soft_iou_loss", generator)


@exercise("soft_iou_loss")
@points(0.25)
@hint("`view` asks for a memory layout that the caller's tensor may not have. Which shapes does the docstring allow?")
def check_soft_iou_of_layouts(student: Any, generator: Generator) -> None:
    """Views, channels last and all shapes of the docstring work, and inputs are left as they are."""
    expect_soft_views(student, "soft_iou_loss", generator)


@exercise("soft_iou_loss")
@cpu_only(INVALID)
@points(0.25)
@hint("Which shapes, modes and labels does the docstring refuse? PyTorch stretches some of them silently.")
def check_soft_iou_of_errors(student: Any, generator: Generator) -> None:
    """Unknown modes, negative `smooth`, shapes that do not fit, labels that are no class and floats are refused."""
    expect_soft_errors(student, "soft_iou_loss", generator)


@exercise("soft_iou_loss")
@points(0.25)
@hint("What you make with `torch.eye`, `torch.zeros` or `torch.tensor` lives on the CPU, unless you say where.")
def check_placement_of_soft_iou_loss(runs: Runs) -> None:
    """On an accelerator, the loss is computed as on the CPU, and stays there."""
    expect_placement(runs)


@exercise("soft_dice_loss")
@points(0.5)
@hint("With binary masks: which function makes a probability of one logit, and what is in the denominator?")
@mistakes(*soft_mistakes("dice"))
def check_soft_dice_of_binary_masks(student: Any, generator: Generator) -> None:
    """In binary masks, the overlap with the foreground counts; probabilities are those of the sigmoid."""
    expect_binary(student, "soft_dice_loss", generator)


@exercise("soft_dice_loss")
@points(0.75)
@hint("Write down I, and both sums, for one class of one image. What is divided by what, and then averaged?")
@mistakes(*soft_mistakes("dice"))
def check_soft_dice_of_several_classes(student: Any, generator: Generator) -> None:
    """Each class of an image has an overlap of its own, and the loss is 1 minus their mean."""
    expect_multiclass(student, "soft_dice_loss", generator)


@exercise("soft_dice_loss")
@points(0.5)
@hint("An image with a tiny object and one with a huge object: do both weigh the same?")
@mistakes(*absent_mistakes("dice"))
def check_soft_dice_of_batches(student: Any, generator: Generator) -> None:
    """Each sample of a batch has its own overlaps, however small its objects are."""
    expect_batches(student, "soft_dice_loss", generator)


@exercise("soft_dice_loss")
@points(0.5)
@hint("Which pairs of a sample and a class are in S, and by what is the sum divided?")
@mistakes(*absent_mistakes("dice"))
def check_soft_dice_of_absent_classes(student: Any, generator: Generator) -> None:
    """A class that does not occur in a sample is left out of the mean, whatever `smooth` is."""
    expect_absent(student, "soft_dice_loss", generator)


@exercise("soft_dice_loss")
@points(0.25)
@hint("To what exactly does the formula add the smooth term, and how often?")
@mistakes(*smooth_mistakes("dice"))
def check_soft_dice_of_smooth_terms(student: Any, generator: Generator) -> None:
    """`smooth` is added to the numerator and to the denominator."""
    expect_smooth(student, "soft_dice_loss", generator)


@exercise("soft_dice_loss")
@points(0.5)
@hint("In how many sums does an ignored pixel occur? It may be in none of them.")
@mistakes(*ignored_mistakes("dice"))
def check_soft_dice_of_ignored_pixels(student: Any, generator: Generator) -> None:
    """Ignored pixels are left out of all sums, of the predicted ones as well."""
    expect_ignored(student, "soft_dice_loss", generator)


@exercise("soft_dice_loss")
@points(0.25)
@hint("0 divided by 0 is NaN, and its gradient too, even if `torch.where` puts another number there.")
@mistakes(*absent_mistakes("dice"))
def check_soft_dice_of_nothing_to_overlap(student: Any, generator: Generator) -> None:
    """If no class occurs anywhere, the loss and its gradient are 0."""
    expect_nothing(student, "soft_dice_loss", generator)


@exercise("soft_dice_loss")
@points(0.25)
@hint("A mask of 0 and 1 has no gradient. Does anything cut the graph, or divide by 0 on a branch that is not taken?")
def check_soft_dice_of_gradients(student: Any, generator: Generator) -> None:
    """Gradients reach the logits, also if a class is absent or pixels are ignored."""
    expect_soft_gradient(student, "soft_dice_loss", generator)


@exercise("soft_dice_loss")
@points(0.25)
@hint("How many ones can float16 count? In which dtype do you sum, and in which do you return?")
def check_soft_dice_of_dtypes(student: Any, generator: Generator) -> None:
    """The loss has the dtype of the logits, labels of any integer dtype work, and large masks do not overflow."""
    expect_soft_dtypes(student, "soft_dice_loss", generator)


@exercise("soft_dice_loss")
@points(0.25)
@hint("`view` asks for a memory layout that the caller's tensor may not have. Which shapes does the docstring allow?")
def check_soft_dice_of_layouts(student: Any, generator: Generator) -> None:
    """Views, channels last and all shapes of the docstring work, and inputs are left as they are."""
    expect_soft_views(student, "soft_dice_loss", generator)


@exercise("soft_dice_loss")
@cpu_only(INVALID)
@points(0.25)
@hint("Which shapes, modes and labels does the docstring refuse? PyTorch stretches some of them silently.")
def check_soft_dice_of_errors(student: Any, generator: Generator) -> None:
    """Unknown modes, negative `smooth`, shapes that do not fit, labels that are no class and floats are refused."""
    expect_soft_errors(student, "soft_dice_loss", generator)


@exercise("soft_dice_loss")
@points(0.25)
@hint("What you make with `torch.eye`, `torch.zeros` or `torch.tensor` lives on the CPU, unless you say where.")
def check_placement_of_soft_dice_loss(runs: Runs) -> None:
    """On an accelerator, the loss is computed as on the CPU, and stays there."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- counts and metrics


CONFUSION_MISTAKES: Mistakes = (
    ("Rows and columns are swapped: rows are the true classes", wrong.confusion_transposed),
    ("Rows are divided by their sums: counts are asked for", wrong.confusion_of_shares),
    (INFERRED, wrong.confusion_infers),
    ("Each pair of classes is counted once: `n[target, pred] += 1` does not add up", wrong.confusion_of_presence),
    (IGNORED_ZERO, wrong.confusion_ignored_as(0)),
    (IGNORED_LAST, wrong.confusion_ignored_as(-1)),
    (IGNORES_NOTHING, wrong.confusion_ignores_nothing),
    ("Pixels that are predicted as `ignore_index` are left out, too", wrong.confusion_ignores_pred),
)


@exercise("confusion_matrix")
@points(1.0)
@hint("Row i, column j: which of the two is the truth? And what does the matrix sum to?")
@mistakes(*CONFUSION_MISTAKES)
def check_counted_pairs(student: Any, generator: Generator) -> None:
    """Row i, column j holds the number of pixels of class i that were predicted as j."""
    target = torch.tensor([[0, 0, 1, 1], [0, 2, 1, 1], [2, 2, 0, 0]])
    pred = torch.tensor([[0, 1, 1, 1], [0, 2, 0, 1], [2, 1, 0, 2]])
    expect_counts(student.confusion_matrix(pred, target, 3), segmentation.confusion_matrix(pred, target, 3))
    pred, target = (torch.randint(0, 5, (2, 9, 13), generator=generator) for _ in range(2))
    expect_counts(student.confusion_matrix(pred, target, 5), segmentation.confusion_matrix(pred, target, 5))


@exercise("confusion_matrix")
@points(0.5)
@hint("How many rows and columns has the matrix? Who decides it?")
@mistakes(*CONFUSION_MISTAKES)
def check_classes_without_pixels(student: Any) -> None:
    """The matrix has `num_classes` rows and columns, whatever occurs in the masks."""
    target, pred = torch.tensor([[0, 1, 1], [1, 0, 1]]), torch.tensor([[2, 1, 2], [1, 0, 0]])
    for num_classes in (3, 4, 7):
        expected = segmentation.confusion_matrix(pred, target, num_classes)
        expect_counts(student.confusion_matrix(pred, target, num_classes), expected)
    expect_counts(
        student.confusion_matrix(target * 0, target * 0, 1), segmentation.confusion_matrix(target * 0, target * 0, 1)
    )
    target, pred = torch.tensor([0, 0, 1]), torch.tensor([1, 0, 1])
    expect_counts(student.confusion_matrix(pred, target, 5), segmentation.confusion_matrix(pred, target, 5))


@exercise("confusion_matrix")
@points(0.75)
@hint("Which of the two masks says that a pixel is ignored? What may stand in the other one there?")
@mistakes(*CONFUSION_MISTAKES)
def check_ignored_pixels_of_the_counts(student: Any) -> None:
    """Pixels whose true label is ignored are not counted, whatever is predicted there."""
    target = torch.tensor([[0, 255, 1, 2], [255, 2, 1, 1], [2, 0, 255, 0]])
    pred = torch.tensor([[0, 1, 1, 2], [0, 1, 0, 1], [2, 2, 1, 0]])
    expect_counts(student.confusion_matrix(pred, target, 3, 255), segmentation.confusion_matrix(pred, target, 3, 255))
    target = target.where(target != 255, -1)
    expected = segmentation.confusion_matrix(pred, target, 3, -1)
    expect_counts(student.confusion_matrix(pred, target, 3, ignore_index=-1), expected)
    target = target.clamp(min=0)
    for ignored in (1, 2, 0):
        expected = segmentation.confusion_matrix(pred, target, 3, ignored)
        expect_counts(student.confusion_matrix(pred, target, 3, ignored), expected)
    target = torch.tensor([[0, 255, 1, 255], [255, 2, 1, 1]])
    pred = torch.tensor([[0, 255, 1, 77], [-1, 1, 0, 1]])
    expect_counts(student.confusion_matrix(pred, target, 3, 255), segmentation.confusion_matrix(pred, target, 3, 255))
    gone = torch.full_like(target, 255)
    expect_counts(student.confusion_matrix(pred, gone, 3, 255), segmentation.confusion_matrix(pred, gone, 3, 255))


@exercise("confusion_matrix")
@points(0.5)
@hint("What is 20 * 20 in uint8? And does your way of counting need a certain dtype, or change the caller's masks?")
def check_dtypes_of_masks(student: Any, generator: Generator) -> None:
    """Masks of any integer dtype and bools give int64, also if the two differ, and are left as they are."""
    pred, target = (torch.randint(0, 20, (6, 7), generator=generator) for _ in range(2))
    expected = segmentation.confusion_matrix(pred, target, 20)
    for one, other in ((torch.int64, torch.int64), (torch.uint8, torch.uint8), (torch.int32, torch.uint8),
                       (torch.int64, torch.int16)):  # fmt: skip
        actual = expect_no_side_effects(student, "confusion_matrix", pred.to(one), target.to(other), 20)
        expect_equal(actual, expected, dtype=torch.int64)
    expected = segmentation.confusion_matrix((pred > 9).long(), (target > 9).long(), 2)
    expect_equal(student.confusion_matrix(pred > 9, target > 9, 2), expected, dtype=torch.int64)
    small = target.to(torch.uint8)
    small[1, 2:5] = 255
    expected = segmentation.confusion_matrix(pred, small, 20, 255)
    actual = expect_no_side_effects(student, "confusion_matrix", pred, small, 20, 255)
    expect_equal(actual, expected, dtype=torch.int64)


@exercise("confusion_matrix")
@points(0.5)
@hint("The masks of a batch, of one image, of one row, of one pixel, of none: what does your code ask of the shape?")
@mistakes(*CONFUSION_MISTAKES)
def check_masks_of_any_shape(student: Any, generator: Generator) -> None:
    """Masks of any shape work, views, a single pixel and none as well."""
    pred, target = (torch.randint(0, 3, (2, 3, 4, 5), generator=generator) for _ in range(2))
    cuts = [
        (mask, mask[0, :, ::2], mask[1, 2].t(), mask[0, 0, 1], mask[0, 0, 0, 0], mask[:0]) for mask in (pred, target)
    ]
    for some, labels in zip(*cuts, strict=True):
        actual = expect_no_side_effects(student, "confusion_matrix", some, labels, 3)
        expect_counts(actual, segmentation.confusion_matrix(some, labels, 3))


@exercise("confusion_matrix")
@cpu_only(INVALID)
@points(0.5)
@hint("A label that is no class may fall into a wrong cell without any error. Which of the two masks do you look at?")
def check_masks_that_do_not_fit(student: Any) -> None:
    """Shapes that differ, floats, labels that are no class, and less than one class are refused."""
    target, pred = torch.tensor([[0, 1, 1], [1, 0, 2]]), torch.tensor([[2, 1, 2], [1, 0, 0]])
    count = student.confusion_matrix
    expect_counts(count(pred, target, 3), segmentation.confusion_matrix(pred, target, 3))
    expect_raises(lambda: count(pred[:1], target, 3))
    expect_raises(lambda: count(pred, target[:, :1], 3))
    expect_raises(lambda: count(pred.flatten(), target, 3))
    expect_raises(lambda: count(pred.double(), target, 3))
    expect_raises(lambda: count(pred, target.double(), 3))
    expect_raises(lambda: count(pred * 0, target, 2))
    expect_raises(lambda: count(pred, target * 0, 2))
    expect_raises(lambda: count(pred - 1, target, 3))
    expect_raises(lambda: count(pred, target - 1, 3))
    expect_raises(lambda: count(torch.tensor([0, -1]), torch.tensor([0, 1]), 3))  # 3 * 1 - 1 is a cell, too
    expect_raises(lambda: count(pred, target + 3, 3, 255))
    expect_raises(lambda: count(pred[:0], target[:0], 0))


@exercise("confusion_matrix")
@points(0.25)
@hint("What you make with `torch.zeros` or NumPy lives on the CPU. Where are the masks?")
def check_placement_of_confusion_matrix(runs: Runs) -> None:
    """On an accelerator, pixels are counted where the masks are."""
    expect_placement(runs)


METRICS_MISTAKES: Mistakes = (
    ("Precision and recall are swapped", wrong.metrics_precision_recall_swapped),
    ("Rows and columns of the confusion matrix are swapped", wrong.metrics_transposed),
    ("True negatives of every class count for the accuracy", wrong.metrics_accuracy_with_negatives),
    ("The pixel accuracy is the mean of the recalls", wrong.metrics_accuracy_is_recall),
    ("The pixel accuracy leaves class 0 out", wrong.metrics_accuracy_without_background),
    ("The right pixels are counted, but not divided by the number of all", wrong.metrics_accuracy_is_count),
    ("The pixel accuracy is in percent", wrong.metrics_accuracy_in_percent),
    ("The 2 is missing in the numerator of Dice", wrong.metrics_dice_without_two),
    ("Dice is twice the IoU: the union is in the denominator", wrong.metrics_dice_over_union),
    ("IoU is returned as Dice", wrong.metrics_dice_is_iou),
    ("The mean Dice is one ratio for all classes (micro), which is the pixel accuracy", wrong.metrics_dice_micro),
    ("The mean IoU is one ratio for all classes (micro)", wrong.metrics_iou_micro),
    ("Dice is returned as IoU", wrong.metrics_iou_is_dice),
    ("The intersection is counted twice in the denominator of IoU", wrong.metrics_iou_over_total),
    ("IoU is divided by the true mask alone", wrong.metrics_iou_is_recall),
    ("Precision and recall are divided by all pixels", wrong.metrics_of_all_pixels),
    ("Class 0 is left out of the means", wrong.metrics_without_background),
    ("The means weigh classes by their size", wrong.metrics_iou_by_frequency),
    ("The mean Dice is computed from the mean IoU", wrong.metrics_dice_of_mean_iou),
)
ABSENT_MISTAKES: Mistakes = (
    ("A class in neither mask counts as 0 in the means", wrong.metrics_absent_is_zero),
    ("A class in neither mask counts as 1 in the means", wrong.metrics_absent_is_one),
    ("A class in neither mask makes the means NaN", wrong.metrics_absent_is_nan),
    ("A class in neither mask has 0, not NaN", wrong.metrics_vectors_zero),
    ("A class in neither mask has 1, not NaN", wrong.metrics_vectors_one),
    ("A class in one mask only is left out of the means: it has overlap 0", wrong.metrics_zeros_left_out),
    *METRICS_MISTAKES,
)
SEEN = torch.tensor([[0, 0, 0, 1, 1], [0, 0, 1, 1, 2], [0, 2, 2, 2, 2], [0, 0, 0, 1, 2]])
GUESSED = torch.tensor([[0, 0, 1, 1, 1], [0, 2, 1, 1, 2], [0, 0, 2, 2, 1], [0, 1, 0, 1, 1]])


@exercise("segmentation_metrics")
@points(0.5)
@hint("Of all pixels, how many are right? How often is a pixel looked at?")
@mistakes(*METRICS_MISTAKES)
def check_pixel_accuracy(student: Any) -> None:
    """The pixel accuracy is the share of the pixels that are right."""
    for pred, target in ((GUESSED, SEEN), (SEEN, GUESSED), (SEEN, SEEN), ((SEEN + 1) % 3, SEEN)):
        expect_metrics(student.segmentation_metrics(pred, target, 3), pred, target, 3, None, "pixel_accuracy")


@exercise("segmentation_metrics")
@points(0.75)
@hint("Draw two overlapping circles. Which parts are TP, FP and FN, and which of them does each formula count twice?")
@mistakes(*METRICS_MISTAKES)
def check_overlap_of_each_class(student: Any) -> None:
    """IoU and Dice of each class are those of its two masks."""
    for pred, target in ((GUESSED, SEEN), ((SEEN + 1) % 3, SEEN), (SEEN, SEEN)):
        expect_metrics(student.segmentation_metrics(pred, target, 3), pred, target, 3, None, "iou", "dice")


@exercise("segmentation_metrics")
@points(0.5)
@hint("Which of the two asks about what was predicted, and which about what was there?")
@mistakes(*METRICS_MISTAKES)
def check_precision_and_recall(student: Any) -> None:
    """Precision is the share of the predicted pixels that are right, recall that of the true pixels."""
    for pred, target in ((GUESSED, SEEN), (SEEN, GUESSED)):
        expect_metrics(student.segmentation_metrics(pred, target, 3), pred, target, 3, None, "precision", "recall")


@exercise("segmentation_metrics")
@points(0.5)
@hint("All classes weigh the same in a mean, small ones and class 0 as well.")
@mistakes(*METRICS_MISTAKES)
def check_means_over_classes(student: Any) -> None:
    """Mean IoU and mean Dice are the means over all classes, class 0 as well."""
    for pred, target in ((GUESSED, SEEN), (SEEN.clamp(max=1), GUESSED)):
        expect_metrics(student.segmentation_metrics(pred, target, 3), pred, target, 3, None, "mean_iou", "mean_dice")


@exercise("segmentation_metrics")
@points(0.5)
@hint("A class in neither mask has nothing to be right or wrong about. What of a class in only one of them?")
@mistakes(*ABSENT_MISTAKES)
def check_absent_classes_of_metrics(student: Any) -> None:
    """A class in neither mask is NaN and left out of the means; a class in one of them has 0 and counts."""
    for pred, target, num_classes in (
        (GUESSED, SEEN, 5),
        (GUESSED.where(GUESSED != 0, 4), SEEN.clamp(max=1), 6),
        (SEEN * 0 + 1, SEEN * 0 + 2, 4),
        (SEEN * 0, SEEN * 0, 2),
    ):
        actual = student.segmentation_metrics(pred, target, num_classes)
        expect_metrics(actual, pred, target, num_classes, None, *METRICS)


@exercise("segmentation_metrics")
@points(0.25)
@hint("An ignored pixel is neither right nor wrong, and not one of all pixels either.")
@mistakes(
    ("Ignored pixels are in the denominator of the accuracy", wrong.metrics_counts_ignored),
    (IGNORES_NOTHING, wrong.metrics_ignores_nothing),
    (IGNORED_ZERO, wrong.metrics_ignored_is_zero),
    (IGNORED_LAST, wrong.metrics_ignored_is_last),
    *ABSENT_MISTAKES,
)
def check_ignored_pixels_of_metrics(student: Any) -> None:
    """Ignored pixels are left out of all numbers."""
    target = SEEN.clone()
    target[1:3, 1:4] = 255
    expect_metrics(student.segmentation_metrics(GUESSED, target, 3, 255), GUESSED, target, 3, 255, *METRICS)
    for ignored in (0, 2):
        actual = student.segmentation_metrics(GUESSED, SEEN, 3, ignore_index=ignored)
        expect_metrics(actual, GUESSED, SEEN, 3, ignored, *METRICS)


@exercise("segmentation_metrics")
@points(0.25)
@hint("0 divided by 0: Python raises an error, PyTorch says something else. What does the docstring say?")
@mistakes(("Without a pixel that counts, the numbers are 0", wrong.metrics_nothing_is_zero), *ABSENT_MISTAKES)
def check_metrics_of_nothing(student: Any) -> None:
    """Without a pixel that counts, everything is NaN."""
    gone = torch.full_like(SEEN, 255)
    expect_metrics(student.segmentation_metrics(SEEN, gone, 3, 255), SEEN, gone, 3, 255, *METRICS)
    expect_metrics(student.segmentation_metrics(SEEN[:0], SEEN[:0], 2), SEEN[:0], SEEN[:0], 2, None, *METRICS)


@exercise("segmentation_metrics")
@points(0.25)
@hint("Which of the seven entries are floats, which are tensors, and in which dtype?")
def check_types_of_metrics(student: Any) -> None:
    """There are seven entries, three floats and four float64 tensors; masks of any dtype work and stay as they are."""
    batch = torch.stack((SEEN, GUESSED)), torch.stack((GUESSED, SEEN.t().reshape(4, 5)))
    for pred, target in (
        (SEEN.to(torch.uint8), GUESSED.to(torch.int32)),
        (SEEN.t(), GUESSED.t()),
        batch,
        (SEEN > 0, GUESSED > 0),
    ):
        actual = expect_no_side_effects(student, "segmentation_metrics", pred, target, 3)
        expected = segmentation.segmentation_metrics(pred, target, 3)
        expect_metrics(actual, pred, target, 3, None, *METRICS)
        for name in ("iou", "dice", "precision", "recall"):
            expect_tensor(expect_item(actual, name), shape=(3,), dtype=torch.float64)
        for name in ("pixel_accuracy", "mean_iou", "mean_dice"):
            expect_true(type(expect_item(actual, name)) is float, f"expected a float in {name!r}")
        expect_true(len(actual) == len(expected), "expected the seven entries of the docstring and no others")


@exercise("segmentation_metrics")
@cpu_only(INVALID)
@points(0.25)
@hint("Who looks at the arguments, if you do not?")
def check_metrics_that_are_none(student: Any) -> None:
    """What `confusion_matrix` refuses is refused here."""
    metrics = student.segmentation_metrics
    expect_metrics(metrics(GUESSED, SEEN, 3), GUESSED, SEEN, 3, None, "pixel_accuracy")
    expect_raises(lambda: metrics(GUESSED[:1], SEEN, 3))
    expect_raises(lambda: metrics(GUESSED.double(), SEEN, 3))
    expect_raises(lambda: metrics(GUESSED, SEEN.double(), 3))
    expect_raises(lambda: metrics(GUESSED, SEEN, 2))
    expect_raises(lambda: metrics(GUESSED, SEEN - 1, 3))
    expect_raises(lambda: metrics(GUESSED[:0], SEEN[:0], 0))


@exercise("segmentation_metrics")
@points(0.25)
@hint("The tensors of the dict are made of the masks. Does one of them come back to the CPU on its way?")
def check_placement_of_segmentation_metrics(runs: Runs) -> None:
    """On an accelerator, the tensors of the dict are where the masks are."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- networks


def block_mistakes(padding: str) -> Mistakes:
    """Return the mistakes in the way that two convolutions are computed."""
    other, sentence = (1, PADDED) if padding == "valid" else (0, NOT_PADDED)
    block = partial(wrong.double_conv, padding)
    return (
        (sentence, block(wrong.relu_twice, pad=other)),
        ("There is no ReLU after the second convolution", block(wrong.no_last_relu)),
        ("There is no ReLU between the convolutions", block(wrong.no_relu_between)),
        ("There is no ReLU", block(wrong.no_relu)),
        ("The ReLU comes before each convolution, not after it", block(wrong.relu_first)),
        ("The second convolution is not used", block(wrong.one_convolution)),
        ("The activation is a leaky ReLU", block(wrong.leaky)),
        ("The activation is a sigmoid", block(wrong.sigmoid_between)),
        ("There is a shortcut around the second convolution, as in a residual block", block(wrong.residual_double)),
    )


@exercise("DoubleConv")
@cpu_only(SHAPES)
@points(0.5)
@hint("Two convolutions with a bias: the docstring has their names. What else in your block has numbers to learn?")
def check_names_of_DoubleConv(student: Any) -> None:
    """The parameters are those of `conv1` and `conv2`, under these names, and there are no others."""
    for padding in ("same", "valid"):
        found = student.outline("DoubleConv", 3, 5, padding)
        expect_names(found.parameters, shapes_of("DoubleConv", 3, 5))
        expect_true(not found.buffers, "the block has buffers: there is no batch normalisation in it")
    expect_names(student.outline("DoubleConv", 2, 2).parameters, shapes_of("DoubleConv", 2, 2))


@exercise("DoubleConv")
@points(0.5)
@hint("Convolution, ReLU, convolution, ReLU: which values can come out, and how large is the map?")
@mistakes(*block_mistakes("same"))
def check_DoubleConv_that_pads(student: Any, generator: Generator) -> None:
    """With `same`, which is the default, the block keeps the size and computes the right numbers."""
    for shape in ((2, 3, 7, 6), (1, 2, 1, 4)):
        x = torch.randn(shape, generator=generator, dtype=torch.float64)
        block = loaded(student, "DoubleConv", shape[1], 4)
        expect_floats(block(x), answer_of("DoubleConv", x, shape[1], 4))
        expect_floats(loaded(student, "DoubleConv", shape[1], 4, "same")(x), answer_of("DoubleConv", x, shape[1], 4))


@exercise("DoubleConv")
@points(0.25)
@hint("Without padding, how many rows does one 3x3 convolution take away?")
@mistakes(*block_mistakes("valid"))
def check_DoubleConv_that_does_not_pad(student: Any, generator: Generator) -> None:
    """With `valid`, the map is 4 smaller in height and width, and the numbers are right."""
    for shape in ((2, 3, 8, 7), (1, 2, 5, 9)):
        x = torch.randn(shape, generator=generator, dtype=torch.float64)
        block = loaded(student, "DoubleConv", shape[1], 4, "valid")
        expect_floats(block(x), answer_of("DoubleConv", x, shape[1], 4, "valid"))


@exercise("DoubleConv")
@points(0.25)
@hint("Does anything in your block cut the graph, write into `x`, or depend on the mode, the batch or a dtype?")
def check_use_of_DoubleConv(student: Any, generator: Generator) -> None:
    """Gradients reach the input and all parameters; modes, views and float32 work, and the input is not changed."""
    x = torch.randn(2, 3, 6, 5, generator=generator, dtype=torch.float64)
    block = loaded(student, "DoubleConv", 3, 4)
    expect_net_gradients(block, "DoubleConv", x, 3, 4)
    for mode in ("train", "eval"):
        block.call(mode)
        for some in views(x):
            expect_floats(unchanged(student, block, some), answer_of("DoubleConv", some, 3, 4))
    block.call("float")
    expect_close(block(x.float()), answer_of("DoubleConv", x, 3, 4), dtype=torch.float32, rtol=1e-4, atol=1e-5)


@exercise("DoubleConv")
@cpu_only(INVALID)
@points(0.25)
@hint("There are two words for `padding`. What becomes of a third one?")
def check_paddings_of_DoubleConv(student: Any) -> None:
    """Another padding is refused when the block is made."""
    x = torch.ones(1, 2, 5, 5, dtype=torch.float64)
    expect_floats(loaded(student, "DoubleConv", 2, 4)(x), answer_of("DoubleConv", x, 2, 4))
    for padding in ("full", "", "Same", "reflect"):
        expect_raises(partial(student.DoubleConv, 2, 4, padding))


@exercise("DoubleConv")
@points(0.25)
@hint("`.to(device)` moves parameters, buffers and modules, and nothing else that you keep.")
def check_placement_of_DoubleConv(runs: Runs) -> None:
    """On an accelerator, the block works as on the CPU."""
    expect_placement(runs)


def unet_mistakes(padding: str) -> Mistakes:
    """Return the mistakes in the way that a U-Net is computed."""
    unet = partial(wrong.unet, padding)
    cropped: Mistakes = (
        ("The skips are cropped at the top left corner, not at their centre", unet(crop=wrong.at_top_left)),
        ("The skips are cropped at the bottom right corner, not at their centre", unet(crop=wrong.at_bottom_right)),
        ("The skips are resized, not cropped", unet(crop=wrong.resized)),
        ("The skips are resized, not cropped", unet(crop=wrong.nearest)),
        ("What comes up is padded to the size of the skip: the skip is cropped", unet(fill=True)),
        (PADDED, unet(pad=1)),
    )
    return (
        ("What comes up stands before the skip: the order is `cat([skip, up])`", unet(join=wrong.joined_backwards)),
        *(cropped if padding == "valid" else ()),
        ("The skips are taken after the pooling, and enlarged again", unet(pooled_skip=True)),
        ("The skips are left out", unet(join=wrong.joined_without_skip)),
        ("What comes up is used twice: the skips are left out", unet(join=wrong.joined_to_itself)),
        ("The net ends with a softmax", unet(outcome=wrong.softmaxed)),
        ("The net ends with a log-softmax", unet(outcome=wrong.log_softmaxed)),
        ("The net ends with a sigmoid", unet(outcome=wrong.squashed)),
        ("The net ends with a ReLU", unet(outcome=wrong.rectified)),
        ("There is a ReLU after each up-convolution", unet(raised=wrong.rectified)),
        ("The pooling averages: the largest value is asked for", unet(pool=wrong.averaged)),
        ("Every other pixel is taken instead of a pooling", unet(pool=wrong.every_other)),
        ("There is no ReLU after the second convolution of a block", unet(blocks=wrong.no_last_relu)),
        ("There is no ReLU between the convolutions of a block", unet(blocks=wrong.no_relu_between)),
        ("There is no ReLU", unet(blocks=wrong.no_relu)),
    )


@exercise("UNet")
@cpu_only(SHAPES)
@points(0.75)
@hint("Go through the table of the docstring: how many channels enter `dec4`, and how many come out of it?")
def check_names_of_UNet(student: Any) -> None:
    """The names and shapes are those of the table, with 31,030,658 parameters by default."""
    for arguments in ((), (3, 4, 8), (1, 5, 3, "valid")):
        found = student.outline("UNet", *arguments)
        expect_names(found.parameters, shapes_of("UNet", *arguments))
        expect_true(not found.buffers, "the net has buffers: there is no batch normalisation in it")
    found = student.outline("UNet", in_channels=3, num_classes=21, base=64, padding="valid")
    expect_names(found.parameters, shapes_of("UNet", 3, 21))


@exercise("UNet")
@cpu_only(SHAPES)
@points(0.5)
@hint("Follow 572 pixels down and up again. What does each convolution take away, and how large is the first skip?")
def check_sizes_of_UNet(student: Any) -> None:
    """The maps have the sizes of the paper with `valid`, and that of the image with `same`."""
    for padding, size, expected in (
        ("valid", (1, 1, 572, 572), (1, 2, 388, 388)),
        ("valid", (2, 1, 252, 188), (2, 2, 68, 4)),
        ("same", (1, 1, 128, 64), (1, 2, 128, 64)),
        ("same", (3, 1, 48, 16), (3, 2, 48, 16)),
    ):
        net = expect_object(student.UNet(1, 2, 1, padding=padding))
        logits = expect_tensor(net(torch.zeros(size)))
        wrong_size = f"padding {padding!r}: the logits of an image of {size[2]} x {size[3]} pixels have the wrong shape"
        expect_true(logits.shape == expected, wrong_size)


@exercise("UNet")
@points(1.0)
@hint("Which map goes across at each level, before or after the pooling, and where in the concatenation does it stand?")
@mistakes(*unet_mistakes("same"))
def check_UNet_that_pads(student: Any, generator: Generator) -> None:
    """With `same` and given weights, the logits are right."""
    for shape in ((2, 3, 32, 48), (1, 3, 16, 16)):
        x = torch.randn(shape, generator=generator, dtype=torch.float64)
        expect_floats(loaded(student, "UNet", 3, 4, 2, "same")(x), answer_of("UNet", x, 3, 4, 2, "same"))


@exercise("UNet")
@points(1.0)
@hint("The skip is larger than what comes up. Which part of it belongs to the same pixels?")
@mistakes(*unet_mistakes("valid"))
def check_UNet_that_does_not_pad(student: Any, generator: Generator) -> None:
    """With `valid` and given weights, skips are cropped at their centre and the logits are right."""
    x = torch.randn(1, 3, 188, 204, generator=generator, dtype=torch.float64)
    expect_floats(loaded(student, "UNet", 3, 4, 2, "valid")(x), answer_of("UNet", x, 3, 4, 2, "valid"))


@exercise("UNet")
@points(0.5)
@hint("A result that is changed in place may be needed on the way back. Does every layer take part in the logits?")
def check_gradients_of_UNet(student: Any, generator: Generator) -> None:
    """Gradients reach the image and all parameters."""
    for mode in ("train", "eval"):
        net = loaded(student, "UNet", 2, 3, 2, "same")
        net.call(mode)
        x = torch.randn(1, 2, 32, 16, generator=generator, dtype=torch.float64)
        expect_net_gradients(net, "UNet", x, 2, 3, 2, "same")


@exercise("UNet")
@points(0.5)
@hint("Does anything in your net depend on the mode, the other images of the batch, the memory layout, or a dtype?")
def check_use_of_UNet(student: Any, generator: Generator) -> None:
    """Both modes, one image, views, channels last and float32 work, and the image is not changed."""
    x = torch.randn(2, 2, 32, 16, generator=generator, dtype=torch.float64)
    net = loaded(student, "UNet", 2, 3, 2, "same")
    for mode in ("train", "eval"):
        net.call(mode)
        for some in views(x):
            expect_floats(unchanged(student, net, some), answer_of("UNet", some, 2, 3, 2, "same"))
    net.call("float")
    expected = answer_of("UNet", x, 2, 3, 2, "same")
    expect_close(net(x.float()), expected, dtype=torch.float32, rtol=1e-4, atol=1e-4)


@exercise("UNet")
@cpu_only(INVALID)
@points(0.5)
@hint("A pooling drops the last row of a map of odd height, without a word. From which sizes can four of them come?")
def check_images_that_do_not_fit(student: Any) -> None:
    """Sizes at which a pooling would drop a row, other shapes and another padding are refused."""
    x = torch.ones(1, 2, 16, 32, dtype=torch.float64)
    net = loaded(student, "UNet", 2, 3, 2, "same")
    expect_floats(net(x), answer_of("UNet", x, 2, 3, 2, "same"))
    for height, width in ((8, 16), (16, 24), (40, 32), (17, 16), (16, 15)):
        expect_raises(partial(net, torch.ones(1, 2, height, width, dtype=torch.float64)))
    expect_raises(lambda: net(x[:, :1]))
    expect_raises(lambda: net(x[0]))
    expect_raises(lambda: net(x[None]))
    net = student.UNet(1, 2, 1, padding="valid")
    expect_tensor(net(torch.ones(1, 1, 188, 204)), shape=(1, 2, 4, 20))
    for height, width in ((172, 188), (188, 192), (196, 188), (188, 189), (203, 188)):
        expect_raises(partial(net, torch.ones(1, 1, height, width)))
    for padding in ("full", "", "Valid"):
        expect_raises(partial(student.UNet, 1, 2, 2, padding))


@exercise("UNet")
@points(0.25)
@hint("`.to(device)` moves parameters, buffers and modules that are attributes, and nothing else that you keep.")
def check_placement_of_UNet(runs: Runs) -> None:
    """On an accelerator, the net works as on the CPU."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- training


@exercise("train_unet")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(1.5)
@hint("Which classes does your net find, and which never? Does the loss still fall when you stop?")
def check_unseen_rooms(student: Any) -> None:
    """On rooms that it has not seen, the trained net reaches the mean IoU that the docstring asks for."""
    images, masks = rooms(ROOMS, 1)
    expect_overlap(student.train_unet(images, masks), range(NUM_CLASSES))


@exercise("train_unet")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(0.75)
@hint("Who says which class is the wall? The masks that you are given, and nothing else.")
def check_other_numbers_of_classes(student: Any) -> None:
    """With other numbers for the classes and another seed, it reaches it too; masks may be uint8, and views."""
    images, masks = rooms(ROOMS, 1)
    numbers = torch.tensor([3, 0, 4, 1, 2])
    some = numbers[masks].to(torch.uint8)
    turned = images.permute(2, 3, 0, 1).contiguous().permute(2, 3, 0, 1)
    net = student.train_unet(turned, some, NUM_CLASSES, seed=1)
    expect_overlap(net, numbers.tolist())


@exercise("train_unet")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(0.75)
@hint("Where does chance come in, and what decides it? Whatever happened before the call must not.")
def check_same_seed_same_net(student: Any) -> None:
    """The same seed and data give the same parameters, and without a seed it is 0."""
    images, masks = (part[:6] for part in rooms(ROOMS, 1))
    for first, second, again in (({"seed": 3}, {"seed": 3}, "used again"), ({}, {"seed": 0}, "said, not left to 0")):
        states = [net_state(student.train_unet(images, masks, **which)) for which in (first, second)]
        for name in shapes_of("UNet", 3, NUM_CLASSES):
            before, after = (expect_tensor(expect_item(state, name)) for state in states)
            expect_true(torch.equal(before, after), f"{name} is another one when the same seed is {again}")


@exercise("train_unet")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(0.5)
@hint("`torch.manual_seed` changes the random numbers of everybody. How do you give back the state that you found?")
def check_training_leaves_no_trace(student: Any) -> None:
    """Training changes neither the caller's random state nor its images and masks."""
    images, masks = (part[:5] for part in rooms(ROOMS, 1))
    for some, labels in ((images, masks), (images.flip(0)[::2], masks.transpose(1, 2)[::2].to(torch.int32))):
        net = expect_no_side_effects(student, "train_unet", some, labels, NUM_CLASSES, seed=4)
        expect_item(net_state(net), "head.bias")


@exercise("train_unet")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(0.5)
@hint("Who gets the net back uses it: in which mode, and with how many logits per pixel?")
def check_net_that_comes_back(student: Any) -> None:
    """A `UNet` in eval mode comes back, for so many classes and images of any size that fits, also from one image."""
    images, masks = rooms(ROOMS, 1)
    for count, num_classes in ((1, 7), (3, NUM_CLASSES)):
        net = student.train_unet(images[:count], masks[:count], num_classes)
        state = net_state(net)
        base = expect_tensor(expect_item(state, "enc1.conv1.bias")).numel()
        expect_names({name: tuple(expect_tensor(value).shape) for name, value in state.items()},
                     shapes_of("UNet", 3, num_classes, base))  # fmt: skip
        expect_true(net.value("training") is False, "the net is in train mode")
        logits = expect_tensor(net(images[:2, :, :16]), shape=(2, num_classes, 16, SIZE), dtype=torch.float32)
        expect_true(bool(logits.isfinite().all()), "the logits of the trained net are not finite")


# ---------------------------------------------------------------------------------------------- expectations

METRICS = ("pixel_accuracy", "iou", "dice", "precision", "recall", "mean_iou", "mean_dice")


def expect_pixels(actual: object, expected: Tensor) -> None:
    """Expect a mask of yes and no in any dtype: the dtype is a check of its own."""
    tensor = expect_tensor(actual, shape=expected.shape)
    expect_true(not tensor.is_complex(), "expected a mask of True and False")
    expect_equal(tensor.to(torch.int64), expected.to(torch.int64))


def expect_labels(actual: object, expected: Tensor) -> None:
    """Expect labels in any dtype: the dtype is a check of its own."""
    tensor = expect_tensor(actual, shape=expected.shape)
    expect_true(not tensor.is_complex(), "expected labels, which are whole numbers")
    expect_close(tensor.double(), expected.double())


expect_any_dtype = expect_labels
expect_counts = expect_labels


def expect_gradient(student: Any, name: str, logits: Tensor, target: Tensor, *arguments: Any) -> None:
    """Expect the gradient of a loss with respect to the logits."""
    actual = student.gradients(name, logits, target, *arguments)
    leaf = logits.clone().requires_grad_(True)
    (expected,) = torch.autograd.grad(getattr(reference, name)(leaf, target, *arguments), leaf)
    expect_true(actual.inputs[0] is not None, "the loss does not depend on the logits")
    expect_floats(actual.inputs[0], expected)


def expect_metrics(
    actual: object, pred: Tensor, target: Tensor, num_classes: int, ignored: int | None, *names: str
) -> None:
    """Expect some entries of the metrics: numbers as floats or 0-dim tensors, vectors of any floating dtype."""
    expected = segmentation.segmentation_metrics(pred, target, num_classes, ignored)
    for name in names:
        value, right = expect_item(actual, name), expected[name]
        if isinstance(right, Tensor):
            expect_floats(value, right)
        else:
            expect_number(value, right, rtol=RTOL, atol=ATOL, equal_nan=math.isnan(right))


def expect_names(found: Mapping[str, Any], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Expect these names with these shapes, and no others; the docstring lists them, so they may be said."""
    missing, other = [n for n in expected if n not in found], [n for n in found if n not in expected]
    expect_true(not missing, f"{len(missing)} names are missing, the first is {next(iter(missing), '')}")
    expect_true(not other, f"{len(other)} names should not be there, the first is {str(next(iter(other), ''))[:60]}")
    for name, shape in expected.items():
        expect_true(tuple(found[name]) == shape, f"{name} has the wrong shape")


def expect_net_gradients(net: Any, kind: str, x: Tensor, *arguments: Any) -> None:
    """Expect the gradients of the reference's module with respect to its input and all its parameters."""
    twin, leaf = wrong.loaded(kind, *arguments), x.clone().requires_grad_(True)
    y, parameters = twin(leaf), dict(twin.named_parameters())
    weight = torch.linspace(-1, 1, y.numel(), dtype=torch.float64).reshape(y.shape)
    expected = torch.autograd.grad((y * weight).sum(), [leaf, *parameters.values()])
    actual = net.gradients(x, weight=weight)
    found_ones = [actual.inputs[0], *(expect_item(dict(actual.parameters), name) for name in parameters)]
    for name, found, right in zip(("", *parameters), found_ones, expected, strict=True):
        expect_true(found is not None, f"the result does not depend on {name or 'the input'}")
        expect_floats(found, right)


def expect_overlap(net: Any, numbers: Any) -> None:
    """Expect that the net finds the classes, which have these numbers, in rooms that it has not seen."""
    net_state(net)
    images, masks = rooms(UNSEEN, 2)
    target = torch.tensor(list(numbers))[masks]
    parts = [
        expect_tensor(net(part), shape=(len(part), NUM_CLASSES, SIZE, SIZE), dtype=torch.float32)
        for part in (images[:50], images[50:])
    ]
    found = reference.segmentation_metrics(torch.cat(parts).argmax(1), target, NUM_CLASSES)
    staff = f"mean IoU {found['mean_iou']:.3f}, per class {[round(value, 3) for value in found['iou'].tolist()]}"
    few = f"the mean IoU of the returned net on unseen rooms is below {OVERLAP}. Does it learn to the end?"
    expect_true(found["mean_iou"] >= OVERLAP, few, staff=staff)


# ---------------------------------------------------------------------------------------------- inputs and networks


def pixels(
    generator: Generator, num: int, num_classes: int, height: int, width: int, num_labels: int | None = None
) -> tuple[Tensor, Tensor]:
    """Return logits ``(N, K, H, W)`` and labels ``(N, H, W)``; every class occurs in every image, if it has room."""
    logits = 1.5 * torch.randn(num, num_classes, height, width, generator=generator, dtype=torch.float64)
    order = torch.rand(num, height * width, generator=generator).argsort(1)
    labels = (order.to(torch.float64).square() / (height * width)).long() % (num_labels or num_classes)
    labels = labels.where(order >= (num_labels or num_classes), order)
    return logits, labels.reshape(num, height, width)


def layouts(logits: Tensor, target: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return pairs of logits and labels in several memory layouts."""
    doubled = torch.stack((logits, -logits), -1)[..., 0], torch.stack((target, target * 0), -1)[..., 0]
    return [
        (logits.contiguous(memory_format=torch.channels_last), target),
        (logits.transpose(2, 3), target.transpose(1, 2)),
        doubled,
        (logits.flip(0)[::2], target.flip(0)[::2]),
        (logits[..., ::2], target[..., ::2]),
    ]


def views(x: Tensor) -> list[Tensor]:
    """Return images in several memory layouts, and a single one."""
    wide = torch.stack((x, -x), -1)[..., 0]
    return [x, x[:1], x.contiguous(memory_format=torch.channels_last), wide]


@functools.cache
def shapes_of(kind: str, *arguments: Any) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of the parameters of the reference's module."""
    with torch.device("meta"):
        net = getattr(reference, kind)(*arguments)
    return {name: tuple(parameter.shape) for name, parameter in net.named_parameters()}


def loaded(student: Any, kind: str, *arguments: Any) -> Any:
    """Return the student's module, float64, with the weights of the reference's."""
    net = student.call(kind, *arguments)
    expect_true(hasattr(net, "type_name") and hasattr(net, "call"), f"expected a {kind}")
    net.call("double")
    net.call("load_state_dict", wrong.state_of(kind, *arguments))
    return net


def answer_of(kind: str, x: Tensor, *arguments: Any) -> Tensor:
    """Return what the reference's module says."""
    with torch.no_grad():
        y: Tensor = wrong.loaded(kind, *arguments)(x)
    return y


def unchanged(student: Any, net: Any, x: Tensor) -> Any:
    """Return what the student's module says, and expect that its input is as before."""
    student.define("inside", "def asked(net, x):\n    return net(x), x\n")
    y, left = student.helper("inside", "asked", net, x)
    expect_true(torch.equal(expect_tensor(left), x), "the input has been changed in place")
    return y


def net_state(net: Any) -> Any:
    """Return the parameters of a trained net, which is no plain value but an object."""
    expect_true(hasattr(net, "type_name") and hasattr(net, "call"), "expected a UNet")
    return net.call("state_dict")


@functools.cache
def rooms(num: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return images ``(N, 3, H, W)`` and masks ``(N, H, W)`` of drawn rooms."""
    found = scenes.scenes(num, SIZE, generator=Generator().manual_seed(seed))
    return torch.stack([room.image for room in found]), torch.stack([room.mask for room in found])
