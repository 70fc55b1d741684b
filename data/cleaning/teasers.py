"""Rule `teasers`: the list of other stories at the end of an article is cut off.

Two kinds of tails are known. An announced one begins with a line such as "Related articles" or 相关阅读 and holds
nothing but short lines without an end of a sentence. One that is not announced is a run of lines in the shape of
headlines: in title case, or cut short with an ellipsis or an arrow, or dated as lists of news are.
"""

import re
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from pydantic import Field

from data.cleaning.rule import Rule, TextBatch
from data.config import Config

_ANNOUNCEMENT = re.compile(
    r"""
    [\W_]{0,3}
    (?: (?:read|see|find\ out|learn)\ more | (?:also\ read|read\ (?:also|next|this\ next)|see\ also|up\ next)
      | related(?:\ (?:articles?|stor(?:y|ies)|posts?|content|links?|news|topics?|coverage|reading|videos?))?
      | more\ (?:from|stories|news|articles|posts|headlines|coverage|like\ this)(?:\ [\w'’ ]{1,30})?
      | you\ (?:may|might)\ (?:also\ )?(?:like|enjoy|be\ interested\ in)
      | recommended(?:\ (?:for\ you|stories|reading|articles|posts|videos))?
      | (?:most|trending|popular|latest|top)\ (?:read|viewed|shared|now|stories|news|posts|articles|headlines)
      | editor['’s]{0,2}\ (?:picks?|choice) | don['’]t\ miss | further\ reading | what\ to\ read\ next
      | (?:elsewhere|from\ around)\ (?:on\ )?the\ web | (?:sponsored|promoted)\ (?:content|links?|stories)
      | (?:相关|推荐|延伸|扩展|拓展|深度|更多|热门|精彩|往期|最新)
        (?:阅读|文章|新闻|报道|链接|推荐|资讯|内容|话题|专题|视频|回顾|精选|精彩|帖子)
      | (?:编辑|小编|为[你您]|猜[你您])(?:推荐|喜欢) | 猜你(?:还)?想看 | 大家(?:都)?在看
      | 阅读更多 | 查看更多
      | [你您]可能(?:也|还)?(?:会)?(?:感兴趣|喜欢)(?:的(?:文章|内容))?
      | 热点(?:新闻|推荐) | 上一篇 | 下一篇 | 参见 | 另见
    )
    [\s\]】》〉>）)]{0,3} (?: $ | [:：] )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_SENTENCE_END = re.compile(r"(?:(?<!\.)\.|[。;；])[\"'”’」』)）]*$")
_CUT_SHORT = re.compile(
    r"(?:…|\.\.\.|\[…\]|[»›→>]|\[图\]|[\[(（]?\d{1,4}[-/.年月]\d{1,2}(?:[-/.月]\d{1,2})?日?[\])）]?)$"
)
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")


class TeasersConfig(Config):
    """Settings of `teasers`."""

    max_line_characters: int = Field(120, gt=0)
    """Longer lines are no teasers."""
    min_headlines: int = Field(4, ge=2)
    """Lines in the shape of headlines that are a tail without being announced."""
    min_title_words: float = Field(0.8, gt=0.0, le=1.0)
    """Share of a headline's words of four letters and more that begin with a capital."""
    max_cut: float = Field(0.5, gt=0.0, le=1.0)
    """Share of a text's characters that may be cut; a tail that is more of it is the text."""


class Teasers(Rule[TeasersConfig]):
    """Repairs; drops nothing."""

    name: ClassVar[str] = "teasers"
    Config: ClassVar[type[Config]] = TeasersConfig

    def apply(self, batch: TextBatch) -> None:
        """Cuts the tails; a text of one line, or whose last line is long, has none."""
        texts, lines = batch.texts, batch.texts.lines
        numbers = np.where(lines.filled, np.arange(len(lines.starts)), -1)
        last = np.maximum.reduceat(numbers, lines.offsets[:-1]) if len(texts) else numbers
        short = (last >= 0) & (lines.characters[last] <= self.config.max_line_characters)
        rows = np.flatnonzero(short & (lines.counts > 1) & batch.alive)
        if len(rows):
            batch.repair(
                self.name, texts.replaced(rows, [without_teasers(texts[row], self.config) for row in rows.tolist()])
            )


def without_teasers(text: str, config: TeasersConfig) -> str:
    """The text up to its tail of teasers, or the whole of it where there is none."""
    lines = text.split("\n")
    start = tail_of(lines, config)
    kept = "\n".join(lines[:start]).rstrip()
    return kept if start < len(lines) and len(kept) >= (1 - config.max_cut) * len(text) else text


def tail_of(lines: Sequence[str], config: TeasersConfig) -> int:
    """Number of the line where the tail begins; the number of lines where there is none."""
    announced, headlines, shaped = len(lines), 0, True
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number].strip()
        if not line:
            continue
        announcement = _ANNOUNCEMENT.match(line)
        if len(line) > config.max_line_characters or (announcement is None and _SENTENCE_END.search(line)):
            if shaped and headlines >= config.min_headlines and _SENTENCE_END.search(line):
                announced = min(announced, number + 1)
            break
        if announcement is not None:
            announced = number
        shaped = shaped and (announcement is not None or is_headline(line, config))
        headlines += shaped
    return announced


def is_headline(line: str, config: TeasersConfig) -> bool:
    """Whether a line can be told to be a headline without one that announces it."""
    if _CUT_SHORT.search(line):
        return True
    words = _LONG_WORD.findall(line)
    return len(words) >= 3 and sum(word[0].isupper() for word in words) >= config.min_title_words * len(words)
