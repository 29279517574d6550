"""Formgrader's buttons, and nbgrader's commands of the same name, in a course made here: the cage runs student code,
our pages go out.

Threat: stock Autograde executes what students wrote with the rights of the person at the screen, and stock feedback
shows hidden tests. `nbgrader_config.py` of a course names these two exporters, which take the place of nbgrader's
own.
"""
import subprocess
import sys
from pathlib import Path

from nbconvert.exporters import Exporter, NotebookExporter
from nbgrader.converters.base import NbGraderException


def whose(exporter, resources):
    "(root of the course, student, assignment) of the conversion that `exporter` is part of."
    about = resources["nbgrader"]
    return Path(exporter.parent.coursedir.root), about["student"], about["assignment"]


class Caged(NotebookExporter):
    "For Autograde: what `capstone grade` makes of the submission, in its cage."

    def from_filename(self, filename, resources=None, **_):
        root, student, assignment = whose(self, resources)
        path = Path(exporter_target(self, student, assignment)) / Path(filename).name
        # nbgrader's first pass, over the submission; the second reads what came of it
        if Path(filename).resolve() != path.resolve():
            said = subprocess.run([sys.executable, "-m", "tinytorch_grader", "grade", str(root), "--student", student,
                                   *named(assignment)],
                                  capture_output=True, text=True)
            if said.returncode not in (0, 1): raise NbGraderException(said.stderr.strip().splitlines()[-1])
            if not path.exists(): raise NbGraderException(said.stdout.strip() or f"{student}: nothing could be graded")
        text = path.read_text(encoding="utf-8")
        path.unlink()   # nbgrader writes it again
        return text, resources | {"output_extension": ".ipynb"}


def exporter_target(exporter, student, assignment):
    "The folder of autograded/ that the conversion writes to."
    return exporter.parent.coursedir.format_path(exporter.parent.coursedir.autograded_directory, student, assignment)


def named(assignment):
    from .gradebook import ASSIGNMENT
    return [] if assignment == ASSIGNMENT else ["--assignment", assignment]


class SafePage(Exporter):
    "For GenerateFeedback: the page of `capstone feedback`, without hidden tests."
    file_extension = ".html"

    def from_filename(self, filename, resources=None, **_):
        from .pages import feedback
        root, student, assignment = whose(self, resources)
        with feedback.opened(root, assignment=assignment) as gradebook:
            html = feedback.Pages(gradebook).html(student, Path(filename).stem)
        return html, (resources or {}) | {"output_extension": ".html"}
