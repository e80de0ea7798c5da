# SPDX-License-Identifier: Apache-2.0
"""What the program writes, another one reads from FORMAT.md alone."""

import base64
import json
import os
import random
import shutil
import socket
import stat
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, tree

pytest.importorskip("cryptography")
sys.path.insert(0, str(ROOT / "tests/reader"))
import read_vault as rv  # noqa: E402

MIB = 1 << 20
STRANGE = [b"two\nlines", b"no utf-8 \xff\xfe", b"-rf", b" ", b"back\\slash",
           "ümläut".encode(), b"\x01\x7f", b"...", b"n" * 255]


def read(ws, *args, store=None, keys=None, code=0):
    done = subprocess.run(
        [sys.executable, rv.__file__, "--store", store or ws.store,
         *(keys or ("--kit", ws.kit)), *args],
        capture_output=True, text=True, errors="surrogateescape", timeout=300)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def sparse(path, size, *data):
    with open(path, "wb") as f:
        for off, content in data:
            f.seek(off)
            f.write(content)
        f.truncate(size)


def safetensors(path, noise):
    """Two tensors: the finder of cuts knows this format."""
    size = 3 * MIB
    head = (b'{"a":{"dtype":"F32","shape":[%d],"data_offsets":[0,%d]},'
            b'"b":{"dtype":"F32","shape":[%d],"data_offsets":[%d,%d]}}'
            % (size // 4, size, size // 4, size, 2 * size))
    path.write_bytes(struct.pack("<Q", len(head)) + head
                     + noise.randbytes(2 * size))


def contents(top, noise):
    """Files of every length and shape that the format tells apart."""
    top.mkdir()
    for n in (0, 1, 4096, MIB // 2, MIB // 2 + 1, 3 * MIB):
        (top / f"{n}").write_bytes(noise.randbytes(n))
    (top / "text").write_text("the same line again\n" * 200000)
    (top / "copy").write_bytes((top / "text").read_bytes())
    (top / "listed").write_bytes(noise.randbytes(60 * MIB))
    safetensors(top / "model.safetensors", noise)
    sparse(top / "hole first", 5 * MIB, (4 * MIB, b"end"))
    sparse(top / "hole last", 9 * MIB, (0, noise.randbytes(2 * MIB)))
    sparse(top / "holes", 90 * MIB, (MIB, b"a" * 5000),
           (20 * MIB, noise.randbytes(9 * MIB)), (80 * MIB, b"b"))
    sparse(top / "hole only", 7 * MIB)


def names(top):
    top.mkdir()
    for i, name in enumerate(STRANGE):
        Path(os.fsdecode(os.path.join(os.fsencode(top), name))).write_text(
            str(i))
    wide = top / "wide"
    wide.mkdir()
    for i in range(3000):
        (wide / f"{i * 7919 % 3000}-{'x' * (i % 90)}").write_text(str(i))
    deep = top
    for i in range(60):
        deep = deep / f"{i}"
        deep.mkdir()
    (deep / "bottom").touch()
    (top / "nothing here").mkdir()


def links(top):
    top.mkdir()
    (top / "one").write_text("linked")
    (top / "sub").mkdir()
    os.link(top / "one", top / "sub/two")
    os.link(top / "one", top / "three")
    os.symlink("one", top / "soft")
    os.link(top / "soft", top / "soft too", follow_symlinks=False)
    os.symlink("/nowhere/at all", top / "dangling")
    os.symlink("loop", top / "loop")
    os.symlink(b"\xff\n" + b"x" * 4000, os.fsencode(top / "long"))


def others(top):
    top.mkdir()
    os.mkfifo(top / "fifo", 0o640)
    os.link(top / "fifo", top / "fifo too")
    with socket.socket(socket.AF_UNIX) as s:
        here = os.getcwd()
        os.chdir(top)
        s.bind("socket")
        os.chdir(here)
    if os.geteuid() == 0:
        try:
            os.mknod(top / "device", 0o600 | stat.S_IFCHR, os.makedev(1, 7))
            os.mknod(top / "disk", 0o600 | stat.S_IFBLK, os.makedev(7, 300))
        except PermissionError:
            pass  # A container: nobody else will have devices there.


def metadata(top):
    top.mkdir()
    unreadable = [0o000] if os.geteuid() == 0 else []
    for mode in [0o400, 0o4755, 0o2750, 0o1777, 0o666] + unreadable:
        path = top / f"{mode:o}"
        path.write_text("")
        path.chmod(mode)
        sub = top / f"dir {mode:o}"
        sub.mkdir()
        (sub / "inside").touch()
        sub.chmod(mode | 0o500)
    for year, ns in ((1912, -1826409600 * 10 ** 9 + 1), (1970, 0),
                     (2038, 2 ** 31 * 10 ** 9 + 999999999)):
        (top / f"{year}").touch()
        os.utime(top / f"{year}", ns=(ns, ns))
    if os.geteuid() == 0:
        (top / "owned").touch()
        os.chown(top / "owned", 12345, 4294967294)
        os.symlink("x", top / "owned link")
        os.chown(top / "owned link", 1, 2, follow_symlinks=False)
    try:
        for path in (top, top / "1970"):
            os.setxattr(path, "user.empty", b"")
            os.setxattr(path, "user.bytes", bytes(range(256)))
    except OSError:
        pass  # A file system without attributes.
    (top / "0").write_text("")
    os.utime(top, ns=(10 ** 18, 10 ** 18 + 1))


def nasty(top, noise):
    top.mkdir()
    contents(top / "contents", noise)
    names(top / "names")
    links(top / "links")
    others(top / "others")
    metadata(top / "metadata")


def look(path):
    st = os.lstat(path)
    found = [oct(st.st_mode), st.st_mtime_ns, st.st_uid, st.st_gid]
    if not stat.S_ISDIR(st.st_mode):
        found += [st.st_nlink, st.st_rdev, st.st_size]
    if stat.S_ISLNK(st.st_mode):
        found.append(os.readlink(path))
    elif stat.S_ISREG(st.st_mode):
        found.append(rv.sha(Path(os.fsdecode(path)).read_bytes()))
    if stat.S_ISREG(st.st_mode) or stat.S_ISDIR(st.st_mode):
        found.append([(n, os.getxattr(path, n))
                      for n in sorted(os.listxattr(path))])
    return found


def picture(top):
    """All that can be seen of a tree: {path: what it is}, and its hard links."""
    top = os.fsencode(top)
    seen, files = {b"": look(top)}, {}
    for where, dirs, names_ in os.walk(top):
        for name in dirs + names_:
            path = os.path.join(where, name)
            below = os.path.relpath(path, top)
            seen[below] = look(path)
            st = os.lstat(path)
            if st.st_nlink > 1 and not stat.S_ISDIR(st.st_mode):
                files.setdefault(st.st_ino, set()).add(below)
    return seen, sorted(map(sorted, files.values()))


def latest(ws, **options):
    return read(ws, "list", **options).stdout.splitlines()[-1].split()[0]


def test_a_nasty_tree_comes_back_byte_for_byte(bare):
    bare.init()
    nasty(bare.data / "nasty", random.Random(1))
    before = picture(bare.data)
    bare.backup()
    read(bare, "verify")
    read(bare, "restore", latest(bare), bare.top / "back")
    assert picture(bare.top / "back") == before
    for name in ("hole first", "holes", "hole only"):
        path = bare.top / "back/nasty/contents" / name
        assert path.stat().st_blocks * 512 < path.stat().st_size / 2


def test_old_and_new_snapshots_come_back_with_digests(ws):
    noise = random.Random(2)
    contents(ws.data / "contents", noise)
    ws.run("backup", "--digests", code=0)
    old, first = picture(ws.data), latest(ws)
    (ws.data / "contents/0").unlink()
    with open(ws.data / "contents/listed", "r+b") as f:
        f.seek(30 * MIB)
        f.write(noise.randbytes(1000))
    ws.run("backup", "--digests", code=0)
    assert latest(ws) != first
    read(ws, "restore", latest(ws), ws.top / "new")
    read(ws, "restore", first, ws.top / "old")
    assert picture(ws.top / "new") == picture(ws.data)
    assert picture(ws.top / "old") == old


def test_each_key_opens_what_it_should(bare):
    """The node's own key, a bearer kit, and a kit with its passphrase alone."""
    word = bare.top / "word"
    word.write_text("correct horse\n")
    bare.write(a__csv="1,2\n")
    bare.init(env={"CASEMATE_PASSPHRASE_FILE": str(word)})
    bare.backup()
    for keys in (("--node-key", bare.dir / ".casemate/node.key"),
                 ("--kit", bare.kit, "--passphrase-file", word)):
        read(bare, "verify", keys=keys)
        out = bare.top / keys[0].strip("-")
        read(bare, "restore", latest(bare, keys=keys), out, keys=keys)
        assert picture(out) == picture(bare.data)
    word.write_text("wrong horse\n")
    read(bare, "list", code=1)
    read(bare, "list", code=1,
         keys=("--kit", bare.kit, "--passphrase-file", word))


def test_a_recovered_node_goes_on_in_the_same_domain(ws):
    ws.backup()
    shutil.rmtree(ws.dir / ".casemate/cache")
    kit = ws.top / "kit.txt"
    shutil.move(ws.kit, kit)
    shutil.rmtree(ws.dir / ".casemate")
    ws.run("key", "recover", "--kit", kit, code=0)
    ws.write(c__csv="5,6\n")
    ws.backup()
    keys = ("--kit", kit)
    read(ws, "verify", keys=keys)
    assert len(read(ws, "list", keys=keys).stdout.splitlines()) == 2
    read(ws, "restore", latest(ws, keys=keys), ws.top / "back", keys=keys)
    assert picture(ws.top / "back") == picture(ws.data)


def test_each_store_alone_knows_a_recovered_node(two_stores):
    ws = two_stores
    ws.backup()
    kit = ws.top / "kit.txt"
    shutil.move(ws.kit, kit)
    shutil.rmtree(ws.dir / ".casemate")
    ws.run("key", "recover", "--kit", kit, code=0)
    ws.write(c__csv="5,6\n")
    ws.backup()
    for store in (ws.store, ws.other):
        there = {"store": store, "keys": ("--kit", kit)}
        read(ws, "verify", **there)
        out = ws.top / f"back from {store.name}"
        read(ws, "restore", latest(ws, **there), out, **there)
        assert picture(out) == picture(ws.data)


def test_who_is_enrolled_nowhere_writes_nothing(two_stores):
    ws = two_stores
    ws.backup()
    kit = ws.top / "kit.txt"
    shutil.move(ws.kit, kit)
    shutil.rmtree(ws.dir / ".casemate")
    ws.run("key", "recover", "--kit", kit, code=0)
    away = ws.top / "away"
    shutil.move(ws.store, away)
    assert "enrolled" in ws.run("backup", code=1).err
    assert len(list((ws.other / "snapshots").rglob("*/*"))) == 1


def index_rows(data, key, sizes_of):
    """Page 0 and the sections of an index object, opened."""
    pre = rv.preamble(b"caseindx", data)
    page = rv.kdf(key, pre.hash, "casemate index page v1")
    plain = [rv.unseal(page, n.to_bytes(4, "little") + bytes(8), b"",
                       data[(n + 1) * 4096:(n + 2) * 4096], f"page {n}")
             for n in range(len(data) // 4096 - 1)]
    head, at, found = rv.Cursor(plain[0]), 1, []
    for size in sizes_of(head, len(plain)):
        n = -(-size // 4080)
        found.append(b"".join(plain[at:at + n])[:size])
        at += n
    return found


def index_sizes(head, pages):
    assert head.u(4) == 1 and head.u(4) == pages == rv.padme(pages)
    entries, packs, old, blocks = head.u(8), head.u(4), head.u(4), head.u(4)
    return old * 32, packs * 40, -(-entries // 170) * 8, blocks * 64, entries * 24


def bloom_has(bloom, name):
    low, high = struct.unpack("<QQ", name)
    block = high * (len(bloom) // 64) >> 64
    bits = high * 0x9e3779b97f4a7c15 % 2 ** 64 ^ low
    return all(bloom[block * 64 + (bits >> 9 * k & 511) // 8]
               >> (bits >> 9 * k) % 8 & 1 for k in range(7))


def test_indexes_say_what_packs_say(ws):
    names(ws.data / "names")
    contents(ws.data / "contents", random.Random(3))
    ws.backup()
    vault = rv.Vault(rv.Store(ws.store), rv.Kit(ws.kit, None))
    real = set()
    for name in vault.store.list("packs"):
        pack, last, pos = rv.Pack(vault, bytes.fromhex(name)), -1, 0
        for chunk, segment, _, _ in pack.chunks:
            pos = pos + 1 if segment == last else 0
            last = segment
            real.add((chunk[:16], pack.name, len(pack.data), pack.trailer,
                      segment, pos))
    said = set()
    for name in vault.store.list("index"):
        domain, _, digest = name.partition("-")
        data = vault.store.get_named(f"index/{name}", bytes.fromhex(digest))
        key = vault.keys.domain(bytes.fromhex(domain)).index
        old, packs, fence, bloom, rows = index_rows(data, key, index_sizes)
        assert old == b""
        rows = list(struct.iter_unpack("<16sIHH", rows))
        packs = list(struct.iter_unpack("<32sII", packs))
        assert rows == sorted(rows, key=lambda r: r[0])
        assert fence == b"".join(r[0][:8] for r in rows[::170])
        assert all(bloom_has(bloom, r[0]) for r in rows)
        for prefix, pack, segment, pos in rows:
            digest, size, trailer = packs[pack]
            said.add((prefix, f"packs/{digest.hex()}", size, trailer, segment,
                      pos))
    assert said == real


def flips(data):
    """Offsets at the borders of everything, and some between."""
    marks = {0, 8, 16, 20, 24, 40, 56, 72, 88, 92, 96, 100, 108, 140, 188,
             len(data) // 3, len(data) // 2, len(data) - 97, len(data) - 65,
             len(data) - 33, len(data) - 17, len(data) - 1}
    return sorted(m for m in marks if 0 <= m < len(data))


def damage(ws):
    try:
        return rv.check(rv.Vault(rv.Store(ws.store), rv.Kit(ws.kit, None)))
    except rv.Bad as e:
        return [str(e)]


def test_a_flipped_bit_in_any_object_is_seen(ws):
    ws.backup()
    for path in ws.objects():
        if path.name == "casemate-store":
            continue
        data = path.read_bytes()
        path.chmod(0o600)
        for at in flips(data):
            bad = bytearray(data)
            bad[at] ^= 1 << at % 8
            path.write_bytes(bad)
            assert damage(ws), f"{path}: bit of byte {at}"
        path.write_bytes(data)
    assert damage(ws) == []


def test_a_statement_counts_only_in_its_place(ws):
    ws.backup()
    keys = ws.store / "keys"
    shutil.move(keys / "0", keys / "x")
    shutil.move(keys / "1", keys / "0")
    shutil.move(keys / "x", keys / "1")
    read(ws, "list", code=1)
    assert "keys/0" in ws.run("vault", "list", code=3).err


def say(ws, name, kind, body):
    """Put a document that the root has signed in the place of object NAME."""
    seed = rv.Kit(ws.kit, None).seed
    key = rv.Ed25519PrivateKey.from_private_bytes(
        rv.kdf(seed, b"", "casemate root signing v1"))
    kind, body = f"application/vnd.casemate.{kind}+json", json.dumps(body)
    sig = key.sign(f"DSSEv1 {len(kind)} {kind} {len(body)} {body}".encode())
    coded = [base64.b64encode(x).decode() for x in (body.encode(), sig)]
    path = ws.store / name
    if path.exists():
        path.chmod(0o600)
    path.write_text(
        f'{{"payload":"{coded[0]}","payloadType":"{kind}","signatures":'
        f'[{{"keyid":"{rv.key_id(rv.raw(key.public_key())).hex()}",'
        f'"sig":"{coded[1]}"}}]}}')


def descriptor(ws, **features):
    root = rv.Kit(ws.kit, None).root
    return {"format": 1, "compat": 0, "ro_compat": 0, "incompat": 0,
            "vault": rv.key_id(root)[:16].hex(), "created":
            "2026-01-01T00:00:00Z", "root": base64.b64encode(root).decode(),
            **features}


def test_what_a_newer_version_adds_is_passed_over_or_refused(ws):
    ws.backup()
    say(ws, "vault", "vault", descriptor(ws, compat=1, later="x"))
    say(ws, "keys/2", "key", {"number": 2, "kind": "person", "x": 1,
                              "since": "2026-01-01T00:00:00Z"})
    read(ws, "verify")
    ws.backup()
    assert "unknown" in ws.run("key", "list", code=0).out
    say(ws, "keys/2", "key", {"number": 2, "kind": "person", "critical": True,
                              "since": "2026-01-01T00:00:00Z"})
    read(ws, "list", code=1)
    assert "keys/2" in ws.run("vault", "list", code=1).err
    (ws.store / "keys/2").unlink()
    say(ws, "vault", "vault", descriptor(ws, incompat=1))
    read(ws, "list", code=1)
    assert "newer" in ws.run("vault", "list", code=1).err


def test_a_vault_that_may_only_be_read_is_only_read(ws):
    ws.backup()
    say(ws, "vault", "vault", descriptor(ws, ro_compat=1))
    shutil.rmtree(ws.store / "index")
    shutil.rmtree(ws.dir / ".casemate/cache")
    before = ws.objects()
    for command in (["backup"], ["vault", "prune"],
                    ["vault", "forget", "--yes", "data@latest"]):
        assert "only read" in ws.run(*command, code=1).err
    ws.run("restore", "data", "--to", ws.top / "x", code=0)
    assert picture(ws.top / "x") == picture(ws.data)
    kit = ws.top / "kit.txt"
    shutil.copy(ws.kit, kit)
    shutil.rmtree(ws.dir / ".casemate")
    ws.run("key", "recover", "--kit", kit, code=0)
    ws.run("restore", "data", "--to", ws.top / "y", code=0)
    assert picture(ws.top / "y") == picture(ws.data)
    assert ws.objects() == before


def test_a_store_on_a_read_only_disk_restores_without_its_index(commoner):
    ws = commoner
    ws.backup()
    shutil.rmtree(ws.store / "index")
    shutil.rmtree(ws.dir / ".casemate/cache")
    for path in [ws.store, *ws.store.rglob("*")]:
        path.chmod(path.stat().st_mode & 0o555)
    assert ws.run("vault", "cat", "data", "b.csv", code=0).out == "3,4\n" * 10
    ws.run("restore", "data", "--to", ws.dir / "x", code=0)
    assert tree(ws.dir / "x") == tree(ws.data)


def test_nothing_is_written_over_what_exists(ws):
    ws.backup()
    (ws.top / "there").mkdir()
    (ws.top / "there/mine").touch()
    read(ws, "restore", latest(ws), ws.top / "there", code=1)
    assert os.listdir(ws.top / "there") == ["mine"]
