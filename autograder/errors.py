"""Whose fault it was, as a tree of exceptions.

::

    AutograderError
    ├── UsageError            the command line, course.toml or a file is not usable     (exit 2)
    ├── StudentError          the student's code did not answer a call                  (costs that check)
    │   ├── StudentRaised       it raised an exception
    │   ├── StudentTimedOut     it ran past its wall-clock limit
    │   ├── StudentCrashed      its process ended
    │   ├── StudentOutOfMemory  it asked for more memory than allowed
    │   ├── StudentBlocked      it did something the sandbox does not allow
    │   └── ProtocolViolation   its process sent something that is not an answer
    ├── CheckFailed           an ``expect_*`` of a hidden check did not hold             (costs that check)
    └── HarnessError          our fault: the check is not graded                         (exit 1)
        ├── NurseryGone         the process that forks the workers has ended
        ├── NotWritten          a report cannot be written: the disk is full, the folder is not ours
        └── SandboxUnavailable  the worker cannot be confined as required                (exit 2)

A student's fault costs points and is explained to the student; a fault of ours costs no points and is explained to
the staff. The two never share a branch of this tree.
"""

from __future__ import annotations


class AutograderError(Exception):
    """Base of every exception that this package raises on purpose."""


class UsageError(AutograderError):
    """An argument, a file or a setting is not usable; the message is one sentence for the person who typed it."""


class HarnessError(AutograderError):
    """A fault of the grader, of a hidden check, or of the machine: never the student's."""


class NurseryGone(HarnessError):
    """The process that forks the workers has ended."""


class NotWritten(HarnessError):
    """A report cannot be written; what is there already is kept.

    Attributes:
        is_of_the_disk: whether no other report can be written either.
    """

    def __init__(self, message: str, *, is_of_the_disk: bool = False) -> None:
        self.is_of_the_disk = is_of_the_disk
        super().__init__(message)


class SandboxUnavailable(HarnessError):
    """A required layer of confinement cannot be set up on this machine; the message says what to install."""


class StudentError(AutograderError):
    """The student's code did not give an answer that can be compared."""

    outcome = "failed"


class StudentRaised(StudentError):
    """The student's code raised an exception.

    Attributes:
        names: the class name of the exception and of its bases, most derived first.
        text: the exception's message, capped.
        where: a human-readable place ("line 3 of cell box_iou"), or an empty string.
        is_undefined: whether what was called does not exist.
    """

    def __init__(self, call: str, names: tuple[str, ...], text: str, where: str = "") -> None:
        self.names = names
        self.text = text
        self.where = where
        self.is_undefined = names[:1] == ("NameError",) and text.startswith(f"{call} is not defined")
        name = names[0] if names else "Exception"
        if name == "NotImplementedError":
            message = f"{call}: not implemented yet"
        elif self.is_undefined:
            message = text
        else:
            message = f"{call}: raised {name}" + (f": {text}" if text else "")
        super().__init__(message + (f" ({where})" if where else ""))


class StudentTimedOut(StudentError):
    """The student's code ran past a wall-clock limit."""

    outcome = "timed_out"


class StudentCrashed(StudentError):
    """The process that ran the student's code ended before it answered."""

    outcome = "crashed"


class StudentOutOfMemory(StudentError):
    """The student's code asked for more memory than the limit."""

    outcome = "out_of_memory"


class StudentBlocked(StudentError):
    """The student's code tried something that the sandbox does not allow."""

    outcome = "blocked"


class ProtocolViolation(StudentError):
    """The worker sent bytes that are not a well-formed answer."""

    outcome = "crashed"


class CheckFailed(AutograderError):
    """An expectation of a hidden check did not hold.

    Attributes:
        comparison: numbers about the mismatch that may be shown to the student, or ``None``.
        staff: what was expected and what came, for the staff report only.
        is_absent: whether there is nothing yet that a hint could help with.
    """

    def __init__(
        self, message: str, *, comparison: object | None = None, staff: str = "", is_absent: bool = False
    ) -> None:
        super().__init__(message)
        self.comparison = comparison
        self.staff = staff
        self.is_absent = is_absent
