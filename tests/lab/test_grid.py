"""Many runs at once give what one after the other gives, on one machine and on several, one of which is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from queue import Queue
from threading import Thread

import psutil
import pytest
import torch

from perfclone.errors import InputError
from perfclone.training import TrainSettings
from perfclone_lab.experiments.grid import _begin, _run_there, make_on_ray
from perfclone_lab.experiments.spec import RunSpec
from perfclone_lab.experiments.store import Store

ROOT = Path(__file__).parents[2]

SCRIPT = """
import os, sys, time
from pathlib import Path
import torch
from perfclone_lab.experiments.grid import make
from perfclone_lab.experiments.spec import RunSpec
from perfclone_lab.experiments.store import Store
from perfclone.training import TrainSettings

if __name__ == "__main__":
    torch.set_num_threads(2)
    settings = TrainSettings(size=64, width=4, patch_layers=1, steps=int(sys.argv[3]), batch=2)
    specs = [RunSpec(actor="eve", settings=settings, profile="smoke", seed=k) for k in (0, 1)]
    store = Store(Path(sys.argv[1]), Path(sys.argv[2]))
    print("go", flush=True)
    make(specs, store, "cpu")
    print(*(store.find(spec).provenance["device"] for spec in specs), sep="; ")
"""


def run_script(root, steps):
    command = [sys.executable, "-c", SCRIPT, str(ROOT / "data"), str(root), str(steps)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def test_runs_that_are_made_side_by_side_are_those_that_one_after_the_other_gives(tmp_path):
    process = run_script(tmp_path / "both", 2)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and said.splitlines()[-1] == "CPU, 1 thread; CPU, 1 thread"
    alone = Store(ROOT / "data", tmp_path / "alone")
    for run in Store(ROOT / "data", tmp_path / "both").runs():
        assert alone.run(run.spec, "cpu").summary == run.summary


SHARES = """
import subprocess
import sys
from perfclone_lab.experiments.grid import side_by_side

def threads(_):
    ask = "import torch; print(torch.get_num_threads())"
    return int(subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout)

if __name__ == "__main__":
    print(*side_by_side(threads, [0, 1], "cpu"))
"""


def test_what_work_at_the_same_time_starts_shares_the_cores_with_the_other(tmp_path):
    (tmp_path / "shares.py").write_text(SHARES)
    command = [sys.executable, str(tmp_path / "shares.py")]
    said = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "2"}, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["1", "1"]


def test_when_the_process_is_killed_its_helpers_end_too(tmp_path):
    process = run_script(tmp_path, 100_000)
    assert process.stdout.readline() == "go\n"
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("*/actor/actor.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    helpers = psutil.Process(process.pid).children(recursive=True)
    assert len(helpers) >= 2
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(helpers, timeout=15)
    assert not alive


def test_each_helper_takes_a_gpu_of_its_own(monkeypatch):
    free = Queue()
    for gpu in ("2", "5"):
        free.put(gpu)
    threads = torch.get_num_threads()
    for gpu in ("2", "5"):
        _begin(os.getppid(), threads, free)
        assert os.environ["CUDA_VISIBLE_DEVICES"] == gpu
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")


# ---- Ray ----


@pytest.fixture
def cluster():
    """Two nodes on this machine, with a core each."""
    pytest.importorskip("ray")
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    cluster.nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_when_a_machine_is_lost_its_runs_go_on_elsewhere_and_no_run_is_made_twice(cluster, tmp_path):
    settings = TrainSettings(size=64, width=4, patch_layers=1, steps=100, batch=2)
    specs = [RunSpec(actor="eve", settings=settings, profile="smoke", seed=k) for k in range(4)]
    store = Store(ROOT / "data", tmp_path / "cluster")
    made = Thread(target=make_on_ray, args=(specs, store, cluster.address), daemon=True)
    made.start()
    while not (early := list(store.root.glob("*/metrics.json"))):
        time.sleep(0.1)
    time.sleep(0.5)  # into the next ones
    finished = {path: path.stat().st_mtime_ns for path in early}
    cluster.remove_node(cluster.nodes[0], allow_graceful=False)
    made.join(240)
    runs = [store.find(spec) for spec in specs]
    assert all(runs)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    local = [Store(ROOT / "data", tmp_path / "local").run(spec, "cpu") for spec in specs]
    for there, here in zip(runs, local, strict=True):  # a worker of Ray's adds up in another order
        assert there.summary == pytest.approx(here.summary, rel=1e-6)


def test_a_machine_that_would_make_another_result_refuses(tmp_path):
    spec = RunSpec(actor="eve", settings=TrainSettings(size=64, steps=1), profile="smoke").as_dict()
    with pytest.raises(InputError, match="another version or other videos"):
        _run_there(spec, str(ROOT / "data"), str(tmp_path), "another hash")
    with pytest.raises(InputError, match="does not see"):
        _run_there(spec, str(ROOT / "data"), str(tmp_path / "elsewhere"), "another hash")


def test_without_a_cluster_there_is_one_line_that_says_how_to_start_one(tmp_path):
    pytest.importorskip("ray")
    with pytest.raises(InputError, match="ray start --head"):
        make_on_ray([], Store(ROOT / "data", tmp_path), "auto")
