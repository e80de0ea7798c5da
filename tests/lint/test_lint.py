# SPDX-License-Identifier: Apache-2.0
"""The lint finds each kind of offence in a tree that is otherwise clean."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"

CLEAN = {
    "src/LAYERS": "0 base\n1 crypto\n1 net\n",
    "src/base/str.h": SPDX + """#ifndef BASE_STR_H
#define BASE_STR_H

/**
 * str_len(s), str_max():
 * Return the length of ${s}; the longest there is.
 */
int str_len(const char *s);
int str_max(void);

#endif /* BASE_STR_H */
""",
    "src/base/str.c": SPDX + """
#include "base/str.h"

static int
helper(void)
{
	return 1; /* Not "strcpy(a, b)", which this only talks about. */
}

int
str_len(const char *s)
{
	return s[0] == '\\0' ? 0 : helper();
}

int
str_max(void)
{
	return helper();
}
""",
    "src/crypto/hash.c": SPDX + '#include "base/str.h"\n',
    "src/net/http.h": SPDX + "#ifndef NET_HTTP_H\n#define NET_HTTP_H\n#endif\n",
}

LONG_FUNCTION = "int\nstr_x(void)\n{\n" + "\t(void)0;\n" * 120 + "\treturn 0;\n}\n"
KNOTTED = ("int\nstr_x(int a)\n{\n"
           + "\tif (a)\n\t\treturn a;\n" * 20 + "\treturn 0;\n}\n")


@pytest.fixture
def tree(tmp_path):
    shutil.copytree(ROOT / "tools/lint", tmp_path / "tools/lint",
                    ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".clang-format", tmp_path)
    (tmp_path / "tools/lint/complex").write_text("# none\n")
    for name, text in CLEAN.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def lint(tree, *checks):
    """The lint's status and output; skipped is not what these tests ask for."""
    done = subprocess.run([sys.executable, "tools/lint", *checks], cwd=tree,
                          text=True, capture_output=True)
    assert not done.stderr
    if re.match(r"0 passed, 0 failed", done.stdout.splitlines()[-1]):
        pytest.skip(done.stdout.splitlines()[0])
    return done.returncode, done.stdout


def test_a_clean_tree_passes(tree):
    status, said = lint(tree)
    assert status == 0, said
    assert re.search(r"^\d+ passed, 0 failed, \d+ skipped$", said, re.M)


OFFENCES = {
    "an include that runs up": (
        "floors", "src/base/str.c", '#include "crypto/hash.h"\n', "hash.h"),
    "an include that runs sideways": (
        "floors", "src/crypto/hash.c", '#include "net/http.h"\n',
        "crypto (floor 1) includes net/http.h (floor 1)"),
    "a room without a floor": (
        "floors", "src/attic/x.c", SPDX, 'room "attic" is not in src/LAYERS'),
    "a name without its room": (
        "prefixes", "src/base/str.c", "int\nlength(void)\n{\n\treturn 1;\n}\n",
        '"length"'),
    "a header that needs another first": (
        "headers-alone", "src/base/x.h", SPDX + "size_t x(void);\n", "size_t"),
    "a guard of another file": (
        "guards", "src/base/x.h",
        SPDX + "#ifndef BASE_STR_H\n#define BASE_STR_H\n#endif\n", "BASE_X_H"),
    "a prototype without a contract": (
        "documented", "src/base/x.h", SPDX + "int x_bare(void);\n", '"x_bare('),
    "a contract of another function": (
        "documented", "src/base/x.h",
        SPDX + "/**\n * x_one():\n * One.\n */\nint x_one(void);\n"
        "int x_two(void);\n", '"x_two('),
    "an inline function without a contract": (
        "documented", "src/base/x.h",
        SPDX + "static inline int\nx_inline(int a)\n{\n\treturn a;\n}\n",
        '"x_inline('),
    "a wide line": (
        "sizes", "src/base/x.c", SPDX + "/*" + " x" * 40 + " */\n",
        "src/base/x.c:2: is wider"),
    "a long file": ("sizes", "src/base/x.c", SPDX + "\n" * 1000, "1001 lines"),
    "a long function": ("sizes", "src/base/str.c", LONG_FUNCTION, "str_x()"),
    "a knot": ("complexity", "src/base/str.c", KNOTTED, "McCabe 21"),
    "an exception that nobody needs": (
        "complexity", "tools/lint/complex", "src/base/str.c str_len why\n",
        "needs no exception"),
    "another's look": ("format", "src/base/str.c", "int  x ;\n", "make format"),
    "a careless script": (
        "shell", "tools/x", "#!/bin/sh\nrm -rf $1/*\n", "tools/x:2"),
    "a script that does not parse": (
        "python", "tools/x.py", "def f(:\n", "tools/x.py:1"),
    "a source without a licence": (
        "licences", "src/base/x.c", "int x;\n", "src/base/x.c"),
    "a banned call": (
        "calls", "src/base/x.c", SPDX + "void f(void){ strcpy(a, b); }\n",
        "strcpy() is banned"),
    "a foreign comment": (
        "calls", "src/base/x.c", SPDX + "int x; // x\n", "comments are"),
    "a typedef": (
        "calls", "src/base/x.c", SPDX + "typedef struct x x_t;\n", "typedef"),
    "a label that is not undo": (
        "calls", "src/base/x.c", SPDX + "void f(void){ goto out; }\n", '"out"'),
    "a room that prints": (
        "silence", "src/base/x.c", SPDX + 'void f(void){ printf("x"); }\n',
        "printf outside cli"),
    "a path of one machine": (
        "marks", "docs/x.md", "see /wor" + "k/notes\n", "names a place"),
    "an unfinished mark": (
        "marks", "src/base/x.c", SPDX + "/* TO" + "DO */\n", "carries"),
    "a link to nowhere": ("links", "docs/x.md", "[x](y.md)\n", 'no file "y.md"'),
}


@pytest.mark.parametrize("offence", OFFENCES)
def test_finds(tree, offence):
    check, name, text, said_of_it = OFFENCES[offence]
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + text)
    status, said = lint(tree, check)
    assert status == 1, said
    assert said_of_it in said


def program_with(tree, *commands):
    path = tree / "build/casemate"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\nprintf '%s\\n' "
                    + " ".join(f"'{c}'" for c in commands) + "\n")
    path.chmod(0o755)


def test_finds_a_command_that_no_page_shows(tree):
    program_with(tree, "init", "vault list")
    (tree / "README.md").write_text("    $ casemate init\n")
    status, said = lint(tree, "commands")
    assert status == 1
    assert '"casemate vault list"' in said


def test_finds_a_page_that_shows_a_command_too_many(tree):
    program_with(tree, "init", "vault list")
    (tree / "README.md").write_text(
        "`casemate init`, `casemate vault list` and `casemate vault burn`\n")
    status, said = lint(tree, "commands")
    assert status == 1
    assert '"casemate vault burn" is no command' in said
    assert "init" not in said


def test_a_listed_exception_may_be_more_complex(tree):
    path = tree / "src/base/str.c"
    path.write_text(path.read_text() + KNOTTED)
    (tree / "tools/lint/complex").write_text(
        "src/base/str.c str_x a flat list of cases\n")
    status, said = lint(tree, "complexity")
    assert status == 0, said
