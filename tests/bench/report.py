# SPDX-License-Identifier: Apache-2.0
"""What the bench prints and saves."""

import os
import time

from floor import chosen, disturbed, median

STEPS = (("first", "first backup"), ("unchanged", "nothing changed"),
         ("changed", "small change"), ("restore", "restore"),
         ("check", "check, every byte"))
BASE = "casemate"
FLOOR_MAX = 1.3
PEAK_MAX = 150e6


def tools_of(rows):
    order = (BASE, "restic", "borg", "borg-zstd", "cp -a")
    return sorted({r["tool"] for r in rows}, key=order.index)


def seconds(value):
    if value is None:
        return "–"
    return f"{value:.3f} s" if value < 1 else f"{value:.2f} s"


def ratio(other, own):
    if not other or not own:
        return ""
    return f" ({other / own:.2f}×)"


def mib(value):
    return "–" if value is None else f"{value / (1 << 20):,.0f} MiB"


def row_of(rows, tool, step, what):
    """One cell of each measure, with its ratio to casemate's."""
    cells = []
    for key, show in what:
        value = median(rows, tool, step, key)
        own = median(rows, BASE, step, key)
        text = show(value)
        if tool != BASE and value:
            text += ratio(value, own)
        if key == "wall_s" and any(map(disturbed, chosen(rows, tool, step))):
            text += " *"
        cells.append(text)
    return cells


def table(head, lines):
    out = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    out += ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join(out)


def steps_table(rows):
    lines = []
    for step, title in STEPS:
        for tool in tools_of(rows):
            if not any(r["tool"] == tool and r["step"] == step for r in rows):
                continue
            lines.append([title, tool, *row_of(rows, tool, step, (
                ("wall_s", seconds), ("durable_s", seconds),
                ("cpu_s", seconds), ("peak_bytes", mib),
                ("stored_bytes", mib)))])
    return table(["step", "program", "wall", "wall, then sync", "CPU",
                  "peak memory", "stored"], lines)


def floor_table(corpus):
    lines = []
    for step, title in STEPS:
        f = corpus["floor"].get(step)
        if not f:
            continue
        key = "durable_s" if step == "restore" else "wall_s"
        own = median(corpus["rows"], BASE, step, key)
        stages = ", ".join(f"{k} {v:.2f}" for k, v in f["stages"].items())
        lines.append([title, stages, seconds(f["cpu_s"]),
                      seconds(f["device_s"]), seconds(f["floor_s"]),
                      f"{own / f['floor_s']:.2f} × the floor"
                      if own and f["floor_s"] > 0.01 else "–"])
    return table(["step", "stages, CPU seconds", "their sum", "device",
                  "floor", "casemate"], lines)


def goal(title, own, other, least, floor_s=None, quiet=True):
    """One line: how many times faster than restic, or how near the floor."""
    times, near = other / own, own / floor_s if floor_s else None
    if not quiet:
        verdict = "open: others used the machine"
    elif times >= least:
        verdict = "reached"
    elif near and near < 1:
        verdict = "open: faster than what was taken for the floor"
    elif near and near <= FLOOR_MAX:
        verdict = "reached: the floor forbids more"
    else:
        verdict = "missed"
    return [title, f"≥ {least}× faster", f"{times:.2f}×",
            f"{near:.2f}" if near else "–", verdict]


def quiet(rows, step):
    return not any(disturbed(r) for t in (BASE, "restic")
                   for r in chosen(rows, t, step))


def goals_table(corpus):
    """What is to be reached beside restic, and whether it was."""
    rows, lines = corpus["rows"], []
    if "restic" not in tools_of(rows) or BASE not in tools_of(rows):
        return ""
    least = {"first": 4 if corpus["corpus"] == "checkpoints" else 3,
             "unchanged": 5, "restore": 2.5}
    for step, title in STEPS:
        if step in least:
            key = "durable_s" if step == "restore" else "wall_s"
            floor_s = corpus["floor"].get(step, {}).get("floor_s", 0)
            lines.append(goal(title, median(rows, BASE, step, key),
                              median(rows, "restic", step, key), least[step],
                              floor_s if floor_s > 0.01 else None,
                              quiet(rows, step)))
    for title, key in ("stored size", "stored_bytes"), (
            "peak memory", "peak_bytes"):
        of = {t: max(median(rows, t, s, key) or 0 for s, _ in STEPS)
              for t in (BASE, "restic")}
        good = of[BASE] <= of["restic"] and (key != "peak_bytes" or
                                             of[BASE] <= PEAK_MAX)
        lines.append([title, "no larger" if key != "peak_bytes" else
                      "no larger, ≤ 150 MB",
                      f"{of[BASE] / of['restic']:.2f} of restic's", "–",
                      "reached" if good else "missed"])
    return table(["beside restic", "to reach", "measured",
                  "× the floor", "verdict"], lines)


def elsewhere(rows):
    """How busy everything else kept the machine meanwhile."""
    share = sum(r["others_cpu_s"] for r in rows) / (
        sum(r["wall_s"] for r in rows) * os.cpu_count())
    return ("Everything else on the machine, the kernel's own threads included,"
            f" took {100 * share:.0f} % of its CPU time meanwhile.")


def rates_line(r):
    def rate(name):
        return f"{r[name + '_bytes'] / r[name + '_s'] / 1e9:.2f}"
    names = (("read", "read from cache"), ("cut", "content-defined cuts"),
             ("hash", "SHA-256"), ("code", "zstd level 1"),
             ("decode", "its decoding"), ("seal", "AES-256-GCM"))
    device = r["device_bytes"] / r["device_wall_s"] / 1e9
    return ("GB/s of one core on this corpus: " + ", ".join(
        f"{title} {rate(n)}" for n, title in names)
        + f"; device, written and synced: {device:.2f} GB/s.")


def corpus_text(corpus):
    c = corpus["counts"]
    return "\n\n".join((
        f"## {corpus['corpus'].capitalize()}",
        f"{c['files']:,} files, {c['bytes'] / 1e9:.2f} GB, "
        f"{c['folders']:,} directories, {c['links']:,} symbolic links.",
        goals_table(corpus), steps_table(corpus["rows"]),
        elsewhere(corpus["rows"]), rates_line(corpus["rates"]),
        floor_table(corpus)))


def markdown(result):
    cache = ("The source, or the repository, was read once before each "
             "measurement, so that it was in the page cache."
             if result["cache"] == "warm" else
             "The page cache was emptied before each measurement.")
    parts = [
        "# Benchmarks",
        "Written by `make bench`; do not edit.",
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, {result['machine']}.  "
        + "; ".join(result["versions"].values()) + ".  "
        f"`{result['command']}`",
        "All programs run in turn in one run; figures are medians.  "
        + cache + "  Where others used a quarter of the machine or more, the wall time has an "
        "asterisk; CPU time suffers less.  Each restore goes into a new, empty ext4 and is compared "
        "with the source.  In brackets: how many times casemate's figure.  "
        "restic and borg do not sync what they restore, casemate does; the "
        "column *wall, then sync* is fair to both.  Peak memory is that of the "
        "largest process.  Stored is the size of the repository after the "
        "first backup, or what the small change added.  The floor is the "
        "greater of two: the CPU time of the stages that cannot be left out, "
        "as bare library calls, spread over all cores; and the time of the "
        "device for the bytes that casemate writes; where a restore is concerned, "
        "what `cp -a` takes to make the files counts as a stage.  Where a "
        "virtual machine gives free memory back to its host, getting it again "
        "costs whoever is first: before each measurement as much memory as it "
        "needs is used and freed.",
        *result["notes"]]
    parts += [corpus_text(c) for c in result["corpora"]]
    for name, title in (("index", "An index of 10 million chunks"),
                        ("million", "What a small change writes")):
        if name in result:
            parts += [f"## {title}",
                      "\n".join(f"- {line}" for line in
                                result[name]["lines"])]
    return "\n\n".join(parts) + "\n"


def figures(result):
    """The same for machines: all rows, without the programs' own output."""
    return {**result, "corpora": [
        {**c, "rows": [{k: v for k, v in r.items() if k != "report"} | (
            {"report": {k: v for k, v in r["report"].items()
                        if k not in ("stores", "problems", "target")}}
            if "report" in r else {}) for r in c["rows"]]}
        for c in result["corpora"]]}
