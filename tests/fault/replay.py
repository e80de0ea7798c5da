# SPDX-License-Identifier: Apache-2.0
"""Directories as a power loss would leave them, from a log of the shim.

usage: replay.py LOG BEFORE DEST [--at N] [--mode MODE] [--seed N]

LOG was written under CM_FAULT_RECORD; BEFORE is what Before.save() kept of the
directory when recording began ("-" if it was empty or absent).  DEST is made,
and what the program had said on stdout until then is printed.

What is modelled, and so what a program may rely on:

- The bytes and the size of a file are durable after fsync or fdatasync of that
  file; until then each page of 4 KiB that was written, and the size, may be new
  or as of the last sync, each by itself.  What was never written reads as zero.
- A name (made, linked, renamed, removed) is durable after fsync of the directory
  that it stands in.  Until then each change of a name may have happened or not,
  in any order.  A directory that has no durable name takes all below it along.
- A rename is one change: after a loss the name leads to the old file or to the
  new one, never to nothing.  It is durable when either directory is synced.
- syncfs makes everything durable.

Not modelled: attributes, times, mapped memory and bytes that stdio writes.  A
file system that syncs more than it must (as ext4 does with a new file's name)
passes where this model fails; that is intended.

Modes: `drop` loses all that was not synced, `keep` nothing (as kill -9 does),
`names` keeps all names and loses all bytes (files that exist and are empty),
`bytes` keeps bytes and loses names, `random` decides change by change.
"""

import argparse
import json
import os
import random
import sys
from dataclasses import dataclass, field
from pathlib import Path

PAGE = 4096
MODES = ("drop", "keep", "names", "bytes", "random")


@dataclass
class File:
    """Bytes as of the last sync, and what was done to them since."""
    data: bytearray = field(default_factory=bytearray)
    pending: list = field(default_factory=list)

    def synced(self):
        for op in self.pending:
            apply_bytes(self.data, op)
        self.pending.clear()

    def after_loss(self, keep, rng):
        """The bytes, where KEEP is true, false, or None for chance."""
        out = bytearray(self.data)
        sizes = [len(out)]
        for op in self.pending:
            if op[0] == "size":
                apply_bytes(out, op)
            else:
                for part in pages(op):
                    if decide(keep, rng):
                        apply_bytes(out, part)
                    else:
                        grow(out, part[1] + len(part[2]))
            sizes.append(len(out))
        # The size lags behind, or runs ahead of, the bytes.
        if keep is None:
            size = rng.choice(sizes)
            grow(out, size)
            del out[size:]
        elif not keep:
            return bytearray(self.data)
        return out


@dataclass
class Dir:
    """Names that are durable: {name: node}."""
    names: dict = field(default_factory=dict)


def grow(data, size):
    if len(data) < size:
        data.extend(bytes(size - len(data)))


def apply_bytes(data, op):
    if op[0] == "size":
        grow(data, op[1])
        del data[op[1]:]
    else:
        grow(data, op[1] + len(op[2]))
        data[op[1]:op[1] + len(op[2])] = op[2]


def pages(op):
    _, off, data = op
    while data:
        step = PAGE - off % PAGE
        yield "data", off, data[:step]
        off, data = off + step, data[step:]


def decide(keep, rng):
    return rng.random() < 0.5 if keep is None else keep


class Before:
    """What a directory held, by inode, when recording began."""

    @staticmethod
    def save(root):
        """Return it as something that json can write; None if ROOT is absent."""
        root = Path(root)
        if not root.exists():
            return None
        node = {"ino": root.stat().st_ino, "names": {}}
        for path in sorted(root.iterdir()):
            if path.is_dir() and not path.is_symlink():
                node["names"][path.name] = Before.save(path)
            elif path.is_file():
                node["names"][path.name] = {
                    "ino": path.stat().st_ino, "data": path.read_bytes().hex()}
        return node


def read_log(path):
    """[(verb, words, data)] of the records."""
    raw = Path(path).read_bytes()
    at, out = 0, []
    while at < len(raw):
        end = raw.index(b"\n", at)
        verb, *words = raw[at:end].decode("utf-8", "surrogateescape").split(" ")
        at, data = end + 1, b""
        if verb in ("data", "say"):
            size = int(words[-1])
            data = raw[at:at + size]
            at += size + 1
            # The last record of a process that was killed may be cut off.
            if len(data) < size:
                break
        out.append((verb, words, data))
    return out


class Replay:
    """Walks a log and can say at any point what a power loss would leave."""

    def __init__(self, root, before, log):
        """ROOT is the name of the directory itself, BEFORE of Before.save()."""
        self.log = log
        self.at = 0
        self.said = b""
        self.nodes = {}   # inode number: File or Dir that bears it now
        self.changes = []  # names that changed and may be lost, in order
        self.root = None
        self.name = os.path.basename(root)
        if before is not None:
            self.root = self._load(before)

    def _load(self, kept):
        if "data" in kept:
            node = File(bytearray(bytes.fromhex(kept["data"])))
        else:
            node = Dir({n: self._load(k) for n, k in kept["names"].items()})
        self.nodes[kept["ino"]] = node
        return node

    def step(self):
        """Take the next record; False at the end."""
        if self.at == len(self.log):
            return False
        verb, words, data = self.log[self.at]
        getattr(self, "_" + verb)(words, data)
        self.at += 1
        return True

    def _say(self, _words, data):
        self.said += data

    def _make(self, words, _data):
        parent, ino, kind, name = words[0], words[1], words[2], words[3]
        node = self.nodes[int(ino)] = Dir() if kind == "d" else File()
        if int(parent) not in self.nodes:
            # The directory itself, in a parent that is not watched.
            if name != self.name or kind != "d":
                raise ValueError(f"{name}: made in an unknown directory")
            self.root = node
            return
        self._change(int(parent), name, node)

    def _link(self, words, _data):
        self._change(int(words[0]), words[3], self.nodes[int(words[1])])

    def _drop(self, words, _data):
        self._change(int(words[0]), words[1], None)

    def _move(self, words, _data):
        old, new = words[4].split("/")
        node = self.nodes.get(int(words[2]))
        sides = []
        if int(words[0]):
            sides.append((self.nodes[int(words[0])], old, None))
        if int(words[1]) and node is not None:
            sides.append((self.nodes[int(words[1])], new, node))
        self.changes.append(sides)

    def _swap(self, _words, _data):
        raise ValueError("exchanges of names are not modelled")

    def _change(self, parent, name, node):
        self.changes.append([(self.nodes[parent], name, node)])

    def _data(self, words, data):
        self._file(words[0]).pending.append(("data", int(words[1]), data))

    def _size(self, words, _data):
        self._file(words[0]).pending.append(("size", int(words[1])))

    def _file(self, ino):
        node = self.nodes[int(ino)]
        if not isinstance(node, File):
            raise ValueError(f"inode {ino} is no file")
        return node

    def _sync(self, words, _data):
        node = self.nodes.get(int(words[0]))
        if isinstance(node, File):
            node.synced()
        elif node is not None:
            self._settle(lambda sides: any(s[0] is node for s in sides))

    def _settle(self, which):
        """Make the changes durable that WHICH picks, and what they build on."""
        keys, chosen = set(), []
        for sides in reversed(self.changes):
            own = {(id(parent), name) for parent, name, _ in sides}
            if which(sides) or own & keys:
                keys |= own
                chosen.append(sides)
        for sides in reversed(chosen):
            settle(sides)
        done = {id(sides) for sides in chosen}
        self.changes = [s for s in self.changes if id(s) not in done]

    def _syncall(self, _words, _data):
        self._settle(lambda _sides: True)
        for node in self.nodes.values():
            if isinstance(node, File):
                node.synced()

    def names_after_loss(self, keep, rng):
        """{id(directory): names} where they differ from what is durable."""
        out = {}
        for sides in self.changes:
            if not decide(keep, rng):
                continue
            for parent, name, node in sides:
                names = out.setdefault(id(parent), dict(parent.names))
                if node is None:
                    names.pop(name, None)
                else:
                    names[name] = node
        return out

    def build(self, dest, mode, seed=0):
        """Make DEST as a loss at this point may leave it; what was said."""
        rng = random.Random(seed)
        names = {"drop": False, "keep": True, "names": True, "bytes": False,
                 "random": None}[mode]
        data = {"drop": False, "keep": True, "names": False, "bytes": True,
                "random": None}[mode]
        changed = self.names_after_loss(names, rng)
        contents = {}

        def put(node, path):
            if isinstance(node, Dir):
                os.mkdir(path)
                here = changed.get(id(node), node.names)
                for name, child in here.items():
                    put(child, os.path.join(path, name))
                return
            # One file under two names is one file.
            if id(node) not in contents:
                contents[id(node)] = path
                with open(path, "wb") as f:
                    f.write(node.after_loss(data, rng))
            else:
                os.link(contents[id(node)], path)

        if self.root is not None:
            put(self.root, os.fspath(dest))
        return self.said.decode("utf-8", "replace").splitlines()


def settle(sides):
    for parent, name, node in sides:
        if node is None:
            parent.names.pop(name, None)
        else:
            parent.names[name] = node


def main():
    parser = argparse.ArgumentParser(prog="replay.py", description=__doc__,
                                     formatter_class=argparse
                                     .RawDescriptionHelpFormatter)
    parser.add_argument("log")
    parser.add_argument("before")
    parser.add_argument("dest")
    parser.add_argument("--name", help="the directory's own name, if it was "
                        "made while recording")
    parser.add_argument("--at", type=int, help="records to take (all)")
    parser.add_argument("--mode", choices=MODES, default="drop")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    before = None
    if args.before != "-":
        before = json.loads(Path(args.before).read_text())
    replay = Replay(args.name or args.dest, before, read_log(args.log))
    while (args.at is None or replay.at < args.at) and replay.step():
        pass
    for line in replay.build(args.dest, args.mode, args.seed):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
