"""The commands about submission.json. Exit status: 0 all well, 1 a regression or a file that is not valid, 2 not
comparable, 3 bad usage.

They need click and NumPy alone; what a command needs beyond them it imports when it runs."""

import os
import sys

import click

from .console import PATH, Progress, Refused, command, json_option, plain, room, said, writable, write, write_json

markdown_option = click.option(
    "--markdown", "markdown_file", metavar="FILE", type=PATH, help="The same as Markdown; - is stdout."
)


def results(example, short):
    "A command whose refusals are exit status 3, because 1 and 2 are results."

    def decorate(function):
        made = command(example, short)(function)
        made.refused_status = 3
        return made

    return decorate


def share(context, parameter, value):
    "The callback of an option that is a share: `5%` or `0.05`."
    if value is None:
        return None
    try:
        return room("compare").parse_share(value)
    except ValueError as e:
        raise Refused(f"--{parameter.name.replace('_', '-')}: {e}") from None


def limit(name, default, text):
    return click.option(
        name, default=default, show_default=default is not None, metavar="SHARE", callback=share, help=text
    )


def tell(outcome, title, json_file=None, markdown_file=None):
    "Write and print an Outcome; returns its exit status."
    write_json(json_file, outcome.to_dict())
    if markdown_file:
        write(markdown_file, outcome.markdown(title))
    with said(json_file, markdown_file):
        print(outcome.text, file=sys.stderr if outcome.status == 2 else sys.stdout)
    return outcome.status


@results("capstone compare main.json branch.json --max-slowdown 5%", "Regression gate between two submission.json.")
@click.argument("base", type=PATH)
@click.argument("new", type=PATH)
@limit("--max-slowdown", "10%", "How much slower NEW may be.")
@limit(
    "--max-accuracy-drop",
    None,
    "How much accuracy NEW may lose, of 1; default: a loss of over a point is a warning alone.",
)
@limit("--max-growth", None, "How much larger NEW may be; default: growth is a warning alone.")
@click.option(
    "--allow",
    multiple=True,
    type=click.Choice(["system", "numpy", "python"]),
    help="Compare although the NumPy, the Python or the rest of the system differs; may be given several times.",
)
@click.option("--force", is_flag=True, help="Compare although data, systems or protocols differ.")
@json_option
@markdown_option
def compare(base, new, max_slowdown, max_accuracy_drop, max_growth, allow, force, json_file, markdown_file):
    "Regression gate between two submission.json. Exit status: 0 passed, 1 a regression, 2 not comparable, 3 bad usage."
    writable(json_file, markdown_file)
    module = room("compare")
    found = module.compare(base, new, module.Limits(max_slowdown, max_accuracy_drop, max_growth), force, allow)
    return tell(found, f"{plain(base.name)} and {plain(new.name)}", json_file, markdown_file)


data_option = click.option(
    "--data",
    default="digits",
    show_default=True,
    metavar="digits|FILE.npz",
    help="Samples X (n, ...) and class indices y (n,).",
)
input_option = click.option(
    "--input",
    "kind",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "array", "tensor", "torch"]),
    help="What the model takes; auto tries what it looks like.",
)
timeout_option = click.option(
    "--timeout",
    default=300.0,
    show_default=True,
    metavar="S",
    type=click.FloatRange(1, 86400),
    help="Seconds that a model may take to be built, or to answer.",
)


@results(
    "capstone bench models:small --against models:large -o small.json",
    "Benchmark anything callable, write a submission.json.",
)
@click.argument("target", metavar="MODULE:FACTORY")
@data_option
@click.option("--against", metavar="MODULE:FACTORY", help="Measure this one in turns with it, as the baseline.")
@click.option(
    "-o",
    "--out",
    default="submission.json",
    show_default=True,
    metavar="FILE",
    type=PATH,
    help="The submission; - is stdout.",
)
@click.option(
    "--technique",
    "techniques",
    multiple=True,
    metavar="TEXT",
    help="What was done to the model; may be given several times.",
)
@click.option(
    "--rounds",
    default=6,
    show_default=True,
    metavar="N",
    type=click.IntRange(6, 1000),
    help="Fresh processes that each model is measured in.",
)
@input_option
@timeout_option
@json_option
def bench(target, data, against, out, techniques, rounds, kind, timeout, json_file):
    """Benchmark what MODULE:FACTORY returns: a model with a forward method, or any function of an array. Modules are
    looked for in this folder.

    It runs with your rights, as `python -m MODULE` would. The function gets X and returns scores (n, classes) or labels
    (n,)."""
    writable(out, json_file)
    module, turns = room("bench"), room("turns")
    try:
        with Progress(doing="measuring", past="measured") as progress:
            made = module.bench(
                target, data, against, rounds, turns.Plan(input=kind, timeout_s=timeout), techniques, progress
            )
    except turns.Unmeasurable as e:
        raise Refused(str(e)) from None
    write_json(out, made)
    found = [made[side] for side in ("baseline", "optimized") if side in made]
    measured = {side["model_name"]: side["metrics"] for side in found}
    write_json(json_file, measured | {"improvements": made.get("improvements")})
    with said(out, json_file):
        print("\n".join(summary(made)))


def summary(made):
    "A submission in a few lines."
    for side in (made[name] for name in ("baseline", "optimized") if name in made):
        m = side["metrics"]
        around = (
            f" [{m['latency_ms_median_ci_low']:.4g}, {m['latency_ms_median_ci_high']:.4g}]"
            if "latency_ms_median_ci_low" in m
            else ""
        )
        figures = f"{m['latency_ms_median']:.4g} ms{around}, accuracy {m['accuracy']:.4f}, {m['model_size_mb']:.4g} MiB"
        yield f"{plain(side['model_name'])}: {figures}"
    paired = made.get("improvements", {}).get("comparison")
    if paired:
        yield f"speedup {paired['speedup']:.4g} [{paired['ci_low']:.4g}, {paired['ci_high']:.4g}]: {paired['verdict']}"


@results(
    "capstone gate --base origin/main --markdown summary.md",
    "Regression gate between two revisions, measured in turns.",
)
@click.argument("target", metavar="[MODULE:FACTORY]", default="")
@click.option("--base", required=True, metavar="REV", help="The revision to compare with.")
@click.option("--head", default="HEAD", show_default=True, metavar="REV", help="The revision to judge.")
@data_option
@limit("--max-slowdown", "5%", "How much slower it may be; a regression when more than that is proven.")
@limit("--max-accuracy-drop", "1%", "How much accuracy it may lose, of 1.")
@limit("--max-growth", "10%", "How much larger it may be.")
@click.option(
    "--path",
    "paths",
    multiple=True,
    default=(".", "src"),
    show_default=True,
    metavar="DIR",
    help="Folders of a checkout to import from.",
)
@input_option
@timeout_option
@json_option
@markdown_option
@click.option(
    "--submission",
    "submission_file",
    metavar="FILE",
    type=PATH,
    help="A submission.json: the base as baseline, the new one as optimized.",
)
@click.option(
    "--benchmark",
    "benchmark_file",
    metavar="FILE",
    type=PATH,
    help="JSON for github-action-benchmark (customSmallerIsBetter).",
)
def gate(
    target,
    base,
    head,
    data,
    max_slowdown,
    max_accuracy_drop,
    max_growth,
    paths,
    kind,
    timeout,
    json_file,
    markdown_file,
    submission_file,
    benchmark_file,
):
    """Regression gate between two revisions: check both out, measure them in turns, one verdict.

    Without MODULE:FACTORY it is the capstone's model on the digits. The code of both revisions runs with your rights.
    Exit status: 0 passed, 1 a regression, 2 could not be compared, 3 bad usage. On GitHub it annotates the run."""
    writable(json_file, markdown_file, submission_file, benchmark_file)
    module, turns = room("gate"), room("turns")
    asked = module.Gate(
        base, head, target, data, paths, limits=module.Limits(max_slowdown, max_accuracy_drop, max_growth)
    )
    try:
        with Progress(doing="measuring", past="measured") as progress:
            outcome, made = module.run(asked, turns.Plan(input=kind, timeout_s=timeout), progress=progress)
    except turns.Unmeasurable as e:
        return stopped(e)
    write_json(submission_file, made)
    write_json(benchmark_file, module.action_benchmark(made, outcome))
    annotate(module.annotations(outcome))
    return tell(outcome, f"capstone gate, {plain(base)} to {plain(head)}", json_file, markdown_file)


def annotate(lines):
    "Print workflow commands where GitHub reads them."
    if os.environ.get("GITHUB_ACTIONS") == "true":
        print("\n".join(lines), flush=True)


def stopped(error):
    "One line about a measurement that was not made; returns its exit status."
    print(f"capstone: {plain(error)}", file=sys.stderr)
    annotate([f"::error title=capstone gate::{plain(error).replace('%', '%25')}"])
    return error.status


def page(what, folder, out, json_file):
    "Write the page `what` about `folder` to `out`; 1 where a file in it is not valid."
    writable(out, json_file)
    if not folder.is_dir():
        raise Refused(f"{folder}: no such folder; give the one that holds the submissions")
    module = room("pages.board")
    html, entries, refused = getattr(module, what)(folder, out)
    write(out, html)
    named = [{"file": plain(name), "violations": [plain(line) for line in lines]} for name, lines in refused]
    write_json(json_file, {"valid": [plain(e.file) for e in entries], "not_valid": named})
    with said(out, json_file):
        for file in named:
            print(f"not valid: {file['file']}: {'; '.join(file['violations'][:5])}")
        plural = "s" if len(entries) != 1 else ""
        print(f"{plain(out)}: {len(entries)} submission{plural}, {len(refused)} not valid")
    return int(bool(refused))


def page_command(what, example, short, long):
    "The command that writes the page `what` about a folder of submissions."

    @results(example, short)
    @click.argument("folder", metavar="FOLDER", type=PATH)
    @click.argument("out", metavar="OUT", type=PATH)
    @json_option
    def made(folder, out, json_file):
        return page(what, folder, out, json_file)

    made.name = what
    made.help = f"{long}\n\nExit status 1: a file is not valid; the page is written all the same and names it."
    return made


board = page_command(
    "board",
    "capstone board submissions board.html",
    "One static page about a folder of submissions.",
    "One static page about the submissions in FOLDER: a table for each machine, events, speed, size and accuracy.",
)
history = page_command(
    "history",
    "capstone history submissions history.html",
    "Latency with its interval by commit, as a static page.",
    "The latency of each model in FOLDER's submissions in order of time, by the commit that they record.",
)


@results(
    "capstone log submission.json --mlflow sqlite:///mlflow.db", "Submissions as runs of MLflow or W&B, each file once."
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=PATH)
@click.option("--mlflow", "uri", metavar="URI", help="A tracking server or database, such as sqlite:///mlflow.db.")
@click.option("--wandb", is_flag=True, help="Write offline runs of Weights & Biases into ./wandb, for `wandb sync`.")
@click.option(
    "--experiment", default="capstone", show_default=True, metavar="NAME", help="The experiment, or the project."
)
@json_option
def log(files, uri, wandb, experiment, json_file):
    """Log each FILE: the baseline as a run, the optimized model as its child, the file as artifact.

    A file that was logged before is left alone. Exit status: 0 all are there, 1 a FILE is not valid (the others are
    logged), 3 bad usage or a tracker that does not answer."""
    writable(json_file)
    if not uri and not wandb:
        raise Refused("log: say where: --mlflow URI, --wandb, or both")
    module = room("track")
    found, refused = module.reports(list(files))
    done = {}
    try:
        if uri and found:
            done["mlflow"] = tracked("mlflow-skinny SQLAlchemy alembic", module.to_mlflow, found, uri, experiment)
        if wandb and found:
            done["wandb"] = tracked("wandb", module.to_wandb, found, experiment)
    except module.Untracked as e:
        raise Refused(str(e)) from None
    lines = {where: [{"file": plain(report.path), "new": new} for report, new in runs] for where, runs in done.items()}
    write_json(json_file, lines | {"not_valid": [plain(line) for line in refused]})
    with said(json_file):
        for line in refused:
            print(f"not valid: {plain(line)}")
        for where, runs in lines.items():
            new = sum(run["new"] for run in runs)
            print(f"{where}: {new} logged, {len(runs) - new} there already")
    return int(bool(refused))


def tracked(packages, function, *words):
    "What `function` returns; Refused with what to install where a package of the tracker is missing."
    try:
        return function(*words)
    except ModuleNotFoundError as e:
        raise Refused(f"the Python package {e.name} is not installed here; run `pip install {packages}`") from None


COMMANDS = compare, bench, gate, board, history, log
