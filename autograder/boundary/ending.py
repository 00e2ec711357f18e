"""How a child process of ours is ended once its socket is closed: wait, terminate, wait, kill, wait."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from typing import Any


def has_ended(process: subprocess.Popen[Any], close_timeout_s: float, stop_timeout_s: float) -> bool:
    """Wait for a process, then insist; return whether it has ended.

    Args:
        process: the child.
        close_timeout_s: seconds that it has to notice that its socket is closed.
        stop_timeout_s: seconds that it has after each signal.
    """
    for ending, timeout_s in (
        (None, close_timeout_s),
        (signal.SIGTERM, stop_timeout_s),
        (signal.SIGKILL, stop_timeout_s),
    ):
        if ending is not None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(ending)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout_s)
            return True
    return False
