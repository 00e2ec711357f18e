"""The folder of a student: any student id as one safe path component, distinct ids in distinct folders."""

from __future__ import annotations

import hashlib
import unicodedata

from autograder.reports.text import is_word_part

MAX_BYTES = 120  # of 255 that file systems allow, so that a suffix always fits
PUNCTUATION = frozenset(" ._-@+,()'")
RESERVED = frozenset(
    {"index", "manifest", "signature", "report"}  # files beside the students' folders
    | {"con", "prn", "aux", "nul", *(f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³")}
)


def student_folder(name: str) -> str:
    """Return the folder for a student id.

    An id that is safe as it is keeps its name. Any other gets what is safe of it and 64 bits of its SHA-256, so that
    two ids share a folder only if they are equal.

    Args:
        name: the student id, any text.

    Returns:
        A path component in Unicode's composed form (NFC): never empty, no separator, no leading dot or dash, no
        control or invisible character, no name that an operating system or the class page keeps for itself.

    Example:
        >>> student_folder("anna.müller"), student_folder("../../etc")
        ('anna.müller', 'etc~74ccf3c5b4c19a81')
    """
    if _is_safe(name):
        return name
    composed = unicodedata.normalize("NFC", name[: 4 * MAX_BYTES])
    kept = "".join(c if is_word_part(c) or c in PUNCTUATION else "_" for c in composed).strip(" ._-")
    if _stem(kept) in RESERVED:
        kept = f"_{kept}"
    kept = unicodedata.normalize("NFC", kept.encode("utf-8")[:MAX_BYTES].decode("utf-8", errors="ignore"))
    digest = hashlib.sha256(name.encode("utf-8", errors="surrogatepass")).hexdigest()[:16]
    return f"{kept or 'student'}~{digest}"


def _is_safe(name: str) -> bool:
    return (
        name != ""
        and all(is_word_part(c) or c in PUNCTUATION for c in name)
        and len(name.encode("utf-8")) <= MAX_BYTES
        and unicodedata.is_normalized("NFC", name)
        and (name[0].isalnum() or name[0] in "_@+,()'")
        and name[-1] not in ". "
        and _stem(name) not in RESERVED
    )


def _stem(name: str) -> str:
    return name.split(".")[0].rstrip(" ").casefold()
