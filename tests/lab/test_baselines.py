"""pix2pix and CycleGAN: that they are what their authors published, and that they learn what there is to learn."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from perfclone.cloning.offline import generate_sequence
from perfclone.errors import InputError
from perfclone.metrics import rmse
from perfclone.training import PROFILES, TrainSettings, load_actor, train
from perfclone.training.batches import PairedData
from perfclone.training.loop import Training
from perfclone.training.networks import generate, generator
from perfclone.training.two_branches import TwoBranches
from perfclone.viz import draw_pose
from perfclone_lab.baselines import cycle_losses as losses
from perfclone_lab.baselines import cyclegan_settings, pix2pix_settings, translate_frames
from perfclone_lab.baselines.cyclegan import CycleGAN, ImagePool, Pictures, translate

CPU = torch.device("cpu")
TINY = TrainSettings(size=64, width=8, patch_layers=1, steps=100, batch=8, learning_rate=2e-3, precision="fp32")




def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# ---- what is published ----


def test_pix2pix_has_its_authors_settings_and_the_budget_of_ours():
    base = PROFILES["home"].settings
    s = pix2pix_settings(base)
    assert (s.window, s.adversarial, s.lambda_l1, s.lambda_vgg) == (1, True, 100.0, 0.0)
    assert (s.beta1, s.beta2, s.init_std, s.decay_share) == (0.5, 0.999, 0.02, 0.5)
    assert (s.norm, s.dropout, s.test_dropout, s.test_statistics) == ("batch", True, True, "batch")
    assert s.crop and round(256 * (1 + 2 * s.shift)) == 286
    for kept in ("size", "width", "patch_layers", "steps", "batch", "learning_rate", "precision"):
        assert getattr(s, kept) == getattr(base, kept)


@pytest.mark.parametrize("settings_of", [pix2pix_settings, cyclegan_settings])
def test_settings_that_a_baseline_does_not_take_make_no_other_baseline(settings_of):
    base = PROFILES["quick"].settings
    other = replace(base, lambda_tc=1.0, lambda_s=0.5, lambda_vgg=3.0, shift=0.0, window=3, dropout=True, norm="instance")
    assert settings_of(other) == settings_of(base) == settings_of(settings_of(base))


def test_the_learning_rate_falls_linearly_to_zero_over_the_share_as_published():
    s = replace(TINY, steps=200, decay_share=0.5, learning_rate=1.0)
    rates = np.array([s.learning_rate_at(step) for step in range(200)])
    published = [1.0 - max(0, epoch - 100) / 101 for epoch in range(1, 201)]  # 100 epochs as they are, 100 of decay, from 1
    assert rates == pytest.approx(published)
    assert [replace(s, decay_share=0.0).learning_rate_at(step) for step in (0, 199)] == [1.0, 1.0]


def test_cyclegan_losses_equal_a_hand_calculation():
    assert losses.generator_gan(torch.tensor([[0.0, 3.0]])).item() == (1 + 4) / 2
    real, fake = torch.tensor([1.0, 2.0]), torch.tensor([0.0, 1.0])
    assert losses.discriminator_gan(real, fake).item() == (0.5 + 0.5) / 2
    x, y = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 1.0])
    assert losses.cycle_consistency(x, x + 0.5, y, y - 0.25).item() == 0.75
    assert losses.identity(x, x + 0.5, y, y).item() == 0.5
    assert losses.total(torch.tensor(2.0), torch.tensor(0.75), torch.tensor(0.5)).item() == 2 + 10 * 0.75 + 5 * 0.5


def test_the_pool_returns_the_first_fifty_as_they_are_and_then_old_ones_half_of_the_time():
    pool, draw = ImagePool(2), seeded()
    images = torch.arange(2000.0)[:, None, None, None].expand(-1, 3, 2, 2)
    assert torch.equal(pool.exchange(images[:50], draw), images[:50])
    shown = pool.exchange(images[50:], draw)[:, 0, 0, 0]
    same = shown == images[50:, 0, 0, 0]
    assert same.float().mean().item() == pytest.approx(0.5, abs=0.04)
    assert (shown <= images[50:, 0, 0, 0]).all(), "else an older one"
    gone, held = shown[~same].tolist(), pool.images[:, 0, 0, 0].tolist()
    assert len(set(gone)) == len(gone) and not set(gone) & set(held), "which has left the pool"
    newcomers = set(images[50:, 0, 0, 0][~same].tolist())
    assert set(gone) | set(held) == set(range(50)) | newcomers, "for the new one"


def test_the_pool_depends_on_the_steps_draw_alone_and_on_its_state():
    images = torch.rand(70, 3, 2, 2, generator=seeded(1))
    pools = [ImagePool(2) for _ in range(2)]
    first, again = (pool.exchange(images[:60], seeded()) for pool in pools)
    assert torch.equal(first, again)
    other = ImagePool(2)
    other.load_state_dict(pools[0].state_dict())
    assert torch.equal(other.exchange(images[60:], seeded(2)), pools[0].exchange(images[60:], seeded(2)))


def test_a_step_trains_all_four_networks_and_fills_both_pools(dee):
    s = cyclegan_settings(replace(TINY, width=4, batch=6))
    frames, poses = (make([dee], 64, CPU) for make in (Pictures.of_frames, Pictures.of_poses))
    task = CycleGAN(s, 0, CPU, poses, frames)
    before = {name: value.clone() for name, value in task.nets.state_dict().items()}
    found = task.step(0, seeded())
    assert set(found) == {"gan_actor", "gan_source", "cycle", "identity", "d_actor", "d_source"}
    after = task.nets.state_dict()
    for net in ("to_actor", "to_source", "d_actor", "d_source"):
        assert any(not torch.equal(after[name], value) for name, value in before.items() if name.startswith(net)), net
    assert all(p.grad is None for p in task.nets.parameters()), "no loss leaves a gradient for another network's next step"
    assert int(after["pool_actor.count"]) == int(after["pool_source.count"]) == 3, "half of the batch is of either domain"


# ---- the jitter ----


def test_cropping_enlarges_frames_and_joints_together_and_lets_nothing_in():
    frames = torch.full((40, 3, 64, 64), 100, dtype=torch.uint8)
    joints = torch.full((40, 18, 2), torch.nan)
    for i in range(40):  # a black square of four pixels, and a joint in its middle
        row, column = 20 + i // 2, 40 - i // 2
        frames[i, :, row : row + 2, column : column + 2] = 0
        joints[i, 0] = torch.tensor([column + 1, row + 1]) * 4
    data = PairedData(frames, joints, torch.arange(40), 1)
    poses, moved = data.batch(64, seeded(), shift=15 / 256, crop=True)
    dark = (100 - (moved[:, 0] + 1) * 127.5).clamp_min(0)
    centres = torch.arange(64) + 0.5
    weight = dark.sum((1, 2))
    found = torch.stack(((dark.sum(1) * centres).sum(1), (dark.sum(2) * centres).sum(1)), -1) / weight[:, None]
    assert (found - poses[:, 0, 0] / 4).abs().max() < 0.3
    assert (moved + 1).mul(127.5).max() < 120, "no white; bicubic interpolation overshoots a little"
    assert weight.mean() / 400 == pytest.approx((72 / 64) ** 2, rel=0.1)


# ---- dropout at test time ----


def test_with_dropout_at_test_time_a_frame_is_noisy_yet_always_the_same_and_nothing_else_is_moved():
    settings = pix2pix_settings(TINY)
    torch.manual_seed(0)
    net = generator(settings).train()
    joints = torch.rand(3, 1, 18, 2, generator=seeded()) * 200 + 28
    state = torch.random.get_rng_state()
    all_three = generate(net, joints, settings)
    assert torch.equal(all_three[1:2], generate(net, joints[1:2], settings))
    assert torch.equal(state, torch.random.get_rng_state()) and all(module.training for module in net.modules())
    assert not torch.equal(all_three, generate(net, joints, replace(settings, test_dropout=False)))


# ---- learning ----


def learn(task):
    run = Training(Path("nowhere"), {}, task, 0)
    for _ in range(task.settings.steps):
        run.train_step()
    return task.generator


def dots(count, seed):
    """Three joints anywhere, and a frame with a dot at each, whose colour is that of the joint."""
    joints = np.full((count, 18, 2), np.nan, np.float32)
    joints[:, :3] = np.random.default_rng(seed).uniform(40, 216, (count, 3, 2))
    frames = np.full((count, 64, 64, 3), 255, np.uint8)
    y, x = np.mgrid[:64, :64] + 0.5
    for frame, pose in zip(frames, joints, strict=True):
        for colour, joint in zip(((200, 40, 40), (40, 160, 40), (40, 40, 200)), pose):
            frame[np.hypot(x - joint[0] / 4, y - joint[1] / 4) < 4] = colour
    return joints, frames


def channels_first(frames):
    return torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous()


def test_pix2pix_learns_a_fixed_colour_for_each_joint_and_beats_the_mean_frame():
    joints, frames = dots(200, seed=0)
    data = PairedData(channels_first(frames), torch.from_numpy(joints), torch.arange(200), 1)
    settings = pix2pix_settings(TINY)
    net = learn(TwoBranches(settings, 0, CPU, data, None))
    joints, truth = dots(50, seed=1)
    made = generate(net, torch.from_numpy(joints)[:, None], settings)[:, 0].numpy()
    mean = np.broadcast_to(frames.mean(0).round().astype(np.uint8), truth.shape)
    assert rmse(made, truth) < 0.55 * rmse(mean, truth)


def rectangles(count, seed, colour):
    random, frames = np.random.default_rng(seed), np.full((count, 64, 64, 3), 255, np.uint8)
    for frame in frames:
        (x, y), (width, height) = random.integers(8, 40, 2), random.integers(10, 24, 2)
        frame[y : y + height, x : x + width] = colour
    return frames


def test_cyclegan_learns_to_recolour_without_pairs_and_beats_leaving_all_as_it_is():
    red, blue = (200, 40, 40), (40, 40, 200)
    source, actor = (Pictures(channels_first(rectangles(100, k, colour))) for k, colour in enumerate((red, blue)))
    settings = cyclegan_settings(replace(TINY, steps=120, batch=2))
    net = learn(CycleGAN(settings, 0, CPU, source, actor))
    given, truth = rectangles(30, 2, red), rectangles(30, 2, blue)
    made = translate(net, torch.from_numpy(given)).numpy()
    mean = actor.pictures.float().mean(0).permute(1, 2, 0).round().to(torch.uint8).numpy()
    assert rmse(made, truth) < 0.6 * min(rmse(given, truth), rmse(np.broadcast_to(mean, truth.shape), truth))


# ---- actors ----


SHORT = replace(TINY, width=4, steps=3, batch=2)


def test_an_actor_of_drawings_takes_poses_like_any_other_and_draws_them(dee, tmp_path):
    actor = train(dee, method="CycleGAN", settings=SHORT, device="cpu", out=tmp_path / "actor")
    assert actor.record["method"] == "CycleGAN" and actor.record["sees"] == "drawing" and actor.settings.window == 1
    made = generate_sequence(actor, dee[:3].poses)
    drawn = np.stack([draw_pose(pose, 64) for pose in dee.poses.joints[:3]])
    assert np.array_equal(made, translate_frames(actor, drawn)) and made.shape == (3, 64, 64, 3) and made.dtype == np.uint8
    assert np.array_equal(translate_frames(load_actor(tmp_path / "actor", "cpu"), drawn), translate_frames(actor, drawn))
    assert train(dee, method="CycleGAN", settings=SHORT, device="cpu", out=tmp_path / "actor").record == actor.record, "found again"


def test_an_actor_of_frames_takes_the_drivers_frames_and_no_poses(dee, eve, tmp_path):
    actor = train(dee, [eve], method="CycleGAN", settings=SHORT, device="cpu", out=tmp_path / "actor")
    assert actor.record["sees"] == "frames" and actor.record["unpaired"][0]["name"] == "eve"
    assert translate_frames(actor, eve[:20].frames(64)).shape == (20, 64, 64, 3)
    with pytest.raises(InputError, match="takes no poses"):
        actor.generate(dee.poses.joints[:2, None])


def test_too_few_frames_for_a_domain_are_refused(dee, eve, tmp_path):
    for parts in ((dee[:31],), (dee, [eve[:31]])):
        with pytest.raises(InputError, match="31 usable frames and training needs 32"):
            train(*parts, method="CycleGAN", settings=SHORT, device="cpu", out=tmp_path / "actor")
    assert not (tmp_path / "actor").exists()


# ---- interruptions ----


def resumable(method, dee, out):
    """A short training with every piece of state that a method has."""
    settings = replace(TINY, width=4, steps=14, batch=8)  # 56 images, so that pools are full and exchanged
    if method == "CycleGAN":
        return train(dee, method="CycleGAN", settings=settings, device="cpu", out=out)
    return train(dee, method="pix2pix", settings=settings, device="cpu", out=out)


SCRIPT = """
import sys, torch
sys.path.insert(0, sys.argv[1])
torch.set_num_threads(1)
from test_baselines import resumable
import perfclone as pc
resumable(sys.argv[2], pc.load_performance(sys.argv[3]), sys.argv[4])
"""


@pytest.mark.parametrize("method", ["pix2pix", "CycleGAN"])
def test_killed_and_started_again_a_baseline_ends_with_bit_identical_weights(method, dee, tmp_path):
    whole = resumable(method, dee, tmp_path / "whole")
    arguments = [str(Path(__file__).parent), method, str(dee.folder), str(tmp_path / "killed")]
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, *arguments], stdout=subprocess.DEVNULL)
    while process.poll() is None and not (tmp_path / "killed" / "checkpoint.safetensors").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it should still be at work"
    resumed = resumable(method, dee, tmp_path / "killed")
    assert json.loads((tmp_path / "killed" / "actor.json").read_text())["resumed_from_step"] > 0
    for name in ("generator.safetensors", "losses.csv", "samples.png"):
        assert (whole.folder / name).read_bytes() == (resumed.folder / name).read_bytes(), name
