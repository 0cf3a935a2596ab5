"""Real tablets: an assay from near-infrared spectra through seal, training, opening and test."""

import base64
import json

import pytest
from tests.capabilities.governance import sealed_case as case

from goldenbatch.core.errors import BadInputError, ConflictError, NotFoundError
from goldenbatch.core.model_access import load_version
from goldenbatch.core.model_life import Stage

CRITERIA = [
    {"measure": "rmse", "relation": "at_most", "limit": 5.0},
    {"measure": "rmse_ratio_to_baseline", "relation": "at_most", "limit": 0.5},
    {"measure": "in_domain_share", "relation": "at_least", "limit": 0.7},
    {"measure": "coverage_in_domain", "relation": "at_least", "limit": 0.75},
]
SETTINGS = {
    "lower": 800.0, "upper": 1700.0, "order": ["savitzky-golay"], "window": 15, "degree": 2,
    "derivative": 1, "n_components_max": 12,
}  # fmt: skip
AXIS = [str(nm) for nm in range(600, 1900, 2)]


def laboratory(folder, name="instrument1.csv"):
    data = (folder / name).read_bytes()
    return {
        "name": name,
        "content_base64": base64.b64encode(data).decode(),
        "output": "assay",
        "unit": "mg",
        "reference": "assay",
        "inputs": AXIS,
        "lot": "SampleType",
        "are_rows_independent": True,
    }


@pytest.fixture
def trained(governed, real_data):
    site, folder = governed, real_data("nir_tablets")
    cut = {"split": "lot", "lots": ["Validate"]}
    case.select(site, cut=cut, file=laboratory(folder))
    case.act(site, "seal", "sel", test_set="T1")
    intended = {**case.INTENDED, "output": "assay", "output_unit": "mg", "subgroups": []}
    at = {"use": case.USE, "version": 1}
    draft = {"title": "Assay by NIR", "owner": "development", "method": "PLS"}
    case.act(site, "draft", "dev", **at, **draft)
    case.act(site, "intend", "sme", **at, intended=intended)
    values = {"criteria": CRITERIA, "n_least": 30, "reason": "as the laboratory's own error"}
    case.act(site, "criteria", "qa", **at, **values)
    case.act(site, "bind", "qa", **at, test_set="T1")
    values = {"trainer": "monitoring.soft_sensor", "settings": SETTINGS}
    with pytest.raises(ConflictError, match=r"overlap: 1 lot \(Validate\); 200 rows"):
        case.act(site, "train", "dev", **at, **values, file=laboratory(folder), leave_out=False)
    case.act(site, "train", "dev", **at, **values, file=laboratory(folder))
    return site, at


def test_tablets_that_are_all_alike_show_nothing_beyond_the_naive_baseline(trained):
    site, at = trained
    fitted = load_version(site.ledger, case.USE, 1).trained
    assert (fitted.measures["n_rows"], fitted.measures["n_left_out_for_the_test"]) == (155, 40)
    assert fitted.measures["rmse_left_out"] == pytest.approx(4.71, abs=0.02)
    case.unseal(site, at)
    body = case.act(site, "test", "tess", **at)[0].decode()
    rmse, ratio, domain, coverage = body.outcomes
    assert rmse.estimate == pytest.approx(3.13, abs=0.02)
    assert rmse.is_met
    assert domain.is_met
    assert coverage.is_met
    # The 40 tablets lie between 188 and 200 mg: who says 192.9 of each errs by no more.
    assert rmse.baseline == pytest.approx(3.04, abs=0.01)
    assert not ratio.is_met
    assert not body.is_passed
    assert load_version(site.ledger, case.USE, 1).stage is Stage.FAILED
    report = json.loads(site.registry.get(body.report))
    assert report["beside"]["baseline"] == "the mean of the training results"
    assert report["predictor"]["kind"] == "pls"
    assert report["shown"]["all"]["bias"]["lower"] is not None


def test_a_trainer_of_spectra_says_what_it_cannot_take(governed):
    site = governed
    case.seal(site)
    at = case.to_sealed(site)
    for more, match in (
        ({"trainer": "monitoring.soft_sensor", "settings": {}}, "no places on the axis"),
        ({"trainer": "monitoring.soft_sensor", "settings": {"order": 3}}, "order"),
        ({"trainer": "governance.linear", "settings": {"ridge": -1}}, "settings.ridge"),
        ({"trainer": "governance.linear", "settings": {"n_folds": 40}}, "too few"),
    ):
        with pytest.raises(BadInputError, match=match):
            case.train(site, at, **more)
    with pytest.raises(NotFoundError, match="no trainer is named 'luck'"):
        case.train(site, at, trainer="luck")
    with pytest.raises(BadInputError, match="the draft names no analyst"):
        case.act(site, "train", "dev", **at, data=case.DATA)
