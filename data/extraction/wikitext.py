"""Markup `wikitext`: the running text of a MediaWiki page, without templates, tables, references, files and categories.

It is parsed by mwparserfromhell, which follows MediaWiki's own tokenizer: patterns alone get nested templates wrong.
"""

import re

_NAMESPACES = ("file", "image", "media", "category")
_OTHER_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]+)*")
_BEHAVIOUR = re.compile(r"__[A-Z]+__")


def plain_text(content: bytes, hint: str) -> str:
    """The text of a page; headings are lines of their own.

    Args:
        content: wikitext in UTF-8.
        hint: what the wiki calls its namespaces of files and categories, divided by '|'.
    """
    import mwparserfromhell  # here, because only the processes that extract need it

    code = mwparserfromhell.parse(content.decode())
    unseen = {name.casefold() for name in (*_NAMESPACES, *hint.split("|"))}
    doomed = [link for link in code.filter_wikilinks() if _shows_nothing(str(link.title), unseen)]
    doomed += code.filter_tags(matches=lambda tag: str(tag.tag).strip().lower() == "table")
    for node in doomed:
        try:
            code.remove(node)
        except ValueError:  # it was inside one that is gone already
            continue
    return _BEHAVIOUR.sub("", str(code.strip_code())).strip()


def _shows_nothing(target: str, unseen: set[str]) -> bool:
    """Whether a link puts a file or a category on the page, or names the same page in another language."""
    prefix, colon, _ = target.partition(":")
    prefix = prefix.strip()
    return bool(colon) and (prefix.casefold() in unseen or _OTHER_LANGUAGE.fullmatch(prefix) is not None)
