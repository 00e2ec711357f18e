"""Hidden checks of the topic *metrics*: pixel accuracy, IoU, matching, precision and recall, AP, mAP.

Numbers are checked in float64, so that the order of operations does not matter; dtypes are checks of their own. Scores
are distinct and IoUs stay 0.02 away from the threshold, except where a check says that it is about ties or equality.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Generator, Tensor
from wrong import metrics as wrong

from autograder.checks import (
    BoxPicture,
    CurvePicture,
    Runs,
    cpu_only,
    exercise,
    expect_close,
    expect_equal,
    expect_item,
    expect_no_side_effects,
    expect_number,
    expect_placement,
    expect_raises,
    expect_tensor,
    expect_tuple,
    hint,
    misconception,
    not_simulated,
    oracle,
    picture,
    points,
)
from reference import metrics as reference

metrics = oracle(reference)

METRIC_RTOL = 1e-5  # a right answer may be computed in float32, or divide by union + 1e-6 (boxes here have sides >= 10)
METRIC_ATOL = 1e-6  # the same, where the right answer is 0
INVALID = "invalid arguments must raise, which is tested on the CPU only"
MORE_NUMBERS = "larger inputs, but no other path through the code than the small cases above"
MARGIN = 0.02  # how far random IoUs stay from a threshold: no rounding decides a match

Image = dict[str, Tensor]


# ---------------------------------------------------------------------------------------------- pixel accuracy


@exercise("pixel_accuracy")
@points(0.5)
@hint("Background is a class like any other: a pixel that is rightly called background is a right pixel.")
@misconception("The right pixels are counted, but not divided by the number of pixels", wrong.accuracy_is_count)
@misconception("The wrong pixels are counted instead of the right ones", wrong.accuracy_is_error_rate)
@misconception("Background pixels (class 0) are left out", wrong.accuracy_of_foreground)
def check_every_class_counts(student: Any) -> None:
    """Pixel accuracy is the fraction of all pixels whose class is right."""
    target = labels("001122 001122 003333")
    pred = labels("001122 010022 023330")
    expect_metric(student.pixel_accuracy(pred, target), metrics.pixel_accuracy(pred, target))


@exercise("pixel_accuracy")
@points(0.5)
@hint("Which pixels make accuracy look good although the object was hardly found? They have to be counted here.")
@misconception("This is the IoU of the object: true negatives are missing", wrong.accuracy_is_iou)
@misconception("Background pixels (class 0) are left out", wrong.accuracy_of_foreground)
@picture(
    BoxPicture(
        caption="A small object and a prediction that is a little off: hardly any overlap, hardly any wrong pixel.",
        boxes=((0, 0, 60, 40), (10, 10, 20, 20), (16, 16, 26, 26)),
        labels=("image", "target", "prediction"),
    )
)
def check_background_hides_a_shifted_object(student: Any) -> None:
    """Background that is called background counts as right, even if the object was missed."""
    target = torch.zeros(20, 20, dtype=torch.int64)
    target[5:9, 5:9] = 1
    pred = target.roll((2, 2), (0, 1))
    expect_metric(student.pixel_accuracy(pred, target), metrics.pixel_accuracy(pred, target))


@exercise("pixel_accuracy")
@points(0.5)
@hint("An ignored pixel is in neither count of the fraction. Whose value decides: the target's or the prediction's?")
@misconception("`ignore_index` has no effect", wrong.accuracy_ignores_nothing)
@misconception("Ignored pixels are still part of the denominator", wrong.accuracy_divides_by_all)
@misconception("Ignored pixels are counted as right", wrong.accuracy_ignored_is_right)
@misconception(
    "Pixels are ignored by their predicted value, not by their true one", wrong.accuracy_ignores_by_prediction
)
@misconception("Pixels are ignored by their predicted value too", wrong.accuracy_ignores_by_either)
def check_ignored_pixels_do_not_count(student: Any) -> None:
    """Pixels whose target is `ignore_index` are counted nowhere, whatever was predicted there."""
    target = torch.tensor([[0, 1, 1, 255, 255, 2, 2], [0, 255, 1, 255, 255, 2, 0]])
    pred = torch.tensor([[0, 1, 2, 0, 255, 2, 255], [0, 255, 1, 1, 2, 2, 1]])
    expect_metric(student.pixel_accuracy(pred, target, 255), metrics.pixel_accuracy(pred, target, 255))


@exercise("pixel_accuracy")
@points(0.25)
@hint("In Python, 0 is false. Is that what the `if` should ask?")
@misconception('`ignore_index=0` is taken for "no index"', wrong.accuracy_falsy_index)
def check_class_zero_can_be_ignored(student: Any) -> None:
    """Class 0 can be ignored too."""
    target, pred = labels("0012 0122"), labels("0112 0020")
    expect_metric(student.pixel_accuracy(pred, target, 0), metrics.pixel_accuracy(pred, target, 0))


@exercise("pixel_accuracy")
@points(0.25)
@hint("Which values can the dtype of the target hold, and which can it not?")
def check_negative_index(student: Any) -> None:
    """A negative `ignore_index` works, and ignores nothing where the dtype cannot hold it."""
    target, pred = torch.tensor([0, -100, 1, 1, -100]), torch.tensor([0, 1, 1, 0, 1])
    expect_metric(student.pixel_accuracy(pred, target, -100), metrics.pixel_accuracy(pred, target, -100))
    target, pred = torch.tensor([0, 255, 1, 255], dtype=torch.uint8), torch.tensor([0, 255, 0, 255])
    expect_metric(student.pixel_accuracy(pred, target, -1), metrics.pixel_accuracy(pred, target, -1))


@exercise("pixel_accuracy")
@points(0.25)
@hint("What does the docstring promise when there is no pixel to judge?")
@misconception("Nothing to count gives 0", wrong.accuracy_of_nothing_is_zero)
@misconception("Nothing to count gives 1", wrong.accuracy_of_nothing_is_one)
def check_nothing_to_count(student: Any) -> None:
    """Without a pixel that counts, the accuracy is NaN."""
    some = labels("0110 0012")
    expect_metric(student.pixel_accuracy(some, some, 2), 1.0)
    ignored = torch.full((2, 3), 7)
    expect_metric(student.pixel_accuracy(torch.zeros_like(ignored), ignored, 7), math.nan)
    empty = torch.zeros(0, 4, dtype=torch.int64)
    expect_metric(student.pixel_accuracy(empty, empty), math.nan)


@exercise("pixel_accuracy")
@cpu_only(INVALID)
@points(0.25)
@hint("Compare the shapes before the values: PyTorch stretches what does not fit.")
def check_shapes_must_be_equal(student: Any) -> None:
    """Different shapes are refused, also where PyTorch would broadcast them."""
    pred = labels("012 012 012 001")
    expect_metric(student.pixel_accuracy(pred, pred), 1.0)
    expect_raises(lambda: student.pixel_accuracy(pred, pred.t()))
    expect_raises(lambda: student.pixel_accuracy(pred, pred[:1]))


@exercise("pixel_accuracy")
@points(0.25)
@hint("A mask may be a bool tensor, and a part of a larger tensor. Which of your operations changes a tensor in place?")
def check_bool_masks_and_views(student: Any) -> None:
    """Bool masks and non-contiguous tensors work and are left as they are."""
    target = labels("0011 0111 0010").bool().t()
    pred = labels("0110 0110 0011").bool().t()
    expect_metric(expect_no_side_effects(student, "pixel_accuracy", pred, target), metrics.pixel_accuracy(pred, target))
    target, pred = labels("0123 0123 2222")[:, ::2], labels("0022 0113 2212")[:, ::2]
    actual = expect_no_side_effects(student, "pixel_accuracy", pred, target, ignore_index=2)
    expect_metric(actual, metrics.pixel_accuracy(pred, target, 2))


@exercise("pixel_accuracy")
@points(0.25)
@hint("Which tensor do you make yourself, and on which device? `device=target.device` puts it beside the inputs.")
def check_placement_of_pixel_accuracy(runs: Runs) -> None:
    """On an accelerator, pixel accuracy works as on the CPU."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- IoU


@exercise("box_iou")
@points(1)
@hint("Say the two areas and the overlap in words. Which part has been counted twice, and what are the four numbers?")
@misconception("Widths and heights are computed with `+ 1`", wrong.iou_plus_one)
@misconception("The union is the sum of both areas: the intersection is counted twice", wrong.iou_union_is_sum)
@misconception("The intersection is missing from the union", wrong.iou_union_without_intersection)
@misconception("The denominator is the smaller area, not the union", wrong.iou_over_smaller_area)
@misconception("The denominator is the area of the box in `boxes1`, not the union", wrong.iou_over_area1)
@misconception("The denominator is the area of the box in `boxes2`, not the union", wrong.iou_over_area2)
@misconception("This is the Dice score, not the IoU", wrong.iou_is_dice)
@misconception("The generalised IoU is returned, not the IoU", wrong.iou_is_generalized)
@misconception("The boxes are read as x, y, width, height", wrong.iou_reads_xywh)
@misconception("The boxes are read as x_min, x_max, y_min, y_max", wrong.iou_reads_xxyy)
@misconception("Rows and columns of the result are swapped", wrong.iou_transposed)
def check_overlapping_boxes(student: Any) -> None:
    """Overlapping boxes have the IoU intersection / union, in pixels as in fractions of the image."""
    boxes1 = boxes((0, 0, 30, 20), (4, 6, 18, 26))
    boxes2 = boxes((10, 5, 32, 25), (2, 1, 16, 14))
    expect_iou(student.box_iou(boxes1, boxes2), metrics.box_iou(boxes1, boxes2))
    expect_iou(student.box_iou(boxes1 / 32, boxes2 / 32), metrics.box_iou(boxes1 / 32, boxes2 / 32))


@exercise("box_iou")
@points(0.25)
@hint("A box against itself: what are intersection and union?")
@misconception("Widths and heights are computed with `+ 1`", wrong.iou_plus_one)
@misconception("The union is the sum of both areas: the intersection is counted twice", wrong.iou_union_is_sum)
@misconception("The intersection is missing from the union", wrong.iou_union_without_intersection)
@misconception("The denominator is the smaller area, not the union", wrong.iou_over_smaller_area)
@misconception("The denominator is the area of the box in `boxes1`, not the union", wrong.iou_over_area1)
@misconception("The denominator is the area of the box in `boxes2`, not the union", wrong.iou_over_area2)
@misconception("This is the Dice score, not the IoU", wrong.iou_is_dice)
def check_same_and_nested_boxes(student: Any) -> None:
    """A box has IoU 1 with itself, and the ratio of the areas with a box inside it."""
    nested = boxes((10, 20, 60, 60), (20, 30, 40, 45))
    expect_iou(student.box_iou(nested, nested), metrics.box_iou(nested, nested))


@exercise("box_iou")
@points(0.5)
@hint("What are the width and the height of the intersection of two boxes that do not meet?")
@misconception("Widths and heights of the intersection are not clamped at zero", wrong.iou_without_clamp)
@misconception(
    "Only the area of the intersection is clamped: two negative sides make a positive area", wrong.iou_clamps_product
)
@misconception("The generalised IoU is returned, not the IoU", wrong.iou_is_generalized)
@picture(
    BoxPicture(
        caption="Two boxes that do not meet. From the larger left edge to the smaller right edge it is a step back.",
        boxes=((0, 0, 4, 3), (6, 5, 9, 9)),
        labels=("boxes1", "boxes2"),
    )
)
@pytest.mark.parametrize(
    "others",
    [
        ((40.0, 50.0, 52.0, 75.0), (40.0, 2.0, 52.0, 18.0)),
        ((-25.0, 2.0, -5.0, 18.0), (40.0, 2.0, 52.0, 18.0)),
        ((3.0, -30.0, 17.0, -14.0), (3.0, 60.0, 17.0, 75.0)),
    ],
    ids=["diagonal", "beside", "above_and_below"],
)
def check_disjoint_boxes(student: Any, others: tuple[tuple[float, ...], ...]) -> None:
    """Boxes that do not overlap have IoU 0."""
    boxes1, boxes2 = boxes((0, 0, 20, 20)), boxes(*others)
    expect_iou(student.box_iou(boxes1, boxes2), metrics.box_iou(boxes1, boxes2))


@exercise("box_iou")
@points(0.5)
@hint("Coordinates are continuous. What area do two boxes share that have only an edge in common?")
@misconception("Widths and heights are computed with `+ 1`", wrong.iou_plus_one)
@misconception("The generalised IoU is returned, not the IoU", wrong.iou_is_generalized)
@picture(
    BoxPicture(
        caption="Two boxes that share an edge, and a third that shares a corner with the first.",
        boxes=((0, 0, 4, 3), (4, 0, 7, 3), (4, 3, 6, 5)),
        labels=("boxes1", "edge", "corner"),
    )
)
def check_touching_boxes(student: Any) -> None:
    """Boxes that only touch have IoU 0."""
    boxes1, boxes2 = boxes((5, 5, 25, 25)), boxes((25, 5, 45, 25), (5, 25, 25, 40), (25, 25, 35, 35))
    expect_iou(student.box_iou(boxes1, boxes2), metrics.box_iou(boxes1, boxes2))


@exercise("box_iou")
@points(0.25)
@hint("Every box of the first set meets every box of the second: how many numbers is that, and in which order?")
@misconception("Rows and columns of the result are swapped", wrong.iou_transposed)
@misconception("Widths and heights are computed with `+ 1`", wrong.iou_plus_one)
@misconception("Widths and heights of the intersection are not clamped at zero", wrong.iou_without_clamp)
@misconception(
    "Only the area of the intersection is clamped: two negative sides make a positive area", wrong.iou_clamps_product
)
@misconception("The union is the sum of both areas: the intersection is counted twice", wrong.iou_union_is_sum)
@misconception("The boxes are read as x, y, width, height", wrong.iou_reads_xywh)
@misconception("The boxes are read as x_min, x_max, y_min, y_max", wrong.iou_reads_xxyy)
def check_every_pair(student: Any, generator: Generator) -> None:
    """All pairs are compared: one row per box of `boxes1`, one column per box of `boxes2`."""
    boxes1, boxes2 = random_boxes(generator, 3), random_boxes(generator, 5)
    expect_iou(student.box_iou(boxes1, boxes2), metrics.box_iou(boxes1, boxes2))
    boxes1, boxes2 = random_boxes(generator, 6), random_boxes(generator, 6)
    expect_iou(student.box_iou(boxes1, boxes2), metrics.box_iou(boxes1, boxes2))


@exercise("box_iou")
@points(0.5)
@hint("What is 0 / 0 in PyTorch, and what does the docstring want instead?")
@misconception("0 / 0 is left to be NaN", wrong.iou_nan_without_area)
def check_boxes_without_area(student: Any) -> None:
    """Boxes without area have IoU 0, also with themselves."""
    flat = boxes((10, 10, 10, 10), (0, 5, 20, 5), (0, 0, 20, 20))
    expect_iou(student.box_iou(flat[:2], flat), metrics.box_iou(flat[:2], flat))


@exercise("box_iou")
@points(0.5)
@hint("What is the width of a box whose right edge lies left of its left edge? The docstring decides, for each side.")
@misconception("The corners of inverted boxes are swapped", wrong.iou_repairs_inverted)
@misconception("Inverted boxes have a negative area, so that the union can be 0", wrong.iou_signed_area)
@misconception("Widths and heights of the intersection are not clamped at zero", wrong.iou_without_clamp)
@misconception(
    "Only the area of the intersection is clamped: two negative sides make a positive area", wrong.iou_clamps_product
)
@picture(
    BoxPicture(
        caption="Written as (8, 6, 3, 1), this box runs backwards on both axes. By contract it has no area at all.",
        boxes=((3, 1, 8, 6), (0, 0, 6, 4)),
        labels=("inverted", "ordinary"),
    )
)
def check_inverted_boxes(student: Any) -> None:
    """An inverted box (x2 < x1 or y2 < y1) has width or height 0, so its IoU is 0."""
    inverted = boxes((30, 25, 10, 5), (30, 5, 10, 25), (10, 5, 30, 25))
    ordinary = boxes((0, 0, 24, 22), (10, 5, 30, 25))
    expect_iou(student.box_iou(inverted, ordinary), metrics.box_iou(inverted, ordinary))


@exercise("box_iou")
@points(0.25)
@hint("How many rows and columns has a table of no boxes against three? A result without numbers has a shape, too.")
def check_no_boxes(student: Any) -> None:
    """Empty sets give a result of shape (0, G), (P, 0) or (0, 0)."""
    some, none = boxes((0, 0, 20, 20), (5, 5, 30, 30), (1, 2, 30, 40)), torch.zeros(0, 4, dtype=torch.float64)
    expect_tensor(student.box_iou(some, some[:1]), shape=(3, 1))
    for boxes1, boxes2 in ((none, some), (some, none), (none, none)):
        expect_tensor(student.box_iou(boxes1, boxes2), shape=(len(boxes1), len(boxes2)))


@exercise("box_iou")
@points(0.25)
@hint("In which dtype are areas computed, and in which is the result returned? Convert first, subtract later.")
@misconception("The quotient of whole numbers is rounded down", wrong.iou_in_integers)
@misconception(
    "The computation runs in the dtype of the boxes, where it overflows or loses digits", wrong.iou_in_low_precision
)
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8], ids=["int64", "uint8"])
def check_whole_numbers(student: Any, dtype: torch.dtype) -> None:
    """Integer boxes give the same IoU, in float32."""
    boxes1, boxes2 = boxes((2, 6, 30, 34), (150, 160, 250, 240)).to(dtype), boxes((3, 10, 25, 32)).to(dtype)
    expect_close(student.box_iou(boxes1, boxes2), metrics.box_iou(boxes1, boxes2).double(), dtype=torch.float32)


@exercise("box_iou")
@points(0.25)
@hint("How large is the area of a box of 400 by 400, and what is the largest number of half precision?")
@misconception(
    "The computation runs in the dtype of the boxes, where it overflows or loses digits", wrong.iou_in_low_precision
)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
def check_half_precision(student: Any, dtype: torch.dtype) -> None:
    """Half precision boxes are computed and returned in float32."""
    boxes1, boxes2 = boxes((0, 0, 400, 400), (96, 80, 304, 416)).to(dtype), boxes((16, 48, 384, 448)).to(dtype)
    expect_close(student.box_iou(boxes1, boxes2), metrics.box_iou(boxes1, boxes2), dtype=torch.float32)


@exercise("box_iou")
@points(0.25)
@hint("Which dtype do you return when both inputs are float32, and which when one of them is float64?")
def check_result_dtype(student: Any) -> None:
    """float32 boxes give float32; a float64 box among the inputs gives float64."""
    boxes1, boxes2 = boxes((0, 0, 30, 20), (4, 6, 18, 26)), boxes((10, 5, 32, 25), (2, 1, 16, 14), (1, 1, 12, 12))
    expected = metrics.box_iou(boxes1, boxes2)
    for first, second in ((boxes1, boxes2), (boxes1.long(), boxes2), (boxes1, boxes2.float())):
        actual = student.box_iou(first, second)
        expect_close(actual, expected, dtype=torch.float64, rtol=METRIC_RTOL, atol=METRIC_ATOL)
    expect_close(student.box_iou(boxes1.float(), boxes2.float()), expected, dtype=torch.float32)


@exercise("box_iou")
@points(0.25)
@hint("`view` needs contiguous memory, and `clamp_`, `-=` and slices on the left of `=` write into your input.")
def check_iou_of_views(student: Any) -> None:
    """Non-contiguous boxes work and are left as they are."""
    boxes1 = boxes(
        (0, 0, 20, 20), (230, 200, 200, 240), (5, 5, 30, 30)
    )  # an inverted box invites to repair it in place
    boxes2 = boxes((3, 2, 22, 25), (10, 8, 40, 30))
    expected = metrics.box_iou(boxes1, boxes2)
    expect_iou(expect_no_side_effects(student, "box_iou", strided(boxes1), strided(boxes2)), expected)
    expect_iou(expect_no_side_effects(student, "box_iou", boxes1, boxes2), expected)


@exercise("box_iou")
@cpu_only(INVALID)
@points(0.25)
@hint("Check the shape first: what has to be the last dimension, and how many dimensions are there?")
def check_not_boxes(student: Any) -> None:
    """Tensors that do not hold four numbers per box are refused."""
    some = boxes((0, 0, 20, 20), (5, 5, 30, 30))
    expect_tensor(student.box_iou(some, some), shape=(2, 2))
    expect_raises(lambda: student.box_iou(torch.zeros(2, 5, dtype=torch.float64), some))
    expect_raises(lambda: student.box_iou(some, torch.zeros(3, 3, dtype=torch.float64)))


@exercise("box_iou")
@points(0.5)
@hint("A tensor lives where it is made: `torch.zeros(n, device=boxes1.device)`, or `boxes1.new_zeros(n)`.")
def check_placement_of_box_iou(runs: Runs) -> None:
    """On an accelerator, IoU works as on the CPU, and the table stays there."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- matching

ONE_OBJECT = BoxPicture(
    caption="One object, two detections. Which of them is right, and what is the other?",
    boxes=((0, 0, 10, 10), (1, 1, 11, 10), (0, 2, 9, 12)),
    labels=("ground truth", "0.9", "0.6"),
)


@exercise("match_detections")
@points(0.5)
@hint("What makes a detection a true positive, and what is a detection that overlaps nothing?")
def check_hit_and_miss(student: Any) -> None:
    """A detection that overlaps the ground truth is a true positive, one elsewhere is not."""
    pred_boxes, gt_boxes = boxes((0, 0, 10, 9), (40, 40, 60, 60), (1, 0, 10, 10)), boxes((0, 0, 10, 10))
    scores = reals(0.9, 0.8)
    expect_matches(student.match_detections(pred_boxes[:2], scores, gt_boxes),
                   metrics.match_detections(pred_boxes[:2], scores, gt_boxes))  # fmt: skip
    expect_matches(student.match_detections(pred_boxes[1:], scores, gt_boxes),
                   metrics.match_detections(pred_boxes[1:], scores, gt_boxes))  # fmt: skip


@exercise("match_detections")
@points(1)
@hint("How many detections can one ground truth make right, and which of them chooses first?")
@misconception("One ground truth makes several detections right", wrong.match_many_to_one)
@misconception("Detections are not sorted by score before they choose", wrong.match_in_input_order)
@misconception("The least confident detection chooses first", wrong.match_ascending)
@misconception(
    "The ground truth goes to the detection that overlaps it most, not to the surest one", wrong.match_best_overlap_wins
)
@misconception("The result is in the order of the scores, not in that of the inputs", wrong.match_in_rank_order)
@picture(ONE_OBJECT)
def check_one_object_one_true_positive(student: Any) -> None:
    """A ground truth makes one detection right: the most confident one. Its duplicates are false positives."""
    pred_boxes = boxes((50, 0, 60, 10), (0, 0, 10, 7), (0, 0, 10, 8), (0, 0, 10, 6), (0, 0, 10, 9.5))
    scores, gt_boxes = reals(0.85, 0.8, 0.6, 0.9, 0.7), boxes((0, 0, 10, 10))
    expect_matches(student.match_detections(pred_boxes, scores, gt_boxes),
                   metrics.match_detections(pred_boxes, scores, gt_boxes))  # fmt: skip


@exercise("match_detections")
@points(0.5)
@hint("The caller knows its detections by their position. Where does the answer for the first one have to stand?")
@misconception("The result is in the order of the scores, not in that of the inputs", wrong.match_in_rank_order)
def check_order_of_the_inputs(student: Any) -> None:
    """The result is in the order of the inputs, whatever the scores are."""
    gt_boxes = boxes((0, 0, 10, 10), (30, 0, 40, 10))
    pred_boxes = boxes((0, 0, 10, 9), (60, 60, 80, 80), (90, 0, 99, 20), (30, 0, 40, 9))
    scores = reals(0.2, 0.9, 0.5, 0.4)
    expect_matches(student.match_detections(pred_boxes, scores, gt_boxes),
                   metrics.match_detections(pred_boxes, scores, gt_boxes))  # fmt: skip


@exercise("match_detections")
@points(1)
@hint("Its favourite ground truth is taken. Is there another one that is free and overlaps enough?")
@misconception(
    "A detection whose best ground truth is taken does not try another one (the rule of VOC)", wrong.match_voc
)
@picture(
    BoxPicture(
        caption="Two objects close together, two detections of almost the same place. Can both be right?",
        boxes=((0, 0, 10, 8), (3, 0, 13, 8), (0, 0, 10, 9), (1, 0, 11, 8)),
        labels=("ground truth", "ground truth", "0.9", "0.7"),
    )
)
def check_next_best_object(student: Any) -> None:
    """A detection whose best ground truth is taken gets the next best that overlaps enough."""
    gt_boxes, scores = boxes((0, 0, 20, 20), (4, 0, 24, 20)), reals(0.9, 0.8)
    pred_boxes = boxes((0, 0, 20, 20), (1, 0, 21, 20))
    expect_matches(student.match_detections(pred_boxes, scores, gt_boxes),
                   metrics.match_detections(pred_boxes, scores, gt_boxes))  # fmt: skip


@exercise("match_detections")
@points(0.5)
@hint("Several objects overlap enough. Which one should a detection leave to the others?")
@misconception(
    "A detection takes the first ground truth that overlaps enough, not the best", wrong.match_first_admissible
)
@misconception(
    "A detection takes the last ground truth that overlaps enough, not the best", wrong.match_last_admissible
)
def check_largest_overlap_is_taken(student: Any) -> None:
    """Among the objects that overlap enough, a detection takes the one it overlaps most."""
    gt_boxes, scores = boxes((0, 0, 20, 20), (4, 0, 24, 20), (8, 0, 28, 20)), reals(0.9, 0.8, 0.7)
    pred_boxes = boxes((4.5, 0, 24.5, 20), (-4, 0, 16, 20), (12, 0, 32, 20))
    expect_matches(student.match_detections(pred_boxes, scores, gt_boxes),
                   metrics.match_detections(pred_boxes, scores, gt_boxes))  # fmt: skip


@exercise("match_detections")
@points(0.5)
@hint("The docstring says what happens to an IoU that is exactly the threshold: larger, or larger or equal?")
@misconception("The IoU has to exceed the threshold; equality does not count", wrong.match_strictly)
def check_threshold_is_reached_by_equality(student: Any) -> None:
    """An IoU equal to the threshold is enough."""
    side = 2.0**17  # powers of two: exact in every dtype, and a union that swallows an epsilon of 1e-6
    gt_boxes, pred_boxes = boxes((0, 0, side, side)), boxes((0, 0, side, side / 2))
    expect_matches(student.match_detections(pred_boxes, reals(0.9), gt_boxes),
                   metrics.match_detections(pred_boxes, reals(0.9), gt_boxes))  # fmt: skip


@exercise("match_detections")
@points(0.5)
@hint("Which number decides whether an overlap is enough? It is an argument.")
@misconception("The threshold is 0.5 whatever `iou_threshold` is", wrong.match_at_one_half)
def check_threshold_is_an_argument(student: Any) -> None:
    """`iou_threshold` decides which overlap is enough, from 0 to 1."""
    gt_boxes = boxes((0, 0, 10, 10), (40, 0, 50, 10), (80, 0, 90, 10))
    pred_boxes, scores = boxes((0, 0, 10, 4), (40, 0, 50, 6.5), (80, 0, 90, 9)), reals(0.7, 0.8, 0.9)
    for threshold in (0.75, 0.3, 1.0, 0.0):
        expect_matches(student.match_detections(pred_boxes, scores, gt_boxes, threshold),
                       metrics.match_detections(pred_boxes, scores, gt_boxes, threshold))  # fmt: skip


CROWD = BoxPicture(
    caption="A chair that counts and a stack of chairs that does not (a crowd). What are the detections on the stack?",
    boxes=((0, 2, 5, 10), (10, 0, 20, 10), (0, 3, 5, 10), (10, 0, 18, 10), (11, 1, 20, 10)),
    labels=("counts", "ignored", "0.6", "0.9", "0.8"),
)


@exercise("match_detections")
@points(0.5)
@hint("A crowd neither rewards nor punishes. How many detections may lie on it?")
@misconception("Ignored ground truth is treated like any other", wrong.match_ignored_as_normal)
@misconception(
    "Ignored ground truth is deleted, so that detections on it become false positives", wrong.match_without_ignored
)
@misconception("An ignored ground truth excuses only one detection", wrong.match_absorbs_once)
@misconception(
    "A detection on ignored ground truth is called true and ignored at once", wrong.match_ignored_is_right_too
)
@picture(CROWD)
def check_ignored_ground_truth(student: Any) -> None:
    """Detections on ignored ground truth are neither true nor false: all of them are ignored."""
    gt_boxes, gt_ignore = boxes((40, 0, 80, 30), (0, 0, 10, 20)), torch.tensor([True, False])
    pred_boxes = boxes((40, 0, 80, 28), (0, 0, 10, 18), (42, 0, 80, 30), (100, 0, 120, 20))
    scores = reals(0.9, 0.5, 0.8, 0.7)
    expect_matches(student.match_detections(pred_boxes, scores, gt_boxes, 0.5, gt_ignore),
                   metrics.match_detections(pred_boxes, scores, gt_boxes, 0.5, gt_ignore))  # fmt: skip


@exercise("match_detections")
@points(0.5)
@hint("A detection overlaps an object that counts and, even more, a crowd. Which of them comes first in the docstring?")
@misconception("Ground truth that counts and ignored ground truth compete by IoU", wrong.match_ignored_competes)
@misconception("One ground truth makes several detections right", wrong.match_many_to_one)
@misconception("Ignored ground truth is treated like any other", wrong.match_ignored_as_normal)
@misconception(
    "Ignored ground truth is deleted, so that detections on it become false positives", wrong.match_without_ignored
)
def check_ground_truth_that_counts_comes_first(student: Any) -> None:
    """Ground truth that counts is taken before ignored ground truth, even if the latter overlaps more."""
    gt_boxes, gt_ignore = boxes((0, 0, 20, 20), (6, 0, 26, 20)), torch.tensor([True, False])
    pred_boxes, scores = boxes((2, 0, 22, 20), (1, 0, 21, 20), (-3, 0, 17, 20)), reals(0.9, 0.8, 0.7)
    expect_matches(student.match_detections(pred_boxes, scores, gt_boxes, 0.5, gt_ignore),
                   metrics.match_detections(pred_boxes, scores, gt_boxes, 0.5, gt_ignore))  # fmt: skip


@exercise("match_detections")
@points(0.25)
@hint("Which boxes count if no flag is set?")
def check_no_flag_is_set(student: Any) -> None:
    """If no box is flagged in `gt_ignore`, every ground truth counts."""
    gt_boxes, flags = boxes((0, 0, 10, 10), (30, 0, 40, 10)), torch.tensor([False, False])
    pred_boxes, scores = boxes((30, 0, 40, 9), (0, 0, 10, 8), (30, 0, 40, 10)), reals(0.6, 0.5, 0.4)
    expect_matches(student.match_detections(pred_boxes, scores, gt_boxes, gt_ignore=flags),
                   metrics.match_detections(pred_boxes, scores, gt_boxes, gt_ignore=flags))  # fmt: skip


@exercise("match_detections")
@points(0.25)
@hint("Two bool tensors come back in any case. How long are they here?")
@pytest.mark.parametrize(("num_preds", "num_gt"), [(0, 2), (3, 0)], ids=["no_detections", "no_ground_truth"])
def check_matching_of_nothing(student: Any, num_preds: int, num_gt: int) -> None:
    """Without detections the result is empty; without ground truth every detection is false."""
    row = torch.tensor([[0.0, 0.0, 10.0, 10.0]], dtype=torch.float64)
    pred_boxes, gt_boxes, scores = row.repeat(num_preds, 1), row.repeat(num_gt, 1), reals(0.5, 0.7, 0.6)[:num_preds]
    expect_matches(student.match_detections(pred_boxes, scores, gt_boxes),
                   metrics.match_detections(pred_boxes, scores, gt_boxes))  # fmt: skip


@exercise("match_detections")
@points(0.25)
@hint("Is your sort stable? Turning an ascending order around also turns the ties around.")
@misconception("Of equal scores the later detection chooses first", wrong.match_reverses_ties)
def check_equal_scores(student: Any) -> None:
    """Of detections with equal scores the first one of the input chooses first."""
    gt_boxes = boxes((0, 0, 10, 10), (40, 0, 50, 10))
    pred_boxes = boxes((0, 0, 10, 6), (0, 0, 10, 9), (40, 0, 50, 9), (40, 0, 50, 7))
    scores = reals(0.5, 0.5, 0.5, 0.5)
    expect_matches(student.match_detections(pred_boxes, scores, gt_boxes),
                   metrics.match_detections(pred_boxes, scores, gt_boxes))  # fmt: skip
    pred_boxes, scores = pred_boxes.repeat(10, 1), scores.repeat(10)  # an unstable sort keeps short lists in order
    expect_matches(student.match_detections(pred_boxes, scores, gt_boxes),
                   metrics.match_detections(pred_boxes, scores, gt_boxes))  # fmt: skip


@exercise("match_detections")
@points(0.25)
@hint("The same box is listed twice. How many objects is that?")
@misconception("One ground truth makes several detections right", wrong.match_many_to_one)
@misconception(
    "A detection whose best ground truth is taken does not try another one (the rule of VOC)", wrong.match_voc
)
def check_ground_truth_listed_twice(student: Any) -> None:
    """A ground truth that is listed twice can be taken twice, and not more often."""
    gt_boxes, pred_boxes = boxes((0, 0, 10, 20)).repeat(2, 1), boxes((0, 0, 10, 19), (0, 1, 10, 20), (0, 0, 10, 20))
    scores = reals(0.9, 0.8, 0.7)
    expect_matches(student.match_detections(pred_boxes, scores, gt_boxes),
                   metrics.match_detections(pred_boxes, scores, gt_boxes))  # fmt: skip


@exercise("match_detections")
@not_simulated(MORE_NUMBERS)
@points(0.25)
@hint("Does anything in your code assume how many detections there are?")
def check_many_detections(student: Any) -> None:
    """The number of detections has no limit."""
    edge = torch.arange(103, dtype=torch.float64) * 20
    pred_boxes = torch.stack((edge, torch.zeros_like(edge), edge + 10, torch.full_like(edge, 10)), 1)  # (103, 4)
    scores, gt_boxes = torch.linspace(0.9, 0.1, 103, dtype=torch.float64), pred_boxes[-2:] + reals(0, 0, 1, 0)
    expect_matches(student.match_detections(pred_boxes, scores, gt_boxes),
                   metrics.match_detections(pred_boxes, scores, gt_boxes))  # fmt: skip


@exercise("match_detections")
@not_simulated(MORE_NUMBERS)
@points(0.5)
@hint("Follow the three steps of the docstring for each detection, the surest one first.")
@misconception("One ground truth makes several detections right", wrong.match_many_to_one)
@misconception("Ignored ground truth is treated like any other", wrong.match_ignored_as_normal)
@misconception(
    "Ignored ground truth is deleted, so that detections on it become false positives", wrong.match_without_ignored
)
@pytest.mark.parametrize("with_crowds", [False, True], ids=["plain", "crowds"])
def check_random_scenes(student: Any, generator: Generator, with_crowds: bool) -> None:
    """Random scenes with several objects and detections are matched right."""
    for threshold in (0.5, 0.6):
        pred_boxes, scores, gt_boxes = random_scene(generator, 9, 5, (threshold,))
        flags = torch.tensor([True, False, False, True, False]) if with_crowds else None
        expect_matches(student.match_detections(pred_boxes, scores, gt_boxes, threshold, flags),
                       metrics.match_detections(pred_boxes, scores, gt_boxes, threshold, flags))  # fmt: skip


@exercise("match_detections")
@points(0.25)
@hint("Masks and `free[best] = False` write into a tensor. Is it yours, or the caller's?")
def check_matching_of_views(student: Any) -> None:
    """Non-contiguous and integer inputs work and are left as they are, `gt_ignore` too."""
    pred_boxes = torch.tensor([[0, 0, 10, 9], [0, 0, 10, 10], [30, 0, 50, 20], [70, 0, 90, 30]])
    gt_boxes, gt_ignore = (
        torch.tensor([[0, 0, 10, 10], [30, 0, 50, 19], [70, 1, 90, 30]]),
        torch.tensor([False, True, False]),
    )
    scores = reals(0.6, 0.9, 0.7, 0.8)
    actual = expect_no_side_effects(
        student, "match_detections", strided(pred_boxes), strided(scores), strided(gt_boxes), 0.5, strided(gt_ignore)
    )
    expect_matches(actual, metrics.match_detections(pred_boxes, scores, gt_boxes, 0.5, gt_ignore))


@exercise("match_detections")
@cpu_only(INVALID)
@points(0.25)
@hint("What has to be true of the lengths of boxes, scores and flags? Which numbers can an IoU be?")
def check_lengths_must_fit(student: Any) -> None:
    """Boxes without a score each, or without a flag each, and thresholds that are no IoU are refused."""
    pred_boxes, gt_boxes, scores = boxes((0, 0, 10, 9), (0, 0, 10, 8)), boxes((0, 0, 10, 10)), reals(0.9, 0.8)
    expect_tuple(student.match_detections(pred_boxes, scores, gt_boxes, 0.5, torch.tensor([False])), 2)
    expect_raises(lambda: student.match_detections(pred_boxes, reals(0.9, 0.8, 0.7), gt_boxes))
    expect_raises(lambda: student.match_detections(pred_boxes, scores, gt_boxes, 0.5, torch.tensor([False, True])))
    expect_raises(lambda: student.match_detections(pred_boxes, scores, gt_boxes, -0.5))
    expect_raises(lambda: student.match_detections(pred_boxes, scores, gt_boxes, 1.5))


@exercise("match_detections")
@points(0.5)
@hint("You may go through Python lists. On which device does the result have to be when you are back?")
def check_placement_of_match_detections(runs: Runs) -> None:
    """On an accelerator, matching works as on the CPU, and both results stay there."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- precision and recall

LECTURE_TP = torch.tensor([True, True, False, False, False, True])
LECTURE_SCORES = torch.tensor([0.9, 0.8, 0.79, 0.6, 0.5, 0.4], dtype=torch.float64)


@exercise("precision_recall")
@points(0.75)
@hint("Draw a line under row i: how many above it are right, how many are there, and how many should be found at all?")
@misconception("Precision and recall are swapped", wrong.curve_swapped)
@misconception(
    "Recall is divided by TP + FP: the objects that were missed are not counted", wrong.curve_recall_is_precision
)
@misconception(
    "Precision is divided by the number of objects: false positives are not counted", wrong.curve_precision_is_recall
)
@misconception("Recall is relative to the objects that were found, not to all objects", wrong.curve_of_found)
@misconception("Each row stands for itself: the counts are not added up along the ranking", wrong.curve_per_row)
@misconception("Every row is divided by the number of all detections", wrong.curve_divides_by_all_detections)
@misconception("The least confident detection comes first", wrong.curve_ascending)
def check_lecture_table(student: Any) -> None:
    """The lecture's table: precision and recall after each of six detections of five objects."""
    expect_curve(student.precision_recall(LECTURE_TP, LECTURE_SCORES, 5),
                 metrics.precision_recall(LECTURE_TP, LECTURE_SCORES, 5))  # fmt: skip


@exercise("precision_recall")
@points(0.75)
@hint("The rows of the curve go from the surest detection to the least sure one. In which order are the inputs?")
@misconception("Detections are not sorted by score", wrong.curve_in_input_order)
@misconception("The least confident detection comes first", wrong.curve_ascending)
@misconception("The rows are turned back into the order of the inputs", wrong.curve_rows_as_given)
@misconception("Precision and recall are swapped", wrong.curve_swapped)
def check_rows_are_ranked(student: Any) -> None:
    """Rows are ordered by descending score, whatever the order of the inputs is."""
    tp = torch.tensor([False, True, True, False, True, False, True])
    scores = reals(0.35, 0.2, 0.95, 0.9, 0.6, 0.15, 0.7)
    expect_curve(student.precision_recall(tp, scores, 6), metrics.precision_recall(tp, scores, 6))


@exercise("precision_recall")
@points(0.5)
@hint("Nine objects were there. Can the recall be 1 if most of them were never found?")
@misconception("Recall is relative to the objects that were found, not to all objects", wrong.curve_of_found)
@misconception(
    "Recall is divided by TP + FP: the objects that were missed are not counted", wrong.curve_recall_is_precision
)
def check_missed_objects_lower_recall(student: Any) -> None:
    """Recall is relative to all objects, found or not."""
    tp, scores = torch.tensor([True, False, True]), reals(0.9, 0.8, 0.7)
    expect_curve(student.precision_recall(tp, scores, 9), metrics.precision_recall(tp, scores, 9))


@exercise("precision_recall")
@not_simulated(MORE_NUMBERS)
@points(0.5)
@hint("Which of the two numbers can fall along the ranking, and which cannot?")
@misconception("Precision and recall are swapped", wrong.curve_swapped)
@misconception("Detections are not sorted by score", wrong.curve_in_input_order)
@misconception("Recall is relative to the objects that were found, not to all objects", wrong.curve_of_found)
def check_random_rankings(student: Any, generator: Generator) -> None:
    """Random rankings give the right curve."""
    for count, num_gt in ((12, 13), (25, 17)):
        tp, scores = torch.rand(count, generator=generator) < 0.5, distinct_scores(generator, count)
        expect_curve(student.precision_recall(tp, scores, num_gt), metrics.precision_recall(tp, scores, num_gt))


@exercise("precision_recall")
@points(0.25)
@hint("One row is a curve, too: what is its shape?")
@pytest.mark.parametrize("count", [0, 1], ids=["none", "one"])
def check_few_detections(student: Any, count: int) -> None:
    """One detection gives one row, no detection gives none."""
    tp, scores = torch.ones(count, dtype=torch.bool), torch.full((count,), 0.5, dtype=torch.float64)
    expect_curve(student.precision_recall(tp, scores, 4), metrics.precision_recall(tp, scores, 4))


@exercise("precision_recall")
@points(0.25)
@hint("What does the docstring say about objects that do not exist?")
@misconception("Without ground truth the recall is 0", wrong.curve_recall_without_gt_is_zero)
@misconception("Without ground truth the recall is 1", wrong.curve_recall_without_gt_is_one)
def check_recall_of_no_object(student: Any) -> None:
    """Without ground truth the recall is NaN, and precision stays what it is."""
    tp, scores = torch.tensor([False, False, False]), reals(0.9, 0.5, 0.7)
    expect_curve(student.precision_recall(tp, scores, 0), metrics.precision_recall(tp, scores, 0))


@exercise("precision_recall")
@points(0.25)
@hint("Is your sort stable? Turning an ascending order around also turns the ties around.")
@misconception("Of equal scores the later detection comes first", wrong.curve_reverses_ties)
def check_equal_scores_keep_their_order(student: Any) -> None:
    """Detections with equal scores keep the order of the inputs."""
    tp, scores = torch.tensor([True, True, False, False, True]), reals(0.5, 0.9, 0.9, 0.5, 0.5)
    expect_curve(student.precision_recall(tp, scores, 3), metrics.precision_recall(tp, scores, 3))
    tp, scores = tp.repeat(10), scores.repeat(10)  # an unstable sort keeps short lists in order
    expect_curve(student.precision_recall(tp, scores, 30), metrics.precision_recall(tp, scores, 30))


@exercise("precision_recall")
@points(0.25)
@hint("A quotient of counts has a dtype: which one does the docstring promise for these scores?")
@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(torch.float64, torch.float64), (torch.float32, torch.float32)],
    ids=["float64", "float32"],
)
def check_curve_dtype(student: Any, dtype: torch.dtype, expected: torch.dtype) -> None:
    """Precision and recall are float64 for float64 scores and float32 for float32 scores."""
    actual = student.precision_recall(LECTURE_TP, LECTURE_SCORES.to(dtype), 5)
    for column, right in zip(
        expect_tuple(actual, 2), metrics.precision_recall(LECTURE_TP, LECTURE_SCORES, 5), strict=True
    ):
        expect_close(column, right, dtype=expected, rtol=METRIC_RTOL, atol=METRIC_ATOL)


@exercise("precision_recall")
@points(0.25)
@hint("Indexing makes a new tensor, `sort_` and `+=` do not. Does your code need contiguous memory?")
def check_curve_of_views(student: Any, generator: Generator) -> None:
    """Non-contiguous inputs work and are left as they are."""
    tp, scores = torch.rand(9, generator=generator) < 0.6, distinct_scores(generator, 9)
    actual = expect_no_side_effects(student, "precision_recall", strided(tp), strided(scores), 11)
    expect_curve(actual, metrics.precision_recall(tp, scores, 11))


@exercise("precision_recall")
@cpu_only(INVALID)
@points(0.25)
@hint("Can there be fewer scores than detections, or fewer than no objects?")
def check_curve_arguments(student: Any) -> None:
    """Different lengths and a negative number of objects are refused."""
    tp, scores = torch.tensor([True, False]), reals(0.9, 0.8)
    expect_tuple(student.precision_recall(tp, scores, 2), 2)
    expect_raises(lambda: student.precision_recall(tp, reals(0.9, 0.8, 0.7), 2))
    expect_raises(lambda: student.precision_recall(tp, scores, -1))


@exercise("precision_recall")
@points(0.5)
@hint("The ranks 1, 2, 3, ... are a tensor too. On which device is it?")
def check_placement_of_precision_recall(runs: Runs) -> None:
    """On an accelerator, precision and recall work as on the CPU, and stay there."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- average precision

RECOVERING = CurvePicture(
    caption="A ranking whose precision recovers: its points, and the envelope that forgets the dip.",
    x_label="recall",
    y_label="precision",
    curves=(
        ((0.0, 1.0), (1 / 3, 1.0), (1 / 3, 0.5), (2 / 3, 0.5), (2 / 3, 0.4), (1.0, 0.6)),
        ((0.0, 1.0), (1 / 3, 1.0), (1 / 3, 0.6), (1.0, 0.6)),
    ),
    labels=("points, in ranking order", "envelope"),
)


@exercise("average_precision")
@points(0.5)
@hint("Draw the curve as a staircase. Where does it start, where does it end, and how high is each step?")
@misconception("The points are joined by straight lines (trapezoids)", wrong.ap_trapezoid)
@misconception(
    "The points are joined by straight lines, and the area before the first recall is missing",
    wrong.ap_trapezoid_of_points,
)
@misconception("The points are joined by straight lines down to recall 1, precision 0", wrong.ap_trapezoid_to_one)
@misconception("The envelope is extended linearly to recall 1, precision 0", wrong.ap_interpolated_to_one)
@misconception("The area is relative to the last recall, as if every object had been found", wrong.ap_of_found)
@misconception("This is the mean of the precisions, whatever the recall does", wrong.ap_is_mean_precision)
@misconception("This is the F1 score of the last row", wrong.ap_is_f1)
@misconception("The height of a step is the precision before it, not the one after it", wrong.ap_left_heights)
@misconception("The envelope is the best precision so far, not the best from there on", wrong.ap_envelope_from_left)
@misconception("101 points are used whatever `method` is", wrong.ap_hundred_one)
@pytest.mark.parametrize("method", ["step", "all_points"])
def check_ap_of_the_lecture_table(student: Any, method: str) -> None:
    """The lecture's table has the same area by steps and under the envelope."""
    precision, recall = metrics.precision_recall(LECTURE_TP, LECTURE_SCORES, 5)
    expect_metric(
        student.average_precision(precision, recall, method), metrics.average_precision(precision, recall, method)
    )


@exercise("average_precision")
@points(1)
@hint("The envelope at a recall is the best precision that is still to come. Which rows are still to come?")
@misconception("The precisions are used as they are, without the envelope", wrong.ap_step)
@misconception("The envelope is the best precision so far, not the best from there on", wrong.ap_envelope_from_left)
@misconception("The points are joined by straight lines (trapezoids)", wrong.ap_trapezoid)
@misconception("The points are joined by straight lines down to recall 1, precision 0", wrong.ap_trapezoid_to_one)
@misconception("The envelope is extended linearly to recall 1, precision 0", wrong.ap_interpolated_to_one)
@misconception("11 points are used whatever `method` is", wrong.ap_eleven)
@misconception("101 points are used whatever `method` is", wrong.ap_hundred_one)
@misconception("The area is relative to the last recall, as if every object had been found", wrong.ap_of_found)
@misconception("This is the last precision times the last recall", wrong.ap_is_product)
@misconception("This is the mean of the precisions, whatever the recall does", wrong.ap_is_mean_precision)
@misconception("This is the F1 score of the last row", wrong.ap_is_f1)
@misconception("The area before the first recall is missing", wrong.ap_without_first_step)
@picture(RECOVERING)
def check_envelope(student: Any) -> None:
    """'all_points' is the area under the envelope: at each recall the best precision from there on."""
    for ranking, num_gt in (("FTTFT", 5), ("TFTT", 4), ("FFTFTTFT", 6)):
        precision, recall = curve(ranking, num_gt)
        actual = student.average_precision(precision, recall, "all_points")
        expect_metric(actual, metrics.average_precision(precision, recall, "all_points"))


@exercise("average_precision")
@points(0.5)
@hint("How wide is a step, how high is it, and where does the first one begin?")
@misconception("The envelope is used although steps were asked for", wrong.ap_envelope)
@misconception("The area before the first recall is missing", wrong.ap_without_first_step)
@misconception("The height of a step is the precision before it, not the one after it", wrong.ap_left_heights)
@misconception("The points are joined by straight lines (trapezoids)", wrong.ap_trapezoid)
@picture(RECOVERING)
def check_steps(student: Any) -> None:
    """'step' adds up the precisions as they are, each over its own step of recall."""
    for ranking, num_gt in (("TFTT", 4), ("FTTFT", 5)):
        precision, recall = curve(ranking, num_gt)
        expect_metric(
            student.average_precision(precision, recall, "step"), metrics.average_precision(precision, recall, "step")
        )


@exercise("average_precision")
@points(1)
@hint("How many recalls are looked at, what is looked up at each, and what is it beyond the last recall?")
@misconception("The sum of 11 values is divided by 10", wrong.ap_eleven_over_ten)
@misconception(
    "At each of the 11 recalls the next precision is taken, not the best from there on", wrong.ap_grid_without_envelope
)
@misconception("The recall 0 is missing among the 11 recalls", wrong.ap_grid_without_zero)
@misconception("'11_point' is computed like 'all_points'", wrong.ap_envelope)
@misconception("'11_point' is computed like '101_point'", wrong.ap_hundred_one)
@picture(RECOVERING)
def check_eleven_points(student: Any) -> None:
    """'11_point' is the mean of the envelope at 11 recalls."""
    for ranking, num_gt in (("TFTTFT", 7), ("FTFTT", 11), ("TFFT", 2)):  # halves are on the grid, the others miss it
        precision, recall = curve(ranking, num_gt)
        actual = student.average_precision(precision, recall, "11_point")
        expect_metric(actual, metrics.average_precision(precision, recall, "11_point"))


@exercise("average_precision")
@points(0.5)
@hint("How many recalls are there from 0 to 1 in steps of a hundredth?")
@misconception("The sum of 101 values is divided by 100", wrong.ap_hundred_one_over_hundred)
@misconception(
    "At each of the 101 recalls the next precision is taken, not the best from there on", wrong.ap_grid_without_envelope
)
@misconception("The recall 0 is missing among the 101 recalls", wrong.ap_grid_without_zero)
@misconception("'101_point' is computed like 'all_points'", wrong.ap_envelope)
@misconception("'101_point' is computed like '11_point'", wrong.ap_eleven)
def check_hundred_and_one_points(student: Any) -> None:
    """'101_point' is the mean of the envelope at 101 recalls."""
    for ranking, num_gt in (("TFTTFT", 9), ("FTFT", 3), ("TFFT", 2)):  # halves are on the grid, the others miss it
        precision, recall = curve(ranking, num_gt)
        actual = student.average_precision(precision, recall, "101_point")
        expect_metric(actual, metrics.average_precision(precision, recall, "101_point"))


@exercise("average_precision")
@points(0.5)
@hint("At which point does the curve start by contract, and at which does it end?")
@misconception("The area before the first recall is missing", wrong.ap_trapezoid_of_points)
@misconception("The curve is extended to recall 1, precision 0", wrong.ap_trapezoid_to_one)
@misconception("'trapezoid' is computed like 'step'", wrong.ap_step)
@misconception("'trapezoid' is computed like 'all_points'", wrong.ap_envelope)
def check_trapezoids(student: Any) -> None:
    """'trapezoid' joins the points by straight lines, from recall 0 and precision 1 to the last row."""
    for ranking, num_gt in (("TFTT", 4), ("FTTF", 7)):
        precision, recall = curve(ranking, num_gt)
        actual = student.average_precision(precision, recall, "trapezoid")
        expect_metric(actual, metrics.average_precision(precision, recall, "trapezoid"))


@exercise("average_precision")
@points(0.25)
@hint("Look at the signature: what happens if nobody names a method?")
@misconception("Without `method`, 'step' is computed", wrong.ap_step)
@misconception("Without `method`, '11_point' is computed", wrong.ap_eleven)
@misconception("Without `method`, '101_point' is computed", wrong.ap_hundred_one)
def check_default_method(student: Any) -> None:
    """The default method is 'all_points'."""
    precision, recall = curve("TFFTT", 7)
    expect_metric(student.average_precision(precision, recall), metrics.average_precision(precision, recall))


@exercise("average_precision")
@points(0.25)
@hint("A curve without rows: what did its detector find, and what has your code to avoid asking the first row?")
def check_empty_curve(student: Any) -> None:
    """Without detections the average precision is 0, by every method."""
    empty, (precision, recall) = torch.zeros(0, dtype=torch.float64), curve("T", 3)
    for method in reference.AP_METHODS:
        expect_metric(student.average_precision(empty, empty, method), 0.0)
    expect_metric(student.average_precision(precision, recall), metrics.average_precision(precision, recall))


@exercise("average_precision")
@points(0.25)
@hint("Nothing could be found, so nothing can be said. Comparisons with NaN are always false.")
@pytest.mark.parametrize("method", ["all_points", "11_point"])
def check_unknown_recall(student: Any, method: str) -> None:
    """A recall that is NaN gives an average precision that is NaN."""
    precision, recall = curve("T", 3)
    expect_metric(student.average_precision(precision, recall), metrics.average_precision(precision, recall))
    precision, recall = curve("FF", 0)
    expect_metric(student.average_precision(precision, recall, method), math.nan)


@exercise("average_precision")
@points(0.25)
@hint("The best detector finds everything and nothing else, the worst finds nothing. What are their areas?")
def check_best_and_worst_detector(student: Any) -> None:
    """A perfect ranking has average precision 1, one without a true positive has 0."""
    for method in ("step", "all_points", "trapezoid"):
        for ranking, num_gt in (("TTT", 3), ("T", 1), ("FFF", 3)):
            precision, recall = curve(ranking, num_gt)
            actual = student.average_precision(precision, recall, method)
            expect_metric(actual, metrics.average_precision(precision, recall, method))


@exercise("average_precision")
@cpu_only(INVALID)
@points(0.25)
@hint("What should happen to a name that is none of the five?")
def check_unknown_method(student: Any) -> None:
    """A method that does not exist is refused."""
    precision, recall = curve("TTT", 3)
    expect_metric(student.average_precision(precision, recall, "step"), 1.0)
    expect_raises(lambda: student.average_precision(precision, recall, "12_point"))


@exercise("average_precision")
@not_simulated(MORE_NUMBERS)
@points(0.5)
@hint("Which precisions does the envelope look at, and how wide is each step of recall?")
@misconception("The precisions are used as they are, without the envelope", wrong.ap_step)
@misconception("The envelope is the best precision so far, not the best from there on", wrong.ap_envelope_from_left)
@misconception("The points are joined by straight lines (trapezoids)", wrong.ap_trapezoid)
def check_random_curves(student: Any, generator: Generator) -> None:
    """Random rankings have the right area, in float64 and in float32."""
    for count, num_gt, dtype in ((15, 17, torch.float64), (30, 23, torch.float32)):
        tp = torch.rand(count, generator=generator) < 0.5
        precision, recall = metrics.precision_recall(tp, distinct_scores(generator, count), num_gt)
        precision, recall = precision.to(dtype), recall.to(dtype)
        for method in ("step", "all_points"):
            actual = student.average_precision(precision, recall, method)
            expect_metric(actual, metrics.average_precision(precision, recall, method))


@exercise("average_precision")
@points(0.25)
@hint("An envelope can be written into the tensor of precisions. Whose tensor is it?")
def check_area_of_views(student: Any) -> None:
    """Non-contiguous curves work and are left as they are."""
    precision, recall = curve("TFFTTFT", 9)
    for method in ("all_points", "step", "11_point"):
        actual = expect_no_side_effects(student, "average_precision", strided(precision), strided(recall), method)
        expect_metric(actual, metrics.average_precision(precision, recall, method))


@exercise("average_precision")
@points(0.25)
@hint("Recall levels that you make, and points that you add to the curve, belong on the curve's device.")
def check_placement_of_average_precision(runs: Runs) -> None:
    """On an accelerator, average precision works as on the CPU."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- mean average precision

FAR = (200.0, 200.0, 240.0, 230.0)  # overlaps nothing
SOFA, TABLE, LAMP = (0.0, 0.0, 40.0, 20.0), (60.0, 0.0, 90.0, 30.0), (100.0, 0.0, 110.0, 50.0)


@exercise("mean_average_precision")
@points(0.5)
@hint("The docstring names three entries. What are their keys and their values?")
def check_entries_of_the_result(student: Any) -> None:
    """The result has 'map', 'map_per_class' by label, and 'ap' by label and threshold."""
    preds = [detections((SOFA, 0.9, 2), (FAR, 0.95, 2), (TABLE, 0.8, 5))]
    targets = [objects((SOFA, 2), (TABLE, 5))]
    expect_map(student.mean_average_precision(preds, targets), metrics.mean_average_precision(preds, targets))


@exercise("mean_average_precision")
@points(1)
@hint("One class, one ranking: where does a very confident mistake in the second photograph stand in it?")
@misconception("AP is computed for each image and then averaged", wrong.map_per_image)
@misconception("The images' detections are put one after the other, not ranked together", wrong.map_unsorted)
@misconception("The least confident detection comes first in the ranking", wrong.map_ascending)
@picture(
    CurvePicture(
        caption="One object in each image. In one ranking, the mistake of image 2 stands above the hit of image 1.",
        x_label="rank",
        y_label="score",
        curves=(((2.0, 0.7),), ((1.0, 0.8), (3.0, 0.2))),
        labels=("image 1: right", "image 2: wrong, right"),
    )
)
def check_one_ranking_for_all_images(student: Any) -> None:
    """The detections of all images are ranked together."""
    preds = [detections((SOFA, 0.6, 1)), detections((FAR, 0.9, 1), (TABLE, 0.3, 1))]
    targets = [objects((SOFA, 1)), objects((TABLE, 1))]
    expect_map(student.mean_average_precision(preds, targets), metrics.mean_average_precision(preds, targets))


@exercise("mean_average_precision")
@points(0.5)
@hint("A photograph shows nothing, but the detector announces something. Where does this mistake show up?")
@misconception(
    "Images without ground truth are skipped, and their false positives with them", wrong.map_skips_images_without_gt
)
@misconception("AP is computed for each image and then averaged", wrong.map_per_image)
def check_images_without_objects(student: Any) -> None:
    """Detections in images without any object are false positives."""
    preds = [detections((SOFA, 0.9, 1)), detections((FAR, 0.7, 1), (SOFA, 0.6, 1)), detections((TABLE, 0.3, 1))]
    targets = [objects(), objects((SOFA, 1)), objects((TABLE, 1))]
    expect_map(student.mean_average_precision(preds, targets), metrics.mean_average_precision(preds, targets))


@exercise("mean_average_precision")
@points(0.5)
@hint("A photograph without a sofa is still a photograph in which a sofa can be announced.")
@misconception(
    "Images without an object of a class are skipped for it, and their false positives with them",
    wrong.map_skips_images_without_class,
)
@misconception("AP is computed for each image and then averaged", wrong.map_per_image)
def check_images_without_the_class(student: Any) -> None:
    """Detections of a class in images that only show other classes are false positives."""
    preds = [
        detections((TABLE, 0.7, 2), (SOFA, 0.9, 1)),
        detections((FAR, 0.95, 1), (SOFA, 0.6, 1)),
        detections((SOFA, 0.3, 1)),
    ]
    targets = [objects((TABLE, 2)), objects((SOFA, 1)), objects((SOFA, 1))]
    expect_map(student.mean_average_precision(preds, targets), metrics.mean_average_precision(preds, targets))


MISSED = "A class that is never detected is left out of the mean"


@exercise("mean_average_precision")
@points(0.5)
@hint("Tables exist, but not one is ever announced. What is their AP, and does it count?")
@misconception(MISSED, wrong.map_missed_class_is_nan)
@misconception(MISSED, wrong.map_missed_class_is_absent)
def check_missed_class(student: Any) -> None:
    """A class with objects and without detections has AP 0 and counts."""
    preds = [detections((SOFA, 0.9, 1))]
    targets = [objects((SOFA, 1), (TABLE, 2))]
    expect_map(student.mean_average_precision(preds, targets), metrics.mean_average_precision(preds, targets))


@exercise("mean_average_precision")
@points(0.5)
@hint("A lamp is announced, but no lamp exists anywhere. Is there an AP of lamps?")
@misconception("A class without ground truth is averaged as AP 0", wrong.map_absent_class_is_zero)
def check_invented_class(student: Any) -> None:
    """A class that is only detected and never there is left out of the mean."""
    preds = [detections((SOFA, 0.9, 1), (LAMP, 0.8, 3), (FAR, 0.95, 2), (TABLE, 0.7, 2))]
    targets = [objects((SOFA, 1), (TABLE, 2))]
    expect_map(student.mean_average_precision(preds, targets), metrics.mean_average_precision(preds, targets))


@exercise("mean_average_precision")
@points(0.5)
@hint("Can a sofa be found by a detection that says table?")
@misconception("Detections are matched with objects of any class", wrong.map_ignores_labels_when_matching)
def check_classes_are_matched_apart(student: Any) -> None:
    """Detections are matched with objects of their own class only."""
    preds = [detections((SOFA, 0.9, 1), (TABLE, 0.8, 1), (SOFA, 0.7, 2), (TABLE, 0.6, 2))]
    targets = [objects((SOFA, 1), (TABLE, 2))]
    expect_map(student.mean_average_precision(preds, targets), metrics.mean_average_precision(preds, targets))


@exercise("mean_average_precision")
@points(0.5)
@hint("How much does a rare class weigh in a mean over classes?")
@misconception("The detections of all classes are put in one ranking", wrong.map_one_curve)
@misconception("Classes with more objects weigh more", wrong.map_weighted_by_gt)
def check_classes_weigh_the_same(student: Any) -> None:
    """Every class weighs the same, however many objects it has."""
    preds = [detections((SOFA, 0.9, 4), (TABLE, 0.8, 4), (LAMP, 0.7, 4), (FAR, 0.95, 0))]
    targets = [objects((SOFA, 4), (TABLE, 4), (LAMP, 4), ((150.0, 0.0, 180.0, 30.0), 0))]
    expect_map(student.mean_average_precision(preds, targets), metrics.mean_average_precision(preds, targets))


@exercise("mean_average_precision")
@points(0.5)
@hint("The same detections are matched anew at each threshold. What happens to the numbers at the end?")
@misconception("Only the first threshold decides", wrong.map_first_threshold)
@misconception("The last threshold is left out of the mean", wrong.map_without_last_threshold)
@misconception("Detections are matched at IoU 0.5 whatever the threshold is", wrong.map_at_one_half)
@misconception("The best threshold is taken, not the mean", wrong.map_best_threshold)
@picture(ONE_OBJECT)
def check_mean_over_thresholds(student: Any) -> None:
    """The mAP is the mean over the thresholds, and 'ap' holds each of them."""
    preds, targets = one_good_one_perfect()
    thresholds = (0.95, 0.5, 0.65, 0.8, 0.9)
    actual = student.mean_average_precision(preds, targets, thresholds)
    expect_map(actual, metrics.mean_average_precision(preds, targets, thresholds))


@exercise("mean_average_precision")
@cpu_only("there is no tensor in it")
@points(0.5)
@hint("Adding 0.05 again and again is not exact in binary. How many values are there, and which one is the last?")
@misconception("The last threshold is missing: the grid ends at 0.90", wrong.thresholds_to_ninety)
@misconception("The grid goes one step too far, to 1.00", wrong.thresholds_to_one)
def check_coco_thresholds(student: Any) -> None:
    """COCO_IOU_THRESHOLDS holds 0.5, 0.55, ..., 0.95."""
    actual = expect_tuple(student.value("COCO_IOU_THRESHOLDS"), len(reference.COCO_IOU_THRESHOLDS))
    for threshold, expected in zip(actual, reference.COCO_IOU_THRESHOLDS, strict=True):
        expect_metric(threshold, expected)


@exercise("mean_average_precision")
@points(0.5)
@hint("A crowd neither rewards nor punishes: does it count as an object, and what are the detections on it?")
@misconception("Crowds are treated as objects that have to be found", wrong.map_crowd_as_normal)
@misconception("Crowds are deleted, so that the detections on them become false positives", wrong.map_crowd_deleted)
@misconception("Crowds still count in the denominator of the recall", wrong.map_crowd_counted)
@picture(CROWD)
def check_crowds(student: Any) -> None:
    """Crowds do not count as objects, and detections on them are left out."""
    preds = [
        detections((TABLE, 0.9, 1), ((61.0, 0.0, 90.0, 29.0), 0.8, 1), (SOFA, 0.7, 1), (FAR, 0.6, 1), (LAMP, 0.5, 1))
    ]
    targets = [objects((SOFA, 1), (TABLE, 1), (LAMP, 1)) | {"iscrowd": torch.tensor([0, 1, 0])}]
    expect_map(student.mean_average_precision(preds, targets), metrics.mean_average_precision(preds, targets))


@exercise("mean_average_precision")
@points(0.5)
@hint("Where does `method` have to arrive?")
@misconception("`method` has no effect", wrong.map_default_method)
def check_method_is_passed_on(student: Any) -> None:
    """`method` decides how the area is computed."""
    preds = [detections((FAR, 0.9, 1), (SOFA, 0.6, 1)), detections((TABLE, 0.3, 1))]
    targets = [objects((SOFA, 1)), objects((TABLE, 1), (LAMP, 1))]
    for method in ("step", "trapezoid"):
        expect_map(student.mean_average_precision(preds, targets, (0.5,), method),
                   metrics.mean_average_precision(preds, targets, (0.5,), method))  # fmt: skip


@exercise("mean_average_precision")
@points(0.25)
@hint("The detector says nothing at all, but there was something to be found.")
def check_no_detection_at_all(student: Any) -> None:
    """Without any detection the mAP is 0 if there are objects."""
    preds, targets = [detections(), detections()], [objects((SOFA, 1)), objects((TABLE, 2), (LAMP, 1))]
    expect_map(student.mean_average_precision(preds, targets), metrics.mean_average_precision(preds, targets))


@exercise("mean_average_precision")
@points(0.25)
@hint("What is the mean of no number? The docstring says it.")
@misconception("The mean of no class is 0", wrong.map_of_nothing_is_zero)
@misconception("A class without ground truth is averaged as AP 0", wrong.map_absent_class_is_zero)
def check_no_object_at_all(student: Any) -> None:
    """Without any object the mAP is NaN."""
    for pred in (detections(), detections((SOFA, 0.9, 1))):
        expect_metric(expect_item(student.mean_average_precision([pred], [objects()]), "map"), math.nan)


@exercise("mean_average_precision")
@not_simulated(MORE_NUMBERS)
@points(1)
@hint("Check the steps of the docstring one by one: per class and image match, drop, join, rank, area, mean.")
@misconception("AP is computed for each image and then averaged", wrong.map_per_image)
@misconception("The images' detections are put one after the other, not ranked together", wrong.map_unsorted)
@misconception("Detections are matched with objects of any class", wrong.map_ignores_labels_when_matching)
def check_random_images(student: Any, generator: Generator) -> None:
    """Random images with several classes have the right mAP."""
    thresholds, preds, targets = (0.5, 0.7), [], []
    for _ in range(3):
        pred_boxes, scores, gt_boxes = random_scene(generator, 8, 4, thresholds)
        gt_labels = torch.tensor([0, 4, 7, 4])
        pred_labels = gt_labels[torch.randint(4, (8,), generator=generator)]
        pred_labels[:4] = gt_labels
        preds.append({"boxes": pred_boxes, "scores": scores, "labels": pred_labels})
        targets.append({"boxes": gt_boxes, "labels": gt_labels})
    for pred, shift in zip(preds, (0.0, 0.01, 0.02), strict=True):
        pred["scores"] = pred["scores"] + shift  # no two images have a score in common
    expect_map(student.mean_average_precision(preds, targets, thresholds),
               metrics.mean_average_precision(preds, targets, thresholds))  # fmt: skip


@exercise("mean_average_precision")
@cpu_only(INVALID)
@points(0.25)
@hint("One dict of detections belongs to one dict of objects.")
def check_one_target_per_image(student: Any) -> None:
    """Lists of different lengths are refused."""
    preds, targets = [detections((SOFA, 0.9, 1)), detections((FAR, 0.95, 1))], [objects((SOFA, 1)), objects((TABLE, 1))]
    expect_item(student.mean_average_precision(preds, targets), "map")
    expect_raises(lambda: student.mean_average_precision(preds, targets[:1]))


@exercise("mean_average_precision")
@points(0.25)
@hint("`pop`, `sort` on a list and writing into a slice change what belongs to the caller.")
def check_dicts_are_left_alone(student: Any) -> None:
    """Integer boxes, float32 scores and non-contiguous tensors work; lists, dicts and tensors are left as they are."""
    preds = [
        detections((SOFA, 0.25, 1), (FAR, 0.75, 1), (TABLE, 0.5, 2)),
        detections((LAMP, 0.625, 1), (SOFA, 0.375, 2)),
    ]
    targets = [
        objects((SOFA, 1), (TABLE, 2)) | {"iscrowd": torch.tensor([False, False])},
        objects((LAMP, 1), (TABLE, 1)),
    ]
    for pred in preds:
        pred["boxes"], pred["scores"] = strided(pred["boxes"].long()), strided(pred["scores"].float())
    for target in targets:
        target["boxes"], target["labels"] = strided(target["boxes"]), strided(target["labels"])
    expect_map(expect_no_side_effects(student, "mean_average_precision", preds, targets),
               metrics.mean_average_precision(preds, targets))  # fmt: skip


@exercise("mean_average_precision")
@points(0.5)
@hint("`torch.cat` needs all its tensors on one device, also those of an image without boxes.")
def check_placement_of_mean_average_precision(runs: Runs) -> None:
    """On an accelerator, mAP works as on the CPU."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- expectations


def expect_metric(actual: object, expected: float) -> None:
    """Expect a number, a float or a 0-dim tensor, close to the oracle's; NaN where the oracle says NaN."""
    expect_number(actual, expected, rtol=METRIC_RTOL, atol=METRIC_ATOL, equal_nan=math.isnan(expected))


def expect_floats(actual: object, expected: Tensor, *, equal_nan: bool = False) -> None:
    """Expect the oracle's values in float64, or in float32: the dtype is a check of its own."""
    tensor = expect_tensor(actual, shape=expected.shape)
    dtype = torch.float32 if tensor.dtype == torch.float32 else torch.float64
    expect_close(tensor, expected, dtype=dtype, rtol=METRIC_RTOL, atol=METRIC_ATOL, equal_nan=equal_nan)


def expect_iou(actual: object, expected: Tensor) -> None:
    """Expect the oracle's table of IoUs."""
    expect_floats(actual, expected)


def expect_matches(actual: object, expected: tuple[Tensor, Tensor]) -> None:
    """Expect ``(tp, ignored)`` of the oracle, two bool tensors."""
    for flags, right in zip(expect_tuple(actual, 2), expected, strict=True):
        expect_equal(flags, right, dtype=torch.bool)


def expect_curve(actual: object, expected: tuple[Tensor, Tensor]) -> None:
    """Expect ``(precision, recall)`` of the oracle; recall is NaN where the oracle's is."""
    for column, right in zip(expect_tuple(actual, 2), expected, strict=True):
        expect_floats(column, right, equal_nan=bool(right.isnan().any()))


def expect_map(actual: object, expected: dict[str, Any]) -> None:
    """Expect 'map', 'map_per_class' and 'ap' of the oracle; entries that are NaN may be missing."""
    expect_metric(expect_item(actual, "map"), expected["map"])
    for name in ("map_per_class", "ap"):
        entries = expect_item(actual, name)
        for key, value in expected[name].items():
            is_missing = isinstance(entries, dict) and key not in entries
            if not (math.isnan(value) and is_missing):
                expect_metric(expect_item(entries, key), value)


# ---------------------------------------------------------------------------------------------- inputs


def labels(rows: str) -> Tensor:
    """Return the label of every pixel, ``(H, W)`` int64, from one word of digits per row."""
    return torch.tensor([[int(digit) for digit in row] for row in rows.split()])


def boxes(*rows: Sequence[float]) -> Tensor:
    """Return ``(N, 4)`` float64 boxes."""
    return torch.tensor([list(row) for row in rows], dtype=torch.float64)


def reals(*values: float) -> Tensor:
    """Return ``(N,)`` float64 numbers."""
    return torch.tensor(values, dtype=torch.float64)


def curve(ranking: str, num_gt: int) -> tuple[Tensor, Tensor]:
    """Return the oracle's precision and recall of a ranking that is written as T (true) and F (false)."""
    scores = torch.arange(len(ranking), 0, -1, dtype=torch.float64) / 10
    precision, recall = metrics.precision_recall(torch.tensor([hit == "T" for hit in ranking]), scores, num_gt)
    return precision, recall


def detections(*rows: tuple[Sequence[float], float, int]) -> Image:
    """Return the detections of one image from rows ``(box, score, label)``."""
    return {
        "boxes": torch.tensor([list(row[0]) for row in rows], dtype=torch.float64).reshape(-1, 4),
        "scores": torch.tensor([row[1] for row in rows], dtype=torch.float64),
        "labels": torch.tensor([row[2] for row in rows], dtype=torch.int64),
    }


def objects(*rows: tuple[Sequence[float], int]) -> Image:
    """Return the ground truth of one image from rows ``(box, label)``."""
    return {
        "boxes": torch.tensor([list(row[0]) for row in rows], dtype=torch.float64).reshape(-1, 4),
        "labels": torch.tensor([row[1] for row in rows], dtype=torch.int64),
    }


def one_good_one_perfect() -> tuple[list[Image], list[Image]]:
    """Return one object with two detections, of which the surer one has IoU 0.72 and the other one is perfect."""
    small, whole = (0.0, 0.0, 50.0, 36.0), (0.0, 0.0, 50.0, 50.0)
    return [detections((small, 0.9, 1), (whole, 0.8, 1))], [objects((whole, 1))]


def strided(tensor: Tensor) -> Tensor:
    """Return the same values in memory that is not contiguous."""
    if tensor.dim() == 2:
        return tensor.t().contiguous().t()
    return torch.stack((tensor, tensor.logical_not().to(tensor.dtype)), 1)[:, 0]


def distinct_scores(generator: Generator, count: int) -> Tensor:
    """Return ``(count,)`` float64 scores in (0, 1), no two equal, in random order."""
    return (torch.randperm(count, generator=generator) + 1).double() / (count + 1)


def random_boxes(generator: Generator, count: int) -> Tensor:
    """Return ``(count, 4)`` float64 boxes in and around an image of 60 x 60, with sides of 10 to 40."""
    corner = torch.rand(count, 2, generator=generator, dtype=torch.float64) * 60 - 10  # (count, 2)
    size = torch.rand(count, 2, generator=generator, dtype=torch.float64) * 30 + 10  # (count, 2)
    return torch.cat((corner, corner + size), 1)


def random_scene(
    generator: Generator, num_preds: int, num_gt: int, thresholds: Sequence[float]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return detections, scores and objects: no IoU is within ``MARGIN`` of a threshold, no two scores are equal."""
    while True:
        gt_boxes = random_boxes(generator, num_gt)
        near = gt_boxes[torch.arange(num_preds) % num_gt]
        pred_boxes = near + torch.randn(num_preds, 4, generator=generator, dtype=torch.float64) * 2
        iou = reference.box_iou(pred_boxes, gt_boxes)
        if all(bool(((iou - threshold).abs() > MARGIN).all()) for threshold in thresholds):
            return pred_boxes, distinct_scores(generator, num_preds), gt_boxes
