# SPDX-License-Identifier: Apache-2.0
"""What is missing or weak, and why it matters."""

import shutil


def answers(done):
    return {a["name"]: a for a in done.json["answers"]}


def test_doctor_works_without_a_workspace(bare):
    found = answers(bare.run("doctor", "--json", cwd="/"))
    assert found["workspace"]["state"] == "weak"
    assert found["OpenSSL"]["found"].startswith("OpenSSL")
    assert {"kernel", "openat2", "seccomp", "post-quantum", "/dev/fuse"} <= set(
        found)


def test_doctor_says_why_for_all_that_is_not_fine(ws):
    for a in ws.run("doctor", "--json", code=0).json["answers"]:
        assert (a["why"] is None) == (a["state"] == "ok"), a


def test_doctor_finds_the_bearer_kit_and_the_single_store(ws):
    found = answers(ws.run("doctor", "--json", code=0))
    assert "without a passphrase" in found["recovery kit"]["found"]
    assert found["copies"]["state"] == "weak"
    assert found["store here"]["state"] == "ok"


def test_doctor_is_status_3_when_a_store_is_gone(ws):
    shutil.rmtree(ws.store)
    found = answers(ws.run("doctor", "--json", code=3))
    assert found["store here"]["state"] == "missing"


def test_doctor_refuses_to_rebuild_what_is_not_there(ws):
    assert "not in this version" in ws.run("doctor", "--rebuild", code=1).err
