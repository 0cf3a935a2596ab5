"""The checks of the operational qualification, by name; requirements cite them."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.runtime import _oq_data as data
from goldenbatch.runtime import _oq_models as models
from goldenbatch.runtime import _oq_people as people
from goldenbatch.runtime import _oq_promotion as promotion
from goldenbatch.runtime import _oq_proof as proof
from goldenbatch.runtime import _oq_retention as retention
from goldenbatch.runtime import _oq_rights as rights
from goldenbatch.runtime import _oq_service as service
from goldenbatch.runtime import _oq_signing as signing
from goldenbatch.runtime import _oq_trail as trail
from goldenbatch.runtime._oq_bench import (
    Bench,
    CheckFailedError,
    NotApplicableError,
    NotRunError,
)
from goldenbatch.runtime._oq_database import Scratch

if TYPE_CHECKING:
    from goldenbatch.runtime.local import LocalSite

Check = Callable[[Bench], str]
Outcome = Literal["passed", "failed", "not run", "not applicable"]
Progress = Callable[[int, int], None]

_FUNCTIONS: tuple[Check, ...] = (
    trail.altered_record_named,
    trail.deleted_tail_named,
    trail.ledger_only_adds,
    trail.concurrent_append_one_wins,
    trail.old_value_and_reason_kept,
    trail.late_entry_marked,
    trail.clock_never_goes_back,
    trail.projections_equal_events,
    trail.copy_verifies_outside,
    trail.forged_checkpoint_refused,
    trail.trail_can_be_searched_and_copied,
    trail.trail_review_needs_showing,
    trail.configuration_is_recorded,
    promotion.promotion_needs_order_and_approval,
    trail.home_kind_is_shown,
    trail.record_has_no_gap,
    proof.export_verifies_by_the_verifier_alone,
    proof.this_home_verifies_by_the_verifier_alone,
    proof.rewritten_history_refused_by_witness,
    proof.checkpoints_come_by_themselves,
    proof.database_only_adds,
    people.wrong_password_locks,
    people.closed_account_denied,
    service.strangers_are_refused_everywhere,
    people.administrator_signs_nothing,
    people.performer_never_verifies,
    people.signature_shows_name_time_meaning,
    people.signature_needs_its_signer,
    people.signature_bound_to_record,
    people.unsigned_since_change,
    people.untrained_cannot_sign,
    people.identity_before_signature,
    people.role_by_two_people,
    people.nobody_knows_anothers_password,
    people.roles_are_kept_apart,
    people.lost_credential_replaced_by_two,
    rights.inspector_reads_in_a_window,
    rights.policy_comes_into_force_signed,
    rights.delegation_ends_and_never_widens,
    rights.certification_has_its_own_role,
    people.access_review_is_complete,
    people.policy_keeps_independence,
    signing.password_signature_is_the_servers_word,
    signing.app_code_serves_once,
    signing.security_key_signs_the_statement,
    signing.security_key_without_its_person_refused,
    signing.copied_security_key_suspended,
    signing.security_key_has_one_owner,
    signing.security_key_replaced_by_two,
    signing.openid_login_signs_the_statement,
    signing.openid_provider_answers,
    signing.series_asks_again_after_idling,
    signing.statement_serves_once_and_in_time,
    signing.weak_password_refused,
    signing.policy_sets_the_class,
    data.quarantine_accounts_for_all_rows,
    data.original_file_kept,
    data.import_again_adds_nothing,
    data.changed_reading_is_a_conflict,
    data.impossible_value_refused,
    data.unknown_tag_refused,
    data.replay_as_seen_equals,
    data.analyst_version_locked,
    models.model_takes_every_step,
    models.one_approved_version_serves,
    data.dossier_is_readable_and_proved,
    data.restore_drill,
    proof.damaged_backup_named,
    proof.archive_reads_without_the_platform,
    proof.inspectors_copy_verifies_alone,
    retention.retention_refuses_before_its_time,
    retention.hold_stops_deletion,
    proof.erasure_takes_two_and_keeps_the_proof,
)

CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {one.__name__.replace("_", "-"): one for one in _FUNCTIONS}
)
"""Name of a check to the function that does it; it gives its evidence in words."""


@dataclass(frozen=True)
class CheckResult:
    """What became of a check.

    Attributes:
        name: Its name.
        title: What it shows.
        outcome: Passed, failed, or not run.
        evidence: What was seen, why it failed, or why it was not run.
        evidence_digest: SHA-256 of name, outcome and evidence.
        duration_ms: How long it took.
    """

    name: str
    title: str
    outcome: Outcome
    evidence: str
    evidence_digest: str
    duration_ms: int

    def as_json(self) -> dict[str, Any]:
        """The result as plain values."""
        return asdict(self)


def title_of(name: str) -> str:
    """What a check shows, as its docstring says."""
    return " ".join((CHECKS[name].__doc__ or name).split("\n\n")[0].split())


def run_checks(
    site: LocalSite,
    names: Iterable[str] | None = None,
    progress: Progress | None = None,
    scratch: str = "",
) -> tuple[CheckResult, ...]:
    """Run checks with the installed code, in scratch homes beside the home.

    Args:
        site: The home under validation; nothing of it is touched.
        names: Which checks; None: all.
        progress: Called with (checks done, all).
        scratch: URL of an administrator of a database for trials, where the home's ledger lies
            in PostgreSQL.
    """
    chosen = list(CHECKS) if names is None else [name for name in CHECKS if name in set(names)]
    results = []
    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="qualification-", dir=site.layout.state)
        folder = Path(stack.enter_context(temporary))
        database = Scratch.of(scratch, site.settings)
        if database is not None:
            stack.callback(database.close)
        bench = Bench.make(folder, site.policies.standing().text, site, database)
        for number, name in enumerate(chosen):
            results.append(_run(bench, name))
            if progress is not None:
                progress(number + 1, len(chosen))
    return tuple(results)


def _run(bench: Bench, name: str) -> CheckResult:
    begun = time.monotonic()
    outcome: Outcome = "passed"
    try:
        evidence = CHECKS[name](bench)
    except NotRunError as error:
        outcome, evidence = "not run", str(error)
    except NotApplicableError as error:
        outcome, evidence = "not applicable", str(error)
    except CheckFailedError as error:
        outcome, evidence = "failed", str(error)
    except Exception as error:  # a check that cannot be ended has not passed, whatever it was
        words = str(error) if isinstance(error, GoldenbatchError) else f"{error!r}"
        outcome, evidence = "failed", f"it could not be carried out: {words}"
    finally:
        bench.clock.set_right()
    digest = hashlib.sha256(f"{name}\n{outcome}\n{evidence}".encode()).hexdigest()
    duration = round((time.monotonic() - begun) * 1000)
    return CheckResult(name, title_of(name), outcome, evidence, digest, duration)
