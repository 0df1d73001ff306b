"""What the chapters share: where the shipped data are, the stamp of a page, numbered tables, videos.

Nothing here computes a result. Everything displays itself in JupyterLab and on a page of the book alike.
"""

from __future__ import annotations

import base64
import html
import inspect
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from perfclone.device import describe, find_device
from perfclone.errors import InputError
from perfclone.provenance import commit
from perfclone.training.settings import Profile, find_profile, stored_settings

REFERENCE = "reference"
"""What chapters take for a profile when nothing shall be trained and all be shown from stored results."""


def budget(profile: str) -> Profile:
    """The profile of that name; for `reference` that of the small actor that is stored with the book, `quick`. InputError for others."""
    return find_profile("quick" if profile == REFERENCE else profile)


def repository() -> Path:
    """The root of the repository that the notebook runs in: the current folder or the one above it.

    Raises:
        InputError: neither holds `data/actors`.
    """
    here = Path.cwd()
    for folder in (here, here.parent):
        if (folder / "data" / "actors").is_dir():
            return folder
    raise InputError(f"data/actors is not in {here} or above it: run the chapter from the repository's root or from book/")


def shipped(name: str) -> Path:
    """A file of the repository's `data/` folder, such as `actors/dee.mp4`. InputError if it is not there."""
    path = repository() / "data" / name
    if not path.exists():
        raise InputError(f"data/{name} is not in this repository")
    return path


def output(name: str) -> Path:
    """Where a chapter may write a file of its own: `build/files/NAME` of the repository. The folder is made."""
    path = repository() / "build" / "files" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


class Shown:
    """Something that displays itself: as MyST Markdown on a page of the book, as HTML elsewhere."""

    def __init__(self, markdown: str, page: str) -> None:
        self.markdown, self.html = markdown, page

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/markdown": self.markdown, "text/html": self.html}


def stamp(profile: str, seed: int, device: str = "auto") -> Shown:
    """What made this page, in one line: profile, device, seed, commit, date."""
    purpose = "stored results, nothing trained" if profile == REFERENCE else find_profile(profile).purpose
    facts = [
        f"profile {profile} ({purpose})",
        describe(find_device(device)),
        f"seed {seed}",
        f"commit {commit() or 'unknown'}",
        datetime.now(UTC).strftime("%Y-%m-%d"),
    ]
    return _line("This page", facts, "{doc}`how to repeat it <status>`")


def made_with(record: dict) -> Shown:
    """What an actor was trained with, in one line: sizes and steps, device, seed, videos, commit, date.

    Args:
        record: an actor's (`Actor.record`), or one that contains it, such as that of a stored result.
    """
    s = stored_settings(record["settings"])
    names = ", ".join(f"{source['name']} ({source['frames']} frames)" for source in record["reference"])
    others = ", ".join(source["name"] for source in record["unpaired"]) or "none: paired branch only"
    facts = [
        f"profile {record['profile']}: {s.size}×{s.size} pixels, {s.steps:,} steps of {s.batch}",
        ", ".join(filter(None, map(record.get, ("device", "precision")))),
        f"seed {record['seed']}",
        f"reference {names}",
        f"unpaired {others}",
        f"commit {record.get('commit') or 'unknown'}",
        f"trained {record['started'][:10]} in {record['seconds']:.0f} s",
    ]
    return _line("This training", facts)


def _line(what: str, facts: list[str], *links: str) -> Shown:
    """Links are there in the book alone."""
    text = " · ".join(facts)
    markdown = " · ".join([*facts, *links])
    return Shown(f":::{{div}} stamp\n**{what}:** {markdown}\n:::", f"<p><small><b>{what}:</b> {html.escape(text)}</small></p>")


def table(rows: pd.DataFrame, caption: str, name: str) -> Shown:
    """A numbered table with a caption; the role `numref` refers to it by its name.

    Args:
        rows: as it shall be read: numbers rounded, headings in words. The index is shown if it has a name.
        caption: MyST Markdown in one line.
        name: label, unique in the book.
    """
    shown = rows.reset_index() if rows.index.name else rows

    def line(cells) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    numeric = [pd.api.types.is_numeric_dtype(kind) for kind in shown.dtypes]
    body = [line(shown.columns), "|" + "|".join("--:" if n else ":--" for n in numeric) + "|"]
    body += [line(row) for row in shown.itertuples(index=False)]
    markdown = "\n".join([f":::{{table}} {caption}", f":name: {name}", "", *body, ":::"])
    return Shown(markdown, shown.style.hide(axis="index").set_caption(caption).to_html())


def source(function: Callable) -> Shown:
    """A function of the library as it stands in its file, folded away under its name."""
    from IPython.display import Code

    lines, number = inspect.getsourcelines(function)
    code = textwrap.dedent("".join(lines)).rstrip()
    name = f"{function.__module__}.{function.__qualname__}"
    place = f"src/{function.__module__.replace('.', '/')}.py, line {number}"
    markdown = f"::::{{dropdown}} `{name}`\n{place}\n```python\n{code}\n```\n::::"
    listing = Code(data=code, language="python")._repr_html_()
    return Shown(markdown, f"<details><summary><code>{name}</code></summary>{place}{listing}</details>")


def video(path: str | Path, alt: str):
    """An mp4, inside the document itself, so that it plays wherever the document is opened.

    Args:
        path: the file.
        alt: what is to be seen, in words.

    Returns:
        An object that IPython displays.
    """
    from IPython.display import HTML

    data = base64.b64encode(Path(path).read_bytes()).decode()
    label = html.escape(alt, quote=True)
    return HTML(
        f'<video controls loop muted playsinline style="max-width: 100%; height: auto" aria-label="{label}" title="{label}" '
        f'src="data:video/mp4;base64,{data}"></video>'
    )
