r"""Transfer learning: freeze what is known, replace the head, train the rest at rates of its own.

Reading order: parameters are frozen or not (``freeze``, ``unfreeze``), the last layer is made for the new classes
(``replace_head``), and both together are the lecture's fixed feature extractor (``build_feature_extractor``). Between
it and fine-tuning everything lies the choice of how many stages to freeze (``freeze_stages``). BatchNorm needs care,
because it also learns outside of back-propagation (``set_bn_eval``). What is left to train is grouped by stage
(``parameter_groups``), counted (``trainable_parameters``) and trained (``train_step``).

Frozen means: neither parameters nor buffers change, and what the frozen part says about an image does not depend on the
other images of the batch.

A ResNet is any module with the attributes ``conv1``, ``bn1``, ``layer1`` to ``layer4`` and ``fc``, such as the one of
torchvision and the course's own. Models are changed in place and returned; images and labels are never changed and may
be non-contiguous.
"""

import math
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

STAGES = (("conv1", "bn1"), ("layer1",), ("layer2",), ("layer3",), ("layer4",))
"""The five stages of a ResNet from the image on, the stem first. What is in no stage (``fc``) is the head."""


def freeze(module: nn.Module) -> nn.Module:
    """Return ``module`` with no parameter left to train.

    Args:
        module: any module; changed in place.

    Returns:
        The same module: every parameter has ``requires_grad=False`` and ``grad=None``.

    Note:
        ``grad=None``, because that is what optimizers skip: beside a gradient left over from before, even a zero one,
        momentum and weight decay would move a frozen parameter. Parameters that ``module`` shares with other modules
        are frozen there, too. Modes and buffers stay as they are (see ``set_bn_eval``).

    Example:
        >>> layer = freeze(nn.Linear(3, 2))
        >>> [parameter.requires_grad for parameter in layer.parameters()]
        [False, False]
    """
    for parameter in module.parameters():
        parameter.requires_grad_(False)
        parameter.grad = None
    return module


def unfreeze(module: nn.Module) -> nn.Module:
    """Return ``module`` with every parameter left to train, whoever froze it.

    Args:
        module: any module; changed in place.

    Returns:
        The same module: every parameter has ``requires_grad=True``; gradients stay as they are.

    Note:
        An optimizer built before, from the parameters that were trainable then, does not know the new ones: build it
        again or call its ``add_param_group``. BatchNorm returns to batch statistics at the next ``model.train()``.

    Example:
        >>> layer = unfreeze(freeze(nn.Linear(3, 2)))
        >>> [parameter.requires_grad for parameter in layer.parameters()]
        [True, True]
    """
    return module.requires_grad_(True)


def replace_head(model: nn.Module, num_classes: int) -> nn.Module:
    """Return ``model`` with a new last layer, made for ``num_classes`` classes.

    Args:
        model: a module whose attribute ``fc`` is an ``nn.Linear``; changed in place.
        num_classes: at least 1.

    Returns:
        The same model: ``fc`` is a new ``Linear(in_features, num_classes)`` with bias, initialised as PyTorch does,
        trainable, and with the input size, device, dtype and mode of the old one. Nothing else changes.

    Raises:
        ValueError: if ``model.fc`` is missing or no ``nn.Linear``, or if ``num_classes < 1``. Nothing has changed then.

    Note:
        One class is allowed: a single logit is what a sigmoid needs (with softmax the loss would always be 0). A head
        that was replaced before is replaced again, not stacked upon.

    Example:
        A head for two classes behind 512 features has 2 x 512 weights and 2 biases.

        >>> model = replace_head(nn.ModuleDict({"fc": nn.Linear(512, 1000)}), num_classes=2)
        >>> model.fc
        Linear(in_features=512, out_features=2, bias=True)
        >>> trainable_parameters(model)
        1026
    """
    fc = _check_head("replace_head", model, num_classes)
    head = nn.Linear(fc.in_features, num_classes, device=fc.weight.device, dtype=fc.weight.dtype)
    model.fc = head.train(fc.training)
    return model


def build_feature_extractor(model: nn.Module, num_classes: int) -> nn.Module:
    """Return ``model`` as a fixed feature extractor under a new head, the only part that trains.

    Args:
        model: a module whose attribute ``fc`` is an ``nn.Linear``; changed in place.
        num_classes: at least 1.

    Returns:
        The same model, of the same class and with the same ``state_dict`` keys: all parameters frozen, then the head
        replaced. Its frozen BatchNorm layers are in eval mode now and after each ``model.train()``.

    Raises:
        ValueError: as in ``replace_head``. Nothing has changed then.

    Note:
        Freeze first, replace second: the other way round nothing is left to train. A layer is frozen or not when
        ``train()`` is called, so after ``unfreeze(model.layer4)`` its BatchNorm trains again. Calling ``train()`` on a
        part of the model reaches only that part, and nobody puts its BatchNorm back. A copy keeps the behaviour.

    References:
        Yosinski, Clune, Bengio and Lipson, "How transferable are features in deep neural networks?", NIPS 2014: frozen
        against fine-tuned features.

    Example:
        >>> model = nn.ModuleDict({"bn1": nn.BatchNorm2d(512), "fc": nn.Linear(512, 1000)})
        >>> model = build_feature_extractor(model, num_classes=2).train()
        >>> model.bn1.training, model.fc.training, trainable_parameters(model)
        (False, True, 1026)
    """
    _check_head("build_feature_extractor", model, num_classes)
    replace_head(freeze(model), num_classes)
    # An attribute of this one object. As a partial, it is copied and pickled together with the model it holds.
    model.train = partial(_train, model)  # type: ignore[method-assign]
    set_bn_eval(model)
    return model


def freeze_stages(model: nn.Module, k: int) -> nn.Module:
    """Return ``model`` with its first ``k`` stages frozen, counted from the image.

    Args:
        model: a ResNet; changed in place.
        k: 0 to 5, how many of stem (``conv1`` and ``bn1``), ``layer1``, ``layer2``, ``layer3`` and ``layer4``.

    Returns:
        The same model: the first ``k`` stages are frozen as by ``freeze``, BatchNorm weights and biases included. The
        other stages and the head stay as they are, trainable or not.

    Raises:
        ValueError: if ``k`` is no whole number from 0 to 5, or if the model lacks a stage. Nothing has changed then.

    Note:
        BatchNorm statistics are ``set_bn_eval``'s business. Nothing is unfrozen: a smaller ``k`` later changes nothing.
        Deviation: a slide of the lecture answers "no" to the question whether the choice of the frozen layers may be a
        hyperparameter. The paper below compares exactly these choices.

    References:
        Yosinski et al. 2014 (see ``build_feature_extractor``): the first n layers frozen, for every n.

    Example:
        Seven layers with two parameters each; the stem is two of them.

        >>> names = ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc"]
        >>> def build():
        ...     return nn.ModuleDict({name: nn.Linear(1, 1) for name in names})
        >>> [trainable_parameters(freeze_stages(build(), k)) for k in range(6)]
        [14, 10, 8, 6, 4, 2]
    """
    stages = _stages("freeze_stages", model)
    if k not in range(len(stages) + 1):
        hint = "The stem counts as one stage."
        raise ValueError(f"freeze_stages: expected a whole number k from 0 to {len(stages)}, got {k}. {hint}")
    for stage in stages[: int(k)]:
        for module in stage:
            freeze(module)
    return model


def set_bn_eval(module: nn.Module) -> None:
    r"""Put every BatchNorm layer whose weight and bias are all frozen into eval mode.

    In train mode BatchNorm normalises with the mean and variance of the batch and moves its buffers towards them,

    .. math:: \hat\mu \leftarrow (1 - m)\, \hat\mu + m\, \mu_B, \qquad
        \hat\sigma^2 \leftarrow (1 - m)\, \hat\sigma^2 + m\, \tfrac{n}{n - 1}\, \sigma_B^2, \qquad m = 0.1

    over the :math:`n` values per channel of the batch. This needs no gradient, so ``requires_grad=False`` does not stop
    it. In eval mode BatchNorm normalises with the buffers and leaves them alone.

    Args:
        module: any module; the modes of its frozen BatchNorm layers are changed, nothing else.

    Note:
        The next ``module.train()`` undoes it, so call it after each one (``build_feature_extractor`` and ``train_step``
        do). A layer with one of weight and bias trainable is not frozen. A layer without them (``affine=False``) has
        none that trains, so it counts as frozen. A layer without buffers (``track_running_stats=False``) uses the
        statistics of the batch in eval mode, too. ``momentum=0`` would keep the buffers, but still normalise with the
        batch.

    References:
        Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
        Shift", ICML 2015, Algorithm 1 (train) and Algorithm 2, steps 8 to 11 (eval). PyTorch replaces the average of
        step 10 by the moving average above.

    Example:
        >>> module = nn.Sequential(freeze(nn.BatchNorm1d(3)), nn.BatchNorm1d(3), nn.Dropout())
        >>> set_bn_eval(module)
        >>> [layer.training for layer in module]
        [False, True, True]
    """
    for layer in module.modules():
        if isinstance(layer, _BatchNorm) and not any(parameter.requires_grad for parameter in layer.parameters()):
            layer.eval()


def parameter_groups(
    model: nn.Module, lr: float, decay: float = 1.0, head_lr: float | None = None
) -> list[dict[str, Any]]:
    r"""Return the trainable parameters as optimizer groups, one learning rate per stage.

    .. math:: \eta_s = \text{lr} \cdot \text{decay}^{\,4 - s}, \qquad s = 0 \text{ (stem)}, 1, \dots, 4
        \text{ (layer4)}

    and the head has the rate ``head_lr``, or ``lr`` if it is None.

    Args:
        model: a ResNet; not changed.
        lr: the rate of ``layer4``, finite and not negative.
        decay: the factor from each stage to the one before it, finite and not negative; below 1, the stem is slowest.
        head_lr: the rate of the head, finite and not negative, or None.

    Returns:
        Dicts with the keys ``params`` (a list, in the model's order) and ``lr``, ordered stem, ``layer1`` to
        ``layer4``, head. Every trainable parameter is in exactly one of them, no frozen one is in any, and a group
        without parameters is left out.

    Raises:
        ValueError: if the model lacks a stage, or if a rate or ``decay`` is negative, infinite or NaN.

    Note:
        The head is everything outside the stages, so that nothing trainable is forgotten. A parameter shared by several
        stages belongs to the first. ``head_lr=0`` is a rate of 0, not a missing one; to keep parameters still, freeze
        them: with rate 0 they still count as trainable and BatchNorm still learns.

    References:
        Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL 2018, section 3.2,
        discriminative fine-tuning: each layer has the rate of the next one divided by 2.6.

    Example:
        The rates of the paper below a head at 0.01.

        >>> names = ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc"]
        >>> model = nn.ModuleDict({name: nn.Linear(1, 1) for name in names})
        >>> groups = parameter_groups(freeze_stages(model, 1), lr=0.01 / 2.6, decay=1 / 2.6, head_lr=0.01)
        >>> [round(group["lr"], 6) for group in groups]
        [0.000219, 0.000569, 0.001479, 0.003846, 0.01]
        >>> [len(group["params"]) for group in groups]
        [2, 2, 2, 2, 2]
    """
    subject = "parameter_groups"
    stages = _stages(subject, model)
    head_lr = lr if head_lr is None else head_lr
    for name, rate in (("lr", lr), ("decay", decay), ("head_lr", head_lr)):
        if not (math.isfinite(rate) and rate >= 0):
            raise ValueError(f"{subject}: expected a finite {name} >= 0, got {rate}. The usual ones lie in (0, 1].")

    rates = [*(lr * decay ** (len(stages) - 1 - s) for s in range(len(stages))), head_lr]
    parts = [*stages, [model]]  # the model as a whole last: what no stage took is the head
    groups, taken = [], set[nn.Parameter]()
    for part, rate in zip(parts, rates, strict=True):
        parameters = dict.fromkeys(parameter for module in part for parameter in module.parameters())
        params = [parameter for parameter in parameters if parameter.requires_grad and parameter not in taken]
        taken.update(params)
        if params:
            groups.append({"params": params, "lr": rate})
    return groups


def trainable_parameters(model: nn.Module) -> int:
    """Return how many numbers the optimizer may change.

    Args:
        model: any module; not changed.

    Returns:
        The number of elements of all parameters with ``requires_grad=True``; a shared parameter counts once. Buffers,
        such as the running statistics of BatchNorm, are no parameters.

    Example:
        >>> model = nn.Sequential(freeze(nn.Linear(3, 2)), nn.BatchNorm1d(2), nn.Linear(2, 5))
        >>> trainable_parameters(model)  # (2 + 2) + (2 x 5 + 5)
        19
    """
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def train_step(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> float:
    r"""Take one step of the optimizer on one batch and return the loss before it.

    .. math:: L = -\frac{1}{N} \sum_{i=1}^{N} \log \text{softmax}(z_i)_{y_i}, \qquad z = \text{model}(x)

    Args:
        model: maps ``x`` to logits ``(N, K)``; afterwards in train mode, its frozen BatchNorm layers in eval mode.
        optimizer: one over the model's parameters, all of them or only the trainable ones.
        x: ``(N, ...)``, images in the model's dtype and on its device, N >= 1.
        y: ``(N,)`` integer, labels in ``[0, K)``.

    Returns:
        The mean cross-entropy (natural logarithm) of the batch, computed before the parameters moved.

    Raises:
        ValueError: if the batch is empty, if ``y`` is not one integer label per image or leaves ``[0, K)``, or if the
            model has no trainable parameter. No parameter has changed then.

    Note:
        The logits are those of train mode: dropout is active and trainable BatchNorm normalises with the batch. A
        trainable BatchNorm needs more than one value per channel (PyTorch raises a ValueError otherwise), a frozen one
        does not: a batch of one image works. Parameters without gradient do not move, not even by weight decay.

    References:
        The lecture's cross-entropy and its two ways to transfer, the fixed feature extractor and fine-tuning.

    Example:
        Two classes and a head of zeros: probability 1/2 each, loss ln 2. The first step makes the loss smaller.

        >>> model = nn.Sequential(freeze(nn.BatchNorm1d(1)), nn.Linear(1, 2))
        >>> _ = nn.init.zeros_(model[1].weight), nn.init.zeros_(model[1].bias)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        >>> x, y = torch.tensor([[1.0], [-1.0]]), torch.tensor([0, 1])
        >>> [round(train_step(model, optimizer, x, y), 4) for _ in range(2)]
        [0.6931, 0.3133]
        >>> model[0].running_mean
        tensor([0.])
    """
    subject = "train_step"
    if len(x) == 0:
        raise ValueError(f"{subject}: expected at least one image, got an empty batch. Its mean loss is undefined.")
    if tuple(y.shape) != (len(x),):
        hint = "y holds one label per image."
        raise ValueError(f"{subject}: expected shape ({len(x)},), got {tuple(y.shape)}. {hint}")
    if y.is_floating_point() or y.is_complex():
        raise ValueError(f"{subject}: expected integer labels, got {y.dtype}. y holds classes, not probabilities.")
    if trainable_parameters(model) == 0:
        raise ValueError(f"{subject}: expected trainable parameters, got none. Freeze first, then replace the head.")

    model.train()
    set_bn_eval(model)
    optimizer.zero_grad()
    logits = model(x)  # (N, K)
    num_classes = logits.shape[1]
    wrong = y[(y < 0) | (y >= num_classes)].tolist()
    if wrong:
        raise ValueError(f"{subject}: expected labels in [0, {num_classes}), got {wrong[0]}. Classes count from 0.")
    loss = F.cross_entropy(logits, y.long())  # ()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return float(loss.detach())


def _train(model: nn.Module, mode: bool = True) -> nn.Module:
    """Return ``model`` after its class's ``train(mode)``, the frozen BatchNorm layers in eval mode."""
    type(model).train(model, mode)
    set_bn_eval(model)
    return model


def _check_head(subject: str, model: nn.Module, num_classes: int) -> nn.Linear:
    """Return the last layer of a model that can have a new one."""
    fc = getattr(model, "fc", None)
    if not isinstance(fc, nn.Linear):
        hint = "It is the last layer."
        raise ValueError(f"{subject}: expected model.fc to be nn.Linear, got {type(fc).__name__}. {hint}")
    if num_classes < 1:
        raise ValueError(f"{subject}: expected num_classes >= 1, got {num_classes}. The head has one logit per class.")
    return fc


def _stages(subject: str, model: nn.Module) -> list[list[nn.Module]]:
    """Return the modules of each stage of a ResNet, the stem first."""
    missing = [name for names in STAGES for name in names if not isinstance(getattr(model, name, None), nn.Module)]
    if missing:
        raise ValueError(f"{subject}: expected a ResNet, got a model without {', '.join(missing)}. See STAGES.")
    return [[getattr(model, name) for name in names] for names in STAGES]
