"""Views, writes, storages, copies and random numbers behave as on any device."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from autograder.worker import simgpu

SIM = "simgpu"


def grid(*shape: int) -> Any:
    count = torch.Size(shape).numel()
    return torch.arange(float(count)).reshape(shape).to(SIM)


VIEWS: dict[str, Callable[[Any], Tensor]] = {
    "as_strided": lambda x: x.as_strided((2,), (3,), 1),
    "chunk": lambda x: x.chunk(2)[1],
    "detach": lambda x: x.detach(),
    "diagonal": lambda x: x.diagonal(),
    "expand": lambda x: x[:1].expand(3, 4),
    "index": lambda x: x[1],
    "movedim": lambda x: x.movedim(0, 1),
    "narrow": lambda x: x.narrow(1, 1, 2),
    "negative slice": lambda x: x[..., -1:],
    "permute": lambda x: x.permute(1, 0),
    "reshape": lambda x: x.reshape(2, 6),
    "slice": lambda x: x[1:, ::2],
    "split": lambda x: x.split([1, 2])[1],
    "squeeze": lambda x: x[:1].squeeze(0),
    "transpose": lambda x: x.T,
    "unbind": lambda x: x.unbind(1)[2],
    "unflatten": lambda x: x.unflatten(1, (2, 2)),
    "unfold": lambda x: x.unfold(1, 2, 1),
    "unsqueeze": lambda x: x[:, None],
    "view": lambda x: x.view(-1),
    "view of another dtype": lambda x: x.view(torch.int32),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_a_view_shares_the_storage_of_its_base(view: Callable[[Tensor], Tensor]) -> None:
    base = grid(3, 4)
    part, same = view(base), view(base.cpu())
    assert part.device == base.device
    assert torch.equal(part.cpu(), same)
    assert (part.stride(), part.storage_offset()) == (same.stride(), same.storage_offset())
    assert part.untyped_storage().data_ptr() == base.untyped_storage().data_ptr()
    assert part.untyped_storage()._cdata == base.untyped_storage()._cdata
    version = base._version
    part.zero_()
    assert base._version == part._version == version + 1
    assert base.sum().item() < 66


def test_a_write_to_the_base_is_seen_through_the_view() -> None:
    base = grid(3, 4)
    row, column = base[1], base[:, 1]
    base += 1
    base[1, 1] = -1
    assert row.tolist() == [5, -1, 7, 8]
    assert column.tolist() == [2, -1, 10]
    assert row._base is base
    assert base.data_ptr() + 4 * base.element_size() == row.data_ptr()


def test_views_of_views_under_autograd_reach_the_base() -> None:
    leaf = grid(4).requires_grad_()
    x = leaf * 1
    x[1:][1:].mul_(3)
    x.sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.tolist() == [1, 1, 3, 3]


def test_complex_views() -> None:
    z = torch.tensor([1 + 2j, 3 - 1j], device=SIM)
    torch.view_as_real(z)[0, 0] = 9
    z.real.add_(1)
    assert z.tolist() == [10 + 2j, 4 - 1j]
    assert (z.conj() * z).tolist() == [104, 17]
    assert torch.dot(z.conj(), z).item() == torch.vdot(z, z).item() == 121
    assert z.conj().imag.tolist() == [-2, 1]
    assert torch.view_as_complex(grid(2, 2)).tolist() == [1j, 2 + 3j]


def test_overlapping_memory_is_refused_as_on_any_device() -> None:
    x = grid(4)
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        x[1:].add_(x[:-1])
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        torch.add(x[1:], 1, out=x[:-1])
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        x[:1].expand(4).add_(1)
    assert x.add_(x).tolist() == [0, 2, 4, 6]
    assert x[1:].copy_(x[1:]).tolist() == [2, 4, 6]


def test_writing_returns_the_same_object() -> None:
    x = grid(2, 2)
    assert x.add_(1) is x
    assert x.t_() is x
    assert x.clamp_(max=2).relu_().sqrt_() is x
    assert x.unsqueeze_(0).shape == (1, 2, 2)
    out = torch.empty(0, device=SIM)
    assert torch.mm(grid(2, 2), grid(2, 2), out=out) is out
    assert out.tolist() == [[2, 3], [6, 11]]
    values, indices = torch.empty(0, device=SIM), torch.empty(0, device=SIM, dtype=torch.int64)
    result = torch.sort(grid(3), descending=True, out=(values, indices))
    assert result[0] is values
    assert values.tolist() == [2, 1, 0]
    assert indices.tolist() == [2, 1, 0]


def test_out_is_written_in_place_where_it_fits() -> None:
    base = torch.zeros(2, 3, device=SIM)
    torch.add(grid(3), 1, out=base[1])
    assert base.tolist() == [[0, 0, 0], [1, 2, 3]]
    transposed = torch.zeros(2, 2, device=SIM).T
    torch.mm(grid(2, 2), grid(2, 2), out=transposed)
    assert transposed.stride() == (1, 2)
    assert transposed.tolist() == [[2, 3], [6, 11]]


def test_out_of_another_shape_is_resized_with_pytorchs_warning() -> None:
    for size in (2, 9):
        out = torch.zeros(size, device=SIM)
        with pytest.warns(UserWarning, match="An output with one or more elements was resized"):
            torch.add(grid(4), 1, out=out)
        assert out.tolist() == [1, 2, 3, 4]


def test_resize_keeps_what_fits() -> None:
    x = grid(4)
    x.resize_(2)
    assert x.tolist() == [0, 1]
    x.resize_(2, 2)
    assert x.tolist() == [[0, 1], [2, 3]]
    x.resize_(6)
    assert x[:4].tolist() == [0, 1, 2, 3]
    assert x.untyped_storage().nbytes() == 24
    view = x[1:]
    with pytest.raises(NotImplementedError, match="resize_ of a tensor that shares its memory"):
        x.resize_(100)
    assert view.shape == (5,)


def test_storages_are_on_the_device() -> None:
    x = grid(3)
    assert x.untyped_storage().device == x.device
    assert x.untyped_storage().nbytes() == 12
    same = torch.empty(0, device=SIM).set_(x.untyped_storage(), 1, (2,), (1,))
    same.zero_()
    assert x.tolist() == [0, 0, 0]
    assert same.is_set_to(x[1:])
    duplicate: Any = x.untyped_storage().clone()
    assert duplicate.device == x.device
    assert duplicate.data_ptr() != x.untyped_storage().data_ptr()


def test_memory_formats_are_kept() -> None:
    x = torch.randn(2, 3, 4, 5, device=SIM).to(memory_format=torch.channels_last)
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert torch.nn.functional.conv2d(x, x[:1]).is_contiguous(memory_format=torch.channels_last)
    assert x.relu().stride() == x.clone().stride() == torch.zeros_like(x).stride() == x.stride()
    assert x.contiguous().is_contiguous()
    here = torch.empty(1, 8, 1, 1).to(memory_format=torch.channels_last)
    assert torch.relu(here.to(SIM)).stride() == torch.relu(here).stride()


def test_copies_are_on_the_device_and_independent() -> None:
    x = grid(2, 3)
    row = x[1]
    for twin in (copy.deepcopy(x), copy.copy(x.clone()), x.clone()):
        assert twin.device == x.device
        twin.zero_()
    assert x.sum().item() == 15
    both = copy.deepcopy([x, row])
    both[0].zero_()
    assert both[1].tolist() == [0, 0, 0]  # they shared their memory before
    parameter = torch.nn.Parameter(x)
    twin = copy.deepcopy(parameter)
    assert type(twin) is torch.nn.Parameter
    assert twin.device == x.device


def test_numbers_keep_their_place_in_type_promotion() -> None:
    half = torch.tensor(1.0, dtype=torch.float16)
    for value in (half, torch.arange(3), torch.tensor([True])):
        for function in (
            lambda x: x * 2.5, lambda x: x % 2, lambda x: 2 ** x, lambda x: torch.where(x > 0, x, 0.5),
            lambda x: torch.fmod(x, 2.0), lambda x: x // 2, lambda x: torch.remainder(5, x + 1), lambda x: x.lt(1.5),
        ):  # fmt: skip
            here, there = function(value), function(value.to(SIM))
            assert there.dtype == here.dtype
            assert torch.equal(there.cpu(), here)


def test_writes_with_indices() -> None:
    x: Any = torch.zeros(3, 3, device=SIM)
    x[torch.tensor([0, 2], device=SIM), 1] = torch.tensor([1.0, 2.0], device=SIM)
    x[x > 1] += 1
    x.index_add_(0, torch.tensor([1], device=SIM), torch.ones(1, 3, device=SIM))
    x.scatter_(1, torch.tensor([[0], [0], [0]], device=SIM), 5.0)
    x.masked_fill_(torch.eye(3, dtype=torch.bool, device=SIM), -1)
    assert x.tolist() == [[-1, 1, 0], [5, -1, 1], [5, 3, -1]]
    assert x.gather(0, x.argmax(0, keepdim=True)).tolist() == [[5, 3, 1]]
    assert x.nonzero().device.type == SIM
    assert x.unique().tolist() == [-1, 0, 1, 3, 5]
    assert torch.bincount(torch.tensor([1, 1, 3], device=SIM)).tolist() == [0, 2, 0, 1]


# ------------------------------------------------------------------------------------------- random numbers


def test_a_seed_repeats_the_numbers() -> None:
    def draw() -> list[Tensor]:
        return [
            torch.rand(3, device=SIM), torch.randn(3, device=SIM), torch.randperm(9, device=SIM),
            torch.nn.functional.dropout(torch.ones(20, device=SIM)), torch.ones(3, device=SIM).bernoulli_(0.5),
            torch.empty(4, device=SIM).uniform_(-1, 1), torch.rand_like(torch.ones(3, device=SIM)),
            torch.multinomial(torch.ones(5, device=SIM), 3), torch.randint(0, 99, (3,), device=SIM),
        ]  # fmt: skip

    torch.manual_seed(3)
    first = draw()
    torch.simgpu.manual_seed_all(3)  # type: ignore[attr-defined]
    second = draw()
    assert all(map(torch.equal, first, second))
    assert not torch.equal(first[0], torch.rand(3, device=SIM))


def test_the_device_has_a_random_state_of_its_own() -> None:
    before = torch.get_rng_state()
    torch.rand(3, device=SIM)
    torch.nn.functional.dropout(torch.ones(20, device=SIM))
    torch.randperm(5, device=SIM)
    assert torch.equal(torch.get_rng_state(), before)
    state = torch.simgpu.get_rng_state()  # type: ignore[attr-defined]
    torch.rand(3)
    assert torch.equal(torch.simgpu.get_rng_state(), state)  # type: ignore[attr-defined]
    numbers = torch.rand(3, device=SIM)
    torch.simgpu.set_rng_state(state)  # type: ignore[attr-defined]
    assert torch.equal(torch.rand(3, device=SIM), numbers)
    with torch.random.fork_rng(devices=[0], device_type=SIM):
        torch.rand(3, device=SIM)
    assert torch.equal(torch.rand(3, device=SIM), torch.rand(3, device=SIM)) is False


def test_generators_are_on_one_device() -> None:
    generator = torch.Generator(device=SIM)
    assert generator.device == torch.device("simgpu", 0)
    assert isinstance(generator, torch.Generator)
    assert generator.manual_seed(5) is generator
    numbers = torch.rand(3, device=SIM, generator=generator)
    assert torch.equal(torch.rand(3, device=SIM, generator=torch.Generator(SIM).manual_seed(5)), numbers)
    assert torch.randperm(4, device=SIM, generator=generator).device.type == SIM
    torch.nn.init.normal_(torch.empty(2, device=SIM), generator=generator)
    sentence = re.escape("Expected a 'simgpu' device type for generator but found 'cpu'")
    with pytest.raises(RuntimeError, match=sentence):
        torch.rand(3, device=SIM, generator=torch.Generator())


def test_generators_of_the_cpu_are_what_they_were() -> None:
    generator = torch.Generator()
    assert type(generator) is type(torch.default_generator)
    assert isinstance(torch.default_generator, torch.Generator)
    assert issubclass(type(generator), torch.Generator)
    assert not isinstance(3, torch.Generator)
    assert generator.device == torch.Generator(device="cpu").device == torch.device("cpu")
    assert torch.rand(2, generator=generator.manual_seed(1)).is_cpu


# ------------------------------------------------------------------------------------------- the device's module


def test_the_device_module_answers() -> None:
    module = torch.get_device_module(SIM)
    assert module is torch.simgpu  # type: ignore[attr-defined]
    assert module.is_available()
    assert module.is_initialized()
    assert module.device_count() == 1
    assert module.current_device() == 0
    assert module.memory_allocated() == 0
    assert module.get_device_name() == "simulated accelerator"
    module.set_device(0)
    module.synchronize()
    module.empty_cache()
    module.manual_seed(1)
    assert module.initial_seed() == 1
    with module.device(0):
        assert torch.ones(1, device=SIM).get_device() == 0
    with pytest.raises(RuntimeError, match="there is one device"):
        module.set_device(1)


def test_it_is_the_accelerator() -> None:
    assert torch.accelerator.is_available()
    assert torch.accelerator.current_accelerator() == torch.device(SIM)
    assert torch.accelerator.device_count() == 1
    assert torch.accelerator.current_device_index() == 0
    torch.accelerator.synchronize()


def test_pinning_copies() -> None:
    x = torch.ones(2)
    pinned = x.pin_memory()
    assert pinned.is_cpu
    assert torch.equal(pinned, x)
    assert pinned.to(SIM, non_blocking=True).tolist() == [1, 1]
    data = torch.utils.data.TensorDataset(torch.arange(4))
    loader = torch.utils.data.DataLoader(data, batch_size=2, pin_memory=True)
    assert [batch[0].tolist() for batch in loader] == [[0, 1], [2, 3]]


def test_enabling_twice_is_harmless() -> None:
    generator_class = torch.Generator
    simgpu.enable()
    assert torch.Generator is generator_class
    assert simgpu.NAME == "simgpu"
