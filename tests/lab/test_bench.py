"""Benchmarks: the straightforward step computes what the method does, operations are counted right, records are whole."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from perfclone.training import PROFILES
from perfclone_lab.bench.cloning import bench_capture
from perfclone_lab.bench.machine import peak_memory
from perfclone_lab.bench.reference import frames_per_second, stated_times
from perfclone_lab.bench.straightforward import Windows, store_frames
from perfclone_lab.bench.training import forms, straightforward, summary
from perfclone_lab.cli import main
from perfclone_lab.flops import count_flops
from perfclone_lab.ledger.judging import load_family
from perfclone_lab.synthetic_task import Timing, make_step, synthetic_task, timed

CPU = torch.device("cpu")
SMALL = replace(PROFILES["smoke"].settings, width=4, batch=4, precision="fp32", vgg_range="unit")
EVE = Path(__file__).parents[2] / "data" / "actors" / "eve.mp4"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The method's networks and the straightforward ones with the same weights, and the frames stored."""
    folder = tmp_path_factory.mktemp("frames")
    task = synthetic_task(SMALL, CPU)
    store_frames(task, folder)
    plain = straightforward(SMALL, folder, CPU)
    plain.G.load_state_dict(task.nets.G.state_dict())
    for name, discriminator in task.nets.discriminators.items():
        getattr(plain, name).load_state_dict(discriminator.net.state_dict())
    return task, plain, folder


def test_the_straightforward_losses_are_the_methods(both):
    task, plain, folder = both
    at = [3, 17]
    stored = [Windows(folder, 0)[index] for index in at]
    batch = {name: torch.stack([one[name] for one in stored]) for name in stored[0]}
    poses_p, poses_s = (torch.stack([data.joints[i : i + 2] for i in at]) for data in (task.paired, task.unpaired))
    flow = torch.stack([task.unpaired.flow[i : i + 1] for i in at]).float()
    real = torch.stack([task.paired.frames[i : i + 2].flatten(0, 1) for i in at]).float() / 127.5 - 1
    assert torch.allclose(batch["real"], real)
    paired, unpaired = task.nets(poses_p, poses_s)
    assert torch.allclose(batch["maps"], paired.maps, atol=1e-5)
    fakes = plain.G(batch["maps"]), plain.G(batch["driver"])
    ours_d = sum(task.nets.discriminator_loss(name, seen, real) for name, seen in task.nets.seen(paired, unpaired).items())
    assert plain.discriminator_loss(batch, *(fake.detach() for fake in fakes)).item() == pytest.approx(ours_d.item(), rel=1e-4)
    terms = task.nets.generator_losses(paired, unpaired, real, poses_s, flow)
    ours_g = task.nets.objective(terms, SMALL.lambda_s)
    assert plain.generator_loss(batch, *fakes).item() == pytest.approx(ours_g.item(), rel=1e-4)


def test_what_lies_between_the_two_steps_computes_the_same():
    between = {
        name: task.step(SMALL.warmup_steps, torch.Generator().manual_seed(0)) for name, task in forms(SMALL, CPU).items()
    }
    plain, layout, *narrow = between.values()
    for name, value in plain.items():
        assert layout[name].item() == pytest.approx(value.item(), rel=1e-4)
        for one in narrow:
            assert one[name].item() == pytest.approx(value.item(), rel=0.05)


def test_stored_windows_move_poses_and_frames_together(both):
    _, _, folder = both
    torch.manual_seed(0)
    still, moved = Windows(folder, 0)[5], Windows(folder, 8)[5]
    (y, x), (y0, x0) = (divmod(int(one["maps"][0].argmax()), 64) for one in (moved, still))
    by = (y - y0, x - x0)
    assert by != (0, 0) and max(map(abs, by)) <= 8
    inner = torch.roll(still["real"], by, (1, 2))[:, 8:-8, 8:-8]
    assert torch.equal(moved["real"][:, 8:-8, 8:-8], inner)


def test_operations_are_counted_forward_and_backward():
    x, weight = torch.randn(2, 3, 8, 8, requires_grad=True), torch.randn(5, 3, 3, 3, requires_grad=True)
    once = 2 * 2 * 5 * 8 * 8 * 3 * 3 * 3
    assert count_flops(lambda: F.conv2d(x, weight, padding=1)) == once
    assert count_flops(lambda: F.conv2d(x, weight, padding=1).sum().backward()) == 3 * once


def test_both_steps_count_the_same_but_for_gradients_that_only_the_plain_one_makes(both):
    task, plain, _ = both
    ours, theirs = count_flops(make_step(task)), count_flops(plain.step)
    assert 0.85 < ours / theirs <= 1


def test_things_are_timed_in_turn():
    order = []
    timings = timed(lambda: order.append("a"), lambda: order.append("b"), seconds=0, device=CPU, warm_up=1, least=3)
    assert order == ["a", "b"] + ["a", "b"] * 3
    assert [len(timing.times_s) for timing in timings] == [3, 3]


def test_a_summary_is_what_times_and_operations_say():
    made = summary(Timing((0.1, 0.2, 0.3)), 4_000_000_000, "fp32", 100e9, 3 * 2**20)
    assert (made["median_ms"], made["repeats"], made["peak_memory_mib"]) == (200.0, 3, 3.0)
    assert (made["p10_ms"], made["p90_ms"]) == pytest.approx((120.0, 280.0))
    assert (made["gflop_per_s"], made["share_of_peak"]) == (20.0, 0.2)


def take(mebibytes):
    """Take memory and give it back."""
    bytearray(b"x") * (mebibytes * 2**20)


def test_peak_memory_is_of_the_work_alone():
    held = bytearray(b"x") * (100 * 2**20)  # by this process
    peak = peak_memory(take, 64, device=CPU)
    if peak is None:
        pytest.skip("this system does not tell")
    assert len(held) > 0
    assert 60 < peak / 2**20 < 90


def check_whole(record):
    """Facts about any record of the bench."""
    for name in ("ours", "straightforward"):
        one = record[name]
        assert one["p10_ms"] <= one["median_ms"] <= one["p90_ms"]
        assert 0 < one["share_of_peak"] < 1.5
    ratio = record["straightforward"]["median_ms"] / record["ours"]["median_ms"]
    assert record["speedup"] == pytest.approx(ratio, rel=0.02)
    assert {"torch", "perfclone"} <= record["versions"].keys()


def test_the_commands_give_whole_records(tmp_path, capfd):
    out = tmp_path / "record.json"
    sizes = ["--size", "64", "--width", "4", "--seconds", "1", "--device", "cpu", "--out", str(out)]
    for arguments in (["train", "--batch", "4"], ["clone"]):
        assert main(["bench", *arguments, *sizes]) == 0
        assert "times as fast" in capfd.readouterr().out
        record = json.loads(out.read_text())
        check_whole(record)
        assert record["settings"]["width"] == 4
        if arguments[0] == "train":
            assert list(record["one_by_one"].values())[-1] == record["ours"]["median_ms"]


def test_a_capture_is_timed_by_stage():
    record = bench_capture(EVE)
    stages = record["stages_ms"]
    assert min(stages.values()) > 0
    assert max(stages, key=stages.get) == "pose"
    assert record["ms_a_frame"] == pytest.approx(sum(stages.values()) + stages["decode"], abs=0.01)


def test_sizes_that_can_not_be_are_refused(capfd):
    assert main(["bench", "train", "--size", "100"]) == 2
    assert "power of two" in capfd.readouterr().err
    assert main(["bench", "clone", "--device", "abacus"]) == 2
    assert "abacus" in capfd.readouterr().err


def test_the_papers_times_make_the_papers_sums():
    records = {"ours": {"median_ms": 128.0}}, {"stages_ms": {"generator": 45.0}}, {"stages_ms": {"pose": 35.0}}
    found = stated_times(*records, steps=112_500)
    assert found["total_ms"] == 80 and found["frames_per_second_on_two_devices"] == 25
    assert found["training_hours"] == 4
    assert frames_per_second(35, 45) == {"one device": 12.5, "two in a row": pytest.approx(22.2, abs=0.03), "two in turn": 25}


WITHOUT_VIDEO = """
import sys
from pathlib import Path
sys.modules["av"] = sys.modules["mediapipe"] = None  # as if they were not installed
from perfclone.training import PROFILES
from perfclone_lab.bench.reference import store_stated_times
store_stated_times(Path(sys.argv[1]), "cpu", PROFILES["smoke"], 0.2)
"""


def test_a_machine_without_video_libraries_stores_the_times_that_it_has_and_says_what_is_missing(tmp_path):
    (tmp_path / "actors").mkdir()
    (tmp_path / "actors" / "eve.mp4").symlink_to(EVE)
    subprocess.run([sys.executable, "-c", WITHOUT_VIDEO, str(tmp_path)], check=True)
    record = json.loads((tmp_path / "reference" / "online-cloning" / "record.json").read_text())
    assert set(record["runs"][0]["summary"]) == {"generator_ms", "training_hours"}
    assert record["left_out"] == {"capture": "there is no av here", "encoder": "there is no av here"}
    for kind in ("train", "clone"):
        check_whole(record["records"][kind])
    assert set(record["records"]["clone"]["stages_ms"]) == {"generator", "picture"}
    assert load_family(tmp_path / "reference" / "online-cloning").profile == "smoke"
