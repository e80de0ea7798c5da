# SPDX-License-Identifier: Apache-2.0
"""Whether two trees are the same in all that a restore must bring back."""

import os
import stat


def entries(top):
    """{path: lstat} of all below TOP, and the groups of hard links."""
    found, groups = {}, {}
    for folder, folders, names in os.walk(top):
        for name in folders + names:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            key = os.path.relpath(path, top)
            found[key] = st
            if st.st_nlink > 1 and not stat.S_ISDIR(st.st_mode):
                groups.setdefault((st.st_dev, st.st_ino), []).append(key)
    return found, sorted(sorted(g) for g in groups.values() if len(g) > 1)


def attributes(path):
    return {n: os.getxattr(path, n, follow_symlinks=False)
            for n in os.listxattr(path, follow_symlinks=False)}


def same_bytes(a, b):
    with open(a, "rb", buffering=0) as f, open(b, "rb", buffering=0) as g:
        while True:
            p, q = f.read(1 << 20), g.read(1 << 20)
            if p != q:
                return False
            if not p:
                return True


def metadata(st):
    return (st.st_mode, st.st_uid, st.st_gid, st.st_mtime_ns,
            0 if stat.S_ISDIR(st.st_mode) else st.st_size)


def differences(a, b, most=10):
    """What differs between two trees, at most MOST lines of it."""
    left, left_links = entries(a)
    right, right_links = entries(b)
    found = [f"only in one: {k}" for k in sorted(set(left) ^ set(right))]
    if left_links != right_links:
        found.append("hard links differ")
    for key in sorted(set(left) & set(right)):
        if len(found) >= most:
            break
        p, q = os.path.join(a, key), os.path.join(b, key)
        if metadata(left[key]) != metadata(right[key]):
            found.append(f"metadata: {key}: {metadata(left[key])} "
                         f"{metadata(right[key])}")
        elif attributes(p) != attributes(q):
            found.append(f"extended attributes: {key}")
        elif stat.S_ISLNK(left[key].st_mode):
            if os.readlink(p) != os.readlink(q):
                found.append(f"link: {key}")
        elif stat.S_ISREG(left[key].st_mode) and not same_bytes(p, q):
            found.append(f"bytes: {key}")
    return found[:most]
