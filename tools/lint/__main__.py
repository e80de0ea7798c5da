# SPDX-License-Identifier: Apache-2.0
"""Check the rules of the house; run all checks and report all findings.

usage: python3 tools/lint [--format] [CHECK...]

Only tracked files count.  The last line is `N passed, N failed, N skipped`,
in checks; the exit status is 1 if any failed.
"""

import sys

import shape
import structure
import words
from tree import Skip

CHECKS = {
    "floors": structure.floors,
    "prefixes": structure.prefixes,
    "headers-alone": structure.headers_alone,
    "guards": structure.guards,
    "documented": structure.documented,
    "sizes": shape.sizes,
    "complexity": shape.complexity,
    "format": shape.formatted,
    "shell": shape.shell,
    "python": shape.python,
    "licences": words.licences,
    "calls": words.calls,
    "silence": words.silence,
    "marks": words.marks,
    "commands": words.commands,
    "links": words.links,
}


def report(name, check):
    """Run one check and print what it found; "passed", "failed", "skipped"."""
    try:
        findings = list(check())
    except Skip as why:
        print(f"skip  {name}: {why}")
        return "skipped"
    for path, line, message in findings:
        print(f"{path}:{line}: {message} [{name}]")
    print(f"FAIL  {name}: {len(findings)}" if findings else f"ok    {name}")
    return "failed" if findings else "passed"


def main(args):
    if args == ["--format"]:
        try:
            shape.format_all()
        except Skip as why:
            print(f"make format: {why}", file=sys.stderr)
            return 1
        return 0
    unknown = [a for a in args if a not in CHECKS]
    if unknown:
        print(f'no check "{unknown[0]}"; there are: {" ".join(CHECKS)}',
              file=sys.stderr)
        return 2
    names = args or CHECKS
    results = [report(name, CHECKS[name]) for name in names]
    print(", ".join(f"{results.count(kind)} {kind}"
                    for kind in ("passed", "failed", "skipped")))
    return 1 if "failed" in results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
