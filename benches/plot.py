"""Draws docs/benchmarks.svg from docs/benchmarks.json, and makes that file from the results of `make bench`.

    python3 benches/plot.py                  draws the picture
    python3 benches/plot.py --from target    first takes the figures of the last `make bench` below target
    python3 benches/plot.py --print          writes the picture to standard output: a test compares it

It measures nothing. No figure is written by hand: a new run of `make bench` brings new ones.
"""

import argparse
import json
import math
import sys
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "docs/benchmarks.json"
PICTURE = ROOT / "docs/benchmarks.svg"

# The drawing, in pixels.
WIDTH = 880
NAMES, BARS, RIGHT = 24, 352, 752  # where names begin, and the first and last ratio of the scale
TOP, TASK, BAR, GAP = 84, 24, 20, 10
LEAST, MOST = 0.25, 500
TICKS = (0.3, 1, 3, 10, 30, 100, 300)

STYLE = """\
  svg { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
  .page { fill: #ffffff; stroke: #d0d7de; }
  .title { fill: #1f2328; font-size: 16px; font-weight: 600; }
  .task { fill: #1f2328; font-weight: 600; }
  .name, .value { fill: #1f2328; }
  .note { fill: #59636e; font-size: 12px; }
  .grid { stroke: #d8dee4; }
  .one { stroke: #1f2328; stroke-width: 1.5; }
  .more { fill: #2f6fb7; }
  .less { fill: #b35900; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; stroke: #3d444d; }
    .title, .task, .name, .value { fill: #f0f6fc; }
    .note { fill: #9198a1; }
    .grid { stroke: #2a313c; }
    .one { stroke: #f0f6fc; }
    .more { fill: #58a6ff; }
    .less { fill: #f0883e; }
  }"""


def number(value):
    """Two significant digits, without an exponent."""
    return f"{float(f'{value:.2g}'):g}"


# Drawing


def place(ratio):
    """Where a ratio stands on the scale, which is logarithmic."""
    share = math.log(min(max(ratio, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return round(BARS + share * (RIGHT - BARS), 1)


def text(x, y, kind, words, anchor="start"):
    end = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x}" y="{y}" class="{kind}"{end}>{escape(words)}</text>'


def draw(figures):
    rows, y = [], TOP
    for task in figures["tasks"]:
        y += GAP
        rows.append(text(NAMES, y + 14, "task", task["task"]))
        rows.append(text(WIDTH - NAMES, y + 14, "value", f"tokensource {task['ours']}", "end"))
        y += TASK
        for peer in task["peers"]:
            ratio, one, end = peer["ratio"], place(1), place(peer["ratio"])
            left, width = min(one, end), max(abs(end - one), 2)
            kind = "more" if ratio >= 1 else "less"
            rows.append(text(NAMES + 14, y + 13, "name", peer["name"]))
            rows.append(f'<rect x="{left}" y="{y + 3}" width="{width:.1f}" height="{BAR - 7}" rx="2" class="{kind}"/>')
            rows.append(text(max(one, end) + 6, y + 13, "value", f"{ratio:g} ×"))
            rows.append(text(WIDTH - NAMES, y + 13, "note", peer["value"], "end"))
            y += BAR
    bottom = y + 14
    grid = []
    for tick in TICKS:
        kind = "one" if tick == 1 else "grid"
        grid.append(f'<line x1="{place(tick)}" x2="{place(tick)}" y1="{TOP}" y2="{bottom}" class="{kind}"/>')
        grid.append(text(place(tick), bottom + 18, "note", f"{tick:g} ×", "middle"))
    height = bottom + 56
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" aria-labelledby="title">',
        '<title id="title">What each alternative costs, as a multiple of tokensource</title>',
        f"<style>\n{STYLE}\n</style>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8" class="page"/>',
        text(NAMES, 34, "title", "What each alternative costs, as a multiple of tokensource"),
        text(NAMES, 56, "note", "The line at 1 × is tokensource. A bar to the right costs more, a bar to the left less. Logarithmic scale."),
        *grid,
        *rows,
        text(NAMES, height - 14, "note", f"{figures['run'].replace('`', '')}: {figures['machine']}"),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


# Collecting


def collect(target):
    """The figures of the last `make bench` below `target`, in the form of docs/benchmarks.json."""
    bench = target / "bench"
    c, python, node = (json.loads((bench / name).read_text()) for name in ("result.json", "python.json", "node.json"))

    def peer(name, value, ratio):
        return {"name": name, "value": value, "ratio": json.loads(number(ratio))}

    def cached(what, threads):
        return c["cached_ns"][f"cpu {what} {threads}"]["median"]

    def in_c(task, what, threads, **names):
        peers = [
            peer(name, f"{cached(other, threads):.0f} ns", c["ratios"][f"cpu {other} / {what} {threads}"])
            for other, name in names.items()
        ]
        return {"task": task, "ours": f"{cached(what, threads):.0f} ns", "peers": peers}

    def first_token(task, what, unit, scale):
        ours, curl = (c["cold"][f"{who} {what}"]["median"] / scale for who in ("ours", "curl"))
        ratio = c["ratios"][f"cold curl / ours {what}"]
        return {"task": task, "ours": f"{ours:.1f} {unit}", "peers": [peer("libcurl by hand", f"{curl:.1f} {unit}", ratio)]}

    def header(task, medians, names):
        ours = medians["tokensource"]
        peers = [peer(name, f"{number(medians[who] / 1000)} µs", medians[who] / ours) for who, name in names.items()]
        return {"task": task, "ours": f"{number(ours / 1000)} µs", "peers": peers}

    def requests(task, counts):
        others = {count for who, count in counts.items() if who != "tokensource"}
        if len(others) != 1:
            sys.exit(f"{task}: the peers differ, {counts}: give each a row of its own")
        (count,) = others
        ours = counts["tokensource"]
        peers = [peer("each of the three", f"{count:g}", count / ours)]
        return {"task": task, "ours": f"{ours:g}", "peers": peers}

    go, mutex = "Go, ReuseTokenSource", "a mutex by hand"
    same = "C: the same, 8 threads, CPU time"
    tasks = [
        in_c("C: check that the cached token is current, 1 thread", "generation", 1, go=go),
        in_c(same, "generation", 8, go=go),
        in_c("C: get the token, read it, free it, 1 thread", "get", 1, mutex=mutex, go=go),
        in_c(same, "get", 8, mutex=mutex, go=go),
        first_token("C: first token of a process, over TLS", "wall", "ms", 1),
        first_token("C: memory of that process", "resident", "MB", 1e6),
        header(
            "Python: the header, from the cache",
            python["cached_ns"],
            {"authlib": "Authlib", "requests_oauthlib": "requests-oauthlib", "msal": "MSAL"},
        ),
        header(
            "Node: the header, from the cache, awaited",
            node["cached_ns"],
            {
                "openid-client": "openid-client, in a variable",
                "simple-oauth2": "simple-oauth2, in a variable",
                "MSAL Node": "MSAL",
            },
        ),
        requests("Python: requests sent for 32 callers at once", python["cold_requests"]),
        requests("Node: requests sent for 32 callers at once", node["cold_requests"]),
    ]
    # The name of the kernel says nothing to a reader.
    system, libc_and_cores = c["machine"].split("-with-")
    machine = f"{system.split('-')[0]}, {libc_and_cores}, Python {python['python']}, Node {node['node']}"
    return {"machine": machine, "run": "one run of `make bench`", "tasks": tasks}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="target", type=Path, help="the directory that make built in")
    parser.add_argument("--print", action="store_true", help="write the picture to standard output")
    arguments = parser.parse_args()
    if arguments.target:
        figures = collect(arguments.target.resolve())
        FIGURES.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    picture = draw(json.loads(FIGURES.read_text(encoding="utf-8")))
    if arguments.print:
        sys.stdout.buffer.write(picture.encode())
    else:
        PICTURE.write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
