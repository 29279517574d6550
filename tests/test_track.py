"""`capstone log`: what becomes metric, parameter and tag of a run; with the real MLflow and W&B where they are
installed."""
import copy
import importlib.util
import json
import subprocess
import sys

import pytest
from test_compare import at, submission

from tinytorch_grader import track

real_mlflow = pytest.mark.skipif(not all(map(importlib.util.find_spec, ("mlflow", "alembic"))),
                                 reason="MLflow is not installed: pip install '.[track]', then run with --long")
real_wandb = pytest.mark.skipif(not importlib.util.find_spec("wandb"),
                                reason="W&B is not installed: pip install wandb, then run this file with --long")


def put(folder, name="submission.json", made=None):
    (folder / name).write_text(json.dumps(made or submission(5.0, (3.9, 4.1))))
    return folder / name


def capstone(*words, **how):
    return subprocess.run([sys.executable, "-m", "tinytorch_grader", "log", *map(str, words)], capture_output=True,
                          text=True, **how)


def report(folder, made=None):
    found, refused = track.reports([put(folder, made=made)])
    assert not refused
    return found[0]


def test_metrics_are_the_files_own_numbers(tmp_path):
    found = report(tmp_path)
    (_, baseline), (_, optimized) = found.sides()
    metrics, parameters = track.content(found, "baseline", baseline)
    assert metrics == {name: float(value) for name, value in found.submission["baseline"]["metrics"].items()}
    assert (parameters["model_name"] == "mlp" and parameters["system.numpy_version"] == "2.1.0"
            and parameters["protocol.num_runs"] == "100")
    metrics, parameters = track.content(found, "optimized", optimized)
    assert metrics["speedup"] == 4 and metrics["comparison.ci_low"] == 3.9 and "comparison.verdict" not in metrics
    assert parameters["techniques_applied"] == "int8" and parameters["verdict"] == "faster"


def test_names_and_values_that_a_tracker_refuses(tmp_path):
    odd = copy.deepcopy(submission())
    odd["optimized"]["metrics"]["é\n<x>"] = 3
    odd["optimized"]["metrics"]["large"] = 1e299
    odd["optimized"]["metrics"]["flag"] = True
    odd["optimized"]["provenance"]["note"] = "x" * 9_000
    found = report(tmp_path, odd)
    metrics, parameters = track.content(found, "optimized", found.submission["optimized"])
    assert metrics["___x_"] == 3 and "flag" not in metrics and len(parameters["note"]) == track.VALUE


def test_tags_name_the_file_and_the_commit(tmp_path):
    made = at(submission(), "optimized/provenance/commit", "ab" * 20) | {"student_name": "Ada"}
    found = report(tmp_path, made)
    tags = track.tags(found, "optimized", found.submission["optimized"])
    assert (tags["mlflow.source.git.commit"] == "ab" * 20 and tags["mlflow.user"] == "Ada"
            and tags[track.TAG] == found.digest)
    assert "mlflow.source.git.commit" not in track.tags(found, "baseline", found.submission["baseline"])


def test_one_content_is_one_report_and_what_is_not_valid_is_named(tmp_path):
    files = [put(tmp_path, "a.json"), put(tmp_path, "b.json"), put(tmp_path, "c.json", {"baseline": 1}),
             tmp_path / "none.json"]
    found, refused = track.reports(files)
    assert ([r.path.name for r in found] == ["a.json"] and len(refused) == 2 and "c.json: not a valid" in refused[0]
            and "none.json: cannot be read" in refused[1])


@pytest.mark.parametrize("stamp, ms", [("2026-01-01T00:00:00+00:00", 1767225600000),
                                       ("2026-01-01T00:00:00Z", 1767225600000),
                                       ("2026-01-01T00:00:00", 1767225600000),
                                       ("2026-01-01T01:00:00+01:00", 1767225600000)])
def test_a_run_begins_when_the_file_was_made(tmp_path, stamp, ms):
    assert report(tmp_path, submission() | {"timestamp": stamp}).time_ms == ms


@pytest.mark.parametrize("uri, said", [("mlruns", "retired its file store"), ("file:///tmp/x", "retired"),
                                       ("sqlite:////no/where/x.db", "no such folder")])
def test_stores_that_cannot_be(uri, said):
    with pytest.raises(track.Untracked, match=said): track.mlflow_client(uri)


def test_bad_usage_is_status_3(tmp_path):
    for words, said in (([put(tmp_path)], "say where"), ([], "Missing argument"),
                        ([put(tmp_path), "--nonsense"], "No such option")):
        run = capstone(*words)
        assert run.returncode == 3 and said in run.stderr
    code = "import sys; sys.modules['mlflow'] = None; from tinytorch_grader.__main__ import main; main()"
    run = subprocess.run([sys.executable, "-c", code, "log", put(tmp_path), "--mlflow", "sqlite:///x.db"],
                         capture_output=True, text=True, cwd=tmp_path)
    assert (run.returncode == 3 and "pip install mlflow-skinny SQLAlchemy alembic" in run.stderr
            and len(run.stderr.splitlines()) == 1)


@real_mlflow
@pytest.mark.long
def test_mlflow_has_each_file_once_with_parent_child_metrics_and_artifact(tmp_path):
    from mlflow.tracking import MlflowClient
    files = [put(tmp_path, "a.json"), put(tmp_path, "b.json", submission(9.0)),
             put(tmp_path, "bad.json", {"baseline": 1})]
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    run = capstone(*files, "--mlflow", uri, "--experiment", "class of 26", "--json", tmp_path / "out.json",
                   cwd=tmp_path)
    assert (run.returncode == 1 and "mlflow: 2 logged, 0 there already" in run.stdout
            and "not valid" in run.stdout), run.stderr
    assert [item["new"] for item in json.loads((tmp_path / "out.json").read_text())["mlflow"]] == [True, True]
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("class of 26").experiment_id
    runs = client.search_runs([experiment], order_by=["metrics.latency_ms_median ASC"])
    assert ([r.data.metrics["latency_ms_median"] for r in runs] == [5, 9, 20, 20]
            and all(r.info.status == "FINISHED" for r in runs))
    parents = {r.info.run_id: r for r in runs if "mlflow.parentRunId" not in r.data.tags}
    assert len(parents) == 2 and {r.data.tags["mlflow.parentRunId"] for r in runs[:2]} == set(parents)
    artifacts = {client.list_artifacts(run_id)[0].path: run_id for run_id in parents}
    kept = client.download_artifacts(artifacts["a.json"], "a.json", str(tmp_path / "."))
    assert open(kept, "rb").read() == files[0].read_bytes()

    assert ("0 logged, 2 there already" in capstone(*files[:2], "--mlflow", uri, "--experiment", "class of 26",
                                                    cwd=tmp_path).stdout)
    assert len(client.search_runs([experiment])) == 4
    client.set_terminated(artifacts["a.json"], "KILLED")   # as an interrupted call leaves it
    assert ("1 logged, 1 there already" in capstone(*files[:2], "--mlflow", uri, "--experiment", "class of 26",
                                                    cwd=tmp_path).stdout)
    assert len(client.search_runs([experiment])) == 4


@real_mlflow
@pytest.mark.long
def test_a_server_that_does_not_answer_is_one_line(tmp_path):
    for uri in ("http://127.0.0.1:9", "bogus://x"):
        run = capstone(put(tmp_path), "--mlflow", uri)
        assert run.returncode == 3 and len(run.stderr.splitlines()) == 1 and uri in run.stderr


@real_wandb
@pytest.mark.long
def test_wandb_writes_offline_runs_once(tmp_path):
    for new in (1, 0):
        run = capstone(put(tmp_path), "--wandb", cwd=tmp_path)
        assert run.returncode == 0 and f"wandb: {new} logged, {1 - new} there already" in run.stdout, run.stderr
        assert len(list((tmp_path / "wandb").glob("offline-run-*"))) == 2
