"""Scores compare only if they were computed alike, which their signatures say.

A signature is parts between '|', most of them 'what:how': 'nrefs:1|case:mixed|eff:no|tok:zh|smooth:exp|version:2.6.0'.
"""

from collections.abc import Sequence

ONE_REFERENCE = "nrefs:1"
"""Part of the signature of a metric to which several right answers of an example make a difference."""


class OtherSignatureError(ValueError):
    """Two scores of one name were not computed alike."""


def counting_references(signature: str, references: Sequence[Sequence[str]]) -> str:
    """Returns the signature with as many references as the examples have; 'var', as sacrebleu says, if that varies."""
    counts = {len(each) for each in references} or {1}
    number = "var" if len(counts) > 1 else str(*counts)
    return "|".join(f"nrefs:{number}" if part == ONE_REFERENCE else part for part in signature.split("|"))


def refuse_other(place: str, first: str, second: str) -> None:
    """Checks that two scores can be compared.

    Args:
        place: what is compared, 'headline: bleu'.
        first: signature of the one score.
        second: of the other.

    Raises:
        OtherSignatureError: the signatures differ.
    """
    if first == second:
        return
    ours, theirs = first.split("|"), second.split("|")
    only_first = ", ".join(part for part in ours if part not in theirs) or "nothing more"
    only_second = ", ".join(part for part in theirs if part not in ours) or "nothing more"
    raise OtherSignatureError(
        f"{place}: scores with different signatures are not compared: {first!r} and {second!r}. The first has "
        f"{only_first}, the second {only_second}. Score both again in one way: same language, settings and versions"
    )
