"""A headless Chromium with a page from a file, without a network. Its script errors are kept in ``failures``."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DRIVER = shutil.which("chromedriver")
WATCH = """
window.failures = [];
for (const kind of ["error", "unhandledrejection"])
  addEventListener(kind, (event) => failures.push(String(event.reason || event.message)));
"""


@contextmanager
def opened(file: Path) -> Iterator[Any]:
    """Open a file in a browser that finds no host; close it at the end."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--disable-gpu", "--window-size=1200,1600", "--host-resolver-rules=MAP * ~NOTFOUND"):
        options.add_argument(flag)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        driver.set_script_timeout(30)
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        driver.get(file.as_uri())
        yield driver
    finally:
        driver.quit()


def wait(browser: Any, script: str) -> Any:
    """Return the value of a script as soon as it is true."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 30).until(lambda driver: driver.execute_script(script))


def emulate(browser: Any, width: int, scheme: str) -> None:
    """Set the width of the page and its colour scheme, ``light`` or ``dark``; below 600 pixels, a phone."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})


def requests(browser: Any) -> list[str]:
    """Return the addresses that the page asked for, except files and data."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return [url for url in asked if not url.startswith(("file:", "data:"))]
