"""Counted costs: known numbers of operations, and what has to be equal."""

from __future__ import annotations

from dataclasses import replace

from perfclone.training import TrainSettings
from perfclone.training.networks import Networks
from perfclone_lab.baselines import cyclegan_settings, pix2pix_settings
from perfclone_lab.baselines.pg2 import pg2_settings, stage_1_steps
from perfclone_lab.experiments.effort import effort
from perfclone_lab.experiments.spec import RunSpec
from perfclone_lab.nets.pg2 import PersonNetworks
from perfclone_lab.nets.resnet import ResNet

TINY = TrainSettings(size=64, width=4, patch_layers=1, batch=2, steps=4)
OURS = RunSpec(actor="dee", unpaired=("eve",), settings=TINY, profile="smoke")


def spec(method, **changes):
    make = {"pix2pix": pix2pix_settings, "CycleGAN": cyclegan_settings}.get(method, pg2_settings)
    crowd = ("crowd-8",) if method.startswith("PG2") else ()
    return RunSpec(method=method, actor="dee", unpaired=crowd, settings=make(replace(TINY, **changes)), profile="smoke")


def test_parameters_are_those_of_the_networks():
    nets, found = Networks(TINY), effort(OURS)
    g, d = (sum(p.numel() for net in own for p in net.parameters()) for own in ([nets.G], nets.discriminators.values()))
    assert (found.generators, found.discriminators) == (g, d)


def test_twice_the_batch_costs_twice_as_much_and_draws_twice_as_many_frames():
    for one in (OURS, spec("pix2pix"), spec("CycleGAN"), spec("PG2"), spec("PG2, fine-tuned")):
        small = effort(one)
        large = effort(replace(one, settings=replace(one.settings, batch=4)))
        assert (large.step_flops, large.real_frames) == (2 * small.step_flops, 2 * small.real_frames)
        assert (large.frame_flops, large.generators) == (small.frame_flops, small.generators)


def test_without_its_second_branch_the_method_costs_less_and_a_frame_as_much():
    both, paired = effort(OURS), effort(replace(OURS, unpaired=()))
    assert paired.step_flops < both.step_flops and paired.frame_flops == both.frame_flops


def test_eq_1_adds_a_convolution_of_three_to_64_channels_there_for_both_frames_and_back_for_one():
    plain = replace(OURS, unpaired=(), settings=replace(TINY, lambda_vgg=0.0, lambda_l1=1.0))
    added = effort(replace(OURS, unpaired=())).step_flops - effort(plain).step_flops
    convolution = 2 * 64 * 64 * 64 * 3 * 9
    assert added == 3 * convolution * TINY.window * TINY.batch // 2


def test_cyclegan_counts_both_generators():
    one = sum(p.numel() for p in ResNet(64, TINY.width).parameters())
    assert effort(spec("CycleGAN")).generators == 2 * one


def test_pg2_counts_both_stages_and_draws_the_actor_only_when_fine_tuned():
    nets = PersonNetworks(TINY.size, TINY.width)
    g, d = (sum(p.numel() for net in own for p in net.parameters()) for own in ([nets.coarse, nets.refiner], [nets.critic]))
    crowd, tuned = effort(spec("PG2")), effort(spec("PG2, fine-tuned"))
    assert (crowd.generators, crowd.discriminators) == (g, d)
    assert (crowd.real_frames, tuned.real_frames) == (0, TINY.batch) and crowd.step_flops == tuned.step_flops


def test_a_step_of_pg2_costs_the_mean_of_its_stages():
    costs = {steps: steps * effort(spec("PG2", steps=steps)).step_flops for steps in (1, 2, 3)}
    assert [stage_1_steps(replace(TINY, steps=steps)) for steps in costs] == [1, 1, 2]
    assert abs(costs[3] - costs[2] - costs[1]) <= 5, "one more step of the first stage; means are rounded down"
