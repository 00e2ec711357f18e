"""A: leaving early, not at all, or by force."""

from autograder.selftest.attack import Attack

ENDED = ("cell-failed", "crashed", "timed-out", "blocked")
WRONG = "\ndef double(x):\n    return x\n"


def _raises(expression: str) -> str:
    return f"import unittest\nclass Own(BaseException): pass\ndef double(x):\n    raise {expression}\n"


ATTACKS = [
    Attack("A01a", "sys.exit(0) while it is loaded", WRONG + "import sys\nsys.exit(0)", incidents=ENDED),
    Attack("A01b", "SystemExit while it is loaded", WRONG + "raise SystemExit", incidents=ENDED),
    Attack("A01c", "quit() while it is loaded", WRONG + "import _sitebuiltins\n_sitebuiltins.Quitter('a', 'b')(0)",
           incidents=ENDED),
    Attack("A02", "os._exit(0) while it is loaded", WRONG + "import os\nos._exit(0)", incidents=ENDED),
    Attack("A03", "os._exit(0) in the middle of the checks",
           "import os, torch\ndef double(x):\n    return 2 * x if isinstance(x, float) else os._exit(0)",
           honest={"double": 1.0}, incidents=("crashed",)),
    Attack("A04a", "SIGKILL to itself", "import os\ndef double(x):\n    os.kill(os.getpid(), 9)"),
    Attack("A04b", "SIGSTOP to itself", "import os\ndef double(x):\n    os.kill(os.getpid(), 19)"),
    Attack("A04c", "SIGKILL to its parent, its group, its session and everybody", """
import os
def double(x):
    for pid in (os.getppid(), 0, -1, -os.getsid(0), @OPERATOR@, 1):
        try:
            os.kill(pid, 9)
        except OSError:
            pass
    try:
        os.killpg(0, 9)
    except OSError:
        pass
"""),
    Attack("A06", "atexit handlers that overwrite the results", WRONG + """
import atexit, glob
@atexit.register
def overwrite():
    for name in glob.glob("@OUT@/**/report*.json", recursive=True):
        open(name, "w").write("{}")
overwrite()
"""),
    Attack("A07", "pytest.exit(returncode=0)",
           "import pytest\nwon('pytest')\npytest.exit('done', returncode=0)" + WRONG, incidents=ENDED),
    Attack("A08", "skipping: pytest.skip, unittest.SkipTest", """
import unittest
def double(x):
    try:
        import pytest
        won("pytest")
        pytest.skip("not today")
    except ImportError:
        raise unittest.SkipTest("not today")
"""),
    Attack("A10a", "KeyboardInterrupt", _raises("KeyboardInterrupt")),
    Attack("A10b", "GeneratorExit", _raises("GeneratorExit")),
    Attack("A10c", "an exception of its own below BaseException", _raises("Own('all is well')")),
    Attack("A10d", "unittest.SkipTest", _raises("unittest.SkipTest")),
    Attack("A10e", "SystemExit(0)", _raises("SystemExit(0)")),
    Attack("A11", "a loop that swallows what should end it", """
def double(x):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
""", incidents=("timed-out",)),
    Attack("A12", "signals ignored, alarms cancelled", """
import faulthandler, signal, time
def double(x):
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    signal.alarm(0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    faulthandler.cancel_dump_traceback_later()
    time.sleep(3600)
""", incidents=("timed-out",)),
    Attack("A14", "a daemon that outlives the worker", """
import os, time
def double(x):
    try:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                won("a daemon")
                time.sleep(3600)
            os._exit(0)
    except OSError:
        pass
    return x
"""),
]  # fmt: skip
