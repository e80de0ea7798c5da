# SPDX-License-Identifier: Apache-2.0
"""What somebody in front of a terminal sees."""

import os
import pty
import select
import time

from conftest import PROGRAM


class Terminal:
    """casemate in a terminal of its own."""

    def __init__(self, ws, *args):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(ws.dir)
            os.execv(PROGRAM, [PROGRAM, *args])

    def until(self, words, seconds=60):
        """Read until WORDS appear."""
        end = time.monotonic() + seconds
        while words not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self.fd], [], [], 0.2)[0]:
                self.read()
        self.seen = self.seen[self.seen.index(words) + len(words):]

    def read(self):
        try:
            data = os.read(self.fd, 4096)
        except OSError:
            data = b""
        self.seen += data.decode()
        return data

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """Everything else that is said, and the exit status."""
        while self.read():
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_init_asks_twice_and_shows_no_letter(bare):
    t = Terminal(bare, "init")
    for prompt in ("passphrase", "once more"):
        t.until(prompt)
        t.until(": ")
        t.type("open sesame\n")
    assert t.end() == 0
    assert "sesame" not in t.seen
    assert "wrap: scrypt" in bare.kit.read_text()


def test_two_different_passphrases_make_nothing(bare):
    t = Terminal(bare, "init")
    t.until(": ")
    t.type("one\n")
    t.until("once more: ")
    t.type("two\n")
    assert t.end() == 1
    assert "differ" in t.seen
    assert not (bare.dir / ".casemate").exists()


def test_forget_asks_and_takes_only_yes(ws):
    for year in ("2020", "2021"):
        ws.run("backup", code=0,
               env={"CASEMATE_CLOCK": f"{year}-01-01T00:00:00Z"})
    for answer, left in (("n", 2), ("", 2), ("y", 1)):
        t = Terminal(ws, "vault", "forget", "data", "--keep-last", "1")
        t.until("[y/N] ")
        t.type(answer + "\n")
        assert t.end() == 0
        listed = ws.run("vault", "list", "--json", code=0).json
        assert len(listed["snapshots"]) == left


def test_long_work_shows_what_how_much_how_fast(ws):
    for i in range(12):
        (ws.data / f"big{i}").write_bytes(os.urandom(1 << 20))
    t = Terminal(ws, "backup", "--limit-read", "4M")
    t.until("\rbackup of data: ".replace("\r", "\r\x1b[K"))
    t.until("MiB/s")
    t.until("data@")
    assert t.end() == 0


def test_no_progress_shows_none(ws):
    (ws.data / "big").write_bytes(os.urandom(8 << 20))
    t = Terminal(ws, "backup", "--limit-read", "4M", "--no-progress")
    assert t.end() == 0
    assert "MiB/s" not in t.seen and "\x1b" not in t.seen


def test_a_pipe_gets_one_line_at_the_end(ws):
    (ws.data / "big").write_bytes(os.urandom(8 << 20))
    done = ws.run("backup", "--limit-read", "4M", code=0)
    lines = [x for x in done.err.splitlines() if "MiB/s" in x]
    assert len(lines) == 1 and "\r" not in done.err
