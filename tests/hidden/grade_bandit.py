"""Hidden checks of the topic *bandit*: reward classes, softmax, cross-entropy, argmax, a network and its training.

Numbers are checked in float64, so that the order of operations does not matter; dtypes are checks of their own. Nothing
that a training run says about itself counts: the loss is computed here, from the logits of the network it returns.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from expectations import ATOL, RTOL, expect_floats, expect_rounded
from torch import Generator, Tensor
from wrong import bandit as wrong

from autograder.checks import (
    Runs,
    call_limit,
    cpu_only,
    exercise,
    expect_close,
    expect_equal,
    expect_item,
    expect_no_side_effects,
    expect_number,
    expect_placement,
    expect_raises,
    expect_tensor,
    expect_true,
    forbid,
    hint,
    misconception,
    not_simulated,
    oracle,
    points,
)
from reference import bandit as reference

bandit = oracle(reference)

INVALID = "invalid arguments must raise, which is tested on the CPU only"
TRAINS = "a training run takes its time, and is judged by its result alone"
MORE_NUMBERS = "larger inputs, but no other path through the code than the small cases above"
MARGIN = 0.01  # nats: how far above the infimum a trained network may stay
TRAINING_S = 25.0  # the contract says 20

SOFTMAX = (
    "torch.softmax",
    "torch.log_softmax",
    "torch.nn.functional.softmax",
    "torch.nn.functional.log_softmax",
    "torch.nn.functional.softmin",
    "torch.nn.functional.gumbel_softmax",
    "torch.Tensor.softmax",
    "torch.Tensor.log_softmax",
    "torch.special.softmax",
    "torch.special.log_softmax",
    *(
        f"torch.ops.aten.{name}{ending}"
        for name in (
            "softmax",
            "log_softmax",
            "_softmax",
            "_log_softmax",
            "_safe_softmax",
            "_masked_softmax",
            "special_softmax",
            "special_log_softmax",
        )
        for ending in ("", ".*")
    ),
)
LOSSES = (
    "torch.nn.functional.cross_entropy",
    "torch.nn.functional.nll_loss",
    "torch.nn.functional.kl_div",
    "torch.nn.functional.binary_cross_entropy",
    "torch.nn.functional.binary_cross_entropy_with_logits",
    "torch.kl_div",
    "torch.binary_cross_entropy_with_logits",
    *(
        f"torch.ops.aten.{name}{ending}"
        for name in (
            "cross_entropy_loss",
            "nll_loss",
            "nll_loss2d",
            "nll_loss_nd",
            "nll_loss_forward",
            "kl_div",
            "binary_cross_entropy",
            "binary_cross_entropy_with_logits",
        )
        for ending in ("", ".*")
    ),
)
own_one_hot = forbid("torch.nn.functional.one_hot", "torch.ops.aten.one_hot", "torch.ops.aten.one_hot.*")
own_softmax = forbid(*SOFTMAX)
own_loss = forbid(*SOFTMAX, *LOSSES)

NOT_COUNTED = "The pulls are counted, but not divided by their number"
OTHER_DIM = "`dim` has no effect: the last dimension is always taken"
BATCH_DIM = "The softmax runs over dimension 0, the batch"
OVERFLOW = "The exponential is taken before the largest logit is subtracted, and overflows"
LOG_OF_ZERO = "The logarithm is taken of a probability that has become 0"
EPSILON = "A small number is added in the logarithm, or probabilities are clamped: that bounds the loss"
BITS = "The logarithm has base 2"
TENS = "The logarithm has base 10"
IN_DENOMINATOR = "Ignored samples are still counted in the denominator"


# ---------------------------------------------------------------------------------------------- rewards as classes


@exercise("encode_rewards")
@points(0.25)
@hint("A class is a place in `reward_values`. At which place does the reward of a pull stand, counted from 0?")
@misconception("The reward itself is taken for the class", wrong.rewards_as_classes)
@misconception("Classes are counted from 1", wrong.classes_from_one)
@misconception("Only reward and no reward are told apart", wrong.classes_by_truth)
def check_place_of_each_reward(student: Any) -> None:
    """A reward becomes its place among the reward values."""
    y = torch.tensor([100, 1, 0, 0, 100, 1, 1, 0])
    expect_classes(student.encode_rewards(y), bandit.encode_rewards(y))
    expect_classes(student.encode_rewards(y[:1]), bandit.encode_rewards(y[:1]))
    expect_classes(student.encode_rewards(y[:0]), bandit.encode_rewards(y[:0]))


@exercise("encode_rewards")
@points(0.25)
@hint("Who decides the order of the classes? Not the size of the rewards, and not the lecture's three values.")
@misconception("Classes are numbered by the size of the rewards", wrong.classes_in_sorted_order)
@misconception("The reward itself is taken for the class", wrong.rewards_as_classes)
@misconception("Classes are counted from 1", wrong.classes_from_one)
def check_order_of_the_values(student: Any) -> None:
    """Other rewards, negative and unsorted ones, keep the order of `reward_values`."""
    y = torch.tensor([-5, 20, 3, 3, 7, -5, 20])
    expect_classes(student.encode_rewards(y, (3, -5, 20, 7)), bandit.encode_rewards(y, (3, -5, 20, 7)))
    y = torch.tensor([4, 2, 2, 4, 2])
    expect_classes(student.encode_rewards(y, [4, 2]), bandit.encode_rewards(y, [4, 2]))


@exercise("encode_rewards")
@points(0.25)
@hint("Which number is 0.1 in float32, and is it equal to the 0.1 of Python? In which dtype do you compare?")
def check_float_rewards(student: Any) -> None:
    """Rewards of any floating dtype are found."""
    values = (0.1, -2.5, 7)
    for dtype in (torch.float32, torch.float64, torch.float16):
        y = torch.tensor([7, 0.1, -2.5, 0.1], dtype=torch.float64).to(dtype)
        expect_classes(student.encode_rewards(y, values), reference.encode_rewards(y, values))


@exercise("encode_rewards")
@points(0.25)
@hint("The dtype of the result is the same for all inputs. `masked_fill_` and `y[...] =` write into what is not yours.")
def check_dtypes_of_rewards(student: Any) -> None:
    """Integers, bools and non-contiguous tensors work, the result is int64, and the input is left as it is."""
    for dtype in (torch.int64, torch.uint8, torch.int32, torch.float32):
        y = strided(torch.tensor([100, 0, 1, 1, 0, 100])).to(dtype)
        actual = expect_no_side_effects(student, "encode_rewards", y)
        expect_equal(actual, bandit.encode_rewards(y), dtype=torch.int64)
    y = strided(torch.tensor([100, 0, 1, 1, 0, 100]))
    expect_equal(expect_no_side_effects(student, "encode_rewards", y), bandit.encode_rewards(y), dtype=torch.int64)
    y = torch.tensor([True, False, True])
    actual = expect_no_side_effects(student, "encode_rewards", y, (1, 0))
    expect_equal(actual, bandit.encode_rewards(y, (1, 0)), dtype=torch.int64)


@exercise("encode_rewards")
@cpu_only(INVALID)
@points(0.25)
@hint("What does your code return for a reward that it does not know? A wrong class is worse than an error.")
def check_unknown_rewards(student: Any) -> None:
    """Rewards that are not among the values are refused, NaN too, and tensors that are not 1-D."""
    y = torch.tensor([0, 1, 100, 0])
    expect_classes(student.encode_rewards(y), bandit.encode_rewards(y))
    expect_raises(lambda: student.encode_rewards(torch.tensor([0, 1, 50])))
    expect_raises(lambda: student.encode_rewards(torch.tensor([0.0, math.nan])))
    expect_raises(lambda: student.encode_rewards(torch.tensor([0, 255], dtype=torch.uint8), (0, -1)))
    expect_raises(lambda: student.encode_rewards(torch.zeros(2, 2, dtype=torch.int64)))


@exercise("encode_rewards")
@points(0.25)
@hint("Which tensors do you make yourself, and where do they live? `device=y.device` puts them beside the input.")
def check_placement_of_encode_rewards(runs: Runs) -> None:
    """On an accelerator, rewards become classes as on the CPU."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- one-hot vectors


@exercise("one_hot")
@own_one_hot
@points(0.25)
@hint("One row per label. In which column is the 1 of the label 0?")
@misconception("Labels are taken to begin with 1", wrong.one_hot_from_one)
@misconception("0 and 1 are swapped", wrong.one_hot_inverted)
@misconception("The classes are in the first dimension, not in the last", wrong.one_hot_transposed)
def check_one_at_the_label(student: Any) -> None:
    """The vector of a label is 1 at the label and 0 elsewhere."""
    labels = torch.tensor([2, 0, 3, 1, 0])
    expect_any_dtype(student.one_hot(labels, 4), bandit.one_hot(labels, 4))
    labels = torch.zeros(3, dtype=torch.int64)
    expect_any_dtype(student.one_hot(labels, 1), bandit.one_hot(labels, 1))


@exercise("one_hot")
@own_one_hot
@points(0.25)
@hint("How many columns has a batch in which the last class does not occur?")
@misconception("The number of classes is inferred from the batch", wrong.one_hot_infers_classes)
def check_class_that_does_not_occur(student: Any) -> None:
    """There is a column for each class, also for one that does not occur."""
    labels = torch.tensor([0, 1, 1, 0])
    expect_any_dtype(student.one_hot(labels, 5), bandit.one_hot(labels, 5))


@exercise("one_hot")
@own_one_hot
@points(0.25)
@hint("The docstring names one dtype, whatever that of the labels is. A bool or uint8 tensor in brackets is a mask.")
def check_dtypes_of_labels(student: Any) -> None:
    """Labels of any integer dtype and bools give float32."""
    for dtype in (torch.int64, torch.int32, torch.uint8):
        labels = torch.tensor([1, 0, 2], dtype=dtype)
        expect_close(student.one_hot(labels, 3), bandit.one_hot(labels, 3), dtype=torch.float32)
    labels = torch.tensor([True, False, True])
    expect_close(student.one_hot(labels, 2), bandit.one_hot(labels, 2), dtype=torch.float32)


@exercise("one_hot")
@own_one_hot
@points(0.25)
@hint("The result has one dimension more than the labels, at the end. `scatter` needs an index of as many dimensions.")
@misconception("The classes are in the first dimension, not in the last", wrong.one_hot_transposed)
def check_labels_of_any_shape(student: Any) -> None:
    """Masks, a single label, no label at all and non-contiguous labels work, and are left as they are."""
    mask = torch.tensor([[0, 2, 1], [1, 1, 0]])
    for labels in (mask, mask.t(), mask[:, ::2], mask[0, 1], mask[:0], mask[None, None]):
        actual = expect_no_side_effects(student, "one_hot", labels, 3)
        expect_any_dtype(actual, bandit.one_hot(labels, 3))


@exercise("one_hot")
@own_one_hot
@cpu_only(INVALID)
@points(0.25)
@hint("Which labels have no place in the vector? Mind the negative ones: PyTorch counts them from the end.")
def check_labels_out_of_range(student: Any) -> None:
    """Labels outside of the classes, floats, and less than one class are refused."""
    labels = torch.tensor([0, 1, 2])
    expect_any_dtype(student.one_hot(labels, 3), bandit.one_hot(labels, 3))
    expect_raises(lambda: student.one_hot(labels, 2))
    expect_raises(lambda: student.one_hot(torch.tensor([0, -1]), 3))
    expect_raises(lambda: student.one_hot(torch.tensor([0.0, 1.0]), 3))
    expect_raises(lambda: student.one_hot(labels[:0], 0))


@exercise("one_hot")
@points(0.25)
@hint("`torch.eye`, `torch.zeros` and `torch.arange` live on the CPU unless you say where: `device=labels.device`.")
def check_placement_of_one_hot(runs: Runs) -> None:
    """On an accelerator, one-hot vectors are made where the labels are."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- what was counted


@exercise("empirical_distribution")
@points(0.75)
@hint("Read a row of the table aloud: of all pulls of this arm, which fraction gave class k? What does a row sum to?")
@misconception(NOT_COUNTED, wrong.distribution_is_counts)
@misconception("All pulls are the denominator, not those of the arm", wrong.distribution_is_joint)
@misconception("The columns sum to 1, not the rows: this is P(arm | class)", wrong.distribution_of_arms)
@misconception("Rows and columns are swapped", wrong.distribution_transposed)
@misconception("One pull more of every class is counted", wrong.distribution_smoothed)
@misconception("The arm is not looked at: all rows are equal", wrong.distribution_ignores_arms)
@misconception("The counts go through a softmax", wrong.distribution_softmaxed)
def check_fractions_of_each_arm(student: Any) -> None:
    """Row `a` holds the fractions of the pulls of arm `a` that each class followed."""
    x = torch.tensor([0, 1, 1, 0, 1, 1, 0, 1, 1, 1, 1])
    labels = torch.tensor([2, 0, 1, 2, 1, 1, 0, 2, 1, 0, 0])
    expect_floats(student.empirical_distribution(x, labels, 2, 3), bandit.empirical_distribution(x, labels, 2, 3))


@exercise("empirical_distribution")
@points(0.25)
@hint("The table has `num_arms` rows and `num_classes` columns, whatever occurs in the data.")
@misconception("The table ends with the last class that occurs", wrong.distribution_infers_shape)
@misconception("One pull more of every class is counted", wrong.distribution_smoothed)
def check_class_that_never_followed(student: Any) -> None:
    """A class that never followed has probability 0, also if it is the last one."""
    x, labels = torch.tensor([1, 0, 1, 2, 0, 2, 2, 2]), torch.tensor([0, 0, 1, 1, 1, 1, 1, 0])
    expect_floats(student.empirical_distribution(x, labels, 3, 4), bandit.empirical_distribution(x, labels, 3, 4))


@exercise("empirical_distribution")
@points(0.5)
@hint("What is known about an arm that nobody has pulled? The docstring has a word for it.")
@misconception("An arm that was never pulled has a row of zeros", wrong.distribution_unpulled_is_zero)
@misconception("An arm that was never pulled has equal probabilities", wrong.distribution_unpulled_is_uniform)
@misconception("The table ends with the last arm that was pulled", wrong.distribution_infers_shape)
def check_arm_that_was_never_pulled(student: Any) -> None:
    """An arm that was never pulled has a row of NaN, and the other rows are as ever."""
    x, labels = torch.tensor([0, 2, 2, 0, 2]), torch.tensor([1, 0, 1, 1, 1])
    expected = bandit.empirical_distribution(x, labels, 4, 2)
    expect_floats(student.empirical_distribution(x, labels, 4, 2), expected)
    expected = bandit.empirical_distribution(x[:0], labels[:0], 2, 3)
    expect_floats(student.empirical_distribution(x[:0], labels[:0], 2, 3), expected)


@exercise("empirical_distribution")
@points(0.25)
@hint("Which dtype does the docstring ask for? A third that was once float32 stays wrong in the eighth digit.")
def check_distribution_is_float64(student: Any) -> None:
    """The fractions are float64, and as exact as float64 is."""
    x, labels = torch.tensor([0, 0, 0, 1, 1, 1, 1, 1, 1, 1]), torch.tensor([0, 0, 1, 0, 0, 0, 1, 1, 2, 2])
    expect_close(student.empirical_distribution(x, labels, 2, 3), bandit.empirical_distribution(x, labels, 2, 3))


@exercise("empirical_distribution")
@points(0.25)
@hint("What is 100 * 3 in uint8? Convert before you compute with arms and classes.")
def check_dtypes_of_pulls(student: Any) -> None:
    """Small integer dtypes, bools and non-contiguous pulls work, and are left as they are."""
    x, labels = torch.tensor([99, 3, 99, 3, 90, 99]), torch.tensor([2, 0, 1, 0, 2, 2])
    for first, second in ((torch.uint8, torch.uint8), (torch.int8, torch.int64), (torch.int64, torch.uint8)):
        actual = expect_no_side_effects(student, "empirical_distribution", x.to(first), labels.to(second), 100, 3)
        expect_floats(actual, bandit.empirical_distribution(x, labels, 100, 3))
    x, labels = strided(torch.tensor([1, 0, 1, 1])), strided(torch.tensor([1, 0, 0, 1]))
    actual = expect_no_side_effects(student, "empirical_distribution", x.bool(), labels, 2, 2)
    expect_floats(actual, bandit.empirical_distribution(x, labels, 2, 2))
    actual = expect_no_side_effects(student, "empirical_distribution", x, labels.bool(), 2, 2)
    expect_floats(actual, bandit.empirical_distribution(x, labels, 2, 2))


@exercise("empirical_distribution")
@not_simulated(MORE_NUMBERS)
@points(0.25)
@hint("Count ten pulls by hand, and compare. Which of the counts is wrong?")
@misconception(NOT_COUNTED, wrong.distribution_is_counts)
@misconception("All pulls are the denominator, not those of the arm", wrong.distribution_is_joint)
def check_many_pulls(student: Any, generator: Generator) -> None:
    """Some hundred pulls of five arms have the right fractions."""
    x, labels = pulls(generator, 400, 5, 4)
    expect_floats(student.empirical_distribution(x, labels, 5, 4), bandit.empirical_distribution(x, labels, 5, 4))


@exercise("empirical_distribution")
@cpu_only(INVALID)
@points(0.25)
@hint("A list of the docstring's conditions: lengths, dimensions, dtypes, both ranges. Which one do you not ask for?")
def check_pulls_that_are_none(student: Any) -> None:
    """Other lengths and shapes, floats, and arms or classes out of range are refused."""
    x, labels = torch.tensor([0, 1, 1]), torch.tensor([2, 0, 1])
    expect_floats(student.empirical_distribution(x, labels, 2, 3), bandit.empirical_distribution(x, labels, 2, 3))
    expect_raises(lambda: student.empirical_distribution(x, labels[:2], 2, 3))
    expect_raises(lambda: student.empirical_distribution(x[:1], labels, 2, 3))
    expect_raises(lambda: student.empirical_distribution(x[None], labels[None], 2, 3))
    expect_raises(lambda: student.empirical_distribution(x.float(), labels, 2, 3))
    expect_raises(lambda: student.empirical_distribution(x, labels, 1, 3))
    expect_raises(lambda: student.empirical_distribution(x, labels, 2, 2))
    expect_raises(lambda: student.empirical_distribution(x, labels - 1, 2, 3))
    expect_raises(lambda: student.empirical_distribution(x[:0], labels[:0], 0, 3))


@exercise("empirical_distribution")
@points(0.5)
@hint("The table of counts is a tensor that you make. Does it live where `x` lives?")
def check_placement_of_empirical_distribution(runs: Runs) -> None:
    """On an accelerator, pulls are counted as on the CPU, and the table stays there."""
    expect_placement(runs)


@exercise("expected_reward")
@points(0.5)
@hint("A mean weighs every reward with its probability. What do the weights of one arm sum to?")
@misconception("The reward of the most likely class is taken", wrong.reward_of_likeliest_class)
@misconception("The class index is averaged, not the reward", wrong.reward_is_class_index)
@misconception("The sum over the classes is divided by their number", wrong.reward_averaged_over_classes)
@misconception("The rewards are averaged without their probabilities", wrong.reward_unweighted)
@misconception("The sum runs over the arms, not over the classes", wrong.reward_summed_over_arms)
@misconception("The products are not summed", wrong.reward_not_summed)
def check_mean_of_the_rewards(student: Any) -> None:
    """The expected reward of an arm is the mean of the rewards, weighted with their probabilities."""
    dist = reals((0.5, 0.3, 0.2), (0.9, 0.04, 0.06), (0.0, 1.0, 0.0))
    for values in ((0, 1, 100), (-3, 0.5, 12)):
        expect_floats(student.expected_reward(dist, values), bandit.expected_reward(dist, values))
    expect_floats(student.expected_reward(dist[:1], [2.5, -1, 4]), bandit.expected_reward(dist[:1], [2.5, -1, 4]))


@exercise("expected_reward")
@points(0.25)
@hint("Does the docstring ask you to repair a row?")
@misconception("The rows are divided by their sum first", wrong.reward_of_normalised_rows)
@misconception("NaN is replaced by 0", wrong.reward_nan_is_zero)
def check_rows_are_taken_as_they_are(student: Any) -> None:
    """Rows need not sum to 1, and a row of NaN gives NaN for its arm alone."""
    dist = reals((0.5, 1.5, 0.25), (math.nan, math.nan, math.nan), (0.25, 0.25, 0.25))
    expect_floats(student.expected_reward(dist, (4, 1, 10)), bandit.expected_reward(dist, (4, 1, 10)))


@exercise("expected_reward")
@points(0.25)
@hint("Which dtype has the result for float64, for float16, for integers? Which of your steps changes it?")
def check_dtypes_of_distributions(student: Any) -> None:
    """The result has the dtype of the distribution, float32 for integers; the input is left as it is."""
    dist = strided(reals((0.5, 0.25, 0.25), (0.0, 1.0, 0.0)))
    expected = bandit.expected_reward(dist, (2, 8, 100))
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        actual = expect_no_side_effects(student, "expected_reward", dist.to(dtype), (2, 8, 100))
        expect_close(actual, expected, dtype=dtype)
    whole = torch.tensor([[1, 0, 0], [0, 0, 1]])
    actual = expect_no_side_effects(student, "expected_reward", whole, (0.5, 1, 7))
    expect_close(actual, bandit.expected_reward(whole, (0.5, 1, 7)).double(), dtype=torch.float32)


@exercise("expected_reward")
@cpu_only(INVALID)
@points(0.25)
@hint("One number per column, no more and no fewer; PyTorch stretches a single one over all columns.")
def check_one_reward_per_column(student: Any) -> None:
    """Another number of rewards than of columns is refused, and what is not a table."""
    dist = reals((0.5, 0.3, 0.2), (0.9, 0.04, 0.06))
    expect_floats(student.expected_reward(dist, (0, 1, 2)), bandit.expected_reward(dist, (0, 1, 2)))
    expect_raises(lambda: student.expected_reward(dist, (1,)))
    expect_raises(lambda: student.expected_reward(dist, (1, 2, 3, 4)))
    expect_raises(lambda: student.expected_reward(dist[0], (0, 1, 2)))
    expect_raises(lambda: student.expected_reward(dist[:, :, None].repeat(1, 1, 3), (0, 1, 2)))


@exercise("expected_reward")
@points(0.25)
@hint("`torch.tensor(reward_values)` lives on the CPU. Where must it be to be multiplied with `dist`?")
def check_placement_of_expected_reward(runs: Runs) -> None:
    """On an accelerator, expected rewards are computed as on the CPU."""
    expect_placement(runs)


@exercise("min_cross_entropy")
@points(1)
@hint("The best answer to an arm is its row of the empirical distribution. What does it cost per pull, in nats?")
@misconception(BITS, wrong.entropy_in_bits)
@misconception(TENS, wrong.entropy_base_ten)
@misconception("The arm is not looked at", wrong.entropy_without_arm)
@misconception("The minus is missing", wrong.entropy_negative)
@misconception("The entropies of the arms are added without their shares", wrong.entropy_of_arms_summed)
@misconception("Every arm has the same share, however often it was pulled", wrong.entropy_of_arms_averaged)
@misconception("The sum over the pulls is not divided by their number", wrong.entropy_summed_over_pulls)
@misconception("The sum over the classes is divided by their number", wrong.entropy_averaged_over_classes)
@misconception("This is the entropy of arm and class together", wrong.entropy_of_joint)
def check_entropy_given_the_arm(student: Any) -> None:
    """The infimum is the mean entropy of the class given the arm, in nats."""
    x = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 0, 1, 2, 2])
    expect_infimum(student.min_cross_entropy(x, labels, 2, 3), bandit.min_cross_entropy(x, labels, 2, 3))


@exercise("min_cross_entropy")
@points(0.5)
@hint("An arm that was pulled nine times has more part in a mean over pulls than one that was pulled twice.")
@misconception("Every arm has the same share, however often it was pulled", wrong.entropy_of_arms_averaged)
@misconception("The entropies of the arms are added without their shares", wrong.entropy_of_arms_summed)
@misconception("The arm is not looked at", wrong.entropy_without_arm)
def check_arms_count_by_their_pulls(student: Any, generator: Generator) -> None:
    """An arm counts as often as it was pulled."""
    x, labels = torch.tensor([0] * 9 + [1] * 2), torch.tensor([0, 0, 1, 0, 2, 0, 0, 0, 0, 1, 0])
    expect_infimum(student.min_cross_entropy(x, labels, 2, 3), bandit.min_cross_entropy(x, labels, 2, 3))
    x, labels = pulls(generator, 60, 3, 4)
    expect_infimum(student.min_cross_entropy(x, labels, 3, 4), bandit.min_cross_entropy(x, labels, 3, 4))


@exercise("min_cross_entropy")
@points(0.5)
@hint("What is 0 times the logarithm of 0 in PyTorch, and what does the docstring say that it is?")
@misconception("0 log 0 is left to be NaN", wrong.entropy_zero_log_zero)
def check_zero_times_log_zero(student: Any) -> None:
    """A class that never followed an arm adds nothing; an arm with one class alone has entropy 0."""
    x, labels = torch.tensor([0, 0, 0, 1, 1, 1, 1]), torch.tensor([1, 1, 1, 2, 2, 2, 2])
    expect_infimum(student.min_cross_entropy(x, labels, 2, 3), bandit.min_cross_entropy(x, labels, 2, 3))
    x, labels = torch.tensor([0, 0, 0, 1, 1, 1, 1]), torch.tensor([1, 0, 1, 2, 2, 0, 2])
    expect_infimum(student.min_cross_entropy(x, labels, 2, 4), bandit.min_cross_entropy(x, labels, 2, 4))


@exercise("min_cross_entropy")
@points(0.25)
@hint("The row of an arm that was never pulled is NaN, and NaN times a share of 0 is NaN.")
@misconception("The NaN of an arm that was never pulled spreads", wrong.entropy_nan_for_unpulled)
def check_arm_without_part(student: Any) -> None:
    """An arm that was never pulled has no part in the infimum."""
    x, labels = torch.tensor([0, 3, 3, 0, 3]), torch.tensor([1, 0, 1, 0, 1])
    expect_infimum(student.min_cross_entropy(x, labels, 5, 2), bandit.min_cross_entropy(x, labels, 5, 2))


@exercise("min_cross_entropy")
@points(0.25)
@hint("What is the mean of no number?")
@misconception("Without pulls the answer is 0", wrong.entropy_of_nothing_is_zero)
def check_infimum_of_nothing(student: Any) -> None:
    """Without pulls the infimum is NaN."""
    some, none = torch.tensor([0, 1, 0]), torch.zeros(0, dtype=torch.int64)
    expect_infimum(student.min_cross_entropy(some, some, 2, 2), 0.0)
    expect_infimum(student.min_cross_entropy(none, none, 2, 3), math.nan)


@exercise("min_cross_entropy")
@points(0.25)
@hint("Convert before you compute with arms and classes: what is 100 * 3 in uint8?")
def check_infimum_of_small_integers(student: Any) -> None:
    """Small integer dtypes, bools and non-contiguous pulls work, and are left as they are."""
    x, labels = strided(torch.tensor([99, 3, 99, 3, 90, 99])), strided(torch.tensor([2, 0, 1, 1, 2, 2]))
    expected = bandit.min_cross_entropy(x, labels, 100, 3)
    for first, second in ((torch.int64, torch.int64), (torch.uint8, torch.uint8), (torch.int8, torch.int32)):
        actual = expect_no_side_effects(student, "min_cross_entropy", x.to(first), labels.to(second), 100, 3)
        expect_infimum(actual, expected)
    x, labels = torch.tensor([True, False, True, True]), torch.tensor([True, False, False, True])
    expect_infimum(
        expect_no_side_effects(student, "min_cross_entropy", x, labels, 2, 2),
        bandit.min_cross_entropy(x, labels, 2, 2),
    )


@exercise("min_cross_entropy")
@cpu_only(INVALID)
@points(0.25)
@hint("The same pulls are refused as in `empirical_distribution`. A range is easily forgotten when nothing is indexed.")
def check_infimum_of_no_pulls(student: Any) -> None:
    """Other lengths, floats, and arms or classes out of range are refused."""
    x, labels = torch.tensor([0, 1, 1, 0]), torch.tensor([2, 0, 1, 1])
    expect_infimum(student.min_cross_entropy(x, labels, 2, 3), bandit.min_cross_entropy(x, labels, 2, 3))
    expect_raises(lambda: student.min_cross_entropy(x, labels[:2], 2, 3))
    expect_raises(lambda: student.min_cross_entropy(x, labels.double(), 2, 3))
    expect_raises(lambda: student.min_cross_entropy(x, labels, 1, 3))
    expect_raises(lambda: student.min_cross_entropy(x, labels, 2, 2))
    expect_raises(lambda: student.min_cross_entropy(x - 1, labels, 2, 3))


@exercise("min_cross_entropy")
@points(0.5)
@hint("The result is a number and lives nowhere; but what do you compute it from, and where is that?")
def check_placement_of_min_cross_entropy(runs: Runs) -> None:
    """On an accelerator, the infimum is computed as on the CPU."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- softmax


@exercise("softmax")
@own_softmax
@points(0.5)
@hint("Say the formula in words: what is divided by what? What does a row of the result sum to?")
@misconception(BATCH_DIM, wrong.softmax_over_first)
@misconception("The sum runs over all numbers of the tensor", wrong.softmax_over_all)
@misconception("The exponentials are not divided by their sum", wrong.softmax_without_sum)
@misconception("The logits are divided by their sum, without an exponential", wrong.softmax_without_exp)
@misconception("Powers of 2 are taken, not of e", wrong.softmax_base_two)
@misconception("A sigmoid is taken of each logit", wrong.softmax_is_sigmoid)
@misconception("The sign of the logits is wrong", wrong.softmax_of_negative)
@misconception("The logarithms of the probabilities are returned", wrong.softmax_is_log_softmax)
def check_probabilities_of_logits(student: Any) -> None:
    """Every row of logits becomes probabilities that sum to 1."""
    z = reals((1.5, -0.5, 0.25, 3.0), (0.0, 2.0, -1.0, 0.5), (-2.0, -2.5, -4.0, -3.0))
    expect_floats(student.softmax(z), bandit.softmax(z))
    expect_floats(student.softmax(z[0]), bandit.softmax(z[0]))
    expect_floats(student.softmax(z[:1, :1]), bandit.softmax(z[:1, :1]))
    expect_floats(student.softmax(z), bandit.softmax(z))


@exercise("softmax")
@own_softmax
@points(0.5)
@hint("Over which dimension do you take the maximum, and over which the sum? `keepdim=True` keeps the two aligned.")
@misconception(OTHER_DIM, wrong.softmax_over_last)
@misconception(BATCH_DIM, wrong.softmax_over_first)
@misconception("The sum runs over all numbers of the tensor", wrong.softmax_over_all)
def check_dimension_of_softmax(student: Any, generator: Generator) -> None:
    """The classes may be in any dimension."""
    z = torch.randn(3, 4, 3, generator=generator, dtype=torch.float64)
    for dim in (0, 2, -1, -2, 1):
        expect_floats(student.softmax(z, dim), bandit.softmax(z, dim))
    expect_floats(student.softmax(z, dim=1), bandit.softmax(z, dim=1))


@exercise("softmax")
@own_softmax
@points(0.5)
@hint("e to the power of 1000 is too large for every dtype. Which number may be subtracted from all logits of a row?")
@misconception(OVERFLOW, wrong.softmax_overflows)
@misconception(
    "The largest logit of the whole tensor is subtracted, not that of the row", wrong.softmax_one_shift_for_all
)
def check_large_logits_of_softmax(student: Any) -> None:
    """Very large and very small logits give finite probabilities."""
    z = reals((10_000.0, 9_999.0, 0.0), (-10_000.0, -10_002.0, -10_001.0), (3.0, -9_000.0, 2.0))
    expect_floats(student.softmax(z), bandit.softmax(z))
    expect_close(student.softmax(z.float()), bandit.softmax(z.float()), dtype=torch.float32)
    half = torch.tensor([[60_000.0, -60_000.0, 60_000.0]], dtype=torch.float16)
    expect_close(student.softmax(half), bandit.softmax(half), dtype=torch.float16)


@exercise("softmax")
@own_softmax
@points(0.25)
@hint("Half precision is computed in float32, but what comes back has the dtype that went in.")
def check_dtypes_of_softmax(student: Any) -> None:
    """The result has the dtype of the logits."""
    z = reals((1.5, -0.5, 0.25), (0.0, 2.0, -1.0))
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        expect_rounded(student.softmax(z.to(dtype)), bandit.softmax(z.to(dtype)), dtype)


@exercise("softmax")
@own_softmax
@points(0.5)
@hint("`detach`, `item`, `tolist` and numpy end the gradient. Only a shift that cancels may do without it.")
def check_gradient_of_softmax(student: Any, generator: Generator) -> None:
    """Gradients flow through softmax, and are right."""
    z = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    factor = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    (actual,) = student.gradients("softmax", z, weight=factor).inputs
    expect_floats(actual, gradient(reference.softmax, z, factor))
    (actual,) = student.gradients("softmax", z * 400, weight=factor, dim=0).inputs
    expect_floats(actual, gradient(lambda t: reference.softmax(t, 0), z * 400, factor))


@exercise("softmax")
@own_softmax
@points(0.25)
@hint("`exp_`, `sub_`, `-=` and `/=` write into the caller's tensor.")
def check_views_of_softmax(student: Any) -> None:
    """Non-contiguous logits and empty batches work, and inputs are left as they are."""
    z = reals((1.5, -0.5, 0.25), (0.0, 2.0, -1.0))
    for logits in (z, strided(z), z.t(), z[:, ::2], z[:0]):
        expect_floats(expect_no_side_effects(student, "softmax", logits), bandit.softmax(logits))


@exercise("softmax")
@own_softmax
@cpu_only(INVALID)
@points(0.25)
@hint("Integers have no probabilities in their dtype, and no class cannot have probability 1.")
def check_softmax_of_no_logits(student: Any) -> None:
    """Integer logits and a dimension without classes are refused."""
    z = reals((1.5, -0.5, 0.25), (0.0, 2.0, -1.0))
    expect_floats(student.softmax(z), bandit.softmax(z))
    expect_raises(lambda: student.softmax(torch.tensor([1, 2, 3])))
    expect_raises(lambda: student.softmax(z[:, :0]))
    expect_raises(lambda: student.softmax(z[:0], 0))


@exercise("softmax")
@points(0.25)
@hint("Work with the tensors that you are given; what you make yourself must live beside them.")
def check_placement_of_softmax(runs: Runs) -> None:
    """On an accelerator, softmax works as on the CPU, and the probabilities stay there."""
    expect_placement(runs)


@exercise("log_softmax")
@own_softmax
@points(0.5)
@hint("Take the logarithm of the formula of softmax: what becomes of the quotient, and what of the exponential?")
@misconception(BATCH_DIM, wrong.log_softmax_over_first)
@misconception("The logarithm is missing: these are probabilities", wrong.log_softmax_is_softmax)
@misconception("The sign is wrong", wrong.log_softmax_negative)
@misconception(BITS, wrong.log_softmax_in_bits)
@misconception(TENS, wrong.log_softmax_base_ten)
@misconception("The sum of the exponentials is subtracted, not its logarithm", wrong.log_softmax_without_log)
def check_logarithms_of_probabilities(student: Any) -> None:
    """Every row of logits becomes natural logarithms of probabilities."""
    z = reals((1.5, -0.5, 0.25, 3.0), (0.0, 2.0, -1.0, 0.5), (-2.0, -2.5, -4.0, -3.0))
    expect_floats(student.log_softmax(z[0]), bandit.log_softmax(z[0]))
    expect_floats(student.log_softmax(z[:1, :1]), bandit.log_softmax(z[:1, :1]))
    expect_floats(student.log_softmax(z), bandit.log_softmax(z))


@exercise("log_softmax")
@own_softmax
@points(0.25)
@hint("Over which dimension do you take the maximum, and over which the sum? `keepdim=True` keeps the two aligned.")
@misconception(OTHER_DIM, wrong.log_softmax_over_last)
@misconception(BATCH_DIM, wrong.log_softmax_over_first)
def check_dimension_of_log_softmax(student: Any, generator: Generator) -> None:
    """The classes may be in any dimension."""
    z = torch.randn(3, 4, 3, generator=generator, dtype=torch.float64)
    for dim in (0, 2, -1, -2, 1):
        expect_floats(student.log_softmax(z, dim), bandit.log_softmax(z, dim))
    expect_floats(student.log_softmax(z, dim=1), bandit.log_softmax(z, dim=1))


@exercise("log_softmax")
@own_softmax
@points(0.5)
@hint("A probability may be too small for its dtype; its logarithm is not. Which step need not be taken at all?")
@misconception(LOG_OF_ZERO, wrong.log_softmax_is_log_of_softmax)
@misconception(OVERFLOW, wrong.log_softmax_overflows)
@misconception(OVERFLOW, wrong.log_softmax_sum_overflows)
@misconception(EPSILON, wrong.log_softmax_with_epsilon(1e-12))
@misconception(EPSILON, wrong.log_softmax_with_epsilon(1e-10))
@misconception(EPSILON, wrong.log_softmax_with_epsilon(1e-8))
@misconception(EPSILON, wrong.log_softmax_with_epsilon(1e-7))
@misconception(EPSILON, wrong.log_softmax_with_epsilon(1e-6))
def check_large_logits_of_log_softmax(student: Any) -> None:
    """Very unlikely classes have a finite logarithm."""
    z = reals((1_000.0, 0.0, -1_000.0), (-5_000.0, -5_003.0, 5_000.0), (3.0, -9_000.0, 2.0))
    expect_floats(student.log_softmax(z), bandit.log_softmax(z))


@exercise("log_softmax")
@own_softmax
@points(0.25)
@hint("The docstring says how coarse a float32 near 10000 is. In which order do you add and subtract?")
def check_digits_of_log_softmax(student: Any) -> None:
    """In float32, large logits lose no digits; float16 stays finite as far as it reaches."""
    z = torch.tensor([[10_000.0, 9_999.0, 0.0], [-10_000.0, -9_998.0, -9_999.0], [0.0, 0.5, -1.0]])
    expect_close(student.log_softmax(z), bandit.log_softmax(z), dtype=torch.float32)
    half = torch.tensor([[60_000.0, 59_968.0, 0.0], [-60_000.0, -60_000.0, -60_000.0]], dtype=torch.float16)
    expect_close(student.log_softmax(half), bandit.log_softmax(half), dtype=torch.float16)


@exercise("log_softmax")
@own_softmax
@points(0.25)
@hint("Half precision is computed in float32, but what comes back has the dtype that went in.")
def check_dtypes_of_log_softmax(student: Any) -> None:
    """The result has the dtype of the logits."""
    z = reals((1.5, -0.5, 0.25), (0.0, 2.0, -1.0))
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        expect_rounded(student.log_softmax(z.to(dtype)), bandit.log_softmax(z.to(dtype)), dtype)


@exercise("log_softmax")
@own_softmax
@points(0.5)
@hint("`detach`, `item`, `tolist` and numpy end the gradient. Only a shift that cancels may do without it.")
def check_gradient_of_log_softmax(student: Any, generator: Generator) -> None:
    """Gradients flow through log-softmax, and are right, also for unlikely classes."""
    z = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    factor = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    (actual,) = student.gradients("log_softmax", z, weight=factor).inputs
    expect_floats(actual, gradient(reference.log_softmax, z, factor))
    (actual,) = student.gradients("log_softmax", z * 1_000, weight=factor, dim=0).inputs
    expect_floats(actual, gradient(lambda t: reference.log_softmax(t, 0), z * 1_000, factor))


@exercise("log_softmax")
@own_softmax
@points(0.25)
@hint("`exp_`, `sub_`, `-=` and `log_` write into the caller's tensor.")
def check_views_of_log_softmax(student: Any) -> None:
    """Non-contiguous logits and empty batches work, and inputs are left as they are."""
    z = reals((1.5, -0.5, 0.25), (0.0, 2.0, -1.0))
    for logits in (z, strided(z), z.t(), z[:, ::2], z[:0]):
        expect_floats(expect_no_side_effects(student, "log_softmax", logits), bandit.log_softmax(logits))


@exercise("log_softmax")
@own_softmax
@cpu_only(INVALID)
@points(0.25)
@hint("Integers have no logarithms in their dtype, and no class cannot have probability 1.")
def check_log_softmax_of_no_logits(student: Any) -> None:
    """Integer logits and a dimension without classes are refused."""
    z = reals((1.5, -0.5, 0.25), (0.0, 2.0, -1.0))
    expect_floats(student.log_softmax(z), bandit.log_softmax(z))
    expect_raises(lambda: student.log_softmax(torch.tensor([1, 2, 3])))
    expect_raises(lambda: student.log_softmax(z[:, :0]))
    expect_raises(lambda: student.log_softmax(z[:0], 0))


@exercise("log_softmax")
@points(0.25)
@hint("Work with the tensors that you are given; what you make yourself must live beside them.")
def check_placement_of_log_softmax(runs: Runs) -> None:
    """On an accelerator, log-softmax works as on the CPU, and the result stays there."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- cross-entropy


@exercise("cross_entropy")
@own_loss
@points(0.75)
@hint(
    "One sample first: which probability does the loss look at, and what is done with it? Then the mean over samples."
)
@misconception("Softmax is applied twice", wrong.ce_of_softmax)
@misconception(BATCH_DIM, wrong.ce_over_batch)
@misconception("The mean runs over the classes too", wrong.ce_mean_over_classes)
@misconception("The losses are summed, although their mean is asked for", wrong.ce_sums)
@misconception("The minus is missing", wrong.ce_negative)
@misconception("The logarithm is missing: this is the negative probability", wrong.ce_without_log)
@misconception("The softmax is missing: this is the negative logit", wrong.ce_without_softmax)
@misconception("A binary cross-entropy of each class is averaged", wrong.ce_is_bce_mean)
@misconception("A binary cross-entropy of each class is summed", wrong.ce_is_bce_sum)
@misconception("A binary cross-entropy is taken of the probabilities", wrong.ce_is_bce_of_softmax)
@misconception("1 is subtracted from the labels: they are counted from 1", wrong.ce_labels_from_one)
@misconception(BITS, wrong.ce_in_bits)
@misconception(TENS, wrong.ce_base_ten)
@misconception("This is the squared error of the probabilities", wrong.ce_is_squared_error)
@misconception(EPSILON, wrong.ce_with_epsilon(1e-3))
def check_loss_of_class_indices(student: Any) -> None:
    """The loss is the mean of the negative logarithms of the true classes' probabilities."""
    logits = reals((1.0, -0.5, 2.0), (0.25, 0.0, -1.5), (-1.0, 3.0, 0.5), (0.5, 0.75, 1.5))
    target = torch.tensor([1, 0, 2, 2])
    expect_floats(student.cross_entropy(logits, target), bandit.cross_entropy(logits, target))


@exercise("cross_entropy")
@own_loss
@points(0.75)
@hint("With probabilities every class has a part in the loss of a sample: its own. Where is summed, where averaged?")
@misconception("Only the most likely class of the target counts", wrong.ce_of_argmax)
@misconception("Softmax is applied twice", wrong.ce_of_softmax)
@misconception(BATCH_DIM, wrong.ce_over_batch)
@misconception("The mean runs over the classes too", wrong.ce_mean_over_classes)
@misconception("The losses are summed, although their mean is asked for", wrong.ce_sums)
@misconception("The minus is missing", wrong.ce_negative)
@misconception("The logarithm is missing", wrong.ce_without_log)
@misconception("The softmax is missing", wrong.ce_without_softmax)
@misconception("A binary cross-entropy of each class is averaged", wrong.ce_is_bce_mean)
@misconception("A binary cross-entropy of each class is summed", wrong.ce_is_bce_sum)
@misconception(BITS, wrong.ce_in_bits)
def check_loss_of_probabilities(student: Any) -> None:
    """A target of probabilities, one-hot or not, weighs the logarithms of all classes."""
    logits = reals((1.0, -0.5, 2.0), (0.25, 0.0, -1.5), (-1.0, 3.0, 0.5))
    one_hot = reals((0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    expect_floats(student.cross_entropy(logits, one_hot), bandit.cross_entropy(logits, one_hot))
    some = reals((0.5, 1.0, 0.25), (0.0, 0.0, 0.0), (0.0, 0.0, 1.0))  # they need not sum to 1
    expect_floats(student.cross_entropy(logits, some), bandit.cross_entropy(logits, some))
    soft = reals((0.2, 0.7, 0.1), (0.9, 0.04, 0.06), (0.25, 0.25, 0.5))
    expect_floats(student.cross_entropy(logits, soft), bandit.cross_entropy(logits, soft))


@exercise("cross_entropy")
@own_loss
@points(0.5)
@hint("Three words, three results: how many numbers come back for each?")
@misconception("The mean is returned whatever `reduction` is", wrong.ce_averages)
@misconception("The mean runs over the classes too", wrong.ce_mean_over_classes)
def check_reductions(student: Any) -> None:
    """`none` gives one loss per sample, `sum` their sum."""
    logits = reals((1.0, -0.5, 2.0), (0.25, 0.0, -1.5), (-1.0, 3.0, 0.5), (0.5, 0.75, 1.5))
    soft = reals((0.2, 0.7, 0.1), (0.9, 0.04, 0.06), (0.25, 0.25, 0.5), (0.0, 1.0, 0.0))
    for target in (torch.tensor([1, 0, 2, 2]), soft):
        for reduction in ("sum", "none"):
            expect_floats(
                student.cross_entropy(logits, target, reduction=reduction),
                bandit.cross_entropy(logits, target, reduction=reduction),
            )


@exercise("cross_entropy")
@own_loss
@points(0.5)
@hint("What is the loss of a class that the net is sure to be wrong? Not infinite: it grows with the logits.")
@misconception(OVERFLOW, wrong.ce_overflows)
@misconception(OVERFLOW, wrong.ce_of_ratio)
@misconception(LOG_OF_ZERO, wrong.ce_log_of_softmax)
@misconception(EPSILON, wrong.ce_with_epsilon(1e-15))
@misconception(EPSILON, wrong.ce_with_epsilon(1e-12))
@misconception(EPSILON, wrong.ce_with_epsilon(1e-10))
@misconception(EPSILON, wrong.ce_with_epsilon(1e-9))
@misconception(EPSILON, wrong.ce_with_epsilon(1e-8))
@misconception(EPSILON, wrong.ce_with_epsilon(1e-7))
@misconception(EPSILON, wrong.ce_with_epsilon(1e-6))
@misconception(EPSILON, wrong.ce_with_epsilon(1e-3))
def check_large_logits_of_the_loss(student: Any) -> None:
    """Wrong answers with very large logits have a large, finite loss."""
    logits = reals((1_000.0, 0.0, -1_000.0), (-5_000.0, 0.0, 3_000.0), (900.0, 899.0, 0.0))
    target = torch.tensor([1, 0, 0])
    expect_floats(student.cross_entropy(logits, target, reduction="none"),
                  bandit.cross_entropy(logits, target, reduction="none"))  # fmt: skip
    expect_floats(student.cross_entropy(logits, target), bandit.cross_entropy(logits, target))


@exercise("cross_entropy")
@own_loss
@points(0.25)
@hint("The docstring of `log_softmax` says how coarse a float32 near 10000 is. In which order do you subtract?")
def check_digits_of_the_loss(student: Any) -> None:
    """In float32, large logits lose no digits."""
    logits = torch.tensor([[10_000.0, 9_999.0, 0.0], [-10_000.0, -9_998.0, -9_999.0]])
    target = torch.tensor([1, 2])
    expect_close(student.cross_entropy(logits, target), bandit.cross_entropy(logits, target), dtype=torch.float32)


@exercise("cross_entropy")
@own_loss
@points(0.5)
@hint("A weighted mean is divided by something else than the number of samples. By what, so that equal weights cancel?")
@misconception("`weight` has no effect", wrong.ce_without_weight)
@misconception("The weighted sum is divided by the number of samples", wrong.ce_weighted_by_count)
@misconception("The weighted sum is divided by the weights of all classes", wrong.ce_weighted_by_all_weights)
def check_weights_of_classes(student: Any) -> None:
    """With class indices, `weight` counts in the numerator and in the denominator of the mean."""
    logits = reals((1.0, -0.5, 2.0), (0.25, 0.0, -1.5), (-1.0, 3.0, 0.5), (0.5, 0.75, 1.5))
    target, weight = torch.tensor([1, 0, 2, 2]), torch.tensor([0.5, 2.0, 4.0], dtype=torch.float64)
    for reduction in ("none", "sum"):
        expect_floats(student.cross_entropy(logits, target, weight, reduction=reduction),
                      bandit.cross_entropy(logits, target, weight, reduction=reduction))  # fmt: skip
    actual = student.cross_entropy(logits, target, weight, ignore_index=0)
    expect_floats(actual, bandit.cross_entropy(logits, target, weight, ignore_index=0))
    expect_floats(student.cross_entropy(logits, target, weight), bandit.cross_entropy(logits, target, weight))


@exercise("cross_entropy")
@own_loss
@points(0.25)
@hint("With probabilities, each class has its factor inside the sum over the classes.")
@misconception("`weight` has no effect", wrong.ce_without_weight)
def check_weights_of_probabilities(student: Any) -> None:
    """With probabilities, `weight` is a factor of each class."""
    logits = reals((1.0, -0.5, 2.0), (0.25, 0.0, -1.5))
    soft, weight = reals((0.2, 0.7, 0.1), (0.5, 0.25, 0.25)), torch.tensor([0.5, 2.0, 4.0], dtype=torch.float64)
    for reduction in ("none", "sum"):
        expect_floats(student.cross_entropy(logits, soft, weight, reduction=reduction),
                      bandit.cross_entropy(logits, soft, weight, reduction=reduction))  # fmt: skip


@exercise("cross_entropy")
@own_loss
@points(0.5)
@hint("An ignored sample is in neither sum of the mean. Is its label used as an index before it is left out?")
@misconception("`ignore_index` has no effect", wrong.ce_ignores_nothing)
@misconception(IN_DENOMINATOR, wrong.ce_ignored_in_denominator)
@misconception("Ignored samples are counted as class 0", wrong.ce_wraps_ignored)
def check_ignored_samples(student: Any) -> None:
    """Samples with the label `ignore_index` have loss 0 and are left out of the mean."""
    logits = reals((1.0, -0.5, 2.0), (0.25, 0.0, -1.5), (-1.0, 3.0, 0.5), (0.5, 0.75, 1.5))
    target = torch.tensor([1, 255, 2, 255])
    for reduction in ("none", "sum", "mean"):
        expect_floats(student.cross_entropy(logits, target, ignore_index=255, reduction=reduction),
                      bandit.cross_entropy(logits, target, ignore_index=255, reduction=reduction))  # fmt: skip
    target = torch.tensor([1, -100, -100, 0])
    expect_floats(student.cross_entropy(logits, target), bandit.cross_entropy(logits, target))
    target = torch.tensor([1, 0, 2, 0])
    expect_floats(student.cross_entropy(logits, target, ignore_index=0),
                  bandit.cross_entropy(logits, target, ignore_index=0))  # fmt: skip
    only, target = logits[:, :1], torch.tensor([0, -100, 0, -100])  # a single class
    expect_floats(student.cross_entropy(only, target, reduction="none"),
                  bandit.cross_entropy(only, target, reduction="none"))  # fmt: skip


@exercise("cross_entropy")
@own_loss
@points(0.25)
@hint("What is the sum of nothing, and what is its mean? The docstring says both.")
@misconception("The mean of no loss is 0", wrong.ce_of_nothing_is_zero)
def check_loss_of_nothing(student: Any) -> None:
    """An empty batch, or one that is ignored altogether, has sum 0 and mean NaN."""
    logits, ignored = reals((1.0, -0.5, 2.0), (0.25, 0.0, -1.5)), torch.tensor([-100, -100])
    for some, target in ((logits, ignored), (logits[:0], ignored[:0]), (logits[:0], logits[:0])):
        expect_floats(student.cross_entropy(some, target, reduction="sum"),
                      bandit.cross_entropy(some, target, reduction="sum"))  # fmt: skip
        expect_floats(student.cross_entropy(some, target), bandit.cross_entropy(some, target))


@exercise("cross_entropy")
@own_loss
@points(0.5)
@hint("The classes are in dimension 1, also when pixels come behind it. Over how many pixels does the mean run?")
@misconception("The softmax runs over the last dimension, which holds pixels", wrong.ce_over_last)
@misconception("The pixels are summed, and only the samples averaged", wrong.ce_sums_pixels)
@misconception("The mean runs over the classes too", wrong.ce_mean_over_classes)
def check_loss_of_pixels(student: Any, generator: Generator) -> None:
    """Images `(N, K, H, W)` and sequences `(N, K, L)` have one loss per pixel."""
    logits = torch.randn(2, 3, 4, 3, generator=generator, dtype=torch.float64)
    target = torch.randint(3, (2, 4, 3), generator=generator)
    soft = torch.rand(2, 3, 4, 3, generator=generator, dtype=torch.float64)
    for some in (target, soft):
        for reduction in ("none", "sum", "mean"):
            expect_floats(student.cross_entropy(logits, some, reduction=reduction),
                          bandit.cross_entropy(logits, some, reduction=reduction))  # fmt: skip
    weight = torch.tensor([0.5, 2.0, 4.0], dtype=torch.float64)
    expect_floats(student.cross_entropy(logits[..., 0], target[..., 0], weight, 1),
                  bandit.cross_entropy(logits[..., 0], target[..., 0], weight, 1))  # fmt: skip
    expect_floats(student.cross_entropy(logits, target), bandit.cross_entropy(logits, target))


@exercise("cross_entropy")
@own_loss
@points(0.25)
@hint("Which dtypes may the target have? What does a bool or uint8 tensor mean as an index, and what is -100 in uint8?")
def check_dtypes_of_targets(student: Any) -> None:
    """Targets of any integer dtype and bools work, and so do one sample and one class."""
    logits = reals((1.0, -0.5, 2.0), (0.25, 0.0, -1.5), (0.5, 1.0, -1.0))
    for dtype in (torch.uint8, torch.int32, torch.int16):
        target = torch.tensor([1, 0, 2], dtype=dtype)
        expect_floats(student.cross_entropy(logits, target), bandit.cross_entropy(logits, target))
    target = torch.tensor([True, False, True])
    expect_floats(student.cross_entropy(logits, target), bandit.cross_entropy(logits, target))
    expect_floats(student.cross_entropy(logits[:1], torch.tensor([2])),
                  bandit.cross_entropy(logits[:1], torch.tensor([2])))  # fmt: skip
    zeros = torch.zeros(3, dtype=torch.int64)
    expect_floats(student.cross_entropy(logits[:, :1], zeros), bandit.cross_entropy(logits[:, :1], zeros))
    many, last = torch.arange(320.0, dtype=torch.float64).reshape(2, 160) / 50, torch.tensor([156, 3])
    expect_floats(student.cross_entropy(many, last.to(torch.uint8)), bandit.cross_entropy(many, last))


@exercise("cross_entropy")
@own_loss
@points(0.25)
@hint("How large may a sum become in float16, before it is divided? Which dtype comes back?")
def check_dtypes_of_the_loss(student: Any) -> None:
    """The loss has the dtype of the logits; half precision is summed in a wider one."""
    logits, target = reals((1.0, -0.5, 2.0), (0.25, 0.0, -1.5), (0.5, 1.0, -1.0)), torch.tensor([1, 0, 2])
    soft = reals((0.2, 0.7, 0.1), (0.9, 0.04, 0.06), (0.25, 0.25, 0.5))
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        for reduction in ("mean", "none"):
            actual = student.cross_entropy(logits.to(dtype), target, reduction=reduction)
            expected = bandit.cross_entropy(logits.to(dtype), target, reduction=reduction)
            expect_rounded(actual, expected, dtype)
        actual = student.cross_entropy(logits.to(dtype), soft.to(dtype))
        expected = bandit.cross_entropy(logits.to(dtype), soft.to(dtype))
        expect_rounded(actual, expected, dtype)
    large = torch.tensor([[30_000.0, 0.0]], dtype=torch.float16).expand(4, 2)
    target = torch.tensor([1, 1, 1, 1])
    expect_close(student.cross_entropy(large, target), bandit.cross_entropy(large, target), dtype=torch.float16)


@exercise("cross_entropy")
@own_loss
@points(0.5)
@hint("A loss without a gradient trains nothing: `detach`, `item`, `tolist` and numpy end it.")
def check_gradient_of_the_loss(student: Any, generator: Generator) -> None:
    """Gradients flow to the logits, and are right."""
    logits = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    target, factor = torch.tensor([2, 0, -100, 1, 2]), torch.randn(5, generator=generator, dtype=torch.float64)
    one = torch.ones((), dtype=torch.float64)
    actual = student.gradients("cross_entropy", logits, target).inputs[0]
    expect_floats(actual, gradient(lambda z: reference.cross_entropy(z, target), logits, one))
    actual = student.gradients("cross_entropy", logits, target, weight=factor, reduction="none").inputs[0]
    expected = gradient(lambda z: reference.cross_entropy(z, target, reduction="none"), logits, factor)
    expect_floats(actual, expected)
    soft = torch.rand(5, 3, generator=generator, dtype=torch.float64)
    actual = student.gradients("cross_entropy", logits, soft).inputs[0]
    expect_floats(actual, gradient(lambda z: reference.cross_entropy(z, soft), logits, one))
    steep = reals((900.0, 0.0, -900.0))
    actual = student.gradients("cross_entropy", steep, target[:1]).inputs[0]
    expect_floats(actual, gradient(lambda z: reference.cross_entropy(z, target[:1]), steep, one))


@exercise("cross_entropy")
@own_loss
@points(0.25)
@hint("`view` needs contiguous memory; `target[mask] = 0` and `logits -= ...` write into what is not yours.")
def check_views_of_the_loss(student: Any) -> None:
    """Non-contiguous tensors work, and inputs are left as they are."""
    logits = strided(reals((1.0, -0.5, 2.0), (0.25, 0.0, -1.5), (0.5, 1.0, -1.0)))
    target = strided(torch.tensor([1, -100, 2]))
    weight = strided(torch.tensor([0.5, 2.0, 4.0], dtype=torch.float64))
    actual = expect_no_side_effects(student, "cross_entropy", logits, target, weight)
    expect_floats(actual, bandit.cross_entropy(logits, target, weight))
    pixels, soft = reals((1.0, -0.5, 2.0), (0.25, 0.0, -1.5))[None].movedim(1, 2), reals((0.5, 0.25), (0.25, 0.75))
    target = torch.tensor([[0, 2]])
    actual = expect_no_side_effects(student, "cross_entropy", pixels, target)
    expect_floats(actual, bandit.cross_entropy(pixels, target))
    actual = expect_no_side_effects(student, "cross_entropy", logits[:2, ::2], soft.t())
    expect_floats(actual, bandit.cross_entropy(logits[:2, ::2], soft.t()))


@exercise("cross_entropy")
@own_loss
@cpu_only(INVALID)
@points(0.25)
@hint("Which label has no probability? Mind the negative ones: PyTorch counts them from the end.")
def check_class_out_of_range(student: Any) -> None:
    """Class indices outside of the classes are refused, unless they are `ignore_index`."""
    logits = reals((1.0, -0.5, 2.0), (0.25, 0.0, -1.5))
    expect_floats(student.cross_entropy(logits, torch.tensor([1, -100])),
                  bandit.cross_entropy(logits, torch.tensor([1, -100])))  # fmt: skip
    expect_raises(lambda: student.cross_entropy(logits, torch.tensor([1, 3])))
    expect_raises(lambda: student.cross_entropy(logits, torch.tensor([1, -1])))
    expect_raises(lambda: student.cross_entropy(logits, torch.tensor([1, -100]), ignore_index=255))


@exercise("cross_entropy")
@own_loss
@cpu_only(INVALID)
@points(0.25)
@hint("Compare the shapes before the values: PyTorch stretches what does not fit. And an unknown word is no mean.")
def check_arguments_of_the_loss(student: Any) -> None:
    """Shapes that do not fit, an unknown reduction and integer logits are refused."""
    logits, target = reals((1.0, -0.5, 2.0), (0.25, 0.0, -1.5)), torch.tensor([1, 0])
    expect_floats(student.cross_entropy(logits, target), bandit.cross_entropy(logits, target))
    expect_raises(lambda: student.cross_entropy(logits, target[:1]))
    expect_raises(lambda: student.cross_entropy(logits, target[None]))
    expect_raises(lambda: student.cross_entropy(logits, logits[:1]))
    expect_raises(lambda: student.cross_entropy(logits, target.double()))
    expect_raises(lambda: student.cross_entropy(logits, target, torch.ones(1, dtype=torch.float64)))
    expect_raises(lambda: student.cross_entropy(logits, target, reduction="average"))
    expect_raises(lambda: student.cross_entropy(logits.long(), target))
    expect_raises(lambda: student.cross_entropy(logits[0], target[:1]))


@exercise("cross_entropy")
@points(0.5)
@hint("Weights, masks and one-hot vectors that you make live on the CPU, unless you say `device=logits.device`.")
def check_placement_of_cross_entropy(runs: Runs) -> None:
    """On an accelerator, the loss is computed as on the CPU, and stays there."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- argmax and the net


@exercise("predict")
@points(0.5)
@hint("One class per sample: how many numbers come back, and from which dimension do they count?")
@misconception("The argmax runs over the batch (dimension 0)", wrong.predict_over_first)
@misconception("The argmax runs over all numbers", wrong.predict_flattened)
@misconception("The largest logit is returned, not its place", wrong.predict_is_max)
@misconception("The least likely class is returned", wrong.predict_is_argmin)
@misconception("Classes are counted from 1", wrong.predict_from_one)
@misconception("The dimension of the classes is kept", wrong.predict_keeps_dim)
def check_most_likely_class(student: Any) -> None:
    """The prediction for a sample is the class with the largest logit."""
    logits = reals((0.5, 2.0, -1.0), (3.0, 0.0, 4.0), (1.0, -2.0, 0.5), (-3.0, -2.0, -5.0))
    expect_classes(student.predict(logits), bandit.predict(logits))
    square = logits[:3]
    expect_classes(student.predict(square), bandit.predict(square))
    expect_classes(student.predict(logits[:, :1]), bandit.predict(logits[:, :1]))


@exercise("predict")
@points(0.25)
@hint("Two classes are equally likely. Which of the two does the docstring want?")
@misconception("Of equal logits the last one wins", wrong.predict_last_of_equals)
def check_equal_logits(student: Any) -> None:
    """Of equal logits the lower index wins."""
    logits = reals((1.0, 2.0, 2.0, 0.0), (5.0, 5.0, 5.0, 5.0), (0.0, -1.0, 0.0, -2.0))
    expect_classes(student.predict(logits), bandit.predict(logits))


@exercise("predict")
@points(0.5)
@hint("An image has a class at each pixel. Which dimension disappears?")
@misconception("The argmax runs over the last dimension", wrong.predict_over_last)
@misconception("`dim` has no effect: dimension 1 is always taken", wrong.predict_over_second)
@misconception("The argmax runs over the batch (dimension 0)", wrong.predict_over_first)
def check_class_of_each_pixel(student: Any, generator: Generator) -> None:
    """The classes are in dimension 1, or in `dim`."""
    logits = torch.randn(3, 4, 3, 4, generator=generator, dtype=torch.float64)
    for dim in (0, -1, 2, -4):
        expect_classes(student.predict(logits, dim), bandit.predict(logits, dim))
    expect_classes(student.predict(logits[..., 0]), bandit.predict(logits[..., 0]))
    expect_classes(student.predict(logits), bandit.predict(logits))


@exercise("predict")
@points(0.25)
@hint("An index is a whole number of one certain dtype, whatever that of the logits is.")
def check_dtypes_of_predictions(student: Any) -> None:
    """Predictions are int64 for logits of any dtype; probabilities and empty batches work, and nothing is changed."""
    logits = reals((0.5, 2.0, -1.0), (3.0, 0.0, 4.0), (1.0, -2.0, 0.5))
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        actual = expect_no_side_effects(student, "predict", logits.to(dtype))
        expect_equal(actual, bandit.predict(logits), dtype=torch.int64)
    for some in (strided(logits), logits.t(), bandit.softmax(logits), logits[:0], logits[:1]):
        expect_equal(expect_no_side_effects(student, "predict", some), bandit.predict(some), dtype=torch.int64)


@exercise("predict")
@cpu_only(INVALID)
@points(0.25)
@hint("The best of no class is none.")
def check_prediction_without_classes(student: Any) -> None:
    """A dimension that is missing or holds no class is refused."""
    logits = reals((0.5, 2.0, -1.0), (3.0, 0.0, 4.0))
    expect_classes(student.predict(logits), bandit.predict(logits))
    expect_raises(lambda: student.predict(logits[:, :0]))
    expect_raises(lambda: student.predict(logits[:0, :0]))
    expect_raises(lambda: student.predict(logits[0]))


@exercise("predict")
@points(0.25)
@hint("What `.tolist()`, `.numpy()` or `torch.tensor(...)` makes lives on the CPU. Do you need it?")
def check_placement_of_predict(runs: Runs) -> None:
    """On an accelerator, predictions stay where the logits are."""
    expect_placement(runs)


@exercise("BanditNet")
@points(0.5)
@hint("The docstring names the two layers, their sizes and how they begin. Nothing else has numbers to learn.")
def check_names_and_shapes(student: Any) -> None:
    """The parameters are those of `fc1 = Linear(1, H)` and `fc2 = Linear(H, 3)`, initialised as PyTorch does."""
    for hidden in (1, 4, 32):
        state = student.BanditNet(hidden).call("state_dict")
        shapes = {"fc1.weight": (hidden, 1), "fc1.bias": (hidden,), "fc2.weight": (3, hidden), "fc2.bias": (3,)}
        for name, shape in shapes.items():
            parameter = expect_tensor(expect_item(state, name), shape=shape)
            bound = 1.0 if name.startswith("fc1") else hidden**-0.5
            expect_true(bool((parameter.abs() <= bound + 1e-6).all()), f"{name} is not initialised as PyTorch does")
            is_equal = parameter.numel() > 1 and float(parameter.max()) == float(parameter.min())
            expect_true(not is_equal, f"all numbers of {name} are equal: it is not initialised as PyTorch does")
        expect_true(len(state) == len(shapes), "expected the parameters of fc1 and fc2 and no others")


@exercise("BanditNet")
@points(0.5)
@hint("Follow one arm: first layer, activation, second layer. What comes after the second layer?")
@misconception("The net ends with a softmax", wrong.net_with_softmax)
@misconception("The net ends with a log-softmax", wrong.net_with_log_softmax)
@misconception("The net ends with a sigmoid", wrong.net_with_sigmoid)
@misconception("The net ends with a ReLU", wrong.net_with_last_relu)
@misconception("There is no activation between the layers", wrong.net_without_relu)
@misconception("The activation is tanh, not ReLU", wrong.net_with_tanh)
@misconception("The activation is a sigmoid, not ReLU", wrong.net_with_hidden_sigmoid)
def check_logits_of_the_net(student: Any) -> None:
    """With given weights, the net has the right logits."""
    net, x = loaded(student), torch.tensor([[0.0], [1.0], [-2.0], [0.5]])
    expect_close(net(x), logits_of(x), dtype=torch.float32)


@exercise("BanditNet")
@points(0.25)
@hint("Does anything in your net depend on the batch, on chance, or on a dtype?")
def check_modes_and_batches(student: Any) -> None:
    """Training and evaluation, one arm, none and float64 make no difference; the input is not changed."""
    net, x = loaded(student), torch.tensor([[1.0], [0.0], [3.0]])
    for mode in ("eval", "train"):
        net.call(mode)
        for some in (x, x[:1], x[:0]):
            expect_close(net(some), logits_of(some), dtype=torch.float32)
    net.call("double")
    expect_close(net(x.double()), logits_of(x))


@exercise("BanditNet")
@points(0.25)
@hint("All four parameters learn only if the gradient passes both layers. What interrupts it?")
def check_gradients_of_the_net(student: Any) -> None:
    """Gradients reach all parameters and the input."""
    net, x = loaded(student), torch.tensor([[1.0], [0.0], [2.0]])
    factor = torch.tensor([[1.0, -2.0, 0.5], [0.25, 1.0, -1.0], [2.0, 0.5, 1.0]])
    actual = net.gradients(x, weight=factor)
    twin, leaf = reference_net(), x.double().requires_grad_(True)
    parameters = dict(twin.named_parameters())
    expected = torch.autograd.grad((twin(leaf) * factor).sum(), [leaf, *parameters.values()])
    expect_close(actual.inputs[0], expected[0], dtype=torch.float32)
    for name, value in zip(parameters, expected[1:], strict=True):
        expect_close(expect_item(dict(actual.parameters), name), value, dtype=torch.float32)


@exercise("BanditNet")
@cpu_only(INVALID)
@points(0.25)
@hint("`nn.Linear` takes any number of leading dimensions, and even no unit at all. The docstring does not.")
def check_inputs_of_the_net(student: Any) -> None:
    """A net without hidden units and inputs that are not `(N, 1)` are refused."""
    net, x = loaded(student), torch.tensor([[1.0], [0.0]])
    expect_close(net(x), logits_of(x), dtype=torch.float32)
    expect_raises(lambda: net(x[:, 0]))
    expect_raises(lambda: net(x[None]))
    expect_raises(lambda: net(x[:, :, None]))
    expect_raises(lambda: net(x.repeat(1, 2)))
    expect_raises(lambda: student.BanditNet(0))
    expect_raises(lambda: student.BanditNet(-2))


@exercise("BanditNet")
@points(0.25)
@hint("`.to(device)` moves parameters and buffers, and nothing else that you keep in the net.")
def check_placement_of_BanditNet(runs: Runs) -> None:
    """On an accelerator, the net works as on the CPU."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- training


@exercise("train_bandit")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(1.25)
@hint(
    "Compare the loss of your net with `min_cross_entropy`. Does it still fall when you stop? Does it start every time?"
)
def check_loss_reaches_the_infimum(student: Any) -> None:
    """After training, the loss is at most 0.01 nats above the infimum."""
    x = torch.tensor([0] * 14 + [1] * 15)
    labels = torch.tensor([0] * 1 + [1] * 12 + [2] * 1 + [0] * 11 + [2] * 4)
    expect_trained(student.train_bandit(x, labels), x, labels)


@exercise("train_bandit")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(0.75)
@hint("A rare class needs very different logits from the others. How far do your steps carry them?")
def check_rare_classes_are_learned(student: Any) -> None:
    """Uneven data reach the infimum too: one arm that is hardly pulled, one class that is rare, another seed."""
    x = torch.tensor([1] * 90 + [0] * 10)
    labels = torch.tensor([2] * 86 + [0] * 4 + [0] * 3 + [1] * 7)
    expect_trained(student.train_bandit(x, labels, seed=1), x, labels)


@exercise("train_bandit")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(0.75)
@hint(
    "A class that never follows an arm needs a logit that goes on falling. And has your net the size that is asked for?"
)
def check_certain_arms_are_learned(student: Any) -> None:
    """Arms with a certain outcome reach the infimum too, with other dtypes, another size and another seed."""
    x = strided(torch.tensor([1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0], dtype=torch.float64))
    labels = strided(torch.tensor([0, 2, 0, 2, 2, 0, 0], dtype=torch.uint8))
    net = student.train_bandit(x, labels, hidden=12, seed=2)
    state = net_state(net)
    expect_tensor(expect_item(state, "fc1.weight"), shape=(12, 1), dtype=torch.float32)
    expect_trained(net, x, labels)


@exercise("train_bandit")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(0.75)
@hint("Where does chance come in, and what decides it? Whatever happened before the call must not.")
def check_same_seed_same_net(student: Any) -> None:
    """The same seed and data give the same parameters; without a seed it is 0, and there are eight hidden units."""
    x, labels = torch.tensor([0, 1, 1, 0, 1, 0, 1]), torch.tensor([0, 2, 1, 1, 2, 0, 2])
    for first, second, again in (({"seed": 3}, {"seed": 3}, "used again"), ({}, {"seed": 0}, "said, not left to 0")):
        states = [net_state(student.train_bandit(x, labels, **which)) for which in (first, second)]
        for name, shape in (("fc1.weight", (8, 1)), ("fc1.bias", (8,)), ("fc2.weight", (3, 8)), ("fc2.bias", (3,))):
            before, after = (expect_tensor(expect_item(state, name), shape=shape) for state in states)
            expect_true(torch.equal(before, after), f"{name} is another one when the same seed is {again}")


@exercise("train_bandit")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(0.5)
@hint("`torch.manual_seed` changes the random numbers of everybody. How do you give back the state that you found?")
def check_training_leaves_no_trace(student: Any) -> None:
    """Training changes neither the caller's random state nor its data."""
    x, labels = torch.tensor([0, 1, 1, 0, 1]), torch.tensor([0, 2, 1, 0, 2])
    expect_trained(expect_no_side_effects(student, "train_bandit", x, labels, seed=4), x, labels)


# ---------------------------------------------------------------------------------------------- expectations


def expect_classes(actual: object, expected: Tensor) -> None:
    """Expect the oracle's classes in any integer dtype: the dtype is a check of its own."""
    tensor = expect_tensor(actual, shape=expected.shape)
    is_whole = not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)
    expect_true(is_whole or tensor.numel() == 0, "expected classes, which are whole numbers")
    expect_equal(tensor.to(torch.int64), expected.to(torch.int64))


def expect_any_dtype(actual: object, expected: Tensor) -> None:
    """Expect the oracle's values in any dtype: the dtype is a check of its own."""
    tensor = expect_tensor(actual, shape=expected.shape)
    expect_true(not tensor.is_complex(), "expected real numbers")
    expect_close(tensor.double(), expected.double())


def expect_infimum(actual: object, expected: float) -> None:
    """Expect a number, a float or a 0-dim tensor, close to the oracle's; NaN where the oracle says NaN."""
    expect_number(actual, expected, rtol=RTOL, atol=ATOL, equal_nan=math.isnan(expected))


def expect_trained(net: Any, x: Tensor, labels: Tensor) -> None:
    """Expect that the logits of ``net`` for the two arms have a mean loss just above the infimum."""
    state = net_state(net)
    dtype = expect_tensor(expect_item(state, "fc1.weight")).dtype
    logits = expect_tensor(net(torch.tensor([[0.0], [1.0]], dtype=dtype)), shape=(2, 3)).double()
    again = expect_tensor(net(torch.tensor([[1.0], [0.0], [1.0]], dtype=dtype)), shape=(3, 3)).double()
    expect_true(bool(logits.isfinite().all()), "the logits of the trained net are not finite")
    is_function = torch.allclose(again, logits[[1, 0, 1]], rtol=1e-4, atol=1e-4)
    expect_true(is_function, "the trained net's answer to an arm depends on the batch around it")
    loss = float(reference.cross_entropy(logits[x.long()], labels.long()))
    infimum = reference.min_cross_entropy(x.long(), labels.long(), 2, 3)
    staff = f"loss {loss:.6f}, infimum {infimum:.6f}"
    expect_true(loss >= infimum - 1e-6, "the loss lies below what any net can reach", staff=staff)
    far = f"the loss of the returned net is more than {MARGIN} above the infimum. Does it learn to the end?"
    expect_true(loss <= infimum + MARGIN, far, staff=staff)


# ---------------------------------------------------------------------------------------------- inputs


def reals(*rows: tuple[float, ...]) -> Tensor:
    """Return ``(N, K)`` float64 numbers."""
    return torch.tensor(rows, dtype=torch.float64)


def strided(tensor: Tensor) -> Tensor:
    """Return the same values in memory that is not contiguous."""
    if tensor.dim() == 2:
        return tensor.t().contiguous().t()
    return torch.stack((tensor, tensor.logical_not().to(tensor.dtype)), 1)[:, 0]


def pulls(generator: Generator, count: int, num_arms: int, num_classes: int) -> tuple[Tensor, Tensor]:
    """Return ``count`` pulls, lower arms and classes more often than higher ones."""
    x = torch.rand(count, generator=generator).square() * num_arms  # (N,)
    labels = torch.rand(count, generator=generator).square() * num_classes  # (N,)
    return x.long(), labels.long()


def gradient(function: Callable[[Tensor], Tensor], z: Tensor, factor: Tensor) -> Tensor:
    """Return the gradient of ``sum(factor * function(z))``."""
    leaf = z.detach().clone().requires_grad_(True)
    (found,) = torch.autograd.grad((function(leaf) * factor).sum(), leaf)
    return found


def loaded(student: Any) -> Any:
    """Return the student's net with the weights of ``wrong.NET_STATE``."""
    net = student.BanditNet(4)
    net.call("load_state_dict", {name: value.float() for name, value in wrong.NET_STATE.items()})
    return net


def reference_net() -> reference.BanditNet:
    """Return the reference's net with the same weights, in float64."""
    net = reference.BanditNet(4).double()
    net.load_state_dict(wrong.NET_STATE)
    return net


def logits_of(x: Tensor) -> Tensor:
    """Return the reference's logits for arms ``(N, 1)``."""
    with torch.no_grad():
        logits: Tensor = reference_net()(x.double())
    return logits


def net_state(net: Any) -> Any:
    """Return the parameters of a trained net, which is no plain value but an object."""
    expect_true(hasattr(net, "type_name") and hasattr(net, "call"), "expected a BanditNet")
    return net.call("state_dict")
