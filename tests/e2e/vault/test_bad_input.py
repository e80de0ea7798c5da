# SPDX-License-Identifier: Apache-2.0
"""Each bad input is one line that names the object; nothing is lost."""

import os
import shutil
import signal
import stat
import subprocess
import time

import pytest

from conftest import PROGRAM, tree


def one_line(done):
    """The one line of the error."""
    lines = [line for line in done.err.splitlines()
             if not line.startswith("casemate: warning: ")]
    assert len(lines) == 1, done.err
    return lines[0]


def test_a_wrong_passphrase_opens_nothing(bare):
    right, wrong = bare.top / "right", bare.top / "wrong"
    right.write_text("right")
    wrong.write_text("wrong")
    bare.init(env={"CASEMATE_PASSPHRASE_FILE": str(right)})
    new = bare.top / "new"
    ask = ["key", "recover", "--kit", bare.kit, "--store", bare.store, new]
    done = bare.run(*ask, "--json", code=1,
                    env={"CASEMATE_PASSPHRASE_FILE": str(wrong)})
    assert done.error["code"] == "denied"
    assert not list(new.iterdir())
    bare.run(*ask, code=0, env={"CASEMATE_PASSPHRASE_FILE": str(right)})


def test_a_guarded_kit_without_its_passphrase_says_how(bare):
    right = bare.top / "right"
    right.write_text("right")
    bare.init(env={"CASEMATE_PASSPHRASE_FILE": str(right)})
    done = bare.run("key", "recover", "--kit", bare.kit, "--store", bare.store,
                    bare.top / "new", code=1)
    assert "CASEMATE_PASSPHRASE_FILE" in one_line(done)


def test_a_mistyped_kit_is_told_from_a_wrong_passphrase(ws):
    text = ws.kit.read_text()
    at = text.index("seed: ") + 6
    ws.kit.write_text(text[:at] + ("0" if text[at] != "0" else "1") +
                      text[at + 1:])
    done = ws.run("key", "recover", "--kit", ws.kit, "--store", ws.store,
                  ws.top / "new", "--json")
    assert done.error["code"] == "corrupt"
    assert "typing error" in done.error["message"]


def test_a_directory_that_is_no_vault_is_not_opened(ws):
    ws.backup()
    shutil.rmtree(ws.store)
    ws.store.mkdir()
    done = ws.run("backup", code=1)
    assert str(ws.store) in one_line(done)
    assert not list(ws.store.iterdir())


def test_no_keys_are_one_line_with_what_to_do(ws):
    (ws.dir / ".casemate/node.key").unlink()
    assert "node.key" in one_line(ws.run("backup", code=1))


def test_keys_that_are_cut_short_are_refused(ws):
    key = ws.dir / ".casemate/node.key"
    key.write_bytes(key.read_bytes()[:-3])
    done = ws.run("backup")
    assert done.code in (1, 3)
    assert "node.key" in one_line(done)


def test_a_read_only_store_is_told_and_nothing_is_lost(commoner):
    first, = commoner.backup()
    commoner.write(a__csv="new content")
    for path in [commoner.store, *commoner.store.rglob("*")]:
        if path.is_dir():
            path.chmod(0o500)
    done = commoner.run("backup")
    assert done.code in (1, 4) and "@" not in done.out
    for path in [commoner.store, *commoner.store.rglob("*")]:
        if path.is_dir():
            path.chmod(0o700)
    commoner.run("restore", first, "--in-place", code=0)


def test_an_unreadable_file_is_named_and_the_rest_is_saved(commoner):
    (commoner.data / "a.csv").chmod(0)
    done = commoner.run("backup", code=4)
    assert "a.csv" in done.out
    commoner.run("restore", "data", "--to", commoner.top / "x")
    assert (commoner.top / "x/b.csv").exists()
    problems = commoner.run("backup", "--json", code=4).lines[0]["problems"]
    assert [p["path"] for p in problems] == ["a.csv"]


def test_a_source_that_vanished_is_no_deletion(ws):
    ws.backup()
    shutil.rmtree(ws.data)
    done = ws.run("backup", "--json", code=1)
    assert done.error["code"] == "not_found"
    listed = ws.run("vault", "list", "--json", code=0).json
    assert len(listed["snapshots"]) == 1


def test_a_loop_of_links_is_saved_as_links(ws):
    os.symlink("loop2", ws.data / "loop1")
    os.symlink("loop1", ws.data / "loop2")
    os.symlink("..", ws.data / "up")
    before = tree(ws.data)
    ws.backup()
    ws.run("restore", "data", "--to", ws.top / "x", code=0)
    assert tree(ws.top / "x") == before


def test_a_loop_as_source_is_an_error(ws):
    ws.configure((ws.dir / "casemate.yaml").read_text().replace(
        "source: data", "source: loop"))
    os.symlink("loop", ws.dir / "loop")
    assert "loop" in ws.run("backup", code=1).err


def test_a_path_of_many_levels_is_saved_or_named(ws):
    """Deeper than PATH_MAX; beyond the bound it is named, the rest saved."""
    fd = os.open(ws.data, os.O_RDONLY)
    for _ in range(600):
        os.mkdir("level-eight", dir_fd=fd)
        down = os.open("level-eight", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = down
    os.close(fd)
    done = ws.run("backup")
    assert done.code in (0, 4)
    if done.code == 4:
        assert "level-eight" in done.out
    ws.run("restore", "data", "--path", "b.csv", "--to", ws.top / "x", code=0)
    assert (ws.top / "x/b.csv").exists()


def test_a_name_with_a_newline_stays_one_line(ws):
    (ws.data / "two\nlines").write_text("x")
    ws.backup()
    assert "two\\x0alines" in ws.run("vault", "ls", "data",
                                     code=0).out.splitlines()
    paths = [line["entry"]["path"] for line in
             ws.run("vault", "ls", "data", "--json", code=0).lines]
    assert "two\\x0alines" in paths


@pytest.mark.parametrize("damage", ["flip", "cut", "grow", "empty"])
@pytest.mark.parametrize("kind", ["packs", "snapshots"])
def test_a_damaged_object_restores_nothing_wrong(ws, kind, damage):
    before = tree(ws.data)
    ws.backup()
    victims = ws.objects(kind)
    assert victims
    for path in victims:
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        raw = bytearray(path.read_bytes())
        if damage == "flip":
            raw[len(raw) // 2] ^= 4
        raw = {"cut": raw[:-1], "grow": raw + b"x", "empty": b""}.get(damage,
                                                                      raw)
        path.write_bytes(raw)
    done = ws.run("restore", "data", "--to", ws.top / "x")
    found = tree(ws.top / "x") if (ws.top / "x").exists() else {}
    assert done.code != 0 or found == before
    for name, content in found.items():
        assert content == before[name]


def test_check_names_what_a_flipped_bit_hurts(ws):
    snapshot, = ws.backup()
    pack = ws.objects("packs")[0]
    pack.chmod(0o600)
    raw = bytearray(pack.read_bytes())
    raw[len(raw) // 2] ^= 1
    pack.write_bytes(raw)
    done = ws.run("check", "--read-data", "--json", code=3).json
    assert done["verdict"] == "damaged" and done["bad"] >= 1
    bad = [f for f in done["findings"] if not f["benign"]]
    assert any(pack.name in f["object"] for f in bad)
    hurt = [h for f in bad for h in f["hurts"]]
    assert any(h.startswith(snapshot) for h in hurt)


def test_a_signal_stops_a_backup_and_the_vault_is_whole(ws):
    big = ws.data / "big"
    big.mkdir()
    for i in range(64):
        (big / str(i)).write_bytes(os.urandom(1 << 20))
    proc = subprocess.Popen([PROGRAM, "backup", "--limit-read", "16M"],
                            cwd=ws.dir, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    while not ws.objects("packs") and proc.poll() is None:
        time.sleep(0.01)
    proc.send_signal(signal.SIGINT)
    out, _ = proc.communicate(timeout=60)
    assert proc.returncode == 1 and "@" not in out
    shutil.rmtree(big)
    ws.backup()
    ws.run("check", "--read-data", code=0)
