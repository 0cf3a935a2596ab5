"""A home with charts, a process model and rationalised alarms, served for a browser."""

from __future__ import annotations

import os
import random

import pytest

from goldenbatch.capabilities.monitoring import fit
from goldenbatch.core.records import HomeKind
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from tests.apps.conftest import SUPPORT
from tests.capabilities.conftest import Bench, Clock
from tests.capabilities.monitoring.alarms.test_alarms import HEAD, ROW
from tests.capabilities.monitoring.pages.test_latent_routes import SETTINGS
from tests.capabilities.monitoring.process import plant as units


def build(path):
    """One unit whose third tag is off for a while, batches of which one is out of its chart."""
    from tests.apps.web.kit import PASSWORD, PEOPLE

    limits = '[[products.attributes]]\nname = "impurity"\nunit = "%"\n'
    limits += 'limits = [{ kind = "release", upper = "0.50", unit = "%" }]\n'
    settings = HomeSettings("t", "S", units.plant(1) + limits, kind=HomeKind.DEMONSTRATION)
    create_home(path, settings)
    clock = Clock()
    clock.now -= 3_600_000_000  # it runs ahead, and the node reads the real time
    with LocalSite.open(path, clock=clock) as site:
        for login, (name, role) in PEOPLE.items():
            site.people.add(login, name, PASSWORD)
            site.people.grant(login, role, "for the tests")
        site.adopt("quality", "monitoring.charts", {"attributes": ["imp*"], "n_reference": 12})
        site.acts.act("monitoring.alarm-rationalise", {"text": HEAD + ROW, "reason": "agreed"},
                      "pavel", PASSWORD)  # fmt: skip
        site.sign("master/alarms", "approved", "rita", PASSWORD)
        bench, rng = Bench(site), random.Random(1)
        for n in range(16):
            bench.batch(f"b{n}", {"impurity": f"{0.3 + 0.02 * rng.gauss(0, 1):.3f}"})
        bench.batch("b16", {"impurity": "0.490"})
        site.historian.write(units.frame(units.good(600, 0), 0, -700, "reference"))
        site.adopt("watch", "monitoring.process", SETTINGS)
        fit(site, "watch")
        site.wake()
        rows = units.good(60, 5)
        rows[20:35, 2] += 6.0
        site.historian.write(units.frame(rows, 0, 0, "first"))
        site.wake()


@pytest.fixture(scope="session")
def web_home(tmp_path_factory):
    path = tmp_path_factory.mktemp("monitoring") / "home"
    build(path)
    return path


@pytest.fixture(scope="session")
def web(web_home, outside):
    from tests.apps.web.kit import Web

    started = Web(web_home, environment={"PYTHONPATH": os.pathsep.join([*SUPPORT, str(outside)])})
    try:
        started.start()
        yield started
    finally:
        started.stop()
