"""Whether a version is accepted for release: judged again, and closed where anything is missing."""

import json
import math
from types import SimpleNamespace

import pytest

from goldenbatch.capabilities.monitoring.release.acceptance import (
    acceptance,
    evaluation_file,
    evaluation_of,
)
from goldenbatch.capabilities.monitoring.release.gate import GateCriteria
from goldenbatch.core.release_parts import Registration
from goldenbatch.science.forward import Specification
from tests.capabilities.monitoring.release import bench

ONE = "1" * 64


class Registry(dict):
    def get(self, digest):
        return self[digest]


def found(text, side="validation", **changes):
    site = SimpleNamespace(registry=Registry({ONE: text.encode()}))
    evidence = SimpleNamespace(side=side, record="", digest=ONE)
    state = SimpleNamespace(
        validated=SimpleNamespace(evidence=(evidence,)),
        trained=SimpleNamespace(digest="2" * 64), draft=SimpleNamespace(use="assay"),
    )  # fmt: skip
    told = Registration.model_validate({**bench.REGISTRATION, **changes})
    return acceptance(site, state, told)


def file(use="assay", artefact="2" * 64, criteria=None, **changes):
    told = bench.evaluation(**changes)
    return evaluation_file(told, use=use, artefact=artefact, criteria=criteria)


def test_an_evaluation_comes_back_as_it_was():
    told = bench.evaluation(specification=Specification(upper=63.0))
    again = evaluation_of(json.loads(json.dumps(told.to_json())))
    assert again == told and again.specification.lower == -math.inf


def test_a_good_evaluation_accepts_it():
    assert found(file()).digest == ONE


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (file(n=299), "batches and periods"),
        (file(worst_code_p_value=None), "coverage in each product"),
        (file(use="purity"), "of another model"),
        (file(artefact="3" * 64), "of another model"),
        (file(attribute="purity"), "is of purity"),
        (file(nominal=0.8), "90% are registered"),
        (file(specification=Specification(50.0, 64.0)), "against 50 to 64"),
        (file(unit="mg"), "it was evaluated in mg"),
        (file(criteria=GateCriteria(n_release=500)), "batches and periods"),
        (file(n_outside=0, n_outside_missed=1), "refuses it|cannot be"),
        (file(width_in_room=-0.1), "cannot be"),
        (file().replace('"coverage_p_value": 0.9', '"coverage_p_value": Infinity'), "holds no"),
        (file().replace('"rmse": 0.5', '"rmse": "good"'), "cannot be read"),
        (file().replace('"evaluation": {', '"evaluations": {'), "cannot be read"),
        (file().replace("release-evaluation/1", "release-evaluation/9"), "holds no evaluation"),
        ("not JSON", "holds no evaluation"),
        ("[]", "holds no evaluation"),
    ],
)
def test_whatever_is_missing_or_wrong_refuses_it(text, why):
    answer = found(text)
    assert not answer.digest
    assert any(one in answer.why for one in why.split("|")), answer.why


def test_a_verdict_that_is_written_into_the_file_is_not_believed():
    plain = json.loads(file(n=10))
    plain["verdict"]["accepted_for"] = "release"
    plain["criteria"]["n_release"] = 50
    assert not found(json.dumps(plain)).digest


def test_evidence_of_the_other_side_and_another_confidence_refuse_it():
    assert not found(file(), side="verification").digest
    assert not found(file(), confidence=0.95).digest


def test_limits_are_compared_across_units():
    limit = {"kind": "release", "lower": "0.05", "upper": "0.063", "unit": "kg/L"}
    assert found(file(), limit=limit).digest == ONE
