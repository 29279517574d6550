"""A graded course without grading: what `capstone grade` leaves, made up, for the tests of feedback,
report and collect."""
import copy
import functools
import json
from types import SimpleNamespace

import nbformat

from tinytorch_grader.gradebook import ASSIGNMENT, Gradebook
from tinytorch_grader.pages.feedback import without_markers

NOTEBOOK = f"{ASSIGNMENT}.ipynb"


def source(folder):
    return nbformat.read(folder / "source" / ASSIGNMENT / NOTEBOOK, as_version=4)


def marks(cell):
    return cell["metadata"].get("nbgrader", {})


def reference(folder):
    "A notebook of somebody who solved everything, as `grade` would rebuild it: no markers in the solutions."
    notebook = json.loads(nbformat.writes(source(folder)))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
        if marks(cell).get("solution"): cell["source"] = without_markers(cell["source"])
    return notebook


def parts(folder, **failed):
    "Parts with full points, but none and the message for those `failed`, whose names have _ for -."
    found = {marks(cell)["grade_id"]: {"score": None if marks(cell)["solution"] else marks(cell)["points"],
                                       "max_score": marks(cell)["points"], "message": ""}
             for cell in source(folder).cells if marks(cell).get("grade")}
    for name, message in failed.items(): found[name.replace("_", "-")] |= {"score": 0, "message": message}
    return found


def record(folder, *results, timestamp=None):
    """Leave `results` as `grade` does: autograded/ (with outputs that no grader of ours would write,
    too), gradebook, `_grades/`."""
    (folder / "_grades").mkdir(exist_ok=True)
    with Gradebook(folder) as book:
        for result in results:
            plain = copy.deepcopy(result)
            for cell in plain.notebook["cells"] if plain.notebook else ():
                if "outputs" in cell: cell["outputs"] = []
            book.record(plain, timestamp)
            if result.notebook:
                path = book.path("autograded", result.student) / NOTEBOOK
                path.chmod(0o644)
                path.write_text(json.dumps(result.notebook), encoding="utf-8")
            state = {name: value for name, value in vars(result).items() if name != "notebook"} | {"sandbox": True}
            (folder / "_grades" / f"{result.student}.json").write_text(json.dumps(state), encoding="utf-8")


def result(student, notebook, parts, status="graded", message="", seconds=0.25, notes=()):
    return SimpleNamespace(student=student, status=status, parts=parts, notebook=notebook, message=message,
                           seconds=seconds, notes=list(notes), score=sum(part["score"] or 0 for part in parts.values()),
                           max_score=100.0, needs_manual=bool(notebook), seed="5eed")


def cell(notebook, grade_id):
    return next(cell for cell in notebook["cells"] if marks(cell).get("grade_id") == grade_id)


def stream(words, name="stdout"):
    return {"output_type": "stream", "name": name, "text": words}


def display(**data):
    "An output of display(); `image_png=` stands for image/png."
    return {"output_type": "display_data", "metadata": {},
            "data": {name.replace("_", "/", 1): value for name, value in data.items()}}


@functools.lru_cache
def digits():
    from tinytorch_grader.pages.report import digits_sha256
    return digits_sha256()


def measured(latency_ms, size_mb, accuracy, before=(0.01, 0.01, 0.97), data=None, **more):
    "A valid submission of an optimized model; `data`: SHA-256 of X and y, those of the digits by default."
    x, y = data or digits()
    side = lambda name, latency, size, accuracy: {"model_name": name, "provenance": {"X_sha256": x, "y_sha256": y,
                                                                                     "num_samples": 355, "protocol": {
        "num_runs": 100}}, "metrics": {"parameter_count": 2410, "model_size_mb": size, "accuracy": accuracy,
                                       "latency_ms_mean": latency, "latency_ms_median": latency}}
    return {"tinytorch_version": "0.20.0", "submission_type": "capstone_benchmark",
            "timestamp": "2026-03-01T10:00:00+00:00", "schema_version": "1.0",
            "system_info": {"platform": "Linux", "python_version": "3.11"}, "baseline": side("baseline", *before),
            "optimized": side("optimized", latency_ms, size_mb, accuracy) | {"techniques_applied": ["quantize_int8"]},
            "improvements": {"speedup": before[0] / latency_ms, "speedup_basis": "median",
                             "compression_ratio": before[1] / size_mb,
                             "accuracy_delta": accuracy - before[2]}} | more


def hand_in(folder, student, submission):
    "Put `submission` (a dict, or bytes) beside a student's notebook; returns its path."
    path = folder / "submitted" / student / ASSIGNMENT / "submission.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(submission if isinstance(submission, bytes) else json.dumps(submission).encode())
    return path
