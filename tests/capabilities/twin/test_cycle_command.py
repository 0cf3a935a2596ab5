"""The command of freeze-drying cycles, on the real log and on what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from goldenbatch.capabilities.twin.cycle_commands import cycle_command, read_cycle
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.science.process.library.freeze_drying import posterior
from goldenbatch.science.process.library.freeze_drying._sampler import SamplerSettings
from goldenbatch.science.process.library.freeze_drying.cycle import EndConvention

ABOUT = "type: SiO2 10mL\nfill: 3.0 # mL\nconcentration: 0.05\n"


@pytest.fixture
def log(real_data) -> Path:
    return real_data("freeze_drying") / "2024-06-04-10_MFD_AH.csv"


def test_a_real_log_gives_the_end_with_its_interval(log, tmp_path, monkeypatch):
    monkeypatch.setattr(posterior, "SamplerSettings", lambda: SamplerSettings(120, 3, 6))
    found = cycle_command(
        log, thermocouples="TP1,TP4", convention=EndConvention.PIRANI_MIDPOINT, out=tmp_path
    )
    assert found["lower_h"] < 18.66 < 20.59 < found["upper_h"]
    assert found["declared_h"] == pytest.approx(19.64, abs=0.1)
    assert found["soak_h_for_99_percent"] > 0.0
    assert [one["name"] for one in found["thermocouples"]] == ["TP1", "TP4"]
    assert any("not coverage" in one["statement"] for one in found["report"])
    assert json.loads((tmp_path / "cycle.json").read_text())["end_h"] == found["end_h"]
    assert (tmp_path / "cycle.png").stat().st_size > 10_000


def test_a_log_that_ends_too_early_has_no_measured_end(log, tmp_path):
    short = tmp_path / "short.csv"
    short.write_text("\n".join(log.read_text().splitlines()[:1300]))
    primary, measured = read_cycle(short)
    assert measured is None
    assert primary.times_s[-1] / 3600 == pytest.approx(12.8, abs=0.3)
    (tmp_path / "short.yaml").write_text(ABOUT)
    with pytest.raises(BadInputError, match="does not fall"):
        cycle_command(short, using="gauge", out=tmp_path)


def test_what_cannot_be_read_is_named(log, tmp_path):
    with pytest.raises(NotFoundError, match="no log at"):
        cycle_command(tmp_path / "none.csv")
    alone = tmp_path / "alone.csv"
    alone.write_text(log.read_text())
    with pytest.raises(NotFoundError, match=r"alone\.yaml"):
        cycle_command(alone)
    with pytest.raises(BadInputError, match="role"):
        cycle_command(log, column=["shelf"])
    with pytest.raises(BadInputError, match="no column 'Shelf9'"):
        cycle_command(log, column=["shelf=Shelf9"])
    with pytest.raises(BadInputError, match="nothing to fit to"):
        cycle_command(log, using="hope")
    for broken in ("fill: 3.0", ABOUT.replace("3.0", "much"), ABOUT.replace("10mL", "large")):
        (tmp_path / "alone.yaml").write_text(broken)
        with pytest.raises(BadInputError, match=r"alone\.yaml: the description lacks"):
            cycle_command(alone)
