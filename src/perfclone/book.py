"""The book's chain: `python -m perfclone.book` executes each chapter with papermill, then renders the pages with Jupyter Book.

A chapter runs again only when something that it depends on has changed: its own text, the library, the shipped data, the
pinned versions, the profile, the seed or the device. What it depended on is written into the executed copy as a key, so a
copy and its key can't part, and a run that was cut short leaves the former copy in place.

    BUILD/run/    executions under way, and those that failed (open one to see where)
    BUILD/book/   the book's files with the executed chapters: Jupyter Book's input
    BUILD/site/   Jupyter Book's working folder
    BUILD/html/   the finished site; replaced as a whole, and only by one that was built without a warning
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import yaml
from nbclient.exceptions import DeadKernelError

from perfclone.errors import InputError

BOOK = Path("book")
CONFIG = Path("_config.yml")


def main() -> None:
    """The command line: exit code 0, and where the site is; or 1, and one last line on standard error that says what went wrong."""
    parser = argparse.ArgumentParser(
        "python -m perfclone.book", description="Execute the chapters of book/ and build the site."
    )
    parser.add_argument("--profile", default="quick", help="how much to train, see `perfclone profiles` (default: quick)")
    parser.add_argument("--seed", type=int, default=0, help="of every random choice (default: 0)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    parser.add_argument(
        "--build", type=Path, default=Path("build"), help="folder for the chapters and the site (default: build)"
    )
    args = parser.parse_args()
    try:
        page = make(args.build, {"profile": args.profile, "seed": args.seed, "device": args.device})
    except InputError as error:
        sys.exit(f"perfclone: {error}")
    print(f"the book is at {page.resolve().as_uri()}")


def make(build: Path, parameters: dict[str, str | int]) -> Path:
    """Bring every chapter and the site up to date; returns the site's first page.

    Raises InputError when there is no book here, when a chapter fails (the others still run, the message names each
    failing chapter and cell) and when Jupyter Book finds fault with a page.
    """
    if not (BOOK / "_toc.yml").is_file() or not CONFIG.is_file():
        raise InputError(f"{BOOK}/_toc.yml and {CONFIG} are not here; run this from the repository's root")
    pages = build / "book"
    chapters = [path for path in table_of_contents() if path.suffix == ".ipynb"]
    mirror_assets(pages)
    failures = []
    for number, chapter in enumerate(chapters, start=1):
        label = f"[{number}/{len(chapters)}] {chapter.stem}"
        key = dependency_key(chapter, parameters)
        if is_current(pages / chapter.name, key):
            print(f"{label}: unchanged", flush=True)
            continue
        print(f"{label}: running", flush=True)
        try:
            execute(chapter, pages / chapter.name, build / "run" / chapter.name, parameters, key)
        except (papermill.PapermillExecutionError, DeadKernelError) as error:
            failures.append(f"{chapter.name} {what_failed(error)}")
            print(f"{label}: failed\n{error}", file=sys.stderr, flush=True)
    if failures:
        raise InputError("; ".join(failures) + f"; the runs so far are in {build / 'run'}, and the site is left as it was")
    return render(pages, build)


def table_of_contents() -> list[Path]:
    """The book's pages in reading order, as paths in book/."""

    def files(entry: object) -> list[str]:
        if isinstance(entry, list):
            return [name for part in entry for name in files(part)]
        if isinstance(entry, dict):
            own = [entry[word] for word in ("root", "file") if word in entry]
            return own + [name for word in ("parts", "chapters", "sections") for name in files(entry.get(word))]
        return []

    names = files(yaml.safe_load((BOOK / "_toc.yml").read_text("utf-8")))
    pages = [BOOK / name if Path(name).suffix in (".md", ".ipynb") else find_page(name) for name in names]
    missing = [str(page) for page in pages if not page.is_file()]
    if missing:
        raise InputError(f"{BOOK}/_toc.yml names {', '.join(missing)}, which is not there")
    return pages


def find_page(name: str) -> Path:
    """A table of contents may leave the suffix out."""
    return next((page for suffix in (".md", ".ipynb") if (page := BOOK / (name + suffix)).is_file()), BOOK / name)


def mirror_assets(pages: Path) -> None:
    """Make `pages` hold what book/ holds, except for the chapters, which come executed; what has left book/ leaves it too."""
    wanted = {path.relative_to(BOOK) for path in BOOK.rglob("*") if path.is_file() and ".ipynb_checkpoints" not in path.parts}
    for path in [path for path in pages.rglob("*") if path.is_file()]:
        if path.relative_to(pages) not in wanted:
            path.unlink()
    for name in wanted:
        if name.suffix != ".ipynb":
            (pages / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(BOOK / name, pages / name)


def dependency_key(chapter: Path, parameters: dict[str, str | int]) -> str:
    """Hash of all that a chapter's result depends on: change any of it and the chapter runs again."""
    library = Path(__file__).parent
    pins = [path for path in [Path("constraints.txt")] if path.is_file()]
    data = sorted(path for path in Path("data").rglob("*") if path.is_file())
    digest = hashlib.sha256(repr(sorted(parameters.items())).encode())
    digest.update(os.environ.get("PERFCLONE_VGG19", "").encode())  # which VGG-19 bank the losses see
    for path in [chapter, *sorted(library.rglob("*.py")), *data, *pins]:
        name = path.relative_to(library) if path.is_relative_to(library) else path
        digest.update(str(name).encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_current(page: Path, key: str) -> bool:
    return page.is_file() and nbformat.read(page, as_version=4).metadata.get("perfclone", {}).get("key") == key


def execute(chapter: Path, page: Path, run: Path, parameters: dict[str, str | int], key: str) -> None:
    """Run `chapter` from the repository's root into `run`; put the finished copy, with its key, at `page`."""
    # This interpreter's own kernel, not one of the same name that another environment has left in the user's folder.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    os.environ.pop("JUPYTER_PATH", None)
    run.parent.mkdir(parents=True, exist_ok=True)
    papermill.execute_notebook(chapter, run, parameters, kernel_name="python3", extra_arguments=["--IPKernelApp.log_level=40"])
    notebook = nbformat.read(run, as_version=4)
    fold_parameters(notebook)
    notebook.metadata["perfclone"] = {"key": key, "parameters": parameters}
    temporary = page.with_suffix(".tmp")
    nbformat.write(notebook, temporary)
    os.replace(temporary, page)
    run.unlink()


def what_failed(error: papermill.PapermillExecutionError | DeadKernelError) -> str:
    """The failing cell by its number and last line of code, and the error in one line."""
    if isinstance(error, DeadKernelError):
        return "lost its kernel (killed, or out of memory)"
    code = error.source.strip().splitlines() or [""]
    return f"failed in cell {error.cell_index + 1} (`{code[-1]}`): {error.ename}: {error.evalue}"


def fold_parameters(notebook: nbformat.NotebookNode) -> None:
    """Show the parameters that were used where the chapter has its defaults, and hide the cell that papermill injected."""
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
    injected = next((i for i, tag in enumerate(tags) if "injected-parameters" in tag), None)
    defaults = next((i for i, tag in enumerate(tags) if "parameters" in tag), None)
    if injected is not None and defaults is not None:
        notebook.cells[defaults].source = notebook.cells[injected].source.replace("# Parameters", "# Parameters of this run", 1)
        del notebook.cells[injected]


def render(pages: Path, build: Path) -> Path:
    """Jupyter Book over the executed chapters, every warning an error; returns the finished site's first page."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(pages)]
    command += ["--config", str(CONFIG), "--path-output", str(build / "site"), "-n", "-W", "--keep-going", "--all", "--quiet"]
    if subprocess.run(command, check=False).returncode:
        raise InputError("Jupyter Book found fault with the pages (its lines are above); the site is left as it was")
    finished, former = build / "html", build / "html.tmp"
    shutil.rmtree(former, ignore_errors=True)
    shutil.copytree(build / "site" / "_build" / "html", former)
    shutil.rmtree(finished, ignore_errors=True)
    os.replace(former, finished)
    return finished / "index.html"


if __name__ == "__main__":
    main()
