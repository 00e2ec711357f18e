"""E: results written, printed, sent or claimed by whoever is graded."""

from autograder.selftest.attack import Attack, Notebook

WRONG = "\ndef double(x):\n    return x\n"
FORGED = (
    '{"schema_version": 1, "assignment": "vault", "student": "attack-E12", "points": 10.0, "max_points": 10.0, '
    '"grade": 100.0, "exercises": [], "incidents": []}'
)
REWRITE = """
import glob, os, threading, time
def rewrite():
    for _ in range(200):
        for name in glob.glob("@OUT@/**/*", recursive=True) + ["@OUT@/attack-E02/report.json", "@OUT@/index.html"]:
            try:
                open(name, "w").write("{}")
            except OSError:
                pass
        time.sleep(0.005)
"""


def _claim_another(whole: Notebook) -> None:
    whole["metadata"] |= {"student": "classmate", "autograder": {"student": "classmate", "points": 10}, "grade": 100}
    for item in whole["cells"]:
        item["metadata"] |= {"student": "classmate", "points": 99, "assignment": "another"}


ATTACKS = [
    Attack("E01", "the report overwritten, or locked", WRONG + REWRITE + """
try:
    os.makedirs("@OUT@/attack-E01", exist_ok=True)
    os.chmod("@OUT@/attack-E01", 0o500)
except OSError:
    pass
rewrite()
"""),
    Attack("E02", "the report rewritten by a thread, again and again", WRONG + REWRITE + """
threading.Thread(target=rewrite, daemon=True).start()
"""),
    Attack("E03", "PASSED and a report on the standard output", f"""
import sys
def double(x):
    print({FORGED!r})
    print("check_double_of_numbers PASSED  4/4 points", file=sys.stderr)
    sys.__stdout__.write({FORGED!r} + "\\n")
    sys.__stdout__.flush()
    return x
"""),
    Attack("E05", "answers written to every open descriptor", """
import json, os, struct
def double(x):
    for number in range(3, 64):
        for header in ({"seq": 1, "value": 6.0}, {"seq": 2, "ok": True, "outcome": "passed", "points": 99}):
            data = json.dumps(header).encode()
            try:
                os.write(number, struct.pack("<II", len(data), 0) + data)
            except (OSError, ValueError):
                pass
    return x
""", incidents=("crashed", "blocked", "timed-out", "protocol")),
    Attack("E06", "objects that run code when they are unpickled", """
class Evil:
    def __reduce__(self):
        return (print, ("@WON@ unpickled",))
    def __del__(self):
        pass
def double(x):
    return Evil() if isinstance(x, float) else [Evil(), {"value": Evil()}]
"""),
    Attack("E08", "the harness's and PyTorch's files changed", WRONG + """
import os, sys, torch
for module in list(sys.modules.values()):
    name = getattr(module, "__file__", None) or ""
    if "autograder" in name or name == torch.__file__:
        for change in (lambda: open(name, "a").write("#"), lambda: os.chmod(name, 0o666), lambda: os.unlink(name)):
            try:
                change()
            except OSError:
                pass
"""),
    Attack("E11", "another student's name and more points in the metadata", WRONG, change=_claim_another),
    Attack("E12", "a report handed in beside the notebook", WRONG, files={
        "report.json": FORGED, "report.staff.json": FORGED, "feedback/report.json": FORGED, "results.json": FORGED,
    }),
]  # fmt: skip
