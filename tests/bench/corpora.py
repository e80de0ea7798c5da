#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Build the two corpora of the bench.

usage: corpora.py [DIR]

DIR/checkpoints: about 1.6 GB of what two training projects leave behind, made
from fixed seeds: safetensors and PyTorch files of float32 and bfloat16 weights,
with near-duplicates.  DIR/tree: up to 104,000 files of at most 1 MiB from this
machine's own /usr, in the order of their paths, with their links and times.
What is there already is not built again.
"""

import hashlib
import json
import os
import pickle
import random
import shutil
import stat
import struct
import subprocess
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import build

VERSION = 2
TREE_FILES = 104_000
TREE_FILE_MAX = 1 << 20
EPOCH = 1_700_000_000  # When the checkpoints claim to have been written.


@dataclass(frozen=True)
class Tensor:
    """One tensor, and how gen.c makes it."""
    name: str
    shape: tuple
    dtype: str
    seed: int
    mean: float = 0.0
    sigma: float = 0.02
    update: tuple = ()  # Seed, sigma, share that stays.

    @property
    def count(self):
        n = 1
        for d in self.shape:
            n *= d
        return n

    @property
    def size(self):
        return self.count * (2 if self.dtype == "bf16" else 4)

    def order(self):
        words = [self.dtype, self.count, self.seed, self.mean, self.sigma,
                 *self.update]
        return " ".join(map(str, words)) + "\n"

    def updated(self, seed, sigma, keep=0.0):
        return Tensor(self.name, self.shape, self.dtype, self.seed, self.mean,
                      self.sigma, (seed, sigma, keep))


class Generator:
    """A running gen.c."""

    def __init__(self):
        self.process = subprocess.Popen(
            [build.program("gen", ["-lm"])], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, bufsize=0)

    def bytes_of(self, tensor):
        self.process.stdin.write(tensor.order().encode())
        data = bytearray(tensor.size)
        view = memoryview(data)
        got = 0
        while got < len(data):
            n = self.process.stdout.readinto(view[got:])
            if not n:
                raise RuntimeError("gen stopped")
            got += n
        return data

    def close(self):
        self.process.stdin.close()
        self.process.wait()


# --- models ---------------------------------------------------------------------


def seed_of(*words):
    return int.from_bytes(
        hashlib.sha256("/".join(map(str, words)).encode()).digest()[:6], "big")


def transformer(project, dtype, hidden, inner, vocabulary, layers):
    """The tensors of a decoder, in the order in which they are saved."""
    def tensor(name, *shape, mean=0.0, sigma=None):
        seed = seed_of(project, name)
        if sigma is None:
            sigma = 0.01 + 0.03 * (seed % 1000) / 1000
        return Tensor(name, shape, dtype, seed, mean, round(sigma, 5))

    all_ = [tensor("model.embed_tokens.weight", vocabulary, hidden)]
    for i in range(layers):
        p = f"model.layers.{i}."
        all_.append(tensor(p + "input_layernorm.weight", hidden, mean=1.0))
        for which in "down", "gate", "up":
            shape = (hidden, inner) if which == "down" else (inner, hidden)
            all_.append(tensor(f"{p}mlp.{which}_proj.weight", *shape))
        all_.append(tensor(p + "post_attention_layernorm.weight", hidden,
                           mean=1.0))
        for which in "koqv":
            all_.append(tensor(f"{p}self_attn.{which}_proj.weight", hidden,
                               hidden))
    all_.append(tensor("model.norm.weight", hidden, mean=1.0))
    return all_


# --- file formats ---------------------------------------------------------------


def write_safetensors(path, tensors, gen):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for t in tensors:
        header[t.name] = {"dtype": "BF16" if t.dtype == "bf16" else "F32",
                          "shape": list(t.shape),
                          "data_offsets": [offset, offset + t.size]}
        offset += t.size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for t in tensors:
            f.write(gen.bytes_of(t))


class StoredZip:
    """A zip as torch.save() writes it: stored, each entry 64-byte aligned."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.directory = []

    def add(self, name, data):
        raw = name.encode()
        at = self.file.tell()
        crc, n = zlib.crc32(data), len(data)
        pad = -(at + 30 + len(raw) + 4) % 64
        self.file.write(struct.pack(
            "<IHHHHHIIIHH", 0x04034b50, 0, 0, 0, 0, 33, crc, n, n, len(raw),
            pad + 4) + raw + b"FB" + struct.pack("<H", pad) + b"Z" * pad)
        self.file.write(data)
        self.directory.append((raw, at, crc, n))

    def close(self):
        start = self.file.tell()
        for raw, at, crc, n in self.directory:
            self.file.write(struct.pack(
                "<IHHHHHHIIIHHHHHII", 0x02014b50, 0, 0, 0, 0, 0, 33, crc, n, n,
                len(raw), 0, 0, 0, 0, 0, at) + raw)
        size = self.file.tell() - start
        count = len(self.directory)
        self.file.write(struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, count,
                                    count, size, start, 0))
        self.file.close()


def write_torch(path, tensors, gen):
    archive = StoredZip(path)
    table = {t.name: ("storage", str(i), t.shape, t.dtype)
             for i, t in enumerate(tensors)}
    archive.add("archive/data.pkl", pickle.dumps(table, protocol=2))
    archive.add("archive/byteorder", b"little")
    for i, t in enumerate(tensors):
        archive.add(f"archive/data/{i}", gen.bytes_of(t))
    archive.add("archive/version", b"3\n")
    archive.close()


def write_texts(folder, project, step):
    """The small files that lie beside the weights."""
    rng = random.Random(seed_of(project, "texts"))
    letters = "etaoinshrdlucmfwypvbgk"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9)))
             for _ in range(20000)]
    vocabulary = {w: i for i, w in enumerate(dict.fromkeys(words))}
    (folder / "tokenizer.json").write_text(json.dumps(
        {"model": {"type": "BPE", "vocab": vocabulary,
                   "merges": [f"{w[:1]} {w[1:]}" for w in vocabulary]}},
        indent=1))
    (folder / "config.json").write_text(json.dumps(
        {"model_type": "llama", "project": project}, indent=2))
    rng = random.Random(seed_of(project, "log"))
    (folder / "trainer_state.json").write_text(json.dumps(
        {"global_step": step, "log_history": [
            {"step": s, "loss": 3 / (1 + s / 500) + rng.random() / 9}
            for s in range(0, step, 5)]}, indent=1))


# --- the corpora ----------------------------------------------------------------


def folder_of(top, name):
    folder = top / name
    folder.mkdir(parents=True)
    return folder


def small_project(top, gen):
    """A float32 model, trained on: half of it frozen, with its optimizer."""
    model = transformer("small", "f32", 768, 2048, 16000, 5)
    later = [t if i < len(model) // 2 else
             t.updated(seed_of(t.name, "later"), t.sigma / 50)
             for i, t in enumerate(model)]
    state = []
    for t in later:
        for kind, dtype, sigma in (("exp_avg", "f32", 1e-4),
                                   ("exp_avg_sq", "sq32", 1e-4)):
            state.append(Tensor(f"{t.name}.{kind}", t.shape, dtype,
                                seed_of(t.name, kind), 0.0, sigma))
    for step, tensors in (1000, model), (2000, later):
        folder = folder_of(top, f"small/checkpoint-{step}")
        write_safetensors(folder / "model.safetensors", tensors, gen)
        write_texts(folder, "small", step)
    write_torch(top / "small/checkpoint-2000/optimizer.pt", state, gen)


def large_project(top, gen):
    """A bfloat16 base model, its fine-tune, and the base once more as .pt."""
    base = transformer("large", "bf16", 1024, 2816, 32000, 9)
    tuned = [t.updated(seed_of(t.name, "tuned"), t.sigma / 20, 0.3)
             if ".layers.7." in t.name or ".layers.8." in t.name else t
             for t in base]
    for name, tensors in ("base", base), ("tuned", tuned):
        folder = folder_of(top, f"large/{name}")
        write_safetensors(folder / "model.safetensors", tensors, gen)
        write_texts(folder, "large", 3000)
    write_torch(folder_of(top, "large/export") / "pytorch_model.bin", base, gen)


def settle_times(top):
    """Give every file a time that does not depend on when it was made."""
    for i, (folder, folders, files) in enumerate(sorted(os.walk(top))):
        for n in files + folders:
            os.utime(os.path.join(folder, n), (EPOCH + i, EPOCH + i))
    os.utime(top, (EPOCH, EPOCH))


def build_checkpoints(top):
    gen = Generator()
    try:
        small_project(top, gen)
        large_project(top, gen)
    finally:
        gen.close()
    settle_times(top)


def wanted(usr):
    """The paths of /usr that the tree holds, in the order of their names."""
    files = 0
    for folder, folders, names in os.walk(usr):
        folders.sort()
        links = [n for n in folders if os.path.islink(os.path.join(folder, n))]
        for name in sorted(names + links):
            path = os.path.join(folder, name)
            st = os.lstat(path)
            if stat.S_ISLNK(st.st_mode):
                yield path, st
            elif stat.S_ISREG(st.st_mode) and st.st_size <= TREE_FILE_MAX:
                if files == TREE_FILES:
                    return
                files += 1
                yield path, st
        yield folder, os.lstat(folder)


def copy_one(path, st, target, seen):
    if stat.S_ISDIR(st.st_mode):
        os.makedirs(target, exist_ok=True)
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if stat.S_ISLNK(st.st_mode):
        os.symlink(os.readlink(path), target)
    elif st.st_nlink > 1 and (st.st_dev, st.st_ino) in seen:
        os.link(seen[st.st_dev, st.st_ino], target)
        return
    else:
        shutil.copyfile(path, target)
        seen[st.st_dev, st.st_ino] = target
    shutil.copystat(path, target, follow_symlinks=False)


def build_tree(top, usr="/usr"):
    seen, folders = {}, []
    for path, st in wanted(usr):
        target = os.path.join(top, os.path.relpath(path, usr))
        copy_one(path, st, os.path.normpath(target), seen)
        if stat.S_ISDIR(st.st_mode):
            folders.append((path, target))
    for path, target in folders:
        shutil.copystat(path, target)


BUILDERS = {"checkpoints": build_checkpoints, "tree": build_tree}


def measure(top):
    """Count a corpus: {files, bytes, folders, links}."""
    count = {"files": 0, "bytes": 0, "folders": 0, "links": 0}
    for folder, folders, names in os.walk(top):
        count["folders"] += 1
        for name in names + folders:
            st = os.lstat(os.path.join(folder, name))
            if stat.S_ISLNK(st.st_mode):
                count["links"] += 1
            elif stat.S_ISREG(st.st_mode):
                count["files"] += 1
                count["bytes"] += st.st_size
    return count


def corpus(name, where=None):
    """Return the path of a corpus, which is built if it is not there."""
    where = Path(where or build.scratch() / "corpora")
    top = where / f"{name}.v{VERSION}"
    if not top.exists():
        print(f"building {name} …", flush=True)
        half = where / f"{name}.half"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        BUILDERS[name](half)
        half.rename(top)
    return top


def main():
    where = sys.argv[1] if len(sys.argv) > 1 else None
    for name in BUILDERS:
        top = corpus(name, where)
        print(top, measure(top))


if __name__ == "__main__":
    main()
