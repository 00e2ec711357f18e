"""What is sent arrives as it was, and nothing that is not a frame raises anything but a ``WireError``."""

from __future__ import annotations

import json
import math
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from autograder.worker import wire
from autograder.worker.wire import Encoder, HandleRef, Opaque, WireError
from tests.hostile.bending import keys_with_one_hash

EXAMPLES = settings(max_examples=60, deadline=None)
FEW = settings(max_examples=25, deadline=None)


def through(value: Any, handle: Callable[[Any], HandleRef | None] = lambda value: None) -> Any:
    """Return what arrives when ``value`` is sent."""
    encoder = Encoder(handle)
    frame = wire.pack({"value": encoder.encode(value)}, encoder)
    header_size, payload_size = wire.PREFIX.unpack_from(frame)
    start = wire.PREFIX.size + header_size
    assert len(frame) == start + payload_size
    header = wire.read_header(frame[wire.PREFIX.size : start])
    tensors, _ = wire.read_tensors(header["tensors"], frame[start:])
    return wire.decode(header["value"], tensors)


def same(left: Any, right: Any) -> bool:
    """Return whether two values are equal with their types; NaN equals NaN."""
    if isinstance(left, Tensor):
        return (
            type(right) is Tensor
            and left.dtype == right.dtype
            and left.shape == right.shape
            and torch.equal(
                *(
                    side.reshape(-1).clone(memory_format=torch.contiguous_format).view(torch.uint8)
                    for side in (left, right)
                )
            )
        )
    if isinstance(left, list | tuple):
        return type(left) is type(right) and len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return isinstance(right, dict) and same(list(left.items()), list(right.items()))
    if isinstance(left, float) and math.isnan(left):
        return isinstance(right, float) and math.isnan(right)
    return type(left) is type(right) and bool(left == right)


plain = st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats() | st.text(max_size=20)
keys = st.recursive(
    st.none() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.tuples(inner, inner),
    max_leaves=4,
)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    """Any plain tensor, in any layout that a view can have."""
    dtype = draw(st.sampled_from(list(wire.DTYPE_NAMES)))
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    count = math.prod(shape) * dtype.itemsize
    data = bytearray(draw(st.binary(min_size=count, max_size=count)))
    if dtype == torch.bool:
        data = bytearray(byte & 1 for byte in data)
    flat = torch.frombuffer(data, dtype=torch.uint8).view(dtype) if count else torch.empty(0, dtype=dtype)
    tensor = flat.reshape(shape)
    if tensor.dim() > 1 and draw(st.booleans()):
        tensor = tensor.permute(*draw(st.permutations(range(tensor.dim()))))
    if tensor.dim() and tensor.shape[0] > 1 and draw(st.booleans()):
        tensor = tensor[:: draw(st.integers(1, 2))]
    if tensor.dim() and tensor.shape[-1] == 1 and draw(st.booleans()):
        tensor = tensor.expand(*tensor.shape[:-1], 3)
    return tensor


values = st.recursive(
    plain
    | tensors()
    | st.sampled_from(list(wire.DTYPE_NAMES))
    | st.sampled_from([torch.device("cpu"), torch.device("cuda:0")]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=12,
)


@given(value=values)
@EXAMPLES
def test_any_nested_value_arrives_as_it_was(value: Any) -> None:
    assert same(value, through(value))


@given(tensor=tensors())
@EXAMPLES
def test_a_tensor_s_layout_can_be_restored(tensor: Tensor) -> None:
    encoder = Encoder()
    encoder.encode(tensor)
    header = json.loads(wire.pack({}, encoder)[wire.PREFIX.size :].split(b"]]", 1)[0] + b"]]}")
    (arrived,), (info,) = wire.read_tensors(header["tensors"], b"".join(encoder.chunks))
    laid_out = wire.with_strides(arrived, info)
    assert same(tensor, laid_out)
    if info.strides is not None:
        assert laid_out.stride() == tensor.stride()
    elif tensor.numel() and tensor.is_contiguous():
        assert laid_out.is_contiguous()


@pytest.mark.parametrize("dtype", wire.DTYPE_NAMES)
def test_every_dtype_of_the_table_arrives(dtype: torch.dtype) -> None:
    for tensor in (torch.ones(2, 3).to(dtype), torch.tensor(1).to(dtype), torch.empty(0, 2, dtype=dtype)):
        assert same(tensor, through(tensor))


def test_what_cannot_cross_arrives_as_the_name_of_its_type() -> None:
    assert through([object(), {1}, 2**64, np.ones(2), torch.quint8]) == [
        Opaque("builtins.object"),
        Opaque("builtins.set"),
        Opaque("int (more than 64 bits)"),
        Opaque("numpy.ndarray"),
        Opaque("torch.dtype"),
    ]
    assert through([np.float32(0.5), np.int8(3), np.array(7)]) == [0.5, 3, 7]
    assert through({frozenset(): 1}) == Opaque("dict (with a key of type frozenset)")
    assert through({(1, (2, object())): 1}) == Opaque("dict (with a key of type tuple)")
    assert through(torch.ones(2).to_sparse()) == Opaque("Tensor (sparse_coo, float32, cpu)")


def test_objects_that_stay_are_named_by_a_handle() -> None:
    assert through([object()], lambda value: HandleRef(5, "Net")) == [HandleRef(5, "Net")]
    assert through(HandleRef(3, "Net")) == HandleRef(3, "Net")
    assert wire.decode({"h": [3, "Net"]}, [], lambda reference: reference.number) == 3


@pytest.mark.parametrize("name", ["cpu", "cuda:3", "meta", "simgpu:0"])
def test_known_devices_arrive_or_are_named(name: str) -> None:
    found = wire.decode({"v": name}, [])
    assert found == Opaque("torch.device") or str(found) == name


@pytest.mark.parametrize("name", ["", "xla", "cpu:x", "cuda:9999", "cuda:-1", "cuda:\u0661", "cpu:0:0", ":"])
def test_other_devices_are_opaque(name: str) -> None:
    assert wire.decode({"v": name}, []) == Opaque("torch.device")


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (deep(50), "too deep or too large"),
        ([0] * wire.MAX_NODES, "too deep or too large"),
        ([torch.ones(1)] * (wire.MAX_TENSORS + 1), "too many tensors"),
        ("x" * (wire.MAX_HEADER_BYTES + 1), "too large to be sent"),
    ],
)
def test_too_much_is_refused_before_it_is_sent(value: Any, why: str) -> None:
    with pytest.raises(WireError, match=why):
        through(value)


def test_a_payload_beyond_the_cap_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_PAYLOAD_BYTES", 7)
    with pytest.raises(WireError, match="too large to be sent"):
        through(torch.ones(1, dtype=torch.float64))


# ------------------------------------------------------------------------------------------------ what is not a frame

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["float32", "uint8", "cpu", "nan", "object"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["x", "l", "t", "d", "f", "y", "v", "o", "h", "q"]), inner, max_size=2)
    ),
    max_leaves=20,
)
entries = st.tuples(
    st.sampled_from(["uint8", "float32", "bool", "complex64", "object", 3]),
    st.lists(st.integers(-1, 5) | st.sampled_from([2**40, True, 1.5]), max_size=4) | json_values,
    st.just("cpu") | json_values,
    st.none() | st.lists(st.integers(-1, 3), max_size=4) | json_values,
    st.booleans() | json_values,
).map(list)


def only_wire_errors(action: Callable[[], Any]) -> Any:
    try:
        return action()
    except WireError:
        return None


@given(
    value=json_values,
    described=st.lists(entries | json_values, max_size=3) | json_values,
    payload=st.binary(max_size=80),
)
@settings(max_examples=300, deadline=None)
def test_arbitrary_json_and_payload_raise_only_wire_errors(value: Any, described: Any, payload: bytes) -> None:
    rebuilt = only_wire_errors(lambda: wire.read_tensors(described, payload))
    decoded = only_wire_errors(lambda: wire.decode(value, rebuilt[0] if rebuilt else []))
    repr(decoded)
    for tensor in rebuilt[0] if rebuilt else []:
        assert type(tensor) is Tensor
        repr(tensor)


@given(
    text=st.binary(max_size=60) | st.text(alphabet='{}[]":,0123456789.eE-+naINfity \\u', max_size=60).map(str.encode)
)
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_are_a_header_or_a_wire_error(text: bytes) -> None:
    header = only_wire_errors(lambda: wire.read_header(text))
    assert header is None or isinstance(header, dict)


@pytest.mark.parametrize(
    "text",
    [b"[" * 200_000, b'{"a":' * 200_000, b'{"a":NaN}', b'{"a":-Infinity}', b"[]", b'{"a":1' + b"0" * 9_999 + b"}"],
)
def test_headers_that_are_none(text: bytes) -> None:
    with pytest.raises(WireError):
        wire.read_header(text)


@pytest.mark.parametrize(
    "described",
    [
        ["uint8", [1], "cpu", [1, 1], False],
        ["uint8", [1], "cpu", [-1], False],
        ["uint8", [1], "cpu", 1, False],
        ["uint8", [1], "c" * 41, None, False],
        ["uint8", [1], "cpu", None, 1],
        ["uint8", 1, "cpu", None, False],
        ["float8", [1], "cpu", None, False],
        ["uint8", [1], "cpu", None],
        "uint8",
        None,
    ],
)
def test_a_description_that_is_none_is_refused(described: Any) -> None:
    with pytest.raises(WireError):
        wire.read_tensors([described], b"1")


@pytest.mark.parametrize(
    "value",
    [
        {"l": [0] * wire.MAX_NODES},
        {"d": [[{"l": []}, 1]]},
        {"d": [[{"t": [1, {"l": []}]}, 1]]},
        {"d": [[{"o": "x"}, 1]]},
        {"d": [[1, 2, 3]]},
        {"d": {"a": 1}},
        {"x": 0},
        {"x": True},
        {"f": "1"},
        {"y": "object"},
        {"v": 1},
        {"o": 1},
        {"h": [True, "N"]},
        {"h": [1]},
        {},
        {"l": [], "t": []},
        [1],
        {"q": 1},
        {"t": None},
    ],
)
def test_a_value_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(WireError):
        wire.decode(value, [])


def test_tensors_of_other_classes_and_layouts_are_opaque() -> None:
    class Other(Tensor):
        pass

    found = through(torch.ones(1).as_subclass(Other))
    assert isinstance(found, Opaque)
    assert found.type_name.endswith("Other")
    overlapping = torch.arange(4.0).as_strided((3, 2), (1, 1))
    encoder = Encoder()
    encoder.encode([overlapping, torch.arange(10_000.0)[::100]])
    assert [described[3] for described in encoder.tensors] == [None, None]
    assert through(overlapping).tolist() == [[0, 1], [1, 2], [2, 3]]


def test_an_integer_that_no_encoder_writes_is_refused() -> None:
    assert wire.decode(2**63 - 1, []) == 2**63 - 1
    for value in (2**63, -(2**64), {"l": [10**30]}, {"x": 10**30}, {"h": [-(10**30), "Net"]}):
        with pytest.raises(WireError):
            wire.decode(value, [])


def test_huge_announcements_allocate_nothing() -> None:
    for shape in ([2**29, 2**29], [2**29], [2**29, 0, 2**29], [1] * 17):
        with pytest.raises(WireError):
            wire.read_tensors([["float64", shape, "cpu", None, False]], b"")


def test_the_bytes_of_a_bool_are_true_or_false() -> None:
    (tensor,), _ = wire.read_tensors([["bool", [3], "cpu", None, False]], b"\x00\x02\xff")
    assert tensor.view(torch.uint8).tolist() == [0, 1, 1]


# ------------------------------------------------------------------------------------------------ the worker's side


def test_a_frame_is_received_however_it_is_cut() -> None:
    ours, theirs = socket.socketpair()
    encoder = Encoder()
    frame = wire.pack({"op": "call", "args": encoder.encode((torch.ones(3),))}, encoder)
    with ours, theirs:
        pieces = [frame[i : i + 7] for i in range(0, len(frame), 7)]
        thread = threading.Thread(target=lambda: list(map(theirs.sendall, pieces)))
        thread.start()
        header, payload = wire.receive(ours)
        thread.join()
    assert header["op"] == "call"
    assert wire.read_tensors(header["tensors"], payload)[0][0].tolist() == [1, 1, 1]


def test_a_closed_connection_has_ended() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.sendall(b"\0\0")
        theirs.close()
        with pytest.raises(wire.ConnectionEnded):
            wire.receive(ours)


@pytest.mark.parametrize("prefix", [(2**32 - 1, 0), (2, 2**40)])
def test_a_frame_that_is_announced_as_too_large_is_refused(prefix: tuple[int, int]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(struct.pack("!IQ", *prefix))
        with pytest.raises(WireError, match="too large"):
            wire.receive(ours)


def test_a_tensor_has_one_place_in_a_value() -> None:
    """The sender gives each its own bytes; a few bytes that name a large one again and again would cost its reader."""
    tensors = [torch.ones(2), torch.ones(3)]
    assert [t.numel() for t in wire.decode({"l": [{"x": 1}, {"x": 0}]}, tensors)] == [3, 2]
    with pytest.raises(WireError, match="names a tensor twice"):
        wire.decode({"l": [{"x": 0}, {"t": [{"x": 0}]}]}, tensors)
    twice = torch.ones(2)
    arrived = through([twice, twice])
    assert len(arrived) == 2
    assert torch.equal(arrived[0], arrived[1])


def test_keys_that_a_dict_cannot_tell_apart_are_no_way_to_keep_us_busy() -> None:
    alike = keys_with_one_hash(20_000)
    assert len({hash(key) for key in alike}) == 1
    start = time.thread_time()
    with pytest.raises(WireError, match="too many keys with the same hash"):
        wire.decode({"d": [[{"t": list(key)}, 1] for key in alike]}, [])
    with pytest.raises(WireError, match="too many keys with the same hash"):
        wire.decode({"d": [[{"t": [{"t": list(key)}, 1]}, 1] for key in alike]}, [])
    assert time.thread_time() - start < 1


def test_honest_keys_are_told_apart() -> None:
    """-1 and -2 have the same hash, and a matrix of counts may be large."""
    counts = {(row, column): row * column for row in range(-90, 90) for column in range(-90, 90)}
    assert through(counts) == counts
