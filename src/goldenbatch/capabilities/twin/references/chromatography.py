"""Columns: outlets that CASEMA solved semi-analytically, and one that CADET-Core simulated."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from goldenbatch.capabilities.twin.references import Case, Row
from goldenbatch.capabilities.twin.references._tables import number_table
from goldenbatch.core.errors import BadInputError

CASEMA_LIMIT, HEIGHT_LIMIT, GAP_LIMIT = 2e-3, 1e-2, 1e-5


def replay_configuration(files: Sequence[Path]) -> Iterator[Row]:
    """A configuration in CADET's form beside the outlet of its column."""
    from goldenbatch.science.process.library.chromatography import from_cadet

    config, outlets = files
    try:
        case = from_cadet(json.loads(config.read_text()))
    except ValueError as error:
        raise BadInputError(
            f"no configuration in CADET's form: {error}", file=str(config)
        ) from error
    table = number_table(outlets)
    reference = table.get("unit_001", table[list(table)[1]])
    made = case.run(times_s=table["time"])
    if made.status != "complete":
        raise BadInputError(f"the solver gave up: {made.reason}", file=str(config))
    found = np.interp(table["time"], made.time_s, made.outlet[:, 0])
    # The semi-analytical inlet rings at t = 0 only: the first row is left out.
    peak = float(np.abs(reference[1:]).max())
    worst = float(np.abs(found - reference)[1:].max())
    yield Row(
        "outlet of the column", f"peak {peak:.7g}", f"peak {found[1:].max():.7g}", worst / peak,
        "largest difference / peak", CASEMA_LIMIT, note="; ".join(case.notes),
    )  # fmt: skip
    yield Row(
        "amounts", "0", f"{made.balance.gap.max():.2g}", float(made.balance.gap.max()),
        "share not accounted for, worst component", GAP_LIMIT,
    )  # fmt: skip


def replay_load_wash_elute(files: Sequence[Path]) -> Iterator[Row]:
    """Peaks of the three proteins on the grid of 64 cells."""
    from goldenbatch.science.process.library.chromatography import Grid, run, standard

    table = number_table(files[0])
    column = standard.ion_exchange_column()
    made = run(column, standard.load_wash_elute(), grid=Grid(64), times_s=table["time"])
    for name in column.components[1:]:
        reference = table[name]
        found = np.interp(table["time"], made.time_s, made[name])
        height = float(reference.max())
        yield Row(
            f"height of the peak of {name}", f"{height:.6f}", f"{found.max():.6f}",
            float(found.max()) / height - 1.0, "relative difference", HEIGHT_LIMIT,
        )  # fmt: skip
        worst = float(np.abs(found - reference).max())
        yield Row(
            f"outlet of {name}", f"peak at {table['time'][reference.argmax()]:g} s",
            f"peak at {table['time'][found.argmax()]:g} s", worst / height,
            "largest difference / peak", HEIGHT_LIMIT,
        )  # fmt: skip
    yield Row(
        "amounts", "0", f"{made.balance.gap.max():.2g}", float(made.balance.gap.max()),
        "share not accounted for, worst component", GAP_LIMIT,
    )  # fmt: skip


CASES = (
    Case(
        name="columns-linear",
        model="chromatography.linear",
        title="Columns with linear binding, solved semi-analytically",
        kind="verification",
        against="exact solution",
        context_of_use="Transport, film transfer, diffusion and linear kinetics are solved right; "
        "says nothing about isotherms or parameters of a real resin.",
        source="CASEMA reference solutions of CADET-Verification (data)",
        folder="chromatography",
        pattern="*.json",
        beside=((".json", ".csv"),),
        replay="chromatography:replay_configuration",
    ),
    Case(
        name="columns-ion-exchange",
        model="chromatography.ion_exchange",
        title="Load, wash and elution of three proteins on an ion exchanger",
        kind="verification",
        against="other code",
        context_of_use="Steric mass action with a salt gradient is solved right; says nothing "
        "about a real resin.",
        source="CADET-Core 5.1.1, 128 cells; setting of doi:10.1016/j.compchemeng.2023.108340",
        folder="chromatography",
        pattern="SMA_LWE_*.csv",
        replay="chromatography:replay_load_wash_elute",
    ),
)
