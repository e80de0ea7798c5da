# SPDX-License-Identifier: Apache-2.0
"""The tour, on the example and on a workspace of one's own."""

import shutil

from conftest import ROOT, tree

EXAMPLE = ROOT / "examples/credit-risk"


def demo(bare, *args, code):
    return bare.run("demo", "--example", EXAMPLE, *args, code=code,
                    env={"TMPDIR": str(bare.top)})


def test_every_claim_of_the_tour_holds_and_nothing_is_left(bare):
    before = tree(EXAMPLE)
    found = demo(bare, "--json", code=0).json
    assert found["schema"] == "demo/1"
    assert found["broken"] == 0 and found["held"] >= 9
    assert all(c["holds"] for c in found["claims"])
    assert tree(EXAMPLE) == before
    assert not list(bare.top.glob("casemate-demo-*"))


def test_the_tour_prints_the_commands_that_it_runs(bare):
    done = demo(bare, "--keep", code=0)
    for command in ("casemate init", "casemate backup", "casemate status",
                    "casemate restore transactions --in-place",
                    "python3 train.py"):
        assert f"\n$ {command}" in done.out
    assert "\nRED: " in done.out
    kept = next(bare.top.glob("casemate-demo-*"))
    assert (kept / "credit-risk/models/scorer/model.safetensors").exists()


def test_a_claim_that_does_not_hold_is_status_3(bare):
    """A model that is never twice the same cannot be made again."""
    shutil.copytree(EXAMPLE, bare.top / "odd",
                    ignore=shutil.ignore_patterns("models", ".casemate"))
    odd = bare.top / "odd/train.py"
    odd.write_text("import os, pathlib\n"
                   "p = pathlib.Path('models/scorer')\n"
                   "p.mkdir(parents=True, exist_ok=True)\n"
                   "(p / 'model').write_bytes(os.urandom(64))\n")
    done = bare.run("demo", "--example", bare.top / "odd", code=3,
                    env={"TMPDIR": str(bare.top)})
    assert "[DOES NOT HOLD] \"scorer\"" in done.out
    assert "is left in" in done.err


def test_the_tour_refuses_what_is_no_example(bare):
    assert "casemate.yaml" in bare.run("demo", "--example", bare.data,
                                       code=1).err
