# SPDX-License-Identifier: Apache-2.0
"""The machine under the bench: what it is, its page cache, fresh file systems."""

import os
import platform
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path


def describe():
    model = "unknown"
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
    memory = int(open("/proc/meminfo").readline().split()[1]) >> 20
    return (f"{os.cpu_count()} cores ({model}), {memory} GiB of memory, "
            f"Linux {platform.release()}")


def warm(top):
    """Bring the names and bytes of a tree into the caches of the kernel."""
    for folder, folders, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                with open(path, "rb", buffering=0) as f:
                    while f.read(1 << 20):
                        pass


def can_drop():
    return os.access("/proc/sys/vm/drop_caches", os.W_OK)


def drop():
    """Empty the page cache and those of names and inodes."""
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as f:
        f.write("3\n")


def busy_seconds():
    """CPU time that all processes and the kernel of this machine took."""
    words = list(map(int, open("/proc/stat").readline().split()[1:9]))
    return (sum(words) - words[3] - words[4]) / os.sysconf("SC_CLK_TCK")


def wait_for_quiet(seconds):
    """Wait, at most so long, until nobody else uses the machine."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        busy = busy_seconds()
        time.sleep(0.5)
        if busy_seconds() - busy < 0.1 * os.cpu_count() * 0.5:
            return


def run(*command):
    subprocess.run(list(map(str, command)), check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def can_mount():
    return os.geteuid() == 0 and bool(shutil.which("mkfs.ext4")) and (
        os.path.exists("/dev/loop-control"))


def attach(image):
    """A loop device over IMAGE; past the page cache of the file below, if that
    can be, so that nothing is held twice."""
    for direct in (["--direct-io=on"], []):
        p = subprocess.run(["losetup", "--find", "--show", *direct, image],
                           capture_output=True, text=True)
        if p.returncode == 0:
            return p.stdout.strip()
    raise OSError(p.stderr)


@contextmanager
def fresh(scratch, size, inodes=400_000, *more):
    """A directory to restore into: a new ext4 in a file where that can be
    mounted, else a new directory.  Gone afterwards."""
    scratch = Path(scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="fresh-", dir=scratch))
    if not can_mount():
        try:
            yield place
        finally:
            shutil.rmtree(place)
        return
    image = place.with_suffix(".img")
    try:
        run("fallocate", "-l", size, image)
        # Everything is laid out now, so that no thread of the kernel does it
        # while somebody is measured.
        run("mkfs.ext4", "-q", "-F", "-N", inodes, *more, "-E",
            "lazy_itable_init=0,lazy_journal_init=0,nodiscard", image)
        device = attach(image)
        try:
            run("mount", "-o", "noatime", device, place)
            try:
                (place / "lost+found").rmdir()
                os.sync()
                yield place
            finally:
                run("umount", place)
        finally:
            run("losetup", "--detach", device)
    finally:
        image.unlink(missing_ok=True)
        place.rmdir()
