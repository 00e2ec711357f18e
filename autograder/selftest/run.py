"""Grades every attack beside honest students with the real command, and looks at what came of it."""

from __future__ import annotations

import contextlib
import ctypes
import html.parser
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from autograder.course import PACKAGE
from autograder.errors import HarnessError
from autograder.reports.models import Report
from autograder.reports.store import PUBLIC_HTML, STAFF_JSON, read_report, student_folder
from autograder.reports.text import clean_text
from autograder.selftest import vault
from autograder.selftest.attack import GROUPS, WON, Attack
from autograder.selftest.attacks import ATTACKS, NOT_EXPRESSIBLE
from autograder.selftest.attacks.tampering import PLANTED
from autograder.selftest.vault import POINTS, SOLUTION, TOPIC, Vault

RUN_TIMEOUT_S = 600.0
DETAIL_CHARS = 300
PR_SET_CHILD_SUBREAPER = 36
SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
PRELUDE = f"""\
import re as _re
def won(what):
    print({WON!r}, repr(what)[:200], flush=True)
def loot(things):
    things = [things] if isinstance(things, (str, bytes)) else things.items() if hasattr(things, "items") else things
    for thing in list(things)[:100_000]:
        try:
            text = thing if type(thing) is str else thing.decode("latin-1") if type(thing) is bytes else repr(thing)
        except Exception:
            continue
        for word in set(_re.findall(r"(?<![0-9a-f])[0-9a-f]{{24}}(?![0-9a-f])", text)):
            print("loot:", word, flush=True)
"""
HONEST = {
    "classmate": SOLUTION,
    "honest-perfect": {**SOLUTION, "double": "def double(x):\n    return x + x\n"},
    "honest-loops": {
        **SOLUTION,
        "double": (
            "def double(x):\n"
            "    if isinstance(x, float):\n"
            "        return 2 * x\n"
            "    result = torch.zeros_like(x)\n"
            "    for i in range(len(x)):\n"
            "        result[i] = x[i] + x[i]\n"
            "    return result\n"
        ),
    },
    "honest-chatty": {
        **SOLUTION,
        "double": (
            "import sys, warnings\n"
            "def double(x):\n"
            "    print('PASSED', file=sys.stderr)\n"
            "    warnings.warn('all is well')\n"
            "    return 2 * x\n"
            "def test_double():\n"
            "    assert double(2) == 4\n"
        ),
    },
    "honest-half": {**SOLUTION, "Doubler": "raise NotImplementedError\n", "fit": "raise NotImplementedError\n"},
    "honest-wrong": {**SOLUTION, "double": "def double(x):\n    return x * x\n"},
    "honest-stub": dict.fromkeys(SOLUTION, "raise NotImplementedError\n"),
}
EARNED = {
    "classmate": 10.0, "honest-perfect": 10.0, "honest-loops": 10.0, "honest-chatty": 10.0, "honest-half": 6.0,
    "honest-wrong": 6.0, "honest-stub": 0.0,
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """Something that got through: which attack (or which part of the run), and what."""

    subject: str
    what: str
    gained: float = 0.0
    is_leak: bool = False

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}"


@dataclass
class Result:
    """What the suite found on this machine; no findings is the promise.

    Attributes:
        layers: the layers of the sandbox that were active.
        findings: what got through.
        reports: the report of each student, attackers and honest ones.
        duration_s: wall-clock time.
    """

    layers: tuple[str, ...] = ()
    findings: list[Finding] = field(default_factory=list)
    reports: dict[str, Report] = field(default_factory=dict)
    duration_s: float = 0.0

    @property
    def gained(self) -> float:
        """Points over what the same code earns honestly, of all attacks together."""
        return sum(finding.gained for finding in self.findings)

    @property
    def leaks(self) -> int:
        """Things that a submission got hold of."""
        return sum(finding.is_leak for finding in self.findings)


def selftest(folder: Path, jobs: int, sandbox: str = "") -> Result:
    """Run the suite in an empty folder.

    Args:
        folder: the course, its submissions and the reports are written there.
        jobs: grader processes side by side.
        sandbox: a ``[sandbox]`` table of ``course.toml``.

    Raises:
        HarnessError: if the command itself does not run to its end.
    """
    started = time.monotonic()
    result = Result()
    built = Vault(folder / "course")
    built.write(sandbox)
    shared = {place: set(os.listdir(place)) for place in SHARED_FOLDERS if os.path.isdir(place)}
    with orphans_come_here(), _Listener() as listener:
        submitted = built.root / "submitted"
        for name, sources in HONEST.items():
            if name != "classmate":
                _hand_in(submitted, name, json.dumps(vault.notebook(sources)))
        alone = folder / "alone"
        _grade(built, alone, jobs)
        out = folder / "together"
        known = {
            "ROOT": str(built.root), "OUT": str(out), "PORT": str(listener.port), "SOCKET": listener.path,
            "ABSTRACT": listener.abstract, "OPERATOR": str(os.getpid()), "PATHS": repr(built.paths), "WON": WON,
            "PLANTED": repr(PLANTED),
        }  # fmt: skip
        for attack in ATTACKS:
            _hand_in(submitted, attack.student, _filled(_notebook_of(attack), known), attack.files)
        before = _tree(built.root), _tree(PACKAGE)
        _grade(built, out, jobs)
        time.sleep(0.2)  # what was to come later has had the time
        for changed in sorted(set(before[0].items()) ^ set(_tree(built.root).items())):
            result.findings.append(Finding("files", f"{changed[0]} of the course has changed"))
        for changed in sorted(set(before[1].items()) ^ set(_tree(PACKAGE).items())):
            result.findings.append(Finding("files", f"{changed[0]} of the installation has changed"))
        result.findings += [
            Finding("processes", f"process {pid} is left", is_leak=True) for pid in children(os.getpid())
        ]
        result.findings += [
            Finding("services", f"somebody connected to {place}", is_leak=True) for place in listener.seen
        ]
    result.findings += _judge_files(folder, shared)
    strangers = {path.name for path in out.iterdir() if path.is_dir()} - {
        student_folder(name) for name in (*HONEST, *(attack.student for attack in ATTACKS))
    }
    result.findings += [Finding("files", f"{name} lies among the reports") for name in sorted(strangers)]
    result.reports = {name: _report(out, name) for name in (*HONEST, *(attack.student for attack in ATTACKS))}
    for name, points in EARNED.items():
        result.findings += _judge_honest(name, points, _report(alone, name), result.reports[name])
    page = Elements.of(alone / student_folder("honest-wrong") / PUBLIC_HTML)
    for attack in ATTACKS:
        result.findings += _judge(attack, result.reports[attack.student], out, built, page)
    result.layers = result.reports["classmate"].environment.sandbox_layers
    result.duration_s = time.monotonic() - started
    return result


def table(result: Result) -> str:
    """Return what was tried and found, by groups, what cannot be tried and why, and every finding."""
    through = {finding.subject for finding in result.findings}
    tried = Counter(attack.id[0] for attack in ATTACKS)
    contained = Counter(attack.id[0] for attack in ATTACKS if attack.id not in through)
    absent = Counter(entry.id[0] for entry in NOT_EXPRESSIBLE)
    rows = [
        *((letter, words, tried[letter], contained[letter], absent[letter]) for letter, words in GROUPS.items()),
        ("", "all", tried.total(), contained.total(), absent.total()),
    ]
    lines = [f"   {'attacks':34} {'tried':>7} {'contained':>10} {'not expressible':>16}"]
    lines += [f"{letter:2} {words:34} {first:7} {second:10} {third:16}" for letter, words, first, second, third in rows]
    lines += ["", "not expressible:"]
    lines += [f"  {entry.id} {entry.tries}: {entry.reason}" for entry in NOT_EXPRESSIBLE]
    lines += [
        "",
        f"layers: {', '.join(result.layers)}",
        f"honest students beside them: {len(HONEST)}",
        f"points gained over the honest score: {result.gained:g}",
        f"leaks: {result.leaks}",
        f"seconds: {result.duration_s:.0f}",
    ]
    lines += [f"GOT THROUGH: {clean_text(str(finding), DETAIL_CHARS)}" for finding in result.findings]
    return "\n".join(lines)


# ---------------------------------------------------------------------------------------------- handing in, grading


def _notebook_of(attack: Attack) -> str:
    sources = {**SOLUTION, **({"double": PRELUDE + attack.double} if attack.double else {})}
    whole = vault.notebook(sources)
    if attack.change is not None:
        attack.change(whole)
    return json.dumps(whole)


def _filled(text: str, known: dict[str, str]) -> str:
    for name, value in known.items():
        text = text.replace(f"@{name}@", json.dumps(value)[1:-1])
    return text


def _hand_in(submitted: Path, student: str, content: str, files: Mapping[str, str] = MappingProxyType({})) -> None:
    folder = submitted / student / TOPIC
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{TOPIC}.ipynb").write_text(content, encoding="utf-8")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _grade(built: Vault, out: Path, jobs: int) -> None:
    """Run the command as staff do, with secrets in its environment and in a descriptor that is inherited."""
    temporary = built.root.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    temporary.chmod(0o755)
    secret = built.root.parent / "descriptor"
    secret.write_text(built.secrets["descriptor"])
    shared = Path("/dev/shm") / f"autograder-{uuid.uuid4().hex[:12]}"
    with open(secret) as opened, contextlib.ExitStack() as stack:
        if shared.parent.is_dir():
            stack.callback(shared.unlink, missing_ok=True)
            shared.write_text(built.secrets["shared"])
            shared.chmod(0o644)
        ran = subprocess.run(
            [sys.executable, "-P", "-m", "autograder", "grade", TOPIC, "submitted", "--out", str(out),
             "--jobs", str(jobs), "--device", "cpu"],
            cwd=built.root,
            env={**os.environ, "TMPDIR": str(temporary), "HOME": str(built.root / "home"),
                 "AUTOGRADER_NONCE": built.secrets["environment"]},
            pass_fds=[opened.fileno()],
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
            check=False,
        )  # fmt: skip
    if ran.returncode not in (0, 1) or not (out / "index.html").is_file():
        raise HarnessError(f"selftest: the grading did not run to its end: {ran.stderr.strip()[-500:]}")


def _report(out: Path, student: str) -> Report:
    return read_report(out / student_folder(student) / STAFF_JSON).report


# ---------------------------------------------------------------------------------------------- judging


def _judge(attack: Attack, report: Report, out: Path, built: Vault, page: Elements) -> Iterator[Finding]:
    if report.has_not_graded:
        yield Finding(attack.id, "is not graded, as if that were our fault")
        return
    for exercise in report.exercises:
        least = 0.0 if exercise.name in attack.honest else POINTS[exercise.name]
        most = attack.honest.get(exercise.name, POINTS[exercise.name])
        if exercise.points > most:
            what = f"{exercise.name} earns {exercise.points:g}, honestly {most:g}"
            yield Finding(attack.id, what, gained=exercise.points - most)
        elif exercise.points < least:
            yield Finding(attack.id, f"{exercise.name} earns {exercise.points:g}, although only `double` is hostile")
    if WON in report.stdout_tail:
        yield Finding(attack.id, report.stdout_tail[report.stdout_tail.index(WON) :][:200], is_leak=True)
    folder = out / student_folder(attack.student)
    text = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in folder.iterdir())
    for place, secret in built.secrets.items():
        if secret in text:
            yield Finding(attack.id, f"the secret of {place} is in the report", is_leak=True)
    kinds = {incident.kind for incident in report.incidents}
    if attack.incidents and not kinds & set(attack.incidents):
        yield Finding(attack.id, f"expected an incident of {', '.join(attack.incidents)}, got {sorted(kinds)}")
    if more := Elements.of(folder / PUBLIC_HTML).found - page.found:
        yield Finding(attack.id, f"its page has elements of its own: {sorted(more)}")


def _judge_honest(name: str, points: float, alone: Report, beside: Report) -> Iterator[Finding]:
    if alone.points != points:
        yield Finding(name, f"earns {alone.points:g} alone, expected {points:g}")
    if _timeless(alone) != _timeless(beside):
        yield Finding(name, "has another report beside attackers than alone")


def _timeless(report: Report) -> dict[str, object]:
    content = report.model_dump(exclude={"environment", "submitted_at"})
    for exercise in content["exercises"]:
        for check in exercise["checks"]:
            del check["duration_s"]
    return content


def _tree(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Return size, mode and time of every file and folder below, caches aside."""
    found = {}
    for path in folder.rglob("*"):
        if "__pycache__" not in path.parts:
            status = path.lstat()
            found[str(path)] = (status.st_size, status.st_mode, status.st_mtime_ns)
    return found


def _judge_files(folder: Path, shared: dict[str, set[str]]) -> Iterator[Finding]:
    for path in sorted((folder / "temporary").iterdir()):
        yield Finding("files", f"{path.name} is left in the temporary folder", is_leak=True)
    planted = {"left-by-a-classmate", "filler", "stolen", "device", "sparse", *PLANTED}
    for place, before in shared.items():
        for name in sorted((set(os.listdir(place)) - before) & planted):
            yield Finding("files", f"{name} is left in {place}", is_leak=True)


class Elements(html.parser.HTMLParser):
    """The kinds of elements and attributes of a page, and the values of those that load or run something."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    @classmethod
    def of(cls, path: Path) -> Elements:
        """Read a page."""
        page = cls()
        page.feed(path.read_text(encoding="utf-8"))
        return page

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note an element that runs or loads something, or leads somewhere."""
        if tag in ("script", "iframe", "form", "base", "object", "embed", "link", "meta", "img", "input"):
            self.found.add(tag + "".join(sorted(f" {name}" for name, _ in attributes)))
        for name, value in attributes:
            if name.startswith("on") or (value and re.match(r"\s*(javascript:|//|https?:)", value, re.IGNORECASE)):
                self.found.add(f"{tag} {name}={value}")


# ---------------------------------------------------------------------------------------------- the machine


@contextlib.contextmanager
def orphans_come_here() -> Iterator[None]:
    """Have processes whose parent has ended become children of this one, so that they can be seen."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def children(pid: int) -> list[int]:
    """Return the children of a process that have not ended."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            state, parent = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z":
                found.append(int(entry))
    return found


class _Listener:
    """Services of this machine, as a token server or a database would be; whoever connects is noted."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.path = f"/tmp/autograder-{uuid.uuid4().hex[:12]}"  # such a path has to be short
        self.abstract = f"autograder-{uuid.uuid4().hex[:12]}"
        self._sockets: list[tuple[str, socket.socket]] = []

    def __enter__(self) -> _Listener:
        tcp = socket.create_server(("127.0.0.1", 0))
        self.port: int = tcp.getsockname()[1]
        self._sockets.append(("a port", tcp))
        for place, address in (("a socket", self.path), ("an abstract socket", "\0" + self.abstract)):
            listening = socket.socket(socket.AF_UNIX)
            listening.bind(address)
            listening.listen()
            self._sockets.append((place, listening))
        os.chmod(self.path, 0o777)
        for place, listening in self._sockets:
            threading.Thread(target=self._accept, args=(place, listening), daemon=True).start()
        return self

    def _accept(self, place: str, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                listening.accept()[0].close()
                self.seen.append(place)

    def __exit__(self, *exception: object) -> None:
        for _, listening in self._sockets:
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()
        Path(self.path).unlink(missing_ok=True)


def run_in_temporary_folder(jobs: int, sandbox: str = "") -> Result:
    """Run the suite in a folder of its own that goes away afterwards."""
    with tempfile.TemporaryDirectory(prefix="autograder-selftest-") as name:
        os.chmod(name, 0o755)
        return selftest(Path(name), jobs, sandbox)
