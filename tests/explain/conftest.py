"""The browser of the system, for pages that are read as a person reads them."""

import json
import shutil

import pytest


@pytest.fixture(scope="session")
def browser():
    """Return a headless Chromium, or skip where it, its driver or selenium is not installed; nothing is downloaded."""
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    from selenium.webdriver.chrome.service import Service  # noqa: PLC0415

    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium and chromedriver are not installed (Debian: apt install chromium chromium-driver)")
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = selenium.Chrome(options=options, service=Service(driver))
    yield Browser(browser)
    browser.quit()


class Browser:
    """What a reader does with a page, and what they see."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, path, width=1280, dark=False, step=1):
        """Open a page at a step, as if for the first time."""
        self.driver.get("about:blank")
        self.logs()
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get(f"{path.as_uri()}#{step}")

    def script(self, code, *arguments):
        """Run a function body in the page and return its value."""
        return self.driver.execute_script(code, *arguments)

    def all(self, selector):
        """Return the elements that a selector finds."""
        return self.driver.find_elements("css selector", selector)

    def texts(self, selector):
        """Return the texts that stand in elements, seen or for a screen reader."""
        code = "return [...document.querySelectorAll(arguments[0])].map(element => element.textContent)"
        return self.script(code, selector)

    def ids(self, selector):
        """Return the class ids of rows."""
        code = "return [...document.querySelectorAll(arguments[0])].map(row => Number(row.dataset.id))"
        return self.script(code, selector)

    def press(self, *keys):
        """Press keys on what has the focus."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def choose(self, name, value):
        """Click a switch."""
        self.all(f"input[name={name}][value={json.dumps(value)}]")[0].click()

    def logs(self):
        """Return (lines of the console, addresses that were asked for) since the last time."""
        console = [entry["message"] for entry in self.driver.get_log("browser")]
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
        return console, asked
