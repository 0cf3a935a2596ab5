"""Which days go to which place: fail closed on classes, holds, time and doubt."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.holds import Hold, HoldScope
from goldenbatch.core.records import DataClass
from goldenbatch.core.retention import Item
from goldenbatch.core.tiering import (
    DayFile,
    Goes,
    Stays,
    first_tiering_text,
    load_policy,
    may_move,
    tiering_adopted,
)

DAY = 86_400_000_000
OPERATIONAL, CONFIDENTIAL, PERSONAL = (
    DataClass.OPERATIONAL, DataClass.CONFIDENTIAL, DataClass.PERSONAL,
)  # fmt: skip
POLICY = """
schema = "goldenbatch/tiering/1"
version = "3"
title = "T"
[[tiers]]
name = "cloud"
url = "s3://bucket/site"
[[tiers]]
name = "vault"
url = "file:///mnt/vault"
is_on_site = true
[[rules]]
name = "office"
title = "Offices"
data_classes = ["operational"]
tags = ["site/office/*"]
stay = "P10D"
tier = "cloud"
source = "us"
[[rules]]
name = "plain"
title = "The rest"
data_classes = ["operational"]
stay = "P30D"
tier = "cloud"
hold_stops_moving = true
source = "us"
[[rules]]
name = "secret"
title = "Recipes"
data_classes = ["confidential"]
stay = "P1Y"
tier = "vault"
source = "us"
"""
CLASSES = {"site/a": OPERATIONAL, "site/office/t": OPERATIONAL, "site/s": CONFIDENTIAL,
           "site/p": PERSONAL}  # fmt: skip


def file_of(*tags, is_compacted=True, tier=""):
    return DayFile(
        "number", "p", "1970-01-01", (0, DAY), 9, 9, "", frozenset(tags), is_compacted, tier
    )


def decided(file, days, policy=POLICY, holds=(), batches=()):
    item = Item("readings", "x", frozenset(), frozenset({OPERATIONAL}), batches=batches,
                tags=file.tags, window=file.window)  # fmt: skip
    found = load_policy(policy) if policy else None
    return may_move(file, item, CLASSES, found, holds, (days + 1) * DAY)


def test_the_longest_stay_of_its_tags_counts():
    assert decided(file_of("site/office/t"), 10).tier.name == "cloud"
    assert isinstance(decided(file_of("site/office/t"), 9), Stays)
    both = file_of("site/office/t", "site/a")
    (why,) = decided(both, 29).reasons
    assert why == "it stays at home until 1970-02-01 (rule plain, office)"
    assert decided(both, 30).rules == ("plain", "office")
    assert decided(file_of("site/s"), 365).tier.is_on_site


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (file_of("site/a", tier="cloud"), "it lies in tier 'cloud'"),
        (file_of("site/a", is_compacted=False), "has not been compacted"),
        (file_of(), "nobody can say which tags"),
        (file_of("site/a", "site/p"), "no rule sends tag 'site/p' (personal) anywhere"),
        (file_of("site/a", "site/s"), "its tags go to different tiers: cloud, vault"),
        (file_of("site/a", "new/tag"), "its tags go to different tiers"),
        (file_of(*(f"site/p{i}" for i in range(9)), "site/p"), "different tiers"),
    ],
)
def test_what_cannot_be_shown_to_be_free_stays(file, words):
    found = decided(file, 9999)
    if "different" in words and "new/tag" not in file.tags and "site/s" not in file.tags:
        words = "no rule sends tag 'site/p' (personal) anywhere"
    assert isinstance(found, Stays) and words in "; ".join(found.reasons)


def test_a_hold_keeps_at_home_what_the_rule_says():
    hold = Hold(hold="H-1", scope=HoldScope(tags=("site/a", "site/office/t")))
    found = decided(file_of("site/a"), 99, holds=[hold])
    assert found.reasons == ("hold H-1 covers it, and rule plain heeds it",)
    assert isinstance(decided(file_of("site/office/t"), 99, holds=[hold]), Goes)
    other = Hold(hold="H-2", scope=HoldScope(batches=("B7",)))
    assert isinstance(decided(file_of("site/a"), 99, holds=[other]), Goes)
    assert isinstance(decided(file_of("site/a"), 99, holds=[other], batches=None), Stays)


@settings(max_examples=40, deadline=None)
@given(
    st.sets(st.sampled_from([*CLASSES, "unknown"]), min_size=1),
    st.integers(0, 800),
    st.booleans(),
    st.booleans(),
)
def test_nothing_but_operational_data_ever_leaves_the_site(tags, days, is_held, is_compacted):
    holds = [Hold(hold="H", scope=HoldScope())] if is_held else []
    found = decided(file_of(*tags, is_compacted=is_compacted), days, holds=holds)
    if isinstance(found, Goes) and not found.tier.is_on_site:
        assert {CLASSES.get(tag) for tag in tags} == {OPERATIONAL}
        assert is_compacted and days >= 10
        assert not (is_held and "site/a" in tags)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('tier = "vault"', 'tier = "cloud"', "sends confidential data to 'cloud', which is off"),
        ('tier = "vault"', 'tier = "moon"', "names tier 'moon', which is not there"),
        ('name = "plain"', 'name = "office"', "two have the name 'office'"),
        ('stay = "P30D"', 'stay = "a month"', "is no period"),
        ("s3://bucket/site", "s3://key:secret@bucket", "url"),
        ('source = "us"', "", "source"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_with_its_place(old, new, words):
    with pytest.raises(BadInputError, match=r"policy\.toml") as error:
        load_policy(POLICY.replace(old, new), "policy.toml")
    assert words in str(error.value)


def test_the_first_policy_is_one_and_needs_a_reason():
    body = tiering_adopted(first_tiering_text(), 5, "first")
    assert body.digest == load_policy(first_tiering_text() + "# a comment").digest()
    with pytest.raises(BadInputError, match="reason"):
        tiering_adopted(first_tiering_text(), 5, " ")
    assert isinstance(decided(file_of("site/a"), 9999, policy=""), Stays)
