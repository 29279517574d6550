"""The commands about a class besides grading it: who wrote alike, whether a claim holds, answers that a person
marks."""
import sys

import click

from .console import (
    PATH,
    Refused,
    assigned,
    command,
    course,
    is_course,
    json_option,
    number,
    plain,
    replaced,
    room,
    said,
    writable,
    write_json,
)


def opened(folder, assignment=None):
    is_course(folder)
    gradebook = room("gradebook")
    return gradebook.Gradebook(folder, None, assignment or gradebook.ASSIGNMENT)


@command("capstone similar ~/courses/capstone-2026", "List work that is alike, for a person to look at.")
@course
@assigned
@json_option
def similar(course, assignment, json_file):
    """List pairs of students whose answers are alike beyond what the assignment makes likely, and identical files.

    Exit status 1 where there are any.

    It is a list for a person, never a verdict: look at both before you say anything."""
    writable(json_file)
    with opened(course, assignment) as book: pairs, same, claims = room("similar").look(book)
    write_json(json_file, {"same_answers": [[*map(plain, group)] for group in same],
                           "same_submission": [[*map(plain, group)] for group in claims],
                           "alike": [vars(pair) | {"one": plain(pair.one), "other": plain(pair.other)}
                                     for pair in pairs]})
    with said(json_file):
        for what, groups in (("the same answers", same), ("the same submission.json", claims)):
            for group in groups: print(f"{what}: {plain(', '.join(group))}")
        for pair in pairs:
            print(f"alike: {plain(pair.one)} and {plain(pair.other)}, {100 * pair.share:.0f} % of the smaller work "
                  f"({pair.shared} runs), most in {', '.join(pair.cells)}")
        if not pairs and not same and not claims: print("nothing alike beyond what the assignment makes likely")
    return int(bool(pairs or same or claims))


@command("capstone rerun ~/courses/capstone-2026 ada", "Run a student's own workflow beside the claim.")
@course
@click.argument("student")
@click.option("--timeout", metavar="S", type=click.FloatRange(1, 86400), default=600, show_default=True,
              help="Seconds the notebook may run.")
@json_option
def rerun(course, student, timeout, json_file):
    """Execute STUDENT's notebook in the cage, demonstrations included, and print what was claimed beside what was
    measured here."""
    is_course(course)
    writable(json_file)
    if sys.stderr.isatty(): print(f"running the notebook in the cage, {timeout:g} s at most", file=sys.stderr)
    claimed, found = room("rerun").rerun(course, student, timeout)
    write_json(json_file, {"student": plain(student), "claimed": claimed, "measured": found})
    lines = [("", "claimed", "measured here"), *room("rerun").table(claimed, found)]
    lines = [[plain(f"{cell:.4g}" if isinstance(cell, float) else "-" if cell is None else cell) for cell in line]
             for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines)]
    with said(json_file):
        if claimed is None:
            print(f"{plain(student)} handed in no submission.json; this is what the notebook measures here")
        for line in lines: print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    return 0


@command("capstone answers ~/courses/capstone-2026 --out answers.csv",
         "Write answers that wait for a person into a CSV.")
@course
@click.option("--out", metavar="FILE", type=PATH, required=True, help="The CSV to fill in; - is stdout.")
@click.option("--part", metavar="NAME", help="This question alone.")
@click.option("--all", "all_of_them", is_flag=True, help="Those that are marked already too.")
@assigned
@json_option
def answers(course, out, part, all_of_them, assignment, json_file):
    """Write the answers that a person has to mark, one question after the other, into a CSV: fill in points and
    comment, then `capstone mark`."""
    writable(out, json_file)
    with opened(course, assignment) as book: rows = room("byhand").rows(book, part, all_of_them)
    with room("giveback").keeping(course, out) as kept, replaced(out, newline="") as file:
        room("byhand").write(file, rows)
    write_json(json_file, {"answers": rows})
    with said(out, json_file):
        for copy in kept: print(f"{out}: what was there is {copy} now")
        print(f"{out}: {len(rows)} answers; fill in points and comment, then `capstone mark {course} --from {out}`")


@command("capstone mark ~/courses/capstone-2026 --from answers.csv", "Enter the marks of such a CSV.")
@course
@click.option("--from", "file", metavar="FILE", type=PATH, required=True,
              help="The CSV of `capstone answers`, filled in.")
@assigned
@json_option
def mark(course, file, assignment, json_file):
    """Enter points, extra credit and comments; an empty field leaves what is there.

    Rows whose answer has changed since are listed, and so are marks that others take the place of."""
    if not file.is_file(): raise Refused(f"{file}: no such file; write it with `capstone answers`")
    writable(json_file)
    with opened(course, assignment) as book: entered, refused, before = room("byhand").mark(book, file)
    write_json(json_file, {"entered": entered, "not_taken": [{"row": plain(who), "why": plain(why)}
                                                             for who, why in refused],
                           "replaced": [{"row": plain(who), "what": plain(what)} for who, what in before]})
    with said(json_file):
        print(f"{number(entered)} marks entered")
        for who, what in before: print(f"  replaced: {plain(who)}: {plain(what)}")
        for who, why in refused: print(f"  not taken: {plain(who)}: {plain(why)}")
    return int(bool(refused))


COMMANDS = similar, rerun, answers, mark
