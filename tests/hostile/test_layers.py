"""A worker has exactly the layers that the nursery names; a required layer that is missing is a refusal to grade."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from autograder.boundary.nursery import ALL_LAYERS, Nursery, SandboxSettings
from autograder.boundary.student import Student
from autograder.errors import SandboxUnavailable, StudentBlocked

WHO = """
import os

def who():
    return os.getpid(), os.getppid(), os.getuid(), os.getgid(), os.getgroups()
"""


def test_the_layers_are_those_of_this_kind_of_process(nursery: Nursery) -> None:
    announced = os.environ.get("EXPECTED_LAYERS")  # said by test_with_fewer_rights.py
    if announced is not None:
        assert nursery.layers == tuple(announced.split(","))
    elif os.geteuid() == 0:
        assert nursery.layers == ALL_LAYERS
    else:
        assert set(nursery.layers) >= set(SandboxSettings().required)


def test_the_worker_is_who_the_layers_say(student: Callable[..., Student], nursery: Nursery) -> None:
    who = student(WHO).who()
    pid, parent, uid, gid, groups = who
    assert ((pid, parent) == (1, 0)) == ("namespaces" in nursery.layers)
    if "uid" in nursery.layers:
        assert (uid, gid, groups) == (65_534, 65_534, [])
    else:
        assert (uid, gid) == (os.getuid(), os.getgid())


def test_layers_that_are_required_and_missing_are_a_refusal(new_nursery: Callable[..., Nursery]) -> None:
    wanted = tuple(name for name in ALL_LAYERS if name not in ("namespaces", "uid"))
    refused = new_nursery(SandboxSettings(wanted=wanted, required=("namespaces", "uid", "seccomp")))
    with pytest.raises(SandboxUnavailable) as caught:
        refused.start()
    assert not refused.is_running
    message = str(caught.value)
    assert "expected the layers namespaces, uid, seccomp, got no namespaces, uid. To have it: " in message
    assert "user namespaces (sysctl user.max_user_namespaces > 0), or start as root" in message
    assert "; start as root, or leave 'uid' out" in message


def test_a_layer_that_this_machine_does_not_have_is_a_refusal(
    new_nursery: Callable[..., Nursery], nursery: Nursery
) -> None:
    missing = [name for name in ALL_LAYERS if name not in nursery.layers]
    if not missing:
        pytest.skip("this machine, as root, has all layers")
    with pytest.raises(SandboxUnavailable, match=f"got no {', '.join(missing)}"):
        new_nursery(SandboxSettings(required=ALL_LAYERS)).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another identity to change to")
def test_root_without_namespaces_becomes_nobody_or_says_why_it_cannot(
    new_nursery: Callable[..., Nursery], student: Callable[..., Student]
) -> None:
    wanted = tuple(name for name in ALL_LAYERS if name != "namespaces")
    try:
        with new_nursery(SandboxSettings(wanted=wanted)) as nursery:
            one = student("import os\n\ndef who(): return os.getuid(), os.getpid() > 1", spawn=nursery)
            assert one.who() == (65_534, True)
            one.close()
    except SandboxUnavailable as error:  # the installation lies below a folder that is root's alone
        assert "Where there are no namespaces, everybody must be able to read" in str(error)  # noqa: PT017


def test_the_root_folder_cannot_be_listed(student: Callable[..., Student]) -> None:
    with pytest.raises(StudentBlocked):
        student("import os\n\ndef attack(): return os.listdir('/')").attack()
