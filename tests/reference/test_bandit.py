"""The bandit exercise against values a person can compute, other people's code, its properties, and its edges."""

import math
import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import special, stats  # type: ignore[import-untyped] # scipy publishes no type information
from sklearn.metrics import log_loss, mutual_info_score
from sklearn.metrics.cluster import contingency_matrix
from torch import Generator, Tensor, nn

from reference import bandit
from reference.bandit import (
    BanditNet,
    cross_entropy,
    empirical_distribution,
    encode_rewards,
    expected_reward,
    log_softmax,
    min_cross_entropy,
    one_hot,
    predict,
    softmax,
)

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.uint16, torch.int32, torch.int64]
SHAPES = [(1, 1), (1, 3), (7, 1), (4, 2), (6, 5), (3, 4, 5), (2, 3, 4, 2), (1, 2, 1, 1), (2, 3, 2, 2, 2)]

X = torch.tensor([0, 1, 1, 1, 0, 1, 0, 1, 0, 0])
Y = torch.tensor([1, 0, 0, 0, 1, 0, 0, 100, 0, 0])
LABELS = torch.tensor([1, 0, 0, 0, 1, 0, 0, 2, 0, 0])
REWARDS = (0, 1, 100)
INFIMUM = 0.5867070453  # nats

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 1.5, 0.0]], dtype=torch.float64)
TARGET = torch.tensor([0, 2])


def lecture_distribution() -> Tensor:
    return empirical_distribution(X, LABELS, 2, 3)


def normal(generator: Generator, *shape: int, scale: float = 3.0) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64) * scale


def integers(generator: Generator, high: int, *shape: int) -> Tensor:
    return torch.randint(0, high, shape, generator=generator)


def class_indices(generator: Generator, logits: Tensor) -> Tensor:
    return integers(generator, logits.shape[1], logits.shape[0], *logits.shape[2:])


def close(actual: Tensor, expected: object, tolerance: float = 1e-12) -> None:
    torch.testing.assert_close(
        actual, torch.as_tensor(expected, dtype=actual.dtype), rtol=tolerance, atol=tolerance, equal_nan=True
    )


# ---------------------------------------------------------------------------------------------- hand-computed values


def test_the_lecture_pulls_have_three_classes() -> None:
    labels = encode_rewards(Y)
    assert labels.tolist() == LABELS.tolist()
    assert labels.dtype == torch.int64


def test_class_order_is_the_order_of_the_reward_values() -> None:
    assert encode_rewards(torch.tensor([7, -1, 100, 7]), (100, 7, -1)).tolist() == [1, 2, 0, 1]


def test_empirical_distribution_of_the_lecture() -> None:
    assert lecture_distribution().tolist() == [[3 / 5, 2 / 5, 0], [4 / 5, 0, 1 / 5]]
    assert lecture_distribution().dtype == torch.float64


def test_rows_are_arms_and_columns_are_classes_even_if_some_never_occur() -> None:
    dist = empirical_distribution(torch.tensor([2, 2, 0]), torch.tensor([0, 3, 1]), num_arms=4, num_classes=5)
    close(dist[[0, 2]], [[0, 1, 0, 0, 0], [0.5, 0, 0, 0.5, 0]], 0.0)
    assert dist[[1, 3]].isnan().all()


def test_the_better_arm_is_the_one_with_the_higher_expected_reward() -> None:
    dist = lecture_distribution()
    reward = expected_reward(dist, REWARDS)
    assert reward.tolist() == pytest.approx([0.4, 20.0], abs=1e-15)
    assert int(reward.argmax()) == 1
    assert predict(dist).tolist() == [0, 0]  # the most likely class does not tell the arms apart


def test_the_variances_of_the_rewards_follow_from_the_distribution() -> None:
    dist = lecture_distribution()
    mean = expected_reward(dist, REWARDS)
    close(expected_reward(dist, [r * r for r in REWARDS]) - mean**2, [0.24, 1600])


def test_the_mean_class_index_does_not_tell_the_arms_apart() -> None:
    assert expected_reward(lecture_distribution(), (0, 1, 2)).tolist() == [0.4, 0.4]


def test_the_infimum_is_the_mean_of_the_entropies_of_the_arms() -> None:
    infimum = min_cross_entropy(X, LABELS, 2, 3)
    assert infimum == pytest.approx(INFIMUM, abs=6e-11)
    assert infimum == pytest.approx((0.6730116670 + 0.5004024235) / 2, abs=6e-11)
    assert infimum / math.log(2) == pytest.approx(0.8464393447, abs=6e-11)
    arms = [min_cross_entropy(X[a == X], LABELS[a == X], 2, 3) for a in (0, 1)]
    assert arms == pytest.approx([0.6730116670, 0.5004024235], abs=6e-11)


def test_the_infimum_of_unequal_arms_is_weighted_by_their_pulls() -> None:
    x, labels = torch.tensor([0, 0, 0, 0, 0, 0, 1]), torch.tensor([0, 1, 0, 1, 0, 1, 2])
    assert min_cross_entropy(x, labels, 2, 3) == pytest.approx(6 / 7 * math.log(2), abs=1e-15)


def test_not_looking_at_the_arm_costs_the_mutual_information() -> None:
    blind = min_cross_entropy(torch.zeros_like(X), LABELS, 1, 3)
    assert blind == pytest.approx(0.8018185525, abs=6e-11)
    assert blind - min_cross_entropy(X, LABELS, 2, 3) == pytest.approx(0.2151115073, abs=6e-11)


def test_the_infimum_is_approached_from_above_and_not_reached() -> None:
    dist = lecture_distribution()
    losses = []
    for gap in (5.0, 10.0, 20.0):
        logits = torch.where(dist > 0, dist.log(), -gap)  # (A, K) the two classes that never follow are made unlikely
        losses.append(cross_entropy(logits[X], LABELS).item())
    assert losses == pytest.approx([0.593422, 0.586752, 0.5867070473], abs=5e-7)
    assert losses[2] == pytest.approx(0.5867070473, abs=6e-11)
    assert losses[0] > losses[1] > losses[2] > min_cross_entropy(X, LABELS, 2, 3)


def test_a_uniform_prediction_costs_log_k() -> None:
    assert cross_entropy(torch.zeros(10, 3, dtype=torch.float64), LABELS).item() == pytest.approx(math.log(3))
    assert math.log(3) == pytest.approx(1.0986122887, abs=6e-11)


def test_softmax_and_loss_of_one_two_three() -> None:
    z = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64)
    close(softmax(z), [[0.0900306, 0.2447285, 0.6652410]], 6e-8)
    assert cross_entropy(z, torch.tensor([2])).item() == pytest.approx(0.4076059644, abs=6e-11)
    assert cross_entropy(z, torch.tensor([0])).item() == pytest.approx(2.4076059644, abs=6e-11)
    assert log_softmax(z)[0, 1].item() == pytest.approx(-1.4076059644, abs=6e-11)


def test_two_rows_of_logits_by_hand() -> None:
    probs = [[0.8437947, 0.1141952, 0.0420101], [0.2312239, 0.6285317, 0.1402444]]
    losses = [0.1698460196, 1.9643687841]
    close(softmax(LOGITS), probs, 6e-8)
    close(log_softmax(LOGITS).exp(), probs, 6e-8)
    close(cross_entropy(LOGITS, TARGET, reduction="none"), losses, 6e-11)
    close(cross_entropy(LOGITS, TARGET), 1.0671074018, 6e-11)
    close(cross_entropy(LOGITS, TARGET, reduction="sum"), 2.1342148037, 6e-11)
    close(cross_entropy(LOGITS, TARGET, torch.tensor([1.0, 2.0, 4.0])), 1.6054642312, 6e-11)
    assert predict(LOGITS).tolist() == [0, 1]
    assert predict(LOGITS, dim=0).tolist() == [0, 1, 1]


def test_the_gradient_of_two_rows_by_hand() -> None:
    logits = LOGITS.clone().requires_grad_()
    cross_entropy(logits, TARGET).backward()  # type: ignore[no-untyped-call] # torch does not annotate it
    assert logits.grad is not None
    close(logits.grad, [[-0.0781026, 0.0570976, 0.0210050], [0.1156119, 0.3142659, -0.4298778]], 6e-8)


def test_an_ignored_sample_is_left_out_of_both_sums() -> None:
    logits = torch.cat([LOGITS, LOGITS])  # (4, 3)
    for ignored, target in ((-100, [0, 2, -100, -100]), (1, [0, 2, 1, 1]), (255, [0, 255, 2, 255])):
        labels = torch.tensor(target)
        counted = labels != ignored
        plain = [[0.1698460196, 1.9643687841], [0.1698460196, 0.1698460196 + 3.0]][target[1] == 255]
        close(cross_entropy(logits, labels, None, ignored), sum(plain) / 2, 6e-10)
        close(cross_entropy(logits, labels, None, ignored, "sum"), sum(plain), 6e-10)
        each = cross_entropy(logits, labels, None, ignored, "none")
        close(each[counted], plain, 6e-10)
        assert (each[~counted] == 0).all()


def test_the_weighted_mean_is_divided_by_the_weights_of_the_targets() -> None:
    weight = torch.tensor([1.0, 2.0, 4.0])
    losses = [0.1698460196, 1.9643687841]
    close(cross_entropy(LOGITS, TARGET, weight, reduction="none"), [losses[0], 4 * losses[1]], 3e-10)
    close(cross_entropy(LOGITS, TARGET, weight, reduction="sum"), losses[0] + 4 * losses[1], 3e-10)
    close(cross_entropy(LOGITS, TARGET, weight), (losses[0] + 4 * losses[1]) / 5, 3e-10)
    close(cross_entropy(LOGITS, TARGET, weight, ignore_index=0), losses[1], 3e-10)


def test_the_network_on_the_lecture_pulls_comes_close_to_the_infimum() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = BanditNet(hidden=8).double()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    losses = []
    for _ in range(300):
        optimizer.zero_grad()
        loss = cross_entropy(net(X[:, None].double()), encode_rewards(Y))
        loss.backward()  # type: ignore[no-untyped-call] # torch does not annotate it
        optimizer.step()
        losses.append(loss.item())
    assert min(losses) >= INFIMUM - 1e-6
    assert losses[-1] < 0.60
    dist = softmax(net(torch.tensor([[0.0], [1.0]], dtype=torch.float64))).detach()
    close(dist, lecture_distribution(), 0.02)
    assert int(expected_reward(dist, REWARDS).argmax()) == 1


# -------------------------------------------------------------------------------------------------------- properties


@pytest.mark.parametrize("seed", range(20))
def test_probabilities_sum_to_one_along_every_dimension(seed: int) -> None:
    generator = Generator().manual_seed(seed)
    z = normal(generator, 3, 4, 2)
    for dim in range(-3, 3):
        probs = softmax(z, dim)
        close(probs.sum(dim=dim), torch.ones_like(probs.sum(dim=dim)))
        close(log_softmax(z, dim).exp(), probs)
        assert (probs > 0).all()
        assert torch.equal(predict(z, dim), predict(probs, dim))
    assert torch.equal(softmax(z), softmax(z, 2))
    assert torch.equal(log_softmax(z), log_softmax(z, 2))
    assert torch.equal(predict(z), predict(z, 1))


def test_adding_a_constant_to_the_logits_of_a_sample_changes_nothing() -> None:
    generator = Generator().manual_seed(1)
    z, target = normal(generator, 8, 5), integers(generator, 5, 8)
    shift = normal(generator, 8, 1, scale=1e3)
    close(softmax(z + shift), softmax(z), 1e-11)
    close(cross_entropy(z + shift, target), cross_entropy(z, target), 1e-11)
    assert torch.equal(predict(z + shift), predict(z))


def test_one_hot_targets_and_class_indices_have_the_same_loss() -> None:
    generator = Generator().manual_seed(2)
    for shape in SHAPES:
        logits = normal(generator, *shape)
        labels = class_indices(generator, logits)
        hot = one_hot(labels, shape[1]).movedim(-1, 1)  # (N, K, d1, ...)
        weight = torch.rand(shape[1], generator=generator) + 0.1
        for reduction in ("none", "sum", "mean"):
            close(cross_entropy(logits, hot, reduction=reduction), cross_entropy(logits, labels, reduction=reduction))
        for reduction in ("none", "sum"):
            close(
                cross_entropy(logits, hot, weight, reduction=reduction),
                cross_entropy(logits, labels, weight, reduction=reduction),
            )


def test_the_loss_of_a_distribution_is_its_entropy_plus_a_distance_that_is_never_negative() -> None:
    generator = Generator().manual_seed(3)
    for _ in range(50):
        logits, target = normal(generator, 6, 4), softmax(normal(generator, 6, 4))
        entropy = cross_entropy(target.log(), target)
        assert cross_entropy(logits, target) > entropy


def test_the_gradient_is_softmax_minus_one_hot_over_n() -> None:
    generator = Generator().manual_seed(4)
    logits, labels = normal(generator, 9, 4).requires_grad_(), integers(generator, 4, 9)
    (gradient,) = torch.autograd.grad(cross_entropy(logits, labels), logits)
    close(gradient, (softmax(logits) - one_hot(labels, 4)) / 9)
    close(gradient.sum(dim=1), torch.zeros(9), 1e-15)
    labels[3] = -100
    (gradient,) = torch.autograd.grad(cross_entropy(logits, labels), logits)
    assert (gradient[3] == 0).all()
    close(gradient[0], (softmax(logits)[0] - one_hot(labels[0], 4)) / 8)


def test_the_gradient_does_not_vanish_where_the_probability_does() -> None:
    logits = torch.tensor([[1e4, 0.0, -1e4]], requires_grad=True)
    (gradient,) = torch.autograd.grad(cross_entropy(logits, torch.tensor([1])), logits)
    assert gradient.tolist() == [[1.0, -1.0, 0.0]]


def test_gradients_are_the_differences_that_gradcheck_measures() -> None:
    generator = Generator().manual_seed(5)
    z, labels = normal(generator, 3, 4, 2).requires_grad_(), integers(generator, 4, 3, 2)
    labels[1, 1] = -100
    target = softmax(normal(generator, 3, 4, 2), 1).requires_grad_()
    weight = (torch.rand(4, generator=generator, dtype=torch.float64) + 0.1).requires_grad_()
    dist, x = target.detach()[:, :, 0].clone().requires_grad_(), normal(generator, 5, 1).requires_grad_()
    with torch.random.fork_rng(devices=[]):
        net = BanditNet(hidden=6).double()
    for dim in (-1, 0, 1):
        assert torch.autograd.gradcheck(lambda z, dim=dim: softmax(z, dim), (z,))
        assert torch.autograd.gradcheck(lambda z, dim=dim: log_softmax(z, dim), (z,))
    for reduction in ("none", "sum", "mean"):
        assert torch.autograd.gradcheck(lambda z, w, r=reduction: cross_entropy(z, labels, w, -100, r), (z, weight))
        assert torch.autograd.gradcheck(
            lambda z, y, w, r=reduction: cross_entropy(z, y, w, -100, r), (z, target, weight)
        )
    assert torch.autograd.gradgradcheck(lambda z: cross_entropy(z, labels), (z,))
    assert torch.autograd.gradcheck(lambda dist: expected_reward(dist, (0, 1, 100, -3)), (dist,))
    assert torch.autograd.gradcheck(net, (x,))


def test_expected_reward_is_linear_and_keeps_a_row_of_nan() -> None:
    generator = Generator().manual_seed(6)
    dist = softmax(normal(generator, 5, 3))
    values = normal(generator, 3).tolist()
    twice = [2 * value + 1 for value in values]
    close(expected_reward(dist, twice), 2 * expected_reward(dist, values) + 1)
    dist[2] = math.nan
    assert expected_reward(dist, values).isnan().tolist() == [False, False, True, False, False]


def test_encoding_and_decoding_are_inverse() -> None:
    generator = Generator().manual_seed(7)
    values = (-2.5, 0.1, 3.0, 100.0)
    labels = integers(generator, 4, 200)
    for dtype in FLOATS:
        assert torch.equal(encode_rewards(torch.tensor(values, dtype=dtype)[labels], values), labels)
    assert torch.equal(one_hot(labels, 4).argmax(dim=-1), labels)
    assert (one_hot(labels, 4).sum(dim=-1) == 1).all()


def test_shuffling_the_pulls_changes_neither_distribution_nor_infimum() -> None:
    generator = Generator().manual_seed(8)
    x, labels = integers(generator, 3, 100), integers(generator, 4, 100)
    order = torch.randperm(100, generator=generator)
    assert torch.equal(empirical_distribution(x, labels, 3, 4), empirical_distribution(x[order], labels[order], 3, 4))
    infimum = min_cross_entropy(x, labels, 3, 4)
    assert min_cross_entropy(x[order], labels[order], 3, 4) == pytest.approx(infimum, rel=1e-14)
    assert min_cross_entropy(x.repeat(3), labels.repeat(3), 3, 4) == pytest.approx(infimum, rel=1e-14)
    assert 0 < infimum < math.log(4)


def test_a_deterministic_bandit_has_infimum_zero() -> None:
    infimum = min_cross_entropy(torch.tensor([0, 1, 1, 0]), torch.tensor([2, 0, 0, 2]), 2, 3)
    assert infimum == 0.0
    assert math.copysign(1, infimum) == 1


# ----------------------------------------------------------------------------------------------------- the network


@pytest.mark.parametrize("hidden", [1, 2, 4, 33])
def test_the_network_has_two_linear_layers_and_nothing_else(hidden: int) -> None:
    net = BanditNet(hidden)
    assert {name: tuple(value.shape) for name, value in net.state_dict().items()} == {
        "fc1.weight": (hidden, 1),
        "fc1.bias": (hidden,),
        "fc2.weight": (3, hidden),
        "fc2.bias": (3,),
    }
    assert isinstance(net.fc1, nn.Linear)
    assert isinstance(net.fc2, nn.Linear)
    assert sum(parameter.numel() for parameter in net.parameters()) == 5 * hidden + 3
    assert all(parameter.requires_grad and parameter.dtype == torch.float32 for parameter in net.parameters())


def test_the_network_equals_a_sequence_of_the_three_layers() -> None:
    generator = Generator().manual_seed(9)
    net, sequence = BanditNet(7).double(), nn.Sequential(nn.Linear(1, 7), nn.ReLU(), nn.Linear(7, 3)).double()
    names = {"0": "fc1", "2": "fc2"}
    for _ in range(20):
        state = {name: normal(generator, *value.shape) for name, value in sequence.state_dict().items()}
        sequence.load_state_dict(state)
        net.load_state_dict({f"{names[name[0]]}{name[1:]}": value for name, value in state.items()}, strict=True)
        x = normal(generator, 11, 1)
        assert torch.equal(net(x), sequence(x))


def test_the_network_by_hand_returns_logits() -> None:
    net = BanditNet(2)
    net.load_state_dict(
        {
            "fc1.weight": torch.tensor([[1.0], [-1.0]]),
            "fc1.bias": torch.tensor([0.0, 0.5]),
            "fc2.weight": torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
            "fc2.bias": torch.tensor([10.0, 20.0, 30.0]),
        }
    )
    assert net(torch.tensor([[0.0], [1.0]])).tolist() == [[11.0, 22.0, 33.0], [11.0, 23.0, 35.0]]


def test_the_network_is_initialised_as_pytorch_does() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        net = BanditNet(5)
        torch.manual_seed(3)
        fc1, fc2 = nn.Linear(1, 5), nn.Linear(5, 3)
    state = net.state_dict()
    assert torch.equal(state["fc1.weight"], fc1.weight)
    assert torch.equal(state["fc1.bias"], fc1.bias)
    assert torch.equal(state["fc2.weight"], fc2.weight)
    assert torch.equal(state["fc2.bias"], fc2.bias)


def test_the_network_accepts_any_number_of_arms() -> None:
    net = BanditNet(4)
    x = torch.linspace(0, 1, 10)[:, None]
    assert net(x[:0]).shape == (0, 3)
    assert net(x[:1]).shape == (1, 3)
    torch.testing.assert_close(net(x.repeat(1, 2)[:, ::2]), net(x))
    torch.testing.assert_close(torch.cat([net(row[None]) for row in x]), net(x))


# ----------------------------------------------------------------------------------------------- other people's code


@pytest.mark.parametrize("shape", SHAPES)
def test_softmax_agrees_with_pytorch_and_scipy(shape: tuple[int, ...]) -> None:
    generator = Generator().manual_seed(10)
    for case in range(40):
        z = normal(generator, *shape, scale=10.0 ** (case % 5 - 1))
        for dim in range(-len(shape), len(shape)):
            close(softmax(z, dim), F.softmax(z, dim), 1e-14)
            close(log_softmax(z, dim), F.log_softmax(z, dim), 1e-14)
            assert torch.equal(predict(z, dim), z.argmax(dim))
        close(softmax(z, 1), special.softmax(z.numpy(), axis=1), 1e-12)
        close(log_softmax(z, 1), special.log_softmax(z.numpy(), axis=1), 1e-12)
        close(z - log_softmax(z, 1), (0 * z.numpy()) + special.logsumexp(z.numpy(), axis=1, keepdims=True), 1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_cross_entropy_of_class_indices_agrees_with_pytorch(shape: tuple[int, ...]) -> None:
    generator = Generator().manual_seed(11)
    num_classes = shape[1]
    for case in range(40):
        logits = normal(generator, *shape, scale=10.0 ** (case % 5 - 1)).requires_grad_()
        labels = class_indices(generator, logits)
        ignore_index = (-100, 0, num_classes - 1, 255)[case % 4]
        ignored = torch.rand(labels.shape, generator=generator) < 0.3
        labels = labels.where(~ignored, ignore_index)
        weight = torch.rand(num_classes, generator=generator, dtype=torch.float64) + 0.1 if case % 3 else None
        for reduction in ("none", "sum", "mean"):
            ours = cross_entropy(logits, labels, weight, ignore_index, reduction)
            theirs = F.cross_entropy(logits, labels, weight, ignore_index=ignore_index, reduction=reduction)
            close(ours.detach(), theirs.detach())
            if not ours.isnan().any():
                (gradient,) = torch.autograd.grad(ours.sum(), logits)
                close(gradient, torch.autograd.grad(theirs.sum(), logits)[0])


@pytest.mark.parametrize("shape", SHAPES)
def test_cross_entropy_of_probabilities_agrees_with_pytorch(shape: tuple[int, ...]) -> None:
    generator = Generator().manual_seed(12)
    for case in range(30):
        logits = normal(generator, *shape, scale=10.0 ** (case % 3)).requires_grad_()
        target = (softmax(normal(generator, *shape), 1) * (1 + case % 2)).requires_grad_()  # twice a distribution
        weight = torch.rand(shape[1], generator=generator, dtype=torch.float64) + 0.1 if case % 3 else None
        for reduction in ("none", "sum", "mean"):
            ours = cross_entropy(logits, target, weight, reduction=reduction)
            theirs = F.cross_entropy(logits, target, weight, reduction=reduction)
            close(ours.detach(), theirs.detach())
            gradients = torch.autograd.grad(ours.sum(), (logits, target))
            for gradient, other in zip(gradients, torch.autograd.grad(theirs.sum(), (logits, target)), strict=True):
                close(gradient, other)


@pytest.mark.parametrize("dtype", FLOATS)
def test_narrow_results_are_the_float64_results_rounded_once(dtype: torch.dtype) -> None:
    generator = Generator().manual_seed(13)
    for _ in range(50):
        logits, labels = normal(generator, 20, 6, scale=5.0).to(dtype), integers(generator, 6, 20)
        wide = logits.double()
        half_a_step = 0.51 * torch.finfo(dtype).eps if dtype != torch.float64 else 1e-14
        smallest = 3e-8 if dtype == torch.float16 else 1e-15  # half a step of float16 below its normal numbers
        for ours, exact in (
            (softmax(logits), F.softmax(wide, -1)),
            (log_softmax(logits), F.log_softmax(wide, -1)),
            (cross_entropy(logits, labels), F.cross_entropy(wide, labels)),
        ):
            torch.testing.assert_close(ours.double(), exact, rtol=half_a_step, atol=smallest)
        tolerance = {torch.float16: 1e-2, torch.bfloat16: 5e-2, torch.float32: 1e-5, torch.float64: 1e-12}[dtype]
        close(cross_entropy(logits, labels), F.cross_entropy(logits, labels), tolerance)


def test_cross_entropy_agrees_with_log_loss_of_probabilities() -> None:
    generator = Generator().manual_seed(14)
    for _ in range(100):
        logits, labels = normal(generator, 15, 3), integers(generator, 2, 15)  # the last class never occurs
        theirs = log_loss(labels.numpy(), softmax(logits).numpy(), labels=[0, 1, 2])
        assert cross_entropy(logits, labels).item() == pytest.approx(theirs, rel=1e-12)
    assert log_loss([0, 2], softmax(LOGITS).numpy(), labels=[0, 1, 2]) == pytest.approx(1.0671074018, abs=6e-11)


def test_distribution_and_infimum_agree_with_sklearn_and_scipy() -> None:
    generator = Generator().manual_seed(15)
    for case in range(200):
        num_arms, num_classes, n = 1 + case % 4, 1 + case % 5, 1 + 3 * (case % 17)
        x, labels = integers(generator, num_arms, n), integers(generator, num_classes, n)
        dist = empirical_distribution(x, labels, num_arms, num_classes)
        counts = contingency_matrix(x.numpy(), labels.numpy())  # only the arms and the classes that occur
        arms, classes = np.unique(x.numpy()), np.unique(labels.numpy())
        seen = dist[arms][:, classes]
        close(seen, counts / counts.sum(axis=1, keepdims=True), 1e-15)
        assert dist.nan_to_num().sum().item() == pytest.approx(len(arms))
        assert dist.isnan().all(dim=1).sum() == num_arms - len(arms)

        infimum = min_cross_entropy(x, labels, num_arms, num_classes)
        entropies = stats.entropy(counts, axis=1)  # of each arm, in nats
        assert infimum == pytest.approx(float(entropies @ counts.sum(axis=1)) / n, abs=1e-13)
        entropy = stats.entropy(counts.sum(axis=0))
        assert infimum == pytest.approx(entropy - mutual_info_score(x.numpy(), labels.numpy()), abs=1e-13)


def test_expected_reward_is_the_mean_of_the_rewards_that_were_seen() -> None:
    generator = Generator().manual_seed(16)
    for _ in range(100):
        x, labels = integers(generator, 3, 60), integers(generator, 4, 60)
        values = (normal(generator, 4) * 100).tolist()
        y = torch.tensor(values, dtype=torch.float64)[labels]
        assert torch.equal(encode_rewards(y, values), labels)
        means = [np.mean(y[x == a].numpy()) for a in range(3)]
        close(expected_reward(empirical_distribution(x, labels, 3, 4), values), means, 1e-10)


def test_encode_rewards_is_a_search_and_one_hot_is_an_identity_matrix() -> None:
    generator = Generator().manual_seed(17)
    for shape in ((), (0,), (5,), (2, 3), (2, 0, 3), (2, 3, 4)):
        labels = integers(generator, 6, *shape)
        assert torch.equal(one_hot(labels, 6), torch.eye(6)[labels])
        assert torch.equal(one_hot(labels, 6), F.one_hot(labels, 6).float())
    values = np.array([-3, 0, 7, 100])
    for _ in range(100):
        y = values[integers(generator, 4, 30).numpy()]
        assert encode_rewards(torch.from_numpy(y), values.tolist()).tolist() == np.searchsorted(values, y).tolist()


def test_difference_pytorch_divides_the_weighted_mean_of_one_hot_targets_by_n_and_so_do_we() -> None:
    weight = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    hot = one_hot(TARGET, 3).double()
    for function in (cross_entropy, F.cross_entropy):
        close(function(LOGITS, hot, weight), 4.01366058, 6e-9)
        close(function(LOGITS, TARGET, weight), 1.6054642312, 6e-11)


def test_difference_pytorch_refuses_to_ignore_a_class_of_probabilities() -> None:
    hot = one_hot(TARGET, 3).double()
    with pytest.raises(RuntimeError, match="ignore_index is not supported for floating point target"):
        F.cross_entropy(LOGITS, hot, ignore_index=0)
    assert torch.equal(cross_entropy(LOGITS, hot, ignore_index=0), cross_entropy(LOGITS, hot))


def test_difference_log_loss_clips_probabilities() -> None:
    logits = torch.tensor([[1e3, 0.0, -1e3]], dtype=torch.float64)
    assert cross_entropy(logits, torch.tensor([1])).item() == 1000.0
    assert log_loss([1], softmax(logits).numpy(), labels=[0, 1, 2]) < 40


def test_difference_pytorch_counts_one_hot_vectors_in_integers_and_infers_the_number_of_classes() -> None:
    labels = torch.tensor([0, 1])
    assert F.one_hot(labels).shape == (2, 2)
    assert F.one_hot(labels, 3).dtype == torch.int64
    assert one_hot(labels, 3).dtype == torch.float32


# ------------------------------------------------------------------------------------------------------------- edges


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", [1e3, 1e4, 6e4])
def test_large_logits_have_finite_losses(dtype: torch.dtype, size: float) -> None:
    logits = torch.tensor([[size, 0.0, -size]]).to(dtype)
    size = logits[0, 0].item()  # bfloat16 has no 1000
    assert cross_entropy(logits, torch.tensor([1])).item() == size
    assert cross_entropy(logits, torch.tensor([0])).item() == 0.0
    assert cross_entropy(logits, one_hot(torch.tensor([1]), 3)).item() == size
    assert softmax(logits).tolist() == [[1.0, 0.0, 0.0]]
    assert log_softmax(logits)[0, 1].item() == -size
    assert predict(logits).item() == 0


def test_small_differences_of_large_logits_are_not_lost() -> None:
    logits = torch.tensor([[1e4, 1e4 - 1, 0.0]])
    assert cross_entropy(logits, torch.tensor([1])).item() == pytest.approx(1.3132617, abs=1e-7)
    assert log_softmax(logits)[0].tolist() == pytest.approx([-0.3132617, -1.3132617, -10000.3132617], rel=1e-7)
    assert cross_entropy(torch.full((1, 2), 1e8), torch.tensor([0])).item() == pytest.approx(0.693147, abs=1e-6)


def test_float16_losses_are_infinite_only_where_float16_ends() -> None:
    logits = torch.tensor([[6e4, 0.0, -6e4]]).half().repeat(4, 1)
    assert cross_entropy(logits, torch.full((4,), 2), reduction="none").isinf().all()  # 120000
    assert cross_entropy(logits, torch.full((4,), 1), reduction="sum").isinf()  # 240000
    assert cross_entropy(logits, torch.full((4,), 1)).item() == 6e4
    assert cross_entropy(logits, torch.tensor([2, 0, 0, 0])).item() == 3e4
    assert cross_entropy(logits.double(), torch.full((4,), 2)).item() == pytest.approx(1.2e5, rel=1e-3)


def test_float16_counts_more_samples_than_it_can_hold() -> None:
    logits = torch.zeros(1, 2, 300, 300, dtype=torch.float16)  # 90000 pixels
    target = torch.zeros(1, 300, 300, dtype=torch.uint8)
    assert cross_entropy(logits, target).item() == pytest.approx(math.log(2), abs=3e-4)
    assert cross_entropy(logits, torch.full_like(logits, 0.5)).item() == pytest.approx(math.log(2), abs=3e-4)


def test_one_class_costs_nothing() -> None:
    logits = torch.tensor([[5.0], [-7.0]])
    assert cross_entropy(logits, torch.tensor([0, 0])).item() == 0.0
    assert cross_entropy(logits, torch.ones(2, 1), reduction="none").tolist() == [0.0, 0.0]
    assert softmax(logits).tolist() == [[1.0], [1.0]]
    assert log_softmax(logits).tolist() == [[0.0], [0.0]]
    assert predict(logits).tolist() == [0, 0]
    assert one_hot(torch.tensor([0, 0]), 1).tolist() == [[1.0], [1.0]]


def test_one_sample_and_one_dimension() -> None:
    close(cross_entropy(LOGITS[:1], TARGET[:1]), 0.1698460196, 6e-11)
    close(cross_entropy(LOGITS[1:], TARGET[1:]), 1.9643687841, 6e-11)
    close(softmax(LOGITS[0]), softmax(LOGITS)[0], 0.0)
    close(log_softmax(LOGITS[0], dim=0), log_softmax(LOGITS)[0], 0.0)
    assert predict(LOGITS[0], dim=0).item() == 0


@pytest.mark.parametrize("dtype", FLOATS)
def test_an_empty_batch_has_sum_zero_and_mean_nan(dtype: torch.dtype) -> None:
    for shape in ((0, 3), (0, 3, 4), (2, 3, 0)):
        logits = torch.zeros(shape, dtype=dtype)
        pixels = (shape[0], *shape[2:])
        for target in (torch.zeros(pixels, dtype=torch.int64), torch.zeros(shape)):
            assert cross_entropy(logits, target).isnan()
            assert cross_entropy(logits, target, reduction="sum").item() == 0.0
            assert cross_entropy(logits, target, reduction="none").shape == pixels
        assert softmax(logits, 1).shape == log_softmax(logits, 1).shape == shape
        assert predict(logits).shape == pixels


def test_ignoring_everything_has_sum_zero_and_mean_nan() -> None:
    target = torch.full((2,), -100)
    assert cross_entropy(LOGITS, target).isnan()
    assert cross_entropy(LOGITS, target, reduction="sum").item() == 0.0
    assert cross_entropy(LOGITS, target, reduction="none").tolist() == [0.0, 0.0]
    assert cross_entropy(LOGITS, TARGET, torch.tensor([0.0, 1.0, 0.0])).isnan()


def test_no_pulls_have_no_distribution_and_no_infimum() -> None:
    nothing = torch.zeros(0, dtype=torch.int64)
    assert encode_rewards(nothing).shape == (0,)
    assert encode_rewards(nothing).dtype == torch.int64
    assert encode_rewards(nothing, ()).shape == (0,)
    assert one_hot(nothing, 3).shape == (0, 3)
    dist = empirical_distribution(nothing, nothing, 2, 3)
    assert dist.shape == (2, 3)
    assert dist.isnan().all()
    assert math.isnan(min_cross_entropy(nothing, nothing, 2, 3))
    assert expected_reward(torch.zeros(0, 3), REWARDS).shape == (0,)


def test_the_infimum_is_not_spoilt_by_arms_and_classes_that_never_occur() -> None:
    assert min_cross_entropy(X, LABELS, 7, 9) == min_cross_entropy(X, LABELS, 2, 3)
    assert min_cross_entropy(X + 3, LABELS + 4, 7, 9) == min_cross_entropy(X, LABELS, 2, 3)


def test_the_lower_class_wins_a_tie() -> None:
    assert predict(torch.zeros(4, 1000)).tolist() == [0] * 4
    assert predict(torch.tensor([[1.0, 3.0, 3.0], [3.0, 1.0, 3.0], [2.0, 2.0, 2.0]])).tolist() == [1, 0, 0]
    assert predict(torch.tensor([[[1.0, 3.0], [1.0, 3.0]]])).tolist() == [[0, 0]]
    assert encode_rewards(torch.tensor([5]), (0, 5, 5)).tolist() == [1]


@pytest.mark.parametrize("dtype", INTEGERS)
def test_every_integer_dtype_is_accepted(dtype: torch.dtype) -> None:
    x, y, labels = X.to(dtype), Y.to(dtype), LABELS.to(dtype)
    assert encode_rewards(y).tolist() == LABELS.tolist()
    assert torch.equal(one_hot(labels, 3), one_hot(LABELS, 3))
    assert torch.equal(empirical_distribution(x, labels, 2, 3), lecture_distribution())
    assert min_cross_entropy(x, labels, 2, 3) == min_cross_entropy(X, LABELS, 2, 3)
    logits = normal(Generator().manual_seed(18), 10, 3)
    assert torch.equal(cross_entropy(logits, labels), cross_entropy(logits, LABELS))
    expected = cross_entropy(logits, LABELS, ignore_index=0)
    assert torch.equal(cross_entropy(logits, labels, ignore_index=0), expected)


def test_booleans_are_the_integers_zero_and_one() -> None:
    x = X.bool()
    assert torch.equal(encode_rewards(x), X)
    assert torch.equal(one_hot(x, 2), one_hot(X, 2))
    assert torch.equal(empirical_distribution(x, x, 2, 2), torch.eye(2, dtype=torch.float64))
    assert min_cross_entropy(x, x, 2, 2) == 0.0
    logits = normal(Generator().manual_seed(19), 10, 2)
    assert torch.equal(cross_entropy(logits, x), cross_entropy(logits, X))


def test_the_product_of_arms_and_classes_may_leave_a_narrow_dtype() -> None:
    x, labels = torch.tensor([99, 99], dtype=torch.uint8), torch.tensor([1, 99], dtype=torch.int8)
    dist = empirical_distribution(x, labels, 100, 100)
    assert (dist[99, 1].item(), dist[99, 99].item()) == (0.5, 0.5)


def test_an_ignore_index_outside_the_dtype_does_not_wrap_around() -> None:
    logits = normal(Generator().manual_seed(20), 2, 200)
    target = torch.tensor([156, 3])  # -100 is 156 in uint8
    assert torch.equal(cross_entropy(logits, target.to(torch.uint8)), cross_entropy(logits, target))


def test_rewards_may_be_floats_and_are_compared_in_their_own_dtype() -> None:
    for dtype in FLOATS:
        assert encode_rewards(torch.tensor([0.1, 100.0, 0.3], dtype=dtype), (0.3, 0.1, 100)).tolist() == [1, 2, 0]
    assert encode_rewards(Y.float()).tolist() == LABELS.tolist()
    with pytest.raises(ValueError, match="encode_rewards: expected rewards from"):
        encode_rewards(torch.tensor([0]), (0.5, 1.0))  # 0.5 is not truncated to an integer


def test_expected_reward_keeps_the_dtype_of_the_distribution() -> None:
    for dtype in FLOATS:
        assert expected_reward(lecture_distribution().to(dtype), REWARDS).dtype == dtype
    integers_in = torch.tensor([[0, 0, 1], [1, 0, 0]])
    assert expected_reward(integers_in, (0.5, 1, 100)).tolist() == [100.0, 0.5]
    assert expected_reward(integers_in, REWARDS).dtype == torch.float32


@pytest.mark.parametrize("dtype", FLOATS)
def test_results_have_the_dtype_of_the_logits(dtype: torch.dtype) -> None:
    logits = LOGITS.to(dtype)
    assert softmax(logits).dtype == log_softmax(logits).dtype == dtype
    for target in (TARGET, one_hot(TARGET, 3), one_hot(TARGET, 3).double()):
        for reduction in ("none", "sum", "mean"):
            for weight in (None, torch.ones(3), torch.ones(3, dtype=torch.float64), torch.ones(3, dtype=torch.int64)):
                assert cross_entropy(logits, target, weight, reduction=reduction).dtype == dtype
    assert predict(logits).dtype == torch.int64


def test_non_contiguous_inputs_give_the_same_values() -> None:
    generator = Generator().manual_seed(21)
    z = normal(generator, 4, 6, 5, 3)
    labels = integers(generator, 6, 4, 5, 3)
    turned = z.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    last = z.contiguous(memory_format=torch.channels_last)
    strided = labels.repeat_interleave(2, dim=0)[::2]
    weight = torch.rand(12, generator=generator, dtype=torch.float64)
    assert not any(value.is_contiguous() for value in (turned, last, strided, weight[::2]))
    for other in (turned, last):
        close(softmax(other, 1), softmax(z, 1), 1e-15)
        close(log_softmax(other, 1), log_softmax(z, 1), 1e-15)
        assert torch.equal(predict(other), predict(z))
        for target in (labels, softmax(z, 1)):
            turned_target = strided if target is labels else target.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
            for reduction in ("none", "sum", "mean"):
                ours = cross_entropy(other, turned_target, weight[::2], reduction=reduction)
                close(ours, cross_entropy(z, target, weight[::2].contiguous(), reduction=reduction), 1e-14)
    x, y, classes = (value.repeat_interleave(3)[::3] for value in (X, Y, LABELS))
    assert torch.equal(encode_rewards(y), LABELS)
    assert torch.equal(one_hot(labels.mT, 6), one_hot(labels, 6).transpose(1, 2))
    assert torch.equal(empirical_distribution(x, classes, 2, 3), lecture_distribution())
    assert min_cross_entropy(x, classes, 2, 3) == min_cross_entropy(X, LABELS, 2, 3)
    close(expected_reward(lecture_distribution().T.contiguous().T, REWARDS), [0.4, 20.0])


def test_inputs_the_random_state_and_the_defaults_are_left_alone() -> None:
    net = BanditNet(3)
    z, dist = LOGITS.clone(), lecture_distribution()
    x, weight, target = torch.zeros(2, 1), torch.tensor([1.0, 2.0, 4.0]), one_hot(TARGET, 3)
    ignoring = torch.tensor([0, -100])
    inputs = [X, Y, LABELS, z, dist, x, weight, target, TARGET, ignoring, *net.parameters()]
    copies, versions = [value.clone() for value in inputs], [value._version for value in inputs]
    state = torch.get_rng_state()
    encode_rewards(Y)
    one_hot(LABELS, 3)
    empirical_distribution(X, LABELS, 2, 3)
    expected_reward(dist, REWARDS)
    min_cross_entropy(X, LABELS, 2, 3)
    softmax(z)
    log_softmax(z)
    predict(z)
    net(x)
    for reduction in ("none", "sum", "mean"):
        for labels in (TARGET, ignoring, target):
            cross_entropy(z, labels, weight, reduction=reduction)
    assert all(map(torch.equal, inputs, copies))
    assert [value._version for value in inputs] == versions
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()


def test_a_result_never_shares_memory_with_its_input() -> None:
    z = LOGITS.clone()
    labels = LABELS.clone()
    for result in (
        softmax(z),
        log_softmax(z),
        cross_entropy(z, TARGET, reduction="none"),
        encode_rewards(labels, (0, 1, 2)),
    ):
        result.fill_(-7)
    assert torch.equal(z, LOGITS)
    assert torch.equal(labels, LABELS)


@pytest.mark.parametrize("device", DEVICES)
def test_results_live_on_the_device_of_the_inputs(device: str) -> None:
    x, y, logits, target = X.to(device), Y.to(device), LOGITS.to(device), TARGET.to(device)
    labels = encode_rewards(y)
    dist = empirical_distribution(x, labels, 2, 3)
    results = [labels, one_hot(labels, 3), dist, expected_reward(dist, REWARDS), softmax(logits), log_softmax(logits)]
    results += [cross_entropy(logits, target), cross_entropy(logits, one_hot(target, 3)), predict(logits)]
    results += [BanditNet(3).to(device)(x[:, None].float())]
    assert all(result.device.type == device for result in results)
    assert min_cross_entropy(x, labels, 2, 3) == pytest.approx(INFIMUM, abs=6e-11)


def test_functions_of_numbers_make_no_tensor_of_their_own_on_another_device() -> None:
    z = torch.zeros(2, 3, device="meta")
    for result in (softmax(z), log_softmax(z), predict(z), expected_reward(z, REWARDS), cross_entropy(z, z, z[0])):
        assert result.device.type == "meta"


# ------------------------------------------------------------------------------------------------------------ errors

FLOAT_LABELS = torch.tensor([0.0, 1.0])

WRONG_CALLS: dict[str, Callable[[], object]] = {
    "encode_rewards: expected rewards from (0, 1, 100), got 5.": lambda: encode_rewards(torch.tensor([0, 5, 1, 6])),
    "encode_rewards: expected rewards from (0, 1, 100), got nan.": lambda: encode_rewards(torch.tensor([math.nan])),
    "encode_rewards: expected rewards from (), got 0.": lambda: encode_rewards(torch.tensor([0]), ()),
    "encode_rewards: expected shape (10,), got (10, 1). y": lambda: encode_rewards(Y[:, None]),
    "encode_rewards: expected shape (1,), got (). y": lambda: encode_rewards(Y[0]),
    "one_hot: expected labels in [0, 3), got 100.": lambda: one_hot(Y, 3),
    "one_hot: expected labels in [0, 3), got 3.": lambda: one_hot(torch.tensor([[0, 3]]), 3),
    "one_hot: expected labels in [0, 3), got -1.": lambda: one_hot(torch.tensor([2, -1]), 3),
    "one_hot: expected integers in labels, got torch.float32.": lambda: one_hot(FLOAT_LABELS, 3),
    "one_hot: expected at least 1 possible value of labels, got 0.": lambda: one_hot(LABELS, 0),
    "empirical_distribution: expected shape (10,), got (10, 1). x": lambda: empirical_distribution(
        X[:, None], LABELS, 2, 3
    ),
    "empirical_distribution: expected shape (10,), got (9,). labels": lambda: empirical_distribution(
        X, LABELS[1:], 2, 3
    ),
    "empirical_distribution: expected x in [0, 2), got 2.": lambda: empirical_distribution(X * 2, LABELS, 2, 3),
    "empirical_distribution: expected x in [0, 2), got -1.": lambda: empirical_distribution(-X, LABELS, 2, 3),
    "empirical_distribution: expected labels in [0, 3), got 100.": lambda: empirical_distribution(X, Y, 2, 3),
    "empirical_distribution: expected labels in [0, 3), got -1.": lambda: empirical_distribution(X, LABELS - 1, 2, 3),
    "empirical_distribution: expected integers in x, got torch.float32.": lambda: empirical_distribution(
        X.float(), LABELS, 2, 3
    ),
    "empirical_distribution: expected at least 1 possible value of x, got 0.": lambda: empirical_distribution(
        X, LABELS, 0, 3
    ),
    "min_cross_entropy: expected shape (10,), got (9,). labels": lambda: min_cross_entropy(X, LABELS[1:], 2, 3),
    "min_cross_entropy: expected x in [0, 1), got 1.": lambda: min_cross_entropy(X, LABELS, 1, 3),
    "min_cross_entropy: expected labels in [0, 2), got 2.": lambda: min_cross_entropy(X, LABELS, 2, 2),
    "min_cross_entropy: expected integers in labels, got torch.float64.": lambda: min_cross_entropy(
        X, LABELS.double(), 2, 3
    ),
    "min_cross_entropy: expected at least 1 possible value of labels, got -1.": lambda: min_cross_entropy(
        X, LABELS, 2, -1
    ),
    "expected_reward: expected shape (A, K), got (3,).": lambda: expected_reward(torch.ones(3), REWARDS),
    "expected_reward: expected 2 reward values, got 3.": lambda: expected_reward(torch.ones(3, 2), REWARDS),
    "softmax: expected a floating dtype for z, got torch.int64.": lambda: softmax(LABELS),
    "softmax: expected at least one class in dim 2, got shape (2, 3).": lambda: softmax(LOGITS, 2),
    "softmax: expected at least one class in dim -3, got shape (2, 3).": lambda: softmax(LOGITS, -3),
    "softmax: expected at least one class in dim -1, got shape (2, 0).": lambda: softmax(torch.zeros(2, 0)),
    "softmax: expected at least one class in dim -1, got shape ().": lambda: softmax(torch.tensor(1.0)),
    "log_softmax: expected a floating dtype for z, got torch.bool.": lambda: log_softmax(LABELS.bool()),
    "log_softmax: expected at least one class in dim 0, got shape (0, 3).": lambda: log_softmax(torch.zeros(0, 3), 0),
    "predict: expected at least one class in dim 1, got shape (3,).": lambda: predict(torch.zeros(3)),
    "predict: expected at least one class in dim 1, got shape (2, 0).": lambda: predict(torch.zeros(2, 0)),
    "cross_entropy: expected a reduction of none, sum, mean, got 'average'.": lambda: cross_entropy(
        LOGITS, TARGET, reduction="average"
    ),
    "cross_entropy: expected shape (N, K, ...) with K >= 1, got (3,).": lambda: cross_entropy(LOGITS[0], TARGET[0]),
    "cross_entropy: expected shape (N, K, ...) with K >= 1, got (2, 0).": lambda: cross_entropy(LOGITS[:, :0], TARGET),
    "cross_entropy: expected a floating dtype for logits, got torch.int64.": lambda: cross_entropy(
        LOGITS.long(), TARGET
    ),
    "cross_entropy: expected shape (2,), got (1,). An integer": lambda: cross_entropy(LOGITS, TARGET[:1]),
    "cross_entropy: expected shape (2,), got (2, 1). An integer": lambda: cross_entropy(LOGITS, TARGET[:, None]),
    "cross_entropy: expected shape (2,), got (2, 3). An integer": lambda: cross_entropy(LOGITS, LOGITS.long()),
    "cross_entropy: expected shape (2, 4), got (2, 3). An integer": lambda: cross_entropy(
        torch.zeros(2, 3, 4), torch.zeros(2, 3, dtype=torch.int64)
    ),
    "cross_entropy: expected shape (2, 3), got (2,). A float": lambda: cross_entropy(LOGITS, FLOAT_LABELS),
    "cross_entropy: expected shape (2, 3), got (3, 2). A float": lambda: cross_entropy(LOGITS, LOGITS.T),
    "cross_entropy: expected shape (3,), got (2,). weight": lambda: cross_entropy(LOGITS, TARGET, torch.ones(2)),
    "cross_entropy: expected shape (3,), got (). weight": lambda: cross_entropy(LOGITS, TARGET, torch.tensor(1.0)),
    "cross_entropy: expected target in [0, 3), got 100.": lambda: cross_entropy(LOGITS, torch.tensor([0, 100])),
    "cross_entropy: expected target in [0, 3), got 3.": lambda: cross_entropy(LOGITS, torch.tensor([3, 0])),
    "cross_entropy: expected target in [0, 3), got -1.": lambda: cross_entropy(LOGITS, torch.tensor([0, -1])),
    "cross_entropy: expected target in [0, 3), got -100.": lambda: cross_entropy(
        LOGITS, torch.tensor([0, -100]), ignore_index=255
    ),
    "BanditNet: expected hidden >= 1, got 0.": lambda: BanditNet(0),
    "BanditNet: expected shape (N, 1), got (10,).": lambda: BanditNet(2)(X.float()),
    "BanditNet: expected shape (N, 1), got (5, 2).": lambda: BanditNet(2)(X.float().reshape(5, 2)),
    "BanditNet: expected shape (N, 1), got (1, 5, 1).": lambda: BanditNet(2)(torch.zeros(1, 5, 1)),
}


@pytest.mark.parametrize("message", WRONG_CALLS)
def test_a_wrong_call_raises_a_value_error_that_names_both_sides(message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as caught:
        WRONG_CALLS[message]()
    assert "\n" not in str(caught.value)


def test_the_module_offers_the_functions_of_the_exercise_and_nothing_more() -> None:
    own: Sequence[str] = [
        name for name, value in vars(bandit).items() if getattr(value, "__module__", "") == bandit.__name__
    ]
    assert [name for name in own if not name.startswith("_")] == [
        "encode_rewards",
        "one_hot",
        "empirical_distribution",
        "expected_reward",
        "min_cross_entropy",
        "softmax",
        "log_softmax",
        "cross_entropy",
        "predict",
        "BanditNet",
    ]
