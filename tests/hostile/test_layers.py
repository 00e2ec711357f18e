"""A worker has exactly the layers that the nursery names, and a required layer that is missing is a refusal to grade."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import pytest

from autograder.boundary.nursery import ALL_LAYERS, Nursery, SandboxSettings
from autograder.boundary.student import Student
from autograder.errors import SandboxUnavailable, StudentBlocked

WITHOUT_NAMESPACES = tuple(name for name in ALL_LAYERS if name != "namespaces")


def test_the_layers_are_those_of_this_kind_of_process(nursery: Nursery) -> None:
    announced = os.environ.get("EXPECTED_LAYERS")  # said by test_with_fewer_rights.py
    if announced is not None:
        assert nursery.layers == tuple(announced.split(","))
    elif os.geteuid() == 0:
        assert nursery.layers == ALL_LAYERS
    else:
        assert set(nursery.layers) >= set(SandboxSettings().required)


def test_the_worker_is_who_the_layers_say(student: Callable[..., Student], nursery: Nursery) -> None:
    who = student("import os\n\ndef who(): return os.getpid(), os.getppid(), os.getuid(), os.getgid(), os.getgroups()").who()
    pid, parent, uid, gid, groups = who
    assert ((pid, parent) == (1, 0)) == ("namespaces" in nursery.layers)
    if "uid" in nursery.layers:
        assert (uid, gid, groups) == (65_534, 65_534, [])
    else:
        assert (uid, gid) == (os.getuid(), os.getgid())


def test_namespaces_that_are_required_and_missing_are_a_refusal(new_nursery: Callable[..., Nursery], has_namespaces: bool) -> None:
    wanted = WITHOUT_NAMESPACES if has_namespaces else ALL_LAYERS
    refused = new_nursery(SandboxSettings(wanted=wanted, required=("namespaces",)))
    with pytest.raises(SandboxUnavailable, match=re.escape("user namespaces (sysctl user.max_user_namespaces > 0), or start as root")):
        refused.start()
    assert not refused.is_running


def test_another_identity_that_is_required_and_missing_is_a_refusal(new_nursery: Callable[..., Nursery]) -> None:
    wanted = tuple(name for name in ALL_LAYERS if name != "uid")
    with pytest.raises(SandboxUnavailable, match=r"expected the layers uid, seccomp, got no uid\. To have it: start as root"):
        new_nursery(SandboxSettings(wanted=wanted, required=("uid", "seccomp"))).start()


def test_the_root_folder_cannot_be_listed(student: Callable[..., Student]) -> None:
    with pytest.raises(StudentBlocked):
        student("import os\n\ndef attack(): return os.listdir('/')").attack()
