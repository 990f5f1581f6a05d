"""Raw results to Markdown: python table.py RESULTS.jsonl, and with --short the ratios alone, as the README has them."""
import json
import sys
from pathlib import Path
from statistics import median

from targets import target

HEAD = """# netc against other engines

Made by `benches/peers/run.py`. All engines stay loaded side by side and take turns in random order; a round is a turn of each. An engine's time in a round is
the least of its turn. Times are *median of the rounds / best of all*, in ms. The best peer is the one with the smallest median; *ratio* is the median over
the rounds of netc's time over the best peer's in the same round, *best/best* the best time of all rounds over the best peer's. Below 1 netc is faster.
*load* is the number of busy threads before (one minute's average): what is measured beside other work says less.
"""


def read(path):
    """The results, a later one in place of an earlier one of the same setting."""
    results = {}
    for line in Path(path).read_text().splitlines():
        result = json.loads(line)
        results[result["net"], result["batch"], result["threads"]] = result
    return list(results.values())


def least(result):
    """By engine, its time in each round."""
    return {name: [min(entry[name]) for entry in result["rounds"]] for name in result["engines"]}


def compare(result):
    """The best peer; with netc also the ratio over the rounds and the ratio of the best times."""
    times = least(result)
    peers = [name for name in times if name != "netc"]
    if not peers:
        return ()
    best = min(peers, key=lambda name: median(times[name]))
    if "netc" not in times:
        return (best,)
    pairs = zip(times["netc"], times[best])
    return best, median(ours / theirs for ours, theirs in pairs), min(times["netc"]) / min(times[best])


def row(*cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def speed(results, names):
    yield row("net", "batch", "threads", *names, "best peer", "ratio", "best/best", "target", "met", "load")
    yield row("---", *["---:"] * (len(names) + 2), "---", "---:", "---:", "---:", "---", "---:")
    for result in results:
        times, found = least(result), compare(result)
        cells = [f"{median(times[n]):.2f} / {min(times[n]):.2f}" if n in times else "" for n in names]
        wanted = target(result["net"], result["batch"])
        best, *ratios = found or ("",)
        met = "" if wanted is None or not ratios else "yes" if ratios[0] <= wanted else "**no**"
        verdict = best, *([f"{ratio:.3f}" for ratio in ratios] or ["", ""]), wanted or "", met
        yield row(result["net"], result["batch"], result["threads"], *cells, *verdict, result["load"])


def short(results):
    """A row a net: netc's median, the best peer's, and the ratio over the rounds, for each batch and number of threads."""
    settings = sorted({(result["batch"], result["threads"]) for result in results})
    count = lambda n: f"{n} thread{'s' if n > 1 else ''}"
    yield row("net", *(f"batch {batch}, {count(threads)}" for batch, threads in settings))
    yield row("---", *["---"] * len(settings))
    by_setting = {(r["net"], r["batch"], r["threads"]): r for r in results}
    for net in dict.fromkeys(result["net"] for result in results):
        cells = []
        for setting in settings:
            result = by_setting.get((net, *setting))
            found = compare(result) if result else ()
            if len(found) < 2:
                cells.append("")
                continue
            times = least(result)
            best, ratio, _ = found
            cells.append(f"{median(times['netc']):.1f} / {median(times[best]):.1f} = **{ratio:.2f}**")
        yield row(net, *cells)


def session(results, names):
    yield row("net", "batch", "threads", *names)
    yield row("---", *["---:"] * (len(names) + 2))
    for result in results:
        cells = []
        for name in names:
            info = result["engines"].get(name)
            if info is None:
                cells.append("")
                continue
            created = info["create_ms"] if "create_ms" in info else info["compile_ms"] + info["bind_ms"]
            cells.append(f"{created:.0f} ms, {info['peak_rss_mb']} MiB, {info['error']:.0e}")
        yield row(result["net"], result["batch"], result["threads"], *cells)


def markdown(results):
    names = list(dict.fromkeys(name for result in results for name in result["engines"]))
    versions = {name: info["version"] for result in results for name, info in result["engines"].items()}
    text = [HEAD, "On " + "; ".join(sorted({result["cpu"] for result in results})) + ". " + ", ".join(f"{n} {v}" for n, v in versions.items()) + ".", ""]
    text += [*speed(results, names), "", "## Sessions", ""]
    text += ["Time to create a session (of netc: to compile and to bind weights), the most memory that the process had (of the peers Python and the engine's",
             "libraries included), and the error of the output, max |output - reference| / max |reference|, the reference computed in 64 bits.", ""]
    return "\n".join([*text, *session(results, names)]) + "\n"


if __name__ == "__main__":
    *options, path = sys.argv[1:]
    results = read(path)
    print("\n".join(short(results)) + "\n" if options == ["--short"] else markdown(results), end="")
