"""Training: which term moves which network, what a batch is, and that resuming changes nothing."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from perfclone.errors import InputError
from perfclone.metrics import rmse
from perfclone.nets import VGGFeatures
from perfclone.training import PROFILES, TrainSettings, load_actor, split, train
from perfclone.training.batches import PairedData, UnpairedData
from perfclone.training.cuda_graph import WARM_UP
from perfclone.training.loop import Training
from perfclone.training.networks import Networks, generate
from perfclone.training.two_branches import TwoBranches
from perfclone_lab.bench.training import Launched
from perfclone_lab.synthetic_task import synthetic_task

CPU = torch.device("cpu")
TINY = replace(PROFILES["smoke"].settings, steps=20, batch=4)


def phi():
    return VGGFeatures()


def poses(count, window, seed=0):
    return torch.rand(count, window, 18, 2, generator=torch.Generator().manual_seed(seed)) * 200 + 28


def gradient(nets, loss):
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(nets.G.parameters()), retain_graph=True)])


@pytest.mark.parametrize("window", [1, 2, 3])
def test_the_unpaired_branch_moves_the_generator_only_when_lambda_s_is_not_zero_and_by_both_its_terms(window):
    torch.manual_seed(0)
    settings = replace(TINY, window=window)
    nets = Networks(settings)
    length = max(window, 2)
    unpaired_poses, flow = poses(2, length, 1), torch.zeros(2, length - 1, 2, 64, 64)
    paired, unpaired = nets(poses(2, window), unpaired_poses.reshape(-1, window, 18, 2))
    terms = nets.generator_losses(paired, unpaired, torch.zeros(2, 3 * window, 64, 64), unpaired_poses, flow)
    paired_only = {name: terms[name] for name in ("gan_p", "vgg")}
    alone = gradient(nets, nets.objective(paired_only, 0.1))
    assert torch.equal(gradient(nets, nets.objective(terms, 0.0)), alone)
    assert not torch.equal(gradient(nets, nets.objective(terms, 0.1)), alone)
    for name in ("gan_s", "tc"):
        assert gradient(nets, terms[name]).abs().max() > 0


@pytest.mark.parametrize(
    "adversarial, vgg, l1", [(False, 0.0, 100.0), (False, 10.0, 0.0), (True, 0.0, 100.0), (True, 10.0, 0.0)]
)
def test_the_four_losses_of_figure_3_are_weighted_sums_of_their_own_terms_alone(adversarial, vgg, l1):
    torch.manual_seed(0)
    settings = replace(TINY, adversarial=adversarial, lambda_vgg=vgg, lambda_l1=l1)
    nets, real = Networks(settings), torch.zeros(2, 6, 64, 64)
    paired, _ = nets(poses(2, 2), None)
    assert ("D_p" in nets.seen(paired, None)) == adversarial
    terms = nets.generator_losses(paired, None, real)
    weights = {"gan_p": float(adversarial), "vgg": vgg, "l1": l1}
    assert set(terms) == {name for name, weight in weights.items() if weight}
    assert nets.objective(terms, 0.0).item() == pytest.approx(sum(weights[name] * term.item() for name, term in terms.items()))


def test_each_step_has_the_learning_rate_of_its_number(dee, tmp_path):
    run = training(tmp_path, dee, dee, replace(TINY, steps=4, decay_share=0.5, learning_rate=0.3, warmup_share=1.0))
    rates = []
    for _ in range(4):
        run.train_step()
        rates.append(run.task.optimisers["G"].param_groups[0]["lr"])
    assert rates == pytest.approx([0.3, 0.3, 0.2, 0.1])


def test_without_a_discriminator_there_is_none_to_train(dee, tmp_path):
    run = training(tmp_path, dee, dee, replace(TINY, adversarial=False, warmup_share=1.0))
    before = [p.clone() for p in run.task.nets.discriminators.D_p.parameters()]
    losses = run.train_step()
    assert set(losses) == {"vgg"}
    assert all(torch.equal(a, b) for a, b in zip(before, run.task.nets.discriminators.D_p.parameters()))


def test_adam_with_moments_made_at_once_moves_weights_as_torchs_own_does():
    torch.manual_seed(0)
    ours, theirs = (torch.nn.Conv2d(3, 8, 3) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    task, s = synthetic_task(TINY, torch.device("cpu")), TINY
    optimisers = [
        task.adam(ours),
        torch.optim.Adam(theirs.parameters(), lr=s.learning_rate, betas=(s.beta1, s.beta2), fused=True),
    ]
    for _ in range(3):
        x = torch.randn(2, 3, 8, 8)
        for net, optimiser in zip((ours, theirs), optimisers):
            optimiser.zero_grad()
            net(x).square().mean().backward()
            optimiser.step()
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters()))


def test_settings_without_any_loss_are_refused():
    with pytest.raises(ValueError, match="nothing to minimise"):
        TrainSettings(adversarial=False, lambda_vgg=0.0)


def test_discriminators_learn_nothing_into_the_generator_and_see_what_the_equations_say():
    torch.manual_seed(0)
    nets = Networks(TINY)
    paired, unpaired = nets(poses(2, 2), poses(2, 2, 1))
    for name, branch in nets.seen(paired, unpaired).items():
        nets.discriminator_loss(name, branch, torch.zeros(2, 6, 64, 64)).backward()
    assert all(p.grad is None for p in nets.G.parameters())
    for net in (nets.discriminators.D_p, nets.discriminators.D_s):
        assert all(p.grad is not None for p in net.parameters())
    assert nets.discriminators.D_p.net.stack[0].in_channels == 2 * (3 + 18)
    assert nets.discriminators.D_s.net.stack[0].in_channels == 2 * 3


def test_one_joint_forward_is_two_forwards_under_instance_norm_but_not_under_batch_norm():
    for norm, same in (("instance", True), ("batch", False)):
        results = []
        for joint in (False, True):
            torch.manual_seed(0)
            nets = Networks(replace(TINY, norm=norm, joint_forward=joint))
            with torch.no_grad():
                paired, _ = nets(poses(2, 2), poses(2, 2, 1))
            results.append(paired.generated)
        assert torch.allclose(*results, atol=1e-5) is same


def test_windows_are_consecutive_frames_with_somebody_in_them_and_never_reach_across_parts(dee):
    first, second = dee[:40], dee[60:100]
    joints = second.poses.joints.copy()
    joints[10] = np.nan  # nobody is seen in frame 10 of the second part
    second = replace(second, poses=replace(second.poses, joints=joints))
    data = PairedData.of([first, second], 64, 2, CPU)
    starts = set(data.starts.tolist())
    assert starts == set(range(39)) | set(range(40, 79)) - {49, 50}
    poses, frames = data.batch(16, torch.Generator().manual_seed(0))
    assert poses.shape == (16, 2, 18, 2)
    assert frames.shape == (16, 6, 64, 64)
    everything = np.concatenate([first.frames(64), second.frames(64)])
    for pose, frame in zip(poses, frames, strict=True):
        start = next(s for s in starts if torch.equal(torch.nan_to_num(data.joints[s]), torch.nan_to_num(pose[0])))
        expected = np.concatenate([everything[start], everything[start + 1]], -1).transpose(2, 0, 1) / 127.5 - 1
        assert np.abs(frame.numpy() - expected).max() < 1e-6


def test_a_shifted_window_moves_frames_and_joints_together_and_fills_with_white():
    frames = torch.full((40, 3, 64, 64), 255, dtype=torch.uint8)
    joints = torch.full((40, 18, 2), torch.nan)
    for i in range(40):  # a black pixel, and a joint in its middle
        row, column = 2 + i, 61 - i
        frames[i, :, row, column] = 0
        joints[i, 0] = torch.tensor([column + 0.5, row + 0.5]) * 4
    data = PairedData(frames, joints, torch.arange(39), 2)
    poses, moved = data.batch(64, torch.Generator().manual_seed(0), shift=1 / 8)
    places = set()
    for pose, frame in zip(poses[:, 0, 0] / 4, moved[:, :3], strict=True):
        places.add(tuple(pose.tolist()))
        x, y = pose.floor().int().tolist()
        inside = 0 <= x < 64 and 0 <= y < 64
        assert (frame == -1).sum() == 3 * inside
        assert not inside or (frame[:, y, x] == -1).all()
        assert (frame == 1).sum() == 3 * 64 * 64 - 3 * inside
    assert len(places) > 50, "windows are moved"


def test_unpaired_windows_carry_the_flow_between_their_own_frames(eve):
    data = UnpairedData.of([eve], 64, 1, CPU)
    assert data.length == 2, "Eq. (4) compares consecutive frames, also where N is 1"
    poses, flow = data.windows(data.sample(4, torch.Generator().manual_seed(0)))
    assert flow.shape == (4, 1, 2, 64, 64)
    own = torch.from_numpy(eve.flow(64).astype(np.float32)).permute(0, 3, 1, 2)
    for pose, field in zip(poses, flow, strict=True):
        i = next(i for i in range(len(eve)) if np.array_equal(eve.poses.joints[i], pose[0], equal_nan=True))
        assert torch.equal(own[i], field[0])


def test_too_few_usable_frames_are_refused(dee, tmp_path):
    with pytest.raises(InputError, match="needs 32"):
        train(dee[:31], settings=TINY, out=tmp_path / "actor")
    assert not (tmp_path / "actor").exists()


@pytest.mark.parametrize("frames", [90, 91, 92, 5100])
@pytest.mark.parametrize("kind", ["chronological", "thirds"])
def test_split_gives_every_frame_once_and_two_thirds_to_training(frames, kind):
    parts, test = split(frames, kind)
    indices = [i for s in parts + test for i in range(frames)[s]]
    assert sorted(indices) == list(range(frames))
    assert sum(len(range(frames)[s]) for s in parts) == pytest.approx(frames * 2 / 3, abs=3)


def training(folder, dee, eve, settings=TINY):
    torch.manual_seed(1)  # whatever state the caller's generator is in
    record = {"reference": [{"name": "dee"}]}
    paired, unpaired = PairedData.of([dee], 64, 2, CPU), UnpairedData.of([eve], 64, 2, CPU)
    return Training(folder, record, TwoBranches(settings, 0, CPU, paired, unpaired), 0)


def test_samples_touch_neither_the_random_state_nor_the_statistics(dee, eve, tmp_path):
    plain, watched = (training(tmp_path, dee, eve, replace(TINY, dropout=True)) for _ in range(2))
    for _ in range(3):
        plain.train_step()
    for _ in range(3):
        watched.show_samples()
        watched.train_step()
    for name, value in plain.task.nets.state_dict().items():
        assert torch.equal(value, watched.task.nets.state_dict()[name]), name
    assert (tmp_path / "samples.png").exists()


def test_the_unpaired_branch_starts_after_the_warm_up_and_then_trains_its_discriminator(dee, eve, tmp_path):
    run = training(tmp_path, dee, eve, replace(TINY, warmup_share=0.2))
    before = {name: value.clone() for name, value in run.task.nets.discriminators.D_s.state_dict().items()}
    names = [set(run.train_step()) for _ in range(4)]
    assert names == [{"d_p", "gan_p", "vgg"}] * 4
    assert all(torch.equal(value, before[name]) for name, value in run.task.nets.discriminators.D_s.state_dict().items())
    assert set(run.train_step()) == {"d_p", "d_s", "gan_p", "vgg", "gan_s", "tc"}
    assert all(p.grad is None for p in run.task.nets.parameters()), "no loss leaves a gradient for another network's next step"
    assert not torch.equal(run.task.nets.discriminators.D_s.net.stack[0].weight, before["net.stack.0.weight"])


class NothingFromOrToMainMemory(TorchDispatchMode):
    """On a GPU these operations would wait for a result, or bring something from main memory; a CUDA graph can't hold them."""

    WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "lift_fresh")

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        assert function.overloadpacket.__name__ not in self.WAITING, function
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_step_waits_for_no_result_and_takes_nothing_from_main_memory(dee, eve, tmp_path, precision):
    task = training(tmp_path, dee, eve, replace(TINY, precision=precision)).task
    draw = torch.Generator().manual_seed(0)
    drawn = [*task.paired.sample(2, draw, TINY.shift), task.unpaired.sample(2, draw)]
    task.train_on(*drawn)
    with NothingFromOrToMainMemory():
        assert set(task.train_on(*drawn)) == {"d_p", "d_s", "gan_p", "vgg", "gan_s", "tc"}
    with NothingFromOrToMainMemory(), pytest.raises(AssertionError, match="_local_scalar_dense"):
        task.train_on(*drawn)["d_p"].item()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU; without one the tests above hold a step to what can be recorded")
def test_replayed_steps_are_those_that_are_launched_one_by_one():
    settings, device = replace(TINY, shift=1 / 8, warmup_share=0.2, precision="fp32"), torch.device("cuda")
    found = []
    for task in (synthetic_task(settings, device), synthetic_task(settings, device, Launched)):
        assert task.recordable == (type(task) is TwoBranches)
        draw = torch.Generator().manual_seed(0)
        found.append([task.step(number, draw) for number in range(2 * WARM_UP + 8)])
    for replayed, launched in zip(*found, strict=True):
        for name, value in launched.items():
            assert replayed[name].item() == pytest.approx(value.item(), rel=1e-3)


def test_training_does_not_disturb_the_callers_random_state_and_the_same_training_is_found_again(dee, eve):
    state = torch.random.get_rng_state()
    actor = train(dee, [eve], settings=TINY)
    assert torch.equal(state, torch.random.get_rng_state())
    assert train(dee, [eve], settings=TINY).folder == actor.folder
    assert train(dee, [eve], settings=TINY, seed=1).folder != actor.folder
    assert actor.log["step"].iloc[-1] == TINY.steps


def test_an_actor_from_before_a_setting_existed_has_its_default_and_one_with_an_unknown_setting_is_refused(dee, tmp_path):
    train(dee, settings=replace(TINY, steps=1), out=tmp_path / "actor")
    path = tmp_path / "actor" / "actor.json"
    record = json.loads(path.read_text())
    young = {"decay_share", "crop", "test_dropout"}
    settings = {name: value for name, value in record["settings"].items() if name not in young}
    path.write_text(json.dumps(record | {"settings": settings}))
    assert load_actor(tmp_path / "actor").settings == replace(TINY, steps=1, decay_share=0.0)
    path.write_text(json.dumps(record | {"settings": settings | {"magic": 1}}))
    with pytest.raises(InputError, match="another version"):
        load_actor(tmp_path / "actor")


def test_an_actor_folder_of_another_training_is_not_overwritten(dee, tmp_path):
    train(dee, settings=TINY, out=tmp_path / "actor")
    with pytest.raises(InputError, match="another training"):
        train(dee, settings=TINY, out=tmp_path / "actor", seed=1)


def test_a_training_that_diverges_ends_in_words(dee, tmp_path):
    with pytest.raises(InputError, match="diverged"):
        train(dee, settings=replace(TINY, learning_rate=1e30), out=tmp_path / "actor")


@pytest.mark.slow
def test_training_learns_the_actor(dee):
    actor = train(dee, settings=replace(TINY, width=16, steps=130, batch=8, shift=0.0, learning_rate=1e-3))
    truth = dee.frames(64)
    windows = np.stack([dee.poses.joints[i : i + 2] for i in range(0, 100, 2)])
    clone = actor.generate(windows).reshape(100, 64, 64, 3)
    mean = np.broadcast_to(truth.mean(0).round().astype(np.uint8), truth.shape)
    assert rmse(clone, truth) < 0.6 * rmse(mean, truth)


def test_statistics_of_the_batch_make_a_frame_depend_on_its_own_window_only():
    torch.manual_seed(0)
    settings = replace(TINY, test_statistics="batch")
    net = Networks(settings).G
    both = generate(net, poses(2, 2), settings)
    assert torch.equal(both[:1], generate(net, poses(2, 2)[:1], settings))


def test_settings_of_the_papers_profile_are_the_papers():
    s = PROFILES["paper"].settings
    assert (s.size, s.width, s.window, s.patch_layers, s.batch, s.learning_rate) == (256, 64, 2, 3, 8, 2e-4)
    assert (s.lambda_vgg, s.lambda_s, s.lambda_tc) == (10, 0.1, 10)
    assert s.steps == 150 * 3000 // 4
    assert s.warmup_steps == 5 * 3000 // 4


@pytest.mark.parametrize(
    "bad",
    [
        {"decay_share": 1.5},
        {"size": 96},
        {"size": 1 << 40},
        {"batch": 3},
        {"window": 0},
        {"steps": 0},
        {"width": 10**9},
        {"precision": "fp16"},
    ],
)
def test_impossible_settings_are_refused(bad):
    with pytest.raises(ValueError, match="must be"):
        replace(TrainSettings(), **bad)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_is_asked_for_is_what_the_convolutions_train_in_and_weights_stay_fp32(dee, tmp_path, precision):
    run = training(tmp_path, dee, dee, replace(TINY, precision=precision, warmup_share=0.0))
    seen = []
    run.task.nets.G.down[1][1].register_forward_hook(lambda *call: seen.append(call[2].dtype))
    run.train_step()
    assert run.record["precision"] == precision
    assert set(seen) == {torch.float32 if precision == "fp32" else torch.bfloat16}
    assert {value.dtype for value in run.task.nets.state_dict().values()} <= {torch.float32, torch.int64}


def test_one_step_in_bf16_has_the_losses_of_fp32_to_two_digits(dee, eve, tmp_path):
    settings = replace(TINY, warmup_share=0.0)
    found = {}
    for precision in ("fp32", "bf16"):
        run = training(tmp_path / precision, dee, eve, replace(settings, precision=precision))
        found[precision] = {name: value.item() for name, value in run.train_step().items()}
    assert found["bf16"] == pytest.approx(found["fp32"], rel=0.02)


SCRIPT = """
import sys, torch
import perfclone as pc
from dataclasses import replace
torch.set_num_threads(1)
settings = replace(pc.PROFILES["smoke"].settings, steps=120, batch=4)
dee, eve = (pc.load_performance(folder) for folder in sys.argv[2:4])
print("go", flush=True)
pc.train(dee, [eve], settings=settings, out=sys.argv[1])
"""


def run_training(out, dee, eve):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(out), str(dee.folder), str(eve.folder)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_killed_and_started_again_training_ends_with_bit_identical_weights(dee, eve, tmp_path):
    eve.flow(64)
    uninterrupted = run_training(tmp_path / "whole", dee, eve)
    for seconds in (0.7, 1.9):
        process = run_training(tmp_path / "killed", dee, eve)
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        (tmp_path / "killed").mkdir(exist_ok=True)
        (tmp_path / "killed" / ".checkpoint.safetensors.abc.tmp").write_bytes(b"as a kill in the middle of writing leaves it")
    assert run_training(tmp_path / "killed", dee, eve).wait() == uninterrupted.wait() == 0
    whole, killed = ((tmp_path / name / "generator.safetensors").read_bytes() for name in ("whole", "killed"))
    assert whole == killed
    logs = [(tmp_path / name / "losses.csv").read_bytes() for name in ("whole", "killed")]
    assert logs[0] == logs[1]
    left = {path.name for path in Path(tmp_path / "killed").iterdir()}
    assert left <= {"actor.json", "generator.safetensors", "poses.npz", "plate.png", "losses.csv", "samples.png", ".lock"}
    assert json.loads((tmp_path / "killed" / "actor.json").read_text())["finished"]


# ---- records ----


STORED = Path(__file__).parents[2] / "data" / "reference" / "actor"
"""Of version 0.1, whose records do not name the method."""


def test_an_actor_of_version_0_1_loads_as_the_papers(dee):
    record = json.loads((STORED / "actor.json").read_text())
    assert "method" not in record and "generator" not in record["settings"]
    actor = load_actor(STORED, "cpu")
    assert actor.method == "paper" and actor.settings.generator == "unet"
    assert actor.generate(dee.poses.joints[:2][None]).shape == (1, 2, 64, 64, 3)


@pytest.mark.parametrize("name", ["antigravity", "perfclone_lab.cli", "os", "../evil"])
def test_a_method_that_a_record_names_is_looked_up_and_never_imported(name, tmp_path):
    folder = shutil.copytree(STORED, tmp_path / "actor")
    record = json.loads((folder / "actor.json").read_text())
    (folder / "actor.json").write_text(json.dumps(record | {"method": name}))
    with pytest.raises(InputError, match=f"unknown method '{re.escape(name)}': choose one of CycleGAN, .*paper"):
        load_actor(folder, "cpu")
    assert "antigravity" not in sys.modules


def test_seconds_of_a_training_include_those_before_an_interruption(dee, eve, tmp_path):
    settings = replace(TINY, steps=4)
    first = training(tmp_path, dee, eve, settings)
    first.train_step()
    first.seconds_before = 100.0
    first.save()
    again = training(tmp_path, dee, eve, settings)
    assert again.step == 1 and again.seconds >= 100


def test_a_small_network_trains_on_one_thread_and_the_record_says_so(dee):
    threads = torch.get_num_threads()
    actor = train(dee, settings=replace(TINY, steps=1), seed=123, device="cpu")
    assert actor.record["device"] == "CPU, 1 thread" and torch.get_num_threads() == threads
