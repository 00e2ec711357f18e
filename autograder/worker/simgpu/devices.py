"""PyTorch's rules about mixing devices in one operator, and its sentences when they are broken.

Most operators want all tensors on one device. Elementwise ones let one zero-dimensional CPU tensor stand for a number.
Indexing lets the indices stay on the CPU. The tables follow ``device_check`` in PyTorch's ``native_functions.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from autograder.worker.simgpu.memory import NAME

Operator = torch._ops.OpOverload[..., Any]

ANY_DEVICE = {"copy", "_copy_from", "_foreach_copy", "fill", "is_set_to", "set"}  # names without an in-place underscore

# elementwise by nature, but they take no number from the CPU
STRICT = {
    "clamp", "clamp_max", "clamp_min", "equal", "gcd", "gelu_backward", "igamma", "igammac", "lcm", "logaddexp",
    "logaddexp2", "logit_backward", "native_dropout_backward", "nextafter", "sigmoid_backward", "silu_backward",
    "tanh_backward", "threshold_backward",
}  # fmt: skip

# the other way round: not tagged as elementwise, but they take one
LENIENT = {"binary_cross_entropy", "mse_loss", "smooth_l1_loss"}

# arguments that may be a zero-dimensional CPU tensor, whatever the others are
NUMBERS = {
    "where": {"condition", "self", "other"}, "masked_fill": {"value"}, "index_fill": {"value"},
    "_fused_adam": {"lr"}, "_fused_adamw": {"lr"}, "_fused_sgd": {"lr"}, "_fused_adagrad": {"lr"},
}  # fmt: skip

INDEXING = {"index", "_index_put_impl"}


def check(op: Operator, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raise what PyTorch raises if these arguments, of which some are on the CPU, must not meet in ``op``.

    Raises:
        RuntimeError: with PyTorch's sentence for this kind of operator.
    """
    name = op._schema.name.partition("::")[2]
    name = name if name.startswith("__") else name.rstrip("_")
    tensors = list(_tensors(op, args, kwargs))
    if name in ANY_DEVICE:
        return
    numbers = NUMBERS.get(name, set())
    tensors = [(place, tensor) for place, tensor in tensors if place not in numbers or not _is_number(tensor)]
    if name in INDEXING:
        tensors = _without_indices(tensors)
    devices = {tensor.device for _, tensor in tensors}
    if len(devices) < 2:
        return
    if name in INDEXING or name == "where" or _is_elementwise(op, name):
        _check_elementwise(op, tensors)
    elif name == "equal":
        raise RuntimeError(
            f"Cannot compare two tensors on different devices. Got: {tensors[0][1].device} and {tensors[1][1].device}"
        )
    elif name == "masked_fill":
        places = dict(tensors)
        if places["mask"].device == places["self"].device:
            raise RuntimeError("masked_fill: Expected inputs to be on same device")
        raise RuntimeError(
            "expected self and mask to be on the same device, "
            f"but got mask on {places['mask'].device} and self on {places['self'].device}"
        )
    elif name == "convolution":
        _check_convolution(tensors)
    else:
        first = tensors[0][1].device
        place, other = next((place, tensor) for place, tensor in tensors if tensor.device != first)
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but got {place} is on {other.device}, "
            f"different from other tensors on {first} (when checking argument in method wrapper_{NAME}_{name})"
        )


def _is_elementwise(op: Operator, name: str) -> bool:
    foreach = name.startswith("_foreach_")
    return name not in STRICT and (foreach or name in LENIENT or torch.Tag.pointwise in op.tags)


def _check_elementwise(op: Operator, tensors: Sequence[tuple[str, Tensor]]) -> None:
    written = {argument.name for argument in op._schema.arguments if argument.alias_info is not None}
    numbers = 0
    accelerator = next(tensor.device for _, tensor in tensors if not tensor.is_cpu)
    for place, tensor in tensors:
        if _is_number(tensor) and place not in written:
            numbers += 1
            if numbers > 1 and not op._schema.name.startswith("aten::_foreach_"):
                raise RuntimeError("Trying to pass too many CPU scalars to non-CPU kernel!")
        elif tensor.device != accelerator:
            raise RuntimeError(
                "Expected all tensors to be on the same device, "
                f"but found at least two devices, {accelerator} and {tensor.device}!"
            )


def _check_convolution(tensors: Sequence[tuple[str, Tensor]]) -> None:
    first = tensors[0][1]
    place, other = next((place, tensor) for place, tensor in tensors if tensor.device != first.device)
    raise RuntimeError(f"Input type ({first.type()}) and {place} type ({other.type()}) should be the same")


def _without_indices(tensors: Sequence[tuple[str, Tensor]]) -> list[tuple[str, Tensor]]:
    indexed = tensors[0][1].device
    for place, tensor in tensors:
        if place == "indices" and not tensor.is_cpu and tensor.device != indexed:
            raise RuntimeError(
                f"indices should be either on cpu or on the same device as the indexed tensor ({indexed})"
            )
    return [
        (place, tensor)
        for place, tensor in tensors
        if place != "indices" and not (place == "values" and tensor.dim() == 0)  # one value is moved
    ]


def _is_number(tensor: Tensor) -> bool:
    return tensor.is_cpu and tensor.dim() == 0


def _tensors(op: Operator, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    names = [argument.name for argument in op._schema.arguments]
    for name, value in [*zip(names, args, strict=False), *kwargs.items()]:
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, Tensor):
                yield name, item
