"""A yield study of a site: ledger folded, historian read, ranges and design space looked up."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.monitoring._common import read_settings
from goldenbatch.capabilities.monitoring.yields.aggregates import Read, Window
from goldenbatch.capabilities.monitoring.yields.facts import KINDS, Book, book_of
from goldenbatch.capabilities.monitoring.yields.ranges import kept_design_space, proven_ranges
from goldenbatch.capabilities.monitoring.yields.report import YieldStudy, study_table
from goldenbatch.capabilities.monitoring.yields.settings import YieldSettings
from goldenbatch.capabilities.monitoring.yields.table import batch_table
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.series import Series

if TYPE_CHECKING:
    from goldenbatch.core.site import Site

NAME = "monitoring.yields"


def load_settings(path: Path) -> YieldSettings:
    """Settings of a study from the file of an analyst: its table `settings`.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: It is not TOML, is of another analyst, or a setting is wrong.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFoundError(f"{path} cannot be opened: {error.strerror}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInputError(f"this is not TOML: {error}.", file=str(path)) from error
    if data.get("analyst") != NAME:
        raise BadInputError(
            f"it is of the analyst {data.get('analyst')!r}, not {NAME!r}.",
            file=str(path),
            key="analyst",
        )
    settings: Mapping[str, Any] = data.get("settings", {})
    return read_settings(YieldSettings, str(path), settings)


def read_book(site: Site, settings: YieldSettings) -> Book:
    """The ledger of a site, folded as far as yields need it."""
    kinds = (*KINDS, *settings.right_first_time.deviations)
    return book_of(site.ledger.events(kinds=kinds))


def site_reader(site: Site) -> Read:
    """Readings of a site's tags; a tag that never had one has none."""
    known = site.historian.tags()

    def read(tag: str, window: Window) -> Series | None:
        return site.historian.read([tag], window) if tag in known else None

    return read


def study_site(site: Site, settings: YieldSettings) -> tuple[YieldStudy, str]:
    """Study a site, and the unit of the target.

    Raises:
        BadInputError: There are too few batches, or a range or factor is wrong.
        NotFoundError: The design space was not kept.
    """
    book = read_book(site, settings)
    table = batch_table(book, settings, site.plant, site_reader(site))
    products = sorted({row.product for row in table.rows})
    recipes = site.ledger.events(kinds=("RecipeAdopted",)) if settings.adjustable else ()
    ranges = proven_ranges(settings, products, recipes, site.clock())
    is_allowed, _ = kept_design_space(site, settings)
    found = study_table(table, settings, ranges, is_allowed)
    return found, unit_of(book, settings)


def unit_of(book: Book, settings: YieldSettings) -> str:
    """Unit of the target as it was reported last; empty for a share."""
    newest: tuple[int, str] = (0, "")
    for own in book.results.values() if not settings.is_share else ():
        for one in own.values():
            if one.result.attribute == settings.target and one.seq > newest[0]:
                newest = (one.seq, one.result.unit)
    return newest[1]
