"""What a worker may read is what the course's packages need, and not what lies beside it."""

from __future__ import annotations

import os
import sys
import sysconfig
from importlib import metadata
from pathlib import Path, PurePosixPath

import pytest

from autograder.boundary import installation as module
from autograder.boundary.installation import installation
from autograder.errors import UsageError


class Distribution:
    """A distribution of which only what matters here is known."""

    def __init__(self, root: Path, files: list[str] | None, requires: list[str] | None = None) -> None:
        self._root = root
        self.files = None if files is None else [PurePosixPath(file) for file in files]
        self.requires = requires

    def locate_file(self, path: str) -> Path:
        return self._root / path


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages: torch needs typing_extensions, and optionally optree; secret stands beside them."""
    root = tmp_path / "site-packages"
    for name in ("torch", "torchgen", "torch-2.0.dist-info", "typing_ext", "secret", "optree", "__pycache__"):
        (root / name).mkdir(parents=True)
    (root / "single.py").write_text("")
    known = {
        "torch": Distribution(
            root,
            [
                "torch/__init__.py",
                "torch/nn/x.py",
                "torchgen/x.py",
                "torch-2.0.dist-info/METADATA",
                "../../bin/torchrun",
                "__pycache__/x.pyc",
                "single.py",
                "missing/x.py",
            ],
            [
                "Typing.Ext>=4",
                "optree; extra == 'tree'",
                "windows-only; sys_platform == 'win32'",
                "not a requirement !",
                "absent",
            ],
        ),
        "typing-ext": Distribution(root, ["typing_ext/x.py"], ["torch"]),  # a circle
        "no-files": Distribution(root, None),
    }

    def find(name: str) -> Distribution:
        if name not in known:
            raise metadata.PackageNotFoundError(name)
        return known[name]

    monkeypatch.setattr(metadata, "distribution", find)
    return root


def test_a_package_comes_with_what_it_requires(site: Path) -> None:
    found = installation(["Torch"])
    inside = {os.path.relpath(path, site) for path in found.readable if path.startswith(str(site))}
    assert inside == {"torch", "torchgen", "torch-2.0.dist-info", "single.py", "typing_ext"}
    assert str(site) in found.listable


def test_requirements_are_followed_and_markers_respected(site: Path) -> None:
    assert module._with_requirements(["torch"]) == {"torch", "typing-ext"}


def test_a_package_that_is_not_installed_is_a_usage_error(site: Path) -> None:
    with pytest.raises(UsageError, match=r"course\.toml: expected the package no-such-thing to be installed, got none"):
        installation(["torch", "No.Such_Thing"])


def test_a_package_without_a_list_of_files_gives_nothing(site: Path) -> None:
    assert not [path for path in installation(["no-files"]).readable if path.startswith(str(site))]


def test_the_standard_library_is_readable_and_its_packages_are_masked() -> None:
    found = installation([])
    library = sysconfig.get_path("stdlib", vars={"base": sys.base_prefix, "platbase": sys.base_exec_prefix})
    assert library in found.readable
    assert os.path.join(library, "site-packages") in found.masked
    assert found.readable == tuple(sorted(set(found.readable)))
    assert all(os.path.isabs(path) and os.path.exists(path) for path in found.readable)
    assert os.path.realpath(sys.executable) in found.readable


def test_packages_inside_the_standard_library_s_folder_are_named_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Path
) -> None:
    library = tmp_path
    monkeypatch.setattr(sysconfig, "get_path", lambda name, vars: str(library))
    found = installation(["torch"])
    masked = {os.path.relpath(path, site) for path in found.masked if path.startswith(str(site) + "/")}
    assert masked == {"secret", "optree", "__pycache__"}
    assert str(site) not in found.masked
    assert str(site / "torch") in found.readable


def test_this_course_s_packages_are_found_and_the_tests_tools_are_not() -> None:
    found = installation(["torch", "numpy"])
    names = {Path(path).name for path in found.readable}
    assert {"torch", "numpy", "sympy", "typing_extensions.py"} <= names
    assert not names & {"pytest", "sklearn", "pydantic", "autograder", "hypothesis"}
