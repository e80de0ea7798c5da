# SPDX-License-Identifier: Apache-2.0
"""The tracked files of the project, and C text as the checks want to see it."""

import functools
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


class Skip(Exception):
    """What keeps a check from finding out."""


@dataclass(frozen=True)
class Function:
    path: str
    name: str
    line: int
    lines: int
    mccabe: int


def run(*command):
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True,
                          stdin=subprocess.DEVNULL)


def need(program):
    if shutil.which(program) is None:
        raise Skip(f"{program} is not installed")


@functools.cache
def tracked():
    """Every tracked file that still exists; without git, every file."""
    listed = run("git", "-c", f"safe.directory={ROOT}", "ls-files", "-z")
    if listed.returncode == 0:
        names = listed.stdout.split("\0")
    else:
        names = [str(p.relative_to(ROOT)) for p in ROOT.rglob("*")
                 if not p.relative_to(ROOT).parts[0] in (".git", "build")]
    return sorted(n for n in names if n and (ROOT / n).is_file()
                  and not (ROOT / n).is_symlink())


def c_files(*tops):
    """The C sources and headers below TOPS."""
    return [n for n in tracked() if n.endswith((".c", ".h"))
            and n.split("/")[0] in (tops or ("src", "tests"))]


def headers():
    return [n for n in c_files("src") if n.endswith(".h")]


@functools.cache
def text(name):
    return (ROOT / name).read_text(errors="replace")


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
                   re.S)


@functools.cache
def code(name):
    """The text with comments and literals blanked; every line keeps its place."""
    return TOKEN.sub(blank, text(name))


@functools.cache
def comments(name):
    """[(offset, end, text)] of the comments."""
    return [(m.start(), m.end(), m.group(0)) for m in TOKEN.finditer(text(name))
            if m.group(0)[0] == "/"]


def line_of(name, offset):
    return text(name).count("\n", 0, offset) + 1


def room_of(name):
    parts = name.split("/")
    return parts[1] if len(parts) > 2 else None


def table(name):
    """The words of each line of a small file next to the checks."""
    path = Path(__file__).parent / name
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.split() for line in lines
            if line.strip() and not line.startswith("#")]


@functools.cache
def functions():
    """Every function definition in src and tests, with its extent."""
    need("pmccabe")
    found = []
    names = [n for n in c_files() if n.endswith(".c")]
    if not names:
        return found
    for line in run("pmccabe", *names).stdout.splitlines():
        m = re.match(r"(\d+)\t\d+\t\d+\t(\d+)\t(\d+)\t(.+?)\(\d+\): (\S+)", line)
        if m:
            found.append(Function(m[4], m[5], int(m[2]), int(m[3]), int(m[1])))
    return found


@functools.cache
def exported():
    """[(path, line, name)] of the functions that are not static."""
    need("ctags")
    names = [n for n in c_files("src") if n.endswith(".c")]
    if not names:
        return []
    listed = run("ctags", "--output-format=json", "--languages=C",
                 "--kinds-C=f", "--fields=+n", "-f", "-", *names)
    if listed.returncode:
        raise Skip("this ctags writes no JSON")
    tags = [json.loads(line) for line in listed.stdout.splitlines()]
    return [(t["path"], t["line"], t["name"]) for t in tags if not t.get("file")]
