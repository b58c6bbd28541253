"""The page in Chromium, driven by what a person does: drop, choose a region, enlarge, slide, save."""

from __future__ import annotations

import base64
import io
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from page_server import Server
from PIL import Image

from srdgan_rt.image import read_picture
from srdgan_rt.serve.app import Limits

webdriver = pytest.importorskip("selenium.webdriver")
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

pytestmark = pytest.mark.slow  # a browser takes seconds to start

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
SCREENSHOTS = os.environ.get("SRDGAN_SCREENSHOTS")  # a folder for pictures of the page, to look at

# Puts a file on the stage as the browser does when one is dropped there.
DROP = """
const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
const data = new DataTransfer();
data.items.add(new File([bytes], arguments[1]));
const stage = document.getElementById("stage");
for (const name of ["dragover", "drop"]) {
  stage.dispatchEvent(new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true }));
}
"""


class Page:
    """Chromium with the page of a server."""

    def __init__(self, driver, server, downloads):
        self.driver, self.server, self.downloads = driver, server, downloads
        driver.get(server.address)
        self.wait(lambda: driver.execute_script("return document.body.dataset.ready"))

    def wait(self, condition):
        return WebDriverWait(self.driver, 60, 0.1).until(lambda _: condition())

    def find(self, id_):
        return self.driver.find_element(By.ID, id_)

    def text(self, id_):
        return self.find(id_).text

    @property
    def mode(self):
        return self.driver.execute_script("return document.body.dataset.mode")

    def drop(self, path):
        self.driver.execute_script(DROP, base64.b64encode(path.read_bytes()).decode(), path.name)

    def open(self, path):
        self.drop(path)
        self.wait(lambda: self.mode == "picture" and self.text("name") == path.name)

    def enlarge(self):
        self.find("enlarge").click()
        self.wait(lambda: self.mode == "result")

    def save(self):
        self.find("save").click()
        name = self.wait(lambda: self.text("notes").partition("saved as ")[2].partition("\n")[0])
        self.wait(lambda: (self.downloads / name).is_file())
        return self.downloads / name

    def pane(self):
        """What the stage shows, (H, W, 3) uint8."""
        self.driver.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))"
        )
        url = self.driver.execute_script("return document.querySelector('.pane canvas').toDataURL()")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"))

    def region(self):
        return [int(self.find(f"region-{side}").get_attribute("value")) for side in ("x", "y", "width", "height")]

    def shoot(self, name):
        if SCREENSHOTS:
            self.driver.save_screenshot(Path(SCREENSHOTS) / f"{name}.png")


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def driver(tmp_path_factory, downloads):
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("Chromium and its driver are not installed (Debian: apt install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page_server(models):
    server = Server(models, Limits(upload_bytes=1_000_000, pixels=1_000_000))
    yield server
    server.close()


@pytest.fixture
def page(driver, page_server, downloads):
    driver.set_window_size(1280, 800)
    page = Page(driver, page_server, downloads)
    yield page
    # The browser logs answers that are errors; anything else would be an error of the page or of its security policy.
    severe = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert [message for message in severe if "the server responded with a status of 4" not in message] == []


def test_a_picture_is_dropped_enlarged_compared_and_saved(page, draw):
    path = draw("photo.png", height=60, width=80)
    page.open(path)
    page.shoot("picture")
    assert page.text("facts") == "80 × 60 pixels"
    assert page.text("target") == "80 × 60 pixels become 320 × 240."
    page.enlarge()
    page.shoot("result")
    middle = page.pane()
    handle = page.driver.find_element(By.CSS_SELECTOR, ".handle")
    handle.send_keys(Keys.HOME)
    after = page.pane()
    handle.send_keys(Keys.END)
    before = page.pane()
    half = middle.shape[1] // 2
    assert (middle[:, : half - 3] == before[:, : half - 3]).all()
    assert (middle[:, half + 3 :] == after[:, half + 3 :]).all()
    assert (before != after).any()
    saved = read_picture(page.save()).pixels
    assert saved.shape == (240, 320, 3)


def test_a_region_is_dragged_and_only_it_is_enlarged(page, draw):
    path = draw("region.png", height=60, width=80)
    page.open(path)
    page.find("select").click()
    stage = page.find("stage")
    scale = min(stage.size["width"] / 80, stage.size["height"] / 60)
    ActionChains(page.driver).move_to_element_with_offset(
        stage, round(-20 * scale), round(-10 * scale)
    ).click_and_hold().move_by_offset(round(30 * scale), round(15 * scale)).release().perform()
    x, y, width, height = page.region()
    assert (abs(x - 20), abs(y - 20)) <= (1, 1)
    assert abs(width - 30) <= 2
    assert abs(height - 15) <= 2
    page.shoot("region")
    page.enlarge()
    page.shoot("region-result")
    Select(page.find("setting-format")).select_by_visible_text("TIFF")
    saved = page.save()
    assert saved.suffix == ".tiff"
    assert read_picture(saved).pixels.shape == (4 * height, 4 * width, 3)
    page.find("back").click()
    page.wait(lambda: page.mode == "picture")
    assert page.region() == [x, y, width, height]
    page.find("whole").click()
    assert page.region() == [0, 0, 80, 60]


def test_all_is_done_by_keyboard(page, draw):
    """The file alone comes from the test: no test can use the dialog of the operating system."""
    path = draw("keys.png", height=30, width=40)
    page.find("file").send_keys(str(path))
    page.wait(lambda: page.mode == "picture")
    for side, value in (("x", 5), ("y", 6), ("width", 20), ("height", 10)):
        field = page.find(f"region-{side}")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(str(value), Keys.TAB)
    assert page.region() == [5, 6, 20, 10]
    factor = page.find("setting-outscale")
    factor.send_keys(Keys.CONTROL, "a")
    factor.send_keys("2.5", Keys.ENTER)
    page.wait(lambda: page.mode == "result")
    assert page.driver.switch_to.active_element.get_attribute("id") == "save"
    zoom = page.text("zoom")
    page.find("stage").send_keys("+")
    page.pane()
    assert page.text("zoom") != zoom
    page.find("save").send_keys(Keys.ENTER)
    saved = page.downloads / "keys_x2.5.png"
    page.wait(saved.is_file)
    assert read_picture(saved).pixels.shape == (25, 50, 3)


def test_sharpness_is_offered_for_models_that_have_it(page, draw, models):
    page.open(draw("sharp.png"))
    assert not page.find("setting-sharpness").is_displayed()
    Select(page.find("setting-model")).select_by_value(models[1])
    slider = page.find("setting-sharpness")
    assert slider.is_displayed()
    assert float(slider.get_attribute("value")) == 0.25
    slider.send_keys(Keys.END)
    assert float(slider.get_attribute("value")) == 1
    page.enlarge()


def test_work_shows_its_progress_and_is_cancelled(page, draw, monkeypatch):
    def enlarge(picture, upscaler, *, progress, **settings):
        for step in range(3000):
            progress.show(step, 3000)
            time.sleep(0.01)
        raise AssertionError("nobody cancelled it")

    monkeypatch.setattr("srdgan_rt.serve.workspace.enlarge_and_mark", enlarge)
    page.open(draw("long.png"))
    page.find("enlarge").click()
    page.wait(lambda: page.find("progress").get_property("value") > 0)
    page.shoot("work")
    assert page.text("state").endswith(("%", "left"))
    page.find("cancel").click()
    page.wait(lambda: page.mode == "picture")
    page.server.wait_until_idle()
    monkeypatch.undo()
    page.enlarge()


def test_errors_are_shown(page, draw, tmp_path):
    junk = tmp_path / "junk.png"
    junk.write_bytes(b"not a picture")
    page.drop(junk)
    page.wait(lambda: page.text("problem").startswith("junk.png: not a picture of a known format"))
    large = tmp_path / "large.png"
    large.write_bytes(bytes(1_000_001))
    page.drop(large)
    page.wait(lambda: page.text("problem").startswith("large.png: files may have at most 1 MB"))
    page.shoot("problem")
    page.open(draw("good.png"))
    assert not page.find("problem").is_displayed()


def test_nothing_is_asked_of_other_servers(page, draw):
    page.driver.get_log("performance")
    page.open(draw("quiet.png"))
    page.enlarge()
    messages = [entry["message"] for entry in page.driver.get_log("performance")]
    urls = [m.partition('"url":"')[2].partition('"')[0] for m in messages if "Network.requestWillBeSent" in m]
    assert urls
    assert [url for url in urls if url and not url.startswith((page.server.address, "blob:", "data:"))] == []


@pytest.mark.parametrize("size", [(1280, 800), (600, 900)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_sizes_and_schemes_are_readable(page, draw, size, scheme):
    emulated = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", emulated)
    page.driver.set_window_size(*size)
    page.open(draw("scheme.png", height=60, width=80))
    page.enlarge()
    page.shoot(f"{scheme}-{size[0]}")
    assert page.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    colours = page.driver.execute_script(
        "const style = getComputedStyle(document.querySelector('aside')); return [style.color, style.backgroundColor]"
    )
    text, ground = (np.mean([int(v) for v in c[c.index("(") + 1 : -1].split(",")[:3]]) for c in colours)
    assert (text < 80 and ground > 200) if scheme == "light" else (text > 180 and ground < 60)


def test_everything_has_a_name_for_screen_readers(page, draw):
    page.open(draw("names.png"))
    page.enlarge()
    nodes = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    controls = ("button", "combobox", "slider", "spinbutton", "image", "toolbar")
    named = [(node["role"]["value"], node["name"]["value"]) for node in nodes if node["role"]["value"] in controls]
    assert {role for role, _ in named} == set(controls)
    assert all(name for _, name in named)
