"""Rule `code`: documents that are programs are spared the rules for prose, and are judged by rules of their own.

What is a program is told by the source's `type: code`, or by the shape of its lines. It comes before all other rules,
since `repair` would take its indentation away.

Sources: Chen et al. 2021 (Codex), arXiv:2107.03374, section 3.1, for length of lines, letters and digits, and generated
files, as also CodeParrot and Li et al. 2023 (StarCoder), arXiv:2305.06161; Lozhkov et al. 2024 (StarCoder 2),
arXiv:2402.19173, for encoded data.
"""

import re
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from data.cleaning.rule import Mask, Rule, TextBatch
from data.config import Config
from data.text import TextColumn

_LINE_OF_CODE = (
    r"[{};]\s*$"  # statements and blocks of the C family
    r"|^\s*(?:def|class|func|fn|function|public|private|protected|static|struct|enum|interface)\b.*[({:,]\s*$"
    r"|^\s*(?:if|elif|else|for|while|with|try|except|finally|switch|case|catch|do)\b.*[:{]\s*$"
    r"|^\s*(?:import|from|package|using|require|include)\s+[\w.*\"'<>/, ]+(?:import\b.*)?$"
    r"|^\s*(?:return|raise|throw|yield|await|print|assert|echo|del)\b[ (].*[\w)\]\"']\s*$"
    r"|^\s*(?:pass|break|continue|return|end|fi|done|esac)\s*$"
    r"|^\s*(?:const |let |var |final |\$)?[\w.\[\]\"'*]+(?:\s*:\s*[\w\[\], |.]+)?\s*(?:[-+*/|&]?=|:=|=>|<-)\s*\S"
    r"|^\s*[\w.]+\([^)]*\)\S{0,2}\s*$"
    r"|^\s*(?://|/\*|\*/|\* @|#include|#define|#if|#endif|#!|@\w+\b|<!--|-- |\"\"\")"
    r"|^\s*</?[A-Za-z][^<>]*>.*$|^\s*[\])}]+[,;)]*\s*$|^\s*\"[\w.-]+\"\s*:"
)
_GENERATED = (
    r"(?i)auto-?generated|automatically generated|@generated|code generated|file is generated|machine generated"
    r"|do not (?:edit|modify) (?:this|by hand|directly)|自动生成.{0,12}(?:勿|不要)"
    r"|(?:文件|代码)(?:由|是).{0,20}自动生成"
)
_ENCODED = re.compile(
    r"[A-Za-z0-9+/=]{64,}(?:\n[A-Za-z0-9+/=]{64,})*"  # base64, in one line or in several of full length
    r"|(?:(?:0x|\\x)[0-9a-fA-F]{2}[,\s]*){8,}"
    r"|(?:\\u[0-9a-fA-F]{4}){8,}"
    r"|[0-9a-fA-F]{64,}"
)
_ENCODED_AT_ALL = r"[A-Za-z0-9+/=]{64}|(?:(?:0x|\\x)[0-9a-fA-F]{2}[,\s]*){8}|(?:\\u[0-9a-fA-F]{4}){8}"


class CodeConfig(Config):
    """Settings of `code`; shares are between 0 and 1."""

    min_lines: int = Field(5, ge=1)
    """Shorter documents are not told to be code by their shape."""
    min_code_lines: float = Field(0.5, gt=0.0, le=1.0)
    """Share of the lines with text that look like code, from which a document is code."""
    max_line_characters: int = Field(1000, gt=0)
    """Of the longest line."""
    max_mean_line_characters: float = Field(100.0, gt=0.0)
    min_alphanumeric: float = Field(0.25, ge=0.0, le=1.0)
    """Share of the characters that are letters or digits."""
    marker_lines: int = Field(5, ge=0)
    """Among so many lines at the top a mark is looked for that says the file was generated."""
    min_spaces: float = Field(0.04, ge=0.0, le=1.0)
    """Share of the characters that are white space; what has less is minified."""
    max_encoded_run: int = Field(1024, gt=0)
    """Characters of the longest run of base64, hexadecimal bytes or Unicode escapes."""
    max_encoded: float = Field(0.5, ge=0.0, le=1.0)
    """Share of the characters in such runs."""


class Code(Rule[CodeConfig]):
    """Reasons: 'minified', 'encoded', 'long_line', 'long_lines', 'few_alphanumerics', 'generated'."""

    name: ClassVar[str] = "code"
    Config: ClassVar[type[Config]] = CodeConfig
    prose_only: ClassVar[bool] = False

    def apply(self, batch: TextBatch) -> None:
        """Says which documents are code, and drops some of them; the others get a language here if they have none."""
        config, texts = self.config, batch.texts
        batch.code |= looks_like_code(texts, config)
        code = batch.code & batch.alive
        if not code.any():
            return
        without_language = code & np.array([language is None for language in batch.languages.tolist()])
        batch.languages[without_language] = self.languages[0]
        lines, characters = texts.lines, texts.characters
        filled = np.maximum(texts.sums(lines.filled, lines.offsets), 1)
        longest = np.maximum.reduceat(lines.characters, lines.offsets[:-1])
        runs, encoded = self._encoded(texts, code)
        batch.drop(
            self.name,
            "encoded",
            code & ((runs > config.max_encoded_run) | (encoded > config.max_encoded * characters.total)),
        )
        batch.drop(self.name, "minified", code & (characters.spaces < config.min_spaces * characters.total))
        batch.drop(self.name, "long_line", code & (longest > config.max_line_characters))
        batch.drop(self.name, "long_lines", code & (characters.total > config.max_mean_line_characters * filled))
        alphanumeric = characters.letters + characters.digits
        batch.drop(self.name, "few_alphanumerics", code & (alphanumeric < config.min_alphanumeric * characters.total))
        batch.drop(self.name, "generated", code & self._generated(texts))

    def _generated(self, texts: TextColumn) -> Mask:
        """(N,) whether a mark stands near the top."""
        lines = texts.lines
        number = np.arange(len(lines.starts)) - np.repeat(lines.offsets[:-1], lines.counts)
        marked = np.zeros(len(number), dtype=bool)
        top = number < self.config.marker_lines
        marked[top] = _matches(texts.line_array.filter(pa.array(top)), _GENERATED)
        return texts.sums(marked, lines.offsets) > 0

    def _encoded(self, texts: TextColumn, wanted: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(N,) characters of the longest encoded run, and (N,) of all."""
        longest, total = np.zeros(len(texts), dtype=np.int64), np.zeros(len(texts), dtype=np.int64)
        for row in np.flatnonzero(wanted & _matches(texts.array, _ENCODED_AT_ALL)).tolist():
            lengths = [found.end() - found.start() for found in _ENCODED.finditer(texts[row])]
            longest[row], total[row] = max(lengths, default=0), sum(lengths)
        return longest, total


def looks_like_code(texts: TextColumn, config: CodeConfig) -> Mask:
    """(N,) whether enough lines of a document have the shape of code."""
    lines = texts.lines
    count = texts.sums(lines.filled, lines.offsets)
    shaped = texts.sums(_matches(texts.line_array, _LINE_OF_CODE) & lines.filled, lines.offsets)
    enough: Mask = (count >= config.min_lines) & (shaped >= config.min_code_lines * count)
    return enough


def _matches(strings: pa.StringArray, pattern: str) -> Mask:
    found: Mask = pc.match_substring_regex(strings, pattern).to_numpy(zero_copy_only=False)
    return found
