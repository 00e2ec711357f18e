"""C: changing whoever compares. Nobody does so in this process, so at most the student's own functions suffer."""

from autograder.selftest.attack import Attack
from autograder.selftest.vault import POINTS

WRONG = "\ndef double(x):\n    return x\n"
OWN_WORK = {**POINTS, "double": 0.0}
"""What breaks PyTorch or Python in its own process may lose its own points."""

PLANTED = {
    "conftest.py": "import os\nos._exit(0)\n",
    "pytest.ini": "[pytest]\naddopts = --collect-only\n",
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--co'\n",
    "tox.ini": "[pytest]\naddopts = --co\n",
    "setup.cfg": "[tool:pytest]\naddopts = --co\n",
    "sitecustomize.py": "import os\nos._exit(0)\n",
    "usercustomize.py": "import os\nos._exit(0)\n",
    "evil.pth": "import os; os._exit(0)\n",
    "numpy.py": "raise SystemExit\n",
    "torch.py": "raise SystemExit\n",
    "json.py": "raise SystemExit\n",
    "random.py": "raise SystemExit\n",
    "pytest.py": "raise SystemExit\n",
}
PLANT = (
    WRONG
    + """
import os
for name, text in @PLANTED@.items():
    for folder in (".", "..", "/tmp", "@ROOT@", "@OUT@", "@ROOT@/tests/hidden"):
        path = os.path.join(folder, name)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "w").write(text)
        except OSError:
            pass
def halve(x):
    os._exit(0)  # the next worker starts with all of it in place, if anything has stayed
"""
)

ATTACKS = [
    Attack("C01", "comparisons of NumPy and PyTorch replaced", WRONG + """
import numpy, torch
yes = lambda *args, **kwargs: True
numpy.testing.assert_allclose = numpy.allclose = numpy.isclose = numpy.array_equal = yes
torch.allclose = torch.equal = torch.isclose = torch.testing.assert_close = yes
torch.testing._comparison.assert_equal = torch.testing._comparison.not_close_error_metas = yes
torch.Tensor.__eq__ = torch.Tensor.equal = torch.Tensor.allclose = yes
""", honest=OWN_WORK),
    Attack("C02", "builtins replaced", WRONG + """
import builtins
for name in ("abs", "all", "any", "float", "isinstance", "open", "getattr", "len", "max", "sum", "__import__"):
    setattr(builtins, name, lambda *args, **kwargs: True)
""", honest=OWN_WORK),
    Attack("C03", "pytest's reports and outcomes replaced", WRONG + """
import sys
for name in ("pytest", "_pytest", "_pytest.reports", "_pytest.runner", "pluggy"):
    try:
        __import__(name)
        won(name)
    except ImportError:
        pass
for name in {name.partition(".")[0] for name in sys.modules} & {"pytest", "_pytest", "pluggy", "unittest_runner"}:
    won(name)
"""),
    Attack("C04", "unittest's assertions and results replaced", WRONG + """
import unittest
yes = lambda *args, **kwargs: None
for name in [name for name in dir(unittest.TestCase) if name.startswith(("assert", "fail"))]:
    setattr(unittest.TestCase, name, yes)
unittest.TestResult.addFailure = unittest.TestResult.addError = unittest.TestResult.addSuccess
"""),
    Attack("C05", "files that configure or shadow, written while graded", PLANT, honest={"double": 0.0}),
    Attack("C06", "files that configure or shadow, handed in beside the notebook", WRONG, files={
        **PLANTED,
        "evil-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n",
        "evil-1.0.dist-info/entry_points.txt": "[pytest11]\nevil = conftest\n",
    }),
    Attack("C07", "start-up files of Python, IPython and Jupyter", WRONG + """
import os, site, sys, sysconfig
folders = [*site.getsitepackages(), site.getusersitepackages(), sysconfig.get_paths()["purelib"],
           os.path.expanduser("~/.ipython/profile_default/startup"), os.path.expanduser("~/.jupyter")]
for folder in folders:
    for name in ("sitecustomize.py", "usercustomize.py", "evil.pth", "00.py", "jupyter_config.py"):
        try:
            open(os.path.join(folder, name), "w").write("import os; os._exit(0)")
            if "site-packages" in folder:
                won(folder)
        except OSError:
            pass
os.environ.update(PYTHONPATH="/tmp", PYTHONSTARTUP="/tmp/evil.py", PYTEST_ADDOPTS="--co")
"""),
    Attack("C08", "PyTorch's operators replaced by a library", WRONG + """
import torch
library = torch.library.Library("aten", "IMPL")
library.impl("mul.Tensor", lambda a, b: a, "CPU")
""", honest=OWN_WORK),
    Attack("C10", "code, defaults and arrays of callers changed", """
import sys, types
def double(x):
    frame = sys._getframe().f_back
    while frame:
        for space in (frame.f_globals, frame.f_locals):
            for name, value in list(space.items()):
                if isinstance(value, types.FunctionType) and "expect" in name:
                    value.__code__ = (lambda *args, **kwargs: None).__code__
                    won(name)
                if hasattr(value, "zero_") and value is not x:
                    value.zero_()
        frame = frame.f_back
    return x
"""),
    Attack("C11", "IPython's hooks and magics", WRONG + """
import sys
try:
    get_ipython().set_custom_exc((Exception,), print)
    won("IPython")
except NameError:
    pass
sys.displayhook = sys.excepthook = sys.unraisablehook = lambda *args: None
"""),
    Attack("C13", "clocks replaced", """
import time, torch
time.time = time.perf_counter = time.monotonic = time.process_time = lambda: 0.0
time.sleep = lambda seconds: None
def double(x):
    while True:
        pass
""", incidents=("timed-out",)),
    Attack("C14", "random generators replaced and used up", WRONG + """
import numpy, random, torch
torch.rand = torch.randn = torch.randint = lambda *shape, **more: torch.zeros(3)
torch.manual_seed(0)
numpy.random.seed(0)
random.seed(0)
torch.default_generator.manual_seed(0)
""", honest=OWN_WORK),
    Attack("C15", "global state of PyTorch", WRONG + """
import torch
torch.set_default_dtype(torch.float16)
torch.set_default_device("meta")
torch.set_grad_enabled(False)
torch.use_deterministic_algorithms(True)
torch.set_num_threads(64)
torch.set_printoptions(threshold=10 ** 9)
torch.nn.modules.module.register_module_forward_hook(lambda module, inputs, output: output * 0)
torch.autocast("cpu", torch.bfloat16).__enter__()
""", honest=OWN_WORK),
    Attack("C18", "being told that this is the grading", WRONG + """
import os, sys
for name in ("NBGRADER_EXECUTION", "CI", "GITHUB_ACTIONS", "PYTEST_CURRENT_TEST", "AUTOGRADER_SELFTEST"):
    if name in os.environ:
        won(name)
if any(sys.argv):
    won(sys.argv)
"""),
]  # fmt: skip
