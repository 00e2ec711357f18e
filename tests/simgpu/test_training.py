"""Networks train on the device, with the gradients of the CPU to the bit."""

from __future__ import annotations

import copy
from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

SIM = "simgpu"


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.ConvTranspose2d(4, 4, 2),
        nn.GroupNorm(2, 4), nn.GELU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.LayerNorm(16), nn.Linear(16, 3),
    )  # fmt: skip


def batch() -> tuple[Tensor, Tensor]:
    return torch.randn(4, 2, 8, 8), torch.tensor([0, 1, 2, 1])


def pair() -> tuple[nn.Sequential, nn.Sequential]:
    here = network()
    return here, copy.deepcopy(here).to(SIM)


def assert_same_bits(actual: Any, expected: Any) -> None:
    assert actual.device == torch.device("simgpu", 0)
    assert torch.equal(actual.detach().cpu(), expected.detach())


def test_forward_and_backward_have_the_cpus_bits() -> None:
    here, there = pair()
    x, target = batch()
    losses = []
    for model, device in ((here, "cpu"), (there, SIM)):
        loss: Any = F.cross_entropy(model(x.to(device)), target.to(device), label_smoothing=0.1)
        loss.backward()
        losses.append(loss)
    assert_same_bits(losses[1], losses[0])
    for actual, expected in zip(there.parameters(), here.parameters(), strict=True):
        assert actual.grad is not None
        assert expected.grad is not None
        assert_same_bits(actual.grad, expected.grad)
    for ours, theirs in zip(there.buffers(), here.buffers(), strict=True):
        assert_same_bits(ours, theirs)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-3, "foreach": False}),
        ("SGD", {"lr": 0.1}),
        ("Adam", {"foreach": False}),
        ("Adam", {"foreach": True}),
        ("AdamW", {}),
        ("AdamW", {"fused": True}),
        ("RMSprop", {}),
        ("Adagrad", {}),
    ],
)
def test_optimizers_take_the_cpus_steps(name: str, options: dict[str, Any]) -> None:
    here, there = pair()
    x, target = batch()
    # what is not asked for is chosen by the device, and several tensors at a time are chosen for an accelerator
    chosen = options if "foreach" in options or "fused" in options else {**options, "foreach": True}
    optimizers = [
        getattr(torch.optim, name)(here.parameters(), **chosen),
        getattr(torch.optim, name)(there.parameters(), **options),
    ]
    for _ in range(3):
        for model, device, optimizer in zip((here, there), ("cpu", SIM), optimizers, strict=True):
            optimizer.zero_grad()
            cast(Any, F.cross_entropy(model(x.to(device)), target.to(device))).backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            assert norm.device.type == device
            optimizer.step()
    for actual, expected in zip(there.parameters(), here.parameters(), strict=True):
        assert_same_bits(actual, expected)


def test_moving_a_module_keeps_its_parameters() -> None:
    model = network()
    first: Any = model[0].weight
    tied = nn.ModuleList([model[0], nn.Conv2d(2, 4, 3)])
    tied[1].weight = first
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    model(batch()[0]).sum().backward()
    gradient = first.grad
    assert gradient is not None
    assert model.to(SIM) is model
    assert model[0].weight is first
    assert tied.to(SIM)[1].weight is first
    assert type(first) is nn.Parameter
    assert first.is_leaf
    assert first.requires_grad
    assert_same_bits(first.grad, gradient)
    assert {p.device.type for p in (*model.parameters(), *model.buffers())} == {SIM}
    before = first.detach().clone()
    optimizer.step()
    assert torch.equal(first, before - gradient.to(SIM))
    assert model.cpu()[0].weight is first
    assert first.is_cpu
    assert model.simgpu().double()[0].weight.dtype == torch.float64  # type: ignore[operator]
    assert first.device.type == SIM


def test_moving_twice_computes_the_same() -> None:
    here, there = pair()
    x, _ = batch()
    there.cpu().to(SIM)
    assert_same_bits(there(x.to(SIM)), here(x))


def test_data_may_be_assigned_across_devices() -> None:
    parameter: Any = nn.Parameter(torch.zeros(2))
    parameter.data = torch.ones(2, device=SIM)
    assert parameter.device.type == SIM
    assert parameter.data.tolist() == [1, 1]
    parameter.sum().backward()
    assert parameter.grad is not None
    assert parameter.grad.device.type == SIM
    parameter.data = torch.full((2,), 3.0)
    assert parameter.is_cpu
    assert parameter.grad.is_cpu
    parameter.data = torch.zeros(3)
    assert parameter.data.shape == (3,)
    graph = parameter * 2
    with pytest.raises(NotImplementedError, match="simgpu: moving a tensor while a graph holds it"):
        parameter.data = torch.zeros(3, device=SIM)
    del graph
    parameter.data = torch.zeros(3, device=SIM).cpu()
    parameter.register_hook(lambda grad: grad)
    with pytest.raises(NotImplementedError, match="simgpu: moving a tensor with hooks"):
        parameter.data = torch.zeros(3, device=SIM)
    with pytest.raises(TypeError):
        parameter.data = 3


def test_state_dicts_cross_devices() -> None:
    here, there = pair()
    for model in (here, there):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_()
    state = there.state_dict()
    assert {value.device.type for value in state.values()} == {SIM}
    here.load_state_dict(state)
    assert {p.device.type for p in here.parameters()} == {"cpu"}
    for actual, expected in zip(there.parameters(), here.parameters(), strict=True):
        assert_same_bits(actual, expected)
    there.load_state_dict(network().state_dict(), strict=True)
    assert {p.device.type for p in there.parameters()} == {SIM}
    other = network()
    other.load_state_dict(state, assign=True)
    assert other[0].weight.device.type == SIM
    optimizer = torch.optim.Adam(there.parameters())
    there(batch()[0].to(SIM)).sum().backward()
    optimizer.step()
    torch.optim.Adam(network().to(SIM).parameters()).load_state_dict(optimizer.state_dict())


def test_a_module_with_a_constant_on_the_cpu_is_found() -> None:
    class Scaled(nn.Module):
        shift: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.tensor([1.0, 2.0])
            self.register_buffer("shift", torch.tensor([1.0, 2.0]))

        def forward(self, x: Tensor) -> Tensor:
            return x * self.scale + self.shift

    model = Scaled().to(SIM)
    assert model.shift.device.type == SIM
    with pytest.raises(RuntimeError, match="found at least two devices, simgpu:0 and cpu!"):
        model(torch.ones(2, device=SIM))


# ------------------------------------------------------------------------------------------- autograd


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (x,) = ctx.saved_tensors
        assert x.device.type == grads[0].device.type == SIM
        return grads[0] * 2


def doubled(x: Tensor) -> Any:
    return cast(Any, Doubled).apply(x)


def test_custom_functions_and_hooks_see_the_device() -> None:
    seen: list[str] = []
    x: Any = torch.ones(2, device=SIM, requires_grad=True)

    def hook(grad: Tensor) -> Tensor:
        seen.append(str(grad.device))
        return grad * 10

    x.register_hook(hook)
    layer = nn.Linear(2, 2, device=SIM)
    layer.register_full_backward_hook(lambda module, given, out: seen.append(str(cast(Any, out)[0].device)))
    y = doubled(layer(x))
    y.retain_grad()
    y.sum().backward()
    assert seen == ["simgpu:0", "simgpu:0"]
    assert y.grad is not None
    assert y.grad.device.type == SIM
    assert x.grad is not None
    assert torch.allclose(x.grad, 20 * layer.weight.sum(0))


def test_gradients_are_checked_numerically() -> None:
    x = torch.rand(3, 2, dtype=torch.float64, device=SIM, requires_grad=True)
    weight = torch.rand(4, 2, dtype=torch.float64, device=SIM, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: F.linear(a, b).tanh().logsumexp(1), (x, weight))
    assert torch.autograd.gradgradcheck(lambda a: (a**3).sum(0), (x,))


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # PyTorch's own, in jvp
def test_autograd_functions_work() -> None:
    x = torch.tensor([1.0, 2.0], device=SIM, requires_grad=True)
    (first,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert second.tolist() == [6, 12]
    jacobian: Any = torch.autograd.functional.jacobian
    assert jacobian(torch.square, x).tolist() == [[2, 0], [0, 4]]
    assert torch.func.grad(lambda v: (v**2).sum())(x.detach()).tolist() == [2, 4]
    assert torch.func.vmap(torch.dot)(torch.ones(2, 3, device=SIM), torch.ones(2, 3, device=SIM)).tolist() == [3, 3]
    assert torch.func.jacrev(torch.sin)(x.detach()).shape == (2, 2)
    tangent = torch.func.jvp(torch.exp, (torch.zeros(2, device=SIM),), (torch.ones(2, device=SIM),))[1]
    assert tangent.tolist() == [1, 1]
    with torch.no_grad():
        assert not (x * 2).requires_grad
    with torch.inference_mode():
        assert (x * 2).is_inference()
    hidden = torch.utils.checkpoint.checkpoint(torch.sigmoid, x, use_reentrant=False)
    hidden.sum().backward()
    assert x.grad is not None


def test_an_observer_sees_the_same_calls_on_both_devices() -> None:
    class Recorder(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            names.append(getattr(func, "__name__", str(func)))
            return func(*args, **(kwargs or {}))

    seen = []
    for device in ("cpu", SIM):
        names: list[str] = []
        model, (x, target) = network().to(device), batch()
        x, target = x.to(device), target.to(device)
        with Recorder():
            loss = F.cross_entropy(model(x), target)
            torch.autograd.backward(loss)
            x[0] = x[1].add_(x[1:, 0].sum())
        seen.append(names)
    assert seen[0] == seen[1]


def test_tensor_subclasses_stay_subclasses() -> None:
    class Marked(Tensor):
        pass

    x = torch.ones(2, 2, device=SIM).as_subclass(Marked)
    assert type(x + 1) is type(x[0]) is type(x.sum()) is type(x.add_(1)) is Marked
    assert (x @ x).device.type == SIM


def test_autograd_guards_saved_tensors() -> None:
    x = torch.ones(2, device=SIM, requires_grad=True)
    y: Any = x.exp()
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        x.add_(1)


def test_a_gradient_flows_between_devices() -> None:
    here = torch.ones(2, requires_grad=True)
    number = torch.tensor(3.0, requires_grad=True)
    loss: Any = (here.to(SIM) * number).cpu().sum()
    loss.backward()
    assert here.grad is not None
    assert number.grad is not None
    assert here.grad.is_cpu
    assert here.grad.tolist() == [3, 3]
    assert number.grad.is_cpu
    assert number.grad.item() == 2


def test_an_error_in_backward_reaches_the_caller() -> None:
    class Broken(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x.clone()

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            return grads[0] + torch.ones(2)

    x = torch.ones(2, device=SIM, requires_grad=True)
    with pytest.raises(RuntimeError, match="found at least two devices, simgpu:0 and cpu!"):
        cast(Any, Broken).apply(x).sum().backward()


def raises(*args: Any) -> Any:
    raise ValueError("said the hook")


@pytest.mark.parametrize("place", ["result", "leaf", "accumulated", "node", "module", "saved"])
def test_an_error_in_a_hook_reaches_the_caller(place: str) -> None:
    for _ in range(3):
        x: Any = torch.ones(2, device=SIM, requires_grad=True)
        layer = nn.Linear(2, 2, device=SIM)
        with torch.autograd.graph.saved_tensors_hooks(lambda t: t, raises if place == "saved" else lambda t: t):
            y: Any = layer(x).sigmoid()
        if place == "result":
            y.register_hook(raises)
        elif place == "leaf":
            x.register_hook(raises)
        elif place == "accumulated":
            x.register_post_accumulate_grad_hook(raises)
        elif place == "node":
            y.grad_fn.register_prehook(raises)
        elif place == "module":
            layer.register_full_backward_hook(raises)
            y = layer(x)
        with pytest.raises(ValueError, match="said the hook") as caught:
            y.sum().backward()
        assert caught.traceback[-1].name == "raises"
        with pytest.raises(ValueError, match="said the hook"):
            torch.autograd.grad(hooked(x).sum(), x)


def hooked(x: Tensor) -> Any:
    y: Any = x * 1
    y.register_hook(raises)
    return y


def test_refusals_of_the_cpus_kernel_pass_through() -> None:
    with pytest.raises(IndexError, match="Target 7 is out of bounds"):
        F.cross_entropy(torch.ones(1, 3, device=SIM), torch.tensor([7], device=SIM))
    with pytest.raises(RuntimeError, match="must match the size"):
        torch.ones(2, device=SIM) + torch.ones(3, device=SIM)
    with pytest.raises(NotImplementedError, match="simgpu: aten::_thnn_fused_lstm_cell is not simulated"):
        nn.LSTM(2, 2, device=SIM)(torch.ones(1, 1, 2, device=SIM))
