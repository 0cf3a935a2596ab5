"""Reading UCUM codes, and the tested table that leads from UCUM atoms to pint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

PREFIXES = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1,
    "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip
"""UCUM prefixes as powers of ten (UCUM table 1)."""

METRIC = {
    "m": "meter", "s": "second", "g": "gram", "K": "kelvin", "C": "coulomb", "cd": "candela",
    "rad": "radian", "sr": "steradian", "mol": "mole", "Hz": "1/second", "N": "newton",
    "Pa": "pascal", "J": "joule", "W": "watt", "A": "ampere", "V": "volt", "F": "farad",
    "Ohm": "ohm", "S": "siemens", "Wb": "weber", "T": "tesla", "H": "henry", "lm": "lumen",
    "lx": "lux", "Bq": "becquerel", "Gy": "gray", "Sv": "sievert", "kat": "katal",
    "U": "ucum_U", "l": "liter", "L": "liter", "t": "metric_ton", "bar": "bar",
    "u": "unified_atomic_mass_unit", "Da": "unified_atomic_mass_unit", "eV": "electron_volt",
    "cal": "ucum_cal", "cal_th": "ucum_cal", "[Cal]": "1000*ucum_cal", "P": "poise",
    "St": "stokes", "dyn": "dyne", "erg": "erg", "Ci": "curie", "Cel": "degree_Celsius",
    "m[H2O]": "ucum_mH2O", "m[Hg]": "ucum_mHg", "bit": "bit", "By": "byte", "Bd": "baud",
    "ar": "are", "g%": "gram/deciliter", "[IU]": "ucum_IU", "[iU]": "ucum_IU",
    "eq": "ucum_eq", "osm": "ucum_osm", "[EU]": "ucum_EU", "B": "ucum_bel",
}  # fmt: skip
"""UCUM atoms that take prefixes, to pint expressions."""

PLAIN = {
    "10*": "10", "10^": "10", "%": "0.01", "[ppth]": "0.001", "[ppm]": "1e-6",
    "[ppb]": "1e-9", "[pptr]": "1e-12", "min": "minute", "h": "hour", "d": "day",
    "wk": "week", "mo": "ucum_month", "a": "julian_year", "a_j": "julian_year", "deg": "degree",
    "'": "arcminute", "''": "arcsecond", "gon": "0.9*degree", "circ": "360*degree",
    "atm": "standard_atmosphere", "att": "98066.5*pascal", "[g]": "9.80665*meter/second**2",
    "[in_i]": "inch", "[ft_i]": "foot", "[yd_i]": "yard", "[mi_i]": "mile",
    "[lb_av]": "pound", "[oz_av]": "ounce", "[gr]": "grain", "[lbf_av]": "force_pound",
    "[psi]": "force_pound/inch**2", "[gal_us]": "gallon", "[qt_us]": "quart",
    "[pt_us]": "pint", "[foz_us]": "fluid_ounce", "[cin_i]": "inch**3", "[cft_i]": "foot**3",
    "[sft_i]": "foot**2", "[sin_i]": "inch**2", "[degF]": "degree_Fahrenheit",
    "[degR]": "degree_Rankine", "[HP]": "550*foot*force_pound/second", "[Btu]": "ucum_Btu",
    "[Btu_th]": "ucum_Btu", "[in_i'H2O]": "0.0254*ucum_mH2O", "[in_i'Hg]": "0.0254*ucum_mHg",
    "[CFU]": "ucum_CFU", "CFU": "ucum_CFU", "[PFU]": "ucum_PFU", "[pH]": "ucum_pH",
    "[arb'U]": "ucum_arbU", "[USP'U]": "ucum_USPU", "[D'ag'U]": "ucum_DagU",
    "[CCID_50]": "ucum_CCID50", "[TCID_50]": "ucum_TCID50", "[Lf]": "ucum_Lf",
    "[hnsf'U]": "ucum_hnsfU", "[FFU]": "ucum_FFU", "[BAU]": "ucum_BAU", "[NTU]": "ucum_NTU",
}  # fmt: skip
"""UCUM atoms without prefixes, to pint expressions."""

DEFINITIONS = (
    "ucum_cal = 4.184 * joule", "ucum_Btu = 1054.35 * joule", "ucum_mH2O = 9806.65 * pascal",
    "ucum_mHg = 133322 * pascal", "ucum_month = 30.4375 * day", "ucum_U = 1e-6 * mole / minute",
)  # fmt: skip
"""Units whose UCUM value is not pint's (the calorie is the thermochemical one, ...)."""

ARBITRARY = tuple(
    sorted(
        {name for name in {**METRIC, **PLAIN}.values() if name.startswith("ucum_")}
        - {line.split(" ")[0] for line in DEFINITIONS}
    )
)
"""Units with a dimension of their own: they convert to nothing but themselves (UCUM 24).

Logarithmic pH and bel are among them, and `eq` and `osm`, which UCUM counts as moles.
"""

OFFSET = {"Cel": "delta_degree_Celsius", "[degF]": "delta_degree_Fahrenheit"}
"""Scales with a zero of their own, and the unit of their differences."""

SUGGESTIONS = {
    "°C": "Cel", "degC": "Cel", "celsius": "Cel", "°F": "[degF]", "degF": "[degF]", "ppm": "[ppm]",
    "ppb": "[ppb]", "psi": "[psi]", "rpm": "/min", "cfu": "[CFU]", "IU": "[IU]", "EU": "[EU]",
    "pH": "[pH]", "hr": "h", "sec": "s", "µm": "um", "μm": "um", "µg": "ug", "μg": "ug",
    "µl": "uL", "µL": "uL", "μL": "uL", "mm2": "mm2", "tablet": "{tbl}", "tablets": "{tbl}",
    "pcs": "{pcs}", "in": "[in_i]", "ft": "[ft_i]", "lb": "[lb_av]", "oz": "[oz_av]",
    "gal": "[gal_us]", "mmHg": "mm[Hg]", "mbarg": "mbar", "barg": "bar", "torr": "mm[Hg]",
    "M": "mol/L", "mM": "mmol/L", "kDal": "kDa", "NTU": "[NTU]", "ohm": "Ohm", "year": "a",
    "day": "d", "hour": "h", "minute": "min", "second": "s", "percent": "%", "-": "1",
}  # fmt: skip
"""Common spellings that are not UCUM, and the code that is meant."""

_TOKEN = re.compile(
    r"(?P<ten>10[*^])(?P<ten_power>[+-]?\d{1,3})?"
    r"|(?P<atom>(?:[A-Za-z%'_]|\[[A-Za-z0-9_'%^*/+-]+\])+)(?P<power>[+-]?\d{1,2})?"
    r"|(?P<factor>[1-9]\d{0,8})|(?P<mark>[./()])|\{(?P<note>[\x21-\x7a\x7c\x7e]*)\}",
    re.ASCII,
)


@dataclass(frozen=True)
class Code:
    """A UCUM code taken apart.

    Attributes:
        scale: Power of ten of all its prefixes.
        atoms: Pairs (atom, exponent), sorted; no exponent is zero. Numbers are atoms too.
        notes: Pairs (annotation, exponent), sorted.
    """

    scale: int
    atoms: tuple[tuple[str, int], ...]
    notes: tuple[tuple[str, int], ...]

    @property
    def offset_scale(self) -> str:
        """The atom, when the code is a temperature scale and nothing else; else empty."""
        if len(self.atoms) == 1 and self.atoms[0][1] == 1 and self.atoms[0][0] in OFFSET:
            return self.atoms[0][0]
        return ""

    def expression(self, *, is_difference: bool) -> str:
        """The pint expression of all atoms, without the prefixes."""
        known = {**METRIC, **PLAIN}
        if self.offset_scale and not is_difference:
            return known[self.offset_scale]
        parts = [
            f"({OFFSET.get(atom) or known.get(atom, atom)})**({power})"
            for atom, power in self.atoms
        ]
        return "*".join(parts) or "dimensionless"


class _Reader:
    """Recursive descent over the tokens of one code."""

    def __init__(self, code: str) -> None:
        self.tokens: list[re.Match[str]] = []
        position = 0
        while position < len(code):
            found = _TOKEN.match(code, position)
            if found is None:
                raise ValueError(f"{code[position]!r} at position {position + 1}")
            self.tokens.append(found)
            position = found.end()
        self.next = 0
        self.scale = 0
        self.atoms: dict[str, int] = {}
        self.notes: dict[str, int] = {}

    def mark(self) -> str:
        """The mark at the reading place; empty when there is none."""
        if self.next < len(self.tokens):
            return self.tokens[self.next]["mark"] or ""
        return ""

    def term(self, sign: int) -> None:
        """Read components joined by points and slashes."""
        side = sign
        if self.mark() == "/":
            self.next, side = self.next + 1, -sign
        self.component(side)
        while self.mark() in (".", "/"):
            side = -sign if self.mark() == "/" else sign
            self.next += 1
            self.component(side)

    def component(self, sign: int) -> None:
        """Read one atom, factor, annotation or bracketed term."""
        if self.next >= len(self.tokens):
            raise ValueError("a unit is missing at the end")
        token = self.tokens[self.next]
        self.next += 1
        if token["mark"] == "(":
            self.term(sign)
            if self.mark() != ")":
                raise ValueError("a bracket is not closed")
            self.next += 1
        elif token["mark"]:
            raise ValueError(f"{token['mark']!r} where a unit belongs")
        elif token["note"] is not None:
            self.notes[token["note"]] = self.notes.get(token["note"], 0) + sign
        else:
            self.simple(token, sign)
        self.annotation(sign)

    def simple(self, token: re.Match[str], sign: int) -> None:
        """Read a power of ten, a factor, or a prefixed atom with its exponent."""
        if token["ten"]:
            self.scale += sign * int(token["ten_power"] or 1)
            return
        name, power = token["factor"] or token["atom"], sign * int(token["power"] or 1)
        if token["atom"]:
            name, exponent = _split_prefix(name)
            self.scale += exponent * power
        if name != "1":
            self.atoms[name] = self.atoms.get(name, 0) + power

    def annotation(self, sign: int) -> None:
        """Read the annotation behind a component, if there is one."""
        if self.next < len(self.tokens) and self.tokens[self.next]["note"] is not None:
            note = self.tokens[self.next]["note"]
            self.notes[note] = self.notes.get(note, 0) + sign
            self.next += 1


def _split_prefix(atom: str) -> tuple[str, int]:
    """The atom without its prefix, and the prefix as a power of ten."""
    if atom in METRIC or atom in PLAIN:
        return atom, 0
    for length in (2, 1):
        prefix, rest = atom[:length], atom[length:]
        if prefix in PREFIXES and rest in METRIC:
            return rest, PREFIXES[prefix]
    raise ValueError(f"no unit is called {atom!r}")


@lru_cache(maxsize=2048)
def read_code(code: str) -> Code:
    """Take a UCUM code apart.

    Raises:
        ValueError: It is not UCUM; the message says where.

    References:
        The Unified Code for Units of Measure, version 2.1, chapter 2.
    """
    if not code:
        raise ValueError("it is empty; a pure number has unit '1'")
    reader = _Reader(code)
    reader.term(1)
    if reader.next != len(reader.tokens):
        raise ValueError(f"{reader.tokens[reader.next].group()!r} where '.' or '/' belongs")
    # Litre and dalton have two spellings; equal units must have equal atoms.
    atoms: dict[str, int] = {}
    for name, power in reader.atoms.items():
        same = {"l": "L", "Da": "u", "[iU]": "[IU]", "CFU": "[CFU]"}.get(name, name)
        atoms[same] = atoms.get(same, 0) + power
    return Code(
        reader.scale,
        tuple(sorted((name, power) for name, power in atoms.items() if power)),
        tuple(sorted((name, power) for name, power in reader.notes.items() if power)),
    )
