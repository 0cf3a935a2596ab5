"""What an inspector reads first: the page that says what lies in a copy and how to check it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import goldenbatch
from goldenbatch.core.config import banner
from goldenbatch.core.time import local_text

if TYPE_CHECKING:
    from goldenbatch.runtime.local import LocalSite

SUMS: Final = "SHA256SUMS"
VERIFIER: Final = "goldenbatch_verify.py"
README: Final = "README.txt"
PUBLIC_KEYS: Final = "public_keys.txt"


_GIVEN: Final = ("copy_id", "scope", "upto", "recipient", "reason", "handed_by")
_LEFT_OUT: Final = """
Left out, because the person who made it may not read it: data of class {withheld}.
Its place in the proof is kept, so that nothing can be left out unseen.
"""
_PAGE: Final = """COPY OF RECORDS, {copy_id}
{mark}
What:    {scope}, up to event {upto}.
Home:    {home.name} ({home.uid}), site {home.site}.
For:     {recipient}; {reason}.
Made by: {handed_by}, {written},
         with goldenbatch {release}. The home's own records say that it was made.
{left}
WHAT LIES HERE

export/ or batches/NAME/export/
                   The records as exact bytes, with their proof: one line of events.jsonl is one
                   event, chunks/ holds readings of sensors.
trail/ or batches/NAME/trail/
                   The audit trail for people (PDF, HTML) and for table programs (CSV, JSON
                   Lines): who did what, when, old value, new value, why, and who signed.
batches/NAME/dossier/
                   The batch record for people (PDF/A, HTML).
{verifier}
                   A program of about 300 lines that checks the proof. Read it before you run it:
                   it needs Python 3.11 and the package "cryptography", no network, and nothing
                   of the system that made the records.
{public_keys}    The public key of the home in the first line; below it those of witnesses.
{sums}         SHA-256 of every file here.

HOW TO CHECK IT

1. Ask the site to show you, on its own screen, the digest of this copy (`goldenbatch inspect
   list`), and compare it with that of the list of digests:
       sha256sum {sums}
2. That no file has changed since then:
       sha256sum -c {sums}
3. That the records are those that were made, in their order, whole, and who signed them.
   KEY is the public key of the home. Take it from where the site publishes it, not from here;
   here it is only to be compared:
       {own}
   Then, in this folder:
{commands}
   "All of it is what was recorded under the key that you gave": nothing was altered, left out
   or put in another order. A line that begins with WRONG names what was.

WHAT THE PROOF SAYS, AND WHAT NOT

It says that these are the records that the home signed, as they stood then. A signature that is
"signer-bound" was made by the person's own device or provider over the record, and holds
without trusting the home. One that is "server-attested" holds on the word of the home's server.
Whether what was entered was true, no program can say.
Whoever owns the home's machine and its key could have rewritten all of its history before this
copy was made; only a witness, or a copy or checkpoint that you took earlier, shows that. Give an
earlier checkpoint to the verifier with --checkpoint FILE.
"""


def readme(site: LocalSite, facts: Mapping[str, Any]) -> str:
    """The page, in plain words.

    Args:
        site: The home.
        facts: copy_id, recipient, reason, scope, withheld, handed_by, exports, keys, upto.
    """
    mark = banner(site.home.kind)
    own, *witnesses = facts["keys"]
    more = "".join(f" --witness-key '{one}'" for one in witnesses)
    commands = (f"       python {VERIFIER} {one} --key KEY{more}" for one in facts["exports"])
    withheld = ", ".join(facts["withheld"])
    return _PAGE.format(
        **{name: facts[name] for name in _GIVEN},
        home=site.home,
        mark=f"\n{mark}\n" if mark else "",
        left=_LEFT_OUT.format(withheld=withheld) if withheld else "",
        written=local_text(site.clock(), site.home.zone),
        release=goldenbatch.__version__,
        verifier=VERIFIER,
        public_keys=PUBLIC_KEYS,
        sums=SUMS,
        own=own,
        commands="\n".join(commands),
    )
