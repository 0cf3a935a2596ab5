"""A page, a tile and a widget from outside, made with the kit alone; the how-to page shows it."""

from dataclasses import dataclass

from goldenbatch.ui.web import elements
from goldenbatch.ui.web.forms import Field, entry_form
from goldenbatch.ui.web.pages import Group, Page, Place, Tile, Widget


@dataclass(frozen=True)
class Batches:
    """Data of the page: names of batches, and what was asked for."""

    names: tuple[str, ...]
    chosen: str


def load(asked):
    rows = asked.site.ledger.select("batch", {}, limit=100)
    return Batches(tuple(sorted(row["batch"] for row in rows)), asked.value("batch", "B-7"))


def show(view, data):
    async def review():
        form = {"stream": f"batch/{data.chosen}", "meaning": "reviewed", "reason": "looked at it"}
        signed = await view.sign(form)
        if signed is not None:
            with place:
                elements.text("p", f"Signed version {signed['version']}")

    with elements.section("Batches of this home"):
        columns = [elements.Column("name", "Batch")]
        rows = [{"name": one} for one in data.names]
        elements.table("Batches", columns, rows, nothing="No batch yet.")
    place = elements.box("gb-section")
    with place:
        elements.button("Review this batch", review, kind="main")

    taken = elements.box("gb-section")

    async def take(values):
        with taken:
            elements.text("p", f"Taken: {values['what']} {values['amount']}")
        return True

    with elements.section("An entry"):
        fields = [
            Field("what", "What was seen", "area", is_needed=True),
            Field("amount", "Amount", "number", unit="kg"),
            Field("secret", "Secret", "password"),
        ]
        entry_form(view, "bench", fields, take, words="Enter")


BENCH = Page("/extra/bench", "Bench of a partner", Group.ENGINEERING, load, show)


def load_count(asked):
    return len(asked.site.ledger.select("batch", {}, limit=100))


def show_count(view, n_batches):
    elements.figure("Batches seen by a partner", str(n_batches), "/extra/bench")


COUNT = Tile("Batches seen by a partner", load_count, show_count, (Place.SITE,))


def load_part(asked):
    return asked.path["batch"]


def show_part(view, batch):
    elements.paragraph(f"A partner knows {batch}.")


PART = Widget("A partner's part", Place.BATCH, load_part, show_part)
