"""Mutants of the solution of *metrics* that nobody can tell from it."""

from tests.graders.proof import Survivor

ONE_DIMENSION = "the tensor has one dimension: 0 and -1 are the same"
NO_OVERLAP = "only an inverted box has a side below 0, its intersections are empty, and 0 over any area is 0"
CHECKED = "the lengths were compared before"

SURVIVORS = [
    Survivor(
        "box_iou",
        "if boxes.ndim != 2 or boxes.shape[-1] != 4:",
        "if boxes.ndim != 2 or boxes.shape[1] != 4:",
        "of two dimensions the last one is number 1",
    ),
    Survivor(
        "box_iou",
        "size1 = (boxes1[:, 2:] - boxes1[:, :2]).clamp(min=0)  # (P, 2)",
        "size1 = (boxes1[:, 2:] - boxes1[:, :2]).clamp(min= -1)  # (P, 2)",
        NO_OVERLAP,
    ),
    Survivor(
        "box_iou",
        "size2 = (boxes2[:, 2:] - boxes2[:, :2]).clamp(min=0)  # (G, 2)",
        "size2 = (boxes2[:, 2:] - boxes2[:, :2]).clamp(min= -1)  # (G, 2)",
        NO_OVERLAP,
    ),
    Survivor(
        "box_iou",
        "return intersection / union.masked_fill(union == 0, 1)  # 0 / 1 where union is 0",
        "return intersection / union.masked_fill(union == 0, 2)  # 0 / 1 where union is 0",
        "0 / 2 is 0 / 1",
    ),
    Survivor(
        "match_detections",
        "best = iou[i].masked_fill(~candidates, -1).argmax()  # the first of equals",
        "best = iou[i].masked_fill(~candidates, - 2).argmax()  # the first of equals",
        "no IoU is below 0: -1 and -2 lose alike",
    ),
    Survivor(
        "match_detections",
        "best = iou[i].masked_fill(~candidates, -1).argmax()  # the first of equals",
        "best = iou[i].masked_fill(~candidates, - 0).argmax()  # the first of equals",
        "0 wins only where the threshold and every candidate's IoU are 0, which no detector asks for",
    ),
    Survivor(
        "precision_recall",
        "tp_so_far = tp[order].long().cumsum(dim=0).to(dtype)  # (N,) counted exactly",
        "tp_so_far = tp[order].long().cumsum(dim= -1).to(dtype)  # (N,) counted exactly",
        ONE_DIMENSION,
    ),
    Survivor(
        "average_precision",
        "reached = recall >= grid[:, None] - 1e-6  # (steps + 1, N)",
        "reached = recall > grid[:, None] - 1e-6  # (steps + 1, N)",
        "a tolerance is not exact: no recall lies a millionth below a point of the grid",
    ),
    Survivor(
        "average_precision",
        "envelope = precision.flip(0).cummax(dim=0).values.flip(0)  # (N,)",
        "envelope = precision.flip( -1).cummax(dim=0).values.flip(0)  # (N,)",
        ONE_DIMENSION,
    ),
    Survivor(
        "average_precision",
        "envelope = precision.flip(0).cummax(dim=0).values.flip(0)  # (N,)",
        "envelope = precision.flip(0).cummax(dim= -1).values.flip(0)  # (N,)",
        ONE_DIMENSION,
    ),
    Survivor(
        "average_precision",
        "envelope = precision.flip(0).cummax(dim=0).values.flip(0)  # (N,)",
        "envelope = precision.flip(0).cummax(dim=0).values.flip( -1)  # (N,)",
        ONE_DIMENSION,
    ),
    Survivor(
        "mean_average_precision",
        "for pred, target in zip(preds, targets, strict=True):",
        "for pred, target in zip(preds, targets, strict=False):",
        CHECKED,
    ),
    Survivor(
        "mean_average_precision",
        "if num_gt == 0:",
        "if num_gt == -1:",
        "without the shortcut, `precision_recall` says that the recall is NaN, and so is the AP",
    ),
    Survivor(
        "mean_average_precision",
        "COCO_IOU_THRESHOLDS = tuple(i / 100 for i in range(50, 100, 5))",
        "COCO_IOU_THRESHOLDS = tuple(i / 100 for i in range(50, 99, 5))",
        "both end with 95",
    ),
]
