"""Mutants of the topic *segmentation*: each has one mistake of the misconception bank, in a student's own words.

Most are an edit of one of eleven small correct sources, so that the mistake can be seen; where the mistake is another
computation, the source is written out. They share no code with ``tests/hidden``.

Of the bank, T7-M14 (masks resized with interpolation) is not here: no exercise resizes a mask.
"""

from __future__ import annotations

from tests.graders.proof import Mutant

SLOW = ("train_unet",)
NEEDS: dict[str, tuple[str, ...]] = {}

POLYGON_TO_MASK = """\
def polygon_to_mask(polygon, height, width):
    if height < 1 or width < 1:
        raise ValueError("no pixel")
    if len(polygon) % 2 == 1:
        raise ValueError("pairs of numbers")
    for value in polygon:
        if not math.isfinite(value):
            raise ValueError("finite numbers")
    xs, ys = list(polygon[0::2]), list(polygon[1::2])
    if len(set(zip(xs, ys))) < 3:
        raise ValueError("at least three vertices")
    px = (torch.arange(width, dtype=torch.float64) + 0.5).expand(height, width)
    py = (torch.arange(height, dtype=torch.float64) + 0.5).unsqueeze(1).expand(height, width)
    crossings = torch.zeros(height, width, dtype=torch.int64)
    n = len(xs)
    for i in range(n):
        x1, y1, x2, y2 = xs[i], ys[i], xs[(i + 1) % n], ys[(i + 1) % n]
        if y1 == y2:
            continue
        level = (py >= min(y1, y2)) & (py < max(y1, y2))
        at = x1 + (py - y1) / (y2 - y1) * (x2 - x1)
        crossings += level & (px < at)
    return crossings % 2 == 1
"""

POLYGONS_TO_MASK = """\
def polygons_to_mask(polygons, height, width, background=0):
    if height < 1 or width < 1:
        raise ValueError("no pixel")
    mask = torch.full((height, width), background, dtype=torch.int64)
    for k in range(len(polygons)):
        for polygon in polygons[k]:
            mask[polygon_to_mask(polygon, height, width)] = k
    return mask
"""

ONE_HOT_MASK = """\
def one_hot_mask(mask, num_classes, ignore_index=None):
    if mask.dim() != 3:
        raise ValueError("one label per pixel, for a batch")
    if mask.is_floating_point():
        raise ValueError("integers only")
    if num_classes < 1:
        raise ValueError("no class")
    labels = mask.long()
    keep = torch.ones(labels.shape, dtype=torch.bool, device=mask.device)
    if ignore_index is not None:
        keep = labels != ignore_index
    labels = torch.where(keep, labels, torch.zeros_like(labels))
    if ((labels < 0) | (labels >= num_classes)).any():
        raise ValueError("no such class")
    result = torch.zeros(*labels.shape, num_classes, device=mask.device)
    result.scatter_(-1, labels.unsqueeze(-1), 1.0)
    result = result * keep.unsqueeze(-1)
    return result.movedim(-1, 1)
"""

SEGMENTATION_CROSS_ENTROPY = """\
def segmentation_cross_entropy(logits, target, ignore_index=255):
    if logits.dim() != 4 or logits.shape[1] == 0 or not logits.is_floating_point():
        raise ValueError("logits must be (N, K, H, W)")
    n, k, h, w = logits.shape
    if tuple(target.shape) != (n, h, w) or target.is_floating_point():
        raise ValueError("target must be (N, H, W)")
    labels = target.long()
    keep = labels != ignore_index
    index = torch.where(keep, labels, torch.zeros_like(labels))
    if ((index < 0) | (index >= k)).any():
        raise ValueError("no such class")
    z = logits.double()
    log_p = z - torch.logsumexp(z, dim=1, keepdim=True)
    rows = log_p.permute(0, 2, 3, 1).reshape(-1, k)
    index, keep = index.reshape(-1), keep.reshape(-1)
    loss = -rows[torch.arange(len(rows), device=rows.device), index]
    total = (loss * keep).sum()
    return (total / keep.sum()).to(logits.dtype)
"""

_SOFT = """\
def NAME(logits, target, mode="multiclass", smooth=0.0, ignore_index=None):
    if mode not in ("multiclass", "binary"):
        raise ValueError("unknown mode")
    if smooth < 0 or not math.isfinite(smooth):
        raise ValueError("smooth must be at least 0")
    if not logits.is_floating_point() or target.is_floating_point():
        raise ValueError("floating logits, integer labels")
    if mode == "binary":
        if logits.dim() == 4 and target.shape == logits.shape:
            target = target.squeeze(1)
        if logits.dim() == 3:
            logits = logits.unsqueeze(1)
    if logits.dim() != 4 or (mode == "binary" and logits.shape[1] != 1):
        raise ValueError("wrong shape of the logits")
    n, channels, h, w = logits.shape
    if tuple(target.shape) != (n, h, w):
        raise ValueError("wrong shape of the target")
    k = 2 if mode == "binary" else channels
    labels = target.long()
    keep = torch.ones_like(labels).bool()
    if ignore_index is not None:
        keep = labels != ignore_index
    labels = labels.masked_fill(~keep, 0)
    if ((labels < 0) | (labels >= k)).any():
        raise ValueError("no such class")
    z = logits.double()
    if mode == "binary":
        p = torch.sigmoid(z)
    else:
        p = torch.softmax(z, dim=1)
    classes = torch.arange(k, device=labels.device)
    t = (labels.unsqueeze(1) == classes.reshape(1, k, 1, 1)).double()
    if mode == "binary":
        t = t[:, 1:]
    counted = keep.unsqueeze(1).double()
    t = t * counted
    p = p * counted
    inter = (p * t).sum(dim=(2, 3))
    sum_p = p.sum(dim=(2, 3))
    sum_t = t.sum(dim=(2, 3))
    present = sum_t > 0
    top = TOP
    bottom = BOTTOM
    ratio = top / torch.where(present, bottom, torch.ones_like(bottom))
    loss = torch.where(present, 1 - ratio, torch.zeros_like(ratio))
    number = max(int(present.sum()), 1)
    return (loss.sum() / number).to(logits.dtype)
"""

CONFUSION_MATRIX = """\
def confusion_matrix(pred, target, num_classes, ignore_index=None):
    if pred.shape != target.shape:
        raise ValueError("shapes differ")
    if pred.is_floating_point() or target.is_floating_point():
        raise ValueError("labels only")
    if num_classes < 1:
        raise ValueError("no class")
    pred, target = pred.reshape(-1).long(), target.reshape(-1).long()
    if ignore_index is not None:
        keep = target != ignore_index
        pred, target = pred[keep], target[keep]
    if ((pred < 0) | (pred >= num_classes)).any():
        raise ValueError("no such predicted class")
    if ((target < 0) | (target >= num_classes)).any():
        raise ValueError("no such true class")
    matrix = torch.zeros(num_classes, num_classes, dtype=torch.int64, device=pred.device)
    matrix.index_put_((target, pred), torch.ones_like(pred), accumulate=True)
    return matrix
"""

SEGMENTATION_METRICS = """\
def segmentation_metrics(pred, target, num_classes, ignore_index=None):
    n = confusion_matrix(pred, target, num_classes, ignore_index).double()
    tp = torch.diagonal(n)
    fp = n.sum(dim=0) - tp
    fn = n.sum(dim=1) - tp
    accuracy = tp.sum() / n.sum()
    iou = tp / (tp + fp + fn)
    dice = 2 * tp / (2 * tp + fp + fn)
    precision = tp / (tp + fp)
    recall = tp / (tp + fn)
    mean_iou = iou[~iou.isnan()].mean()
    mean_dice = dice[~dice.isnan()].mean()
    return {
        "pixel_accuracy": float(accuracy),
        "iou": iou,
        "dice": dice,
        "precision": precision,
        "recall": recall,
        "mean_iou": float(mean_iou),
        "mean_dice": float(mean_dice),
    }
"""

DOUBLE_CONV = """\
class DoubleConv(nn.Module):
    def __init__(self, in_channels, out_channels, padding="same"):
        super().__init__()
        if padding not in ("same", "valid"):
            raise ValueError("unknown padding")
        p = 1 if padding == "same" else 0
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=p)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=p)

    def forward(self, x):
        x = torch.relu(self.conv1(x))
        x = torch.relu(self.conv2(x))
        return x
"""

UNET = """\
class UNet(nn.Module):
    def __init__(self, in_channels=1, num_classes=2, base=64, padding="same"):
        super().__init__()
        if padding not in ("same", "valid"):
            raise ValueError("unknown padding")
        self.in_channels, self.padding = in_channels, padding
        c = base
        self.enc1 = DoubleConv(in_channels, c, padding)
        self.enc2 = DoubleConv(c, 2 * c, padding)
        self.enc3 = DoubleConv(2 * c, 4 * c, padding)
        self.enc4 = DoubleConv(4 * c, 8 * c, padding)
        self.bottleneck = DoubleConv(8 * c, 16 * c, padding)
        self.up4 = nn.ConvTranspose2d(16 * c, 8 * c, 2, stride=2)
        self.dec4 = DoubleConv(16 * c, 8 * c, padding)
        self.up3 = nn.ConvTranspose2d(8 * c, 4 * c, 2, stride=2)
        self.dec3 = DoubleConv(8 * c, 4 * c, padding)
        self.up2 = nn.ConvTranspose2d(4 * c, 2 * c, 2, stride=2)
        self.dec2 = DoubleConv(4 * c, 2 * c, padding)
        self.up1 = nn.ConvTranspose2d(2 * c, c, 2, stride=2)
        self.dec1 = DoubleConv(2 * c, c, padding)
        self.head = nn.Conv2d(c, num_classes, 1)

    def pool(self, x):
        return nn.functional.max_pool2d(x, 2)

    def join(self, skip, up):
        height, width = up.shape[-2:]
        top = (skip.shape[-2] - height) // 2
        left = (skip.shape[-1] - width) // 2
        skip = skip[..., top:top + height, left:left + width]
        return torch.cat([skip, up], dim=1)

    def forward(self, x):
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            raise ValueError("images (N, C, H, W)")
        first = 16 if self.padding == "same" else 188
        for size in x.shape[2:]:
            if size < first or (size - first) % 16 != 0:
                raise ValueError("this size does not fit")
        s1 = self.enc1(x)
        s2 = self.enc2(self.pool(s1))
        s3 = self.enc3(self.pool(s2))
        s4 = self.enc4(self.pool(s3))
        y = self.bottleneck(self.pool(s4))
        y = self.dec4(self.join(s4, self.up4(y)))
        y = self.dec3(self.join(s3, self.up3(y)))
        y = self.dec2(self.join(s2, self.up2(y)))
        y = self.dec1(self.join(s1, self.up1(y)))
        return self.head(y)
"""

TRAIN_UNET = """\
def train_unet(images, masks, num_classes=5, seed=0):
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    net = UNet(3, num_classes, base=8).to(images.device)
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    labels = masks.long()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.002)
    for epoch in range(24):
        order = torch.randperm(len(images)).to(images.device)
        for start in range(0, len(images), 8):
            rows = order[start:start + 8]
            loss = nn.functional.cross_entropy(net(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        for group in optimizer.param_groups:
            group["lr"] *= 0.93
    torch.set_rng_state(state)
    return net.eval()
"""


def _edit(source: str, *edits: tuple[str, str]) -> str:
    """Return ``source`` with each ``(old, new)`` replaced; ``old`` has to be there."""
    for old, new in edits:
        if old not in source:
            raise ValueError(f"nothing to replace: {old!r}")
        source = source.replace(old, new)
    return source


_IOU = (("NAME", "soft_iou_loss"), ("TOP", "inter + smooth"), ("BOTTOM", "sum_p + sum_t - inter + smooth"))
_DICE = (("NAME", "soft_dice_loss"), ("TOP", "2 * inter + smooth"), ("BOTTOM", "sum_p + sum_t + smooth"))

BASES = {
    "polygon_to_mask": POLYGON_TO_MASK,
    "polygons_to_mask": POLYGONS_TO_MASK,
    "one_hot_mask": ONE_HOT_MASK,
    "segmentation_cross_entropy": SEGMENTATION_CROSS_ENTROPY,
    "soft_iou_loss": _edit(_SOFT, *_IOU),
    "soft_dice_loss": _edit(_SOFT, *_DICE),
    "confusion_matrix": CONFUSION_MATRIX,
    "segmentation_metrics": SEGMENTATION_METRICS,
    "DoubleConv": DOUBLE_CONV,
    "UNet": UNET,
    "train_unet": TRAIN_UNET,
}
"""Correct sources; they earn all points themselves."""

NO_ERROR = "there is no output to compare: an error is missing"
OWN_ERROR = "PyTorch's own error says it"
DTYPE = "a matter of dtypes; the message says which one came"
CHANGED = "the result is right; the message says what was changed"
REFUSED = "the result is right; the message names the call that is not allowed, and its line"
TRAINED = "the weights of a training run cannot be foretold; the message says what the net does not reach"
KEYS = "the message says which name is missing, or should not be there"
SIZES = "only shapes are looked at; the message says which one is wrong"
GRADIENTS = "values are right, gradients are not; the message says so"
OTHER = "a slip of its own, which nobody has written down"

SWAPPED = "The coordinates are read as row and column: x runs over the columns, and comes first"
CORNERS = "A corner of the pixel is looked at, not its centre"
BOUNDARY = "The boundary is painted, too: the square from 0 to 9 has 81 pixels, not 100"
TRANSPOSED = "The mask has the shape (W, H)"
INFERRED = "The number of classes is inferred from the masks"
CLASSES_LAST = "The classes are in the last dimension, not in dimension 1"
IGNORED_ZERO = "Ignored pixels are counted as class 0"
IGNORES_NOTHING = "`ignore_index` has no effect on a label that is also a class"
IN_DENOMINATOR = "Ignored pixels are still counted in the denominator"
TWICE = "Softmax, or the sigmoid, is applied twice"
LOGITS = "The logits are used as if they were probabilities"
HARD = "The probabilities are thresholded: masks of 0 and 1 have no gradient"
POOLED = "The sums run over the batch: there is one ratio for all samples"
SQUARED = "The denominator has squares (as in V-Net): it is linear here"
BACKGROUND = "Class 0 is left out"
NOT_SUBTRACTED = "The overlap is returned, not 1 minus it"
NEGATIVE = "The overlap is returned with a minus, without the 1"
UNASKED = "`smooth` is 1 although it was not asked for"
PADDED = "The convolutions pad where `padding` is `valid`"
NOT_PADDED = "The convolutions do not pad where `padding` is `same`"

Edit = tuple[str, str]


def _named(id: str, exercise: str, mistake: str, check: str, name: str, *edits: Edit) -> Mutant:
    """Return a mutant whose mistake the report names."""
    return Mutant(id, exercise, mistake, _edit(BASES[exercise], *edits), check, name)


def _slip(id: str, exercise: str, mistake: str, check: str, reason: str, *edits: Edit) -> Mutant:
    """Return a mutant whose mistake has no name."""
    return Mutant(id, exercise, mistake, _edit(BASES[exercise], *edits), check, None, reason)


def _equal(id: str, exercise: str, mistake: str, why: str, *edits: Edit) -> Mutant:
    """Return a mutant that must earn everything."""
    return Mutant(id, exercise, mistake, _edit(BASES[exercise], *edits), equivalent=why)


def _without(first: str, source: str) -> Edit:
    """Return the edit that takes out a condition and its ``raise``."""
    lines = source.splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if line.strip().startswith(first))
    return "".join(lines[at : at + 2]), ""


# ---------------------------------------------------------------------------------------------- polygons

POLYGON = "polygon_to_mask"
CONVEX, OTHERS = "check_pixels_in_convex_polygons", "check_pixels_in_other_polygons"
RINGS, OFF = "check_ways_to_write_a_ring", "check_polygons_that_leave_the_image"
NONE = "check_polygons_that_are_none"
_PX, _PY = "torch.arange(width, dtype=torch.float64) + 0.5", "torch.arange(height, dtype=torch.float64) + 0.5"

POLYGON_MUTANTS = (
    _named(
        "T7-M21a",
        POLYGON,
        "x and y swapped",
        CONVEX,
        SWAPPED,
        ("xs, ys = list(polygon[0::2]), list(polygon[1::2])", "ys, xs = list(polygon[0::2]), list(polygon[1::2])"),
    ),
    Mutant(
        "T7-M21b",
        POLYGON,
        "painted by Pillow, boundary included",
        """\
def polygon_to_mask(polygon, height, width):
    from PIL import Image, ImageDraw
    import numpy as np
    image = Image.new("L", (width, height))
    ImageDraw.Draw(image).polygon([float(v) for v in polygon], fill=1, outline=1)
    return torch.from_numpy(np.array(image)).bool()
""",
        CONVEX,
        BOUNDARY,
    ),
    _named(
        "T7-M21c",
        POLYGON,
        "corners instead of centres",
        CONVEX,
        CORNERS,
        (_PX, _PX.replace(" + 0.5", "")),
        (_PY, _PY.replace(" + 0.5", "")),
    ),
    _named(
        "T7-M21d",
        POLYGON,
        "the mask is transposed",
        CONVEX,
        TRANSPOSED,
        ("% 2 == 1\n", "% 2 == 1\n"),
        ("    return crossings % 2 == 1\n", "    return (crossings % 2 == 1).t()\n"),
    ),
    _named(
        "T7-X01a",
        POLYGON,
        "outside",
        CONVEX,
        "Inside and outside are swapped",
        ("return crossings % 2 == 1", "return crossings % 2 == 0"),
    ),
    _named(
        "T7-X01b",
        POLYGON,
        "upside down",
        CONVEX,
        "The vertical axis points up: row 0 is at the top",
        ("return crossings % 2 == 1", "return (crossings % 2 == 1).flip(0)"),
    ),
    _named(
        "T7-X01c",
        POLYGON,
        "bounding box",
        CONVEX,
        "The bounding box is filled, not the polygon",
        ("return crossings % 2 == 1", "return (px > min(xs)) & (px < max(xs)) & (py > min(ys)) & (py < max(ys))"),
    ),
    _named(
        "T7-X01d",
        POLYGON,
        "rounds",
        CONVEX,
        "The coordinates are rounded to whole numbers",
        (
            "list(polygon[0::2]), list(polygon[1::2])",
            "[round(v) for v in polygon[0::2]], [round(v) for v in polygon[1::2]]",
        ),
    ),
    _named(
        "T7-X01e",
        POLYGON,
        "truncates",
        CONVEX,
        "The coordinates are cut to whole numbers",
        (
            "list(polygon[0::2]), list(polygon[1::2])",
            "[int(v) for v in polygon[0::2]], [int(v) for v in polygon[1::2]]",
        ),
    ),
    _named(
        "T7-X01f",
        POLYGON,
        "never closed",
        CONVEX,
        "The last edge, back to the first vertex, is missing",
        ("for i in range(n):", "for i in range(n - 1):"),
    ),
    _named(
        "T7-X01g",
        POLYGON,
        "winding number",
        OTHERS,
        "What the ring winds around twice counts as inside: the rule is even-odd",
        ("crossings += level & (px < at)", "crossings += (level & (px < at)) * (1 if y2 > y1 else -1)"),
        ("crossings % 2 == 1", "crossings != 0"),
    ),
    Mutant(
        "T7-X01h",
        POLYGON,
        "convex polygons only",
        _edit(
            POLYGON_TO_MASK,
            (
                "    crossings = torch.zeros(height, width, dtype=torch.int64)\n",
                "    left = torch.ones(height, width, dtype=torch.bool)\n    right = left.clone()\n",
            ),
            (
                "        if y1 == y2:\n            continue\n"
                "        level = (py >= min(y1, y2)) & (py < max(y1, y2))\n",
                "",
            ),
            (
                "        at = x1 + (py - y1) / (y2 - y1) * (x2 - x1)\n        crossings += level & (px < at)\n",
                "        side = (px - x1) * (y2 - y1) - (x2 - x1) * (py - y1)\n"
                "        left &= side >= 0\n        right &= side <= 0\n",
            ),
            ("return crossings % 2 == 1", "return left | right"),
        ),
        OTHERS,
        "A pixel has to be on one side of all edges: that holds for convex polygons only",
    ),
    _named(
        "T7-X01i",
        POLYGON,
        "one direction",
        RINGS,
        "The ring has to run in one direction: both are allowed",
        (
            "return crossings % 2 == 1",
            "area = sum(xs[i] * ys[(i + 1) % n] - xs[(i + 1) % n] * ys[i] for i in range(n))\n"
            "    return (crossings % 2 == 1) & (area > 0)",
        ),
    ),
    _named(
        "T7-X01j",
        POLYGON,
        "clamps vertices",
        OFF,
        "Vertices off the image are moved to its border: that bends the edges",
        (
            "list(polygon[0::2]), list(polygon[1::2])",
            "[min(max(v, 0), width) for v in polygon[0::2]], [min(max(v, 0), height) for v in polygon[1::2]]",
        ),
    ),
    _slip(
        "T7-X01k",
        POLYGON,
        "both ends of an edge count",
        "check_shape_and_dtype_of_a_mask",
        OTHER,
        ("level = (py >= min(y1, y2)) & (py < max(y1, y2))", "level = (py >= min(y1, y2)) & (py < max(y1, y2) - 0.6)"),
    ),
    _slip(
        "T7-X01l",
        POLYGON,
        "int64 mask",
        "check_shape_and_dtype_of_a_mask",
        DTYPE,
        ("return crossings % 2 == 1", "return crossings % 2"),
    ),
    _slip(
        "T7-X01m",
        POLYGON,
        "float mask",
        "check_shape_and_dtype_of_a_mask",
        DTYPE,
        ("return crossings % 2 == 1", "return (crossings % 2).float()"),
    ),
    _slip(
        "T7-X01n",
        POLYGON,
        "appends the first vertex to the caller's list",
        "check_shape_and_dtype_of_a_mask",
        CHANGED,
        ("    xs, ys = ", "    if isinstance(polygon, list):\n        polygon += polygon[:2]\n    xs, ys = "),
    ),
    _slip(
        "T7-X01o",
        POLYGON,
        "odd number passes",
        NONE,
        NO_ERROR,
        ('raise ValueError("pairs of numbers")', "polygon = polygon[:-1]"),
    ),
    _slip(
        "T7-X01p",
        POLYGON,
        "NaN passes",
        NONE,
        NO_ERROR,
        (
            "    for value in polygon:\n        if not math.isfinite(value):\n"
            '            raise ValueError("finite numbers")\n',
            "",
        ),
    ),
    _slip("T7-X01q", POLYGON, "two vertices pass", NONE, NO_ERROR, ("if len(set(zip(xs, ys))) < 3", "if len(xs) < 3")),
    _slip(
        "T7-X01r",
        POLYGON,
        "an empty image passes",
        NONE,
        NO_ERROR,
        _without("if height < 1 or width < 1", POLYGON_TO_MASK),
    ),
    _slip(
        "T7-X01s",
        POLYGON,
        "an image without columns passes",
        NONE,
        NO_ERROR,
        ("if height < 1 or width < 1", "if height < 1 or width < 0"),
    ),
    _equal(
        "T7-X01t",
        POLYGON,
        "a centre on an edge is inside",
        "the grading has no centre that lies exactly on an edge",
        ("(px < at)", "(px <= at)"),
    ),
)

POLYGONS = "polygons_to_mask"
ROOM, CLASS = "check_painted_room", "check_polygons_of_one_class"

POLYGONS_MUTANTS = (
    _named(
        "T7-M21e",
        POLYGONS,
        "x and y swapped",
        ROOM,
        SWAPPED,
        (
            "polygon_to_mask(polygon, height, width)",
            "polygon_to_mask([v for x, y in zip(polygon[::2], polygon[1::2]) for v in (y, x)], height, width)",
        ),
    ),
    _named(
        "T7-X02a",
        POLYGONS,
        "earlier polygons stay on top",
        ROOM,
        "What is painted first stays on top: later polygons cover earlier ones",
        ("for k in range(len(polygons)):", "for k in reversed(range(len(polygons))):"),
    ),
    _named("T7-X02b", POLYGONS, "k + 1", ROOM, "Class k is painted with k + 1", ("] = k\n", "] = k + 1\n")),
    _named(
        "T7-X02c",
        POLYGONS,
        "the first polygon of each class",
        ROOM,
        "Only the first polygon of each class is painted",
        ("in polygons[k]:", "in polygons[k][:1]:"),
    ),
    _named(
        "T7-X02d",
        POLYGONS,
        "a number for each polygon",
        ROOM,
        "Each polygon has a number of its own, not that of its class",
        (
            "    for k in range(len(polygons)):\n        for polygon in polygons[k]:\n"
            "            mask[polygon_to_mask(polygon, height, width)] = k\n",
            "    flat = [ring for rings in polygons for ring in rings]\n    for k, ring in enumerate(flat):\n"
            "        mask[polygon_to_mask(ring, height, width)] = k\n",
        ),
    ),
    _named(
        "T7-X02e",
        POLYGONS,
        "even-odd within a class",
        CLASS,
        "Polygons of one class cut holes into each other: they are united",
        (
            "        for polygon in polygons[k]:\n            mask[polygon_to_mask(polygon, height, width)] = k\n",
            "        inside = torch.zeros(height, width, dtype=torch.bool)\n        for polygon in polygons[k]:\n"
            "            inside ^= polygon_to_mask(polygon, height, width)\n        mask[inside] = k\n",
        ),
    ),
    _named(
        "T7-X02f",
        POLYGONS,
        "background is always 0",
        "check_background",
        "`background` has no effect",
        ("(height, width), background,", "(height, width), 0,"),
    ),
    _named(
        "T7-X02g",
        POLYGONS,
        "class 0 is background",
        "check_background",
        "Class 0 is taken for the background",
        ("    for k in range(len(polygons)):", "    for k in range(1, len(polygons)):"),
    ),
    _slip("T7-X02h", POLYGONS, "uint8", "check_background", DTYPE, ("dtype=torch.int64", "dtype=torch.uint8")),
    _slip(
        "T7-X02i", POLYGONS, "int32", "check_empty_classes_and_dtype", DTYPE, ("dtype=torch.int64", "dtype=torch.int32")
    ),
    _slip(
        "T7-X02j",
        POLYGONS,
        "an empty image passes",
        "check_rooms_that_are_none",
        NO_ERROR,
        _without("if height < 1 or width < 1", POLYGONS_TO_MASK),
    ),
    _slip(
        "T7-X02k",
        POLYGONS,
        "empties the caller's lists",
        "check_empty_classes_and_dtype",
        CHANGED,
        (
            "        for polygon in polygons[k]:\n",
            "        rings = polygons[k]\n        while rings:\n            polygon = rings.pop(0)\n",
        ),
    ),
    _slip(
        "T7-X02l",
        POLYGONS,
        "expects at least one polygon per class",
        "check_background",
        OWN_ERROR,
        (
            "        for polygon in polygons[k]:\n",
            "        first = polygons[k][0]\n        for polygon in polygons[k]:\n",
        ),
    ),
    _named("T7-X02m", POLYGONS, "transposed", ROOM, TRANSPOSED, ("return mask\n", "return mask.t()\n")),
    _slip(
        "T7-X02n",
        POLYGONS,
        "swallows bad polygons",
        "check_rooms_that_are_none",
        NO_ERROR,
        (
            "            mask[polygon_to_mask(polygon, height, width)] = k\n",
            "            try:\n                mask[polygon_to_mask(polygon, height, width)] = k\n"
            "            except ValueError:\n                pass\n",
        ),
    ),
)

# ---------------------------------------------------------------------------------------------- one-hot

ONE_HOT = "one_hot_mask"
IGNORED_ONE_HOT = "check_ignored_pixels_of_one_hot"

ONE_HOT_MUTANTS = (
    _named(
        "T7-M13a",
        ONE_HOT,
        "reshaped, not permuted",
        "check_one_mask_per_class",
        "A reshape does not move a dimension: the numbers stay in their old order",
        ("result.movedim(-1, 1)", "result.reshape(mask.shape[0], num_classes, *mask.shape[1:])"),
    ),
    _named(
        "T7-M13b",
        ONE_HOT,
        "transposes 1 and 3",
        "check_one_mask_per_class",
        "Height and width are swapped",
        ("result.movedim(-1, 1)", "result.transpose(1, 3)"),
    ),
    _slip(
        "T7-M15a",
        ONE_HOT,
        "divided by 255 on the way",
        "check_one_mask_per_class",
        "all labels become 0, which the values show",
        ("labels = mask.long()", "labels = (mask / 255).long()"),
    ),
    _named(
        "T7-M16a",
        ONE_HOT,
        "ignored is class 0",
        IGNORED_ONE_HOT,
        IGNORED_ZERO,
        ("    result = result * keep.unsqueeze(-1)\n", ""),
    ),
    _named("T7-X03a", ONE_HOT, "classes last", "check_one_mask_per_class", CLASSES_LAST, (".movedim(-1, 1)", "")),
    _named(
        "T7-X03b",
        ONE_HOT,
        "infers the classes",
        "check_one_mask_per_class",
        INFERRED,
        ("    result = torch.zeros(", "    num_classes = int(labels.max()) + 1\n    result = torch.zeros("),
    ),
    _named(
        "T7-X03c",
        ONE_HOT,
        "inverted",
        "check_one_mask_per_class",
        "0 and 1 are swapped",
        ("return result.movedim(-1, 1)", "return 1 - result.movedim(-1, 1)"),
    ),
    _slip("T7-X03d", ONE_HOT, "int64", "check_dtypes_of_one_hot", DTYPE, ("(-1, 1)\n", "(-1, 1).long()\n")),
    _slip("T7-X03e", ONE_HOT, "float64", "check_dtypes_of_one_hot", DTYPE, ("(-1, 1)\n", "(-1, 1).double()\n")),
    _slip("T7-X03f", ONE_HOT, "bool", "check_dtypes_of_one_hot", DTYPE, ("(-1, 1)\n", "(-1, 1).bool()\n")),
    _slip(
        "T7-X03g",
        ONE_HOT,
        "no conversion to int64",
        "check_dtypes_of_one_hot",
        OWN_ERROR,
        ("labels = mask.long()", "labels = mask"),
    ),
    _slip(
        "T7-X03h",
        ONE_HOT,
        "changes the mask",
        "check_views_of_masks",
        CHANGED,
        ("    labels = torch.where(keep, labels, torch.zeros_like(labels))\n", "    labels[~keep] = 0\n"),
    ),
    _slip(
        "T7-X03i",
        ONE_HOT,
        "view",
        "check_views_of_masks",
        OWN_ERROR,
        ("    labels = mask.long()\n", "    labels = mask.long().view(-1).view(mask.shape)\n"),
    ),
    _slip(
        "T7-X03j",
        ONE_HOT,
        "labels out of range",
        "check_masks_that_are_none",
        NO_ERROR,
        (
            '    if ((labels < 0) | (labels >= num_classes)).any():\n        raise ValueError("no such class")\n',
            "    labels = labels.clamp(0, num_classes - 1)\n",
        ),
    ),
    _slip(
        "T7-X03k",
        ONE_HOT,
        "negative labels wrap",
        "check_masks_that_are_none",
        NO_ERROR,
        ("if ((labels < 0) | (labels >= num_classes)).any():", "if (labels >= num_classes).any():"),
        ("labels.unsqueeze(-1), 1.0", "(labels % num_classes).unsqueeze(-1), 1.0"),
    ),
    _slip(
        "T7-X03l",
        ONE_HOT,
        "floats pass",
        "check_masks_that_are_none",
        NO_ERROR,
        _without("if mask.is_floating_point()", ONE_HOT_MASK),
    ),
    _slip(
        "T7-X03m",
        ONE_HOT,
        "any shape passes",
        "check_masks_that_are_none",
        NO_ERROR,
        _without("if mask.dim() != 3", ONE_HOT_MASK),
    ),
    _slip(
        "T7-X03n",
        ONE_HOT,
        "no class passes",
        "check_masks_that_are_none",
        NO_ERROR,
        _without("if num_classes < 1", ONE_HOT_MASK),
        ("labels.unsqueeze(-1), 1.0", "labels.unsqueeze(-1)[..., :num_classes], 1.0"),
    ),
    _named(
        "T7-X03o",
        ONE_HOT,
        "a class that is ignored is marked",
        IGNORED_ONE_HOT,
        IGNORES_NOTHING,
        ("if ignore_index is not None:", "if ignore_index is not None and not 0 <= ignore_index < num_classes:"),
    ),
)

# ---------------------------------------------------------------------------------------------- cross-entropy

CE = "segmentation_cross_entropy"
PIXELS, CE_IGNORED = "check_loss_of_pixels", "check_ignored_pixels_of_the_loss"
_LOG_P = "    log_p = z - torch.logsumexp(z, dim=1, keepdim=True)\n"
_TOTAL = "(total / keep.sum())"

CE_MUTANTS = (
    _named("T7-M10a", CE, "softmax first", PIXELS, TWICE, (_LOG_P, "    z = torch.softmax(z, dim=1)\n" + _LOG_P)),
    _named(
        "T7-M12a",
        CE,
        "softmax over H",
        PIXELS,
        "The softmax runs over the height (dimension 2)",
        ("logsumexp(z, dim=1", "logsumexp(z, dim=2"),
    ),
    _named(
        "T7-M12b",
        CE,
        "softmax over W",
        PIXELS,
        "The softmax runs over the width (dimension 3)",
        ("logsumexp(z, dim=1", "logsumexp(z, dim=-1"),
    ),
    _named(
        "T7-M12c",
        CE,
        "softmax over N",
        PIXELS,
        "The softmax runs over the batch (dimension 0)",
        ("logsumexp(z, dim=1", "logsumexp(z, dim=0"),
    ),
    Mutant(
        "T7-M13c",
        CE,
        "view(-1, K) without permute",
        _edit(
            SEGMENTATION_CROSS_ENTROPY,
            (_LOG_P, "    rows = z.reshape(-1, k)\n    rows = rows - torch.logsumexp(rows, dim=1, keepdim=True)\n"),
            ("    rows = log_p.permute(0, 2, 3, 1).reshape(-1, k)\n", ""),
        ),
        PIXELS,
        "A reshape to rows of K numbers, without moving the classes to the end first",
    ),
    _named(
        "T7-M13d",
        CE,
        "transpose(1, 3)",
        PIXELS,
        "Height and width of the logits are swapped (`transpose(1, 3)`)",
        ("permute(0, 2, 3, 1)", "transpose(1, 3)"),
    ),
    _named(
        "T7-M16b",
        CE,
        "ignored pixels in the denominator",
        CE_IGNORED,
        IN_DENOMINATOR,
        ("total / keep.sum()", "total / len(keep)"),
    ),
    _named(
        "T7-M16c",
        CE,
        "ignored pixels are class 0",
        CE_IGNORED,
        IGNORED_ZERO,
        ("(loss * keep).sum()", "loss.sum()"),
        ("total / keep.sum()", "total / len(keep)"),
    ),
    _named(
        "T7-M27a",
        CE,
        "sum over pixels",
        PIXELS,
        "The pixels are summed: the loss is their mean",
        (_TOTAL, "total"),
        ("    return total", "    total = total if keep.any() else total / 0\n    return total"),
    ),
    _named(
        "T7-M27b",
        CE,
        "sum over pixels, mean over images",
        PIXELS,
        "The pixels are summed, and only the images averaged",
        (_TOTAL, "(total / n)"),
    ),
    _named(
        "T7-X04a",
        CE,
        "mean over the classes",
        PIXELS,
        "The mean runs over the classes, too",
        (_TOTAL, "(total / keep.sum() / k)"),
    ),
    _named("T7-X04b", CE, "no minus", PIXELS, "The minus is missing", ("loss = -rows", "loss = rows")),
    _named("T7-X04c", CE, "bits", PIXELS, "The logarithm has base 2", (_TOTAL, "(total / keep.sum() / math.log(2))")),
    _named(
        "T7-X04d",
        CE,
        "no logarithm",
        PIXELS,
        "The logarithm is missing",
        (_LOG_P, "    log_p = torch.softmax(z, dim=1)\n"),
    ),
    _named("T7-X04e", CE, "no softmax", PIXELS, "The softmax is missing", (_LOG_P, "    log_p = z\n")),
    _named(
        "T7-X04f",
        CE,
        "exponential overflows",
        "check_large_logits",
        "The exponential overflows: large logits need log-softmax",
        (_LOG_P, "    e = z.exp()\n    log_p = (e / e.sum(dim=1, keepdim=True)).log()\n"),
    ),
    _named(
        "T7-X04g",
        CE,
        "log of softmax",
        "check_large_logits",
        "The logarithm is taken of a probability that has become 0",
        (_LOG_P, "    log_p = torch.softmax(z, dim=1).log()\n"),
    ),
    _named(
        "T7-X04h",
        CE,
        "epsilon in the logarithm",
        "check_large_logits",
        "A small number is added in the logarithm: that bounds the loss",
        (_LOG_P, "    log_p = (torch.softmax(z, dim=1) + 1e-8).log()\n"),
    ),
    _named(
        "T7-X04i",
        CE,
        "a mean for each image",
        CE_IGNORED,
        "Each image has a mean of its own, and the images are averaged",
        (
            "    return (total / keep.sum())",
            "    loss, keep = (loss * keep).reshape(n, -1), keep.reshape(n, -1)\n"
            "    return (loss.sum(dim=1) / keep.sum(dim=1)).mean()",
        ),
    ),
    _named(
        "T7-X04j",
        CE,
        "0 for nothing",
        "check_loss_of_no_pixel",
        "The mean of no pixel is 0",
        ("keep.sum())", "keep.sum().clamp(min=1))"),
    ),
    _slip("T7-X04k", CE, "only 255 is ignored", CE_IGNORED, NO_ERROR, ("labels != ignore_index", "labels != 255")),
    _slip(
        "T7-X04l",
        CE,
        "detached",
        "check_gradient_of_the_loss",
        GRADIENTS,
        ("z = logits.double()", "z = logits.detach().double()"),
    ),
    _slip("T7-X04m", CE, "a float64 result", "check_dtypes_of_the_loss", DTYPE, (".to(logits.dtype)", "")),
    _slip("T7-X04n", CE, "a float32 result", "check_dtypes_of_the_loss", DTYPE, (".to(logits.dtype)", ".float()")),
    _slip(
        "T7-X04o",
        CE,
        "a Python float",
        PIXELS,
        "the message says what came",
        ("return (total / keep.sum()).to(logits.dtype)", "return (total / keep.sum()).item()"),
    ),
    _slip(
        "T7-X04p",
        CE,
        "compares in uint8",
        "check_dtypes_of_the_loss",
        NO_ERROR,
        (
            "keep = labels != ignore_index",
            "keep = target != torch.tensor(ignore_index).to(target.dtype).to(target.device)",
        ),
        ("index = torch.where(keep, labels", "index = torch.where(keep, labels + 0 * labels"),
    ),
    _slip(
        "T7-X04q",
        CE,
        "view",
        "check_views_of_logits",
        OWN_ERROR,
        (
            "index, keep = index.reshape(-1), keep.reshape(-1)",
            "target.view(-1)\n    index, keep = index.reshape(-1), keep.reshape(-1)",
        ),
    ),
    _slip(
        "T7-X04r",
        CE,
        "changes the logits",
        "check_views_of_logits",
        CHANGED,
        ("z = logits.double()", "z = logits\n    z = z - z.detach().amax()\n    logits.data -= logits.detach().amax()"),
    ),
    _slip(
        "T7-X04s",
        CE,
        "changes the target",
        "check_views_of_logits",
        CHANGED,
        ("index = torch.where(keep, labels, torch.zeros_like(labels))", "index = labels\n    index[~keep] = 0"),
    ),
    _slip(
        "T7-X04t",
        CE,
        "shapes are not compared",
        "check_logits_that_are_none",
        NO_ERROR,
        ("if tuple(target.shape) != (n, h, w) or target.is_floating_point():", "if target.is_floating_point():"),
    ),
    _slip(
        "T7-X04u",
        CE,
        "labels wrap",
        "check_logits_that_are_none",
        NO_ERROR,
        ("if ((index < 0) | (index >= k)).any():", "if (index >= k).any():"),
    ),
    _slip(
        "T7-X04v",
        CE,
        "float labels pass",
        "check_logits_that_are_none",
        NO_ERROR,
        (" or target.is_floating_point()", ""),
    ),
    _slip(
        "T7-X04w",
        CE,
        "integer logits pass",
        "check_logits_that_are_none",
        NO_ERROR,
        (" or not logits.is_floating_point()", ""),
    ),
    Mutant(
        "T7-X04x",
        CE,
        "PyTorch's loss",
        """\
def segmentation_cross_entropy(logits, target, ignore_index=255):
    return F.cross_entropy(logits.double(), target.long(), ignore_index=ignore_index).to(logits.dtype)
""",
        PIXELS,
        None,
        REFUSED,
    ),
)

# ---------------------------------------------------------------------------------------------- soft overlaps


def _soft_mutants(kind: str) -> tuple[Mutant, ...]:
    """Return the mistakes that both losses share; ids of the two differ in their last letter."""
    exercise, i = f"soft_{kind}_loss", {"iou": "a", "dice": "b"}[kind]
    check = {
        what: f"check_soft_{kind}_of_{what}"
        for what in ("binary_masks", "several_classes", "batches", "absent_classes", "smooth_terms", "ignored_pixels",
                     "nothing_to_overlap", "gradients", "dtypes", "layouts", "errors")
    }  # fmt: skip
    binary, several, batches = check["binary_masks"], check["several_classes"], check["batches"]
    absent, smooth, ignored = check["absent_classes"], check["smooth_terms"], check["ignored_pixels"]
    errors, layouts, dtypes = check["errors"], check["layouts"], check["dtypes"]
    source, final = BASES[exercise], "return (loss.sum() / number)"
    sums = ("    sum_p = p.sum(dim=(2, 3))\n", "    sum_p = (p * p).sum(dim=(2, 3))\n")
    top = {"iou": "top = inter + smooth", "dice": "top = 2 * inter + smooth"}[kind]
    bottom = {"iou": "bottom = sum_p + sum_t - inter + smooth", "dice": "bottom = sum_p + sum_t + smooth"}[kind]
    zero_absent = ("torch.where(present, 1 - ratio, torch.zeros_like(ratio))",
                   "torch.where(present, 1 - ratio, torch.ones_like(ratio))")  # fmt: skip
    everywhere = ("number = max(int(present.sum()), 1)", "number = present.numel()")
    return (
        _named(f"T7-M05{i}", exercise, "squares in the denominator", binary, SQUARED, sums),
        _named(f"T7-M06{i}", exercise, "one ratio for the batch", batches, POOLED, ("dim=(2, 3)", "dim=(0, 2, 3)")),
        _named(
            f"T7-M08{i}",
            exercise,
            "hard masks",
            binary,
            HARD,
            ("p = torch.sigmoid(z)", "p = (torch.sigmoid(z) > 0.5).double()"),
            ("p = torch.softmax(z, dim=1)", "p = nn.functional.one_hot(z.argmax(1), channels).movedim(-1, 1).double()"),
        ),
        _named(
            f"T7-M09{i}",
            exercise,
            "logits as probabilities",
            binary,
            LOGITS,
            ("p = torch.sigmoid(z)", "p = z"),
            ("p = torch.softmax(z, dim=1)", "p = z"),
        ),
        _named(
            f"T7-M10{'bc'[i == 'b']}",
            exercise,
            "twice",
            binary,
            TWICE,
            ("p = torch.sigmoid(z)", "p = torch.sigmoid(torch.sigmoid(z))"),
            ("p = torch.softmax(z, dim=1)", "p = torch.softmax(torch.softmax(z, dim=1), dim=1)"),
        ),
        _named(
            f"T7-M12{'de'[i == 'b']}",
            exercise,
            "softmax over H",
            several,
            "The softmax runs over the height (dimension 2)",
            ("torch.softmax(z, dim=1)", "torch.softmax(z, dim=2)"),
        ),
        _named(
            f"T7-M12{'fg'[i == 'b']}",
            exercise,
            "softmax over W",
            several,
            "The softmax runs over the width (dimension 3)",
            ("torch.softmax(z, dim=1)", "torch.softmax(z, dim=-1)"),
        ),
        _named(
            f"T7-M11{i}",
            exercise,
            "absent classes have overlap 0",
            absent,
            "A class that does not occur counts with overlap 0",
            zero_absent,
            everywhere,
        ),
        _named(
            f"T7-M11{'cd'[i == 'b']}",
            exercise,
            "absent classes have overlap 1",
            absent,
            "A class that does not occur counts with overlap 1",
            everywhere,
        ),
        _named(
            f"T7-M16{'de'[i == 'b']}",
            exercise,
            "predictions at ignored pixels count",
            ignored,
            "What is predicted at ignored pixels still counts",
            ("    p = p * counted\n", ""),
        ),
        _named(
            f"T7-M16{'fg'[i == 'b']}",
            exercise,
            "ignored pixels are class 0",
            ignored,
            IGNORED_ZERO,
            ("    t = t * counted\n    p = p * counted\n", ""),
        ),
        _named(
            f"T7-M28{i}",
            exercise,
            "no background",
            several,
            BACKGROUND,
            ("    counted = keep", '    if mode != "binary":\n        p, t = p[:, 1:], t[:, 1:]\n    counted = keep'),
        ),
        _named(
            f"T7-M29{i}",
            exercise,
            "always smoothed",
            binary,
            UNASKED,
            ("    n, channels, h, w", "    smooth = 1.0\n    n, channels, h, w"),
        ),
        _named(f"T7-X05{i}", exercise, "the overlap itself", binary, NOT_SUBTRACTED, ("1 - ratio", "ratio")),
        _named(f"T7-X06{i}", exercise, "minus the overlap", binary, NEGATIVE, ("1 - ratio", "-ratio")),
        _named(
            f"T7-X07{i}",
            exercise,
            "softmax of one channel",
            binary,
            "A softmax over one channel is always 1: `binary` needs a sigmoid",
            ("p = torch.sigmoid(z)", "p = torch.softmax(z, dim=1)"),
        ),
        _named(
            f"T7-X08{i}",
            exercise,
            "sigmoid of each class",
            several,
            "Each class has a sigmoid: softmax over the classes is asked for",
            ("p = torch.softmax(z, dim=1)", "p = torch.sigmoid(z)"),
        ),
        _named(
            f"T7-X09{i}",
            exercise,
            "sum over classes",
            several,
            "The overlaps of the classes are summed",
            ("    ratio = top", "    total = torch.zeros_like(top)\n    ratio = top"),
            ("loss = torch.where(present, 1 - ratio,", "loss = torch.where(present, ratio,"),
            (final, 'return (1 - loss.sum() if mode != "binary" else present.any() * 1 - loss.sum() / number)'),
        ),
        _named(
            f"T7-X10{i}",
            exercise,
            "smooth has no effect",
            smooth,
            "`smooth` has no effect",
            (top, top.replace(" + smooth", "")),
            (bottom, bottom.replace(" + smooth", "")),
        ),
        _named(
            f"T7-X11{i}",
            exercise,
            "smooth below only",
            smooth,
            "`smooth` is added to the denominator only",
            (top, top.replace(" + smooth", "")),
        ),
        _named(
            f"T7-X12{i}",
            exercise,
            "smooth above only",
            smooth,
            "`smooth` is added to the numerator only",
            (bottom, bottom.replace(" + smooth", "")),
        ),
        _named(
            f"T7-X13{i}",
            exercise,
            "absent from the whole batch only",
            absent,
            "A class is left out only if it occurs nowhere in the batch",
            ("present = sum_t > 0", "present = (sum_t > 0).any(dim=0, keepdim=True).expand_as(sum_t)"),
        ),
        _named(
            f"T7-X14{i}",
            exercise,
            "samples weigh the same",
            absent,
            "Each sample has a mean of its own: all pairs weigh the same",
            (
                final,
                "per = present.sum(dim=1)\n    mean = ratio.where(present, 0).sum(dim=1) / per.clamp(min=1)\n"
                "    return (1 - mean).mean() if present.any() else (loss.sum() / number)",
            ),
        ),
        _slip(
            f"T7-X15{i}",
            exercise,
            "NaN for nothing",
            check["nothing_to_overlap"],
            "the message says NaN",
            ("number = max(int(present.sum()), 1)", "number = present.sum()"),
        ),
        _slip(
            f"T7-X16{i}",
            exercise,
            "a constant for nothing",
            check["nothing_to_overlap"],
            OWN_ERROR,
            (
                "    number = ",
                "    if not present.any():\n        return torch.zeros((), dtype=logits.dtype, "
                "device=logits.device)\n    number = ",
            ),
        ),
        _slip(
            f"T7-X17{i}",
            exercise,
            "NaN gradient of absent classes",
            check["gradients"],
            GRADIENTS,
            (
                "top / torch.where(present, bottom, torch.ones_like(bottom))",
                "top / torch.where(present, bottom, (bottom - bottom.detach()).sqrt())",
            ),
        ),
        _slip(
            f"T7-X18{i}",
            exercise,
            "detached",
            check["gradients"],
            GRADIENTS,
            ("z = logits.double()", "z = logits.detach().double()"),
        ),
        _slip(f"T7-X19{i}", exercise, "float64 result", dtypes, DTYPE, (".to(logits.dtype)\n", "\n")),
        _slip(
            f"T7-X20{i}",
            exercise,
            "sums in the dtype of the logits",
            dtypes,
            "the message says NaN or infinity",
            ("z = logits.double()", "z = logits"),
            (").double()\n    if mode", ").to(z.dtype)\n    if mode"),
            ("keep.unsqueeze(1).double()", "keep.unsqueeze(1).to(z.dtype)"),
        ),
        _slip(
            f"T7-X21{i}",
            exercise,
            "changes the target",
            layouts,
            CHANGED,
            ("labels = labels.masked_fill(~keep, 0)", "labels[~keep] = 0"),
        ),
        _slip(
            f"T7-X22{i}",
            exercise,
            "view",
            layouts,
            OWN_ERROR,
            ("z = logits.double()", "z = logits.double()\n    z.view(-1)"),
        ),
        _slip(
            f"T7-X23{i}",
            exercise,
            "no (N, H, W) logits",
            layouts,
            OWN_ERROR,
            ("        if logits.dim() == 3:\n            logits = logits.unsqueeze(1)\n", ""),
        ),
        _slip(
            f"T7-X24{i}",
            exercise,
            "no (N, 1, H, W) target",
            layouts,
            OWN_ERROR,
            (
                "        if logits.dim() == 4 and target.shape == logits.shape:\n"
                "            target = target.squeeze(1)\n",
                "",
            ),
        ),
        _slip(f"T7-X25{i}", exercise, "unknown modes pass", errors, NO_ERROR, _without("if mode not in", source)),
        _slip(f"T7-X26{i}", exercise, "negative smooth passes", errors, NO_ERROR, _without("if smooth < 0", source)),
        _slip(
            f"T7-X27{i}", exercise, "shapes are stretched", errors, NO_ERROR, _without("if tuple(target.shape)", source)
        ),
        _slip(
            f"T7-X28{i}", exercise, "labels out of range pass", errors, NO_ERROR, _without("if ((labels < 0)", source)
        ),
        _slip(f"T7-X29{i}", exercise, "float labels pass", errors, NO_ERROR, (" or target.is_floating_point()", "")),
        _slip(
            f"T7-X30{i}",
            exercise,
            "several channels are binary",
            errors,
            NO_ERROR,
            (' or (mode == "binary" and logits.shape[1] != 1)', ""),
        ),
    )


SOFT_MUTANTS = (
    *_soft_mutants("iou"),
    *_soft_mutants("dice"),
    _named(
        "T7-M01a",
        "soft_dice_loss",
        "no 2",
        "check_soft_dice_of_binary_masks",
        "The 2 is missing in the numerator",
        ("top = 2 * inter", "top = inter"),
    ),
    _named(
        "T7-M01b",
        "soft_dice_loss",
        "Jaccard",
        "check_soft_dice_of_binary_masks",
        "This is IoU (Jaccard), not Dice",
        ("top = 2 * inter", "top = inter"),
        ("sum_p + sum_t + smooth", "sum_p + sum_t - inter + smooth"),
    ),
    _named(
        "T7-M02a",
        "soft_dice_loss",
        "the lecture's set form",
        "check_soft_dice_of_binary_masks",
        "Twice the intersection over the union: the sum of both masks belongs there",
        ("sum_p + sum_t + smooth", "sum_p + sum_t - inter + smooth"),
    ),
    _named(
        "T7-M03a",
        "soft_dice_loss",
        "smooth is doubled",
        "check_soft_dice_of_smooth_terms",
        "`smooth` is doubled in the numerator",
        ("2 * inter + smooth", "2 * (inter + smooth)"),
    ),
    _named(
        "T7-M04a",
        "soft_iou_loss",
        "Dice's numerator over the union",
        "check_soft_iou_of_binary_masks",
        "The numerator is doubled as in Dice, over the union",
        ("top = inter", "top = 2 * inter"),
    ),
    _named(
        "T7-X31a",
        "soft_iou_loss",
        "I over the sum",
        "check_soft_iou_of_binary_masks",
        "The intersection is counted twice in the denominator",
        ("sum_t - inter", "sum_t"),
    ),
    _named(
        "T7-X31b",
        "soft_iou_loss",
        "Dice",
        "check_soft_iou_of_binary_masks",
        "This is the Dice coefficient, not IoU",
        ("top = inter", "top = 2 * inter"),
        ("sum_t - inter", "sum_t"),
    ),
)

# ---------------------------------------------------------------------------------------------- counts and metrics

COUNTS = "confusion_matrix"
PAIRS, COUNTS_IGNORED = "check_counted_pairs", "check_ignored_pixels_of_the_counts"
_PUT = "    matrix.index_put_((target, pred), torch.ones_like(pred), accumulate=True)\n"

CONFUSION_MUTANTS = (
    _named(
        "T7-M26a",
        COUNTS,
        "transposed",
        PAIRS,
        "Rows and columns are swapped: rows are the true classes",
        ("((target, pred)", "((pred, target)"),
    ),
    _named(
        "T7-M16h",
        COUNTS,
        "ignored is class 0",
        COUNTS_IGNORED,
        IGNORED_ZERO,
        (
            "        keep = target != ignore_index\n        pred, target = pred[keep], target[keep]\n",
            "        target = target.masked_fill(target == ignore_index, 0)\n",
        ),
    ),
    _named(
        "T7-M16i",
        COUNTS,
        "ignored is the last class",
        COUNTS_IGNORED,
        "Ignored pixels are counted as the last class",
        (
            "        keep = target != ignore_index\n        pred, target = pred[keep], target[keep]\n",
            "        target = target.masked_fill(target == ignore_index, num_classes - 1)\n",
        ),
    ),
    _named(
        "T7-X32a",
        COUNTS,
        "+= without accumulating",
        PAIRS,
        "Each pair of classes is counted once: `n[target, pred] += 1` does not add up",
        (_PUT, "    matrix[target, pred] += 1\n"),
    ),
    _named(
        "T7-X32b",
        COUNTS,
        "shares of rows",
        PAIRS,
        "Rows are divided by their sums: counts are asked for",
        ("return matrix\n", "return matrix / matrix.sum(dim=1, keepdim=True)\n"),
    ),
    _named(
        "T7-X32c",
        COUNTS,
        "infers the classes",
        "check_classes_without_pixels",
        INFERRED,
        (
            "    matrix = ",
            "    num_classes = int(max(pred.max(), target.max())) + 1 if len(pred) else 1\n    matrix = ",
        ),
    ),
    _named(
        "T7-X32d",
        COUNTS,
        "ignored predictions, too",
        COUNTS_IGNORED,
        "Pixels that are predicted as `ignore_index` are left out, too",
        ("keep = target != ignore_index", "keep = (target != ignore_index) & (pred != ignore_index)"),
    ),
    _slip(
        "T7-X32e",
        COUNTS,
        "checks ignored predictions",
        COUNTS_IGNORED,
        OWN_ERROR,
        (
            "    if ignore_index is not None:\n",
            "    if ((pred < 0) | (pred >= num_classes)).any():\n"
            '        raise ValueError("no such class")\n    if ignore_index is not None:\n',
        ),
    ),
    _slip(
        "T7-X32f",
        COUNTS,
        "float matrix",
        "check_dtypes_of_masks",
        DTYPE,
        ("return matrix\n", "return matrix.double()\n"),
    ),
    _slip(
        "T7-X32g", COUNTS, "int32 matrix", "check_dtypes_of_masks", DTYPE, ("return matrix\n", "return matrix.int()\n")
    ),
    Mutant(
        "T7-X32h",
        COUNTS,
        "uint8 arithmetic",
        _edit(
            CONFUSION_MATRIX,
            ("pred.reshape(-1).long(), target.reshape(-1).long()", "pred.reshape(-1), target.reshape(-1)"),
            (
                _PUT,
                "    cells = target * num_classes + pred\n"
                "    matrix += torch.bincount(cells.long(), minlength=num_classes**2)"
                "[:num_classes**2].reshape(matrix.shape)\n",
            ),
        ),
        "check_dtypes_of_masks",
        None,
        DTYPE,
    ),
    _slip(
        "T7-X32i",
        COUNTS,
        "view",
        "check_masks_of_any_shape",
        OWN_ERROR,
        ("pred.reshape(-1).long(), target.reshape(-1).long()", "pred.view(-1).long(), target.view(-1).long()"),
    ),
    _slip(
        "T7-X32j",
        COUNTS,
        "changes the target",
        "check_dtypes_of_masks",
        CHANGED,
        (
            "    if pred.is_floating_point()",
            "    if ignore_index is not None:\n        pred = pred.clone()\n"
            "        pred[target == ignore_index] = 0\n        target[target == ignore_index] = 0\n"
            "    if pred.is_floating_point()",
        ),
    ),
    _slip(
        "T7-X32k",
        COUNTS,
        "shapes are not compared",
        "check_masks_that_do_not_fit",
        NO_ERROR,
        _without("if pred.shape != target.shape", CONFUSION_MATRIX),
        (
            "pred, target = pred.reshape(-1)",
            "pred, target = torch.broadcast_tensors(pred.reshape(-1)[:1], target.reshape(-1))"
            " if pred.numel() != target.numel() else (pred, target)\n    pred, target = pred.reshape(-1)",
        ),
    ),
    _slip(
        "T7-X32l",
        COUNTS,
        "floats pass",
        "check_masks_that_do_not_fit",
        NO_ERROR,
        _without("if pred.is_floating_point()", CONFUSION_MATRIX),
    ),
    _slip(
        "T7-X32m",
        COUNTS,
        "negative predictions wrap",
        "check_masks_that_do_not_fit",
        NO_ERROR,
        ("if ((pred < 0) | (pred >= num_classes)).any():", "if (pred >= num_classes).any():"),
    ),
    _slip(
        "T7-X32n",
        COUNTS,
        "negative labels wrap",
        "check_masks_that_do_not_fit",
        NO_ERROR,
        ("if ((target < 0) | (target >= num_classes)).any():", "if (target >= num_classes).any():"),
    ),
    _slip(
        "T7-X32o",
        COUNTS,
        "labels that are no class are dropped",
        "check_masks_that_do_not_fit",
        NO_ERROR,
        (
            '    if ((target < 0) | (target >= num_classes)).any():\n        raise ValueError("no such true class")\n',
            "    known = (target >= 0) & (target < num_classes)\n    pred, target = pred[known], target[known]\n",
        ),
    ),
    _slip(
        "T7-X32p",
        COUNTS,
        "no class passes",
        "check_masks_that_do_not_fit",
        NO_ERROR,
        _without("if num_classes < 1", CONFUSION_MATRIX),
    ),
    _slip(
        "T7-X32q",
        COUNTS,
        "expects three dimensions",
        "check_masks_of_any_shape",
        OWN_ERROR,
        ("    if num_classes < 1:", "    n, h, w = pred.reshape(-1, *pred.shape[-2:]).shape\n    if num_classes < 1:"),
    ),
)

METRICS = "segmentation_metrics"
ACCURACY, OVERLAP = "check_pixel_accuracy", "check_overlap_of_each_class"
MEANS, ABSENT = "check_means_over_classes", "check_absent_classes_of_metrics"
_IOUS = "iou[~iou.isnan()].mean()"
_DICES = "dice[~dice.isnan()].mean()"

METRICS_MUTANTS = (
    _named(
        "T7-M01c",
        METRICS,
        "Dice without the 2",
        OVERLAP,
        "The 2 is missing in the numerator of Dice",
        ("dice = 2 * tp", "dice = tp"),
    ),
    _named(
        "T7-M01d",
        METRICS,
        "Jaccard as Dice",
        OVERLAP,
        "IoU is returned as Dice",
        ("dice = 2 * tp / (2 * tp + fp + fn)", "dice = tp / (tp + fp + fn)"),
    ),
    _named(
        "T7-M02b",
        METRICS,
        "the lecture's set form",
        OVERLAP,
        "Dice is twice the IoU: the union is in the denominator",
        ("(2 * tp + fp + fn)", "(tp + fp + fn)"),
    ),
    _named(
        "T7-M11e",
        METRICS,
        "absent classes are 0 in the means",
        ABSENT,
        "A class in neither mask counts as 0 in the means",
        (_IOUS, "iou.nan_to_num(0.0).mean()"),
        (_DICES, "dice.nan_to_num(0.0).mean()"),
    ),
    _named(
        "T7-M11f",
        METRICS,
        "absent classes are 1 in the means",
        ABSENT,
        "A class in neither mask counts as 1 in the means",
        (_IOUS, "iou.nan_to_num(1.0).mean()"),
        (_DICES, "dice.nan_to_num(1.0).mean()"),
    ),
    _named(
        "T7-M11g",
        METRICS,
        "absent classes make the means NaN",
        ABSENT,
        "A class in neither mask makes the means NaN",
        (_IOUS, "iou.mean()"),
        (_DICES, "dice.mean()"),
    ),
    _named(
        "T7-M11h",
        METRICS,
        "0 instead of NaN",
        ABSENT,
        "A class in neither mask has 0, not NaN",
        (
            "    mean_iou =",
            "    iou, dice = iou.nan_to_num(0.0), dice.nan_to_num(0.0)\n"
            "    precision, recall = precision.nan_to_num(0.0), recall.nan_to_num(0.0)\n    mean_iou =",
        ),
    ),
    _named(
        "T7-M16j",
        METRICS,
        "ignored pixels in the accuracy",
        "check_ignored_pixels_of_metrics",
        "Ignored pixels are in the denominator of the accuracy",
        ("tp.sum() / n.sum()", "tp.sum() / target.numel()"),
    ),
    _named(
        "T7-M22a",
        METRICS,
        "true negatives count",
        ACCURACY,
        "True negatives of every class count for the accuracy",
        ("tp.sum() / n.sum()", "((n.sum() - fp - fn) / n.sum()).mean()"),
    ),
    _named(
        "T7-M23a",
        METRICS,
        "micro Dice",
        MEANS,
        "The mean Dice is one ratio for all classes (micro), which is the pixel accuracy",
        (_DICES, "2 * tp.sum() / (2 * tp.sum() + fp.sum() + fn.sum())"),
    ),
    _named(
        "T7-M23b",
        METRICS,
        "micro IoU",
        MEANS,
        "The mean IoU is one ratio for all classes (micro)",
        (_IOUS, "tp.sum() / (tp.sum() + fp.sum() + fn.sum())"),
    ),
    _named(
        "T7-M26b",
        METRICS,
        "precision and recall swapped",
        "check_precision_and_recall",
        "Precision and recall are swapped",
        ("precision = tp / (tp + fp)", "precision = tp / (tp + fn)"),
        ("recall = tp / (tp + fn)", "recall = tp / (tp + fp)"),
    ),
    _named(
        "T7-M28c",
        METRICS,
        "no background in the means",
        MEANS,
        "Class 0 is left out of the means",
        (_IOUS, "iou[1:].nanmean()"),
        (_DICES, "dice[1:].nanmean()"),
    ),
    _named(
        "T7-M28d",
        METRICS,
        "no background in the accuracy",
        ACCURACY,
        "The pixel accuracy leaves class 0 out",
        ("tp.sum() / n.sum()", "tp[1:].sum() / n[1:].sum()"),
    ),
    _named(
        "T7-X33a",
        METRICS,
        "mean of the recalls",
        ACCURACY,
        "The pixel accuracy is the mean of the recalls",
        ("tp.sum() / n.sum()", "(tp / (tp + fn)).nanmean()"),
    ),
    _named(
        "T7-X33b",
        METRICS,
        "a count",
        ACCURACY,
        "The right pixels are counted, but not divided by the number of all",
        ("tp.sum() / n.sum()", "tp.sum()"),
    ),
    _named(
        "T7-X33c",
        METRICS,
        "percent",
        ACCURACY,
        "The pixel accuracy is in percent",
        ("tp.sum() / n.sum()", "100 * tp.sum() / n.sum()"),
    ),
    _named(
        "T7-X33d",
        METRICS,
        "weighted means",
        MEANS,
        "The means weigh classes by their size",
        (_IOUS, "(n.sum(dim=1) * iou.nan_to_num(0)).sum() / n.sum()"),
        (_DICES, "(n.sum(dim=1) * dice.nan_to_num(0)).sum() / n.sum()"),
    ),
    _named(
        "T7-X33e",
        METRICS,
        "Dice of the mean IoU",
        MEANS,
        "The mean Dice is computed from the mean IoU",
        (_DICES, "2 * mean_iou / (1 + mean_iou)"),
    ),
    _named(
        "T7-X33f",
        METRICS,
        "zeros are left out",
        ABSENT,
        "A class in one mask only is left out of the means: it has overlap 0",
        (_IOUS, "iou[iou > 0].mean()"),
        (_DICES, "dice[dice > 0].mean()"),
    ),
    _named(
        "T7-X33g",
        METRICS,
        "over all pixels",
        "check_precision_and_recall",
        "Precision and recall are divided by all pixels",
        ("tp / (tp + fp)", "tp / n.sum()"),
        ("recall = tp / (tp + fn)", "recall = tp / n.sum()"),
    ),
    _slip(
        "T7-X33h",
        METRICS,
        "an error for nothing",
        "check_metrics_of_nothing",
        OWN_ERROR,
        ("float(accuracy)", "int(tp.sum()) / int(n.sum())"),
    ),
    _named(
        "T7-X33i",
        METRICS,
        "0 for nothing",
        "check_metrics_of_nothing",
        "Without a pixel that counts, the numbers are 0",
        ("float(accuracy)", "float(accuracy.nan_to_num(0.0))"),
        ("float(mean_iou)", "float(mean_iou.nan_to_num(0.0))"),
        ("float(mean_dice)", "float(mean_dice.nan_to_num(0.0))"),
    ),
    _slip("T7-X33j", METRICS, "float32 vectors", "check_types_of_metrics", DTYPE, (".double()", ".float()")),
    _slip(
        "T7-X33k",
        METRICS,
        "tensors for numbers",
        "check_types_of_metrics",
        "the message says which entry",
        ("float(accuracy)", "accuracy"),
    ),
    _slip(
        "T7-X33l",
        METRICS,
        "a list for a vector",
        OVERLAP,
        "the message says what came",
        ('"iou": iou,', '"iou": iou.tolist(),'),
    ),
    _slip("T7-X33m", METRICS, "another key", MEANS, "the message says which key", ('"mean_iou"', '"miou"')),
    _slip(
        "T7-X33n",
        METRICS,
        "one more key",
        "check_types_of_metrics",
        "the message says it",
        ('"iou": iou,', '"iou": iou, "tp": tp,'),
    ),
    _slip(
        "T7-X33o",
        METRICS,
        "squeezes the batch away",
        "check_types_of_metrics",
        OWN_ERROR,
        ("    n = confusion", "    h, w = pred.shape\n    n = confusion"),
    ),
    _slip(
        "T7-X33p",
        METRICS,
        "drops labels that are no class",
        "check_metrics_that_are_none",
        NO_ERROR,
        (
            "    n = confusion",
            "    known = (target >= 0) & (target < num_classes)\n"
            "    if ignore_index is None and pred.shape == target.shape and not pred.is_floating_point():\n"
            "        pred, target = pred[known], target[known]\n    n = confusion",
        ),
    ),
)

# ---------------------------------------------------------------------------------------------- networks

BLOCK = "DoubleConv"
PADS, PLAIN, USE = "check_DoubleConv_that_pads", "check_DoubleConv_that_does_not_pad", "check_use_of_DoubleConv"
_SECOND = "        x = torch.relu(self.conv2(x))\n"

BLOCK_MUTANTS = (
    _named("T7-M17a", BLOCK, "always pads", PLAIN, PADDED, ('p = 1 if padding == "same" else 0', "p = 1")),
    _named("T7-M17b", BLOCK, "never pads", PADS, NOT_PADDED, ('p = 1 if padding == "same" else 0', "p = 0")),
    _named(
        "T7-X34a",
        BLOCK,
        "no last ReLU",
        PADS,
        "There is no ReLU after the second convolution",
        (_SECOND, "        x = self.conv2(x)\n"),
    ),
    _named(
        "T7-X34b",
        BLOCK,
        "no ReLU between",
        PADS,
        "There is no ReLU between the convolutions",
        ("x = torch.relu(self.conv1(x))", "x = self.conv1(x)"),
    ),
    _named(
        "T7-X34c",
        BLOCK,
        "ReLU before",
        PADS,
        "The ReLU comes before each convolution, not after it",
        ("torch.relu(self.conv1(x))", "self.conv1(torch.relu(x))"),
        ("torch.relu(self.conv2(x))", "self.conv2(torch.relu(x))"),
    ),
    _named("T7-X34d", BLOCK, "one convolution", PADS, "The second convolution is not used", (_SECOND, "")),
    _named(
        "T7-X34e", BLOCK, "leaky", PADS, "The activation is a leaky ReLU", ("torch.relu", "nn.functional.leaky_relu")
    ),
    _named(
        "T7-X34f",
        BLOCK,
        "residual",
        PADS,
        "There is a shortcut around the second convolution, as in a residual block",
        (
            "torch.relu(self.conv2(x))",
            "torch.relu(self.conv2(x) + x[..., 2 - 2 * self.conv1.padding[0] - 1 + self.conv1."
            "padding[0]:x.shape[-2] - 1 + self.conv1.padding[0], 1 - self.conv1.padding[0]:x.shape[-1] - 1"
            " + self.conv1.padding[0]])",
        ),
    ),
    _slip(
        "T7-X34g",
        BLOCK,
        "batch normalisation",
        "check_names_of_DoubleConv",
        KEYS,
        ("    def forward", "        self.bn = nn.BatchNorm2d(out_channels)\n\n    def forward"),
    ),
    _slip("T7-X34h", BLOCK, "no bias", "check_names_of_DoubleConv", KEYS, ("padding=p)", "padding=p, bias=False)")),
    _slip(
        "T7-X34i",
        BLOCK,
        "a sequence",
        "check_names_of_DoubleConv",
        KEYS,
        ("        x = torch.relu(self.conv1(x))\n" + _SECOND, "        x = self.net(x)\n"),
        (
            "        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=p)\n"
            "        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=p)\n",
            "        self.net = nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, padding=p), nn.ReLU(),\n"
            "                                 nn.Conv2d(out_channels, out_channels, 3, padding=p), nn.ReLU())\n",
        ),
    ),
    _slip("T7-X34j", BLOCK, "5x5 kernels", "check_names_of_DoubleConv", KEYS, (", 3, padding", ", 5, padding")),
    _slip(
        "T7-X34k",
        BLOCK,
        "the input is changed",
        USE,
        CHANGED,
        (
            "        x = torch.relu(self.conv1(x))\n",
            "        x.data.clamp_(min=0)\n        x = torch.relu(self.conv1(x))\n",
        ),
    ),
    _slip("T7-X34l", BLOCK, "detached", USE, GRADIENTS, ("self.conv2(x)", "self.conv2(x.detach())")),
    _slip(
        "T7-X34m",
        BLOCK,
        "dropout",
        USE,
        "chance cannot be foretold",
        ("        return x\n", "        return nn.functional.dropout(x, 0.5, self.training)\n"),
    ),
    _slip("T7-X34n", BLOCK, "float32 only", PADS, OWN_ERROR, ("self.conv1(x)", "self.conv1(x.float())")),
    _slip(
        "T7-X34o",
        BLOCK,
        "any padding passes",
        "check_paddings_of_DoubleConv",
        NO_ERROR,
        _without("if padding not in", DOUBLE_CONV),
    ),
    _slip(
        "T7-X34p",
        BLOCK,
        "reflects at the border",
        PADS,
        OTHER,
        (", 3, padding=p)", ', 3, padding=p, padding_mode="replicate")'),
    ),
)

NET = "UNet"
SAME, VALID = "check_UNet_that_pads", "check_UNet_that_does_not_pad"
GRAD, NET_USE = "check_gradients_of_UNet", "check_use_of_UNet"
FIT, NAMES, MAPS = "check_images_that_do_not_fit", "check_names_of_UNet", "check_sizes_of_UNet"
_CUT = "        skip = skip[..., top:top + height, left:left + width]\n"
_CAT = "        return torch.cat([skip, up], dim=1)\n"
_CHECK = """\
        first = 16 if self.padding == "same" else 188
        for size in x.shape[2:]:
            if size < first or (size - first) % 16 != 0:
                raise ValueError("this size does not fit")
"""

NET_MUTANTS = (
    _named(
        "T7-M17c",
        NET,
        "pads although valid",
        VALID,
        PADDED,
        (
            "        s1 = self.enc1(x)\n",
            "        for layer in self.modules():\n"
            "            if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):\n"
            "                layer.padding = (1, 1)\n        s1 = self.enc1(x)\n",
        ),
    ),
    _named(
        "T7-M18a",
        NET,
        "skip after the pooling, enlarged",
        SAME,
        "The skips are taken after the pooling, and enlarged again",
        (
            "        height, width = up.shape[-2:]\n",
            "        skip = nn.functional.interpolate(self.pool(skip), scale_factor=2)\n"
            "        height, width = up.shape[-2:]\n",
        ),
    ),
    _slip(
        "T7-M18b",
        NET,
        "skip after the pooling",
        SAME,
        OWN_ERROR,
        ("self.join(s4", "self.join(self.pool(s4)"),
        ("self.join(s3", "self.join(self.pool(s3)"),
        ("self.join(s2", "self.join(self.pool(s2)"),
        ("self.join(s1", "self.join(self.pool(s1)"),
    ),
    _named(
        "T7-M19a",
        NET,
        "cat([up, skip])",
        SAME,
        "What comes up stands before the skip: the order is `cat([skip, up])`",
        ("[skip, up]", "[up, skip]"),
    ),
    _named(
        "T7-X35a",
        NET,
        "crops at the top left",
        VALID,
        "The skips are cropped at the top left corner, not at their centre",
        ("top = (skip.shape[-2] - height) // 2", "top = 0"),
        ("left = (skip.shape[-1] - width) // 2", "left = 0"),
    ),
    _named(
        "T7-X35b",
        NET,
        "resizes the skip",
        VALID,
        "The skips are resized, not cropped",
        (_CUT, '        skip = nn.functional.interpolate(skip, size=(height, width), mode="bilinear")\n'),
    ),
    _named(
        "T7-X35c",
        NET,
        "pads what comes up",
        VALID,
        "What comes up is padded to the size of the skip: the skip is cropped",
        (_CUT, "        up = nn.functional.pad(up, (left, left, top, top))\n"),
    ),
    _named(
        "T7-X35d",
        NET,
        "no skip",
        SAME,
        "The skips are left out",
        (_CAT, "        return torch.cat([torch.zeros_like(up), up], dim=1)\n"),
    ),
    _named(
        "T7-X35e",
        NET,
        "doubles what comes up",
        SAME,
        "What comes up is used twice: the skips are left out",
        ("[skip, up]", "[up, up]"),
    ),
    _named(
        "T7-X35f",
        NET,
        "softmax",
        SAME,
        "The net ends with a softmax",
        ("return self.head(y)", "return self.head(y).softmax(dim=1)"),
    ),
    _named(
        "T7-X35g",
        NET,
        "sigmoid",
        SAME,
        "The net ends with a sigmoid",
        ("return self.head(y)", "return self.head(y).sigmoid()"),
    ),
    _named(
        "T7-X35h",
        NET,
        "ReLU at the end",
        SAME,
        "The net ends with a ReLU",
        ("return self.head(y)", "return self.head(y).relu()"),
    ),
    _named(
        "T7-X35i",
        NET,
        "ReLU after up-convolutions",
        SAME,
        "There is a ReLU after each up-convolution",
        ("[skip, up]", "[skip, up.relu()]"),
    ),
    _named(
        "T7-X35j",
        NET,
        "average pooling",
        SAME,
        "The pooling averages: the largest value is asked for",
        ("max_pool2d(x, 2)", "avg_pool2d(x, 2)"),
    ),
    _named(
        "T7-X35k",
        NET,
        "every other pixel",
        SAME,
        "Every other pixel is taken instead of a pooling",
        ("nn.functional.max_pool2d(x, 2)", "x[:, :, ::2, ::2]"),
    ),
    _slip(
        "T7-X35l",
        NET,
        "adds instead of concatenating",
        NAMES,
        KEYS,
        (_CAT, "        return skip + up\n"),
        ("self.dec4 = DoubleConv(16 * c", "self.dec4 = DoubleConv(8 * c"),
    ),
    _slip(
        "T7-X35m",
        NET,
        "upsamples and convolves",
        NAMES,
        KEYS,
        (
            "self.up4 = nn.ConvTranspose2d(16 * c, 8 * c, 2, stride=2)",
            'self.up4 = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(16 * c, 8 * c, 2, padding="same"))',
        ),
    ),
    _slip(
        "T7-X35n",
        NET,
        "up-convolutions keep their channels",
        NAMES,
        KEYS,
        ("self.up1 = nn.ConvTranspose2d(2 * c, c, 2", "self.up1 = nn.ConvTranspose2d(2 * c, 2 * c, 2"),
        ("self.dec1 = DoubleConv(2 * c", "self.dec1 = DoubleConv(3 * c"),
    ),
    _slip("T7-X35o", NET, "base 32 by default", NAMES, KEYS, ("base=64", "base=32")),
    _slip(
        "T7-X35p",
        NET,
        "bottleneck as narrow as enc4",
        NAMES,
        KEYS,
        ("DoubleConv(8 * c, 16 * c", "DoubleConv(8 * c, 8 * c"),
        ("ConvTranspose2d(16 * c, 8", "ConvTranspose2d(8 * c, 8"),
    ),
    _slip(
        "T7-X35q",
        NET,
        "3x3 head",
        NAMES,
        KEYS,
        ("nn.Conv2d(c, num_classes, 1)", "nn.Conv2d(c, num_classes, 3, padding=1)"),
    ),
    _slip("T7-X35r", NET, "a head without bias", NAMES, KEYS, ("num_classes, 1)", "num_classes, 1, bias=False)")),
    _slip(
        "T7-X35s",
        NET,
        "blocks in a list",
        NAMES,
        KEYS,
        ("self.enc1 = ", "self.encoders = nn.ModuleList([DoubleConv(1, 1)])\n        self.enc1 = "),
    ),
    _slip(
        "T7-X35t",
        NET,
        "padding is not handed on",
        MAPS,
        SIZES,
        (
            "self.enc1 = DoubleConv(in_channels, c, padding)",
            'padding = "same"\n        self.enc1 = DoubleConv(in_channels, c, padding)',
        ),
    ),
    _slip(
        "T7-X35u",
        NET,
        "sizes are not looked at",
        FIT,
        NO_ERROR,
        (_CHECK, ""),
        (
            _CUT,
            "        if (top, left) != (0, 0) or skip.shape[-2:] != up.shape[-2:]:\n"
            "            up = nn.functional.interpolate(up, size=skip.shape[-2:])"
            ' if self.padding == "same" else up\n            height, width = up.shape[-2:]\n'
            "            top = (skip.shape[-2] - height) // 2\n            left = (skip.shape[-1] - width) // 2\n"
            + _CUT,
        ),
    ),
    _slip(
        "T7-X35v",
        NET,
        "multiples of 8 pass",
        FIT,
        NO_ERROR,
        ("(size - first) % 16 != 0", "(size - first) % 4 != 0"),
        (
            _CUT,
            "        up = nn.functional.pad(up, (0, (skip.shape[-1] - width) % 2, 0, (skip.shape[-2] - height) % 2))\n"
            "        height, width = up.shape[-2:]\n" + _CUT,
        ),
    ),
    _slip(
        "T7-X35w",
        NET,
        "only the height is looked at",
        FIT,
        NO_ERROR,
        ("for size in x.shape[2:]", "for size in x.shape[2:3]"),
        (
            _CUT,
            "        up = nn.functional.pad(up, (0, (skip.shape[-1] - width) % 2))\n        width = up.shape[-1]\n"
            + _CUT,
        ),
    ),
    _slip(
        "T7-X35x",
        NET,
        "any padding passes",
        FIT,
        NO_ERROR,
        (
            '        if padding not in ("same", "valid"):\n            raise ValueError("unknown padding")\n',
            '        if padding not in ("same", "valid"):\n            padding = "same"\n',
        ),
    ),
    _slip(
        "T7-X35y",
        NET,
        "an image without batch passes",
        FIT,
        NO_ERROR,
        (
            "if x.dim() != 4 or x.shape[1] != self.in_channels:",
            "if x.dim() == 3:\n            return self.forward(x[None])[0]\n"
            "        if x.dim() != 4 or x.shape[1] != self.in_channels:",
        ),
    ),
    _slip("T7-X35z", NET, "detached skips", GRAD, GRADIENTS, ("[skip, up]", "[skip.detach(), up]")),
    _slip(
        "T7-X36a",
        NET,
        "frozen head",
        GRAD,
        GRADIENTS,
        ("return self.head(y)", "return nn.functional.conv2d(y, self.head.weight.detach(), self.head.bias)"),
    ),
    _slip(
        "T7-X36b",
        NET,
        "dropout at the bottom",
        NET_USE,
        "chance cannot be foretold",
        (
            "y = self.bottleneck(self.pool(s4))",
            "y = nn.functional.dropout(self.bottleneck(self.pool(s4)), 0.5, self.training)",
        ),
    ),
    _slip(
        "T7-X36c",
        NET,
        "the image is normalised in place",
        NET_USE,
        CHANGED,
        ("        s1 = self.enc1(x)\n", "        s1 = self.enc1(x)\n        x.data.sub_(x.detach().mean())\n"),
    ),
    _slip(
        "T7-X36d", NET, "normalised by the batch", SAME, OTHER, ("s1 = self.enc1(x)", "s1 = self.enc1(x - x.mean())")
    ),
    _slip(
        "T7-X36e", NET, "view", NET_USE, OWN_ERROR, ("s1 = self.enc1(x)", "s1 = self.enc1(x.view(-1).view(x.shape))")
    ),
    _slip("T7-X36f", NET, "in float32", SAME, OWN_ERROR, ("s1 = self.enc1(x)", "s1 = self.enc1(x.float())")),
    _slip(
        "T7-X36g", NET, "transposed maps", SAME, OTHER, ("return self.head(y)", "return self.head(y).transpose(2, 3)")
    ),
)

TRAIN = "train_unet"
UNSEEN, SEED, TRACE, BACK = ("check_unseen_rooms", "check_same_seed_same_net", "check_training_leaves_no_trace",
                             "check_net_that_comes_back")  # fmt: skip

TRAIN_MUTANTS = (
    _slip(
        "T7-M15b",
        TRAIN,
        "masks divided by 255",
        UNSEEN,
        TRAINED,
        ("labels = masks.long()", "labels = (masks.float() / 255).long()"),
    ),
    _slip("T7-X37a", TRAIN, "not trained", UNSEEN, TRAINED, ("range(24)", "range(0)")),
    _slip(
        "T7-X37b",
        TRAIN,
        "gradients are never cleared",
        UNSEEN,
        TRAINED,
        ("            optimizer.zero_grad()\n", ""),
        ("lr=0.002", "lr=0.05"),
    ),
    _slip(
        "T7-X37c", TRAIN, "seed has no effect", SEED, TRAINED, ("    torch.manual_seed(seed)\n", "    torch.seed()\n")
    ),
    _slip(
        "T7-X37d", TRAIN, "the random state is not put back", TRACE, CHANGED, ("    torch.set_rng_state(state)\n", "")
    ),
    _slip("T7-X37e", TRAIN, "in train mode", BACK, "the message says it", ("return net.eval()", "return net")),
    _slip(
        "T7-X37f",
        TRAIN,
        "always five classes",
        BACK,
        "the message says it",
        ("UNet(3, num_classes", "UNet(3, 5"),
        ("masks.long()", "masks.long().clamp(max=4)"),
    ),
    _slip(
        "T7-X37g",
        TRAIN,
        "the images are centred in place",
        TRACE,
        CHANGED,
        ("    labels = ", "    images -= images.mean()\n    labels = "),
    ),
    _slip(
        "T7-X37h",
        TRAIN,
        "uint8 labels",
        "check_other_numbers_of_classes",
        OWN_ERROR,
        ("labels = masks.long()", "labels = masks"),
    ),
    _slip(
        "T7-X37i",
        TRAIN,
        "a state dict comes back",
        UNSEEN,
        "the message says what is expected",
        ("return net.eval()", "return net.eval().state_dict()"),
    ),
)

# ---------------------------------------------------------------------------------------------- placement


def _misplaced(id: str, exercise: str, mistake: str, *edits: Edit) -> Mutant:
    """Return a mutant whose results are right, and not where they should be."""
    source, check = _edit(BASES[exercise], *edits), f"check_placement_of_{exercise}"
    return Mutant(id, exercise, mistake, source, check, None, "no value is wrong; the line is named")


MISPLACED = (
    (
        _misplaced("T7-X70a", ONE_HOT, "zeros without a device", ("num_classes, device=mask.device)", "num_classes)")),
        "result = torch.zeros(*labels.shape, num_classes)",
    ),
    (
        _misplaced(
            "T7-X70b",
            CE,
            "ones without a device",
            (
                "    total = (loss * keep).sum()\n",
                "    weight = torch.ones(len(loss), dtype=torch.float64)\n    total = (loss * weight * keep).sum()\n",
            ),
        ),
        "weight = torch.ones(len(loss), dtype=torch.float64)",
    ),
    (
        _misplaced("T7-X70c", "soft_iou_loss", "arange without a device", ("(k, device=labels.device)", "(k)")),
        "classes = torch.arange(k)",
    ),
    (
        _misplaced("T7-X70d", "soft_dice_loss", "arange without a device", ("(k, device=labels.device)", "(k)")),
        "classes = torch.arange(k)",
    ),
    (
        _misplaced("T7-X70e", COUNTS, "zeros without a device", (", device=pred.device)", ")")),
        "matrix = torch.zeros(num_classes, num_classes, dtype=torch.int64)",
    ),
    (
        _misplaced(
            "T7-X70f",
            METRICS,
            "eye without a device",
            (
                "    tp = torch.diagonal(n)\n",
                "    eye = torch.eye(num_classes, dtype=torch.float64)\n    tp = (n * eye).sum(dim=0)\n",
            ),
        ),
        "eye = torch.eye(num_classes, dtype=torch.float64)",
    ),
    (
        _misplaced(
            "T7-X70g",
            BLOCK,
            "zeros without a device",
            ("        return x\n", "        start = torch.zeros(x.shape, dtype=x.dtype)\n        return start + x\n"),
        ),
        "start = torch.zeros(x.shape, dtype=x.dtype)",
    ),
    (
        _misplaced(
            "T7-X70h",
            NET,
            "zeros without a device",
            (
                _CAT,
                "        start = torch.zeros(up.shape, dtype=up.dtype)\n"
                "        return torch.cat([skip, start + up], dim=1)\n",
            ),
        ),
        "start = torch.zeros(up.shape, dtype=up.dtype)",
    ),
    (
        _misplaced(
            "T7-X71a",
            ONE_HOT,
            "home at the end",
            ("    return result.movedim(-1, 1)\n", "    result = result.cpu()\n    return result.movedim(-1, 1)\n"),
        ),
        "result = result.cpu()",
    ),
    (
        _misplaced("T7-X71b", CE, "logits come home", ("z = logits.double()", "z = logits.double().cpu()")),
        "z = logits.double().cpu()",
    ),
    (
        _misplaced(
            "T7-X71c", "soft_iou_loss", "the loss comes home", ("    number = ", "    loss = loss.cpu()\n    number = ")
        ),
        "loss = loss.cpu()",
    ),
    (
        _misplaced(
            "T7-X71d",
            "soft_dice_loss",
            "the loss comes home",
            ("    number = ", "    loss = loss.cpu()\n    number = "),
        ),
        "loss = loss.cpu()",
    ),
    (
        _misplaced(
            "T7-X71e",
            COUNTS,
            "the matrix comes home",
            ("    return matrix\n", "    matrix = matrix.cpu()\n    return matrix\n"),
        ),
        "matrix = matrix.cpu()",
    ),
    (
        _misplaced(
            "T7-X71f", METRICS, "the matrix comes home", ("ignore_index).double()\n", "ignore_index).double().cpu()\n")
        ),
        "n = confusion_matrix(pred, target, num_classes, ignore_index).double().cpu()",
    ),
    (
        _misplaced(
            "T7-X71g", BLOCK, "the map comes home", ("        return x\n", "        x = x.cpu()\n        return x\n")
        ),
        "x = x.cpu()",
    ),
    (
        _misplaced("T7-X71h", NET, "the logits come home", ("return self.head(y)", "return self.head(y).cpu()")),
        "return self.head(y).cpu()",
    ),
)

EQUIVALENT = (
    _equal(
        "T7-X80a",
        CE,
        "softmax after subtracting the largest logit",
        "the softmax does not change",
        ("z = logits.double()", "z = logits.double()\n    z = z - z.amax(dim=1, keepdim=True).detach()"),
    ),
    _equal(
        "T7-X80b",
        "soft_dice_loss",
        "an epsilon of 1e-9",
        "far below what the grader looks at",
        ("bottom = sum_p + sum_t + smooth", "bottom = sum_p + sum_t + smooth + 1e-9"),
    ),
)

MUTANTS = (
    *POLYGON_MUTANTS,
    *POLYGONS_MUTANTS,
    *ONE_HOT_MUTANTS,
    *CE_MUTANTS,
    *SOFT_MUTANTS,
    *CONFUSION_MUTANTS,
    *METRICS_MUTANTS,
    *BLOCK_MUTANTS,
    *NET_MUTANTS,
    *TRAIN_MUTANTS,
    *EQUIVALENT,
    *(mutant for mutant, _ in MISPLACED),
)
