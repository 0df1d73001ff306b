"""The book's pages beside the chapters, and Jupyter Book over all of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pandas as pd
import yaml

from perfclone.errors import InputError
from perfclone.files import write_bytes
from perfclone.video import content_hash

from ..notebook import table
from .api import PACKAGES
from .chapters import read_run

BOOK = Path("book")
CONFIG = Path("_config.yml")
STATUS = "_runs.txt"
"""Included by status.md; written by `write_status`."""


def check_book() -> None:
    """InputError if the current folder is not the root of a repository with a book."""
    if not (BOOK / "_toc.yml").is_file() or not CONFIG.is_file():
        raise InputError(f"{BOOK}/_toc.yml and {CONFIG} are not here; run this from the repository's root")


def table_of_contents() -> list[Path]:
    """The book's pages in reading order, as paths in book/. InputError if one is not there."""

    def files(entry: object) -> list[str]:
        if isinstance(entry, list):
            return [name for part in entry for name in files(part)]
        if isinstance(entry, dict):
            own = [entry[word] for word in ("root", "file") if word in entry]
            return own + [name for word in ("parts", "chapters", "sections") for name in files(entry.get(word))]
        return []

    names = files(yaml.safe_load((BOOK / "_toc.yml").read_text("utf-8")))
    pages = [BOOK / name if Path(name).suffix in (".md", ".ipynb") else _with_suffix(name) for name in names]
    made = [BOOK / f"api/{package}" for package in PACKAGES]  # by `api.write_api`
    missing = [str(page) for page in pages if page not in made and not page.is_file()]
    if missing:
        raise InputError(f"{BOOK}/_toc.yml names {', '.join(missing)}, which is not there")
    return pages


def _with_suffix(name: str) -> Path:
    """A table of contents may leave the suffix out."""
    return next((page for suffix in (".md", ".ipynb") if (page := BOOK / (name + suffix)).is_file()), BOOK / name)


def mirror(pages: Path) -> None:
    """Make `pages` hold what book/ holds, except for the chapters, which come executed; what has left book/ leaves it too."""
    wanted = {path.relative_to(BOOK) for path in BOOK.rglob("*") if path.is_file() and ".ipynb_checkpoints" not in path.parts}
    for path in [path for path in pages.rglob("*") if path.is_file()]:
        if path.relative_to(pages) not in wanted:
            path.unlink()
    for name in wanted:
        if name.suffix != ".ipynb":
            (pages / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(BOOK / name, pages / name)


def write_status(pages: Path, chapters: list[str]) -> None:
    """The tables of the status page: each chapter's last run, the command and the videos for another, and the versions."""
    runs = {Path(name).stem: read_run(pages / name) for name in chapters}
    rows = [
        {
            "chapter": f"{{doc}}`{name}`",
            "profile": run["parameters"]["profile"],
            "device": run["device"],
            "seed": run["parameters"]["seed"],
            "seconds": round(run["seconds"]),
            "peak MiB": round(run["peak_bytes"] / 2**20),
            "run on (UTC)": run["started"][:16].replace("T", " ").replace("-", "\N{NON-BREAKING HYPHEN}"),
            "commit": run["commit"] or "unknown",
        }
        for name, run in runs.items()
    ]
    commands = [
        {"chapter": f"{{doc}}`{name}`", "command": f"`papermill book/{name}.ipynb out.ipynb {_given(run['parameters'])}`"}
        for name, run in runs.items()
    ]
    videos = [
        {"video": path.relative_to("data").as_posix(), "sha256": f"`{content_hash(path)}`"}
        for path in sorted(Path("data").glob("*/*.mp4"))
    ]
    used: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, run in runs.items():
        for package, version in run["versions"].items():
            used[package][version].append(name)
    packages = [
        {
            "package": package,
            "version": "; ".join(v if len(found) == 1 else f"{v} ({', '.join(of)})" for v, of in found.items()),
        }
        for package, found in used.items()
    ]
    tables = [
        table(pd.DataFrame(rows), "Each chapter's last run.", "status-runs"),
        table(pd.DataFrame(commands), "What repeats each, from the repository's root at its commit.", "status-commands"),
        *([table(pd.DataFrame(videos), "The shipped videos, today.", "status-videos")] if videos else []),
        table(pd.DataFrame(packages), "The versions that the chapters ran with.", "status-versions"),
    ]
    write_bytes(pages / STATUS, "\n\n".join([*(shown.markdown for shown in tables), ""]).encode())


def _given(parameters: dict[str, str | int]) -> str:
    return " ".join(f"-p {name} {value}" for name, value in parameters.items())


def repository() -> str | None:
    """The address of this checkout's home on GitHub, where readers can open the chapters; None if it has none."""
    ask = ["git", "remote", "get-url", "origin"]
    try:
        origin = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    home = re.fullmatch(r"(?:https://|git@|ssh://git@)github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?", origin)
    return f"https://github.com/{home[1]}" if home else None


def write_config(build: Path) -> Path:
    """_config.yml, with buttons that open the chapters in Binder where the checkout has a public home."""
    config = yaml.safe_load(CONFIG.read_text("utf-8"))
    if home := repository():
        config["repository"] = {"url": home, "branch": "HEAD", "path_to_book": BOOK.name}
        config["launch_buttons"] = {"notebook_interface": "jupyterlab", "binderhub_url": "https://mybinder.org"}
        config["html"]["use_repository_button"] = True
    path = build / "_config.yml"
    write_bytes(path, yaml.safe_dump(config, sort_keys=False, allow_unicode=True).encode())
    return path


def render(pages: Path, build: Path) -> Path:
    """Jupyter Book over the executed chapters, every warning an error; returns the finished site's first page."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(pages)]
    command += ["--config", str(write_config(build)), "--path-output", str(build / "site")]
    command += ["-n", "-W", "--keep-going", "--all", "--quiet"]
    shutil.rmtree(build / "site", ignore_errors=True)  # where pages that have left the book would stay
    if subprocess.run(command, check=False).returncode:
        raise InputError("Jupyter Book found fault with the pages (its lines are above); the site is left as it was")
    finished, former = build / "html", build / "html.tmp"
    shutil.rmtree(former, ignore_errors=True)
    shutil.copytree(build / "site" / "_build" / "html", former)
    shutil.rmtree(finished, ignore_errors=True)
    former.rename(finished)
    return finished / "index.html"
