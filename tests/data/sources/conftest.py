"""What the tests of sources share: reading one, and files of every format with documents that are known."""

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from pydantic import TypeAdapter

from data.sources import Ledger, Row, SourceConfig, read_source, source_key

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
TEXTS = [
    "The harbour was quiet before the storm, and the fishermen pulled their boats onto the sand one by one.",
    "早上来了一封信，信上没有邮票，没有名字，也没有地址，谁也不知道是谁写的，于是大家在图书馆里等了一整天。",
]
"""Long enough to be the main text of a page."""


def page(text: str) -> str:
    """An article between a menu and a footer, as sites have them."""
    return (
        "<!DOCTYPE html><html><head><title>A page</title></head><body><nav><a href='/'>Home</a></nav>"
        f"<article><h1>A page</h1><p>{text}</p><p>{text}</p></article><footer>All rights reserved</footer></body>"
    )


def warc(records: list[tuple[str, str, str, bytes]]) -> bytes:
    """A crawl of (address, status, content type, body); a status 'WET' makes it a text that was taken out."""
    content = _record("warcinfo", "", b"software: none\r\n")
    for address, status, media, body in records:
        if status == "WET":
            content += _record("conversion", address, body)
            continue
        head = f"HTTP/1.1 {status}\r\nContent-Type: {media}\r\n\r\n"
        content += _record("response", address, head.encode() + body)
    return content


def _record(kind: str, address: str, body: bytes) -> bytes:
    media = "application/http; msgtype=response" if kind == "response" else "text/plain"
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {address}\r\nContent-Type: {media}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body + b"\r\n\r\n"


def wiki(pages: list[tuple[str, str]], *, head: str = "") -> bytes:
    """A dump of (title, wikitext)."""
    body = "".join(
        f"<page><title>{title}</title><ns>0</ns><id>{n}</id><revision><id>{n}</id><model>wikitext</model>"
        f"<text xml:space='preserve'>{text}</text></revision></page>"
        for n, (title, text) in enumerate(pages)
    )
    names = "<siteinfo><namespaces><namespace key='0'/><namespace key='6'>Datei</namespace></namespaces></siteinfo>"
    return f"{head}<mediawiki xml:lang='en'>{names}{body}</mediawiki>".encode()


def parquet(texts: list[str]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table({"text": texts}), stream)
    return stream.getvalue()


FILES: dict[str, bytes] = {
    ".csv": ("id,text\n" + "".join(f'{n},"{text}"\n' for n, text in enumerate(TEXTS))).encode(),
    ".htm": page(TEXTS[0]).encode(),
    ".html": page(TEXTS[1]).encode(),
    ".jsonl": "".join(json.dumps({"text": text}) + "\n" for text in TEXTS).encode(),
    ".parquet": parquet(TEXTS),
    ".tsv": ("id\ttext\n" + "".join(f"{n}\t{text}\n" for n, text in enumerate(TEXTS))).encode(),
    ".txt": "\n".join(TEXTS).encode(),
    ".warc": warc([(f"http://a.org/{n}", "200 OK", "text/html", page(text).encode()) for n, text in enumerate(TEXTS)]),
    ".wet": warc([(f"http://a.org/{n}", "WET", "", text.encode()) for n, text in enumerate(TEXTS)]),
    ".xml": wiki([(f"Page {n}", f"'''{text}'''") for n, text in enumerate(TEXTS)]),
}
"""A file of every format, of one document (.htm, .html) or two."""


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Row]]:
    """Reads a source whose paths start at `tmp_path`."""

    def read(ledger: Ledger | None = None, **settings: Any) -> list[Row]:
        config: Any = TypeAdapter(SourceConfig).validate_python(settings)
        return list(read_source(config, tmp_path / "cache", tmp_path, ledger))

    return read


@pytest.fixture
def identify(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The key of a source whose paths start at `tmp_path`."""

    def identify(**settings: Any) -> dict[str, Any]:
        config: Any = TypeAdapter(SourceConfig).validate_python(settings)
        return source_key(config, tmp_path / "cache", tmp_path)

    return identify


@pytest.fixture
def files() -> dict[str, bytes]:
    return FILES


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that names `of_format` runs for every format, one that names `compression` for every compression."""
    if "of_format" in metafunc.fixturenames:
        metafunc.parametrize("of_format", FILES)
    if "compression" in metafunc.fixturenames:
        metafunc.parametrize("compression", COMPRESS)


@pytest.fixture
def compress(compression: str) -> Callable[[bytes], bytes]:
    return COMPRESS[compression]


@pytest.fixture
def texts() -> list[str]:
    return TEXTS


@pytest.fixture
def page_of() -> Callable[[str], str]:
    return page


@pytest.fixture
def warc_of() -> Callable[..., bytes]:
    return warc


@pytest.fixture
def wiki_of() -> Callable[..., bytes]:
    return wiki


@pytest.fixture
def parquet_of() -> Callable[[list[str]], bytes]:
    return parquet


@pytest.fixture
def compressions() -> dict[str, Callable[[bytes], bytes]]:
    return COMPRESS
