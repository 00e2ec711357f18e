"""Real answers of a worker, and how they are bent into what a worker might send in their place."""

from __future__ import annotations

import functools
import json
import random
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from autograder.worker import serve, wire

MAX_TEXT_BYTES = 6 << 20  # a header that is too large is as good as one that is far too large

CELL = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)

    def forward(self, x): return self.layer(x)

def call(x):
    return {"a": [1, 2.5, None, True, "text"], (1, 2): (x, x.T, x.to(torch.bool)), "nan": float("nan"),
            "dtype": torch.int64, "device": torch.device("cpu"), "net": Net(), "object": object(), "empty": x[:0]}

def smooth(x): return (x * x).sum()

def fails(x): raise ValueError("no \\x1b[31m text")
"""
ASKED: dict[str, dict[str, Any]] = {
    "call": {"op": "call", "name": "call"},
    "observe": {"op": "call", "name": "call", "observe": True},
    "gradients": {"op": "gradients", "name": "smooth"},
    "outline": {"op": "outline", "name": "Net", "input_shape": [1, 2]},
    "error": {"op": "call", "name": "fails"},
    "value": {"op": "value", "name": "CONSTANT"},
    "state": {"op": "state"},
}


def real_answers() -> dict[str, bytes]:
    """Return what an honest worker answers, by operation."""
    session = serve.Session()
    streams = sys.stdout, sys.stderr
    found = {}
    try:
        cell = {"op": "exec", "seq": 1, "tensors": [], "label": "the cell", "source": CELL + "\nCONSTANT = (1, 'x')\n"}
        serve.answer(session, cell, bytearray())
        for name, request in ASKED.items():
            encoder = wire.Encoder()
            arguments = () if name in ("outline", "value", "state") else (torch.ones(2, 3, dtype=torch.float64),)
            frame = wire.pack({**request, "seq": 2, "args": encoder.encode(arguments)}, encoder)
            found[name] = serve.answer(session, *opened(frame))
    finally:
        sys.stdout, sys.stderr = streams
    return found


def opened(frame: bytes) -> tuple[dict[str, Any], bytearray]:
    """Return the header and the payload of a well-formed frame."""
    size, _ = wire.PREFIX.unpack_from(frame)
    start = wire.PREFIX.size + size
    return json.loads(frame[wire.PREFIX.size : start]), bytearray(frame[start:])


# ---------------------------------------------------------------------------------------------- what is sent


@dataclass(frozen=True)
class Raw:
    """Text that takes the place of a JSON value, JSON or not."""

    text: bytes


@dataclass
class Delivery:
    """What a worker sends in place of an answer: pieces with a pause after each, and then perhaps the end."""

    pieces: list[bytes]
    pause_s: float = 0.0
    hangs_up: bool = False

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return sum(map(len, self.pieces))


NUMBERS = (
    0, -1, 1, 2, 3, 7, 16, 17, 40, 255, 2**15, 2**29, 2**29 + 1, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**61 - 1, 2**62,
    2**63 - 1, 2**63, 2**64, -(2**63), 10**300, True, False, 1.0, 0.5, -0.0, 1e308, 5e-324,
)  # fmt: skip
TEXTS = (
    "", "x", "a", "ok", "error", "cpu", "cuda:0", "cuda:999", "simgpu:0", "meta", "cpu:-1", "cpu:٣", "float32",
    "object", "__class__", "nan", "inf", "-inf", "1e9", "\x00", "\u202e", "é" * 50, "x" * 41, "x" * 2_001, "x" * 20_001,
)  # fmt: skip
FIELDS = ("seq", "status", "value", "args", "kwargs", "before", "after", "gradients", "parameters", "ignored", "layers",
          "error", "stdout", "elapsed_ns", "tensors", "points", "names", "text", "where", "traceback")  # fmt: skip
TAGS = ("f", "l", "t", "d", "x", "y", "v", "h", "o", "z", "")
NO_JSON = (
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1e-999", b"9" * 5_000, b"0." + b"3" * 50_000, b"01",
    b"+1", b"1.", b"'a'", b"undefined", b"[1,]", b'{"a":1,}', b"/**/1", b'"\\ud800"', b'"\\udfff\\ud800"', b'"\\u12"',
    b'"\xff\xfe"', b'"\xed\xa0\x80"', b'"\x01"', b'{"x":0,"x":1}', b'{"l":[],"l":[1]}', b'{"\\ud800":1}',
    b"\xef\xbb\xbf1",
    b"[" * 900 + b"]" * 900, b"[" * 50_000, b'{"l":[' * 40 + b"]}" * 40, b'{"d":' * 2_000 + b"1" + b"}" * 2_000, b"",
)  # fmt: skip
ENTRY: list[Any] = ["float32", [2, 3], "cpu", None, False]


class Bender:
    """Bends answers; the same seed bends the same way."""

    def __init__(self, seed: int, seeds: dict[str, bytes]) -> None:
        self.random = random.Random(seed)
        self._seeds = seeds
        self._has_grown = False
        self._spare = [opened(frame)[0] for frame in seeds.values()]

    def delivery(self, operation: str, seq: int) -> Delivery:
        """Return something to send as the answer number ``seq`` to ``operation``."""
        pick = self.random
        known = [name for name in self._seeds if name.startswith(operation)] or list(self._seeds)
        header, payload = opened(self._seeds[pick.choice(known)])
        header["seq"] = seq
        self._has_grown = False
        for _ in range(pick.choice((0, 1, 1, 1, 2, 3, 6))):
            header, payload = pick.choice(self._ways)(self, header, payload)
        text = emitted(header)[:MAX_TEXT_BYTES]
        frame = bytearray(self._prefix(len(text), len(payload)) + text + payload)
        if pick.random() < 0.08 and frame:
            for _ in range(pick.choice((1, 2, 8))):
                frame[pick.randrange(len(frame))] = pick.randrange(256)
        return self._paced(bytes(frame))

    def _prefix(self, header_size: int, payload_size: int) -> bytes:
        if self.random.random() < 0.06:
            if self.random.random() < 0.5:
                header_size = self.random.choice((0, 1, header_size - 1, header_size + 1, 2**32 - 1, 4 << 20))
            else:
                payload_size = self.random.choice((0, 1, payload_size + 1, 2**63, 2**64 - 1, 512 << 20, 64))
        return struct.pack("!IQ", max(0, header_size), payload_size)

    def _paced(self, frame: bytes) -> Delivery:
        chance = self.random.random()
        if chance < 0.02:
            return Delivery([frame[: self.random.randrange(len(frame) + 1)]], hangs_up=self.random.random() < 0.8)
        if chance < 0.04:
            step = max(1, len(frame) // self.random.choice((2, 10, 60)))
            return Delivery([frame[at : at + step] for at in range(0, len(frame), step)], pause_s=0.002)
        if chance < 0.07:
            more = self.random.choice((b"\0", frame, frame[:8], b"x" * 100_000))
            return Delivery([frame, more], pause_s=self.random.choice((0, 0.001)))
        if chance < 0.075:
            return Delivery([self.random.randbytes(self.random.randrange(200_000))], hangs_up=True)
        return Delivery([frame], hangs_up=chance < 0.09)

    # ------------------------------------------------------------------ the ways to bend a frame

    def _replace(self, header: Any, payload: bytearray) -> tuple[Any, bytearray]:
        """Put something else in a random place of the header."""
        return self._changed(header, lambda value: self._thing()), payload

    def _repeat(self, header: Any, payload: bytearray) -> tuple[Any, bytearray]:
        """Make a list somewhere longer, by itself."""
        times = 2 if self._has_grown else self.random.choice((2, 20, 1_000, 20_000))
        self._has_grown = True  # once is enough: they would multiply

        def longer(value: Any) -> Any:
            fitting = min(times, 1 + (1 << 19) // (1 + len(emitted(value))))
            return value * fitting if isinstance(value, list) and value else [value] * fitting

        return self._changed(header, longer), payload

    def _field(self, header: Any, payload: bytearray) -> tuple[Any, bytearray]:
        """Set a field, or take one away."""
        if isinstance(header, dict):
            name = self.random.choice(FIELDS)
            if self.random.random() < 0.2:
                header = {key: value for key, value in header.items() if key != name}
            else:
                header = {**header, name: self._thing()}
        return header, payload

    def _many_fields(self, header: Any, payload: bytearray) -> tuple[Any, bytearray]:
        """Add fields that nobody knows."""
        if isinstance(header, dict) and self.random.random() < 0.2:
            header = {**header, **{f"k{number}": number for number in range(self.random.choice((3, 300, 60_000)))}}
        return header, payload

    def _value(self, header: Any, payload: bytearray) -> tuple[Any, bytearray]:
        """Give a well-formed value of its own making, of any depth."""
        if isinstance(header, dict):
            tensors = header.get("tensors")
            count = len(tensors) if isinstance(tensors, list) else 0
            name = self.random.choice(("value", "value", "before", "gradients", "parameters", "args"))
            header = {**header, name: self._written(self.random.choice((1, 3, 6, 34)), count)}
        return header, payload

    def _table(self, header: Any, payload: bytearray) -> tuple[Any, bytearray]:
        """Change an entry of the table of tensors."""
        if not isinstance(header, dict) or not isinstance(header.get("tensors"), list):
            return header, payload
        entries = list(header["tensors"])
        at = self.random.randrange(len(entries) + 1)
        entry = list(entries[at]) if at < len(entries) and isinstance(entries[at], list) else list(ENTRY)
        which = self.random.randrange(6)
        if which == 0:
            entry[:1] = [self.random.choice([*wire.DTYPES, *TEXTS, self._thing()])]
        elif which in (1, 2):
            sizes = [self.random.choice(NUMBERS) for _ in range(self.random.choice((0, 1, 2, 4, 16, 17)))]
            entry[1:2] = [sizes if self.random.random() < 0.9 else self._thing()]
        elif which == 3:
            entry[2:3] = [self.random.choice([*TEXTS, self._thing()])]
        elif which == 4:
            entry[3:4] = [[self.random.choice(NUMBERS) for _ in range(self.random.randrange(4))]]
        else:
            entry = [*entry[: self.random.randrange(6)], self._thing()]
        entries[at : at + 1] = [entry]
        if self.random.random() < 0.05 and not self._has_grown:
            entries *= self.random.choice((2, 3_000, 11_000))
        return {**header, "tensors": entries[:30_000]}, payload

    def _other_payload(self, header: Any, payload: bytearray) -> tuple[Any, bytearray]:
        """Change the bytes of the tensors, or how many there are."""
        way = self.random.randrange(4)
        if way == 0:
            return header, bytearray(self.random.randbytes(len(payload)))
        if way == 1:
            return header, payload[: self.random.randrange(len(payload) + 1)]
        if way == 2:
            return header, payload + bytes(self.random.choice((1, 8, 100_000)))
        return header, bytearray(b"\xff" * len(payload))

    def _other_header(self, header: Any, payload: bytearray) -> tuple[Any, bytearray]:
        """Take the header of an answer to something else."""
        seq = header.get("seq") if isinstance(header, dict) else 2
        return {**self.random.choice(self._spare), "seq": seq}, payload

    _ways = (_replace, _replace, _replace, _repeat, _field, _field, _many_fields, _value, _value, _value, _table,
             _table, _table, _other_payload, _other_header)  # fmt: skip

    # ------------------------------------------------------------------ what is put there

    def _changed(self, value: Any, change: Callable[[Any], Any]) -> Any:
        """Return ``value`` with one place in it, at any depth, changed."""
        if isinstance(value, dict) and value and self.random.random() < 0.85:
            key = self.random.choice(list(value))
            return {**value, key: self._changed(value[key], change)}
        if isinstance(value, list) and value and self.random.random() < 0.85:
            at = self.random.randrange(len(value))
            return [*value[:at], self._changed(value[at], change), *value[at + 1 :]]
        return change(value)

    def _thing(self) -> Any:
        pick = self.random
        return pick.choice(
            (
                lambda: pick.choice(NUMBERS),
                lambda: pick.choice(TEXTS),
                lambda: pick.choice((None, [], {}, [[]], [None], {"l": None}, {"h": [0, "Net"]}, {"x": 0})),
                lambda: {pick.choice(TAGS): pick.choice((*NUMBERS, *TEXTS, None))},
                lambda: {pick.choice(TAGS): [pick.choice(NUMBERS) for _ in range(pick.randrange(4))]},
                lambda: Raw(pick.choice(NO_JSON)),
                lambda: self._written(4, 2),
            )
        )()

    def _written(self, depth: int, tensors: int) -> Any:
        """Return a value as it is written on the wire, most of them right."""
        pick = self.random
        if depth <= 0 or pick.random() < 0.2:
            leaves = (
                None, True, 1, -(2**63) + 1, 0.5, "text", {"f": "nan"}, {"f": "-inf"}, {"y": "int8"}, {"v": "cuda:1"},
                {"h": [3, "Net"]}, {"o": "a.B"}, {"x": pick.randrange(max(1, tensors) + 1)}, None,
            )  # fmt: skip
            return pick.choice(leaves) if pick.random() < 0.95 else self._alike()
        tag = pick.choice("ltd")
        width = pick.choice((0, 1, 2, 3)) if depth < 10 else 1
        if tag == "d":
            keys = (lambda: pick.choice(TEXTS), lambda: pick.choice(NUMBERS[:28]), lambda: self._written(2, 0))
            return {"d": [[pick.choice(keys)(), self._written(depth - 1, tensors)] for _ in range(width)]}
        if pick.random() < 0.02:
            return {tag: [{"x": 0}] * pick.choice((2, 50, 1_000))}
        return {tag: [self._written(depth - 1, tensors) for _ in range(width)]}

    def _alike(self) -> Any:
        """Return a dict whose keys share one hash, now and then a large one."""
        if self.random.random() < 0.9:
            return {"d": [[0, 1], [0.0, 2], [False, 3], [{"t": [-1]}, 4], [{"t": [-2]}, 5]]}
        count = self.random.choice((50, 150, 20_000))
        return {"d": [[{"t": list(key)}, 1] for key in keys_with_one_hash(count)]}


@functools.cache
def keys_with_one_hash(count: int) -> list[tuple[int, int]]:
    """Return pairs that a dict can only tell apart by comparing each with each: their hash is not salted."""
    modulus, whole = 2**61 - 1, 2**64
    prime1, prime2, prime5 = 11400714785074694791, 14029467366897019727, 2870177450012600261  # CPython's tuple hash

    def turned(number: int, bits: int) -> int:
        return (number << bits | number >> (64 - bits)) % whole

    wanted = turned(4_711 * pow(prime1, -1, whole) % whole, 64 - 31)
    found: list[tuple[int, int]] = []
    first = 0
    while len(found) < count:
        first += 1
        accumulated = turned((prime5 + first * prime2) % whole, 31) * prime1 % whole
        second = (wanted - accumulated) * pow(prime2, -1, whole) % whole
        if second < modulus:
            found.append((first, second))
    return found


def emitted(value: Any) -> bytes:
    """Return JSON, with :class:`Raw` text as it is."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        return b"{" + b",".join(json.dumps(str(key)).encode() + b":" + emitted(v) for key, v in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(emitted, value)) + b"]"
    return json.dumps(value).encode()
