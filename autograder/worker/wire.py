"""The wire: length-prefixed frames of a JSON header and raw tensor bytes. Both sides speak it, and never pickle.

A frame is ``!IQ`` (length of the header, length of the payload), the header as UTF-8 JSON, then the bytes of the
tensors one after another. A value is written as

=====================  ==========================================================
JSON                   value
=====================  ==========================================================
null true 1 0.5 "a"    itself; an int fits into 64 bits, a float is finite
{"f": "nan"}           a float that is not finite: ``nan``, ``inf``, ``-inf``
{"l": [...]}           a list
{"t": [...]}           a tuple
{"d": [[k, v], ...]}   a dict
{"x": 0}               the tensor number 0 of this frame
{"y": "float32"}       a ``torch.dtype``
{"v": "cpu"}           a ``torch.device``
{"h": [3, "Name"]}     an object that stays in the worker, by number
{"o": "module.Type"}   an object that cannot cross
=====================  ==========================================================

Reading is a closed table: no eval, no class looked up by name, every length checked before anything is allocated.
"""

from __future__ import annotations

import ctypes
import json
import math
import socket
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

PREFIX = struct.Struct("!IQ")
MAX_HEADER_BYTES = 4 << 20  # a few hundred thousand plain values; a longer answer is not an answer to any exercise
MAX_PAYLOAD_BYTES = 512 << 20  # the state dict of VGG-16 in float32 with room to spare would be 528 MiB: not sent
CHUNK = 1 << 16
MAX_DEPTH = 32
MAX_NODES = 200_000
MAX_TENSORS = 10_000
MAX_DIMENSIONS = 16
INT_BITS = 63
MAX_ALIKE = 100  # keys of one dict that share a hash: by chance it is two or three; more would cost time squared

DTYPES: dict[str, torch.dtype] = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
        torch.uint8, torch.bool, torch.complex64, torch.complex128,
    )
}  # fmt: skip
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}


class WireError(Exception):
    """The bytes are not a frame, or the frame is not well formed."""


class ConnectionEnded(WireError):
    """The other side is gone."""


@dataclass(frozen=True)
class Opaque:
    """Stands for an object that cannot cross the wire."""

    type_name: str


@dataclass(frozen=True)
class HandleRef:
    """Names an object that stays in the worker."""

    number: int
    type_name: str


@dataclass
class TensorInfo:
    """What the header says about one tensor beside its bytes."""

    dtype: str
    shape: list[int]
    device: str = "cpu"
    strides: list[int] | None = None
    requires_grad: bool = False


@dataclass
class Encoder:
    """Collects the tensors of a frame while values are written.

    Attributes:
        handle: names an object that stays here, or returns ``None``.
        fetch: returns the CPU's copy (or view) of a tensor that is elsewhere.
    """

    handle: Callable[[Any], HandleRef | None] = lambda value: None
    fetch: Callable[[Tensor], Tensor] = lambda tensor: tensor.detach().cpu()
    tensors: list[list[Any]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    nodes: int = 0

    def encode(self, value: Any, depth: int = 0) -> Any:
        """Return the JSON form of ``value``; what cannot cross is written as its type's name."""
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise WireError("the value is too deep or too large to be sent")
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            return value if value.bit_length() <= INT_BITS else {"o": "int (more than 64 bits)"}
        if kind is float:
            return value if math.isfinite(value) else {"f": repr(value)}
        if isinstance(value, Tensor):
            return self._tensor(value)
        if isinstance(value, torch.dtype):
            return {"y": DTYPE_NAMES[value]} if value in DTYPE_NAMES else {"o": "torch.dtype"}
        if isinstance(value, torch.device):
            return {"v": str(value)}
        if isinstance(value, list):
            return {"l": [self.encode(item, depth + 1) for item in list.__iter__(value)]}
        if isinstance(value, tuple):
            return {"t": [self.encode(item, depth + 1) for item in tuple.__iter__(value)]}
        if isinstance(value, dict):
            return self._dict(value, depth)
        if isinstance(value, HandleRef):
            return {"h": [value.number, value.type_name]}
        if kind.__module__ == "numpy" and hasattr(kind, "item") and getattr(value, "ndim", None) == 0:
            return self.encode(value.item(), depth + 1)
        reference = self.handle(value)
        if reference is not None:
            return {"h": [reference.number, reference.type_name]}
        return {"o": f"{kind.__module__}.{kind.__qualname__}"[:200]}

    def _dict(self, value: dict[Any, Any], depth: int) -> Any:
        pairs = []
        for key, item in dict.items(value):
            written = self.encode(key, depth + 1)
            if not _is_written_key(written):
                return {"o": f"dict (with a key of type {type(key).__qualname__})"[:200]}
            pairs.append([written, self.encode(item, depth + 1)])
        return {"d": pairs}

    def _tensor(self, tensor: Tensor) -> Any:
        name = type(tensor).__name__
        if type(tensor) not in (Tensor, torch.nn.Parameter):
            return {"o": f"{type(tensor).__module__}.{name}"[:200]}
        if tensor.layout != torch.strided or tensor.dtype not in DTYPE_NAMES or tensor.device.type == "meta":
            return {"o": f"torch.Tensor ({tensor.layout}, {tensor.dtype}, {tensor.device})".replace("torch.", "")}
        if len(self.tensors) >= MAX_TENSORS:
            raise WireError("too many tensors to be sent")
        strides = list(tensor.stride()) if not tensor.is_contiguous() and _is_dense(tensor) else None
        flat = tensor if tensor.is_cpu else self.fetch(tensor)
        if not flat.is_contiguous() or flat.is_conj() or flat.is_neg():
            flat = flat.detach().resolve_conj().resolve_neg().contiguous()
        size = flat.numel() * flat.element_size()
        self.chunks.append(ctypes.string_at(flat.data_ptr(), size) if size else b"")
        device = "cpu" if tensor.is_cpu else str(tensor.device)
        self.tensors.append([DTYPE_NAMES[tensor.dtype], list(tensor.shape), device, strides, tensor.requires_grad])
        return {"x": len(self.tensors) - 1}


def pack(header: Mapping[str, Any], encoder: Encoder) -> bytes:
    """Return the frame of ``header`` and of the tensors that ``encoder`` has collected."""
    text = _ENCODER.encode({**header, "tensors": encoder.tensors}).encode()
    size = sum(map(len, encoder.chunks))
    if len(text) > MAX_HEADER_BYTES or size > MAX_PAYLOAD_BYTES:
        raise WireError("the value is too large to be sent")
    return b"".join([PREFIX.pack(len(text), size), text, *encoder.chunks])


def read_header(text: bytes) -> dict[str, Any]:
    """Return the JSON object of a frame's header."""
    try:
        header = _DECODER.decode(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise WireError("the header is not JSON") from error
    if not isinstance(header, dict):
        raise WireError("the header is not an object")
    return header


def read_tensors(described: Any, payload: bytes | bytearray | memoryview) -> tuple[list[Tensor], list[TensorInfo]]:
    """Rebuild plain CPU tensors from their descriptions and the payload, checking every length first."""
    if not isinstance(described, list) or len(described) > MAX_TENSORS:
        raise WireError("the list of tensors is not well formed")
    tensors: list[Tensor] = []
    infos: list[TensorInfo] = []
    view, start = memoryview(payload), 0
    for entry in described:
        info = _tensor_info(entry)
        dtype = DTYPES[info.dtype]
        count = math.prod(info.shape)
        end = start + count * dtype.itemsize
        if end > len(view):
            raise WireError("the payload is shorter than its tensors")
        if count:
            flat = torch.frombuffer(bytearray(view[start:end]), dtype=torch.uint8)
            if dtype == torch.bool:
                flat = flat != 0  # any other byte would be a bool that is neither true nor false
            tensors.append(flat.view(dtype).reshape(info.shape))
        else:
            tensors.append(torch.empty(info.shape, dtype=dtype))
        infos.append(info)
        start = end
    if start != len(view):
        raise WireError("the payload is longer than its tensors")
    return tensors, infos


def decode(
    value: Any,
    tensors: list[Tensor],
    handle: Callable[[HandleRef], Any] = lambda reference: reference,
    named: set[int] | None = None,
) -> Any:
    """Return the value that ``value`` (JSON) and ``tensors`` stand for; add the tensors that it names to ``named``."""
    decoder = _Decoder(tensors, handle)
    result = decoder.decode(value, 0)
    if named is not None:
        named |= decoder.named
    return result


@dataclass
class _Decoder:
    tensors: list[Tensor]
    handle: Callable[[HandleRef], Any]
    nodes: int = 0
    named: set[int] = field(default_factory=set)
    alike: Counter[int] = field(default_factory=Counter)

    def decode(self, value: Any, depth: int) -> Any:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise WireError("the value is too deep or too large")
        kind = type(value)
        if kind is int:
            if value.bit_length() > INT_BITS:
                raise WireError("an integer is too large")
            return value
        if value is None or kind is str or kind is float or kind is bool:
            return value
        if kind is not dict or len(value) != 1:
            raise WireError("a value is not well formed")
        ((tag, body),) = value.items()
        if tag == "x":
            if type(body) is not int or not 0 <= body < len(self.tensors):
                raise WireError("a value names a tensor that is not there")
            if body in self.named:  # a few bytes each, and whoever looks at the value would look at all of it each time
                raise WireError("a value names a tensor twice")
            self.named.add(body)
            return self.tensors[body]
        if tag in ("l", "t") and isinstance(body, list):
            items = [self.decode(item, depth + 1) for item in body]
            return items if tag == "l" else tuple(items)
        if tag == "d" and isinstance(body, list):
            return self._dict(body, depth)
        if tag == "f" and body in ("nan", "inf", "-inf"):
            return float(body)
        if tag == "y" and isinstance(body, str) and body in DTYPES:
            return DTYPES[body]
        if tag == "v" and isinstance(body, str):
            return _device(body)
        if tag == "o" and isinstance(body, str):
            return Opaque(body[:200])
        if tag == "h" and isinstance(body, list) and len(body) == 2:
            number, name = body
            if type(number) is int and number >= 0 and isinstance(name, str):
                return self.handle(HandleRef(number, name[:200]))
        raise WireError("a value is not well formed")

    def _dict(self, body: list[Any], depth: int) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for pair in body:
            if not isinstance(pair, list) or len(pair) != 2:
                raise WireError("a dict is not well formed")
            key = self.decode(pair[0], depth + 1)
            if not _is_plain_key(key):
                raise WireError("a dict has a key that is not plain data")
            if type(key) is tuple:  # of numbers, whose hash anybody can foresee; that of a text is salted
                self.alike[hash(key)] += 1
                if self.alike[hash(key)] > MAX_ALIKE:
                    raise WireError("a dict has too many keys with the same hash")
            result[key] = self.decode(pair[1], depth + 1)
        return result


def send(connection: socket.socket, frame: bytes) -> None:
    """Send a whole frame."""
    connection.sendall(frame)


def receive(connection: socket.socket) -> tuple[dict[str, Any], bytearray]:
    """Wait for a whole frame; the worker's side, which has no clock of its own and is never sent two at once."""
    frame = bytearray()
    _fill(connection, frame, PREFIX.size)
    header_size, payload_size = PREFIX.unpack_from(frame)
    if header_size > MAX_HEADER_BYTES or payload_size > MAX_PAYLOAD_BYTES:
        raise WireError("the frame is too large")
    start = PREFIX.size + header_size
    _fill(connection, frame, start + payload_size)
    return read_header(bytes(frame[PREFIX.size : start])), frame[start:]


def _fill(connection: socket.socket, frame: bytearray, size: int) -> None:
    while len(frame) < size:
        chunk = connection.recv(CHUNK)
        if not chunk:
            raise ConnectionEnded("the other side is gone")
        frame += chunk


def _tensor_info(entry: Any) -> TensorInfo:
    if not isinstance(entry, list) or len(entry) != 5:
        raise WireError("a tensor's description is not well formed")
    dtype, shape, device, strides, requires_grad = entry
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise WireError("a tensor has a dtype that is not in the table")
    if not _is_sizes(shape) or not isinstance(device, str) or len(device) > 40 or not isinstance(requires_grad, bool):
        raise WireError("a tensor's description is not well formed")
    if strides is not None and (not _is_sizes(strides) or len(strides) != len(shape)):
        raise WireError("a tensor's strides are not well formed")
    if math.prod(size or 1 for size in shape) > MAX_PAYLOAD_BYTES:
        raise WireError("a tensor is too large")
    return TensorInfo(dtype, shape, device, strides, requires_grad)


def _is_sizes(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_DIMENSIONS
        and all(type(size) is int and 0 <= size <= MAX_PAYLOAD_BYTES for size in value)
    )


def _is_written_key(form: Any) -> bool:
    """Return whether the JSON form of a key is one that :func:`_is_plain_key` will accept."""
    if not isinstance(form, dict):
        return True
    return "f" in form or ("t" in form and all(map(_is_written_key, form["t"])))


def _is_plain_key(key: Any) -> bool:
    if isinstance(key, tuple):
        return all(_is_plain_key(item) for item in key)
    return key is None or isinstance(key, bool | int | float | str)


def _is_dense(tensor: Tensor) -> bool:
    """Return whether no two entries share memory, and no more than twice the memory is spanned."""
    span = 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    if tensor.numel() == 0 or span > 2 * tensor.numel() + 64:
        return False
    expected = 1
    for stride, size in sorted((s, n) for n, s in zip(tensor.shape, tensor.stride(), strict=True) if n > 1):
        if stride < expected:
            return False
        expected = stride * (size - 1) + expected
    return True


def with_strides(tensor: Tensor, info: TensorInfo) -> Tensor:
    """Return ``tensor`` laid out in memory as ``info`` says, so that a non-contiguous input arrives as one."""
    if info.strides is None:
        return tensor
    return torch.empty_strided(info.shape, info.strides, dtype=tensor.dtype).copy_(tensor)


def _device(name: str) -> torch.device | Opaque:
    kind, _, index = name.partition(":")
    if kind in ("cpu", "cuda", "simgpu", "meta") and (
        not index or (index.isascii() and index.isdigit() and len(index) < 4)
    ):
        try:
            return torch.device(name)
        except RuntimeError:
            return Opaque("torch.device")
    return Opaque("torch.device")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


# made once: json.dumps and json.loads make new ones for every call that is not the default
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
