"""Mutants of the topic *residual*: each has one mistake of the misconception bank, in a student's own words.

Most are an edit of one of ten small correct sources, so that the mistake can be seen; where the mistake is another
computation, the source is written out. They share no code with ``tests/hidden``.
"""

from __future__ import annotations

from tests.graders.proof import Mutant

NEEDS = {"ResNet": ("BasicBlock", "Bottleneck")}

CHAIN_RULE = """\
def chain_rule(jacobians):
    if len(jacobians) == 0:
        raise ValueError("no Jacobian")
    for J in jacobians:
        if J.dim() != 2:
            raise ValueError("not a matrix")
    result = jacobians[0].clone()
    for J in jacobians[1:]:
        if J.shape[1] != result.shape[0]:
            raise ValueError("sizes do not fit")
        result = J @ result
    return result
"""

RESIDUAL_CHAIN = """\
def residual_chain(jacobians):
    if len(jacobians) == 0:
        raise ValueError("no Jacobian")
    d = jacobians[0].shape[0]
    for J in jacobians:
        if J.shape != (d, d):
            raise ValueError("not square")
    eye = torch.eye(d, dtype=jacobians[0].dtype, device=jacobians[0].device)
    result = eye
    for J in jacobians:
        result = (eye + J) @ result
    return result
"""

INPUT_GRADIENT = """\
def input_gradient(model, x):
    if x.dim() != 2 or x.shape[1] != 1 or not x.is_floating_point():
        raise ValueError("x must be (N, 1)")
    with torch.enable_grad():
        points = x.detach().clone().requires_grad_(True)
        y = model(points + 0)
        if y.shape != x.shape:
            raise ValueError("the model must return (N, 1)")
        total = y.sum() + 0 * points.sum()
        grad = torch.autograd.grad(total, points)[0]
    return grad.reshape(-1)
"""

AUTOCORRELATION = """\
def autocorrelation(g, max_lag, center=True):
    if g.dim() != 1 or len(g) == 0:
        raise ValueError("one sequence")
    if max_lag < 0:
        raise ValueError("negative lag")
    dtype = g.dtype if g.is_floating_point() else torch.float32
    h = g.double()
    if center:
        h = h - h[0]
        h = h - h.mean()
    h = h / h.detach().abs().max()
    n = len(h)
    r = []
    for k in range(max_lag + 1):
        s = torch.zeros((), dtype=h.dtype, device=h.device)
        if k < n:
            s = (h[:n - k] * h[k:]).sum()
        r.append(s / (h * h).sum())
    return torch.stack(r).to(dtype)
"""

RESIDUAL = """\
class Residual(nn.Module):
    def __init__(self, g):
        super().__init__()
        self.g = g

    def forward(self, x):
        out = self.g(x)
        if out.shape != x.shape:
            raise ValueError("g must keep the shape")
        return out + x
"""

BASIC_BLOCK = """\
class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inplanes, planes, stride=1, downsample=None):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = downsample

    def forward(self, x):
        identity = x
        out = self.conv1(x)
        out = self.bn1(out)
        out = self.relu(out)
        out = self.conv2(out)
        out = self.bn2(out)
        if self.downsample is not None:
            identity = self.downsample(x)
        if out.shape != identity.shape:
            raise ValueError("shapes differ")
        out = out + identity
        out = self.relu(out)
        return out
"""

BOTTLENECK = """\
class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inplanes, planes, stride=1, downsample=None):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, planes * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * 4)
        self.relu = nn.ReLU()
        self.downsample = downsample

    def forward(self, x):
        identity = x
        out = self.conv1(x)
        out = self.bn1(out)
        out = self.relu(out)
        out = self.conv2(out)
        out = self.bn2(out)
        out = self.relu(out)
        out = self.conv3(out)
        out = self.bn3(out)
        if self.downsample is not None:
            identity = self.downsample(x)
        if out.shape != identity.shape:
            raise ValueError("shapes differ")
        out = out + identity
        out = self.relu(out)
        return out
"""

RESNET = """\
class ResNet(nn.Module):
    def __init__(self, block, layers, num_classes=1000):
        super().__init__()
        if len(layers) != 4 or min(layers) < 1:
            raise ValueError("four stages")
        self.inplanes = 64
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self.make_layer(block, 64, layers[0])
        self.layer2 = self.make_layer(block, 128, layers[1], stride=2)
        self.layer3 = self.make_layer(block, 256, layers[2], stride=2)
        self.layer4 = self.make_layer(block, 512, layers[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)

    def make_layer(self, block, planes, blocks, stride=1):
        downsample = None
        if stride != 1 or self.inplanes != planes * block.expansion:
            downsample = nn.Sequential(
                nn.Conv2d(self.inplanes, planes * block.expansion, 1, stride=stride, bias=False),
                nn.BatchNorm2d(planes * block.expansion),
            )
        layers = [block(self.inplanes, planes, stride, downsample)]
        self.inplanes = planes * block.expansion
        for _ in range(1, blocks):
            layers.append(block(self.inplanes, planes))
        return nn.Sequential(*layers)

    def forward(self, x):
        x = self.conv1(x)
        x = self.bn1(x)
        x = self.relu(x)
        x = self.maxpool(x)
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        x = self.layer4(x)
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        x = self.fc(x)
        return x
"""

RESNET18 = """\
def resnet18(num_classes=1000):
    return ResNet(BasicBlock, [2, 2, 2, 2], num_classes)
"""

RESNET50 = """\
def resnet50(num_classes=1000):
    return ResNet(Bottleneck, [3, 4, 6, 3], num_classes)
"""

BASES = {
    "chain_rule": CHAIN_RULE,
    "residual_chain": RESIDUAL_CHAIN,
    "input_gradient": INPUT_GRADIENT,
    "autocorrelation": AUTOCORRELATION,
    "Residual": RESIDUAL,
    "BasicBlock": BASIC_BLOCK,
    "Bottleneck": BOTTLENECK,
    "ResNet": RESNET,
    "resnet18": RESNET18,
    "resnet50": RESNET50,
}
"""Correct sources; they earn all points themselves."""


def _edit(source: str, *edits: tuple[str, str]) -> str:
    """Return ``source`` with each ``(old, new)`` replaced; ``old`` has to be there."""
    for old, new in edits:
        if old not in source:
            raise ValueError(f"nothing to replace: {old!r}")
        source = source.replace(old, new)
    return source


def _named(id: str, exercise: str, mistake: str, check: str, named: str, *edits: tuple[str, str]) -> Mutant:
    """Return a mutant of a correct source that the report must name."""
    return Mutant(id, exercise, mistake, _edit(BASES[exercise], *edits), check, named)


def _slip(id: str, exercise: str, mistake: str, check: str, reason: str, *edits: tuple[str, str]) -> Mutant:
    """Return a mutant of a correct source of which no misconception can be named."""
    return Mutant(id, exercise, mistake, _edit(BASES[exercise], *edits), check, None, reason)


NO_ERROR = "there is no output to compare: an error is missing"
OWN_ERROR = "PyTorch's own error says it"
DTYPE = "a matter of dtypes; the message says which one came"
CHANGED = "the result is right; the message says what was changed"
NO_GRADIENT = "the result is right; only its gradient is not"
KEYS = "the message says which name is missing or too much"
SHARED = "no output of one call tells it"
VARIES = "what comes out depends on its code"

SUM = "The Jacobians are added: the chain rule multiplies them"
FORWARD_ORDER = "The first layer stands on the left"
ENTRIES = "Entries are multiplied with entries"
TRANSPOSED = "Rows and columns are swapped"
PLAIN = "The identity is not added: this is the chain without shortcuts"
ONE_PLUS_SUM = "1 plus the sum: each layer has a shortcut of its own, and then they are multiplied"
NOT_CENTRED = "The mean is not subtracted"
UNBIASED = "Each lag is divided by the number of its own pairs"
CIRCULAR = "The end of the sequence is joined to its beginning"
RELU_BEFORE = "There is a ReLU before the addition and none after it"
RELU_TWICE = "There is a ReLU before the addition, and another one after it"
NO_LAST_RELU = "There is no ReLU after the addition"
NO_SHORTCUT = "The shortcut is not added"
SHORTCUT_TWICE = "The shortcut is added twice"
NORM_LAST = "The last batch normalisation comes after the addition"
RELU_FIRST = "The order is convolution, ReLU, batch normalisation"
NO_RELU_BETWEEN = "There is no ReLU between the convolutions"
RELU_AT_ENTRY = "A ReLU works in place on the input, and changes what the shortcut carries"
ONE_NORM = "One batch normalisation is used after several convolutions"
STRIDE_ELSEWHERE = "Another convolution has the stride"
FIRST_STRIDE = "The first convolution has the stride (as in the paper's first version)"
LAST_STRIDE = "The last convolution has the stride, so that the statistics before it see too many pixels"
BIASES = "The convolutions have biases"
BATCH_STATISTICS = "Batch normalisation uses the statistics of the batch in evaluation, too"
NO_CHANNELS = "There is no projection where only the number of channels changes"
BARE_NORM = "The projection has no batch normalisation"

_LAST_OF_CHAIN = "    return result\n"
_SUM_OF_LAG = "(h[:n - k] * h[k:]).sum()"
_ADD = "        out = out + identity\n        out = self.relu(out)\n"
_ENTRY = "        identity = x\n        out = self.conv1(x)\n"

CHAIN_RULE_MUTANTS = (
    _named(
        "T3-M20a",
        "chain_rule",
        "a sum",
        "check_order_of_the_layers",
        SUM,
        ('        if J.shape[1] != result.shape[0]:\n            raise ValueError("sizes do not fit")\n', ""),
        ("result = J @ result", "result = result + J"),
    ),
    _named(
        "T3-M20b",
        "chain_rule",
        "a sum by a stack",
        "check_fifty_layers",
        SUM,
        ("    result = jacobians[0].clone()\n", "    return torch.stack(list(jacobians)).sum(dim=0)\n"),
    ),
    _named(
        "T3-M21a",
        "chain_rule",
        "in forward order",
        "check_order_of_the_layers",
        FORWARD_ORDER,
        ("result = J @ result", "result = result @ J"),
        ("J.shape[1] != result.shape[0]", "False"),
    ),
    _named(
        "T3-M21b",
        "chain_rule",
        "multi_dot in forward order",
        "check_order_of_the_layers",
        FORWARD_ORDER,
        (
            "    result = jacobians[0].clone()\n",
            "    if len(jacobians) > 1:\n        return torch.linalg.multi_dot(list(jacobians))\n"
            "    result = jacobians[0].clone()\n",
        ),
    ),
    _named(
        "T3-X01a",
        "chain_rule",
        "entry by entry",
        "check_order_of_the_layers",
        ENTRIES,
        ("result = J @ result", "result = J * result"),
    ),
    _named(
        "T3-X01b",
        "chain_rule",
        "transposed",
        "check_layers_of_other_sizes",
        TRANSPOSED,
        (_LAST_OF_CHAIN, "    return result.T\n"),
    ),
    _named(
        "T3-X01c",
        "chain_rule",
        "the first is forgotten",
        "check_order_of_the_layers",
        "The first Jacobian is left out",
        ("result = jacobians[0].clone()", "result = torch.eye(jacobians[0].shape[0]).to(jacobians[0])"),
    ),
    _named(
        "T3-X01d",
        "chain_rule",
        "the last is forgotten",
        "check_order_of_the_layers",
        "The last Jacobian is left out",
        ("    for J in jacobians[1:]:", "    for J in jacobians[1:-1]:"),
    ),
    _named(
        "T3-X01e",
        "chain_rule",
        "with shortcuts",
        "check_order_of_the_layers",
        "The identity is added to each Jacobian: there is no shortcut here",
        ("result = jacobians[0].clone()", "result = jacobians[0] + torch.eye(*jacobians[0].shape).to(jacobians[0])"),
        ("result = J @ result", "result = J @ result + result if J.shape[0] == J.shape[1] else J @ result"),
    ),
    _slip(
        "T3-X02a",
        "chain_rule",
        "nothing gives 1",
        "check_jacobians_that_do_not_fit",
        NO_ERROR,
        ('        raise ValueError("no Jacobian")', "        return torch.ones(1, 1)"),
    ),
    _slip(
        "T3-X02b",
        "chain_rule",
        "multiplies batches",
        "check_jacobians_that_do_not_fit",
        NO_ERROR,
        ("J.dim() != 2", "J.dim() < 2"),
        ("J.shape[1] != result.shape[0]", "False"),
    ),
    _slip(
        "T3-X02c",
        "chain_rule",
        "takes vectors",
        "check_jacobians_that_do_not_fit",
        NO_ERROR,
        ("J.dim() != 2", "J.dim() > 2"),
        ("J.shape[1] != result.shape[0]", "False"),
    ),
    _slip(
        "T3-X03a",
        "chain_rule",
        "hands back the single one",
        "check_single_layer",
        SHARED,
        ("jacobians[0].clone()", "jacobians[0]"),
    ),
    _slip(
        "T3-X03b",
        "chain_rule",
        "empties the list",
        "check_dtypes_and_lists_of_jacobians",
        CHANGED,
        (
            "result = jacobians[0].clone()",
            "result = jacobians.pop(0).clone() if isinstance(jacobians, list) else jacobians[0].clone()",
        ),
        ("in jacobians[1:]:", "in (jacobians if isinstance(jacobians, list) else jacobians[1:]):"),
    ),
    _slip(
        "T3-X03c",
        "chain_rule",
        "reverses the list for good",
        "check_dtypes_and_lists_of_jacobians",
        CHANGED,
        (
            "    result = jacobians[0].clone()\n    for J in jacobians[1:]:\n",
            "    if isinstance(jacobians, list):\n        jacobians.reverse()\n        jacobians.sort(key=id)\n"
            "    result = jacobians[0].clone()\n    for J in jacobians[1:]:\n",
        ),
    ),
    _slip(
        "T3-X03d",
        "chain_rule",
        "begins with a float32 identity",
        "check_dtypes_and_lists_of_jacobians",
        DTYPE,
        ("    return result\n", "    return result.float()\n"),
    ),
    _slip(
        "T3-X03e",
        "chain_rule",
        "everything in float64",
        "check_dtypes_and_lists_of_jacobians",
        DTYPE,
        ("    return result\n", "    return result.double()\n"),
    ),
    _slip(
        "T3-X03f",
        "chain_rule",
        "rounds to float32 on the way",
        "check_dtypes_and_lists_of_jacobians",
        DTYPE,
        ("    return result\n", "    return result.float().to(jacobians[0].dtype)\n"),
    ),
    _slip(
        "T3-X04a",
        "chain_rule",
        "detached",
        "check_gradient_of_the_product",
        NO_GRADIENT,
        ("jacobians[0].clone()", "jacobians[0].detach().clone()"),
    ),
    _slip(
        "T3-X04b",
        "chain_rule",
        "without a graph",
        "check_gradient_of_the_product",
        OWN_ERROR,
        ("def chain_rule", "@torch.no_grad()\ndef chain_rule"),
    ),
    _slip(
        "T3-X04c",
        "chain_rule",
        "two layers only",
        "check_order_of_the_layers",
        VARIES,
        ("    return result\n", "    return jacobians[1] @ jacobians[0] if len(jacobians) > 1 else result\n"),
        ("    for J in jacobians[1:]:\n", "    for J in jacobians[1:2]:\n"),
    ),
    _slip(
        "T3-X04d",
        "chain_rule",
        "views its result",
        "check_layers_of_other_sizes",
        VARIES,
        ("    return result\n", "    return result.reshape(jacobians[0].shape[1], -1)\n"),
    ),
    Mutant(
        "T3-X04e",
        "chain_rule",
        "adds small numbers",
        _edit(CHAIN_RULE, ("J @ result", "J @ result + 1e-8")),
        "check_fifty_layers",
        None,
        VARIES,
    ),
)

RESIDUAL_CHAIN_MUTANTS = (
    _named(
        "T3-M20c",
        "residual_chain",
        "one plus the sum",
        "check_layers_of_one_value",
        ONE_PLUS_SUM,
        ("(eye + J) @ result", "result + J"),
    ),
    _named(
        "T3-M20d",
        "residual_chain",
        "one plus the product",
        "check_layers_of_one_value",
        "1 plus the product: that is one shortcut around all layers",
        ("(eye + J) @ result", "J @ result"),
        (_LAST_OF_CHAIN, "    return eye + result\n"),
    ),
    _named(
        "T3-M20e",
        "residual_chain",
        "the plain chain",
        "check_layers_of_one_value",
        PLAIN,
        ("(eye + J) @ result", "J @ result"),
    ),
    _named(
        "T3-M20f",
        "residual_chain",
        "a sum",
        "check_layers_of_several_values",
        SUM,
        ("(eye + J) @ result", "result + J"),
        ("result = eye", "result = 0 * eye"),
    ),
    _named(
        "T3-M20g",
        "residual_chain",
        "the factors are added",
        "check_layers_of_several_values",
        "The factors are added, not multiplied",
        ("(eye + J) @ result", "result + eye + J"),
        ("result = eye", "result = 0 * eye"),
    ),
    _named(
        "T3-M21c",
        "residual_chain",
        "in forward order",
        "check_layers_of_several_values",
        FORWARD_ORDER,
        ("(eye + J) @ result", "result @ (eye + J)"),
    ),
    _named(
        "T3-X05a",
        "residual_chain",
        "1 in every entry",
        "check_layers_of_several_values",
        "1 is added to every entry: the shortcut's Jacobian is the identity",
        ("(eye + J)", "(1 + J)"),
    ),
    _named(
        "T3-X05b",
        "residual_chain",
        "entry by entry",
        "check_layers_of_several_values",
        ENTRIES,
        ("(eye + J) @ result", "(eye + J) * result"),
        ("result = eye", "result = torch.ones_like(eye)"),
    ),
    _named(
        "T3-X05c",
        "residual_chain",
        "without the path of shortcuts",
        "check_layers_of_one_value",
        "The path along all shortcuts is missing",
        (_LAST_OF_CHAIN, "    return result - eye\n"),
    ),
    _named(
        "T3-X05d",
        "residual_chain",
        "transposed",
        "check_layers_of_several_values",
        TRANSPOSED,
        (_LAST_OF_CHAIN, "    return result.T\n"),
    ),
    _slip(
        "T3-X06a",
        "residual_chain",
        "nothing gives 1",
        "check_branches_that_are_not_square",
        NO_ERROR,
        ('        raise ValueError("no Jacobian")', "        return torch.ones(1, 1)"),
    ),
    _slip(
        "T3-X06b",
        "residual_chain",
        "no shapes are looked at",
        "check_branches_that_are_not_square",
        NO_ERROR,
        ("J.shape != (d, d)", "False"),
    ),
    _slip(
        "T3-X06c",
        "residual_chain",
        "only the first shape is looked at",
        "check_branches_that_are_not_square",
        NO_ERROR,
        ("    for J in jacobians:\n        if J.shape", "    for J in jacobians[:1]:\n        if J.shape"),
    ),
    _slip(
        "T3-X06d",
        "residual_chain",
        "float32 identity",
        "check_dtypes_and_lists_of_branches",
        DTYPE,
        ("    return result\n", "    return result.float()\n"),
    ),
    _slip(
        "T3-X06e",
        "residual_chain",
        "adds the identity in place",
        "check_dtypes_and_lists_of_branches",
        CHANGED,
        ("(eye + J) @ result", "J.add_(eye) @ result"),
    ),
    _slip(
        "T3-X06f",
        "residual_chain",
        "changes the list",
        "check_dtypes_and_lists_of_branches",
        CHANGED,
        (
            "    result = eye\n    for J in jacobians:\n        result = (eye + J) @ result\n",
            "    jacobians = jacobians if isinstance(jacobians, list) else list(jacobians)\n    result = eye\n"
            "    for i in range(len(jacobians)):\n        jacobians[i] = eye + jacobians[i]\n"
            "        result = jacobians[i] @ result\n",
        ),
    ),
    _slip(
        "T3-X06g",
        "residual_chain",
        "detached",
        "check_gradient_of_the_chain",
        OWN_ERROR,
        ("(eye + J)", "(eye + J.detach())"),
    ),
    _slip(
        "T3-X06h",
        "residual_chain",
        "through numpy",
        "check_gradient_of_the_chain",
        OWN_ERROR,
        ("(eye + J)", "(eye + torch.tensor(J.tolist(), dtype=J.dtype, device=J.device))"),
    ),
    _slip(
        "T3-X06i",
        "residual_chain",
        "the ends are forgotten",
        "check_layers_of_one_value",
        VARIES,
        ("    for J in jacobians:\n        result", "    for J in jacobians[1:]:\n        result"),
    ),
    _slip(
        "T3-X06j",
        "residual_chain",
        "scalars only",
        "check_layers_of_several_values",
        VARIES,
        ("(eye + J) @ result", "(eye + J) * result"),
    ),
)

_NO_GRAD_OF_X = """\
def input_gradient(model, x):
    if x.dim() != 2 or x.shape[1] != 1 or not x.is_floating_point():
        raise ValueError("x")
    x.requires_grad_(True)
    y = model(x)
    if y.shape != x.shape:
        raise ValueError("y")
    y.sum().backward()
    return x.grad.reshape(-1)
"""

INPUT_GRADIENT_MUTANTS = (
    _named(
        "T3-X10a",
        "input_gradient",
        "the output",
        "check_derivative_at_each_point",
        "The output itself comes back, not its derivative",
        ("    return grad.reshape(-1)", "    return y.detach().reshape(-1)"),
    ),
    _named(
        "T3-X10b",
        "input_gradient",
        "the mean",
        "check_derivative_at_each_point",
        "The mean over the points is differentiated: it divides every derivative by N",
        ("y.sum()", "y.mean()"),
    ),
    _named(
        "T3-X10c",
        "input_gradient",
        "a column",
        "check_derivative_at_each_point",
        "The column is kept: (N, 1) instead of (N,)",
        ("grad.reshape(-1)", "grad"),
    ),
    _named(
        "T3-X10d",
        "input_gradient",
        "differences",
        "check_derivative_at_each_point",
        "Neighbours are subtracted: that is a difference, no derivative",
        ("    return grad.reshape(-1)", "    y = y.detach()\n    return ((y[1:] - y[:-1]) / (x[1:] - x[:-1]))[:, 0]"),
    ),
    _named(
        "T3-X10e",
        "input_gradient",
        "torch.gradient",
        "check_derivative_at_each_point",
        "Neighbours are subtracted: that is a difference, no derivative",
        ("    return grad.reshape(-1)", "    return torch.gradient(y.detach()[:, 0], spacing=(x[:, 0],))[0]"),
    ),
    _named(
        "T3-X10f",
        "input_gradient",
        "one number",
        "check_derivative_at_each_point",
        "The derivatives are summed over the points",
        ("grad.reshape(-1)", "grad.sum()"),
    ),
    _named(
        "T3-X10g",
        "input_gradient",
        "absolute values",
        "check_derivative_at_each_point",
        "The sign is lost",
        ("grad.reshape(-1)", "grad.reshape(-1).abs()"),
    ),
    _named(
        "T3-X10h",
        "input_gradient",
        "a squared error",
        "check_derivative_at_each_point",
        "The square of the output is differentiated",
        ("y.sum()", "(y ** 2).sum()"),
    ),
    Mutant(
        "T3-X11a",
        "input_gradient",
        "backward into the caller's x",
        _NO_GRAD_OF_X,
        "check_nothing_is_left_behind",
        None,
        CHANGED,
    ),
    _slip(
        "T3-X11b",
        "input_gradient",
        "backward into the parameters",
        "check_nothing_is_left_behind",
        CHANGED,
        ("grad = torch.autograd.grad(total, points)[0]", "total.backward()\n        grad = points.grad"),
    ),
    _slip(
        "T3-X11c",
        "input_gradient",
        "zeroes the gradients of the model",
        "check_nothing_is_left_behind",
        CHANGED,
        ("    return grad", "    model.zero_grad()\n    return grad"),
    ),
    _slip(
        "T3-X11d",
        "input_gradient",
        "evaluates the model",
        "check_models_as_they_are",
        VARIES,
        ("        y = model", "        model.eval()\n        y = model"),
    ),
    _slip(
        "T3-X11e",
        "input_gradient",
        "leaves the model in evaluation mode",
        "check_nothing_is_left_behind",
        CHANGED,
        ("    return grad", "    model.eval()\n    return grad"),
    ),
    _slip(
        "T3-X11f",
        "input_gradient",
        "trains the model",
        "check_models_as_they_are",
        VARIES,
        ("        y = model", "        was = model.training\n        model.train()\n        y = model"),
        ("    return grad", "    model.train(was)\n    return grad"),
    ),
    _slip(
        "T3-X11g",
        "input_gradient",
        "freezes the model",
        "check_nothing_is_left_behind",
        CHANGED,
        ("        y = model", "        model.requires_grad_(False)\n        y = model"),
    ),
    _slip(
        "T3-X11h",
        "input_gradient",
        "the result has a graph",
        "check_nothing_is_left_behind",
        CHANGED,
        ("torch.autograd.grad(total, points)", "torch.autograd.grad(total, points, create_graph=True)"),
    ),
    _slip(
        "T3-X11i",
        "input_gradient",
        "x has a gradient now",
        "check_nothing_is_left_behind",
        CHANGED,
        ("    return grad", "    x.requires_grad_(True)\n    return grad"),
    ),
    _slip(
        "T3-X12a",
        "input_gradient",
        "no graph under no_grad",
        "check_frozen_models",
        OWN_ERROR,
        ("with torch.enable_grad():", "if True:"),
    ),
    _slip(
        "T3-X12b",
        "input_gradient",
        "an x that has been computed is no leaf",
        "check_frozen_models",
        VARIES,
        (
            "points = x.detach().clone().requires_grad_(True)",
            "points = x if x.requires_grad else x.detach().clone().requires_grad_(True)",
        ),
        (
            "        grad = torch.autograd.grad(total, points)[0]\n",
            "        if not points.is_leaf:\n            raise RuntimeError('x is no leaf')\n"
            "        grad = torch.autograd.grad(total, points)[0]\n",
        ),
    ),
    _slip(
        "T3-X12c",
        "input_gradient",
        "constants raise",
        "check_constant_networks",
        OWN_ERROR,
        (" + 0 * points.sum()", ""),
    ),
    _slip(
        "T3-X12d",
        "input_gradient",
        "constants give None",
        "check_constant_networks",
        OWN_ERROR,
        (" + 0 * points.sum()", ""),
        ("grad(total, points)[0]", "grad(total, points, allow_unused=True)[0]"),
    ),
    _slip(
        "T3-X12e",
        "input_gradient",
        "squeezes everything",
        "check_constant_networks",
        VARIES,
        ("grad.reshape(-1)", "grad.squeeze()"),
    ),
    _slip(
        "T3-X12f",
        "input_gradient",
        "in-place models break",
        "check_models_as_they_are",
        OWN_ERROR,
        ("model(points + 0)", "model(points)"),
    ),
    _slip(
        "T3-X12g",
        "input_gradient",
        "one point after the other, in another mode",
        "check_models_as_they_are",
        VARIES,
        (
            "        y = model(points + 0)\n",
            "        model.training = not model.training\n        y = model(points + 0)\n"
            "        model.training = not model.training\n",
        ),
    ),
    _slip(
        "T3-X13a",
        "input_gradient",
        "needs contiguous memory",
        "check_dtypes_of_points",
        OWN_ERROR,
        (
            "    with torch.enable_grad():\n",
            "    if not x.is_contiguous():\n        raise RuntimeError('view')\n    with torch.enable_grad():\n",
        ),
    ),
    _slip(
        "T3-X13b",
        "input_gradient",
        "float32 comes back",
        "check_dtypes_of_points",
        DTYPE,
        ("grad.reshape(-1)", "grad.reshape(-1).float()"),
    ),
    _slip(
        "T3-X13c",
        "input_gradient",
        "float64 comes back",
        "check_dtypes_of_points",
        DTYPE,
        ("grad.reshape(-1)", "grad.reshape(-1).double()"),
    ),
    _slip(
        "T3-X13d",
        "input_gradient",
        "any shape of x",
        "check_points_that_are_no_column",
        NO_ERROR,
        ("x.dim() != 2 or x.shape[1] != 1 or ", ""),
    ),
    _slip(
        "T3-X13e",
        "input_gradient",
        "integers are converted",
        "check_points_that_are_no_column",
        NO_ERROR,
        (" or not x.is_floating_point()", ""),
        ("x.detach().clone()", "x.detach().double()"),
    ),
    _slip(
        "T3-X13f",
        "input_gradient",
        "any output of the model",
        "check_points_that_are_no_column",
        NO_ERROR,
        ("y.shape != x.shape", "False"),
    ),
    _slip(
        "T3-X13g",
        "input_gradient",
        "only the length of the output is looked at",
        "check_points_that_are_no_column",
        NO_ERROR,
        ("y.shape != x.shape", "y.dim() < 1 or len(y) != len(x)"),
    ),
)

AUTOCORRELATION_MUTANTS = (
    _named(
        "T3-M22a",
        "autocorrelation",
        "not centred",
        "check_lags_of_few_values",
        NOT_CENTRED,
        ("    if center:", "    if False:"),
    ),
    _named(
        "T3-M22b",
        "autocorrelation",
        "divided by n - k",
        "check_lags_of_few_values",
        UNBIASED,
        ("r.append(s / (h * h).sum())", "r.append(s / max(n - k, 1) / (h * h).mean())"),
    ),
    _named(
        "T3-M22c",
        "autocorrelation",
        "circular",
        "check_lags_of_few_values",
        CIRCULAR,
        ("s = (h[:n - k] * h[k:]).sum()", "s = (h * torch.roll(h, -k)).sum()"),
        ("if k < n:", "if True:"),
    ),
    _named(
        "T3-M22d",
        "autocorrelation",
        "by the Fourier transform without padding",
        "check_lags_of_few_values",
        CIRCULAR,
        ("    r = []\n", "    p = torch.fft.ifft(torch.fft.fft(h).abs() ** 2).real\n    r = []\n"),
        ("s = (h[:n - k] * h[k:]).sum()", "s = p[k]"),
    ),
    _named(
        "T3-M22e",
        "autocorrelation",
        "not centred, divided by n - k",
        "check_lags_of_few_values",
        "The mean is not subtracted, and each lag is divided by the number of its own pairs",
        ("    if center:", "    if False:"),
        ("s / (h * h).sum()", "s / max(n - k, 1) / (h * h).mean()"),
    ),
    _named(
        "T3-M22f",
        "autocorrelation",
        "not centred, circular",
        "check_lags_of_few_values",
        "The end of the sequence is joined to its beginning, and the mean is not subtracted",
        ("    if center:", "    if False:"),
        (_SUM_OF_LAG, "(h * h.roll(k)).sum()"),
    ),
    _named(
        "T3-M22g",
        "autocorrelation",
        "the mode 'same'",
        "check_lags_of_few_values",
        "The first value of `correlate` is not lag 0, which stands in the middle",
        (_SUM_OF_LAG, "(h[:n - abs(k - n // 2)] * h[abs(k - n // 2):]).sum()"),
    ),
    _named(
        "T3-X20a",
        "autocorrelation",
        "not normalised",
        "check_lags_of_few_values",
        "The sums are not divided by the one of lag 0",
        ("    h = h / h.detach().abs().max()\n", ""),
        ("s / (h * h).sum()", "s"),
    ),
    _named(
        "T3-X20b",
        "autocorrelation",
        "autocovariance",
        "check_lags_of_few_values",
        "This is the autocovariance: it is not divided by the variance",
        ("    h = h / h.detach().abs().max()\n", ""),
        ("s / (h * h).sum()", "s / n"),
    ),
    _named(
        "T3-X20c",
        "autocorrelation",
        "the variance of torch.var",
        "check_lags_of_few_values",
        "The variance is taken with N - 1, the products with N",
        ("s / (h * h).sum()", "s / n / (h.var() if n > 1 and center else (h * h).mean())"),
    ),
    _named(
        "T3-X20d",
        "autocorrelation",
        "from lag 1",
        "check_lags_of_few_values",
        "Lag 0 is left out",
        ("torch.stack(r)", "torch.stack(r)[1:]"),
    ),
    _named(
        "T3-X20e",
        "autocorrelation",
        "max_lag values",
        "check_lags_of_few_values",
        "The last lag is left out",
        ("torch.stack(r)", "torch.stack(r)[:max_lag]"),
    ),
    _named(
        "T3-X20f",
        "autocorrelation",
        "Pearson for each lag",
        "check_lags_of_few_values",
        "Each lag has means and variances of its own (Pearson)",
        (
            "        r.append(s / (h * h).sum())\n",
            "        a, b = h[:max(n - k, 0)] - h[:max(n - k, 0)].mean(), h[k:] - h[k:].mean()\n"
            "        r.append((a * b).sum() / ((a * a).sum() * (b * b).sum()) ** 0.5)\n",
        ),
    ),
    _named(
        "T3-X20g",
        "autocorrelation",
        "a convolution",
        "check_lags_of_few_values",
        "One of the two sequences runs backwards: this is a convolution",
        (_SUM_OF_LAG, "(h[:n - k] * h.flip(0)[k:]).sum()"),
    ),
    _named(
        "T3-X20h",
        "autocorrelation",
        "absolute values",
        "check_lags_of_few_values",
        "The sign is lost",
        ("torch.stack(r)", "torch.stack(r).abs()"),
    ),
    _named(
        "T3-X20i",
        "autocorrelation",
        "always centred",
        "check_values_that_are_not_centred",
        "The mean is subtracted whatever `center` is",
        ("    if center:", "    if True:"),
    ),
    _named(
        "T3-X21a",
        "autocorrelation",
        "0 for constants",
        "check_sequences_without_variation",
        "A sequence without variation gets 0",
        ("torch.stack(r)", "torch.stack(r).nan_to_num(0.0)"),
    ),
    _named(
        "T3-X21b",
        "autocorrelation",
        "1 for constants",
        "check_sequences_without_variation",
        "A sequence without variation gets 1",
        ("torch.stack(r)", "torch.stack(r).nan_to_num(1.0)"),
    ),
    _named(
        "T3-X21c",
        "autocorrelation",
        "lag 0 by hand",
        "check_sequences_without_variation",
        "Lag 0 is set to 1 by hand",
        ("torch.stack(r)", "torch.cat((torch.ones_like(r[0])[None], torch.stack(r)[1:].nan_to_num(0.0)))"),
    ),
    _slip(
        "T3-X21d",
        "autocorrelation",
        "a rounding error is a variation",
        "check_sequences_without_variation",
        VARIES,
        ("        h = h - h[0]\n", ""),
    ),
    _slip(
        "T3-X22a",
        "autocorrelation",
        "no lag beyond the end",
        "check_lags_beyond_the_end",
        VARIES,
        ("range(max_lag + 1)", "range(min(max_lag + 1, n))"),
    ),
    _slip(
        "T3-X22b",
        "autocorrelation",
        "NaN beyond the end",
        "check_lags_beyond_the_end",
        VARIES,
        ("s = torch.zeros((), dtype=h.dtype, device=h.device)", "s = h.new_tensor(float('nan'))"),
    ),
    _slip(
        "T3-X22c",
        "autocorrelation",
        "h[:-k]",
        "check_lags_of_few_values",
        VARIES,
        ("(h[:n - k] * h[k:]).sum()", "(h[:-k] * h[k:]).sum() if k else 0 * h.sum()"),
    ),
    _slip(
        "T3-X22d",
        "autocorrelation",
        "tiny squares vanish",
        "check_scale_of_the_values",
        VARIES,
        ("    h = h / h.detach().abs().max()\n", ""),
    ),
    _slip(
        "T3-X22e",
        "autocorrelation",
        "an epsilon in the denominator",
        "check_sequences_without_variation",
        VARIES,
        ("    h = h / h.detach().abs().max()\n", ""),
        ("(h * h).sum())", "((h * h).sum() + 1e-8))"),
    ),
    _slip(
        "T3-X22f",
        "autocorrelation",
        "computes in the dtype of g",
        "check_scale_of_the_values",
        VARIES,
        ("h = g.double()", "h = g.to(dtype)"),
        ("    h = h / h.detach().abs().max()\n", ""),
    ),
    _slip("T3-X23a", "autocorrelation", "float64 comes back", "check_dtypes_of_sequences", DTYPE, (".to(dtype)", "")),
    _slip(
        "T3-X23b",
        "autocorrelation",
        "float32 comes back",
        "check_dtypes_of_sequences",
        DTYPE,
        (".to(dtype)", ".float()"),
    ),
    _slip(
        "T3-X23c",
        "autocorrelation",
        "integers stay integers",
        "check_dtypes_of_sequences",
        DTYPE,
        ("dtype = g.dtype if g.is_floating_point() else torch.float32", "dtype = g.dtype"),
    ),
    _slip(
        "T3-X23d",
        "autocorrelation",
        "floats only",
        "check_dtypes_of_sequences",
        OWN_ERROR,
        ("    h = g.double()\n", "    g.mean()\n    h = g.double()\n"),
    ),
    _slip(
        "T3-X24a",
        "autocorrelation",
        "detached",
        "check_gradient_of_the_autocorrelation",
        OWN_ERROR,
        ("h = g.double()", "h = g.detach().double()"),
    ),
    _slip(
        "T3-X24b",
        "autocorrelation",
        "by items",
        "check_gradient_of_the_autocorrelation",
        OWN_ERROR,
        ("torch.stack(r)", "torch.tensor([v.item() for v in r], device=g.device)"),
    ),
    _slip(
        "T3-X24c",
        "autocorrelation",
        "the denominator has no gradient",
        "check_gradient_of_the_autocorrelation",
        NO_GRADIENT,
        ("s / (h * h).sum()", "s / (h * h).sum().detach()"),
    ),
    _slip(
        "T3-X24d",
        "autocorrelation",
        "the mean has no gradient",
        "check_gradient_of_the_autocorrelation",
        NO_GRADIENT,
        (
            "        h = h - h[0]\n        h = h - h.mean()\n",
            "        h = h - h[0].detach()\n        h = h - h.mean().detach()\n",
        ),
    ),
    _slip(
        "T3-X25a",
        "autocorrelation",
        "centres in place",
        "check_views_of_sequences",
        CHANGED,
        (
            "    h = g.double()\n",
            "    h = g.double()\n    if center and g.dtype == torch.float64:\n        g -= g.mean()\n",
        ),
    ),
    _slip(
        "T3-X25b",
        "autocorrelation",
        "needs contiguous memory",
        "check_views_of_sequences",
        OWN_ERROR,
        (
            "    h = g.double()\n",
            "    if not g.is_contiguous():\n        raise RuntimeError('view')\n    h = g.double()\n",
        ),
    ),
    _slip(
        "T3-X25c",
        "autocorrelation",
        "flattens tables",
        "check_sequences_that_are_none",
        NO_ERROR,
        ("g.dim() != 1 or len(g) == 0", "g.numel() == 0"),
        ("h = g.double()", "h = g.double().reshape(-1)"),
    ),
    _slip(
        "T3-X25d",
        "autocorrelation",
        "nothing gives NaN",
        "check_sequences_that_are_none",
        NO_ERROR,
        ("g.dim() != 1 or len(g) == 0", "g.dim() != 1"),
        (
            "    h = g.double()\n",
            "    h = g.double()\n    if len(g) == 0:\n        return torch.full((max_lag + 1,), math.nan)\n",
        ),
        ("def auto", "import math\n\n\ndef auto"),
    ),
    _slip(
        "T3-X25e",
        "autocorrelation",
        "a negative lag gives nothing",
        "check_sequences_that_are_none",
        NO_ERROR,
        ('        raise ValueError("negative lag")', "        return g[:0].float()"),
    ),
    _slip(
        "T3-X25f",
        "autocorrelation",
        "only sixteen lags",
        "check_many_values",
        VARIES,
        ("        if k < n:", "        if k < n and k <= 16:"),
    ),
)

RESIDUAL_MUTANTS = (
    _named(
        "T3-M04a", "Residual", "no shortcut", "check_branch_plus_input", NO_SHORTCUT, ("return out + x", "return out")
    ),
    _named(
        "T3-M06a",
        "Residual",
        "twice",
        "check_branch_plus_input",
        SHORTCUT_TWICE,
        ("        return out + x", "        out = out + x\n        return out + x"),
    ),
    _named(
        "T3-X30a",
        "Residual",
        "a product",
        "check_branch_plus_input",
        "The two ways are multiplied, not added",
        ("out + x", "out * x"),
    ),
    _named(
        "T3-X30b",
        "Residual",
        "a ReLU at the end",
        "check_branch_plus_input",
        "There is a ReLU after the addition, as in the blocks of the paper",
        ("out + x", "torch.relu(out + x)"),
    ),
    _named(
        "T3-X30c",
        "Residual",
        "the mean",
        "check_branch_plus_input",
        "The mean of the two ways is taken",
        ("out + x", "(out + x) / 2"),
    ),
    _named(
        "T3-X30d",
        "Residual",
        "the branch twice",
        "check_branch_plus_input",
        "The branch is added to itself, not to the input",
        ("out + x", "out + out"),
    ),
    _named(
        "T3-X30e",
        "Residual",
        "a difference",
        "check_branch_plus_input",
        "The input is subtracted, not added",
        ("out + x", "out - x"),
    ),
    _named(
        "T3-X30f",
        "Residual",
        "concatenated",
        "check_branch_plus_input",
        "The two ways are put beside each other (as in a DenseNet)",
        ("out + x", "torch.cat((out, x), dim=1 if x.dim() > 1 else 0)"),
    ),
    _named(
        "T3-M11a",
        "Residual",
        "x becomes g(x), which is added to itself",
        "check_branch_plus_input",
        "The branch is added to itself, not to the input",
        ("        out = self.g(x)\n", "        shape = x.shape\n        x = out = self.g(x)\n"),
        ("out.shape != x.shape", "out.shape != shape"),
    ),
    Mutant(
        "T3-M12a",
        "Residual",
        "in place on what autograd has kept",
        _edit(RESIDUAL, ("        return out + x", "        out += x\n        return out")),
        "check_gradient_of_residual",
        None,
        OWN_ERROR,
    ),
    _slip(
        "T3-X31a",
        "Residual",
        "another name",
        "check_names_of_residual",
        KEYS,
        ("self.g = g", "self.branch = g"),
        ("self.g(x)", "self.branch(x)"),
    ),
    _slip(
        "T3-X31b",
        "Residual",
        "in a list",
        "check_names_of_residual",
        KEYS,
        ("self.g = g", "self.g = nn.ModuleList([g])"),
        ("self.g(x)", "self.g[0](x)"),
    ),
    _slip(
        "T3-X31c",
        "Residual",
        "a plain list that PyTorch does not see",
        "check_names_of_residual",
        KEYS,
        ("self.g = g", "self.parts = [g]"),
        ("self.g(x)", "self.parts[0](x)"),
    ),
    _slip(
        "T3-X31d",
        "Residual",
        "a factor to learn",
        "check_names_of_residual",
        KEYS,
        ("self.g = g", "self.g = g\n        self.scale = nn.Parameter(torch.ones(1))"),
    ),
    _slip(
        "T3-X31e",
        "Residual",
        "a copy of the module at each call",
        "check_names_of_residual",
        VARIES,
        ("self.g = g", "self.g = g\n        self.first = [type(g), {k: v.clone() for k, v in g.state_dict().items()}]"),
        ("out = self.g(x)", "self.g.load_state_dict(self.first[1])\n        out = self.g(x)"),
    ),
    _slip(
        "T3-X32a",
        "Residual",
        "the branch has no gradient",
        "check_gradient_of_residual",
        OWN_ERROR,
        ("out + x", "out.detach() + x"),
    ),
    _slip(
        "T3-X32b",
        "Residual",
        "the shortcut has no gradient",
        "check_gradient_of_residual",
        NO_GRADIENT,
        ("out + x", "out + x.detach()"),
    ),
    _slip(
        "T3-X32c",
        "Residual",
        "adds into x",
        "check_input_of_residual",
        CHANGED,
        ("return out + x", "return x.add_(out)"),
    ),
    _slip(
        "T3-X32d",
        "Residual",
        "calls g twice",
        "check_input_of_residual",
        SHARED,
        ("return out + x", "return self.g(x) + x"),
    ),
    _slip(
        "T3-X32e",
        "Residual",
        "views the sum",
        "check_input_of_residual",
        OWN_ERROR,
        ("return out + x", "return (out + x.view(-1).view(x.shape))"),
    ),
    _slip(
        "T3-X32f", "Residual", "float32", "check_input_of_residual", DTYPE, ("out + x", "(out + x).to(torch.float64)")
    ),
    _slip(
        "T3-X33a", "Residual", "broadcasts", "check_shapes_of_the_two_ways", NO_ERROR, ("out.shape != x.shape", "False")
    ),
    _slip(
        "T3-X33b",
        "Residual",
        "compares the number of dimensions",
        "check_shapes_of_the_two_ways",
        NO_ERROR,
        ("out.shape != x.shape", "out.dim() != x.dim()"),
    ),
    _slip(
        "T3-X33c",
        "Residual",
        "leaves the shortcut out where shapes differ",
        "check_shapes_of_the_two_ways",
        NO_ERROR,
        ('raise ValueError("g must keep the shape")', "return out"),
    ),
)

BASIC_BLOCK_MUTANTS = (
    _named(
        "T3-M01a",
        "BasicBlock",
        "ReLU before the addition",
        "check_BasicBlock_in_evaluation",
        RELU_BEFORE,
        (_ADD, "        out = self.relu(out)\n        out = out + identity\n"),
    ),
    _named(
        "T3-M02a",
        "BasicBlock",
        "ReLU before and after",
        "check_BasicBlock_in_evaluation",
        RELU_TWICE,
        (_ADD, "        out = self.relu(out)\n" + _ADD),
    ),
    _named(
        "T3-M03a",
        "BasicBlock",
        "no last ReLU",
        "check_BasicBlock_in_evaluation",
        NO_LAST_RELU,
        (_ADD, "        out = out + identity\n"),
    ),
    _named(
        "T3-M04b",
        "BasicBlock",
        "the shortcut is computed, and not added",
        "check_BasicBlock_in_evaluation",
        NO_SHORTCUT,
        ("        out = out + identity\n", ""),
    ),
    _named(
        "T3-M04c",
        "BasicBlock",
        "added only with a projection",
        "check_BasicBlock_in_evaluation",
        NO_SHORTCUT,
        (
            "        out = out + identity\n",
            "        if self.downsample is not None:\n            out = out + identity\n",
        ),
    ),
    _named(
        "T3-M06b",
        "BasicBlock",
        "added twice",
        "check_BasicBlock_in_evaluation",
        SHORTCUT_TWICE,
        ("out = out + identity", "out = out + identity\n        out = out + identity"),
    ),
    _named(
        "T3-M09a",
        "BasicBlock",
        "the stride in conv2",
        "check_BasicBlock_with_projection",
        STRIDE_ELSEWHERE,
        ("3, stride=stride, padding=1", "3, padding=1"),
        ("(planes, planes, 3, padding", "(planes, planes, 3, stride, padding"),
    ),
    _named(
        "T3-M11b",
        "BasicBlock",
        "an in-place ReLU at the entry",
        "check_BasicBlock_in_evaluation",
        RELU_AT_ENTRY,
        (_ENTRY, "        identity = x\n        out = self.conv1(torch.relu_(x))\n"),
    ),
    _named(
        "T3-M11c",
        "BasicBlock",
        "the ReLU of the entry on the shortcut",
        "check_BasicBlock_in_evaluation",
        "There is a ReLU on the shortcut",
        ("        identity = x\n", "        identity = torch.relu(x)\n"),
    ),
    Mutant(
        "T3-M12b",
        "BasicBlock",
        "in place on what autograd has kept",
        _edit(
            BASIC_BLOCK,
            (
                _ADD,
                "        y = torch.sigmoid(out)\n        y += identity\n        y -= torch.sigmoid(out)\n"
                "        out = torch.relu(out + y - y.detach() + identity.detach())\n",
            ),
        ),
        "check_gradients_of_BasicBlock",
        None,
        OWN_ERROR,
    ),
    _named(
        "T3-M14a",
        "BasicBlock",
        "one bn",
        "check_names_of_BasicBlock",
        ONE_NORM,
        ("        self.bn2 = nn.BatchNorm2d(planes)\n", ""),
        ("self.bn2(out)", "self.bn1(out)"),
    ),
    _named(
        "T3-M14b",
        "BasicBlock",
        "bn1 twice, though bn2 is there",
        "check_BasicBlock_in_evaluation",
        ONE_NORM,
        ("self.bn2(out)", "self.bn1(out)"),
    ),
    _named(
        "T3-M14c",
        "BasicBlock",
        "bn2 is bn1",
        "check_names_of_BasicBlock",
        ONE_NORM,
        ("self.bn2 = nn.BatchNorm2d(planes)", "self.bn2 = self.bn1"),
    ),
    _named(
        "T3-M15a",
        "BasicBlock",
        "bn2 after the addition",
        "check_BasicBlock_in_evaluation",
        NORM_LAST,
        ("        out = self.bn2(out)\n", ""),
        ("out = out + identity", "out = self.bn2(out + identity)"),
    ),
    _named(
        "T3-M15b",
        "BasicBlock",
        "conv, ReLU, bn",
        "check_BasicBlock_in_evaluation",
        RELU_FIRST,
        ("        out = self.bn1(out)\n        out = self.relu(out)\n", "        out = self.bn1(self.relu(out))\n"),
    ),
    _named(
        "T3-M15c",
        "BasicBlock",
        "conv, ReLU, bn, twice",
        "check_BasicBlock_in_evaluation",
        RELU_FIRST,
        ("        out = self.bn1(out)\n        out = self.relu(out)\n", "        out = self.bn1(self.relu(out))\n"),
        ("self.bn2(out)", "self.bn2(self.relu(out))"),
        ("        out = self.relu(out)\n        return", "        return"),
        ("out = out + identity", "out = torch.relu(out + identity)"),
    ),
    _named(
        "T3-M16a",
        "BasicBlock",
        "no ReLU between",
        "check_BasicBlock_in_evaluation",
        NO_RELU_BETWEEN,
        ("        out = self.bn1(out)\n        out = self.relu(out)\n", "        out = self.bn1(out)\n"),
    ),
    _named("T3-M19a", "BasicBlock", "biases", "check_names_of_BasicBlock", BIASES, (", bias=False", "")),
    _named(
        "T3-X40a",
        "BasicBlock",
        "pre-activation",
        "check_BasicBlock_in_evaluation",
        "This is the pre-activation block (version 2)",
        (
            "        out = self.conv1(x)\n        out = self.bn1(out)\n        out = self.relu(out)\n"
            "        out = self.conv2(out)\n        out = self.bn2(out)\n",
            "        out = self.conv1(self.relu(self.bn1(x) if x.shape[1] == self.bn1.num_features else x))\n"
            "        out = self.conv2(self.relu(self.bn2(out)))\n",
        ),
        (_ADD, "        out = out + identity\n"),
    ),
    _named(
        "T3-X40b",
        "BasicBlock",
        "bn forgotten",
        "check_BasicBlock_in_evaluation",
        "The batch normalisations are not applied",
        ("        out = self.bn1(out)\n", ""),
        ("        out = self.bn2(out)\n", ""),
    ),
    _named(
        "T3-X40c",
        "BasicBlock",
        "bn2 forgotten",
        "check_BasicBlock_in_evaluation",
        "There is no batch normalisation after the last convolution",
        ("        out = self.bn2(out)\n", ""),
    ),
    _named(
        "T3-X40d",
        "BasicBlock",
        "the shortcut from the middle",
        "check_BasicBlock_in_evaluation",
        "The shortcut begins after the first convolution, not at the input",
        (
            "        out = self.relu(out)\n        out = self.conv2",
            "        out = self.relu(out)\n        identity = out\n        out = self.conv2",
        ),
    ),
    _named(
        "T3-X40e",
        "BasicBlock",
        "the branch is not added",
        "check_BasicBlock_in_evaluation",
        "The branch is not added: only the shortcut comes out",
        ("out = out + identity", "out = identity + 0 * out"),
    ),
    _named(
        "T3-X40f",
        "BasicBlock",
        "the batch in evaluation, too",
        "check_BasicBlock_in_evaluation",
        BATCH_STATISTICS,
        ("        identity = x\n", "        self.bn1.train()\n        self.bn2.train()\n        identity = x\n"),
    ),
    _named(
        "T3-X40g",
        "BasicBlock",
        "its own projection",
        "check_names_of_BasicBlock",
        "The block makes a shortcut of its own, which it should be given",
        (
            "        self.downsample = downsample\n",
            "        if stride != 1 or inplanes != planes:\n"
            "            conv = nn.Conv2d(inplanes, planes, 1, stride, bias=False)\n"
            "            downsample = nn.Sequential(conv, nn.BatchNorm2d(planes))\n"
            "        self.downsample = downsample\n",
        ),
    ),
    _named(
        "T3-X40h",
        "BasicBlock",
        "running statistics in training",
        "check_BasicBlock_in_training",
        "Batch normalisation uses the running statistics in training, too",
        ("        identity = x\n", "        self.bn1.eval()\n        self.bn2.eval()\n        identity = x\n"),
        ("self.downsample(x)\n", "self.downsample.eval()(x)\n"),
    ),
    _slip(
        "T3-X41a", "BasicBlock", "other names", "check_names_of_BasicBlock", KEYS, ("bn1", "norm1"), ("bn2", "norm2")
    ),
    _slip(
        "T3-X41b",
        "BasicBlock",
        "the projection under another name",
        "check_BasicBlock_with_projection",
        KEYS,
        ("self.downsample", "self.shortcut"),
    ),
    _slip(
        "T3-X41c",
        "BasicBlock",
        "no padding in conv2",
        "check_BasicBlock_in_evaluation",
        OWN_ERROR,
        ("planes, planes, 3, padding=1", "planes, planes, 3, padding=0"),
    ),
    _slip(
        "T3-X41d",
        "BasicBlock",
        "another epsilon",
        "check_BasicBlock_in_evaluation",
        VARIES,
        ("nn.BatchNorm2d(planes)", "nn.BatchNorm2d(planes, eps=1e-3)"),
    ),
    _slip(
        "T3-X41e",
        "BasicBlock",
        "another momentum",
        "check_BasicBlock_in_training",
        SHARED,
        ("nn.BatchNorm2d(planes)", "nn.BatchNorm2d(planes, momentum=0.01)"),
    ),
    _slip(
        "T3-X41f", "BasicBlock", "LeakyReLU", "check_BasicBlock_in_evaluation", VARIES, ("nn.ReLU()", "nn.LeakyReLU()")
    ),
    _slip(
        "T3-X41g",
        "BasicBlock",
        "a projection is asked for with a stride only",
        "check_BasicBlock_with_projection",
        OWN_ERROR,
        ("if self.downsample is not None:", "if self.downsample is not None and self.conv1.stride != (1, 1):"),
    ),
    _slip(
        "T3-X41h",
        "BasicBlock",
        "the stride is ignored",
        "check_BasicBlock_with_projection",
        OWN_ERROR,
        ("stride=stride", "stride=1"),
    ),
    _slip(
        "T3-X41i",
        "BasicBlock",
        "the projection of the projection",
        "check_BasicBlock_with_projection",
        OWN_ERROR,
        ("self.downsample(x)", "self.downsample(self.downsample(x))"),
    ),
    _slip(
        "T3-X42a",
        "BasicBlock",
        "the shortcut has no gradient",
        "check_gradients_of_BasicBlock",
        NO_GRADIENT,
        ("out + identity", "out + identity.detach()"),
    ),
    _slip(
        "T3-X42b",
        "BasicBlock",
        "the branch has no gradient",
        "check_gradients_of_BasicBlock",
        OWN_ERROR,
        ("out + identity", "out.detach() + identity"),
    ),
    _slip(
        "T3-X42c",
        "BasicBlock",
        "the way back ends before conv1",
        "check_gradients_of_BasicBlock",
        NO_GRADIENT,
        ("out = self.conv2(out)", "out = self.conv2(out.detach())"),
    ),
    _slip(
        "T3-X42d",
        "BasicBlock",
        "adds into x",
        "check_inputs_of_BasicBlock",
        CHANGED,
        ("out = out + identity", "out = identity.add_(out)"),
    ),
    _slip(
        "T3-X42e",
        "BasicBlock",
        "an in-place ReLU after the rest",
        "check_inputs_of_BasicBlock",
        CHANGED,
        (
            "        return out\n",
            "        nn.functional.relu(x, inplace=True) if not x.requires_grad else None\n        return out\n",
        ),
    ),
    _slip(
        "T3-X42f",
        "BasicBlock",
        "views x",
        "check_inputs_of_BasicBlock",
        OWN_ERROR,
        ("        identity = x\n", "        identity = x.view(-1).view(x.shape)\n"),
    ),
    _slip(
        "T3-X42g",
        "BasicBlock",
        "float64 alone",
        "check_inputs_of_BasicBlock",
        OWN_ERROR,
        ("        identity = x\n", "        x = x.double()\n        identity = x\n"),
    ),
    _slip(
        "T3-X43a",
        "BasicBlock",
        "broadcasts",
        "check_shapes_in_BasicBlock",
        NO_ERROR,
        ("out.shape != identity.shape", "False"),
    ),
    _slip(
        "T3-X43b",
        "BasicBlock",
        "only looks at channels",
        "check_shapes_in_BasicBlock",
        NO_ERROR,
        ("out.shape != identity.shape", "out.shape[1] != identity.shape[1]"),
    ),
    _slip(
        "T3-X43c",
        "BasicBlock",
        "leaves the shortcut out",
        "check_shapes_in_BasicBlock",
        NO_ERROR,
        ('raise ValueError("shapes differ")', "return self.relu(out)"),
    ),
)

BOTTLENECK_MUTANTS = (
    _named(
        "T3-M01b",
        "Bottleneck",
        "ReLU before the addition",
        "check_Bottleneck_in_evaluation",
        RELU_BEFORE,
        (_ADD, "        out = self.relu(out)\n        out = out + identity\n"),
    ),
    _named(
        "T3-M02b",
        "Bottleneck",
        "ReLU before and after",
        "check_Bottleneck_in_evaluation",
        RELU_TWICE,
        (_ADD, "        out = self.relu(out)\n" + _ADD),
    ),
    _named(
        "T3-M03b",
        "Bottleneck",
        "no last ReLU",
        "check_Bottleneck_in_evaluation",
        NO_LAST_RELU,
        (_ADD, "        out = out + identity\n"),
    ),
    _named(
        "T3-M04d",
        "Bottleneck",
        "the shortcut is not added",
        "check_Bottleneck_in_evaluation",
        NO_SHORTCUT,
        ("        out = out + identity\n", ""),
    ),
    _named(
        "T3-M06c",
        "Bottleneck",
        "added twice",
        "check_Bottleneck_in_evaluation",
        SHORTCUT_TWICE,
        ("out = out + identity", "out = out + 2 * identity"),
    ),
    _named(
        "T3-M09b",
        "Bottleneck",
        "the stride in conv1",
        "check_Bottleneck_with_projection",
        FIRST_STRIDE,
        ("3, stride=stride", "3, stride=1"),
        ("(inplanes, planes, 1, bias", "(inplanes, planes, 1, stride, bias"),
    ),
    _named(
        "T3-M09c",
        "Bottleneck",
        "the stride in conv3",
        "check_Bottleneck_in_training",
        LAST_STRIDE,
        ("3, stride=stride", "3, stride=1"),
        ("planes * 4, 1, bias", "planes * 4, 1, stride, bias"),
    ),
    _named(
        "T3-M11d",
        "Bottleneck",
        "an in-place ReLU at the entry",
        "check_Bottleneck_in_evaluation",
        RELU_AT_ENTRY,
        (_ENTRY, "        identity = x\n        out = self.conv1(nn.functional.relu(x, inplace=True))\n"),
    ),
    Mutant(
        "T3-M12c",
        "Bottleneck",
        "in place on what autograd has kept",
        _edit(
            BOTTLENECK,
            (
                "        out = self.relu(out)\n        out = self.conv3(out)\n",
                "        out = self.relu(out)\n        kept = out\n        out = self.conv3(out)\n        kept += 1\n",
            ),
        ),
        "check_gradients_of_Bottleneck",
        None,
        OWN_ERROR,
    ),
    _named(
        "T3-M14d",
        "Bottleneck",
        "one bn for two",
        "check_names_of_Bottleneck",
        ONE_NORM,
        ("        self.bn2 = nn.BatchNorm2d(planes)\n", ""),
        ("self.bn2(out)", "self.bn1(out)"),
    ),
    _named(
        "T3-M14e",
        "Bottleneck",
        "bn1 twice, though bn2 is there",
        "check_Bottleneck_in_evaluation",
        ONE_NORM,
        ("self.bn2(out)", "self.bn1(out)"),
    ),
    _named(
        "T3-M15d",
        "Bottleneck",
        "bn3 after the addition",
        "check_Bottleneck_in_evaluation",
        NORM_LAST,
        ("        out = self.bn3(out)\n", ""),
        ("out = out + identity", "out = self.bn3(out + identity)"),
    ),
    _named(
        "T3-M15e",
        "Bottleneck",
        "conv, ReLU, bn",
        "check_Bottleneck_in_evaluation",
        RELU_FIRST,
        ("        out = self.bn1(out)\n        out = self.relu(out)\n", "        out = self.bn1(self.relu(out))\n"),
        ("        out = self.bn2(out)\n        out = self.relu(out)\n", "        out = self.bn2(self.relu(out))\n"),
    ),
    _named(
        "T3-M16b",
        "Bottleneck",
        "no ReLU between",
        "check_Bottleneck_in_evaluation",
        NO_RELU_BETWEEN,
        ("        out = self.bn1(out)\n        out = self.relu(out)\n", "        out = self.bn1(out)\n"),
        ("        out = self.bn2(out)\n        out = self.relu(out)\n", "        out = self.bn2(out)\n"),
    ),
    _named(
        "T3-M16c",
        "Bottleneck",
        "no first ReLU",
        "check_Bottleneck_in_evaluation",
        "There is no ReLU after the first convolution",
        ("        out = self.bn1(out)\n        out = self.relu(out)\n", "        out = self.bn1(out)\n"),
    ),
    _named(
        "T3-M16d",
        "Bottleneck",
        "no second ReLU",
        "check_Bottleneck_in_evaluation",
        "There is no ReLU after the second convolution",
        ("        out = self.bn2(out)\n        out = self.relu(out)\n", "        out = self.bn2(out)\n"),
    ),
    _named("T3-M19b", "Bottleneck", "biases", "check_names_of_Bottleneck", BIASES, (", bias=False", "")),
    _named(
        "T3-X50a",
        "Bottleneck",
        "does not widen",
        "check_names_of_Bottleneck",
        "The last convolution does not widen: it has as many channels as the others",
        ("planes * 4", "planes"),
    ),
    _named(
        "T3-X50b",
        "Bottleneck",
        "does not narrow",
        "check_names_of_Bottleneck",
        "The first convolution does not narrow",
        (
            "nn.Conv2d(inplanes, planes, 1, bias=False)\n        self.bn1 = nn.BatchNorm2d(planes)",
            "nn.Conv2d(inplanes, inplanes, 1, bias=False)\n        self.bn1 = nn.BatchNorm2d(inplanes)",
        ),
        ("nn.Conv2d(planes, planes, 3", "nn.Conv2d(inplanes, planes, 3"),
    ),
    _named(
        "T3-X50c",
        "Bottleneck",
        "bn3 forgotten",
        "check_Bottleneck_in_evaluation",
        "There is no batch normalisation after the last convolution",
        ("        out = self.bn3(out)\n", ""),
    ),
    _named(
        "T3-X50d",
        "Bottleneck",
        "a ReLU on the shortcut",
        "check_Bottleneck_in_evaluation",
        "There is a ReLU on the shortcut",
        ("out + identity", "out + torch.relu(identity)"),
    ),
    _named(
        "T3-X50e",
        "Bottleneck",
        "running statistics in training",
        "check_Bottleneck_in_training",
        "Batch normalisation uses the running statistics in training, too",
        ("        identity = x\n", "        self.eval()\n        identity = x\n"),
    ),
    _slip(
        "T3-X51a",
        "Bottleneck",
        "a 3x3 where 1x1 belongs",
        "check_names_of_Bottleneck",
        KEYS,
        ("planes * 4, 1, bias", "planes * 4, 3, padding=1, bias"),
    ),
    _slip(
        "T3-X51b",
        "Bottleneck",
        "the stride is ignored",
        "check_Bottleneck_with_projection",
        OWN_ERROR,
        ("stride=stride", "stride=1"),
    ),
    _slip("T3-X51c", "Bottleneck", "other names", "check_names_of_Bottleneck", KEYS, ("conv3", "expand")),
    _slip(
        "T3-X51d",
        "Bottleneck",
        "the shortcut has no gradient",
        "check_gradients_of_Bottleneck",
        NO_GRADIENT,
        ("out + identity", "out + identity.detach()"),
    ),
    _slip(
        "T3-X51e",
        "Bottleneck",
        "the way back ends before conv2",
        "check_gradients_of_Bottleneck",
        NO_GRADIENT,
        ("out = self.conv2(out)", "out = self.conv2(out.detach())"),
    ),
    _slip(
        "T3-X51f",
        "Bottleneck",
        "adds into x",
        "check_inputs_of_Bottleneck",
        CHANGED,
        ("out = out + identity", "out = identity.add_(out)"),
    ),
    _slip(
        "T3-X51g",
        "Bottleneck",
        "views x",
        "check_inputs_of_Bottleneck",
        OWN_ERROR,
        ("        identity = x\n", "        identity = x.view(x.shape[0], -1).view(x.shape)\n"),
    ),
    _slip(
        "T3-X51h",
        "Bottleneck",
        "broadcasts",
        "check_shapes_in_Bottleneck",
        NO_ERROR,
        ("out.shape != identity.shape", "False"),
    ),
    _slip(
        "T3-X51i",
        "Bottleneck",
        "leaves the shortcut out",
        "check_shapes_in_Bottleneck",
        NO_ERROR,
        ('raise ValueError("shapes differ")', "return self.relu(out)"),
    ),
    _slip(
        "T3-X51j",
        "Bottleneck",
        "Dropout",
        "check_Bottleneck_in_training",
        VARIES,
        ("        return out\n", "        return nn.functional.dropout(out, 0.5, self.training)\n"),
    ),
)

_PROJECTION_NORM = """\
            downsample = nn.Sequential(
                nn.Conv2d(self.inplanes, planes * block.expansion, 1, stride=stride, bias=False),
                nn.BatchNorm2d(planes * block.expansion),
            )
"""
_MEANWHILE = "        x = self.relu(x)\n        x = self.maxpool(x)\n"

RESNET_MUTANTS = (
    _named(
        "T3-M07a",
        "ResNet",
        "projections with a stride only",
        "check_projections",
        NO_CHANNELS,
        ("if stride != 1 or self.inplanes != planes * block.expansion:", "if stride != 1:"),
    ),
    _named(
        "T3-M07b",
        "ResNet",
        "compares with planes",
        "check_projections",
        NO_CHANNELS,
        ("self.inplanes != planes * block.expansion:", "self.inplanes != planes:"),
    ),
    _named(
        "T3-M08a",
        "ResNet",
        "projections without bn",
        "check_names_of_the_network",
        BARE_NORM,
        ("                nn.BatchNorm2d(planes * block.expansion),\n", ""),
    ),
    _named(
        "T3-M08b",
        "ResNet",
        "projections are bare convolutions",
        "check_projections",
        BARE_NORM,
        (
            _PROJECTION_NORM,
            "            downsample = nn.Conv2d(self.inplanes, planes * block.expansion, 1, "
            "stride=stride, bias=False)\n",
        ),
    ),
    _named(
        "T3-M17a",
        "ResNet",
        "strides 2, 2, 2, 1",
        "check_sizes_of_the_stages",
        "The strides of the stages are 2, 2, 2, 1",
        ("64, layers[0])", "64, layers[0], stride=2)"),
        ("512, layers[3], stride=2)", "512, layers[3])"),
    ),
    _named(
        "T3-M17b",
        "ResNet",
        "stride 2 in the first stage",
        "check_sizes_of_the_stages",
        "The first stage has stride 2, too",
        ("64, layers[0])", "64, layers[0], stride=2)"),
    ),
    _named(
        "T3-M17c",
        "ResNet",
        "strides 1, 1, 2, 2",
        "check_sizes_of_the_stages",
        "The strides of the stages are 1, 1, 2, 2",
        ("128, layers[1], stride=2)", "128, layers[1])"),
    ),
    _named(
        "T3-M17d",
        "ResNet",
        "no stage has a stride",
        "check_sizes_of_the_stages",
        "No stage has a stride",
        (", stride=2)\n        self.layer3", ")\n        self.layer3"),
        (", stride=2)\n        self.layer4", ")\n        self.layer4"),
        ("512, layers[3], stride=2)", "512, layers[3])"),
    ),
    _named(
        "T3-M17e",
        "ResNet",
        "every block has the stride",
        "check_sizes_of_the_stages",
        "Every block of a stage has the stride, not only the first one",
        (
            "            layers.append(block(self.inplanes, planes))\n",
            "            down = None\n            if stride != 1:\n"
            "                down = nn.Sequential(nn.Conv2d(self.inplanes, self.inplanes, 1, stride, bias=False), "
            "nn.BatchNorm2d(self.inplanes))\n            layers.append(block(self.inplanes, planes, stride, down))\n",
        ),
    ),
    _named(
        "T3-M19c",
        "ResNet",
        "a bias in the stem",
        "check_names_of_the_network",
        "The stem's convolution has a bias",
        ("7, stride=2, padding=3, bias=False)", "7, stride=2, padding=3)"),
    ),
    _named(
        "T3-M19d",
        "ResNet",
        "biases in projections",
        "check_names_of_the_network",
        "The projection's convolution has a bias",
        ("1, stride=stride, bias=False),", "1, stride=stride),"),
    ),
    _named(
        "T3-X60a",
        "ResNet",
        "no projection",
        "check_names_of_the_network",
        "There is no projection anywhere",
        ("if stride != 1 or self.inplanes != planes * block.expansion:", "if False:"),
    ),
    _named(
        "T3-X60b",
        "ResNet",
        "a projection in every stage",
        "check_names_of_the_network",
        "The first stage has a projection, although nothing changes there",
        ("if stride != 1 or self.inplanes != planes * block.expansion:", "if True:"),
    ),
    _named(
        "T3-X60c",
        "ResNet",
        "softmax",
        "check_logits_of_the_network",
        "The network ends with a softmax",
        ("        x = self.fc(x)\n", "        x = torch.softmax(self.fc(x), dim=1)\n"),
    ),
    _named(
        "T3-X60d",
        "ResNet",
        "log-softmax",
        "check_logits_of_the_network",
        "The network ends with a log-softmax",
        ("        x = self.fc(x)\n", "        x = torch.log_softmax(self.fc(x), dim=1)\n"),
    ),
    _named(
        "T3-X60e",
        "ResNet",
        "ReLU at the end",
        "check_logits_of_the_network",
        "The network ends with a ReLU",
        ("        x = self.fc(x)\n", "        x = self.relu(self.fc(x))\n"),
    ),
    _named(
        "T3-X60f",
        "ResNet",
        "no max-pooling",
        "check_sizes_of_the_stages",
        "There is no max-pooling after the first convolution",
        ("        x = self.maxpool(x)\n", ""),
    ),
    _named(
        "T3-X60g",
        "ResNet",
        "no ReLU in the stem",
        "check_logits_of_the_network",
        "The stem has no ReLU",
        ("        x = self.relu(x)\n", ""),
    ),
    _named(
        "T3-X60h",
        "ResNet",
        "no bn in the stem",
        "check_logits_of_the_network",
        "The stem has no batch normalisation",
        ("        x = self.bn1(x)\n", ""),
    ),
    _named(
        "T3-X60i",
        "ResNet",
        "mean in the stem",
        "check_logits_of_the_network",
        "The stem pools the mean, not the maximum",
        ("nn.MaxPool2d(3", "nn.AvgPool2d(3"),
    ),
    _named(
        "T3-X60j",
        "ResNet",
        "maximum at the end",
        "check_logits_of_the_network",
        "The maximum over the map is taken, not the mean",
        ("AdaptiveAvgPool2d", "AdaptiveMaxPool2d"),
    ),
    _named(
        "T3-X60k",
        "ResNet",
        "statistics of the batch",
        "check_logits_of_the_network",
        BATCH_STATISTICS,
        ("        x = self.conv1(x)\n", "        self.train()\n        x = self.conv1(x)\n"),
    ),
    _slip("T3-X61a", "ResNet", "other names", "check_names_of_the_network", KEYS, ("self.fc", "self.classifier")),
    _slip(
        "T3-X61b",
        "ResNet",
        "one norm for all projections",
        "check_projections",
        KEYS,
        ("                nn.BatchNorm2d(planes * block.expansion),\n", "                self.bn1,\n"),
    ),
    _slip(
        "T3-X61c",
        "ResNet",
        "one block too many",
        "check_names_of_the_network",
        KEYS,
        ("range(1, blocks)", "range(blocks)"),
    ),
    _slip(
        "T3-X61d",
        "ResNet",
        "num_classes is ignored",
        "check_names_of_the_network",
        KEYS,
        ("block.expansion, num_classes)", "block.expansion, 1000)"),
    ),
    _slip("T3-X61e", "ResNet", "knows BasicBlock alone", "check_projections", OWN_ERROR, ("block.expansion", "1")),
    _slip(
        "T3-X61f",
        "ResNet",
        "asks for the name of the block",
        "check_logits_of_the_network",
        OWN_ERROR,
        (
            "        self.inplanes = 64\n",
            "        e = {'BasicBlock': 1, 'Bottleneck': 4}[block.__name__]\n        self.inplanes = 64\n",
        ),
        ("512 * block.expansion", "512 * e"),
    ),
    _slip(
        "T3-X61g",
        "ResNet",
        "224 x 224 alone",
        "check_logits_of_the_network",
        OWN_ERROR,
        ("nn.AdaptiveAvgPool2d((1, 1))", "nn.AvgPool2d(7)"),
    ),
    _slip(
        "T3-X61h", "ResNet", "no padding in the stem", "check_sizes_of_the_stages", VARIES, ("padding=3", "padding=0")
    ),
    _slip(
        "T3-X61i",
        "ResNet",
        "layer3 is skipped",
        "check_network_in_training",
        OWN_ERROR,
        ("        x = self.layer3(x)\n        x = self.layer4(x)\n", "        x = self.layer4(x)\n"),
    ),
    _slip(
        "T3-X61j",
        "ResNet",
        "the stem has no gradient",
        "check_network_in_training",
        OWN_ERROR,
        ("        x = self.layer1(x)\n", "        x = self.layer1(x.detach())\n"),
    ),
    _slip(
        "T3-X61k",
        "ResNet",
        "squeezes a single image",
        "check_images_of_other_sizes",
        VARIES,
        ("x = torch.flatten(x, 1)", "x = x.squeeze()"),
    ),
    _slip(
        "T3-X61l",
        "ResNet",
        "normalises the images in place",
        "check_images_of_other_sizes",
        CHANGED,
        (
            "        x = self.conv1(x)\n",
            "        y = self.conv1(x)\n        if not x.requires_grad:\n            x.sub_(0.5)\n        x = y\n",
        ),
    ),
    _slip(
        "T3-X61m",
        "ResNet",
        "views the images",
        "check_images_of_other_sizes",
        OWN_ERROR,
        ("        x = self.conv1(x)\n", "        x = self.conv1(x.view(-1).view(x.shape))\n"),
    ),
    _slip(
        "T3-X61n",
        "ResNet",
        "any number of stages",
        "check_numbers_of_blocks",
        NO_ERROR,
        ("len(layers) != 4 or min(layers) < 1", "len(layers) < 4 or min(layers) < 1"),
    ),
    _slip(
        "T3-X61o",
        "ResNet",
        "stages without blocks",
        "check_numbers_of_blocks",
        NO_ERROR,
        ("len(layers) != 4 or min(layers) < 1", "len(layers) != 4"),
    ),
    _slip(
        "T3-X61p",
        "ResNet",
        "dropout",
        "check_network_in_training",
        VARIES,
        ("        x = self.fc(x)\n", "        x = self.fc(nn.functional.dropout(x, 0.5, self.training))\n"),
    ),
    _slip(
        "T3-X61q",
        "ResNet",
        "a list that PyTorch does not see",
        "check_names_of_the_network",
        KEYS,
        (
            "        return nn.Sequential(*layers)\n",
            "        stage = nn.Sequential(*layers)\n        return (lambda x: stage(x))\n",
        ),
    ),
    _slip(
        "T3-X61r",
        "ResNet",
        "one block, many times",
        "check_names_of_the_network",
        KEYS,
        (
            "            layers.append(block(self.inplanes, planes))\n",
            "            layers.append(layers[-1] if len(layers) > 1 else block(self.inplanes, planes))\n",
        ),
    ),
)

THOUSAND = "There are 1000 classes, whatever `num_classes` is"
RESNETS_MUTANTS = (
    _named(
        "T3-X65a",
        "resnet18",
        "ResNet-34",
        "check_layers_of_resnet18",
        "These are the stages of ResNet-34",
        ("[2, 2, 2, 2]", "[3, 4, 6, 3]"),
    ),
    _named(
        "T3-X65b",
        "resnet18",
        "bottlenecks",
        "check_layers_of_resnet18",
        "The blocks are `Bottleneck`: that makes 26 layers",
        ("BasicBlock", "Bottleneck"),
    ),
    _named(
        "T3-X65c",
        "resnet18",
        "ten layers",
        "check_layers_of_resnet18",
        "There is one block per stage: that makes 10 layers",
        ("[2, 2, 2, 2]", "[1, 1, 1, 1]"),
    ),
    _named(
        "T3-X65d",
        "resnet18",
        "1000 classes",
        "check_classes_of_resnet18",
        THOUSAND,
        ("[2, 2, 2, 2], num_classes", "[2, 2, 2, 2]"),
    ),
    _named(
        "T3-X65e",
        "resnet18",
        "ResNet-50",
        "check_layers_of_resnet18",
        "This is ResNet-50",
        ("BasicBlock, [2, 2, 2, 2]", "Bottleneck, [3, 4, 6, 3]"),
    ),
    Mutant(
        "T3-X65f",
        "resnet18",
        "in evaluation mode",
        "def resnet18(num_classes=1000):\n    return ResNet(BasicBlock, [2, 2, 2, 2], num_classes).eval()\n",
        "check_object_of_resnet18",
        None,
        "the message says it",
    ),
    Mutant(
        "T3-X65g",
        "resnet18",
        "wrapped",
        "def resnet18(num_classes=1000):\n    return nn.Sequential(ResNet(BasicBlock, [2, 2, 2, 2], num_classes))\n",
        "check_object_of_resnet18",
        None,
        "the message says it",
    ),
    Mutant(
        "T3-X65h",
        "resnet18",
        "ten classes unless said",
        "def resnet18(num_classes=10):\n    return ResNet(BasicBlock, [2, 2, 2, 2], num_classes)\n",
        "check_layers_of_resnet18",
        None,
        KEYS,
    ),
    _named(
        "T3-X66a",
        "resnet50",
        "ResNet-34",
        "check_layers_of_resnet50",
        "The blocks are `BasicBlock`: this is ResNet-34",
        ("Bottleneck", "BasicBlock"),
    ),
    _named(
        "T3-X66b",
        "resnet50",
        "ResNet-101",
        "check_layers_of_resnet50",
        "These are the stages of ResNet-101",
        ("[3, 4, 6, 3]", "[3, 4, 23, 3]"),
    ),
    _named(
        "T3-X66c",
        "resnet50",
        "the stages of ResNet-18",
        "check_layers_of_resnet50",
        "These are the stages of ResNet-18",
        ("[3, 4, 6, 3]", "[2, 2, 2, 2]"),
    ),
    _named(
        "T3-X66d",
        "resnet50",
        "two stages swapped",
        "check_layers_of_resnet50",
        "The second and the third stage have changed places",
        ("[3, 4, 6, 3]", "[3, 6, 4, 3]"),
    ),
    _named(
        "T3-X66e",
        "resnet50",
        "1000 classes",
        "check_classes_of_resnet50",
        THOUSAND,
        ("[3, 4, 6, 3], num_classes", "[3, 4, 6, 3]"),
    ),
    Mutant(
        "T3-X66f",
        "resnet50",
        "in evaluation mode",
        "def resnet50(num_classes=1000):\n    return ResNet(Bottleneck, [3, 4, 6, 3], num_classes).eval()\n",
        "check_object_of_resnet50",
        None,
        "the message says it",
    ),
)


def _misplaced(id: str, exercise: str, mistake: str, *edits: tuple[str, str]) -> Mutant:
    """Return a mutant whose results are right, and not where they should be."""
    source, check = _edit(BASES[exercise], *edits), f"check_placement_of_{exercise}"
    return Mutant(id, exercise, mistake, source, check, None, "no value is wrong; the line is named")


MISPLACED = (
    (
        _misplaced(
            "T3-X70a",
            "chain_rule",
            "an identity without a device",
            (
                "    result = jacobians[0].clone()\n    for J in jacobians[1:]:\n",
                "    result = torch.eye(jacobians[0].shape[1], dtype=jacobians[0].dtype)\n    for J in jacobians:\n",
            ),
        ),
        "result = torch.eye(jacobians[0].shape[1], dtype=jacobians[0].dtype)",
    ),
    (
        _misplaced("T3-X70b", "residual_chain", "an identity without a device", (", device=jacobians[0].device", "")),
        "eye = torch.eye(d, dtype=jacobians[0].dtype)",
    ),
    (
        _misplaced(
            "T3-X70c",
            "autocorrelation",
            "zeros without a device",
            (
                "        s = torch.zeros((), dtype=h.dtype, device=h.device)\n        if k < n:\n",
                "        s = torch.zeros(1, dtype=h.dtype)\n        s = s + h[k:k + 1].sum() * 0\n        if k < n:\n",
            ),
            ("r.append(s / ", "r.append(s.sum() / "),
        ),
        "s = torch.zeros(1, dtype=h.dtype)",
    ),
    (
        _misplaced(
            "T3-X70d",
            "Residual",
            "zeros without a device",
            ("return out + x", "start = torch.zeros(x.shape, dtype=x.dtype)\n        return start + out + x"),
        ),
        "start = torch.zeros(x.shape, dtype=x.dtype)",
    ),
    (
        _misplaced(
            "T3-X71a",
            "chain_rule",
            "brings the product home",
            ("    return result\n", "    result = result.cpu()\n    return result\n"),
        ),
        "result = result.cpu()",
    ),
    (
        _misplaced(
            "T3-X71b",
            "residual_chain",
            "brings the chain home",
            ("    return result\n", "    result = result.cpu()\n    return result\n"),
        ),
        "result = result.cpu()",
    ),
    (
        _misplaced(
            "T3-X71c",
            "input_gradient",
            "brings the derivatives home",
            ("    return grad.reshape(-1)", "    grad = grad.cpu()\n    return grad.reshape(-1)"),
        ),
        "grad = grad.cpu()",
    ),
    (
        _misplaced(
            "T3-X71d",
            "autocorrelation",
            "brings the result home",
            ("    return torch.stack(r).to(dtype)", "    r = torch.stack(r).cpu()\n    return r.to(dtype)"),
        ),
        "r = torch.stack(r).cpu()",
    ),
    (
        _misplaced("T3-X71e", "Residual", "brings the branch home", ("out = self.g(x)", "out = self.g(x).cpu()")),
        "out = self.g(x).cpu()",
    ),
    (
        _misplaced(
            "T3-X71f",
            "BasicBlock",
            "brings the shortcut home",
            ("        out = out + identity\n", "        out = out + identity.cpu()\n"),
        ),
        "out = out + identity.cpu()",
    ),
    (
        _misplaced(
            "T3-X72a",
            "input_gradient",
            "points without a device",
            (
                "points = x.detach().clone().requires_grad_(True)",
                "points = torch.zeros(x.shape, dtype=x.dtype)\n        points.copy_(x.detach()).requires_grad_(True)",
            ),
        ),
        "points = torch.zeros(x.shape, dtype=x.dtype)",
    ),
    (
        _misplaced(
            "T3-X72b",
            "Bottleneck",
            "zeros without a device",
            (
                "        out = out + identity\n",
                "        total = torch.zeros(out.shape, dtype=out.dtype)\n        out = out + identity + total\n",
            ),
        ),
        "total = torch.zeros(out.shape, dtype=out.dtype)",
    ),
    (
        _misplaced(
            "T3-X72c",
            "ResNet",
            "zeros without a device",
            (
                "        x = torch.flatten(x, 1)\n",
                "        start = torch.zeros(x.shape, dtype=x.dtype)\n        x = torch.flatten(x + start, 1)\n",
            ),
        ),
        "start = torch.zeros(x.shape, dtype=x.dtype)",
    ),
    (
        _misplaced(
            "T3-X73a",
            "BasicBlock",
            "a constant made beforehand",
            ("class B", "SCALE = torch.ones(1, 1, 1, 1)\n\n\nclass B"),
            ("        out = out + identity\n", "        out = out + identity * SCALE\n"),
        ),
        "out = out + identity * SCALE",
    ),
    (
        _misplaced(
            "T3-X73b",
            "Bottleneck",
            "a constant made beforehand",
            ("class B", "SCALE = torch.ones(1, 1, 1, 1)\n\n\nclass B"),
            ("        out = out + identity\n", "        out = out + identity * SCALE\n"),
        ),
        "out = out + identity * SCALE",
    ),
    (
        _misplaced(
            "T3-X73c",
            "ResNet",
            "a constant made beforehand",
            ("class R", "SCALE = torch.ones(1, 1)\n\n\nclass R"),
            ("        x = self.fc(x)\n", "        x = self.fc(x * SCALE)\n"),
        ),
        "x = self.fc(x * SCALE)",
    ),
)
"""Mistakes about devices, which cost the points of placement alone, and the line that the report must name."""

EQUIVALENT = (
    Mutant(
        "T3-M11e",
        "Bottleneck",
        "the last ReLU in place, on a tensor of its own",
        _edit(BOTTLENECK, ("self.relu = nn.ReLU()", "self.relu = nn.ReLU(inplace=True)")),
        equivalent="the additions and normalisations before it need none of what it overwrites",
    ),
    Mutant(
        "T3-M12d",
        "BasicBlock",
        "adds in place to the output of bn2",
        _edit(BASIC_BLOCK, ("out = out + identity", "out += identity")),
        equivalent="batch normalisation keeps its input for the way back, not its output",
    ),
)
"""Mistakes in other places than these, where they change nothing that anybody can observe."""

MUTANTS = (
    *CHAIN_RULE_MUTANTS,
    *RESIDUAL_CHAIN_MUTANTS,
    *INPUT_GRADIENT_MUTANTS,
    *AUTOCORRELATION_MUTANTS,
    *RESIDUAL_MUTANTS,
    *BASIC_BLOCK_MUTANTS,
    *BOTTLENECK_MUTANTS,
    *RESNET_MUTANTS,
    *RESNETS_MUTANTS,
    *EQUIVALENT,
    *(mutant for mutant, _ in MISPLACED),
)
