"""A recipe: the YAML file that says what to build, read into frozen models with errors that name the place."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from data.config import Config, Count
from data.corpus import CorpusConfig
from data.naming import look_up
from data.sources import SourceError
from data.sources.canaries import CanarySourceConfig
from data.tokenizer import TokenizerConfig
from lightning_modules.exams import ExamConfig
from lightning_modules.exams.base import Reading
from lightning_modules.exams.canaries import Canaries
from lightning_modules.hardware import HardwareConfig
from lightning_modules.networks.config import ModelChoice
from lightning_modules.stage import StageConfig
from lightning_modules.tasks.finetuning import FinetuningConfig

SHIPPED = Path(__file__).parent / "recipes"


class RecipeError(ValueError):
    """A recipe or an override that cannot be used; one line a problem."""


class PretrainingConfig(Config):
    """The declared stages, run in the order they are written."""

    stages: dict[str, StageConfig] = Field(min_length=1)

    @property
    def writes(self) -> bool:
        """Whether some stage trains the base model to go on with a text.

        Only such a one is a language model: has a likelihood of texts to score, and an answer to give.
        """
        return any(use.writes and use.weight for stage in self.stages.values() for use in stage.objectives.values())

    @property
    def readings(self) -> frozenset[Reading]:
        """How the base model can be asked for the probability of a token."""
        uses = [use for stage in self.stages.values() for use in stage.objectives.values() if use.weight]
        trained: dict[Reading, bool] = {
            "causal": self.writes,
            "masked": any(use.objective == "masked_lm" for use in uses),
        }
        return frozenset(reading for reading, so in trained.items() if so)


class EvaluationConfig(Config):
    """How scores are made."""

    bootstrap: int = Field(1000, ge=100)
    """Resamples behind every 95 % interval."""
    tokens: Count = Field(100_000, gt=0)
    """At most so many corpus tokens of the test split are scored for perplexity."""
    stride: int | None = Field(None, gt=0)
    """Tokens of a long document that each window but the first scores, at most the sequence length of the last stage;
    each has at least that length less the stride as its context. Null: half the length. Less takes longer, and finds
    text likelier."""
    examples: int = Field(1000, gt=0)
    """At most so many test examples of each task are scored."""
    exams: dict[str, ExamConfig] = Field({})
    """Name -> what the base model is asked as it is, without fine-tuning."""


class RetrainingConfig(Config):
    """What the `retraining` flow does when its sources have grown."""

    tokens: Count = Field(gt=0)
    """Positions through the trunk of the continued training."""
    replay: float = Field(0.1, ge=0.0, lt=1.0)
    """Part of the rows drawn from the text that the champion was trained on, against forgetting."""
    peak_lr: float = Field(gt=0.0)
    min_new_tokens: Count = Field(10_000, gt=0)
    """With less new training text than this, the flow waits for more."""


class Recipe(Config):
    """Everything a run depends on, but for the sources' content and the machine."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    description: str = ""
    seed: int = Field(17, ge=0)
    corpus: CorpusConfig
    tokenizer: TokenizerConfig
    model: ModelChoice
    training: HardwareConfig
    pretraining: PretrainingConfig
    finetuning: dict[str, FinetuningConfig] = Field({})
    evaluation: EvaluationConfig = EvaluationConfig()
    retraining: RetrainingConfig | None = None

    @model_validator(mode="after")
    def names_can_be_folders(self) -> Self:
        exams = self.evaluation.exams
        for place, names in (
            ("pretraining.stages", self.pretraining.stages),
            ("finetuning", self.finetuning),
            ("evaluation.exams", exams),
        ):
            for name in names:
                if not name.replace("_", "").replace("-", "").isalnum() or name.endswith("-scratch"):
                    raise ValueError(
                        f"{place}: {name!r} cannot name a stage; letters, digits, - and _ can, '-scratch' is reserved"
                    )
        if taken := sorted(exams.keys() & {*self.finetuning, "language-model"}):
            raise ValueError(
                f"evaluation.exams: {', '.join(taken)} is scored already under this name; give the exam another one"
            )
        return self

    @model_validator(mode="after")
    def exams_fit_the_recipe(self) -> Self:
        trained_by = {"causal": "causal_lm from left to right", "masked": "masked_lm"}
        tasks = {name: task.data for name, task in self.finetuning.items()}
        for name, exam in self.evaluation.exams.items():
            try:
                exam.check(tasks)
            except ValueError as error:
                raise ValueError(f"evaluation.exams.{name}: {error}") from error
            for reading in sorted(exam.readings - self.pretraining.readings):
                raise ValueError(
                    f"evaluation.exams.{name}: asks for {reading} probabilities, but no stage of pretraining trains "
                    f"{trained_by[reading]}: add it to a stage, or leave the exam out"
                )
        return self

    @model_validator(mode="after")
    def stages_fit_what_is_before_them(self) -> Self:
        for number, (name, stage) in enumerate(self.pretraining.stages.items()):
            place = f"pretraining.stages.{name}"
            for source in stage.sources or ():
                try:
                    look_up("source of the corpus", source, self.corpus.sources)
                except ValueError as error:
                    raise ValueError(f"{place}.sources: {error}") from error
            if stage.blend_fraction and not number:
                raise ValueError(f"{place}.blend_fraction: the first stage has none before it to come from; leave it 0")
        return self

    @model_validator(mode="after")
    def canaries_are_planted(self) -> Self:
        sources = self.corpus.sources
        planted = {name: source for name, source in sources.items() if isinstance(source, CanarySourceConfig)}
        for name, exam in self.evaluation.exams.items():
            if isinstance(exam, Canaries) and exam.source not in planted:
                raise ValueError(
                    f"evaluation.exams.{name}.source: {exam.source!r} is no source of canaries "
                    f"({', '.join(sorted(planted)) or 'there are none'}); give corpus.sources one: "
                    f"{exam.source}: {{canaries: {{}}}}"
                )
        return self

    @model_validator(mode="after")
    def every_token_is_scored(self) -> Self:
        stage, config = list(self.pretraining.stages.items())[-1]
        stride = self.evaluation.stride
        if stride is not None and stride > config.sequence_length:
            raise ValueError(
                f"evaluation.stride: {stride} is more than the {config.sequence_length} positions of "
                f"pretraining.stages.{stage}.sequence_length, so some tokens would not be scored; lower it"
            )
        return self

    @model_validator(mode="after")
    def judges_are_there_before_they_are_asked(self) -> Self:
        before: dict[str, FinetuningConfig] = {}
        for name, task in self.finetuning.items():
            if task.judge is not None and (task.judge not in before or before[task.judge].kind.answers != "class"):
                classifiers = [known for known, config in before.items() if config.kind.answers == "class"]
                raise ValueError(
                    f"finetuning.{name}.judge: {task.judge!r} is no classification that stands before {name!r}; "
                    f"there: {', '.join(classifiers) or 'none'}"
                )
            before[name] = task
        return self

    @model_validator(mode="after")
    def retraining_can_be_judged(self) -> Self:
        if self.retraining and not self.pretraining.writes:
            raise ValueError(
                "retraining: champion and challenger are compared as language models, but no stage of pretraining "
                "trains causal_lm from left to right: add it to a stage, or leave retraining out"
            )
        return self


def find_recipe(recipe: str) -> Path:
    """The file of a shipped recipe's name, or of a path to a recipe of one's own.

    Raises:
        RecipeError: there is none.
    """
    path = Path(recipe)
    if path.suffix in {".yaml", ".yml"}:
        if not path.is_file():
            raise RecipeError(f"{recipe}: no such file (looked from {Path.cwd()})")
        return path
    shipped = {file.stem: file for file in sorted(SHIPPED.glob("*.yaml"))}
    if recipe not in shipped:
        near = difflib.get_close_matches(recipe, shipped, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise RecipeError(
            f"unknown recipe {recipe!r}.{hint} Shipped: {', '.join(shipped)}; or give a path to a .yaml file"
        )
    return shipped[recipe]


def recipe_place(path: Path) -> str:
    """How messages name a recipe's file."""
    return f"recipes/{path.name}" if path.parent == SHIPPED else str(path)


def load_recipe(recipe: str, overrides: Mapping[str, Any]) -> Recipe:
    """Reads a recipe, applies the overrides and checks everything that needs no data.

    Args:
        recipe: name of a shipped recipe, or path to a YAML file.
        overrides: dotted key -> value, as in `--set pretraining.stages.foundation.tokens=2M`.

    Raises:
        RecipeError: with a line for each problem that names file, place, what was given and what was allowed.
    """
    path = find_recipe(recipe)
    label = recipe_place(path)
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)  # noqa: S506  (a SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{label}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict):
        raise RecipeError(f"{label}: a recipe is a mapping with the keys {', '.join(Recipe.model_fields)}")
    for key, value in overrides.items():
        _override(raw, key, value, label)
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        raise RecipeError("\n".join(_explain(problem, raw, label) for problem in error.errors())) from error


@contextmanager
def said_at(place: str) -> Iterator[None]:
    """Puts the place in front of what is wrong there."""
    try:
        yield
    except ValidationError as error:
        problems = "; ".join(str(problem["msg"]).removeprefix("Value error, ") for problem in error.errors())
        raise RecipeError(f"{place}: {problems}") from error
    except (RecipeError, SourceError) as error:
        raise type(error)(f"{place}: {error}") from error
    except ValueError as error:
        raise RecipeError(f"{place}: {error}") from error


def parse_override(text: str) -> tuple[str, Any]:
    """Splits 'key=value' and reads the value as YAML.

    Raises:
        RecipeError: there is no '=', or the value is not YAML.
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise RecipeError(f"--set {text}: expected key=value, for example --set seed=18")
    try:
        return key, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise RecipeError(f"--set {text}: the value is not YAML: {' '.join(str(error).split())}") from error


class _UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key written twice instead of keeping the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} is written twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _override(raw: dict[str, Any], key: str, value: Any, label: str) -> None:
    """Sets a dotted key; a whole branch may be added, but not below something that is no mapping."""
    *parents, last = key.split(".")
    branch = raw
    for depth, part in enumerate(parents):
        if branch.get(part) is None:  # missing, or switched off by null
            branch[part] = {}
        branch = branch[part]
        if not isinstance(branch, dict):
            raise RecipeError(
                f"{label}: --set {key}: {'.'.join(parents[: depth + 1])} is a value, so it has no keys below it"
            )
    branch[last] = value


def _explain(problem: Mapping[str, Any], raw: object, label: str) -> str:
    """One line for one pydantic error: file, dotted place, what is wrong, what was allowed."""
    location: tuple[str | int, ...] = problem["loc"]
    place = ".".join(_places(location, raw, missing=problem["type"] == "missing"))
    if problem["type"] == "extra_forbidden":
        known = _fields_at(Recipe, location[:-1])
        near = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        parent = place.rpartition(".")[0]
        where = f"{label}: {parent}" if parent else label
        return f"{where}: unknown key {str(location[-1])!r}.{hint} Known: {', '.join(sorted(known))}"
    message = str(problem["msg"]).removeprefix("Value error, ")
    given = problem.get("input")
    shown = "" if isinstance(given, dict | list) or problem["type"] == "value_error" else f" (given: {given!r})"
    return f"{label}: {place + ': ' if place else ''}{message}{shown}"


def _places(location: Sequence[str | int], raw: object, *, missing: bool) -> list[str]:
    """The location without pydantic's union tags: only what one can find in the file."""
    places: list[str] = []
    here = raw
    for index, part in enumerate(location):
        if isinstance(here, dict) and part in here:  # noqa: SIM114  (mypy narrows each branch by itself)
            here = here[part]
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
        elif not (missing and index == len(location) - 1):
            continue
        places.append(str(part))
    return places


def _fields_at(model: object, location: Sequence[str | int]) -> list[str]:
    """Names of the fields of the model at a pydantic error location, union tags included."""
    here = model
    for part in location:
        here = _step(here, part)
    return list(here.model_fields) if isinstance(here, type) and issubclass(here, BaseModel) else []


def _step(here: Any, part: str | int) -> Any:
    """The type one location part further down."""
    while typing.get_origin(here) is Annotated:
        here = typing.get_args(here)[0]
    origin, arguments = typing.get_origin(here), typing.get_args(here)
    if origin in {typing.Union, types.UnionType}:
        for member in arguments:
            bare = member
            tags = {getattr(extra, "tag", None) for extra in typing.get_args(member)[1:]}
            while typing.get_origin(bare) is Annotated:
                bare = typing.get_args(bare)[0]
            if not (isinstance(bare, type) and issubclass(bare, BaseModel)):
                continue
            for field in bare.model_fields.values():
                if typing.get_origin(field.annotation) is Literal:
                    tags |= set(typing.get_args(field.annotation))
            if part in tags or part == bare.__name__:
                return bare
        members = [member for member in arguments if member is not type(None)]
        return _step(members[0], part) if members else None
    if isinstance(here, type) and issubclass(here, BaseModel):
        return here.model_fields[str(part)].annotation if str(part) in here.model_fields else None
    if origin in {dict, list, tuple} and arguments:
        return arguments[-1] if origin is dict else arguments[0]
    return None
