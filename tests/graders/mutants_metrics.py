"""Mutants of the topic *metrics*: each has one mistake of the misconception bank, in a student's own words.

Most are an edit of one of six small correct sources, so that the mistake can be seen; where the mistake is another
algorithm, the source is written out. They share no code with ``tests/hidden``.
"""

from __future__ import annotations

from tests.graders.proof import Mutant

PIXEL_ACCURACY = """\
def pixel_accuracy(pred, target, ignore_index=None):
    if pred.shape != target.shape:
        raise ValueError("pred and target must have the same shape")
    keep = torch.ones(target.shape, dtype=torch.bool, device=target.device)
    if ignore_index is not None:
        keep = target.to(torch.int64) != ignore_index
    if keep.sum() == 0:
        return float("nan")
    right = pred == target
    return (right & keep).sum().item() / keep.sum().item()
"""

BOX_IOU = """\
def box_iou(boxes1, boxes2):
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
"""

MATCH_DETECTIONS = """\
def match_detections(pred_boxes, pred_scores, gt_boxes, iou_threshold=0.5, gt_ignore=None):
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
"""

PRECISION_RECALL = """\
def precision_recall(tp, scores, num_gt):
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
"""

AVERAGE_PRECISION = """\
def average_precision(precision, recall, method="all_points"):
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
"""

MEAN_AVERAGE_PRECISION = """\
def mean_average_precision(preds, targets, iou_thresholds=(0.5,), method="all_points"):
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


COCO_IOU_THRESHOLDS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
"""

BASES = {
    "pixel_accuracy": PIXEL_ACCURACY,
    "box_iou": BOX_IOU,
    "match_detections": MATCH_DETECTIONS,
    "precision_recall": PRECISION_RECALL,
    "average_precision": AVERAGE_PRECISION,
    "mean_average_precision": MEAN_AVERAGE_PRECISION,
}
"""Correct sources; they earn all points themselves."""


def _edit(source: str, *edits: tuple[str, str]) -> str:
    """Return ``source`` with each ``(old, new)`` replaced; ``old`` has to be there."""
    for old, new in edits:
        if old not in source:
            raise ValueError(f"nothing to replace: {old!r}")
        source = source.replace(old, new)
    return source


UNCLAMPED = "Widths and heights of the intersection are not clamped at zero"
PLUS_ONE = "Widths and heights are computed with `+ 1`"
NOT_RANKED = "Detections are not sorted by score before they choose"
STRAIGHT = "The points are joined by straight lines (trapezoids)"

PIXEL_ACCURACY_MUTANTS = (
    Mutant(
        "T6-M28",
        "pixel_accuracy",
        "IoU of the object and pixel accuracy confused",
        """\
def pixel_accuracy(pred, target, ignore_index=None):
    if pred.shape != target.shape:
        raise ValueError("shapes differ")
    p, t = pred.bool(), target.bool()
    if ignore_index is not None:
        keep = target != ignore_index
        p, t = p[keep], t[keep]
    tp = (p & t).sum().item()
    fp = (p & ~t).sum().item()
    fn = (~p & t).sum().item()
    return tp / (tp + fp + fn) if tp + fp + fn else math.nan
""",
        "check_background_hides_a_shifted_object",
        "This is the IoU of the object: true negatives are missing",
    ),
    Mutant(
        "T6-X01a",
        "pixel_accuracy",
        "recall of the foreground",
        _edit(PIXEL_ACCURACY, ("    if keep.sum()", "    keep = keep & (target > 0)\n    if keep.sum()")),
        "check_every_class_counts",
        "Background pixels (class 0) are left out",
    ),
    Mutant(
        "T6-X01b",
        "pixel_accuracy",
        "error rate",
        _edit(PIXEL_ACCURACY, ("right = pred == target", "right = pred != target")),
        "check_every_class_counts",
        "The wrong pixels are counted instead of the right ones",
    ),
    Mutant(
        "T6-X01c",
        "pixel_accuracy",
        "number of right pixels",
        _edit(PIXEL_ACCURACY, (" / keep.sum().item()", "")),
        "check_every_class_counts",
        "The right pixels are counted, but not divided by the number of pixels",
    ),
    Mutant(
        "T6-X02a",
        "pixel_accuracy",
        "ignore_index not used",
        "def pixel_accuracy(pred, target, ignore_index=None):\n    return (pred == target).float().mean().item()\n",
        "check_ignored_pixels_do_not_count",
        "`ignore_index` has no effect",
    ),
    Mutant(
        "T6-X02b",
        "pixel_accuracy",
        "ignored pixels in the denominator",
        _edit(PIXEL_ACCURACY, (" / keep.sum().item()", " / target.numel()")),
        "check_ignored_pixels_do_not_count",
        "Ignored pixels are still part of the denominator",
    ),
    Mutant(
        "T6-X02c",
        "pixel_accuracy",
        "ignored pixels are right",
        _edit(
            PIXEL_ACCURACY, ("(right & keep).sum().item() / keep.sum().item()", "(right | ~keep).float().mean().item()")
        ),
        "check_ignored_pixels_do_not_count",
        "Ignored pixels are counted as right",
    ),
    Mutant(
        "T6-X02d",
        "pixel_accuracy",
        "mask of the prediction",
        _edit(PIXEL_ACCURACY, ("keep = target.to(torch.int64) != ignore_index", "keep = pred != ignore_index")),
        "check_ignored_pixels_do_not_count",
        "Pixels are ignored by their predicted value, not by their true one",
    ),
    Mutant(
        "T6-X02e",
        "pixel_accuracy",
        "mask of target and prediction",
        _edit(
            PIXEL_ACCURACY,
            (
                "    if keep.sum()",
                "    keep = keep & (pred != (-1 if ignore_index is None else ignore_index))\n    if keep.sum()",
            ),
        ),
        "check_ignored_pixels_do_not_count",
        "Pixels are ignored by their predicted value too",
    ),
    Mutant(
        "T6-X02f",
        "pixel_accuracy",
        "`if ignore_index:`",
        _edit(PIXEL_ACCURACY, ("if ignore_index is not None:", "if ignore_index:")),
        "check_class_zero_can_be_ignored",
        '`ignore_index=0` is taken for "no index"',
    ),
    Mutant(
        "T6-X02g",
        "pixel_accuracy",
        "the index is converted to the dtype of the target, where -1 becomes 255",
        _edit(
            PIXEL_ACCURACY,
            ("target.to(torch.int64) != ignore_index", "target != torch.tensor(ignore_index).to(target.dtype)"),
        ),
        "check_negative_index",
        None,
        "a matter of dtypes; the hint asks for it",
    ),
    Mutant(
        "T6-X03a",
        "pixel_accuracy",
        "nothing gives 0",
        _edit(PIXEL_ACCURACY, ('return float("nan")', "return 0.0")),
        "check_nothing_to_count",
        "Nothing to count gives 0",
    ),
    Mutant(
        "T6-X03b",
        "pixel_accuracy",
        "nothing gives 1",
        _edit(PIXEL_ACCURACY, ('return float("nan")', "return 1.0")),
        "check_nothing_to_count",
        "Nothing to count gives 1",
    ),
    Mutant(
        "T6-X04",
        "pixel_accuracy",
        "broadcasts",
        _edit(PIXEL_ACCURACY, ("    if pred.shape != target.shape:\n", "    if pred.dim() != target.dim():\n")),
        "check_shapes_must_be_equal",
        None,
        "there is no output to compare: an error is missing",
    ),
    Mutant(
        "T6-X05a",
        "pixel_accuracy",
        "`view` of a non-contiguous tensor",
        _edit(
            PIXEL_ACCURACY,
            (
                "    right = pred",
                "    pred, target, keep = pred.view(-1), target.view(-1), keep.reshape(-1)\n    right = pred",
            ),
        ),
        "check_bool_masks_and_views",
        None,
        "PyTorch's own error says it",
    ),
    Mutant(
        "T6-X05b",
        "pixel_accuracy",
        "writes into the prediction",
        _edit(PIXEL_ACCURACY, ("    right = pred", "    pred[~keep] = target[~keep]\n    right = pred")),
        "check_bool_masks_and_views",
        None,
        "the result is right; the message says that an input was changed",
    ),
)

BOX_IOU_MUTANTS = (
    Mutant(
        "T6-M01a",
        "box_iou",
        "no clamp",
        _edit(BOX_IOU, ("bx1)).clamp(min=0)", "bx1))"), ("by1)).clamp(min=0)", "by1))")),
        "check_disjoint_boxes",
        UNCLAMPED,
    ),
    Mutant(
        "T6-M01b",
        "box_iou",
        "the area is clamped, not the sides",
        _edit(
            BOX_IOU,
            ("bx1)).clamp(min=0)", "bx1))"),
            ("by1)).clamp(min=0)", "by1))"),
            ("inter = w * h", "inter = (w * h).clamp(min=0)"),
        ),
        "check_disjoint_boxes",
        "Only the area of the intersection is clamped: two negative sides make a positive area",
    ),
    Mutant(
        "T6-M02a",
        "box_iou",
        "+ 1 pixel",
        _edit(
            BOX_IOU,
            ("bx1)).clamp", "bx1) + 1).clamp"),
            ("by1)).clamp", "by1) + 1).clamp"),
            ("(ax2 - ax1).clamp(min=0) * (ay2 - ay1).clamp(min=0)", "(ax2 - ax1 + 1) * (ay2 - ay1 + 1)"),
            ("(bx2 - bx1).clamp(min=0) * (by2 - by1).clamp(min=0)", "(bx2 - bx1 + 1) * (by2 - by1 + 1)"),
        ),
        "check_overlapping_boxes",
        PLUS_ONE,
    ),
    Mutant(
        "T6-M02b",
        "box_iou",
        "+ 1 pixel, boxes that touch",
        """\
def box_iou(boxes1, boxes2):
    out = boxes1.new_zeros(len(boxes1), len(boxes2))
    for i, (ax1, ay1, ax2, ay2) in enumerate(boxes1.tolist()):
        for j, (bx1, by1, bx2, by2) in enumerate(boxes2.tolist()):
            w = max(0, min(ax2, bx2) - max(ax1, bx1) + 1)
            h = max(0, min(ay2, by2) - max(ay1, by1) + 1)
            area_a = (ax2 - ax1 + 1) * (ay2 - ay1 + 1)
            area_b = (bx2 - bx1 + 1) * (by2 - by1 + 1)
            out[i, j] = w * h / (area_a + area_b - w * h)
    return out
""",
        "check_touching_boxes",
        PLUS_ONE,
    ),
    Mutant(
        "T6-M04",
        "box_iou",
        "union = A + B",
        _edit(BOX_IOU, ("area_a + area_b - inter", "area_a + area_b")),
        "check_same_and_nested_boxes",
        "The union is the sum of both areas: the intersection is counted twice",
    ),
    Mutant(
        "T6-M05a",
        "box_iou",
        "union = A + B - 2 I",
        _edit(BOX_IOU, ("area_a + area_b - inter", "area_a + area_b - 2 * inter")),
        "check_overlapping_boxes",
        "The intersection is missing from the union",
    ),
    Mutant(
        "T6-M05b",
        "box_iou",
        "over the smaller area",
        _edit(BOX_IOU, ("area_a + area_b - inter", "torch.min(area_a, area_b)")),
        "check_overlapping_boxes",
        "The denominator is the smaller area, not the union",
    ),
    Mutant(
        "T6-M05c",
        "box_iou",
        "over the area of the ground truth",
        _edit(BOX_IOU, ("union = area_a + area_b - inter", "union = area_b.expand_as(inter)")),
        "check_overlapping_boxes",
        "The denominator is the area of the box in `boxes2`, not the union",
    ),
    Mutant(
        "T6-M05d",
        "box_iou",
        "over the area of the detection",
        _edit(BOX_IOU, ("union = area_a + area_b - inter", "union = area_a.expand_as(inter)")),
        "check_overlapping_boxes",
        "The denominator is the area of the box in `boxes1`, not the union",
    ),
    Mutant(
        "T6-M05e",
        "box_iou",
        "Dice",
        _edit(BOX_IOU, ("union = area_a + area_b - inter", "union = (area_a + area_b) / 2")),
        "check_overlapping_boxes",
        "This is the Dice score, not the IoU",
    ),
    Mutant(
        "T6-X10",
        "box_iou",
        "generalised IoU",
        _edit(
            BOX_IOU,
            (
                "    return iou",
                "    hull = (torch.max(ax2, bx2) - torch.min(ax1, bx1)) * (torch.max(ay2, by2) - torch.min(ay1, by1))\n"
                "    return iou - (hull - union) / hull",
            ),
        ),
        "check_disjoint_boxes",
        "The generalised IoU is returned, not the IoU",
    ),
    Mutant(
        "T6-X11a",
        "box_iou",
        "xywh",
        _edit(
            BOX_IOU,
            ("    w = ", "    ax2, ay2, bx2, by2 = ax1 + ax2, ay1 + ay2, bx1 + bx2, by1 + by2\n    w = "),
        ),
        "check_overlapping_boxes",
        "The boxes are read as x, y, width, height",
    ),
    Mutant(
        "T6-X11b",
        "box_iou",
        "the lecture's order of the corners",
        _edit(
            BOX_IOU, ("ax1, ay1, ax2, ay2 =", "ax1, ax2, ay1, ay2 ="), ("bx1, by1, bx2, by2 =", "bx1, bx2, by1, by2 =")
        ),
        "check_overlapping_boxes",
        "The boxes are read as x_min, x_max, y_min, y_max",
    ),
    Mutant(
        "T6-X12",
        "box_iou",
        "rows and columns swapped",
        _edit(BOX_IOU, ("    return iou", "    return iou.t()")),
        "check_every_pair",
        "Rows and columns of the result are swapped",
    ),
    Mutant(
        "T6-X13",
        "box_iou",
        "0 / 0",
        _edit(BOX_IOU, ("    iou[union == 0] = 0\n", "")),
        "check_boxes_without_area",
        "0 / 0 is left to be NaN",
    ),
    Mutant(
        "T6-X14a",
        "box_iou",
        "negative areas and no look at the union",
        _edit(
            BOX_IOU,
            ("(ax2 - ax1).clamp(min=0) * (ay2 - ay1).clamp(min=0)", "(ax2 - ax1) * (ay2 - ay1)"),
            ("(bx2 - bx1).clamp(min=0) * (by2 - by1).clamp(min=0)", "(bx2 - bx1) * (by2 - by1)"),
            ("    iou[union == 0] = 0\n", ""),
        ),
        "check_inverted_boxes",
        "Inverted boxes have a negative area, so that the union can be 0",
    ),
    Mutant(
        "T6-X14b",
        "box_iou",
        "corners put in order",
        _edit(
            BOX_IOU,
            (
                "    ax1,",
                "    a = torch.cat([torch.min(a[:, :2], a[:, 2:]), torch.max(a[:, :2], a[:, 2:])], 1)\n    ax1,",
            ),
            (
                "    bx1,",
                "    b = torch.cat([torch.min(b[:, :2], b[:, 2:]), torch.max(b[:, :2], b[:, 2:])], 1)\n    bx1,",
            ),
        ),
        "check_inverted_boxes",
        "The corners of inverted boxes are swapped",
    ),
    Mutant(
        "T6-X14c",
        "box_iou",
        "negative areas, but a union of 0 is looked at",
        _edit(
            BOX_IOU,
            ("(ax2 - ax1).clamp(min=0) * (ay2 - ay1).clamp(min=0)", "(ax2 - ax1) * (ay2 - ay1)"),
            ("(bx2 - bx1).clamp(min=0) * (by2 - by1).clamp(min=0)", "(bx2 - bx1) * (by2 - by1)"),
        ),
        equivalent="an inverted box has no intersection, so its IoU is 0 whatever its area is",
    ),
    Mutant(
        "T6-X15",
        "box_iou",
        "an empty set gives an empty list",
        _edit(
            BOX_IOU,
            (
                "    dtype =",
                "    if len(boxes1) == 0 or len(boxes2) == 0:\n        return boxes1.new_zeros(0)\n    dtype =",
            ),
        ),
        "check_no_boxes",
        None,
        "the message says which shape was expected",
    ),
    Mutant(
        "T6-X16a",
        "box_iou",
        "no conversion of half precision",
        _edit(BOX_IOU, ("boxes2.dtype), torch.float32)", "boxes2.dtype), boxes1.dtype)")),
        "check_half_precision",
        "The computation runs in the dtype of the boxes, where it overflows or loses digits",
    ),
    Mutant(
        "T6-X16b",
        "box_iou",
        "computes in half precision, returns float32",
        _edit(
            BOX_IOU,
            ("boxes2.dtype), torch.float32)", "boxes2.dtype), boxes1.dtype)"),
            ("    return iou", "    return iou.to(torch.promote_types(iou.dtype, torch.float32))"),
        ),
        "check_half_precision",
        "The computation runs in the dtype of the boxes, where it overflows or loses digits",
    ),
    Mutant(
        "T6-X16c",
        "box_iou",
        "rounds down",
        _edit(
            BOX_IOU,
            ("    iou = inter / union", "    iou = inter / union if boxes1.is_floating_point() else inter // union"),
        ),
        "check_whole_numbers",
        "The quotient of whole numbers is rounded down",
    ),
    Mutant(
        "T6-X16d",
        "box_iou",
        "always float32",
        _edit(BOX_IOU, ("    return iou", "    return iou.float()")),
        "check_result_dtype",
        None,
        "the values are right; the message says which dtype was expected",
    ),
    Mutant(
        "T6-X17a",
        "box_iou",
        "repairs its inputs in place",
        _edit(
            BOX_IOU,
            (
                "    a = boxes1.to(dtype)",
                "    boxes1[:, 2:] = torch.max(boxes1[:, 2:], boxes1[:, :2])\n    a = boxes1.to(dtype)",
            ),
        ),
        "check_iou_of_views",
        None,
        "the result is right; the message says that an input was changed",
    ),
    Mutant(
        "T6-X17b",
        "box_iou",
        "draws random numbers",
        _edit(BOX_IOU, ("    return iou", "    return iou + 0 * torch.rand(1, dtype=dtype, device=iou.device)")),
        "check_iou_of_views",
        None,
        "the result is right; the message says what was changed",
    ),
    Mutant(
        "T6-X18",
        "box_iou",
        "no look at the shapes",
        """\
def box_iou(boxes1, boxes2):
    dtype = torch.promote_types(torch.promote_types(boxes1.dtype, boxes2.dtype), torch.float32)
    a, b = boxes1.to(dtype), boxes2.to(dtype)
    a = torch.cat([a, a.new_zeros(len(a), 4)], 1)[:, :4]
    b = torch.cat([b, b.new_zeros(len(b), 4)], 1)[:, :4]
    inter = (torch.min(a[:, None, 2:], b[:, 2:]) - torch.max(a[:, None, :2], b[:, :2])).clamp(min=0).prod(2)
    areas = [(x[:, 2:] - x[:, :2]).clamp(min=0).prod(1) for x in (a, b)]
    union = areas[0][:, None] + areas[1] - inter
    return torch.where(union > 0, inter / union, torch.zeros_like(union))
""",
        "check_not_boxes",
        None,
        "there is no output to compare: an error is missing",
    ),
)

MATCH_DETECTIONS_MUTANTS = (
    Mutant(
        "T6-M06",
        "match_detections",
        "ground truth is never taken",
        _edit(MATCH_DETECTIONS, ("            taken.add(best)\n", "")),
        "check_one_object_one_true_positive",
        "One ground truth makes several detections right",
    ),
    Mutant(
        "T6-M08a",
        "match_detections",
        "not sorted",
        _edit(MATCH_DETECTIONS, ("    for d in order:", "    for d in range(n):")),
        "check_one_object_one_true_positive",
        NOT_RANKED,
    ),
    Mutant(
        "T6-M08b",
        "match_detections",
        "ascending",
        _edit(MATCH_DETECTIONS, ("torch.sort(pred_scores, descending=True, stable=True)", "torch.sort(pred_scores)")),
        "check_one_object_one_true_positive",
        "The least confident detection chooses first",
    ),
    Mutant(
        "T6-M18",
        "match_detections",
        "the rule of VOC",
        """\
def match_detections(pred_boxes, pred_scores, gt_boxes, iou_threshold=0.5, gt_ignore=None):
    if len(pred_boxes) != len(pred_scores) or (gt_ignore is not None and len(gt_ignore) != len(gt_boxes)):
        raise ValueError("lengths differ")
    tp = torch.zeros(len(pred_boxes), dtype=torch.bool, device=pred_boxes.device)
    ignored = tp.clone()
    if len(gt_boxes) == 0:
        return tp, ignored
    crowd = tp.new_zeros(len(gt_boxes)) if gt_ignore is None else gt_ignore
    used = [False] * len(gt_boxes)
    iou = box_iou(pred_boxes, gt_boxes)
    for i in pred_scores.argsort(descending=True, stable=True):
        value, j = iou[i].masked_fill(crowd, -1).max(0)
        if value >= iou_threshold and not used[j]:
            tp[i] = True
            used[j] = True
        elif (iou[i][crowd] >= iou_threshold).any():
            ignored[i] = True
    return tp, ignored
""",
        "check_next_best_object",
        "A detection whose best ground truth is taken does not try another one (the rule of VOC)",
    ),
    Mutant(
        "T6-M19",
        "match_detections",
        "ground truth chooses its best detection",
        """\
def match_detections(pred_boxes, pred_scores, gt_boxes, iou_threshold=0.5, gt_ignore=None):
    if len(pred_boxes) != len(pred_scores) or (gt_ignore is not None and len(gt_ignore) != len(gt_boxes)):
        raise ValueError("lengths differ")
    iou = box_iou(pred_boxes, gt_boxes)
    tp = torch.zeros(len(pred_boxes), dtype=torch.bool, device=iou.device)
    ignored = tp.clone()
    for j in range(len(gt_boxes)):
        column = iou[:, j].clone()
        if gt_ignore is not None and gt_ignore[j]:
            ignored |= column >= iou_threshold
            continue
        column[tp] = -1
        if len(column) and column.max() >= iou_threshold:
            tp[column.argmax()] = True
    return tp, ignored & ~tp
""",
        "check_one_object_one_true_positive",
        "The ground truth goes to the detection that overlaps it most, not to the surest one",
    ),
    Mutant(
        "T6-M24a",
        "match_detections",
        "ignored ground truth as any other",
        _edit(
            MATCH_DETECTIONS,
            ("crowd = [False] * m if gt_ignore is None else gt_ignore.tolist()", "crowd = [False] * m"),
        ),
        "check_ignored_ground_truth",
        "Ignored ground truth is treated like any other",
    ),
    Mutant(
        "T6-M24b",
        "match_detections",
        "ignored ground truth deleted",
        _edit(MATCH_DETECTIONS, ("            ignored[d] = True", "            pass")),
        "check_ignored_ground_truth",
        "Ignored ground truth is deleted, so that detections on it become false positives",
    ),
    Mutant(
        "T6-M24c",
        "match_detections",
        "a crowd is used up",
        _edit(
            MATCH_DETECTIONS,
            (
                "        elif any(crowd[g] and ious[d][g] >= iou_threshold for g in range(m)):\n"
                "            ignored[d] = True\n",
                "        else:\n"
                "            for g in range(m):\n"
                "                if crowd[g] and g not in taken and ious[d][g] >= iou_threshold:\n"
                "                    taken.add(g)\n"
                "                    ignored[d] = True\n"
                "                    break\n",
            ),
        ),
        "check_ignored_ground_truth",
        "An ignored ground truth excuses only one detection",
    ),
    Mutant(
        "T6-M24d",
        "match_detections",
        "ignored detections are true positives too",
        _edit(MATCH_DETECTIONS, ("    return tp, ignored", "    return tp | ignored, ignored")),
        "check_ignored_ground_truth",
        "A detection on ignored ground truth is called true and ignored at once",
    ),
    Mutant(
        "T6-M24e",
        "match_detections",
        "a crowd competes by IoU",
        _edit(
            MATCH_DETECTIONS,
            ("if crowd[g] or g in taken:", "if g in taken:"),
            (
                "            taken.add(best)\n            tp[d] = True\n"
                "        elif any(crowd[g] and ious[d][g] >= iou_threshold for g in range(m)):\n"
                "            ignored[d] = True\n",
                "            if crowd[best]:\n                ignored[d] = True\n"
                "            else:\n                taken.add(best)\n                tp[d] = True\n",
            ),
        ),
        "check_ground_truth_that_counts_comes_first",
        "Ground truth that counts and ignored ground truth compete by IoU",
    ),
    Mutant(
        "T6-X19",
        "match_detections",
        "the flags mean the opposite",
        _edit(MATCH_DETECTIONS, ("else gt_ignore.tolist()", "else (~gt_ignore).tolist()")),
        "check_no_flag_is_set",
        None,
        "a slip, not a misconception; the title says it",
    ),
    Mutant(
        "T6-M25",
        "match_detections",
        "strictly larger",
        _edit(MATCH_DETECTIONS, ("ious[d][g] >= iou_threshold", "ious[d][g] > iou_threshold")),
        "check_threshold_is_reached_by_equality",
        "The IoU has to exceed the threshold; equality does not count",
    ),
    Mutant(
        "T6-X20",
        "match_detections",
        "0.5 in the code",
        _edit(MATCH_DETECTIONS, ("ious[d][g] >= iou_threshold", "ious[d][g] >= 0.5")),
        "check_threshold_is_an_argument",
        "The threshold is 0.5 whatever `iou_threshold` is",
    ),
    Mutant(
        "T6-X21",
        "match_detections",
        "results in the order of the scores",
        _edit(MATCH_DETECTIONS, ("    return tp, ignored", "    return tp[order], ignored[order]")),
        "check_order_of_the_inputs",
        "The result is in the order of the scores, not in that of the inputs",
    ),
    Mutant(
        "T6-X22a",
        "match_detections",
        "first ground truth that will do",
        _edit(MATCH_DETECTIONS, ("best, best_iou = g, ious[d][g]", "best = g\n                break")),
        "check_largest_overlap_is_taken",
        "A detection takes the first ground truth that overlaps enough, not the best",
    ),
    Mutant(
        "T6-X22b",
        "match_detections",
        "last ground truth that will do",
        _edit(MATCH_DETECTIONS, (" and ious[d][g] > best_iou", "")),
        "check_largest_overlap_is_taken",
        "A detection takes the last ground truth that overlaps enough, not the best",
    ),
    Mutant(
        "T6-X23",
        "match_detections",
        "ties turned around",
        _edit(
            MATCH_DETECTIONS,
            (
                "torch.sort(pred_scores, descending=True, stable=True)[1].tolist()",
                "torch.argsort(pred_scores, stable=True).flip(0).tolist()",
            ),
        ),
        "check_equal_scores",
        "Of equal scores the later detection chooses first",
    ),
    Mutant(
        "T6-X24",
        "match_detections",
        "at most 100 detections",
        _edit(MATCH_DETECTIONS, ("    for d in order:", "    for d in order[:100]:")),
        "check_many_detections",
        None,
        "the hint asks for it",
    ),
    Mutant(
        "T6-X25",
        "match_detections",
        "crashes without ground truth",
        _edit(MATCH_DETECTIONS, ("    taken = set()", "    assert max(map(max, ious)) <= 1\n    taken = set()")),
        "check_matching_of_nothing",
        None,
        "Python's own error says it",
    ),
    Mutant(
        "T6-X26",
        "match_detections",
        "marks taken boxes in the caller's flags",
        _edit(
            MATCH_DETECTIONS,
            (
                "            taken.add(best)\n",
                "            taken.add(best)\n"
                "            if gt_ignore is not None:\n                gt_ignore[best] = True\n",
            ),
        ),
        "check_matching_of_views",
        None,
        "the result is right; the message says that an input was changed",
    ),
    Mutant(
        "T6-X27",
        "match_detections",
        "no look at the lengths",
        _edit(
            MATCH_DETECTIONS,
            (
                '    if len(pred_scores) != n:\n        raise ValueError("one score per box")\n',
                "    pred_scores = pred_scores[:n]\n",
            ),
        ),
        "check_lengths_must_fit",
        None,
        "there is no output to compare: an error is missing",
    ),
    Mutant(
        "T6-X28",
        "match_detections",
        "0 and 1 instead of bools",
        _edit(MATCH_DETECTIONS, ("    return tp, ignored", "    return tp.long(), ignored.long()")),
        "check_hit_and_miss",
        None,
        "the values are right; the message says which dtype was expected",
    ),
    Mutant(
        "T6-X29",
        "match_detections",
        "equal ground truth boxes are one",
        _edit(
            MATCH_DETECTIONS,
            (
                "            taken.add(best)\n",
                "            taken.update(g for g in range(m) if gt_boxes[g].tolist() == gt_boxes[best].tolist())\n",
            ),
        ),
        "check_ground_truth_listed_twice",
        "A detection whose best ground truth is taken does not try another one (the rule of VOC)",
    ),
)

PRECISION_RECALL_MUTANTS = (
    Mutant(
        "T6-M08c",
        "precision_recall",
        "not sorted",
        _edit(PRECISION_RECALL, ("hits = tp[order]", "hits = tp")),
        "check_rows_are_ranked",
        "Detections are not sorted by score",
    ),
    Mutant(
        "T6-M08d",
        "precision_recall",
        "ascending",
        _edit(PRECISION_RECALL, ("descending=True, ", "")),
        "check_lecture_table",
        "The least confident detection comes first",
    ),
    Mutant(
        "T6-M11a",
        "precision_recall",
        "recall of what was found",
        _edit(PRECISION_RECALL, ("recall = tps / num_gt", "recall = tps / tp.sum()")),
        "check_missed_objects_lower_recall",
        "Recall is relative to the objects that were found, not to all objects",
    ),
    Mutant(
        "T6-M22",
        "precision_recall",
        "swapped",
        _edit(PRECISION_RECALL, ("    return precision, recall\n", "    return recall, precision\n")),
        "check_lecture_table",
        "Precision and recall are swapped",
    ),
    Mutant(
        "T6-M23a",
        "precision_recall",
        "FN taken from TP + FP",
        _edit(PRECISION_RECALL, ("recall = tps / num_gt", "fns = (tps + fps) - tps\n    recall = tps / (tps + fns)")),
        "check_lecture_table",
        "Recall is divided by TP + FP: the objects that were missed are not counted",
    ),
    Mutant(
        "T6-M23b",
        "precision_recall",
        "FP = FN",
        _edit(
            PRECISION_RECALL,
            ("    fps = torch.cumsum(1 - hits, 0)\n    precision", "    fps = num_gt - tps\n    precision"),
        ),
        "check_lecture_table",
        "Precision is divided by the number of objects: false positives are not counted",
    ),
    Mutant(
        "T6-M27",
        "precision_recall",
        "not cumulative",
        _edit(
            PRECISION_RECALL, ("tps = torch.cumsum(hits, 0)", "tps = hits"), ("torch.cumsum(1 - hits, 0)", "1 - hits")
        ),
        "check_lecture_table",
        "Each row stands for itself: the counts are not added up along the ranking",
    ),
    Mutant(
        "T6-X30",
        "precision_recall",
        "divides by all detections",
        _edit(PRECISION_RECALL, ("precision = tps / (tps + fps)", "precision = tps / len(tp)")),
        "check_lecture_table",
        "Every row is divided by the number of all detections",
    ),
    Mutant(
        "T6-X31",
        "precision_recall",
        "rows in the order of the inputs",
        _edit(
            PRECISION_RECALL,
            (
                "    return precision, recall\n",
                "    back = order.argsort()\n    return precision[back], recall[back]\n",
            ),
        ),
        "check_rows_are_ranked",
        "The rows are turned back into the order of the inputs",
    ),
    Mutant(
        "T6-X32",
        "precision_recall",
        "ties turned around",
        _edit(
            PRECISION_RECALL,
            (
                "torch.sort(scores, descending=True, stable=True).indices",
                "torch.sort(scores, stable=True).indices.flip(0)",
            ),
        ),
        "check_equal_scores_keep_their_order",
        "Of equal scores the later detection comes first",
    ),
    Mutant(
        "T6-X33a",
        "precision_recall",
        "recall 0 without ground truth",
        _edit(PRECISION_RECALL, ('torch.full_like(precision, float("nan"))', "torch.zeros_like(precision)")),
        "check_recall_of_no_object",
        "Without ground truth the recall is 0",
    ),
    Mutant(
        "T6-X33b",
        "precision_recall",
        "recall 1 without ground truth",
        _edit(PRECISION_RECALL, ('torch.full_like(precision, float("nan"))', "torch.ones_like(precision)")),
        "check_recall_of_no_object",
        "Without ground truth the recall is 1",
    ),
    Mutant(
        "T6-X34",
        "precision_recall",
        "always float64",
        _edit(PRECISION_RECALL, ("hits = tp[order].to(dtype)", "hits = tp[order].double()")),
        "check_curve_dtype",
        None,
        "the values are right; the message says which dtype was expected",
    ),
    Mutant(
        "T6-X35",
        "precision_recall",
        "crashes without detections",
        _edit(PRECISION_RECALL, ("    hits =", "    assert scores.max() <= 1\n    hits =")),
        "check_few_detections",
        None,
        "PyTorch's own error says it",
    ),
    Mutant(
        "T6-X36",
        "precision_recall",
        "sorts in place",
        _edit(PRECISION_RECALL, ("    dtype =", "    scores[:] = scores[order]\n    dtype =")),
        "check_curve_of_views",
        None,
        "the result is right; the message says that an input was changed",
    ),
    Mutant(
        "T6-X37",
        "precision_recall",
        "no look at the arguments",
        _edit(PRECISION_RECALL, ("len(tp) != len(scores) or num_gt < 0", "False")),
        "check_curve_arguments",
        None,
        "there is no output to compare: an error is missing",
    ),
)

_EMPTY = "    if len(precision) == 0:\n        return 0.0\n    if torch.isnan(recall).any():\n        return math.nan\n"


def _area(expression: str) -> str:
    """Return a source that computes the methods with an area by ``expression`` and the rest right."""
    start, rest = AVERAGE_PRECISION.split("    area, last_r, last_p")
    return f"{start}    if method != 'trapezoid':\n        return float({expression})\n    area, last_r, last_p{rest}"


AVERAGE_PRECISION_MUTANTS = (
    Mutant(
        "T6-M11b",
        "average_precision",
        "relative to the last recall",
        _edit(AVERAGE_PRECISION, ("    return area", "    return area / r[-1] if r[-1] > 0 else 0.0")),
        "check_ap_of_the_lecture_table",
        "The area is relative to the last recall, as if every object had been found",
    ),
    Mutant(
        "T6-M12a",
        "average_precision",
        "trapezoids",
        _area("torch.trapezoid(torch.tensor([1.0] + p).double(), torch.tensor([0.0] + r).double())"),
        "check_ap_of_the_lecture_table",
        STRAIGHT,
    ),
    Mutant(
        "T6-M12b",
        "average_precision",
        "trapezoids between the points only",
        _area("torch.trapezoid(torch.tensor(p), torch.tensor(r))"),
        "check_ap_of_the_lecture_table",
        "The points are joined by straight lines, and the area before the first recall is missing",
    ),
    Mutant(
        "T6-M12c",
        "average_precision",
        "trapezoids instead of steps",
        _edit(AVERAGE_PRECISION, ('elif method == "trapezoid":', 'elif method in ("trapezoid", "step"):')),
        "check_steps",
        STRAIGHT,
    ),
    Mutant(
        "T6-M14a",
        "average_precision",
        "trapezoids down to (1, 0)",
        _area("torch.trapezoid(torch.tensor([1.0] + p + [0.0]), torch.tensor([0.0] + r + [1.0]))"),
        "check_ap_of_the_lecture_table",
        "The points are joined by straight lines down to recall 1, precision 0",
    ),
    Mutant(
        "T6-M14b",
        "average_precision",
        "YOLOv5's interpolation",
        "import numpy as np\n\n\n"
        + _edit(
            AVERAGE_PRECISION,
            (
                "    area, last_r, last_p",
                "    if method == 'all_points':\n"
                "        mrec = np.concatenate(([0.0], r, [1.0]))\n"
                "        mpre = np.concatenate(([1.0], p, [0.0]))\n"
                "        mpre = np.flip(np.maximum.accumulate(np.flip(mpre)))\n"
                "        x = np.linspace(0, 1, 101)\n"
                "        return float(np.trapezoid(np.interp(x, mrec, mpre), x))\n"
                "    area, last_r, last_p",
            ),
        ),
        "check_ap_of_the_lecture_table",
        "The envelope is extended linearly to recall 1, precision 0",
    ),
    Mutant(
        "T6-M14c",
        "average_precision",
        "the trapezoids that were asked for, down to (1, 0)",
        _edit(
            AVERAGE_PRECISION,
            (
                "    return area",
                '    if method == "trapezoid":\n        area += (1 - last_r) * last_p / 2\n    return area',
            ),
        ),
        "check_trapezoids",
        "The curve is extended to recall 1, precision 0",
    ),
    Mutant(
        "T6-M15a",
        "average_precision",
        "11 points over 10",
        _edit(AVERAGE_PRECISION, ("return total / (n + 1)", "return total / n")),
        "check_eleven_points",
        "The sum of 11 values is divided by 10",
    ),
    Mutant(
        "T6-M15b",
        "average_precision",
        "101 points over 100",
        _edit(AVERAGE_PRECISION, ("return total / (n + 1)", "return total / (n if n == 100 else 11)")),
        "check_hundred_and_one_points",
        "The sum of 101 values is divided by 100",
    ),
    Mutant(
        "T6-M15c",
        "average_precision",
        "a grid in floats that 3 / 5 does not reach",
        "import numpy as np\n\n\n"
        + _edit(
            AVERAGE_PRECISION,
            ("for i in range(n + 1):", "for t in np.linspace(0, 1, n + 1):"),
            ("ri >= i / n - 1e-6", "ri >= t"),
        ),
        equivalent="both values are accepted where a recall lies on the grid: the grader's recalls avoid it",
    ),
    Mutant(
        "T6-M15d",
        "average_precision",
        "10 points from 0.1",
        _edit(
            AVERAGE_PRECISION,
            ("for i in range(n + 1):", "for i in range(1, n + 1):"),
            ("return total / (n + 1)", "return total / n"),
        ),
        "check_eleven_points",
        "The recall 0 is missing among the 11 recalls",
    ),
    Mutant(
        "T6-M16a",
        "average_precision",
        "precision times recall",
        "def average_precision(precision, recall, method='all_points'):\n"
        f"{_EMPTY}    return float(precision[-1] * recall[-1])\n",
        "check_envelope",
        "This is the last precision times the last recall",
    ),
    Mutant(
        "T6-M16b",
        "average_precision",
        "mean of the precisions",
        f"def average_precision(precision, recall, method='all_points'):\n{_EMPTY}    return precision.mean().item()\n",
        "check_ap_of_the_lecture_table",
        "This is the mean of the precisions, whatever the recall does",
    ),
    Mutant(
        "T6-M16c",
        "average_precision",
        "F1",
        "def average_precision(precision, recall, method='all_points'):\n"
        f"{_EMPTY}    p, r = precision[-1].item(), recall[-1].item()\n    return 2 * p * r / (p + r)\n",
        "check_ap_of_the_lecture_table",
        "This is the F1 score of the last row",
    ),
    Mutant(
        "T6-X40",
        "average_precision",
        "no envelope",
        _edit(AVERAGE_PRECISION, ("height = max(p[i:])", "height = p[i]")),
        "check_envelope",
        "The precisions are used as they are, without the envelope",
    ),
    Mutant(
        "T6-X41",
        "average_precision",
        "envelope from the left",
        _edit(AVERAGE_PRECISION, ("max(p[i:])", "max(p[: i + 1])")),
        "check_envelope",
        "The envelope is the best precision so far, not the best from there on",
    ),
    Mutant(
        "T6-X42",
        "average_precision",
        "starts at the first recall",
        _edit(AVERAGE_PRECISION, ("area, last_r, last_p = 0.0, 0.0, 1.0", "area, last_r, last_p = 0.0, r[0], 1.0")),
        "check_steps",
        "The area before the first recall is missing",
    ),
    Mutant(
        "T6-X43",
        "average_precision",
        "steps to the right",
        _edit(
            AVERAGE_PRECISION,
            ("        else:\n            height = p[i]", "        else:\n            height = last_p"),
        ),
        "check_steps",
        "The height of a step is the precision before it, not the one after it",
    ),
    Mutant(
        "T6-X44",
        "average_precision",
        "next precision on the grid",
        _edit(
            AVERAGE_PRECISION,
            (
                "max([pi for pi, ri in zip(p, r) if ri >= i / n - 1e-6], default=0.0)",
                "next((pi for pi, ri in zip(p, r) if ri >= i / n - 1e-6), 0.0)",
            ),
        ),
        "check_eleven_points",
        "At each of the 11 recalls the next precision is taken, not the best from there on",
    ),
    Mutant(
        "T6-X45",
        "average_precision",
        "another default",
        _edit(AVERAGE_PRECISION, ('method="all_points"):', 'method="11_point"):')),
        "check_default_method",
        "Without `method`, '11_point' is computed",
    ),
    Mutant(
        "T6-X46",
        "average_precision",
        "every method is the envelope",
        _edit(AVERAGE_PRECISION, ("    p, r = ", '    method = "all_points"\n    p, r = ')),
        "check_trapezoids",
        "'trapezoid' is computed like 'all_points'",
    ),
    Mutant(
        "T6-X47",
        "average_precision",
        "crashes on an empty curve",
        _edit(AVERAGE_PRECISION, ("    if len(p) == 0:\n        return 0.0\n", "")),
        "check_empty_curve",
        None,
        "Python's own error says it",
    ),
    Mutant(
        "T6-X48",
        "average_precision",
        "NaN is 0",
        _edit(AVERAGE_PRECISION, ("return math.nan", "return 0.0")),
        "check_unknown_recall",
        None,
        "the message says that NaN was expected",
    ),
    Mutant(
        "T6-X49",
        "average_precision",
        "an unknown method is a step",
        _edit(AVERAGE_PRECISION, ("        raise ValueError(method)\n", "        method = 'step'\n")),
        "check_unknown_method",
        None,
        "there is no output to compare: an error is missing",
    ),
    Mutant(
        "T6-X50",
        "average_precision",
        "envelope written into the precisions",
        _edit(
            AVERAGE_PRECISION,
            (
                "    p, r = ",
                "    if method == 'all_points':\n"
                "        for i in range(len(precision) - 2, -1, -1):\n"
                "            precision[i] = torch.max(precision[i], precision[i + 1])\n"
                "    p, r = ",
            ),
        ),
        "check_area_of_views",
        None,
        "the result is right; the message says that an input was changed",
    ),
    Mutant(
        "T6-X51",
        "average_precision",
        "0 / 0 when nothing was found",
        _edit(
            AVERAGE_PRECISION,
            (
                "    area, last_r, last_p = 0.0, 0.0, 1.0",
                "    r = [x / r[-1] * r[-1] for x in r]\n    area, last_r, last_p = 0.0, 0.0, 1.0",
            ),
        ),
        "check_best_and_worst_detector",
        None,
        "Python's own error says it",
    ),
)

MEAN_AVERAGE_PRECISION_MUTANTS = (
    Mutant(
        "T6-M08e",
        "mean_average_precision",
        "images one after the other",
        _edit(
            MEAN_AVERAGE_PRECISION,
            (
                '                tps.append(hit[~skip])\n                scores.append(pred["scores"][mine][~skip])\n',
                '                s = pred["scores"][mine][~skip]\n'
                "                tps.append(hit[~skip][s.argsort(descending=True)])\n"
                "                scores.append(-torch.arange(len(s), device=s.device).double() - 1000 * len(scores))\n",
            ),
        ),
        "check_one_ranking_for_all_images",
        "The images' detections are put one after the other, not ranked together",
    ),
    Mutant(
        "T6-M09",
        "mean_average_precision",
        "AP per image",
        """\
def mean_average_precision(preds, targets, iou_thresholds=(0.5,), method="all_points"):
    if len(preds) != len(targets):
        raise ValueError("one target per image")
    labels = torch.cat([x["labels"] for x in [*preds, *targets]]).unique().tolist()
    ap = {}
    for c in labels:
        for t in iou_thresholds:
            per_image = []
            for p, g in zip(preds, targets):
                m, n = p["labels"] == c, g["labels"] == c
                crowd = g["iscrowd"][n].bool() if "iscrowd" in g else torch.zeros_like(n[n])
                hit, skip = match_detections(p["boxes"][m], p["scores"][m], g["boxes"][n], t, crowd)
                count = int((~crowd).sum())
                if count:
                    curve = precision_recall(hit[~skip], p["scores"][m][~skip], count)
                    per_image.append(average_precision(*curve, method))
            ap[c, t] = sum(per_image) / len(per_image) if per_image else math.nan
    per_class = {c: sum(ap[c, t] for t in iou_thresholds) / len(iou_thresholds) for c in labels}
    known = [v for v in per_class.values() if v == v]
    return {"map": sum(known) / len(known) if known else math.nan, "map_per_class": per_class, "ap": ap}


COCO_IOU_THRESHOLDS = tuple(i / 100 for i in range(50, 100, 5))
""",
        "check_one_ranking_for_all_images",
        "AP is computed for each image and then averaged",
    ),
    Mutant(
        "T6-M10a",
        "mean_average_precision",
        "images without ground truth are skipped",
        _edit(
            MEAN_AVERAGE_PRECISION,
            (
                "                mine, theirs",
                '                if len(target["boxes"]) == 0:\n                    continue\n'
                "                mine, theirs",
            ),
            ("            if num_gt == 0:", "            if num_gt == 0 or not tps:"),
        ),
        "check_images_without_objects",
        "Images without ground truth are skipped, and their false positives with them",
    ),
    Mutant(
        "T6-M10b",
        "mean_average_precision",
        "images without ground truth of the class are skipped",
        _edit(
            MEAN_AVERAGE_PRECISION,
            (
                "                crowd = torch.zeros",
                "                if not theirs.any():\n                    continue\n"
                "                crowd = torch.zeros",
            ),
        ),
        "check_images_without_the_class",
        "Images without an object of a class are skipped for it, and their false positives with them",
    ),
    Mutant(
        "T6-M17a",
        "mean_average_precision",
        "classes without ground truth are 0",
        _edit(MEAN_AVERAGE_PRECISION, ("ap[c, t] = math.nan", "ap[c, t] = 0.0")),
        "check_invented_class",
        "A class without ground truth is averaged as AP 0",
    ),
    Mutant(
        "T6-M17b",
        "mean_average_precision",
        "only classes that were detected",
        _edit(MEAN_AVERAGE_PRECISION, ("for image in list(preds) + list(targets):", "for image in preds:")),
        "check_missed_class",
        "A class that is never detected is left out of the mean",
    ),
    Mutant(
        "T6-M17c",
        "mean_average_precision",
        "NaN for classes that were not detected",
        _edit(
            MEAN_AVERAGE_PRECISION,
            ("            if num_gt == 0:", "            if num_gt == 0 or len(torch.cat(scores)) == 0:"),
        ),
        "check_missed_class",
        "A class that is never detected is left out of the mean",
    ),
    Mutant(
        "T6-M20",
        "mean_average_precision",
        "matched without labels",
        """\
def mean_average_precision(preds, targets, iou_thresholds=(0.5,), method="all_points"):
    if len(preds) != len(targets):
        raise ValueError("one target per image")
    labels = sorted({c for x in [*preds, *targets] for c in x["labels"].tolist()})
    ap = {}
    for t in iou_thresholds:
        hits, scores, classes, truth = [], [], [], []
        for p, g in zip(preds, targets):
            crowd = g["iscrowd"].bool() if "iscrowd" in g else torch.zeros_like(g["labels"], dtype=torch.bool)
            hit, skip = match_detections(p["boxes"], p["scores"], g["boxes"], t, crowd)
            hits.append(hit[~skip])
            scores.append(p["scores"][~skip])
            classes.append(p["labels"][~skip])
            truth += g["labels"][~crowd].tolist()
        hits, scores, classes = torch.cat(hits), torch.cat(scores), torch.cat(classes)
        for c in labels:
            m = classes == c
            ap[c, t] = math.nan
            if c in truth:
                ap[c, t] = average_precision(*precision_recall(hits[m], scores[m], truth.count(c)), method)
    per_class = {c: sum(ap[c, t] for t in iou_thresholds) / len(iou_thresholds) for c in labels}
    known = [v for v in per_class.values() if v == v]
    return {"map": sum(known) / len(known) if known else math.nan, "map_per_class": per_class, "ap": ap}


COCO_IOU_THRESHOLDS = tuple(i / 100 for i in range(50, 100, 5))
""",
        "check_classes_are_matched_apart",
        "Detections are matched with objects of any class",
    ),
    Mutant(
        "T6-M21a",
        "mean_average_precision",
        "np.arange(0.5, 0.95, 0.05)",
        "import numpy as np\n\n\n"
        + _edit(
            MEAN_AVERAGE_PRECISION,
            ("tuple(round(0.5 + 0.05 * i, 2) for i in range(10))", "tuple(np.arange(0.5, 0.95, 0.05))"),
        ),
        "check_coco_thresholds",
        "The last threshold is missing: the grid ends at 0.90",
    ),
    Mutant(
        "T6-M21b",
        "mean_average_precision",
        "a loop that adds 0.05",
        _edit(
            MEAN_AVERAGE_PRECISION,
            (
                "COCO_IOU_THRESHOLDS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))\n",
                "COCO_IOU_THRESHOLDS = ()\nt = 0.5\nwhile t <= 0.95:\n    COCO_IOU_THRESHOLDS += (t,)\n    t += 0.05\n",
            ),
        ),
        "check_coco_thresholds",
        "The last threshold is missing: the grid ends at 0.90",
    ),
    Mutant(
        "T6-M21c",
        "mean_average_precision",
        "the mean stops before the last threshold",
        _edit(
            MEAN_AVERAGE_PRECISION,
            (
                "sum(ap[c, t] for t in iou_thresholds) / len(iou_thresholds)",
                "sum(ap[c, t] for t in list(iou_thresholds)[: max(1, len(iou_thresholds) - 1)])"
                " / max(1, len(iou_thresholds) - 1)",
            ),
        ),
        "check_mean_over_thresholds",
        "The last threshold is left out of the mean",
    ),
    Mutant(
        "T6-M24f",
        "mean_average_precision",
        "iscrowd is not looked at",
        _edit(MEAN_AVERAGE_PRECISION, ('if "iscrowd" in target:', "if False:")),
        "check_crowds",
        "Crowds are treated as objects that have to be found",
    ),
    Mutant(
        "T6-M24g",
        "mean_average_precision",
        "ignored detections stay in the ranking",
        _edit(
            MEAN_AVERAGE_PRECISION,
            ("tps.append(hit[~skip])", "tps.append(hit)"),
            ('scores.append(pred["scores"][mine][~skip])', 'scores.append(pred["scores"][mine])'),
        ),
        "check_crowds",
        "Crowds are deleted, so that the detections on them become false positives",
    ),
    Mutant(
        "T6-M24h",
        "mean_average_precision",
        "crowds in the denominator",
        _edit(MEAN_AVERAGE_PRECISION, ("num_gt += int((~crowd).sum())", "num_gt += int(theirs.sum())")),
        "check_crowds",
        "Crowds still count in the denominator of the recall",
    ),
    Mutant(
        "T6-X60",
        "mean_average_precision",
        "one curve for all classes",
        _edit(
            MEAN_AVERAGE_PRECISION,
            ("    ap = {}\n", "    ap = {}\n    all_tp, all_scores, total = [], [], 0\n"),
            (
                "            if num_gt == 0:",
                "            if t == iou_thresholds[0]:\n"
                "                all_tp, all_scores, total = all_tp + tps, all_scores + scores, total + num_gt\n"
                "            if num_gt == 0:",
            ),
            (
                "    mean = sum(values) / len(values) if values else math.nan",
                "    mean = math.nan\n    if total:\n"
                "        curve = precision_recall(torch.cat(all_tp), torch.cat(all_scores), total)\n"
                "        mean = average_precision(*curve, method)",
            ),
        ),
        "check_classes_weigh_the_same",
        "The detections of all classes are put in one ranking",
    ),
    Mutant(
        "T6-X61",
        "mean_average_precision",
        "mean over objects",
        _edit(
            MEAN_AVERAGE_PRECISION,
            (
                "    values = [v for v in per_class.values() if not math.isnan(v)]",
                '    values = [per_class[c] for x in targets for c in x["labels"].tolist()]\n'
                "    values = [v for v in values if not math.isnan(v)]",
            ),
        ),
        "check_classes_weigh_the_same",
        "Classes with more objects weigh more",
    ),
    Mutant(
        "T6-X62a",
        "mean_average_precision",
        "only the first threshold",
        _edit(
            MEAN_AVERAGE_PRECISION,
            ("sum(ap[c, t] for t in iou_thresholds) / len(iou_thresholds)", "ap[c, iou_thresholds[0]]"),
        ),
        "check_mean_over_thresholds",
        "Only the first threshold decides",
    ),
    Mutant(
        "T6-X62b",
        "mean_average_precision",
        "threshold not passed on",
        _edit(
            MEAN_AVERAGE_PRECISION, ('target["boxes"][theirs], t, crowd', 'target["boxes"][theirs], gt_ignore=crowd')
        ),
        "check_mean_over_thresholds",
        "Detections are matched at IoU 0.5 whatever the threshold is",
    ),
    Mutant(
        "T6-X62c",
        "mean_average_precision",
        "best threshold",
        _edit(
            MEAN_AVERAGE_PRECISION,
            ("sum(ap[c, t] for t in iou_thresholds) / len(iou_thresholds)", "max(ap[c, t] for t in iou_thresholds)"),
        ),
        "check_mean_over_thresholds",
        "The best threshold is taken, not the mean",
    ),
    Mutant(
        "T6-X63",
        "mean_average_precision",
        "method not passed on",
        _edit(
            MEAN_AVERAGE_PRECISION,
            ("average_precision(precision, recall, method)", "average_precision(precision, recall)"),
        ),
        "check_method_is_passed_on",
        "`method` has no effect",
    ),
    Mutant(
        "T6-X64",
        "mean_average_precision",
        "nothing is 0",
        _edit(MEAN_AVERAGE_PRECISION, ("if values else math.nan", "if values else 0.0")),
        "check_no_object_at_all",
        "The mean of no class is 0",
    ),
    Mutant(
        "T6-X65",
        "mean_average_precision",
        "another key",
        _edit(MEAN_AVERAGE_PRECISION, ('"map": mean', '"mAP": mean')),
        "check_entries_of_the_result",
        None,
        "the message says which key is missing",
    ),
    Mutant(
        "T6-X66",
        "mean_average_precision",
        "classes are numbered from 0",
        _edit(MEAN_AVERAGE_PRECISION, ("    classes = sorted(classes)", "    classes = range(len(classes))")),
        "check_random_images",
        None,
        "the message says which key is missing",
    ),
    Mutant(
        "T6-X67",
        "mean_average_precision",
        "the shorter list decides",
        _edit(MEAN_AVERAGE_PRECISION, ('        raise ValueError("one target per image")\n', "        pass\n")),
        "check_one_target_per_image",
        None,
        "there is no output to compare: an error is missing",
    ),
    Mutant(
        "T6-X68",
        "mean_average_precision",
        "takes the crowds out of the dict",
        _edit(
            MEAN_AVERAGE_PRECISION,
            (
                "    ap = {}\n",
                '    crowds = [x.pop("iscrowd", torch.zeros_like(x["labels"])).bool() for x in targets]\n    ap = {}\n',
            ),
            ("for pred, target in zip(preds, targets):", "for pred, target, flags in zip(preds, targets, crowds):"),
            (
                '                if "iscrowd" in target:\n'
                '                    crowd = target["iscrowd"][theirs].bool()\n',
                "                crowd = flags[theirs]\n",
            ),
        ),
        "check_dicts_are_left_alone",
        None,
        "the result is right; the message says that an input was changed",
    ),
    Mutant(
        "T6-X69",
        "mean_average_precision",
        "crashes without detections",
        _edit(
            MEAN_AVERAGE_PRECISION,
            (
                "            precision, recall =",
                "            assert torch.cat(scores).max() <= 1\n            precision, recall =",
            ),
        ),
        "check_no_detection_at_all",
        None,
        "PyTorch's own error says it",
    ),
)

_GLOBAL_DEVICE = 'device = "cuda" if torch.cuda.is_available() else "cpu"\n\n\n'


def _misplaced(id: str, exercise: str, mistake: str, source: str) -> Mutant:
    """Return a mutant whose results are right, and not where they should be."""
    return Mutant(
        id, exercise, mistake, source, f"check_placement_of_{exercise}", None, "no value is wrong; the line is named"
    )


MISPLACED = (
    (
        _misplaced(
            "T6-X70a",
            "pixel_accuracy",
            "torch.ones without a device",
            _edit(PIXEL_ACCURACY, (", device=target.device", "")),
        ),
        "keep = torch.ones(target.shape, dtype=torch.bool)",
    ),
    (
        _misplaced(
            "T6-X70b",
            "box_iou",
            "torch.zeros without a device, filled where the union is not 0",
            _edit(
                BOX_IOU,
                (
                    "    iou = inter / union\n    iou[union == 0] = 0\n",
                    "    iou = torch.zeros(inter.shape, dtype=dtype)\n"
                    "    iou[union > 0] = inter[union > 0] / union[union > 0]\n",
                ),
            ),
        ),
        "iou = torch.zeros(inter.shape, dtype=dtype)",
    ),
    (
        _misplaced(
            "T6-X70c",
            "match_detections",
            "torch.zeros without a device",
            _edit(MATCH_DETECTIONS, (", device=pred_boxes.device", "")),
        ),
        "tp = torch.zeros(n, dtype=torch.bool)",
    ),
    (
        _misplaced(
            "T6-X70d",
            "precision_recall",
            "torch.arange without a device",
            _edit(
                PRECISION_RECALL,
                ("    fps = torch.cumsum(1 - hits, 0)\n", "    ranks = torch.arange(1, len(tp) + 1)\n"),
                ("tps / (tps + fps)", "tps / ranks"),
            ),
        ),
        "ranks = torch.arange(1, len(tp) + 1)",
    ),
    (
        _misplaced(
            "T6-X70e",
            "average_precision",
            "torch.linspace without a device",
            _edit(
                AVERAGE_PRECISION,
                (
                    '        n = 10 if method == "11_point" else 100\n',
                    '        n = 10 if method == "11_point" else 100\n'
                    "        grid = torch.linspace(0, 1, n + 1, dtype=recall.dtype)\n"
                    "        reached = recall >= grid[:, None] - 1e-6\n"
                    "        return (precision * reached).max(dim=1).values.mean().item()\n",
                ),
            ),
        ),
        "grid = torch.linspace(0, 1, n + 1, dtype=recall.dtype)",
    ),
    (
        _misplaced(
            "T6-X70f",
            "mean_average_precision",
            "torch.zeros without a device",
            _edit(MEAN_AVERAGE_PRECISION, (", device=theirs.device", "")),
        ),
        "crowd = torch.zeros(int(theirs.sum()), dtype=torch.bool)",
    ),
    (
        _misplaced(
            "T6-X71a",
            "pixel_accuracy",
            "a NaN without a device, if there is nothing to count",
            _edit(PIXEL_ACCURACY, ('return float("nan")', "return torch.tensor(math.nan)")),
        ),
        "return torch.tensor(math.nan)",
    ),
    (
        _misplaced(
            "T6-X71b",
            "box_iou",
            "torch.zeros without a device, if there are no boxes",
            _edit(
                BOX_IOU,
                (
                    "    a = boxes1.to(dtype)\n",
                    "    if len(boxes1) == 0 or len(boxes2) == 0:\n"
                    "        return torch.zeros(len(boxes1), len(boxes2), dtype=dtype)\n"
                    "    a = boxes1.to(dtype)\n",
                ),
            ),
        ),
        "return torch.zeros(len(boxes1), len(boxes2), dtype=dtype)",
    ),
    (
        _misplaced(
            "T6-X71c",
            "precision_recall",
            "a recall of NaN without a device",
            _edit(
                PRECISION_RECALL,
                ('torch.full_like(precision, float("nan"))', "torch.full((len(tp),), math.nan, dtype=dtype)"),
            ),
        ),
        "return precision, torch.full((len(tp),), math.nan, dtype=dtype)",
    ),
    (
        _misplaced(
            "T6-X71d",
            "average_precision",
            "a 0 without a device, if the curve is empty",
            _edit(AVERAGE_PRECISION, ("        return 0.0\n", "        return torch.tensor(0.0)\n")),
        ),
        "return torch.tensor(0.0)",
    ),
    (
        _misplaced(
            "T6-X71e",
            "mean_average_precision",
            "torch.zeros without a device, in images without the class",
            _edit(
                MEAN_AVERAGE_PRECISION,
                (
                    "                crowd = torch.zeros",
                    "                if not theirs.any():\n"
                    "                    tps.append(torch.zeros(int(mine.sum()), dtype=torch.bool))\n"
                    '                    scores.append(pred["scores"][mine])\n'
                    "                    continue\n"
                    "                crowd = torch.zeros",
                ),
            ),
        ),
        "tps.append(torch.zeros(int(mine.sum()), dtype=torch.bool))",
    ),
    (
        _misplaced(
            "T6-X72a",
            "box_iou",
            "a constant tensor above the function",
            "ZERO = torch.zeros(1)\n\n\n"
            + _edit(
                BOX_IOU,
                (
                    "    w = (torch.min(ax2, bx2) - torch.max(ax1, bx1)).clamp(min=0)\n",
                    "    w = torch.max(torch.min(ax2, bx2) - torch.max(ax1, bx1), ZERO)\n",
                ),
            ),
        ),
        "w = torch.max(torch.min(ax2, bx2) - torch.max(ax1, bx1), ZERO)",
    ),
    (
        _misplaced(
            "T6-X72b",
            "match_detections",
            "a constant tensor that is returned if there are no detections",
            "NOTHING = torch.tensor([], dtype=torch.bool)\n\n\n"
            + _edit(
                MATCH_DETECTIONS,
                ("    taken = set()\n", "    if n == 0:\n        return NOTHING, NOTHING\n    taken = set()\n"),
            ),
        ),
        "return NOTHING, NOTHING",
    ),
    (
        _misplaced(
            "T6-X72c",
            "average_precision",
            "constant tensors in a table above the function",
            'GRIDS = {"11_point": torch.arange(11) / 10, "101_point": torch.arange(101) / 100}\n\n\n'
            + _edit(
                AVERAGE_PRECISION,
                (
                    '        n = 10 if method == "11_point" else 100\n',
                    "        reached = recall >= GRIDS[method][:, None] - 1e-6\n"
                    "        return (precision * reached).max(dim=1).values.mean().item()\n",
                ),
            ),
        ),
        "reached = recall >= GRIDS[method][:, None] - 1e-6",
    ),
    (
        _misplaced(
            "T6-X73a",
            "pixel_accuracy",
            "the result is moved to the CPU",
            _edit(
                PIXEL_ACCURACY,
                (
                    "(right & keep).sum().item() / keep.sum().item()",
                    "((right & keep).sum() / keep.sum()).cpu()",
                ),
            ),
        ),
        "return ((right & keep).sum() / keep.sum()).cpu()",
    ),
    (
        _misplaced(
            "T6-X73b",
            "box_iou",
            "the boxes are moved to the CPU",
            _edit(
                BOX_IOU,
                ("a = boxes1.to(dtype)", "a = boxes1.cpu().to(dtype)"),
                ("b = boxes2.to(", "b = boxes2.cpu().to("),
            ),
        ),
        "a = boxes1.cpu().to(dtype)",
    ),
    (
        _misplaced(
            "T6-X73c",
            "match_detections",
            "the result is moved to the CPU",
            _edit(MATCH_DETECTIONS, ("    return tp, ignored", "    return tp.cpu(), ignored.cpu()")),
        ),
        "return tp.cpu(), ignored.cpu()",
    ),
    (
        _misplaced(
            "T6-X73d",
            "precision_recall",
            "one of the results is moved to the CPU",
            _edit(PRECISION_RECALL, ("recall = tps / num_gt", 'recall = tps.to("cpu") / num_gt')),
        ),
        'recall = tps.to("cpu") / num_gt',
    ),
    (
        _misplaced(
            "T6-X74a",
            "pixel_accuracy",
            "numpy, straight from the device",
            """\
import numpy as np


def pixel_accuracy(pred, target, ignore_index=None):
    if pred.shape != target.shape:
        raise ValueError("shapes")
    p, t = pred.numpy().astype(int).ravel(), target.numpy().astype(int).ravel()
    if ignore_index is not None:
        p, t = p[t != ignore_index], t[t != ignore_index]
    return float(np.mean(p == t)) if len(t) else math.nan
""",
        ),
        "p, t = pred.numpy().astype(int).ravel(), target.numpy().astype(int).ravel()",
    ),
    (
        _misplaced(
            "T6-X74b",
            "average_precision",
            "numpy, straight from the device",
            "import numpy as np\n\n\n"
            + _edit(
                AVERAGE_PRECISION,
                ("p, r = precision.tolist(), recall.tolist()", "p, r = np.asarray(precision), np.asarray(recall)"),
            ),
        ),
        "p, r = np.asarray(precision), np.asarray(recall)",
    ),
    (
        _misplaced(
            "T6-X74c",
            "mean_average_precision",
            "numpy for the labels, straight from the device",
            "import numpy as np\n\n\n"
            + _edit(
                MEAN_AVERAGE_PRECISION,
                (
                    'classes |= set(image["labels"].tolist())',
                    'classes |= set(np.unique(image["labels"].numpy()).tolist())',
                ),
            ),
        ),
        'classes |= set(np.unique(image["labels"].numpy()).tolist())',
    ),
    (
        _misplaced(
            "T6-X75a",
            "box_iou",
            "numpy, and not back to the device",
            """\
import numpy as np


def box_iou(boxes1, boxes2):
    if boxes1.ndim != 2 or boxes2.ndim != 2 or boxes1.shape[1] != 4 or boxes2.shape[1] != 4:
        raise ValueError("expected (N, 4)")
    dtype = torch.float64 if torch.float64 in (boxes1.dtype, boxes2.dtype) else torch.float32
    a, b = boxes1.cpu().double().numpy(), boxes2.cpu().double().numpy()
    wh = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
    inter = wh.clip(0).prod(2)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).clip(0).prod(1) for x in (a, b))
    union = area_a[:, None] + area_b - inter
    iou = inter / np.where(union == 0, 1, union)
    return torch.from_numpy(iou).to(dtype)
""",
        ),
        "return torch.from_numpy(iou).to(dtype)",
    ),
    (
        _misplaced(
            "T6-X75b",
            "match_detections",
            "numpy, and not back to the device",
            "import numpy as np\n\n\n"
            + _edit(
                MATCH_DETECTIONS,
                (
                    "    tp = torch.zeros(n, dtype=torch.bool, device=pred_boxes.device)\n",
                    "    tp = np.zeros(n, dtype=bool)\n",
                ),
                ("torch.zeros_like(tp)", "np.zeros(n, dtype=bool)"),
                ("    return tp, ignored", "    return torch.from_numpy(tp), torch.from_numpy(ignored)"),
            ),
        ),
        "return torch.from_numpy(tp), torch.from_numpy(ignored)",
    ),
    (
        _misplaced(
            "T6-X75c",
            "precision_recall",
            "numpy, and not back to the device",
            """\
import numpy as np


def precision_recall(tp, scores, num_gt):
    if len(tp) != len(scores) or num_gt < 0:
        raise ValueError("arguments")
    order = np.argsort(-scores.cpu().numpy(), kind="stable")
    hits = tp.cpu().numpy()[order].cumsum()
    dtype = torch.float64 if scores.dtype == torch.float64 else torch.float32
    precision = torch.as_tensor(hits / np.arange(1, len(hits) + 1), dtype=dtype)
    recall = torch.as_tensor(hits / num_gt if num_gt else hits * np.nan, dtype=dtype)
    return precision, recall
""",
        ),
        "precision = torch.as_tensor(hits / np.arange(1, len(hits) + 1), dtype=dtype)",
    ),
    (
        _misplaced(
            "T6-X76a",
            "match_detections",
            "a device for the whole notebook",
            _GLOBAL_DEVICE + _edit(MATCH_DETECTIONS, ("device=pred_boxes.device", "device=device")),
        ),
        "tp = torch.zeros(n, dtype=torch.bool, device=device)",
    ),
    (
        _misplaced(
            "T6-X76b",
            "precision_recall",
            "a device for the whole notebook",
            _GLOBAL_DEVICE
            + _edit(
                PRECISION_RECALL,
                ("    hits = tp[order].to(dtype)\n", "    tp = tp.to(device)\n    hits = tp[order].to(dtype)\n"),
            ),
        ),
        "tp = tp.to(device)",
    ),
    (
        _misplaced(
            "T6-X76c",
            "mean_average_precision",
            "a device for the whole notebook",
            _GLOBAL_DEVICE + _edit(MEAN_AVERAGE_PRECISION, ("device=theirs.device", "device=device")),
        ),
        "crowd = torch.zeros(int(theirs.sum()), dtype=torch.bool, device=device)",
    ),
)
"""Mistakes about devices, which cost the points of placement alone, and the line that the report must name."""

MUTANTS = (
    *PIXEL_ACCURACY_MUTANTS,
    *BOX_IOU_MUTANTS,
    *MATCH_DETECTIONS_MUTANTS,
    *PRECISION_RECALL_MUTANTS,
    *AVERAGE_PRECISION_MUTANTS,
    *MEAN_AVERAGE_PRECISION_MUTANTS,
    *(mutant for mutant, _ in MISPLACED),
)
