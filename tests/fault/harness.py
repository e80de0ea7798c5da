# SPDX-License-Identifier: Apache-2.0
"""Runs a program under the shim, and picks the points where it is to fail."""

import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import replay

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FULL = (os.environ.get("CM_FAULT_FULL") == "1"
        or os.environ.get("CASEMATE_FAULT") == "long")
TIMEOUT = 120

# What a sanitizer exits with under tools/test.
SANITIZER_EXIT = 86
REPORTS = ("AddressSanitizer", "LeakSanitizer", "runtime error:",
           "Assertion `", "DEADLYSIGNAL")

# Sources that the driver needs, where no build is at hand.
DRIVER_SOURCES = [ROOT / "src/base" / f"{n}.c" for n in
                  ("buf", "digest", "err", "fs", "mem", "str")]


@dataclass
class Done:
    code: int
    out: list
    err: str


class Wrong(AssertionError):
    """The program did what it may not do under a fault."""


def compile_here(out, *arguments):
    subprocess.run(
        [os.environ.get("CC", "cc"), "-std=gnu2x", "-D_GNU_SOURCE",
         "-D_FILE_OFFSET_BITS=64", "-O1", "-g", f"-I{ROOT / 'src'}",
         *map(str, arguments), "-o", str(out), "-lpthread", "-ldl"],
        check=True)
    return out


class Tools:
    """The shim and the driver: from the build, or else made here."""

    def __init__(self):
        self.scratch = Path(tempfile.mkdtemp(prefix="casemate-fault-"))
        build = Path(os.environ.get("CASEMATE_BUILD", "/nonexistent"))
        self.shim = build / "tests/fault/libcmfault.so"
        self.driver = build / "tests/fault/store_driver"
        if not self.shim.exists():
            self.shim = compile_here(self.scratch / "libcmfault.so", "-shared",
                                     "-fPIC", HERE / "shim.c")
        if not self.driver.exists():
            self.driver = compile_here(
                self.scratch / "store_driver", HERE / "store_driver.c",
                *sorted((ROOT / "src/store").glob("*.c")), *DRIVER_SOURCES)

    def close(self):
        shutil.rmtree(self.scratch)

    def environment(self, under=None, fault=None, counts=None, record=None):
        """What a process sees that is to fail, be counted or be recorded."""
        env = dict(os.environ)
        env.pop("CM_FAULT_STARTED", None)
        env["LD_PRELOAD"] = str(self.shim)

        # The shim stands before the sanitizer, so that it sees allocations.
        env["ASAN_OPTIONS"] = (env.get("ASAN_OPTIONS", "exitcode=86")
                               + ":verify_asan_link_order=0")
        for name, value in (("CM_FAULT", fault), ("CM_FAULT_DIR", under),
                            ("CM_FAULT_LOG", counts),
                            ("CM_FAULT_RECORD", record)):
            if value is not None:
                env[name] = str(value)
        return env

    def run(self, command, extra=None, **how):
        """Run COMMAND to its end; a hang is an error, a crash is a code."""
        env = self.environment(**how) if how else dict(os.environ)
        env.update(extra or {})
        with subprocess.Popen(
                [str(word) for word in command], env=env, text=True,
                errors="replace", stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
            try:
                out, error = p.communicate(timeout=TIMEOUT)
            except subprocess.TimeoutExpired:
                p.kill()
                p.communicate()
                raise Wrong(f"hangs under {how.get('fault')}") from None
        return Done(p.returncode, out.splitlines(), error)

    def counts(self, command, under, extra=None):
        """{kind: number of operations} of a run without faults."""
        path = self.scratch / "counts"
        path.unlink(missing_ok=True)
        done = self.run(command, extra=extra, under=under, counts=path)
        if done.code != 0:
            raise Wrong(f"fails without a fault: {done.err}")
        lines = path.read_text().splitlines()
        return {kind: int(n) for kind, n in map(str.split, lines)}

    def stopped(self, command, n, under, extra=None):
        """Start COMMAND and wait until it stops before its N-th operation.

        Return the process, stopped, or a Done if it ended before.
        """
        env = self.environment(under=under, fault=f"stop:{n}")
        env.update(extra or {})
        p = subprocess.Popen([str(word) for word in command], env=env,
                             text=True, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        info = os.waitid(os.P_PID, p.pid,
                         os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        if info.si_code == os.CLD_STOPPED:
            return p
        return resumed(p)


def resumed(p):
    """Let a stopped process go on, to its end."""
    p.send_signal(signal.SIGCONT)
    out, error = p.communicate(timeout=TIMEOUT)
    return Done(p.returncode, out.splitlines(), error)


def picks(total, short):
    """Which of 1..TOTAL to try: all in a full run, else about SHORT of them."""
    if FULL or total <= short:
        return list(range(1, total + 1))
    if short < 3:
        return sorted({(2 * i + 1) * total // (2 * short) + 1
                       for i in range(short)})
    return sorted({1 + i * (total - 1) // (short - 1) for i in range(short)})


def check_sane(done, fault):
    """It ended by itself, or by the kill that was asked for, and said why."""
    killed = fault.startswith(("kill:", "tear:"))
    where = f"under {fault}: exit {done.code}, {done.err.strip()[-2000:]}"
    if done.code < 0 and not (killed and done.code == -signal.SIGKILL):
        raise Wrong(f"crashed {where}")
    if done.code == SANITIZER_EXIT or any(r in done.err for r in REPORTS):
        raise Wrong(f"a sanitizer reports {where}")
    if done.code not in (0, 1, 3, 4, -signal.SIGKILL):
        raise Wrong(f"unknown end {where}")
    # A verdict is a result and stands on stdout; a failure does not.
    told = done.err.strip() or (done.code == 3 and "".join(map(str, done.out)))
    if done.code in (1, 3, 4) and not told:
        raise Wrong(f"says nothing {where}")


def said(done_or_lines, verb):
    """What was acknowledged with lines of "VERB NAME"."""
    lines = getattr(done_or_lines, "out", done_or_lines)
    return {line.split(" ", 1)[1] for line in lines
            if line.startswith(verb + " ")}


def losses(name, before, log, short, seeds):
    """Yield (replay, mode, seed) at the points and in the ways of a loss."""
    records = replay.read_log(log)
    points = set(picks(len(records), short))
    walk = replay.Replay(name, before, records)
    while walk.step():
        if walk.at not in points:
            continue
        for mode in ("drop", "names", "bytes"):
            yield walk, mode, 0
        for seed in range(seeds):
            yield walk, "random", walk.at * 1000 + seed
