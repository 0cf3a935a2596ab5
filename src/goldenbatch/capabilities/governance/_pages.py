"""Pages of models: all uses, the card of a version; a tile; the card behind a finding."""

from __future__ import annotations

from goldenbatch.capabilities.governance._pages_card import load_version, show_version
from goldenbatch.capabilities.governance._pages_models import (
    load_models,
    load_tile,
    show_models,
    show_tile,
)
from goldenbatch.capabilities.governance._pages_plans import load_plans, show_plans
from goldenbatch.capabilities.governance._widgets import load_said_by, show_said_by
from goldenbatch.ui.web.pages import Group, Page, Place, Tile, Widget

MODELS = Page(
    "/governance/models", "Models", Group.MODELS, load_models, show_models,
    icon="model_training", order=10,
)  # fmt: skip
VERSION = Page(
    "/governance/models/{use}/{version}", "Model card", Group.MODELS, load_version, show_version,
    in_menu=False, classes=("operational", "confidential"),
)  # fmt: skip
PLANS = Page(
    "/governance/plans", "Change plans", Group.MODELS, load_plans, show_plans,
    icon="change_circle", order=20,
)  # fmt: skip
SERVING = Tile("Models", load_tile, show_tile, places=(Place.SITE,), order=60, refresh_s=60)
SAID_BY = Widget("How do you know: the model", Place.FINDING, load_said_by, show_said_by, order=40)
