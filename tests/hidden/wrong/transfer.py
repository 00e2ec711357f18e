"""The classic mistakes about transfer learning, each with the signature of the student's function.

Written for one purpose: when a check fails, its script is played again with one of these in the place of the right
function, and the mistake that shows what the student's function has shown is named in the report. They are wrong by
design.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from given import transfer as given
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from reference import transfer as reference

Groups = list[dict[str, Any]]


def played(**functions: Callable[..., Any]) -> Callable[..., Any]:
    """Return what a script shows if these functions are wrong, and all others right; ``None`` if one of them raises."""

    def mistake(script: given.Script, *inputs: Any) -> Any:
        try:
            return given.play({**vars(reference), **functions}, script, *inputs)
        except (AttributeError, RuntimeError, TypeError, ValueError):
            return None

    return mistake


# ---------------------------------------------------------------------------------------------- freeze, unfreeze


def nothing(module: Any, *args: Any, **kwargs: Any) -> Any:
    """An attribute is set that nobody reads: ``require_grad``, or ``requires_grad`` of the module."""
    return module


def freeze_keeps_gradients(module: nn.Module) -> nn.Module:
    """Old gradients are left to the optimizer."""
    return module.requires_grad_(False)


def freeze_zeroes_gradients(module: nn.Module) -> nn.Module:
    """Gradients are 0 instead of missing."""
    module.requires_grad_(False)
    module.zero_grad(set_to_none=False)
    return module


def freeze_own_parameters(module: nn.Module) -> nn.Module:
    """Only the parameters of the module itself are frozen, not those of its children."""
    for parameter in module.parameters(recurse=False):
        parameter.requires_grad_(False)
        parameter.grad = None
    return module


def freeze_leaves_norms(module: nn.Module) -> nn.Module:
    """The weights and biases of BatchNorm stay trainable."""
    for layer in module.modules():
        if not isinstance(layer, _BatchNorm):
            freeze_own_parameters(layer)
    return module


def freeze_weights_only(module: nn.Module) -> nn.Module:
    """Biases stay trainable."""
    for name, parameter in module.named_parameters():
        if name.endswith("weight"):
            parameter.requires_grad_(False)
            parameter.grad = None
    return module


def freeze_evaluates(module: nn.Module) -> nn.Module:
    """The module is also put into eval mode."""
    return reference.freeze(module).eval()


def only_evaluates(module: nn.Module) -> nn.Module:
    """The module is put into eval mode, which freezes no parameter."""
    return module.eval()


def unfreeze_trains(module: nn.Module) -> nn.Module:
    """The module is also put into train mode."""
    return reference.unfreeze(module).train()


def unfreeze_forgets_gradients(module: nn.Module) -> nn.Module:
    """Gradients are removed."""
    module.requires_grad_(True)
    module.zero_grad()
    return module


# ---------------------------------------------------------------------------------------------- counting


def counts_all(model: nn.Module) -> int:
    """Frozen parameters are counted, too."""
    return sum(parameter.numel() for parameter in model.parameters())


def counts_frozen(model: nn.Module) -> int:
    """The frozen parameters are counted."""
    return counts_all(model) - reference.trainable_parameters(model)


def counts_tensors(model: nn.Module) -> int:
    """Tensors are counted, not the numbers in them."""
    return sum(parameter.requires_grad for parameter in model.parameters())


def counts_lengths(model: nn.Module) -> int:
    """The lengths of the tensors are counted, not the numbers in them."""
    return sum(len(parameter) for parameter in model.parameters() if parameter.requires_grad)


def counts_shared_twice(model: nn.Module) -> int:
    """A shared parameter counts wherever it occurs."""
    every = (parameter for layer in model.modules() for parameter in layer.parameters(recurse=False))
    return sum(parameter.numel() for parameter in every if parameter.requires_grad)


def counts_buffers(model: nn.Module) -> int:
    """Buffers are counted, too."""
    return reference.trainable_parameters(model) + sum(buffer.numel() for buffer in model.buffers())


# ---------------------------------------------------------------------------------------------- the head


def head_out_features(model: Any, num_classes: int) -> nn.Module:
    """The number is written into the old layer, whose weights stay as they were."""
    model.fc.out_features = num_classes
    return reference.unfreeze(model) if not any(p.requires_grad for p in model.parameters()) else model


def head_elsewhere(model: Any, num_classes: int) -> nn.Module:
    """The new layer has a name that ``forward`` does not know."""
    model.classifier = nn.Linear(model.fc.in_features, num_classes)
    return model  # type: ignore[no-any-return]


def head_stacked(model: Any, num_classes: int) -> nn.Module:
    """The new layer is put on top of the old one."""
    model.fc = nn.Sequential(model.fc, nn.Linear(model.fc.out_features, num_classes))
    return model  # type: ignore[no-any-return]


def head_of(in_features: int) -> Callable[..., nn.Module]:
    """Return the mistake of a number of inputs that fits one network only."""

    def head_of_one_network(model: Any, num_classes: int) -> nn.Module:
        model.fc = nn.Linear(in_features, num_classes).train(model.fc.training).to(model.fc.weight)
        return model  # type: ignore[no-any-return]

    return head_of_one_network


def _with_head(change: Callable[[nn.Module], Any]) -> Callable[..., nn.Module]:
    def head_changed(model: Any, num_classes: int) -> nn.Module:
        reference.replace_head(model, num_classes)
        change(model.fc)
        return model  # type: ignore[no-any-return]

    return head_changed


head_in_float32 = _with_head(lambda head: head.float())
"""The new layer has the default dtype."""
head_in_train_mode = _with_head(lambda head: head.train())
"""The new layer is in train mode, whatever the old one was in."""


def head_keeps_flag(model: Any, num_classes: int) -> nn.Module:
    """The new layer is as frozen as the old one was."""
    is_trained = model.fc.weight.requires_grad
    reference.replace_head(model, num_classes)
    model.fc.requires_grad_(is_trained)
    return model  # type: ignore[no-any-return]


def head_like_the_old_one(model: Any, num_classes: int) -> nn.Module:
    """The new layer has a bias only if the old one had one."""
    old = model.fc
    model.fc = nn.Linear(old.in_features, num_classes, bias=old.bias is not None).to(old.weight).train(old.training)
    return model  # type: ignore[no-any-return]


def head_on_frozen_body(model: nn.Module, num_classes: int) -> nn.Module:
    """The body is frozen, which nobody has asked for."""
    return reference.replace_head(reference.freeze(model), num_classes)


# ---------------------------------------------------------------------------------------------- the extractor


def extractor_without_norms(model: nn.Module, num_classes: int) -> nn.Module:
    """BatchNorm is never put into eval mode: its statistics go on learning."""
    return reference.replace_head(reference.freeze(model), num_classes)


def extractor_once(model: nn.Module, num_classes: int) -> nn.Module:
    """BatchNorm is put into eval mode once, which the next ``train()`` undoes."""
    reference.set_bn_eval(extractor_without_norms(model, num_classes))
    return model


def extractor_evaluated_once(model: nn.Module, num_classes: int) -> nn.Module:
    """The network is put into eval mode once, which the next ``train()`` undoes."""
    return extractor_without_norms(model, num_classes).eval()


def extractor_always_evaluates(model: Any, num_classes: int) -> nn.Module:
    """``train()`` does nothing: the whole network, head and dropout included, stays in eval mode."""
    extractor_evaluated_once(model, num_classes)
    model.train = lambda mode=True: model
    return model  # type: ignore[no-any-return]


def extractor_frozen_last(model: nn.Module, num_classes: int) -> nn.Module:
    """The head is replaced first and frozen with the rest."""
    reference.build_feature_extractor(model, num_classes)
    return reference.freeze(model)


def extractor_not_frozen(model: nn.Module, num_classes: int) -> nn.Module:
    """Nothing is frozen."""
    return reference.replace_head(model, num_classes)


def extractor_trains_norms(model: nn.Module, num_classes: int) -> nn.Module:
    """The weights and biases of BatchNorm stay trainable."""
    return reference.replace_head(freeze_leaves_norms(model), num_classes)


def extractor_out_features(model: Any, num_classes: int) -> nn.Module:
    """The number of classes is written into the old layer."""
    old = model.fc.out_features
    reference.build_feature_extractor(model, old)
    model.fc.out_features = num_classes
    return model  # type: ignore[no-any-return]


def extractor_stacked(model: nn.Module, num_classes: int) -> nn.Module:
    """The new layer is put on top of the old one."""
    return head_stacked(reference.freeze(model), num_classes)


def extractor_without_gradient(model: Any, num_classes: int) -> nn.Module:
    """The whole forward pass, head included, runs without gradient."""
    reference.build_feature_extractor(model, num_classes)
    model.forward = torch.no_grad()(model.forward)
    return model  # type: ignore[no-any-return]


# ---------------------------------------------------------------------------------------------- stages


def _stages(choose: Callable[[int], range]) -> Callable[..., nn.Module]:
    """Return the mistake of freezing other stages than the first ``k``."""

    def other_stages(model: nn.Module, k: int) -> nn.Module:
        for place in choose(k):
            for name in reference.STAGES[place]:
                reference.freeze(model.get_submodule(name))
        return model

    return other_stages


stages_without_stem = _stages(lambda k: range(1, min(k, 4) + 1))
"""The stem is no stage: the first one is ``layer1``."""
stages_one_more = _stages(lambda k: range(min(k + 1, 5)))
"""One stage too many."""
stages_one_less = _stages(lambda k: range(k - 1))
"""One stage too few."""
stages_from_the_head = _stages(lambda k: range(5 - k, 5))
"""The last ``k`` stages."""
stages_the_kth = _stages(lambda k: range(max(k - 1, 0), k))
"""Only stage ``k`` itself."""


def stages_with_half_a_stem(model: nn.Module, k: int) -> nn.Module:
    """``bn1`` is forgotten in the stem."""
    for names in reference.STAGES[:k]:
        reference.freeze(model.get_submodule(names[0]))
    return model


def stages_without_norms(model: nn.Module, k: int) -> nn.Module:
    """The weights and biases of BatchNorm stay trainable."""
    for names in reference.STAGES[:k]:
        for name in names:
            freeze_leaves_norms(model.get_submodule(name))
    return model


def stages_and_no_others(model: nn.Module, k: int) -> nn.Module:
    """The other stages are unfrozen."""
    return reference.freeze_stages(reference.unfreeze(model), k)


def stages_keep_gradients(model: nn.Module, k: int) -> nn.Module:
    """Old gradients are left to the optimizer."""
    for names in reference.STAGES[:k]:
        for name in names:
            freeze_keeps_gradients(model.get_submodule(name))
    return model


def stages_by_children(model: nn.Module, k: int) -> nn.Module:
    """The first ``k`` children of the network are taken for its stages."""
    for child in list(model.children())[:k]:
        reference.freeze(child)
    return model


def stages_evaluate(model: nn.Module, k: int) -> nn.Module:
    """The frozen stages are also put into eval mode."""
    reference.freeze_stages(model, k)
    for names in reference.STAGES[:k]:
        for name in names:
            model.get_submodule(name).eval()
    return model


# ---------------------------------------------------------------------------------------------- BatchNorm


def _each_norm(condition: Callable[[Any], bool], kinds: Any = _BatchNorm) -> Callable[..., None]:
    def norms_eval(module: nn.Module) -> None:
        for layer in module.modules():
            if isinstance(layer, kinds) and condition(layer):
                layer.eval()

    return norms_eval


def _is_frozen(layer: nn.Module) -> bool:
    return not any(parameter.requires_grad for parameter in layer.parameters())


norms_all = _each_norm(lambda layer: True)
"""Every BatchNorm layer, trainable or not."""
norms_by_weight = _each_norm(lambda layer: not layer.weight.requires_grad)
"""Only the weight is asked, not the bias."""
norms_by_any = _each_norm(lambda layer: not (layer.weight.requires_grad and layer.bias.requires_grad))
"""One frozen parameter is enough."""
norms_trained = _each_norm(lambda layer: not _is_frozen(layer))
"""The trainable layers instead of the frozen ones."""
norms_2d = _each_norm(_is_frozen, nn.BatchNorm2d)
"""Only ``BatchNorm2d`` is known."""
norms_of_every_kind = _each_norm(_is_frozen, (_BatchNorm, _InstanceNorm, nn.GroupNorm, nn.LayerNorm))
"""Every layer that normalises."""
frozen_layers = _each_norm(_is_frozen, nn.Module)
"""Every frozen layer, and every layer without parameters, such as dropout."""


def norms_whole_module(module: nn.Module) -> None:
    """The whole module is put into eval mode."""
    module.eval()


def norms_children_only(module: nn.Module) -> None:
    """Only the direct children are looked at."""
    for layer in module.children():
        if isinstance(layer, _BatchNorm) and _is_frozen(layer):
            layer.eval()


def norms_without_momentum(module: nn.Module) -> None:
    """Momentum 0: the statistics stay, but those of the batch are used."""
    for layer in module.modules():
        if isinstance(layer, _BatchNorm) and _is_frozen(layer):
            layer.momentum = 0.0


def norms_without_tracking(module: nn.Module) -> None:
    """The statistics are not tracked: those of the batch are used."""
    for layer in module.modules():
        if isinstance(layer, _BatchNorm) and _is_frozen(layer):
            layer.track_running_stats = False


def norms_back_to_train(module: nn.Module) -> None:
    """Trainable BatchNorm is put into train mode."""
    for layer in module.modules():
        if isinstance(layer, _BatchNorm):
            layer.train(not _is_frozen(layer))


def norms_frozen(module: nn.Module) -> None:
    """Every BatchNorm layer is frozen, too."""
    for layer in module.modules():
        if isinstance(layer, _BatchNorm):
            reference.freeze(layer).eval()


# ---------------------------------------------------------------------------------------------- groups


def _groups(change: Callable[[Groups, float, float, float], Groups]) -> Callable[..., Groups]:
    """Return the mistake of changing the right groups."""

    def other_groups(model: nn.Module, lr: float, decay: float = 1.0, head_lr: float | None = None) -> Groups:
        right = reference.parameter_groups(model, lr, decay, head_lr)
        return change(right, lr, decay, lr if head_lr is None else head_lr)

    return other_groups


def _rates(rate: Callable[[int, float, float, float], float]) -> Callable[..., Groups]:
    """Return the mistake of other rates; stage 5 is the head."""

    def other_rates(model: Any, lr: float, decay: float = 1.0, head_lr: float | None = None) -> Groups:
        groups = []
        for place in range(6):
            one = reference.parameter_groups(_only(model, place), 1.0)
            head = lr if head_lr is None else head_lr
            groups += [{"params": group["params"], "lr": rate(place, lr, decay, head)} for group in one]
        return groups

    return other_rates


class _only(nn.Module):
    """A network of which only one stage, or the head, can be trained."""

    def __init__(self, model: nn.Module, place: int) -> None:
        super().__init__()
        names = [name for stage in reference.STAGES for name in stage]
        wanted = reference.STAGES[place] if place < len(reference.STAGES) else ()
        for name in names:
            self.add_module(name, model.get_submodule(name) if name in wanted else nn.Identity())
        if place == len(reference.STAGES):
            for name, child in model.named_children():
                if name not in names:
                    self.add_module(name, child)


groups_inverted = _rates(lambda s, lr, decay, head: head if s == 5 else lr * decay**s)
"""The stem is the fastest."""
groups_one_more_decay = _rates(lambda s, lr, decay, head: head if s == 5 else lr * decay ** (5 - s))
"""``layer4`` is already slower than ``lr``."""
groups_one_less_decay = _rates(lambda s, lr, decay, head: head if s == 5 else lr * decay ** max(3 - s, 0))
"""``layer3`` is as fast as ``layer4``."""
groups_divided = _rates(lambda s, lr, decay, head: head if s == 5 else lr / max(decay, 1e-9) ** (4 - s))
"""``lr`` is divided by ``decay``."""
groups_linear = _rates(lambda s, lr, decay, head: head if s == 5 else lr * decay * (4 - s) if s < 4 else lr)
"""``decay`` is multiplied by the distance."""
groups_flat = _rates(lambda s, lr, decay, head: head if s == 5 else lr)
"""``decay`` has no effect."""
groups_head_rate_ignored = _rates(lambda s, lr, decay, head: lr if s == 5 else lr * decay ** (4 - s))
"""``head_lr`` has no effect."""
groups_from_the_head = _rates(lambda s, lr, decay, head: head if s == 5 else head * decay ** (5 - s))
"""The stages are counted down from the head's rate."""


def groups_zero_is_missing(model: nn.Module, lr: float, decay: float = 1.0, head_lr: float | None = None) -> Groups:
    """``head_lr or lr``: a rate of 0 is taken for a missing one."""
    return reference.parameter_groups(model, lr, decay, head_lr or lr)


def groups_without_head(model: Any, lr: float, decay: float = 1.0, head_lr: float | None = None) -> Groups:
    """The head is in no group."""
    head = {id(parameter) for parameter in model.fc.parameters()}
    groups = reference.parameter_groups(model, lr, decay, head_lr)
    kept = [{**group, "params": [p for p in group["params"] if id(p) not in head]} for group in groups]
    return [group for group in kept if group["params"]]


def groups_with_head_twice(model: nn.Module, lr: float, decay: float = 1.0, head_lr: float | None = None) -> Groups:
    """The last group holds the whole network, the stages once more."""
    groups = reference.parameter_groups(model, lr, decay, head_lr)
    every = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [*groups[:-1], {**groups[-1], "params": every}]


def _all_parts(model: Any) -> list[list[nn.Parameter]]:
    parts = [[p for name in names for p in model.get_submodule(name).parameters()] for names in reference.STAGES]
    return [*parts, list(model.fc.parameters())]


def groups_with_frozen(model: Any, lr: float, decay: float = 1.0, head_lr: float | None = None) -> Groups:
    """Frozen parameters are in the groups, too."""
    rates = [*(lr * decay ** (4 - s) for s in range(5)), lr if head_lr is None else head_lr]
    return [{"params": part, "lr": rate} for part, rate in zip(_all_parts(model), rates, strict=True)]


def groups_frozen_at_zero(model: Any, lr: float, decay: float = 1.0, head_lr: float | None = None) -> Groups:
    """Frozen parameters are in the groups, at rate 0."""
    groups = groups_with_frozen(model, lr, decay, head_lr)
    return [{**g, "lr": g["lr"] if any(p.requires_grad for p in g["params"]) else 0.0} for g in groups]


def groups_with_empty_ones(model: Any, lr: float, decay: float = 1.0, head_lr: float | None = None) -> Groups:
    """Groups without parameters are kept."""
    groups = groups_with_frozen(model, lr, decay, head_lr)
    return [{**group, "params": [p for p in group["params"] if p.requires_grad]} for group in groups]


def groups_head_is_fc(model: Any, lr: float, decay: float = 1.0, head_lr: float | None = None) -> Groups:
    """What lies outside of the stages and ``fc`` is forgotten."""
    known = {id(parameter) for part in _all_parts(model) for parameter in part}
    groups = reference.parameter_groups(model, lr, decay, head_lr)
    return [{**group, "params": [p for p in group["params"] if id(p) in known]} for group in groups]


def groups_without_bn1(model: Any, lr: float, decay: float = 1.0, head_lr: float | None = None) -> Groups:
    """``bn1`` is forgotten in the stem."""
    lost = {id(parameter) for parameter in model.bn1.parameters()}
    groups = reference.parameter_groups(model, lr, decay, head_lr)
    return [{**group, "params": [p for p in group["params"] if id(p) not in lost]} for group in groups]


def groups_with_bn1_in_head(model: Any, lr: float, decay: float = 1.0, head_lr: float | None = None) -> Groups:
    """``bn1`` is taken for a part of the head."""
    lost = list(model.bn1.parameters())
    groups = groups_without_bn1(model, lr, decay, head_lr)
    return [*groups[:-1], {**groups[-1], "params": [*lost, *groups[-1]["params"]]}]


groups_reversed = _groups(lambda groups, lr, decay, head: groups[::-1])
"""The head comes first."""
groups_of_names = _groups(
    lambda groups, lr, decay, head: [{"params": [p], "lr": g["lr"]} for g in groups for p in g["params"]]
)
"""One group for each parameter."""


# ---------------------------------------------------------------------------------------------- one step


def _step(
    *,
    zero: bool = True,
    modes: tuple[Callable[[nn.Module], Any], ...] = (nn.Module.train, reference.set_bn_eval),
    loss_of: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
    order: str = "backward, step",
    after: bool = False,
    cut: bool = False,
) -> Callable[..., float]:
    """Return a training step with a mistake in it."""

    def step(model: nn.Module, optimizer: Any, x: Tensor, y: Tensor) -> float:
        for change in modes:
            change(model)
        if zero:
            optimizer.zero_grad()
        with torch.set_grad_enabled(not cut):
            loss = loss_of(model(x), y.long())
        if cut:
            loss.requires_grad_()
        if order == "step, backward":
            optimizer.step()
        loss.backward()  # type: ignore[no-untyped-call]
        if order == "backward, zero, step":
            optimizer.zero_grad()
        if order not in ("step, backward", "no step"):
            optimizer.step()
        return float((loss_of(model(x), y.long()) if after else loss).detach())

    return step


step_accumulates = _step(zero=False)
"""Gradients of the last step are still there."""
step_in_eval_mode = _step(modes=(nn.Module.eval,))
"""The network is in eval mode."""
step_in_the_mode_found = _step(modes=(reference.set_bn_eval,))
"""``model.train()`` is missing."""
step_trains_frozen_norms = _step(modes=(nn.Module.train,))
"""Frozen BatchNorm is in train mode."""
step_evaluates_all_norms = _step(modes=(nn.Module.train, norms_all))
"""Trainable BatchNorm is in eval mode, too."""
step_norms_before_train = _step(modes=(reference.set_bn_eval, nn.Module.train))
"""``model.train()`` comes last, and undoes what was done for BatchNorm."""
step_sums = _step(loss_of=lambda z, y: F.cross_entropy(z, y, reduction="sum"))
"""The loss is the sum over the batch."""
step_softmax_first = _step(loss_of=lambda z, y: F.cross_entropy(z.softmax(1), y))
"""Softmax comes before the cross-entropy, which applies it again."""
step_without_log = _step(loss_of=lambda z, y: F.nll_loss(z, y))
"""``nll_loss`` of logits: log-softmax is missing."""
step_before_backward = _step(order="step, backward")
"""The optimizer takes its step before the gradients are there."""
step_zeroes_too_late = _step(order="backward, zero, step")
"""Gradients are removed before the step."""
step_without_step = _step(order="no step")
"""The optimizer takes no step."""
step_loss_after = _step(after=True)
"""The loss is that after the step."""
step_without_gradient = _step(cut=True)
"""The whole forward pass runs without gradient."""


# ---------------------------------------------------------------------------------------------- training


def _learn(moves: Callable[[nn.Module, str], bool], trained: tuple[str, ...] = ("fc",)) -> Callable[..., Any]:
    """Return what has moved and is trainable in the end, as if by training; its output is not looked at."""

    def learn(
        model: Any, images: Tensor, labels: Tensor, num_classes: int, mode: str = "", **kwargs: Any
    ) -> nn.Module | None:
        with torch.random.fork_rng():
            reference.replace_head(model, num_classes)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith(trained))
        with torch.no_grad():
            for name, entry in model.state_dict().items():
                if moves(model, name):
                    entry.add_(1)
        return model.eval()  # type: ignore[no-any-return]

    return learn


def _is_buffer(model: nn.Module, name: str) -> bool:
    return name in dict(model.named_buffers())


learn_moves_statistics = _learn(_is_buffer)
"""The head learns, and so do the statistics of BatchNorm."""
learn_moves_all = _learn(lambda model, name: True, ("",))
"""Everything learns."""
learn_moves_head = _learn(lambda model, name: False)
"""The head learns and nothing else."""
learn_head_of_trainable = _learn(lambda model, name: False, ("",))
"""The head learns and nothing else, although everything is trainable."""
learn_statistics_of_trainable = _learn(_is_buffer, ("",))
"""The head and the statistics of BatchNorm learn, although everything is trainable."""
learn_with_nothing_trainable = _learn(lambda model, name: False, ("nothing",))
"""Everything is frozen in the end, the head as well."""
