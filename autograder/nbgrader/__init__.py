"""nbgrader with this engine inside: it keeps the course, the exchange and the gradebook, and runs no student code."""
