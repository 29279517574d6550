"""`capstone board` and `capstone history`: static pages about a folder of submissions, offline, nothing in them but
what the files say."""

import math
from collections import defaultdict
from pathlib import Path

import numpy as np
from markupsafe import Markup, escape

from ..entries import Entry, Interval, link, places, read
from .plain import environment, text

TOP = 10  # entries of an event that are shown
VIOLATIONS = 10  # of a file that are shown
WIDTH, HEIGHT, LEFT, BELOW, ABOVE = 640, 360, 70, 46, 38


def number(value: float, digits: int = 4) -> str:
    "Four digits that count, without an exponent where a person would write none."
    return f"{value:.{digits}g}" if not 1e-4 < abs(value) < 1e6 else f"{float(f'{value:.{digits}g}'):,.10g}"


def shown(interval: Interval | None) -> str:
    "`4.2 [4.1, 4.4]`, or the value alone."
    if interval is None:
        return ""
    ends = f" [{number(interval.low, 3)}, {number(interval.high, 3)}]" if interval.known else ""
    return number(interval.value) + ends


def mark_front(found: list[Entry]) -> None:
    "Set `front` on the entries that no other beats: as fast, as small and as accurate, and better in one of them."
    costs = np.array([[e.latency.value, e.size_kib, -e.accuracy.value] for e in found])
    for e, cost in zip(found, costs):
        e.front = not ((costs <= cost).all(1) & (costs < cost).any(1)).any()


def ranked(found: list[Entry], interval, best_high: bool = False) -> list[tuple[str, Entry]]:
    "[(place, entry)], best first; `1-3` is a place among those whose intervals overlap."
    spans = places([interval(e) for e in found], best_high)
    order = sorted(range(len(found)), key=lambda k: (spans[k], interval(found[k]).value * (-1 if best_high else 1)))
    return [
        (f"{spans[k][0]}" if spans[k][0] == spans[k][1] else f"{spans[k][0]}-{spans[k][1]}", found[k]) for k in order
    ]


def exact(value: float) -> Interval:
    return Interval(value, value, value, "")


def push(e: Entry) -> Interval:
    "Times faster, times smaller, multiplied, over its own baseline; the interval is the speedup's."
    claims, one = e.submission.get("improvements", {}), exact(1.0)
    speed, ratio = e.speedup or one, claims.get("compression_ratio") or 1.0
    return Interval(*(x * ratio for x in (speed.value, speed.low, speed.high)), "")


def events(found: list[Entry]) -> list[dict]:
    "The five events: who may enter, and the places."
    from tinytorch.olympics import OlympicEvent, qualifies_event

    sums = defaultdict(int)
    for key in (lambda e: e.latency, lambda e: exact(e.size_kib), lambda e: exact(-e.accuracy.value)):
        for (best, _), e in zip(places([key(e) for e in found]), found):
            sums[e.file] += best
    how = {
        OlympicEvent.LATENCY_SPRINT: ("accuracy of at least 0.85; latency, least first", lambda e: e.latency, False),
        OlympicEvent.MEMORY_CHALLENGE: (
            "accuracy of at least 0.85; size, least first",
            lambda e: exact(e.size_kib),
            False,
        ),
        OlympicEvent.ACCURACY_CONTEST: ("under 100 ms and 10 MiB; accuracy, highest first", lambda e: e.accuracy, True),
        OlympicEvent.ALL_AROUND: (
            "sum of the places in latency, size and accuracy",
            lambda e: exact(sums[e.file]),
            False,
        ),
        OlympicEvent.EXTREME_PUSH: (
            "accuracy of at least 0.80; times faster and smaller than its baseline",
            push,
            True,
        ),
    }
    made = []
    for event, (rule, key, best_high) in how.items():
        able = [e for e in found if "latency_ms_median" in e.metrics and qualifies_event(e.metrics, event)]
        made.append(
            {
                "name": event.value.replace("_", " "),
                "rule": rule,
                "many": len(able),
                "places": [(place, e, shown(key(e))) for place, e in ranked(able, key, best_high)[:TOP]],
            }
        )
    return made


# ---- pictures


def scale(values: list[float], start: float, end: float, log: bool = True):
    "(the function from a value to its place in a picture, the ticks)."
    low, high = min(values), max(values)
    if log:
        low, high = low / 1.15, high * 1.15
    else:
        low, high = low - 0.05 * (high - low or abs(low) or 1), high + 0.05 * (high - low or abs(high) or 1)
    forward = math.log if log else float

    def place(value):
        return start + (forward(value) - forward(low)) / (forward(high) - forward(low)) * (end - start)

    ticks = np.geomspace(low * 1.1, high / 1.1, 4) if log else np.linspace(low, high, 4)
    rounded = ([float(f"{tick:.{digits}g}") for tick in ticks] for digits in (2, 3, 4))
    found = next((some for some in rounded if len({*some}) == len(some)), ticks[:1])
    return place, [float(tick) for tick in found if low <= tick <= high]


def axes(x, y, x_ticks, y_ticks, x_name, y_name) -> list[Markup]:
    "Frame, ticks and names of a picture; without `x` no ticks along the bottom."
    right, foot = WIDTH - 12, HEIGHT - BELOW
    made = [Markup('<path class="axis" d="M{} {}V{}H{}"/>').format(LEFT, ABOVE - 10, foot, right)]
    for tick in x_ticks:
        made.append(
            Markup('<text class="middle" x="{:.1f}" y="{}">{}</text>').format(x(tick), foot + 17, number(tick))
        )
    for tick in y_ticks:
        made.append(
            Markup('<path class="grid" d="M{} {:.1f}H{}"/><text class="end" x="{}" y="{:.1f}">{}</text>').format(
                LEFT, y(tick), right, LEFT - 6, y(tick) + 4, number(tick)
            )
        )
    made.append(Markup('<text class="middle" x="{}" y="{}">{}</text>').format((LEFT + right) // 2, HEIGHT - 8, x_name))
    return [*made, Markup('<text x="4" y="16">{}</text>').format(y_name)]


def picture(parts: list, label: str) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, label, Markup("").join(parts)
    )


def plane(found: list[Entry]) -> Markup:
    "Latency against size, the area of a point by its errors (smaller is more accurate); the Pareto front is filled."
    x, x_ticks = scale([e.latency.value for e in found], LEFT + 10, WIDTH - 24)
    y, y_ticks = scale([e.size_kib for e in found], HEIGHT - BELOW - 10, ABOVE)
    parts = axes(x, y, x_ticks, y_ticks, "latency, ms (log)", "size, KiB (log)")
    for e in sorted(found, key=lambda e: e.front):
        radius = 3 + 14 * math.sqrt(1 - e.accuracy.value)
        tip = f"{e.name}, {e.model}: {shown(e.latency)} ms, {number(e.size_kib)} KiB, accuracy {e.accuracy.value:.4f}"
        parts.append(
            Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"><title>{}</title></circle>').format(
                "front" if e.front else "rest", x(e.latency.value), y(e.size_kib), radius, tip
            )
        )
    best = sum(e.front for e in found)
    return picture(parts, f"Latency against size of {len(found)} submissions; {best} of them on the Pareto front")


def course(found: list[Entry]) -> Markup:
    "Latency of each entry in order of time, with its interval as a bar."
    x, _ = scale([0, max(1, len(found) - 1)], LEFT + 20, WIDTH - 30, log=False)
    y, y_ticks = scale(
        [end for e in found for end in (e.latency.low or e.latency.value, e.latency.high)], HEIGHT - BELOW - 10, ABOVE
    )
    line = " ".join(f"{x(k):.1f},{y(e.latency.value):.1f}" for k, e in enumerate(found))
    parts = [
        *axes(x, y, [], y_ticks, "commit or file, in order of time", "latency, ms (log)"),
        Markup('<polyline class="line" points="{}"/>').format(line),
    ]
    for k, e in enumerate(found):
        tip = f"{e.commit[:10] or e.file}: {shown(e.latency)} ms"
        bar = Markup('<path class="bar" d="M{0:.1f} {1:.1f}V{2:.1f}"/>')
        point = Markup('<circle class="front" cx="{0:.1f}" cy="{1:.1f}" r="4"><title>{2}</title></circle>')
        parts.append(bar.format(x(k), y(e.latency.low or e.latency.value), y(e.latency.high)))
        parts.append(point.format(x(k), y(e.latency.value), tip))
    return picture(parts, f"Latency of {len(found)} measurements in order of time")


# ---- pages


def data_title(digest: str) -> str:
    "How a group of submissions on one data set is called."
    from tinytorch.datasets import load_digits
    from tinytorch.olympics import _sha256

    if not digest:
        return "Test data that the files do not name"
    if digest == "".join(_sha256(array) for array in load_digits()[2:]):
        return "The digits' test set"
    return f"Test data {text(digest, 64)[:12]}"


def grouped(found: list[Entry], key) -> list[tuple]:
    "[(key, entries)], the largest group first."
    groups = defaultdict(list)
    for e in found:
        groups[key(e)].append(e)
    return sorted(groups.items(), key=lambda item: (-len(item[1]), str(item[0])))


def machine(hardware, found: list[Entry]) -> dict:
    "What the page shows of one machine: its table, its events, its plane."
    mark_front(found)
    return {
        "title": ", ".join(hardware),
        "rows": ranked(found, lambda e: e.latency),
        "events": events(found),
        "plane": plane(found),
    }


def refusals(refused) -> list:
    return [
        (text(name, 200), [text(line, 300) for line in lines[:VIOLATIONS]], len(lines) - VIOLATIONS)
        for name, lines in refused
    ]


def board(folder: Path, page: Path, title: str = "Capstone results") -> tuple[str, list[Entry], list]:
    "(HTML, entries, [(file, violations)]) of the submissions in `folder`, for a page that will lie at `page`."
    found, refused = read(folder)
    groups = []
    for digest, entries in grouped(found, lambda e: e.data):
        faster = ranked([e for e in entries if e.speedup], lambda e: e.speedup, best_high=True)
        groups.append(
            {
                "title": data_title(digest),
                "count": len(entries),
                "faster": faster,
                "machines": [machine(hardware, some) for hardware, some in grouped(entries, lambda e: e.hardware)],
            }
        )
    return (
        render("board.html.j2", folder, page, title=title, groups=groups, count=len(found), refused=refusals(refused)),
        found,
        refused,
    )


def history(folder: Path, page: Path, title: str = "Latency over time") -> tuple[str, list[Entry], list]:
    "(HTML, entries, [(file, violations)]): the latency of each model on each machine in order of time."
    found, refused = read(folder)
    found.sort(key=lambda e: (e.timestamp, e.file))
    series = [
        {
            "title": model,
            "data": data_title(digest),
            "machine": ", ".join(hardware),
            "rows": some,
            "course": course(some),
        }
        for (digest, hardware, model), some in grouped(found, lambda e: (e.data, e.hardware, e.model))
    ]
    return (
        render(
            "history.html.j2", folder, page, title=title, series=series, count=len(found), refused=refusals(refused)
        ),
        found,
        refused,
    )


def render(template: str, folder: Path, page: Path, **values) -> str:
    made = environment("board.css")
    made.filters |= {"shown": shown, "number": number, "address": lambda e: link(folder, page, e.file)}
    return made.get_template(template).render(top=TOP, escape=escape, **values)
