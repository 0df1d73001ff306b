"""The networks: pix2pix's published shapes, confidence maps against a dense computation, the modes at test time."""

from importlib.resources import files

import numpy as np
import pytest
import torch
from torch import nn

from perfclone.nets import PatchGAN, UNet, VGGFeatures, confidence_maps
from perfclone.nets.blocks import at_test_time, initialise
from perfclone_lab.nets.resnet import ResNet


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def test_the_papers_networks_have_the_published_number_of_parameters():
    assert parameters(UNet(36, 6, 256)) == 54_453_958
    assert parameters(PatchGAN(42)) == 2_805_569
    assert parameters(PatchGAN(6)) == 2_768_705


def test_pix2pix_own_networks_have_the_published_number_of_parameters():
    assert round(parameters(UNet(3, 3, 256)) / 1e6, 2) == 54.41
    assert round(parameters(PatchGAN(6)) / 1e6, 2) == 2.77


def test_cyclegans_networks_have_the_published_number_of_parameters():
    assert parameters(ResNet(256)) == 11_378_179
    assert parameters(ResNet(128)) == 7_837_699, "six blocks in place of nine"
    assert round(parameters(PatchGAN(3, norm="instance")) / 1e6, 3) == 2.765


@pytest.mark.parametrize("size", [64, 256])
def test_cyclegans_generator_keeps_the_size_and_does_not_care_what_else_is_in_the_batch(size):
    net = ResNet(size, width=4)
    x = torch.randn(2, 3, size, size)
    pictures = net(x)
    assert pictures.shape == x.shape and pictures.abs().max() <= 1
    assert torch.allclose(net(x[:1]), pictures[:1], atol=1e-5)


@pytest.mark.parametrize("size", [64, 128, 256])
@pytest.mark.parametrize("window", [1, 2, 3])
def test_generator_keeps_the_frames_side_and_answers_in_the_range_of_tanh(size, window):
    net = UNet(18 * window, 3 * window, size, width=4)
    frames = net(torch.randn(2, 18 * window, size, size))
    assert frames.shape == (2, 3 * window, size, size)
    assert frames.abs().max() <= 1


@pytest.mark.parametrize("size", [32, 100, 0, -64])
def test_generator_refuses_sides_that_are_no_power_of_two_from_64_up(size):
    with pytest.raises(ValueError, match="power of two"):
        UNet(36, 6, size)


@pytest.mark.parametrize(("layers", "field"), [(1, 16), (2, 34), (3, 70)])
def test_a_patch_of_the_discriminator_sees_as_many_pixels_as_its_authors_say(layers, field):
    net = PatchGAN(3, width=4, layers=layers).eval()
    x = torch.randn(1, 3, 160, 160, requires_grad=True)
    scores = net(x)[0, 0]
    scores[scores.shape[0] // 2, scores.shape[1] // 2].backward()
    touched = x.grad.abs().sum((0, 1)).nonzero()
    assert (touched.amax(0) - touched.amin(0) + 1).tolist() == [field, field] == [net.receptive_field] * 2


def dense_maps(joints, size, sigma):
    """An independent, dense computation of the maps of one pose."""
    centres = (np.arange(size) + 0.5) * 256 / size
    result = np.zeros((len(joints), size, size))
    for channel, (x, y) in enumerate(joints):
        if np.isnan(x) or not (0 <= x <= 256 and 0 <= y <= 256):
            continue
        distance2 = (centres[None] - x) ** 2 + (centres[:, None] - y) ** 2
        gaussian = np.exp(-distance2 / (2 * (sigma * 256) ** 2))
        result[channel] = (gaussian - gaussian.mean()) / gaussian.std()
    return result


@pytest.mark.parametrize("size", [64, 256])
def test_confidence_maps_equal_a_dense_computation(size):
    joints = np.random.default_rng(0).uniform(-10, 266, (18, 2))
    joints[3] = np.nan
    got = confidence_maps(torch.from_numpy(joints)[None], size)[0].numpy()
    assert np.abs(got - dense_maps(joints, size, 7 / 368)).max() < 1e-6 * got.max()


def test_each_confidence_map_has_zero_mean_and_unit_variance_and_a_missing_joint_an_empty_one():
    joints = torch.rand(1, 18, 2, generator=torch.Generator().manual_seed(0)) * 256
    joints[0, 5] = torch.nan
    joints[0, 6] = torch.tensor([300.0, 10.0])
    maps = confidence_maps(joints, 64)[0]
    known = [j for j in range(18) if j not in (5, 6)]
    assert maps[[5, 6]].abs().max() == 0
    assert torch.allclose(maps[known].mean((1, 2)), torch.zeros(16), atol=1e-5)
    assert torch.allclose(maps[known].var((1, 2), correction=0), torch.ones(16), atol=1e-3)


def test_confidence_map_peaks_at_its_joint_at_every_size():
    joints = torch.tensor([[[100.0, 40.0]]])
    for size in (64, 128, 256):
        peak = confidence_maps(joints, size, normalise=False)[0, 0].argmax().item()
        row, column = divmod(peak, size)
        assert abs((column + 0.5) * 256 / size - 100) <= 128 / size
        assert abs((row + 0.5) * 256 / size - 40) <= 128 / size


@pytest.mark.parametrize("statistics", ["running", "batch"])
def test_test_mode_leaves_weights_statistics_and_random_state_alone(statistics):
    net = UNet(36, 6, 64, width=4, dropout=True).train()
    net(torch.randn(2, 36, 64, 64))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    random = torch.random.get_rng_state()
    with torch.no_grad(), at_test_time(net, statistics):
        x = torch.ones(1, 36, 64, 64)
        assert torch.equal(net(x), net(x)), "dropout is off"
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(random, torch.random.get_rng_state())
    assert net.training and all(m.training for m in net.modules())
    assert all(m.track_running_stats for m in net.modules() if isinstance(m, nn.BatchNorm2d))


def test_dropout_can_be_left_on_in_test_mode_and_is_off_again_where_it_was():
    net = UNet(36, 6, 64, width=4, dropout=True).eval()
    x = torch.ones(1, 36, 64, 64)
    with torch.no_grad(), at_test_time(net, "running", dropout=True):
        assert not torch.equal(net(x), net(x))
    assert not any(m.training for m in net.modules())


def test_initial_weights_have_the_deviation_that_was_asked_for():
    net = UNet(36, 6, 64, width=32)
    for std in (0.02, 0.2):
        torch.manual_seed(0)
        initialise(net, std)
        weights = torch.cat([m.weight.flatten() for m in net.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))])
        assert weights.std().item() == pytest.approx(std, rel=0.01)
        assert abs(weights.mean().item()) < std / 100


def test_vgg_features_are_those_of_the_original_convention():
    """Against the published layer, applied as its authors do: RGB in 0..255 minus the mean colour, zeros around it, ReLU."""
    with np.load(files("perfclone.nets") / "vgg19_conv1_1.npz", allow_pickle=False) as layer:
        weight, bias, mean = (torch.from_numpy(layer[name]).double() for name in ("weight", "bias", "mean_rgb_255"))
    x255 = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 16, 16)).astype(float))
    expected = torch.relu(nn.functional.conv2d(x255 - mean[:, None, None], weight, bias, padding=1))
    assert torch.allclose(VGGFeatures("byte").double()(x255 / 127.5 - 1), expected, atol=1e-2)  # the layer is float32
    assert torch.allclose(VGGFeatures().double()(x255 / 127.5 - 1) * 127.5, expected, atol=1e-2)


def test_windows_are_taken_frame_by_frame_by_vgg():
    phi = VGGFeatures()
    x = torch.rand(2, 6, 8, 8)
    assert torch.equal(phi(x)[1], phi(x[:, 3:])[0])
