"""One changed byte of anything: `goldenbatch verify` answers 7 and says which."""

from __future__ import annotations

from pathlib import Path

import pytest

from goldenbatch.testing import flip_byte
from tests.campaign.tampering import HARMLESS, KINDS, reads_the_same, try_tampering
from tests.integration import mill

N_EACH = 2


def verify(home: Path) -> mill.Done:
    return mill.here("verify", home=home, expect=None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_byte_is_named(_lived_mill: Path, tmp_path: Path, kind: str) -> None:
    for number in range(N_EACH):
        found = try_tampering(_lived_mill, tmp_path, kind, f"test {kind} {number}", verify)
        if kind in HARMLESS and found.code == 0:
            assert reads_the_same(tmp_path / "tampered", _lived_mill)
            continue
        assert found.is_detected, (found.tampering, found.code, found.said)


def test_the_program_says_it_as_well(lived: Path) -> None:
    assert mill.program("verify", home=lived).json["is_ok"]
    path = sorted((lived / "historian").glob("number/*/*.parquet"))[0]
    flip_byte(path, path.stat().st_size // 2)
    done = mill.program("verify", home=lived, expect=7)
    assert any(path.name in one["where"] for one in done.json["problems"]), done.out


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Europe/Ljubljana", "Europe/Paris"),
        ('"development"', '"validation"'),
        ('uid = "', 'uid = "0'),
    ],
)
def test_what_a_home_is_stands_in_the_ledger(home: Path, old: str, new: str) -> None:
    """Settings are for people to change; identity, kind and zone of a home are not."""
    path = home / "home.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    done = verify(home)
    assert done.code == 7, done.out
    assert "home.toml" in done.out or "home" in {one["part"] for one in done.json["problems"]}
