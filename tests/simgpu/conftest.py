"""The tests of the simulated device run in one process with all others, and none of those may notice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from autograder.worker import simgpu


@pytest.fixture(autouse=True)
def device() -> Iterator[torch.device]:
    """The simulated device, with a known random state."""
    simgpu.enable()
    torch.manual_seed(0)
    yield torch.device("simgpu")
    torch.set_default_device(None)
