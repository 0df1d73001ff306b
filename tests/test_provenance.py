"""Where a result comes from: the code's hash follows what the code does, and the commit is that of the checkout."""

import subprocess
from pathlib import Path

import pytest

from perfclone.provenance import code_hash, code_hash_of, commit, versions

ROOT = Path(__file__).parents[1]
SOURCE = 'def area(r):\n    """Of a circle."""\n    return 3.14 * r**2  # roughly\n'


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ('def area(r):\n    """Of a circle of radius r."""\n\n    return 3.14 * r**2\n', True),
        ("def area(r): return 3.14 * r**2\n", True),
        (SOURCE.replace("3.14", "3.1416"), False),
        (SOURCE.replace("r**2", "r"), False),
        (SOURCE + "x = 'text that is a value'\n", False),
    ],
)
def test_the_hash_of_code_ignores_words_and_layout_and_nothing_else(other, same):
    assert (code_hash_of([SOURCE]) == code_hash_of([other])) == same


def test_each_part_of_the_library_has_a_hash_of_its_own():
    parts = [code_hash(name) for name in ("training", "nets", "losses", "capture")]
    assert len(set(parts)) == 4 and code_hash("no such part") not in parts
    assert code_hash("training", "nets") not in parts


def test_the_commit_is_this_checkouts():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert head.startswith(commit().split(" ")[0])


def test_versions_name_what_computes():
    assert {"perfclone", "python", "torch", "numpy"} <= set(versions())
