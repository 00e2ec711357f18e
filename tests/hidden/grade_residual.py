"""Hidden checks of the topic *residual*: products of Jacobians, shattered gradients, residual blocks and networks.

Modules are judged by the numbers that are loaded into them, in float64, never by their initial ones: what a block
computes, in training and in evaluation, and what flows back through it. Sizes of large networks are looked at on the
meta device. What needs an object of the student's as an argument is called by helpers inside the worker; they are
trusted, not secret, and know no expected value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from expectations import expect_floats, expect_rounded
from torch import Generator, Tensor, nn
from wrong import residual as wrong

from autograder.checks import (
    Runs,
    cpu_only,
    exercise,
    expect_close,
    expect_equal,
    expect_item,
    expect_no_side_effects,
    expect_object,
    expect_placement,
    expect_raises,
    expect_tensor,
    expect_true,
    expect_tuple,
    hint,
    misconception,
    not_simulated,
    oracle,
    points,
)
from reference import residual as reference

residual = oracle(reference)

INVALID = "invalid arguments must raise, which is tested on the CPU only"
SHAPES = "only names and shapes are looked at, on the meta device"
ONLY_SHAPES = "only shapes are looked at"
MEMORY = "whose memory a result is in does not depend on the device"
MORE_NUMBERS = "other numbers, but no other path through the code than the checks above"

HELPERS = """
STUDENT = None


def _of_student(name):
    if name not in STUDENT.__dict__:
        raise NameError(f"{name} is not defined")
    return getattr(STUDENT, name)


def after_zeroing(name, jacobian):
    _of_student(name)([jacobian]).zero_()
    return jacobian


def list_gradients(name, jacobians, weight):
    leaves = [jacobian.detach().clone().requires_grad_() for jacobian in jacobians]
    product = _of_student(name)(leaves)
    return torch.autograd.grad((product * weight).sum(), leaves)


def model(kind, training=True, is_frozen=False):
    return globals()[kind]().train(training).requires_grad_(not is_frozen)


def without_grad(net, x):
    with torch.no_grad():
        return _of_student("input_gradient")(net, x)


def of_computed(net, x):
    leaf = x.clone().requires_grad_()
    return _of_student("input_gradient")(net, leaf * 1)


def on_view(name, x, *arguments):
    return _of_student(name)(torch.stack((x, x + 1), -1)[..., 0], *arguments)


def derivative_on_view(net, x):
    return _of_student("input_gradient")(net, torch.stack((x, x + 1), -1)[..., 0])


def traces(net, x):
    for number, parameter in enumerate(net.parameters()):
        parameter.grad = torch.full_like(parameter, 0.5) if number else None
    x = x.clone()
    g = _of_student("input_gradient")(net, x)
    grads = [None if p.grad is None else p.grad.clone() for p in net.parameters()]
    flags = [p.requires_grad for p in net.parameters()]
    return {"g": g, "is_detached": not g.requires_grad, "x": x, "x.grad": x.grad, "x.requires_grad": x.requires_grad,
            "grads": grads, "flags": flags, "training": net.training, "parameters": list(net.parameters())}


def leaf_traces(net, x):
    leaf = x.clone().requires_grad_()
    leaf.grad = torch.full_like(leaf, 3.0)
    g = _of_student("input_gradient")(net, leaf)
    return {"g": g, "is_detached": not g.requires_grad, "x.grad": leaf.grad, "x.requires_grad": leaf.requires_grad}


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return 2 * x


class Column(nn.Module):
    def forward(self, x):
        return x[:, :1]


class Row(nn.Module):
    def forward(self, x):
        return x[:1]


class Batch(nn.Module):
    def forward(self, x):
        return x[None]


def around(dimensions):
    return _of_student("Residual")(inner_of(dimensions))


def around_module(kind):
    kinds = {"Counter": Counter, "Column": Column, "Row": Row, "Batch": Batch, "Identity": nn.Identity}
    return _of_student("Residual")(kinds[kind]())


def number_of_calls(net, x):
    net(x)
    return net.g.calls


def block(kind, inplanes, planes, stride, has_shortcut=True):
    outplanes = planes * {"BasicBlock": 1, "Bottleneck": 4}[kind]
    if (stride == 1 and inplanes == outplanes) or not has_shortcut:
        return _of_student(kind)(inplanes, planes) if stride == 1 else _of_student(kind)(inplanes, planes, stride)
    projection = nn.Sequential(nn.Conv2d(inplanes, outplanes, 1, stride, bias=False), nn.BatchNorm2d(outplanes))
    return _of_student(kind)(inplanes, planes, stride=stride, downsample=projection)


def unchanged(net, x):
    return net(x), x


def network(layers, num_classes, shapes):
    net = _of_student("ResNet")(Light, layers, num_classes=num_classes).double()
    net.load_state_dict(state_of(shapes))
    return net


def some_gradients(net, x, weight, names):
    x = x.detach().clone().requires_grad_()
    parameters = dict(net.named_parameters())
    found = torch.autograd.grad((net(x) * weight).sum(), [x, *(parameters[name] for name in names)])
    return tuple(found)


def outline(kind, layers, *num_classes):
    with torch.device("meta"), Unfilled():
        net = _of_student("ResNet")(_of_student(kind), layers, *num_classes)
    return outline_of(net)


def outline_of(net):
    return {"parameters": {name: tuple(value.shape) for name, value in net.named_parameters()},
            "buffers": {name: tuple(value.shape) for name, value in net.named_buffers()}, "output": None}


def sizes(layers, shape):
    found, net = [], _of_student("ResNet")(Light, layers, 3).eval()
    for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
        stage[-1].register_forward_hook(lambda module, inputs, output: found.append(tuple(output.shape)))
    net(torch.zeros(shape))
    return found


def made_outline(name, *args, **kwargs):
    with torch.device("meta"), Unfilled():
        return outline_of(_of_student(name)(*args, **kwargs))


def described(name):
    with torch.device("meta"), Unfilled():
        net = _of_student(name)()
    return {"is_resnet": isinstance(net, _of_student("ResNet")), "is_training": net.training}
"""

SUM = "The Jacobians are added: the chain rule multiplies them"
FORWARD_ORDER = "The first layer stands on the left"
TRANSPOSED = "Rows and columns are swapped"
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
NO_FIRST_RELU = "There is no ReLU after the first convolution"
NO_SECOND_RELU = "There is no ReLU after the second convolution"
PREACTIVATION = "This is the pre-activation block (version 2)"
RELU_AT_ENTRY = "A ReLU works in place on the input, and changes what the shortcut carries"
ONE_NORM = "One batch normalisation is used after several convolutions"
NO_NORMS = "The batch normalisations are not applied"
NO_LAST_NORM = "There is no batch normalisation after the last convolution"
SHORTCUT_RELU = "There is a ReLU on the shortcut"
FROM_INSIDE = "The shortcut begins after the first convolution, not at the input"
ONLY_SHORTCUT = "The branch is not added: only the shortcut comes out"
STRIDE_ELSEWHERE = "Another convolution has the stride"
BIASES = "The convolutions have biases"
ONE_STATISTICS = "Batch normalisation uses the running statistics in training, too"
BATCH_STATISTICS = "Batch normalisation uses the statistics of the batch in evaluation, too"
NO_CHANNELS = "There is no projection where only the number of channels changes"
BARE_NORM = "The projection has no batch normalisation"
NO_PROJECTION = "There is no projection anywhere"


# ---------------------------------------------------------------------------------------------- products of Jacobians


@exercise("chain_rule")
@points(0.5)
@hint("How many inputs has the whole, and how many outputs? Which matrix touches the input?")
@misconception(TRANSPOSED, wrong.product_transposed)
def check_layers_of_other_sizes(student: Any) -> None:
    """Jacobians that are not square give the Jacobian of the whole."""
    jacobians = [reals((1.0, -2.0, 0.5), (0.25, 1.0, 3.0)), reals((2.0, 1.0), (-1.0, 0.5), (0.0, 4.0), (1.5, -2.5)),
                 reals((0.5, -1.0, 2.0, 0.25))]  # fmt: skip
    expect_floats(student.chain_rule(jacobians), residual.chain_rule(jacobians))
    expect_floats(student.chain_rule(tuple(jacobians[:2])), residual.chain_rule(jacobians[:2]))


@exercise("chain_rule")
@points(0.75)
@hint("Two layers one after the other are not the same when they change places. On which side does the next one stand?")
@misconception(FORWARD_ORDER, wrong.product_in_forward_order)
@misconception(SUM, wrong.product_is_sum)
@misconception("Entries are multiplied with entries", wrong.product_of_entries)
@misconception("The identity is added to each Jacobian: there is no shortcut here", wrong.product_is_residual)
@misconception(TRANSPOSED, wrong.product_transposed)
@misconception("The first Jacobian is left out", wrong.product_without_first)
@misconception("The last Jacobian is left out", wrong.product_without_last)
def check_order_of_the_layers(student: Any) -> None:
    """The last layer's Jacobian stands on the left."""
    jacobians = [reals((1.0, 2.0), (0.5, -1.0)), reals((0.0, -1.0), (1.0, 3.0)), reals((2.0, 0.25), (-0.5, 1.0))]
    expect_floats(student.chain_rule(jacobians), residual.chain_rule(jacobians))


@exercise("chain_rule")
@points(0.25)
@hint("Fifty factors of one half, and fifty of 1.1: what do you expect, and what comes out?")
@misconception(SUM, wrong.product_is_sum)
@misconception("The identity is added to each Jacobian: there is no shortcut here", wrong.product_is_residual)
def check_fifty_layers(student: Any) -> None:
    """Over fifty layers of one value, the product vanishes or explodes."""
    for factor in (1.1, 0.9, 0.5):
        jacobians = [reals((factor,))] * 50
        actual = expect_tensor(student.chain_rule(jacobians), shape=(1, 1))
        expected = residual.chain_rule(jacobians)
        expect_close(actual.double() / expected, torch.ones_like(expected), rtol=1e-4)


@exercise("chain_rule")
@cpu_only(MEMORY)
@points(0.25)
@hint("With a single Jacobian there is nothing to multiply. Is what comes back yours, or the caller's?")
def check_single_layer(student: Any) -> None:
    """One Jacobian alone comes back as a new tensor."""
    jacobian = reals((1.0, -2.0, 0.5), (0.25, 1.0, 3.0))
    expect_floats(student.chain_rule([jacobian]), residual.chain_rule([jacobian]))
    left = inside(student).helper("inside", "after_zeroing", "chain_rule", jacobian)
    expect_true(torch.equal(expect_tensor(left), jacobian), "the result shares its memory with the input")


@exercise("chain_rule")
@points(0.25)
@hint("Do you begin with a tensor of your own? Its dtype decides, too. And a list that you empty was not yours.")
def check_dtypes_and_lists_of_jacobians(student: Any) -> None:
    """The dtype is kept, views work, and neither the list nor its tensors are changed."""
    whole = [reals((1.0, 2.0), (3.0, -1.0)), reals((0.0, -1.0), (1.0, 3.0)), reals((2.0, 1.0), (-1.0, 1.0))]
    for dtype in (torch.float64, torch.float32):
        jacobians = [jacobian.to(dtype).t().contiguous().t() for jacobian in whole]
        actual = expect_no_side_effects(student, "chain_rule", jacobians)
        expect_close(actual, residual.chain_rule(whole), dtype=dtype)
    third = [jacobian / 3 for jacobian in whole]
    expect_close(student.chain_rule(third), residual.chain_rule(third))


@exercise("chain_rule")
@points(0.25)
@hint("`.detach()`, `.item()`, `.data` and NumPy cut the graph. Which of your steps does?")
def check_gradient_of_the_product(student: Any) -> None:
    """Gradients flow through the product to each Jacobian."""
    jacobians = [reals((1.0, -2.0, 0.5), (0.25, 1.0, 3.0)), reals((2.0, 1.0), (-1.0, 0.5)), reals((0.5, -1.5))]
    expect_list_gradients(student, "chain_rule", jacobians, reals((1.0, -2.0, 0.5)))


@exercise("chain_rule")
@cpu_only(INVALID)
@points(0.5)
@hint("What is a product of nothing? And PyTorch multiplies vectors and batches as well: do you ask for matrices?")
def check_jacobians_that_do_not_fit(student: Any) -> None:
    """No Jacobian, tensors that are no matrices, and neighbours that do not fit are refused."""
    wide, tall = torch.ones(2, 3, dtype=torch.float64), torch.ones(3, 2, dtype=torch.float64)
    expect_floats(student.chain_rule([wide, tall]), residual.chain_rule([wide, tall]))
    expect_raises(lambda: student.chain_rule([]))
    expect_raises(lambda: student.chain_rule([wide, wide]))
    expect_raises(lambda: student.chain_rule([wide[0]]))
    expect_raises(lambda: student.chain_rule([wide, wide[0, :2]]))
    expect_raises(lambda: student.chain_rule([wide[None], tall[None]]))


@exercise("chain_rule")
@points(0.25)
@hint("A product that begins with a matrix of your own begins on the CPU.")
def check_placement_of_chain_rule(runs: Runs) -> None:
    """On an accelerator, Jacobians are multiplied as on the CPU."""
    expect_placement(runs)


@exercise("residual_chain")
@points(0.75)
@hint("Each layer is `h + g(h)`. What is its derivative, and what happens to the derivatives of layers in a row?")
@misconception("The identity is not added: this is the chain without shortcuts", wrong.residual_is_plain)
@misconception(
    "1 plus the sum: each layer has a shortcut of its own, and then they are multiplied", wrong.residual_is_sum
)
@misconception("1 plus the product: that is one shortcut around all layers", wrong.residual_is_one_plus_product)
@misconception("The factors are added, not multiplied", wrong.residual_is_sum_of_factors)
@misconception(SUM, wrong.product_is_sum)
@misconception("The path along all shortcuts is missing", wrong.residual_minus_identity)
def check_layers_of_one_value(student: Any) -> None:
    """Layers of one value: the factors are one plus the derivatives of the branches."""
    jacobians = [reals((0.5,)), reals((-0.2,)), reals((0.1,))]
    expect_floats(student.residual_chain(jacobians), residual.residual_chain(jacobians))
    expect_floats(student.residual_chain(jacobians[:1]), residual.residual_chain(jacobians[:1]))


@exercise("residual_chain")
@points(0.75)
@hint("What plays the part of the 1 when the layers have several values? And on which side does the next layer stand?")
@misconception(FORWARD_ORDER, wrong.residual_in_forward_order)
@misconception("1 is added to every entry: the shortcut's Jacobian is the identity", wrong.residual_adds_ones)
@misconception("The identity is not added: this is the chain without shortcuts", wrong.residual_is_plain)
@misconception(
    "1 plus the sum: each layer has a shortcut of its own, and then they are multiplied", wrong.residual_is_sum
)
@misconception("1 plus the product: that is one shortcut around all layers", wrong.residual_is_one_plus_product)
@misconception("The factors are added, not multiplied", wrong.residual_is_sum_of_factors)
@misconception("Entries are multiplied with entries", wrong.residual_of_product_entries)
@misconception("The path along all shortcuts is missing", wrong.residual_minus_identity)
@misconception(SUM, wrong.product_is_sum)
@misconception(TRANSPOSED, wrong.residual_transposed)
def check_layers_of_several_values(student: Any) -> None:
    """Layers of several values, in the right order."""
    jacobians = [reals((1.0, 2.0), (0.5, -1.5)), reals((0.25, -1.0), (1.0, 3.0)), reals((2.0, 0.25), (-0.5, 1.0))]
    expect_floats(student.residual_chain(jacobians), residual.residual_chain(jacobians))


@exercise("residual_chain")
@points(0.25)
@hint("A branch that does nothing leaves the shortcut. Is there a branch that undoes the shortcut?")
@misconception("The identity is not added: this is the chain without shortcuts", wrong.residual_is_plain)
@misconception("1 is added to every entry: the shortcut's Jacobian is the identity", wrong.residual_adds_ones)
def check_flat_branches(student: Any) -> None:
    """Where the branches are flat the gradient passes; where a branch undoes its shortcut it still vanishes."""
    flat, undo, some = torch.zeros(3, 3).double(), -torch.eye(3).double(), reals((0, 1, 2), (3, 4, 5), (-1, 0, 2))
    for jacobians in ([flat] * 20, [flat, some, flat], [some, undo, some]):
        expect_floats(student.residual_chain(jacobians), residual.residual_chain(jacobians))


@exercise("residual_chain")
@points(0.25)
@hint("`+=`, `add_` and `fill_diagonal_` write into the caller's tensors. And which dtype has `torch.eye(d)`?")
def check_dtypes_and_lists_of_branches(student: Any) -> None:
    """The dtype is kept, views and tuples work, and neither the list nor its tensors are changed."""
    whole = [reals((1.0, 2.0), (3.0, -1.0)), reals((0.0, -1.0), (1.0, 3.0)), reals((2.0, 1.0), (-1.0, 1.0))]
    for dtype in (torch.float64, torch.float32):
        jacobians = [jacobian.to(dtype).t().contiguous().t() for jacobian in whole]
        actual = expect_no_side_effects(student, "residual_chain", jacobians)
        expect_close(actual, residual.residual_chain(whole), dtype=dtype)
    third = tuple(jacobian / 3 for jacobian in whole)
    expect_close(expect_no_side_effects(student, "residual_chain", third), residual.residual_chain(third))


@exercise("residual_chain")
@points(0.25)
@hint("`.detach()`, `.item()`, `.data` and NumPy cut the graph. Which of your steps does?")
def check_gradient_of_the_chain(student: Any) -> None:
    """Gradients flow through the chain to the Jacobian of each branch."""
    jacobians = [reals((1.0, -2.0), (0.25, 1.0)), reals((2.0, 1.0), (-1.0, 0.5))]
    expect_list_gradients(student, "residual_chain", jacobians, reals((1.0, -2.0), (0.5, 3.0)))


@exercise("residual_chain")
@cpu_only(INVALID)
@points(0.5)
@hint("A shortcut needs as many outputs as inputs. A row plus the identity is stretched by PyTorch: do you notice?")
def check_branches_that_are_not_square(student: Any) -> None:
    """No Jacobian, other shapes than square ones, and different sizes are refused."""
    two, three = torch.ones(2, 2, dtype=torch.float64), torch.ones(3, 3, dtype=torch.float64)
    expect_floats(student.residual_chain([two, two]), residual.residual_chain([two, two]))
    expect_raises(lambda: student.residual_chain([]))
    expect_raises(lambda: student.residual_chain([three[:2], three[:, :2]]))
    expect_raises(lambda: student.residual_chain([two, three]))
    expect_raises(lambda: student.residual_chain([three, three[:1]]))
    expect_raises(lambda: student.residual_chain([three[:, :1]]))
    expect_raises(lambda: student.residual_chain([three, three[0]]))
    expect_raises(lambda: student.residual_chain([two[None], two[None]]))


@exercise("residual_chain")
@points(0.25)
@hint("The identity is a tensor that you make. Where does it live?")
def check_placement_of_residual_chain(runs: Runs) -> None:
    """On an accelerator, residual layers are multiplied as on the CPU."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- shattered gradients


@exercise("input_gradient")
@points(1.0)
@hint(
    "Every point has its own derivative. Of which single number can you take the gradient to get all of them at once?"
)
@misconception("The output itself comes back, not its derivative", wrong.derivative_is_output)
@misconception("The mean over the points is differentiated: it divides every derivative by N", wrong.derivative_of_mean)
@misconception("The column is kept: (N, 1) instead of (N,)", wrong.derivative_keeps_column)
@misconception("Neighbours are subtracted: that is a difference, no derivative", wrong.derivative_is_difference)
@misconception("Neighbours are subtracted: that is a difference, no derivative", wrong.derivative_is_numpy_gradient)
@misconception("The derivatives are summed over the points", wrong.derivative_is_summed)
@misconception("The sign is lost", wrong.derivative_is_absolute)
@misconception("The square of the output is differentiated", wrong.derivative_of_square)
def check_derivative_at_each_point(student: Any) -> None:
    """The derivative of a formula and of a small network, at every point."""
    x = reals((-2.0,), (-0.75,), (0.0,), (0.5,), (1.25,), (3.0,))
    for kind in ("Wave", "Hidden"):
        net = made(student, kind)
        expect_floats(student.input_gradient(net, x), expected_gradient(kind, x))
        expect_floats(student.input_gradient(net, x[3:]), expected_gradient(kind, x[3:]))


@exercise("input_gradient")
@points(0.5)
@hint("What does autograd say of an input that was not used? And does one point make a vector?")
def check_constant_networks(student: Any) -> None:
    """Where the output does not depend on the input the derivative is 0; one point gives one value."""
    x = reals((-2.0,), (0.0,), (0.5,))
    for kind in ("Level", "Constant"):
        expect_floats(student.input_gradient(made(student, kind), x), torch.zeros(3).double())
    expect_floats(student.input_gradient(made(student, "Wave"), x[:1]), expected_gradient("Wave", x[:1]))


@exercise("input_gradient")
@points(0.75)
@hint("`backward()` writes into `.grad` of everything that it meets. There is a function that only returns gradients.")
def check_nothing_is_left_behind(student: Any) -> None:
    """No `.grad` is written, nothing about the model or `x` has changed, and the result is detached."""
    x = reals((-2.0,), (0.0,), (0.5,))
    for kind in ("Hidden", "Wave"):
        net = made(student, kind)
        before = net.call("state_dict")
        left = student.helper("inside", "traces", net, x)
        expect_floats(expect_item(left, "g"), expected_gradient(kind, x))
        expect_true(expect_item(left, "is_detached") is True, "expected a detached result. It has a graph.")
        expect_true(torch.equal(expect_tensor(expect_item(left, "x")), x), "x has been changed in place")
        expect_true(expect_item(left, "x.grad") is None, "a gradient has been left in x.grad")
        expect_true(expect_item(left, "x.requires_grad") is False, "x.requires_grad has been changed")
        expect_true(expect_item(left, "training") is True, "the mode of the model has been changed")
        flags = expect_item(left, "flags")
        expect_true(flags == [True] * len(before), "requires_grad of a parameter has been changed")
        first, *others = expect_tuple(expect_item(left, "grads"), len(before))
        is_kept = first is None and all(bool((expect_tensor(grad) == 0.5).all()) for grad in others)
        expect_true(is_kept, "the .grad of a parameter has been changed")
        pairs = zip(expect_tuple(expect_item(left, "parameters"), len(before)), before.values(), strict=True)
        expect_true(all(torch.equal(after, value) for after, value in pairs), "a parameter has been changed")
    left = student.helper("inside", "leaf_traces", net, x)
    expect_floats(expect_item(left, "g"), expected_gradient("Wave", x))
    expect_true(expect_item(left, "is_detached") is True, "expected a detached result. It has a graph.")
    expect_true(expect_item(left, "x.requires_grad") is True, "x.requires_grad has been changed")
    grad = expect_tensor(expect_item(left, "x.grad"), shape=x.shape)
    expect_true(bool((grad == 3.0).all()), "the x.grad that was there before has been changed")


@exercise("input_gradient")
@points(0.5)
@hint("Whether the caller is inside `torch.no_grad()` or has frozen parameters: you need a graph, for `x` alone.")
def check_frozen_models(student: Any) -> None:
    """Frozen parameters, `torch.no_grad()` and an `x` that has been computed make no difference."""
    x = reals((-2.0,), (0.0,), (0.5,))
    frozen = made(student, "Wave", True, True)
    expect_floats(student.input_gradient(frozen, x), expected_gradient("Wave", x))
    expect_floats(student.helper("inside", "without_grad", frozen, x), expected_gradient("Wave", x))
    net = made(student, "Hidden")
    expect_floats(student.helper("inside", "without_grad", net, x), expected_gradient("Hidden", x))
    expect_floats(student.helper("inside", "of_computed", net, x), expected_gradient("Hidden", x))


@exercise("input_gradient")
@points(0.25)
@hint("The model runs as it is: in its mode, on all points at once, and perhaps in place.")
def check_models_as_they_are(student: Any) -> None:
    """Models run in the mode that they are in, and may work in place."""
    x = reals((-2.0,), (0.75,), (0.5,))
    expect_floats(student.input_gradient(made(student, "Moody", True), x), 3 * x[:, 0].square())
    expect_floats(student.input_gradient(made(student, "Moody", False), x), torch.full((3,), 3.0).double())
    left = student.helper("inside", "traces", made(student, "Kinked"), x)
    expect_floats(expect_item(left, "g"), 2.0 * (x[:, 0] > 0))
    expect_true(torch.equal(expect_tensor(expect_item(left, "x")), x), "x has been changed in place")


@exercise("input_gradient")
@points(0.25)
@hint("Which dtype has the result for float32, which for float64? What do you make anew, and of which dtype?")
def check_dtypes_of_points(student: Any) -> None:
    """The dtype of `x` is kept, and points that are not contiguous work."""
    x, net = reals((-2.0,), (0.75,), (0.5,)), made(student, "Wave")
    expect_close(student.input_gradient(net, x), expected_gradient("Wave", x))
    expect_close(student.helper("inside", "derivative_on_view", net, x), expected_gradient("Wave", x))
    net = made(student, "Wave")
    net.call("float")
    expect_close(student.input_gradient(net, x.float()), expected_gradient("Wave", x), dtype=torch.float32)


@exercise("input_gradient")
@cpu_only(INVALID)
@points(0.5)
@hint("Compare two shapes with `(N, 1)`: that of `x`, and that of what the model returns.")
def check_points_that_are_no_column(student: Any) -> None:
    """An `x` that is not floating `(N, 1)`, and models with another output than that, are refused."""
    x, net = reals((-2.0,), (0.0,), (0.5,)), made(student, "Wave")
    expect_floats(student.input_gradient(net, x), expected_gradient("Wave", x))
    expect_raises(lambda: student.input_gradient(net, x[:, 0]))
    expect_raises(lambda: student.input_gradient(net, x.t()))
    expect_raises(lambda: student.input_gradient(net, x[None]))
    expect_raises(lambda: student.input_gradient(net, x.long()))
    for kind in ("Twofold", "Flattened", "Summed"):
        other = made(student, kind)
        expect_raises(partial(student.input_gradient, other, x))


@exercise("input_gradient")
@points(0.25)
@hint("The points that you differentiate at must be where the model is, which is where `x` is.")
def check_placement_of_input_gradient(runs: Runs) -> None:
    """On an accelerator, derivatives are taken as on the CPU."""
    expect_placement(runs)


@exercise("autocorrelation")
@points(1.25)
@hint("Take four values and a pencil: subtract the mean, multiply each value with the next one, add. Divide by what?")
@misconception(NOT_CENTRED, wrong.correlation_not_centred)
@misconception(UNBIASED, wrong.correlation_unbiased)
@misconception(
    NOT_CENTRED + ", and each lag is divided by the number of its own pairs", wrong.correlation_not_centred_unbiased
)
@misconception(CIRCULAR, wrong.correlation_circular)
@misconception(CIRCULAR + ", and the mean is not subtracted", wrong.correlation_circular_not_centred)
@misconception("The sums are not divided by the one of lag 0", wrong.correlation_not_normalised)
@misconception("This is the autocovariance: it is not divided by the variance", wrong.correlation_is_covariance)
@misconception("The variance is taken with N - 1, the products with N", wrong.correlation_by_sample_variance)
@misconception("Lag 0 is left out", wrong.correlation_from_lag_one)
@misconception("The last lag is left out", wrong.correlation_without_last_lag)
@misconception(
    "The first value of `correlate` is not lag 0, which stands in the middle", wrong.correlation_from_the_middle
)
@misconception("Each lag has means and variances of its own (Pearson)", wrong.correlation_of_pearson)
@misconception("One of the two sequences runs backwards: this is a convolution", wrong.correlation_is_convolution)
@misconception("The sign is lost", wrong.correlation_is_absolute)
def check_lags_of_few_values(student: Any) -> None:
    """Few values, centred: every lag from 0 to `max_lag`."""
    g = real(3.0, -1.0, 4.0, 1.5, -5.0, 9.0, 2.5)
    expect_floats(student.autocorrelation(g, 4), residual.autocorrelation(g, 4))
    expect_floats(student.autocorrelation(g[:4], max_lag=2), residual.autocorrelation(g[:4], 2))
    expect_floats(student.autocorrelation(g, 0), residual.autocorrelation(g, 0))


@exercise("autocorrelation")
@points(0.5)
@hint("`center=False`: what is taken away from the values then?")
@misconception("The mean is subtracted whatever `center` is", wrong.correlation_always_centred)
@misconception(UNBIASED, wrong.correlation_unbiased)
@misconception(CIRCULAR, wrong.correlation_circular)
@misconception("The sums are not divided by the one of lag 0", wrong.correlation_not_normalised)
def check_values_that_are_not_centred(student: Any) -> None:
    """With `center=False` the values are taken as they are."""
    g = real(3.0, -1.0, 4.0, 1.5, -5.0, 9.0, 2.5)
    expect_floats(student.autocorrelation(g, 3, False), residual.autocorrelation(g, 3, False))
    expect_floats(student.autocorrelation(g, 2, center=False), residual.autocorrelation(g, 2, False))
    expect_floats(student.autocorrelation(g, 2, center=True), residual.autocorrelation(g, 2, True))


@exercise("autocorrelation")
@points(0.25)
@hint("How many pairs are there at lag N, and what is their sum? What does a slice such as `g[:-k]` do for k = 0?")
@misconception(CIRCULAR, wrong.correlation_circular)
def check_lags_beyond_the_end(student: Any) -> None:
    """From lag N on there is no pair left: 0."""
    g = real(3.0, -1.0, 4.0)
    expect_floats(student.autocorrelation(g, 6), residual.autocorrelation(g, 6))
    expect_floats(student.autocorrelation(g, 3, center=False), residual.autocorrelation(g, 3, False))
    expect_floats(student.autocorrelation(g[:1], 2, center=False), residual.autocorrelation(g[:1], 2, False))


@exercise("autocorrelation")
@points(0.25)
@hint("What is 0 divided by 0? And is the mean of seven times 0.1 the same float as 0.1?")
@misconception("A sequence without variation gets 0", wrong.correlation_of_constant_is(0.0))
@misconception("A sequence without variation gets 1", wrong.correlation_of_constant_is(1.0))
@misconception("Lag 0 is set to 1 by hand", wrong.correlation_of_constant_begins_with_one)
def check_sequences_without_variation(student: Any) -> None:
    """A constant sequence, and zeros that are not centred, have no autocorrelation: NaN at every lag."""
    for g in (real(2.0, 2.0, 2.0, 2.0), real(*[0.1] * 7), real(-1.5)):
        expect_floats(student.autocorrelation(g, 2), residual.autocorrelation(g, 2))
    zeros = torch.zeros(5, dtype=torch.float64)
    expect_floats(student.autocorrelation(zeros, 2, center=False), residual.autocorrelation(zeros, 2, False))


@exercise("autocorrelation")
@points(0.25)
@hint("The square of a tiny number is 0, that of a huge one infinite. Does a factor change the quotient?")
def check_scale_of_the_values(student: Any) -> None:
    """The scale is of no importance, even where squares would be 0 or infinite."""
    g = real(3.0, -1.0, 4.0, 1.5, -5.0, 9.0, 2.5)
    for scale in (1e-30, 1e30):
        actual = student.autocorrelation((scale * g).float(), 3)
        expect_close(actual, residual.autocorrelation(g, 3), dtype=torch.float32)
    for scale in (1e-200, 1e200):
        expect_floats(student.autocorrelation(scale * g, 3, False), residual.autocorrelation(g, 3, False))


@exercise("autocorrelation")
@points(0.25)
@hint("Which dtype has the result for float16, and which for integers? What is the mean of integers, or of bools?")
def check_dtypes_of_sequences(student: Any) -> None:
    """Floats of any dtype keep it, integers and bools give float32."""
    g = torch.tensor([3, 0, 4, 1, 5, 9, 2])
    expected = residual.autocorrelation(g.double(), 3)
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        expect_rounded(student.autocorrelation(g.to(dtype), 3), expected, dtype)
    for dtype in (torch.int64, torch.uint8):
        expect_rounded(student.autocorrelation(g.to(dtype), 3), expected, torch.float32)
    bits = torch.tensor([True, False, False, True, True])
    expect_rounded(student.autocorrelation(bits, 2), residual.autocorrelation(bits.double(), 2), torch.float32)


@exercise("autocorrelation")
@points(0.25)
@hint("`.item()`, `.detach()` and NumPy cut the graph. So does writing into a tensor that has none.")
def check_gradient_of_the_autocorrelation(student: Any) -> None:
    """Gradients flow through the result."""
    g, weight = real(3.0, -1.0, 4.0, 1.5, -5.0, 9.0), real(0.5, 1.0, -2.0)
    for center in (True, False):
        actual = student.gradients("autocorrelation", g, 2, center, weight=weight)
        leaf = g.clone().requires_grad_(True)
        total = (reference.autocorrelation(leaf, 2, center) * weight).sum()
        (expected,) = torch.autograd.grad(total, leaf)
        expect_floats(actual.inputs[0], expected)


@exercise("autocorrelation")
@points(0.25)
@hint("`g -= g.mean()` changes the caller's gradients. And do you need memory without gaps?")
def check_views_of_sequences(student: Any, generator: Generator) -> None:
    """A longer sequence that is a view works, and is left as it is."""
    walk = torch.randn(64, 2, generator=generator, dtype=torch.float64).cumsum(0)
    for g in (walk[:, 0], walk[::4, 1], walk[5]):
        expect_floats(expect_no_side_effects(student, "autocorrelation", g, 9), residual.autocorrelation(g, 9))
    found = inside(student).helper("inside", "on_view", "autocorrelation", walk[:, 1], 5)
    expect_floats(found, residual.autocorrelation(walk[:, 1], 5))


@exercise("autocorrelation")
@not_simulated(MORE_NUMBERS)
@points(0.25)
@hint("Compute one lag with a loop over all pairs, and compare.")
@misconception(NOT_CENTRED, wrong.correlation_not_centred)
@misconception(UNBIASED, wrong.correlation_unbiased)
@misconception(CIRCULAR, wrong.correlation_circular)
@misconception("Each lag has means and variances of its own (Pearson)", wrong.correlation_of_pearson)
def check_many_values(student: Any, generator: Generator) -> None:
    """Noise and a random walk of 256 values, 32 lags."""
    noise = torch.randn(256, generator=generator, dtype=torch.float64) + 0.5
    for g in (noise, noise.cumsum(0)):
        expect_floats(student.autocorrelation(g, 32), residual.autocorrelation(g, 32))


@exercise("autocorrelation")
@cpu_only(INVALID)
@points(0.25)
@hint("Which sequences, and which lags, have no meaning?")
def check_sequences_that_are_none(student: Any) -> None:
    """Tensors that are not 1-D, empty ones and negative lags are refused."""
    g = real(3.0, -1.0, 4.0)
    expect_floats(student.autocorrelation(g, 1), residual.autocorrelation(g, 1))
    expect_raises(lambda: student.autocorrelation(g[:, None], 1))
    expect_raises(lambda: student.autocorrelation(g[0], 0))
    expect_raises(lambda: student.autocorrelation(g[:0], 1))
    expect_raises(lambda: student.autocorrelation(g, -1))


@exercise("autocorrelation")
@points(0.25)
@hint("`torch.zeros`, `torch.arange` and NumPy make tensors on the CPU. Does one of them meet `g`?")
def check_placement_of_autocorrelation(runs: Runs) -> None:
    """On an accelerator, autocorrelations are computed as on the CPU, and stay there."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- the shortcut


@exercise("Residual")
@points(1.0)
@hint("Two ways lead from `x` to the sum. Write down what arrives on each.")
@misconception(NO_SHORTCUT, wrong.residual_without_shortcut)
@misconception(SHORTCUT_TWICE, wrong.residual_twice)
@misconception("The two ways are multiplied, not added", wrong.residual_multiplied)
@misconception("There is a ReLU after the addition, as in the blocks of the paper", wrong.residual_with_relu)
@misconception("The mean of the two ways is taken", wrong.residual_averaged)
@misconception("The branch is added to itself, not to the input", wrong.residual_of_doubled)
@misconception("The input is subtracted, not added", wrong.residual_subtracted)
@misconception("The two ways are put beside each other (as in a DenseNet)", wrong.residual_concatenated)
def check_branch_plus_input(student: Any, generator: Generator) -> None:
    """The result is `g(x) + x`, for modules of any kind, in both modes."""
    for x in (torch.randn(4, 3, generator=generator).double(), torch.randn(2, 2, 4, 5, generator=generator).double(),
              real(-1.0, 2.0, -0.5)):  # fmt: skip
        net = inside(student).helper("inside", "around", x.dim())
        for mode in ("eval", "train"):
            net.call(mode)
            expect_close(net(x), expected_residual(x))


@exercise("Residual")
@points(0.5)
@hint("A module that is kept in an attribute is found by PyTorch. Under which name, and what else is found?")
def check_names_of_residual(student: Any) -> None:
    """The parameters are those of `g`, under its name, and can be loaded."""
    net = inside(student).helper("inside", "around", 2)
    state = net.call("state_dict")
    expect_names(shapes_in(state), {"g.0.weight": (3, 3), "g.0.bias": (3,)})
    x = reals((1.0, -2.0, 0.5))
    net.call("load_state_dict", {name: -2.0 * value for name, value in state.items()})
    inner = wrong.inner_of(2)
    inner.load_state_dict({name: -2.0 * value for name, value in inner.state_dict().items()})
    with torch.no_grad():
        expect_close(net(x), inner(x) + x)


@exercise("Residual")
@points(0.5)
@hint("Both ways carry a gradient back. Does one of them end early, or does something in place destroy a result?")
def check_gradient_of_residual(student: Any, generator: Generator) -> None:
    """Gradients flow back through both ways."""
    x, weight = (torch.randn(4, 3, generator=generator).double() for _ in range(2))
    net = inside(student).helper("inside", "around", 2)
    twin = reference.Residual(wrong.inner_of(2))
    expect_gradients(net.gradients(x, weight=weight), twin, x, weight)


@exercise("Residual")
@points(0.25)
@hint("If `g` hands its input on, whose tensor does `+=` write into?")
def check_input_of_residual(student: Any, generator: Generator) -> None:
    """The input is not changed, not even if `g` returns it; views and float32 work, and `g` is called once."""
    x = torch.randn(3, 2, 5, 4, generator=generator).double()
    net = inside(student).helper("inside", "around_module", "Identity")
    for some in (x, x.transpose(2, 3), x.contiguous(memory_format=torch.channels_last), x[:0], x.float()):
        y, left = expect_tuple(student.helper("inside", "unchanged", net, some), 2)
        expect_close(y, 2 * some.double(), dtype=some.dtype)
        expect_true(torch.equal(expect_tensor(left), some), "the input has been changed in place")
    net = student.helper("inside", "around_module", "Counter")
    expect_equal(student.helper("inside", "number_of_calls", net, x), 1)


@exercise("Residual")
@cpu_only(INVALID)
@points(0.5)
@hint("`+` stretches what does not fit. Compare the shapes first.")
def check_shapes_of_the_two_ways(student: Any) -> None:
    """A branch of another shape is refused, also where PyTorch would stretch it."""
    x = reals((1.0, -2.0, 0.5), (0.0, 1.0, 3.0))
    expect_close(expect_object(inside(student).helper("inside", "around", 2))(x), expected_residual(x))
    for kind in ("Column", "Row", "Batch"):
        net = expect_object(student.helper("inside", "around_module", kind))
        expect_raises(partial(net, x))


@exercise("Residual")
@points(0.25)
@hint("`.to(device)` moves parameters, buffers and modules, and nothing else that you keep.")
def check_placement_of_Residual(runs: Runs) -> None:
    """On an accelerator, the shortcut works as on the CPU."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- the blocks


@exercise("BasicBlock")
@cpu_only(SHAPES)
@points(1.0)
@hint("The docstring lists every layer with its sizes. Which of yours has a number too many, or a name of its own?")
@misconception(BIASES, wrong.block_outline("BasicBlock", wrong.biases))
@misconception(ONE_NORM, wrong.block_outline("BasicBlock", wrong.without("bn2")))
@misconception("There are no batch normalisations", wrong.block_outline("BasicBlock", wrong.without("bn1", "bn2")))
@misconception(
    "The block makes a shortcut of its own, which it should be given", wrong.block_makes_shortcut("BasicBlock")
)
def check_names_of_BasicBlock(student: Any) -> None:
    """The parameters and buffers have the names and shapes of the docstring, and there are no others."""
    expect_outlines(student, "BasicBlock", (4, 4), (3, 5, 2), (6, 2))


@exercise("BasicBlock")
@points(1.5)
@hint("Write the block down as a row of eight steps, from `x` to the last ReLU. Where does the shortcut come in?")
@misconception(RELU_BEFORE, wrong.block("BasicBlock", wrong.relu_only_before))
@misconception(RELU_TWICE, wrong.block("BasicBlock", wrong.relu_before_and_after))
@misconception(NO_LAST_RELU, wrong.block("BasicBlock", wrong.no_last_relu))
@misconception(NO_SHORTCUT, wrong.block("BasicBlock", wrong.no_shortcut))
@misconception(SHORTCUT_TWICE, wrong.block("BasicBlock", wrong.shortcut_twice))
@misconception(NORM_LAST, wrong.block("BasicBlock", wrong.norm_after_addition))
@misconception(RELU_FIRST, wrong.block("BasicBlock", wrong.relu_before_norm))
@misconception(RELU_FIRST, wrong.block("BasicBlock", wrong.relu_before_norm_everywhere))
@misconception(NO_RELU_BETWEEN, wrong.block("BasicBlock", wrong.no_relu_between))
@misconception(PREACTIVATION, wrong.block("BasicBlock", wrong.preactivation))
@misconception(RELU_AT_ENTRY, wrong.block("BasicBlock", wrong.relu_at_the_entry))
@misconception(ONE_NORM, wrong.block("BasicBlock", wrong.one_norm_for_all))
@misconception(NO_NORMS, wrong.block("BasicBlock", wrong.no_norms))
@misconception(NO_LAST_NORM, wrong.block("BasicBlock", wrong.no_last_norm))
@misconception(SHORTCUT_RELU, wrong.block("BasicBlock", wrong.shortcut_normalised))
@misconception(FROM_INSIDE, wrong.block("BasicBlock", wrong.shortcut_from_inside))
@misconception(ONLY_SHORTCUT, wrong.block("BasicBlock", wrong.only_shortcut))
@misconception(BATCH_STATISTICS, wrong.block("BasicBlock", wrong.always_batch_statistics))
def check_BasicBlock_in_evaluation(student: Any, generator: Generator) -> None:
    """With given weights, in evaluation mode, a block without `downsample` computes the right numbers."""
    expect_block(student, "BasicBlock", torch.randn(2, 4, 6, 5, generator=generator).double(), training=False)


@exercise("BasicBlock")
@points(1.25)
@hint("Where shapes change, what does the shortcut do with `x`? And which of the two convolutions makes larger steps?")
@misconception(STRIDE_ELSEWHERE, wrong.block("BasicBlock", wrong.stride_in(2)))
@misconception(NO_SHORTCUT, wrong.block("BasicBlock", wrong.no_shortcut))
@misconception(RELU_BEFORE, wrong.block("BasicBlock", wrong.relu_only_before))
@misconception(RELU_TWICE, wrong.block("BasicBlock", wrong.relu_before_and_after))
@misconception(NO_LAST_RELU, wrong.block("BasicBlock", wrong.no_last_relu))
@misconception(SHORTCUT_RELU, wrong.block("BasicBlock", wrong.shortcut_normalised))
@misconception(SHORTCUT_TWICE, wrong.block("BasicBlock", wrong.shortcut_twice))
@misconception(NORM_LAST, wrong.block("BasicBlock", wrong.norm_after_addition))
def check_BasicBlock_with_projection(student: Any, generator: Generator) -> None:
    """With a `downsample` the shortcut goes through it, whether the stride or only the channels change."""
    expect_block(student, "BasicBlock", torch.randn(2, 3, 7, 6, generator=generator).double(), training=False)
    expect_block(student, "BasicBlock", torch.randn(1, 6, 5, 4, generator=generator).double(), training=False)


@exercise("BasicBlock")
@points(1.0)
@hint("In training, batch normalisation looks at the batch. Which of your layers sees other numbers than it should?")
@misconception(STRIDE_ELSEWHERE, wrong.block("BasicBlock", wrong.stride_in(2), training=True))
@misconception(ONE_STATISTICS, wrong.block("BasicBlock", wrong.always_running_statistics, training=True))
@misconception(ONE_NORM, wrong.block("BasicBlock", wrong.one_norm_for_all, training=True))
@misconception(RELU_BEFORE, wrong.block("BasicBlock", wrong.relu_only_before, training=True))
@misconception(RELU_TWICE, wrong.block("BasicBlock", wrong.relu_before_and_after, training=True))
@misconception(NO_LAST_RELU, wrong.block("BasicBlock", wrong.no_last_relu, training=True))
@misconception(RELU_FIRST, wrong.block("BasicBlock", wrong.relu_before_norm, training=True))
def check_BasicBlock_in_training(student: Any, generator: Generator) -> None:
    """In training mode the numbers are right too, and the running statistics follow."""
    for shape in ((2, 3, 7, 6), (3, 4, 4, 5)):
        expect_block(student, "BasicBlock", torch.randn(shape, generator=generator).double(), training=True)


@exercise("BasicBlock")
@points(0.75)
@hint("A gradient has two ways back. Is one of them closed, or is a result destroyed that the way back needs?")
def check_gradients_of_BasicBlock(student: Any, generator: Generator) -> None:
    """Gradients reach the input and every parameter, in both modes."""
    expect_block_gradients(student, "BasicBlock", (4, 3), generator)


@exercise("BasicBlock")
@points(0.75)
@hint("Does anything in your block write into `x`, need a certain memory layout, or fix a dtype?")
def check_inputs_of_BasicBlock(student: Any, generator: Generator) -> None:
    """Inputs are not changed; one image, views, channels last and float32 work."""
    expect_block_inputs(student, "BasicBlock", torch.randn(2, 4, 5, 5, generator=generator).double())


@exercise("BasicBlock")
@cpu_only(INVALID)
@points(0.5)
@hint("One channel plus four, or one pixel plus nine: PyTorch adds what does not fit. Compare the shapes before.")
def check_shapes_in_BasicBlock(student: Any) -> None:
    """Branch and shortcut of different shapes are refused, also where PyTorch would stretch one of them."""
    expect_block(student, "BasicBlock", torch.ones(1, 4, 3, 3, dtype=torch.float64), training=False)
    for inplanes, planes, stride, size in ((3, 4, 1, 4), (1, 4, 1, 4), (4, 4, 2, 6), (4, 4, 2, 2), (4, 1, 1, 3)):
        block = student.helper("inside", "block", "BasicBlock", inplanes, planes, stride, False)
        block.call("eval")
        expect_raises(partial(block, torch.ones(1, inplanes, size, size)))


@exercise("BasicBlock")
@points(0.25)
@hint("`.to(device)` moves parameters, buffers and modules, and nothing else that you keep.")
def check_placement_of_BasicBlock(runs: Runs) -> None:
    """On an accelerator, the block works as on the CPU."""
    expect_placement(runs)


@exercise("Bottleneck")
@cpu_only(SHAPES)
@points(1.0)
@hint("The docstring lists every layer with its sizes. Which of yours is too wide, or has a number too many?")
@misconception(BIASES, wrong.block_outline("Bottleneck", wrong.biases))
@misconception(ONE_NORM, wrong.block_outline("Bottleneck", wrong.without("bn2")))
@misconception(ONE_NORM, wrong.block_outline("Bottleneck", wrong.without("bn2", "bn3")))
@misconception(
    "The last convolution does not widen: it has as many channels as the others", wrong.bottleneck_does_not_widen
)
@misconception("The first convolution does not narrow", wrong.bottleneck_does_not_narrow)
@misconception(
    "The block makes a shortcut of its own, which it should be given", wrong.block_makes_shortcut("Bottleneck")
)
def check_names_of_Bottleneck(student: Any) -> None:
    """The parameters and buffers have the names and shapes of the docstring, and there are no others."""
    expect_outlines(student, "Bottleneck", (8, 2), (3, 5, 2), (6, 2))


@exercise("Bottleneck")
@points(1.25)
@hint("Narrow, work, widen: what follows each convolution, and what follows the addition?")
@misconception(RELU_BEFORE, wrong.block("Bottleneck", wrong.relu_only_before))
@misconception(RELU_TWICE, wrong.block("Bottleneck", wrong.relu_before_and_after))
@misconception(NO_LAST_RELU, wrong.block("Bottleneck", wrong.no_last_relu))
@misconception(NO_SHORTCUT, wrong.block("Bottleneck", wrong.no_shortcut))
@misconception(SHORTCUT_TWICE, wrong.block("Bottleneck", wrong.shortcut_twice))
@misconception(NORM_LAST, wrong.block("Bottleneck", wrong.norm_after_addition))
@misconception(RELU_FIRST, wrong.block("Bottleneck", wrong.relu_before_norm))
@misconception(RELU_FIRST, wrong.block("Bottleneck", wrong.relu_before_norm_everywhere))
@misconception(NO_RELU_BETWEEN, wrong.block("Bottleneck", wrong.no_relu_between))
@misconception(NO_FIRST_RELU, wrong.block("Bottleneck", wrong.no_first_relu))
@misconception(NO_SECOND_RELU, wrong.block("Bottleneck", wrong.no_second_relu))
@misconception(RELU_AT_ENTRY, wrong.block("Bottleneck", wrong.relu_at_the_entry))
@misconception(ONE_NORM, wrong.block("Bottleneck", wrong.one_norm_for_all))
@misconception(NO_NORMS, wrong.block("Bottleneck", wrong.no_norms))
@misconception(NO_LAST_NORM, wrong.block("Bottleneck", wrong.no_last_norm))
@misconception(SHORTCUT_RELU, wrong.block("Bottleneck", wrong.shortcut_normalised))
@misconception(ONLY_SHORTCUT, wrong.block("Bottleneck", wrong.only_shortcut))
@misconception(BATCH_STATISTICS, wrong.block("Bottleneck", wrong.always_batch_statistics))
def check_Bottleneck_in_evaluation(student: Any, generator: Generator) -> None:
    """With given weights, in evaluation mode, a block without `downsample` computes the right numbers."""
    expect_block(student, "Bottleneck", torch.randn(2, 12, 6, 5, generator=generator).double(), training=False)


@exercise("Bottleneck")
@points(1.0)
@hint("Where shapes change, what does the shortcut do with `x`? And which of the three convolutions has the stride?")
@misconception("The first convolution has the stride (as in the paper's first version)",
               wrong.block("Bottleneck", wrong.stride_in(1)))  # fmt: skip
@misconception(NO_SHORTCUT, wrong.block("Bottleneck", wrong.no_shortcut))
@misconception(RELU_BEFORE, wrong.block("Bottleneck", wrong.relu_only_before))
@misconception(RELU_TWICE, wrong.block("Bottleneck", wrong.relu_before_and_after))
@misconception(NO_LAST_RELU, wrong.block("Bottleneck", wrong.no_last_relu))
@misconception(SHORTCUT_RELU, wrong.block("Bottleneck", wrong.shortcut_normalised))
@misconception(SHORTCUT_TWICE, wrong.block("Bottleneck", wrong.shortcut_twice))
@misconception(NORM_LAST, wrong.block("Bottleneck", wrong.norm_after_addition))
def check_Bottleneck_with_projection(student: Any, generator: Generator) -> None:
    """With a `downsample` the shortcut goes through it, whether the stride or only the channels change."""
    expect_block(student, "Bottleneck", torch.randn(2, 3, 7, 6, generator=generator).double(), training=False)
    expect_block(student, "Bottleneck", torch.randn(1, 6, 5, 4, generator=generator).double(), training=False)


@exercise("Bottleneck")
@points(1.0)
@hint("In training, batch normalisation looks at all pixels that it gets. How many does each of the three get?")
@misconception("The last convolution has the stride, so that the statistics before it see too many pixels",
               wrong.block("Bottleneck", wrong.stride_in(3), training=True))  # fmt: skip
@misconception("The first convolution has the stride (as in the paper's first version)",
               wrong.block("Bottleneck", wrong.stride_in(1), training=True))  # fmt: skip
@misconception(ONE_STATISTICS, wrong.block("Bottleneck", wrong.always_running_statistics, training=True))
@misconception(ONE_NORM, wrong.block("Bottleneck", wrong.one_norm_for_all, training=True))
@misconception(RELU_BEFORE, wrong.block("Bottleneck", wrong.relu_only_before, training=True))
@misconception(RELU_TWICE, wrong.block("Bottleneck", wrong.relu_before_and_after, training=True))
@misconception(NO_LAST_RELU, wrong.block("Bottleneck", wrong.no_last_relu, training=True))
@misconception(RELU_FIRST, wrong.block("Bottleneck", wrong.relu_before_norm, training=True))
def check_Bottleneck_in_training(student: Any, generator: Generator) -> None:
    """In training mode the numbers are right too, and the running statistics follow."""
    for shape in ((2, 3, 7, 6), (3, 12, 4, 5)):
        expect_block(student, "Bottleneck", torch.randn(shape, generator=generator).double(), training=True)


@exercise("Bottleneck")
@points(0.5)
@hint("A gradient has two ways back. Is one of them closed, or is a result destroyed that the way back needs?")
def check_gradients_of_Bottleneck(student: Any, generator: Generator) -> None:
    """Gradients reach the input and every parameter, in both modes."""
    expect_block_gradients(student, "Bottleneck", (12, 3), generator)


@exercise("Bottleneck")
@points(0.5)
@hint("Does anything in your block write into `x`, need a certain memory layout, or fix a dtype?")
def check_inputs_of_Bottleneck(student: Any, generator: Generator) -> None:
    """Inputs are not changed; one image, views, channels last and float32 work."""
    expect_block_inputs(student, "Bottleneck", torch.randn(2, 12, 5, 5, generator=generator).double())


@exercise("Bottleneck")
@cpu_only(INVALID)
@points(0.5)
@hint("One channel plus eight, or one pixel plus four: PyTorch adds what does not fit. Compare the shapes before.")
def check_shapes_in_Bottleneck(student: Any) -> None:
    """Branch and shortcut of different shapes are refused, also where PyTorch would stretch one of them."""
    expect_block(student, "Bottleneck", torch.ones(1, 12, 3, 3, dtype=torch.float64), training=False)
    for inplanes, planes, stride, size in ((3, 2, 1, 4), (1, 2, 1, 4), (8, 2, 2, 6), (8, 2, 2, 2)):
        block = student.helper("inside", "block", "Bottleneck", inplanes, planes, stride, False)
        block.call("eval")
        expect_raises(partial(block, torch.ones(1, inplanes, size, size)))


@exercise("Bottleneck")
@points(0.25)
@hint("`.to(device)` moves parameters, buffers and modules, and nothing else that you keep.")
def check_placement_of_Bottleneck(runs: Runs) -> None:
    """On an accelerator, the block works as on the CPU."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- the networks


@exercise("ResNet")
@cpu_only(SHAPES)
@points(0.75)
@hint("Print the names of your `state_dict` beside the docstring's table. What is there too often, or not at all?")
@misconception(BARE_NORM, wrong.network_outline(wrong.projection_without_norm))
@misconception(BARE_NORM, wrong.network_outline(wrong.projection_is_bare))
@misconception("The projection's convolution has a bias", wrong.network_outline(wrong.projection_with_bias))
@misconception(BIASES, wrong.network_outline(wrong.biases))
@misconception("The first stage has a projection, although nothing changes there",
               wrong.network_outline(wrong.projection_of_first_stage))  # fmt: skip
@misconception(NO_PROJECTION, wrong.network_outline(wrong.no_projection))
@misconception("The stem's convolution has a bias", wrong.network_outline(wrong.stem_with_bias))
def check_names_of_the_network(student: Any) -> None:
    """With `BasicBlock`, the parameters and buffers have the right names and shapes, and there are no others."""
    expect_network_outline(student, "BasicBlock", [1, 2, 1, 3], 7)
    expect_network_outline(student, "BasicBlock", [1, 1, 1, 1])


@exercise("ResNet")
@cpu_only(SHAPES)
@points(0.75)
@hint("The docstring names two reasons for a projection. Which of them is met in the first stage of a ResNet-50?")
@misconception(NO_CHANNELS, wrong.network_outline(wrong.projection_only_with_stride))
@misconception(BARE_NORM, wrong.network_outline(wrong.projection_without_norm))
@misconception(BARE_NORM, wrong.network_outline(wrong.projection_is_bare))
@misconception(NO_PROJECTION, wrong.network_outline(wrong.no_projection))
@misconception(BIASES, wrong.network_outline(wrong.biases))
def check_projections(student: Any) -> None:
    """With `Bottleneck`, a projection stands where the stride or the number of channels changes, and only there."""
    expect_network_outline(student, "Bottleneck", [2, 1, 2, 1], 4)


@exercise("ResNet")
@cpu_only(ONLY_SHAPES)
@points(1.0)
@hint("Follow the height through the table: the stem divides it by four. Which stages halve it, and in which block?")
@misconception("The strides of the stages are 2, 2, 2, 1", wrong.sizes_with_strides(2, 2, 2, 1))
@misconception("The first stage has stride 2, too", wrong.sizes_with_strides(2, 2, 2, 2))
@misconception("The strides of the stages are 1, 1, 2, 2", wrong.sizes_with_strides(1, 1, 2, 2))
@misconception("No stage has a stride", wrong.sizes_with_strides(1, 1, 1, 1))
@misconception("There is no max-pooling after the first convolution", wrong.sizes_without_maxpool)
@misconception("Every block of a stage has the stride, not only the first one", wrong.sizes_with_stride_in_each_block)
def check_sizes_of_the_stages(student: Any) -> None:
    """The stages have the sizes and channels of the table."""
    inside(student)
    for layers, shape in (([1, 2, 1, 2], (2, 3, 64, 32)), ([2, 1, 3, 1], (1, 3, 43, 35))):
        found = student.helper("inside", "sizes", layers, shape)
        is_right = found == wrong.sizes_with_strides(1, 2, 2, 2)(layers, shape)
        expect_true(is_right, "the outputs of layer1 to layer4 do not have the right shapes")


@exercise("ResNet")
@points(1.5)
@hint("Stem, four stages, mean over the map, linear layer. Compute one image step by step, and look at each shape.")
@misconception("The network ends with a softmax", wrong.logits(wrong.ends_with_softmax))
@misconception("The network ends with a log-softmax", wrong.logits(wrong.ends_with_log_softmax))
@misconception("The network ends with a ReLU", wrong.logits(wrong.ends_with_relu))
@misconception(
    "There is no max-pooling after the first convolution", wrong.logits(wrong.replaced(maxpool=nn.Identity()))
)
@misconception("The stem has no ReLU", wrong.logits(wrong.replaced(relu=nn.Identity())))
@misconception("The stem has no batch normalisation", wrong.logits(wrong.replaced(bn1=nn.Identity())))
@misconception("The stem pools the mean, not the maximum", wrong.logits(wrong.replaced(maxpool=nn.AvgPool2d(3, 2, 1))))
@misconception(
    "The maximum over the map is taken, not the mean", wrong.logits(wrong.replaced(avgpool=nn.AdaptiveMaxPool2d(1)))
)
@misconception("The strides of the stages are 2, 2, 2, 1", wrong.logits(wrong.strides_of_stages(2, 2, 2, 1)))
@misconception("The first stage has stride 2, too", wrong.logits(wrong.strides_of_stages(2, 2, 2, 2)))
@misconception("No stage has a stride", wrong.logits(wrong.strides_of_stages(1, 1, 1, 1)))
@misconception(BATCH_STATISTICS, wrong.logits(wrong.always_batch_statistics))
def check_logits_of_the_network(student: Any, generator: Generator) -> None:
    """With given weights, in evaluation mode, the logits are right, for blocks of another kind as well."""
    net = network(student)
    net.call("eval")
    x = torch.randn(2, 3, 35, 48, generator=generator).double()
    expect_close(net(x), expected_logits(x, training=False))


@exercise("ResNet")
@points(1.0)
@hint("In training mode, what changes in a network without dropout? And does a gradient reach the first convolution?")
@misconception("The network ends with a softmax", wrong.logits(wrong.ends_with_softmax, training=True))
@misconception("The stem has no ReLU", wrong.logits(wrong.replaced(relu=nn.Identity()), training=True))
@misconception(ONE_STATISTICS, wrong.logits(wrong.always_running_statistics, training=True))
def check_network_in_training(student: Any, generator: Generator) -> None:
    """In training mode the logits and the gradients are right."""
    net = network(student)
    net.call("train")
    x = torch.randn(2, 3, 33, 40, generator=generator).double()
    weight = torch.randn(2, wrong.NUM_CLASSES, generator=generator).double()
    expect_close(net(x), expected_logits(x, training=True))
    names = ["conv1.weight", "bn1.bias", "layer2.1.conv.weight", "fc.weight"]
    found = expect_tuple(student.helper("inside", "some_gradients", net, x, weight, names), 1 + len(names))
    twin = wrong.loaded_network().train()
    leaf, parameters = x.clone().requires_grad_(True), dict(twin.named_parameters())
    with keeping_buffers(twin):
        expected = torch.autograd.grad((twin(leaf) * weight).sum(), [leaf, *(parameters[name] for name in names)])
    for actual, value in zip(found, expected, strict=True):
        expect_close(actual, value)


@exercise("ResNet")
@not_simulated(MORE_NUMBERS)
@points(0.25)
@hint("Batch normalisation in evaluation mode does not look at the batch. And 45 pixels are no multiple of 32.")
def check_images_of_other_sizes(student: Any, generator: Generator) -> None:
    """One image alone, views, the smallest images and float32 work, and are left as they are."""
    net = network(student)
    net.call("eval")
    x = torch.randn(2, 3, 32, 37, generator=generator).double()
    for some in (x[:1], x.transpose(2, 3), x.contiguous(memory_format=torch.channels_last)):
        y, left = expect_tuple(student.helper("inside", "unchanged", net, some), 2)
        expect_close(y, expected_logits(some, training=False))
        expect_true(torch.equal(expect_tensor(left), some), "the images have been changed in place")
    net.call("float")
    y = expect_close(net(x.float()), expected_logits(x, training=False), dtype=torch.float32, rtol=1e-4, atol=1e-4)
    expect_tensor(y, dtype=torch.float32)


@exercise("ResNet")
@cpu_only(INVALID)
@points(0.5)
@hint(
    "Four stages, each with at least one block. What does your constructor say to `[1, 1, 1]`, and to `[1, 0, 1, 1]`?"
)
def check_numbers_of_blocks(student: Any) -> None:
    """Other lists than four positive numbers of blocks are refused."""
    inside(student)
    expect_item(student.helper("inside", "outline", "BasicBlock", (1, 1, 1, 1), 3), "parameters")
    for layers in ([1, 1, 1], [1, 1, 1, 1, 1], [], [1, 0, 1, 1], [1, 1, 1, -1]):
        expect_raises(partial(student.helper, "inside", "outline", "BasicBlock", layers, 3))


@exercise("ResNet")
@points(0.25)
@hint("`.to(device)` moves parameters, buffers and modules, and nothing else that you keep.")
def check_placement_of_ResNet(runs: Runs) -> None:
    """On an accelerator, the network works as on the CPU."""
    expect_placement(runs)


@exercise("resnet18")
@cpu_only(SHAPES)
@points(1.0)
@hint("17 convolutions and a linear layer make 18. How many convolutions are in the stages, how many per block?")
@misconception("These are the stages of ResNet-34", wrong.of_other_layers("BasicBlock", [3, 4, 6, 3]))
@misconception("There is one block per stage: that makes 10 layers", wrong.of_other_layers("BasicBlock", [1, 1, 1, 1]))
@misconception("The blocks are `Bottleneck`: that makes 26 layers", wrong.of_other_layers("Bottleneck", [2, 2, 2, 2]))
@misconception("This is ResNet-50", wrong.of_other_layers("Bottleneck", [3, 4, 6, 3]))
def check_layers_of_resnet18(student: Any) -> None:
    """The network has the parameters, buffers and sizes of a ResNet-18."""
    expect_large_network(student, "resnet18", "BasicBlock", [2, 2, 2, 2])


@exercise("resnet18")
@cpu_only(SHAPES)
@points(0.5)
@hint("Your network knows a certain number of classes. Who decides it?")
@misconception("There are 1000 classes, whatever `num_classes` is", wrong.always_thousand("BasicBlock", [2, 2, 2, 2]))
def check_classes_of_resnet18(student: Any) -> None:
    """`num_classes` decides the size of the output."""
    expect_classes(student, "resnet18", "BasicBlock", [2, 2, 2, 2])


@exercise("resnet18")
@cpu_only(SHAPES)
@points(0.5)
@hint("What does the docstring promise about the object that comes back?")
def check_object_of_resnet18(student: Any) -> None:
    """A `ResNet` in training mode comes back."""
    expect_resnet(student, "resnet18")


@exercise("resnet50")
@cpu_only(SHAPES)
@points(1.0)
@hint("49 convolutions and a linear layer make 50. How many convolutions has a block, so how many blocks are there?")
@misconception("The blocks are `BasicBlock`: this is ResNet-34", wrong.of_other_layers("BasicBlock", [3, 4, 6, 3]))
@misconception("These are the stages of ResNet-101", wrong.of_other_layers("Bottleneck", [3, 4, 23, 3]))
@misconception("These are the stages of ResNet-18", wrong.of_other_layers("Bottleneck", [2, 2, 2, 2]))
@misconception("The second and the third stage have changed places", wrong.of_other_layers("Bottleneck", [3, 6, 4, 3]))
@misconception("This is ResNet-18", wrong.of_other_layers("BasicBlock", [2, 2, 2, 2]))
def check_layers_of_resnet50(student: Any) -> None:
    """The network has the parameters, buffers and sizes of a ResNet-50."""
    expect_large_network(student, "resnet50", "Bottleneck", [3, 4, 6, 3])


@exercise("resnet50")
@cpu_only(SHAPES)
@points(0.5)
@hint("Your network knows a certain number of classes. Who decides it?")
@misconception("There are 1000 classes, whatever `num_classes` is", wrong.always_thousand("Bottleneck", [3, 4, 6, 3]))
def check_classes_of_resnet50(student: Any) -> None:
    """`num_classes` decides the size of the output."""
    expect_classes(student, "resnet50", "Bottleneck", [3, 4, 6, 3])


@exercise("resnet50")
@cpu_only(SHAPES)
@points(0.5)
@hint("What does the docstring promise about the object that comes back?")
def check_object_of_resnet50(student: Any) -> None:
    """A `ResNet` in training mode comes back."""
    expect_resnet(student, "resnet50")


# ---------------------------------------------------------------------------------------------- expectations


def expect_list_gradients(student: Any, name: str, jacobians: Sequence[Tensor], weight: Tensor) -> None:
    """Expect the right gradients of a weighted sum of the product with respect to each Jacobian."""
    found = inside(student).helper("inside", "list_gradients", name, jacobians, weight)
    leaves = [jacobian.clone().requires_grad_(True) for jacobian in jacobians]
    expected = torch.autograd.grad((getattr(reference, name)(leaves) * weight).sum(), leaves)
    for actual, value in zip(expect_tuple(found, len(leaves)), expected, strict=True):
        expect_floats(actual, value)


def expect_gradients(actual: Any, twin: nn.Module, x: Tensor, weight: Tensor) -> None:
    """Expect the gradients of the reference's module with respect to its input and all its parameters."""
    leaf, parameters = x.clone().requires_grad_(True), dict(twin.named_parameters())
    expected = torch.autograd.grad((twin(leaf) * weight).sum(), [leaf, *parameters.values()])
    expect_close(actual.inputs[0], expected[0])
    for name, value in zip(parameters, expected[1:], strict=True):
        expect_close(expect_item(dict(actual.parameters), name), value)


def expect_names(found: Mapping[str, Any], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Expect these names with these shapes, and no others; the docstring lists them, so they may be said."""
    missing, other = [n for n in expected if n not in found], [n for n in found if n not in expected]
    expect_true(not missing, f"{len(missing)} names are missing, the first is {next(iter(missing), '')}")
    expect_true(not other, f"{len(other)} names should not be there, the first is {next(iter(other), '')[:60]}")
    for name, shape in expected.items():
        expect_true(tuple(found[name]) == shape, f"{name} has the wrong shape")


def expect_outlines(student: Any, kind: str, *arguments: tuple[int, ...]) -> None:
    """Expect the names and shapes of blocks that are made with these arguments."""
    for args in arguments:
        found = inside(student).helper("inside", "made_outline", kind, *args)
        twin = getattr(reference, kind)(*args)
        expected = {"parameters": dict(twin.named_parameters()), "buffers": dict(twin.named_buffers())}
        expect_outline(found, {part: {name: tuple(t.shape) for name, t in of.items()} for part, of in expected.items()})


def expect_block(student: Any, kind: str, x: Tensor, training: bool) -> None:
    """Expect the numbers of a block with given weights; in training mode also those of an evaluation that follows."""
    block, twin = loaded(student, kind, x.shape[1]), wrong.loaded_block(kind, x.shape[1]).train(training)
    block.call("train", training)
    with torch.no_grad():
        expect_close(block(x), twin(x))
        if training:
            block.call("eval")
            expect_close(block(x), twin.eval()(x))


def expect_block_gradients(student: Any, kind: str, channels: Sequence[int], generator: Generator) -> None:
    """Expect the gradients of blocks with given weights, in both modes."""
    for inplanes in channels:
        x = torch.randn(2, inplanes, 4, 5, generator=generator).double()
        for training in (True, False):
            block, twin = loaded(student, kind, inplanes), wrong.loaded_block(kind, inplanes).train(training)
            block.call("train", training)
            weight = torch.randn(wrong.loaded_block(kind, inplanes)(x).shape, generator=generator).double()
            expect_gradients(block.gradients(x, weight=weight), twin, x, weight)


def expect_block_inputs(student: Any, kind: str, x: Tensor) -> None:
    """Expect that inputs of any layout are left as they are, and give the right numbers."""
    block, twin = loaded(student, kind, x.shape[1]), wrong.loaded_block(kind, x.shape[1]).eval()
    block.call("eval")
    with torch.no_grad():
        for some in (x[:1], x.transpose(2, 3), x.contiguous(memory_format=torch.channels_last), x[..., :1, :]):
            y, left = expect_tuple(student.helper("inside", "unchanged", block, some), 2)
            expect_true(torch.equal(expect_tensor(left), some), "the input has been changed in place")
            expect_close(y, twin(some))
        block.call("float")
        expect_close(block(x.float()), twin(x), dtype=torch.float32, rtol=1e-4, atol=1e-5)


def expect_network_outline(student: Any, kind: str, layers: list[int], *num_classes: int) -> None:
    """Expect the names and shapes of a network of blocks of this kind."""
    found = inside(student).helper("inside", "outline", kind, layers, *num_classes)
    expect_outline(found, wrong.network_outline(lambda net: None)(kind, layers, *num_classes))


def expect_outline(found: object, expected: Mapping[str, Mapping[str, tuple[int, ...]]]) -> None:
    """Expect these names and shapes of parameters and of buffers."""
    for part in ("parameters", "buffers"):
        names = expect_item(found, part)
        expect_true(isinstance(names, dict), f"expected the names of the {part}")
        expect_names(names, expected[part])


def expect_large_network(student: Any, name: str, kind: str, layers: list[int]) -> None:
    """Expect the names and shapes of one of the paper's networks."""
    expect_outline(inside(student).helper("inside", "made_outline", name), wrong.of_other_layers(kind, layers)(name))


def expect_classes(student: Any, name: str, kind: str, layers: list[int]) -> None:
    """Expect that ``num_classes`` is heeded, by position and by name."""
    expected = wrong.of_other_layers(kind, layers)(name, 7)
    expect_outline(inside(student).helper("inside", "made_outline", name, 7), expected)
    expect_outline(student.helper("inside", "made_outline", name, num_classes=7), expected)


def expect_resnet(student: Any, name: str) -> None:
    """Expect an object of the student's own class, in training mode."""
    found = inside(student).helper("inside", "described", name)
    expect_true(expect_item(found, "is_resnet") is True, "expected a ResNet")
    expect_true(expect_item(found, "is_training") is True, "expected a network in training mode")


# ---------------------------------------------------------------------------------------------- inputs and networks


def real(*values: float) -> Tensor:
    """Return ``(N,)`` float64 numbers."""
    return torch.tensor(values, dtype=torch.float64)


def reals(*rows: tuple[float, ...]) -> Tensor:
    """Return ``(N, K)`` float64 numbers."""
    return torch.tensor(rows, dtype=torch.float64)


def inside(student: Any) -> Any:
    """Give the worker its helpers, if it does not have them yet, and tell them where the student's names are."""
    student.define("inside", f"if 'STUDENT' not in globals():\n    exec({wrong.INSIDE + HELPERS!r}, globals())")
    student.run("inside", "__import__('inside').STUDENT = __import__('sys').modules[__name__]")
    return student


def made(student: Any, kind: str, training: bool = True, is_frozen: bool = False) -> Any:
    """Return one of the networks that ``input_gradient`` is asked about, float64, in the worker."""
    net = inside(student).helper("inside", "model", kind, training, is_frozen)
    net.call("double")
    return net


def expected_gradient(kind: str, x: Tensor) -> Tensor:
    """Return the derivative of one of these networks."""
    return reference.input_gradient(wrong.MODELS[kind]().double(), x)


def expected_residual(x: Tensor) -> Tensor:
    """Return what a shortcut around the module for ``x`` gives."""
    with torch.no_grad():
        y: Tensor = reference.Residual(wrong.inner_of(x.dim()))(x)
    return y


def loaded(student: Any, kind: str, inplanes: int) -> Any:
    """Return the student's block for an input of so many channels, float64, with given weights."""
    planes, stride = wrong.BLOCKS[kind][inplanes]
    block = inside(student).helper("inside", "block", kind, inplanes, planes, stride)
    block.call("double")
    block.call("load_state_dict", wrong.loaded_block(kind, inplanes).state_dict())
    return block


def network(student: Any) -> Any:
    """Return the student's network of light blocks, float64, with given weights."""
    shapes = wrong.shapes_of(wrong.loaded_network())
    return inside(student).helper("inside", "network", wrong.LAYERS, wrong.NUM_CLASSES, shapes)


def expected_logits(x: Tensor, training: bool) -> Tensor:
    """Return the reference's logits."""
    net = wrong.loaded_network().train(training)
    with torch.no_grad(), keeping_buffers(net):
        logits: Tensor = net(x)
    return logits


class keeping_buffers:
    """Put a module's running statistics back afterwards."""

    def __init__(self, net: nn.Module) -> None:
        self._buffers = [(buffer, buffer.clone()) for buffer in net.buffers()]

    def __enter__(self) -> None:
        """Do nothing: they have been copied."""

    def __exit__(self, *error: object) -> None:
        """Put them back."""
        for buffer, before in self._buffers:
            buffer.copy_(before)


def shapes_in(state: Any) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of a state dict that the student's module has returned."""
    expect_true(isinstance(state, dict), "expected a state dict")
    return {str(name): tuple(expect_tensor(value).shape) for name, value in state.items()}
