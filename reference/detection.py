r"""Object detection of the lecture: box formats, one object, a grid of objects, non-maximum suppression.

Reading order: a box can be written in four ways (``box_convert``), has an area (``box_area``) and ends where the image
does (``clip_boxes_to_image``). One object per image is a class and a box, hence a classification loss and a regression
loss (``localization_loss``, ``classification_localization_loss``). Many objects are put into the cells of a grid
(``encode_targets``), one network answers for all cells at once (``decode_predictions``, ``grid_detection_loss``), and
of several answers for one object the most confident one stays (``nms``, ``batched_nms``).

The lecture writes boxes as ``xxyy``, two x before two y; ``box_area``, ``clip_boxes_to_image`` and non-maximum
suppression take ``xyxy``, as everybody else does. Every box in this file names its format.

Numbers are computed in float64 (integers in int64) on the device of the inputs. Inputs are never changed and may be
non-contiguous; results never share memory with them.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

BOX_FORMATS = ("xyxy", "xywh", "cxcywh", "xxyy")
LOCALIZATION_LOSSES = ("se", "l1", "smooth_l1")
REDUCTIONS = ("none", "sum", "mean")
CLASS_ACTIVATIONS = ("softmax", "sigmoid")


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    r"""Return the same boxes, written in another format.

    ========== =================================== ====================================================
    ``xyxy``   :math:`(x_1, y_1, x_2, y_2)`        two opposite corners, the lower coordinates first
    ``xywh``   :math:`(x_1, y_1, w, h)`            corner and size, :math:`w = x_2 - x_1`; COCO's format
    ``cxcywh`` :math:`(c_x, c_y, w, h)`            centre and size, :math:`c_x = (x_1 + x_2) / 2`
    ``xxyy``   :math:`(x_1, x_2, y_1, y_2)`        the lecture's :math:`[x_{min}, x_{max}, y_{min}, y_{max}]`
    ========== =================================== ====================================================

    Args:
        boxes: ``(..., 4)`` float, integer or bool, in ``in_fmt``, any unit.
        in_fmt: one of the formats above.
        out_fmt: one of the formats above.

    Returns:
        ``(..., 4)`` in ``out_fmt``, always a new tensor. Floats and integers keep their dtype, except that integers
        become float32 if one of the formats is ``cxcywh``, whose centres may be halves. Bool becomes int64.

    Raises:
        ValueError: if a format is unknown, or the last dimension is not 4.

    Note:
        ``xyxy`` and ``xxyy`` differ by the permutation ``[0, 2, 1, 3]``, which is its own inverse. Nothing is
        reordered: a box with :math:`x_2 < x_1` gets a negative width, and comes back as it was. A result that does not
        fit into a narrow or unsigned integer dtype wraps around. Some libraries say ``xywh`` and mean ``cxcywh``.

    Example:
        >>> box_convert(torch.tensor([[10, 50, 20, 80]]), "xxyy", "xyxy")
        tensor([[10, 20, 50, 80]])
        >>> box_convert(torch.tensor([[10, 20, 50, 80]]), "xyxy", "xywh")
        tensor([[10, 20, 40, 60]])
        >>> box_convert(torch.tensor([[10, 20, 50, 80]]), "xyxy", "cxcywh")
        tensor([[30., 50., 40., 60.]])
    """
    subject = "box_convert"
    for fmt in (in_fmt, out_fmt):
        _check_choice(subject, "a format", fmt, BOX_FORMATS)
    wide, dtype = _widen(subject, boxes, "boxes")
    if "cxcywh" in (in_fmt, out_fmt) and not dtype.is_floating_point:
        wide, dtype = wide.to(torch.float64), torch.float32
    if in_fmt == out_fmt:
        return wide.to(dtype, copy=True)

    if in_fmt == "xxyy":
        x1, x2, y1, y2 = wide.unbind(dim=-1)  # four of (...)
    elif in_fmt == "xywh":
        x1, y1, w, h = wide.unbind(dim=-1)
        x2, y2 = x1 + w, y1 + h
    elif in_fmt == "cxcywh":
        cx, cy, w, h = wide.unbind(dim=-1)
        x1, y1, x2, y2 = cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2
    else:
        x1, y1, x2, y2 = wide.unbind(dim=-1)

    if out_fmt == "xxyy":
        converted = (x1, x2, y1, y2)
    elif out_fmt == "xywh":
        converted = (x1, y1, x2 - x1, y2 - y1)
    elif out_fmt == "cxcywh":
        converted = ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1)
    else:
        converted = (x1, y1, x2, y2)
    return torch.stack(converted, dim=-1).to(dtype)  # (..., 4)


def box_area(boxes_xyxy: Tensor) -> Tensor:
    r"""Return the area of each box.

    .. math:: |A| = \max(x_2 - x_1, 0) \cdot \max(y_2 - y_1, 0)

    Args:
        boxes_xyxy: ``(..., 4)`` float, integer or bool, ``xyxy``, any unit.

    Returns:
        ``(...)``, at least 0, in the square of the unit: float64 for float64, else float32 (also for float16, bfloat16
        and integers).

    Raises:
        ValueError: if the last dimension is not 4.

    Note:
        Coordinates are continuous (no ``+ 1``). An inverted box (``x2 < x1``) has width 0, hence area 0; torchvision
        returns a negative area, or a positive one if both sides are inverted.

    Example:
        >>> box_area(torch.tensor([[10, 20, 50, 80]]))
        tensor([2400.])
    """
    wide, dtype = _widen("box_area", boxes_xyxy, "boxes_xyxy")
    size = (wide[..., 2:] - wide[..., :2]).clamp(min=0).to(torch.float64)  # (..., 2)
    return size.prod(dim=-1).to(torch.float64 if dtype == torch.float64 else torch.float32)  # (...)


def clip_boxes_to_image(boxes_xyxy: Tensor, size: tuple[int, int]) -> Tensor:
    r"""Return the boxes with every coordinate moved to the nearest one inside the image.

    .. math:: x \leftarrow \min(\max(x, 0), W), \qquad y \leftarrow \min(\max(y, 0), H)

    Args:
        boxes_xyxy: ``(..., 4)`` float, integer or bool, ``xyxy``, in pixels.
        size: ``(H, W)``, in pixels, both positive.

    Returns:
        ``(..., 4)`` ``xyxy``, x in ``[0, W]``, y in ``[0, H]``, the dtype of the input (int64 for bool).

    Raises:
        ValueError: if the last dimension is not 4, or ``size`` is not two positive numbers.

    Note:
        The border W itself is inside: coordinates are continuous, pixel ``j`` covers ``[j, j + 1]``. A box beside the
        image is kept, with area 0. Sizes are ``(height, width)`` while coordinates are ``(x, y)``.

    Example:
        >>> clip_boxes_to_image(torch.tensor([[-5, 10, 250, 120]]), size=(100, 200))
        tensor([[  0,  10, 200, 100]])
    """
    subject = "clip_boxes_to_image"
    _check_size(subject, "size", size)
    wide, dtype = _widen(subject, boxes_xyxy, "boxes_xyxy")
    height, width = size
    x1, y1, x2, y2 = wide.unbind(dim=-1)  # four of (...)
    clipped = (x1.clamp(0, width), y1.clamp(0, height), x2.clamp(0, width), y2.clamp(0, height))
    return torch.stack(clipped, dim=-1).to(dtype)  # (..., 4)


def localization_loss(pred: Tensor, target: Tensor, kind: str = "se", reduction: str = "mean") -> Tensor:
    r"""Return the regression loss of boxes: a distance between four numbers, summed over the four.

    With :math:`d = \hat b^{(i)}_j - b^{(i)}_j`:

    ============= ==========================================================================================
    ``se``        :math:`\ell^{(i)} = \sum_{j=1}^4 d^2`
    ``l1``        :math:`\ell^{(i)} = \sum_{j=1}^4 |d|`
    ``smooth_l1`` :math:`\ell^{(i)} = \sum_{j=1}^4 (d^2 / 2 \text{ if } |d| < 1, \text{ else } |d| - 1/2)`
    ============= ==========================================================================================

    Then ``none`` returns :math:`\ell^{(i)}`, ``sum`` :math:`\sum_i \ell^{(i)}`, ``mean`` :math:`\sum_i \ell^{(i)} / N`.

    Args:
        pred: ``(N, 4)``, predicted boxes.
        target: ``(N, 4)``, true boxes, same format and unit, float, integer or bool.
        kind: ``se``, ``l1`` or ``smooth_l1``.
        reduction: ``none``, ``sum`` or ``mean``.

    Returns:
        ``()``, or ``(N,)`` for ``none``; at least 0, in the dtype of ``pred`` (for an integer ``pred`` float32, or
        float64 if ``target`` is). Of nothing (``N = 0``) the sum is 0 and the mean NaN.

    Raises:
        ValueError: if a shape is not ``(N, 4)`` or they differ, or if ``kind`` or ``reduction`` is unknown.

    Note:
        ``mean`` divides by the N boxes and not by the 4 N coordinates: PyTorch's ``mse_loss`` is a quarter of ``se``.
        The losses depend on the unit: normalise pixels by the size of the image first.

    References:
        Girshick, "Fast R-CNN", ICCV 2015, section 2.3, equations 2 and 3 (``smooth_l1``).

    Example:
        >>> pred, target = torch.tensor([[0.2, 0.6, 0.1, 0.5]]), torch.tensor([[0.25, 0.65, 0.2, 0.5]])
        >>> {kind: round(float(localization_loss(pred, target, kind)), 4) for kind in LOCALIZATION_LOSSES}
        {'se': 0.015, 'l1': 0.2, 'smooth_l1': 0.0075}
    """
    subject = "localization_loss"
    _check_choice(subject, "a kind", kind, LOCALIZATION_LOSSES)
    _check_choice(subject, "a reduction", reduction, REDUCTIONS)
    _check_boxes(subject, "pred", pred)
    _check_shape(subject, target, tuple(pred.shape), "target holds one box per row of pred.")
    dtype = torch.float64 if target.dtype == torch.float64 else torch.float32
    d = pred.to(torch.float64) - target.to(torch.float64)  # (N, 4)
    if kind == "se":
        loss = d.square().sum(dim=1)  # (N,)
    elif kind == "l1":
        loss = d.abs().sum(dim=1)  # (N,)
    else:
        loss = torch.where(d.abs() < 1, d.square() / 2, d.abs() - 0.5).sum(dim=1)  # (N,)
    reduced = loss if reduction == "none" else loss.sum() if reduction == "sum" else loss.mean()
    return reduced.to(pred.dtype if pred.is_floating_point() else dtype)


def classification_localization_loss(
    output: Tensor, class_target: Tensor, box_target: Tensor, lam: float = 1.0, kind: str = "se"
) -> Tensor:
    r"""Return the loss of a network that names the one object of an image and says where it is.

    .. math:: L = \frac{1}{N} \sum_i -\log \text{softmax}(z^{(i)})_{c^{(i)}}
        + \lambda\, \frac{1}{N} \sum_i \ell(\hat b^{(i)}, b^{(i)})

    with the box loss :math:`\ell` of ``localization_loss``.

    Args:
        output: ``(N, C + 4)`` float: C logits :math:`z`, then the four numbers of the box :math:`\hat b`, as they are
            (no sigmoid).
        class_target: ``(N,)`` integer or bool in ``[0, C)``.
        box_target: ``(N, 4)``, same format and unit as the predicted box; the lecture's is ``xxyy``.
        lam: :math:`\lambda`, the weight of the box loss, and of nothing else.
        kind: as in ``localization_loss``.

    Returns:
        ``()``, in the dtype of ``output``; NaN for ``N = 0``.

    Raises:
        ValueError: if ``output`` is not floating or not ``(N, C + 4)`` with ``C >= 1``, a target has another shape than
            above, a class lies outside ``[0, C)`` or is a float, or ``kind`` is unknown.

    Note:
        With one class the classification loss is 0. Deviation from Fast R-CNN: every image has an object, there is no
        background class that would switch the box loss off.

    References:
        Girshick 2015 (see ``localization_loss``), equation 1.

    Example:
        Logits 2, 1, 0 of class 0 cost 0.4076, the box costs 0.015.

        >>> output = torch.tensor([[2., 1., 0., 0.2, 0.6, 0.1, 0.5]])
        >>> box_target = torch.tensor([[0.25, 0.65, 0.2, 0.5]])
        >>> classification_localization_loss(output, torch.tensor([0]), box_target, lam=5.)
        tensor(0.4826)
    """
    subject = "classification_localization_loss"
    _check_choice(subject, "a kind", kind, LOCALIZATION_LOSSES)
    if output.dim() != 2 or output.shape[1] < 5:
        hint = "output holds C logits and 4 coordinates per row."
        raise ValueError(f"{subject}: expected shape (N, C + 4) with C >= 1, got {tuple(output.shape)}. {hint}")
    _check_floating(subject, "output", output)
    num_samples, num_classes = output.shape[0], output.shape[1] - 4
    _check_shape(subject, class_target, (num_samples,), "class_target holds one class index per row of output.")
    _check_shape(subject, box_target, (num_samples, 4), "box_target holds one box per row of output.")
    labels = _as_labels(subject, "class_target", class_target, num_classes)  # (N,)
    wide = output.to(torch.float64)
    logits, pred_box = wide[:, :num_classes], wide[:, num_classes:]  # (N, C), (N, 4)
    class_loss = _cross_entropy(logits, labels).mean()  # (N,) -> ()
    return (class_loss + lam * localization_loss(pred_box, box_target, kind)).to(output.dtype)


def encode_targets(
    boxes_xxyy: Tensor, labels: Tensor, S: int, B: int, C: int, image_size: tuple[int, int]
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Put the objects of one image into the slots of a grid: S rows, S columns, B slots in each cell.

    The cell that holds the centre of an object is responsible for it:

    .. math:: \text{row} = \left\lfloor \frac{S y_c}{H} \right\rfloor, \quad
        \text{column} = \left\lfloor \frac{S x_c}{W} \right\rfloor, \qquad
        x_c = \frac{x_{min} + x_{max}}{2}, \quad y_c = \frac{y_{min} + y_{max}}{2}

    both clamped to :math:`[0, S - 1]`. There it takes the first free slot; objects come in the order of the rows.

    Args:
        boxes_xxyy: ``(G, 4)`` float, integer or bool, ``xxyy``, in pixels; ``(0, 4)`` without objects.
        labels: ``(G,)`` integer or bool in ``[0, C)``.
        S: cells per side, at least 1.
        B: slots per cell, at least 1.
        C: number of classes, at least 1; there is no class for the background.
        image_size: ``(H, W)``, in pixels, both positive.

    Returns:
        ``(obj, cls, box)``: ``obj`` ``(S, S, B)``, 1 in slots with an object, else 0; ``cls`` ``(S, S, B)`` int64, the
        class; ``box`` ``(S, S, B, 4)`` ``xxyy``, divided by W, W, H, H, so that an image is ``(0, 1, 0, 1)``. The first
        dimension is the row (y). In empty slots ``cls`` and ``box`` are 0 and mean nothing. ``obj`` and ``box`` have
        the dtype of ``boxes_xxyy`` (float32 for integers).

    Raises:
        ValueError: if ``boxes_xxyy`` is not ``(G, 4)``, ``labels`` is not one integer per box in ``[0, C)``, ``S``,
            ``B`` or ``C`` is below 1, ``image_size`` is not two positive numbers, or the centres of more than B objects
            fall into one cell.

    Note:
        A centre on the line between two cells belongs to the higher one; one on the right or bottom border of the image
        would be in cell S and is clamped, as is one outside of the image. Boxes are stored as they are: not clipped.
        Deviations from YOLO: a box is four corners relative to the image, not a centre relative to the cell and a size;
        slots are filled in order and not by the IoU with a prediction, so ``obj`` does not depend on the network.

    References:
        Redmon, Divvala, Girshick and Farhadi, "You Only Look Once: Unified, Real-Time Object Detection", CVPR 2016,
        section 2 (the cell of the centre is responsible).

    Example:
        The centre (0.7, 0.25) of a unit image is in row 0, column 1 of a 2 x 2 grid.

        >>> obj, cls, box = encode_targets(
        ...     torch.tensor([[0.5, 0.9, 0.1, 0.4]]), torch.tensor([2]), S=2, B=1, C=3, image_size=(1, 1)
        ... )
        >>> obj.squeeze(2)
        tensor([[0., 1.],
                [0., 0.]])
        >>> cls[0, 1], box[0, 1]
        (tensor([2]), tensor([[0.5000, 0.9000, 0.1000, 0.4000]]))
    """
    subject = "encode_targets"
    for name, number in (("S", S), ("B", B), ("C", C)):
        if number < 1:
            raise ValueError(f"{subject}: expected {name} >= 1, got {number}.")
    _check_size(subject, "image_size", image_size)
    _check_boxes(subject, "boxes_xxyy", boxes_xxyy)
    _check_shape(subject, labels, (len(boxes_xxyy),), "labels holds one class index per box.")
    labels = _as_labels(subject, "labels", labels, C)
    height, width = image_size
    device, dtype = boxes_xxyy.device, boxes_xxyy.dtype if boxes_xxyy.is_floating_point() else torch.float32

    wide = boxes_xxyy.detach().to(torch.float64)  # (G, 4)
    centres = box_convert(wide, "xxyy", "cxcywh")[:, :2].tolist()  # G lists of 2
    scale = torch.tensor([width, width, height, height], dtype=torch.float64, device=device)  # (4,)
    normalised = (wide / scale).to(dtype)  # (G, 4)
    obj = torch.zeros(S, S, B, dtype=dtype, device=device)
    cls = torch.zeros(S, S, B, dtype=torch.int64, device=device)
    box = torch.zeros(S, S, B, 4, dtype=dtype, device=device)
    num_objects: dict[tuple[int, int], int] = {}
    for g, (xc, yc) in enumerate(centres):
        # Multiplied before it is divided: for whole pixels no centre on a line then falls into the cell before it.
        row, column = (min(max(math.floor(S * c / side), 0), S - 1) for c, side in ((yc, height), (xc, width)))
        b = num_objects.get((row, column), 0)
        if b == B:
            hint = "Take a finer grid, or more slots per cell."
            raise ValueError(f"{subject}: expected at most {B} centres in cell {(row, column)}, got {B + 1}. {hint}")
        num_objects[row, column] = b + 1
        obj[row, column, b], cls[row, column, b], box[row, column, b] = 1, labels[g], normalised[g]
    return obj, cls, box


def decode_predictions(
    pred: Tensor, image_size: tuple[int, int], class_activation: str = "softmax"
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Turn the raw outputs of a grid detector into confidences, class probabilities and boxes in pixels.

    .. math:: \lambda = \sigma(\hat\lambda), \qquad (\lambda_1, \dots, \lambda_C) = \text{softmax}(\hat\lambda_1, \dots,
        \hat\lambda_C), \qquad \hat b = \sigma(\hat b_{raw}) \cdot (W, W, H, H)

    Args:
        pred: ``(N, S, S, B, 1 + C + 4)`` float, raw, finite. In the last dimension: the confidence that the slot holds
            an object, C class scores, then :math:`x_{min}, x_{max}, y_{min}, y_{max}`.
        image_size: ``(H, W)``, in pixels, both positive.
        class_activation: ``softmax`` if an object has exactly one of the classes, ``sigmoid`` if each class is a
            question of its own.

    Returns:
        ``(conf, probs, boxes_xxyy)``: ``(N, S, S, B)`` in ``[0, 1]``; ``(N, S, S, B, C)`` in ``[0, 1]``; and
        ``(N, S, S, B, 4)`` ``xxyy`` in pixels, x in ``[0, W]``, y in ``[0, H]``. All in the dtype of ``pred``.

    Raises:
        ValueError: if ``pred`` is not floating or not ``(N, S, S, B, 1 + C + 4)`` with ``C >= 1``, ``image_size`` is
            not two positive numbers, or ``class_activation`` is unknown.

    Note:
        The four coordinates are independent: :math:`x_{max} < x_{min}` is possible, and is not reordered. Class
        probabilities are those of an object that is there; they are not multiplied by ``conf``.
        Deviation from YOLO: each of the B boxes has class scores of its own, hence B (1 + C + 4) numbers per cell and
        not 5 B + C (64 and not 52 for S = 2, B = 2, C = 3).

    References:
        Redmon et al. 2016 (see ``encode_targets``), section 2.

    Example:
        Raw zeros are undecided: confidence 1/2, equal classes, and a point in the middle.

        >>> conf, probs, boxes_xxyy = decode_predictions(torch.zeros(1, 1, 1, 1, 1 + 2 + 4), image_size=(100, 200))
        >>> conf.flatten(), probs.flatten(), boxes_xxyy.flatten()
        (tensor([0.5000]), tensor([0.5000, 0.5000]), tensor([100., 100.,  50.,  50.]))
    """
    subject = "decode_predictions"
    _check_choice(subject, "a class activation", class_activation, CLASS_ACTIVATIONS)
    _check_size(subject, "image_size", image_size)
    conf, classes, box = _split(subject, pred)  # (N, S, S, B), (N, S, S, B, C), (N, S, S, B, 4)
    height, width = image_size
    scale = torch.tensor([width, width, height, height], dtype=torch.float64, device=pred.device)  # (4,)
    probs = classes.softmax(dim=-1) if class_activation == "softmax" else classes.sigmoid()  # (N, S, S, B, C)
    return conf.sigmoid().to(pred.dtype), probs.to(pred.dtype), (box.sigmoid() * scale).to(pred.dtype)


def grid_detection_loss(
    pred: Tensor, obj: Tensor, cls: Tensor, box: Tensor, lam_box: float = 1.0, lam_noobj: float = 1.0
) -> Tensor:
    r"""Return the loss of a grid detector: confidence everywhere, class and box only where there is an object.

    .. math:: L = \frac{1}{N} \Big[
        \sum_{\text{obj} = 1} -\log \sigma(\hat\lambda)
        + \lambda_{noobj} \sum_{\text{obj} = 0} -\log(1 - \sigma(\hat\lambda))
        + \sum_{\text{obj} = 1} -\log \text{softmax}(\hat\lambda_1, \dots, \hat\lambda_C)_c
        + \lambda_{box} \sum_{\text{obj} = 1} \sum_{j=1}^4 (\sigma(\hat b_j) - b_j)^2 \Big]

    The sums run over all slots of all images: N images, S S cells, B slots.

    Args:
        pred: ``(N, S, S, B, 1 + C + 4)`` float, raw, finite, as ``decode_predictions`` takes it.
        obj: ``(N, S, S, B)``, 1 in slots with an object, else 0; float, integer or bool.
        cls: ``(N, S, S, B)`` integer or bool, the class, in ``[0, C)`` where ``obj`` is 1.
        box: ``(N, S, S, B, 4)`` ``xxyy``, divided by W, W, H, H (``encode_targets``, stacked over the images).
        lam_box: :math:`\lambda_{box}`, the weight of the box term.
        lam_noobj: :math:`\lambda_{noobj}`, the weight of the confidences of empty slots.

    Returns:
        ``()``, in the dtype of ``pred``; NaN for ``N = 0``. Images without objects have a confidence term only.

    Raises:
        ValueError: if ``pred`` is not floating or not ``(N, S, S, B, 1 + C + 4)`` with ``C >= 1``, a target has another
            shape than above, ``obj`` is anything but 0 and 1, or ``cls`` is a float or outside ``[0, C)`` in a slot
            with an object.

    Note:
        ``cls`` and ``box`` are not looked at in empty slots. Logarithms are taken of logits and not of probabilities:
        the loss of a raw output of 10000 is 10000, not infinite.
        Deviations from YOLO: there all terms are squared errors, the target of the confidence is the IoU of the
        predicted box, sizes are compared by their square roots, and :math:`\lambda_{coord} = 5, \lambda_{noobj} = 0.5`.

    References:
        Redmon et al. 2016 (see ``encode_targets``), section 2.2, equation 3.

    Example:
        Two undecided slots cost log 2 each; the one with an object also costs log 3 for its class, and 4 quarters
        squared for its box: 1.3863 + 1.0986 + 0.25.

        >>> pred, obj = torch.zeros(1, 1, 1, 2, 1 + 3 + 4), torch.tensor([[[[1, 0]]]])
        >>> box = torch.tensor([0.25, 0.75, 0.25, 0.75]).expand(1, 1, 1, 2, 4)
        >>> grid_detection_loss(pred, obj, torch.tensor([[[[2, 0]]]]), box)
        tensor(2.7349)
    """
    subject = "grid_detection_loss"
    conf, classes, pred_box = _split(subject, pred)  # (N, S, S, B), (N, S, S, B, C), (N, S, S, B, 4)
    slots = tuple(conf.shape)
    _check_shape(subject, obj, slots, "obj holds one flag per slot.")
    _check_shape(subject, cls, slots, "cls holds one class index per slot.")
    _check_shape(subject, box, (*slots, 4), "box holds one box per slot.")
    is_object = obj == 1  # (N, S, S, B)
    strange = ~is_object & (obj != 0)
    if strange.any():
        raise ValueError(f"{subject}: expected obj of 0 and 1, got {obj[strange][0].item()}. It flags the objects.")
    labels = _as_labels(subject, "cls", cls[is_object], classes.shape[-1])  # (M,), M objects in all

    conf_obj = -F.logsigmoid(conf[is_object]).sum()
    conf_noobj = -F.logsigmoid(-conf[~is_object]).sum()  # 1 - sigmoid(z) = sigmoid(-z)
    class_term = _cross_entropy(classes[is_object], labels).sum()  # (M, C), (M,) -> (M,) -> ()
    box_term = localization_loss(pred_box[is_object].sigmoid(), box[is_object], "se", "sum")  # (M, 4) -> ()
    total = conf_obj + lam_noobj * conf_noobj + class_term + lam_box * box_term
    return (total / slots[0]).to(pred.dtype)


def nms(boxes_xyxy: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    r"""Return which boxes greedy non-maximum suppression keeps.

    In order of descending score, each box that is still there is kept, and suppresses all later boxes whose IoU with it
    is :math:`>` ``iou_threshold``.

    Args:
        boxes_xyxy: ``(N, 4)`` float, integer or bool, ``xyxy``, any unit.
        scores: ``(N,)``, the confidences.
        iou_threshold: in ``[0, 1]``; an IoU equal to it does not suppress.

    Returns:
        ``(K,)`` int64, the indices of the kept boxes, by descending score; ``(0,)`` for no boxes.

    Raises:
        ValueError: if boxes are not ``(N, 4)``, ``scores`` is not one number per box, or ``iou_threshold`` lies outside
            ``[0, 1]``.

    Note:
        Ties: of equal scores the lower index comes first. A suppressed box suppresses nothing. A box of area 0
        (inverted ones included) has IoU 0 with everything, itself included: it neither suppresses nor is suppressed.
        Boxes come from one image: those of different images must not suppress each other. IoUs are compared in float64.

    References:
        Girshick, Donahue, Darrell and Malik, "Rich feature hierarchies for accurate object detection and semantic
        segmentation", CVPR 2014, section 2.2 (greedy, per class, by IoU).

    Example:
        The IoU of the first two boxes is 81/119 = 0.68.

        >>> boxes_xyxy = torch.tensor([[0., 0., 10., 10.], [1., 1., 11., 11.], [20., 20., 30., 30.]])
        >>> nms(boxes_xyxy, torch.tensor([0.6, 0.9, 0.5]), iou_threshold=0.5)
        tensor([1, 2])
        >>> nms(boxes_xyxy, torch.tensor([0.6, 0.9, 0.5]), iou_threshold=0.7)
        tensor([1, 0, 2])
    """
    subject = "nms"
    _check_boxes(subject, "boxes_xyxy", boxes_xyxy)
    _check_shape(subject, scores, (len(boxes_xyxy),), "scores holds one score per box.")
    _check_threshold(subject, iou_threshold)
    wide = boxes_xyxy.detach().to(torch.float64)  # (N, 4)
    is_suppressed = torch.zeros(len(wide), dtype=torch.bool, device=wide.device)  # (N,)
    keep = []
    for i in _rank(scores).tolist():
        if not is_suppressed[i]:
            keep.append(i)
            is_suppressed |= _iou_with(wide[i], wide) > iou_threshold  # (N,); those before i are decided already
    return torch.tensor(keep, dtype=torch.int64, device=wide.device)


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    r"""Return which boxes non-maximum suppression keeps if only boxes of the same group can suppress each other.

    Args:
        boxes: ``(N, 4)`` float, integer or bool, ``xyxy``, any unit.
        scores: ``(N,)``, the confidences.
        idxs: ``(N,)`` integer, the group of each box: its class, or ``image * C + class`` for a batch of images. Any
            integers, also negative ones.
        iou_threshold: in ``[0, 1]``; an IoU equal to it does not suppress.

    Returns:
        ``(K,)`` int64, the indices of the kept boxes of all groups, by descending score; ``(0,)`` for no boxes.

    Raises:
        ValueError: as ``nms``, or if ``idxs`` is not one number per box.

    Note:
        Ties and boxes of area 0: see ``nms``. Each group is suppressed by itself. The well-known trick, shifting each
        group to a place of its own by ``idxs * (boxes.max() + 1)``, is not used: it rounds coordinates, and with
        negative ones the groups may still overlap.

    References:
        Girshick et al. 2014 (see ``nms``).

    Example:
        >>> boxes = torch.tensor([[0., 0., 10., 10.], [1., 1., 11., 11.], [0., 0., 10., 10.]])
        >>> batched_nms(boxes, torch.tensor([0.6, 0.9, 0.8]), torch.tensor([0, 0, 1]), iou_threshold=0.5)
        tensor([1, 2])
    """
    subject = "batched_nms"
    _check_boxes(subject, "boxes", boxes)
    _check_shape(subject, scores, (len(boxes),), "scores holds one score per box.")
    _check_shape(subject, idxs, (len(boxes),), "idxs holds one group per box.")
    _check_threshold(subject, iou_threshold)
    is_kept = torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)  # (N,)
    for group in set(idxs.tolist()):
        members = (idxs == group).nonzero().squeeze(1)  # (M,)
        is_kept[members[nms(boxes[members], scores[members], iou_threshold)]] = True
    keep = is_kept.nonzero().squeeze(1)  # (K,) ascending, so that ties keep the lower index first
    return keep[_rank(scores[keep])]  # (K,)


def _iou_with(box: Tensor, boxes: Tensor) -> Tensor:
    """Return the IoU ``(N,)`` of one ``(4,)`` and of ``(N, 4)`` float64 xyxy boxes; 0 where the union is empty."""
    top_left = torch.maximum(box[:2], boxes[:, :2])  # (N, 2)
    bottom_right = torch.minimum(box[2:], boxes[:, 2:])  # (N, 2)
    intersection = (bottom_right - top_left).clamp(min=0).prod(dim=1)  # (N,)
    union = box_area(box) + box_area(boxes) - intersection  # (N,)
    return torch.where(union > 0, intersection / union.where(union > 0, 1.0), 0.0)  # (N,)


def _rank(scores: Tensor) -> Tensor:
    """Return the indices ``(N,)`` that sort scores in descending order, the lower index first among equals."""
    return torch.sort(scores, descending=True, stable=True).indices  # (N,)


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return ``-log softmax(logits)`` at the labels: ``(N, C)``, ``(N,)`` -> ``(N,)``."""
    return -logits.log_softmax(dim=1).gather(1, labels[:, None]).squeeze(1)  # (N,)


def _split(subject: str, pred: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return raw confidences ``(N, S, S, B)``, classes ``(..., C)`` and boxes ``(..., 4)`` of all slots, in float64."""
    if pred.dim() != 5 or pred.shape[1] != pred.shape[2] or pred.shape[4] < 6:
        hint = "pred holds 1 confidence, C class scores and 4 coordinates per slot."
        raise ValueError(
            f"{subject}: expected shape (N, S, S, B, 1 + C + 4) with C >= 1, got {tuple(pred.shape)}. {hint}"
        )
    _check_floating(subject, "pred", pred)
    wide = pred.to(torch.float64)
    return wide[..., 0], wide[..., 1:-4], wide[..., -4:]


def _widen(subject: str, boxes: Tensor, name: str) -> tuple[Tensor, torch.dtype]:
    """Return boxes in float64 or int64, and the dtype to return to."""
    if boxes.dim() == 0 or boxes.shape[-1] != 4:
        hint = f"{name} holds four numbers per box."
        raise ValueError(f"{subject}: expected shape (..., 4), got {tuple(boxes.shape)}. {hint}")
    if boxes.is_floating_point():
        return boxes.to(torch.float64), boxes.dtype
    return boxes.to(torch.int64), torch.int64 if boxes.dtype == torch.bool else boxes.dtype


def _as_labels(subject: str, name: str, labels: Tensor, number: int) -> Tensor:
    """Return labels in ``[0, number)`` as int64."""
    if labels.is_floating_point():
        raise ValueError(f"{subject}: expected integers in {name}, got {labels.dtype}.")
    labels = labels.to(torch.int64)
    outside = (labels < 0) | (labels >= number)
    if outside.any():
        wrong = int(labels[outside][0])
        raise ValueError(f"{subject}: expected {name} in [0, {number}), got {wrong}. They are class indices.")
    return labels


def _check_shape(subject: str, tensor: Tensor, expected: tuple[int, ...], hint: str) -> None:
    if tuple(tensor.shape) != expected:
        raise ValueError(f"{subject}: expected shape {expected}, got {tuple(tensor.shape)}. {hint}")


def _check_boxes(subject: str, name: str, boxes: Tensor) -> None:
    if boxes.dim() != 2 or boxes.shape[1] != 4:
        hint = f"{name} holds one box per row."
        raise ValueError(f"{subject}: expected shape (N, 4), got {tuple(boxes.shape)}. {hint}")


def _check_floating(subject: str, name: str, tensor: Tensor) -> None:
    if not tensor.is_floating_point():
        raise ValueError(f"{subject}: expected a floating dtype for {name}, got {tensor.dtype}.")


def _check_choice(subject: str, name: str, choice: str, choices: tuple[str, ...]) -> None:
    if choice not in choices:
        raise ValueError(f"{subject}: expected {name} of {', '.join(choices)}, got {choice!r}. See the docstring.")


def _check_size(subject: str, name: str, size: tuple[int, int]) -> None:
    if len(size) != 2 or not min(size) > 0:
        raise ValueError(f"{subject}: expected {name} of two positive numbers, got {size}. Height, then width.")


def _check_threshold(subject: str, iou_threshold: float) -> None:
    if not 0 <= iou_threshold <= 1:
        raise ValueError(f"{subject}: expected an IoU threshold in [0, 1], got {iou_threshold}. The usual one is 0.5.")
