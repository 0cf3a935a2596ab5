"""Once a day: closed days compacted, superseded files removed unless a hold covers their day."""

from __future__ import annotations

import pytest
from gbx_ceremony import person

from goldenbatch.runtime.upkeep import compact, holding
from goldenbatch.stores.historian import HistorianSettings

DAY, HOUR = 86_400_000_000, 3_600_000_000


@pytest.mark.usefixtures("cheap_hashes")
def test_closed_days_are_compacted_and_what_is_held_stays(bench, site):
    person(site, "root", "administrator")
    person(site, "ann", "quality_reviewer")
    start = bench.clock() // DAY * DAY
    for number in range(3):
        bench.write(site, [(start + number, float(number))])
        site.flush()
    assert compact(site).days == ()  # the day is not over
    bench.clock.now = start + DAY + HOUR
    (day,) = compact(site).days
    assert (day.kind, day.n_files) == ("number", 3)
    site.historian._settings = HistorianSettings(flush_readings=0, keep_superseded_s=0)
    hold = site.retention.place_hold
    later = {"start": "2099-01-01T00:00:00Z", "places": ["site"]}
    hold(site.people.find("ann"), "H-1", later, "complaint", "order")
    assert not holding(site)((start, start + DAY))
    hold(site.people.find("ann"), "H-2", {"tags": ["site/x"]}, "complaint", "order")
    assert holding(site)((start, start + DAY))
    assert (compact(site).n_kept, compact(site).n_removed) == (3, 0)
    assert site.verify().is_ok


def test_where_the_tables_lie_is_a_setting_of_the_home(bench):
    from goldenbatch.core.config import load_settings, save_settings
    from goldenbatch.core.errors import BadInputError

    settings = load_settings(bench.path)
    with bench.open() as site:
        bench.write(site, [(bench.clock(), 1.0)])
        site.flush()
        assert site.historian._settings.keep_superseded_s == 7 * 86_400
    where = settings.historian.model_copy(update={"tables_url": "s3://readings/site"})
    save_settings(bench.path, settings.model_copy(update={"historian": where}))
    with pytest.raises(BadInputError, match=r"lie in that folder, not in s3://readings/site"):
        bench.open()
