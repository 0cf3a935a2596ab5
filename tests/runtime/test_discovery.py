"""Capabilities are found in real distributions on sys.path; a broken one is named."""

import subprocess
import sys
from importlib.metadata import EntryPoint, distributions

import pytest

from goldenbatch.core.capability import ENTRY_POINT_GROUP
from goldenbatch.core.errors import NotFoundError
from goldenbatch.runtime import discovery

MANIFEST = """
from goldenbatch.core.capability import Capability, Offer
CAPABILITY = Capability(
    name="{name}", title="T", tier="bronze",
    analysts=(Offer("steady", "{package}.analysts:make", "Steady."),),
    trials=(Offer("mean", "{package}.analysts:Mean", "Mean."),),
    projections=(Offer("gone", "{package}.nowhere:P", "Gone."),),
)
"""


def install(folder, package, name, manifest=MANIFEST):
    """A distribution with an entry point, as a package manager would lay it out."""
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text("")
    (folder / package / "_capability.py").write_text(manifest.format(name=name, package=package))
    (folder / package / "analysts.py").write_text(
        "def make(name, settings):\n    return (name, settings)\nclass Mean:\n    name = 'm'\n"
    )
    info = folder / f"{package}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(
        f"[{ENTRY_POINT_GROUP}]\n{name} = {package}._capability:CAPABILITY\n"
    )


def points(folder):
    found = distributions(path=[str(folder)])
    return [one for dist in found for one in dist.entry_points if one.group == ENTRY_POINT_GROUP]


@pytest.fixture
def outside(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [one for one in sys.modules if one.startswith("gbx_")]:
        del sys.modules[name]


def test_external_capability_is_found_without_importing_its_code(outside):
    install(outside, "gbx_good", "good")
    found = discovery.discover(points(outside))
    assert list(found.capabilities) == ["good"]
    assert found.broken == ()
    assert "gbx_good.analysts" not in sys.modules
    assert discovery.analyst_factory("good.steady", found)("n", {"a": 1}) == ("n", {"a": 1})
    assert discovery.trial("good.mean", found).name == "m"


def test_broken_package_is_named_and_does_not_stop_the_rest(outside):
    install(outside, "gbx_good", "good")
    install(outside, "gbx_bad", "bad", "raise RuntimeError('no licence')")
    install(outside, "gbx_other", "other", MANIFEST.replace("{name}", "someone_else"))
    found = discovery.discover(points(outside))
    assert list(found.capabilities) == ["good"]
    broken = {one.name: one for one in found.broken}
    assert broken["bad"].package == "gbx_bad 1.2"
    assert "no licence" in broken["bad"].error
    assert "someone_else" in broken["other"].error
    with pytest.raises(NotFoundError, match=r"gbx_bad 1\.2.*no licence"):
        found.offer("analysts", "bad.steady")


def test_two_packages_of_one_name_and_offers_that_point_nowhere(outside):
    install(outside, "gbx_good", "good")
    install(outside, "gbx_twin", "good")
    found = discovery.discover(points(outside))
    assert [one.name for one in found.broken] == ["good"]
    loaded, broken = discovery.projections(found)
    assert loaded == []
    assert broken[0].name == "good.gone"
    assert "nowhere" in broken[0].error


def test_not_a_manifest_and_unknown_names(outside):
    point = EntryPoint("odd", "json:dumps", ENTRY_POINT_GROUP)
    found = discovery.discover([point])
    assert "not a Capability" in found.broken[0].error
    with pytest.raises(NotFoundError, match="no capability is named 'no'"):
        discovery.analyst_factory("no.such", found)


def test_discovery_is_light():
    code = (
        "import sys; from goldenbatch.runtime import discovery; discovery.discover();"
        "print([m for m in ('numpy','pyarrow','duckdb','sklearn','fastapi') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
