"""The page of the main job in a real browser: three languages, 360 px, offline, with players."""

import numpy as np
import pytest
import soundfile as sf

from dsp.receive.front.spectrum import SpectrumFrame
from dsp.receive.meters.figure import Figure
from ingest.receiver.waterfall import Waterfall
from loa.demo.air_demonstration import AirReport, air_table
from loa.demo.air_programme import Alarm, Programme
from loa.demo.air_verdict import Heard, Notice
from loa.page.bulletin import Card, bulletin_page
from loa.plots import ProgrammeTrace, mastering_svg, trace_waveform
from loa.radio.plot import BandPicture, StationPanel, band_png, station_png
from loa.tables import print_table
from loa.words import LANGUAGES, load_words

FIGURES = {
    "integrated_lufs": -16.0,
    "true_peak_dbtp": -2.1,
    "loudness_range_lu": None,
    "active_speech_level_dbov": -19.0,
    "noise_floor_dbfs": -60.0,
    "duration_s": 2.0,
    "faults": [{"kind": "hum", "note": False}, {"kind": "too_short", "note": True}],
}


def tone(seconds=2.0):
    time_s = np.arange(int(seconds * 24_000)) / 24_000
    return (0.2 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)[:, None]


def plot():
    trace = ProgrammeTrace(trace_waveform([tone()], 24_000), np.full(20, -20.0))
    return mastering_svg(trace, trace, np.linspace(-3, 3, 20), -16.0)


HOSTILE = "<b>X&"  # a name as anybody may send it
HOSTILE_TEXT = "<script>alert(1)</script> and so on, up to sixty-four characters"


def heard_station(**more):
    figures = {
        "peak_deviation_hz": 90_100.0,
        "mpx_power_dbr": None,
        "pilot_hz": 6_750.0,
        "rds_hz": 2_000.0,
        "loudness_lufs": -16.0,
        "pi": "7001",
        "ps": "DUC MY",
    }
    about = {
        "station": "duc-my",
        "commune": "Đức Mỹ",
        "frequency_hz": 60.4e6,
        "limit_hz": 75e3,
        "heard": figures,
        "true": figures,
        "radiotext": "Ban tin",
        "findings": [],
        "notices": [],
        "wrong": [],
    }
    return Heard(**(about | more))


def air_report():
    strong = heard_station(notices=[Notice("over_deviation", 1, 19)], wrong=["PI"])
    named = heard_station().heard | {"ps": HOSTILE, "pi": None}
    strange = heard_station(
        heard=named,
        radiotext=HOSTILE_TEXT,
        notices=[Notice("stranger", 5, 10)],
        programme=Programme(
            "bulletin",
            Figure(2e-4, 3e-4),
            9,
            12,
            (Alarm("stranger_on_idle_channel", "intruder", 5, 7, "rds gone"),),
        ),
    )
    waterfall = Waterfall(2_400_000)
    level = np.linspace(1e-6, 1e-3, 512, dtype=np.float32)
    for number in range(10):
        waterfall.add(SpectrumFrame(480_000 * number, 4_096, 4_687.5, level, level, 0.0))
    panel = StationPanel("Đức Mỹ", 60.4e6, 75e3, [0.5, 0.5], ())
    band = band_png(BandPicture("", 61e6, waterfall, [panel]))
    return AirReport([heard_station(), strong, strange], band, [station_png(panel)] * 3)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    recording = folder / "bulletin <&>.flac"
    sf.write(recording, tone(), 24_000)
    rendition = {
        "output": str(recording),
        "after": FIGURES,
        "limited_by": "peaks",
        "codec": "flac",
    }
    cards = [
        Card("ip", -16.0, -2.0, [rendition], holds=True, recording=recording, plot_svg=plot()),
        Card("fm", -16.0, 0.0, [rendition], holds=False, recording=recording, plot_svg=plot()),
    ]
    path = folder / "index.html"
    path.write_text(bulletin_page(recording, FIGURES, cards, air_report()), encoding="utf-8")
    return path


def open_page(browser, path, width=360):
    context = browser.new_context(viewport={"width": width, "height": 740}, offline=True)
    tab = context.new_page()
    problems = []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    tab.goto(path.as_uri())
    return tab, problems


def test_every_language_has_every_word():
    keys = {language: set(load_words(language)) for language in LANGUAGES}
    assert keys["vi"] == keys["en"] == keys["km"]
    assert all(word for language in LANGUAGES for word in load_words(language).values())


@pytest.mark.root
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_overflows_in_any_language(browser, page, width):
    tab, problems = open_page(browser, page, width)
    for language in LANGUAGES:
        tab.click(f"nav button[value={language}]")
        assert tab.locator(f"article[lang={language}]").is_visible()
        assert tab.locator("article:visible").count() == 1
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert load_words(language)["title"] in tab.locator("article:visible h1").inner_text()
    assert problems == []


@pytest.mark.root
def test_vietnamese_comes_first_and_verdicts_are_told(browser, page):
    tab, _ = open_page(browser, page)
    words = load_words("vi")
    assert tab.locator("article:visible").get_attribute("lang") == "vi"
    assert tab.locator("article:visible .pass").first.inner_text() == words["passed"]
    assert tab.locator("article:visible .fail").first.inner_text() == words["failed"]
    assert words["hum"] in tab.locator("article:visible").inner_text()


@pytest.mark.root
def test_the_recording_plays_without_a_network(browser, page):
    tab, problems = open_page(browser, page)
    duration_s = tab.evaluate(
        """async () => {
            const player = document.querySelector("article:not([hidden]) audio");
            player.muted = true;
            await player.play();
            return player.duration;
        }"""
    )
    assert duration_s == pytest.approx(2.0, abs=0.01)
    assert problems == []


@pytest.mark.root
def test_the_plot_is_a_picture_the_browser_can_draw(browser, page):
    tab, _ = open_page(browser, page)
    drawn = tab.evaluate(
        "[...document.querySelectorAll('article:not([hidden]) img')].map(i => i.naturalWidth)"
    )
    assert len(drawn) == 2 + 1 + 3
    assert all(width > 100 for width in drawn)


@pytest.mark.root
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_officer_reads_what_was_heard_of_every_transmitter(browser, page, language):
    tab, problems = open_page(browser, page)
    tab.click(f"nav button[value={language}]")
    words = load_words(language)
    good, strong, strange = tab.locator("article:visible .air ~ .cards section").all()
    assert good.locator(".pass").inner_text() == words["air_good"]
    assert good.locator(".fail").count() == 0
    told = strong.locator(".fail").inner_text()
    assert told == words["over_deviation"].format(peak=90, limit=75)
    assert words["not_proved"] in strong.inner_text()
    what = words["alarm_intruder"]
    assert strange.locator(".fail").all_inner_texts() == [
        words["stranger"].format(start=5, end=10),
        words["alarm"].format(told=7, start=5, what=what),
    ]
    assert words["heard_later"] in strange.inner_text()
    assert "0.2 ± 0.3" in strange.inner_text()
    assert "90.1" in good.inner_text()
    assert problems == []


@pytest.mark.root
def test_what_strangers_put_on_the_air_is_text(browser, page):
    tab, problems = open_page(browser, page)
    strange = tab.locator("article:visible .air ~ .cards section").last
    assert HOSTILE in strange.inner_text()
    assert HOSTILE_TEXT in strange.inner_text()
    assert tab.locator("article b").count() == 0
    assert problems == []


@pytest.mark.parametrize("key", ["over_deviation", "stranger"])
def test_every_language_tells_the_same_numbers(key):
    numbers = {"start": "<5>", "end": "<10>", "peak": "<90>", "limit": "<75>"}
    told = {
        language: {n for n in numbers.values() if n in load_words(language)[key].format(**numbers)}
        for language in LANGUAGES
    }
    assert told["vi"] == told["en"] == told["km"] != set()


def test_the_table_says_in_words_what_was_noticed(capsys):
    print_table(air_table(air_report()))
    said = capsys.readouterr().out
    assert "over-deviation from 1 s" in said
    assert "a carrier without its PI" in said
    assert "not as the scene says: PI" in said
    assert "90.1 / 90.1" in said
    assert HOSTILE in said


def test_the_page_names_no_other_place(page):
    text = page.read_text(encoding="utf-8")
    assert "http://" not in text
    assert "https://" not in text
    assert "bulletin <&>" not in text
    assert "bulletin &lt;&amp;&gt;" in text


def test_a_plot_is_the_same_every_time():
    assert plot() == plot()


def test_a_waveform_is_the_same_however_the_blocks_are_cut_up_to_a_column():
    samples = tone()
    whole = trace_waveform([samples], 24_000)
    cut = trace_waveform([samples[:9_600], samples[9_600:]], 24_000)
    np.testing.assert_array_equal(whole.high, cut.high)
    assert whole.duration_s == cut.duration_s == 2.0
    assert whole.high.max() == pytest.approx(0.2, abs=1e-4)
