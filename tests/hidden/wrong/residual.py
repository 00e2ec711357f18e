"""The classic mistakes about products of Jacobians and residual blocks, with the signature of the student's function.

Written for one purpose: when a check fails, these run on the same inputs, and the one whose output equals the student's
is named in the report. They are wrong by design.

What a mistake about a module must know, beside its input, is here too: the networks that ``input_gradient`` is asked
about, and the numbers that the checks load into blocks and networks. The worker has a copy of it (``INSIDE``).
"""

from __future__ import annotations

import copy
import inspect
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from reference import residual as reference

Shapes = Mapping[str, tuple[int, ...]]

# ------------------------------------------------------------------------------------- what the worker knows as well


def state_of(shapes: Shapes) -> dict[str, Tensor]:
    """Return a state dict of these names and shapes, float64, whose numbers follow from the names alone."""
    state = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(3)
            continue
        count = math.prod(shape)
        index, seed = torch.arange(count, dtype=torch.int64) % 65_521, zlib.crc32(name.encode())
        numbers = ((index + 17) * (index + seed % 9_973) * 7_919 + seed) % 65_521
        numbers = numbers.double() / 65_521 - 0.5
        if name.endswith("running_var") or (len(shape) == 1 and name.endswith("weight")):
            numbers = numbers + 1.0
        elif len(shape) > 1:
            numbers = numbers * 4.0 / math.prod(shape[1:]) ** 0.5
        state[name] = numbers.reshape(shape)
    return state


class Unfilled(TorchFunctionMode):
    """On the meta device, where there are no numbers, none are drawn: that takes PyTorch seconds, the first time."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensor = args[0] if args else kwargs.get("tensor")
        if func.__name__ in ("normal_", "uniform_") and tensor.device.type == "meta":
            return tensor
        return func(*args, **kwargs)


class Wave(nn.Module):
    """One formula, with two numbers to learn."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([1.5, -0.25]))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(self.w[0] * x) + self.w[1] * x * x


class Hidden(nn.Module):
    """Three hidden units."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(1, 3), nn.Linear(3, 1)
        self.load_state_dict(state_of({k: tuple(v.shape) for k, v in self.state_dict().items()}))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.fc2(torch.tanh(self.fc1(x)))
        return y


class Level(nn.Module):
    """Its output is the same number everywhere, and has to be learned."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([2.0]))

    def forward(self, x: Tensor) -> Tensor:
        return self.w.expand(len(x), 1)


class Constant(nn.Module):
    """Its output has no history at all."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


class Moody(nn.Module):
    """Another function in each mode."""

    def forward(self, x: Tensor) -> Tensor:
        return x * x * x if self.training else 3.0 * x


class Kinked(nn.Module):
    """It works in place."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mul_(2.0).relu_()


class Twofold(nn.Module):
    """Two outputs for each point."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((x, x), 1)


class Flattened(nn.Module):
    """No column."""

    def forward(self, x: Tensor) -> Tensor:
        return x.squeeze(1)


class Summed(nn.Module):
    """One number for all points."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum()


class Light(nn.Module):
    """A block that costs little: it has the arguments of ``BasicBlock`` and is none."""

    expansion = 2

    def __init__(self, inplanes: int, planes: int, stride: int = 1, downsample: nn.Module | None = None) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inplanes, 2 * planes, 3, stride, padding=1, groups=inplanes, bias=False)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        shortcut: Tensor = x if self.downsample is None else self.downsample(x)
        return torch.tanh(self.conv(x)) + shortcut


def shapes_of(net: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of a module's state."""
    return {name: tuple(value.shape) for name, value in net.state_dict().items()}


def inner_of(dimensions: int) -> nn.Module:
    """Return the module that the shortcut of ``Residual`` goes around, for an input of so many dimensions."""
    net: nn.Module = nn.ReLU()
    if dimensions == 2:
        net = nn.Sequential(nn.Linear(3, 3), nn.Sigmoid())
    elif dimensions == 4:
        net = nn.Conv2d(2, 2, 3, padding=1)
    net.double().load_state_dict(state_of(shapes_of(net)))
    return net


PARTS: tuple[Any, ...] = (
    Unfilled,
    state_of,
    shapes_of,
    inner_of,
    Wave,
    Hidden,
    Level,
    Constant,
    Moody,
    Kinked,
    Twofold,
    Flattened,
    Summed,
    Light,
)
INSIDE = "\n\n".join(
    [
        "from __future__ import annotations\nimport math, zlib\nfrom typing import Any\n"
        "import torch\nfrom torch import Tensor, nn\n"
        "from torch.overrides import TorchFunctionMode",
        *(inspect.getsource(part) for part in PARTS),
    ]
)
"""The source of what is written above, for the worker."""

MODELS: dict[str, Callable[[], nn.Module]] = {"Wave": Wave, "Hidden": Hidden}
BLOCKS = {
    "BasicBlock": {4: (4, 1), 3: (4, 2), 6: (4, 1)},
    "Bottleneck": {12: (3, 1), 3: (3, 2), 6: (3, 1)},
}
"""Of each kind of block, by the channels of its input: the planes and the stride of the blocks that are looked at."""
LAYERS, NUM_CLASSES = [1, 2, 1, 1], 5
"""Of the network whose logits are looked at, a network of ``Light`` blocks."""


# --------------------------------------------------------------------------------------------- products of Jacobians


def product_in_forward_order(jacobians: Sequence[Tensor]) -> Tensor:
    """``J_1 J_2 ... J_L``: the first layer's Jacobian on the left."""
    return reference.chain_rule(list(jacobians)[::-1])


def product_transposed(jacobians: Sequence[Tensor]) -> Tensor:
    """Rows and columns are swapped."""
    return reference.chain_rule(jacobians).t()


def product_is_sum(jacobians: Sequence[Tensor]) -> Tensor:
    """The Jacobians are added."""
    return torch.stack(list(jacobians)).sum(0)


def product_of_entries(jacobians: Sequence[Tensor]) -> Tensor:
    """Entries are multiplied with entries."""
    return torch.stack(list(jacobians)).prod(0)


def product_is_residual(jacobians: Sequence[Tensor]) -> Tensor:
    """The identity is added to each Jacobian."""
    return reference.residual_chain(jacobians)


def product_without_first(jacobians: Sequence[Tensor]) -> Tensor:
    """The first layer's Jacobian is missing."""
    return reference.chain_rule(list(jacobians)[1:])


def product_without_last(jacobians: Sequence[Tensor]) -> Tensor:
    """The last layer's Jacobian is missing."""
    return reference.chain_rule(list(jacobians)[:-1])


def residual_is_plain(jacobians: Sequence[Tensor]) -> Tensor:
    """The identity is not added."""
    return reference.chain_rule(jacobians)


def residual_is_sum(jacobians: Sequence[Tensor]) -> Tensor:
    """The identity plus the sum of the Jacobians: only the paths through one layer."""
    return _identity(jacobians) + product_is_sum(jacobians)


def residual_is_one_plus_product(jacobians: Sequence[Tensor]) -> Tensor:
    """The identity plus the product of the Jacobians: one shortcut around all layers."""
    return _identity(jacobians) + reference.chain_rule(jacobians)


def residual_in_forward_order(jacobians: Sequence[Tensor]) -> Tensor:
    """``(I + J_1) (I + J_2) ...``: the first layer on the left."""
    return reference.residual_chain(list(jacobians)[::-1])


def residual_adds_ones(jacobians: Sequence[Tensor]) -> Tensor:
    """1 is added to each entry, not the identity."""
    return reference.chain_rule([jacobian + 1.0 for jacobian in jacobians])


def residual_minus_identity(jacobians: Sequence[Tensor]) -> Tensor:
    """The path of the shortcuts alone is taken away again."""
    return reference.residual_chain(jacobians) - _identity(jacobians)


def residual_of_product_entries(jacobians: Sequence[Tensor]) -> Tensor:
    """Entries of ``I + J`` are multiplied with entries."""
    return product_of_entries([_identity(jacobians) + jacobian for jacobian in jacobians])


def residual_is_sum_of_factors(jacobians: Sequence[Tensor]) -> Tensor:
    """The factors ``I + J`` are added, not multiplied."""
    return product_is_sum([_identity(jacobians) + jacobian for jacobian in jacobians])


def residual_transposed(jacobians: Sequence[Tensor]) -> Tensor:
    """Rows and columns are swapped."""
    return reference.residual_chain(jacobians).t()


# ----------------------------------------------------------------------------------------------- shattered gradients


def derivative_is_output(model: Any, x: Tensor) -> Tensor:
    """The output itself."""
    y: Tensor = _twin(model)(x.double())
    return y.detach().squeeze(1)


def derivative_of_mean(model: Any, x: Tensor) -> Tensor:
    """The mean of the outputs is differentiated, not their sum."""
    return _derivative(model, x) / len(x)


def derivative_keeps_column(model: Any, x: Tensor) -> Tensor:
    """``(N, 1)`` comes back."""
    return _derivative(model, x)[:, None]


def derivative_is_difference(model: Any, x: Tensor) -> Tensor:
    """Quotients of differences of neighbours."""
    y = derivative_is_output(model, x)
    return y.diff() / x.double().squeeze(1).diff()


def derivative_is_numpy_gradient(model: Any, x: Tensor) -> Tensor:
    """Central differences on the grid, as ``torch.gradient`` takes them."""
    (found,) = torch.gradient(derivative_is_output(model, x), spacing=(x.double().squeeze(1),))
    return found


def derivative_is_summed(model: Any, x: Tensor) -> Tensor:
    """One number: the sum over the points."""
    return _derivative(model, x).sum()


def derivative_is_absolute(model: Any, x: Tensor) -> Tensor:
    """The sign is lost."""
    return _derivative(model, x).abs()


def derivative_of_square(model: Any, x: Tensor) -> Tensor:
    """The squared outputs are differentiated, as if there was a loss."""
    return 2 * derivative_is_output(model, x) * _derivative(model, x)


def correlation_not_centred(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
    """The mean is not subtracted."""
    return reference.autocorrelation(g.double(), max_lag, False)


def correlation_always_centred(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
    """The mean is subtracted whatever ``center`` is."""
    return reference.autocorrelation(g.double(), max_lag, True)


def correlation_unbiased(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
    """Each sum is divided by the number of its terms."""
    return reference.autocorrelation(g.double(), max_lag, center) * _shares(g, max_lag)


def correlation_not_centred_unbiased(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
    """The mean is not subtracted, and each sum is divided by the number of its terms."""
    return correlation_unbiased(g, max_lag, False)


def correlation_circular(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
    """What leaves at the end comes in at the beginning."""
    h = _centred(g, center)
    return torch.stack([(h * h.roll(-k)).sum() for k in range(max_lag + 1)]) / h.square().sum()


def correlation_circular_not_centred(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
    """The ends wrap around, and the mean is not subtracted."""
    return correlation_circular(g, max_lag, False)


def correlation_not_normalised(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
    """The sums are not divided by the one of lag 0."""
    return _sums(_centred(g, center), max_lag)


def correlation_is_covariance(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
    """The sums are divided by N, not by the sum of lag 0."""
    return _sums(_centred(g, center), max_lag) / len(g)


def correlation_by_sample_variance(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
    """The mean product is divided by the variance with ``N - 1``."""
    h = _centred(g, center)
    return _sums(h, max_lag) / len(g) / (h.square().sum() / max(len(g) - 1, 1))


def correlation_from_lag_one(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
    """Lag 0 is left out."""
    return reference.autocorrelation(g.double(), max_lag, center)[1:]


def correlation_without_last_lag(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
    """``max_lag`` itself is left out."""
    return reference.autocorrelation(g.double(), max_lag, center)[:-1]


def correlation_from_the_middle(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
    """The first of ``np.correlate(h, h, "same")`` is taken for lag 0, which stands in the middle."""
    n = len(g)
    r = reference.autocorrelation(g.double(), n, center)
    return torch.stack([r[abs(k - n // 2)] for k in range(min(max_lag + 1, n))])


def correlation_of_pearson(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
    """Each lag has the means and variances of its own two pieces."""
    h, found = g.double(), []
    for k in range(max_lag + 1):
        a, b = h[: max(len(h) - k, 0)], h[k:]
        a, b = a - a.mean(), b - b.mean()
        found.append((a * b).sum() / (a.square().sum() * b.square().sum()).sqrt())
    return torch.stack(found)


def correlation_is_convolution(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
    """One of the two sequences runs backwards."""
    h = _centred(g, center)
    backwards = h.flip(0)
    sums = [(h[: max(len(h) - k, 0)] * backwards[k:]).sum() for k in range(max_lag + 1)]
    return torch.stack(sums) / h.square().sum()


def correlation_is_absolute(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
    """The sign is lost."""
    return reference.autocorrelation(g.double(), max_lag, center).abs()


def correlation_of_constant_is(value: float) -> Callable[..., Tensor]:
    """Return the mistake of giving a sequence without variation this autocorrelation."""

    def correlation_of_constant(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
        return torch.full((max_lag + 1,), value, dtype=torch.float64)

    return correlation_of_constant


def correlation_of_constant_begins_with_one(g: Tensor, max_lag: int, center: bool = True) -> Tensor:
    """Lag 0 is set to 1 by hand, all others are 0."""
    return torch.tensor([1.0] + [0.0] * max_lag, dtype=torch.float64)


# ------------------------------------------------------------------------------------------------------------ blocks

Fault = Callable[[Any, Tensor], Tensor]


def residual_without_shortcut(x: Tensor) -> Tensor:
    """``g(x)``."""
    y: Tensor = _inner(x)(x.double())
    return y.detach()


def residual_twice(x: Tensor) -> Tensor:
    """The input is added twice."""
    return residual_without_shortcut(x) + 2 * x


def residual_multiplied(x: Tensor) -> Tensor:
    """``g(x) x``."""
    return residual_without_shortcut(x) * x


def residual_with_relu(x: Tensor) -> Tensor:
    """A ReLU after the addition, as in the blocks."""
    return (residual_without_shortcut(x) + x).relu()


def residual_averaged(x: Tensor) -> Tensor:
    """The mean of the two ways."""
    return (residual_without_shortcut(x) + x) / 2


def residual_of_doubled(x: Tensor) -> Tensor:
    """``g(x) + g(x)``."""
    return 2 * residual_without_shortcut(x)


def residual_subtracted(x: Tensor) -> Tensor:
    """``g(x) - x``."""
    return residual_without_shortcut(x) - x


def residual_concatenated(x: Tensor) -> Tensor:
    """Both ways beside each other, as in a DenseNet."""
    return torch.cat((residual_without_shortcut(x), x.double()), min(1, x.dim() - 1))


def block(kind: str, fault: Fault, training: bool = False) -> Callable[[Tensor], Tensor]:
    """Return a block with a fault, as a function of its input; its sizes follow from the input's channels."""

    def faulty_block(x: Tensor) -> Tensor:
        net = loaded_block(kind, x.shape[1]).train(training)
        with torch.no_grad():
            return fault(net, x.double())

    return faulty_block


def relu_only_before(net: Any, x: Tensor) -> Tensor:
    """A ReLU before the addition and none after it."""
    return _branch(net, x).relu() + _shortcut(net, x)


def relu_before_and_after(net: Any, x: Tensor) -> Tensor:
    """A ReLU before the addition and one after it."""
    return (_branch(net, x).relu() + _shortcut(net, x)).relu()


def no_last_relu(net: Any, x: Tensor) -> Tensor:
    """Nothing after the addition."""
    return _branch(net, x) + _shortcut(net, x)


def no_shortcut(net: Any, x: Tensor) -> Tensor:
    """The shortcut is not added."""
    return _branch(net, x).relu()


def shortcut_twice(net: Any, x: Tensor) -> Tensor:
    """The shortcut is added twice."""
    return (_branch(net, x) + 2 * _shortcut(net, x)).relu()


def only_shortcut(net: Any, x: Tensor) -> Tensor:
    """The branch is not added."""
    return _shortcut(net, x).relu()


def norm_after_addition(net: Any, x: Tensor) -> Tensor:
    """The last batch normalisation comes after the addition."""
    *first, (conv, norm) = _layers(net)
    shortcut = _shortcut(net, x)
    for inner, its_norm in first:
        x = its_norm(inner(x)).relu()
    y: Tensor = norm(conv(x) + shortcut).relu()
    return y


def relu_before_norm(net: Any, x: Tensor) -> Tensor:
    """Convolution, ReLU, batch normalisation."""
    shortcut, out = _shortcut(net, x), x
    *first, (conv, norm) = _layers(net)
    for inner, its_norm in first:
        out = its_norm(inner(out).relu())
    y: Tensor = (norm(conv(out)) + shortcut).relu()
    return y


def relu_before_norm_everywhere(net: Any, x: Tensor) -> Tensor:
    """Convolution, ReLU, batch normalisation, in the last layer too."""
    shortcut, out = _shortcut(net, x), x
    for conv, norm in _layers(net):
        out = norm(conv(out).relu())
    return (out + shortcut).relu()


def no_relu_between(net: Any, x: Tensor) -> Tensor:
    """No ReLU between the convolutions."""
    out = x
    for conv, norm in _layers(net):
        out = norm(conv(out))
    return (out + _shortcut(net, x)).relu()


def no_first_relu(net: Any, x: Tensor) -> Tensor:
    """No ReLU after the first convolution."""
    (conv, norm), *rest = _layers(net)
    out: Tensor = norm(conv(x))
    for number, (inner, its_norm) in enumerate(rest):
        out = its_norm(inner(out))
        out = out.relu() if number < len(rest) - 1 else out
    return (out + _shortcut(net, x)).relu()


def no_second_relu(net: Any, x: Tensor) -> Tensor:
    """No ReLU after the second convolution."""
    out = x
    for number, (conv, norm) in enumerate(_layers(net)):
        out = norm(conv(out))
        out = out.relu() if number == 0 else out
    return (out + _shortcut(net, x)).relu()


def preactivation(net: Any, x: Tensor) -> Tensor:
    """Batch normalisation and ReLU before each convolution, nothing after the addition (version 2)."""
    out = x
    for conv, norm in _layers(net):
        if norm.num_features != out.shape[1]:
            return x.new_full((), math.nan)  # such a block cannot be built from these layers
        out = conv(norm(out).relu())
    return out + _shortcut(net, x)


def relu_at_the_entry(net: Any, x: Tensor) -> Tensor:
    """An in-place ReLU at the entry changes what the shortcut carries, too."""
    return _output(net, x.relu())


def one_norm_for_all(net: Any, x: Tensor) -> Tensor:
    """``bn1`` normalises after each convolution of its size."""
    net.bn2 = net.bn1
    return _output(net, x)


def no_norms(net: Any, x: Tensor) -> Tensor:
    """No batch normalisation is applied in the branch."""
    for name in ("bn1", "bn2", "bn3"):
        if hasattr(net, name):
            setattr(net, name, nn.Identity())
    return _output(net, x)


def no_last_norm(net: Any, x: Tensor) -> Tensor:
    """No batch normalisation after the last convolution."""
    setattr(net, "bn3" if hasattr(net, "bn3") else "bn2", nn.Identity())
    return _output(net, x)


def shortcut_normalised(net: Any, x: Tensor) -> Tensor:
    """A ReLU on the shortcut, before the addition."""
    return (_branch(net, x) + _shortcut(net, x).relu()).relu()


def shortcut_from_inside(net: Any, x: Tensor) -> Tensor:
    """The shortcut begins after the first convolution."""
    (conv, norm), *_ = _layers(net)
    inside, branch = norm(conv(x)).relu(), _branch(net, x)
    return (branch + inside).relu() if inside.shape == branch.shape else branch.relu()


def stride_in(number: int) -> Fault:
    """Return the mistake of giving the stride to this convolution."""

    def stride_elsewhere(net: Any, x: Tensor) -> Tensor:
        convolutions = [conv for conv, _ in _layers(net)]
        stride = max(conv.stride for conv in convolutions)
        for conv in convolutions:
            conv.stride = (1, 1)
        convolutions[number - 1].stride = stride
        return _output(net, x)

    return stride_elsewhere


def always_running_statistics(net: Any, x: Tensor) -> Tensor:
    """Batch normalisation uses the running statistics in training, too."""
    return _output(net.eval(), x)


def always_batch_statistics(net: Any, x: Tensor) -> Tensor:
    """Batch normalisation uses the batch in evaluation, too."""
    return _output(net.train(), x)


# ------------------------------------------------------------------------------------------------- names and shapes


def block_outline(kind: str, fault: Callable[[nn.Module], None]) -> Callable[..., Any]:
    """Return a block with a fault, as its names and shapes."""

    def faulty_outline(name: str, inplanes: int, planes: int, stride: int = 1) -> Any:
        net = _build(kind, inplanes, planes, stride, None)
        fault(net)
        return _outline(net)

    return faulty_outline


def biases(net: nn.Module) -> None:
    """The convolutions have biases."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.bias = nn.Parameter(torch.zeros(module.out_channels))


def without(*names: str) -> Callable[[nn.Module], None]:
    """Return the mistake of leaving modules out."""

    def leave_out(net: nn.Module) -> None:
        for name in names:
            delattr(net, name)

    return leave_out


def block_makes_shortcut(kind: str) -> Callable[..., Any]:
    """Return the mistake of making a projection, although it will be handed over."""

    def with_shortcut(name: str, inplanes: int, planes: int, stride: int = 1) -> Any:
        outplanes = planes * (4 if kind == "Bottleneck" else 1)
        if stride == 1 and inplanes == outplanes:
            return _outline(_build(kind, inplanes, planes, stride, None))
        projection = nn.Sequential(nn.Conv2d(inplanes, outplanes, 1, stride, bias=False), nn.BatchNorm2d(outplanes))
        return _outline(_build(kind, inplanes, planes, stride, projection))

    return with_shortcut


def bottleneck_does_not_widen(name: str, inplanes: int, planes: int, stride: int = 1) -> Any:
    """The last convolution has as many channels as the others."""
    net: Any = _build("Bottleneck", inplanes, planes, stride, None)
    net.conv3, net.bn3 = nn.Conv2d(planes, planes, 1, bias=False), nn.BatchNorm2d(planes)
    return _outline(net)


def bottleneck_does_not_narrow(name: str, inplanes: int, planes: int, stride: int = 1) -> Any:
    """The first convolution keeps the channels."""
    net: Any = _build("Bottleneck", inplanes, planes, stride, None)
    net.conv1, net.bn1 = nn.Conv2d(inplanes, inplanes, 1, bias=False), nn.BatchNorm2d(inplanes)
    net.conv2 = nn.Conv2d(inplanes, planes, 3, stride, padding=1, bias=False)
    return _outline(net)


def stem_with_bias(net: Any) -> None:
    """The first convolution of the network has a bias."""
    net.conv1.bias = nn.Parameter(torch.zeros(64))


def network_outline(fault: Callable[[nn.Module], None]) -> Callable[..., Any]:
    """Return a network with a fault, as its names and shapes."""

    def faulty_network(kind: str, layers: Sequence[int], num_classes: int = 1000) -> Any:
        with torch.device("meta"), Unfilled():
            net = _network(kind, layers, num_classes)
            fault(net)
        return _outline(net)

    return faulty_network


def projection_only_with_stride(net: nn.Module) -> None:
    """There is no projection where only the channels change."""
    for module in net.modules():
        projection = getattr(module, "downsample", None)
        if isinstance(projection, nn.Sequential) and projection[0].stride == (1, 1):
            module.downsample = None  # type: ignore[assignment]


def projection_of_first_stage(net: Any) -> None:
    """There is a projection in the first block of each stage, also where nothing changes."""
    first = net.layer1[0]
    if first.downsample is None:
        first.downsample = nn.Sequential(nn.Conv2d(64, 64, 1, bias=False), nn.BatchNorm2d(64))


def projection_without_norm(net: nn.Module) -> None:
    """The projection is a convolution alone."""
    for module in net.modules():
        projection = getattr(module, "downsample", None)
        if isinstance(projection, nn.Sequential):
            module.downsample = projection[:1]


def projection_is_bare(net: nn.Module) -> None:
    """The projection is a convolution alone, and not in a ``Sequential``."""
    for module in net.modules():
        projection = getattr(module, "downsample", None)
        if isinstance(projection, nn.Sequential):
            module.downsample = projection[0]


def no_projection(net: nn.Module) -> None:
    """There is no projection anywhere."""
    for module in net.modules():
        if getattr(module, "downsample", None) is not None:
            module.downsample = None  # type: ignore[assignment]


def projection_with_bias(net: nn.Module) -> None:
    """The convolution of the projection has a bias."""
    for module in net.modules():
        projection = getattr(module, "downsample", None)
        if isinstance(projection, nn.Sequential):
            biases(projection)


def of_other_layers(kind: str, layers: Sequence[int]) -> Callable[..., Any]:
    """Return another network of the paper, as names and shapes."""

    def other_network(name: str, num_classes: int = 1000) -> Any:
        with torch.device("meta"), Unfilled():
            return _outline(_network(kind, layers, num_classes))

    return other_network


def always_thousand(kind: str, layers: Sequence[int]) -> Callable[..., Any]:
    """Return a network that knows 1000 classes, whatever it is asked for."""
    other = of_other_layers(kind, layers)
    return lambda name, num_classes=1000: other(name)


def sizes_with_strides(*strides: int) -> Callable[..., Any]:
    """Return the sizes of the stages of ``Light`` blocks if these were their strides."""

    def other_sizes(layers: Sequence[int], shape: Sequence[int]) -> list[tuple[int, ...]]:
        return _sizes(shape, strides)

    return other_sizes


def sizes_without_maxpool(layers: Sequence[int], shape: Sequence[int]) -> list[tuple[int, ...]]:
    """The stem does not pool."""
    return _sizes(shape, (1, 2, 2, 2), stem=2)


def sizes_with_stride_in_each_block(layers: Sequence[int], shape: Sequence[int]) -> list[tuple[int, ...]]:
    """Every block of a stage has the stride."""
    return _sizes(shape, tuple(2**n if i else 1 for i, n in enumerate(layers)))


def logits(fault: Fault, training: bool = False) -> Callable[[Tensor], Tensor]:
    """Return the network with a fault, as a function of its input."""

    def faulty_logits(x: Tensor) -> Tensor:
        net = copy.deepcopy(loaded_network()).train(training)
        with torch.no_grad():
            return fault(net, x.double())

    return faulty_logits


def ends_with_softmax(net: Any, x: Tensor) -> Tensor:
    """The network ends with a softmax."""
    return _output(net, x).softmax(1)


def ends_with_log_softmax(net: Any, x: Tensor) -> Tensor:
    """The network ends with a log-softmax."""
    return _output(net, x).log_softmax(1)


def ends_with_relu(net: Any, x: Tensor) -> Tensor:
    """The network ends with a ReLU."""
    return _output(net, x).relu()


def replaced(**modules: nn.Module) -> Fault:
    """Return the mistake of having other modules in the place of these."""

    def with_others(net: Any, x: Tensor) -> Tensor:
        for name, module in modules.items():
            setattr(net, name, module)
        return _output(net, x)

    return with_others


def strides_of_stages(*strides: int) -> Fault:
    """Return the mistake of giving the four stages these strides."""

    def other_strides(net: Any, x: Tensor) -> Tensor:
        for stage, stride in zip((net.layer1, net.layer2, net.layer3, net.layer4), strides, strict=True):
            stage[0].conv.stride = stage[0].downsample[0].stride = (stride, stride)
        return _output(net, x)

    return other_strides


# ------------------------------------------------------------------------------------------------- inside


def loaded_block(kind: str, inplanes: int) -> nn.Module:
    """Return the reference's block for an input of so many channels, with the numbers that the checks load."""
    planes, stride = BLOCKS[kind][inplanes]
    outplanes = planes * (4 if kind == "Bottleneck" else 1)
    downsample = None
    if stride != 1 or inplanes != outplanes:
        downsample = nn.Sequential(nn.Conv2d(inplanes, outplanes, 1, stride, bias=False), nn.BatchNorm2d(outplanes))
    net = _build(kind, inplanes, planes, stride, downsample).double()
    net.load_state_dict(state_of(shapes_of(net)))
    return net


def loaded_network() -> nn.Module:
    """Return the reference's network with the numbers that the checks load, float64, in training mode."""
    if not _networks:
        with torch.device("meta"), Unfilled():
            net: nn.Module = reference.ResNet(Light, LAYERS, NUM_CLASSES)  # type: ignore[arg-type]
        net.load_state_dict(state_of(shapes_of(net)), assign=True)
        _networks.append(net)
    return _networks[0]


_networks: list[nn.Module] = []


def _inner(x: Tensor) -> nn.Module:
    return inner_of(x.dim())


def _twin(model: Any) -> nn.Module:
    return MODELS[model.type_name]().double()


def _derivative(model: Any, x: Tensor) -> Tensor:
    return reference.input_gradient(_twin(model), x.double())


def _identity(jacobians: Sequence[Tensor]) -> Tensor:
    return torch.eye(len(jacobians[0]), dtype=torch.float64)


def _centred(g: Tensor, center: bool) -> Tensor:
    g = g.double()
    return g - g.mean() if center else g


def _sums(h: Tensor, max_lag: int) -> Tensor:
    return torch.stack([(h[: max(len(h) - k, 0)] * h[k:]).sum() for k in range(max_lag + 1)])


def _shares(g: Tensor, max_lag: int) -> Tensor:
    return torch.tensor([len(g) / max(len(g) - k, 1) for k in range(max_lag + 1)], dtype=torch.float64)


def _build(kind: str, inplanes: int, planes: int, stride: int, downsample: nn.Module | None) -> nn.Module:
    made: nn.Module = getattr(reference, kind)(inplanes, planes, stride, downsample)
    return made


def _network(kind: str, layers: Sequence[int], num_classes: int) -> nn.Module:
    made: nn.Module = reference.ResNet(getattr(reference, kind), list(layers), num_classes)
    return made


def _outline(net: nn.Module) -> dict[str, Any]:
    parameters = {name: tuple(value.shape) for name, value in net.named_parameters()}
    return {"parameters": parameters, "buffers": {name: tuple(value.shape) for name, value in net.named_buffers()},
            "output": None}  # fmt: skip


def _sizes(shape: Sequence[int], strides: Sequence[int], stem: int = 4) -> list[tuple[int, ...]]:
    sizes: list[tuple[int, ...]] = []
    n, _, height, width = shape
    factor = stem
    for planes, stride in zip((64, 128, 256, 512), strides, strict=True):
        factor *= stride
        sizes.append((n, planes * Light.expansion, math.ceil(height / factor), math.ceil(width / factor)))
    return sizes


def _layers(net: Any) -> list[tuple[Any, Any]]:
    names = ("1", "2", "3") if hasattr(net, "conv3") else ("1", "2")
    return [(getattr(net, f"conv{name}"), getattr(net, f"bn{name}")) for name in names]


def _branch(net: Any, x: Tensor) -> Tensor:
    *first, (conv, norm) = _layers(net)
    for inner, its_norm in first:
        x = its_norm(inner(x)).relu()
    out: Tensor = norm(conv(x))
    return out


def _shortcut(net: Any, x: Tensor) -> Tensor:
    out: Tensor = x if net.downsample is None else net.downsample(x)
    return out


def _output(net: Any, x: Tensor) -> Tensor:
    out: Tensor = net(x)
    return out
