# SPDX-License-Identifier: Apache-2.0
"""Listing, looking, comparing, forgetting, collecting; several stores."""

import json
import os
import shutil
import subprocess
import time

import pytest

from conftest import PROGRAM, tree


def snapshots(ws, *args):
    return ws.run("vault", "list", *args, "--json", code=0).json["snapshots"]


def at(ws, when, text):
    """A backup as if it were ${when}; its id."""
    ws.write(a__csv=text)
    done = ws.run("backup", code=0, env={"CASEMATE_CLOCK": when})
    return done.out.split()[0]


def test_list_and_show_agree(ws):
    ws.backup()
    ws.write(a__csv="changed")
    ws.backup()
    first, second = snapshots(ws, "data")
    assert first["finished"] <= second["finished"]
    shown = ws.run("vault", "show", "data", "--json", code=0).json
    assert shown["id"] == second["id"] and shown["previous"] == first["id"]
    assert shown["sequence"] == 2 and shown["files"] == 2
    assert snapshots(ws, "nothing") == []


def test_ls_tells_what_ls_tells(ws):
    (ws.data / "sub").mkdir()
    (ws.data / "sub/c").write_text("ccc")
    (ws.data / "a.csv").chmod(0o640)
    ws.backup()
    assert ws.run("vault", "ls", "data", code=0).out.split() == [
        "a.csv", "b.csv", "sub/"]
    assert "sub/c" in ws.run("vault", "ls", "data", "-R", code=0).out.split()
    line = ws.run("vault", "ls", "data", "a.csv", "--long", code=0).out
    assert line.startswith("-rw-r----- ") and " 4000 " in line
    entry = ws.run("vault", "ls", "data", "sub/c", "--json",
                   code=0).lines[0]["entry"]
    assert entry["type"] == "file" and entry["size_bytes"] == 3
    assert ws.run("vault", "ls", "data", "no", "--json",
                  code=1).error["code"] == "not_found"


def test_cat_gives_the_bytes(ws):
    ws.backup()
    out = subprocess.run([PROGRAM, "vault", "cat", "data", "a.csv"],
                         cwd=ws.dir, capture_output=True, check=True).stdout
    assert out == (ws.data / "a.csv").read_bytes()


def test_diff_tells_added_removed_changed_and_touched(ws):
    (ws.data / "old").write_text("old")
    (ws.data / "kind").write_text("file")
    a, = ws.backup()
    (ws.data / "old").unlink()
    (ws.data / "new").write_text("new")
    (ws.data / "kind").unlink()
    (ws.data / "kind").symlink_to("a.csv")
    (ws.data / "b.csv").chmod(0o600)
    ws.write(a__csv="other")
    b, = ws.backup()
    out = ws.run("vault", "diff", a, b, code=0).out.splitlines()
    assert {"- old", "+ new", "T kind", "m b.csv", "M a.csv"} <= set(out)
    lines = ws.run("vault", "diff", a, b, "old", "--json", code=0).lines
    assert [x["change"] for x in lines] == ["removed"]
    assert lines[0]["after"] is None
    assert ws.run("vault", "diff", a, a, code=0).out == ""


def test_forget_says_first_and_does_with_yes(ws):
    for day in range(1, 6):
        at(ws, f"2020-01-0{day}T00:00:00Z", str(day))
    plan = ws.run("vault", "forget", "data", "--keep-daily", "2", "--json",
                  code=0).json
    assert plan["dry_run"] and plan["forgotten"] == 3
    assert len(snapshots(ws)) == 5
    ws.run("vault", "forget", "data", "--keep-daily", "2", "--yes", code=0)
    assert [s["finished"][:10] for s in snapshots(ws)] == ["2020-01-04",
                                                           "2020-01-05"]


def test_forget_takes_the_policy_of_casemate_yaml(ws):
    text = (ws.dir / "casemate.yaml").read_text()
    for day in range(1, 4):
        at(ws, f"2020-01-0{day}T00:00:00Z", str(day))
    assert "keep" in ws.run("vault", "forget", "--all", "--yes", code=1).err
    ws.configure(text.replace("assets:", "  keep: {last: 1}\nassets:"))
    ws.run("vault", "forget", "--all", "--yes", code=0)
    assert len(snapshots(ws)) == 1


def test_forget_takes_names_of_snapshots(ws):
    first = at(ws, "2020-01-01T00:00:00Z", "1")
    at(ws, "2020-01-02T00:00:00Z", "2")
    ws.run("vault", "forget", first, "--yes", code=0)
    assert [s["finished"][:10] for s in snapshots(ws)] == ["2020-01-02"]


@pytest.mark.parametrize("args, code", [
    ([], 2), (["--all", "data"], 2), (["dta"], 1), (["data@ffffff"], 1),
    (["data", "--keep-last", "0"], 1)])
def test_forget_refuses_what_is_unclear(ws, args, code):
    ws.backup()
    ws.run("vault", "forget", *args, "--yes", code=code)
    assert len(snapshots(ws)) == 1


def test_prune_frees_what_forget_let_go_and_no_more(ws):
    (ws.data / "b.csv").unlink()
    ws.write(a__csv=os.urandom(3 << 20))
    first, = ws.backup()
    ws.write(a__csv=os.urandom(3 << 20))
    ws.backup()
    before, size = tree(ws.data), sum(
        p.stat().st_size for p in ws.objects())
    ws.run("vault", "forget", first, "--yes", code=0)
    dry = ws.run("vault", "prune", "--dry-run", "--json", code=0).json
    assert dry["dry_run"] and dry["packs_deleted"] >= 1
    assert sum(p.stat().st_size for p in ws.objects("packs")) > 6 << 20
    ws.run("vault", "prune", code=0)
    assert sum(p.stat().st_size for p in ws.objects()) < size - (2 << 20)
    ws.run("check", "--read-data", code=0)
    ws.run("restore", "data", "--to", ws.top / "x", code=0)
    assert tree(ws.top / "x") == before


def test_both_stores_hold_the_same_and_either_is_enough(two_stores):
    before = tree(two_stores.data)
    done = two_stores.run("backup", "--json", code=0).lines[0]
    assert [s["holds"] for s in done["stores"]] == [True, True]
    shutil.rmtree(two_stores.store)
    two_stores.run("restore", "data", "--to", two_stores.top / "x", code=0)
    assert tree(two_stores.top / "x") == before


def test_a_store_that_is_away_is_named_and_the_status_is_4(two_stores):
    shutil.move(two_stores.other, two_stores.top / "away")
    done = two_stores.run("backup", code=4)
    assert "there" in done.out and "data@" in done.out
    assert not two_stores.other.exists()


def test_a_flipped_bit_in_one_store_is_read_from_the_other(two_stores):
    before = tree(two_stores.data)
    two_stores.backup()
    for pack in two_stores.objects("packs"):
        pack.chmod(0o600)
        raw = bytearray(pack.read_bytes())
        raw[len(raw) // 2] ^= 1
        pack.write_bytes(raw)
    two_stores.run("restore", "data", "--to", two_stores.top / "x", code=0)
    assert tree(two_stores.top / "x") == before


def test_stats_count_both_stores(two_stores):
    two_stores.backup()
    found = two_stores.run("vault", "stats", "--json", code=0).json
    assert [s["snapshots"] for s in found["stores"]] == [1, 1]
    assert found["stores"][0]["packs"] == found["stores"][1]["packs"] > 0


def test_check_is_clean_after_a_backup_and_notes_what_it_proved(ws):
    ws.backup()
    first = ws.run("check", "--read-data", "--json", code=0).json
    assert first["verdict"] == "clean" and first["packs"] >= 1
    assert ws.run("vault", "check", "--json", code=0).json["schema"] == \
        "vault.check/1"
    assert ws.run("check", "--sample", "5%", code=2)
    assert "not in this version" in ws.run("check", "--restore", code=1).err


def test_patterns_and_tags_leave_things_out(ws):
    (ws.data / ".casemateignore").write_text("*.tmp\n!keep.tmp\n/top\n")
    for name in ("x.tmp", "keep.tmp", "top", "y.log"):
        (ws.data / name).write_text(name)
    cache = ws.data / "cache"
    cache.mkdir()
    (cache / "CACHEDIR.TAG").write_text(
        "Signature: 8a477f597d28d172789f06886806bc55\n")
    (cache / "blob").write_text("blob")
    ws.backup("--exclude", "*.log")
    ws.run("restore", "data", "--to", ws.top / "x", code=0)
    found = {n.decode() for n in tree(ws.top / "x")}
    assert {"keep.tmp", "a.csv"} <= found
    assert not {"x.tmp", "top", "y.log", "cache/blob"} & found


def test_mount_shows_the_files_read_only(ws):
    if not os.access("/dev/fuse", os.W_OK) or not shutil.which("fusermount3"):
        pytest.skip("no FUSE here")
    ws.backup()
    where = ws.top / "mnt"
    where.mkdir()
    proc = subprocess.Popen([PROGRAM, "vault", "mount", where, "--json"],
                            cwd=ws.dir, text=True, stdout=subprocess.PIPE)
    try:
        assert json.loads(proc.stdout.readline())["mounted"] == str(where)
        snapshot = next((where / "data").iterdir())
        assert tree(snapshot) == tree(ws.data)
        with pytest.raises(OSError):
            (snapshot / "new").write_text("x")
    finally:
        subprocess.run(["fusermount3", "-u", where], check=False)
        try:
            proc.wait(timeout=20)
        except subprocess.TimeoutExpired:
            proc.kill()
            raise
    assert proc.returncode == 0


def test_backups_and_a_prune_may_run_at_once(ws):
    """Each with keys of its own would be several nodes; one node will do."""
    ws.write(a__csv=os.urandom(2 << 20))
    first, = ws.backup()
    procs = [subprocess.Popen([PROGRAM, *args], cwd=ws.dir,
                              stdout=subprocess.DEVNULL)
             for args in (["backup"], ["backup", "--rehash"],
                          ["vault", "prune"], ["check", "--read-data"])]
    deadline = time.monotonic() + 100
    for proc in procs:
        assert proc.wait(timeout=deadline - time.monotonic()) == 0
    assert len(snapshots(ws)) == 3
    ws.run("check", "--read-data", "--fresh", code=0)
    ws.run("restore", first, "--to", ws.top / "x", code=0)
