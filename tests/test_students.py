"""The points that students get are the points they deserve: plausible solutions, right and wrong,
through the real grading."""
import ast
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import pytest
import students
from conftest import ROOT
from grading import ASSIGNMENT, capstone_course

from tinytorch_grader import intake, judge
from tinytorch_grader.cage import Bare, Limits
from tinytorch_grader.cage.bubblewrap import Cages
from tinytorch_grader.notebook import CHECKS

REFERENCE = students.reference()
TRUSTED = intake.Trusted(REFERENCE)
POINTS = students.points(REFERENCE)
STUDENTS = {(student.kind, student.name): student for kind in ("wrong", "right", "older")
            for student in students.students(kind)}
REGION = re.compile(r"^([ \t]*)### BEGIN SOLUTION\n.*?### END SOLUTION", re.DOTALL | re.MULTILINE)
# whose notebooks every mode grades
SOME = ["noisy", "generators", "torch_like", "tempfile_save", "dicts_shallow", "nanoseconds"]
QUICK_HELPERS = ("improvements|trusted|needs_baseline|time_calls|accuracy|findings|"
                 "every_node|valid|some_|array_of|forward|parameters")


def cage(workers=2):
    "The sandbox where there is one, else a plain process."
    return (Cages if shutil.which("bwrap") else Bare)(TRUSTED, Limits(), workers=workers)


def graded(notebooks, seed, folder, box=None):
    """{name: Result} of `notebooks`, {name: parsed JSON}, as `capstone grade` comes to them;
    in `box` instead of the usual one."""
    with box or cage() as box: return run(notebooks, seed, folder, box)


def run(notebooks, seed, folder, box):
    "As `graded`, in a `box` that is open."
    def one(name):
        path = folder / f"{'-'.join(name)}.ipynb"
        path.write_text(json.dumps(notebooks[name]), encoding="utf-8")
        submission = intake.read(path, TRUSTED)
        job = intake.job(TRUSTED, submission, seed)
        return judge.judge(TRUSTED, submission, job, box.run(job), name[1])
    with ThreadPoolExecutor(4) as pool: return dict(zip(notebooks, pool.map(one, notebooks)))  # some sleep


def lost(result):
    "The cells, graded by themselves, in which points are missing."
    return {part for part in POINTS if result.parts[part]["score"] < POINTS[part]}


def due(results):
    "{name: the cells that its notebook should lose}: those of every mistake that has the same Result."
    return {name: set().union(*(STUDENTS[other].loses for other in results if results[other] is result))
            for name, result in results.items()}


def verdicts(results):
    "One line for each student whose grade is not what its file says."
    wrong, expected = [], due(results)
    for name, result in results.items():
        if result.status != "graded": wrong.append(f"{'/'.join(name)}: {result.status}: {result.message}")
        elif lost(result) != expected[name]:
            said = "; ".join(f"{part}: {result.parts[part]['message']}" for part in lost(result) - expected[name])
            wrong.append(f"{'/'.join(name)}: loses {sorted(lost(result))}, expected {sorted(expected[name])} {said}")
    return wrong


def together(size):
    """[[name, ...]] of every student: up to `size` mistakes, or right solutions, that share a notebook,
    each in cells of its own and losing cells of its own."""
    groups = []
    for name, student in STUDENTS.items():
        apart = lambda other: not student.cells.keys() & other.cells.keys() and not student.loses & other.loses
        fits = (group for group in groups if len(group) < size and group[0][0] == name[0] != "older"
                and not {name[1], group[0][1]} & {*SOME} and all(apart(STUDENTS[other]) for other in group))
        group = next(fits, None)
        if group: group.append(name)
        else: groups.append([name])
    return groups


@pytest.fixture(scope="module")
def results(request, tmp_path_factory):
    "{name: Result}; with --long each student has a notebook alone, else six may share one."
    groups = together(1 if request.config.getoption("--long") else 6)
    notebooks = {group[0]: students.shared([STUDENTS[name] for name in group]).notebook(REFERENCE) for group in groups}
    found = graded(notebooks, 20, tmp_path_factory.mktemp("students"))
    return {name: found[group[0]] for group in groups for name in group}


def test_enough_students_and_every_graded_cell_catches_some():
    kinds = [kind for kind, _ in STUDENTS]
    assert kinds.count("wrong") >= 60 and kinds.count("right") >= 20
    assert set(POINTS) == set().union(*(student.loses for student in STUDENTS.values() if student.kind == "wrong"))
    for name, student in STUDENTS.items():
        assert student.kind == "right" or student.loses and student.loses <= set(POINTS), name


ONCE_FULL_MARKS = {
    "warmup_claimed": "part2-report-record", "comparison_left": "part2-report-errors",
    "extras_missing": "part2-report-metrics",
    "comparison_shared": "part3-submission-copies", "removed_first": "part3-save-atomic",
    "path_as_given": "part3-save-valid",
    "nan_swallowed": "part3-save-valid", "cold_start_largest": "part2-timing-warmup", "tied_twice": "part2-size-bytes",
    "layer_without_parameters": "part2-size-bytes", "timed_on_first_row": "part2-report-latency",
    "generator_yielded": "part4-same-check",
    "accuracy_of_own_answers": "part2-report-metrics"}


def test_what_once_earned_full_marks_loses_in_its_own_cell_alone():
    "The matrix shows that each loses there; here, that its file names no other cell."
    assert {name: " ".join(STUDENTS["wrong", name].loses) for name in ONCE_FULL_MARKS} == ONCE_FULL_MARKS


def test_matrix(results, capsys):
    wrong, expected = {name: result for name, result in results.items() if name[0] == "wrong"}, due(results)
    with capsys.disabled():
        print(f"\n{'graded cell':28} points  caught  of  others that lost it")
        for part, points in POINTS.items():
            caught = {name for name, result in wrong.items() if part in lost(result)}
            meant = {name for name in wrong if part in STUDENTS[name].loses}
            others = {name for name in caught if part not in expected[name]}
            print(f"{part:28} {points:6g} {len(caught & meant):7} {len(meant):3}  {len(others)}")
        full = sum(not lost(result) for name, result in results.items() if name[0] == "right")
        print(f"right solutions with full marks: {full} of {sum(kind == 'right' for kind, _ in results)}")
    assert not verdicts(results), "\n".join(verdicts(results))


def test_the_right_ones_get_every_point(results):
    for name, result in results.items():
        if name[0] == "right": assert result.score == sum(POINTS.values()) and result.needs_manual, name


def test_the_older_handout_loses_what_the_table_of_differences_explains(results):
    text = "".join("".join(cell["source"]) for cell in REFERENCE["cells"] if cell["cell_type"] == "markdown")
    table = text.split("| older handouts |")[1].split("\n\n")[0]
    for name, result in results.items():
        if name[0] == "older":
            assert set(re.findall(r"`(part[\w-]+)`", table)) == lost(result)
            assert result.score == sum(POINTS.values()) - sum(POINTS[part] for part in lost(result))


@pytest.mark.parametrize("name", [name for name, student in STUDENTS.items() if student.says], ids="/".join)
def test_messages_of_common_mistakes(results, name):
    for part in STUDENTS[name].loses:
        assert STUDENTS[name].says in results[name].parts[part]["message"]


def test_the_common_mistakes_are_named_with_their_section():
    for name in students.COMMON:
        assert re.search(r" \((Part \d|Q\d).*\)$",
                         STUDENTS["wrong", name].says), f"{name}: the words in its file end before the section"


def test_every_message_says_where_what_came_and_what_to_read(results):
    for name, result in results.items():
        for part in lost(result):
            message = result.parts[part]["message"]
            assert re.match(r"[\w/.()' ]+: .+ \((Part \d|Q\d)[^)]*\)( \[a hidden check\])?$", message,
                            re.DOTALL), (name, message)
            ours = re.sub(r"'.*'|\".*\"", "", message, flags=re.DOTALL)  # without what the student's code said
            assert not (message.endswith("[a hidden check]") and ", expected " in ours), (name, message)


def bodies(stub):
    "The reference with every body replaced by `stub`; a question, which has none, is left open."
    notebook = json.loads(json.dumps(REFERENCE))
    for cell in notebook["cells"]:
        inside = "pass" if re.fullmatch(r"q\d", students.grade_id(cell) or "") else stub
        cell["source"] = REGION.sub(lambda found: found[1] + inside, "".join(cell["source"]))
    return notebook


def test_nothing_earns_nothing(tmp_path):
    release = capstone_course(tmp_path / "course") / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    notebooks = {("nothing", "release"): json.loads(release.read_text(encoding="utf-8"))}
    notebooks |= {("nothing", stub): bodies(stub)
                  for stub in ("pass", "return None", "return {}", "return True", "yield", "raise ValueError")}
    notebooks |= {("nothing", student.name): student.notebook(REFERENCE) for student in students.students("nothing")}
    earned = {name[1]: (result.status, result.score, sorted(set(POINTS) - lost(result)))
              for name, result in graded(notebooks, 20, tmp_path).items()}
    assert earned == {name[1]: ("graded", 0, []) for name in notebooks}


def helper_bodies():
    "{name: (names of its parameters, the lines of its body)} of every function of the tests' vocabulary."
    source = (ROOT / CHECKS).read_text(encoding="utf-8")
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = [part for part in node.body
                    if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))]
            arguments = [arg.arg for arg in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
            if body: found[f"{node.name}-{node.lineno}"] = arguments, "\n".join(map(ast.unparse, body))
    return found


def answered_with(helper, arguments):
    """The reference with every body replaced by that of a helper,
    whose parameters are called what the answer calls its own."""
    notebook = json.loads(json.dumps(REFERENCE))
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if not REGION.search(source): continue
        own = [[arg.arg for arg in node.args.args + node.args.kwonlyargs] for node in ast.walk(ast.parse(source))
               if isinstance(node, ast.FunctionDef)] if cell["cell_type"] == "code" else []
        names = dict(zip(arguments, max(own, key=len, default=[])))
        body = re.sub(r"\b[A-Za-z_]\w*\b", lambda word: names.get(word[0], word[0]), helper)
        cell["source"] = REGION.sub(lambda found: textwrap.indent(body, found[1]), source)
    return notebook


@pytest.mark.parametrize("which", [QUICK_HELPERS, pytest.param("", marks=pytest.mark.long)], ids=["stand-ins", "all"])
def test_no_helper_of_the_tests_answers_a_cell(which, tmp_path):
    helpers = {name: body for name, body in helper_bodies().items() if re.match(which, name)}
    assert helpers
    notebooks = {("helper", name): answered_with(body, arguments) for name, (arguments, body) in helpers.items()}
    earned = {name: sorted(set(POINTS) - lost(result)) for (_, name), result in graded(notebooks, 20, tmp_path).items()}
    assert earned == dict.fromkeys(helpers, [])


def test_one_cell_alone_earns_its_own_points_and_the_others_say_that_they_are_not_written(tmp_path):
    import submissions
    filled, released = submissions.solutions(), submissions.notebook(release=True)
    stubs = {submissions.mark(cell)["grade_id"]: cell["source"] for cell in released["cells"]
             if submissions.mark(cell).get("grade_id") in filled}
    notebooks = {("alone", name): submissions.notebook({**stubs, name: filled[name]}) for name in filled}
    tests = {name: set().union(*(student.loses for student in STUDENTS.values() if student.cell == name))
             for name in filled}
    assert set().union(*tests.values()) == set(POINTS)
    for (_, name), result in graded(notebooks, 20, tmp_path).items():
        assert set(POINTS) - lost(result) == tests[name], name
        for part in lost(result):
            assert re.match(r"not written yet: line \d+ of |q\d.*fill in the cell q\d",
                            result.parts[part]["message"]), result.parts[part]


def test_the_table_of_misconceptions_is_fresh():
    text = students.TABLE.read_text(encoding="utf-8")
    assert students.written(text) == text, "run `python tests/helpers/students.py`"


def same(results):
    "The grades, without the times and places that stand in messages."
    plain = re.compile(r"/tmp/[\w/.-]+('\)| \(\d+ characters\))?|"  # folders of other lengths are cut elsewhere
                       r"\d{4}-\d\d-\d\dT[\d:.+-]+|\d{10}\.\d+|0x[0-9a-f]+|\(\d+ characters\)|\.\.\.")
    return {name: (found.status, found.score,
                   {part: (about["score"], plain.sub("", about["message"])) for part, about in found.parts.items()})
            for name, found in results.items()}


@pytest.mark.skipif(not shutil.which("bwrap"),
                    reason="there is one mode alone where bubblewrap is not installed: run `make system`")
@pytest.mark.parametrize("names", [SOME, pytest.param(None, marks=pytest.mark.long)], ids=["some", "all"])
def test_every_mode_gives_the_same_points_and_messages(results, tmp_path, names):
    "The cages, `--no-sandbox` and `capstone check`, and the way without Linux."
    chosen = {name: student.notebook(REFERENCE) for name, student in STUDENTS.items()
              if names is None or name[1] in names}
    want = same({name: results[name] for name in chosen})
    bare, relay = Bare(TRUSTED, Limits()), Bare(TRUSTED, Limits())
    relay.relay = True
    for box in (bare, relay):
        found = same(graded(chosen, 20, tmp_path, box))
        assert {name: found[name] for name in want if found[name] != want[name]} == {}


@pytest.mark.long
def test_under_load_and_with_other_seeds(tmp_path, capsys):
    burner = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(burner) for _ in range(os.cpu_count() or 2)]
    notebooks = {name: student.notebook(REFERENCE) for name, student in STUDENTS.items()}
    wrong = []
    try:
        with cage() as box:
            for seed in range(1, 21):
                # each solution meets two or three seeds: ten minutes on two cores
                some = {name: found for n, (name, found) in enumerate(notebooks.items()) if n % 7 == seed % 7}
                found = verdicts(run(some, seed, tmp_path, box))
                wrong += [f"seed {seed}: {line}" for line in found]
                with capsys.disabled():
                    print(f"\nseed {seed}: {len(found)} of {len(some)} verdicts wrong, load {os.getloadavg()[0]:.1f}",
                          end="", flush=True)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
def test_the_command_comes_to_the_same_grades(results, tmp_path):
    course, table = capstone_course(tmp_path / "course"), tmp_path / "grades.json"
    for (kind, name), student in STUDENTS.items():
        folder = course / "submitted" / f"{kind}-{name}" / ASSIGNMENT
        folder.mkdir(parents=True)
        (folder / f"{ASSIGNMENT}.ipynb").write_text(json.dumps(student.notebook(REFERENCE)), encoding="utf-8")
    words = [] if shutil.which("bwrap") else ["--no-sandbox"]
    done = subprocess.run([sys.executable, "-m", "tinytorch_grader", "grade", course, "--json", table, *words],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row["student"]: row for row in json.loads(table.read_text(encoding="utf-8"))["submissions"]}
    for (kind, name), result in results.items():
        row = rows[f"{kind}-{name}"]
        assert row["status"] == "graded" and row["score"] == result.score, row
        assert {part: row["parts"][part]["score"] for part in result.parts} == {
            part: scores["score"] for part, scores in result.parts.items()}
