"""Work that is alike: a list for a person to look at, never a verdict.

What many share says nothing: tokens of the reference and of the release, and whatever a tenth of the class has, are
left out. What is left is compared as shingles, runs of tokens in which a student's own names count as equal, so that
renaming hides nothing.
"""
import hashlib
import io
import json
import keyword
import tokenize
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations

from .notebook import about, squeezed, text

RUN, WORDS = 7, 5   # tokens of a shingle of code, words of one of prose
COMMON = 0.1       # share of the class that has a shingle, from which on it says nothing
FEW = 5            # students who may share a shingle however small the class is
LEAST = 12         # shingles that two must share
ALIKE = 0.3        # share of the smaller work, from which on a pair is listed
SKIPPED = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING,
           tokenize.ENDMARKER}


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
    "The tokens of code, with names that are not `known` as one; the words of what is no Python."
    found = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in SKIPPED: continue
            mine = token.type == tokenize.NAME and not keyword.iskeyword(token.string) and token.string not in known
            found.append("name" if mine else "text" if token.type == tokenize.STRING else token.string)
    except (tokenize.TokenError, SyntaxError): return source.split()
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
    found = set()
    for cell in cells:
        if cell.get("cell_type") == "code":
            with suppress(tokenize.TokenError, SyntaxError):
                found |= {t.string
                          for t in tokenize.generate_tokens(io.StringIO(text(cell.get("source")) or "").readline)
                          if t.type == tokenize.NAME}
    return found


def pairs(works, given):
    """Pairs of students, {student: cells}, whose work is alike beyond `given`, the cells of source and release; the
    most alike first."""
    known = names_in(given)
    shown = {run for cell in given for run in runs(tokens(text(cell.get("source")) or "", known))
             | runs((text(cell.get("source")) or "").lower().split(), WORDS)}
    seen = {}
    own = {student: {run: cell for run, cell in shingles(answers(cells), known, seen).items() if run not in shown}
           for student, cells in works.items()}
    many = Counter(run for found in own.values() for run in found)
    common = max(FEW, COMMON * len(works))
    holders = defaultdict(list)
    for student, found in own.items():
        for run in found:
            if 2 <= many[run] <= common: holders[run].append(student)
    rare = {student: sum(many[run] <= common for run in found) for student, found in own.items()}
    shared, where = Counter(), defaultdict(Counter)
    for run, students in holders.items():
        for pair in combinations(sorted(students), 2):
            shared[pair] += 1
            where[pair][own[pair[0]][run]] += 1
    found = [Pair(*pair, count / max(1, min(rare[one] for one in pair)), count,
                  [cell for cell, _ in where[pair].most_common(3)])
             for pair, count in shared.items() if count >= LEAST]
    return sorted((pair for pair in found if pair.share >= ALIKE),
                  key=lambda pair: (-pair.share, -pair.shared, pair.one))



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
