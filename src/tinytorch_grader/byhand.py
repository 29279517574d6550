"""Answers that a person marks, out and in by CSV: one question at a time for the whole class, in any spreadsheet.

Threat: a mark lands on another answer than the one that was read. Each row carries the digest of its answer; where
the answer has changed since, or a mark is no number between 0 and what the part is worth, the row is not taken and
is listed.
"""
import csv
import json
from contextlib import suppress

from .gradebook import digests_of
from .notebook import about, text

COLUMNS = "part", "student", "name", "answer", "worth", "points", "comment", "answer_id"


class ByHandError(RuntimeError):
    "The file of marks cannot be used; the message is one line."


def safe(value):
    "`value` as no spreadsheet takes it for a formula."
    return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") and value else value


def notebooks(book, student):
    "{name: notebook} of what was graded."
    found = {}
    for name in book.notebooks:
        with suppress(OSError, ValueError, RecursionError):
            found[name] = json.loads((book.path("autograded", student) / f"{name}.ipynb").read_text(encoding="utf-8"))
    return found


def rows(book, wanted=None, all_of_them=False):
    """The rows of the parts that wait for a person, or all parts by hand; by question, then by student.

    `wanted`: one part."""
    found = []
    for student, grade in book.grades().items():
        graded = notebooks(book, student)
        digests = digests_of(graded, book.part)
        for name, notebook in graded.items():
            for cell in notebook["cells"]:
                mark, part = about(cell), book.part(name, about(cell).get("grade_id"))
                if (not (mark.get("grade") and mark.get("solution") or mark.get("task")) or part not in grade.parts
                    or wanted not in (None, part)):
                    continue
                one = grade.parts[part]
                if not (one.waits or all_of_them): continue
                answer = (text(cell.get("source")) or "") + "".join(
                    f"\n[picture {n}: see Formgrader or the feedback page]" for n in cell.get("attachments") or ())
                points = "" if one.manual is None or one.outdated else f"{one.manual:g}"
                found.append({"part": part, "student": student, "name": grade.name, "answer": answer,
                              "worth": f"{one.max_score:g}", "points": points,
                              "comment": grade.comments.get(part, ""), "answer_id": digests[part][:16]})
    return sorted(found, key=lambda row: (row["part"], row["student"]))


def write(file, found):
    table = csv.writer(file)
    table.writerow(COLUMNS)
    for row in found: table.writerow([safe(row[name]) for name in COLUMNS])


def mark(book, path):
    "Enter the marks of the CSV at `path`; (how many were entered, [(who, why a row was not taken)])."
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            table = list(csv.DictReader(file, delimiter=max(",;\t", key=first.count)))
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise ByHandError(f"{path}: {e}; expected the CSV of `capstone answers`, with points filled in") from None
    if not table or not {"part", "student", "points", "answer_id"} <= table[0].keys():
        raise ByHandError(f"{path}: expected the columns {', '.join(COLUMNS)} of `capstone answers`")
    grades, entered, refused = book.grades(), 0, []
    for row in table:
        student, part, points = ((row[name] or "").strip().removeprefix("'") for name in ("student", "part", "points"))
        if not points: continue
        if why := refusal(book, grades.get(student), student, part, points, (row["answer_id"] or "").strip()):
            refused.append((f"{student}, {part}", why))
        else:
            book.mark(student, part, float(points.replace(",", ".")), (row.get("comment") or "").removeprefix("'")
                      or None)
            entered += 1
    return entered, refused


def refusal(book, grade, student, part, points, answer_id):
    "Why a row is not taken, or None."
    if grade is None or part not in grade.parts: return "no such student or part in the gradebook"
    try: value = float(points.replace(",", "."))
    except ValueError: return f"got {points[:20]!r} as points"
    if not 0 <= value <= grade.parts[part].max_score:
        return f"got {points}, expected 0 to {grade.parts[part].max_score:g}; extra credit is given in Formgrader"
    if digests_of(notebooks(book, student), book.part).get(part, "")[:16] != answer_id:
        return "the answer has changed since; read it again with `capstone answers`"
    return None
