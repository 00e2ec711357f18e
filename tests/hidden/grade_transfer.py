"""Hidden checks of the topic *transfer*: freezing, a new head, BatchNorm, stages, rates and training.

A check is a script (``given/transfer.py``) that is played twice: in the worker with the student's functions, here with
the reference's. What can be seen afterwards must be the same. Nothing that a training run says about itself counts:
accuracies are computed here, from the weights that come back.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # the first optimizer would import it, for two seconds of the first student's check
import torch.nn.functional as F
from given import transfer as given
from torch import Tensor
from wrong import transfer as wrong

from autograder.checks import (
    Runs,
    call_limit,
    cpu_only,
    exercise,
    expect_close,
    expect_equal,
    expect_item,
    expect_number,
    expect_placement,
    expect_raises,
    expect_tensor,
    expect_true,
    expect_tuple,
    hint,
    misconception,
    not_simulated,
    points,
)
from reference import transfer as reference

SOURCE = Path(given.__file__).read_text(encoding="utf-8")
ADOPT = "import given as _given\n_given.adopt(globals())\n"

NO_TENSORS = "the function handles no numbers: flags, modes and names have no device"
INVALID = "invalid arguments must raise, which is tested on the CPU only"
TRAINS = "a training run takes its time, and is judged by its result alone"
SAME_PATH = "no other path through the code than the checks above"
TRAINING_S = 25.0  # the contract says 20

# Of 500 unseen digits, with the notebook's solution (Adam, 20 epochs, rate 0.01): extractor 0.746 to 0.750 (seeds 0 to
# 4), fine-tuning 0.980 to 0.996 (seeds 0 to 3). With images of 16 x 16, ten seeds: 0.810 to 0.828 and 0.978 to 1.000.
EXTRACTOR_SHARE, FINE_TUNE_SHARE = 0.65, 0.85

UNREAD = "An attribute is set that nobody reads: `require_grad`, or `requires_grad` of the module"
NOT_FROZEN = "Nothing is frozen"
OLD_GRADIENTS = "Old gradients stay, and an optimizer goes on moving the frozen parameters"
ZERO_GRADIENTS = "Gradients are set to 0: weight decay and momentum still move the frozen parameters"
TOO_SHALLOW = "Only the module's own parameters are frozen, not those of the modules inside it"
EVALUATED = "The mode is changed as well: freezing and `eval()` are two things"
NORMS_LEFT = "The weights and biases of BatchNorm stay trainable"
BIASES_LEFT = "Biases stay trainable"
OUT_FEATURES = "A number is written into the old layer, whose weights stay as they were"
ELSEWHERE = "The new layer has a name that `forward` does not know"
STACKED = "The new layer is put on top of the old one"
ONE_NETWORK = "The number of inputs of the head is fixed to that of one network"
STATISTICS = "The statistics of BatchNorm still learn, although its parameters are frozen"
UNDONE = "BatchNorm is put into eval mode once, and the next `train()` undoes it"
FROZEN_LAST = "The head is replaced first, and then frozen with all the rest"
NO_GRADIENT = "The whole forward pass runs without gradient, the head included"
EVERYTHING_EVALUATED = "The whole network is put into eval mode, not only frozen BatchNorm"
STEMLESS = "The stem is forgotten: the first stage is taken to be `layer1`"
HALF_A_STEM = "`bn1` is forgotten in the stem"
ONE_MORE = "One stage too many is frozen"
ONE_LESS = "One stage too few is frozen"
FROM_THE_HEAD = "Stages are counted from the head, not from the image"
ONLY_ONE = "Only stage number k is frozen, not the ones before it"
UNFREEZES = "The other stages are unfrozen"
CHILDREN = "The first k children of the network are taken for its stages"
BATCH_STATISTICS = "The statistics no longer change, but those of the batch are used to normalise"
INVERTED = "The rates are inverted: the stem is the fastest"
MORE_DECAY = "One factor of `decay` too many"
LESS_DECAY = "One factor of `decay` is missing"
HEAD_TWICE = "The last group holds the whole network: parameters are in two groups"
NO_HEAD = "The head is in no group"
FROZEN_GROUPED = "Frozen parameters are in the groups"
RATE_ZERO = "Frozen parameters are in the groups, with a rate of 0"
RATE_ZERO_BODY = (
    "The body is not frozen: its parameters are kept still by a rate of 0, or by not being in the optimizer"
)
UNKNOWN = "The body is unfrozen after the optimizer was made of the trainable parameters, and never learns"
NO_STEP = "The parameters do not move: there is no step, or it comes before the gradients are there"
LOST_GRADIENT = "No gradient reaches the step: the forward pass runs without one, or it is removed again"
SOFTMAX_TWICE = "Softmax is applied before a loss that applies it again"
ZERO_MISSING = "`head_lr=0` is taken for a missing rate"


# ---------------------------------------------------------------------------------------------- inputs


def images(num: int, size: int = 8, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return ``(N, 3, S, S)`` images, no two of which are alike."""
    wave = torch.arange(num * 3 * size * size, dtype=torch.float64)
    return (torch.sin(wave * 0.37) + 0.5 * torch.cos(wave * wave * 0.011)).reshape(num, 3, size, size).to(dtype)


X, Y = images(4), torch.tensor([0, 2, 1, 2])
X64 = X.double()
STRIDED = images(8).transpose(2, 3)[::2]
CHANNELS_LAST = X.contiguous(memory_format=torch.channels_last)
NO_LABELS = (Y + 5, Y - 1, Y.float(), torch.cat((Y[:-1], torch.tensor([-100]))))
Y_STRIDED = torch.tensor([0, 9, 2, 9, 1, 9, 2, 9])[::2]


# ---------------------------------------------------------------------------------------------- freeze, unfreeze


@exercise("freeze")
@cpu_only(NO_TENSORS)
@points(0.75)
@hint("Look at `requires_grad` of every parameter afterwards. Whose attribute have you set?")
@misconception(UNREAD, wrong.played(freeze=wrong.nothing))
@misconception(TOO_SHALLOW, wrong.played(freeze=wrong.freeze_own_parameters))
@misconception(NORMS_LEFT, wrong.played(freeze=wrong.freeze_leaves_norms))
@misconception(BIASES_LEFT, wrong.played(freeze=wrong.freeze_weights_only))
def check_nothing_is_left_to_train(student: Any) -> None:
    """Every parameter of a network is frozen."""
    for kind in ("extras", "resnet", "linear", "norm", "plain"):
        expect_as_reference(student, "freeze", (("build", kind), ("do", "freeze"), ("look", "trainable")))


@exercise("freeze")
@cpu_only(NO_TENSORS)
@points(0.25)
@hint("The function gets a part of a network. What does the rest of the network have to do with it?")
@misconception(UNREAD, wrong.played(freeze=wrong.nothing))
@misconception(TOO_SHALLOW, wrong.played(freeze=wrong.freeze_own_parameters))
@misconception(NORMS_LEFT, wrong.played(freeze=wrong.freeze_leaves_norms))
def check_only_this_part_is_frozen(student: Any) -> None:
    """A stage, a single layer and a layer without parameters can be frozen, and nothing else is."""
    for path in ("layer2", "bn1", "layer3.0.downsample", "relu"):
        expect_as_reference(student, "freeze", (("build", "resnet"), ("do", "freeze", path), ("look", "trainable")))


@exercise("freeze")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("An optimizer moves every parameter that has a gradient, also one of zeros. Which value does it skip?")
@misconception(UNREAD, wrong.played(freeze=wrong.nothing))
@misconception(OLD_GRADIENTS, wrong.played(freeze=wrong.freeze_keeps_gradients))
@misconception(ZERO_GRADIENTS, wrong.played(freeze=wrong.freeze_zeroes_gradients))
def check_old_gradients_are_gone(student: Any) -> None:
    """A frozen parameter has no gradient left, and no optimizer moves it."""
    start = (("build", "resnet"), ("gradient",))
    script = (*start, ("do", "freeze", "layer2"), ("look", "gradients", "trainable"))
    moved = (*start, ("optimizer",), ("update",), ("do", "freeze"), ("update",), ("look", "state"))
    expect_as_reference(student, "freeze", script)
    expect_as_reference(student, "freeze", moved)


@exercise("freeze")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("Which flag has to change? Everything else is as it was: modes, buffers, values.")
@misconception(EVALUATED, wrong.played(freeze=wrong.freeze_evaluates))
@misconception(EVALUATED, wrong.played(freeze=wrong.only_evaluates))
def check_freezing_changes_nothing_else(student: Any) -> None:
    """The same module comes back, and its mode, its values and its buffers are as before."""
    for is_training in (True, False):
        start = (("build", "resnet"), ("mode", is_training), ("mode", not is_training, "layer3"))
        expect_as_reference(student, "freeze", (*start, ("do", "freeze"), ("look", "trainable", "modes", "state")))
        expect_as_reference(student, "freeze", (*start, ("do", "freeze", "fc"), ("look", "all", "kept")))


@exercise("unfreeze")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("Look at `requires_grad` of every parameter afterwards, whatever it was before.")
@misconception(UNREAD, wrong.played(unfreeze=wrong.nothing))
def check_everything_is_left_to_train(student: Any) -> None:
    """Every parameter of the module is trainable again, and of this module alone."""
    for path in ("", "layer4", "fc", "relu"):
        script = (("build", "resnet"), ("requires", False, "layer", "conv1", "fc"), ("do", "unfreeze", path))
        expect_as_reference(student, "unfreeze", (*script, ("look", "trainable")))


@exercise("unfreeze")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("Which flag has to change? Everything else is as it was: gradients, modes, values.")
@misconception("The mode is changed as well", wrong.played(unfreeze=wrong.unfreeze_trains))
@misconception("Gradients are removed as well", wrong.played(unfreeze=wrong.unfreeze_forgets_gradients))
def check_unfreezing_changes_nothing_else(student: Any) -> None:
    """The same module comes back, and its gradients, its mode and its values are as before."""
    start = (("build", "resnet"), ("gradient",), ("requires", False, "layer2", "bn1"), ("mode", False))
    look = ("look", "trainable", "gradients", "modes", "state")
    expect_as_reference(student, "unfreeze", (*start, ("do", "unfreeze"), look))
    expect_as_reference(student, "unfreeze", (*start, ("do", "unfreeze", "layer2"), look))


# ---------------------------------------------------------------------------------------------- counting


@exercise("trainable_parameters")
@points(0.5)
@hint("A filter of 3 x 3 has nine numbers. Whose numbers may the optimizer change?")
@misconception("Frozen parameters are counted, too", wrong.played(trainable_parameters=wrong.counts_all))
@misconception("The frozen parameters are counted", wrong.played(trainable_parameters=wrong.counts_frozen))
@misconception("Tensors are counted, not their numbers", wrong.played(trainable_parameters=wrong.counts_tensors))
@misconception("Only the length of each tensor is counted", wrong.played(trainable_parameters=wrong.counts_lengths))
@misconception("Buffers are counted, too", wrong.played(trainable_parameters=wrong.counts_buffers))
def check_numbers_that_can_change(student: Any) -> None:
    """The numbers of all trainable parameters are counted, and no others."""
    for starts in (("conv1", "layer2", "fc.bias"), ("layer",), ("conv",)):
        script = (("build", "resnet"), ("requires", False, *starts), ("number", "trainable_parameters"))
        expect_count(student, script)


@exercise("trainable_parameters")
@points(0.25)
@hint("The running mean changes in training, too. Is it the optimizer who changes it?")
@misconception("Buffers are counted, too", wrong.played(trainable_parameters=wrong.counts_buffers))
@misconception("Tensors are counted, not their numbers", wrong.played(trainable_parameters=wrong.counts_tensors))
def check_buffers_do_not_count(student: Any) -> None:
    """The running statistics of BatchNorm do not count, in no mode."""
    for is_training in (True, False):
        expect_count(student, (("build", "norm"), ("mode", is_training), ("number", "trainable_parameters")))


@exercise("trainable_parameters")
@points(0.25)
@hint("Two layers that share a weight give the optimizer one weight to change.")
@misconception(
    "A shared parameter is counted wherever it occurs", wrong.played(trainable_parameters=wrong.counts_shared_twice)
)
def check_shared_parameters_count_once(student: Any) -> None:
    """A parameter that is used in several places counts once."""
    expect_count(student, (("build", "tied"), ("number", "trainable_parameters")))
    expect_count(student, (("build", "shared"), ("requires", False, "fc"), ("number", "trainable_parameters")))


@exercise("trainable_parameters")
@points(0.25)
@hint("What is the sum over nothing? Counting changes no flag, and the dtype of the numbers does not matter.")
def check_count_of_nothing(student: Any) -> None:
    """A frozen network and one without parameters have 0, the result is an int, and nothing is changed."""
    frozen = (("build", "resnet"), ("requires", False, ""), ("number", "trainable_parameters"), ("look", "trainable"))
    for script in (frozen, (("build", "relu"), ("number", "trainable_parameters"), ("look", "trainable"))):
        actual = ask(student, "trainable_parameters", script, X64)
        expect_equal(actual[0], 0)
        expect_looks(actual[1:], right(script, X64)[1:])


@exercise("trainable_parameters")
@points(0.25)
@hint("Parameters know their own size, wherever they live. NumPy does not know them there.")
def check_placement_of_trainable_parameters(runs: Runs) -> None:
    """On an accelerator, parameters are counted as on the CPU."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- a new head


@exercise("replace_head")
@points(0.75)
@hint("How many numbers come out of the layer before the head, and which attribute of the old head knows it?")
@misconception(OUT_FEATURES, wrong.played(replace_head=wrong.head_out_features))
@misconception(ELSEWHERE, wrong.played(replace_head=wrong.head_elsewhere))
@misconception(STACKED, wrong.played(replace_head=wrong.head_stacked))
@misconception(ONE_NETWORK, wrong.played(replace_head=wrong.head_of(512)))
@misconception(ONE_NETWORK, wrong.played(replace_head=wrong.head_of(2048)))
@misconception(ONE_NETWORK, wrong.played(replace_head=wrong.head_of(64)))
def check_size_of_the_new_head(student: Any) -> None:
    """The new head has one row of weights for each class, as many columns as the old one, and a bias."""
    for kind, num_classes in (("resnet", 3), ("wide", 9), ("dict", 2)):
        script = (("build", kind), ("do", "replace_head", "", num_classes), ("look", "head"))
        expect_as_reference(student, "replace_head", script, X)


@exercise("replace_head")
@points(0.5)
@hint("What decides how many logits come out? Let an image pass.")
@misconception(OUT_FEATURES, wrong.played(replace_head=wrong.head_out_features))
@misconception(ELSEWHERE, wrong.played(replace_head=wrong.head_elsewhere))
@misconception(STACKED, wrong.played(replace_head=wrong.head_stacked))
def check_logits_of_the_new_head(student: Any) -> None:
    """The network has one logit for each class, and the names in its state dict are the same."""
    script = (("build", "resnet"), ("mode", False), ("do", "replace_head", "", 3), ("look", "keys"))
    expect_as_reference(student, "replace_head", script, X)
    actual = ask(student, "replace_head", (*script, ("output",)), X)
    expect_tensor(actual[-1], shape=(4, 3))


@exercise("replace_head")
@points(0.5)
@hint("A new layer knows how it begins: nothing has to be copied or set.")
def check_beginning_of_the_new_head(student: Any) -> None:
    """The new head begins with the random numbers that PyTorch gives a layer of its size."""
    script = (("build", "wide"), ("do", "replace_head", "", 8), ("look", "weights_of_head"))
    state = expect_item(ask(student, "replace_head", script, X)[-1], "weights_of_head")
    for name, shape in (("fc.weight", (8, 24)), ("fc.bias", (8,))):
        parameter = expect_tensor(expect_item(state, name), shape=shape)
        is_inside = bool((parameter.abs() <= 24**-0.5 + 1e-6).all())
        expect_true(is_inside, f"{name} is not initialised as PyTorch does")
        expect_true(float(parameter.max()) > float(parameter.min()), f"all numbers of {name} are equal")


@exercise("replace_head")
@points(0.5)
@hint("A new layer stands beside frozen ones. Which of them is to learn?")
@misconception("The new head is as frozen as the old one was", wrong.played(replace_head=wrong.head_keeps_flag))
@misconception("The body is frozen, which nobody has asked for", wrong.played(replace_head=wrong.head_on_frozen_body))
def check_new_head_is_trainable(student: Any) -> None:
    """The new head is trainable, also if the old one was frozen, and the others keep their flags."""
    for starts in ((), ("",), ("layer1", "fc.weight"), ("fc",)):
        script = (("build", "resnet"), ("requires", False, *starts), ("do", "replace_head", "", 3))
        expect_as_reference(student, "replace_head", (*script, ("look", "trainable")), X)


@exercise("replace_head")
@points(0.25)
@hint("Only one attribute of the network has to change.")
@misconception("The body is frozen, which nobody has asked for", wrong.played(replace_head=wrong.head_on_frozen_body))
def check_body_is_left_alone(student: Any) -> None:
    """The same network comes back, and outside of the head nothing has changed."""
    script = (("build", "resnet"), ("gradient",), ("mode", False, "layer1"), ("do", "replace_head", "", 3))
    actual = ask(student, "replace_head", (*script, ("look", "state", "modes", "trainable", "kept")), X)
    expect_looks(actual, right((*script, ("look", "state", "modes", "trainable", "kept")), X))


@exercise("replace_head")
@points(0.5)
@hint("A network in float64 needs a head in float64, and one in eval mode a head in eval mode.")
@misconception("The new head has PyTorch's default dtype", wrong.played(replace_head=wrong.head_in_float32))
@misconception("The new head is always in train mode", wrong.played(replace_head=wrong.head_in_train_mode))
def check_dtype_and_mode_of_the_new_head(student: Any) -> None:
    """The new head has the dtype and the mode of the old one."""
    for dtype in ("float64", "float32", "bfloat16", "float16"):
        script: given.Script = (
            ("build", "resnet"),
            ("convert", dtype),
            ("do", "replace_head", "", 3),
            ("look", "head"),
        )
        expect_as_reference(student, "replace_head", script, X)
    for is_training in (False, True):
        script = (("build", "resnet"), ("mode", is_training), ("do", "replace_head", "", 3), ("look", "head"))
        expect_as_reference(student, "replace_head", script, X64)


@exercise("replace_head")
@points(0.25)
@hint("Which properties of the old head belong to the new one, and which does the docstring fix?")
@misconception(
    "The new head has a bias only if the old one had one", wrong.played(replace_head=wrong.head_like_the_old_one)
)
@misconception(STACKED, wrong.played(replace_head=wrong.head_stacked))
def check_one_class_and_no_bias(student: Any) -> None:
    """One class is allowed, a head without bias gets one with a bias, and a new head can be replaced again."""
    script: given.Script = (("build", "resnet"), ("do", "replace_head", "", 1), ("look", "head"))
    expect_as_reference(student, "replace_head", script, X)
    script = (("build", "without bias"), ("do", "replace_head", "", 3), ("look", "head"))
    expect_as_reference(student, "replace_head", script, X)
    twice = (("build", "resnet"), ("do", "replace_head", "", 3), ("do", "replace_head", "", 5), ("look", "head"))
    expect_as_reference(student, "replace_head", twice, X)


@exercise("replace_head")
@cpu_only(INVALID)
@points(0.5)
@hint("What does your function do with a network that has no `fc`, or another layer there, and with no class at all?")
def check_networks_without_head(student: Any) -> None:
    """A network without `fc`, another layer as `fc` and less than one class are refused, and nothing has changed."""
    expect_refused_head(student, "replace_head")


@exercise("replace_head")
@points(0.25)
@hint("A new layer lives on the CPU unless you say where. Which tensor of the old head can tell?")
def check_placement_of_replace_head(runs: Runs) -> None:
    """On an accelerator, the new head is where the old one was."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- BatchNorm


@exercise("set_bn_eval")
@cpu_only(NO_TENSORS)
@points(0.75)
@hint("A layer has a mode and its parameters have flags. Which layers of a network are BatchNorm, at any depth?")
@misconception("Every BatchNorm layer is put into eval mode, frozen or not", wrong.played(set_bn_eval=wrong.norms_all))
@misconception("Trainable BatchNorm is put into eval mode, not frozen", wrong.played(set_bn_eval=wrong.norms_trained))
@misconception(EVERYTHING_EVALUATED, wrong.played(set_bn_eval=wrong.norms_whole_module))
@misconception(
    "Only direct children are looked at, not the layers inside them",
    wrong.played(set_bn_eval=wrong.norms_children_only),
)
@misconception("No layer changes its mode", wrong.played(set_bn_eval=wrong.nothing))
@misconception(BATCH_STATISTICS, wrong.played(set_bn_eval=wrong.norms_without_momentum))
@misconception("Every frozen layer is put into eval mode", wrong.played(set_bn_eval=wrong.frozen_layers))
def check_frozen_norms_evaluate(student: Any) -> None:
    """In a network in train mode, frozen BatchNorm goes into eval mode, at any depth, and trainable does not."""
    for starts in (("bn1", "layer2", "layer4"), ("",), ()):
        script = (("build", "resnet"), ("requires", False, *starts), ("do", "set_bn_eval"), ("look", "modes"))
        expect_same_looks(student, "set_bn_eval", script)


@exercise("set_bn_eval")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("BatchNorm comes for one, two and three dimensions. How do you ask for a class and all that derive from it?")
@misconception("Only `BatchNorm2d` is looked for", wrong.played(set_bn_eval=wrong.norms_2d))
@misconception("Layers that are no BatchNorm are put into eval mode", wrong.played(set_bn_eval=wrong.frozen_layers))
@misconception("Other layers that normalise count as BatchNorm", wrong.played(set_bn_eval=wrong.norms_of_every_kind))
@misconception(EVERYTHING_EVALUATED, wrong.played(set_bn_eval=wrong.norms_whole_module))
def check_every_kind_of_batch_norm(student: Any) -> None:
    """BatchNorm for inputs of any dimension and derived classes count, a layer alone as well."""
    script: given.Script = (
        ("build", "layers"),
        ("requires", False, "frozen"),
        ("do", "set_bn_eval"),
        ("look", "modes"),
    )
    expect_same_looks(student, "set_bn_eval", script)
    for starts in ((), ("",)):
        script = (("build", "norm"), ("requires", False, *starts), ("do", "set_bn_eval"), ("look", "modes"))
        expect_same_looks(student, "set_bn_eval", script)


@exercise("set_bn_eval")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("What of dropout, and of other layers that normalise? The docstring names the ones that change.")
@misconception("Layers that are no BatchNorm are put into eval mode", wrong.played(set_bn_eval=wrong.frozen_layers))
@misconception("Other layers that normalise count as BatchNorm", wrong.played(set_bn_eval=wrong.norms_of_every_kind))
@misconception(EVERYTHING_EVALUATED, wrong.played(set_bn_eval=wrong.norms_whole_module))
def check_other_layers_keep_their_mode(student: Any) -> None:
    """Other layers keep their mode, frozen or not, and a network without BatchNorm as a whole."""
    for kind, starts in (("layers", ("frozen_others",)), ("layers", ("",)), ("plain", ("",)), ("dropping", ("",))):
        script = (("build", kind), ("requires", False, *starts), ("do", "set_bn_eval"), ("look", "modes"))
        expect_same_looks(student, "set_bn_eval", script)


@exercise("set_bn_eval")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("A layer with one frozen parameter and one trainable one: is it frozen?")
@misconception("Only the weight is asked whether it is frozen", wrong.played(set_bn_eval=wrong.norms_by_weight))
@misconception("One frozen parameter is taken to be enough", wrong.played(set_bn_eval=wrong.norms_by_any))
@misconception("Every BatchNorm layer is put into eval mode, frozen or not", wrong.played(set_bn_eval=wrong.norms_all))
def check_half_frozen_norms_train(student: Any) -> None:
    """BatchNorm of which the weight or the bias is trainable stays in train mode."""
    for starts in (("bn1.bias", "layer1.0.bn1"), ("bn1.weight", "layer2.0.bn2.weight"), ("bn1.bias",)):
        script = (("build", "resnet"), ("requires", False, *starts), ("do", "set_bn_eval"), ("look", "modes"))
        expect_same_looks(student, "set_bn_eval", script)


@exercise("set_bn_eval")
@points(0.5)
@hint("Modes change, and nothing else. Which mode may go where?")
@misconception("Trainable BatchNorm is put into train mode", wrong.played(set_bn_eval=wrong.norms_back_to_train))
@misconception("BatchNorm is frozen as well", wrong.played(set_bn_eval=wrong.norms_frozen))
def check_modes_change_and_nothing_else(student: Any) -> None:
    """Layers in eval mode stay there, and flags, gradients and values are as before."""
    start = (("build", "resnet"), ("gradient",), ("requires", False, "layer1", "bn1"))
    look = ("look", "modes", "trainable", "gradients", "all", "kept")
    for paths in (("",), ("layer1", "layer3"), ()):
        modes = tuple(("mode", False, path) for path in paths)
        expect_same_looks(student, "set_bn_eval", (*start, *modes, ("do", "set_bn_eval"), look), X64)


@exercise("set_bn_eval")
@points(0.5)
@hint("After your function, a batch passes in train mode. Which numbers of a frozen layer may it move?")
@misconception("The statistics of frozen BatchNorm still learn", wrong.played(set_bn_eval=wrong.nothing))
@misconception(BATCH_STATISTICS, wrong.played(set_bn_eval=wrong.norms_without_momentum))
@misconception(BATCH_STATISTICS, wrong.played(set_bn_eval=wrong.norms_without_tracking))
def check_statistics_stand_still(student: Any) -> None:
    """When a batch has passed, the buffers of frozen BatchNorm are as before, and those of trainable have moved."""
    start = (("build", "resnet"), ("requires", False, "conv1", "bn1", "layer1", "layer2"), ("do", "set_bn_eval"))
    expect_same_looks(student, "set_bn_eval", (*start, ("output",), ("output",), ("look", "all")), X64)


@exercise("set_bn_eval")
@points(0.5)
@hint("The mean of which numbers is subtracted: of the batch, or of the buffers?")
@misconception("Frozen BatchNorm normalises with the batch", wrong.played(set_bn_eval=wrong.nothing))
@misconception(BATCH_STATISTICS, wrong.played(set_bn_eval=wrong.norms_without_momentum))
@misconception(BATCH_STATISTICS, wrong.played(set_bn_eval=wrong.norms_without_tracking))
def check_frozen_norms_ignore_the_batch(student: Any) -> None:
    """What a frozen network in train mode says of an image does not depend on the other images."""
    start = (("build", "resnet"), ("requires", False, ""), ("do", "set_bn_eval"))
    expect_same_looks(student, "set_bn_eval", (*start, ("output",), ("output", 0, 1), ("output", 1, 3)), X64)


@exercise("set_bn_eval")
@points(0.25)
@hint("A mode is a flag: no tensor has to be made or moved.")
def check_placement_of_set_bn_eval(runs: Runs) -> None:
    """On an accelerator, frozen BatchNorm stands still as on the CPU."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- the extractor


@exercise("build_feature_extractor")
@cpu_only(NO_TENSORS)
@points(1.0)
@hint("Which parameters are left to train, and does the order of your two steps matter?")
@misconception(FROZEN_LAST, wrong.played(build_feature_extractor=wrong.extractor_frozen_last))
@misconception(NOT_FROZEN, wrong.played(build_feature_extractor=wrong.extractor_not_frozen))
@misconception(NORMS_LEFT, wrong.played(build_feature_extractor=wrong.extractor_trains_norms))
@misconception(STACKED, wrong.played(build_feature_extractor=wrong.extractor_stacked))
@misconception(ELSEWHERE, wrong.played(build_feature_extractor=wrong.head_elsewhere))
def check_only_the_head_trains(student: Any) -> None:
    """The weight and the bias of the head are all that is left to train, and no old gradient is left."""
    for kind in ("resnet", "wide"):
        script = (("build", kind), ("gradient",), ("do", "build_feature_extractor", "", 3))
        expect_as_reference(student, "build_feature_extractor", (*script, ("look", "trainable")))
        expect_as_reference(student, "build_feature_extractor", (*script, ("look", "gradients")))


@exercise("build_feature_extractor")
@points(0.5)
@hint("The network stays the same network: same class, same names, and one layer of another size.")
@misconception(OUT_FEATURES, wrong.played(build_feature_extractor=wrong.extractor_out_features))
@misconception(STACKED, wrong.played(build_feature_extractor=wrong.extractor_stacked))
@misconception(ELSEWHERE, wrong.played(build_feature_extractor=wrong.head_elsewhere))
def check_names_of_the_extractor(student: Any) -> None:
    """The same network comes back, with the same names in its state dict and a head of the right size."""
    for kind, num_classes in (("resnet", 3), ("wide", 1)):
        script = (
            ("build", kind),
            ("do", "build_feature_extractor", "", num_classes),
            ("look", "keys", "kind", "state"),
        )
        expect_as_reference(student, "build_feature_extractor", script, X)


@exercise("build_feature_extractor")
@cpu_only(NO_TENSORS)
@points(1.0)
@hint("Everybody calls `model.train()` before each epoch. Which modes does it leave behind?")
@misconception(UNDONE, wrong.played(build_feature_extractor=wrong.extractor_once))
@misconception(UNDONE, wrong.played(build_feature_extractor=wrong.extractor_without_norms))
@misconception(
    "`train()` no longer does anything, for the head either",
    wrong.played(build_feature_extractor=wrong.extractor_always_evaluates),
)
def check_modes_after_train(student: Any) -> None:
    """After `model.train()`, frozen BatchNorm is in eval mode and all the rest in train mode."""
    script: given.Script = (("build", "resnet"), ("do", "build_feature_extractor", "", 3))
    for kind in ("resnet", "dropping"):
        script = (("build", kind), ("do", "build_feature_extractor", "", 3), ("mode", True), ("look", "modes"))
        expect_same_looks(student, "build_feature_extractor", script)
        again = (*script, ("mode", False), ("look", "modes"), ("mode", True), ("look", "modes"))
        expect_same_looks(student, "build_feature_extractor", again)


@exercise("build_feature_extractor")
@cpu_only(NO_TENSORS)
@points(0.25)
@hint("Somebody may train the network without calling `model.train()` first.")
@misconception(
    "BatchNorm is in eval mode only after the next `train()`",
    wrong.played(build_feature_extractor=wrong.extractor_without_norms),
)
def check_modes_right_away(student: Any) -> None:
    """Right after the call, frozen BatchNorm is in eval mode already; all the rest keeps its mode."""
    for is_training in (True, False):
        script = (("build", "resnet"), ("mode", is_training), ("do", "build_feature_extractor", "", 3))
        expect_same_looks(student, "build_feature_extractor", (*script, ("look", "modes")))


@exercise("build_feature_extractor")
@points(1.0)
@hint("Train for three steps and compare the state dict before and after, entry by entry. Which entries may differ?")
@misconception(STATISTICS, wrong.played(build_feature_extractor=wrong.extractor_once))
@misconception(STATISTICS, wrong.played(build_feature_extractor=wrong.extractor_without_norms))
@misconception(NORMS_LEFT, wrong.played(build_feature_extractor=wrong.extractor_trains_norms))
@misconception(NOT_FROZEN, wrong.played(build_feature_extractor=wrong.extractor_not_frozen))
def check_training_changes_the_head_alone(student: Any) -> None:
    """Three steps of training with weight decay change the head's weight and bias, and no other entry."""
    start = (("build", "resnet"), ("do", "build_feature_extractor", "", 3), ("optimizer",))
    heads = (*start, ("look", "weights_of_head"), ("train", 3), ("look", "weights_of_head"))
    seen = ask(student, "build_feature_extractor", heads, X, Y)
    expect_as_reference(student, "build_feature_extractor", (*start, ("train", 3), ("look", "state")), X, Y)
    before, after = (expect_item(look, "weights_of_head") for look in seen[1:])
    for name in ("fc.weight", "fc.bias"):
        pair = [expect_tensor(expect_item(state, name)) for state in (before, after)]
        expect_true(not torch.equal(*pair), f"{name} is as it was before the training")


@exercise("build_feature_extractor")
@points(0.75)
@hint("The features of an image, alone and among others, in train mode: what makes them differ?")
@misconception(BATCH_STATISTICS, wrong.played(build_feature_extractor=wrong.extractor_once))
@misconception(BATCH_STATISTICS, wrong.played(build_feature_extractor=wrong.extractor_without_norms))
@misconception(BATCH_STATISTICS, wrong.played(set_bn_eval=wrong.norms_without_momentum))
@misconception(NO_GRADIENT, wrong.played(build_feature_extractor=wrong.extractor_without_gradient))
def check_features_do_not_depend_on_the_batch(student: Any) -> None:
    """In train mode, the features of an image are those of eval mode, alone or among others."""
    start = (("build", "resnet"), ("do", "build_feature_extractor", "", 3), ("mode", True))
    look = (("features",), ("features", 0, 1), ("features", 2, 4), ("mode", False), ("features",))
    expect_as_reference(student, "build_feature_extractor", (*start, *look), X64)


@exercise("build_feature_extractor")
@points(0.5)
@hint("In train mode, BatchNorm cannot normalise one single number per channel. Whose mode is it?")
@misconception(NO_GRADIENT, wrong.played(build_feature_extractor=wrong.extractor_without_gradient))
def check_head_learns_from_one_image(student: Any) -> None:
    """The loss has a gradient for the head, and a batch of one image, one pixel wide at the end, can be trained on."""
    start = (("build", "resnet"), ("do", "build_feature_extractor", "", 3))
    script: given.Script = (*start, ("mode", True), ("learns",))
    expect_as_reference(student, "build_feature_extractor", script, X)
    script = (*start, ("optimizer", "trainable"), ("train", 2, 1, 2), ("look", "state", "trainable"))
    expect_as_reference(student, "build_feature_extractor", script, X, Y)


@exercise("build_feature_extractor")
@not_simulated(SAME_PATH)
@points(0.5)
@hint("Your function meets a network without BatchNorm, one in float64 and its own result. What does it assume?")
@misconception(STACKED, wrong.played(build_feature_extractor=wrong.extractor_stacked))
def check_other_networks_and_a_second_time(student: Any) -> None:
    """Networks without BatchNorm and in float64 work, and the function can be called on its own result."""
    look = ("look", "trainable", "modes", "keys", "state")
    for kind in ("plain", "resnet"):
        script = (("build", kind), ("do", "build_feature_extractor", "", 3), ("mode", True), look)
        expect_same_looks(student, "build_feature_extractor", script, X64)
        twice = (*script[:2], ("do", "build_feature_extractor", "", 5), ("mode", True), look)
        expect_same_looks(student, "build_feature_extractor", (*twice, ("mode", False), look), X64)


@exercise("build_feature_extractor")
@not_simulated(SAME_PATH)
@points(0.5)
@hint("Which network does your `train` speak of when the network has been copied, and when does it ask for the flags?")
def check_copies_and_thawed_stages(student: Any) -> None:
    """A deep copy behaves in the same way on its own, and the BatchNorm of a stage that is unfrozen later trains."""
    start = (("build", "resnet"), ("do", "build_feature_extractor", "", 3))
    script: given.Script = (
        *start,
        ("mode", False),
        ("copy",),
        ("mode", True),
        ("look", "modes"),
        ("features",),
        ("look", "state"),
    )
    expect_same_looks(student, "build_feature_extractor", script, X)
    script = (*start, ("requires", True, "layer4"), ("mode", True), ("look", "modes"))
    expect_same_looks(student, "build_feature_extractor", script, X)


@exercise("build_feature_extractor")
@cpu_only(INVALID)
@points(0.25)
@hint("What has your function already done when it notices that the head cannot be replaced?")
def check_extractor_without_head(student: Any) -> None:
    """What `replace_head` refuses is refused here, too, and nothing has changed then."""
    expect_refused_head(student, "build_feature_extractor")


@exercise("build_feature_extractor")
@points(0.25)
@hint("The new head has to live where the frozen part lives.")
def check_placement_of_build_feature_extractor(runs: Runs) -> None:
    """On an accelerator, the extractor works as on the CPU."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- stages


@exercise("freeze_stages")
@cpu_only(NO_TENSORS)
@points(1.25)
@hint("Write the five stages down, beginning at the image. Which are the first k?")
@misconception(STEMLESS, wrong.played(freeze_stages=wrong.stages_without_stem))
@misconception(HALF_A_STEM, wrong.played(freeze_stages=wrong.stages_with_half_a_stem))
@misconception(ONE_MORE, wrong.played(freeze_stages=wrong.stages_one_more))
@misconception(ONE_LESS, wrong.played(freeze_stages=wrong.stages_one_less))
@misconception(FROM_THE_HEAD, wrong.played(freeze_stages=wrong.stages_from_the_head))
@misconception(ONLY_ONE, wrong.played(freeze_stages=wrong.stages_the_kth))
@misconception(CHILDREN, wrong.played(freeze_stages=wrong.stages_by_children))
@misconception(NORMS_LEFT, wrong.played(freeze_stages=wrong.stages_without_norms))
@misconception(NOT_FROZEN, wrong.played(freeze_stages=wrong.nothing))
def check_stages_in_the_middle(student: Any) -> None:
    """For k from 2 to 4, the first k stages are frozen and the others are not."""
    for k in (3, 4, 2):
        expect_as_reference(student, "freeze_stages", stages(k))


@exercise("freeze_stages")
@cpu_only(NO_TENSORS)
@points(0.75)
@hint("What lies between the image and `layer1`?")
@misconception(STEMLESS, wrong.played(freeze_stages=wrong.stages_without_stem))
@misconception(HALF_A_STEM, wrong.played(freeze_stages=wrong.stages_with_half_a_stem))
@misconception(ONE_MORE, wrong.played(freeze_stages=wrong.stages_one_more))
@misconception(ONE_LESS, wrong.played(freeze_stages=wrong.stages_one_less))
@misconception(CHILDREN, wrong.played(freeze_stages=wrong.stages_by_children))
@misconception(NORMS_LEFT, wrong.played(freeze_stages=wrong.stages_without_norms))
@misconception(FROM_THE_HEAD, wrong.played(freeze_stages=wrong.stages_from_the_head))
@misconception(NOT_FROZEN, wrong.played(freeze_stages=wrong.nothing))
def check_the_stem_is_one_stage(student: Any) -> None:
    """For k = 1 both layers of the stem are frozen and nothing else is."""
    expect_as_reference(student, "freeze_stages", stages(1))


@exercise("freeze_stages")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("What is left for k = 5, and what has happened for k = 0?")
@misconception(STEMLESS, wrong.played(freeze_stages=wrong.stages_without_stem))
@misconception(ONE_MORE, wrong.played(freeze_stages=wrong.stages_one_more))
@misconception(ONE_LESS, wrong.played(freeze_stages=wrong.stages_one_less))
@misconception(HALF_A_STEM, wrong.played(freeze_stages=wrong.stages_with_half_a_stem))
@misconception(ONLY_ONE, wrong.played(freeze_stages=wrong.stages_the_kth))
@misconception(NORMS_LEFT, wrong.played(freeze_stages=wrong.stages_without_norms))
def check_no_stage_and_all_stages(student: Any) -> None:
    """For k = 0 nothing is frozen; for k = 5 the head is left, and whatever else is in no stage."""
    expect_as_reference(student, "freeze_stages", stages(0))
    expect_as_reference(student, "freeze_stages", stages(5))
    for k in (1, 5):
        expect_as_reference(student, "freeze_stages", stages(k, "extras"))
        expect_as_reference(student, "freeze_stages", stages(k, "plain"))


@exercise("freeze_stages")
@cpu_only(NO_TENSORS)
@points(0.75)
@hint("What was frozen before, and by whom? Only one of the two directions is yours.")
@misconception(UNFREEZES, wrong.played(freeze_stages=wrong.stages_and_no_others))
def check_nothing_is_unfrozen(student: Any) -> None:
    """What was frozen before stays frozen, in the head as well, and a smaller k later changes nothing."""
    start = (("build", "resnet"), ("requires", False, "fc.weight", "layer4"), ("do", "freeze_stages", "", 2))
    expect_as_reference(student, "freeze_stages", (*start, ("look", "trainable")))
    script = (("build", "resnet"), ("do", "freeze_stages", "", 4), ("do", "freeze_stages", "", 1))
    expect_as_reference(student, "freeze_stages", (*script, ("look", "trainable")))
    expect_as_reference(student, "freeze_stages", (*script, ("do", "freeze_stages", "", 0), ("look", "trainable")))


@exercise("freeze_stages")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("Freezing has two halves, the second of which concerns the optimizer.")
@misconception(OLD_GRADIENTS, wrong.played(freeze_stages=wrong.stages_keep_gradients))
@misconception(UNFREEZES, wrong.played(freeze_stages=wrong.stages_and_no_others))
def check_gradients_of_frozen_stages(student: Any) -> None:
    """The frozen stages have no gradients left, and the others keep theirs."""
    for k in (1, 3):
        script = (("build", "resnet"), ("gradient",), ("do", "freeze_stages", "", k), ("look", "gradients"))
        expect_as_reference(student, "freeze_stages", script)


@exercise("freeze_stages")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("Which modes does the docstring speak of?")
@misconception(EVALUATED, wrong.played(freeze_stages=wrong.stages_evaluate))
def check_modes_of_frozen_stages(student: Any) -> None:
    """The same network comes back, and modes, values and buffers are as before."""
    for is_training in (True, False):
        script = (("build", "resnet"), ("mode", is_training), ("do", "freeze_stages", "", 3))
        expect_as_reference(student, "freeze_stages", (*script, ("look", "modes", "all", "kept")))


@exercise("freeze_stages")
@cpu_only(INVALID)
@points(0.75)
@hint("Python counts from the end where a number is negative, and slices beyond the end. Is a stage missing?")
def check_stages_that_do_not_exist(student: Any) -> None:
    """A k that is no whole number from 0 to 5 and a network that lacks a stage are refused and left alone."""
    expect_as_reference(student, "freeze_stages", stages(2))
    for k in (-1, 6, 2.5, 100):
        expect_raises(functools.partial(ask, student, "freeze_stages", stages(k)))
    for kind in ("no conv1", "no bn1", "no layer3", "linear"):
        expect_raises(functools.partial(ask, student, "freeze_stages", stages(3, kind)))
    expect_raises(functools.partial(ask, student, "freeze_stages", stages(1, "no layer3")))
    for kind, k in (("resnet", -1), ("resnet", 6), ("no layer3", 3)):
        script = (("build", kind), ("gradient",), ("attempt", "freeze_stages", k), ("look", "trainable", "gradients"))
        expect_as_reference(student, "freeze_stages", script)


# ---------------------------------------------------------------------------------------------- rates


@exercise("parameter_groups")
@cpu_only(NO_TENSORS)
@points(1.0)
@hint("Write the formula down for s = 4, then for s = 3. Which stage is the fastest if `decay` is below 1?")
@misconception(INVERTED, wrong.played(parameter_groups=wrong.groups_inverted))
@misconception(MORE_DECAY, wrong.played(parameter_groups=wrong.groups_one_more_decay))
@misconception(LESS_DECAY, wrong.played(parameter_groups=wrong.groups_one_less_decay))
@misconception("The rate is divided by `decay`", wrong.played(parameter_groups=wrong.groups_divided))
@misconception("`decay` is multiplied by the distance, not raised", wrong.played(parameter_groups=wrong.groups_linear))
@misconception("`decay` has no effect", wrong.played(parameter_groups=wrong.groups_flat))
@misconception("The head comes first", wrong.played(parameter_groups=wrong.groups_reversed))
@misconception(NO_HEAD, wrong.played(parameter_groups=wrong.groups_without_head))
@misconception(HEAD_TWICE, wrong.played(parameter_groups=wrong.groups_with_head_twice))
@misconception("There is a group for each parameter", wrong.played(parameter_groups=wrong.groups_of_names))
def check_rate_of_each_stage(student: Any) -> None:
    """Each stage has the rate of the next one times `decay`, in the order stem, `layer1` to `layer4`, head."""
    for values in ((0.8, 0.5, 0.8), (0.25, 2.0, 0.25)):
        expect_rates(student, (("build", "resnet"), ("groups", *values)))


@exercise("parameter_groups")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("Two rates are given, that of the head and that of `layer4`. Which of them counts down?")
@misconception("`head_lr` has no effect", wrong.played(parameter_groups=wrong.groups_head_rate_ignored))
@misconception("The stages count down from the head's rate", wrong.played(parameter_groups=wrong.groups_from_the_head))
@misconception(INVERTED, wrong.played(parameter_groups=wrong.groups_inverted))
@misconception(MORE_DECAY, wrong.played(parameter_groups=wrong.groups_one_more_decay))
def check_rate_of_the_head(student: Any) -> None:
    """The head has a rate of its own, as in the paper with its factor 2.6."""
    for values in ((0.5, 0.5, 3.0), (0.01 / 2.6, 1 / 2.6, 0.01)):
        expect_rates(student, (("build", "resnet"), ("groups", *values)))


@exercise("parameter_groups")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("What does the signature say about `decay` and `head_lr`?")
@misconception("There is no rate for the head", wrong.played(parameter_groups=wrong.groups_without_head))
@misconception(MORE_DECAY, wrong.played(parameter_groups=wrong.groups_one_more_decay))
def check_rates_by_default(student: Any) -> None:
    """Without further arguments, all stages and the head have the rate `lr`."""
    expect_rates(student, (("build", "resnet"), ("groups", 0.3)))
    expect_rates(student, (("build", "resnet"), ("groups", 0.3, 0.5)))
    expect_rates(student, (("build", "resnet"), ("groups", 0.3, 0.5, None)))


@exercise("parameter_groups")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("Is 0 a number, or the absence of one? Mind what `or` and `if` make of it.")
@misconception(ZERO_MISSING, wrong.played(parameter_groups=wrong.groups_zero_is_missing))
def check_rates_of_zero(student: Any) -> None:
    """A rate of 0 is a rate: of the head, of the stages, or by a `decay` of 0."""
    for values in ((0.5, 0.5, 0.0), (0.0, 0.5, 0.25), (0.5, 0.0, 0.25), (0, 1, 0)):
        expect_rates(student, (("build", "resnet"), ("groups", *values)))


@exercise("parameter_groups")
@cpu_only(NO_TENSORS)
@points(1.0)
@hint("Collect the names of all parameters in your groups. Is one missing, or there twice?")
@misconception(NO_HEAD, wrong.played(parameter_groups=wrong.groups_without_head))
@misconception(HEAD_TWICE, wrong.played(parameter_groups=wrong.groups_with_head_twice))
@misconception(HALF_A_STEM, wrong.played(parameter_groups=wrong.groups_without_bn1))
@misconception("`bn1` is taken for a part of the head", wrong.played(parameter_groups=wrong.groups_with_bn1_in_head))
@misconception("The head comes first", wrong.played(parameter_groups=wrong.groups_reversed))
@misconception("There is a group for each parameter", wrong.played(parameter_groups=wrong.groups_of_names))
def check_every_parameter_once(student: Any) -> None:
    """Every parameter of a network is in exactly one group, that of its stage, in the model's order."""
    for kind in ("resnet", "plain"):
        expect_groups(student, (("build", kind), ("groups", 1.0)))


@exercise("parameter_groups")
@cpu_only(NO_TENSORS)
@points(0.75)
@hint("Some stages are frozen. Who is in the groups then, and which rate have those that are left?")
@misconception(FROZEN_GROUPED, wrong.played(parameter_groups=wrong.groups_with_frozen))
@misconception(RATE_ZERO, wrong.played(parameter_groups=wrong.groups_frozen_at_zero))
@misconception("Groups without parameters are kept", wrong.played(parameter_groups=wrong.groups_with_empty_ones))
@misconception(HEAD_TWICE, wrong.played(parameter_groups=wrong.groups_with_head_twice))
@misconception(NO_HEAD, wrong.played(parameter_groups=wrong.groups_without_head))
def check_frozen_parameters_are_left_out(student: Any) -> None:
    """Frozen parameters are in no group, groups without parameters are left out, and the others keep their rate."""
    for starts in (("conv1", "bn1", "layer1", "layer3"), ("layer4.0.conv1", "fc.bias"), ("fc",), ("",)):
        expect_groups(student, (("build", "resnet"), ("requires", False, *starts), ("groups", 0.8, 0.5, 3.0)))


@exercise("parameter_groups")
@cpu_only(NO_TENSORS)
@points(0.5)
@hint("The docstring says what the head is. It may be more than one layer, and parameters may be shared.")
@misconception(
    "What lies outside of the stages and `fc` is forgotten", wrong.played(parameter_groups=wrong.groups_head_is_fc)
)
@misconception(HEAD_TWICE, wrong.played(parameter_groups=wrong.groups_with_head_twice))
def check_what_lies_outside_of_the_stages(student: Any) -> None:
    """Whatever lies outside of the five stages belongs to the head, and a shared parameter to its first stage."""
    for kind in ("extras", "shared"):
        actual = ask(student, "parameter_groups", script := (("build", kind), ("groups", 0.8, 0.5, 3.0)))
        expect_same_groups(actual, right(script), is_ordered=False)


@exercise("parameter_groups")
@points(0.5)
@hint("The groups go to an optimizer as they are. Which parameters does it move, and how far?")
@misconception(NO_HEAD, wrong.played(parameter_groups=wrong.groups_without_head))
@misconception(INVERTED, wrong.played(parameter_groups=wrong.groups_inverted))
def check_an_optimizer_takes_the_groups(student: Any) -> None:
    """An optimizer that is made of the groups moves each parameter at its rate, and the network is not changed."""
    start = (("build", "resnet"), ("requires", False, "layer2"))
    unchanged = (*start, ("groups", 0.8, 0.5, 3.0), ("look", "trainable", "modes", "all", "kept"))
    actual = ask(student, "parameter_groups", unchanged, X64)
    expect_looks(actual[1:], right(unchanged, X64)[1:])
    script = (*start, ("optimize_groups", 0.8, 0.5, 3.0), ("gradient",), ("update",), ("look", "all"))
    expect_as_reference(student, "parameter_groups", script, X64)


@exercise("parameter_groups")
@cpu_only(INVALID)
@points(0.5)
@hint("Which rates make no sense? Comparisons with NaN are always false. And what if the network lacks a stage?")
def check_rates_that_are_none(student: Any) -> None:
    """Negative, infinite and NaN rates and a network that lacks a stage are refused."""
    expect_groups(student, (("build", "resnet"), ("groups", 0.8, 0.5, 3.0)))
    inf, nan = float("inf"), float("nan")
    ones = [(-0.1,), (0.1, -0.5), (0.1, 0.5, -1.0), (inf,), (0.1, inf), (0.1, 1.0, inf), (nan,), (0.1, nan)]
    for values in (*ones, (0.1, 1.0, nan)):
        expect_raises(functools.partial(ask, student, "parameter_groups", (("build", "resnet"), ("groups", *values))))
    for kind in ("no conv1", "no layer3"):
        expect_raises(functools.partial(ask, student, "parameter_groups", (("build", kind), ("groups", 0.1))))


@exercise("parameter_groups")
@points(0.25)
@hint("The groups hold the parameters themselves, wherever they live.")
def check_placement_of_parameter_groups(runs: Runs) -> None:
    """On an accelerator, groups are made as on the CPU."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- one step


@exercise("train_step")
@points(0.75)
@hint("Which loss is asked for, averaged over what, and computed before or after the parameters move?")
@misconception("The loss is that after the step", wrong.played(train_step=wrong.step_loss_after))
@misconception("The losses are summed, not averaged", wrong.played(train_step=wrong.step_sums))
@misconception(SOFTMAX_TWICE, wrong.played(train_step=wrong.step_softmax_first))
@misconception("The log-softmax is missing", wrong.played(train_step=wrong.step_without_log))
@misconception("The network is in eval mode during the step", wrong.played(train_step=wrong.step_in_eval_mode))
@misconception("BatchNorm is in eval mode, frozen or not", wrong.played(train_step=wrong.step_evaluates_all_norms))
def check_loss_before_the_step(student: Any) -> None:
    """The mean cross-entropy of the batch before the step is returned."""
    expect_steps(student, (("build", "resnet"), ("optimizer",), ("step",)), X64)
    expect_steps(student, (("build", "plain"), ("optimizer",), ("step", 0, 3)), X64)


@exercise("train_step")
@points(0.5)
@hint("Zero, backward, step: in which order, and is each of them there?")
@misconception(NO_STEP, wrong.played(train_step=wrong.step_without_step))
@misconception(NO_STEP, wrong.played(train_step=wrong.step_before_backward))
@misconception(LOST_GRADIENT, wrong.played(train_step=wrong.step_zeroes_too_late))
@misconception(LOST_GRADIENT, wrong.played(train_step=wrong.step_without_gradient))
@misconception(SOFTMAX_TWICE, wrong.played(train_step=wrong.step_softmax_first))
@misconception("The log-softmax is missing", wrong.played(train_step=wrong.step_without_log))
@misconception("The losses are summed, not averaged", wrong.played(train_step=wrong.step_sums))
def check_one_step_of_the_optimizer(student: Any) -> None:
    """After a step, every parameter has moved to where it belongs."""
    script = (("build", "plain"), ("optimizer", "all", "plain"), ("step",), ("look", "all"), ("look", "gradients"))
    actual = ask(student, "train_step", script, X64, Y)
    expect_looks(actual[1:2], right(script, X64, Y)[1:2])


@exercise("train_step")
@points(0.5)
@hint("Where are the gradients of the step before?")
@misconception("Gradients of the step before are added", wrong.played(train_step=wrong.step_accumulates))
def check_gradients_do_not_add_up(student: Any) -> None:
    """Gradients of earlier steps do not count: a second step and old gradients make no difference."""
    script = (("build", "plain"), ("optimizer", "all", "plain"), ("gradient",), ("step",), ("step", 1), ("look", "all"))
    actual = ask(student, "train_step", script, X64, Y)
    expect_looks(actual[2:], right(script, X64, Y)[2:])


@exercise("train_step")
@points(0.5)
@hint("Who decides about the mode of the network: you, or whoever called last? What of dropout?")
@misconception("The network is in eval mode during the step", wrong.played(train_step=wrong.step_in_eval_mode))
@misconception("The mode is left as it was found", wrong.played(train_step=wrong.step_in_the_mode_found))
@misconception("BatchNorm is in eval mode, frozen or not", wrong.played(train_step=wrong.step_evaluates_all_norms))
def check_step_in_train_mode(student: Any) -> None:
    """The network is in train mode: BatchNorm uses the batch and learns from it, and dropout is active."""
    script: given.Script = (
        ("build", "resnet"),
        ("mode", False),
        ("mode", True, "layer1"),
        ("optimizer", "all", "plain"),
        ("step",),
        ("look", "modes", "state"),
    )
    actual = ask(student, "train_step", script, X64, Y)
    expect_looks(actual[1:], right(script, X64, Y)[1:])
    script = (("build", "dropping"), ("mode", False), ("optimizer", "all", "plain"), ("step",), ("look", "modes"))
    expect_steps(student, script, X64)


@exercise("train_step")
@points(0.5)
@hint("`model.train()` changes the mode of every layer. What has to come after it?")
@misconception(STATISTICS, wrong.played(train_step=wrong.step_trains_frozen_norms))
@misconception(STATISTICS, wrong.played(train_step=wrong.step_norms_before_train))
@misconception("The network is in eval mode during the step", wrong.played(train_step=wrong.step_in_eval_mode))
@misconception("BatchNorm is in eval mode, frozen or not", wrong.played(train_step=wrong.step_evaluates_all_norms))
@misconception(BATCH_STATISTICS, wrong.played(set_bn_eval=wrong.norms_without_momentum))
@misconception("The mode is left as it was found", wrong.played(train_step=wrong.step_in_the_mode_found))
def check_frozen_norms_in_a_step(student: Any) -> None:
    """Frozen BatchNorm is in eval mode during the step: its buffers stay, and the batch is not what it uses."""
    start = (
        ("build", "resnet"),
        ("requires", False, "conv1", "bn1", "layer1", "layer2"),
        ("optimizer", "all", "plain"),
    )
    script = (*start, ("step",), ("look", "modes", "all"))
    actual = ask(student, "train_step", script, X64, Y)
    expect_looks(actual[1:], right(script, X64, Y)[1:])
    expect_losses(actual[:1], right(script, X64, Y)[:1])


@exercise("train_step")
@points(0.25)
@hint("Weight decay is part of the optimizer's step. Which parameters does the optimizer skip?")
def check_frozen_parameters_stand_still(student: Any) -> None:
    """Frozen parameters do not move, whether the optimizer knows them or not, in spite of weight decay."""
    for which in ("all", "trainable"):
        start = (("build", "resnet"), ("requires", False, "conv1", "layer", "bn1"), ("optimizer", which))
        script = (*start, ("step",), ("step",), ("look", "all"))
        actual = ask(student, "train_step", script, X64, Y)
        expect_looks(actual[2:], right(script, X64, Y)[2:])


@exercise("train_step")
@points(0.25)
@hint("A batch may hold one image, and its labels may be small integers. What do you assume about memory?")
def check_batches_of_every_kind(student: Any) -> None:
    """A batch of one image, labels of any integer dtype and non-contiguous images work; inputs are not changed."""
    start = (("build", "resnet"), ("requires", False, "conv1", "layer", "bn1"), ("optimizer",))
    expect_steps(student, (*start, ("step", 1, 2), ("arguments",)), X64)
    for dtype in (torch.uint8, torch.int32):
        expect_steps(student, (*start, ("step",), ("arguments",)), X64, labels_as(dtype))
    for x in (STRIDED, CHANNELS_LAST):
        expect_steps(student, (*start, ("step",), ("arguments",)), x, Y_STRIDED)


@exercise("train_step")
@points(0.25)
@hint("A loss that is kept for a plot must not keep the network's graph. What type is asked for?")
def check_loss_is_a_float(student: Any) -> None:
    """The loss is a Python float."""
    script = (("build", "resnet"), ("optimizer",), ("step",))
    for x in (X, X64):
        actual = ask(student, "train_step", script, x, Y)
        expect_true(type(actual[0]) is float, f"expected a float, got an object of type {type(actual[0]).__name__}")
        expect_losses(actual, right(script, x, Y), rtol=1e-4)


@exercise("train_step")
@cpu_only(INVALID)
@points(0.25)
@hint("Which batches have no mean loss? And which labels do not fit, or no parameter at all?")
def check_batches_that_are_none(student: Any) -> None:
    """Empty batches, labels that do not fit and a network without trainable parameters are refused."""
    start = (("build", "plain"), ("optimizer",))
    expect_steps(student, (*start, ("step",)), X64)
    for script, y in (
        ((*start, ("step", 0, 0)), Y),
        ((*start, ("step",)), Y[:3]),
        ((*start, ("step",)), Y[:, None]),
        ((*start, ("step",)), Y.float()),
        ((*start, ("step",)), Y + 5),
        ((*start, ("step",)), Y - 1),
        ((*start, ("step",)), NO_LABELS[-1]),
        ((*start, ("requires", False, ""), ("step",)), Y),
    ):
        expect_raises(functools.partial(ask, student, "train_step", script, X64, y))
    left_alone = (*start, ("gradient",), ("attempt_step",), ("look", "all"))
    for y in NO_LABELS:
        expect_as_reference(student, "train_step", left_alone, X64, y)


@exercise("train_step")
@points(0.25)
@hint("Logits and labels live where the images are. What do you make or move yourself?")
def check_placement_of_train_step(runs: Runs) -> None:
    """On an accelerator, a step is the same as on the CPU."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- training


@exercise("transfer_learn")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(1.25)
@hint("Only the head learns, so its rate and the number of steps decide. Does the loss still fall when you stop?")
def check_accuracy_of_the_extractor(student: Any) -> None:
    """With the body frozen, at least 65 % of new digits are right, whatever the seed."""
    for seed in (0, 1):
        expect_accuracy(student, "extractor", seed, EXTRACTOR_SHARE)


@exercise("transfer_learn")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(1.25)
@hint("Every part learns now. Is the mode of the network right while it learns, and when it comes back?")
def check_accuracy_of_fine_tuning(student: Any) -> None:
    """With all parameters trained, at least 85 % of new digits are right."""
    expect_accuracy(student, "fine_tune", 1, FINE_TUNE_SHARE)


@exercise("transfer_learn")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(1.0)
@hint("Compare the state dict before and after, entry by entry. Which entries may a fixed extractor change?")
@misconception(STATISTICS, wrong.played(transfer_learn=wrong.learn_moves_statistics))
@misconception(NOT_FROZEN, wrong.played(transfer_learn=wrong.learn_moves_all))
@misconception(RATE_ZERO_BODY, wrong.played(transfer_learn=wrong.learn_statistics_of_trainable))
@misconception(RATE_ZERO_BODY, wrong.played(transfer_learn=wrong.learn_head_of_trainable))
@misconception(FROZEN_LAST, wrong.played(transfer_learn=wrong.learn_with_nothing_trainable))
def check_extractor_is_as_it_was(student: Any) -> None:
    """As an extractor, everything but the head is as it was, bit for bit, and frozen."""
    x, y = few_digits()
    script = (*PRETRAINED, ("learn", 5, "extractor", 2), ("look", "all", "trainable"))
    actual = ask(student, "transfer_learn", script, x, y, pretrained())
    state = expect_item(actual[-1], "all")
    ask(student, "transfer_learn", (*script[:-1], ("changes", "trainable")), x, y, pretrained())
    for name, before in pretrained().items():
        if not name.startswith("fc."):
            same = torch.equal(expect_tensor(expect_item(state, name), shape=before.shape), before)
            expect_true(same, f"{name} has changed")
    flags_of_extractor = {name: name.startswith("fc.") for name in parameters()}
    expect_flags(expect_item(actual[-1], "trainable"), flags_of_extractor, FLAG_WORDS)


@exercise("transfer_learn")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(0.75)
@hint("Which parameters did your optimizer know when it was made, and which were trainable then?")
@misconception(UNKNOWN, wrong.played(transfer_learn=wrong.learn_statistics_of_trainable))
@misconception(UNKNOWN, wrong.played(transfer_learn=wrong.learn_head_of_trainable))
@misconception("The body stays frozen in fine-tuning", wrong.played(transfer_learn=wrong.learn_moves_head))
@misconception("The body stays frozen in fine-tuning", wrong.played(transfer_learn=wrong.learn_moves_statistics))
def check_fine_tuning_trains_everything(student: Any) -> None:
    """In fine-tuning every parameter learns, in every stage and in the head, and is left trainable."""
    x, y = few_digits()
    script = (*PRETRAINED, ("learn", 5, "fine_tune", 2), ("look", "all"))
    state = expect_item(ask(student, "transfer_learn", script, x, y, pretrained())[-1], "all")
    ask(student, "transfer_learn", (*script[:-1], ("changes", "trainable")), x, y, pretrained())
    before = pretrained()
    for name in parameters():
        if not name.startswith("fc."):
            value = expect_tensor(expect_item(state, name), shape=before[name].shape)
            expect_true(not torch.equal(value, before[name]), f"{name} has not changed")


@exercise("transfer_learn")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(0.5)
@hint("Where does chance come in, and what decides it? The head begins with random numbers, too.")
def check_same_seed_same_network(student: Any) -> None:
    """The same seed gives the same network, and another seed another one, in both modes; without a seed it is 0."""
    x, y = few_digits()
    for mode in ("extractor", "fine_tune"):
        states = []
        for seed in (3, 3, 4):
            script = (*PRETRAINED, ("learn", 5, mode, 1, None, seed), ("look", "all"))
            states.append(expect_item(ask(student, "transfer_learn", script, x, y, pretrained())[-1], "all"))
        for name in pretrained():
            first, second = (expect_tensor(expect_item(state, name)) for state in states[:2])
            expect_true(torch.equal(first, second), f"{mode}: {name} is another one when the same seed is used again")
        heads = [expect_tensor(expect_item(state, "fc.weight")) for state in states[1:]]
        expect_true(not torch.equal(*heads), f"{mode}: the head is the same for another seed")
    heads = []
    for said in ((1,), (1, None, 0)):
        script = (*PRETRAINED, ("learn", 5, "extractor", *said), ("look", "all"))
        state = expect_item(ask(student, "transfer_learn", script, x, y, pretrained())[-1], "all")
        heads.append(expect_tensor(expect_item(state, "fc.weight")))
    expect_true(torch.equal(*heads), "without a seed, the head is not that of seed 0")


@exercise("transfer_learn")
@cpu_only(TRAINS)
@call_limit(TRAINING_S)
@points(0.5)
@hint("`torch.manual_seed` changes the random numbers of everybody. How do you give back the state that you found?")
def check_training_leaves_no_trace(student: Any) -> None:
    """The caller's random state, images and labels are as before, also for labels of another integer dtype."""
    x, y = few_digits()
    strided = torch.stack((x, -x), 1)[:, 0]
    for mode in ("extractor", "fine_tune"):
        for some_x, some_y in ((x, y), (strided, torch.stack((y, y), 1)[:, 0].to(torch.uint8))):
            script = (*PRETRAINED, ("learn", 5, mode, 1))
            trace = ask(student, "transfer_learn", script, some_x, some_y, pretrained())[-1]
            for what in ("images", "labels", "random generator", "grad mode", "default dtype"):
                expect_true(expect_item(trace, what) is True, f"{mode}: the caller's {what} has changed")


@exercise("transfer_learn")
@call_limit(TRAINING_S)
@points(0.25)
@hint("Who gets the network back uses it: in which mode, and with how many logits?")
def check_network_that_comes_back(student: Any) -> None:
    """The same network comes back in eval mode, with a head for the new classes."""
    x, y = few_digits()
    for mode in ("extractor", "fine_tune"):
        script = (*PRETRAINED, ("learn", 7, mode, 1), ("look", "modes", "keys", "kind", "all"), ("output", 0, 2))
        actual = ask(student, "transfer_learn", script, x[:8], y[:8], pretrained())
        expect_true(actual[0] == "the same", f"expected the network that was given, got {actual[0]}")
        modes = expect_item(actual[2], "modes")
        expect_true(
            isinstance(modes, dict) and not any(modes.values()), "the network, or a part of it, is in train mode"
        )
        expect_tensor(actual[-1], shape=(2, 7), dtype=torch.float32)
        expect_true(expect_item(actual[2], "kind") is True, "the network is of another class")


@exercise("transfer_learn")
@cpu_only(INVALID)
@points(0.25)
@hint("What does your function do with a mode that is neither of the two?")
def check_modes_that_do_not_exist(student: Any) -> None:
    """Another mode is refused, and nothing has changed then."""
    x, y = few_digits()
    script: given.Script = (*PRETRAINED, ("learn", 5, "extractor", 1), ("output", 0, 2))
    actual = ask(student, "transfer_learn", script, x[:8], y[:8], pretrained())
    expect_tensor(actual[-1], shape=(2, 5))
    for mode in ("frozen", "", "Extractor"):
        expect_raises(
            functools.partial(ask, student, "transfer_learn", (*PRETRAINED, ("learn", 5, mode, 1)), x, y, pretrained())
        )
    script = (*PRETRAINED, ("attempt_to_learn", 5, "frozen"), ("look", "all", "trainable"))
    expect_looks(
        ask(student, "transfer_learn", script, x, y, pretrained()),
        [{"all": pretrained(), "trainable": dict.fromkeys(parameters(), True)}],
    )


@exercise("transfer_learn")
@points(0.25)
@hint("The order of the images and the batches are tensors, too. Where do they live?")
def check_placement_of_transfer_learn(runs: Runs) -> None:
    """On an accelerator, the network learns there."""
    expect_placement(runs)


# ---------------------------------------------------------------------------------------------- scripts


def ask(student: Any, name: str, script: given.Script, *inputs: Any) -> list[Any]:
    """Play a script with the student's functions, and return what is seen."""
    if not student.calls:  # the first script of this check: the worker may be a new one
        student.define("given", SOURCE)
        student.run("given", ADOPT)
    seen = student.helper("given", name, script, *inputs)
    return list(expect_tuple(seen, len(seen) if isinstance(seen, list) else -1))


@functools.cache
def right(script: given.Script, *inputs: Any) -> list[Any]:
    """Play a script with the reference's functions; remembered by the script and the very tensors."""
    return given.play(vars(reference), script, *inputs)


@functools.cache
def labels_as(dtype: torch.dtype) -> Tensor:
    """Return the labels in another dtype."""
    return Y.to(dtype)


def stages(k: float, kind: str = "resnet") -> given.Script:
    """Return the script that freezes ``k`` stages and looks at the flags."""
    return (("build", kind), ("do", "freeze_stages", "", k), ("look", "trainable"))


# ---------------------------------------------------------------------------------------------- expectations

FLAG_WORDS = ("is frozen, and should be trainable", "is trainable, and should be frozen")
MODE_WORDS = ("is in eval mode, and should be in train mode", "is in train mode, and should be in eval mode")
KEPT_WORDS = "is no longer the parameter that it was"


def expect_as_reference(student: Any, name: str, script: given.Script, *inputs: Any) -> None:
    """Expect that a script shows with the student's functions what it shows with the reference's."""
    expect_looks(ask(student, name, script, *inputs), right(script, *inputs))


def expect_same_looks(student: Any, name: str, script: given.Script, *inputs: Any) -> None:
    """Expect the same as the reference's, but for what the functions return."""
    pairs = zip(ask(student, name, script, *inputs), right(script, *inputs), strict=True)
    kept = [(actual, expected) for actual, expected in pairs if not isinstance(expected, str)]
    expect_looks([actual for actual, _ in kept], [expected for _, expected in kept])


def expect_looks(actual: list[Any], expected: list[Any]) -> None:
    """Expect the same looks: flags, modes, gradients, states, outputs."""
    for seen, wanted in zip(actual, expected, strict=True):
        if isinstance(wanted, str):
            expect_true(seen == wanted, f"expected {wanted} module back, got {seen}")
        elif isinstance(wanted, Tensor):
            expect_like(seen, wanted)
        elif isinstance(wanted, dict):
            for word, value in wanted.items():
                LOOKS[word](expect_item(seen, word), value)
        else:
            for one, other in zip(expect_tuple(seen, len(wanted)), wanted, strict=True):
                expect_equal(one, other)


def expect_like(actual: object, expected: Tensor) -> None:
    """Expect the numbers of a tensor in its dtype; integers exactly."""
    if expected.is_floating_point():
        is_exact = expected.dtype == torch.float64
        rtol = 1e-8 if is_exact else 1e-4
        expect_close(actual, expected.double(), dtype=expected.dtype, rtol=rtol, atol=rtol)
    else:
        expect_equal(actual, expected)


def expect_names(actual: object, expected: dict[str, Any]) -> None:
    """Expect a dict with the same names."""
    expect_true(isinstance(actual, dict), "expected names of the network")
    missing = next((name for name in expected if name not in actual), None)  # type: ignore[operator]
    expect_true(missing is None, f"expected {missing} in the network. It is missing.")
    extra = next((name for name in actual if name not in expected), None)  # type: ignore[attr-defined]
    expect_true(extra is None, f"the network has {str(extra)[:80]}, which should not be there")


def expect_flags(actual: Any, expected: dict[str, bool], words: tuple[str, str]) -> None:
    """Expect the same flag for every name."""
    expect_names(actual, expected)
    for name, flag in expected.items():
        expect_true(actual[name] is flag, f"{name} {words[0] if flag else words[1]}")


def expect_state(actual: Any, expected: dict[str, Tensor]) -> None:
    """Expect the same numbers for every name."""
    expect_names(actual, expected)
    for value, wanted in zip((actual[name] for name in expected), expected.values(), strict=True):
        expect_like(value, wanted)


def expect_gradients(actual: Any, expected: dict[str, Tensor | None]) -> None:
    """Expect a gradient, or none, for every name."""
    expect_names(actual, expected)
    for name, gradient in expected.items():
        if gradient is None:
            expect_true(actual[name] is None, f"{name} still has a gradient, and should have none")
        else:
            expect_true(actual[name] is not None, f"{name} has lost its gradient")
            expect_like(actual[name], gradient)


def expect_keys(actual: Any, expected: list[Any]) -> None:
    """Expect a state dict with the same names, shapes and dtypes, in the same order."""
    rows = {row[0]: tuple(row[1:]) for row in actual if isinstance(row, tuple | list) and len(row) == 3}
    expect_names(rows, {row[0]: None for row in expected})
    for name, shape, dtype in expected:
        expect_true(rows[name][0] == shape, f"{name}: expected shape {shape}, got {rows[name][0]}")
        expect_true(rows[name][1] == dtype, f"{name}: expected {dtype}, got {rows[name][1]}")


def expect_kept(actual: Any, expected: dict[str, str]) -> None:
    """Expect that the parameters are the very ones that they were."""
    expect_names(actual, expected)
    for name, origin in expected.items():
        expect_true(actual[name] == origin, f"{name} {KEPT_WORDS}")


def expect_kind(actual: Any, expected: bool) -> None:
    """Expect that the network is of its old class."""
    expect_true(actual is expected, "the network is of another class than before")


def expect_head(actual: Any, expected: dict[str, Any]) -> None:
    """Expect a last layer of the same type, sizes, dtype, mode and flags."""
    expect_names(actual, expected)
    for what, value in expected.items():
        expect_true(actual[what] == value, f"fc: its {what} is {actual[what]}, expected {value}")


def expect_learns(actual: Any, expected: bool) -> None:
    """Expect that the output has a gradient."""
    expect_true(actual is expected, "the loss has no gradient for the head")


LOOKS: dict[str, Any] = {
    "trainable": functools.partial(expect_flags, words=FLAG_WORDS),
    "modes": functools.partial(expect_flags, words=MODE_WORDS),
    "gradients": expect_gradients,
    "state": expect_state,
    "all": expect_state,
    "keys": expect_keys,
    "kept": expect_kept,
    "kind": expect_kind,
    "head": expect_head,
    "learns": expect_learns,
}


def expect_refused_head(student: Any, name: str) -> None:
    """Expect that networks whose head cannot be replaced, and heads without classes, are refused and left alone."""
    expect_as_reference(student, name, (("build", "resnet"), ("do", name, "", 3), ("look", "head")))
    cases = [("no fc", 3), ("fc is a convolution", 3), ("fc is a sequence", 3), ("resnet", 0), ("resnet", -2)]
    for kind, num_classes in cases:
        expect_raises(functools.partial(ask, student, name, (("build", kind), ("do", name, "", num_classes))))
        script = (("build", kind), ("gradient",), ("attempt", name, num_classes))
        expect_as_reference(student, name, (*script, ("look", "trainable", "gradients", "modes", "keys", "kept")))


def expect_count(student: Any, script: given.Script) -> None:
    """Expect the number of trainable parameters, a whole one."""
    expected = right(script, X)
    expect_number(ask(student, "trainable_parameters", script, X)[0], float(expected[0]))


def expect_losses(actual: list[Any], expected: list[Any], rtol: float = 1e-6) -> None:
    """Expect losses close to the reference's, as a float or a 0-dim tensor: the type is a check of its own."""
    for loss, value in zip(actual, expected, strict=True):
        expect_number(loss, value, rtol=rtol, atol=rtol)


def expect_steps(student: Any, script: given.Script, x: Tensor, y: Tensor = Y) -> None:
    """Expect the losses, and what is looked at, of some steps."""
    actual, expected = ask(student, "train_step", script, x, y), right(script, x, y)
    rtol = 1e-6 if x.dtype == torch.float64 else 1e-4
    for seen, wanted in zip(actual, expected, strict=True):
        if isinstance(wanted, float):
            expect_losses([seen], [wanted], rtol)
        elif isinstance(wanted, list):
            for one, other in zip(expect_tuple(seen, len(wanted)), wanted, strict=True):
                expect_true(
                    isinstance(one, Tensor) and torch.equal(one, other), "the images or labels have been changed"
                )
        else:
            expect_looks([seen], [wanted])


def expect_rates(student: Any, script: given.Script) -> None:
    """Expect the rates of the groups, in their order."""
    actual, expected = ask(student, "parameter_groups", script)[-1], right(script)[-1]
    groups = expect_tuple(actual, len(expected))
    for group, wanted in zip(groups, expected, strict=True):
        params = expect_item(group, "params")
        is_stage = isinstance(params, list) and params[:1] == wanted["params"][:1]
        expect_true(is_stage, "a group does not begin with the parameters of its stage")
        expect_rate(expect_item(group, "lr"), wanted["lr"])


def expect_rate(actual: object, expected: float) -> None:
    """Expect a rate; a float32 one will do."""
    expect_number(actual, expected, rtol=1e-6, atol=1e-12)


def expect_groups(student: Any, script: given.Script) -> None:
    """Expect the names of the parameters in the groups, and their rates."""
    expect_same_groups(ask(student, "parameter_groups", script), right(script))


def expect_same_groups(actual: list[Any], expected: list[Any], is_ordered: bool = True) -> None:
    """Expect the same parameters in the same groups."""
    listed = [name for group in actual[-1] for name in expect_item(group, "params")]
    wanted = [name for group in expected[-1] for name in group["params"]]
    twice = next((name for name in listed if listed.count(name) > 1), None)
    expect_true(twice is None, f"{twice} is in more than one group, or twice in one")
    lost = next((name for name in wanted if name not in listed), None)
    expect_true(lost is None, f"{lost} is in no group")
    extra = next((name for name in listed if name not in wanted), None)
    expect_true(extra is None, f"{extra} is in a group, and should not be")
    for group, right_one in zip(expect_tuple(actual[-1], len(expected[-1])), expected[-1], strict=True):
        params = list(group["params"])
        expect_true(sorted(params) == sorted(right_one["params"]), "a parameter is in the group of another stage")
        expect_true(not is_ordered or params == right_one["params"], "the parameters of a group are in another order")
        expect_rate(expect_item(group, "lr"), right_one["lr"])


# ---------------------------------------------------------------------------------------------- digits

PRETRAINED = (("build", "gray"), ("load",))
PRETRAINED_SEED, TRAINED_SEED, UNSEEN_SEED, PRETRAINING_EPOCHS = 1, 3, 4, 5
FONT = (
    "01110 10001 10011 10101 11001 10001 01110", "00100 01100 00100 00100 00100 00100 01110",
    "01110 10001 00001 00010 00100 01000 11111", "11111 00010 00100 00010 00001 10001 01110",
    "00010 00110 01010 10010 11111 00010 00010", "11111 10000 11110 00001 00001 10001 01110",
    "00110 01000 10000 11110 10001 10001 01110", "11111 00001 00010 00100 01000 01000 01000",
    "01110 10001 10001 01110 10001 10001 01110", "01110 10001 10001 01111 00001 00010 01100",
)  # fmt: skip
"""The ten digits, five dots wide and seven high."""


def digits(first: int, num: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return ``(N, 1, 12, 12)`` images of the five digits from ``first`` on, turned, sheared and noisy, and labels."""
    generator = torch.Generator().manual_seed(seed)

    def chance(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(num, generator=generator)

    glyphs = torch.tensor([[[float(dot) for dot in row] for row in glyph.split()] for glyph in FONT])  # (10, 7, 5)
    labels = torch.randint(5, (num,), generator=generator)
    angle, shear, width, height = chance(-0.25, 0.25), chance(-0.25, 0.25), chance(0.62, 0.87), chance(0.75, 1.0)
    rows = (
        torch.stack((angle.cos() / width, (angle.sin() + shear) / width, chance(-0.15, 0.15)), 1),
        torch.stack((-angle.sin() / height, angle.cos() / height, chance(-0.15, 0.15)), 1),
    )
    grid = F.affine_grid(torch.stack(rows, 1), [num, 1, 12, 12], align_corners=False)
    drawn = F.grid_sample(glyphs[labels + first][:, None], grid, align_corners=False)
    noise = 0.1 * torch.randn(num, 1, 12, 12, generator=generator)
    return drawn * chance(0.6, 1.0)[:, None, None, None] + noise, labels


@functools.cache
def pretrained() -> dict[str, Tensor]:
    """Return the weights of a small ResNet that knows the digits 0 to 4; it is trained here, once per process."""
    x, y = digits(0, 320, PRETRAINED_SEED)
    with torch.random.fork_rng():
        torch.manual_seed(PRETRAINED_SEED)
        model = given.BUILDERS["gray"]()
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.kaiming_normal_(parameter)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
        for _ in range(PRETRAINING_EPOCHS):
            order = torch.randperm(len(x))
            for start in range(0, len(x), 32):
                rows = order[start : start + 32]
                reference.train_step(model, optimizer, x[rows], y[rows])
    return {name: entry.clone() for name, entry in model.state_dict().items()}


@functools.cache
def parameters() -> list[str]:
    """Return the names of the pretrained network's parameters."""
    return [name for name, _ in given.BUILDERS["gray"]().named_parameters()]


@functools.cache
def few_digits() -> tuple[Tensor, Tensor]:
    """Return a few digits, to look at what training changes."""
    return digits(5, 32, TRAINED_SEED)


def expect_accuracy(student: Any, mode: str, seed: int, share: float) -> None:
    """Expect that the weights that come back classify at least this share of digits that they have not seen."""
    x, y = digits(5, 300, TRAINED_SEED)
    script = (*PRETRAINED, ("learn", 5, mode, None, None, seed), ("look", "all"))
    state = expect_item(ask(student, "transfer_learn", script, x, y, pretrained())[-1], "all")
    model = given.ResNet(width=8, num_classes=5, in_channels=1)
    expected = {name: tuple(entry.shape) for name, entry in model.state_dict().items()}
    expect_names(state, expected)
    model.load_state_dict({name: expect_tensor(state[name], shape=shape) for name, shape in expected.items()})
    unseen, labels = digits(5, 500, UNSEEN_SEED)
    with torch.no_grad():
        found = float((model.eval()(unseen).argmax(1) == labels).double().mean())
    few = f"{mode}: fewer than {share:.0%} of the digits that it has not seen are right"
    expect_true(found >= share, few, staff=f"{found:.3f} right, seed {seed}")
