r"""Rule `tripled`: a formula that stands in the text as glyphs, as LaTeX and as alternative text is left there once.

A page shows a formula as MathML and keeps its LaTeX beside it, for copying and for screen readers; an extractor takes
all of it: "x 2 x^{2} {\displaystyle x^{2}}", "α α \alpha", "x2x^{2}x2" (MediaWiki, MathJax, KaTeX). LaTeX is found by
its marks, turned into the glyphs that it draws, and these are looked for beside it. Where they are not, nothing is
changed.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import ClassVar

import numpy as np
import pyarrow.compute as pc
from pydantic import Field

from data.cleaning.rule import Rule, TextBatch
from data.config import Config

_GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu"),
    *("xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"),
)
_OTHERS = """varepsilon ε varphi φ vartheta θ ell ℓ hbar ℏ partial ∂ nabla ∇ le ≤ leq ≤ ge ≥ geq ≥ ne ≠ neq ≠ approx ≈
    equiv ≡ sim ∼ times × cdot ⋅ div ÷ pm ± mp ∓ circ ∘ oplus ⊕ otimes ⊗ sum ∑ prod ∏ int ∫ infty ∞ ldots … dots …
    cdots ⋯ prime ′ in ∈ notin ∉ subset ⊂ subseteq ⊆ cup ∪ cap ∩ emptyset ∅ forall ∀ exists ∃ neg ¬ land ∧ wedge ∧
    lor ∨ vee ∨ perp ⊥ to → rightarrow → leftarrow ← Rightarrow ⇒ Leftrightarrow ⇔ mapsto ↦ langle ⟨ rangle ⟩ mid |
    vert | Vert ‖"""
_GLYPHS = dict(zip(_OTHERS.split()[::2], _OTHERS.split()[1::2], strict=True)) | {
    written: unicodedata.lookup(f"GREEK {case} LETTER {name.replace('lambda', 'lamda')}")
    for name in _GREEK
    for case, written in (("SMALL", name), ("CAPITAL", name.title()))
}
"""Command -> the glyph that it draws."""
_NAMES = frozenset(
    (
        "sin",
        "cos",
        "tan",
        "cot",
        "log",
        "ln",
        "exp",
        "lim",
        "max",
        "min",
        "sup",
        "inf",
        "det",
        "dim",
        "ker",
        "gcd",
        "arg",
    )
)
"""Commands that draw their own name."""
_COMMAND = re.compile(r"\\(?:([A-Za-z]+)|(.))", re.DOTALL)
_SAME = str.maketrans({"−": "-", "′": "'", "∗": "*", "∣": "|", "ϵ": "ε", "ϕ": "φ", "·": "⋅", "∙": "⋅", "∼": "~"})
_UNDRAWN = frozenset(" \t\n\xa0^_{}&\u200b\u2061\u2062\u2063\u2064")
_BRACE = re.compile("[{}]")
_OPENING = re.compile(r"\{\\(?:display|text|script)style\b")
_STRUCTURE = re.compile(r"[\^_&]|\\(?:[a-z]*frac|sqrt|[a-z]*binom|begin|over|under|hat|bar|vec|dot|tilde)\b")
# What LaTeX without a wrapper may consist of: no white space, no Chinese.
_TOKEN = re.compile(r"[^\s\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+")
_MARK = re.compile(r"\\[A-Za-z]|[\^_][{A-Za-z0-9]")
_SURE_MARK = re.compile(r"\\[A-Za-z]|\^[{A-Za-z0-9]|_\{")  # no name_with_underscores
_PUNCTUATION = ".,;:"
"""What may follow a formula without being part of it."""
_TOKENS_BESIDE = 6
"""LaTeX without a wrapper is taken to reach at most so many tokens to each side of one that shows that it is LaTeX."""


class TripledConfig(Config):
    """Settings of `tripled`."""

    min_copies: int = Field(2, ge=1)
    """Times that the glyphs must stand beside LaTeX without a wrapper; beside LaTeX in one, once is enough."""
    max_formula_characters: int = Field(1000, gt=0)
    """Of the LaTeX; what is longer is no formula."""


class Tripled(Rule[TripledConfig]):
    """Repairs; drops nothing."""

    name: ClassVar[str] = "tripled"
    Config: ClassVar[type[Config]] = TripledConfig

    def apply(self, batch: TextBatch) -> None:
        """Repairs texts that hold LaTeX at all."""
        texts = batch.texts
        marked = pc.match_substring_regex(texts.array, _MARK.pattern).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(marked & batch.alive)
        if len(rows):
            batch.repair(self.name, texts.replaced(rows, [untripled(texts[row], self.config) for row in rows.tolist()]))


def untripled(text: str, config: TripledConfig) -> str:
    """The text with each formula once: as glyphs where LaTeX says no more than they, as LaTeX where it does."""
    return _without_wrapper(_wrapped(text, config), config)


def glyphs(latex: str) -> str:
    """What the LaTeX draws, in one line and without white space: 'x2' for 'x^{2}'."""
    return _plain(_COMMAND.sub(lambda command: _drawn(command[1]), latex))


def _drawn(name: str | None) -> str:
    return "" if name is None else name if name in _NAMES else _GLYPHS.get(name, "")


def _plain(text: str) -> str:
    """One spelling for what looks alike, mathematical letters among it, without what is not drawn."""
    same = unicodedata.normalize("NFKC", text.translate(_SAME)).translate(_SAME)
    return "".join(character for character in same if character not in _UNDRAWN)


def _wrapped(text: str, config: TripledConfig) -> str:
    """Repairs LaTeX in wrappers, which say how large it is to be drawn."""
    made, done = [], 0
    for opening in _OPENING.finditer(text):
        end = _closing(text, opening.start(), config.max_formula_characters)
        if opening.start() < done or end is None:
            continue
        latex = text[opening.end() : end - 1].strip()
        start, stop, copies = _with_copies(text, done, opening.start(), end, latex)
        if copies:
            made += [text[done:start], _shown(latex)]
            done = stop
    return "".join([*made, text[done:]])


def _closing(text: str, start: int, limit: int) -> int | None:
    """The place behind the brace that closes the one at `start`."""
    depth = 0
    for brace in _BRACE.finditer(text, start, start + limit):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.end()
    return None


def _without_wrapper(text: str, config: TripledConfig) -> str:
    """Repairs LaTeX that stands in the text as if it were words."""
    if _MARK.search(text) is None:
        return text
    made, done = [], 0
    tokens = [token.span() for token in _TOKEN.finditer(text)]
    for number, (start, end) in enumerate(tokens):
        if start < done or _MARK.search(text, start, end) is None:
            continue
        for begin, stop, latex in _readings(text, tokens, number, done, config):
            made += [text[done:begin], _shown(latex)]
            done = stop
            break
    return "".join([*made, text[done:]])


def _readings(
    text: str, tokens: list[tuple[int, int]], number: int, done: int, config: TripledConfig
) -> Iterator[tuple[int, int, str]]:
    """Start, end and LaTeX of a formula with all its copies, around one token; the longest LaTeX first."""
    start, end = tokens[number]
    token = text[start:end]
    if len(token) > config.max_formula_characters:
        return
    for size in range(len(token) // 2, 0, -1):  # KaTeX: glyphs, LaTeX and glyphs in one token
        latex = token[size : len(token) - size]
        if latex and token[:size] == token[-size:] and glyphs(latex) == _plain(token[:size]):
            yield start, end, latex
    if _SURE_MARK.search(token) is None:
        return
    first, last = max(0, number - _TOKENS_BESIDE), min(len(tokens), number + _TOKENS_BESIDE + 1)
    closings = {to_token: _closing_characters(text[slice(*tokens[to_token])]) for to_token in range(number, last)}
    for from_token in range(first, number + 1):
        begin = tokens[from_token][0]
        before = _character_before(text, begin, done)
        for to_token in reversed(range(number, last)):
            if not before or before not in closings[to_token]:  # no copy ends there
                continue
            latex = text[begin : tokens[to_token][1]].rstrip(_PUNCTUATION)
            if "\n" in latex or len(latex) > config.max_formula_characters:
                continue
            whole_start, whole_end, copies = _with_copies(text, done, begin, begin + len(latex), latex)
            if copies >= config.min_copies:
                yield whole_start, whole_end, latex


@lru_cache(maxsize=4096)
def _closing_characters(token: str) -> str:
    """The last character of LaTeX that ends with this token, as it is drawn and as it is written."""
    token = token.rstrip(_PUNCTUATION)
    return glyphs(token)[-1:] + token[-1:]


def _character_before(text: str, place: int, done: int) -> str:
    """The last character before a place that is drawn; '' if there is none."""
    for at in range(place - 1, done - 1, -1):
        if drawn := _plain(text[at]):
            return drawn[-1]
    return ""


def _with_copies(text: str, done: int, start: int, end: int, latex: str) -> tuple[int, int, int]:
    """The stretch from the first to the last copy of the formula at [start, end), and how many there are beside it."""
    drawn, raw = glyphs(latex), "".join(latex.split())
    copies = 0
    while drawn and copies < 3:
        found = _before(text, start, raw, done, raw=True)
        found = _before(text, start, drawn, done) if found is None else found
        if found is None:
            break
        start, copies = found, copies + 1
    after = _after(text, end, drawn) if drawn and copies else None
    return (start, end, copies) if after is None else (start, after, copies + 1)


def _before(text: str, end: int, wanted: str, done: int, *, raw: bool = False) -> int | None:
    """Where a copy that ends at `end` begins."""
    at, place = len(wanted), end
    while at:
        place -= 1
        if place < done:
            return None
        piece = text[place].strip() if raw else _plain(text[place])
        if piece and wanted[max(0, at - len(piece)) : at] != piece:
            return None
        at -= len(piece)
    while place > done and text[place - 1] == "{":
        place -= 1
    return None if _joined(text, place) else place


def _after(text: str, start: int, wanted: str) -> int | None:
    """Where a copy that begins at `start`, after a blank at most, ends."""
    at, place = 0, start
    while at < len(wanted):
        if place >= len(text):
            return None
        piece = _plain(text[place])
        if piece and wanted[at : at + len(piece)] != piece:
            return None
        at, place = at + len(piece), place + 1
    while text.startswith("}", place) and text.count("{", start, place) > text.count("}", start, place):
        place += 1
    return None if place < len(text) and _joined(text, place) else place


def _joined(text: str, place: int) -> bool:
    """Whether a word goes on across `place`, so that a letter there is no formula of its own."""
    return 0 < place < len(text) and all(c.isalnum() and c < "\u2e80" for c in text[place - 1 : place + 1])


def _shown(latex: str) -> str:
    if _STRUCTURE.search(latex) or any(_drawn(command[1]) == "" for command in _COMMAND.finditer(latex)):
        return latex
    return _COMMAND.sub(lambda command: _drawn(command[1]), latex).replace("{", "").replace("}", "")
