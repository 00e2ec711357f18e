r"""Depth, shattered gradients and residual connections of the lecture, up to ResNet-50.

Reading order: depth multiplies Jacobians (``chain_rule``), a shortcut adds the identity to each of them
(``residual_chain``). What depth does to the gradient is seen on a one-dimensional grid: differentiate the network there
(``input_gradient``) and ask whether neighbours agree (``autocorrelation``). Then the cure: any module with a shortcut
(``Residual``), the two blocks of the paper (``BasicBlock``, ``Bottleneck``) and the network that stacks them
(``ResNet``, ``resnet18``, ``resnet50``).

Inputs are never changed and may be non-contiguous. Module attributes have the names of torchvision, so its state dicts
(and timm's) load with ``strict=True``.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

# --------------------------------------------------------------------------------------------- products of Jacobians


def chain_rule(jacobians: Sequence[Tensor]) -> Tensor:
    r"""Return the Jacobian of a composition of layers: the product of their Jacobians, the last layer's on the left.

    .. math:: \frac{\partial h_{L+1}}{\partial h_1} = \frac{\partial h_{L+1}}{\partial h_L} \cdots
        \frac{\partial h_3}{\partial h_2} \frac{\partial h_2}{\partial h_1} = J_L \cdots J_2 J_1, \qquad
        J_l = \frac{\partial h_{l+1}}{\partial h_l}

    Args:
        jacobians: ``[J_1, ..., J_L]``, at least one, in the order of the forward pass; ``J_l`` is ``(d_out, d_in)``,
            rows are outputs, and its ``d_in`` is the ``d_out`` of ``J_{l-1}``. One dtype and one device.

    Returns:
        ``(d_out of J_L, d_in of J_1)``, dtype and device of the inputs; differentiable; never an alias of an input.

    Raises:
        ValueError: if ``jacobians`` is empty, one of them is not 2-D, or two neighbours do not fit.

    Note:
        The product is taken from the left, as backpropagation does: with a scalar loss on top (``d_out = 1``) every
        intermediate result is a row and no two matrices are ever multiplied. The value is the same in either order of
        evaluation, but not in either order of the factors: matrices do not commute.

    References:
        Prince, "Understanding Deep Learning", MIT Press, 2023, section 11.1.

    Example:
        First swap the two coordinates, then sum them with weights 10 and 1.

        >>> chain_rule([torch.tensor([[0., 1.], [1., 0.]]), torch.tensor([[10., 1.]])])
        tensor([[ 1., 10.]])
    """
    jacobians = _check_jacobians("chain_rule", jacobians)
    product = jacobians[-1].clone()  # (d_out of J_L, d_in of J_L)
    for jacobian in reversed(jacobians[:-1]):
        product = product @ jacobian  # (d_out of J_L, d_in of J_l)
    return product


def residual_chain(jacobians: Sequence[Tensor]) -> Tensor:
    r"""Return the Jacobian of a composition of residual layers, each ``h + g(h)`` with ``g`` of the given Jacobian.

    .. math:: \frac{\partial h_{L+1}}{\partial h_1} = (I + J_L) \cdots (I + J_2)(I + J_1), \qquad
        h_{l+1} = h_l + g_l(h_l), \quad J_l = \frac{\partial g_l}{\partial h_l}

    Multiplied out, the product is a sum over :math:`2^L` paths: each path takes :math:`g_l` or the shortcut around it.

    Args:
        jacobians: ``[J_1, ..., J_L]``, at least one, in the order of the forward pass, all ``(d, d)``: the Jacobians of
            the residual branches, without the identity. One dtype and one device.

    Returns:
        ``(d, d)``, dtype and device of the inputs; differentiable.

    Raises:
        ValueError: if ``jacobians`` is empty, or they are not square matrices of one size.

    Note:
        The gradient survives :math:`J_l \approx 0`, where the plain product is 0. It still vanishes where
        :math:`J_l = -I`; and in a ResNet the ReLU *after* the addition multiplies each factor by a mask of 0 and 1,
        which this product does not contain.

    References:
        He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, equation (1): the residual
        layer. Veit, Wilber and Belongie, "Residual Networks Behave Like Ensembles of Relatively Shallow Networks",
        NeurIPS 2016: the paths. Prince 2023 (see ``chain_rule``), section 11.2.

    Example:
        1.5 x 0.8 x 1.1, not 0.5 x (-0.2) x 0.1 and not 1 + 0.5 - 0.2 + 0.1:

        >>> residual_chain([torch.tensor([[0.5]]), torch.tensor([[-0.2]]), torch.tensor([[0.1]])])
        tensor([[1.3200]])
    """
    jacobians = _check_jacobians("residual_chain", jacobians)
    for jacobian in jacobians:
        d_out, d_in = jacobian.shape
        if d_out != d_in:
            hint = "A shortcut adds the input to the output."
            raise ValueError(f"residual_chain: expected square Jacobians, got shape {(d_out, d_in)}. {hint}")
    identity = torch.eye(len(jacobians[0]), dtype=jacobians[0].dtype, device=jacobians[0].device)  # (d, d)
    return chain_rule([identity + jacobian for jacobian in jacobians])


# ----------------------------------------------------------------------------------------------- shattered gradients


def input_gradient(model: nn.Module, x: Tensor) -> Tensor:
    r"""Return the derivative of a scalar network with respect to its scalar input, at every point of a grid.

    .. math:: g_n = \frac{\partial y_n}{\partial x_n}, \qquad y_n = \text{model}(x)_n

    Args:
        model: maps ``(N, 1)`` to ``(N, 1)``, each row on its own. It runs in the mode it is in.
        x: ``(N, 1)`` float, the points.

    Returns:
        ``(N,)``, dtype and device of ``x``, detached. Where the output does not depend on the input it is 0.

    Raises:
        ValueError: if ``x`` is not of shape ``(N, 1)`` and floating, or if the model's output is not ``(N, 1)``.

    Note:
        No ``.grad`` is written, neither of ``x`` nor of a parameter, whatever ``requires_grad`` says; it works under
        ``torch.no_grad()``. The derivatives come from one backward pass through :math:`\sum_m y_m`, which equals
        :math:`\partial y_n / \partial x_n` because row n alone depends on :math:`x_n`. Statistics over the batch break
        that (batch normalisation in training mode): detach them, or what comes back is
        :math:`\sum_m \partial y_m / \partial x_n`.

    Example:
        >>> input_gradient(nn.Tanh(), torch.tensor([[0.], [100.]]))
        tensor([1., 0.])
    """
    subject = "input_gradient"
    if x.dim() != 2 or x.shape[1] != 1:
        raise ValueError(f"{subject}: expected shape (N, 1), got {tuple(x.shape)}. x holds one point per row.")
    if not x.is_floating_point():
        raise ValueError(f"{subject}: expected floating x, got {x.dtype}. Integers have no derivative.")
    with torch.enable_grad():
        points = x.detach().clone().requires_grad_()  # (N, 1)
        y = model(points.clone())  # (N, 1), of a copy, because the model may work in place
        if y.shape != x.shape:
            raise ValueError(f"{subject}: expected a model output of shape {tuple(x.shape)}, got {tuple(y.shape)}.")
        total = y.sum() + 0 * points.sum()  # a constant model has derivative 0, not none
    (gradient,) = torch.autograd.grad(total, points)  # (N, 1)
    return gradient.squeeze(1)  # (N,)


def autocorrelation(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
    r"""Return how strongly a sequence resembles itself some steps later.

    .. math:: r_k = \frac{\sum_{t=1}^{N-k} \tilde g_t\, \tilde g_{t+k}}{\sum_{t=1}^{N} \tilde g_t^2}, \qquad
        \tilde g = g - \bar g

    Args:
        g: ``(N,)`` with ``N >= 1``, values at equally spaced points, such as ``input_gradient`` returns on a grid.
        max_lag: largest lag k, at least 0.
        center: subtract the mean first; if false, :math:`\tilde g = g`.

    Returns:
        ``(max_lag + 1,)`` in ``[-1, 1]``, lags 0 to ``max_lag``, device and dtype of ``g`` (float32 if g is integer or
        bool); differentiable. The first value is 1. From lag N on there is nothing to sum: 0.

    Raises:
        ValueError: if ``g`` is not 1-D or is empty, or if ``max_lag`` is negative.

    Note:
        A constant sequence (centred) and a sequence of zeros have no autocorrelation: NaN at every lag, 0 included.
        Every lag is divided by the same sum (the *biased* estimate, the default of ``statsmodels``; the unbiased one is
        :math:`N / (N - k)` times as large) and the ends do not wrap around. Computed in float64.

        For the published figure, average over some twenty random networks on 256 points in ``[-2, 2]``: one hidden
        layer gives about 0.99 at lag 1 (like a random walk), 24 layers about 0 (like white noise), a residual network
        of 50 layers with batch normalisation and residual branches scaled by 0.1 about 0.9. The plain network needs
        its pre-activations centred over the grid. Without biases and without centring, a ReLU network of one input is
        a straight line on each side of 0, at any depth: nothing shatters.

    References:
        Balduzzi, Frean, Leary, Lewis, Ma and McWilliams, "The Shattered Gradients Problem: If resnets are the answer,
        then what is the question?", ICML 2017, figures 1 and 2. Prince 2023 (see ``chain_rule``), section 11.1.1.

    Example:
        Centred, (1, 2, 3, 4) is (-1.5, -0.5, 0.5, 1.5): squares sum to 5, lag 1 to 1.25, lag 2 to -1.5.

        >>> autocorrelation(torch.tensor([1., 2., 3., 4.]), max_lag=3)
        tensor([ 1.0000,  0.2500, -0.3000, -0.4500])
    """
    subject = "autocorrelation"
    if g.dim() != 1 or len(g) == 0:
        raise ValueError(f"{subject}: expected shape (N,) with N >= 1, got {tuple(g.shape)}. One value per point.")
    if max_lag < 0:
        raise ValueError(f"{subject}: expected max_lag >= 0, got {max_lag}. Lag 0 is the sequence with itself.")
    dtype = g.dtype if g.is_floating_point() else torch.float32
    g = g.to(torch.float64)  # (N,)
    if center:
        g = g - g[0]  # so that the deviations of a constant are 0 and not a rounding error
        g = g - g.mean()
    g = g / g.detach().abs().amax()  # the scale cancels; tiny gradients must not underflow when squared
    n = len(g)
    sums = torch.stack([(g[: max(n - k, 0)] * g[k:]).sum() for k in range(max_lag + 1)])  # (max_lag + 1,)
    return (sums / sums[0]).to(dtype)


# ------------------------------------------------------------------------------------------------------------ blocks


class Residual(nn.Module):
    r"""A module with a shortcut around it.

    .. math:: f(x) = g(x) + x, \qquad \frac{\partial f}{\partial x} = \frac{\partial g}{\partial x} + I

    Args:
        g: maps a tensor to one of the same shape, without changing its input in place.

    Note:
        ``forward`` raises ``ValueError`` if the shapes differ, also where broadcasting would make them fit.

    References:
        He et al. 2016 (see ``residual_chain``), equation (1): :math:`y = \mathcal F(x, \{W_i\}) + x`.

    Example:
        >>> Residual(nn.ReLU())(torch.tensor([-1., 2.]))
        tensor([-1.,  4.])
    """

    def __init__(self, g: nn.Module) -> None:
        super().__init__()
        self.g = g

    def forward(self, x: Tensor) -> Tensor:
        """Return ``g(x) + x``, of the shape of ``x``."""
        return _add("Residual", self.g(x), x)


class BasicBlock(nn.Module):
    r"""The residual block of ResNet-18 and ResNet-34: two 3x3 convolutions and a shortcut.

    .. math:: y = \text{ReLU}(\mathcal F(x) + x), \qquad
        \mathcal F = \text{bn2} \circ \text{conv2} \circ \text{ReLU} \circ \text{bn1} \circ \text{conv1}

    ====== ======================= =========================================
    conv1  3x3, ``stride``, pad 1  ``inplanes`` -> ``planes``, no bias
    conv2  3x3, pad 1              ``planes`` -> ``planes``, no bias
    ====== ======================= =========================================

    Args:
        inplanes: channels of the input.
        planes: channels of the output (``expansion`` is 1).
        stride: of ``conv1``; the output has ``ceil(H / stride)`` rows.
        downsample: what the shortcut applies to ``x``, which is needed as soon as shapes differ (``stride`` is not 1 or
            ``inplanes`` is not ``planes``); ``None`` is the identity.

    Note:
        ``(N, inplanes, H, W)`` becomes ``(N, planes, ceil(H / stride), ceil(W / stride))``. One ReLU follows the
        addition; the branch ends without one, else it could only add. ``forward`` raises ``ValueError`` if branch and
        shortcut differ in shape.

    References:
        He et al. 2016 (see ``residual_chain``), equation (1), equation (2) with :math:`W_s` as ``downsample``, and
        figure 5, left.

    Example:
        >>> BasicBlock(3, 3).eval()(torch.zeros(1, 3, 5, 7)).shape
        torch.Size([1, 3, 5, 7])
    """

    expansion = 1

    def __init__(self, inplanes: int, planes: int, stride: int = 1, downsample: nn.Module | None = None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, planes, ceil(H / stride), ceil(W / stride))``."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))  # (N, planes, H', W')
        out = self.bn2(self.conv2(out))  # (N, planes, H', W')
        y: Tensor = self.relu(_add("BasicBlock", out, shortcut))
        return y


class Bottleneck(nn.Module):
    r"""The residual block of ResNet-50 and deeper: 1x1 narrows, 3x3 works, 1x1 widens, and a shortcut.

    .. math:: y = \text{ReLU}(\mathcal F(x) + x), \qquad \mathcal F = \text{bn3} \circ \text{conv3} \circ \text{ReLU}
        \circ \text{bn2} \circ \text{conv2} \circ \text{ReLU} \circ \text{bn1} \circ \text{conv1}

    ====== ======================= =========================================
    conv1  1x1                     ``inplanes`` -> ``planes``, no bias
    conv2  3x3, ``stride``, pad 1  ``planes`` -> ``planes``, no bias
    conv3  1x1                     ``planes`` -> ``4 * planes``, no bias
    ====== ======================= =========================================

    Args:
        inplanes: channels of the input.
        planes: channels of the 3x3 convolution; the output has ``4 * planes`` (``expansion`` is 4).
        stride: of ``conv2``.
        downsample: as in ``BasicBlock``; needed if ``stride`` is not 1 or ``inplanes`` is not ``4 * planes``.

    Note:
        ``(N, inplanes, H, W)`` becomes ``(N, 4 * planes, ceil(H / stride), ceil(W / stride))``. Deviation: the paper
        puts the stride into ``conv1``; this is "ResNet v1.5" as in torchvision, with as many parameters. ``forward``
        raises ``ValueError`` if branch and shortcut differ in shape.

    References:
        He et al. 2016 (see ``residual_chain``), figure 5, right. The place of the stride: documentation of
        ``torchvision.models.resnet50``.

    Example:
        >>> Bottleneck(8, 2).eval()(torch.zeros(1, 8, 5, 7)).shape
        torch.Size([1, 8, 5, 7])
    """

    expansion = 4

    def __init__(self, inplanes: int, planes: int, stride: int = 1, downsample: nn.Module | None = None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, planes * self.expansion, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * self.expansion)
        self.relu = nn.ReLU()
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(N, 4 * planes, ceil(H / stride), ceil(W / stride))``."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))  # (N, planes, H, W)
        out = self.relu(self.bn2(self.conv2(out)))  # (N, planes, H', W')
        out = self.bn3(self.conv3(out))  # (N, 4 * planes, H', W')
        y: Tensor = self.relu(_add("Bottleneck", out, shortcut))
        return y


# ----------------------------------------------------------------------------------------------------------- network


class ResNet(nn.Module):
    r"""The residual network of the paper's Table 1: a stem, four stages of blocks, average pooling, a classifier.

    =================== ==================================== ======== =========================
    layer               what                                 stride   output for 224 x 224
    =================== ==================================== ======== =========================
    conv1, bn1, relu    7x7 convolution, 64 channels, pad 3  2        64 x 112 x 112
    maxpool             3x3, pad 1                           2        64 x 56 x 56
    layer1              ``layers[0]`` blocks, planes 64      1        64 e x 56 x 56
    layer2              ``layers[1]`` blocks, planes 128     2        128 e x 28 x 28
    layer3              ``layers[2]`` blocks, planes 256     2        256 e x 14 x 14
    layer4              ``layers[3]`` blocks, planes 512     2        512 e x 7 x 7
    avgpool, fc         mean over the map, linear            -        ``num_classes``
    =================== ==================================== ======== =========================

    with e = ``block.expansion``. The stride of a stage belongs to its first block. A block whose stride is not 1 or
    whose input has not ``planes * e`` channels has a projection shortcut: ``downsample``, a 1x1 convolution with that
    stride (no bias) and a batch normalisation. So ``layer1`` begins with a projection in ResNet-50, not in ResNet-18.

    Args:
        block: ``BasicBlock`` or ``Bottleneck``.
        layers: four numbers of blocks, each at least 1.
        num_classes: size K of the output.

    Raises:
        ValueError: if ``layers`` does not hold four positive numbers.

    Note:
        Maps ``(N, 3, H, W)`` to logits ``(N, K)``, without softmax; any ``H, W >= 32``. In training mode a batch
        normalisation needs more than one value per channel: one 32 x 32 image alone (1 x 1 maps in ``layer4``) is
        refused by torch. Convolutions start from He's initialisation (fan out), all else from torch's defaults.

    References:
        He et al. 2016 (see ``residual_chain``), Table 1, with projection shortcuts where dimensions grow (option B of
        section 4.1) and a batch normalisation after each convolution (section 3.4).

    Example:
        >>> ResNet(BasicBlock, [1, 1, 1, 1], num_classes=5).eval()(torch.zeros(2, 3, 32, 40)).shape
        torch.Size([2, 5])
    """

    def __init__(
        self, block: type[BasicBlock] | type[Bottleneck], layers: Sequence[int], num_classes: int = 1000
    ) -> None:
        super().__init__()
        if len(layers) != 4 or min(layers) < 1:
            raise ValueError(f"ResNet: expected four positive numbers of blocks, got {list(layers)}. One per stage.")
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = _stage(block, 64, 64, layers[0], stride=1)
        self.layer2 = _stage(block, 64 * block.expansion, 128, layers[1], stride=2)
        self.layer3 = _stage(block, 128 * block.expansion, 256, layers[2], stride=2)
        self.layer4 = _stage(block, 256 * block.expansion, 512, layers[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits ``(N, K)`` of images ``(N, 3, H, W)``."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # (N, 64, H / 4, W / 4)
        x = self.layer1(x)  # (N, 64 e, H / 4, W / 4)
        x = self.layer2(x)  # (N, 128 e, H / 8, W / 8)
        x = self.layer3(x)  # (N, 256 e, H / 16, W / 16)
        x = self.layer4(x)  # (N, 512 e, H / 32, W / 32)
        x = self.avgpool(x).flatten(1)  # (N, 512 e)
        logits: Tensor = self.fc(x)  # (N, K)
        return logits


def resnet18(num_classes: int = 1000) -> ResNet:
    """Return a ResNet-18 with random weights: 17 convolutions and a linear layer, 11,689,512 parameters.

    Args:
        num_classes: size K of the output.

    Returns:
        A ``ResNet`` in training mode, its keys those of ``torchvision.models.resnet18``.

    References:
        He et al. 2016 (see ``residual_chain``), Table 1, column "18-layer".

    Example:
        >>> with torch.device("meta"):
        ...     sum(parameter.numel() for parameter in resnet18().parameters())
        11689512
    """
    return ResNet(BasicBlock, [2, 2, 2, 2], num_classes)


def resnet50(num_classes: int = 1000) -> ResNet:
    """Return a ResNet-50 with random weights: 49 convolutions and a linear layer, 25,557,032 parameters.

    Args:
        num_classes: size K of the output.

    Returns:
        A ``ResNet`` in training mode, its keys those of ``torchvision.models.resnet50`` and of timm's ``resnet50``.

    Note:
        The name does not count the four 1x1 convolutions of the projection shortcuts.

    References:
        He et al. 2016 (see ``residual_chain``), Table 1, column "50-layer".

    Example:
        >>> with torch.device("meta"):
        ...     sum(parameter.numel() for parameter in resnet50().parameters())
        25557032
    """
    return ResNet(Bottleneck, [3, 4, 6, 3], num_classes)


def _stage(
    block: type[BasicBlock] | type[Bottleneck], inplanes: int, planes: int, num_blocks: int, stride: int
) -> nn.Sequential:
    """Return one row of Table 1: the first block has the stride and, where shapes change, the projection."""
    outplanes = planes * block.expansion
    downsample = None
    if stride != 1 or inplanes != outplanes:
        downsample = nn.Sequential(  # W_s of equation (2)
            nn.Conv2d(inplanes, outplanes, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(outplanes)
        )
    first = block(inplanes, planes, stride, downsample)
    return nn.Sequential(first, *(block(outplanes, planes) for _ in range(num_blocks - 1)))


def _add(subject: str, branch: Tensor, shortcut: Tensor) -> Tensor:
    """Return ``branch + shortcut`` of one shape; adding would otherwise broadcast."""
    if branch.shape != shortcut.shape:
        expected, actual = tuple(shortcut.shape), tuple(branch.shape)
        hint = "The residual branch must have the shape of the shortcut."
        raise ValueError(f"{subject}: expected shape {expected}, got {actual}. {hint}")
    return branch + shortcut


def _check_jacobians(subject: str, jacobians: Iterable[Tensor]) -> list[Tensor]:
    """Return the Jacobians as a list; raise if they cannot be multiplied."""
    checked = list(jacobians)
    if not checked:
        raise ValueError(f"{subject}: expected at least one Jacobian, got none. The first layer's comes first.")
    for i, jacobian in enumerate(checked):
        if jacobian.dim() != 2:
            hint = f"jacobians[{i}] has one row per output and one column per input."
            raise ValueError(f"{subject}: expected shape (d_out, d_in), got {tuple(jacobian.shape)}. {hint}")
        if i > 0 and jacobian.shape[1] != len(checked[i - 1]):
            expected, actual = len(checked[i - 1]), jacobian.shape[1]
            hint = f"The outputs of layer {i - 1} are the inputs of layer {i}."
            raise ValueError(f"{subject}: expected {expected} columns in jacobians[{i}], got {actual}. {hint}")
    return checked
