"""The page of `rnnbench explain` in a real browser: mouse, keyboard, phone, light and dark; and its committed copies."""

import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rnnbench._explain import LANGUAGES, build_page
from rnnbench._explain.content import measured, networks
from tests.browser import DRIVER, emulate, opened, requests, wait

ROOT = Path(__file__).parents[1]
BROWSER = pytest.mark.skipif(DRIVER is None, reason="no chromedriver: apt-get install chromium chromium-driver")


def test_the_committed_pages_are_current_and_small() -> None:
    pages = runpy.run_path(str(ROOT / "docs" / "make_explain.py"))["pages"]()
    assert len(pages) == len(LANGUAGES)
    for path, text in pages.items():
        assert path.read_text(encoding="utf-8") == text, "run python docs/make_explain.py --pages"
        assert len(text.encode()) < 1.5e6
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in text


def test_the_measured_numbers_are_those_of_the_committed_runs() -> None:
    assert runpy.run_path(str(ROOT / "docs" / "make_explain.py"))["measured"]() == measured()
    assert {cell["seeds"] for gaps in measured()["accuracy"].values() for cells in gaps.values() for cell in cells.values()} == {5}
    assert {"10", "1000"} <= set(measured()["accuracy"]["recall"])
    lengths = {len(sizes) for sizes in measured()["gradients"].values()}
    assert len(lengths) == 1


def test_the_command_writes_the_page(rnnbench, tmp_path: Path) -> None:
    assert "page.html" in rnnbench("explain", "gru", "--html", "page.html", "--language", "zh").out
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page == build_page("zh", "gru")
    assert 'value="gru" checked' in page
    result = rnnbench("explain", "--html", tmp_path)
    assert result.code == 2
    assert "--html" in result.err


@pytest.fixture(scope="module", params=LANGUAGES)
def browser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    pytest.importorskip("selenium", reason="the browser is driven by selenium: pip install 'rnnbench[dev]'")
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(build_page(request.param), encoding="utf-8")
    with opened(file) as driver:
        wait(driver, "return document.querySelectorAll('#bars .bar').length === 3")
        yield driver


def texts(browser: Any, selector: str) -> list[str]:
    found: list[str] = browser.execute_script("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText)", selector)
    return found


def press(browser: Any, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def choose(browser: Any, name: str, value: str) -> None:
    browser.find_element("css selector", f"input[name={name}][value={value}]").click()


@pytest.mark.slow
@BROWSER
def test_the_page_steps_through_a_sentence_by_keyboard(browser: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    assert requests(browser) == []
    choose(browser, "cell", "lstm")
    browser.execute_script("document.activeElement.blur()")
    words = texts(browser, "#words button")
    assert len(words) == len(networks()["beijing"]["tokens"])
    first = texts(browser, "#units td")
    assert len(first) == 7 * 8  # C before, f, i, g, C, o, h of 8 units
    press(browser, Keys.ARROW_RIGHT)
    assert texts(browser, "#words [aria-current]") == words[1:2]
    assert texts(browser, "#units td")[:8] == first[4 * 8 : 5 * 8]  # C before is C of the word before
    press(browser, *[Keys.ARROW_RIGHT] * 20)
    assert texts(browser, "#words [aria-current]") == words[-1:]
    shares = texts(browser, "#answer .bar span:last-child")
    assert [float(share.split()[0]) > 90 for share in shares] == [True, False]
    browser.execute_script("const cue = document.getElementById('cue'); cue.value = 1; cue.dispatchEvent(new Event('change'))")
    assert [float(share.split()[0]) > 90 for share in texts(browser, "#answer .bar span:last-child")] == [False, True]
    press(browser, Keys.ARROW_LEFT)
    assert texts(browser, "#answer .bar") == []
    choose(browser, "task", "recall")
    assert len(texts(browser, "#words button")) == len(networks()["recall"]["tokens"])
    assert browser.execute_script("return failures") == []
    assert browser.get_log("browser") == []


@pytest.mark.slow
@BROWSER
def test_the_gap_and_the_distance_move_by_keyboard(browser: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    slider = browser.find_element("id", "gap")
    slider.send_keys(Keys.HOME)
    near = [float(share.split()[0]) for share in texts(browser, "#bars .bar > span:nth-child(3)")]
    slider.send_keys(*[Keys.ARROW_RIGHT] * 4)  # 10, 20, 50, 100, 200
    far = [float(share.split()[0]) for share in texts(browser, "#bars .bar > span:nth-child(3)")]
    expected = [100 * measured()["accuracy"]["recall"]["200"][cell]["accuracy"] for cell in ("rnn", "lstm", "gru")]
    assert far == pytest.approx(expected, abs=0.06)
    assert near[0] > 95
    assert far[0] < 20 < 95 < min(far[1:])  # the vanilla RNN loses the word
    before = texts(browser, "#gradient")
    browser.find_element("id", "distance").send_keys(Keys.END)
    assert texts(browser, "#gradient") != before
    assert "10⁻" in texts(browser, "#gradient")[0]
    assert len(browser.find_elements("css selector", "#chart polyline")) == 3


@pytest.mark.slow
@BROWSER
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_fits_desktop_and_phone(browser: Any, width: int, scheme: str) -> None:
    emulate(browser, width, scheme)
    assert wait(browser, "return document.documentElement.scrollWidth") <= width
    color = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (color == "rgb(255, 255, 255)") == (scheme == "light")
    tall = "return [...document.querySelectorAll('#units td')].every((cell) => cell.scrollWidth <= cell.clientWidth)"
    assert browser.execute_script(tall)  # no number is cut
