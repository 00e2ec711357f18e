"""PyTorch's own operator database runs on the device with the CPU's bits, or is refused with a clear sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REFUSED = {"addbmm", "sparse.mm.reduce", "sparse.sampled_addmm", "to_sparse"}


@pytest.mark.parametrize(
    ("way", "every", "samples"), [("result", 1, 2), ("gradients", 3, 2), ("in-place", 2, 2), ("out", 4, 2)]
)
def test_operators_have_the_cpus_bits(way: str, every: int, samples: int) -> None:
    pytest.importorskip("expecttest", reason="PyTorch's operator database imports it")
    command = [sys.executable, "-m", "tests.simgpu.operators", "--json", "--way", way]
    command += ["--every", str(every), "--samples", str(samples)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    found = json.loads(done.stdout)
    assert found.get("failed", []) == []
    assert found.get("different", []) == []
    assert set(found.get("refused", [])) <= REFUSED
    ran = sum(len(names) for outcome, names in found.items() if outcome != "not run")
    assert len(found["equal"]) / ran > 0.98
