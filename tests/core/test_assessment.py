"""`assess`: what is covered, what is asked for and what is said of it, on hand-made poses whose answers are known, and on shipped ones."""

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

import perfclone as pc
from perfclone.assess.assessing import nearest_pose
from perfclone.assess.coverage import LIMBS, cover, missing
from perfclone.assess.facts import cuts
from perfclone.assess.footage import footage
from perfclone.assess.wishes import wishes
from perfclone.capture.extraction import extraction_path, load_extraction, save_extraction
from perfclone.cli import main
from perfclone.errors import InputError
from perfclone.metrics import GAMMA, descriptor, sequence_distance
from perfclone.skeleton import FRAME, JOINT, OTHER_SIDE, PoseTrack
from perfclone.video import VideoWriter, read_frames

ACTORS = Path(__file__).parents[2] / "data" / "actors"
FPS = 25


# ---- hand-made poses ----


def pose(right=(10, 10), left=(10, 10), arm=25.0, shoulders=16.0):
    """(18, 2) of somebody facing the camera; upper arm and forearm in degrees, 0 down, 90 outward, 180 up."""
    joints = np.zeros((18, 2))
    joints[JOINT["neck"]], joints[JOINT["nose"]] = (128, 80), (128, 60)
    for side, sign, angles in (("right", -1, right), ("left", 1, left)):
        place = np.array([128 + sign * shoulders, 80])
        joints[JOINT[f"{side}_shoulder"]] = place
        for name, degrees in zip(("elbow", "wrist"), np.radians(angles)):
            place = place + arm * np.array([sign * np.sin(degrees), np.cos(degrees)])
            joints[JOINT[f"{side}_{name}"]] = place
        for name, y in (("hip", 130), ("knee", 170), ("ankle", 208)):
            joints[JOINT[f"{side}_{name}"]] = (128 + sign * 9, y)
        joints[JOINT[f"{side}_eye"]], joints[JOINT[f"{side}_ear"]] = (128 + sign * 3, 57), (128 + sign * 6, 59)
    return joints


VERTICAL = [pose(right=(a, a)) for a in (10, 20, 160, 170, 180)] + [pose(left=(a, a)) for a in (10, 20, 160, 170, 180)]
"""One arm at a time, up and down, as in Figure 5."""


def track(*poses, times=FPS):
    """Each pose for a second."""
    return np.repeat(np.stack(poses), times, 0)


def mirrored(joints):
    """The same seen in a mirror, where right and left are exchanged."""
    return joints[:, OTHER_SIDE] * (-1, 1) + (FRAME, 0)


def asked(driving, reference):
    return wishes(cover(driving, reference, FPS), driving, FPS)


def covered(driving, reference):
    """Share of the frames of which no known limb is further than γ."""
    return float((~(cover(driving, reference, FPS).limbs > GAMMA).any(1)).mean())


def test_eq_8_of_a_coverage_is_the_metrics():
    driving, reference = track(pose(right=(90, 90)), pose()), track(*VERTICAL)
    driving[0, JOINT["left_wrist"]] = np.nan
    expected = sequence_distance(descriptor(driving), descriptor(reference))[0]
    assert cover(driving, reference, FPS).distance == pytest.approx(expected)


def test_a_reference_with_vertical_arms_only_is_asked_for_horizontal_ones():
    (wish,) = asked(track(pose(right=(90, 90), left=(90, 90))), track(*VERTICAL))
    assert wish.text == "with the arms stretched out horizontally to the side"
    assert (wish.film_s, wish.needed_s, wish.share_after, wish.mirrored) == (5, 1.0, 1.0, False)


def test_both_arms_up_are_covered_by_one_at_a_time():
    """Fig. 5 (c)."""
    assert covered(track(pose(right=(170, 170), left=(170, 170))), track(*VERTICAL)) == 1


@pytest.mark.parametrize(
    ("arms", "words"),
    [
        ({"left": (90, 90)}, "with the left arm stretched out horizontally to the side"),
        ({"right": (135, 135)}, "with the right arm raised diagonally up and outward"),
        ({"left": (10, 90)}, "with the left forearm stretched out horizontally to the side"),
        ({"left": (10, -90)}, "with the left forearm held horizontally across the body"),
        ({"right": (90, 180)}, "with the right upper arm stretched out horizontally to the side"),
        ({"arm": 3.0}, "with the arms pointing towards the camera"),
        ({"shoulders": 2.0}, "turned to the side, one way and the other"),
    ],
)
def test_what_is_asked_for_names_limb_side_and_direction(arms, words):
    reference = track(*VERTICAL, pose(right=(50, 10)), pose(left=(50, 10)))
    driving = np.concatenate([track(pose(**arms)), track(pose(), times=4 * FPS)])  # at full length in most frames
    found = asked(driving, reference)
    assert [wish.text for wish in found] == [words]
    assert found[0].example == FPS // 2


def test_leaning_and_the_back_to_the_camera_are_said_of_the_body():
    leaning = pose()
    upper = [k for name, k in JOINT.items() if not name.endswith(("hip", "knee", "ankle"))]
    leaning[upper, 0] += 18  # to the right in the image, where the performer's left is
    (wish,) = asked(track(leaning), track(pose()))
    assert wish.text == "leaning to the performer's own left"
    behind = pose()[OTHER_SIDE]
    (wish,) = asked(track(behind), track(pose()))
    assert wish.text.startswith("with the back to the camera")


def test_a_mirror_exchanges_the_words_and_nothing_else():
    poses = [pose(left=(90, 90)), pose(right=(135, 90)), pose(left=(10, -45)), pose(right=(90, 180), left=(180, 90))]
    driving, reference = track(*poses), track(*VERTICAL)
    there = asked(driving, reference)
    other = {"left": "right", "right": "left"}
    swapped = [re.sub(r"\b(left|right)\b", lambda word: other[word[0]], wish.text) for wish in there]
    here = asked(mirrored(driving), mirrored(reference))
    assert sorted(swapped) == sorted(wish.text for wish in here)
    assert here[-1].share_after == there[-1].share_after
    assert covered(mirrored(driving), mirrored(reference)) == covered(driving, reference)


def test_it_is_said_when_the_reference_has_it_with_the_other_side():
    (wish,) = asked(track(pose(left=(90, 90))), track(pose(), pose(right=(90, 90))))
    assert wish.mirrored


def test_a_sequence_covers_itself_and_nothing_is_asked_for():
    driving = track(*VERTICAL, pose(right=(90, 45)))
    assert covered(driving, driving) == 1
    assert asked(driving, driving) == ()


def test_more_reference_never_lowers_the_coverage_and_what_is_asked_for_completes_it():
    rng = np.random.default_rng(1)
    driving = np.concatenate([track(pose(*rng.uniform(-180, 180, (2, 2)))) for _ in range(20)])
    reference = track(*VERTICAL)
    reference[:, [JOINT["right_ankle"], JOINT["left_ankle"]]] = np.nan  # its lower legs are never seen
    before = covered(driving, reference)
    assert before == 0
    shares = [before]
    for wish in asked(driving, reference):
        reference = np.concatenate([reference, driving[wish.example : wish.example + 1]])
        shares.append(covered(driving, reference))
    assert shares == sorted(shares)
    assert shares[-1] > 0
    assert covered(driving, np.concatenate([reference, driving])) == 1


def test_limbs_that_the_reference_never_shows_are_missing_and_asked_for():
    reference = track(pose())
    reference[:, JOINT["left_ankle"]] = np.nan
    assert covered(track(pose()), reference) == 0
    (wish,) = asked(track(pose()), reference)
    assert wish.text == "with the whole body in the picture (the reference never shows: left lower leg)"


def test_frames_that_lack_two_motions_are_complete_with_the_second_only():
    out, across = (10, 90), (10, -90)
    driving = track(pose(left=across), pose(right=out), pose(left=across, right=out), pose(right=out))
    first, second = asked(driving, track(pose()))
    assert (first.text, first.needed_s) == ("with the right forearm stretched out horizontally to the side", 3.0)
    assert (first.share_after, second.share_after) == (0.5, 1.0)


def test_what_is_missing_together_is_asked_for_at_once():
    (wish,) = asked(track(pose(left=(90, 180))), track(pose()))
    assert wish.text == "with the left upper arm stretched out horizontally to the side and the left forearm raised straight up"


def test_longer_arms_are_a_matter_of_build_and_nothing_to_film():
    driving, reference = track(pose(arm=36), pose(arm=36, left=(90, 90))), track(pose(), pose(left=(90, 90)))
    c = cover(driving, reference, FPS)
    assert (c.limbs > GAMMA).any(1).all()
    assert not missing(c).any()
    assert asked(driving, reference) == ()


# ---- cuts ----


def test_a_cut_changes_picture_and_pose_at_once(dee, eve):
    moving = eve[60:]
    grey = np.concatenate([video.frames(64)[..., 1] for video in (dee, moving)]).astype(np.int16)
    steps = np.abs(np.diff(grey, axis=0)).mean((1, 2))
    joints = np.concatenate([video.poses.joints for video in (dee, moving)])
    assert cuts(steps, joints, FPS) == [len(dee)]
    assert cuts(steps[: len(dee) - 1], dee.poses.joints, dee.fps) == []
    flash = steps[: len(dee) - 1].copy()
    still = np.repeat(dee.poses.joints[:1], len(dee), 0)
    flash[50] = 60
    assert cuts(flash, still, FPS) == [], "a flash of light is none"
    assert cuts(np.full(99, 20.0), joints[:100], FPS) == [], "nor is a picture that changes all the time"


# ---- the whole ----


def performing(performance, joints):
    """A performance of so many frames with these poses in place of its own."""
    poses = PoseTrack(joints.astype(np.float32), np.ones((len(joints), 18), np.float32), np.arange(len(joints)) / FPS)
    return replace(performance[: len(joints)], poses=poses, fps=FPS)


@pytest.fixture(scope="module")
def report(dee, eve):
    """A driver with horizontal arms, one of them out of sight for a while, and a reference without."""
    driving = track(pose(), pose(left=(90, 90)), pose(right=(90, 90), left=(90, 90)))
    driving[:FPS, [JOINT["left_elbow"], JOINT["left_wrist"]]] = np.nan
    return pc.assess(performing(dee, track(*VERTICAL, times=10)), performing(eve, driving))


def test_an_arm_out_of_sight_could_not_be_compared_which_is_not_covered(report):
    assert report.timeline["left arm"] == " " * FPS + "#" * 2 * FPS
    assert report.timeline["right arm"] == "." * 2 * FPS + "#" * FPS
    assert (report.compared, report.share, report.share_alike) == (3 * FPS, 1 / 3, 1 / 3)
    assert report.incomplete == 1 / 3
    limbs = {limb.name: limb for limb in report.limbs}
    assert limbs["left forearm"].known == pytest.approx(2 / 3)
    assert limbs["left forearm"].covered == 0
    assert any("left forearm in 33%" in sentence for sentence in report.bottom_line)


def test_a_limb_that_is_never_known_has_no_share(dee, eve):
    driving = track(pose())
    driving[:, JOINT["left_wrist"]] = np.nan
    found = {limb.name: limb for limb in pc.assess(performing(dee, track(pose())), performing(eve, driving)).limbs}
    assert found["left forearm"].covered is None
    assert found["left forearm"].known == 0


def test_the_worst_moments_are_shown_beside_the_nearest_pose(report):
    assert [moment.seconds for moment in report.moments] == sorted(moment.seconds for moment in report.moments)
    assert set(report.moments[-1].limbs) == {"right upper arm", "right forearm", "left upper arm", "left forearm"}
    picture = cv2.imdecode(np.frombuffer(report.moments[0].picture, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] > 1.9 * picture.shape[0]


def test_a_pose_with_few_limbs_is_not_nearest_by_having_less_to_compare():
    wanted, near, stump = pose(left=(90, 90)), pose(left=(80, 90)), np.full((18, 2), np.nan)
    stump[:3] = wanted[:3]
    assert nearest_pose(wanted, np.stack([stump, pose(), near])) == 2
    assert nearest_pose(wanted, np.full((3, 18, 2), np.nan)) is None


def test_the_bottom_line_says_what_is_covered_and_not_how_good_it_will_look(report):
    assert report.bottom_line[0] == "Most of the driving video is not covered yet."
    assert "33%" in report.bottom_line[1]
    assert "not how good the clone will look" in " ".join(report.text().split())


def test_the_same_video_is_covered_by_itself(dee):
    itself = pc.assess(dee, dee)
    assert (itself.share, itself.share_alike, itself.wishes, itself.moments) == (1, 1, (), ())
    assert itself.bottom_line[0] == "All of the driving video is covered."
    assert all(abs(one.ratio - 1) < 1e-9 for one in itself.proportions)
    assert set("".join(itself.timeline.values())) <= {".", " "}


def test_a_reference_too_short_to_train_on_is_named(dee, eve):
    short = pc.assess(dee[:20], eve)
    assert short.bottom_line[0] == "Not yet: the reference is too short to train on."
    assert "20 usable frames" in short.concerns[0]


def test_nobody_in_a_part_of_a_performance_is_an_error(dee, eve):
    empty = performing(eve, np.full((40, 18, 2), np.nan))
    with pytest.raises(InputError, match="nobody is seen"):
        pc.assess(dee, empty)


def test_what_stands_in_the_way_is_said(dee, eve):
    """Of a second person, hands that leave the picture, arms of another build, few frames a second, and cuts."""
    driving = track(pose(arm=36), pose(arm=36, left=(90, 90)))
    driving[..., 0] += 60  # the left hand reaches beyond the aligned frame, and eve's video
    other = replace(performing(eve, driving), notices=("a second person is in 30% of the frames",), fps=5.0)
    said = " ".join(pc.assess(performing(dee, track(pose(), pose(left=(90, 90)))), other).concerns)
    for words in ("a second person", "the left hand in", "upper arm 44% longer", "5 frames a second", "working frame"):
        assert words in said


def test_json_has_numbers_and_no_nan(report):
    written = json.dumps(report.as_dict(), allow_nan=False)
    found = json.loads(written)
    assert found == report.as_dict()
    assert found["share"] == 0.333
    assert found["wishes"][0]["text"].startswith("with the")
    assert found["gamma_px"] == GAMMA
    assert len(found["times"]) == len(found["distance_px"]) == len(found["timeline"]["body"]) == 3 * FPS
    assert len(found["limbs"]) == len(LIMBS)


def test_the_page_is_well_formed_needs_no_network_and_escapes_names(report):
    hostile = '<script>alert("1")</script>&\'"'
    page = replace(report, driving=replace(report.driving, name=hostile, notices=(hostile,)), concerns=(hostile,)).html()
    tree = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))
    assert not list(tree.iter("script"))
    assert "".join(tree.itertext()).count(hostile) >= 3
    for element in tree.iter():
        for name, value in element.attrib.items():
            assert name not in ("href", "srcset", "onload")
            assert name != "src" or value.startswith("data:image/jpeg;base64,")
    assert "http" not in page and "@import" not in page and "url(" not in page
    pictures = list(tree.iter("img"))
    assert len(pictures) == len(report.wishes) + len(report.moments)
    assert all(picture.get("alt") for picture in pictures)
    assert all(drawing.get("aria-label") for drawing in tree.iter("svg"))
    assert report._repr_html_() in report.html()


@pytest.mark.parametrize("width", [60, 100])
def test_the_text_fits_the_terminal(report, width):
    lines = report.text(width).splitlines()
    assert max(map(len, lines)) <= width
    assert not any(line != line.rstrip() for line in lines)


@pytest.fixture
def portrait(tmp_path):
    """The first second of a portrait video, with its extraction beside it."""
    video, kept = tmp_path / "fin.mp4", extraction_path(ACTORS / "fin.mp4", pc.CaptureSettings())
    with VideoWriter(video, 288, 400) as writer:
        for time_s, frame in read_frames(ACTORS / "fin.mp4", 30):
            writer.write(frame, time_s)
    beside = extraction_path(video, pc.CaptureSettings())
    beside.parent.mkdir()
    save_extraction(beside, load_extraction(kept, 30))
    return video


def test_of_a_video_with_its_extraction_only_poses_are_taken_and_they_are_those_of_its_capture(
    portrait, eve, tmp_path, monkeypatch
):
    monkeypatch.setenv("PERFCLONE_CACHE", str(tmp_path / "cache"))
    found = footage(portrait)
    report = pc.assess(portrait, eve)
    assert not (tmp_path / "cache").exists(), "no cut-outs were made"
    captured = pc.capture(portrait)
    assert np.array_equal(found.poses.joints, captured.poses.joints, equal_nan=True)
    assert (found.alignment, found.fps) == (captured.alignment, captured.fps)
    assert (report.reference.width, report.reference.height, report.reference.frames) == (288, 400, 30)
    assert pc.assess(captured, eve).as_dict() == report.as_dict()


# ---- the command line ----


def test_assess_prints_text_or_json_and_writes_the_page(dee, eve, tmp_path, capfd):
    out = tmp_path / "new" / "report.html"
    assert main(["assess", str(dee.folder), str(eve.folder), "--out", str(out)]) == 0
    printed = capfd.readouterr()
    assert printed.out.startswith("dee in the motions of eve: will it work?\n")
    assert not printed.err
    assert out.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert [path.name for path in out.parent.iterdir()] == ["report.html"]
    assert main(["assess", str(dee.folder), str(eve.folder), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["driving"]["name"] == "eve"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{dee}", "missing.mp4"], "no file missing.mp4"),
        (["missing.mp4", "{dee}"], "no file missing.mp4"),
        (["{dee}", "{eve}", "--out", "{tmp}"], "is a folder"),
        (["{dee}", "{eve}", "--out", "{tmp}/file/report.html"], "can't be written"),
        (["{tmp}", "{eve}"], "not the folder of a capture"),
        (["{dee}"], "DRIVING"),
    ],
)
def test_what_assess_can_not_do_is_one_line(arguments, words, dee, eve, tmp_path, capfd):
    (tmp_path / "file").touch()
    places = {"dee": dee.folder, "eve": eve.folder, "tmp": tmp_path}
    assert main(["assess", *(argument.format(**places) for argument in arguments)]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert words in line
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
