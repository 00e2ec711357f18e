"""The published schema is the model's, and real reports are valid under it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from autograder.reports.example import example_class
from autograder.reports.schema import SCHEMA_FILE, report_schema, schema_text

ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft202012Validator(report_schema())


def test_the_published_schema_is_up_to_date() -> None:
    published = (ROOT / SCHEMA_FILE).read_text(encoding="utf-8")
    assert published == schema_text(), "run python -m autograder.reports.schema"


def test_the_module_writes_the_schema(tmp_path: Path) -> None:
    target = tmp_path / "schema.json"
    subprocess.run([sys.executable, "-m", "autograder.reports.schema", str(target)], check=True, cwd=ROOT)
    assert target.read_text(encoding="utf-8") == schema_text()


def test_the_schema_is_a_schema_with_a_title_and_no_id() -> None:
    jsonschema.Draft202012Validator.check_schema(report_schema())
    assert "$id" not in report_schema()
    assert report_schema()["title"] == "Report"


def test_reports_are_valid_under_the_schema() -> None:
    for staff in example_class():
        VALIDATOR.validate(json.loads(staff.report.model_dump_json()))


def test_the_schema_refuses_a_field_that_a_student_may_not_see() -> None:
    data = json.loads(example_class()[1].report.model_dump_json())
    data["exercises"][0]["checks"][0]["expected"] = 0.14
    with pytest.raises(jsonschema.ValidationError, match="expected"):
        VALIDATOR.validate(data)
