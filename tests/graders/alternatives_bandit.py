"""Correct solutions of the topic *bandit* in other styles, each of which must earn all points.

What the stub's docstring leaves open is free: loops or one expression, numpy inside where no gradient is needed,
one-hot vectors or ``gather``, ``logsumexp`` or an exponential of one's own, any optimizer, helpers of any name.
"""

from __future__ import annotations

from tests.graders.mutants_bandit import BANDIT_NET, BASES, CROSS_ENTROPY, LOG_SOFTMAX, SOFTMAX, TRAIN_BANDIT
from tests.graders.proof import Alternative


def _edit(source: str, *edits: tuple[str, str]) -> str:
    """Return ``source`` with each ``(old, new)`` replaced; ``old`` has to be there."""
    for old, new in edits:
        if old not in source:
            raise ValueError(f"nothing to replace: {old!r}")
        source = source.replace(old, new)
    return source


_PLAIN = tuple(Alternative("plain", exercise, source) for exercise, source in BASES.items())

_COUNTS = (
    Alternative(
        "numpy, and back to the device",
        "encode_rewards",
        """\
import numpy as np


def encode_rewards(y, reward_values=(0, 1, 100)):
    if y.ndim != 1:
        raise ValueError("expected (N,)")
    a = y.cpu().numpy()
    r = np.asarray(reward_values, dtype=a.dtype if y.is_floating_point() else np.float64)
    hit = a[:, None] == r[None, :]
    if not hit.any(axis=1).all():
        raise ValueError("unknown reward")
    return torch.as_tensor(hit.argmax(axis=1) if len(a) else np.zeros(0), dtype=torch.int64, device=y.device)
""",
    ),
    Alternative(
        "a dict and a loop",
        "encode_rewards",
        """\
def encode_rewards(y: Tensor, reward_values: Sequence[float] = (0, 1, 100)) -> Tensor:
    if y.dim() != 1:
        raise ValueError("shape")
    table = {}
    for k, r in enumerate(reward_values):
        r = torch.tensor(float(r), dtype=y.dtype if y.is_floating_point() else torch.float64).item()
        table[r] = k
    result = []
    for value in y.tolist():
        if value not in table:
            raise ValueError(f"unknown reward {value}")
        result.append(table[value])
    return torch.tensor(result, dtype=torch.long, device=y.device)
""",
    ),
    Alternative(
        "rows of the unit matrix",
        "one_hot",
        """\
def one_hot(labels, num_classes):
    if labels.is_floating_point() or num_classes <= 0:
        raise ValueError("labels")
    labels = labels.long()
    if labels.numel() and not (0 <= int(labels.min()) and int(labels.max()) < num_classes):
        raise IndexError("label out of range")
    rows = torch.eye(num_classes, device=labels.device).index_select(0, labels.reshape(-1))
    return rows.reshape(labels.shape + (num_classes,))
""",
    ),
    Alternative(
        "a loop over the classes",
        "one_hot",
        """\
def one_hot(labels, num_classes):
    if labels.dtype.is_floating_point:
        raise TypeError("floats are not labels")
    if num_classes < 1:
        raise ValueError("num_classes")
    columns = [(labels.long() == k).float() for k in range(num_classes)]
    result = torch.stack(columns, dim=-1)
    if not (result.sum(-1) == 1).all():
        raise ValueError("label")
    return result
""",
    ),
    Alternative(
        "one-hot vectors multiplied (einsum)",
        "empirical_distribution",
        """\
def empirical_distribution(x, labels, num_arms, num_classes):
    if x.dim() != 1 or x.shape != labels.shape:
        raise ValueError("shapes")
    counts = torch.einsum("na,nk->ak", one_hot(x, num_arms).double(), one_hot(labels, num_classes).double())
    return counts / counts.sum(1, keepdim=True)
""",
    ),
    Alternative(
        "numpy, and back to the device",
        "empirical_distribution",
        """\
import numpy as np


def empirical_distribution(x, labels, num_arms, num_classes):
    a, c = x.cpu().numpy(), labels.cpu().numpy()
    if a.ndim != 1 or a.shape != c.shape or a.dtype.kind == "f" or c.dtype.kind == "f":
        raise ValueError("pulls")
    a, c = a.astype(np.int64), c.astype(np.int64)
    if num_arms < 1 or num_classes < 1 or (a < 0).any() or (c < 0).any():
        raise ValueError("range")
    counts = np.zeros((num_arms, num_classes))
    np.add.at(counts, (a, c), 1.0)
    with np.errstate(invalid="ignore"):
        dist = counts / counts.sum(axis=1, keepdims=True)
    return torch.from_numpy(dist).to(x.device)
""",
    ),
    Alternative(
        "a mean over the pulls of each arm",
        "empirical_distribution",
        """\
def empirical_distribution(x, labels, num_arms, num_classes):
    if x.dim() != 1 or labels.dim() != 1 or len(x) != len(labels):
        raise ValueError("shapes")
    one_hot(x, num_arms)
    rows = one_hot(labels, num_classes).double()
    return torch.stack([rows[x.long() == a].mean(dim=0) for a in range(num_arms)])
""",
    ),
    Alternative(
        "a matrix times a vector",
        "expected_reward",
        """\
def expected_reward(dist, reward_values):
    if dist.dim() != 2 or len(reward_values) != dist.size(1):
        raise ValueError("one reward per class")
    if not dist.is_floating_point():
        dist = dist.float()
    return dist @ torch.tensor([float(r) for r in reward_values], dtype=dist.dtype, device=dist.device)
""",
    ),
    Alternative(
        "a loop over the classes, in the dtype of the distribution",
        "expected_reward",
        """\
def expected_reward(dist, reward_values):
    if dist.ndim != 2:
        raise ValueError("2-D")
    if len(reward_values) != dist.shape[1]:
        raise ValueError("rewards")
    d = dist if dist.is_floating_point() else dist.to(torch.float32)
    return sum(d[:, k] * r for k, r in enumerate(reward_values))
""",
    ),
    Alternative(
        "the loss of the pulls themselves",
        "min_cross_entropy",
        """\
def min_cross_entropy(x, labels, num_arms, num_classes):
    p = empirical_distribution(x, labels, num_arms, num_classes)
    return -p[x.long(), labels.long()].log().mean().item()
""",
    ),
    Alternative(
        "nansum, and a 0-dim tensor comes back",
        "min_cross_entropy",
        """\
def min_cross_entropy(x, labels, num_arms, num_classes):
    p = empirical_distribution(x, labels, num_arms, num_classes)
    n = torch.stack([(x == a).sum() for a in range(num_arms)]).double()
    return torch.nansum(-(p * torch.log(p)).nansum(dim=1) * n) / n.sum()
""",
    ),
    Alternative(
        "numpy with a small number in the logarithm",
        "min_cross_entropy",
        """\
import numpy as np


def min_cross_entropy(x, labels, num_arms, num_classes):
    p = np.nan_to_num(empirical_distribution(x, labels, num_arms, num_classes).cpu().numpy())
    if x.numel() == 0:
        return float("nan")
    share = np.bincount(x.cpu().numpy().astype(int), minlength=num_arms) / x.numel()
    return float(-(share[:, None] * p * np.log(p + 1e-12)).sum())
""",
    ),
)

_SOFTMAX = (
    Alternative(
        "logsumexp",
        "softmax",
        """\
def softmax(z, dim=-1):
    if not torch.is_floating_point(z):
        raise TypeError("logits are floats")
    if z.size(dim) == 0:
        raise ValueError("classes")
    w = z.double()
    return torch.exp(w - torch.logsumexp(w, dim, keepdim=True)).type_as(z)
""",
    ),
    Alternative(
        "a shift that autograd sees, by amax and transposing",
        "softmax",
        """\
def softmax(z, dim=-1):
    if not z.is_floating_point() or not z.shape[dim]:
        raise ValueError("z")
    t = z.to(torch.float64).transpose(dim, -1)
    t = t - torch.amax(t, -1, keepdim=True)
    e = math.e ** t
    return (e / e.sum(-1, keepdim=True)).transpose(dim, -1).to(z.dtype)
""",
    ),
    Alternative(
        "the shift has no gradient",
        "softmax",
        _edit(SOFTMAX, ("wide.max(dim=dim, keepdim=True).values", "wide.detach().max(dim=dim, keepdim=True)[0]")),
    ),
    Alternative(
        "a function for one vector, stacked",
        "softmax",
        """\
def softmax(z, dim=-1):
    if not z.is_floating_point() or z.shape[dim] == 0:
        raise ValueError("z")
    slices = [t.double() for t in z.unbind(dim)]
    top = slices[0]
    for t in slices[1:]:
        top = torch.maximum(top, t)
    powers = [(t - top).exp() for t in slices]
    total = sum(powers)
    return torch.stack([p / total for p in powers], dim).to(z.dtype)
""",
    ),
    Alternative(
        "logsumexp of shifted logits",
        "log_softmax",
        _edit(LOG_SOFTMAX, ("shifted.exp().sum(dim=dim, keepdim=True).log()", "shifted.logsumexp(dim, keepdim=True)")),
    ),
    Alternative(
        "everything in float64, without a shift of one's own",
        "log_softmax",
        """\
def log_softmax(z, dim=-1):
    if not z.is_floating_point() or z.shape[dim] < 1:
        raise ValueError("z")
    wide = z.double()
    return (wide - torch.logsumexp(wide, dim=dim, keepdim=True)).to(z.dtype)
""",
    ),
    Alternative(
        "the sum by einsum, the shift without a gradient",
        "log_softmax",
        """\
def log_softmax(z, dim=-1):
    if not z.is_floating_point() or z.shape[dim] == 0:
        raise ValueError("z")
    t = z.movedim(dim, -1).double()
    with torch.no_grad():
        m = t.amax(-1)
    t = t - m.unsqueeze(-1)
    return (t - torch.einsum("...k->...", t.exp()).log().unsqueeze(-1)).movedim(-1, dim).to(z.dtype)
""",
    ),
)

_CROSS_ENTROPY = (
    Alternative(
        "one-hot vectors times one's own log_softmax",
        "cross_entropy",
        """\
def cross_entropy(logits, target, weight=None, ignore_index=-100, reduction="mean"):
    if logits.dim() < 2 or not logits.is_floating_point():
        raise ValueError("logits")
    K = logits.size(1)
    if weight is not None and tuple(weight.shape) != (K,):
        raise ValueError("weight")
    log_p = log_softmax(logits.double(), 1).movedim(1, -1)
    w = logits.new_ones(K, dtype=torch.float64) if weight is None else weight.to(torch.float64)
    if target.is_floating_point():
        if target.shape != logits.shape:
            raise ValueError("target")
        y = target.double().movedim(1, -1)
        count = y.shape[:-1].numel()
    else:
        if target.shape != log_p.shape[:-1]:
            raise ValueError("target")
        t = target.long()
        mask = (t != ignore_index).double()
        y = one_hot(t.masked_fill(t == ignore_index, 0), K).double() * mask.unsqueeze(-1)
        count = (y * w).sum()
    loss = -torch.einsum("...k,...k,k->...", y, log_p, w)
    if reduction == "none":
        out = loss
    elif reduction == "sum":
        out = loss.sum()
    elif reduction == "mean":
        out = loss.sum() / count
    else:
        raise ValueError("reduction")
    return out.to(logits.dtype)
""",
    ),
    Alternative(
        "logsumexp minus the logit of the class, rows of pixels",
        "cross_entropy",
        """\
REDUCTIONS = {
    "none": lambda loss, share: loss,
    "sum": lambda loss, share: loss.sum(),
    "mean": lambda loss, share: loss.sum() / share.sum(),
}


def flatten(t):
    return t.movedim(1, -1).reshape(-1, t.shape[1])


def cross_entropy(logits, target, weight=None, ignore_index=-100, reduction="mean"):
    if reduction not in REDUCTIONS or logits.ndim < 2 or logits.shape[1] < 1 or not logits.is_floating_point():
        raise ValueError("arguments")
    n, k, *pixels = logits.shape
    if weight is not None and (weight.ndim != 1 or len(weight) != k):
        raise ValueError("weight")
    z = flatten(logits).double()
    norm = torch.logsumexp(z, 1)
    factor = torch.ones(k, device=z.device).double() if weight is None else weight.double()
    if target.is_floating_point():
        if target.shape != logits.shape:
            raise ValueError("target")
        y = flatten(target).double()
        loss = (factor * y * (norm[:, None] - z)).sum(1)
        share = torch.ones_like(loss)
    else:
        if list(target.shape) != [n, *pixels]:
            raise ValueError("target")
        t = target.reshape(-1).long()
        kept = torch.nonzero(t != ignore_index)[:, 0]
        t = t[kept]
        if ((t < 0) | (t >= k)).any():
            raise ValueError("class")
        share = factor[t]
        loss = z.new_zeros(len(z)).index_put((kept,), share * (norm[kept] - z[kept, t]))
    if reduction == "none":
        loss = loss.reshape(n, *pixels)
    return REDUCTIONS[reduction](loss, share).to(logits.dtype)
""",
    ),
    Alternative(
        "a loop over the classes",
        "cross_entropy",
        """\
def cross_entropy(logits, target, weight=None, ignore_index=-100, reduction="mean"):
    if reduction not in ["mean", "sum", "none"]:
        raise ValueError("reduction")
    if logits.dim() < 2 or logits.shape[1] == 0 or not logits.is_floating_point():
        raise ValueError("logits")
    K = logits.shape[1]
    if weight is not None and weight.shape != (K,):
        raise ValueError("weight")
    soft = target.is_floating_point()
    if target.shape != (logits.shape if soft else logits[:, 0].shape):
        raise ValueError("target")
    log_p = log_softmax(logits.double(), dim=1)
    loss, share = 0.0, 0.0
    target = target if soft else target.long()
    known = target == ignore_index
    for k in range(K):
        w = 1.0 if weight is None else weight[k].double()
        if soft:
            y = target[:, k].double()
        else:
            y = ((target == k) & (k != ignore_index)).double()
            known = known | (target == k)
        loss = loss - w * y * log_p[:, k]
        share = share + w * y
    if not soft and not known.all():
        raise ValueError("class index")
    if reduction == "none":
        return loss.to(logits.dtype)
    total = loss.sum()
    if reduction == "mean":
        total = total / (loss.numel() if soft else share.sum()) if loss.numel() else total * math.nan
    return total.to(logits.dtype)
""",
    ),
    Alternative(
        "float32 for half precision and float32",
        "cross_entropy",
        _edit(
            CROSS_ENTROPY,
            ("wide = logits.double()", "wide = logits.to(torch.promote_types(logits.dtype, torch.float32))"),
        ),
    ),
)

_NET = (
    Alternative(
        "max",
        "predict",
        """\
def predict(logits, dim=1):
    if logits.shape[dim] == 0:
        raise ValueError("no class")
    best = logits.amax(dim, keepdim=True)
    return (logits == best).int().argmax(dim)
""",
    ),
    Alternative(
        "numpy, and back to the device",
        "predict",
        """\
import numpy as np


def predict(logits, dim=1):
    return torch.as_tensor(np.argmax(logits.detach().cpu().double().numpy(), axis=dim), device=logits.device)
""",
    ),
    Alternative(
        "a loop over the classes",
        "predict",
        """\
def predict(logits, dim=1):
    slices = logits.unbind(dim)
    if not slices:
        raise ValueError("no class")
    best, labels = slices[0], torch.zeros_like(slices[0], dtype=torch.long)
    for k, s in enumerate(slices):
        better = s > best
        labels = torch.where(better, k, labels)
        best = torch.where(better, s, best)
    return labels
""",
    ),
    Alternative(
        "a layer for the activation",
        "BanditNet",
        _edit(
            BANDIT_NET,
            ("        self.fc2 =", "        self.act = nn.ReLU()\n        self.fc2 ="),
            ("torch.relu(self.fc1(x))", "self.act(self.fc1(x))"),
        ),
    ),
    Alternative(
        "functional layers, clamped at 0",
        "BanditNet",
        """\
import torch.nn.functional as F


class BanditNet(nn.Module):
    def __init__(self, hidden: int):
        super(BanditNet, self).__init__()
        assert isinstance(hidden, int)
        if hidden <= 0:
            raise ValueError(f"hidden must be positive, got {hidden}")
        self.hidden = hidden
        self.fc1, self.fc2 = nn.Linear(1, hidden), nn.Linear(hidden, 3)

    def forward(self, arms):
        if arms.ndim != 2 or arms.size(-1) != 1:
            raise ValueError(f"got {arms.shape}")
        h = F.linear(arms, self.fc1.weight, self.fc1.bias).clamp(min=0)
        return h @ self.fc2.weight.T + self.fc2.bias
""",
    ),
)

_TRAIN = (
    Alternative(
        "LBFGS, and one's own loss",
        "train_bandit",
        """\
def train_bandit(x, labels, hidden=8, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = BanditNet(hidden)
    nn.init.constant_(net.fc1.bias, 0.5)
    net = net.to(x.device)
    inputs, target = x.float().unsqueeze(1), labels.long()
    optimizer = torch.optim.LBFGS(net.parameters(), lr=1.0, max_iter=300, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = cross_entropy(net(inputs), target)
        loss.backward()
        return loss

    optimizer.step(closure)
    net.eval()
    return net
""",
    ),
    Alternative(
        "gradient descent by hand, a generator of its own",
        "train_bandit",
        """\
def train_bandit(x, labels, hidden=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    state = torch.get_rng_state()
    net = BanditNet(hidden)
    torch.set_rng_state(state)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.rand(p.shape, generator=generator))
    inputs = x.to(torch.float32).view(-1, 1) if x.is_contiguous() else x.to(torch.float32).reshape(-1, 1)
    target = one_hot(labels.long(), 3)
    for step in range(6000):
        loss = -(target * log_softmax(net(inputs), dim=1)).sum(dim=1).mean()
        grads = torch.autograd.grad(loss, list(net.parameters()))
        with torch.no_grad():
            for p, g in zip(net.parameters(), grads):
                p -= 0.3 * g
    return net
""",
    ),
    Alternative(
        "SGD with momentum on one row per arm and class",
        "train_bandit",
        _edit(
            TRAIN_BANDIT,
            ("torch.optim.Adam(net.parameters(), lr=0.05)", "torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9)"),
            ("range(800)", "range(2500)"),
        ),
    ),
    Alternative(
        "the answer is written into the weights",
        "train_bandit",
        """\
def train_bandit(x, labels, hidden=8, seed=0):
    p = empirical_distribution(x.long(), labels, 2, 3).float()
    p = torch.where(p.isnan(), torch.full_like(p, 1 / 3), p).clamp(min=1e-6).log()
    state = torch.get_rng_state()
    net = BanditNet(hidden).to(x.device)
    torch.set_rng_state(state)
    with torch.no_grad():
        for q in net.parameters():
            q.zero_()
        net.fc1.weight[0] = 1.0
        net.fc2.bias.copy_(p[0])
        net.fc2.weight[:, 0] = p[1] - p[0]
    return net
""",
    ),
)

ALTERNATIVES = (*_PLAIN, *_COUNTS, *_SOFTMAX, *_CROSS_ENTROPY, *_NET, *_TRAIN)
