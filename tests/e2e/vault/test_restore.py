# SPDX-License-Identifier: Apache-2.0
"""What was saved comes back as it was, and nothing else is touched."""

import os
import shutil
import socket
import stat

import pytest

from conftest import tree


def test_everything_lost_comes_back_byte_for_byte(ws):
    before = tree(ws.data)
    ws.backup()
    shutil.rmtree(ws.data)
    ws.run("restore", "data", code=0)
    assert tree(ws.data) == before


def test_a_backup_prints_ids_that_restore_takes(ws):
    first, = ws.backup()
    ws.write(a__csv="changed")
    ws.backup()
    asset, prefix = first.split("@")
    assert asset == "data" and len(prefix) >= 6
    ws.run("restore", first, "--to", ws.top / "old", code=0)
    ws.run("restore", prefix, "--to", ws.top / "older", code=0)
    assert (ws.top / "old/a.csv").read_text().startswith("1,2\n")
    assert tree(ws.top / "old") == tree(ws.top / "older")


def test_a_time_means_the_newest_snapshot_before_it(ws):
    for year in (2020, 2021):
        ws.write(a__csv=str(year))
        ws.run("backup", code=0,
               env={"CASEMATE_CLOCK": f"{year}-06-01T00:00:00Z"})
    ws.run("restore", "data@2020-12-31T00:00:00Z", "--to", ws.top / "x", code=0)
    assert (ws.top / "x/a.csv").read_text() == "2020"
    done = ws.run("restore", "data@2019-01-01T00:00:00Z", "--to", ws.top / "y",
                  "--json", code=1)
    assert done.error["code"] == "not_found"


@pytest.mark.parametrize("spec, code", [
    ("data@clean", "unsupported"),
    ("data@ffffff", "not_found"),
    ("data@abc", "invalid"),
    ("dta", "not_found"),
    ("data@", "usage"),
    ("@latest", "usage"),
])
def test_what_names_no_snapshot_is_refused(ws, spec, code):
    ws.backup()
    done = ws.run("restore", spec, "--to", ws.top / "x", "--json")
    assert done.error["code"] == code
    assert not (ws.top / "x").exists()


def test_without_in_place_what_differs_is_left_alone(ws):
    ws.backup()
    ws.write(a__csv="mine")
    (ws.data / "b.csv").unlink()
    done = ws.run("restore", "data", code=4)
    assert (ws.data / "a.csv").read_text() == "mine"
    assert (ws.data / "b.csv").read_text().startswith("3,4\n")
    assert "a.csv" in done.out and "--in-place" in done.out


def test_in_place_keeps_what_it_replaces_aside(ws):
    before = tree(ws.data)
    ws.backup()
    ws.write(a__csv="mine")
    done = ws.run("restore", "data", "--in-place", "--json", code=0).json
    assert tree(ws.data) == before
    assert done["files_displaced"] == 1
    kept = [p for p in (ws.dir / ".casemate/displaced").rglob("a.csv")]
    assert [p.read_text() for p in kept] == ["mine"]


def test_displacing_twice_keeps_both(ws):
    ws.backup()
    for text in ("first", "second"):
        ws.write(a__csv=text)
        ws.run("restore", "data", "--in-place", code=0)
    kept = {p.read_text() for p in (ws.dir / ".casemate/displaced").rglob("*")
            if p.is_file()}
    assert {"first", "second"} <= kept


def test_extra_files_move_aside_unless_told_otherwise(ws):
    ws.backup()
    ws.write(extra="mine")
    ws.run("restore", "data", "--in-place", "--keep-extra", code=0)
    assert (ws.data / "extra").exists()
    ws.run("restore", "data", "--in-place", code=0)
    assert not (ws.data / "extra").exists()
    kept = list((ws.dir / ".casemate/displaced").rglob("extra"))
    assert [p.read_text() for p in kept] == ["mine"]


def test_a_directory_that_holds_more_is_spared(ws):
    """The place of a single file is its directory: all else is not extra."""
    ws.configure((ws.dir / "casemate.yaml").read_text().replace(
        "source: data", "source: data/a.csv"))
    ws.backup()
    before = tree(ws.data)
    ws.run("restore", "data", "--in-place", code=0)
    assert tree(ws.data) == before


def test_a_dry_run_says_and_does_not(ws):
    ws.backup()
    ws.write(a__csv="mine")
    (ws.data / "b.csv").unlink()
    before = tree(ws.dir / "data")
    done = ws.run("restore", "data", "--in-place", "--dry-run", code=0)
    assert "a.csv" in done.out and "b.csv" in done.out
    assert tree(ws.dir / "data") == before


def test_to_wants_a_place_of_its_own(ws):
    ws.backup()
    taken = ws.top / "taken"
    taken.mkdir()
    (taken / "x").write_text("mine")
    assert ws.run("restore", "data", "--to", taken, "--json",
                  code=1).error["code"] == "exists"
    assert tree(taken) == tree(taken) and (taken / "x").read_text() == "mine"
    assert ws.run("restore", "data", "--to", ws.top / "n", "--in-place",
                  code=2)


def test_only_the_path_that_was_named_comes_back(ws):
    (ws.data / "sub").mkdir()
    (ws.data / "sub/c").write_text("c")
    ws.backup()
    ws.run("restore", "data", "--path", "sub", "--to", ws.top / "x", code=0)
    assert set(tree(ws.top / "x")) == {b"sub", b"sub/c"}


def test_globs_and_single_files_come_back_to_their_place(ws):
    ws.configure(f"""\
vault: {{stores: [{{name: here, url: "{ws.store}"}}]}}
assets:
  - {{name: code, kind: pipeline, source: "*.py"}}
  - {{name: node, kind: environment, source: requirements.txt}}
""")
    (ws.dir / "train.py").write_text("pass\n")
    (ws.dir / "requirements.txt").write_text("numpy\n")
    ws.backup()
    (ws.dir / "train.py").unlink()
    (ws.dir / "requirements.txt").unlink()
    ws.run("restore", "code", code=0)
    ws.run("restore", "node", code=0)
    assert (ws.dir / "train.py").read_text() == "pass\n"
    assert (ws.dir / "requirements.txt").read_text() == "numpy\n"


def test_the_workspace_itself_can_be_an_asset_without_the_vault(ws):
    ws.configure(f"""\
vault: {{stores: [{{name: here, url: "{ws.store}"}}]}}
assets: [{{name: all, kind: pipeline, source: .}}]
""")
    ws.backup()
    ws.run("restore", "all", "--to", ws.top / "x", code=0)
    assert not (ws.top / "x/.casemate").exists()
    assert (ws.top / "x/data/a.csv").exists()


def test_all_that_a_file_is_comes_back(ws):
    """Modes, times, links, holes, FIFOs, sockets, names of any bytes."""
    d = ws.data
    (d / "script").write_text("#!/bin/sh\n")
    (d / "script").chmod(0o4751)
    os.utime(d / "script", ns=(10**18 + 1, 1234567890123456789))
    os.symlink("nowhere/at all", d / "dangling")
    os.link(d / "a.csv", d / "hard")
    os.mkfifo(d / "fifo", 0o640)
    with open(d / "holes", "wb") as f:
        f.truncate(8 << 20)
        f.seek(4 << 20)
        f.write(b"island")
    for name in (b"line\nbreak", b"\xff\xfe", b"back\\slash", b" ", b"-rf"):
        with open(os.fsencode(d) + b"/" + name, "wb") as f:
            f.write(name)
    (d / "empty dir").mkdir(mode=0o700)
    before = tree(d)
    ws.backup()
    ws.run("restore", "data", "--to", ws.top / "x", code=0)
    x = ws.top / "x"
    assert tree(x) == before
    st = (x / "script").stat()
    assert stat.S_IMODE(st.st_mode) == 0o4751
    assert st.st_mtime_ns == 1234567890123456789
    assert stat.S_ISFIFO((x / "fifo").lstat().st_mode)
    assert (x / "hard").stat().st_ino == (x / "a.csv").stat().st_ino
    assert (x / "holes").stat().st_blocks * 512 < 1 << 20
    assert stat.S_IMODE((x / "empty dir").stat().st_mode) == 0o700


def test_extended_attributes_come_back(ws):
    try:
        os.setxattr(ws.data / "a.csv", "user.origin", b"lab 7\0\xff")
    except OSError:
        pytest.skip("no extended attributes here")
    ws.backup()
    ws.run("restore", "data", "--to", ws.top / "x", code=0)
    assert os.getxattr(ws.top / "x/a.csv", "user.origin") == b"lab 7\0\xff"


def test_a_socket_does_not_stop_a_backup(ws):
    name = str(ws.data / "s")
    if len(name) > 100:
        os.chdir(ws.data)
        name = "s"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(name)
        ws.backup()
    ws.run("restore", "data", "--to", ws.top / "x", code=0)
    assert (ws.top / "x/a.csv").exists()


def test_an_empty_asset_is_an_asset(ws):
    for path in ws.data.iterdir():
        path.unlink()
    ws.backup()
    shutil.rmtree(ws.data)
    ws.run("restore", "data", code=0)
    assert ws.data.is_dir() and not list(ws.data.iterdir())


def test_nothing_is_written_through_a_link_in_the_target(ws):
    (ws.data / "sub").mkdir()
    (ws.data / "sub/c").write_text("c")
    ws.backup()
    outside = ws.top / "outside"
    outside.mkdir()
    (ws.data / "sub/c").unlink()
    (ws.data / "sub").rmdir()
    (ws.data / "sub").symlink_to(outside)
    ws.run("restore", "data", "--in-place")
    assert not list(outside.iterdir())


def test_another_machine_restores_with_kit_and_store(ws):
    before = tree(ws.data)
    ws.backup()
    kit = ws.top / "kit.txt"
    shutil.move(ws.kit, kit)
    shutil.rmtree(ws.dir)
    new = ws.top / "new"
    ws.run("key", "recover", "--kit", kit, "--store", ws.store, new, cwd="/",
           code=0)
    listed = ws.run("vault", "list", "--json", cwd=new, code=0).json
    assert [s["asset"] for s in listed["snapshots"]] == ["data"]
    ws.run("restore", "data", "--to", ws.top / "x", cwd=new, code=0)
    assert tree(ws.top / "x") == before
