"""A real fermentation: the calibration of the laboratory does not carry over; the test says it."""

import tomllib
from pathlib import Path

import pytest
from tests.capabilities.conftest import Clock
from tests.capabilities.governance import sealed_case as case

from goldenbatch.core.model_access import load_version
from goldenbatch.core.model_life import Stage
from goldenbatch.core.records import HomeKind
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite

EXAMPLE = Path(__file__).parents[3] / "examples" / "fermentation"
TEST = {
    "attribute": "glucose", "inputs": ["site/fermentation/bioreactor/ir_spectrum"],
    "samples": "F1/*", "max_gap_s": 75, "group": "sample", "baseline": "last_result",
}  # fmt: skip
TRAINING = {
    "attribute": "glucose", "inputs": ["site/laboratory/ir/calibration_spectrum"],
    "samples": "calibration/*", "group": "sample",
}  # fmt: skip
CRITERIA = [
    {"measure": "rmse", "relation": "at_most", "limit": 3.0},
    {"measure": "rmse_ratio_to_baseline", "relation": "at_most", "limit": 1.0},
    {"measure": "in_domain_share", "relation": "at_least", "limit": 0.9},
]


def test_a_sensor_that_leaves_its_domain_fails_beside_the_last_result(tmp_path, monkeypatch):
    pytest.importorskip("chemotools", reason="the fermentation comes with chemotools")
    import argon2

    from goldenbatch.connectors.tabular import import_card, load_card

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
    plant = (EXAMPLE / "plant.toml").read_text()
    kind = HomeKind.DEMONSTRATION
    create_home(tmp_path / "home", HomeSettings("f", "Site", plant, kind=kind))
    with LocalSite.open(tmp_path / "home", clock=Clock()) as site:
        case.people(site)
        import_card(site, load_card(EXAMPLE / "cards" / "fermentation.toml"))
        analyst = tomllib.loads((EXAMPLE / "analysts" / "glucose.toml").read_text())
        site.adopt("glucose", analyst["analyst"], analyst["settings"])
        cut = {"split": "lot", "lots": ["batch/F1"]}
        case.select(site, "F1", data=TEST, use="glucose", cut=cut)
        case.act(site, "seal", "sel", test_set="F1")
        at = {"use": "glucose", "version": 1}
        draft = {"title": "Glucose", "owner": "development", "method": "PLS", "analyst": "glucose"}
        intended = {**case.INTENDED, "subgroups": [], "inputs": [{"name": "spectrum"}]}
        case.act(site, "draft", "dev", **at, **draft)
        case.act(site, "intend", "sme", **at, intended=intended)
        agreed = {"criteria": CRITERIA, "n_least": 20, "reason": "better than the last HPLC result"}
        case.act(site, "criteria", "qa", **at, **agreed)
        case.act(site, "bind", "qa", **at, test_set="F1")
        trained = case.act(site, "train", "dev", **at, data=TRAINING)[0].decode()
        assert trained.measures["rmse_left_out"] == pytest.approx(1.23, abs=0.01)
        case.unseal(site, at, "F1")
        body = case.act(site, "test", "tess", **at)[0].decode()
        rmse, ratio, domain = body.outcomes
        # The figures of the trial `examples/trials/fermentation.toml`: 8.22 and 3.22 g/L, there
        # with the nearest spectrum, here with the last one before the sample.
        assert rmse.estimate == pytest.approx(8.26, abs=0.01)
        assert rmse.baseline == pytest.approx(3.218, abs=0.001)
        assert (ratio.n, domain.estimate) == (33, 0.0)
        assert not body.is_passed
        assert load_version(site.ledger, "glucose", 1).stage is Stage.FAILED
        assert site.verify().is_ok
