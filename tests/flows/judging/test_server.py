"""The judging page over HTTP: what a rater needs works, and what a stranger may try does not."""

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from flows.judging.journal import Journal
from flows.judging.server import HOST, MAX_BODY_BYTES, TOKEN_HEADER, application
from flows.judging.sheet import Preference, Ratings
from flows.judging.wording import WORDS
from tests.flows.judging.runs import HOSTILE

ROOT = Path(__file__).parents[3]
TOKEN = "a-token-of-this-start"
LEFT = {"preferred": "left"}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Page:
    """Asks a server as a browser would, or as it never would."""

    port: int
    journal: Journal | None = None

    def ask(self, method: str, path: str, body: bytes | None = None, token: str | None = TOKEN, **headers) -> Answer:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            named.setdefault(TOKEN_HEADER, token)
        connection.request(method, path, body, named)
        response = connection.getresponse()
        found = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        connection.close()
        return found

    def state(self, token: str = TOKEN):
        return self.ask("GET", "/state", token=token).json

    def post(self, path: str, content: object, **headers) -> Answer:
        return self.ask("POST", path, json.dumps(content).encode(), Content_Type="application/json", **headers)


@pytest.fixture
def page(sheet, folder) -> Iterator[Page]:
    with socket.socket() as listening, Journal.writing(sheet, folder, "anna") as journal:
        listening.bind((HOST, 0))
        listening.listen()
        port = listening.getsockname()[1]
        app = application(journal, "anna", "en", TOKEN, port)
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield Page(port, journal)
        finally:
            server.should_exit = True
            thread.join(30)
    assert not thread.is_alive()


def test_questions_follow_one_another_and_answers_are_kept_under_the_systems_behind_them(page):
    first = page.state()
    assert (first["answered"], first["total"], first["language"], first["target_language"]) == (0, 6, "en", "zh-Hans")
    assert first["question"] == {
        "number": 0, "kind": "pair", "input": HOSTILE, "reference": "", "texts": [HOSTILE, "好的"],
    }  # fmt: skip

    second = page.post("/answer", {"question": 0, "answer": LEFT})
    assert (second.status, second.json["answered"], second.json["question"]["number"]) == (200, 1, 1)
    page.post("/answer", {"question": 1, "answer": {"preferred": "tie"}})
    grades = {"fluency": 1, "adequacy": 2, "coherence": 5}
    assert page.post("/answer", {"question": 2, "answer": grades}).json["question"]["kind"] == "rating"
    assert page.journal.answers == {0: Preference(**LEFT), 1: Preference(preferred="tie"), 2: Ratings(**grades)}

    assert page.post("/undo", {"answered": 3}).json["question"]["number"] == 2
    assert list(page.journal.answers) == [0, 1]


def test_after_the_last_question_there_is_none(page):
    for number, question in enumerate(page.journal.sheet.questions):
        answer = LEFT if question.kind == "pair" else {"fluency": 3, "adequacy": 3, "coherence": 3}
        last = page.post("/answer", {"question": number, "answer": answer})

    assert last.json["question"] is None
    assert last.json["answered"] == 6
    assert page.post("/answer", {"question": 0, "answer": LEFT}).status == 409


def test_second_tab_is_told_where_the_rater_is(page):
    page.post("/answer", {"question": 0, "answer": LEFT})

    late = page.post("/answer", {"question": 0, "answer": {"preferred": "right"}})
    early = page.post("/answer", {"question": 3, "answer": {"fluency": 3, "adequacy": 3, "coherence": 3}})
    undo = page.post("/undo", {"answered": 2})
    assert [answer.status for answer in (late, early, undo)] == [409, 409, 409]
    assert late.json["question"]["number"] == early.json["question"]["number"] == undo.json["question"]["number"] == 1
    assert page.journal.answers == {0: Preference(**LEFT)}


def test_tabs_that_answer_at_once_leave_one_answer_each_question(page):
    statuses = []

    def tab() -> None:
        statuses.append(page.post("/answer", {"question": 0, "answer": LEFT}).status)

    tabs = [threading.Thread(target=tab) for _ in range(8)]
    for thread in tabs:
        thread.start()
    for thread in tabs:
        thread.join()

    assert sorted(statuses) == [200] + [409] * 7
    assert list(page.journal.answers) == [0]


def test_nothing_that_reaches_the_browser_names_a_system_or_a_hidden_reference(page):
    sent = [page.ask("GET", path).body.decode() for path in (f"/?token={TOKEN}", "/page.js", "/page.css", "/state")]

    assert all(part for part in sent)
    assert not any(hidden in part for part in sent for hidden in ("alpha-net", "beta-net", "秘密", "secret"))


def test_texts_are_never_markup(page):
    assert "alert(" not in page.ask("GET", f"/?token={TOKEN}").body.decode()
    # The page alone decides what is markup: its script sets text, and the policy runs no other.
    script = page.ask("GET", "/page.js").body.decode()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function", script)
    assert page.ask("GET", "/state").headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/", "/state", "/page.js", "/nowhere"])
def test_every_response_carries_the_policy(page, path):
    headers = page.ask("GET", path).headers

    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers or "uvicorn" in headers["server"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1", "127.0.0.1:{port}.evil", ""]
)
def test_another_name_of_this_address_is_refused(page, host):
    refused = page.ask("GET", "/state", Host=host.format(port=page.port))

    assert refused.status == 421
    assert b"alert" not in refused.body


def test_localhost_is_a_name_of_this_address(page):
    assert page.ask("GET", "/state", Host=f"localhost:{page.port}").status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"])
def test_posts_of_other_sites_are_refused_even_with_the_token(page, origin):
    assert page.post("/answer", {"question": 0, "answer": LEFT}, Origin=origin).status == 403
    assert page.journal.answers == {}


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], "\u00e9"])
def test_without_the_token_nothing_is_shown_or_taken(page, token):
    assert page.ask("GET", "/state", token=token).status == 403
    assert page.ask("GET", "/", token=None).status == 403
    assert page.ask("GET", "/?token=wrong", token=TOKEN).status == 403
    assert page.post("/answer", {"question": 0, "answer": LEFT}, token=token).status == 403
    assert page.post("/undo", {"answered": 1}, token=token).status == 403
    assert page.journal.answers == {}


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "//etc/passwd",
        "/page.js/../sheet.json",
        "/sheet.json", "/anna.jsonl", "/page/page.html", "/page.js%00", "/docs", "/openapi.json",
    ],
)  # fmt: skip
def test_no_path_leads_to_a_file(page, path):
    answer = page.ask("GET", path)

    assert answer.status == 404
    assert b"root:" not in answer.body
    assert b"alpha-net" not in answer.body


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"[]", 422),
        (b"null", 422),
        (b"\xff\xfe", 422),
        (b'{"question": 0}', 422),
        (b'{"question": "0", "answer": {"preferred": "left"}}', 422),
        (b'{"question": -1, "answer": {"preferred": "left"}}', 422),
        (b'{"question": true, "answer": {"preferred": "left"}}', 422),
        (b'{"question": 0, "answer": {"preferred": "up"}}', 422),
        (b'{"question": 0, "answer": {"preferred": "left", "rater": "ben"}}', 422),
        (b'{"question": 0, "answer": {"preferred": "left"}, "path": "/etc"}', 422),
        (b'{"question": 0, "answer": {"fluency": 3, "adequacy": 3, "coherence": 3}}', 422),
        (b'{"question": 6, "answer": {"preferred": "left"}}', 404),
        (b'{"question": 1e999, "answer": {}}', 422),
        (b"[" * MAX_BODY_BYTES, 422),
        (b" " * (MAX_BODY_BYTES + 1), 413),
        (b"[" * 1_000_000, 413),
    ],
)
def test_what_is_no_answer_is_refused_and_the_page_goes_on(page, body, status):
    assert page.ask("POST", "/answer", body, Content_Type="application/json").status == status

    assert page.journal.answers == {}
    assert page.state()["question"]["number"] == 0


@pytest.mark.parametrize("grade", [0, 6, 3.5, "3", True, None])
def test_grade_out_of_bounds_is_refused(page, grade):
    for number in range(2):
        page.post("/answer", {"question": number, "answer": LEFT})

    answer = page.post("/answer", {"question": 2, "answer": {"fluency": grade, "adequacy": 3, "coherence": 3}})
    assert answer.status == 422
    assert answer.body.startswith(b"fluency: ")
    assert len(page.journal.answers) == 2


def test_a_form_of_another_site_cannot_be_an_answer(page):
    body = json.dumps({"question": 0, "answer": LEFT}).encode()

    assert page.ask("POST", "/answer", body, Content_Type="text/plain").status == 415
    assert page.ask("POST", "/answer", body).status == 415
    assert page.ask("GET", "/answer").status == 405
    assert page.journal.answers == {}


def test_a_body_without_an_end_is_cut_off(page):
    with socket.create_connection((HOST, page.port), timeout=30) as connection:
        connection.sendall(
            f"POST /answer HTTP/1.1\r\nHost: {HOST}:{page.port}\r\n{TOKEN_HEADER}: {TOKEN}\r\n"
            f"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2000\r\n{' ' * 0x2000}\r\n".encode()
        )
        assert b" 413 " in connection.recv(4096).split(b"\r\n")[0]


def test_every_language_of_the_page_says_all_that_the_others_say():
    assert {language: sorted(words) for language, words in WORDS.items()} == {
        language: sorted(WORDS["en"]) for language in WORDS
    }
    assert not any(re.search("[\u4e00-\u9fff]", text) for text in WORDS["en"].values())


SERVE = """
import sys
from pathlib import Path
from flows.judging.journal import Journal
from flows.judging.server import serve
from flows.judging.sheet import find_sheet

sheet, folder = find_sheet(Path(sys.argv[1]), sys.argv[2])
with Journal.writing(sheet, folder, sys.argv[3]) as journal:
    serve(journal, sys.argv[3], "zh", 0, lambda address: print(address, flush=True))
"""
"""What `stagelm judge serve` does, without the seconds that importing all commands takes."""


@contextmanager
def serving(store: Path, sheet: str, rater: str) -> Iterator[tuple[subprocess.Popen[str], Page, str]]:
    """A process of its own, with its page and token once it listens."""
    command = [sys.executable, "-c", SERVE, str(store), sheet, rater]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\?token=([\w-]{32})\n", process.stdout.readline())
            assert found is not None
            yield process, Page(int(found[1])), found[2]
        finally:
            process.kill()


def test_killed_the_server_goes_on_with_what_it_had_confirmed_and_an_interrupt_ends_it(sheet, folder, tmp_path):
    with serving(tmp_path, sheet.id[:-1], "安娜") as (process, page, token):
        for number in range(2):
            assert page.post("/answer", {"question": number, "answer": LEFT}, token=token).status == 200
        process.kill()
        process.wait(60)
    with (folder / "安娜.jsonl").open("ab") as file:  # what a kill in the middle of a write leaves
        file.write(b'{"question": 2, "answer": {"flu')

    with serving(tmp_path, sheet.id, "安娜") as (process, page, token):
        state = page.state(token)
        assert (state["answered"], state["question"]["number"]) == (2, 2)
        grades = {"fluency": 3, "adequacy": 3, "coherence": 3}
        assert page.post("/answer", {"question": 2, "answer": grades}, token=token).json["answered"] == 3
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert len(Journal.read(sheet, folder / "安娜.jsonl").answers) == 3
