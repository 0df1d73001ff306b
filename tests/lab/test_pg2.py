"""PG²: the crowd that it learns from, that it is what its authors published, that it learns, and what measures how it fails."""

import json
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

from perfclone.cloning.offline import clone, generate_sequence
from perfclone.errors import InputError
from perfclone.metrics import frame_mse, rmse
from perfclone.skeleton import JOINT
from perfclone.training import PROFILES, TrainSettings, load_actor
from perfclone.training.loop import Training
from perfclone.video import probe
from perfclone_lab.baselines import fine_tune_pg2, load_crowd, pg2, pg2_actor, pg2_settings, train_pg2
from perfclone_lab.baselines.pg2 import PG2, People, conditioning_frame, conditioning_picture, generate, stage_1_steps
from perfclone_lab.datasets.crowd import INDEX, PEOPLE, SIDE, Crowd, write_crowd
from perfclone_lab.experiments import families, identity
from perfclone_lab.experiments.evaluation import ours
from perfclone_lab.experiments.spec import PG2 as METHODS
from perfclone_lab.experiments.spec import RunSpec
from perfclone_lab.experiments.store import Store
from perfclone_lab.nets.pg2 import CoarseGenerator, PairCritic, PersonNetworks, Refiner, blocks
from perfclone_lab.notebook import made_with

DATA = Path(__file__).parents[2] / "data"
CPU = torch.device("cpu")
TINY = TrainSettings(size=64, width=8, steps=100, batch=8, learning_rate=2e-3, precision="fp32")




@pytest.fixture(scope="module")
def crowd():
    return load_crowd(DATA / "crowd")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# ---- the crowd ----


def test_the_shipped_crowd_shows_people_in_their_poses_on_white(crowd):
    assert crowd.stills.shape == (64, 8, SIDE, SIDE, 3) and crowd.joints.shape == (64, 8, 18, 2)
    assert PEOPLE == 60, "so four are left that no training sees"
    stills, joints = crowd.stills.reshape(-1, SIDE, SIDE, 3), crowd.joints.reshape(-1, 18, 2)
    assert (stills[:, 0] == 255).all() and (stills[:, :, [0, -1]] == 255).all(), "no hand leaves the frame"
    at = (joints[:, [JOINT["neck"], JOINT["right_knee"], JOINT["left_knee"]]] * (SIDE / 256)).astype(int)
    shown = stills[np.arange(len(stills))[:, None], at[..., 1], at[..., 0]]
    assert (shown.min(-1) < 230).mean() > 0.98, "where a neck or a knee is, there is somebody"
    total = sum(path.stat().st_size for path in (DATA / "crowd").iterdir())
    assert total < 2.5e6


def test_the_datasheet_has_the_crowds_checksum_and_size(crowd):
    sheet = (DATA / "README.md").read_text("utf-8")
    assert f"`{crowd.sha256}`" in sheet and f"{(DATA / 'crowd' / INDEX).stat().st_size:,}" in sheet
    strips = [path.stat().st_size for path in (DATA / "crowd").glob("*.webp")]
    assert len(strips) == 64 and f"{np.mean(strips) / 1000:.0f} KB on average" in sheet


def test_a_crowd_is_averaged_over_areas_and_named_by_its_size(crowd):
    few = crowd.first(2)
    assert few.frames(64)[1, 3, 20, 30] == pytest.approx(few.stills[1, 3, 40:42, 60:62].mean((0, 1)), abs=0.6)
    assert few.frames(256).shape == (2, 8, 256, 256, 3)
    assert few.source["name"] == "crowd-2" and few.source["frames"] == 16
    for count in (0, 65):
        with pytest.raises(InputError, match=f"{count} people are asked for and the crowd has 64"):
            crowd.first(count)


@pytest.fixture
def small(crowd, tmp_path):
    """A folder of two people, to be spoiled."""
    write_crowd(tmp_path / "crowd", zip(crowd.stills[:2], crowd.joints[:2], strict=True))
    return tmp_path / "crowd"


def test_a_crowd_survives_its_folder(small, crowd):
    again = load_crowd(small)
    assert np.array_equal(again.stills, crowd.stills[:2]), "without loss"
    assert again.joints == pytest.approx(crowd.joints[:2], abs=0.005)
    with pytest.raises(InputError, match="holds something"):
        write_crowd(small, [])


def spoil_index(**changes):
    def spoil(folder):
        about = json.loads((folder / INDEX).read_text())
        (folder / INDEX).write_text(json.dumps(about | changes))

    return spoil


def spoil_joints(folder):
    about = json.loads((folder / INDEX).read_text())
    about["people"][1]["joints"][3][4][0] = float("nan")
    (folder / INDEX).write_text(json.dumps(about))


def fewer_poses(folder):
    about = json.loads((folder / INDEX).read_text())
    for person in about["people"]:
        del person["joints"][-1]
    (folder / INDEX).write_text(json.dumps(about))


def flip_a_byte(folder):
    path = folder / "person-0001.webp"
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "spoil",
    [
        shutil.rmtree,
        lambda folder: (folder / "person-0001.webp").unlink(),
        lambda folder: (folder / INDEX).write_text('{"format": 1, "peo'),
        lambda folder: (folder / INDEX).write_text("[]"),
        spoil_index(format=2),
        spoil_index(people=[]),
        spoil_index(people={"0": 1}),
        spoil_joints,
        fewer_poses,
        flip_a_byte,
    ],
)
def test_a_damaged_crowd_is_refused_in_one_line(spoil, small):
    spoil(small)
    with pytest.raises(InputError, match="is missing, incomplete or damaged; fetch data/crowd again"):
        load_crowd(small)


# ---- what is published ----


def test_pg2_has_the_budgets_numbers_and_single_frames():
    for profile in PROFILES.values():
        s = pg2_settings(profile.settings)
        for kept in ("size", "width", "steps", "batch", "learning_rate", "decay_share", "shift", "precision"):
            assert getattr(s, kept) == getattr(profile.settings, kept)
        assert s.window == 1 and pg2_settings(s) == s == pg2_settings(
            replace(profile.settings, window=3, lambda_tc=1.0, crop=True)
        )
    assert stage_1_steps(replace(TINY, steps=36_000)) == 22_000


def convolutions(*layers):
    """Weights and biases of convolutions (in, out, side)."""
    return sum(before * after * side**2 + after for before, after, side in layers)


def test_the_networks_have_the_layers_of_the_text():
    assert (blocks(128), blocks(256)) == (5, 6), "N of Market-1501's height and of DeepFashion"
    encoder = [(21, 8, 3)]
    for k in (
        1,
        2,
        3,
        4,
    ):  # two convolutions of stride 1 a block, then one of stride 2 but after the last; widths in proportion to k
        encoder += [(8 * k, 8 * k, 3)] * 2 + ([(8 * k, 8 * (k + 1), 3)] if k < 4 else [])
    code = [(32 * 8 * 8, 64, 1), (64, 8 * 8 * 8, 1)]
    decoder = [(40, 40, 3)] * 2 + [(40, 24, 1)] + [(48, 48, 3)] * 2 + [(48, 16, 1)] + [(32, 32, 3)] * 2 + [(32, 8, 1)]
    decoder += [(16, 16, 3)] * 2 + [(16, 3, 3)]
    count = sum(p.numel() for p in CoarseGenerator(64, 8).parameters())
    assert count == convolutions(*encoder, *code, *decoder)
    refiner = Refiner(64, 8)  # N − 2 blocks
    layers = [
        (6, 8, 3),
        (8, 8, 3),
        (8, 8, 3),
        (8, 8, 3),
        (8, 16, 3),
        (16, 16, 3),
        (32, 8, 3),
        (8, 8, 3),
        (16, 8, 3),
        (8, 8, 3),
        (8, 3, 3),
    ]
    assert sum(p.numel() for p in refiner.parameters()) == convolutions(*layers)
    assert not any(isinstance(module, torch.nn.Linear) for module in refiner.modules())


@pytest.mark.parametrize("size", [64, 128, 256])
def test_pictures_keep_their_size_and_a_pair_has_one_score(size):
    nets = PersonNetworks(size, 2)
    picture, maps = torch.rand(2, 3, size, size), torch.rand(2, 18, size, size)
    coarse, refined = nets(picture, maps)
    assert coarse.shape == refined.shape == picture.shape
    torch.testing.assert_close(refined, coarse + nets.refiner(picture, coarse), msg="a difference map is added")
    assert PairCritic(size, 2)(picture, refined).shape == (2, 1)


def test_the_pose_masked_loss_equals_a_hand_calculation():
    generated = torch.zeros(1, 3, 1, 2)
    target = torch.tensor([0.5, -1.0]).expand(1, 3, 1, 2)
    mask = torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 2)
    assert pg2.pose_masked_l1(generated, target, mask).item() == (0.5 * 2 + 1.0) / 2


def test_the_mask_is_what_lies_near_a_limb_or_a_joint():
    joints = torch.full((3, 18, 2), torch.nan)
    joints[0, JOINT["right_hip"]], joints[0, JOINT["right_knee"]] = torch.tensor([128.0, 100.0]), torch.tensor([128.0, 160.0])
    joints[1, JOINT["left_wrist"]] = torch.tensor([60.0, 60.0])
    mask = pg2.pose_mask(joints, 256)[:, 0]
    y, x = np.mgrid[:256, :256] + 0.5
    limb = np.hypot(x - 128, y - y.clip(100, 160)) <= 10
    assert np.array_equal(mask[0].numpy(), limb), "within ten pixels of the line between hip and knee"
    assert np.array_equal(mask[1].numpy(), np.hypot(x - 60, y - 60) <= 10), "or of a joint without a limb"
    assert mask[2].sum() == 0


def test_on_the_crowd_the_mask_roughly_covers_the_people(crowd):
    joints = torch.from_numpy(crowd.joints[::4].reshape(-1, 18, 2))
    mask = pg2.pose_mask(joints, SIDE)[:, 0].numpy() > 0
    people = crowd.stills[::4].reshape(-1, SIDE, SIDE, 3).min(-1) < 230
    assert (mask & people).sum() / people.sum() == pytest.approx(0.97, abs=0.01), "MASK_RADIUS says so"
    assert (mask & people).sum() / mask.sum() == pytest.approx(0.73, abs=0.02)


# ---- data ----


def numbered(counts):
    """People whose every frame is a plain grey of its own, which is its number."""
    total = sum(counts)
    frames = torch.arange(total, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 64, 64).contiguous()
    joints = torch.arange(total, dtype=torch.float32)[:, None, None].expand(-1, 18, 2) * 2
    return People(frames, joints, tuple(counts))


def greys(pictures):
    return ((pictures[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()


def test_a_pair_is_of_two_frames_of_a_person_each_pair_and_each_person_as_likely():
    given, joints, target = numbered([2, 3]).batch(6000, seeded())
    pairs = list(zip(greys(given), greys(target), strict=True))
    assert (joints[:, 0, 0] / 2).int().tolist() == greys(target), "the pose is the target's"
    share = {pair: pairs.count(pair) / 6000 for pair in set(pairs)}
    expected = {(0, 1): 1 / 4, (1, 0): 1 / 4} | {(a, b): 1 / 12 for a in (2, 3, 4) for b in (2, 3, 4) if a != b}
    assert share == pytest.approx(expected, abs=0.03)


def test_target_and_pose_are_moved_together_and_the_conditioning_image_by_itself():
    frames = torch.full((2, 3, 64, 64), 255, dtype=torch.uint8)
    frames[:, :, 30:32, 30:32] = 0
    people = People(frames, torch.full((2, 18, 2), 31 * 4.0), (2,))
    given, joints, target = people.batch(50, seeded(), shift=1 / 8)

    def centres(pictures):
        return torch.stack([torch.nonzero(one[0] < 0).float().mean(0).flip(0) + 0.5 for one in pictures])

    torch.testing.assert_close(centres(target), joints[:, 0] / 4)
    assert (centres(given) != centres(target)).any(1).float().mean() > 0.9
    assert (joints[:, 0] / 4 - 31).abs().max() == 8


def test_too_few_poses_or_frames_are_refused(crowd, dee, tmp_path):
    alone = Crowd(crowd.stills[:, :1], crowd.joints[:, :1], crowd.sha256)
    with pytest.raises(InputError, match="one pose a person"):
        train_pg2(alone, settings=TINY, device="cpu", out=tmp_path / "crowd")
    assert not (tmp_path / "crowd").exists()
    with pytest.raises(InputError, match="31 usable frames and training needs 32"):
        People.of_video([dee[:31]], 64, CPU)


# ---- learning ----


def test_the_first_stage_moves_g1_alone_and_the_second_starts_from_it_and_leaves_it(crowd):
    settings = pg2_settings(replace(TINY, width=4, steps=4, batch=4))
    task = PG2(settings, 0, CPU, People.of_crowd(crowd.first(2), 64, CPU))
    run = Training(Path("nowhere"), {}, task, 0)

    def step():
        before = {name: value.clone() for name, value in task.nets.state_dict().items()}
        found = run.train_step()
        after = task.nets.state_dict()
        assert all(p.grad is None for p in task.nets.parameters()), "no loss leaves a gradient for another network's next step"
        return set(found), {name.split(".")[0] for name, value in before.items() if not torch.equal(after[name], value)}

    assert stage_1_steps(settings) == 2
    for _ in range(2):
        assert step() == ({"coarse"}, {"coarse"})
    for _ in range(2):
        assert step() == ({"gan", "fine", "d"}, {"refiner", "critic"})


def dotted(people, poses):
    """Four joints somewhere near the corners of a square, and a dot at each, which is red, green or blue for each third person."""
    random = np.random.default_rng(0)
    joints = np.full((people, poses, 18, 2), np.nan, np.float32)
    corners = np.array([[64, 64], [192, 64], [64, 192], [192, 192]])
    joints[:, :, :4] = corners + random.uniform(-30, 30, (people, poses, 4, 2))
    frames = np.full((people, poses, 64, 64, 3), 255, np.uint8)
    y, x = np.mgrid[:64, :64] + 0.5
    for person, still in np.ndindex(people, poses):
        colour = 30 + 170 * np.eye(3, dtype=int)[person % 3]
        for joint in joints[person, still, :4] / 4:
            frames[person, still][np.hypot(x - joint[0], y - joint[1]) < 8] = colour
    return frames, joints


def test_it_learns_who_it_is_from_the_picture_and_how_they_stand_from_the_pose():
    frames, joints = dotted(6, 9)
    flat = torch.from_numpy(frames[:, :8].reshape(-1, 64, 64, 3)).permute(0, 3, 1, 2).contiguous()
    people = People(flat, torch.from_numpy(joints[:, :8].reshape(-1, 18, 2)), (8,) * 6)
    settings = pg2_settings(replace(TINY, steps=250, learning_rate=1e-3, decay_share=0.5, shift=0.0))
    task = PG2(settings, 0, CPU, people)
    run = Training(Path("nowhere"), {}, task, 0)
    for _ in range(settings.steps):
        run.train_step()
    given, truth = frames[:, 0], frames[:, 8]  # of each the pose that was held out
    _, made = (x.numpy() for x in generate(task.nets, torch.from_numpy(given), torch.from_numpy(joints[:, 8]), settings))
    assert rmse(made, truth) < 0.65 * min(rmse(given, truth), rmse(np.full_like(truth, 255), truth)), (
        "as was the picture, and nothing"
    )
    colours = np.stack([one[(true < 255).any(-1)].mean(0) for one, true in zip(made, truth, strict=True)])
    assert (colours - colours.mean(0)).argmax(1).tolist() == [0, 1, 2, 0, 1, 2], (
        "each is more of their own colour than the others"
    )


SHORT = replace(TINY, width=4, steps=3, batch=2)


@pytest.fixture(scope="module")
def trained(crowd, tmp_path_factory):
    """Of a short training on four people, which no test may change."""
    settings = replace(TINY, steps=60, decay_share=0.5)
    return train_pg2(crowd.first(4), settings=settings, device="cpu", out=tmp_path_factory.mktemp("pg2") / "crowd")


def test_fine_tuning_brings_it_nearer_to_frames_of_the_actor_that_it_has_not_seen(trained, dee, tmp_path):
    tuned = fine_tune_pg2(trained, dee[:70], device="cpu", out=tmp_path / "tuned")
    before, after = (rmse(generate_sequence(pg2_actor(one, dee[:70], tmp_path / name), dee[70:].poses), dee[70:].frames(64))
                     for name, one in (("a", trained), ("b", tuned)))  # fmt: skip
    assert after < 0.9 * before
    assert tuned.record["from"] == trained.record["hash"] and tuned.settings == trained.settings
    assert [one["name"] for one in (*tuned.record["reference"], *tuned.record["unpaired"])] == ["dee", "crowd-4"]


# ---- actors ----


def test_an_actor_is_known_by_the_most_complete_frame_that_is_nearest_to_the_mean_pose():
    joints = np.zeros((5, 18, 2))
    joints[:, :, 0] = np.array([0, 40, 10, 12, 30])[:, None]  # the mean is 18.4
    assert conditioning_frame(joints) == 3
    joints[3, 7] = np.nan
    assert conditioning_frame(joints) == 2, "of those in which most joints are seen"
    joints[:, 7] = np.nan
    assert conditioning_frame(joints) == 3, "also where a joint is never seen"


def drawn(trained, pictures, joints):
    """People in poses, by the networks themselves."""
    return generate(trained.generator, torch.from_numpy(pictures), torch.from_numpy(joints), trained.settings)[1].numpy()


def test_an_actor_takes_poses_like_any_other_and_shows_one_picture_in_them(trained, dee, tmp_path):
    actor = pg2_actor(trained, dee, tmp_path / "actor")
    at, picture = actor.record["conditioning"], conditioning_picture(actor)
    assert np.array_equal(picture, dee[at : at + 1].frames(64)[0]) and at == conditioning_frame(dee.poses.joints)
    made = generate_sequence(actor, dee[:3].poses)
    again = drawn(trained, np.repeat(picture[None], 3, 0), dee.poses.joints[:3])
    assert np.array_equal(made, again) and made.shape == (3, 64, 64, 3) and made.dtype == np.uint8
    other = drawn(trained, dee[:1].frames(64), dee.poses.joints[:1])
    assert not np.array_equal(made[:1], other), "which decides what they look like"
    loaded = load_actor(tmp_path / "actor", "cpu")
    assert np.array_equal(loaded.generate(dee.poses.joints[:2, None])[:, 0], made[:2])
    assert list(loaded.log.columns) == ["step", "coarse", "gan", "fine", "d"]
    assert "crowd-4" in made_with(loaded.record).markdown
    assert pg2_actor(trained, dee, tmp_path / "actor").record == actor.record, "found again"
    assert probe(clone(loaded, dee[:4], tmp_path / "clone.mp4")).width == 256


def test_what_is_no_pg2_or_another_one_is_refused(trained, crowd, dee, tmp_path):
    with pytest.raises(InputError, match="another training"):
        train_pg2(crowd.first(5), settings=trained.settings, device="cpu", out=trained.folder)
    actor = pg2_actor(trained, dee, tmp_path / "actor")
    (actor.folder / "picture.png").write_bytes((actor.folder / "plate.png").read_bytes())
    with pytest.raises(InputError, match="damaged; train the actor again"):
        load_actor(tmp_path / "actor", "cpu").generate(dee.poses.joints[:1, None])
    with pytest.raises(InputError, match="knows a crowd and no actor"):
        trained.generate(dee.poses.joints[:1, None])


# ---- interruptions ----


def resumable(kind, crowd, dee, out):
    """A short training on the crowd, which is found again where it is finished, and going on with a video."""
    trained = train_pg2(crowd.first(3), settings=replace(SHORT, steps=14), device="cpu", out=out / "crowd")
    return trained if kind == "crowd" else fine_tune_pg2(trained, dee, device="cpu", out=out / "video")


SCRIPT = """
import sys, torch
from pathlib import Path
sys.path.insert(0, sys.argv[1])
torch.set_num_threads(1)
from test_pg2 import DATA, resumable
import perfclone as pc
from perfclone_lab.baselines import load_crowd
resumable(sys.argv[2], load_crowd(DATA / "crowd"), pc.load_performance(sys.argv[3]), Path(sys.argv[4]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["crowd", "video"])
def test_killed_and_started_again_it_ends_with_bit_identical_weights(kind, crowd, dee, tmp_path):
    whole = resumable(kind, crowd, dee, tmp_path / "whole")
    if kind == "video":
        shutil.copytree(tmp_path / "whole" / "crowd", tmp_path / "killed" / "crowd")
    arguments = [str(Path(__file__).parent), kind, str(dee.folder), str(tmp_path / "killed")]
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, *arguments], stdout=subprocess.DEVNULL)
    while process.poll() is None and not (tmp_path / "killed" / kind / "checkpoint.safetensors").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it should still be at work"
    resumed = resumable(kind, crowd, dee, tmp_path / "killed")
    assert resumed.record["resumed_from_step"] > 0
    for name in ("generator.safetensors", "losses.csv", "samples.png"):
        assert (whole.folder / name).read_bytes() == (resumed.folder / name).read_bytes(), name


# ---- runs ----


SPEC = RunSpec(method="PG2", actor="eve", unpaired=("crowd-3",), settings=pg2_settings(SHORT), profile="smoke")


def test_runs_are_trained_and_measured_like_ours_and_share_the_training_on_the_crowd(tmp_path, monkeypatch):
    monkeypatch.setenv("PERFCLONE_CACHE", str(tmp_path))
    store = Store(DATA)
    (test,) = SPEC.material(DATA).test
    for method in METHODS:
        run = store.run(replace(SPEC, method=method), "cpu")
        assert run.spec.trained and run.log.exists() and run.actor("cpu").record["method"] == method
        made = ours(run.actor("cpu"), [test])
        assert run.frames()["mse"] == pytest.approx(frame_mse(made, test.frames(64)))
        identity.examine(run, DATA, "cpu")
        distance = identity.colour_distance(made, test.poses.joints, test.frames(64), test.poses.joints)
        assert identity.studied(run)["colour"] == pytest.approx(distance, nan_ok=True)
    trainings = [json.loads(path.read_text()) for path in (tmp_path / "actors").glob("*/actor.json")]
    assert sorted(one["method"] for one in trainings) == list(METHODS), "one on the crowd, for both"
    assert store.leftovers() == {}


def test_a_spec_names_the_crowd_and_its_hash_stands_for_the_pictures(tmp_path):
    assert RunSpec.from_dict(json.loads(json.dumps(SPEC.as_dict()))) == SPEC
    identities = [replace(SPEC, unpaired=(name,)).identity(DATA) for name in ("crowd-3", "crowd-4")]
    assert identities[0]["videos"]["crowd-3"] == identities[1]["videos"]["crowd-4"] == load_crowd(DATA / "crowd").sha256
    assert len(SPEC.crowd(DATA)) == 3 and SPEC.others == []
    driven = replace(SPEC, split="whole", unpaired=("crowd-3", "fin"))
    assert driven.others == ["fin"] and len(driven.crowd(DATA)) == 3


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"unpaired": ()}, "learns from a crowd"),
        ({"unpaired": ("fin",)}, "learns from a crowd"),
        ({"unpaired": ("crowd-61",)}, "crowd-1 to crowd-60"),
        ({"unpaired": ("crowd-3", "fin")}, "learns from a crowd"),
        ({"unpaired": ("crowd-3", "crowd-4")}, "learns from a crowd"),
        ({"unpaired": ("crowd-3", "self")}, "learns from a crowd"),
        ({"settings": SHORT}, "not the settings of PG2"),
        ({"method": "paper"}, "does not learn from a crowd"),
    ],
)
def test_impossible_specs_are_refused(change, fault):
    with pytest.raises(InputError, match=fault):
        replace(SPEC, **change)


def test_the_family_has_fewer_and_more_people_and_what_it_is_compared_with():
    labels = [one.label for one in families.FAMILIES["person-generation"](families.Plan("home"))]
    assert labels == ["ours", "nearest neighbour", *(f"PG2, {n} people" for n in (8, 16, 32, 60)), "PG2, fine-tuned"]
    entries = list(families.FAMILIES["person-generation"](families.Plan("quick")))
    assert [one.label for one in entries[2:]] == ["PG2, 60 people", "PG2, fine-tuned"]
    known = {one.spec for one in families.FAMILIES["self-reenactment"](families.Plan("quick"))}
    assert {one.spec for one in entries[:2]} <= known, "and these are not trained anew"


# ---- whether it is still the actor ----


def dressed(shirt, trousers, shift=0, size=64):
    """Frames of a figure of two plain rectangles with their poses: (1, size, size, 3) and (1, 18, 2)."""
    frame = np.full((1, size, size, 3), 255, np.uint8)
    joints = np.full((1, 18, 2), np.nan)
    x = size // 2 + shift
    frame[0, size // 4 : size // 2, x - 4 : x + 4] = shirt
    frame[0, size // 2 : size * 3 // 4, x - 4 : x + 4] = trousers
    for name, y in (("neck", 0.25), ("right_hip", 0.5), ("right_knee", 0.62), ("right_ankle", 0.75)):
        joints[0, JOINT[name]] = 256 * np.array([x / size, y])
    return frame, joints


TRUE = dressed((200, 30, 30), (30, 30, 90))


def test_the_actors_own_frame_has_no_distance_wherever_it_stands():
    assert identity.region_distances(*TRUE, *TRUE)[0] == pytest.approx([np.nan, 0, np.nan, 0], nan_ok=True)
    for shift in (-9, 12):
        assert identity.colour_distance(*dressed((200, 30, 30), (30, 30, 90), shift), *TRUE) == [0]
    assert identity.colour_distance(*dressed((200, 30, 30), (30, 30, 90), size=128), *TRUE) == [0], "nor at another size"


def test_between_plain_colours_the_distance_is_that_of_cielab():
    grey = [dressed((value,) * 3, (30, 30, 90)) for value in (0, 119)]  # L = 0 and 50.03
    (trunk,) = identity.region_distances(*grey[0], *grey[1])[:, identity.REGIONS.index("trunk")]
    assert trunk == pytest.approx(50.03, abs=0.01)
    assert identity.colour_distance(*grey[0], *grey[1]) == pytest.approx(trunk / 2), "the mean over trunk and legs"


def test_a_recoloured_shirt_counts_the_more_the_more_it_differs_and_only_on_the_trunk():
    found = [identity.region_distances(*dressed((200, 30 + change, 30), (30, 30, 90)), *TRUE)[0] for change in (0, 20, 60, 120)]
    trunk, legs = (np.array(found)[:, identity.REGIONS.index(name)] for name in ("trunk", "legs"))
    assert trunk[0] == 0 and (np.diff(trunk) > 3).all()
    assert legs == pytest.approx(0)


def test_exchanged_clothes_are_wrong_though_the_colours_of_the_whole_figure_are_right():
    assert identity.colour_distance(*dressed((30, 30, 90), (200, 30, 30)), *TRUE)[0] > 30


def test_a_region_that_is_not_drawn_is_white_and_what_nobody_knows_is_not_counted():
    naked = dressed((200, 30, 30), (255, 255, 255))
    white = identity.region_distances(*dressed((200, 30, 30), (231, 231, 231)), *TRUE)
    found = identity.region_distances(*naked, *TRUE)
    assert found[0, 1] == 0 and found[0, 3] == white[0, 3] > 80, "as if drawn in white"
    assert np.isnan(identity.region_distances(*TRUE, *naked)[0, 3]), "the truth does not show it"
    nobody = np.full_like(TRUE[1], np.nan)
    assert np.isnan(identity.colour_distance(TRUE[0], nobody, *TRUE)).all()


def test_each_limb_belongs_to_one_region():
    assert np.bincount(identity.LIMB_REGION).tolist() == [5, 4, 4, 4]
