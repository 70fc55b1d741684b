"""Gates between the stages of pretraining: a stage whose validation does not show what it must ends the run.

A gate is a stage of its own that reads the weights, so its conditions are no part of their key: what failed is judged
again without being trained again, by other conditions or after another look at the data.
"""

from __future__ import annotations

import json

from data.shards import Shards
from data.views import ViewContext
from data.views.causal_lm import CausalLMView
from data.vocabulary import Vocabulary
from flows.plan import Plan
from flows.stages import PlannedStage
from flows.store import Work, write_atomically
from flows.tracking.runs import StageRun
from lightning_modules.baselines.ngram import ngram_loss
from lightning_modules.gates import Condition, judge
from lightning_modules.objectives.causal_lm import CausalLMConfig
from lightning_modules.stage import StageConfig


class GateFailed(RuntimeError):
    """The validation of a stage does not show what the recipe asks of it."""


def write_gate(plan: Plan, stage: PlannedStage, work: Work, run: StageRun) -> None:
    """Judges one stage of pretraining; only a gate that was passed becomes an artifact.

    Raises:
        GateFailed: names the conditions that do not hold; the weights stay in the store.
    """
    config, weights = plan.recipe.pretraining.stages[stage.name], plan.folder(stage.reads["weights"])
    with (weights / "metrics.jsonl").open(encoding="utf-8") as lines:
        began = json.loads(next(lines))["metrics"]
    judgements = judge(
        config.gate,
        began,
        ended=json.loads((weights / "stage.json").read_text(encoding="utf-8"))["validation"],
        ngram_loss=lambda condition: _ngram_loss(plan, stage, config, condition),
    )
    content = json.dumps({"conditions": [judgement.record() for judgement in judgements]}, indent=1, sort_keys=True)
    run.text(content, "gate.json", "tables")
    for judgement in judgements:
        place = f"gate/{judgement.metric}"
        run.summary({place: judgement.value, f"{place}/{judgement.rule}": judgement.bound})
    failed = [judgement.text for judgement in judgements if not judgement.passed]
    if failed:
        raise GateFailed(
            f"{stage.label}: {'; '.join(failed)}. The weights are kept: change how the stage is trained, or its gate, "
            "which trains nothing again"
        )
    write_atomically(work.output / "gate.json", content)


def _ngram_loss(plan: Plan, stage: PlannedStage, config: StageConfig, condition: Condition) -> float:
    vocabulary = Vocabulary.load(plan.folder(stage.reads["tokenizer"]))
    context = ViewContext(vocabulary, config.sequence_length, plan.model.alignment)
    tokens = plan.folder(stage.reads["tokens"])
    train = Shards.open(tokens, "train")
    return ngram_loss(
        [train.of_source(name) for name in sorted(config.sources)] if config.sources else [train],
        Shards.open(tokens, "validation"),
        CausalLMView(CausalLMConfig.model_validate(config.objectives[condition.use].model_extra), context),
        order=condition.order,
        max_positions=config.validation_tokens,
        seed=plan.recipe.seed,
    )
