"""A result that is kept: by a person, with every file, proved in the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from goldenbatch.capabilities.twin._documents import write_document
from goldenbatch.capabilities.twin.keeping import kept_command, result_in
from goldenbatch.core.errors import BadInputError, DeniedError, NotFoundError
from goldenbatch.core.twin_records import twin_stream

PASSWORD = "a long password"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "result"
    made.mkdir()
    document = {
        "study": "CHO fed-batch",
        "status": "stopped",
        "is_extrapolated": True,
        "provenance": {"model": "cho.monod", "version": "1", "model_digest": "ab", "posterior": ""},
    }
    (made / "run.png").write_bytes(b"\x89PNG")
    write_document(document, made / "run.json", ["run.png"])
    return made


def test_a_person_keeps_a_result_with_its_files(bench, folder: Path) -> None:
    site = bench.site
    for login, role in (("ana", "process_engineer"), ("root", "administrator")):
        site.people.add(login, login.title(), PASSWORD)
        site.people.grant(login, role, "test")
    bench.batch("B1", {"impurity": "0.1"})
    values = {**result_in(folder), "reason": "design review", "batch": "B1"}
    event = site.acts.act("twin.keep", values, "ana", PASSWORD)[0]
    assert event.stream == twin_stream("CHO fed-batch")
    assert event.body["model"] == "cho.monod"
    assert event.body["is_extrapolated"] is True
    for name, digest in event.body["files"].items():
        assert site.registry.get(digest) == (folder / name).read_bytes()
    row = kept_command(site)[0]
    assert (row["study"], row["status"], row["n_files"]) == ("CHO fed-batch", "stopped", 2)
    assert not site.verify().problems
    with pytest.raises(DeniedError):
        site.acts.act("twin.keep", values, "root", PASSWORD)
    with pytest.raises(NotFoundError, match="B9"):
        site.acts.act("twin.keep", {**values, "batch": "B9"}, "ana", PASSWORD)
    with pytest.raises(BadInputError, match="base64"):
        site.acts.act("twin.keep", {**values, "files": {"a": "%"}}, "ana", PASSWORD)
    with pytest.raises(BadInputError, match="reason"):
        site.acts.act("twin.keep", {**values, "reason": ""}, "ana", PASSWORD)
    with pytest.raises(BadInputError, match="study"):
        site.acts.act("twin.keep", {**values, "study": "a/b"}, "ana", PASSWORD)
    assert len(kept_command(site)) == 1


def test_a_folder_that_is_no_result_says_what_it_lacks(folder: Path) -> None:
    (folder / "line.json").write_text("{}", encoding="utf-8")
    with pytest.raises(NotFoundError, match="2 results"):
        result_in(folder)
    (folder / "run.json").unlink()
    (folder / "line.json").write_text("{", encoding="utf-8")
    with pytest.raises(BadInputError, match=r"line\.json"):
        result_in(folder)


def test_only_what_the_command_wrote_is_kept_and_no_link_is_followed(
    folder: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("key", encoding="utf-8")
    (folder / "id.json").symlink_to(secret)
    (folder / "states-2.csv").write_text("left by an earlier run", encoding="utf-8")
    assert set(result_in(folder)["files"]) == {"run.json", "run.png"}
    (folder / "run.png").write_bytes(b"another")
    with pytest.raises(BadInputError, match="not the file that belongs"):
        result_in(folder)
    (folder / "run.png").unlink()
    (folder / "run.png").symlink_to(secret)
    with pytest.raises(BadInputError, match=r"'run\.png'"):
        result_in(folder)
    (folder / "run.json").write_text('{"files": {"../secret": "0"}}', encoding="utf-8")
    with pytest.raises(BadInputError, match="secret"):
        result_in(folder)
    (folder / "run.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(BadInputError, match="no document"):
        result_in(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_digest": "cd"}, "model_digest is 'cd'"),
        ({"is_extrapolated": False}, "is_extrapolated"),
        ({"work": "fit"}, r"no document 'fit\.json'"),
    ],
)
def test_a_record_that_says_another_thing_than_its_document_is_refused(
    bench, folder: Path, change: dict, words: str
) -> None:
    bench.site.people.add("ana", "Ana", PASSWORD)
    bench.site.people.grant("ana", "process_engineer", "test")
    values = {**result_in(folder), "reason": "review", **change}
    with pytest.raises(BadInputError, match=words):
        bench.site.acts.act("twin.keep", values, "ana", PASSWORD)
    named = {**values, "files": {"../run.json": values["files"]["run.json"]}}
    with pytest.raises(BadInputError, match="no name of a file"):
        bench.site.acts.act("twin.keep", named, "ana", PASSWORD)


def test_a_document_has_null_for_what_is_no_number(tmp_path: Path) -> None:
    write_document({"a": [float("nan"), float("inf"), 1.0]}, tmp_path / "x.json")
    assert '"a": [\n    null,\n    null,\n    1.0\n  ]' in (tmp_path / "x.json").read_text("utf-8")
