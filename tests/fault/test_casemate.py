# SPDX-License-Identifier: Apache-2.0
"""The program, when everything that can fail does, one by one.

After each fault, runs without faults must find the vault clean by
`vault check --read-data`, restore every snapshot whose id was ever printed byte
for byte, and do the broken-off work again.
"""

import os
import re
import shutil
import signal
from pathlib import Path

import pytest

import replay
from harness import (FULL, Done, Wrong, check_sane, losses, picks, resumed)

PROGRAM = os.environ.get("CASEMATE", "")
pytestmark = pytest.mark.skipif(
    not os.access(PROGRAM, os.X_OK), reason="CASEMATE names no program")

CONFIG = """\
workspace: fault
vault:
  stores:
    - {name: here, url: ./.casemate/vault}
assets:
  - {name: data, kind: dataset, source: data}
"""

FAULTS = ["alloc:{}", "write:{}:ENOSPC", "write:{}:EIO", "write:{}:short",
          "sync:{}:EIO", "name:{}:EIO", "name:{}:ENOSPC", "unlink:{}:EIO",
          "read:{}:EIO", "kill:{}", "tear:{}"]

# How many points of each fault a short run tries.
SHORT = 2

ANNOUNCED = re.compile(r"^data@([0-9a-f]{6,64})$")


def pattern(n, seed):
    """Bytes that neither repeat nor shrink."""
    x, out = seed * 2654435761 % 2**32 | 1, bytearray()
    while len(out) < n:
        x ^= x << 13 & 0xffffffff
        x ^= x >> 17
        x ^= x << 5 & 0xffffffff
        out += x.to_bytes(4, "little")
    return bytes(out[:n])


def fill(data, version):
    """Files of each sort; some are the same in both versions."""
    (data / "deep" / "er").mkdir(parents=True, exist_ok=True)
    (data / "same.bin").write_bytes(pattern(300_000, 1))
    (data / "grows.log").write_bytes(b"line\n" * 1000 * version)
    (data / "changes.bin").write_bytes(pattern(900_000, version))
    (data / "deep/er/small.txt").write_text(f"version {version}\n")
    (data / "deep" / f"only-{version}").write_text("here\n")
    if version == 1:
        (data / "link").symlink_to("same.bin")
        (data / "empty").write_bytes(b"")
    else:
        (data / "deep/only-1").unlink()


def tree(root):
    """{path: what it is} of everything below ROOT."""
    out = {}
    for path in sorted(Path(root).rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            out[name] = ("link", os.readlink(path))
        elif path.is_dir():
            out[name] = ("dir", path.stat().st_mode)
        else:
            out[name] = ("file", path.stat().st_mode, path.read_bytes())
    return out


class Bench:
    """A workspace, the states it can start from, and what was announced."""

    def __init__(self, tools, root):
        self.tools = tools
        self.root = root
        self.ws = root / "ws"
        self.out = root / "out"
        secret = root / "passphrase"
        secret.write_text("correct horse battery staple\n")
        self.env = {"CASEMATE_PASSPHRASE_FILE": str(secret)}
        self.states = {}  # name: {id: tree}
        self._build()

    def command(self, *words):
        return [PROGRAM, "--workspace", self.ws, *words]

    def run(self, *words, **how):
        return self.tools.run(self.command(*words), extra=self.env, **how)

    def good(self, *words):
        done = self.run(*words)
        if done.code != 0:
            raise Wrong(f"{' '.join(map(str, words))}: exit {done.code}: "
                        f"{done.err.strip()[-2000:]}")
        return done

    def keep(self, name, known):
        """Keep the workspace as the state NAME."""
        shutil.copytree(self.ws, self.root / name, symlinks=True)
        self.states[name] = dict(known)

    def start(self, name):
        """Make the workspace what it was in the state NAME."""
        shutil.rmtree(self.ws, ignore_errors=True)
        shutil.copytree(self.root / name, self.ws, symlinks=True)
        return dict(self.states[name])

    def _build(self):
        known = {}
        done = self.tools.run([PROGRAM, "init", self.ws], extra=self.env)
        assert done.code == 0, done.err
        (self.ws / "casemate.yaml").write_text(CONFIG)
        fill(self.ws / "data", 1)
        self.keep("empty", known)
        known.update(self.announced(self.good("backup")))
        self.keep("one", known)
        fill(self.ws / "data", 2)
        self.keep("changed", known)
        self.first = next(iter(known))
        known.update(self.announced(self.good("backup")))
        self.keep("two", known)
        self.good("vault", "forget", f"data@{self.first}")
        del known[self.first]
        self.keep("forgotten", known)

    def announced(self, done):
        """{id: tree} of what a backup has just printed."""
        lines = done.out if isinstance(done, Done) else done
        found = (ANNOUNCED.match(line) for line in lines)
        return {m[1]: tree(self.ws / "data") for m in found if m}

    def check(self, known):
        """The vault is whole and gives back all that was announced."""
        done = self.run("vault", "check", "--read-data")
        if done.code != 0:
            raise Wrong(f"check: exit {done.code}: {done.out[-20:]} "
                        f"{done.err.strip()[-2000:]}")
        for snapshot, want in known.items():
            shutil.rmtree(self.out, ignore_errors=True)
            self.good("restore", f"data@{snapshot}", "--to", self.out)
            if tree(self.out) != want:
                raise Wrong(f"{snapshot} comes back different")


@pytest.fixture(scope="module")
def bench(tools, tmp_path_factory):
    return Bench(tools, tmp_path_factory.mktemp("casemate"))


# What is run: (state, words); "FIRST" stands for the first snapshot's id.
SCENARIOS = {
    "backup": ("empty", ["backup"]),
    "backup-changed": ("changed", ["backup"]),
    "backup-same": ("two", ["backup"]),
    "forget": ("two", ["vault", "forget", "data@FIRST"]),
    "prune": ("forgotten", ["vault", "prune"]),
    "check": ("two", ["vault", "check", "--read-data"]),
    "restore": ("two", ["restore", "data@FIRST", "--to", "OUT"]),
    "restore-in-place": ("two", ["restore", "data@FIRST", "--in-place"]),
}


def words_of(bench, scenario):
    state, words = SCENARIOS[scenario]
    into = {"OUT": bench.ws / "restored"}
    return state, [into.get(w, w).replace("FIRST", bench.first)
                   if isinstance(into.get(w, w), str) else into[w]
                   for w in words]


def survivors(bench, scenario, known):
    """A broken-off forget may have forgotten; nothing else may."""
    if scenario == "forget":
        return {k: v for k, v in known.items() if k != bench.first}
    return known


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_loses_nothing_announced_whatever_fails(bench, scenario, fault):
    state, words = words_of(bench, scenario)
    bench.start(state)
    counts = bench.tools.counts(bench.command(*words), bench.ws,
                                extra=bench.env)
    kind = fault.split(":")[0]
    total = counts["op" if kind in ("kill", "tear") else kind]
    for n in picks(total, SHORT):
        plan = fault.format(n)
        known = bench.start(state)
        done = bench.run(*words, under=bench.ws, fault=plan)
        check_sane(done, plan)
        known.update(bench.announced(done))
        try:
            bench.check(survivors(bench, scenario, known))

            # What broke off can be done again, and what it said still holds.
            if scenario == "restore" and done.code == 0:
                shutil.rmtree(bench.ws / "restored")
            known.update(bench.announced(bench.good(*words)))
            bench.check(survivors(bench, scenario, known))
            if scenario == "restore":
                assert tree(bench.ws / "restored") == known[bench.first]
            if scenario == "restore-in-place":
                assert tree(bench.ws / "data") == known[bench.first]
        except Wrong as wrong:
            raise Wrong(f"after {plan} (exit {done.code}): {wrong}") from None


@pytest.mark.parametrize("fault", ["alloc:{}", "write:{}:ENOSPC",
                                   "sync:{}:EIO", "name:{}:EIO", "kill:{}"])
def test_init_is_whole_or_can_be_done_again(tools, tmp_path, bench, fault):
    ws = tmp_path / "ws"
    command = [PROGRAM, "init", ws]
    counts = tools.counts(command, tmp_path, extra=bench.env)
    kind = fault.split(":")[0]
    for n in picks(counts["op" if kind == "kill" else kind], SHORT):
        shutil.rmtree(ws)
        plan = fault.format(n)
        done = tools.run(command, extra=bench.env, under=tmp_path, fault=plan)
        check_sane(done, plan)
        again = tools.run(command, extra=bench.env)
        usable = tools.run([PROGRAM, "--workspace", ws, "vault", "check"],
                           extra=bench.env)
        if usable.code != 0:
            raise Wrong(f"after {plan}: init again: {again.err.strip()}; "
                        f"check: {usable.err.strip()}")
        if done.code == 0 and again.code == 0:
            raise Wrong(f"after {plan}: init has overwritten a workspace")


def open_modes(root):
    """Replayed files have no modes of their own: make them private."""
    for path in [root, *root.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)


def test_an_init_that_ended_survives_a_power_loss(tools, tmp_path, bench):
    ws, log, image = tmp_path / "ws", tmp_path / "log", tmp_path / "image"
    ws.mkdir()
    before = replay.Before.save(ws)
    done = tools.run([PROGRAM, "init", ws], extra=bench.env, under=ws,
                     record=log)
    assert done.code == 0, done.err
    walk = replay.Replay(ws, before, replay.read_log(log))
    while walk.step():
        pass
    for seed in range(20 if FULL else 3):
        shutil.rmtree(image, ignore_errors=True)
        walk.build(image, "random" if seed else "drop", seed)
        open_modes(image)
        done = tools.run([PROGRAM, "--workspace", image, "vault", "check"],
                         extra=bench.env)
        assert done.code == 0, done.err


@pytest.mark.parametrize("scenario", ["backup", "backup-changed", "forget",
                                      "prune"])
def test_loses_nothing_announced_over_a_power_loss(bench, tmp_path, scenario):
    state, words = words_of(bench, scenario)
    known = bench.start(state)
    kept, log = bench.ws / ".casemate", tmp_path / "log"
    before = replay.Before.save(kept)
    done = bench.run(*words, under=kept, record=log)
    assert done.code == 0, done.err

    # What stdio prints is not recorded; it is said when the program ends.
    announced = bench.announced(done)
    end = len(replay.read_log(log))
    for walk, mode, seed in losses(".casemate", before, log, 10,
                                   6 if FULL else 1):
        shutil.rmtree(kept)
        walk.build(kept, mode, seed)
        open_modes(kept)
        now = dict(known)
        if walk.at == end:
            now.update(announced)
        try:
            bench.check(survivors(bench, scenario, now))
            bench.good("backup")
        except Wrong as wrong:
            raise Wrong(f"record {walk.at} of {end}, {mode} {seed}: {wrong}") \
                from None


def test_a_backup_stopped_anywhere_survives_a_whole_collection(bench):
    """Stop, collect, go on: the snapshot restores, or it did not commit."""
    state = "changed"
    bench.start(state)
    total = bench.tools.counts(bench.command("backup"), bench.ws,
                               extra=bench.env)["op"]
    for n in picks(total, 12):
        known = bench.start(state)
        bench.good("vault", "forget", f"data@{bench.first}")
        known.pop(bench.first)
        p = bench.tools.stopped(bench.command("backup"), n, bench.ws,
                                extra=bench.env)
        if isinstance(p, Done):
            done = p
        else:
            try:
                bench.good("vault", "prune")
                bench.good("vault", "prune")
            finally:
                done = resumed(p)
        if done.code < 0:
            raise Wrong(f"stopped at {n}: ended by {done.code}")
        announced = bench.announced(done)
        if not announced and done.code == 0:
            raise Wrong(f"stopped at {n}: neither a snapshot nor an error")
        try:
            bench.check(known | announced)
        except Wrong as wrong:
            raise Wrong(f"stopped at {n} (exit {done.code}, "
                        f"{signal_name(done.code)}): {wrong}") from None


def signal_name(code):
    return signal.Signals(-code).name if code < 0 else "by itself"
