"""The page in Chromium, driven by what a person does: mouse, wheel, touch, keys, and choices."""

from __future__ import annotations

import base64
import io
import json
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from srdgan_rt.compare import compare_files

webdriver = pytest.importorskip("selenium.webdriver")
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

pytestmark = pytest.mark.slow  # a browser takes seconds to start

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--window-size=800,600")
NOISE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
ORANGE, BLUE = (240, 120, 0), (0, 60, 200)


class Browser:
    """Chromium with one page."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, page):
        self.driver.get(page.as_uri())
        WebDriverWait(self.driver, 60).until(lambda driver: driver.execute_script("return document.body.dataset.ready"))
        self.settle()

    def settle(self):
        """Waits until what was asked for is drawn."""
        self.driver.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))"
        )

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def choose(self, id_, text):
        Select(self.find(f"#{id_}")).select_by_visible_text(text)
        self.settle()

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()
        self.settle()

    def click(self, selector):
        self.find(selector).click()
        self.settle()

    @property
    def zoom(self):
        return int(self.find("#zoom").text.removesuffix(" %"))

    def panes(self):
        """What is drawn in each pane, (H, W, 3) uint8."""
        self.settle()
        script = "return [...document.querySelectorAll('.pane canvas')].map((canvas) => canvas.toDataURL())"
        urls = self.driver.execute_script(script)
        files = (io.BytesIO(base64.b64decode(url.partition(",")[2])) for url in urls)
        return [np.asarray(Image.open(file).convert("RGB")) for file in files]

    def pane(self):
        (pane,) = self.panes()
        return pane


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("Chromium and its driver are not installed (Debian: apt install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def open_page(driver, tmp_path):
    """Opens a page of the given files."""

    def open_page(*paths, **options):
        driver.set_window_size(800, 600)
        page = tmp_path / "page.html"
        page.write_bytes(compare_files(paths, **options).page)
        browser = Browser(driver)
        browser.open(page)
        return browser

    yield open_page
    # No error, and nothing that the security policy refused.
    assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.fixture
def coloured(draw, open_page):
    """A page with an orange picture and a blue one."""
    return open_page(draw("a.png", ORANGE, size=(60, 80)), draw("b.png", BLUE, size=(60, 80)))


def test_nothing_is_loaded_but_the_page(coloured):
    messages = [json.loads(entry["message"])["message"] for entry in coloured.driver.get_log("performance")]
    requests = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
    urls = [r["request"]["url"] for r in requests if r["documentURL"] == coloured.driver.current_url]
    assert urls
    assert [url for url in urls if not url.startswith(("file:", "data:"))] == []


def test_handle_moves_by_mouse_and_keys(coloured):
    row = coloured.pane()[coloured.pane().shape[0] // 2]
    width = len(row)
    assert tuple(row[width // 2 - 10]) == ORANGE
    assert tuple(row[width // 2 + 10]) == BLUE
    handle = coloured.find(".handle")
    ActionChains(coloured.driver).drag_and_drop_by_offset(handle, 100, 0).perform()
    row = coloured.pane()[len(coloured.pane()) // 2]
    assert tuple(row[width // 2 + 90]) == ORANGE
    assert tuple(row[width // 2 + 110]) == BLUE
    before = int(handle.get_attribute("aria-valuenow"))
    handle.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    coloured.settle()
    assert int(handle.get_attribute("aria-valuenow")) == before - 2
    handle.send_keys(Keys.HOME)
    row = coloured.pane()[len(coloured.pane()) // 2]
    assert tuple(row[width // 2]) == BLUE


def test_wheel_zooms_around_the_pointer_in_all_panes(draw, open_page):
    path = draw("a.png", NOISE)
    page = open_page(path, path)
    page.choose("view", "side by side")
    before, fit = page.panes()[0], page.zoom
    box = page.find(".pane").rect
    place = (60, -40)  # from the middle of the first pane
    ActionChains(page.driver).scroll_from_origin(
        ScrollOrigin.from_element(page.find(".pane"), *place), 0, -400
    ).perform()
    one, other = page.panes()
    assert page.zoom > 1.5 * fit
    assert (one == other).all()
    assert not (one == before).all()
    x, y = round(box["width"] / 2) + place[0], round(box["height"] / 2) + place[1]
    assert (one[y, x] == before[y, x]).all()


def test_dragging_moves_all_panes(draw, open_page):
    path = draw("a.png", NOISE)
    page = open_page(path, path)
    page.choose("view", "side by side")
    page.click("#zoom-in")
    before = page.panes()[0]
    ActionChains(page.driver).drag_and_drop_by_offset(page.find(".pane"), 30, 20).perform()
    one, other = page.panes()
    assert (one == other).all()
    assert (one[20:, 30:] == before[:-20, :-30]).mean() > 0.97  # but for rounding at the edges of pixels


def test_pinch_zooms_and_moves(coloured):
    fit = coloured.zoom
    box = coloured.find("#stage").rect
    x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] / 2

    def touch(kind, *points):
        coloured.driver.execute_cdp_cmd(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x + dx, "y": y, "id": int(dx > 0)} for dx in points]},
        )

    touch("touchStart", -30, 30)
    for distance in (40, 60, 90):
        touch("touchMove", -distance, distance)
    touch("touchEnd")
    coloured.settle()
    assert coloured.zoom == pytest.approx(3 * fit, rel=0.05)


def test_keys(coloured):
    stage = coloured.find("#stage")
    ActionChains(coloured.driver).move_to_element_with_offset(stage, -100, 0).click().perform()  # beside the handle
    fit = coloured.zoom
    coloured.press("+", "+")
    assert coloured.zoom == pytest.approx(2.25 * fit, rel=0.02)
    before = coloured.pane()
    coloured.press(*[Keys.ARROW_RIGHT] * 9)  # the right edge of the pictures comes to the middle
    moved = coloured.pane()
    assert tuple(before[before.shape[0] // 2, -5]) == BLUE
    assert tuple(moved[before.shape[0] // 2, -5]) == (0, 0, 0)
    coloured.press("0")
    assert coloured.zoom == fit
    coloured.choose("view", "one picture")
    stage.click()
    middle = tuple(coloured.pane()[before.shape[0] // 2, before.shape[1] // 2])
    assert middle == ORANGE
    coloured.press("x")
    assert tuple(coloured.pane()[before.shape[0] // 2, before.shape[1] // 2]) == BLUE
    coloured.press("1")
    assert tuple(coloured.pane()[before.shape[0] // 2, before.shape[1] // 2]) == ORANGE
    coloured.press("9")  # there is no ninth picture
    assert Select(coloured.find("#first")).first_selected_option.text == "a.png"


def test_double_click_switches_between_full_size_and_the_whole(coloured):
    fit = coloured.zoom
    place = ActionChains(coloured.driver).move_to_element_with_offset(coloured.find("#stage"), -100, 50)
    place.double_click().perform()
    coloured.settle()
    assert coloured.zoom == 100
    place.double_click().perform()
    coloured.settle()
    assert coloured.zoom == fit != 100


def test_difference_is_amplified(draw, open_page):
    page = open_page(draw("a.png", (10, 20, 30)), draw("b.png", (13, 20, 25)))
    page.choose("view", "difference")
    height, width = page.pane().shape[:2]
    assert tuple(page.pane()[height // 2, width // 2]) == (12, 0, 20)
    page.choose("gain", "x32")
    assert tuple(page.pane()[height // 2, width // 2]) == (96, 0, 160)
    assert page.find(".tag").text == "difference x32"


def test_smaller_pictures_are_as_large_as_the_largest(draw, open_page):
    small = np.zeros((6, 8, 3), np.uint8)
    small[:, 4:] = 200
    page = open_page(draw("large.png", NOISE), draw("small.png", small))
    page.choose("view", "one picture")
    page.choose("first", "small.png")
    drawn = page.pane()
    assert set(np.unique(drawn[2:-2, : drawn.shape[1] // 2 + 50])) == {0, 200}  # without the edges of the picture
    row = drawn[len(drawn) // 2, :, 0]
    large = np.flatnonzero(row)
    assert large[0] == pytest.approx(len(row) / 2, abs=1)
    assert len(large) == pytest.approx(len(drawn) * 80 / 60 / 2, abs=2)  # half of a picture that fills the height
    page.choose("filter", "smooth")
    assert len(np.unique(page.pane())) > 10


def test_a_region_lies_at_one_place_in_pictures_of_different_sizes(draw, open_page):
    large = np.zeros((60, 80, 3), np.uint8)
    large[:, 40:] = 200
    paths = [draw("large.png", large), draw("small.png", np.ascontiguousarray(large[::4, ::4]))]
    page = open_page(*paths, roi=(29, 10, 30, 41))  # columns 28 to 60 of the small one
    assert page.find("#region").text.startswith("Only a region is shown: 30 x 41 pixels at (29, 10) of large.png")
    page.choose("view", "side by side")
    edges = [int(np.flatnonzero(pane[len(pane) // 2, :, 0])[0]) for pane in page.panes()]
    assert abs(edges[0] - edges[1]) <= 1
    width = page.panes()[0].shape[1]
    assert edges[0] == pytest.approx(width / 2 + (11 - 15) * page.zoom / 100, abs=1.5)


def test_colours_orientation_depth_and_alpha_are_right(draw, open_page, tmp_path):
    pixels = np.full((40, 60, 3), ORANGE, np.uint8)
    pixels[:20, 30:] = BLUE  # turned by a quarter clockwise: bottom right
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = [tmp_path / name for name in ("turned.jpg", "turned.png", "turned.webp")]
    for path in turned:
        Image.fromarray(pixels).save(path, exif=exif, quality=100, subsampling=0, lossless=True)
    upright = np.rot90(pixels, -1)
    deep = draw("deep.tiff", upright.astype(np.uint16) * 257)
    clear = draw("clear.png", np.dstack([upright, np.where(upright[..., 2] == 200, 255, 0).astype(np.uint8)]))
    grey = draw("grey.png", np.full((60, 40), 77, np.uint8))
    page = open_page(*turned, deep, clear, grey)
    page.choose("view", "one picture")

    def corners():
        drawn = page.pane().astype(int)
        height, width = drawn.shape[:2]
        across = height * 40 / 60 / 4
        return drawn[height // 4, int(width / 2 + across)], drawn[3 * height // 4, int(width / 2 + across)]

    for path in (*turned, deep):
        page.choose("first", path.name)
        top, bottom = corners()
        assert abs(top - ORANGE).max() <= 3, path.name
        assert abs(bottom - BLUE).max() <= 3, path.name
    page.choose("first", "clear.png")
    assert tuple(corners()[1]) == BLUE
    assert set(corners()[0]) in ({0x99}, {0x66})  # a checkerboard
    page.choose("first", "grey.png")
    assert tuple(corners()[0]) == (77, 77, 77)


def test_scores_follow_the_reference(draw, open_page):
    page = open_page(draw("a.png", NOISE), draw("b.png", NOISE // 2), draw("c.png", NOISE[:30]))
    texts = [score.text for score in page.driver.find_elements(By.CSS_SELECTOR, ".score")]
    assert "this is the reference" in texts[0]
    assert " dB" in texts[1]
    assert "not known" in texts[2]
    page.choose("reference", "b.png")
    texts = [score.text for score in page.driver.find_elements(By.CSS_SELECTOR, ".score")]
    assert " dB" in texts[0]
    assert "this is the reference" in texts[1]


def test_pictures_can_be_left_out_of_the_side_by_side_view(coloured):
    coloured.choose("view", "side by side")
    assert len(coloured.panes()) == 2
    coloured.click("article input")
    assert coloured.find(".pane canvas").get_attribute("aria-label") == "b.png"
    assert len(coloured.panes()) == 1
    coloured.click("article:nth-child(2) input")
    assert coloured.panes() == []
    coloured.click("article input")
    assert len(coloured.panes()) == 1


def test_names_are_texts(draw, open_page, tmp_path):
    name = '<img src=x onerror="document.title=1">&amp;\'.png'
    path = draw("a.png").rename(tmp_path / name)
    page = open_page(path, draw("b.png"), title="</title><script>document.title=2</script>")
    time.sleep(0.2)
    assert page.driver.title == "</title><script>document.title=2</script>"
    assert page.find(".tag").text == page.find("article h2").text == name
    assert not page.driver.find_elements(By.CSS_SELECTOR, "img")


def test_a_narrow_window_needs_no_sideways_scrolling(draw, open_page, driver):
    page = open_page(draw("a_rather_long_name_of_a_picture_that_does_not_break.png", NOISE), draw("b.png", NOISE))
    # A window cannot be narrower than 500 pixels, but an emulated screen can.
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 640, "deviceScaleFactor": 2, "mobile": True}
    )
    try:
        for view in ("slider", "side by side", "difference"):
            page.choose("view", view)
            assert page.driver.execute_script("return document.documentElement.scrollWidth") <= 360, view
        page.choose("view", "side by side")
        assert len({pane.rect["x"] for pane in page.driver.find_elements(By.CSS_SELECTOR, ".pane")}) == 1  # one column
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_everything_has_a_name_for_screen_readers(coloured):
    nodes = coloured.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    controls = ("button", "combobox", "slider", "checkbox", "image", "toolbar")
    named = [(node["role"]["value"], node["name"]["value"]) for node in nodes if node["role"]["value"] in controls]
    assert {role for role, _ in named} == set(controls)
    assert all(name for _, name in named)
