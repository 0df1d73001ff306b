"""From outside the packages: a generator, a discriminator with its loss, an extractor and a method, each registered here and nowhere else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import perfclone as pc
from perfclone.capture.extractor import EXTRACTORS, Person
from perfclone.cloning.fast_generator import suits
from perfclone.nets.generators import GENERATORS
from perfclone.skeleton import J
from perfclone.training.discriminators import DISCRIMINATORS, Discriminator
from perfclone.training.methods import METHODS
from perfclone.training.two_branches import TwoBranches

TINY = replace(pc.PROFILES["smoke"].settings, width=4, steps=4, batch=2, warmup_share=0.0)


@GENERATORS.register("toy")
class ToyGenerator(nn.Module):
    """One convolution."""

    def __init__(self, in_channels, out_channels, size, width, norm, dropout):
        super().__init__()
        self.only = nn.Conv2d(in_channels, out_channels, 3, padding=1)

    def forward(self, maps):
        return torch.tanh(self.only(maps))


@DISCRIMINATORS.register("D_grey")
class GreyDiscriminator(Discriminator):
    """Sees the paired branch's frames without colour, and asks for the least squares of Mao et al. (2017)."""

    def __init__(self, settings):
        super().__init__(settings, settings.window)

    def forward(self, branch, frames):
        return self._logits(frames.unflatten(1, (-1, 3)).mean(2))

    def value(self, real, fake):
        return -((real - 1) ** 2).mean() - (fake**2).mean()

    def weight(self, settings):
        return 0.5


@EXTRACTORS.register("toy")
class ToyExtractor:
    """Everybody stands in the middle of the frame."""

    def __init__(self, tracking):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def people(self, index, frame):
        height, width = frame.shape[:2]
        stands = np.random.default_rng(0).uniform(0.3, 0.7, (J, 2)) * (width, height)
        mask = np.zeros((height, width), np.uint8)
        mask[height // 4 : -height // 4, width // 4 : -width // 4] = 255
        return [Person((stands + index % 3).astype(np.float32), np.ones(J, np.float32), mask)]


@METHODS.register("toy")
class ToyMethod(TwoBranches):
    """The paper's, trained on its paired branch backwards: a method of its own as far as records are concerned."""

    version = 7


def test_a_toy_generator_and_a_further_discriminator_train_save_load_and_clone(dee, eve, tmp_path):
    settings = replace(TINY, generator="toy", discriminators=("D_p", "D_s", "D_grey"))
    actor = pc.train(dee, [eve], settings=settings, out=tmp_path / "actor", device="cpu")
    assert {"d_p", "d_s", "d_grey", "gan_p", "gan_s", "gan_grey", "vgg", "tc"} <= set(actor.log.columns)
    assert actor.log["d_grey"].iloc[-1] < actor.log["d_grey"].iloc[0], "it learns"
    assert actor.record["settings"]["generator"] == "toy" and "D_grey" in actor.record["settings"]["discriminators"]
    loaded = pc.load_actor(tmp_path / "actor", "cpu")
    assert isinstance(loaded.generator, ToyGenerator) and loaded.settings == settings
    poses = eve.poses.joints[:2][None]
    assert np.array_equal(loaded.generate(poses), actor.generate(poses))
    assert pc.clone(loaded, eve[:6], tmp_path / "clone.mp4").stat().st_size > 0


def test_the_generator_is_moved_by_a_further_discriminator_with_its_weight(dee):
    def after(weight):
        settings = replace(TINY, steps=1, discriminators=("D_p", "D_s", "D_grey"))
        cpu = torch.device("cpu")
        task = TwoBranches(settings, 0, cpu, *TwoBranches.data(settings, cpu, [dee], []))
        task.nets.discriminators["D_grey"].weight = lambda settings: weight
        task.step(0, torch.Generator().manual_seed(0))
        return torch.cat([p.flatten() for p in task.nets.G.parameters()])

    assert torch.equal(after(0.5), after(0.5)) and not torch.equal(after(0.5), after(0.0))


def test_a_toy_extractor_captures_and_is_in_the_record(tmp_path):
    video = tmp_path / "dee.mp4"
    video.symlink_to(Path(__file__).parents[2] / "data" / "actors" / "dee.mp4")
    performance = pc.capture(video, pc.CaptureSettings(extractor="toy", smoothing_s=0.0), max_frames=40, out=tmp_path / "capture")
    assert len(performance) == 40 and performance.poses.seen.all()
    again = pc.load_performance(tmp_path / "capture")
    assert again.key == performance.key
    assert '"extractor": "toy"' in (tmp_path / "capture" / "capture.json").read_text()


def test_a_toy_method_is_trained_and_loaded_by_its_name(dee, tmp_path):
    actor = pc.train(dee, method="toy", settings=TINY, out=tmp_path / "actor", device="cpu")
    assert (actor.method, actor.record["version"]) == ("toy", 7)
    loaded = pc.load_actor(tmp_path / "actor", "cpu")
    assert loaded.method == "toy" and not suits(loaded), "how it draws a pose is its own"


@pytest.mark.parametrize(
    ("registry", "kind"),
    [(GENERATORS, "generator"), (DISCRIMINATORS, "discriminator"), (EXTRACTORS, "pose extractor"), (METHODS, "method")],
)
def test_an_unknown_name_is_one_line_that_says_what_there_is(registry, kind):
    with pytest.raises(pc.InputError, match=f"unknown {kind} 'no such': choose one of .*toy|D_grey"):
        registry.find("no such")


def test_two_things_can_not_have_one_name():
    with pytest.raises(ValueError, match="there is a generator 'toy' already"):
        GENERATORS.register("toy")(nn.Identity)
