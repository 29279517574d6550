"""The commands about submission.json. Exit status: 0 all well, 1 a regression or a file that is not valid, 2 not comparable, 3 bad usage.

They need click and NumPy alone; what a command needs beyond them it imports when it runs."""
import contextlib
import json
import sys
from pathlib import Path

import click

from .cli import Refused, cli, command, plain, replaced, room, writable

path = click.Path(path_type=Path)
json_option = click.option("--json", "json_file", metavar="FILE", type=path, help="Write the result there as JSON; - is stdout.")
markdown_option = click.option("--markdown", "markdown_file", metavar="FILE", type=path, help="The same as Markdown; - is stdout.")


def results(example, short):
    "A command whose refusals are exit status 3, because 1 and 2 are results."
    def decorate(function):
        made = command(example, short)(function)
        made.refused_status = 3
        return made
    return decorate


def share(context, parameter, value):
    "The callback of an option that is a share: `5%` or `0.05`."
    if value is None: return None
    try: return room("compare").parse_share(value)
    except ValueError as e: raise Refused(f"--{parameter.name.replace('_', '-')}: {e}") from None


def limit(name, default, text):
    return click.option(name, default=default, show_default=default is not None, metavar="SHARE", callback=share, help=text)


def write(file, text):
    with replaced(file) as f: f.write(text)


def write_json(file, value):
    write(file, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def said(*files):
    "Where people's lines go: stderr where a file asked for is stdout."
    return contextlib.redirect_stdout(sys.stderr if Path("-") in files else sys.stdout)


def tell(outcome, title, json_file=None, markdown_file=None):
    "Write and print an Outcome; returns its exit status."
    if json_file: write_json(json_file, outcome.to_dict())
    if markdown_file: write(markdown_file, outcome.markdown(title))
    with said(json_file, markdown_file): print(outcome.text, file=sys.stderr if outcome.status == 2 else sys.stdout)
    return outcome.status


@results("capstone compare main.json branch.json --max-slowdown 5%", "Regression gate between two submission.json.")
@click.argument("base", type=path)
@click.argument("new", type=path)
@limit("--max-slowdown", "10%", "How much slower NEW may be.")
@limit("--max-accuracy-drop", None, "How much accuracy NEW may lose, of 1; default: a loss of over a point is a warning alone.")
@limit("--max-growth", None, "How much larger NEW may be; default: growth is a warning alone.")
@click.option("--allow", multiple=True, type=click.Choice(["system", "numpy", "python"]),
              help="Compare although the versions of NumPy or Python, or the rest of the system, differ; may be given several times.")
@click.option("--force", is_flag=True, help="Compare although data, systems or protocols differ.")
@json_option
@markdown_option
def compare(base, new, max_slowdown, max_accuracy_drop, max_growth, allow, force, json_file, markdown_file):
    "Regression gate between two submission.json. Exit status: 0 passed, 1 a regression, 2 not comparable, 3 bad usage."
    writable(json_file, markdown_file)
    module = room("compare")
    found = module.compare(base, new, module.Limits(max_slowdown, max_accuracy_drop, max_growth), force, allow)
    return tell(found, f"{plain(base.name)} and {plain(new.name)}", json_file, markdown_file)
