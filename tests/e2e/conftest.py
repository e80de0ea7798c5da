# SPDX-License-Identifier: Apache-2.0
"""Workspaces to lose, and the program to get them back with."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("CASEMATE") or str(ROOT / "build/casemate")
NOBODY = 65534

CONFIG = """\
workspace: test
vault:
  stores:
    - {{name: here, url: "{store}"}}
assets:
  - {{name: data, kind: dataset, source: data}}
"""


def pytest_configure(config):
    config.addinivalue_line("markers", "server: needs a real server")


def pytest_collection_modifyitems(items):
    if not os.access(PROGRAM, os.X_OK):
        for item in items:
            item.add_marker(pytest.mark.skip(reason="CASEMATE names no program"))


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self):
        """The one object that was printed."""
        return json.loads(self.out)

    @property
    def lines(self):
        """The objects of a stream."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self):
        """The error object, the last line on stderr."""
        return json.loads(self.err.splitlines()[-1])


def tree(top):
    """{path below top: bytes, or link target, or None} of everything there."""
    top = Path(top)
    found = {}
    for path in sorted(top.rglob("*")):
        name = os.fsencode(path.relative_to(top))
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[name] = None
    return found


class Workspace:
    """A directory with data/, a casemate.yaml, and commands that run in it."""

    def __init__(self, top, user=None):
        self.top = Path(top)
        self.dir = self.top / "ws"
        self.store = self.top / "store"
        self.data = self.dir / "data"
        self.kit = self.dir / ".casemate/recovery-kit.txt"
        self.user = user
        self.data.mkdir(parents=True)
        self.configure(CONFIG.format(store=self.store))
        self.own()

    def own(self):
        """Give everything to the user that the program runs as."""
        if self.user is not None:
            for path in [self.top, *self.top.rglob("*")]:
                os.chown(path, self.user, self.user, follow_symlinks=False)

    def configure(self, text):
        (self.dir / "casemate.yaml").write_text(text)

    def write(self, **files):
        """Files below data/; in names, __ stands for a dot."""
        for name, content in files.items():
            path = self.data / name.replace("__", ".")
            path.write_bytes(content if isinstance(content, bytes)
                             else content.encode())
        self.own()

    def run(self, *args, code=None, env=None, stdin="", cwd=None, **options):
        """Run casemate; with CODE, insist on that exit status."""
        full = {k: v for k, v in os.environ.items()
                if not k.startswith("CASEMATE_") or k == "CASEMATE_BUILD"}
        full.update(env or {})
        done = subprocess.run([PROGRAM, *map(str, args)], cwd=cwd or self.dir,
                              env=full, input=stdin, text=True,
                              capture_output=True, user=self.user,
                              group=self.user,
                              extra_groups=[] if self.user else None,
                              errors="surrogateescape", timeout=120, **options)
        if code is not None:
            assert done.returncode == code, done.stdout + done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    def init(self, *args, **options):
        return self.run("init", *args, code=0, **options)

    def backup(self, *args, code=0):
        """Back up everything; the ids that were printed."""
        done = self.run("backup", *args, code=code)
        return [line for line in done.out.splitlines() if "@" in line
                and not line.startswith(" ")]

    def objects(self, kind=None):
        """The files of the store, or those of one kind."""
        where = self.store / kind if kind else self.store
        return sorted(p for p in where.rglob("*") if p.is_file())


@pytest.fixture
def bare(tmp_path):
    """A workspace without keys."""
    return Workspace(tmp_path)


@pytest.fixture
def ws(bare):
    """A workspace with two files and a vault."""
    bare.write(a__csv="1,2\n" * 1000, b__csv="3,4\n" * 10)
    bare.init()
    return bare


@pytest.fixture
def commoner():
    """The same for a user who may not read everything."""
    user = NOBODY if os.geteuid() == 0 else None
    top = Path(tempfile.mkdtemp(prefix="casemate-e2e-"))
    made = Workspace(top, user)
    made.write(a__csv="1,2\n" * 1000, b__csv="3,4\n" * 10)
    made.init()
    yield made
    for path in top.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(top, ignore_errors=True)


@pytest.fixture
def two_stores(ws):
    """A second store beside the first, both filled by one backup."""
    other = ws.top / "other"
    shutil.rmtree(ws.dir / ".casemate")
    shutil.rmtree(ws.store)
    ws.configure(f"""\
workspace: test
vault:
  stores:
    - {{name: here, url: "{ws.store}", medium: disk, site: office}}
    - {{name: there, url: "{other}", medium: nas, site: cellar}}
assets:
  - {{name: data, kind: dataset, source: data}}
""")
    ws.init()
    ws.other = other
    return ws
