"A stranger's file is data: what it may be, what survives of it, and what is said about the rest."
import copy
import json
import os
import random

import pytest
from submissions import SOURCE, TRUSTED, mark, notebook, save, solutions

from tinytorch_grader import intake, judge
from tinytorch_grader.intake import Invalid, Trusted, job, merged, read

RIGHT = solutions()


def of(found, grade_id):
    return next(cell for cell in found["cells"] if mark(cell).get("grade_id") == grade_id)


def code(text):
    return {"cell_type": "code", "id": "own", "metadata": {}, "source": text, "outputs": [], "execution_count": None}


@pytest.fixture
def taken(tmp_path): return lambda found: read(save(tmp_path, found), TRUSTED)


def test_parts_come_in_order_and_make_100_points():
    assert TRUSTED.max_score == 100 and [p.grade_id for p in TRUSTED.parts if p.manual] == ["reflection"]
    places = [TRUSTED.by_grade_id[p.grade_id] for p in TRUSTED.parts]
    assert places == sorted(places) and all(p.points > 0 for p in TRUSTED.parts)


def test_only_solutions_answers_and_extra_cells_survive(taken):
    found = notebook({"reflection": "my answer"}, before={"part2-timing": ["extra = 1"]})
    for cell in found["cells"]:
        cell["metadata"]["tags"] = ["demo", "skip-execution"]
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"] |= {"points": 1000, "locked": False, "grade": False}
        if mark(cell).get("grade_id", "").endswith("-check") or "test-tools" in mark(cell).get("grade_id", ""):
            cell["source"] = "forged = True"
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "forged"}]
    submission = taken(found)
    assert submission.cells == RIGHT and submission.manual == {"reflection": "my answer"}
    assert ([note.partition(": ")[2] for note in submission.notes]
            == ["given cells and tests that were changed; the assignment's own were run"])
    steps = job(TRUSTED, submission, 1).steps
    assert [s.source for s in steps if s.role == "extra"] == ["extra = 1"]
    assert (not any("forged" in s.source for s in steps)
            and {s.role for s in steps} == {"given", "tools", "solution", "extra", "test"})
    assert [s.id for s in steps if s.role == "test"] == [p.grade_id for p in TRUSTED.parts if not p.manual]
    rebuilt = intake.rebuilt(TRUSTED, submission, {})
    assert ("forged" not in json.dumps(rebuilt)
            and [mark(c) for c in rebuilt["cells"] if mark(c)] == [mark(c) for c in SOURCE["cells"] if mark(c)])


def test_extra_cells_keep_their_places(taken):
    found = notebook(before={"part1-model": ["a = 1", "b = 2"], "part1-count": ["c = 3"],
                             "which-tinytorch": ["first = 0"]})
    found["cells"].append(code("last = 4"))
    ids = [step.source if step.role == "extra" else step.id for step in job(TRUSTED, taken(found), 1).steps]
    assert ids[0] == "first = 0"
    assert ids[ids.index("part1-model") - 2:ids.index("part1-model")] == ["a = 1", "b = 2"]
    assert ids.index("part1-parameters") < ids.index("c = 3") < ids.index("part1-count") and ids[-1] == "last = 4"


def test_demonstrations_are_left_out_unless_they_were_changed(taken):
    demos = [i for i, role in enumerate(TRUSTED.roles) if role == "demo"]
    ids = {TRUSTED.grade_id(i) for i in demos}
    assert demos and not ids & {step.id for step in job(TRUSTED, taken(notebook()), 1).steps}
    found = notebook()
    for cell in found["cells"]: cell.pop("id", None)
    assert taken(found).extras == []   # known by their source where an editor lost the ids
    found["cells"][demos[3]]["source"] = "helper = 1"
    assert [source for _, source in taken(found).extras] == ["helper = 1"]


def test_what_was_released_is_read_without_a_note(taken):
    found = notebook(release=True)
    for again in (False, True):   # as it is, and where an editor lost the ids
        submission = taken(found)
        assert (submission.notes, submission.extras, judge.blank(submission.manual["reflection"])) == ([], [], True)
        for cell in found["cells"]: cell.pop("id", None)


def below(found, grade_id, cell): found["cells"].insert(found["cells"].index(of(found, grade_id)) + 1, cell)


def test_a_written_answer_is_whole_however_many_cells_it_is_in(taken):
    found = notebook({"reflection": "First half."})
    below(found, "reflection", copy.deepcopy(of(found, "reflection")) | {"id": "split", "source": "Second half."})
    submission = taken(found)
    assert submission.manual["reflection"] == "First half.\n\nSecond half."
    assert (submission.notes
            == ["cells reflection: written in several cells; all of it was put into one for whoever marks it"])
    found = notebook({"reflection": "Once."})
    below(found, "reflection", copy.deepcopy(of(found, "reflection")) | {"id": "same"})
    assert taken(found).manual["reflection"] == "Once." and taken(found).notes == []
    found = notebook(release=True)
    for source in ("The p99.", "My answer."):
        below(found, "reflection",
              {"cell_type": "markdown", "id": "own" + source[:3], "metadata": {}, "source": source})
    found["cells"].append({"cell_type": "markdown", "id": "end", "metadata": {}, "source": "The end."})
    submission = taken(found)
    assert (submission.manual["reflection"].replace("YOUR ANSWER HERE", "").split() == ["My", "answer.", "The", "p99."]
            and not judge.blank(submission.manual["reflection"]))
    assert len(submission.notes) == 1 and "reflection: written in several cells" in submission.notes[0]


def test_what_a_student_did_to_given_cells_is_said_and_their_imports_and_copies_run(taken):
    found = notebook()
    of(found, "imports")["source"] = ("".join(of(found, "imports")["source"])
                                      + "\n# mine\nimport statistics  # for std\nfrom math import *")
    submission = taken(found)
    assert submission.notes == ["cells imports: given cells with imports added; these were run after them"]
    assert submission.extras == [(TRUSTED.by_grade_id["imports"], "import statistics  # for std\nfrom math import *")]
    of(found, "imports")["source"] += "\nx = 5"
    of(found, "part1-count")["source"] = "pass"
    submission = taken(found)
    assert (submission.extras == [] and submission.notes
            == ["cells imports, part1-count: given cells and tests that were changed; the assignment's own were run"])
    found = notebook()
    below(found, "imports",
          copy.deepcopy(of(found, "imports")) | {"id": "again", "source": "import statistics\nmine = 1"})
    below(found, "imports", copy.deepcopy(of(found, "imports")) | {"id": "same"})
    submission = taken(found)
    assert submission.notes == ["cells imports: copies of given cells; they were run as extra cells"]
    assert submission.extras == [(TRUSTED.by_grade_id["imports"], "import statistics\nmine = 1")]


def test_the_vocabulary_of_the_tests_is_for_the_examiner_alone():
    tools = TRUSTED.by_grade_id["test-tools"]
    assert (TRUSTED.roles[tools] == "tools" and tools < TRUSTED.roles.index("solution")
            and "class VirtualClock" in TRUSTED.vocabulary)
    assert not any("capstone_checks" in source for source in TRUSTED.sources("given", "solution").values())


def twice(found): found["cells"].append(copy.deepcopy(of(found, "part1-model")) | {"source": "again = 1"})
def missing(found): found["cells"].remove(of(found, "part1-model"))
def renamed(found): mark(of(found, "part1-model"))["grade_id"] = "mine"; of(found, "mine")["id"] = "mine"
def lost_metadata(found): of(found, "part1-model")["metadata"] = {}
def retyped(found): of(found, "part1-model")["cell_type"] = "markdown"
def reordered(found): found["cells"].reverse()
def schema(found): mark(of(found, "part1-model"))["schema_version"] = 1
def kernel(found): found["metadata"]["kernelspec"] = {"name": "ir", "language": "R"}
def older(found): found["nbformat"] = 2
def newer(found): found["nbformat"], found["nbformat_minor"] = 5, {}
def no_text(found): of(found, "part1-model")["source"] = {"a": 1}
def lengthy(found): of(found, "part1-model")["source"] = "# " + "x" * 300_000
def lengthy_extra(found): found["cells"].append(code("# " + "x" * 300_000))
def version3(found):
    cells = [{**c, "input": c.pop("source")} for c in found.pop("cells")]
    found |= {"nbformat": 3, "worksheets": [{"cells": cells}, None, {"cells": 5}]}


ODD = {twice: ("part1-model: there more than once", True), missing: ("part1-model: missing; restore", False),
       renamed: ("part1-model: missing", False),
       lost_metadata: (None, True), retyped: ("part1-model: no code cells any more", False),
       reordered: ("another order", True),
       schema: ("got 1 as nbgrader schema version, expected 3", True),
       kernel: ("kernel: got language 'R', expected python", True),
       older: ("nbformat: got 2, expected 4", True), newer: ("nbformat: got 5, expected 4", True),
       no_text: ("part1-model: without text", False),
       lengthy: ("cells part1-model: longer than 200000 characters", False),
       lengthy_extra: ("cells of your own: longer than", True),
       version3: ("nbformat: got 3, expected 4", True)}


@pytest.mark.parametrize("change", ODD, ids=lambda change: change.__name__)
def test_an_odd_notebook_gets_one_note_and_is_graded_as_far_as_it_goes(taken, change):
    found, (note, there) = notebook(), ODD[change]
    change(found)
    submission = taken(found)
    assert len(submission.notes) == (note is not None) and (note is None or note in submission.notes[0])
    assert (("part1-model" in submission.cells) == there
            and submission.cells.items() >= {k: v for k, v in RIGHT.items() if k != "part1-model"}.items())
    assert all("\n" not in note and len(note) < 300 for note in submission.notes)
    if change is twice: assert [source for _, source in submission.extras] == ["again = 1"]
    # it still runs, at its place
    if change is renamed: assert [source for _, source in submission.extras] == [RIGHT["part1-model"]]


REFUSED = {b"": "is empty", b"  \n": "is empty", b"\xff\xfe\x00": "is not UTF-8", b"{": "is not JSON",
           b"import os": "is not JSON", b"[]": "holds a list",
           b"5": "holds a int", b"{}": "has no list of cells", b'{"cells": {}}': "has no list of cells",
           b'{"cells": []}': "none of this assignment's cells",
           b'{"cells": [5, null, {"source": ["x"], "cell_type": "code", "id": 3}]}': "none of this assignment's cells",
           b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}": "nested too deeply",
           b'{"cells": [' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"]}": "nested too deeply",
           json.dumps({"cells": [{}] * 2001}).encode(): "has 2001 cells"}


@pytest.mark.parametrize("data", REFUSED, ids=lambda data: repr(data[:20]))
def test_what_is_no_notebook_is_refused_in_one_line(tmp_path, data):
    path = tmp_path / "20_capstone.ipynb"
    path.write_bytes(data)
    with pytest.raises(Invalid) as e: read(path, TRUSTED)
    assert (REFUSED[data] in str(e.value) and "\n" not in str(e.value) and len(str(e.value)) < 300
            and str(e.value).startswith("20_capstone.ipynb"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_links_devices_pipes_folders_and_giants_are_never_read(tmp_path):
    path, real = tmp_path / "20_capstone.ipynb", save(tmp_path, notebook(), "real.ipynb")
    def refused(make, words):
        make()
        with pytest.raises(Invalid, match=words) as e: read(path, TRUSTED)
        assert "\n" not in str(e.value)
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    refused(lambda: path.symlink_to(real), "is a symbolic link")
    refused(lambda: path.symlink_to("/dev/zero"), "is a symbolic link")
    refused(lambda: os.mkfifo(path), "is a device or a pipe")
    refused(path.mkdir, "is a folder")
    def giant():
        with open(path, "wb") as f: f.truncate(3 << 30)
    refused(giant, "has 3.22 GB, expected at most 21 MB; clear its outputs")
    with pytest.raises(Invalid, match="cannot be read"): read(path, TRUSTED)


def test_text_that_no_database_holds_is_replaced(taken):
    submission = taken(notebook({"part1-model": "# \ud800 \x00\nx = 1", "reflection": "\ud83d \x00"}))
    assert submission.cells["part1-model"] == "# ? \ufffd\nx = 1" and submission.manual["reflection"] == "? \ufffd"
    json.dumps(vars(submission)).encode()


def test_a_byte_order_mark_and_huge_numbers_do_no_harm(tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(notebook()).replace(
        '"nbformat": 4', '"nbformat": 4, "a": 1' + "0" * 100_000 + ', "b": NaN, "c": 1e999').encode())
    assert read(path, TRUSTED).cells == RIGHT


def test_any_mutation_of_a_notebook_is_refused_or_read_never_an_error(tmp_path):
    rng, strange = random.Random(20), [None, True, -1, 1e400, "", "x", [], [[]], {}, {"a": {}}, ["a", 5]]
    small = {**SOURCE, "cells": [cell for cell in SOURCE["cells"] if mark(cell)
                                 .get("grade_id") in ("part1-model", "part1-count", "reflection", "imports")]}
    trusted, path = Trusted(small), tmp_path / "n.ipynb"
    def somewhere(value):
        while isinstance(value, (dict, list)) and value:
            keys = list(value) if isinstance(value, dict) else list(range(len(value)))
            key = rng.choice(keys)
            if rng.random() < .3 or not isinstance(value[key], (dict, list)) or not value[key]: return value, key
            value = value[key]
    for _ in range(400):
        found = copy.deepcopy(small)
        for _ in range(rng.randint(1, 4)):
            place = somewhere(found)
            if place is None: break
            target, key = place
            if rng.random() < .3: del target[key]
            else: target[key] = copy.deepcopy(rng.choice(strange))
        path.write_text(json.dumps(found))
        try: submission = read(path, trusted)
        except Invalid as e: assert "\n" not in str(e)
        else:
            json.dumps([[vars(step) for step in job(trusted, submission, 1).steps],
                        intake.rebuilt(trusted, submission, {})])


def test_the_rebuilt_notebook_is_a_notebook(taken):
    import nbformat
    submission = taken(notebook(before={"part1-count": ["x = 1"]}))
    rebuilt = intake.rebuilt(TRUSTED, submission, {})
    nbformat.validate(nbformat.from_dict(rebuilt))
    assert [name for role, name, _, _ in merged(TRUSTED, submission) if role == "extra"] == ["extra-1"]
