"""The `browser` fixture: one headless Chromium for all tests of pages."""

import json
import shutil

import pytest


@pytest.fixture(scope="session")
def browser():
    """Start a `Browser`, or skip if Chromium, its driver or selenium is not installed; nothing is downloaded."""
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium and chromedriver are not installed (Debian: apt install chromium chromium-driver)")
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = selenium.Chrome(options=options, service=selenium.ChromeService(driver))
    yield Browser(started)
    started.quit()


class Browser:
    """Opens pages, reads what they show and acts on them.

    Attributes
    ----------
    driver : selenium.webdriver.Chrome
    """

    def __init__(self, driver):
        self.driver = driver

    def open(self, path, width=1280, dark=False, step=None):
        """Open a file with a fresh page and empty logs; `step` is the fragment of the URL."""
        self.driver.get("about:blank")
        self.logs()
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get(path.as_uri() if step is None else f"{path.as_uri()}#{step}")

    def script(self, code, *arguments):
        """Run a function body in the page and return its value."""
        return self.driver.execute_script(code, *arguments)

    def all(self, selector):
        """Return the elements that match a CSS selector."""
        return self.driver.find_elements("css selector", selector)

    def texts(self, selector):
        """Return the text of matching elements, including text for screen readers only."""
        code = "return [...document.querySelectorAll(arguments[0])].map(element => element.textContent)"
        return self.script(code, selector)

    def ids(self, selector):
        """Return the `data-id` of matching elements as integers."""
        code = "return [...document.querySelectorAll(arguments[0])].map(row => Number(row.dataset.id))"
        return self.script(code, selector)

    def press(self, *keys):
        """Press keys on the focused element."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def choose(self, name, value):
        """Click a radio button."""
        self.all(f"input[name={name}][value={json.dumps(value)}]")[0].click()

    def logs(self):
        """Return (console messages, requested URLs) since the last call."""
        console = [entry["message"] for entry in self.driver.get_log("browser")]
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        requested = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
        return console, requested
