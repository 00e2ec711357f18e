"""Correct solutions of the topic *architectures* in other styles, each of which must earn all points.

What the stub's docstring leaves open is free: closed forms or layers that are built and asked, functions or modules
where there are no parameters, ``flatten`` or ``reshape``, widths that are written down or computed, any optimizer.
"""

from __future__ import annotations

from tests.graders.mutants_architectures import ALEXNET, BASES, CONV, COUNT, FIELD, LENET, TRAIN, VGG, _edit
from tests.graders.proof import Alternative

_PLAIN = tuple(Alternative("plain", exercise, source) for exercise, source in BASES.items())

_NUMBERS = (
    Alternative(
        "counts the places one by one unless there are many",
        "conv2d_output_size",
        """\
def conv2d_output_size(n, kernel_size, stride=1, padding=0, dilation=1):
    if any(type(v) is not int for v in (n, kernel_size, stride, padding, dilation)):
        raise TypeError("ints")
    if min(n, kernel_size, stride, dilation) <= 0 or padding < 0:
        raise ValueError("bounds")
    last = n + 2 * padding - dilation * (kernel_size - 1) - 1
    if last < 0:
        raise ValueError("kernel")
    if last < 1000:
        return len(range(0, last + 1, stride))
    return last // stride + 1
""",
    ),
    Alternative(
        "asks the layer on the meta device where a layer can be that large",
        "conv2d_output_size",
        """\
def conv2d_output_size(n, kernel_size, stride=1, padding=0, dilation=1):
    assert_ints(n, kernel_size, stride, padding, dilation)
    if n < 1 or kernel_size < 1 or stride < 1 or dilation < 1 or padding < 0:
        raise ValueError("bounds")
    if n > 10_000:
        return (n + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1
    layer = nn.Conv2d(1, 1, kernel_size, stride, padding, dilation, device="meta")
    return layer(torch.empty(1, 1, n, n, device="meta")).shape[-1]


def assert_ints(*values):
    for v in values:
        if not isinstance(v, int):
            raise ValueError(f"{v} is no int")
""",
    ),
    Alternative(
        "divmod",
        "conv2d_output_size",
        _edit(
            CONV,
            (
                "    return (total - extent) // stride + 1",
                "    steps, rest = divmod(total - extent, stride)\n    assert 0 <= rest < stride\n    return steps + 1",
            ),
        ),
    ),
    Alternative(
        "with the sizes of convolutions",
        "pool2d_output_size",
        """\
def pool2d_output_size(n, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    s = kernel_size if stride is None else stride
    floor = conv2d_output_size(n, kernel_size, s, padding, dilation)
    if 2 * padding > kernel_size:
        raise ValueError("padding")
    if not ceil_mode:
        return floor
    rest = (n + 2 * padding - dilation * (kernel_size - 1) - 1) % s
    return floor + (1 if rest and floor * s < n + padding else 0)
""",
    ),
    Alternative(
        "a negative quotient for the ceiling",
        "pool2d_output_size",
        """\
def pool2d_output_size(n, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    stride = kernel_size if stride is None else stride
    if not all(isinstance(v, int) for v in [n, kernel_size, stride, padding, dilation]):
        raise TypeError()
    if n <= 0 or kernel_size <= 0 or stride <= 0 or dilation <= 0 or not 0 <= 2 * padding <= kernel_size:
        raise ValueError()
    a = n + 2 * padding - dilation * (kernel_size - 1) - 1
    if a < 0:
        raise ValueError()
    out = (-(-a // stride) if ceil_mode else a // stride) + 1
    while ceil_mode and (out - 1) * stride >= n + padding:
        out -= 1
    return out
""",
    ),
    Alternative(
        "from the first to the last painted pixel",
        "conv_transpose2d_output_size",
        """\
def conv_transpose2d_output_size(n, kernel_size, stride=1, padding=0, output_padding=0, dilation=1):
    numbers = dict(n=n, kernel_size=kernel_size, stride=stride, dilation=dilation)
    for name, value in numbers.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name}: {value}")
    for value in (padding, output_padding):
        if not isinstance(value, int) or value < 0:
            raise ValueError(value)
    if not (output_padding < stride or output_padding < dilation):
        raise ValueError(output_padding)
    first, last = padding, stride * (n - 1) + dilation * (kernel_size - 1) - padding
    out = last - first + 1 + output_padding
    if out <= 0:
        raise ValueError(out)
    return out
""",
    ),
    Alternative(
        "builds the layer unless it is large",
        "conv2d_num_params",
        """\
def conv2d_num_params(in_channels, out_channels, kernel_size, bias=True, groups=1):
    if min(in_channels, out_channels, kernel_size, groups) < 1:
        raise ValueError("bounds")
    if any(isinstance(v, float) for v in (in_channels, out_channels, kernel_size, groups)):
        raise ValueError("ints")
    if in_channels > 10**6:
        if in_channels % groups or out_channels % groups:
            raise ValueError("groups")
        return out_channels * (in_channels // groups * kernel_size**2 + bool(bias))
    layer = nn.Conv2d(in_channels, out_channels, kernel_size, bias=bias, groups=groups, device="meta")
    return sum(p.numel() for p in layer.parameters())
""",
    ),
    Alternative(
        "one line",
        "linear_num_params",
        """\
def linear_num_params(in_features, out_features, bias=True):
    return conv2d_num_params(in_features, out_features, 1, bias)
""",
    ),
    Alternative(
        "one expression",
        "count_parameters",
        "def count_parameters(module, trainable_only=False):\n"
        "    return sum(p.numel() for p in module.parameters() if p.requires_grad >= trainable_only)\n",
    ),
    Alternative(
        "products of shapes, each parameter once by its identity",
        "count_parameters",
        """\
def count_parameters(module, trainable_only=False):
    seen = {}
    for m in module.modules():
        for p in m.parameters(recurse=False):
            if p.requires_grad or not trainable_only:
                seen[id(p)] = math.prod(p.shape)
    return sum(seen.values())
""",
    ),
    Alternative(
        "a filter and a set",
        "count_parameters",
        _edit(
            COUNT,
            ("    for p in module.parameters():\n", "    for p in set(module.parameters()):\n"),
            ("p.numel()", "int(torch.tensor(list(p.shape), dtype=torch.int64).prod())"),
        ),
    ),
    Alternative(
        "from the last layer back",
        "receptive_field",
        """\
def receptive_field(layers):
    r = 1
    for layer in reversed(layers):
        kernel_size, stride = layer
        if not (isinstance(kernel_size, int) and isinstance(stride, int)) or kernel_size < 1 or stride < 1:
            raise ValueError(layer)
        r = (r - 1) * stride + kernel_size
    return r
""",
    ),
    Alternative(
        "the sum of the formula",
        "receptive_field",
        """\
def receptive_field(layers):
    if any(len(pair) != 2 or min(pair) < 1 or {type(v) for v in pair} != {int} for pair in layers):
        raise ValueError("pairs of positive ints")
    strides = [s for _, s in layers]
    return 1 + sum((k - 1) * math.prod(strides[:i]) for i, (k, _) in enumerate(layers))
""",
    ),
    Alternative(
        "tracks the first and the last pixel",
        "receptive_field",
        _edit(
            FIELD,
            (
                "    r = 1\n    jump = 1\n    for k, s in layers:\n        r = r + (k - 1) * jump\n"
                "        jump = jump * s\n    return r\n",
                "    first = last = 0\n    for k, s in list(layers)[::-1]:\n        first = first * s\n"
                "        last = last * s + (k - 1)\n    return last - first + 1\n",
            ),
        ),
    ),
)

_NETS = (
    Alternative(
        "modules throughout, and the old super",
        "LeNet5",
        _edit(
            LENET,
            ("super().__init__()", "super(LeNet5, self).__init__()"),
            (
                "self.pool = nn.AvgPool2d(2)",
                "self.pool, self.act, self.flat = nn.AvgPool2d(2), nn.Tanh(), nn.Flatten()",
            ),
            ("torch.tanh(", "self.act("),
            ("torch.flatten(x, 1)", "self.flat(x)"),
        ),
    ),
    Alternative(
        "functions throughout, and reshape",
        "LeNet5",
        _edit(
            LENET,
            ("        self.pool = nn.AvgPool2d(2)\n", ""),
            (
                "self.pool(torch.tanh(self.conv1(x)))",
                "nn.functional.avg_pool2d(nn.functional.tanh(self.conv1(x)), 2, 2)",
            ),
            (
                "self.pool(torch.tanh(self.conv2(x)))",
                "self.conv2(x).tanh_().unfold(2, 2, 2).unfold(3, 2, 2).mean((-1, -2))",
            ),
            ("torch.flatten(x, 1)", "x.reshape(-1, 16 * 5 * 5)"),
        ),
    ),
    Alternative(
        "layers with padding and size in other spellings",
        "LeNet5",
        _edit(
            LENET,
            ("nn.Conv2d(in_channels, 6, 5)", 'nn.Conv2d(in_channels, 6, kernel_size=(5, 5), padding="valid")'),
            ("nn.AvgPool2d(2)", "nn.AdaptiveAvgPool2d(None)"),
            (
                "self.pool(torch.tanh(self.conv1(x)))",
                "nn.functional.adaptive_avg_pool2d(torch.tanh(self.conv1(x)), 14)",
            ),
            ("self.pool(torch.tanh(self.conv2(x)))", "nn.functional.adaptive_avg_pool2d(torch.tanh(self.conv2(x)), 5)"),
        ),
    ),
    Alternative(
        "the error is PyTorch's where there is one",
        "LeNet5",
        _edit(
            LENET,
            (
                "x.dim() != 4 or tuple(x.shape[1:]) != (self.in_channels, 32, 32)",
                "x.dim() != 4 or x.shape[-1] != 32 or x.shape[-2] != 32",
            ),
        ),
    ),
    Alternative(
        "written-down widths and x.size",
        "AlexNet",
        _edit(ALEXNET, ("x = torch.flatten(x, 1)", "x = x.reshape(x.size(0), 256 * 6 * 6)")),
    ),
    Alternative(
        "as torchvision writes it, without in-place",
        "AlexNet",
        _edit(ALEXNET, ("nn.ReLU(inplace=True)", "nn.ReLU()"), ("nn.Dropout(p=dropout)", "nn.Dropout(dropout)")),
    ),
    Alternative(
        "a loop over a table",
        "AlexNet",
        """\
class AlexNet(nn.Module):
    def __init__(self, num_classes=1000, dropout=0.5):
        if not (isinstance(num_classes, int) and num_classes > 0 and 0.0 <= dropout <= 1.0):
            raise ValueError("arguments")
        super().__init__()
        self.dropout = dropout
        table = [(3, 64, 11, 4, 2, True), (64, 192, 5, 1, 2, True), (192, 384, 3, 1, 1, False),
                 (384, 256, 3, 1, 1, False), (256, 256, 3, 1, 1, True)]
        self.features = nn.Sequential()
        for c_in, c_out, k, s, p, pooled in table:
            self.features.append(nn.Conv2d(c_in, c_out, k, s, p)).append(nn.ReLU())
            if pooled:
                self.features.append(nn.MaxPool2d(3, 2))
        self.classifier = nn.ModuleDict(
            {"1": nn.Linear(9216, 4096), "4": nn.Linear(4096, 4096), "6": nn.Linear(4096, num_classes)}
        )

    def forward(self, x):
        if x.ndim != 4 or x.shape[1] != 3 or min(x.shape[-2:]) < 63:
            raise ValueError("images")
        F = nn.functional
        x = F.adaptive_avg_pool2d(self.features(x), 6).flatten(1)
        x = F.relu(self.classifier["1"](F.dropout(x, self.dropout, self.training)))
        x = F.relu(self.classifier["4"](F.dropout(x, self.dropout, self.training)))
        return self.classifier["6"](x)
""",
    ),
    Alternative(
        "layer by layer, in other words",
        "AlexNet",
        _edit(
            ALEXNET,
            ("        x = self.features(x)\n", "        for layer in self.features:\n            x = layer(x)\n"),
            ("        x = self.classifier(x)\n", "        for layer in self.classifier:\n            x = layer(x)\n"),
        ),
    ),
    Alternative(
        "groups that are written out",
        "VGG16",
        """\
def vgg_block(c_in, c_out, depth):
    layers = []
    for i in range(depth):
        layers.append(nn.Conv2d(c_in if i == 0 else c_out, c_out, (3, 3), padding="same"))
        layers.append(nn.ReLU())
    return [*layers, nn.MaxPool2d(2)]


class VGG16(nn.Module):
    def __init__(self, num_classes=1000, dropout=0.5):
        super().__init__()
        assert_ok(num_classes, dropout)
        self.features = nn.Sequential(
            *vgg_block(3, 64, 2), *vgg_block(64, 128, 2), *vgg_block(128, 256, 3), *vgg_block(256, 512, 3),
            *vgg_block(512, 512, 3),
        )
        self.classifier = nn.Sequential(
            nn.Linear(25088, 4096), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(dropout),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x):
        if x.dim() != 4 or x.shape[1] != 3 or x.shape[2] < 32 or x.shape[3] < 32:
            raise ValueError(x.shape)
        maps = nn.functional.adaptive_avg_pool2d(self.features(x), (7, 7))
        return self.classifier(maps.reshape(len(x), -1))


def assert_ok(num_classes, dropout):
    if type(num_classes) is not int or num_classes < 1:
        raise TypeError("classes")
    if not 0 <= dropout <= 1:
        raise ValueError("dropout")
""",
    ),
    Alternative(
        "written-down widths",
        "VGG16",
        _edit(VGG, ("x = torch.flatten(x, 1)", "x = x.contiguous().view(-1, 512 * 7 * 7)")),
    ),
    Alternative(
        "functions in the place of ReLU and dropout",
        "VGG16",
        _edit(
            VGG,
            ("nn.ReLU(True)", "nn.Identity()"),
            ("nn.Dropout(p=dropout)", "nn.Identity()"),
            ("        self.avgpool =", "        self.p = dropout\n        self.avgpool ="),
            (
                "        x = self.classifier(x)\n",
                "        for i in (0, 3):\n            x = nn.functional.relu(self.classifier[i](x))\n"
                "            x = nn.functional.dropout(x, self.p, training=self.training)\n"
                "        x = self.classifier[6](x)\n",
            ),
        ),
    ),
)

_TRAINING = (
    Alternative(
        "SGD with momentum",
        "train_lenet",
        _edit(
            TRAIN,
            (
                "torch.optim.Adam(net.parameters(), lr=0.002)",
                "torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)",
            ),
            ("range(12)", "range(20)"),
        ),
    ),
    Alternative(
        "a schedule, weight decay and a data loader",
        "train_lenet",
        """\
from torch.utils.data import DataLoader, TensorDataset


def train_lenet(images, labels, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = LeNet5().to(images.device)
        loader = DataLoader(TensorDataset(images, labels.to(torch.int64)), batch_size=50, shuffle=True)
        optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=1e-2)
        epochs = 15
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=6e-3, total_steps=epochs * len(loader))
        for _ in range(epochs):
            for x, y in loader:
                optimizer.zero_grad(set_to_none=True)
                nn.CrossEntropyLoss(label_smoothing=0.05)(net(x), y).backward()
                optimizer.step()
                schedule.step()
    return net.eval()
""",
    ),
    Alternative(
        "steps by hand, a generator, and random shifts of the images",
        "train_lenet",
        """\
def train_lenet(images, labels, seed=0):
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    net = LeNet5().to(device=images.device)
    torch.random.set_rng_state(state)
    g = torch.Generator().manual_seed(seed + 1)
    params = list(net.parameters())
    velocity = [torch.zeros_like(p) for p in params]
    y = labels.to(torch.int64)
    for step in range(400):
        i = torch.randint(len(images), (64,), generator=g).to(images.device)
        dx, dy = (torch.randint(-1, 2, (2,), generator=g)).tolist()
        batch = torch.roll(images[i], (dx, dy), dims=(2, 3))
        log_p = net(batch).log_softmax(dim=1)
        loss = -log_p.gather(1, y[i][:, None]).mean()
        grads = torch.autograd.grad(loss, params)
        with torch.no_grad():
            for p, v, d in zip(params, velocity, grads):
                v.mul_(0.9).add_(d)
                p.sub_(0.06 * v)
    net.eval()
    return net
""",
    ),
    Alternative(
        "holds back a tenth, and keeps the best weights",
        "train_lenet",
        """\
import copy


def train_lenet(images, labels, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = LeNet5()
        net = net.to(images.device)
        order = torch.randperm(len(images), device="cpu").to(images.device)
        held, used = order[: len(order) // 10], order[len(order) // 10 :]
        labels = labels.long()
        optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-3)
        best, weights = -1.0, None
        for epoch in range(14):
            net.train()
            for index in used[torch.randperm(len(used)).to(used.device)].chunk(20):
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(images[index]), labels[index]).backward()
                optimizer.step()
            net.eval()
            with torch.no_grad():
                share = (net(images[held]).argmax(dim=1) == labels[held]).float().mean().item()
            if share >= best:
                best, weights = share, copy.deepcopy(net.state_dict())
        net.load_state_dict(weights)
    return net
""",
    ),
)

ALTERNATIVES = (*_PLAIN, *_NUMBERS, *_NETS, *_TRAINING)
