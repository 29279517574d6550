"""The command `capstone`: help, exit status, one line for every failure, text that no terminal acts on."""
import csv
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

click = pytest.importorskip("click", reason="click is not installed: pip install '.[grader]'")

import submissions  # noqa: E402
from grading import ASSIGNMENT, RIGHT, ROOT, capstone as process, hand_in, make_course  # noqa: E402

from tinytorch_grader import cli, console  # noqa: E402

COMMANDS = sorted(cli.cli.commands)


def one_line(result, *words):
    "Assert that a process failed as promised: status 2, one line on stderr that holds `words`, no traceback."
    lines = [line for line in result.stderr.strip().splitlines()   # progress before it, where the machine is slow
             if not re.search(r"\d+ of \d+, about \d+ s left$", line)]
    assert (result.returncode == 2 and len(lines) == 1
            and "Traceback" not in result.stderr), (result.returncode, result.stdout, result.stderr)
    for word in words: assert word in lines[0], lines[0]


@pytest.fixture
def capstone(capfd, monkeypatch):
    """Run the command here, where its rooms are imported already: that takes a process over a second;
    the CompletedProcess."""
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["capstone", *map(str, words)])
        monkeypatch.setattr(cli, "die_quietly", lambda: None)   # the signals are pytest's
        capfd.readouterr()
        with pytest.raises(SystemExit) as end: cli.main()
        return subprocess.CompletedProcess(words, end.value.code, *capfd.readouterr())
    return run


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = make_course(tmp_path_factory.mktemp("cli"))
    hand_in(course, "ada", **RIGHT)
    return course


def test_commands_are_those_of_the_contract():
    assert (COMMANDS
            == sorted("release check course grade feedback collect compare report help bench gate board history log "
                      "answers mark rerun similar".split()))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_in_an_example(name):
    command = cli.cli.commands[name]
    assert command.epilog.startswith(f"Example: capstone {name} ")
    text = command.get_help(click.Context(command, info_name=f"capstone {name}"))
    assert " ".join(text.split()).endswith(command.epilog)
    narrow = command.get_help(click.Context(command, info_name=f"capstone {name}", terminal_width=80))
    assert command.epilog in narrow.splitlines()[-1], "the example wraps on a terminal of 80 columns"
    options = {option for parameter in command.params for option in parameter.opts}
    assert name == "help" or "--json" in options


def test_what_a_command_did_is_json_where_it_is_asked_for(course, tmp_path, capfd):
    "In one process: the imports of a room take seconds."
    def said(*words):
        status = cli.cli.main([*map(str, words), "--json", "-"], standalone_mode=False)
        out, err = capfd.readouterr()
        return status, json.loads(out), err
    (tmp_path / "downloads").mkdir()
    shutil.copy(ROOT / f"{ASSIGNMENT}.ipynb", tmp_path / "downloads" / f"lovelaceada_101_5001_{ASSIGNMENT}.ipynb")
    copied = shutil.copytree(course, tmp_path / "course")
    status, found, err = said("collect", copied, "--from", tmp_path / "downloads")
    assert (status == 0 and ["lovelaceada_101" in line for line in found["matched"]] == [True]
            and found["unmatched"] == [] and "1 new" in err)
    shutil.rmtree(copied / "submitted" / "lovelaceada_101")
    assert said("grade", copied, "--no-sandbox")[1]["submissions"][0]["student"] == "ada"
    status, found, err = said("feedback", copied)
    assert (status is not None and Path(found["pages"]["ada"]).is_file() and found["not_in_zip"] == []
            and "feedback for 1 students" in err)
    assert Path(said("report", copied)[1]["report"]).is_file()
    assert said("similar", copied)[:2] == (0, {"same_answers": [], "same_submission": [], "alike": []})
    status, found, err = said("answers", copied, "--out", tmp_path / "answers.csv")
    assert found["answers"][0]["student"] == "ada" and "1 answers" in err
    assert said("mark", copied, "--from", tmp_path / "answers.csv")[1] == {"entered": 0, "not_taken": [],
                                                                                 "replaced": []}


def test_the_list_of_commands_is_cut_nowhere(capstone):
    said = process("--help", env=os.environ | {"COLUMNS": "80"}).stdout
    assert ("..." not in said.partition("Commands:")[2]
            and all(cli.cli.commands[name].short_help.rstrip(".") in said for name in COMMANDS))
    assert "DIR/report.html" in capstone("report", "--help").stdout
    collect = " ".join(capstone("collect", "--help").stdout.split())
    for word in ("Canvas, Moodle and Blackboard", "c.FileNameCollectorPlugin.named_regexp"): assert word in collect


def test_help_of_a_command_and_the_version(capstone):
    assert capstone("help", "grade").stdout == capstone("grade", "--help").stdout
    assert capstone("help").stdout.partition("Commands:")[2] == capstone("--help").stdout.partition("Commands:")[2]
    one_line(capstone("help", "nonsense"), "no command nonsense", "compare")
    assert re.fullmatch(r"capstone \d+\.\d+\.\d+\n", capstone("--version").stdout)


def test_python_m_is_the_command():
    result = process("--help")
    assert result.returncode == 0 and all(name in result.stdout for name in COMMANDS)


@pytest.mark.parametrize("words", [["grade"], ["feedback"], ["report"], ["collect", "--from", "."]],
                         ids=lambda words: words[0])
def test_no_course_is_one_line(capstone, tmp_path, words):
    one_line(capstone(words[0], tmp_path / "nowhere", *words[1:]), str(tmp_path / "nowhere"), "capstone course")
    (tmp_path / "empty").mkdir()
    one_line(capstone(words[0], tmp_path / "empty", *words[1:]), "course")


def test_bad_usage_is_status_2(capstone, course):
    for words in (["grade"], ["nonsense"], ["grade", course, "--workers", "0"], ["grade", course, "--timeout", "soon"],
                  ["check", "a", "b"]):
        result = capstone(*words)
        assert result.returncode == 2 and "Traceback" not in result.stderr, result.stderr
        assert ("Error: " in result.stderr
                or result.stderr.startswith("capstone: got a b, expected at most one notebook"))


def test_words_that_cannot_be_right(capstone, course, tmp_path, monkeypatch):
    one_line(capstone("grade", course, "--student", "adda"), "adda", "did you mean ada?")
    one_line(capstone("grade", course, "--executor", "ray://here"), "dask://HOST:PORT")
    one_line(capstone("grade", course, "--json", tmp_path / "no" / "where.json"), "where.json")
    one_line(capstone("grade", course, "--db", "gradebook"), "database URL")
    one_line(capstone("check", tmp_path / "none.ipynb"), "none.ipynb")
    one_line(capstone("collect", course, "--from", tmp_path / "none.zip"), "none.zip")
    with monkeypatch.context() as patch:   # the tests of the notebook are asked last: that takes seconds
        patch.setattr("tinytorch_grader.mutants.checked",
                      lambda *_: pytest.fail("asked about a folder that can hold no course"))
        one_line(capstone("course", __file__), "folder")
    one_line(capstone("release", tmp_path / "out", "--repo", "what"), "ORG/NAME")
    result = capstone("compare", tmp_path / "a.json", tmp_path / "b.json")
    assert (result.returncode == 2 and "a.json" in result.stderr and not result.stdout
            and "Traceback" not in result.stderr)


def test_a_source_that_is_no_notebook(capstone, course, tmp_path):
    broken = shutil.copytree(course, tmp_path / "course")
    (broken / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").write_text("{")
    one_line(capstone("grade", broken), "trusted notebook", "capstone course")
    (broken / "nbgrader_config.py").write_text("c = get_config(\n")
    one_line(capstone("grade", broken), "nbgrader_config.py")


@pytest.mark.parametrize("spoil, says", [
    (lambda course: (course / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").write_text("{"),
     "ipynb: is no notebook of an assignment; expected the trusted"),
    (lambda course: (course / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").unlink(),
     "ipynb: No such file or directory; expected the trusted notebook"),
    (lambda course: (course / "nbgrader_config.py").write_text("c = get_config("), "nbgrader_config.py"),
    (lambda course: (course / "gradebook.db").write_text("no database" * 100),
     "file is not a database; the file is damaged")])
def test_what_is_damaged_is_named_by_every_command(capstone, course, tmp_path, spoil, says):
    broken = shutil.copytree(course, tmp_path / "course")
    spoil(broken)
    for name in ("grade", "feedback", "report"): one_line(capstone(name, broken), says)
    if "ipynb" not in says: one_line(capstone("course", broken), says)


def test_a_database_in_memory_is_none(capstone, course):
    for name in ("grade", "feedback", "report"):
        one_line(capstone(name, course, "--db", "sqlite://"), "in memory", "sqlite:///gradebook.db")


def test_a_course_on_a_full_disk_is_made_again(tmp_path, monkeypatch):
    from tinytorch_grader import gradebook
    from tinytorch_grader.release import make_course as make
    def full(path, *_): raise OSError(28, "No space left on device", str(path))
    monkeypatch.setattr(gradebook.os, "fchmod", full)   # when everything is written, and nothing in its place
    with pytest.raises(RuntimeError, match="nbgrader_config.py: No space left on device; make room"):
        make(tmp_path / "new")
    assert not (tmp_path / "new" / "nbgrader_config.py").exists()
    monkeypatch.undo()
    assert (make(tmp_path / "new") / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").is_file()
    before = (target := tmp_path / "new" / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_bytes()
    monkeypatch.setattr(gradebook.os, "fchmod", full)
    with pytest.raises(RuntimeError, match="No space left"): make(tmp_path / "new")
    assert (target.read_bytes() == before
            and "formgrader.SafePage" in (tmp_path / "new" / "nbgrader_config.py").read_text())


def test_nobody_handed_in(capstone, tmp_path):
    one_line(capstone("grade", make_course(tmp_path)), "submitted")


def test_no_sandbox_here(course):
    "A PATH without bubblewrap."
    bin = Path(course.parent, "bin")
    bin.mkdir(exist_ok=True)
    env = os.environ | {"PATH": str(bin)}
    one_line(process("grade", course, env=env), "bubblewrap", "--no-sandbox")


def test_check_needs_no_nbgrader_and_no_database():
    code = ("import sys; from tinytorch_grader import cli; cli.cli(['check', sys.argv[1]], standalone_mode=False); "
            "print(sorted({name.partition('.')[0] for name in sys.modules} & {'nbgrader', 'sqlalchemy', 'nbconvert', "
            "'jsonschema'}))")
    result = subprocess.run([sys.executable, "-c", code, ROOT / f"{ASSIGNMENT}.ipynb"], capture_output=True, text=True,
                            cwd=ROOT, timeout=300)
    assert result.stdout.splitlines()[-1] == "[]", result.stdout + result.stderr


def test_check_of_one_part_and_of_what_is_not_written(capstone, tmp_path):
    release = submissions.save(tmp_path, submissions.notebook(release=True))
    os.utime(release, (0, 0))
    result = capstone("check", release, "part3")
    lines = result.stdout.splitlines()
    assert result.returncode == 0 and "save first" in lines[0] and "part1" not in result.stdout
    unwritten, = [line for line in lines if line.startswith("not written yet: ")]
    assert "part3-save-atomic" in unwritten and re.search(r"total +0 of 20", result.stdout)
    for words in (["part9"], ["part1", "part2"]): one_line(capstone("check", release, *words), "part")


def test_check_prints_a_table(capstone, tmp_path):
    result = capstone("check", ROOT / f"{ASSIGNMENT}.ipynb", "--json", tmp_path / "check.json")
    saved, *lines = result.stdout.splitlines()
    assert result.returncode == 0 and f"{ASSIGNMENT}.ipynb, saved 20" in saved and "\x1b" not in result.stdout
    summary, lines = lines[:lines.index("")], lines[lines.index("") + 1:]
    assert [line.split() for line in summary] == [[part, points, "of", points] for part, points in zip(
        ("part1", "part2", "part3", "part4", "part4b", "part5"),
        ("10", "35", "20", "15", "5", "5"))] + [["questions", "5", "of", "10"]]
    assert lines[0].split() == ["part", "points", "hint"]
    row, = json.loads((tmp_path / "check.json").read_text())["submissions"]
    assert tuple(row) == cli.COLUMNS
    assert [line.split()[0] for line in lines[1:len(row["parts"]) + 2]] == [*row["parts"], "total"]
    (tmp_path / "broken.ipynb").write_text("{}")
    result = capstone("check", tmp_path / "broken.ipynb")
    assert result.returncode == 1 and "broken.ipynb" in result.stdout and "Traceback" not in result.stderr


def test_a_students_copy_says_what_it_lacks(tmp_path):
    "The wheel of a student's repository holds some of the rooms only."
    from tinytorch_grader.release import GRADER_PART
    (tmp_path / "tinytorch_grader").mkdir()
    for name in GRADER_PART: shutil.copy(ROOT / "src" / "tinytorch_grader" / name, tmp_path / "tinytorch_grader")
    code = ("import sys; sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in getattr(f, "
            "'__module__', '') + str(f)]\n" "sys.path.insert(0, '.'); from tinytorch_grader.cli import main; main()")
    (tmp_path / "source").mkdir()
    for words in (["grade", "."], ["release", "out"], ["feedback", "."]):
        one_line(subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=tmp_path,
                                timeout=300), "capstone check")


def test_text_of_strangers_stays_text(tmp_path):
    assert console.plain("a\x1b[31m\u202eb\r\nc\x00") == "a\\u202eb c\\x00"
    from tinytorch_grader.gradebook import Grade, Mark
    class Rows:
        def grades(self): return [Grade("=cmd()", {"a": Mark(2, 1.0, message='x"\n,y')}, message="@SUM(1)\u202e")]
    cli.write_csv(tmp_path / "grades.csv", Rows())
    line, = csv.DictReader((tmp_path / "grades.csv").open(newline="", encoding="utf-8"))
    assert (line["student"] == "'=cmd()" and line["message"] == "'@SUM(1)\\u202e"
            and json.loads(line["parts"])["a"]["message"] == 'x"\n,y' and line["a"] == "1")


def test_results_go_where_they_are_asked_for(capstone, course, tmp_path):
    hand_in(course, "Zoë", **RIGHT)
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    grade = [sys.executable, "-m", "tinytorch_grader", "grade", course, "--no-sandbox"]
    result = subprocess.run(["bash", "-c", '"$@" --json - --csv >(cat > pipe.csv)', "-", *grade], capture_output=True,
                            text=True, cwd=tmp_path, timeout=300)
    assert ([row["student"] for row in json.loads(result.stdout)["submissions"]] == ["Zoë", "ada"]
            and "submissions: 2 graded" in result.stderr)
    time.sleep(0.5)
    assert (tmp_path / "pipe.csv").read_text(encoding="utf-8").startswith("student,") and not (tmp_path / "-").exists()
    os.mkfifo(tmp_path / "fifo")
    with subprocess.Popen(["cat", tmp_path / "fifo"], stdout=subprocess.PIPE, text=True) as reader:
        result = capstone("grade", course, "--no-sandbox", "--csv", tmp_path / "link.csv", "--json", tmp_path / "fifo")
        assert result.returncode == 0 and "nothing to do: no submission is new" in result.stdout
        assert len(json.loads(reader.communicate(timeout=60)[0])["submissions"]) == 2
    assert (tmp_path / "link.csv").is_symlink() and (tmp_path / "real.csv").read_bytes().startswith(b"student")


def test_results_that_cannot_be_written(capstone, course, tmp_path):
    one_line(capstone("grade", course, "--csv", tmp_path), f"{tmp_path}: is a folder")
    one_line(capstone("check", ROOT / f"{ASSIGNMENT}.ipynb", "--json", tmp_path / "no" / "x.json"),
             "no/x.json: no such folder")
    full = capstone("grade", course, "--no-sandbox", "--json", "/dev/full")
    assert (full.returncode == 2 and full.stderr.splitlines()[-1]
            == "capstone: /dev/full: No space left on device; make room on the disk and run the command again")
    assert (console.reason(shutil.Error([("a", "b", "[Errno 28] No space left on device: 'a' -> 'b'")]))
            == "b: No space left on device; " + console.TODO["ENOSPC"])
    assert (console.reason(OSError(13, "Permission denied", "/x/.tmp123", None, "/x/g.csv"))
            == "/x/g.csv: Permission denied; " + console.TODO["EACCES"])


@pytest.mark.parametrize("words", [["grade", ""], ["grade", ".", "--db", ""], ["grade", ".", "--csv="],
                                   ["collect", ".", "--from", ""], ["course", ""]])
def test_an_empty_value_is_refused(capstone, words):
    one_line(capstone(*words), "empty value", words[-1] or words[-2])


@pytest.mark.parametrize("seconds", ["nan", "inf", "1e300", "0"])
def test_a_time_limit_is_a_number_of_seconds(capstone, course, seconds):
    result = capstone("grade", course, "--timeout", seconds)
    assert result.returncode == 2 and "--timeout" in result.stderr


def test_a_terminal_without_utf_8(course):
    hand_in(course, "Zoë", **RIGHT)
    result = process("grade", course, "--no-sandbox", env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert result.returncode == 0 and "Zo? " in result.stdout


def test_progress_is_a_line_now_and_then(capsys, monkeypatch):
    now = iter(range(0, 1000, 3))
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    with console.Progress() as progress:
        for done in range(1, 11): progress(done, 10, {})
    lines = capsys.readouterr().err.splitlines()
    assert 2 <= len(lines) <= 6 and re.fullmatch(r"graded \d+ of 10, about \d+ s left", lines[0])


@pytest.mark.parametrize("installed", [True, False])
def test_progress_is_a_bar_on_a_terminal_and_lines_without_rich(installed):
    ours, theirs = pty.openpty()
    code = (("import sys; sys.modules |= {} if %r else {'rich': None}\nfrom tinytorch_grader.console import Progress\n"
             "with Progress(every=0) as p:\n for i in range(1, 4): p(i, 3, {}); __import__('time').sleep(.2)")
            % installed)
    with subprocess.Popen([sys.executable, "-c", code], stderr=theirs,
                          env=os.environ | {"TERM": "xterm", "COLUMNS": "100"}) as process:
        os.close(theirs)
        seen = b""
        try:
            while data := os.read(ours, 4096): seen += data
        except OSError: pass   # the end of a terminal
    os.close(ours)
    assert process.returncode == 0, seen
    assert (b"3/3" in seen and b"time left" in seen if installed
            else b"graded 2 of 3, about" in seen and b"3/3" not in seen)


def test_an_unexpected_failure_is_one_line(course, tmp_path):
    code = ("import tinytorch_grader.grade as g; from tinytorch_grader import cli\n"
            "def grade(*a): raise KeyError('lost')\ng.grade = grade\ncli.main()")
    result = subprocess.run([sys.executable, "-c", code, "grade", course], capture_output=True, text=True, timeout=300)
    one_line(result, "KeyError", "lost")
