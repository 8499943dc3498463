"""The service's page in a real browser: log in by token, jobs, plots, players, three languages."""

import hashlib
import io
import json
import re
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile as sf

from ingest import decode
from ingest.decode.refusals import not_audio
from loa.service.page import page_words
from loa.service.problems import problem_of
from loa.service.settings import Settings
from loa.words import LANGUAGES
from tests.service.inside import inside

FIGURES = {
    "integrated_lufs": -27.3,
    "true_peak_dbtp": -9.1,
    "loudness_range_lu": None,
    "active_speech_level_dbov": -30.2,
    "noise_floor_dbfs": -60.0,
    "duration_s": 2.0,
}
HOSTILE = "<img src=x onerror=alert(1)>"
WAIT_MS = 60_000


def sound():
    time_s = np.arange(48_000) / 24_000
    file = io.BytesIO()
    sf.write(file, 0.2 * np.sin(2 * np.pi * 440 * time_s), 24_000, format="WAV")
    return file.getvalue()


SOUND = sound()
DIGEST = hashlib.sha256(SOUND).hexdigest()


def rendition(target, holds):
    return {
        "target": target,
        "output": f"{target}.opus",
        "codec": "opus",
        "sha256": DIGEST,
        "size_bytes": len(SOUND),
        "media_type": "audio/wav",
        "url": f"/v1/blobs/{DIGEST}",
        "before": FIGURES,
        "after": FIGURES | {"integrated_lufs": -16.0},
        "holds": holds,
        "limited_by": None,
        "loudness": {
            "start_s": 3.0,
            "step_s": 1.0,
            "target_lufs": -16.0,
            "before": [-27.0, None, -30.5, -26.0],
            "after": [-16.0, -16.5, None, -15.0],
        },
    }


@pytest.fixture(scope="module")
def service(tmp_path_factory, cheap_hashes):
    with inside(Settings(data=str(tmp_path_factory.mktemp("page")))) as running:
        running.kept = running.token()
        with running.client(running.kept) as client:
            for key in ("a-done-one", "queued-one"):
                client.put(f"/v1/jobs/{key}", content=SOUND, params={"targets": "ip,fm"})
            ids = {job["key"]: job["id"] for job in client.get("/v1/jobs").json()["jobs"]}
            running.end(
                ids["a-done-one"], [rendition("ip", holds=True), rendition("fm", holds=False)]
            )
            failed = client.put(
                "/v1/jobs/failed-one", content=b"none", params={"priority": "emergency"}
            )
            job_id = failed.json()["id"]
            running.room.jobs.begin(job_id, 1)
            problem = {"kind": "audio.unknown", "got": HOSTILE, "try": "WAV", "detail": "x"}
            running.room.jobs.fail(job_id, 1, problem)
            no_sound = client.put("/v1/jobs/no-sound", content=b"a text").json()["id"]
            running.room.jobs.begin(no_sound, 1)
            running.room.jobs.fail(no_sound, 1, problem_of(not_audio("a text file")))
        yield running


@pytest.fixture
def visit(browser, service):
    """Open the page; whatever it asks of anybody else is a problem."""
    opened = []

    def open_page(width=360, *, token=service.kept):
        context = browser.new_context(viewport={"width": width, "height": 740})
        context.set_default_timeout(WAIT_MS)
        tab = context.new_page()
        problems = []
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
        tab.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((service.url, "blob:", "data:"))
                else problems.append(asked.url)
            ),
        )
        tab.goto(service.url + "/")
        tab.wait_for_selector("#entry:visible")
        if token:
            tab.fill("#token", token)
            tab.click("#entry button")
            tab.wait_for_selector("#list button")
        opened.append(context)
        return tab, problems

    yield open_page
    for context in opened:
        context.close()


def test_every_language_has_every_word():
    words = page_words()
    assert set(words["vi"]) == set(words["en"]) == set(words["km"])
    assert all(word for language in LANGUAGES for word in words[language].values())


def test_the_page_loads_from_this_service_only(service):
    answer = httpx.get(service.url + "/")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for path in ("/", "/page.js", "/page.css"):
        text = httpx.get(service.url + path).text
        assert "https://" not in text
        assert "innerHTML" not in text
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert set(httpx.get(service.url + "/words.json").json()) == set(LANGUAGES)


@pytest.mark.root
@pytest.mark.parametrize("width", [360, 1100])
def test_nothing_overflows_in_any_language(visit, width):
    tab, problems = visit(width)
    for language in LANGUAGES:
        tab.click(f"#languages button[value={language}]")
        words = page_words()[language]
        assert tab.locator("#list .done").inner_text() == words["done"]
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tab.locator("#list button", has_text="a-done-one").click()
        tab.wait_for_selector("#shown svg")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert words["before"] in tab.locator("#shown table").first.inner_text()
        tab.click("#back")
        tab.wait_for_selector("#list button:visible")
    assert problems == []


@pytest.mark.root
def test_figures_plots_and_verdicts_are_shown(visit):
    tab, problems = visit()
    tab.locator("#list button", has_text="a-done-one").click()
    tab.wait_for_selector("#shown svg")
    first, second = tab.locator("#shown section").all()
    words = page_words()["vi"]
    assert first.locator(".pass").inner_text() == words["passed"]
    assert second.locator(".fail").inner_text() == words["failed_rendition"]
    assert "−27.3" in first.locator("table").inner_text()
    assert "−16.0" in first.locator("table").inner_text()
    drawn = tab.evaluate(
        "[...document.querySelectorAll('#shown section:first-of-type path')]"
        ".map(path => path.getTotalLength())"
    )
    assert len(drawn) == 2
    assert all(length > 20 for length in drawn)  # of 330 in all, on a phone
    assert problems == []


@pytest.mark.root
def test_players_play_what_only_the_token_may_fetch(visit):
    tab, problems = visit()
    tab.locator("#list button", has_text="a-done-one").click()
    tab.locator("#shown section button").first.click()
    tab.wait_for_selector("#shown section audio")
    duration_s = tab.evaluate(
        """async () => {
            const player = document.querySelector("#shown section audio");
            player.muted = true;
            await player.play();
            return player.duration;
        }"""
    )
    assert duration_s == pytest.approx(2.0, abs=0.01)
    assert problems == []


@pytest.mark.root
def test_what_strangers_send_is_text_and_a_failure_says_what_to_do(visit):
    tab, problems = visit()
    assert tab.locator("#list .emergency").count() == 1
    tab.locator("#list button", has_text="failed-one").click()
    tab.wait_for_selector("#shown .fail")
    assert tab.locator("#shown p.fail").inner_text() == HOSTILE
    assert page_words()["vi"]["advice"] in tab.locator("#shown").inner_text()
    assert tab.locator("#shown img").count() == 0
    assert problems == []


@pytest.mark.root
def test_what_is_wrong_with_a_file_is_said_in_the_readers_language(visit):
    tab, problems = visit()
    tab.locator("#list button", has_text="no-sound").click()
    tab.wait_for_selector("#shown .fail")
    for language in LANGUAGES:
        tab.click(f"#languages button[value={language}]")
        shown, words = tab.locator("#shown").inner_text(), page_words()[language]
        assert words["audio.not_audio"] in shown
        assert words["try.audio.not_audio"] in shown
        assert "a text file" in shown
        assert "exporting" not in shown
    assert problems == []


def test_every_fault_of_a_file_has_words():
    kinds = {
        word
        for file in Path(decode.__path__[0]).glob("*.py")
        for word in re.findall(r'"(audio\.[a-z_]+)"', file.read_text(encoding="utf-8"))
    }
    assert len(kinds) >= 10
    for kind in kinds | {"job.crashed", "blob.gone"}:
        assert {kind, f"try.{kind}"} <= set(page_words()["vi"]), kind


@pytest.mark.root
def test_a_job_is_retried_and_cancelled(visit, service):
    tab, problems = visit()
    tab.locator("#list button", has_text="failed-one").click()
    tab.click("#shown button[value=retry]")
    tab.wait_for_selector("#shown .queued")
    tab.click("#shown button[value=cancel]")
    tab.wait_for_selector("#shown .cancelled")
    tab.click("#back")
    tab.wait_for_selector("#list .cancelled")
    assert problems == []


@pytest.mark.root
def test_a_job_is_shown_as_it_goes_on(visit, service):
    with service.client(service.kept) as client:
        job_id = client.put("/v1/jobs/live", content=SOUND + b"live").json()["id"]
    tab, problems = visit()
    tab.locator("#list button", has_text="live").click()
    tab.wait_for_selector("#shown .queued")
    service.end(job_id, [rendition("ip", holds=True)])
    tab.wait_for_selector("#shown .done")
    tab.wait_for_selector("#shown svg")
    assert problems == []


@pytest.mark.root
def test_a_wrong_token_is_said_and_a_log_out_forgets(visit):
    tab, problems = visit(token=None)
    tab.fill("#token", "loa_wrong_token")
    tab.click("#entry button")
    tab.wait_for_selector("#trouble:visible")
    assert tab.locator("#trouble").inner_text() == page_words()["vi"]["wrong_token"]
    assert [problem for problem in problems if "401" not in problem] == []
    tab, problems = visit()
    tab.click("#leave")
    assert tab.locator("#list button").count() == 0
    assert tab.evaluate("sessionStorage.length") == 0
    assert json.loads(tab.evaluate("JSON.stringify(localStorage)")) == {"loa-language": "vi"}
    tab.reload()
    tab.wait_for_selector("#entry:visible")
    assert problems == []
