"""The kernels: one for all operators that compute, and a few for those that make, move or re-shape memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch._C import DispatchKey

from autograder.worker.simgpu import devices, generators
from autograder.worker.simgpu.devices import Operator
from autograder.worker.simgpu.memory import NAME, is_simulated, raw, raw_if_plain, raw_together, replace, simulated

Place = int | str  # an argument's position, or its name if it has no position

ON_CPU = torch._C.DispatchKeySet(DispatchKey.CPU)

NUMBERS = {bool, int, float, complex}
SETTINGS = {*NUMBERS, type(None), str, torch.dtype, torch.layout, torch.memory_format}

NOT_RESIZABLE = "Trying to resize storage that is not resizable"  # what PyTorch says of memory that it does not own

UNSUPPORTED_KEYS = ("SparsePrivateUse1", "SparseCsrPrivateUse1", "QuantizedPrivateUse1", "NestedTensorPrivateUse1")

COMPOSITE_KEYS = ("CompositeExplicitAutogradNonFunctional", "CompositeExplicitAutograd", "CompositeImplicitAutograd")

# PyTorch's code for these never looks at the data: the CPU's kernel works on simulated tensors themselves
VIEWS = (
    "_reshape_alias", "as_strided", "is_set_to", "set_.source_Storage", "set_.source_Storage_storage_offset",
    "set_.source_Tensor", "unfold", "view", "view_as_complex", "view_as_real",
)  # fmt: skip

# composite operators that choose another algorithm on devices that they do not know, or that are too frequent to split
WHOLE = ("clone", "convolution", "convolution_backward", "linalg_lstsq", "linalg_lstsq.out", "mode.values")


def register() -> list[torch.library.Library]:
    """Register every kernel; return the objects that keep them."""
    everything = torch.library.Library("_", "IMPL")  # type: ignore[no-untyped-call]
    everything.fallback(run, "PrivateUse1")  # type: ignore[no-untyped-call]
    for key in UNSUPPORTED_KEYS:
        everything.fallback(refuse, key)  # type: ignore[no-untyped-call]
    library = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]
    register_one = library.m.impl  # type: ignore[union-attr]
    kernels = {name: _whole(name) for name in (*WHOLE, *_hidden_by_composites())}
    kernels.update({name: _view(name) for name in VIEWS})
    kernels.update({name: _unobserved(kernel) for name, kernel in SPECIAL.items()})
    for name, kernel in kernels.items():
        register_one(name, "PrivateUse1", kernel, False)
    register_one("_pin_memory", "CPU", _pin_memory, False)
    return [everything, library]


_is_observed = torch._C._is_torch_function_mode_enabled


def _unobserved(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Hide what a kernel calls from whoever observes the caller's functions, a default device for one."""

    def unobserved(*args: Any, **kwargs: Any) -> Any:
        with torch._C.DisableTorchFunction():
            return kernel(*args, **kwargs)

    return unobserved


def _hidden_by_composites() -> list[str]:
    """Return the operators with a CPU kernel and also a composite one, which would be preferred to the fallback."""
    registered = torch._C._dispatch_get_registrations_for_dispatch_key
    composite = {name for key in COMPOSITE_KEYS for name in registered(key)}
    names = {name for name in composite.intersection(registered("CPU")) if name.startswith("aten::")}
    names.update(name for name in composite if name.startswith("aten::_foreach_"))
    return sorted({name.removeprefix("aten::") for name in names} - SPECIAL.keys() - {*VIEWS, *WHOLE})


def _operator(name: str) -> Operator:
    packet, _, overload = name.partition(".")
    operator: Operator = getattr(getattr(torch.ops.aten, packet), overload or "default")
    return operator


def _whole(name: str) -> Callable[..., Any]:
    operator: Operator | None = None  # looked up when it is first needed: there are many

    def kernel(*args: Any, **kwargs: Any) -> Any:
        nonlocal operator
        operator = operator or _operator(name)
        return run(operator, *args, **kwargs)

    return kernel


def _view(name: str) -> Callable[..., Any]:
    redispatch = _operator(name)._handle.redispatch_boxed
    careful = _unobserved(redispatch)

    def kernel(*args: Any, **kwargs: Any) -> Any:
        return careful(ON_CPU, *args, **kwargs) if _is_observed() else redispatch(ON_CPU, *args, **kwargs)

    return kernel


# ------------------------------------------------------------------------------------------- operators that compute


@dataclass
class Plan:
    """What :func:`run` has to know about an operator.

    Attributes:
        returns: for every result, the place of the argument that it is, or ``None`` for a new tensor.
        outs: the names of the arguments that may be resized.
        writes: whether any argument is written to.
        generator: the position of the argument for the random generator.
        unboxed: the positions where a number may arrive that C++ has passed as a tensor.
        is_random: whether it draws from the default generator without having such an argument.
        is_simple: whether it only reads its arguments and makes new tensors, as most operators do.
    """

    returns: list[Place | None] = field(default_factory=list)
    outs: list[str] = field(default_factory=list)
    writes: bool = False
    generator: int | None = None
    unboxed: list[int] = field(default_factory=list)
    is_random: bool = False
    is_simple: bool = False


_plans: dict[Operator, Plan] = {}


def _plan(op: Operator) -> Plan:
    if not torch._C._dispatch_has_computed_kernel_for_dispatch_key(name_of(op), "CPU"):
        refuse(op)
    plan = Plan()
    takes_numbers = torch._C._should_allow_numbers_as_tensors(op._schema.name.partition("::")[2])
    written: dict[str, Place] = {}
    for position, argument in enumerate(op._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            place = argument.name if argument.kwarg_only else position
            written.update(dict.fromkeys(argument.alias_info.before_set, place))
            if argument.is_out:
                plan.outs.append(argument.name)
        if "Generator" in str(argument.type):
            plan.generator = position
        elif position and str(argument.type) == "Tensor" and not takes_numbers:
            plan.unboxed.append(position)
    for result in op._schema.returns:
        aliases = result.alias_info.before_set if result.alias_info is not None else ()
        plan.returns.append(next((written[name] for name in aliases if name in written), None))
    plan.writes = bool(written)
    plan.is_random = plan.generator is None and torch.Tag.nondeterministic_seeded in op.tags
    plan.is_simple = not (plan.writes or plan.is_random) and plan.generator is None
    _plans[op] = plan
    return plan


def run(op: Operator, *args: Any, **kwargs: Any) -> Any:
    """Run the CPU's kernel of ``op`` on the same memory.

    Raises:
        RuntimeError: if the arguments are on devices that must not meet.
        NotImplementedError: if the operator, or the kind of tensor that it returns, is not simulated.
    """
    plan = _plans.get(op) or _plan(op)
    if plan.is_simple and not _is_observed() and (plain := _all_simulated(plan, args, kwargs)) is not None:
        result = op._op(*plain, **kwargs)
        return simulated(result) if type(result) is Tensor else _given_back(result, None, args)
    with torch._C.DisableTorchFunction():
        return _run_carefully(op, plan, args, kwargs)


def _all_simulated(plan: Plan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any] | None:
    """Return the arguments with CPU tensors for simulated ones, or ``None`` where there is more to look at.

    That is the usual case, in as few steps as possible: all tensors are simulated and ordinary.
    """
    for value in kwargs.values():
        if type(value) not in SETTINGS:
            return None
    plain: list[Any] = []
    for value in args:
        kind = type(value)
        if kind in SETTINGS:
            plain.append(value)
        elif kind is list:
            items = [item if type(item) in SETTINGS else raw_if_plain(item) for item in value]
            if any(new is None and old is not None for new, old in zip(items, value, strict=True)):
                return None
            plain.append(items)
        elif (alias := raw_if_plain(value)) is not None:
            plain.append(alias)
        else:
            return None
    for position in plan.unboxed:
        if position < len(plain) and type(plain[position]) in NUMBERS:
            return None
    return plain


def _run_carefully(op: Operator, plan: Plan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run the CPU's kernel of ``op`` whatever its arguments are."""
    tensors = list(_tensors(args)) + list(_tensors(kwargs.values())) if kwargs else list(_tensors(args))
    ours = [tensor for tensor in tensors if not tensor.is_cpu]
    if len(ours) < len(tensors) and ours:
        devices.check(op, args, kwargs)
    aliases = _overlapping(ours) if plan.writes and len(ours) > 1 else {}
    plain = [_plain(value, aliases) for value in args]
    named = {name: _plain(value, aliases) for name, value in kwargs.items()} if kwargs else {}
    call: Callable[..., Any] = op
    if plan.unboxed and any(type(value) in NUMBERS for value in plain[1:]):
        call = _with_numbers(op, plan, plain)
    if plan.generator is not None:
        _give_generator(op, plan.generator, plain, named)
    if "pin_memory" in named:
        named["pin_memory"] = None
    if plan.is_random:
        call = generators.drawing(call)
    if plan.outs:
        return _run_into(call, plan, plain, named, kwargs)
    try:
        result = call(*plain, **named)
    except RuntimeError as error:
        if NOT_RESIZABLE not in str(error):
            raise
        raise NotImplementedError(f"{NAME}: {name_of(op)} that resizes its argument is not simulated") from error
    if type(result) is tuple:
        return tuple(_given_back(item, place, args) for item, place in zip(result, plan.returns, strict=True))
    return _given_back(result, plan.returns[0] if plan.returns else None, args)


def _run_into(
    call: Callable[..., Any], plan: Plan, plain: list[Any], named: dict[str, Any], given: dict[str, Any]
) -> Any:
    """Run an operator with ``out=``: what is empty grows, anything else keeps its memory if it is large enough."""
    grown = [name for name in plan.outs if isinstance(given[name], Tensor) and given[name].shape == (0,)]
    named.update({name: _empty_like(given[name]) for name in grown})
    try:
        call(*plain, **named)
    except RuntimeError as error:
        if NOT_RESIZABLE not in str(error):
            raise
        grown = plan.outs
        named.update({name: _empty_like(given[name]) for name in grown})
        call(*plain, **named)
    for name in plan.outs:
        for out, computed in zip(_tensors([given[name]]), _tensors([named[name]]), strict=True):
            if name in grown:
                replace(out, computed)
            elif (out.shape, out.stride()) != (computed.shape, computed.stride()):
                out.set_(out.untyped_storage(), out.storage_offset(), computed.shape, computed.stride())
    results = tuple(given[place] for place in plan.returns if isinstance(place, str))
    return results[0] if len(results) == 1 else results


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from (item for item in value if isinstance(item, Tensor))


def _overlapping(tensors: Sequence[Tensor]) -> dict[int, Tensor]:
    """Return aliases, by identity, if some of ``tensors`` share a storage."""
    storages = {tensor.untyped_storage()._cdata for tensor in tensors}
    if len(storages) == len(tensors):
        return {}
    return dict(zip(map(id, tensors), raw_together(tensors), strict=True))


def _plain(value: Any, aliases: dict[int, Tensor]) -> Any:
    if isinstance(value, Tensor):
        if value.is_cpu:
            return value
        return aliases[id(value)] if aliases else raw(value)
    if isinstance(value, list | tuple):
        return [_plain(item, aliases) for item in value]
    if isinstance(value, torch.device):
        return _cpu_for(value)
    return value


def _with_numbers(op: Operator, plan: Plan, plain: Sequence[Any]) -> Callable[..., Any]:
    """Return the operator's overload for a number, if there is one in a tensor's place: Python gets it as a number."""
    if any(position < len(plain) and type(plain[position]) in NUMBERS for position in plan.unboxed):
        packet: Callable[..., Any] = op.overloadpacket
        return packet
    return op


def _empty_like(out: Any) -> Any:
    if isinstance(out, Tensor):
        return torch.empty(0, dtype=out.dtype, device="cpu")
    return [_empty_like(item) for item in out]


def _given_back(value: Any, place: Place | None, args: Sequence[Any]) -> Any:
    if isinstance(place, int):
        return args[place]
    if isinstance(value, Tensor):
        return simulated(value)
    if type(value) is tuple:
        return tuple(_given_back(item, None, args) for item in value)
    if isinstance(value, list):
        return [_given_back(item, None, args) for item in value]
    return value


def _give_generator(op: Operator, position: int, plain: list[Any], named: dict[str, Any]) -> None:
    if position < len(plain):
        plain[position] = generators.chosen(plain[position])
    else:
        name = op._schema.arguments[position].name
        named[name] = generators.chosen(named.get(name))


def _cpu_for(device: torch.device) -> torch.device:
    if device.type == NAME and device.index not in (None, 0):
        raise RuntimeError(f"{NAME}: invalid device ordinal: there is one device, got {device}")
    return torch.device("cpu")


def name_of(op: Operator) -> str:
    """Return an operator's name with its overload, such as ``aten::add.Tensor``."""
    name: str = op.name()  # type: ignore[no-untyped-call]
    return name


def refuse(op: Operator, *args: Any, **kwargs: Any) -> Any:
    """Raise the error of an operator that is not simulated."""
    raise NotImplementedError(f"{NAME}: {name_of(op)} is not simulated")


# ------------------------------------------------------------------------------------------- memory


def _empty(
    size: Sequence[int],
    *,
    dtype: torch.dtype | None = None,
    layout: torch.layout | None = None,
    device: torch.device,
    pin_memory: bool | None = None,
    memory_format: torch.memory_format | None = None,
) -> Tensor:
    order = memory_format or torch.contiguous_format
    return simulated(torch.empty(size, dtype=dtype, layout=layout, device=_cpu_for(device), memory_format=order))


def _empty_strided(
    size: Sequence[int],
    stride: Sequence[int],
    *,
    dtype: torch.dtype | None = None,
    layout: torch.layout | None = None,
    device: torch.device,
    pin_memory: bool | None = None,
) -> Tensor:
    return simulated(torch.empty_strided(size, stride, dtype=dtype, device=_cpu_for(device)))


def _zero_tensor(
    size: Sequence[int], *, dtype: torch.dtype | None = None, device: torch.device, **options: Any
) -> Tensor:
    """Return zeros; PyTorch's own zero tensors have no memory."""
    return simulated(torch.zeros(size, dtype=dtype, device=_cpu_for(device)))


def _copy(target: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor:
    """Copy between any two devices."""
    both = is_simulated(target) and is_simulated(source)
    aliases = _overlapping([target, source]) if both else {}
    _plain(target, aliases).copy_(_plain(source, aliases))
    return target


def _copy_from(source: Tensor, target: Tensor, non_blocking: bool = False) -> Tensor:
    return _copy(target, source)


def _copy_from_and_resize(source: Tensor, target: Tensor) -> Tensor:
    return _copy(target.resize_(source.shape), source)


def _resize(tensor: Tensor, size: Sequence[int], *, memory_format: torch.memory_format | None = None) -> Tensor:
    """Change the shape; memory that grows is new, so nobody else may look at the old."""
    storage = tensor.untyped_storage()
    shape = torch.empty(size, dtype=tensor.dtype, device="meta", memory_format=memory_format or torch.contiguous_format)
    needed = (tensor.storage_offset() + shape.numel()) * tensor.element_size()
    if needed > storage.nbytes():
        if storage.nbytes() and torch._C._storage_Use_Count(storage._cdata) > STORAGE_USES:
            raise NotImplementedError(f"{NAME}: resize_ of a tensor that shares its memory is not simulated")
        grown = torch.empty(needed // tensor.element_size(), dtype=tensor.dtype, device="cpu")
        old = raw(tensor.as_strided((storage.nbytes() // tensor.element_size(),), (1,), 0))
        grown[: old.numel()] = old
        storage = simulated(grown).untyped_storage()
    return tensor.set_(storage, tensor.storage_offset(), shape.shape, shape.stride())


STORAGE_USES = 2  # the tensor's own and the object that asks


def _pin_memory(tensor: Tensor, device: torch.device | None = None) -> Tensor:
    """Copy, as pinning does; there is no device that would read pinned memory faster."""
    return tensor.clone()


SPECIAL: dict[str, Callable[..., Any]] = {
    "_copy_from": _copy_from,
    "_copy_from_and_resize": _copy_from_and_resize,
    "_efficientzerotensor": _zero_tensor,
    "copy_": _copy,
    "empty.memory_format": _empty,
    "empty_strided": _empty_strided,
    "resize_": _resize,
}
