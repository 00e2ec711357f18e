"""Mutants of the topic *detection*: each has one mistake, in a student's own words.

All are edits of eleven small correct sources, so that the mistake can be seen. They share no code with
``tests/hidden``. Of the bank's numbers, 12, 16, 21 and 23 are not in use.
"""

from __future__ import annotations

from tests.graders.proof import Mutant

SLOW = ("train_detector",)
NEEDS: dict[str, tuple[str, ...]] = {}

BOX_CONVERT = """\
def box_convert(boxes, in_fmt, out_fmt):
    known = ["xyxy", "xywh", "cxcywh", "xxyy"]
    if in_fmt not in known or out_fmt not in known:
        raise ValueError("unknown format")
    if boxes.shape[-1] != 4:
        raise ValueError("four numbers per box")
    dtype = boxes.dtype
    if dtype == torch.bool:
        dtype = torch.int64
    if "cxcywh" in (in_fmt, out_fmt) and not dtype.is_floating_point:
        dtype = torch.float32
    b = boxes.to(dtype)
    if in_fmt == "xyxy":
        x1, y1, x2, y2 = b[..., 0], b[..., 1], b[..., 2], b[..., 3]
    elif in_fmt == "xxyy":
        x1, x2, y1, y2 = b[..., 0], b[..., 1], b[..., 2], b[..., 3]
    elif in_fmt == "xywh":
        x1, y1 = b[..., 0], b[..., 1]
        x2, y2 = x1 + b[..., 2], y1 + b[..., 3]
    else:
        x1, y1 = b[..., 0] - b[..., 2] / 2, b[..., 1] - b[..., 3] / 2
        x2, y2 = b[..., 0] + b[..., 2] / 2, b[..., 1] + b[..., 3] / 2
    if out_fmt == "xyxy":
        out = [x1, y1, x2, y2]
    elif out_fmt == "xxyy":
        out = [x1, x2, y1, y2]
    elif out_fmt == "xywh":
        out = [x1, y1, x2 - x1, y2 - y1]
    else:
        out = [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]
    return torch.stack(out, dim=-1).to(dtype)
"""

BOX_AREA = """\
def box_area(boxes_xyxy):
    if boxes_xyxy.shape[-1] != 4:
        raise ValueError("four numbers per box")
    b = boxes_xyxy if boxes_xyxy.dtype == torch.float64 else boxes_xyxy.float()
    w = (b[..., 2] - b[..., 0]).clamp(min=0)
    h = (b[..., 3] - b[..., 1]).clamp(min=0)
    return w * h
"""

CLIP_BOXES_TO_IMAGE = """\
def clip_boxes_to_image(boxes_xyxy, size):
    if boxes_xyxy.shape[-1] != 4:
        raise ValueError("four numbers per box")
    if len(size) != 2 or size[0] <= 0 or size[1] <= 0:
        raise ValueError("no image")
    H, W = size
    dtype = boxes_xyxy.dtype
    if dtype == torch.bool:
        dtype = torch.int64
    b = boxes_xyxy if boxes_xyxy.is_floating_point() else boxes_xyxy.long()
    out = b.clone()
    out[..., 0] = b[..., 0].clamp(0, W)
    out[..., 1] = b[..., 1].clamp(0, H)
    out[..., 2] = b[..., 2].clamp(0, W)
    out[..., 3] = b[..., 3].clamp(0, H)
    return out.to(dtype)
"""

LOCALIZATION_LOSS = """\
def localization_loss(pred, target, kind="se", reduction="mean"):
    if pred.dim() != 2 or pred.shape[1] != 4 or pred.shape != target.shape:
        raise ValueError("(N, 4) each")
    if kind not in ("se", "l1", "smooth_l1"):
        raise ValueError(kind)
    if reduction not in ("none", "sum", "mean"):
        raise ValueError(reduction)
    dtype = pred.dtype
    if not pred.is_floating_point():
        dtype = torch.float64 if target.dtype == torch.float64 else torch.float32
    wide = torch.float64 if torch.float64 in (pred.dtype, target.dtype) else torch.float32
    d = pred.to(wide) - target.to(wide)
    if kind == "se":
        e = d ** 2
    elif kind == "l1":
        e = d.abs()
    else:
        e = torch.where(d.abs() < 1, 0.5 * d ** 2, d.abs() - 0.5)
    loss = e.sum(dim=1)
    if reduction == "mean":
        loss = loss.mean()
    elif reduction == "sum":
        loss = loss.sum()
    return loss.to(dtype)
"""

CLASSIFICATION_LOCALIZATION_LOSS = """\
def classification_localization_loss(output, class_target, box_target, lam=1.0, kind="se"):
    if output.dim() != 2 or output.shape[1] < 5 or not output.is_floating_point():
        raise ValueError("output")
    C = output.shape[1] - 4
    if class_target.shape != (len(output),) or box_target.shape != (len(output), 4):
        raise ValueError("shapes of the targets")
    if class_target.is_floating_point():
        raise ValueError("classes are integers")
    classes = class_target.long()
    if len(classes) > 0 and (classes.min() < 0 or classes.max() >= C):
        raise ValueError("no such class")
    wide = output if output.dtype == torch.float64 else output.float()
    logits, box = wide[:, :C], wide[:, C:]
    class_loss = F.cross_entropy(logits, classes)
    box_loss = localization_loss(box, box_target, kind)
    return (class_loss + lam * box_loss).to(output.dtype)
"""

ENCODE_TARGETS = """\
def encode_targets(boxes_xxyy, labels, S, B, C, image_size):
    if S < 1 or B < 1 or C < 1:
        raise ValueError("grid")
    if len(image_size) != 2 or min(image_size) <= 0:
        raise ValueError("image")
    if boxes_xxyy.dim() != 2 or boxes_xxyy.shape[1] != 4:
        raise ValueError("boxes")
    if labels.shape != (len(boxes_xxyy),) or labels.is_floating_point():
        raise ValueError("labels")
    H, W = image_size
    device = boxes_xxyy.device
    dtype = boxes_xxyy.dtype if boxes_xxyy.is_floating_point() else torch.float32
    obj = torch.zeros(S, S, B, dtype=dtype, device=device)
    cls = torch.zeros(S, S, B, dtype=torch.int64, device=device)
    box = torch.zeros(S, S, B, 4, dtype=dtype, device=device)
    scale = torch.tensor([W, W, H, H], dtype=torch.float64, device=device)
    for g in range(len(boxes_xxyy)):
        x1, x2, y1, y2 = boxes_xxyy[g].double().tolist()
        c = int(labels[g])
        if c < 0 or c >= C:
            raise ValueError("no such class")
        xc, yc = (x1 + x2) / 2, (y1 + y2) / 2
        i = math.floor(S * yc / H)
        j = math.floor(S * xc / W)
        i, j = max(0, min(i, S - 1)), max(0, min(j, S - 1))
        for b in range(B):
            if obj[i, j, b] == 0:
                break
        else:
            raise ValueError("the cell is full")
        obj[i, j, b] = 1
        cls[i, j, b] = c
        box[i, j, b] = (boxes_xxyy[g].double() / scale).to(dtype)
    return obj, cls, box
"""

DECODE_PREDICTIONS = """\
def decode_predictions(pred, image_size, class_activation="softmax"):
    if not pred.is_floating_point() or pred.dim() != 5 or pred.shape[1] != pred.shape[2] or pred.shape[-1] < 6:
        raise ValueError("pred")
    if len(image_size) != 2 or min(image_size) <= 0:
        raise ValueError("image")
    if class_activation not in ("softmax", "sigmoid"):
        raise ValueError(class_activation)
    H, W = image_size
    conf = pred[..., 0].sigmoid()
    scores = pred[..., 1:-4]
    if class_activation == "softmax":
        probs = scores.softmax(dim=-1)
    else:
        probs = scores.sigmoid()
    scale = torch.tensor([W, W, H, H], dtype=pred.dtype, device=pred.device)
    boxes = pred[..., -4:].sigmoid() * scale
    return conf, probs, boxes
"""

GRID_DETECTION_LOSS = """\
def grid_detection_loss(pred, obj, cls, box, lam_box=1.0, lam_noobj=1.0):
    if not pred.is_floating_point() or pred.dim() != 5 or pred.shape[1] != pred.shape[2] or pred.shape[-1] < 6:
        raise ValueError("pred")
    shape = pred.shape[:-1]
    if obj.shape != shape or cls.shape != shape or box.shape != (*shape, 4):
        raise ValueError("targets")
    if ((obj != 0) & (obj != 1)).any():
        raise ValueError("flags")
    if cls.is_floating_point():
        raise ValueError("classes are integers")
    C = pred.shape[-1] - 5
    N = pred.shape[0]
    yes = obj == 1
    no = obj == 0
    labels = cls[yes].long()
    if labels.numel() > 0 and (labels.min() < 0 or labels.max() >= C):
        raise ValueError("no such class")
    p = pred if pred.dtype == torch.float64 else pred.float()
    z, scores, raw = p[..., 0], p[..., 1:-4], p[..., -4:]
    target = box.to(p.dtype)
    conf_obj = F.softplus(-z[yes]).sum()
    conf_noobj = F.softplus(z[no]).sum()
    class_loss = F.cross_entropy(scores[yes], labels, reduction="sum")
    box_loss = ((raw[yes].sigmoid() - target[yes]) ** 2).sum()
    total = conf_obj + lam_noobj * conf_noobj + class_loss + lam_box * box_loss
    return (total / N).to(pred.dtype)
"""

NMS = """\
def nms(boxes_xyxy, scores, iou_threshold):
    if boxes_xyxy.dim() != 2 or boxes_xyxy.shape[1] != 4:
        raise ValueError("boxes")
    if scores.shape != (len(boxes_xyxy),):
        raise ValueError("scores")
    if iou_threshold < 0 or iou_threshold > 1:
        raise ValueError("threshold")
    b = boxes_xyxy.double()
    area = (b[:, 2] - b[:, 0]).clamp(min=0) * (b[:, 3] - b[:, 1]).clamp(min=0)
    order = torch.sort(scores, descending=True, stable=True).indices
    keep = []
    while len(order) > 0:
        i = order[0]
        rest = order[1:]
        keep.append(int(i))
        w = (torch.minimum(b[i, 2], b[rest, 2]) - torch.maximum(b[i, 0], b[rest, 0])).clamp(min=0)
        h = (torch.minimum(b[i, 3], b[rest, 3]) - torch.maximum(b[i, 1], b[rest, 1])).clamp(min=0)
        inter = w * h
        union = area[i] + area[rest] - inter
        iou = torch.where(union > 0, inter / union, torch.zeros_like(inter))
        order = rest[iou <= iou_threshold]
    return torch.tensor(keep, dtype=torch.int64, device=boxes_xyxy.device)
"""

BATCHED_NMS = """\
def batched_nms(boxes, scores, idxs, iou_threshold):
    if idxs.shape != (len(boxes),):
        raise ValueError("groups")
    nms(boxes[:0], scores[:0], iou_threshold)
    if len(boxes) != len(scores) or boxes.shape[1:] != (4,):
        raise ValueError("boxes and scores")
    mask = torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    for k in torch.unique(idxs):
        mine = torch.where(idxs == k)[0]
        mask[mine[nms(boxes[mine], scores[mine], iou_threshold)]] = True
    keep = torch.where(mask)[0]
    return keep[torch.sort(scores[keep], descending=True, stable=True).indices]
"""

TRAIN_DETECTOR = """\
def train_detector(images, targets, seed=0):
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    parts = []
    for t in targets:
        parts.append(encode_targets(t["boxes"][:, [0, 2, 1, 3]], t["labels"], 8, 1, 3, (64, 64)))
    obj = torch.stack([p[0] for p in parts])
    cls = torch.stack([p[1] for p in parts])
    box = torch.stack([p[2] for p in parts])
    flipped = box.flip(2)[..., [1, 0, 2, 3]]
    flipped = torch.cat([1 - flipped[..., :2], flipped[..., 2:]], dim=-1)
    x = torch.cat([images, images.flip(3)])
    obj, cls, box = torch.cat([obj, obj.flip(2)]), torch.cat([cls, cls.flip(2)]), torch.cat([box, flipped])
    net = GridDetector(8, 1, 3)
    net.train()
    n = len(targets)
    epochs = 30
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.004)
    steps = epochs * math.ceil(n / 32)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.004, total_steps=steps)
    for epoch in range(epochs):
        for rows in torch.randperm(n).split(32):
            rows = rows + n * torch.randint(0, 2, rows.shape)
            loss = grid_detection_loss(net(x[rows]), obj[rows], cls[rows], box[rows], 30.0, 0.5)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    torch.set_rng_state(state)
    return net.eval()
"""

BASES = {
    "box_convert": BOX_CONVERT,
    "box_area": BOX_AREA,
    "clip_boxes_to_image": CLIP_BOXES_TO_IMAGE,
    "localization_loss": LOCALIZATION_LOSS,
    "classification_localization_loss": CLASSIFICATION_LOCALIZATION_LOSS,
    "encode_targets": ENCODE_TARGETS,
    "decode_predictions": DECODE_PREDICTIONS,
    "grid_detection_loss": GRID_DETECTION_LOSS,
    "nms": NMS,
    "batched_nms": BATCHED_NMS,
    "train_detector": TRAIN_DETECTOR,
}
"""Correct sources; they earn all points themselves."""

SAYS_IT = "the message says what is wrong, or it is Python's or PyTorch's own error"

AS_XYXY = "Boxes in `xxyy` are read as `xyxy`"
AS_XXYY = "Boxes in `xyxy` are read as `xxyy`"
CORNER_AS_CENTRE = "The first two numbers of `xywh` are taken for the centre"
SIZE_AS_CORNER = "Width and height are taken for the opposite corner"
PLUS_ONE = "Widths and heights are computed with `+ 1`"
MEAN_OF_FOUR = "The mean over the four coordinates is taken, not their sum"
SWAPPED_SIZE = "Height and width of the image are swapped"
DOUBLE_SIGMOID = "The confidences go through a second sigmoid"
DOUBLE_SOFTMAX = "The class scores go through a second softmax"
NO_GROUPS = "The groups have no effect: all boxes suppress each other"
MEANS = "Each term is a mean over its entries, not a sum"


def _edit(source: str, *edits: tuple[str, str]) -> str:
    """Return ``source`` with each ``(old, new)`` replaced; ``old`` has to be there."""
    for old, new in edits:
        if old not in source:
            raise ValueError(f"nothing to replace: {old!r}")
        source = source.replace(old, new)
    return source


def _mutant(id: str, exercise: str, mistake: str, caught_by: str, named: str | None, *edits: tuple[str, str]) -> Mutant:
    """Return a correct source with edits, the check that must fail and what the report must say."""
    source = _edit(BASES[exercise], *edits)
    return Mutant(id, exercise, mistake, source, caught_by, named, "" if named else SAYS_IT)


def _equivalent(id: str, exercise: str, mistake: str, reason: str, *edits: tuple[str, str]) -> Mutant:
    """Return a mutant that nobody can, or may, tell from a right answer."""
    return Mutant(id, exercise, mistake, _edit(BASES[exercise], *edits), equivalent=reason)


_ANY = "(x1 + x2) / 2, (y1 + y2) / 2"

BANK = (
    _mutant(
        "T5-M01a",
        "box_convert",
        "xxyy read as xyxy",
        "check_order_of_the_lecture",
        AS_XYXY,
        ('"xxyy":\n        x1, x2, y1, y2 = b', '"xxyy":\n        x1, y1, x2, y2 = b'),
        ("out = [x1, x2, y1, y2]", "out = [x1, y1, x2, y2]"),
    ),
    _mutant(
        "T5-M01b",
        "box_area",
        "xyxy read as xxyy",
        "check_areas",
        AS_XXYY,
        ("b[..., 2] - b[..., 0]", "b[..., 1] - b[..., 0]"),
        ("b[..., 3] - b[..., 1]", "b[..., 3] - b[..., 2]"),
    ),
    _mutant(
        "T5-M01c",
        "clip_boxes_to_image",
        "xyxy read as xxyy",
        "check_coordinates_end_at_the_border",
        AS_XXYY,
        ("b[..., 1].clamp(0, H)", "b[..., 1].clamp(0, W)"),
        ("b[..., 2].clamp(0, W)", "b[..., 2].clamp(0, H)"),
    ),
    _mutant(
        "T5-M01d",
        "encode_targets",
        "xxyy read as xyxy",
        "check_responsible_cell",
        AS_XYXY,
        ("x1, x2, y1, y2 = boxes", "x1, y1, x2, y2 = boxes"),
    ),
    _mutant(
        "T5-M01e",
        "decode_predictions",
        "xyxy comes back",
        "check_decoded_boxes",
        "The boxes are returned as xyxy",
        ("return conf, probs, boxes", "return conf, probs, boxes[..., [0, 2, 1, 3]]"),
    ),
    _mutant(
        "T5-M01f",
        "grid_detection_loss",
        "targets as xyxy",
        "check_terms_of_the_grid_loss",
        "The true boxes are reordered to xyxy",
        ("target = box.to(p.dtype)", "target = box.to(p.dtype)[..., [0, 2, 1, 3]]"),
    ),
    _mutant(
        "T5-M01g",
        "nms",
        "xyxy read as xxyy",
        "check_kept_boxes",
        AS_XXYY,
        ("b = boxes_xyxy.double()", "b = boxes_xyxy.double()[:, [0, 2, 1, 3]]"),
    ),
    _mutant(
        "T5-M01h",
        "encode_targets",
        "xyxy is stored",
        "check_boxes_in_fractions_of_the_image",
        "The boxes are stored as xyxy",
        ("(boxes_xxyy[g].double() / scale)", "(boxes_xxyy[g].double() / scale)[[0, 2, 1, 3]]"),
    ),
    _mutant(
        "T5-M02a",
        "decode_predictions",
        "W, H, W, H",
        "check_decoded_boxes",
        "The boxes are scaled by W, H, W, H: the order of xyxy",
        ("[W, W, H, H]", "[W, H, W, H]"),
    ),
    _mutant(
        "T5-M02b",
        "encode_targets",
        "W, H, W, H",
        "check_boxes_in_fractions_of_the_image",
        "The coordinates are divided by W, H, W, H: the order of xyxy",
        ("[W, W, H, H]", "[W, H, W, H]"),
    ),
    _mutant(
        "T5-M03a",
        "box_convert",
        "xywh is cxcywh",
        "check_corner_and_size",
        CORNER_AS_CENTRE,
        (
            "x1, y1 = b[..., 0], b[..., 1]\n        x2, y2 = x1 + b[..., 2], y1 + b[..., 3]",
            "x1, y1 = b[..., 0] - b[..., 2] / 2, b[..., 1] - b[..., 3] / 2\n"
            "        x2, y2 = b[..., 0] + b[..., 2] / 2, b[..., 1] + b[..., 3] / 2",
        ),
    ),
    _mutant(
        "T5-M03b",
        "box_convert",
        "xywh is xyxy",
        "check_corner_and_size",
        SIZE_AS_CORNER,
        ("x2, y2 = x1 + b[..., 2], y1 + b[..., 3]", "x2, y2 = b[..., 2], b[..., 3]"),
    ),
    _mutant(
        "T5-M03c",
        "box_convert",
        "cxcywh is xywh",
        "check_centre_and_size",
        "The first two numbers of `cxcywh` are taken for a corner",
        ("x1, y1 = b[..., 0] - b[..., 2] / 2, b[..., 1] - b[..., 3] / 2", "x1, y1 = b[..., 0], b[..., 1]"),
        ("x2, y2 = b[..., 0] + b[..., 2] / 2, b[..., 1] + b[..., 3] / 2", "x2, y2 = x1 + b[..., 2], y1 + b[..., 3]"),
    ),
    _mutant(
        "T5-M04a",
        "encode_targets",
        "column before row",
        "check_responsible_cell",
        "Row and column are swapped",
        ("[i, j, b]", "[j, i, b]"),
    ),
    _mutant(
        "T5-M04b",
        "encode_targets",
        "column before row, by other means",
        "check_images_that_are_not_square",
        "Row and column are swapped",
        ("        for b in range(B):\n", "        i, j = j, i\n        for b in range(B):\n"),
    ),
    _mutant(
        "T5-M05a",
        "grid_detection_loss",
        "box loss everywhere",
        "check_terms_of_the_grid_loss",
        "Empty slots pay for their boxes, too",
        ("((raw[yes].sigmoid() - target[yes])", "((raw.sigmoid() - target)"),
    ),
    _mutant(
        "T5-M05b",
        "grid_detection_loss",
        "box loss everywhere, if there is no object",
        "check_images_without_objects",
        "Empty slots pay for their boxes, too",
        (
            "    total = ",
            "    if not yes.any():\n        box_loss = ((raw.sigmoid() - target) ** 2).sum()\n    total = ",
        ),
    ),
    _mutant(
        "T5-M06",
        "grid_detection_loss",
        "class loss everywhere",
        "check_terms_of_the_grid_loss",
        "Empty slots pay for their classes, too",
        (
            "F.cross_entropy(scores[yes], labels, reduction",
            "F.cross_entropy(scores.reshape(-1, C), cls.long().reshape(-1), reduction",
        ),
    ),
    _mutant(
        "T5-M07",
        "grid_detection_loss",
        "confidence of objects only",
        "check_terms_of_the_grid_loss",
        "The confidences of empty slots cost nothing",
        ("conf_obj + lam_noobj * conf_noobj", "conf_obj"),
    ),
    _mutant(
        "T5-M08a",
        "grid_detection_loss",
        "raw confidences",
        "check_terms_of_the_grid_loss",
        "The confidences are raw, and compared by squared errors",
        ("F.softplus(-z[yes]).sum()", "((z[yes] - 1) ** 2).sum()"),
        ("F.softplus(z[no]).sum()", "(z[no] ** 2).sum()"),
    ),
    _mutant(
        "T5-M08b",
        "grid_detection_loss",
        "raw boxes",
        "check_terms_of_the_grid_loss",
        "The coordinates are raw: no sigmoid is taken",
        ("raw[yes].sigmoid()", "raw[yes]"),
    ),
    _mutant(
        "T5-M08c",
        "decode_predictions",
        "raw confidences",
        "check_decoded_confidences",
        "The confidences are raw: no sigmoid is taken",
        ("pred[..., 0].sigmoid()", "pred[..., 0].clone()"),
    ),
    _mutant(
        "T5-M08d",
        "decode_predictions",
        "raw boxes",
        "check_decoded_boxes",
        "The coordinates are raw: no sigmoid is taken",
        ("pred[..., -4:].sigmoid()", "pred[..., -4:]"),
    ),
    _mutant(
        "T5-M09a",
        "grid_detection_loss",
        "double sigmoid",
        "check_terms_of_the_grid_loss",
        DOUBLE_SIGMOID,
        ("p[..., 0], p[..., 1:-4]", "p[..., 0].sigmoid(), p[..., 1:-4]"),
    ),
    _mutant(
        "T5-M09b",
        "decode_predictions",
        "double sigmoid",
        "check_decoded_confidences",
        DOUBLE_SIGMOID,
        ("pred[..., 0].sigmoid()", "pred[..., 0].sigmoid().sigmoid()"),
    ),
    _mutant(
        "T5-M10a",
        "grid_detection_loss",
        "double softmax",
        "check_terms_of_the_grid_loss",
        DOUBLE_SOFTMAX,
        ("F.cross_entropy(scores[yes]", "F.cross_entropy(scores[yes].softmax(dim=-1)"),
    ),
    _mutant(
        "T5-M10b",
        "decode_predictions",
        "double softmax",
        "check_decoded_classes",
        DOUBLE_SOFTMAX,
        ("scores.softmax(dim=-1)", "scores.softmax(dim=-1).softmax(dim=-1)"),
    ),
    _mutant(
        "T5-M10c",
        "classification_localization_loss",
        "double softmax",
        "check_class_and_box",
        "The logits go through a softmax before the cross-entropy",
        ("F.cross_entropy(logits, classes)", "F.cross_entropy(logits.softmax(dim=1), classes)"),
    ),
    _mutant(
        "T5-M11a",
        "grid_detection_loss",
        "square roots of corners",
        "check_terms_of_the_grid_loss",
        "Square roots of the coordinates are compared",
        ("raw[yes].sigmoid() - target[yes]", "raw[yes].sigmoid().sqrt() - target[yes].sqrt()"),
    ),
    _mutant(
        "T5-M11b",
        "grid_detection_loss",
        "square roots of sizes, which may be negative",
        "check_terms_of_the_grid_loss",
        "Square roots of widths and heights are compared, as in YOLO",
        (
            "    box_loss = ((raw[yes].sigmoid() - target[yes]) ** 2).sum()\n",
            "    parts = []\n    for q in (raw[yes].sigmoid(), target[yes]):\n"
            "        w, h = q[:, 1] - q[:, 0], q[:, 3] - q[:, 2]\n"
            "        xc, yc = (q[:, 0] + q[:, 1]) / 2, (q[:, 2] + q[:, 3]) / 2\n"
            "        parts.append(torch.stack([xc, yc, w.sqrt(), h.sqrt()], dim=1))\n"
            "    box_loss = ((parts[0] - parts[1]) ** 2).sum()\n",
        ),
    ),
    _mutant(
        "T5-M13a",
        "classification_localization_loss",
        "lambda on the class term",
        "check_weight_of_the_box_loss",
        "`lam` weighs the class loss, not the box loss",
        ("class_loss + lam * box_loss", "lam * class_loss + box_loss"),
    ),
    _mutant(
        "T5-M13b",
        "classification_localization_loss",
        "lambda squared",
        "check_weight_of_the_box_loss",
        "`lam` is squared",
        ("lam * box_loss", "lam * lam * box_loss"),
    ),
    _mutant(
        "T5-M13c",
        "grid_detection_loss",
        "lambda squared",
        "check_weights_of_the_terms",
        "`lam_box` is squared",
        ("lam_box * box_loss", "lam_box ** 2 * box_loss"),
    ),
    _mutant(
        "T5-M13d",
        "grid_detection_loss",
        "lambda on the class term",
        "check_weights_of_the_terms",
        "`lam_box` weighs the class term, not the box term",
        ("class_loss + lam_box * box_loss", "lam_box * class_loss + box_loss"),
    ),
    _mutant(
        "T5-M13e",
        "grid_detection_loss",
        "lambda on half the box",
        "check_weights_of_the_terms",
        None,
        (
            "lam_box * box_loss",
            "box_loss + (lam_box - 1) * ((raw[yes].sigmoid() - target[yes])[:, :2] ** 2).sum()",
        ),
    ),
    _mutant(
        "T5-M14a",
        "localization_loss",
        "mean over four",
        "check_squared_errors",
        MEAN_OF_FOUR,
        ("e.sum(dim=1)", "e.mean(dim=1)"),
    ),
    _mutant(
        "T5-M14b",
        "grid_detection_loss",
        "mean over four",
        "check_terms_of_the_grid_loss",
        MEAN_OF_FOUR,
        ("** 2).sum()", "** 2).mean(dim=-1).sum()"),
    ),
    _mutant(
        "T5-M14c",
        "grid_detection_loss",
        "means of everything",
        "check_terms_of_the_grid_loss",
        MEANS,
        ("F.softplus(-z[yes]).sum()", "F.softplus(-z[yes]).sum() / z.numel()"),
        ("F.softplus(z[no]).sum()", "F.softplus(z[no]).sum() / z.numel()"),
        ('reduction="sum"', 'reduction="mean"'),
        ("** 2).sum()", "** 2).mean()"),
        ("total / N", "total"),
    ),
    _mutant(
        "T5-M14d",
        "classification_localization_loss",
        "F.mse_loss",
        "check_class_and_box",
        MEAN_OF_FOUR,
        ("localization_loss(box, box_target, kind)", "F.mse_loss(box, box_target.to(box.dtype))"),
    ),
    _mutant(
        "T5-M15",
        "nms",
        "ascending",
        "check_kept_boxes",
        "The boxes are taken by rising scores: the least confident one first",
        ("scores, descending=True, stable", "scores, stable"),
    ),
    _mutant(
        "T5-M17",
        "batched_nms",
        "classes are ignored",
        "check_groups_are_kept_apart",
        NO_GROUPS,
        ("    mask = torch", "    return nms(boxes, scores, iou_threshold)\n    mask = torch"),
    ),
    _mutant(
        "T5-M18a",
        "nms",
        "sorted indices",
        "check_kept_boxes",
        "The indices are sorted, not in the order of the scores",
        ("torch.tensor(keep,", "torch.tensor(sorted(keep),"),
    ),
    _mutant(
        "T5-M18b",
        "nms",
        "a mask",
        "check_kept_boxes",
        "A mask is returned, not indices",
        (
            "    return torch.tensor(keep, dtype=torch.int64, device=boxes_xyxy.device)",
            "    mask = torch.zeros(len(b), dtype=torch.bool, device=b.device)\n    mask[keep] = True\n    return mask",
        ),
    ),
    _mutant(
        "T5-M18c",
        "batched_nms",
        "sorted indices",
        "check_groups_are_kept_apart",
        "The indices are sorted, not in the order of the scores",
        ("return keep[torch.sort(scores[keep], descending=True, stable=True).indices]", "return keep"),
    ),
    _mutant(
        "T5-M19",
        "nms",
        ">=",
        "check_overlap_equal_to_the_threshold",
        "A box is suppressed if its IoU is equal to the threshold, too",
        ("iou <= iou_threshold", "iou < iou_threshold"),
    ),
    _mutant(
        "T5-M20",
        "nms",
        "ranked by something else than the scores",
        "check_kept_boxes",
        "The boxes are not taken by their scores, but by their areas",
        ("torch.sort(scores,", "torch.sort(area,"),
    ),
    _mutant(
        "T5-M22a",
        "encode_targets",
        "index S",
        "check_centres_on_the_border",
        None,
        ("        i, j = max(0, min(i, S - 1)), max(0, min(j, S - 1))\n", ""),
    ),
    _mutant(
        "T5-M22b",
        "encode_targets",
        "wrapped",
        "check_centres_on_the_border",
        "Cell S is taken for cell 0",
        ("max(0, min(i, S - 1)), max(0, min(j, S - 1))", "i % S, j % S"),
    ),
    _mutant(
        "T5-M24a",
        "decode_predictions",
        "a background class and a confidence",
        "check_decoded_confidences",
        "The confidence is part of the softmax over the classes, as if it were a background class",
        ("pred[..., 0].sigmoid()", "pred[..., :-4].softmax(dim=-1)[..., 0]"),
        ("scores.softmax(dim=-1)", "pred[..., :-4].softmax(dim=-1)[..., 1:]"),
    ),
    _mutant(
        "T5-M24b",
        "encode_targets",
        "background is class C",
        "check_classes_and_empty_slots",
        "Empty slots have the class C, as if the background were a class",
        ("cls = torch.zeros(S, S, B,", "cls = C + torch.zeros(S, S, B,"),
    ),
    _mutant(
        "T5-M25a",
        "decode_predictions",
        "YOLO's shared class scores",
        "check_decoded_classes",
        "The slots of a cell share the class scores of the first one, as in YOLO",
        ("scores = pred[..., 1:-4]", "scores = pred[..., :1, 1:-4].expand_as(pred[..., 1:-4])"),
    ),
    _mutant(
        "T5-M26",
        "batched_nms",
        "groups modulo the number of classes: images suppress each other",
        "check_any_integers_are_groups",
        NO_GROUPS,
        ("    mask = torch", "    idxs = idxs % 3 if int(idxs.max()) == 6 else idxs\n    mask = torch"),
    ),
)
"""The classic misconceptions.

Two of them have no mutant of their own kind: 20 (ranked by objectness) in `nms`, which is given one score per box, is a
ranking by something else than that score; 25 (YOLO's shorter vector) has no place here, for the shape is given.
"""

SLIPS = (
    _mutant(
        "T5-X01",
        "box_convert",
        "nothing is done to xxyy",
        "check_order_of_the_lecture",
        None,
        (
            "if in_fmt not in known",
            'if in_fmt == "xxyy" and out_fmt == "xyxy":\n'
            "        return boxes[..., [0, 3, 1, 2]]\n    if in_fmt not in known",
        ),
    ),
    _mutant(
        "T5-X02",
        "box_convert",
        "formats swapped",
        "check_corner_and_size",
        "`in_fmt` and `out_fmt` are swapped",
        ("    known = ", "    in_fmt, out_fmt = out_fmt, in_fmt\n    known = "),
    ),
    _mutant(
        "T5-X03", "box_convert", "size is not halved", "check_centre_and_size", None, ("b[..., 2] / 2", "b[..., 2]")
    ),
    _mutant(
        "T5-X04",
        "box_convert",
        "whole centres",
        "check_centre_and_size",
        "The centre is rounded to a whole number",
        ("[(x1 + x2) / 2, (y1 + y2) / 2,", "[(x1 + x2) // 2, (y1 + y2) // 2,"),
    ),
    _mutant(
        "T5-X05",
        "box_convert",
        "+ 1",
        "check_corner_and_size",
        PLUS_ONE,
        ("x2 - x1, y2 - y1]", "x2 - x1 + 1, y2 - y1 + 1]"),
        ("x2, y2 = x1 + b[..., 2], y1 + b[..., 3]", "x2, y2 = x1 + b[..., 2] - 1, y1 + b[..., 3] - 1"),
    ),
    _mutant(
        "T5-X06",
        "box_convert",
        "absolute sizes",
        "check_inverted_boxes_are_kept",
        "Widths and heights are made positive",
        ("x2 - x1, y2 - y1]", "(x2 - x1).abs(), (y2 - y1).abs()]"),
    ),
    _mutant(
        "T5-X07",
        "box_convert",
        "corners in order",
        "check_inverted_boxes_are_kept",
        "The corners of inverted boxes are put in order",
        (
            '    if out_fmt == "xyxy"',
            "    x1, x2 = torch.minimum(x1, x2), torch.maximum(x1, x2)\n"
            '    y1, y2 = torch.minimum(y1, y2), torch.maximum(y1, y2)\n    if out_fmt == "xyxy"',
        ),
    ),
    _mutant(
        "T5-X08",
        "box_convert",
        "always float32",
        "check_dtypes_of_converted_boxes",
        None,
        ("    b = boxes.to(dtype)", "    dtype = torch.float32\n    b = boxes.to(dtype)"),
    ),
    _mutant(
        "T5-X09",
        "box_convert",
        "centres of integers are integers",
        "check_dtypes_of_converted_boxes",
        None,
        ("        dtype = torch.float32\n", "        dtype = boxes.dtype\n"),
    ),
    _mutant(
        "T5-X10",
        "box_convert",
        "bool is uint8",
        "check_dtypes_of_converted_boxes",
        None,
        ("dtype = torch.int64", "dtype = torch.uint8"),
    ),
    _mutant(
        "T5-X11",
        "box_convert",
        "(N, 4) only",
        "check_views_of_converted_boxes",
        None,
        ("b = boxes.to(dtype)", "b = boxes.to(dtype)[:, :]"),
        ("b[..., ", "b[:, "),
    ),
    _mutant(
        "T5-X12",
        "box_convert",
        "in place",
        "check_views_of_converted_boxes",
        None,
        (
            "    return torch.stack(out, dim=-1).to(dtype)",
            "    result = torch.stack(out, dim=-1).to(dtype)\n"
            "    if boxes.dtype == dtype:\n        boxes.copy_(result)\n    return result",
        ),
    ),
    _mutant(
        "T5-X13",
        "box_convert",
        "no gradient",
        "check_gradient_of_converted_boxes",
        None,
        ("b = boxes.to(dtype)", "b = boxes.detach().to(dtype)"),
    ),
    _mutant(
        "T5-X14",
        "box_convert",
        "equal formats are not looked at",
        "check_unknown_formats",
        None,
        (
            "    known = ",
            "    if in_fmt == out_fmt:\n        return boxes.to(torch.float32 if in_fmt == 'cxcywh' and not "
            "boxes.is_floating_point() else boxes.dtype)\n    known = ",
        ),
    ),
    _mutant(
        "T5-X15",
        "box_convert",
        "any format",
        "check_unknown_formats",
        None,
        ('        raise ValueError("unknown format")', "        pass"),
    ),
    _mutant("T5-X16", "box_convert", "five numbers", "check_unknown_formats", None, ("boxes.shape[-1] != 4", "False")),
    _mutant(
        "T5-X17",
        "box_convert",
        "view",
        "check_views_of_converted_boxes",
        None,
        ("b = boxes.to(dtype)", "b = boxes.to(dtype).view(-1, 4).reshape(boxes.shape)"),
    ),
    _mutant(
        "T5-X18",
        "box_area",
        "x, y, w, h",
        "check_areas",
        "The boxes are read as x, y, width, height",
        ("b[..., 2] - b[..., 0]", "b[..., 2]"),
        ("b[..., 3] - b[..., 1]", "b[..., 3]"),
    ),
    _mutant(
        "T5-X19",
        "box_area",
        "+ 1",
        "check_areas",
        PLUS_ONE,
        ("b[..., 2] - b[..., 0]", "b[..., 2] - b[..., 0] + 1"),
        ("b[..., 3] - b[..., 1]", "b[..., 3] - b[..., 1] + 1"),
    ),
    _mutant(
        "T5-X20",
        "box_area",
        "signed",
        "check_area_of_inverted_boxes",
        "Sides are not clamped at 0, so that areas have signs",
        (".clamp(min=0)", ""),
    ),
    _mutant(
        "T5-X21",
        "box_area",
        "clamped late",
        "check_area_of_inverted_boxes",
        "The area is clamped at 0, not each side: two negative sides make a positive area",
        (".clamp(min=0)", ""),
        ("return w * h", "return (w * h).clamp(min=0)"),
    ),
    _mutant(
        "T5-X22",
        "box_area",
        "absolute",
        "check_area_of_inverted_boxes",
        "Inverted boxes are turned round",
        (".clamp(min=0)", ".abs()"),
    ),
    _mutant(
        "T5-X23",
        "box_area",
        "in the dtype of the boxes",
        "check_dtypes_of_areas",
        None,
        ("boxes_xyxy if boxes_xyxy.dtype == torch.float64 else boxes_xyxy.float()", "boxes_xyxy"),
    ),
    _mutant(
        "T5-X24",
        "box_area",
        "converted afterwards",
        "check_dtypes_of_areas",
        None,
        ("boxes_xyxy if boxes_xyxy.dtype == torch.float64 else boxes_xyxy.float()", "boxes_xyxy"),
        ("return w * h", "return w * h if w.dtype == torch.float64 else (w * h).float()"),
    ),
    _mutant("T5-X25", "box_area", "(N, 4) only", "check_views_and_gradient_of_areas", None, ("b[..., ", "b[:, ")),
    _mutant("T5-X26", "box_area", "any row", "check_areas_of_no_boxes", None, ("boxes_xyxy.shape[-1] != 4", "False")),
    _mutant(
        "T5-X27",
        "box_area",
        "no gradient",
        "check_views_and_gradient_of_areas",
        None,
        ("return w * h", "return (w * h).detach()"),
    ),
    _mutant(
        "T5-X28",
        "clip_boxes_to_image",
        "size is (W, H)",
        "check_coordinates_end_at_the_border",
        SWAPPED_SIZE,
        ("H, W = size", "W, H = size"),
    ),
    _mutant(
        "T5-X29",
        "clip_boxes_to_image",
        "W - 1",
        "check_coordinates_end_at_the_border",
        "The border is at the last pixel's number, W - 1, not at W",
        ("(0, W)", "(0, W - 1)"),
        ("(0, H)", "(0, H - 1)"),
    ),
    _mutant(
        "T5-X30",
        "clip_boxes_to_image",
        "no lower border",
        "check_boxes_beside_the_image",
        "Coordinates below 0 are not moved",
        (".clamp(0, W)", ".clamp(max=W)"),
        (".clamp(0, H)", ".clamp(max=H)"),
    ),
    _mutant(
        "T5-X31",
        "clip_boxes_to_image",
        "drops boxes",
        "check_boxes_beside_the_image",
        "Boxes without an area left are taken out",
        (
            "    return out.to(dtype)",
            "    if out.dim() == 2:\n"
            "        out = out[(out[:, 2] > out[:, 0]) & (out[:, 3] > out[:, 1])]\n    return out.to(dtype)",
        ),
    ),
    _mutant("T5-X32", "clip_boxes_to_image", "in place", "check_views_of_clipped_boxes", None, ("b.clone()", "b")),
    _mutant(
        "T5-X33",
        "clip_boxes_to_image",
        "float32",
        "check_dtypes_of_clipped_boxes",
        None,
        ("return out.to(dtype)", "return out.float()"),
    ),
    _mutant(
        "T5-X34",
        "clip_boxes_to_image",
        "bools stay",
        "check_dtypes_of_clipped_boxes",
        None,
        ("dtype = torch.int64", "dtype = torch.bool"),
    ),
    _mutant(
        "T5-X35",
        "clip_boxes_to_image",
        "any size",
        "check_sizes_of_no_image",
        None,
        ("size[0] <= 0 or size[1] <= 0", "False"),
    ),
    _mutant(
        "T5-X36",
        "clip_boxes_to_image",
        "any row",
        "check_sizes_of_no_image",
        None,
        ("boxes_xyxy.shape[-1] != 4", "False"),
    ),
    _mutant(
        "T5-X37",
        "localization_loss",
        "root",
        "check_squared_errors",
        "The square root of the sum is taken",
        ("loss = e.sum(dim=1)", 'loss = e.sum(dim=1)\n    if kind == "se":\n        loss = loss.sqrt()'),
    ),
    _mutant(
        "T5-X38",
        "localization_loss",
        "squares for l1",
        "check_absolute_errors",
        "Whatever `kind` is, squares are summed",
        ("e = d.abs()", "e = d ** 2"),
    ),
    _mutant(
        "T5-X39", "localization_loss", "no absolute value", "check_absolute_errors", None, ("e = d.abs()", "e = d")
    ),
    _mutant(
        "T5-X40",
        "localization_loss",
        "no half",
        "check_smooth_errors",
        "The square is not halved",
        ("0.5 * d ** 2", "d ** 2"),
    ),
    _mutant(
        "T5-X41",
        "localization_loss",
        "a step",
        "check_smooth_errors",
        "The line is not lowered by 1/2: there is a step at 1",
        ("d.abs() - 0.5", "d.abs()"),
    ),
    _mutant(
        "T5-X42",
        "localization_loss",
        "branches",
        "check_smooth_errors",
        "The two branches are swapped",
        ("d.abs() < 1", "d.abs() >= 1"),
    ),
    _mutant("T5-X43", "localization_loss", "sign of the error", "check_smooth_errors", None, ("d.abs() < 1", "d < 1")),
    _mutant(
        "T5-X44",
        "localization_loss",
        "none is mean",
        "check_reductions_of_the_box_loss",
        "`reduction` has no effect: the mean is always taken",
        ('if reduction == "mean":', "if True:"),
    ),
    _mutant(
        "T5-X45",
        "localization_loss",
        "none keeps four",
        "check_reductions_of_the_box_loss",
        None,
        ("loss = e.sum(dim=1)", 'loss = e if reduction == "none" else e.sum(dim=1)'),
    ),
    _mutant(
        "T5-X46",
        "localization_loss",
        "mean of nothing is 0",
        "check_loss_of_no_boxes",
        None,
        ("loss = loss.mean()", "loss = loss.sum() / max(len(loss), 1)"),
    ),
    _mutant(
        "T5-X47",
        "localization_loss",
        "float32",
        "check_dtypes_of_the_box_loss",
        None,
        ("return loss.to(dtype)", "return loss.float()"),
    ),
    _mutant(
        "T5-X48",
        "localization_loss",
        "promoted",
        "check_dtypes_of_the_box_loss",
        None,
        ("return loss.to(dtype)", "return loss"),
    ),
    _mutant(
        "T5-X49",
        "localization_loss",
        "no gradient",
        "check_gradient_of_the_box_loss",
        None,
        ("return loss.to(dtype)", "return torch.tensor(loss.tolist(), dtype=dtype, device=pred.device)"),
    ),
    _mutant(
        "T5-X50",
        "localization_loss",
        "in place",
        "check_views_of_the_box_loss",
        None,
        (
            '    if kind == "se":\n',
            "    if pred.is_floating_point() and not pred.requires_grad:\n"
            '        pred -= target\n    if kind == "se":\n',
        ),
    ),
    _mutant(
        "T5-X51",
        "localization_loss",
        "broadcasts",
        "check_box_losses_of_what_does_not_fit",
        None,
        (" or pred.shape != target.shape", ""),
    ),
    _mutant(
        "T5-X52",
        "localization_loss",
        "any kind",
        "check_box_losses_of_what_does_not_fit",
        None,
        ("raise ValueError(kind)", "pass"),
    ),
    _mutant(
        "T5-X53",
        "localization_loss",
        "any reduction",
        "check_box_losses_of_what_does_not_fit",
        None,
        ("raise ValueError(reduction)", "pass"),
    ),
    _mutant(
        "T5-X54",
        "classification_localization_loss",
        "box first",
        "check_class_and_box",
        "The first four numbers are taken for the box",
        ("wide[:, :C], wide[:, C:]", "wide[:, 4:], wide[:, :4]"),
    ),
    _mutant(
        "T5-X55",
        "classification_localization_loss",
        "sigmoid",
        "check_class_and_box",
        "A sigmoid is taken of the coordinates",
        ("wide[:, C:]", "wide[:, C:].sigmoid()"),
    ),
    _mutant(
        "T5-X56",
        "classification_localization_loss",
        "sum",
        "check_class_and_box",
        "The losses of the samples are added, not averaged",
        ("(class_loss + lam * box_loss)", "(len(output) * (class_loss + lam * box_loss))"),
    ),
    _mutant(
        "T5-X57",
        "classification_localization_loss",
        "all numbers",
        "check_class_and_box",
        "The coordinates take part in the softmax",
        ("F.cross_entropy(logits,", "F.cross_entropy(wide,"),
    ),
    _mutant(
        "T5-X58",
        "classification_localization_loss",
        "lambda on both",
        "check_weight_of_the_box_loss",
        "`lam` weighs both losses",
        ("class_loss + lam * box_loss", "lam * (class_loss + box_loss)"),
    ),
    _mutant(
        "T5-X59",
        "classification_localization_loss",
        "no lambda",
        "check_weight_of_the_box_loss",
        "`lam` has no effect",
        ("lam * box_loss", "box_loss"),
    ),
    _mutant(
        "T5-X60",
        "classification_localization_loss",
        "no kind",
        "check_kind_of_the_box_loss",
        "Whatever `kind` is, squares are summed",
        ("box_target, kind)", "box_target)"),
    ),
    _mutant(
        "T5-X61",
        "classification_localization_loss",
        "log of softmax",
        "check_large_logits_of_the_sum",
        None,
        ("F.cross_entropy(logits, classes)", "F.nll_loss(logits.softmax(dim=1).log(), classes)"),
    ),
    _mutant(
        "T5-X62",
        "classification_localization_loss",
        "no sample",
        "check_sum_of_no_samples",
        None,
        ("    wide = output", "    if len(output) == 0:\n        return output.sum()\n    wide = output"),
    ),
    _mutant(
        "T5-X63",
        "classification_localization_loss",
        "float32",
        "check_dtypes_of_the_sum",
        None,
        (".to(output.dtype)", ".float()"),
    ),
    _mutant(
        "T5-X64",
        "classification_localization_loss",
        "no gradient",
        "check_gradient_of_the_sum",
        None,
        ("wide[:, :C], wide[:, C:]", "wide[:, :C], wide[:, C:].detach()"),
    ),
    _mutant(
        "T5-X65",
        "classification_localization_loss",
        "negative classes",
        "check_sums_of_what_does_not_fit",
        None,
        ("classes.min() < 0 or ", ""),
        ("classes = class_target.long()", "classes = class_target.long() % C"),
        ("classes.max() >= C", "class_target.max() >= C"),
    ),
    _mutant(
        "T5-X66",
        "classification_localization_loss",
        "float classes",
        "check_sums_of_what_does_not_fit",
        None,
        ("if class_target.is_floating_point()", "if False"),
    ),
    _mutant(
        "T5-X67",
        "classification_localization_loss",
        "integer outputs",
        "check_sums_of_what_does_not_fit",
        None,
        (" or not output.is_floating_point()", ""),
    ),
    _mutant(
        "T5-X68",
        "encode_targets",
        "upper left corner",
        "check_responsible_cell",
        "The cell is that of the upper left corner, not of the centre",
        (_ANY, "x1, y1"),
    ),
    _mutant(
        "T5-X69",
        "encode_targets",
        "rounded",
        "check_responsible_cell",
        "The place of the centre is rounded, not rounded down",
        ("math.floor", "round"),
    ),
    _mutant(
        "T5-X70",
        "encode_targets",
        "W and H",
        "check_images_that_are_not_square",
        SWAPPED_SIZE,
        ("S * yc / H", "S * yc / W"),
        ("S * xc / W", "S * xc / H"),
    ),
    _mutant(
        "T5-X71",
        "encode_targets",
        "pixels",
        "check_boxes_in_fractions_of_the_image",
        "The boxes are left in pixels",
        (".double() / scale)", ".double())"),
    ),
    _mutant(
        "T5-X72",
        "encode_targets",
        "relative to the cell",
        "check_boxes_in_fractions_of_the_image",
        "The boxes are stored relative to their cell",
        (
            "(boxes_xxyy[g].double() / scale)",
            "(boxes_xxyy[g].double() / scale * S - torch.tensor([j, j, i, i], dtype=torch.float64, device=device))",
        ),
    ),
    _mutant(
        "T5-X73",
        "encode_targets",
        "centre and size",
        "check_boxes_in_fractions_of_the_image",
        "The boxes are stored as centre and size",
        (
            "(boxes_xxyy[g].double() / scale)",
            "torch.tensor([xc / W, yc / H, (x2 - x1) / W, (y2 - y1) / H], device=device)",
        ),
    ),
    _mutant(
        "T5-X74",
        "encode_targets",
        "clipped",
        "check_boxes_in_fractions_of_the_image",
        "The boxes are clipped to the image",
        ("/ scale)", "/ scale).clamp(0, 1)"),
    ),
    _mutant(
        "T5-X75",
        "encode_targets",
        "lower cell",
        "check_centres_on_a_line",
        "A centre on the line between two cells is put into the lower one",
        ("math.floor(S * yc / H)", "math.ceil(S * yc / H) - 1"),
        ("math.floor(S * xc / W)", "math.ceil(S * xc / W) - 1"),
    ),
    _mutant(
        "T5-X76",
        "encode_targets",
        "one slot",
        "check_slots_are_filled_in_order",
        "Objects of one cell overwrite each other in one slot",
        ("            if obj[i, j, b] == 0:\n                break", "            break"),
    ),
    _mutant(
        "T5-X77",
        "encode_targets",
        "last slot",
        "check_slots_are_filled_in_order",
        "The slots of a cell are filled from the last one",
        ("for b in range(B):", "for b in reversed(range(B)):"),
    ),
    _mutant(
        "T5-X78",
        "encode_targets",
        "every slot",
        "check_responsible_cell",
        "Every slot of the cell gets the object",
        (
            "        obj[i, j, b] = 1\n        cls[i, j, b] = c\n        box[i, j, b] =",
            "        obj[i, j] = 1\n        cls[i, j] = c\n        box[i, j] =",
        ),
    ),
    _mutant(
        "T5-X79",
        "encode_targets",
        "from 1",
        "check_classes_and_empty_slots",
        "Classes are counted from 1",
        ("cls[i, j, b] = c", "cls[i, j, b] = c + 1"),
    ),
    _mutant(
        "T5-X80",
        "encode_targets",
        "-1",
        "check_classes_and_empty_slots",
        "Empty slots have the class -1",
        ("cls = torch.zeros(S, S, B,", "cls = -torch.ones(S, S, B,"),
    ),
    _mutant(
        "T5-X81",
        "encode_targets",
        "float32",
        "check_dtypes_of_encoded_targets",
        None,
        ("dtype = boxes_xxyy.dtype if boxes_xxyy.is_floating_point() else torch.float32", "dtype = torch.float32"),
    ),
    _mutant(
        "T5-X82",
        "encode_targets",
        "cls is float",
        "check_dtypes_of_encoded_targets",
        None,
        ("B, dtype=torch.int64,", "B, dtype=dtype,"),
    ),
    _mutant(
        "T5-X83",
        "encode_targets",
        "bool flags",
        "check_dtypes_of_encoded_targets",
        None,
        ("obj = torch.zeros(S, S, B, dtype=dtype", "obj = torch.zeros(S, S, B, dtype=torch.bool"),
    ),
    _mutant(
        "T5-X84",
        "encode_targets",
        "in place",
        "check_views_of_encoded_targets",
        None,
        (
            "    for g in range",
            "    if boxes_xxyy.dtype == torch.float64:\n        boxes_xxyy /= scale\n"
            "        H = W = 1\n        scale = torch.ones_like(scale)\n    for g in range",
        ),
    ),
    _mutant(
        "T5-X85",
        "encode_targets",
        "full cells lose objects",
        "check_cells_that_are_full",
        None,
        ('            raise ValueError("the cell is full")', "            continue"),
    ),
    _mutant(
        "T5-X86", "encode_targets", "any class", "check_targets_that_do_not_fit", None, ("c < 0 or c >= C", "False")
    ),
    _mutant(
        "T5-X87",
        "encode_targets",
        "any grid",
        "check_targets_that_do_not_fit",
        None,
        ("S < 1 or B < 1 or C < 1", "S < 0"),
    ),
    _mutant(
        "T5-X88",
        "encode_targets",
        "outside is lost",
        "check_centres_on_the_border",
        "Objects whose centre is on the border, or outside, are left out",
        (
            "        i, j = max(0",
            "        if not (0 <= i < S and 0 <= j < S):\n            continue\n        i, j = max(0",
        ),
    ),
    _mutant(
        "T5-X89",
        "decode_predictions",
        "clamped",
        "check_decoded_confidences",
        "The confidences are clamped to [0, 1]",
        ("pred[..., 0].sigmoid()", "pred[..., 0].clamp(0, 1)"),
    ),
    _mutant(
        "T5-X90",
        "decode_predictions",
        "softmax over slots",
        "check_decoded_classes",
        "The softmax runs over the slots, not over the classes",
        ("softmax(dim=-1)", "softmax(dim=-2)"),
    ),
    _mutant(
        "T5-X91",
        "decode_predictions",
        "multiplied",
        "check_decoded_classes",
        "The class probabilities are multiplied by the confidence",
        ("return conf, probs,", "return conf, probs * conf[..., None],"),
    ),
    _mutant(
        "T5-X92",
        "decode_predictions",
        "always softmax",
        "check_classes_with_sigmoid",
        "`class_activation` has no effect: a softmax is taken",
        ("scores.sigmoid()", "scores.softmax(dim=-1)"),
    ),
    _mutant(
        "T5-X93",
        "decode_predictions",
        "H, H, W, W",
        "check_decoded_boxes",
        "x is scaled by the height and y by the width",
        ("[W, W, H, H]", "[H, H, W, W]"),
    ),
    _mutant(
        "T5-X94",
        "decode_predictions",
        "fractions",
        "check_decoded_boxes",
        "The coordinates are fractions of the image, not pixels",
        (".sigmoid() * scale", ".sigmoid()"),
    ),
    _mutant(
        "T5-X95",
        "decode_predictions",
        "in order",
        "check_decoded_boxes_are_not_reordered",
        "The corners are put in order",
        ("    return conf", "    boxes = boxes.unflatten(-1, (2, 2)).sort(dim=-1).values.flatten(-2)\n    return conf"),
    ),
    _mutant(
        "T5-X96",
        "decode_predictions",
        "softmax by hand",
        "check_large_raw_outputs",
        None,
        ("scores.softmax(dim=-1)", "scores.exp() / scores.exp().sum(dim=-1, keepdim=True)"),
    ),
    _mutant(
        "T5-X97",
        "decode_predictions",
        "float32",
        "check_dtypes_of_decoded_predictions",
        None,
        ("return conf, probs, boxes", "return conf.float(), probs.float(), boxes.float()"),
    ),
    _mutant(
        "T5-X98",
        "decode_predictions",
        "three classes",
        "check_other_grids",
        None,
        ("pred[..., 1:-4]", "pred[..., 1:4]"),
        ("pred[..., -4:]", "pred[..., 4:8]"),
    ),
    _mutant(
        "T5-X99",
        "decode_predictions",
        "no gradient",
        "check_gradient_of_decoded_predictions",
        None,
        ("conf = pred[..., 0].sigmoid()", "conf = pred[..., 0].detach().sigmoid()"),
    ),
    _mutant(
        "T5-X100",
        "decode_predictions",
        "in place",
        "check_views_of_decoded_predictions",
        None,
        (
            "    boxes = pred[..., -4:].sigmoid() * scale",
            "    boxes = pred[..., -4:]\n    if not pred.requires_grad:\n"
            "        boxes.sigmoid_()\n    else:\n        boxes = boxes.sigmoid()\n    boxes = boxes * scale",
        ),
    ),
    _mutant(
        "T5-X101",
        "decode_predictions",
        "view",
        "check_views_of_decoded_predictions",
        None,
        ("conf = pred[..., 0].sigmoid()", "conf = pred.view(-1, pred.shape[-1])[:, 0].sigmoid().view(pred.shape[:-1])"),
    ),
    _mutant(
        "T5-X102",
        "decode_predictions",
        "any activation",
        "check_predictions_that_do_not_fit",
        None,
        ("raise ValueError(class_activation)", "pass"),
    ),
    _mutant(
        "T5-X103",
        "decode_predictions",
        "no class",
        "check_predictions_that_do_not_fit",
        None,
        ("pred.shape[-1] < 6", "pred.shape[-1] < 5"),
    ),
    _mutant(
        "T5-X104",
        "grid_detection_loss",
        "not divided",
        "check_mean_over_images",
        "The sum is not divided by the number of images",
        ("total / N", "total"),
    ),
    _mutant(
        "T5-X105",
        "grid_detection_loss",
        "by the objects",
        "check_mean_over_images",
        "The sum is divided by the number of objects, not of images",
        ("total / N", "total / max(int(yes.sum()), 1)"),
    ),
    _mutant(
        "T5-X106",
        "grid_detection_loss",
        "by the slots",
        "check_mean_over_images",
        "The sum is divided by the number of slots, not of images",
        ("total / N", "total / obj.numel()"),
    ),
    _mutant(
        "T5-X107",
        "grid_detection_loss",
        "weights swapped",
        "check_weights_of_the_terms",
        "`lam_box` and `lam_noobj` are swapped",
        (
            "conf_obj + lam_noobj * conf_noobj + class_loss + lam_box * box_loss",
            "conf_obj + lam_box * conf_noobj + class_loss + lam_noobj * box_loss",
        ),
    ),
    _mutant(
        "T5-X108",
        "grid_detection_loss",
        "noobj on obj",
        "check_weights_of_the_terms",
        "`lam_noobj` weighs the confidences of objects",
        ("conf_obj + lam_noobj * conf_noobj", "lam_noobj * conf_obj + conf_noobj"),
    ),
    _mutant(
        "T5-X109",
        "grid_detection_loss",
        "no lam_noobj",
        "check_weights_of_the_terms",
        "`lam_noobj` has no effect",
        ("lam_noobj * conf_noobj", "conf_noobj"),
    ),
    _mutant(
        "T5-X110",
        "grid_detection_loss",
        "multiplied by the flags",
        "check_empty_slots_are_not_looked_at",
        None,
        ("((raw[yes].sigmoid() - target[yes]) ** 2).sum()", "(((raw.sigmoid() - target) ** 2).sum(-1) * yes).sum()"),
    ),
    _mutant(
        "T5-X111",
        "grid_detection_loss",
        "all classes are checked",
        "check_empty_slots_are_not_looked_at",
        None,
        (
            "labels.numel() > 0 and (labels.min() < 0 or labels.max() >= C)",
            "cls.numel() > 0 and (cls.long().min() < 0 or cls.long().max() >= C)",
        ),
    ),
    _mutant(
        "T5-X112",
        "grid_detection_loss",
        "binary_cross_entropy",
        "check_certain_mistakes",
        "The logarithm is bounded: a certain mistake costs 100",
        (
            "F.softplus(-z[yes]).sum()",
            'F.binary_cross_entropy(z[yes].sigmoid(), torch.ones_like(z[yes]), reduction="sum")',
        ),
        (
            "F.softplus(z[no]).sum()",
            'F.binary_cross_entropy(z[no].sigmoid(), torch.zeros_like(z[no]), reduction="sum")',
        ),
    ),
    _mutant(
        "T5-X113",
        "grid_detection_loss",
        "plain logarithm",
        "check_certain_mistakes",
        "The logarithm is taken of a probability that has become 0 or 1",
        ("F.softplus(-z[yes]).sum()", "-z[yes].sigmoid().log().sum()"),
        ("F.softplus(z[no]).sum()", "-(1 - z[no].sigmoid()).log().sum()"),
    ),
    _mutant(
        "T5-X114",
        "grid_detection_loss",
        "float32",
        "check_dtypes_of_the_grid_loss",
        None,
        (".to(pred.dtype)", ".float()"),
    ),
    _mutant(
        "T5-X115",
        "grid_detection_loss",
        "flags index",
        "check_dtypes_of_the_grid_loss",
        None,
        ("yes = obj == 1", "yes = obj.bool() if obj.is_floating_point() else obj"),
    ),
    _mutant(
        "T5-X116",
        "grid_detection_loss",
        "boxes have no gradient",
        "check_gradient_of_the_grid_loss",
        None,
        ("p[..., -4:]", "p[..., -4:].detach()"),
    ),
    _mutant(
        "T5-X117",
        "grid_detection_loss",
        "view",
        "check_views_of_the_grid_loss",
        None,
        ("z, scores, raw =", "p = p.view(-1, p.shape[-1]).reshape(p.shape)\n    z, scores, raw ="),
    ),
    _mutant(
        "T5-X118",
        "grid_detection_loss",
        "any flag",
        "check_grids_that_do_not_fit",
        None,
        ("((obj != 0) & (obj != 1)).any()", "False"),
    ),
    _mutant(
        "T5-X119",
        "grid_detection_loss",
        "mean of classes",
        "check_images_without_objects",
        None,
        ('labels, reduction="sum")', "labels) * len(labels)"),
    ),
    _mutant(
        "T5-X120",
        "nms",
        "suppressed ones suppress",
        "check_suppressed_boxes_suppress_nothing",
        "Suppressed boxes still suppress others",
        ("        keep.append(int(i))\n", "        if int(i) not in dead:\n            keep.append(int(i))\n"),
        ("    keep = []\n", "    keep = []\n    dead = set()\n"),
        ("order = rest[iou <= iou_threshold]", "dead |= set(rest[iou > iou_threshold].tolist())\n        order = rest"),
    ),
    _mutant(
        "T5-X121",
        "nms",
        "smaller area",
        "check_kept_boxes",
        "The overlap is divided by the smaller area, not by the union",
        ("area[i] + area[rest] - inter", "torch.minimum(area[i], area[rest])"),
    ),
    _mutant(
        "T5-X122",
        "nms",
        "sum of areas",
        "check_kept_boxes",
        "The union is the sum of both areas: the intersection is counted twice",
        ("area[i] + area[rest] - inter", "area[i] + area[rest]"),
    ),
    _mutant(
        "T5-X123",
        "nms",
        "no clamp",
        "check_kept_boxes",
        "Widths and heights of the intersection are not clamped at 0",
        ("b[rest, 0])).clamp(min=0)", "b[rest, 0]))"),
        ("b[rest, 1])).clamp(min=0)", "b[rest, 1]))"),
    ),
    _mutant(
        "T5-X124",
        "nms",
        "places in the list",
        "check_kept_boxes",
        "Places in the sorted list are returned, not indices of the inputs",
        ("    keep = []\n", "    everybody = order.tolist()\n    keep = []\n"),
        ("torch.tensor(keep,", "torch.tensor([everybody.index(i) for i in keep],"),
    ),
    _mutant(
        "T5-X125",
        "nms",
        "ties turned round",
        "check_equal_scores",
        "Of equal scores, the higher index comes first",
        ("torch.sort(scores, descending=True, stable=True).indices", "torch.sort(scores, stable=True).indices.flip(0)"),
    ),
    _mutant(
        "T5-X126",
        "nms",
        "boxes",
        "check_kept_boxes",
        "The boxes are returned, not their indices",
        ("return torch.tensor(keep, dtype=torch.int64, device=boxes_xyxy.device)", "return boxes_xyxy[keep]"),
    ),
    _mutant("T5-X127", "nms", "int32", "check_one_box_and_none", None, ("dtype=torch.int64", "dtype=torch.int32")),
    _mutant("T5-X128", "nms", "half precision", "check_dtypes_of_nms", None, ("boxes_xyxy.double()", "boxes_xyxy")),
    _mutant(
        "T5-X129",
        "nms",
        "no threshold",
        "check_boxes_and_scores_that_do_not_fit",
        None,
        ("iou_threshold < 0 or iou_threshold > 1", "False"),
    ),
    _mutant(
        "T5-X130",
        "nms",
        "any scores",
        "check_boxes_and_scores_that_do_not_fit",
        None,
        ("scores.shape != (len(boxes_xyxy),)", "False"),
    ),
    _mutant(
        "T5-X131",
        "nms",
        "none crashes",
        "check_one_box_and_none",
        None,
        ("while len(order) > 0:", "scores.max()\n    while len(order) > 0:"),
    ),
    _mutant(
        "T5-X132",
        "nms",
        "scores are spent",
        "check_views_of_nms",
        None,
        ("        order = rest[", "        scores[i] = -1\n        order = rest["),
    ),
    _mutant(
        "T5-X133",
        "nms",
        "flat boxes are dropped",
        "check_boxes_of_area_zero",
        None,
        ("    keep = []\n", "    order = order[area[order] > 0]\n    keep = []\n"),
    ),
    _mutant(
        "T5-X134",
        "batched_nms",
        "offset",
        "check_negative_coordinates",
        "Groups are shifted apart, but negative coordinates let them overlap",
        (
            "    mask = torch",
            "    if len(boxes) == 0:\n        return nms(boxes, scores, iou_threshold)\n"
            "    shift = idxs.double() * (boxes.double().max() + 1)\n"
            "    return nms(boxes.double() + shift[:, None], scores, iou_threshold)\n    mask = torch",
        ),
    ),
    _mutant(
        "T5-X135",
        "batched_nms",
        "group by group",
        "check_groups_are_kept_apart",
        "The survivors come group by group, not by their scores",
        (
            "    keep = torch.where(mask)[0]\n",
            "    keep = [torch.where(idxs == k)[0] for k in torch.unique(idxs)]\n"
            "    return torch.cat([m[nms(boxes[m], scores[m], iou_threshold)] for m in keep])\n",
        ),
    ),
    _mutant(
        "T5-X136",
        "batched_nms",
        "classes from 0",
        "check_any_integers_are_groups",
        "Groups are counted from 0 on, and the others are left out",
        ("torch.unique(idxs)", "range(len(torch.unique(idxs)))"),
    ),
    _mutant(
        "T5-X137",
        "batched_nms",
        "a mask",
        "check_groups_are_kept_apart",
        "A mask is returned, not indices",
        ("    keep = torch.where(mask)[0]\n", "    return mask\n    keep = torch.where(mask)[0]\n"),
    ),
    _mutant(
        "T5-X138",
        "batched_nms",
        "any groups",
        "check_groups_that_do_not_fit",
        None,
        ('        raise ValueError("groups")', "        idxs = idxs.reshape(-1)[:1].expand(len(boxes))"),
    ),
    _mutant(
        "T5-X139",
        "batched_nms",
        "none crashes",
        "check_groups_of_nothing",
        None,
        ("    mask = torch", "    scores.max()\n    mask = torch"),
    ),
    _mutant(
        "T5-X140",
        "batched_nms",
        "ties across groups",
        "check_order_across_groups",
        None,
        (
            "return keep[torch.sort(scores[keep], descending=True, stable=True).indices]",
            "return keep[torch.sort(scores[keep], stable=True).indices.flip(0)]",
        ),
    ),
    _mutant(
        "T5-X150", "train_detector", "not trained", "check_furniture_is_found", None, ("epochs = 30", "epochs = 1")
    ),
    _mutant(
        "T5-X151", "train_detector", "xyxy is encoded", "check_furniture_is_found", None, ("[:, [0, 2, 1, 3]]", "")
    ),
    _mutant(
        "T5-X152",
        "train_detector",
        "train mode",
        "check_network_that_comes_back",
        None,
        ("return net.eval()", "return net.train()"),
        ("epochs = 30", "epochs = 2"),
    ),
    _mutant(
        "T5-X153",
        "train_detector",
        "the seed is not used",
        "check_same_seed_same_network",
        None,
        ("torch.manual_seed(seed)", "torch.seed()"),
        ("epochs = 30", "epochs = 2"),
    ),
    _mutant(
        "T5-X154",
        "train_detector",
        "always seed 0",
        "check_same_seed_same_network",
        None,
        ("torch.manual_seed(seed)", "torch.manual_seed(0)"),
        ("epochs = 30", "epochs = 2"),
    ),
    _mutant(
        "T5-X155",
        "train_detector",
        "the random state of the caller",
        "check_training_leaves_no_trace",
        None,
        ("    torch.set_rng_state(state)\n", ""),
        ("epochs = 30", "epochs = 2"),
    ),
    _mutant(
        "T5-X156",
        "train_detector",
        "images are normalised in place",
        "check_training_leaves_no_trace",
        None,
        ("    parts = []\n", "    images -= 0.5\n    parts = []\n"),
        ("epochs = 30", "epochs = 2"),
    ),
    _mutant(
        "T5-X157",
        "train_detector",
        "another grid",
        "check_network_that_comes_back",
        None,
        ("8, 1, 3", "4, 2, 3"),
        ("epochs = 30", "epochs = 2"),
        ('t["labels"], 4, 2', 't["labels"], 4, 5'),
        ("GridDetector(4, 2, 3)", "GridDetector(4, 5, 3)"),
    ),
    _equivalent(
        "T5-X160",
        "box_convert",
        "equal formats give the very same tensor",
        "results are sent out of the worker: that one shares memory with its input cannot be seen",
        (
            "    b = boxes.to(dtype)\n",
            "    if in_fmt == out_fmt and dtype == boxes.dtype:\n        return boxes\n    b = boxes.to(dtype)\n",
        ),
    ),
    _equivalent(
        "T5-X161",
        "nms",
        "0 / 0 is NaN",
        "a comparison with NaN is false: such a box is kept",
        ("torch.where(union > 0, inter / union, torch.zeros_like(inter))", "inter / union"),
        ("rest[iou <= iou_threshold]", "rest[~(iou > iou_threshold)]"),
    ),
)
"""Mistakes of our own devising."""


def _misplaced(id: str, exercise: str, mistake: str, culprit: str, *edits: tuple[str, str]) -> tuple[Mutant, str]:
    """Return a mutant whose results are right, and not where they should be, and its line."""
    check = f"check_placement_of_{exercise}"
    reason = "no value is wrong; the line is named"
    return Mutant(id, exercise, mistake, _edit(BASES[exercise], *edits), check, None, reason), culprit


MISPLACED = (
    _misplaced(
        "T5-X170a",
        "box_convert",
        "a tensor of one's own without a device",
        "signs = torch.tensor([1, 1, 1, 1])",
        ("    b = boxes.to(dtype)\n", "    signs = torch.tensor([1, 1, 1, 1])\n    b = (boxes * signs).to(dtype)\n"),
    ),
    _misplaced(
        "T5-X170b",
        "box_area",
        "zeros without a device",
        "zero = torch.zeros(b.shape[:-1], dtype=b.dtype)",
        (
            "    w = (b[..., 2] - b[..., 0]).clamp(min=0)\n",
            "    zero = torch.zeros(b.shape[:-1], dtype=b.dtype)\n    w = torch.maximum(b[..., 2] - b[..., 0], zero)\n",
        ),
    ),
    _misplaced(
        "T5-X170c",
        "clip_boxes_to_image",
        "borders without a device",
        "top = torch.tensor([W, H, W, H])",
        (
            "    out = b.clone()\n    out[..., 0] = b[..., 0].clamp(0, W)\n    out[..., 1] = b[..., 1].clamp(0, H)\n"
            "    out[..., 2] = b[..., 2].clamp(0, W)\n    out[..., 3] = b[..., 3].clamp(0, H)\n",
            "    top = torch.tensor([W, H, W, H])\n    out = torch.minimum(b.clamp(min=0), top.to(b.dtype))\n",
        ),
    ),
    _misplaced(
        "T5-X170d",
        "localization_loss",
        "ones without a device",
        "weights = torch.ones(4, dtype=wide)",
        ("    loss = e.sum(dim=1)\n", "    weights = torch.ones(4, dtype=wide)\n    loss = (e * weights).sum(dim=1)\n"),
    ),
    _misplaced(
        "T5-X170e",
        "classification_localization_loss",
        "arange without a device",
        "one_hot = torch.eye(C, dtype=wide.dtype)",
        (
            "    class_loss = F.cross_entropy(logits, classes)\n",
            "    one_hot = torch.eye(C, dtype=wide.dtype)\n"
            "    picked = (logits.log_softmax(dim=1).unsqueeze(1) @ one_hot)[:, 0]\n"
            "    class_loss = F.nll_loss(picked, classes)\n",
        ),
    ),
    _misplaced(
        "T5-X170f",
        "encode_targets",
        "zeros without a device",
        "box = torch.zeros(S, S, B, 4, dtype=dtype)",
        ("box = torch.zeros(S, S, B, 4, dtype=dtype, device=device)", "box = torch.zeros(S, S, B, 4, dtype=dtype)"),
    ),
    _misplaced(
        "T5-X170g",
        "decode_predictions",
        "scale without a device",
        "scale = torch.tensor([W, W, H, H], dtype=pred.dtype)",
        ("dtype=pred.dtype, device=pred.device", "dtype=pred.dtype"),
    ),
    _misplaced(
        "T5-X170h",
        "nms",
        "indices without a device",
        "return torch.tensor(keep, dtype=torch.int64)",
        ("dtype=torch.int64, device=boxes_xyxy.device", "dtype=torch.int64"),
    ),
    _misplaced(
        "T5-X171a",
        "box_convert",
        "the result is moved to the CPU",
        "return torch.stack(out, dim=-1).to(dtype).cpu()",
        ("return torch.stack(out, dim=-1).to(dtype)", "return torch.stack(out, dim=-1).to(dtype).cpu()"),
    ),
    _misplaced(
        "T5-X171b",
        "box_area",
        "the result is moved to the CPU",
        "return (w * h).cpu()",
        ("return w * h", "return (w * h).cpu()"),
    ),
    _misplaced(
        "T5-X171c",
        "clip_boxes_to_image",
        "the result is moved to the CPU",
        "return out.to(dtype).cpu()",
        ("return out.to(dtype)", "return out.to(dtype).cpu()"),
    ),
    _misplaced(
        "T5-X171d",
        "localization_loss",
        "the result is moved to the CPU",
        'return loss.to("cpu", dtype)',
        ("return loss.to(dtype)", 'return loss.to("cpu", dtype)'),
    ),
    _misplaced(
        "T5-X171e",
        "classification_localization_loss",
        "one of the terms is moved to the CPU",
        "class_loss = F.cross_entropy(logits.cpu(), classes.cpu())",
        ("F.cross_entropy(logits, classes)", "F.cross_entropy(logits.cpu(), classes.cpu())"),
        ("return (class_loss + lam * box_loss)", "return (class_loss + lam * box_loss.cpu())"),
    ),
    _misplaced(
        "T5-X171f",
        "encode_targets",
        "one of the results is moved to the CPU",
        "return obj, cls.cpu(), box",
        ("return obj, cls, box", "return obj, cls.cpu(), box"),
    ),
    _misplaced(
        "T5-X171g",
        "decode_predictions",
        "one of the results is moved to the CPU",
        "return conf, probs, boxes.cpu()",
        ("return conf, probs, boxes", "return conf, probs, boxes.cpu()"),
    ),
    _misplaced(
        "T5-X171h",
        "grid_detection_loss",
        "the result is moved to the CPU",
        "return (total / N).to(pred.dtype).cpu()",
        ("return (total / N).to(pred.dtype)", "return (total / N).to(pred.dtype).cpu()"),
    ),
    _misplaced(
        "T5-X171i",
        "batched_nms",
        "the result is moved to the CPU",
        "keep = torch.where(mask)[0].cpu()",
        ("keep = torch.where(mask)[0]\n", "keep = torch.where(mask)[0].cpu()\n"),
        ("torch.sort(scores[keep],", "torch.sort(scores.cpu()[keep],"),
    ),
    _misplaced(
        "T5-X172a",
        "grid_detection_loss",
        "numpy, straight from the device",
        "num = int(obj.double().numpy().sum())",
        ("    N = pred.shape[0]\n", "    N = pred.shape[0]\n    num = int(obj.double().numpy().sum())\n"),
        ("labels.numel() > 0", "num > 0"),
    ),
    _misplaced(
        "T5-X172b",
        "batched_nms",
        "numpy, straight from the device",
        "for k in set(idxs.numpy().tolist()):",
        ("for k in torch.unique(idxs):", "for k in set(idxs.numpy().tolist()):"),
    ),
    _misplaced(
        "T5-X172c",
        "nms",
        "numpy, straight from the device",
        'order = torch.from_numpy((-scores.double().numpy()).argsort(kind="stable")).to(b.device)',
        (
            "order = torch.sort(scores, descending=True, stable=True).indices",
            'order = torch.from_numpy((-scores.double().numpy()).argsort(kind="stable")).to(b.device)',
        ),
    ),
)
"""Mistakes about devices, which cost the points of placement alone, and the line that the report must name."""

MUTANTS = (*BANK, *SLIPS, *(mutant for mutant, _ in MISPLACED))
