"""A limit that cannot be set for the workers is a refusal to grade, with a sentence that names it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START = """
import ctypes, os, resource, sys
CAP_SYS_RESOURCE, PR_CAPBSET_DROP = 24, 24
if sys.argv[1] != "go":  # root may raise what it has lowered: begin again without that right
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0)
    kind, value = getattr(resource, sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(kind, (value, value))
    os.execv(sys.executable, [sys.executable, "-c", sys.argv[3], "go"])
from autograder.boundary.installation import installation
from autograder.boundary.nursery import Nursery
from autograder.errors import SandboxUnavailable
from autograder.worker.confinement import Limits
nursery = Nursery(installation(["torch"]), Limits(256, 16, 60), preload=["torch"])
try:
    nursery.start()
    print("it grades")
except SandboxUnavailable as error:
    print(error)
finally:
    nursery.stop()
"""
LOWERED = {"RLIMIT_NOFILE": 200, "RLIMIT_FSIZE": 8 << 20}


@pytest.mark.parametrize("name", LOWERED)
def test_a_limit_that_is_too_low_is_a_refusal(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START, name, str(LOWERED[name]), START], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=120, check=True,
    )  # fmt: skip
    assert "cannot confine the worker: " in done.stdout, done.stderr
    assert f"{name}: expected to set it to " in done.stdout
    assert f"got {LOWERED[name]} as the hard limit of this process. Raise the limit" in done.stdout


def test_limits_as_they_are_are_none() -> None:
    done = subprocess.run(
        [sys.executable, "-c", START, "go"], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=120, check=True,
    )  # fmt: skip
    assert done.stdout == "it grades\n"
