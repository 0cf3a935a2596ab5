"""Check of the qualification: how a configuration comes into force here."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

from goldenbatch.core.errors import DeniedError, IntegrityError
from goldenbatch.core.records import HomeKind
from goldenbatch.runtime._oq_bench import PLANT, Bench, expect, refused
from goldenbatch.runtime._promotion_content import POLICY_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from goldenbatch.runtime._promotion_package import Package
    from goldenbatch.runtime.local import LocalSite

NEXT_PLANT = PLANT.replace('version = "1"', 'version = "2"').replace('"95.0"', '"96.0"')


def promotion_needs_order_and_approval(bench: Bench) -> str:
    """A configuration comes into force as one sound package, in order, approved there and here.

    Its policy must be in force here before, and another key than that of the package before is
    part of what is approved.
    """
    from goldenbatch.runtime import promotion

    made_in = bench.made("source", bench.policy_text, ("approver", "admin"), HomeKind.DEVELOPMENT)
    file = bench.folder / "configuration.gbpack"
    with bench.site(made_in) as site:
        site.adopt_plant(NEXT_PLANT)
        made = promotion.pack(site, file)
        unsigned = promotion.load(file, made["public_key"])
        bench.sign(site, made["stream"], "approved", "approver")
        promotion.pack(site, file)
        package = promotion.load(file, made["public_key"])
        refused(
            "a package for a home of the same kind",
            lambda: promotion.apply(site, package, "approver", bench.entry),
            DeniedError,
        )
    _alter(file, file.with_name("altered.gbpack"))
    words = refused(
        "a package that was altered",
        lambda: promotion.load(file.with_name("altered.gbpack"), made["public_key"]),
        IntegrityError,
    )
    with bench.site() as site:
        refused(
            "a package that nobody approved where it was made",
            lambda: promotion.apply(site, unsigned, "approver", bench.entry),
            DeniedError,
        )
        refused(
            "a package that nobody approved here",
            lambda: promotion.apply(site, package),
            DeniedError,
        )
        _needs_two(bench, site, package)
        expect(site.plant.version == "1", "something was put into force before the approval.")
        event, changes = promotion.apply(site, package, "approver", bench.entry)
        expect(site.plant.version == "2", "the approved configuration is not in force.")
        left = promotion.compare(site, package)
        refused(
            "a package under another key than the one before",
            lambda: promotion.apply(site, replace(package, key="other"), "approver", bench.entry),
            DeniedError,
        )
        expect(not left, f"{left[0].path if left else ''} is not as in the package.")
    shown = ", ".join(f"{one.sign} {one.path}" for one in changes)
    return f"event {event.seq}: {shown}. Altered: {words.rpartition('/')[2]}"


def _needs_two(bench: Bench, site: LocalSite, package: Package) -> None:
    """A changed policy takes two people of this home; the approval of a package is one's."""
    from goldenbatch.runtime import promotion

    text = package.files[POLICY_FILE].decode("utf-8")
    other = re.sub(r"(?m)^version\s*=.*$", 'version = "oq-other"', text, count=1)
    changed = replace(package, files={**package.files, POLICY_FILE: other.encode()})
    refused(
        "a package whose policy two people of this home did not bring into force",
        lambda: promotion.apply(site, changed, "approver", bench.entry),
        DeniedError,
    )
    now = site.policies.standing().text
    expect(now == text, "a promotion brought a policy into force.")


def _alter(file: Path, other: Path) -> None:
    """The same package, with another limit in its plant."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content.replace(b'"96.0"', b'"90.0"') if name == "plant.toml"
                         else content)  # fmt: skip
