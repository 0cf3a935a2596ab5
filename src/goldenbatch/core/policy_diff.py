"""What changes between two policies, as people read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from goldenbatch.core.policy import Policy, Role, Rule

_LOOSER: Final = ("none", "not_subject", "not_judge", "not_worker", "not_worker_nor_verifier")
_CLASSES: Final = ("server-attested", "signer-bound")


@dataclass(frozen=True)
class PolicyChange:
    """One difference.

    Attributes:
        sign: `+` new, `-` gone, `~` changed.
        where: Rule, role or setting.
        field: What of it; empty for the whole.
        old: As it is; empty for nothing.
        new: As it would be.
        is_weaker: Whether it asks for less, or allows more, than before.
    """

    sign: str
    where: str
    field: str
    old: str
    new: str
    is_weaker: bool = False

    def text(self) -> str:
        """The change in one line."""
        mark = " (WEAKER)" if self.is_weaker else ""
        if self.sign != "~":
            return f"{self.sign} {self.where}: {self.new or self.old}{mark}"
        name = f"{self.where}, {self.field}" if self.field else self.where
        return f"~ {name}: {self.old or '(none)'} -> {self.new or '(none)'}{mark}"

    def as_json(self) -> dict[str, Any]:
        """The change as plain values."""
        values = {"sign": self.sign, "where": self.where, "field": self.field}
        return {
            **values, "old": self.old, "new": self.new,
            "is_weaker": self.is_weaker, "text": self.text(),
        }  # fmt: skip


def policy_diff(old: Policy, new: Policy) -> tuple[PolicyChange, ...]:
    """All differences between two policies, those that weaken first."""
    found = [*_settings(old, new), *_roles(old, new), *_rules(old, new)]
    return tuple(sorted(found, key=lambda one: not one.is_weaker))


def _settings(old: Policy, new: Policy) -> Iterator[PolicyChange]:
    was, now = (one.model_dump(mode="json", exclude={"roles", "rules"}) for one in (old, new))
    for name in was:
        if was[name] != now[name]:
            weaker = name == "judgements" and bool(set(now[name]) - set(was[name]))
            weaker |= name == "overdue_review" and now[name] == "finding"
            weaker |= name == "review_days" and (not now[name] or now[name] > was[name] > 0)
            weaker |= name == "relaxed"
            yield PolicyChange("~", name, "", _text(was[name]), _text(now[name]), weaker)


def _roles(old: Policy, new: Policy) -> Iterator[PolicyChange]:
    for name in dict.fromkeys((*old.roles, *new.roles)):
        before, after = old.roles.get(name), new.roles.get(name)
        if before is None or after is None:
            sign, words = ("+", _role(after)) if before is None else ("-", _role(before))
            pair = ("", words) if sign == "+" else (words, "")
            yield PolicyChange(sign, f"role {name}", "", *pair)
            continue
        was, now = before.model_dump(mode="json"), after.model_dump(mode="json")
        for field in was:
            if was[field] != now[field]:
                weaker = field == "gmp" and bool(now[field])
                weaker |= field == "reads" and bool(set(now[field]) - set(was[field]))
                weaker |= field == "time_boxed" and not now[field]
                pair = (_text(was[field]), _text(now[field]))
                yield PolicyChange("~", f"role {name}", field, *pair, weaker)


def _role(role: Role | None) -> str:
    if role is None:
        return ""
    words = "with GMP meaning" if role.gmp else "without GMP meaning"
    return f"{role.title}, {words}, reads {_text([one.value for one in role.reads])}"


def _rules(old: Policy, new: Policy) -> Iterator[PolicyChange]:
    was, now = _numbered(old), _numbered(new)
    for key in dict.fromkeys((*was, *now)):
        before, after = was.get(key), now.get(key)
        name = f"rule {key[0]}" + (f" ({key[1]})" if key[1] > 1 else "")
        if before is None and after is not None:
            yield PolicyChange("+", name, "", "", _rule(after), is_weaker=key[1] > 1)
        elif after is None and before is not None:
            yield PolicyChange("-", name, "", _rule(before), "")
        elif before is not None and after is not None:
            yield from _fields(name, before, after)


def _fields(name: str, before: Rule, after: Rule) -> Iterator[PolicyChange]:
    was, now = before.model_dump(mode="json"), after.model_dump(mode="json")
    for field in was:
        if was[field] != now[field]:
            pair = (_text(was[field]), _text(now[field]))
            yield PolicyChange("~", name, field, *pair, _is_weaker(field, was[field], now[field]))


def _is_weaker(field: str, was: Any, now: Any) -> bool:  # noqa: PLR0911 (one line a field)
    if field in ("roles", "states"):
        return bool(set(now) - set(was)) or (field == "states" and not now)
    if field in ("facts", "procedures"):
        return bool(set(was) - set(now))
    if field == "independence":
        order = {one: number for number, one in enumerate(_LOOSER)}
        return order.get(now, 9) < order.get(was, 9)
    if field == "minimum_class":
        return _CLASSES.index(now) < _CLASSES.index(was)
    if field in ("persons", "components"):
        return bool(now < was)
    if field == "is_delegable":
        return bool(now)
    return field == "gmp" and not now


def _numbered(policy: Policy) -> Mapping[tuple[str, int], Rule]:
    """Rules by action and their number among those of the same action."""
    found: dict[tuple[str, int], Rule] = {}
    for rule in policy.rules:
        number = 1
        while (rule.action, number) in found:
            number += 1
        found[rule.action, number] = rule
    return found


def _rule(rule: Rule) -> str:
    words = [f"roles {_text(rule.roles)}", f"facts {_text(rule.facts)}"]
    words.append(f"independence {rule.independence}")
    return "; ".join(words)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name} {_text(one) or '(none)'}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_text(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
