"""Where a result comes from: the commit is that of the checkout."""

import subprocess
from pathlib import Path

import pytest

from perfclone.provenance import commit, versions

ROOT = Path(__file__).parents[2]


def test_the_commit_is_this_checkouts():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert head.startswith(commit().split(" ")[0])


def test_versions_name_what_computes():
    assert {"perfclone", "python", "torch", "numpy"} <= set(versions())
