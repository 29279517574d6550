"""`capstone log`: submissions as runs of an experiment tracker, MLflow or offline Weights & Biases, each file once.

The baseline is the parent run and the optimized model its child; metrics and parameters are the file's own, and the
file is an
artifact. A run carries the SHA-256 of its file: a file that is logged already makes no second run, and one that was
interrupted is made again.
"""

import hashlib
import logging
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .entries import regular
from .submission import NotASubmission, parse

TAG = "capstone.sha256"
VALUE = 500  # characters of a parameter


class Untracked(ValueError):
    "One line that says why nothing could be logged."

    status = 3


@dataclass
class Report:
    "A file to log: its bytes, and the submission in them."

    path: Path
    data: bytes
    submission: dict

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def time_ms(self) -> int:
        "When it was made, in ms since 1970; a time without a zone is taken as UTC."
        made = datetime.fromisoformat(self.submission["timestamp"].replace("Z", "+00:00"))
        return max(0, int((made if made.tzinfo else made.replace(tzinfo=timezone.utc)).timestamp() * 1000))

    def sides(self) -> Iterator[tuple[str, dict]]:
        yield from ((name, self.submission[name]) for name in ("baseline", "optimized") if name in self.submission)


def reports(files: list[Path]) -> tuple[list[Report], list[str]]:
    "(files to log, each content once; a line for each that is not valid)."
    found, refused = {}, []
    for path in files:
        try:
            data = regular(path)
            report = Report(path, data, parse(data))
            report.time_ms
            found.setdefault(report.digest, report)
        except (NotASubmission, ValueError, OverflowError) as error:
            refused.append(f"{path}: {error}")
    return list(found.values()), refused


def flat(value: dict, before: str = "") -> Iterator[tuple[str, object]]:
    "Every leaf of nested dicts as (dotted name, value); names as trackers allow them."
    for name, leaf in value.items():
        name = f"{before}{re.sub(r'[^A-Za-z0-9_. /-]', '_', str(name))[:100]}"
        if isinstance(leaf, dict):
            yield from flat(leaf, f"{name}.")
        else:
            yield name, leaf


def numbers(value: dict) -> dict[str, float]:
    "The finite numbers among the leaves of `value`."
    leaves = (
        (name, leaf) for name, leaf in flat(value) if isinstance(leaf, (int, float)) and not isinstance(leaf, bool)
    )
    return {name: float(leaf) for name, leaf in leaves if abs(leaf) < 1e300 and math.isfinite(leaf)}


def content(report: Report, name: str, side: dict) -> tuple[dict, dict]:
    "(metrics, parameters) of one side: what was measured, and under which conditions."
    metrics = numbers(side["metrics"])
    claims = report.submission.get("improvements", {})
    if name == "optimized":
        kept = {
            key: value for key, value in claims.get("comparison", {}).items() if key not in ("protocol", "warnings")
        }
        metrics |= numbers({key: value for key, value in claims.items() if key != "comparison"} | {"comparison": kept})
    given = {
        "model_name": side["model_name"],
        "system": report.submission["system_info"],
        **side.get("provenance", {}),
        "schema_version": report.submission.get("schema_version", "none"),
        "tinytorch_version": report.submission["tinytorch_version"],
    }
    if name == "optimized":
        given["techniques_applied"] = ", ".join(side["techniques_applied"])
        given["verdict"] = claims.get("comparison", {}).get("verdict", "none")
    return metrics, {key: str(leaf)[:VALUE] for key, leaf in flat(given) if str(leaf)}


def tags(report: Report, name: str, side: dict) -> dict[str, str]:
    "MLflow's own tags, and ours."
    found = {
        "mlflow.runName": f"{name}: {side['model_name']}"[:250],
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": report.path.name,
        "mlflow.user": report.submission.get("student_name", "")[:250],
        TAG: report.digest,
        "capstone.side": name,
        "mlflow.source.git.commit": str(side.get("provenance", {}).get("commit", ""))[:64],
    }
    return {key: value for key, value in found.items() if value}


# ---- MLflow


def mlflow_client(uri: str):
    "A client for `uri`, in few words and with few attempts. Raises `Untracked` for a store that MLflow has retired."
    scheme = urlsplit(uri).scheme
    if scheme in ("", "file"):
        raise Untracked(
            f"--mlflow: got {uri!r}, expected a database such as sqlite:///mlflow.db or a server such as "
            "http://127.0.0.1:5000; MLflow has retired its file store"
        )
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    if scheme.startswith("sqlite") and not Path(database(uri)).resolve().parent.is_dir():
        raise Untracked(f"--mlflow: {database(uri)}: no such folder; make it first")
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    import mlflow.tracking

    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.ERROR)  # importing it set its own
    return mlflow.tracking.MlflowClient(tracking_uri=uri)


def database(uri: str) -> str:
    "The file of an SQLite address."
    return unquote(uri.partition("///")[2].partition("?")[0]) or "mlflow.db"


def experiment_id(client, uri: str, name: str) -> str:
    "The experiment, made where it is missing; artifacts of an SQLite store lie beside the database."
    found = client.get_experiment_by_name(name)
    if found and found.lifecycle_stage != "active":
        raise Untracked(f"--experiment: {name} was deleted there; restore it, or give another name")
    if found:
        return found.experiment_id
    place = None
    if uri.startswith("sqlite"):
        place = Path(database(uri)).resolve().with_name("mlartifacts").as_uri()
    return client.create_experiment(name, artifact_location=place)


def logged(client, experiment: str, digest: str) -> bool:
    "Whether the file is there as a whole; what an interrupted call left of it is deleted."
    runs = client.search_runs([experiment], f"tags.`{TAG}` = '{digest}'")
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    if any(run.info.status == "FINISHED" for run in parents):
        return True
    for run in runs:
        client.delete_run(run.info.run_id)
    return False


def log_run(client, experiment: str, report: Report) -> None:
    "The runs of one file: children first finished, the parent last, so that a finished parent means a whole file."
    from mlflow.entities import Metric, Param, RunTag

    parent = None
    for name, side in report.sides():
        named = tags(report, name, side) | ({"mlflow.parentRunId": parent} if parent else {})
        run = client.create_run(
            experiment, start_time=report.time_ms, tags=named, run_name=named["mlflow.runName"]
        ).info.run_id
        metrics, parameters = content(report, name, side)
        client.log_batch(
            run,
            [Metric(key, value, report.time_ms, 0) for key, value in metrics.items()],
            [Param(key, value) for key, value in list(parameters.items())[:100]],
            [RunTag("capstone.submission", report.path.name)],
        )
        if parent:
            client.set_terminated(run, "FINISHED", report.time_ms)
        parent = parent or run
    client.log_text(parent, report.data.decode("utf-8"), report.path.name)
    client.set_terminated(parent, "FINISHED", report.time_ms)


def to_mlflow(found: list[Report], uri: str, experiment: str = "capstone") -> list[tuple[Report, bool]]:
    "[(report, whether it is new)] after all of them are in MLflow at `uri`. Raises `Untracked`."
    from mlflow.exceptions import MlflowException

    try:
        client = mlflow_client(uri)
        place, done = experiment_id(client, uri, experiment), []
        for report in found:
            new = not logged(client, place, report.digest)
            if new:
                log_run(client, place, report)
            done.append((report, new))
        return done
    except Untracked:
        raise
    except (MlflowException, OSError) as error:
        raise Untracked(f"--mlflow {uri}: {short(error)}") from error
    except Exception as error:  # SQLAlchemy and requests have families of their own
        if type(error).__module__.partition(".")[0] not in ("sqlalchemy", "requests", "urllib3", "sqlite3", "alembic"):
            raise
        raise Untracked(f"--mlflow {uri}: {short(error)}") from error


def short(error: Exception) -> str:
    "What a tracker says, in a line."
    if "Max retries exceeded" in str(error) or "Connection refused" in str(error):
        return "no answer; is the server running there?"
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


# ---- Weights & Biases, offline


def to_wandb(found: list[Report], project: str = "capstone", folder: Path = Path(".")) -> list[tuple[Report, bool]]:
    """[(report, whether it is new)] after all of them are offline runs in folder/wandb, for `wandb sync`. Raises
    `Untracked`."""
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    done = []
    for report in found:
        whole = folder / "wandb" / f"logged-{report.digest}"
        if not whole.exists():
            for name, side in report.sides():
                wandb_run(wandb, project, folder, report, name, side)
            whole.touch()
            done.append((report, True))
        else:
            done.append((report, False))
    return done


def wandb_run(wandb, project: str, folder: Path, report: Report, name: str, side: dict) -> None:
    """One offline run; both sides of a file are a group, and its id is the file's, so that a second sync changes
    nothing."""
    metrics, parameters = content(report, name, side)
    run = wandb.init(
        mode="offline",
        project=project,
        dir=str(folder),
        id=f"{report.digest[:16]}-{name}",
        group=report.digest[:16],
        job_type=name,
        name=f"{name}: {side['model_name']}"[:128],
        config=parameters,
        reinit=True,
    )
    run.summary.update(metrics)
    if name == "baseline":
        artifact = wandb.Artifact(f"submission-{report.digest[:16]}", type="submission")
        with artifact.new_file(report.path.name, mode="wb") as file:
            file.write(report.data)
        run.log_artifact(artifact)
    run.finish()
