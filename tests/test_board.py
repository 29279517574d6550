"""`capstone board` and `capstone history`: what the files say and nothing else, ties as ties, and nobody kept out by a
hostile file."""
import copy
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

pytest.importorskip("jinja2", reason="jinja2 is not installed: pip install '.[gate]'")

from test_compare import submission  # noqa: E402

from tinytorch_grader.entries import Interval, latency, places  # noqa: E402
from tinytorch_grader.pages import board  # noqa: E402


class Reader(HTMLParser):
    "The words, tables, links and tags of a page."
    def __init__(self, html):
        super().__init__()
        self.words, self.rows, self.links, self.tags = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "tr": self.rows.append([])
        if tag in ("td", "th"): self.rows[-1].append("")
        if tag == "a": self.links.append(dict(attributes)["href"])

    def handle_data(self, data):
        self.words.append(data)
        if self.rows and self.rows[-1]: self.rows[-1][-1] += data.strip()


def made(ms=5.0, name="ada", low=None, high=None, cpu="EPYC", **metrics):
    "A submission of `name` whose optimized model takes `ms`, between `low` and `high`, on the machine `cpu`."
    found = copy.deepcopy(submission(ms))
    found["student_name"], found["system_info"]["cpu_model"] = name, cpu
    found["optimized"]["metrics"] |= metrics
    if metrics: found["improvements"] = {}
    if low: found["optimized"]["metrics"] |= {"latency_ms_median_ci_low": low, "latency_ms_median_ci_high": high}
    return found


def page(folder, what="board"):
    return getattr(board, what)(folder, folder.parent / "page.html")


def put(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items(): (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def table(html, first):
    "The rows, below their head, of the first table whose head begins with `first`."
    rows = Reader(html).rows
    at = next(i for i, row in enumerate(rows) if row[:len(first)] == first)
    after = next((i for i in range(at + 1, len(rows)) if rows[i][0] in ("Place", "Time")), len(rows))
    return rows[at + 1:after]


def test_overlapping_intervals_are_ties():
    spans = [Interval(v, low, high, "") for v, low, high in ((1, 0.9, 1.1), (1.15, 1.05, 1.2), (1.3, 1.15, 1.4),
                                                             (3, 3, 3))]
    assert places(spans) == [(1, 2), (1, 3), (2, 3), (4, 4)]
    assert places(spans, best_high=True) == [(3, 4), (2, 4), (2, 3), (1, 1)]
    assert places([Interval(1, 1, 1, "")] * 3) == [(1, 3)] * 3 and places([]) == []


def test_a_latency_is_what_the_file_says():
    mean = {"latency_ms_mean": 10.0, "latency_ms_median": 9.0, "latency_ms_std": 2.0, "num_runs": 100}
    assert latency(mean) == Interval(10.0, pytest.approx(9.608), pytest.approx(10.392), "mean")
    assert (latency(mean | {"latency_ms_median_ci_low": 8.5, "latency_ms_median_ci_high": 9.5})
            == Interval(9.0, 8.5, 9.5, "median"))
    # not around the median
    assert not latency(mean | {"latency_ms_median_ci_low": 9.5, "latency_ms_median_ci_high": 99.0}).known
    assert not latency(mean | {"latency_ms_median_ci_low": "x", "latency_ms_median_ci_high": []}).known
    assert latency({"latency_ms_mean": 10.0}) == Interval(10.0, 10.0, 10.0, "mean")


def test_one_table_for_each_machine_and_places_with_ties(tmp_path):
    html, found, refused = page(put(tmp_path / "in", a=made(5, "ada", 4.9, 5.1), b=made(5.05, "bob", 4.95, 5.2),
                                    c=made(9, "cyd", 8, 10),
                                    d=made(1, "dan", 0.9, 1.1, cpu="M3")))
    assert (len(found), refused) == (4, [])
    assert [row[:2] for row in table(html, ["Place", "Name"])] == [["1-2", "ada"], ["1-2", "bob"], ["3", "cyd"]]
    assert "On EPYC" in html and "On M3" in html and html.count("Latency, least first") == 2


def test_across_machines_stands_the_speedup_alone(tmp_path):
    html, *_ = page(put(tmp_path / "in", a=made(10, "ada"), b=made(5, "bob", cpu="M3")))
    assert ([(row[1], row[3]) for row in table(html, ["Place", "Name", "Model", "Speedup"])]
            == [("bob", "4 (no interval)"), ("ada", "2 (no interval)")])


def test_other_data_is_another_group(tmp_path):
    other = json.loads(json.dumps(made(1, "bob")).replace("ab" * 32, "12" * 32))
    bare = json.loads(json.dumps(made(1, "cyd")))
    for side in ("baseline", "optimized"): del bare[side]["provenance"]
    html, *_ = page(put(tmp_path / "in", a=made(5, "ada"), b=other, c=bare))
    assert len(re.findall("<h2>", html)) == 3 and "Test data abababababab" in html and "Test data 121212121212" in html
    assert "Test data that the files do not name" in html


def test_the_digits_are_called_by_their_name():
    from tinytorch.datasets import load_digits
    from tinytorch.olympics import _sha256
    assert board.data_title("".join(map(_sha256, load_digits()[2:]))) == "The digits' test set"


def test_the_front_and_the_events(tmp_path):
    folder = put(tmp_path / "in", fast=made(1, "fast", accuracy=0.9), small=made(9, "small", model_size_mb=0.001),
                 both=made(9.5, "beaten", model_size_mb=0.02),
                 weak=made(0.5, "weak", accuracy=0.82), weaker=made(0.4, "weaker", accuracy=0.3))
    _, found, _ = page(folder)
    assert {e.name for e in found if e.front} == {"fast", "small", "weak", "weaker"}
    able = {event["name"]: (event["many"], [e.name for _, e, _ in event["places"]][:2])
            for event in board.events(found)}
    assert able["latency sprint"] == (3, ["fast", "small"]) and able["memory challenge"][1][0] == "small"
    assert able["extreme push"][0] == 4 and able["all around"][0] == 5 and able["accuracy contest"][0] == 5


@pytest.mark.parametrize("low, high", [(2.354, 2.448), (0.0022, 0.0087), (5.0, 5.0), (1.0, 1e6), (1e5, 1.001e5)])
def test_ticks_are_different_and_within_the_picture(low, high):
    place, ticks = board.scale([low, high], 0.0, 100.0)
    assert ticks == sorted(set(ticks)) and len(ticks) >= 2 and all(0 <= place(tick) <= 100 for tick in ticks)
    assert len({board.number(tick) for tick in ticks}) == len(ticks)


def test_rows_link_to_their_files(tmp_path):
    folder = put(tmp_path / "in & out", **{"a b#1?": made(5, "ada")})
    html, *_ = page(folder)
    address, = Reader(html).links[:1]
    assert ((tmp_path / unquote(address)).resolve() == (folder / "a b#1?.json").resolve() and "#" not in address
            and "?" not in address)


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>\u202e{{ 7 * 7 }}'


def test_a_hostile_file_acts_nowhere_and_keeps_nobody_out(tmp_path):
    evil = made(4, HOSTILE, cpu=HOSTILE)
    evil["optimized"] |= {"model_name": HOSTILE, "techniques_applied": [HOSTILE]}
    evil["system_info"] |= {"python_version": HOSTILE, "platform": HOSTILE}
    evil["optimized"]["provenance"]["commit"] = HOSTILE
    folder = put(tmp_path / "in", a=made(5, "ada"), evil=evil, **{"<b>x": {"baseline": 1}})
    (folder / "twice.json").write_text(json.dumps(made()).replace('"baseline"', '"baseline": 1, "baseline"', 1))
    (folder / "deep.json").write_text("[" * 100_000)
    os.mkfifo(folder / "pipe.json")
    (folder / "link.json").symlink_to("/etc/passwd")
    (folder / "gone.json").symlink_to("nowhere")
    for what in ("board", "history"):
        html, found, refused = page(folder, what)
        assert (len(found) == 2 and dict(refused).keys()
                == {"<b>x.json", "twice.json", "deep.json", "pipe.json", "link.json", "gone.json"})
        reader = Reader(html)
        assert (not {"script", "img", "b", "iframe", "object"} & set(reader.tags) and "\u202e" not in html
                and "{{ 7 * 7 }}" in html)
        assert "root:" not in html and "default-src &#39;none&#39;" in html and "ada" in reader.words
        assert "occurs twice" in html and "/tinytorch_version is missing" in html and "is a link" in html


def capstone(*words):
    return subprocess.run([sys.executable, "-m", "tinytorch_grader", *map(str, words)], capture_output=True, text=True)


@pytest.mark.parametrize("what", ["board", "history"])
def test_the_command(tmp_path, what):
    folder = put(tmp_path / "in", a=made(5, "ada"))
    run = capstone(what, folder, tmp_path / "page.html", "--json", "-")
    assert (run.returncode == 0 and json.loads(run.stdout) == {"valid": ["a.json"], "not_valid": []}
            and "1 submission, 0 not valid" in run.stderr)
    put(folder, bad={"baseline": 1})
    run = capstone(what, folder, tmp_path / "page.html")
    assert run.returncode == 1 and "not valid: bad.json: /tinytorch_version is missing" in run.stdout
    assert "ada" in (tmp_path / "page.html").read_text()
    for words in ([tmp_path / "no", tmp_path / "new.html"], [folder, tmp_path], [folder, tmp_path / "no" / "new.html"]):
        run = capstone(what, *words)
        assert run.returncode == 3 and len(run.stderr.splitlines()) == 1 and not (tmp_path / "new.html").exists()
    assert capstone(what, put(tmp_path / "none"), tmp_path / "none.html").returncode == 0


def test_history_is_in_order_of_time_a_series_for_each_model_and_machine(tmp_path):
    files = {}
    for k, (day, cpu) in enumerate(((3, "EPYC"), (1, "EPYC"), (2, "EPYC"), (1, "M3"))):
        files[f"f{k}"] = made(5 + k, f"s{k}", 4 + k, 6 + k, cpu=cpu) | {"timestamp": f"2026-01-0{day}T00:00:00+00:00"}
        files[f"f{k}"]["optimized"]["provenance"]["commit"] = f"{k}" * 40
    html, *_ = page(put(tmp_path / "in", **files), "history")
    rows = table(html, ["Time", "Commit"])
    assert [row[1] for row in rows] == ["1" * 10, "2" * 10, "0" * 10] and rows[0][4] == "6 [5, 7]"
    assert html.count("<svg") == 2


def test_pages_need_click_and_jinja2_alone(tmp_path):
    folder = put(tmp_path / "in", a=made(5, "ada"))
    code = ("import sys\n"
            "for name in 'nbgrader sqlalchemy nbformat nh3 mistune PIL matplotlib rich jsonschema'.split():\n"
            "    sys.modules[name] = None\n"
            "from tinytorch_grader.__main__ import main; main()")
    for words in (["board", folder, tmp_path / "b.html"], ["history", folder, tmp_path / "h.html"],
                  ["compare", folder / "a.json", folder / "a.json"]):
        run = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr


def test_a_thousand_submissions_are_one_page(tmp_path):
    folder = put(tmp_path / "in", **{f"s{k:04}": made(1 + k / 100, f"s{k}", cpu=f"cpu{k % 5}") for k in range(1000)})
    html, found, refused = page(folder)
    assert len(found) == 1000 and not refused and html.count("<circle") == 1000
