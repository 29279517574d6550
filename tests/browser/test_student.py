"""A student's evening: from the Binder link to a submission on their own disk,
in a real JupyterLab and a real browser."""
import json
import re
import shutil
import sys
import zipfile
from types import SimpleNamespace

import as_binder
import nbformat
import pytest
from lab import Notebook, Terminal, accept, chromium, free_port, jupyterlab, menu, needs_chromium, page_of, quiet, shot
from submissions import mark, solutions

pytestmark = needs_chromium
NOTEBOOK = "20_capstone.ipynb"
BINDER = {"BINDER_REPO_URL": "https://github.com/org/name", "BINDER_LAUNCH_HOST": "https://mybinder.org/",
          "BINDER_PERSISTENT_REQUEST": "v2/gh/org/name/abc"}
SIMPLE_MLP = [["self.fc1 = Linear(input_size, hidden_size)", "self.relu = ReLU()",
               "self.fc2 = Linear(hidden_size, output_size)"],
              ["return self.fc2.forward(self.fc1.forward(x))"],  # forgets the ReLU
              ["return [*self.fc1.parameters(), *self.fc2.parameters()]"],
              ["return sum(_count(layer) for layer in self.layers)"]]


@pytest.fixture(scope="module", params=["project", pytest.param("fresh", marks=pytest.mark.long)])
def environment(request, tmp_path_factory):
    """The released repository, and a Python with what it asks for: this project's own,
    or one built as Binder builds it."""
    from tinytorch_grader.release import release

    scratch = tmp_path_factory.mktemp("student")
    released = release(scratch / "released", "org/name")
    if request.param == "fresh":
        with as_binder.built(released) as (_, python, *_):
            yield SimpleNamespace(name="fresh-", released=released, python=python, more=BINDER)
        return
    (wheel,) = (released / "binder").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(scratch / "wheel")
    yield SimpleNamespace(name="", released=released, python=sys.executable,
                          more={**BINDER, "PYTHONPATH": str(scratch / "wheel")})


@pytest.fixture(scope="module")
def lab(environment, tmp_path_factory):
    "(address, served folder) of a JupyterLab in which each test keeps a clone of the repository of its own."
    served, home = tmp_path_factory.mktemp("served"), tmp_path_factory.mktemp("home")
    if not environment.name:
        quiet(home)
    with jupyterlab(served, home, environment.python, **environment.more) as address:
        yield address, served


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def place(environment, lab, request):
    "A clone of the student's repository."
    folder = lab[1] / request.node.originalname.removeprefix("test_")
    shutil.copytree(environment.released, folder)
    return folder


def answer(grade_id):
    "The reference's solution cell as a student would write it."
    return re.sub(r"^[ \t]*### (BEGIN|END) SOLUTION\n?", "", solutions()[grade_id], flags=re.MULTILINE)


def solved(folder, **changes):
    "Write the reference's answers into the notebook of `folder`; `changes`: grade_id -> (old, new) in one of them."
    notebook = nbformat.read(folder / NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        if (grade_id := mark(cell).get("grade_id")) in solutions():
            old, new = changes.get(grade_id.replace("-", "_"), ("", ""))
            assert old in answer(grade_id)
            cell.source = answer(grade_id).replace(old, new)
        elif grade_id == "reflection":
            cell.source = "I would defend the compression ratio: its bytes are counted."
    nbformat.write(notebook, folder / NOTEBOOK)


def opened(page, lab, place):
    return Notebook(page, lab[0], f"{place.name}/{NOTEBOOK}")


def test_a_message_teaches_until_the_answer_is_right(lab, browser, environment, place):
    with page_of(browser) as page:
        notebook = opened(page, lab, place)
        shot(page, f"{environment.name}student-01-opened")
        assert page.locator(".Toastify__toast").count() == 0, "no question stands before the notebook"
        for body in SIMPLE_MLP:
            notebook.type_over("part1-model", "raise NotImplementedError()", *body)
        shot(page, f"{environment.name}student-02-answer-typed")
        notebook.show("part1-forward")
        menu(page, "Run", "Run All Above Selected Cell")
        notebook.wait()
        said = notebook.run("part1-forward")
        shot(page, f"{environment.name}student-03-message")
        assert "AssertionError: forward: off by" in said and "ReLU" in said and "Part 1" in said
        assert ("Traceback" not in said
                and "Cell In" not in said), "the message alone, without the way through locked helpers"
        notebook.type_over("part1-model", "return self.fc2.forward(self.fc1",
                           "return self.fc2.forward(self.relu.forward(self.fc1.forward(x)))")
        assert notebook.run("part1-model") == ""
        assert notebook.run("part1-forward") == "", "a right answer is met with silence"
        shot(page, f"{environment.name}student-04-silence")


def test_from_the_last_mistake_to_the_submission(lab, browser, environment, place, tmp_path):
    solved(place, part4b_optimize=("techniques.append(name)", "pass"))
    with page_of(browser) as page:
        notebook = opened(page, lab, place)
        said = notebook.validate()
        assert ("optimize_model" in said
                and said.count("AssertionError: ") == 1), f"Validate names the one mistake: {said}"
        assert "The following cell failed" in said, said
        notebook.type_over("part4b-optimize", "pass", "if fingerprint(optimized) != before: techniques.append(name)")
        menu(page, "Run", "Run All Cells")
        notebook.wait()
        notebook.save()
        notebook.show(notebook.js(
            "notebook.widgets.findIndex(cell => cell.model.sharedModel.getSource().includes('import zipfile'))"))
        shot(page, f"{environment.name}student-06-all-run")
        formulas = notebook.js("[...notebook.widgets].filter(cell => cell.model.type === 'markdown').flatMap(cell => "
                               # JupyterLab draws a formula between escaped dollars too
                               "cell.model.sharedModel.getSource().match(/\\$[^$]+\\$/g) ?? [])")
        assert (formulas and not [text for text in formulas
                                  if re.search(r"[a-z]{3,} [a-z]{3,}", text)]), "prose between two dollar signs"
        outputs = [output for cell in json.loads((place / NOTEBOOK).read_text(encoding="utf-8"))["cells"]
                   for output in cell.get("outputs", [])]
        assert [output["evalue"] for output in outputs if output["output_type"] == "error"] == []
        check_alternative_texts(outputs)
        submission = json.loads((place / "submission.json").read_text(encoding="utf-8"))
        from tinytorch.olympics import validate_submission_schema

        assert validate_submission_schema(submission) and submission["baseline"]["metrics"]["accuracy"] >= 0.92
        with page.expect_download() as download:
            page.locator(".jp-DirListing-item", has_text="my_work.zip").click(button="right")
            page.locator(".lm-Menu-itemLabel").get_by_text("Download", exact=True).click()
        download.value.save_as(tmp_path / "my_work.zip")
        packed = zipfile.ZipFile(tmp_path / "my_work.zip")
        assert {NOTEBOOK, "submission.json"} <= set(packed.namelist())
        assert json.loads(packed.read("submission.json")) == submission


def check_alternative_texts(outputs):
    pictures = [tag for output in outputs
                for tag in re.findall(r"<img [^>]*>", "".join(output.get("data", {}).get("text/html", "")))]
    assert len(pictures) >= 3, "plots are shown by `show(fig, alt)`"
    for tag in pictures:
        assert (len(re.search(r'alt="([^"]*)"', tag)[1].split())
                >= 5), f"a plot without a text that says what it shows: {tag[:200]}"
    assert not any("image/png" in output.get("data", {}) for output in outputs), "a picture without alternative text"


@pytest.mark.long
def test_check_export_and_a_fresh_kernel(lab, browser, environment, place):
    solved(place)
    with page_of(browser) as page:
        opened(page, lab, place)
        terminal = Terminal(page)
        terminal.run(f"cd {place.name}")
        said = terminal.run("capstone check")
        shot(page, f"{environment.name}student-07-check")
        assert ("part1-forward " in said and "total " in said
                and "95 of 100" in said), "points a part, all but the reflection"
        terminal.run("nbdev_export")
        assert (place / "tinytorch" / "olympics.py").is_file()
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()], metadata=kernel),
                       place / "scratch.ipynb")
        fresh = Notebook(page, lab[0], f"{place.name}/scratch.ipynb")
        fresh.show(0).click()
        page.keyboard.type("from tinytorch import olympics; olympics.__file__, olympics.SimpleMLP()")
        said = fresh.run(0)
        shot(page, f"{environment.name}student-08-fresh-kernel")
        assert str(place / "tinytorch" / "olympics.py") in said and "SimpleMLP(Linear -> ReLU -> Linear)" in said


@pytest.mark.long
def test_keyboard_alone_at_200_percent(lab, browser, environment, place):
    "A window of 1280 by 900 at 200 % zoom, and no mouse."
    with page_of(browser, viewport={"width": 640, "height": 450}, device_scale_factor=2) as page:
        notebook, press = opened(page, lab, place), page.keyboard.press
        press("Control+b")  # the list of files takes half of the width
        shot(page, f"{environment.name}student-09-zoom")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
        for _ in range(notebook.js("find('part1-model')")):
            press("Shift+Enter")
        notebook.wait()
        assert notebook.js("notebook.activeCell.model.getMetadata('nbgrader').grade_id") == "part1-model"
        press("Enter")
        press("Control+a")
        page.keyboard.insert_text(re.sub(r"return sum\(.*\)", "return 200", answer("part1-model")))
        shot(page, f"{environment.name}student-10-zoom-typed")
        width = page.locator(".jp-Notebook .jp-Cell.jp-mod-active .cm-editor").bounding_box()["width"]
        assert width > 400, f"a cell is {width:.0f} px wide at 200 %"
        for _ in range(notebook.js("find('part1-count') - find('part1-model')")):
            press("Shift+Enter")
            notebook.wait()
        press("Control+Enter")
        notebook.wait()
        shot(page, f"{environment.name}student-11-zoom-message")
        assert ("count_parameters: got 200"
                in page.locator(".jp-Notebook .jp-Cell.jp-mod-active .jp-OutputArea").inner_text())


@pytest.mark.long
def test_work_outlives_the_server(browser, environment, tmp_path):
    "When Binder has stopped, the page still hands out the notebook; in the next session the browser's copy comes back."
    port, typed = free_port(), "q1 = {'fp32_mb': 20.0}"
    with page_of(browser) as page:
        for session in ("first", "second"):
            served = tmp_path / session
            shutil.copytree(environment.released, served)
            with jupyterlab(served, quiet(tmp_path / f"home-{session}"), environment.python, port,
                            **environment.more) as address:
                notebook = Notebook(page, address, NOTEBOOK)
                if session == "first":
                    notebook.type_over("q1", "raise NotImplementedError()", typed)
                    page.get_by_title("Save to browser storage").click()
                    accept(page)
                else:
                    page.get_by_title("Restore from browser storage").click()
                    accept(page)
                    notebook.show("q1").get_by_text(typed).wait_for()
                    shot(page, f"{environment.name}student-13-next-session")
            if session == "first":
                lost = page.locator(".jp-Dialog", has_text="Server Connection Error")
                page.add_locator_handler(lost, lambda dialog: dialog.locator(".jp-Dialog-button").last.click(),
                                         no_wait_after=True)
                with page.expect_download() as download:
                    page.get_by_title("Download visible").click()
                shot(page, f"{environment.name}student-12-server-gone")
                download.value.save_as(tmp_path / "mine.ipynb")
                assert typed in (tmp_path / "mine.ipynb").read_text(encoding="utf-8")
                page.remove_locator_handler(lost)
                page.goto("about:blank")
