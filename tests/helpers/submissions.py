"""Submissions for the grader's tests: the capstone's notebook with cells replaced, emptied or added,
and a box to run them in."""
import copy
import json
import re
import shutil
from pathlib import Path

from tinytorch_grader import intake
from tinytorch_grader.cage import Bare, Limits
from tinytorch_grader.cage.bubblewrap import Cages
from tinytorch_grader.judge import judge
from tinytorch_grader.notebook import Trusted, load

ROOT = Path(__file__).resolve().parents[2]
SOURCE = load(ROOT / "20_capstone.ipynb")
TRUSTED = Trusted(SOURCE)
STUB = re.compile(r"^( *)### BEGIN SOLUTION\n.*?### END SOLUTION", re.DOTALL | re.MULTILINE)


def box(trusted=TRUSTED, **limits):
    "Cages where there is bubblewrap, else plain processes."
    return (Cages if shutil.which("bwrap") else Bare)(trusted, Limits(**limits))


def mark(cell):
    return cell["metadata"].get("nbgrader", {})


def solutions():
    "{grade_id: source} of the reference solution."
    return {mark(c)["grade_id"]: "".join(c["source"]) for c in SOURCE["cells"]
            if mark(c).get("solution") and not mark(c).get("grade")}


def notebook(changes=(), release=False, before=None):
    """The source notebook, or what a student receives of it, with `changes` {grade_id: source} made, as a dict.

    `before`: {grade_id: [source, ...]} of extra code cells to put before a cell.
    """
    found = copy.deepcopy(SOURCE)
    for cell in found["cells"]:
        source = "".join(cell["source"])
        if release:
            source = STUB.sub(r"\1# YOUR CODE HERE\n\1raise NotImplementedError()" if cell["cell_type"] == "code"
                              else "YOUR ANSWER HERE", source)
            source = intake.without_regions(source)
        cell["source"] = dict(changes).get(mark(cell).get("grade_id"), source)
    for grade_id, sources in (before or {}).items():
        at = next(i for i, cell in enumerate(found["cells"]) if mark(cell).get("grade_id") == grade_id)
        found["cells"][at:at] = [{"cell_type": "code", "execution_count": None, "id": f"own-{grade_id}-{n}",
                                  "metadata": {}, "outputs": [], "source": source} for n, source in enumerate(sources)]
    return found


def save(folder, found, name="20_capstone.ipynb"):
    path = Path(folder, name)
    path.write_text(json.dumps(found), encoding="utf-8")
    return path


def graded(box, path, seed=20, trusted=TRUSTED):
    "The Result of the notebook at `path`."
    submission = intake.read(path, trusted)
    job = intake.job(trusted, submission, seed)
    return judge(trusted, submission, job, box.run(job), "student")


def lost(result):
    "The tests that did not get all their points."
    return {name for name, part in result.parts.items() if part["score"] < part["max_score"] and name != "reflection"}


def np_folder():
    "Where NumPy's Python files lie that every submission imports."
    import numpy
    return Path(numpy.__file__).parent / "lib"
