"""Rule `boilerplate`: lines that belong to the page and not to the text are taken out.

Only short lines are taken, and those that a story may have too, such as about signing in, only where they invite.
"""

import re
from typing import ClassVar

import numpy as np
from pydantic import Field

from data.cleaning.rule import Rule, TextBatch
from data.config import Config
from data.text.needles import Needles

_PHRASES = re.compile(
    r"""
    # What is found on pages only.
    (?: (?:we|this\ (?:web)?site)\ uses?\ cookies
      | accept\ (?:all\ )?cookies
      | (?:privacy|cookie)\ policy | terms\ (?:of|and)\ (?:use|service|conditions)
      | all\ rights\ reserved | \bcopyright\ (?:©|\(c\)|\d{4}) | ©\ ?\d{4}
      | enable\ javascript | javascript\ is\ (?:disabled|required)
      | lorem\ ipsum | skip\ to\ (?:main\ )?content
      | 版权所有 | 保留所有权利 | 未经.{0,12}许可.{0,12}转载 | 转载请注明
      | 责任编辑 | 扫描?二维码 | 关注(?:微信|公众号)
      | 京?ICP[备证] | 京公网安备 | 隐私(?:政策|声明) | 用户协议 | 登录[/|\ ]注册
    )
    # What is found within sentences too: it is an invitation where a line, or a part of one, begins with it.
    | (?: ^ | [^\w\s,;'"“”‘’「（(，、；：] \s* ) (?: (?:please|to)\  | 请 )?
      (?: (?:(?:sign|log)\ ?(?:in|up) | subscribe)\b
        | (?:click|tap)\ (?:here|to|on)\b
        | read\ more\b (?= \W*$ | \ (?:about|at|on)\b)
        | share\ (?:this|on)\b | follow\ us\b
        | 点击(?:这里|此处|查看|进入|下载) | 关注我们 | 上一[篇页] | 下一[篇页] | 返回(?:首页|顶部)
      )
    """,
    re.IGNORECASE | re.VERBOSE,
)
# One of these is in every line in which a phrase is; the last four letters are to `re` the same as i, s and k.
_HINTS = Needles(
    [
        *("cookie", "policy", "terms", "rights", "copyright", "©", "javascript", "sign", "log", "subscribe", "click"),
        *("tap", "more", "share", "follow", "lorem", "skip", "版权", "保留", "未经", "转载", "点击", "编辑", "维码"),
        *(
            "关注",
            "上一",
            "下一",
            "返回",
            "icp",
            "京公",
            "隐私",
            "协议",
            "登录",
            "\u0130",
            "\u0131",
            "\u017f",
            "\u212a",
        ),
    ]
)


class BoilerplateConfig(Config):
    """Settings of `boilerplate`."""

    max_characters: int = Field(80, gt=0)
    """Longer lines are taken for text whatever they say."""


class Boilerplate(Rule[BoilerplateConfig]):
    """Repairs; drops nothing."""

    name: ClassVar[str] = "boilerplate"
    Config: ClassVar[type[Config]] = BoilerplateConfig

    def apply(self, batch: TextBatch) -> None:
        """Takes the lines out; a text of one line is left alone."""
        texts, lines = batch.texts, batch.texts.lines
        short = lines.filled & (lines.characters <= self.config.max_characters)
        short &= np.repeat(batch.alive & (lines.counts > 1), lines.counts)
        keep = np.ones_like(short)
        for line in np.flatnonzero(_HINTS.found(texts.data, lines.starts, lines.ends, short)).tolist():
            text = texts.data[lines.starts[line] : lines.ends[line]].tobytes().decode()
            keep[line] = _PHRASES.search(text) is None
        batch.keep_lines(self.name, keep)
