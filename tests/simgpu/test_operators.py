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
    ("ways", "every", "samples"), [(["result"], 1, 2), (["gradients", "in-place", "out"], 3, 2)], ids=["all", "third"]
)
def test_operators_have_the_cpus_bits(ways: list[str], every: int, samples: int) -> None:
    pytest.importorskip("expecttest", reason="PyTorch's operator database imports it")
    command = [sys.executable, "-m", "tests.simgpu.operators", "--json", "--way", *ways]
    command += ["--every", str(every), "--samples", str(samples)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    for found in json.loads(done.stdout).values():
        assert found["failed"] == {}
        assert found["different"] == {}
        assert found["refused"].keys() <= REFUSED
        assert len(found["equal"]) > 40
        assert len(found["refused"]) < 0.02 * len(found["equal"])
