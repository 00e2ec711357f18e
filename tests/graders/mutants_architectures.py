"""Mutants of the topic *architectures*: each has one mistake of the misconception bank, in a student's own words.

Most are an edit of one of eleven small correct sources, so that the mistake can be seen; where the mistake is another
computation, the source is written out. They share no code with ``tests/hidden``.
"""

from __future__ import annotations

from tests.graders.proof import Mutant

SLOW = ("train_lenet",)

CONV = """\
def conv2d_output_size(n, kernel_size, stride=1, padding=0, dilation=1):
    for value in (n, kernel_size, stride, padding, dilation):
        if not isinstance(value, int):
            raise ValueError("ints only")
    if n < 1 or kernel_size < 1 or stride < 1 or dilation < 1 or padding < 0:
        raise ValueError("out of range")
    total = n + 2 * padding
    extent = dilation * (kernel_size - 1) + 1
    if extent > total:
        raise ValueError("the kernel does not fit")
    return (total - extent) // stride + 1
"""

POOL = """\
def pool2d_output_size(n, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    if stride is None:
        stride = kernel_size
    for value in (n, kernel_size, stride, padding, dilation):
        if not isinstance(value, int):
            raise ValueError("ints only")
    if n < 1 or kernel_size < 1 or stride < 1 or dilation < 1 or padding < 0:
        raise ValueError("out of range")
    if padding * 2 > kernel_size:
        raise ValueError("too much padding")
    total = n + 2 * padding
    extent = dilation * (kernel_size - 1) + 1
    if extent > total:
        raise ValueError("the window does not fit")
    if ceil_mode:
        size = (total - extent + stride - 1) // stride + 1
        if (size - 1) * stride >= n + padding:
            size -= 1
    else:
        size = (total - extent) // stride + 1
    return size
"""

TRANSPOSED = """\
def conv_transpose2d_output_size(n, kernel_size, stride=1, padding=0, output_padding=0, dilation=1):
    for value in (n, kernel_size, stride, padding, output_padding, dilation):
        if not isinstance(value, int):
            raise ValueError("ints only")
    if n < 1 or kernel_size < 1 or stride < 1 or dilation < 1 or padding < 0 or output_padding < 0:
        raise ValueError("out of range")
    if output_padding >= max(stride, dilation):
        raise ValueError("too much output padding")
    size = (n - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1
    if size < 1:
        raise ValueError("nothing is left")
    return size
"""

PARAMS = """\
def conv2d_num_params(in_channels, out_channels, kernel_size, bias=True, groups=1):
    for value in (in_channels, out_channels, kernel_size, groups):
        if not isinstance(value, int) or value < 1:
            raise ValueError("positive ints only")
    if in_channels % groups != 0 or out_channels % groups != 0:
        raise ValueError("groups do not divide the channels")
    weights = out_channels * (in_channels // groups) * kernel_size * kernel_size
    biases = out_channels if bias else 0
    return weights + biases
"""

LINEAR = """\
def linear_num_params(in_features, out_features, bias=True):
    for value in (in_features, out_features):
        if not isinstance(value, int) or value < 1:
            raise ValueError("positive ints only")
    weights = in_features * out_features
    biases = out_features if bias else 0
    return weights + biases
"""

COUNT = """\
def count_parameters(module, trainable_only=False):
    total = 0
    for p in module.parameters():
        if trainable_only and not p.requires_grad:
            continue
        total += p.numel()
    return total
"""

FIELD = """\
def receptive_field(layers):
    for layer in layers:
        if len(layer) != 2:
            raise ValueError("pairs only")
        for value in layer:
            if not isinstance(value, int) or value < 1:
                raise ValueError("positive ints only")
    r = 1
    jump = 1
    for k, s in layers:
        r = r + (k - 1) * jump
        jump = jump * s
    return r
"""

LENET = """\
class LeNet5(nn.Module):
    def __init__(self, in_channels=1, num_classes=10):
        super().__init__()
        if not isinstance(in_channels, int) or in_channels < 1:
            raise ValueError("channels")
        if not isinstance(num_classes, int) or num_classes < 1:
            raise ValueError("classes")
        self.in_channels = in_channels
        self.conv1 = nn.Conv2d(in_channels, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)
        self.pool = nn.AvgPool2d(2)

    def forward(self, x):
        if x.dim() != 4 or tuple(x.shape[1:]) != (self.in_channels, 32, 32):
            raise ValueError("wrong shape")
        x = self.pool(torch.tanh(self.conv1(x)))
        x = self.pool(torch.tanh(self.conv2(x)))
        x = torch.flatten(x, 1)
        x = torch.tanh(self.fc1(x))
        x = torch.tanh(self.fc2(x))
        return self.fc3(x)
"""

ALEXNET = """\
class AlexNet(nn.Module):
    def __init__(self, num_classes=1000, dropout=0.5):
        super().__init__()
        if not isinstance(num_classes, int) or num_classes < 1:
            raise ValueError("classes")
        if dropout < 0 or dropout > 1:
            raise ValueError("dropout")
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(64, 192, kernel_size=5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(192, 384, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x):
        if x.dim() != 4 or x.size(1) != 3 or x.size(2) < 63 or x.size(3) < 63:
            raise ValueError("wrong shape")
        x = self.features(x)
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        x = self.classifier(x)
        return x
"""

VGG = """\
class VGG16(nn.Module):
    CFG = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]

    def __init__(self, num_classes=1000, dropout=0.5):
        super().__init__()
        if not isinstance(num_classes, int) or num_classes < 1:
            raise ValueError("classes")
        if dropout < 0 or dropout > 1:
            raise ValueError("dropout")
        layers = []
        channels = 3
        for v in self.CFG:
            if v == "M":
                layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
            else:
                layers.append(nn.Conv2d(channels, v, kernel_size=3, padding=1))
                layers.append(nn.ReLU(inplace=True))
                channels = v
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x):
        if x.dim() != 4 or x.size(1) != 3 or x.size(2) < 32 or x.size(3) < 32:
            raise ValueError("wrong shape")
        x = self.features(x)
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        x = self.classifier(x)
        return x
"""

TRAIN = """\
def train_lenet(images, labels, seed=0):
    before = torch.get_rng_state()
    torch.manual_seed(seed)
    net = LeNet5()
    net.to(images.device)
    net.train()
    target = labels.long()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.002)
    for epoch in range(12):
        order = torch.randperm(len(images))
        for i in range(0, len(images), 32):
            index = order[i : i + 32].to(images.device)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(images[index]), target[index])
            loss.backward()
            optimizer.step()
    torch.set_rng_state(before)
    net.eval()
    return net
"""

BASES = {
    "conv2d_output_size": CONV,
    "pool2d_output_size": POOL,
    "conv_transpose2d_output_size": TRANSPOSED,
    "conv2d_num_params": PARAMS,
    "linear_num_params": LINEAR,
    "count_parameters": COUNT,
    "receptive_field": FIELD,
    "LeNet5": LENET,
    "AlexNet": ALEXNET,
    "VGG16": VGG,
    "train_lenet": TRAIN,
}
"""Correct sources; they earn all points themselves."""


def _edit(source: str, *edits: tuple[str, str]) -> str:
    """Return ``source`` with each ``(old, new)`` replaced; ``old`` has to be there."""
    for old, new in edits:
        if old not in source:
            raise ValueError(f"nothing to replace: {old!r}")
        source = source.replace(old, new)
    return source


def _mutant(
    id: str, exercise: str, mistake: str, edits: tuple[tuple[str, str], ...], check: str, named: str | None, reason: str
) -> Mutant:
    """Return the plain source of an exercise with ``edits``."""
    return Mutant(id, exercise, mistake, _edit(BASES[exercise], *edits), check, named, reason)


NO_ERROR = "there is no output to compare: an error is missing"
OWN_ERROR = "there is no output to compare: an error is raised"
TYPE = "the value is right; the message says which type came"
SHAPE = "the message says which parameter is missing or has another shape"
CHANGED = "the result is right; the message says what was changed"
CHANCE = "what it returns is left to chance"
TRAINED = "the weights of a training run cannot be foretold; the message says what the net does not reach"

UP = "The quotient is rounded up (Caffe's pooling does so, PyTorch rounds down)"
LEFT = "The quotient is not rounded"
ONCE = "The padding is counted once, but it is added on both sides"
FIRST_PLACE = "The + 1 is lost: the first place of the kernel counts, too"
NO_BIAS = "Biases are not counted"

_RETURN = "return (total - extent) // stride + 1"
_OUT_OF_RANGE = """\
    if n < 1 or kernel_size < 1 or stride < 1 or dilation < 1 or padding < 0:
        raise ValueError("out of range")
"""
_INTS = """\
    for value in (n, kernel_size, stride, padding, dilation):
        if not isinstance(value, int):
            raise ValueError("ints only")
"""
_NO_FIT = '    if extent > total:\n        raise ValueError("the kernel does not fit")\n'
_NO_WINDOW = '    if extent > total:\n        raise ValueError("the window does not fit")\n'
_KERNEL = "extent = dilation * (kernel_size - 1) + 1"

_Row = tuple[str, str, tuple[tuple[str, str], ...], str, str | None, str]


def _rows(exercise: str, *rows: _Row) -> tuple[Mutant, ...]:
    """Return the mutants of an exercise: ``(id, mistake, edits, check, named, reason)``."""
    return tuple(
        _mutant(id, exercise, mistake, edits, check, named, reason) for id, mistake, edits, check, named, reason in rows
    )


CONV_MUTANTS = _rows(
    "conv2d_output_size",
    ("T2-M07a", "rounds up", ((_RETURN, "return -((extent - total) // stride) + 1"),),
     "check_strides_of_convolutions", UP, ""),
    ("T2-M07b", "does not round", ((_RETURN, "return (total - extent) / stride + 1"),),
     "check_strides_of_convolutions", LEFT, ""),
    ("T2-M08a", "refuses what does not divide evenly",
     ((_NO_FIT, _NO_FIT + '    if (total - extent) % stride != 0:\n        raise ValueError("no integer")\n'),),
     "check_strides_of_convolutions", None, OWN_ERROR),
    ("T2-M10a", "padding on one side", (("n + 2 * padding", "n + padding"),),
     "check_padding_of_convolutions", ONCE, ""),
    ("T2-M10b", "without the + 1", ((_RETURN, "return (total - extent) // stride"),),
     "check_places_of_the_kernel", FIRST_PLACE, ""),
    ("T2-M10c", "the kernel is not dilated", ((_KERNEL, "extent = kernel_size"),),
     "check_dilation_of_convolutions", "The dilation is left out", ""),
    ("T2-M10d", "the stride divides the input only", ((_RETURN, "return total // stride - extent + 1"),),
     "check_strides_of_convolutions", "The stride divides the input before the kernel is subtracted", ""),
    ("T2-X01a", "one place too many", ((_RETURN, "return (total - extent + 1) // stride + 1"),),
     "check_places_of_the_kernel", "One place too many: the kernel covers all its pixels", ""),
    ("T2-X01b", "the size of the input", ((_RETURN, "return n"),),
     "check_places_of_the_kernel", "The size stays as it is, as if the border were padded", ""),
    ("T2-X01c", "rounds to the nearest", ((_RETURN, "return round((total - extent) / stride) + 1"),),
     "check_strides_of_convolutions", "The quotient is rounded to the nearest integer", ""),
    ("T2-X01d", "no stride", ((_RETURN, "return total - extent + 1"),),
     "check_strides_of_convolutions", "The stride has no effect", ""),
    ("T2-X01e", "no padding", (("total = n + 2 * padding", "total = n"),),
     "check_padding_of_convolutions", None, "the kernel may no longer fit, which raises an error"),
    ("T2-X01f", "d k pixels", ((_KERNEL, "extent = dilation * kernel_size"),),
     "check_dilation_of_convolutions", "A kernel with dilation d is taken to cover d k pixels", ""),
    ("T2-X02a", "a float", ((_RETURN, "return float((total - extent) // stride + 1)"),),
     "check_size_of_a_convolution_is_an_int", None, TYPE),
    ("T2-X02b", "over a float", ((_RETURN, "return math.floor((total - extent) / stride) + 1"),),
     "check_size_of_a_convolution_is_an_int", None, "only large numbers are wrong"),
    ("T2-X02c", "a tensor", ((_RETURN, "return torch.tensor((total - extent) // stride + 1)"),),
     "check_size_of_a_convolution_is_an_int", None, TYPE),
    ("T2-X03a", "no bounds", ((_OUT_OF_RANGE, ""),), "check_impossible_convolutions", None, NO_ERROR),
    ("T2-X03b", "a kernel that does not fit", ((_NO_FIT, ""),), "check_impossible_convolutions", None, NO_ERROR),
    ("T2-X03c", "the undilated kernel fits", (("if extent > total", "if kernel_size > total"),),
     "check_impossible_convolutions", None, NO_ERROR),
    ("T2-X03d", "floats", ((_INTS, ""),), "check_impossible_convolutions", None, NO_ERROR),
    ("T2-X03e", "the kernel must fit into the image", (("if extent > total", "if extent > n"),),
     "check_padding_of_convolutions", None, OWN_ERROR),
    ("T2-X03f", "negative padding", ((" or padding < 0", ""),), "check_impossible_convolutions", None, NO_ERROR),
    ("T2-X03g", "0 instead of an error", (('raise ValueError("the kernel does not fit")', "return 0"),),
     "check_impossible_convolutions", None, NO_ERROR),
)  # fmt: skip

_SIZE = "size = (total - extent) // stride + 1"
_CEIL = "size = (total - extent + stride - 1) // stride + 1"
_DROP = "        if (size - 1) * stride >= n + padding:\n            size -= 1\n"

POOL_MUTANTS = _rows(
    "pool2d_output_size",
    ("T2-M07c", "always rounds up", (("    if ceil_mode:\n", "    if True:\n"),),
     "check_windows_that_overlap", UP, ""),
    ("T2-M07d", "does not round", ((_SIZE, "size = (total - extent) / stride + 1"),),
     "check_windows_that_overlap", LEFT, ""),
    ("T2-M08b", "refuses what does not divide evenly",
     ((_NO_WINDOW, _NO_WINDOW + '    if (total - extent) % stride:\n        raise ValueError("no integer")\n'),),
     "check_windows_that_overlap", None, OWN_ERROR),
    ("T2-M10e", "padding on one side", (("n + 2 * padding", "n + padding"),),
     "check_padding_and_dilation_of_windows", ONCE, ""),
    ("T2-M21a", "the last window may start outside", ((_DROP, ""),),
     "check_windows_that_start_outside", "With `ceil_mode`, a last window may start in the right padding", ""),
    ("T2-M21b", "the left padding is forgotten", ((">= n + padding", ">= n"),),
     "check_windows_that_start_outside",
     "With `ceil_mode`, the left padding is forgotten where the last window starts", ""),
    ("T2-M21c", "both paddings count", ((">= n + padding", ">= n + 2 * padding"),),
     "check_windows_that_start_outside", "With `ceil_mode`, a last window may start in the right padding", ""),
    ("T2-M21d", "may start right at the padding", ((">= n + padding", "> n + padding"),),
     "check_windows_that_start_outside", "With `ceil_mode`, a last window may start in the right padding", ""),
    ("T2-X04a", "stride 1", (("        stride = kernel_size\n", "        stride = 1\n"),),
     "check_windows_side_by_side", "Without a stride the windows move by 1, not by their own size", ""),
    ("T2-X04b", "stride 2", (("        stride = kernel_size\n", "        stride = 2\n"),),
     "check_windows_side_by_side", "Without a stride the windows always move by 2, not by their own size", ""),
    ("T2-X04c", "the input by the stride", ((_SIZE, "size = n // stride"),),
     "check_windows_that_overlap",
     "The input is divided by the stride, whatever the size of the windows is", ""),
    ("T2-X04d", "ceil_mode is ignored", (("    if ceil_mode:\n", "    if False:\n"),),
     "check_windows_that_hang_over", "`ceil_mode` has no effect", ""),
    ("T2-X04e", "ceil_mode adds one", ((_CEIL, "size = (total - extent) // stride + 2"),),
     "check_windows_that_hang_over", "`ceil_mode` adds 1 also where nothing is left over", ""),
    ("T2-X04f", "no padding", (("total = n + 2 * padding", "total = n"),),
     "check_padding_and_dilation_of_windows", "The padding is left out", ""),
    ("T2-X04g", "no dilation", ((_KERNEL, "extent = kernel_size"),),
     "check_padding_and_dilation_of_windows", "The dilation is left out", ""),
    ("T2-X05a", "a float", (("    return size", "    return size * 1.0"),),
     "check_size_of_a_pooling_is_an_int", None, TYPE),
    ("T2-X05b", "ceil of a float", ((_CEIL, "size = math.ceil((total - extent) / stride) + 1"),),
     "check_size_of_a_pooling_is_an_int", None, "only large numbers are wrong"),
    ("T2-X06a", "no bounds", ((_OUT_OF_RANGE, ""),), "check_impossible_poolings", None, NO_ERROR),
    ("T2-X06b", "a window that does not fit", ((_NO_WINDOW, ""),), "check_impossible_poolings", None, NO_ERROR),
    ("T2-X06c", "may hang over with ceil_mode", (("if extent > total", "if extent > total and not ceil_mode"),),
     "check_impossible_poolings", None, NO_ERROR),
    ("T2-X06d", "any padding",
     (('    if padding * 2 > kernel_size:\n        raise ValueError("too much padding")\n', ""),),
     "check_impossible_poolings", None, NO_ERROR),
    ("T2-X06e", "padding up to the kernel", (("padding * 2 > kernel_size", "padding > kernel_size"),),
     "check_impossible_poolings", None, NO_ERROR),
    ("T2-X06f", "padding below half of the kernel", (("padding * 2 > kernel_size", "padding * 2 >= kernel_size"),),
     "check_impossible_poolings", None, OWN_ERROR),
    ("T2-X06g", "stride 0 means none", (("if stride is None:", "if not stride:"),),
     "check_impossible_poolings", None, NO_ERROR),
    ("T2-X06h", "floats", ((_INTS, ""),), "check_impossible_poolings", None, NO_ERROR),
    ("T2-X06i", "half of the dilated kernel",
     (('    if padding * 2 > kernel_size:\n        raise ValueError("too much padding")\n', ""),
      (_NO_WINDOW, _NO_WINDOW + '    if padding * 2 > extent:\n        raise ValueError("too much padding")\n')),
     "check_impossible_poolings", None, NO_ERROR),
)  # fmt: skip

_TRANSPOSED_SIZE = "(n - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1"
TRANSPOSED_MUTANTS = _rows(
    "conv_transpose2d_output_size",
    ("T2-M10f", "padding on one side", (("2 * padding", "padding"),), "check_padding_that_is_cut_off",
     "The padding is counted once, but it is cut off on both sides", ""),
    ("T2-M10g", "without the + 1", ((" + output_padding + 1", " + output_padding"),),
     "check_kernels_that_are_painted", "The + 1 is lost", ""),
    ("T2-M10h", "the stride multiplies all pixels", (("(n - 1) * stride", "n * stride"),),
     "check_kernels_that_are_painted", "The stride multiplies all pixels, not the steps between them", ""),
    ("T2-X07a", "an ordinary convolution",
     ((_TRANSPOSED_SIZE, "(n + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1 + output_padding"),),
     "check_kernels_that_are_painted", None, "a size below 1 is refused by its own error"),
    ("T2-X07b", "scales", ((_TRANSPOSED_SIZE, "n * stride"),), "check_kernels_that_are_painted",
     "The input is scaled by the stride, whatever the kernel is", ""),
    ("T2-X07c", "padding adds", (("- 2 * padding", "+ 2 * padding"),), "check_padding_that_is_cut_off",
     "The padding makes the output larger, but here it cuts off", ""),
    ("T2-X07d", "no padding", ((" - 2 * padding", ""),), "check_padding_that_is_cut_off",
     "The padding is left out", ""),
    ("T2-X07e", "no output padding", ((" + output_padding + 1", " + 1"),), "check_output_padding_and_dilation",
     "`output_padding` has no effect", ""),
    ("T2-X07f", "output padding on both sides", ((" + output_padding + 1", " + 2 * output_padding + 1"),),
     "check_output_padding_and_dilation", "`output_padding` is added on both sides", ""),
    ("T2-X07g", "no dilation", (("dilation * (kernel_size - 1)", "(kernel_size - 1)"),),
     "check_output_padding_and_dilation", "The dilation is left out", ""),
    ("T2-X08a", "a float", (("    return size", "    return float(size)"),),
     "check_size_of_a_transposed_convolution_is_an_int", None, TYPE),
    ("T2-X08b", "any output padding",
     (('    if output_padding >= max(stride, dilation):\n        raise ValueError("too much output padding")\n', ""),),
     "check_impossible_transposed_convolutions", None, NO_ERROR),
    ("T2-X08c", "output padding up to the stride", (("output_padding >= max", "output_padding > max"),),
     "check_impossible_transposed_convolutions", None, NO_ERROR),
    ("T2-X08d", "output padding below the stride only", (("max(stride, dilation)", "stride"),),
     "check_output_padding_and_dilation", None, OWN_ERROR),
    ("T2-X08e", "a size of 0", (("if size < 1", "if size < 0"),),
     "check_impossible_transposed_convolutions", None, NO_ERROR),
    ("T2-X08f", "negative output padding", ((" or output_padding < 0", ""),),
     "check_impossible_transposed_convolutions", None, NO_ERROR),
    ("T2-X08g", "floats",
     ((_INTS.replace("padding, dilation", "padding, output_padding, dilation"), ""),),
     "check_impossible_transposed_convolutions", None, NO_ERROR),
    ("T2-X08h", "no size below 1 is noticed", (("    if size < 1:\n", "    if False:\n"),),
     "check_impossible_transposed_convolutions", None, NO_ERROR),
)  # fmt: skip

_WEIGHTS = "weights = out_channels * (in_channels // groups) * kernel_size * kernel_size"
_BIASES = "biases = out_channels if bias else 0"
PARAMS_MUTANTS = _rows(
    "conv2d_num_params",
    ("T2-M01a", "no biases", ((_BIASES, "biases = 0"),), "check_weights_and_biases_of_filters", NO_BIAS, ""),
    ("T2-M02a", "input channels are ignored", ((_WEIGHTS, "weights = out_channels * kernel_size * kernel_size"),),
     "check_weights_and_biases_of_filters",
     "A filter has only k x k weights: it reads all input channels, not one", ""),
    ("T2-M03a", "the bias twice", ((_BIASES, "biases = 2 * out_channels if bias else 0"),),
     "check_weights_and_biases_of_filters", "The biases are added twice", ""),
    ("T2-M04a", "a bias per pixel", ((_BIASES, "biases = out_channels * (32 - kernel_size + 1) ** 2 if bias else 0"),),
     "check_weights_and_biases_of_filters",
     "There is one bias for each pixel of the output, not for each filter", ""),
    ("T2-M12a", "groups are ignored", ((_WEIGHTS, "weights = out_channels * in_channels * kernel_size ** 2"),),
     "check_groups_of_filters", "`groups` has no effect", ""),
    ("T2-X09a", "one bias", ((_BIASES, "biases = 1 if bias else 0"),), "check_weights_and_biases_of_filters",
     "The layer has one bias in all, not one for each output", ""),
    ("T2-X09b", "a bias per pair of channels", ((_BIASES, "biases = out_channels * in_channels if bias else 0"),),
     "check_weights_and_biases_of_filters",
     "There is one bias for each pair of channels, not for each filter", ""),
    ("T2-X09c", "a line of weights", (("kernel_size * kernel_size", "kernel_size"),),
     "check_weights_and_biases_of_filters", "The kernel has k weights, not k x k", ""),
    ("T2-X09d", "always biases", ((_BIASES, "biases = out_channels"),), "check_filters_without_biases",
     "Biases are counted also when there are none", ""),
    ("T2-X09e", "groups divide everything", (("return weights + biases", "return weights + biases // groups"),),
     "check_groups_of_filters", "`groups` divides the biases, too", ""),
    ("T2-X09f", "one group is counted", (("weights = out_channels *", "weights = out_channels // groups *"),),
     "check_groups_of_filters", "`groups` divides both channel numbers, and one group is counted", ""),
    ("T2-X09g", "a bias per input channel", ((_BIASES, "biases = in_channels if bias else 0"),),
     "check_weights_and_biases_of_filters", None, "it is rare, and no sentence would say more than the hint"),
    ("T2-X10a", "a float", (("in_channels // groups", "in_channels / groups"),),
     "check_number_of_a_convolution_is_an_int", None, TYPE),
    ("T2-X10b", "groups divide the input only", ((" or out_channels % groups != 0", ""),),
     "check_impossible_filters", None, NO_ERROR),
    ("T2-X10c", "groups divide the output only", (("in_channels % groups != 0 or ", ""),),
     "check_impossible_filters", None, NO_ERROR),
    ("T2-X10d", "no bounds", ((" or value < 1", ""),), "check_impossible_filters", None, NO_ERROR),
    ("T2-X10e", "floats", (("not isinstance(value, int) or ", ""),), "check_impossible_filters", None, NO_ERROR),
)  # fmt: skip

LINEAR_MUTANTS = _rows(
    "linear_num_params",
    ("T2-M01b", "no biases", (("biases = out_features if bias else 0", "biases = 0"),),
     "check_weights_and_biases_of_outputs", NO_BIAS, ""),
    ("T2-M03b", "the bias twice", (("biases = out_features if", "biases = 2 * out_features if"),),
     "check_weights_and_biases_of_outputs", "The biases are added twice", ""),
    ("T2-X11a", "a bias per input", (("biases = out_features if", "biases = in_features if"),),
     "check_weights_and_biases_of_outputs", "Each input has a bias, but it is each output that has one", ""),
    ("T2-X11b", "one bias", (("biases = out_features if", "biases = 1 if"),),
     "check_weights_and_biases_of_outputs", "The layer has one bias in all, not one for each output", ""),
    ("T2-X11c", "always biases", (("biases = out_features if bias else 0", "biases = out_features"),),
     "check_outputs_without_biases", "Biases are counted also when there are none", ""),
    ("T2-X11d", "a float", (("return weights + biases", "return float(weights + biases)"),),
     "check_outputs_without_biases", None, TYPE),
    ("T2-X11e", "no bounds", ((" or value < 1", ""),), "check_impossible_linear_layers", None, NO_ERROR),
    ("T2-X11f", "0 is allowed", (("value < 1", "value < 0"),), "check_impossible_linear_layers", None, NO_ERROR),
    ("T2-X11g", "floats", (("not isinstance(value, int) or ", ""),),
     "check_impossible_linear_layers", None, NO_ERROR),
)  # fmt: skip

_LOOP = "    for p in module.parameters():\n"
COUNT_MUTANTS = _rows(
    "count_parameters",
    ("T2-M01c", "no biases",
     ((_LOOP, "    for name, p in module.named_parameters():\n        if name.endswith('bias'):\n"
              "            continue\n"),),
     "check_numbers_of_all_layers", NO_BIAS, ""),
    ("T2-M06a", "M is 2^20", (("    return total", "    return total / 2**20"),),
     "check_numbers_of_all_layers", "In millions of 2^20", ""),
    ("T2-M17a", "the state_dict", ((_LOOP, "    for p in module.state_dict(keep_vars=True).values():\n"),),
     "check_buffers_do_not_count", "Buffers are counted: not all that is in `state_dict()` is a parameter", ""),
    ("T2-M17b", "the running statistics",
     (("    return total", "    total += sum(b.numel() for b in module.buffers() if b.is_floating_point())\n"
                           "    return total"),),
     "check_buffers_do_not_count", "Running statistics are counted: they are buffers, no parameters", ""),
    ("T2-M19a", "each layer by itself",
     ((_LOOP, "    for p in [p for m in list(module._modules.values()) or [module] for p in m.parameters()]"
              " + list(module.parameters(recurse=False) if module._modules else []):\n"),),
     "check_shared_parameters_count_once", "A parameter that two layers share is counted twice", ""),
    ("T2-M19b", "duplicates", ((_LOOP, "    for _, p in module.named_parameters(remove_duplicate=False):\n"),),
     "check_shared_parameters_count_once", "A parameter that two layers share is counted twice", ""),
    ("T2-X12a", "tensors", (("total += p.numel()", "total += 1"),), "check_numbers_of_all_layers",
     "The tensors are counted, not the numbers that they hold", ""),
    ("T2-X12b", "rows", (("total += p.numel()", "total += p.shape[0] if p.dim() else 0"),),
     "check_numbers_of_all_layers", "Only the first dimension of each tensor is counted", ""),
    ("T2-X12c", "millions", (("    return total", "    return total / 1e6"),), "check_numbers_of_all_layers",
     "In millions", ""),
    ("T2-X12d", "trainable_only is ignored", (("if trainable_only and not p.requires_grad", "if False"),),
     "check_frozen_parameters", "`trainable_only` has no effect", ""),
    ("T2-X12e", "frozen ones never count", (("if trainable_only and not p.requires_grad", "if not p.requires_grad"),),
     "check_frozen_parameters", "Frozen parameters are never counted", ""),
    ("T2-X12f", "the other way round", (("not p.requires_grad", "p.requires_grad"),),
     "check_frozen_parameters", "`trainable_only` counts the frozen ones", ""),
    ("T2-X12g", "a whole layer counts as frozen",
     ((_LOOP, "    frozen = {id(p) for m in module.modules() for p in m.parameters(recurse=False)\n"
              "              if not all(q.requires_grad for q in m.parameters(recurse=False))}\n" + _LOOP),
      ("not p.requires_grad", "id(p) in frozen")),
     "check_frozen_parameters", None, "it is rare, and the hint says enough"),
    ("T2-X13a", "a tensor", (("    return total", "    return torch.tensor(total)"),),
     "check_count_is_an_int", None, TYPE),
    ("T2-X13b", "a float", (("    return total", "    return float(total)"),), "check_count_is_an_int", None, TYPE),
    ("T2-X13c", "no parameters, no count", (("    total = 0\n", "    total = 0\n    next(module.parameters())\n"),),
     "check_count_is_an_int", None, OWN_ERROR),
    ("T2-X13d", "looks at the numbers", (("p.numel()", "len(p.detach().flatten().tolist())"),),
     "check_parameters_without_memory", None, OWN_ERROR),
    ("T2-X13e", "layers of two kinds only",
     ((_LOOP, "    for p in [p for m in module.modules() if isinstance(m, (nn.Conv2d, nn.Linear))\n"
              "              for p in m.parameters()]:\n"),),
     "check_numbers_of_all_layers", None, "which layers are left out depends on the module"),
    ("T2-X13f", "direct children only",
     ((_LOOP, "    for p in [p for m in module.children() for p in m.parameters(recurse=False)]:\n"),),
     "check_numbers_of_all_layers", None, "which layers are left out depends on the module"),
    ("T2-X13g", "thaws the module", (("    total = 0\n", "    total = 0\n    if not trainable_only:\n"
                                      "        module.requires_grad_(True)\n"),),
     "check_count_is_an_int", None, CHANGED),
    ("T2-X13h", "sets the numbers to 0", (("        total += ", "        nn.init.zeros_(p)\n        total += "),),
     "check_count_is_an_int", None, CHANGED),
)  # fmt: skip

_STEP = "        r = r + (k - 1) * jump\n        jump = jump * s\n"
FIELD_MUTANTS = _rows(
    "receptive_field",
    ("T2-X14a", "the stride of the layer itself", ((_STEP, "        jump = jump * s\n        r += (k - 1) * jump\n"),),
     "check_field_of_layers_with_strides",
     "The stride of a layer widens the layer itself, not only those after it", ""),
    ("T2-X14b", "no strides", (("jump = jump * s", "pass"),), "check_field_of_layers_with_strides",
     "Strides have no effect", ""),
    ("T2-X14c", "adds kernels", (("r = r + (k - 1) * jump", "r = r + k * jump"), ("    r = 1\n", "    r = 0\n"),
                                 ("jump = jump * s", "pass")),
     "check_field_of_layers_without_strides", "The kernel sizes are added, but neighbours overlap", ""),
    ("T2-X14d", "multiplies kernels", (("r = r + (k - 1) * jump", "r = r * k"),),
     "check_field_of_layers_without_strides", "The kernel sizes are multiplied", ""),
    ("T2-X14e", "the other way round", (("for k, s in layers", "for k, s in reversed(layers)"),),
     "check_field_of_layers_with_strides", "The layers are taken in the opposite order", ""),
    ("T2-X14f", "only the last stride", (("jump = jump * s", "jump = s"),), "check_field_of_layers_with_strides",
     "Only the stride of the layer before counts, not the product of all", ""),
    ("T2-X14g", "adds strides", (("jump = jump * s", "jump = jump + s - 1"),), "check_field_of_layers_with_strides",
     "Strides are added, not multiplied", ""),
    ("T2-X14h", "without the 1", (("    r = 1\n", "    r = 0\n"),), "check_field_of_layers_without_strides",
     "The 1 of the output unit itself is lost", ""),
    ("T2-X14i", "the area", (("    return r", "    return r * r"),), "check_field_of_layers_without_strides",
     "The area of the square is returned, not its side", ""),
    ("T2-X14j", "whole kernels are widened", (("(k - 1) * jump", "k * jump"), ("    r = 1\n", "    r = 0\n")),
     "check_field_of_layers_with_strides", "Whole kernels are widened, but the first pixel of a kernel is not", ""),
    ("T2-X15a", "a float", (("    r = 1\n", "    r = 1.0\n"),), "check_field_is_an_int", None, TYPE),
    ("T2-X15b", "no layer sees nothing", (("    r = 1\n", "    if not layers:\n        return 0\n    r = 1\n"),),
     "check_field_of_few_layers", None, "the last layer of the check is right"),
    ("T2-X15c", "takes the layers away", (("    for k, s in layers:\n", "    layers_ = layers\n"
        "    while len(layers_) > 0:\n        k, s = layers_.pop(0) if isinstance(layers_, list) else layers_[0]\n"
        "        layers_ = layers_ if isinstance(layers_, list) else layers_[1:]\n"),),
     "check_field_is_an_int", None, CHANGED),
    ("T2-X15d", "lists only", (("    r = 1\n", "    layers = layers + []\n    r = 1\n"),),
     "check_field_is_an_int", None, OWN_ERROR),
    ("T2-X15e", "no bounds", ((" or value < 1", ""),), "check_impossible_layers", None, NO_ERROR),
    ("T2-X15f", "floats", (("not isinstance(value, int) or ", ""),), "check_impossible_layers", None, NO_ERROR),
    ("T2-X15g", "triples", (("len(layer) != 2", "len(layer) < 2"),
                            ("for k, s in layers", "for k, s, *_ in layers")),
     "check_impossible_layers", None, NO_ERROR),
    ("T2-X15h", "only the first entry is checked", (("            if not isinstance(value, int) or value < 1:\n",
        "            if layer is layers[0] and (not isinstance(value, int) or value < 1):\n"),),
     "check_impossible_layers", None, NO_ERROR),
)  # fmt: skip

_HEAD = "return self.fc3(x)"
_POOL = "self.pool = nn.AvgPool2d(2)"
_LENET_ROWS = _rows(
    "LeNet5",
    ("T2-M01d", "no biases", (("6, 5)", "6, 5, bias=False)"),
                              ("120)", "120, bias=False)"), ("84)", "84, bias=False)"),
                              ("num_classes)\n        self.pool", "num_classes, bias=False)\n        self.pool")),
     "check_layers_of_lenet", "The layers have no biases", ""),
    ("T2-M14a", "28 x 28", (("16 * 5 * 5", "16 * 4 * 4"), ("32, 32)", "28, 28)")),
     "check_layers_of_lenet", "It is made for images of 28 x 28: `fc1` reads 16 maps of 4 x 4", ""),
    ("T2-M22a", "view(-1, 400)", (("torch.flatten(x, 1)", "x.view(-1, 400)"),
     ("        if x.dim() != 4 or tuple(x.shape[1:]) != (self.in_channels, 32, 32):\n"
      '            raise ValueError("wrong shape")\n', "")),
     "check_inputs_of_lenet", None, NO_ERROR),
    ("T2-M22b", "flattens the batch away", (("torch.flatten(x, 1)", "torch.flatten(x)"),),
     "check_batches_of_lenet", "The dimension of the batch is flattened away", ""),
    ("T2-M23a", "softmax", ((_HEAD, "return torch.softmax(self.fc3(x), dim=1)"),),
     "check_logits_of_lenet", "The net ends with a softmax: logits are wanted", ""),
    ("T2-M24a", "max pooling", ((_POOL, "self.pool = nn.MaxPool2d(2)"),),
     "check_logits_of_lenet", "The pooling takes the maximum, not the mean", ""),
    ("T2-M24b", "ReLU and max pooling", ((_POOL, "self.pool = nn.MaxPool2d(2)"), ("torch.tanh", "torch.relu")),
     "check_logits_of_lenet", "Activation and pooling are ReLU and maximum, not tanh and mean", ""),
    ("T2-X16a", "log-softmax", ((_HEAD, "return nn.functional.log_softmax(self.fc3(x), dim=1)"),),
     "check_logits_of_lenet", "The net ends with a log-softmax: logits are wanted", ""),
    ("T2-X16b", "tanh at the end", ((_HEAD, "return torch.tanh(self.fc3(x))"),),
     "check_logits_of_lenet", "The net ends with a tanh", ""),
    ("T2-X16c", "ReLU at the end", ((_HEAD, "return torch.relu(self.fc3(x))"),),
     "check_logits_of_lenet", "The net ends with a ReLU", ""),
    ("T2-X16d", "ReLU", (("torch.tanh", "torch.relu"),),
     "check_logits_of_lenet", "The activation is ReLU, not tanh", ""),
    ("T2-X16e", "sigmoid, as in older books", (("torch.tanh", "torch.sigmoid"),),
     "check_logits_of_lenet", "The activation is a sigmoid, not tanh", ""),
    ("T2-X16f", "pools first", (("self.pool(torch.tanh(self.conv1(x)))", "torch.tanh(self.pool(self.conv1(x)))"),
                                ("self.pool(torch.tanh(self.conv2(x)))", "torch.tanh(self.pool(self.conv2(x)))")),
     "check_logits_of_lenet", "The pooling comes before tanh", ""),
    ("T2-X16g", "linear convolutions", (("torch.tanh(self.conv1(x))", "self.conv1(x)"),
                                        ("torch.tanh(self.conv2(x))", "self.conv2(x)")),
     "check_logits_of_lenet", "No activation follows the convolutions", ""),
    ("T2-X16h", "a linear head", (("torch.tanh(self.fc1(x))", "self.fc1(x)"),
                                  ("torch.tanh(self.fc2(x))", "self.fc2(x)")),
     "check_logits_of_lenet", "No activation follows `fc1` and `fc2`", ""),
    ("T2-X16i", "no tanh after fc2", (("torch.tanh(self.fc2(x))", "self.fc2(x)"),),
     "check_logits_of_lenet", "No activation follows `fc2`", ""),
    ("T2-X16j", "pixel by pixel", (("torch.flatten(x, 1)", "torch.flatten(x.permute(0, 2, 3, 1), 1)"),),
     "check_logits_of_lenet", "The maps are flattened pixel by pixel, not channel by channel", ""),
    ("T2-X17a", "other names", (("self.fc3", "self.out"),), "check_layers_of_lenet", None, SHAPE),
    ("T2-X17b", "C5 as a convolution", (("nn.Linear(16 * 5 * 5, 120)", "nn.Conv2d(16, 120, 5)"),
        ("        x = torch.flatten(x, 1)\n        x = torch.tanh(self.fc1(x))",
         "        x = torch.tanh(self.fc1(x)).flatten(1)")),
     "check_layers_of_lenet", None, SHAPE),
    ("T2-X17c", "batch normalisation", ((_POOL, _POOL + "\n        self.norm = nn.BatchNorm1d(84)"),
                                        ("torch.tanh(self.fc2(x))", "torch.tanh(self.norm(self.fc2(x)))")),
     "check_layers_of_lenet", None, "the message says that there are more parameters"),
    ("T2-X17d", "a buffer", ((_POOL, _POOL + "\n        self.register_buffer('scale', torch.ones(1))"),),
     "check_layers_of_lenet", None, "the message says that there are more parameters"),
    ("T2-X17e", "always 10 classes", (("nn.Linear(84, num_classes)", "nn.Linear(84, 10)"),),
     "check_channels_and_classes_of_lenet", None, OWN_ERROR),
    ("T2-X17f", "always 1 channel", (("nn.Conv2d(in_channels, 6, 5)", "nn.Conv2d(1, 6, 5)"),),
     "check_channels_and_classes_of_lenet", None, OWN_ERROR),
    ("T2-X17g", "weights begin with 0",
     ((_POOL, _POOL + "\n        nn.init.zeros_(self.fc1.bias)"),),
     "check_lenet_begins_as_pytorch_does", None, "the message says which numbers"),
    ("T2-X17h", "Glorot's numbers",
     ((_POOL, _POOL + "\n        nn.init.xavier_uniform_(self.fc1.weight)"),),
     "check_lenet_begins_as_pytorch_does", None, "the message says which numbers"),
    ("T2-X18a", "view", (("torch.flatten(x, 1)", "x.view(x.shape[0], -1)"),),
     "check_channels_and_classes_of_lenet", None, OWN_ERROR),
    ("T2-X18b", "float32 only", (("self.conv1(x)", "self.conv1(x.float())"),),
     "check_logits_of_lenet", None, OWN_ERROR),
    ("T2-X18c", "scales the images in place", (("        x = self.pool(torch.tanh(self.conv1(x)))\n",
        "        keep = x.clone()\n        x.sub_(x.mean())\n        x = self.pool(torch.tanh(self.conv1(keep)))\n"),),
     "check_layouts_and_dtypes_of_lenet", None, CHANGED),
    ("T2-X18d", "dropout", ((_HEAD, "return self.fc3(nn.functional.dropout(x, training=self.training))"),),
     "check_batches_of_lenet", None, CHANCE),
    ("T2-X18e", "dropout in evaluation", ((_HEAD, "return self.fc3(nn.functional.dropout(x))"),),
     "check_logits_of_lenet", None, CHANCE),
    ("T2-X18f", "squeezes a single image", ((_HEAD, "return self.fc3(x).squeeze(0)"),),
     "check_batches_of_lenet", None, "the message says which shape came"),
    ("T2-X18g", "the convolutions have no gradient", (("torch.flatten(x, 1)", "torch.flatten(x, 1).detach()"),),
     "check_gradients_of_lenet", None, "only the gradient is wrong"),
    ("T2-X18h", "no gradient at all", ((_HEAD, "with torch.no_grad():\n            return self.fc3(x)"),),
     "check_gradients_of_lenet", None, OWN_ERROR),
    ("T2-X18i", "float32 comes back", ((_HEAD, "return self.fc3(x).float()"),), "check_logits_of_lenet", None,
     "the message says which dtype came"),
    ("T2-X19a", "pads images of 28 x 28 by itself", (("        if x.dim()",
        "        if x.shape[-1] == 28:\n            x = nn.functional.pad(x, (2, 2, 2, 2))\n        if x.dim()"),),
     "check_inputs_of_lenet", None, NO_ERROR),
    ("T2-X19b", "an image without a batch", (("        if x.dim()",
        "        if x.dim() == 3:\n            x = x[None]\n        if x.dim()"),),
     "check_inputs_of_lenet", None, NO_ERROR),
    ("T2-X19c", "any size that ends as 5 x 5", (("tuple(x.shape[1:]) != (self.in_channels, 32, 32)",
                                                  "x.shape[1] != self.in_channels"),),
     "check_inputs_of_lenet", None, NO_ERROR),
    ("T2-X19d", "no class", (('        if not isinstance(num_classes, int) or num_classes < 1:\n'
                              '            raise ValueError("classes")\n', ""),),
     "check_inputs_of_lenet", None, NO_ERROR),
    ("T2-X19e", "no channel", (('        if not isinstance(in_channels, int) or in_channels < 1:\n'
                                '            raise ValueError("channels")\n', ""),),
     "check_inputs_of_lenet", None, "PyTorch's own error says it, but for no channel"),
    ("T2-X18j", "a plain tensor in the net, which `.to(device)` does not move",
     ((_POOL, _POOL + "\n        self.scale = torch.ones(1)"),
      (_HEAD, "return self.fc3(x) * self.scale.to(x.dtype)")),
     "check_placement_of_LeNet5", None, "no value is wrong; the message names the line"),
)  # fmt: skip

LENET_MUTANTS = (
    *_LENET_ROWS,
    Mutant(
        "T2-M15a",
        "LeNet5",
        "Caffe's LeNet",
        """\
class LeNet5(nn.Module):
    def __init__(self, in_channels=1, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.fc1 = nn.Linear(50 * 4 * 4, 500)
        self.fc2 = nn.Linear(500, num_classes)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.conv1(x[:, :, 2:30, 2:30]), 2)
        x = nn.functional.max_pool2d(self.conv2(x), 2)
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))
""",
        "check_layers_of_lenet",
        "This is Caffe's LeNet (20, 50, 500), not LeNet-5",
    ),
    Mutant(
        "T2-M15b",
        "LeNet5",
        "Caffe's LeNet for 32 x 32",
        """\
class LeNet5(nn.Module):
    def __init__(self, in_channels=1, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 20, 5)
        self.conv2 = nn.Conv2d(20, 50, 5)
        self.fc1 = nn.Linear(50 * 5 * 5, 500)
        self.fc2 = nn.Linear(500, num_classes)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.conv1(x), 2)
        x = nn.functional.max_pool2d(self.conv2(x), 2)
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))
""",
        "check_layers_of_lenet",
        "This is Caffe's LeNet (20, 50, 500), not LeNet-5",
    ),
    Mutant(
        "T2-X17i",
        "LeNet5",
        "two fully connected layers, as one slide says",
        """\
class LeNet5(nn.Module):
    def __init__(self, in_channels=1, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, num_classes)

    def forward(self, x):
        x = nn.functional.avg_pool2d(self.conv1(x).tanh(), 2)
        x = nn.functional.avg_pool2d(self.conv2(x).tanh(), 2)
        return self.fc2(self.fc1(x.flatten(1)).tanh())
""",
        "check_layers_of_lenet",
        "There are two fully connected layers, not three",
    ),
)

_CALL = "        x = self.classifier(x)\n"
_FLAT = "x = torch.flatten(x, 1)"
_AVG = "        x = self.avgpool(x)\n"
_DROPOUT = '        if dropout < 0 or dropout > 1:\n            raise ValueError("dropout")\n'
_CLASSES = '        if not isinstance(num_classes, int) or num_classes < 1:\n            raise ValueError("classes")\n'


def _of_both(id: str, exercise: str, side: int, maps: int, word: str) -> tuple[Mutant, ...]:
    """Return the mutants that AlexNet and VGG-16 have in common; ``id`` is the number of their rows."""
    shape = f"x.dim() != 4 or x.size(1) != 3 or x.size(2) < {side} or x.size(3) < {side}"
    channels = 256 if exercise == "AlexNet" else 512
    logits = f"check_logits_of_{word}"
    rows: tuple[_Row, ...] = (
        (
            f"T2-M22{id}a",
            "view(-1, all)",
            (
                (_FLAT, f"x = x.reshape(-1, {channels * maps * maps})"),
                (f'        if {shape}:\n            raise ValueError("wrong shape")\n', ""),
            ),
            f"check_inputs_of_{word}",
            None,
            NO_ERROR,
        ),
        (
            f"T2-M22{id}b",
            "flattens the batch away",
            ((_FLAT, "x = torch.flatten(x)"),),
            logits,
            "The dimension of the batch is flattened away",
            "",
        ),
        (
            f"T2-M23{id}a",
            "softmax",
            ((_CALL, "        x = torch.softmax(self.classifier(x), dim=-1)\n"),),
            logits,
            "The net ends with a softmax: logits are wanted",
            "",
        ),
        (
            f"T2-X2{id}a",
            "log-softmax",
            ((_CALL, "        x = self.classifier(x).log_softmax(1)\n"),),
            logits,
            "The net ends with a log-softmax: logits are wanted",
            "",
        ),
        (
            f"T2-X2{id}b",
            "ReLU at the end",
            ((_CALL, "        x = self.classifier(x).relu()\n"),),
            logits,
            "The net ends with a ReLU",
            "",
        ),
        (f"T2-X2{id}c", "no adaptive pooling", ((_AVG, ""),), f"check_image_sizes_of_{word}", None, OWN_ERROR),
        (
            f"T2-X2{id}d",
            "view",
            ((_FLAT, "x = x.view(x.size(0), -1)"),),
            f"check_layouts_and_dtypes_of_{word}",
            None,
            OWN_ERROR,
        ),
        (
            f"T2-X2{id}e",
            "no bounds of the dropout",
            ((_DROPOUT, "        dropout = min(max(dropout, 0), 1)\n"),),
            f"check_inputs_of_{word}",
            None,
            NO_ERROR,
        ),
        (
            f"T2-X2{id}f",
            "no class",
            ((_CLASSES, "        num_classes = int(abs(num_classes))\n"),),
            f"check_inputs_of_{word}",
            None,
            NO_ERROR,
        ),
        (
            f"T2-X2{id}g",
            "an image without a batch",
            ((f"        if {shape}:\n", f"        if x.dim() == 3:\n            x = x[None]\n        if {shape}:\n"),),
            f"check_inputs_of_{word}",
            None,
            NO_ERROR,
        ),
        (
            f"T2-X2{id}h",
            "always 1000 classes",
            (("nn.Linear(4096, num_classes)", "nn.Linear(4096, 1000)"),),
            f"check_classes_of_{word}",
            None,
            SHAPE,
        ),
        (f"T2-X2{id}i", "always dropout 0.5", (("p=dropout", "p=0.5"),), f"check_logits_of_{word}", None, CHANCE),
        (
            f"T2-X2{id}j",
            "dropout 0.1 if none is asked for",
            (("dropout=0.5", "dropout=0.1"),),
            f"check_probability_of_{word}",
            None,
            CHANCE,
        ),
        (
            f"T2-X2{id}k",
            "no dropout",
            (("nn.Dropout(p=dropout)", "nn.Identity()"),),
            f"check_dropout_of_{word}",
            "There is no dropout",
            "",
        ),
        (
            f"T2-X2{id}l",
            "dropout in evaluation too",
            ((_CALL, "        x = self.classifier(nn.functional.dropout(x, 0.5, True))\n"),),
            logits,
            None,
            CHANCE,
        ),
        (
            f"T2-X2{id}m",
            "the features have no gradient",
            ((_CALL, "        x = self.classifier(x.detach())\n"),),
            f"check_gradients_of_{word}",
            None,
            "only the gradient is wrong",
        ),
        (
            f"T2-X2{id}n",
            "centres the images in place",
            (
                (
                    "        x = self.features(x)\n",
                    "        keep = x.clone()\n        x -= x.mean()\n        x = self.features(keep)\n",
                ),
            ),
            f"check_layouts_and_dtypes_of_{word}",
            None,
            CHANGED,
        ),
        (
            f"T2-X2{id}o",
            "an attribute of another name",
            (("self.classifier", "self.head"),),
            f"check_layers_of_{word}",
            None,
            SHAPE,
        ),
        (
            f"T2-X2{id}p",
            "pixel by pixel",
            ((_FLAT, "x = torch.flatten(x.permute(0, 2, 3, 1), 1)"),),
            logits,
            None,
            "it is rare in a network that follows torchvision",
        ),
        (
            f"T2-X2{id}q",
            "He's numbers, as torchvision's VGG",
            (
                (
                    "        self.avgpool =",
                    "        for m in self.features:\n            if isinstance(m, nn.Conv2d):\n"
                    "                nn.init.kaiming_normal_(m.weight, mode='fan_out', nonlinearity='relu')\n"
                    "        self.avgpool =",
                ),
            ),
            f"check_{word}_begins_as_pytorch_does",
            None,
            "the message says which numbers",
        ),
        (f"T2-X2{id}r", "float32 only", (("self.features(x)", "self.features(x.float())"),), logits, None, OWN_ERROR),
        (
            f"T2-X2{id}s",
            "average pooling",
            (("nn.MaxPool2d", "nn.AvgPool2d"),),
            logits,
            "The pooling takes the mean, not the maximum",
            "",
        ),
        (
            f"T2-X2{id}t",
            "pools to one pixel less",
            (
                (
                    f"nn.AdaptiveAvgPool2d(({maps}, {maps}))",
                    f"nn.Sequential(nn.AdaptiveAvgPool2d({maps - 1}), nn.ReplicationPad2d((0, 1, 0, 1)))",
                ),
            ),
            logits,
            None,
            "it is rare, and the hint says enough",
        ),
        (
            f"T2-X2{id}u",
            "the mode is forgotten: dropout of its own",
            ((_CALL, "        if self.training:\n            x = nn.functional.dropout(x, 0.3)\n" + _CALL),),
            logits,
            None,
            CHANCE,
        ),
    )
    return _rows(exercise, *rows)


ALEXNET_MUTANTS = _of_both("0", "AlexNet", 63, 6, "alexnet") + _rows(
    "AlexNet",
    ("T2-M01e", "no biases",
     (("padding=2)", "padding=2, bias=False)"), ("padding=1)", "padding=1, bias=False)"),
      ("4096)", "4096, bias=False)"), ("num_classes),", "num_classes, bias=False),")),
     "check_layers_of_alexnet", "The layers have no biases", ""),
    ("T2-M11a", "224 without padding", (("stride=4, padding=2", "stride=4"), ("256 * 6 * 6", "256 * 5 * 5"),
                                        ("(6, 6)", "(5, 5)")),
     "check_layers_of_alexnet", "Without padding 2 in the first layer, 5 x 5 maps remain", ""),
    ("T2-M11b", "no padding, and nothing is noticed", (("stride=4, padding=2", "stride=4"),),
     "check_logits_of_alexnet", "The first convolution has no padding", ""),
    ("T2-M12b", "the paper's net without its groups",
     (("3, 64,", "3, 96,"), ("64, 192,", "96, 256,"), ("192, 384,", "256, 384,"), ("384, 256,", "384, 384,"),
      ("256, 256,", "384, 256,")),
     "check_layers_of_alexnet", "These are the filters of the 2012 paper, without its groups", ""),
    ("T2-M13a", "the paper's net",
     (("3, 64,", "3, 96,"), ("64, 192, kernel_size=5, padding=2", "96, 256, kernel_size=5, padding=2, groups=2"),
      ("192, 384,", "256, 384,"),
      ("384, 256, kernel_size=3, padding=1", "384, 384, kernel_size=3, padding=1, groups=2"),
      ("256, 256, kernel_size=3, padding=1", "384, 256, kernel_size=3, padding=1, groups=2")),
     "check_layers_of_alexnet", "These are the filters of the 2012 paper, in two groups", ""),
    ("T2-M13b", "the text of the second paper", (("384, 256,", "384, 384,"), ("256, 256, kernel", "384, 256, kernel")),
     "check_layers_of_alexnet", "The fourth convolution has 384 filters, not 256", ""),
    ("T2-X22a", "windows of 2", (("MaxPool2d(kernel_size=3, stride=2)", "MaxPool2d(kernel_size=2, stride=2)"),),
     "check_logits_of_alexnet", "The windows of the pooling are 2 x 2, not 3 x 3", ""),
    ("T2-X22b", "rounds up", (("MaxPool2d(kernel_size=3, stride=2)", "MaxPool2d(3, 2, ceil_mode=True)"),),
     "check_image_sizes_of_alexnet", "The pooling rounds up", ""),
    ("T2-X22c", "tanh", (("nn.ReLU(inplace=True)", "nn.Tanh()"),), "check_logits_of_alexnet",
     "The activation is tanh, not ReLU", ""),
    ("T2-X22d", "no activations", (("nn.ReLU(inplace=True)", "nn.Identity()"),), "check_logits_of_alexnet",
     "There are no activations", ""),
    ("T2-X22e", "dropout after the ReLUs",
     (("nn.Dropout(p=dropout),\n            nn.Linear(256", "nn.Identity(),\n            nn.Linear(256"),
      ("            nn.Dropout(p=dropout),\n            nn.Linear(4096, 4096),\n            nn.ReLU(inplace=True),\n",
       "            nn.Dropout(p=dropout),\n            nn.Linear(4096, 4096),\n"
       "            nn.Sequential(nn.ReLU(), nn.Dropout(p=dropout)),\n")),
     "check_dropout_of_alexnet", "Dropout comes after the ReLUs, not before the linear layers", ""),
    ("T2-X22f", "one dropout only",
     (("nn.Dropout(p=dropout),\n            nn.Linear(256", "nn.Identity(),\n            nn.Linear(256"),),
     "check_probability_of_alexnet", None, CHANCE),
    ("T2-X22g", "local response normalisation", (("nn.MaxPool2d(kernel_size=3, stride=2),\n            nn.Conv2d(64",
        "nn.Sequential(nn.LocalResponseNorm(5), nn.MaxPool2d(3, stride=2)),\n            nn.Conv2d(64"),),
     "check_logits_of_alexnet", None, "it belongs to the 2012 paper; the message says that numbers are wrong"),
    ("T2-X22h", "images of at least 224", (("x.size(2) < 63", "x.size(2) < 224"),),
     "check_image_sizes_of_alexnet", None, OWN_ERROR),
    ("T2-X22i", "images of exactly 224", (("x.size(3) < 63", "x.size(3) != 224"),),
     "check_image_sizes_of_alexnet", None, OWN_ERROR),
)  # fmt: skip
VGG_MUTANTS = _of_both("1", "VGG16", 32, 7, "vgg") + _rows(
    "VGG16",
    ("T2-M01f", "no biases", (("padding=1)", "padding=1, bias=False)"), ("4096)", "4096, bias=False)"),
                              ("num_classes),", "num_classes, bias=False),")),
     "check_layers_of_vgg", "The layers have no biases", ""),
    ("T2-M16a", "16 convolutions", (("256, 256, 256,", "256, 256, 256, 256,"),
                                     ("512, 512, 512,", "512, 512, 512, 512,")),
     "check_layers_of_vgg", "There are 16 convolutions: this is VGG-19", ""),
    ("T2-M16b", "12 convolutions", (("256, 256, 256,", "256, 256,"),),
     "check_layers_of_vgg", "There are 12 convolutions, not 13", ""),
    ("T2-M16c", "10 convolutions, because pooling counts", (("256, 256, 256,", "256, 256,"),
                                                              ("512, 512, 512,", "512, 512,")),
     "check_layers_of_vgg", "There are 10 convolutions: this is VGG-13", ""),
    ("T2-X23a", "tanh", (("nn.ReLU(inplace=True)", "nn.Tanh()"), ("nn.ReLU(True)", "nn.Tanh()")),
     "check_logits_of_vgg", "The activation is tanh, not ReLU", ""),
    ("T2-X23b", "linear features", (("nn.ReLU(inplace=True)", "nn.Identity()"),),
     "check_logits_of_vgg", "No activation follows the convolutions", ""),
    ("T2-X23c", "a linear head", (("nn.ReLU(True)", "nn.Identity()"),),
     "check_logits_of_vgg", "No activation follows the linear layers", ""),
    ("T2-X23d", "rounds up", (("kernel_size=2, stride=2", "kernel_size=2, stride=2, ceil_mode=True"),),
     "check_image_sizes_of_vgg", "The pooling rounds up", ""),
    ("T2-X23e", "batch normalisation",
     (("                layers.append(nn.ReLU(inplace=True))\n",
       "                layers.append(nn.BatchNorm2d(v))\n                layers.append(nn.ReLU(inplace=True))\n"),),
     "check_layers_of_vgg", None, SHAPE),
    ("T2-X23f", "no positions for ReLU",
     (("layers.append(nn.Conv2d(channels, v, kernel_size=3, padding=1))",
       "layers.append(nn.Sequential(nn.Conv2d(channels, v, kernel_size=3, padding=1), nn.ReLU()))"),
      ("                layers.append(nn.ReLU(inplace=True))\n", "")),
     "check_layers_of_vgg", None, SHAPE),
    ("T2-X23g", "dropout before the linear layers",
     (("            nn.Linear(512 * 7 * 7, 4096),\n            nn.ReLU(True),\n            nn.Dropout(p=dropout),\n"
       "            nn.Linear(4096, 4096),\n            nn.ReLU(True),\n            nn.Dropout(p=dropout),\n",
       "            nn.Linear(512 * 7 * 7, 4096),\n            nn.ReLU(True),\n            nn.Dropout(p=dropout),\n"
       "            nn.Linear(4096, 4096),\n            nn.ReLU(True),\n            nn.Identity(),\n"),
      ("x = torch.flatten(x, 1)", "x = nn.functional.dropout(x.flatten(1), self.classifier[2].p, self.training)")),
     "check_dropout_of_vgg", "Dropout comes before the linear layers, not after the ReLUs", ""),
    ("T2-X23h", "images of at least 64", (("x.size(2) < 32", "x.size(2) < 64"),),
     "check_image_sizes_of_vgg", None, OWN_ERROR),
    ("T2-X23i", "images of at least 224", (("x.size(3) < 32", "x.size(3) < 224"),),
     "check_image_sizes_of_vgg", None, OWN_ERROR),
    ("T2-X23j", "configuration C",
     (("        for v in self.CFG:\n", "        for i, v in enumerate(self.CFG):\n"
       "            third = i in (8, 12, 16)\n"),
      ("kernel_size=3, padding=1", "kernel_size=1 if third else 3, padding=0 if third else 1")),
     "check_layers_of_vgg", "The third convolutions are 1 x 1: this is configuration C, not D", ""),
    ("T2-X23k", "the last pooling is missing", (('512, 512, 512, "M"]', "512, 512, 512]"),),
     "check_logits_of_vgg", None, "it is rare, and the hint says enough"),
)  # fmt: skip

TRAIN_MUTANTS = _rows(
    "train_lenet",
    ("T2-X30a", "not trained", (("range(12)", "range(0)"),), "check_digits_are_recognised", None, TRAINED),
    ("T2-X30b", "stops too early", (("range(12)", "range(1)"),), "check_digits_are_recognised", None, TRAINED),
    ("T2-X30c", "no optimizer step", (("            optimizer.step()\n", ""),),
     "check_digits_are_recognised", None, TRAINED),
    ("T2-X30d", "gradients are never set to zero", (("            optimizer.zero_grad()\n", ""),
        ("torch.optim.Adam(net.parameters(), lr=0.002)", "torch.optim.SGD(net.parameters(), lr=0.5)")),
     "check_digits_are_recognised", None, TRAINED),
    ("T2-X30e", "steps that are far too large", (("lr=0.002", "lr=1.0"),),
     "check_digits_are_recognised", None, TRAINED),
    ("T2-X30f", "steps that are far too small", (("lr=0.002", "lr=1e-6"),),
     "check_digits_are_recognised", None, TRAINED),
    ("T2-X30g", "the loss goes up", (("            loss.backward()", "            (-loss).backward()"),),
     "check_digits_are_recognised", None, TRAINED),
    ("T2-X30h", "images and labels are shuffled apart", (("target[index]",
        "target[torch.randperm(len(target))[: len(index)]]"),),
     "check_digits_are_recognised", None, TRAINED),
    ("T2-X30i", "a new net at each pass", (("        order = ", "        net = LeNet5()\n        order = "),),
     "check_digits_are_recognised", None, TRAINED),
    ("T2-X30j", "another net is trained", (("    optimizer = torch.optim.Adam(net.parameters()",
                                            "    optimizer = torch.optim.Adam(LeNet5().parameters()"),),
     "check_digits_are_recognised", None, TRAINED),
    ("T2-X30k", "only the last layer learns", (("Adam(net.parameters()", "Adam(net.fc3.parameters()"),
                                               ("range(12)", "range(3)")),
     "check_digits_are_recognised", None, TRAINED),
    ("T2-X30l", "stays in training mode", (("    net.eval()\n", ""),), "check_digits_are_recognised", None,
     "the message says which mode it is in"),
    ("T2-X30m", "returns the accuracy", (("    return net\n", "    return 0.99\n"),),
     "check_digits_are_recognised", None, "the message says that it is no net"),
    ("T2-X31a", "the labels as they come", (("labels.long()", "labels"),), "check_labels_are_learned", None, OWN_ERROR),
    ("T2-X31b", "view", (("    target =", "    images = images.view(-1).view(len(images), 1, 32, 32)\n    target ="),),
     "check_labels_are_learned", None, OWN_ERROR),
    ("T2-X31k", "the net stays on the CPU", (("    net.to(images.device)\n", ""),),
     "check_placement_of_train_lenet", None, "no value is wrong; the message says what lives where"),
    ("T2-X31c", "the caller's random state is another one", (("    torch.set_rng_state(before)\n", ""),),
     "check_training_leaves_nothing_behind", None, CHANGED),
    ("T2-X31d", "no seed", (("    torch.manual_seed(seed)\n", ""), ("    torch.set_rng_state(before)\n", "")),
     "check_same_seed_same_weights", None, CHANCE),
    ("T2-X31e", "the seed decides the order only",
     (("    torch.manual_seed(seed)\n    net = LeNet5()\n", "    net = LeNet5()\n    torch.manual_seed(seed)\n"),),
     "check_same_seed_same_weights", None, CHANCE),
    ("T2-X31f", "the seed decides the first weights only",
     (("        order = torch.randperm(len(images))\n",
       "        order = torch.tensor(np.random.permutation(len(images)))\n"),
      ("    before = ", "    import numpy as np\n    before = ")),
     "check_same_seed_same_weights", None, CHANCE),
    ("T2-X31g", "shuffles the data in place",
     (("    optimizer = ", "    order = torch.randperm(len(images)).to(images.device)\n    images[:] = images[order]\n"
       "    target = labels[order].long()\n    labels[:] = target.to(labels.dtype)\n    optimizer = "),),
     "check_training_leaves_nothing_behind", None, CHANGED),
    ("T2-X31h", "centres the images in place, and forgets that",
     (("    target =", "    images -= 0.5\n    target ="),), "check_training_leaves_nothing_behind", None, CHANGED),
    ("T2-X31i", "grad mode is left off", (("    net.eval()\n", "    net.eval()\n    torch.set_grad_enabled(False)\n"),),
     "check_training_leaves_nothing_behind", None, CHANGED),
    ("T2-X31j", "float64 is left as the default",
     (("    net.eval()\n", "    net.eval()\n    torch.set_default_dtype(torch.float64)\n"),),
     "check_training_leaves_nothing_behind", None, CHANGED),
)  # fmt: skip

TRAIN_MUTANTS = (
    *TRAIN_MUTANTS,
    Mutant(
        "T2-X32a",
        "train_lenet",
        "trained on what the classes were yesterday: the labels are not looked at",
        _edit(
            TRAIN,
            (
                "    target = labels.long()\n",
                "    target = (images.mean(dim=(1, 2, 3)) * 1000).long() % 10\n",
            ),
        ),
        "check_digits_are_recognised",
        None,
        TRAINED,
    ),
)


def _misplaced(id: str, exercise: str, mistake: str, source: str) -> Mutant:
    """Return a mutant whose results are right, and not where they should be."""
    return Mutant(
        id, exercise, mistake, source, f"check_placement_of_{exercise}", None, "no value is wrong; the line is named"
    )


MISPLACED = (
    (
        _misplaced(
            "T2-X70a",
            "count_parameters",
            "numpy",
            _edit(COUNT, ("p.numel()", "p.numel() if p.is_meta else p.detach().numpy().size")),
        ),
        "total += p.numel() if p.is_meta else p.detach().numpy().size",
    ),
    (
        _misplaced(
            "T2-X71a",
            "count_parameters",
            "a tensor of zeros",
            _edit(
                COUNT,
                ("    total = 0\n", "    total = torch.zeros(1, dtype=torch.float64)\n"),
                ("total += p.numel()", "total = total + (p.numel() if p.is_meta else torch.ones_like(p).sum())"),
                ("    return total", "    return int(total)"),
            ),
        ),
        "total = torch.zeros(1, dtype=torch.float64)",
    ),
    (
        _misplaced("T2-X72a", "LeNet5", "back to the CPU", _edit(LENET, (_HEAD, "return self.fc3(x).cpu()"))),
        "return self.fc3(x).cpu()",
    ),
    (
        _misplaced(
            "T2-X71b",
            "LeNet5",
            "a constant of the notebook",
            "SCALE = torch.ones(1)\n\n\n" + _edit(LENET, (_HEAD, "return self.fc3(x) * SCALE.to(x.dtype)")),
        ),
        "return self.fc3(x) * SCALE.to(x.dtype)",
    ),
    (
        _misplaced(
            "T2-X70b",
            "LeNet5",
            "numpy",
            _edit(
                LENET,
                ("            raise ValueError(\"wrong shape\")\n", "            raise ValueError(\"wrong shape\")\n"
                 "        finite = bool(__import__('numpy').isfinite(x.detach().numpy()).all())\n"
                 "        assert finite\n"),
            ),
        ),
        "finite = bool(__import__('numpy').isfinite(x.detach().numpy()).all())",
    ),
    (
        _misplaced(
            "T2-X72b", "AlexNet", "back to the CPU", _edit(ALEXNET, (_CALL, "        x = self.classifier(x).cpu()\n"))
        ),
        "x = self.classifier(x).cpu()",
    ),
    (
        _misplaced(
            "T2-X71c",
            "AlexNet",
            "a mean that is made on the way",
            _edit(
                ALEXNET,
                (
                    "        x = self.features(x)\n",
                    "        mean = torch.zeros(1, 3, 1, 1, dtype=x.dtype)\n        x = self.features(x - mean)\n",
                ),
            ),
        ),
        "mean = torch.zeros(1, 3, 1, 1, dtype=x.dtype)",
    ),
    (
        _misplaced(
            "T2-X72c", "VGG16", "back to the CPU", _edit(VGG, (_CALL, "        x = self.classifier(x).to('cpu')\n"))
        ),
        "x = self.classifier(x).to('cpu')",
    ),
    (
        _misplaced(
            "T2-X71d",
            "VGG16",
            "a mean that is made on the way",
            _edit(
                VGG,
                (
                    "        x = self.features(x)\n",
                    "        mean = torch.tensor([0.0, 0.0, 0.0], dtype=x.dtype)[:, None, None]\n"
                    "        x = self.features(x - mean)\n",
                ),
            ),
        ),
        "mean = torch.tensor([0.0, 0.0, 0.0], dtype=x.dtype)[:, None, None]",
    ),
    (
        _misplaced("T2-X71e", "train_lenet", "weights of the classes", _edit(
            TRAIN,
            ("    target =", "    weight = torch.ones(10)\n    target ="),
            ("target[index])", "target[index], weight=weight)"),
        )),
        "weight = torch.ones(10)",
    ),
    (
        _misplaced(
            "T2-X70c",
            "train_lenet",
            "numpy",
            _edit(TRAIN, ("labels.long()", "torch.from_numpy(labels.numpy()).long().to(images.device)")),
        ),
        "target = torch.from_numpy(labels.numpy()).long().to(images.device)",
    ),
)  # fmt: skip
"""Mistakes about devices, which cost the points of placement alone, and the line that the report must name."""

MUTANTS = (
    *CONV_MUTANTS,
    *POOL_MUTANTS,
    *TRANSPOSED_MUTANTS,
    *PARAMS_MUTANTS,
    *LINEAR_MUTANTS,
    *COUNT_MUTANTS,
    *FIELD_MUTANTS,
    *LENET_MUTANTS,
    *ALEXNET_MUTANTS,
    *VGG_MUTANTS,
    *TRAIN_MUTANTS,
    *(mutant for mutant, _ in MISPLACED),
)
