"""The page of cards as a reader meets it: what it says is what the audits found."""

import json
from collections import Counter
from xml.etree import ElementTree

import pytest

from terrasweep.dashboards.cards.explanations import is_skewed, verdict
from terrasweep.dashboards.cards.page import PageData, build
from terrasweep.samplers.audit.audit import audit, overlap
from terrasweep.samplers.audit.land_shares import points_on_land
from terrasweep.samplers.intake.describe import describe
from terrasweep.sweeps.pages.write import atlas
from tests.support.holdings import holding
from tests.support.page import read


@pytest.fixture(scope="module")
def told() -> PageData:
    lat, lon = points_on_land(4000, purpose="page of cards")
    asian = describe(lat, lon, russia="europe")["continent"] == "asia"
    pool, even, asia = (holding(lat[own], lon[own]) for own in (slice(None), slice(0, 500), asian))
    drawn = {
        "composition": {"rule": {"kind": "uniform", "resolution": 1, "also": {}}, "size": 500},
        "short": {"oceania": 7},
        "guard": {"rings": 1, "excluded": 1234},
        "leakage": {"crop": {"1": 0.0, "10": 0.011, "100": 0.63}},
        "notes": ["mine.csv: content <abc>"],
        "key": "sample/0123",
    }
    return PageData(
        title="made <up>",
        synthetic=True,
        pools={"tiny": {**audit(pool), "rejected": {"NaN": 3}, "key": "shard/4567"}},
        compositions={"even": {**audit(even), **drawn}, "asia": {**audit(asia), **drawn}},
        overlap=[{"one": "even", "other": "asia", **overlap(even, asia)}],
        not_drawn=["europe"],
    )


@pytest.fixture(scope="module")
def page(told, tmp_path_factory):
    return build(told, atlas=atlas(), out=tmp_path_factory.mktemp("cards"))


def test_every_set_of_samples_has_its_verdict_its_numbers_and_its_figures(told, page):
    found = read(page)
    for name, own in told.audits.items():
        assert verdict(name, own) in found.text
        assert f"{own['cells']['occupied']:,} of 2,185 with land" in found.text
        for value in own["strata"]["continent"]["values"].values():
            assert f"{100 * value['share']:.0f}\u00a0%" in found.text or value["share"] < 0.1
    assert "1,234 samples of the pool, 1 ring" in found.text
    assert "oceania by 7" in found.text
    near = "with a sample nearby: 0 % within 1 km, 1.1 % within 10 km, 63 % within 100 km"
    assert near in found.text.replace("\u00a0", " ")
    assert "mine.csv: content <abc>" in found.text
    assert "3: NaN" in found.text
    assert "uniform; resolution 1" in found.text
    assert "Not drawn yet: europe." in found.text


def test_it_says_that_it_is_synthetic_and_what_is_assumed(page):
    found = read(page)
    assert "SYNTHETIC DATA" in found.text
    assert "Assumed, because no paper reports it: bands, bins, low, high, log_base." in found.text
    assert "32 bins from 0 to 10,000" in found.text


def test_only_what_luck_does_not_explain_is_called_skewed(told):
    against = {name: own["strata"]["continent"]["land"] for name, own in told.audits.items()}
    assert {name: is_skewed(own) for name, own in against.items()} == {
        "pool of tiny": False,
        "even": False,
        "asia": True,
    }
    said = verdict("asia", told.compositions["asia"])
    assert "More than its share of the land: Asia (4.3 times)." in said
    assert "No samples: Africa, Europe, North America, Oceania and South America." in said


def test_the_numbers_lie_beside_the_page(told, page):
    numbers = json.loads((page.parent / "cards.json").read_text(encoding="utf-8"))
    assert numbers == json.loads(json.dumps(vars(told)))


def test_every_figure_lies_beside_the_page_and_says_what_it_shows(page):
    names = {path.stem for path in page.parent.glob("*.svg")}
    assert {"map-even", "map-pool-of-tiny", "shares-asia-biome", "overlap-ids"} <= names
    for path in page.parent.glob("*.svg"):
        root = ElementTree.parse(path).getroot()
        told = {child.tag.rpartition("}")[2]: child.text for child in root}
        assert told["title"]
        assert told["desc"]
        assert "SYNTHETIC DATA" in "".join(root.itertext())


def test_the_page_fetches_nothing_and_its_links_lead_somewhere(page):
    found = read(page)
    ids = Counter(attributes["id"] for _, attributes in found.found if attributes.get("id"))
    assert [name for name, times in ids.items() if times > 1] == []
    assert not {"script", "link", "iframe", "img", "object"} & {tag for tag, _ in found.found}
    assert {link["href"][1:] for link in found.all("a")} <= set(ids)
    labels = {label for _, own in found.found for label in own.get("aria-labelledby", "").split()}
    uses = {use["href"][1:] for use in found.all("use")}
    assert labels | uses <= set(ids)
