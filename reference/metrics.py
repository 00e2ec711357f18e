r"""Metrics of the lecture: pixel accuracy, IoU, matching, precision and recall, AP and mAP.

Reading order: boxes overlap (``box_iou``), overlaps decide which detection found which object (``match_detections``),
the ranked decisions draw a curve (``precision_recall``), the curve has an area (``average_precision``), and the areas
of all classes are averaged (``mean_average_precision``).

Numbers are computed in float64 on the device of the inputs. Inputs are never changed and may be non-contiguous.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TypedDict

import torch
from torch import Tensor

COCO_IOU_THRESHOLDS = tuple(i / 100 for i in range(50, 100, 5))
"""The ten thresholds 0.5, 0.55, ..., 0.95. Counted in integers: adding 0.05 in floats drops or shifts the last one."""

AP_METHODS = ("step", "all_points", "11_point", "101_point", "trapezoid")


class MeanAveragePrecision(TypedDict):
    """What ``mean_average_precision`` returns."""

    map: float
    map_per_class: dict[int, float]
    ap: dict[tuple[int, float], float]


def pixel_accuracy(pred: Tensor, target: Tensor, ignore_index: int | None = None) -> float:
    r"""Return the fraction of pixels whose predicted label is the true label.

    .. math:: \frac{|\{p : \hat y_p = y_p,\ y_p \ne \text{ignore}\}|}{|\{p : y_p \ne \text{ignore}\}|}

    With two classes this is :math:`(TP + TN) / (TP + TN + FP + FN)`.

    Args:
        pred: any shape, integer or bool, predicted labels (not logits).
        target: same shape, integer or bool, true labels.
        ignore_index: pixels with this *target* label are not counted; any integer, also one outside the dtype's range.

    Returns:
        A float in ``[0, 1]``; NaN if no pixel counts (empty input, or everything ignored).

    Raises:
        ValueError: if the shapes differ; nothing is broadcast.

    Note:
        A prediction equal to ``ignore_index`` on a pixel that counts is simply wrong. Pixels are pooled: over a batch,
        this is not the mean of the images' accuracies once images have different numbers of ignored pixels.

    Example:
        >>> pixel_accuracy(torch.tensor([[0, 1], [1, 1]]), torch.tensor([[0, 1], [0, 255]]))
        0.5
        >>> pixel_accuracy(torch.tensor([[0, 1], [1, 0]]), torch.tensor([[0, 1], [0, 255]]), ignore_index=255) == 2 / 3
        True
    """
    _check_shape("pixel_accuracy", pred, tuple(target.shape), "pred and target hold one label per pixel.")
    # In int64, because a uint8 mask compared with -100 is compared with 156.
    pred, target = (labels if labels.is_floating_point() else labels.to(torch.int64) for labels in (pred, target))
    counted = torch.ones_like(target, dtype=torch.bool) if ignore_index is None else target != ignore_index
    correct = (pred == target) & counted
    num_counted = int(counted.sum())
    return int(correct.sum()) / num_counted if num_counted else math.nan


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    r"""Return the intersection over union of every pair of boxes.

    .. math:: \text{IoU}(A, B) = \frac{|A \cap B|}{|A \cup B|} = \frac{|A \cap B|}{|A| + |B| - |A \cap B|}

    Args:
        boxes1: ``(N, 4)`` float, integer or bool, ``xyxy``, any unit.
        boxes2: ``(M, 4)``, same format, unit and device; its dtype may differ.

    Returns:
        ``(N, M)`` in ``[0, 1]``, rows are ``boxes1``: float64 if one of the inputs is float64, else float32 (also for
        float16, bfloat16 and integers). An empty set gives ``(0, M)`` or ``(N, 0)``.

    Raises:
        ValueError: if an input is not of shape ``(N, 4)``; an empty set is ``(0, 4)``, not ``(0,)``.

    Note:
        Coordinates are continuous (no ``+ 1``). An inverted box (``x2 < x1``) has width 0, hence area 0: it is silently
        empty. A union of area 0 gives IoU 0, not NaN. Coordinates are assumed finite.

    References:
        Everingham, Van Gool, Williams, Winn and Zisserman, "The PASCAL Visual Object Classes (VOC) Challenge",
        International Journal of Computer Vision 88(2), 303-338, 2010 (the overlap :math:`a_o`).

    Example:
        >>> box_iou(torch.tensor([[0., 0., 2., 2.]]), torch.tensor([[1., 0., 3., 2.], [2., 0., 4., 2.]]))
        tensor([[0.3333, 0.0000]])
    """
    _check_boxes("box_iou", "boxes1", boxes1)
    _check_boxes("box_iou", "boxes2", boxes2)
    dtype = torch.float64 if torch.float64 in (boxes1.dtype, boxes2.dtype) else torch.float32
    boxes1, boxes2 = boxes1.to(torch.float64), boxes2.to(torch.float64)  # 300 x 300 overflows float16
    top_left = torch.maximum(boxes1[:, None, :2], boxes2[None, :, :2])  # (N, M, 2)
    bottom_right = torch.minimum(boxes1[:, None, 2:], boxes2[None, :, 2:])  # (N, M, 2)
    intersection = (bottom_right - top_left).clamp(min=0).prod(dim=2)  # (N, M)
    union = _area(boxes1)[:, None] + _area(boxes2)[None, :] - intersection  # (N, M)
    iou = torch.where(union > 0, intersection / union.where(union > 0, 1.0), 0.0)  # (N, M)
    return iou.to(dtype)


def match_detections(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Decide which detections of one class in one image are true positives.

    In order of descending score, each detection takes, among the true boxes that nobody took yet and whose IoU with it
    is :math:`\ge` ``iou_threshold``, the one with the largest IoU. It is then a true positive, otherwise false.

    Args:
        pred_boxes: ``(N, 4)`` ``xyxy``, the detections.
        pred_scores: ``(N,)``, their confidences.
        gt_boxes: ``(M, 4)`` ``xyxy``, the true boxes.
        iou_threshold: in ``[0, 1]``; an IoU equal to it counts.
        gt_ignore: ``(M,)`` bool, or integer 0 and 1: true boxes that neither reward nor punish (COCO's crowds).

    Returns:
        ``(tp, ignored)``, both ``(N,)`` bool on the device of ``pred_boxes``, in the order of the inputs. Never both
        true; both false is a false positive.

    Raises:
        ValueError: if boxes are not ``(N, 4)``, if ``pred_scores`` or ``gt_ignore`` do not have one value per box, or
            if ``iou_threshold`` lies outside ``[0, 1]``.

    Note:
        Ties: equal scores keep the order of the inputs; of equal IoUs the lower true box is taken (pycocotools takes
        the later one). True boxes that count come first: an ignored box is considered only when no free true box
        reaches the threshold, and it may absorb any number of detections. The IoU with an ignored box is the ordinary
        one (COCO divides by the area of the detection for a crowd). IoUs are compared in float64. With
        ``iou_threshold=0`` disjoint boxes match. There is no cap on the number of detections.
        Deviations: the lecture and the VOC paper write ``>`` (the VOC development kit and COCO use ``>=``); VOC also
        calls a detection false when its best true box is taken, even if another one would do.

    References:
        Everingham et al. 2010 (see ``box_iou``): ranked assignment, duplicates are false positives. Lin, Maire,
        Belongie, Hays, Perona, Ramanan, Dollár and Zitnick, "Microsoft COCO: Common Objects in Context", ECCV 2014; the
        rule itself is ``COCOeval.evaluateImg`` in pycocotools.

    Example:
        Two detections of one object: the more confident one gets it, though the other overlaps it better.

        >>> gt_boxes = torch.tensor([[0., 0., 10., 10.]])
        >>> pred_boxes = torch.tensor([[0., 0., 10., 10.], [0., 0., 10., 8.]])
        >>> match_detections(pred_boxes, torch.tensor([0.7, 0.9]), gt_boxes)
        (tensor([False,  True]), tensor([False, False]))
    """
    subject = "match_detections"
    _check_boxes(subject, "pred_boxes", pred_boxes)
    _check_boxes(subject, "gt_boxes", gt_boxes)
    num_preds, num_gt = len(pred_boxes), len(gt_boxes)
    _check_shape(subject, pred_scores, (num_preds,), "pred_scores holds one score per row of pred_boxes.")
    if gt_ignore is not None:
        _check_shape(subject, gt_ignore, (num_gt,), "gt_ignore holds one flag per row of gt_boxes.")
    _check_threshold(subject, iou_threshold)

    iou = box_iou(pred_boxes.detach().to(torch.float64), gt_boxes.detach().to(torch.float64)).tolist()  # N lists of M
    is_ignored = [False] * num_gt if gt_ignore is None else gt_ignore.to(torch.bool).tolist()
    free = [g for g in range(num_gt) if not is_ignored[g]]
    absorbing = [g for g in range(num_gt) if is_ignored[g]]
    tp, ignored = [False] * num_preds, [False] * num_preds
    for p in _rank(pred_scores).tolist():
        admissible = [g for g in free if iou[p][g] >= iou_threshold]
        if admissible:
            free.remove(max(admissible, key=iou[p].__getitem__))  # max returns the first of equals
            tp[p] = True
        else:
            ignored[p] = any(iou[p][g] >= iou_threshold for g in absorbing)
    device = pred_boxes.device
    return torch.tensor(tp, dtype=torch.bool, device=device), torch.tensor(ignored, dtype=torch.bool, device=device)


def precision_recall(tp: Tensor, scores: Tensor, num_gt: int) -> tuple[Tensor, Tensor]:
    r"""Return precision and recall after each detection, from the most to the least confident.

    .. math:: P_i = \frac{TP_i}{TP_i + FP_i} = \frac{TP_i}{i}, \qquad R_i = \frac{TP_i}{\text{num\_gt}}

    where :math:`TP_i` and :math:`FP_i` count the true and false positives among the first :math:`i` ranks.

    Args:
        tp: ``(N,)`` bool, or integer 0 and 1: is this detection a true positive? Ignored detections are left out first.
        scores: ``(N,)``, confidences, in the same order as ``tp`` (which need not be sorted).
        num_gt: number of true boxes of the class in *all* images, found or not, without the ignored ones.

    Returns:
        ``(precision, recall)``, both ``(N,)`` float64 on the device of ``tp``, rows ordered by descending score; equal
        scores keep the order of the inputs.

    Raises:
        ValueError: if ``tp`` is not 1-D, if the lengths differ, or if ``num_gt`` is negative.

    Note:
        Without true boxes (``num_gt=0``) recall is NaN and precision is still defined. Without detections both are
        empty. More true positives than ``num_gt`` are not refused: recall then exceeds 1, which shows the mistake.

    References:
        Everingham et al. 2010 (see ``box_iou``).

    Example:
        The lecture's table: six detections, five tables.

        >>> tp = torch.tensor([True, True, False, False, False, True])
        >>> precision, recall = precision_recall(tp, torch.tensor([0.9, 0.8, 0.79, 0.6, 0.5, 0.4]), num_gt=5)
        >>> [round(p, 2) for p in precision.tolist()]
        [1.0, 1.0, 0.67, 0.5, 0.4, 0.5]
        >>> recall.tolist()
        [0.2, 0.4, 0.4, 0.4, 0.4, 0.6]
    """
    subject = "precision_recall"
    _check_shape(subject, tp, (tp.numel(),), "tp holds one flag per detection.")
    _check_shape(subject, scores, (len(tp),), "scores holds one score per detection.")
    if num_gt < 0:
        raise ValueError(f"{subject}: expected num_gt >= 0, got {num_gt}. It counts the true boxes of the class.")
    cumulative_tp = tp[_rank(scores)].to(torch.int64).cumsum(dim=0).to(torch.float64)  # (N,)
    rank = torch.arange(1, len(tp) + 1, dtype=torch.float64, device=tp.device)  # (N,)
    # A tensor as divisor: CUDA divides by a Python number through its reciprocal, and 3 * (1 / 5) is not 3 / 5.
    total = torch.full_like(rank, num_gt or math.nan)  # (N,)
    return cumulative_tp / rank, cumulative_tp / total


def average_precision(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    r"""Return the area under a precision-recall curve, by one of five conventions.

    With :math:`R_0 = 0` and the envelope :math:`P_{\text{interp}}(r) = \max_{R_j \ge r} P_j`, 0 if no recall reaches r:

    ============== ============================================================ =====================================
    ``step``       :math:`\sum_n (R_n - R_{n-1})\, P_n`                         scikit-learn
    ``all_points`` :math:`\sum_n (R_n - R_{n-1})\, P_{\text{interp}}(R_n)`      VOC since 2010
    ``11_point``   mean of :math:`P_{\text{interp}}(r)`, r = 0, 0.1, ..., 1     VOC until 2009
    ``101_point``  mean of :math:`P_{\text{interp}}(r)`, r = 0, 0.01, ..., 1    COCO
    ``trapezoid``  :math:`\sum_n (R_n - R_{n-1})\, (P_{n-1} + P_n) / 2`         a common mistake; :math:`P_0 = 1`
    ============== ============================================================ =====================================

    Args:
        precision: ``(N,)``, in rank order, as ``precision_recall`` returns it.
        recall: ``(N,)``, same order, never decreasing.
        method: one of the names above.

    Returns:
        A float, in ``[0, 1]`` if recall is; 0.0 for an empty curve; NaN if precision or recall contains NaN.

    Raises:
        ValueError: if the inputs are not 1-D of one length, if ``recall`` decreases, or if ``method`` is unknown.

    Note:
        No sum goes beyond the last recall reached: the rest of the area is 0, nothing is extrapolated to recall 1.
        An empty curve is 0.0: nothing was detected, and whether there was anything to find is not visible here.
        The grids are the fractions i/10 and i/100: a recall of 3/5 reaches 0.6, though ``np.arange(0, 1.1, 0.1)[6]`` is
        0.6000000000000001. A recall within one machine epsilon (of its own dtype) below a grid point reaches it.
        Linear interpolation between the points of the curve (``trapezoid``) promises precisions that no threshold
        attains.

    References:
        Everingham et al. 2010 (see ``box_iou``): 11 points. ``VOCap.m`` of the VOC 2010 development kit: all points.
        ``COCOeval.accumulate`` in pycocotools: 101 points. scikit-learn user guide, "Precision, recall and F-measures":
        steps.

    Example:
        The lecture's table: 0.2 + 0.2 at precision 1, then 0.2 at precision 0.5.

        >>> precision = torch.tensor([1, 1, 2 / 3, 1 / 2, 2 / 5, 1 / 2])
        >>> recall = torch.tensor([0.2, 0.4, 0.4, 0.4, 0.4, 0.6])
        >>> {method: round(average_precision(precision, recall, method), 4) for method in AP_METHODS}
        {'step': 0.5, 'all_points': 0.5, '11_point': 0.5455, '101_point': 0.505, 'trapezoid': 0.49}
    """
    subject = "average_precision"
    _check_shape(subject, recall, (recall.numel(),), "recall holds one value per detection.")
    _check_shape(subject, precision, (len(recall),), "precision holds one value per row of recall.")
    _check_method(subject, method)
    epsilon = torch.finfo(recall.dtype).eps if recall.is_floating_point() else 0.0
    precision, recall = precision.detach().to(torch.float64), recall.detach().to(torch.float64)  # (N,), (N,)
    if precision.isnan().any() or recall.isnan().any():
        return math.nan
    if (recall.diff() < 0).any():
        raise ValueError(f"{subject}: expected recall in rank order, got one that decreases. Most confident first.")
    if len(recall) == 0:
        return 0.0

    if method in ("11_point", "101_point"):
        intervals = 10 if method == "11_point" else 100
        grid = [i / intervals for i in range(intervals + 1)]
        levels = torch.tensor(grid, dtype=torch.float64, device=recall.device)  # (L,)
        reached = recall[None, :] >= levels[:, None] - epsilon  # (L, N)
        return float(torch.where(reached, precision, 0.0).amax(dim=1).mean())  # (L, N) -> (L,) -> ()

    width = recall.diff(prepend=recall.new_zeros(1))  # (N,)
    if method == "all_points":
        height = precision.flip(0).cummax(dim=0).values.flip(0)  # (N,) the best precision from here on
    elif method == "trapezoid":
        height = (torch.cat([precision.new_ones(1), precision[:-1]]) + precision) / 2  # (N,)
    else:
        height = precision  # (N,)
    return float((width * height).sum())


def mean_average_precision(
    preds: Sequence[Mapping[str, Tensor]],
    targets: Sequence[Mapping[str, Tensor]],
    iou_thresholds: Sequence[float] = (0.5,),
    method: str = "all_points",
) -> MeanAveragePrecision:
    r"""Return the mean over classes, then over IoU thresholds, of the average precision.

    .. math:: \text{mAP} = \frac{1}{|T|} \sum_{t \in T} \frac{1}{|C|} \sum_{c \in C} \text{AP}_{c,t}, \qquad
        C = \{c : \text{some image has a true box of class } c\}

    Detections are matched per class and per image; the detections of all images are then ranked together.

    Args:
        preds: one dict per image: ``boxes`` ``(N, 4)`` ``xyxy``, ``scores`` ``(N,)``, ``labels`` ``(N,)`` integer.
        targets: one dict per image, in the same order: ``boxes`` ``(M, 4)``, ``labels`` ``(M,)`` and, optionally,
            ``iscrowd`` ``(M,)``, bool or integer 0 and 1, the true boxes to ignore.
        iou_thresholds: at least one number in ``[0, 1]``; ``COCO_IOU_THRESHOLDS`` for COCO's mAP.
        method: as in ``average_precision``.

    Returns:
        ``map``, a float; ``map_per_class``, ``{label: mean over thresholds}``; ``ap``, ``{(label, threshold): AP}``.
        Both dicts list every label of ``preds`` and ``targets``, ascending.

    Raises:
        ValueError: if the numbers of images differ, a dict lacks a key, boxes are not ``(N, 4)``, scores, labels or
            ``iscrowd`` do not have one value per box, ``iou_thresholds`` is empty or leaves ``[0, 1]``, or ``method``
            is unknown.

    Note:
        A class with true boxes and no detections has AP 0. A class without true boxes that count (only detections, or
        only crowds) has AP NaN and is left out of the mean. If no class is left, or there is no image, mAP is NaN
        (torchmetrics and pycocotools say -1). An image without true boxes still contributes its false positives.
        Equal scores rank by image, then by position. At most 100 detections per image is COCO's rule, not ours.

    References:
        Everingham et al. 2010 (see ``box_iou``); Lin et al. 2014 (see ``match_detections``).

    Example:
        Class 1 is found, class 2 is missed, class 3 is invented: the mean of 1 and 0.

        >>> box = torch.tensor([[0., 0., 10., 10.]])
        >>> preds = [dict(boxes=box.repeat(2, 1), scores=torch.tensor([0.9, 0.8]), labels=torch.tensor([1, 3]))]
        >>> targets = [dict(boxes=box.repeat(2, 1), labels=torch.tensor([1, 2]))]
        >>> mean_average_precision(preds, targets)["map_per_class"]
        {1: 1.0, 2: 0.0, 3: nan}
        >>> mean_average_precision(preds, targets)["map"]
        0.5
    """
    subject = "mean_average_precision"
    if len(preds) != len(targets):
        raise ValueError(f"{subject}: expected {len(preds)} targets, got {len(targets)}. One dict per image in both.")
    if len(iou_thresholds) == 0:
        raise ValueError(f"{subject}: expected at least one IoU threshold, got none. The default is (0.5,).")
    for iou_threshold in iou_thresholds:
        _check_threshold(subject, iou_threshold)
    _check_method(subject, method)
    for i, (pred, target) in enumerate(zip(preds, targets, strict=True)):
        _check_image(subject, f"preds[{i}]", pred, ("boxes", "scores", "labels"))
        _check_image(subject, f"targets[{i}]", target, ("boxes", "labels"))

    labels = sorted({int(label) for image in (*preds, *targets) for label in image["labels"].tolist()})
    ap = {(c, t): _class_ap(preds, targets, c, t, method) for c in labels for t in iou_thresholds}
    map_per_class = {c: fmean(ap[c, t] for t in iou_thresholds) for c in labels}
    # Every threshold sees the same classes, so the two means may be taken in either order.
    present = [value for value in map_per_class.values() if not math.isnan(value)]
    return {"map": fmean(present) if present else math.nan, "map_per_class": map_per_class, "ap": ap}


def _class_ap(
    preds: Sequence[Mapping[str, Tensor]],
    targets: Sequence[Mapping[str, Tensor]],
    label: int,
    iou_threshold: float,
    method: str,
) -> float:
    """Return the AP of one class at one threshold over all images; NaN without a true box that counts."""
    num_gt, tps, scores = 0, [], []
    for pred, target in zip(preds, targets, strict=True):
        of_class, gt_of_class = pred["labels"] == label, target["labels"] == label  # (N,), (M,)
        is_crowd = target["iscrowd"].to(torch.bool) if "iscrowd" in target else torch.zeros_like(gt_of_class)  # (M,)
        gt_ignore = is_crowd[gt_of_class]
        num_gt += int((~gt_ignore).sum())
        image_scores = pred["scores"][of_class]
        tp, ignored = match_detections(
            pred["boxes"][of_class], image_scores, target["boxes"][gt_of_class], iou_threshold, gt_ignore
        )
        tps.append(tp[~ignored])
        scores.append(image_scores[~ignored])
    if num_gt == 0:
        return math.nan
    return average_precision(*precision_recall(torch.cat(tps), torch.cat(scores), num_gt), method)


def _area(boxes: Tensor) -> Tensor:
    """Return the areas ``(N,)`` of ``(N, 4)`` xyxy boxes; an inverted side has length 0."""
    return (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1)  # (N,)


def _rank(scores: Tensor) -> Tensor:
    """Return the indices ``(N,)`` that sort scores in descending order, the lower index first among equals."""
    return torch.sort(scores, descending=True, stable=True).indices  # (N,)


def _check_shape(subject: str, tensor: Tensor, expected: tuple[int, ...], hint: str) -> None:
    if tuple(tensor.shape) != expected:
        raise ValueError(f"{subject}: expected shape {expected}, got {tuple(tensor.shape)}. {hint}")


def _check_boxes(subject: str, name: str, boxes: Tensor) -> None:
    if boxes.dim() != 2 or boxes.shape[1] != 4:
        hint = f"{name} holds one box per row: x1, y1, x2, y2."
        raise ValueError(f"{subject}: expected shape (N, 4), got {tuple(boxes.shape)}. {hint}")


def _check_threshold(subject: str, iou_threshold: float) -> None:
    if not 0 <= iou_threshold <= 1:
        raise ValueError(f"{subject}: expected an IoU threshold in [0, 1], got {iou_threshold}. The usual one is 0.5.")


def _check_method(subject: str, method: str) -> None:
    if method not in AP_METHODS:
        raise ValueError(f"{subject}: expected a method of {', '.join(AP_METHODS)}, got {method!r}. See the table.")


def _check_image(subject: str, name: str, image: Mapping[str, Tensor], keys: tuple[str, ...]) -> None:
    if not set(keys) <= image.keys():
        raise ValueError(f"{subject}: expected keys {', '.join(keys)} in {name}, got {', '.join(image)}.")
    _check_boxes(subject, f"{name}['boxes']", image["boxes"])
    for key in (*keys[1:], "iscrowd"):
        if key in image:
            hint = f"{name}['{key}'] holds one value per box."
            _check_shape(subject, image[key], (len(image["boxes"]),), hint)
