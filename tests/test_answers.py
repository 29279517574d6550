"""A written answer never disappears: wherever a student put it, whoever marks it reads it,
or the row says that nothing was found."""
import base64
import copy
import json

import pytest
from submissions import SOURCE, TRUSTED, notebook, save
from test_feedback import png

from tinytorch_grader import intake
from tinytorch_grader.intake import Invalid, Trusted, about, read
from tinytorch_grader.pages import safe

ANSWER = "I would deploy the steady model because the tail decides."
MOVED = "cells reflection: written elsewhere in the notebook; moved there for whoever marks it"


def cell(kind, source, **more):
    return ({"cell_type": kind, "id": "mine", "metadata": {}, "source": source}
            | ({"outputs": [], "execution_count": None} if kind == "code" else {}) | more)


def place(cells, grade_id="reflection"):
    return next(i for i, one in enumerate(cells) if about(one).get("grade_id") == grade_id)


def metadata_lost(cells, at): cells[at] = cell("markdown", ANSWER)


def all_metadata_lost(cells, at):
    cells[at]["source"] = ANSWER
    for one in cells:
        one["metadata"] = {}
        one.pop("id", None)


def under_the_question(cells, at): cells[at - 1]["source"] += f"\n\n{ANSWER}"


def merged_into_the_question(cells, at):
    cells[at - 1] = cell("markdown", cells[at - 1]["source"] + f"\n\n{ANSWER}")
    del cells[at]


def above(cells, at): cells.insert(at, cell("markdown", ANSWER))
def below(cells, at): cells.insert(at + 1, cell("markdown", ANSWER))
def below_a_code_cell(cells, at): cells[at + 1:at + 1] = [cell("code", "1 + 1"), cell("markdown", ANSWER)]
def raw_below(cells, at): cells.insert(at + 1, cell("raw", ANSWER))
def heading_below(cells, at): cells.insert(at + 1, cell("heading", ANSWER, level=2))
def at_the_end(cells, at): cells.append(cell("markdown", "Reflection: " + ANSWER))
def as_a_comment(cells, at): cells.insert(at + 1, cell("code", "# " + ANSWER))
def as_a_string(cells, at): cells.insert(at, cell("code", f'"""{ANSWER}"""'))
def retyped(cells, at): cells[at] = cells[at] | cell("code", ANSWER) | {"metadata": cells[at]["metadata"]}


def at_the_end_and_deleted(cells, at):
    cells.append(cell("markdown", ANSWER))
    del cells[at]


def split_in_two(cells, at):
    "As JupyterLab splits a cell: the second half has the metadata too, and an id of its own."
    first, second = ANSWER.split(" because ")
    cells[at:at + 1] = [cells[at] | {"source": first}, cells[at] | {"source": f"because {second}", "id": "half"}]


def split_by_an_editor(cells, at):
    "The second half without metadata, behind a cell of code."
    first, second = ANSWER.split(" because ")
    cells[at:at + 1] = [cells[at] | {"source": first}, cell("code", "1 + 1"),
                        cell("markdown", f"because {second}", id="half")]


def html(cells, at): cells[at] = cells[at] | {"source": f"<div style='color: red'><p>{ANSWER}</p></div>"}
def html_elsewhere(cells, at):
    cells.insert(at + 1, cell("markdown", f"<details><summary>Answer</summary>{ANSWER}</details>"))
def in_an_html_comment(cells, at): cells[at - 1]["source"] += f"\n<!-- {ANSWER} -->"
def magic_markdown(cells, at): cells.insert(at + 1, cell("code", f"%%markdown\n{ANSWER}"))
def prose_in_a_code_cell(cells, at): cells.insert(at + 1, cell("code", ANSWER))
def comment_above_code(cells, at): cells.insert(at + 1, cell("code", f"# {ANSWER}\nprint('done')"))
def printed(cells, at): cells.insert(at, cell("code", f"print('{ANSWER}')"))
def a_variable(cells, at): cells.insert(at + 1, cell("code", f'reflection = """\n{ANSWER}\n"""\nlen(reflection)'))


def in_the_cell_before(cells, at):
    "A comment in the assignment's own code cell before the question."
    before = max(i for i in range(at) if cells[i]["cell_type"] == "code")
    cells[before]["source"] += f"\n# {ANSWER}"


WAYS = (metadata_lost, all_metadata_lost, under_the_question, merged_into_the_question, above, below, below_a_code_cell,
        raw_below, heading_below, at_the_end, as_a_comment, as_a_string, retyped, at_the_end_and_deleted,
        html, html_elsewhere, in_an_html_comment, magic_markdown, prose_in_a_code_cell, comment_above_code, printed,
        a_variable, in_the_cell_before)


def changed(tmp_path, change, trusted=TRUSTED):
    book = notebook(release=True)
    change(book["cells"], place(book["cells"]))
    return read(save(tmp_path, book), trusted)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_an_answer_reaches_whoever_marks_it(tmp_path, way):
    submission = changed(tmp_path, way)
    assert ANSWER in submission.manual["reflection"] and submission.manual["reflection"].count(ANSWER) == 1
    if way not in (below, retyped, html, html_elsewhere):
        assert MOVED in submission.notes and "moved here by the grader" in submission.manual["reflection"]
    assert "YOUR ANSWER HERE" not in submission.manual["reflection"]


@pytest.mark.parametrize("way", (split_in_two, split_by_an_editor), ids=lambda way: way.__name__)
def test_an_answer_in_pieces_is_put_together(tmp_path, way):
    submission = changed(tmp_path, way)
    said = submission.manual["reflection"]
    assert (said.index("I would deploy the steady model") < said.index("because the tail decides.")
            and said.count("tail") == 1)


def test_comments_of_honest_code_are_no_answer(tmp_path):
    "Beside a written answer, sentences in code stay what they are; code that runs still runs."
    def with_code(cells, at):
        cells[at]["source"] = ANSWER
        cells.insert(at + 1, cell(
            "code", "# here I look once more at what the table said before\nprint('the same as in the table above')"))
    submission = changed(tmp_path, with_code)
    assert submission.manual["reflection"] == ANSWER and len(submission.extras) == 1 and submission.notes == []
    assert len(changed(tmp_path, comment_above_code).extras) == 1, "it is run as well"


def test_sentences_in_code_far_away_are_named(tmp_path):
    submission = changed(tmp_path, lambda cells, at: cells.insert(place(cells, "part2-size"),
                                                                  cell("code", f"x = 1  # no\n# {ANSWER}")))
    note, = (note for note in submission.notes if note.startswith("cell reflection"))
    assert "empty, and nothing written was found near it; the student's own text stands after" in note
    def in_a_solution(cells, at): cells[place(cells, "part2-size")]["source"] += f"\n    # {ANSWER}"
    note, = (note for note in changed(tmp_path, in_a_solution).notes if note.startswith("cell reflection"))
    assert note.endswith("the student's own text stands in part2-size")


def test_an_answer_that_is_nowhere_is_said_to_be(tmp_path):
    def far(cells, at):
        del cells[at]
        cells.insert(place(cells, "part2-size"), cell("markdown", "My notes on bytes."))
    submission = changed(tmp_path, far)
    note, = (note for note in submission.notes if note.startswith("cell reflection"))
    assert ("missing, and nothing written was found near it; the student's own text stands after" in note
            and "reflection" not in submission.manual)


def test_nothing_is_said_of_an_untouched_notebook(tmp_path):
    assert changed(tmp_path, lambda cells, at: None).notes == []
    assert read(save(tmp_path, notebook({"reflection": ANSWER})), TRUSTED).notes == []


def test_pictures_come_along(tmp_path):
    picture = {"image/png": png()}
    def two(cells, at):
        cells[at] |= {"source": f"{ANSWER} ![a](attachment:image.png)", "attachments": {"image.png": picture}}
        cells.insert(at, cell("markdown", "And this: ![b](attachment:image.png)", attachments={
            "image.png": {"image/png": png() + "===="}, "evil.svg": {"image/svg+xml": "<svg/>"}}))
    submission = changed(tmp_path, two)
    assert (set(submission.pictures["reflection"]) == {"image.png", "1-image.png"}
            and "attachment:1-image.png" in submission.manual["reflection"])
    assert any("evil.svg" in note for note in submission.notes)
    made = intake.rebuilt(TRUSTED, submission, {})
    answer = made["cells"][place(made["cells"])]
    html = str(safe.markdown(answer["source"], answer["attachments"]))
    assert html.count('<img src="data:image/png;base64,') == 1 and 'alt="a"' in html   # the other one is no picture


def test_a_picture_from_elsewhere_stays_out():
    html = str(safe.markdown("![a](https://example.org/a.png) ![b](attachment:b) <img src=x onerror=alert(1)>",
                             {"b": {"image/png": base64.b64encode(b"no picture").decode()}}))
    assert "<img" not in html


def test_the_notebook_of_another_assignment_is_invalid(tmp_path):
    other = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
        cell("code", "import numpy as np",
             metadata={"nbgrader": {"grade": False, "grade_id": "imports", "solution": True}}),
        cell("code", "def attention(q, k, v): return v", id="b",
             metadata={"nbgrader": {"grade": False, "grade_id": "attention-function", "solution": True}})]}
    with pytest.raises(Invalid, match="another assignment .*attention-function"): read(save(tmp_path, other), TRUSTED)


def test_a_fixed_test_accuses_nobody(tmp_path):
    "The release that a student worked on is known; cells are held against that one."
    old = notebook(release=True)
    fixed = copy.deepcopy(SOURCE)
    at = place(fixed["cells"], "part1-forward")
    fixed["cells"][at]["source"] = "".join(fixed["cells"][at]["source"]) + "\nassert True"
    trusted = Trusted(fixed)
    # nobody knows of the release
    assert any("part1-forward" in note for note in read(save(tmp_path, old), trusted).notes)
    trusted.know("0ld", old)
    submission = read(save(tmp_path, old), trusted)
    assert submission.notes == [] and submission.release == "0ld"
    touched = copy.deepcopy(old)
    touched["cells"][place(old["cells"], "part1-parameters")]["source"] = "pass"
    note, = read(save(tmp_path, touched), trusted).notes
    assert note.startswith("cells part1-parameters: given cells and tests that were changed")


def test_questions_side_by_side_keep_their_answers(tmp_path):
    "Two written questions without code between them, as in nbgrader's own examples."
    mark = lambda name: {"nbgrader": {"grade": True, "solution": True, "grade_id": name, "points": 1,
                                      "schema_version": 3, "locked": False, "task": False}}
    ask = lambda n: [cell("markdown", f"Question {n}?", id=f"ask{n}"),
                     cell("markdown", "YOUR ANSWER HERE", id=f"q{n}", metadata=mark(f"q{n}"))]
    trusted = Trusted({"nbformat": 4, "metadata": {}, "cells": [*ask(1), *ask(2), *ask(3)]})
    book = json.loads(json.dumps(trusted.notebook))
    book["cells"][2]["source"] = "Question 2?\nTwo."
    book["cells"][1]["source"] = "One."
    book["cells"].append(cell("raw", "Three."))
    submission = read(save(tmp_path, book), trusted)
    assert (submission.manual["q1"] == "One." and "Two." in submission.manual["q2"]
            and "Three." in submission.manual["q3"])
