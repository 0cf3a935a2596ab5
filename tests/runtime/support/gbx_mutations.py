"""All broken controls, and how one is put in place for the time of a check."""

from contextlib import ExitStack

import gbx_broken_data
import gbx_broken_people
import gbx_broken_signing
import gbx_broken_trail
from gbx_broken_trail import home_on
from gbx_cases import CASES

__all__ = ["CASES", "MODULES", "broken", "home_on"]

MODULES = (gbx_broken_data, gbx_broken_people, gbx_broken_signing, gbx_broken_trail)
"""Where they stand, by subject."""


def broken(name, patch, bench, postgres):
    """Break the control of a check; gives what ends with the check.

    Args:
        postgres: Gives the URL of a server, which is started when it is first asked for.
    """
    stack = ExitStack()
    CASES[name].break_it(patch, bench=bench, stack=stack, postgres=postgres)
    return stack
