"""D: objects that equal everything, numbers that are none, results that change afterwards."""

from collections.abc import Callable

from autograder.selftest.attack import Attack, Notebook
from autograder.selftest.vault import cell_of

LIARS = """
import collections, math, numpy, torch
class Equal:
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = lambda *args: True
    __ne__ = lambda *args: False
    __hash__ = lambda self: 0
    __float__ = lambda self: 6.0
    __array__ = lambda self, *args, **kwargs: numpy.ones(5)
    __array_ufunc__ = __array_function__ = lambda *args, **kwargs: True
    __sub__ = __rsub__ = __abs__ = __getitem__ = lambda self, *args: self
    __torch_function__ = classmethod(lambda *args, **kwargs: True)
class Number(float):
    __eq__ = __ge__ = __le__ = lambda *args: True
    __sub__ = __rsub__ = lambda *args: 0.0
    __hash__ = float.__hash__
class Whole(int):
    __eq__ = __ge__ = __le__ = lambda *args: True
    __sub__ = __rsub__ = lambda *args: 0
    __hash__ = int.__hash__
class Text(str):
    __eq__ = lambda *args: True
    __hash__ = str.__hash__
class Matrix(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True
class Float64(numpy.float64):
    __eq__ = lambda *args: True
    __hash__ = numpy.float64.__hash__
def like(x):
    return x if isinstance(x, torch.Tensor) else torch.tensor(x)
def double(x):
    return @VALUE@
"""
VALUES = {
    "D01": ("an object that equals everything", "Equal()"),
    "D02a": ("a float that equals everything", "Number(0)"),
    "D02b": ("an int that equals everything", "Whole(0)"),
    "D02c": ("a string that equals everything", "Text('6.0')"),
    "D02d": ("a NumPy number that equals everything", "Float64(0)"),
    "D03": ("a tensor whose functions say True", "like(x).as_subclass(Matrix)"),
    "D05a": ("NaN", "like(x) * math.nan"),
    "D05b": ("NaN as a number", "math.nan"),
    "D05c": ("infinity", "like(x) * math.inf"),
    "D06a": ("a shape that broadcasts", "2 * like(x).mean()"),
    "D06b": ("an empty tensor", "like(x)[:0] if like(x).dim() else like(x)[None][:0]"),
    "D06c": ("another shape", "2 * like(x)[None, None]"),
    "D06d": ("half precision", "2 * like(x).half()"),
    "D06e": ("complex numbers", "2 * like(x).to(torch.complex128)"),
    "D06f": ("booleans", "like(x) > 0"),
    "D06g": ("objects of NumPy", "numpy.array([2 * value for value in like(x).reshape(-1).tolist()], dtype=object)"),
    "D06h": ("a tensor without data", "torch.empty_like(like(x), device='meta')"),
    "D06i": ("a sparse tensor", "(2 * like(x).reshape(-1)).to_sparse()"),
    "D06j": ("a quantised tensor", "torch.quantize_per_tensor(2 * like(x).float(), 0.1, 0, torch.qint8)"),
    "D06k": ("one number that is shown many times", "torch.zeros(1, dtype=torch.float64).expand(5)"),
    "D06l": ("strings", "[str(2 * value) for value in like(x).reshape(-1).tolist()]"),
    "D06m": ("a tensor of 2**62 numbers that takes no memory", "torch.zeros(1).expand(2 ** 40)"),
    "D08a": ("a number of many digits", "10 ** 100_000"),
    "D08b": ("ten million letters", "'x' * 10_000_000"),
    "D08c": ("surrogates, NUL, escapes, directions", "'\\ud800\\x00\\x1b[2J\\u202e' * 99"),
    "D08d": ("lists in lists", "__import__('functools').reduce(lambda inner, _: [inner], range(9999), [])"),
    "D09a": ("the input itself", "x"),
    "D10": ("zeros, and the input made so, too", "like(x).zero_()"),
}  # fmt: skip
RIGHT_FOR_A_NUMBER = ("D06a", "D06d")
"""For one number these are right: a tensor of one number stands for it, in any floating dtype."""


def _cell(name: str, source: str) -> Callable[[Notebook], None]:
    def change(whole: Notebook) -> None:
        cell_of(whole, name)["source"] = source

    return change


def _network(ident: str, tries: str, body: str) -> Attack:
    source = f"class Doubler(torch.nn.Module):\n{body}"
    return Attack(ident, tries, change=_cell("Doubler", source), honest={"Doubler": 0.0})


def _training(ident: str, tries: str, source: str) -> Attack:
    return Attack(ident, tries, change=_cell("fit", source), honest={"fit": 0.0})


ATTACKS = [
    *(
        Attack(ident, tries, LIARS.replace("@VALUE@", value), honest={"double": float(ident in RIGHT_FOR_A_NUMBER)})
        for ident, (tries, value) in VALUES.items()
    ),
    Attack("D09b", "the input, doubled in place", "def double(x):\n    x *= 2\n    return x\n", honest={"double": 3.0}),
    Attack("D09c", "one buffer for all results, which a thread changes afterwards", """
import threading, time, torch
kept = []
def later():
    while True:
        for buffer in kept:
            buffer.zero_()
        time.sleep(0.001)
threading.Thread(target=later, daemon=True).start()
def double(x):
    result = torch.as_tensor(x).double().clone()
    kept.append(result)
    return result
"""),
    _network("D12a", "a network that answers with its input's gradient by hand", """
    def forward(self, x):
        return (2 * x).detach() + 0 * x
"""),
    _network("D12b", "a call that is overridden, and parameters that are not used", """
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(1.0))
    def __call__(self, x):
        return x
    def state_dict(self, *args, **kwargs):
        return {"weight": torch.tensor(2.0)}
"""),
    _network("D12c", "gradients that are set, not computed", """
    def forward(self, x):
        if x.requires_grad:
            x.grad = torch.full_like(x, 2.0)
        return x.detach()
"""),
    _training("D13a", "a slope known from before", "def fit(x, y):\n    return 2.0\n"),
    _training("D13b", "a loss that is only printed", """
def fit(x, y):
    for epoch in range(100):
        print(f"epoch {epoch}: loss {1 / (epoch + 1) ** 9:.9f}, accuracy 100 %")
    return 5.5
"""),
    _training("D13c", "a slope that is right for half of the data", """
def fit(x, y):
    fit.calls = getattr(fit, "calls", 0) + 1
    return float((y / x).mean()) if fit.calls % 2 else 0.0
"""),
    Attack("D14", "half precision on the way", "def double(x):\n"
           "    return 2 * x if isinstance(x, float) else (2 * x.half()).double()\n", honest={"double": 1.0}),
    Attack("D15", "nothing done where numbers are small", "def double(x):\n"
           "    return 2 * x if not isinstance(x, float) or abs(x) > 0.01 else x\n", honest={"double": 3.0}),
]  # fmt: skip
