"""Whoever changes a number raises a version: smoke trainings give what is stored, and a change that nobody declared is noticed."""

from pathlib import Path

import pytest

from perfclone import losses
from perfclone.training.two_branches import TwoBranches
from perfclone_lab.experiments import fingerprint
from perfclone_lab.experiments.store import Store
from perfclone_lab.ledger.judging import load_family
from perfclone_lab.versions import current_versions, outdated

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(DATA, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def stored():
    return fingerprint.load(DATA)


@pytest.mark.slow
@pytest.mark.parametrize("name", fingerprint.SPECS)
def test_a_smoke_training_gives_the_stored_numbers_or_its_version_was_raised(name, store, stored):
    then, now = stored["runs"][name], current_versions(fingerprint.SPECS[name].method)
    assert now == then["versions"], "raised on purpose: perfclone-lab store hashes"
    found = fingerprint.make(store, name)
    assert fingerprint.differences(found, then, fingerprint.comparable(stored)) == [], "raise the version of what has changed"


@pytest.mark.slow
def test_a_forgotten_version_is_noticed(tmp_path, stored, monkeypatch):
    """Somebody counts Eq. (2) a tenth more and raises nothing."""
    plain = losses.paired_gan
    monkeypatch.setattr(losses, "paired_gan", lambda real, fake: 1.1 * plain(real, fake))
    found = fingerprint.make(Store(DATA, tmp_path), "paper")
    for exact in (True, False):
        assert fingerprint.differences(found, stored["runs"]["paper"], exact)


def test_where_bits_cannot_be_compared_the_first_losses_are(stored):
    one = stored["runs"]["paper"]
    other = {**one, "weights": "0", "losses": {**one["losses"], "vgg": [1.01 * value for value in one["losses"]["vgg"]]}}
    assert fingerprint.differences(other, one, exact=False) == []
    assert fingerprint.differences(other, one, exact=True) == ["other weights"]
    other["losses"]["vgg"][3] *= 1.1
    assert fingerprint.differences(other, one, exact=False) == ["another vgg in the first steps"]


def test_what_an_older_version_made_is_shown_and_carries_no_verdict(monkeypatch):
    family = load_family(DATA / "reference" / "self-reenactment")
    assert family.outdated is None
    monkeypatch.setattr(TwoBranches, "version", 2)
    family = load_family(DATA / "reference" / "self-reenactment")
    assert family.outdated == "perfclone was made with version 1 of the method, which is now 2"
    assert family.outdated in family.no_verdict and family.runs
    assert outdated("nearest neighbour", {"capture": 1, "method": 1, "measures": 1}) is None
