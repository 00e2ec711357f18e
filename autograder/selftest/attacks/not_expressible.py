"""What cannot be attacked here, because it is not there; each with the test that shows it."""

from autograder.selftest.attack import NotExpressible

NOT_EXPRESSIBLE = [
    NotExpressible(
        "B15",
        "expected values in messages",
        "the public report has no field for one",
        "hostile/test_reasons.py::test_a_public_report_has_no_field_for_an_expected_value",
    ),
    NotExpressible(
        "B16",
        "one bit of a hidden value per submission",
        "students get no report of the hidden checks but by staff",
        "hostile/test_reasons.py::test_what_students_run_knows_no_hidden_check",
    ),
    NotExpressible(
        "B17",
        "durations in the report",
        "the public report tells none",
        "hostile/test_reasons.py::test_a_public_report_tells_no_durations",
    ),
    NotExpressible(
        "C17",
        "forbidden functions by another name",
        "they are refused when PyTorch runs them, whatever they are called",
        "unit/test_rules_of_exercises.py::test_a_forbidden_call_is_seen_wherever_it_comes_from",
    ),
    NotExpressible(
        "E07",
        "weights, arrays and archives that run code",
        "no file of a submission but the notebook is read, and nothing is unpickled",
        "hostile/test_reasons.py::test_nothing_is_unpickled",
    ),
    NotExpressible(
        "E09",
        "pickles sent to a server of the grader",
        "there is none: a socket pair, and a closed format on it",
        "hostile/test_reasons.py::test_nothing_listens",
    ),
    NotExpressible(
        "F08",
        "a GPU that hangs or is full",
        "no points depend on one, and CUDA runs in a process of its own",
        "hostile/test_reasons.py::test_no_points_depend_on_a_gpu",
    ),
    NotExpressible(
        "F11",
        "speed that is faked",
        "no points are given for speed",
        "hostile/test_reasons.py::test_no_check_measures_time",
    ),
    NotExpressible(
        "F12",
        "archives that expand",
        "nothing is unpacked",
        "hostile/test_reasons.py::test_archives_are_not_unpacked",
    ),
    NotExpressible(
        "H01",
        "paths in archives",
        "nothing is unpacked",
        "hostile/test_reasons.py::test_archives_are_not_unpacked",
    ),
    NotExpressible(
        "H02",
        "links and devices in archives",
        "nothing is unpacked",
        "hostile/test_reasons.py::test_archives_are_not_unpacked",
    ),
    NotExpressible(
        "I04",
        "formulas in tables of grades",
        "no table for a spreadsheet is written",
        "hostile/test_reasons.py::test_no_spreadsheet_is_written",
    ),
    NotExpressible(
        "I06",
        "pictures that expand",
        "no picture of a submission is shown",
        "hostile/test_reasons.py::test_no_picture_of_a_submission_is_shown",
    ),
    NotExpressible(
        "I09",
        "paths as names, guessed addresses",
        "folders of reports have names of letters, digits and a hash; nothing is served",
        "hostile/test_reasons.py::test_a_name_is_no_path",
    ),
    NotExpressible(
        "I10",
        "formgrader in a frame",
        "pages are files; formgrader is nbgrader's",
        "hostile/test_reasons.py::test_nothing_listens",
    ),
    NotExpressible(
        "J02",
        "a queue that is flooded",
        "there is no queue: staff start a run over what was collected",
        "hostile/test_reasons.py::test_nothing_listens",
    ),
    NotExpressible(
        "J03",
        "files that change while they are graded",
        "a file is read once, and what was read is what is graded and hashed",
        "hostile/test_reasons.py::test_a_submission_is_read_once",
    ),
    NotExpressible(
        "J04",
        "a machine that stops in the middle",
        "no submission, but a fault; a rerun loses and doubles nothing",
        "hostile/test_faults.py::",
    ),
    NotExpressible(
        "J05",
        "clocks, devices and variants of an exam",
        "there is no exam server",
        "hostile/test_reasons.py::test_there_is_no_exam",
    ),
    NotExpressible(
        "J06",
        "a question bank that leaks",
        "there is no exam; a release is scanned for leaks",
        "hostile/test_reasons.py::test_there_is_no_exam",
    ),
    NotExpressible(
        "J07",
        "extra time",
        "there is no exam; deadlines are the course's",
        "hostile/test_reasons.py::test_there_is_no_exam",
    ),
    NotExpressible(
        "J08",
        "similarity that is hidden",
        "similarity is not judged",
        "hostile/test_reasons.py::test_there_is_no_exam",
    ),
]
