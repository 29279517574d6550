"""Grades and feedback in the forms that learning management systems import: the file that the LMS itself exported,
filled.

Threat: a grade lands with the wrong person, or in the wrong column. A student is matched by the LMS's own number or
login, and by name only where one person has it; whoever does not match is listed, and a file whose column is not
certain is left as it is.
"""
import contextlib
import csv
import hashlib
import io
import itertools
import re
import zipfile
from collections import Counter
from dataclasses import dataclass, field

from . import lms
from .console import replaced
from .gradebook import GradebookError, put

WROTE = ".capstone_wrote"   # in a course: SHA-256 of the files that its commands wrote for a person to go on with
KEYS = {"Student", "ID", "Identifier"}   # titles of which each LMS's file has one


class GiveBackError(RuntimeError):
    "A file of the LMS cannot be filled; the message is one line that says what to do."


@dataclass
class Filled:
    "What became of an LMS's file: rows that got points, people of either side without the other, remarks."
    column: str = ""
    filled: int = 0
    not_in_file: list = field(default_factory=list)    # students of the course
    not_in_course: list = field(default_factory=list)  # rows of the file
    notes: list = field(default_factory=list)


def words(text):
    "`text` as a set of letters and digits in lower case, for comparing names: `Doe, Jane` is `Jane_Doe`."
    return tuple(sorted(filter(None, re.split(r"[^\w]+|_", lms.one_form(text).lower()))))


@contextlib.contextmanager
def keeping(course, path):
    """Around writing the file `path`: what is there stays beside it as NAME.before, or NAME.before-2 and so on, unless
    a command of this course wrote it and nobody changed it since. A list that then holds the copy's name."""
    digest = lambda data: hashlib.sha256(data).hexdigest()
    memory, kept, known = course / WROTE, [], []
    with contextlib.suppress(OSError): known = memory.read_text(encoding="ascii").split()
    if path.is_file() and digest(data := path.read_bytes()) not in known:
        names = (path.with_name(f"{path.name}.before{f'-{n}' if n > 1 else ''}") for n in itertools.count(1))
        copy = next(name for name in names if not name.exists() or name.read_bytes() == data)
        if not copy.exists(): put(copy, data)
        kept.append(copy.name)
    yield kept
    if path.is_file():   # no pipe
        # a course that cannot be written to: the next file is kept, which costs nobody anything
        with contextlib.suppress(GradebookError):
            put(memory, "\n".join([*known, digest(path.read_bytes())][-1000:]))


def read_table(path):
    "(rows, how the file is written) of a CSV with whatever separator and byte order mark it has."
    try: data = path.read_bytes()
    except OSError as e: raise GiveBackError(f"{path}: {e.strerror}") from e
    bom = data.startswith(b"\xef\xbb\xbf")
    try: text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise GiveBackError(f"{path}: is not UTF-8; export it from the LMS again and do not save it in a spreadsheet "
                            "before") from None
    csv.field_size_limit(2**31 - 1)
    tables = {separator: list(csv.reader(io.StringIO(text, newline=""), delimiter=separator)) for separator in ",;\t"}
    # the one that a title stands alone with; commas in quoted titles count for nothing
    separator = max(tables, key=lambda one: tables[one] and (bool(KEYS & set(tables[one][0])), len(tables[one][0])))
    rows = tables[separator]
    if not rows or len(rows[0]) < 3:
        raise GiveBackError(f"{path}: got no table with a line of titles; expected the file that the LMS exported")
    return rows, {"delimiter": separator, "lineterminator": "\r\n" if "\r\n" in text else "\n"}, bom


def write_table(path, rows, how, bom):
    "Put the filled table in place of the file."
    out = io.StringIO(newline="")
    csv.writer(out, **how).writerows(rows)
    with replaced(path, newline="") as file: file.write(("\ufeff" if bom else "") + out.getvalue())


def spoken(title):
    "The words and numbers of a column's title, without the LMS's own number, each between two spaces."
    return " ".join(["", *re.findall(r"[^\W\d_]+|\d+", re.sub(r" \(\d+\)$", "", title.lower())), ""])


def column(path, titles, wanted, candidates, asked):
    """The index of the one column among `candidates` that is `wanted`, is called so, or has its words in the title; or
    of the only one that shares a word where nobody `asked` for one. GiveBackError where it is not certain."""
    words_of = lambda title: {word for word in spoken(title).split() if not word.isdigit()}
    alike = lambda title: not asked and len(candidates) == 1 and words_of(title) & words_of(wanted)
    found = next(filter(None, ([i for i in candidates if fits(titles[i])] for fits in (
        lambda title: title == wanted, lambda title: spoken(title) == spoken(wanted),
        lambda title: spoken(wanted) in spoken(title), alike))), [])
    if len(found) == 1: return found[0]
    names = ", ".join(repr(titles[i]) for i in (found or candidates)[:8])
    raise GiveBackError(f"{path}: got {len(found) or 'no'} columns for {wanted!r}; name one with --column: "
                        f"{names or 'there is none'}")


class People:
    "Finds a student's Grade by what an LMS calls a person; each at most once."

    def __init__(self, grades):
        self.grades, self.taken = {grade.student: grade for grade in grades}, set()
        self.by_login = {}
        for student in self.grades: self.by_login.setdefault(lms.one_form(student).lower(), []).append(student)
        numbers = Counter(number for student in self.grades if (number := self._number(student)))
        self.by_number = {self._number(student): student for student in self.grades
                          if numbers.get(self._number(student)) == 1}
        self.by_words = {}
        for student, grade in self.grades.items():
            for name in {words(re.sub(r"_\d+$", "", student)), words(grade.name)} - {()}:
                self.by_words.setdefault(name, set()).add(student)

    @staticmethod
    def _number(student):
        found = re.search(r"(?:^|_)(\d+)$", student)
        return found and found[1]

    def find(self, number="", logins=(), name=""):
        "The Grade of a person, or None; also where number and login are those of two."
        called = [self.by_login.get(lms.one_form(one).lower()) for login in logins
                  for one in (login, login.partition("@")[0])]
        found = {*next(filter(None, called), ())} | ({self.by_number.get(number)} - {None})
        if len(found) > 1: return None
        student = next(iter(found), None)
        if (student is None and len(alike := self.by_words.get(words(name), ())) == 1
            and self._number(only := next(iter(alike))) in (None, number)):
            student = only
        if student is None or student in self.taken: return None
        self.taken.add(student)
        return self.grades[student]


def decimal_comma(rows, how):
    "Whether a file writes numbers as 99,5, as an LMS does for those who live where it is written so."
    cells = [cell.strip() for row in rows for cell in row]
    return how["delimiter"] != "," and (any(re.fullmatch(r"\d+,\d+", cell) for cell in cells)
                                        and not any(re.fullmatch(r"\d+\.\d+", cell) for cell in cells))


def points_possible(text):
    "What an LMS says a column is worth, or None."
    return float(text.replace(",", ".")) if re.fullmatch(r"\d+([.,]\d+)?", text) else None


def fill(rows, how, index, grades, person, skip):
    "Fill column `index`; `person(row)`: keywords of People.find; `skip(row)`: why a row is left alone, or None."
    people, result, comma = People(grades), Filled(), decimal_comma(rows, how)
    for row in rows:
        if len(row) <= index: continue
        about = person(row)
        if about is None: continue
        grade = people.find(**about)
        if grade is None: result.not_in_course.append(about["name"] or about["number"])
        elif why := skip(row): result.notes.append(f"{grade.student}: {why}")
        elif grade.status in ("invalid", "missing"):
            result.notes.append(f"{grade.student}: {grade.status}; left as it is")
        else:
            points = f"{round(grade.score, 2):.12g}"
            row[index], result.filled = points.replace(".", ",") if comma else points, result.filled + 1
            if grade.waiting: result.notes.append(f"{grade.student}: {grade.waiting:g} points of it wait for a person")
    result.not_in_file = sorted(people.grades.keys() - people.taken)
    return result


def canvas(path, grades, assignment, wanted=None):
    "Fill the assignment's column in `path`, a gradebook that Canvas exported; returns what was Filled."
    rows, how, bom = read_table(path)
    titles = rows[0]
    if not {"Student", "ID"} <= set(titles):
        raise GiveBackError(f"{path}: got the columns {', '.join(titles[:4])}, expected Canvas's Student and ID")
    at = {title: titles.index(title) for title in ("Student", "ID", "SIS User ID", "SIS Login ID") if title in titles}
    index = column(path, titles, wanted or assignment,
                   [i for i, title in enumerate(titles) if re.search(r" \(\d+\)$", title)], asked=wanted)
    cell = lambda row, title: row[at[title]].strip() if title in at and len(row) > at[title] else ""

    def person(row):
        if not cell(row, "ID"): return None   # points possible, the test student, remarks
        return {"number": cell(row, "ID"), "logins": (cell(row, "SIS Login ID"), cell(row, "SIS User ID")),
                "name": cell(row, "Student")}

    result = fill(rows[1:], how, index, grades, person, lambda row: None)
    result.column = titles[index]
    possible = next((row[index].strip() for row in rows[1:4] if "points possible" in " ".join(row).lower()
                     and len(row) > index), "")
    most = max((grade.max_score for grade in grades), default=0)
    if points_possible(possible) not in (None, most):
        result.notes.append(f"Canvas counts {possible} points where the course has {most:g}; the points are the "
                            "course's")
    write_table(path, rows, how, bom)
    return result


def moodle(path, grades):
    "Fill the column Grade in `path`, a grading worksheet that Moodle exported; returns what was Filled."
    rows, how, bom = read_table(path)
    titles = rows[0]
    if not {"Identifier", "Grade"} <= set(titles):
        raise GiveBackError(f"{path}: got the columns {', '.join(titles[:4])}, expected those of Moodle's grading "
                            "worksheet (Identifier, Full name, Grade), in English")
    at = {title: i for i, title in enumerate(titles)}
    cell = lambda row, title: row[at[title]].strip() if title in at and len(row) > at[title] else ""

    def person(row):
        number = re.search(r"(\d+)$", cell(row, "Identifier"))
        return {"number": number[1],
                "logins": (cell(row, "Username"), cell(row, "ID number"), cell(row, "Email address")),
                "name": cell(row, "Full name") or f"{cell(row, 'First name')} {cell(row, 'Last name')}".strip()
                } if number else None

    def skip(row):
        return "Moodle says that its grade cannot be changed" if cell(row, "Grade can be changed") == "No" else None

    result = fill(rows[1:], how, at["Grade"], grades, person, skip)
    result.column = "Grade"
    most = max((grade.max_score for grade in grades), default=0)
    possible = next(filter(None, (cell(row, "Maximum grade") or cell(row, "Maximum Grade") for row in rows[1:])), "")
    if points_possible(possible) not in (None, most):
        result.notes.append(f"Moodle counts {possible} points where the course has {most:g}; the points are the "
                            "course's")
    write_table(path, rows, how, bom)
    return result


def feedback_zip(path, pages, names):
    """Write a zip for the bulk upload of feedback: `pages` {student: HTML files}, `names` {student: what the LMS
    called the student's file}.

    Canvas takes the names that it gave, Moodle those with the participant's number; returns the students whose name
    is of neither."""
    left, out = [], io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for student, found in sorted(pages.items()):
            given = names.get(student, "")
            called = [uploaded(given, page.name if len(found) > 1 else "", page.name) for page in found]
            if None in called: left.append(student)
            else:
                for page, name in zip(found, called): archive.write(page, name)
    with replaced(path, "wb") as file: file.write(out.getvalue())
    return left


def uploaded(name, more, page):
    """What the bulk upload of the LMS that gave `name` to a student's file expects a page to be called; None where
    that is not known.

    `more`: the page's own name where a student has several; Canvas reads the numbers before it alone."""
    if found := re.match(r"(?:.*/)?([^/]+_\d+_assignsubmission_file_)", name):
        return f"{found[1].replace('_assignsubmission_file_', '')}_assignsubmission_file_{page}"
    file = name.rpartition("/")[2]
    if lms.ANONYMOUS.fullmatch(file) or lms.canvas(file, lambda own: True):
        return re.sub(r"\.\w+$", f"-{more}" if more else ".html", file)
    return None
