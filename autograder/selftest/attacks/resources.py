"""F: everything that is finite."""

from autograder.selftest.attack import Attack
from autograder.selftest.vault import POINTS

WRONG = "\ndef double(x):\n    return x\n"
STOPPED = ("timed-out", "crashed", "out-of-memory", "blocked", "cell-failed")
SLOW = {**POINTS, "double": 0.0}

ATTACKS = [
    Attack("F01a", "a bomb of processes", """
import os
def double(x):
    children = 0
    for _ in range(2000):
        try:
            if os.fork() == 0:
                while True:
                    os.fork()
            children += 1
        except OSError:
            break
    if children:
        won(f"{children} processes")
    return x
"""),
    Attack("F01b", "a bomb of threads", """
import threading, time
def double(x):
    for _ in range(100_000):
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    won("100,000 threads")
"""),
    Attack("F02a", "a list that grows", """
def double(x):
    kept = []
    while True:
        kept.append(" " * 10 ** 6)
""", incidents=STOPPED),
    Attack("F02b", "a tensor of four terabytes", "import torch\ndef double(x):\n    return torch.ones(10 ** 12)",
           incidents=STOPPED),
    Attack("F02c", "many mappings, touched", """
import mmap
def double(x):
    kept = []
    while True:
        kept.append(mmap.mmap(-1, 1 << 24))
        kept[-1].write(b"x" * (1 << 24))
""", incidents=STOPPED),
    Attack("F04", "sleeping for ever", "import time\ndef double(x):\n    time.sleep(10 ** 8)",
           incidents=("timed-out",)),
    Attack("F05a", "filling the disk", """
import os, tempfile
def double(x):
    for folder in (".", "/tmp", "/dev/shm", "/var/tmp", tempfile.gettempdir(), os.path.expanduser("~")):
        try:
            with open(os.path.join(folder, "filler"), "wb") as file:
                for written in range(256):
                    file.write(b"x" * (1 << 20))
                    file.flush()
                won(f"{written} MiB in {folder}")
        except OSError:
            pass
    return x
"""),
    Attack("F05b", "using up inodes", """
import os
def double(x):
    try:
        for number in range(200_000):
            open(f"file-{number}", "w").close()
        won("200,000 files")
    except OSError:
        pass
    return x
"""),
    Attack("F05c", "sparse files and a core dump", """
import os, resource
def double(x):
    try:
        with open("sparse", "wb") as file:
            file.truncate(1 << 40)
            won("a file of a terabyte")
    except OSError:
        pass
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        won("core dumps")
    except (OSError, ValueError):
        pass
    os.abort()
""", incidents=STOPPED),
    Attack("F06a", "a gigabyte of output without a line's end", """
import sys
def double(x):
    for _ in range(1 << 14):
        sys.stdout.write("x" * (1 << 16))
    return x
"""),
    Attack("F06b", "a flood on the descriptors themselves", """
import os
def double(x):
    for _ in range(1 << 12):
        for number in (1, 2):
            try:
                os.write(number, b"\\x1b[2J\\r" * 9999)
            except OSError:
                pass
    return x
"""),
    Attack("F09a", "a loader with 64 processes", """
import torch
def double(x):
    data = torch.utils.data.TensorDataset(torch.zeros(64, 1))
    for _ in torch.utils.data.DataLoader(data, num_workers=64):
        pass
    won("processes of a loader")
"""),
    Attack("F09b", "64 threads of PyTorch", """
import torch
def double(x):
    torch.set_num_threads(64)
    a = torch.rand(512, 512)
    for _ in range(8):
        a = a @ a / 512
    return x
"""),
    Attack("F10", "just within the limit of a call, every time", """
import time
def double(x):
    time.sleep(1.2)
    return 2 * x
def halve(x):
    time.sleep(1.2)
    return x / 2
""", honest=POINTS),
    Attack("F05d", "using up descriptors", """
import os
def double(x):
    opened = 0
    try:
        for opened in range(1 << 20):
            os.dup(1)
        won("a million descriptors")
    except OSError:
        pass
    return x
"""),
    Attack("J01", "crashing again and again", """
import os
def double(x):
    os._exit(1)
""", incidents=("crashed",)),
]  # fmt: skip
