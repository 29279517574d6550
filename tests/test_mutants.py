"Each test of the assignment catches a known mistake, and a mistake that no longer fits the reference is an error."
import copy
import shutil

import pytest
from submissions import SOURCE, TRUSTED, mark

from tinytorch_grader import mutants
from tinytorch_grader.notebook import Trusted


def test_each_test_catches_its_mutant():
    assert mutants.survivors(TRUSTED) == []


def test_a_test_that_catches_nothing_is_named(monkeypatch):
    found = copy.deepcopy(SOURCE)
    for cell in found["cells"]:
        if mark(cell).get("grade_id") == "q1-check": cell["source"] = "pass"
    monkeypatch.setattr(mutants, "chosen", lambda trusted, folder, every: {t: m for t, m in known.items()
                                                                           if t in ("q1-check", "q2-check")})
    known = CHOSEN
    assert [line.split(" does")[0] for line in mutants.survivors(Trusted(found))] == ["q1-check"]


CHOSEN = mutants.chosen(TRUSTED)


def test_a_reference_that_was_rewritten_is_an_error_that_names_the_cell():
    found = copy.deepcopy(SOURCE)
    for cell in found["cells"]:
        if mark(cell).get("grade_id") == "part2-timing":
            cell["source"] = "".join(cell["source"]).replace("latencies_ms", "samples")
    with pytest.raises(ValueError, match="part2-timing/.* 0 times in the cell"): mutants.chosen(Trusted(found))


def test_a_graded_cell_without_a_mistake_is_an_error(tmp_path):
    shutil.copytree(mutants.FOLDER / "q1", tmp_path / "q1")
    with pytest.raises(ValueError, match="no known mistake is caught by part1-forward"):
        mutants.chosen(TRUSTED, tmp_path)
