"""Promotion carries all that decides how a home works, and a kill leaves the old or the new."""

import hashlib
import json
import os
import signal

import pytest
from gbx_bench import FOUND
from gbx_chain import PASSWORD, changed

from goldenbatch.core.errors import BadInputError, DeniedError, IntegrityError
from goldenbatch.core.models import ModelFitted, TrainingData
from goldenbatch.core.recipe_use import adopted as recipe_adopted
from goldenbatch.core.records import NewEvent
from goldenbatch.runtime import _promotion_force, promotion
from goldenbatch.runtime.local import LocalSite

MODEL = b'{"frozen": 1}'
SOP = b"weigh twice"


def recipe_text(name):
    """A sound recipe, from those that the package's own tests hold."""
    from tests.core.test_recipe import MASTER

    return MASTER.replace('recipe = "', f'recipe = "{name}-', 1)


def filled(chain):
    """Development has a recipe, a model of its analyst, and a procedure that was approved."""
    with chain.open("development") as site:
        digest = site.registry.put(MODEL, "application/json")
        body = ModelFitted(
            name="hot", method="test", code_version="1", digest=digest,
            media_type="application/json", settings={},
            training=(TrainingData(what="x", digest="0" * 64, n=1),), measures={"r2": 0.5},
        )  # fmt: skip
        site.ledger.append([NewEvent("model/hot", body, 0, actor="operator")])
        other = body.model_copy(update={"name": "cold"})
        site.ledger.append([NewEvent("model/cold", other, 0, actor="operator")])
        _adopt(site, "r1")
        site.people.add("eng", "E. N. G.", PASSWORD)
        site.people.grant("eng", "process_engineer", "test")
        entries = {"procedure": "SOP-1", "version": "1", "title": "Weighing", "reason": "new",
                   "effective_from": site.clock()}  # fmt: skip
        site.rights.issue_procedure(site.people.find("eng"), SOP, "text/plain", **entries)
        site.sign("procedure/SOP-1", "approved", "qa", PASSWORD)
    return chain


def _adopt(site, name):
    body = recipe_adopted(recipe_text(name), site.clock())
    stream = "master/recipe/" + name
    site.ledger.append([NewEvent(stream, body, site.ledger.version(stream), actor="operator")])


def test_models_procedures_and_recipes_go_along(chain):
    path, found = filled(chain).pack("development")
    event, changes = chain.apply("validation", path, found["public_key"])
    signs = {one.path: one.sign for one in changes}
    assert signs["models/hot.json"] == signs["procedures/SOP-1.json"] == "+"
    assert signs["recipes/r1.toml"] == "+"
    assert "models/cold.json" not in signs  # of no analyst at work
    assert not any(path.startswith("artefacts/") for path in signs)
    with chain.open("validation") as site:
        digest = hashlib.sha256(MODEL).hexdigest()
        assert site.registry.get(digest) == MODEL
        assert [row["digest"] for row in site.ledger.select("model")] == [digest]
        assert site.registry.get(hashlib.sha256(SOP).hexdigest()) == SOP
        package = promotion.load(path, found["public_key"])
        (waits,) = promotion.compare(site, package)
        assert (waits.sign, waits.path) == ("!", "procedures/SOP-1.json")
        assert not promotion.status(site)["is_as_promoted"]
        again, _ = promotion.apply(site, package)
        assert again.seq == event.seq
        site.sign("procedure/SOP-1", "approved", "qa", PASSWORD)
        assert promotion.compare(site, package) == ()
        assert promotion.status(site)["is_as_promoted"]
        assert site.verify().is_ok


def test_what_is_not_in_the_package_is_retired(chain):
    path, found = filled(chain).pack("development")
    chain.apply("validation", path, found["public_key"])
    with chain.open("validation") as site:
        site.sign("procedure/SOP-1", "approved", "qa", PASSWORD)
    with chain.open("development") as site:
        site.retire("hot", "not needed")
        site.rights.withdraw_procedure(site.people.find("qa"), "SOP-1", "1", "not needed")
        from goldenbatch.core.promotion import RecipeRetired

        body = RecipeRetired(recipe="r1", reason="not needed")
        site.ledger.append([NewEvent("master/recipe/r1", body, 1, actor="operator")])
        (site.path / "cards" / "lab.toml").unlink()
    path, found = chain.pack("development")
    _, changes = chain.apply("validation", path, found["public_key"])
    gone = {one.path for one in changes if one.sign == "-"}
    assert gone == {
        "analysts/hot.json", "cards/lab.toml", "models/hot.json", "procedures/SOP-1.json",
        "recipes/r1.toml",
    }  # fmt: skip
    with chain.open("validation") as site:
        assert site.adopted() == {}
        assert not (site.path / "cards" / "lab.toml").exists()
        assert promotion.compare(site, promotion.load(path, found["public_key"])) == ()
        assert promotion.status(site)["is_as_promoted"]
        (site.path / "cards" / "own.toml").write_text('name = "own"\n', encoding="utf-8")
        assert not promotion.status(site)["is_as_promoted"]


def test_an_artefact_that_is_not_its_name_is_refused(chain):
    path, found = filled(chain).pack("development")
    name = f"artefacts/{hashlib.sha256(MODEL).hexdigest()}"
    package = promotion.load(path, found["public_key"])
    with chain.open("validation") as site:
        for files, words in (
            ({**package.files, name: b"other"}, "its content has the digest"),
            ({k: v for k, v in package.files.items() if k != name}, "lacks the artefact"),
            ({**package.files, "models/hot.json": b"[]"}, "no JSON object"),
            ({**package.files, "models/hot.json": b'{"name": "hot"}'}, "models/hot.json"),
            ({**package.files, "procedures/SOP-1.json": b"{}"}, "a procedure has"),
        ):
            odd = type(package)(**{**package.__dict__, "files": files})
            with pytest.raises(BadInputError, match=words):
                promotion.apply(site, odd, "qa", PASSWORD)
        assert site.plant.name == "Test plant"
    changed(path, name, lambda data: b"other")
    with pytest.raises(IntegrityError, match="is not what was packed"):
        promotion.load(path, found["public_key"])


def test_a_version_of_a_procedure_has_one_content(chain):
    path, found = filled(chain).pack("development")
    with chain.open("validation") as site:
        entries = {"procedure": "SOP-1", "version": "1", "title": "Other", "reason": "new",
                   "effective_from": site.clock()}  # fmt: skip
        site.rights.issue_procedure(site.people.find("qa"), b"other", "text/plain", **entries)
    with pytest.raises(BadInputError, match="version 1 of SOP-1 was issued here with another"):
        chain.apply("validation", path, found["public_key"])


def test_a_package_for_another_home_is_refused(chain):
    path = chain.folder / "p.gbpack"
    with chain.open("production") as site:
        production = site.home.uid
    with chain.open("validation") as site:
        validation = site.home.uid
    for target, fits in ((production, False), (validation, True)):
        with chain.open("development") as site:
            found = promotion.pack(site, path, target)
            if not promotion.load(path, found["public_key"]).approvals:
                site.sign(found["stream"], "approved", "qa", PASSWORD)
                promotion.pack(site, path, target)
        if fits:
            chain.apply("validation", path, found["public_key"])
        else:
            with pytest.raises(DeniedError, match=f"made for the home {production}"):
                chain.apply("validation", path, found["public_key"])
    changed(path, "manifest.json", lambda data: data.replace(validation.encode(), b"anybody"))
    with pytest.raises(IntegrityError, match="another manifest"):
        promotion.load(path, found["public_key"])


def killed_at(chain, path, key, step):
    """Apply a package in a process that is killed at a step; False: it came to its end."""
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        return os.WIFSIGNALED(status)
    left = [step]

    def count(real):
        def do(*args, **more):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **more)

        return do

    try:
        with LocalSite.open(chain.folder / "validation", clock=chain.clock, discovery=FOUND) as at:
            package = promotion.load(path, key)
            _promotion_force.write_durably = count(_promotion_force.write_durably)
            _promotion_force.shutil.rmtree = count(_promotion_force.shutil.rmtree)
            at.ledger.append = count(at.ledger.append)
            promotion.apply(at, package, "qa", PASSWORD)
            os._exit(0)
    finally:
        os._exit(1)


def test_a_kill_leaves_the_old_or_the_new(chain, caplog):
    """At every step of an apply: never a mixture, and it is said which of the two."""
    path, found = filled(chain).pack("development")
    key = found["public_key"]
    with chain.open("validation") as site:
        package = promotion.load(path, key)
        old = promotion.configuration(site)
    new = {k: v for k, v in package.files.items() if k.startswith(("plant", "cards", "analysts"))}
    seen, step = [], 0
    while True:
        is_killed = killed_at(chain, path, key, step)
        caplog.clear()
        with chain.open("validation") as site:
            now = promotion.configuration(site)
            is_new = {k: now.get(k) for k in new} == new
            assert is_new or now == old, f"step {step} left a mixture"
            assert not (site.layout.state / "promotion").exists()
            assert site.verify().is_ok
            seen.append((is_killed, is_new, caplog.text))
        if not is_killed:
            break
        if is_new:
            break  # later steps are reached by the loop below, from the same start
        step += 1
    assert seen[0][1] is False
    assert any("old configuration is in force" in text for _, is_new, text in seen if not is_new)
    assert seen[-1][1] is True


@pytest.mark.parametrize("late", [0, 1, 2])
def test_a_kill_after_the_record_leaves_the_new(chain, caplog, late):
    path, found = filled(chain).pack("development")
    key = found["public_key"]
    pid = os.fork()
    if not pid:
        left = [late]
        real = _promotion_force.write_durably
        real_install = _promotion_force._install

        def durable(*args):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args)

        def install(*args):
            _promotion_force.write_durably = durable
            return real_install(*args)

        try:
            _promotion_force._install = install
            chain.apply("validation", path, key)
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) is (late < 2)
    with chain.open("validation") as site:
        assert ("the new configuration is in force" in caplog.text) is (late < 2)
        waits = promotion.compare(site, promotion.load(path, key))
        assert {one.sign for one in waits} == {"!"}
        assert json.loads(promotion.configuration(site)["analysts/hot.json"])
        assert site.verify().is_ok
