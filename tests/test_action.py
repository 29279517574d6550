"""The composite action of the gate, its steps run as a runner would: in a clone, on a branch with a planted
slowdown."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed: pip install '.[dev]'")
ACTION = yaml.safe_load((ROOT / ".github" / "actions" / "gate" / "action.yml").read_text(encoding="utf-8"))
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "gate.yml").read_text(encoding="utf-8"))


def git(folder, *words):
    subprocess.run(["git", "-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.org", *words], check=True,
                   capture_output=True)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    "A clone of this repository as it lies here, with a branch `slow` whose model does its work four times."
    folder = tmp_path_factory.mktemp("clone")
    if not (ROOT / ".git").exists(): pytest.skip("no git checkout: the gate compares revisions")
    names = subprocess.run(["git", "-C", ROOT, "ls-files", "tinytorch"], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    git(folder, "init", "-q", "-b", "main")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / ".gitignore").write_text("__pycache__\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "main")
    git(folder, "checkout", "-qb", "slow")
    with (folder / "tinytorch" / "olympics.py").open("a") as file:
        file.write("\n\nfast = SimpleMLP.forward\n\n\ndef forward(self, x):\n    for _ in range(3): fast(self, x)\n"
                   "    return fast(self, x)\n\n\nSimpleMLP.forward = forward\n")
    git(folder, "commit", "-qam", "slow")
    git(folder, "checkout", "-q", "--orphan", "empty")
    git(folder, "rm", "-rqf", "tinytorch")
    git(folder, "commit", "-qm", "empty")
    git(folder, "checkout", "-q", "slow")
    return folder


def act(clone, folder, **given):
    "Run the action's steps with these inputs, `_` for `-`; (exit status, stdout, outputs, summary)."
    inputs = {name: spec.get("default") for name, spec in ACTION["inputs"].items()}
    inputs |= {"package": "", "out": str(folder / "out")} | {name.replace("_", "-"): value
                                                             for name, value in given.items()}
    assert None not in inputs.values()
    files = {name: folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values(): file.touch()
    bin = folder / "bin"
    bin.mkdir()
    (bin / "capstone").write_text(f"#!/bin/sh\nexec '{sys.executable}' -m tinytorch_grader \"$@\"\n")
    (bin / "capstone").chmod(0o755)
    for step in ACTION["runs"]["steps"]:
        if step.get("if") == "inputs.package != ''" and not inputs["package"]: continue
        env = {name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: inputs[found[1]], value)
               for name, value in step.get("env", {}).items()}
        assert ("${{" not in "".join(env.values())
                + step["run"]), "a step reads its inputs from the environment, never as text of the script"
        run = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=clone,
                             capture_output=True, text=True,
                             env=os.environ | {"PATH": f"{bin}:{os.environ['PATH']}", "GITHUB_ACTIONS": "true"}
                             | {k: str(v) for k, v in files.items()} | env)
        if run.returncode: break
    outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
    return run.returncode, run.stdout + run.stderr, outputs, files["GITHUB_STEP_SUMMARY"].read_text()


def test_a_planted_slowdown_fails_the_step_with_summary_annotation_and_files(clone, tmp_path):
    status, said, outputs, summary = act(clone, tmp_path, base="main")
    assert (status, outputs) == (1, {"status": "1"}), said
    assert ("::error title=capstone gate::latency: speedup" in said
            and summary.startswith("### capstone gate, main to HEAD: regression"))
    assert ({path.name for path in (tmp_path / "out").iterdir()}
            == {"summary.md", "gate.json", "submission.json", "benchmark.json"})
    assert json.loads((tmp_path / "out" / "gate.json").read_text())["speedup"] < 0.5
    assert subprocess.run(["git", "-C", clone, "status", "--porcelain"], capture_output=True, text=True).stdout == ""


@pytest.mark.long
def test_a_generous_limit_passes(clone, tmp_path):
    status, said, outputs, summary = act(clone, tmp_path, base="main", max_slowdown="2000%")
    assert (status, outputs) == (0, {"status": "0"}), said
    assert "passed" in summary and "::error" not in said


@pytest.mark.parametrize("given, status, exit_status", [
    ({"base": "nowhere"}, "3", 3), ({"base": "empty"}, "2", 2), ({"base": "empty", "not_comparable": "pass"}, "2", 0),
    ({"base": "main", "max_slowdown": "$(touch injected)"}, "3", 3), ({"base": "main; touch injected"}, "3", 3)])
def test_what_cannot_be_compared_has_a_status_of_its_own(clone, tmp_path, given, status, exit_status):
    found, said, outputs, summary = act(clone, tmp_path, **given)
    assert (found, outputs) == (exit_status, {"status": status}), said
    assert not summary and not list((tmp_path / "out").iterdir()) and not (Path(clone) / "injected").exists()


def test_the_workflow_uses_the_action_with_inputs_it_has():
    steps = WORKFLOW["jobs"]["gate"]["steps"]
    step, = (step for step in steps if step.get("uses") == "./.github/actions/gate")
    assert (set(step["with"]) <= set(ACTION["inputs"])
            and {name for name, spec in ACTION["inputs"].items() if spec.get("required")} <= set(step["with"]))
    checkout, = (step for step in steps if step.get("uses", "").startswith("actions/checkout"))
    assert checkout["with"]["fetch-depth"] == 0 and WORKFLOW["permissions"] == {"contents": "read"}
