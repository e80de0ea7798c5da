#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a small change to something large writes.

usage: million.py DIR

One changed file among a million in one directory may write 1 MB of new objects;
one changed tensor in a safetensors file of 2 GB little more than the tensor.
Says what it was, and fails where it was more.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True

import backups
import build
import corpora
import machine
import steps

FILES = 1_000_000
FILES_BYTES_MAX = 1_000_000
TENSOR = (2048, 2048)
TENSORS = 120  # 2.0 GB of float32.
TENSOR_SHARE_MAX = 1.05


def casemate(place, source):
    program = os.environ.get("CASEMATE") or str(build.ROOT / "build/casemate")
    tool = backups.Casemate(Path(program), place, source)
    tool.clean()
    steps.plain(tool.init())
    return tool


def backed_up(tool):
    """Back up; return what it took and by how much the repository grew."""
    before = tool.size()
    time.sleep(steps.SETTLE_SECONDS)
    took = steps.timed(tool.backup(), "first")
    took["report"] = json.loads(took.pop("output").decode().splitlines()[-1])
    took["grown"] = tool.size() - before
    return took


def say(what, first, second, bound):
    held = second["grown"] <= bound
    print(f"{what}: {second['grown']:,} bytes of new objects"
          f" ({'held' if held else 'MISSED'}: at most {bound:,.0f}), in"
          f" {second['wall_s']:.2f} s and {second['cpu_s']:.2f} s of CPU, at"
          f" most {second['peak_bytes'] >> 20} MiB; the first backup took"
          f" {first['wall_s']:.1f} s, {first['cpu_s']:.1f} s of CPU,"
          f" {first['peak_bytes'] >> 20} MiB and wrote {first['grown']:,} bytes",
          flush=True)
    return held


def one_file(scratch):
    with machine.fresh(scratch, 3 << 30, FILES + 10_000, "-O",
                       "inline_data") as top:
        source = top / "source"
        source.mkdir()
        folder = os.open(source, os.O_RDONLY | os.O_DIRECTORY)
        for i in range(FILES):
            fd = os.open(f"sample-{i:07}.txt", os.O_WRONLY | os.O_CREAT, 0o644,
                         dir_fd=folder)
            os.write(fd, b"label %d\n" % i)
            os.close(fd)
        os.close(folder)
        tool = casemate(scratch / "million", source)
        first = backed_up(tool)
        (source / f"sample-{FILES // 3:07}.txt").write_text("another\n")
        second = backed_up(tool)
        shutil.rmtree(tool.place)
    if second["report"]["files_changed"] != 1:
        raise steps.Failure("not one changed file, but "
                            f"{second['report']['files_changed']}")
    return say(f"one changed file among {FILES:,} in one directory", first,
               second, FILES_BYTES_MAX)


def one_tensor(scratch):
    source = scratch / "tensor"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    tensors = [corpora.Tensor(f"layer.{i}.weight", TENSOR, "f32",
                              corpora.seed_of("tensor", i))
               for i in range(TENSORS)]
    gen = corpora.Generator()
    path = source / "model.safetensors"
    corpora.write_safetensors(path, tensors, gen)
    tool = casemate(scratch / "one-tensor", source)
    first = backed_up(tool)
    tensors[50] = tensors[50].updated(7, 0.001)
    corpora.write_safetensors(path, tensors, gen)
    gen.close()
    second = backed_up(tool)
    shutil.rmtree(tool.place)
    shutil.rmtree(source)
    size = tensors[50].size
    return say(f"one changed tensor of {size:,} bytes in a safetensors file of "
               f"{size * TENSORS:,}", first, second, size * TENSOR_SHARE_MAX)


def main():
    scratch = Path(sys.argv[1]) if len(sys.argv) > 1 else build.scratch()
    held = one_tensor(scratch)
    held = one_file(scratch) and held
    return 0 if held else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except steps.Failure as why:
        print(f"million: {why}", file=sys.stderr)
        sys.exit(1)
