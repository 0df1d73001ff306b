"""Bootstrap and Holm: known answers, coverage on simulated videos, what must not change an interval, and what must."""

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import linregress, spearmanr

from perfclone.errors import InputError
from perfclone_lab.ledger.statistics import (
    below,
    bootstrap,
    correlation,
    difference,
    holm,
    power_law,
    rank_moments,
    ratio,
    value,
)

FRAMES = 600


def errors(rng, mean, memory=0.9, frames=FRAMES):
    """Squared errors that remember the frame before: a stationary sequence around `mean`."""
    noise = lfilter([np.sqrt(1 - memory**2)], [1, -memory], rng.normal(size=frames + 200))[200:]
    return mean * np.exp(0.3 * noise - 0.045)


def method(seed, mean=100.0, actors=("ann", "ben", "chi"), seeds=(0, 1, 2)):
    rng = np.random.default_rng(seed)
    return {actor: {seed: errors(rng, mean) for seed in seeds} for actor in actors}


def constant(*levels, actor="ann"):
    """One actor whose runs with seeds 0, 1, … have the same error in every frame."""
    return {actor: {seed: np.full(FRAMES, float(level)) for seed, level in enumerate(levels)}}


# ---- known answers ----


def test_estimates_equal_the_hand_calculation():
    ours = {
        "ann": {0: np.tile([1.0, 7.0], 300), 1: np.full(FRAMES, 16.0)},
        "ben": {0: np.full(FRAMES, 9.0), 1: np.full(FRAMES, 25.0)},
    }
    other = {"ann": {None: np.full(FRAMES, 36.0)}, "ben": {None: np.full(FRAMES, 64.0)}}
    # roots of the means: 2 and 4, 3 and 5, so 3 and 4 for the actors; 6 and 8 for the other
    assert bootstrap([ours], value, root=True).estimate == 3.5
    assert bootstrap([ours, other], ratio, root=True).estimate == 0.5
    assert bootstrap([ours, other], difference, root=True).estimate == -3.5
    assert bootstrap([ours], value).estimate == (4 + 16 + 9 + 25) / 4  # without roots


def test_a_share_of_frames_is_counted_seed_by_seed_and_over_the_frames_that_both_have():
    ours = {"ann": {0: np.array([1.0, 1, 9, np.nan]), 1: np.array([9.0, 4, 9, 1])}}
    other = {"ann": {None: np.full(4, 4.0)}}
    won, lost = below(ours, other)["ann"], below(other, ours)["ann"]
    np.testing.assert_array_equal(won[0], [1, 1, 0, np.nan])
    np.testing.assert_array_equal(won[1], [0, 0, 0, 1])  # equal is not less
    np.testing.assert_array_equal(lost[1], [1, 0, 1, 0])
    twin = {"ann": {0: np.full(4, 2.0), 1: np.full(4, 5.0)}}
    np.testing.assert_array_equal(below(ours, twin)["ann"][1], [0, 1, 0, 1])  # of trainings those with the same seed


def test_three_constant_trainings_give_exactly_their_range():
    # a mean of three draws is the lowest (or the highest) of three in one case of 27, more than the 2.5 % left out
    interval = bootstrap([constant(1, 2, 9)], value).interval()
    assert (interval.low, interval.estimate, interval.high) == pytest.approx((1, 4, 9))
    assert (interval.seeds, interval.actors, interval.frames) == (3, 1, FRAMES)


def test_actors_are_resampled_where_there_are_several():
    means = {name: {0: np.full(FRAMES, level)} for name, level in (("ann", 1.0), ("ben", 4.0), ("chi", 9.0))}
    interval = bootstrap([means], value, root=True).interval()
    assert (interval.low, interval.estimate, interval.high) == pytest.approx((1, 2, 3))
    assert (interval.seeds, interval.actors, interval.frames) == (1, 3, 3 * FRAMES)


def test_constant_frames_of_one_training_leave_nothing_to_doubt():
    interval = bootstrap([constant(49)], value, root=True).interval()
    assert (interval.low, interval.high) == pytest.approx((7, 7))


def test_identical_methods_have_a_ratio_of_exactly_one_in_every_draw():
    ours = method(0)
    assert (bootstrap([ours, ours], ratio, root=True).draws == 1).all()
    assert (bootstrap([ours, ours], difference).draws == 0).all()


def test_the_same_call_gives_the_same_draws_and_another_seed_gives_others():
    first, again, other = (bootstrap([method(0), method(1)], ratio, seed=seed).draws for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_p_values_count_the_draws_on_the_wrong_side_and_are_never_zero():
    far, same = bootstrap([constant(1), constant(4)], ratio, draws=99), bootstrap([constant(4), constant(4)], ratio, draws=99)
    assert far.p_value("below", 1) == 1 / 100
    assert far.p_value("above", 1) == 1
    assert same.p_value("below", 1) == same.p_value("above", 1) == 1
    draws = bootstrap([constant(1, 2, 9)], value, draws=500).draws
    assert bootstrap([constant(1, 2, 9)], value, draws=500).p_value("below", 5) == ((draws >= 5).sum() + 1) / 501


def test_holm_gives_the_worked_example_and_is_the_bare_p_value_for_one_claim():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # ×3, ×1 raised, ×2, ×4
    assert holm([0.02]) == pytest.approx([0.02])
    assert holm([0.5, 0.9, 0.6]) == pytest.approx([1, 1, 1])
    assert len(holm([])) == 0


def test_rank_correlation_is_spearmans_and_does_not_change_under_monotone_functions():
    rng = np.random.default_rng(0)
    x = rng.normal(size=FRAMES)
    y = x + rng.normal(size=FRAMES)
    x[::7] = np.nan
    seen = ~np.isnan(x)
    expected = spearmanr(x[seen], y[seen]).statistic
    found = bootstrap(rank_moments({"ann": {0: x}}, {"ann": {0: y}}), correlation)
    assert found.estimate == pytest.approx(expected)
    assert found.interval().low < expected < found.interval().high
    bent = bootstrap(rank_moments({"ann": {0: np.exp(x)}}, {"ann": {0: y**3}}), correlation)
    assert bent.draws == pytest.approx(found.draws)


def test_a_power_law_is_found_exactly_where_there_is_one_and_in_every_draw_at_once():
    sizes, b, c = np.array([600, 1200, 2000, 3400]), np.array([80.0, 40.0, 7.0]), np.array([0.2, 0.5, -0.1])
    found = power_law(sizes, b * sizes[:, None] ** -c)
    assert found[0] == pytest.approx(b) and found[1] == pytest.approx(c)
    assert power_law(sizes, np.full(4, 16.0)) == pytest.approx((16, 0))


def test_a_power_law_through_noise_has_the_least_squares_in_logarithms():
    sizes = np.array([600, 1200, 2000, 3400])
    values = 90 * sizes**-0.3 * np.exp(0.1 * np.random.default_rng(0).normal(size=4))
    line = linregress(np.log(sizes), np.log(values))
    assert power_law(sizes, values) == pytest.approx((np.exp(line.intercept), -line.slope))
    b, c = power_law(sizes, values)
    assert power_law(10 * sizes, 3 * values) == pytest.approx((3 * b * 10**c, c))  # the exponent has no unit


# ---- what is true of any data ----


def test_a_change_of_unit_changes_no_ratio_and_scales_an_error():
    a, b = method(0, 64), method(1, 100)
    scaled = [{actor: {seed: 9 * run for seed, run in runs.items()} for actor, runs in m.items()} for m in (a, b)]
    assert bootstrap(scaled, ratio, root=True).draws == pytest.approx(bootstrap([a, b], ratio, root=True).draws)
    assert bootstrap(scaled, value, root=True).draws == pytest.approx(3 * bootstrap([a, b], value, root=True).draws)


def test_swapping_methods_turns_the_ratio_over():
    a, b = method(0, 64, actors=["ann"]), method(1, 100, actors=["ann"])
    assert bootstrap([b, a], ratio, root=True).draws == pytest.approx(1 / bootstrap([a, b], ratio, root=True).draws)


def test_a_95_percent_interval_holds_the_true_ratio_in_about_95_of_100_videos():
    rng, held = np.random.default_rng(0), 0
    for _ in range(200):
        shared = errors(rng, 1.0)  # both methods fail in the same poses
        a, b = (np.sqrt(shared * errors(rng, 1.0)) * mean for mean in (64, 100))
        interval = bootstrap([{"ann": {0: a}}, {"ann": {0: b}}], ratio, root=True, draws=300).interval()
        held += interval.low <= 0.8 <= interval.high
    assert 0.87 <= held / 200 <= 0.98


def test_frames_drawn_one_by_one_would_pretend_to_know_more_than_blocks_do():
    def width(memory, block):
        found = bootstrap([{"ann": {0: errors(np.random.default_rng(1), 100, memory)}}], value, block=block, draws=400)
        return found.interval().high - found.interval().low

    assert width(0.9, 60) > 2 * width(0.9, 1)  # neighbouring frames err alike
    assert width(0.0, 60) == pytest.approx(width(0.0, 1), rel=0.35)  # they do not


def test_what_two_methods_share_does_not_widen_the_interval_of_their_ratio():
    rng = np.random.default_rng(0)
    common = errors(rng, 100)
    ours, other = {"ann": {0: common * errors(rng, 1, 0.0)}}, {"ann": {0: 2 * common * errors(rng, 1, 0.0)}}
    paired, alone = bootstrap([ours, other], ratio).interval(), bootstrap([ours], value).interval()
    assert (paired.high - paired.low) / paired.estimate < 0.5 * (alone.high - alone.low) / alone.estimate


def test_a_method_without_training_is_paired_with_every_seed_of_the_other():
    ours, nearest = constant(1, 4, 9), {"ann": {None: np.full(FRAMES, 100.0)}}
    interval = bootstrap([ours, nearest], ratio, root=True).interval()
    assert (interval.low, interval.estimate, interval.high) == pytest.approx((0.1, 0.2, 0.3))
    assert interval.seeds == 3
    alone = bootstrap([constant(4), nearest], ratio, root=True).interval()
    assert alone.seeds == 1 and alone.low == pytest.approx(alone.high)  # one training says nothing about the next


def test_a_frame_that_one_method_has_not_measured_counts_for_neither():
    ours, other = np.full(FRAMES, 1.0), np.full(FRAMES, 4.0)
    ours[:100], other[:100] = np.nan, 1000.0
    found = bootstrap([{"ann": {0: ours}}, {"ann": {0: other}}], ratio)
    assert found.estimate == 0.25
    assert found.frames == 500


def test_a_measure_of_every_fifth_frame_keeps_its_place_in_time():
    rng = np.random.default_rng(0)
    every = errors(rng, 100, 0.98, 1800)
    fifth = np.where(np.arange(1800) % 5 == 0, every, np.nan)
    dense, sparse = (bootstrap([{"ann": {0: run}}], value).interval() for run in (every, fifth))
    assert sparse.frames == 360
    assert sparse.high - sparse.low == pytest.approx(dense.high - dense.low, rel=0.2)


@pytest.mark.parametrize(
    "other, word",
    [
        ({"ben": {0: np.ones(FRAMES)}}, "same actors"),
        ({"ann": {0: np.ones(FRAMES - 1)}}, "numbers of frames"),
        ({"ann": {0: np.full(FRAMES, np.nan)}}, "no frame"),
        ({"ann": {0: np.where(np.arange(FRAMES) < 1, 1, np.nan)}}, "few measured"),
    ],
)
def test_what_can_not_be_compared_is_said_so(other, word):
    with pytest.raises(InputError, match=word):
        bootstrap([constant(1), other], ratio)


def test_a_video_of_less_than_two_blocks_has_no_interval():
    with pytest.raises(InputError, match="two blocks"):
        bootstrap([{"ann": {0: np.ones(119)}}], value, block=60)
