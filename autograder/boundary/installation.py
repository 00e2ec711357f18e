"""What a worker may read: the Python installation and the distributions that the course names, nothing else."""

from __future__ import annotations

import glob
import os
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from autograder.errors import UsageError

GPU_FILES = ("/dev/nvidia*", "/dev/nvidia-caps/*")
GPU_LIBRARIES = ("/usr/local/nvidia", "/usr/local/cuda*/lib64")
SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/etc/localtime")


@dataclass(frozen=True)
class Installation:
    """Absolute paths of what a worker sees.

    Attributes:
        readable: files and folders that may be read.
        masked: folders inside them that stay out of sight.
        listable: folders of which only the names of the entries may be read, for Python's import looks there.
        gpu_files: the devices of a GPU, for the workers that use one.
    """

    readable: tuple[str, ...]
    masked: tuple[str, ...]
    listable: tuple[str, ...]
    gpu_files: tuple[str, ...] = ()


def installation(packages: Iterable[str], has_gpu: bool = False) -> Installation:
    """Return what a worker may read so that it can import ``packages`` and what they require.

    Args:
        packages: names of distributions.
        has_gpu: whether some worker uses CUDA, and needs NVIDIA's devices and libraries.

    Raises:
        UsageError: if a package is not installed.
    """
    outside = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}  # the standard library of a venv lies there
    standard = {sysconfig.get_path(name, vars=outside) for name in ("stdlib", "platstdlib")}
    readable = {os.path.realpath(sys.executable), os.path.join(sys.prefix, "pyvenv.cfg")}
    readable |= {path for path in standard if os.path.isdir(path)}
    readable |= set(glob.glob(os.path.join(sysconfig.get_config_var("LIBDIR") or "/usr/lib", "libpython3*")))
    readable |= set(SYSTEM_LIBRARIES)
    gpu_files: set[str] = set()
    if has_gpu:
        readable |= {path for pattern in GPU_LIBRARIES for path in glob.glob(pattern)}
        gpu_files = {path for pattern in GPU_FILES for path in glob.glob(pattern)}
    listable = set(standard)
    for name in sorted(_with_requirements(packages)):
        distribution = metadata.distribution(name)
        readable |= _entries(distribution)
        listable.add(os.path.abspath(str(distribution.locate_file(""))))
    masked = {os.path.join(path, name) for path in standard for name in ("site-packages", "dist-packages")}
    for root in ("/usr/lib", "/usr/local/lib"):
        masked |= set(glob.glob(f"{root}/python3*/*-packages"))
    found = {os.path.abspath(path) for path in readable if os.path.exists(path)}
    masked = {path for path in masked if os.path.isdir(path)}
    if any(entry.startswith(folder + "/") for entry in found for folder in masked):
        # packages of the course live in a folder that would be masked (no virtual environment): name its other entries
        lying = {folder for folder in masked if any(entry.startswith(folder + "/") for entry in found)}
        masked = (masked - lying) | {
            path
            for folder in lying
            for path in (os.path.join(folder, name) for name in os.listdir(folder))
            if path not in found and os.path.isdir(path)
        }
    return Installation(*(tuple(sorted(paths)) for paths in (found, masked, listable, gpu_files)))


def _with_requirements(packages: Iterable[str]) -> set[str]:
    """Return the canonical names of ``packages`` and of all that they require, recursively."""
    found: set[str] = set()
    waiting = [(canonicalize_name(name), True) for name in packages]
    while waiting:
        name, is_named = waiting.pop()
        if name in found:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if is_named:
                raise UsageError(
                    f"course.toml: expected the package {name} to be installed, got none. Install it, or leave it out."
                ) from None
            continue
        found.add(name)
        for line in distribution.requires or ():
            try:
                requirement = Requirement(line)
            except InvalidRequirement:
                continue
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append((canonicalize_name(requirement.name), False))
    return found


def _entries(distribution: metadata.Distribution) -> set[str]:
    """Return the top-level files and folders that a distribution has put into its site-packages."""
    root = str(distribution.locate_file(""))
    names = {
        file.parts[0] for file in distribution.files or () if file.parts and file.parts[0] not in ("..", "__pycache__")
    }
    return {os.path.join(root, name) for name in names}
