"""Models of unit operations: each names its context of use and its references."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.process.model import Model, ModelRef
    from goldenbatch.science.process.recipe import Recipe

_HERE = "goldenbatch.science.process.library"
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Entry:
    """A model of the library; importing the list imports none of them.

    Attributes:
        name: As people ask for it, such as `cho.amribt`.
        target: `module:function` that builds the model, the module within the library.
        title: One line, for people.
        context_of_use: What it may be used for, and what not (ASME V&V 40).
        settings: Keyword arguments of the function.
        recipe: `module:function` that returns a recipe to run; its arguments all have defaults,
            those named as settings of the model take their values. Empty: none.
        start: `module:function` with the same arguments that returns the initial states and
            parameters of such a batch; empty: the declared ones.
    """

    name: str
    target: str
    title: str
    context_of_use: str
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    recipe: str = ""
    start: str = ""

    @property
    def ref(self) -> ModelRef:
        """The model as a worker process is told."""
        from goldenbatch.science.process.model import ModelRef

        return ModelRef.of(f"{_HERE}.{self.target}", **self.settings)

    def load(self) -> Model:
        """The model, built once in a process."""
        return self.ref.load()

    def default_recipe(
        self, asked: Mapping[str, Any] = _NOTHING, settings: Mapping[str, Any] = _NOTHING
    ) -> Recipe | None:
        """The recipe that the model is tried with; None where it has none.

        Args:
            asked: Arguments of its function, such as the number of a published fault.
            settings: Of the model, where they differ from those of the entry.

        Raises:
            DataError: It has no such argument, or a value is impossible.
        """
        made: Recipe | None = self._made(self.recipe, asked, settings) if self.recipe else None
        return made

    def default_start(
        self, asked: Mapping[str, Any] = _NOTHING, settings: Mapping[str, Any] = _NOTHING
    ) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """Initial states and parameters of the batch of `default_recipe`; see there."""
        if not self.start:
            return _NOTHING, _NOTHING
        initial, parameters = self._made(self.start, asked, settings)
        return initial, parameters

    def _made(self, target: str, asked: Mapping[str, Any], settings: Mapping[str, Any]) -> Any:
        from goldenbatch.science.errors import DataError

        module, _, function = target.partition(":")
        build: Callable[..., Any] = getattr(import_module(f"{_HERE}.{module}"), function)
        names = inspect.signature(build).parameters
        strange = sorted(set(asked) - set(names))
        if strange:
            raise DataError(
                f"the recipe of {self.name} has no setting {strange[0]!r}.",
                hint=f"It has: {', '.join(names) or 'none'}.",
            )
        shared = {n: v for n, v in {**self.settings, **settings}.items() if n in names}
        try:
            return build(**{**shared, **asked})
        except (TypeError, ValueError) as error:
            raise DataError(
                f"the recipe of {self.name} cannot be made with {dict(asked)}: {error}",
                hint="Correct its settings.",
            ) from error


ENTRIES: tuple[Entry, ...] = (
    Entry(
        "cho.monod",
        "mammalian:fed_batch",
        "CHO fed-batch, Monod kinetics with dissolved oxygen",
        "Comparing feeds, ensembles, estimation and control studies of animal cells; parameters "
        "from the literature of one clone, to be fitted before any statement on another.",
        recipe="mammalian:default_recipe",
    ),
    Entry(
        "tank.stirred",
        "mixing_tank.stirred:tank",
        "Stirred jacketed tank: blending, dilution, heating, sterilising",
        "Heat-up, cool-down, F0 and blend times of water-like liquids in turbulent flow, within "
        "what its correlations hold: about 25 %.",
        recipe="mixing_tank.stirred:sterilisation",
    ),
    Entry(
        "cho.mab",
        "mab:fed_batch",
        "CHO fed-batch for control studies: titre, viability, lactate, pH",
        "Trying controllers, trackers and recipes; values are typical of the literature and "
        "stand for no clone.",
        recipe="mab:default_recipe",
    ),
    Entry(
        "cho.perfusion",
        "perfusion:perfusion",
        "Perfusion of CHO cells with retention and bleed",
        "Start-up, steady states and their control; values of the literature stand for no clone.",
        recipe="perfusion:default_recipe",
    ),
    Entry(
        "cho.amribt",
        "hybridoma:hybridoma",
        "Hybridoma fed-batch with overflow metabolism",
        "Choosing feeds against overflow of lactate and ammonium; fitted by its authors to "
        "cultures of hybridoma HB-58 of up to 200 h.",
        recipe="hybridoma:default_recipe",
    ),
    Entry(
        "freeze_drying.primary",
        "freeze_drying.declaration:primary_drying",
        "Primary drying of a vial: quasi-steady sublimation",
        "Choosing shelf and chamber, fitting heat transfer and cake resistance, tracking a cycle; "
        "not for edge vials without their own heat transfer, nor before the shelf's first ramp.",
        recipe="freeze_drying.declaration:default_recipe",
    ),
    Entry(
        "penicillin.indpensim",
        "penicillin.declaration:model",
        "Industrial fed-batch penicillin, as published (IndPenSim)",
        "Benchmark of monitoring, control and fault detection: reproduces the published simulator "
        "with its faults; says nothing about any real plant.",
        recipe="penicillin.twin:batch_recipe",
        start="penicillin.twin:batch_start",
    ),
    Entry(
        "penicillin.corrected",
        "penicillin.declaration:model",
        "Industrial fed-batch penicillin, faults of the published simulator set right",
        "Trying recipes, controllers and faults where the published simulator's errors would "
        "mislead; the parameters are the published ones, no plant's.",
        settings=MappingProxyType({"mode": "corrected"}),
        recipe="penicillin.twin:batch_recipe",
        start="penicillin.twin:batch_start",
    ),
    Entry(
        "refolding",
        "refolding:refolding",
        "Fed-batch protein refolding",
        "Choosing feeds of unfolded protein and predicting the native yield; parameters of one "
        "protein, to be fitted before any statement on another; feeds of at most 12 g/L.",
        recipe="refolding:default_recipe",
    ),
    Entry(
        "benchmark.park_ramirez",
        "benchmarks:secreted_protein",
        "Secreted protein of Park and Ramirez",
        "Comparing optimisers; no process decision.",
        recipe="benchmarks:park_ramirez_recipe",
    ),
    Entry(
        "benchmark.cuthrell_biegler",
        "benchmarks:penicillin",
        "Penicillin of Cuthrell and Biegler",
        "Comparing optimisers; no process decision.",
        recipe="benchmarks:cuthrell_biegler_recipe",
    ),
    Entry(
        "benchmark.batch_reactor",
        "batch_reactor:kucherenko",
        "Batch reactor 2 A -> B -> C of García-Muñoz and Kucherenko",
        "Comparing methods for design spaces; no process decision.",
        recipe="batch_reactor:default_recipe",
    ),
    Entry(
        "benchmark.srinivasan_bonvin",
        "benchmarks:inhibited_batch",
        "Fed-batch with substrate inhibition of Srinivasan and Bonvin",
        "Comparing optimisers and controllers; no process decision.",
        recipe="benchmarks:srinivasan_bonvin_recipe",
    ),
    Entry(
        "chromatography.linear",
        "chromatography.standard:general_rate",
        "General rate model of a column with linear binding",
        "Verification of columns and trial of studies; a real separation needs its own isotherm "
        "and transfer coefficients, fitted to pulses and breakthroughs of its resin.",
        recipe="chromatography.standard:pulse_recipe",
    ),
    Entry(
        "downstream.protein_a_loading",
        "downstream.protein_a:loading",
        "Protein A column while it is loaded, two kinds of site",
        "Choosing residence time and load against breakthrough of one published resin; another "
        "resin or antibody needs its own isotherm and breakthroughs.",
        recipe="downstream.protein_a:default_recipe",
    ),
    Entry(
        "downstream.viral_inactivation",
        "downstream.viral_inactivation:viral_inactivation",
        "Viral inactivation at low pH, with aggregates",
        "Planning holds inside the claim of ASTM E2888; no evidence of clearance, and the rates "
        "of aggregation are an example.",
        recipe="downstream.viral_inactivation:default_recipe",
    ),
    Entry(
        "downstream.ultrafiltration",
        "downstream.ufdf:ultrafiltration",
        "Ultrafiltration and diafiltration, flux limited by a gel",
        "Times, buffers and yields of a loop whose flux was measured; the declared numbers are "
        "typical of antibodies on 30 kDa cassettes, no product's.",
        recipe="downstream.ufdf:default_recipe",
    ),
)
"""All models of the library, by name."""


def entry(name: str) -> Entry:
    """The entry of a name.

    Raises:
        DataError: There is none.
    """
    from goldenbatch.science.errors import DataError

    for one in ENTRIES:
        if one.name == name:
            return one
    names = ", ".join(one.name for one in ENTRIES) or "none"
    raise DataError(f"the library has no model {name!r}.", hint=f"It has: {names}.")
