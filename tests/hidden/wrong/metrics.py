"""The classic mistakes about metrics, each as a function with the signature of the student's.

Written for one purpose: when a check fails, these run on the same inputs, and the one whose output equals the student's
is named in the report. They are wrong by design.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from reference import metrics as reference

Matches = tuple[Tensor, Tensor]
Curve = tuple[Tensor, Tensor]
Images = Sequence[dict[str, Tensor]]
Result = dict[str, Any]


# ---------------------------------------------------------------------------------------------- pixel accuracy


def accuracy_is_iou(pred: Tensor, target: Tensor, ignore_index: int | None = None) -> float:
    """The overlap of the foregrounds (IoU) is returned; it judges localisation, pixel accuracy does not."""
    counted = _counted(target, ignore_index)
    both, either = (pred > 0) & (target > 0), (pred > 0) | (target > 0)
    return _ratio((both & counted).sum(), (either & counted).sum())


def accuracy_of_foreground(pred: Tensor, target: Tensor, ignore_index: int | None = None) -> float:
    """Only the pixels whose true label is not 0 are counted."""
    counted = _counted(target, ignore_index) & (target != 0)
    return _ratio(((pred == target) & counted).sum(), counted.sum())


def accuracy_is_error_rate(pred: Tensor, target: Tensor, ignore_index: int | None = None) -> float:
    """The wrong pixels are counted instead of the right ones."""
    return 1.0 - reference.pixel_accuracy(pred, target, ignore_index)


def accuracy_is_count(pred: Tensor, target: Tensor, ignore_index: int | None = None) -> float:
    """The right pixels are counted but not divided by their number."""
    return float(((pred == target) & _counted(target, ignore_index)).sum())


def accuracy_ignores_nothing(pred: Tensor, target: Tensor, ignore_index: int | None = None) -> float:
    """``ignore_index`` has no effect."""
    return _ratio((pred == target).sum(), target.numel())


def accuracy_divides_by_all(pred: Tensor, target: Tensor, ignore_index: int | None = None) -> float:
    """Ignored pixels are left out of the numerator but not of the denominator."""
    return _ratio(((pred == target) & _counted(target, ignore_index)).sum(), target.numel())


def accuracy_ignored_is_right(pred: Tensor, target: Tensor, ignore_index: int | None = None) -> float:
    """Ignored pixels count as right."""
    return _ratio(((pred == target) | ~_counted(target, ignore_index)).sum(), target.numel())


def accuracy_ignores_by_prediction(pred: Tensor, target: Tensor, ignore_index: int | None = None) -> float:
    """The pixels are left out where the prediction, not the target, is ``ignore_index``."""
    counted = _counted(pred, ignore_index)
    return _ratio(((pred == target) & counted).sum(), counted.sum())


def accuracy_ignores_by_either(pred: Tensor, target: Tensor, ignore_index: int | None = None) -> float:
    """A pixel is left out when the prediction or the target is ``ignore_index``."""
    counted = _counted(pred, ignore_index) & _counted(target, ignore_index)
    return _ratio(((pred == target) & counted).sum(), counted.sum())


def accuracy_falsy_index(pred: Tensor, target: Tensor, ignore_index: int | None = None) -> float:
    """``if ignore_index:`` takes the index 0 for "no index"."""
    return reference.pixel_accuracy(pred, target, ignore_index or None)


def accuracy_of_nothing_is_zero(pred: Tensor, target: Tensor, ignore_index: int | None = None) -> float:
    """Nothing to count gives 0."""
    return (
        0.0 if int(_counted(target, ignore_index).sum()) == 0 else reference.pixel_accuracy(pred, target, ignore_index)
    )


def accuracy_of_nothing_is_one(pred: Tensor, target: Tensor, ignore_index: int | None = None) -> float:
    """Nothing to count gives 1."""
    return (
        1.0 if int(_counted(target, ignore_index).sum()) == 0 else reference.pixel_accuracy(pred, target, ignore_index)
    )


# ---------------------------------------------------------------------------------------------- IoU


def iou_without_clamp(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Widths and heights of the intersection are not clamped at zero."""
    size = _size(boxes1, boxes2)
    intersection = size[..., 0] * size[..., 1]
    return intersection / (_areas(boxes1, boxes2) - intersection)


def iou_clamps_product(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """The area of the intersection is clamped, its width and height are not: two negatives make a positive."""
    size = _size(boxes1, boxes2)
    intersection = (size[..., 0] * size[..., 1]).clamp(min=0)
    return intersection / (_areas(boxes1, boxes2) - intersection)


def iou_plus_one(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Widths and heights are ``x2 - x1 + 1``."""
    size = (_size(boxes1, boxes2) + 1).clamp(min=0)
    intersection = size[..., 0] * size[..., 1]
    area1, area2 = ((b.double()[:, 2:] - b.double()[:, :2] + 1).prod(1) for b in (boxes1, boxes2))
    return intersection / (area1[:, None] + area2[None, :] - intersection)


def iou_union_is_sum(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """The union is A + B: the intersection is counted twice."""
    return _over(_intersection(boxes1, boxes2), _areas(boxes1, boxes2))


def iou_union_without_intersection(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """The union is A + B - 2 I: the intersection is missing from it."""
    intersection = _intersection(boxes1, boxes2)
    return _over(intersection, _areas(boxes1, boxes2) - 2 * intersection)


def iou_over_smaller_area(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """The intersection is divided by the area of the smaller box."""
    return _over(_intersection(boxes1, boxes2), torch.minimum(_area(boxes1)[:, None], _area(boxes2)[None, :]))


def iou_over_area1(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """The intersection is divided by the area of the box in ``boxes1``."""
    return _over(_intersection(boxes1, boxes2), _area(boxes1)[:, None])


def iou_over_area2(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """The intersection is divided by the area of the box in ``boxes2``."""
    return _over(_intersection(boxes1, boxes2), _area(boxes2)[None, :])


def iou_is_dice(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """2 I / (A + B) is returned: the Dice score."""
    return _over(2 * _intersection(boxes1, boxes2), _areas(boxes1, boxes2))


def iou_is_generalized(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """The generalised IoU is returned: the empty part of the enclosing box is subtracted."""
    a, b = boxes1.double(), boxes2.double()
    hull = torch.maximum(a[:, None, 2:], b[None, :, 2:]) - torch.minimum(a[:, None, :2], b[None, :, :2])
    hull_area = hull.prod(2)
    intersection = _intersection(a, b)
    union = _areas(a, b) - intersection
    return intersection / union - (hull_area - union) / hull_area


def iou_reads_xywh(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """The last two columns are taken for width and height."""
    return reference.box_iou(
        *(torch.cat([b[:, :2], b[:, :2] + b[:, 2:]], 1) for b in (boxes1.double(), boxes2.double()))
    )


def iou_reads_xxyy(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """The columns are taken for ``x_min, x_max, y_min, y_max``."""
    return reference.box_iou(boxes1.double()[:, [0, 2, 1, 3]], boxes2.double()[:, [0, 2, 1, 3]])


def iou_transposed(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Rows are ``boxes2``, columns are ``boxes1``."""
    return reference.box_iou(boxes2.double(), boxes1.double())


def iou_nan_without_area(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """0 / 0 is left to be NaN."""
    intersection = _intersection(boxes1, boxes2)
    return intersection / (_areas(boxes1, boxes2) - intersection)


def iou_signed_area(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Inverted boxes have a negative area, so that the union can be 0."""
    area1, area2 = ((b.double()[:, 2:] - b.double()[:, :2]).prod(1) for b in (boxes1, boxes2))
    intersection = _intersection(boxes1, boxes2)
    return intersection / (area1[:, None] + area2[None, :] - intersection)


def iou_repairs_inverted(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """The corners of an inverted box are swapped."""
    ordered = (
        torch.cat([torch.minimum(b[:, :2], b[:, 2:]), torch.maximum(b[:, :2], b[:, 2:])], 1)
        for b in (boxes1.double(), boxes2.double())
    )
    return reference.box_iou(*ordered)


def iou_in_low_precision(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """The areas are computed in the dtype of the boxes, where they overflow or lose digits."""
    size = (
        torch.minimum(boxes1[:, None, 2:], boxes2[None, :, 2:])
        - torch.maximum(boxes1[:, None, :2], boxes2[None, :, :2])
    ).clamp(min=0)
    intersection = size[..., 0] * size[..., 1]
    area1, area2 = ((b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1]) for b in (boxes1, boxes2))
    return (intersection / (area1[:, None] + area2[None, :] - intersection)).float()


def iou_in_integers(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """The quotient of integers is rounded down."""
    return reference.box_iou(boxes1, boxes2).floor()


# ---------------------------------------------------------------------------------------------- matching


def match_many_to_one(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> Matches:
    """One ground truth makes several detections right."""
    iou = _iou(pred_boxes, gt_boxes)
    counts = ~_flags(gt_boxes, gt_ignore)
    tp = _any(iou[:, counts] >= iou_threshold)
    return tp, _any(iou[:, ~counts] >= iou_threshold) & ~tp


def match_in_input_order(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> Matches:
    """Detections are not sorted by score."""
    rank = -torch.arange(len(pred_scores), dtype=torch.float64)
    return reference.match_detections(pred_boxes, rank, gt_boxes, iou_threshold, gt_ignore)


def match_ascending(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> Matches:
    """The least confident detection chooses first."""
    return reference.match_detections(pred_boxes, -pred_scores, gt_boxes, iou_threshold, gt_ignore)


def match_reverses_ties(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> Matches:
    """Of equal scores the later detection chooses first."""
    tp, ignored = reference.match_detections(
        pred_boxes.flip(0), pred_scores.flip(0), gt_boxes, iou_threshold, gt_ignore
    )
    return tp.flip(0), ignored.flip(0)


def match_in_rank_order(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> Matches:
    """The result is in the order of the scores, not of the inputs."""
    tp, ignored = reference.match_detections(pred_boxes, pred_scores, gt_boxes, iou_threshold, gt_ignore)
    order = torch.sort(pred_scores, descending=True, stable=True).indices
    return tp[order], ignored[order]


def match_voc(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> Matches:
    """A detection whose best ground truth is taken is wrong, although another one would do (the rule of VOC)."""

    def choose(row: list[float], taken: set[int]) -> int | None:
        best = max(range(len(row)), key=row.__getitem__, default=None)
        return None if best is None or best in taken or row[best] < iou_threshold else best

    return _greedy(pred_boxes, pred_scores, gt_boxes, iou_threshold, gt_ignore, choose)


def match_first_admissible(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> Matches:
    """A detection takes the first free ground truth that reaches the threshold, not the one it overlaps most."""

    def choose(row: list[float], taken: set[int]) -> int | None:
        return next((g for g, iou in enumerate(row) if g not in taken and iou >= iou_threshold), None)

    return _greedy(pred_boxes, pred_scores, gt_boxes, iou_threshold, gt_ignore, choose)


def match_last_admissible(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> Matches:
    """A detection takes the last free ground truth that reaches the threshold, not the one it overlaps most."""

    def choose(row: list[float], taken: set[int]) -> int | None:
        return next((g for g in reversed(range(len(row))) if g not in taken and row[g] >= iou_threshold), None)

    return _greedy(pred_boxes, pred_scores, gt_boxes, iou_threshold, gt_ignore, choose)


def match_best_overlap_wins(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> Matches:
    """A ground truth goes to the detection that overlaps it most, not to the most confident one."""
    iou = _iou(pred_boxes, gt_boxes)
    counts = ~_flags(gt_boxes, gt_ignore)
    tp = torch.zeros(len(pred_boxes), dtype=torch.bool)
    for g in counts.nonzero().flatten().tolist():
        free = [p for p in range(len(pred_boxes)) if not tp[p] and iou[p, g] >= iou_threshold]
        if free:
            tp[max(free, key=lambda p: float(iou[p, g]))] = True
    return tp, _any(iou[:, ~counts] >= iou_threshold) & ~tp


def match_strictly(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> Matches:
    """The IoU has to be larger than the threshold; equality does not count."""
    above = math.nextafter(iou_threshold, 2.0)
    return reference.match_detections(pred_boxes, pred_scores, gt_boxes, above, gt_ignore)


def match_at_one_half(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> Matches:
    """The threshold is always 0.5."""
    return reference.match_detections(pred_boxes, pred_scores, gt_boxes, 0.5, gt_ignore)


def match_ignored_as_normal(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> Matches:
    """Ignored ground truth is treated like any other."""
    return reference.match_detections(pred_boxes, pred_scores, gt_boxes, iou_threshold)


def match_without_ignored(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> Matches:
    """Ignored ground truth is deleted, so that the detections on it are false positives."""
    return reference.match_detections(pred_boxes, pred_scores, gt_boxes[~_flags(gt_boxes, gt_ignore)], iou_threshold)


def match_absorbs_once(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> Matches:
    """An ignored ground truth excuses only one detection."""
    tp, ignored = reference.match_detections(pred_boxes, pred_scores, gt_boxes, iou_threshold, gt_ignore)
    rest = ~tp
    once = torch.zeros_like(tp)
    once[rest] = reference.match_detections(
        pred_boxes[rest], pred_scores[rest], gt_boxes[_flags(gt_boxes, gt_ignore)], iou_threshold
    )[0]
    return tp, ignored & once


def match_ignored_is_right_too(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> Matches:
    """A detection on ignored ground truth is reported both as a true positive and as ignored."""
    tp, ignored = reference.match_detections(pred_boxes, pred_scores, gt_boxes, iou_threshold, gt_ignore)
    return tp | ignored, ignored


def match_ignored_competes(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> Matches:
    """The largest IoU decides between ground truth that counts and ignored ground truth."""
    iou = _iou(pred_boxes, gt_boxes).tolist()
    flags = _flags(gt_boxes, gt_ignore).tolist()
    tp, ignored = torch.zeros(len(iou), dtype=torch.bool), torch.zeros(len(iou), dtype=torch.bool)
    taken: set[int] = set()
    for p in torch.sort(pred_scores, descending=True, stable=True).indices.tolist():
        admissible = [g for g in range(len(flags)) if g not in taken and iou[p][g] >= iou_threshold]
        if not admissible:
            continue
        best = max(admissible, key=iou[p].__getitem__)
        if flags[best]:
            ignored[p] = True
        else:
            tp[p] = True
            taken.add(best)
    return tp, ignored


# ---------------------------------------------------------------------------------------------- precision and recall


def curve_swapped(tp: Tensor, scores: Tensor, num_gt: int) -> Curve:
    """Precision and recall are swapped."""
    precision, recall = reference.precision_recall(tp, scores, num_gt)
    return recall, precision


def curve_recall_is_precision(tp: Tensor, scores: Tensor, num_gt: int) -> Curve:
    """Recall is divided by TP + FP: the false negatives are missing."""
    precision, _ = reference.precision_recall(tp, scores, num_gt)
    return precision, precision


def curve_of_found(tp: Tensor, scores: Tensor, num_gt: int) -> Curve:
    """Recall is relative to the objects that were found, not to all objects."""
    return reference.precision_recall(tp, scores, int(tp.sum()))


def curve_per_row(tp: Tensor, scores: Tensor, num_gt: int) -> Curve:
    """Each row stands for itself: nothing is added up from the top of the ranking."""
    ranked = _ranked(tp, scores).double()
    return ranked, ranked / num_gt


def curve_divides_by_all_detections(tp: Tensor, scores: Tensor, num_gt: int) -> Curve:
    """Every row of the precision is divided by the number of all detections."""
    _, recall = reference.precision_recall(tp, scores, num_gt)
    return recall * num_gt / max(len(tp), 1), recall


def curve_precision_is_recall(tp: Tensor, scores: Tensor, num_gt: int) -> Curve:
    """False negatives are counted as false positives: precision is TP / (TP + FN)."""
    _, recall = reference.precision_recall(tp, scores, num_gt)
    return recall, recall


def curve_in_input_order(tp: Tensor, scores: Tensor, num_gt: int) -> Curve:
    """Detections are not sorted by score."""
    return reference.precision_recall(tp, -torch.arange(len(tp), dtype=torch.float64), num_gt)


def curve_ascending(tp: Tensor, scores: Tensor, num_gt: int) -> Curve:
    """The least confident detection comes first."""
    return reference.precision_recall(tp, -scores, num_gt)


def curve_reverses_ties(tp: Tensor, scores: Tensor, num_gt: int) -> Curve:
    """Of equal scores the later detection comes first."""
    return reference.precision_recall(tp.flip(0), scores.flip(0), num_gt)


def curve_rows_as_given(tp: Tensor, scores: Tensor, num_gt: int) -> Curve:
    """The curve is right, but its rows are back in the order of the inputs."""
    precision, recall = reference.precision_recall(tp, scores, num_gt)
    rank = torch.sort(torch.sort(scores, descending=True, stable=True).indices).indices
    return precision[rank], recall[rank]


def curve_recall_without_gt_is_zero(tp: Tensor, scores: Tensor, num_gt: int) -> Curve:
    """Without ground truth the recall is 0."""
    precision, recall = reference.precision_recall(tp, scores, num_gt)
    return precision, recall.nan_to_num(0.0)


def curve_recall_without_gt_is_one(tp: Tensor, scores: Tensor, num_gt: int) -> Curve:
    """Without ground truth the recall is 1."""
    precision, recall = reference.precision_recall(tp, scores, num_gt)
    return precision, recall.nan_to_num(1.0)


# ---------------------------------------------------------------------------------------------- average precision


def ap_step(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """The precisions are used as they are, without their envelope."""
    return reference.average_precision(precision, recall, "step")


def ap_envelope(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """The envelope of the precisions is used where the precisions themselves are asked for."""
    return reference.average_precision(precision, recall, "all_points")


def ap_envelope_from_left(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """The envelope takes the best precision so far instead of the best precision from there on."""
    running = precision.cummax(0).values if len(precision) else precision
    return reference.average_precision(running, recall, "step")


def ap_without_first_step(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """The area starts at the first recall instead of at recall 0."""
    return reference.average_precision(precision, recall, method) - float(recall[0] * _heights(precision, method)[0])


def ap_left_heights(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """The height of a step is the precision before it, not the one after it."""
    heights = torch.cat([precision.new_ones(1), precision[:-1]]).double()
    return float((recall.double().diff(prepend=torch.zeros(1, dtype=torch.float64)) * heights).sum())


def ap_trapezoid(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """The points are joined by straight lines (trapezoids), starting at precision 1."""
    return reference.average_precision(precision, recall, "trapezoid")


def ap_trapezoid_of_points(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """The points are joined by straight lines, and the area before the first recall is missing."""
    return float(torch.trapezoid(precision.double(), recall.double()))


def ap_trapezoid_to_one(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """The points are joined by straight lines, and the curve is extended to recall 1, precision 0."""
    p, r = precision.double(), recall.double()
    return float(
        torch.trapezoid(torch.cat([p.new_ones(1), p, p.new_zeros(1)]), torch.cat([r.new_zeros(1), r, r.new_ones(1)]))
    )


def ap_interpolated_to_one(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """The envelope is extended to recall 1, precision 0, and read linearly at 101 points."""
    p = torch.cat([precision.new_ones(1), precision, precision.new_zeros(1)]).double().flip(0).cummax(0).values.flip(0)
    r = torch.cat([recall.new_zeros(1), recall, recall.new_ones(1)]).double()
    heights = []
    for i in range(101):
        x = i / 100
        k = min(int(torch.searchsorted(r, torch.tensor(x, dtype=torch.float64), right=True)), len(r) - 1)
        width = float(r[k] - r[k - 1])
        share = (x - float(r[k - 1])) / width if width > 0 else 1.0
        heights.append(float(p[k - 1]) + share * float(p[k] - p[k - 1]))
    return sum((a + b) / 200 for a, b in pairwise(heights))


def ap_of_found(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """The area is divided by the last recall, as if every object had been found."""
    return reference.average_precision(precision, recall, method) / float(recall[-1])


def ap_is_product(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """Final precision times final recall."""
    return float(precision[-1] * recall[-1])


def ap_is_mean_precision(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """The mean of the column of precisions, whatever the recall does."""
    return float(precision.double().mean())


def ap_is_f1(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """The F1 score of the last row."""
    return float(2 * precision[-1] * recall[-1] / (precision[-1] + recall[-1]))


def ap_eleven_over_ten(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """The sum of 11 values is divided by 10."""
    return reference.average_precision(precision, recall, "11_point") * 11 / 10


def ap_hundred_one_over_hundred(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """The sum of 101 values is divided by 100."""
    return reference.average_precision(precision, recall, "101_point") * 101 / 100


def ap_eleven(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """Eleven points are used whatever the method is."""
    return reference.average_precision(precision, recall, "11_point")


def ap_hundred_one(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """101 points are used whatever the method is."""
    return reference.average_precision(precision, recall, "101_point")


def ap_grid_without_envelope(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """At each grid point the next precision is taken, not the best one from there on."""
    intervals = 100 if method == "101_point" else 10
    heights = []
    for i in range(intervals + 1):
        after = [float(p) for p, r in zip(precision, recall, strict=True) if float(r) >= i / intervals]
        heights.append(after[0] if after else 0.0)
    return sum(heights) / len(heights)


def ap_grid_without_zero(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    """The grid starts at its first step instead of at recall 0."""
    intervals = 100 if method == "101_point" else 10
    best = max(precision.tolist(), default=0.0)
    return (reference.average_precision(precision, recall, method) * (intervals + 1) - best) / intervals


# ---------------------------------------------------------------------------------------------- mean average precision


def map_per_image(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """AP is computed for each image and then averaged."""

    def ap(images: list[tuple[Tensor, Tensor, int]]) -> float:
        return _mean(_ap([image], method) for image in images)

    return _evaluate(preds, targets, iou_thresholds, ap)


def map_unsorted(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """The detections of the images are put one after the other without ranking them by score."""

    def ap(images: list[tuple[Tensor, Tensor, int]]) -> float:
        ranked = []
        for tp, scores, num_gt in images:
            ranked.append((_ranked(tp, scores), scores, num_gt))
        tps = torch.cat([image[0] for image in ranked])
        return _ap([(tps, -torch.arange(len(tps), dtype=torch.float64), sum(image[2] for image in images))], method)

    return _evaluate(preds, targets, iou_thresholds, ap)


def map_ascending(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """The least confident detection comes first in the ranking."""

    def ap(images: list[tuple[Tensor, Tensor, int]]) -> float:
        return _ap([(tp, -scores, num_gt) for tp, scores, num_gt in images], method)

    return _evaluate(preds, targets, iou_thresholds, ap)


def map_skips_images_without_gt(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """Images without any ground truth are skipped, and their false positives with them."""
    kept = [i for i, target in enumerate(targets) if len(target["labels"])]
    return _evaluate([preds[i] for i in kept], [targets[i] for i in kept], iou_thresholds, _plain(method))


def map_skips_images_without_class(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """Images without ground truth of a class are skipped for this class, and their false positives with them."""

    def ap(images: list[tuple[Tensor, Tensor, int]]) -> float:
        return _ap([image for image in images if image[2]], method)

    return _evaluate(preds, targets, iou_thresholds, ap)


def map_absent_class_is_zero(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """A class that has no ground truth counts as AP 0."""

    def ap(images: list[tuple[Tensor, Tensor, int]]) -> float:
        return _ap(images, method) if sum(image[2] for image in images) else 0.0

    return _evaluate(preds, targets, iou_thresholds, ap)


def map_missed_class_is_nan(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """A class with ground truth and no detections is left out of the mean (its AP is NaN)."""

    def ap(images: list[tuple[Tensor, Tensor, int]]) -> float:
        return _ap(images, method) if sum(len(image[0]) for image in images) else math.nan

    return _evaluate(preds, targets, iou_thresholds, ap)


def map_missed_class_is_absent(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """A class with ground truth and no detections is left out of the mean (and out of the result)."""
    return _without_nan(map_missed_class_is_nan(preds, targets, iou_thresholds, method))


def map_ignores_labels_when_matching(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """A detection is matched with ground truth of any class."""
    result: Result = {"ap": {}}
    for threshold in iou_thresholds:
        matched = [
            reference.match_detections(p["boxes"], p["scores"], t["boxes"], threshold, t.get("iscrowd"))
            for p, t in zip(preds, targets, strict=True)
        ]
        for label in _labels(preds, targets):
            images = []
            for pred, target, (tp, ignored) in zip(preds, targets, matched, strict=True):
                kept = (pred["labels"] == label) & ~ignored
                images.append(
                    (tp[kept], pred["scores"][kept], int(((target["labels"] == label) & ~_crowd(target)).sum()))
                )
            result["ap"][(label, threshold)] = _ap(images, method) if sum(i[2] for i in images) else math.nan
    return _summarise(result["ap"], iou_thresholds)


def map_one_curve(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """The detections of all classes are ranked in one curve; classes are not averaged."""
    result = reference.mean_average_precision(preds, targets, iou_thresholds, method)
    values = []
    for threshold in iou_thresholds:
        images = []
        for label in _labels(preds, targets):
            images += _matched(preds, targets, label, threshold)
        values.append(_ap(images, method))
    return {**result, "map": _mean(values)}


def map_weighted_by_gt(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """Classes with more ground truth weigh more in the mean."""
    result = reference.mean_average_precision(preds, targets, iou_thresholds, method)
    count = {c: sum(int((t["labels"] == c).sum()) for t in targets) for c in _labels(preds, targets)}
    total = sum(count.values())
    return {**result, "map": sum(result["map_per_class"][c] * n for c, n in count.items() if n) / total}


def thresholds_to_ninety() -> tuple[float, ...]:
    """The grid of thresholds ends at 0.90: adding 0.05 in floats misses the last one."""
    return reference.COCO_IOU_THRESHOLDS[:-1]


def thresholds_to_one() -> tuple[float, ...]:
    """The grid of thresholds goes to 1.00."""
    return (*reference.COCO_IOU_THRESHOLDS, 1.0)


def map_without_last_threshold(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """The last threshold is left out of the mean."""
    result = reference.mean_average_precision(preds, targets, iou_thresholds, method)
    per_class = {c: _mean(result["ap"][(c, t)] for t in iou_thresholds[:-1]) for c in result["map_per_class"]}
    return {"map": _mean(per_class.values()), "map_per_class": per_class, "ap": result["ap"]}


def map_first_threshold(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """Only the first threshold decides the mean."""
    result = reference.mean_average_precision(preds, targets, iou_thresholds, method)
    per_class = {c: result["ap"][(c, iou_thresholds[0])] for c in result["map_per_class"]}
    return {"map": _mean(per_class.values()), "map_per_class": per_class, "ap": result["ap"]}


def map_at_one_half(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """Detections are matched at IoU 0.5 whatever the threshold is."""
    at_half = reference.mean_average_precision(preds, targets, (0.5,), method)["ap"]
    return _summarise(
        {(c, t): at_half[(c, 0.5)] for c in _labels(preds, targets) for t in iou_thresholds}, iou_thresholds
    )


def map_best_threshold(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """The best threshold is taken instead of the mean over the thresholds."""
    result = reference.mean_average_precision(preds, targets, iou_thresholds, method)
    per_class = {c: max(result["ap"][(c, t)] for t in iou_thresholds) for c in result["map_per_class"]}
    return {"map": _mean(per_class.values()), "map_per_class": per_class, "ap": result["ap"]}


def map_crowd_as_normal(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """Crowd boxes are treated as ground truth that has to be found."""
    plain = [{k: v for k, v in target.items() if k != "iscrowd"} for target in targets]
    return reference.mean_average_precision(preds, plain, iou_thresholds, method)  # type: ignore[return-value]


def map_crowd_deleted(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """Crowd boxes are deleted, so that the detections on them are false positives."""
    kept = [{k: v[~_crowd(target)] for k, v in target.items()} for target in targets]
    return reference.mean_average_precision(preds, kept, iou_thresholds, method)  # type: ignore[return-value]


def map_crowd_counted(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """Crowd boxes still count as objects to be found in the denominator of the recall."""
    ap = {}
    for label in _labels(preds, targets):
        total = sum(int((t["labels"] == label).sum()) for t in targets)
        for threshold in iou_thresholds:
            images = [(tp, scores, 0) for tp, scores, _ in _matched(preds, targets, label, threshold)]
            ap[(label, threshold)] = _ap([(images[0][0], images[0][1], total), *images[1:]], method)
    return _summarise(ap, iou_thresholds)


def map_default_method(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """``method`` has no effect."""
    return reference.mean_average_precision(preds, targets, iou_thresholds, "all_points")  # type: ignore[return-value]


def map_of_nothing_is_zero(
    preds: Images, targets: Images, iou_thresholds: Sequence[float] = (0.5,), method: str = "all_points"
) -> Result:
    """The mean of no class is 0."""
    return {"map": 0.0, "map_per_class": {}, "ap": {}}


# ---------------------------------------------------------------------------------------------- inside


def _counted(labels: Tensor, ignore_index: int | None) -> Tensor:
    return torch.ones_like(labels, dtype=torch.bool) if ignore_index is None else labels.long() != ignore_index


def _ratio(part: Tensor | int, whole: Tensor | int) -> float:
    return float(part) / float(whole) if float(whole) else math.nan


def _over(part: Tensor, whole: Tensor) -> Tensor:
    """Return the quotient, and 0 where there is no denominator."""
    return torch.where(whole == 0, torch.zeros_like(part), part / whole)


def _size(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Return width and height of the intersections, negative for boxes that do not meet: ``(N, M, 2)``."""
    a, b = boxes1.double(), boxes2.double()
    return torch.minimum(a[:, None, 2:], b[None, :, 2:]) - torch.maximum(a[:, None, :2], b[None, :, :2])


def _intersection(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    return _size(boxes1, boxes2).clamp(min=0).prod(2)


def _area(boxes: Tensor) -> Tensor:
    return (boxes.double()[:, 2:] - boxes.double()[:, :2]).clamp(min=0).prod(1)


def _areas(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    return _area(boxes1)[:, None] + _area(boxes2)[None, :]


def _iou(pred_boxes: Tensor, gt_boxes: Tensor) -> Tensor:
    return reference.box_iou(pred_boxes.double(), gt_boxes.double())


def _any(table: Tensor) -> Tensor:
    return table.any(1)


def _flags(gt_boxes: Tensor, gt_ignore: Tensor | None) -> Tensor:
    return torch.zeros(len(gt_boxes), dtype=torch.bool) if gt_ignore is None else gt_ignore.bool()


def _greedy(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float,
    gt_ignore: Tensor | None,
    choose: Callable[[list[float], set[int]], int | None],
) -> Matches:
    """Match in descending score; ``choose`` picks a ground truth from a row of IoUs and the set of taken ones."""
    flags = _flags(gt_boxes, gt_ignore)
    iou = _iou(pred_boxes, gt_boxes)
    rows = iou[:, ~flags].tolist()
    tp = torch.zeros(len(rows), dtype=torch.bool)
    taken: set[int] = set()
    for p in torch.sort(pred_scores, descending=True, stable=True).indices.tolist():
        chosen = choose(rows[p], taken)
        if chosen is not None:
            tp[p] = True
            taken.add(chosen)
    return tp, _any(iou[:, flags] >= iou_threshold) & ~tp


def _ranked(tp: Tensor, scores: Tensor) -> Tensor:
    return tp[torch.sort(scores, descending=True, stable=True).indices]


def _heights(precision: Tensor, method: str) -> Tensor:
    return precision.flip(0).cummax(0).values.flip(0) if method == "all_points" else precision


def _labels(preds: Images, targets: Images) -> list[int]:
    return sorted({int(label) for image in (*preds, *targets) for label in image["labels"].tolist()})


def _crowd(target: dict[str, Tensor]) -> Tensor:
    return target["iscrowd"].bool() if "iscrowd" in target else torch.zeros_like(target["labels"], dtype=torch.bool)


def _matched(preds: Images, targets: Images, label: int, threshold: float) -> list[tuple[Tensor, Tensor, int]]:
    """Return, for one class, ``(tp, scores, num_gt)`` of each image without the ignored detections."""
    images = []
    for pred, target in zip(preds, targets, strict=True):
        p, t = pred["labels"] == label, target["labels"] == label
        crowd, scores = _crowd(target)[t], pred["scores"][p]
        tp, ignored = reference.match_detections(pred["boxes"][p], scores, target["boxes"][t], threshold, crowd)
        images.append((tp[~ignored], scores[~ignored], int((~crowd).sum())))
    return images


def _ap(images: Sequence[tuple[Tensor, Tensor, int]], method: str) -> float:
    num_gt = sum(image[2] for image in images)
    if num_gt == 0:
        return math.nan
    tp, scores = torch.cat([image[0] for image in images]), torch.cat([image[1].double() for image in images])
    return reference.average_precision(*reference.precision_recall(tp, scores, num_gt), method)


def _plain(method: str) -> Callable[[list[tuple[Tensor, Tensor, int]]], float]:
    return lambda images: _ap(images, method)


def _evaluate(
    preds: Images,
    targets: Images,
    iou_thresholds: Sequence[float],
    ap: Callable[[list[tuple[Tensor, Tensor, int]]], float],
) -> Result:
    table = {(c, t): ap(_matched(preds, targets, c, t)) for c in _labels(preds, targets) for t in iou_thresholds}
    return _summarise(table, iou_thresholds)


def _summarise(ap: dict[tuple[int, float], float], iou_thresholds: Sequence[float]) -> Result:
    labels = sorted({c for c, _ in ap})
    per_class = {c: sum(ap[(c, t)] for t in iou_thresholds) / len(iou_thresholds) for c in labels}
    return {"map": _mean(per_class.values()), "map_per_class": per_class, "ap": ap}


def _mean(values: Iterable[float]) -> float:
    """Return the mean of what is not NaN."""
    numbers = [value for value in values if not math.isnan(value)]
    return sum(numbers) / len(numbers) if numbers else math.nan


def _without_nan(result: Result) -> Result:
    return {
        "map": result["map"],
        "map_per_class": {c: v for c, v in result["map_per_class"].items() if not math.isnan(v)},
        "ap": {k: v for k, v in result["ap"].items() if not math.isnan(v)},
    }
