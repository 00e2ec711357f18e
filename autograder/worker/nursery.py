"""The nursery: a process that has imported torch once and forks one confined worker per request.

Started with ``python -I -m autograder.worker.nursery FD``. Over the control socket ``FD`` it gets its settings, answers
``ready`` with the layers that are active, and then, for every request that comes with one end of a socket pair, forks a
worker that confines itself and serves that socket. The answer carries a pidfd of the worker. It ends when the control
socket closes, and every worker with it.

A *branch* is a fork of the nursery that has an accelerator switched on and serves a control socket of its own:
switching it on would cost every worker as much as all the rest of its start.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import itertools
import json
import os
import resource
import secrets
import select
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from autograder.worker import confinement, cuda, serve, simgpu, syscalls, torchvision_cpu, wire
from autograder.worker.confinement import SCRATCH, Limits

MAX_MESSAGE = 1 << 20
REAP_INTERVAL_S = 1.0
BRANCH_TIMEOUT_S = 10.0
MAX_REMEMBERED = 100
ACCELERATORS: dict[str, Callable[[], None]] = {simgpu.NAME: simgpu.enable, cuda.NAME: lambda: None}
ENVIRONMENT = {"LANG": "C.UTF-8", "MPLBACKEND": "Agg", "PATH": "/usr/bin:/bin", "USER": "student"}


@dataclass
class Nursery:
    """The state between requests.

    Attributes:
        control: the socket to the grader.
        readable: folders and files of the installation that a worker may read.
        listable: folders of which it may read the names of the entries.
        layers: the layers that are active, in the order of :mod:`autograder.worker.confinement`.
        gpu_files: the devices of a GPU, for the workers that use one.
        home_pid_namespace: a descriptor of the nursery's own process namespace.
        scratch_root: where scratch folders are made when there is no mount namespace.
        cpu_s: the CPU time of each worker, 0 before there was one.
        pid: the nursery's process id.
        device: the device of the tensors that its workers are given.
        branches: the process ids of its branches.
    """

    control: socket.socket
    readable: list[str]
    listable: list[str]
    layers: list[str]
    gpu_files: list[str] = field(default_factory=list)
    home_pid_namespace: int = -1
    scratch_root: str = ""
    scratch: dict[int, str] = field(default_factory=dict)
    ended: dict[int, int] = field(default_factory=dict)
    cpu_s: int = 0
    pid: int = field(default_factory=os.getpid)
    device: str = "cpu"
    branches: list[int] = field(default_factory=list)

    def run(self) -> None:
        """Serve requests until the control socket closes."""
        while True:
            ready, _, _ = select.select([self.control], [], [], REAP_INTERVAL_S)
            self._reap()
            if not ready:
                continue
            try:
                message, descriptors, _, _ = socket.recv_fds(self.control, MAX_MESSAGE, 1)
            except ConnectionResetError:
                return
            if not message:
                return
            request = json.loads(message)
            try:
                if request["op"] == "spawn":
                    self._spawn(request, descriptors[0])
                elif request["op"] == "branch":
                    self._branch(request["device"], descriptors[0])
                elif request["op"] == "reap":
                    self._send({"status": self._wait(request["pid"])})
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)

    def _spawn(self, request: dict[str, Any], descriptor: int) -> None:
        limits = Limits(**request["limits"])
        self.cpu_s = limits.cpu_s
        isolated = "namespaces" in self.layers
        scratch = confinement.SCRATCH if isolated else tempfile.mkdtemp(prefix="autograder-", dir=self.scratch_root)
        if isolated:
            confinement.unshare(confinement.CLONE_NEWPID)
        pid = os.fork()
        if pid == 0:
            _become_worker(self, limits, descriptor, scratch)
        if isolated:  # the next unshare needs the children's namespace to be our own again
            confinement.setns(self.home_pid_namespace, confinement.CLONE_NEWPID)
        if not isolated:
            self.scratch[pid] = scratch
        handle = os.pidfd_open(pid)
        try:
            self._send({"pid": pid}, [handle])
        finally:
            os.close(handle)

    def _branch(self, device: str, descriptor: int) -> None:
        """Fork a nursery whose workers have an accelerator."""
        pid = os.fork()
        if pid == 0:
            _become_branch(self, device, descriptor)
        self.branches.append(pid)
        handle = os.pidfd_open(pid)
        try:
            self._send({"branch": pid}, [handle])
        finally:
            os.close(handle)

    def _send(self, message: dict[str, Any], descriptors: list[int] | None = None) -> None:
        socket.send_fds(self.control, [json.dumps(message).encode()], descriptors or [])

    def _reap(self) -> None:
        """Take note of every child that has ended."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status, used = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    return
                self._ended(pid, status, used)

    def _wait(self, pid: int) -> int:
        if pid not in self.ended:
            try:
                self._ended(*os.wait4(pid, 0))
            except ChildProcessError:  # no child of ours, or one that ended long ago
                return -signal.SIGKILL
        return self.ended.pop(pid)

    def _ended(self, pid: int, status: int, used: resource.struct_rusage) -> None:
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGKILL and 0 < self.cpu_s <= used.ru_utime + used.ru_stime:
            # the first process of a namespace is not warned at the soft limit, but ended soon after
            code = -signal.SIGXCPU
        self.ended[pid] = code
        self.branches = [branch for branch in self.branches if branch != pid]
        if len(self.ended) > MAX_REMEMBERED:  # nobody asks how a worker ended that the grader has ended itself
            del self.ended[next(iter(self.ended))]
        if pid in self.scratch:
            with contextlib.suppress(OSError):
                remove_tree(self.scratch.pop(pid))

    def end(self) -> None:
        """End every worker that is left, and remove its scratch folder."""
        for pid in list(self.scratch):  # with namespaces there is none: workers and folders end with this process
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self._wait(pid)
        deadline = time.monotonic() + BRANCH_TIMEOUT_S
        while self.branches and time.monotonic() < deadline:  # they see that the grader is gone, and clean up as well
            self._reap()
            time.sleep(0.01)


def remove_tree(folder: str) -> None:
    """Remove a folder whose owner may have made it as deep as he liked, and unreadable."""
    os.chmod(folder, 0o700)
    prefix, number = secrets.token_hex(8), itertools.count()
    while names := os.listdir(folder):
        for path in (os.path.join(folder, name) for name in names):
            if os.path.islink(path) or not os.path.isdir(path):
                os.unlink(path)
                continue
            os.chmod(path, 0o700)
            for name in os.listdir(path):  # what lies in it moves up, so that nothing here is ever deep
                inner = os.path.join(path, name)
                if os.path.isdir(inner) and not os.path.islink(inner):
                    os.chmod(inner, 0o700)
                os.rename(inner, os.path.join(folder, f"{prefix}-{next(number)}"))
            os.rmdir(path)
    os.rmdir(folder)


def _become_worker(nursery: Nursery, limits: Limits, descriptor: int, scratch: str) -> None:
    """Confine this freshly forked process and serve; never returns."""
    status = 70
    try:
        connection = socket.socket(fileno=descriptor)
        try:
            layers = confine(nursery, limits, descriptor, scratch)
        except (OSError, RuntimeError) as error:  # the second one is CUDA's
            text = {"names": [type(error).__name__], "text": str(error), "where": "", "traceback": []}
            wire.send(connection, wire.pack({"seq": 0, "status": "error", "error": text}, wire.Encoder()))
            return
        signal.signal(signal.SIGINT, signal.default_int_handler)
        serve.serve(connection, {"seq": 0, "status": "ok", "layers": layers})
        status = 0
    except BrokenPipeError:
        status = 0
    finally:
        os._exit(status)


def _become_branch(trunk: Nursery, device: str, descriptor: int) -> None:
    """Switch the accelerator on in this freshly forked process and serve; never returns."""
    status = 70
    try:
        confinement.die_with_parent(trunk.pid)
        trunk.control.close()
        control = socket.socket(fileno=descriptor)
        branch = replace(trunk, control=control, device=device, pid=os.getpid(), scratch={}, ended={}, branches=[])
        try:
            ACCELERATORS[device]()
            if device != cuda.NAME:  # a process that has used CUDA cannot fork
                warm_up(device, with_backward=False)  # the first one starts a thread, which a fork would lose
                serve.rehearse(device)
            gc.collect()
            gc.freeze()
        except Exception as error:
            control.send(json.dumps({"failed": f"{type(error).__name__}: {error}"}).encode())
            return
        control.send(json.dumps({"ready": branch.layers}).encode())
        _serve(branch)
        status = 0
    finally:
        os._exit(status)


def _serve(nursery: Nursery) -> None:
    try:
        with contextlib.suppress(BrokenPipeError):  # the grader is gone: so are we
            nursery.run()
    finally:
        nursery.end()


def confine(nursery: Nursery, limits: Limits, descriptor: int, scratch: str) -> list[str]:
    """Set up every layer for this process; return them. Raises OSError if one cannot be set up."""
    layers, has_gpu = nursery.layers, nursery.device == cuda.NAME
    if not has_gpu:
        serve.rehearse(nursery.device)
    os.setsid()
    confinement.close_all_but(descriptor)
    if not has_gpu:
        confinement.limit_resources(limits)
    if "namespaces" in layers:
        confinement.enter_private_tree(limits.scratch_mib, has_gpu)
    os.environ.clear()
    os.environ.update(ENVIRONMENT, **(cuda.SETTINGS if has_gpu else cuda.HIDDEN), HOME=scratch, TMPDIR=scratch)
    tempfile.tempdir = scratch
    if "uid" in layers:
        if "namespaces" not in layers:
            os.chown(scratch, confinement.NOBODY, confinement.NOBODY)
        confinement.become_nobody()
    os.chdir(scratch)
    confinement.drop_capabilities()
    # not earlier, for the kernel forgets it when rights change
    confinement.die_with_parent(0 if "namespaces" in layers else nursery.pid)
    if has_gpu:
        _start_cuda(nursery, limits, scratch)
    if "landlock" in layers:
        confinement.restrict_files(nursery.readable, nursery.listable, [scratch], nursery.gpu_files if has_gpu else ())
    if "seccomp" in layers:
        confinement.filter_system_calls(with_ioctl=has_gpu)
    return layers


def _start_cuda(nursery: Nursery, limits: Limits, scratch: str) -> None:
    """Switch CUDA on in a worker that has given up all rights but some files of its own process.

    CUDA starts threads, which keep what they had then: nothing of theirs may be worth more than what the worker has in
    the end. It names them in ``/proc/self/task``, and does not start where it cannot.
    """
    if "landlock" in nursery.layers:
        readable, writable = [*nursery.readable, "/proc/self"], [scratch, "/proc/self/task"]
        confinement.restrict_files(readable, nursery.listable, writable, nursery.gpu_files)
    cuda.start(limits.memory_mib)
    confinement.limit_resources(limits, limit_address_space=False)  # CUDA reserves as much as there is memory


def main(descriptor: int) -> None:
    """Set up the world that all workers share, import the packages, and serve."""
    control = socket.socket(fileno=descriptor)
    confinement.die_with_parent()
    settings = json.loads(control.recv(MAX_MESSAGE))
    wanted: list[str] = settings["layers"]
    try:
        layers = _layers(wanted, [*settings["readable"], *settings["gpu_files"]], settings["masked"])
        with _temporary_folder(layers, settings["scratch_root"]):
            for name in settings["preload"]:
                torchvision_cpu.cure() if name == "torchvision" else importlib.import_module(name)
        # where there is a GPU, the first backward pass asks the driver for it, and a fork would break the driver
        warm_up("cpu", with_backward=not settings["gpu_files"])
        readable = (
            settings["readable"] if "namespaces" in layers else expanded(settings["readable"], settings["masked"])
        )
        nursery = Nursery(
            control,
            readable,
            settings["listable"],
            layers,
            gpu_files=settings["gpu_files"],
            scratch_root=settings["scratch_root"],
        )
        if "namespaces" in layers:
            nursery.home_pid_namespace = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        gc.collect()
        gc.freeze()
        control.send(json.dumps({"ready": layers, "versions": _versions()}).encode())
    except Exception as error:
        control.send(
            json.dumps({"failed": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}).encode()
        )
        return
    _serve(nursery)


@contextlib.contextmanager
def _temporary_folder(layers: list[str], root: str) -> Iterator[None]:
    """Have a folder for temporary files while packages are imported: ``torch._dynamo``, for one, writes to it."""
    if "namespaces" in layers:  # our file tree is read-only; every worker covers this with a scratch folder of its own
        root = SCRATCH
        confinement.mount("tmpfs", root, "tmpfs", confinement.MS_NOSUID | confinement.MS_NODEV, "mode=0755,size=1m")
    with tempfile.TemporaryDirectory(prefix="autograder-", dir=root) as folder:
        tempfile.tempdir = folder
        yield
    tempfile.tempdir = None


def _layers(wanted: list[str], readable: list[str], masked: list[str]) -> list[str]:
    """Set up what is set up once, and return the layers that every worker will have."""
    layers: list[str] = []
    if "namespaces" in wanted and _in_new_world(readable, masked):
        layers.append("namespaces")
    if "uid" in wanted and os.geteuid() == 0:
        layers.append("uid")
    layers += [name for name in ("capabilities", "rlimits") if name in wanted]
    if "landlock" in wanted and confinement.landlock_version() > 0:
        layers.append("landlock")
    if "seccomp" in wanted and syscalls.machine():
        layers.append("seccomp")
    return layers


def expanded(readable: list[str], masked: list[str]) -> list[str]:
    """Return ``readable`` with every folder that holds a masked one replaced by its other entries."""
    result: list[str] = []
    for path in readable:
        if path in masked:
            continue
        if any(hidden.startswith(path + "/") for hidden in masked):
            result += expanded([os.path.join(path, name) for name in sorted(os.listdir(path))], masked)
        else:
            result.append(path)
    return result


def _in_new_world(readable: list[str], masked: list[str]) -> bool:
    """Enter namespaces of our own if the kernel lets us; try in a child first, for there is no way back."""
    if not _succeeds_in_a_child(lambda: _enter(readable, masked)):
        return False
    confinement.enter_namespaces()
    child = os.fork()
    if child:  # stays outside, to hold the process namespace open and to end with it
        with contextlib.suppress(KeyboardInterrupt):
            os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    confinement.die_with_parent()
    confinement.build_root(readable, masked)
    return True


def _enter(readable: list[str], masked: list[str]) -> None:
    confinement.enter_namespaces()
    if not _succeeds_in_a_child(lambda: _try_worker_namespaces(readable, masked)):
        raise OSError("the namespaces cannot be used")


def _try_worker_namespaces(readable: list[str], masked: list[str]) -> None:
    confinement.build_root(readable, masked)
    home = os.open("/proc/self/ns/pid", os.O_RDONLY)
    confinement.unshare(confinement.CLONE_NEWPID)
    confinement.setns(home, confinement.CLONE_NEWPID)
    confinement.enter_private_tree(1)


def _succeeds_in_a_child(action: Callable[[], None]) -> bool:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            action()
            status = 0
        except OSError:
            status = 1
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def warm_up(device: str, with_backward: bool) -> None:
    """Run what a first call would initialise, so that no worker pays for it and none needs /proc."""
    import torch

    torch.set_num_threads(1)
    with contextlib.suppress(RuntimeError):
        torch.set_num_interop_threads(1)
    image = torch.ones(1, 1, 8, 8, device=device, requires_grad=True)
    layer = torch.nn.Conv2d(1, 2, 3).to(device)
    labels = torch.zeros(1, dtype=torch.int64, device=device)
    if with_backward:
        torch.nn.functional.cross_entropy(layer(image).flatten(1), labels).backward()  # type: ignore[no-untyped-call]
    matrix = torch.eye(4, dtype=torch.float64, device=device)
    (matrix @ matrix).sort(stable=True)
    torch.get_rng_state().numpy()


def _versions() -> dict[str, str]:
    import torch

    vision = sys.modules.get("torchvision")
    return {
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "torchvision": getattr(vision, "__version__", ""),
    }


if __name__ == "__main__":
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    array.array("i")  # socket.recv_fds imports it late
    descriptor = int(sys.argv[1])
    sys.argv[:] = [""]  # what student code finds there; a parser of arguments then takes its defaults
    main(descriptor)
