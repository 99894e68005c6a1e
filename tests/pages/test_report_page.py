"""The report in a browser, as a reader meets it: at a desk, at night, on a phone, on paper."""

from xml.etree import ElementTree

import pytest
from matplotlib.image import imread

from terrasweep.dashboards.report.build import build
from terrasweep.sweeps.pages.write import atlas
from tests.pages.browser import reader
from tests.support.study import CONTINENTS, Study

FIGURES = ("scores", "differences", "ranks", "home", "diversity", "loss", "map")
"""What the names of the figures begin with: a study that asks nearly every question."""

DRAWN = """picture => {
  const box = picture.getBoundingClientRect();
  const marks = [...picture.querySelectorAll('path, rect, circle, use, text')];
  return box.width > 100 && box.height > 40
    && marks.filter(mark => mark.getBoundingClientRect().width > 0).length > 5;
}"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    compositions = ("uniform", "balanced", *CONTINENTS, "zero")
    root = tmp_path_factory.mktemp("study")
    study = Study(root, compositions=compositions, models=("presto", "satclip"), seeds=4).write()
    homes = {name: {"rule": {"kind": "only", "values": [name]}} for name in CONTINENTS}
    plan, meta = study.ledger.plan(study.name)
    study.ledger.write_plan(study.name, plan, {**meta, "compositions": homes})
    out = tmp_path_factory.mktemp("report")
    return build(study.store, study.ledger, study.name, atlas=atlas(), out=out)


@pytest.mark.parametrize("width", [1200, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_anyone_can_read_it(browser, page, scheme, width):
    with reader(browser, scheme=scheme, width=width) as read:
        read.open(page)
        read.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

        assert read.barriers() == []
        assert read.page.evaluate("document.documentElement.scrollWidth") <= width
        assert (read.wrong, read.asked) == ([], [])


def test_every_figure_is_drawn_and_says_what_it_shows(browser, page):
    with reader(browser) as read:
        read.open(page)
        pictures = read.page.locator("figure svg[role=img]")

        assert pictures.count() == len(list(page.parent.glob("*.svg")))
        for picture in pictures.all():
            assert picture.evaluate(DRAWN), picture.get_attribute("aria-labelledby")
            assert picture.locator("title").text_content()
            assert picture.locator("desc").text_content()
        drawn = {path.stem.split("-")[0] for path in page.parent.glob("*.svg")}
        assert drawn == set(FIGURES)


def test_it_prints_on_light_paper_without_what_only_a_screen_needs(browser, page):
    with reader(browser, scheme="dark") as read:
        read.open(page)
        read.page.emulate_media(media="print")

        for screen in ("nav", "#explore", ".dt-search >> nth=0"):
            assert not read.page.locator(screen).is_visible(), screen
        assert read.page.locator("h1").evaluate("one => getComputedStyle(one).color") == (
            "rgb(28, 37, 35)"
        )
        for picture in read.page.locator("figure svg[role=img]").all():
            assert picture.evaluate(DRAWN)
        assert read.page.pdf(format="A4").startswith(b"%PDF")
        assert read.wrong == []


def test_without_scripts_nothing_is_missing_but_the_charts_to_play_with(browser, page):
    with reader(browser, scripts=False) as read:
        read.open(page)

        assert not read.page.get_by_role("heading", name="Look into it").is_visible()
        assert read.page.locator("figure svg[role=img]").first.is_visible()
        assert read.page.locator("#scores summary").is_visible()


def test_pointing_at_a_mark_tells_its_numbers(browser, page):
    with reader(browser) as read:
        read.open(page)
        read.page.locator(".chart-live .mark-symbol.role-mark path").first.hover()

        told = read.page.locator("#vg-tooltip-element")
        told.wait_for(state="visible")
        for name in ("composition", "continent", "difference", "95 % interval", "pairs"):
            assert name in told.inner_text()
        assert (read.wrong, read.asked) == ([], [])


@pytest.mark.parametrize("name", ["map-uniform", "every-difference"])
def test_a_figure_is_kept_as_a_file_by_the_keyboard_alone(browser, page, name, tmp_path):
    with reader(browser, scheme="dark") as read:
        read.open(page)
        place = read.page.locator(f"[data-name='{name}']")
        place.locator("svg").wait_for()
        kept = {}
        for kind in ("SVG", "PNG"):
            shown = place.get_attribute("aria-label")
            button = read.page.get_by_role("button", name=f"Save as {kind}: {shown}", exact=True)
            button.focus()
            with read.page.expect_download() as coming:
                read.page.keyboard.press("Enter")
            kept[kind] = tmp_path / coming.value.suggested_filename
            coming.value.save_as(kept[kind])

        assert {path.name for path in kept.values()} == {f"{name}.svg", f"{name}.png"}
        drawn = ElementTree.parse(kept["SVG"]).getroot()
        words = "".join(drawn.itertext())
        assert "SYNTHETIC DATA" in words
        assert "var(" not in kept["SVG"].read_text()  # it has no page to look colours up in
        picture = imread(kept["PNG"])
        assert picture.shape[:2] == tuple(
            int(2 * float(drawn.get(side))) for side in ("height", "width")
        )
        paper = picture[0, 0]
        assert paper.tolist() == pytest.approx([0x15 / 255, 0x1A / 255, 0x19 / 255, 1])
        assert 0.005 < (picture != paper).any(axis=2).mean() < 0.9
        assert (read.wrong, read.asked) == ([], [])


def test_a_chart_shows_one_setting_at_a_time(browser, page):
    with reader(browser) as read:
        read.open(page)
        place = read.page.locator(".chart-live").last
        choice = place.get_by_role("combobox")

        def marks():
            shown = place.locator(".mark-rect.role-mark path")
            return [mark.get_attribute("aria-label") for mark in shown.all()]

        before = marks()
        choice.select_option(label="satclip on crops, n = 100, logistic")
        read.page.wait_for_timeout(300)
        after = marks()
        assert len(before) == len(after) == 9 * 6 * 4
        assert before != after


def test_tables_are_filtered_and_sorted(browser, page):
    with reader(browser) as read:
        read.open(page)
        read.page.locator("#differences summary").click()
        table = read.page.locator("#differences .scroll")
        lines = table.locator("tbody tr")
        everything = lines.count()

        table.get_by_role("searchbox").fill("south_america")
        assert 0 < lines.count() < everything
        assert all("south_america" in text for text in lines.all_inner_texts())

        heads = table.locator("thead th").all_inner_texts()
        at = next(at for at, head in enumerate(heads) if head.startswith("difference"))
        table.locator("thead th [role=button]").nth(at).click()
        table.locator("thead th[aria-sort=ascending]").wait_for()
        cells = [text.split("\t")[at].replace("\u2212", "-") for text in lines.all_inner_texts()]
        assert [float(cell) for cell in cells] == sorted(float(cell) for cell in cells)
