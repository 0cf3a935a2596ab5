"""A real home on this machine for the tests of capabilities."""

from __future__ import annotations

import time

import pytest

from goldenbatch.core.batches import BatchCreated, LotRegistered, MaterialConsumed
from goldenbatch.core.records import HomeKind, NewEvent
from goldenbatch.core.results import Result, ResultsReported
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite

PLANT = """name = "test plant"
version = "1"

[[places]]
path = "site"
level = "site"

[[places]]
path = "site/fermentation"
level = "area"

[[products]]
code = "P"
name = "Product P"

[[products.attributes]]
name = "impurity"
unit = "%"
limits = [{ kind = "release", upper = "0.50", unit = "%" }]
"""


class Clock:
    """A clock that goes on by one second at each look."""

    def __init__(self) -> None:
        self.now = time.time_ns() // 1000

    def __call__(self) -> int:
        self.now += 1_000_000
        return self.now


class Bench:
    """A site with short ways to report batches and results."""

    def __init__(self, site: LocalSite) -> None:
        self.site = site

    def batch(self, batch: str, values: dict[str, str], product: str = "P") -> None:
        """A batch with one sample whose results are given, all of unit %."""
        created = BatchCreated(batch=batch, product=product)
        results = tuple(
            Result(test=name, attribute=name, value=text, unit="%") for name, text in values.items()
        )
        reported = ResultsReported(sample=f"{batch}/final", batch=batch, results=results)
        self.site.ledger.append(
            [
                NewEvent(f"batch/{batch}", created, 0, "test"),
                NewEvent(f"sample/{batch}/final", reported, 0, "test"),
            ]
        )

    def lot(self, batch: str, material: str, lot: str) -> None:
        """A lot that goes into a batch."""
        consumed = MaterialConsumed(batch=batch, material=material, lot=lot, quantity="2.50 kg")
        stream = f"batch/{batch}"
        version = self.site.ledger.version(stream)
        self.site.ledger.append(
            [
                NewEvent(
                    f"lot/{material}/{lot}", LotRegistered(material=material, lot=lot), 0, "test"
                ),
                NewEvent(stream, consumed, version, "test"),
            ]
        )


@pytest.fixture
def home(tmp_path):
    """Path of a new home of kind demonstration."""
    path = tmp_path / "home"
    create_home(
        path,
        HomeSettings(
            name="test", site="Site A", plant=PLANT, kind=HomeKind.DEMONSTRATION,
            zone="Europe/Ljubljana",
        ),
    )  # fmt: skip
    return path


@pytest.fixture
def bench(home):
    with LocalSite.open(home, clock=Clock()) as site:
        yield Bench(site)
