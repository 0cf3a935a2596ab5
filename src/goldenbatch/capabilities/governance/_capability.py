"""What governance brings."""

from goldenbatch.core.capability import Capability, Offer

_ROOM = "goldenbatch.capabilities.governance"

CAPABILITY = Capability(
    name="governance",
    title="Models and change plans under control",
    tier="bronze",
    analysts=(
        Offer(
            "changes",
            f"{_ROOM}.changes:changes_analyst",
            "Updates that the gate did not let pass: change control or a deviation is asked for",
        ),
        Offer(
            "shadow",
            f"{_ROOM}.shadow:shadow_analyst",
            "Candidates beside what serves, compared by a test that may be looked at every day",
        ),
        Offer("watch", f"{_ROOM}.watch:watch_analyst", "Drift, validity and errors of what serves"),
    ),
    trials=(
        Offer("drift", f"{_ROOM}.drift_trial:DriftTrial", "False events and delays of the watch"),
    ),
    trainers=(
        Offer("linear", f"{_ROOM}.linear:train_linear", "Ridge regression with an interval"),
    ),
    facts=(
        Offer(
            "test_independent",
            f"{_ROOM}.independence:TestIndependent",
            "Who trained a model has no part in its test",
        ),
        Offer(
            "training_independent",
            f"{_ROOM}.independence:TrainingIndependent",
            "Who has seen a version's test data does not train it",
        ),
    ),
    pages=(
        Offer("models", f"{_ROOM}._pages:MODELS", "All models, what serves and since when"),
        Offer("version", f"{_ROOM}._pages:VERSION", "A version: card, life, acts, history"),
        Offer("plans", f"{_ROOM}._pages:PLANS", "Change plans and their states"),
    ),
    tiles=(Offer("serving", f"{_ROOM}._pages:SERVING", "Models that serve, and their findings"),),
    widgets=(
        Offer("said-by", f"{_ROOM}._pages:SAID_BY", "The card of the model that said a finding"),
    ),
    acts=(
        Offer("select", f"{_ROOM}.sealed_sets:select", "Select test data, locked at once"),
        Offer("seal", f"{_ROOM}.sealed_sets:seal", "Seal selected test data, signed"),
        Offer("unseal-ask", f"{_ROOM}.sealed_sets:ask", "Ask to open a set for a test, signed"),
        Offer("unseal", f"{_ROOM}.sealed_sets:approve", "Let it be opened as asked, signed"),
        Offer("retire-set", f"{_ROOM}.sealed_sets:retire", "Let a set never be opened again"),
        Offer("train", f"{_ROOM}.training:train", "Fit and freeze a version's model, signed"),
        Offer("test", f"{_ROOM}.testing:test", "Test it on its opened set, signed"),
        Offer("draft", f"{_ROOM}.life:draft", "Begin a version of a model, or an update of one"),
        Offer("intend", f"{_ROOM}.life:intend", "State what a version is for, signed as reviewed"),
        Offer("criteria", f"{_ROOM}.life:criteria", "Fix what its test must show, signed"),
        Offer("bind", f"{_ROOM}.binding:bind", "Choose the sealed set that it is tested on"),
        Offer("judge", f"{_ROOM}.judging:judge", "Ask the gate whether an update is in its plan"),
        Offer("shadow-start", f"{_ROOM}.shadowing:shadow_start", "Run it beside what serves"),
        Offer("shadow-end", f"{_ROOM}.shadowing:shadow_end", "End its shadow: what it has shown"),
        Offer("plan-propose", f"{_ROOM}.plans:propose", "Propose a change plan"),
        Offer("plan-withdraw", f"{_ROOM}.plans:withdraw", "Withdraw a change plan"),
        Offer("validate", f"{_ROOM}.life:validate", "Find it fit for its use, signed as verified"),
        Offer("approve", f"{_ROOM}.life:approve", "Approve it for its use, signed"),
        Offer("activate", f"{_ROOM}.line:activate", "Put an approved version to work"),
        Offer("suspend", f"{_ROOM}.line:suspend", "Take it from its work, for its fallback"),
        Offer("retire", f"{_ROOM}.line:retire", "Take a version out of use for ever"),
    ),
)
