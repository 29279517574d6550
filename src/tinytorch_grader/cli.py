"""Words in, words out: the command `capstone`.

Threat: a person meets a traceback, or a terminal acts on what a student wrote. Every failure is one line and exit
status 2, or 3 where 1 and 2 are results; everything printed passes through `plain`. Each command imports its own room
alone: `capstone check` needs neither nbgrader nor a database.
"""
import contextlib
import csv
import importlib.metadata
import importlib.util
import json
import math
import os
import re
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import click

from . import cli_results
from .console import (
    ASSIGNMENT,
    PATH,
    Progress,
    Refused,
    assigned,
    command,
    course,
    database,
    is_course,
    json_option,
    number,
    plain,
    reason,
    replaced,
    room,
    safe,
    said,
    writable,
    write_json,
)
from .notebook import UNCAGED
from .visible import visible

COLUMNS = ("student", "status", "score", "max_score", "needs_manual", "parts", "seconds", "message")
SHOWN = 60   # students in the table after grading; of larger classes only those that need attention


def version(context, _, asked):
    "Print the version of the package that this command came with."
    if not asked: return
    names = "tinytorch", "tinytorch-grader"   # the instructors' and the students' distribution
    print("capstone",
          next((distribution.version for name in names for distribution in importlib.metadata.distributions(name=name)),
               "unknown"))
    context.exit()


@command("capstone release ../capstone-2026 --repo myschool/capstone-2026", "Write the students' repository.")
@click.argument("out", type=PATH)
@click.option("--repo", metavar="ORG/NAME",
              help="Where the repository will live on GitHub, for its Binder badge; default: as at the last release "
                   "to OUT.")
@click.option("--no-hidden-checks", is_flag=True,
              help="Leave the sealed hidden checks out of the students' `capstone check`.")
@json_option
def release(out, repo, no_hidden_checks, json_file):
    "Write the students' repository to OUT, Binder-ready, proved free of answers and hidden tests."
    writable(json_file)
    with Progress(doing="releasing", past="released, step") as progress:
        made = room("release").release(out, repo, hidden_checks=not no_hidden_checks, progress=progress)
    write_json(json_file, {"released": plain(made), "hidden_checks": not no_hidden_checks})
    with said(json_file): print(f"released to {made}: searched for leaks, none found")


@command("capstone check part2", "Points and a hint for each part of your notebook.")
@click.argument("words", metavar="[NOTEBOOK] [PART]", nargs=-1)
@click.option("--json", "json_file", metavar="FILE", type=PATH,
              help="Write the result there too.")
def check(words, json_file):
    """Points and a hint for each part of your NOTEBOOK, or for one PART (part2, q3) alone, hidden checks included.

    Changes nothing."""
    parts = [word for word in words if PART_WORD.fullmatch(word)]
    paths = [Path(word) for word in words if word not in parts]
    if len(parts) > 1 or len(paths) > 1:
        raise Refused(f"got {' '.join(words)}, expected at most one notebook and one part, such as part2")
    notebook = paths[0] if paths else Path(f"{ASSIGNMENT}.ipynb")
    writable(json_file)
    if not notebook.exists(): raise Refused(f"{notebook}: no such file; give the path of your {ASSIGNMENT}.ipynb")
    print(saved_when(notebook))
    result = room("check").check(notebook)
    of_part = parts[0] if parts else ""
    if of_part and not any(belongs(name, of_part) for name in result.parts):
        raise Refused(f"{of_part}: no such part; there are {', '.join(dict.fromkeys(map(part_of, result.parts)))}")
    print(parts_table(result, of_part))
    if result.message: print(plain(result.message))
    for note in result.notes: print(f"note: {plain(note)}")
    if json_file: write_grades(json_file, [{name: getattr(result, name) for name in COLUMNS}], result.max_score)
    return int(result.status != "graded")


PART_WORD = re.compile(r"part\d+b?|q\d+|questions")
OLD = 60   # seconds after which a saved notebook may not be what is on the screen


def saved_when(notebook, now=None):
    "Which file is read, when it was saved, and a warning when that is a while ago."
    saved = notebook.stat().st_mtime
    age, at = (time.time() if now is None else now) - saved, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(saved))
    warning = "; what you changed since then is not in it: save first" if age > OLD else ""
    return f"{notebook}, saved {at}{warning}"


def part_of(name):
    "The part that the graded cell `name` belongs to: part1 to part5, or questions."
    return name.partition("-")[0] if name.startswith("part") else "questions"


def belongs(name, part):
    "Whether the graded cell `name` is of `part`, which may be one question."
    return part_of(name) == part or name.partition("-")[0] == part


def points_a_part(parts):
    "One line per part: its points."
    sums = {}
    for name, part in parts.items():
        score, most = sums.get(part_of(name), (0, 0))
        sums[part_of(name)] = score + (part["score"] or 0), most + part["max_score"]
    return [f"{name:<9}  {number(score):>4} of {number(most)}" for name, (score, most) in sums.items()]


def parts_table(result, of_part=""):
    "Points for each part; then each graded cell with a hint, the unwritten ones in one line; the total."
    judged = result.parts if result.status not in ("invalid", "missing") else {}   # one reason for all, said below
    judged = {name: part for name, part in judged.items() if not of_part or belongs(name, of_part)}
    width, lines = max([len(name) for name in result.parts] + [5]), []
    unwritten = [name for name, part in judged.items() if part["message"].startswith("not written yet")]
    for name, part in judged.items():
        if name in unwritten: continue
        hint = plain(part["message"]) or ("full points" if part["score"] == part["max_score"] else "")
        lines.append(f"{name:<{width}}  {number(part['score']):>4} of {number(part['max_score']):<4}  {hint}".rstrip())
    if unwritten: lines.append(f"not written yet: {', '.join(unwritten)}")
    score, most = ((sum(part[key] or 0 for part in judged.values()) for key in ("score", "max_score")) if of_part
                   else (result.score, result.max_score))
    total = f"{'total':<{width}}  {number(score):>4} of {number(most):<4}".rstrip()
    by_hand = sum(part["max_score"] for part in judged.values() if part["message"] == "graded by hand")
    waits = f"  {number(by_hand)} points await manual grading" if by_hand else ""
    return "\n".join([*points_a_part(judged), "", f"{'part':<{width}}  {'points':<12}  hint", *lines, total + waits])


@command("capstone course ~/courses/capstone-2026", "Make or refresh an nbgrader course.", name="course")
@course
@json_option
@assigned
def course_(course, json_file, assignment):
    """Make or refresh the nbgrader course in DIR: source/, release/ and gradebook from the source notebook.

    With --assignment release another one of it, DIR/source/NAME/."""
    writable(json_file)
    if assignment != ASSIGNMENT: is_course(course)
    else: room("release").place(course)
    with Progress(doing="checking the tests", past="checked the tests, run") as progress:
        if assignment != ASSIGNMENT: made = room("release").make_assignment(course, assignment, progress)
        else:
            if problem := room("mutants").checked(room("release").source_notebook(), progress): raise Refused(problem)
            made = room("release").make_course(course)
    write_json(json_file, {"course": plain(made), "submitted": plain(made / "submitted")})
    with said(json_file):
        print(f"course in {made}: put submissions into submitted/STUDENT/{assignment}/, then `capstone grade`"
              + (f" with --assignment {assignment}" if assignment != ASSIGNMENT else ""))


def finite(context, parameter, value):
    if math.isnan(value): raise click.BadParameter(f"{value} is no number of seconds.")
    return value


@command("capstone grade ~/courses/capstone-2026 --workers 4 --csv grades.csv",
         "Grade what is new or changed in submitted/.")
@course
@click.option("--student", "students", metavar="ID", multiple=True,
              help="Only this student; may be given several times.")
@click.option("--workers", metavar="N", type=click.IntRange(1), help="Submissions at a time; default: one a core.")
@click.option("--timeout", metavar="S", type=click.FloatRange(1, 86400), callback=finite, default=120,
              show_default=True, help="Seconds a submission may run.")
@click.option("--memory", metavar="MB", type=click.IntRange(256, 2**20), default=2048, show_default=True,
              help="MiB a submission may use.")
@database
@click.option("--json", "json_file", metavar="FILE", type=PATH,
              help="Write the grades there as JSON, with --student those alone; - is stdout.")
@click.option("--csv", "csv_file", metavar="FILE", type=PATH,
              help="The same as CSV, in UTF-8: a column a part, and who is absent.")
@click.option("--canvas", metavar="EXPORT.csv", type=PATH,
              help="Fill the assignment's column in the gradebook that Canvas exported.")
@click.option("--column", metavar="TITLE", help="The column of --canvas, where it is not the assignment's name.")
@click.option("--moodle", metavar="WORKSHEET.csv", type=PATH,
              help="Fill the grades in the worksheet that Moodle exported.")
@click.option("--no-sandbox", is_flag=True,
              help="Run without bubblewrap; only for code that you trust. Every report says so.")
@click.option("--executor", metavar="dask://HOST:PORT", help="Let the workers of this Dask cluster grade.")
@click.option("--force", is_flag=True, help="Grade finished submissions again.")
@assigned
def grade(course, students, workers, timeout, memory, db, json_file, csv_file, canvas, column, moodle, no_sandbox,
          executor, force, assignment):
    """Grade every new or changed submission in DIR/submitted; finished ones are not redone.

    Interrupt it and run it again at will."""
    is_course(course)
    if executor and not executor.startswith("dask://"):
        raise Refused(f"--executor: got {executor}, expected dask://HOST:PORT")
    writable(json_file, csv_file)
    for path in (canvas, moodle):
        if path and not path.is_file(): raise Refused(f"{path}: no such file; export it from the LMS first")
    if no_sandbox: print("no sandbox: student code runs with your rights", file=sys.stderr)
    with Progress() as progress:
        rows = room("grade").grade(course, students, workers, timeout, memory, db,
                                   not no_sandbox, executor, progress, force, assignment)
    if json_file: write_grades(json_file, rows, rows.max_score, assignment)
    if csv_file:
        with keeping(rows, csv_file): write_csv(csv_file, rows, [] if students else rows.absent())
    with contextlib.redirect_stdout(sys.stderr if Path("-") in (json_file, csv_file) else sys.stdout):
        attention = print_rows(rows)
        for note in rows.notes: print(f"note: {note}")
        if not rows.changed: print("nothing to do: no submission is new or changed; --force grades again")
        attention += give_back(rows, canvas, column, moodle)
    return int(attention > 0)


@contextlib.contextmanager
def keeping(rows, path):
    "Around writing the CSV `path`: a file that somebody changed stays as NAME.before, and a note says so."
    with room("giveback").keeping(rows.course, path) as kept: yield
    rows.notes += [f"{path}: what was there is {copy} now" for copy in kept]


def give_back(rows, canvas, column, moodle):
    "Fill the files that an LMS exported and say who is not in both; returns how many rows of a file got no points."
    left = 0
    for path, how in ((canvas, lambda room, path, grades: room.canvas(path, grades, rows.assignment, column)),
                      (moodle, lambda room, path, grades: room.moodle(path, grades))):
        if path is None: continue
        with room("giveback").keeping(rows.course, path) as kept: done = how(room("giveback"), path, [*rows.grades()])
        print(f"{path}: {done.filled} grades filled in, column {plain(done.column)}"
              + "".join(f"; the file as it was is {copy}" for copy in kept))
        for what, names in (("not in this file", done.not_in_file), ("without a grade here", done.not_in_course),
                            ("note", done.notes)):
            for name in names: print(f"  {what}: {plain(name)}")
        left += len(done.not_in_file)
    return left


def group(grade_id):
    "The column of a part: `part2` for part2-timing-units, `q` for q1-check."
    return re.match(r"part\w+|[A-Za-z]+|.*", grade_id)[0]


def print_rows(rows):
    "A table of the students, or of those who need attention in a large class; returns how many need attention."
    table, most, attention, waiting, uncaged = [], {}, 0, 0, 0
    for grade in rows.grades():
        needs, said = grade.status != "graded", grade.said.split("; ")
        uncaged += UNCAGED in said
        attention, waiting = attention + needs, waiting + any(mark.waits for mark in grade.parts.values())
        if not needs and len(rows) > SHOWN: continue
        sums, sizes = {}, {}
        for part, mark in grade.parts.items():
            name = group(part)
            sums[name], sizes[name] = sums.get(name, 0) + mark.score, sizes.get(name, 0) + mark.max_score
        most |= sizes
        waits = f"{number(grade.waiting)} points await manual grading" if grade.waiting else ""
        table.append((plain(grade.student), grade.status, sums, number(grade.score),
                      "; ".join(filter(None, [waits, *(plain(words) for words in said if words != UNCAGED)]))))
    names = [name for name, size in most.items() if size]
    lines = [["student", "status", *(f"{name}/{number(most[name])}" for name in names),
              f"total/{number(rows.max_score)}", ""]]
    lines += [[student, status, *(number(sums.get(name)) for name in names), total, note]
              for student, status, sums, total, note in table]
    widths = [max(map(len, column)) for column in zip(*lines)]
    aligned = [str.ljust, str.ljust, *[str.rjust] * (len(names) + 1), str.ljust]
    for line in lines if table else ():
        print("  ".join(align(cell, width) for align, cell, width in zip(aligned, line, widths)).rstrip())
    print(f"{len(rows)} submissions: {len(rows) - attention} graded, {attention} need attention; a person has to mark "
          f"{waiting}")
    if uncaged: print(UNCAGED if uncaged == len(rows) else f"{UNCAGED}: {uncaged} of them")
    return attention


def write_grades(path, rows, max_score, assignment=ASSIGNMENT):
    with replaced(path) as f:
        f.write(json.dumps({"assignment": assignment, "max_score": max_score})[:-1] + ', "submissions": [')
        for i, row in enumerate(rows): f.write((",\n" if i else "\n") + json.dumps(row, ensure_ascii=False))
        f.write("\n]}\n")


def write_csv(path, rows, absent=()):
    """The grades for a spreadsheet: a column a part, then the same parts with their messages as JSON; text that
    would be a formula behind an apostrophe.

    `absent`: Grades of students of the roster who handed nothing in."""
    seen = lambda value: safe(visible(value) if isinstance(value, str) else value)
    titles = list(dict.fromkeys(part for grade in [*rows.grades(), *absent] for part in grade.parts))
    with replaced(path, newline="") as f:
        table = csv.writer(f)
        table.writerow([*COLUMNS[:5], "name", "penalty", "late_hours", *titles, *COLUMNS[5:]])
        for grade in [*rows.grades(), *absent]:
            row = grade.row() | {"parts": json.dumps(grade.row()["parts"], ensure_ascii=False)}
            numbers = [number(grade.penalty), number(grade.late_s / 3600),
                       *(number(grade.parts[part].score) if part in grade.parts else "" for part in titles)]
            table.writerow([*map(seen, map(row.get, COLUMNS[:5])), seen(grade.name), *numbers,
                            *map(seen, map(row.get, COLUMNS[5:]))])


@command("capstone feedback ~/courses/capstone-2026 --with-answers", "Write one page per student.")
@course
@click.option("--with-answers", is_flag=True, help="Include answers; only when nobody can hand in again.")
@click.option("--zip", "archive", metavar="FILE", type=PATH,
              help="The pages as a zip for the bulk upload of Canvas or Moodle too.")
@database
@assigned
@json_option
def feedback(course, with_answers, archive, db, assignment, json_file):
    "Write static, sanitized HTML to DIR/feedback, one folder per student."
    is_course(course)
    writable(json_file)
    with Progress(doing="writing", past="written") as progress:
        written = room("pages.feedback").write(course, with_answers=with_answers, db=db, progress=progress,
                                               assignment=assignment)
    pages = {folder.parent.name: sorted(folder.glob("*.html")) for folder in written}
    left = room("giveback").feedback_zip(archive, pages, room("collect").files_of(course, assignment)
                                         ) if archive else []
    write_json(json_file, {"pages": {plain(student): plain(found[0]) for student, found in pages.items()},
                           "not_in_zip": [plain(student) for student in left]})
    with said(json_file):
        print(f"feedback for {len(written)} students in {course / 'feedback'}"
              + (", answers included" if with_answers else ""))
        if archive: print(f"{archive}: {len(pages) - len(left)} pages, to be uploaded as it is")
        for student in left:
            print(f"  not in it, since no download of Canvas or Moodle brought the file: {plain(student)}")
    return int(bool(left))


def collected(course, path, assignment):
    "What became of the download at `path`, said line by line."
    found = room("collect").collect(course, path, assignment)
    for line in found.unmatched: print(f"not matched: {plain(line)}")
    for line in found.kept: print(f"left: {plain(line)}")
    for line in found.notes: print(f"note: {plain(line)}")
    if not found.matched and not found.kept:
        what = f"{ASSIGNMENT}.ipynb" if assignment == ASSIGNMENT else f"the notebooks of {assignment}"
        print(f"{plain(path)}: no submission there; expected {what} under the names of {room('lms').EXAMPLES}, or the "
              "course's own pattern")
    return found


@command("capstone collect ~/courses/capstone-2026 --from moodle.zip",
         "Sort an LMS download into submitted/.")
@course
@click.option("--from", "downloads", metavar="DOWNLOADS", required=True, multiple=True, type=PATH,
              help="An LMS download: archive or folder; may be given several times.")
@assigned
@json_option
def collect(course, downloads, assignment, json_file):
    """Sort LMS downloads into DIR/submitted; what cannot be matched is listed and left alone.

    Names as Canvas, Moodle and Blackboard make them are known; for others put a pattern into DIR/nbgrader_config.py:
    c.FileNameCollectorPlugin.named_regexp, with the groups student_id and file_id."""
    is_course(course)
    writable(json_file)
    for path in downloads:
        if not path.exists(): raise Refused(f"{path}: no such file or folder")
    with said(json_file): sorted_in = {path: collected(course, path, assignment) for path in downloads}
    kinds = "matched", "kept", "unmatched", "notes"
    write_json(json_file, {kind: [plain(line) for found in sorted_in.values() for line in getattr(found, kind)]
                           for kind in kinds})
    done = Counter(line.rpartition(": ")[2] for found in sorted_in.values() for line in found.matched)
    done["older than what is there"] = sum(len(found.kept) for found in sorted_in.values())
    unmatched = sum(len(found.unmatched) for found in sorted_in.values())
    counts = ", ".join(f"{done[kind]} {kind}" for kind in dict.fromkeys(["new", "replaced", *sorted(+done)]))
    with said(json_file): print(f"{course / 'submitted'}: {counts}; {unmatched} not matched")
    return int(unmatched > 0 or not all(found.matched or found.kept for found in sorted_in.values()))


@command("capstone report ~/courses/capstone-2026", "Write one page about the class.")
@course
@database
@assigned
@json_option
def report(course, db, assignment, json_file):
    "Write one offline HTML page about the class to DIR/report.html."
    is_course(course)
    writable(json_file)
    with Progress(doing="reading submissions", past="read") as progress:
        made = room("pages.report").write(course, db=db, assignment=assignment, progress=progress)
    write_json(json_file, {"report": plain(made)})
    with said(json_file): print(f"report: {made}")


@command("capstone help check", "What a command does and which options it has.", name="help")
@click.argument("name", metavar="[COMMAND]", required=False)
@click.pass_context
def help_(context, name):
    "What COMMAND does, or which commands there are."
    known = cli.commands.get(name) if name else cli
    if known is None:
        listed = sorted(name for name, each in cli.commands.items() if not each.hidden)
        raise Refused(f"help: no command {plain(name)}; there are {', '.join(listed)}")
    print(known.get_help(click.Context(known, info_name=name or "capstone", parent=context.parent if name else None)))


def refused_status():
    """The exit status of words that cannot be right: 2, or what the command named first asks for (where 2 is a
    result it is 3)."""
    first = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    return getattr(cli.commands.get(first), "refused_status", 2)


WHOLE = importlib.util.find_spec(f"{__package__}.cli_class") is not None   # else this is the students' part
ABOUT = """Release, check and grade the TinyTorch capstone.

Exit status: 0 all well, 1 something needs attention, 2 the command could not run. Commands about submission.json
keep 2 for what cannot be compared, and use 3.""" if WHOLE else """Check your TinyTorch capstone.

Exit status: 0 all well, 1 your notebook could not be graded whole, 2 the command could not run."""


def commands():
    "Every command; the students' part of the grader lists only those that work there."
    more = importlib.import_module(f"{__package__}.cli_class").COMMANDS if WHOLE else ()
    found = [release, check, course_, grade, feedback, collect, report, help_, *cli_results.COMMANDS, *more]
    for each in found: each.hidden = not WHOLE and each not in (check, help_)
    return found


@click.group(commands=commands(), help=ABOUT,
             context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=version, help="Print the version.")
def cli(): pass


def die_quietly():
    "A batch system that stops us, or a closed terminal, ends the cages too."
    for name in {"SIGTERM", "SIGHUP"} & vars(signal).keys():
        if signal.getsignal(getattr(signal, name)) == signal.SIG_DFL:
            signal.signal(getattr(signal, name), signal.default_int_handler)


def refuse_empty_values():
    "Refused where a variable of the shell that is not set left an empty word."
    for before, word in zip(sys.argv, sys.argv[1:]):
        if not word or re.fullmatch("--[a-z-]+=", word):
            raise Refused(f"got an empty value {f'as {word}' if word else f'after {os.path.basename(before)}'}; "
                          "is a variable of your shell not set?")


def told(error):
    "What an exception says to a person, in one line."
    known = (isinstance(error, (RuntimeError, ValueError))
             and (type(error).__module__ or "").startswith(f"{__package__}."))
    if known: return plain(error)
    if isinstance(error, OSError): return plain(reason(error))
    return f"{plain(f'{type(error).__name__}: {error}')} (CAPSTONE_TRACEBACK=1 shows where)"


def main():
    "Run the command line; every failure is one line on stderr and exit status 2, or 3 where 2 is a result."
    for stream in (sys.stdout, sys.stderr): stream.reconfigure(errors="replace")
    die_quietly()
    try:
        refuse_empty_values()
        sys.exit(cli(standalone_mode=False) or 0)
    except click.ClickException as e:
        e.show()
    except (KeyboardInterrupt, click.Abort):
        print("capstone: interrupted; what was finished is kept, run it again to go on", file=sys.stderr)
    except BrokenPipeError:   # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except Exception as e:
        if os.environ.get("CAPSTONE_TRACEBACK"): raise
        print(f"capstone: {told(e)}", file=sys.stderr)
    sys.exit(refused_status())
