# SPDX-License-Identifier: Apache-2.0
"""The backup programs that are measured, behind one face.

Each has init(), backup(), restore(target), check() and size(); all but size()
return the command to run, with its directory and environment, so that the caller
can time it.
"""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

PASSPHRASE = "correct horse battery staple"


@dataclass
class Command:
    words: list
    cwd: Path = Path("/")
    env: dict = field(default_factory=dict)


def bytes_below(top):
    """The apparent size of all files below TOP."""
    total = 0
    for folder, _, names in os.walk(top):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                pass
    return total


class Tool:
    """What the programs have in common: a place for all that they write."""
    newest_known = ()
    hint = ""

    def __init__(self, program, place, source):
        self.program, self.source = program, source
        self.place = Path(place) / self.name
        self.repository = self.place / "repository"
        self.env = {}

    def clean(self):
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        secret = self.place / "passphrase"
        secret.write_text(PASSPHRASE)
        secret.chmod(0o600)

    def command(self, *words, cwd=None):
        return Command([str(self.program), *map(str, words)],
                       cwd or self.source, self.env)

    def size(self):
        return bytes_below(self.repository)

    def version(self):
        text = subprocess.run([str(self.program), *self.version_words],
                              capture_output=True, text=True).stdout
        return text.strip().split("\n")[0]

    def too_old(self):
        numbers = re.search(r"(\d+)\.(\d+)", self.version())
        found = tuple(map(int, numbers.groups())) if numbers else (0, 0)
        return found < self.newest_known


class Casemate(Tool):
    name = "casemate"
    version_words = ("version",)

    def init(self):
        self.env = {
            "CASEMATE_PASSPHRASE_FILE": str(self.place / "passphrase")}
        (self.place / "casemate.yaml").write_text(json.dumps({
            "workspace": "bench",
            "vault": {"stores": [{
                "name": "here", "url": str(self.repository),
                "medium": "disk", "site": "here"}]},
            "assets": [{"name": "corpus", "kind": "dataset",
                        "source": str(self.source)}]}))
        return self.command("init", cwd=self.place)

    def backup(self):
        return self.command("backup", "--json", cwd=self.place)

    def restore(self, target):
        return self.command("restore", "corpus", "--to", target / "out",
                            "--json", cwd=self.place)

    def check(self):
        return self.command("check", "--read-data", "--fresh", "--json",
                            cwd=self.place)

    def restored(self, target):
        return target / "out"


class Restic(Tool):
    name = "restic"
    newest_known = (0, 18)
    version_words = ("version",)

    def init(self):
        self.env = {
            "RESTIC_REPOSITORY": str(self.repository),
            "RESTIC_PASSWORD_FILE": str(self.place / "passphrase"),
            "RESTIC_CACHE_DIR": str(self.place / "cache")}
        return self.command("init")

    def backup(self):
        return self.command("backup", "--quiet", ".")

    def restore(self, target):
        return self.command("restore", "latest", "--quiet", "--target",
                            target / "out")

    def check(self):
        return self.command("check", "--read-data", "--quiet")

    def restored(self, target):
        return target / "out"


class Borg(Tool):
    name = "borg"
    newest_known = (1, 4)
    version_words = ("--version",)
    compression = "lz4"

    def init(self):
        self.count = 0
        self.env = {
            "BORG_REPO": str(self.repository),
            "BORG_PASSPHRASE": PASSPHRASE,
            "BORG_BASE_DIR": str(self.place / "base"),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
            "BORG_CHECK_I_KNOW_WHAT_I_AM_DOING": "YES"}
        return self.command("init", "--encryption", "repokey-blake2")

    def backup(self):
        self.count += 1
        return self.command("create", "--compression", self.compression,
                            f"::snapshot-{self.count}", ".")

    def restore(self, target):
        (target / "out").mkdir()
        return self.command("extract", f"::snapshot-{self.count}",
                            cwd=target / "out")

    def check(self):
        return self.command("check", "--verify-data")

    def restored(self, target):
        return target / "out"


class BorgZstd(Borg):
    """Borg at the level of compression that the others use."""
    name = "borg-zstd"
    compression = "zstd,3"


def find(names, place, source):
    """Return the programs of these names that are here, and those that are
    not: ([tool], [name])."""
    kinds = {k.name: k for k in (Casemate, Restic, Borg, BorgZstd)}
    here, missing = [], []
    for name in names:
        word = name.split("-")[0]
        program = os.environ.get(word.upper()) or shutil.which(word)
        if program and shutil.which(program):
            here.append(kinds[name](Path(shutil.which(program)).absolute(),
                                    place, source))
        else:
            missing.append(name)
    return here, missing
