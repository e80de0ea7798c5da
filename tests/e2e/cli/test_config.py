# SPDX-License-Identifier: Apache-2.0
"""A casemate.yaml that cannot be meant, as its author meets it."""

import pytest

GOOD = "vault: {stores: [{name: here, url: v}]}\n"


@pytest.mark.parametrize("text, place, words", [
    ("vaul: {}\n", "line 1, column 1", "vault"),
    (GOOD + "asets: []\n", "line 2, column 1", "assets"),
    (GOOD + "assets:\n  - {name: a, kind: modle, source: b}\n",
     "line 3, column 21", "model"),
    (GOOD + "assets:\n  - {name: a, kind: model, source: b,\n"
     "     objective: {rpo: soon}}\n", "line 4, column 23", "rpo"),
    (GOOD + "assets: [\n", "line", "column"),
    ("vault: &x {stores: *x}\n", "line 1", ""),
    (GOOD + GOOD, "line 2, column 1", ""),
    ("", "line 1", ""),
    ("\0", "line 1", ""),
    ("a: " + "[" * 100 + "]" * 100, "line 1", ""),
])
def test_a_bad_file_is_status_1_with_line_and_column(bare, text, place, words):
    bare.configure(text)
    done = bare.run("status", code=1)
    assert "casemate.yaml" in done.err
    assert place in done.err and words in done.err
    assert len(done.err.splitlines()) == 1


def test_a_file_of_two_megabytes_is_refused_at_once(bare):
    bare.configure("# " + "x" * (2 << 20))
    assert "casemate.yaml" in bare.run("status", code=1).err


def test_no_file_says_how_to_make_one(bare):
    (bare.dir / "casemate.yaml").unlink()
    done = bare.run("status", code=1, cwd="/")
    assert "casemate init" in done.err


def test_the_nearest_file_upward_counts(ws):
    deep = ws.data / "deep"
    deep.mkdir()
    found = ws.run("status", "--json", code=3, cwd=deep).json
    assert found["workspace"] == "test"


@pytest.mark.parametrize("source", [
    "sqlite:features.db", "postgresql://db/feast", "s3://bucket/x",
    "command:[pg_dump]"])
def test_a_live_source_is_refused_in_words(bare, source):
    bare.configure((bare.dir / "casemate.yaml").read_text() +
                   f'  - {{name: live, kind: dataset, source: "{source}"}}\n')
    bare.write(a="a")
    bare.init()
    assert "not in this version" in bare.run("backup", "live", code=1).err
    done = bare.run("backup", code=4)
    assert "live: not saved" in done.out and "data@" in done.out


@pytest.mark.parametrize("url", ["s3://bucket/x", "casemate://nas:8443/v"])
def test_a_store_of_a_later_version_is_refused_in_words(bare, url):
    bare.configure(f'vault: {{stores: [{{name: far, url: "{url}"}}]}}\n')
    done = bare.run("init", "--json", code=1)
    assert done.error["code"] == "unsupported"
    assert not (bare.dir / ".casemate").exists()


def test_what_has_no_effect_yet_is_told(bare):
    bare.configure((bare.dir / "casemate.yaml").read_text() +
                   "approvals: {vault.forget: 2}\n")
    bare.init()
    found = bare.run("doctor", "--json").json
    assert any("approvals" in a["found"] for a in found["answers"])
