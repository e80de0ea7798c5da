# SPDX-License-Identifier: Apache-2.0
"""What may stand in a file: licence lines, calls, marks, paths, commands."""

import re

from tree import (ROOT, Skip, c_files, code, comments, line_of, room_of, run,
                  text, tracked)

# banned.h turns the same calls into errors where a compiler sees them.
BANNED = re.compile(
    r"\b(strcpy|strcat|stpcpy|strncpy|strncat|sprintf|vsprintf|gets|strtok|"
    r"system|popen|atoi|atol|atoll|atof|alloca|mktemp|tmpnam|tempnam|gmtime|"
    r"localtime|ctime|asctime|rand|srand|random)\s*\(")
PRINTS = re.compile(r"\b(printf|puts|putchar|perror|syslog)\s*\(|\b(stdout|stderr)\b")
MAY_PRINT = {None, "cli", "serve"}

# Put together from pieces, so that this file does not find itself.
PLACES = re.compile("|".join((
    r"(?<![\w.])/" + r"work/", "/home/" + r"[a-z]+/", r"\bfile:///" + "home",
    r"https?://[\w.-]*" + r"\b(?:debian|ubuntu|npmjs|pypi|pythonhosted)"
    r"\.(?:org|com)/",
    r"\bdeb\." + "debian")))
MARKS = re.compile(r"\b(TO" + "DO|FIX" + "ME|XX" + r"X)\b")
SOURCES = (".c", ".h", ".py", ".sh", "meson.build", "meson_options.txt",
           "Makefile")


def is_source(name):
    if name.startswith("examples/"):
        return False
    return name.endswith(SOURCES) or text(name).startswith("#!")


def licences():
    """An SPDX line is among the first three of every source."""
    for name in tracked():
        if is_source(name) and text(name).strip():
            head = text(name).split("\n")[:3]
            if not any("SPDX-License-Identifier: Apache-2.0" in h for h in head):
                yield name, 1, "has no SPDX-License-Identifier: Apache-2.0"


def calls():
    """No banned call, no foreign comment style, typedef or label."""
    for name in c_files():
        body = code(name)
        if name.startswith("src/") and name != "src/base/banned.h":
            for m in BANNED.finditer(body):
                yield name, line_of(name, m.start()), f"{m[1]}() is banned"
        for start, _, note in comments(name):
            if note.startswith("//"):
                yield name, line_of(name, start), "comments are /* */"
        if not name.startswith("src/"):
            continue
        for m in re.finditer(r"\bgoto\s+(?!undo\b)(\w+)", body):
            yield name, line_of(name, m.start()), f'goto "{m[1]}", not undo'
        for m in re.finditer(r"^\s*typedef\b[^;{]*(?:\{[^}]*\})?\s*(\w+)", body,
                             re.M):
            if m[1] != "err":
                yield name, line_of(name, m.start()), "no typedef but err"


def silence():
    """Only cli and serve print."""
    for name in c_files("src"):
        if room_of(name) in MAY_PRINT:
            continue
        for m in PRINTS.finditer(code(name)):
            yield name, line_of(name, m.start()), f"{m[1] or m[2]} outside cli"


def marks():
    """No unfinished marks; no machine's paths or package hosts."""
    for name in tracked():
        if not is_source(name) and not name.endswith((".md", ".yaml", ".yml")):
            continue
        for m in PLACES.finditer(text(name)):
            yield name, line_of(name, m.start()), f'names a place: "{m[0]}"'
        if is_source(name):
            for m in MARKS.finditer(text(name)):
                yield name, line_of(name, m.start()), f'carries "{m[0]}"'


def pages():
    """The documents that speak about the program as it is."""
    return [n for n in tracked() if n.endswith(".md")
            and (n.startswith("docs/") or n == "README.md")]


def commands():
    """Every command has its place in docs/, and docs/ names no other."""
    program = ROOT / "build/casemate"
    if not program.exists():
        raise Skip("build/casemate is not built")
    asked = run(str(program), "help", "--all")
    if asked.returncode:
        raise Skip("this program has no `help --all`")
    known = {line.strip() for line in asked.stdout.splitlines() if line.strip()}
    known = {k.removeprefix("casemate ") for k in known}
    rooms = {k.split()[0] for k in known if " " in k}
    docs = "\n".join(text(n) for n in pages())
    for command in sorted(known):
        if not re.search(rf"\bcasemate {re.escape(command)}(?![\w-])", docs):
            yield "docs/", 1, f'no page shows "casemate {command}"'
    for name in pages():
        # Only what is set as code is a claim about the program.
        for m in re.finditer(r"(?:`|^[ $]*)casemate ([a-z][a-z-]*)(?: ([a-z-]+))?",
                             text(name), re.M):
            both = f"{m[1]} {m[2]}" if m[2] else m[1]
            wrong = m[1] not in known and m[1] not in rooms or (
                m[1] in rooms and m[1] not in known and m[2]
                and both not in known)
            if wrong:
                yield (name, line_of(name, m.start()),
                       f'"casemate {both}" is no command')


def links():
    """Links between the documents lead somewhere."""
    for name in tracked():
        if not name.endswith(".md"):
            continue
        here = (ROOT / name).parent
        for m in re.finditer(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text(name)):
            if not re.match(r"[a-z]+:", m[1]) and not (here / m[1]).exists():
                yield name, line_of(name, m.start()), f'no file "{m[1]}"'
