"""Three homes in a chain, for promotion from development to validation to production."""

import zipfile

from gbx_bench import FOUND, PLANT, START, TEMP, Clock

from goldenbatch.core.policy import first_policy_text
from goldenbatch.core.records import HomeKind, NewEvent
from goldenbatch.core.requirements import PackUsed, ValidationRun
from goldenbatch.runtime import promotion
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite

PASSWORD = "a long password"
RELAXED = first_policy_text().replace('title = "First policy"', 'title = "For tests"').replace(
    '"identity_verified", "accountability_signed", ', ""
)  # fmt: skip


class Chain:
    """Three homes, each with a person who approves."""

    def __init__(self, folder):
        self.folder, self.clock, self.files = folder, Clock(START), {}
        for kind in ("development", "validation", "production"):
            self.made(kind)

    def made(self, kind, *, is_signed=True):
        """A home in which `qa` reviews; one of production has its policy signed."""
        settings = HomeSettings(kind, "site", PLANT, kind=HomeKind(kind), policy=RELAXED)
        create_home(self.folder / kind, settings, clock=self.clock)
        with self.open(kind) as site:
            site.people.add("qa", "Q. A.")
            token = site.credentials.offer("qa", "password", "new")
            begun = site.credentials.begin("qa", token)
            site.credentials.finish("qa", token, begun["enrolment"], {"password": PASSWORD})
            site.people.grant("qa", "quality_reviewer", "test")
            if kind == "production" and is_signed:
                site.signing.sign_asked(site.policies.asked_adoption(), "qa", PASSWORD)

    def open(self, kind):
        return LocalSite.open(self.folder / kind, clock=self.clock, discovery=FOUND)

    def change(self, kind="development", version="2"):
        """A new version of the plant, an analyst and a card."""
        with self.open(kind) as site:
            text = PLANT.replace('version = "1"', f'version = "{version}"').replace("Test", "New")
            site.adopt_plant(text)
            site.adopt("hot", "test.threshold", {"tag": TEMP, "limit": 30.0})
            (site.path / "cards" / "lab.toml").write_text('name = "lab"\n', encoding="utf-8")

    def policy(self, kind, text):
        """A changed policy, proposed by `eng` and adopted by `qa`, who may sign under it then."""
        with self.open(kind) as site:
            for login, role in (("eng", "process_engineer"), ("root", "administrator")):
                site.people.add(login, login.title())
                site.people.grant(login, role, "test")
            event = site.policies.propose(site.people.find("eng"), text, "change 7")
            asked = site.policies.asked_adoption(event.body["digest"])
            site.signing.sign_asked(asked, "qa", PASSWORD)
            site.rights.verify_identity(site.people.find("root"), "qa", "passport")
            site.rights.accept_accountability(site.people.find("qa"))

    def pack(self, kind, *, is_signed=True):
        path = self.folder / f"{kind}.gbpack"
        with self.open(kind) as site:
            found = promotion.pack(site, path)
            if is_signed:
                site.sign(found["stream"], "approved", "qa", PASSWORD)
                found = promotion.pack(site, path)
        return path, found

    def validated(self):
        """A validation run that passed, approved; that it is one is tested elsewhere."""
        with self.open("validation") as site:
            used = PackUsed(name="own", version="1", status="draft", digest="0" * 64)
            body = ValidationRun(
                run="r1", software="goldenbatch 1", installation_digest="0" * 64, packs=(used,),
                n_passed=1, n_failed=0, n_not_run=0, results_digest="0" * 64, reports={},
                conclusion="passed", started_at=1, ended_at=2,
            )  # fmt: skip
            site.ledger.append([NewEvent("validation/r1", body, 0, actor="operator")])
            site.sign("validation/r1", "approved", "qa", PASSWORD)

    def apply(self, kind, path, key, login="qa", **more):
        with self.open(kind) as site:
            return promotion.apply(site, promotion.load(path, key), login, PASSWORD, **more)


def changed(path, name, change):
    """Write the package again with one of its files changed; None takes it out."""
    with zipfile.ZipFile(path) as archive:
        content = {one: archive.read(one) for one in archive.namelist()}
    new = change(content.pop(name))
    if new is not None:
        content[name] = new
    with zipfile.ZipFile(path, "w") as archive:
        for one, data in content.items():
            archive.writestr(one, data)
