"""What the notebooks draw is what the reference draws: a generator's given cell holds the module's source."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GENERATORS = [
    ("transfer", "creatures"),
    ("detection", "scenes"),
    ("segmentation", "scenes"),
]  # topic, module of reference/


@pytest.mark.parametrize("room", ["solutions", "assignments"])
@pytest.mark.parametrize(("topic", "module"), GENERATORS)
def test_the_given_cell_is_the_source_of_the_module(room: str, topic: str, module: str) -> None:
    notebook = json.loads((ROOT / room / topic / f"{topic}.ipynb").read_text(encoding="utf-8"))
    cells = {cell["metadata"]["nbgrader"]["grade_id"]: "".join(cell["source"]) for cell in notebook["cells"]}
    source = (ROOT / "reference" / f"{module}.py").read_text(encoding="utf-8")
    assert cells[f"{module}_setup"] == source.strip()
