r"""The bandit exercise of the lecture: reward classes, softmax, cross-entropy, argmax, and a small network.

Reading order: rewards become classes (``encode_rewards``, ``one_hot``), the pulls of each arm are counted
(``empirical_distribution``), the counts say which arm is the better one (``expected_reward``) and how low any
classifier's loss can get (``min_cross_entropy``). A network answers with logits (``BanditNet``), which are turned into
probabilities (``softmax``, ``log_softmax``), a loss (``cross_entropy``) and a class (``predict``).

Class ``k`` is the reward ``reward_values[k]``. Logarithms are natural: losses are in nats. Losses and probabilities are
computed in float64 and returned in the dtype and on the device of the inputs; they are differentiable. Inputs are never
changed and may be non-contiguous.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def encode_rewards(y: Tensor, reward_values: Sequence[float] = (0, 1, 100)) -> Tensor:
    r"""Return the class of each reward: its index in ``reward_values``.

    .. math:: c^{(i)} = k \quad\text{where}\quad r_k = y^{(i)}

    Args:
        y: ``(N,)`` integer, bool or float, one observed reward per pull.
        reward_values: ``K`` numbers, the rewards in the order of the classes.

    Returns:
        ``(N,)`` int64 in ``[0, K)``.

    Raises:
        ValueError: if ``y`` is not 1-D, or holds a reward that is not in ``reward_values`` (NaN never is).

    Note:
        A float ``y`` is compared in its own dtype: the float32 number nearest to 0.1 is the reward 0.1. If two values
        are equal in that dtype, the lower index is taken.

    Example:
        The ten pulls of the lecture. The reward 100 is class 2, not class 100.

        >>> encode_rewards(torch.tensor([1, 0, 0, 0, 1, 0, 0, 100, 0, 0]))
        tensor([1, 0, 0, 0, 1, 0, 0, 2, 0, 0])
    """
    subject = "encode_rewards"
    _check_shape(subject, y, (y.numel(),), "y holds one reward per pull.")
    dtype = y.dtype if y.is_floating_point() else torch.float64
    labels = torch.full_like(y, -1, dtype=torch.int64)  # (N,)
    for k, value in reversed(tuple(enumerate(torch.as_tensor(reward_values, dtype=dtype).tolist()))):
        labels = labels.where(y.to(dtype) != value, k)  # backwards, so that the first of two equal values stays
    if (labels < 0).any():
        unknown = y[labels < 0][0].item()
        raise ValueError(f"{subject}: expected rewards from {tuple(reward_values)}, got {unknown}.")
    return labels


def one_hot(labels: Tensor, num_classes: int) -> Tensor:
    r"""Return the one-hot vectors of class indices.

    .. math:: y_k = 1 \text{ if } k = c, \text{ else } 0

    Args:
        labels: ``(...)`` integer or bool in ``[0, K)``, any shape.
        num_classes: ``K``, at least 1.

    Returns:
        ``(..., K)`` float32, the classes in the last dimension.

    Raises:
        ValueError: if ``labels`` are floats, a label lies outside ``[0, K)``, or ``num_classes`` is below 1.

    Note:
        ``torch.nn.functional.one_hot`` returns int64, and infers ``K`` if it is not given: wrong for a batch in which
        the last class does not occur.

    Example:
        >>> one_hot(torch.tensor([1, 0]), num_classes=3)
        tensor([[0., 1., 0.],
                [1., 0., 0.]])
    """
    labels = _as_labels("one_hot", "labels", labels, num_classes)
    classes = torch.arange(num_classes, device=labels.device)  # (K,)
    return (labels[..., None] == classes).to(torch.float32)  # (..., K)


def empirical_distribution(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> Tensor:
    r"""Return how often each class followed each arm, as a fraction of the pulls of that arm.

    .. math:: \hat P(c = k \mid x = a) = \frac{|\{i : x^{(i)} = a,\ c^{(i)} = k\}|}{|\{i : x^{(i)} = a\}|}

    Args:
        x: ``(N,)`` integer or bool in ``[0, A)``, the arm of each pull.
        labels: ``(N,)`` integer or bool in ``[0, K)``, the class that followed.
        num_arms: ``A``, at least 1.
        num_classes: ``K``, at least 1.

    Returns:
        ``(A, K)`` float64, row ``a`` is the distribution of arm ``a``. Each row sums to 1, except that an arm that was
        never pulled has a row of NaN.

    Raises:
        ValueError: if the inputs are not 1-D of one length or hold floats, an arm lies outside ``[0, A)``, a label
            outside ``[0, K)``, or ``num_arms`` or ``num_classes`` is below 1.

    Note:
        This is what maximum likelihood drives a softmax towards, if the network can represent it.

    References:
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press, 2016, section 6.2.2.3, equation 6.31.

    Example:
        The ten pulls of the lecture.

        >>> x = torch.tensor([0, 1, 1, 1, 0, 1, 0, 1, 0, 0])
        >>> labels = torch.tensor([1, 0, 0, 0, 1, 0, 0, 2, 0, 0])
        >>> empirical_distribution(x, labels, num_arms=2, num_classes=3)
        tensor([[0.6000, 0.4000, 0.0000],
                [0.8000, 0.0000, 0.2000]], dtype=torch.float64)
    """
    x, labels = _as_pulls("empirical_distribution", x, labels, num_arms, num_classes)
    pairs = torch.bincount(x * num_classes + labels, minlength=num_arms * num_classes)  # (A * K,)
    counts = pairs.reshape(num_arms, num_classes).to(torch.float64)  # (A, K)
    return counts / counts.sum(dim=1, keepdim=True)  # (A, K); 0 / 0 is NaN


def expected_reward(dist: Tensor, reward_values: Sequence[float]) -> Tensor:
    r"""Return the mean reward of each arm.

    .. math:: E[y \mid x = a] = \sum_k P(c = k \mid x = a)\, r_k

    Args:
        dist: ``(A, K)``, row ``a`` is the distribution of arm ``a``; the rows are taken as they are.
        reward_values: ``K`` numbers, the rewards in the order of the classes.

    Returns:
        ``(A,)``, in the unit of the rewards and the dtype of ``dist`` (float32 for integers); NaN for a row of NaN.

    Raises:
        ValueError: if ``dist`` is not 2-D, or ``reward_values`` does not have one number per column.

    Note:
        The best arm is the argmax of this, not of the probabilities: the most likely class is reward 0 for both arms
        of the lecture.

    Example:
        >>> expected_reward(torch.tensor([[0.6, 0.4, 0.0], [0.8, 0.0, 0.2]]), (0, 1, 100))
        tensor([ 0.4000, 20.0000])
    """
    subject = "expected_reward"
    if dist.dim() != 2:
        raise ValueError(f"{subject}: expected shape (A, K), got {tuple(dist.shape)}. dist holds one row per arm.")
    if len(reward_values) != dist.shape[1]:
        hint = "reward_values holds one reward per column of dist."
        raise ValueError(f"{subject}: expected {dist.shape[1]} reward values, got {len(reward_values)}. {hint}")
    dtype = dist.dtype if dist.is_floating_point() else torch.float32
    values = torch.as_tensor(reward_values, dtype=torch.float64, device=dist.device)  # (K,)
    return (dist.to(torch.float64) * values).sum(dim=1).to(dtype)  # (A,)


def min_cross_entropy(x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> float:
    r"""Return the infimum of the mean cross-entropy over all classifiers that see only the arm.

    .. math:: \inf_\lambda \frac{1}{N} \sum_i -\log \lambda_{c^{(i)}}(x^{(i)})
        = \frac{1}{N} \sum_i -\log \hat P(c^{(i)} \mid x^{(i)})
        = \sum_a \frac{N_a}{N}\, H\big(\hat P(\cdot \mid x = a)\big)

    the conditional entropy of the class given the arm: the best classifier answers with the fractions that were
    counted (``empirical_distribution``).

    Args:
        x: ``(N,)`` integer or bool in ``[0, A)``, the arm of each pull.
        labels: ``(N,)`` integer or bool in ``[0, K)``, the class that followed.
        num_arms: ``A``, at least 1.
        num_classes: ``K``, at least 1.

    Returns:
        A float in ``[0, log K]``, in nats; NaN without pulls.

    Raises:
        ValueError: as ``empirical_distribution``.

    Note:
        No softmax of finite logits reaches it when some class never followed some arm (:math:`0 \log 0 = 0` needs a
        logit of :math:`-\infty`). A measured training loss below it is a mistake in the loss.

    References:
        Goodfellow et al. 2016 (see ``empirical_distribution``), equation 6.31.

    Example:
        Half of the pulls have entropy H(3/5, 2/5), the other half H(4/5, 1/5).

        >>> x = torch.tensor([0, 1, 1, 1, 0, 1, 0, 1, 0, 0])
        >>> labels = torch.tensor([1, 0, 0, 0, 1, 0, 0, 2, 0, 0])
        >>> round(min_cross_entropy(x, labels, num_arms=2, num_classes=3), 7)
        0.586707
    """
    x, labels = _as_pulls("min_cross_entropy", x, labels, num_arms, num_classes)
    dist = empirical_distribution(x, labels, num_arms, num_classes)  # (A, K)
    # Only pairs that were seen are looked up: their probability is not 0, and 0 log 0 does not come up.
    return float(dist[x, labels].reciprocal().log().mean())  # (N,) -> ()


def softmax(z: Tensor, dim: int = -1) -> Tensor:
    r"""Return the probabilities of logits: positive, and summing to 1 along one dimension.

    .. math:: \lambda_k = \frac{e^{z_k}}{\sum_{k'} e^{z_{k'}}} = \frac{e^{z_k - m}}{\sum_{k'} e^{z_{k'} - m}}, \qquad
        m = \max_{k'} z_{k'}

    Args:
        z: any shape with at least one dimension, float, finite logits.
        dim: the dimension of the classes.

    Returns:
        Same shape and dtype, in ``[0, 1]``.

    Raises:
        ValueError: if ``z`` is not floating, or has no class in dimension ``dim``.

    Note:
        The second form is computed: the first one overflows in float32 from a logit of 89 on.

    References:
        Goodfellow, Bengio and Courville, "Deep Learning", MIT Press, 2016, section 6.2.2.3, equations 6.29 and 6.33.
        Prince, "Understanding Deep Learning", MIT Press, 2023, equation 5.22 (the letter :math:`\lambda`).

    Example:
        >>> softmax(torch.tensor([1., 2., 3.]))
        tensor([0.0900, 0.2447, 0.6652])
    """
    exp_z = _shift("softmax", z, dim).exp()
    return (exp_z / exp_z.sum(dim=dim, keepdim=True)).to(z.dtype)


def log_softmax(z: Tensor, dim: int = -1) -> Tensor:
    r"""Return the logarithms of the probabilities of logits.

    .. math:: \log \lambda_k = z_k - \log \sum_{k'} e^{z_{k'}} = (z_k - m) - \log \sum_{k'} e^{z_{k'} - m}, \qquad
        m = \max_{k'} z_{k'}

    Args:
        z: any shape with at least one dimension, float, finite logits.
        dim: the dimension of the classes.

    Returns:
        Same shape and dtype, at most 0, in nats. Finite, unless logits differ by more than the dtype can hold (float16:
        65504).

    Raises:
        ValueError: if ``z`` is not floating, or has no class in dimension ``dim``.

    Note:
        ``softmax(z).log()`` is something else in floating point: :math:`-\infty` once a probability underflows.

    References:
        Goodfellow et al. 2016 (see ``softmax``), equations 6.30 and 6.33.

    Example:
        >>> log_softmax(torch.tensor([1000., 0., -1000.]))
        tensor([    0., -1000., -2000.])
    """
    shifted = _shift("log_softmax", z, dim)
    return (shifted - shifted.exp().sum(dim=dim, keepdim=True).log()).to(z.dtype)


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    r"""Return the cross-entropy between the softmax of logits and a target, in nats.

    For class indices :math:`t`, and for probabilities :math:`y` (a one-hot vector or any other distribution):

    .. math:: \ell^{(i)} = -w_{t^{(i)}} \log \lambda^{(i)}_{t^{(i)}}, \qquad
        \ell^{(i)} = -\sum_k w_k\, y^{(i)}_k \log \lambda^{(i)}_k, \qquad \lambda = \text{softmax}(z)

    summed over the classes, never averaged over them. Then, over the samples :math:`i` (and pixels, if there are any):

    ======== ================================================================= ========================================
    ``none`` :math:`\ell^{(i)}`                                                one loss per sample
    ``sum``  :math:`\sum_i \ell^{(i)}`
    ``mean`` :math:`\sum_i \ell^{(i)} / \sum_i w_{t^{(i)}}`                    class indices; without weight, the mean
    ``mean`` :math:`\sum_i \ell^{(i)} / N`                                     probabilities; N counts samples (pixels)
    ======== ================================================================= ========================================

    Args:
        logits: ``(N, K)`` or ``(N, K, d1, ...)`` float, finite; logits, not probabilities.
        target: class indices, ``(N,)`` or ``(N, d1, ...)`` integer or bool in ``[0, K)`` or equal to ``ignore_index``;
            or probabilities, float of the shape of ``logits``.
        weight: ``(K,)``, a factor for each class; all 1 if None.
        ignore_index: samples with this class index have loss 0 and are left out of both sums of ``mean``; any integer.
            Not used for probabilities.
        reduction: ``none``, ``sum`` or ``mean``.

    Returns:
        The dtype of ``logits``; shape ``()``, or for ``none`` the shape of ``logits`` without ``K``. Of nothing
        (an empty batch, or everything ignored) the sum is 0 and the mean NaN.

    Raises:
        ValueError: if ``logits`` are not floating or not ``(N, K, ...)`` with ``K >= 1``, if ``target`` or ``weight``
            have another shape than above, if a class index lies outside ``[0, K)``, or if ``reduction`` is unknown.

    Note:
        Everything is summed in float64, and only the result is rounded: a float16 loss is infinite only if it is beyond
        65504 itself. Probabilities are taken as they are; they need not sum to 1. A logit of :math:`-\infty` is outside
        of the definition (:math:`0 \cdot \infty`).
        With ``weight``, one-hot vectors and class indices have different means, as in PyTorch: see the table.

    References:
        Goodfellow et al. 2016 (see ``softmax``), equation 6.30. Prince, "Understanding Deep Learning", MIT Press, 2023,
        equation 5.24. Weights and ``ignore_index``: ``torch.nn.CrossEntropyLoss``.

    Example:
        Three equal logits share the probability, and cost log 3 whatever the target is.

        >>> cross_entropy(torch.zeros(2, 3), torch.tensor([0, 2]))
        tensor(1.0986)
        >>> cross_entropy(torch.tensor([[2., 0., -1.], [0.5, 1.5, 0.]]), torch.tensor([0, 2]), reduction="none")
        tensor([0.1698, 1.9644])
    """
    subject = "cross_entropy"
    if reduction not in ("none", "sum", "mean"):
        raise ValueError(f"{subject}: expected a reduction of none, sum, mean, got {reduction!r}. See the table.")
    if logits.dim() < 2 or logits.shape[1] == 0:
        hint = "logits hold one row per sample, one column per class."
        raise ValueError(f"{subject}: expected shape (N, K, ...) with K >= 1, got {tuple(logits.shape)}. {hint}")
    num_samples, num_classes, *pixels = logits.shape
    if weight is not None:
        _check_shape(subject, weight, (num_classes,), "weight holds one factor per class.")
    _check_floating(subject, "logits", logits)
    ones = torch.ones(num_classes, dtype=torch.float64, device=logits.device)  # (K,)
    factor = ones if weight is None else weight.to(torch.float64)  # (K,)
    log_prob = log_softmax(logits.to(torch.float64), dim=1)  # (N, K, d1, ...)

    if target.is_floating_point():
        _check_shape(subject, target, tuple(logits.shape), "A float target is a distribution; class indices are ints.")
        column = factor.reshape(num_classes, *[1] * len(pixels))  # (K, 1, ...)
        loss = -(column * target.to(torch.float64) * log_prob).sum(dim=1)  # (N, d1, ...)
        share = torch.ones_like(loss)  # (N, d1, ...)
    else:
        _check_shape(subject, target, (num_samples, *pixels), "An integer target holds one class index per sample.")
        target = target.to(torch.int64)  # before the comparison: a uint8 target compared with -100 is compared with 156
        counted = target != ignore_index  # (N, d1, ...)
        labels = _as_labels(subject, "target", target.where(counted, 0), num_classes)  # (N, d1, ...)
        nll = -log_prob.gather(1, labels.unsqueeze(1)).squeeze(1)  # (N, d1, ...)
        share = factor[labels].where(counted, 0.0)  # (N, d1, ...)
        loss = (factor[labels] * nll).where(counted, 0.0)  # (N, d1, ...)

    if reduction == "none":
        return loss.to(logits.dtype)
    total = loss.sum()
    return (total / share.sum() if reduction == "mean" else total).to(logits.dtype)


def predict(logits: Tensor, dim: int = 1) -> Tensor:
    r"""Return the most likely class.

    .. math:: \hat y = \text{argmax}_k\, \lambda_k = \text{argmax}_k\, z_k

    Args:
        logits: ``(N, K)`` or ``(N, K, d1, ...)``; probabilities have the same argmax.
        dim: the dimension of the classes.

    Returns:
        The shape of ``logits`` without ``dim``, int64 in ``[0, K)``; the lower index among equals.

    Raises:
        ValueError: if ``logits`` have no class in dimension ``dim``.

    Example:
        >>> predict(torch.tensor([[2., 0., -1.], [0.5, 1.5, 0.], [1., 3., 3.]]))
        tensor([0, 1, 1])
    """
    _check_dim("predict", logits, dim)
    return logits.argmax(dim=dim)


class BanditNet(nn.Module):
    r"""A network with one hidden layer that answers an arm with the logits of the lecture's three rewards.

    .. math:: z = W_2\, \text{ReLU}(W_1 x + b_1) + b_2

    There is no softmax at the end: ``cross_entropy`` takes logits.

    Args:
        hidden: ``H``, the number of hidden units, at least 1.

    Attributes:
        fc1: ``Linear(1, H)``, initialised as PyTorch does.
        fc2: ``Linear(H, 3)``, the same. Together 5 H + 3 parameters.

    Raises:
        ValueError: if ``hidden`` is below 1, or if the input of ``forward`` is not ``(N, 1)``.

    References:
        Goodfellow et al. 2016 (see ``softmax``), equation 6.28, for the last layer.

    Example:
        >>> net = BanditNet(hidden=4)
        >>> sum(parameter.numel() for parameter in net.parameters())
        23
        >>> net(torch.tensor([[0.], [1.]])).shape
        torch.Size([2, 3])
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        if hidden < 1:
            raise ValueError(f"BanditNet: expected hidden >= 1, got {hidden}. It counts the hidden units.")
        self.fc1 = nn.Linear(1, hidden)
        self.fc2 = nn.Linear(hidden, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits ``(N, 3)`` of arms ``(N, 1)``, float of the dtype of the parameters."""
        if x.dim() != 2 or x.shape[1] != 1:
            raise ValueError(f"BanditNet: expected shape (N, 1), got {tuple(x.shape)}. x holds one arm per row.")
        hidden = torch.relu(self.fc1(x))  # (N, H)
        logits: Tensor = self.fc2(hidden)  # (N, 3)
        return logits


def _shift(subject: str, z: Tensor, dim: int) -> Tensor:
    """Return ``z - max(z)`` in float64; autograd may see a constant there, because no probability depends on it."""
    _check_floating(subject, "z", z)
    _check_dim(subject, z, dim)
    wide = z.to(torch.float64)
    return wide - wide.detach().amax(dim=dim, keepdim=True)


def _as_pulls(subject: str, x: Tensor, labels: Tensor, num_arms: int, num_classes: int) -> tuple[Tensor, Tensor]:
    """Return the arms ``(N,)`` and classes ``(N,)`` as int64."""
    _check_shape(subject, x, (x.numel(),), "x holds one arm per pull.")
    _check_shape(subject, labels, (len(x),), "labels holds one class per pull.")
    return _as_labels(subject, "x", x, num_arms), _as_labels(subject, "labels", labels, num_classes)


def _as_labels(subject: str, name: str, labels: Tensor, number: int) -> Tensor:
    """Return labels in ``[0, number)`` as int64."""
    if number < 1:
        raise ValueError(f"{subject}: expected at least 1 possible value of {name}, got {number}.")
    if labels.is_floating_point():
        raise ValueError(f"{subject}: expected integers in {name}, got {labels.dtype}.")
    labels = labels.to(torch.int64)
    outside = (labels < 0) | (labels >= number)
    if outside.any():
        wrong = int(labels[outside][0])
        raise ValueError(f"{subject}: expected {name} in [0, {number}), got {wrong}. They are indices, not rewards.")
    return labels


def _check_shape(subject: str, tensor: Tensor, expected: tuple[int, ...], hint: str) -> None:
    if tuple(tensor.shape) != expected:
        raise ValueError(f"{subject}: expected shape {expected}, got {tuple(tensor.shape)}. {hint}")


def _check_floating(subject: str, name: str, tensor: Tensor) -> None:
    if not tensor.is_floating_point():
        raise ValueError(f"{subject}: expected a floating dtype for {name}, got {tensor.dtype}.")


def _check_dim(subject: str, tensor: Tensor, dim: int) -> None:
    if not -tensor.dim() <= dim < tensor.dim() or tensor.shape[dim] == 0:
        raise ValueError(f"{subject}: expected at least one class in dim {dim}, got shape {tuple(tensor.shape)}.")
