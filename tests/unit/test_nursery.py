"""The nursery on both sides of its socket: requests and answers, workers that end, folders that are removed."""

from __future__ import annotations

import array
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autograder.boundary import nursery as boundary
from autograder.boundary.installation import Installation, installation
from autograder.boundary.nursery import Branch, Nursery, SandboxSettings
from autograder.errors import HarnessError, SandboxUnavailable
from autograder.worker import confinement, cuda, nursery, serve, syscalls
from autograder.worker.confinement import Limits

LIMITS = Limits(256, 16, 30)
EMPTY = Installation((), (), ())


def save_coverage() -> None:
    """Write what a forked process has measured, if anything measures and the file can still be written."""
    with contextlib.suppress(Exception):
        import coverage

        measured = coverage.Coverage.current()
        if measured is not None:
            measured.stop()
            measured.save()


@pytest.fixture
def controlled() -> Iterator[tuple[Nursery, socket.socket]]:
    """A nursery whose process is this test: what it sends arrives at the socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one = Nursery(EMPTY, LIMITS)
    one._control = ours
    with theirs:
        yield one, theirs
        one.stop()


def say(theirs: socket.socket, message: dict[str, Any], *descriptors: int) -> None:
    socket.send_fds(theirs, [json.dumps(message).encode()], list(descriptors))


def first_frame(**more: Any) -> bytes:
    from autograder.worker import wire

    return wire.pack({"seq": 0, "status": "ok", **more}, wire.Encoder())


# ------------------------------------------------------------------------------------------------ the trusted side


def answer_order(theirs: socket.socket, pidfd: int, frame: bytes, **answer: Any) -> socket.socket:
    """Answer one order of a worker as the nursery does, and return the worker's end."""
    message, (descriptor,), _, _ = socket.recv_fds(theirs, 1 << 16, 1)
    assert json.loads(message) == {
        "op": "spawn",
        "limits": {"memory_mib": 256, "scratch_mib": 16, "cpu_s": 30, "cpu": None},
    }
    connection = socket.socket(fileno=descriptor)
    connection.sendall(frame)
    say(theirs, {"pid": 77, **answer}, pidfd)
    return connection


@pytest.fixture
def pidfd() -> Iterator[int]:
    with subprocess.Popen(["true"]) as process:
        descriptor = os.pidfd_open(process.pid)
    yield descriptor
    os.close(descriptor)


def test_the_next_worker_is_ordered_while_one_is_handed_out(
    controlled: tuple[Nursery, socket.socket], pidfd: int
) -> None:
    one, theirs = controlled
    one.layers = ("seccomp",)
    one._spare = one._order()
    with answer_order(theirs, pidfd, first_frame(layers=["seccomp"])):
        worker = one.spawn()
        assert worker.is_alive
        spare = json.loads(theirs.recv(1 << 16))
        assert spare["op"] == "spawn"
        say(theirs, {"pid": 78}, pidfd)  # comes before the answer to the question how the first one ended
        say(theirs, {"status": 3})
        assert worker._exit_status() == 3
        assert json.loads(theirs.recv(1 << 16)) == {"op": "reap", "pid": 77}
        assert len(one._answers) == 1
        worker.kill()


@pytest.mark.parametrize(
    ("layers", "message"),
    [(["seccomp", "uid"], "expected .*, got "), ([], "expected .*, got "), (None, "expected .*, got ")],
)
def test_a_worker_with_other_layers_is_refused(
    controlled: tuple[Nursery, socket.socket], pidfd: int, layers: list[str] | None, message: str
) -> None:
    one, theirs = controlled
    one.layers = ("seccomp",)
    one._spare = one._order()
    with answer_order(theirs, pidfd, first_frame(layers=layers)), pytest.raises(HarnessError, match=message):
        one.spawn()


def test_a_worker_that_could_not_be_confined_says_why(controlled: tuple[Nursery, socket.socket], pidfd: int) -> None:
    one, theirs = controlled
    one._spare = one._order()
    error = {"names": ["OSError"], "text": "landlock rule for /x: Permission denied", "where": "", "traceback": []}
    frame = first_frame(error=error).replace(b'"ok"', b'"error"')
    size = len(frame) - 12
    frame = size.to_bytes(4, "big") + bytes(8) + frame[12:]
    with answer_order(theirs, pidfd, frame), pytest.raises(HarnessError, match="not be confined: landlock rule for /x"):
        one.spawn()


def test_an_answer_without_a_process_is_refused(controlled: tuple[Nursery, socket.socket]) -> None:
    one, theirs = controlled
    say(theirs, {"pid": 77})
    with pytest.raises(HarnessError, match="the nursery did not fork a worker"):
        one.spawn()


def test_a_nursery_that_is_gone_is_our_fault(controlled: tuple[Nursery, socket.socket]) -> None:
    one, theirs = controlled
    theirs.close()
    with pytest.raises(HarnessError, match="the nursery is gone"):
        one.spawn()
    with pytest.raises(HarnessError, match="the nursery is gone"):
        one._receive(1)


def test_a_nursery_that_is_reset_is_our_fault(controlled: tuple[Nursery, socket.socket]) -> None:
    one, theirs = controlled
    one._send({"op": "unread"})
    theirs.close()
    with pytest.raises(HarnessError, match="the nursery is gone"):
        one._receive(1)


def test_a_late_answer_is_never_taken_for_another(
    controlled: tuple[Nursery, socket.socket], pidfd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = controlled
    monkeypatch.setattr(boundary, "SPAWN_TIMEOUT_S", 0.05)
    with pytest.raises(HarnessError, match=r"the nursery did not answer within 0\.05 s"):
        one.spawn()
    with pytest.raises(HarnessError, match="the nursery is not started"):
        one.spawn()
    with pytest.raises(HarnessError, match="the nursery is not started"):
        one._receive(1)


def test_a_worker_of_another_run_is_not_asked_for(controlled: tuple[Nursery, socket.socket]) -> None:
    one, _ = controlled
    with socket.socket() as another, pytest.raises(HarnessError, match="the nursery of this worker is gone"):
        one._exit_status(5, another)


def test_stopping_closes_what_was_not_handed_out(controlled: tuple[Nursery, socket.socket], pidfd: int) -> None:
    one, _ = controlled
    kept = os.dup(pidfd)
    one._answers.append(({"pid": 1}, [kept]))
    one._spare, theirs = socket.socketpair()
    one.stop()
    with theirs, pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(kept)


# ------------------------------------------------------------------------------------------------ a branch of it


def refused(one: Nursery) -> str:
    """Start a branch that cannot be; return what is said, and see that nothing of it is left."""
    branch = Branch(one, "simgpu")
    with pytest.raises(HarnessError) as caught:
        branch.start()
    assert not branch.is_running
    assert (branch._control, branch._pidfd) == (None, -1)
    branch.stop()
    return str(caught.value)


def test_a_worker_that_was_ordered_before_a_branch_is_kept(
    controlled: tuple[Nursery, socket.socket], pidfd: int
) -> None:
    one, theirs = controlled
    one.layers = ("seccomp",)
    one._spare = one._order()
    say(theirs, {"pid": 77}, pidfd)  # comes before the answer about the branch
    say(theirs, {"branch": 78}, pidfd)
    branch = Branch(one, "simgpu")

    def serve_it() -> None:
        _, (worker,), _, _ = socket.recv_fds(theirs, 1 << 16, 1)
        message, (descriptor,), _, _ = socket.recv_fds(theirs, 1 << 16, 1)
        assert json.loads(message) == {"op": "branch", "device": "simgpu"}
        with socket.socket(fileno=descriptor) as control, socket.socket(fileno=worker) as connection:
            say(control, {"ready": ["seccomp"]})
            connection.sendall(first_frame(layers=["seccomp"]))
            ended.wait(10)

    ended = threading.Event()
    thread = threading.Thread(target=serve_it)
    thread.start()
    try:
        branch.start()
        assert branch.layers == ("seccomp",)
        assert branch.limits is one.limits
        assert [answer for answer, _ in one._answers] == [{"pid": 77}]
        worker = one.spawn()  # the one that had been ordered
        assert not one._answers
        worker.kill()
    finally:
        ended.set()
        thread.join()
    assert not branch.is_running, "the process that stands for it has ended"
    branch.stop()


def test_a_branch_that_does_not_come_up_says_why(controlled: tuple[Nursery, socket.socket], pidfd: int) -> None:
    one, theirs = controlled
    say(theirs, {"branch": 78}, pidfd)

    def serve_it() -> None:
        _, (descriptor,), _, _ = socket.recv_fds(theirs, 1 << 16, 1)
        with socket.socket(fileno=descriptor) as control:
            say(control, {"failed": "RuntimeError: no such device"})

    thread = threading.Thread(target=serve_it)
    thread.start()
    try:
        assert refused(one) == "the workers for simgpu did not start: RuntimeError: no such device"
    finally:
        thread.join()


@pytest.mark.parametrize("answer", [{}, {"status": 3}, {"branch": 78}], ids=str)
def test_an_answer_without_a_branch_is_refused(
    controlled: tuple[Nursery, socket.socket], answer: dict[str, Any]
) -> None:
    one, theirs = controlled
    say(theirs, answer)
    assert refused(one) == "the nursery did not fork a branch"


def test_a_branch_of_no_nursery_is_refused(controlled: tuple[Nursery, socket.socket]) -> None:
    one, theirs = controlled
    assert refused(Nursery(EMPTY, LIMITS)) == "the nursery is not started"
    theirs.close()
    assert refused(one).startswith("the nursery is gone: ")


class Stubborn:
    """A process that ends at the ``n``-th request only."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.signals: list[int] = []

    def send_signal(self, number: int) -> None:
        self.signals.append(number)
        if len(self.signals) == 2:
            raise ProcessLookupError

    def wait(self, timeout_s: float) -> None:
        if len(self.signals) < self.n:
            raise subprocess.TimeoutExpired("nursery", timeout_s)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_it_is_closed_then_terminated_then_killed(n: int) -> None:
    one, process = Nursery(EMPTY, LIMITS), Stubborn(n)
    one._process = process  # type: ignore[assignment]
    one.stop()
    assert process.signals == [signal.SIGTERM, signal.SIGKILL][:n]
    assert not one.is_running


def test_one_that_does_not_end_is_our_fault() -> None:
    one = Nursery(EMPTY, LIMITS)
    one._process = Stubborn(9)  # type: ignore[assignment]
    with pytest.raises(HarnessError, match="the nursery does not end"):
        one.stop()


def test_a_nursery_that_cannot_import_says_so() -> None:
    with pytest.raises(
        HarnessError, match=r"the nursery did not start: ModuleNotFoundError: No module named 'no_such_package'"
    ):
        Nursery(
            installation(["torch"]), LIMITS, SandboxSettings(wanted=(), required=()), preload=["no_such_package"]
        ).start()


def test_a_worker_that_cannot_be_confined_is_a_refusal_before_anything_is_graded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Nursery(EMPTY, LIMITS)
    monkeypatch.setattr(one, "spawn", lambda: one._receive(1))
    with pytest.raises(SandboxUnavailable, match="cannot confine the worker: the nursery is not started"):
        one._try()


def test_a_nursery_that_ends_at_once_is_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/true")
    with pytest.raises(HarnessError, match="the nursery is gone"):
        Nursery(EMPTY, LIMITS).start()


@pytest.mark.parametrize("name", boundary.ALL_LAYERS)
def test_every_layer_that_is_missing_has_its_advice(name: str) -> None:
    one = Nursery(EMPTY, LIMITS, SandboxSettings(required=(name,)))
    with pytest.raises(SandboxUnavailable, match=f"expected the layers {name}, got no {name}. To have it: .+"):
        one._refuse_if_weaker()


# ------------------------------------------------------------------------------------------------ the worker's side


def test_layers_are_those_that_are_wanted_and_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nursery, "_in_new_world", lambda readable, masked: True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(confinement, "landlock_version", lambda: 1)
    monkeypatch.setattr(syscalls, "machine", lambda: "x86_64")
    everything = list(boundary.ALL_LAYERS)
    assert nursery._layers(everything, [], []) == everything
    assert nursery._layers(everything[::-1], [], []) == everything
    assert nursery._layers(["rlimits"], [], []) == ["rlimits"]
    monkeypatch.setattr(nursery, "_in_new_world", lambda readable, masked: False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(confinement, "landlock_version", lambda: 0)
    monkeypatch.setattr(syscalls, "machine", lambda: "")
    assert nursery._layers(everything, [], []) == ["capabilities", "rlimits"]


def test_readable_folders_are_opened_up_around_what_is_masked(tmp_path: Path) -> None:
    for name in ("lib/json", "lib/site-packages/secret", "lib/deep/inner/masked", "lib/deep/other"):
        (tmp_path / name).mkdir(parents=True)
    root = str(tmp_path)
    masked = [f"{root}/lib/site-packages", f"{root}/lib/deep/inner/masked", f"{root}/gone"]
    assert nursery.expanded([f"{root}/lib", f"{root}/lib/site-packages", "/usr"], masked) == [
        f"{root}/lib/deep/other",
        f"{root}/lib/json",
        "/usr",
    ]


def test_any_tree_can_be_removed(tmp_path: Path) -> None:
    folder = tmp_path / "scratch"
    (folder / "a/b/c").mkdir(parents=True)
    (folder / "a/b/file").write_text("x")
    (folder / "a/b/same").write_text("x")
    (folder / "a/same").mkdir()
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o700)
    (outside / "kept").write_text("x")
    (folder / "link").symlink_to(outside)
    (folder / "a" / "link").symlink_to(outside)
    (folder / "broken").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1_200):
        os.mkdir("deep", dir_fd=here)
        below = os.open("deep", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    for path in (folder / "a/b/c", folder / "a/b", folder):
        path.chmod(0)
    nursery.remove_tree(str(folder))
    assert not folder.exists()
    assert (outside / "kept").read_text() == "x"
    assert outside.stat().st_mode & 0o777 == 0o700


def test_an_attempt_that_fails_is_told_from_one_that_succeeds() -> None:
    def fails() -> None:
        raise OSError

    def breaks() -> None:
        raise ValueError

    assert nursery._succeeds_in_a_child(lambda: None)
    assert not nursery._succeeds_in_a_child(fails)
    assert not nursery._succeeds_in_a_child(breaks)
    assert not nursery._succeeds_in_a_child(lambda: os._exit(3))


def test_the_outer_attempt_fails_with_the_inner_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "enter_namespaces", lambda: None)
    monkeypatch.setattr(nursery, "_succeeds_in_a_child", lambda action: False)
    with pytest.raises(OSError, match="the namespaces cannot be used"):
        nursery._enter([], [])
    assert not nursery._in_new_world([], [])
    monkeypatch.setattr(nursery, "_succeeds_in_a_child", lambda action: True)
    nursery._enter([], [])


def test_warming_up_and_naming_versions_change_nothing() -> None:
    import torch

    before = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()
    state = torch.get_rng_state()
    for with_backward in (True, False):
        nursery.warm_up("cpu", with_backward)
    assert (torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()) == (*before[:2], 1)
    torch.set_rng_state(state)
    versions = nursery._versions()
    assert versions["torch"] == torch.__version__
    assert set(versions) == {"python", "torch", "torchvision"}


def test_layers_are_set_up_in_their_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done: list[str] = []
    for name in (
        "close_all_but",
        "limit_resources",
        "enter_private_tree",
        "become_nobody",
        "drop_capabilities",
        "die_with_parent",
        "restrict_files",
        "filter_system_calls",
    ):
        monkeypatch.setattr(confinement, name, lambda *arguments, name=name, **options: done.append(name))
    monkeypatch.setattr(os, "setsid", lambda: done.append("setsid"))
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(os, "chown", lambda *arguments: done.append("chown"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", None)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        one = nursery.Nursery(ours, ["/usr"], [], list(boundary.ALL_LAYERS))
        assert nursery.confine(one, LIMITS, 5, str(tmp_path)) == list(boundary.ALL_LAYERS)
        assert done == [
            "setsid",
            "close_all_but",
            "limit_resources",
            "enter_private_tree",
            "become_nobody",
            "drop_capabilities",
            "die_with_parent",
            "restrict_files",
            "filter_system_calls",
        ]
        assert os.environ == {
            "HOME": str(tmp_path), "TMPDIR": str(tmp_path), **nursery.ENVIRONMENT, **cuda.HIDDEN
        }  # fmt: skip
        done.clear()
        one.layers = ["uid"]
        nursery.confine(one, LIMITS, 5, str(tmp_path))
        assert done[3:5] == ["chown", "become_nobody"]
        assert done[-1] == "die_with_parent"


class Ended(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("what", ["confined", "not confined", "broken pipe", "bug"])
def test_a_worker_never_returns(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    statuses: list[int] = []

    def leave(status: int) -> None:
        statuses.append(status)
        raise Ended

    def confine(*arguments: Any) -> list[str]:
        if what == "not confined":
            raise PermissionError(13, "landlock rule for /x: Permission denied")
        if what == "bug":
            raise ValueError
        return ["seccomp"]

    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setattr(nursery, "confine", confine)
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(nursery, "socket", SimpleNamespace(socket=lambda fileno: theirs))
    expected = {
        "confined": (0, b'"layers":["seccomp"]'),
        "not confined": (70, b"landlock rule for /x"),
        "bug": (70, b""),
    }
    status, words = expected.get(what, (0, b""))
    with ours, theirs:
        if what == "broken pipe":
            ours.close()
        else:
            ours.shutdown(socket.SHUT_WR)
        with pytest.raises(Ended):
            nursery._become_worker(SimpleNamespace(), LIMITS, 0, "")  # type: ignore[arg-type]
        assert statuses == [status]
        theirs.close()
        if what != "broken pipe":
            assert words in ours.recv(1 << 16)


Started = tuple[Nursery, Callable[[], None]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """Return a function that runs the nursery's ``main`` in a forked process of this one, where coverage sees it."""
    ends: list[Callable[[], None]] = []

    def start(*layers: str, scratch_root: Path = tmp_path, break_it: Callable[[], None] = lambda: None) -> Started:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            ours.close()
            real_exit, real_serve = os._exit, serve.serve
            real_root = confinement.build_root
            saved: list[bool] = []

            def saving_exit(status: int) -> None:
                if not saved:
                    save_coverage()
                real_exit(status)

            def saved_before_serving(*arguments: Any) -> None:  # a worker may be killed at any time after that
                save_coverage()
                saved.append(True)
                real_serve(*arguments)

            def root_to_measure_in(readable: list[str], masked: list[str]) -> None:
                folder = os.getcwd()
                real_root([*readable, folder], masked)
                with contextlib.suppress(OSError):
                    confinement.mount("none", folder, flags=confinement.MS_REMOUNT | confinement.MS_BIND)

            os._exit = saving_exit  # type: ignore[assignment]
            serve.serve = saved_before_serving  # type: ignore[assignment]
            confinement.build_root = root_to_measure_in  # type: ignore[assignment]
            break_it()
            try:
                nursery.main(theirs.detach())
            finally:
                os._exit(0)
        theirs.close()
        found = installation(["torch", "numpy"])
        one = Nursery(found, LIMITS, SandboxSettings(wanted=layers, required=()), preload=["numpy", "torchvision"])
        one._settings["scratch_root"] = str(scratch_root)
        one._control = ours
        one._send(one._settings)
        answer, _ = one._receive(60)
        one.layers = tuple(answer.get("ready", ()))
        one.versions = answer

        def end() -> None:
            one.stop()
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)

        ends.append(end)
        return one, end

    yield start
    for end in ends:
        end()


@pytest.mark.parametrize(
    "layers",
    [(), pytest.param(("namespaces",), marks=pytest.mark.skipif(os.geteuid() != 0, reason="needs root"))],
    ids=str,
)
def test_main_serves_until_its_socket_closes(
    started: Callable[..., Started], layers: tuple[str, ...], tmp_path: Path
) -> None:
    one, end = started(*layers)
    assert one.layers == layers
    worker = one.spawn()
    other = one.spawn()
    assert worker.ask("exec", "cell", 5, label="cell", source="x = 1").reply.status == "ok"
    if not layers:
        assert len(list(tmp_path.iterdir())) in (2, 3)
    worker.kill()
    assert one._exit_status(2**22 - 1, one._control) == -signal.SIGKILL  # nobody has this number
    other._connection.shutdown(socket.SHUT_RDWR)  # it sees the end of its connection, and ends by itself
    assert select.select([other._pidfd], [], [], 5)[0]
    assert other._exit_status() == 0
    other.kill()
    time.sleep(nursery.REAP_INTERVAL_S + 0.2)
    end()
    assert list(tmp_path.iterdir()) == []


def test_main_says_what_went_wrong(started: Callable[..., Started]) -> None:
    def break_it() -> None:
        def warm_up(device: str, with_backward: bool) -> None:
            raise RuntimeError("no torch")

        nursery.warm_up = warm_up

    one, _ = started(break_it=break_it)
    assert one.layers == ()
    assert one.versions["failed"] == "RuntimeError: no torch"
    assert "Traceback" in one.versions["trace"]


def test_main_forgets_ends_that_nobody_asks_for(started: Callable[..., Started]) -> None:
    def break_it() -> None:
        nursery.MAX_REMEMBERED = 1

    one, _ = started(break_it=break_it)
    workers = [one.spawn() for _ in range(4)]
    for worker in workers:
        worker.kill()
    last = one.spawn()
    assert last.ask("state", "state", 5).reply.status == "ok"
    last.kill()


def test_main_ends_when_its_grader_is_gone_with_an_answer_unread(
    started: Callable[..., Started], tmp_path: Path
) -> None:
    one, end = started()
    one._order().close()
    time.sleep(0.1)
    end()
    assert list(tmp_path.iterdir()) == []


def test_the_module_that_receives_descriptors_is_imported_before_there_is_no_file() -> None:
    assert array.array("i").itemsize == 4


@pytest.mark.parametrize(
    ("status", "cpu_s", "code"), [(9, 3.5, -signal.SIGXCPU), (9, 2.5, -9), (11, 9.0, -11), (0, 9.0, 0)]
)
def test_who_is_ended_at_the_limit_of_cpu_time_has_used_it_up(status: int, cpu_s: float, code: int) -> None:
    """The kernel does not warn the first process of a namespace: its end would look as if others had brought it."""
    one = nursery.Nursery(SimpleNamespace(), [], [], [], cpu_s=3)  # type: ignore[arg-type]
    one._ended(7, status, SimpleNamespace(ru_utime=cpu_s - 0.5, ru_stime=0.5))  # type: ignore[arg-type]
    assert one.ended == {7: code}
