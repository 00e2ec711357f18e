"""A matching torchvision imports as always, a CUDA build beside a CPU torch is cured, every other fault is heard."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import pytest
import torch

from autograder.worker import torchvision_cpu
from autograder.worker.torchvision_cpu import cure

MISSING = "operator torchvision::nms does not exist"


class FakeImports:
    """Stands for the import system: torchvision fails with ``errors``, one after the other, then it is there.

    A failed import leaves a submodule behind, as Python does.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *errors: Exception, is_installed: bool = True) -> None:
        self.module = ModuleType("torchvision")
        self.errors = list(errors)
        self.imported = 0
        self.stale_at: list[bool] = []
        spec = SimpleNamespace(name="torchvision") if is_installed else None
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
        monkeypatch.setattr(importlib, "import_module", self.import_module)
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            monkeypatch.delitem(sys.modules, name)

    def import_module(self, name: str) -> ModuleType:
        assert name == "torchvision"
        self.imported += 1
        self.stale_at.append("torchvision.extension" in sys.modules)
        if self.errors:
            sys.modules["torchvision.extension"] = ModuleType("torchvision.extension")
            raise self.errors.pop(0)
        return self.module


class FakeLibrary:
    """Stands for ``torch.library.Library``."""

    made: list[FakeLibrary]

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind
        self.schemas: list[str] = []
        FakeLibrary.made.append(self)

    def define(self, schema: str) -> None:
        self.schemas.append(schema)


@pytest.fixture(autouse=True)
def libraries(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FakeLibrary]]:
    FakeLibrary.made = []
    monkeypatch.setattr(torch.library, "Library", FakeLibrary)
    monkeypatch.setattr(torchvision_cpu, "_libraries", [])
    yield FakeLibrary.made
    sys.modules.pop("torchvision.extension", None)


def test_without_torchvision_there_is_nothing_to_cure(
    monkeypatch: pytest.MonkeyPatch, libraries: list[FakeLibrary]
) -> None:
    imports = FakeImports(monkeypatch, is_installed=False)
    assert cure() is None
    assert (imports.imported, libraries) == (0, [])


def test_a_matching_pair_is_not_touched(monkeypatch: pytest.MonkeyPatch, libraries: list[FakeLibrary]) -> None:
    imports = FakeImports(monkeypatch)
    assert cure() is imports.module
    assert (imports.imported, libraries) == (1, [])


def test_missing_operators_are_declared_and_the_import_tried_afresh(
    monkeypatch: pytest.MonkeyPatch, libraries: list[FakeLibrary]
) -> None:
    imports = FakeImports(monkeypatch, RuntimeError(MISSING))
    assert cure() is imports.module
    assert imports.stale_at == [False, False]
    (library,) = libraries
    assert (library.name, library.kind) == ("torchvision", "DEF")
    assert library.schemas == [
        "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
        "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    ]
    kept: list[object] = [*torchvision_cpu._libraries]
    assert kept == [library], "it must outlive the function: its declarations go with it"


def test_another_fault_is_heard(monkeypatch: pytest.MonkeyPatch, libraries: list[FakeLibrary]) -> None:
    FakeImports(monkeypatch, RuntimeError("CUDA is on fire"))
    with pytest.raises(RuntimeError, match="CUDA is on fire"):
        cure()
    assert libraries == []


def test_a_cure_that_does_not_help_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeImports(monkeypatch, RuntimeError(MISSING), RuntimeError(MISSING))
    with pytest.raises(RuntimeError, match="nms does not exist"):
        cure()


def test_a_broken_installation_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeImports(monkeypatch, ImportError("no module named PIL"))
    with pytest.raises(ImportError, match="PIL"):
        cure()
