"""Correct solutions of *segmentation* in other styles than the solution notebook: each must earn all points."""

from __future__ import annotations

from tests.graders.mutants_segmentation import BASES, TRAIN_UNET, UNET, _edit
from tests.graders.proof import Alternative

_PLAIN = tuple(Alternative("the mutants' source", name, source) for name, source in BASES.items())

_POLYGONS = (
    Alternative(
        "a loop over pixels and edges, in Python",
        "polygon_to_mask",
        """\
def polygon_to_mask(polygon, height, width):
    points = [(float(polygon[i]), float(polygon[i + 1])) for i in range(0, len(polygon) - 1, 2)]
    is_bad = len(polygon) % 2 or any(math.isnan(v) or math.isinf(v) for v in polygon)
    if is_bad or len(set(points)) < 3 or min(height, width) < 1:
        raise ValueError("no polygon")
    rows = []
    for r in range(height):
        row = []
        for c in range(width):
            x, y, inside = c + 0.5, r + 0.5, False
            for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1]):
                if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                    inside = not inside
            row.append(inside)
        rows.append(row)
    return torch.tensor(rows)
""",
    ),
    Alternative(
        "all edges at once, rays to the left, NumPy",
        "polygon_to_mask",
        """\
import numpy as np


def polygon_to_mask(polygon, height, width):
    if len(polygon) % 2 or height < 1 or width < 1:
        raise ValueError("pairs and pixels")
    v = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
    if not np.isfinite(v).all() or len(np.unique(v, axis=0)) < 3:
        raise ValueError("three finite vertices")
    w = np.roll(v, -1, axis=0)
    y, x = np.mgrid[0:height, 0:width] + 0.5
    x, y = x[..., None], y[..., None]
    crosses = (v[:, 1] > y) != (w[:, 1] > y)
    with np.errstate(all="ignore"):
        at = v[:, 0] + (y - v[:, 1]) * (w[:, 0] - v[:, 0]) / (w[:, 1] - v[:, 1])
    return torch.from_numpy((crosses & (at < x)).sum(-1) % 2 == 1)
""",
    ),
    Alternative(
        "rays upwards",
        "polygon_to_mask",
        """\
def polygon_to_mask(polygon, height, width):
    if height <= 0 or width <= 0:
        raise ValueError("no pixel")
    points = torch.tensor([float(v) for v in polygon], dtype=torch.float64)
    if points.numel() % 2 or not points.isfinite().all():
        raise ValueError("finite pairs")
    points = points.reshape(-1, 2)
    if points.unique(dim=0).shape[0] < 3:
        raise ValueError("three vertices")
    x, y = torch.meshgrid(
        torch.arange(width, dtype=torch.float64) + 0.5, torch.arange(height, dtype=torch.float64) + 0.5, indexing="xy"
    )
    result = torch.zeros(height, width, dtype=torch.bool)
    for (x1, y1), (x2, y2) in zip(points, points.roll(-1, 0)):
        if x1 != x2:
            between = (x1 <= x) != (x2 <= x)
            result = torch.logical_xor(result, between & (y > y1 + (x - x1) / (x2 - x1) * (y2 - y1)))
    return result
""",
    ),
    Alternative(
        "backwards, without painting over",
        "polygons_to_mask",
        """\
def polygons_to_mask(polygons, height, width, background=0):
    if height < 1 or width < 1:
        raise ValueError("no pixel")
    mask = torch.full((height, width), background)
    free = torch.ones(height, width, dtype=torch.bool)
    for k, rings in reversed(list(enumerate(polygons))):
        for ring in rings:
            inside = polygon_to_mask(ring, height, width) & free
            mask = torch.where(inside, k, mask)
            free &= ~inside
    return mask
""",
    ),
    Alternative(
        "the union of each class first",
        "polygons_to_mask",
        """\
def polygons_to_mask(polygons, height, width, background=0):
    if min(height, width) < 1:
        raise ValueError("no pixel")
    mask = torch.zeros(height, width, dtype=torch.long) + background
    for k, rings in enumerate(polygons):
        masks = [polygon_to_mask(list(ring), height, width) for ring in rings]
        if masks:
            mask[torch.stack(masks).any(dim=0)] = k
    return mask
""",
    ),
)

_MASKS = (
    Alternative(
        "a comparison with every class",
        "one_hot_mask",
        """\
def one_hot_mask(mask, num_classes, ignore_index=None):
    if mask.dim() != 3 or mask.is_floating_point() or num_classes < 1:
        raise ValueError("labels (N, H, W)")
    mask = mask.to(torch.int64)
    known = (mask >= 0) & (mask < num_classes)
    if ignore_index is not None:
        known = known | (mask == ignore_index)
    if not known.all():
        raise ValueError("unknown label")
    planes = [(mask == k) & (mask == mask if ignore_index is None else mask != ignore_index)
              for k in range(num_classes)]
    return torch.stack(planes, dim=1).float()
""",
    ),
    Alternative(
        "rows of an identity",
        "one_hot_mask",
        """\
def one_hot_mask(mask, num_classes, ignore_index=None):
    if mask.ndim != 3:
        raise ValueError("three dimensions")
    if mask.dtype.is_floating_point:
        raise TypeError("integers")
    if num_classes < 1:
        raise ValueError("no class")
    index = mask.long().clone()
    if ignore_index is not None:
        index[mask.long() == ignore_index] = num_classes
    elif (index == num_classes).any():
        raise ValueError("out of range")
    limit = num_classes if ignore_index is None else num_classes + 1
    wrong = (mask.long() == num_classes) & (ignore_index != num_classes)
    if index.numel() and (index.min() < 0 or index.max() >= limit or wrong.any()):
        raise ValueError("out of range")
    eye = torch.eye(num_classes + 1, num_classes, device=mask.device)
    return eye[index].permute(0, 3, 1, 2).contiguous()
""",
    ),
)

_CHECKS = """\
    if logits.dim() != 4 or not logits.is_floating_point() or logits.shape[1] < 1:
        raise ValueError("logits")
    if target.is_floating_point() or target.shape != logits[:, 0].shape:
        raise ValueError("target")
"""

_LOSSES = (
    Alternative(
        "pixels that count are picked first",
        "segmentation_cross_entropy",
        f"""\
def segmentation_cross_entropy(logits, target, ignore_index=255):
{_CHECKS}\
    target = target.long()
    keep = target != ignore_index
    rows, labels = logits.movedim(1, -1)[keep], target[keep]
    if ((labels < 0) | (labels >= logits.shape[1])).any():
        raise ValueError("label")
    rows = rows.double()
    picked = rows.gather(1, labels[:, None])[:, 0]
    return (torch.logsumexp(rows, 1) - picked).mean().to(logits.dtype)
""",
    ),
    Alternative(
        "log_softmax and one-hot, summed by einsum, in float32 where that is enough",
        "segmentation_cross_entropy",
        f"""\
def segmentation_cross_entropy(logits, target, ignore_index=255):
{_CHECKS}\
    z = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    t = one_hot_mask(target, logits.shape[1], ignore_index).to(z.dtype)
    log_p = F.log_softmax(z, dim=1)
    return (-torch.einsum("nkhw,nkhw->", t, log_p) / t.sum()).to(logits.dtype)
""",
    ),
    Alternative(
        "own log-softmax, image by image",
        "segmentation_cross_entropy",
        f"""\
def segmentation_cross_entropy(logits, target, ignore_index=255):
{_CHECKS}\
    total, count = logits.double().sum() * 0, 0
    for z, y in zip(logits.double(), target.long()):
        z = z - z.max(dim=0).values.detach()
        z = z - z.exp().sum(dim=0).log()
        keep = y != ignore_index
        if not ((y[keep] >= 0) & (y[keep] < z.shape[0])).all():
            raise IndexError("label")
        total = total - z.permute(1, 2, 0)[keep].gather(1, y[keep].unsqueeze(1)).sum()
        count += int(keep.sum())
    return (total / count if count else total * math.nan).to(logits.dtype)
""",
    ),
)

_ARGUMENTS = """\
    if mode not in ["multiclass", "binary"] or not smooth >= 0 or smooth == math.inf:
        raise ValueError("mode and smooth")
    if mode == "binary":
        if target.dim() == 4 and target.shape == logits.shape:
            target = target.reshape(target.shape[0], *target.shape[2:])
        if logits.dim() == 3:
            logits = logits[:, None]
        if logits.dim() == 4 and logits.shape[1] != 1:
            raise ValueError("one channel")
    if logits.dim() != 4 or not logits.is_floating_point():
        raise ValueError("logits")
    if target.shape != logits[:, 0].shape or target.is_floating_point():
        raise ValueError("target")
"""
_BOTH = {
    "soft_iou_loss": "(i + smooth) / (p.sum() + t.sum() - i + smooth)",
    "soft_dice_loss": "(2 * i + smooth) / (p.sum() + t.sum() + smooth)",
}
_OVERLAPS = tuple(
    alternative
    for name, ratio in _BOTH.items()
    for alternative in (
        Alternative(
            "a loop over samples and classes",
            name,
            f"""\
def {name}(logits, target, mode="multiclass", smooth=0.0, ignore_index=None):
{_ARGUMENTS}\
    dtype, logits, losses = logits.dtype, logits.double(), []
    for z, y in zip(logits, target.long()):
        keep = torch.ones_like(y, dtype=torch.bool) if ignore_index is None else y != ignore_index
        y = y[keep]
        probs = z.sigmoid() if mode == "binary" else z.softmax(0)
        known = 2 if mode == "binary" else len(z)
        if len(y) and (y.min() < 0 or y.max() >= known):
            raise ValueError("label")
        for k, plane in enumerate(probs):
            t = (y == (1 if mode == "binary" else k)).double()
            if t.sum() == 0:
                continue
            p = plane[keep]
            i = (p * t).sum()
            losses.append(1 - {ratio})
    return (torch.stack(losses).mean() if losses else 0 * logits.sum()).to(dtype)
""",
        ),
        Alternative(
            "einsum on two channels: a sigmoid is a softmax with 0",
            name,
            f"""\
def {name}(logits, target, mode="multiclass", smooth=0.0, ignore_index=None):
{_ARGUMENTS}\
    z = logits.to(torch.float64)
    if mode == "binary":
        z = torch.cat([torch.zeros_like(z), z], dim=1)
    t = one_hot_mask(target, z.shape[1], ignore_index).to(z)
    p = z.softmax(dim=1)
    keep = t.sum(dim=1)
    i = torch.einsum("nkhw,nkhw->nk", p, t)
    sum_p = torch.einsum("nkhw,nhw->nk", p, keep)
    sum_t = t.flatten(2).sum(-1)
    if mode == "binary":
        i, sum_p, sum_t = i[:, 1:], sum_p[:, 1:], sum_t[:, 1:]
    here = sum_t > 0
    if not here.any():
        return (i.sum() * 0).to(logits.dtype)
    i, sum_p, sum_t = i[here], sum_p[here], sum_t[here]
    return (1 - ({ratio.replace("p.sum()", "sum_p").replace("t.sum()", "sum_t")})).mean().to(logits.dtype)
""",
        ),
        Alternative(
            "float32 with a tiny epsilon",
            name,
            f"""\
def {name}(logits, target, mode="multiclass", smooth=0.0, ignore_index=None):
{_ARGUMENTS}\
    wide = logits.float()
    p = torch.sigmoid(wide) if mode == "binary" else torch.softmax(wide, 1)
    t = one_hot_mask(target, 2 if mode == "binary" else p.shape[1], ignore_index)
    valid = t.sum(1, keepdim=True)
    t = t[:, 1:] if mode == "binary" else t
    p = p * valid
    i, a, b = (p * t).sum((2, 3)), p.sum((2, 3)), t.sum((2, 3))
    ratio = {ratio.replace("p.sum()", "a").replace("t.sum()", "b").replace(" + smooth)", " + smooth + 1e-7)")}
    here = (b > 0).float()
    return (((1 - ratio) * here).sum() / here.sum().clamp(min=1)).to(logits.dtype)
""",
        ),
    )
)

_COUNTS = (
    Alternative(
        "loops over classes",
        "confusion_matrix",
        """\
def confusion_matrix(pred, target, num_classes, ignore_index=None):
    if pred.shape != target.shape or num_classes < 1:
        raise ValueError("shapes")
    if pred.dtype.is_floating_point or target.dtype.is_floating_point:
        raise ValueError("labels")
    pred, target = pred.long(), target.long()
    keep = torch.ones_like(target, dtype=torch.bool) if ignore_index is None else target != ignore_index
    for labels in (pred[keep], target[keep]):
        if not torch.all((labels >= 0) & (labels < num_classes)):
            raise ValueError("label")
    rows = [torch.stack([(keep & (target == i) & (pred == j)).sum() for j in range(num_classes)])
            for i in range(num_classes)]
    return torch.stack(rows)
""",
    ),
    Alternative(
        "a product of one-hot matrices",
        "confusion_matrix",
        """\
def confusion_matrix(pred, target, num_classes, ignore_index=None):
    if pred.shape != target.shape:
        raise ValueError("shapes")
    if pred.is_floating_point() or target.is_floating_point() or num_classes < 1:
        raise ValueError("labels")
    p, t = pred.flatten().to(torch.int64), target.flatten().to(torch.int64)
    if ignore_index is not None:
        p, t = p[t != ignore_index], t[t != ignore_index]
    if p.numel() and (min(p.min(), t.min()) < 0 or max(p.max(), t.max()) >= num_classes):
        raise ValueError("label")
    classes = torch.arange(num_classes, device=p.device)
    return ((t[:, None] == classes).double().t() @ (p[:, None] == classes).double()).round().long()
""",
    ),
    Alternative(
        "scatter_add",
        "confusion_matrix",
        """\
def confusion_matrix(pred, target, num_classes, ignore_index=None):
    if pred.shape != target.shape or pred.is_floating_point() or target.is_floating_point() or num_classes < 1:
        raise ValueError("labels of one shape")
    p, t = pred.reshape(-1).long(), target.reshape(-1).long()
    ignored = torch.zeros_like(t, dtype=torch.bool) if ignore_index is None else t == ignore_index
    p, t = p.masked_fill(ignored, 0), t.masked_fill(ignored, 0)
    if (p < 0).any() or (t < 0).any() or (p >= num_classes).any() or (t >= num_classes).any():
        raise ValueError("label")
    flat = torch.zeros(num_classes * num_classes, dtype=torch.int64, device=p.device)
    flat.scatter_add_(0, t * num_classes + p, (~ignored).long())
    return flat.view(num_classes, num_classes)
""",
    ),
    Alternative(
        "Dice from IoU, means in Python",
        "segmentation_metrics",
        """\
def segmentation_metrics(pred, target, num_classes, ignore_index=None):
    matrix = confusion_matrix(pred, target, num_classes, ignore_index).to(torch.float64)
    hits = matrix.diag()
    iou = hits / (matrix.sum(0) + matrix.sum(1) - hits)
    result = {"iou": iou, "dice": 2 * iou / (1 + iou), "precision": hits / matrix.sum(0)}
    result["recall"] = hits / matrix.sum(1)
    for name in ("iou", "dice"):
        values = [v for v in result[name].tolist() if not math.isnan(v)]
        result["mean_" + name] = sum(values) / len(values) if values else math.nan
    total = matrix.sum().item()
    result["pixel_accuracy"] = hits.sum().item() / total if total else float("nan")
    return result
""",
    ),
    Alternative(
        "masks of each class, without the matrix",
        "segmentation_metrics",
        """\
def segmentation_metrics(pred, target, num_classes, ignore_index=None):
    confusion_matrix(pred, target, num_classes, ignore_index)  # raises
    pred, target = pred.long(), target.long()
    keep = torch.ones_like(pred, dtype=torch.bool) if ignore_index is None else target != ignore_index
    p, t = pred[keep], target[keep]
    k = torch.arange(num_classes, device=p.device)[:, None]
    a, b = p[None] == k, t[None] == k
    both, either = (a & b).sum(1).double(), (a | b).sum(1).double()
    na, nb = a.sum(1).double(), b.sum(1).double()
    iou, dice = both / either, 2 * both / (na + nb)
    return dict(
        pixel_accuracy=float((p == t).double().mean()), iou=iou, dice=dice, precision=both / na, recall=both / nb,
        mean_iou=float(torch.nanmean(iou)), mean_dice=float(torch.nanmean(dice)),
    )
""",
    ),
)

_NETS = (
    Alternative(
        "padding by name, ReLU modules in place",
        "DoubleConv",
        """\
class DoubleConv(nn.Module):
    def __init__(self, in_channels, out_channels, padding="same"):
        super().__init__()
        if padding not in {"same", "valid"}:
            raise ValueError(padding)
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=padding)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=padding)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.act(self.conv2(self.act(self.conv1(x))))
""",
    ),
    Alternative(
        "zeros are put around by hand",
        "DoubleConv",
        """\
class DoubleConv(nn.Module):
    def __init__(self, in_channels, out_channels, padding="same"):
        super().__init__()
        if padding != "same" and padding != "valid":
            raise ValueError(padding)
        self.border = [1] * 4 if padding == "same" else [0] * 4
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3)

    def forward(self, x):
        for conv in (self.conv1, self.conv2):
            x = conv(F.pad(x, self.border)).clamp(min=0)
        return x
""",
    ),
    Alternative(
        "negative padding crops, a pooling module, names by setattr",
        "UNet",
        """\
class UNet(nn.Module):
    def __init__(self, in_channels=1, num_classes=2, base=64, padding="same"):
        super().__init__()
        if padding not in ("same", "valid"):
            raise ValueError(padding)
        widths = [in_channels] + [base << level for level in range(5)]
        for level in range(1, 5):
            setattr(self, f"enc{level}", DoubleConv(widths[level - 1], widths[level], padding))
            setattr(self, f"up{level}", nn.ConvTranspose2d(widths[level + 1], widths[level], 2, 2))
            setattr(self, f"dec{level}", DoubleConv(widths[level + 1], widths[level], padding))
        self.bottleneck = DoubleConv(widths[4], widths[5], padding)
        self.head = nn.Conv2d(base, num_classes, 1)
        self.pool = nn.MaxPool2d(2)
        self.channels, self.rest = in_channels, 0 if padding == "same" else 12

    def forward(self, x):
        smallest = 16 if self.rest == 0 else 188
        if x.dim() != 4 or x.size(1) != self.channels:
            raise ValueError("shape")
        if any(s % 16 != self.rest or s < smallest for s in x.shape[-2:]):
            raise ValueError("size")
        skips = []
        for level in range(1, 5):
            x = getattr(self, f"enc{level}")(x)
            skips.append(x)
            x = self.pool(x)
        x = self.bottleneck(x)
        for level in range(4, 0, -1):
            x = getattr(self, f"up{level}")(x)
            skip = skips[level - 1]
            dh, dw = (skip.size(2) - x.size(2)) // 2, (skip.size(3) - x.size(3)) // 2
            x = getattr(self, f"dec{level}")(torch.cat((F.pad(skip, (-dw, -dw, -dh, -dh)), x), 1))
        return self.head(x)
""",
    ),
    Alternative(
        "initialised as in the paper, pooling by unfolding",
        "UNet",
        _edit(
            UNET,
            (
                "return nn.functional.max_pool2d(x, 2)",
                "return x.unflatten(2, (-1, 2)).unflatten(4, (-1, 2)).amax((3, 5))",
            ),
            (
                "        self.head = nn.Conv2d(c, num_classes, 1)\n",
                "        self.head = nn.Conv2d(c, num_classes, 1)\n        for p in self.parameters():\n"
                "            if p.dim() > 1:\n                nn.init.normal_(p, std=math.sqrt(2 / p[0].numel()))\n",
            ),
        ),
    ),
)

_TRAIN = (
    Alternative(
        "weighted cross-entropy, AdamW, a wider net",
        "train_unet",
        _edit(
            TRAIN_UNET,
            ("base=8", "base=10"),
            ("torch.optim.Adam(", "torch.optim.AdamW("),
        ),
    ),
    Alternative(
        "one's own losses together",
        "train_unet",
        _edit(
            TRAIN_UNET,
            (
                "loss = nn.functional.cross_entropy(net(images[rows]), labels[rows])\n",
                "logits = net(images[rows])\n"
                "            loss = segmentation_cross_entropy(logits, labels[rows])\n"
                "            loss = loss + soft_dice_loss(logits, labels[rows])\n",
            ),
        ),
    ),
)

ALTERNATIVES = (*_PLAIN, *_POLYGONS, *_MASKS, *_LOSSES, *_OVERLAPS, *_COUNTS, *_NETS, *_TRAIN)
