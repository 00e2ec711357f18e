r"""Semantic segmentation of the lecture: masks, losses, metrics and the U-Net.

Reading order: polygons become masks (``polygon_to_mask``, ``polygons_to_mask``), masks become one-hot vectors
(``one_hot_mask``). A network answers with logits for every pixel, and is trained with the cross-entropy of each pixel
(``segmentation_cross_entropy``) or with the overlap of whole regions (``soft_iou_loss``, ``soft_dice_loss``). Its masks
are counted (``confusion_matrix``) and judged (``segmentation_metrics``). The network itself comes last (``DoubleConv``,
``UNet``).

Sums are computed in float64 on the device of the inputs. Inputs are never changed and may be non-contiguous.
"""

import math
from collections.abc import Sequence
from typing import TypedDict

import torch
from torch import Tensor, nn

MODES = ("multiclass", "binary")
PADDINGS = ("same", "valid")


class SegmentationMetrics(TypedDict):
    """What ``segmentation_metrics`` returns; the tensors are ``(K,)`` float64."""

    pixel_accuracy: float
    iou: Tensor
    dice: Tensor
    precision: Tensor
    recall: Tensor
    mean_iou: float
    mean_dice: float


# -------------------------------------------------------------------------------------------------------------- masks


def polygon_to_mask(polygon: Sequence[float], height: int, width: int) -> Tensor:
    r"""Return the pixels whose centre lies inside a polygon, by the even-odd rule.

    .. math:: m_{rc} = 1 \text{ if a ray from } (c + \tfrac12,\, r + \tfrac12) \text{ crosses the ring an odd number of
        times, else } 0

    Args:
        polygon: ``[x1, y1, x2, y2, ...]`` in pixels: x runs right over the columns, y down over the rows, and (0, 0) is
            the top left corner of the image, not the centre of its first pixel. At least three distinct vertices, in
            either direction; the first may be repeated at the end. It may leave the image and cross itself.
        height: H, at least 1.
        width: W, at least 1.

    Returns:
        ``(H, W)`` bool, on torch's default device.

    Raises:
        ValueError: if the number of coordinates is odd, one of them is not finite, fewer than three vertices are
            distinct, or the size is below 1.

    Note:
        A centre exactly on an edge belongs to what lies right of the edge, or below it if the edge is horizontal. So
        polygons that share edges cover each pixel once, and a rectangle with integer corners has as many pixels as
        area. Edges are compared in float64: exact for integers and halves. Vertices on one line enclose nothing.
        Deviation: the lecture draws vertices on pixels, and Pillow, OpenCV and ``skimage.draw.polygon`` paint the
        boundary too. The square from (0, 0) to (9, 9) has 81 pixels here, and 100 there.

    References:
        Shimrat, "Algorithm 112: Position of Point Relative to Polygon", Communications of the ACM 5(8), 434, 1962.

    Example:
        The corners of a triangle: only three of the nine centres lie strictly within it.

        >>> polygon_to_mask([0, 0, 3, 0, 0, 3, 0, 0], height=3, width=3).int()
        tensor([[1, 1, 0],
                [1, 0, 0],
                [0, 0, 0]], dtype=torch.int32)
    """
    subject = "polygon_to_mask"
    _check_size(subject, height, width)
    vertices = _as_vertices(subject, polygon)
    x = torch.arange(width, dtype=torch.float64) + 0.5  # (W,)
    y = torch.arange(height, dtype=torch.float64)[:, None] + 0.5  # (H, 1)
    inside = torch.zeros(height, width, dtype=torch.bool)
    for start, end in zip(vertices, vertices[1:] + vertices[:1], strict=True):
        # From top to bottom, whatever the direction of the ring: neighbours then agree about the edge they share.
        (x1, y1), (x2, y2) = sorted((start, end), key=lambda vertex: vertex[1])
        is_level = (y1 <= y) & (y < y2)  # (H, 1)
        is_left_of_edge = (x - x1) * (y2 - y1) < (x2 - x1) * (y - y1)  # (H, W)
        inside ^= is_level & is_left_of_edge
    return inside


def polygons_to_mask(
    polygons: Sequence[Sequence[Sequence[float]]], height: int, width: int, background: int = 0
) -> Tensor:
    r"""Return the label of every pixel from the polygons of every class.

    Class after class, and polygon after polygon, pixels inside (see ``polygon_to_mask``) are painted with the number of
    the class; what comes later covers what came before.

    Args:
        polygons: ``polygons[k]`` holds the polygons of class k, any number of them, each as in ``polygon_to_mask``.
        height: H, at least 1.
        width: W, at least 1.
        background: the value of pixels that no polygon covers; any integer, for instance 255.

    Returns:
        ``(H, W)`` int64, on torch's default device.

    Raises:
        ValueError: if the size is below 1 or a polygon is refused by ``polygon_to_mask``.

    Note:
        Polygons of one class are united: one inside another does not cut a hole. With the default, class 0 and
        background are the same value.

    Example:
        Class 1 is the left half, class 2 covers a corner of it.

        >>> polygons_to_mask([[], [[0, 0, 2, 0, 2, 2, 0, 2]], [[0, 1, 1, 1, 1, 2, 0, 2]]], height=2, width=4)
        tensor([[1, 1, 0, 0],
                [2, 1, 0, 0]])
    """
    _check_size("polygons_to_mask", height, width)
    mask = torch.full((height, width), background, dtype=torch.int64)
    for k, rings in enumerate(polygons):
        for ring in rings:
            mask[polygon_to_mask(ring, height, width)] = k
    return mask


def one_hot_mask(mask: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    r"""Return the one-hot vector of every pixel: one binary mask per class.

    .. math:: t_{nkhw} = 1 \text{ if } k = m_{nhw}, \text{ else } 0

    Args:
        mask: ``(N, H, W)`` integer or bool, labels in ``[0, K)`` or equal to ``ignore_index``.
        num_classes: K, at least 1.
        ignore_index: pixels with this label are 0 in all classes; any integer.

    Returns:
        ``(N, K, H, W)`` float32, on the device of ``mask``.

    Raises:
        ValueError: if ``mask`` is not ``(N, H, W)``, holds floats, or has a label outside ``[0, K)`` that is not
            ignored, or if ``num_classes`` is below 1.

    Example:
        >>> one_hot_mask(torch.tensor([[[0, 1, 255]]]), num_classes=2, ignore_index=255)
        tensor([[[[1., 0., 0.]],
        <BLANKLINE>
                 [[0., 1., 0.]]]])
    """
    subject = "one_hot_mask"
    if mask.dim() != 3:
        hint = "mask holds one label per pixel, for a batch of images."
        raise ValueError(f"{subject}: expected shape (N, H, W), got {tuple(mask.shape)}. {hint}")
    labels, counted = _as_labels(subject, "mask", mask, num_classes, ignore_index)
    return _one_hot(labels, counted, num_classes).to(torch.float32)


# ------------------------------------------------------------------------------------------------------------- losses


def segmentation_cross_entropy(logits: Tensor, target: Tensor, ignore_index: int = 255) -> Tensor:
    r"""Return the mean over pixels of the cross-entropy between the softmax over classes and the true label, in nats.

    .. math:: E = -\frac{1}{|\Omega|} \sum_{x \in \Omega} \log p_{\ell(x)}(x), \qquad
        p_k(x) = \frac{e^{a_k(x)}}{\sum_{k'} e^{a_{k'}(x)}}, \qquad
        \Omega = \{x : \ell(x) \ne \text{ignore}\}

    Args:
        logits: ``(N, K, H, W)`` float, finite: the activations :math:`a`, not probabilities.
        target: ``(N, H, W)`` integer or bool, labels :math:`\ell` in ``[0, K)`` or equal to ``ignore_index``.
        ignore_index: pixels with this label are left out of the sum and of :math:`|\Omega|`; any integer.

    Returns:
        ``()``, the dtype of ``logits``; NaN if no pixel counts (empty batch, or everything ignored), as in PyTorch.

    Raises:
        ValueError: if ``logits`` are not floating or not ``(N, K, H, W)``, ``target`` is not ``(N, H, W)`` or holds
            floats, or a label outside ``[0, K)`` is not ignored.

    Note:
        The pixels of all images form one mean: an image with fewer ignored pixels weighs more. Deviation: the paper
        sums over pixels, weighs each by the rarity of its class and its distance to the borders of cells (its w; here
        w is 1), and prints no minus sign.

    References:
        Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015,
        section 3, equation (1).

    Example:
        Two equal logits cost log 2. The second pixel is ignored.

        >>> logits = torch.tensor([[[[0., 9.]], [[0., 0.]]]])  # (1, 2, 1, 2)
        >>> segmentation_cross_entropy(logits, torch.tensor([[[1, 255]]]))
        tensor(0.6931)
    """
    subject = "segmentation_cross_entropy"
    num_classes = _check_logits(subject, logits, target)
    labels, counted = _as_labels(subject, "target", target, num_classes, ignore_index)  # (N, H, W), (N, H, W)
    log_prob = logits.to(torch.float64).log_softmax(dim=1)  # (N, K, H, W)
    nll = -log_prob.gather(1, labels.unsqueeze(1)).squeeze(1)  # (N, H, W)
    return (nll.where(counted, 0.0).sum() / counted.sum()).to(logits.dtype)


def soft_iou_loss(
    logits: Tensor, target: Tensor, mode: str = "multiclass", smooth: float = 0.0, ignore_index: int | None = None
) -> Tensor:
    r"""Return one minus the mean intersection over union of probabilities and true masks.

    .. math:: 1 - \frac{1}{|S|} \sum_{(n, k) \in S} \frac{I_{nk} + \epsilon}{U_{nk} + \epsilon}, \qquad
        I_{nk} = \sum_x p_{nk}(x)\, t_{nk}(x), \qquad
        U_{nk} = \sum_x p_{nk}(x) + \sum_x t_{nk}(x) - I_{nk}

    where :math:`S` holds the pairs of a sample n and a class k that occurs in its target, :math:`t` is one-hot, and
    :math:`\epsilon` is ``smooth``.

    Args:
        logits: ``multiclass``: ``(N, K, H, W)`` float, p is the softmax over K. ``binary``: ``(N, 1, H, W)`` or
            ``(N, H, W)`` float, p is the sigmoid; the foreground is the only class.
        target: ``(N, H, W)`` integer or bool, labels in ``[0, K)``, or 0 and 1 if ``binary``, or equal to
            ``ignore_index``. For ``binary`` the shape of ``logits`` is accepted, too.
        mode: ``multiclass`` or ``binary``.
        smooth: at least 0, added to numerator and denominator.
        ignore_index: pixels with this label are left out of all sums; None or any integer.

    Returns:
        ``()`` in ``[0, 1]``, the dtype of ``logits``. 0 if :math:`S` is empty: no class occurs anywhere, as in binary
        masks without foreground, or when everything is ignored. The gradient is then 0.

    Raises:
        ValueError: if ``mode`` is unknown, ``smooth`` is negative or not finite, ``logits`` are not floating, a shape
            is not as above, ``target`` holds floats, or a label that is not ignored is outside its range.

    Note:
        All pairs of :math:`S` weigh the same: sums are taken per sample, and ratios are averaged. An absent class is
        skipped whatever ``smooth`` is; what is predicted of it lowers the overlap of the classes that are there (not
        so in ``binary``, where a sample without foreground teaches nothing). Probabilities are never thresholded: an
        argmax has no gradient.

    References:
        Rahman and Wang, "Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation", ISVC 2016
        (binary, without ``smooth``).

    Example:
        Two pixels of foreground, each predicted with probability 1/2: I = 1, U = 1 + 2 - 1.

        >>> soft_iou_loss(torch.zeros(1, 1, 1, 2), torch.ones(1, 1, 2, dtype=torch.int64), mode="binary")
        tensor(0.5000)
    """
    intersection, total, present = _soft_counts("soft_iou_loss", logits, target, mode, smooth, ignore_index)  # (N, K)
    return _mean_loss(intersection + smooth, total - intersection + smooth, present).to(logits.dtype)


def soft_dice_loss(
    logits: Tensor, target: Tensor, mode: str = "multiclass", smooth: float = 0.0, ignore_index: int | None = None
) -> Tensor:
    r"""Return one minus the mean Dice coefficient of probabilities and true masks.

    .. math:: 1 - \frac{1}{|S|} \sum_{(n, k) \in S}
        \frac{2 I_{nk} + \epsilon}{\sum_x p_{nk}(x) + \sum_x t_{nk}(x) + \epsilon}

    with the symbols of ``soft_iou_loss``.

    Args:
        logits: as in ``soft_iou_loss``.
        target: as in ``soft_iou_loss``.
        mode: ``multiclass`` or ``binary``.
        smooth: at least 0, added once to the numerator (after doubling) and once to the denominator.
        ignore_index: pixels with this label are left out of all sums; None or any integer.

    Returns:
        ``()`` in ``[0, 1]``, the dtype of ``logits``; 0, with gradient 0, if no class occurs anywhere.

    Raises:
        ValueError: as ``soft_iou_loss``.

    Note:
        Averages and absent classes: as in ``soft_iou_loss``. Deviation: the V-Net squares p and t in the denominator;
        here it is linear. With hard masks that is the same, since 0 and 1 are their own squares.

    References:
        Dice, "Measures of the Amount of Ecologic Association Between Species", Ecology 26(3), 297-302, 1945. Milletari,
        Navab and Ahmadi, "V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image Segmentation", 3DV
        2016, section 3.

    Example:
        Two pixels of foreground, each predicted with probability 1/2: I = 1, and 1 - 2 / (1 + 2).

        >>> soft_dice_loss(torch.zeros(1, 1, 1, 2), torch.ones(1, 1, 2, dtype=torch.int64), mode="binary")
        tensor(0.3333)
    """
    intersection, total, present = _soft_counts("soft_dice_loss", logits, target, mode, smooth, ignore_index)  # (N, K)
    return _mean_loss(2 * intersection + smooth, total + smooth, present).to(logits.dtype)


# ------------------------------------------------------------------------------------------------------------ metrics


def confusion_matrix(pred: Tensor, target: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    r"""Return how many pixels of each true class were predicted as each class.

    .. math:: n_{ij} = |\{x : \text{target}(x) = i,\ \text{pred}(x) = j,\ \text{target}(x) \ne \text{ignore}\}|

    Args:
        pred: any shape, integer or bool, predicted labels (not logits) in ``[0, K)``; free where the target is ignored.
        target: same shape and device, integer or bool, labels in ``[0, K)`` or equal to ``ignore_index``.
        num_classes: K, at least 1.
        ignore_index: pixels with this *target* label are not counted; any integer.

    Returns:
        ``(K, K)`` int64, rows are the target, columns the prediction, on the device of the inputs.

    Raises:
        ValueError: if the shapes differ, an input holds floats, a label of a counted pixel is outside ``[0, K)``, or
            ``num_classes`` is below 1.

    References:
        Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015, section 5
        (:math:`n_{ij}`).

    Example:
        >>> confusion_matrix(torch.tensor([[0, 1], [1, 1]]), torch.tensor([[0, 0], [1, 255]]), 2, ignore_index=255)
        tensor([[1, 1],
                [0, 1]])
    """
    subject = "confusion_matrix"
    _check_shape(subject, pred, tuple(target.shape), "pred and target hold one label per pixel.")
    rows, counted = _as_labels(subject, "target", target, num_classes, ignore_index)
    columns = _as_counted_labels(subject, "pred", pred, num_classes, counted)
    cells = (rows * num_classes + columns)[counted]  # (number of counted pixels,)
    return torch.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)  # (K, K)


def segmentation_metrics(
    pred: Tensor, target: Tensor, num_classes: int, ignore_index: int | None = None
) -> SegmentationMetrics:
    r"""Return pixel accuracy and, per class and on average, the overlap of predicted and true masks.

    With :math:`TP_k = n_{kk}`, :math:`FP_k = \sum_{i \ne k} n_{ik}` and :math:`FN_k = \sum_{j \ne k} n_{kj}` of the
    confusion matrix:

    ================== ============================================= ==================================
    ``pixel_accuracy`` :math:`\sum_k n_{kk} / \sum_{ij} n_{ij}`
    ``iou``            :math:`TP_k / (TP_k + FP_k + FN_k)`           Jaccard index
    ``dice``           :math:`2\,TP_k / (2\,TP_k + FP_k + FN_k)`     F1 score; 2 IoU / (1 + IoU)
    ``precision``      :math:`TP_k / (TP_k + FP_k)`
    ``recall``         :math:`TP_k / (TP_k + FN_k)`
    ``mean_iou``       mean of ``iou``                               over classes where it is not NaN
    ``mean_dice``      mean of ``dice``                              over classes where it is not NaN
    ================== ============================================= ==================================

    Args:
        pred: as in ``confusion_matrix``.
        target: as in ``confusion_matrix``.
        num_classes: K, at least 1; class 0 counts like any other.
        ignore_index: pixels with this *target* label are not counted; any integer.

    Returns:
        A dict: ``pixel_accuracy``, ``mean_iou`` and ``mean_dice`` floats in ``[0, 1]``; ``iou``, ``dice``,
        ``precision`` and ``recall`` ``(K,)`` float64 on the device of the inputs.

    Raises:
        ValueError: as ``confusion_matrix``.

    Note:
        Where a denominator is 0 the value is NaN. A class in neither mask has IoU and Dice NaN and is left out of the
        means; a class in only one of them has 0 and counts. Without a pixel that counts everything is NaN. Pixels of a
        batch are pooled. Errata: with union in the denominator, as the lecture also writes it, Dice would be 2 IoU.

    References:
        Long et al. 2015 (see ``confusion_matrix``), section 5: pixel accuracy, mean IU. Dice 1945 (see
        ``soft_dice_loss``).

    Example:
        Four pixels in common, four of each mask alone.

        >>> target = torch.tensor([1, 1, 0, 0])[:, None].expand(4, 4)
        >>> metrics = segmentation_metrics(target.roll(1, 0), target, num_classes=2)
        >>> metrics["pixel_accuracy"], metrics["iou"][1], metrics["dice"][1]
        (0.5, tensor(0.3333, dtype=torch.float64), tensor(0.5000, dtype=torch.float64))
    """
    counts = confusion_matrix(pred, target, num_classes, ignore_index).to(torch.float64)  # (K, K)
    tp = counts.diagonal()  # (K,)
    num_target, num_pred = counts.sum(dim=1), counts.sum(dim=0)  # (K,) tp + fn, (K,) tp + fp
    iou = tp / (num_target + num_pred - tp)  # (K,) 0 / 0 is NaN
    dice = 2 * tp / (num_target + num_pred)  # (K,)
    return {
        "pixel_accuracy": float(tp.sum() / counts.sum()),
        "iou": iou,
        "dice": dice,
        "precision": tp / num_pred,
        "recall": tp / num_target,
        "mean_iou": float(iou.nanmean()),
        "mean_dice": float(dice.nanmean()),
    }


# ------------------------------------------------------------------------------------------------------------ network


class DoubleConv(nn.Module):
    r"""Two 3x3 convolutions, each followed by a ReLU: one blue double arrow of the paper's figure 1.

    Args:
        in_channels: of ``conv1``.
        out_channels: of ``conv1`` and ``conv2``.
        padding: ``same`` (one zero on each side of each convolution) or ``valid`` (none, as in the paper).

    Raises:
        ValueError: if ``padding`` is unknown.

    Note:
        ``(N, in_channels, H, W)`` becomes ``(N, out_channels, H, W)``, or ``(N, out_channels, H - 4, W - 4)`` if
        ``valid``. Both convolutions have a bias; there is no batch normalisation.

    References:
        Ronneberger et al. 2015 (see ``segmentation_cross_entropy``), section 2.

    Example:
        >>> DoubleConv(1, 8, padding="valid")(torch.zeros(2, 1, 12, 9)).shape
        torch.Size([2, 8, 8, 5])
    """

    def __init__(self, in_channels: int, out_channels: int, padding: str = "same") -> None:
        super().__init__()
        _check_padding("DoubleConv", padding)
        self.conv1 = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=padding)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=padding)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, out_channels, H, W)``, or 4 less in height and width without padding."""
        x = self.relu(self.conv1(x))
        y: Tensor = self.relu(self.conv2(x))
        return y


class UNet(nn.Module):
    r"""The U-Net of the paper's figure 1: down to small maps, up again, and a copy across at each of four levels.

    With c = ``base``; the sizes are those of the figure, for 572 x 572 pixels and ``valid``:

    =============== ========================================= ================= ==================
    layer           what                                      channels          output size
    =============== ========================================= ================= ==================
    enc1            ``DoubleConv``                            in, c             568
    enc2            2x2 max pooling, ``DoubleConv``           c, 2 c            280
    enc3            2x2 max pooling, ``DoubleConv``           2 c, 4 c          136
    enc4            2x2 max pooling, ``DoubleConv``           4 c, 8 c          64
    bottleneck      2x2 max pooling, ``DoubleConv``           8 c, 16 c         28
    up4, dec4       2x2 up-convolution, enc4, ``DoubleConv``  16 c, 8 + 8, 8 c  56, 52
    up3, dec3       2x2 up-convolution, enc3, ``DoubleConv``  8 c, 4 + 4, 4 c   104, 100
    up2, dec2       2x2 up-convolution, enc2, ``DoubleConv``  4 c, 2 + 2, 2 c   200, 196
    up1, dec1       2x2 up-convolution, enc1, ``DoubleConv``  2 c, 1 + 1, c     392, 388
    head            1x1 convolution                           c, K              388
    =============== ========================================= ================= ==================

    An up-convolution is ``ConvTranspose2d(2 c, c, kernel_size=2, stride=2)``. What a level of the encoder computed,
    before its pooling, is concatenated with it: ``torch.cat([skip, up], dim=1)``.

    Args:
        in_channels: of the image.
        num_classes: K.
        base: channels of ``enc1``; 64 in the paper.
        padding: of all 3x3 convolutions. ``same``: the output has the size of the input. ``valid``: as in the paper,
            the output is 184 smaller, and skips are cropped at their centre to the size of what comes up.

    Raises:
        ValueError: if ``padding`` is unknown.

    Note:
        Maps ``(N, in_channels, H, W)`` to logits ``(N, K, H, W)``, or ``(N, K, H - 184, W - 184)``, without softmax.
        ``forward`` raises ``ValueError`` for another shape, and for sizes at which some pooling would drop a row:
        with ``same``, H and W are multiples of 16; with ``valid``, 188, 204, 220, ... 23 layers with weights (18 3x3, 4
        up-convolutions, 1x1), 31,030,658 parameters from 1 to 2 channels, with either padding. ``same`` is a deviation
        from the paper; so are torch's initial weights (the paper draws from a Gaussian of variance 2 / fan in) and the
        absence of dropout.

    References:
        Ronneberger et al. 2015 (see ``segmentation_cross_entropy``), section 2 and figure 1.

    Example:
        >>> UNet(in_channels=3, num_classes=4, base=2)(torch.zeros(1, 3, 32, 48)).shape
        torch.Size([1, 4, 32, 48])
        >>> with torch.device("meta"):
        ...     unet = UNet(padding="valid")
        ...     unet(torch.zeros(1, 1, 572, 572)).shape
        torch.Size([1, 2, 388, 388])
        >>> sum(parameter.numel() for parameter in unet.parameters())
        31030658
    """

    def __init__(self, in_channels: int = 1, num_classes: int = 2, base: int = 64, padding: str = "same") -> None:
        super().__init__()
        _check_padding("UNet", padding)
        self.in_channels = in_channels
        self.padding = padding
        self.enc1 = DoubleConv(in_channels, base, padding)
        self.enc2 = DoubleConv(base, 2 * base, padding)
        self.enc3 = DoubleConv(2 * base, 4 * base, padding)
        self.enc4 = DoubleConv(4 * base, 8 * base, padding)
        self.bottleneck = DoubleConv(8 * base, 16 * base, padding)
        self.up4 = nn.ConvTranspose2d(16 * base, 8 * base, kernel_size=2, stride=2)
        self.dec4 = DoubleConv(16 * base, 8 * base, padding)
        self.up3 = nn.ConvTranspose2d(8 * base, 4 * base, kernel_size=2, stride=2)
        self.dec3 = DoubleConv(8 * base, 4 * base, padding)
        self.up2 = nn.ConvTranspose2d(4 * base, 2 * base, kernel_size=2, stride=2)
        self.dec2 = DoubleConv(4 * base, 2 * base, padding)
        self.up1 = nn.ConvTranspose2d(2 * base, base, kernel_size=2, stride=2)
        self.dec1 = DoubleConv(2 * base, base, padding)
        self.head = nn.Conv2d(base, num_classes, kernel_size=1)
        self.pool = nn.MaxPool2d(kernel_size=2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits ``(N, K, H, W)``, or 184 less in height and width without padding."""
        self._check_input(x)
        skip1 = self.enc1(x)  # (N, c, H, W), the sizes for padding "same"
        skip2 = self.enc2(self.pool(skip1))  # (N, 2 c, H / 2, W / 2)
        skip3 = self.enc3(self.pool(skip2))  # (N, 4 c, H / 4, W / 4)
        skip4 = self.enc4(self.pool(skip3))  # (N, 8 c, H / 8, W / 8)
        x = self.bottleneck(self.pool(skip4))  # (N, 16 c, H / 16, W / 16)
        x = self.dec4(_concatenate(skip4, self.up4(x)))  # (N, 8 c, H / 8, W / 8)
        x = self.dec3(_concatenate(skip3, self.up3(x)))  # (N, 4 c, H / 4, W / 4)
        x = self.dec2(_concatenate(skip2, self.up2(x)))  # (N, 2 c, H / 2, W / 2)
        x = self.dec1(_concatenate(skip1, self.up1(x)))  # (N, c, H, W)
        logits: Tensor = self.head(x)  # (N, K, H, W)
        return logits

    def _check_input(self, x: Tensor) -> None:
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            hint = "x holds a batch of images."
            raise ValueError(f"UNet: expected shape (N, {self.in_channels}, H, W), got {tuple(x.shape)}. {hint}")
        smallest, rule = (16, "multiples of 16") if self.padding == "same" else (188, "188 + 16 k")
        for size in x.shape[2:]:
            if size < smallest or (size - smallest) % 16:
                hint = f"Four poolings halve the maps, padding is {self.padding!r}."
                raise ValueError(f"UNet: expected height and width of {rule}, got {tuple(x.shape[2:])}. {hint}")


def _concatenate(skip: Tensor, up: Tensor) -> Tensor:
    """Return the centre of ``skip``, of the size of ``up``, and ``up`` behind it: ``(N, 2 c, H, W)``."""
    height, width = up.shape[2:]
    top, left = (skip.shape[2] - height) // 2, (skip.shape[3] - width) // 2  # (0, 0) with padding "same"
    return torch.cat([skip[:, :, top : top + height, left : left + width], up], dim=1)


# --------------------------------------------------------------------------------------------- what the functions share


def _soft_counts(
    subject: str, logits: Tensor, target: Tensor, mode: str, smooth: float, ignore_index: int | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return I, the sum of p plus the sum of t, and whether the class occurs: each ``(N, K)``; K is 1 for binary."""
    if mode not in MODES:
        raise ValueError(f"{subject}: expected a mode of {', '.join(MODES)}, got {mode!r}. Softmax or sigmoid.")
    if not 0 <= smooth < math.inf:
        raise ValueError(f"{subject}: expected smooth >= 0, got {smooth}. It is added above and below.")
    if mode == "binary":
        if target.dim() == 4 and target.shape == logits.shape:
            target = target.flatten(0, 1)  # (N, H, W) if there is one channel
        if logits.dim() == 3:
            logits = logits.unsqueeze(1)  # (N, 1, H, W)
        if logits.dim() != 4 or logits.shape[1] != 1:
            hint = "A binary mask has one logit per pixel."
            raise ValueError(f"{subject}: expected shape (N, 1, H, W), got {tuple(logits.shape)}. {hint}")
    num_classes = _check_logits(subject, logits, target)
    wide = logits.to(torch.float64)  # (N, K, H, W)
    if mode == "binary":
        labels, counted = _as_labels(subject, "target", target, 2, ignore_index)  # (N, H, W), (N, H, W)
        p, t = wide.sigmoid(), _one_hot(labels, counted, 2)[:, 1:]  # (N, 1, H, W), (N, 1, H, W)
    else:
        labels, counted = _as_labels(subject, "target", target, num_classes, ignore_index)  # (N, H, W), (N, H, W)
        p, t = wide.softmax(dim=1), _one_hot(labels, counted, num_classes)  # (N, K, H, W), (N, K, H, W)
    p, t = p.where(counted.unsqueeze(1), 0.0), t.to(torch.float64)
    num_true = t.sum(dim=(2, 3))  # (N, K)
    return (p * t).sum(dim=(2, 3)), p.sum(dim=(2, 3)) + num_true, num_true > 0


def _mean_loss(numerator: Tensor, denominator: Tensor, present: Tensor) -> Tensor:
    """Return the mean over present pairs ``(N, K)`` of one minus the ratio; 0 if there are none."""
    loss = 1 - numerator / denominator.where(present, 1.0)  # (N, K), never 0 / 0, which would spoil the gradient
    return loss.where(present, 0.0).sum() / present.sum().clamp(min=1)


def _one_hot(labels: Tensor, counted: Tensor, num_classes: int) -> Tensor:
    """Return ``(N, K, H, W)`` bool; False in all classes where a pixel does not count."""
    classes = torch.arange(num_classes, device=labels.device)[:, None, None]  # (K, 1, 1)
    return (labels.unsqueeze(1) == classes) & counted.unsqueeze(1)  # (N, K, H, W)


def _as_labels(
    subject: str, name: str, labels: Tensor, num_classes: int, ignore_index: int | None
) -> tuple[Tensor, Tensor]:
    """Return labels as int64, 0 where ignored, and which pixels count."""
    if num_classes < 1:
        raise ValueError(f"{subject}: expected at least 1 class, got {num_classes}. The background is one, too.")
    _check_integers(subject, name, labels)
    labels = labels.to(torch.int64)  # before the comparison: a uint8 mask compared with -100 is compared with 156
    counted = torch.ones_like(labels, dtype=torch.bool) if ignore_index is None else labels != ignore_index
    return _as_counted_labels(subject, name, labels, num_classes, counted), counted


def _as_counted_labels(subject: str, name: str, labels: Tensor, num_classes: int, counted: Tensor) -> Tensor:
    """Return labels as int64, 0 where they do not count; raise if one that counts is no class."""
    _check_integers(subject, name, labels)
    labels = labels.to(torch.int64).where(counted, 0)
    outside = (labels < 0) | (labels >= num_classes)
    if outside.any():
        wrong = int(labels[outside][0])
        hint = "A label is the index of a class."
        raise ValueError(f"{subject}: expected {name} in [0, {num_classes}), got {wrong}. {hint}")
    return labels


def _as_vertices(subject: str, polygon: Sequence[float]) -> list[tuple[float, float]]:
    coordinates = [float(coordinate) for coordinate in polygon]
    if len(coordinates) % 2:
        hint = "They are x1, y1, x2, y2, ..."
        raise ValueError(f"{subject}: expected an even number of coordinates, got {len(coordinates)}. {hint}")
    if not all(map(math.isfinite, coordinates)):
        wrong = next(coordinate for coordinate in coordinates if not math.isfinite(coordinate))
        raise ValueError(f"{subject}: expected finite coordinates, got {wrong}.")
    vertices = list(zip(coordinates[::2], coordinates[1::2], strict=True))
    if len(set(vertices)) < 3:
        hint = "A repeated first vertex does not count."
        raise ValueError(f"{subject}: expected at least 3 distinct vertices, got {len(set(vertices))}. {hint}")
    return vertices


def _check_size(subject: str, height: int, width: int) -> None:
    if height < 1 or width < 1:
        raise ValueError(f"{subject}: expected a height and width of at least 1, got {(height, width)}.")


def _check_padding(subject: str, padding: str) -> None:
    if padding not in PADDINGS:
        raise ValueError(f"{subject}: expected a padding of {', '.join(PADDINGS)}, got {padding!r}.")


def _check_logits(subject: str, logits: Tensor, target: Tensor) -> int:
    """Return K of logits ``(N, K, H, W)``; raise if they or the shape of the target do not fit."""
    if logits.dim() != 4 or logits.shape[1] == 0:
        hint = "logits hold one channel per class."
        raise ValueError(f"{subject}: expected shape (N, K, H, W) with K >= 1, got {tuple(logits.shape)}. {hint}")
    if not logits.is_floating_point():
        raise ValueError(f"{subject}: expected a floating dtype for logits, got {logits.dtype}.")
    num_samples, num_classes, height, width = logits.shape
    _check_shape(subject, target, (num_samples, height, width), "target holds one label per pixel.")
    return num_classes


def _check_integers(subject: str, name: str, labels: Tensor) -> None:
    if labels.is_floating_point() or labels.is_complex():
        raise ValueError(f"{subject}: expected integers in {name}, got {labels.dtype}.")


def _check_shape(subject: str, tensor: Tensor, expected: tuple[int, ...], hint: str) -> None:
    if tuple(tensor.shape) != expected:
        raise ValueError(f"{subject}: expected shape {expected}, got {tuple(tensor.shape)}. {hint}")
