"The driver behind `make mutants`: where it changes what, and that its list of equal changes fits the code as it is."
import ast
import importlib.util
import json

import pytest
from conftest import ROOT

spec = importlib.util.spec_from_file_location("sampled_mutants", ROOT / "src" / "scripts" / "mutants.py")
spec.loader.exec_module(driver := importlib.util.module_from_spec(spec))


@pytest.mark.parametrize("entry", json.loads(driver.EQUAL.read_text(encoding="utf-8")), ids=lambda entry: entry["file"])
def test_an_equal_change_names_a_line_that_is_there(entry):
    lines = [line.strip() for line in (ROOT / "tinytorch" / entry["file"]).read_text(encoding="utf-8").splitlines()]
    assert entry["from"] in lines and entry["to"] not in lines and entry["why"]


def test_every_module_of_tinytorch_has_tests_that_belong_to_it():
    modules = {path.relative_to(ROOT / "tinytorch").as_posix() for path in (ROOT / "tinytorch").rglob("*.py")}
    assert set(driver.BELONG) == {name for name in modules if not name.endswith(("__init__.py", "_modidx.py"))}
    assert all((ROOT / "tests" / f"test_{test}.py").exists() for tests in driver.BELONG.values() for test in tests)


def test_changes_stand_where_they_say_and_none_in_an_annotation():
    pytest.importorskip("cosmic_ray")
    file, places = "core/activations.py", driver.mutants_of("core/activations.py")
    source = (ROOT / "tinytorch" / file).read_text(encoding="utf-8")
    notes = driver.annotations(source)
    for (_, place, _), changes in list(places.items())[::5]:
        assert not any(first <= place <= last for first, last in notes)
        before, after = source.splitlines(), driver.mutated(changes[0]).splitlines()
        changed = [n for n, (a, b) in enumerate(zip(before, after), 1) if a != b]
        assert changed and min(changed) in driver.lines_of(file, changes[0].line)
        ast.parse("\n".join(after))


def test_the_lines_of_a_statement_are_all_of_it_and_of_a_compound_one_its_head(tmp_path, monkeypatch):
    (tmp_path / "tinytorch").mkdir()
    (tmp_path / "tinytorch" / "x.py").write_text("a = (1 +\n     2)\nif (a >\n    2):\n    b = 3\n", encoding="utf-8")
    monkeypatch.setattr(driver, "ROOT", tmp_path)
    assert [list(driver.lines_of("x.py", n)) for n in range(1, 6)] == [[1, 2], [1, 2], [3, 4], [3, 4], [5]]
