"""One memory under two names: a CPU tensor and a simulated tensor that share their data.

Both directions go through DLPack, PyTorch's exchange format between libraries: a tensor is exported as a C struct, the
device in that struct is rewritten, and the struct is imported again. That copies nothing, keeps shape, strides and
dtype, and the imported tensor keeps the exported one alive. It costs two microseconds.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

NAME = "simgpu"

_EXPORTED = b"dltensor"
_DEVICE_OFFSET = ctypes.sizeof(ctypes.c_void_p)  # struct DLTensor {void *data; struct {int32_t type, id;} device; ...}
_DL_CPU, _DL_EXTENSION = 1, 12  # with id 0 in the upper half of the word

_address = ctypes.pythonapi.PyCapsule_GetPointer
_address.restype, _address.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
_word_at = ctypes.c_int64.from_address
_STRIDED = torch.strided
_ORDINARY = {Tensor, torch.nn.Parameter}
_to_dlpack = torch._C._to_dlpack
_from_dlpack = torch._C._from_dlpack


def is_simulated(tensor: Tensor) -> bool:
    """Return whether ``tensor`` lives on the simulated device."""
    return tensor.device.type == NAME


def raw(tensor: Tensor) -> Tensor:
    """Return a CPU tensor that shares the memory of a simulated one.

    Args:
        tensor: any shape, strides and dtype, on the simulated device.

    Returns:
        The same shape, strides and dtype on the CPU, outside autograd; it keeps the memory alive.

    Raises:
        ValueError: if ``tensor`` is on another device.
    """
    if tensor.is_conj():
        return raw(tensor.detach().conj()).conj()
    if tensor.is_neg():
        return torch._neg_view(raw(torch._neg_view(tensor.detach())))
    alias = _cpu_alias(tensor)
    if alias is None:
        raise ValueError(f"raw: expected a tensor on {NAME}, got one on {tensor.device}")
    return alias


def raw_if_plain(value: Any) -> Tensor | None:
    """Return :func:`raw` of an ordinary simulated tensor, ``None`` for anything else."""
    if type(value) not in _ORDINARY or value.is_cpu or value.is_conj() or value.is_neg():
        return None
    return _cpu_alias(value)


def _cpu_alias(tensor: Tensor) -> Tensor | None:
    """Return the CPU's view of a simulated tensor without lazy bits, ``None`` for one on another device."""
    capsule = _to_dlpack(tensor)
    device = _word_at(_address(capsule, _EXPORTED) + _DEVICE_OFFSET)
    if device.value != _DL_EXTENSION:
        return None
    device.value = _DL_CPU
    return _from_dlpack(capsule)


def simulated(tensor: Tensor) -> Tensor:
    """Return a simulated tensor that shares the memory of a CPU tensor, outside autograd.

    Raises:
        NotImplementedError: if the tensor is not a strided one.
    """
    if tensor.layout is not _STRIDED or tensor.is_quantized or tensor.is_nested:
        kind = "quantised" if tensor.is_quantized else "nested" if tensor.is_nested else str(tensor.layout)
        raise NotImplementedError(f"{NAME}: {kind} tensors are not simulated")
    if tensor.is_conj():
        return simulated(tensor.conj()).conj()
    if tensor.is_neg():
        return torch._neg_view(simulated(torch._neg_view(tensor)))
    capsule = _to_dlpack(tensor)
    _word_at(_address(capsule, _EXPORTED) + _DEVICE_OFFSET).value = _DL_EXTENSION
    return _from_dlpack(capsule)


def raw_together(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return :func:`raw` of each, so that those of one storage share one on the CPU: kernels look there for overlap."""
    storages: dict[int, torch.UntypedStorage] = {}
    result = []
    for tensor in tensors:
        storage = tensor.untyped_storage()
        if storage._cdata not in storages:
            whole = torch.empty(0, dtype=torch.uint8, device=NAME).set_(storage)
            storages[storage._cdata] = raw(whole).untyped_storage()
        alias = torch.empty(0, dtype=tensor.dtype, device="cpu")
        alias.set_(storages[storage._cdata], tensor.storage_offset(), tensor.shape, tensor.stride())
        if tensor.is_conj():
            alias = alias.conj()
        result.append(torch._neg_view(alias) if tensor.is_neg() else alias)
    return result


def replace(tensor: Tensor, content: Tensor) -> None:
    """Give a simulated tensor the shape, the strides and the memory of a CPU tensor."""
    tensor.set_(simulated(content).untyped_storage(), 0, content.shape, content.stride())
