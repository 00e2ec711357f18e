"""The JSON Schema of ``report.json``; ``python -m autograder.reports.schema`` writes it to docs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from autograder.reports.models import Report

SCHEMA_FILE = Path("docs") / "report-schema.json"


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of ``report.json``."""
    schema = Report.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Report",
        "description": "The report of one submission, as its student may see it (report.json).",
    }


def schema_text() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(report_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else SCHEMA_FILE
    target.write_text(schema_text(), encoding="utf-8")
    print(target)
