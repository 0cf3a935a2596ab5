"""Models under control as people reach them: listed and told here or through a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import quote

if TYPE_CHECKING:
    from goldenbatch.apps.desk import Desk
    from goldenbatch.core.acts import ActsPort
    from goldenbatch.core.site import Site
    from goldenbatch.runtime.local import LocalSite
    from goldenbatch.runtime.remote import NodeClient

Answer = dict[str, Any]


class ModelDesk(Protocol):
    """What people ask about models; what they do with them are acts."""

    def models(self) -> Answer:
        """All versions of all models, each with its stage: `models`."""

    def history(self, use: str, version: int) -> Answer:
        """What happened to a model, in order: `lines`; version 0: all versions."""

    def replay(self, use: str, newest: int) -> Answer:
        """Logged predictions made again and compared: `is_ok`, `problems`; newest 0: all."""


class LocalModels:
    """Models at a home that this process holds.

    Args:
        site: The home.
        seen: What the one who asks may read of it; the whole by default.
    """

    def __init__(self, site: LocalSite, seen: Site | None = None) -> None:
        self._site = site
        self._seen: Site = seen if seen is not None else site

    def models(self) -> Answer:
        """All versions of all models, each with its stage."""
        from goldenbatch.capabilities.governance import overview

        rows = overview(self._seen)
        return {"n_models": len({row["use"] for row in rows}), "models": rows}

    def history(self, use: str, version: int) -> Answer:
        """What happened to a model, in order, each event proved under the home's checkpoint."""
        from goldenbatch.capabilities.governance import history_of

        told = history_of(self._seen, use, version, self._site.signing_rules.fault)
        problems = self._problems([line.seq for line in told.lines])
        return {**told.as_json(), "problems": problems, "is_verified": not problems}

    def replay(self, use: str, newest: int) -> Answer:
        """Logged predictions made again from their logged inputs and compared."""
        from goldenbatch.runtime.prediction_replay import replay_log

        return replay_log(self._site, use, newest).as_json()

    def _problems(self, seqs: list[int]) -> list[str]:
        """What of the events does not hold under the checkpoint, checked as an outsider would."""
        from goldenbatch.stores.ledger.bundle import check_bundle

        if not seqs:
            return []
        bundle = self._site.ledger.proof_bundle(seqs)
        return list(check_bundle(bundle, str(self._site.keys.signers[0].verifier)).problems)


class RemoteModels:
    """Models through a node."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client

    def models(self) -> Answer:
        """All versions of all models, each with its stage."""
        return cast("Answer", self._client.get("/models"))

    def history(self, use: str, version: int) -> Answer:
        """What happened to a model, in order."""
        path = f"/models/{quote(use, safe='')}/history"
        return cast("Answer", self._client.get(path, version=version))

    def replay(self, use: str, newest: int) -> Answer:
        """Logged predictions made again from their logged inputs and compared."""
        path = f"/models/{quote(use, safe='')}/replay"
        return cast("Answer", self._client.get(path, newest=newest))


def models_of(desk: Desk) -> ModelDesk:
    """The models of a desk: those of the home, or through its node."""
    client = getattr(desk.site, "client", None)
    if client is not None:
        return RemoteModels(client)
    return LocalModels(cast("LocalSite", desk.site))


def acts_of(desk: Desk) -> ActsPort:
    """The acts of a desk: at the home, or through its node."""
    site: Any = desk.site
    return cast("ActsPort", site.acts)
