# SPDX-License-Identifier: Apache-2.0
"""The steps that are measured on one corpus, by all programs in turn."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import build
import compare
import machine

FRESH_BYTES = 12 << 30
SETTLE_SECONDS = 3  # Files younger than that count as changed.


class Failure(Exception):
    """A program did not do what it was asked for."""


# How much a step at most writes anew into the page cache (see timed.c).
FRESH_MIB = {"first": 2048, "unchanged": 16, "changed": 256, "restore": 2560,
             "check": 16}


def timed(command, step, allow=(0,)):
    """Run a command and return what it took, with its output."""
    with tempfile.TemporaryDirectory(dir=build.scratch()) as t:
        result = Path(t) / "result"
        env = {**os.environ, **command.env}
        load = os.getloadavg()[0]
        p = subprocess.run(
            [str(build.program("timed")), str(result),
             str(FRESH_MIB[step]), *command.words],
            cwd=command.cwd, env=env, capture_output=True,
            stdin=subprocess.DEVNULL)
        if p.returncode not in allow:
            raise Failure(f"{' '.join(command.words)}: exit {p.returncode}: "
                          + p.stderr.decode(errors="replace")[-500:])
        took = json.loads(result.read_text())
    took["cpu_s"] = took["user_s"] + took["system_s"]
    took["others_cpu_s"] = max(0.0, took["busy_s"] - took["cpu_s"])
    took["load"] = load
    took["output"] = p.stdout
    return took


def plain(command):
    p = subprocess.run(command.words, cwd=command.cwd,
                       env={**os.environ, **command.env}, capture_output=True,
                       stdin=subprocess.DEVNULL)
    if p.returncode:
        raise Failure(f"{' '.join(command.words)}: exit {p.returncode}: "
                      + p.stderr.decode(errors="replace")[-500:])


# --- changes --------------------------------------------------------------------


def change_checkpoints(top, n):
    """One tensor of one checkpoint, and a few lines of its log."""
    folder = top / "small/checkpoint-2000"
    path = folder / "model.safetensors"
    rng_bytes = 768 * 768 * 4
    with open(path, "r+b") as f:
        f.seek(60_000_000 + 7_000_000 * n)
        old = f.read(rng_bytes)
        f.seek(-len(old), os.SEEK_CUR)
        f.write(bytes(b ^ (n + 1) if i % 4 == 0 else b
                      for i, b in enumerate(old)))
    with open(folder / "trainer_state.json", "a") as f:
        f.write(f'{{"resumed": {n}}}\n')


def change_tree(top, n):
    """A line more in every 1,000th file, 20 new files, 10 less."""
    files = []
    for folder, folders, names in os.walk(top):
        folders.sort()
        files += [os.path.join(folder, x) for x in sorted(names)]
    files = [f for f in files if not os.path.islink(f)]
    for path in files[n::1000]:
        with open(path, "ab") as f:
            f.write(b"a line more\n")
    new = top / f"added-{n}"
    new.mkdir()
    for i in range(20):
        (new / f"file-{i}.txt").write_text(f"{n} {i}\n" * 200)
    for path in files[500 + n::10_000]:
        os.unlink(path)


CHANGES = {"checkpoints": change_checkpoints, "tree": change_tree}


# --- the steps ------------------------------------------------------------------


class Measuring:
    """One corpus, one state of the page cache, all programs."""

    def __init__(self, corpus, source, tools, scratch, options):
        self.corpus, self.source, self.tools = corpus, source, tools
        self.scratch, self.options = scratch, options
        self.rows = []  # {tool, step, round, wall_s, …}
        self.turn = 0

    def in_turn(self):
        """The programs; each round another one begins."""
        self.turn += 1
        k = self.turn % len(self.tools)
        return self.tools[k:] + self.tools[:k]

    def settle(self, *tops):
        """The same state of the caches before every measurement."""
        os.sync()
        if self.options.cache == "cold":
            machine.drop()
        else:
            for top in tops:
                machine.warm(top)
        machine.wait_for_quiet(self.options.patience)

    def note(self, tool, step, took, **more):
        output = took.pop("output")
        row = {"tool": tool.name, "step": step, **took, **more}
        if tool.name == "casemate":
            try:
                row["report"] = json.loads(output.decode().splitlines()[-1])
            except (ValueError, IndexError):
                pass
        self.rows.append(row)
        print(f"  {self.corpus:12} {step:10} {tool.name:10}"
              f" {row['wall_s']:7.2f} s wall {row['cpu_s']:7.2f} s CPU"
              f" {row['peak_bytes'] >> 20:5} MiB"
              f"   (load {row['load']:.1f}, others"
              f" {row['others_cpu_s']:.1f} s CPU)", flush=True)
        return row

    def first(self):
        for _ in range(self.options.repeat):
            for tool in self.in_turn():
                tool.clean()
                plain(tool.init())
                self.settle(self.source)
                row = self.note(tool, "first",
                                timed(tool.backup(), "first"))
                row["stored_bytes"] = tool.size()
                row["state_bytes"] = self.state_bytes(tool)

    @staticmethod
    def state_bytes(tool):
        import backups
        return backups.bytes_below(tool.place) - tool.size()

    def unchanged(self):
        for _ in range(max(3, self.options.repeat)):
            for tool in self.in_turn():
                self.settle(self.source)
                self.note(tool, "unchanged",
                          timed(tool.backup(), "unchanged"))

    def changed(self):
        for n in range(self.options.repeat):
            CHANGES[self.corpus](self.source, n)
            time.sleep(SETTLE_SECONDS)
            for tool in self.in_turn():
                before = tool.size()
                self.settle(self.source)
                row = self.note(tool, "changed",
                                timed(tool.backup(), "changed"))
                row["stored_bytes"] = tool.size() - before

    def restore(self):
        for n in range(self.options.repeat):
            for tool in self.in_turn():
                with machine.fresh(self.scratch, FRESH_BYTES) as target:
                    command = tool.restore(target)
                    self.settle(tool.repository)
                    took = timed(command, "restore")
                    began = time.monotonic()
                    machine.run("sync", "-f", target)
                    took["sync_s"] = time.monotonic() - began
                    row = self.note(tool, "restore", took)
                    row["durable_s"] = row["wall_s"] + row["sync_s"]
                    if n == 0:
                        self.verify(tool, target)

    def verify(self, tool, target):
        found = compare.differences(self.source, tool.restored(target))
        if found:
            raise Failure(f"{tool.name} restored something else: "
                          + "; ".join(found))

    def check(self):
        for tool in self.in_turn():
            self.settle(tool.repository)
            try:
                self.note(tool, "check", timed(tool.check(), "check"))
            except Failure as why:
                if tool.name != "casemate":
                    raise
                print(f"  check: {why}")

    def copy(self):
        """For orientation: what a plain copy takes."""
        import backups
        for _ in range(self.options.repeat):
            with machine.fresh(self.scratch, FRESH_BYTES) as target:
                self.settle(self.source)
                took = timed(backups.Command(
                    ["cp", "-a", str(self.source), str(target / "out")]), "restore")
                began = time.monotonic()
                machine.run("sync", "-f", target)
                took["sync_s"] = time.monotonic() - began
                took["durable_s"] = took["wall_s"] + took["sync_s"]
                self.note(COPY, "restore", took)

    def all(self):
        self.first()
        self.unchanged()
        self.changed()
        self.restore()
        self.copy()
        self.check()
        for tool in self.tools:
            shutil.rmtree(tool.place, ignore_errors=True)
        return self.rows


class COPY:
    name = "cp -a"
