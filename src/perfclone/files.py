"""Writing files so that nothing half-made is ever left behind."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from .errors import InputError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def replacing(path: str | Path, *, folder: bool = False) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and vanishes when it does not.

    Parent folders are made. With `folder`, the temporary is an empty folder and `path` must not exist or be an empty folder.

    Raises:
        InputError: the place can't be written, or the disk is full.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not folder:
            raise InputError(f"{path} is a folder; give the name of a file to write")
        if folder:
            temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
        else:
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
            os.close(handle)
            temporary = Path(name)
        yield temporary
        temporary.chmod((0o777 if folder else 0o666) & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        raise _explained(path, error) from error
    finally:
        if temporary is not None and temporary.exists():
            shutil.rmtree(temporary) if folder else temporary.unlink()


def _explained(path: Path, error: OSError) -> InputError:
    if error.errno in _FULL:
        return InputError(f"the disk is full, {path} was not written; free some space or write elsewhere")
    return InputError(f"{path} can't be written ({error.strerror or error}); choose another place")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file at once, flushed to the disk: a crash leaves the old file or the new one, never a part. See `replacing`."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def write_json(path: str | Path, value: object) -> None:
    """`write_bytes` of JSON that a person can read."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def cache_folder(kind: str) -> Path:
    """Where things are kept that can be made again: $PERFCLONE_CACHE, or the system's place for caches. Not created here."""
    return Path(os.environ.get("PERFCLONE_CACHE") or platformdirs.user_cache_dir("perfclone")) / kind


def check_writable(path: str | Path) -> None:
    """Before hours of work: find out that its result could not be written. InputError if so; nothing is made."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the name of a file to write")
    above = next(folder for folder in path.absolute().parents if folder.exists())
    try:
        tempfile.TemporaryFile(dir=above).close()
    except OSError as error:
        raise _explained(path, error) from error
