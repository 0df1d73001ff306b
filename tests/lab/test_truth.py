"""The truth beside a rendered video, and how near extraction comes to it."""

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from perfclone.errors import InputError
from perfclone.metrics import pck
from perfclone.skeleton import J
from perfclone.video import content_hash
from perfclone_lab.datasets.truth import Truth, load_truth, save_truth, truth_path
from perfclone_lab.experiments.pose_extraction import pose_extraction

ACTORS = Path(__file__).parents[2] / "data" / "actors"
DATA = ACTORS.parent
NAMES = ("ann", "ben", "chi", "dee", "eve", "fin", "gil")


def made_up(width: int = 37, height: int = 23, frames: int = 9) -> tuple[Truth, np.ndarray]:
    rng = np.random.default_rng(0)
    joints = (rng.integers(0, 64 * 20, (frames, J, 2)) / 64).astype(np.float32)
    joints[2, 3] = np.nan
    masks = rng.random((frames, height, width)) < 0.5
    about = {"fps": 30, "segments": [["walk", 0, frames]]}
    return Truth(joints, rng.random((frames, J)) < 0.8, np.packbits(masks, axis=-1), (width, height), about), masks


def test_what_is_written_is_read_again_and_the_same_truth_gives_the_same_bytes(tmp_path):
    truth, masks = made_up()
    save_truth(tmp_path / "a.mp4", truth)
    save_truth(tmp_path / "b.mp4", truth)
    assert truth_path(tmp_path / "a.mp4").read_bytes() == truth_path(tmp_path / "b.mp4").read_bytes()
    read = load_truth(tmp_path / "a.mp4")
    np.testing.assert_array_equal(read.joints, truth.joints)
    np.testing.assert_array_equal(read.visible, truth.visible)
    np.testing.assert_array_equal(read.masks(), masks)
    np.testing.assert_array_equal(read[3:5].masks(), masks[3:5])
    assert (read.size, read.about) == (truth.size, truth.about)


@pytest.mark.parametrize("spoil", ["cut", "text", "shape", "none"])
def test_a_missing_or_damaged_truth_is_refused_in_one_line(tmp_path, spoil):
    truth, _ = made_up()
    path = truth_path(tmp_path / "a.mp4")
    if spoil == "shape":
        truth = Truth(truth.joints[:4], truth.visible, truth.mask, truth.size, truth.about)
    if spoil != "none":
        save_truth(tmp_path / "a.mp4", truth)
    if spoil == "cut":
        path.write_bytes(path.read_bytes()[:200])
    if spoil == "text":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("joints.npy", "no array")
    with pytest.raises(InputError) as error:
        load_truth(tmp_path / "a.mp4")
    assert "\n" not in str(error.value)


def test_pck_counts_only_the_joints_that_it_is_told_to():
    true = np.zeros((1, J, 2))
    true[:, [8, 11]] = (0, 50)  # the hips: a torso of 50 pixels
    found = true + 1.0
    found[0, 4] += 30
    visible = np.ones((1, J), bool)
    assert pck(found, true, 0.2) == pytest.approx(12 / 13)
    visible[0, 4] = False
    assert pck(found, true, 0.2, visible) == 1
    assert np.isnan(pck(found, true, 0.2, np.zeros((1, J), bool)))


def test_the_extractor_finds_the_development_actor():
    result = pose_extraction(ACTORS / "dee.mp4", max_frames=100)
    assert result["detected"] == 1 and result["scale"] < 1
    assert result["pck_all"] > 0.95 and result["mask_iou"] > 0.94 and result["error_px"] < 4


@pytest.mark.parametrize("family", ["pose-extraction", "films"])
def test_the_datasheet_has_the_numbers_of_the_stored_records(family):
    results = json.loads((DATA / "reference" / family / "record.json").read_text("utf-8"))["results"]
    sheet = (DATA / "README.md").read_text("utf-8")
    assert {result.get("video", result.get("film")).removesuffix(".mp4") for result in results} == set(NAMES)
    for result in results:
        if family == "films":
            name, cells = (
                result["film"],
                [
                    f"{1000 * result['skate_m_s']:.1f}",
                    f"{1000 * result['arm_depth_m']:.0f}",
                    f"{result['photometric_ratio']:.2f}",
                    f"{result['photometric_ratio_moving']:.2f}",
                    f"{result['flow_agreement']:.1%}",
                ],
            )
        else:
            assert result["sha256"] == content_hash(ACTORS / result["video"])
            name, cells = (
                result["video"].removesuffix(".mp4"),
                [
                    f"{result['frames']:,}",
                    f"{result['detected']:.1%}",
                    f"{result['pck_visible']:.3f}",
                    f"{result['pck_all']:.3f}",
                    f"{result['error_px']:.1f}",
                    f"{result['mask_iou']:.3f}",
                    f"{result['mask_iou_lowest']:.3f}",
                    f"{result['scale']:.2f}",
                ],
            )
        assert " | ".join(cells) in re.findall(rf"^\| `{name}` \| (.*) \|$", sheet, re.MULTILINE)


def test_the_extractor_finds_the_shipped_performers_as_well_as_the_datasheet_promises():
    for result in json.loads((DATA / "reference" / "pose-extraction" / "record.json").read_text("utf-8"))["results"]:
        assert result["detected"] >= 0.995 and result["pck_visible"] >= 0.98 and result["pck_all"] >= 0.95, result["video"]
        assert result["mask_iou"] >= 0.94 and result["scale"] < 1, result["video"]
