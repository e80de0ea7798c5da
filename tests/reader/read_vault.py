#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A reader of vaults, made from src/vault/FORMAT.md alone.

usage: read_vault.py --store DIR (--node-key FILE | --kit FILE
           [--passphrase-file FILE]) (list | restore SNAPSHOT DEST | verify)

list     print id, time, node and asset of each snapshot that the keys open
restore  write a snapshot (an id, or six digits of one) into the new directory
         DEST; nothing is written that was not checked
verify   check every object, every byte of every pack, and every file

It shares nothing with the program that it reads after: only Python, its package
cryptography, and zstandard or the program zstd.  It needs no index.  Exit status:
0 all is well, 1 it is not; 2 usage.
"""

import argparse
import base64
import functools
import hashlib
import hmac
import json
import math
import os
import re
import stat
import subprocess
import sys
from collections import namedtuple
from datetime import datetime, timezone

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey, Ed25519PublicKey)
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey, X25519PublicKey)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

try:
    import zstandard
except ImportError:
    zstandard = None

PACK_MAX, OBJECT_MAX, CHUNK_MAX = 32 << 20, 64 << 20, 8 << 20
NODE_MAX, DEPTH_MAX = 1310784, 16
FILE, DIR, LINK, FIFO, CHAR, BLOCK, SOCKET = range(1, 8)
UNREADABLE, LINKED, HAS_SHA, LISTED = 2, 4, 8, 16
ENVELOPE, PENDING, CONDEMNED = 1, 2, 3


class Bad(Exception):
    """Something is not as FORMAT.md says."""


class Locked(Exception):
    """We have no key for it."""


def need(true, what):
    if not true:
        raise Bad(what)


# --- bytes ------------------------------------------------------------------

class Cursor:
    """Bytes to read from, and no further than their end."""

    def __init__(self, data):
        self.data, self.at = data, 0

    @property
    def left(self):
        return len(self.data) - self.at

    def take(self, n):
        need(n <= self.left, "cut off")
        self.at += n
        return self.data[self.at - n:self.at]

    def u(self, size):
        return int.from_bytes(self.take(size), "little")

    def varint(self, below=1 << 64):
        value = shift = 0
        while (byte := self.u(1)) & 0x80:
            value |= (byte & 0x7f) << shift
            shift += 7
        value |= byte << shift
        need((byte or not shift) and value < below, "a number too long")
        return value

    def end(self):
        need(not self.left, "more than expected")


def items(data, what, known):
    """{type: value} of the items of a body: ascending, once each."""
    cur, found, last = Cursor(data), {}, 0
    while cur.left:
        kind, value = cur.u(2), cur.take(cur.u(4))
        need(kind & 0x7fff > last, f"{what}: items out of order")
        need(kind in known or kind < 0x8000, f"{what}: of a newer format")
        last = kind & 0x7fff
        found[kind] = value
    return found


def sha(data):
    return hashlib.sha256(data).digest()


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def kdf(key, salt, info):
    return HKDF(hashes.SHA256(), 32, salt, info.encode()).derive(key)


def unseal(key, nonce, ad, sealed, what):
    try:
        return AESGCM(key).decrypt(nonce, sealed, ad)
    except (InvalidTag, ValueError):
        raise Bad(f"{what}: its tag does not hold") from None


def padme(n):
    e = n.bit_length() - 1
    unit = 1 << max(0, e - e.bit_length())
    return -(-n // unit) * unit


def unzstd(coded, size):
    """At most SIZE + 1 bytes of what was coded."""
    if zstandard is None:
        with subprocess.Popen(["zstd", "-dcq"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as p:
            return p.communicate(coded)[0]
    try:
        return zstandard.ZstdDecompressor().stream_reader(
            coded, read_across_frames=True).read(size + 1)
    except zstandard.ZstdError:
        return b""


# --- keys and signatures ----------------------------------------------------

def b64(coded):
    """Base64 in its one spelling."""
    try:
        plain = base64.b64decode(coded, validate=True)
    except ValueError:
        raise Bad("not base64") from None
    need(base64.b64encode(plain).decode() == coded, "a second spelling")
    return plain


def raw(public):
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id(public):
    return sha(b"ed25519\0" + public)


def verify(public, kind, body, signature, what):
    pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, pae)
    except (InvalidSignature, ValueError):
        raise Bad(f"{what}: its signature does not hold") from None


def dsse(public, kind, data, what):
    """The JSON inside of an envelope, whose spelling is fixed."""
    found = re.fullmatch(
        r'\{"payload":"([^"]*)","payloadType":"([^"]*)","signatures":'
        r'\[\{"keyid":"([0-9a-f]{64})","sig":"([^"]*)"\}\]\}',
        data.decode("latin-1"))
    need(found and found[2] == kind.decode(), f"{what}: not a signed document")
    need(found[3] == key_id(public).hex(), f"{what}: not by the root")
    body = b64(found[1])
    verify(public, kind, body, b64(found[4]), what)
    return json.loads(body)


def box_open(private, label, box, what):
    """What was sealed to an X25519 key; see src/crypto/FORMAT.md."""
    need(len(box) == 80 and int.from_bytes(box[:32], "little") < 2 ** 255 - 19,
         f"{what}: not a box")
    try:
        shared = private.exchange(X25519PublicKey.from_public_bytes(box[:32]))
    except ValueError:
        raise Bad(f"{what}: a point of low order") from None
    key = kdf(shared, box[:32] + raw(private.public_key()), label)
    return unseal(key, bytes(12), label.encode(), box[32:], what)


class Domain:
    def __init__(self, key):
        self.naming = kdf(key, b"", "casemate chunk name v1")
        self.trailer = kdf(key, b"", "casemate pack trailer v1")
        self.index = kdf(key, b"", "casemate index v1")
        self.pseudonym = kdf(key, b"", "casemate asset pseudonym v1")


class NodeKey:
    """What a node file opens: its own domain, and what the node sealed."""

    def __init__(self, path):
        with open(path, "rb") as f:
            node = json.load(f)
        need(node["format"] == 1, "a node key of a newer format")
        self.root = b64(node["root"])
        self.read = b64(node.get("read", ""))
        self.domains = {bytes.fromhex(node["domain"]):
                        Domain(b64(node["domain_key"]))}

    def domain(self, name):
        return self.domains.get(name)

    def slot_key(self, kind, _epoch):
        return self.read if kind == 2 and self.read else None


class Kit:
    """What a recovery kit opens: everything."""

    def __init__(self, path, passphrase_file):
        with open(path, encoding="utf-8", errors="replace") as f:
            kit = re.search(r"-----BEGIN CASEMATE RECOVERY KIT-----[^\n]*\n"
                            r"(.*?)check:\s*([0-9a-fA-F]{16})\s*-----END",
                            f.read(), re.S)
        need(kit, "this is no recovery kit")
        text = re.sub(r"[ \t\r\n]", "", kit[1]).lower().encode()
        need(sha(text).hex()[:16] == kit[2].lower(),
             "the kit's checksum does not hold")
        field = {k: v.strip() for k, v in
                 (line.split(":", 1) for line in kit[1].split("\n") if line)}
        need(field["kit"] == "1", "a kit of a newer format")
        self.seed = bytes.fromhex(field["seed"])
        if field["wrap"] != "none":
            self.unwrap(field, passphrase_file)
        signing = kdf(self.seed, b"", "casemate root signing v1")
        self.root = raw(
            Ed25519PrivateKey.from_private_bytes(signing).public_key())
        need(bytes.fromhex(field["vault"]) == key_id(self.root)[:16],
             "the kit's seed is of another vault")

    def unwrap(self, field, passphrase_file):
        cost = re.fullmatch(r"scrypt (\d+)", field["wrap"])
        need(cost and int(cost[1]) <= 20, "a kit of a newer format")
        if passphrase_file is None:
            raise Locked("the kit needs its passphrase")
        with open(passphrase_file, "rb") as f:
            passphrase = re.sub(rb"\n\Z", b"", f.read())
        salt = bytes.fromhex(field["salt"])
        key = Scrypt(salt, 32, 1 << int(cost[1]), 8, 1).derive(passphrase)
        self.seed = unseal(key, bytes(12), b"casemate recovery kit v1" + salt,
                           self.seed, "the kit (a wrong passphrase?)")

    @functools.lru_cache(None)
    def domain(self, name):
        return Domain(kdf(self.seed, name, "casemate domain v1"))

    def slot_key(self, kind, epoch):
        return kdf(self.seed, epoch.to_bytes(4, "little"),
                   "casemate epoch x25519 v1") if kind == 1 else None


# --- stores and preambles ---------------------------------------------------

class Store:
    """A directory that keeps objects; see src/store/FORMAT.md."""

    def __init__(self, top):
        self.top = top
        with open(os.path.join(top, "casemate-store"), encoding="ascii") as f:
            mark = f.read().split("\n")
        need(mark[:2] == ["casemate store", "format 1"]
             and mark[4] == "incompat 0", "not a store of this format")

    def path(self, name):
        kind, _, leaf = name.partition("/")
        if re.fullmatch("[0-9a-f]{64}", leaf):
            return os.path.join(self.top, kind, leaf[:2], leaf)
        return os.path.join(self.top, name)

    def get(self, name):
        with open(self.path(name), "rb") as f:
            data = f.read(OBJECT_MAX + 1)
        need(len(data) <= OBJECT_MAX, f"{name}: too long")
        return data

    def get_named(self, name, digest):
        data = self.get(name)
        need(sha(data) == digest, f"{name}: its bytes do not match its name")
        return data

    def list(self, kind):
        return sorted(f for where, _, files in
                      os.walk(os.path.join(self.top, kind)) for f in files
                      if self.path(f"{kind}/{f}") == os.path.join(where, f))


Preamble = namedtuple("Preamble", "vault domain session epoch slots size hash")


def preamble(magic, data):
    cur = Cursor(data)
    need(cur.take(8) == magic, "not what its name says")
    cur.take(8)  # compat, ro_compat
    need(cur.u(4) == 0, "of a newer format")
    size = cur.u(4)
    vault, domain, session, _salt = (cur.take(16) for _ in range(4))
    epoch, lock = cur.u(4), cur.u(4)
    need(96 <= size <= 4096 and lock <= 2, "a damaged preamble")
    return Preamble(vault, domain, session, epoch, cur.take(size - 96), size,
                    sha(data[:size]))


# --- snapshots and records --------------------------------------------------

Snapshot = namedtuple("Snapshot", "id domain session asset node finished root "
                      "meta")
Record = namedtuple("Record", "domain session packs item")
RECORD_SIZES = {1: 16, 2: 16, 3: 16, 4: 8, 5: 32, 6: 32, 7: 32, 8: 8, 9: 8,
                10: 8, 11: 8, 12: 8}


class Vault:
    def __init__(self, store, keys):
        self.store, self.keys, self.nodes = store, keys, {}
        self.id = key_id(keys.root)[:16]
        text = dsse(keys.root, b"application/vnd.casemate.vault+json",
                    store.get("vault"), "vault")
        need(text["format"] == 1 and text["incompat"] == 0,
             "a vault of a newer format")
        need(text["vault"] == self.id.hex()
             and b64(text["root"]) == keys.root, "another vault")
        n = 0
        while n == 0 or os.path.exists(store.path(f"keys/{n}")):
            self.enrol(n, store.get(f"keys/{n}"))
            n += 1

    def enrol(self, n, data):
        said = dsse(self.keys.root, b"application/vnd.casemate.key+json", data,
                    f"keys/{n}")
        need(said["number"] == n, f"keys/{n}: in another's place")
        need(said["kind"] in ("node", "epoch")
             or said.get("critical", False) is False,
             f"keys/{n}: of a newer format")
        if said["kind"] == "node":
            public = b64(said["ed25519"])
            self.nodes[key_id(public)] = public, bytes.fromhex(said["domain"])

    def signed_domain(self, kind, data, what):
        """Check the 96 bytes that end DATA; the domain of the signer."""
        need(data[-96:-64] in self.nodes, f"{what}: its signer is unknown")
        public, domain = self.nodes[data[-96:-64]]
        verify(public, kind, data[:-64], data[-64:], what)
        return domain

    def session_key(self, pre):
        """The session key of an object, out of the slot that is for us."""
        cur, found = Cursor(pre.slots), None
        while cur.left:
            kind, slot = cur.u(2), cur.take(cur.u(2))
            need(kind < 0x8000, "a key slot of a newer format")
            key = self.keys.slot_key(kind, pre.epoch)
            if key is None or found is not None:
                continue
            key = X25519PrivateKey.from_private_bytes(key)
            if slot[:8] == sha(raw(key.public_key()))[:8]:
                found = box_open(key, "casemate session v1", slot[8:], "slot")
        if found is None:
            raise Locked("sealed for others")
        return found

    def snapshot(self, name):
        what = f"snapshots/{name}"
        data = self.store.get_named(what, bytes.fromhex(name))
        pre = preamble(b"casesnap", data)
        need(len(data) <= 256 << 10, f"{what}: too long")
        need(pre.vault == self.id and pre.domain == self.signed_domain(
            b"application/vnd.casemate.snapshot", data, what),
             f"{what}: its signer does not speak for its domain")
        cur = Cursor(data[pre.size:-96])
        nonce, sealed = cur.take(12), cur.take(cur.u(4))
        cur.end()
        body = unseal(self.session_key(pre), nonce, pre.hash, sealed, what)
        item = items(body, what, range(1, 21))
        need({1, 2, 3, 4, 9, 19} <= item.keys(), f"{what}: incomplete")
        meta = Cursor(item[19])
        root = read_entry(meta)
        meta.end()
        need(root.type == DIR and root.dir == item[9], f"{what}: two roots")
        return Snapshot(name, pre.domain, pre.session, item[1], item[3],
                        Cursor(item.get(6, bytes(8))).u(8), item[9], root)

    def record(self, kind, name):
        data = self.store.get(name)
        cur = Cursor(data)
        need(cur.take(8) == b"caserecd", f"{name}: no record")
        cur.take(8)  # compat, ro_compat
        need(cur.u(4) == 0, f"{name}: of a newer format")
        need(cur.u(4) == kind, f"{name}: of another kind")
        body = cur.take(cur.u(4))
        cur.take(96)
        cur.end()
        domain = self.signed_domain(b"application/vnd.casemate.record", data,
                                    name)
        item = items(body, name, range(1, 14))
        for n, size in RECORD_SIZES.items():
            need(len(item.get(n, b"")) == size
                 or (n not in item and kind != ENVELOPE and 5 <= n <= 12),
                 f"{name}: a damaged item")
        need(item[1] == self.id and item[2] == domain,
             f"{name}: its signer does not speak for its domain")
        need(13 in item and len(item[13]) % 32 == 0, f"{name}: no pack list")
        packs = [item[13][i:i + 32] for i in range(0, len(item[13]), 32)]
        need(packs == sorted(set(packs)), f"{name}: an unsorted pack list")
        return Record(item[2], item[3], packs, item)

    def tree(self, snap):
        """The tree of a snapshot, in the packs that its envelope names."""
        name = f"envelopes/{snap.id}"
        env, keys = self.record(ENVELOPE, name), self.keys.domain(snap.domain)
        need(env.item[5].hex() == snap.id and env.domain == snap.domain
             and env.session == snap.session
             and env.item[6] == mac(keys.pseudonym, snap.asset),
             f"{name}: not of this snapshot")
        return Tree(Chunks(self, env.packs, snap.domain), keys)

    def snapshots(self):
        """Snapshots that we can open, by time, and why others are bad."""
        good, bad = [], []
        for name in self.store.list("snapshots"):
            try:
                good.append(self.snapshot(name))
            except Bad as e:
                bad.append(str(e))
            except Locked:
                pass
        return sorted(good, key=lambda s: (s.finished, s.id)), bad


# --- packs ------------------------------------------------------------------

Segment = namedtuple("Segment", "off size plain nonce codec kind")


class Pack:
    """An open pack: chunks is [(name, segment, offset, size)]."""

    def __init__(self, vault, name):
        self.name = f"packs/{name.hex()}"
        self.data = data = vault.store.get_named(self.name, name)
        self.pre = pre = preamble(b"casepack", data)
        self.domain = vault.keys.domain(pre.domain)
        need(pre.vault == vault.id, f"{self.name}: of another vault")
        if self.domain is None:
            raise Locked(f"{self.name}: of a domain that is not ours")
        key = kdf(self.domain.trailer, pre.hash, "casemate trailer v1")
        foot = Cursor(unseal(key, bytes(11) + b"\1", pre.hash, data[-32:],
                             self.name))
        self.trailer, size = foot.u(4), foot.u(4)
        need(foot.u(8) == 0 and self.trailer + size + 32 == len(data)
             and len(data) == padme(len(data)) <= PACK_MAX,
             f"{self.name}: a damaged footer")
        self.segments, self.chunks = [], []
        self.directory(Cursor(unseal(key, bytes(12), pre.hash,
                                     data[self.trailer:-32], self.name)))
        self.key = vault.session_key(pre)

    def skip_tlvs(self, cur):
        inner = Cursor(cur.take(cur.u(2)))
        while inner.left:
            need(inner.u(1) < 0x80, f"{self.name}: of a newer format")
            inner.take(inner.u(2))

    def directory(self, cur):
        nsegments, nchunks, off = cur.u(4), cur.u(4), self.pre.size
        need(nsegments <= 60000, f"{self.name}: a damaged directory")
        for n in range(nsegments):
            s = Segment(cur.u(4), cur.u(4), cur.u(4), cur.take(12), cur.u(1),
                        cur.u(1))
            count, at = cur.u(4), 0
            self.skip_tlvs(cur)
            need(s.off == off and s.size >= 16 and s.plain <= CHUNK_MAX
                 and s.codec <= 1 and s.kind <= 1 and 1 <= count <= 4096,
                 f"{self.name}: a damaged segment")
            for _ in range(count):
                name, size = cur.take(32), cur.u(4)
                self.skip_tlvs(cur)
                need(size > 0, f"{self.name}: an empty chunk")
                self.chunks.append((name, n, at, size))
                at += size
            need(at == s.plain, f"{self.name}: chunks do not fill a segment")
            off += s.size
            self.segments.append(s)
        need(off == self.trailer and len(self.chunks) == nchunks
             and not any(cur.take(cur.left)), f"{self.name}: a damaged end")

    def segment(self, n):
        s = self.segments[n]
        ad = self.pre.hash + b"".join((
            n.to_bytes(4, "little"), s.plain.to_bytes(4, "little"),
            bytes([s.codec, s.kind])))
        plain = unseal(self.key, s.nonce, ad, self.data[s.off:s.off + s.size],
                       f"{self.name}, segment {n}")
        if s.codec == 1:
            plain = unzstd(plain, s.plain)
        need(len(plain) == s.plain, f"{self.name}, segment {n}: undecodable")
        return plain

    def check(self, name, data):
        need(mac(self.domain.naming, sha(data)) == name,
             f"{self.name}: chunk {name.hex()} has other bytes")
        return data


class Chunks:
    """The chunks of some packs, checked as they are read."""

    def __init__(self, vault, packs, domain):
        self.where = {}
        self.pack = functools.lru_cache(6)(lambda name: Pack(vault, name))
        self.plain = functools.lru_cache(12)(
            lambda name, n: self.pack(name).segment(n))
        for name in packs:
            pack = self.pack(name)
            need(pack.pre.domain == domain, f"{pack.name}: of another domain")
            for chunk, *place in pack.chunks:
                self.where.setdefault(chunk, (name, *place))

    def get(self, chunk, most=CHUNK_MAX):
        need(chunk in self.where, f"chunk {chunk.hex()} is in no pack")
        pack, n, off, size = self.where[chunk]
        need(size <= most, f"chunk {chunk.hex()} is too long")
        return self.pack(pack).check(
            chunk, self.plain(pack, n)[off:off + size])


# --- trees ------------------------------------------------------------------

Entry = namedtuple("Entry", "name type flags mode uid gid mtime size sha "
                   "chunks list holes link dir target rdev xattrs")
MUST = {FILE: {1}, DIR: {7}, LINK: {8}, CHAR: {9}, BLOCK: {9}}


def rows(cur, *read):
    """Tuples of values to the end of CUR, each read by one of READ."""
    while cur.left:
        yield tuple(r(cur) for r in read)


def digest(cur):
    return cur.take(32)


def text(cur):
    return cur.take(cur.varint())


def read_fields(cur, kind, flags):
    field, last = {}, 0
    while number := cur.u(1):
        need(number & 0x7f > last, "fields out of order")
        need(number <= 12 or number < 0x80, "a tree of a newer format")
        last = number & 0x7f
        field[number] = text(cur)
    must, may = set(MUST.get(kind, ())), {10, 11, 12}
    must |= {6} if flags & LINKED else set()
    if kind == FILE:
        must |= {2} if flags & HAS_SHA else set()
        must |= {4} if flags & LISTED else set()
        may |= {5} if flags & LISTED else {3, 5}
    have = {n for n in field if n <= 12}
    need(must <= have <= must | may, "an entry with fields that do not fit")
    return field


def read_entry(cur):
    name, kind, flags = text(cur), cur.u(1), cur.varint(1 << 32)
    mode, uid, gid = (cur.varint(1 << 32) for _ in range(3))
    mtime = int.from_bytes(cur.take(8), "little", signed=True)
    need(0 < len(name) < 256 and name not in (b".", b"..")
         and b"/" not in name and b"\0" not in name, "an impossible name")
    need(FILE <= kind <= SOCKET and mode <= 0o7777, "a damaged entry")
    field = read_fields(cur, kind, flags)

    def get(number, *read, many=False):
        if number not in field:
            return [] if many else None
        inner = Cursor(field[number])
        value = list(rows(inner, *read)) if many else [r(inner) for r in read]
        inner.end()
        return value if many else value[0] if len(read) == 1 else tuple(value)

    number, small = Cursor.varint, lambda c: c.varint(1 << 32)
    target = field.get(8)
    need(target is None or 0 < len(target) < 4096 and b"\0" not in target,
         "an impossible link")
    return Entry(
        name, kind, flags, mode, uid, gid, mtime, get(1, number),
        get(2, digest), get(3, digest, number, many=True), get(4, digest),
        get(5, number, number, many=True), get(6, number, number),
        get(7, digest), target, get(9, small, small),
        get(10, text, text, many=True))


class Tree:
    def __init__(self, chunks, domain):
        self.chunks, self.domain = chunks, domain

    def leaves(self, name, leaf, depth=0):
        """The rows of the leaves below node NAME; LEAF is their kind."""
        need(depth < DEPTH_MAX, "a tree of too many levels")
        cur = Cursor(self.chunks.get(name, NODE_MAX))
        kind = cur.u(1)
        need(kind in (leaf, leaf + 1), "a node of another kind")
        need(cur.left or (kind == 1 and not depth), "an empty node")
        if kind == leaf:
            while cur.left:
                yield (read_entry(cur) if leaf == 1
                       else (digest(cur), cur.varint()))
            return
        for child, last in rows(cur, digest, text):
            for row in self.leaves(child, leaf, depth + 1):
                yield row
            need(last == (row.name if leaf == 1 else b""), "nodes that disagree")

    def entries(self, root):
        last = b""
        for entry in self.leaves(root, 1):
            need(entry.name > last, "a directory out of order")
            last = entry.name
            yield entry

    def content(self, entry):
        """(offset, bytes) of the data of a file, in order, checked."""
        stream = entry.size - sum(hole for _, hole in entry.holes)
        need(sum(skip for skip, _ in entry.holes) <= stream
             and all(hole for _, hole in entry.holes)
             and not (entry.holes and entry.sha), "holes that do not fit")
        chunks, whole = entry.chunks, hashlib.sha256()
        if entry.list is not None:
            chunks = self.leaves(entry.list, 3)
        elif not chunks and stream and entry.sha:
            chunks = [(mac(self.domain.naming, entry.sha), stream)]
        holes, done, shift = iter(entry.holes), 0, 0
        edge, hole = next(holes, (math.inf, 0))
        for name, size in chunks:
            data = self.chunks.get(name)
            need(len(data) == size, "a chunk of another length")
            whole.update(data)
            while data:
                while done == edge:
                    shift += hole
                    skip, hole = next(holes, (math.inf, 0))
                    edge += skip
                n = min(len(data), edge - done)
                yield done + shift, data[:n]
                done, data = done + n, data[n:]
        need(done == stream, "chunks that do not fill the file")
        need(entry.sha in (None, whole.digest()), "a file of another digest")


# --- what is done -----------------------------------------------------------

class Restore:
    """Writes a tree below a directory; names are made there and nowhere else."""

    def __init__(self, tree):
        self.tree, self.links, self.problems = tree, {}, []
        self.owners = os.geteuid() == 0

    def directory(self, name, entry, at, path):
        """Make directory NAME in AT (None: anywhere) with all below it."""
        os.mkdir(name, 0o700, dir_fd=at)
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW,
                     dir_fd=at)
        try:
            for below in self.tree.entries(entry.dir):
                where = os.path.join(path, below.name)
                try:
                    self.entry(below, fd, where)
                except (Bad, OSError) as e:
                    self.problems.append(f"{os.fsdecode(where)}: {e}")
            self.meta(fd, entry)
        finally:
            os.close(fd)

    def entry(self, entry, at, path):
        if entry.type == DIR:
            self.directory(entry.name, entry, at, path)
        elif entry.link in self.links:
            first_dir, first = self.links[entry.link]
            os.link(first, entry.name, src_dir_fd=first_dir, dst_dir_fd=at,
                    follow_symlinks=False)
        else:
            need(not entry.flags & UNREADABLE, "unreadable when it was saved")
            (self.file if entry.type == FILE else self.special)(entry, at)
            if entry.link is not None:
                self.links[entry.link] = os.dup(at), entry.name

    def file(self, entry, at):
        fd = os.open(entry.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600,
                     dir_fd=at)
        try:
            for off, data in self.tree.content(entry):
                while data:
                    n = os.pwrite(fd, data, off)
                    off, data = off + n, data[n:]
            os.ftruncate(fd, entry.size)
            self.meta(fd, entry)
        except (Bad, OSError):
            os.unlink(entry.name, dir_fd=at)
            raise
        finally:
            os.close(fd)

    def special(self, entry, at):
        kind = {FIFO: stat.S_IFIFO, CHAR: stat.S_IFCHR, BLOCK: stat.S_IFBLK,
                SOCKET: stat.S_IFSOCK}.get(entry.type)
        if entry.type == LINK:
            os.symlink(entry.target, entry.name, dir_fd=at)
        else:
            os.mknod(entry.name, kind | 0o600,
                     os.makedev(*entry.rdev) if entry.rdev else 0, dir_fd=at)
        if self.owners:
            os.chown(entry.name, entry.uid, entry.gid, dir_fd=at,
                     follow_symlinks=False)
        if entry.type != LINK:
            os.chmod(entry.name, entry.mode, dir_fd=at)
        os.utime(entry.name, ns=(entry.mtime, entry.mtime), dir_fd=at,
                 follow_symlinks=False)

    def meta(self, fd, entry):
        if self.owners:
            os.chown(fd, entry.uid, entry.gid)
        for name, value in entry.xattrs:
            os.setxattr(fd, name, value)
        os.chmod(fd, entry.mode)
        os.utime(fd, ns=(entry.mtime, entry.mtime))


def check_pack(vault, name):
    pack, n, plain = Pack(vault, bytes.fromhex(name)), None, b""
    for chunk, segment, off, size in pack.chunks:
        if segment != n:
            n, plain = segment, pack.segment(segment)
        pack.check(chunk, plain[off:off + size])


def check_tree(tree, root, path, problems):
    for entry in tree.entries(root):
        where = os.path.join(path, entry.name)
        try:
            if entry.type == DIR:
                check_tree(tree, entry.dir, where, problems)
            elif entry.type == FILE and not entry.flags & UNREADABLE:
                for _ in tree.content(entry):
                    pass
        except Bad as e:
            problems.append(f"{os.fsdecode(where)}: {e}")


def check(vault):
    """Everything but what indexes say, which is what packs say."""
    snaps, problems = vault.snapshots()

    def attempt(what, job, *args):
        try:
            job(*args)
        except (Bad, OSError) as e:
            problems.append(f"{what}: {e}")
        except Locked:
            pass

    for kind, number in ("pending", PENDING), ("condemned", CONDEMNED):
        for name in vault.store.list(kind):
            attempt(kind, vault.record, number, f"{kind}/{name}")
    for name in vault.store.list("index"):
        attempt("index", vault.store.get_named, f"index/{name}",
                bytes.fromhex(name.split("-")[1]))
    for name in vault.store.list("packs"):
        attempt("packs", check_pack, vault, name)
    for s in snaps:
        attempt(f"snapshot {s.id[:12]}", lambda s: check_tree(
            vault.tree(s), s.root, b"", problems), s)
    return problems


def run(args):
    keys = (Kit(args.kit, args.passphrase_file) if args.kit
            else NodeKey(args.node_key))
    vault = Vault(Store(args.store), keys)
    if args.command == "verify":
        return check(vault)
    snaps, problems = vault.snapshots()
    if args.command == "list":
        for s in snaps:
            time = datetime.fromtimestamp(s.finished // 10 ** 9, timezone.utc)
            print(s.id, time.strftime("%Y-%m-%dT%H:%M:%SZ"), s.node.decode(),
                  s.asset.decode())
        return problems
    found = [s for s in snaps if s.id.startswith(args.snapshot)]
    need(len(args.snapshot) >= 6 and len(found) == 1,
         f"{len(found)} snapshots are called {args.snapshot}")
    restore = Restore(vault.tree(found[0]))
    restore.directory(args.dest, found[0].meta, None, b"")
    return restore.problems


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--store", required=True)
    which = p.add_mutually_exclusive_group(required=True)
    which.add_argument("--node-key")
    which.add_argument("--kit")
    p.add_argument("--passphrase-file")
    commands = p.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    commands.add_parser("verify")
    restore = commands.add_parser("restore")
    restore.add_argument("snapshot")
    restore.add_argument("dest")
    try:
        problems = run(p.parse_args())
    except (Bad, Locked, OSError, ValueError, KeyError) as e:
        problems = [str(e)]
    for problem in problems:
        print(f"read_vault: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
