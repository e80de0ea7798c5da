# SPDX-License-Identifier: Apache-2.0
"""Making workspaces, and not unmaking them."""

import os
import stat

import pytest

from conftest import tree


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_init_makes_all_that_status_asks_for(bare):
    where = bare.top / "new"
    done = bare.run("init", where, "--json", code=0)
    assert done.json["schema"] == "init/1"
    assert done.json["kit_has_passphrase"] is False
    assert (where / "casemate.yaml").exists()
    assert mode(where / ".casemate") == 0o700
    assert mode(where / ".casemate/node.key") == 0o600
    assert mode(where / ".casemate/recovery-kit.txt") == 0o600
    assert bare.run("--workspace", where, "status", code=0)


def test_init_keeps_a_casemate_yaml_and_uses_its_stores(bare):
    before = (bare.dir / "casemate.yaml").read_text()
    bare.init()
    assert (bare.dir / "casemate.yaml").read_text() == before
    assert bare.objects()


def test_init_refuses_to_touch_a_workspace(ws):
    before = tree(ws.top)
    done = ws.run("init", code=1)
    assert "node.key" in done.err
    assert tree(ws.top) == before


def test_a_bearer_kit_is_told_loudly_even_when_quiet(bare):
    done = bare.init("--quiet")
    assert "no passphrase" in done.err
    assert "wrap: none" in bare.kit.read_text()


def test_the_passphrase_of_a_file_guards_the_kit(bare):
    secret = bare.top / "pass"
    secret.write_text("open sesame\n")
    bare.init(env={"CASEMATE_PASSPHRASE_FILE": str(secret)})
    text = bare.kit.read_text()
    assert "wrap: scrypt" in text and "open sesame" not in text


def test_the_passphrase_of_a_descriptor_guards_the_kit(bare):
    r, w = os.pipe()
    os.write(w, b"open sesame\n")
    os.close(w)
    bare.init(env={"CASEMATE_PASSPHRASE_FD": str(r)}, pass_fds=[r])
    os.close(r)
    assert "wrap: scrypt" in bare.kit.read_text()


@pytest.mark.parametrize("content", ["", "\n", "a\0b", "x" * 2000])
def test_a_bad_passphrase_leaves_nothing_behind(bare, content):
    secret = bare.top / "pass"
    secret.write_text(content)
    before = tree(bare.top)
    done = bare.run("init", code=1,
                    env={"CASEMATE_PASSPHRASE_FILE": str(secret)})
    assert "passphrase" in done.err
    assert tree(bare.top) == before


def test_a_store_that_is_taken_leaves_nothing_behind(bare):
    bare.store.mkdir()
    (bare.store / "holiday.jpg").write_bytes(b"jpg")
    before = tree(bare.top)
    done = bare.run("init", code=1)
    assert str(bare.store) in done.err
    assert tree(bare.top) == before


def test_the_kit_goes_where_it_is_told_and_replaces_nothing(bare):
    away = bare.top / "away.txt"
    away.write_text("mine")
    bare.run("init", "--kit", away, code=1)
    assert away.read_text() == "mine"
    assert not (bare.dir / ".casemate").exists()
    away.unlink()
    bare.init("--kit", away)
    assert "RECOVERY KIT" in away.read_text()
    assert not bare.kit.exists()


def test_a_node_name_is_checked(bare):
    assert "node name" in bare.run("init", "--node", "A b", code=1).err
    bare.init("--node", "gpu-7")
    assert "gpu-7" in bare.run("key", "list", code=0).out


def test_keys_stay_out_of_git(ws):
    assert (ws.dir / ".casemate/.gitignore").read_text() == "*\n"
