"""Markup `wikitext`: the running text of a MediaWiki page, without templates, tables, references, files and categories.

It is parsed by mwparserfromhell, which follows MediaWiki's own tokenizer: patterns alone get nested templates wrong.
"""

import re
from typing import Any

from data.language import UNSPACED

_NAMESPACES = (
    *("file", "image", "media", "category"),
    # Chinese wikis have these beside the names in their dumps (MediaWiki, MessagesZh_hans.php and MessagesZh_hant.php).
    *("文件", "檔案", "档案", "图像", "圖像", "图片", "圖片", "媒体", "媒體", "分类", "分類"),
)
_ASIDE = ("table", "ref", "references")
_OTHER_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]+)*")
_BEHAVIOUR = re.compile(r"__[A-Z]+__")
_CONVERSION = re.compile(r"-\{(?:([A-Za-z;-]*)\|)?([^{}]*)\}-")
_VARIANT = re.compile(r"(?:^|;)\s*(?:[^;:]*=>\s*)?(zh(?:-[a-z]+)?)\s*:\s*([^;]*)")
_VARIANTS = ("zh", "zh-hans", "zh-hant", "zh-cn", "zh-tw", "zh-hk", "zh-sg", "zh-mo", "zh-my")
"""The order in which MediaWiki takes them where a reader has chosen none (ZhConverter)."""
_UNSEEN_FLAGS = frozenset("HT-")
"""Of a conversion that is for the rest of the page, for its title, or taken back."""


def plain_text(content: bytes, hint: str) -> str:
    """The text of a page; headings are lines of their own.

    Args:
        content: wikitext in UTF-8.
        hint: what the wiki calls its namespaces of files and categories, divided by '|'.
    """
    import mwparserfromhell  # here, because only the processes that extract need it

    code = mwparserfromhell.parse(content.decode())
    unseen = {name.casefold() for name in (*_NAMESPACES, *hint.split("|"))}
    doomed: list[Any] = [link for link in code.filter_wikilinks() if _shows_nothing(str(link.title), unseen)]
    doomed += code.filter_tags(matches=lambda tag: str(tag.tag).strip().lower() in _ASIDE)
    for node in doomed:
        try:
            code.remove(node)
        except ValueError:  # it was inside one that is gone already
            continue
    return _CONVERSION.sub(_shown, _BEHAVIOUR.sub("", str(code.strip_code()))).strip()


def _shown(conversion: re.Match[str]) -> str:
    """What a reader sees of `-{zh-hans:软件;zh-hant:軟體}-`; what is no Chinese, as in a formula, stays as it is."""
    flags, content = conversion[1] or "", conversion[2]
    variants = {variant: text.strip() for variant, text in _VARIANT.findall(content)}
    if not variants and re.search(f"[{UNSPACED}]", content) is None:
        return conversion[0]
    if _UNSEEN_FLAGS & set(flags.upper().split(";")):
        return ""
    return next((variants[name] for name in _VARIANTS if name in variants), content)


def _shows_nothing(target: str, unseen: set[str]) -> bool:
    """Whether a link puts a file or a category on the page, or names the same page in another language."""
    prefix, colon, _ = target.partition(":")
    prefix = prefix.strip()
    return bool(colon) and (prefix.casefold() in unseen or _OTHER_LANGUAGE.fullmatch(prefix) is not None)
