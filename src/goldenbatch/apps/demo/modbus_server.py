"""A Modbus server that shows the freeze-dryer: registers, read when somebody asks.

References:
    MODBUS Application Protocol Specification V1.1b3, 6.3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from goldenbatch.apps.demo.dryer import SIGNALS
from goldenbatch.apps.demo.shown import TEXTS

if TYPE_CHECKING:
    from pymodbus.server import ModbusTcpServer

LENGTH = 16
"""Characters of a text."""
ADDRESS = {name: 2 * place for place, name in enumerate(SIGNALS)} | {
    name: 2 * len(SIGNALS) + place * LENGTH // 2 for place, name in enumerate(TEXTS)
}
"""First register of each value: numbers are float32, texts two characters a register."""
N_REGISTERS = 2 * len(SIGNALS) + len(TEXTS) * LENGTH // 2
Values = Callable[[], dict[str, float | str]]


def registers(values: dict[str, float | str]) -> list[int]:
    """The registers of what is shown.

    >>> registers({"shelf": -10.0, "batch": "FD-017"})[:2]
    [49440, 0]
    """
    found = [0] * N_REGISTERS
    for name, value in values.items():
        if isinstance(value, str):
            raw = value.encode("ascii")[:LENGTH].ljust(LENGTH, b"\0")
        else:
            raw = struct.pack(">f", value)
        words = struct.unpack(f">{len(raw) // 2}H", raw)
        found[ADDRESS[name] : ADDRESS[name] + len(words)] = words
    return found


async def serve_registers(port: int, values: Values) -> ModbusTcpServer:
    """Serve what `values` gives at each reading, until it is shut down."""
    from pymodbus.server import ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    async def refresh(*asked: Any) -> None:
        asked[4][:] = registers(values())

    block = SimData(0, values=[0] * N_REGISTERS, datatype=DataType.REGISTERS, readonly=True)
    device = SimDevice(1, block, action=refresh)
    server = ModbusTcpServer(device, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    return server
