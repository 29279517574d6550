"""`capstone bench` and `capstone gate`: two sides in processes of their own, what is proven, and every way in which
nothing is."""
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tinytorch_grader import bench, gate, subject, turns
from tinytorch_grader.compare import NOT_COMPARABLE, OK, REGRESSION, Limits
from tinytorch_grader.submission import parse

MODEL = """
import numpy as np
weights = np.linspace(-1, 1, {features} * 3).reshape({features}, 3)
print("models may print")

def linear():
    kept = weights.copy()
    def scores(x):
        for _ in range({calls}): found = x @ kept
        return {result}
    return scores

def raises(): raise KeyError("no weights here")
def number(): return 7
def bare(): return lambda x: np.zeros((len(x), 3))
"""
FAST = turns.Plan(pairs=6, block_s=0.002, warmup_s=0.0, warmup_calls=2)


def git(folder, *words):
    subprocess.run(["git", "-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.org", *words], check=True,
                   capture_output=True)


def change(folder, name, calls=20, features=4, result="found", file="models.py"):
    "A branch `name` from the first one with this model in it."
    git(folder, "checkout", "-q", "-b", name, *(["first"] if name != "first" else []))
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text(MODEL.format(calls=calls, features=features, result=result))
    git(folder, "add", ".")
    git(folder, "commit", "-q", "--allow-empty", "-m", name)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    "Branches: first, slow (five times the work), worse (one class is never right, and twice the size), moved."
    folder = tmp_path_factory.mktemp("repository")
    git(folder, "init", "-q")
    (folder / "README").write_text("x")
    (folder / ".gitattributes").write_text("models.py export-ignore\n")
    (folder / ".gitignore").write_text("data.npz\n")
    change(folder, "first")
    change(folder, "slow", calls=100)
    change(folder, "worse", result="found * [1, 1, -1]")
    (folder / "models.py").write_text((folder / "models.py").read_text()
                                      .replace("kept = weights.copy()", "kept, spare = weights.copy(), weights * 2")
                                      .replace("found = x @ kept", "found = x @ kept; spare"))
    git(folder, "commit", "-qam", "worse and larger")
    git(folder, "checkout", "-q", "-b", "moved", "first")
    git(folder, "mv", "models.py", "others.py")
    git(folder, "commit", "-qm", "moved")
    git(folder, "checkout", "-q", "first")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4)).astype(np.float32)
    scores = X @ np.linspace(-1, 1, 12).reshape(4, 3)
    np.savez(folder / "data.npz", X=X, y=scores.argmax(1))
    return folder


def capstone(*words, **how):
    code = "from tinytorch_grader.__main__ import main; main()"
    how = {"cwd": None, "env": os.environ | {"GITHUB_ACTIONS": ""}} | how
    return subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, **how)


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch):
    monkeypatch.setattr(gate, "LOOKS", (6,))
    monkeypatch.setattr(gate, "MOST", 6)


def judged(repository, head, base="first", **options):
    "The gate on two branches with a short plan."
    asked = gate.Gate(base, head, "models:linear", str(repository / "data.npz"), folder=repository, **options)
    return gate.run(asked, FAST, rng=0)


# What is proven: on made-up rounds, no clock.

def made_up(ratios):
    "Rounds whose log ratios are those of first / second = `ratios`."
    return [turns.Round([], [[np.array([ratio * 1e4])], [np.array([1e4])]], seed=k, calls=1)
            for k, ratio in enumerate(ratios)]


@pytest.mark.parametrize("low, high, status, word", [
    (0.88, 0.93, REGRESSION, "a regression of over 5 %"), (0.96, 1.03, OK, "ruled out"),
    (0.5, 0.952, REGRESSION, "a regression"),
    (0.93, 0.99, OK, "neither proven nor ruled out"),
    (0.85, 0.99, NOT_COMPARABLE, "too noisy, even a slowdown of 10 %"),
    (0.5, 2.0, NOT_COMPARABLE, "too noisy"), (1.5, 1.6, OK, "ruled out")])
def test_a_slowdown_is_a_regression_when_the_whole_interval_is(low, high, status, word):
    found = gate.latency_outcome(made_up(np.geomspace(low, high, 6)), 0.05)
    assert (found.status == status and word in found.text and found.figures["ci_low"] == pytest.approx(low)
            and found.figures["ci_high"] == pytest.approx(high))


def test_it_goes_on_until_it_is_decided_and_looks_seldom(monkeypatch):
    monkeypatch.undo()
    assert gate.LOOKS[-1] == gate.MOST
    assert gate.decided(made_up([1.0] * 8), 0.05) and gate.decided(made_up([0.9] * 8), 0.05)
    assert not gate.decided(made_up([0.9, 1.0] * 4), 0.05)
    assert not any(gate.decided(made_up([1.0] * n), 0.05) for n in range(1, gate.MOST) if n not in gate.LOOKS)


def test_simulated_alarms_and_detections(monkeypatch):
    "Rounds that scatter by 3 % (memory layout), 400 gates each: no false alarm, and a true 10 % is caught."
    monkeypatch.undo()
    rng = np.random.default_rng(20)
    def verdicts(true, trials=400):
        found = []
        for _ in range(trials):
            ratios = np.exp(rng.normal(np.log(true), 0.03, gate.MOST))
            n = next((n for n in gate.LOOKS if gate.decided(made_up(ratios[:n]), 0.05)), gate.MOST)
            found.append(gate.latency_outcome(made_up(ratios[:n]), 0.05).status)
        return found
    assert verdicts(1.0).count(OK) == 400 and verdicts(1 / 1.1).count(REGRESSION) >= 380


def test_a_round_counts_once_by_the_median_of_its_pairs():
    blocks = [[np.array([10.0, 10, 99]), np.array([20.0, 20]), np.array([40.0])],
              [np.array([5.0]), np.array([20.0]), np.array([20.0])]]
    assert turns.Round([], blocks, 0, 1).log_ratio == pytest.approx(np.log(2))


def test_blocks_are_the_same_for_both_sides():
    facts = [{"calls": 1, "call_ns": 10_000.0}, {"calls": 4, "call_ns": 1_000.0}]
    assert turns.block_size(facts, turns.Plan(block_s=0.01)) == (250, 4)
    assert turns.block_size([{"calls": 1, "call_ns": 1e6}], turns.Plan(block_s=0.001)) == (5, 1)
    assert turns.block_size([{"calls": 1, "call_ns": 1e9}], turns.Plan()) == (1, 1)


# Real revisions.

def test_a_revision_against_itself_passes_and_leaves_no_trace(repository):
    before = {path: path.stat().st_mtime_ns for path in repository.rglob("*") if path.is_file()}
    outcome, made = judged(repository, "first", limits=Limits(1.0, 0.01, 0.1))
    assert outcome.status == OK and parse(json.dumps(made).encode()) == made
    assert made["baseline"]["metrics"]["accuracy"] == 1 and made["baseline"]["metrics"]["model_size_mb"] == 96 / 2**20
    assert made["improvements"]["comparison"]["scope"] == "across_processes"
    assert len(made["optimized"]["provenance"]["commit"]) == 40 and made["optimized"]["model_name"] == "models:linear"
    assert {path: path.stat().st_mtime_ns for path in repository.rglob("*") if path.is_file()} == before


def test_five_times_the_work_is_a_regression(repository):
    outcome, made = judged(repository, "slow")
    assert (outcome.status == REGRESSION and "a regression of over 5 %" in outcome.text
            and made["improvements"]["comparison"]["verdict"] == "slower")
    names = {item["name"]: item for item in gate.action_benchmark(made, outcome)}
    assert (names["latency against base"]["value"] > 2
            and all(set(item) <= {"name", "unit", "value", "range"} for item in names.values()))
    assert [line for line in gate.annotations(outcome) if line.startswith("::error title=capstone gate::latency")]


def test_lost_accuracy_and_growth_are_regressions(repository):
    outcome, made = judged(repository, "worse", limits=Limits(3.0, 0.01, 0.1))
    assert (outcome.status == REGRESSION and "accuracy falls from 1.0000 to" in outcome.text
            and "size grows" in outcome.text)
    rounds = made_up([1.0] * 8)
    for drop, growth, status in ((0.01, 2.0, REGRESSION), (0.9, 0.5, REGRESSION), (0.9, 1.0, OK)):
        assert gate.judge(made, rounds, Limits(0.05, drop, growth)).status == status
    noise = made_up(np.geomspace(0.5, 2, 8))
    assert gate.judge(made, noise, Limits(0.05, 0.01, 2.0)).status == REGRESSION
    assert gate.judge(made, noise, Limits(0.05, 0.9, 1.0)).status == NOT_COMPARABLE


def test_a_base_without_the_model_is_not_comparable_and_a_head_without_is_bad_usage(repository):
    with pytest.raises(turns.Unmeasurable, match="base moved .*: there is no module models") as found:
        judged(repository, "first", base="moved")
    assert found.value.status == 2
    with pytest.raises(turns.Unmeasurable, match="new moved .*: there is no module models") as found:
        judged(repository, "moved")
    assert found.value.status == 3
    with pytest.raises(turns.Unmeasurable, match="new moved .*: there is no module models") as found:
        judged(repository, "moved", base="moved")
    assert found.value.status == 3


def test_code_of_the_working_tree_is_never_measured_instead(repository, tmp_path, monkeypatch):
    "A package that the base has not, found in the working tree: without the check, two versions would be one."
    git(repository, "checkout", "-q", "-b", "helped", "first")
    (repository / "lib").mkdir()
    (repository / "lib" / "helper.py").write_text("x = 1\n")
    (repository / "models.py").write_text("import helper\n" + (repository / "models.py").read_text())
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "helped")
    monkeypatch.setenv("PYTHONPATH", str(repository / "lib"))
    with pytest.raises(turns.Unmeasurable, match="helper was imported from .*another version") as found:
        judged(repository, "helped")
    assert found.value.status == 2
    git(repository, "checkout", "-q", "first")
    (tmp_path / "elsewhere.py").write_text("import numpy as np\ndef f(): return lambda x: x @ np.ones((4, 3))\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    asked = gate.Gate("first", "slow", "elsewhere:f", str(repository / "data.npz"), folder=repository)
    with pytest.raises(turns.Unmeasurable, match="nothing that the model uses was imported from its checkout"):
        gate.run(asked, FAST)


@pytest.mark.parametrize("words, said", [
    (["--base", "nowhere"], "nowhere: no such revision"), (["--base", "-x"], "-x: no such revision"),
    (["models:raises", "--base", "first"], "KeyError: 'no weights here'"),
    (["models:number", "--base", "first"], "returns int, expected"),
    (["models:bare", "--base", "first", "--data", "data.npz"], "no array was found"),
    (["models", "--base", "first"], "expected MODULE:FACTORY"),
    (["models:linear", "--base", "first"], "the model refuses data of shape (355, 64)"),
    (["models:linear", "--base", "first", "--data", "none.npz"], "none.npz: no such file"),
    (["models:linear", "--base", "first", "--data", "README"], "README: expected an .npz"),
    (["models:linear", "--base", "first", "--max-slowdown", "x"], "--max-slowdown"), (["models:linear"], "--base"),
    (["models:linear", "--base", "first", "--data", "data.npz", "--json", "no/x.json"], "no such folder")])
def test_bad_usage_is_one_line_and_status_3(repository, words, said):
    before = sorted(repository.iterdir())
    run = capstone("gate", *words, "--markdown", "summary.md", "--submission", "made.json", cwd=repository)
    assert run.returncode == 3 and said in run.stderr and "Traceback" not in run.stderr and not run.stdout
    assert len(run.stderr.splitlines()) == 1 or "Usage" in run.stderr
    assert sorted(repository.iterdir()) == before


@pytest.mark.parametrize("error", [KeyError("lost"), KeyboardInterrupt(), BrokenPipeError()],
                         ids=lambda error: type(error).__name__)
def test_what_ends_the_gate_early_is_no_result(monkeypatch, capfd, error):
    "Neither 1 nor 2, which a workflow may let pass."
    from tinytorch_grader import cli
    def run(*_, **__): raise error
    monkeypatch.setattr(gate, "run", run)
    monkeypatch.setattr(sys, "argv", ["capstone", "gate", "--base", "main"])
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    monkeypatch.setattr(cli, "die_quietly", lambda: None)
    with pytest.raises(SystemExit) as ended: cli.main()
    assert ended.value.code == 3 and "Traceback" not in capfd.readouterr().err


def test_outside_a_repository(tmp_path):
    run = capstone("gate", "--base", "main", cwd=tmp_path,
                   env=os.environ | {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})
    assert run.returncode == 3 and "not a git repository" in run.stderr and len(run.stderr.splitlines()) == 1


def test_the_command_writes_all_its_files_and_annotates(repository, tmp_path):
    files = {name: tmp_path / name for name in ("json", "markdown", "submission", "benchmark")}
    run = capstone("gate", "models:linear", "--base", "first", "--head", "slow", "--data", "data.npz",
                   *(f"--{name}={file}" for name, file in files.items()),
                   cwd=repository, env=os.environ | {"GITHUB_ACTIONS": "true"})
    assert run.returncode == 1 and "::error title=capstone gate::latency: speedup" in run.stdout
    found = json.loads(files["json"].read_text())
    assert found["exit_status"] == 1 and found["speedup"] < 0.7 and len(found["head"]) == 40
    assert files["markdown"].read_text().startswith("### capstone gate, first to slow: regression")
    assert json.loads(files["benchmark"].read_text())[0]["unit"] == "ratio" and parse(files["submission"].read_bytes())


# What can be measured.

@pytest.mark.parametrize("output, found", [
    (np.array([[0, 1], [1, 0], [0, 9]]), 2), (np.array([1, 0, 1]), 2), ([[0.0, 1], [1, 0], [1, 0]], 3)])
def test_scores_and_labels_are_counted(output, found):
    assert subject.right(output, np.array([1, 0, 0])) == found


@pytest.mark.parametrize("output", [np.zeros((3, 1)), np.zeros(4), np.zeros((3, 2, 2)), np.array([[np.nan, 1]] * 3), 7])
def test_output_of_another_form_is_named(output):
    with pytest.raises(subject.Fault): subject.right(output, np.array([1, 0, 0]))


def test_sizes_of_models_that_are_not_ours():
    weights = np.zeros((4, 3), np.float32)
    class Layer:
        def __init__(self): self.w = weights
        def parameters(self): return [self.w, self.w]
    class Fitted:
        def __init__(self): self.coef_ = np.zeros(5)
        def predict(self, x): return x
    assert subject.sizes(Layer()) == (12, 48) and subject.sizes(Fitted().predict) == (5, 40)
    assert subject.sizes(lambda x: x @ weights) == (12, 48)
    world = {"W": weights, "other": np.zeros(99), "np": np}
    exec("def scores(x): return np.asarray(x) @ W", world)
    assert subject.sizes(world["scores"]) == (12, 48)
    class Quantized(Layer):
        def size_bytes(self): return 12
    assert subject.sizes(Quantized()) == (12, 12)


def test_bench_writes_a_submission(repository, tmp_path):
    run = capstone("bench", "models:linear", "--against", "models:linear", "--data", "data.npz", "-o",
                   tmp_path / "out.json", "--technique", "none", "--json", "-",
                   cwd=repository)
    assert run.returncode == 0, run.stderr
    made = parse((tmp_path / "out.json").read_bytes())
    assert (made["optimized"]["techniques_applied"] == ["none"]
            and json.loads(run.stdout)["models:linear"]["accuracy"] == 1)
    assert (len(made["baseline"]["provenance"]["commit"]) == 40 and made["baseline"]["provenance"]["num_samples"] == 60
            and "speedup" in run.stderr)
    for words, said in ((["nothing:here"], "there is no module nothing"), (["models:linear"], "refuses data"),
                        (["models:linear", "--rounds", "5"], "--rounds")):
        run = capstone("bench", *words, "-o", tmp_path / "none.json", cwd=repository)
        assert run.returncode == 3 and said in run.stderr and not (tmp_path / "none.json").exists()


def test_a_model_that_dies_or_hangs_is_one_line(tmp_path):
    (tmp_path / "odd.py").write_text("import os, sys, time\n"
                                     "def dies(): print('out of luck', file=sys.stderr, flush=True); os._exit(9)\n"
                                     "def hangs(): time.sleep(600)\n")
    data = tmp_path / "data.npz"
    np.savez(data, X=np.zeros((2, 4)), y=np.array([0, 1]))
    for name, seconds, said in (("dies", 60, "ended with status 9: out of luck"), ("hangs", 1, "no answer within 1 s")):
        with pytest.raises(turns.Unmeasurable, match=said):
            turns.run_round([turns.Side("odd", f"odd:{name}", [tmp_path])], data, turns.Plan(timeout_s=seconds),
                            np.random.default_rng(0))


def test_the_capstones_model_is_what_is_measured_by_default():
    model = subject.digits_mlp()
    X, y = bench.load("digits")
    assert subject.right(model.forward(subject.as_input("tensor")(X)), y) / len(y) > 0.95
