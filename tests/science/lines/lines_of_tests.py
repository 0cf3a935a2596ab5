"""Lines that several tests run."""

from goldenbatch.science.lines.reading import read_line


def two_machines(r1, p1, r2, p2, buffer):
    """Gershwin's line in the words of a declaration."""

    def jams(r, p):
        return [
            {
                "name": "jam",
                "clock": "cycles",
                "time_to_failure": {"kind": "geometric", "p": p},
                "time_to_repair": {"kind": "geometric", "p": r},
            }
        ]

    return read_line(
        {
            "name": "two machines",
            "time_unit": "s",
            "units": [
                {"name": "first", "blocking": "before", "failures": jams(r1, p1)},
                {"name": "second", "failures": jams(r2, p2)},
            ],
            "buffers": [{"name": "between", "capacity": buffer, "frees": "done"}],
            "products": [
                {
                    "name": "part",
                    "route": [
                        {"name": "one", "unit": "first", "duration": 1, "buffer": "between"},
                        {"name": "two", "unit": "second", "duration": 1},
                    ],
                }
            ],
            "plan": [{"product": "part"}],
        }
    )


def queue(n, interval, duration):
    """Servers side by side and exponential arrivals."""
    return read_line(
        {
            "name": "queue",
            "units": [{"name": "server", "count": n}],
            "products": [
                {
                    "name": "call",
                    "route": [{"name": "serve", "unit": "server", "duration": duration}],
                }
            ],
            "plan": [{"product": "call", "interval": {"kind": "exponential", "mean": interval}}],
        }
    )


def plant(**changes):
    """One vessel, two lots of two hours; tables may be changed or added to."""
    given = {
        "name": "plant",
        "units": [{"name": "vessel"}],
        "products": [
            {"name": "A", "route": [{"name": "make", "unit": "vessel", "duration": 2.0}]},
            {"name": "B", "route": [{"name": "make", "unit": "vessel", "duration": 3.0}]},
        ],
        "plan": [{"product": "A", "n_lots": 2}],
    }
    given.update(changes)
    return read_line(given)


def reactors(n, crew):
    """Reactors with cleaning, changeover and contaminations."""
    return {
        "name": "reactor",
        "count": n,
        "cleaning": {
            "duration": 8,
            "expiry": 72,
            "dirty_hold": 24,
            "crew": [{"resource": "skid"}],
        },
        "changeover": {"default": 24, "crew": crew},
        "failures": [
            {
                "name": "contamination",
                "time_to_failure": {"kind": "exponential", "mean": 4000},
                "time_to_repair": 48,
                "consequence": "scrap",
            }
        ],
    }


def biologics(n_reactors=2, **step):
    """A plant with most of what a plant has: reactors, hold tank, column, cleaning, people."""
    crew = [{"resource": "operators", "n": 1}]
    return read_line(
        {
            "name": "biologics",
            "time_unit": "h",
            "units": [
                reactors(n_reactors, crew),
                {
                    "name": "column",
                    "failures": [
                        {
                            "name": "pump",
                            "clock": "time",
                            "time_to_failure": {"kind": "weibull", "scale": 500, "shape": 1.5},
                            "time_to_repair": {"kind": "lognormal", "mean": 6, "cv": 0.5},
                            "crew": crew,
                        }
                    ],
                },
            ],
            "buffers": [{"name": "tank", "capacity": 1}],
            "resources": [
                {
                    "name": "operators",
                    "shifts": [{"start": 6, "end": 22, "days": [0, 1, 2, 3, 4, 5, 6], "n": 2}],
                },
                {"name": "skid"},
            ],
            "products": [
                {
                    "name": name,
                    "route": [
                        {
                            "name": "culture",
                            "unit": "reactor",
                            "duration": {"kind": "triangular", "lower": 280, "mode": 336,
                                         "upper": 360},
                            "yield": {"kind": "uniform", "lower": 0.8, "upper": 1.0},
                            "crew": crew,
                            "attended": 12,
                            "buffer": "tank",
                            "hold": {"maximum": 48, "consequence": "yield", "yield_factor": 0.9},
                        },
                        {
                            "name": "capture",
                            "unit": "column",
                            "duration": 30,
                            "crew": crew,
                            "quality": {"sampling": 1, "laboratory": 72, "release": 8,
                                        "p_reject": 0.02},
                            **step,
                        },
                    ],
                }
                for name in ("mab", "fusion")
            ],
            "plan": [
                {"product": "mab", "n_lots": 6, "size": 10.0},
                {"product": "fusion", "n_lots": 4, "size": 5.0},
            ],
        }
    )  # fmt: skip
