"""The classic mistakes about segmentation, as functions with the signatures of the students'.

They run in the trusted process, in float64, and only when a check has failed. Networks stand in as functions of their
input: the reference's, with the weights that the checks load, and a fault in the way they compute.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from reference import segmentation as reference

Polygon = Sequence[float]
Polygons = Sequence[Sequence[Polygon]]
Loss = Callable[..., Tensor]
Metrics = Callable[..., dict[str, Any]]

NO_CLASS = -1_000  # an index to ignore that no check asks for

# ---------------------------------------------------------------------------------------------- polygons


def _vertices(polygon: Polygon) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in zip(polygon[::2], polygon[1::2], strict=True)]


def _closed(vertices: list[tuple[float, float]]) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    return list(zip(vertices, vertices[1:] + vertices[:1], strict=True))


def _crossings(
    edges: Sequence[tuple[tuple[float, float], tuple[float, float]]], height: int, width: int, shift: float = 0.5
) -> tuple[Tensor, Tensor]:
    """Return how many edges a ray to the right crosses from each pixel, and how often it winds around it."""
    x, y = torch.arange(width).double() + shift, torch.arange(height).double()[:, None] + shift
    count, winding = (torch.zeros(height, width, dtype=torch.int64) for _ in range(2))
    for (x1, y1), (x2, y2) in edges:
        if y1 == y2:
            continue
        is_level = (min(y1, y2) <= y) & (y < max(y1, y2))
        crosses = is_level & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
        count += crosses
        winding += crosses.long() * (1 if y2 > y1 else -1)
    return count, winding


def polygon_swapped(polygon: Polygon, height: int, width: int) -> Tensor:
    """The coordinates are read as row and column."""
    swapped = [value for x, y in _vertices(polygon) for value in (y, x)]
    return reference.polygon_to_mask(swapped, height, width)


def polygon_at_corners(polygon: Polygon, height: int, width: int) -> Tensor:
    """The corner of a pixel is looked at, not its centre."""
    return _crossings(_closed(_vertices(polygon)), height, width, shift=0.0)[0] % 2 == 1


def polygon_far_corners(polygon: Polygon, height: int, width: int) -> Tensor:
    """The far corner of a pixel is looked at."""
    return _crossings(_closed(_vertices(polygon)), height, width, shift=1.0)[0] % 2 == 1


def polygon_with_boundary(polygon: Polygon, height: int, width: int) -> Tensor:
    """The corner of a pixel is looked at, and the boundary counts."""
    mask = polygon_at_corners(polygon, height, width)
    x, y = torch.arange(width).double(), torch.arange(height).double()[:, None]
    for (x1, y1), (x2, y2) in _closed(_vertices(polygon)):
        is_on_line = ((x - x1) * (y2 - y1) - (x2 - x1) * (y - y1)).abs() < 1e-9
        is_within = (min(x1, x2) <= x) & (x <= max(x1, x2)) & (min(y1, y2) <= y) & (y <= max(y1, y2))
        mask = mask | (is_on_line & is_within)
    return mask


def polygon_by_pillow(polygon: Polygon, height: int, width: int) -> Tensor:
    """Pillow paints the polygon, boundary included."""
    from PIL import Image, ImageDraw

    image = Image.new("1", (width, height))
    ImageDraw.Draw(image).polygon(_vertices(polygon), fill=1, outline=1)
    return torch.tensor(list(image.tobytes()), dtype=torch.uint8).reshape(height, -1)[:, :, None].bitwise_and(
        torch.tensor([128 >> bit for bit in range(8)], dtype=torch.uint8)
    ).ne(0).flatten(1)[:, :width]  # fmt: skip


def polygon_outside(polygon: Polygon, height: int, width: int) -> Tensor:
    """Inside and outside are swapped."""
    return ~reference.polygon_to_mask(polygon, height, width)


def polygon_transposed(polygon: Polygon, height: int, width: int) -> Tensor:
    """The mask has the shape (W, H)."""
    return reference.polygon_to_mask(polygon, height, width).t()


def polygon_upside_down(polygon: Polygon, height: int, width: int) -> Tensor:
    """The vertical axis points up."""
    return reference.polygon_to_mask(polygon, height, width).flip(0)


def polygon_box(polygon: Polygon, height: int, width: int) -> Tensor:
    """The bounding box is filled."""
    xs, ys = polygon[::2], polygon[1::2]
    box = (min(xs), min(ys), max(xs), min(ys), max(xs), max(ys), min(xs), max(ys))
    return reference.polygon_to_mask(box, height, width)


def polygon_by_winding(polygon: Polygon, height: int, width: int) -> Tensor:
    """What the ring winds around twice counts, too."""
    return _crossings(_closed(_vertices(polygon)), height, width)[1] != 0


def polygon_open(polygon: Polygon, height: int, width: int) -> Tensor:
    """The edge from the last vertex to the first is missing."""
    vertices = _vertices(polygon)
    return _crossings(list(itertools.pairwise(vertices)), height, width)[0] % 2 == 1


def polygon_convex(polygon: Polygon, height: int, width: int) -> Tensor:
    """A pixel has to be on the same side of all edges."""
    x, y = torch.arange(width).double() + 0.5, torch.arange(height).double()[:, None] + 0.5
    sides = [
        (x - x1) * (y2 - y1) - (x2 - x1) * (y - y1)
        for (x1, y1), (x2, y2) in _closed(_vertices(polygon))
        if (x1, y1) != (x2, y2)
    ]
    stacked = torch.stack(sides)
    return (stacked >= 0).all(0) | (stacked <= 0).all(0)


def polygon_one_direction(polygon: Polygon, height: int, width: int) -> Tensor:
    """The ring is expected to run in one direction; the other gives an empty mask."""
    area = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in _closed(_vertices(polygon)))
    mask = reference.polygon_to_mask(polygon, height, width)
    return mask if area > 0 else torch.zeros_like(mask)


def polygon_other_direction(polygon: Polygon, height: int, width: int) -> Tensor:
    """The same, for the other direction."""
    return polygon_one_direction([value for x, y in _vertices(polygon)[::-1] for value in (x, y)], height, width)


def polygon_rounded(polygon: Polygon, height: int, width: int) -> Tensor:
    """The coordinates are rounded to whole numbers."""
    return reference.polygon_to_mask([round(value) for value in polygon], height, width)


def polygon_truncated(polygon: Polygon, height: int, width: int) -> Tensor:
    """The coordinates are cut to whole numbers."""
    return reference.polygon_to_mask([int(value) for value in polygon], height, width)


def polygon_clamped(polygon: Polygon, height: int, width: int) -> Tensor:
    """Vertices that are off the image are moved to its border."""
    clamped = [v for x, y in _vertices(polygon) for v in (min(max(x, 0), width), min(max(y, 0), height))]
    return reference.polygon_to_mask(clamped, height, width)


def _painted(polygons: Polygons, height: int, width: int, background: int, order: Sequence[int], one: Any) -> Tensor:
    mask = torch.full((height, width), background)
    for k in order:
        for polygon in polygons[k]:
            mask[one(polygon, height, width)] = k
    return mask


def polygons_reversed(polygons: Polygons, height: int, width: int, background: int = 0) -> Tensor:
    """What was painted first stays on top."""
    return _painted(
        polygons, height, width, background, range(len(polygons))[::-1], reference.polygon_to_mask
    )  # the same as never painting over a pixel


def polygons_from_one(polygons: Polygons, height: int, width: int, background: int = 0) -> Tensor:
    """Class k is painted with k + 1."""
    return reference.polygons_to_mask([[], *polygons], height, width, background)


def polygons_black(polygons: Polygons, height: int, width: int, background: int = 0) -> Tensor:
    """``background`` has no effect."""
    return reference.polygons_to_mask(polygons, height, width)


def polygons_background_is_class_zero(polygons: Polygons, height: int, width: int, background: int = 0) -> Tensor:
    """Class 0 is painted with the background."""
    mask = reference.polygons_to_mask(polygons, height, width, background)
    return mask.where(mask != 0, background)


def polygons_first_only(polygons: Polygons, height: int, width: int, background: int = 0) -> Tensor:
    """Only the first polygon of each class is painted."""
    return reference.polygons_to_mask([rings[:1] for rings in polygons], height, width, background)


def polygons_with_holes(polygons: Polygons, height: int, width: int, background: int = 0) -> Tensor:
    """Polygons of one class cut holes into each other."""
    mask = torch.full((height, width), background)
    for k, rings in enumerate(polygons):
        inside = torch.zeros(height, width, dtype=torch.bool)
        for ring in rings:
            inside ^= reference.polygon_to_mask(ring, height, width)
        mask[inside] = k
    return mask


def polygons_intersected(polygons: Polygons, height: int, width: int, background: int = 0) -> Tensor:
    """A pixel has to be in all polygons of its class."""
    mask = torch.full((height, width), background)
    for k, rings in enumerate(polygons):
        inside = torch.full((height, width), bool(rings))
        for ring in rings:
            inside &= reference.polygon_to_mask(ring, height, width)
        mask[inside] = k
    return mask


def polygons_numbered(polygons: Polygons, height: int, width: int, background: int = 0) -> Tensor:
    """Each polygon has a number of its own."""
    return reference.polygons_to_mask([[ring] for rings in polygons for ring in rings], height, width, background)


def polygons_added(polygons: Polygons, height: int, width: int, background: int = 0) -> Tensor:
    """The numbers of the classes are added where polygons overlap."""
    mask = torch.full((height, width), background)
    for k, rings in enumerate(polygons):
        mask = mask + (reference.polygons_to_mask([[], rings], height, width) * k)
    return mask


def polygons_swapped(polygons: Polygons, height: int, width: int, background: int = 0) -> Tensor:
    """The coordinates are read as row and column."""
    return _painted(polygons, height, width, background, range(len(polygons)), polygon_swapped)


def polygons_at_corners(polygons: Polygons, height: int, width: int, background: int = 0) -> Tensor:
    """The corner of a pixel is looked at, not its centre."""
    return _painted(polygons, height, width, background, range(len(polygons)), polygon_at_corners)


def polygons_transposed(polygons: Polygons, height: int, width: int, background: int = 0) -> Tensor:
    """The mask has the shape (W, H)."""
    return reference.polygons_to_mask(polygons, height, width, background).t()


# ---------------------------------------------------------------------------------------------- one-hot


def one_hot_classes_last(mask: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    """The classes come last."""
    return reference.one_hot_mask(mask, num_classes, ignore_index).movedim(1, -1)


def one_hot_reshaped(mask: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    """The classes come last, and a reshape gives it the right shape."""
    found = one_hot_classes_last(mask, num_classes, ignore_index)
    return found.reshape(mask.shape[0], num_classes, *mask.shape[1:])


def one_hot_swapped(mask: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    """Height and width are swapped."""
    return reference.one_hot_mask(mask, num_classes, ignore_index).transpose(2, 3)


def one_hot_inverted(mask: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    """0 and 1 are swapped."""
    return 1 - reference.one_hot_mask(mask, num_classes, ignore_index)


def one_hot_infers(mask: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    """The number of classes is inferred from the masks."""
    labels = mask[mask != ignore_index] if ignore_index is not None else mask
    return reference.one_hot_mask(mask, int(labels.max()) + 1, ignore_index)


def one_hot_from_one(mask: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    """Labels are taken to begin with 1."""
    return reference.one_hot_mask(mask.long() - 1, num_classes, -1)


def one_hot_ignored_is_zero(mask: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    """Ignored pixels become class 0."""
    return reference.one_hot_mask(_ignored_as(mask, ignore_index, 0), num_classes)


def one_hot_ignored_is_last(mask: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    """Ignored pixels become the last class."""
    return reference.one_hot_mask(_ignored_as(mask, ignore_index, num_classes - 1), num_classes)


def one_hot_ignores_nothing(mask: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    """A class that is ignored is marked like any other; a label that is no class has no mask."""
    return reference.one_hot_mask(_without_others(mask, num_classes), num_classes, NO_CLASS)


def one_hot_ignored_is_one(mask: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    """Ignored pixels are 1 in all classes."""
    found = reference.one_hot_mask(mask, num_classes, ignore_index)
    return found + (found.sum(1, keepdim=True) == 0)


def _ignored_as(mask: Tensor, ignore_index: int | None, label: int) -> Tensor:
    labels = mask.long()
    return labels if ignore_index is None else labels.where(labels != ignore_index, label)


def _without_others(mask: Tensor, num_classes: int) -> Tensor:
    labels = mask.long()
    return labels.where((labels >= 0) & (labels < num_classes), NO_CLASS)


# ---------------------------------------------------------------------------------------------- cross-entropy


def _ce(log_prob: Callable[[Tensor], Tensor], reduce: Callable[[Tensor, Tensor], Tensor] | None = None) -> Loss:
    """Return a loss from log-probabilities ``(N, K, H, W)`` and a mean over pixels, one of which is wrong."""

    def loss(logits: Tensor, target: Tensor, ignore_index: int = 255) -> Tensor:
        labels = target.long()
        counted = labels != ignore_index
        picked = log_prob(logits.double()).gather(1, labels.where(counted, 0).unsqueeze(1)).squeeze(1)
        losses = -picked.where(counted, 0.0)
        return losses.sum() / counted.sum() if reduce is None else reduce(losses, counted)

    return loss


ce_sums = _ce(lambda z: z.log_softmax(1), lambda losses, counted: losses.sum())
"""The sum over pixels, not their mean."""

ce_per_image = _ce(lambda z: z.log_softmax(1), lambda losses, counted: losses.sum() / losses.shape[0])
"""The pixels are summed, and only the images averaged."""

ce_mean_of_images = _ce(
    lambda z: z.log_softmax(1), lambda losses, counted: (losses.sum((1, 2)) / counted.sum((1, 2))).mean()
)
"""Each image has a mean of its own, and the images are averaged."""

ce_ignored_in_denominator = _ce(lambda z: z.log_softmax(1), lambda losses, counted: losses.sum() / losses.numel())
"""Ignored pixels are counted in the denominator."""

ce_over_batch = _ce(lambda z: z.log_softmax(0))
"""The softmax runs over the batch."""

ce_over_rows = _ce(lambda z: z.log_softmax(2))
"""The softmax runs over the height."""

ce_over_columns = _ce(lambda z: z.log_softmax(3))
"""The softmax runs over the width."""

ce_over_everything = _ce(lambda z: z.flatten(1).log_softmax(1).reshape(z.shape))
"""The softmax runs over classes and pixels together."""

ce_twice = _ce(lambda z: z.softmax(1).log_softmax(1))
"""The softmax is taken twice."""

ce_negative = _ce(lambda z: -z.log_softmax(1))
"""The minus is missing."""

ce_in_bits = _ce(lambda z: z.log_softmax(1) / math.log(2))
"""The logarithm has base 2."""

ce_without_log = _ce(lambda z: z.softmax(1))
"""The negative probability, without a logarithm."""

ce_of_logits = _ce(lambda z: z)
"""The negative logit, without softmax."""

ce_over_classes = _ce(lambda z: z.log_softmax(1) / z.shape[1])
"""The mean runs over the classes too."""

ce_of_nothing_is_zero = _ce(lambda z: z.log_softmax(1), lambda losses, counted: losses.sum() / counted.sum().clamp(1))
"""The mean of no pixel is 0."""

ce_log_of_softmax = _ce(lambda z: z.softmax(1).log())
"""The logarithm is taken of a probability that has become 0."""

ce_overflows = _ce(lambda z: (z.exp() / z.exp().sum(1, keepdim=True)).log())
"""The exponential overflows."""


def ce_with_epsilon(epsilon: float) -> Loss:
    """Return the mistake of adding ``epsilon`` in the logarithm, or of clamping there."""
    return _ce(lambda z: (z.softmax(1) + epsilon).log())


def ce_reshaped(logits: Tensor, target: Tensor, ignore_index: int = 255) -> Tensor:
    """``(N, K, H, W)`` is reshaped into rows of K numbers without moving the classes to the end."""
    rows = logits.double().contiguous().reshape(-1, logits.shape[1])[:, :, None, None]
    return reference.segmentation_cross_entropy(rows, target.reshape(-1, 1, 1), ignore_index)


def ce_swapped(logits: Tensor, target: Tensor, ignore_index: int = 255) -> Tensor:
    """``transpose(1, 3)``: height and width of the logits are swapped."""
    rows = logits.double().transpose(1, 3).reshape(-1, logits.shape[1])[:, :, None, None]
    return reference.segmentation_cross_entropy(rows, target.reshape(-1, 1, 1), ignore_index)


def ce_ignored_is_zero(logits: Tensor, target: Tensor, ignore_index: int = 255) -> Tensor:
    """Ignored pixels are counted as class 0."""
    return reference.segmentation_cross_entropy(logits.double(), _ignored_as(target, ignore_index, 0), NO_CLASS)


def ce_ignored_is_last(logits: Tensor, target: Tensor, ignore_index: int = 255) -> Tensor:
    """Ignored pixels are counted as the last class."""
    labels = _ignored_as(target, ignore_index, logits.shape[1] - 1)
    return reference.segmentation_cross_entropy(logits.double(), labels, NO_CLASS)


def ce_ignores_nothing(logits: Tensor, target: Tensor, ignore_index: int = 255) -> Tensor:
    """A class that is ignored counts like any other; a label that is no class has no mask."""
    return reference.segmentation_cross_entropy(logits.double(), _without_others(target, logits.shape[1]), NO_CLASS)


def ce_is_bce(logits: Tensor, target: Tensor, ignore_index: int = 255) -> Tensor:
    """A sigmoid and a binary cross-entropy of each class, averaged."""
    one_hot = reference.one_hot_mask(target, logits.shape[1], ignore_index).double()
    losses = F.binary_cross_entropy_with_logits(logits.double(), one_hot, reduction="none").mean(1)
    counted = target.long() != ignore_index
    return losses.where(counted, 0.0).sum() / counted.sum()


# ---------------------------------------------------------------------------------------------- soft overlaps


def _iou(i: Tensor, p: Tensor, t: Tensor, s: float) -> Tensor:
    return (i + s) / (p + t - i + s)


def _dice(i: Tensor, p: Tensor, t: Tensor, s: float) -> Tensor:
    return (2 * i + s) / (p + t + s)


RATIOS = {"iou": _iou, "dice": _dice}


def _mean(value: Tensor, present: Tensor, t: Tensor) -> Tensor:
    return value.where(present, 0.0).sum() / present.sum().clamp(min=1)


def soft(
    kind: str,
    *,
    probability: Callable[[Tensor, str], Tensor] | None = None,
    ratio: Callable[[Tensor, Tensor, Tensor, float], Tensor] | None = None,
    average: Callable[[Tensor, Tensor, Tensor], Tensor] = _mean,
    pooled: bool = False,
    power: int = 1,
    first: int = 0,
    ignored: str = "out",
    smoothing: Callable[[float], float] = lambda smooth: smooth,
    outcome: Callable[[Tensor], Tensor] = lambda overlap: 1 - overlap,
) -> Loss:
    """Return a soft loss with a mistake.

    Args:
        kind: ``iou`` or ``dice``.
        probability: of logits ``(N, K, H, W)`` and a mode.
        ratio: of the intersection, the sums of p and of t, and ``smooth``.
        average: of the overlaps of pairs ``(N, K)``, where a class is present, and its number of pixels.
        pooled: sums run over the batch.
        power: of p and t in the sums.
        first: the first class that counts, if not binary.
        ignored: ``out`` of all sums, ``in p``, ``zero`` (as class 0) or ``counted``.
        smoothing: of ``smooth``.
        outcome: of the mean overlap.
    """

    def loss(
        logits: Tensor, target: Tensor, mode: str = "multiclass", smooth: float = 0.0, ignore_index: int | None = None
    ) -> Tensor:
        z = logits.double()
        if mode == "binary":
            z = z if z.dim() == 4 else z.unsqueeze(1)
            target = target.reshape(z.shape[0], *z.shape[2:])
        labels = target.long()
        if ignored in ("zero", "counted"):
            labels, skipped = (_ignored_as(labels, ignore_index, 0) if ignored == "zero" else labels), None
        else:
            skipped = ignore_index
        counted = torch.ones_like(labels, dtype=torch.bool) if skipped is None else labels != skipped
        num_classes = 2 if mode == "binary" else z.shape[1]
        t = reference.one_hot_mask(labels, num_classes, skipped).double()[:, 1 if mode == "binary" else first :]
        p = (probability or plain)(z, mode)[:, 0 if mode == "binary" else first :]
        if ignored != "in p":
            p = p.where(counted.unsqueeze(1), 0.0)
        dims = (0, 2, 3) if pooled else (2, 3)
        i, p_sum, t_sum = (p * t).sum(dims), p.pow(power).sum(dims), t.sum(dims)
        overlap = (ratio or RATIOS[kind])(i, p_sum, t_sum, smoothing(smooth))
        return outcome(average(overlap, t_sum > 0, t_sum))

    return loss


def plain(z: Tensor, mode: str) -> Tensor:
    """Return the right probabilities."""
    return z.sigmoid() if mode == "binary" else z.softmax(1)


def unchanged(z: Tensor, mode: str) -> Tensor:
    """Logits are used as probabilities."""
    return z


def twice(z: Tensor, mode: str) -> Tensor:
    """Sigmoid or softmax is applied twice."""
    return plain(plain(z, mode), mode)


def sigmoids(z: Tensor, mode: str) -> Tensor:
    """A sigmoid for each class."""
    return z.sigmoid()


def softmax_always(z: Tensor, mode: str) -> Tensor:
    """A softmax over a single channel, which is 1."""
    return z.softmax(1)


def over(dim: int) -> Callable[[Tensor, str], Tensor]:
    """Return the mistake of a softmax over another dimension."""
    return lambda z, mode: z.sigmoid() if mode == "binary" else z.softmax(dim)


def hard(z: Tensor, mode: str) -> Tensor:
    """Masks of 0 and 1, from the argmax or the threshold 1/2."""
    if mode == "binary":
        return (z > 0).double()
    return F.one_hot(z.argmax(1), z.shape[1]).movedim(-1, 1).double()


def without_two(i: Tensor, p: Tensor, t: Tensor, s: float) -> Tensor:
    """Dice without the 2."""
    return (i + s) / (p + t + s)


def two_over_union(i: Tensor, p: Tensor, t: Tensor, s: float) -> Tensor:
    """Twice the intersection over the union."""
    return (2 * i + s) / (p + t - i + s)


def smooth_doubled(i: Tensor, p: Tensor, t: Tensor, s: float) -> Tensor:
    """``smooth`` is inside the doubled numerator of Dice."""
    return 2 * (i + s) / (p + t + s)


def smooth_below(kind: str) -> Callable[[Tensor, Tensor, Tensor, float], Tensor]:
    """Return the mistake of adding ``smooth`` to the denominator only."""
    factor = {"iou": 1, "dice": 2}[kind]
    return lambda i, p, t, s: factor * i / (p + t - (i if kind == "iou" else 0) + s)


def smooth_above(kind: str) -> Callable[[Tensor, Tensor, Tensor, float], Tensor]:
    """Return the mistake of adding ``smooth`` to the numerator only."""
    factor = {"iou": 1, "dice": 2}[kind]
    return lambda i, p, t, s: (factor * i + s) / (p + t - (i if kind == "iou" else 0))


def over_total(i: Tensor, p: Tensor, t: Tensor, s: float) -> Tensor:
    """The intersection over the sum of both masks: it is counted twice."""
    return (i + s) / (p + t + s)


def over_target(i: Tensor, p: Tensor, t: Tensor, s: float) -> Tensor:
    """The intersection over the true mask."""
    return (i + s) / (t + s)


def absent_is(value: float) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Return the mistake of giving an absent class an overlap of its own."""
    return lambda overlap, present, t: overlap.where(present, value).mean()


def absent_counts(overlap: Tensor, present: Tensor, t: Tensor) -> Tensor:
    """An absent class counts with what its formula gives."""
    return overlap.mean()


def absent_in_batch(overlap: Tensor, present: Tensor, t: Tensor) -> Tensor:
    """A class is left out only if it is absent from the whole batch."""
    kept = present.any(0, keepdim=True).expand_as(present)
    return overlap.nan_to_num(0.0).where(kept, 0.0).sum() / kept.sum().clamp(min=1)


def per_sample(overlap: Tensor, present: Tensor, t: Tensor) -> Tensor:
    """Each sample has a mean of its own, and the samples are averaged."""
    return (overlap.where(present, 0.0).sum(-1) / present.sum(-1).clamp(min=1)).mean()


def per_class(overlap: Tensor, present: Tensor, t: Tensor) -> Tensor:
    """Each class has a mean of its own over samples, and the classes are averaged."""
    means = overlap.where(present, 0.0).sum(0) / present.sum(0).clamp(min=1)
    return means.sum() / present.any(0).sum().clamp(min=1)


def by_size(overlap: Tensor, present: Tensor, t: Tensor) -> Tensor:
    """Large classes weigh more."""
    return (overlap.where(present, 0.0) * t).sum() / t.sum().clamp(min=1)


def summed(overlap: Tensor, present: Tensor, t: Tensor) -> Tensor:
    """The overlaps are summed."""
    return overlap.where(present, 0.0).sum()


def ratio_of_all_sums(kind: str) -> Loss:
    """Return the mistake of pooling classes, too (micro)."""

    def loss(
        logits: Tensor, target: Tensor, mode: str = "multiclass", smooth: float = 0.0, ignore_index: int | None = None
    ) -> Tensor:
        def pooled(i: Tensor, p: Tensor, t: Tensor, s: float) -> Tensor:
            return RATIOS[kind](i.sum(), p.sum(), t.sum(), s).expand_as(t)

        found: Tensor = soft(kind, ratio=pooled)(logits, target, mode, smooth, ignore_index)
        return found

    return loss


# ---------------------------------------------------------------------------------------------- counts and metrics


def confusion_transposed(pred: Tensor, target: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    """Rows are the prediction."""
    return reference.confusion_matrix(pred, target, num_classes, ignore_index).t()


def confusion_ignores_nothing(
    pred: Tensor, target: Tensor, num_classes: int, ignore_index: int | None = None
) -> Tensor:
    """A class that is ignored counts like any other; a label that is no class has no row."""
    return reference.confusion_matrix(pred, _without_others(target, num_classes), num_classes, NO_CLASS)


def confusion_ignored_as(label: int) -> Callable[..., Tensor]:
    """Return the mistake of counting ignored pixels as class ``label``, from the end if negative."""

    def confusion(pred: Tensor, target: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
        target = _ignored_as(target, ignore_index, label % num_classes)
        return reference.confusion_matrix(pred.long().clamp(0, num_classes - 1), target, num_classes)

    return confusion


def confusion_ignores_pred(pred: Tensor, target: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    """Pixels that are predicted as ``ignore_index`` are left out, too."""
    if ignore_index is None:
        return reference.confusion_matrix(pred, target, num_classes)
    kept = (target != ignore_index) & (pred != ignore_index)
    return reference.confusion_matrix(pred[kept], target[kept], num_classes)


def confusion_of_shares(pred: Tensor, target: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    """Rows are divided by their sums."""
    counts = reference.confusion_matrix(pred, target, num_classes, ignore_index).double()
    return counts / counts.sum(1, keepdim=True)


def confusion_infers(pred: Tensor, target: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    """The number of classes is inferred from the masks."""
    kept = target != ignore_index if ignore_index is not None else torch.ones_like(target, dtype=torch.bool)
    found = int(torch.cat([pred[kept].long(), target[kept].long()]).max()) + 1
    return reference.confusion_matrix(pred, target, found, ignore_index)


def confusion_of_presence(pred: Tensor, target: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    """Each pair counts once: ``matrix[target, pred] += 1`` without accumulating."""
    return reference.confusion_matrix(pred, target, num_classes, ignore_index).clamp(max=1)


def metrics(
    confusion: Callable[..., Tensor] = reference.confusion_matrix, **faults: Callable[[Tensor, dict[str, Any]], Any]
) -> Metrics:
    """Return metrics with a mistake: from a wrong matrix, or with wrong entries made from it and the right ones."""

    def faulty(pred: Tensor, target: Tensor, num_classes: int, ignore_index: int | None = None) -> dict[str, Any]:
        n = confusion(pred, target, num_classes, ignore_index).double()
        tp, num_true, num_pred = n.diagonal(), n.sum(1), n.sum(0)
        iou, dice = tp / (num_true + num_pred - tp), 2 * tp / (num_true + num_pred)
        right: dict[str, Any] = {
            "pixel_accuracy": float(tp.sum() / n.sum()),
            "iou": iou,
            "dice": dice,
            "precision": tp / num_pred,
            "recall": tp / num_true,
        }
        entries = right | {name: fault(n, right) for name, fault in faults.items() if not name.startswith("mean")}
        entries |= {"mean_iou": float(entries["iou"].nanmean()), "mean_dice": float(entries["dice"].nanmean())}
        return entries | {name: fault(n, entries) for name, fault in faults.items() if name.startswith("mean")}

    return faulty


def _negatives(n: Tensor) -> Tensor:
    return n.sum() - n.sum(0) - n.sum(1) + n.diagonal()


def _over_classes(change: Callable[[Tensor], Tensor]) -> Metrics:
    return metrics(
        mean_iou=lambda n, m: float(change(m["iou"]).mean()), mean_dice=lambda n, m: float(change(m["dice"]).mean())
    )


def _vectors(change: Callable[[Tensor], Tensor]) -> Metrics:
    names = ("iou", "dice", "precision", "recall")
    return metrics(**{name: (lambda n, m, name=name: change(m[name])) for name in names})


metrics_accuracy_with_negatives = metrics(
    pixel_accuracy=lambda n, m: float(((n.diagonal() + _negatives(n)) / n.sum()).mean())
)
metrics_accuracy_is_recall = metrics(pixel_accuracy=lambda n, m: float(m["recall"].nanmean()))
metrics_accuracy_without_background = metrics(pixel_accuracy=lambda n, m: float(n.diagonal()[1:].sum() / n[1:].sum()))
metrics_accuracy_is_count = metrics(pixel_accuracy=lambda n, m: float(n.diagonal().sum()))
metrics_accuracy_in_percent = metrics(pixel_accuracy=lambda n, m: 100 * m["pixel_accuracy"])
metrics_dice_without_two = metrics(dice=lambda n, m: n.diagonal() / (n.sum(0) + n.sum(1)))
metrics_dice_is_iou = metrics(dice=lambda n, m: m["iou"])
metrics_dice_over_union = metrics(dice=lambda n, m: 2 * m["iou"])
metrics_dice_micro = metrics(mean_dice=lambda n, m: m["pixel_accuracy"])
metrics_iou_micro = metrics(mean_iou=lambda n, m: float(n.diagonal().sum() / (2 * n.sum() - n.diagonal().sum())))
metrics_iou_is_dice = metrics(iou=lambda n, m: m["dice"])
metrics_iou_over_total = metrics(iou=lambda n, m: n.diagonal() / (n.sum(0) + n.sum(1)))
metrics_iou_is_recall = metrics(iou=lambda n, m: m["recall"])
metrics_precision_recall_swapped = metrics(precision=lambda n, m: m["recall"], recall=lambda n, m: m["precision"])
metrics_transposed = metrics(confusion_transposed)
metrics_of_all_pixels = metrics(
    precision=lambda n, m: n.diagonal() / n.sum(), recall=lambda n, m: n.diagonal() / n.sum()
)
metrics_absent_is_zero = _over_classes(lambda values: values.nan_to_num(0.0))
metrics_absent_is_one = _over_classes(lambda values: values.nan_to_num(1.0))
metrics_absent_is_nan = _over_classes(lambda values: values)
metrics_vectors_zero = _vectors(lambda values: values.nan_to_num(0.0))
metrics_vectors_one = _vectors(lambda values: values.nan_to_num(1.0))
metrics_zeros_left_out = _over_classes(lambda values: values[values > 0])
metrics_without_background = _over_classes(lambda values: values[1:][~values[1:].isnan()])
metrics_iou_by_frequency = metrics(
    mean_iou=lambda n, m: float((n.sum(1) * m["iou"].nan_to_num(0.0)).sum() / n.sum()),
    mean_dice=lambda n, m: float((n.sum(1) * m["dice"].nan_to_num(0.0)).sum() / n.sum()),
)
metrics_dice_of_mean_iou = metrics(mean_dice=lambda n, m: 2 * m["mean_iou"] / (1 + m["mean_iou"]))
metrics_ignores_nothing = metrics(confusion_ignores_nothing)
metrics_ignored_is_zero = metrics(confusion_ignored_as(0))
metrics_ignored_is_last = metrics(confusion_ignored_as(-1))


def metrics_counts_ignored(
    pred: Tensor, target: Tensor, num_classes: int, ignore_index: int | None = None
) -> dict[str, Any]:
    """Ignored pixels are in the denominator of the accuracy."""
    entries: dict[str, Any] = dict(reference.segmentation_metrics(pred, target, num_classes, ignore_index))
    n = reference.confusion_matrix(pred, target, num_classes, ignore_index)
    return entries | {"pixel_accuracy": float(n.diagonal().sum() / target.numel())}


def metrics_nothing_is_zero(
    pred: Tensor, target: Tensor, num_classes: int, ignore_index: int | None = None
) -> dict[str, Any]:
    """Without a pixel that counts, numbers are 0."""
    found: dict[str, Any] = dict(reference.segmentation_metrics(pred, target, num_classes, ignore_index))
    return {k: v if isinstance(v, Tensor) else (0.0 if math.isnan(v) else v) for k, v in found.items()}


# ---------------------------------------------------------------------------------------------- networks


@functools.cache
def state_of(kind: str, *args: Any) -> dict[str, Tensor]:
    """Return weights with which every layer matters, float64, by name."""
    with torch.device("meta"):
        shapes = {name: tuple(entry.shape) for name, entry in getattr(reference, kind)(*args).state_dict().items()}
    generator, state = Generator().manual_seed(7), {}
    for name, shape in shapes.items():
        values = torch.randn(shape, generator=generator, dtype=torch.float64)
        is_up = name.startswith("up") and name.endswith("weight")
        fan_in = shape[0] if is_up else math.prod(shape[1:])
        state[name] = values * (1.5 / math.sqrt(fan_in)) if name.endswith("weight") else 0.3 * values
    return state


@functools.cache
def loaded(kind: str, *args: Any) -> nn.Module:
    """Return the reference's module with these weights, float64."""
    net: nn.Module = getattr(reference, kind)(*args).double().eval()
    net.load_state_dict(state_of(kind, *args))
    return net


def double_conv(
    padding: str, compute: Callable[[Any, Callable[..., Tensor], Tensor], Tensor], pad: int | None = None
) -> Callable[[Tensor], Tensor]:
    """Return a double convolution with a mistake, as a function of its input."""
    used = {"same": 1, "valid": 0}[padding] if pad is None else pad

    def faulty(x: Tensor) -> Tensor:
        net: Any = loaded("DoubleConv", x.shape[1], 4, padding)

        def conv(layer: Any, x: Tensor) -> Tensor:
            return F.conv2d(x, layer.weight, layer.bias, padding=used)

        with torch.no_grad():
            return compute(net, conv, x.double())

    return faulty


def relu_twice(net: Any, conv: Any, x: Tensor) -> Tensor:
    """The right order."""
    y: Tensor = conv(net.conv2, conv(net.conv1, x).relu()).relu()
    return y


def no_last_relu(net: Any, conv: Any, x: Tensor) -> Tensor:
    """Nothing after the second convolution."""
    y: Tensor = conv(net.conv2, conv(net.conv1, x).relu())
    return y


def no_relu_between(net: Any, conv: Any, x: Tensor) -> Tensor:
    """Nothing between the convolutions."""
    y: Tensor = conv(net.conv2, conv(net.conv1, x)).relu()
    return y


def no_relu(net: Any, conv: Any, x: Tensor) -> Tensor:
    """No activation at all."""
    y: Tensor = conv(net.conv2, conv(net.conv1, x))
    return y


def relu_first(net: Any, conv: Any, x: Tensor) -> Tensor:
    """The activation comes before each convolution."""
    y: Tensor = conv(net.conv2, conv(net.conv1, x.relu()).relu())
    return y


def one_convolution(net: Any, conv: Any, x: Tensor) -> Tensor:
    """The second convolution is not used."""
    y: Tensor = conv(net.conv1, x).relu()
    return y


def leaky(net: Any, conv: Any, x: Tensor) -> Tensor:
    """A leaky ReLU."""
    return F.leaky_relu(conv(net.conv2, F.leaky_relu(conv(net.conv1, x))))


def sigmoid_between(net: Any, conv: Any, x: Tensor) -> Tensor:
    """A sigmoid after each convolution."""
    y: Tensor = conv(net.conv2, conv(net.conv1, x).sigmoid()).sigmoid()
    return y


def residual_double(net: Any, conv: Any, x: Tensor) -> Tensor:
    """A shortcut around the second convolution."""
    y = conv(net.conv1, x).relu()
    z = conv(net.conv2, y)
    cut = (y.shape[2] - z.shape[2]) // 2
    found: Tensor = (z + y[:, :, cut : y.shape[2] - cut, cut : y.shape[3] - cut]).relu()
    return found


def centred(skip: Tensor, up: Tensor) -> Tensor:
    """Return the centre of a skip."""
    return _cut(skip, up, (skip.shape[2] - up.shape[2]) // 2, (skip.shape[3] - up.shape[3]) // 2)


def at_top_left(skip: Tensor, up: Tensor) -> Tensor:
    """The top left corner of the skip is taken."""
    return _cut(skip, up, 0, 0)


def at_bottom_right(skip: Tensor, up: Tensor) -> Tensor:
    """The bottom right corner of the skip is taken."""
    return _cut(skip, up, skip.shape[2] - up.shape[2], skip.shape[3] - up.shape[3])


def resized(skip: Tensor, up: Tensor) -> Tensor:
    """The skip is resized."""
    return F.interpolate(skip, size=up.shape[2:], mode="bilinear", align_corners=False)


def nearest(skip: Tensor, up: Tensor) -> Tensor:
    """The skip is resized to the nearest pixels."""
    return F.interpolate(skip, size=up.shape[2:])


def _cut(skip: Tensor, up: Tensor, top: int, left: int) -> Tensor:
    return skip[:, :, top : top + up.shape[2], left : left + up.shape[3]]


def joined(skip: Tensor, up: Tensor) -> Tensor:
    """Return the skip, and what comes up behind it."""
    return torch.cat([skip, up], 1)


def joined_backwards(skip: Tensor, up: Tensor) -> Tensor:
    """What comes up stands before the skip."""
    return torch.cat([up, skip], 1)


def joined_without_skip(skip: Tensor, up: Tensor) -> Tensor:
    """The skip is left out: zeros stand in its place."""
    return torch.cat([torch.zeros_like(up), up], 1)


def joined_to_itself(skip: Tensor, up: Tensor) -> Tensor:
    """What comes up is doubled."""
    return torch.cat([up, up], 1)


def unet(
    padding: str = "same",
    *,
    pool: Callable[[Tensor], Tensor] = lambda x: F.max_pool2d(x, 2),
    crop: Callable[[Tensor, Tensor], Tensor] = centred,
    join: Callable[[Tensor, Tensor], Tensor] = joined,
    outcome: Callable[[Tensor], Tensor] = lambda x: x,
    raised: Callable[[Tensor], Tensor] = lambda x: x,
    pooled_skip: bool = False,
    pad: int | None = None,
    levels: Sequence[int] = (0, 1, 2, 3),
    fill: bool = False,
    blocks: Callable[[Any, Any, Tensor], Tensor] = relu_twice,
    kind: tuple[int, int, int] = (3, 4, 2),
) -> Callable[[Tensor], Tensor]:
    """Return a U-Net with a mistake, as a function of its input."""
    used = {"same": 1, "valid": 0}[padding] if pad is None else pad

    def conv(layer: Any, x: Tensor) -> Tensor:
        return F.conv2d(x, layer.weight, layer.bias, padding=used)

    def faulty(x: Tensor) -> Tensor:
        net: Any = loaded("UNet", x.shape[1], *kind[1:], padding)
        with torch.no_grad():
            x, skips = x.double(), []
            for block in (net.enc1, net.enc2, net.enc3, net.enc4):
                found = blocks(block, conv, x)
                x = pool(found)
                skips.append(F.interpolate(x, scale_factor=2) if pooled_skip else found)
            x = blocks(net.bottleneck, conv, x)
            ups = ((net.up4, net.dec4), (net.up3, net.dec3), (net.up2, net.dec2), (net.up1, net.dec1))
            for (up, block), level in zip(ups, levels[::-1], strict=True):
                x = raised(up(x))
                skip = skips[level]
                if fill:
                    sides = [(a - b) // 2 for a, b in zip(skip.shape[2:], x.shape[2:], strict=True)]
                    x = F.pad(x, (sides[1], sides[1], sides[0], sides[0]))
                x = blocks(block, conv, join(crop(skip, x), x))
            return outcome(net.head(x))

    return faulty


def softmaxed(x: Tensor) -> Tensor:
    """The net ends with a softmax."""
    return x.softmax(1)


def log_softmaxed(x: Tensor) -> Tensor:
    """The net ends with a log-softmax."""
    return x.log_softmax(1)


def rectified(x: Tensor) -> Tensor:
    """There is a ReLU behind it."""
    return x.relu()


def squashed(x: Tensor) -> Tensor:
    """The net ends with a sigmoid."""
    return x.sigmoid()


def averaged(x: Tensor) -> Tensor:
    """Average pooling."""
    return F.avg_pool2d(x, 2)


def every_other(x: Tensor) -> Tensor:
    """Every other pixel is taken, without pooling."""
    return x[:, :, ::2, ::2]
