"""Submissions of the toy course that take what they can get, or leave something behind; ``halve`` is always right.

``double`` attacks. Where everything that it tries must be refused it says what was not, and else gives the right
answer: such an attacker earns all points, and loses them if something works. Whatever is left behind has ``MARK`` in
its name, or ``KEY`` as its number.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

MARK, KEY = "left-4711", 0x4711
HELP = f"""
MARK, KEY = {MARK!r}, {KEY}
import ctypes, errno, os, platform, resource, signal, sys, threading, time, torch
libc = ctypes.CDLL(None, use_errno=True)
column = 0 if platform.machine() == "x86_64" else 1

def called(*numbers_and_arguments):
    numbers, *arguments = numbers_and_arguments
    return libc.syscall(numbers[column], *[a if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments]) >= 0

def tried(**ways):
    worked = []
    for name, way in ways.items():
        try:
            if way() is not False:
                worked.append(name)
        except (OSError, RuntimeError, ValueError, AttributeError):
            pass
    if worked:
        raise AssertionError("it worked: " + ", ".join(worked))
"""


@dataclass(frozen=True)
class Attacker:
    """A submission.

    Attributes:
        source: the body of ``double(x)``; where it comes to its end, the right answer follows.
        is_refused: whether all of it must have been refused, so that the answer is right.
    """

    source: str
    is_refused: bool = False

    @property
    def double(self) -> str:
        """The cell of the first exercise."""
        body = textwrap.indent(textwrap.dedent(self.source).strip(), "    ")
        return f"{HELP}\ndef double(x):\n{body}\n    return 2 * x\n"


ATTACKERS: dict[str, Attacker] = {
    "forks": Attacker("tried(fork=os.fork, forkpty=os.forkpty, vfork=lambda: called((58, 220), 0x4111, 0))", True),
    "daemon": Attacker("""
        def daemon():
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    open(MARK, "w").close()
                    time.sleep(999)
        tried(daemon=daemon, setsid=os.setsid, setpgid=lambda: os.setpgid(0, 0))""", True),
    "ignores": Attacker("""
        for number in range(1, 64):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
        while True:
            try: time.sleep(99)
            except BaseException: pass"""),
    "stops": Attacker("os.kill(os.getpid(), signal.SIGSTOP)"),
    "aborts": Attacker("""
        try: resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
        except (OSError, ValueError): pass
        os.abort()"""),
    "disk": Attacker("""
        for number in range(9):
            with open(f"{MARK}-{number}", "wb", buffering=0) as file:
                for _ in range(64): file.write(b"x" * (1 << 20))"""),
    "sparse": Attacker("""
        for number in range(9):
            with open(f"{MARK}-{number}", "wb") as file:
                try: file.truncate(1 << 40)
                except OSError: file.truncate(1 << 25)
                file.seek((1 << 25) - 1)
                file.write(b"x")"""),
    "inodes": Attacker("for number in range(20_000): open(f'{MARK}-{number}', 'w').close()"),
    "tree": Attacker("""
        os.mkdir("locked")
        open("locked/" + MARK, "w").close()
        os.chmod("locked", 0)
        for _ in range(500):
            os.mkdir("deep", 0o700)
            os.chdir("deep")
        os.mkdir("end", 0)"""),
    "memory": Attacker("""
        kept = []
        while True: kept.append("x" * 10**6 + str(len(kept)))"""),
    "mapped": Attacker("""
        import mmap
        kept = []
        with open(MARK, "wb") as file: file.truncate(1 << 24)
        with open(MARK, "r+b") as file:
            while True: kept.append(mmap.mmap(file.fileno(), 1 << 24))"""),
    "descriptors": Attacker("while True: os.dup(0)"),
    "pipes": Attacker("""
        import fcntl
        while True:
            reading, writing = os.pipe()
            fcntl.fcntl(writing, 1031, 1 << 20)
            os.set_blocking(writing, False)
            os.write(writing, b"x" * (1 << 20))"""),
    "threads": Attacker("while True: threading.Thread(target=time.sleep, args=(999,), daemon=True).start()"),
    "openmp": Attacker("""
        torch.set_num_threads(64)
        torch.ones(600, 600) @ torch.ones(600, 600)"""),
    "output": Attacker("""
        line = "x" * 10**7
        for _ in range(100): sys.stdout.write(line)
        os.write(1, line.encode())"""),
    "loader": Attacker("""
        tried(workers=lambda: list(torch.utils.data.DataLoader(list(range(64)), num_workers=64)))""", True),
    "torch-processes": Attacker("""
        import torch.multiprocessing as processes
        tried(fork=lambda: processes.get_context("fork").Process(target=time.sleep, args=(99,)).start(),
              spawn=lambda: processes.get_context("spawn").Process(target=time.sleep, args=(99,)).start(),
              shared=lambda: torch.ones(9).share_memory_(), semaphore=lambda: processes.Lock())""", True),
    "sysv": Attacker("""
        tried(shm=lambda: called((29, 194), KEY, 4096, 0o1666), sem=lambda: called((64, 190), KEY, 1, 0o1666),
              msg=lambda: called((68, 186), KEY, 0o1666))""", True),
    "posix": Attacker("""
        name = b"/" + MARK.encode()
        tried(queue=lambda: called((240, 180), MARK.encode(), os.O_CREAT | os.O_RDWR, 0o666, 0),
              shm=lambda: libc.shm_open(name, os.O_CREAT | os.O_RDWR, 0o666) >= 0,
              sem=lambda: libc.sem_open(name, os.O_CREAT, 0o666, 1) != 0,
              file=lambda: open("/dev/shm/" + MARK, "w"), tmp=lambda: open("/var/tmp/" + MARK, "w"))""", True),
    "memfd": Attacker("""
        tried(memfd=lambda: called((319, 279), b"left", 0), secret=lambda: called((447, 447), 0),
              run=lambda: called((322, 281), 0, b"", 0, 0, 0x1000), python=lambda: os.memfd_create(MARK))""", True),
    "mlock": Attacker("""
        import mmap
        tried(all=lambda: called((151, 230), 3), one=lambda: called((149, 228), 4096, 4096),
              mapped=lambda: mmap.mmap(-1, 1 << 22, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x2000))""", True),
    "priority": Attacker("""
        tried(nice=lambda: os.nice(-5), nicer=lambda: os.nice(1), priority=lambda: os.setpriority(0, 0, -20),
              affinity=lambda: os.sched_setaffinity(0, range(os.cpu_count())), one=lambda: os.sched_setaffinity(0, {0}),
              realtime=lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
              batch=lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0)),
              disk=lambda: called((251, 30), 1, 0, 0))""", True),
    "limits": Attacker("""
        unlimited = (resource.RLIM_INFINITY,) * 2
        tried(**{name: lambda name=name: resource.setrlimit(getattr(resource, name), unlimited)
                 for name in dir(resource) if name.startswith("RLIMIT_")})""", True),
    "mounts": Attacker("""
        tried(unshare=lambda: called((272, 97), 0x10000000), mount=lambda: libc.mount(b"x", b".", b"tmpfs", 0, 0) == 0,
              pivot=lambda: called((155, 41), b".", b"."), tree=lambda: called((428, 428), -100, b".", 1),
              umount=lambda: libc.umount2(b"/", 2) == 0)""", True),
}  # fmt: skip
