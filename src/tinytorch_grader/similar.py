"""Work that is alike: a list for a person to look at, never a verdict.

What many share says nothing: tokens of the reference and of the release, and whatever a tenth of the class has, are
left out. What is left is compared as shingles, runs of tokens in which a student's own names count as equal, so that
renaming hides nothing.
"""
import hashlib
import json
import keyword
import re
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from .notebook import about, squeezed, text

RUN, WORDS = 7, 5   # tokens of a shingle of code, words of one of prose
COMMON = 0.1       # share of the class that has a shingle, from which on it says nothing
FEW = 5            # students who may share a shingle however small the class is
LEAST = 12         # shingles that two must share
ALIKE = 0.3        # share of the smaller work, from which on a pair is listed
BLOCK = 8192       # shingles that are counted at a time
# comments; strings of either kind; names and numbers; operators
TOKEN = re.compile(r"#[^\n]*|([rbfuRBFU]{0,2}(?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''"
                   r"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'))|([^\W\d]\w*)"
                   r"|(\d[\w.]*|\*\*=?|//=?|>>=?|<<=?|->|[-+*/%&|^=<>!:@]=|[^\w\s\\])")


@dataclass
class Pair:
    """Two students, the share of the smaller one's own shingles that both have, their number, and the cells that are
    most alike."""
    one: str
    other: str
    share: float
    shared: int
    cells: list


def tokens(source, known):
    "The tokens of code, with names that are not `known` as one, and so strings; comments and white space are none."
    found = []
    for string, name, other in TOKEN.findall(source):
        if name: found.append(name if name in known or keyword.iskeyword(name) else "name")
        elif string or other: found.append("text" if string else other)
    return found


def runs(words, length=RUN):
    "The runs of `length` words, each once."
    return {tuple(words[i:i + length]) for i in range(len(words) - length + 1)}


def answers(cells):
    "{cell: (source, whether it is code)} of what a student wrote."
    found = {}
    for n, cell in enumerate(cells):
        mark, source = about(cell), text(cell.get("source")) or ""
        if mark.get("solution") or not mark and cell.get("cell_type") == "code":
            found[mark.get("grade_id") or f"cell {n}"] = source, cell.get("cell_type") == "code"
    return found


def shingles(work, known, seen):
    "{shingle: cell} of a student's answers; `seen` keeps those of each text, which a class shares."
    found = {}
    for name, (source, code) in work.items():
        if source not in seen:
            seen[source] = runs(tokens(source, known)) if code else runs(source.lower().split(), WORDS)
        for run in seen[source]: found.setdefault(run, name)
    return found


def names_in(cells):
    "Every name in the code of `cells`: those of the assignment, which tell nothing about who wrote."
    return {name for cell in cells if cell.get("cell_type") == "code"
            for _, name, _ in TOKEN.findall(text(cell.get("source")) or "") if name}


def counted(own, kept):
    "(students, students) of how many of the shingles `kept` both have; `own`: {student: {shingle: cell}}."
    number = {run: i for i, run in enumerate(kept)}
    held = [np.array(sorted(number[run] for run in found if run in number), int) for found in own.values()]
    shared = np.zeros((len(own), len(own)), np.float32)
    for first in range(0, len(number), BLOCK):
        block = np.zeros((len(own), BLOCK), np.float32)
        for row, theirs in zip(block, held):
            row[theirs[np.searchsorted(theirs, first):np.searchsorted(theirs, first + BLOCK)] - first] = 1
        shared += block @ block.T
    return shared


def pairs(works, given):
    """Pairs of students, {student: cells}, whose work is alike beyond `given`, the cells of source and release; the
    most alike first."""
    known = names_in(given)
    shown = {run for cell in given for run in runs(tokens(text(cell.get("source")) or "", known))
             | runs((text(cell.get("source")) or "").lower().split(), WORDS)}
    seen = {}
    own = {student: {run: cell for run, cell in shingles(answers(cells), known, seen).items() if run not in shown}
           for student, cells in sorted(works.items())}
    many = Counter(run for found in own.values() for run in found)
    common = max(FEW, COMMON * len(works))
    rare = np.array([sum(many[run] <= common for run in found) for found in own.values()])
    kept = {run for run, count in many.items() if 2 <= count <= common}
    shared, names, found = counted(own, kept), list(own), []
    share = shared / np.maximum(1, np.minimum.outer(rare, rare)) if names else shared
    for one, other in np.argwhere(np.triu((shared >= LEAST) & (share >= ALIKE), 1)):
        first, second = own[names[one]], own[names[other]]
        where = Counter(cell for run, cell in first.items() if run in second and run in kept)
        found.append(Pair(names[one], names[other], float(share[one, other]), int(shared[one, other]),
                          [cell for cell, _ in where.most_common(3)]))
    return sorted(found, key=lambda pair: (-pair.share, -pair.shared, pair.one))


def same_bytes(files):
    "Groups of two or more students of {student: bytes} whose files are the same."
    groups = defaultdict(list)
    for student, data in files.items(): groups[hashlib.sha256(data).digest()].append(student)
    return sorted(sorted(group) for group in groups.values() if len(group) > 1)


def look(book):
    "(pairs, groups with one notebook, groups with one submission.json) of a course whose Gradebook `book` is open."
    works, notebooks, claims = {}, {}, {}
    for student in book.grades():
        cells = []
        for name in book.notebooks:
            with suppress(OSError, ValueError, RecursionError):
                cells += json.loads((book.path("autograded", student)
                                     / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
        if not cells: continue
        works[student] = cells
        said = [source for source, _ in answers(cells).values() if squeezed(source)]
        if said: notebooks[student] = json.dumps([squeezed(one) for one in said]).encode()
        path = book.path("submitted", student) / "submission.json"
        with suppress(OSError):
            if path.is_file() and not path.is_symlink() and path.stat().st_size < 2**20:
                claims[student] = path.read_bytes()
    given = [cell for name, path in book.sources().items()
             for notebook in [json.loads(path.read_text(encoding="utf-8")), *(one for _, one in book.releases(name))]
             for cell in notebook["cells"]]
    untouched = json.dumps([]).encode()
    return pairs(works, given), same_bytes({s: d for s, d in notebooks.items() if d != untouched}), same_bytes(claims)
