"""Each faster form is the plain function: the same value and the same gradient within 1e-5, in double precision."""

import pytest
import torch

from perfclone import losses
from perfclone.fast import TWINS, fast
from perfclone.nets import VGGFeatures, conditioning


def rand(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 1.8 - 0.9


def vgg_inputs():
    generated, real = rand(3, 6, 9, 7).requires_grad_(), rand(3, 6, 9, 7, seed=1)
    for input_range in ("unit", "byte"):
        for reduction in ("mean", "sum"):
            yield (VGGFeatures(input_range).double(), generated, real, reduction), generated


def falloff_inputs():
    joints = 128 + 120 * rand(5, 18, 2)
    joints[1, 3] = joints[2] = torch.nan  # a joint is missing, then all are
    joints[3, 5] = joints[3, 6]  # a limb without a length
    for size, sigma in ((64, 0.06), (33, 0.02)):
        yield (joints, size, sigma), None


CASES = {losses.vgg: vgg_inputs, conditioning.limb_falloff: falloff_inputs}


def test_every_twin_is_held_to_its_plain_form():
    assert TWINS.keys() == CASES.keys()


@pytest.mark.parametrize("plain", CASES, ids=lambda function: function.__name__)
def test_a_twin_gives_what_its_plain_form_gives(plain):
    for arguments, moved in CASES[plain]():
        slow, quick = plain(*arguments), fast(plain)(*arguments)
        torch.testing.assert_close(quick, slow, rtol=1e-5, atol=1e-5)
        if moved is not None:
            (wanted,), (found,) = (torch.autograd.grad(2.5 * value, moved) for value in (slow, quick))
            torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_a_function_without_a_twin_is_its_own_fast_form():
    assert fast(losses.l1) is losses.l1
