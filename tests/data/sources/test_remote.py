import functools
import http.server
import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from pydantic import ValidationError

from data.sources import Row, SourceError
from data.sources.files import FileConfig
from data.sources.formats import FORMATS
from data.sources.formats.jsonl import read_jsonl


class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of a server of `tmp_path/site`."""
    (tmp_path / "site").mkdir()
    handler = functools.partial(Quiet, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def memory() -> Iterator[Any]:
    filesystem = fsspec.filesystem("memory")
    yield filesystem
    filesystem.store.clear()


def test_files_of_a_web_server_are_read_like_those_here(
    read: Callable[..., list[Row]],
    identify: Callable[..., dict[str, Any]],
    tmp_path: Path,
    web: str,
    files: dict[str, bytes],
    texts: list[str],
    of_format: str,
    compression: str,
    compress: Callable[[bytes], bytes],
) -> None:
    name = f"a{of_format}{compression}"
    (tmp_path / "site" / name).write_bytes(compress(files[of_format]))
    found = read(path=f"{web}/{name}?signature=secret")
    here = read(path=f"site/{name}")

    assert [(row.text, row.defect) for row in found] == [(row.text, row.defect) for row in here]
    assert all(row.origin.startswith(f"{web}/{name}") and "secret" not in row.origin for row in found)
    [[shown, identity, size]] = identify(path=f"{web}/{name}?signature=other")["files"]
    assert shown == f"{web}/{name}"
    assert identity.startswith("Last-Modified ")
    assert size == (tmp_path / "site" / name).stat().st_size


def test_what_a_server_does_not_have_is_said(read: Callable[..., list[Row]], web: str) -> None:
    with pytest.raises(SourceError, match=r"none\.txt: FileNotFoundError"):
        read(path=f"{web}/none.txt")
    with pytest.raises(SourceError) as caught:
        read(path=f"{web}/none.txt?signature=hunter2")
    assert "hunter2" not in str(caught.value)


def test_key_follows_checksum_or_date_or_the_declared_version(
    identify: Callable[..., dict[str, Any]], memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe("/a.txt", b"one")
    first = identify(path="memory://a.txt")
    assert identify(path="memory://a.txt") == first
    memory.pipe("/a.txt", b"two")
    assert identify(path="memory://a.txt") != first

    info: dict[str, Any] = {"name": "/a.txt", "size": 3, "type": "file"}
    monkeypatch.setattr(type(memory), "info", lambda *_, **__: info)
    with pytest.raises(SourceError, match=r"gives neither checksum nor date.*give the source a `version`"):
        identify(path="memory://a.txt")
    assert identify(path="memory://a.txt", version="2026-11") == {"files": [["memory:///a.txt", "version 2026-11", 3]]}
    info |= {"ETag": '"abc"', "mtime": 5}
    assert identify(path="memory://a.txt") == {"files": [["memory:///a.txt", 'ETag "abc"', 3]]}


def test_patterns_name_the_files_of_a_store_in_their_order(read: Callable[..., list[Row]], memory: Any) -> None:
    for name in ("b/2.txt", "a/1.txt", "a/skip.csv"):
        memory.pipe(f"/texts/{name}", name.encode())

    assert [row.origin for row in read(path="memory://texts/**/*.txt")] == [
        "memory:///texts/a/1.txt",
        "memory:///texts/b/2.txt",
    ]
    with pytest.raises(SourceError, match=r"memory://texts/\*\.xml': no file matches"):
        read(path="memory://texts/*.xml")


def test_a_file_that_changes_while_it_is_read_is_an_error(
    read: Callable[..., list[Row]], memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe("/a.jsonl", b'{"text": "one"}\n')

    def change(*arguments: Any) -> Iterator[Row]:
        memory.pipe("/a.jsonl", b'{"text": "two"}\n')
        return read_jsonl(*arguments)

    monkeypatch.setitem(FORMATS, ".jsonl", change)
    with pytest.raises(SourceError, match=r"a\.jsonl: it changed while it was read"):
        read(path="memory://a.jsonl")


def test_a_missing_library_or_protocol_says_what_to_do(
    read: Callable[..., list[Row]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "adlfs", None)
    with pytest.raises(SourceError, match=r"abfs://texts/a\.txt': Install adlfs .*pip install 'stagelm\[remote\]'"):
        read(path="abfs://texts/a.txt")
    with pytest.raises(SourceError, match="Protocol not known: nowhere"):
        read(path="nowhere://a.txt")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": "https://me:hunter2@host/a.txt"}, "path: it holds a password"),
        ({"path": "s3://a/b.txt", "options": {"secret": "hunter2"}}, "options: secret is secret"),
        ({"path": "a.txt", "version": "1"}, "options and version are for URLs"),
    ],
)
def test_secrets_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FileConfig(**settings)


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a moto server on a port that the system chose, in a process of its own."""
    program = (
        "import sys, threading; from moto.server import ThreadedMotoServer as Server; "
        "s = Server('127.0.0.1', 0, verbose=False); s.start(); print(s.get_host_and_port()[1], flush=True); "
        "sys.stdin.read(); s.stop()"
    )
    log = (tmp_path_factory.mktemp("moto") / "log").open("wb")
    command = [sys.executable, "-c", program]
    with log, subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as server:
        assert server.stdout is not None
        address = f"http://127.0.0.1:{int(server.stdout.readline())}"
        with urllib.request.urlopen(f"{address}/moto-api/", timeout=30) as answer:
            assert answer.status == 200
        yield address
        server.kill()


def test_s3_is_listed_identified_and_streamed(
    read: Callable[..., list[Row]],
    identify: Callable[..., dict[str, Any]],
    s3: str,
    files: dict[str, bytes],
    texts: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    options = {"endpoint_url": s3}
    bucket = fsspec.filesystem("s3", **options)
    bucket.mkdir("corpus")
    for suffix in (".jsonl", ".parquet", ".warc"):
        bucket.pipe(f"corpus/texts/a{suffix}", files[suffix])

    found = read(path="s3://corpus/texts/*", options=options)
    assert [text in row.text for row, text in zip(found, texts * 3, strict=True)] == [True] * 6
    assert found[0].origin == "s3://corpus/texts/a.jsonl:1"
    before = identify(path="s3://corpus/texts/*", options=options)["files"]
    assert [identity.split()[0] for _, identity, _ in before] == ["ETag"] * 3
    assert before == identify(path="s3://corpus/texts/*", options=options)["files"]

    bucket.pipe("corpus/texts/a.jsonl", json.dumps({"text": "new"}).encode())
    after = identify(path="s3://corpus/texts/*", options=options)["files"]
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, True, True]
    with pytest.raises(SourceError, match="s3://corpus/none"):
        read(path="s3://corpus/none.txt", options=options)
