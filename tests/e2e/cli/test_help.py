# SPDX-License-Identifier: Apache-2.0
"""What the declarations of the commands tell."""

import shutil
import subprocess

import pytest

from conftest import PROGRAM


@pytest.fixture
def commands(bare):
    listed = bare.run("help", "--all", code=0).out.splitlines()
    return [line.removeprefix("casemate ").split() for line in listed]


def test_every_command_explains_itself_with_an_example(bare, commands):
    for command in commands:
        text = bare.run(*command, "--help", code=0).out
        assert text.startswith("usage: casemate " + " ".join(command))
        assert "Example:\n  casemate " + " ".join(command) in text


def test_every_command_is_in_overview_and_manual(bare, commands):
    overview = bare.run("help", code=0).out
    manual = bare.run("help", "--man", code=0).out
    for command in commands:
        assert f"\n  {' '.join(command)} " in overview
        assert f".SS casemate {' '.join(command)}\n" in manual


def test_the_manual_is_roff_without_complaints(bare):
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    manual = bare.run("help", "--man", code=0).out
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], text=True,
                          input=manual, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_parses(bare, shell):
    script = bare.run("help", "--completion", shell, code=0).out
    assert "backup" in script and "in-place" in script
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_bash_completes_commands_verbs_and_options(bare):
    script = bare.run("help", "--completion", "bash", code=0).out
    ask = script + """
complete_line() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _casemate
                  echo "${COMPREPLY[*]}"; }
complete_line casemate rest
complete_line casemate vault pr
complete_line casemate vault prune --dry
complete_line casemate --js
"""
    done = subprocess.run(["bash"], input=ask, text=True, check=True,
                          capture_output=True)
    assert done.stdout.splitlines() == ["restore", "prune", "--dry-run",
                                        "--json"]


@pytest.mark.parametrize("args, words", [
    ([], "which command"),
    (["bakup"], 'did you mean "backup"'),
    (["vault"], "list"),
    (["vault", "lst"], 'did you mean "vault list"'),
    (["backup", "--exlude", "x"], 'did you mean "--exclude"'),
    (["restore"], "too few words"),
    (["status", "x"], "too many words"),
    (["--limit-read", "fast", "backup"], "--limit-read"),
    (["vault", "cat", "a", "b", "--json"], "has no JSON"),
    (["help", "--completion", "tcsh"], "tcsh"),
])
def test_a_wrong_command_line_is_status_2_and_says_why(bare, args, words):
    done = bare.run(*args, code=2)
    assert words in done.err
    assert done.out == ""


def test_an_error_is_an_object_on_stderr_with_json(bare):
    done = bare.run("backup", "--exlude", "--json", code=2)
    assert done.out == ""
    assert list(done.error) == ["schema", "code", "message"]
    assert done.error["schema"] == "error/1"
    assert done.error["code"] == "usage"


def test_version_has_one_number_everywhere(bare):
    number = bare.run("version", "--json", code=0).json["version"]
    assert bare.run("version", code=0).out == f"casemate {number}\n"
    assert bare.run("--version", code=0).out == f"casemate {number}\n"


def test_a_full_disk_behind_stdout_is_no_success(bare):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([PROGRAM, "help"], stdout=full, text=True,
                              stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert "standard output" in done.stderr
