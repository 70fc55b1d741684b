import pytest

from data.sources.tagged import untagged


@pytest.mark.parametrize(
    ("tagged", "text"),
    [
        ("迈向/v  充满/v  希望/n  的/u  新/a  世纪/n", "迈向充满希望的新世纪"),
        ("[中国/ns 政府/n]nt 说/v ：/w “/w 好/a 。/w ”/w", "中国政府说：“好。”"),
        ("１９９７年/t 用/v Windows/nx 95/m 的/u 人/n", "１９９７年用Windows 95的人"),
        ('The/at jury/nn said/vbd :/: "/`` yes/rb', 'The jury said : " yes'),
        ("每/r 秒/q 3/m km/h/q //w [/w 注/v ]/w", "每秒3 km/h / [注]"),
        ("东/f\n西/f", "东\n西"),
        ("没有标记 and none", "没有标记and none"),
        ("", ""),
    ],
)
def test_tags_go_and_words_are_joined_as_their_script_joins_them(tagged: str, text: str) -> None:
    assert untagged(tagged) == text
