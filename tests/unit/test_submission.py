"""Submissions are found on disk and cut by the release's grade ids; nothing of the student's is believed."""

from __future__ import annotations

import datetime
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.errors import UsageError
from autograder.submissions import submission as submissions
from autograder.submissions.notebook import Manifest
from autograder.submissions.submission import Located, Submission, locate, locate_all, read
from tests.unit.toy import DOUBLE, HALVE, SQUARED, TOPIC, Notebook, cell, cell_of, hand_in, make_course, notebook, save


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return Manifest.read(make_course(tmp_path_factory.mktemp("course")).release)


Reader = Callable[[Notebook | bytes | str], Submission]


@pytest.fixture
def read_in(tmp_path: Path, manifest: Manifest) -> Reader:
    """Return a function that reads one notebook as a submission."""

    def read_one(content: Notebook | bytes | str) -> Submission:
        return read(Located("ada", save(tmp_path / "ada.ipynb", content)), TOPIC, manifest)

    return read_one


def sources(submission: Submission) -> list[str]:
    return [item.source for item in submission.cells]


def kinds(submission: Submission) -> list[str]:
    return [oddity.kind for oddity in submission.oddities]


# ---------------------------------------------------------------------------------------------- where they lie


def students(found: list[Located]) -> list[str]:
    return [item.student for item in found]


def test_a_file_is_a_submission_of_its_stem(tmp_path: Path) -> None:
    notebook_file, script = save(tmp_path / "Zoë Ångström.ipynb", notebook()), save(tmp_path / "李雷.py", DOUBLE)
    assert locate(TOPIC, [notebook_file, script]) == [Located("Zoë Ångström", notebook_file), Located("李雷", script)]


def test_a_folder_of_files_is_a_class(tmp_path: Path) -> None:
    for name in ("b.py", "a.ipynb", "notes.txt", "README"):
        save(tmp_path / name, "x")
    assert students(locate(TOPIC, [tmp_path])) == ["a", "b"]


def test_what_is_not_read_has_a_student_all_the_same(tmp_path: Path, manifest: Manifest) -> None:
    """Somebody who hands in an archive or a link gets a report that says so; beside a file it changes nothing."""
    for name in ("a.ipynb", "a.zip", "c.zip", "d.tar.gz"):
        save(tmp_path / name, notebook())
    (tmp_path / "e.ipynb").symlink_to(tmp_path / "a.ipynb")
    (tmp_path / "f.py").symlink_to("nowhere")
    os.link(save(tmp_path / "elsewhere" / "solution.ipynb", notebook()), tmp_path / "g.ipynb")
    os.mkfifo(tmp_path / "h.py")
    found = locate(TOPIC, [tmp_path])
    assert students(found) == ["a", *"cdefgh"]
    assert [located.path for located in found] == [tmp_path / "a.ipynb", *[None] * 6]
    for located in found[1:]:
        why = "expected a .ipynb or .py file, got a link, an archive or another thing that is not read"
        assert read(located, TOPIC, manifest).unreadable == why


@pytest.mark.parametrize("linked", ["eve", "eve/toy"])
def test_a_linked_folder_is_not_followed(tmp_path: Path, linked: str) -> None:
    folder = hand_in(tmp_path, "ada", notebook())
    place = tmp_path / "submitted" / linked
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(folder.parent if linked == "eve" else folder)
    save(tmp_path / "submitted" / "fay" / "toy", "a file in place of a folder")
    found = locate(TOPIC, [tmp_path / "submitted"])
    assert found == [Located("ada", folder / "toy.ipynb", folder), Located("eve", None), Located("fay", None)]


def test_a_folder_of_student_folders_is_a_class(tmp_path: Path) -> None:
    for student in ("bob", "ada"):
        hand_in(tmp_path, student, notebook())
    hand_in(tmp_path, "empty", None)
    (tmp_path / "submitted" / "absent" / "another_topic").mkdir(parents=True)
    save(tmp_path / "submitted" / "notes.txt", "no submission")
    found = locate(TOPIC, [tmp_path / "submitted"])
    assert students(found) == ["ada", "bob", "empty"]
    assert found[0].path == tmp_path / "submitted" / "ada" / TOPIC / "toy.ipynb"
    assert found[2].path is None


@pytest.mark.parametrize("name", ["stray.ipynb", "stray.py", "stray.zip", "stray.tar.gz"])
def test_a_file_beside_the_folders_of_students_is_not_lost(tmp_path: Path, name: str) -> None:
    """It may be somebody's only submission, and the name of a file does not say whose."""
    hand_in(tmp_path, "ada", notebook())
    save(tmp_path / "submitted" / name, notebook())
    for look in (lambda: locate(TOPIC, [tmp_path / "submitted"]), lambda: locate_all([TOPIC], tmp_path / "submitted")):
        with pytest.raises(
            UsageError, match=rf"^submission: expected only folders .*, got '{re.escape(name)}'.* beside"
        ):
            look()
    for number in range(30):
        save(tmp_path / "submitted" / f"{number:02}.ipynb", notebook())
    with pytest.raises(UsageError, match=r"got '00.ipynb', .*'19.ipynb' and more beside them. Move each where"):
        locate(TOPIC, [tmp_path / "submitted"])


def test_a_single_student_folder_is_one_submission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = hand_in(tmp_path, "ada", notebook())
    assert locate(TOPIC, [folder]) == [Located("ada", folder / "toy.ipynb", folder)]
    monkeypatch.chdir(folder)
    (here,) = locate(TOPIC, [Path()])
    assert (here.student, here.folder) == ("ada", Path())


def test_a_renamed_file_counts_where_the_folder_is_nbgraders(tmp_path: Path, manifest: Manifest) -> None:
    folder = hand_in(tmp_path, "ada", notebook(), "homework.ipynb")
    save(folder / "timestamp.txt", "2024-11-21 10:00:00 UTC")
    (found,) = locate(TOPIC, [folder])
    assert found.student == "ada"
    submission = read(found, TOPIC, manifest)
    assert kinds(submission) == ["renamed-file"]
    assert submission.oddities[0].detail == "expected toy.ipynb or toy.py, took homework.ipynb"


def test_a_folder_of_all_students_may_have_the_topics_name(tmp_path: Path) -> None:
    for student in ("ada", "bob"):
        save(tmp_path / TOPIC / f"{student}.ipynb", notebook())
    assert students(locate(TOPIC, [tmp_path / TOPIC])) == ["ada", "bob"]


def test_the_file_of_the_topics_name_is_preferred(tmp_path: Path) -> None:
    folder = hand_in(tmp_path, "ada", notebook())
    for name in ("aaa.ipynb", "helper.py"):
        save(folder / name, "x")
    assert locate(TOPIC, [tmp_path / "submitted"])[0].path == folder / "toy.ipynb"
    (folder / "toy.ipynb").unlink()
    assert locate(TOPIC, [tmp_path / "submitted"])[0].path == folder / "aaa.ipynb"
    (folder / "aaa.ipynb").unlink()
    assert locate(TOPIC, [tmp_path / "submitted"])[0].path == folder / "helper.py"


def test_a_link_is_no_submission(tmp_path: Path) -> None:
    secret = save(tmp_path / "solution.ipynb", notebook())
    folder = hand_in(tmp_path, "eve", None)
    (folder / "toy.ipynb").symlink_to(secret)
    assert locate(TOPIC, [tmp_path / "submitted"]) == [Located("eve", None, folder)]


def test_what_is_not_usable_is_named(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "empty").mkdir()
    for path, why in (
        (tmp_path / "missing", "which does not exist"),
        (tmp_path / "empty", r"got none in .*empty"),
        (save(tmp_path / "a.txt", "x"), r"expected a \.ipynb or \.py file"),
        (save(tmp_path / "a.zip", "x"), r"a\.zip'\. Archives are not unpacked\."),
        (pipe, "Not a directory"),
    ):
        with pytest.raises(UsageError, match=why) as caught:
            locate(TOPIC, [path])
        assert str(path) in str(caught.value)


def test_two_submissions_of_a_student_are_refused(tmp_path: Path) -> None:
    paths = [save(tmp_path / name, "x") for name in ("ada.py", "ada.ipynb", "bob.py")]
    with pytest.raises(UsageError, match="expected one per student, got several of 'ada'"):
        locate(TOPIC, paths)


def test_ids_that_look_the_same_are_the_same(tmp_path: Path) -> None:
    """An invisible character must not give somebody the report of somebody else."""
    paths = [save(tmp_path / name, "x") for name in ("ada.py", "ad\u200ba.py")]
    with pytest.raises(UsageError, match="several of 'ada'"):
        locate(TOPIC, paths)
    with pytest.raises(UsageError, match="several of '\ufffd'"):
        locate(TOPIC, [save(tmp_path / os.fsdecode(name), "x") for name in (b"\xff.py", b"\xfe.py")])


def test_an_id_is_one_line_of_text(tmp_path: Path) -> None:
    (found,) = locate(TOPIC, [save(tmp_path / "ada\nbob: 5\x1b[2J.py", "x")])
    assert found.student == "ada bob: 5"


# ---------------------------------------------------------------------------------------------- notebooks


def test_setup_comes_first_and_test_cells_never_run(read_in: Reader) -> None:
    submission = read_in(notebook())
    assert sources(submission) == ["import math", DOUBLE, HALVE]
    assert [item.label for item in submission.cells] == ["cell setup", "cell double", "cell halve"]
    assert [item.exercise for item in submission.cells] == ["", "double", "halve"]
    assert submission.module_name == "__main__"
    assert submission.oddities == ()


def test_flags_of_the_student_are_ignored(read_in: Reader) -> None:
    def change(whole: Notebook) -> None:
        for grade_id in ("setup", "double", "test_double", "halve", "plot_toy"):
            nbgrader = cell_of(whole, grade_id)["metadata"]["nbgrader"]
            nbgrader |= {"solution": not nbgrader["solution"], "grade": True, "locked": False, "points": 100}
            nbgrader |= {"task": True, "schema_version": 99, "checksum": "0"}

    submission = read_in(notebook(change=change))
    assert sources(submission) == ["import math", DOUBLE, HALVE]
    assert kinds(submission) == ["changed-metadata"]
    names = "setup, double, test_double, halve, plot_toy"
    assert submission.oddities[0].detail == f"nbgrader's metadata was changed in {names}; the release's counts"


@pytest.mark.parametrize("points", [100, "3", None, float("nan")])
def test_only_changed_points_are_odd(read_in: Reader, points: object) -> None:
    def change(whole: Notebook) -> None:
        cell_of(whole, "test_double")["metadata"]["nbgrader"]["points"] = points

    assert kinds(read_in(notebook(change=change))) == ([] if points is None else ["changed-metadata"])


def test_of_a_copied_cell_the_last_one_counts(read_in: Reader) -> None:
    submission = read_in(
        notebook(SQUARED, change=lambda whole: whole["cells"].append(cell(DOUBLE, "double", solution=True)))
    )
    assert sources(submission) == ["import math", SQUARED, HALVE, DOUBLE]
    assert submission.cells[-1].label == "cell double (copy 2)"
    assert submission.cells[-1].exercise == "double"
    assert kinds(submission) == ["duplicated-cell"]
    assert submission.oddities[0].detail == "cell double is there 2 times; the last one counts"


def test_a_deleted_cell_is_named(read_in: Reader) -> None:
    submission = read_in(notebook(change=lambda whole: whole["cells"].remove(cell_of(whole, "double"))))
    assert sources(submission) == ["import math", HALVE]
    assert [(oddity.kind, oddity.detail) for oddity in submission.oddities] == [
        ("deleted-cell", "cell double is not in the notebook")
    ]


@pytest.mark.parametrize("source", ["", "  \n\t\n"])
def test_an_emptied_cell_is_named(read_in: Reader, source: str) -> None:
    submission = read_in(notebook(double=source))
    assert sources(submission) == ["import math", HALVE]
    assert [(oddity.kind, oddity.detail) for oddity in submission.oddities] == [("empty-cell", "cell double is empty")]


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_a_cell_that_is_no_longer_code_is_named(read_in: Reader, kind: str) -> None:
    def change(whole: Notebook) -> None:
        cell_of(whole, "double")["cell_type"] = kind

    submission = read_in(notebook(change=change))
    assert sources(submission) == ["import math", HALVE]
    assert [(oddity.kind, oddity.detail) for oddity in submission.oddities] == [
        ("deleted-cell", f"cell double holds no code (it is a {kind} cell)")
    ]


def test_reordered_cells_run_in_their_order(read_in: Reader) -> None:
    submission = read_in(notebook(change=lambda whole: whole["cells"].reverse()))
    assert sources(submission) == ["import math", HALVE, DOUBLE]
    assert [(oddity.kind, oddity.detail) for oddity in submission.oddities] == [
        ("reordered-cells", "the cells came in the order halve, double")
    ]


def test_extra_cells_run_where_they_stand(read_in: Reader) -> None:
    def change(whole: Notebook) -> None:
        whole["cells"].insert(0, cell("FACTOR = 2"))
        whole["cells"].append(cell("del FACTOR", "mine", solution=True))
        whole["cells"].append(cell("not code", kind="markdown"))

    submission = read_in(notebook(change=change))
    assert sources(submission) == ["import math", "FACTOR = 2", DOUBLE, HALVE, "del FACTOR"]
    assert [submission.cells[1].label, submission.cells[1].exercise] == ["cell number 1", ""]
    assert submission.oddities == ()


def test_a_changed_setup_cell_runs_after_the_releases(read_in: Reader) -> None:
    def change(whole: Notebook) -> None:
        cell_of(whole, "setup")["source"] = "import math\nHALF = 0.5"

    submission = read_in(notebook(change=change))
    assert sources(submission) == ["import math", "import math\nHALF = 0.5", DOUBLE, HALVE]
    assert submission.cells[1].label == "cell setup (changed)"
    assert kinds(submission) == ["changed-cell"]


def test_changed_test_and_figure_cells_are_left_out(read_in: Reader) -> None:
    def change(whole: Notebook) -> None:
        cell_of(whole, "test_double")["source"] = "double = None"
        cell_of(whole, "plot_toy")["source"] = "halve = None"

    assert sources(read_in(notebook(change=change))) == ["import math", DOUBLE, HALVE]


def test_a_notebook_with_too_much_source_cannot_be_read(read_in: Reader) -> None:
    submission = read_in(notebook(double="#" * (submissions.MAX_SOURCE_BYTES + 1)))
    assert submission.unreadable == "expected at most 2 MiB of source, got more"
    assert submission.cells == ()


def test_a_notebook_with_too_many_cells_cannot_be_read(read_in: Reader) -> None:
    """Each failing cell is an incident: a report must not grow with their number."""
    submission = read_in(notebook(change=lambda whole: whole["cells"].extend([cell("x")] * submissions.MAX_CELLS)))
    assert submission.unreadable == "expected at most 2000 cells, got 2007"


def test_what_is_wrong_is_said_and_not_raised(tmp_path: Path, read_in: Reader, manifest: Manifest) -> None:
    assert read_in(b"{").unreadable.startswith("expected JSON")
    assert read(Located("ada", tmp_path / "gone.ipynb"), TOPIC, manifest).unreadable == (
        "expected a file that can be read, got: No such file or directory"
    )
    empty = read(Located("eve", None, hand_in(tmp_path, "eve", "notes", "notes.txt")), TOPIC, manifest)
    assert empty.unreadable == "expected toy.ipynb or toy.py in the folder, got neither"
    assert empty.cells == ()


# ---------------------------------------------------------------------------------------------- scripts


def read_script(tmp_path: Path, manifest: Manifest, content: bytes) -> Submission:
    return read(Located("ada", save(tmp_path / "ada.py", content)), TOPIC, manifest)


def test_a_script_is_one_cell_and_not_the_main_program(tmp_path: Path, manifest: Manifest) -> None:
    submission = read_script(tmp_path, manifest, b"\xef\xbb\xbf" + DOUBLE.encode())
    assert [(item.label, item.source, item.exercise) for item in submission.cells] == [("ada.py", DOUBLE, "*")]
    assert submission.module_name == "submission"


def test_a_script_must_be_utf_8_and_small(tmp_path: Path, manifest: Manifest) -> None:
    latin = read_script(tmp_path, manifest, b"# -*- coding: latin-1 -*-\nname = '\xe9'\n")
    assert latin.unreadable.startswith("expected UTF-8 text, got: 'utf-8' codec can't decode byte 0xe9")
    large = read_script(tmp_path, manifest, b"#" * (3 << 20))
    assert large.unreadable == "expected at most 2 MiB, got 3 MiB"
    assert len({latin.sha256, large.sha256, read_script(tmp_path, manifest, b"").sha256}) == 3


# ---------------------------------------------------------------------------------------------- files beside


def test_files_beside_a_submission_come_along(tmp_path: Path, manifest: Manifest) -> None:
    folder = hand_in(tmp_path, "ada", notebook())
    for name in ("helper.py", "data/numbers.txt", "timestamp.txt", "submission_secret.txt", ".hidden",
                 ".ipynb_checkpoints/toy.ipynb", "feedback/toy.html"):  # fmt: skip
        save(folder / name, name)
    submission = read(locate(TOPIC, [tmp_path / "submitted"])[0], TOPIC, manifest)
    assert submission.files == {"helper.py": b"helper.py", "data/numbers.txt": b"data/numbers.txt"}


def test_files_beside_a_single_file_are_of_other_students(tmp_path: Path, manifest: Manifest) -> None:
    path = save(tmp_path / "ada.ipynb", notebook())
    save(tmp_path / "bob.ipynb", notebook())
    assert read(Located("ada", path), TOPIC, manifest).files == {}


def test_links_and_pipes_are_skipped(tmp_path: Path, manifest: Manifest) -> None:
    secret = save(tmp_path / "secret" / "grade_toy.py", "the checks")
    folder = hand_in(tmp_path, "eve", notebook())
    (folder / "linked.py").symlink_to(secret)
    (folder / "linked").symlink_to(secret.parent)
    os.link(secret, folder / "another_name.py")
    os.mkfifo(folder / "pipe")
    submission = read(Located("eve", folder / "toy.ipynb", folder), TOPIC, manifest)
    assert submission.files == {}
    assert [(oddity.kind, oddity.detail) for oddity in submission.oddities] == [
        ("skipped-file", "another_name.py is not a regular file"),
        ("skipped-file", "linked is not a regular file"),
        ("skipped-file", "linked.py is not a regular file"),
        ("skipped-file", "pipe is not a regular file"),
    ]


def test_what_is_skipped_is_named_up_to_a_number(tmp_path: Path, manifest: Manifest) -> None:
    folder = hand_in(tmp_path, "eve", notebook())
    for number in range(submissions.MAX_SKIPPED + 30):
        (folder / f"{number:03}").symlink_to("nowhere")
    save(folder / "z.txt", "after these")
    submission = read(Located("eve", folder / "toy.ipynb", folder), TOPIC, manifest)
    assert len(submission.oddities) == submissions.MAX_SKIPPED + 1
    assert submission.oddities[-1].detail == "020 and what follows: more than 20 that cannot be taken along"


def test_folders_in_folders_are_looked_into_up_to_a_depth(tmp_path: Path, manifest: Manifest) -> None:
    """1500 of them, one in another, end neither this nor the worker that would have to make them again."""
    folder = hand_in(tmp_path, "eve", notebook())
    save(folder / "/".join(["d"] * submissions.MAX_EXTRA_DEPTH) / "kept.txt", "x")
    here, opened = os.open(folder, os.O_RDONLY), []
    for number in range(1_500):
        name = "e" if number else "deep"
        os.mkdir(name, dir_fd=here)
        opened.append(here)
        here = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(opened.pop())
    os.close(here)
    submission = read(Located("eve", folder / "toy.ipynb", folder), TOPIC, manifest)
    subprocess.run(["rm", "-rf", folder / "deep"], check=True)  # what cleans up after the tests cannot do it
    assert list(submission.files) == ["/".join(["d"] * submissions.MAX_EXTRA_DEPTH) + "/kept.txt"]
    (oddity,) = submission.oddities
    assert oddity.detail.endswith("/e is a folder too deep, or one too many")


def test_empty_folders_are_looked_into_up_to_a_number(
    tmp_path: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submissions, "MAX_EXTRA_ENTRIES", 50)
    folder = hand_in(tmp_path, "eve", notebook())
    for number in range(100):
        (folder / f"{number:03}").mkdir()
    submission = read(Located("eve", folder / "toy.ipynb", folder), TOPIC, manifest)
    assert len(submission.oddities) == submissions.MAX_SKIPPED + 1
    assert submission.oddities[0].detail == "000 is a folder too deep, or one too many"


def test_a_file_that_cannot_be_opened_is_skipped(
    tmp_path: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = hand_in(tmp_path, "ada", notebook())
    locked = save(folder / "locked.txt", "x")
    real = Path.open

    def refuse(self: Path, *args: object, **kwargs: object) -> object:
        if self == locked:
            raise PermissionError(13, "Permission denied")
        return real(self, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    submission = read(Located("ada", folder / "toy.ipynb", folder), TOPIC, manifest)
    assert [oddity.detail for oddity in submission.oddities] == ["locked.txt cannot be read: Permission denied"]


@pytest.mark.parametrize(("count", "size"), [(201, 1), (2, 9 << 20)], ids=["many", "large"])
def test_files_beside_are_capped(tmp_path: Path, manifest: Manifest, count: int, size: int) -> None:
    folder = hand_in(tmp_path, "ada", notebook())
    for number in range(count):
        with save(folder / f"{number:03}.bin", "x").open("r+b") as file:
            file.truncate(size)
    submission = read(Located("ada", folder / "toy.ipynb", folder), TOPIC, manifest)
    assert len(submission.files) == count - 1
    (oddity,) = submission.oddities
    assert oddity.kind == "skipped-file"
    assert oddity.detail == f"{count - 1:03}.bin and what follows: more than 200 files or 16 MiB"


def test_the_hash_is_of_the_content(tmp_path: Path, manifest: Manifest) -> None:
    def sha256(student: str, helper: str = "", name: str = "helper.py", double: str = DOUBLE) -> str:
        folder = hand_in(tmp_path, student, notebook(double))
        if helper:
            save(folder / name, helper)
        return read(Located(student, folder / "toy.ipynb", folder), TOPIC, manifest).sha256

    assert sha256("ada", "x = 1") == sha256("bob", "x = 1")
    different = [sha256("a"), sha256("b", "x = 1"), sha256("c", "x = 2"), sha256("d", "x = 1", "other.py"),
                 sha256("e", double=SQUARED)]  # fmt: skip
    assert len(set(different)) == len(different)


# ---------------------------------------------------------------------------------------------- time stamps


def stamped(tmp_path: Path, manifest: Manifest, text: str) -> Submission:
    folder = hand_in(tmp_path, "ada", notebook())
    save(folder / "timestamp.txt", text)
    return read(Located("ada", folder / "toy.ipynb", folder), TOPIC, manifest)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-11-21 10:00:00.000000 UTC", datetime.datetime(2024, 11, 21, 10, tzinfo=datetime.UTC)),
        ("2024-11-21 10:00:00 UTC\n", datetime.datetime(2024, 11, 21, 10, tzinfo=datetime.UTC)),
        ("2024-11-21T11:00:00+01:00", datetime.datetime(2024, 11, 21, 10, tzinfo=datetime.UTC)),
        ("2024-11-21", datetime.datetime(2024, 11, 21, tzinfo=datetime.UTC)),
    ],
)
def test_time_stamps_are_read(tmp_path: Path, manifest: Manifest, text: str, expected: datetime.datetime) -> None:
    submission = stamped(tmp_path, manifest, text)
    assert submission.submitted_at == expected
    assert submission.oddities == ()


@pytest.mark.parametrize("text", ["", "yesterday", "\x00", "9" * 10_000, "2024-13-01 10:00:00 UTC"])
def test_a_time_stamp_that_is_none_is_odd(tmp_path: Path, manifest: Manifest, text: str) -> None:
    submission = stamped(tmp_path, manifest, text)
    assert submission.submitted_at is None
    assert kinds(submission) == ["bad-timestamp"]
    assert len(submission.oddities[0].detail) < 200


def test_a_linked_time_stamp_shows_nothing_of_its_target(tmp_path: Path, manifest: Manifest) -> None:
    secret = save(tmp_path / "grade_toy.py", "the checks")
    folder = hand_in(tmp_path, "eve", notebook())
    (folder / "timestamp.txt").symlink_to(secret)
    submission = read(Located("eve", folder / "toy.ipynb", folder), TOPIC, manifest)
    assert [oddity.detail for oddity in submission.oddities] == [
        "timestamp.txt: expected a regular file, got a link or another thing"
    ]
    assert submission.submitted_at is None


def test_no_time_stamp_is_nothing_odd(tmp_path: Path, manifest: Manifest) -> None:
    folder = hand_in(tmp_path, "ada", notebook())
    submission = read(Located("ada", folder / "toy.ipynb", folder), TOPIC, manifest)
    assert (submission.submitted_at, submission.oddities) == (None, ())


# ---------------------------------------------------------------------------------------------- nothing is lost


@pytest.mark.parametrize("name", ["ada.IPYNB", "ada.Py"])
def test_the_case_of_a_suffix_does_not_matter(tmp_path: Path, manifest: Manifest, name: str) -> None:
    path = save(tmp_path / name, notebook() if "IPYNB" in name else DOUBLE)
    assert locate(TOPIC, [tmp_path]) == locate(TOPIC, [path]) == [Located("ada", path)]
    assert not read(Located("ada", path), TOPIC, manifest).unreadable
    folder = hand_in(tmp_path / "own", "bob", notebook(), f"{TOPIC}.IPYNB")
    assert locate(TOPIC, [tmp_path / "own" / "submitted"]) == [Located("bob", folder / f"{TOPIC}.IPYNB", folder)]


@pytest.mark.parametrize("place", ["kai/toy.ipynb", "ida/Toy/toy.ipynb"])
def test_what_lies_beside_the_topics_folder_is_not_lost(tmp_path: Path, place: str) -> None:
    hand_in(tmp_path, "ada", notebook())
    save(tmp_path / "submitted" / place, notebook())
    stray = re.escape(place.removesuffix("/toy.ipynb") if "Toy" in place else place)
    for look in (lambda: locate(TOPIC, [tmp_path / "submitted"]), lambda: locate_all([TOPIC], tmp_path / "submitted")):
        with pytest.raises(UsageError, match=rf"^submission: expected only folders <student>/toy/ .*, got '{stray}'"):
            look()


def test_a_topic_in_two_layouts_is_refused(tmp_path: Path) -> None:
    hand_in(tmp_path, "ada", notebook())
    save(tmp_path / "submitted" / TOPIC / "ben.ipynb", notebook())
    with pytest.raises(
        UsageError, match=r"^--all: expected toy/ or <student>/toy/ .*, got both: 'toy' and 'ada/toy'\."
    ):
        locate_all([TOPIC], tmp_path / "submitted")


def test_a_notebook_of_another_topic_is_called_so_once(read_in: Reader) -> None:
    """Eleven deleted cells would accuse the student of what an assistant has mistyped."""
    other = notebook()
    for item in other["cells"]:
        item["metadata"] = {}
    submission = read_in(other)
    assert kinds(submission) == ["wrong-notebook"]
    assert "expected the release's notebook, got one without any of its exercises" in submission.oddities[0].detail
