from collections.abc import Callable
from pathlib import Path

import pytest

from data.sources import Row, SourceError
from data.sources.formats import mediawiki

MARKUP = (
    "{{Infobox|a={{b}}}}\n'''Rivers''' carry [[boat|boats]] to [[the sea]].&lt;ref&gt;A book&lt;/ref&gt; "
    "[[Datei:x.jpg|thumb|A picture]]\n== Boats ==\n{| class='x'\n| cell\n|}\nThey float.\n"
    "[[Category:Water]]\n[[de:Fluss]]\n__NOTOC__"
)


def test_markup_becomes_running_text(
    read: Callable[..., list[Row]], tmp_path: Path, wiki_of: Callable[..., bytes]
) -> None:
    (tmp_path / "a.xml").write_bytes(wiki_of([("River", MARKUP)]))

    [row] = read(path="a.xml")
    assert row.title == "River"
    assert row.origin == "a.xml:River"
    assert row.text.split() == ["Rivers", "carry", "boats", "to", "the", "sea.", "Boats", "They", "float."]


def test_chinese_names_of_namespaces_and_conversions_leave_no_markup(
    read: Callable[..., list[Row]], tmp_path: Path, wiki_of: Callable[..., bytes]
) -> None:
    markup = (
        "-{T|zh-hans:软件;zh-hant:軟體}--{H|zh-cn:计算机;zh-tw:電腦}--{A|zh-tw:程式; zh-cn:程序;}-是-{zh-hant:軟體; "
        "zh-hans:软件}-。[[檔案:x.jpg|thumb|图]]-{三十}-个-{R|里}-，-{zh-cn:a}-。[[圖像:y.png]]e^-{x}-\n[[分類:软件]][[分类:水]]"
    )
    (tmp_path / "a.xml").write_bytes(wiki_of([("软件", markup)]))

    assert [row.text for row in read(path="a.xml")] == ["程序是软件。三十个里，a。e^-{x}-"]


def test_pages_without_an_article_are_counted_under_what_they_are(
    read: Callable[..., list[Row]], tmp_path: Path, wiki_of: Callable[..., bytes]
) -> None:
    content = wiki_of([("A", "Text"), ("Talk:A", "Hello"), ("B", "#redirect [[A]]"), ("C", " "), ("D", "{{E}}")])
    content = content.replace(b"<title>Talk:A</title><ns>0", b"<title>Talk:A</title><ns>1")
    content = content.replace(b"<id>3</id>", b'<id>3</id><redirect title="A"/>')
    (tmp_path / "a.xml").write_bytes(content)

    defects = [None, "not_an_article", "redirect", "redirect", "no_main_text"]
    assert [row.defect for row in read(path="a.xml")] == defects


def test_of_several_revisions_the_last_counts(
    read: Callable[..., list[Row]], tmp_path: Path, wiki_of: Callable[..., bytes]
) -> None:
    old, new = wiki_of([("A", "The old text")]), b"<revision><text>The new text</text></revision></page>"
    (tmp_path / "a.xml").write_bytes(old.replace(b"</page>", new))

    assert [row.text for row in read(path="a.xml")] == ["The new text"]


def test_entities_that_grow_or_point_elsewhere_are_refused(
    read: Callable[..., list[Row]], tmp_path: Path, wiki_of: Callable[..., bytes]
) -> None:
    bombs = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10 if n else 'ha'}'>" for n in range(10))
    for name, entities in (("bomb", bombs), ("file", "<!ENTITY a9 SYSTEM 'file:///etc/hostname'>")):
        head = f"<!DOCTYPE mediawiki [{entities}]>"
        (tmp_path / f"{name}.xml").write_bytes(wiki_of([("A", "&a9;")], head=head))
        with pytest.raises(SourceError, match=r"broken after 0 documents \(it declares a document type"):
            read(path=f"{name}.xml")


def test_what_is_no_wiki_or_breaks_off_is_an_error(
    read: Callable[..., list[Row]], tmp_path: Path, wiki_of: Callable[..., bytes]
) -> None:
    (tmp_path / "feed.xml").write_text("<rss><item>news</item></rss>")
    (tmp_path / "cut.xml").write_bytes(wiki_of([("A", "One"), ("B", "Two")])[:-30])
    with pytest.raises(SourceError, match="no dump of a MediaWiki"):
        read(path="feed.xml")
    with pytest.raises(SourceError, match="not XML"):
        read(path="cut.xml")


@pytest.mark.parametrize(
    "content",
    [
        "<page a='{}'/>",
        "<page><text>{}</text></page>",
        "<page><text>{}</text><model>wikitext</model></page>",  # as older dumps have it
    ],
)
def test_a_page_or_a_tag_beyond_the_limit_is_not_held(
    read: Callable[..., list[Row]], tmp_path: Path, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mediawiki, "MARKUP_LIMIT_BYTES", 1000)
    monkeypatch.setattr(mediawiki, "_CHUNK_BYTES", 1000)
    (tmp_path / "a.xml").write_text(f"<mediawiki>{content.format('x' * 5000)}</mediawiki>")

    if "/>" in content:
        with pytest.raises(SourceError, match="a tag of more than 1,000 bytes"):
            read(path="a.xml")
    else:
        assert [row.defect for row in read(path="a.xml")] == ["too_large"]
