# SPDX-License-Identifier: Apache-2.0
"""Snapshots as a file system, through the kernel."""

import contextlib
import errno
import json
import os
import random
import shutil
import signal
import stat
import subprocess

import pytest

from conftest import PROGRAM, tree

pytestmark = pytest.mark.skipif(
    not os.access("/dev/fuse", os.R_OK | os.W_OK)
    or not shutil.which("fusermount3"), reason="no FUSE here")


@contextlib.contextmanager
def mounted(ws, *args, end=signal.SIGINT, code=0):
    """The mount point while it is served; ended by a signal, or unmounted."""
    where = ws.top / "mnt"
    where.mkdir(exist_ok=True)
    proc = subprocess.Popen(
        [PROGRAM, "vault", "mount", where, *args, "--json"], cwd=ws.dir,
        text=True, stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        assert json.loads(proc.stdout.readline())["mounted"] == str(where)
        yield where
    finally:
        if end:
            proc.send_signal(end)
        else:
            subprocess.run(["fusermount3", "-u", where], check=False)
        try:
            proc.wait(timeout=30)
        except subprocess.TimeoutExpired:
            proc.kill()
            subprocess.run(["fusermount3", "-u", "-z", where], check=False)
            raise
        proc.stdout.close()
    assert proc.returncode == code
    assert not os.path.ismount(where)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP,
                                 None])
def test_it_ends_by_signals_and_by_unmounting(ws, end):
    ws.backup()
    with mounted(ws, end=end) as where:
        assert (where / "data/latest/a.csv").read_bytes() == \
            (ws.data / "a.csv").read_bytes()
    assert list(where.iterdir()) == []


def test_it_shows_times_and_the_latest(ws):
    for day in ("01", "02"):
        ws.write(a__csv=day)
        ws.run("backup", code=0,
               env={"CASEMATE_CLOCK": f"2026-03-{day}T12:00:00Z"})
    with mounted(ws, "data") as where:
        assert os.listdir(where) == ["data"]
        assert sorted(os.listdir(where / "data")) == [
            "2026-03-01T12:00:00Z", "2026-03-02T12:00:00Z", "latest"]
        assert os.readlink(where / "data/latest") == "2026-03-02T12:00:00Z"
        old = where / "data/2026-03-01T12:00:00Z/a.csv"
        assert old.read_text() == "01"
        assert (where / "data/latest/a.csv").read_text() == "02"
        assert not (where / "data/never").exists()
    done = ws.run("vault", "mount", where, "nothing", "--json", code=1)
    assert done.error["code"] == "not_found"


def test_it_shows_everything_as_it_was(ws):
    data = ws.data
    (data / "sub/empty").mkdir(parents=True)
    (data / "link").symlink_to("sub/../a.csv")
    (data / os.fsdecode(b"odd\xff\n")).write_bytes(b"odd")
    (data / "old").write_text("old")
    (data / "old").chmod(0o4751)
    os.utime(data / "old", ns=(0, -1_500_000_000))
    os.link(data / "old", data / "linked")
    os.mkfifo(data / "fifo")
    with contextlib.suppress(OSError):
        os.setxattr(data / "old", "user.colour", b"blue\0green")
        os.setxattr(data / "old", "user.empty", b"")
    ws.backup()
    with mounted(ws) as where:
        top = (where / "data/latest").resolve()
        assert tree(top) == tree(data)
        for path in [data, *data.rglob("*")]:
            seen, was = (p.lstat() for p in (
                top / path.relative_to(data), path))
            for field in ("st_mode", "st_uid", "st_gid", "st_mtime_ns"):
                assert getattr(seen, field) == getattr(was, field), path
            assert seen.st_nlink == 1
            if stat.S_ISREG(was.st_mode):
                assert seen.st_size == was.st_size
        assert sorted(os.listxattr(top / "old")) == \
            sorted(os.listxattr(data / "old"))
        for name in os.listxattr(data / "old"):
            assert os.getxattr(top / "old", name) == \
                os.getxattr(data / "old", name)
        with pytest.raises(OSError) as e:
            os.getxattr(top / "old", "user.no")
        assert e.value.errno == errno.ENODATA


def test_nothing_can_be_written(ws):
    ws.backup()
    with mounted(ws) as where:
        file = where / "data/latest/a.csv"
        for act in (lambda: file.write_text("x"), file.unlink,
                    lambda: file.chmod(0o600), lambda: os.utime(file),
                    lambda: file.rename(where / "x"), (where / "d").mkdir,
                    lambda: os.truncate(file, 0)):
            with pytest.raises(OSError) as e:
                act()
            assert e.value.errno == errno.EROFS


def test_any_part_of_a_large_sparse_file_can_be_read(ws):
    rng = random.Random(7)
    big = ws.data / "big"
    with open(big, "wb") as f:
        for at in (0, 9 << 20, 30 << 20, 31 << 20):
            f.seek(at)
            f.write(rng.randbytes(5 << 20 if at == 9 << 20 else 70_001))
        f.truncate(48 << 20)
    ws.backup()
    content = big.read_bytes()
    with mounted(ws) as where, open(where / "data/latest/big", "rb",
                                    buffering=0) as f:
        for _ in range(200):
            at = rng.randrange(len(content) + 100_000)
            n = rng.choice((1, 4095, 4097, 300_000))
            assert os.pread(f.fileno(), n, at) == content[at:at + n]
        assert (where / "data/latest/big").read_bytes() == content


def test_a_large_directory_can_be_listed_from_anywhere(ws):
    many = ws.data / "many"
    many.mkdir()
    for i in range(3000):
        (many / f"{i:05}-{'x' * (i % 200)}").touch()
    ws.backup()
    want = sorted(p.name for p in many.iterdir())
    with mounted(ws) as where:
        seen = where / "data/latest/many"
        assert os.listdir(seen) == want
        assert [e.name for e in os.scandir(seen)
                if e.stat().st_size == 0] == want
        assert not (seen / "03000").exists()
        with contextlib.ExitStack() as stack:
            scans = [stack.enter_context(os.scandir(seen)) for _ in range(3)]
            for names in zip(*scans, strict=True):
                assert len({n.name for n in names}) == 1


def test_a_damaged_pack_gives_an_error_and_no_bytes(ws):
    ws.write(a__csv=os.urandom(3 << 20))
    ws.backup()
    with mounted(ws) as where:
        pack = max(ws.objects("packs"), key=lambda p: p.stat().st_size)
        raw = bytearray(pack.read_bytes())
        raw[len(raw) // 2] ^= 1
        pack.chmod(0o600)
        pack.write_bytes(raw)
        with pytest.raises(OSError) as e:
            (where / "data/latest/a.csv").read_bytes()
        assert e.value.errno == errno.EIO
        assert (where / "data/latest/b.csv").read_bytes() == \
            (ws.data / "b.csv").read_bytes()


def test_it_says_why_it_cannot_mount(ws):
    ws.backup()
    gone = ws.run("vault", "mount", ws.top / "gone", "--json", code=1).error
    assert gone["code"] == "not_found"
    file = ws.run("vault", "mount", ws.data / "a.csv", "--json").error
    assert file["code"] == "invalid"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_it_says_what_to_do_without_the_device(ws):
    ws.backup()
    where = ws.top / "mnt"
    where.mkdir()
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c",
         'mount -t tmpfs none /dev && exec "$@"', "sh", PROGRAM, "vault",
         "mount", where], cwd=ws.dir, capture_output=True, text=True,
        stdin=subprocess.DEVNULL)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("no mount namespaces here")
    assert done.returncode == 1
    assert "modprobe fuse" in done.stderr
