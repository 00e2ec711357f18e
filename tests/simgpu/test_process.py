"""The device in a process that forks, and in one that does not use it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

TRAIN = """
import os, sys, threading
import torch
from autograder.worker import simgpu

def train(device):
    model = torch.nn.Linear(2, 1).to(device)
    torch.nn.functional.mse_loss(model(torch.ones(3, 2, device=device)), torch.zeros(3, 1, device=device)).backward()
    assert model.weight.grad.device.type == device

def in_child(function, *arguments):
    pid = os.fork()
    if pid == 0:
        try:
            function(*arguments)
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""


def run(script: str) -> None:
    """Run a script in a fresh interpreter; it must end well and say nothing."""
    text = TRAIN + textwrap.dedent(script)
    command = [sys.executable, "-W", "error", "-c", text]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_children_of_a_process_that_has_enabled_it_can_train() -> None:
    run("""
        train("cpu")  # a nursery warms up first
        simgpu.enable()
        torch.ones(2, device="simgpu").add(1)
        for _ in range(2):
            in_child(train, "simgpu")
            in_child(train, "cpu")
    """)


def test_children_can_train_if_nothing_was_trained_before() -> None:
    run("""
        simgpu.enable()
        in_child(train, "simgpu")
        in_child(train, "cpu")
    """)


def test_children_can_train_after_their_parent_has() -> None:
    run("""
        simgpu.enable()
        train("simgpu")
        train("cpu")
        in_child(train, "simgpu")
        in_child(train, "cpu")
        assert len(os.listdir("/proc/self/task")) == 1  # no thread was started
    """)


def test_backward_before_enabling_does_no_harm() -> None:
    run("""
        train("cpu")
        simgpu.enable()
        train("simgpu")
        train("cpu")
    """)


def test_backward_runs_in_the_thread_that_calls_it() -> None:
    run("""
        simgpu.enable()
        threads = set()
        x = torch.ones(2, device="simgpu", requires_grad=True)
        y = x * 2
        y.register_hook(lambda grad: threads.add(threading.get_ident()))
        y.sum().backward()
        assert threads == {threading.get_ident()}
        other = threading.Thread(target=train, args=["simgpu"])
        other.start()
        other.join()
    """)


def test_the_cpu_does_not_notice() -> None:
    run("""
        torch.manual_seed(1)
        expected = [torch.rand(2), torch.nn.functional.dropout(torch.ones(9)), torch.randperm(5)]
        simgpu.enable()
        torch.manual_seed(1)
        actual = [torch.rand(2), torch.nn.functional.dropout(torch.ones(9)), torch.randperm(5)]
        assert all(map(torch.equal, actual, expected))
        assert torch.get_default_device() == torch.device("cpu")
        assert not torch.overrides._get_current_function_mode_stack()
        assert not torch.utils._python_dispatch._get_current_dispatch_mode_stack()
        layer = torch.nn.Linear(2, 2)
        weight = layer.weight
        assert layer.double().weight is weight
        layer.weight.data = torch.zeros(2, 2)
        assert layer.weight.data.dtype == torch.float32
        storage = torch.ones(2).untyped_storage().clone()
        assert storage.device.type == "cpu"
    """)


def test_importing_changes_nothing() -> None:
    run("""
        assert not hasattr(torch, "simgpu")
        assert not torch.accelerator.is_available()
        try:
            torch.device("simgpu")
        except RuntimeError:
            pass
        else:
            raise AssertionError
    """)
