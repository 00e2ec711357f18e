"""Correct solutions of the topic *metrics* in other styles, each of which must earn all points.

What the stub's docstring leaves open is free: numpy or loops inside, floats or 0-dim tensors, lists or tuples, a small
epsilon in the denominator, NaN or nothing for classes without ground truth, helpers of any name, output on the way.
"""

from __future__ import annotations

from tests.graders.mutants_metrics import AVERAGE_PRECISION, BASES, BOX_IOU, MATCH_DETECTIONS, MEAN_AVERAGE_PRECISION
from tests.graders.proof import Alternative


def _edit(source: str, old: str, new: str) -> str:
    """Return ``source`` with ``old``, which has to be there, replaced by ``new``."""
    if old not in source:
        raise ValueError(f"nothing to replace: {old!r}")
    return source.replace(old, new)


_PLAIN = tuple(Alternative("plain", exercise, source) for exercise, source in BASES.items())

_PIXEL_ACCURACY = (
    Alternative(
        "numpy, and a numpy number comes back",
        "pixel_accuracy",
        """\
import numpy as np


def pixel_accuracy(pred, target, ignore_index=None):
    p, t = pred.cpu().numpy().astype(np.int64), target.cpu().numpy().astype(np.int64)
    if p.shape != t.shape:
        raise ValueError(f"{p.shape} and {t.shape}")
    mask = np.ones_like(t, dtype=bool) if ignore_index is None else t != ignore_index
    if not mask.any():
        return np.nan
    return np.mean(p[mask] == t[mask])
""",
    ),
    Alternative(
        "loops over pixels",
        "pixel_accuracy",
        """\
def pixel_accuracy(pred: Tensor, target: Tensor, ignore_index: int | None = None) -> float:
    if pred.shape != target.shape:
        raise ValueError("shapes")
    right, counted = 0, 0
    for p, t in zip(pred.flatten().tolist(), target.flatten().tolist()):
        if ignore_index is not None and t == ignore_index:
            continue
        counted += 1
        right += int(p) == int(t)
    return right / counted if counted > 0 else float("nan")
""",
    ),
    Alternative(
        "a 0-dim tensor comes back; the mean of nothing is NaN by itself",
        "pixel_accuracy",
        """\
def pixel_accuracy(pred, target, ignore_index=None):
    if tuple(pred.size()) != tuple(target.size()):
        raise RuntimeError("sizes differ")
    target = target.long()
    hits = (pred.long() == target).float()
    if ignore_index is not None:
        hits = hits[target != ignore_index]
    return torch.mean(hits)
""",
    ),
)

_BOX_IOU = (
    Alternative(
        "epsilon 1e-6 in the denominator",
        "box_iou",
        _edit(_edit(BOX_IOU, "inter / union", "inter / (union + 1e-6)"), "    iou[union == 0] = 0\n", ""),
    ),
    Alternative(
        "epsilon 1e-9 in the denominator, computed in float64",
        "box_iou",
        """\
EPSILON = 1e-9


def area(boxes):
    w = (boxes[:, 2] - boxes[:, 0]).clamp_min(0)
    h = (boxes[:, 3] - boxes[:, 1]).clamp_min(0)
    return w * h


def box_iou(boxes1, boxes2):
    if boxes1.ndim != 2 or boxes1.shape[-1] != 4 or boxes2.ndim != 2 or boxes2.shape[-1] != 4:
        raise ValueError("not boxes")
    out_dtype = torch.float64 if torch.float64 in {boxes1.dtype, boxes2.dtype} else torch.float32
    boxes1, boxes2 = boxes1.double(), boxes2.double()
    lt = torch.maximum(boxes1.unsqueeze(1)[..., :2], boxes2.unsqueeze(0)[..., :2])
    rb = torch.minimum(boxes1.unsqueeze(1)[..., 2:], boxes2.unsqueeze(0)[..., 2:])
    wh = torch.relu(rb - lt)
    intersection = torch.prod(wh, dim=-1)
    union = area(boxes1).unsqueeze(1) + area(boxes2).unsqueeze(0) - intersection
    return (intersection / (union + EPSILON)).to(out_dtype)
""",
    ),
    Alternative(
        "computed in float32 even for float64 boxes",
        "box_iou",
        _edit(
            _edit(
                BOX_IOU, "a = boxes1.to(dtype)\n    b = boxes2.to(dtype)", "a = boxes1.float()\n    b = boxes2.float()"
            ),
            "    return iou",
            "    return iou.to(dtype)",
        ),
    ),
    Alternative(
        "two loops of Python numbers",
        "box_iou",
        """\
def box_iou(boxes1, boxes2):
    for b in (boxes1, boxes2):
        if b.dim() != 2 or b.size(1) != 4:
            raise ValueError("expected (N, 4)")
    double = boxes1.dtype == torch.float64 or boxes2.dtype == torch.float64
    dtype = torch.float64 if double else torch.float32
    result = torch.zeros((len(boxes1), len(boxes2)), dtype=dtype, device=boxes1.device)
    for i in range(len(boxes1)):
        x1, y1, x2, y2 = [float(v) for v in boxes1[i]]
        for j in range(len(boxes2)):
            u1, v1, u2, v2 = [float(v) for v in boxes2[j]]
            w, h = min(x2, u2) - max(x1, u1), min(y2, v2) - max(y1, v1)
            if w <= 0 or h <= 0:
                continue
            inter = w * h
            result[i, j] = inter / ((x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - inter)
    return result
""",
    ),
    Alternative(
        "numpy",
        "box_iou",
        """\
import numpy as np


def box_iou(boxes1, boxes2):
    if boxes1.ndim != 2 or boxes2.ndim != 2 or boxes1.shape[1] != 4 or boxes2.shape[1] != 4:
        raise ValueError("expected (N, 4)")
    out = torch.float64 if torch.float64 in (boxes1.dtype, boxes2.dtype) else torch.float32
    a, b = boxes1.detach().cpu().double().numpy(), boxes2.detach().cpu().double().numpy()
    wh = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    inter = np.prod(np.clip(wh, 0, None), axis=2)
    area_a, area_b = (np.prod(np.clip(x[:, 2:] - x[:, :2], 0, None), axis=1) for x in (a, b))
    union = area_a[:, None] + area_b[None, :] - inter
    with np.errstate(invalid="ignore", divide="ignore"):
        iou = np.where(union > 0, inter / union, 0.0)
    return torch.from_numpy(iou).to(boxes1.device, out)
""",
    ),
    Alternative(
        "prints, warns, and has a helper whose name begins with test_",
        "box_iou",
        "import warnings\n\n\n"
        "def test_sides(low, high):\n    return (high - low).clamp(min=0)\n\n\n"
        + _edit(
            _edit(
                BOX_IOU,
                "(ax2 - ax1).clamp(min=0) * (ay2 - ay1).clamp(min=0)",
                "test_sides(ax1, ax2) * test_sides(ay1, ay2)",
            ),
            "    w = ",
            "    print('boxes', boxes1.shape, boxes2.shape)\n    warnings.warn('computing areas')\n    w = ",
        ),
    ),
    Alternative(
        "negative areas of inverted boxes, where no intersection is left anyway",
        "box_iou",
        """\
def box_iou(boxes1, boxes2):
    if boxes1.dim() != 2 or boxes2.dim() != 2 or boxes1.shape[1] != 4 or boxes2.shape[1] != 4:
        raise ValueError("expected (N, 4)")
    dtype = torch.float64 if torch.float64 in (boxes1.dtype, boxes2.dtype) else torch.float32
    a, b = boxes1.to(dtype), boxes2.to(dtype)
    wh = (torch.min(a[:, None, 2:], b[:, 2:]) - torch.max(a[:, None, :2], b[:, :2])).clamp(0)
    inter = wh[..., 0] * wh[..., 1]
    areas = [(x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1]) for x in (a, b)]
    union = areas[0][:, None] + areas[1][None] - inter
    return torch.where(inter > 0, inter / union, torch.zeros_like(inter))
""",
    ),
)

_MATCH_DETECTIONS = (
    Alternative(
        "a list of two tensors comes back",
        "match_detections",
        _edit(MATCH_DETECTIONS, "    return tp, ignored", "    return [tp, ignored]"),
    ),
    Alternative(
        "Python's sort",
        "match_detections",
        _edit(
            MATCH_DETECTIONS,
            "order = torch.sort(pred_scores, descending=True, stable=True)[1].tolist()",
            "order = sorted(range(n), key=lambda i: -float(pred_scores[i]))",
        ),
    ),
    Alternative(
        "numpy, a table of IoUs that is crossed out",
        "match_detections",
        """\
import numpy as np


def match_detections(pred_boxes, pred_scores, gt_boxes, iou_threshold=0.5, gt_ignore=None):
    P, G = pred_boxes.shape[0], gt_boxes.shape[0]
    flags = np.zeros(G, dtype=bool) if gt_ignore is None else gt_ignore.cpu().numpy().astype(bool)
    if pred_scores.shape[0] != P or flags.shape[0] != G or not 0.0 <= iou_threshold <= 1.0:
        raise ValueError("arguments do not fit")
    table = box_iou(pred_boxes, gt_boxes).cpu().numpy().copy()
    on_crowd = (table[:, flags] >= iou_threshold).any(axis=1)
    table[:, flags] = -1
    tp = np.zeros(P, dtype=bool)
    if G:
        for p in np.argsort(-pred_scores.cpu().numpy(), kind="stable"):
            g = int(np.argmax(table[p]))
            if table[p, g] >= iou_threshold:
                tp[p] = True
                table[:, g] = -1
    device = pred_boxes.device
    return torch.from_numpy(tp).to(device), torch.from_numpy(on_crowd & ~tp).to(device)
""",
    ),
    Alternative(
        "its own IoU of two boxes, in loops",
        "match_detections",
        """\
def iou_of(a, b):
    w = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    h = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h
    return w * h / (union + 1e-9)


def match_detections(pred_boxes, pred_scores, gt_boxes, iou_threshold=0.5, gt_ignore=None):
    if len(pred_boxes) != len(pred_scores):
        raise ValueError("scores")
    if gt_ignore is not None and len(gt_ignore) != len(gt_boxes):
        raise ValueError("flags")
    if iou_threshold < 0 or iou_threshold > 1:
        raise ValueError("threshold")
    preds, truth = pred_boxes.tolist(), gt_boxes.tolist()
    ignore = gt_ignore.tolist() if gt_ignore is not None else [False for _ in truth]
    used = [False for _ in truth]
    tp, ignored = [False] * len(preds), [False] * len(preds)
    for i in sorted(range(len(preds)), key=pred_scores.tolist().__getitem__, reverse=True):
        candidates = [(iou_of(preds[i], b), -j) for j, b in enumerate(truth) if not ignore[j] and not used[j]]
        value, j = max(candidates, default=(-1.0, 0))
        if value >= iou_threshold:
            used[-j] = tp[i] = True
        else:
            ignored[i] = any(iou_of(preds[i], b) >= iou_threshold for b, skip in zip(truth, ignore) if skip)
    tp, ignored = (torch.tensor(flags, dtype=torch.bool, device=pred_boxes.device) for flags in (tp, ignored))
    return tp, ignored
""",
    ),
    Alternative(
        "of equal IoUs the later ground truth",
        "match_detections",
        _edit(MATCH_DETECTIONS, "ious[d][g] > best_iou", "ious[d][g] >= best_iou"),
    ),
)

_PRECISION_RECALL = (
    Alternative(
        "numpy",
        "precision_recall",
        """\
import numpy as np


def precision_recall(tp, scores, num_gt):
    if tp.shape != scores.shape or num_gt < 0:
        raise ValueError("arguments")
    dtype = scores.dtype if scores.dtype in (torch.float32, torch.float64) else torch.float32
    order = np.argsort(-scores.cpu().numpy().astype(np.float64), kind="mergesort")
    hits = np.cumsum(tp.cpu().numpy()[order].astype(np.float64))
    precision = hits / np.arange(1, len(hits) + 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = hits / np.float64(num_gt) if num_gt else np.full_like(hits, np.nan)
    return tuple(torch.as_tensor(column, dtype=dtype, device=scores.device) for column in (precision, recall))
""",
    ),
    Alternative(
        "a loop, and a list of two tensors comes back",
        "precision_recall",
        """\
def precision_recall(tp, scores, num_gt):
    if len(tp) != len(scores):
        raise ValueError("length")
    if num_gt < 0:
        raise ValueError("num_gt")
    rows = sorted(zip(scores.tolist(), tp.tolist()), key=lambda row: row[0], reverse=True)
    precision, recall, right = [], [], 0
    for rank, (_, hit) in enumerate(rows, start=1):
        right += hit
        precision.append(right / rank)
        recall.append(right / num_gt if num_gt else math.nan)
    dtype = torch.float64 if scores.dtype is torch.float64 else torch.float32
    return [torch.tensor(column, dtype=dtype, device=scores.device) for column in (precision, recall)]
""",
    ),
    Alternative(
        "0 / 0 gives the NaN; lengths are left to the indexing",
        "precision_recall",
        """\
def precision_recall(tp, scores, num_gt):
    if num_gt < 0:
        raise ValueError("num_gt must not be negative")
    if tp.numel() != scores.numel():
        raise IndexError("as many scores as detections")
    order = torch.argsort(scores, dim=0, descending=True, stable=True)
    right = tp[order].cumsum(0)
    wrong = (~tp[order]).cumsum(0)
    dtype = torch.float64 if scores.dtype == torch.float64 else torch.float32
    return (right.to(dtype) / (right + wrong).to(dtype), right.to(dtype) / torch.tensor(num_gt, dtype=dtype))
""",
    ),
)

_AVERAGE_PRECISION = (
    Alternative(
        "numpy, like VOC's and COCO's own code",
        "average_precision",
        """\
import numpy as np


def average_precision(precision, recall, method="all_points"):
    if method not in {"step", "all_points", "11_point", "101_point", "trapezoid"}:
        raise ValueError(f"unknown method {method}")
    p, r = precision.cpu().numpy().astype(np.float64), recall.cpu().numpy().astype(np.float64)
    if np.isnan(r).any():
        return float("nan")
    if r.size == 0:
        return 0.0
    if method == "step":
        return float(np.sum(np.diff(r, prepend=0.0) * p))
    if method == "trapezoid":
        return float(np.trapezoid(np.r_[1.0, p], np.r_[0.0, r]))
    if method == "all_points":
        mrec, mpre = np.r_[0.0, r, 1.0], np.r_[0.0, p, 0.0]
        for i in range(mpre.size - 1, 0, -1):
            mpre[i - 1] = max(mpre[i - 1], mpre[i])
        i = np.where(mrec[1:] != mrec[:-1])[0]
        return float(np.sum((mrec[i + 1] - mrec[i]) * mpre[i + 1]))
    envelope = np.maximum.accumulate(p[::-1])[::-1]
    grid = np.linspace(0.0, 1.0, 11 if method == "11_point" else 101)
    rows = np.searchsorted(r, grid - 1e-9, side="left")
    return np.mean([envelope[k] if k < len(envelope) else 0.0 for k in rows])
""",
    ),
    Alternative(
        "a grid in floats that 3 / 5 does not reach",
        "average_precision",
        "import numpy as np\n\n\n"
        + _edit(
            _edit(AVERAGE_PRECISION, "for i in range(n + 1):", "for t in np.linspace(0, 1, n + 1):"),
            "ri >= i / n - 1e-6",
            "ri >= t",
        ),
    ),
    Alternative(
        "a grid in float32, and a 0-dim float32 tensor comes back",
        "average_precision",
        """\
def average_precision(precision, recall, method="all_points"):
    if method not in ("step", "all_points", "11_point", "101_point", "trapezoid"):
        raise ValueError("method")
    if precision.numel() == 0:
        return precision.new_zeros(())
    if recall.isnan().any():
        return recall.new_tensor(float("nan"))
    p, r = precision.float(), recall.float()
    zero, one = r.new_zeros(1), r.new_ones(1)
    if method in ("11_point", "101_point"):
        grid = torch.linspace(0, 1, int(method.split("_")[0]), device=r.device)
        return torch.stack([p[r >= t].max() if (r >= t).any() else zero[0] for t in grid]).mean()
    if method == "trapezoid":
        return torch.trapezoid(torch.cat([one, p]), torch.cat([zero, r]))
    if method == "all_points":
        p = torch.flip(torch.cummax(torch.flip(p, [0]), 0)[0], [0])
    return torch.sum(torch.diff(r, prepend=zero) * p)
""",
    ),
    Alternative(
        "one function per method, in a table",
        "average_precision",
        """\
def steps(p, r):
    return sum((b - a) * h for a, b, h in zip([0.0] + r, r, p))


def envelope(p):
    best, out = 0.0, []
    for value in reversed(p):
        best = max(best, value)
        out.append(best)
    return out[::-1]


def on_grid(p, r, n):
    return sum(max((a for a, b in zip(p, r) if b + 1e-9 >= i / n), default=0.0) for i in range(n + 1)) / (n + 1)


METHODS = {
    "step": steps,
    "all_points": lambda p, r: steps(envelope(p), r),
    "11_point": lambda p, r: on_grid(p, r, 10),
    "101_point": lambda p, r: on_grid(p, r, 100),
    "trapezoid": lambda p, r: steps([(a + b) / 2 for a, b in zip([1.0] + p, p)], r),
}


def average_precision(precision, recall, method="all_points"):
    if method not in METHODS:
        raise ValueError(method)
    p, r = [float(x) for x in precision], [float(x) for x in recall]
    if any(x != x for x in r):
        return float("nan")
    return float(METHODS[method](p, r))
""",
    ),
)

_OMISSION = (
    "                ap[c, t] = math.nan\n                continue\n",
    "                continue\n",
    "per_class = {c: sum(ap[c, t] for t in iou_thresholds) / len(iou_thresholds) for c in classes}",
    "per_class = {}\n    for c in classes:\n        if all((c, t) in ap for t in iou_thresholds):\n"
    "            per_class[c] = sum(ap[c, t] for t in iou_thresholds) / len(iou_thresholds)",
)

_MEAN_AVERAGE_PRECISION = (
    Alternative(
        "classes without ground truth are left out of the dicts",
        "mean_average_precision",
        _edit(_edit(MEAN_AVERAGE_PRECISION, _OMISSION[0], _OMISSION[1]), _OMISSION[2], _OMISSION[3]),
    ),
    Alternative(
        "0-dim tensors as values, thresholds in a list",
        "mean_average_precision",
        _edit(
            _edit(
                MEAN_AVERAGE_PRECISION,
                'return {"map": mean, "map_per_class": per_class, "ap": ap}',
                'device = preds[0]["scores"].device if preds else None\n'
                '    return {\n        "map": torch.tensor(mean, device=device),\n'
                '        "map_per_class": {c: torch.tensor(v, device=device) for c, v in per_class.items()},\n'
                '        "ap": {k: torch.tensor(v, dtype=torch.float64, device=device) for k, v in ap.items()},\n    }',
            ),
            "tuple(round(0.5 + 0.05 * i, 2) for i in range(10))",
            "[0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]",
        ),
    ),
    Alternative(
        "numpy numbers as keys and values, thresholds of np.linspace, another entry",
        "mean_average_precision",
        """\
import numpy as np

COCO_IOU_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10))


def mean_average_precision(preds, targets, iou_thresholds=(0.5,), method="all_points"):
    if len(preds) != len(targets):
        raise ValueError("images")
    images = [x["labels"].cpu().numpy() for x in [*preds, *targets]]
    labels = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *images]))
    ap = {}
    for t in iou_thresholds:
        for c in labels:
            tp, scores, total = [], [], 0
            for p, g in zip(preds, targets):
                pi, gi = (np.flatnonzero(x["labels"].cpu().numpy() == c) for x in (p, g))
                crowd = g.get("iscrowd", torch.zeros_like(g["labels"]))[gi].bool()
                hit, skip = match_detections(p["boxes"][pi], p["scores"][pi], g["boxes"][gi], t, crowd)
                keep = ~skip.cpu().numpy()
                tp.append(hit.cpu().numpy()[keep])
                scores.append(p["scores"].cpu().numpy()[pi][keep])
                total += len(gi) - int(crowd.sum())
            curve = precision_recall(torch.tensor(np.concatenate(tp)), torch.tensor(np.concatenate(scores)), total)
            ap[c, t] = np.float64(average_precision(*curve, method)) if total else np.nan
    table = np.array([[ap[c, t] for t in iou_thresholds] for c in labels]).reshape(len(labels), len(iou_thresholds))
    per_class = dict(zip(labels, table.mean(axis=1)))
    good = [v for v in per_class.values() if not np.isnan(v)]
    return {"map": np.mean(good) if good else np.nan, "map_per_class": per_class, "ap": ap, "classes": len(labels)}
""",
    ),
    Alternative(
        "mean over classes at each threshold first, with a class of its own",
        "mean_average_precision",
        """\
from collections import defaultdict


class Evaluator:
    def __init__(self, method):
        self.method = method
        self.rows = defaultdict(list)
        self.total = defaultdict(int)

    def add(self, pred, target, threshold):
        crowd = target.get("iscrowd", torch.zeros_like(target["labels"])).bool()
        for c in {*pred["labels"].tolist(), *target["labels"].tolist()}:
            p, g = pred["labels"] == c, target["labels"] == c
            self.total[c] += (~crowd[g]).sum().item()
            tp, skip = match_detections(pred["boxes"][p], pred["scores"][p], target["boxes"][g], threshold, crowd[g])
            self.rows[c] += [(s, h) for s, h, x in zip(pred["scores"][p].tolist(), tp.tolist(), skip.tolist()) if not x]

    def ap(self, c):
        if self.total[c] == 0:
            return float("nan")
        scores = torch.tensor([s for s, _ in self.rows[c]], dtype=torch.float64)
        hits = torch.tensor([h for _, h in self.rows[c]], dtype=torch.bool)
        return float(average_precision(*precision_recall(hits, scores, self.total[c]), self.method))


def nanmean(values):
    values = [v for v in values if v == v]
    return sum(values) / len(values) if values else float("nan")


def mean_average_precision(preds, targets, iou_thresholds=(0.5,), method="all_points"):
    if len(preds) != len(targets):
        raise ValueError("lengths")
    ap, at_threshold = {}, []
    for t in iou_thresholds:
        e = Evaluator(method)
        for pred, target in zip(preds, targets):
            e.add(pred, target, t)
        found = {c: e.ap(c) for c in sorted(e.total)}
        at_threshold.append(nanmean(found.values()))
        ap.update({(c, t): v for c, v in found.items()})
    labels = sorted({c for c, _ in ap})
    per_class = {c: nanmean([ap[c, t] for t in iou_thresholds]) for c in labels}
    return dict(map=nanmean(at_threshold), map_per_class=per_class, ap=ap)


COCO_IOU_THRESHOLDS = tuple(0.5 + i * 0.05 for i in range(10))
""",
    ),
    Alternative(
        "needs no other exercise",
        "mean_average_precision",
        """\
def _iou(a, b):
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def _area(hits, n, method):
    p, r, k = [], [], 0
    for i, hit in enumerate(hits):
        k += hit
        p.append(k / (i + 1))
        r.append(k / n)
    if method in ("11_point", "101_point"):
        m = int(method.split("_")[0])
        return sum(max([x for x, y in zip(p, r) if y >= j / (m - 1) - 1e-6] + [0.0]) for j in range(m)) / m
    total, last_p, last_r = 0.0, 1.0, 0.0
    for i in range(len(p)):
        height = {"step": p[i], "all_points": max(p[i:]), "trapezoid": (p[i] + last_p) / 2}[method]
        total += (r[i] - last_r) * height
        last_p, last_r = p[i], r[i]
    return total


def mean_average_precision(preds, targets, iou_thresholds=(0.5,), method="all_points"):
    assert method in ("step", "all_points", "11_point", "101_point", "trapezoid")
    if len(preds) != len(targets):
        raise ValueError("lengths")
    classes = sorted({c for d in [*preds, *targets] for c in d["labels"].tolist()})
    ap = {}
    for c in classes:
        for t in iou_thresholds:
            rows, n = [], 0
            for pred, target in zip(preds, targets):
                flags = target["iscrowd"].tolist() if "iscrowd" in target else [0] * len(target["labels"])
                rows_of_target = zip(target["boxes"].tolist(), target["labels"].tolist(), flags)
                truth = [(b, bool(f)) for b, l, f in rows_of_target if l == c]
                n += sum(not f for _, f in truth)
                free = set(j for j, (_, f) in enumerate(truth) if not f)
                rows_of_pred = zip(pred["scores"].tolist(), pred["boxes"].tolist(), pred["labels"].tolist())
                found = [(s, b) for s, b, l in rows_of_pred if l == c]
                for s, b in sorted(found, key=lambda x: -x[0]):
                    best = max(free, key=lambda j: _iou(b, truth[j][0]), default=None)
                    if best is not None and _iou(b, truth[best][0]) >= t:
                        free.remove(best)
                        rows.append((s, True))
                    elif not any(f and _iou(b, box) >= t for box, f in truth):
                        rows.append((s, False))
            rows.sort(key=lambda x: -x[0])
            ap[c, t] = _area([hit for _, hit in rows], n, method) if n else float("nan")
    per_class = {c: sum(ap[c, t] for t in iou_thresholds) / len(iou_thresholds) for c in classes}
    known = [v for v in per_class.values() if v == v]
    return {"ap": ap, "map_per_class": per_class, "map": sum(known) / len(known) if known else float("nan")}


COCO_IOU_THRESHOLDS = 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95
""",
    ),
)

ALTERNATIVES = (
    *_PLAIN,
    *_PIXEL_ACCURACY,
    *_BOX_IOU,
    *_MATCH_DETECTIONS,
    *_PRECISION_RECALL,
    *_AVERAGE_PRECISION,
    *_MEAN_AVERAGE_PRECISION,
)
