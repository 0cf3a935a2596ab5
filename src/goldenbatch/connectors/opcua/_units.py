"""Engineering units of OPC UA (UNECE Recommendation 20) as UCUM codes.

A unit that is in no table is proposed as it is shown if that is UCUM, else as an annotation
such as `{widgets}`, so that nothing is lost and a person sees what is meant.

References:
    OPC 10000-8, 5.6.3 (EUInformation); UNECE Recommendation No. 20, revision 17.
"""

from __future__ import annotations

from typing import Final

from goldenbatch.core.source_units import as_ucum, plant_unit

UNECE: Final = {
    "CEL": "Cel", "FAH": "[degF]", "KEL": "K", "P1": "%", "C62": "1", "59": "[ppm]", "61": "[ppb]",
    "MTR": "m", "CMT": "cm", "MMT": "mm", "4H": "um", "C45": "nm", "KMT": "km", "INH": "[in_i]",
    "KGM": "kg", "GRM": "g", "MGM": "mg", "MC": "ug", "TNE": "t", "LBR": "[lb_av]",
    "LTR": "L", "MLT": "mL", "4G": "uL", "MTQ": "m3", "CMQ": "cm3", "MTK": "m2", "CMK": "cm2",
    "SEC": "s", "C26": "ms", "MIN": "min", "HUR": "h", "DAY": "d", "HTZ": "Hz", "KHZ": "kHz",
    "PAL": "Pa", "KPA": "kPa", "MPA": "MPa", "A97": "hPa", "BAR": "bar", "MBR": "mbar",
    "PS": "[psi]", "ATM": "atm", "NEW": "N", "B47": "kN", "NU": "N.m", "JOU": "J", "KJO": "kJ",
    "KWH": "kW.h", "WTT": "W", "KWT": "kW", "MAW": "MW", "VLT": "V", "2Z": "mV", "KVT": "kV",
    "AMP": "A", "4K": "mA", "B84": "uA", "OHM": "Ohm", "D10": "S/m", "H61": "mS/cm",
    "RPM": "/min", "RPS": "/s", "MTS": "m/s", "2M": "cm/s", "MSK": "m/s2", "L2": "L/min",
    "E32": "L/h", "G51": "L/s", "MQH": "m3/h", "MQS": "m3/s", "41": "mL/min", "E93": "kg/h",
    "F31": "kg/min", "M83": "kg/s", "KMQ": "kg/m3", "GL": "g/L", "M1": "mg/L", "23": "g/cm3",
    "DD": "deg", "C81": "rad", "Q30": "[pH]", "LUX": "lx", "LM": "lm", "C36": "mol/m3",
    "C38": "mol/L", "C34": "mol", "2N": "dB", "C7": "cP", "C16": "mm/s",
}  # fmt: skip
"""Common codes of UNECE Recommendation 20, to UCUM."""


def unece_code(unit_id: int) -> str:
    """The three-letter code in a unit identifier.

    >>> unece_code(4408652)
    'CEL'
    """
    if unit_id <= 0 or unit_id > 0x7FFFFFFF:
        return ""
    text = unit_id.to_bytes(4, "big").lstrip(b"\0")
    return text.decode("ascii") if text.isalnum() else ""


def ucum_of(unit_id: int, shown: str, described: str = "") -> str:
    """UCUM code of an engineering unit; an annotation of what is shown where none fits.

    Args:
        unit_id: Identifier of the unit.
        shown: Its display name, such as `°C`.
        described: Its description, such as `degree Celsius`.

    >>> ucum_of(4408652, "°C"), ucum_of(0, "kN"), ucum_of(0, "widgets")
    ('Cel', 'kN', '{widgets}')
    """
    known = UNECE.get(unece_code(unit_id))
    if known:
        return known
    for text in (shown, described):
        if found := as_ucum(text):
            return found
    return plant_unit(shown) or "1"
