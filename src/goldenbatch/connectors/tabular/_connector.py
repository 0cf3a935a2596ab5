"""The manifest of the connector to a watched folder."""

from goldenbatch.core.acquisition import ConnectorManifest
from goldenbatch.core.capability import Offer

CONNECTOR = ConnectorManifest(
    name="folder",
    title="Watched folder: files by a source card",
    tier="silver",
    factory=Offer(
        "folder",
        "goldenbatch.connectors.tabular.watching:make_watcher",
        "Imports the files that come into a folder.",
    ),
)
