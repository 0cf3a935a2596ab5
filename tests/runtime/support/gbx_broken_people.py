"""Broken controls of people and of their rights."""

from gbx_cases import breaks


@breaks("wrong-password-locks", "the right password of a locked account was not refused")
def nothing_locks(patch, **_):
    from goldenbatch.runtime import people

    patch.setattr(people, "is_locked", lambda events: False)


@breaks("closed-account-denied", "a closed account was not refused")
def accounts_stay_open(patch, **_):
    from goldenbatch.runtime import people

    patch.setattr(people, "_require_active", lambda user: None)


@breaks("administrator-signs-nothing", "performed by an administrator was not refused")
def administrators_pass_for_performers(patch, **_):
    from goldenbatch.runtime.authority import Authority

    real = Authority.decide

    def decide(self, user, action, stream, **more):
        if action.startswith("sign:"):
            (row,) = self._ledger.select("user", {"login": "performer"})
            return real(self, self.user(str(row["uid"])), "sign:performed", stream, **more)
        return real(self, user, action, stream, **more)

    patch.setattr(Authority, "decide", decide)


@breaks("performer-never-verifies", "verified by the performer was not refused")
def independence_is_not_asked(patch, **_):
    from goldenbatch.core import authority
    from goldenbatch.core.facts import Fact

    patch.setattr(authority, "_membership", lambda condition, *_: Fact(True, "it is not asked"))


@breaks("signature-shows-name-time-meaning", "the print of the trail does not show it")
def prints_leave_names_out(patch, **_):
    from goldenbatch.capabilities.execution import trail

    real = trail._html
    patch.setattr(trail, "_html", lambda *args: real(*args).replace(b"Performer", b""))


@breaks("signature-needs-its-signer", "a signature of performer was not refused")
def any_password_will_do(patch, **_):
    from goldenbatch.runtime.people import People

    patch.setattr(People, "authenticate", lambda self, login, password: self.find(login))


@breaks("signature-bound-to-record", "a moved signature holds")
def signatures_fit_any_record(patch, **_):
    from goldenbatch.core import signatures

    patch.setattr(signatures, "_faults", lambda *_: ())


@breaks("unsigned-since-change", "it shows as")
def changes_do_not_unsign(patch, **_):
    from goldenbatch.core import signatures

    patch.setattr(signatures, "bisect_right", lambda changes, version: len(changes))


def _holds(patch, kind):
    from goldenbatch.core.facts import Fact

    patch.setattr(kind, "fact", lambda self, *_: Fact(True, "it is not asked"))


@breaks("untrained-cannot-sign", "a signature without training was not refused")
def training_is_not_asked(patch, **_):
    from goldenbatch.core.training import Trained

    _holds(patch, Trained)


@breaks("identity-before-signature", "a signature before identification was not refused")
def identity_is_not_asked(patch, **_):
    from goldenbatch.core.access import Accountable, IdentityKnown

    _holds(patch, IdentityKnown)
    _holds(patch, Accountable)


@breaks("role-by-two-people", "confirmation by the proposer was not refused")
def one_person_gives_roles(patch, **_):
    from goldenbatch.core.people import RoleGranted
    from goldenbatch.runtime.rights import Rights

    def confirm(self, by, login, role, reason):
        uid = self._people.find(login).uid
        return self._append(f"user/{uid}", RoleGranted(uid=uid, role=role, reason=reason), by)

    patch.setattr(Rights, "confirm_role", confirm)


@breaks("nobody-knows-anothers-password", "a password chosen for another was not refused")
def others_choose_passwords(patch, **_):
    from goldenbatch.runtime.people import People

    real = People.add

    def add(self, *args, **more):
        self._is_strict = False
        return real(self, *args, **more)

    patch.setattr(People, "add", add)


@breaks("roles-are-kept-apart", "mixed roles was not refused")
def roles_mix(patch, **_):
    from goldenbatch.core.policy import Policy

    patch.setattr(Policy, "check_roles", lambda self, roles: None)


@breaks(
    ("lost-credential-replaced-by-two", "security-key-replaced-by-two"),
    {
        "lost-credential-replaced-by-two": "a replacement by one person was not refused",
        "security-key-replaced-by-two": "a replacement by one person was not refused",
    },
)
def one_person_replaces(patch, **_):
    from goldenbatch.runtime._ceremony_proofs import Proofs

    real = Proofs.wallet

    def wallet(self, uid):
        found = real(self, uid)
        found.requests = {name: (one[0], "") for name, one in found.requests.items()}
        return found

    patch.setattr(Proofs, "wallet", wallet)


@breaks("access-review-is-complete", r"\d+ of \d+ accounts are listed")
def reviews_leave_accounts_out(patch, **_):
    from goldenbatch.runtime._rights_reports import RightsReports

    real = RightsReports.access_lines
    patch.setattr(RightsReports, "access_lines", lambda self: list(real(self))[1:])


@breaks("policy-keeps-independence", "asks for independence none only")
def the_policy_asks_for_nothing(patch, **_):
    from goldenbatch.core.policy import Policy

    real = Policy.rules_for

    def rules(self, action):
        return tuple(one.model_copy(update={"independence": "none"}) for one in real(self, action))

    patch.setattr(Policy, "rules_for", rules)


@breaks("inspector-reads-in-a-window", "without a window copies can be taken")
def windows_stay_open(patch, **_):
    from goldenbatch.core.access import InWindow

    _holds(patch, InWindow)


@breaks("policy-comes-into-force-signed", "a policy that nobody signed counts")
def the_newest_policy_counts(patch, **_):
    from goldenbatch.core.policy import POLICY_STREAM, load_policy
    from goldenbatch.runtime.authority import Authority

    def policy(self):
        texts = [e.body["text"] for e in self._ledger.stream(POLICY_STREAM) if "text" in e.body]
        return load_policy(texts[-1])

    patch.setattr(Authority, "policy", policy)


@breaks("delegation-ends-and-never-widens", "it counts once proposed")
def one_person_delegates(patch, **_):
    from goldenbatch.runtime import authority

    real = authority.stand_ins

    def lent(rows, *args):
        return real([{**row, "approved_by": row["proposed_by"]} for row in rows], *args)

    patch.setattr(authority, "stand_ins", lent)


@breaks("certification-has-its-own-role", "certification by the verifier was not refused")
def everybody_certifies(patch, **_):
    from goldenbatch.runtime.authority import Authority

    real = Authority.decide

    def decide(self, user, action, stream, **more):
        action = action.replace("sign:certified", "sign:verified")
        return real(self, user, action, stream, **more)

    patch.setattr(Authority, "decide", decide)


STRANGERS_ARE_LET_IN = """
from goldenbatch.apps.node.state import NodeState, Principal
NodeState.principal = lambda self, token: Principal(
    self.desk.site.actor, is_local=False, site=self.desk.site)
from goldenbatch.apps.cli import main
main()
"""


@breaks("strangers-are-refused-everywhere", "strangers are let in: ")
def the_node_knows_everybody(patch, **_):
    import sys

    from goldenbatch.runtime import _oq_service

    patch.setattr(
        _oq_service,
        "command",
        lambda home: [sys.executable, "-c", STRANGERS_ARE_LET_IN, *_oq_service.options(home)],
    )
