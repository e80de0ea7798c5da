# SPDX-License-Identifier: Apache-2.0
"""The floor: what no backup program of this design can go below on this machine.

The stages that cannot be left out cost, in bare library calls and one thread,
so much CPU time (rates.c); they can be spread over all cores.  The device takes
so much time for the bytes that must reach it.  The greater of both is the floor.
"""

import json
import os
import statistics
import subprocess

import build

LIBRARIES = ("-lcrypto", "-lzstd", "-ljansson", "-lyaml", "-lseccomp",
             "-lfuse3", "-lpthread", "-lm")
DEVICE_MIB = 768
BUSY_MAX = 0.25


def rates(source, scratch, repeat):
    """What rates.c measures on a corpus.  It is to be a floor: of several runs the
    best counts."""
    program = str(build.program("rates", ["-lcrypto", "-lzstd"]))

    def run(*words):
        p = subprocess.run(
            [str(build.program("timed")), str(scratch / "took"),
             str(2 * DEVICE_MIB), program, *map(str, words)],
            check=True, capture_output=True, text=True)
        return json.loads(p.stdout)

    os.sync()
    stages = [run(source) for _ in range(max(2, repeat))]
    devices = [run(scratch / "device", DEVICE_MIB)
               for _ in range(max(3, repeat))]
    best = min(devices, key=lambda d: d["device_wall_s"])
    return {k: min(s[k] for s in stages) for k in stages[0]} | best


def disturbed(row):
    """Did others take more of the machine than leaves a wall time its worth?"""
    return (row["others_cpu_s"] > BUSY_MAX * os.cpu_count() * row["wall_s"]
            and row["others_cpu_s"] > 0.2)


def chosen(rows, tool, step):
    """The rows of one step that count: those that nobody disturbed, if any."""
    mine = [r for r in rows if r["tool"] == tool and r["step"] == step]
    return [r for r in mine if not disturbed(r)] or mine


def median(rows, tool, step, key):
    values = [r[key] for r in chosen(rows, tool, step) if key in r]
    return statistics.median(values) if values else None


def floors(counts, r, rows):
    """{step: {stages, cpu_s, device_s, floor_s}} for casemate's steps."""
    first = [x for x in rows if x["tool"] == "casemate" and
             x["step"] == "first" and "report" in x]
    if not first:
        return {}
    report = first[-1]["report"]
    cores = os.cpu_count()
    total = counts["bytes"]
    stored = first[-1]["stored_bytes"]
    new = report["new_bytes"] / total  # The share that is not there yet.
    # Where a file's own structure gives the cuts, none are searched for.
    cut = min(r["cut_s"], report["cpu"]["cut_ns"] / 1e9)
    per_byte = {k: r[f"{k}_s"] / max(1, r[f"{k}_bytes"])
                for k in ("hash", "seal")}
    write_cpu = r["device_cpu_s"] / r["device_bytes"] * stored
    device = r["device_wall_s"] / r["device_bytes"]

    def entry(stages, device_s):
        cpu = sum(stages.values())
        return {"stages": stages, "cpu_s": cpu, "device_s": device_s,
                "floor_s": max(cpu / cores, device_s)}

    result = {
        "first": entry({
            "list": r["list_s"], "read": r["read_s"], "cut": cut,
            "hash": r["hash_s"], "zstd": (r["probe_s"] + r["code_s"]) * new,
            "seal": per_byte["seal"] * stored,
            "name": per_byte["hash"] * stored, "write": write_cpu},
            device * stored),
        "unchanged": entry({"list": r["list_s"]}, 0.0)}
    copy_cpu = median(rows, "cp -a", "restore", "cpu_s")
    if copy_cpu is not None:
        result["restore"] = entry({
            "open": per_byte["seal"] * stored, "unzstd": r["decode_s"] * new,
            "hash": r["hash_s"], "copy": copy_cpu},
            device * total)
    return result
