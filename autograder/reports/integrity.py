"""The manifest of a folder of reports: the hash of every file that a run wrote, so that a later change is found.

``manifest.json`` is written by the operator when a run ends and extended by later runs. On its own it finds an accident
and a careless edit; whoever can write to the folder can also write a manifest. Against them it is signed
(:mod:`autograder.reports.signature`).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import StringConstraints, ValidationError

from autograder.errors import UsageError
from autograder.reports.folders import student_folder
from autograder.reports.models import Model
from autograder.reports.store import PUBLIC_HTML, PUBLIC_JSON, STAFF_JSON, write_json

MANIFEST_JSON = "manifest.json"
ID_BYTES = 16
REPORT_FILES = (PUBLIC_JSON, STAFF_JSON, PUBLIC_HTML)
Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
FileHashes = dict[str, Sha256]
Record = TypeVar("Record", bound=Model)


class ReportManifest(Model):
    """What a folder of reports holds.

    Attributes:
        folder_id: drawn when the folder is first written; it tells a later state of this folder from another one.
        reports: for each student's folder, the hash of each of its files; none where they must be graded again.
    """

    schema_version: Literal["1.0"] = "1.0"
    folder_id: Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]
    reports: dict[str, FileHashes]


def read_manifest(directory: Path) -> ReportManifest | None:
    """Return the manifest of a folder, ``None`` if it has none.

    Raises:
        UsageError: if there is a file of that name which is no manifest.
    """
    return read_record(directory / MANIFEST_JSON, ReportManifest, "a manifest of reports", "Grade again with --force.")


def read_record(path: Path, kind: type[Record], what: str, hint: str = "") -> Record | None:
    """Return what a file beside the reports records, ``None`` if there is no such file.

    Raises:
        UsageError: if the file holds something else.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else error.errors(include_url=False)[0]["msg"]
        raise UsageError(f"{path}: expected {what}, got: {why}. {hint}".rstrip()) from error


def hashes_of(folder: Path) -> FileHashes:
    """Return the hash of each file of a student's folder that is there."""
    return {name: sha256 for name in REPORT_FILES if (sha256 := sha256_of(folder / name))}


class Recorder:
    """Keeps the manifest of a folder while a run writes reports into it; the run has the folder's lock.

    What a run is about to write is taken out of the manifest before, and what it has written is put in afterwards. So
    a run that is killed leaves reports that no manifest vouches for, never a manifest that accuses a good report. A
    report that was changed keeps an empty entry until it has been graded again, however many runs are interrupted.

    Args:
        directory: the folder of the reports.
        is_forced: begin anew where the manifest cannot be read: everything is graded again.

    Raises:
        UsageError: if the manifest cannot be read.
    """

    def __init__(self, directory: Path, is_forced: bool = False) -> None:
        self._directory = directory
        try:
            found = read_manifest(directory)
        except UsageError:
            if not is_forced:
                raise
            found = None
        self._manifest = found or ReportManifest(folder_id=secrets.token_hex(ID_BYTES), reports={})

    def is_changed(self, student: str) -> bool:
        """Return whether a student's reports are others than the ones that a run wrote; of one not recorded, no."""
        folder = student_folder(student)
        recorded = self._manifest.reports.get(folder)
        if recorded is None:
            return False
        return not recorded or any(
            sha256_of(self._directory / folder / name) != sha256
            for name, sha256 in recorded.items()
            if name != PUBLIC_HTML  # it may be drawn again from the JSON at any time
        )

    def forget(self, students: Iterable[str]) -> None:
        """Take out who is graded now; raises NotWritten if that cannot be written."""
        is_changed = {student_folder(student): self.is_changed(student) for student in students}
        known = self._manifest.reports.items()
        reports = {folder: hashes for folder, hashes in known if folder not in is_changed}
        self._write(reports | {folder: {} for folder, changed in is_changed.items() if changed})

    def record(self, written: Iterable[str], kept: Iterable[str]) -> None:
        """Put in who was graded now, and those of who was kept that are not in it; raises as `forget` does."""
        known = self._manifest.reports
        folders = {student_folder(student) for student in written}
        folders |= {student_folder(student) for student in kept} - known.keys()
        found = {folder: hashes for folder in folders if (hashes := hashes_of(self._directory / folder))}
        self._write(dict(sorted((known | found).items())))

    def _write(self, reports: dict[str, FileHashes]) -> None:
        if reports != self._manifest.reports:
            self._manifest = self._manifest.model_copy(update={"reports": reports})
            write_json(self._directory / MANIFEST_JSON, self._manifest)


def sha256_of(path: Path) -> str | None:
    """Return the hash of a regular file, ``None`` if it cannot be read."""
    if not path.is_file():  # a pipe in its place would never end
        return None
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
