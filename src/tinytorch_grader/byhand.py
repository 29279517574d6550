"""Answers that a person marks, out and in by CSV: one question at a time for the whole class, in any spreadsheet.

Threat: a mark lands on another answer than the one that was read. Each row carries the digest of its answer; where
the answer has changed since, or a mark is no number between 0 and what the part is worth, the row is not taken and
is listed; so is a mark that another one takes the place of.
"""
import csv
import json
import math
from contextlib import suppress

from .console import FORMULA, safe
from .gradebook import NO_RESPONSE, Mark, digests_of
from .notebook import about, text
from .visible import visible

COLUMNS = "part", "student", "name", "answer", "worth", "points", "extra_credit", "comment", "answer_id"
GIVEN = "points", "extra_credit", "comment"


class ByHandError(RuntimeError):
    "The file of marks cannot be used; the message is one line."


def unsafe(value):
    "What `safe` was given."
    return value[1:] if value.startswith("'") and value[1:].startswith(FORMULA) else value


def notebooks(book, student):
    "{name: notebook} of what was graded."
    found = {}
    for name in book.notebooks:
        with suppress(OSError, ValueError, RecursionError):
            found[name] = json.loads((book.path("autograded", student) / f"{name}.ipynb").read_text(encoding="utf-8"))
    return found


def said(grade, part):
    "What a person wrote about a part."
    comment = grade.comments.get(part, "")
    return "" if comment == NO_RESPONSE else comment


def rows(book, wanted=None, all_of_them=False):
    """The rows of the parts that wait for a person; by question, then by student.

    `wanted`: one part; `all_of_them`: all parts by hand, and whatever else a person marked or wrote about."""
    found = []
    for student, grade in book.grades().items():
        graded = notebooks(book, student)
        digests = digests_of(graded, book.part)
        for name, notebook in graded.items():
            for cell in notebook["cells"]:
                mark, part = about(cell), book.part(name, about(cell).get("grade_id"))
                if part not in digests or wanted not in (None, part): continue
                by_hand = mark.get("grade") and mark.get("solution") or mark.get("task")
                one = grade.parts.get(part) or Mark(0)
                given = by_hand or one.manual is not None or one.extra or said(grade, part)
                if not (all_of_them and given or by_hand and one.waits): continue
                answer = "" if mark.get("grade") and not by_hand else (text(cell.get("source")) or "") + "".join(
                    f"\n[picture {n}: see Formgrader or the feedback page]" for n in cell.get("attachments") or ())
                points = "" if one.manual is None or one.outdated else f"{one.manual:g}"
                found.append({"part": part, "student": student, "name": grade.name, "answer": visible(answer),
                              "worth": f"{one.max_score:g}", "points": points,
                              "extra_credit": f"{one.extra:g}" if one.extra else "", "comment": said(grade, part),
                              "answer_id": digests[part][:16]})
    return sorted(found, key=lambda row: (row["part"], row["student"]))


def write(file, found):
    "Write the rows, after the mark by which Excel knows UTF-8."
    file.write("\ufeff")
    table = csv.writer(file)
    table.writerow(COLUMNS)
    for row in found: table.writerow([safe(row[name]) for name in COLUMNS])


def read(path):
    "The rows of the CSV at `path`, as any spreadsheet writes it."
    csv.field_size_limit(2**31 - 1)   # a student may write more than the 128 KiB that csv reads otherwise
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            table = list(csv.DictReader(file, delimiter=max(",;\t", key=first.count)))
    except UnicodeDecodeError:
        raise ByHandError(f"{path}: is not UTF-8; save it in the spreadsheet as `CSV UTF-8`") from None
    except (OSError, csv.Error) as e:
        raise ByHandError(f"{path}: {e}; expected the CSV of `capstone answers`, with points filled in") from None
    if not table or not {"part", "student", "points", "answer_id"} <= table[0].keys():
        raise ByHandError(f"{path}: expected the columns {', '.join(COLUMNS)} of `capstone answers`")
    return [{name: unsafe((row.get(name) or "").strip()) for name in COLUMNS} for row in table]


def mark(book, path):
    """Enter the marks and comments of the CSV at `path`; (how many rows were entered, [(who, why a row was not
    taken)], [(who, what stood there before and is replaced)])."""
    grades, entered, refused, before = book.grades(), {}, [], []
    for row in read(path):
        student, part, given = row["student"], row["part"], [row[name] for name in GIVEN]
        who, grade = f"{student}, {part}", grades.get(student)
        if not any(given) or grade and not row["points"] and not news(grade, part, row): continue
        if why := refusal(book, grade, row): refused.append((who, why))
        elif entered.setdefault((student, part), given) != given:
            refused.append((who, "another row of this file says otherwise; the first one counts"))
        else:
            before += [(who, what) for what in replaced(grade, part, row)]
            points, extra = (float(row[name].replace(",", ".")) if row[name] else None for name in GIVEN[:2])
            book.mark(student, part, points, row["comment"], extra)
    return len(entered), refused, before


def news(grade, part, row):
    "Whether a row without points says what the gradebook does not."
    one = grade.parts.get(part) or Mark(0)
    return row["comment"] not in ("", said(grade, part)) or row["extra_credit"] not in ("", f"{one.extra or 0:g}")


def replaced(grade, part, row):
    "What a person gave before and a row says otherwise."
    one, comment = grade.parts.get(part) or Mark(0), said(grade, part)
    for name, known in (("points", None if one.outdated else one.manual), ("extra_credit", one.extra)):
        if row[name] and known is not None and known != float(row[name].replace(",", ".")):
            yield f"{name.replace('_', ' ')} before: {known:g}"
    if row["comment"] and comment not in ("", row["comment"]): yield f"comment before: {comment}"


def refusal(book, grade, row):
    "Why a row is not taken, or None."
    part, digests = row["part"], digests_of(notebooks(book, row["student"]), book.part)
    if grade is None or part not in {*grade.parts, *digests}: return "no such student or part in the gradebook"
    for name in GIVEN[:2]:
        try: value = float(row[name].replace(",", ".") or 0)
        except ValueError: return f"got {row[name][:20]!r} as {name.replace('_', ' ')}"
        most = (grade.parts.get(part) or Mark(0)).max_score if name == "points" else math.inf
        if not math.isfinite(value) or name == "points" and not 0 <= value <= most:
            return f"got {row[name]}, expected 0 to {most:g}; more is given as extra credit"
    if digests.get(part, "")[:16] != row["answer_id"]:
        return "the answer has changed since; read it again with `capstone answers`"
    return None
