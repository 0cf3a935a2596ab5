"""The manifests of the two connectors that speak MQTT."""

from goldenbatch.core.acquisition import ConnectorManifest
from goldenbatch.core.capability import Offer

SPARKPLUG = ConnectorManifest(
    name="sparkplug",
    title="MQTT Sparkplug B 3.0, as a host application",
    tier="silver",
    factory=Offer(
        "sparkplug", "goldenbatch.connectors.mqtt:make_sparkplug", "Hosts Sparkplug edge nodes."
    ),
    browse=Offer(
        "browse", "goldenbatch.connectors.mqtt:browse_sparkplug", "Asks all nodes for a birth."
    ),
    extra="mqtt",
)
MQTT = ConnectorManifest(
    name="mqtt",
    title="Plain MQTT with JSON, as of a unified namespace",
    tier="silver",
    factory=Offer("mqtt", "goldenbatch.connectors.mqtt:make_mqtt", "Reads topics of a broker."),
    extra="mqtt",
)
