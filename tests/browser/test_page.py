"The page a student reads: how many cells and screens, and how far it is from an answer to its first check."
import nbformat
import pytest
from lab import chromium, jupyterlab, needs_chromium, page_of, quiet
from submissions import mark

pytestmark = needs_chromium
CELLS, SCREENS = 285, 45
TOPS = """() => {
    const outer = [...document.querySelectorAll('.jp-WindowedPanel-outer')].find(element => element.offsetParent);
    const top = outer.getBoundingClientRect().top - outer.scrollTop;
    const cells = [...outer.querySelectorAll('.jp-Cell')].map(cell => cell.getBoundingClientRect());
    return {height: outer.scrollHeight, screen: outer.clientHeight,
            cells: cells.map(box => [box.top - top, box.bottom - top])};
}"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    "(cells of the released notebook, what Chromium at 1366 x 768 measures of its page)."
    from tinytorch_grader.release import release
    released = release(tmp_path_factory.mktemp("page") / "released", "org/name")
    home = quiet(tmp_path_factory.mktemp("home"))
    settings = (home / ".jupyter" / "lab" / "user-settings" / "@jupyterlab" / "notebook-extension"
                / "tracker.jupyterlab-settings")
    settings.parent.mkdir(parents=True)
    settings.write_text('{"windowingMode": "none"}')   # every cell is laid out, not only those in sight
    with (jupyterlab(released, home) as address, chromium() as browser,
          page_of(browser, viewport={"width": 1366, "height": 768}) as page):
        page.goto(f"{address}/lab/tree/20_capstone.ipynb")
        cells = nbformat.read(released / "20_capstone.ipynb", as_version=4).cells
        page.wait_for_function("count => document.querySelectorAll('.jp-NotebookPanel .jp-Cell').length === count",
                               arg=len(cells))
        page.wait_for_timeout(5000)   # formulas and the diagrams find their size
        return cells, page.evaluate(TOPS)


def test_cells_and_screens(measured, capsys):
    cells, page = measured
    screens = page["height"] / page["screen"]
    with capsys.disabled(): print(f"\n{len(cells)} cells, {screens:.1f} screens of {page['screen']} pixels", end="")
    assert len(cells) <= CELLS and screens <= SCREENS


def test_the_first_check_stands_within_half_a_screen_below_its_answer(measured):
    cells, page = measured
    far = {}
    for number, cell in enumerate(cells):
        if cell.cell_type != "code" or not mark(cell).get("solution"): continue
        check = next(n for n in range(number + 1, len(cells)) if mark(cells[n]).get("grade"))
        far[mark(cell)["grade_id"]] = page["cells"][check][0] - page["cells"][number][1]
    assert len(far) > 20 and {name: pixels for name, pixels in far.items() if pixels > page["screen"] / 2} == {}
