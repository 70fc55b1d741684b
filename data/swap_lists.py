"""Pairs of words that name one group and another: what a counterfactual text exchanges.

The lists are short and common on purpose; a recipe may give its own pairs beside or in place of them.
"""

from typing import NamedTuple


class SwapList(NamedTuple):
    """Words that change places, and words that hold one of them and mean something else."""

    pairs: tuple[tuple[str, str], ...]
    """Where a word stands in several pairs, the first says what it becomes."""
    keep: tuple[str, ...] = ()
    """Stays as it is: in scripts without spaces nothing else shows where a word ends."""


SWAP_LISTS: dict[str, SwapList] = {
    "gender_en": SwapList(
        (
            ("he", "she"),
            ("him", "her"),
            ("his", "her"),
            ("his", "hers"),
            ("himself", "herself"),
            ("man", "woman"),
            ("men", "women"),
            ("boy", "girl"),
            ("boys", "girls"),
            ("father", "mother"),
            ("fathers", "mothers"),
            ("dad", "mom"),
            ("son", "daughter"),
            ("sons", "daughters"),
            ("brother", "sister"),
            ("brothers", "sisters"),
            ("husband", "wife"),
            ("husbands", "wives"),
            ("uncle", "aunt"),
            ("nephew", "niece"),
            ("king", "queen"),
            ("prince", "princess"),
            ("actor", "actress"),
            ("actors", "actresses"),
            ("waiter", "waitress"),
            ("gentleman", "lady"),
            ("gentlemen", "ladies"),
            ("male", "female"),
            ("males", "females"),
            ("mr", "ms"),
            ("mr", "mrs"),
            ("sir", "madam"),
        )
    ),
    "gender_zh": SwapList(
        (
            ("他", "她"),
            ("他们", "她们"),
            ("男人", "女人"),
            ("男性", "女性"),
            ("男孩", "女孩"),
            ("男生", "女生"),
            ("男士", "女士"),
            ("男子", "女子"),
            ("男", "女"),
            ("先生", "女士"),
            ("父亲", "母亲"),
            ("爸爸", "妈妈"),
            ("儿子", "女儿"),
            ("哥哥", "姐姐"),
            ("弟弟", "妹妹"),
            ("兄弟", "姐妹"),
            ("丈夫", "妻子"),
            ("爷爷", "奶奶"),
            ("叔叔", "阿姨"),
            ("国王", "女王"),
            ("王子", "公主"),
            ("男主角", "女主角"),
        ),
        keep=("其他", "吉他", "他人", "他国", "他乡", "利他", "排他", "维他", "子女", "儿女", "男女", "妇女", "处女作"),
    ),
}
"""Name in a recipe -> list; the name ends in the language."""
