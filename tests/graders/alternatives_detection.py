"""Correct solutions of the topic *detection* in other styles, each of which must earn all points.

What the stub's docstring leaves open is free: loops or vectorised code, numpy inside, logits or stable sums by hand,
any way to find the survivors, helpers of any name, output on the way.
"""

from __future__ import annotations

from tests.graders.mutants_detection import BASES, BATCHED_NMS, ENCODE_TARGETS, GRID_DETECTION_LOSS, NMS, TRAIN_DETECTOR
from tests.graders.proof import Alternative


def _edit(source: str, *edits: tuple[str, str]) -> str:
    """Return ``source`` with each ``(old, new)`` replaced; ``old`` has to be there."""
    for old, new in edits:
        if old not in source:
            raise ValueError(f"nothing to replace: {old!r}")
        source = source.replace(old, new)
    return source


_PLAIN = tuple(Alternative("plain", exercise, source) for exercise, source in BASES.items())

_BOXES = (
    Alternative(
        "matrices: every format is linear in xyxy",
        "box_convert",
        """\
TO_XYXY = {
    "xyxy": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
    "xxyy": [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]],
    "xywh": [[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1]],
    "cxcywh": [[1, 0, -0.5, 0], [0, 1, 0, -0.5], [1, 0, 0.5, 0], [0, 1, 0, 0.5]],
}


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    if in_fmt not in TO_XYXY or out_fmt not in TO_XYXY or boxes.shape[-1] != 4:
        raise ValueError("box_convert")
    there = torch.tensor(TO_XYXY[in_fmt], dtype=torch.float64, device=boxes.device)
    back = torch.linalg.inv(torch.tensor(TO_XYXY[out_fmt], dtype=torch.float64)).to(boxes.device)
    result = boxes.double() @ (back @ there).T
    if boxes.is_floating_point():
        return result.to(boxes.dtype)
    if "cxcywh" in (in_fmt, out_fmt):
        return result.float()
    return result.round().long().to(torch.int64 if boxes.dtype == torch.bool else boxes.dtype)
""",
    ),
    Alternative(
        "tables of functions, through xyxy",
        "box_convert",
        """\
def _split(b):
    return b[..., 0], b[..., 1], b[..., 2], b[..., 3]


INTO = {
    "xyxy": lambda a, b, c, d: (a, b, c, d),
    "xxyy": lambda a, b, c, d: (a, c, b, d),
    "xywh": lambda a, b, c, d: (a, b, a + c, b + d),
    "cxcywh": lambda a, b, c, d: (a - 0.5 * c, b - 0.5 * d, a + 0.5 * c, b + 0.5 * d),
}
FROM = {
    "xyxy": lambda a, b, c, d: (a, b, c, d),
    "xxyy": lambda a, b, c, d: (a, c, b, d),
    "xywh": lambda a, b, c, d: (a, b, c - a, d - b),
    "cxcywh": lambda a, b, c, d: (0.5 * (a + c), 0.5 * (b + d), c - a, d - b),
}


def box_convert(boxes, in_fmt, out_fmt):
    if boxes.ndim == 0 or boxes.size(-1) != 4:
        raise ValueError("boxes")
    try:
        into, out = INTO[in_fmt], FROM[out_fmt]
    except KeyError:
        raise ValueError("format") from None
    if boxes.dtype == torch.bool:
        boxes = boxes.long()
    if "cxcywh" in (in_fmt, out_fmt) and not boxes.is_floating_point():
        boxes = boxes.float()
    return torch.stack(out(*into(*_split(boxes))), -1).to(boxes.dtype)
""",
    ),
    Alternative(
        "product of relu",
        "box_area",
        """\
def box_area(boxes_xyxy):
    if boxes_xyxy.size(-1) != 4:
        raise RuntimeError("boxes")
    wh = torch.relu(boxes_xyxy[..., 2:].double() - boxes_xyxy[..., :2].double())
    area = torch.prod(wh, dim=-1)
    return area if boxes_xyxy.dtype == torch.float64 else area.float()
""",
    ),
    Alternative(
        "through sizes",
        "box_area",
        """\
def box_area(boxes_xyxy):
    if boxes_xyxy.dtype != torch.float64:
        boxes_xyxy = boxes_xyxy.to(torch.float32)
    sizes = box_convert(boxes_xyxy, "xyxy", "xywh")[..., 2:]
    return sizes[..., 0].clip(0) * sizes[..., 1].clip(0)
""",
    ),
    Alternative(
        "minimum and maximum with tensors",
        "clip_boxes_to_image",
        """\
def clip_boxes_to_image(boxes_xyxy, size):
    height, width = size
    if height <= 0 or width <= 0:
        raise ValueError("size")
    if boxes_xyxy.shape[-1] != 4:
        raise ValueError("boxes")
    dtype = torch.int64 if boxes_xyxy.dtype == torch.bool else boxes_xyxy.dtype
    wide = boxes_xyxy.double()
    high = torch.tensor([width, height] * 2, dtype=torch.float64, device=wide.device)
    return torch.minimum(torch.maximum(wide, torch.zeros_like(high)), high).to(dtype)
""",
    ),
)

_ONE_OBJECT = (
    Alternative(
        "PyTorch's losses",
        "localization_loss",
        """\
def localization_loss(pred, target, kind="se", reduction="mean"):
    losses = {"se": F.mse_loss, "l1": F.l1_loss, "smooth_l1": F.smooth_l1_loss}
    if kind not in losses or reduction not in ("none", "sum", "mean"):
        raise ValueError("unknown")
    if tuple(pred.shape) != tuple(target.shape) or pred.ndim != 2 or pred.size(1) != 4:
        raise ValueError("shapes")
    if pred.is_floating_point():
        dtype = pred.dtype
    else:
        dtype = torch.float64 if target.dtype == torch.float64 else torch.float32
    rows = losses[kind](pred.double(), target.double(), reduction="none").sum(1)
    return {"none": lambda r: r, "sum": torch.sum, "mean": torch.mean}[reduction](rows).to(dtype)
""",
    ),
    Alternative(
        "the smooth loss by its smaller part, and einsum",
        "localization_loss",
        """\
def localization_loss(pred, target, kind="se", reduction="mean"):
    assert_shape = pred.dim() == 2 and pred.shape[1] == 4 and pred.shape == target.shape
    if not assert_shape:
        raise ValueError("boxes")
    d = pred.double() - target.double()
    if kind == "se":
        rows = torch.einsum("ij,ij->i", d, d)
    elif kind == "l1":
        rows = d.abs().sum(-1)
    elif kind == "smooth_l1":
        m = d.abs().clamp(max=1)
        rows = (m * (d.abs() - m / 2)).sum(-1)
    else:
        raise ValueError(kind)
    dtype = torch.float64 if target.dtype == torch.float64 else torch.float32
    if pred.is_floating_point():
        dtype = pred.dtype
    if reduction == "none":
        return rows.to(dtype)
    if reduction == "sum":
        return rows.sum().to(dtype)
    if reduction == "mean":
        return (rows.sum() / rows.shape[0]).to(dtype)
    raise ValueError(reduction)
""",
    ),
    Alternative(
        "log_softmax and a one-hot product",
        "classification_localization_loss",
        """\
def classification_localization_loss(output, class_target, box_target, lam=1.0, kind="se"):
    if output.ndim != 2 or output.shape[1] < 5 or not output.dtype.is_floating_point:
        raise ValueError("output")
    n, c = output.shape[0], output.shape[1] - 4
    if class_target.dtype.is_floating_point or class_target.shape != (n,) or box_target.shape != (n, 4):
        raise ValueError("targets")
    one_hot = class_target[:, None] == torch.arange(c, device=output.device)
    if not one_hot.any(dim=1).all():
        raise ValueError("class")
    log_p = torch.log_softmax(output[:, :c].double(), dim=1)
    ce = -torch.where(one_hot, log_p, 0.0).sum() / n
    return (ce + lam * localization_loss(output[:, c:].double(), box_target, kind=kind)).to(output.dtype)
""",
    ),
    Alternative(
        "everything by hand, with logsumexp",
        "classification_localization_loss",
        """\
def classification_localization_loss(output, class_target, box_target, lam=1.0, kind="se"):
    if not output.is_floating_point() or output.dim() != 2 or output.size(1) <= 4:
        raise ValueError("output")
    z, b = torch.split(output.double(), [output.size(1) - 4, 4], dim=1)
    if class_target.dim() != 1 or len(class_target) != len(z) or class_target.is_floating_point():
        raise ValueError("classes")
    t = class_target.to(torch.int64)
    if t.numel() and (t.min().item() < 0 or t.max().item() > z.size(1) - 1):
        raise ValueError("classes")
    ce = torch.logsumexp(z, 1) - z[torch.arange(len(z), device=z.device), t]
    box = localization_loss(b, box_target, kind, "none")
    return torch.mean(ce + lam * box).to(output.dtype)
""",
    ),
)

_GRID = (
    Alternative(
        "cells of all objects at once",
        "encode_targets",
        """\
def encode_targets(boxes_xxyy, labels, S, B, C, image_size):
    if not (S >= 1 and B >= 1 and C >= 1):
        raise ValueError("grid")
    H, W = image_size
    if H <= 0 or W <= 0:
        raise ValueError("size")
    if boxes_xxyy.ndim != 2 or boxes_xxyy.shape[1] != 4 or labels.shape != boxes_xxyy.shape[:1]:
        raise ValueError("shapes")
    if labels.is_floating_point() or not bool(((labels.long() >= 0) & (labels.long() < C)).all()):
        raise ValueError("labels")
    dtype = boxes_xxyy.dtype if boxes_xxyy.is_floating_point() else torch.float32
    wide = boxes_xxyy.to(torch.float64)
    x = (wide[:, 0] + wide[:, 1]) / 2
    y = (wide[:, 2] + wide[:, 3]) / 2
    column = torch.floor(S * x / W).clamp(0, S - 1).long()
    row = torch.floor(S * y / H).clamp(0, S - 1).long()
    cell = row * S + column
    slot = ((cell[:, None] == cell[None, :]).tril(-1)).sum(1)  # objects before it in the same cell
    if len(slot) and int(slot.max()) >= B:
        raise ValueError("too many")
    obj = wide.new_zeros(S, S, B)
    cls = torch.zeros_like(obj, dtype=torch.int64)
    box = wide.new_zeros(S, S, B, 4)
    obj[row, column, slot] = 1
    cls[row, column, slot] = labels.long()
    box[row, column, slot] = torch.stack((wide[:, 0] / W, wide[:, 1] / W, wide[:, 2] / H, wide[:, 3] / H), 1)
    return obj.to(dtype), cls, box.to(dtype)
""",
    ),
    Alternative(
        "nested lists and a counter",
        "encode_targets",
        """\
from collections import Counter


def encode_targets(boxes_xxyy, labels, S, B, C, image_size):
    height, width = image_size
    if min(S, B, C) < 1 or min(height, width) <= 0:
        raise ValueError("arguments")
    if boxes_xxyy.dim() != 2 or boxes_xxyy.size(1) != 4 or labels.dim() != 1 or len(labels) != len(boxes_xxyy):
        raise ValueError("shapes")
    if labels.is_floating_point():
        raise TypeError("labels")
    obj = [[[0.0] * B for _ in range(S)] for _ in range(S)]
    cls = [[[0] * B for _ in range(S)] for _ in range(S)]
    box = [[[[0.0] * 4 for _ in range(B)] for _ in range(S)] for _ in range(S)]
    seen = Counter()
    for (a, b, c, d), k in zip(boxes_xxyy.tolist(), labels.tolist()):
        if not 0 <= k < C:
            raise ValueError("label")
        row = min(max(int((c + d) * S // (2 * height)), 0), S - 1)
        col = min(max(int((a + b) * S // (2 * width)), 0), S - 1)
        n = seen[row, col]
        if n >= B:
            raise ValueError("full")
        seen[row, col] += 1
        obj[row][col][n], cls[row][col][n] = 1.0, int(k)
        box[row][col][n] = [a / width, b / width, c / height, d / height]
    kind = boxes_xxyy.dtype if boxes_xxyy.is_floating_point() else torch.float32
    where = boxes_xxyy.device
    return (
        torch.tensor(obj, dtype=kind, device=where),
        torch.tensor(cls, dtype=torch.int64, device=where),
        torch.tensor(box, dtype=torch.float64, device=where).to(kind),
    )
""",
    ),
    Alternative(
        "a list comes back, not a tuple",
        "encode_targets",
        _edit(ENCODE_TARGETS, ("return obj, cls, box", "return [obj, cls, box]")),
    ),
    Alternative(
        "split, and the formulas by hand",
        "decode_predictions",
        """\
def decode_predictions(pred, image_size, class_activation="softmax"):
    if not pred.is_floating_point():
        raise ValueError("dtype")
    if pred.ndim != 5 or pred.shape[1] != pred.shape[2] or pred.shape[4] < 6:
        raise ValueError("shape")
    height, width = image_size
    if height <= 0 or width <= 0:
        raise ValueError("size")
    raw = pred.double()
    conf = 1 / (1 + torch.exp(-raw[..., 0]))
    z = raw[..., 1:-4]
    if class_activation == "softmax":
        e = torch.exp(z - z.amax(dim=-1, keepdim=True))
        probs = e / e.sum(-1, keepdim=True)
    elif class_activation == "sigmoid":
        probs = torch.sigmoid(z)
    else:
        raise ValueError(class_activation)
    s = torch.sigmoid(raw[..., -4:])
    boxes = torch.cat((s[..., :2] * width, s[..., 2:] * height), dim=-1)
    return conf.to(pred.dtype), probs.to(pred.dtype), boxes.to(pred.dtype)
""",
    ),
    Alternative(
        "slot by slot",
        "decode_predictions",
        """\
def decode_predictions(pred, image_size, class_activation="softmax"):
    if class_activation not in {"softmax", "sigmoid"} or len(image_size) != 2 or not min(image_size) > 0:
        raise ValueError("arguments")
    if pred.dim() != 5 or pred.size(1) != pred.size(2) or pred.size(-1) - 5 < 1 or not pred.is_floating_point():
        raise ValueError("pred")
    activation = nn.Softmax(dim=-1) if class_activation == "softmax" else nn.Sigmoid()
    H, W = image_size
    conf, probs, boxes = [], [], []
    for b in range(pred.size(3)):
        slot = pred[:, :, :, b]
        conf.append(slot[..., 0].sigmoid())
        probs.append(activation(slot[..., 1 : pred.size(-1) - 4]))
        xx = slot[..., -4:-2].sigmoid() * W
        yy = slot[..., -2:].sigmoid() * H
        boxes.append(torch.cat([xx, yy], dim=-1))
    return torch.stack(conf, 3), torch.stack(probs, 3), torch.stack(boxes, 3)
""",
    ),
    Alternative(
        "binary cross-entropy with logits and weights, masks instead of indices",
        "grid_detection_loss",
        """\
def grid_detection_loss(pred, obj, cls, box, lam_box=1.0, lam_noobj=1.0):
    if not pred.is_floating_point() or pred.ndim != 5 or pred.shape[1] != pred.shape[2] or pred.shape[-1] < 6:
        raise ValueError("pred")
    if not (obj.shape == cls.shape == pred.shape[:-1] and box.shape == (*pred.shape[:-1], 4)):
        raise ValueError("targets")
    y = obj.double()
    if not torch.isin(y, torch.tensor([0.0, 1.0], dtype=y.dtype, device=y.device)).all() or cls.is_floating_point():
        raise ValueError("targets")
    there = y.bool()
    c = cls.long().masked_fill(~there, 0)
    if ((c < 0) | (c >= pred.shape[-1] - 5)).any():
        raise ValueError("classes")
    p = pred.double()
    weight = torch.where(there, 1.0, lam_noobj).double()
    conf = F.binary_cross_entropy_with_logits(p[..., 0], y, weight=weight, reduction="sum")
    log_p = p[..., 1:-4].log_softmax(-1)
    picked = log_p.gather(-1, c.unsqueeze(-1)).squeeze(-1)
    classes = -picked.masked_fill(~there, 0.0).sum()
    t = box.double().masked_fill(~there[..., None], 0.0)
    squares = (p[..., -4:].sigmoid() - t).pow(2).masked_fill(~there[..., None], 0.0).sum()
    return ((conf + classes + lam_box * squares) / len(pred)).to(pred.dtype)
""",
    ),
    Alternative(
        "image by image, and their mean",
        "grid_detection_loss",
        """\
def grid_detection_loss(pred, obj, cls, box, lam_box=1.0, lam_noobj=1.0):
    if not pred.is_floating_point() or pred.dim() != 5 or pred.size(1) != pred.size(2) or pred.size(4) < 6:
        raise ValueError("pred")
    if obj.shape != pred.shape[:4] or cls.shape != pred.shape[:4] or box.shape != pred.shape[:4] + (4,):
        raise ValueError("targets")
    if cls.is_floating_point() or not bool(((obj == 0) | (obj == 1)).all()):
        raise ValueError("targets")
    losses = []
    for p, o, c, b in zip(pred.double(), obj, cls, box):
        there = o == 1
        mine = p[there]
        k = c[there].long()
        if ((k < 0) | (k >= p.shape[-1] - 5)).any():
            raise ValueError("class")
        loss = -F.logsigmoid(mine[:, 0]).sum() - lam_noobj * F.logsigmoid(-p[~there][:, 0]).sum()
        loss = loss + F.cross_entropy(mine[:, 1:-4], k, reduction="sum")
        loss = loss + lam_box * localization_loss(mine[:, -4:].sigmoid(), b[there], "se", "sum")
        losses.append(loss)
    if not losses:
        return pred.sum() * float("nan")
    return torch.stack(losses).mean().to(pred.dtype)
""",
    ),
    Alternative(
        "softplus with the sign of the flag",
        "grid_detection_loss",
        _edit(
            GRID_DETECTION_LOSS,
            (
                "    conf_obj = F.softplus(-z[yes]).sum()\n    conf_noobj = F.softplus(z[no]).sum()\n",
                "    conf = F.softplus(torch.where(yes, -z, z))\n"
                "    conf_obj, conf_noobj = conf[yes].sum(), conf[no].sum()\n",
            ),
        ),
    ),
)

_SUPPRESSION = (
    Alternative(
        "the whole matrix of IoUs first",
        "nms",
        """\
def _pairwise(b):
    area = box_area(b)
    low = torch.max(b[:, None, :2], b[None, :, :2])
    high = torch.min(b[:, None, 2:], b[None, :, 2:])
    inter = (high - low).clamp(min=0).prod(-1)
    return inter / (area[:, None] + area[None, :] - inter).clamp(min=1e-12)


def nms(boxes_xyxy, scores, iou_threshold):
    if boxes_xyxy.ndim != 2 or boxes_xyxy.shape[-1] != 4 or scores.shape != (boxes_xyxy.shape[0],):
        raise ValueError("shapes")
    if not 0.0 <= iou_threshold <= 1.0:
        raise ValueError("threshold")
    iou = _pairwise(boxes_xyxy.double())
    alive = torch.ones(len(boxes_xyxy), dtype=torch.bool, device=boxes_xyxy.device)
    order = scores.argsort(descending=True, stable=True)
    for place, i in enumerate(order.tolist()):
        if alive[i]:
            later = order[place + 1 :]
            alive[later] &= ~(iou[i, later] > iou_threshold)
    return order[alive[order]]
""",
    ),
    Alternative(
        "Python lists",
        "nms",
        """\
def overlap(p, q):
    w = max(min(p[2], q[2]) - max(p[0], q[0]), 0.0)
    h = max(min(p[3], q[3]) - max(p[1], q[1]), 0.0)
    size = lambda r: max(r[2] - r[0], 0.0) * max(r[3] - r[1], 0.0)
    union = size(p) + size(q) - w * h
    return w * h / union if union > 0 else 0.0


def nms(boxes_xyxy, scores, iou_threshold):
    if boxes_xyxy.dim() != 2 or boxes_xyxy.size(1) != 4 or scores.dim() != 1 or len(scores) != len(boxes_xyxy):
        raise ValueError("inputs")
    if iou_threshold < 0.0 or iou_threshold > 1.0:
        raise ValueError("threshold")
    rows = boxes_xyxy.tolist()
    values = scores.tolist()
    kept = []
    for i in sorted(range(len(rows)), key=lambda i: -values[i]):
        if all(overlap(rows[i], rows[j]) <= iou_threshold for j in kept):
            kept.append(i)
    return torch.tensor(kept, dtype=torch.long, device=boxes_xyxy.device)
""",
    ),
    Alternative(
        "numpy, on the CPU and back",
        "nms",
        """\
import numpy as np


def nms(boxes_xyxy, scores, iou_threshold):
    if boxes_xyxy.dim() != 2 or boxes_xyxy.size(1) != 4 or tuple(scores.shape) != (len(boxes_xyxy),):
        raise ValueError("inputs")
    if not 0 <= iou_threshold <= 1:
        raise ValueError("threshold")
    b = boxes_xyxy.detach().cpu().double().numpy()
    s = scores.detach().cpu().double().numpy()
    order = np.argsort(-s, kind="stable")
    area = np.clip(b[:, 2] - b[:, 0], 0, None) * np.clip(b[:, 3] - b[:, 1], 0, None)
    keep = []
    while order.size:
        i, rest = order[0], order[1:]
        keep.append(int(i))
        wh = np.clip(np.minimum(b[i, 2:], b[rest, 2:]) - np.maximum(b[i, :2], b[rest, :2]), 0, None)
        inter = wh.prod(axis=1)
        union = area[i] + area[rest] - inter
        order = rest[~(inter > iou_threshold * union)]
    return torch.tensor(keep, dtype=torch.int64, device=boxes_xyxy.device)
""",
    ),
    Alternative("IoUs in float32", "nms", _edit(NMS, ("boxes_xyxy.double()", "boxes_xyxy.float()"))),
    Alternative(
        "NaN never suppresses",
        "nms",
        _edit(
            NMS,
            ("torch.where(union > 0, inter / union, torch.zeros_like(inter))", "inter / union"),
            ("rest[iou <= iou_threshold]", "rest[~(iou > iou_threshold)]"),
        ),
    ),
    Alternative(
        "each box against those of its own group that were kept",
        "batched_nms",
        """\
def batched_nms(boxes, scores, idxs, iou_threshold):
    if idxs.dim() != 1 or len(idxs) != len(boxes):
        raise ValueError("groups")
    survivors = set(nms(boxes[:0], scores[:0], iou_threshold).tolist())
    if scores.shape != idxs.shape or boxes.shape[1] != 4:
        raise ValueError("shapes")
    groups = idxs.tolist()
    for group in sorted(set(groups)):
        mine = [i for i, g in enumerate(groups) if g == group]
        survivors |= {mine[k] for k in nms(boxes[mine], scores[mine], iou_threshold).tolist()}
    ranked = sorted(survivors, key=lambda i: (-float(scores[i]), i))
    return torch.tensor(ranked, dtype=torch.int64, device=boxes.device)
""",
    ),
    Alternative(
        "a shift that is large enough, in float64",
        "batched_nms",
        """\
def batched_nms(boxes, scores, idxs, iou_threshold):
    if idxs.shape != scores.shape or len(idxs) != len(boxes):
        raise ValueError("groups")
    if boxes.shape[0] == 0:
        return nms(boxes, scores, iou_threshold)
    wide = boxes.double()
    number = torch.unique(idxs, return_inverse=True)[1]
    span = wide.max() - wide.min() + 1
    return nms(wide + (number * span)[:, None], scores, iou_threshold)
""",
    ),
    Alternative(
        "unique on the CPU",
        "batched_nms",
        _edit(BATCHED_NMS, ("torch.unique(idxs)", "sorted(set(idxs.tolist()))")),
    ),
)

_TRAINING = (
    Alternative(
        "another seed inside, and talk on the way",
        "train_detector",
        _edit(
            TRAIN_DETECTOR,
            ("    state = torch.get_rng_state()\n    torch.manual_seed(seed)\n", ""),
            ("    torch.set_rng_state(state)\n", "    torch.random.set_rng_state(before)\n    print('done')\n"),
            (
                "    parts = []\n",
                "    before = torch.random.get_rng_state()\n    torch.manual_seed(seed + 1)\n    parts = []\n",
            ),
        ),
    ),
)

ALTERNATIVES = (*_PLAIN, *_BOXES, *_ONE_OBJECT, *_GRID, *_SUPPRESSION, *_TRAINING)
