"""Equations (1)-(6): known answers, gradients against finite differences, and what each term may move."""

import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from perfclone import losses
from perfclone.nets import VGGFeatures, limb_falloff, warp


def rand(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 1.8 - 0.9


@pytest.fixture
def phi():
    return VGGFeatures().double()


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_vgg_gradient_agrees_with_finite_differences(phi, reduction):
    real = rand(2, 6, 5, 5, seed=1)
    assert gradcheck(lambda x: losses.vgg(phi, x, real, reduction), rand(2, 6, 5, 5).requires_grad_())


def test_vgg_of_equal_frames_is_zero_and_of_different_ones_is_not(phi):
    x = rand(1, 6, 8, 8)
    assert losses.vgg(phi, x, x) == 0
    assert losses.vgg(phi, x, -x) > 0


def test_l1_is_the_mean_absolute_difference_and_does_not_care_where_it_lies():
    """What Fig. 3 holds against it: a shifted edge costs as much as the same amount of evenly spread grey."""
    real = torch.zeros(1, 3, 8, 8)
    edge, grey = real.clone(), real + 0.125
    edge[..., 3] = 1.0
    assert losses.l1(edge, real).item() == pytest.approx(losses.l1(grey, real).item()) == pytest.approx(0.125)
    assert losses.l1(edge, real, "sum").item() == pytest.approx(3 * 8)


def test_vgg_sum_is_the_mean_times_the_elements_of_a_sample():
    x, real = rand(4, 3, 8, 8), rand(4, 3, 8, 8, seed=1)

    def identity(x):
        return x

    assert torch.isclose(losses.vgg(identity, x, real, "sum"), losses.vgg(identity, x, real) * 3 * 8 * 8)


@pytest.mark.parametrize("loss", [losses.paired_gan, losses.unpaired_gan])
def test_gan_gradient_agrees_with_finite_differences(loss):
    assert gradcheck(loss, (rand(2, 1, 3, 3).requires_grad_(), rand(2, 1, 3, 3, seed=1).requires_grad_()))


@pytest.mark.parametrize("loss", [losses.paired_gan, losses.unpaired_gan])
def test_gan_value_is_that_of_the_printed_equation(loss):
    real, fake = rand(2, 1, 3, 3), rand(2, 1, 3, 3, seed=1)
    d = torch.sigmoid
    assert torch.isclose(loss(real, fake), d(real).log().mean() + (1 - d(fake)).log().mean())


def test_gan_value_is_greatest_for_a_discriminator_that_is_right_and_minus_log_4_for_one_that_cannot_tell():
    sure = torch.full((1, 1, 2, 2), 50.0)
    assert losses.paired_gan(sure, -sure) == pytest.approx(0, abs=1e-6)
    assert losses.paired_gan(0 * sure, 0 * sure).item() == pytest.approx(-math.log(4))
    assert torch.isfinite(losses.paired_gan(-100 * sure, 100 * sure))


@pytest.mark.parametrize("saturating", [False, True])
def test_generator_gan_gradient_agrees_with_finite_differences(saturating):
    assert gradcheck(lambda x: losses.generator_gan(x, saturating), rand(2, 1, 3, 3).requires_grad_())


def test_generator_gan_falls_as_the_discriminator_is_fooled_and_only_the_saturating_form_dies_where_it_is_sure():
    logits = torch.linspace(-6, 6, 7, dtype=torch.float64)
    for saturating in (False, True):
        values = torch.stack([losses.generator_gan(x, saturating) for x in logits])
        assert (values.diff() < 0).all()
    gradients = {}
    for saturating in (False, True):
        sure = torch.tensor([-20.0], requires_grad=True)
        losses.generator_gan(sure, saturating).backward()
        gradients[saturating] = abs(sure.grad.item())
    assert gradients[False] > 0.99
    assert gradients[True] < 1e-6


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_temporal_coherence_gradient_agrees_with_finite_differences(reduction):
    current, flow = rand(2, 3, 6, 6, seed=1), rand(2, 2, 6, 6, seed=2)
    alpha = rand(2, 1, 6, 6, seed=3).abs()

    def loss(previous, current):
        return losses.temporal_coherence(previous, current, flow, alpha, reduction)

    assert gradcheck(loss, (rand(2, 3, 6, 6).requires_grad_(), current.requires_grad_()))


def test_temporal_coherence_is_zero_for_frames_that_move_as_the_flow_says():
    frame = rand(1, 3, 32, 32)
    moved = torch.roll(frame, (2, 3), (-2, -1))
    flow = torch.tensor([-3.0, -2.0], dtype=torch.float64).view(1, 2, 1, 1).expand(1, 2, 32, 32)
    inside = torch.zeros(1, 1, 32, 32, dtype=torch.float64)
    inside[..., 4:-4, 4:-4] = 1
    assert losses.temporal_coherence(frame, moved, flow, inside) < 1e-12
    assert losses.temporal_coherence(frame, frame, flow, inside) > 0.1


def test_temporal_coherence_counts_only_where_alpha_does():
    a, b, flow = rand(1, 3, 8, 8), rand(1, 3, 8, 8, seed=1), torch.zeros(1, 2, 8, 8, dtype=torch.float64)
    assert losses.temporal_coherence(a, b, flow, torch.zeros(1, 1, 8, 8)) == 0
    full = losses.temporal_coherence(a, b, flow, torch.ones(1, 1, 8, 8))
    assert torch.isclose(losses.temporal_coherence(a, b, flow, torch.full((1, 1, 8, 8), 0.25)), full / 4)


def test_reconstruction_and_total_weigh_their_terms_as_printed():
    gan_p, vgg, gan_s, tc = (torch.tensor(v, dtype=torch.float64) for v in (0.7, 0.3, 0.9, 0.2))
    rec = losses.reconstruction(gan_p, vgg)
    assert rec.item() == pytest.approx(0.7 + 10 * 0.3)
    assert losses.total(rec, gan_s, tc, lambda_s=0.1).item() == pytest.approx(3.7 + 0.1 * (0.9 + 10 * 0.2))
    assert losses.total(rec, gan_s, tc, lambda_s=0.0) == rec
    assert gradcheck(losses.reconstruction, (gan_p.requires_grad_(), vgg.requires_grad_()))
    assert gradcheck(
        lambda *x: losses.total(*x, lambda_s=0.1), (rec.detach().requires_grad_(), gan_s.requires_grad_(), tc.requires_grad_())
    )


def test_unknown_reduction_is_refused(phi):
    with pytest.raises(ValueError, match="reduction"):
        losses.vgg(phi, rand(1, 3, 4, 4), rand(1, 3, 4, 4), "median")


def test_warp_moves_a_known_square_exactly():
    image = torch.zeros(1, 1, 32, 32)
    image[..., 8:16, 8:16] = 1
    flow = torch.zeros(1, 2, 32, 32)
    flow[:, 0], flow[:, 1] = -5, 3
    moved = torch.zeros(1, 1, 32, 32)
    moved[..., 5:13, 13:21] = 1
    assert (warp(image, flow) - moved).abs().max() < 1e-5


def test_warp_of_a_linear_ramp_by_a_fraction_of_a_pixel_is_exact():
    x = torch.arange(64.0).expand(1, 1, 64, 64) / 64
    flow = torch.full((1, 2, 64, 64), 0.37)
    assert (warp(x, flow) - (x + 0.37 / 64))[..., 1:-1, 1:-1].abs().max() < 1e-5


def test_warp_agrees_with_opencv():
    import cv2

    rng = np.random.default_rng(0)
    image = rng.random((40, 48, 3), np.float32)
    flow = rng.normal(0, 3, (40, 48, 2)).astype(np.float32)
    x, y = np.meshgrid(np.arange(48, dtype=np.float32), np.arange(40, dtype=np.float32))
    # OpenCV's remap rounds coordinates to 1/32 pixel unless told the exact positions on that grid
    flow = (flow * 32).round() / 32
    expected = cv2.remap(image, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    to = torch.from_numpy
    got = warp(to(image).permute(2, 0, 1)[None], to(flow).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    assert np.abs(got - expected).max() < 1e-4


def test_alpha_is_one_on_a_limb_and_falls_as_a_gaussian():
    joints = torch.full((1, 18, 2), torch.nan)
    joints[0, 1], joints[0, 2] = torch.tensor([64.0, 128.5]), torch.tensor([192.0, 128.5])  # neck to right shoulder, horizontal
    alpha = limb_falloff(joints, 256, sigma=0.06)[0, 0]
    sigma = 0.06 * 256
    assert alpha[128, 128] == pytest.approx(1)
    for distance in (5, 15, 30):
        assert alpha[128 + distance, 128].item() == pytest.approx(math.exp(-0.5 * (distance / sigma) ** 2), rel=1e-4)
    beyond = math.hypot(200.5 - 192, 0)
    assert alpha[128, 200].item() == pytest.approx(math.exp(-0.5 * (beyond / sigma) ** 2), rel=1e-4)
    assert limb_falloff(torch.full((1, 18, 2), torch.nan), 64).abs().max() == 0
