# SPDX-License-Identifier: Apache-2.0
"""What may know what, and what things are called."""

import re

from tree import (ROOT, c_files, code, comments, exported, headers, line_of,
                  room_of, run, table, text, tracked)

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.M)


def layers():
    """{room: floor} of src/LAYERS."""
    floors = {}
    for line in (ROOT / "src/LAYERS").read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            floors[words[1]] = int(words[0])
    return floors


def floors():
    """No include runs up or sideways; src/main.c wires and is exempt."""
    floor = layers()
    for name in c_files("src"):
        room = room_of(name)
        if room is None:
            if name != "src/main.c":
                yield name, 1, "belongs in a room; only main.c stands outside"
            continue
        if room not in floor:
            yield name, 1, f'room "{room}" is not in src/LAYERS'
            continue
        for m in INCLUDE.finditer(text(name)):
            line, target = line_of(name, m.start()), m[1]
            below = target.split("/")[0]
            if f"src/{target}" not in tracked():
                yield name, line, f'no tracked header "src/{target}"'
            elif below != room and below not in floor:
                yield name, line, f'room "{below}" is not in src/LAYERS'
            elif below != room and floor[below] >= floor[room]:
                yield (name, line,
                       f"{room} (floor {floor[room]}) includes {target} "
                       f"(floor {floor[below]})")


def prefixes():
    """Exported functions begin with their room, their file or an alias."""
    aliases = {}
    for room, *names in table("prefixes"):
        aliases.setdefault(room, []).extend(names)
    for name, line, function in exported():
        room = room_of(name)
        if room is None:
            continue
        stem = name.rsplit("/", 1)[1][:-2]
        words = [room, stem]
        if any(function == w or function.startswith(w + "_") for w in words):
            continue
        if any(function == a or a.endswith("_") and function.startswith(a)
               for a in aliases.get(room, [])):
            continue
        yield (name, line, f'"{function}" begins neither with "{room}_" nor '
               f'with "{stem}_"')


def headers_alone():
    """Every header compiles when it comes first."""
    for name in headers():
        done = run("gcc", "-fsyntax-only", "-std=gnu2x", "-D_GNU_SOURCE",
                   "-D_FILE_OFFSET_BITS=64", "-Wall", "-Wextra",
                   "-Wno-unused-function", "-Werror", "-Isrc", "-x", "c", name)
        if done.returncode:
            first = next((line for line in done.stderr.splitlines()
                          if "error" in line), done.stderr.strip())
            yield name, 1, f"does not compile alone: {first}"


def guards():
    """The guard of src/room/file.h is ROOM_FILE_H."""
    for name in headers():
        want = re.sub(r"\W", "_", name.removeprefix("src/")).upper()
        m = re.search(r"#ifndef (\w+)\s*\n#define (\w+)", code(name))
        if not m or m[1] != want or m[2] != want:
            yield name, 1, f"the include guard is not {want}"


def declarations(name):
    """[(start, name)] of the functions that a header declares or defines."""
    body = re.sub(r"^[ \t]*#(?:\\\n|[^\n])*",
                  lambda m: re.sub(r"[^\n]", " ", m[0]), code(name), flags=re.M)
    start = depth = 0
    for m in re.finditer(r"[{};]", body):
        if m[0] == "{":
            if depth == 0:
                head = body[start:m.start()]
                yield from declared(head, start)
            depth += 1
        elif m[0] == "}":
            depth -= 1
            if depth == 0:
                start = m.end()
        elif depth == 0:
            yield from declared(body[start:m.start()], start)
            start = m.end()


def declared(head, offset):
    """The function that the declaration HEAD introduces, if it is one."""
    words = head.strip()
    if re.match(r"(typedef|enum|extern\s+const|_Static_assert|static_assert)\b",
                words):
        return
    # A type, perhaps with attributes, then a name, then its arguments.
    m = re.match(r"(?:\[\[.*?\]\]\s*)?(?:[\w]+[\s*]+)+(\w+)\s*\(", words, re.S)
    if m and "=" not in words.split("(")[0]:
        yield offset + len(head) - len(head.lstrip()), m[1]


def documented():
    """A contract `/** name(args): ... */` stands above each prototype.

    Functions that belong together share a contract that names them all; a
    x_freep(), which exists for AUTO(), is covered by that of x_free().
    """
    for name in headers():
        notes = [note for note in comments(name) if note[2].startswith("/**\n")]
        for start, function in declarations(name):
            above = [note for _, end, note in notes if end <= start]
            names = {function, re.sub("p$", "", function)
                     if function.endswith(("_freep", "_closep")) else function}
            if not above or not any(re.search(rf"\b{n}\(", above[-1])
                                    for n in names):
                yield (name, line_of(name, start),
                       f'no contract "{function}(...):" above')
