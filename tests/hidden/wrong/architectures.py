"""The classic mistakes about layer sizes, parameter counts and the three networks, with the student's signatures.

Written for one purpose: when a check fails, these run on the same inputs, and the one whose output equals the student's
is named in the report. They are wrong by design.

Three functions below are no mistakes: ``example``, ``thinned`` and ``with_parameters`` build modules, here and, sent as
source, in the student's process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from reference import architectures as reference

Shapes = dict[str, tuple[int, ...]]


# ---------------------------------------------------------------------------------------------- modules, on both sides


def example(kind: str) -> nn.Module:
    """Return a small module whose parameters are to be counted."""
    if kind == "layers":
        return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Sequential(nn.Flatten(), nn.Linear(32, 5)))
    if kind == "large":
        return nn.Linear(300, 400)
    if kind == "no bias":
        return nn.Sequential(nn.Conv2d(2, 4, 3, bias=False), nn.Linear(7, 5, bias=False))
    if kind == "normalised":
        return nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Linear(6, 3), nn.BatchNorm1d(3))
    if kind == "shared layer":
        layer = nn.Linear(3, 3)
        return nn.Sequential(layer, nn.ReLU(), layer)
    if kind == "shared weight":
        first, second = nn.Linear(4, 4), nn.Linear(4, 4)
        second.weight = first.weight
        return nn.Sequential(first, second)
    if kind == "frozen":
        return nn.Sequential(nn.Linear(5, 4).requires_grad_(False), nn.ReLU(), nn.Linear(4, 3))
    if kind == "frozen weight":
        layer = nn.Linear(6, 2)
        layer.weight.requires_grad_(False)
        return layer
    if kind == "all frozen":
        return nn.Linear(6, 2).requires_grad_(False)
    if kind == "own parameters":
        module = nn.ParameterDict({"scale": nn.Parameter(torch.ones(())), "table": nn.Parameter(torch.ones(2, 3, 4))})
        return nn.ModuleList([module, nn.Linear(2, 2)])
    if kind == "meta":
        return nn.Linear(60_000, 50_000, device="meta")
    return nn.ReLU()


def with_parameters(net: nn.Module, parameters: Mapping[str, Tensor]) -> nn.Module:
    """Put other parameters, of other shapes, in the place of those of ``net``, by name."""
    if sorted(name for name, _ in net.named_parameters()) != sorted(parameters):
        raise ValueError("the names of the parameters are not those of the docstring")
    for name, value in parameters.items():
        owner, _, leaf = name.rpartition(".")
        net.get_submodule(owner)._parameters[leaf] = nn.Parameter(value.detach().clone())
    return net


def thinned(
    make: Callable[..., nn.Module], parameters: Mapping[str, Tensor], arguments: Mapping[str, Any]
) -> nn.Module:
    """Return ``make(**arguments)`` with other parameters; its own, which are many, are not even initialised."""
    kinds: tuple[Any, ...] = (nn.Linear, nn.Conv1d.__base__)
    kept = [kind.reset_parameters for kind in kinds]
    for kind in kinds:
        kind.reset_parameters = lambda self: None
    try:
        net = make(**arguments)
    finally:
        for kind, method in zip(kinds, kept, strict=True):
            kind.reset_parameters = method
    return with_parameters(net, parameters)


# ---------------------------------------------------------------------------------------------- parameters by name

LENET = {
    "conv1": (6, 1, 5, 5),
    "conv2": (16, 6, 5, 5),
    "fc1": (120, 400),
    "fc2": (84, 120),
    "fc3": (10, 84),
}
ALEXNET = {
    "features.0": (64, 3, 11, 11),
    "features.3": (192, 64, 5, 5),
    "features.6": (384, 192, 3, 3),
    "features.8": (256, 384, 3, 3),
    "features.10": (256, 256, 3, 3),
    "classifier.1": (4096, 9216),
    "classifier.4": (4096, 4096),
    "classifier.6": (1000, 4096),
}
VGG_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
VGG_WIDTHS = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
VGG = {
    **{f"features.{i}": (VGG_WIDTHS[n + 1], VGG_WIDTHS[n], 3, 3) for n, i in enumerate(VGG_CONVOLUTIONS)},
    "classifier.0": (4096, 25088),
    "classifier.3": (4096, 4096),
    "classifier.6": (1000, 4096),
}


def shapes_of(layers: Mapping[str, tuple[int, ...]], bias: bool = True) -> Shapes:
    """Return the shapes of the weights and biases of ``layers``, by name."""
    shapes: Shapes = {}
    for name, shape in layers.items():
        shapes[f"{name}.weight"] = shape
        if bias:
            shapes[f"{name}.bias"] = shape[:1]
    return shapes


def parameters_of(layers: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, Tensor]:
    """Return float64 weights and biases of ``layers`` that keep the size of what passes through."""
    generator = torch.Generator().manual_seed(seed)
    parameters = {}
    for name, shape in shapes_of(layers).items():
        values = torch.randn(shape, generator=generator, dtype=torch.float64)
        if name.endswith("bias"):
            parameters[name] = 0.25 * values
        else:
            parameters[name] = values * math.sqrt(2.0 / math.prod(shape[1:]))
    return parameters


LENET_STATE = parameters_of(LENET, 11)
"""What the checks load into a student's ``LeNet5``."""

ALEXNET_STATE = parameters_of(
    {
        "features.0": (4, 3, 11, 11),
        "features.3": (5, 4, 5, 5),
        "features.6": (6, 5, 3, 3),
        "features.8": (5, 6, 3, 3),
        "features.10": (256, 5, 3, 3),  # a student may write 256 * 6 * 6
        "classifier.1": (8, 9216),
        "classifier.4": (7, 8),
        "classifier.6": (5, 7),
    },
    21,
)
"""What the checks put into a student's ``AlexNet``: as many layers of the same kinds, and few channels."""

VGG_THIN = (3, 3, 4, 4, 4, 5, 6, 5, 6, 5, 6, 5, 6, 512)
VGG_STATE = parameters_of(
    {
        **{f"features.{i}": (VGG_THIN[n + 1], VGG_THIN[n], 3, 3) for n, i in enumerate(VGG_CONVOLUTIONS)},
        "classifier.0": (8, 25088),
        "classifier.3": (7, 8),
        "classifier.6": (5, 7),
    },
    31,
)
"""The same for ``VGG16``."""

STATES = {"LeNet5": LENET_STATE, "AlexNet": ALEXNET_STATE, "VGG16": VGG_STATE}


# ---------------------------------------------------------------------------------------------- output sizes


def conv_without_one(n: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """The + 1 is lost."""
    return reference.conv2d_output_size(n, kernel_size, stride, padding, dilation) - 1


def conv_one_too_many(n: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """One position too many: the - 1 of the dilated kernel is lost."""
    return (n + 2 * padding - dilation * (kernel_size - 1)) // stride + 1


def conv_is_same(n: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """The kernel takes nothing from the border, as if it were padded to the same size."""
    return -(-n // stride)


def conv_rounds_up(n: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """The quotient is rounded up."""
    return -(-(n + 2 * padding - dilation * (kernel_size - 1) - 1) // stride) + 1


def conv_rounds_to_nearest(n: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """The quotient is rounded to the nearest integer."""
    return round((n + 2 * padding - dilation * (kernel_size - 1) - 1) / stride) + 1


def conv_is_not_rounded(n: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> float:
    """The quotient is not rounded."""
    return (n + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1


def conv_pads_once(n: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """The padding is counted once, not on both sides."""
    return (n + padding - dilation * (kernel_size - 1) - 1) // stride + 1


def conv_without_padding(n: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """The padding is left out."""
    return (n - dilation * (kernel_size - 1) - 1) // stride + 1


def conv_without_dilation(n: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """The dilation is left out."""
    return (n + 2 * padding - kernel_size) // stride + 1


def conv_dilates_all(n: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """The dilated kernel is taken to cover d k pixels."""
    return (n + 2 * padding - dilation * kernel_size) // stride + 1


def conv_stride_first(n: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """The stride divides the input alone, and the kernel is subtracted afterwards."""
    return (n + 2 * padding) // stride - dilation * (kernel_size - 1)


def conv_without_stride(n: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """The stride is left out."""
    return n + 2 * padding - dilation * (kernel_size - 1)


def pool_stride_one(
    n: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """Without a stride, windows move by one pixel."""
    return reference.pool2d_output_size(n, kernel_size, stride or 1, padding, dilation, ceil_mode)


def pool_stride_two(
    n: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """Without a stride, windows move by two pixels."""
    return reference.pool2d_output_size(n, kernel_size, stride or 2, padding, dilation, ceil_mode)


def pool_is_quotient(
    n: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """The input is divided by the stride, whatever the kernel is."""
    return n // (stride or kernel_size)


def pool_rounds_up(
    n: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """The quotient is always rounded up."""
    return conv_rounds_up(n, kernel_size, stride or kernel_size, padding, dilation)


def pool_is_not_rounded(
    n: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> float:
    """The quotient is not rounded."""
    return conv_is_not_rounded(n, kernel_size, stride or kernel_size, padding, dilation)


def pool_rounds_down(
    n: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """``ceil_mode`` has no effect."""
    return reference.pool2d_output_size(n, kernel_size, stride, padding, dilation)


def pool_adds_one(
    n: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """``ceil_mode`` adds one, also where the division leaves no remainder."""
    return reference.pool2d_output_size(n, kernel_size, stride, padding, dilation) + int(ceil_mode)


def pool_outside(
    n: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """With ``ceil_mode`` the last window may start outside."""
    if not ceil_mode:
        return reference.pool2d_output_size(n, kernel_size, stride, padding, dilation)
    return conv_rounds_up(n, kernel_size, stride or kernel_size, padding, dilation)


def pool_inside_input(
    n: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """With ``ceil_mode`` the last window must start left of pixel n of the padded input: left padding is forgotten."""
    size = pool_outside(n, kernel_size, stride, padding, dilation, ceil_mode)
    is_outside = ceil_mode and (size - 1) * (stride or kernel_size) >= n
    return size - 1 if is_outside else size


def pool_pads_once(
    n: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """The padding is counted once."""
    return conv_pads_once(n, kernel_size, stride or kernel_size, padding, dilation)


def pool_without_padding(
    n: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """The padding is left out."""
    return conv_without_padding(n, kernel_size, stride or kernel_size, padding, dilation)


def pool_without_dilation(
    n: int,
    kernel_size: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    """The dilation is left out."""
    return conv_without_dilation(n, kernel_size, stride or kernel_size, padding)


def transposed_is_convolution(
    n: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """The size of an ordinary convolution."""
    return (n + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1 + output_padding


def transposed_multiplies(
    n: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """The stride multiplies all pixels, not the steps between them."""
    return reference.conv_transpose2d_output_size(n, kernel_size, stride, padding, output_padding, dilation) + stride


def transposed_is_scaled(
    n: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """The input is scaled by the stride, whatever the kernel is."""
    return n * stride


def transposed_adds_padding(
    n: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """The padding makes the output larger."""
    return (n - 1) * stride + 2 * padding + dilation * (kernel_size - 1) + 1 + output_padding


def transposed_pads_once(
    n: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """The padding is counted once."""
    return (n - 1) * stride - padding + dilation * (kernel_size - 1) + 1 + output_padding


def transposed_without_padding(
    n: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """The padding is left out."""
    return (n - 1) * stride + dilation * (kernel_size - 1) + 1 + output_padding


def transposed_without_output_padding(
    n: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """``output_padding`` has no effect."""
    return (n - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + 1


def transposed_pads_output_twice(
    n: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """``output_padding`` is added on both sides."""
    return transposed_without_output_padding(n, kernel_size, stride, padding, 0, dilation) + 2 * output_padding


def transposed_without_dilation(
    n: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """The dilation is left out."""
    return (n - 1) * stride - 2 * padding + kernel_size + output_padding


def transposed_one_less(
    n: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """The + 1 is lost."""
    return reference.conv_transpose2d_output_size(n, kernel_size, stride, padding, output_padding, dilation) - 1


# ---------------------------------------------------------------------------------------------- numbers of parameters


def params_without_bias(
    in_channels: int, out_channels: int, kernel_size: int, bias: bool = True, groups: int = 1
) -> int:
    """Biases are not counted."""
    return reference.conv2d_num_params(in_channels, out_channels, kernel_size, False, groups)


def params_always_bias(
    in_channels: int, out_channels: int, kernel_size: int, bias: bool = True, groups: int = 1
) -> int:
    """Biases are counted also without ``bias``."""
    return reference.conv2d_num_params(in_channels, out_channels, kernel_size, True, groups)


def params_of_flat_filters(
    in_channels: int, out_channels: int, kernel_size: int, bias: bool = True, groups: int = 1
) -> int:
    """A filter has k x k numbers, as if it read one channel."""
    return out_channels * (kernel_size**2 + int(bias))


def params_bias_twice(in_channels: int, out_channels: int, kernel_size: int, bias: bool = True, groups: int = 1) -> int:
    """The biases are added twice."""
    once = reference.conv2d_num_params(in_channels, out_channels, kernel_size, bias, groups)
    return once + out_channels * int(bias)


def params_one_bias(in_channels: int, out_channels: int, kernel_size: int, bias: bool = True, groups: int = 1) -> int:
    """The layer has one bias."""
    return out_channels * in_channels // groups * kernel_size**2 + int(bias)


def params_bias_per_input(
    in_channels: int, out_channels: int, kernel_size: int, bias: bool = True, groups: int = 1
) -> int:
    """There is a bias for each pair of input and output channels."""
    return out_channels * in_channels // groups * (kernel_size**2 + int(bias))


def params_bias_per_pixel(
    in_channels: int, out_channels: int, kernel_size: int, bias: bool = True, groups: int = 1
) -> int:
    """There is a bias for each pixel of the output, for images of 32 x 32."""
    weights = out_channels * in_channels // groups * kernel_size**2
    return weights + int(bias) * out_channels * (33 - kernel_size) ** 2


def params_of_a_line(in_channels: int, out_channels: int, kernel_size: int, bias: bool = True, groups: int = 1) -> int:
    """The kernel has k numbers, not k x k."""
    return out_channels * (in_channels // groups * kernel_size + int(bias))


def params_without_groups(
    in_channels: int, out_channels: int, kernel_size: int, bias: bool = True, groups: int = 1
) -> int:
    """``groups`` has no effect."""
    return reference.conv2d_num_params(in_channels, out_channels, kernel_size, bias)


def params_groups_divide_all(
    in_channels: int, out_channels: int, kernel_size: int, bias: bool = True, groups: int = 1
) -> int:
    """``groups`` divides the biases too."""
    return reference.conv2d_num_params(in_channels, out_channels, kernel_size, bias) // groups


def params_groups_divide_twice(
    in_channels: int, out_channels: int, kernel_size: int, bias: bool = True, groups: int = 1
) -> int:
    """``groups`` divides the input and the output channels, and only one group is counted."""
    return out_channels // groups * (in_channels // groups) * kernel_size**2 + int(bias) * out_channels


def linear_without_bias(in_features: int, out_features: int, bias: bool = True) -> int:
    """Biases are not counted."""
    return in_features * out_features


def linear_always_bias(in_features: int, out_features: int, bias: bool = True) -> int:
    """Biases are counted also without ``bias``."""
    return (in_features + 1) * out_features


def linear_bias_per_input(in_features: int, out_features: int, bias: bool = True) -> int:
    """Each input has a bias."""
    return in_features * (out_features + int(bias))


def linear_one_bias(in_features: int, out_features: int, bias: bool = True) -> int:
    """The layer has one bias."""
    return in_features * out_features + int(bias)


def linear_bias_twice(in_features: int, out_features: int, bias: bool = True) -> int:
    """The biases are added twice."""
    return (in_features + 2 * int(bias)) * out_features


def counted_weights(module: Any, trainable_only: bool = False) -> int:
    """Biases are not counted."""
    return sum(p.numel() for name, p in module.twin.named_parameters() if not name.endswith("bias"))


def counted_buffers(module: Any, trainable_only: bool = False) -> int:
    """All entries of the ``state_dict`` are counted."""
    return sum(value.numel() for value in module.twin.state_dict().values())


def counted_float_buffers(module: Any, trainable_only: bool = False) -> int:
    """Parameters and the floating buffers are counted."""
    return sum(value.numel() for value in module.twin.state_dict().values() if value.is_floating_point())


def counted_twice(module: Any, trainable_only: bool = False) -> int:
    """A parameter that two layers share is counted twice."""
    parameters = module.twin.named_parameters(remove_duplicate=False)
    return sum(p.numel() for _, p in parameters if p.requires_grad or not trainable_only)


def counted_tensors(module: Any, trainable_only: bool = False) -> int:
    """Tensors are counted, not their numbers."""
    return len(list(module.twin.parameters()))


def counted_rows(module: Any, trainable_only: bool = False) -> int:
    """Only the first dimension of each parameter is counted."""
    return sum(len(p) for p in module.twin.parameters() if p.dim())


def counted_always_trainable(module: Any, trainable_only: bool = False) -> int:
    """Frozen parameters are never counted."""
    return reference.count_parameters(module.twin, trainable_only=True)


def counted_always_all(module: Any, trainable_only: bool = False) -> int:
    """``trainable_only`` has no effect."""
    return reference.count_parameters(module.twin)


def counted_frozen(module: Any, trainable_only: bool = False) -> int:
    """``trainable_only`` counts the frozen parameters."""
    return reference.count_parameters(module.twin) - reference.count_parameters(module.twin, trainable_only=True)


def counted_in_binary_millions(module: Any, trainable_only: bool = False) -> float:
    """In millions of 2^20."""
    return reference.count_parameters(module.twin, trainable_only) / 2**20


def counted_in_millions(module: Any, trainable_only: bool = False) -> float:
    """In millions."""
    return reference.count_parameters(module.twin, trainable_only) / 1e6


# ---------------------------------------------------------------------------------------------- receptive field


def field_own_stride(layers: Sequence[tuple[int, int]]) -> int:
    """The stride of a layer widens that layer itself."""
    field, jump = 1, 1
    for kernel_size, stride in layers:
        jump *= stride
        field += (kernel_size - 1) * jump
    return field


def field_without_strides(layers: Sequence[tuple[int, int]]) -> int:
    """Strides have no effect."""
    return 1 + sum(kernel_size - 1 for kernel_size, _ in layers)


def field_adds_kernels(layers: Sequence[tuple[int, int]]) -> int:
    """The kernel sizes are added."""
    return sum(kernel_size for kernel_size, _ in layers)


def field_multiplies_kernels(layers: Sequence[tuple[int, int]]) -> int:
    """The kernel sizes are multiplied."""
    return math.prod(kernel_size for kernel_size, _ in layers)


def field_reversed(layers: Sequence[tuple[int, int]]) -> int:
    """The layers are taken in the opposite order."""
    return reference.receptive_field(list(layers)[::-1])


def field_previous_stride(layers: Sequence[tuple[int, int]]) -> int:
    """Only the stride of the layer before counts: strides are not multiplied."""
    strides = [1, *(stride for _, stride in layers)]
    return 1 + sum((kernel_size - 1) * stride for (kernel_size, _), stride in zip(layers, strides, strict=False))


def field_adds_strides(layers: Sequence[tuple[int, int]]) -> int:
    """Strides are added, not multiplied."""
    field, jump = 1, 1
    for kernel_size, stride in layers:
        field += (kernel_size - 1) * jump
        jump += stride - 1
    return field


def field_without_one(layers: Sequence[tuple[int, int]]) -> int:
    """The 1 at the beginning is lost."""
    return reference.receptive_field(layers) - 1


def field_area(layers: Sequence[tuple[int, int]]) -> int:
    """The area of the square, not its side."""
    return reference.receptive_field(layers) ** 2


def field_of_kernels_with_stride(layers: Sequence[tuple[int, int]]) -> int:
    """Whole kernels are widened: k in place of k - 1."""
    field, jump = 0, 1
    for kernel_size, stride in layers:
        field += kernel_size * jump
        jump *= stride
    return field


# ---------------------------------------------------------------------------------------------- shapes of the networks


def outlined(layers: Mapping[str, tuple[int, ...]], bias: bool = True) -> Callable[..., dict[str, Any]]:
    """Return the mistake of other layers, as an outline without an input."""

    def outline(*arguments: Any, **keywords: Any) -> dict[str, Any]:
        return {"parameters": shapes_of(layers, bias), "buffers": {}, "output": None}

    return outline


lenet_for_28 = outlined({**LENET, "fc1": (120, 256)})
"""For images of 28 x 28 that nobody pads."""

lenet_of_caffe = outlined({"conv1": (20, 1, 5, 5), "conv2": (50, 20, 5, 5), "fc1": (500, 800), "fc2": (10, 500)})
"""Caffe's LeNet."""

lenet_of_caffe_28 = outlined({"conv1": (20, 1, 5, 5), "conv2": (50, 20, 5, 5), "fc1": (500, 1250), "fc2": (10, 500)})
"""Caffe's LeNet for images of 32 x 32."""

lenet_two_linear = outlined({"conv1": (6, 1, 5, 5), "conv2": (16, 6, 5, 5), "fc1": (120, 400), "fc2": (10, 120)})
"""Two fully connected layers."""

lenet_without_biases = outlined(LENET, bias=False)
"""No layer has a bias."""

alexnet_unpadded = outlined({**ALEXNET, "classifier.1": (4096, 6400)})
"""224 pixels without padding: 54, and 5 x 5 maps at the end."""

alexnet_of_the_paper = outlined(
    {
        **ALEXNET,
        "features.0": (96, 3, 11, 11),
        "features.3": (256, 96, 5, 5),
        "features.6": (384, 256, 3, 3),
        "features.8": (384, 384, 3, 3),
        "features.10": (256, 384, 3, 3),
    }
)
"""The filters of the 2012 paper, without its groups."""

alexnet_of_the_paper_in_groups = outlined(
    {
        **ALEXNET,
        "features.0": (96, 3, 11, 11),
        "features.3": (256, 48, 5, 5),
        "features.6": (384, 256, 3, 3),
        "features.8": (384, 192, 3, 3),
        "features.10": (256, 192, 3, 3),
    }
)
"""The filters of the 2012 paper, with its groups."""

alexnet_of_the_second_paper = outlined({**ALEXNET, "features.8": (384, 384, 3, 3), "features.10": (256, 384, 3, 3)})
"""The widths of the text of arXiv:1404.5997."""

alexnet_without_biases = outlined(ALEXNET, bias=False)
"""No layer has a bias."""


def _vgg_of(groups: Sequence[Sequence[tuple[int, int]]]) -> dict[str, tuple[int, ...]]:
    """Return the layers of a VGG whose groups hold ``(width, kernel_size)``."""
    layers: dict[str, tuple[int, ...]] = {}
    place, before = 0, 3
    for group in groups:
        for width, kernel_size in group:
            layers[f"features.{place}"] = (width, before, kernel_size, kernel_size)
            place, before = place + 2, width
        place += 1
    return {**layers, **{name: shape for name, shape in VGG.items() if name.startswith("classifier")}}


_WIDTHS = (64, 128, 256, 512, 512)
vgg_13 = outlined(_vgg_of([[(width, 3)] * 2 for width in _WIDTHS]))
"""Ten convolutions: VGG-13."""

vgg_12_convolutions = outlined(
    _vgg_of([[(width, 3)] * count for width, count in zip(_WIDTHS, (2, 2, 2, 3, 3), strict=True)])
)
"""Twelve convolutions."""

vgg_19 = outlined(_vgg_of([[(width, 3)] * count for width, count in zip(_WIDTHS, (2, 2, 4, 4, 4), strict=True)]))
"""Sixteen convolutions: VGG-19."""

vgg_c = outlined(
    _vgg_of(
        [[(width, 3)] * 2 + [(width, 1)] * (count - 2) for width, count in zip(_WIDTHS, (2, 2, 3, 3, 3), strict=True)]
    )
)
"""Configuration C, whose third convolutions are 1 x 1."""

vgg_without_biases = outlined(VGG, bias=False)
"""No layer has a bias."""


# ---------------------------------------------------------------------------------------------- numbers of the networks


def lenet(
    activation: Callable[[Tensor], Tensor] = torch.tanh,
    pool: Callable[[Tensor], Tensor] = lambda x: functional.avg_pool2d(x, 2),
    last: Callable[[Tensor], Tensor] = lambda x: x,
    between: Callable[[Tensor], Tensor] | None = None,
    is_pooled_first: bool = False,
    start_dim: int = 1,
    is_channels_last: bool = False,
    is_second_linear: bool = False,
) -> Callable[[Tensor], Tensor]:
    """Return LeNet-5 with something changed, as a function of the images."""

    def forward(x: Tensor) -> Tensor:
        state = LENET_STATE
        x = x.double()
        for name in ("conv1", "conv2"):
            x = functional.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"])
            x = activation(pool(x)) if is_pooled_first else pool(activation(x))
        if is_channels_last:
            x = x.permute(0, 2, 3, 1)
        x = x.flatten(start_dim)
        act = between or activation
        x = act(functional.linear(x, state["fc1.weight"], state["fc1.bias"]))
        x = functional.linear(x, state["fc2.weight"], state["fc2.bias"])
        x = x if is_second_linear else act(x)
        return last(functional.linear(x, state["fc3.weight"], state["fc3.bias"]))

    return forward


def _same(x: Tensor) -> Tensor:
    return x


lenet_softmax = lenet(last=lambda x: x.softmax(-1))
lenet_log_softmax = lenet(last=lambda x: x.log_softmax(-1))
lenet_last_tanh = lenet(last=torch.tanh)
lenet_last_relu = lenet(last=torch.relu)
lenet_relu = lenet(torch.relu)
lenet_sigmoid = lenet(torch.sigmoid)
lenet_max_pool = lenet(pool=lambda x: functional.max_pool2d(x, 2))
lenet_relu_max_pool = lenet(torch.relu, pool=lambda x: functional.max_pool2d(x, 2))
lenet_pools_first = lenet(is_pooled_first=True)
lenet_linear_convolutions = lenet(_same, between=torch.tanh)
lenet_linear_head = lenet(between=_same)
lenet_linear_second = lenet(is_second_linear=True)
lenet_merges_batch = lenet(start_dim=0)
lenet_channels_last = lenet(is_channels_last=True)


def net(
    name: str,
    activation: Callable[[Tensor], Tensor] = torch.relu,
    last: Callable[[Tensor], Tensor] = lambda x: x,
    change: Callable[[nn.Module], nn.Module | None] = lambda layer: None,
    head: Callable[[Tensor], Tensor] | None = None,
    is_averaged: bool = True,
    start_dim: int = 1,
) -> Callable[[Tensor], Tensor]:
    """Return AlexNet or VGG-16 with something changed, as a function of the images.

    Args:
        name: ``AlexNet`` or ``VGG16``.
        activation: takes the place of ReLU in the features, and of that in the classifier unless ``head`` does.
        last: what comes after the last layer.
        change: gives another layer for one of the features; None keeps it.
        head: takes the place of ReLU in the classifier.
        is_averaged: whether ``avgpool`` is there.
        start_dim: the dimension from which the maps are flattened.
    """

    def forward(x: Tensor) -> Tensor:
        with torch.device("meta"):
            twin: Any = getattr(reference, name)(num_classes=5)
        with_parameters(twin, STATES[name])
        twin.eval()
        x = x.double()
        for layer in twin.features:
            other = change(layer)
            same = activation if isinstance(layer, nn.ReLU) else layer
            x = same(x) if other is None else other(x)
        x = twin.avgpool(x) if is_averaged else x
        x = x.flatten(start_dim)
        for layer in twin.classifier:
            x = (head or activation)(x) if isinstance(layer, nn.ReLU) else layer(x)
        return last(x).detach()

    return forward


def _averaging(layer: nn.Module) -> nn.Module | None:
    return nn.AvgPool2d(layer.kernel_size, layer.stride) if isinstance(layer, nn.MaxPool2d) else None


def _side_by_side(layer: nn.Module) -> nn.Module | None:
    return nn.MaxPool2d(2) if isinstance(layer, nn.MaxPool2d) else None


def _rounding_up(layer: nn.Module) -> nn.Module | None:
    return nn.MaxPool2d(layer.kernel_size, layer.stride, ceil_mode=True) if isinstance(layer, nn.MaxPool2d) else None


def _unpadded_first(layer: nn.Module) -> nn.Module | None:
    if not isinstance(layer, nn.Conv2d) or layer.stride != (4, 4):
        return None
    return lambda x: functional.conv2d(x, layer.weight, layer.bias, stride=4)  # type: ignore[return-value]


NETS: dict[str, dict[str, Callable[[Tensor], Tensor]]] = {
    name: {
        "softmax": net(name, last=lambda x: x.softmax(-1)),
        "log_softmax": net(name, last=lambda x: x.log_softmax(-1)),
        "last_relu": net(name, last=torch.relu),
        "tanh": net(name, torch.tanh),
        "no_relu": net(name, _same),
        "linear_features": net(name, _same, head=torch.relu),
        "linear_head": net(name, head=_same),
        "averages": net(name, change=_averaging),
        "side_by_side": net(name, change=_side_by_side),
        "rounds_up": net(name, change=_rounding_up),
        "unpadded_first": net(name, change=_unpadded_first),
        "merges_batch": net(name, start_dim=0),
    }
    for name in ("AlexNet", "VGG16")
}
"""Mistakes of the two large networks, by what is wrong."""


def never_drops(name: str) -> Callable[[Tensor], Tensor]:
    """Return the mistake of no dropout at all."""
    return net(name)


def drops_after_relu(x: Tensor) -> Tensor:
    """AlexNet whose dropout, of probability 1, comes after the ReLUs, as in VGG-16: the last bias is left."""
    return ALEXNET_STATE["classifier.6.bias"].expand(len(x), -1).clone()


def drops_before_linear(x: Tensor) -> Tensor:
    """VGG-16 whose dropout, of probability 1, comes before the first two linear layers, as in AlexNet."""
    state = VGG_STATE
    hidden = state["classifier.3.bias"].relu()
    logits = functional.linear(hidden, state["classifier.6.weight"], state["classifier.6.bias"])
    return logits.expand(len(x), -1).clone()
