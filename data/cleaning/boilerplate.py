"""Rule `boilerplate`: lines that belong to the page and not to the text are taken out.

Only short lines that say nothing else are taken; a sentence that mentions cookies stays.
"""

import re
from typing import ClassVar

from pydantic import Field

from data.cleaning.rule import Rule, TextBatch
from data.config import Config

_PHRASES = re.compile(
    r"""
    (?: (?:we|this\ (?:web)?site)\ uses?\ cookies
      | accept\ (?:all\ )?cookies
      | (?:privacy|cookie)\ policy | terms\ (?:of|and)\ (?:use|service|conditions)
      | all\ rights\ reserved | copyright\ (?:©|\(c\)|\d{4}) | ©\ ?\d{4}
      | (?:please\ )?enable\ javascript | javascript\ is\ (?:disabled|required)
      | (?:sign|log)\ ?(?:in|up)(?:\ |$) | subscribe\ (?:to|now)
      | (?:click|tap)\ (?:here|to) | read\ more | share\ (?:this|on) | follow\ us
      | lorem\ ipsum | skip\ to\ (?:main\ )?content
      | 版权所有 | 保留所有权利 | 未经.{0,12}许可.{0,12}转载 | 转载请注明 | 点击(?:这里|此处|查看|进入|下载)
      | 责任编辑 | 扫描?二维码 | 关注(?:我们|微信|公众号) | 上一[篇页] | 下一[篇页] | 返回(?:首页|顶部)
      | 京?ICP[备证] | 京公网安备 | 隐私(?:政策|声明) | 用户协议 | 登录[/|\ ]注册
    )
    """,
    re.IGNORECASE | re.VERBOSE,
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
        for index in batch.alive():
            lines = batch.texts[index].split("\n")
            if len(lines) > 1:
                kept = (line for line in lines if not self._is_boilerplate(line))
                batch.repair(index, self.name, "\n".join(kept).strip())

    def _is_boilerplate(self, line: str) -> bool:
        return len(line) <= self.config.max_characters and _PHRASES.search(line) is not None
