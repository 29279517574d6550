"""One page about the whole class, for instructors: a file that opens anywhere, offline.

Threat: what a student wrote (names, messages, submission.json) acts in the instructor's browser, stops the report or
makes it endless. Names and messages pass through `safe`; each submission.json is read without following links,
within a limit on size, and validated by our own copy of the schema; figures are pictures that carry no text of a
student; every table has an end.
"""
import base64
import contextlib
import io
import math
import os
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np

from .. import intake
from ..gradebook import ASSIGNMENT, put
from ..notebook import Trusted
from ..submission import NotASubmission, parse
from .feedback import opened, regular
from .safe import environment, text

ROWS, FRONT = 100, 25           # of the longest table, of the Pareto front
SUBMISSION_BYTES = 2**20
# Okabe and Ito (2008): colours that stay apart for colour-blind readers; shapes, hatches and words say the same.
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#666666"

# What to do about a submission, to the instructor.
ADVICE = {
    "timeout": "Points earned before the stop are kept. To allow more time: capstone grade DIR --student ID "
               "--timeout 300.",
    "memory": "Points earned before the stop are kept. To allow more memory: capstone grade DIR --student ID "
              "--memory 4096.",
    "crashed": "Grade it again with capstone grade DIR --student ID --force; if it ends again, open the notebook and "
               "see what it does.",
    "invalid": "Tell the student what the message says, put the new file into submitted/ and grade again.",
    "missing": "See what capstone collect could not match, or whether the student handed in at all.",
    "tampered": "Read the code in Formgrader. A score that you enter there stays; nothing is proved until a person has "
                "looked.",
}


# ---- grades

def discrimination(grades, name):
    """Correlation of the points in one part with those in all others, over the students whose work was run; None
    where either does not vary."""
    own = np.array([row.parts[name].score for row in grades])
    rest = np.array([sum(mark.score for mark in row.parts.values()) for row in grades]) - own
    if len(own) < 3 or own.std() < 1e-9 or rest.std() < 1e-9: return None
    return float(np.corrcoef(own, rest)[0, 1])


def shares(grades, points):
    """For each graded cell its mean, discrimination, and the percentages of students with full, some and no points,
    or who wait for a person."""
    table, percent = [], lambda flags: 100 * np.mean(flags)
    for name, most in points.items():
        score, waits = (np.array([row.parts[name].score for row in grades]),
                        np.array([row.parts[name].waits for row in grades]))
        table.append({"name": name, "points": most, "mean": score.mean(), "apart": discrimination(grades, name),
                      "full": percent((score >= most) & ~waits),
                      "none": percent((score <= 0) & ~waits), "some": percent((score > 0) & (score < most) & ~waits),
                      "waiting": percent(waits)})
    return table


def sections(notebook):
    "[(title, {grade_id: points})] of the trusted notebook, in order."
    found = [("Before the parts", {})]
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            found.append((cell.source.splitlines()[0][3:].strip(), {}))
        mark = intake.about(cell)
        if (mark.get("grade") or mark.get("task")) and mark.get("points"):
            found[-1][1][mark["grade_id"]] = float(mark["points"])
    return [(title, points) for title, points in found if points]


NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"


def kind_of(message):
    """`message` without the numbers that random inputs change; `got 4200, expected 4.2` keeps what is wrong with it,
    a factor of 1000.

    A factor is told to one digit, and to its power of ten past 3 either way; what came stays as it is where it is no
    number."""
    def factor(found):
        got, expected = float(found[1]), float(found[3])
        if not expected or not got: return f"got {'0' if not got else '#'}{found[2]}{'0' if not expected else '#'}"
        ratio = got / expected
        shown = (f"{ratio:.1g}" if 1 / 3 < abs(ratio) < 3 else f"1e{math.floor(math.log10(abs(ratio)) + 0.5)}"
                 if ratio > 0 else "negative")
        return f"got # ({shown} times){found[2]}#"
    message = re.sub(rf"got ({NUMBER})(, expected (?:about )?)({NUMBER})", factor, message)
    return re.sub(rf"(?<![\w.(]){NUMBER}(?! times)", "#", message)


def failures(grades, points):
    """[(count, grade_id, message)] of the commonest messages of parts (`points` by grade_id) without full points,
    the unwritten in one row.

    Messages are told apart by `kind_of`."""
    seen, count, unwritten = defaultdict(Counter), Counter(), Counter()
    for row in grades:
        # one reason, said once, not a mistake in every part
        if row.status in ("invalid", "missing", "tampered"): continue
        for grade_id, most in points.items():
            score, message = row.parts[grade_id].score, row.parts[grade_id].message
            if not (score < most and message) or message.startswith("not reached"): continue
            if message.startswith("not written yet"): unwritten[row.student] += 1
            else:
                kind = grade_id, kind_of(message[:600])
                count[kind] += 1
                if len(seen[kind]) < 50: seen[kind][message] += 1
    found = [(many, kind[0], text(seen[kind].most_common(1)[0][0], 400)) for kind, many in count.most_common(25)]
    return found + ([(len(unwritten), "any", f"not written yet: {unwritten.total()} parts in all")] if unwritten
                    else [])


# ---- what students measured

@dataclass
class Entry:
    "A valid submission.json: metrics of the model handed in and of its baseline, and why it is in no ranking, if so."
    student: str
    latency_us: float
    size_kib: float
    accuracy: float
    push: float           # speedup x compression against its own baseline
    metrics: dict
    baseline: tuple       # latency_us, size_kib, accuracy
    techniques: str
    outside: str = ""
    front: bool = False


def entry(student, submission, expected):
    "The Entry of a valid `submission`; `expected`: SHA-256 of the test data (X, y) that the ranking is about."
    side = submission.get("optimized", submission["baseline"])
    of = lambda m: (1e3 * float(m.get("latency_ms_median", m["latency_ms_mean"])), 1024 * float(m["model_size_mb"]),
                    float(m["accuracy"]))
    (latency, size, accuracy), before = of(side["metrics"]), of(submission["baseline"]["metrics"])
    data = [side.get("provenance", {}).get(name) for name in ("X_sha256", "y_sha256")]
    outside = ("no median latency" if "latency_ms_median" not in side["metrics"] else "does not say which test data"
               if None in data
               else "" if data == expected else "other test data")
    techniques = (", ".join(side.get("techniques_applied") or [])
                  or ("baseline only" if side is submission["baseline"] else "none named"))
    if not all(math.isfinite(v) and v > 0 for v in (latency, size, *before[:2])):
        raise ValueError("a value beyond any machine")
    return Entry(student, latency, size, accuracy, before[0] / latency * before[1] / size, side["metrics"], before,
                 text(techniques, 200), outside)


def digits_sha256():
    "SHA-256 of the digits' test images and labels, as `BenchmarkReport` records them."
    from tinytorch.datasets import load_digits
    from tinytorch.olympics import _sha256
    return [_sha256(array) for array in load_digits()[2:]]


def entries(root, submitted, progress=lambda done, total: None):
    """(entries, [(student, why)] of the files that are no valid submission) from the submission.json beside each
    student's notebook."""
    found, refused, expected = [], [], digits_sha256()
    with contextlib.suppress(FileNotFoundError):
        students = sorted(e.name for e in os.scandir(submitted) if not e.name.startswith("."))
        for done, student in enumerate(students):
            progress(done, len(students))
            path = Path(submitted) / student / ASSIGNMENT / "submission.json"
            if not os.path.lexists(path): continue
            try: found.append(entry(student, parse(regular(root, path, SUBMISSION_BYTES)), expected))
            except NotASubmission as e:
                at, what = e.violations[0] if e.violations else ("", str(e))
                more = f" (and {len(e.violations) - 1} more)" if len(e.violations) > 1 else ""
                refused.append((student, text(f"{at or '/'} {what}" if e.violations else what, 300) + more))
            except OSError as e: refused.append((student, text(f"cannot be read ({e.strerror or e})", 300)))
            except ValueError as e: refused.append((student, text(str(e), 300)))
            except (TypeError, LookupError, AttributeError, ArithmeticError):
                refused.append((student, "holds a value that no benchmark gives"))
    return found, refused


def mark_front(found):
    "Set `front` on the entries that no other beats: as fast, as small and as accurate, and better in one of them."
    if not found: return
    costs = np.array([[e.latency_us, e.size_kib, -e.accuracy] for e in found])
    for e, cost in zip(found, costs):
        e.front = not ((costs <= cost).all(1) & (costs < cost).any(1)).any()


def ranked(found, key):
    "[(rank, entry)] by `key`, least first; equal keys share a rank."
    found = sorted(found, key=key)
    keys = [key(e) for e in found]
    return [(1 + bisect_left(keys, own), e) for own, e in zip(keys, found)]


def places(ranks):
    "[(place, entry)] of the first ten of `ranks`, with a shared place as `3=`, and everybody who shares the last one."
    last, many = ranks[min(9, len(ranks) - 1)][0] if ranks else 0, Counter(rank for rank, _ in ranks)
    return [(f"{rank}=" if many[rank] > 1 else str(rank), e) for rank, e in ranks if rank <= last][:ROWS]


def events(found):
    "[(name, how it is ranked, who may enter, [(rank, entry)])] of the five events."
    from tinytorch.olympics import OlympicEvent, qualifies_event

    may = {event: [e for e in found if qualifies_event(e.metrics, event)] for event in OlympicEvent}
    spots = [{e.student: rank for rank, e in ranked(may[OlympicEvent.ALL_AROUND], key)}
              for key in (lambda e: e.latency_us, lambda e: e.size_kib, lambda e: -e.accuracy)]
    how = {OlympicEvent.LATENCY_SPRINT: ("accuracy of at least 0.85; median latency, least first",
                                         lambda e: e.latency_us),
           OlympicEvent.MEMORY_CHALLENGE: ("accuracy of at least 0.85; size, least first", lambda e: e.size_kib),
           OlympicEvent.ACCURACY_CONTEST: ("under 100 ms and 10 MiB; accuracy, highest first", lambda e: -e.accuracy),
           OlympicEvent.ALL_AROUND: ("everybody; sum of the places in latency, size and accuracy",
                                     lambda e: sum(p[e.student] for p in spots)),
           OlympicEvent.EXTREME_PUSH: ("accuracy of at least 0.80; times faster, times smaller, multiplied, than its "
                                       "own baseline", lambda e: -e.push)}
    return [(event.value.replace("_", " "), words, len(may[event]), places(ranked(may[event], key)))
            for event, (words, key) in how.items()]


# ---- figures

def drawn(figure, alt):
    "A figure as {src, alt}: an SVG in a data URI, where it can neither load nor run anything."
    import matplotlib
    with matplotlib.rc_context({"svg.hashsalt": ASSIGNMENT, "svg.fonttype": "path"}):
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return {"src": "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode(), "alt": alt}


def canvas(width, height, rows=1, columns=1, **more):
    from matplotlib.figure import Figure
    figure = Figure(figsize=(width, height), layout="constrained", dpi=150)
    axes = figure.subplots(rows, columns, squeeze=False, **more)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def distribution(grades, groups, max_score):
    "Histograms of the total and of each section."
    columns, panels = 4, [("Total", [row.score for row in grades], max_score)]
    panels += [(title, [sum(row.parts[name].score for name in points) for row in grades], sum(points.values()))
               for title, points in groups]
    figure, axes = canvas(11, 2.4 * -(-len(panels) // columns), -(-len(panels) // columns), columns)
    said = []
    for ax, (title, scores, most) in zip(axes.flat, panels):
        ax.hist(scores, bins=np.linspace(0, max(most, 1e-9), 11), color=BLUE, edgecolor="white")
        ax.set_title(title if len(title) < 34 else title[:31] + "...", fontsize=9, parse_math=False)
        ax.set_xlabel(f"points of {most:g}", fontsize=8)
        ax.set_ylabel("students", fontsize=8)
        ax.yaxis.get_major_locator().set_params(integer=True)
        ax.tick_params(labelsize=8)
        said.append(f"{title}: median {np.median(scores):g} of {most:g}")
    for ax in axes.flat[len(panels):]: ax.remove()
    return drawn(figure, "Histograms of points. " + "; ".join(said) + ".")


def bars(table):
    "Share of students with full, some and no points, for each graded cell."
    figure, axes = canvas(9, 0.6 + 0.22 * len(table))
    ax, left, y = axes[0, 0], np.zeros(len(table)), np.arange(len(table))
    for name, label, colour, hatch in (("full", "full points", GREEN, ""), ("some", "some points", ORANGE, "////"),
                                       ("none", "no points", RED, "...."),
                                       ("waiting", "waits for a person", "#CCCCCC", "xx")):
        share = np.array([row[name] for row in table])
        ax.barh(y, share, left=left, color=colour, hatch=hatch, edgecolor="white", height=0.8, label=label)
        left += share
    ax.set(yticks=y, xlim=(0, 100), ylim=(len(table) - 0.4, -0.6), xlabel="% of the students")
    ax.set_yticklabels([row["name"] for row in table], fontsize=8, parse_math=False)
    ax.legend(ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False)
    worst = min(table, key=lambda row: row["full"])
    return drawn(figure, "Share of students with full, some and no points for each graded cell; the table below has "
                         "the numbers. "
                         f"Fewest full points: {worst['name']}, {worst['full']:.0f} %.")


def times(grades):
    seconds = np.array([row.seconds for row in grades])
    figure, axes = canvas(6, 2.4)
    axes[0, 0].hist(seconds, bins=30, color=BLUE, edgecolor="white")
    axes[0, 0].set(xlabel="seconds a submission ran", ylabel="submissions", yscale="log" if len(seconds) > 50
                   else "linear")
    return drawn(figure,
                 f"Histogram of grading times: median {np.median(seconds):.2g} s, longest {seconds.max():.3g} s.")


def spread(values):
    "Limits of a logarithmic axis that shows `values`, but no more than a factor of 10,000 from their median."
    middle = np.median(values)
    low, high = max(min(values), middle / 1e4), min(max(values), middle * 1e4)
    margin = max((high / low) ** 0.06, 1.15)
    return low / margin, high * margin


def plane(found):
    """Three views of latency, size and accuracy: baselines, submitted models, and the Pareto front, numbered as in
    its table."""
    from matplotlib.ticker import LogFormatter
    figure, axes = canvas(10, 7.5, 2, 2)
    fields = {"latency": ("median latency of one sample, us (log)", 0), "size": ("size, KiB (log)", 1),
              "accuracy": ("test accuracy", 2)}
    own = np.array([[e.latency_us, e.size_kib, e.accuracy] for e in found])
    before, front = np.array([e.baseline for e in found]), np.array([e.front for e in found])
    limits = [spread(np.r_[own[:, k], before[:, k]])
              for k in (0, 1)] + [(min(0.79, np.quantile(np.r_[own[:, 2], before[:, 2]], 0.02) - 0.03), 1.01)]
    # what lies outside is drawn at the edge
    own, before = (np.clip(points, *zip(*limits)) for points in (own, before))
    for ax, (x, y) in zip(axes.flat, (("latency", "accuracy"), ("size", "accuracy"), ("latency", "size"))):
        (x_label, i), (y_label, j) = fields[x], fields[y]
        ax.scatter(before[:, i], before[:, j], marker="o", s=22, facecolors="none", edgecolors=GREY, label="baseline",
                   rasterized=True)
        ax.scatter(own[~front, i], own[~front, j], marker="^", s=26, color=BLUE, alpha=0.6, linewidths=0,
                   label="submitted", rasterized=True)
        ax.scatter(own[front, i], own[front, j], marker="D", s=44, color=RED, edgecolors="black",
                   label="submitted, on the Pareto front", zorder=3)
        for place, at in enumerate(own[front][:FRONT], 1):
            ax.annotate(str(place), (at[i], at[j]), xytext=(5, 4), textcoords="offset points", fontsize=8)
        ax.set(xlabel=x_label, ylabel=y_label, xscale="log", yscale="log" if y == "size" else "linear", xlim=limits[i],
               ylim=limits[j])
        for axis in (ax.xaxis, ax.yaxis)[:1 + (y == "size")]:
            axis.set_major_formatter(lambda value, _: f"{value:g}")
            axis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.5)))
        if y == "accuracy":
            for floor in (0.85, 0.80): ax.axhline(floor, color=GREY, linewidth=0.8, linestyle=":")
            ax.annotate("floors 0.85 and 0.80", (0.99, 0.85), xycoords=("axes fraction", "data"), ha="right",
                        va="bottom", fontsize=8, color="#444444")
    axes[1, 1].legend(*axes[0, 0].get_legend_handles_labels(), loc="center", frameon=False)
    axes[1, 1].axis("off")
    return drawn(figure, f"{len(found)} submitted models and their baselines by median latency, size and accuracy; "
                         f"{front.sum()} are on the Pareto "
                         "front and listed in the table below.")


# ---- the page

def link(root, folder):
    "The address of a student's feedback page, seen from the report; empty where there is none yet."
    page = next(iter(sorted(folder.glob("*.html"))), None)
    return quote(page.relative_to(root).as_posix()) if page and page.is_relative_to(root) else ""


def write(course, db=None, assignment=ASSIGNMENT, progress=lambda done, total: None):
    "Write COURSE/report.html from the gradebook, `_grades/` and the students' submission.json; returns its path."
    with opened(course, db, assignment) as gradebook:
        root = Path(gradebook.directory.root)
        groups, by_hand = [], set()
        for name, path in gradebook.sources().items():
            source = gradebook.trusted_notebook(path)
            groups += [(title, {gradebook.part(name, part): most for part, most in group.items()})
                       for title, group in sections(source)]
            by_hand |= {gradebook.part(name, part.grade_id) for part in Trusted(source).parts if part.manual}
        points = {name: most for _, group in groups for name, most in group.items()}
        grades, absent = list(gradebook.grades().values()), gradebook.absent()
        people = [(row, link(root, gradebook.path("feedback", row.student)))
                  for row in sorted(grades, key=lambda row: (row.name or row.student).lower())]
        submitted = root / gradebook.directory.submitted_directory
        found, refused = entries(root, submitted, progress) if assignment == ASSIGNMENT else ([], [])
    able = [e for e in found if not e.outside]
    mark_front(able)
    able.sort(key=lambda e: e.latency_us)
    attention = sorted((row for row in grades if row.status != "graded"),
                       key=lambda row: (row.status != "tampered", row.status))
    table = shares(grades, points) if grades else []
    page = environment()
    page.filters |= {"plain": lambda value: text(value, 300), "short": lambda value: f"{value:.3g}"}
    max_score = sum(points.values())
    html = page.get_template("report.html.j2").render(
        title=f"{assignment}: the class", assignment=assignment, course=text(root.name), n=len(grades),
        max_score=max_score, rows=ROWS, front_rows=FRONT, advice=ADVICE,
        people=people, late=[row for row in grades if row.late_s > 0], spread=np.std([row.score for row in grades])
        if grades else 0, outdated=[row for row in grades if row.outdated],
        beyond=[row for row in grades if row.beyond],
        mean=np.mean([row.score for row in grades]) if grades else 0, median=np.median([row.score for row in grades])
        if grades else 0,
        waiting=sum(bool(row.waiting) for row in grades), absent=absent, bare=sum(not row.sandbox for row in grades),
        attention=attention, statuses=Counter(row.status for row in attention).most_common(),
        notes=[(row.student, note) for row in grades for note in row.notes], table=table,
        failures=failures(grades, {name: most for name, most in points.items() if name not in by_hand}),
        distribution=grades and distribution(grades, groups, max_score), bars=table and bars(table),
        times=grades and times(grades),
        total_seconds=sum(row.seconds for row in grades), slowest=sorted(grades, key=lambda row: -row.seconds)[:10],
        measured=len(found), refused=refused, outside=[(e.student, e.outside) for e in found if e.outside],
        plane=able and plane(able), front=[e for e in able if e.front], events=events(able) if able else [])
    path = root / ("report.html" if assignment == ASSIGNMENT else f"report-{assignment}.html")
    put(path, html)
    return path
