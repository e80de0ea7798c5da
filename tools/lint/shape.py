# SPDX-License-Identifier: Apache-2.0
"""Sizes, complexity and looks."""

import re
import tempfile

from tree import (ROOT, Skip, c_files, functions, need, run, table, text,
                  tracked)

COLUMNS = 80
FILE_LINES = 1000
FUNCTION_LINES = 120
MCCABE = 20
MCCABE_EXCEPTION = 40
CLANG_FORMAT = 14


def scripts(shell):
    """The tracked files whose first line names this kind of interpreter."""
    return [n for n in tracked()
            if re.match(rf"#!\S*(?: |/){shell}\b", text(n)[:40])]


def wide(line):
    return len(line.expandtabs(8)) > COLUMNS


def sizes():
    """No line over 80 columns, no file over 1,000 lines, no function over 120."""
    for name in c_files():
        for number, line in enumerate(text(name).splitlines(), 1):
            # A message stays in one piece, so that a search finds it.
            if wide(line) and '"' not in line:
                yield name, number, f"is wider than {COLUMNS} columns"
    code_files = [n for n in tracked() if n.endswith((".c", ".h", ".py", ".sh"))]
    for name in code_files:
        lines = text(name).count("\n")
        if lines > FILE_LINES:
            yield name, 1, f"{lines} lines; {FILE_LINES} is the most"
    for f in functions():
        if f.lines > FUNCTION_LINES:
            yield (f.path, f.line,
                   f"{f.name}() has {f.lines} lines; {FUNCTION_LINES} is the most")


def complexity():
    """McCabe 20; what tools/lint/complex lists and explains, 40."""
    listed = {(path, name): 0 for path, name, *_ in table("complex")}
    for f in functions():
        key = (f.path, f.name)
        if f.mccabe <= MCCABE:
            continue
        if key in listed:
            listed[key] = f.mccabe
        most = MCCABE_EXCEPTION if key in listed else MCCABE
        if f.mccabe > most:
            yield (f.path, f.line,
                   f"{f.name}() has McCabe {f.mccabe}; {most} is the most")
    for (path, name), seen in listed.items():
        if not seen:
            yield "tools/lint/complex", 1, f"{path} {name}: needs no exception"


def clang_format():
    need("clang-format")
    m = re.search(r"version (\d+)", run("clang-format", "--version").stdout)
    if not m or int(m[1]) != CLANG_FORMAT:
        raise Skip(f"clang-format {CLANG_FORMAT} is pinned, "
                   f"here is {m[1] if m else 'another'}")


def formatted():
    """clang-format would change nothing."""
    clang_format()
    for name in c_files():
        done = run("clang-format", "--dry-run", "-Werror", name)
        m = re.search(r":(\d+):\d+: ", done.stderr)
        if done.returncode:
            yield name, int(m[1]) if m else 1, "is not formatted: make format"


def ruled(line):
    """A `/* --- word ---- */` that is too wide, made to fit."""
    while wide(line) and re.match(r"/\* --- .* --+ \*/$", line):
        line = line.replace("-- */", "- */")
    return line


def format_all():
    """Bring every source into its form; wrap only comments that are too wide."""
    clang_format()
    with tempfile.NamedTemporaryFile("w", suffix=".clang-format") as wrapping:
        style = (ROOT / ".clang-format").read_text()
        wrapping.write(style.replace("ReflowComments: false",
                                     "ReflowComments: true")
                       + "PenaltyBreakComment: 0\n")
        wrapping.flush()
        for name in c_files():
            lines = [ruled(line) for line in text(name).split("\n")]
            (ROOT / name).write_text("\n".join(lines))
            if any(wide(line) for line in lines):
                run("clang-format", f"--style=file:{wrapping.name}", "-i", name)
            run("clang-format", "-i", name)


def shell():
    """shellcheck has nothing to say about the shell scripts."""
    need("shellcheck")
    for name in scripts("(?:ba|da)?sh"):
        done = run("shellcheck", "-f", "gcc", name)
        for line in done.stdout.splitlines():
            m = re.match(r".+?:(\d+):\d+: (.*)", line)
            if m:
                yield name, int(m[1]), m[2]


def python():
    """The Python files compile."""
    names = {n for n in tracked() if n.endswith(".py")}
    for name in sorted(names | set(scripts("python3"))):
        try:
            compile((ROOT / name).read_bytes(), name, "exec")
        except SyntaxError as e:
            yield name, e.lineno or 1, e.msg
