# SPDX-License-Identifier: Apache-2.0
"""The small C programs of the bench, compiled when they are needed."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FLAGS = ("-O2", "-std=gnu2x", "-D_GNU_SOURCE", "-Wall", "-Wextra")


def scratch():
    """Where large things may go: outside of the repository."""
    return Path(os.environ.get("TMPDIR") or "/var/tmp") / "casemate-bench"


def build_dir():
    """The Meson directory of the program that is measured, or None."""
    program = os.environ.get("CASEMATE")
    if not program:
        return None
    place = Path(os.path.abspath(program)).parent
    for d in (place, place.parent):
        if (d / "build.ninja").exists():
            return d
    return None


def program(name, libraries=(), rooms=False):
    """Compile NAME.c unless that was done; with ROOMS, link what casemate is
    made of.  Returns the program's path."""
    source = HERE / f"{name}.c"
    target = scratch() / "bin" / name
    inputs = [source]
    extra = list(libraries)
    if rooms:
        archives = sorted((build_dir() / "src").glob("lib*.a"))
        inputs += archives
        extra = ["-I", str(ROOT / "src"), "-Wl,--start-group",
                 *map(str, archives), "-Wl,--end-group", *extra]
    newest = max(p.stat().st_mtime for p in inputs)
    if target.exists() and target.stat().st_mtime > newest:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    compiler = os.environ.get("CC") or shutil.which("gcc") or "cc"
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as f:
        made = f.name
    subprocess.run([compiler, *FLAGS, "-o", made, str(source), *extra],
                   check=True)
    os.chmod(made, 0o755)
    os.replace(made, target)
    return target
