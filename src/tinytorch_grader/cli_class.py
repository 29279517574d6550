"""The commands about a class besides grading it: who wrote alike, whether a claim holds, answers that a person
marks."""
from pathlib import Path

import click

from .cli import Refused, assigned, command, course, is_course, number, plain, replaced, room

path = click.Path(path_type=Path)


def opened(folder, assignment=None):
    is_course(folder)
    gradebook = room("gradebook")
    return gradebook.Gradebook(folder, None, assignment or gradebook.ASSIGNMENT)


@command("capstone similar ~/courses/capstone-2026", "List work that is alike, for a person to look at.")
@course
@assigned
def similar(course, assignment):
    """List pairs of students whose answers are alike beyond what the assignment makes likely, and identical files.

    Exit status 1 where there are any.

    It is a list for a person, never a verdict: look at both before you say anything."""
    with opened(course, assignment) as book: pairs, same, claims = room("similar").look(book)
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
def rerun(course, student, timeout):
    """Execute STUDENT's notebook in the cage, demonstrations included, and print what was claimed beside what was
    measured here."""
    is_course(course)
    claimed, found = room("rerun").rerun(course, student, timeout)
    if claimed is None: print(f"{plain(student)} handed in no submission.json; this is what the notebook measures here")
    lines = [("", "claimed", "measured here"), *room("rerun").table(claimed, found)]
    lines = [[plain(f"{cell:.4g}" if isinstance(cell, float) else "-" if cell is None else cell) for cell in line]
             for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines: print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    return 0


@command("capstone answers ~/courses/capstone-2026 --out answers.csv",
         "Write answers that wait for a person into a CSV.")
@course
@click.option("--out", metavar="FILE", type=path, required=True, help="The CSV to fill in; - is stdout.")
@click.option("--part", metavar="NAME", help="This question alone.")
@click.option("--all", "all_of_them", is_flag=True, help="Those that are marked already too.")
@assigned
def answers(course, out, part, all_of_them, assignment):
    """Write the answers that a person has to mark, one question after the other, into a CSV: fill in points and
    comment, then `capstone mark`."""
    with opened(course, assignment) as book: rows = room("byhand").rows(book, part, all_of_them)
    with replaced(out, newline="") as file: room("byhand").write(file, rows)
    if str(out) != "-":
        print(f"{out}: {len(rows)} answers; fill in points and comment, then `capstone mark {course} --from {out}`")


@command("capstone mark ~/courses/capstone-2026 --from answers.csv", "Enter the marks of such a CSV.")
@course
@click.option("--from", "file", metavar="FILE", type=path, required=True,
              help="The CSV of `capstone answers`, filled in.")
@assigned
def mark(course, file, assignment):
    "Enter points and comments; rows without points are left, and rows whose answer has changed since are listed."
    if not file.is_file(): raise Refused(f"{file}: no such file; write it with `capstone answers`")
    with opened(course, assignment) as book: entered, refused = room("byhand").mark(book, file)
    print(f"{number(entered)} marks entered")
    for who, why in refused: print(f"  not taken: {plain(who)}: {plain(why)}")
    return int(bool(refused))
