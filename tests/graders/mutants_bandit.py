"""Mutants of the topic *bandit*: each has one mistake of the misconception bank, in a student's own words.

Most are an edit of one of eleven small correct sources, so that the mistake can be seen; where the mistake is another
computation, the source is written out. They share no code with ``tests/hidden``.
"""

from __future__ import annotations

from tests.graders.proof import Mutant

SLOW = ("train_bandit",)

ENCODE_REWARDS = """\
def encode_rewards(y, reward_values=(0, 1, 100)):
    if y.dim() != 1:
        raise ValueError("one reward per pull")
    dtype = y.dtype if y.is_floating_point() else torch.float64
    values = torch.tensor(list(reward_values), dtype=dtype, device=y.device)
    labels = torch.full(y.shape, -1, dtype=torch.int64, device=y.device)
    for k in range(len(values)):
        labels[y.to(dtype) == values[k]] = k
    if (labels < 0).any():
        raise ValueError("unknown reward")
    return labels
"""

ONE_HOT = """\
def one_hot(labels, num_classes):
    if labels.is_floating_point():
        raise ValueError("labels must be integers")
    if num_classes < 1:
        raise ValueError("no class")
    labels = labels.long()
    if (labels < 0).any() or (labels >= num_classes).any():
        raise ValueError("label out of range")
    result = torch.zeros(*labels.shape, num_classes, device=labels.device)
    result.scatter_(-1, labels.unsqueeze(-1), 1.0)
    return result
"""

EMPIRICAL_DISTRIBUTION = """\
def empirical_distribution(x, labels, num_arms, num_classes):
    if x.dim() != 1 or labels.dim() != 1 or len(x) != len(labels):
        raise ValueError("one class per pull")
    if x.is_floating_point() or labels.is_floating_point():
        raise ValueError("integers only")
    if num_arms < 1 or num_classes < 1:
        raise ValueError("no arm or no class")
    x, labels = x.long(), labels.long()
    if ((x < 0) | (x >= num_arms)).any() or ((labels < 0) | (labels >= num_classes)).any():
        raise ValueError("out of range")
    counts = torch.zeros(num_arms, num_classes, dtype=torch.float64, device=x.device)
    for a in range(num_arms):
        for k in range(num_classes):
            counts[a, k] = ((x == a) & (labels == k)).sum()
    total = counts.sum(dim=1, keepdim=True)
    return counts / total
"""

EXPECTED_REWARD = """\
def expected_reward(dist, reward_values):
    if dist.dim() != 2 or dist.shape[1] != len(reward_values):
        raise ValueError("one reward per column")
    dtype = dist.dtype if dist.is_floating_point() else torch.float32
    values = torch.tensor(reward_values, dtype=torch.float64, device=dist.device)
    return (dist.double() * values).sum(dim=1).to(dtype)
"""

MIN_CROSS_ENTROPY = """\
def min_cross_entropy(x, labels, num_arms, num_classes):
    dist = empirical_distribution(x, labels, num_arms, num_classes)
    if len(x) == 0:
        return math.nan
    total = 0.0
    for a in range(num_arms):
        pulls = (x == a).sum().item()
        if pulls == 0:
            continue
        entropy = 0.0
        for p in dist[a].tolist():
            if p > 0:
                entropy -= p * math.log(p)
        total += pulls * entropy
    return total / len(x)
"""

SOFTMAX = """\
def softmax(z, dim=-1):
    if not z.is_floating_point():
        raise ValueError("floats only")
    if z.shape[dim] == 0:
        raise ValueError("no class")
    wide = z.float() if z.dtype in (torch.float16, torch.bfloat16) else z
    e = torch.exp(wide - wide.max(dim=dim, keepdim=True).values)
    return (e / e.sum(dim=dim, keepdim=True)).to(z.dtype)
"""

LOG_SOFTMAX = """\
def log_softmax(z, dim=-1):
    if not z.is_floating_point():
        raise ValueError("floats only")
    if z.shape[dim] == 0:
        raise ValueError("no class")
    wide = z.float() if z.dtype in (torch.float16, torch.bfloat16) else z
    shifted = wide - wide.max(dim=dim, keepdim=True).values
    return (shifted - shifted.exp().sum(dim=dim, keepdim=True).log()).to(z.dtype)
"""

CROSS_ENTROPY = """\
def cross_entropy(logits, target, weight=None, ignore_index=-100, reduction="mean"):
    if reduction not in ("none", "sum", "mean"):
        raise ValueError("unknown reduction")
    if not logits.is_floating_point() or logits.dim() < 2 or logits.shape[1] == 0:
        raise ValueError("logits must be (N, K, ...)")
    num_classes = logits.shape[1]
    if weight is not None and weight.shape != (num_classes,):
        raise ValueError("one weight per class")
    wide = logits.double()
    shifted = wide - wide.max(dim=1, keepdim=True).values
    log_p = shifted - torch.logsumexp(shifted, dim=1, keepdim=True)
    w = torch.ones(num_classes, dtype=torch.float64, device=logits.device)
    if weight is not None:
        w = weight.double()
    if target.is_floating_point():
        if target.shape != logits.shape:
            raise ValueError("probabilities must have the shape of the logits")
        columns = w.reshape(1, num_classes, *[1] * (logits.dim() - 2))
        loss = -(columns * target.double() * log_p).sum(dim=1)
        share = torch.ones_like(loss)
    else:
        if target.shape != logits.shape[:1] + logits.shape[2:]:
            raise ValueError("one class index per sample")
        target = target.long()
        keep = target != ignore_index
        index = torch.where(keep, target, torch.zeros_like(target))
        if (index < 0).any() or (index >= num_classes).any():
            raise ValueError("class index out of range")
        share = w[index] * keep
        loss = -share * log_p.gather(1, index.unsqueeze(1)).squeeze(1)
    if reduction == "none":
        return loss.to(logits.dtype)
    if reduction == "sum":
        return loss.sum().to(logits.dtype)
    return (loss.sum() / share.sum()).to(logits.dtype)
"""

PREDICT = """\
def predict(logits, dim=1):
    if logits.dim() <= dim or logits.shape[dim] == 0:
        raise ValueError("no class")
    return torch.argmax(logits, dim=dim)
"""

BANDIT_NET = """\
class BanditNet(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        if hidden < 1:
            raise ValueError("no hidden unit")
        self.fc1 = nn.Linear(1, hidden)
        self.fc2 = nn.Linear(hidden, 3)

    def forward(self, x):
        if x.dim() != 2 or x.shape[1] != 1:
            raise ValueError("one arm per row")
        x = torch.relu(self.fc1(x))
        return self.fc2(x)
"""

TRAIN_BANDIT = """\
def train_bandit(x, labels, hidden=8, seed=0):
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    net = BanditNet(hidden)
    torch.set_rng_state(state)
    with torch.no_grad():
        net.fc1.bias.abs_()
    net.to(x.device)
    inputs = x.float().reshape(-1, 1)
    target = labels.long()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    for step in range(800):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(inputs), target)
        loss.backward()
        optimizer.step()
    return net
"""

BASES = {
    "encode_rewards": ENCODE_REWARDS,
    "one_hot": ONE_HOT,
    "empirical_distribution": EMPIRICAL_DISTRIBUTION,
    "expected_reward": EXPECTED_REWARD,
    "min_cross_entropy": MIN_CROSS_ENTROPY,
    "softmax": SOFTMAX,
    "log_softmax": LOG_SOFTMAX,
    "cross_entropy": CROSS_ENTROPY,
    "predict": PREDICT,
    "BanditNet": BANDIT_NET,
    "train_bandit": TRAIN_BANDIT,
}
"""Correct sources; they earn all points themselves."""


def _edit(source: str, *edits: tuple[str, str]) -> str:
    """Return ``source`` with each ``(old, new)`` replaced; ``old`` has to be there."""
    for old, new in edits:
        if old not in source:
            raise ValueError(f"nothing to replace: {old!r}")
        source = source.replace(old, new)
    return source


NO_ERROR = "there is no output to compare: an error is missing"
OWN_ERROR = "PyTorch's own error says it"
DTYPE = "a matter of dtypes; the message says which one came"
CHANGED = "the result is right; the message says what was changed"
REFUSED = "the result is right; the message names the call that is not allowed, and its line"
TRAINED = "the weights of a training run cannot be foretold; the message says what the net does not reach"

BATCH = "The softmax runs over dimension 0, the batch"
OVERFLOW = "The exponential is taken before the largest logit is subtracted, and overflows"
LOG_OF_ZERO = "The logarithm is taken of a probability that has become 0"
EPSILON = "A small number is added in the logarithm, or probabilities are clamped: that bounds the loss"
BITS = "The logarithm has base 2"
TENS = "The logarithm has base 10"
OVER_CLASSES = "The mean runs over the classes too"

_LOG_P = "    log_p = shifted - torch.logsumexp(shifted, dim=1, keepdim=True)\n"
_MEAN = "(loss.sum() / share.sum())"
_INDEX = """\
        if (index < 0).any() or (index >= num_classes).any():
            raise ValueError("class index out of range")
"""

ENCODE_REWARDS_MUTANTS = (
    Mutant(
        "T1-M11a",
        "encode_rewards",
        "the reward is the class index",
        "def encode_rewards(y, reward_values=(0, 1, 100)):\n    return y.long()\n",
        "check_place_of_each_reward",
        "The reward itself is taken for the class",
    ),
    Mutant(
        "T1-M11b",
        "encode_rewards",
        "classes 1 to K",
        _edit(ENCODE_REWARDS, ("    return labels", "    return labels + 1")),
        "check_place_of_each_reward",
        "Classes are counted from 1",
    ),
    Mutant(
        "T1-X01a",
        "encode_rewards",
        "classes in the order of the rewards",
        _edit(ENCODE_REWARDS, ("list(reward_values)", "sorted(reward_values)")),
        "check_order_of_the_values",
        "Classes are numbered by the size of the rewards",
    ),
    Mutant(
        "T1-X01b",
        "encode_rewards",
        "hard-coded for the lecture",
        "def encode_rewards(y, reward_values=(0, 1, 100)):\n    return (y == 1).long() + 2 * (y == 100).long()\n",
        "check_order_of_the_values",
        None,
        "what it makes of other rewards depends on its code",
    ),
    Mutant(
        "T1-X02a",
        "encode_rewards",
        "compares Python's 0.1 with a float32",
        "def encode_rewards(y, reward_values=(0, 1, 100)):\n"
        "    if y.dim() != 1:\n        raise ValueError('shape')\n"
        "    values = list(reward_values)\n"
        "    return torch.tensor([values.index(v) for v in y.tolist()], dtype=torch.int64, device=y.device)\n",
        "check_float_rewards",
        None,
        "Python's own error says it",
    ),
    Mutant(
        "T1-X02b",
        "encode_rewards",
        "an unknown reward gives -1",
        _edit(ENCODE_REWARDS, ('    if (labels < 0).any():\n        raise ValueError("unknown reward")\n', "")),
        "check_unknown_rewards",
        None,
        NO_ERROR,
    ),
    Mutant(
        "T1-X02c",
        "encode_rewards",
        "the nearest reward is taken",
        "def encode_rewards(y, reward_values=(0, 1, 100)):\n"
        "    if y.dim() != 1:\n        raise ValueError('shape')\n"
        "    values = torch.tensor(list(reward_values), dtype=torch.float64, device=y.device)\n"
        "    return (y.double()[:, None] - values).abs().argmin(dim=1)\n",
        "check_unknown_rewards",
        None,
        NO_ERROR,
    ),
    Mutant(
        "T1-X03a",
        "encode_rewards",
        "int32 comes back",
        _edit(ENCODE_REWARDS, ("    return labels", "    return labels.int()")),
        "check_dtypes_of_rewards",
        None,
        DTYPE,
    ),
    Mutant(
        "T1-X03b",
        "encode_rewards",
        "writes the classes into the rewards",
        "def encode_rewards(y, reward_values=(0, 1, 100)):\n"
        "    if y.dim() != 1:\n        raise ValueError('shape')\n"
        "    known = torch.zeros_like(y, dtype=torch.bool)\n"
        "    labels = torch.zeros_like(y, dtype=torch.int64)\n"
        "    for k, value in enumerate(reward_values):\n"
        "        hit = y == torch.tensor(value, dtype=torch.float64).to(y.dtype).item()\n"
        "        labels[hit], known = k, known | hit\n"
        "    if not known.all() or (y.dtype == torch.uint8 and min(reward_values) < 0):\n"
        "        raise ValueError('unknown')\n"
        "    y[:] = labels.to(y.dtype)\n"
        "    return labels\n",
        "check_dtypes_of_rewards",
        None,
        CHANGED,
    ),
)

ONE_HOT_MUTANTS = (
    Mutant(
        "T1-M11c",
        "one_hot",
        "labels 1 to K",
        _edit(ONE_HOT, ("labels.unsqueeze(-1), 1.0", "(labels.unsqueeze(-1) - 1) % num_classes, 1.0")),
        "check_one_at_the_label",
        "Labels are taken to begin with 1",
    ),
    Mutant(
        "T1-X04a",
        "one_hot",
        "as many columns as classes occur",
        _edit(
            ONE_HOT,
            (
                "    result = torch.zeros(",
                "    num_classes = int(labels.max()) + 1 if labels.numel() else num_classes\n    result = torch.zeros(",
            ),
        ),
        "check_class_that_does_not_occur",
        "The number of classes is inferred from the batch",
    ),
    Mutant(
        "T1-X04b",
        "one_hot",
        "int64 comes back",
        _edit(ONE_HOT, ("    return result", "    return result.long()")),
        "check_dtypes_of_labels",
        None,
        DTYPE,
    ),
    Mutant(
        "T1-X04c",
        "one_hot",
        "classes first",
        _edit(ONE_HOT, ("    return result", "    return result.movedim(-1, 0)")),
        "check_one_at_the_label",
        "The classes are in the first dimension, not in the last",
    ),
    Mutant(
        "T1-X04d",
        "one_hot",
        "vectors of labels only",
        "def one_hot(labels, num_classes):\n"
        "    if labels.is_floating_point() or num_classes < 1 or (labels < 0).any() or (labels >= num_classes).any():\n"
        "        raise ValueError('labels')\n"
        "    result = torch.zeros(len(labels), num_classes, device=labels.device)\n"
        "    for i in range(len(labels)):\n"
        "        result[i, int(labels[i])] = 1\n"
        "    return result\n",
        "check_labels_of_any_shape",
        None,
        OWN_ERROR,
    ),
    Mutant(
        "T1-X04e",
        "one_hot",
        "a bool or uint8 tensor as a mask",
        _edit(
            ONE_HOT,
            (
                "    labels = labels.long()\n",
                "",
            ),
            (
                "    result = torch.zeros(*labels.shape, num_classes, device=labels.device)\n"
                "    result.scatter_(-1, labels.unsqueeze(-1), 1.0)\n    return result\n",
                "    return torch.eye(num_classes, device=labels.device)[labels]\n",
            ),
        ),
        "check_dtypes_of_labels",
        None,
        OWN_ERROR,
    ),
    Mutant(
        "T1-X05a",
        "one_hot",
        "negative labels wrap around",
        _edit(
            ONE_HOT,
            ("(labels < 0).any() or (labels >= num_classes).any()", "(labels >= num_classes).any()"),
            ("labels.unsqueeze(-1), 1.0", "labels.unsqueeze(-1) % num_classes, 1.0"),
        ),
        "check_labels_out_of_range",
        None,
        NO_ERROR,
    ),
    Mutant(
        "T1-X05b",
        "one_hot",
        "a label out of range is a row of zeros",
        "def one_hot(labels, num_classes):\n"
        "    return (labels.unsqueeze(-1) == torch.arange(num_classes, device=labels.device)).float()\n",
        "check_labels_out_of_range",
        None,
        NO_ERROR,
    ),
    Mutant(
        "T1-X60a",
        "one_hot",
        "PyTorch's one_hot",
        _edit(
            ONE_HOT,
            (
                "    result = torch.zeros(*labels.shape, num_classes, device=labels.device)\n"
                "    result.scatter_(-1, labels.unsqueeze(-1), 1.0)\n    return result\n",
                "    return nn.functional.one_hot(labels, num_classes).float()\n",
            ),
        ),
        "check_one_at_the_label",
        None,
        REFUSED,
    ),
    Mutant(
        "T1-X60b",
        "one_hot",
        "PyTorch's one_hot under another name, as an operator",
        "encode = torch.ops.aten.one_hot\n\n\n"
        + _edit(
            ONE_HOT,
            (
                "    result = torch.zeros(*labels.shape, num_classes, device=labels.device)\n"
                "    result.scatter_(-1, labels.unsqueeze(-1), 1.0)\n    return result\n",
                "    return encode(labels, num_classes).float()\n",
            ),
        ),
        "check_one_at_the_label",
        None,
        REFUSED,
    ),
)

EMPIRICAL_DISTRIBUTION_MUTANTS = (
    Mutant(
        "T1-X10a",
        "empirical_distribution",
        "counts",
        _edit(EMPIRICAL_DISTRIBUTION, ("    return counts / total", "    return counts")),
        "check_fractions_of_each_arm",
        "The pulls are counted, but not divided by their number",
    ),
    Mutant(
        "T1-X10b",
        "empirical_distribution",
        "divided by all pulls",
        _edit(EMPIRICAL_DISTRIBUTION, ("counts.sum(dim=1, keepdim=True)", "counts.sum()")),
        "check_fractions_of_each_arm",
        "All pulls are the denominator, not those of the arm",
    ),
    Mutant(
        "T1-X10c",
        "empirical_distribution",
        "columns sum to 1",
        _edit(EMPIRICAL_DISTRIBUTION, ("counts.sum(dim=1", "counts.sum(dim=0")),
        "check_fractions_of_each_arm",
        "The columns sum to 1, not the rows: this is P(arm | class)",
    ),
    Mutant(
        "T1-X10d",
        "empirical_distribution",
        "transposed",
        _edit(EMPIRICAL_DISTRIBUTION, ("return counts / total", "return (counts / total).T")),
        "check_fractions_of_each_arm",
        "Rows and columns are swapped",
    ),
    Mutant(
        "T1-X10e",
        "empirical_distribution",
        "one more of every class",
        _edit(EMPIRICAL_DISTRIBUTION, ("torch.zeros(", "torch.ones("), ("counts[a, k] =", "counts[a, k] +=")),
        "check_fractions_of_each_arm",
        "One pull more of every class is counted",
    ),
    Mutant(
        "T1-X11a",
        "empirical_distribution",
        "bincount without a length",
        _edit(
            EMPIRICAL_DISTRIBUTION,
            (
                "    for a in range(num_arms):\n        for k in range(num_classes):\n"
                "            counts[a, k] = ((x == a) & (labels == k)).sum()\n",
                "    for a in range(num_arms):\n        counts[a] = torch.bincount(labels[x == a])\n",
            ),
        ),
        "check_class_that_never_followed",
        None,
        OWN_ERROR,
    ),
    Mutant(
        "T1-X11b",
        "empirical_distribution",
        "a row of zeros for an arm that was never pulled",
        _edit(EMPIRICAL_DISTRIBUTION, ("counts / total", "counts / total.clamp(min=1)")),
        "check_arm_that_was_never_pulled",
        "An arm that was never pulled has a row of zeros",
    ),
    Mutant(
        "T1-X11c",
        "empirical_distribution",
        "equal probabilities for an arm that was never pulled",
        _edit(EMPIRICAL_DISTRIBUTION, ("counts / total", "(counts / total).nan_to_num(1 / num_classes)")),
        "check_arm_that_was_never_pulled",
        "An arm that was never pulled has equal probabilities",
    ),
    Mutant(
        "T1-X12a",
        "empirical_distribution",
        "float32",
        _edit(EMPIRICAL_DISTRIBUTION, ("dtype=torch.float64, ", "")),
        "check_distribution_is_float64",
        None,
        DTYPE,
    ),
    Mutant(
        "T1-X12b",
        "empirical_distribution",
        "divides in float32",
        _edit(EMPIRICAL_DISTRIBUTION, ("counts / total", "(counts.float() / total.float()).double()")),
        "check_distribution_is_float64",
        None,
        "a matter of digits; the hint asks for it",
    ),
    Mutant(
        "T1-X12c",
        "empirical_distribution",
        "pairs overflow in uint8",
        _edit(
            EMPIRICAL_DISTRIBUTION,
            (
                "    counts = torch.zeros(num_arms, num_classes, dtype=torch.float64, device=x.device)\n"
                "    for a in range(num_arms):\n        for k in range(num_classes):\n"
                "            counts[a, k] = ((x == a) & (labels == k)).sum()\n",
                "    pairs = torch.bincount(x * num_classes + labels, minlength=num_arms * num_classes)\n"
                "    counts = pairs.reshape(num_arms, num_classes).double()\n",
            ),
            ("    x, labels = x.long(), labels.long()\n", ""),
        ),
        "check_dtypes_of_pulls",
        None,
        "what comes out depends on the dtype",
    ),
    Mutant(
        "T1-X13a",
        "empirical_distribution",
        "arms out of range are not counted",
        _edit(
            EMPIRICAL_DISTRIBUTION,
            (
                "    if ((x < 0) | (x >= num_arms)).any() or ((labels < 0) | (labels >= num_classes)).any():\n"
                '        raise ValueError("out of range")\n',
                "",
            ),
        ),
        "check_pulls_that_are_none",
        None,
        NO_ERROR,
    ),
    Mutant(
        "T1-X13b",
        "empirical_distribution",
        "floats are rounded down",
        _edit(
            EMPIRICAL_DISTRIBUTION,
            (
                "    if x.is_floating_point() or labels.is_floating_point():\n"
                '        raise ValueError("integers only")\n',
                "",
            ),
        ),
        "check_pulls_that_are_none",
        None,
        NO_ERROR,
    ),
)

EXPECTED_REWARD_MUTANTS = (
    Mutant(
        "T1-M19",
        "expected_reward",
        "the mean of the class index, as regression on it learns",
        _edit(
            EXPECTED_REWARD,
            (
                "torch.tensor(reward_values, dtype=torch.float64, device=dist.device)",
                "torch.arange(len(reward_values), dtype=torch.float64, device=dist.device)",
            ),
        ),
        "check_mean_of_the_rewards",
        "The class index is averaged, not the reward",
    ),
    Mutant(
        "T1-M20",
        "expected_reward",
        "the reward of the argmax class",
        _edit(EXPECTED_REWARD, ("(dist.double() * values).sum(dim=1)", "values[dist.argmax(dim=1)]")),
        "check_mean_of_the_rewards",
        "The reward of the most likely class is taken",
    ),
    Mutant(
        "T1-X14a",
        "expected_reward",
        "mean over the classes",
        _edit(EXPECTED_REWARD, (".sum(dim=1)", ".mean(dim=1)")),
        "check_mean_of_the_rewards",
        "The sum over the classes is divided by their number",
    ),
    Mutant(
        "T1-X14b",
        "expected_reward",
        "summed over the arms",
        _edit(EXPECTED_REWARD, (".sum(dim=1)", ".sum(dim=0)")),
        "check_mean_of_the_rewards",
        "The sum runs over the arms, not over the classes",
    ),
    Mutant(
        "T1-X14c",
        "expected_reward",
        "rows normalised first",
        _edit(EXPECTED_REWARD, ("(dist.double() *", "(dist.double() / dist.double().sum(dim=1, keepdim=True) *")),
        "check_rows_are_taken_as_they_are",
        "The rows are divided by their sum first",
    ),
    Mutant(
        "T1-X14d",
        "expected_reward",
        "NaN is 0",
        _edit(EXPECTED_REWARD, (".sum(dim=1)", ".nansum(dim=1)")),
        "check_rows_are_taken_as_they_are",
        "NaN is replaced by 0",
    ),
    Mutant(
        "T1-X15a",
        "expected_reward",
        "always float32",
        _edit(EXPECTED_REWARD, (".to(dtype)", ".float()")),
        "check_dtypes_of_distributions",
        None,
        DTYPE,
    ),
    Mutant(
        "T1-X15b",
        "expected_reward",
        "multiplies in place",
        _edit(
            EXPECTED_REWARD,
            (
                "    return (dist.double() * values).sum(dim=1)",
                "    dist *= values.to(dist.dtype)\n    return dist.sum(dim=1)",
            ),
        ),
        "check_dtypes_of_distributions",
        None,
        CHANGED,
    ),
    Mutant(
        "T1-X15c",
        "expected_reward",
        "one reward is stretched over all columns",
        _edit(EXPECTED_REWARD, (" or dist.shape[1] != len(reward_values)", "")),
        "check_one_reward_per_column",
        None,
        NO_ERROR,
    ),
)

MIN_CROSS_ENTROPY_MUTANTS = (
    Mutant(
        "T1-M16a",
        "min_cross_entropy",
        "log2",
        _edit(MIN_CROSS_ENTROPY, ("math.log(", "math.log2(")),
        "check_entropy_given_the_arm",
        BITS,
    ),
    Mutant(
        "T1-M16b",
        "min_cross_entropy",
        "log10",
        _edit(MIN_CROSS_ENTROPY, ("math.log(", "math.log10(")),
        "check_entropy_given_the_arm",
        TENS,
    ),
    Mutant(
        "T1-M18",
        "min_cross_entropy",
        "0 log 0 is NaN",
        "def min_cross_entropy(x, labels, num_arms, num_classes):\n"
        "    p = empirical_distribution(x, labels, num_arms, num_classes)\n"
        "    share = one_hot(x, num_arms).double().mean(dim=0)\n"
        "    entropy = -(p * p.log()).sum(dim=1)\n"
        "    return (share * entropy)[share > 0].sum().item() if len(x) else math.nan\n",
        "check_zero_times_log_zero",
        "0 log 0 is left to be NaN",
    ),
    Mutant(
        "T1-M06a",
        "min_cross_entropy",
        "sign forgotten",
        _edit(MIN_CROSS_ENTROPY, ("entropy -= p", "entropy += p")),
        "check_entropy_given_the_arm",
        "The minus is missing",
    ),
    Mutant(
        "T1-M04a",
        "min_cross_entropy",
        "sum over the pulls",
        _edit(MIN_CROSS_ENTROPY, ("return total / len(x)", "return total")),
        "check_entropy_given_the_arm",
        "The sum over the pulls is not divided by their number",
    ),
    Mutant(
        "T1-M03a",
        "min_cross_entropy",
        "mean over the classes too",
        _edit(MIN_CROSS_ENTROPY, ("return total / len(x)", "return total / len(x) / num_classes")),
        "check_entropy_given_the_arm",
        "The sum over the classes is divided by their number",
    ),
    Mutant(
        "T1-X16a",
        "min_cross_entropy",
        "the arm is not looked at",
        "def min_cross_entropy(x, labels, num_arms, num_classes):\n"
        "    empirical_distribution(x, labels, num_arms, num_classes)\n"
        "    if len(x) == 0:\n        return math.nan\n"
        "    p = one_hot(labels, num_classes).double().mean(dim=0)\n"
        "    p = p[p > 0]\n"
        "    return -(p * p.log()).sum().item()\n",
        "check_entropy_given_the_arm",
        "The arm is not looked at",
    ),
    Mutant(
        "T1-X16b",
        "min_cross_entropy",
        "every arm has the same share",
        _edit(
            MIN_CROSS_ENTROPY,
            ("total += pulls * entropy", "total += entropy"),
            ("return total / len(x)", "return total / len(set(x.tolist()))"),
        ),
        "check_arms_count_by_their_pulls",
        "Every arm has the same share, however often it was pulled",
    ),
    Mutant(
        "T1-X16c",
        "min_cross_entropy",
        "entropies added",
        _edit(
            MIN_CROSS_ENTROPY,
            ("total += pulls * entropy", "total += entropy"),
            ("return total / len(x)", "return total"),
        ),
        "check_arms_count_by_their_pulls",
        "The entropies of the arms are added without their shares",
    ),
    Mutant(
        "T1-X16d",
        "min_cross_entropy",
        "NaN of an arm that was never pulled",
        "def min_cross_entropy(x, labels, num_arms, num_classes):\n"
        "    p = empirical_distribution(x, labels, num_arms, num_classes)\n"
        "    share = one_hot(x, num_arms).double().mean(dim=0)\n"
        "    entropy = -(p * torch.where(p == 0, 1.0, p).log()).sum(dim=1)\n"
        "    return (share * entropy).sum().item()\n",
        "check_arm_without_part",
        "The NaN of an arm that was never pulled spreads",
    ),
    Mutant(
        "T1-X16e",
        "min_cross_entropy",
        "0 without pulls",
        _edit(MIN_CROSS_ENTROPY, ("return math.nan", "return 0.0")),
        "check_infimum_of_nothing",
        "Without pulls the answer is 0",
    ),
    Mutant(
        "T1-X17a",
        "min_cross_entropy",
        "its own count does not look at ranges",
        "def min_cross_entropy(x, labels, num_arms, num_classes):\n"
        "    if x.shape != labels.shape or x.is_floating_point() or labels.is_floating_point():\n"
        "        raise ValueError('pulls')\n"
        "    total, n = 0.0, len(x)\n"
        "    for a in range(num_arms):\n"
        "        for k in range(num_classes):\n"
        "            both = ((x == a) & (labels == k)).sum().item()\n"
        "            if both:\n"
        "                total -= both * math.log(both / (x == a).sum().item())\n"
        "    return total / n if n else math.nan\n",
        "check_infimum_of_no_pulls",
        None,
        NO_ERROR,
    ),
)

SOFTMAX_MUTANTS = (
    Mutant(
        "T1-M02a",
        "softmax",
        "over the batch",
        _edit(SOFTMAX, ("    wide = ", "    dim = 0\n    wide = ")),
        "check_probabilities_of_logits",
        BATCH,
    ),
    Mutant(
        "T1-M07a",
        "softmax",
        "no shift",
        _edit(SOFTMAX, (" - wide.max(dim=dim, keepdim=True).values", "")),
        "check_large_logits_of_softmax",
        OVERFLOW,
    ),
    Mutant(
        "T1-M16c",
        "softmax",
        "powers of 2",
        _edit(SOFTMAX, ("torch.exp(", "torch.exp2(")),
        "check_probabilities_of_logits",
        "Powers of 2 are taken, not of e",
    ),
    Mutant(
        "T1-M10a",
        "softmax",
        "sigmoid",
        "def softmax(z, dim=-1):\n"
        "    if not z.is_floating_point() or z.shape[dim] == 0:\n        raise ValueError('z')\n"
        "    return torch.sigmoid(z)\n",
        "check_probabilities_of_logits",
        "A sigmoid is taken of each logit",
    ),
    Mutant(
        "T1-X20a",
        "softmax",
        "`dim` not used",
        _edit(SOFTMAX, ("    wide = ", "    dim = -1\n    wide = ")),
        "check_dimension_of_softmax",
        "`dim` has no effect: the last dimension is always taken",
    ),
    Mutant(
        "T1-X20b",
        "softmax",
        "one maximum for the whole tensor",
        _edit(SOFTMAX, ("wide.max(dim=dim, keepdim=True).values", "wide.max()")),
        "check_large_logits_of_softmax",
        "The largest logit of the whole tensor is subtracted, not that of the row",
    ),
    Mutant(
        "T1-X20c",
        "softmax",
        "not normalised",
        _edit(
            SOFTMAX,
            ("torch.exp(wide - wide.max(dim=dim, keepdim=True).values)", "torch.exp(wide)"),
            ("(e / e.sum(dim=dim, keepdim=True))", "e"),
        ),
        "check_probabilities_of_logits",
        "The exponentials are not divided by their sum",
    ),
    Mutant(
        "T1-X20d",
        "softmax",
        "no exponential",
        _edit(SOFTMAX, ("torch.exp(wide - wide.max(dim=dim, keepdim=True).values)", "wide")),
        "check_probabilities_of_logits",
        "The logits are divided by their sum, without an exponential",
    ),
    Mutant(
        "T1-X20e",
        "softmax",
        "sum over all numbers",
        _edit(
            SOFTMAX,
            ("e.sum(dim=dim, keepdim=True)", "e.sum()"),
            ("wide.max(dim=dim, keepdim=True).values", "wide.max()"),
        ),
        "check_probabilities_of_logits",
        "The sum runs over all numbers of the tensor",
    ),
    Mutant(
        "T1-X21a",
        "softmax",
        "half precision comes back as float32",
        _edit(
            SOFTMAX,
            ("return (e / e.sum(dim=dim, keepdim=True)).to(z.dtype)", "return e / e.sum(dim=dim, keepdim=True)"),
        ),
        "check_dtypes_of_softmax",
        None,
        DTYPE,
    ),
    Mutant(
        "T1-X21b",
        "softmax",
        "no gradient",
        _edit(SOFTMAX, ("torch.exp(wide -", "torch.exp(wide.detach() -")),
        "check_gradient_of_softmax",
        None,
        OWN_ERROR,
    ),
    Mutant(
        "T1-X21c",
        "softmax",
        "subtracts in place",
        _edit(
            SOFTMAX,
            (
                "    e = torch.exp(wide - wide.max(dim=dim, keepdim=True).values)\n",
                "    with torch.no_grad():\n        wide -= wide.max(dim=dim, keepdim=True).values\n"
                "    e = torch.exp(wide)\n",
            ),
            ("else z\n", "else z if z.requires_grad and z.is_leaf else z\n"),
        ),
        "check_views_of_softmax",
        None,
        CHANGED,
    ),
    Mutant(
        "T1-X21d",
        "softmax",
        "integers are converted",
        _edit(
            SOFTMAX,
            ('    if not z.is_floating_point():\n        raise ValueError("floats only")\n', ""),
            ("z.float() if", "z.float() if not z.is_floating_point() or"),
            (".to(z.dtype)", ".to(z.dtype if z.is_floating_point() else torch.float32)"),
        ),
        "check_softmax_of_no_logits",
        None,
        NO_ERROR,
    ),
    Mutant(
        "T1-X21e",
        "softmax",
        "the gradient of the probabilities' sum is missing",
        _edit(SOFTMAX, ("e.sum(dim=dim, keepdim=True)", "e.sum(dim=dim, keepdim=True).detach()")),
        "check_gradient_of_softmax",
        None,
        "only the gradient is wrong",
    ),
    Mutant(
        "T1-X61a",
        "softmax",
        "the method of the tensor",
        "def softmax(z, dim=-1):\n    return z.softmax(dim)\n",
        "check_probabilities_of_logits",
        None,
        REFUSED,
    ),
    Mutant(
        "T1-X61b",
        "softmax",
        "nn.Softmax",
        "def softmax(z, dim=-1):\n    layer = nn.Softmax(dim=dim)\n    return layer(z)\n",
        "check_probabilities_of_logits",
        None,
        REFUSED,
    ),
    Mutant(
        "T1-X61c",
        "softmax",
        "the exponential of log_softmax, found by name",
        "take = getattr(torch, 'log_' + 'softmax')\n\n\ndef softmax(z, dim=-1):\n    return take(z, dim).exp()\n",
        "check_probabilities_of_logits",
        None,
        REFUSED,
    ),
    Mutant(
        "T1-X61d",
        "softmax",
        "softmin of the negative",
        "from torch.nn.functional import softmin as helper\n\n\ndef softmax(z, dim=-1):\n"
        "    return helper(-z, dim=dim)\n",
        "check_probabilities_of_logits",
        None,
        REFUSED,
    ),
    Mutant(
        "T1-X61e",
        "softmax",
        "the call is hidden by try and except",
        _edit(
            SOFTMAX,
            (
                "    e = torch.exp(",
                "    try:\n        return torch.special.softmax(z, dim)\n    except Exception:\n"
                "        pass\n    e = torch.exp(",
            ),
        ),
        "check_probabilities_of_logits",
        None,
        REFUSED,
    ),
)

LOG_SOFTMAX_MUTANTS = (
    Mutant(
        "T1-M02b",
        "log_softmax",
        "over the batch",
        _edit(LOG_SOFTMAX, ("    wide = ", "    dim = 0\n    wide = ")),
        "check_logarithms_of_probabilities",
        BATCH,
    ),
    Mutant(
        "T1-M07b",
        "log_softmax",
        "the logarithm of softmax",
        _edit(
            LOG_SOFTMAX,
            (
                "(shifted - shifted.exp().sum(dim=dim, keepdim=True).log())",
                "(shifted.exp() / shifted.exp().sum(dim=dim, keepdim=True)).log()",
            ),
        ),
        "check_large_logits_of_log_softmax",
        LOG_OF_ZERO,
    ),
    Mutant(
        "T1-M07c",
        "log_softmax",
        "no shift",
        _edit(LOG_SOFTMAX, (" - wide.max(dim=dim, keepdim=True).values", "")),
        "check_large_logits_of_log_softmax",
        OVERFLOW,
    ),
    Mutant(
        "T1-M08a",
        "log_softmax",
        "1e-12 in the logarithm",
        _edit(
            LOG_SOFTMAX,
            (
                "(shifted - shifted.exp().sum(dim=dim, keepdim=True).log())",
                "(shifted.exp() / shifted.exp().sum(dim=dim, keepdim=True) + 1e-12).log()",
            ),
        ),
        "check_large_logits_of_log_softmax",
        EPSILON,
    ),
    Mutant(
        "T1-M09a",
        "log_softmax",
        "no logarithm",
        _edit(
            LOG_SOFTMAX,
            (
                "(shifted - shifted.exp().sum(dim=dim, keepdim=True).log())",
                "(shifted.exp() / shifted.exp().sum(dim=dim, keepdim=True))",
            ),
        ),
        "check_logarithms_of_probabilities",
        "The logarithm is missing: these are probabilities",
    ),
    Mutant(
        "T1-M16d",
        "log_softmax",
        "base 2",
        _edit(LOG_SOFTMAX, (".log()).to(z.dtype)", ".log()).div(math.log(2)).to(z.dtype)")),
        "check_logarithms_of_probabilities",
        BITS,
    ),
    Mutant(
        "T1-M06b",
        "log_softmax",
        "sign",
        _edit(LOG_SOFTMAX, ("return (shifted", "return -(shifted")),
        "check_logarithms_of_probabilities",
        "The sign is wrong",
    ),
    Mutant(
        "T1-X22a",
        "log_softmax",
        "`dim` not used",
        _edit(LOG_SOFTMAX, ("    wide = ", "    dim = -1\n    wide = ")),
        "check_dimension_of_log_softmax",
        "`dim` has no effect: the last dimension is always taken",
    ),
    Mutant(
        "T1-X22b",
        "log_softmax",
        "logsumexp is subtracted from large logits",
        "def log_softmax(z, dim=-1):\n"
        "    if not z.is_floating_point() or z.shape[dim] == 0:\n        raise ValueError('z')\n"
        "    wide = z.float() if z.dtype in (torch.float16, torch.bfloat16) else z\n"
        "    return (wide - wide.logsumexp(dim, keepdim=True)).to(z.dtype)\n",
        "check_digits_of_log_softmax",
        None,
        "a matter of digits; the hint asks for it",
    ),
    Mutant(
        "T1-X22c",
        "log_softmax",
        "float32 for half precision",
        _edit(LOG_SOFTMAX, (".log()).to(z.dtype)", ".log())")),
        "check_dtypes_of_log_softmax",
        None,
        DTYPE,
    ),
    Mutant(
        "T1-X22d",
        "log_softmax",
        "the logarithm has no gradient",
        _edit(LOG_SOFTMAX, (".log()).to(z.dtype)", ".log().detach()).to(z.dtype)")),
        "check_gradient_of_log_softmax",
        None,
        "only the gradient is wrong",
    ),
    Mutant(
        "T1-X22e",
        "log_softmax",
        "probabilities clamped at the smallest number of the dtype",
        _edit(
            LOG_SOFTMAX,
            (
                "(shifted - shifted.exp().sum(dim=dim, keepdim=True).log())",
                "(shifted.exp() / shifted.exp().sum(dim=dim, keepdim=True)).clamp(min=torch.finfo(z.dtype).tiny).log()",
            ),
        ),
        "check_large_logits_of_log_softmax",
        None,
        "where the loss ends depends on the bound",
    ),
    Mutant(
        "T1-X22f",
        "log_softmax",
        "no class is no error",
        _edit(
            LOG_SOFTMAX,
            (
                '    if z.shape[dim] == 0:\n        raise ValueError("no class")\n',
                "    if z.shape[dim] == 0:\n        return z.clone()\n",
            ),
        ),
        "check_log_softmax_of_no_logits",
        None,
        NO_ERROR,
    ),
    Mutant(
        "T1-X62a",
        "log_softmax",
        "nn.functional under another name",
        "import torch.nn.functional as f\n\nls = f.log_softmax\n\n\ndef log_softmax(z, dim=-1):\n"
        "    return ls(z, dim)\n",
        "check_logarithms_of_probabilities",
        None,
        REFUSED,
    ),
    Mutant(
        "T1-X62b",
        "log_softmax",
        "the operator",
        "def log_softmax(z, dim=-1):\n    return torch.ops.aten._log_softmax.default(z, dim % z.dim(), False)\n",
        "check_logarithms_of_probabilities",
        None,
        REFUSED,
    ),
    Mutant(
        "T1-X62c",
        "log_softmax",
        "nn.LogSoftmax at the level of the notebook",
        "layers = {}\n\n\ndef log_softmax(z, dim=-1):\n"
        "    layers[dim] = layers.get(dim) or nn.LogSoftmax(dim)\n    return layers[dim](z)\n",
        "check_logarithms_of_probabilities",
        None,
        REFUSED,
    ),
)

_PROBABILITIES = "    p = shifted.exp() / shifted.exp().sum(dim=1, keepdim=True)\n"

CROSS_ENTROPY_MUTANTS = (
    Mutant(
        "T1-M01",
        "cross_entropy",
        "softmax twice",
        _edit(CROSS_ENTROPY, (_LOG_P, _PROBABILITIES + "    log_p = p - torch.logsumexp(p, dim=1, keepdim=True)\n")),
        "check_loss_of_class_indices",
        "Softmax is applied twice",
    ),
    Mutant(
        "T1-M02c",
        "cross_entropy",
        "softmax over the batch",
        _edit(
            CROSS_ENTROPY,
            (_LOG_P, "    log_p = shifted - torch.logsumexp(shifted, dim=0, keepdim=True)\n"),
            ("shifted = wide - wide.max(dim=1", "shifted = wide - wide.max(dim=0"),
        ),
        "check_loss_of_class_indices",
        BATCH,
    ),
    Mutant(
        "T1-M03b",
        "cross_entropy",
        "mean over the classes too",
        _edit(CROSS_ENTROPY, (_MEAN, "(loss.sum() / share.sum() / num_classes)")),
        "check_loss_of_class_indices",
        OVER_CLASSES,
    ),
    Mutant(
        "T1-M03c",
        "cross_entropy",
        "probabilities: mean over the classes",
        _edit(CROSS_ENTROPY, ("target.double() * log_p).sum(dim=1)", "target.double() * log_p).mean(dim=1)")),
        "check_loss_of_probabilities",
        OVER_CLASSES,
    ),
    Mutant(
        "T1-M04b",
        "cross_entropy",
        "sum instead of mean",
        _edit(CROSS_ENTROPY, (_MEAN, "loss.sum()")),
        "check_loss_of_class_indices",
        "The losses are summed, although their mean is asked for",
    ),
    Mutant(
        "T1-M06c",
        "cross_entropy",
        "sign",
        _edit(CROSS_ENTROPY, ("loss = -", "loss = ")),
        "check_loss_of_class_indices",
        "The minus is missing",
    ),
    Mutant(
        "T1-M07d",
        "cross_entropy",
        "no shift",
        _edit(CROSS_ENTROPY, (_LOG_P, "    log_p = (wide.exp() / wide.exp().sum(dim=1, keepdim=True)).log()\n")),
        "check_large_logits_of_the_loss",
        OVERFLOW,
    ),
    Mutant(
        "T1-M07e",
        "cross_entropy",
        "the logarithm of a stable softmax",
        _edit(CROSS_ENTROPY, (_LOG_P, _PROBABILITIES + "    log_p = p.log()\n")),
        "check_large_logits_of_the_loss",
        LOG_OF_ZERO,
    ),
    Mutant(
        "T1-M07f",
        "cross_entropy",
        "log of the sum without a shift",
        _edit(CROSS_ENTROPY, (_LOG_P, "    log_p = wide - wide.exp().sum(dim=1, keepdim=True).log()\n")),
        "check_large_logits_of_the_loss",
        OVERFLOW,
    ),
    Mutant(
        "T1-M08b",
        "cross_entropy",
        "1e-12 in the logarithm",
        _edit(CROSS_ENTROPY, (_LOG_P, _PROBABILITIES + "    log_p = (p + 1e-12).log()\n")),
        "check_large_logits_of_the_loss",
        EPSILON,
    ),
    Mutant(
        "T1-M08c",
        "cross_entropy",
        "clamped at 1e-7",
        _edit(CROSS_ENTROPY, (_LOG_P, _PROBABILITIES + "    log_p = p.clamp(1e-7, 1.0).log()\n")),
        "check_large_logits_of_the_loss",
        EPSILON,
    ),
    Mutant(
        "T1-M08d",
        "cross_entropy",
        "1e-3 in the logarithm",
        _edit(CROSS_ENTROPY, (_LOG_P, _PROBABILITIES + "    log_p = (p + 1e-3).log()\n")),
        "check_loss_of_class_indices",
        EPSILON,
    ),
    Mutant(
        "T1-M09b",
        "cross_entropy",
        "no logarithm",
        _edit(CROSS_ENTROPY, (_LOG_P, _PROBABILITIES + "    log_p = p\n")),
        "check_loss_of_class_indices",
        "The logarithm is missing: this is the negative probability",
    ),
    Mutant(
        "T1-M10b",
        "cross_entropy",
        "sigmoid and BCE per class",
        "def cross_entropy(logits, target, weight=None, ignore_index=-100, reduction='mean'):\n"
        "    y = target.double()\n"
        "    if not target.is_floating_point():\n"
        "        y = torch.stack([target == k for k in range(logits.shape[1])], dim=1).double()\n"
        "    p = torch.sigmoid(logits.double())\n"
        "    loss = -(y * p.log() + (1 - y) * (1 - p).log())\n"
        "    if reduction == 'none':\n        return loss.mean(dim=1)\n"
        "    return loss.mean() if reduction == 'mean' else loss.sum()\n",
        "check_loss_of_class_indices",
        "A binary cross-entropy of each class is averaged",
    ),
    Mutant(
        "T1-M10c",
        "cross_entropy",
        "softmax and BCE, summed over the classes",
        "def cross_entropy(logits, target, weight=None, ignore_index=-100, reduction='mean'):\n"
        "    y = target.double()\n"
        "    if not target.is_floating_point():\n"
        "        y = torch.stack([target == k for k in range(logits.shape[1])], dim=1).double()\n"
        "    e = (logits.double() - logits.double().amax(dim=1, keepdim=True)).exp()\n"
        "    p = e / e.sum(dim=1, keepdim=True)\n"
        "    loss = -(y * p.log() + (1 - y) * (1 - p).log()).sum(dim=1)\n"
        "    if reduction == 'none':\n        return loss\n"
        "    return loss.mean() if reduction == 'mean' else loss.sum()\n",
        "check_loss_of_class_indices",
        "A binary cross-entropy is taken of the probabilities",
    ),
    Mutant(
        "T1-M11d",
        "cross_entropy",
        "1 subtracted from the labels, 0 wraps around",
        _edit(
            CROSS_ENTROPY,
            ("log_p.gather(1, index.unsqueeze(1))", "log_p.gather(1, ((index - 1) % num_classes).unsqueeze(1))"),
        ),
        "check_loss_of_class_indices",
        "1 is subtracted from the labels: they are counted from 1",
    ),
    Mutant(
        "T1-M12",
        "cross_entropy",
        "weighted mean divided by N",
        _edit(
            CROSS_ENTROPY, (_MEAN, "(loss.sum() / (keep.sum() if not target.is_floating_point() else loss.numel()))")
        ),
        "check_weights_of_classes",
        "The weighted sum is divided by the number of samples",
    ),
    Mutant(
        "T1-M16e",
        "cross_entropy",
        "log2",
        _edit(CROSS_ENTROPY, (_LOG_P, _LOG_P + "    log_p = log_p / math.log(2)\n")),
        "check_loss_of_class_indices",
        BITS,
    ),
    Mutant(
        "T1-M16f",
        "cross_entropy",
        "log10",
        _edit(CROSS_ENTROPY, (_LOG_P, _LOG_P + "    log_p = log_p / math.log(10)\n")),
        "check_loss_of_class_indices",
        TENS,
    ),
    Mutant(
        "T1-X30a",
        "cross_entropy",
        "no softmax",
        _edit(CROSS_ENTROPY, (_LOG_P, "    log_p = wide\n")),
        "check_loss_of_class_indices",
        "The softmax is missing: this is the negative logit",
    ),
    Mutant(
        "T1-X30b",
        "cross_entropy",
        "probabilities become their argmax",
        _edit(
            CROSS_ENTROPY,
            (
                "    wide = logits.double()\n",
                "    if target.shape == logits.shape:\n        target = target.argmax(dim=1)\n"
                "    wide = logits.double()\n",
            ),
        ),
        "check_loss_of_probabilities",
        "Only the most likely class of the target counts",
    ),
    Mutant(
        "T1-X30c",
        "cross_entropy",
        "`reduction` not used",
        _edit(
            CROSS_ENTROPY,
            (
                '    if reduction == "none":\n        return loss.to(logits.dtype)\n'
                '    if reduction == "sum":\n        return loss.sum().to(logits.dtype)\n',
                "",
            ),
        ),
        "check_reductions",
        None,
        "the shape of `none` is wrong before the value of `sum` can be: the message says it",
    ),
    Mutant(
        "T1-X30d",
        "cross_entropy",
        "`weight` not used",
        _edit(CROSS_ENTROPY, ("        w = weight.double()\n", "        pass\n")),
        "check_weights_of_classes",
        "`weight` has no effect",
    ),
    Mutant(
        "T1-X30e",
        "cross_entropy",
        "`weight` not used for probabilities",
        _edit(CROSS_ENTROPY, ("-(columns * target.double()", "-(target.double()")),
        "check_weights_of_probabilities",
        "`weight` has no effect",
    ),
    Mutant(
        "T1-X30f",
        "cross_entropy",
        "divided by the weights of all classes",
        _edit(CROSS_ENTROPY, (_MEAN, "(loss.sum() / (share.sum() if weight is None else w.sum()))")),
        "check_weights_of_classes",
        "The weighted sum is divided by the weights of all classes",
    ),
    Mutant(
        "T1-X31a",
        "cross_entropy",
        "ignored samples in the denominator",
        _edit(CROSS_ENTROPY, (_MEAN, "(loss.sum() / (share.sum() if weight is not None else loss.numel()))")),
        "check_ignored_samples",
        "Ignored samples are still counted in the denominator",
    ),
    Mutant(
        "T1-X31b",
        "cross_entropy",
        "ignored samples are class 0",
        _edit(CROSS_ENTROPY, ("share = w[index] * keep", "share = w[index]")),
        "check_ignored_samples",
        "Ignored samples are counted as class 0",
    ),
    Mutant(
        "T1-X31c",
        "cross_entropy",
        "only negative indices are ignored",
        _edit(CROSS_ENTROPY, ("keep = target != ignore_index", "keep = target >= 0")),
        "check_ignored_samples",
        None,
        OWN_ERROR,
    ),
    Mutant(
        "T1-X31d",
        "cross_entropy",
        "`if ignore_index > 0` forgets class 0",
        _edit(
            CROSS_ENTROPY, ("keep = target != ignore_index", "keep = (target != ignore_index) | (ignore_index == 0)")
        ),
        "check_ignored_samples",
        "`ignore_index` has no effect",
    ),
    Mutant(
        "T1-X31e",
        "cross_entropy",
        "the mean of nothing is 0",
        _edit(CROSS_ENTROPY, (_MEAN, "(loss.sum() / share.sum().clamp(min=1e-12))")),
        "check_loss_of_nothing",
        "The mean of no loss is 0",
    ),
    Mutant(
        "T1-X31f",
        "cross_entropy",
        "-100 becomes 156 in uint8",
        _edit(
            CROSS_ENTROPY,
            (
                "        target = target.long()\n        keep = target != ignore_index\n",
                "        keep = target != torch.tensor(ignore_index).to(target)\n        target = target.long()\n",
            ),
        ),
        "check_dtypes_of_targets",
        None,
        "a matter of dtypes; the hint asks for it",
    ),
    Mutant(
        "T1-X32a",
        "cross_entropy",
        "classes in the last dimension",
        _edit(
            CROSS_ENTROPY,
            ("wide.max(dim=1,", "wide.max(dim=-1,"),
            ("torch.logsumexp(shifted, dim=1,", "torch.logsumexp(shifted, dim=-1,"),
        ),
        "check_loss_of_pixels",
        "The softmax runs over the last dimension, which holds pixels",
    ),
    Mutant(
        "T1-X32b",
        "cross_entropy",
        "divided by the number of images",
        _edit(CROSS_ENTROPY, (_MEAN, "(loss.sum() / (share.sum() if loss.dim() == 1 else len(loss)))")),
        "check_loss_of_pixels",
        "The pixels are summed, and only the samples averaged",
    ),
    Mutant(
        "T1-X32c",
        "cross_entropy",
        "rows only",
        _edit(CROSS_ENTROPY, ("logits.dim() < 2", "logits.dim() != 2")),
        "check_loss_of_pixels",
        None,
        "its own error says it",
    ),
    Mutant(
        "T1-X33a",
        "cross_entropy",
        "float16 is summed in float16",
        _edit(CROSS_ENTROPY, (_MEAN, "(loss.to(logits.dtype).sum() / share.sum())")),
        "check_dtypes_of_the_loss",
        None,
        "a matter of dtypes; the message says that the result is infinite",
    ),
    Mutant(
        "T1-X33b",
        "cross_entropy",
        "float64 comes back",
        _edit(CROSS_ENTROPY, (".to(logits.dtype)", "")),
        "check_dtypes_of_the_loss",
        None,
        DTYPE,
    ),
    Mutant(
        "T1-X33c",
        "cross_entropy",
        "the loss is a Python number in a tensor",
        _edit(
            CROSS_ENTROPY,
            (
                "    return (loss.sum() / share.sum()).to(logits.dtype)",
                "    return torch.tensor((loss.sum() / share.sum()).item(), dtype=logits.dtype, device=logits.device)",
            ),
        ),
        "check_gradient_of_the_loss",
        None,
        OWN_ERROR,
    ),
    Mutant(
        "T1-X33d",
        "cross_entropy",
        "the denominator of softmax has no gradient",
        _edit(
            CROSS_ENTROPY,
            ("torch.logsumexp(shifted, dim=1, keepdim=True)", "torch.logsumexp(shifted, dim=1, keepdim=True).detach()"),
        ),
        "check_gradient_of_the_loss",
        None,
        "only the gradient is wrong",
    ),
    Mutant(
        "T1-X33e",
        "cross_entropy",
        "writes into the target",
        _edit(
            CROSS_ENTROPY,
            (
                "index = torch.where(keep, target, torch.zeros_like(target))",
                "target[~keep] = 0\n        index = target",
            ),
        ),
        "check_views_of_the_loss",
        None,
        CHANGED,
    ),
    Mutant(
        "T1-X33f",
        "cross_entropy",
        "negative indices wrap around",
        _edit(
            CROSS_ENTROPY,
            (_INDEX, ""),
            ("gather(1, index.unsqueeze(1))", "gather(1, (index % num_classes).unsqueeze(1))"),
            ("w[index]", "w[index % num_classes]"),
        ),
        "check_class_out_of_range",
        None,
        NO_ERROR,
    ),
    Mutant(
        "T1-X33g",
        "cross_entropy",
        "an unknown reduction is the mean",
        _edit(
            CROSS_ENTROPY,
            ('    if reduction not in ("none", "sum", "mean"):\n        raise ValueError("unknown reduction")\n', ""),
        ),
        "check_arguments_of_the_loss",
        None,
        NO_ERROR,
    ),
    Mutant(
        "T1-X33h",
        "cross_entropy",
        "a target for one sample is stretched",
        _edit(
            CROSS_ENTROPY,
            (
                "        if target.shape != logits.shape:\n"
                '            raise ValueError("probabilities must have the shape of the logits")\n',
                "",
            ),
        ),
        "check_arguments_of_the_loss",
        None,
        NO_ERROR,
    ),
    Mutant(
        "T1-X63a",
        "cross_entropy",
        "PyTorch's loss",
        "def cross_entropy(logits, target, weight=None, ignore_index=-100, reduction='mean'):\n"
        "    target = target if target.is_floating_point() else target.long()\n"
        "    return nn.functional.cross_entropy(\n"
        "        logits, target, weight, ignore_index=ignore_index, reduction=reduction\n    )\n",
        "check_loss_of_class_indices",
        None,
        REFUSED,
    ),
    Mutant(
        "T1-X63b",
        "cross_entropy",
        "nn.CrossEntropyLoss in a dict",
        "losses = {name: nn.CrossEntropyLoss(reduction=name) for name in ('none', 'sum', 'mean')}\n\n\n"
        "def cross_entropy(logits, target, weight=None, ignore_index=-100, reduction='mean'):\n"
        "    return losses[reduction](logits, target)\n",
        "check_loss_of_class_indices",
        None,
        REFUSED,
    ),
    Mutant(
        "T1-X63c",
        "cross_entropy",
        "nll_loss of one's own log_softmax",
        "from torch.nn.functional import nll_loss as pick\n\n\n"
        "def cross_entropy(logits, target, weight=None, ignore_index=-100, reduction='mean'):\n"
        "    log_p = log_softmax(logits, dim=1)\n"
        "    return pick(log_p, target.long(), weight, ignore_index=ignore_index, reduction=reduction)\n",
        "check_loss_of_class_indices",
        None,
        REFUSED,
    ),
    Mutant(
        "T1-X63d",
        "cross_entropy",
        "a distribution that knows log_prob",
        "def cross_entropy(logits, target, weight=None, ignore_index=-100, reduction='mean'):\n"
        "    d = torch.distributions.Categorical(probs=torch.nn.Softmax(dim=-1)(logits))\n"
        "    return -d.log_prob(target).mean()\n",
        "check_loss_of_class_indices",
        None,
        REFUSED,
    ),
)

PREDICT_MUTANTS = (
    Mutant(
        "T1-M14a",
        "predict",
        "argmax over the batch",
        _edit(PREDICT, ("dim=dim)", "dim=0)")),
        "check_most_likely_class",
        "The argmax runs over the batch (dimension 0)",
    ),
    Mutant(
        "T1-M14b",
        "predict",
        "argmax over all numbers",
        _edit(PREDICT, ("torch.argmax(logits, dim=dim)", "torch.argmax(logits)")),
        "check_most_likely_class",
        "The argmax runs over all numbers",
    ),
    Mutant(
        "T1-X40a",
        "predict",
        "the last dimension",
        _edit(PREDICT, ("dim=dim)", "dim=-1)")),
        "check_class_of_each_pixel",
        "The argmax runs over the last dimension",
    ),
    Mutant(
        "T1-X40b",
        "predict",
        "`dim` not used",
        _edit(PREDICT, ("dim=dim)", "dim=1)")),
        "check_class_of_each_pixel",
        "`dim` has no effect: dimension 1 is always taken",
    ),
    Mutant(
        "T1-X40c",
        "predict",
        "the largest logit",
        _edit(PREDICT, ("torch.argmax(logits, dim=dim)", "logits.max(dim=dim).values")),
        "check_most_likely_class",
        "The largest logit is returned, not its place",
    ),
    Mutant(
        "T1-X40d",
        "predict",
        "the last of equals",
        _edit(
            PREDICT,
            ("torch.argmax(logits, dim=dim)", "logits.shape[dim] - 1 - torch.argmax(logits.flip(dim), dim=dim)"),
        ),
        "check_equal_logits",
        "Of equal logits the last one wins",
    ),
    Mutant(
        "T1-X40e",
        "predict",
        "int32 comes back",
        _edit(PREDICT, ("dim=dim)", "dim=dim).int()")),
        "check_dtypes_of_predictions",
        None,
        DTYPE,
    ),
    Mutant(
        "T1-X40f",
        "predict",
        "dimension kept",
        _edit(PREDICT, ("dim=dim)", "dim=dim, keepdim=True)")),
        "check_most_likely_class",
        "The dimension of the classes is kept",
    ),
    Mutant(
        "T1-X40g",
        "predict",
        "no class is class 0",
        "def predict(logits, dim=1):\n"
        "    if logits.shape[dim] == 0:\n"
        "        return torch.zeros(len(logits), dtype=torch.int64, device=logits.device)\n"
        "    return logits.argmax(dim)\n",
        "check_prediction_without_classes",
        None,
        NO_ERROR,
    ),
)

BANDIT_NET_MUTANTS = (
    Mutant(
        "T1-M01b",
        "BanditNet",
        "softmax at the end",
        _edit(BANDIT_NET, ("return self.fc2(x)", "return torch.softmax(self.fc2(x), dim=1)")),
        "check_logits_of_the_net",
        "The net ends with a softmax",
    ),
    Mutant(
        "T1-X50a",
        "BanditNet",
        "log-softmax at the end",
        _edit(BANDIT_NET, ("return self.fc2(x)", "return nn.functional.log_softmax(self.fc2(x), dim=1)")),
        "check_logits_of_the_net",
        "The net ends with a log-softmax",
    ),
    Mutant(
        "T1-X50b",
        "BanditNet",
        "no ReLU",
        _edit(BANDIT_NET, ("torch.relu(self.fc1(x))", "self.fc1(x)")),
        "check_logits_of_the_net",
        "There is no activation between the layers",
    ),
    Mutant(
        "T1-X50c",
        "BanditNet",
        "ReLU at the end too",
        _edit(BANDIT_NET, ("return self.fc2(x)", "return torch.relu(self.fc2(x))")),
        "check_logits_of_the_net",
        "The net ends with a ReLU",
    ),
    Mutant(
        "T1-X50d",
        "BanditNet",
        "tanh",
        _edit(BANDIT_NET, ("torch.relu(", "torch.tanh(")),
        "check_logits_of_the_net",
        "The activation is tanh, not ReLU",
    ),
    Mutant(
        "T1-X51a",
        "BanditNet",
        "other names",
        _edit(BANDIT_NET, ("fc1", "hidden_layer"), ("fc2", "output_layer")),
        "check_names_and_shapes",
        None,
        "there is no output to compare: names are missing",
    ),
    Mutant(
        "T1-X51b",
        "BanditNet",
        "an arm as a one-hot vector of two",
        _edit(
            BANDIT_NET,
            ("nn.Linear(1, hidden)", "nn.Linear(2, hidden)"),
            ("self.fc1(x)", "self.fc1(torch.cat((1 - x, x), dim=1))"),
        ),
        "check_names_and_shapes",
        None,
        "the message says which shape is wrong",
    ),
    Mutant(
        "T1-X51c",
        "BanditNet",
        "a layer more",
        _edit(BANDIT_NET, ("        self.fc2 =", "        self.norm = nn.LayerNorm(hidden)\n        self.fc2 =")),
        "check_names_and_shapes",
        None,
        "the message says that there are more parameters",
    ),
    Mutant(
        "T1-X51d",
        "BanditNet",
        "weights begin with 0",
        _edit(
            BANDIT_NET,
            (
                "        self.fc2 = nn.Linear(hidden, 3)\n",
                "        self.fc2 = nn.Linear(hidden, 3)\n        nn.init.zeros_(self.fc1.weight)\n",
            ),
        ),
        "check_names_and_shapes",
        None,
        "the message says which numbers are equal",
    ),
    Mutant(
        "T1-X51e",
        "BanditNet",
        "dropout",
        _edit(
            BANDIT_NET,
            ("torch.relu(self.fc1(x))", "nn.functional.dropout(torch.relu(self.fc1(x)), training=self.training)"),
        ),
        "check_modes_and_batches",
        None,
        "what it returns is left to chance",
    ),
    Mutant(
        "T1-X51f",
        "BanditNet",
        "squeezes a single arm",
        _edit(BANDIT_NET, ("return self.fc2(x)", "return self.fc2(x).squeeze(0)")),
        "check_modes_and_batches",
        None,
        "the message says which shape is wrong",
    ),
    Mutant(
        "T1-X51g",
        "BanditNet",
        "the first layer has no gradient",
        _edit(BANDIT_NET, ("torch.relu(self.fc1(x))", "torch.relu(self.fc1(x)).detach()")),
        "check_gradients_of_the_net",
        None,
        "only the gradient is wrong",
    ),
    Mutant(
        "T1-X51h",
        "BanditNet",
        "any input",
        _edit(
            BANDIT_NET,
            ('        if x.dim() != 2 or x.shape[1] != 1:\n            raise ValueError("one arm per row")\n', ""),
        ),
        "check_inputs_of_the_net",
        None,
        NO_ERROR,
    ),
    Mutant(
        "T1-X51i",
        "BanditNet",
        "no hidden unit",
        _edit(BANDIT_NET, ('        if hidden < 1:\n            raise ValueError("no hidden unit")\n', "")),
        "check_inputs_of_the_net",
        None,
        NO_ERROR,
    ),
    Mutant(
        "T1-X51j",
        "BanditNet",
        "everything in float32",
        _edit(BANDIT_NET, ("self.fc1(x))", "self.fc1(x.float()))")),
        "check_modes_and_batches",
        None,
        OWN_ERROR,
    ),
    Mutant(
        "T1-X51k",
        "BanditNet",
        "a plain tensor in the net, which `.to(device)` does not move",
        _edit(
            BANDIT_NET,
            ("        self.fc2 =", "        self.scale = torch.ones(1)\n        self.fc2 ="),
            ("torch.relu(self.fc1(x))", "torch.relu(self.fc1(x)) * self.scale.to(x.dtype)"),
        ),
        "check_placement_of_BanditNet",
        None,
        "no value is wrong; the message names the line",
    ),
)

TRAIN_BANDIT_MUTANTS = (
    Mutant(
        "T1-X52a",
        "train_bandit",
        "stops too early",
        _edit(TRAIN_BANDIT, ("range(800)", "range(10)")),
        "check_loss_reaches_the_infimum",
        None,
        TRAINED,
    ),
    Mutant(
        "T1-X52b",
        "train_bandit",
        "softmax before the loss",
        _edit(
            TRAIN_BANDIT,
            ("cross_entropy(net(inputs), target)", "cross_entropy(torch.softmax(net(inputs), dim=1), target)"),
        ),
        "check_loss_reaches_the_infimum",
        None,
        TRAINED,
    ),
    Mutant(
        "T1-X52c",
        "train_bandit",
        "regression on the class index",
        _edit(
            TRAIN_BANDIT,
            ("nn.functional.cross_entropy(net(inputs), target)", "((net(inputs).mean(dim=1) - target) ** 2).mean()"),
        ),
        "check_loss_reaches_the_infimum",
        None,
        TRAINED,
    ),
    Mutant(
        "T1-X52d",
        "train_bandit",
        "gradients are never set to zero",
        _edit(
            TRAIN_BANDIT,
            ("        optimizer.zero_grad()\n", ""),
            ("torch.optim.Adam(net.parameters(), lr=0.05)", "torch.optim.SGD(net.parameters(), lr=0.5)"),
        ),
        "check_loss_reaches_the_infimum",
        None,
        TRAINED,
    ),
    Mutant(
        "T1-X52e",
        "train_bandit",
        "not trained, but praised",
        "def train_bandit(x, labels, hidden=8, seed=0):\n"
        "    generator = torch.random.fork_rng()\n"
        "    with generator:\n        torch.manual_seed(seed)\n        net = BanditNet(hidden)\n"
        "    print('final loss', min_cross_entropy(x.long(), labels.long(), 2, 3))\n"
        "    return net\n",
        "check_loss_reaches_the_infimum",
        None,
        TRAINED,
    ),
    Mutant(
        "T1-X52f",
        "train_bandit",
        "the arms are not looked at",
        _edit(
            TRAIN_BANDIT, ("inputs = x.float().reshape(-1, 1)", "inputs = torch.zeros_like(x).float().reshape(-1, 1)")
        ),
        "check_loss_reaches_the_infimum",
        None,
        TRAINED,
    ),
    Mutant(
        "T1-X52g",
        "train_bandit",
        "trains only on as many pulls as the lecture has",
        _edit(TRAIN_BANDIT, ("range(800)", "range(800) if len(x) == 10 else range(5)")),
        "check_loss_reaches_the_infimum",
        None,
        TRAINED,
    ),
    Mutant(
        "T1-X53a",
        "train_bandit",
        "the seed is not used",
        _edit(TRAIN_BANDIT, ("    torch.manual_seed(seed)\n", "    torch.seed()\n")),
        "check_same_seed_same_net",
        None,
        "no output is wrong by itself; the message says that two differ",
    ),
    Mutant(
        "T1-X53b",
        "train_bandit",
        "the random state of the caller",
        _edit(TRAIN_BANDIT, ("    torch.set_rng_state(state)\n", "")),
        "check_training_leaves_no_trace",
        None,
        CHANGED,
    ),
    Mutant(
        "T1-X53c",
        "train_bandit",
        "always eight hidden units",
        _edit(TRAIN_BANDIT, ("BanditNet(hidden)", "BanditNet(8)")),
        "check_certain_arms_are_learned",
        None,
        "the message says which shape is wrong",
    ),
    Mutant(
        "T1-X53d",
        "train_bandit",
        "grad mode stays off",
        _edit(
            TRAIN_BANDIT,
            ("    return net\n", "    torch.set_grad_enabled(False)\n    return net\n"),
            ("    state = torch", "    torch.set_grad_enabled(True)\n    state = torch"),
        ),
        "check_training_leaves_no_trace",
        None,
        CHANGED,
    ),
    Mutant(
        "T1-X53e",
        "train_bandit",
        "only the frequent class is learned",
        _edit(
            TRAIN_BANDIT,
            (
                "    target = labels.long()\n",
                "    target = torch.full_like(labels.long(), int(labels.long().mode().values))\n",
            ),
        ),
        "check_rare_classes_are_learned",
        None,
        TRAINED,
    ),
    Mutant(
        "T1-X53f",
        "train_bandit",
        "float arms and uint8 labels are not converted",
        _edit(TRAIN_BANDIT, ("inputs = x.float().reshape", "inputs = (x * 1.0).reshape"), ("labels.long()", "labels")),
        "check_certain_arms_are_learned",
        None,
        OWN_ERROR,
    ),
)


def _misplaced(id: str, exercise: str, mistake: str, source: str) -> Mutant:
    """Return a mutant whose results are right, and not where they should be."""
    return Mutant(
        id, exercise, mistake, source, f"check_placement_of_{exercise}", None, "no value is wrong; the line is named"
    )


_GLOBAL_DEVICE = "device = torch.device('cpu')\n\n\n"

MISPLACED = (
    (
        _misplaced(
            "T1-X70a",
            "encode_rewards",
            "torch.tensor without a device",
            _edit(
                ENCODE_REWARDS,
                (
                    "    labels = torch.full(y.shape, -1, dtype=torch.int64, device=y.device)\n"
                    "    for k in range(len(values)):\n        labels[y.to(dtype) == values[k]] = k\n",
                    "    labels = torch.zeros(y.shape, dtype=torch.int64) - 1\n"
                    "    for k in range(len(values)):\n"
                    "        labels = torch.where(y.to(dtype) == values[k], k, labels)\n",
                ),
            ),
        ),
        "labels = torch.zeros(y.shape, dtype=torch.int64) - 1",
    ),
    (
        _misplaced(
            "T1-X70b", "one_hot", "torch.zeros without a device", _edit(ONE_HOT, (", device=labels.device", ""))
        ),
        "result = torch.zeros(*labels.shape, num_classes)",
    ),
    (
        _misplaced(
            "T1-X70c",
            "empirical_distribution",
            "torch.zeros without a device",
            _edit(EMPIRICAL_DISTRIBUTION, (", device=x.device", "")),
        ),
        "counts = torch.zeros(num_arms, num_classes, dtype=torch.float64)",
    ),
    (
        _misplaced(
            "T1-X70d",
            "expected_reward",
            "torch.tensor without a device",
            _edit(EXPECTED_REWARD, (", device=dist.device", "")),
        ),
        "values = torch.tensor(reward_values, dtype=torch.float64)",
    ),
    (
        _misplaced(
            "T1-X70e",
            "cross_entropy",
            "torch.ones without a device",
            _edit(CROSS_ENTROPY, ("dtype=torch.float64, device=logits.device)", "dtype=torch.float64)")),
        ),
        "w = torch.ones(num_classes, dtype=torch.float64)",
    ),
    (
        _misplaced(
            "T1-X70f",
            "min_cross_entropy",
            "torch.arange without a device",
            "def min_cross_entropy(x, labels, num_arms, num_classes):\n"
            "    p = empirical_distribution(x, labels, num_arms, num_classes)\n"
            "    if len(x) == 0:\n        return math.nan\n"
            "    arms = torch.arange(num_arms)\n"
            "    share = (x.long()[:, None] == arms).double().mean(dim=0)\n"
            "    entropy = -torch.special.xlogy(p, p).sum(dim=1)\n"
            "    return (share * entropy)[share > 0].sum().item()\n",
        ),
        "arms = torch.arange(num_arms)",
    ),
    (
        _misplaced("T1-X71a", "softmax", "back to the CPU", _edit(SOFTMAX, (".to(z.dtype)\n", ".to(z.dtype).cpu()\n"))),
        "return (e / e.sum(dim=dim, keepdim=True)).to(z.dtype).cpu()",
    ),
    (
        _misplaced(
            "T1-X71b",
            "log_softmax",
            "`.cpu()` on the way",
            _edit(LOG_SOFTMAX, ("shifted = wide - wide", "wide = wide.cpu()\n    shifted = wide - wide")),
        ),
        "wide = wide.cpu()",
    ),
    (
        _misplaced("T1-X71c", "predict", "`.cpu()`", _edit(PREDICT, ("dim=dim)", "dim=dim).cpu()"))),
        "return torch.argmax(logits, dim=dim).cpu()",
    ),
    (
        _misplaced(
            "T1-X71d",
            "BanditNet",
            "back to the CPU",
            _edit(BANDIT_NET, ("return self.fc2(x)", "return self.fc2(x).cpu()")),
        ),
        "return self.fc2(x).cpu()",
    ),
    (
        _misplaced(
            "T1-X72a",
            "predict",
            "numpy",
            "import numpy as np\n\n\n"
            "def predict(logits, dim=1):\n"
            "    if logits.dim() <= dim or logits.shape[dim] == 0:\n        raise ValueError('no class')\n"
            "    return torch.from_numpy(np.asarray(np.argmax(logits.double().numpy(), axis=dim)))\n",
        ),
        "return torch.from_numpy(np.asarray(np.argmax(logits.double().numpy(), axis=dim)))",
    ),
    (
        _misplaced(
            "T1-X72b",
            "encode_rewards",
            "numpy",
            _edit(
                ENCODE_REWARDS,
                (
                    "    values = torch.tensor(list(reward_values), dtype=dtype, device=y.device)\n",
                    "    rewards = y.numpy()\n"
                    "    values = torch.tensor(list(reward_values), dtype=dtype, device=y.device)\n",
                ),
            ),
        ),
        "rewards = y.numpy()",
    ),
    (
        _misplaced(
            "T1-X72c",
            "min_cross_entropy",
            "numpy",
            _edit(
                MIN_CROSS_ENTROPY,
                ("    total = 0.0\n", "    total = 0.0\n    arms = x.numpy()\n"),
                ("(x == a)", "(arms == a)"),
            ),
        ),
        "arms = x.numpy()",
    ),
    (
        _misplaced(
            "T1-X73a",
            "cross_entropy",
            "a constant of the notebook",
            "ZERO = torch.zeros(1, dtype=torch.int64)\n\n\n"
            + _edit(
                CROSS_ENTROPY,
                ("torch.where(keep, target, torch.zeros_like(target))", "torch.where(keep, target, ZERO)"),
            ),
        ),
        "index = torch.where(keep, target, ZERO)",
    ),
    (
        _misplaced(
            "T1-X73b",
            "BanditNet",
            "a constant of the notebook",
            "ZERO = torch.zeros(1)\n\n\n"
            + _edit(BANDIT_NET, ("torch.relu(self.fc1(x))", "torch.maximum(self.fc1(x), ZERO.to(x.dtype))")),
        ),
        "x = torch.maximum(self.fc1(x), ZERO.to(x.dtype))",
    ),
    (
        _misplaced(
            "T1-X73c",
            "one_hot",
            "a table of the notebook",
            "EYE = torch.eye(200)\n\n\n"
            + _edit(
                ONE_HOT,
                (
                    "    result = torch.zeros(*labels.shape, num_classes, device=labels.device)\n"
                    "    result.scatter_(-1, labels.unsqueeze(-1), 1.0)\n    return result\n",
                    "    return EYE[labels][..., :num_classes]\n",
                ),
            ),
        ),
        "return EYE[labels][..., :num_classes]",
    ),
    (
        _misplaced(
            "T1-X74a",
            "empirical_distribution",
            "a device for the whole notebook",
            _GLOBAL_DEVICE + _edit(EMPIRICAL_DISTRIBUTION, ("device=x.device", "device=device")),
        ),
        "counts = torch.zeros(num_arms, num_classes, dtype=torch.float64, device=device)",
    ),
    (
        _misplaced(
            "T1-X74b",
            "expected_reward",
            "a device for the whole notebook",
            _GLOBAL_DEVICE + _edit(EXPECTED_REWARD, ("device=dist.device", "device=device")),
        ),
        "values = torch.tensor(reward_values, dtype=torch.float64, device=device)",
    ),
    (
        _misplaced(
            "T1-X75a",
            "softmax",
            "an output that is made beforehand",
            _edit(
                SOFTMAX,
                (
                    "    return (e / e.sum(dim=dim, keepdim=True)).to(z.dtype)\n",
                    "    one = torch.tensor([1.0], dtype=e.dtype)\n"
                    "    return (e / e.sum(dim=dim, keepdim=True) * one).to(z.dtype)\n",
                ),
            ),
        ),
        "one = torch.tensor([1.0], dtype=e.dtype)",
    ),
    (
        _misplaced(
            "T1-X75b",
            "log_softmax",
            "a sum that begins with a tensor",
            _edit(
                LOG_SOFTMAX,
                (
                    "    return (shifted - shifted.exp()",
                    "    zero = torch.zeros(1, dtype=wide.dtype)\n    return (shifted + zero - shifted.exp()",
                ),
            ),
        ),
        "zero = torch.zeros(1, dtype=wide.dtype)",
    ),
)
"""Mistakes about devices, which cost the points of placement alone, and the line that the report must name."""

MUTANTS = (
    *ENCODE_REWARDS_MUTANTS,
    *ONE_HOT_MUTANTS,
    *EMPIRICAL_DISTRIBUTION_MUTANTS,
    *EXPECTED_REWARD_MUTANTS,
    *MIN_CROSS_ENTROPY_MUTANTS,
    *SOFTMAX_MUTANTS,
    *LOG_SOFTMAX_MUTANTS,
    *CROSS_ENTROPY_MUTANTS,
    *PREDICT_MUTANTS,
    *BANDIT_NET_MUTANTS,
    *TRAIN_BANDIT_MUTANTS,
    *(mutant for mutant, _ in MISPLACED),
)
