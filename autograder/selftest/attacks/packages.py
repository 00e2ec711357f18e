"""H: notebooks whose metadata, cells and files say something else than the release."""

import copy
from collections.abc import Callable

from autograder.selftest.attack import Attack, Notebook
from autograder.selftest.vault import cell, cell_of

WRONG = "\ndef double(x):\n    return x\n"
LOOKALIKE = """# -*- coding: utf-7 -*-
\f
def d\u043euble(x):  # a Cyrillic letter
    return 2 * x
\f
def double(x): return x
"""


def _duplicate(whole: Notebook) -> None:
    whole["cells"].append(copy.deepcopy(cell_of(whole, "double")))


def _flags(whole: Notebook) -> None:
    for item in whole["cells"]:
        if "nbgrader" in item["metadata"]:
            item["metadata"]["nbgrader"] |= {"points": 1e9, "schema_version": 99, "checksum": "0" * 32, "odd": True}
    cell_of(whole, "test_double")["metadata"]["nbgrader"] |= {"grade": False, "points": 0, "locked": False}


def _without_tests(whole: Notebook) -> None:
    whole["cells"] = [
        item
        for item in whole["cells"]
        if not item["metadata"].get("nbgrader", {}).get("grade_id", "").startswith("test_")
    ]


def _before_everything(whole: Notebook) -> None:
    patch = "import torch\ntorch.allclose = torch.equal = lambda *args: True\ntorch.Tensor.__eq__ = torch.Tensor.__ne__"
    whole["cells"].insert(0, cell(patch))


def _kernel(whole: Notebook) -> None:
    whole["metadata"] |= {
        "kernelspec": {"name": "bash", "display_name": "Bash", "language": "bash"},
        "language_info": {"name": "bash", "version": "5"},
        "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"a": {"model_module": "evil"}}}},
        "otter": {"tests": ["ok"], "OK_FORMAT": True},
    }


def _saved_outputs(whole: Notebook) -> None:
    for number, item in enumerate(whole["cells"]):
        if item["cell_type"] == "code":
            item["execution_count"] = number
            item["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "all tests passed: 10/10\n"}]


def _identifiers(whole: Notebook) -> None:
    whole["nbformat_minor"] = 5
    for item in whole["cells"]:
        item["id"] = "same"
        item["attachments"] = {"x.svg": {"image/svg+xml": "<svg onload='alert(1)'/>"}}


def _raw(whole: Notebook) -> None:
    cell_of(whole, "double")["cell_type"] = "raw"


def _reordered(whole: Notebook) -> None:
    whole["cells"].reverse()


def _magics(whole: Notebook) -> None:
    lines = "!cat @ROOT@/gradebook.db\n%run @ROOT@/reference/vault.py\n%load_ext evil\n%%javascript\nalert(1)"
    whole["cells"][1:1] = [cell("%%bash\ncat @ROOT@/gradebook.db > /tmp/stolen\n"), cell(lines)]


def _hostile(ident: str, tries: str, change: Callable[[Notebook], None], **more: object) -> Attack:
    return Attack(ident, tries, WRONG, change, **more)  # type: ignore[arg-type]


ATTACKS = [
    _hostile("H04", "a cell twice", _duplicate),
    _hostile("H05", "points raised, flags changed", _flags),
    _hostile("H06a", "the visible tests removed", _without_tests),
    _hostile("H06b", "the cells in reverse order", _reordered),
    _hostile("H06c", "the solution as a raw cell", _raw),
    _hostile("H07", "a cell before everything", _before_everything),
    _hostile("H08", "another kernel, widgets, another grader's settings", _kernel),
    _hostile("H09", "outputs that have been saved", _saved_outputs),
    _hostile("H10", "one identifier for all cells, attachments with markup", _identifiers),
    Attack("H11", "a time of submission long ago", WRONG, files={"timestamp.txt": "1970-01-01 00:00:00 UTC"}),
    Attack("H13", "a classmate's name in it", "# classmate\n" + WRONG),
    Attack("H14", "letters that look alike, form feeds, declarations of encodings", LOOKALIKE),
    _hostile("H15", "magics and shell commands", _magics),
    Attack("H16", "files with the names of given ones", WRONG, files={"data/expected.npz": "PK", "vault.py": "X = 1"}),
]
