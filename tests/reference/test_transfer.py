"""Transfer learning against counted values, closed forms, other people's frozen layers, and its edges."""

import copy
import itertools
import math
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torchvision
from sklearn.metrics import log_loss
from torch import Tensor, nn
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.ops.misc import FrozenBatchNorm2d

from reference import transfer
from reference.transfer import STAGES, parameter_groups, set_bn_eval, train_step, trainable_parameters

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
NAMES = ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc"]
STAGE_OF = {"conv1": 0, "bn1": 0, "layer1": 1, "layer2": 2, "layer3": 3, "layer4": 4, "fc": 5}

# Models are typed Any here: nn.Module's annotations do not know what model.fc is.
freeze: Callable[[Any], Any] = transfer.freeze
unfreeze: Callable[[Any], Any] = transfer.unfreeze
replace_head: Callable[[Any, int], Any] = transfer.replace_head
build_feature_extractor: Callable[[Any, int], Any] = transfer.build_feature_extractor
freeze_stages: Callable[[Any, Any], Any] = transfer.freeze_stages


def randomise_bn(model: Any, seed: int) -> Any:
    """Give every BatchNorm statistics, weights and biases of its own, far from 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    for layer in model.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            for tensor, shift in ((layer.running_mean, 0.0), (layer.running_var, 0.5), (layer.weight, 0.5)):
                assert tensor is not None
                tensor.data.uniform_(shift, shift + 1, generator=generator)
            layer.bias.data.uniform_(-0.5, 0.5, generator=generator)
    return model


@cache
def pretrained_resnet18() -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return randomise_bn(torchvision.models.resnet18(weights=None), 0)


def resnet18() -> Any:
    """Return a copy of a network that pretends to be trained: random weights and random BatchNorm statistics."""
    return copy.deepcopy(pretrained_resnet18())


def counting(name: str) -> Any:
    """Return a ResNet without numbers in its tensors, only to count them."""
    with torch.device("meta"):
        return torchvision.models.get_model(name, weights=None)


def mini(seed: int, num_classes: int = 10, norm: Callable[[int], nn.Module] = nn.BatchNorm2d) -> Any:
    """Return the smallest float64 network with the parts of a ResNet; ``layer2`` also has an inner BatchNorm."""

    def layer(in_channels: int, out_channels: int) -> nn.Sequential:
        conv = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1, bias=False)
        return nn.Sequential(conv, norm(out_channels), nn.SiLU())  # no dead units, unlike ReLU

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        parts = OrderedDict[str, nn.Module](
            conv1=nn.Conv2d(3, 4, 3, padding=1, bias=False),
            bn1=norm(4),
            silu=nn.SiLU(),
            layer1=layer(4, 4),
            layer2=nn.Sequential(layer(4, 6), layer(6, 6)),
            layer3=layer(6, 6),
            layer4=layer(6, 8),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(8, num_classes),
        )
        return randomise_bn(nn.Sequential(parts).double(), seed)


def chain() -> Any:
    """Return seven named layers of two parameters each, one weight and one bias."""
    return nn.ModuleDict({name: nn.Linear(1, 1) for name in NAMES})


def batch(seed: int, n: int = 4, size: int = 16, num_classes: int = 2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 3, size, size, generator=generator, dtype=torch.float64)
    return x, torch.randint(0, num_classes, (n,), generator=generator)


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def changed(model: nn.Module, before: dict[str, Tensor]) -> set[str]:
    after = model.state_dict()
    assert after.keys() == before.keys()
    return {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}


def sgd(model: nn.Module, lr: float = 0.1, **options: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=lr, **options)


def features(model: Any, x: Tensor) -> Tensor:
    """Return what the model feeds to its head, in the mode it is in."""
    seen: list[Tensor] = []
    handle = model.fc.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    with torch.no_grad():
        model(x)
    handle.remove()
    return seen[0]


def bn_layers(model: nn.Module) -> list[nn.Module]:
    return [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]


def flags(module: nn.Module) -> list[bool]:
    return [parameter.requires_grad for parameter in module.parameters()]


# ---------------------------------------------------------------------------------------------------- counted values


@pytest.mark.parametrize(
    ("name", "total", "two_classes", "per_class", "counts", "tensors", "bn_affine"),
    [
        (
            "resnet18",
            11_689_512,
            11_177_538,
            513,
            [11_177_538, 11_168_002, 11_020_034, 10_494_466, 8_394_754, 1_026],
            [0, 3, 15, 30, 45, 60],
            9_600,
        ),
        (
            "resnet50",
            25_557_032,
            23_512_130,
            2_049,
            [23_512_130, 23_502_594, 23_286_786, 22_067_202, 14_968_834, 4_098],
            [0, 3, 33, 72, 129, 159],
            53_120,
        ),
    ],
)
def test_trainable_parameters_of_the_resnets(
    name: str, total: int, two_classes: int, per_class: int, counts: list[int], tensors: list[int], bn_affine: int
) -> None:
    model = counting(name)
    assert trainable_parameters(model) == total
    assert trainable_parameters(replace_head(model, 2)) == two_classes
    for k, count in enumerate(counts):
        frozen = freeze_stages(replace_head(counting(name), 2), k)
        assert trainable_parameters(frozen) == count
        assert flags(frozen).count(False) == tensors[k]
    for num_classes in (1, 2, 10, 1000):
        extractor = build_feature_extractor(counting(name), num_classes)
        assert trainable_parameters(extractor) == trainable_parameters(extractor.fc) == per_class * num_classes
    # fastai leaves the affine parameters of BatchNorm trainable in a frozen body: another convention
    extractor = build_feature_extractor(counting(name), 2)
    for layer in bn_layers(extractor):
        unfreeze(layer)
    assert trainable_parameters(extractor) == 2 * per_class + bn_affine


def test_a_shared_parameter_counts_once_and_a_buffer_never() -> None:
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    second.weight = first.weight
    assert trainable_parameters(nn.Sequential(first, second, nn.BatchNorm1d(3))) == 9 + 3 + 3 + 6
    assert trainable_parameters(nn.Sequential()) == 0
    assert isinstance(trainable_parameters(first), int)


def test_only_the_head_changes_in_three_steps_of_a_feature_extractor() -> None:
    model = build_feature_extractor(resnet18(), 2)
    x, y = batch(0, size=64)
    before, features_before = snapshot(model), features(model.eval(), x.float())
    assert len(before) == 122
    optimizer = sgd(model, momentum=0.9, weight_decay=0.1)  # all parameters: the frozen ones must not move
    losses = [train_step(model, optimizer, x.float(), y) for _ in range(3)]
    assert changed(model, before) == {"fc.weight", "fc.bias"}
    assert losses[2] < losses[0]
    assert torch.equal(features(model, x.float()), features_before)
    assert torch.equal(features(model.eval(), x.float()), features_before)


def naive_steps(model: Any) -> set[str]:
    """Return what changes in three steps of the usual loop, which calls ``model.train()`` and nothing else."""
    x, y = batch(0, size=64)
    before, optimizer = snapshot(model), sgd(model)
    for _ in range(3):
        model.train()
        optimizer.zero_grad()
        F.cross_entropy(model(x.float()), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return changed(model, before)


def test_freezing_parameters_alone_lets_sixty_buffers_change() -> None:
    buffers = {name for name, _ in pretrained_resnet18().named_buffers()}
    assert len(buffers) == 60
    model = replace_head(freeze(resnet18()), 2)
    set_bn_eval(model)  # the next train() undoes it
    assert naive_steps(model) == {"fc.weight", "fc.bias"} | buffers


def test_a_feature_extractor_survives_a_loop_that_knows_nothing_of_batch_norm() -> None:
    assert naive_steps(build_feature_extractor(resnet18(), 2)) == {"fc.weight", "fc.bias"}


def test_a_train_step_keeps_frozen_batch_norm_still_in_any_model() -> None:
    model = replace_head(freeze(resnet18()), 2)  # its train() is the ordinary one
    x, y = batch(1, size=64)
    before = snapshot(model)
    train_step(model, sgd(model), x.float(), y)
    assert changed(model, before) == {"fc.weight", "fc.bias"}


@pytest.mark.parametrize("k", range(6))
def test_a_train_step_changes_exactly_the_stages_that_are_not_frozen(k: int) -> None:
    model = freeze_stages(mini(k, 2), k)
    x, y = batch(k, size=32)
    before = snapshot(model)
    train_step(model, sgd(model), x, y)
    assert changed(model, before) == {name for name in before if STAGE_OF[name.partition(".")[0]] >= k}


def test_running_statistics_of_one_two_three_six_by_hand() -> None:
    x, y = torch.tensor([[1.0], [2], [3], [6]], dtype=torch.float64), torch.tensor([0, 1, 0, 1])
    trainable: Any = nn.Sequential(nn.BatchNorm1d(1), nn.Linear(1, 2)).double()
    frozen: Any = nn.Sequential(freeze(nn.BatchNorm1d(1)), nn.Linear(1, 2)).double()
    for model in (trainable, frozen):
        optimizer = sgd(model)
        seen = []
        for _ in range(3):
            train_step(model, optimizer, x, y)
            seen.append((model[0].running_mean.item(), model[0].running_var.item()))
        if model is frozen:
            assert seen == [(0.0, 1.0)] * 3
        else:  # 0.1 x mean 3, 0.9 + 0.1 x 14/3; the biased variance would give 1.25, the inverted momentum 4.3
            assert seen[0] == pytest.approx((0.3, 0.9 + 14 / 30), rel=1e-12)
            assert seen[2] == pytest.approx((0.813, 0.9**3 + (1 - 0.9**3) * 14 / 3), rel=1e-12)
            assert seen[2][1] == pytest.approx(1.993667, abs=5e-7)


def test_discriminative_rates_of_the_paper() -> None:
    groups = parameter_groups(chain(), lr=1e-2 / 2.6, decay=1 / 2.6, head_lr=1e-2)
    rates = [8.4165e-5, 2.1883e-4, 5.6896e-4, 1.4793e-3, 3.8462e-3, 1e-2]
    assert [group["lr"] for group in groups] == pytest.approx(rates, rel=2e-5)
    for below, above in itertools.pairwise(groups):
        assert above["lr"] / below["lr"] == pytest.approx(2.6, rel=1e-12)


@pytest.mark.parametrize(
    ("options", "rates"),
    [
        ({}, [0.5] * 6),
        ({"decay": 0.5}, [0.03125, 0.0625, 0.125, 0.25, 0.5, 0.5]),
        ({"decay": 0.5, "head_lr": 3}, [0.03125, 0.0625, 0.125, 0.25, 0.5, 3]),
        ({"head_lr": 0.0}, [0.5] * 5 + [0.0]),
        ({"decay": 2.0}, [8.0, 4.0, 2.0, 1.0, 0.5, 0.5]),
        ({"decay": 0.0}, [0.0] * 4 + [0.5, 0.5]),
    ],
)
def test_rates_by_hand(options: dict[str, float], rates: list[float]) -> None:
    groups = parameter_groups(chain(), 0.5, **options)
    assert [group["lr"] for group in groups] == rates
    assert all(group.keys() == {"params", "lr"} for group in groups)


def test_the_loss_of_equal_logits_is_the_logarithm_of_the_number_of_classes() -> None:
    for num_classes in (1, 2, 7, 1000):
        model = build_feature_extractor(mini(0), num_classes)
        for parameter in model.fc.parameters():
            nn.init.zeros_(parameter)
        x, y = batch(0, num_classes=num_classes)
        assert train_step(model, sgd(model), x, y) == pytest.approx(math.log(num_classes), abs=1e-12)


# -------------------------------------------------------------------------------------------------- freeze, unfreeze


def test_freeze_returns_the_module_without_gradients_and_touches_nothing_else() -> None:
    model = mini(0, 2)
    x, y = batch(0)
    F.cross_entropy(model(x), y).backward()  # type: ignore[no-untyped-call]
    model.layer1.eval()
    before, modes = snapshot(model), [module.training for module in model.modules()]
    parameters = list(model.parameters())
    assert freeze(model) is model
    assert not any(flags(model))
    assert all(parameter.grad is None for parameter in parameters)
    assert changed(model, before) == set()
    assert [module.training for module in model.modules()] == modes
    assert all(a is b for a, b in zip(parameters, model.parameters(), strict=True))


def test_unfreeze_returns_the_module_with_every_parameter_trainable() -> None:
    model = freeze_stages(mini(0), 3)
    model.fc.bias.requires_grad_(False)
    model.eval()
    before = snapshot(model)
    assert unfreeze(model) is model
    assert all(flags(model))
    assert changed(model, before) == set()
    assert not model.training


def test_freezing_reaches_only_the_module_it_is_given() -> None:
    model = mini(0)
    freeze(model.layer2)
    assert [any(flags(getattr(model, name))) for name in NAMES] == [True, True, True, False, True, True, True]
    unfreeze(freeze(model).layer3)
    assert [any(flags(getattr(model, name))) for name in NAMES] == [False] * 4 + [True, False, False]


def test_a_gradient_from_before_does_not_move_a_frozen_parameter() -> None:
    model = mini(0, 2)
    optimizer = sgd(model, momentum=0.9, weight_decay=0.1)
    x, y = batch(0)
    for _ in range(2):
        train_step(model, optimizer, x, y)  # fills the gradients and the momentum
    F.cross_entropy(model(x), y).backward()  # type: ignore[no-untyped-call]
    freeze(model.layer4)
    before = snapshot(model)
    optimizer.step()
    moved = changed(model, before)
    assert not any(name.startswith("layer4") for name in moved)
    assert "layer3.0.weight" in moved
    before = snapshot(model)
    train_step(model, optimizer, x, y)
    assert not any(name.startswith("layer4") for name in changed(model, before))


def test_an_optimizer_built_before_unfreezing_does_not_know_the_new_parameters() -> None:
    model = freeze_stages(mini(0, 2), 5)
    x, y = batch(0)
    optimizer = torch.optim.SGD(parameter_groups(model, 0.1))
    before = snapshot(model)
    unfreeze(model.layer4)
    train_step(model, optimizer, x, y)
    assert "layer4.0.weight" not in changed(model, before)
    assert model.layer4[0].weight.grad.any()
    train_step(model, torch.optim.SGD(parameter_groups(model, 0.1)), x, y)
    assert "layer4.0.weight" in changed(model, before)


# ------------------------------------------------------------------------------------------------------ replace_head


def test_replace_head_changes_the_head_and_nothing_else() -> None:
    model = resnet18()
    others = {name: parameter for name, parameter in model.named_parameters() if not name.startswith("fc")}
    before, versions = snapshot(model), [parameter._version for parameter in others.values()]
    freeze(model.layer1)
    assert replace_head(model, 7) is model
    assert model.fc.weight.shape == (7, 512)
    assert model.fc.bias.shape == (7,)
    assert type(model.fc) is nn.Linear
    assert list(model.state_dict()) == list(before)
    after = dict(model.named_parameters())
    assert all(after[name] is parameter for name, parameter in others.items())
    assert [parameter._version for parameter in others.values()] == versions
    assert all(parameter.requires_grad == (not name.startswith("layer1")) for name, parameter in after.items())
    assert model.eval()(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


def test_a_head_is_replaced_again_not_stacked_upon() -> None:
    model = mini(0)
    for num_classes in (5, 1, 3):
        assert replace_head(model, num_classes).fc.weight.shape == (num_classes, 8)
        assert trainable_parameters(model.fc) == 9 * num_classes


def test_the_new_head_takes_its_input_size_from_the_old_one() -> None:
    assert replace_head(counting("resnet18"), 3).fc.in_features == 512
    assert replace_head(counting("resnet50"), 3).fc.in_features == 2048
    assert replace_head(mini(0), 3).fc.in_features == 8


def test_the_new_head_is_initialised_as_pytorch_does() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        expected = nn.Linear(8, 4, dtype=torch.float64)
        torch.manual_seed(3)
        model = replace_head(mini(0), 4)
    assert torch.equal(model.fc.weight, expected.weight)
    assert torch.equal(model.fc.bias, expected.bias)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("device", [*DEVICES, "meta"])
def test_the_new_head_lives_where_the_old_one_did(dtype: torch.dtype, device: str) -> None:
    for build in (replace_head, build_feature_extractor):
        model = freeze(nn.ModuleDict({"fc": nn.Linear(6, 9, bias=False)}).to(device, dtype).eval())
        head: Any = build(model, 2).fc
        for parameter in (head.weight, head.bias):
            assert (parameter.device.type, parameter.dtype, parameter.requires_grad) == (device, dtype, True)
        assert not head.training


def test_the_new_head_is_trainable_even_without_grad_mode() -> None:
    with torch.no_grad():
        model = build_feature_extractor(mini(0), 2)
    assert flags(model.fc) == [True, True]


# ------------------------------------------------------------------------------------------- build_feature_extractor


def test_a_feature_extractor_is_the_same_model_with_the_same_keys() -> None:
    model = resnet18()
    kind, keys, forward = type(model), list(model.state_dict()), model.forward
    assert build_feature_extractor(model, 2) is model
    assert type(model) is kind
    assert model.forward == forward
    assert list(model.state_dict()) == keys
    assert flags(model) == [name.startswith("fc.") for name, _ in model.named_parameters()]
    fresh = replace_head(resnet18(), 2)
    fresh.load_state_dict(model.state_dict(), strict=True)


def test_train_and_eval_reach_everything_but_the_frozen_batch_norm() -> None:
    model = build_feature_extractor(mini(0), 2)
    assert [layer.training for layer in bn_layers(model)] == [False] * 6  # before any call of train()
    assert model.training
    for modes in ([True], [False, True], [True, True]):
        assert [model.train(mode) for mode in modes] == [model] * len(modes)
        for module in model.modules():
            assert module.training == (module not in bn_layers(model))
    assert model.eval() is model
    assert not any(module.training for module in model.modules())
    assert model.train() is model
    assert model.fc.training
    assert model.train(False) is model
    assert not any(module.training for module in model.modules())


def test_the_mode_of_the_model_survives_the_change() -> None:
    model = mini(0).eval()
    assert not any(module.training for module in build_feature_extractor(model, 2).modules())


def test_a_part_of_a_larger_model_keeps_its_batch_norm_in_eval() -> None:
    whole = nn.Sequential(build_feature_extractor(mini(0), 2), nn.BatchNorm1d(2).double())
    whole.train()
    assert not any(layer.training for layer in bn_layers(whole))
    assert whole[1].training


def test_batch_norm_that_is_unfrozen_again_trains_again() -> None:
    model = build_feature_extractor(mini(0, 2), 2)
    unfreeze(model.layer4)
    model.train()
    assert [layer.training for layer in bn_layers(model)] == [False] * 5 + [True]
    x, y = batch(0, size=32)
    before = snapshot(model)
    train_step(model, sgd(model), x, y)
    assert changed(model, before) == {name for name in before if name.startswith(("layer4", "fc"))}
    freeze(model.layer4)
    model.train()
    assert not any(layer.training for layer in bn_layers(model))


def test_calling_it_twice_is_calling_it_once_with_the_last_number_of_classes() -> None:
    model = build_feature_extractor(build_feature_extractor(mini(0), 5), 3)
    assert trainable_parameters(model) == 9 * 3
    x, y = batch(0, num_classes=3)
    before = snapshot(model)
    train_step(model, sgd(model), x, y)
    assert changed(model, before) == {"fc.weight", "fc.bias"}
    assert model.train() is model


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_is_a_feature_extractor_of_its_own(clone: Callable[[Any], Any]) -> None:
    model = build_feature_extractor(mini(0), 2).eval()
    twin = clone(model)
    assert twin.train() is twin
    assert not model.training
    assert [twin.training, twin.fc.training, *(layer.training for layer in bn_layers(twin))] == [True] * 2 + [False] * 6
    x, y = batch(0)
    before, of_twin = snapshot(model), snapshot(twin)
    train_step(twin, sgd(twin), x, y)
    assert changed(model, before) == set()
    assert changed(twin, of_twin) == {"fc.weight", "fc.bias"}


def test_the_features_of_an_image_do_not_depend_on_its_batch() -> None:
    model = build_feature_extractor(mini(0), 2).train()
    x, _ = batch(0, n=8, size=32)
    together = features(model, x)  # (8, 8)
    alone = torch.cat([features(model, image[None]) for image in x])  # (8, 8)
    torch.testing.assert_close(alone, together, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(features(model.eval(), x), together, rtol=0, atol=0)
    naive = replace_head(freeze(mini(0)), 2).train()
    assert (features(naive, x) - together).norm() > 0.1 * together.norm()


@pytest.mark.parametrize("size", [16, 1])
def test_a_batch_of_one_image_works_with_frozen_batch_norm_on_maps_of_one_pixel(size: int) -> None:
    model = build_feature_extractor(mini(0), 2)
    x, y = batch(0, n=1, size=size)
    assert math.isfinite(train_step(model, sgd(model), x, y))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        train_step(mini(0, 2), sgd(model), x, y)


@pytest.mark.parametrize("norm", [lambda _: nn.Identity(), lambda channels: nn.GroupNorm(2, channels)])
def test_a_model_without_batch_norm_is_frozen_like_any_other(norm: Callable[[int], nn.Module]) -> None:
    model = build_feature_extractor(mini(0, norm=norm), 2)
    x, y = batch(0)
    before = snapshot(model)
    train_step(model, sgd(model), x, y)
    assert changed(model, before) == {"fc.weight", "fc.bias"}
    assert all(module.training for module in model.modules())
    assert len(parameter_groups(unfreeze(freeze_stages(model, 2)), 0.1)) == 6


# ----------------------------------------------------------------------------------------------------- freeze_stages


def test_stages_are_counted_from_the_image_and_the_stem_is_one() -> None:
    assert [name for names in STAGES for name in names] == NAMES[:-1]
    for k in range(6):
        model = counting("resnet18")
        assert freeze_stages(model, k) is model
        for name, parameter in model.named_parameters():
            assert parameter.requires_grad == (STAGE_OF[name.partition(".")[0]] >= k)


@pytest.mark.parametrize("k", range(6))
def test_freezing_stages_leaves_the_others_as_they_are(k: int) -> None:
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        model = mini(0)
        for parameter in model.parameters():
            parameter.requires_grad_(bool(torch.rand((), generator=generator) < 0.5))
            parameter.grad = torch.ones_like(parameter)
        before, was = snapshot(model), {name: p.requires_grad for name, p in model.named_parameters()}
        modes = [module.training for module in model.modules()]
        freeze_stages(model, k)
        for name, parameter in model.named_parameters():
            is_later = STAGE_OF[name.partition(".")[0]] >= k
            assert parameter.requires_grad == (was[name] and is_later)
            assert (parameter.grad is not None) == is_later
        assert changed(model, before) == set()
        assert [module.training for module in model.modules()] == modes


def test_a_smaller_number_of_stages_later_changes_nothing() -> None:
    model = chain()
    assert [trainable_parameters(freeze_stages(model, k)) for k in (3, 1, 0, 4, 5, 5)] == [6, 6, 6, 4, 2, 2]


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
@pytest.mark.parametrize("k", range(6))
def test_torchvision_freezes_the_same_stages_of_a_detector_and_drops_the_head(name: str, k: int) -> None:
    with torch.device("meta"):
        theirs = resnet_fpn_backbone(
            backbone_name=name, weights=None, norm_layer=nn.BatchNorm2d, trainable_layers=5 - k
        ).body
    ours = freeze_stages(counting(name), k)
    expected = {parameter: p.requires_grad for parameter, p in theirs.named_parameters()}
    actual = {parameter: p.requires_grad for parameter, p in ours.named_parameters()}
    # another convention: they count what trains, from the head on, and a detector has no fc
    assert actual == {**expected, "fc.weight": True, "fc.bias": True}


# ------------------------------------------------------------------------------------------------------- set_bn_eval


@pytest.mark.parametrize(
    ("layer", "is_bn"),
    [
        (nn.BatchNorm1d(4), True),
        (nn.BatchNorm2d(4), True),
        (nn.BatchNorm3d(4), True),
        (nn.SyncBatchNorm(4), True),
        (nn.InstanceNorm2d(4, affine=True, track_running_stats=True), False),
        (nn.GroupNorm(2, 4), False),
        (nn.LayerNorm(4), False),
        (nn.Linear(4, 4), False),
        (nn.Dropout(), False),
    ],
)
def test_set_bn_eval_reaches_every_batch_norm_and_no_other_layer(layer: nn.Module, is_bn: bool) -> None:
    freeze(layer)
    set_bn_eval(nn.Sequential(nn.Sequential(layer)))
    assert layer.training == (not is_bn)
    unfreeze(layer.train())
    set_bn_eval(layer)
    assert layer.training


@pytest.mark.parametrize(("weight", "bias"), [(True, True), (True, False), (False, True), (False, False)])
def test_batch_norm_is_frozen_only_if_weight_and_bias_are(weight: bool, bias: bool) -> None:
    layer = nn.BatchNorm2d(4)
    layer.weight.requires_grad_(weight)
    layer.bias.requires_grad_(bias)
    set_bn_eval(layer)
    assert layer.training == (weight or bias)


def test_batch_norm_without_weight_and_bias_counts_as_frozen() -> None:
    layer = nn.BatchNorm2d(4, affine=False)
    set_bn_eval(layer)
    assert not layer.training


def test_set_bn_eval_returns_nothing_and_puts_nothing_into_train_mode() -> None:
    model = mini(0).eval()
    set_bn_eval(model)
    assert not any(module.training for module in model.modules())
    before = snapshot(model)
    returned: object = set_bn_eval(freeze(model.train()))  # type: ignore[func-returns-value]
    assert returned is None
    assert changed(model, before) == set()
    assert model.training
    assert model.layer1.training


# -------------------------------------------------------------------------------------------------- parameter_groups


def test_groups_hold_each_trainable_parameter_once_in_the_order_of_the_stages() -> None:
    for seed in range(200):
        generator = torch.Generator().manual_seed(seed)
        model = mini(0) if seed else resnet18()
        for parameter in model.parameters():
            parameter.requires_grad_(bool(torch.rand((), generator=generator) < 0.4))
        if seed % 3 == 0:
            freeze(getattr(model, NAMES[seed % 7]))
        was = flags(model)
        lr, decay, head_lr = torch.rand(3, generator=generator).tolist()
        expected: dict[int, list[nn.Parameter]] = {}
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                expected.setdefault(STAGE_OF[name.partition(".")[0]], []).append(parameter)
        groups = parameter_groups(model, lr, decay, head_lr)
        assert len(groups) == len(expected)
        for group, (stage, parameters) in zip(groups, sorted(expected.items()), strict=True):
            assert [id(parameter) for parameter in group["params"]] == [id(parameter) for parameter in parameters]
            rate = head_lr if stage == 5 else math.prod([lr] + [decay] * (4 - stage))
            assert group["lr"] == pytest.approx(rate, rel=1e-12)
        assert flags(model) == was
        count = sum(parameter.numel() for group in groups for parameter in group["params"])
        assert count == trainable_parameters(model)


@pytest.mark.parametrize("k", range(6))
def test_groups_of_frozen_stages_are_left_out(k: int) -> None:
    model = freeze_stages(chain(), k)
    groups = parameter_groups(model, 1.0, 0.5)
    assert [group["lr"] for group in groups] == [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 1.0][k:]
    assert [id(parameter) for parameter in groups[-1]["params"]] == [id(model.fc.weight), id(model.fc.bias)]
    assert parameter_groups(freeze(model), 1.0) == []


def test_what_is_in_no_stage_belongs_to_the_head() -> None:
    model = chain()
    model["neck"] = nn.Linear(3, 3)
    model.layer2.scale = nn.Parameter(torch.ones(1))
    groups = parameter_groups(model, 1.0, 0.5, 7.0)
    assert [parameter is model.layer2.scale for parameter in groups[2]["params"]].count(True) == 1
    assert [id(p) for p in groups[5]["params"]] == [id(p) for m in (model.fc, model.neck) for p in m.parameters()]
    assert groups[5]["lr"] == 7.0
    torch.optim.SGD(groups)


def test_a_shared_parameter_belongs_to_its_first_stage() -> None:
    model = chain()
    model.layer3.weight = model.layer1.weight
    model.fc.bias = model.layer4.bias
    model.layer2 = model.bn1
    groups = parameter_groups(model, 1.0, 0.5)
    assert [group["lr"] for group in groups] == [1 / 16, 1 / 8, 1 / 2, 1.0, 1.0]
    assert [len(group["params"]) for group in groups] == [4, 2, 1, 2, 1]
    torch.optim.SGD(groups)  # overlapping groups would be refused
    with pytest.raises(ValueError, match="more than one parameter group"):
        torch.optim.SGD([*groups, {"params": [model.fc.weight]}], lr=0.1)


def test_groups_work_with_an_optimizer_and_a_scheduler() -> None:
    model = freeze_stages(mini(0, 2), 3)
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.01, 0.5, 0.1))
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.1)
    x, y = batch(0)
    train_step(model, optimizer, x, y)
    scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.0005, 0.001, 0.01])


# -------------------------------------------------------------------------------------------------------- train_step


def softmax_regression(
    feature: Tensor, weight: Tensor, bias: Tensor, y: Tensor, lr: float
) -> tuple[float, Tensor, Tensor]:
    """Return loss, weight and bias of one step of gradient descent, by the closed form ``(lambda - y) f``."""
    logits = feature @ weight.T + bias  # (N, K)
    probability = logits.exp() / logits.exp().sum(dim=1, keepdim=True)  # (N, K)
    error = probability.clone()  # (N, K)
    error[torch.arange(len(y)), y] -= 1
    loss = -probability[torch.arange(len(y)), y].log().mean()
    return float(loss), weight - lr * error.T @ feature / len(y), bias - lr * error.mean(dim=0)


def test_a_feature_extractor_learns_as_softmax_regression_on_its_features() -> None:
    for seed in range(150):
        generator = torch.Generator().manual_seed(seed)
        n, num_classes = (int(torch.randint(1, 9, (), generator=generator)) for _ in range(2))
        lr = float(torch.rand((), generator=generator))
        model = build_feature_extractor(mini(seed), num_classes)
        x, y = batch(seed, n, 8, num_classes)
        feature = features(model.eval(), x)
        weight, bias = model.fc.weight.detach().clone(), model.fc.bias.detach().clone()
        optimizer = sgd(model, lr)
        for _ in range(2):  # a second step would show gradients that were not reset
            expected, weight, bias = softmax_regression(feature, weight, bias, y, lr)
            assert train_step(model, optimizer, x, y) == pytest.approx(expected, rel=1e-10, abs=1e-13)
            torch.testing.assert_close(model.fc.weight.detach(), weight, rtol=1e-10, atol=1e-12)
            torch.testing.assert_close(model.fc.bias.detach(), bias, rtol=1e-10, atol=1e-12)


def test_each_stage_moves_by_its_own_rate_times_its_gradient() -> None:
    for seed in range(60):
        k = seed % 6
        model = freeze_stages(mini(seed, 3), k)
        x, y = batch(seed, 5, 16, 3)
        twin = copy.deepcopy(model).train()
        set_bn_eval(twin)
        trainable = {name: parameter for name, parameter in twin.named_parameters() if parameter.requires_grad}
        loss = F.cross_entropy(twin(x), y)
        gradients = dict(zip(trainable, torch.autograd.grad(loss, list(trainable.values())), strict=True))
        before = snapshot(model)
        optimizer = torch.optim.SGD(parameter_groups(model, 0.1, 0.5, 0.3))
        assert train_step(model, optimizer, x, y) == float(loss.detach())
        for name, parameter in model.named_parameters():
            stage = STAGE_OF[name.partition(".")[0]]
            rate = 0.3 if stage == 5 else 0.1 * 0.5 ** (4 - stage)
            step = rate * gradients[name] if name in gradients else torch.zeros_like(parameter)
            torch.testing.assert_close(parameter.detach(), before[name] - step, rtol=1e-10, atol=1e-13)
        for (name, actual), expected in zip(model.named_buffers(), twin.buffers(), strict=True):
            assert torch.equal(actual, expected), name


def test_the_loss_is_the_one_of_scikit_learn() -> None:
    for seed in range(40):
        model = freeze_stages(mini(seed, 4), 5)
        x, y = batch(seed, 6, 8, 4)
        with torch.no_grad():
            probability = model.eval()(x).softmax(dim=1)
        expected = log_loss(y.numpy(), probability.numpy(), labels=list(range(4)))
        assert train_step(model, sgd(model), x, y) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("num_frozen", [0, 3, 5])
def test_the_gradient_of_a_step_is_the_slope_of_its_loss(num_frozen: int) -> None:
    """Central differences through ``train_step`` itself, at rate 0; BatchNorm in each mode."""
    model = freeze_stages(mini(1, 3), num_frozen)
    x, y = batch(1, 4, 32, 3)
    still = sgd(model, 0.0)
    train_step(model, still, x, y)
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    assert gradients.keys() == {name for name, p in model.named_parameters() if p.requires_grad}
    generator = torch.Generator().manual_seed(0)
    for name, gradient in gradients.items():
        values = model.get_parameter(name).data.view(-1)
        i, h = int(torch.randint(0, len(values), (), generator=generator)), 1e-6
        origin = float(values[i])
        values[i] = origin + h
        above = train_step(model, still, x, y)
        values[i] = origin - h
        below = train_step(model, still, x, y)
        values[i] = origin
        assert (above - below) / (2 * h) == pytest.approx(float(gradient.view(-1)[i]), rel=1e-4, abs=1e-8), name


def test_torchvisions_frozen_batch_norm_gives_the_same_features_and_the_same_training() -> None:
    ours = build_feature_extractor(resnet18(), 2).double()
    theirs = torchvision.models.resnet18(weights=None, norm_layer=FrozenBatchNorm2d, num_classes=2).double()
    theirs.load_state_dict(ours.state_dict())  # it drops num_batches_tracked
    assert theirs.state_dict().keys() == {name for name in ours.state_dict() if "num_batches" not in name}
    for name, parameter in theirs.named_parameters():
        parameter.requires_grad_(name.startswith("fc."))
    theirs.train()
    optimizer, of_theirs = sgd(ours, 0.01), sgd(theirs, 0.01)
    for seed in range(3):
        x, y = batch(seed, size=40)
        torch.testing.assert_close(features(ours.train(), x), features(theirs, x), rtol=1e-9, atol=1e-9)
        loss = F.cross_entropy(theirs(x), y)
        of_theirs.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        of_theirs.step()
        assert train_step(ours, optimizer, x, y) == pytest.approx(float(loss.detach()), rel=1e-9)
    torch.testing.assert_close(ours.fc.weight, theirs.fc.weight, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(ours.fc.bias, theirs.fc.bias, rtol=1e-9, atol=1e-12)


def test_fine_tuning_trains_everything_and_the_loss_falls() -> None:
    model = replace_head(resnet18(), 2)
    x, y = batch(0, size=64)
    before = snapshot(model)
    optimizer = torch.optim.SGD(parameter_groups(model, 1e-3, 1 / 2.6, 1e-2))
    losses = [train_step(model, optimizer, x.float(), y) for _ in range(4)]
    assert changed(model, before) == set(before)
    assert losses[-1] < losses[0]


def test_a_step_leaves_inputs_random_state_and_grad_mode_alone() -> None:
    model = build_feature_extractor(mini(0), 2).eval()
    x, y = batch(0)
    versions, x_before, y_before, rng = (x._version, y._version), x.clone(), y.clone(), torch.get_rng_state()
    loss = train_step(model, sgd(model), x, y)
    assert type(loss) is float
    assert (x._version, y._version) == versions
    assert torch.equal(x, x_before)
    assert torch.equal(y, y_before)
    assert x.grad is None
    assert torch.equal(torch.get_rng_state(), rng)
    assert torch.is_grad_enabled()
    assert model.training  # the step ends in train mode


def test_only_the_heads_initialisation_draws_random_numbers() -> None:
    model, rng = mini(0), torch.get_rng_state()
    parameter_groups(unfreeze(freeze_stages(freeze(model), 2)), 0.1)
    set_bn_eval(model)
    trainable_parameters(model)
    assert torch.equal(torch.get_rng_state(), rng)


def test_a_step_forgets_gradients_of_before() -> None:
    first = build_feature_extractor(mini(0), 2)
    second = copy.deepcopy(first)
    x, y = batch(0)
    F.cross_entropy(first(x), y).backward()  # type: ignore[no-untyped-call]
    losses = [train_step(model, sgd(model), x, y) for model in (first, second)]
    assert losses[0] == losses[1]
    assert torch.equal(first.fc.weight, second.fc.weight)


def test_images_need_not_be_contiguous() -> None:
    x, y = batch(0, n=8)
    model = freeze_stages(mini(0, 2), 5)
    still = sgd(model, 0.0)
    expected = train_step(model, still, x[::2].contiguous(), y[::2].clone())
    for view in (
        x[::2],
        x[::2].contiguous().transpose(2, 3).contiguous().transpose(2, 3),
        x[::2].contiguous(memory_format=torch.channels_last),
    ):
        assert not view.is_contiguous()
        assert train_step(model, still, view, y[::2]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.bool])
def test_labels_of_any_integer_type_mean_the_same(dtype: torch.dtype) -> None:
    model = freeze_stages(mini(0, 2), 5)
    x, y = batch(0, n=6)
    assert set(y.tolist()) == {0, 1}
    assert train_step(model, sgd(model, 0.0), x, y.to(dtype)) == train_step(model, sgd(model, 0.0), x, y)


@pytest.mark.parametrize(("dtype", "rel"), [(torch.float32, 1e-5), (torch.bfloat16, 5e-2), (torch.float16, 1e-2)])
def test_narrow_models_lose_as_much_as_wide_ones(dtype: torch.dtype, rel: float) -> None:
    wide = freeze_stages(mini(0, 2), 5)
    narrow = copy.deepcopy(wide).to(dtype)
    x, y = batch(0)
    expected = train_step(wide, sgd(wide), x, y)
    assert train_step(narrow, sgd(narrow), x.to(dtype), y) == pytest.approx(expected, rel=rel)
    assert narrow.fc.weight.dtype == dtype


@pytest.mark.parametrize("device", DEVICES)
def test_everything_works_on_the_device_of_the_model(device: str) -> None:
    model = build_feature_extractor(mini(0).to(device), 2)
    assert model.fc.weight.device.type == device
    unfreeze(model.layer4)
    x, y = batch(0)
    before = snapshot(model)
    optimizer = torch.optim.SGD(parameter_groups(model, 0.1, 0.5))
    assert math.isfinite(train_step(model, optimizer, x.to(device), y.to(device)))
    assert changed(model, before) == {name for name in before if name.startswith(("layer4", "fc"))}


# ------------------------------------------------------------------------------------------------------------ errors

ONE_IMAGE = torch.zeros(1, 3, 16, 16, dtype=torch.float64)
CLASS_0 = torch.zeros(1, dtype=torch.int64)


def without(*names: str) -> nn.ModuleDict:
    return nn.ModuleDict({name: nn.Linear(1, 1) for name in NAMES if name not in names})


def with_head(head: nn.Module) -> nn.ModuleDict:
    return nn.ModuleDict({**without("fc"), "fc": head})


def step(x: Tensor, y: Tensor, model: Any = None) -> float:
    model = freeze_stages(mini(0, 2), 5) if model is None else model
    return train_step(model, sgd(model), x, y)


WRONG_CALLS: dict[str, Callable[[], object]] = {
    "replace_head: expected model.fc to be nn.Linear, got NoneType.": lambda: replace_head(without("fc"), 2),
    "replace_head: expected model.fc to be nn.Linear, got Identity.": lambda: replace_head(with_head(nn.Identity()), 2),
    "build_feature_extractor: expected model.fc to be nn.Linear, got Sequential.": lambda: build_feature_extractor(
        with_head(nn.Sequential(nn.Linear(1, 1))), 2
    ),
    "replace_head: expected num_classes >= 1, got 0.": lambda: replace_head(chain(), 0),
    "build_feature_extractor: expected num_classes >= 1, got -3.": lambda: build_feature_extractor(chain(), -3),
    "freeze_stages: expected a whole number k from 0 to 5, got -1.": lambda: freeze_stages(chain(), -1),
    "freeze_stages: expected a whole number k from 0 to 5, got 6.": lambda: freeze_stages(chain(), 6),
    "freeze_stages: expected a whole number k from 0 to 5, got 2.5.": lambda: freeze_stages(chain(), 2.5),
    "freeze_stages: expected a ResNet, got a model without layer4.": lambda: freeze_stages(without("layer4"), 2),
    "freeze_stages: expected a ResNet, got a model without conv1, bn1, layer1, layer2, layer3, layer4.": (
        lambda: freeze_stages(nn.Linear(1, 1), 0)
    ),
    "parameter_groups: expected a ResNet, got a model without bn1, layer3.": lambda: parameter_groups(
        without("bn1", "layer3"), 0.1
    ),
    "parameter_groups: expected a finite lr >= 0, got -0.1.": lambda: parameter_groups(chain(), -0.1),
    "parameter_groups: expected a finite lr >= 0, got nan.": lambda: parameter_groups(chain(), math.nan, 1.0, 0.1),
    "parameter_groups: expected a finite decay >= 0, got -2.0.": lambda: parameter_groups(chain(), 0.1, -2.0),
    "parameter_groups: expected a finite decay >= 0, got inf.": lambda: parameter_groups(chain(), 0.1, math.inf),
    "parameter_groups: expected a finite head_lr >= 0, got -1.": lambda: parameter_groups(chain(), 0.1, head_lr=-1),
    "train_step: expected at least one image, got an empty batch.": lambda: step(ONE_IMAGE[:0], CLASS_0[:0]),
    "train_step: expected shape (1,), got (2,).": lambda: step(ONE_IMAGE, torch.zeros(2, dtype=torch.int64)),
    "train_step: expected shape (1,), got ().": lambda: step(ONE_IMAGE, CLASS_0[0]),
    "train_step: expected shape (1,), got (1, 2).": lambda: step(ONE_IMAGE, torch.ones(1, 2)),
    "train_step: expected integer labels, got torch.float32.": lambda: step(ONE_IMAGE, torch.zeros(1)),
    "train_step: expected integer labels, got torch.complex64.": lambda: step(
        ONE_IMAGE, torch.zeros(1, dtype=torch.complex64)
    ),
    "train_step: expected labels in [0, 2), got 2.": lambda: step(ONE_IMAGE, CLASS_0 + 2),
    "train_step: expected labels in [0, 2), got -100.": lambda: step(ONE_IMAGE, CLASS_0 - 100),
    "train_step: expected trainable parameters, got none.": lambda: step(
        ONE_IMAGE, CLASS_0, freeze(replace_head(mini(0), 2))
    ),
}


@pytest.mark.parametrize("message", WRONG_CALLS)
def test_a_wrong_call_raises_a_value_error_that_names_both_sides(message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as caught:
        WRONG_CALLS[message]()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda model: replace_head(model, 0),
        lambda model: build_feature_extractor(model, 0),
        lambda model: freeze_stages(model, 6),
        lambda model: parameter_groups(model, -1.0),
        lambda model: step(ONE_IMAGE, CLASS_0[:0], model),
        lambda model: step(ONE_IMAGE, CLASS_0.double(), model),
    ],
)
def test_a_refused_call_leaves_the_model_as_it_was(wrong: Callable[[nn.Module], object]) -> None:
    model = mini(0).eval()
    head, before = model.fc, snapshot(model)
    with pytest.raises(ValueError, match="expected"):
        wrong(model)
    assert model.fc is head
    assert all(flags(model))
    assert changed(model, before) == set()
    assert not any(module.training for module in model.modules())
    assert all(module.training for module in model.train().modules())


def test_a_label_that_is_no_class_moves_no_parameter() -> None:
    model = freeze_stages(mini(0, 2), 2)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    x, _ = batch(0, size=32)
    with pytest.raises(ValueError, match=re.escape("labels in [0, 2), got 5")):
        step(x, torch.tensor([0, 5, 1, 7]), model)
    assert all(torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())
