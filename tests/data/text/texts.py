"""Texts for property tests: English, Chinese, other scripts, mojibake, controls, entities, lines and margins, mixed."""

import re

from hypothesis import strategies as st

_WORDS = """
the The river THE carried small boats, past 'quiet' villages... where people waited # 12 3,4 café Œuvre œ _ Ⅷ ½ ²
语言模型 学习。 全角，ＡＢＣ！ ひらがな カタカナ Привет МИР Ελλάς ΟΔΟΣ οδος ﬁne İstanbul ǅ Straße हिन्दी की
ไทย 한국어 cafe\u0301 e\u0301
â€™ Ã© Ã â€œso Â£5 ï»¿ doesnâ€™t ä½\xa0 Ð¿Ñ€ вЂ™ ĀŽ “q” «é» é» É« 1º ‚Ä √± × Ø§Ù ™ ® º ¨ ¸ ˆ ‹x› €5 ¥ © … — – °
&amp; &#39; &#x4e2d; &copy; &nosuch; & &; &#; \U0001f600 \U00020000 \U0003134f \U0010fffd
accept cookies privacy policy Lo\u017fg in sub\u017fcribe now 版权所有 责任编辑：王某 上一篇 ICP备 all rights reserved
"""
_ENCODINGS = ("latin-1", "cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "cp1257", "iso-8859-2", "mac-roman", "cp437")
_SPACES = [" ", " ", " ", " ", "  ", "\n", "\n", "\n\n", " \n ", "\r\n", "\r", "\t", "\u3000", "\xa0", "\u2028", "\x85"]
_SPECIAL = [
    *("\x00", "\x1b[0m", "\x0c", "\xad", "\u200b", "\u200c", "\ufeff", "\ufffd", "\u202a", "\u2060", "\ufffb", "\x96"),
    *("- ", "• ", "..."),
]


def _read_wrongly(text: str, encoding: str) -> str:
    """The text's UTF-8 read as if it were in another encoding; what has no place there is lost."""
    return text.encode().decode(encoding, "replace")


pieces = st.one_of(
    st.sampled_from(re.split("[ \n]+", _WORDS)),
    st.builds(_read_wrongly, st.sampled_from(re.split("[ \n]+", _WORDS)), st.sampled_from(_ENCODINGS)),
    st.sampled_from(_SPACES),
    st.sampled_from(_SPECIAL),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
    st.text(st.characters(max_codepoint=0x2FF, exclude_categories=["Cs"]), max_size=4),
)
texts = st.lists(pieces, max_size=40).map("".join)
batches = st.lists(texts, max_size=6)
