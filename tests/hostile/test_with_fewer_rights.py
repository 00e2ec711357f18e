"""Every attack fails as well when the grader is an ordinary user, and where the kernel gives out no namespaces."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
MODES = {
    "user": "namespaces,capabilities,rlimits,landlock,seccomp",
    "user-without-namespaces": "capabilities,rlimits,landlock,seccomp",
    "root-without-namespaces": "uid,capabilities,rlimits,landlock,seccomp",
}
THE_SAME = ("beside_attackers", "faults", "fuzz_wire", "packages", "pages_in_a_browser", "reasons")
"""Once is enough: the trusted side, to which a worker's rights make no difference, and what the attack suite has."""
Runs = dict[str, tuple[Path, subprocess.Popen[str]]]


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    """The suite in every other mode, all at once."""
    started: Runs = {}
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        os.chmod(folder, 0o755)
        for mode, layers in MODES.items():
            home = Path(folder, mode)
            home.mkdir(mode=0o755)
            suite = [sys.executable, "-m", "pytest", str(HERE), "-q", "--tb=short", "-p", "no:cacheprovider"]
            suite += [f"--ignore={HERE}/test_{name}.py" for name in THE_SAME]
            environment = {
                "PATH": os.defpath, "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
                "EXPECTED_LAYERS": layers,
            }  # fmt: skip
            command = [
                sys.executable,
                str(HERE / "lesser_user.py"),
                mode,
                str(home),
                *suite,
                f"--basetemp={home}/pytest",
            ]
            started[mode] = home, subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )  # fmt: skip
        yield started
        for _, process in started.values():
            process.kill()
            process.communicate()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start the suite with other rights")
@pytest.mark.skipif("EXPECTED_LAYERS" in os.environ, reason="this is such a run")
@pytest.mark.parametrize("mode", MODES)
def test_the_attacks_fail_with_fewer_rights(mode: str, runs: Runs) -> None:
    home, process = runs[mode]
    output, _ = process.communicate(timeout=900)
    assert process.returncode == 0, output[-8_000:]
    assert [path.name for path in home.iterdir() if path.name.startswith("autograder-")] == []
