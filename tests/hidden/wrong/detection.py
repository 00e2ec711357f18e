"""The classic mistakes about boxes, grids of objects and non-maximum suppression, with the student's signatures.

Written for one purpose: when a check fails, these run on the same inputs, and the one whose output equals the student's
is named in the report. They are wrong by design. Many are made by a factory: one plain computation with a switch for
each thing that can go wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from reference import detection as reference

Encoded = tuple[Tensor, Tensor, Tensor]
Decoded = tuple[Tensor, Tensor, Tensor]
Size = tuple[int, int]

SWAP = [0, 2, 1, 3]  # xxyy and xyxy differ by this


# ---------------------------------------------------------------------------------------------- formats


def convert_as_if(**taken_for: str) -> Callable[[Tensor, str, str], Tensor]:
    """Return a conversion that takes a format for another one, wherever it occurs."""

    def convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
        formats = (taken_for.get(in_fmt, in_fmt), taken_for.get(out_fmt, out_fmt))
        return reference.box_convert(boxes, *formats)

    return convert


def convert_back(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """``in_fmt`` and ``out_fmt`` are swapped."""
    return reference.box_convert(boxes, out_fmt, in_fmt)


def convert_nothing(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """The boxes come back as they are."""
    return boxes


def convert_with(
    plus_one: bool = False, halved: bool = True, ordered: bool = False, absolute: bool = False, whole: bool = False
) -> Callable[[Tensor, str, str], Tensor]:
    """Return a conversion over xyxy in which a step goes wrong."""

    def convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
        extra = 1.0 if plus_one else 0.0
        a, b, c, d = boxes.double().unbind(-1)
        if in_fmt == "xywh":
            a, b, c, d = a, b, a + c - extra, b + d - extra
        elif in_fmt == "cxcywh":
            half = 2.0 if halved else 1.0
            a, b, c, d = a - c / half, b - d / half, a + c / half, b + d / half
        elif in_fmt == "xxyy":
            a, b, c, d = a, c, b, d
        if ordered:
            a, b, c, d = torch.minimum(a, c), torch.minimum(b, d), torch.maximum(a, c), torch.maximum(b, d)
        w, h = c - a + extra, d - b + extra
        if absolute:
            w, h = w.abs(), h.abs()
        centre = ((a + c) / 2, (b + d) / 2)
        if whole:
            centre = (centre[0].floor(), centre[1].floor())
        if out_fmt == "cxcywh" and not halved:
            centre = (a + w, b + h)
        rows = {"xyxy": (a, b, c, d), "xywh": (a, b, w, h), "cxcywh": (*centre, w, h), "xxyy": (a, c, b, d)}
        return torch.stack(rows[out_fmt], -1)

    return convert


# ---------------------------------------------------------------------------------------------- areas and borders


def area_of_xxyy(boxes_xyxy: Tensor) -> Tensor:
    """The boxes are read as xxyy."""
    return reference.box_area(boxes_xyxy[..., SWAP])


def area_of_sizes(boxes_xyxy: Tensor) -> Tensor:
    """The boxes are read as corner and size."""
    return boxes_xyxy[..., 2:].double().prod(-1)


def area_plus_one(boxes_xyxy: Tensor) -> Tensor:
    """Sides are computed with ``+ 1``."""
    return (boxes_xyxy[..., 2:].double() - boxes_xyxy[..., :2].double() + 1).prod(-1)


def area_signed(boxes_xyxy: Tensor) -> Tensor:
    """Sides are not clamped: an inverted box has a negative area, or a positive one."""
    return (boxes_xyxy[..., 2:].double() - boxes_xyxy[..., :2].double()).prod(-1)


def area_clamped_late(boxes_xyxy: Tensor) -> Tensor:
    """The area is clamped, and not each side."""
    return area_signed(boxes_xyxy).clamp(min=0)


def area_absolute(boxes_xyxy: Tensor) -> Tensor:
    """Inverted boxes are turned round."""
    return area_signed(boxes_xyxy).abs()


def area_is_perimeter(boxes_xyxy: Tensor) -> Tensor:
    """The sides are added, not multiplied."""
    return 2 * (boxes_xyxy[..., 2:].double() - boxes_xyxy[..., :2].double()).sum(-1)


def clip_with(
    swapped: bool = False, last_pixel: bool = False, xxyy: bool = False, upper: bool = True, lower: bool = True
) -> Callable[[Tensor, Size], Tensor]:
    """Return a clipping in which a step goes wrong."""

    def clip(boxes_xyxy: Tensor, size: Size) -> Tensor:
        height, width = reversed(size) if swapped else size
        off = 1 if last_pixel else 0
        top = torch.tensor([width, width, height, height] if xxyy else [width, height, width, height]).double() - off
        wide = boxes_xyxy.double()
        wide = wide.clamp(min=0) if lower else wide
        return torch.minimum(wide, top.expand_as(wide)) if upper else wide

    return clip


def clip_drops(boxes_xyxy: Tensor, size: Size) -> Tensor:
    """Boxes that have no area left are taken out."""
    clipped = reference.clip_boxes_to_image(boxes_xyxy, size)
    return clipped[reference.box_area(clipped) > 0]


def clip_normalised(boxes_xyxy: Tensor, size: Size) -> Tensor:
    """The boxes are divided by the size of the image."""
    height, width = size
    return reference.clip_boxes_to_image(boxes_xyxy, size).double() / torch.tensor([width, height, width, height])


# ---------------------------------------------------------------------------------------------- one object


def box_loss_with(
    per_box: str = "sum",
    always: str = "",
    batch: str = "",
    root: bool = False,
    half: bool = True,
    offset: bool = True,
    swapped: bool = False,
) -> Callable[..., Tensor]:
    """Return a box loss in which a step goes wrong.

    Args:
        per_box: how the four coordinates are put together, ``sum`` or ``mean``.
        always: the kind that is computed whatever was asked for.
        batch: the reduction that is made whatever was asked for.
        root: whether the square root of ``se`` is taken.
        half: whether the square of ``smooth_l1`` is halved.
        offset: whether its line is lowered by 1/2.
        swapped: whether its two branches are swapped.
    """

    def loss(pred: Tensor, target: Tensor, kind: str = "se", reduction: str = "mean") -> Tensor:
        d = pred.double() - target.double()
        which = always or kind
        if which == "se":
            each = d.square()
        elif which == "l1":
            each = d.abs()
        else:
            square, line = d.square() / (2 if half else 1), d.abs() - (0.5 if offset else 0)
            each = torch.where((d.abs() < 1) != swapped, square, line)
        rows = each.sum(1) if per_box == "sum" else each.mean(1)
        if root and which == "se":
            rows = rows.sqrt()
        how = batch or reduction
        return rows if how == "none" else rows.sum() if how == "sum" else rows.mean()

    return loss


def both_losses_with(
    lam_box: Callable[[float], float] = lambda lam: lam,
    lam_class: Callable[[float], float] = lambda lam: 1.0,
    probabilities: bool = False,
    squared: bool = False,
    sigmoid: bool = False,
    summed: bool = False,
    box_first: bool = False,
    rest: bool = False,
    **box_loss: Any,
) -> Callable[..., Tensor]:
    """Return the loss of class and box in which a step goes wrong."""

    def loss(output: Tensor, class_target: Tensor, box_target: Tensor, lam: float = 1.0, kind: str = "se") -> Tensor:
        wide, c = output.double(), class_target.long()[:, None]
        logits, box = (wide[:, 4:], wide[:, :4]) if box_first else (wide[:, :-4], wide[:, -4:])
        if rest:  # the coordinates take part in the softmax
            logits = wide
        if sigmoid:
            box = box.sigmoid()
        if squared:
            one_hot = torch.zeros_like(logits).scatter(1, c, 1.0)
            class_loss = (logits.softmax(1) - one_hot).square().sum(1)
        else:
            log_prob = (logits.softmax(1) if probabilities else logits).log_softmax(1)
            class_loss = -log_prob.gather(1, c).squeeze(1)
        box_part = box_loss_with(**box_loss)(box, box_target, kind, "none")
        rows = lam_class(lam) * class_loss + lam_box(lam) * box_part
        return rows.sum() if summed else rows.mean()

    return loss


# ---------------------------------------------------------------------------------------------- the grid


def encode_with(
    xyxy: bool = False,
    transposed: bool = False,
    corner: bool = False,
    rounded: bool = False,
    lower_line: bool = False,
    wrapped: bool = False,
    outside_lost: bool = False,
    sizes: str = "HW",
    scale: str = "WWHH",
    stored: str = "xxyy",
    slot: str = "first",
    first_class: int = 0,
    background: int = 0,
    clipped: bool = False,
) -> Callable[..., Encoded]:
    """Return an encoding in which a step goes wrong.

    Args:
        xyxy: whether the boxes are read as xyxy, and stored like that.
        transposed: whether the first dimension is the column.
        corner: whether the cell is that of the upper left corner.
        rounded: whether the place of the centre is rounded to the nearest cell.
        lower_line: whether a centre on a line belongs to the lower cell.
        wrapped: whether cell S is taken for cell 0.
        outside_lost: whether objects in cell S are left out.
        sizes: ``HW``, or ``WH`` if height and width are confused.
        scale: what each coordinate is divided by; ``1111`` leaves pixels.
        stored: the format in which boxes are stored; ``cell`` is a place within the cell.
        slot: ``first`` free one, ``last`` free one, ``all``, or always the same one (``same``).
        first_class: the number of the first class.
        background: the class of empty slots, if it is not 0.
        clipped: whether boxes are clipped to the image.
    """

    def encode(boxes_xxyy: Tensor, labels: Tensor, S: int, B: int, C: int, image_size: Size) -> Encoded:
        height, width = image_size if sizes == "HW" else reversed(image_size)
        obj, box = torch.zeros(S, S, B).double(), torch.zeros(S, S, B, 4).double()
        cls = torch.full((S, S, B), background)
        used: dict[tuple[int, int], int] = {}
        for row_of_numbers, label in zip(boxes_xxyy.double().tolist(), labels.tolist(), strict=True):
            x1, x2, y1, y2 = (row_of_numbers[i] for i in SWAP) if xyxy else row_of_numbers
            if clipped:
                x1, x2 = (min(max(x, 0.0), width) for x in (x1, x2))
                y1, y2 = (min(max(y, 0.0), height) for y in (y1, y2))
            xc, yc = (x1, y1) if corner else ((x1 + x2) / 2, (y1 + y2) / 2)
            cell = []
            for centre, side in ((yc, height), (xc, width)):
                place = S * centre / side
                number = round(place) if rounded else math.ceil(place) - 1 if lower_line else math.floor(place)
                cell.append(number % S if wrapped else number)
            if outside_lost and not all(0 <= number < S for number in cell):
                continue
            row, column = (min(max(number, 0), S - 1) for number in cell)
            if transposed:
                row, column = column, row
            divisors = {"W": float(image_size[1]), "H": float(image_size[0]), "1": 1.0}
            values = [v / divisors[s] for v, s in zip(row_of_numbers if not clipped else (x1, x2, y1, y2), scale)]  # noqa: B905
            if stored == "cell":
                values = [S * v - n for v, n in zip(values, (column, column, row, row), strict=True)]
            elif stored != "xxyy":
                values = reference.box_convert(torch.tensor(values).double(), "xxyy", stored).tolist()
            count = used.get((row, column), 0)
            used[row, column] = count + 1
            b = slice(None)
            if slot != "all":
                start = {"first": min(count, B - 1), "last": max(B - 1 - count, 0), "same": 0}[slot]
                b = slice(start, start + 1)
            obj[row, column, b] = 1
            cls[row, column, b] = int(label) + first_class
            box[row, column, b] = torch.tensor(values).double()
        return obj, cls, box

    return encode


def decode_with(
    conf: str = "sigmoid",
    classes: str = "",
    box: str = "sigmoid",
    scale: str = "WWHH",
    stored: str = "xxyy",
    multiplied: bool = False,
    ordered: bool = False,
    layout: str = "conf first",
    clamped: float = math.inf,
) -> Callable[..., Decoded]:
    """Return a decoding in which a step goes wrong; ``classes`` is what is done whatever was asked for."""
    apply: dict[str, Callable[[Tensor], Tensor]] = {
        "sigmoid": torch.sigmoid,
        "twice": lambda z: z.sigmoid().sigmoid(),
        "raw": lambda z: z,
        "clamped": lambda z: z.clamp(0, 1),
        "softmax": lambda z: z.softmax(-1),
        "softmax twice": lambda z: z.softmax(-1).softmax(-1),
        "softmax over slots": lambda z: z.softmax(-2),
        "softmax over cells": lambda z: z.flatten(1, 2).softmax(1).reshape(z.shape),
        "slots": lambda z: z.softmax(-1),
        "tanh": torch.tanh,
    }

    def decode(pred: Tensor, image_size: Size, class_activation: str = "softmax") -> Decoded:
        height, width = image_size
        wide = pred.double()
        if layout == "conf last":
            wide = wide.roll(1, -1)
        elif layout == "box first":
            wide = torch.cat((wide[..., 4:5], wide[..., 5:], wide[..., :4]), -1)
        z, scores, raw = wide[..., 0], wide[..., 1:-4], wide[..., -4:]
        if layout == "shared classes":
            scores = scores[..., :1, :].expand_as(scores)
        found = apply[conf](z)
        if classes == "with confidence":
            probs = wide[..., :-4].softmax(-1)[..., 1:]
            found = wide[..., :-4].softmax(-1)[..., 0] if conf == "softmax" else found
        else:
            probs = apply[classes or class_activation](scores)
        if multiplied:
            probs = probs * found[..., None]
        divisors = {"W": float(width), "H": float(height), "1": 1.0}
        boxes = apply[box](raw) * torch.tensor([divisors[s] for s in scale]).double()
        if ordered:
            x, y = boxes[..., :2].sort(-1).values, boxes[..., 2:].sort(-1).values
            boxes = torch.cat((x, y), -1)
        if stored != "xxyy":
            boxes = reference.box_convert(boxes, stored, "xxyy") if stored != "xyxy" else boxes[..., SWAP]
        return found, probs, boxes

    return decode


def grid_loss_with(
    conf: str = "logits",
    noobj: str = "all",
    classes: str = "logits",
    classes_everywhere: bool = False,
    boxes: str = "sigmoid",
    boxes_everywhere: bool = False,
    per_box: str = "sum",
    target_order: bool = False,
    divided: str = "images",
    lam: Callable[[float, float], tuple[float, float, float, float]] = lambda box, noobj: (1.0, noobj, 1.0, box),
) -> Callable[..., Tensor]:
    """Return a grid loss in which a step goes wrong.

    Args:
        conf: ``logits`` (right), ``twice`` (a second sigmoid), ``se`` (squared errors of the raw outputs), ``squared``
            (of probabilities), ``clamped`` (logarithms bounded at -100), ``plus`` (a small number in the logarithm).
        noobj: ``all`` (right) or ``none``: empty slots cost nothing.
        classes: ``logits`` (right), ``twice`` (a second softmax), ``squared`` or ``sigmoid`` (one question per class).
        classes_everywhere: whether empty slots pay for their class.
        boxes: ``sigmoid`` (right), ``raw``, ``root`` (square roots of the coordinates), ``root sizes``, ``l1``.
        boxes_everywhere: whether empty slots pay for their box.
        per_box: ``sum`` (right), ``mean`` of the four coordinates.
        target_order: whether the true boxes are permuted to xyxy.
        divided: by what the sum is divided: ``images`` (right), ``nothing``, ``objects``, ``slots``, ``cells``, or
            ``each`` term by the number of its entries.
        lam: the weights of the four terms.
    """

    def loss(
        pred: Tensor, obj: Tensor, cls: Tensor, box: Tensor, lam_box: float = 1.0, lam_noobj: float = 1.0
    ) -> Tensor:
        wide = pred.double()
        is_object = obj == 1
        z, scores, raw = wide[..., 0], wide[..., 1:-4], wide[..., -4:]
        each_conf = _confidence_terms(conf, z, is_object)
        labels = cls.long().clamp(0, scores.shape[-1] - 1)
        each_class = _class_terms(classes, scores, labels)
        target = box.double()[..., SWAP] if target_order else box.double()
        each_box = _box_terms(boxes, raw, target)
        each_box = each_box.sum(-1) if per_box == "sum" else each_box.mean(-1)

        everywhere = torch.ones_like(is_object)
        of_class = everywhere if classes_everywhere else is_object
        of_box = everywhere if boxes_everywhere else is_object
        weights = lam(lam_box, lam_noobj)
        masks = (is_object, ~is_object if noobj == "all" else is_object & ~is_object, of_class, of_box)
        terms = [
            values[mask].sum() for values, mask in zip((each_conf, each_conf, each_class, each_box), masks, strict=True)
        ]
        if divided == "each":
            num = obj.numel(), obj.numel(), max(int(of_class.sum()), 1), max(4 * int(of_box.sum()), 1)
            terms = [term / n for term, n in zip(terms, num, strict=True)]
        total = sum((w * term for w, term in zip(weights, terms, strict=True)), torch.zeros(()).double())
        by = {
            "images": len(pred),
            "objects": max(int(is_object.sum()), 1),
            "slots": obj.numel(),
            "cells": obj[..., 0].numel(),
        }
        return total / by.get(divided, 1)

    return loss


def _confidence_terms(conf: str, z: Tensor, is_object: Tensor) -> Tensor:
    y = is_object.double()
    if conf == "se":
        return (z - y).square()
    if conf == "squared":
        return (z.sigmoid() - y).square()
    if conf == "plain":
        return torch.where(is_object, -z.sigmoid().log(), -(1 - z.sigmoid()).log())
    if conf == "clamped":
        return torch.where(is_object, -z.sigmoid().log().clamp(min=-100), -(1 - z.sigmoid()).log().clamp(min=-100))
    if conf == "swapped":
        return torch.where(is_object, -torch.nn.functional.logsigmoid(-z), -torch.nn.functional.logsigmoid(z))
    z = z.sigmoid() if conf == "twice" else z
    return torch.where(is_object, -torch.nn.functional.logsigmoid(z), -torch.nn.functional.logsigmoid(-z))


def _class_terms(classes: str, scores: Tensor, labels: Tensor) -> Tensor:
    one_hot = torch.zeros_like(scores).scatter(-1, labels[..., None], 1.0)
    if classes == "squared":
        return (scores.softmax(-1) - one_hot).square().sum(-1)
    if classes == "sigmoid":
        signs = 2 * one_hot - 1
        return -torch.nn.functional.logsigmoid(signs * scores).sum(-1)
    scores = scores.softmax(-1) if classes == "twice" else scores
    return -(scores.log_softmax(-1) * one_hot).sum(-1)


def _box_terms(boxes: str, raw: Tensor, target: Tensor) -> Tensor:
    if boxes == "raw":
        return (raw - target).square()
    if boxes == "l1":
        return (raw.sigmoid() - target).abs()
    if boxes == "root":
        return (raw.sigmoid().sqrt() - target.sqrt()).square()
    if boxes == "root sizes":
        left, right = raw.sigmoid(), target
        sizes = [(b[..., [1, 3]] - b[..., [0, 2]]).sqrt() for b in (left, right)]
        centres = [(b[..., [1, 3]] + b[..., [0, 2]]) / 2 for b in (left, right)]
        return torch.cat([(centres[0] - centres[1]).square(), (sizes[0] - sizes[1]).square()], -1)
    return (raw.sigmoid() - target).square()


# ---------------------------------------------------------------------------------------------- suppression


def nms_with(
    rank: str = "scores",
    result: str = "indices",
    or_equal: bool = False,
    dead_suppress: bool = False,
    best_only: bool = False,
    neighbours_only: bool = False,
    last_of_ties: bool = False,
    xxyy: bool = False,
    plus_one: bool = False,
    over: str = "union",
    clamped: bool = True,
    areas: str = "clamped",
) -> Callable[[Tensor, Tensor, float], Tensor]:
    """Return a suppression in which a step goes wrong.

    Args:
        rank: ``scores`` falling (right), ``ascending``, ``area`` (largest box first), ``given`` (as they come).
        result: ``indices`` by score (right), ``sorted``, ``mask``, ``ranks`` (places in the sorted list), ``boxes``,
            ``suppressed`` ones.
        or_equal: whether an IoU equal to the threshold suppresses.
        dead_suppress: whether suppressed boxes suppress others.
        best_only: whether only the best box of all suppresses.
        neighbours_only: whether a box is compared with the last one that was kept only.
        last_of_ties: whether the higher index of equal scores comes first.
        xxyy: whether the boxes are read as xxyy.
        plus_one: whether sides are computed with ``+ 1``.
        over: the denominator, ``union`` (right), ``min`` (the smaller area) or ``sum``.
        clamped: whether the sides of the intersection are clamped.
        areas: ``clamped`` (right), ``signed`` or ``absolute``.
    """

    def suppress(boxes_xyxy: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
        boxes = boxes_xyxy.double()[:, SWAP] if xxyy else boxes_xyxy.double()
        num = len(boxes)
        iou = _ious(boxes, plus_one, over, clamped, areas).tolist()
        keys = {"scores": scores.double(), "ascending": -scores.double(), "area": reference.box_area(boxes)}
        key = keys[rank].tolist() if rank in keys else [0.0] * num
        order = sorted(range(num), key=lambda i: (-key[i], -i if last_of_ties else i))
        keep: list[int] = []
        dead: set[int] = set()
        for i in order:
            judges = order[: order.index(i)] if dead_suppress else keep
            judges = order[:1] if best_only else judges[-1:] if neighbours_only else judges
            hits = [iou[j][i] for j in judges if j != i]
            if any(hit > iou_threshold or (or_equal and hit == iou_threshold) for hit in hits):
                dead.add(i)
            else:
                keep.append(i)
        if result == "mask":
            return torch.tensor([i in keep for i in range(num)], dtype=torch.bool)
        if result == "boxes":
            return boxes_xyxy[keep]
        found = {
            "indices": keep,
            "sorted": sorted(keep),
            "ranks": [order.index(i) for i in keep],
            "suppressed": [i for i in order if i in dead],
        }
        return torch.tensor(found[result], dtype=torch.int64)

    return suppress


def _ious(boxes: Tensor, plus_one: bool, over: str, clamped: bool, areas: str) -> Tensor:
    extra = 1.0 if plus_one else 0.0
    size = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    size = (size + extra).clamp(min=0) if clamped else size + extra
    intersection = size.prod(-1)
    sides = boxes[:, 2:] - boxes[:, :2] + extra
    area = sides.clamp(min=0).prod(1) if areas == "clamped" else sides.prod(1)
    area = area.abs() if areas == "absolute" else area
    if over == "min":
        return intersection / torch.minimum(area[:, None], area[None, :])
    total = area[:, None] + area[None, :]
    return intersection / (total if over == "sum" else total - intersection)


def batched_is_plain(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """The groups are not looked at."""
    return reference.nms(boxes, scores, iou_threshold)


def batched_group_by_group(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """The kept boxes of a group follow those of the group before, and are not put in order of their scores."""
    return torch.tensor(_by_group(boxes, scores, idxs, iou_threshold, is_local=False), dtype=torch.int64)


def batched_local_indices(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """The indices count within each group."""
    return torch.tensor(_by_group(boxes, scores, idxs, iou_threshold, is_local=True), dtype=torch.int64)


def batched_sorted(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """The kept indices ascend."""
    return reference.batched_nms(boxes, scores, idxs, iou_threshold).sort().values


def batched_mask(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """A mask comes back, not indices."""
    mask = torch.zeros(len(boxes), dtype=torch.bool)
    mask[reference.batched_nms(boxes, scores, idxs, iou_threshold)] = True
    return mask


def batched_with_offset(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """Each group is shifted by its number times the largest coordinate: with negative ones groups still overlap."""
    wide = boxes.double()
    shift = idxs.double() * (wide.max() + 1 if len(wide) else torch.zeros(()))
    return reference.nms(wide + shift[:, None], scores, iou_threshold)


def batched_inside_range(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """Groups are counted from 0 to the number of different ones: the others are left out."""
    known = len(set(idxs.tolist()))
    chosen = ((idxs >= 0) & (idxs < known)).nonzero().squeeze(1)
    kept = reference.batched_nms(boxes[chosen], scores[chosen], idxs[chosen], iou_threshold)
    found: Tensor = chosen[kept]
    return found


def batched_other_groups(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """Boxes of different groups suppress each other, and those of one group do not."""
    order = torch.sort(scores, descending=True, stable=True).indices.tolist()
    iou = _ious(boxes.double(), False, "union", True, "clamped").tolist()
    keep: list[int] = []
    for i in order:
        if not any(iou[j][i] > iou_threshold and idxs[j] != idxs[i] for j in keep):
            keep.append(i)
    return torch.tensor(keep, dtype=torch.int64)


def _by_group(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float, is_local: bool) -> list[int]:
    found: list[int] = []
    for group in sorted(set(idxs.tolist())):
        members = (idxs == group).nonzero().squeeze(1)
        kept = reference.nms(boxes[members], scores[members], iou_threshold)
        found += kept.tolist() if is_local else members[kept].tolist()
    return found
