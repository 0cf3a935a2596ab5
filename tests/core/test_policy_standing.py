"""No policy takes effect unsigned: what covers an adoption, what does not, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.people import RoleGranted, UserAdded, statement_for
from goldenbatch.core.policy import adopted, first_policy, first_policy_text, load_policy
from goldenbatch.core.policy_checks import policy_faults
from goldenbatch.core.policy_diff import policy_diff
from goldenbatch.core.policy_standing import (
    POLICY_PROPOSALS,
    PolicyProposed,
    in_force,
    policy_at,
    standings,
)
from goldenbatch.core.promotion import PackageReceived
from goldenbatch.core.signatures import proposal_digest
from tests.core.log import Log

FIRST = first_policy_text()
NOW = first_policy().version
PEOPLE = ("ana", "bor", "root")
VERSIONS = ("A", "B")


def text_of(version):
    return FIRST.replace(f'version = "{NOW}"', f'version = "{version}"', 1)


def proposal(version, replaced=FIRST):
    policy = load_policy(text_of(version))
    return PolicyProposed(
        version=version, digest=policy.digest(), replaces=load_policy(replaced).digest(),
        text=text_of(version), reason="r",
    )  # fmt: skip


HELD = {"ana": ("quality_reviewer",), "bor": ("qualified_person", "quality_reviewer"),
        "root": ("administrator",)}  # fmt: skip


def enter(log, held):
    """Accounts with their roles."""
    for uid, roles in held.items():
        log.add(f"user/{uid}", UserAdded(uid=uid, login=uid, printed_name=uid), actor="root")
        for role in roles:
            log.add(f"user/{uid}", RoleGranted(uid=uid, role=role, reason="r"), actor="root")


class Office:
    """A home's policies, whoever appends what, whether they may or not; the good ones by hand."""

    def __init__(self) -> None:
        self.log = Log()
        self.log.add("master/policy", adopted(FIRST, 0), actor="node")
        enter(self.log, HELD)
        self.good = [NOW]
        self.proposed: dict[str, list[str]] = {}

    def found(self, fault=lambda _: ""):
        return standings(self.log.stream("master/policy"), self.log.stream, fault)

    def propose(self, by, version, **_):
        self.log.add(f"policy/{version}", proposal(version), actor=by)
        self.proposed.setdefault(version, []).append(by)

    def adopt(self, by, version, **_):
        """An adoption that nobody signs."""
        at = len(self.proposed.get(version, ()))
        body = adopted(text_of(version), 0, "", f"policy/{version}@{at}" if at else "")
        self.log.add("master/policy", body, actor=by)

    def sign(self, by, signer, role, meaning, **_):
        """A signature on whatever was appended last, as if it stood alone."""
        newest = [e for e in self.log.stream("master/policy") if e.kind == "PolicyAdopted"][-1]
        made = self._made(newest, signer, role, meaning)
        self.log.add("master/policy", made.signed("password+home-key"), actor=by)

    def adopt_signed(self, by, signer, version, other, role, meaning, **_):
        """An adoption and the signature on both, of which anything may be wrong."""
        before = self.log.stream("master/policy")[-1]
        at = len(self.proposed.get(other, ()))
        body = adopted(text_of(version), 0, "", f"policy/{other}@{at}" if at else "")
        in_force_now = self.found()[-1].policy
        made = self._made(
            before, signer, role, meaning, proposal=proposal_digest(body.kind, body.as_json())
        )
        self.log.add("master/policy", body, actor=by)
        self.log.add("master/policy", made.signed("password+home-key"), actor=signer)
        proposer = self.proposed[other][-1] if at and other == version else ""
        is_right = role in ("quality_reviewer", "qualified_person") and meaning == "approved"
        is_right &= in_force_now.version == self.good[-1] and role in HELD[signer]
        if is_right and by == signer and proposer and proposer != signer:
            self.good.append(version)

    def _made(self, record, signer, role, meaning, **more):
        policy = self.found()[-1].policy
        entries = {"signer": signer, "printed_name": signer, "role": role, "meaning": meaning}
        return statement_for(record, policy.digest(), **entries, at=1, **more)


steps = st.lists(
    st.tuples(
        st.sampled_from(["propose", "adopt", "sign", "adopt_signed", "adopt_signed"]),
        st.sampled_from(PEOPLE),
        st.sampled_from(PEOPLE),
        st.sampled_from(VERSIONS),
        st.sampled_from(VERSIONS),
        st.sampled_from(["quality_reviewer", "qualified_person", "administrator", "operator"]),
        st.sampled_from(["approved", "approved", "reviewed", "performed"]),
    ),
    min_size=3,
    max_size=14,
)


@settings(max_examples=50, deadline=None)
@given(steps)
def test_no_sequence_of_events_brings_an_unsigned_policy_into_force(sequence):
    office = Office()
    for act, by, signer, version, other, role, meaning in sequence:
        given_ = {"by": by, "signer": signer, "version": version, "other": other}
        getattr(office, act)(**given_, role=role, meaning=meaning)
        found = office.found()
        assert [one.policy.version for one in found] == office.good
        assert all(one.is_signed for one in found[1:])
        assert in_force(found, 1).policy.version == office.good[-1]
        forged = office.found(lambda _: "the evidence is forged")
        assert [one.policy.version for one in forged] == [NOW]
        assert not forged[0].is_signed


def test_the_right_way():
    office = Office()
    office.propose("ana", "A")
    office.adopt_signed(
        by="bor", signer="bor", version="A", other="A", role="quality_reviewer", meaning="approved"
    )
    one = office.found()[-1]
    assert (one.policy.version, one.signature.signer) == ("A", "bor")
    assert one.label() == f"signed by bor (quality_reviewer), event {one.signed_seq}"
    assert office.found()[0].label() == "unsigned since event 1"
    (row,) = office.log.table(POLICY_PROPOSALS).values()
    assert (row["proposed_by"], row["version"]) == ("ana", "A")


def test_the_first_policy_is_signed_by_somebody_who_may():
    office = Office()
    office.sign("root", "root", "administrator", "approved")
    assert not office.found()[0].is_signed
    office.sign("root", "root", "quality_reviewer", "approved")  # a role that root never held
    assert not office.found()[0].is_signed
    office.sign("ana", "bor", "quality_reviewer", "approved")  # recorded by another than signed
    assert not office.found()[0].is_signed
    office.sign("ana", "ana", "quality_reviewer", "approved")
    assert office.found()[0].signature.signer == "ana"


@pytest.mark.parametrize("named", ["", "right"])
def test_the_approval_of_a_package_brings_no_policy_into_force(named):
    """One person approves a package; a policy takes two, so that this one has no effect."""
    log, text = Log(), text_of("A")
    log.add("master/policy", adopted(FIRST, 0), actor="node")
    enter(log, HELD)
    body = PackageReceived(
        package="a" * 64, source_home="h", source_kind="validation", source_key="k",
        approvals=("0" * 64,), policy=load_policy(text).digest() if named else "",
    )  # fmt: skip
    event = log.add(f"promotion/{'a' * 64}", body, actor="operator")
    made = statement_for(
        event, "0" * 64, meaning="approved", signer="ana", printed_name="Ana",
        role="quality_reviewer", at=1,
    ).signed("password+home-key")  # fmt: skip
    log.add(event.stream, made, actor="ana")
    log.add("master/policy", adopted(text, 2, f"package {'a' * 64}"), actor="operator")
    assert policy_at(log.stream("master/policy"), 9, log.stream).version == NOW


def test_another_text_under_the_digest_that_was_signed_has_no_effect():
    office = Office()
    office.propose("ana", "A")
    before = office.log.stream("master/policy")[-1]
    good = adopted(text_of("A"), 0, "", "policy/A@1")
    body = good.model_copy(update={"text": text_of("B")})
    made = office._made(
        before, "bor", "quality_reviewer", "approved",
        proposal=proposal_digest(body.kind, body.as_json()),
    )  # fmt: skip
    office.log.add("master/policy", body, actor="bor")
    office.log.add("master/policy", made.signed("password+home-key"), actor="bor")
    assert [one.policy.version for one in office.found()] == [NOW]


def test_an_erased_account_does_not_bring_an_old_policy_back():
    office = Office()
    office.propose("ana", "A")
    office.adopt_signed(
        by="bor", signer="bor", version="A", other="A", role="quality_reviewer", meaning="approved"
    )
    office.log.events = [
        replace(one, body=None) if one.stream == "user/bor" else one for one in office.log.events
    ]
    assert office.found()[-1].policy.version == "A"


CREW = {
    "ana": frozenset({"quality_reviewer"}),
    "bor": frozenset({"process_engineer"}),
    "root": frozenset({"administrator"}),
}


def changed(**settings_):
    return first_policy().model_copy(update=settings_)


def rules(change, *actions):
    found = [
        change(one) if one.action in actions else one for one in first_policy().model_copy().rules
    ]
    return [one.model_dump() for one in found if one is not None]


def with_roles(*roles):
    return lambda rule: rule.model_copy(update={"roles": roles, "gmp": True})


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (
            lambda: changed(
                roles={
                    name: {**one.model_dump(), "gmp": True}
                    for name, one in first_policy().roles.items()
                }
            ),
            "administrator manages people, and would carry GMP meaning",
        ),
        (lambda: changed(judgements=["BatchCreated"]), "BatchCreated would be no work"),
        (
            lambda: changed(
                rules=rules(lambda r: r.model_copy(update={"independence": "none"}), "record")
            ),
            "record without independence",
        ),
        (
            lambda: changed(
                rules=rules(lambda r: r.model_copy(update={"independence": "none"}), "user:grant")
            ),
            "their own account",
        ),
        (
            lambda: changed(
                rules=rules(
                    lambda r: r.model_copy(update={"facts": ("account_active", "roles_granted")}),
                    "sign:released",
                )
            ),
            "ask no more for trained, identity_verified, accountability_signed",
        ),
        (
            lambda: changed(
                rules=rules(
                    lambda r: r.model_copy(update={"gmp": False, "roles": ("administrator",)}),
                    "correct",
                )
            ),
            "correct would be given to roles that carry no GMP meaning",
        ),
        (lambda: changed(signed_as="performed"), "cannot be signed as performed"),
        (
            lambda: changed(rules=rules(with_roles("qualified_person"), "sign:approved")),
            "nobody could adopt a policy under it any more",
        ),
        (
            lambda: changed(
                rules=rules(lambda r: None if not r.gmp else with_roles("quality_reviewer")(r),
                            "policy:propose")
            ),
            "nobody but one person",
        ),
    ],
)  # fmt: skip
def test_what_a_proposed_policy_may_not_do(policy, words):
    assert policy_faults(first_policy(), CREW) == ()
    assert words in "; ".join(policy_faults(policy(), CREW))


def test_a_diff_says_what_changes_and_what_gets_weaker():
    old = first_policy()
    new = changed(
        version="9", review_days=365, signed_as="certified",
        roles={**{n: r.model_dump() for n, r in old.roles.items() if n != "inspector"},
               "auditor": {"title": "Auditor", "gmp": False}},
        rules=[
            r for r in rules(lambda r: r.model_copy(update={"persons": 1}), "user:grant")
            if "inspector" not in r["roles"]
        ],
    )  # fmt: skip
    found = {(one.sign, one.where): one for one in policy_diff(old, new)}
    assert found["~", "review_days"].is_weaker
    assert found["~", "rule user:grant"].text() == "~ rule user:grant, persons: 2 -> 1 (WEAKER)"
    assert found["+", "role auditor"].new.startswith("Auditor, without GMP meaning")
    assert found["-", "role inspector"].sign == "-"
    assert found["~", "signed_as"].text() == "~ signed_as: approved -> certified"
    assert ("-", "rule read") in found
    weaker = [one.is_weaker for one in policy_diff(old, new)]
    assert weaker == sorted(weaker, reverse=True)
    assert policy_diff(old, old) == ()


def test_a_later_setting_leaves_the_digest_of_older_tables_alone():
    old = text_of("A").replace('signed_as = "approved"\n', "")
    assert load_policy(old).digest() == load_policy(text_of("A")).digest()
    other = changed(signed_as="certified")
    assert other.digest() != first_policy().digest()
    assert replace(standings(Office().log.stream("master/policy"))[0], signed_seq=1).policy
