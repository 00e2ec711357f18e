"""Correct solutions of the topic *residual* in other styles, each of which must earn all points.

What the stub's docstring leaves open is free: from which end a product is taken, ``.add_`` on a tensor of one's own,
functions or layers for a ReLU, a mean or a layer for the pooling, ``None`` or ``nn.Identity`` for no projection, any
initial weights (the last batch normalisation at zero, for one), helpers of any name.
"""

from __future__ import annotations

from tests.graders.mutants_residual import BASES, BASIC_BLOCK, BOTTLENECK, RESIDUAL, RESNET
from tests.graders.proof import Alternative


def _edit(source: str, *edits: tuple[str, str]) -> str:
    """Return ``source`` with each ``(old, new)`` replaced; ``old`` has to be there."""
    for old, new in edits:
        if old not in source:
            raise ValueError(f"nothing to replace: {old!r}")
        source = source.replace(old, new)
    return source


_ADD = "        out = out + identity\n        out = self.relu(out)\n"

_PLAIN = tuple(Alternative("plain", exercise, source) for exercise, source in BASES.items())

_CHAINS = (
    Alternative(
        "reduce, from the first layer on",
        "chain_rule",
        """\
from functools import reduce


def chain_rule(jacobians):
    if not jacobians or any(J.ndim != 2 for J in jacobians):
        raise ValueError("matrices")
    for J, K in zip(jacobians, jacobians[1:]):
        if J.size(0) != K.size(1):
            raise ValueError("sizes")
    return reduce(lambda product, J: torch.mm(J, product), jacobians[1:], jacobians[0] * 1)
""",
    ),
    Alternative(
        "multi_dot of the reversed list",
        "chain_rule",
        """\
def chain_rule(jacobians):
    js = list(reversed(jacobians))
    if len(js) == 0 or {j.dim() for j in js} != {2}:
        raise ValueError("jacobians")
    if len(js) == 1:
        return js[0].clone()
    return torch.linalg.multi_dot(js)
""",
    ),
    Alternative(
        "an identity first, and recursion",
        "chain_rule",
        """\
def chain_rule(jacobians):
    if len(jacobians) == 0:
        raise ValueError("empty")
    first, *rest = jacobians
    if first.dim() != 2:
        raise ValueError("2-D")
    if not rest:
        return torch.eye(len(first), dtype=first.dtype, device=first.device) @ first
    if rest[0].dim() != 2 or rest[0].shape[1] != first.shape[0]:
        raise ValueError("shapes")
    return chain_rule(rest) @ first
""",
    ),
    Alternative(
        "einsum, from the last layer on",
        "chain_rule",
        """\
def chain_rule(jacobians):
    if len(jacobians) < 1:
        raise ValueError("at least one")
    for jacobian in jacobians:
        assert isinstance(jacobian, torch.Tensor)
        if jacobian.dim() != 2:
            raise ValueError("matrix")
    row = jacobians[-1].clone()
    for i in range(len(jacobians) - 2, -1, -1):
        row = torch.einsum("ij,jk->ik", row, jacobians[i])
    return row
""",
    ),
    Alternative(
        "the sum of each product and what came before",
        "residual_chain",
        """\
def residual_chain(jacobians):
    if not len(jacobians):
        raise ValueError("empty")
    shape = jacobians[0].shape
    if len(shape) != 2 or shape[0] != shape[1] or any(J.shape != shape for J in jacobians):
        raise ValueError("square matrices of one size")
    total = torch.eye(shape[0]).to(jacobians[0])
    for J in jacobians:
        total = total + J @ total
    return total
""",
    ),
    Alternative(
        "copies with ones added on the diagonal",
        "residual_chain",
        """\
def residual_chain(jacobians):
    factors = []
    for J in jacobians:
        if J.dim() != 2 or J.shape[0] != J.shape[1]:
            raise ValueError("square")
        J = J.clone()
        J.diagonal().add_(1)
        factors.append(J)
    return chain_rule(factors)
""",
    ),
    Alternative(
        "all paths",
        "residual_chain",
        """\
def residual_chain(jacobians):
    if len(jacobians) == 0:
        raise ValueError("no layer")
    n = len(jacobians[0])
    if any(tuple(J.shape) != (n, n) for J in jacobians):
        raise ValueError("square")
    paths = jacobians[0].new_zeros(n, n).fill_diagonal_(1)
    *rest, last = jacobians
    below = residual_chain(rest) if rest else paths
    return below + last @ below
""",
    ),
)

_GRADIENTS = (
    Alternative(
        "a vector of ones instead of a sum",
        "input_gradient",
        """\
def input_gradient(model, x):
    if x.ndim != 2 or x.size(1) != 1 or not torch.is_floating_point(x):
        raise ValueError("x")
    with torch.enable_grad():
        leaf = torch.empty_like(x).copy_(x.detach()).requires_grad_()
        y = model(leaf.clone())
        if y.shape != (len(x), 1):
            raise ValueError("y")
        if y.grad_fn is None:
            return torch.zeros(len(x), dtype=x.dtype, device=x.device)
        g, = torch.autograd.grad(y, leaf, grad_outputs=torch.ones_like(y), allow_unused=True)
    return x.new_zeros(len(x)) if g is None else g.detach()[:, 0]
""",
    ),
    Alternative(
        "backward with inputs",
        "input_gradient",
        """\
def input_gradient(model, x):
    if x.dim() != 2 or x.shape[-1] != 1:
        raise ValueError("shape")
    if not x.dtype.is_floating_point:
        raise TypeError("dtype")
    with torch.set_grad_enabled(True):
        t = x.detach().clone()
        t.requires_grad = True
        out = model(1.0 * t)
        if tuple(out.shape) != tuple(x.shape):
            raise ValueError("output")
        (out + 0 * t).sum().backward(inputs=[t])
    return t.grad.flatten()
""",
    ),
    Alternative(
        "the diagonal of the Jacobian, with a mode of the model that stays",
        "input_gradient",
        """\
def input_gradient(model, x):
    if x.dim() != 2 or x.shape[1] != 1 or not x.is_floating_point():
        raise ValueError("x")

    def function(t):
        y = model(t.clone())
        if y.shape != t.shape:
            raise ValueError("y")
        return y + 0 * t

    with torch.enable_grad():
        jacobian = torch.autograd.functional.jacobian(function, x.detach())
    return jacobian.reshape(len(x), len(x)).diagonal().clone()
""",
    ),
    Alternative(
        "one slice after the other, with padding",
        "autocorrelation",
        """\
def autocorrelation(g, max_lag, center=True):
    if g.ndim != 1 or g.numel() < 1 or max_lag < 0:
        raise ValueError("arguments")
    out = g.dtype if g.is_floating_point() else torch.float32
    v = g.to(torch.float64)
    if center:
        v = v - v[0]
        v = v - v.sum() / v.numel()
    v = v / v.detach().abs().amax()
    padded = torch.nn.functional.pad(v, (0, max_lag))
    windows = padded.unfold(0, len(v), 1)[: max_lag + 1]
    return ((windows @ v) / (v @ v)).to(out)
""",
    ),
    Alternative(
        "the Fourier transform, padded",
        "autocorrelation",
        """\
def autocorrelation(g, max_lag, center=True):
    if g.dim() != 1 or not len(g):
        raise ValueError("g")
    if max_lag < 0:
        raise ValueError("max_lag")
    n = len(g)
    v = g.double()
    v = v / v.detach().abs().max().clamp(min=1e-300)
    if center:
        v = v - v.mean() if not bool((v == v[0]).all()) else v * 0
    scale = v.detach().abs().max()
    v = v / scale
    f = torch.fft.fft(v, n=2 * n)
    r = torch.fft.ifft(f * f.conj()).real
    r = torch.cat((r[:n], r.new_zeros(max_lag + 1)))
    r = (r / r[0])[: max_lag + 1]
    if not bool(scale > 0):
        r = torch.full_like(r, float("nan"))
    return r.to(g.dtype if g.is_floating_point() else torch.float32)
""",
    ),
    Alternative(
        "a convolution layer's function",
        "autocorrelation",
        """\
def autocorrelation(g, max_lag, center=True):
    if g.dim() != 1 or g.shape[0] == 0 or max_lag < 0:
        raise ValueError
    v = g.type(torch.float64)
    if center:
        v = v - v[0].clone()
        v = v - torch.mean(v)
    v = v / torch.max(torch.abs(v.detach()))
    row = v.reshape(1, 1, -1)
    sums = torch.nn.functional.conv1d(torch.nn.functional.pad(row, (0, max_lag)), row)[0, 0]
    return (sums / torch.sum(v**2)).to(g.dtype if g.is_floating_point() else torch.float32)
""",
    ),
)

_SHORTCUTS = (
    Alternative("torch.add", "Residual", _edit(RESIDUAL, ("return out + x", "return torch.add(x, out)"))),
    Alternative(
        "the input first, and another super()",
        "Residual",
        """\
class Residual(nn.Module):
    def __init__(self, g):
        super(Residual, self).__init__()
        self.add_module("g", g)

    def forward(self, input):
        change = self.g(input)
        if tuple(change.size()) != tuple(input.size()):
            raise ValueError(f"{change.size()} is not {input.size()}")
        return input + change
""",
    ),
    Alternative(
        "a subclass of Sequential's cousin: a dict of modules",
        "Residual",
        """\
class Residual(nn.Module):
    def __init__(self, g):
        super().__init__()
        self._modules["g"] = g

    def forward(self, x):
        both = (x, self.g(x))
        if both[0].shape != both[1].shape:
            raise RuntimeError("shapes")
        return torch.stack(both).sum(0)
""",
    ),
)

_BLOCKS = (
    Alternative(
        "in place on its own tensor", "BasicBlock", _edit(BASIC_BLOCK, ("out = out + identity", "out += identity"))
    ),
    Alternative("in-place ReLU layers", "BasicBlock", _edit(BASIC_BLOCK, ("nn.ReLU()", "nn.ReLU(inplace=True)"))),
    Alternative(
        "functional ReLU, and no relu layer",
        "BasicBlock",
        _edit(
            BASIC_BLOCK,
            ("        self.relu = nn.ReLU()\n", ""),
            ("self.relu(out)", "nn.functional.relu(out)"),
        ),
    ),
    Alternative(
        "an Identity where there is no projection",
        "BasicBlock",
        _edit(
            BASIC_BLOCK,
            (
                "self.downsample = downsample",
                "self.downsample = downsample if downsample is not None else nn.Identity()",
            ),
            ("        if self.downsample is not None:\n            identity", "        identity"),
        ),
    ),
    Alternative(
        "starts as the identity: the last batch normalisation at zero",
        "BasicBlock",
        _edit(
            BASIC_BLOCK,
            (
                "        self.downsample = downsample\n",
                "        nn.init.zeros_(self.bn2.weight)\n        self.downsample = downsample\n",
            ),
        ),
    ),
    Alternative(
        "one expression, clamped at 0",
        "BasicBlock",
        """\
def conv3x3(i, o, s=1):
    return nn.Conv2d(i, o, kernel_size=(3, 3), stride=(s, s), padding=(1, 1), bias=False)


class BasicBlock(nn.Module):
    expansion: int = 1

    def __init__(self, inplanes, planes, stride=1, downsample=None):
        super().__init__()
        self.conv1, self.bn1 = conv3x3(inplanes, planes, stride), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = conv3x3(planes, planes), nn.BatchNorm2d(planes)
        self.downsample = downsample
        self.stride = stride

    def branch(self, x):
        return self.bn2(self.conv2(self.bn1(self.conv1(x)).clamp_min(0)))

    def forward(self, x):
        f, s = self.branch(x), self.downsample(x) if self.downsample is not None else x
        if f.shape != s.shape:
            raise ValueError(f"{tuple(f.shape)} and {tuple(s.shape)}")
        return torch.maximum(f + s, torch.zeros_like(f))
""",
    ),
    Alternative(
        "in place on its own tensor", "Bottleneck", _edit(BOTTLENECK, ("out = out + identity", "out += identity"))
    ),
    Alternative(
        "in-place ReLU layers, three of them",
        "Bottleneck",
        _edit(
            BOTTLENECK,
            (
                "        self.relu = nn.ReLU()\n",
                "        self.relu1, self.relu2, self.relu = (nn.ReLU(inplace=True) for _ in range(3))\n",
            ),
            (
                "        out = self.bn1(out)\n        out = self.relu(out)\n",
                "        out = self.relu1(self.bn1(out))\n",
            ),
            (
                "        out = self.bn2(out)\n        out = self.relu(out)\n",
                "        out = self.relu2(self.bn2(out))\n",
            ),
        ),
    ),
    Alternative(
        "an empty Sequential where there is no projection, and the shortcut first",
        "Bottleneck",
        _edit(
            BOTTLENECK,
            ("self.downsample = downsample", "self.downsample = nn.Sequential() if downsample is None else downsample"),
            ("        if self.downsample is not None:\n            identity = self.downsample(x)\n", ""),
            ("        identity = x\n", "        identity = self.downsample(x)\n"),
        ),
    ),
    Alternative(
        "He's initialisation, and zeros in the last normalisation",
        "Bottleneck",
        _edit(
            BOTTLENECK,
            (
                "        self.downsample = downsample\n",
                "        for m in self.children():\n            if isinstance(m, nn.Conv2d):\n"
                "                nn.init.kaiming_normal_(m.weight, mode='fan_out', nonlinearity='relu')\n"
                "        nn.init.constant_(self.bn3.weight, 0)\n        self.downsample = downsample\n",
            ),
        ),
    ),
    Alternative(
        "a loop over its layers",
        "Bottleneck",
        """\
class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inplanes, planes, stride=1, downsample=None):
        super().__init__()
        sizes = [(inplanes, planes, 1, 1), (planes, planes, 3, stride), (planes, 4 * planes, 1, 1)]
        for i, (a, b, k, s) in enumerate(sizes, 1):
            setattr(self, f"conv{i}", nn.Conv2d(a, b, k, s, padding=k // 2, bias=False))
            setattr(self, f"bn{i}", nn.BatchNorm2d(b))
        self.downsample = downsample

    def forward(self, x):
        h = x
        for i in (1, 2, 3):
            h = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(h))
            h = torch.relu(h) if i < 3 else h
        s = x if self.downsample is None else self.downsample(x)
        if s.shape != h.shape:
            raise ValueError("shape")
        return torch.relu(s.add(h))
""",
    ),
)

_NETWORKS = (
    Alternative(
        "a mean over the map, no pooling layer",
        "ResNet",
        _edit(
            RESNET,
            ("        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))\n", ""),
            ("        x = self.avgpool(x)\n        x = torch.flatten(x, 1)\n", "        x = x.mean((2, 3))\n"),
        ),
    ),
    Alternative(
        "functional stem",
        "ResNet",
        _edit(
            RESNET,
            ("        self.relu = nn.ReLU()\n        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)\n", ""),
            (
                "        x = self.relu(x)\n        x = self.maxpool(x)\n",
                "        x = nn.functional.max_pool2d(torch.relu(x), 3, 2, 1)\n",
            ),
        ),
    ),
    Alternative(
        "torchvision's initialisation",
        "ResNet",
        _edit(
            RESNET,
            (
                "        self.fc = nn.Linear(512 * block.expansion, num_classes)\n",
                "        self.fc = nn.Linear(512 * block.expansion, num_classes)\n        for m in self.modules():\n"
                "            if isinstance(m, nn.Conv2d):\n"
                "                nn.init.kaiming_normal_(m.weight, mode='fan_out', nonlinearity='relu')\n"
                "            elif isinstance(m, nn.BatchNorm2d):\n                nn.init.constant_(m.weight, 1)\n"
                "                nn.init.constant_(m.bias, 0)\n        nn.init.normal_(self.fc.weight, 0, 0.01)\n",
            ),
        ),
    ),
    Alternative(
        "names and arguments spelled out, in-place ReLU",
        "ResNet",
        _edit(
            RESNET,
            (
                "block(self.inplanes, planes, stride, downsample)",
                "block(inplanes=self.inplanes, planes=planes, stride=stride, downsample=downsample)",
            ),
            ("nn.ReLU()", "nn.ReLU(inplace=True)"),
        ),
    ),
    Alternative(
        "a loop over the stages",
        "ResNet",
        """\
class ResNet(nn.Module):
    def __init__(self, block, layers, num_classes=1000):
        super().__init__()
        layers = list(layers)
        if len(layers) != 4 or not all(n > 0 for n in layers):
            raise ValueError(layers)
        e, width = block.expansion, 64
        self.conv1 = nn.Conv2d(3, width, (7, 7), (2, 2), (3, 3), bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        for i, n in enumerate(layers):
            planes, stage = 64 << i, nn.Sequential()
            for j in range(n):
                stride = 2 if i > 0 and j == 0 else 1
                down = None
                if stride > 1 or width != planes * e:
                    conv = nn.Conv2d(width, planes * e, 1, stride, bias=False)
                    down = nn.Sequential(conv, nn.BatchNorm2d(planes * e))
                stage.append(block(width, planes, stride, down))
                width = planes * e
            setattr(self, f"layer{i + 1}", stage)
        self.fc = nn.Linear(width, num_classes)

    def features(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = nn.functional.max_pool2d(x, kernel_size=3, stride=2, padding=1)
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def forward(self, x):
        h = self.features(x)
        h = nn.functional.adaptive_avg_pool2d(h, 1)[:, :, 0, 0]
        return h @ self.fc.weight.T + self.fc.bias
""",
    ),
    Alternative(
        "by keywords",
        "resnet18",
        "def resnet18(num_classes: int = 1000):\n"
        "    net = ResNet(block=BasicBlock, layers=(2,) * 4, num_classes=num_classes)\n    return net\n",
    ),
    Alternative(
        "by keywords",
        "resnet50",
        "def resnet50(num_classes: int = 1000):\n"
        "    return ResNet(layers=tuple([3, 4, 6, 3]), block=Bottleneck, num_classes=num_classes).train()\n",
    ),
)

ALTERNATIVES = (*_PLAIN, *_CHAINS, *_GRADIENTS, *_SHORTCUTS, *_BLOCKS, *_NETWORKS)
