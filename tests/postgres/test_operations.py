"""What works on a home with a file works on one whose ledger lies in PostgreSQL.

These are the tests of the rooms above the ledger, on homes that are made on a real server. All
of them run so by `python -m pytest -p tests.postgres.everywhere tests/runtime tests/apps`.
"""

from __future__ import annotations

from tests.runtime.test_archive import (  # noqa: F401
    lived,
    test_an_archive_is_whole_and_verifies_alone,
)
from tests.runtime.test_audit import (  # noqa: F401
    ann,
    test_a_review_needs_the_showing_of_exactly_these_entries_to_this_person,
    test_filters,
    test_paging_joins_up_to_the_whole,
    trail,
)
from tests.runtime.test_checkpoints import test_when_a_home_is_closed  # noqa: F401
from tests.runtime.test_people import test_accounts  # noqa: F401
from tests.runtime.test_promotion import test_the_whole_way  # noqa: F401
from tests.runtime.test_rights import (  # noqa: F401
    staff,
    test_an_inspector_reads_within_the_window_and_does_nothing_else,
    test_lists_show_what_one_may_see_and_sign,
    who,
)
from tests.runtime.test_timestamps import (  # noqa: F401
    authority,
    test_a_checkpoint_is_stamped_and_its_token_checked,
)
from tests.runtime.test_witness import (  # noqa: F401
    folder,
    test_a_history_that_grows_is_signed_and_kept,
    test_a_rewritten_history_is_refused_and_found,
)
