# SPDX-License-Identifier: Apache-2.0
"""The posture, from green to red and back."""

import shutil


def posture(ws, code=None):
    found = ws.run("status", "--json", code=code).json
    assert found["schema"] == "status/1"
    return found["posture"], [r["why"] for r in found["reasons"]]


def test_status_is_red_before_the_first_backup(ws):
    colour, why = posture(ws, code=3)
    assert colour == "red" and any("no snapshot" in w for w in why)


def test_status_is_green_with_two_stores_and_the_kit_away(two_stores):
    two_stores.kit.unlink()
    two_stores.backup()
    assert posture(two_stores, code=0) == ("green", [])
    asset = two_stores.run("status", "--json").json["assets"][0]
    assert (asset["copies"], asset["media"], asset["sites"]) == (2, 2, 2)
    assert asset["files_same"] == 2


def test_status_is_amber_with_one_store(ws):
    ws.kit.unlink()
    ws.backup()
    colour, why = posture(ws, code=0)
    assert colour == "amber" and len(why) == 1 and "one store" in why[0]


def test_status_is_amber_while_a_bearer_kit_lies_there(two_stores):
    two_stores.backup()
    colour, why = posture(two_stores, code=0)
    assert colour == "amber" and "recovery kit" in why[0]


def test_a_new_file_is_unprotected_until_the_next_backup(two_stores):
    two_stores.kit.unlink()
    two_stores.backup()
    two_stores.write(new="x" * 100)
    colour, why = posture(two_stores, code=0)
    assert colour == "amber" and "1 new" in why[0]
    two_stores.backup()
    assert posture(two_stores, code=0)[0] == "green"


def test_a_restored_file_is_not_unprotected(two_stores):
    two_stores.kit.unlink()
    two_stores.backup()
    (two_stores.data / "a.csv").unlink()
    two_stores.run("restore", "data", code=0)
    assert posture(two_stores, code=0) == ("green", [])


def test_status_is_red_when_the_source_is_gone(ws):
    ws.backup()
    shutil.rmtree(ws.data)
    colour, why = posture(ws, code=3)
    assert colour == "red" and "source is missing" in why[0]


def test_status_is_red_when_most_files_are_rewritten(ws):
    ws.backup()
    ws.write(a__csv="ciphertext", b__csv="ciphertext, too")
    colour, why = posture(ws, code=3)
    assert colour == "red" and "2 of 2 files" in why[0]


def test_status_counts_every_file_of_a_directory_that_is_gone(ws):
    sub = ws.data / "sub"
    sub.mkdir()
    for i in range(20):
        (sub / str(i)).write_text(str(i))
    ws.backup()
    shutil.rmtree(sub)
    colour, why = posture(ws, code=3)
    assert colour == "red" and "20 of 22 files" in why[0]


def test_status_is_red_when_the_objective_is_exceeded(ws):
    text = (ws.dir / "casemate.yaml").read_text()
    ws.configure(text.replace("source: data",
                              "source: data, objective: {rpo: 1h}"))
    ws.backup()
    assert ws.run("status").code == 0
    later = {"CASEMATE_CLOCK": "2099-01-01T00:00:00Z"}
    done = ws.run("status", code=3, env=later)
    assert done.out.startswith("RED: data: its newest snapshot is ")
    assert "casemate backup data" in done.out


def test_status_is_red_and_no_error_when_no_store_answers(ws):
    ws.backup()
    shutil.rmtree(ws.store)
    colour, why = posture(ws, code=3)
    assert colour == "red" and '"here" is not open' in why[0]


def test_status_is_amber_when_one_of_two_stores_is_away(two_stores):
    two_stores.backup()
    shutil.move(two_stores.other, two_stores.top / "away")
    colour, why = posture(two_stores, code=0)
    assert colour == "amber" and any('"there" is not open' in w for w in why)


def test_status_without_keys_says_how_to_get_them(bare):
    done = bare.run("status", code=1)
    assert "casemate init" in done.err and "key recover" in done.err
