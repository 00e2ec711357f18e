"""nbformat's constructors, which have no types of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nbformat
from nbformat import v4

Make = Callable[..., Any]

node: Make = nbformat.from_dict
new_code_cell: Make = v4.new_code_cell
new_markdown_cell: Make = v4.new_markdown_cell
new_raw_cell: Make = v4.new_raw_cell
new_notebook: Make = v4.new_notebook
new_output: Make = v4.new_output
