"""The pages in a real browser: nothing overflows at phone and desktop width, nothing runs, nothing is fetched."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from autograder.reports.example import write_example

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--allow-file-access-from-files",
    "--virtual-time-budget=5000",
)  # fmt: skip
WIDTHS = (390, 1280)
PROBE = """<!doctype html><meta charset="utf-8"><pre id="out">nothing</pre>
<iframe id="page" width="{width}" height="900"
style="border:0" src="{source}"></iframe><script>
document.getElementById("page").addEventListener("load", () => {{
  const page = document.getElementById("page").contentDocument;
  document.getElementById("out").textContent = JSON.stringify({{
    width: page.documentElement.scrollWidth, room: page.documentElement.clientWidth,
    scripts: page.scripts.length, title: page.title,
    resources: page.defaultView.performance.getEntriesByType("resource").length,
    text: page.body.innerText.length}});
}});
</script>"""


def look(page: Path, width: int, scratch: Path) -> dict[str, object]:
    """Open a page in an iframe of this width and return what the browser made of it."""
    assert CHROMIUM is not None
    probe = scratch / f"probe-{width}-{page.parent.name}.html"
    probe.write_text(PROBE.format(width=width, source=page.resolve().as_uri()), encoding="utf-8")
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={scratch / 'profile'}", "--dump-dom", probe.resolve().as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="out">(.*?)</pre>', run.stdout, re.DOTALL)
    assert found is not None, run.stderr
    answer = json.loads(html.unescape(found[1]))
    assert isinstance(answer, dict)
    return answer


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_fit_and_run_nothing(width: int, tmp_path: Path) -> None:
    if CHROMIUM is None:
        assert not os.environ.get("CI"), "the continuous integration needs chromium"
        pytest.skip("no chromium on this machine")
    folder = tmp_path / "class"
    write_example(folder)
    students = sorted(folder.glob("*/report.html"))[:3]
    for page in [folder / "index.html", *students]:
        seen = look(page, width, tmp_path)
        assert seen["width"] == seen["room"], f"{page.parent.name} overflows: {seen}"
        assert width - 20 <= int(str(seen["room"])) <= width  # less a scroll bar
        assert seen["scripts"] == 0
        assert seen["resources"] == 0
        assert isinstance(seen["text"], int)
        assert seen["text"] > 200
