"""A signature over the manifests of a folder of reports, with a key that staff keep elsewhere.

HMAC-SHA256: who signs and who verifies have the same key. ``signature.json`` holds a copy of every manifest as it was
when it was signed, so that each report which has changed since can be named. Beside the key, ``<key>.log`` remembers
the last signature of each folder: a whole folder that is put back to an earlier, well signed state is found by it.

Covered: a report edited, exchanged, replayed, added or removed by whoever can write to the folder, manifest included.
Not covered: whoever has the key.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import hmac
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autograder.errors import UsageError
from autograder.reports.integrity import ReportManifest, Sha256, read_record
from autograder.reports.models import Model
from autograder.reports.store import write_json

SIGNATURE_JSON = "signature.json"
LOG_SUFFIX = ".log"
KEY_BYTES = 32
MAX_KEY_FILE_BYTES = 4096
PURPOSE = b"autograder reports 1\n"  # the same key never signs anything else with the same bytes


class Signed(Model):
    """What is signed.

    Attributes:
        signed_at: ISO 8601, UTC.
        manifests: by the folder of their class below the signed one, ``.`` for that itself.
    """

    schema_version: Literal["1.0"] = "1.0"
    algorithm: Literal["HMAC-SHA256"] = "HMAC-SHA256"
    signed_at: str
    manifests: dict[str, ReportManifest]


class Signature(Model):
    """``signature.json``."""

    signed: Signed
    hmac: Sha256


class LogEntry(Model):
    """One line of the log beside a key: the signature of one folder."""

    folder_id: str
    signed_at: str
    hmac: Sha256


@dataclass(frozen=True)
class Key:
    """A key and the file it was read from."""

    secret: bytes
    path: Path

    @property
    def log(self) -> Path:
        """The signatures made with this key."""
        return self.path.with_name(self.path.name + LOG_SUFFIX)


def new_key(path: Path) -> None:
    """Write a new key, for its owner's eyes only.

    Raises:
        UsageError: if the file exists, or cannot be written.
    """
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(KEY_BYTES) + "\n")
    except OSError as error:
        raise UsageError(f"--new-key: expected a new file, got {str(path)!r}: {error.strerror}.") from error


def read_key(path: Path) -> Key:
    """Read a key.

    Raises:
        UsageError: if the file cannot be read, is no key, or can be read by others than its owner.
    """
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            content = stream.read(MAX_KEY_FILE_BYTES)
    except OSError as error:
        raise UsageError(f"--key: expected a key file, got {str(path)!r}: {error.strerror}.") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"--key: expected a file that only its owner can read, got mode {stat.S_IMODE(mode):o}. "
            f"Use chmod 600, or a new key if others may have read it."
        )
    try:
        secret = bytes.fromhex(content.decode("ascii"))
    except ValueError:
        secret = b""
    if len(secret) < KEY_BYTES:
        raise UsageError(
            f"--key: expected at least {2 * KEY_BYTES} hexadecimal digits in {str(path)!r}, got something else. "
            f"autograder sign --new-key makes a key."
        )
    return Key(secret, path)


def sign(directory: Path, manifests: dict[str, ReportManifest], key: Key) -> Path:
    """Write the signature of a folder's manifests, and a line about each into the log beside the key.

    Raises:
        UsageError: if the log cannot be written.
        NotWritten: if the signature cannot be written.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
    signed = Signed(signed_at=now, manifests=manifests)
    signature = Signature(signed=signed, hmac=_hmac(signed, key))
    entries = [
        LogEntry(folder_id=manifest.folder_id, signed_at=now, hmac=signature.hmac) for manifest in manifests.values()
    ]
    path = directory / SIGNATURE_JSON
    before = _content_of(path)
    write_json(path, signature)  # first, for a log that names a signature which is not there accuses the reports
    try:
        with open(os.open(key.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as log:
            log.write("".join(f"{entry.model_dump_json()}\n" for entry in entries))
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink() if before is None else path.write_bytes(before)
        raise UsageError(
            f"{key.log}: expected a log that can be written beside the key, got: {error.strerror}."
        ) from error
    return path


def _content_of(path: Path) -> bytes | None:
    """Return what a file holds, ``None`` if there is none."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def read_signature(directory: Path) -> Signature | None:
    """Return the signature of a folder, ``None`` if it has none.

    Raises:
        UsageError: if there is a file of that name which is no signature.
    """
    return read_record(directory / SIGNATURE_JSON, Signature, "a signature")


def is_made_with(signature: Signature, key: Key) -> bool:
    """Return whether a signature was made with this key over what it holds."""
    return hmac.compare_digest(signature.hmac, _hmac(signature.signed, key))


def later_signature(signature: Signature, key: Key) -> str | None:
    """Return when one of the signature's folders was signed again since, by the log beside the key; else ``None``.

    Raises:
        UsageError: if the log is not there or cannot be read: then nobody knows.
    """
    last: dict[str, LogEntry] = {}
    try:
        for line in key.log.read_text(encoding="utf-8").splitlines():
            entry = LogEntry.model_validate_json(line)
            last[entry.folder_id] = entry
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "a line that is no entry"
        raise UsageError(f"{key.log}: expected the log of the signatures beside the key, got: {why}.") from error
    for manifest in signature.signed.manifests.values():
        if manifest.folder_id not in last:
            raise UsageError(
                f"{key.log}: expected the signature of {signature.signed.signed_at}, got none of this folder."
            )
        entry = last[manifest.folder_id]
        if entry.hmac != signature.hmac:
            return entry.signed_at
    return None


def _hmac(signed: Signed, key: Key) -> str:
    return hmac.new(key.secret, PURPOSE + signed.model_dump_json().encode("utf-8"), hashlib.sha256).hexdigest()
