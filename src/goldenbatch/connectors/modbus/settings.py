"""Settings of a Modbus source: the device, its beat, and which register is which tag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from goldenbatch.core.errors import BadInputError

Table = Literal["coil", "discrete", "holding", "input"]
Type = Literal[
    "bit", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "text"
]
N_REGISTERS: dict[str, int] = {
    "bit": 1, "int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "int64": 4, "uint64": 4,
    "float32": 2, "float64": 4,
}  # fmt: skip


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Point(_Strict):
    """One value of a device.

    Attributes:
        tag: Tag, or signal below the card's place.
        table: In which of the four tables of the protocol it is.
        address: From 0, as it goes over the line (40001 of a manual is holding 0).
        type: How its registers are read; `bit` of a register table needs `bit`.
        bit: Which bit of a register, 0 is the lowest.
        length: Characters of a text, two a register.
        word_order: Order of the registers of a value of several.
        byte_order: Order of the bytes in a register; the protocol says big.
        scale: The value is `raw * scale + offset`.
        bad: Raw values by which the device says that it has none.
    """

    tag: str = Field(min_length=1)
    table: Table = "holding"
    address: int = Field(ge=0, le=65535)
    type: Type = "uint16"
    bit: int | None = Field(default=None, ge=0, le=15)
    length: int = Field(default=0, ge=0, le=250)
    word_order: Literal["big", "little"] = "big"
    byte_order: Literal["big", "little"] = "big"
    scale: float = 1.0
    offset: float = 0.0
    bad: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        is_bits = self.table in ("coil", "discrete")
        if is_bits and self.type != "bit":
            raise ValueError(f"{self.tag}: a {self.table} is a bit; write type = 'bit'")
        if self.type == "bit" and is_bits == (self.bit is not None):
            raise ValueError(f"{self.tag}: give `bit` for a bit of a register, and only then")
        if (self.type == "text") != (self.length > 0):
            raise ValueError(f"{self.tag}: give `length` for a text, and only then")
        if self.address + self.n_registers > 65536:
            raise ValueError(f"{self.tag}: it ends beyond address 65535")
        return self

    @property
    def n_registers(self) -> int:
        """How many registers (or bits of a bit table) it takes."""
        return (self.length + 1) // 2 if self.type == "text" else N_REGISTERS[self.type]

    @property
    def is_bit_table(self) -> bool:
        """Whether its table holds single bits."""
        return self.table in ("coil", "discrete")


class ModbusSettings(_Strict):
    """What stands under `[settings]` of a card.

    Attributes:
        device_id: Unit behind the address; 1 where there is one only.
        poll_s: Seconds between readings of all points.
        timeout_s: How long an answer may take.
        max_registers: Registers asked for at once; the protocol allows 125, some devices less.
        max_hole: Registers that nobody wants and that are read along, to ask less often.
    """

    host: str = Field(min_length=1)
    port: int = Field(default=502, ge=1, le=65535)
    device_id: int = Field(default=1, ge=0, le=255)
    poll_s: float = Field(default=1.0, gt=0)
    timeout_s: float = Field(default=3.0, gt=0)
    max_registers: int = Field(default=125, ge=4, le=125)
    max_hole: int = Field(default=8, ge=0, le=64)
    points: tuple[Point, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _once(self) -> Self:
        seen: set[str] = set()
        for point in self.points:
            if point.tag in seen:
                raise ValueError(f"{point.tag} is read twice")
            seen.add(point.tag)
        return self


def read_settings(name: str, settings: Mapping[str, Any]) -> ModbusSettings:
    """The settings of a card.

    Raises:
        BadInputError: One is missing, unknown or impossible; names it.
    """
    try:
        return ModbusSettings.model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadInputError(
            f"connection {name!r}: settings.{key}: {first['msg']}.",
            hint="Correct the card; see the page on Modbus.",
        ) from error
