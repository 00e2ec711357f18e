"""An auto-grader for PyTorch courses: student code in confined workers, hidden checks outside."""

__version__ = "0.1.0"
