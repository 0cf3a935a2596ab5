"""What the twins bring."""

from goldenbatch.core.capability import Capability, Offer

_ROOM = "goldenbatch.capabilities.twin"

CAPABILITY = Capability(
    name="twin",
    title="Digital twins",
    tier="silver",
    analysts=(
        Offer(
            "track",
            f"{_ROOM}.tracking:track",
            "A twin follows the batches of a place: estimates, expected end, faults by name",
        ),
    ),
    commands=(
        Offer("models", f"{_ROOM}.commands:models_command", "The library of unit operations"),
        Offer("run", f"{_ROOM}.commands:run_command", "Run the recipe of a study"),
        Offer(
            "ensemble",
            f"{_ROOM}.ensemble_commands:ensemble_command",
            "Run a study many times over what is not known",
        ),
        Offer(
            "design-space",
            f"{_ROOM}.space_commands:design_space_command",
            "Where in its factors all limits are met, how surely",
        ),
        Offer(
            "sensitivity",
            f"{_ROOM}.space_commands:sensitivity_command",
            "What the spread of its measures comes from",
        ),
        Offer("stress", f"{_ROOM}.space_commands:stress_command", "What the standard faults cost"),
        Offer(
            "optimise",
            f"{_ROOM}.optimise_commands:optimise_command",
            "The best recipe within its limits, checked by simulation",
        ),
        Offer(
            "footprint",
            f"{_ROOM}.footprint_commands:footprint_command",
            "Energy, water, mass and CO2e of a batch and a dose",
        ),
        Offer("fit", f"{_ROOM}.fit_commands:fit_command", "Fit a study to measured batches"),
        Offer(
            "compare",
            f"{_ROOM}.compare_commands:compare_command",
            "A batch's own inputs through the twin, beside what was measured",
        ),
        Offer("track", f"{_ROOM}.track_commands:track_command", "Follow a recorded batch"),
        Offer("line", f"{_ROOM}.line_commands:line_command", "A line or plant, by its declaration"),
        Offer(
            "cycle",
            f"{_ROOM}.cycle_commands:cycle_command",
            "A real freeze-drying cycle: when it was dry, how surely",
        ),
        Offer("export", f"{_ROOM}.commands:export_command", "Give a model to other tools (FMI 3)"),
        Offer("unit", f"{_ROOM}.commands:unit_command", "Run a unit of another tool (FMI 2, 3)"),
        Offer("kept", f"{_ROOM}.keeping:kept_command", "Results that were kept in the home"),
        Offer("verify", f"{_ROOM}.commands:verify_command", "Replay every third-party reference"),
    ),
    pages=(
        Offer("studio", f"{_ROOM}._pages:STUDIO", "A model, a scenario, a question"),
        Offer("lines", f"{_ROOM}._pages:LINES", "Lines and plants, run and shown at work"),
        Offer("runs", f"{_ROOM}._pages:RUNS", "Runs that wait, are at work, or have ended"),
        Offer("run", f"{_ROOM}._pages:RUN", "What came out of a run, and on what it rests"),
        Offer("compare", f"{_ROOM}._pages:COMPARE", "Two runs beside one another"),
    ),
    record_types=(
        Offer("kept", "goldenbatch.core.twin_records:TwinResultKept", "A result was kept"),
    ),
    acts=(Offer("keep", f"{_ROOM}.keeping:keep", "Keep a result of a twin with its files"),),
)
