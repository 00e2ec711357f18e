"""What comes out of grading: the report as data, and the JSON, HTML and SVG that are functions of it."""
