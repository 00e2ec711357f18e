"""Every attack fails as well when the grader is an ordinary user, and where the kernel gives out no namespaces."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
MODES = {
    "user": "namespaces,capabilities,rlimits,landlock,seccomp",
    "user-without-namespaces": "capabilities,rlimits,landlock,seccomp",
    "root-without-namespaces": "uid,capabilities,rlimits,landlock,seccomp",
}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start the suite with other rights")
@pytest.mark.skipif("EXPECTED_LAYERS" in os.environ, reason="this is such a run")
@pytest.mark.parametrize("mode", MODES)
def test_the_attacks_fail_with_fewer_rights(mode: str) -> None:
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        os.chmod(folder, 0o755)
        command = [sys.executable, "-m", "pytest", str(HERE), "-q", "--tb=short", "-p", "no:cacheprovider", f"--basetemp={folder}/pytest"]
        environment = {
            "PATH": os.defpath, "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
            "EXPECTED_LAYERS": MODES[mode],
        }  # fmt: skip
        ran = subprocess.run(
            [sys.executable, str(HERE / "lesser_user.py"), mode, folder, *command],
            env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout[-8_000:] + ran.stderr[-2_000:]
        assert [name for name in os.listdir(folder) if name.startswith("autograder-")] == []
