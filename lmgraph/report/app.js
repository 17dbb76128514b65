// The report's behaviour: pick a path, see exactly its edges and its evidence.
// Text of the input reaches the page through textContent only.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const page = JSON.parse(byId("page-data").textContent);
  const drawing = JSON.parse(byId("network-data").textContent);
  const state = { path: 0, edge: null, host: null, show: "path" };

  // ---- building elements ------------------------------------------------------------------

  const el = (tag, className, ...children) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    for (const child of children.flat(Infinity)) if (child !== null && child !== undefined && child !== "") node.append(child);
    return node;
  };
  const list = (items, tag = "ul") => (items.length ? el(tag, "", items.map((item) => el("li", "", item))) : null);
  const facts = (rows) => el("dl", "", rows.map(([name, value]) => [el("dt", "", name), el("dd", "", value)]));
  const part = (title, ...children) => [el("h4", "", title), ...children];
  const link = (text, action) => {
    const button = el("button", "link", text);
    button.type = "button";
    button.addEventListener("click", action);
    return button;
  };
  const hostLink = (name, node) => (node === null ? name : link(name, () => pickHost(node)));

  // ---- evidence ---------------------------------------------------------------------------

  const term = ([meaning, name, value], most) => {
    const bar = el("span", value < 0 ? "less" : "");
    const width = (50 * Math.abs(value)) / most;
    bar.style.width = `${width}%`;
    bar.style.left = `${value < 0 ? 50 - width : 50}%`;
    const label = el("span", "", meaning);
    label.title = name;
    return el("div", "term", label, el("span", "track", bar), el("span", "num", signed(value)));
  };
  const signed = (value) => (value > 0 ? "+" : "") + value.toFixed(2);
  const terms = (rows) => {
    const most = Math.max(0.001, ...rows.map((row) => Math.abs(row[2])));
    return rows.map((row) => term(row, most));
  };

  const alertItem = (alert) => {
    const command = alert.command === null ? null : el("pre", "", alert.command);
    if (command) command.tabIndex = 0;
    const process = alert.process === null ? "process unknown" : alert.process || "(blank name)";
    const by = `${process}${alert.parent ? `, started by ${alert.parent}` : ""}, ${alert.user || "account unknown"} on ${alert.host}`;
    const notes = [
      alert.peer ? `to ${alert.peer}` : null,
      alert.flags.length ? `flags: ${alert.flags.join(", ")}` : null,
      alert.redacted ? "a secret was taken out" : null,
      alert.copies > 1 ? `${alert.copies} copies` : null,
    ].filter(Boolean);
    return el(
      "div", "item",
      el("div", "", el("b", "", alert.type), " ", el("span", "mono", alert.time), " ", el("span", "dim", `(${alert.clock})`)),
      el("div", "", by), command, notes.length ? el("div", "dim", notes.join("; ")) : null,
      el("div", "dim mono", alert.origin),
    );
  };
  const witnessItem = (seen) => el(
    "div", "item",
    el("div", "", el("b", "", seen.kind), seen.object === null ? "" : ` ${seen.object}`, " ", el("span", "mono", seen.time)),
    el("div", "", `${seen.stage}, seen on the ${seen.side} (${seen.host}), ${seen.result}${seen.user ? `, ${seen.user}` : ""}${seen.count > 1 ? `, ${seen.count} times` : ""}`),
    el("div", "dim mono", seen.origin),
  );
  const more = (count) => (count ? el("p", "dim", `${count.toLocaleString("en")} more are in the JSON`) : null);

  const hopCard = (index, position) => {
    const hop = page.hops[index];
    const sure = [["certainty", hop.certainty]];
    if (hop.alternatives.length) sure.push(["could also be", hop.alternatives.join(", ")]);
    if (hop.visibility !== "full") sure.push(["sensor on target", hop.visibility === "none" ? "none: silence there proves nothing" : "for part of the time"]);
    const title = el("h3", "", position ? `${position}. ` : "", hostLink(hop.source, hop.nodes[0]), " → ", hostLink(hop.target, hop.nodes[1]));
    return el(
      "div", "card", title,
      el("div", "mono", hop.span === "0 s" ? hop.first : `${hop.first}, ${hop.span}`),
      el("p", "", hop.says),
      el("div", "", el("span", `tag ${hop.outcome}`, hop.outcome + (hop.outcome_at ? ` at ${hop.outcome_at}` : "")),
        hop.techniques.map((name) => el("span", "tag", name)), hop.denied ? el("span", "tag", `${hop.denied} denied`) : null,
        hop.suppressed ? el("span", "tag", `suppressed by ${hop.suppressed}`) : null),
      part("Who", facts(hop.accounts.map(([role, name]) => [role, name]))),
      part("Alerts", hop.alerts.length ? hop.alerts.map(alertItem) : el("p", "dim", "none; the hop rests on what follows"), more(hop.more_alerts)),
      hop.witnesses.length ? part("Also seen", hop.witnesses.map(witnessItem), more(hop.more_witnesses)) : null,
      hop.missing.length ? part("Missing, and why", facts(hop.missing)) : null,
      part("How sure", facts(sure), facts(hop.stages.map(([stage, sides]) => [stage, sides ? `seen on: ${sides}` : "not seen"]))),
      part(`Score ${hop.score.toFixed(2)}`, terms(hop.terms)),
    );
  };

  const between = (step) => el(
    "div", "between", `then, after ${step.gap}; that this followed from it: ${step.certainty}`, terms(step.terms),
  );

  const showPath = (index) => {
    const path = page.paths[index];
    const cards = path.hops.flatMap((hop, position) => {
      const step = position ? path.links[position - 1] : null;
      return [step ? between(step) : null, hopCard(hop, position + 1)];
    });
    return [
      el("h2", "", `${path.rank}. ${path.title}`),
      el("p", "", el("b", `level ${path.severity}`, path.severity), ` · score ${path.score.toFixed(2)} · `, el("b", "", path.outcome), `: ${path.meaning}`),
      facts([["certainty", path.certainty], ["accounts", path.accounts], ["time", path.when]]),
      path.doubts.length ? part(`Why the certainty is ${path.certainty} and not 1`, list(path.doubts)) : null,
      part("What happened", list(path.hops.map((hop) => page.hops[hop].says), "ol")),
      path.why.length ? part("Why it is suspicious", list(path.why)) : null,
      path.next.length ? part("What next", list(path.next)) : null,
      el("h3", "", "Evidence, hop by hop"),
      cards,
    ];
  };
  const back = () => link(`Back to path ${page.paths[state.path].rank}`, () => pick(state.path));
  const showEdge = (index) => {
    const edge = page.edges[index];
    return [back(), el("h2", "", edge.title), el("p", "", `${edge.user}; ${(edge.hops.length + edge.more_hops).toLocaleString("en")} hop${edge.hops.length > 1 ? "s" : ""}`),
      edge.hops.map((hop) => hopCard(hop, 0)), more(edge.more_hops)];
  };
  const showHost = (index) => {
    const host = page.hosts[index];
    const on = page.paths.map((_, number) => number).filter((number) => page.paths[number].nodes.includes(index));
    return [
      back(), el("h2", "", host.name), el("p", "", host.role), facts(host.facts),
      host.addresses.length ? part("Addresses", host.addresses.map(([ip, when, how]) => el("div", "item", el("b", "", ip), ` ${when}`, el("div", "dim", how)))) : null,
      part("Telemetry", host.telemetry.length ? list(host.telemetry) : el("p", "dim", "none: silence there proves nothing")),
      part("On paths", on.length ? list(on.slice(0, 30).map((number) => link(`${page.paths[number].rank}. ${page.paths[number].title}`, () => pick(number)))) : el("p", "dim", "none")),
    ];
  };
  const drawEvidence = () => {
    const shown = state.edge !== null ? showEdge(state.edge) : state.host !== null ? showHost(state.host) : showPath(state.path);
    byId("evidence").replaceChildren(...el("div", "", shown).childNodes);
    byId("evidence").scrollTop = 0;
  };

  // ---- picture ----------------------------------------------------------------------------

  const nodes = new vis.DataSet(drawing.nodes);
  const edges = new vis.DataSet(drawing.edges);
  const network = new vis.Network(byId("canvas"), { nodes, edges }, drawing.options);
  const outcomes = ["executed", "accessed", "connected", "attempted"];
  // The legend says how a line looks, and nothing else does: "16px, 4px" → [16, 4].
  const dashesOf = (outcome) => {
    const numbers = getComputedStyle(byId(`line-${outcome}`)).strokeDasharray.match(/[\d.]+/g);
    return numbers ? numbers.map(Number) : false;
  };
  const dashes = Object.fromEntries(outcomes.map((outcome) => [outcome, dashesOf(outcome)]));
  const onPaths = new Set(page.paths.flatMap((path) => path.nodes));

  const drawPicture = () => {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const path = page.paths[state.path];
    const strong = new Set(path.edges);
    const within = new Set(path.nodes);
    const company = new Set(path.company);
    // An edge may stand for several hops: on the picked path it shows that hop's outcome.
    const outcomeOf = (id) => (strong.has(id) ? page.hops[path.hops[path.edges.indexOf(id)]].outcome : page.edges[id].outcome);
    const edgeShown = {
      path: () => false,
      incident: (edge) => edge.incidents.includes(path.incident),
      paths: (edge) => edge.on_path,
      all: () => true,
    }[state.show];
    const nodeShown = {
      path: () => false, incident: (id) => company.has(id), paths: (id) => onPaths.has(id), all: () => true,
    }[state.show];
    const label = { color: colour("text"), strokeWidth: 4, strokeColor: colour("ground") };
    edges.update(page.edges.map((edge, id) => {
      const mine = strong.has(id);
      const picked = id === state.edge;
      const outcome = outcomeOf(id);
      const line = picked ? colour("origin") : mine ? colour(outcome) : colour("faint-line");
      return {
        id, hidden: !(mine || picked || edgeShown(edge)),
        label: mine ? edgeLabel(path, id) : " ", font: label, dashes: dashes[outcome], width: mine || picked ? 4 : 1.5,
        color: { color: line, highlight: line, hover: line, opacity: mine || picked ? 1 : 0.45 },
      };
    }));
    nodes.update(page.hosts.map((host, id) => {
      const mine = within.has(id);
      const start = id === path.nodes[0];
      const background = colour(mine ? "node" : "faint");
      const border = colour(id === state.host || (mine && start) ? "origin" : mine ? "node-line" : "faint-line");
      return {
        id, hidden: !(mine || id === state.host || nodeShown(id)),
        borderWidth: start || id === state.host ? 5 : 2, shapeProperties: { borderDashes: host.managed ? false : [4, 3] },
        color: { background, border, highlight: { background, border }, hover: { background, border } },
        font: { ...label, color: colour(mine ? "text" : "dim") },
      };
    }));
    const seen = edges.getIds({ filter: (edge) => !edge.hidden }).length;
    byId("drawn").textContent = `${seen.toLocaleString("en")} of ${page.total.toLocaleString("en")} edges shown`;
  };
  const edgeLabel = (path, id) => {
    const at = path.edges.map((edge, position) => (edge === id ? position : -1)).filter((position) => position >= 0);
    const hop = page.hops[path.hops[at[0]]];
    return `${at.map((position) => position + 1).join(", ")}. ${hop.first.slice(11, 16)} ${hop.outcome}`;
  };
  // Without animation: overlapping animated fits leak, and clicks then miss their node.
  const fit = () => {
    const ids = nodes.getIds({ filter: (node) => !node.hidden });
    if (ids.length) network.fit({ nodes: ids, animation: false, maxZoomLevel: 1.5 });
  };

  // ---- picking ----------------------------------------------------------------------------

  const options = [...document.querySelectorAll("[role=option]")];
  const draw = () => {
    const path = page.paths[state.path];
    byId("caption").textContent = `Path ${path.rank}: ${path.title}`;
    for (const option of options) option.setAttribute("aria-selected", String(Number(option.dataset.path) === state.path));
    byId("listbox").setAttribute("aria-activedescendant", `path-${state.path}`);
    drawPicture();
    drawEvidence();
  };
  const pick = (index) => {
    Object.assign(state, { path: index, edge: null, host: null });
    draw();
    fit();
  };
  const pickEdge = (index) => { Object.assign(state, { edge: index, host: null }); draw(); };
  const pickHost = (index) => { Object.assign(state, { host: index, edge: null }); draw(); };

  const listbox = byId("listbox");
  for (const option of options) option.addEventListener("click", () => pick(Number(option.dataset.path)));
  listbox.addEventListener("keydown", (event) => {
    const shown = options.filter((option) => !option.hidden);
    const here = shown.findIndex((option) => Number(option.dataset.path) === state.path);
    const goal = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: shown.length - 1 }[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    const next = shown[Math.min(Math.max(goal, 0), shown.length - 1)];
    pick(Number(next.dataset.path));
    next.scrollIntoView({ block: "nearest" });
  });
  byId("all")?.addEventListener("click", (event) => {
    for (const later of document.querySelectorAll("[data-later]")) later.hidden = false;
    event.target.hidden = true;
    listbox.focus();
  });
  byId("show").addEventListener("change", (event) => {
    state.show = event.target.value;
    drawPicture();
    fit();
  });
  byId("fit").addEventListener("click", fit);
  network.on("click", (hit) => {
    if (hit.nodes.length) pickHost(hit.nodes[0]);
    else if (hit.edges.length) pickEdge(hit.edges[0]);
    else if (state.edge !== null || state.host !== null) pick(state.path);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawPicture);
  new ResizeObserver(fit).observe(byId("canvas"));

  const first = options.find((option) => !option.hidden) || options[0];
  // A great incident would leave the path too small to read.
  if (page.paths[Number(first.dataset.path)].company.length <= 12) state.show = "incident";
  byId("show").value = state.show;
  pick(Number(first.dataset.path));
  window.lmgraph = { state, pick, pickEdge, pickHost, nodes, edges, network };
  document.documentElement.dataset.ready = "1";
})();
