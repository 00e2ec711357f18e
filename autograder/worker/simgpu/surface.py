"""What Python code expects of a device: the module ``torch.simgpu``, and functions that know only PyTorch's own."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.utils import backend_registration

from autograder.worker.simgpu import generators, guard
from autograder.worker.simgpu.memory import NAME

_TensorBase = torch._C.TensorBase
_apply = torch.nn.Module._apply
_has_compatible_type = torch._has_compatible_shallow_copy_type
_new_storage: Callable[..., torch.UntypedStorage] = torch._C.StorageBase.__new__


def register_device() -> None:
    """Take PyTorch's place for private devices, and with it the name ``torch.simgpu``."""
    guard.start_engine()
    register = backend_registration._setup_privateuseone_for_python_backend
    register(NAME, device_module(), device_guard=guard.Guard())


def device_module() -> ModuleType:
    """Return ``torch.simgpu``, with the functions that ``torch.cuda`` has and that mean something here."""
    module = ModuleType(f"torch.{NAME}", "The simulated accelerator.")
    generator = generators.default_generator

    def seed() -> None:
        generator.seed()

    functions: dict[str, Any] = {
        "_is_in_bad_fork": lambda: False,
        "_lazy_init": lambda: None,
        "current_device": lambda: 0,
        "device_count": lambda: 1,
        "empty_cache": lambda: None,
        "get_amp_supported_dtype": _NoDtypes,
        "get_device_name": lambda device=None: "simulated accelerator",
        "get_rng_state": lambda device=NAME: generator.get_state(),
        "get_rng_state_all": lambda: [generator.get_state()],
        "init": lambda: None,
        "initial_seed": generator.initial_seed,
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "manual_seed": _seed_with,
        "manual_seed_all": _seed_with,
        "max_memory_allocated": lambda device=None: 0,
        "memory_allocated": lambda device=None: 0,
        "seed": seed,
        "seed_all": seed,
        "set_device": _check_index,
        "set_rng_state": lambda new_state, device=NAME: generator.set_state(new_state) and None,
        "set_rng_state_all": lambda new_states: generator.set_state(new_states[0]) and None,
        "synchronize": lambda device=None: None,
    }
    module.__dict__.update(functions, default_generators=(generator,), device=device)
    return module


class device:
    """A context in which a device is the current one; there is only one."""

    def __init__(self, device: Any) -> None:
        _check_index(device)

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, *error: object) -> None:
        """Do nothing."""


def _check_index(device: Any) -> None:
    index = device if isinstance(device, int) else torch.device(device).index
    if index not in (None, 0, -1):
        raise RuntimeError(f"{NAME}: invalid device ordinal: there is one device, got {index}")


def _seed_with(seed: int) -> None:
    generators.default_generator.manual_seed(seed)


class _NoDtypes(list[torch.dtype]):
    """The dtypes of autocast; PyTorch looks into the list when autocast is to be switched on."""

    def __contains__(self, dtype: object) -> bool:
        raise NotImplementedError(f"{NAME}: autocast is not simulated")


# ------------------------------------------------------------------------------------------- PyTorch's Python code


def adapt_python() -> None:
    """Teach the device to functions that ask which device they have, or that PyTorch's own devices pass in C++."""
    guard.adapt_backward()
    torch.Generator = generators.Generator  # type: ignore[misc]
    torch.Tensor.data = property(_TensorBase.data.__get__, _set_data)  # type: ignore[assignment, attr-defined]
    torch.nn.Module._apply = _apply_in_place  # type: ignore[method-assign]
    torch.UntypedStorage.__new__ = _storage  # type: ignore[method-assign, assignment]
    torch.accelerator.synchronize = lambda device=None, /: None


def _apply_in_place(module: torch.nn.Module, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> torch.nn.Module:
    """``Module.to`` and the like: keep the parameters' identity, as between the CPU and a GPU.

    PyTorch's code assigns ``parameter.data`` if a function says that it may, and makes a new parameter otherwise, which
    would leave an optimizer with the old one.
    """
    before = torch._has_compatible_shallow_copy_type
    torch._has_compatible_shallow_copy_type = _may_assign_data
    try:
        return _apply(module, fn, recurse)  # type: ignore[no-untyped-call, no-any-return]
    finally:
        torch._has_compatible_shallow_copy_type = before


def _may_assign_data(input: Tensor, from_: Tensor) -> bool:
    return {input.device.type, from_.device.type} == {"cpu", NAME} or _has_compatible_type(input, from_)


def _set_data(tensor: Tensor, content: Tensor) -> None:
    """Assign ``tensor.data``; between devices, the object gets another tensor's inside."""
    if not isinstance(content, Tensor) or {tensor.device.type, content.device.type} != {"cpu", NAME}:
        _TensorBase.data.__set__(tensor, content)  # type: ignore[attr-defined]
        return
    hooks = tensor._backward_hooks or getattr(tensor, "_post_accumulate_grad_hooks", None)
    if not tensor.is_leaf or hooks:
        raise NotImplementedError(f"{NAME}: moving a tensor with hooks or a history to another device is not simulated")
    if tensor._use_count() > 1:  # type: ignore[attr-defined]
        raise NotImplementedError(f"{NAME}: moving a tensor while a graph holds it is not simulated")
    grad = tensor.grad
    inside = content.detach().requires_grad_(tensor.requires_grad)
    tensor.grad = None
    torch._C._swap_tensor_impl(tensor, inside)
    tensor.grad = None if grad is None else grad.to(content.device)


def _storage(kind: type[torch.UntypedStorage], *args: Any, device: Any = None, **options: Any) -> torch.UntypedStorage:
    """Return ``torch.UntypedStorage(...)``; PyTorch has no allocator for the simulated device and would not notice."""
    if device is None or torch.device(device).type != NAME:
        return _new_storage(kind, *args, device=device, **options)
    if args and not isinstance(args[0], int):
        raise NotImplementedError(f"{NAME}: a storage with given content is not simulated")
    return torch.empty(args[0] if args else 0, dtype=torch.uint8, device=device).untyped_storage()
