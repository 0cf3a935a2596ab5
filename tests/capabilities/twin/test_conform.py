"""The capability keeps the rules that hold for all."""

from __future__ import annotations

import pytest

from goldenbatch.capabilities.twin._capability import CAPABILITY
from goldenbatch.testing.conformance import checks


@pytest.mark.parametrize("check", checks(CAPABILITY, "goldenbatch.capabilities.twin"), ids=str)
def test_conformance(check) -> None:
    check.run()
