"""Wheel and source distribution: built from the checkout, installed in fresh environments, whole."""
import ast
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from configparser import ConfigParser

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

SETTINGS = ConfigParser(delimiters=["="], interpolation=None)
SETTINGS.read(ROOT / "settings.ini", encoding="utf-8")


def run(*words, **how):
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, **how)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    "The folder with the source distribution, and the wheel that is built from it."
    tracked = run("git", "ls-files", cwd=ROOT).splitlines() if (ROOT / ".git").exists() else []
    if not tracked: pytest.skip("no git checkout: what is committed is not known here")
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    for name in tracked:
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes((ROOT / name).read_bytes())
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, tree)
    return out


def environment(folder, *packages):
    "The Python of a fresh environment that sees this one's dependencies, with `packages` installed into it."
    run(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", *packages)
    return python


def names(archive):
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as file: return set(file.namelist())
    with tarfile.open(archive) as file: return {name.partition("/")[2] for name in file.getnames()}


def test_the_source_distribution_can_be_built_again_and_the_wheel_is_whole(built):
    (source,), (wheel,) = built.glob("*.tar.gz"), built.glob("*.whl")   # the wheel was built from the unpacked source
    assert {"settings.ini", "setup.py", "pyproject.toml", "README.md", "LICENSE"} <= names(source)
    files = names(wheel)
    shipped = {str(path.relative_to(ROOT)) for path in (ROOT / "tinytorch").rglob("*")
               if path.suffix in (".py", ".npz", ".json", ".txt", ".typed") and "__pycache__" not in path.parts}
    assert shipped <= files, f"not in the wheel: {sorted(shipped - files)}"
    grader = {f"tinytorch_grader/{path.relative_to(ROOT / 'src' / 'tinytorch_grader')}"
              for path in (ROOT / "src" / "tinytorch_grader").rglob("*") if path.suffix in (".py", ".j2")}
    assert grader <= files, f"not in the wheel: {sorted(grader - files)}"
    assert not any(name.startswith(("tests/", "src/")) or name.endswith(".ipynb") for name in files)


def test_metadata_is_complete(built):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = file.read(name).decode()
    for wanted in ("Author: ", "Author-email: ", "License-Expression: Apache-2.0", "Requires-Python: >=3.11",
                   "Project-URL: ", "Classifier: Programming Language :: Python :: 3.13", "Classifier: Typing :: Typed",
                   "Keywords: "):
        assert f"\n{wanted}" in metadata, wanted
    assert "\nRequires-Dist: numpy" in metadata
    gate = [line for line in metadata.splitlines() if line.startswith("Requires-Dist") and 'extra == "gate"' in line]
    assert len(gate) == 2 and "click" in gate[0] and "jinja2" in gate[1]


def test_a_plain_install_imports_and_its_command_says_what_it_lacks(built, tmp_path):
    (wheel,) = built.glob("*.whl")
    python = environment(tmp_path / "plain", wheel)
    done = subprocess.run([python, "-c", "import tinytorch_grader.cli"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1 and "click" in done.stderr   # nothing of this environment leaks into the new one
    done = subprocess.run([tmp_path / "plain" / "bin" / "capstone", "compare", "a.json", "b.json"], capture_output=True,
                          text=True, cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("\n") == 1 and "pip install" in done.stderr and "click" in done.stderr


def test_the_installed_package_is_typed_for_a_users_file(built, tmp_path):
    (wheel,) = built.glob("*.whl")
    python = environment(tmp_path / "user", wheel)

    def mypy(text):
        (tmp_path / "mine.py").write_text(text)
        return subprocess.run([sys.executable, "-m", "mypy", "--python-executable", python, "--disallow-untyped-calls",
                               "mine.py"], capture_output=True, text=True, cwd=tmp_path)

    done = mypy(USERS_FILE)
    assert done.returncode == 0, done.stdout + done.stderr
    done = mypy(USERS_FILE.replace("num_runs=50", "num_runs='fifty'"))
    assert done.returncode == 1 and "num_runs" in done.stdout, done.stdout


USERS_FILE = '''
from tinytorch.datasets import load_digits
from tinytorch.olympics import BenchmarkReport, OlympicEvent, SimpleMLP
from tinytorch.olympics import generate_submission, qualifies_event, save_submission

X_train, y_train, X_test, y_test = load_digits()
report = BenchmarkReport("mine")
metrics: dict[str, float] = report.benchmark_model(SimpleMLP(64, 32, 10), X_test, y_test, num_runs=50)
submission = generate_submission(report, student_name="Ada")
path: str = save_submission(submission, "submission.json")
won: bool = qualifies_event(metrics, OlympicEvent.LATENCY_SPRINT)
'''


IMPORTED_AS = {"PIL": "pillow", "sklearn": "scikit-learn", "mlflow": "mlflow-skinny", "IPython": "ipython",
               "yaml": "PyYAML"}


def imports(path):
    "Top-level names of what the Python file `path` imports, wherever it does."
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level: names = [node.module]
        yield from (name.partition(".")[0] for name in names)


def test_everything_imported_is_declared():
    declared = {canonicalize_name(Requirement(each).name) for key, value in SETTINGS["DEFAULT"].items()
                if key.endswith("requirements") for each in value.split()}
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "tinytorch").rglob("*.py")]
    own = {"tinytorch", "tinytorch_grader", "tinytorch_check", "capstone_checks", "exam",
           *(path.stem for path in files)}
    used = {name: path for path in files for name in imports(path)}
    missing = {name: str(path.relative_to(ROOT)) for name, path in used.items()
               if name not in {*sys.stdlib_module_names,
                               *own} and canonicalize_name(IMPORTED_AS.get(name, name)) not in declared}
    assert not missing, f"imported and declared nowhere in settings.ini: {missing}"


def test_pyproject_holds_the_build_system_and_the_linters_only():
    with open(ROOT / "pyproject.toml", "rb") as file: config = tomllib.load(file)
    assert set(config) == {"build-system", "tool"} and set(config["tool"]) <= {"ruff", "mypy"}


def test_at_most_18_entries_at_the_top():
    if not (ROOT / ".git").exists(): pytest.skip("no git checkout: what is committed is not known here")
    top = {name.partition("/")[0] for name in run("git", "ls-files", cwd=ROOT).splitlines()}
    assert len(top) <= 18, sorted(top)
