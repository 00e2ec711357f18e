"""The attack suite: hostile submissions, graded on the machine at hand beside honest ones."""
