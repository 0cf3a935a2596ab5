"""The registry's upkeep from the command line."""

from __future__ import annotations

from goldenbatch.runtime.local import LocalSite
from tests.s3_kit import bucket, s3_server

__all__ = ["bucket", "s3_server"]


def test_artefacts_are_checked_and_moved(home, cli, bucket):
    with LocalSite.open(home) as site:
        site.registry.put(b"abc", "text/plain")
    done = cli("registry", "check", "--home", home, "--json")
    assert done.json["is_ok"] and done.json["place"] == "folder"
    n = done.json["n_artefacts"]
    assert n > 0
    done = cli("registry", "move", "s3://models/site1", "--home", home, "--json")
    assert (done.json["from_place"], done.json["to_place"]) == ("folder", "s3://models/site1")
    assert cli("verify", "--home", home, "--json").code == 0
    done = cli("registry", "check", "--home", home, "--json")
    assert done.json == {"place": "s3://models/site1", "n_artefacts": n, "is_ok": True,
                         "damaged": []}  # fmt: skip
    found = bucket.list_objects_v2(Bucket="models")["Contents"]
    key = next(one["Key"] for one in found if not one["Key"].endswith(".json"))
    bucket.put_object(Bucket="models", Key=key, Body=b"swapped")
    done = cli("registry", "check", "--home", home, "--json")
    assert done.code == 7 and len(done.json["damaged"]) == 1
    assert done.json["damaged"][0] in cli("registry", "check", "--home", home).out
    assert cli("registry", "move", "ftp//x", "--home", home).code == 3
