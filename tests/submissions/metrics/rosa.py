"""Lab 6, handed in as a script."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def pixel_accuracy(pred: Tensor, target: Tensor, ignore_index: int | None = None) -> float:
    r"""Return the fraction of counted pixels whose predicted class is right.

    Args:
        pred: any shape, bool or any integer dtype, class of each pixel.
        target: same shape as ``pred``, bool or any integer dtype (it may differ
            from that of ``pred``), true class of each pixel.
        ignore_index: pixels whose *target* has this value are not counted at all,
            whatever was predicted there; ``None`` counts every pixel. The value
            need not fit into the dtype of ``target``: -1 with a uint8 target
            ignores nothing.

    Returns:
        A Python float in ``[0, 1]``; NaN if no pixel is left to count.

    Raises:
        ValueError: if the shapes differ (they are not broadcast).

    Note:
        Inputs must not be changed, may be non-contiguous and may live on any device.
        Counts are exact: a half precision sum would overflow.
        Not available in grading: torchvision.ops, torchmetrics, sklearn, pycocotools.

    Example:
        >>> pixel_accuracy(torch.tensor([1, 0, 0, 2]), torch.tensor([1, 0, 1, 2]))
        0.75
    """
    if pred.shape != target.shape:
        raise ValueError("pred and target must have the same shape")
    keep = torch.ones(target.shape, dtype=torch.bool, device=target.device)
    if ignore_index is not None:
        keep = target.to(torch.int64) != ignore_index
    if keep.sum() == 0:
        return float("nan")
    right = pred == target
    return (right & keep).sum().item() / keep.sum().item()


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    r"""Return the intersection over union of every pair of boxes.

    .. math:: \mathrm{IoU}(A, B) = |A \cap B| \,/\, (|A| + |B| - |A \cap B|)

    Args:
        boxes1: ``(P, 4)`` in ``xyxy`` format; any integer dtype, float16, bfloat16,
            float32 or float64.
        boxes2: ``(G, 4)``, same format and device; the dtype may differ.

    Returns:
        ``(P, G)`` in ``[0, 1]``, entry ``(i, j)`` for ``boxes1[i]`` and ``boxes2[j]``:
        float64 if one of the inputs is float64, otherwise float32 (also for integer
        and half precision boxes, whose areas are computed in that dtype too). It
        lives on the inputs' device. An empty set gives ``(0, G)``, ``(P, 0)`` or
        ``(0, 0)``.

    Raises:
        ValueError: if a tensor is not 2-D or its last dimension is not 4.

    Note:
        Coordinates are continuous: width ``x2 - x1``, no ``+ 1``. Boxes that only
        touch have IoU 0. An inverted box (``x2 < x1`` or ``y2 < y1``) is allowed:
        that width or height is 0. Where the union is 0 the IoU is 0, not NaN.
        Inputs must not be changed and may be non-contiguous. No constants on the CPU.
        Not available in grading: torchvision.ops, torchmetrics, sklearn, pycocotools.

    Example:
        >>> box_iou(torch.tensor([[0, 0, 2, 2]]), torch.tensor([[1, 0, 3, 2]]))
        tensor([[0.3333]])
    """
    if boxes1.dim() != 2 or boxes2.dim() != 2 or boxes1.shape[1] != 4 or boxes2.shape[1] != 4:
        raise ValueError("boxes must have the shape (N, 4)")
    dtype = torch.promote_types(torch.promote_types(boxes1.dtype, boxes2.dtype), torch.float32)
    a = boxes1.to(dtype)
    b = boxes2.to(dtype)
    ax1, ay1, ax2, ay2 = a[:, None, :].unbind(-1)
    bx1, by1, bx2, by2 = b[None, :, :].unbind(-1)
    w = (torch.min(ax2, bx2) - torch.max(ax1, bx1)).clamp(min=0)
    h = (torch.min(ay2, by2) - torch.max(ay1, by1)).clamp(min=0)
    inter = w * h
    area_a = (ax2 - ax1).clamp(min=0) * (ay2 - ay1).clamp(min=0)
    area_b = (bx2 - bx1).clamp(min=0) * (by2 - by1).clamp(min=0)
    union = area_a + area_b - inter
    iou = inter / union
    iou[union == 0] = 0
    return iou


def match_detections(
    pred_boxes: Tensor,
    pred_scores: Tensor,
    gt_boxes: Tensor,
    iou_threshold: float = 0.5,
    gt_ignore: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Return which detections of one class in one image are true positives.

    The detections take their turn by descending score; equal scores in the order of
    the input. On its turn a detection

    1. takes, among the ground truth that counts and is still free, the box with the
       largest IoU ``>= iou_threshold`` (equal IoUs: the lower index) and is a true
       positive; or, if there is none,
    2. is *ignored* if its IoU with some ignored ground truth is ``>= iou_threshold``;
       it does not use that box up, so several detections may be ignored for the same
       one; or, failing that too,
    3. is a false positive.

    Args:
        pred_boxes: ``(N, 4)`` in ``xyxy`` format, any dtype that ``box_iou`` accepts.
        pred_scores: ``(N,)`` confidence, higher is surer; any real dtype.
        gt_boxes: ``(G, 4)``, same format and device.
        iou_threshold: in ``[0, 1]``; reached means ``>=``, compared in the dtype of
            ``box_iou``'s result (an IoU of 7/10 in float32 reaches 0.7).
        gt_ignore: ``(G,)`` bool, True for ground truth that does not count (a crowd);
            ``None``: everything counts.

    Returns:
        ``(tp, ignored)``, each ``(N,)`` bool, in the order of the input detections,
        on the inputs' device. Never both True; both False is a false positive.

    Raises:
        ValueError: if ``pred_boxes`` and ``pred_scores`` differ in length, or
            ``gt_boxes`` and ``gt_ignore`` do, or ``iou_threshold`` is outside [0, 1].

    Note:
        Each ground truth box is taken at most once, also if it is listed twice: then
        each copy can be taken. The IoU with an ignored box is the ordinary IoU. No
        limit on the number of detections. ``N = 0`` gives two tensors of shape
        ``(0,)``; ``G = 0`` makes every detection a false positive.
        Inputs must not be changed and may be non-contiguous.
        Not available in grading: torchvision.ops, torchmetrics, sklearn, pycocotools.

    Example:
        >>> chair = torch.tensor([[0, 0, 10, 20]])
        >>> twice = torch.tensor([[0, 0, 10, 18], [0, 0, 10, 20]])
        >>> match_detections(twice, torch.tensor([0.9, 0.8]), chair)
        (tensor([ True, False]), tensor([False, False]))
    """
    n, m = len(pred_boxes), len(gt_boxes)
    if len(pred_scores) != n:
        raise ValueError("one score per box")
    if gt_ignore is not None and len(gt_ignore) != m:
        raise ValueError("one flag per box")
    if not 0 <= iou_threshold <= 1:
        raise ValueError("threshold outside [0, 1]")
    crowd = [False] * m if gt_ignore is None else gt_ignore.tolist()
    ious = box_iou(pred_boxes, gt_boxes).tolist()
    order = torch.sort(pred_scores, descending=True, stable=True)[1].tolist()
    taken = set()
    tp = torch.zeros(n, dtype=torch.bool, device=pred_boxes.device)
    ignored = torch.zeros_like(tp)
    for d in order:
        best, best_iou = None, -1.0
        for g in range(m):
            if crowd[g] or g in taken:
                continue
            if ious[d][g] >= iou_threshold and ious[d][g] > best_iou:
                best, best_iou = g, ious[d][g]
        if best is not None:
            taken.add(best)
            tp[d] = True
        elif any(crowd[g] and ious[d][g] >= iou_threshold for g in range(m)):
            ignored[d] = True
    return tp, ignored


def precision_recall(tp: Tensor, scores: Tensor, num_gt: int) -> tuple[Tensor, Tensor]:
    r"""Return precision and recall after each row of the ranking.

    .. math:: P_i = TP_i / (TP_i + FP_i), \qquad R_i = TP_i / \mathrm{num\_gt}

    with :math:`TP_i, FP_i` the true and false positives among the first ``i`` rows.

    Args:
        tp: ``(N,)`` bool, True for a true positive, False for a false positive. The
            caller has removed ignored detections before.
        scores: ``(N,)`` confidence of the same detections; any real dtype. The input
            need not be sorted.
        num_gt: number of ground truth boxes that count, found or not, ``>= 0``.

    Returns:
        ``(precision, recall)``, each ``(N,)``, rows by descending score, equal scores
        in the order of the input. float64 if ``scores`` is float64, otherwise float32
        (also for float16, bfloat16 and integer scores). On the inputs' device.

    Raises:
        ValueError: if ``tp`` and ``scores`` differ in length or ``num_gt < 0``.

    Note:
        ``N = 0`` gives two tensors of shape ``(0,)``. ``num_gt = 0`` makes every
        recall NaN, and the precision stays what it is.
        Inputs must not be changed and may be non-contiguous.
        Not available in grading: torchvision.ops, torchmetrics, sklearn, pycocotools.

    Example:
        >>> tp, scores = torch.tensor([False, True]), torch.tensor([0.3, 0.9])
        >>> precision_recall(tp, scores, num_gt=4)
        (tensor([1.0000, 0.5000]), tensor([0.2500, 0.2500]))
    """
    if len(tp) != len(scores) or num_gt < 0:
        raise ValueError("lengths differ, or num_gt is negative")
    order = torch.sort(scores, descending=True, stable=True).indices
    dtype = torch.float64 if scores.dtype == torch.float64 else torch.float32
    hits = tp[order].to(dtype)
    tps = torch.cumsum(hits, 0)
    fps = torch.cumsum(1 - hits, 0)
    precision = tps / (tps + fps)
    if num_gt == 0:
        return precision, torch.full_like(precision, float("nan"))
    recall = tps / num_gt
    return precision, recall


def average_precision(precision: Tensor, recall: Tensor, method: str = "all_points") -> float:
    r"""Return the average precision of one ranking.

    With the rows :math:`(P_1, R_1), \dots, (P_N, R_N)` in ranking order, so that the
    recall never falls, :math:`R_0 = 0`, and the envelope
    :math:`E(r) = \max \{P_n : R_n \ge r\}`, which is 0 beyond the last recall:

    - ``'step'``: :math:`\sum_n (R_n - R_{n-1}) P_n`
    - ``'all_points'``: :math:`\sum_n (R_n - R_{n-1}) E(R_n)`
    - ``'11_point'``: the mean of :math:`E(i / 10)` for :math:`i = 0, \dots, 10`
    - ``'101_point'``: the mean of :math:`E(i / 100)` for :math:`i = 0, \dots, 100`
    - ``'trapezoid'``: :math:`\sum_n (R_n - R_{n-1}) (P_n + P_{n-1}) / 2` with
      :math:`P_0 = 1`: from (recall 0, precision 1) to the last row, and not beyond

    Args:
        precision: ``(N,)`` float32 or float64, as ``precision_recall`` returns it.
        recall: ``(N,)``, same dtype and device, never falling.
        method: one of the five names above.

    Returns:
        A Python float in ``[0, 1]``. An empty curve (``N = 0``) gives 0.0; a recall
        that is NaN (there is no ground truth) gives NaN.

    Raises:
        ValueError: if ``method`` is none of the five names, whatever the curve.

    Note:
        A grid recall that equals a row's recall up to rounding counts as reached: 0.6
        is reached by the recall 3/5, in float32 too. A tolerance of 1e-6 does it.
        Inputs must not be changed, may be non-contiguous and may live on any device.
        Not available in grading: torchvision.ops, torchmetrics, sklearn, pycocotools.

    Example:
        >>> precision, recall = torch.tensor([1.0, 0.5]), torch.tensor([0.25, 0.25])
        >>> average_precision(precision, recall)
        0.25
        >>> average_precision(torch.tensor([0.5, 1.0]), torch.tensor([0.0, 1.0]), "step")
        1.0
    """
    if method not in ("step", "all_points", "11_point", "101_point", "trapezoid"):
        raise ValueError(method)
    p, r = precision.tolist(), recall.tolist()
    if len(p) == 0:
        return 0.0
    if math.isnan(r[-1]):
        return math.nan
    if method in ("11_point", "101_point"):
        n = 10 if method == "11_point" else 100
        total = 0.0
        for i in range(n + 1):
            total += max([pi for pi, ri in zip(p, r) if ri >= i / n - 1e-6], default=0.0)
        return total / (n + 1)
    area, last_r, last_p = 0.0, 0.0, 1.0
    for i in range(len(p)):
        if method == "all_points":
            height = max(p[i:])
        elif method == "trapezoid":
            height = (last_p + p[i]) / 2
        else:
            height = p[i]
        area += (r[i] - last_r) * height
        last_r, last_p = r[i], p[i]
    return area


def mean_average_precision(
    preds: list[dict[str, Tensor]],
    targets: list[dict[str, Tensor]],
    iou_thresholds: Sequence[float] = (0.5,),
    method: str = "all_points",
) -> dict[str, Any]:
    r"""Return the mean over thresholds of the mean over classes of the AP.

    For each class and threshold every image is matched on its own, by
    ``match_detections`` and with the boxes of that class only. Ignored detections are
    left out. The others of all images form **one** ranking by descending score
    (equal scores: the earlier image first, then the order within the image), whose AP
    is computed by ``precision_recall`` and ``average_precision``.

    Args:
        preds: one dict per image: ``boxes`` ``(N, 4)`` ``xyxy``, ``scores`` ``(N,)``,
            ``labels`` ``(N,)`` integer. ``N`` may be 0. Other keys are not looked at.
        targets: one dict per image, in the same order: ``boxes`` ``(G, 4)``,
            ``labels`` ``(G,)`` and, if present, ``iscrowd`` ``(G,)`` bool or 0/1
            integer: true for ground truth to be ignored. ``G`` may be 0.
        iou_thresholds: one or more values in ``[0, 1]``.
        method: as in ``average_precision``.

    Returns:
        A dict with three entries:

        - ``'map'``: float. At each threshold the mean of the AP over the classes with
          ground truth that counts; then the mean over the thresholds. NaN if there
          is no such class.
        - ``'map_per_class'``: ``{label: float}``, the mean over the thresholds.
        - ``'ap'``: ``{(label, iou_threshold): float}``, the AP itself.

        Labels are Python ints, thresholds the given floats. The dicts hold every
        label of ``preds`` and ``targets``.

    Raises:
        ValueError: if ``preds`` and ``targets`` differ in length.

    Note:
        A class with ground truth but without predictions has AP 0 and is part of the
        mean. A class without ground truth that counts (predicted only, or crowds
        only) has AP NaN and is not; leaving it out of the two dicts is accepted as
        well. Images without ground truth contribute their false positives. No limit
        on the number of detections per image.
        Inputs (lists, dicts, tensors) must not be changed; tensors may be
        non-contiguous and may live on any one device. The values are Python floats.
        Not available in grading: torchvision.ops, torchmetrics, sklearn, pycocotools.

    Example:
        >>> sofa, label = torch.tensor([[0, 0, 20, 10]]), torch.tensor([3])
        >>> pred = {"boxes": sofa, "scores": torch.tensor([0.9]), "labels": label}
        >>> mean_average_precision([pred], [{"boxes": sofa, "labels": label}])
        {'map': 1.0, 'map_per_class': {3: 1.0}, 'ap': {(3, 0.5): 1.0}}
    """
    if len(preds) != len(targets):
        raise ValueError("one target per image")
    classes = set()
    for image in list(preds) + list(targets):
        classes |= set(image["labels"].tolist())
    classes = sorted(classes)
    ap = {}
    for c in classes:
        for t in iou_thresholds:
            tps, scores, num_gt = [], [], 0
            for pred, target in zip(preds, targets):
                mine, theirs = pred["labels"] == c, target["labels"] == c
                crowd = torch.zeros(int(theirs.sum()), dtype=torch.bool, device=theirs.device)
                if "iscrowd" in target:
                    crowd = target["iscrowd"][theirs].bool()
                hit, skip = match_detections(
                    pred["boxes"][mine], pred["scores"][mine], target["boxes"][theirs], t, crowd
                )
                tps.append(hit[~skip])
                scores.append(pred["scores"][mine][~skip])
                num_gt += int((~crowd).sum())
            if num_gt == 0:
                ap[c, t] = math.nan
                continue
            precision, recall = precision_recall(torch.cat(tps), torch.cat(scores), num_gt)
            ap[c, t] = average_precision(precision, recall, method)
    per_class = {c: sum(ap[c, t] for t in iou_thresholds) / len(iou_thresholds) for c in classes}
    values = [v for v in per_class.values() if not math.isnan(v)]
    mean = sum(values) / len(values) if values else math.nan
    return {"map": mean, "map_per_class": per_class, "ap": ap}


# COCO_IOU_THRESHOLDS: a tuple of ten floats, 0.50, 0.55, 0.60, ..., 0.95.
COCO_IOU_THRESHOLDS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))


if __name__ == "__main__":
    print(average_precision(open("curve.txt").read()))
