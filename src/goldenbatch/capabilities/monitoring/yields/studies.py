"""Yield studies that are asked for at the node: the table is made here, the numbers elsewhere.

A study takes seconds to minutes of a processor, so a worker process does it; one at a time. What
was found is a working paper that is kept in memory, and says up to which event it read.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.capabilities.monitoring._common import read_settings
from goldenbatch.capabilities.monitoring.yields.ranges import kept_design_space, proven_ranges
from goldenbatch.capabilities.monitoring.yields.reading import read_book, site_reader, unit_of
from goldenbatch.capabilities.monitoring.yields.report import document, study_table
from goldenbatch.capabilities.monitoring.yields.settings import YieldSettings
from goldenbatch.capabilities.monitoring.yields.table import batch_table
from goldenbatch.core.errors import ConflictError, GoldenbatchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from goldenbatch.capabilities.monitoring._adopted import AtWork
    from goldenbatch.core.site import Site

MOST_WAITING: Final = 4
MOST_KEPT: Final = 16
_STEPS: Final = {"waiting": 0.0, "table": 0.1, "study": 0.3, "done": 1.0, "failed": 1.0}


@dataclass(frozen=True)
class StudyState:
    """How a study stands.

    Attributes:
        step: `none`, `waiting`, `table`, `study`, `done` or `failed`.
        upto: Number of the last event that it read.
        asked_at: When, microseconds UTC.
        document: What was found.
        problem: Why it failed, and what to do.
    """

    step: str = "none"
    upto: int = 0
    asked_at: int = 0
    document: Mapping[str, Any] = field(default_factory=dict)
    problem: tuple[str, str] = ("", "")

    @property
    def share(self) -> float | None:
        """How far it is, 0 to 1; None: it was not asked for."""
        return _STEPS.get(self.step)

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self.step in ("waiting", "table", "study")


class Studies:
    """Studies of a process; safe for threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], StudyState] = OrderedDict()
        self._gate, self._turn = threading.Lock(), threading.Lock()

    def state(self, site: Site, one: AtWork) -> StudyState:
        """How the study of an analyst stands for who asks."""
        with self._gate:
            return self._kept.get(_key(site, one), StudyState())

    def ask(self, site: Site, one: AtWork) -> StudyState:
        """Begin a study; one that runs goes on.

        Raises:
            ConflictError: Too many wait already.
        """
        key = _key(site, one)
        with self._gate:
            found = self._kept.get(key, StudyState())
            if found.is_running:
                return found
            if sum(1 for each in self._kept.values() if each.is_running) >= MOST_WAITING:
                raise ConflictError(
                    f"{MOST_WAITING} studies wait already.", hint="Ask again when one has ended."
                )
            state = StudyState("waiting", site.ledger.head(), site.clock())
            self._put(key, state)
        work = threading.Thread(target=self._work, args=(site, one, key), daemon=True)
        work.start()
        return state

    def _put(self, key: tuple[Any, ...], state: StudyState) -> None:
        self._kept.pop(key, None)
        self._kept[key] = state
        ended = [each for each, one in self._kept.items() if not one.is_running]
        for each in ended[: max(0, len(self._kept) - MOST_KEPT)]:
            del self._kept[each]

    def _step(self, key: tuple[Any, ...], **changes: Any) -> None:
        with self._gate:
            self._put(key, replace(self._kept[key], **changes))

    def _work(self, site: Site, one: AtWork, key: tuple[Any, ...]) -> None:
        with self._turn:
            try:
                self._step(key, step="table")
                task, arguments = _prepared(site, one)
                self._step(key, step="study")
                self._step(key, step="done", document=_elsewhere(task, arguments))
            except GoldenbatchError as error:
                self._step(key, step="failed", problem=(str(error), error.hint))
            except Exception as error:  # a worker that died must be told, not be waited for
                words = f"the worker of the study ended: {error or type(error).__name__}."
                self._step(key, step="failed", problem=(words, "Ask again; look at the log."))


def _key(site: Site, one: AtWork) -> tuple[Any, ...]:
    classes = getattr(site, "classes", None)
    seen = None if classes is None else tuple(sorted(str(each) for each in classes))
    return (site.home.uid, one.name, one.record, seen)


def _prepared(site: Site, one: AtWork) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    settings = read_settings(YieldSettings, one.name, one.settings)
    book = read_book(site, settings)
    table = batch_table(book, settings, site.plant, site_reader(site))
    products = sorted({row.product for row in table.rows})
    recipes = site.ledger.events(kinds=("RecipeAdopted",)) if settings.adjustable else ()
    ranges = proven_ranges(settings, products, recipes, site.clock())
    is_allowed, _ = kept_design_space(site, settings)
    return study_document, (table, settings, ranges, is_allowed, unit_of(book, settings))


def study_document(
    table: Any, settings: YieldSettings, ranges: Any, is_allowed: Any, unit: str
) -> dict[str, Any]:
    """The study of a table as plain JSON; done by the worker."""
    return document(study_table(table, settings, ranges, is_allowed), settings, unit)


def _elsewhere(task: Callable[..., Any], arguments: tuple[Any, ...]) -> dict[str, Any]:
    from joblib import Parallel, delayed

    # One worker would be this process itself.
    (found,) = Parallel(n_jobs=2, backend="loky")([delayed(task)(*arguments)])
    answer: dict[str, Any] = found
    return answer


STUDIES: Final = Studies()
"""Those of this process."""
