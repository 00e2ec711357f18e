"""Random generators of the simulated device: the CPU's algorithm with a state of its own."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch

from autograder.worker.simgpu.memory import NAME

PlainGenerator = torch._C.Generator

_alive: weakref.WeakValueDictionary[int, SimulatedGenerator] = weakref.WeakValueDictionary()


class SimulatedGenerator(PlainGenerator):
    """A generator that says that it is on the simulated device."""

    def __init__(self) -> None:
        _alive[_address(self)] = self

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """The simulated device."""
        return torch.device(NAME, 0)

    def clone_state(self) -> SimulatedGenerator:
        """Return a new generator with the same state."""
        copy = SimulatedGenerator()
        copy.set_state(self.get_state())
        return copy


class _MakesEither(type(PlainGenerator)):  # type: ignore[misc]
    """``torch.Generator(device)`` for both kinds; every other use of the name means PyTorch's own class."""

    def __call__(cls, device: Any = "cpu") -> PlainGenerator:
        wanted = torch.device(device)
        return SimulatedGenerator() if wanted.type == NAME else PlainGenerator(wanted)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, PlainGenerator)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, PlainGenerator)


class Generator(PlainGenerator, metaclass=_MakesEither):
    """Takes the place of ``torch.Generator``."""

    __doc__ = PlainGenerator.__doc__


def _address(generator: PlainGenerator) -> int:
    """Return where the generator is in memory: on its way through C++ it gets another Python object."""
    address: int = generator._cdata  # type: ignore[attr-defined]
    return address


default_generator = SimulatedGenerator()


def chosen(generator: PlainGenerator | None) -> PlainGenerator:
    """Return the generator that an operator on the simulated device draws from.

    Raises:
        RuntimeError: if ``generator`` is on another device, with PyTorch's sentence.
    """
    if generator is None:
        return default_generator
    if _address(generator) not in _alive:
        raise RuntimeError(f"Expected a '{NAME}' device type for generator but found '{generator.device.type}'")
    return generator


def drawing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of the CPU that knows only the default generator draw from the simulated device's."""

    def draws(*args: Any, **kwargs: Any) -> Any:
        of_cpu = torch.default_generator
        kept = of_cpu.get_state()
        of_cpu.set_state(default_generator.get_state())
        try:
            return function(*args, **kwargs)
        finally:
            default_generator.set_state(of_cpu.get_state())
            of_cpu.set_state(kept)

    return draws
