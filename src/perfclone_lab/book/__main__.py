"""`python -m perfclone_lab.book`: exit code 0, and where the site is; or 1, and one last line that says what went wrong."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from perfclone.device import find_device
from perfclone.errors import InputError

from ..notebook import budget
from .api import write_api
from .chapters import run_chapters
from .site import check_book, mirror, render, table_of_contents, write_status


def make(build: Path, parameters: dict[str, str | int]) -> Path:
    """Bring every chapter and the site up to date; returns the site's first page.

    Raises:
        InputError: there is no book here, a chapter failed (the others still ran, each failing chapter and cell is named), or
            Jupyter Book finds fault with a page.
    """
    check_book()
    budget(str(parameters["profile"]))
    find_device(str(parameters["device"]))
    pages = build / "book"
    chapters = [path for path in table_of_contents() if path.suffix == ".ipynb"]
    mirror(pages)
    write_api(pages)
    run_chapters(chapters, pages, build / "run", parameters)
    write_status(pages, [path.name for path in chapters])
    return render(pages, build)


def main() -> None:
    """Read the command line and make the book."""
    parser = argparse.ArgumentParser(
        "python -m perfclone_lab.book", description="Execute the chapters of book/ and build the site."
    )
    parser.add_argument(
        "--profile",
        default="quick",
        help="how much to train, see `perfclone profiles`; or reference, to show stored results (default: quick)",
    )
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
    except KeyboardInterrupt:
        sys.exit("perfclone: stopped; the chapters that are done are kept, the same command goes on with the others")
    print(f"the book is at {page.resolve().as_uri()}")


if __name__ == "__main__":
    main()
