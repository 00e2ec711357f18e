"""The metrics against values a person can compute, their properties, and their edges."""

import itertools
import math
import re
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import Tensor

from reference import metrics
from reference.metrics import (
    AP_METHODS,
    COCO_IOU_THRESHOLDS,
    average_precision,
    box_iou,
    match_detections,
    mean_average_precision,
    pixel_accuracy,
    precision_recall,
)

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]

LECTURE = ([True, True, False, False, False, True], 5)
V1 = ([True, False, True, True], 4)
V2 = ([False, True, True, False, True], 5)


def boxes(*rows: tuple[float, ...], dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor(rows, dtype=dtype).reshape(-1, 4)


def random_boxes(generator: torch.Generator, n: int, size: float = 100.0) -> Tensor:
    corners = torch.rand(n, 2, 2, generator=generator, dtype=torch.float64) * size  # (n, 2, 2)
    return torch.cat([corners.amin(dim=1), corners.amax(dim=1)], dim=1)  # (n, 4)


def curve(table: tuple[list[bool], int]) -> tuple[Tensor, Tensor]:
    tp, num_gt = table
    return precision_recall(torch.tensor(tp, dtype=torch.bool), torch.linspace(1, 0.1, len(tp)), num_gt)


def ap(table: tuple[list[bool], int], method: str) -> float:
    return average_precision(*curve(table), method)


def pred(rows: Tensor, scores: list[float], labels: list[int] | None = None) -> dict[str, Tensor]:
    labels = [1] * len(rows) if labels is None else labels
    return {"boxes": rows, "scores": torch.tensor(scores), "labels": torch.tensor(labels, dtype=torch.int64)}


def target(rows: Tensor, labels: list[int] | None = None, iscrowd: list[bool] | None = None) -> dict[str, Tensor]:
    labels = [1] * len(rows) if labels is None else labels
    crowd = {} if iscrowd is None else {"iscrowd": torch.tensor(iscrowd)}
    return {"boxes": rows, "labels": torch.tensor(labels, dtype=torch.int64), **crowd}


A = (0.0, 0.0, 10.0, 10.0)
FAR = (100.0, 100.0, 110.0, 110.0)


# ---------------------------------------------------------------------------------------------- hand-computed values


@pytest.mark.parametrize(
    ("other", "iou"),
    [
        ((1, 1, 11, 11), Fraction(81, 119)),
        (A, Fraction(1)),
        ((2, 2, 4, 4), Fraction(4, 100)),
        ((10, 0, 20, 10), Fraction(0)),
        ((10, 10, 20, 20), Fraction(0)),
        ((20, 20, 30, 30), Fraction(0)),
        ((20, 0, 30, 10), Fraction(0)),
        ((0, 0, 10, 5), Fraction(1, 2)),
        ((3, 3, 3, 3), Fraction(0)),
        ((-5, -5, 5, 5), Fraction(25, 175)),
    ],
)
def test_box_iou_equals_the_hand_computed_fraction(other: tuple[float, ...], iou: Fraction) -> None:
    assert box_iou(boxes(A), boxes(other)).item() == float(iou)


def test_a_prediction_can_be_accurate_in_pixels_and_badly_localised() -> None:
    target = torch.zeros(100, 100, dtype=torch.int64)
    target[20:30, 20:30] = 1
    shifted = target.roll((5, 5), (0, 1))
    assert pixel_accuracy(torch.zeros_like(target), target) == 0.99
    assert pixel_accuracy(shifted, target) == 0.985
    assert box_iou(boxes((20, 20, 30, 30)), boxes((25, 25, 35, 35))).item() == 25 / 175


def test_ignored_pixels_are_left_out_of_both_counts() -> None:
    pred, target = torch.tensor([1, 1, 0, 2]), torch.tensor([1, 0, 0, 255])
    assert pixel_accuracy(pred, target) == 2 / 4
    assert pixel_accuracy(pred, target, ignore_index=255) == 2 / 3
    assert pixel_accuracy(pred, target, ignore_index=0) == 1 / 2
    assert pixel_accuracy(torch.tensor([7, 1]), torch.tensor([1, 7]), ignore_index=7) == 0.0


def test_precision_and_recall_of_the_lecture_table() -> None:
    precision, recall = curve(LECTURE)
    assert precision.tolist() == [1, 1, 2 / 3, 1 / 2, 2 / 5, 1 / 2]
    assert recall.tolist() == [1 / 5, 2 / 5, 2 / 5, 2 / 5, 2 / 5, 3 / 5]


@pytest.mark.parametrize(
    ("method", "lecture", "v1", "v2"),
    [
        ("step", 0.5, 0.6041667, 0.3533333),
        ("all_points", 0.5, 0.625, 0.3866667),
        ("11_point", 6 / 11, 0.6136364, 0.4121212),
        ("101_point", 0.5049505, 0.6287129, 0.3894389),
        ("trapezoid", 0.49, 0.5729167, 0.2766667),
    ],
)
def test_average_precision_of_three_tables_by_each_convention(
    method: str, lecture: float, v1: float, v2: float
) -> None:
    values = [ap(table, method) for table in (LECTURE, V1, V2)]
    assert values == pytest.approx([lecture, v1, v2], abs=6e-8)


def test_default_method_is_all_points() -> None:
    assert average_precision(*curve(V1)) == ap(V1, "all_points") == pytest.approx(0.625)


def test_coco_thresholds_are_ten_exact_hundredths() -> None:
    assert COCO_IOU_THRESHOLDS == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
    assert len(np.arange(0.5, 0.95, 0.05)) == 9  # the classic slip
    assert np.arange(0.5, 1, 0.05)[-1] != 0.95  # and the other one


@pytest.mark.parametrize("scores", [[0.9, 0.8], [0.8, 0.9]])
def test_the_most_confident_of_two_duplicates_is_the_true_positive(scores: list[float]) -> None:
    pred_boxes = boxes((0, 0, 10, 8), A)
    tp, ignored = match_detections(pred_boxes, torch.tensor(scores), boxes(A))
    assert tp.tolist() == [scores[0] > scores[1], scores[1] > scores[0]]
    assert not ignored.any()


def test_a_duplicate_after_the_object_is_found_costs_nothing() -> None:
    result = mean_average_precision([pred(boxes((0, 0, 10, 8), A), [0.9, 0.8])], [target(boxes(A))])
    assert result["map"] == 1.0  # 0.5 if the best IoU won, 2.0 if both counted


def test_a_detection_whose_best_object_is_taken_tries_the_next_one() -> None:
    gt_boxes = boxes(A, (2, 0, 12, 10))
    pred_boxes = boxes(A, (0.5, 0, 10.5, 10))
    assert box_iou(pred_boxes[1:], gt_boxes).tolist()[0] == pytest.approx([0.9048, 0.7391], abs=1e-4)
    tp, _ = match_detections(pred_boxes, torch.tensor([0.9, 0.8]), gt_boxes)
    assert tp.tolist() == [True, True]  # the VOC rule says [True, False]
    assert mean_average_precision([pred(pred_boxes, [0.9, 0.8])], [target(gt_boxes)])["map"] == 1.0


def test_an_iou_equal_to_the_threshold_counts() -> None:
    half = boxes((0, 0, 10, 5))
    assert match_detections(half, torch.ones(1), boxes(A), 0.5)[0].item()
    assert not match_detections(half, torch.ones(1), boxes(A), math.nextafter(0.5, 1))[0].item()


def test_an_iou_with_a_crowd_equal_to_the_threshold_counts() -> None:
    half, crowd = boxes((0, 0, 10, 5)), torch.tensor([True])
    assert match_detections(half, torch.ones(1), boxes(A), 0.5, crowd)[1].item()
    assert not match_detections(half, torch.ones(1), boxes(A), math.nextafter(0.5, 1), crowd)[1].item()


@pytest.mark.parametrize("percent", range(50, 100, 5))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_equality_is_exact_at_every_coco_threshold(percent: int, dtype: torch.dtype) -> None:
    pred_boxes, gt_boxes = boxes((0, 0, percent, 1), dtype=dtype), boxes((0, 0, 100, 1), dtype=dtype)
    assert match_detections(pred_boxes, torch.ones(1), gt_boxes, percent / 100)[0].item()


def test_the_lecture_example_of_ten_thresholds_gives_three_quarters() -> None:
    preds = [pred(boxes((0, 0, 10, 7), A), [0.9, 0.8])]  # IoU 0.7, then 1.0
    result = mean_average_precision(preds, [target(boxes(A))], COCO_IOU_THRESHOLDS)
    assert [result["ap"][1, t] for t in COCO_IOU_THRESHOLDS] == [1.0] * 5 + [0.5] * 5
    assert result["map"] == result["map_per_class"][1] == 0.75


def test_detections_in_a_crowd_are_neither_true_nor_false() -> None:
    gt_boxes = boxes((0, 0, 100, 100), (200, 200, 210, 210))
    pred_boxes = boxes((0, 0, 90, 90), (5, 5, 100, 100), (200, 200, 210, 210))
    scores = [0.9, 0.8, 0.7]
    tp, ignored = match_detections(pred_boxes, torch.tensor(scores), gt_boxes, 0.5, torch.tensor([True, False]))
    assert tp.tolist() == [False, False, True]
    assert ignored.tolist() == [True, True, False]
    crowd = mean_average_precision([pred(pred_boxes, scores)], [target(gt_boxes, iscrowd=[True, False])])
    plain = mean_average_precision([pred(pred_boxes, scores)], [target(gt_boxes)])
    dropped = mean_average_precision([pred(pred_boxes, scores)], [target(gt_boxes[1:])])
    assert (crowd["map"], plain["map"], dropped["map"]) == pytest.approx((1.0, 5 / 6, 1 / 3))


def test_an_object_that_counts_is_taken_before_a_better_overlapping_crowd() -> None:
    gt_boxes = boxes(A, (0, 0, 10, 8))
    tp, ignored = match_detections(boxes(A, A), torch.tensor([0.9, 0.8]), gt_boxes, 0.5, torch.tensor([True, False]))
    assert tp.tolist() == [True, False]
    assert ignored.tolist() == [False, True]


def test_ranking_is_global_over_the_images() -> None:
    preds = [pred(boxes(A), [0.6]), pred(boxes(FAR, A), [0.9, 0.3])]
    targets = [target(boxes(A)), target(boxes(A))]
    step = mean_average_precision(preds, targets, method="step")["map"]
    envelope = mean_average_precision(preds, targets)["map"]
    assert (step, envelope) == pytest.approx((0.5833333, 0.6666667))  # 0.75 per image, 0.8333 unsorted


def test_an_image_without_objects_contributes_its_false_positives() -> None:
    preds = [pred(boxes(A), [0.9]), pred(boxes(A), [0.6])]
    assert mean_average_precision(preds, [target(boxes()), target(boxes(A))])["map"] == 0.5
    assert mean_average_precision(preds[1:], [target(boxes(A))])["map"] == 1.0


def test_the_mean_covers_exactly_the_classes_with_objects() -> None:
    preds = [pred(boxes(A, FAR), [0.9, 0.8], [1, 3])]
    result = mean_average_precision(preds, [target(boxes(A, FAR), [1, 2])])
    assert result["map"] == 0.5  # 0.3333 if class 3 counted, 1.0 if class 2 did not
    assert result["map_per_class"][1] == 1.0
    assert result["map_per_class"][2] == 0.0
    assert math.isnan(result["map_per_class"][3])
    assert list(result["map_per_class"]) == [1, 2, 3]
    assert list(result["ap"]) == [(1, 0.5), (2, 0.5), (3, 0.5)]


def test_classes_are_listed_in_ascending_order_whatever_their_names() -> None:
    rows = boxes(A, FAR, (40, 40, 50, 50))
    result = mean_average_precision([pred(rows, [0.9, 0.8, 0.7], [90, -3, 7])], [target(rows, [7, 90, 1000])])
    assert list(result["map_per_class"]) == [-3, 7, 90, 1000]


def test_a_detection_does_not_match_an_object_of_another_class() -> None:
    result = mean_average_precision([pred(boxes(A), [0.9], [1])], [target(boxes(A), [2])])
    assert result["map"] == 0.0


@pytest.mark.parametrize(("order", "expected"), [((0, 1), 1.0), ((1, 0), 0.5)])
def test_equal_scores_keep_the_order_of_the_inputs(order: tuple[int, int], expected: float) -> None:
    rows = boxes(A, FAR)[list(order)]
    assert mean_average_precision([pred(rows, [0.7, 0.7])], [target(boxes(A))])["map"] == expected


def test_equal_scores_rank_by_image() -> None:
    images = [(pred(boxes(A), [0.7]), target(boxes(A))), (pred(boxes(FAR), [0.7]), target(boxes()))]
    for ordered, expected in ((images, 1.0), (images[::-1], 0.5)):
        preds, targets = zip(*ordered, strict=True)
        assert mean_average_precision(preds, targets)["map"] == expected


def test_of_equal_ious_the_lower_object_is_taken() -> None:
    gt_boxes = boxes(A, (2, 0, 12, 10))
    pred_boxes = boxes((1, 0, 11, 10), A)  # the first overlaps both by 90/110; the second reaches 0.7 only with A
    tp, _ = match_detections(pred_boxes, torch.tensor([0.9, 0.8]), gt_boxes, 0.7)
    assert tp.tolist() == [True, False]
    tp, _ = match_detections(pred_boxes, torch.tensor([0.9, 0.8]), gt_boxes.flip(0), 0.7)
    assert tp.tolist() == [True, True]


# -------------------------------------------------------------------------------------------------------- properties


def test_box_iou_is_symmetric_bounded_and_one_on_the_diagonal() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = random_boxes(generator, 40), random_boxes(generator, 30)
    iou = box_iou(first, second)
    assert iou.shape == (40, 30)
    assert torch.equal(iou, box_iou(second, first).T)
    assert ((iou >= 0) & (iou <= 1)).all()
    assert torch.equal(box_iou(first, first).diagonal(), torch.ones(40, dtype=torch.float64))


def test_box_iou_is_invariant_to_shift_scale_and_swapped_axes() -> None:
    generator = torch.Generator().manual_seed(1)
    first = random_boxes(generator, 20).round()
    second = random_boxes(generator, 25).round()
    iou = box_iou(first, second)
    assert torch.equal(box_iou(first + 17, second + 17), iou)
    assert torch.equal(box_iou(first * 4, second * 4), iou)
    axes = [1, 0, 3, 2]
    assert torch.equal(box_iou(first[:, axes], second[:, axes]), iou)


def test_box_iou_of_integer_boxes_is_the_iou_of_their_masks() -> None:
    generator = torch.Generator().manual_seed(2)
    rows = random_boxes(generator, 30, size=20).round().to(torch.int64)
    masks = torch.zeros(30, 20, 20, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, rows.tolist(), strict=True):
        mask[y1:y2, x1:x2] = True
    flat = masks.flatten(1).double()  # (30, 400)
    intersection = flat @ flat.T  # (30, 30)
    union = 400 - (1 - flat) @ (1 - flat).T  # (30, 30)
    expected = torch.where(union > 0, intersection / union, 0.0)
    assert torch.equal(box_iou(rows.double(), rows), expected)
    dice = 2 * intersection / (flat.sum(1)[:, None] + flat.sum(1)[None, :]).clamp(min=1)
    torch.testing.assert_close(dice, 2 * expected / (1 + expected))


def test_box_iou_has_the_right_gradient() -> None:
    first, second = boxes(A, (3, 1, 9, 14)).requires_grad_(), boxes((1, 2, 12, 13)).requires_grad_()
    assert torch.autograd.gradcheck(box_iou, (first, second))
    empty = boxes((5, 5, 5, 5)).requires_grad_()
    (gradient,) = torch.autograd.grad(box_iou(empty, empty.detach()).sum(), empty)
    assert gradient.isfinite().all()


def random_scene(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    n = int(torch.randint(0, 12, (), generator=generator))
    m = int(torch.randint(0, 6, (), generator=generator))
    gt_boxes = random_boxes(generator, m)
    near = gt_boxes[torch.randint(0, m, (n,), generator=generator)] if m else random_boxes(generator, n)
    pred_boxes = near + torch.randn(n, 4, generator=generator, dtype=torch.float64) * 4
    scores = torch.rand(n, generator=generator, dtype=torch.float64)
    return pred_boxes, scores, gt_boxes, torch.rand(m, generator=generator) < 0.3


@pytest.mark.parametrize("seed", range(50))
def test_matching_is_one_to_one_and_independent_of_the_input_order(seed: int) -> None:
    pred_boxes, scores, gt_boxes, gt_ignore = random_scene(seed)
    tp, ignored = match_detections(pred_boxes, scores, gt_boxes, 0.4, gt_ignore)
    assert tp.dtype == ignored.dtype == torch.bool
    assert tp.shape == ignored.shape == scores.shape
    assert not (tp & ignored).any()
    assert tp.sum() <= (~gt_ignore).sum()
    order = torch.randperm(len(scores), generator=torch.Generator().manual_seed(seed))
    shuffled = match_detections(pred_boxes[order], scores[order], gt_boxes, 0.4, gt_ignore)
    assert torch.equal(shuffled[0], tp[order])
    assert torch.equal(shuffled[1], ignored[order])
    flipped = match_detections(pred_boxes, scores, gt_boxes.flip(0), 0.4, gt_ignore.flip(0))
    assert torch.equal(flipped[0], tp)
    assert torch.equal(flipped[1], ignored)


@pytest.mark.parametrize("seed", range(50))
def test_a_less_confident_detection_never_changes_earlier_verdicts(seed: int) -> None:
    pred_boxes, scores, gt_boxes, gt_ignore = random_scene(seed)
    scores = scores.sort(descending=True).values
    tp, ignored = match_detections(pred_boxes, scores, gt_boxes, 0.4, gt_ignore)
    for n in range(len(scores)):
        shorter = match_detections(pred_boxes[:n], scores[:n], gt_boxes, 0.4, gt_ignore)
        assert torch.equal(shorter[0], tp[:n])
        assert torch.equal(shorter[1], ignored[:n])


def test_precision_recall_depends_only_on_the_ranks() -> None:
    generator = torch.Generator().manual_seed(3)
    tp, scores = torch.rand(30, generator=generator) < 0.5, torch.rand(30, generator=generator, dtype=torch.float64)
    expected = precision_recall(tp, scores, 20)
    order = torch.randperm(30, generator=generator)
    for again in (
        precision_recall(tp[order], scores[order], 20),
        precision_recall(tp, 5 * scores - 9, 20),
        precision_recall(tp.to(torch.int64), scores.exp(), 20),
    ):
        assert all(map(torch.equal, again, expected))
    assert (expected[1].diff() >= 0).all()
    assert expected[0][-1] == int(tp.sum()) / 30


@pytest.mark.parametrize("device", DEVICES)
def test_recall_is_the_correctly_rounded_fraction_on_every_device(device: str) -> None:
    for num_gt in range(1, 60):
        tp = torch.ones(num_gt, dtype=torch.bool, device=device)
        _, recall = precision_recall(tp, torch.ones(num_gt, device=device), num_gt)
        assert recall.tolist() == [k / num_gt for k in range(1, num_gt + 1)]


def exact_ap(tp: list[bool], num_gt: int, method: str) -> Fraction:
    """Return AP in rational arithmetic, straight from the definitions."""
    found = [0, *itertools.accumulate(map(int, tp))]
    recall = [Fraction(k, num_gt) for k in found]
    precision = [Fraction(1), *(Fraction(k, i) for i, k in enumerate(found[1:], start=1))]

    def envelope(r: Fraction) -> Fraction:
        return max(
            (p for p, reached in zip(precision[1:], recall[1:], strict=True) if reached >= r), default=Fraction(0)
        )

    if method in ("11_point", "101_point"):
        steps = 10 if method == "11_point" else 100
        return sum((envelope(Fraction(i, steps)) for i in range(steps + 1)), Fraction(0)) / (steps + 1)
    heights: dict[str, Callable[[int], Fraction]] = {
        "step": lambda n: precision[n],
        "all_points": lambda n: envelope(recall[n]),
        "trapezoid": lambda n: (precision[n - 1] + precision[n]) / 2,
    }
    return sum(((recall[n] - recall[n - 1]) * heights[method](n) for n in range(1, len(recall))), Fraction(0))


@pytest.mark.parametrize("method", AP_METHODS)
def test_average_precision_equals_rational_arithmetic(method: str) -> None:
    generator = torch.Generator().manual_seed(4)
    for _ in range(150):
        n = int(torch.randint(1, 25, (), generator=generator))
        tp = (torch.rand(n, generator=generator) < 0.6).tolist()
        num_gt = sum(tp) + int(torch.randint(0, 12, (), generator=generator)) or 1
        assert ap((tp, num_gt), method) == pytest.approx(float(exact_ap(tp, num_gt, method)), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("method", ["11_point", "101_point"])
def test_no_recall_falls_beside_the_grid_it_lies_on(method: str) -> None:
    for num_gt in (5, 10, 20, 25, 50, 100):
        for k in range(1, num_gt + 1):
            expected = float(exact_ap([True] * k, num_gt, method))
            precision, recall = curve(([True] * k, num_gt))
            assert average_precision(precision, recall, method) == pytest.approx(expected, rel=1e-12)
            assert average_precision(precision.float(), recall.float(), method) == pytest.approx(expected, rel=1e-12)
            through_reciprocal = torch.arange(1, k + 1, dtype=torch.float64) * (1 / num_gt)
            assert average_precision(precision, through_reciprocal, method) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_the_conventions_are_ordered_and_ignore_false_positives_at_the_end(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    tp = (torch.rand(15, generator=generator) < 0.5).tolist()
    table, longer = (tp, 12), ([*tp, False, False, False], 12)
    assert 0 <= ap(table, "step") <= ap(table, "all_points") + 1e-15 <= 1 + 1e-15
    for method in AP_METHODS:
        assert ap(longer, method) == pytest.approx(ap(table, method), abs=1e-15)


@pytest.mark.parametrize("method", AP_METHODS)
def test_a_perfect_detector_has_one_and_a_blind_one_zero(method: str) -> None:
    assert ap(([True] * 7, 7), method) == pytest.approx(1.0, abs=1e-15)
    assert ap(([False] * 7, 7), method) == 0.0


def random_dataset(seed: int) -> tuple[list[dict[str, Tensor]], list[dict[str, Tensor]]]:
    generator = torch.Generator().manual_seed(1000 + seed)
    preds, targets = [], []
    for image in range(4):
        pred_boxes, scores, gt_boxes, gt_ignore = random_scene(10 * seed + image)
        labels = torch.randint(0, 3, (len(scores),), generator=generator)
        gt_labels = torch.randint(0, 3, (len(gt_boxes),), generator=generator)
        preds.append({"boxes": pred_boxes, "scores": scores, "labels": labels})
        targets.append({"boxes": gt_boxes, "labels": gt_labels, "iscrowd": gt_ignore})
    return preds, targets


@pytest.mark.parametrize("seed", range(10))
def test_mean_average_precision_ignores_the_order_of_images_and_the_names_of_classes(seed: int) -> None:
    preds, targets = random_dataset(seed)
    expected = mean_average_precision(preds, targets, (0.3, 0.6))
    assert mean_average_precision(preds[::-1], targets[::-1], (0.3, 0.6))["map"] == expected["map"]
    renamed_preds = [{**image, "labels": 90 - image["labels"]} for image in preds]
    renamed_targets = [{**image, "labels": 90 - image["labels"]} for image in targets]
    result = mean_average_precision(renamed_preds, renamed_targets, (0.3, 0.6))
    assert result["map"] == expected["map"]
    for (label, t), value in expected["ap"].items():
        assert result["ap"][90 - label, t] == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize("seed", range(10))
def test_the_mean_over_thresholds_may_be_taken_before_or_after_the_classes(seed: int) -> None:
    preds, targets = random_dataset(seed)
    result = mean_average_precision(preds, targets, (0.3, 0.5, 0.7))
    table = torch.tensor([[result["ap"][c, t] for t in (0.3, 0.5, 0.7)] for c in result["map_per_class"]])  # (K, T)
    assert result["map"] == pytest.approx(table.nanmean(dim=0).mean().item(), nan_ok=True)
    assert result["map"] == pytest.approx(table.mean(dim=1).nanmean().item(), nan_ok=True)


# ------------------------------------------------------------------------------------------------------------- edges


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (3, 0)])
def test_box_iou_of_an_empty_set_keeps_its_shape(n: int, m: int) -> None:
    assert box_iou(torch.zeros(n, 4), torch.zeros(m, 4)).shape == (n, m)


@pytest.mark.parametrize(
    ("dtype1", "dtype2", "expected"),
    [
        (torch.float64, torch.float64, torch.float64),
        (torch.float32, torch.float32, torch.float32),
        (torch.float16, torch.float16, torch.float32),
        (torch.bfloat16, torch.bfloat16, torch.float32),
        (torch.int64, torch.int64, torch.float32),
        (torch.uint8, torch.int32, torch.float32),
        (torch.bool, torch.bool, torch.float32),
        (torch.int64, torch.float64, torch.float64),
        (torch.float16, torch.float64, torch.float64),
        (torch.float16, torch.float32, torch.float32),
    ],
)
def test_box_iou_is_at_least_float32(dtype1: torch.dtype, dtype2: torch.dtype, expected: torch.dtype) -> None:
    ones = torch.tensor([[0, 0, 1, 1]])
    iou = box_iou(ones.to(dtype1), ones.to(dtype2))
    assert iou.dtype == expected
    assert iou.tolist() == [[1.0]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int16])
def test_box_iou_of_narrow_dtypes_does_not_overflow(dtype: torch.dtype) -> None:
    iou = box_iou(boxes((0, 0, 300, 300)).to(dtype), boxes((0, 0, 300, 150)).to(dtype))
    assert iou.item() == pytest.approx(0.5, rel=1e-2)


def test_box_iou_of_uint8_boxes_does_not_wrap() -> None:
    first, second = (
        torch.tensor([[0, 0, 10, 10]], dtype=torch.uint8),
        torch.tensor([[20, 0, 30, 10]], dtype=torch.uint8),
    )
    assert box_iou(first, second).item() == 0.0


def test_box_iou_of_float32_boxes_is_the_rounded_float64_value() -> None:
    generator = torch.Generator().manual_seed(7)
    first, second = random_boxes(generator, 30).float(), random_boxes(generator, 30).float()
    assert torch.equal(box_iou(first, second), box_iou(first.double(), second.double()).float())


def test_box_iou_of_tiny_boxes_has_no_epsilon() -> None:
    tiny = boxes((0, 0, 1e-6, 1e-6))
    assert box_iou(tiny, tiny / 2).item() == pytest.approx(0.25)


@pytest.mark.parametrize("degenerate", [(5, 5, 5, 5), (2, 3, 8, 3), (8, 2, 2, 8), (2, 8, 8, 2), (8, 8, 2, 2)])
def test_degenerate_and_inverted_boxes_have_iou_zero(degenerate: tuple[float, ...]) -> None:
    rows = boxes(degenerate)
    assert box_iou(rows, boxes(A)).item() == 0.0
    assert box_iou(boxes(A), rows).item() == 0.0
    assert box_iou(rows, rows).item() == 0.0


def test_box_iou_of_a_half_inverted_box_does_not_flip_the_union() -> None:
    assert box_iou(boxes((10, 10, 0, 0), A), boxes(A)).flatten().tolist() == [0.0, 1.0]


def test_non_contiguous_inputs_give_the_same_values() -> None:
    generator = torch.Generator().manual_seed(5)
    first, second = random_boxes(generator, 8), random_boxes(generator, 6)
    scores, gt_ignore = torch.rand(8, generator=generator), torch.rand(6, generator=generator) < 0.5
    wide = first.repeat_interleave(2, dim=0)[::2]
    turned = second.T.contiguous().T
    assert not wide.is_contiguous()
    assert not turned.is_contiguous()
    strided_scores, strided_ignore = scores.repeat_interleave(3)[::3], gt_ignore.repeat_interleave(3)[::3]
    assert torch.equal(box_iou(wide, turned), box_iou(first, second))
    assert all(
        map(
            torch.equal,
            match_detections(wide, strided_scores, turned, 0.2, strided_ignore),
            match_detections(first, scores, second, 0.2, gt_ignore),
        )
    )
    precision, recall = precision_recall(strided_scores > 0.5, strided_scores, 9)
    strided_precision, strided_recall = precision.repeat_interleave(2)[::2], recall.repeat_interleave(2)[::2]
    for method in AP_METHODS:
        assert average_precision(strided_precision, strided_recall, method) == average_precision(
            precision, recall, method
        )
    labels = torch.randint(0, 3, (4, 5), generator=generator)
    assert pixel_accuracy(labels.T, labels.T.contiguous()) == 1.0


def test_inputs_and_the_random_state_are_left_alone() -> None:
    preds, targets = random_dataset(1)
    tensors = [value for image in (*preds, *targets) for value in image.values()]
    copies, versions = [value.clone() for value in tensors], [value._version for value in tensors]
    state = torch.get_rng_state()
    mean_average_precision(preds, targets, COCO_IOU_THRESHOLDS, "101_point")
    assert all(map(torch.equal, tensors, copies))
    assert [value._version for value in tensors] == versions
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int8, torch.uint16, torch.int32, torch.int64])
def test_pixel_accuracy_accepts_every_label_dtype(dtype: torch.dtype) -> None:
    pred, target = torch.tensor([0, 1, 1, 0]).to(dtype), torch.tensor([0, 1, 0, 0]).to(dtype)
    assert pixel_accuracy(pred, target) == 0.75
    assert pixel_accuracy(pred, target.to(torch.int64), ignore_index=-100) == 0.75
    assert pixel_accuracy(pred, target, ignore_index=0) == 1.0


def test_an_ignore_index_outside_the_dtype_does_not_wrap_around() -> None:
    target = torch.tensor([156, 3], dtype=torch.uint8)
    assert pixel_accuracy(target.clone(), target, ignore_index=-100) == 1.0
    assert pixel_accuracy(torch.tensor([0, 3], dtype=torch.uint8), target, ignore_index=-100) == 0.5


def test_pixel_accuracy_of_nothing_is_nan() -> None:
    assert math.isnan(pixel_accuracy(torch.zeros(0, 4), torch.zeros(0, 4)))
    assert math.isnan(pixel_accuracy(torch.zeros(3), torch.full((3,), 255), ignore_index=255))
    assert pixel_accuracy(torch.tensor(1), torch.tensor(1)) == 1.0


def test_pixel_accuracy_counts_more_pixels_than_half_precision_can() -> None:
    target = torch.zeros(512, 512, dtype=torch.uint8)
    pred = target.clone()
    pred[0, 0] = 1
    assert pixel_accuracy(pred, target) == 1 - 1 / 512**2


def test_matching_without_detections_or_without_objects() -> None:
    for n, m in ((0, 0), (0, 2), (2, 0)):
        tp, ignored = match_detections(torch.zeros(n, 4), torch.zeros(n), torch.zeros(m, 4))
        assert tp.tolist() == ignored.tolist() == [False] * n
        assert tp.dtype == ignored.dtype == torch.bool


def test_matching_finds_one_of_two_identical_objects_per_detection() -> None:
    scores = torch.tensor([0.5, 0.7, 0.6])
    tp, _ = match_detections(boxes(A, A, A), scores, boxes(A, A))
    assert tp.tolist() == [False, True, True]


def test_matching_accepts_integer_boxes_scores_and_flags() -> None:
    rows = torch.tensor([[0, 0, 10, 10], [0, 0, 10, 9]])
    tp, ignored = match_detections(rows, torch.tensor([1, 2]), rows[:1], 0.5, torch.tensor([1]))
    assert tp.tolist() == [False, False]
    assert ignored.tolist() == [True, True]


def test_a_zero_threshold_matches_disjoint_boxes_and_a_one_only_identical_ones() -> None:
    assert match_detections(boxes(FAR), torch.ones(1), boxes(A), 0.0)[0].item()
    generator = torch.Generator().manual_seed(6)
    rows = random_boxes(generator, 20)
    assert match_detections(rows, torch.rand(20, generator=generator), rows, 1.0)[0].all()
    assert not match_detections(rows, torch.rand(20, generator=generator), rows + 50 * torch.eye(4)[2], 1.0)[0].any()


def test_a_thousand_equal_scores_stay_in_order() -> None:
    tp = torch.zeros(1000, dtype=torch.bool)
    tp[:500] = True
    precision, _ = precision_recall(tp, torch.full((1000,), 0.5), 500)
    assert (precision[:500] == 1).all()


def test_more_than_a_hundred_detections_per_image_all_count() -> None:
    x = torch.arange(250) * 20.0
    rows = torch.stack([x, torch.zeros(250), x + 10, torch.full((250,), 10.0)], dim=1)  # (250, 4)
    scores = torch.linspace(1, 0.1, 250).tolist()
    assert mean_average_precision([pred(rows, scores)], [target(rows)])["map"] == pytest.approx(1.0, abs=1e-12)


def test_recall_without_objects_is_nan_and_precision_is_not() -> None:
    precision, recall = precision_recall(torch.tensor([True, False]), torch.tensor([0.2, 0.1]), 0)
    assert precision.tolist() == [1.0, 0.5]
    assert recall.isnan().all()
    assert all(math.isnan(average_precision(precision, recall, method)) for method in AP_METHODS)


def test_recall_above_one_betrays_double_counting() -> None:
    _, recall = precision_recall(torch.tensor([True, True]), torch.tensor([0.2, 0.1]), 1)
    assert recall.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("method", AP_METHODS)
def test_an_empty_curve_has_area_zero(method: str) -> None:
    precision, recall = precision_recall(torch.zeros(0, dtype=torch.bool), torch.zeros(0), 3)
    assert precision.shape == recall.shape == (0,)
    assert average_precision(precision, recall, method) == 0.0


@pytest.mark.parametrize("method", AP_METHODS)
def test_a_single_detection_has_a_curve_of_one_point(method: str) -> None:
    assert ap(([True], 1), method) == 1.0
    assert ap(([True], 4), method) == pytest.approx({"11_point": 3 / 11, "101_point": 26 / 101}.get(method, 0.25))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_average_precision_accepts_narrow_curves(dtype: torch.dtype) -> None:
    precision, recall = curve(LECTURE)
    for method in AP_METHODS:
        narrow = average_precision(precision.to(dtype), recall.to(dtype), method)
        assert narrow == pytest.approx(ap(LECTURE, method), rel=1e-2)


def test_average_precision_accepts_integer_curves_and_gradients() -> None:
    ones = torch.ones(1, dtype=torch.int64)
    assert average_precision(ones, ones) == 1.0
    assert average_precision(torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)) == 1.0


def test_nothing_at_all_has_no_mean_average_precision() -> None:
    for preds, targets in (
        ([], []),
        ([pred(boxes(), [])], [target(boxes())]),
        ([pred(boxes(A), [0.9])], [target(boxes())]),
        ([pred(boxes(A), [0.9])], [target(boxes(A), iscrowd=[True])]),
    ):
        result = mean_average_precision(preds, targets)
        assert math.isnan(result["map"])
        assert all(math.isnan(value) for value in result["ap"].values())
    empty = mean_average_precision([], [])
    assert empty["map_per_class"] == {}
    assert empty["ap"] == {}


def test_a_class_with_objects_and_no_detections_has_zero() -> None:
    assert mean_average_precision([pred(boxes(), [])], [target(boxes(A))])["map"] == 0.0


def test_the_crowd_flag_may_be_missing_in_some_images() -> None:
    preds = [pred(boxes(A, A), [0.9, 0.8]), pred(boxes(A), [0.7])]
    targets = [target(boxes(A), iscrowd=[True]), target(boxes(A))]
    assert mean_average_precision(preds, targets)["map"] == 1.0


def test_half_precision_and_integer_datasets_agree_with_float64() -> None:
    rows = boxes((0, 0, 300, 300), (320, 0, 340, 40), (0, 320, 64, 384))
    found = boxes((0, 0, 300, 280), (320, 0, 344, 40), (64, 320, 128, 384))
    values = set()
    for dtype in (torch.float64, torch.float32, torch.float16, torch.int64):
        preds = [pred(found.to(dtype), [0.75, 0.5, 0.25])]
        preds[0]["scores"] = preds[0]["scores"].half()
        values.add(mean_average_precision(preds, [target(rows.to(dtype))], (0.5, 0.75))["map"])
    assert len(values) == 1


@pytest.mark.parametrize("device", DEVICES)
def test_results_live_on_the_device_of_the_inputs(device: str) -> None:
    rows, scores = boxes(A).to(device), torch.ones(1, device=device)
    assert box_iou(rows, rows).device.type == device
    tp, ignored = match_detections(rows, scores, rows)
    assert tp.device.type == ignored.device.type == device
    precision, recall = precision_recall(tp, scores, 1)
    assert precision.device.type == recall.device.type == device
    assert [average_precision(precision, recall, method) for method in AP_METHODS] == [1.0] * 5
    image = {"boxes": rows, "scores": scores, "labels": torch.ones(1, dtype=torch.int64, device=device)}
    assert mean_average_precision([image], [image])["map"] == 1.0


def test_box_iou_makes_no_tensor_of_its_own_on_another_device() -> None:
    rows = torch.zeros(3, 4, device="meta")
    assert box_iou(rows, rows).device.type == "meta"


# ------------------------------------------------------------------------------------------------------------ errors

ONE = torch.ones(1)
BOX = torch.tensor([A])
IMAGE = {"boxes": BOX, "scores": ONE, "labels": ONE.long()}

WRONG_CALLS: dict[str, Callable[[], object]] = {
    "pixel_accuracy: expected shape (3, 2), got (2, 3).": lambda: pixel_accuracy(torch.ones(2, 3), torch.ones(3, 2)),
    "pixel_accuracy: expected shape (2, 3), got (3,).": lambda: pixel_accuracy(torch.ones(3), torch.ones(2, 3)),
    "box_iou: expected shape (N, 4), got (2, 3). boxes1": lambda: box_iou(torch.ones(2, 3), BOX),
    "box_iou: expected shape (N, 4), got (0,). boxes2": lambda: box_iou(BOX, torch.ones(0)),
    "box_iou: expected shape (N, 4), got (4,). boxes1": lambda: box_iou(BOX[0], BOX),
    "box_iou: expected shape (N, 4), got (1, 1, 4). boxes2": lambda: box_iou(BOX, BOX[None]),
    "match_detections: expected shape (N, 4), got (1, 3). pred_boxes": lambda: match_detections(BOX[:, :3], ONE, BOX),
    "match_detections: expected shape (N, 4), got (1, 3). gt_boxes": lambda: match_detections(BOX, ONE, BOX[:, :3]),
    "match_detections: expected shape (1,), got (2,). pred_scores": lambda: match_detections(BOX, torch.ones(2), BOX),
    "match_detections: expected shape (1,), got (1, 1). pred_scores": lambda: match_detections(BOX, ONE[None], BOX),
    "match_detections: expected shape (1,), got (2,). gt_ignore": lambda: match_detections(
        BOX, ONE, BOX, 0.5, torch.ones(2)
    ),
    "match_detections: expected an IoU threshold in [0, 1], got 1.5.": lambda: match_detections(BOX, ONE, BOX, 1.5),
    "match_detections: expected an IoU threshold in [0, 1], got -0.1.": lambda: match_detections(BOX, ONE, BOX, -0.1),
    "match_detections: expected an IoU threshold in [0, 1], got nan.": lambda: match_detections(
        BOX, ONE, BOX, math.nan
    ),
    "precision_recall: expected shape (2,), got (2, 1). tp": lambda: precision_recall(
        torch.ones(2, 1), torch.ones(2, 1), 2
    ),
    "precision_recall: expected shape (1,), got (2,). scores": lambda: precision_recall(ONE, torch.ones(2), 2),
    "precision_recall: expected num_gt >= 0, got -1.": lambda: precision_recall(ONE, ONE, -1),
    "average_precision: expected shape (2,), got (1,). precision": lambda: average_precision(ONE, torch.ones(2)),
    "average_precision: expected shape (1,), got (1, 1). recall": lambda: average_precision(ONE, ONE[None]),
    "average_precision: expected a method of step, all_points, 11_point, 101_point, trapezoid, got 'voc'.": (
        lambda: average_precision(ONE, ONE, "voc")
    ),
    "average_precision: expected recall in rank order, got one that decreases.": lambda: average_precision(
        torch.tensor([0.5, 1.0]), torch.tensor([1.0, 0.5])
    ),
    "mean_average_precision: expected 1 targets, got 2.": lambda: mean_average_precision([IMAGE], [IMAGE, IMAGE]),
    "mean_average_precision: expected at least one IoU threshold, got none.": lambda: mean_average_precision(
        [IMAGE], [IMAGE], ()
    ),
    "mean_average_precision: expected an IoU threshold in [0, 1], got 50.": lambda: mean_average_precision(
        [], [], (50,)
    ),
    "mean_average_precision: expected a method of": lambda: mean_average_precision([], [], method="voc"),
    "mean_average_precision: expected keys boxes, scores, labels in preds[0], got boxes, labels.": (
        lambda: mean_average_precision([{"boxes": BOX, "labels": ONE}], [IMAGE])
    ),
    "mean_average_precision: expected keys boxes, labels in targets[0], got boxes.": lambda: mean_average_precision(
        [IMAGE], [{"boxes": BOX}]
    ),
    "mean_average_precision: expected shape (N, 4), got (0,). preds[1]['boxes']": lambda: mean_average_precision(
        [IMAGE, {**IMAGE, "boxes": torch.ones(0)}], [IMAGE, IMAGE]
    ),
    "mean_average_precision: expected shape (1,), got (2,). preds[0]['scores']": lambda: mean_average_precision(
        [{**IMAGE, "scores": torch.ones(2)}], [IMAGE]
    ),
    "mean_average_precision: expected shape (1,), got (0,). targets[0]['labels']": lambda: mean_average_precision(
        [IMAGE], [{**IMAGE, "labels": torch.ones(0)}]
    ),
    "mean_average_precision: expected shape (1,), got (2,). targets[0]['iscrowd']": lambda: mean_average_precision(
        [IMAGE], [{**IMAGE, "iscrowd": torch.ones(2)}]
    ),
}


@pytest.mark.parametrize("message", WRONG_CALLS)
def test_a_wrong_call_raises_a_value_error_that_names_both_sides(message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as caught:
        WRONG_CALLS[message]()
    assert "\n" not in str(caught.value)


def test_each_method_has_a_row_in_the_table_of_the_docstring() -> None:
    assert all(f"``{method}``" in (metrics.average_precision.__doc__ or "") for method in AP_METHODS)
