r"""The convolutional architectures of the lecture: LeNet-5, AlexNet and VGG-16, and the arithmetic of their layers.

Reading order: how large is the output of a layer (``conv2d_output_size`` and its two siblings), how many parameters
does it have (``conv2d_num_params``, ``linear_num_params``, ``count_parameters``), how much of the image does a unit see
(``receptive_field``), and then the three networks, of 61,706, 61,100,840 and 138,357,544 parameters.

Arithmetic is exact, in Python integers, for one side of a square. The networks return logits, work in any floating
dtype, on any device (``with torch.device("meta"): VGG16()`` takes no memory), never change their input, and are
initialised as PyTorch initialises its layers.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

VGG16_CONFIGURATION_D = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Table 1, column D, of the VGG paper: the output channels of its 3x3 convolutions; each group ends in max pooling."""


def conv2d_output_size(n: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    r"""Return the side of the feature map that a convolution makes of a side of ``n`` pixels.

    .. math:: \left\lfloor \frac{n + 2p - d(k - 1) - 1}{s} \right\rfloor + 1

    The kernel covers :math:`d(k - 1) + 1` pixels, and the result counts the places where it fits.

    Args:
        n: side of the input in pixels, at least 1.
        kernel_size: :math:`k`, at least 1.
        stride: :math:`s`, at least 1.
        padding: :math:`p`, pixels added on *each* side, at least 0.
        dilation: :math:`d`, at least 1; neighbouring weights are this many pixels apart.

    Returns:
        An int, at least 1.

    Raises:
        ValueError: if a number is below its bound or no int, or if the dilated kernel is larger than the padded input.

    Note:
        A stride that does not divide evenly is allowed: the last pixels are not read. AlexNet's first layer makes 55 of
        224 only with padding 2; without padding it makes 54, and 55 takes an input of 227.

    References:
        Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285, 2016; the formula
        is that of the PyTorch documentation, ``torch.nn.Conv2d``, "Shape".

    Example:
        >>> conv2d_output_size(32, kernel_size=5)
        28
        >>> conv2d_output_size(224, kernel_size=11, stride=4), conv2d_output_size(224, 11, stride=4, padding=2)
        (54, 55)
    """
    subject = "conv2d_output_size"
    _check_at_least(subject, 1, n=n, kernel_size=kernel_size, stride=stride, dilation=dilation)
    _check_at_least(subject, 0, padding=padding)
    extent = dilation * (kernel_size - 1) + 1
    _check_kernel_fits(subject, extent, n + 2 * padding)
    return (n + 2 * padding - extent) // stride + 1


def pool2d_output_size(
    n: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    r"""Return the side of the feature map that a pooling layer makes of a side of ``n`` pixels.

    .. math:: \left\lfloor \frac{n + 2p - d(k - 1) - 1}{s} \right\rfloor + 1

    With ``ceil_mode``, :math:`\lceil\cdot\rceil` in place of :math:`\lfloor\cdot\rfloor`, less 1 if the last window
    would then start beyond the input and its left padding.

    Args:
        n: side of the input in pixels, at least 1.
        kernel_size: :math:`k`, at least 1.
        stride: :math:`s`, at least 1; ``None`` means ``kernel_size``, windows side by side.
        padding: :math:`p`, on each side, at least 0 and at most half of ``kernel_size``.
        dilation: :math:`d`, at least 1.
        ceil_mode: may the last window hang over the right edge?

    Returns:
        An int, at least 1.

    Raises:
        ValueError: if a number is out of its bounds or no int, or if the dilated kernel is larger than the padded
            input.

    Note:
        PyTorch rounds down unless told otherwise, Caffe rounds up. Deviation from PyTorch: a kernel larger than the
        padded input is refused with ``ceil_mode``, too.

    References:
        PyTorch documentation, ``torch.nn.MaxPool2d``, "Shape" and the note on ``ceil_mode``.

    Example:
        >>> pool2d_output_size(28, kernel_size=2)
        14
        >>> pool2d_output_size(112, 3, stride=2), pool2d_output_size(112, 3, stride=2, ceil_mode=True)
        (55, 56)
        >>> pool2d_output_size(5, 3, stride=3, padding=1, ceil_mode=True)  # a third would start in the right padding
        2
    """
    subject = "pool2d_output_size"
    stride = kernel_size if stride is None else stride
    _check_at_least(subject, 1, n=n, kernel_size=kernel_size, stride=stride, dilation=dilation)
    _check_at_least(subject, 0, padding=padding)
    extent = dilation * (kernel_size - 1) + 1
    if 2 * padding > kernel_size:
        hint = "PyTorch allows half of the kernel."
        raise ValueError(f"{subject}: expected padding <= {kernel_size // 2}, got {padding}. {hint}")
    _check_kernel_fits(subject, extent, n + 2 * padding)
    if not ceil_mode:
        return (n + 2 * padding - extent) // stride + 1
    size = -((extent - n - 2 * padding) // stride) + 1  # -(-a // s) is ceil(a / s), without a float
    return size - 1 if (size - 1) * stride >= n + padding else size


def conv_transpose2d_output_size(
    n: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    r"""Return the side of the feature map that a transposed convolution makes of a side of ``n`` pixels.

    .. math:: (n - 1)s - 2p + d(k - 1) + 1 + o

    Args:
        n: side of the input in pixels, at least 1.
        kernel_size: :math:`k`, at least 1.
        stride: :math:`s`, at least 1.
        padding: :math:`p`, pixels cut off on each side of the *output*, at least 0.
        output_padding: :math:`o`, pixels added on one side of the output, at least 0, less than the larger of
            ``stride`` and ``dilation``.
        dilation: :math:`d`, at least 1.

    Returns:
        An int, at least 1.

    Raises:
        ValueError: if a number is out of its bounds or no int, or if the padding leaves no output.

    Note:
        It undoes ``conv2d_output_size``: for a convolution of ``m`` pixels whose division leaves the remainder ``r``,
        ``output_padding=r`` gives ``m`` back.

    References:
        PyTorch documentation, ``torch.nn.ConvTranspose2d``, "Shape".

    Example:
        >>> conv_transpose2d_output_size(28, kernel_size=2, stride=2)
        56
    """
    subject = "conv_transpose2d_output_size"
    _check_at_least(subject, 1, n=n, kernel_size=kernel_size, stride=stride, dilation=dilation)
    _check_at_least(subject, 0, padding=padding, output_padding=output_padding)
    bound = max(stride, dilation)
    if output_padding >= bound:
        hint = "It tells apart the sizes that one stride maps to the same output."
        raise ValueError(f"{subject}: expected output_padding < {bound}, got {output_padding}. {hint}")
    size = (n - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + 1 + output_padding
    if size < 1:
        raise ValueError(f"{subject}: expected an output size >= 1, got {size}. The padding cuts everything off.")
    return size


def conv2d_num_params(in_channels: int, out_channels: int, kernel_size: int, bias: bool = True, groups: int = 1) -> int:
    r"""Return the number of parameters of a convolution with a square kernel.

    .. math:: C_\text{out} \left( k^2 \, \frac{C_\text{in}}{g} + 1 \right)

    Each filter reads all input channels of its group and has one bias, whatever the size of the image.

    Args:
        in_channels: :math:`C_\text{in}`, at least 1.
        out_channels: :math:`C_\text{out}`, the number of filters, at least 1.
        kernel_size: :math:`k`, at least 1.
        bias: has each filter a bias (the ``+ 1``)?
        groups: :math:`g`, at least 1, divides both channel numbers.

    Returns:
        An int, at least 1.

    Raises:
        ValueError: if a number is below its bound or no int, or if ``groups`` does not divide both channel numbers.

    References:
        PyTorch documentation, ``torch.nn.Conv2d``, "Variables".

    Example:
        LeNet-5's first layer, and the second of VGG-16:

        >>> conv2d_num_params(1, 6, kernel_size=5), conv2d_num_params(64, 64, kernel_size=3)
        (156, 36928)
    """
    subject = "conv2d_num_params"
    _check_at_least(
        subject, 1, in_channels=in_channels, out_channels=out_channels, kernel_size=kernel_size, groups=groups
    )
    if in_channels % groups or out_channels % groups:
        got = f"{in_channels} and {out_channels} channels"
        raise ValueError(f"{subject}: expected channel numbers that {groups} divides (groups), got {got}.")
    return out_channels * (in_channels // groups * kernel_size**2 + int(bias))


def linear_num_params(in_features: int, out_features: int, bias: bool = True) -> int:
    r"""Return the number of parameters of a fully connected layer.

    .. math:: D_\text{out} (D_\text{in} + 1)

    Args:
        in_features: :math:`D_\text{in}`, at least 1.
        out_features: :math:`D_\text{out}`, at least 1.
        bias: has each output a bias (the ``+ 1``)?

    Returns:
        An int, at least 1.

    Raises:
        ValueError: if a number is below 1 or no int.

    References:
        PyTorch documentation, ``torch.nn.Linear``, "Variables".

    Example:
        VGG-16's first fully connected layer, three quarters of the network:

        >>> linear_num_params(512 * 7 * 7, 4096)
        102764544
    """
    _check_at_least("linear_num_params", 1, in_features=in_features, out_features=out_features)
    return out_features * (in_features + int(bias))


def count_parameters(module: nn.Module, trainable_only: bool = False) -> int:
    """Return how many numbers the parameters of a module hold.

    Args:
        module: any module; its parameters may live on the meta device.
        trainable_only: leave out frozen parameters (``requires_grad=False``)?

    Returns:
        An int, at least 0.

    Note:
        Each parameter counts once, also if several layers share it. Buffers (the running statistics of batch
        normalisation) are no parameters. A frozen parameter is one, unless ``trainable_only``.

    Example:
        >>> layer = nn.Linear(3, 3)
        >>> count_parameters(layer), count_parameters(nn.Sequential(layer, nn.ReLU(), layer))
        (12, 12)
        >>> count_parameters(layer.requires_grad_(False), trainable_only=True)
        0
    """
    parameters = module.parameters()  # names each parameter once, unlike state_dict
    return sum(parameter.numel() for parameter in parameters if parameter.requires_grad or not trainable_only)


def receptive_field(layers: Sequence[tuple[int, int]]) -> int:
    r"""Return the side of the square of input pixels that one output unit of a chain of layers depends on.

    .. math:: r = 1 + \sum_{l=1}^{L} (k_l - 1) \prod_{i=1}^{l-1} s_i

    Args:
        layers: ``(kernel_size, stride)`` of each convolution and pooling layer, both at least 1, the one next to the
            image first.

    Returns:
        An int, at least 1; 1 for no layer.

    Raises:
        ValueError: if an entry is no pair, or if one of its numbers is below 1 or no int.

    Note:
        The stride of a layer widens only the layers after it. Padding does not matter: near the border, part of the
        square lies outside the image. A dilated kernel enters with the extent that it covers, ``d * (k - 1) + 1``.
        Activations and fully connected layers have no place in the list.

    References:
        Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill, 2019. Simonyan
        and Zisserman 2015 (see ``VGG16``), Section 2.3: three 3x3 layers see as much as one of 7x7.

    Example:
        >>> receptive_field([(3, 1), (3, 1), (3, 1)])
        7
        >>> receptive_field([(5, 1), (2, 2), (5, 1), (2, 2)])  # LeNet-5, after its second pooling
        16
    """
    subject = "receptive_field"
    field, jump = 1, 1  # jump: how many input pixels apart are two neighbours of this layer's input?
    for layer in layers:
        if len(layer) != 2:
            raise ValueError(f"{subject}: expected pairs of kernel_size and stride, got {layer!r}.")
        kernel_size, stride = layer
        _check_at_least(subject, 1, kernel_size=kernel_size, stride=stride)
        field += (kernel_size - 1) * jump
        jump *= stride
    return field


class LeNet5(nn.Module):
    """LeNet-5 as it is taught today: 2 convolutional, 2 average pooling and 3 fully connected layers.

    Each convolution is followed by tanh and then 2x2 average pooling, ``fc1`` and ``fc2`` by tanh, ``fc3`` by nothing.

    Args:
        in_channels: of the images, at least 1.
        num_classes: ``K``, at least 1.

    Raises:
        ValueError: if a number is below 1 or no int.

    Note:
        61,706 parameters (62,006 with three input channels). Images are 32x32: an MNIST digit of 28x28 is padded by 2.
        Deviations from the paper, which counts 60,000 parameters: C3 reads all six maps (the paper's Table I leaves
        some out), pooling is a plain mean (there: a trained factor and bias, then a squashing function), tanh is not
        scaled, and the output is linear (there: distances to fixed codes). The paper calls ``fc1`` a convolution, C5;
        on a 5x5 map that is the same layer with the same 48,120 parameters.

    References:
        LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition", Proceedings of the
        IEEE 86(11), 2278-2324, 1998, Section II-B and Table I.

    Example:
        >>> net = LeNet5()
        >>> net(torch.zeros(2, 1, 32, 32)).shape
        torch.Size([2, 10])
        >>> count_parameters(net)
        61706
    """

    def __init__(self, in_channels: int = 1, num_classes: int = 10) -> None:
        super().__init__()
        _check_at_least("LeNet5", 1, in_channels=in_channels, num_classes=num_classes)
        self.conv1 = nn.Conv2d(in_channels, 6, kernel_size=5)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.pool = nn.AvgPool2d(kernel_size=2)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch of images.

        Args:
            x: ``(N, C, 32, 32)`` float.

        Returns:
            ``(N, K)`` float, same dtype and device.

        Raises:
            ValueError: if ``x`` has another shape.
        """
        if x.dim() != 4 or tuple(x.shape[1:]) != (self.conv1.in_channels, 32, 32):
            expected = f"(N, {self.conv1.in_channels}, 32, 32)"
            hint = "Pad an image of 28 x 28 by 2 on each side."
            raise ValueError(f"LeNet5: expected shape {expected}, got {tuple(x.shape)}. {hint}")
        x = self.pool(torch.tanh(self.conv1(x)))  # (N, C, 32, 32) -> (N, 6, 28, 28) -> (N, 6, 14, 14)
        x = self.pool(torch.tanh(self.conv2(x)))  # (N, 16, 10, 10) -> (N, 16, 5, 5)
        x = x.flatten(start_dim=1)  # (N, 400)
        x = torch.tanh(self.fc1(x))  # (N, 120)
        x = torch.tanh(self.fc2(x))  # (N, 84)
        logits: Tensor = self.fc3(x)  # (N, K)
        return logits


class AlexNet(nn.Module):
    """AlexNet with torchvision's widths: 5 convolutional, 3 max pooling and 3 fully connected layers.

    ReLU follows every layer with weights but the last; dropout comes before the first and the second linear layer.

    Args:
        num_classes: ``K``, at least 1.
        dropout: probability in ``[0, 1]`` that a unit is set to 0 in training.

    Raises:
        ValueError: if ``num_classes`` is below 1 or no int, or if ``dropout`` lies outside ``[0, 1]``.

    Note:
        61,100,840 parameters, 96 % of them in the classifier; torchvision's ``state_dict`` fits. Images of 224x224 give
        6x6 maps, on which ``avgpool`` does nothing; of other sizes, at least 63x63, it makes 6x6 maps.
        Deviations from the 2012 paper (60,965,224 parameters): 64, 192, 384, 256, 256 filters instead of 96, 256, 384,
        384, 256, no split over two GPUs (``groups=2`` in layers 2, 4 and 5), no local response normalisation, and
        padding 2 in the first layer, without which 224 pixels give 54, not 55.

    References:
        Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012,
        Section 3.5. The widths, but for the fourth layer's: Krizhevsky, "One weird trick for parallelizing
        convolutional neural networks", arXiv:1404.5997, 2014; they are those of ``torchvision.models.alexnet``.

    Example:
        >>> with torch.device("meta"):
        ...     net, x = AlexNet(), torch.zeros(2, 3, 224, 224)
        >>> net(x).shape
        torch.Size([2, 1000])
        >>> count_parameters(net)
        61100840
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        _check_at_least("AlexNet", 1, num_classes=num_classes)
        _check_dropout("AlexNet", dropout)
        self.features = nn.Sequential(  # (N, 3, 224, 224)
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),  # (N, 64, 55, 55)
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),  # (N, 64, 27, 27)
            nn.Conv2d(64, 192, kernel_size=5, padding=2),  # (N, 192, 27, 27)
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),  # (N, 192, 13, 13)
            nn.Conv2d(192, 384, kernel_size=3, padding=1),  # (N, 384, 13, 13)
            nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),  # (N, 256, 13, 13)
            nn.ReLU(),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),  # (N, 256, 13, 13)
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),  # (N, 256, 6, 6)
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch of images.

        Args:
            x: ``(N, 3, H, W)`` float, ``H`` and ``W`` at least 63, usually 224.

        Returns:
            ``(N, K)`` float, same dtype and device.

        Raises:
            ValueError: if ``x`` has another shape.
        """
        _check_images("AlexNet", x, 63)
        x = self.features(x)  # (N, 256, h, w), 6 x 6 for 224 x 224
        x = self.avgpool(x)  # (N, 256, 6, 6)
        logits: Tensor = self.classifier(x.flatten(start_dim=1))  # (N, 9216) -> (N, K)
        return logits


class VGG16(nn.Module):
    """VGG-16, configuration D: 13 convolutional, 5 max pooling and 3 fully connected layers.

    All convolutions are 3x3 with padding 1, all pooling is 2x2. ReLU follows every layer with weights but the last;
    dropout comes after the ReLUs of the first and the second linear layer.

    Args:
        num_classes: ``K``, at least 1.
        dropout: probability in ``[0, 1]`` that a unit is set to 0 in training.

    Raises:
        ValueError: if ``num_classes`` is below 1 or no int, or if ``dropout`` lies outside ``[0, 1]``.

    Note:
        138,357,544 parameters, 102,764,544 of them in the first linear layer; torchvision's ``state_dict`` fits. The 16
        counts layers with weights: pooling has none. Images of 224x224 give 7x7 maps, on which ``avgpool`` does
        nothing; of other sizes, at least 32x32, it makes 7x7 maps.

    References:
        Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015, Table 1
        (column D) and Table 2 (138 million parameters).

    Example:
        >>> with torch.device("meta"):
        ...     net, x = VGG16(), torch.zeros(2, 3, 224, 224)
        >>> net(x).shape
        torch.Size([2, 1000])
        >>> count_parameters(net)
        138357544
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        _check_at_least("VGG16", 1, num_classes=num_classes)
        _check_dropout("VGG16", dropout)
        layers: list[nn.Module] = []
        in_channels = 3
        for group in VGG16_CONFIGURATION_D:
            for out_channels in group:
                layers += [nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1), nn.ReLU()]
                in_channels = out_channels
            layers.append(nn.MaxPool2d(kernel_size=2))  # 224 -> 112 -> 56 -> 28 -> 14 -> 7
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch of images.

        Args:
            x: ``(N, 3, H, W)`` float, ``H`` and ``W`` at least 32, usually 224.

        Returns:
            ``(N, K)`` float, same dtype and device.

        Raises:
            ValueError: if ``x`` has another shape.
        """
        _check_images("VGG16", x, 32)
        x = self.features(x)  # (N, 512, h, w), 7 x 7 for 224 x 224
        x = self.avgpool(x)  # (N, 512, 7, 7)
        logits: Tensor = self.classifier(x.flatten(start_dim=1))  # (N, 25088) -> (N, K)
        return logits


def _check_at_least(subject: str, minimum: int, **values: int) -> None:
    for name, value in values.items():
        if not isinstance(value, int):
            raise ValueError(f"{subject}: expected an int as {name}, got {value!r}.")
        if value < minimum:
            raise ValueError(f"{subject}: expected {name} >= {minimum}, got {value}.")


def _check_kernel_fits(subject: str, extent: int, padded: int) -> None:
    if extent > padded:
        hint = "The kernel, with its dilation, must fit into the padded input."
        raise ValueError(f"{subject}: expected a kernel of at most {padded} pixels, got {extent}. {hint}")


def _check_dropout(subject: str, dropout: float) -> None:
    if not 0 <= dropout <= 1:
        raise ValueError(f"{subject}: expected a dropout in [0, 1], got {dropout}. It is a probability, usually 0.5.")


def _check_images(subject: str, x: Tensor, minimum: int) -> None:
    if x.dim() != 4 or x.shape[1] != 3 or min(x.shape[2:]) < minimum:
        expected = f"(N, 3, H, W) with H, W >= {minimum}"
        raise ValueError(f"{subject}: expected shape {expected}, got {tuple(x.shape)}. One image is a batch of one.")
