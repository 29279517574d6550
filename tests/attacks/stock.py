"""What stock `nbgrader autograde` makes of the same attacks, each in a throwaway bubblewrap,
and the table that compares.

    python tests/attacks/stock.py             run all (about 15 minutes on two idle cores), keep what came out in
                                              stock.json
    python tests/attacks/stock.py NAME...     run these
    python tests/attacks/stock.py --table GRADES.json...
                                              write the table into docs/security.md; GRADES.json: what `capstone grade`
                                              made of them in tests/test_attacks.py (`pytest --basetemp FOLDER`
                                              keeps it)

Here a submission is Part 1 and the questions of the capstone, without its `demo` cells. A full submission of somebody
else was graded before; where the attack is the file itself, the whole class is graded, in which an empty submission
follows. Attacks that could take the machine down are not tried on the stock side.
"""
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE.parent / "helpers"), str(ROOT / "src")]
import submissions  # noqa: E402
from attacking import NAME, attacks, hand_in  # noqa: E402

UNSAFE = ("deny_fork_bomb", "deny_memory", "deny_memory_tree", "deny_disk", "deny_inodes", "deny_thread_bomb",
          "deny_bigint", "file_huge", "file_device", "deny_recursion_deep")
SECONDS, LOOT, MARKER = 90, "LOOT-5b1e", "9876543210"
RESULTS = HERE / "stock.json"
BEGIN, END = "<!-- attacks:begin -->", "<!-- attacks:end -->"


def short(notebook):
    "Part 1 and the questions of the capstone, without its demonstrations."
    name = lambda cell: cell["metadata"].get("nbgrader", {}).get("grade_id") or ""
    cells = [cell for cell in notebook["cells"] if "demo" not in cell["metadata"].get("tags", [])]
    end = next(i for i, cell in enumerate(cells) if name(cell) == "part1-layers")
    return {**notebook, "cells": [cell for i, cell in enumerate(cells) if i <= end or name(cell)
                                  .startswith(("q", "test-tools-answers", "test-tools-number", "reflection"))]}


submissions.SOURCE = short(submissions.SOURCE)


def nbgrader(course, *words, seconds=600):
    bin = Path(sys.executable).parent
    return subprocess.run([bin / "nbgrader", *words],
                          cwd=course, capture_output=True, text=True, timeout=seconds, errors="replace",
                          env=os.environ | {"PATH": f"{bin}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)})


def base_course(folder):
    "A course with one full submission, graded by stock nbgrader."
    from tinytorch_grader.release import make_course
    folder.mkdir()
    submissions.save(folder, submissions.SOURCE, "source.ipynb")
    course = make_course(folder / "course", folder / "source.ipynb")
    with open(course / "nbgrader_config.py", "a") as config:
        config.write(
            "c.ExecutePreprocessor.timeout = 6\nc.Autograde.exporter_class = 'nbconvert.exporters.NotebookExporter'\n")
    (course / "secret.txt").write_text(LOOT)
    for student, changes in {"honest_a": {}, "honest_z": dict.fromkeys(submissions.solutions(), "")}.items():
        where = course / "submitted" / student / NAME
        where.mkdir(parents=True)
        submissions.save(where, submissions.notebook(changes))
    nbgrader(course, "autograde", NAME, "--student=honest_a")
    return course


def scores(course):
    "{student: points} in the gradebook; {} when it cannot be read any more."
    try:
        with sqlite3.connect(f"file:{course}/gradebook.db?mode=ro", uri=True) as book:
            return dict(
                book.execute("select s.student_id, sum(coalesce(g.manual_score, g.auto_score, 0)) from "
                             "submitted_assignment s join submitted_notebook n "
                             "on n.assignment_id = s.id join grade g on g.notebook_id = n.id group by s.student_id"))
    except sqlite3.Error: return {}


def files(course):
    "Bytes of what a submission must not change."
    kept = ([path for top in ("source", "submitted") for path in sorted((course / top).rglob("*"))]
            + [course / "nbgrader_config.py", course / "secret.txt"])
    return {str(path): path.read_bytes() for path in kept if path.is_file() and not path.is_symlink()}


def inside(name):
    "Within bubblewrap: hand in, autograde everybody, say what became of the course."
    course, attack = Path("/tmp/course"), next(a for a in attacks() if a.name == name)
    shutil.copytree("/tmp/base/course", course)
    Path("/tmp/home").mkdir()
    Path("/tmp/home/key").write_text(LOOT)
    hand_in(course, attack, name, MARKER)
    before, graded, start = files(course), scores(course), time.monotonic()
    said, ended = "", True
    try:
        done = nbgrader(course, "autograde", NAME, "--student=" + name, seconds=SECONDS)
        done = nbgrader(course, "autograde", NAME, seconds=SECONDS) if "file_" in name else done
        said = done.stdout + done.stderr
    except subprocess.TimeoutExpired: ended = False
    after, kept = scores(course), ""
    autograded = course / "autograded" / name / NAME / f"{NAME}.ipynb"
    if autograded.is_file():
        try:
            kept = json.dumps([cell.get("outputs")
                               for cell in json.loads(autograded.read_text(errors="replace"))["cells"]])
        except ValueError: pass
    left = [pid for pid in filter(str.isdigit, os.listdir("/proc"))
            if MARKER in Path("/proc", pid, "cmdline").read_text(errors="replace")]
    found = {"ended": ended, "points": after.get(name, 0), "before": graded, "after": after,
             "neighbour": "honest_z" in after or "file_" not in name,
             "changed": sorted(path for path in before if Path(path).is_symlink() or not Path(path).is_file()
                               or Path(path).read_bytes() != before[path])
             + ["/tmp/owned"] * os.path.exists("/tmp/owned"),
             "read": LOOT in kept or "BEGIN HIDDEN TESTS" in kept and name.startswith("read"), "left": len(left),
             "seconds": round(time.monotonic() - start, 1),
             "graded": autograded.is_file(), "said": said.strip().splitlines()[-1][:200] if said.strip() else ""}
    print(json.dumps(found))


def caged(base, name):
    "`inside(name)` in a bubblewrap that sees this machine read-only and has no network."
    words = ["bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--die-with-parent", "--ro-bind",
             "/", "/", "--dev", "/dev", "--proc", "/proc", "--size", str(2**29), "--tmpfs", "/tmp", "--tmpfs",
             "/run", "--ro-bind", base, "/tmp/base", "--setenv", "HOME", "/tmp/home", "--setenv", "CAPSTONE_LOOT", LOOT,
             "--chdir", "/tmp"]
    code = f"import sys; sys.path.insert(0, {str(HERE)!r}); import stock; stock.inside({name!r})"
    try:
        done = subprocess.run([*words, "prlimit", f"--as={6 * 2**30}", sys.executable, "-c", code], capture_output=True,
                              text=True, timeout=4 * SECONDS, errors="replace")
    except subprocess.TimeoutExpired: return {"stopped": True}
    try: return json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return {"killed": True, "said": (done.stderr.strip().splitlines() or ["no word from it"])[-1][:200]}


def in_words(found):
    "What stock nbgrader made of an attack."
    if found is None: return "not tried: it could take the machine down"
    if found.get("stopped"): return "**the grader itself is stopped, for ever**"
    if found.get("killed"): return "**the grader itself is killed**"
    changed = found["changed"]
    what = [("the source notebook", any("/source/" in path for path in changed)),
            ("a neighbour's work", any("/honest_" in path for path in changed)),
            ("the configuration", any(path.endswith("config.py") for path in changed)),
            ("/tmp", "/tmp/owned" in changed),
            ("the gradebook", found["before"].get("honest_a") != found["after"].get("honest_a"))]
    told = ([f"**{found['points']:g} points**"] * (found["points"] > 0)
            + [f"**changes {' and '.join(name for name, yes in what if yes)}**"] * any(yes for _, yes in what))
    told += ["**reads what it must not**"] * found["read"] + ["**leaves a process behind**"] * bool(found["left"])
    told += ([f"**hangs, killed after {SECONDS} s**"] * (not found["ended"])
             + ["**the next student is not graded**"] * (not found["neighbour"]))
    return ", ".join(told) or ("no points" if found["graded"] else "no grade, and no word to the student")


def table(rows):
    stock = json.loads(RESULTS.read_text())
    lines = ["| attack | stock `nbgrader autograde`, on 15 points | `capstone grade`, on 95 points |", "|---|---|---|"]
    for attack in attacks():
        if attack.name not in stock or attack.name not in rows: continue
        row = rows[attack.name]
        lines.append(f"| `{attack.name}` {attack.tries.rstrip('.')} | {in_words(stock.get(attack.name))} | "
                     f"{row['status']}, {row['score']:g} points |")
    return "\n".join(lines)


def main(names):
    with tempfile.TemporaryDirectory() as folder:
        if names[:1] == ["--table"]:
            text = table({row["student"]: row for path in names[1:]
                          for row in json.loads(Path(path).read_text())["submissions"]})
            page = ROOT / "docs" / "security.md"
            before, rest = page.read_text(encoding="utf-8").split(BEGIN)
            page.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")
            return
        results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        base_course(Path(folder) / "base")
        known = {attack.name: attack for attack in attacks()}
        for attack in map(known.get, names or known):
            results[attack.name] = None if attack.name in UNSAFE else caged(Path(folder) / "base", attack.name)
            print(f"{attack.name}: {in_words(results[attack.name])}", flush=True)
            RESULTS.write_text(json.dumps(results, indent=0, sort_keys=True) + "\n")


if __name__ == "__main__": main(sys.argv[1:])
