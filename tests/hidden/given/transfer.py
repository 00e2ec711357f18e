"""Small networks, and what is done with them in the checks of *transfer*.

Trusted, but not secret: the checks send this source into the worker, where it plays a script with the student's
functions, and play the same script with the reference's (or a classic mistake's) on their own side. It reports what it
has seen and judges nothing.

A script is a tuple of steps, each a word and plain values: ``(("build", "resnet"), ("do", "freeze", "layer1"),
("look", "trainable"))``.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Script = tuple[tuple[Any, ...], ...]
Norm = Callable[[int], nn.Module]

LR, MOMENTUM, WEIGHT_DECAY = 0.1, 0.9, 0.1


# ---------------------------------------------------------------------------------------------- networks


class Block(nn.Module):
    """Two convolutions and a shortcut, with the names of torchvision's ``BasicBlock``."""

    def __init__(self, in_channels: int, channels: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.bn1 = norm(channels)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = norm(channels)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != channels:
            self.downsample = nn.Sequential(nn.Conv2d(in_channels, channels, 1, stride, bias=False), norm(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output, ``(N, C, H, W)``."""
        shortcut = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        result: Tensor = self.relu(self.bn2(self.conv2(out)) + shortcut)
        return result


class ResNet(nn.Module):
    """A ResNet with one block per stage: the attributes of torchvision's, and few numbers."""

    def __init__(
        self, width: int = 2, num_classes: int = 7, in_channels: int = 3, norm: Norm = nn.BatchNorm2d, bias: bool = True
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 3, 1, 1, bias=False)
        self.bn1 = norm(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(2)
        self.layer1 = nn.Sequential(Block(width, width, 1, norm))
        self.layer2 = nn.Sequential(Block(width, 2 * width, 2, norm))
        self.layer3 = nn.Sequential(Block(2 * width, 4 * width, 2, norm))
        self.layer4 = nn.Sequential(Block(4 * width, 8 * width, 2, norm))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc: nn.Module = nn.Linear(8 * width, num_classes, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits ``(N, K)`` of images ``(N, C, H, W)``."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        logits: Tensor = self.fc(self.avgpool(x).flatten(1))
        return logits


class Dropping(nn.Module):
    """Frozen or trainable BatchNorm, dropout and a last layer, for ``(N, ...)`` inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.dropout = nn.Dropout(1.0)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits ``(N, K)``: in train mode only the last layer's bias."""
        logits: Tensor = self.fc(self.dropout(torch.relu(self.bn1(self.conv1(x))).mean((2, 3))))
        return logits


def shared() -> nn.Module:
    """Return a ResNet whose stem and first stage have two parameters in common."""
    model: Any = ResNet()
    model.layer1[0].bn1.weight, model.layer1[0].bn2.bias = model.bn1.weight, model.bn1.bias
    built: nn.Module = model
    return built


def tied() -> nn.Module:
    """Return two layers that share a weight."""
    model: Any = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.BatchNorm1d(4))
    model[1].weight = model[0].weight
    built: nn.Module = model
    return built


def with_extras() -> nn.Module:
    """Return a ResNet with a second head and a parameter of its own, outside of its stages."""
    model = ResNet()
    model.aux = nn.Linear(4, 3)
    model.scale = nn.Parameter(torch.ones(1))
    return model


def with_head(head: nn.Module | None) -> nn.Module:
    """Return a ResNet whose last layer is another module, or is missing."""
    model = ResNet()
    if head is None:
        del model.fc
    else:
        model.fc = head
    return model


def without(name: str) -> nn.Module:
    """Return a ResNet that lacks a stage."""
    model = ResNet()
    delattr(model, name)
    return model


class OwnNorm(nn.BatchNorm2d):
    """A class derived from BatchNorm."""


def layers() -> nn.Module:
    """Return layers that normalise, or that behave in another way in train mode."""
    norms: list[nn.Module] = [nn.BatchNorm1d(3), nn.BatchNorm2d(3), nn.BatchNorm3d(3), OwnNorm(3)]
    others: list[nn.Module] = [
        nn.InstanceNorm2d(3, affine=True, track_running_stats=True),
        nn.GroupNorm(1, 3),
        nn.LayerNorm(3),
        nn.Dropout(),
        nn.Linear(3, 3),
    ]
    return nn.ModuleDict(
        {
            "frozen": nn.Sequential(*copy.deepcopy(norms)),
            "trained": nn.Sequential(*norms),
            "frozen_others": nn.Sequential(*others),
        }
    )


BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "resnet": ResNet,
    "wide": lambda: ResNet(width=3, num_classes=4),
    "plain": lambda: ResNet(norm=lambda channels: nn.Identity()),
    "without bias": lambda: ResNet(bias=False),
    "gray": lambda: ResNet(width=8, num_classes=5, in_channels=1),
    "dropping": Dropping,
    "shared": shared,
    "extras": with_extras,
    "layers": layers,
    "no fc": lambda: with_head(None),
    "fc is a convolution": lambda: with_head(nn.Conv2d(16, 7, 1)),
    "fc is a sequence": lambda: with_head(nn.Sequential(nn.Linear(16, 7))),
    "no conv1": lambda: without("conv1"),
    "no bn1": lambda: without("bn1"),
    "no layer3": lambda: without("layer3"),
    "dict": lambda: nn.ModuleDict({"bn1": nn.BatchNorm2d(16), "fc": nn.Linear(16, 7)}),
    "relu": nn.ReLU,
    "linear": lambda: nn.Linear(3, 2),
    "norm": lambda: nn.BatchNorm2d(3),
    "tied": tied,
}


def fill(model: nn.Module) -> nn.Module:
    """Give every number of a network a value of its own, the same everywhere; no random numbers are drawn."""
    with torch.no_grad():
        for place, (name, entry) in enumerate(model.state_dict().items()):
            if not entry.is_floating_point():
                entry.fill_(5)
                continue
            wave = torch.sin(torch.arange(entry.numel(), dtype=torch.float64) * (0.7 + 0.013 * place) + place)
            wave = wave.reshape(entry.shape)
            if name.endswith("running_var"):
                wave = 1 + 0.5 * wave
            elif entry.dim() > 1:
                wave = wave * math.sqrt(6 / entry[0].numel())
            elif name.endswith("weight"):
                wave = 1 + 0.3 * wave
            else:
                wave = 0.3 * wave
            entry.copy_(wave)
    return model


# ---------------------------------------------------------------------------------------------- scripts


def play(
    functions: Mapping[str, Any],
    script: Script,
    x: Tensor | None = None,
    y: Tensor | None = None,
    weights: Mapping[str, Tensor] | None = None,
) -> list[Any]:
    """Return what is seen while ``script`` is played with ``functions``.

    Args:
        functions: the functions of the exercise by name.
        script: the steps, see :class:`Stage`.
        x: ``(N, C, H, W)`` images; networks have their dtype and device.
        y: ``(N,)`` labels.
        weights: a state dict that the step ``load`` loads.
    """
    stage = Stage(functions, x, y, weights or {})
    for word, *values in script:
        getattr(stage, word)(*values)
    return stage.seen


class Stage:
    """A network on which a script is played; each public method is a step."""

    def __init__(
        self, functions: Mapping[str, Any], x: Tensor | None, y: Tensor | None, weights: Mapping[str, Tensor]
    ) -> None:
        self._functions, self._x, self._y, self._weights = functions, x, y, weights
        self._model: Any = nn.Identity()
        self._optimizer: torch.optim.Optimizer | None = None
        self._names: dict[int, str] = {}
        self.seen: list[Any] = []

    # ------------------------------------------------------------------ the network

    def build(self, kind: str) -> None:
        """Make a network, with the dtype and on the device of the images."""
        model = fill(BUILDERS[kind]())
        self._model = model if self._x is None else model.to(self._x.device, self._x.dtype)
        self._names = {id(parameter): name for name, parameter in self._model.named_parameters()}

    def load(self) -> None:
        """Give the network the weights that came with the script."""
        self._model.load_state_dict(self._weights)

    def convert(self, dtype: str) -> None:
        """Change the network's dtype."""
        self._model.to(getattr(torch, dtype))
        self._names = {id(parameter): name for name, parameter in self._model.named_parameters()}

    def requires(self, is_trained: bool, *starts: str) -> None:
        """Freeze or unfreeze the parameters whose names begin with one of ``starts``, without the student's help."""
        for name, parameter in self._model.named_parameters():
            if name.startswith(starts):
                parameter.requires_grad_(is_trained)

    def mode(self, is_training: bool, path: str = "") -> None:
        """Call ``train()`` or ``train(False)``, as notebooks do."""
        module = self._model.get_submodule(path)
        module.train() if is_training else module.train(False)

    def norms_eval(self, path: str) -> None:
        """Put the BatchNorm layers below ``path`` into eval mode, without the student's help."""
        for layer in self._model.get_submodule(path).modules():
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                layer.eval()

    def copy(self) -> None:
        """Go on with a deep copy."""
        self._model = copy.deepcopy(self._model)

    def gradient(self) -> None:
        """Give every trainable parameter a gradient; nothing else changes."""
        for parameter in self._model.parameters():
            if parameter.requires_grad:
                parameter.grad = torch.full_like(parameter, 0.5)

    # ------------------------------------------------------------------ the student's functions

    def do(self, name: str, path: str = "", *args: Any, **kwargs: Any) -> None:
        """Call a function of the student's with the network, or a part of it; see whether the same comes back."""
        module = self._model.get_submodule(path)
        result = self._function(name)(module, *args, **kwargs)
        same = "the same" if result is module else "nothing" if result is None else f"another {type(result).__name__}"
        self.seen.append(same)

    def attempt(self, name: str, *args: Any) -> None:
        """Call a function of the student's that must raise, and go on."""
        try:
            self._function(name)(self._model, *args)
        except (ValueError, IndexError, RuntimeError, TypeError):
            return

    def number(self, name: str) -> None:
        """See the number that a function of the student's returns for the network."""
        self.seen.append(self._function(name)(self._model))

    def groups(self, *args: Any) -> None:
        """See the student's groups: the names of their parameters, and their rates."""
        groups = self._function("parameter_groups")(self._model, *args)
        if not isinstance(groups, list | tuple) or not all(isinstance(group, dict) for group in groups):
            raise TypeError(f"expected a list of dicts, got {type(groups).__name__}")
        self.seen.append(
            [
                {
                    **{key: value for key, value in group.items() if key != "params"},
                    "params": [self._names.get(id(parameter), "?") for parameter in list(group["params"])],
                }
                for group in groups
            ]
        )

    def optimize_groups(self, *args: Any) -> None:
        """Make an optimizer of the student's groups."""
        self._optimizer = torch.optim.SGD(self._function("parameter_groups")(self._model, *args), lr=100.0)

    def step(self, first: int = 0, last: int | None = None) -> None:
        """Call the student's ``train_step`` with some of the images; see what it returns."""
        assert self._x is not None
        assert self._y is not None
        loss = self._function("train_step")(self._model, self._optimizer, self._x[first:last], self._y[first:last])
        self.seen.append(loss)

    def attempt_step(self) -> None:
        """Call the student's ``train_step``, which must raise, and go on."""
        self.attempt("train_step", self._optimizer, self._x, self._y)

    def learn(self, num_classes: int, mode: str, *values: Any) -> None:
        """Call the student's ``transfer_learn``; see what comes back and whether it has left a trace."""
        assert self._x is not None
        assert self._y is not None
        before = self._x.clone(), self._y.clone(), torch.get_rng_state()
        settings = torch.is_grad_enabled(), torch.get_default_dtype()
        names = ("epochs", "lr", "seed")
        given = {name: value for name, value in zip(names, values, strict=False) if value is not None}
        result = self._function("transfer_learn")(self._model, self._x, self._y, num_classes, mode, **given)
        self.seen.append("the same" if result is self._model else f"another {type(result).__name__}")
        self.seen.append(
            {
                "images": bool(torch.equal(before[0], self._x)),
                "labels": bool(torch.equal(before[1], self._y)),
                "random generator": bool(torch.equal(before[2], torch.get_rng_state())),
                "grad mode": settings[0] == torch.is_grad_enabled(),
                "default dtype": settings[1] == torch.get_default_dtype(),
            }
        )

    def attempt_to_learn(self, num_classes: int, mode: str) -> None:
        """Call the student's ``transfer_learn`` with a mode that must raise, and go on."""
        self.attempt("transfer_learn", self._x, self._y, num_classes, mode, 1)

    # ------------------------------------------------------------------ training

    def optimizer(self, which: str = "all", kind: str = "momentum") -> None:
        """Make an optimizer over all parameters, or over those that are trainable now."""
        parameters = [p for p in self._model.parameters() if which == "all" or p.requires_grad]
        if kind == "plain":
            self._optimizer = torch.optim.SGD(parameters, lr=LR)
        else:
            self._optimizer = torch.optim.SGD(parameters, lr=LR, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)

    def update(self) -> None:
        """Let the optimizer take a step with the gradients that are there."""
        assert self._optimizer is not None
        self._optimizer.step()

    def train(self, steps: int, first: int = 0, last: int | None = None) -> None:
        """Train as in every notebook, without the student's help: ``model.train()``, then some steps."""
        assert self._x is not None
        assert self._y is not None
        self._model.train()
        for _ in range(steps):
            assert self._optimizer is not None
            self._optimizer.zero_grad()
            loss: Any = F.cross_entropy(self._model(self._x[first:last]), self._y[first:last].long())
            loss.backward()
            self._optimizer.step()

    # ------------------------------------------------------------------ what is seen

    def look(self, *words: str) -> None:
        """See some things about the network."""
        self.seen.append({word: getattr(self, f"_{word}")() for word in words})

    def changes(self, *words: str) -> None:
        """See which entries of the state dict, the head's left out, differ from the weights that were loaded."""
        entries = self._state()
        changed = {n: not torch.equal(entry, self._weights[n].to(entry.device)) for n, entry in entries.items()}
        self.seen.append({"changes": changed, **{word: getattr(self, f"_{word}")() for word in words}})

    def learns(self) -> None:
        """See whether the output has a gradient for the head."""
        assert self._x is not None
        self.seen.append({"learns": bool(self._model(self._x).requires_grad)})

    def output(self, first: int = 0, last: int | None = None) -> None:
        """See the network's output for some of the images."""
        assert self._x is not None
        with torch.no_grad():
            self.seen.append(self._model(self._x[first:last]).clone())

    def features(self, first: int = 0, last: int | None = None) -> None:
        """See what goes into the head for some of the images."""
        assert self._x is not None
        taken: list[Tensor] = []
        hook = self._model.fc.register_forward_pre_hook(lambda module, inputs: taken.append(inputs[0].detach().clone()))
        with torch.no_grad():
            self._model(self._x[first:last])
        hook.remove()
        self.seen.append(taken[-1])

    def arguments(self) -> None:
        """See the images and labels."""
        self.seen.append([self._x, self._y])

    # ------------------------------------------------------------------ inside

    def _function(self, name: str) -> Any:
        if name not in self._functions:
            raise NameError(f"{name} is not defined")
        return self._functions[name]

    def _trainable(self) -> dict[str, bool]:
        return {name: parameter.requires_grad for name, parameter in self._model.named_parameters()}

    def _gradients(self) -> dict[str, Tensor | None]:
        grads = {name: parameter.grad for name, parameter in self._model.named_parameters()}
        return {name: None if grad is None else grad.detach().clone() for name, grad in grads.items()}

    def _modes(self) -> dict[str, bool]:
        return {name or "the network": layer.training for name, layer in self._model.named_modules()}

    def _state(self) -> dict[str, Tensor]:
        """The state dict without the head, in which there is chance."""
        return {name: entry for name, entry in self._all().items() if not name.startswith("fc.")}

    def _all(self) -> dict[str, Tensor]:
        return {name: entry.detach().clone() for name, entry in self._model.state_dict().items()}

    def _keys(self) -> list[Any]:
        return [(name, tuple(entry.shape), str(entry.dtype)) for name, entry in self._model.state_dict().items()]

    def _kept(self) -> dict[str, str]:
        """Which parameters are the very ones that the network was built with."""
        return {name: self._names.get(id(p), "a new one") for name, p in self._model.named_parameters()}

    def _weights_of_head(self) -> dict[str, Tensor]:
        return {name: entry for name, entry in self._all().items() if name.startswith("fc.")}

    def _kind(self) -> bool:
        """Whether it is an object of its old class still."""
        return isinstance(self._model, ResNet)

    def _head(self) -> dict[str, Any]:
        """The last layer, without its numbers."""
        fc = self._model.fc
        found = {"type": type(fc).__name__, "training": fc.training}
        for name, parameter in fc.named_parameters():
            found[name] = (tuple(parameter.shape), str(parameter.dtype), parameter.requires_grad)
        return found


# ---------------------------------------------------------------------------------------------- the student's side

student: Mapping[str, Any] = {}


def adopt(namespace: Mapping[str, Any]) -> None:
    """Play scripts with the functions of this namespace from now on."""
    global student
    student = namespace


def play_with_student(*values: Any) -> list[Any]:
    """Play a script with the student's functions."""
    return play(student, *values)


# a check asks by the name of the exercise, which is then the subject of what the student reads
freeze = unfreeze = trainable_parameters = replace_head = set_bn_eval = play_with_student
build_feature_extractor = freeze_stages = parameter_groups = train_step = transfer_learn = play_with_student
