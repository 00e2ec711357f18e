"""Run PyTorch's own operator database on the simulated device, and compare every result with the CPU's, bit for bit.

    python -m tests.simgpu.operators --samples 4

prints how many operators give equal results, are refused with a clear sentence, differ, or fail in another way.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree

from autograder.worker import simgpu
from autograder.worker.simgpu import memory

DTYPES = (torch.float32, torch.int64, torch.complex64, torch.bool)
WAYS = ("result", "gradients", "in-place", "out")

# the memory that they return is not set; only its shape, strides and device are compared
UNSET = {"empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided"}

# PyTorch's own code takes another algorithm where the device is not the CPU: equal up to rounding
ROUNDED = {
    "linalg.lstsq": "the CPU's default driver does not repeat its own bits",
    "nn.functional.linear_cross_entropy": "sums are wider on the CPU",
    "nn.functional.scaled_dot_product_attention": "the fused kernel is the CPU's only",
}

# what cannot be compared, in which way, and why
LEFT_OUT = {
    ("fft.ihfft2", "out"): "the CPU itself leaves memory unset",
    ("fft.ihfftn", "out"): "the CPU itself leaves memory unset",
    **{("tensor_split", way): "its indices must be on the CPU, on every device" for way in WAYS},
}

Outcome = tuple[str, str]  # "equal", "refused", "different" or "failed", and a sentence


def outcomes(op: Any, samples: int, way: str = "result", dtypes: Sequence[torch.dtype] = DTYPES) -> Iterator[Outcome]:
    """Run some of an operator's sample inputs on both devices; what the CPU itself refuses is left out."""
    dtype = next((dtype for dtype in dtypes if dtype in op.supported_dtypes("cpu")), None)
    function = op.inplace_variant if way == "in-place" else op.op
    if dtype is None or function is None or (way == "out" and not op.supports_out):
        return
    if way == "gradients" and not (op.supports_autograd and (dtype.is_floating_point or dtype.is_complex)):
        return
    torch.manual_seed(0)
    inputs = op.sample_inputs("cpu", dtype, requires_grad=way == "gradients")
    for sample in itertools.islice(inputs, samples):
        call = (sample.input, sample.args, sample.kwargs)
        if not any(map(is_placed, _pytree.tree_leaves(call))):
            continue
        theirs = _pytree.tree_map(copied, call)
        try:
            torch.manual_seed(1)
            expected = results(function, theirs, way)
        except Exception:
            continue
        try:
            ours = _pytree.tree_map(on_simgpu, call)
            torch.manual_seed(1)
            actual = results(function, ours, way)
        except NotImplementedError as error:
            clear = str(error).startswith("simgpu: ")
            yield "refused" if clear else "failed", str(error)
        except Exception as error:
            yield "failed", f"{type(error).__name__}: {error}"
        else:
            difference = first_difference(actual, expected, op.name not in UNSET, op.name in ROUNDED)
            yield ("different", difference) if difference else ("equal", "")


def results(function: Callable[..., Any], call: Any, way: str) -> list[Any]:
    """Return as a flat list what a call returns, and what it has written to."""
    first, args, kwargs = call
    values = _pytree.tree_leaves(function(first, *args, **kwargs))
    if way == "result":
        return values
    if way == "in-place":
        return [*values, first, values[0] is first]
    outputs = [value for value in values if isinstance(value, Tensor)]
    if way == "out":
        return [result for out in ("right", "empty") for result in into(function, call, outputs, out)]
    outputs = [output for output in outputs if output.requires_grad]
    leaves = [value for value in _pytree.tree_leaves(call) if isinstance(value, Tensor) and value.requires_grad]
    weights = [torch.linspace(0.5, 1.5, output.numel()).reshape(output.shape).to(output) for output in outputs]
    return list(torch.autograd.grad(outputs, leaves, weights, allow_unused=True))


def into(function: Callable[..., Any], call: Any, outputs: list[Tensor], shape: str) -> list[Any]:
    """Return what a call with ``out=`` leaves in tensors of the right shape, or in empty ones."""
    first, args, kwargs = call
    outs = [output.new_empty(output.shape if shape == "right" else 0) for output in outputs]
    torch.manual_seed(1)
    returned = _pytree.tree_leaves(function(first, *args, out=outs[0] if len(outs) == 1 else tuple(outs), **kwargs))
    return [*outs, [result is out for result, out in zip(returned, outs, strict=True)]]


def first_difference(actual: list[Any], expected: list[Any], values: bool, rounded: bool) -> str:
    """Return where two lists of results differ, or nothing."""
    if len(actual) != len(expected):
        return f"{len(actual)} results, not {len(expected)}"
    for ours, theirs in zip(actual, expected, strict=True):
        if isinstance(theirs, Tensor):
            if str(ours.device) != "simgpu:0":
                return f"a result on {ours.device}"
            if _described(ours) != _described(theirs):
                return f"{_described(ours)}, not {_described(theirs)}"
            content = simgpu.raw(ours.detach())
            if rounded:
                torch.testing.assert_close(content, theirs.detach(), equal_nan=True)
            elif values and not same_bits(content, theirs.detach()):
                return f"{ours} is not {theirs}"
        elif isinstance(theirs, torch.device):
            if ours.type != "simgpu":
                return f"{ours}"
        elif ours != theirs and not rounded and not (theirs != theirs and ours != ours):
            return f"{ours} is not {theirs}"
    return ""


def _described(tensor: Tensor) -> str:
    gradient = ", with gradient" if tensor.requires_grad else ""
    return f"{tuple(tensor.shape)} {tensor.dtype}, strides {tensor.stride()}{gradient}"


def same_bits(actual: Tensor, expected: Tensor) -> bool:
    """Return whether two tensors hold the same bits; one NaN is as good as another."""
    ours, theirs = (
        tensor.resolve_conj().resolve_neg().flatten().clone(memory_format=torch.contiguous_format)
        for tensor in (actual, expected)
    )
    if torch.equal(ours.view(torch.uint8), theirs.view(torch.uint8)):
        return True
    wide = torch.complex128 if ours.is_complex() else torch.float64
    return torch.allclose(ours.to(wide), theirs.to(wide), rtol=0, atol=0, equal_nan=True)


def is_placed(value: Any) -> bool:
    """Return whether a value says where the result will be."""
    return isinstance(value, Tensor | torch.device) or value == "cpu"


def on_simgpu(value: Any) -> Any:
    """Return a copy on the simulated device with the same strides; leave the rest as it is."""
    if isinstance(value, Tensor):
        if value.layout is not torch.strided:
            return value.to("simgpu")
        content = copied(value).detach()
        whole = torch.empty(0, dtype=torch.uint8).set_(content.untyped_storage())
        moved = torch.empty(0, dtype=value.dtype, device="simgpu")
        moved.set_(memory.simulated(whole).untyped_storage(), value.storage_offset(), value.shape, value.stride())
        moved = moved.conj() if content.is_conj() else moved
        return moved.requires_grad_(value.requires_grad)
    return torch.device("simgpu") if is_placed(value) else value


def copied(value: Any) -> Any:
    """Return a copy with the same strides."""
    if not isinstance(value, Tensor):
        return value
    duplicate = copy.deepcopy(value.detach()) if value.layout is torch.strided else value.detach().clone()
    return duplicate.requires_grad_(value.requires_grad)


def run(way: str, samples: int, every: int, only: str, dtypes: Sequence[torch.dtype]) -> dict[str, dict[str, str]]:
    """Return the operators by outcome, each with a sentence; an operator is as good as its worst sample."""
    from torch.testing._internal.common_methods_invocations import op_db

    found: dict[str, dict[str, str]] = {outcome: {} for outcome in ("failed", "different", "refused", "equal", "none")}
    for op in op_db[::every]:
        name = f"{op.name}.{op.variant_test_name}" if op.variant_test_name else op.name
        if (op.name, way) in LEFT_OUT or (only and only != op.name):
            continue
        sentences = dict(outcomes(op, samples, way, dtypes))
        worst = next((outcome for outcome in found if outcome in sentences), "none")
        found[worst][name] = sentences.get(worst, "")
    return found


def main() -> None:
    """Print the shares, or everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--samples", type=int, default=4, help="inputs for each operator")
    parser.add_argument("--every", type=int, default=1, help="run every n-th operator")
    parser.add_argument("--only", default="", help="run operators of this name")
    parser.add_argument("--dtype", help="of the inputs, such as float64; by default float32 or the next that works")
    parser.add_argument("--way", choices=WAYS, nargs="+", default=["result"], help="what is compared")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    dtypes = [getattr(torch, options.dtype)] if options.dtype else DTYPES
    simgpu.enable()
    found = {way: run(way, options.samples, options.every, options.only, dtypes) for way in options.way}
    if options.json:
        print(json.dumps(found))
        return
    for way, by_outcome in found.items():
        print(way)
        for outcome in ("failed", "different", "refused"):
            for name, sentence in by_outcome[outcome].items():
                print(f"  {outcome:9} {name}: {sentence[:300]}")
        ran = sum(len(names) for outcome, names in by_outcome.items() if outcome != "none")
        for outcome in ("equal", "refused", "different", "failed"):
            print(f"  {outcome:9} {len(by_outcome[outcome]):4} {len(by_outcome[outcome]) / max(ran, 1):7.1%}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
