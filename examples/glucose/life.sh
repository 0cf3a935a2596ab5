# The whole life of a model by commands: stated, sealed, trained, tested, approved, put to work; then
# three updates under a signed change plan, of which one passes, one fails and one is out of plan.
# Run it in an empty folder, where `examples` is that of the repository:
#     bash -eu examples/glucose/life.sh
# Told step by step in docs/how-to/model-life.md. It ends with a history, a card and a proof.

# ---- a home, its data and its people
export GOLDENBATCH_HOME=home
export GOLDENBATCH_PASSWORD="demonstration-only"
goldenbatch init home --example glucose
goldenbatch user add dana --name "Dana Developer" --role process_engineer
goldenbatch user add milan --name "Milan Process" --role process_engineer
goldenbatch user add sonja --name "Sonja Quality" --role quality_reviewer
goldenbatch user add tess --name "Tess Tester" --role quality_reviewer
goldenbatch user add quinn --name "Quinn Person" --role qualified_person

# ---- what it is for, and what its test must show
goldenbatch model draft glucose --card examples/glucose/model/card.toml --by dana
goldenbatch model intend glucose@1 examples/glucose/model/card.toml --by milan
goldenbatch model criteria glucose@1 examples/glucose/model/card.toml --by milan

# ---- test data, sealed before anything is trained
goldenbatch model select examples/glucose/model/set.toml --by sonja
goldenbatch model seal standards-13-21 --by sonja
goldenbatch model bind glucose@1 standards-13-21 --by milan

# ---- trained by one, tested by another, opened by two
goldenbatch model train glucose@1 examples/glucose/model/train-1.toml --by dana
goldenbatch model unseal-ask glucose@1 --by tess --reason "first test"
goldenbatch model unseal standards-13-21 --by quinn
goldenbatch model test glucose@1 --by tess

# ---- validated, approved, put to work
goldenbatch model validate glucose@1 --by sonja \
    --verification examples/glucose/model/verification.md \
    --statement "The code is verified against known answers; the sealed test shows it fit."
goldenbatch model approve glucose@1 --by quinn --reason "As good as its use asks."
goldenbatch model activate glucose@1 --by milan --reason "The laboratory was told."

# ---- a change plan, proposed by one and signed by another
python examples/glucose/model/reference.py > reference.csv
goldenbatch plan propose examples/glucose/model/plan.toml --by dana \
    --reference reference.csv --reason "new preparations each quarter"
goldenbatch plan approve glucose-updates --user quinn --reason "Bounded, and each step is tested."
goldenbatch adopt changes changes

# ---- an update that passes
goldenbatch model draft glucose --by dana --follows 1 --plan glucose-updates@1 \
    --modification retrain --trigger "preparations 10 to 12"
goldenbatch model bind glucose@2 standards-13-21 --by milan
goldenbatch model train glucose@2 examples/glucose/model/train-2.toml --by dana
goldenbatch model unseal-ask glucose@2 --by tess --reason "test of the update"
goldenbatch model unseal standards-13-21 --by quinn
goldenbatch model test glucose@2 --by tess
goldenbatch model gate glucose@2 --by milan
goldenbatch model validate glucose@2 --by sonja \
    --verification examples/glucose/model/verification.md \
    --statement "The same code; the sealed test and the gate show it fit."
goldenbatch model approve glucose@2 --by quinn --reason "Within the plan."
goldenbatch model activate glucose@2 --by milan --reason "The laboratory was told."

# ---- an update that fails
goldenbatch model draft glucose --by dana --follows 2 --plan glucose-updates@1 \
    --modification retrain --trigger "ethanol absorbs below 1200 1/cm"
goldenbatch model bind glucose@3 standards-13-21 --by milan
goldenbatch model train glucose@3 examples/glucose/model/train-3.toml --by dana
goldenbatch model unseal-ask glucose@3 --by tess --reason "test of the update"
goldenbatch model unseal standards-13-21 --by quinn
goldenbatch model test glucose@3 --by tess || test $? = 1
goldenbatch model gate glucose@3 --by milan || test $? = 1

# ---- an update that the plan does not permit
goldenbatch model draft glucose --by dana --follows 2 --plan glucose-updates@1 \
    --modification retrain --trigger "the wish to measure in the bioreactor too"
goldenbatch model bind glucose@4 standards-13-21 --by milan
goldenbatch model train glucose@4 examples/glucose/model/train-4.toml --by dana
goldenbatch model unseal-ask glucose@4 --by tess --reason "test of the update"
goldenbatch model unseal standards-13-21 --by quinn
goldenbatch model test glucose@4 --by tess || test $? = 1
goldenbatch model gate glucose@4 --by milan || test $? = 1
goldenbatch run
goldenbatch findings

# ---- the history, the card, the proof
goldenbatch model list
goldenbatch model history glucose
goldenbatch model card glucose cards
goldenbatch verify
goldenbatch verify --proof cards/model-glucose-2.proof.json
goldenbatch export exported
goldenbatch-verify exported
