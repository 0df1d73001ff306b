"""The command line of the experiments: each command explains itself, and what it can't do is one line."""

import json
import subprocess
from pathlib import Path

import pytest

from perfclone import cli as core
from perfclone_lab import cli
from perfclone_lab.ledger.judging import load_claims
from perfclone_studio import cli as studio

ROOT = Path(__file__).parents[2]
COMMANDS = [
    (core, "capture", "assess", "train", "clone", "live", "run", "profiles"),
    (cli, "runs", "grid", "families", "drift", "bench", "ledger", "store"),
    (studio, "make", "crowd", "inspect"),
]


@pytest.mark.parametrize(("program", "command"), [(program, name) for program, *names in COMMANDS for name in names])
def test_every_command_explains_itself(program, command, capfd):
    with pytest.raises(SystemExit) as ended:
        program.main([command, "--help"])
    assert ended.value.code == 0 and len(capfd.readouterr().out) > 100


@pytest.mark.parametrize("program", [core, cli, studio])
def test_a_shell_completes_commands_and_options(program, capfd):
    with pytest.raises(SystemExit):
        program.main(["--print-completion", "bash"])
    script = capfd.readouterr().out
    assert "complete " in script
    assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0


def test_the_ledger_has_a_verdict_for_each_claim(capfd, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert cli.main(["ledger", "--json"]) == 0
    rows = json.loads(capfd.readouterr().out)
    assert [row["id"] for row in rows] == [claim.id for claim in load_claims(ROOT / "data" / "claims.json")]
    assert all(row["verdict"] and row["why"] for row in rows)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["grid", "no-such"], "unknown family 'no-such': choose of "),
        (["families", "no-such"], "unknown family 'no-such': choose of "),
        (["families", "self-reenactment", "--profile", "none"], "unknown profile 'none': choose one of "),
        (["runs", "show", "xyz"], "the id of no run"),
        (["store", "everything"], "invalid choice: 'everything'"),
        (["bench", "reference", "--device", "abacus", "--profile", "smoke"], "unknown device 'abacus'"),
    ],
)
def test_what_can_not_be_done_is_one_line(arguments, fault, capfd, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert cli.main(arguments) == 2
    error = capfd.readouterr().err
    assert error.startswith("perfclone-lab: ") and fault in error and error.count("\n") == 1


def test_outside_of_a_repository_the_lab_says_where_it_has_to_be(capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["ledger"]) == 2
    assert "run" in capfd.readouterr().err
