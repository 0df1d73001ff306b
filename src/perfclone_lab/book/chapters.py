"""Executing chapters with papermill, each only when something that it depends on has changed.

That is: its own text, the parts of the library that it imports, the shipped data, the pinned versions, the
profile, the seed and the device. Their hash is written into the executed copy as its key, so a copy and its key can't part,
and a run that was cut short leaves the former copy in place.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from modulefinder import ModuleFinder
from pathlib import Path

import nbformat
import papermill
import psutil
from nbclient.exceptions import DeadKernelError

from perfclone.device import describe, find_device, threads_for
from perfclone.errors import InputError
from perfclone.provenance import commit, versions

from ..experiments.grid import side_by_side
from ..notebook import REFERENCE, budget

SOURCE = Path(__file__).parents[2]
"""The folder that holds the library's packages."""


def run_chapters(chapters: list[Path], pages: Path, runs: Path, parameters: dict[str, str | int]) -> None:
    """Execute each chapter that is not up to date; the finished copies come into `pages`.

    One after the other where each trains on all of the machine. Where trainings take one thread (`device.threads_for`), or at the profile
    `reference` nothing trains, as many at once as there are cores, up to four, from the last: the later chapters take longer, and the
    short ones fill what time is left.

    Raises:
        InputError: chapters failed. The others were still executed, and the message names each failing chapter and cell.
    """
    work = []
    for number, chapter in enumerate(chapters, start=1):
        label = f"[{number}/{len(chapters)}] {chapter.stem}"
        key = dependency_key(chapter, parameters)
        if read_run(pages / chapter.name).get("key") == key:
            print(f"{label}: unchanged", flush=True)
        else:
            work.append((label, chapter, key))
    run = partial(_run_aloud, pages=pages, runs=runs, parameters=parameters)
    if parameters["profile"] == REFERENCE or _small(parameters):
        found = side_by_side(run, work[::-1], "cpu")[::-1]
    else:
        found = [run(one) for one in work]
    if failures := [failure for failure in found if failure]:
        raise InputError("; ".join(failures) + f"; the runs so far are in {runs}, and the site is left as it was")


def _small(parameters: Mapping[str, str | int]) -> bool:
    """Whether the trainings of a profile take one thread each here."""
    s, device = budget(str(parameters["profile"])).settings, find_device(str(parameters["device"]))
    return device.type == "cpu" and threads_for(s.size, s.width, device) == 1


def _run_aloud(work: tuple[str, Path, str], pages: Path, runs: Path, parameters: Mapping) -> str | None:
    label, chapter, key = work
    print(f"{label}: running", flush=True)
    failure = run_chapter(chapter, pages / chapter.name, runs / chapter.name, parameters, key)
    if failure:
        print(f"{label}: {failure}", file=sys.stderr, flush=True)
    return failure and f"{chapter.name} {failure}"


def dependency_key(chapter: Path, parameters: dict[str, str | int]) -> str:
    """Hash of all that a chapter's result depends on: change any of it and the chapter runs again."""
    digest = hashlib.sha256(repr(sorted(parameters.items())).encode())
    data = sorted(path for path in Path("data").rglob("*") if path.is_file())
    pins = [path for path in [Path("constraints.txt")] if path.is_file()]
    for path in [chapter, *library_files(chapter), *data, *pins]:
        name = path.relative_to(SOURCE) if path.is_relative_to(SOURCE) else path
        digest.update(str(name).encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def library_files(chapter: Path) -> list[Path]:
    """The library's modules that a chapter imports, directly or through others, wherever in the code the import stands."""
    cells = nbformat.read(chapter, as_version=4).cells
    finder = ModuleFinder(path=[str(SOURCE)])  # where only the library is found: nothing else is followed
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "chapter.py"
        script.write_text("\n\n".join(cell.source for cell in cells if cell.cell_type == "code"), "utf-8")
        finder.run_script(str(script))
    files = {Path(module.__file__) for name, module in finder.modules.items() if module.__file__ and name != "__main__"}
    return sorted(files)


def run_chapter(chapter: Path, page: Path, run: Path, parameters: dict[str, str | int], key: str) -> str | None:
    """Execute a chapter into `run`; put the finished copy at `page`. Returns what failed, or None."""
    run.parent.mkdir(parents=True, exist_ok=True)
    started, clock = datetime.now(UTC), time.perf_counter()
    with PeakMemory() as memory:
        failure = execute(chapter, run, parameters)
    if failure:
        return failure
    notebook = nbformat.read(run, as_version=4)
    fold_parameters(notebook)
    notebook.metadata["perfclone"] = {
        "key": key,
        "parameters": parameters,
        "device": describe(find_device(str(parameters["device"]))),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - clock, 1),
        "peak_bytes": memory.peak,
        "commit": commit(),
        "versions": versions() | {name: metadata.version(name) for name in ("papermill", "jupyter-book")},
    }
    temporary = page.with_suffix(".tmp")
    nbformat.write(notebook, temporary)
    os.replace(temporary, page)
    run.unlink()
    return None


def execute(chapter: Path, run: Path, parameters: dict[str, str | int]) -> str | None:
    """papermill. Returns what failed, in one line: the cell as the chapter counts them, its last line of code, the error."""
    # This interpreter's own kernel, not one of the same name that another environment has left in the user's folder.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    os.environ.pop("JUPYTER_PATH", None)
    try:
        papermill.execute_notebook(
            chapter, run, parameters, kernel_name="python3", extra_arguments=["--IPKernelApp.log_level=40"]
        )
    except papermill.PapermillExecutionError as error:
        print(error, file=sys.stderr, flush=True)
        code = error.source.strip().splitlines() or [""]
        # papermill's own cell, with the parameters given, comes after the one with the defaults and is not in the chapter.
        number = error.cell_index + (error.cell_index <= parameters_cell(chapter))
        return f"failed in cell {number} (`{code[-1]}`): {error.ename}: {error.evalue}"
    except DeadKernelError:
        return "lost its kernel (killed, or out of memory)"
    return None


class PeakMemory:
    """While it is entered: the most memory, in bytes, that this process's children held at once, looked at every 0.2 s."""

    def __enter__(self) -> PeakMemory:
        self.peak, self._done = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.2):
            held = 0
            for child in psutil.Process().children(recursive=True):
                try:
                    held += child.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.peak = max(self.peak, held)


def parameters_cell(chapter: Path) -> int:
    """The index of the cell that holds the defaults; -1 if there is none."""
    cells = nbformat.read(chapter, as_version=4).cells
    return next((i for i, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", [])), -1)


def fold_parameters(notebook: nbformat.NotebookNode) -> None:
    """Show the parameters that were used where the chapter has its defaults, and hide the cell that papermill injected."""
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
    injected = next((i for i, tag in enumerate(tags) if "injected-parameters" in tag), None)
    defaults = next((i for i, tag in enumerate(tags) if "parameters" in tag), None)
    if injected is not None and defaults is not None:
        notebook.cells[defaults].source = notebook.cells[injected].source.replace("# Parameters", "# Parameters of this run", 1)
        del notebook.cells[injected]


def read_run(page: Path) -> dict:
    """What `run_chapter` wrote about an executed chapter; {} if there is none."""
    if not page.is_file():
        return {}
    return dict(nbformat.read(page, as_version=4).metadata.get("perfclone", {}))
