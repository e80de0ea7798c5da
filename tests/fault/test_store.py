# SPDX-License-Identifier: Apache-2.0
"""The directory store, when everything that can fail does, one by one.

After each fault a run without faults must find every object whole, all that
was acknowledged there, and all that was deleted gone; and the broken-off work
can be done again.
"""

import shutil

import pytest

import replay
from harness import FULL, Wrong, check_sane, losses, picks, said

SIZE = 20000

# What is done to a store: (objects that it has before, words of the driver).
SCENARIOS = {
    "create": (None, ["put", 0, 4, SIZE]),
    "put": (3, ["put", 3, 4, SIZE]),
    "put-large": (3, ["put", 3, 2, 3 << 20]),
    "put-again": (4, ["put", 2, 4, SIZE]),
    "replace": (3, ["replace", 1, 4, SIZE]),
    "delete": (6, ["delete", 1, 4, SIZE]),
    "check": (6, ["check"]),
}

FAULTS = ["alloc:{}", "write:{}:ENOSPC", "write:{}:EIO", "write:{}:short",
          "sync:{}:EIO", "name:{}:EIO", "name:{}:ENOSPC", "name:{}+:EPERM",
          "unlink:{}:EIO", "read:{}:EIO", "kill:{}", "tear:{}"]


def base_store(tools, path, objects):
    if objects is not None:
        done = tools.run([tools.driver, path, "put", 0, objects, SIZE])
        assert done.code == 0, done.err


def check(tools, store, acked, gone=()):
    """Without faults the store is whole and has what it said it has."""
    done = tools.run([tools.driver, store, "check"])
    if done.code != 0:
        # A create that never came to its end acknowledged nothing.
        if acked:
            raise Wrong(f"lost all of {sorted(acked)}: {done.err}")
        return set()
    has = said(done, "has")
    if not acked <= has:
        raise Wrong(f"lost {sorted(acked - has)}")
    if has & set(gone):
        raise Wrong(f"deleted and there: {sorted(has & set(gone))}")
    return has


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_keeps_what_it_acknowledged_whatever_fails(tools, tmp_path, scenario,
                                                   fault):
    objects, words = SCENARIOS[scenario]
    base, store = tmp_path / "base", tmp_path / "s"
    base_store(tools, base, objects)
    had = said(tools.run([tools.driver, base, "check"]), "has") if objects \
        else set()

    def fresh():
        shutil.rmtree(store, ignore_errors=True)
        if objects is not None:
            shutil.copytree(base, store)

    fresh()
    counts = tools.counts([tools.driver, store, *words], under=store)
    kind = fault.split(":")[0]
    total = counts["op" if kind in ("kill", "tear") else kind]
    for n in picks(total, 4):
        fresh()
        plan = fault.format(n)
        done = tools.run([tools.driver, store, *words], under=store,
                         fault=plan)
        check_sane(done, plan)
        touched = said(done, "deleting")
        check(tools, store, (had - touched) | said(done, "put"),
              said(done, "deleted"))

        # The user runs it again.
        done = tools.run([tools.driver, store, *words])
        assert done.code == 0, f"after {plan}: {done.err}"
        check(tools, store, (had - said(done, "deleted")) | said(done, "put"),
              said(done, "deleted"))


def test_leaves_nothing_in_tmp_when_the_disk_is_full(tools, tmp_path):
    store = tmp_path / "s"
    base_store(tools, store, 3)
    done = tools.run([tools.driver, store, "put", 3, 2, SIZE], under=store,
                     fault="write:1+:ENOSPC")
    assert done.code == 1
    assert "no_space: store 'driven': 'keys/3'" in done.err
    assert list((store / "tmp").iterdir()) == []


def test_puts_where_links_do_not_exist(tools, tmp_path):
    store = tmp_path / "s"
    base_store(tools, store, 3)
    done = tools.run([tools.driver, store, "check"])
    before = replay.Before.save(store)
    log = tmp_path / "log"

    # Every link is refused; renames, made after them, are not.
    for n in (1, 3, 5, 7, 9, 11):
        done = tools.run([tools.driver, store, "put", n, 1, SIZE],
                         under=store, fault="link:1+:EPERM", record=log)
        assert done.code == 0, done.err
    assert list((store / "tmp").iterdir()) == []
    loss(tools, tmp_path, before, log, {"keys/0"})


def loss(tools, tmp_path, before, log, had, short=25, check_gone=True):
    """Lose power at points of a recorded run, and look at what is left."""
    image = tmp_path / "image"
    tried = 0
    for walk, mode, seed in losses("s", before, log, short, 8 if FULL else 2):
        shutil.rmtree(image, ignore_errors=True)
        lines = walk.build(image, mode, seed)
        touched = said(lines, "deleting")
        acked = (had | said(lines, "put") | said(lines, "has")) - touched
        try:
            check(tools, image, acked,
                  said(lines, "deleted") if check_gone else ())
        except Wrong as wrong:
            raise Wrong(f"record {walk.at}, {mode} {seed}: {wrong}") from None
        tried += 1
    assert tried > 0


@pytest.mark.parametrize("scenario", sorted(set(SCENARIOS) - {"check"}))
def test_keeps_what_it_acknowledged_over_a_power_loss(tools, tmp_path,
                                                      scenario):
    objects, words = SCENARIOS[scenario]
    store, log = tmp_path / "s", tmp_path / "log"
    base_store(tools, store, objects)
    had = said(tools.run([tools.driver, store, "check"]), "has")
    before = replay.Before.save(store)
    done = tools.run([tools.driver, store, *words], under=store, record=log)
    assert done.code == 0, done.err
    loss(tools, tmp_path, before, log, had)


@pytest.mark.parametrize("second", (["check"], ["put", 3, 4, SIZE],
                                    ["put", 5, 1, SIZE]))
def test_a_second_process_relies_on_nothing_that_a_killed_one_left_unsynced(
        tools, tmp_path, second):
    """What it lists, or finds stored already, survives a loss right then."""
    base, store, log = tmp_path / "base", tmp_path / "s", tmp_path / "log"
    words = [tools.driver, store, "put", 3, 4, SIZE]
    base_store(tools, base, 3)
    shutil.copytree(base, store)
    total = tools.counts(words, under=store)["op"]
    for n in picks(total, 16):
        shutil.rmtree(store)
        shutil.copytree(base, store)
        log.unlink(missing_ok=True)
        before = replay.Before.save(store)
        tools.run(words, under=store, fault=f"kill:{n}", record=log)
        done = tools.run([tools.driver, store, *second], under=store,
                         record=log)
        assert done.code == 0, done.err
        walk = replay.Replay("s", before, replay.read_log(log))
        while walk.step():
            pass
        image = tmp_path / "image"
        shutil.rmtree(image, ignore_errors=True)
        lines = walk.build(image, "drop")
        check(tools, image, said(lines, "put") | said(lines, "has"))


@pytest.mark.parametrize("what", ("files", "directories"))
def test_a_store_that_did_not_sync_would_be_caught(tools, tmp_path, what):
    """The replay is worth something: without these syncs it finds a loss."""
    store, log = tmp_path / "s", tmp_path / "log"
    base_store(tools, store, 3)
    before = replay.Before.save(store)
    done = tools.run([tools.driver, store, "put", 3, 4, SIZE], under=store,
                     record=log)
    assert done.code == 0
    walk = replay.Replay("s", before, replay.read_log(log))
    unwanted = replay.File if what == "files" else replay.Dir
    kept, walk_to_end = [], walk.log
    for verb, words, data in walk_to_end:
        node = walk.nodes.get(int(words[0])) if verb == "sync" else None
        if not isinstance(node, unwanted):
            kept.append((verb, words, data))
        walk.step()
    bad = replay.Replay("s", before, kept)
    while bad.step():
        pass
    lines = bad.build(tmp_path / "image", "drop")
    with pytest.raises(Wrong):
        check(tools, tmp_path / "image", said(lines, "put"))
