"""The report is one safe, offline page that says everything."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmgraph import report
from lmgraph.report import evidence, network
from lmgraph.schema import OUTCOMES
from tests.fixtures.story import FORMULA, HOSTILE_HOST, SCRIPT, harmful, pathless, quiet, story

ELEMENTS = set(
    re.findall(
        r"\w+",
        "html head meta title style body a header p h1 h2 h3 h4 dl div dt dd section ul li b details"
        " summary main nav span meter label select option button i aside noscript table thead tbody tr"
        " th td small br footer script svg line",
    )
)


class Page(HTMLParser):
    """What a browser would make of the page: elements with attributes, scripts, text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self.text = ""
        self._raw: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self._raw = ""

    def handle_endtag(self, tag):
        if tag == "script":
            self.scripts.append((self.elements[-1][1], self._raw or ""))
        if tag == "style":
            self.styles.append(self._raw or "")
        self._raw = None

    def handle_data(self, data):
        if self._raw is None:
            self.text += data
        else:
            self._raw += data

    def data(self, key: str):
        """The JSON of a data block."""
        return next(json.loads(text) for attributes, text in self.scripts if attributes.get("id") == key)

    def code(self) -> list[str]:
        """The scripts that run."""
        return [text for attributes, text in self.scripts if "type" not in attributes]

    def policy(self) -> str:
        equivalents = (attributes for tag, attributes in self.elements if tag == "meta")
        return next(
            a["content"] or "" for a in equivalents if a.get("http-equiv") == "Content-Security-Policy"
        )


@pytest.fixture(scope="module")
def text() -> str:
    return report.render(story())


@pytest.fixture(scope="module")
def page(text) -> Page:
    return Page(text)


def sha256(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def test_only_elements_of_the_template_exist(page):
    assert {tag for tag, _ in page.elements} <= ELEMENTS
    assert len(page.scripts) == 4
    assert len(page.code()) == 2


def test_no_attribute_runs_or_loads_anything(page):
    for tag, attributes in page.elements:
        assert not [
            name for name in attributes if name.startswith("on") or name in {"style", "src", "srcset"}
        ]
        if "href" in attributes:
            assert (tag, attributes["href"]) == ("a", "#paths")


def test_policy_names_the_hashes_of_exactly_what_is_in_the_page(text, page):
    directives = dict(part.strip().split(" ", 1) for part in page.policy().split(";"))
    assert directives == {
        "default-src": "'none'",
        "script-src": " ".join(sha256(code) for code in page.code()),
        "style-src": sha256(page.styles[0]),
        "img-src": "data: blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "object-src": "'none'",
        "require-trusted-types-for": "'script'",
    }
    assert text.index("Content-Security-Policy") < min(text.index("<script"), text.index("<style"))
    assert "charset" in text[:1024]
    assert "\r" not in text


def test_style_sheet_and_own_script_load_nothing(page):
    assert not re.search(r"url\(|@import|https?:", page.styles[0])
    own = page.code()[1]
    for forbidden in (
        "http",
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval",
        "fetch",
        "import(",
    ):
        assert forbidden not in own


def test_vis_network_keeps_its_banner_and_asks_for_no_source_map(page):
    assert page.code()[0].startswith("/**\n * vis-network")
    assert "Apache 2.0 License" in page.code()[0]
    assert "sourceMappingURL" not in page.code()[0]


def test_hostile_text_is_text(text, page):
    command = next(
        a["command"]
        for hop in page.data("page-data")["hops"]
        for a in hop["alerts"]
        if SCRIPT in a["command"]
    )
    assert "\\x1b[31mred" in command
    assert "\\u202egpj.exe" in command
    for shown in (HOSTILE_HOST, SCRIPT, FORMULA, "{{7*7}}", "notes<b>.bin\\x1b[2J"):
        assert shown in page.text
    ours = text.replace(page.code()[0], "")
    for raw in ("<img", "<b>.bin", "</script><script>alert"):
        assert raw not in ours
    assert harmful(ours) == set()
    assert "49" not in re.findall(r"\[bold\]\S*", page.text)


def test_data_blocks_are_ascii_without_markup(text):
    for block in re.findall(r'<script type="application/json" id="[a-z-]+">(.*?)</script>', text):
        assert block.isascii()
        assert not set("<>&") & set(block)


def test_json_refuses_what_json_has_not():
    assert report.script_json({"a": "</script>&\u2028"}) == '{"a":"\\u003c/script\\u003e\\u0026\\u2028"}'
    with pytest.raises(ValueError, match="JSON compliant"):
        report.script_json(float("nan"))


@settings(max_examples=30)
@given(st.text())
def test_any_text_stays_text(content):
    data = story()
    for row in (*data.hosts, *data.users):
        row.name = content
    for alert in data.alerts:
        alert.command_line = alert.process = alert.parent_process = content
    data.paths[0].why = [content]
    data.hops[0].missing_why = {"SMB445Connection": content}
    data.coverage.warnings = [content]
    shown = Page(report.render(data))
    assert [tag for tag, _ in shown.elements if tag not in ELEMENTS] == []
    assert len(shown.code()) == 2
    assert harmful(shown.text) == set()


def test_page_tells_the_story(page):
    for said in (
        "Most suspicious: WS042 → SRV7 → DC1 (high, attempted)",
        "Found 5 alerts",
        "Read 1,200 records from 2 inputs",
        "exactly 200 rows: the oldest are probably missing",
        "4 paths not listed: the best 20 of each incident are",
        "1 file of no known format: notes<b>.bin",
        "Incident 1: isolate and examine WS042 (it starts there), SRV7 (code ran there).",
        "Incident 1 · high, score 7.10 · from WS042 · 3 hosts, 1 path · may belong to incident 2",
        "Incidents, the highest score first",
        "critical from 8, high from 4.5, medium from 2, low from 0.5.",
        "reaches DC1 (domain controller)",
        "its incident",
    ):
        assert said in page.text


def test_static_tables_hold_every_path(page):
    tables = page.text[page.text.index("All paths") :]
    assert len([tag for tag, _ in page.elements if tag == "table"]) == 2
    for said in (
        "1. WS042 → SRV7 → DC1",
        "CORP\\alice on WS042 ran PsExec against SRV7 as CORP\\adm and mapped its admin share",
        "certainty 0.45: 0.75 sure that the step out of SRV7 followed the way in: it may have begun there;",
        "psexec64 \\\\srv7 -u CORP\\adm -p [redacted] cmd",
        "fdr/part-00000.gz:40",
        "CreateService PSEXESVC (target, success) fdr/part-00000.gz:77",
        f"2. {HOSTILE_HOST} → PRINT01",
    ):
        assert said in tables


def test_evidence_holds_what_a_responder_asks_for(page):
    data = page.data("page-data")
    path, hop = data["paths"][0], data["hops"][0]
    assert (path["nodes"], path["hops"], path["edges"]) == ([0, 1, 2], [0, 1], [0, 1])
    assert path["certainty"] == "0.45"
    assert [doubt[:5] for doubt in path["doubts"]] == ["0.75 ", "0.60 "]
    assert (path["incident"], path["company"]) == (0, [0, 1, 2])
    assert [edge["incidents"] for edge in data["edges"]] == [[0], [0], [1], []]
    assert data["total"] == 4
    assert path["links"] == [
        {
            "gap": "6 min 44 s",
            "certainty": "0.75, the likeliest explanation",
            "terms": [["a host just entered starts to move", "entered_then_moves", 1.1]],
        }
    ]
    assert hop["alerts"][0] == {
        "time": "2026-05-04 08:00:12.000Z",
        "clock": "the endpoint's clock",
        "type": "PsExecExecution",
        "process": "PsExec64.exe",
        "parent": "cmd.exe",
        "user": "CORP\\alice",
        "host": "WS042",
        "peer": None,
        "command": "psexec64 \\\\srv7 -u CORP\\adm -p [redacted] cmd",
        "redacted": True,
        "flags": [],
        "copies": 1,
        "origin": "fdr/part-00000.gz:40",
    }
    assert hop["missing"] == [["SMB445Connection", "the kernel made the connection, which the rule exempts"]]
    assert hop["terms"][0] == ["a remote execution was seen", "execution", 2.2]
    assert hop["terms"][-1] == ["most such hops are ordinary", "prior", -1.5]
    assert [seen["kind"] for seen in hop["witnesses"]] == ["NetworkReceiveAcceptIP4", "CreateService"]
    assert data["hops"][1]["alternatives"] == ["SRV7 → PRINT01\\x1b[2J\\u202e (0.40)"]
    assert data["hosts"][3]["managed"] is False
    assert data["hosts"][0]["addresses"][0][0] == "10.1.2.3"


def test_list_is_a_listbox_with_one_option_per_path(page):
    options = [attributes for _, attributes in page.elements if attributes.get("role") == "option"]
    assert [option["id"] for option in options] == ["path-0", "path-1"]
    listbox = next(attributes for _, attributes in page.elements if attributes.get("role") == "listbox")
    assert listbox["tabindex"] == "0"
    assert listbox["aria-label"]


def test_top_and_severity_only_choose_what_is_listed_first(page):
    for shown in (report.render(story(), top=1), report.render(story(), min_severity="medium")):
        found = Page(shown)
        options = [attributes for _, attributes in found.elements if attributes.get("role") == "option"]
        assert ["hidden" in option for option in options] == [False, True]
        assert "Show all 2 paths (1 shown)" in found.text
        assert found.data("page-data") == page.data("page-data")
    assert "Show all" not in page.text


def test_no_incident_is_hidden_by_the_paths_of_another():
    data = story()
    for number in range(30):
        path = copy.deepcopy(data.paths[0])
        path.id, path.rank = f"x{number}", 2 + number
        data.paths.insert(-1, path)
    data.paths[-1].rank = 32
    found = Page(report.render(data))
    options = [attributes for _, attributes in found.elements if attributes.get("role") == "option"]
    assert [place for place, option in enumerate(options) if "hidden" not in option] == [0, 31]
    assert "Show all 32 paths (2 shown)" in found.text


def test_edge_cap_is_said(monkeypatch):
    data = story()
    for number in range(network.EDGE_CAP + 40):
        hop = copy.deepcopy(data.hops[3])
        hop.id = hop.key = f"x{number:05}"
        hop.source_user, hop.users = None, [f"v{number}"]
        data.hops.append(hop)
    found = Page(report.render(data))
    assert "1,500 of 1,544 edges can be shown: those on paths first, then by score" in found.text
    assert len(found.data("network-data")["edges"]) == len(found.data("page-data")["edges"]) == 1500


def test_long_evidence_is_cut_and_counted():
    data = story()
    data.hops[0].alerts = ["a0"] * (evidence.ALERT_CAP + 3)
    data.hops[0].corroboration *= 20
    hop = Page(report.render(data)).data("page-data")["hops"][0]
    assert (len(hop["alerts"]), hop["more_alerts"]) == (evidence.ALERT_CAP, 3)
    assert (len(hop["witnesses"]), hop["more_witnesses"]) == (evidence.WITNESS_CAP, 40 - evidence.WITNESS_CAP)


def test_edge_of_many_hops_shows_the_first_and_those_on_paths():
    data = story()
    for number in range(50):
        hop = copy.deepcopy(data.hops[0])
        hop.id, hop.key, hop.first = (
            f"x{number}",
            f"x{number:03}",
            f"2026-05-0{4 - number // 25}T00:00:00.000000Z",
        )
        data.hops.append(hop)
    found = Page(report.render(data)).data("page-data")
    assert len(found["edges"][0]["hops"]) == evidence.HOP_CAP + 1
    assert found["edges"][0]["more_hops"] == 30
    assert found["paths"][0]["hops"][0] in found["edges"][0]["hops"]
    assert len(found["hops"]) == 4 + evidence.HOP_CAP


def test_page_without_paths_needs_no_script():
    found = Page(report.render(quiet()))
    assert found.code() == []
    assert "No lateral-movement path was found" in found.text
    assert "Nothing in what was read forms a path" in found.text
    assert "look at what limits the answer" in found.text
    assert "exactly 200 rows" in found.text


def test_page_without_paths_or_warnings_speaks_of_no_box():
    data = quiet()
    data.coverage.notices, data.coverage.warnings = [], []
    data.coverage.dropped_by_caps, data.coverage.unknown_files = {}, []
    found = Page(report.render(data))
    assert "limits" not in found.text
    assert "look at the time they cover." in found.text


def test_hops_without_a_path_are_listed():
    data = pathless()
    data.coverage.warnings = ["too little history before 4 of 4 hops to tell new from usual"]
    found = Page(report.render(data, top=3))
    for said in (
        "4 hops between hosts, and no path: none scores above 0.",
        "None of the 4 hops scores above 0",
        "there is too little history before them",
        "Hops in order of time: the first 3 of 4",
        "2026-05-04 08:00:12.000Z",
        "CORP\\alice",
        "PsExecExecution, NetUseAdminShare",
        "-0.50",
    ):
        assert said in found.text
    shown = found.text[found.text.index("Hops in order") :]
    assert shown.index("06:30:00") < shown.index("WS042 → SRV7") < shown.index("SRV7 → DC1")
    assert "PRINT01" not in shown
    assert found.code() == []
    assert harmful(found.text) == set()


def test_legend_and_edges_share_one_source(page):
    """The script reads an edge's dashes from the legend's line of that outcome."""
    lines = {attributes["id"]: attributes["class"] for tag, attributes in page.elements if tag == "svg"}
    assert lines == {f"line-{outcome}": f"line {outcome}" for outcome in OUTCOMES}
    style = page.styles[0]
    dashes = [re.search(rf"\.line\.{name} {{.*?stroke-dasharray: ([^;]+);", style)[1] for name in OUTCOMES]
    assert len(set(dashes)) == 4
    assert "byId(`line-${outcome}`)" in page.code()[1]
    assert not re.search(r"dashes: \[", page.code()[1])


def test_equal_results_give_equal_pages(text):
    assert report.render(story()) == text
