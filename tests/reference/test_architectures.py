"""The architectures against values a person can compute, PyTorch's own layers, and torchvision's networks."""

import copy
import gc
import itertools
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from reference.architectures import (
    VGG16,
    VGG16_CONFIGURATION_D,
    AlexNet,
    LeNet5,
    conv2d_num_params,
    conv2d_output_size,
    conv_transpose2d_output_size,
    count_parameters,
    linear_num_params,
    pool2d_output_size,
    receptive_field,
)

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]

LENET = [(1, 6, 5), (6, 16, 5)]  # (in_channels, out_channels, kernel_size) of the convolutions
ALEXNET = [(3, 64, 11), (64, 192, 5), (192, 384, 3), (384, 256, 3), (256, 256, 3)]
VGG = [
    (3, 64, 3),
    (64, 64, 3),
    (64, 128, 3),
    (128, 128, 3),
    (128, 256, 3),
    (256, 256, 3),
    (256, 256, 3),
    (256, 512, 3),
    (512, 512, 3),
    (512, 512, 3),
    (512, 512, 3),
    (512, 512, 3),
    (512, 512, 3),
]


def on_meta(make: Callable[..., nn.Module], *args: Any, **kwargs: Any) -> nn.Module:
    with torch.device("meta"):
        return make(*args, **kwargs)


def random_images(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def randomised(net: nn.Module, seed: int) -> nn.Module:
    """Return the network in eval mode, with weights under which every layer passes its signal on, and real biases."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            fan_in = parameter[0].numel() if name.endswith("weight") else 1
            values = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            parameter.copy_(values * (2 / fan_in) ** 0.5 if name.endswith("weight") else values / 4)
    return net.eval()


def narrow(make: Callable[..., nn.Module], seed: int = 0, num_classes: int = 10, dropout: float = 0.5) -> nn.Module:
    """Return the network with a sixteenth of the width everywhere but at its two ends, in float64, in eval mode.

    Only the layers with weights are replaced: order, strides, padding, pooling and ``forward`` are the network's own.
    """
    net = on_meta(make, num_classes=num_classes, dropout=dropout)
    layers = [(name, layer) for name, layer in net.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    first, last = layers[0][0], layers[-1][0]
    for name, layer in layers:
        parent, _, index = name.rpartition(".")
        thin: nn.Module
        if isinstance(layer, nn.Conv2d):
            thin = nn.Conv2d(
                3 if name == first else layer.in_channels // 16,
                layer.out_channels // 16,
                cast("tuple[int, int]", layer.kernel_size),
                cast("tuple[int, int]", layer.stride),
                cast("tuple[int, int]", layer.padding),
                dtype=torch.float64,
            )
        else:
            out_features = num_classes if name == last else layer.out_features // 16
            thin = nn.Linear(layer.in_features // 16, out_features, dtype=torch.float64)
        setattr(net.get_submodule(parent), index, thin)
    return randomised(net, seed)


def lenet(seed: int = 0, in_channels: int = 1, num_classes: int = 10) -> nn.Module:
    return randomised(LeNet5(in_channels, num_classes).double(), seed)


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int, int]]] = {
    "LeNet5": (lenet, (1, 32, 32)),
    "AlexNet": (lambda: narrow(AlexNet), (3, 63, 63)),
    "VGG16": (lambda: narrow(VGG16), (3, 32, 32)),
}
each_net = pytest.mark.parametrize("name", NETS)


def net_and_images(name: str, n: int) -> tuple[nn.Module, Tensor]:
    make, shape = NETS[name]
    return make(), random_images(1, n, *shape)


@contextmanager
def unchanged_random_state() -> Iterator[None]:
    state = torch.get_rng_state()
    yield
    assert torch.equal(torch.get_rng_state(), state)


# ---------------------------------------------------------------------------------------------- hand-computed values


@pytest.mark.parametrize(
    ("n", "kernel_size", "stride", "padding", "conv", "floor", "ceil"),
    [
        (224, 7, 2, 3, 112, 112, 113),
        (112, 3, 2, 1, 56, 56, 57),
        (112, 3, 2, 0, 55, 55, 56),
        (5, 2, 2, 0, 2, 2, 3),
        (13, 3, 2, 0, 6, 6, 6),
        (55, 3, 2, 0, 27, 27, 27),
        (27, 3, 2, 0, 13, 13, 13),
        (5, 3, 3, 1, 2, 2, 2),  # naive ceiling: 3
        (3, 2, 2, 1, 2, 2, 2),  # naive ceiling: 3
        (1, 1, 1, 0, 1, 1, 1),
        (3, 3, 7, 0, 1, 1, 1),
    ],
)
def test_output_sizes_of_one_layer(
    n: int, kernel_size: int, stride: int, padding: int, conv: int, floor: int, ceil: int
) -> None:
    assert conv2d_output_size(n, kernel_size, stride, padding) == conv
    assert pool2d_output_size(n, kernel_size, stride, padding) == floor
    assert pool2d_output_size(n, kernel_size, stride, padding, ceil_mode=True) == ceil


def test_padding_counts_on_both_sides_and_dilation_between_the_weights() -> None:
    assert conv2d_output_size(32, 5, padding=2) == 32
    assert conv2d_output_size(32, 3, dilation=2) == 28
    assert conv2d_output_size(32, 3, 2, 2, 2) == 16
    assert conv2d_output_size(5, 3, dilation=2) == 1
    assert pool2d_output_size(7, 2, 1, 1, 3, ceil_mode=False) == 6


def test_a_fraction_is_rounded_down_not_refused() -> None:
    assert conv2d_output_size(224, 7, 2) == 109  # 109.5
    assert conv2d_output_size(224, 11, 4) == 54  # 54.25: AlexNet needs padding 2, or 227 pixels
    assert conv2d_output_size(224, 11, 4, 2) == conv2d_output_size(227, 11, 4) == 55


def test_the_stride_of_pooling_defaults_to_its_kernel() -> None:
    assert pool2d_output_size(28, 2) == pool2d_output_size(28, 2, 2) == 14
    assert pool2d_output_size(28, 3) == 9
    assert pool2d_output_size(28, 3, ceil_mode=True) == 10
    assert pool2d_output_size(28, 3, 1) == 26


def test_output_sizes_of_transposed_convolutions() -> None:
    assert conv_transpose2d_output_size(28, 2, 2) == 56
    assert conv_transpose2d_output_size(1, 1) == 1
    assert conv_transpose2d_output_size(5, 3) == 7
    assert conv_transpose2d_output_size(5, 3, padding=1) == 5
    assert conv_transpose2d_output_size(7, 3, 2, 1, 1) == 14
    assert conv_transpose2d_output_size(4, 3, 2, 1, 2, 3) == 13


def test_sizes_through_the_three_networks() -> None:
    sizes = [32]
    for _ in LENET:
        sizes.append(conv2d_output_size(sizes[-1], 5))
        sizes.append(pool2d_output_size(sizes[-1], 2))
    assert sizes == [32, 28, 14, 10, 5]
    n = 36
    for _ in LENET:
        n = pool2d_output_size(conv2d_output_size(n, 5), 2)
    assert 16 * n * n == 576
    n = 28
    for _ in LENET:
        n = pool2d_output_size(conv2d_output_size(n, 5), 2)
    assert 16 * n * n == 256  # not 400: an MNIST digit has to be padded
    convs = [(11, 4, 2), (5, 1, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1)]
    sizes = [224]
    for i, conv in enumerate(convs):
        sizes.append(conv2d_output_size(sizes[-1], *conv))
        if i in (0, 1, 4):
            sizes.append(pool2d_output_size(sizes[-1], 3, 2))
    assert sizes == [224, 55, 27, 27, 13, 13, 13, 13, 6]
    sizes = [224]
    for _ in VGG16_CONFIGURATION_D:
        sizes.append(pool2d_output_size(conv2d_output_size(sizes[-1], 3, padding=1), 2))
    assert sizes == [224, 112, 56, 28, 14, 7]


def test_parameters_of_single_layers() -> None:
    assert conv2d_num_params(1, 6, 5) == 156
    assert conv2d_num_params(1, 6, 5, bias=False) == 150
    assert conv2d_num_params(6, 16, 5) == 2_416
    assert conv2d_num_params(8, 20, 3) == 1_460
    assert conv2d_num_params(3, 20, 8) == 3_860  # not 3,880: one bias per filter, added once
    assert conv2d_num_params(64, 64, 3) == 36_928  # not 640: a filter reads all channels
    assert conv2d_num_params(16, 120, 5) == linear_num_params(400, 120) == 48_120  # C5 is fc1
    assert conv2d_num_params(8, 8, 3, groups=8) == 80
    assert conv2d_num_params(8, 16, 3, groups=8) == 160
    assert conv2d_num_params(1, 1, 1, bias=False) == 1
    assert linear_num_params(120, 84) == 10_164
    assert linear_num_params(84, 10) == 850
    assert linear_num_params(84, 10, bias=False) == 840
    assert linear_num_params(1, 1) == 2


def stack(convs: list[tuple[int, int, int]], features: list[int], bias: bool = True) -> int:
    linear = sum(linear_num_params(*pair, bias) for pair in itertools.pairwise(features))
    return sum(conv2d_num_params(*conv, bias) for conv in convs) + linear


def test_parameters_of_whole_networks_by_arithmetic() -> None:
    assert stack(LENET, [400, 120, 84, 10]) == 61_706
    assert stack(LENET, [400, 120, 84, 10], bias=False) == 61_470
    assert stack([(3, 6, 5), (6, 16, 5)], [400, 120, 84, 10]) == 62_006
    assert stack(ALEXNET, [9216, 4096, 4096, 1000]) == 61_100_840
    assert stack(ALEXNET, [9216, 4096, 4096, 1000], bias=False) == 61_090_496
    assert stack(VGG, [25_088, 4096, 4096, 1000]) == 138_357_544
    assert stack(VGG, [25_088, 4096, 4096, 1000], bias=False) == 138_344_128


def test_parameters_of_the_variants_that_are_not_ours() -> None:
    assert stack(LENET, [256, 120, 84, 10]) == 44_426  # LeNet-5 on 28x28 without padding
    assert stack([(1, 20, 5), (20, 50, 5)], [800, 500, 10]) == 431_080  # Caffe's "LeNet"
    unpadded = [256 * 5 * 5, 4096, 4096, 1000]  # 224 pixels, no padding in the first layer: 54, 26, 12, 5
    assert stack(ALEXNET, unpadded) == 49_566_504
    paper = [(3, 96, 11), (96, 256, 5), (256, 384, 3), (384, 384, 3), (384, 256, 3)]
    classifier = [9216, 4096, 4096, 1000]
    assert stack(paper, classifier) == 62_378_344
    assert stack(paper, unpadded) == 50_844_008
    two_gpus = sum(conv2d_num_params(*conv, groups=groups) for conv, groups in zip(paper, (1, 2, 1, 2, 2), strict=True))
    assert two_gpus + stack([], classifier) == 60_965_224
    one_weird_trick = [(3, 64, 11), (64, 192, 5), (192, 384, 3), (384, 384, 3), (384, 256, 3)]
    assert stack(one_weird_trick, classifier) == 61_838_248


def test_lenet_as_published_has_sixty_thousand_parameters() -> None:
    c3 = conv2d_num_params(3, 6, 5) + conv2d_num_params(4, 9, 5) + conv2d_num_params(6, 1, 5)  # the paper's Table I
    subsampling = 2 * 6 + 2 * 16  # one factor and one bias per map
    assert c3 == 1_516
    assert conv2d_num_params(1, 6, 5) + c3 + subsampling + stack([], [400, 120, 84]) == 60_000


def test_receptive_fields_of_the_lecture_networks() -> None:
    assert receptive_field([]) == 1
    assert receptive_field([(5, 3)]) == 5
    assert receptive_field([(1, 2), (1, 2), (3, 1)]) == 9
    assert receptive_field([(2, 2), (3, 1)]) == 6
    assert receptive_field([(3, 1)] * 3) == 7
    assert receptive_field([(5, 1), (2, 2)] * 2) == 16
    assert receptive_field([(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2)]) == 195
    assert (
        receptive_field([layer for group in VGG16_CONFIGURATION_D for layer in [(3, 1)] * len(group) + [(2, 2)]]) == 212
    )
    stages = [(3, 1), (4, 2), (6, 2), (3, 2)]
    blocks = [(3, stride if block == 0 else 1) for depth, stride in stages for block in range(depth)]
    resnet50 = [(7, 2), (3, 2), *(layer for block in blocks for layer in ((1, 1), block, (1, 1)))]
    assert receptive_field(resnet50) == 427


def test_three_small_kernels_are_cheaper_than_one_that_sees_as_much() -> None:
    assert receptive_field([(3, 1)] * 3) == receptive_field([(7, 1)])
    assert 3 * conv2d_num_params(64, 64, 3, bias=False) == 27 * 64**2 == 110_592
    assert conv2d_num_params(64, 64, 7, bias=False) == 49 * 64**2 == 200_704


# ----------------------------------------------------------------------------------------- arithmetic against PyTorch


BOUNDS = [(1, 80), (1, 9), (1, 6), (0, 5), (1, 4)]  # of n, kernel_size, stride, padding, dilation


def ours_or_none(size: Callable[..., int], *args: Any) -> int | None:
    try:
        return size(*args)
    except ValueError:
        return None


def torch_or_none(layer: Callable[..., Tensor], *args: Any, **kwargs: Any) -> int | None:
    """Return the height that PyTorch makes, or None where it refuses."""
    try:
        return layer(*args, **kwargs).shape[2]
    except RuntimeError:
        return None


def test_convolutions_have_the_size_of_pytorch() -> None:
    weights = {kernel_size: torch.ones(1, 1, kernel_size, 1) for kernel_size in range(1, 7)}
    refused = 0
    for n, k, s, p, d in itertools.product(
        (1, 2, 3, 4, 7, 12, 13, 20), range(1, 7), (1, 2, 3, 5), (0, 1, 3), (1, 2, 3)
    ):
        column = torch.zeros(1, 1, n, 1)
        expected = torch_or_none(F.conv2d, column, weights[k], None, (s, 1), (p, 0), (d, 1))
        assert ours_or_none(conv2d_output_size, n, k, s, p, d) == expected, (n, k, s, p, d)
        refused += expected is None
    assert 400 < refused < 600  # of 1,728: both answers are compared


def test_an_output_size_counts_the_places_where_the_kernel_fits() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(500):
        n, k, s, p, d = (int(torch.randint(low, high, (), generator=generator)) for low, high in BOUNDS)
        extent = d * (k - 1) + 1
        starts = [start for start in range(-p, n + p) if start + extent <= n + p][::s]
        if starts:
            assert conv2d_output_size(n, k, s, p, d) == len(starts)
            assert conv2d_output_size(n + s, k, s, p, d) == len(starts) + 1  # a stride of pixels more, a place more


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_pooling_has_the_size_of_pytorch(ceil_mode: bool) -> None:
    compared = 0
    for n, k, s, p, d in itertools.product(range(1, 30), range(1, 6), (None, 1, 2, 3, 4, 5), range(4), (1, 2)):
        column = torch.zeros(1, 1, n, 1)
        step = k if s is None else s
        expected = torch_or_none(F.max_pool2d, column, (k, 1), (step, 1), (p, 0), (d, 1), ceil_mode=ceil_mode)
        actual = ours_or_none(pool2d_output_size, n, k, s, p, d, ceil_mode)
        if ceil_mode and d * (k - 1) + 1 > n + 2 * p:
            assert actual is None  # PyTorch lets a single window hang over
        else:
            assert actual == expected, (n, k, s, p, d)
            compared += actual is not None
    assert compared > 3_000


def test_average_pooling_has_the_size_of_max_pooling() -> None:
    for n, k, s, p, ceil_mode in itertools.product(range(5, 15), (1, 2, 3, 5), (1, 2, 3), (0, 1), (False, True)):
        if 2 * p <= k <= n + 2 * p:
            pool = nn.AvgPool2d(k, s, p, ceil_mode)
            assert pool(torch.zeros(1, 1, n, n)).shape[2:] == (pool2d_output_size(n, k, s, p, 1, ceil_mode),) * 2


def test_pytorch_lets_a_kernel_larger_than_the_input_hang_over_and_we_do_not() -> None:
    assert F.max_pool2d(torch.zeros(1, 1, 2, 2), 3, 2, ceil_mode=True).shape[2] == 1
    with pytest.raises(ValueError, match="must fit into the padded input"):
        pool2d_output_size(2, 3, 2, ceil_mode=True)


def test_rounding_up_adds_at_most_one_window_and_never_one_of_padding_alone() -> None:
    for n, k, s, p in itertools.product(range(1, 40), range(1, 7), range(1, 7), range(4)):
        if 2 * p <= k <= n + 2 * p:
            floor, ceil = pool2d_output_size(n, k, s, p), pool2d_output_size(n, k, s, p, ceil_mode=True)
            assert ceil - floor in (0, 1)
            if ceil > floor:
                assert floor * s - p < n  # the extra window starts at or before the last pixel ...
                assert floor * s - p + k > n + p  # ... and hangs over


def test_transposed_convolutions_have_the_size_of_pytorch() -> None:
    refused = 0
    weights = {kernel_size: torch.ones(1, 1, kernel_size, 1) for kernel_size in range(1, 5)}
    for n, k, s, p, o, d in itertools.product((1, 2, 3, 7), range(1, 5), (1, 2, 3), range(4), range(4), (1, 2, 3)):
        column = torch.zeros(1, 1, n, 1)
        expected = torch_or_none(F.conv_transpose2d, column, weights[k], None, (s, 1), (p, 0), (o, 0), 1, (d, 1))
        assert ours_or_none(conv_transpose2d_output_size, n, k, s, p, o, d) == expected, (n, k, s, p, o, d)
        refused += expected is None
    assert 500 < refused < 2_304


def test_a_transposed_convolution_undoes_the_size_of_a_convolution() -> None:
    generator = torch.Generator().manual_seed(1)
    undone = 0
    for _ in range(500):
        n, k, s, p, d = (int(torch.randint(low, high, (), generator=generator)) for low, high in BOUNDS)
        size = ours_or_none(conv2d_output_size, n, k, s, p, d)
        if size is not None:
            remainder = (n + 2 * p - d * (k - 1) - 1) % s
            assert conv_transpose2d_output_size(size, k, s, p, remainder, d) == n
            undone += 1
    assert undone > 400


def test_parameter_arithmetic_counts_what_pytorch_builds() -> None:
    generator = torch.Generator().manual_seed(2)
    for _ in range(300):
        groups, per_group, filters, k, bias = (int(torch.randint(1, 6, (), generator=generator)) for _ in range(5))
        channels = groups * per_group, groups * filters
        conv = nn.Conv2d(*channels, k, bias=bias > 2, groups=groups, device="meta")
        assert conv2d_num_params(*channels, k, bias > 2, groups) == count_parameters(conv)
        linear = nn.Linear(*channels, bias=bias > 2, device="meta")
        assert linear_num_params(*channels, bias > 2) == count_parameters(linear)


def test_a_receptive_field_is_the_extent_of_the_input_gradient() -> None:
    generator = torch.Generator().manual_seed(3)
    for _ in range(300):
        depth = int(torch.randint(1, 6, (), generator=generator))
        layers = [(k, s) for k, s in torch.randint(1, 5, (depth, 2), generator=generator).tolist()]
        pixels = torch.zeros(1, 1, 2_000, dtype=torch.float64, requires_grad=True)
        x = pixels
        for k, s in layers:
            x = F.conv1d(x, torch.ones(1, 1, k, dtype=torch.float64), stride=s)
        (gradient,) = torch.autograd.grad(x[0, 0, 0], pixels)
        read = gradient[0, 0].nonzero().flatten()
        assert receptive_field(layers) == int(read[-1] - read[0]) + 1


def test_a_dilated_kernel_enters_a_receptive_field_with_its_extent() -> None:
    pixels = torch.zeros(1, 1, 50, requires_grad=True)
    out = F.conv1d(F.conv1d(pixels, torch.ones(1, 1, 3), dilation=4), torch.ones(1, 1, 2))
    (gradient,) = torch.autograd.grad(out[0, 0, 0], pixels)
    read = gradient[0, 0].nonzero().flatten()
    assert receptive_field([(4 * (3 - 1) + 1, 1), (2, 1)]) == int(read[-1] - read[0]) + 1 == 10


# --------------------------------------------------------------------------------------------------- count_parameters


def test_a_shared_layer_counts_once() -> None:
    layer = nn.Linear(3, 3)
    assert count_parameters(nn.Sequential(layer, nn.ReLU(), layer)) == 12
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    second.weight = first.weight
    assert count_parameters(nn.Sequential(first, second)) == 9 + 3 + 3


def test_buffers_are_no_parameters() -> None:
    resnet = on_meta(torchvision.models.resnet50)
    assert count_parameters(resnet) == 25_557_032
    assert sum(tensor.numel() for tensor in resnet.state_dict().values()) == 25_610_205
    assert count_parameters(nn.BatchNorm2d(7)) == 14
    assert count_parameters(nn.BatchNorm2d(7, affine=False)) == 0


def test_frozen_parameters_count_unless_only_the_trainable_are_asked_for() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(8, 2))
    net[0].requires_grad_(False)
    assert count_parameters(net) == 224 + 18
    assert count_parameters(net, trainable_only=True) == 18
    net[1].weight.requires_grad_(False)
    assert count_parameters(net, True) == 2


def test_counting_accepts_any_module_and_leaves_it_alone() -> None:
    assert count_parameters(nn.ReLU()) == 0
    assert count_parameters(nn.ParameterList([torch.ones(2, 3), torch.tensor(1.0), torch.ones(0, 4)])) == 7
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    before = copy.deepcopy(net.state_dict())
    with unchanged_random_state(), torch.no_grad():
        assert count_parameters(net, trainable_only=True) == 10
    assert net.training
    assert all(torch.equal(value, net.state_dict()[key]) for key, value in before.items())


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (torchvision.models.alexnet, 61_100_840),
        (torchvision.models.vgg11, 132_863_336),
        (torchvision.models.vgg13, 133_047_848),
        (torchvision.models.vgg16, 138_357_544),
        (torchvision.models.vgg16_bn, 138_365_992),
        (torchvision.models.vgg19, 143_667_240),
    ],
)
def test_counts_of_torchvision_networks(make: Callable[..., nn.Module], count: int) -> None:
    net = on_meta(make)
    assert count_parameters(net) == count_parameters(net, trainable_only=True) == count


# ------------------------------------------------------------------------------------------ the networks, as designed


@pytest.mark.parametrize(
    ("make", "count", "without_biases", "features"),
    [
        (LeNet5, 61_706, 61_470, 2_572),
        (AlexNet, 61_100_840, 61_090_496, 2_469_696),
        (VGG16, 138_357_544, 138_344_128, 14_714_688),
    ],
)
def test_each_network_has_the_exact_number_of_parameters(
    make: Callable[..., nn.Module], count: int, without_biases: int, features: int
) -> None:
    net = on_meta(make)
    assert count_parameters(net) == count_parameters(net, trainable_only=True) == count
    sizes = {name: parameter.numel() for name, parameter in net.named_parameters()}
    assert sum(size for name, size in sizes.items() if not name.endswith("bias")) == without_biases
    assert sum(size for name, size in sizes.items() if name.startswith(("features", "conv"))) == features
    assert list(net.buffers()) == []


def test_the_number_of_classes_and_channels_changes_one_layer() -> None:
    assert count_parameters(LeNet5(in_channels=3)) == 62_006
    assert count_parameters(LeNet5(num_classes=7)) == 61_706 - 3 * 85
    assert count_parameters(on_meta(AlexNet, 7)) == 61_100_840 - 993 * 4_097
    assert count_parameters(on_meta(VGG16, 7)) == 138_357_544 - 993 * 4_097
    assert count_parameters(on_meta(VGG16, 1)) == 138_357_544 - 999 * 4_097


def test_most_parameters_of_vgg16_sit_in_one_layer() -> None:
    first_linear = cast("nn.Sequential", on_meta(VGG16).classifier)[0]
    assert count_parameters(first_linear) == 102_764_544
    assert count_parameters(first_linear) / 138_357_544 == pytest.approx(0.743, abs=5e-4)


@pytest.mark.parametrize(("make", "layers"), [(LeNet5, (2, 2, 3)), (AlexNet, (5, 3, 3)), (VGG16, (13, 5, 3))])
def test_each_network_calls_as_many_layers_as_the_lecture_says(
    make: Callable[..., nn.Module], layers: tuple[int, int, int]
) -> None:
    net, calls = on_meta(make), dict.fromkeys((nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.Linear), 0)

    def count(layer: nn.Module, args: object, out: object) -> None:
        calls[type(layer)] += 1

    for layer in net.modules():
        if type(layer) in calls:
            layer.register_forward_hook(count)
    with torch.device("meta"):
        net(torch.zeros((2, 1, 32, 32) if make is LeNet5 else (2, 3, 224, 224)))
    assert (calls[nn.Conv2d], calls[nn.MaxPool2d] + calls[nn.AvgPool2d], calls[nn.Linear]) == layers
    assert calls[nn.AvgPool2d if make is LeNet5 else nn.MaxPool2d] == layers[1]


@pytest.mark.parametrize(
    ("make", "shape", "macs"),
    [
        (LeNet5, (1, 1, 32, 32), 416_520),
        (AlexNet, (1, 3, 224, 224), 714_188_480),
        (VGG16, (1, 3, 224, 224), 15_470_264_320),
    ],
)
def test_each_network_multiplies_as_often_as_its_shapes_say(
    make: Callable[..., nn.Module], shape: tuple[int, ...], macs: int
) -> None:
    net = on_meta(make)
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        net(torch.zeros(shape))
    assert counter.get_total_flops() == 2 * macs


def test_the_names_of_lenet_are_the_contract() -> None:
    assert {name: tuple(value.shape) for name, value in LeNet5().state_dict().items()} == {
        "conv1.weight": (6, 1, 5, 5),
        "conv1.bias": (6,),
        "conv2.weight": (16, 6, 5, 5),
        "conv2.bias": (16,),
        "fc1.weight": (120, 400),
        "fc1.bias": (120,),
        "fc2.weight": (84, 120),
        "fc2.bias": (84,),
        "fc3.weight": (10, 84),
        "fc3.bias": (10,),
    }


PAIRS = pytest.mark.parametrize(
    ("make", "oracle"), [(AlexNet, torchvision.models.alexnet), (VGG16, torchvision.models.vgg16)]
)


@PAIRS
def test_the_names_and_the_order_of_layers_are_those_of_torchvision(
    make: Callable[..., nn.Module], oracle: Callable[..., nn.Module]
) -> None:
    def layers(net: nn.Module) -> list[tuple[str, type[nn.Module]]]:
        return [(name, type(layer)) for name, layer in net.named_modules() if name]

    def parameters(net: nn.Module) -> list[tuple[str, torch.Size]]:
        return [(name, value.shape) for name, value in net.state_dict().items()]

    ours, theirs = on_meta(make, dropout=0.25), on_meta(oracle, dropout=0.25)
    assert layers(ours) == layers(theirs)
    assert parameters(ours) == parameters(theirs)
    dropouts = [layer.p for layer in ours.modules() if isinstance(layer, nn.Dropout)]
    assert dropouts == [0.25, 0.25]
    assert [layer.p for layer in on_meta(make).modules() if isinstance(layer, nn.Dropout)] == [0.5, 0.5]


@PAIRS
def test_the_weights_of_torchvision_give_the_logits_of_torchvision(
    make: Callable[..., nn.Module], oracle: Callable[..., nn.Module]
) -> None:
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(0)
        theirs, x = oracle().eval(), torch.randn(1, 3, 224, 224)
        ours = on_meta(make).eval()
        ours.load_state_dict(theirs.state_dict(), strict=True, assign=True)  # assign: no second copy in memory
        expected, actual = theirs(x), ours(x)
    assert torch.equal(actual, expected)
    assert expected.shape == (1, 1000)
    assert expected.std() > 1e-3  # it is about something
    del theirs, ours
    gc.collect()


@PAIRS
def test_narrow_networks_agree_with_torchvision_for_many_images(
    make: Callable[..., nn.Module], oracle: Callable[..., nn.Module]
) -> None:
    smallest = 63 if make is AlexNet else 32
    theirs, ours = narrow(oracle), narrow(make)
    for seed in range(30):
        randomised(theirs, seed)
        ours.load_state_dict(theirs.state_dict(), strict=True)
        for extra in (0, 1, 2, 3, 5, 20):
            x = random_images(seed + extra, 1 + seed % 3, 3, smallest + extra, smallest + (7 * extra) % 20)
            expected = theirs(x)
            assert torch.equal(ours(x), expected)
            assert expected.abs().max() > 1e-2


@PAIRS
def test_narrow_networks_train_like_torchvision(
    make: Callable[..., nn.Module], oracle: Callable[..., nn.Module]
) -> None:
    theirs, ours = narrow(oracle).train(), narrow(make).train()
    x = random_images(0, 2, 3, 64, 64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        expected = theirs(x)
        torch.manual_seed(0)
        actual = ours(x)
    assert torch.equal(actual, expected)
    actual.square().sum().backward()
    expected.square().sum().backward()
    for ours_parameter, theirs_parameter in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert ours_parameter.grad is not None
        assert theirs_parameter.grad is not None
        assert torch.equal(ours_parameter.grad, theirs_parameter.grad)
        assert ours_parameter.grad.any()


def test_the_filters_of_the_alexnet_paper_do_not_fit_the_weights_of_torchvision() -> None:
    paper = on_meta(AlexNet)
    features = cast("nn.Sequential", paper.features)
    features[0] = nn.Conv2d(3, 96, 11, 4, 2, device="meta")
    with pytest.raises(RuntimeError, match=r"size mismatch for features\.0\.weight"):
        paper.load_state_dict(on_meta(torchvision.models.alexnet).state_dict(), assign=True)


# ------------------------------------------------------------------------------------------------ LeNet-5 by the page


def lenet_by_hand(weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """Return LeNet-5's logits with nothing but matrix products, means and exponentials."""

    def squash(z: Tensor) -> Tensor:
        return 1 - 2 / ((2 * z).exp() + 1)

    for name, side in (("conv1", 28), ("conv2", 10)):
        windows = x.unfold(2, 5, 1).unfold(3, 5, 1)  # (N, C, side, side, 5, 5)
        maps = torch.einsum("nchwij,fcij->nfhw", windows, weights[f"{name}.weight"])
        maps = squash(maps + weights[f"{name}.bias"][:, None, None])
        x = maps.reshape(len(x), -1, side // 2, 2, side // 2, 2).mean(dim=(3, 5))
    x = x.reshape(len(x), 400)
    for name in ("fc1", "fc2"):
        x = squash(x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"])
    return x @ weights["fc3.weight"].T + weights["fc3.bias"]


def test_lenet_equals_matrix_products_means_and_exponentials() -> None:
    for seed in range(200):
        in_channels, num_classes = 1 + seed % 3, 2 + seed % 11
        net = lenet(seed, in_channels, num_classes)
        x = random_images(seed, 1 + seed % 4, in_channels, 32, 32)
        torch.testing.assert_close(net(x), lenet_by_hand(net.state_dict(), x), rtol=0, atol=1e-12)


def test_lenet_that_only_averages_is_tanh_four_times() -> None:
    net = LeNet5().double()
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.fill_(1 / parameter[0].numel() if name.endswith("weight") else 0)
        for value in (-2.0, -0.3, 0.0, 0.5, 3.0):
            expected = math.tanh(math.tanh(math.tanh(math.tanh(value))))
            logits = net(torch.full((1, 1, 32, 32), value, dtype=torch.float64))
            assert logits[0].tolist() == pytest.approx([expected] * 10, abs=1e-14)


def test_lenet_averages_where_others_take_the_maximum() -> None:
    net = lenet()
    other = copy.deepcopy(net)
    other.pool = nn.MaxPool2d(2)
    x = random_images(0, 1, 1, 32, 32)
    assert (net(x) - other(x)).abs().max() > 1e-2


def test_the_first_linear_layer_of_lenet_is_the_convolution_c5_of_the_paper() -> None:
    net = lenet()
    maps = random_images(0, 2, 16, 5, 5)
    fc1 = cast("nn.Linear", net.fc1)
    c5 = F.conv2d(maps, fc1.weight.reshape(120, 16, 5, 5), fc1.bias)  # (2, 120, 1, 1)
    torch.testing.assert_close(c5.flatten(1), fc1(maps.flatten(1)), rtol=0, atol=1e-12)


def test_padding_a_digit_of_28_pixels_is_the_same_as_a_padded_first_layer() -> None:
    net = lenet()
    digit = random_images(0, 1, 1, 28, 28)
    conv1 = cast("nn.Conv2d", net.conv1)
    padded = F.conv2d(digit, conv1.weight, conv1.bias, padding=2)
    torch.testing.assert_close(conv1(F.pad(digit, (2, 2, 2, 2))), padded, rtol=0, atol=1e-12)
    assert net(F.pad(digit, (2, 2, 2, 2))).shape == (1, 10)


def test_lenet_passes_gradcheck_for_images_and_weights() -> None:
    net = lenet()
    x = random_images(0, 1, 1, 32, 32).requires_grad_()
    assert torch.autograd.gradcheck(net, (x,), fast_mode=True)
    names, values = zip(*net.named_parameters(), strict=True)

    def of_weights(*weights: Tensor) -> Tensor:
        return cast("Tensor", torch.func.functional_call(net, dict(zip(names, weights, strict=True)), (x.detach(),)))

    assert torch.autograd.gradcheck(of_weights, values, fast_mode=True)


@pytest.mark.parametrize("make", [AlexNet, VGG16])
def test_narrow_networks_pass_gradcheck(make: Callable[..., nn.Module]) -> None:
    x = random_images(0, 1, 3, 63, 63).requires_grad_()
    assert torch.autograd.gradcheck(narrow(make), (x,), fast_mode=True, eps=1e-7, atol=1e-4)


# ---------------------------------------------------------------------------------------- properties of all networks


@each_net
def test_logits_are_not_probabilities(name: str) -> None:
    net, x = net_and_images(name, 2)
    logits = net(x)
    assert (logits < 0).any()
    assert ((logits.sum(dim=1) - 1).abs() > 1e-3).all()
    last = [layer for layer in net.modules() if isinstance(layer, nn.Linear)][-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.arange(10) - 20)
    assert net(x).tolist() == [[float(i) for i in range(-20, -10)]] * 2


@each_net
def test_images_of_a_batch_do_not_mix(name: str) -> None:
    net, x = net_and_images(name, 3)
    together = net(x)
    assert together.shape == (3, 10)
    for i in range(3):
        torch.testing.assert_close(net(x[i : i + 1]), together[i : i + 1], rtol=0, atol=1e-12)
    torch.testing.assert_close(net(x.flip(0)), together.flip(0), rtol=0, atol=1e-12)
    assert (together[0] - together[1]).abs().max() > 1e-3


@each_net
def test_one_image_works_in_eval_and_in_training_and_none_gives_none(name: str) -> None:
    net, x = net_and_images(name, 1)
    assert net(x).shape == net.train()(x).shape == (1, 10)
    assert net.eval()(x[:0]).shape == (0, 10)


@each_net
def test_images_and_random_state_are_left_alone_in_eval(name: str) -> None:
    net, x = net_and_images(name, 2)
    before, version = x.clone(), x._version
    weights = copy.deepcopy(net.state_dict())
    with unchanged_random_state():
        first, second = net(x), net(x)
    assert torch.equal(first, second)
    assert torch.equal(x, before)
    assert x._version == version
    assert all(torch.equal(value, weights[key]) for key, value in net.state_dict().items())


@each_net
def test_non_contiguous_images_give_the_same_logits(name: str) -> None:
    net, x = net_and_images(name, 2)
    expected = net(x)
    for other in (
        x.to(memory_format=torch.channels_last),
        x.transpose(2, 3).contiguous().transpose(2, 3),
        x.repeat_interleave(2, dim=3)[..., ::2],
        x[:1].expand(2, -1, -1, -1),
    ):
        want = expected if torch.equal(other, x) else expected[:1].expand(2, -1)
        torch.testing.assert_close(net(other), want, rtol=0, atol=1e-12)


@each_net
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float16, 2e-2), (torch.bfloat16, 1e-1)])
def test_logits_have_the_dtype_of_the_images(name: str, dtype: torch.dtype, tolerance: float) -> None:
    net, x = net_and_images(name, 2)
    expected = net(x)
    assert expected.dtype == torch.float64
    logits = net.to(dtype)(x.to(dtype))
    assert logits.dtype == dtype
    assert (logits.double() - expected).abs().max() <= tolerance * expected.abs().max()


@each_net
@pytest.mark.parametrize("device", DEVICES)
def test_logits_live_on_the_device_of_the_images(name: str, device: str) -> None:
    net, x = net_and_images(name, 1)
    assert net.to(device)(x.to(device)).device.type == device


@pytest.mark.parametrize(("make", "shape"), [(LeNet5, (1, 32, 32)), (AlexNet, (3, 224, 224)), (VGG16, (3, 224, 224))])
def test_networks_of_full_size_need_no_memory_on_meta(
    make: Callable[..., nn.Module], shape: tuple[int, int, int]
) -> None:
    with unchanged_random_state():
        net = on_meta(make, num_classes=7)
        logits = net(torch.empty(4, *shape, device="meta"))
    assert logits.shape == (4, 7)
    assert logits.device.type == "meta"


@pytest.mark.parametrize(
    ("make", "shapes"),
    [
        (
            AlexNet,
            {0: (64, 55, 55), 2: (64, 27, 27), 3: (192, 27, 27), 5: (192, 13, 13), 10: (256, 13, 13), 12: (256, 6, 6)},
        ),
        (
            VGG16,
            {
                0: (64, 224, 224),
                4: (64, 112, 112),
                9: (128, 56, 56),
                16: (256, 28, 28),
                23: (512, 14, 14),
                30: (512, 7, 7),
            },
        ),
    ],
)
def test_shapes_through_the_features(make: Callable[..., nn.Module], shapes: dict[int, tuple[int, int, int]]) -> None:
    x, actual = torch.empty(1, 3, 224, 224, device="meta"), {}
    for index, layer in enumerate(cast("nn.Sequential", on_meta(make).features)):
        x = layer(x)
        if index in shapes:
            actual[index] = tuple(x.shape[1:])
    assert actual == shapes


@pytest.mark.parametrize("make", [AlexNet, VGG16])
def test_pooling_to_a_fixed_size_does_nothing_to_the_usual_image(make: Callable[..., nn.Module]) -> None:
    net = narrow(make)
    x = random_images(0, 1, 3, 224, 224)
    with torch.inference_mode():
        maps = cast("nn.Sequential", net.features)(x)
        assert torch.equal(cast("nn.Module", net.avgpool)(maps), maps)
        assert torch.equal(net(x), cast("nn.Sequential", net.classifier)(maps.flatten(1)))


@pytest.mark.parametrize("make", [AlexNet, VGG16])
def test_dropout_is_active_in_training_only(make: Callable[..., nn.Module]) -> None:
    x = random_images(0, 1, 3, 64, 64)
    net = narrow(make)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert torch.equal(net(x), net(x))
        net.train()
        assert not torch.equal(net(x), net(x))
        keeps_all = narrow(make, dropout=0).train()
        assert torch.equal(keeps_all(x), keeps_all.eval()(x))


def test_dropout_of_alexnet_precedes_its_first_two_linear_layers() -> None:
    net = narrow(AlexNet, dropout=1).train()
    classifier = cast("nn.Sequential", net.classifier)
    middle, last = cast("nn.Linear", classifier[4]), cast("nn.Linear", classifier[6])
    # Nothing passes a dropout of 1, so what comes out began as the bias after the second one.
    assert torch.equal(net(random_images(0, 1, 3, 63, 63))[0], last(middle.bias.relu()[None])[0])


def test_dropout_of_vgg16_follows_its_first_two_relus() -> None:
    net = narrow(VGG16, dropout=1).train()
    last = cast("nn.Linear", cast("nn.Sequential", net.classifier)[6])
    assert torch.equal(net(random_images(0, 1, 3, 32, 32))[0], last.bias)


@each_net
def test_a_step_of_training_lowers_the_loss(name: str) -> None:
    net, x = net_and_images(name, 4)
    labels = torch.tensor([0, 3, 9, 3])
    loss = F.cross_entropy(net(x), labels)
    gradients = torch.autograd.grad(loss, list(net.parameters()))
    assert all(gradient.any() for gradient in gradients)
    with torch.no_grad():
        for parameter, gradient in zip(net.parameters(), gradients, strict=True):
            parameter.sub_(1e-4 * gradient)
    assert F.cross_entropy(net(x), labels) < loss


@each_net
def test_a_copied_network_gives_the_same_logits(name: str) -> None:
    net, x = net_and_images(name, 1)
    assert torch.equal(copy.deepcopy(net)(x), net(x))


def test_lenet_initialises_from_the_global_seed_alone() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first = LeNet5()
        torch.manual_seed(0)
        second, third = LeNet5(), LeNet5()
    x = torch.ones(1, 1, 32, 32)
    assert torch.equal(first(x), second(x))
    assert not torch.equal(first(x), third(x))


# ------------------------------------------------------------------------------------------------------------ errors

HALF = cast("int", 112.5)
PAIR = cast("int", (3, 3))

WRONG_CALLS: dict[str, Callable[[], object]] = {
    "conv2d_output_size: expected n >= 1, got 0.": lambda: conv2d_output_size(0, 1),
    "conv2d_output_size: expected n >= 1, got -3.": lambda: conv2d_output_size(-3, 1, padding=9),
    "conv2d_output_size: expected kernel_size >= 1, got 0.": lambda: conv2d_output_size(5, 0),
    "conv2d_output_size: expected stride >= 1, got 0.": lambda: conv2d_output_size(5, 3, 0),
    "conv2d_output_size: expected padding >= 0, got -1.": lambda: conv2d_output_size(5, 3, 1, -1),
    "conv2d_output_size: expected dilation >= 1, got 0.": lambda: conv2d_output_size(5, 3, dilation=0),
    "conv2d_output_size: expected an int as n, got 112.5.": lambda: conv2d_output_size(HALF, 3),
    "conv2d_output_size: expected an int as kernel_size, got (3, 3).": lambda: conv2d_output_size(5, PAIR),
    "conv2d_output_size: expected a kernel of at most 4 pixels, got 5.": lambda: conv2d_output_size(2, 5, 1, 1),
    "conv2d_output_size: expected a kernel of at most 6 pixels, got 7.": lambda: conv2d_output_size(6, 3, dilation=3),
    "pool2d_output_size: expected n >= 1, got 0.": lambda: pool2d_output_size(0, 1),
    "pool2d_output_size: expected kernel_size >= 1, got 0.": lambda: pool2d_output_size(5, 0, 1),
    "pool2d_output_size: expected stride >= 1, got 0.": lambda: pool2d_output_size(5, 2, 0),
    "pool2d_output_size: expected padding >= 0, got -1.": lambda: pool2d_output_size(5, 2, padding=-1),
    "pool2d_output_size: expected dilation >= 1, got -2.": lambda: pool2d_output_size(5, 2, dilation=-2),
    "pool2d_output_size: expected an int as stride, got (3, 3).": lambda: pool2d_output_size(5, 2, PAIR),
    "pool2d_output_size: expected padding <= 1, got 2.": lambda: pool2d_output_size(5, 3, padding=2),
    "pool2d_output_size: expected a kernel of at most 2 pixels, got 3.": lambda: pool2d_output_size(2, 3),
    "pool2d_output_size: expected a kernel of at most 4 pixels, got 5.": lambda: pool2d_output_size(
        4, 3, dilation=2, ceil_mode=True
    ),
    "conv_transpose2d_output_size: expected n >= 1, got 0.": lambda: conv_transpose2d_output_size(0, 3),
    "conv_transpose2d_output_size: expected kernel_size >= 1, got 0.": lambda: conv_transpose2d_output_size(3, 0),
    "conv_transpose2d_output_size: expected stride >= 1, got 0.": lambda: conv_transpose2d_output_size(3, 3, 0),
    "conv_transpose2d_output_size: expected dilation >= 1, got 0.": lambda: conv_transpose2d_output_size(
        3, 3, dilation=0
    ),
    "conv_transpose2d_output_size: expected padding >= 0, got -1.": lambda: conv_transpose2d_output_size(3, 3, 1, -1),
    "conv_transpose2d_output_size: expected output_padding >= 0, got -1.": lambda: conv_transpose2d_output_size(
        3, 3, 2, 0, -1
    ),
    "conv_transpose2d_output_size: expected output_padding < 2, got 2.": lambda: conv_transpose2d_output_size(
        3, 3, 2, 0, 2
    ),
    "conv_transpose2d_output_size: expected an output size >= 1, got 0.": lambda: conv_transpose2d_output_size(
        1, 2, padding=1
    ),
    "conv2d_num_params: expected in_channels >= 1, got 0.": lambda: conv2d_num_params(0, 1, 1),
    "conv2d_num_params: expected out_channels >= 1, got -1.": lambda: conv2d_num_params(1, -1, 1),
    "conv2d_num_params: expected kernel_size >= 1, got 0.": lambda: conv2d_num_params(1, 1, 0),
    "conv2d_num_params: expected groups >= 1, got 0.": lambda: conv2d_num_params(1, 1, 1, groups=0),
    "conv2d_num_params: expected an int as kernel_size, got (3, 3).": lambda: conv2d_num_params(1, 1, PAIR),
    "conv2d_num_params: expected channel numbers that 2 divides (groups), got 3 and 4 channels.": (
        lambda: conv2d_num_params(3, 4, 1, groups=2)
    ),
    "conv2d_num_params: expected channel numbers that 2 divides (groups), got 4 and 3 channels.": (
        lambda: conv2d_num_params(4, 3, 1, groups=2)
    ),
    "linear_num_params: expected in_features >= 1, got 0.": lambda: linear_num_params(0, 1),
    "linear_num_params: expected out_features >= 1, got -2.": lambda: linear_num_params(1, -2),
    "linear_num_params: expected an int as in_features, got 112.5.": lambda: linear_num_params(HALF, 1),
    "receptive_field: expected kernel_size >= 1, got 0.": lambda: receptive_field([(3, 1), (0, 1)]),
    "receptive_field: expected stride >= 1, got 0.": lambda: receptive_field([(3, 0)]),
    "receptive_field: expected pairs of kernel_size and stride, got (3,).": lambda: receptive_field(
        [cast("tuple[int, int]", (3,))]
    ),
    "receptive_field: expected pairs of kernel_size and stride, got (3, 1, 1).": lambda: receptive_field(
        [cast("tuple[int, int]", (3, 1, 1))]
    ),
    "LeNet5: expected in_channels >= 1, got 0.": lambda: LeNet5(in_channels=0),
    "LeNet5: expected num_classes >= 1, got 0.": lambda: LeNet5(num_classes=0),
    "LeNet5: expected shape (N, 1, 32, 32), got (1, 1, 28, 28).": lambda: LeNet5()(torch.zeros(1, 1, 28, 28)),
    "LeNet5: expected shape (N, 1, 32, 32), got (1, 1, 33, 32).": lambda: LeNet5()(torch.zeros(1, 1, 33, 32)),
    "LeNet5: expected shape (N, 1, 32, 32), got (1, 32, 32).": lambda: LeNet5()(torch.zeros(1, 32, 32)),
    "LeNet5: expected shape (N, 3, 32, 32), got (1, 1, 32, 32).": lambda: LeNet5(3)(torch.zeros(1, 1, 32, 32)),
    "AlexNet: expected num_classes >= 1, got 0.": lambda: on_meta(AlexNet, 0),
    "AlexNet: expected a dropout in [0, 1], got 1.5.": lambda: on_meta(AlexNet, dropout=1.5),
    "AlexNet: expected a dropout in [0, 1], got nan.": lambda: on_meta(AlexNet, dropout=math.nan),
    "AlexNet: expected shape (N, 3, H, W) with H, W >= 63, got (1, 3, 63, 62).": lambda: narrow(AlexNet)(
        torch.zeros(1, 3, 63, 62)
    ),
    "AlexNet: expected shape (N, 3, H, W) with H, W >= 63, got (3, 224, 224).": lambda: narrow(AlexNet)(
        torch.zeros(3, 224, 224)
    ),
    "VGG16: expected num_classes >= 1, got -1.": lambda: on_meta(VGG16, -1),
    "VGG16: expected a dropout in [0, 1], got -0.5.": lambda: on_meta(VGG16, dropout=-0.5),
    "VGG16: expected shape (N, 3, H, W) with H, W >= 32, got (1, 3, 31, 32).": lambda: narrow(VGG16)(
        torch.zeros(1, 3, 31, 32)
    ),
    "VGG16: expected shape (N, 3, H, W) with H, W >= 32, got (1, 1, 32, 32).": lambda: narrow(VGG16)(
        torch.zeros(1, 1, 32, 32)
    ),
}


@pytest.mark.parametrize("message", WRONG_CALLS)
def test_a_wrong_call_raises_a_value_error_that_names_both_sides(message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as caught:
        WRONG_CALLS[message]()
    assert "\n" not in str(caught.value)


@PAIRS
def test_the_smallest_image_is_the_smallest_that_torchvision_takes(
    make: Callable[..., nn.Module], oracle: Callable[..., nn.Module]
) -> None:
    smallest = 63 if make is AlexNet else 32
    theirs = narrow(oracle)
    assert theirs(torch.zeros(1, 3, smallest, smallest, dtype=torch.float64)).shape == (1, 10)
    with pytest.raises(RuntimeError, match="too small"):
        theirs(torch.zeros(1, 3, smallest, smallest - 1, dtype=torch.float64))


def test_pytorch_builds_a_layer_without_inputs_and_we_do_not_count_it() -> None:
    with pytest.warns(UserWarning, match="zero-element"):
        assert count_parameters(nn.Linear(0, 3)) == 3
    with pytest.raises(ValueError, match="expected in_features >= 1"):
        linear_num_params(0, 3)
