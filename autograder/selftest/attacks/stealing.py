"""B: expected values, hidden checks, other people's work. ``loot`` prints every word that could be a secret."""

from autograder.selftest.attack import Attack

WRONG = "\ndef double(x):\n    return x\n"
READ = (
    WRONG
    + """
import glob, os
for path in @PATHS@.values():
    for way in (path, os.path.relpath(path), "/proc/1/root" + path, "/proc/self/root" + path):
        try:
            loot(open(way).read())
            won(way)
        except OSError:
            pass
"""
)

ATTACKS = [
    Attack("B01", "frames of the caller", """
import inspect, sys
def double(x):
    frame = sys._getframe()
    while frame:
        loot([*map(repr, frame.f_locals.values()), *map(repr, frame.f_globals.values())])
        frame = frame.f_back
    loot(inspect.stack())
    return x
"""),
    Attack("B03", "frames of other threads", """
import sys, threading, time
def look():
    for _ in range(20):
        for frame in sys._current_frames().values():
            while frame:
                loot([*map(repr, frame.f_locals.values()), *map(repr, frame.f_globals.values())])
                frame = frame.f_back
        time.sleep(0.01)
threading.Thread(target=look, daemon=True).start()
def double(x):
    time.sleep(0.2)
    return x
"""),
    Attack("B04", "all objects of the collector, and who refers to them", """
import gc
def double(x):
    gc.unfreeze()
    for found in gc.get_objects():
        if type(found) in (dict, list, tuple, set):
            loot([text for text in (found.values() if type(found) is dict else found) if type(text) in (str, bytes)])
    loot([repr(type(found)) for found in gc.get_referrers(x)])
    return x
""", incidents=()),
    Attack("B05a", "the files of the hidden checks and the reference", READ),
    Attack("B05b", "sources of modules, linecache, compiled files", WRONG + """
import glob, inspect, linecache, sys
for module in list(sys.modules.values()):
    for way in (inspect.getsource, lambda module: linecache.getlines(module.__file__)):
        try:
            loot(way(module))
        except Exception:
            pass
for pattern in ("/**/grade_*.py", "/**/__pycache__/grade_*.pyc", "../**/*.ipynb", "@ROOT@/**/*"):
    for name in glob.iglob(pattern, recursive=True) if pattern[0] != "/" or pattern.startswith("@ROOT@") else ():
        won(name)
""", honest={"double": 0.0}),
    Attack("B06", "the notebook's history and its file", WRONG + """
import builtins, glob
for name in ("get_ipython", "In", "_ih", "_oh", "Out"):
    if name in globals() or hasattr(builtins, name):
        won(name)
for name in glob.glob("*.ipynb") + glob.glob("../*.ipynb"):
    won(name)
"""),
    Attack("B07", "the gradebook, classmates, folders above", READ + """
for folder in ("..", "../..", "@ROOT@", "@OUT@", "@ROOT@/submitted", "/var/tmp"):
    try:
        loot([name for name in os.listdir(folder)])
        if folder.startswith("@ROOT@") and os.listdir(folder):
            won(os.listdir(folder))
    except OSError:
        pass
"""),
    Attack("B09", "inherited descriptors", WRONG + """
import os
for number in range(3, 1024):
    try:
        os.lseek(number, 0, 0)
        loot(os.read(number, 1 << 16))
    except OSError:
        pass
"""),
    Attack("B10", "environment variables", WRONG + "import os\nloot(os.environb)\nloot(os.environ)\n"),
    Attack("B11", "importing the reference, the checks, the harness", WRONG + """
import importlib, pkgutil, sys
sys.path[:0] = ["@ROOT@", "@ROOT@/tests/hidden", "@ROOT@/reference"]
for name in ("reference", "reference.vault", "vault", "grade_vault", "solution", "solutions", "autograder.checks",
             "autograder.grading.grader", "autograder.course", "autograder.boundary.student", "_pytest", "pydantic"):
    try:
        module = importlib.import_module(name)
        loot(vars(module))
        if getattr(module, "__file__", None):
            won(name)
    except (ImportError, OSError):
        pass
"""),
    Attack("B12", "memory that has been used before", """
import torch
def double(x):
    if not isinstance(x, torch.Tensor):
        return x
    for count in (5, 64, 4096, 10 ** 6):
        used = torch.empty(count, dtype=torch.float64)
        for start in range(0, min(count, 4096) - len(x) + 1):
            if torch.equal(used[start : start + len(x)], 2 * x) and count > 64:
                won("a result in memory that was freed")
    return torch.empty_like(x)
"""),
    Attack("B14", "shared memory and temporary files", WRONG + """
import glob, os
for folder in ("/dev/shm", "/tmp", "/var/tmp", "/run", os.environ.get("TMPDIR", ".")):
    for path in glob.glob(folder + "/**/*", recursive=True):
        try:
            loot(open(path, errors="replace").read(1 << 20))
        except OSError:
            pass
"""),
    *(Attack(f"B18{letter}", "what an earlier submission has left", WRONG + """
import builtins, glob, os, sys, tempfile, torch
places = [".", "/tmp", "/dev/shm", "/var/tmp", os.path.expanduser("~"), tempfile.gettempdir(),
          os.path.dirname(torch.__file__), os.path.dirname(os.__file__)]
paths = [os.path.join(place, "left-by-a-classmate") for place in places]
for path in paths:
    if os.path.exists(path):
        won(path)
for path in paths:
    try:
        open(path, "w").write("hidden inputs")
    except OSError:
        pass
if hasattr(builtins, "left") or hasattr(torch, "left") or "left" in sys.modules:
    won("an attribute")
builtins.left = torch.left = True
""") for letter in "abc"),
    Attack("B19", "caches with weights", WRONG + """
import os, torch
for home in ("~", "@ROOT@/home", "/root"):
    folder = os.path.join(os.path.expanduser(home), ".cache")
    try:
        if any(os.scandir(folder)):
            won(folder)
    except OSError:
        pass
try:
    torch.hub.load_state_dict_from_url("https://download.pytorch.org/models/resnet18-f37072fd.pth")
    won("weights")
except Exception:
    pass
"""),
    Attack("B20", "guessing the seed of the hidden inputs", """
import torch
def double(x):
    if isinstance(x, torch.Tensor):
        for seed in (*range(300), 1234, 4711, 31337, 20241121):
            generator = torch.Generator().manual_seed(seed)
            if torch.equal(1 + torch.rand(len(x), generator=generator, dtype=torch.float64), x):
                won(f"the seed {seed}")
    return x
"""),
]  # fmt: skip
