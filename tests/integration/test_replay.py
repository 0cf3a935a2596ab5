"""Replay as seen is what was found live, after late and corrected readings and results."""

from __future__ import annotations

from pathlib import Path

from tests.integration import mill


def transitions(home: Path) -> list[tuple[str, str, str, int]]:
    """What the ledger holds: step, uid, statement and version, in order."""
    kinds = {"FindingOpened": "opened", "FindingUpdated": "updated", "FindingClosed": "closed"}
    with mill.opened(home) as site:
        return [
            (kinds[one.kind], one.stream.removeprefix("finding/"),
             one.body["finding"]["statement"], one.envelope.version)
            for one in site.ledger.events(kinds=set(kinds))
        ]  # fmt: skip


def test_replay_as_seen_is_live_finding_by_finding(lived: Path) -> None:
    live = transitions(lived)
    assert {step for step, *_ in live} == {"opened", "updated", "closed"}
    with mill.opened(lived) as site:
        analysts = {row["analyst"] for row in site.ledger.select("finding")}
        heads = (site.ledger.head(), site.historian.head())
    assert analysts == {"hardness", "content"}
    seen = mill.program("run", "--replay", "all", "--as-seen", home=lived).json
    assert seen["is_equal"], seen["differences"]
    assert seen["failures"] == {}
    assert seen["n_live"] == seen["n_replayed"] == len(live)
    assert seen["n_derived"] == 5 * (31 + 5 + 6 + 10)
    replayed = [(one["step"], one["uid"], one["statement"]) for one in seen["transitions"]]
    assert sorted(replayed) == sorted((step, uid, said) for step, uid, said, _ in live)
    with mill.opened(lived) as site:
        assert (site.ledger.head(), site.historian.head()) == heads
    assert mill.here("verify", home=lived).json["is_ok"]


def test_replay_as_known_shows_what_would_have_been_different(lived: Path) -> None:
    known = mill.here("run", "--replay", "all", "--as-known", home=lived).json
    assert known["failures"] == {}
    assert not known["is_equal"]
    said = [(one["what"], one["batch"], one["words"]) for one in known["differences"]]
    print(*said, sep="\n")
    # With the typing error corrected, batch 20 is not alarming; batch 21 still is.
    assert ("only live", "B020") in {(what, batch) for what, batch, _ in said}
    assert ("only replayed", "B021") in {(what, batch) for what, batch, _ in said}
    # The dirty window of minutes 30 to 35 never was; the odd spectra of minutes 10 to 14 were.
    minute = 60_000_000
    start = min(one[0] for one in mill.contents(lived, [mill.SPECTRUM])[mill.SPECTRUM])
    with mill.opened(lived) as site:
        live = [row for row in site.ledger.select("finding") if row["analyst"] == "content"]
        report = site.replay("as-known")
    replayed = [one.finding for one in report.transitions if one.finding.analyst == "content"]
    assert [row["started_at"] - start for row in live] == [30 * minute]
    assert {one.start - start for one in replayed} == {10 * minute}
