"""The report as a browser shows it: whole, still, in reach of the keyboard and for all readers.

One browser serves all tests.  They are skipped where there is no Chromium; the accessibility
check also where npm cannot fetch axe-core.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile

import numpy as np
import pytest
from chromium import Chromium, find_chromium
from fabricated_results import toy_problem, toy_result, whole
from hostile_results import hostile_comparison
from test_serving import make_run, task

import sbiwb
from sbiwb.core.distributions import Uniform
from sbiwb.core.prior import Parameter
from sbiwb.serving import pages
from sbiwb.serving.runs import find_runs

AXE = "axe-core@4.14.1"
WIDE, NARROW = 1280, 390
A4 = 688  # CSS pixels between the margins of a sheet
SHEET = 1001  # and from top to bottom

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def browser():
    chromium = Chromium(find_chromium())
    yield chromium
    chromium.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("browser") / "report.html"
    return whole(500).save(path, command="sbiwb run toy", notes=("abc+slow did not finish.",))


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """The source of axe-core, fetched as npm fetches it."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm on this machine to fetch axe-core")
    command = [npm, "pack", AXE, "--pack-destination", str(folder)]
    packed = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if packed.returncode:
        pytest.skip(f"npm cannot fetch {AXE}: {packed.stderr.strip().splitlines()[-1]}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        return archive.extractfile("package/axe.min.js").read().decode("utf-8")


def shown(browser, path, width=WIDE, scheme="light"):
    browser.resize(width)
    browser.prefer(scheme)
    browser.open(path)
    return browser


# -- quiet ------------------------------------------------------------------------------------


def test_it_says_and_asks_nothing(browser, report):
    page = shown(browser, report)
    assert page.complaints() == []
    assert page.requests() == [report.as_uri()]


def test_a_page_that_asks_is_heard(browser, tmp_path):
    noisy = tmp_path / "noisy.html"
    noisy.write_text("<title>x</title><img src='missing.png'><script>console.log(1)</script>")
    page = shown(browser, noisy)
    assert len(page.requests()) == 2
    assert len(page.complaints()) == 2


def test_hostile_names_do_nothing(browser, tmp_path):
    path = hostile_comparison(methods=("<img src=x>",)).save(tmp_path / "report.html")
    page = shown(browser, path)
    assert page.complaints() == []
    assert page.requests() == [path.as_uri()]
    assert page.ask("document.title") == "</title><script>alert(1)</script>"
    assert page.ask(LAYOUT) == []


# -- figures and tables -----------------------------------------------------------------------

LAYOUT = """(() => {
  const faults = [], wide = document.documentElement.clientWidth;
  const say = (what, element) => faults.push(what + ": " + element.outerHTML.slice(0, 90));
  if (document.documentElement.scrollWidth > wide) faults.push("the page scrolls sideways");
  for (const box of document.querySelectorAll(".scroll"))
    if (box.scrollWidth > box.clientWidth + 1 && box.tabIndex !== 0) say("out of reach", box);
  for (const figure of document.querySelectorAll("figure .panel svg")) {
    const all = figure.getBoundingClientRect();
    if (all.width < 100 || all.height < 50) say("not to be seen", figure);
    if (all.left < 0 || all.right > wide) say("cut by the page", figure);
    for (const letter of figure.querySelectorAll("use, text")) {
      const own = letter.getBoundingClientRect();
      if (own.width && (own.left < all.left - 1 || own.right > all.right + 1 ||
          own.top < all.top - 1 || own.bottom > all.bottom + 1)) say("cut by its figure", letter);
    }
  }
  return faults;
})()"""


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_everything_is_to_be_seen(browser, report, width):
    page = shown(browser, report, width)
    assert page.ask("document.querySelectorAll('figure .panel svg').length") >= 10
    assert page.ask(LAYOUT) == []


def test_titles_of_many_parameters_are_whole(browser, tmp_path):
    problem = toy_problem([Parameter(f"p{k}", Uniform(-100, 100), "km/s/Mpc") for k in range(9)])
    # Skewed, so that the titles are long: a value and two errors.
    theta = 20 + np.random.default_rng(1).gamma(1.5, size=(300, 9))
    result = toy_result("npe", theta, problem=problem)
    path = sbiwb.compare([result]).save(tmp_path / "report.html")
    assert shown(browser, path).ask(LAYOUT) == []


def test_what_is_cut_is_noticed(browser, tmp_path):
    cut = tmp_path / "cut.html"
    cut.write_text(
        "<figure><div class=panel><svg viewBox='0 0 300 60' width='2000'>"
        "<text x='290' y='20'>cut</text></svg></div></figure>"
        "<div class='scroll' style='overflow:auto;width:9px'>unreachable</div>"
    )
    faults = shown(browser, cut, NARROW).ask(LAYOUT)
    assert [fault.partition(":")[0] for fault in faults] == [
        "the page scrolls sideways", "out of reach", "cut by the page", "cut by its figure",
    ]  # fmt: skip


def test_it_fits_on_paper(browser, report):
    page = shown(browser, report, A4)
    page.call("Emulation.setEmulatedMedia", media="print")
    faults = page.ask(
        f"""[...document.querySelectorAll("figure .panel svg, .scroll")].filter(
          e => e.scrollWidth > e.clientWidth + 1 || (e.tagName == "svg" &&
               e.getBoundingClientRect().height > {SHEET})).map(e => e.outerHTML.slice(0, 200))"""
    )
    hidden = page.ask(
        """[...document.querySelectorAll("details:not(.copies) *")].filter(
          e => !e.checkVisibility()).length"""
    )
    page.call("Emulation.setEmulatedMedia", media="")
    assert faults == []
    assert hidden == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_follow_the_scheme(browser, report, scheme):
    colours = shown(browser, report, scheme=scheme).ask(
        """(() => {
          const line = [...document.querySelectorAll("figure .panel svg path")].find(
            e => getComputedStyle(e).stroke.startsWith("rgb"));
          return [getComputedStyle(document.querySelector("section")).backgroundColor,
                  getComputedStyle(line).stroke];
        })()"""
    )
    lightness = [sum(map(int, c[4:-1].split(","))) / 3 for c in colours]
    assert (lightness[0] < lightness[1]) == (scheme == "dark")


# -- what the script adds ---------------------------------------------------------------------

PANELS = """[...document.querySelectorAll("#posteriors svg")].slice(0, 1).map(figure =>
  [...figure.querySelectorAll("[data-panel]")].filter(p => !p.classList.contains("off")).map(
    p => p.dataset.panel))[0]"""

PLACE = """(() => {
  const panel = document.querySelector('[data-panel="PANEL"]'), all = panel.closest("svg");
  return panel.getBoundingClientRect().y - all.getBoundingClientRect().y;
})()"""


def tick(page, name, value):
    page.ask(f"document.querySelector('#controls [name={name}][value=\"{value}\"]').click()")


def seen(page, selector):
    return page.ask(
        f"[...document.querySelectorAll('{selector}')].filter(e => e.checkVisibility()).length"
    )


def test_methods_come_and_go(browser, report):
    page = shown(browser, report)
    rows, lines = '#parameters tr[data-method="1"]', '#posteriors svg [data-method="1"]'
    assert seen(page, rows) == 4  # of two parameters in two problems
    assert seen(page, lines) > 10
    tick(page, "method", 1)
    assert seen(page, rows) == seen(page, lines) == 0
    assert seen(page, '#parameters tr[data-method="2"]') == 4
    tick(page, "method", 1)
    assert seen(page, rows) == 4
    assert page.complaints() == []


def test_parameters_come_and_go(browser, report):
    page = shown(browser, report)
    assert page.ask(PANELS) == ["0 0", "1 0", "1 1"]
    before = page.ask(PLACE.replace("PANEL", "0 0"))
    tick(page, "parameter", "a")
    # The panel of b moves to the place of a's; the labels that panel 1 0 would lend stay away.
    assert page.ask(PANELS) == ["1 1"]
    assert page.ask(PLACE.replace("PANEL", "1 1")) == pytest.approx(before, abs=3)
    assert seen(page, '[data-parameter="a"]') == 0
    # The last one cannot go.
    assert page.ask("document.querySelector('#controls [value=b]').disabled")
    assert page.complaints() == []


def test_the_pointer_reads_values(browser, report):
    page = shown(browser, report)
    x, y = page.ask(
        """(() => {
          const panel = document.querySelector('[data-panel="1 0"]');
          panel.closest("svg").scrollIntoView();
          const edges = panel.dataset.box.split(" ").map(Number), matrix = panel.getScreenCTM();
          const middle = new DOMPoint((edges[0] + edges[2]) / 2, (edges[1] + edges[3]) / 2);
          const at = middle.matrixTransform(matrix);
          return [at.x, at.y];
        })()"""
    )
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    text = page.ask("document.querySelector('.readout').textContent")
    low, high = page.ask(
        """(() => {
          const v = document.querySelector('[data-panel="1 0"]').dataset.box.split(" ").map(Number);
          return [(v[4] + v[6]) / 2, (v[5] + v[7]) / 2];
        })()"""
    )
    first, second = text.replace("\N{MINUS SIGN}", "-").split("\n")
    assert first.startswith("a [m]: ")
    assert second.startswith("b: ")
    assert float(first.split(": ")[1]) == pytest.approx(low, abs=0.05)
    assert float(second.split(": ")[1]) == pytest.approx(high, abs=0.05)


def test_figures_grow_and_tables_are_copied(browser, report):
    page = shown(browser, report)
    width = "document.querySelector('#posteriors svg').getBoundingClientRect().width"
    before = page.ask(width)
    page.ask("document.querySelector('#posteriors .enlarge').click()")
    assert page.ask(width) > 1.5 * before
    assert page.ask("document.querySelector('#posteriors .panels').tabIndex") == 0
    texts = page.ask(
        """(() => {
          navigator.clipboard.writeText = async (text) => { window.copied = text; };
          const all = [...document.querySelectorAll("#parameters pre")].slice(0, 2);
          all[1].previousElementSibling.click();
          return [...all.map(e => e.textContent), window.copied];
        })()"""
    )
    assert texts[0].startswith("method,parameter,mean,")
    assert r"$\alpha$ [m] & exact+dynesty & $" in texts[1]
    assert texts[2] == texts[1]


def test_an_interactive_report_draws_itself(browser, tmp_path):
    pytest.importorskip("plotly", reason="plotly is not installed")
    results = [toy_result(method, seed=k) for k, method in enumerate(("exact+emcee", "npe"))]
    path = sbiwb.compare(results).save(tmp_path / "report.html", interactive=True)
    assert path.stat().st_size < 6e6
    page = shown(browser, path)
    assert page.complaints() == []
    assert page.requests() == [path.as_uri()]
    lines = ".explorer .contourlevel path, .explorer .scatterlayer .js-line"
    assert seen(page, lines) >= 2 * (2 + 2)  # each method: two contours, two marginals
    tick(page, "method", 1)
    tick(page, "parameter", "a")
    assert seen(page, lines) == 1
    assert page.complaints() == []
    assert page.ask("document.documentElement.scrollWidth") <= WIDE


# -- keyboard and readers ---------------------------------------------------------------------

FOCUS = """(() => {
  const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
  return {
    tag: e.tagName, text: e.textContent.trim().slice(0, 40), href: e.getAttribute("href"),
    section: e.closest("section")?.id ?? "", outlined: style.outlineStyle != "none",
    seen: box.right > 0 && box.bottom > 0 && box.left >= 0,
  };
})()"""


def test_the_keyboard_reaches_everything(browser, report):
    page = shown(browser, report)
    order = []
    for _ in range(120):
        page.press("Tab")
        order.append(page.ask(FOCUS))
        if order[-1]["tag"] == "BODY":
            break
    assert order[-1]["tag"] == "BODY", "Tab comes to an end"
    order.pop()
    assert all(stop["outlined"] and stop["seen"] for stop in order)
    sections = page.ask("[...document.querySelectorAll('section')].map(s => s.id)")
    assert order[0]["text"] == "Skip to the result"
    links = [stop["href"] for stop in order if stop["tag"] == "A" and not stop["section"]]
    assert [stop["tag"] for stop in order].count("INPUT") == 5  # three methods, two parameters
    assert links == ["#answer", *(f"#{section}" for section in sections)]
    visited = list(dict.fromkeys(stop["section"] for stop in order if stop["section"]))
    assert visited == [section for section in sections if section in visited]
    assert len(visited) >= len(sections) - 1


def test_a_link_leads_into_its_section(browser, report):
    page = shown(browser, report)
    page.press("Tab")
    page.press("Enter")
    assert page.ask("location.hash") == "#answer"
    page.press("Tab")
    assert page.ask(FOCUS)["section"] == "answer"


@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
def test_axe_finds_nothing_serious(browser, report, axe, width, scheme):
    page = shown(browser, report, width, scheme)
    page.ask(axe + ";0")
    found = page.ask(
        """axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(
          v => ({id: v.id, impact: v.impact, first: v.nodes[0].html.slice(0, 200)})))"""
    )
    assert json.dumps(found, indent=1) == "[]"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["index", "one"])
def test_axe_finds_nothing_serious_in_the_pages_of_runs(browser, axe, tmp_path, which, scheme):
    tasks = [task(), task("npe", "running"), task("nle", "failed", "no <likelihood>", None)]
    folder = make_run(tmp_path / "runs" / "a", status="incomplete", tasks=tasks)
    make_run(tmp_path / "runs" / "b", status="running", title="<script>alert(1)</script>")
    (folder / "report.html").write_text("x")
    runs = find_runs(folder.parent)
    text = pages.index(runs, "", "") if which == "index" else pages.one(runs[-1], "")
    (tmp_path / "page.html").write_text(text.replace('http-equiv="refresh"', ""))
    page = shown(browser, tmp_path / "page.html", NARROW, scheme)
    assert page.complaints() == []
    page.ask(axe + ";0")
    found = page.ask("axe.run(document).then(r => r.violations.map(v => [v.id, v.nodes[0].html]))")
    assert json.dumps(found, indent=1) == "[]"


def test_axe_sees_a_fault(browser, axe, tmp_path):
    bad = tmp_path / "bad.html"
    bad.write_text("<p style='color:#ddd;background:#fff'>pale</p><img src='data:,'>")
    page = shown(browser, bad)
    page.ask(axe + ";0")
    found = page.ask("axe.run(document).then(r => r.violations.map(v => v.id))")
    assert {"color-contrast", "image-alt", "html-has-lang"} <= set(found)
