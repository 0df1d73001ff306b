"""Many runs at once: on the machine's own devices, or on several machines with Ray."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import torch

from perfclone.device import find_device
from perfclone.errors import InputError
from perfclone.progress import progress

from .spec import RunSpec
from .store import Store

AT_ONCE = 4
"""Runs that are made side by side on a CPU at most, since each holds its videos in memory, 1 to 2 GB."""


def make(specs: Sequence[RunSpec], store: Store, device: str = "auto") -> None:
    """Make whatever is not in the store yet, see `side_by_side`. InputError as `Store.run`."""
    missing = [spec for spec in dict.fromkeys(specs) if store.find(spec) is None]
    side_by_side(partial(store.run, device=find_device(device).type), missing, device)


def side_by_side(work: Callable[[Any], Any], items: Sequence, device: str = "auto") -> list:
    """Do some work on each item, at once where the machine has several GPUs, or no GPU and several cores.

    Networks as small as those for a CPU keep one core busy and hardly a second one, so that two trainings at once are done sooner.

    Args:
        work: takes one item, in a process of its own with a GPU of its own.
        items: they have to survive pickling, as do the work and what it gives.
        device: `auto`, `cpu` or `cuda`.

    Returns:
        What the work gave for each item.
    """
    place, gpus = find_device(device), _gpus()
    workers = min(len(items), len(gpus) if place.type == "cuda" else min(torch.get_num_threads(), AT_ONCE))
    if workers < 2:
        return [work(item) for item in items]
    context = get_context("spawn")
    free = context.Queue()
    for gpu in gpus[:workers]:
        free.put(gpu)
    begin = os.getpid(), max(1, torch.get_num_threads() // workers), free if place.type == "cuda" else None
    with ProcessPoolExecutor(workers, context, _begin, begin) as pool:
        return list(pool.map(work, items))


def _gpus() -> list[str]:
    """The names by which CUDA_VISIBLE_DEVICES knows the GPUs that can be seen."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",") if named else [str(k) for k in range(torch.cuda.device_count())]


def _begin(parent: int, threads: int, free: Queue | None) -> None:
    """In a process that makes some of the runs: take a GPU of one's own, and end when the process that began it has ended."""
    if free is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = free.get()  # before CUDA is asked for anything here
    torch.set_num_threads(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)  # for what it starts, such as a kernel
    Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


# ---- Ray ----


def make_on_ray(specs: Sequence[RunSpec], store: Store, address: str) -> None:
    """Make whatever is not in the store yet on a Ray cluster, each run with a GPU of its own, or a core where there is no GPU.

    Library, videos and the store's folder have to be on all machines under the same paths, the store as a network folder. A run
    whose machine is lost goes on from its checkpoint on another one. Who has a run holds its lock, so that no two make it.

    Args:
        address: as `ray.init` takes it, `auto` for the cluster that this machine is part of.

    Raises:
        InputError: Ray is not installed, there is no cluster there, a machine has another version or other videos than this
            one or does not see the store, or as `Store.run`.
    """
    missing = [spec for spec in dict.fromkeys(specs) if store.find(spec) is None]
    store.root.mkdir(parents=True, exist_ok=True)
    ray = _ray(address)
    options = {"num_gpus": 1} if ray.cluster_resources().get("GPU") else {"num_cpus": 1}
    there = ray.remote(max_retries=-1, **options)(_run_there)
    where = str(store.data.resolve()), str(store.root.resolve())
    pending = [there.remote(spec.as_dict(), *where, spec.content_hash(store.data)) for spec in missing]
    with progress(total=len(pending), desc="runs") as bar:
        while pending:
            (done,), pending = ray.wait(pending, num_returns=1)
            try:
                ray.get(done)
            except ray.exceptions.RayTaskError as error:
                raise error.cause if isinstance(error.cause, InputError) else error  # noqa: B904
            bar.update()


def _ray(address: str):
    try:
        import ray
    except ModuleNotFoundError as error:
        raise InputError("several machines need Ray: pip install 'perfclone[cluster]' on each") from error
    try:
        if not ray.is_initialized():
            ray.init(address, log_to_driver=False, configure_logging=False)
    except (ConnectionError, ValueError) as error:
        raise InputError(f"there is no Ray cluster at {address}: start one with ray start --head") from error
    return ray


def _run_there(spec: dict, data: str, root: str, wanted: str) -> None:
    """On a machine of the cluster. Ray has set the GPU and the threads."""
    found, store = RunSpec.from_dict(spec), Store(Path(data), Path(root))
    if not store.root.is_dir():
        raise InputError(f"{os.uname().nodename} does not see {root}: put the cache in a network folder (PERFCLONE_CACHE)")
    if found.content_hash(store.data) != wanted:
        raise InputError(f"{os.uname().nodename} has another version or other videos: install the same on all machines")
    store.run(found)
