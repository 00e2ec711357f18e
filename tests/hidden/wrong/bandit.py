"""The classic mistakes about softmax, cross-entropy and argmax, each with the signature of the student's function.

Written for one purpose: when a check fails, these run on the same inputs, and the one whose output equals the student's
is named in the report. They are wrong by design.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from reference import bandit as reference

Loss = Callable[..., Tensor]

NET_STATE = {
    "fc1.weight": torch.tensor([[1.5], [-0.75], [0.5], [-1.25]], dtype=torch.float64),
    "fc1.bias": torch.tensor([-0.5, 0.25, 0.75, -0.125], dtype=torch.float64),
    "fc2.weight": torch.tensor(
        [[0.5, -1.0, 0.25, 1.5], [-0.75, 0.5, 1.0, -0.25], [1.25, 0.75, -0.5, 2.0]], dtype=torch.float64
    ),
    "fc2.bias": torch.tensor([0.125, -0.5, 0.375], dtype=torch.float64),
}
"""The weights that the checks load into the student's ``BanditNet``: a mistake has to know them, too."""


# ---------------------------------------------------------------------------------------------- rewards and classes


def rewards_as_classes(y: Tensor, reward_values: Sequence[float] = (0, 1, 100)) -> Tensor:
    """The reward itself is taken for the class: 100 is a class index."""
    return y.to(torch.int64)


def classes_from_one(y: Tensor, reward_values: Sequence[float] = (0, 1, 100)) -> Tensor:
    """Classes are counted from 1 to K."""
    return reference.encode_rewards(y, reward_values) + 1


def classes_in_sorted_order(y: Tensor, reward_values: Sequence[float] = (0, 1, 100)) -> Tensor:
    """Classes are numbered by the size of the reward, whatever the order of ``reward_values`` is."""
    return reference.encode_rewards(y, sorted(reward_values))


def classes_by_truth(y: Tensor, reward_values: Sequence[float] = (0, 1, 100)) -> Tensor:
    """Only reward or no reward is told apart: two classes."""
    return (y != reward_values[0]).to(torch.int64)


def one_hot_from_one(labels: Tensor, num_classes: int) -> Tensor:
    """Labels are taken to begin with 1, so that every 1 sits one place too far left (and class 0 wraps around)."""
    return reference.one_hot((labels.long() - 1) % num_classes, num_classes)


def one_hot_infers_classes(labels: Tensor, num_classes: int) -> Tensor:
    """The number of classes is inferred from the batch."""
    return reference.one_hot(labels, int(labels.max()) + 1)


def one_hot_transposed(labels: Tensor, num_classes: int) -> Tensor:
    """The classes are in the first dimension."""
    return reference.one_hot(labels, num_classes).movedim(-1, 0)


def one_hot_inverted(labels: Tensor, num_classes: int) -> Tensor:
    """0 for the class, 1 for all others (one-cold)."""
    return 1.0 - reference.one_hot(labels, num_classes)


# ---------------------------------------------------------------------------------------------- what was counted


def distribution_is_counts(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> Tensor:
    """The pulls are counted, but not divided."""
    return _counts(x, labels, num_arms, num_classes)


def distribution_is_joint(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> Tensor:
    """All pulls are the denominator, not those of the arm: P(arm and class)."""
    return _counts(x, labels, num_arms, num_classes) / x.numel()


def distribution_of_arms(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> Tensor:
    """The columns sum to 1: P(arm | class)."""
    counts = _counts(x, labels, num_arms, num_classes)
    return counts / counts.sum(0, keepdim=True)


def distribution_transposed(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> Tensor:
    """Rows and columns are swapped."""
    return reference.empirical_distribution(x, labels, num_arms, num_classes).t()


def distribution_smoothed(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> Tensor:
    """One pull more of every class is counted (Laplace)."""
    counts = _counts(x, labels, num_arms, num_classes) + 1
    return counts / counts.sum(1, keepdim=True)


def distribution_ignores_arms(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> Tensor:
    """Every row is the distribution over all pulls."""
    counts = _counts(x, labels, num_arms, num_classes).sum(0)
    return (counts / counts.sum()).expand(num_arms, num_classes)


def distribution_softmaxed(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> Tensor:
    """The softmax of the counts."""
    return _counts(x, labels, num_arms, num_classes).softmax(1)


def distribution_unpulled_is_zero(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> Tensor:
    """An arm that was never pulled has a row of zeros."""
    return reference.empirical_distribution(x, labels, num_arms, num_classes).nan_to_num(0.0)


def distribution_unpulled_is_uniform(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> Tensor:
    """An arm that was never pulled has equal probabilities."""
    return reference.empirical_distribution(x, labels, num_arms, num_classes).nan_to_num(1.0 / num_classes)


def distribution_infers_shape(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> Tensor:
    """The table ends with the last arm and the last class that occur."""
    return reference.empirical_distribution(x, labels, int(x.max()) + 1, int(labels.max()) + 1)


def reward_of_likeliest_class(dist: Tensor, reward_values: Sequence[float]) -> Tensor:
    """The reward of the most likely class (argmax) is taken for the mean."""
    return _values(dist, reward_values)[dist.argmax(1)]


def reward_is_class_index(dist: Tensor, reward_values: Sequence[float]) -> Tensor:
    """The mean of the class index (what a regression on the index learns)."""
    return (dist.double() * torch.arange(dist.shape[1])).sum(1)


def reward_averaged_over_classes(dist: Tensor, reward_values: Sequence[float]) -> Tensor:
    """The products are averaged over the classes, not summed."""
    return (dist.double() * _values(dist, reward_values)).mean(1)


def reward_unweighted(dist: Tensor, reward_values: Sequence[float]) -> Tensor:
    """The plain mean of the reward values, the same for each arm."""
    return _values(dist, reward_values).mean().expand(len(dist))


def reward_summed_over_arms(dist: Tensor, reward_values: Sequence[float]) -> Tensor:
    """The sum runs over the arms."""
    return (dist.double() * _values(dist, reward_values)).sum(0)


def reward_not_summed(dist: Tensor, reward_values: Sequence[float]) -> Tensor:
    """The products are not summed."""
    return dist.double() * _values(dist, reward_values)


def reward_of_normalised_rows(dist: Tensor, reward_values: Sequence[float]) -> Tensor:
    """The rows are divided by their sum first."""
    return reference.expected_reward(dist.double() / dist.double().sum(1, keepdim=True), reward_values)


def reward_nan_is_zero(dist: Tensor, reward_values: Sequence[float]) -> Tensor:
    """NaN is replaced by 0."""
    return reference.expected_reward(dist.double().nan_to_num(0.0), reward_values)


def entropy_in_bits(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> float:
    """The logarithm has base 2."""
    return reference.min_cross_entropy(x, labels, num_arms, num_classes) / math.log(2)


def entropy_base_ten(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> float:
    """The logarithm has base 10."""
    return reference.min_cross_entropy(x, labels, num_arms, num_classes) / math.log(10)


def entropy_without_arm(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> float:
    """The arm is not looked at: the entropy of the class over all pulls."""
    return reference.min_cross_entropy(torch.zeros_like(x), labels, 1, num_classes)


def entropy_negative(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> float:
    """The minus is missing."""
    return -reference.min_cross_entropy(x, labels, num_arms, num_classes)


def entropy_of_arms_averaged(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> float:
    """Every arm has the same share, however often it was pulled."""
    return float(_entropies(x, labels, num_arms, num_classes).nanmean())


def entropy_of_arms_summed(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> float:
    """The entropies of the arms are added, without their shares."""
    return float(_entropies(x, labels, num_arms, num_classes).nansum())


def entropy_summed_over_pulls(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> float:
    """The sum over the pulls is not divided by their number."""
    return reference.min_cross_entropy(x, labels, num_arms, num_classes) * x.numel()


def entropy_averaged_over_classes(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> float:
    """The sum over the classes is divided by K."""
    return reference.min_cross_entropy(x, labels, num_arms, num_classes) / num_classes


def entropy_of_joint(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> float:
    """The entropy of arm and class together."""
    return reference.min_cross_entropy(
        torch.zeros_like(x), x.long() * num_classes + labels.long(), 1, num_arms * num_classes
    )


def entropy_zero_log_zero(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> float:
    """0 log 0 is left to be NaN."""
    p = reference.empirical_distribution(x, labels, num_arms, num_classes)
    share = torch.bincount(x.long(), minlength=num_arms).double() / x.numel()
    return float(-(share[:, None] * p * p.log()).sum())


def entropy_nan_for_unpulled(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> float:
    """The NaN of an arm that was never pulled spreads."""
    counts = torch.bincount(x.long(), minlength=num_arms)
    return math.nan if bool((counts == 0).any()) else reference.min_cross_entropy(x, labels, num_arms, num_classes)


def entropy_of_nothing_is_zero(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> float:
    """Without pulls the answer is 0."""
    return reference.min_cross_entropy(x, labels, num_arms, num_classes) if x.numel() else 0.0


# ---------------------------------------------------------------------------------------------- softmax


def softmax_over_first(z: Tensor, dim: int = -1) -> Tensor:
    """The softmax runs over dim 0, the batch."""
    return z.double().softmax(0)


def softmax_over_last(z: Tensor, dim: int = -1) -> Tensor:
    """``dim`` has no effect: the softmax runs over the last dimension."""
    return z.double().softmax(-1)


def softmax_over_all(z: Tensor, dim: int = -1) -> Tensor:
    """The softmax runs over all numbers of the tensor."""
    return z.double().flatten().softmax(0).reshape(z.shape)


def softmax_without_sum(z: Tensor, dim: int = -1) -> Tensor:
    """The exponentials are not normalised."""
    return z.double().exp()


def softmax_without_exp(z: Tensor, dim: int = -1) -> Tensor:
    """The logits themselves are normalised."""
    return z.double() / z.double().sum(dim, keepdim=True)


def softmax_base_two(z: Tensor, dim: int = -1) -> Tensor:
    """Powers of 2 instead of e."""
    return (z.double() * math.log(2)).softmax(dim)


def softmax_is_sigmoid(z: Tensor, dim: int = -1) -> Tensor:
    """A sigmoid for each class."""
    return z.double().sigmoid()


def softmax_of_negative(z: Tensor, dim: int = -1) -> Tensor:
    """The sign of the logits is lost (softmin)."""
    return (-z.double()).softmax(dim)


def softmax_is_log_softmax(z: Tensor, dim: int = -1) -> Tensor:
    """The logarithm of the probabilities."""
    return z.double().log_softmax(dim)


def softmax_overflows(z: Tensor, dim: int = -1) -> Tensor:
    """The exponential is taken before anything is subtracted."""
    return z.exp() / z.exp().sum(dim, keepdim=True)


def softmax_one_shift_for_all(z: Tensor, dim: int = -1) -> Tensor:
    """The maximum of the whole tensor is subtracted: where all logits are far below it, 0 / 0 is left."""
    return softmax_overflows(z - z.max(), dim)


def log_softmax_over_first(z: Tensor, dim: int = -1) -> Tensor:
    """It runs over dim 0, the batch."""
    return z.double().log_softmax(0)


def log_softmax_over_last(z: Tensor, dim: int = -1) -> Tensor:
    """``dim`` has no effect: it runs over the last dimension."""
    return z.double().log_softmax(-1)


def log_softmax_is_softmax(z: Tensor, dim: int = -1) -> Tensor:
    """The logarithm is missing."""
    return z.double().softmax(dim)


def log_softmax_negative(z: Tensor, dim: int = -1) -> Tensor:
    """The sign is wrong."""
    return -z.double().log_softmax(dim)


def log_softmax_in_bits(z: Tensor, dim: int = -1) -> Tensor:
    """The logarithm has base 2."""
    return z.double().log_softmax(dim) / math.log(2)


def log_softmax_base_ten(z: Tensor, dim: int = -1) -> Tensor:
    """The logarithm has base 10."""
    return z.double().log_softmax(dim) / math.log(10)


def log_softmax_without_log(z: Tensor, dim: int = -1) -> Tensor:
    """The sum of the exponentials is subtracted, not its logarithm."""
    return z.double() - z.double().exp().sum(dim, keepdim=True)


def log_softmax_is_log_of_softmax(z: Tensor, dim: int = -1) -> Tensor:
    """The logarithm of a probability that has become 0."""
    return softmax_overflows(z - z.amax(dim, keepdim=True), dim).log()


def log_softmax_overflows(z: Tensor, dim: int = -1) -> Tensor:
    """The exponential is taken before anything is subtracted."""
    return softmax_overflows(z, dim).log()


def log_softmax_sum_overflows(z: Tensor, dim: int = -1) -> Tensor:
    """The logits are subtracted outside of the logarithm, but inside it the exponential overflows."""
    return z - z.exp().sum(dim, keepdim=True).log()


def log_softmax_with_epsilon(epsilon: float) -> Callable[..., Tensor]:
    """Return the mistake of adding ``epsilon`` to the probability."""

    def log_softmax_adds_epsilon(z: Tensor, dim: int = -1) -> Tensor:
        return (z.double().softmax(dim) + epsilon).log()

    return log_softmax_adds_epsilon


# ---------------------------------------------------------------------------------------------- cross-entropy


def _loss(of_samples: Callable[[Tensor, Tensor], Tensor]) -> Loss:
    """Return a loss that is reduced as the reference does, from losses ``(K last)`` that are wrong."""

    def loss(
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> Tensor:
        z, y, w = _rows(logits, target, weight, ignore_index)
        losses = of_samples(z, y * (w if weight is not None else 1.0))
        return _reduced(losses, (y * w).sum(-1), logits, target, reduction)

    return loss


ce_of_softmax = _loss(lambda z, y: -(y * z.softmax(-1).log_softmax(-1)).sum(-1))
"""Softmax first, then the cross-entropy of the probabilities, which applies softmax again."""

ce_over_batch = _loss(lambda z, y: -(y * z.log_softmax(0)).sum(-1))
"""The softmax runs over the batch."""

ce_mean_over_classes = _loss(lambda z, y: -(y * z.log_softmax(-1)).mean(-1))
"""The mean runs over the classes too."""

ce_negative = _loss(lambda z, y: (y * z.log_softmax(-1)).sum(-1))
"""The minus is missing."""

ce_without_log = _loss(lambda z, y: -(y * z.softmax(-1)).sum(-1))
"""The negative probability, without a logarithm."""

ce_without_softmax = _loss(lambda z, y: -(y * z).sum(-1))
"""The negative logit, without softmax."""

ce_of_logits_as_probabilities = _loss(lambda z, y: -(torch.where(y > 0, y * z.log(), 0.0)).sum(-1))
"""The logarithm of the logits, as if they were probabilities."""

ce_is_bce_mean = _loss(
    lambda z, y: torch.nn.functional.binary_cross_entropy_with_logits(z, y, reduction="none").mean(-1)
)
"""A sigmoid and a binary cross-entropy for each class, averaged."""

ce_is_bce_sum = _loss(lambda z, y: torch.nn.functional.binary_cross_entropy_with_logits(z, y, reduction="none").sum(-1))
"""A sigmoid and a binary cross-entropy for each class, summed."""

ce_is_bce_of_softmax = _loss(
    lambda z, y: torch.nn.functional.binary_cross_entropy(z.softmax(-1), y, reduction="none").sum(-1)
)
"""A binary cross-entropy of each probability, summed."""

ce_in_bits = _loss(lambda z, y: -(y * z.log_softmax(-1)).sum(-1) / math.log(2))
"""The logarithm has base 2."""

ce_base_ten = _loss(lambda z, y: -(y * z.log_softmax(-1)).sum(-1) / math.log(10))
"""The logarithm has base 10."""

ce_is_squared_error = _loss(lambda z, y: (z.softmax(-1) - y).square().sum(-1))
"""The squared distance of the probabilities (Brier score)."""


def ce_with_epsilon(epsilon: float) -> Loss:
    """Return the mistake of adding ``epsilon`` to the probability, or of clamping it there."""
    return _loss(lambda z, y: -(y * (z.softmax(-1) + epsilon).log()).sum(-1))


def ce_overflows(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """The exponential is taken before anything is subtracted."""
    return _picked(logits - logits.exp().sum(1, keepdim=True).log(), logits, target, reduction)


def ce_of_ratio(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """The exponential and the quotient first, the logarithm afterwards."""
    return _picked((logits.exp() / logits.exp().sum(1, keepdim=True)).log(), logits, target, reduction)


def ce_log_of_softmax(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """The logarithm of a probability that has become 0."""
    return _picked(logits.softmax(1).log(), logits, target, reduction)


def ce_sums(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """The losses are summed although their mean is asked for."""
    return reference.cross_entropy(logits, target, weight, ignore_index, "sum")


def ce_averages(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """The mean is returned whatever ``reduction`` is."""
    return reference.cross_entropy(logits, target, weight, ignore_index, "mean")


def ce_labels_from_one(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """1 is subtracted from the labels, and class 0 becomes the last class."""
    return reference.cross_entropy(logits, (target.long() - 1) % logits.shape[1], weight, ignore_index, reduction)


def ce_without_weight(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """``weight`` has no effect."""
    return reference.cross_entropy(logits, target, None, ignore_index, reduction)


def ce_weighted_by_count(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """The weighted sum is divided by the number of samples, not by the sum of their weights."""
    total = reference.cross_entropy(logits, target, weight, ignore_index, "sum")
    return total / (target != ignore_index).sum() if reduction == "mean" else total


def ce_weighted_by_all_weights(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """The weighted sum is divided by the sum of the weights of all classes."""
    total = reference.cross_entropy(logits, target, weight, ignore_index, "sum")
    return total / weight.double().sum() if reduction == "mean" and weight is not None else total


def ce_ignored_in_denominator(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """Ignored samples have loss 0, and are still counted in the denominator."""
    total = reference.cross_entropy(logits, target, weight, ignore_index, "sum")
    return total / target.numel() if reduction == "mean" else total


def ce_ignores_nothing(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """``ignore_index`` has no effect."""
    return reference.cross_entropy(logits, target, weight, -1_000, reduction)


def ce_ignores_only_default(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """Only -100 is ignored, whatever ``ignore_index`` is."""
    return reference.cross_entropy(logits, target, weight, -100, reduction)


def ce_wraps_ignored(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """Ignored samples are counted as class 0."""
    return reference.cross_entropy(logits, target.where(target != ignore_index, 0), weight, -1_000, reduction)


def ce_of_nothing_is_zero(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """The mean of no loss is 0."""
    return reference.cross_entropy(logits, target, weight, ignore_index, reduction).nan_to_num(0.0)


def ce_over_last(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """The softmax runs over the last dimension, which holds pixels."""
    return _picked(logits.double().log_softmax(-1), logits, target, reduction)


def ce_sums_pixels(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """The pixels are summed, and only the samples averaged."""
    total = reference.cross_entropy(logits, target, weight, ignore_index, "sum")
    return total / logits.shape[0] if reduction == "mean" else total


def ce_of_argmax(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """Only the most likely class of the target counts: its other probabilities are dropped."""
    if target.is_floating_point():
        target = target.argmax(1)
    return reference.cross_entropy(logits, target, weight, ignore_index, reduction)


# ---------------------------------------------------------------------------------------------- argmax and the net


def predict_over_first(logits: Tensor, dim: int = 1) -> Tensor:
    """The argmax runs over dim 0, the batch."""
    return logits.argmax(0)


def predict_over_last(logits: Tensor, dim: int = 1) -> Tensor:
    """The argmax runs over the last dimension."""
    return logits.argmax(-1)


def predict_over_second(logits: Tensor, dim: int = 1) -> Tensor:
    """``dim`` has no effect: the argmax runs over dim 1."""
    return logits.argmax(1)


def predict_flattened(logits: Tensor, dim: int = 1) -> Tensor:
    """The argmax runs over all numbers."""
    return logits.argmax()


def predict_is_max(logits: Tensor, dim: int = 1) -> Tensor:
    """The largest logit is returned, not its index."""
    return logits.amax(dim)


def predict_is_argmin(logits: Tensor, dim: int = 1) -> Tensor:
    """The least likely class is returned."""
    return logits.argmin(dim)


def predict_from_one(logits: Tensor, dim: int = 1) -> Tensor:
    """Classes are counted from 1."""
    return logits.argmax(dim) + 1


def predict_keeps_dim(logits: Tensor, dim: int = 1) -> Tensor:
    """The dimension of the classes is kept."""
    return logits.argmax(dim, keepdim=True)


def predict_last_of_equals(logits: Tensor, dim: int = 1) -> Tensor:
    """Of equal logits the last one wins."""
    return logits.shape[dim] - 1 - logits.flip(dim).argmax(dim)


def net_with_softmax(x: Tensor) -> Tensor:
    """The net ends with a softmax."""
    return _net(x, torch.relu).softmax(1)


def net_with_log_softmax(x: Tensor) -> Tensor:
    """The net ends with a log-softmax."""
    return _net(x, torch.relu).log_softmax(1)


def net_with_sigmoid(x: Tensor) -> Tensor:
    """The net ends with a sigmoid."""
    return _net(x, torch.relu).sigmoid()


def net_with_last_relu(x: Tensor) -> Tensor:
    """The net ends with a ReLU, so that no logit can be negative."""
    return _net(x, torch.relu).relu()


def net_without_relu(x: Tensor) -> Tensor:
    """There is nothing between the two layers."""
    return _net(x, lambda hidden: hidden)


def net_with_tanh(x: Tensor) -> Tensor:
    """The hidden units use tanh."""
    return _net(x, torch.tanh)


def net_with_hidden_sigmoid(x: Tensor) -> Tensor:
    """The hidden units use a sigmoid."""
    return _net(x, torch.sigmoid)


# ---------------------------------------------------------------------------------------------- inside


def _counts(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> Tensor:
    pairs = torch.bincount(x.long() * num_classes + labels.long(), minlength=num_arms * num_classes)
    return pairs.reshape(num_arms, num_classes).double()


def _entropies(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> Tensor:
    p = reference.empirical_distribution(x, labels, num_arms, num_classes)
    return -torch.where(p == 0, 0.0, p * p.log()).sum(1)


def _values(dist: Tensor, reward_values: Sequence[float]) -> Tensor:
    return torch.tensor([float(value) for value in reward_values], dtype=torch.float64)


def _rows(logits: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits, targets and weights ``(..., K)``, classes last; the target of an ignored sample is all 0."""
    num_classes = logits.shape[1]
    z = logits.double().movedim(1, -1)
    if target.is_floating_point():
        y = target.double().movedim(1, -1)
    else:
        counted = target.long() != ignore_index
        y = reference.one_hot(target.long().where(counted, 0), num_classes).double() * counted[..., None]
    w = torch.ones(num_classes, dtype=torch.float64) if weight is None else weight.double()
    return z, y, w


def _reduced(losses: Tensor, shares: Tensor, logits: Tensor, target: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    return losses.mean() if target.is_floating_point() else losses.sum() / shares.sum()


def _picked(log_prob: Tensor, logits: Tensor, target: Tensor, reduction: str) -> Tensor:
    """Reduce the losses of log-probabilities ``(N, K, ...)`` in their own dtype, without weights."""
    if target.is_floating_point():
        losses = -(target * log_prob).sum(1)
    else:
        losses = -log_prob.gather(1, target.long().unsqueeze(1)).squeeze(1)
    return losses if reduction == "none" else losses.sum() if reduction == "sum" else losses.mean()


def _net(x: Tensor, activation: Callable[[Tensor], Tensor]) -> Tensor:
    hidden = activation(x.double() @ NET_STATE["fc1.weight"].t() + NET_STATE["fc1.bias"])
    return hidden @ NET_STATE["fc2.weight"].t() + NET_STATE["fc2.bias"]
