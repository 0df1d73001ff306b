"""The book's chain: what runs again and what does not, what a failure says, and what a page shows of its run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

from perfclone.video import content_hash
from perfclone_lab.book.chapters import dependency_key, library_files, read_run
from perfclone_lab.book.site import write_config

ROOT = Path(__file__).parents[2]


@pytest.fixture
def small_book(tmp_path):
    """A book of two chapters in a folder of its own, and a function that builds it as `make book` does."""

    def write(name: str, code: str) -> None:
        cells = [
            nbformat.v4.new_markdown_cell(f"# {name}", id="title"),
            nbformat.v4.new_code_cell(
                'profile = "quick"\nseed = 0\ndevice = "auto"', id="p", metadata={"tags": ["parameters"]}
            ),
            nbformat.v4.new_code_cell(code, id="code"),
        ]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(
            nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "book" / f"{name}.ipynb"
        )

    def build(profile: str = "smoke") -> subprocess.CompletedProcess:
        # A kernel called python3 in the user's folder, as another environment may have left it: it must not be taken.
        stray = tmp_path / "home" / "kernels" / "python3"
        stray.mkdir(parents=True, exist_ok=True)
        (stray / "kernel.json").write_text('{"argv": ["/bin/false"], "display_name": "stray", "language": "python"}')
        environment = os.environ | {"JUPYTER_PATH": str(tmp_path / "home"), "JUPYTER_DATA_DIR": str(tmp_path / "home")}
        command = [sys.executable, "-m", "perfclone_lab.book", "--profile", profile, "--build", "build"]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    (tmp_path / "book").mkdir()
    shutil.copy(ROOT / "_config.yml", tmp_path)
    shutil.copy(ROOT / "book" / "references.bib", tmp_path / "book")
    shutil.copytree(ROOT / "book" / "_static", tmp_path / "book" / "_static")
    chapters = "format: jb-book\nroot: index\nchapters:\n  - file: first\n  - file: second\n  - file: status\n"
    (tmp_path / "book" / "_toc.yml").write_text(chapters)
    (tmp_path / "book" / "index.md").write_text("# Small\n")
    (tmp_path / "book" / "status.md").write_text("# Status\n\n```{include} _runs.txt\n```\n")
    write("first", "print(f'profile is {profile}')")
    return tmp_path, write, build


@pytest.mark.parametrize("profile", ["smoke", "reference"])
def test_a_failing_chapter_is_named_and_after_the_mend_it_alone_runs_again(small_book, profile):
    """Whether chapters run one after the other, or at once."""
    folder, write, build = small_book
    write("second", "print('before')\nraise ValueError('deliberate')")
    failed = build(profile)
    assert failed.returncode != 0
    last = failed.stderr.strip().splitlines()[-1]
    assert last.startswith("perfclone: ") and "second.ipynb failed in cell 3" in last and "deliberate" in last
    assert not (folder / "build" / "html").exists()
    first = (folder / "build" / "book" / "first.ipynb").read_bytes()

    write("second", "import time\nblock = b'x' * (400 << 20)\ntime.sleep(1)\nprint('mended')")
    mended = build(profile)
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert "first: unchanged" in mended.stdout and "second: running" in mended.stdout
    assert (folder / "build" / "book" / "first.ipynb").read_bytes() == first
    page = (folder / "build" / "html" / "first.html").read_text("utf-8")
    assert f"profile is {profile}" in page
    assert "&quot;quick&quot;" not in page and page.count("Parameters of this run") == 1, (
        "the page shows what ran, and shows it once"
    )

    status = (folder / "build" / "html" / "status.html").read_text("utf-8")
    assert status.count('href="first.html"') and profile in status, "the status page names the chapter and how it ran"
    peaks = {name: read_run(folder / "build" / "book" / f"{name}.ipynb")["peak_bytes"] / 2**20 for name in ("first", "second")}
    assert 20 < peaks["first"] < 200 and peaks["second"] > peaks["first"] + 350, "each kernel's own peak, in bytes"


def test_a_chapter_that_kills_its_kernel_is_named(small_book):
    _, write, build = small_book
    write("second", "import os\nos.kill(os.getpid(), 9)")
    failed = build()
    assert failed.returncode == 1
    assert "second.ipynb lost its kernel" in failed.stderr.strip().splitlines()[-1]


def test_a_chapter_depends_on_the_modules_that_it_imports_and_on_no_others(small_book):
    folder, write, _ = small_book

    def parts(code: str) -> set[str]:
        write("first", code)
        files = library_files(folder / "book" / "first.ipynb")
        return {path.relative_to(ROOT / "src").as_posix() for path in files}

    everything = parts("import perfclone as pc")
    assert {f"perfclone/{name}.py" for name in ("losses", "training/trainer", "capture/flow", "nets/unet")} <= everything
    assert not any(name.startswith("perfclone_") or name == "perfclone/cli.py" for name in everything)
    inside = parts("def f():\n    from perfclone_lab.experiments import families")
    assert {"perfclone_lab/experiments/families.py", "perfclone_lab/ledger/statistics.py"} <= inside


def test_the_key_changes_with_the_chapter_the_parameters_and_the_data(small_book, monkeypatch):
    folder, write, _ = small_book
    monkeypatch.chdir(folder)
    chapter = Path("book/first.ipynb")
    keys = [dependency_key(chapter, {"profile": "smoke", "seed": 0}), dependency_key(chapter, {"profile": "smoke", "seed": 1})]
    (folder / "data").mkdir()
    (folder / "data" / "x.json").write_text("{}")
    keys.append(dependency_key(chapter, {"profile": "smoke", "seed": 0}))
    assert keys[-1] == dependency_key(chapter, {"profile": "smoke", "seed": 0})
    write("first", "print('other')")
    keys.append(dependency_key(chapter, {"profile": "smoke", "seed": 0}))
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("origin", "url"),
    [
        ("https://github.com/someone/a-book.git", "https://github.com/someone/a-book"),
        ("git@github.com:someone/a.book", "https://github.com/someone/a.book"),
        ("https://example.org/someone/a-book.git", None),
        (None, None),
    ],
)
def test_launch_buttons_lead_to_the_checkouts_own_home_and_are_left_out_where_it_has_none(small_book, monkeypatch, origin, url):
    folder, _, _ = small_book
    monkeypatch.chdir(folder)
    for command in [["init", "-q"], *([["remote", "add", "origin", origin]] if origin else [])]:
        subprocess.run(["git", *command], check=True)
    config = yaml.safe_load(write_config(folder / "build").read_text("utf-8"))
    assert config.get("repository", {}).get("url") == url
    assert ("launch_buttons" in config) == (url is not None)


@pytest.mark.parametrize(
    "record", sorted((ROOT / "data" / "reference").glob("*/record.json")), ids=lambda path: path.parent.name
)
def test_a_stored_result_is_the_one_that_its_record_describes(record):
    made = json.loads(record.read_text("utf-8"))
    own = {name for name in made["files"] if not name.startswith("../runs/")}
    assert {path.name for path in record.parent.iterdir()} == {"record.json", *own}
    for name, sha256 in made["files"].items():
        assert content_hash(record.parent / name) == sha256
    assert "vgg" not in made or made["vgg"]["genuine"], "no stored result rests on the stand-in"
    assert re.fullmatch(r"[0-9a-f]{7,40}", made["commit"]), "made from a commit, without further changes"
