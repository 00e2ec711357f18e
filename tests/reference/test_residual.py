"""Depth, shattered gradients and residual networks against hand values, other people's code, and their edges."""

import functools
import inspect
import itertools
import math
import re
from collections.abc import Callable

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn

from autograder.worker import torchvision_cpu
from reference import residual
from reference.residual import (
    BasicBlock,
    Bottleneck,
    Residual,
    ResNet,
    autocorrelation,
    chain_rule,
    input_gradient,
    residual_chain,
    resnet18,
    resnet50,
)

torchvision_cpu.cure()
from torchvision.models import resnet as torchvision_resnet  # noqa: E402  # the cure comes first

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
ORACLES: dict[type[nn.Module], Callable[..., nn.Module]] = {
    BasicBlock: torchvision_resnet.BasicBlock,
    Bottleneck: torchvision_resnet.Bottleneck,
}

Block = type[BasicBlock] | type[Bottleneck]
BLOCKS: list[Block] = [BasicBlock, Bottleneck]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randn(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def integer(generator: torch.Generator, low: int, high: int) -> int:
    return int(torch.randint(low, high, (), generator=generator))


def scalars(*values: float) -> list[Tensor]:
    return [torch.tensor([[value]], dtype=torch.float64) for value in values]


def randomise(model: nn.Module, generator: torch.Generator) -> None:
    """Give every parameter and every statistic of batch normalisation a value of its own."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                fan_in = module.weight[0].numel()
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator) * math.sqrt(2 / fan_in))
            if isinstance(module, nn.Linear):
                module.bias.copy_(torch.randn(module.bias.shape, generator=generator))
            if isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None
                assert module.running_var is not None
                n = len(module.weight)
                module.weight.copy_(0.5 + torch.rand(n, generator=generator))
                module.bias.copy_(torch.randn(n, generator=generator) / 2)
                module.running_mean.copy_(torch.randn(n, generator=generator) / 2)
                module.running_var.copy_(0.5 + torch.rand(n, generator=generator))


def projection(cls: Block, inplanes: int, planes: int, stride: int) -> nn.Module | None:
    outplanes = planes * cls.expansion
    if stride == 1 and inplanes == outplanes:
        return None
    return nn.Sequential(nn.Conv2d(inplanes, outplanes, 1, stride, bias=False), nn.BatchNorm2d(outplanes))


def pair(cls: Block, inplanes: int, planes: int, stride: int, seed: int) -> tuple[nn.Module, nn.Module]:
    """Return torchvision's block with random weights and ours with the same, both in float64."""
    theirs = ORACLES[cls](inplanes, planes, stride, projection(cls, inplanes, planes, stride)).double()
    ours = cls(inplanes, planes, stride, projection(cls, inplanes, planes, stride)).double()
    randomise(theirs, seeded(seed))
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return theirs, ours


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def assert_close(actual: Tensor, expected: Tensor, tolerance: float = 1e-10) -> None:
    scale = float(expected.detach().abs().max()) if expected.numel() else 0.0
    torch.testing.assert_close(actual, expected, rtol=0.0, atol=tolerance * scale)


# ---------------------------------------------------------------------------------------------- hand-computed values


def test_the_chain_rule_multiplies_the_last_layer_from_the_left() -> None:
    swap = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    shear = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    assert chain_rule([swap, shear]).tolist() == [[2.0, 1.0], [1.0, 0.0]]
    assert chain_rule([shear, swap]).tolist() == [[0.0, 1.0], [1.0, 2.0]]


def test_the_chain_of_the_lecture_has_three_factors_of_different_shapes() -> None:
    first, second, third = torch.ones(3, 2), 2 * torch.ones(4, 3), 5 * torch.ones(1, 4)
    assert chain_rule([first, second, third]).tolist() == [[120.0, 120.0]]


@pytest.mark.parametrize(("factor", "gradient"), [(0.5, 8.881784197e-16), (0.9, 5.153775207e-3), (1.1, 117.3908529)])
def test_fifty_layers_make_a_gradient_vanish_or_explode(factor: float, gradient: float) -> None:
    assert chain_rule(scalars(factor) * 50).item() == pytest.approx(gradient, rel=1e-9)


def test_the_residual_product_is_neither_the_plain_one_nor_a_sum() -> None:
    branches = scalars(0.5, -0.2, 0.1)
    assert chain_rule(branches).item() == pytest.approx(-0.01, abs=1e-15)
    assert residual_chain(branches).item() == pytest.approx(1.32, abs=1e-15)
    assert 1 + sum(branch.item() for branch in branches) == pytest.approx(1.4)  # the mistake


def test_residual_matrices_are_multiplied_in_the_order_of_the_layers() -> None:
    right, down = torch.tensor([[0.0, 1.0], [0.0, 0.0]]), torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    assert residual_chain([right, down]).tolist() == [[1.0, 1.0], [1.0, 2.0]]
    assert residual_chain([down, right]).tolist() == [[2.0, 1.0], [1.0, 1.0]]


def test_a_shortcut_carries_the_gradient_unless_the_branch_cancels_it() -> None:
    dead = [torch.zeros(3, 3)] * 50
    assert torch.equal(residual_chain(dead), torch.eye(3))
    assert torch.equal(chain_rule(dead), torch.zeros(3, 3))
    assert residual_chain(scalars(2.0, -1.0, 3.0)).item() == 0.0


class TanhMinusCube(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(2 * x) - x**3


def test_the_derivative_of_a_residual_module_is_one_more() -> None:
    x = torch.tensor([[0.3]], dtype=torch.float64)
    plain, with_shortcut = input_gradient(TanhMinusCube(), x), input_gradient(Residual(TanhMinusCube()), x)
    assert plain.item() == pytest.approx(2 / math.cosh(0.6) ** 2 - 0.27, abs=1e-14)
    assert with_shortcut.item() == pytest.approx(2.1531555251744, abs=1e-13)


def test_input_gradient_of_a_polynomial() -> None:
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]

    class Cubic(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x**3 - 4 * x

    assert_close(input_gradient(Cubic(), x), 3 * x[:, 0] ** 2 - 4)


@pytest.mark.parametrize(("center", "values"), [(True, [1, 0.25, -0.3, -0.45]), (False, [1, 2 / 3, 11 / 30, 4 / 30])])
def test_autocorrelation_of_one_two_three_four(center: bool, values: list[float]) -> None:
    actual = autocorrelation(torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64), 3, center)
    assert actual.tolist() == pytest.approx(values, abs=1e-15)


def test_autocorrelation_is_centred_by_default_biased_and_not_circular() -> None:
    g = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    lag1 = autocorrelation(g, 1)[1].item()
    assert lag1 == pytest.approx(0.25)
    h = g - g.mean()
    assert ((h[:-1] * h[1:]).mean() / (h**2).mean()).item() == pytest.approx(1 / 3)  # the unbiased estimate
    assert ((h * h.roll(-1)).sum() / (h**2).sum()).item() == pytest.approx(-0.2)  # the circular one


def test_autocorrelation_of_an_alternating_sequence() -> None:
    g = torch.tensor([1.0, -1.0] * 4, dtype=torch.float64)
    assert autocorrelation(g, 8).tolist() == [1, -7 / 8, 6 / 8, -5 / 8, 4 / 8, -3 / 8, 2 / 8, -1 / 8, 0]


def pointwise(cls: Block, weights: list[float], biases: list[float]) -> nn.Module:
    """Return a block that acts on each pixel alone, its batch normalisations only adding the given biases."""
    block = cls(1 if cls is BasicBlock else 4, 1).double().eval()
    with torch.no_grad():
        for i, (weight, bias) in enumerate(zip(weights, biases, strict=True), start=1):
            conv, bn = block.get_submodule(f"conv{i}"), block.get_submodule(f"bn{i}")
            assert isinstance(conv, nn.Conv2d)
            assert isinstance(bn, nn.BatchNorm2d)
            middle = conv.kernel_size[0] // 2
            conv.weight.zero_()
            conv.weight[:, :, middle, middle] = weight / conv.in_channels
            bn.bias.fill_(bias)
            bn.weight.fill_(math.sqrt(1 + bn.eps))
    return block


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (2.0, 0.75),  # relu(2 + 0.5) = 2.5, times -0.5 is -1.25, plus 2; a ReLU before the addition would give 2
        (-2.0, 0.0),  # relu(-1.5) = 0, plus -2 is negative; without the last ReLU it would stay -2
        (0.0, 0.0),  # relu(0.5) = 0.5, times -0.5 is -0.25
        (-0.25, 0.0),
        (1.0, 0.25),
    ],
)
def test_a_basic_block_on_one_pixel(x: float, y: float) -> None:
    block = pointwise(BasicBlock, [1.0, -0.5], [0.5, 0.0])
    assert block(torch.full((1, 1, 1, 1), x, dtype=torch.float64)).item() == pytest.approx(y, abs=1e-12)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (2.0, 1.125),  # relu(2.5), relu(-1.25 + 1) = 0, plus bias -0.875, plus 2
        (-2.0, 0.125),  # relu(-1.5) = 0, relu(0 + 1) = 1, 3 - 0.875, plus -2
        (-8.0, 0.0),  # the same branch, 2.125, plus -8 is negative
        (0.0, 1.375),  # relu(0.5), relu(-0.25 + 1) = 0.75, 2.25 - 0.875, plus 0
    ],
)
def test_a_bottleneck_on_one_pixel(x: float, y: float) -> None:
    block = pointwise(Bottleneck, [1.0, -0.5, 3.0], [0.5, 1.0, -0.875])
    actual = block(torch.full((1, 4, 1, 1), x, dtype=torch.float64))
    assert actual.flatten().tolist() == pytest.approx([y] * 4, abs=1e-12)


# ------------------------------------------------------------------------------------------------------- exact counts


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.device("meta"):
        return build()


def test_parameters_of_resnet50_stage_by_stage() -> None:
    model = on_meta(resnet50)
    assert count(model) == 25_557_032
    assert {name: count(child) for name, child in model.named_children() if count(child)} == {
        "conv1": 9_408,
        "bn1": 128,
        "layer1": 215_808,
        "layer2": 1_219_584,
        "layer3": 7_098_368,
        "layer4": 14_964_736,
        "fc": 2_049_000,
    }


def test_parameters_of_resnet18_and_resnet34_stage_by_stage() -> None:
    model = on_meta(resnet18)
    assert count(model) == 11_689_512
    stages = [count(model.get_submodule(f"layer{i}")) for i in (1, 2, 3, 4)]
    assert stages == [147_968, 525_568, 2_099_712, 8_393_728]
    assert count(model.get_submodule("fc")) == 513_000
    assert count(on_meta(lambda: ResNet(BasicBlock, [3, 4, 6, 3]))) == 21_797_672


def test_resnet50_has_49_convolutions_4_projections_and_a_linear_layer() -> None:
    model = on_meta(resnet50)
    convs = {name: module for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
    bns = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    projections = [name for name in convs if "downsample" in name]
    assert projections == [f"layer{i}.0.downsample.0" for i in (1, 2, 3, 4)]
    assert (len(convs), len(bns)) == (53, 53)
    assert sum(isinstance(module, nn.Linear) for module in model.modules()) == 1
    assert sum(count(conv) for conv in convs.values()) == 23_454_912
    assert sum(count(bn) for bn in bns) == 53_120
    assert all(conv.bias is None for conv in convs.values())
    assert [name for name in dict(on_meta(resnet18).named_modules()) if name.endswith("downsample")] == [
        f"layer{i}.0.downsample" for i in (2, 3, 4)
    ]


def test_the_state_of_resnet50_has_320_entries() -> None:
    model = on_meta(resnet50)
    assert len(model.state_dict()) == 320
    assert sum(value.numel() for value in model.state_dict().values()) == 25_610_205
    assert sum(buffer.numel() for buffer in model.buffers()) == 53_173


@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        (lambda: BasicBlock(64, 64), 73_984),
        (lambda: BasicBlock(64, 128, 2, projection(BasicBlock, 64, 128, 2)), 230_144),
        (lambda: Bottleneck(256, 64), 70_400),
        (lambda: Bottleneck(64, 64, 1, projection(Bottleneck, 64, 64, 1)), 75_008),
        (lambda: Bottleneck(256, 128, 2, projection(Bottleneck, 256, 128, 2)), 379_392),
    ],
)
def test_parameters_of_a_block(build: Callable[[], nn.Module], parameters: int) -> None:
    assert count(on_meta(build)) == parameters


def test_the_first_blocks_of_the_stages_count_like_single_blocks() -> None:
    model = on_meta(resnet50)
    assert count(model.get_submodule("layer1.0")) == 75_008
    assert count(model.get_submodule("layer1.1")) == 70_400
    assert count(model.get_submodule("layer2.0")) == 379_392


@pytest.mark.parametrize(("build", "expansion"), [(resnet18, 1), (resnet50, 4)])
def test_shapes_of_the_stages_for_an_image_of_224(build: Callable[[], ResNet], expansion: int) -> None:
    model = on_meta(build).eval()
    shapes: dict[str, tuple[int, ...]] = {}

    def record(name: str, module: nn.Module, inputs: object, output: Tensor) -> None:
        shapes[name] = tuple(output.shape[1:])

    for name, child in model.named_children():
        child.register_forward_hook(functools.partial(record, name))
    assert model(torch.empty(1, 3, 224, 224, device="meta")).shape == (1, 1000)
    assert shapes == {
        "conv1": (64, 112, 112),
        "bn1": (64, 112, 112),
        "relu": (64, 112, 112),
        "maxpool": (64, 56, 56),
        "layer1": (64 * expansion, 56, 56),
        "layer2": (128 * expansion, 28, 28),
        "layer3": (256 * expansion, 14, 14),
        "layer4": (512 * expansion, 7, 7),
        "avgpool": (512 * expansion, 1, 1),
        "fc": (1000,),
    }


def test_a_bottleneck_keeps_its_resolution_until_the_3x3_convolution() -> None:
    block = on_meta(lambda: Bottleneck(8, 2, 2, projection(Bottleneck, 8, 2, 2)))
    strides = [module.stride for module in block.children() if isinstance(module, nn.Conv2d)]
    assert strides == [(1, 1), (2, 2), (1, 1)]


# ---------------------------------------------------------------------------------------- other people's code: blocks


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("cls", BLOCKS)
def test_random_blocks_equal_torchvision_forwards_and_backwards(cls: Block, training: bool) -> None:
    for seed in range(60):
        generator = seeded(seed)
        planes, stride = integer(generator, 1, 5), integer(generator, 1, 4)
        same = bool(integer(generator, 0, 2))
        inplanes = planes * cls.expansion if same else integer(generator, 1, 7)
        theirs, ours = pair(cls, inplanes, planes, stride, seed)
        theirs.train(training)
        ours.train(training)
        n, height, width = integer(generator, 2, 4), integer(generator, 2, 9), integer(generator, 2, 9)
        x = randn(generator, n, inplanes, height, width)
        x_theirs, x_ours = x.clone().requires_grad_(), x.clone().requires_grad_()
        expected, actual = theirs(x_theirs), ours(x_ours)
        assert actual.shape == (n, planes * cls.expansion, math.ceil(height / stride), math.ceil(width / stride))
        assert_close(actual, expected)
        direction = randn(generator, *expected.shape)
        expected.backward(direction)
        actual.backward(direction)
        assert x_theirs.grad is not None
        assert x_ours.grad is not None
        assert_close(x_ours.grad, x_theirs.grad)
        for (name, parameter), (_, other) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            assert parameter.grad is not None, name
            assert other.grad is not None, name
            # a gradient behind a batch normalisation may be a sum that cancels to nothing
            torch.testing.assert_close(parameter.grad, other.grad, rtol=1e-9, atol=1e-9)
        for key, value in theirs.state_dict().items():
            torch.testing.assert_close(ours.state_dict()[key], value, rtol=1e-10, atol=1e-12)


def test_the_stride_of_a_bottleneck_shows_only_in_training_mode() -> None:
    _, ours = pair(Bottleneck, 8, 2, 2, 0)
    late = Bottleneck(8, 2, 1, projection(Bottleneck, 8, 2, 2)).double()
    late.conv3.stride = (2, 2)  # sub-sampling commutes with what works on each pixel alone
    late.load_state_dict(ours.state_dict())
    x = randn(seeded(1), 3, 8, 6, 6)
    assert_close(late.eval()(x), ours.eval()(x))
    assert (late.train()(x) - ours.train()(x)).abs().max() > 1e-2


# --------------------------------------------------------------------------------------- other people's code: networks


def from_library(library: str, name: str) -> nn.Module:
    if library == "timm":
        created = timm.create_model(name, pretrained=False)
        assert isinstance(created, nn.Module)
        return created
    built = getattr(torchvision_resnet, name)(weights=None)
    assert isinstance(built, nn.Module)
    return built


NETWORKS: dict[str, Callable[..., ResNet]] = {"resnet18": resnet18, "resnet50": resnet50}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_weights_transplanted_from_another_library_give_its_outputs(library: str, name: str) -> None:
    model = from_library(library, name)
    generator = seeded(7)
    randomise(model, generator)
    ours = on_meta(NETWORKS[name])
    assert list(ours.state_dict()) == list(model.state_dict())
    assert {key: value.shape for key, value in ours.state_dict().items()} == {
        key: value.shape for key, value in model.state_dict().items()
    }
    ours.load_state_dict(model.state_dict(), strict=True, assign=True)
    x = torch.randn(2, 3, 40, 56, generator=generator)
    with torch.no_grad():
        expected, actual = model.eval()(x), ours.eval()(x)
        assert expected.std() > 0.1
        assert (expected[0] - expected[1]).abs().max() > 0.1  # the images are told apart
        assert_close(actual, expected, 1e-6)
        assert_close(ours.double()(x.double()), model.double()(x.double()))


def test_training_mode_and_gradients_equal_torchvision_too() -> None:
    model = from_library("torchvision", "resnet18").double()
    generator = seeded(8)
    randomise(model, generator)
    ours = resnet18().double()
    ours.load_state_dict(model.state_dict(), strict=True)
    x, labels = randn(generator, 3, 3, 33, 47), torch.tensor([1, 2, 3])
    for network in (model, ours):
        nn.functional.cross_entropy(network(x), labels).backward()  # type: ignore[no-untyped-call]
    for (name, parameter), other in zip(ours.named_parameters(), model.parameters(), strict=True):
        assert parameter.grad is not None, name
        assert other.grad is not None, name
        torch.testing.assert_close(parameter.grad, other.grad, rtol=1e-8, atol=1e-9, msg=name)
    for key, value in model.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[key], value, rtol=1e-10, atol=1e-12, msg=key)


def test_num_classes_is_the_width_of_the_last_layer() -> None:
    assert [on_meta(functools.partial(build, 7)).get_parameter("fc.weight").shape for build in NETWORKS.values()] == [
        (7, 512),
        (7, 2048),
    ]


# ---------------------------------------------------------------------------- other people's code: Jacobians and lags


class Layer(nn.Module):
    """A random smooth layer with its exact Jacobian by autograd."""

    def __init__(self, d_in: int, d_out: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = randn(generator, d_out, d_in)
        self.bias = randn(generator, d_out)

    def forward(self, h: Tensor) -> Tensor:
        return torch.tanh(self.weight @ h + self.bias)


def autograd_jacobian(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    jacobian = torch.autograd.functional.jacobian(function, x)  # type: ignore[no-untyped-call]
    assert isinstance(jacobian, Tensor)
    return jacobian


def test_chain_rule_equals_the_jacobian_that_autograd_finds() -> None:
    for seed in range(150):
        generator = seeded(seed)
        widths = [integer(generator, 1, 6) for _ in range(integer(generator, 2, 7))]
        layers = [Layer(d_in, d_out, generator) for d_in, d_out in itertools.pairwise(widths)]
        h = x = randn(generator, widths[0])
        jacobians = []
        for layer in layers:
            jacobians.append(autograd_jacobian(layer, h))
            h = layer(h)
        actual = chain_rule(jacobians)
        assert actual.shape == (widths[-1], widths[0])
        assert_close(actual, autograd_jacobian(nn.Sequential(*layers), x))


def test_residual_chain_equals_the_jacobian_of_residual_modules() -> None:
    for seed in range(150):
        generator = seeded(seed)
        d = integer(generator, 1, 6)
        branches = [Layer(d, d, generator) for _ in range(integer(generator, 1, 6))]
        h = x = randn(generator, d)
        jacobians = []
        for branch in branches:
            jacobians.append(autograd_jacobian(branch, h))
            h = Residual(branch)(h)
        assert_close(residual_chain(jacobians), autograd_jacobian(nn.Sequential(*map(Residual, branches)), x))


def test_residual_chain_is_the_sum_over_all_paths() -> None:
    for seed in range(100):
        generator = seeded(seed)
        d, depth = integer(generator, 1, 5), integer(generator, 1, 6)
        jacobians = [randn(generator, d, d) for _ in range(depth)]
        paths = []
        for taken in itertools.product([False, True], repeat=depth):
            through = [jacobian for jacobian, is_taken in zip(jacobians, taken, strict=True) if is_taken]
            paths.append(chain_rule(through) if through else torch.eye(d, dtype=torch.float64))
        assert len(paths) == 2**depth
        assert_close(residual_chain(jacobians), torch.stack(paths).sum(dim=0))


def test_chain_rule_splits_anywhere() -> None:
    jacobians = [randn(seeded(seed), 3, 3) for seed in range(6)]
    for i in range(1, 6):
        assert_close(chain_rule([chain_rule(jacobians[:i]), chain_rule(jacobians[i:])]), chain_rule(jacobians))
        assert_close(
            chain_rule([residual_chain(jacobians[:i]), residual_chain(jacobians[i:])]), residual_chain(jacobians)
        )


def random_mlp(generator: torch.Generator) -> nn.Module:
    width = integer(generator, 1, 9)
    model = nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model.double()


def test_input_gradient_is_the_diagonal_of_the_jacobian() -> None:
    for seed in range(60):
        generator = seeded(seed)
        model, x = random_mlp(generator), randn(generator, integer(generator, 1, 7), 1)
        jacobian = autograd_jacobian(model, x)[:, 0, :, 0]  # (N, N)
        actual = input_gradient(model, x)
        assert actual.shape == (len(x),)
        assert_close(actual, jacobian.diagonal())
        difference = ((model(x + 1e-6) - model(x - 1e-6)) / 2e-6)[:, 0]
        torch.testing.assert_close(actual, difference.detach(), rtol=1e-5, atol=1e-6)


def test_autocorrelation_equals_numpy_correlate() -> None:
    for seed in range(300):
        generator = seeded(seed)
        n, center = integer(generator, 2, 40), bool(seed % 2)
        g = randn(generator, n) * 10 ** integer(generator, -3, 4) + integer(generator, -2, 3)
        max_lag = integer(generator, 0, n)
        h = g.numpy() - g.numpy().mean() if center else g.numpy()
        full = np.correlate(h, h, "full")  # (2 n - 1,), lag 0 in the middle
        expected = full[n - 1 : n + max_lag] / full[n - 1]
        torch.testing.assert_close(autocorrelation(g, max_lag, center).numpy(), expected, rtol=0.0, atol=1e-12)


def test_autocorrelation_equals_the_power_spectrum_transformed_back() -> None:
    for seed in range(100):
        generator = seeded(seed)
        n = integer(generator, 2, 60)
        g = randn(generator, n)
        spectrum = torch.fft.rfft(g - g.mean(), n=2 * n).abs() ** 2  # zeros behind the end: not circular
        covariance = torch.fft.irfft(spectrum, n=2 * n)[:n]
        torch.testing.assert_close(autocorrelation(g, n - 1), covariance / covariance[0], rtol=0.0, atol=1e-12)


def test_numpy_correlate_same_has_lag_zero_in_the_middle() -> None:
    g = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    h = (g - g.mean()).numpy()
    same = np.correlate(h, h, "same")
    middle = len(h) // 2
    assert (same[middle:] / same[middle]).tolist() == pytest.approx(autocorrelation(g, 1).tolist())


# ---------------------------------------------------------------------------------------------------------- properties


def test_autocorrelation_does_not_see_scale_sign_direction_and_with_centring_no_offset() -> None:
    g = randn(seeded(3), 50)
    for center in (True, False):
        expected = autocorrelation(g, 10, center)
        for other in (g * 1e-200, g * 1e200, -g, g.flip(0)):
            torch.testing.assert_close(autocorrelation(other, 10, center), expected, rtol=0.0, atol=1e-12)
    torch.testing.assert_close(autocorrelation(g + 1e6, 10), autocorrelation(g, 10), rtol=0.0, atol=1e-8)
    assert (autocorrelation(g + 10, 10, center=False)[1:] - autocorrelation(g, 10)[1:]).min() > 0.5


def test_autocorrelation_lies_between_minus_one_and_one_and_centred_sums_to_minus_one_half() -> None:
    for seed in range(100):
        g = randn(seeded(seed), 2 + seed % 30)
        acf = autocorrelation(g, len(g) - 1)
        assert acf[0] == 1
        assert acf.abs().max() <= 1
        assert acf[1:].sum().item() == pytest.approx(-0.5, abs=1e-12)  # 0 = (sum g)^2 = sum g^2 (1 + 2 sum r_k)


def test_gradients_pass_through_products_and_lags() -> None:
    jacobians = [randn(seeded(seed), *shape).requires_grad_() for seed, shape in enumerate([(3, 2), (4, 3), (2, 4)])]
    assert torch.autograd.gradcheck(lambda *js: chain_rule(js), jacobians)
    squares = [randn(seeded(seed), 3, 3).requires_grad_() for seed in range(3)]
    assert torch.autograd.gradcheck(lambda *js: residual_chain(js), squares)
    for center in (True, False):
        g = randn(seeded(4), 9).requires_grad_()
        assert torch.autograd.gradcheck(lambda g, center=center: autocorrelation(g, 11, center), (g,))


@pytest.mark.parametrize("cls", BLOCKS)
@pytest.mark.parametrize("training", [False, True])
def test_gradients_pass_through_blocks(cls: Block, training: bool) -> None:
    # smooth, because a finite difference must not step over the kink of a ReLU
    _, block = pair(cls, 2, 2, 2, 5)
    block.train(training)
    block.relu = nn.Softplus().double()
    for bn in block.modules():
        if isinstance(bn, nn.BatchNorm2d):
            bn.track_running_stats = not training  # else the statistics of each call move the buffers
    x = randn(seeded(6), 2, 2, 3, 4).requires_grad_()
    assert torch.autograd.gradcheck(block, (x,))


def test_gradients_pass_through_a_residual_module() -> None:
    assert torch.autograd.gradcheck(Residual(Layer(3, 3, seeded(0))), (randn(seeded(1), 3).requires_grad_(),))


def test_a_residual_module_keeps_the_branch_under_the_name_g() -> None:
    branch = nn.Linear(3, 3)
    module = Residual(branch)
    assert module.g is branch
    assert list(module.state_dict()) == ["g.weight", "g.bias"]
    x = torch.randn(2, 3, generator=seeded(0))
    assert torch.equal(module(x), branch(x) + x)


@pytest.mark.parametrize("cls", BLOCKS)
def test_the_keys_of_a_block_are_its_convolutions_and_normalisations(cls: Block) -> None:
    numbers = (1, 2) if cls is BasicBlock else (1, 2, 3)
    of_bn = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    expected = [f"conv{i}.weight" for i in numbers] + [f"bn{i}.{name}" for i in numbers for name in of_bn]
    assert sorted(cls(4, 4 // cls.expansion).state_dict()) == sorted(expected)
    shortcut = [f"downsample.{name}" for name in ["0.weight", *(f"1.{name}" for name in of_bn)]]
    with_projection = cls(4, 4, 2, projection(cls, 4, 4, 2))
    assert sorted(with_projection.state_dict()) == sorted([*expected, *shortcut])


def test_an_identity_module_as_downsample_changes_nothing() -> None:
    _, block = pair(BasicBlock, 3, 3, 1, 0)
    same = BasicBlock(3, 3, 1, nn.Identity()).double()
    same.load_state_dict(block.state_dict(), strict=True)
    x = randn(seeded(0), 2, 3, 4, 4)
    assert torch.equal(same.eval()(x), block.eval()(x))


@pytest.mark.parametrize("cls", BLOCKS)
def test_a_block_with_a_dead_branch_is_a_relu(cls: Block) -> None:
    block = cls(4, 4 // cls.expansion).double().eval()
    with torch.no_grad():
        block.get_parameter("bn2.weight" if cls is BasicBlock else "bn3.weight").zero_()
    x = randn(seeded(0), 2, 4, 5, 5)
    assert torch.equal(block(x), x.relu())


def test_convolutions_start_from_he_initialisation() -> None:
    torch.manual_seed(0)
    for conv in (module for module in resnet18().modules() if isinstance(module, nn.Conv2d)):
        fan_out = conv.out_channels * conv.kernel_size[0] * conv.kernel_size[1]
        assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / fan_out), rel=0.05)
        assert abs(conv.weight.mean().item()) < 0.1 * math.sqrt(2 / fan_out)


def test_without_normalisation_the_variance_doubles_with_every_residual_block() -> None:
    generator = seeded(0)

    class Branch(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = randn(generator, 400, 400) * math.sqrt(2 / 400)

        def forward(self, h: Tensor) -> Tensor:
            return h.relu() @ self.weight.T

    h = randn(generator, 200, 400)
    for i in range(1, 7):
        h = Residual(Branch())(h)
        assert h.var().item() == pytest.approx(2**i, rel=0.15 * math.sqrt(i))


# ------------------------------------------------------------------------------- the figure of the shattered gradients


class OnAGrid(nn.Module):
    """A random network of one input, as wide as in the paper's experiment, normalised over the points of the grid."""

    def __init__(self, depth: int, kind: str, generator: torch.Generator, width: int = 200) -> None:
        super().__init__()
        self.kind = kind
        fans = [1, *[width] * (depth - 1)]
        self.weights = [torch.randn(fan, width, generator=generator) * math.sqrt(2 / fan) for fan in fans]
        self.out = torch.randn(width, 1, generator=generator) / math.sqrt(width)

    def forward(self, h: Tensor) -> Tensor:
        first, *rest = self.weights
        if self.kind == "resnet":
            h = h @ first
            for weight in rest:
                normalised = (h - h.detach().mean(dim=0)) / h.detach().std(dim=0, correction=0)
                h = h + 0.1 * normalised.relu() @ weight
            return h @ self.out
        for weight in self.weights:
            h = h @ weight
            if self.kind == "centred":
                h = h - h.detach().mean(dim=0)
            h = h.relu()
        return h @ self.out


def figure(depth: int, kind: str) -> Tensor:
    """Return the autocorrelation of dy/dx at lags 0 to 16, averaged over twenty networks."""
    x = torch.linspace(-2, 2, 256)[:, None]
    curves = [autocorrelation(input_gradient(OnAGrid(depth, kind, seeded(seed)), x), 16) for seed in range(20)]
    return torch.stack(curves).mean(dim=0)


def test_gradients_of_a_shallow_network_agree_between_neighbours() -> None:
    acf = figure(1, "plain")
    assert acf[1] > 0.95
    assert acf[16] > 0.6
    assert acf.diff().max() < 0


def test_gradients_of_a_deep_centred_network_are_shattered() -> None:
    acf = [figure(depth, "centred")[1].item() for depth in (2, 8, 24)]
    assert acf[0] > 0.9
    assert 0.7 < acf[1] < 0.9
    assert abs(acf[2]) < 0.15
    assert figure(24, "centred")[2:].abs().max() < 0.15


def test_fifty_residual_layers_hold_the_gradients_together() -> None:
    acf = figure(50, "resnet")
    assert acf[1] > 0.75
    assert acf.diff().max() < 0
    assert 0 < acf[16] < 0.5


def test_nothing_shatters_without_biases_and_without_centring() -> None:
    torch.testing.assert_close(figure(24, "plain"), figure(1, "plain"), rtol=0.0, atol=1e-4)
    x = torch.linspace(-2, 2, 256)[:, None]
    gradient = input_gradient(OnAGrid(24, "plain", seeded(0)), x)
    for side in (gradient[:128], gradient[128:]):
        assert (side - side[0]).abs().max() < 1e-3 * side[0].abs()


# ------------------------------------------------------------------------------------------------------ no side effects


def test_functions_do_not_change_their_inputs_and_return_no_alias() -> None:
    jacobians = [randn(seeded(seed), 3, 3) for seed in range(3)]
    g = randn(seeded(5), 9)
    before = [tensor.clone() for tensor in (*jacobians, g)]
    alone = chain_rule(jacobians[:1])
    assert torch.equal(alone, jacobians[0])
    alone.zero_()
    residual_chain(jacobians[:1]).zero_()
    residual_chain(jacobians)
    autocorrelation(g, 4).zero_()
    autocorrelation(g, 4, center=False).zero_()
    assert all(torch.equal(a, b) for a, b in zip((*jacobians, g), before, strict=True))
    assert all(tensor._version == 0 for tensor in (*jacobians, g))
    assert len(jacobians) == 3


def test_input_gradient_writes_no_grad_and_leaves_flags_alone() -> None:
    model = random_mlp(seeded(0))
    model[0].weight.requires_grad_(False)  # type: ignore[index]
    flags = [parameter.requires_grad for parameter in model.parameters()]
    x = randn(seeded(1), 4, 1).requires_grad_()
    plain = x.detach().clone()
    gradient = input_gradient(model, x)
    assert not gradient.requires_grad
    assert torch.equal(input_gradient(model, plain), gradient)
    assert x.grad is None
    assert x._version == 0
    assert not plain.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())
    assert [parameter.requires_grad for parameter in model.parameters()] == flags
    with torch.no_grad():
        assert torch.equal(input_gradient(model, x), gradient)
        assert not torch.is_grad_enabled()


def test_input_gradient_adds_nothing_to_a_grad_that_is_there() -> None:
    model, x = random_mlp(seeded(0)), randn(seeded(1), 4, 1).requires_grad_()
    model(x).sum().backward()
    assert x.grad is not None
    before = [x.grad.clone(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)]
    input_gradient(model, x)
    after = [x.grad, *(p.grad for p in model.parameters() if p.grad is not None)]
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))


def test_input_gradient_runs_the_model_in_the_mode_it_is_in() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.Dropout(1.0))
    x = torch.ones(5, 1)
    assert input_gradient(model.train(), x).tolist() == [0.0] * 5
    assert input_gradient(model.eval(), x).abs().min() > 0
    assert not model.training


def test_input_gradient_of_a_model_that_works_in_place() -> None:
    x = torch.tensor([[-1.0], [2.0]])
    assert input_gradient(nn.ReLU(inplace=True), x).tolist() == [0.0, 1.0]
    assert x.tolist() == [[-1.0], [2.0]]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("cls", BLOCKS)
def test_blocks_change_neither_their_input_nor_the_random_state(cls: Block, training: bool) -> None:
    for stride in (1, 2):
        _, block = pair(cls, 4, 4 // cls.expansion, stride, 0)
        x = randn(seeded(0), 2, 4, 6, 6)
        before, state = x.clone(), torch.get_rng_state()
        block.train(training)(x)
        assert torch.equal(x, before)
        assert x._version == 0
        assert torch.equal(torch.get_rng_state(), state)


def test_a_whole_network_leaves_the_image_and_the_random_state_alone() -> None:
    model, x = ResNet(Bottleneck, [1, 1, 1, 1], 3).eval(), torch.randn(1, 3, 32, 32, generator=seeded(0))
    before, state = x.clone(), torch.get_rng_state()
    assert torch.equal(model(x), model(x))
    assert torch.equal(x, before)
    assert torch.equal(torch.get_rng_state(), state)


# --------------------------------------------------------------------------------------------------------------- edges


def test_an_empty_side_of_a_jacobian_keeps_its_shape() -> None:
    assert chain_rule([torch.zeros(0, 2), torch.zeros(3, 0)]).tolist() == [[0.0, 0.0]] * 3
    assert chain_rule([torch.zeros(2, 3), torch.zeros(0, 2)]).shape == (0, 3)
    assert residual_chain([torch.zeros(0, 0)] * 2).shape == (0, 0)


def test_jacobians_may_come_stacked_or_as_a_tuple() -> None:
    stacked = randn(seeded(0), 4, 3, 3)
    assert torch.equal(chain_rule(stacked), chain_rule(tuple(stacked)))  # type: ignore[arg-type]
    assert torch.equal(residual_chain(stacked), residual_chain(list(stacked)))  # type: ignore[arg-type]


def test_non_contiguous_inputs_work() -> None:
    jacobians = [randn(seeded(seed), 3, 3) for seed in range(3)]
    transposed = [jacobian.T.contiguous().T for jacobian in jacobians]
    assert not transposed[0].is_contiguous()
    assert_close(chain_rule(transposed), chain_rule(jacobians), 1e-14)
    assert_close(residual_chain(transposed), residual_chain(jacobians), 1e-14)
    g = randn(seeded(4), 20)
    assert torch.equal(autocorrelation(g[::2], 3), autocorrelation(g[::2].contiguous(), 3))
    model, x = random_mlp(seeded(0)), randn(seeded(1), 5, 4)[:, 1:2]
    assert not x.is_contiguous()
    assert_close(input_gradient(model, x), input_gradient(model, x.contiguous()), 1e-14)
    for cls in BLOCKS:
        _, block = pair(cls, 4, 4 // cls.expansion, 1, 0)
        image = randn(seeded(2), 2, 4, 5, 6)
        expected = block.eval()(image)
        assert_close(block(image.to(memory_format=torch.channels_last)), expected)
        assert_close(block(image.transpose(2, 3).contiguous().transpose(2, 3)), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_floating_inputs_keep_their_dtype(dtype: torch.dtype) -> None:
    square = torch.tensor([[0.5, 0.25], [0.0, 1.0]], dtype=dtype)
    assert chain_rule([square, square]).dtype == residual_chain([square, square]).dtype == dtype
    assert residual_chain([square]).tolist() == [[1.5, 0.25], [0.0, 2.0]]
    acf = autocorrelation(torch.tensor([1, 2, 3, 4], dtype=dtype), 3)
    assert acf.dtype == dtype
    assert acf.tolist() == pytest.approx([1, 0.25, -0.3, -0.45], abs=2e-3)
    gradient = input_gradient(nn.Tanh(), torch.zeros(2, 1, dtype=dtype))
    assert gradient.dtype == dtype
    assert gradient.tolist() == [1.0, 1.0]
    for cls in BLOCKS:
        _, block = pair(cls, 4, 4 // cls.expansion, 1, 0)
        x = randn(seeded(0), 1, 4, 3, 3)
        expected = block.eval()(x)
        actual = block.to(dtype)(x.to(dtype))
        assert actual.dtype == dtype
        assert_close(actual.double(), expected, 3 * torch.finfo(dtype).eps if dtype != torch.float64 else 1e-12)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8, torch.bool])
def test_a_sequence_of_integers_has_a_float32_autocorrelation(dtype: torch.dtype) -> None:
    g = torch.tensor([0, 1, 1, 0, 1], dtype=dtype)
    acf = autocorrelation(g, 2)
    assert acf.dtype == torch.float32
    assert acf.tolist() == autocorrelation(g.float(), 2).tolist()


def test_sums_are_taken_in_float64_whatever_the_dtype() -> None:
    g = torch.ones(70_000, dtype=torch.float16)  # float16 ends at 65,504
    g[::2] = -1
    assert autocorrelation(g, 1).tolist() == [1.0, -1.0]
    for dtype in DTYPES:
        g = randn(seeded(2), 500).to(dtype)
        assert torch.equal(autocorrelation(g, 20), autocorrelation(g.double(), 20).to(dtype))


@pytest.mark.parametrize("value", [0.1, -7.3, 1e-300, 1e300])
def test_a_constant_sequence_has_no_centred_autocorrelation(value: float) -> None:
    g = torch.full((7,), value, dtype=torch.float64)
    assert autocorrelation(g, 8).isnan().all()
    expected = [1 - k / 7 for k in range(8)] + [0.0]
    assert autocorrelation(g, 8, center=False).tolist() == pytest.approx(expected, abs=1e-15)


def test_zeros_and_a_single_value() -> None:
    assert autocorrelation(torch.zeros(4), 2, center=False).isnan().all()
    assert autocorrelation(torch.ones(1), 1).isnan().all()
    assert autocorrelation(torch.ones(1), 2, center=False).tolist() == [1.0, 0.0, 0.0]


def test_lags_beyond_the_end_are_zero() -> None:
    g = torch.tensor([1.0, 2.0, 3.0, 4.0])
    assert autocorrelation(g, 9)[4:].tolist() == [0.0] * 6
    assert torch.equal(autocorrelation(g, 9)[:4], autocorrelation(g, 3))
    assert autocorrelation(g, 0).tolist() == [1.0]


def test_nan_in_a_sequence_is_not_hidden() -> None:
    assert autocorrelation(torch.tensor([1.0, math.nan, 2.0]), 2).isnan().all()


class Constant(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.full_like(x, 3)


def test_a_constant_model_has_derivative_zero() -> None:
    assert input_gradient(Constant(), torch.ones(3, 1)).tolist() == [0.0] * 3
    assert input_gradient(Residual(Constant()), torch.tensor([[math.inf], [0.0]])).tolist() == [1.0, 1.0]


def test_a_grid_of_one_point_and_of_none() -> None:
    model = random_mlp(seeded(0))
    x = randn(seeded(1), 3, 1)
    assert_close(input_gradient(model, x[:1]), input_gradient(model, x)[:1])
    assert input_gradient(model, x[:0]).shape == (0,)


def test_coupled_rows_give_the_column_sums_of_the_jacobian() -> None:
    class Centred(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = torch.tanh(x)
            return y - y.mean(dim=0)

    x = randn(seeded(0), 5, 1)
    jacobian = autograd_jacobian(Centred(), x)[:, 0, :, 0]
    torch.testing.assert_close(input_gradient(Centred(), x), jacobian.sum(dim=0), rtol=0.0, atol=1e-14)
    assert (input_gradient(Centred(), x) - jacobian.diagonal()).abs().max() > 0.1


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_accepts_one_image_of_any_size_in_float64(name: str) -> None:
    model = NETWORKS[name](5).double().eval()
    with torch.no_grad():
        for height, width in ((32, 32), (33, 64), (71, 45)):
            x = randn(seeded(height), 3, 3, height, width)
            logits = model(x)
            assert logits.shape == (3, 5)
            assert logits.dtype == torch.float64
            assert_close(model(x[1:2]), logits[1:2])


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_are_not_probabilities(name: str) -> None:
    model = NETWORKS[name](5).eval()
    randomise(model, seeded(0))
    with torch.no_grad():
        assert model(torch.randn(2, 3, 32, 32, generator=seeded(1))).min() < 0


def test_one_small_image_alone_cannot_be_trained_on() -> None:
    model = ResNet(BasicBlock, [1, 1, 1, 1], 2)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        model(torch.zeros(1, 3, 32, 32))
    assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 2)


@pytest.mark.parametrize("device", DEVICES)
def test_results_live_on_the_device_of_the_inputs(device: str) -> None:
    square = torch.eye(2, device=device)
    assert chain_rule([square]).device.type == residual_chain([square]).device.type == device
    assert autocorrelation(torch.arange(4.0, device=device), 2).device.type == device
    assert input_gradient(nn.Tanh(), torch.zeros(2, 1, device=device)).device.type == device
    model = ResNet(BasicBlock, [1, 1, 1, 1], 2).to(device).eval()
    assert model(torch.zeros(1, 3, 32, 32, device=device)).device.type == device


def test_no_function_makes_a_tensor_of_its_own_on_another_device() -> None:
    square = torch.zeros(3, 3, device="meta")
    assert chain_rule([square] * 2).device.type == residual_chain([square] * 2).device.type == "meta"
    assert autocorrelation(torch.zeros(5, device="meta"), 7).device.type == "meta"
    assert input_gradient(nn.Tanh(), torch.zeros(2, 1, device="meta")).device.type == "meta"


# -------------------------------------------------------------------------------------------------------------- errors

ONE = torch.ones(1, 1)

WRONG_CALLS: dict[str, Callable[[], object]] = {
    "chain_rule: expected at least one Jacobian, got none.": lambda: chain_rule([]),
    "residual_chain: expected at least one Jacobian, got none.": lambda: residual_chain([]),
    "chain_rule: expected shape (d_out, d_in), got (). jacobians[1]": lambda: chain_rule([ONE, torch.tensor(1.0)]),
    "chain_rule: expected shape (d_out, d_in), got (2, 3, 3). jacobians[0]": lambda: chain_rule([torch.ones(2, 3, 3)]),
    "chain_rule: expected 2 columns in jacobians[1], got 3.": lambda: chain_rule([torch.ones(2, 3)] * 2),
    "residual_chain: expected shape (d_out, d_in), got (3,). jacobians[0]": lambda: residual_chain([torch.ones(3)]),
    "residual_chain: expected 2 columns in jacobians[1], got 3.": lambda: residual_chain([torch.eye(2), torch.eye(3)]),
    "residual_chain: expected square Jacobians, got shape (2, 3).": lambda: residual_chain([torch.ones(2, 3)]),
    "residual_chain: expected square Jacobians, got shape (1, 2).": lambda: residual_chain(
        [torch.ones(1, 2), torch.ones(2, 1)]
    ),
    "input_gradient: expected shape (N, 1), got (4,).": lambda: input_gradient(nn.Tanh(), torch.ones(4)),
    "input_gradient: expected shape (N, 1), got (4, 2).": lambda: input_gradient(nn.Tanh(), torch.ones(4, 2)),
    "input_gradient: expected floating x, got torch.int64.": lambda: input_gradient(nn.Tanh(), ONE.long()),
    "input_gradient: expected a model output of shape (1, 1), got (1, 2).": lambda: input_gradient(
        nn.Linear(1, 2), ONE
    ),
    "input_gradient: expected a model output of shape (1, 1), got (1,).": lambda: input_gradient(nn.Flatten(0), ONE),
    "autocorrelation: expected shape (N,) with N >= 1, got (0,).": lambda: autocorrelation(torch.ones(0), 1),
    "autocorrelation: expected shape (N,) with N >= 1, got (1, 1).": lambda: autocorrelation(ONE, 1),
    "autocorrelation: expected shape (N,) with N >= 1, got ().": lambda: autocorrelation(torch.tensor(1.0), 1),
    "autocorrelation: expected max_lag >= 0, got -1.": lambda: autocorrelation(torch.ones(3), -1),
    "Residual: expected shape (2, 3), got (2, 4).": lambda: Residual(nn.Linear(3, 4))(torch.ones(2, 3)),
    "Residual: expected shape (2, 3), got (2, 1).": lambda: Residual(nn.Linear(3, 1))(torch.ones(2, 3)),
    "BasicBlock: expected shape (1, 1, 4, 4), got (1, 2, 4, 4).": lambda: BasicBlock(1, 2)(torch.ones(1, 1, 4, 4)),
    "BasicBlock: expected shape (1, 2, 4, 4), got (1, 2, 2, 2).": lambda: BasicBlock(2, 2, 2)(torch.ones(1, 2, 4, 4)),
    "Bottleneck: expected shape (1, 2, 4, 4), got (1, 8, 4, 4).": lambda: Bottleneck(2, 2)(torch.ones(1, 2, 4, 4)),
    "ResNet: expected four positive numbers of blocks, got [2, 2, 2].": lambda: ResNet(BasicBlock, [2, 2, 2]),
    "ResNet: expected four positive numbers of blocks, got [1, 0, 1, 1].": lambda: ResNet(Bottleneck, (1, 0, 1, 1)),
}


@pytest.mark.parametrize("message", WRONG_CALLS)
def test_a_wrong_call_raises_a_value_error_that_names_both_sides(message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as caught:
        WRONG_CALLS[message]()
    assert "\n" not in str(caught.value)


def test_the_signatures_are_those_of_the_course() -> None:
    names: dict[Callable[..., object], list[str]] = {
        chain_rule: ["jacobians"],
        residual_chain: ["jacobians"],
        input_gradient: ["model", "x"],
        autocorrelation: ["g", "max_lag", "center"],
        Residual: ["g"],
        BasicBlock: ["inplanes", "planes", "stride", "downsample"],
        Bottleneck: ["inplanes", "planes", "stride", "downsample"],
        ResNet: ["block", "layers", "num_classes"],
        resnet18: ["num_classes"],
        resnet50: ["num_classes"],
    }
    assert {function: list(inspect.signature(function).parameters) for function in names} == names
    assert (BasicBlock.expansion, Bottleneck.expansion) == (1, 4)
    assert all(function.__module__ == residual.__name__ for function in names)
