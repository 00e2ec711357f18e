"""The one place that cures a CUDA build of torchvision beside a CPU build of torch.

PyPI's torchvision is built for CUDA. Beside a CPU torch its C++ library cannot be loaded, and from 0.28.0 on the import
fails with ``operator torchvision::nms does not exist``, because fake kernels are registered for two operators that
nobody declared. Declaring their schemas first is enough for everything but the compiled operators themselves
(``ops.nms``, ``ops.roi_align``), which then say that they are not available. A matching pair imports as always and
never gets here.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

import torch

_NMS = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_libraries: list[torch.library.Library] = []  # a library's declarations live as long as the object


def cure() -> ModuleType | None:
    """Import torchvision, declaring its missing operators if that is what the import needs.

    Returns:
        The module, or ``None`` where torchvision is not installed.

    Raises:
        RuntimeError: if the import fails for any other reason.
    """
    if importlib.util.find_spec("torchvision") is None:
        return None
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        library.define(operator + _NMS)  # type: ignore[no-untyped-call]
    _libraries.append(library)
    return importlib.import_module("torchvision")
