"""The page in a real browser: it works without a network and without errors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import DRIVER, emulate, opened, requests, wait

selenium = pytest.importorskip("selenium", reason="the browser is driven by selenium: pip install 'rnnbench[dev]'")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(DRIVER is None, reason="no chromedriver: apt-get install chromium chromium-driver"),
]

DOTS = "return [...document.querySelectorAll(`[data-spec='${arguments[0]}'] .mark-symbol path`)]"


@pytest.fixture(scope="module")
def browser(page: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(page, encoding="utf-8")
    with opened(file) as driver:
        wait(driver, "return Object.keys(rnnbench.views).length === 4")
        yield driver


def strong(browser: Any, chart: str) -> int:
    """Return the number of opaque dots in a chart."""
    return int(browser.execute_script(DOTS + ".filter((mark) => Number(mark.getAttribute('opacity') ?? 1) > 0.1).length", chart))


def test_the_page_loads_without_network_or_errors(browser: Any) -> None:
    assert browser.execute_script("return failures") == []
    assert browser.get_log("browser") == []
    assert requests(browser) == []
    assert len(browser.find_elements("css selector", ".charts .vega svg")) == 4


def test_a_hostile_name_is_shown_as_text(browser: Any) -> None:
    assert "<script>alert(1)" in browser.find_element("css selector", ".legend").text
    assert not browser.execute_script("return [...document.scripts].some((script) => script.textContent.startsWith('alert'))")


def test_the_tooltip_of_a_run_shows_seed_recipe_and_command(browser: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    which = ".find(({__data__: {datum}}) => datum.seed == 2 && datum.gap == 20 && datum.accuracy == 0.4)"
    dot = browser.execute_script(DOTS + which, "accuracy-0")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", dot)
    ActionChains(browser).move_to_element(dot).perform()
    text = wait(browser, "const tip = document.getElementById('vg-tooltip-element'); return tip && tip.innerText")
    for word in ("seed", "run", "rnnbench run --task copy --cell", "--gap 20 --seed 2", "--hidden-size 128", "--option symbols=3"):
        assert word in text


def test_selecting_a_name_isolates_it_and_a_second_click_shows_all(browser: Any) -> None:
    all_of_them = strong(browser, "accuracy-0")
    button = browser.find_element("css selector", ".legend button")
    browser.execute_script("arguments[0].click()", button)
    wait(browser, "return Object.values(rnnbench.views).every((view) => view.signal('only') !== '')")
    assert 0 < strong(browser, "accuracy-0") <= all_of_them / 2
    assert button.get_attribute("aria-pressed") == "true"
    browser.execute_script("arguments[0].click()", button)
    wait(browser, "return Object.values(rnnbench.views).every((view) => view.signal('only') === '')")
    assert strong(browser, "accuracy-0") == all_of_them


def test_a_heading_sorts_by_number_in_both_directions(browser: Any) -> None:
    column = "return [...document.querySelectorAll('.sortable tbody tr')].map((row) => Number(row.children[2].textContent))"
    heading = browser.find_elements("css selector", ".sortable th button")[2]
    for order in (1, -1):
        browser.execute_script("arguments[0].click()", heading)
        gaps = browser.execute_script(column)
        assert gaps == sorted(gaps, key=lambda gap: order * gap)
        assert len(gaps) == 12


def test_learning_curves_are_drawn_when_opened(browser: Any) -> None:
    assert "learning-0" not in browser.execute_script("return Object.keys(rnnbench.views)")
    browser.execute_script("document.querySelector('details[data-learning]').open = true")
    wait(browser, "return rnnbench.views['learning-0'] && rnnbench.views['learning-0'].data('runs').length === 2 * 2 * 3 * 9")
    assert browser.execute_script("return rnnbench.views['learning-0'].data('runs')[8].step") == 90
    assert browser.execute_script("return failures") == []
    assert browser.get_log("browser") == []


def test_the_first_screen_has_the_result_the_overview_and_the_accuracy_chart(browser: Any) -> None:
    emulate(browser, 1280, "light")
    browser.execute_script("scrollTo(0, 0)")
    for place in (".result", ".shaded", "[data-spec='accuracy-0'] svg", "[data-spec='accuracy-1'] svg"):
        bottom = wait(browser, f'return document.querySelector("{place}").getBoundingClientRect().bottom')
        assert bottom <= 800, (place, bottom)


@pytest.mark.parametrize("width", [1280, 390])
def test_no_value_of_a_table_is_wrapped(browser: Any, width: int) -> None:
    emulate(browser, width, "light")
    cells = "[...document.querySelectorAll('.shaded td, .shaded th:not(:first-child), .sortable td, .sortable th, .evidence td')]"
    assert wait(browser, f"return {cells}.length") > 100
    assert browser.execute_script(f"return {cells}.every((cell) => getComputedStyle(cell).whiteSpace === 'nowrap')")


def test_a_long_name_leaves_the_first_value_visible_on_a_phone(browser: Any) -> None:
    emulate(browser, 390, "light")
    place = """
    const name = document.querySelector('.shaded tbody th'), before = name.textContent;
    name.textContent = `lstm (${'an_option_of_a_cell 12, '.repeat(6)})`;
    const right = name.nextElementSibling.getBoundingClientRect().right;
    name.textContent = before;
    return right;
    """
    assert browser.execute_script(place) <= 390


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_the_page_fits_desktop_and_phone_in_light_and_dark(browser: Any, width: int, scheme: str, tmp_path: Path) -> None:
    emulate(browser, width, scheme)
    assert wait(browser, "return document.documentElement.scrollWidth") <= width  # no horizontal scroll bar
    color = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (color == "rgb(255, 255, 255)") == (scheme == "light")
    assert browser.get_screenshot_as_file(str(tmp_path / "page.png"))
    assert (tmp_path / "page.png").stat().st_size > 20_000


def test_the_names_of_the_curves_stay_when_the_overview_is_scrolled_on_a_phone(browser: Any) -> None:
    emulate(browser, 390, "light")
    places = """
    const box = document.querySelector('.scroll'), name = box.querySelector('tbody th');
    box.style.width = '150px';
    box.scrollLeft = arguments[0];
    const places = [box.scrollLeft, name.getBoundingClientRect().left - box.getBoundingClientRect().left];
    box.style.width = '';
    return places;
    """
    assert browser.execute_script(places, 0) == [0, 0]
    assert browser.execute_script(places, 40) == [40, 0]
