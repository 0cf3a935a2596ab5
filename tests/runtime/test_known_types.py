"""Every process folds records alike: what is signed is known wherever projections are."""

import json
import subprocess
import sys

from tests.docs.generate import core_types

ASK = """
import json
from goldenbatch.runtime.projections import core_projections
from goldenbatch.core.records import record_types
core_projections()
print(json.dumps([name for name, one in record_types().items() if one.signed_as]))
"""


def test_types_that_are_signed_are_known_to_who_folds_and_nothing_else():
    # The state of a record rests on whether its kind is signed: a type that only some processes
    # import would be folded in two ways.
    done = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, check=True, timeout=60
    )
    signed = {name for name, one in core_types().items() if one.signed_as}
    assert len(signed) > 10
    assert not signed - set(json.loads(done.stdout))
