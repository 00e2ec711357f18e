"""Every student id has a folder of its own, and none of them leads anywhere else."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autograder.reports.folders import student_folder
from autograder.reports.integrity import MANIFEST_JSON
from autograder.reports.signature import SIGNATURE_JSON
from autograder.reports.store import CLASS_HTML, LOCK, PUBLIC_HTML, PUBLIC_JSON, STAFF_JSON

ids = st.text(st.characters(), max_size=300) | st.text(st.sampled_from("a./\\~ -\x00\u0301é:"), max_size=8)


@given(ids)
@example("")
@example("..")
@example("../../etc/passwd")
@example("a" * 500)
@example("é" * 200)
@example("\ud800")
def test_a_folder_is_one_safe_component(name: str) -> None:
    folder = student_folder(name)
    assert folder not in ("", ".", "..")
    assert not set(folder) & set('/\\\0:*?"<>|%&\n')
    assert folder[0] not in ".-~ "
    assert folder[-1] not in ". "
    assert len(os.fsencode(folder)) <= 255
    assert unicodedata.is_normalized("NFC", folder)
    assert Path("reports", folder).parent == Path("reports")


@given(ids, ids)
@example("a/b", "a_b")
@example("é", "e\u0301")
@example("x", "x~2d711642b726b044")
def test_distinct_ids_have_distinct_folders(first: str, second: str) -> None:
    assert (student_folder(first) == student_folder(second)) == (first == second)


@pytest.mark.parametrize("name", ["ada", "s1234567", "anna.müller", "李雷", "O'Brien, Pat (2)", "a_b-c+d@e", "_x"])
def test_a_safe_id_keeps_its_name(name: str) -> None:
    assert student_folder(name) == name


@pytest.mark.parametrize("name", ["CON", "nul.txt", "index.html", ".hidden", "-rf", "a\u202eb", "a b ", "a~b", "=1+1"])
def test_a_name_with_a_meaning_of_its_own_is_changed(name: str) -> None:
    folder = student_folder(name)
    assert folder != name
    assert folder.split(".")[0].casefold() not in ("con", "nul", "index")


def test_the_folder_of_an_id_never_changes() -> None:
    assert student_folder("../../etc") == "etc~74ccf3c5b4c19a81"


@pytest.mark.parametrize(
    "name", [MANIFEST_JSON, SIGNATURE_JSON, CLASS_HTML, PUBLIC_JSON, PUBLIC_HTML, STAFF_JSON, LOCK]
)
def test_no_student_takes_the_name_of_a_file_beside_the_reports(name: str) -> None:
    """Or one submission, `manifest.json.py`, would keep the results of the whole class from being written."""
    assert student_folder(name) != name
    assert student_folder(name.upper()) != name.upper()
