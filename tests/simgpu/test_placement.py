"""Where tensors are, how they move, and what may not meet."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from autograder.worker import simgpu

SIM = "simgpu"
DIFFERENT = "Expected all tensors to be on the same device, but found at least two devices, simgpu:0 and cpu!"


def on(values: Any, **options: Any) -> Tensor:
    return torch.tensor(values, device=SIM, **options)


FACTORIES: dict[str, Callable[[], Tensor]] = {
    "arange": lambda: torch.arange(3, device=SIM),
    "as_tensor from a list": lambda: torch.as_tensor([1.0, 2.0], device=SIM),
    "as_tensor from numpy": lambda: torch.as_tensor(np.ones(2), device=SIM),
    "empty": lambda: torch.empty(2, 3, device=SIM),
    "empty channels last": lambda: torch.empty(1, 2, 3, 3, device=SIM, memory_format=torch.channels_last),
    "empty_like of another": lambda: torch.empty_like(torch.ones(2), device=SIM),
    "eye": lambda: torch.eye(3, device=SIM),
    "from a context": lambda: _in_context(lambda: torch.zeros(2)),
    "full": lambda: torch.full((2,), 1.5, device=SIM),
    "linspace": lambda: torch.linspace(0, 1, 5, device=SIM),
    "logspace": lambda: torch.logspace(0, 1, 5, device=SIM),
    "multinomial": lambda: torch.multinomial(torch.ones(4, device=SIM), 2),
    "new_tensor": lambda: on([1.0]).new_tensor([1, 2]),
    "new_zeros": lambda: on([1.0]).new_zeros(2),
    "normal": lambda: torch.normal(0.0, 1.0, (2,), device=SIM),
    "ones": lambda: torch.ones(2, device=SIM),
    "ones_like": lambda: torch.ones_like(on([1.0])),
    "rand": lambda: torch.rand(2, device=SIM),
    "rand_like": lambda: torch.rand_like(on([1.0])),
    "randint": lambda: torch.randint(0, 5, (2,), device=SIM),
    "randn": lambda: torch.randn(2, device="simgpu:0"),
    "randperm": lambda: torch.randperm(4, device=SIM),
    "scalar": lambda: torch.tensor(1, device=SIM),
    "tensor": lambda: torch.tensor([[1, 2], [3, 4]], device=torch.device(SIM)),
    "tril_indices": lambda: torch.tril_indices(3, 3, device=SIM),
    "zeros": lambda: torch.zeros(2, dtype=torch.bool, device=SIM),
}


def _in_context(make: Callable[[], Tensor]) -> Tensor:
    with torch.device(SIM):
        return make()


@pytest.mark.parametrize("make", FACTORIES.values(), ids=FACTORIES)
def test_factories_make_plain_tensors_on_the_device(make: Callable[[], Tensor]) -> None:
    tensor = make()
    assert type(tensor) is Tensor
    assert tensor.device == torch.device("simgpu", 0)
    assert simgpu.is_simulated(tensor)
    assert not tensor.is_cpu
    assert not tensor.is_cuda
    assert tensor.is_simgpu  # type: ignore[attr-defined]


def test_a_factory_without_a_device_stays_on_the_cpu(device: torch.device) -> None:
    assert torch.zeros(2).is_cpu
    assert torch.zeros_like(on([1.0]), device="cpu").is_cpu
    assert not simgpu.is_simulated(torch.zeros(2))


def test_the_default_device_can_be_set() -> None:
    torch.set_default_device(SIM)
    assert torch.get_default_device().type == SIM
    assert torch.ones(2).device.type == SIM
    assert torch.nn.Linear(2, 2).weight.device.type == SIM
    assert torch.tensor([1, 2]).add(torch.arange(2)).tolist() == [1, 3]


def test_there_is_one_device() -> None:
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        torch.zeros(2, device="simgpu:1")
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        torch.zeros(2).to("simgpu:1")


@pytest.mark.parametrize(
    "layout", ["contiguous", "transposed", "strided", "expanded", "channels last", "empty", "scalar", "offset"]
)
def test_moving_keeps_values_and_strides(layout: str) -> None:
    base = torch.arange(48.0).reshape(2, 2, 3, 4)
    tensor = {
        "contiguous": base, "transposed": base.transpose(1, 3), "strided": base[:, :, ::2, ::2],
        "expanded": torch.ones(1, 2).expand(3, 2), "channels last": base.to(memory_format=torch.channels_last),
        "empty": base[:0], "scalar": base.sum(), "offset": base[1, 1],
    }[layout]  # fmt: skip
    there = tensor.to(SIM)
    assert there.device.type == SIM
    copy = tensor.to("cpu", copy=True)  # what PyTorch's rule about strides gives
    assert (there.shape, there.dtype, there.stride()) == (copy.shape, copy.dtype, copy.stride())
    back = there.cpu()
    assert back.is_cpu
    assert back.stride() == copy.stride()
    assert torch.equal(back, tensor)
    back.fill_(-1)
    assert torch.equal(there.cpu(), tensor)


def test_to_takes_every_form() -> None:
    x = torch.arange(3.0)
    there = x.to(SIM)
    assert there.to(SIM) is there
    assert there.to("simgpu:0") is there
    assert there.to(SIM, copy=True) is not there
    assert there.to(torch.float64).dtype == torch.float64
    assert there.to(torch.float64).device == there.device
    assert x.to(SIM, torch.int64).dtype == torch.int64
    assert x.to(device=SIM, dtype=torch.float16, non_blocking=True).tolist() == [0, 1, 2]
    assert x.to(there).device == there.device
    assert there.to(x).is_cpu
    assert there.type(torch.int32).device == there.device
    assert there.simgpu() is there  # type: ignore[attr-defined]
    assert there.double().device == there.int().device == there.device
    assert there.to("meta").device.type == "meta"


def test_copy_works_between_devices_and_broadcasts() -> None:
    here, there = torch.zeros(2, 3), torch.zeros(2, 3, device=SIM)
    there.copy_(torch.tensor([1.0, 2.0, 3.0]))
    assert here.copy_(there) is here
    assert here.tolist() == there.tolist() == [[1, 2, 3], [1, 2, 3]]
    there[0] = torch.tensor([7, 8, 9])  # a slice is copied, with its dtype
    there[1, 0] = torch.tensor(5.0)
    here[1] = there[0]
    assert there.tolist() == [[7, 8, 9], [5, 2, 3]]
    assert here.tolist() == [[1, 2, 3], [7, 8, 9]]
    here[torch.tensor([0])] = there[0, 0]  # one value goes anywhere
    assert here[0].tolist() == [7, 7, 7]
    there.fill_(torch.tensor(4.0))
    here.fill_(there[0, 0])
    assert torch.equal(here, there.cpu())


def test_raw_shares_the_memory() -> None:
    base = torch.arange(12.0, device=SIM).reshape(3, 4)
    view = base.t()[1:]
    content = simgpu.raw(view)
    assert content.is_cpu
    assert content.stride() == view.stride()
    assert content.data_ptr() == view.data_ptr()
    content.fill_(0)
    assert base.sum().item() == 0 + 4 + 8
    with pytest.raises(ValueError, match="expected a tensor on simgpu, got one on cpu"):
        simgpu.raw(torch.ones(1))
    del base, view
    assert content.tolist() == [[0, 0, 0]] * 3


def test_raw_understands_lazy_conjugation() -> None:
    z = torch.tensor([1 + 2j], device=SIM)
    assert simgpu.raw(z.conj()).tolist() == [1 - 2j]
    assert simgpu.raw(z.conj().imag).tolist() == [-2]
    assert simgpu.raw(torch.ones(2, device=SIM, requires_grad=True)).requires_grad is False


# ------------------------------------------------------------------------------------------- what leaves the device


def test_numpy_is_refused_with_pytorchs_sentence() -> None:
    sentence = re.escape(
        "can't convert simgpu:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
    )
    with pytest.raises(TypeError, match=sentence):
        on([1.0]).numpy()
    with pytest.raises(TypeError, match=sentence):
        np.asarray(on([1.0]))
    assert on([1.0]).cpu().numpy().tolist() == [1]


def test_numbers_leave_the_device() -> None:
    x = on([[1.5, 0.0]])
    assert x.tolist() == [[1.5, 0]]
    assert x[0, 0].item() == float(x[0, 0]) == 1.5
    assert int(x[0, 0]) == 1
    assert bool(x[0, 0])
    assert not x[0, 1]
    assert [float(v) for v in x[0]] == [1.5, 0]
    assert list(range(3))[on(1)] == 1
    assert f"{x[0, 0]:.2f}" == "1.50"
    assert 1.5 in x


def test_it_prints_where_it_is() -> None:
    assert repr(on([1.0, 2.5])) == "tensor([1.0000, 2.5000], device='simgpu:0')"
    assert str(on(3)) == "tensor(3, device='simgpu:0')"
    assert repr(on([], dtype=torch.bool)) == "tensor([], device='simgpu:0', dtype=torch.bool)"
    assert "requires_grad=True" in repr(on([1.0], requires_grad=True))
    assert "grad_fn=<MulBackward0>" in repr(on([1.0], requires_grad=True) * 2)
    assert "..." in repr(torch.zeros(2000, device=SIM))
    assert repr(torch.device(SIM)) == "device(type='simgpu')"


# ------------------------------------------------------------------------------------------- mixing

VECTOR, MATRIX = torch.ones(2), torch.ones(2, 2)

ELEMENTWISE: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "add": lambda a, b: a + b,
    "add_": lambda a, b: a.add_(b),
    "add, other way": lambda a, b: b + a,
    "addcmul": lambda a, b: torch.addcmul(a, a, b),
    "compare": lambda a, b: a == b,
    "bce": lambda a, b: torch.nn.functional.binary_cross_entropy(a, b),
    "index_put": lambda a, b: a.__setitem__(a > 0, b),
    "maximum": torch.maximum,
    "mse_loss": torch.nn.functional.mse_loss,
    "multiply in place, other way": lambda a, b: b.mul_(a),
    "out": lambda a, b: torch.add(a, a, out=b),
    "pow": lambda a, b: a**b,
    "where": lambda a, b: torch.where(a > 0, a, b),
    "where, condition": lambda a, b: torch.where(b > 0, a, a),
    "scalar on the device": lambda a, b: a.sum() * b,
}


@pytest.mark.parametrize("function", ELEMENTWISE.values(), ids=ELEMENTWISE)
def test_elementwise_operators_refuse_two_devices(function: Callable[[Tensor, Tensor], Any]) -> None:
    with pytest.raises(RuntimeError, match=re.escape(DIFFERENT)):
        function(on([1.0, 1.0]), torch.ones(2))


OTHERS: dict[str, tuple[Callable[[], Any], str]] = {
    "mm": (lambda: on([[1.0]]) @ torch.ones(1, 1), "got mat2 is on cpu, different from other tensors on simgpu:0"),
    "mm, other way": (lambda: torch.ones(1, 1) @ on([[1.0]]), "got mat2 is on simgpu:0, different from other .* cpu"),
    "linear": (lambda: torch.nn.Linear(1, 1)(on([[1.0]])), "same device, but got"),
    "cat": (lambda: torch.cat([on([1.0]), torch.ones(1)]), "got tensors is on cpu"),
    "stack": (lambda: torch.stack([on([1.0]), torch.ones(1)]), "got tensors is on cpu"),
    "gather": (lambda: on([1.0]).gather(0, torch.zeros(1, dtype=torch.int64)), "got index is on cpu"),
    "scatter": (lambda: torch.zeros(2).scatter(0, on([0]), 1.0), "got index is on simgpu:0"),
    "index_select": (lambda: on([1.0]).index_select(0, torch.tensor([0])), "got index is on cpu"),
    "embedding": (lambda: torch.nn.Embedding(2, 2)(on([0])), "same device"),
    "nll": (lambda: torch.nn.functional.cross_entropy(on([[1.0, 2.0]]), torch.tensor([0])), "got target is on cpu"),
    "masked_fill": (lambda: on([1.0]).masked_fill(torch.tensor([True]), 0.0), "expected self and mask to be on the"),
    "masked_fill with a value": (
        lambda: torch.ones(2).masked_fill_(torch.tensor([True, False]), on(1.0)),
        "masked_fill: Expected inputs to be on same device",
    ),
    "clamp": (lambda: on([1.0]).clamp(min=torch.tensor(0.0)), "got min is on cpu"),
    "equal": (lambda: torch.equal(on(1.0), torch.tensor(1.0)), "Cannot compare two tensors on different devices"),
    "conv2d": (
        lambda: torch.nn.Conv2d(1, 1, 1)(torch.ones(1, 1, 2, 2, device=SIM)),
        r"Input type \(torch.simgpu.FloatTensor\) and weight type \(torch.FloatTensor\) should be the same",
    ),
    "batch_norm": (lambda: torch.nn.BatchNorm1d(2)(torch.ones(3, 2, device=SIM)), "is on cpu, different from"),
    "index of a CPU tensor": (
        lambda: torch.ones(2)[on([0])],
        re.escape("indices should be either on cpu or on the same device as the indexed tensor (cpu)"),
    ),
    "mask of a CPU tensor": (lambda: torch.ones(2).__setitem__(on([True, False]), 1.0), "indices should be either on"),
    "two numbers": (
        lambda: torch.addcmul(on([1.0]), torch.tensor(1.0), torch.tensor(2.0)),
        "Trying to pass too many CPU scalars to non-CPU kernel!",
    ),
    "gradient": (
        lambda: setattr(on([1.0], requires_grad=True), "grad", torch.ones(1)),
        "attempting to assign a gradient",
    ),
}


@pytest.mark.parametrize(("call", "sentence"), OTHERS.values(), ids=OTHERS)
def test_other_operators_say_what_is_elsewhere(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(RuntimeError, match=sentence):
        call()


def _assigned(tensor: Tensor, index: Tensor, value: Tensor) -> Tensor:
    tensor[index] = value
    return tensor


NUMBERS: dict[str, Callable[[Tensor], Tensor]] = {
    "add": lambda a: a + torch.tensor(2.0),
    "other way": lambda a: torch.tensor(2.0) + a,
    "in place": lambda a: a.mul_(torch.tensor(2.0)),
    "where": lambda a: torch.where(a > 0, a, torch.tensor(0.0)),
    "masked_fill": lambda a: a.masked_fill(a > 0, torch.tensor(0.0)),
    "index_put": lambda a: a.index_put_((torch.tensor([0]),), torch.tensor(3.0)),
    "assignment": lambda a: _assigned(a, a > 1, torch.tensor(3.0)),
    "a number of a wider dtype": lambda a: a + torch.tensor(2.0, dtype=torch.float64),
    "foreach": lambda a: torch._foreach_mul([a], torch.tensor(2.0))[0],
}


@pytest.mark.parametrize("function", NUMBERS.values(), ids=NUMBERS)
def test_a_cpu_number_may_meet_the_device(function: Callable[[Tensor], Tensor]) -> None:
    here, there = function(torch.tensor([1.0, 2.0])), function(on([1.0, 2.0]))
    assert there.device.type == SIM
    assert there.dtype == here.dtype
    assert torch.equal(there.cpu(), here)


@pytest.mark.parametrize("index", [torch.tensor([1, 0]), torch.tensor([True, False, True]), torch.tensor(1)])
def test_indices_may_stay_on_the_cpu(index: Tensor) -> None:
    x = torch.arange(6.0).reshape(3, 2)
    there = x.to(SIM)
    assert torch.equal(there[index].cpu(), x[index])
    assert torch.equal(there[index.to(SIM)].cpu(), x[index])
    there[index] = 0.0
    x[index] = 0.0
    assert torch.equal(there.cpu(), x)


def test_what_is_not_simulated_says_so() -> None:
    for call in (
        lambda: on([1.0]).to_sparse(),
        lambda: torch.sparse_coo_tensor(on([[0]]), on([1.0]), (1,), check_invariants=False),
        lambda: torch.quantize_per_tensor(on([1.0]), 0.1, 0, torch.qint8),
        lambda: torch.autocast(SIM),
        lambda: on([1.0]).record_stream(torch.Stream(SIM)),
    ):
        with pytest.raises(NotImplementedError, match=r"^simgpu: .* not simulated$"):
            call()
