"""Nothing that one submission leaves behind is there for the next: no value, file, name, thread or state of PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autograder.boundary.student import Student

LEAVE = {
    "a global of a library": ("torch.left = 1", "hasattr(torch, 'left')"),
    "a replaced function": ("torch.nn.functional.relu = None", "torch.nn.functional.relu is None"),
    "a built-in": ("builtins.left = 1", "hasattr(builtins, 'left')"),
    "a module": ("sys.modules['left'] = sys", "'left' in sys.modules"),
    "the environment": ("os.environ['LEFT'] = '1'", "'LEFT' in os.environ"),
    "the default dtype": ("torch.set_default_dtype(torch.float64)", "torch.get_default_dtype() == torch.float64"),
    "the default device": ("torch.set_default_device('meta')", "str(torch.get_default_device()) == 'meta'"),
    "grad mode": ("torch.set_grad_enabled(False)", "not torch.is_grad_enabled()"),
    "the seed": ("torch.manual_seed(4711)", "torch.initial_seed() == 4711"),
    "numpy's seed": ("numpy.random.seed(4711)", "numpy.random.get_state()[1][0] == 4711"),
    "threads of torch": ("torch.set_num_threads(3)", "torch.get_num_threads() == 3"),
    "a thread": ("threading.Thread(target=time.sleep, args=(9,), daemon=True).start()", "threading.active_count() > 1"),
    "a hook": ("torch.nn.modules.module.register_module_forward_hook(lambda *a: 1)", "len(hooks()) > 0"),
    "a path": ("sys.path.append('/left')", "'/left' in sys.path"),
    "an open file": ("os.dup2(os.open('left', os.O_CREAT | os.O_RDWR), 200)", "can(os.fstat, 200)"),
    "a file in the scratch folder": ("open('left', 'w').write('1')", "os.path.exists('left')"),
    "a file in the temporary folder": (
        "open(tempfile.mkstemp()[1], 'w').write('1')",
        "os.listdir(tempfile.gettempdir()) != []",
    ),
    "a file at home": (
        "open(os.path.expanduser('~/left'), 'w').write('1')",
        "os.path.exists(os.path.expanduser('~/left'))",
    ),
    "a signal handler": ("signal.signal(signal.SIGUSR1, print)", "signal.getsignal(signal.SIGUSR1) is print"),
    "the umask": ("os.umask(0o777)", "os.umask(0) == 0o777"),
    "the recursion limit": ("sys.setrecursionlimit(99_999)", "sys.getrecursionlimit() == 99_999"),
    "standard output": ("sys.__stdout__ = None", "sys.__stdout__ is None"),
    "freed memory": ("globals().update(s=bytes(b'left!' * 9_999)); del globals()['s']", "False"),
}
IMPORTS = "import builtins, numpy, os, signal, sys, tempfile, threading, time, torch\n"
LOOK = (
    IMPORTS
    + """
def hooks(): return torch.nn.modules.module._global_forward_hooks

def can(function, *arguments):
    try:
        function(*arguments)
    except OSError:
        return False
    return True

def there(): return """
)


@pytest.mark.parametrize("name", LEAVE)
def test_what_one_leaves_the_next_does_not_find(student: Callable[..., Student], name: str) -> None:
    leave, look = LEAVE[name]
    first, second = (student(f"{LOOK}{look}\n\ndef leave(): {leave}") for _ in range(2))
    assert first.there() is False
    first.leave()
    if name != "freed memory":
        assert first.there() is True
    assert second.there() is False


def test_the_next_worker_of_the_same_submission_is_as_fresh(student: Callable[..., Student]) -> None:
    one = student(
        "import os\ncount = 0\n\ndef attack():\n    global count\n    count += 1\n    open(f'f{count}', 'w')\n"
        "    return count, sorted(os.listdir())\n\ndef end(): os._exit(0)"
    )
    assert one.attack() == (1, ["f1"])
    assert one.attack() == (2, ["f1", "f2"])
    with pytest.raises(Exception, match="ended itself"):
        one.end()
    assert one.attack() == (1, ["f1"])


def test_files_of_a_submission_are_its_own(student: Callable[..., Student]) -> None:
    source = "import os\n\ndef attack(): return sorted(os.listdir()), open('data/a.txt').read()"
    one = student(source, files={"data/a.txt": b"one", "empty": b""})
    two = student(source, files={"data/a.txt": b"two"})
    assert one.attack() == (["data", "empty"], "one")
    assert two.attack() == (["data"], "two")
