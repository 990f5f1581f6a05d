// The drawing with what is around it: a search, buttons, the details of what is chosen and its place in the source.

"use strict";

function explorer(holder, data, options = {}) {
  const make = (tag, attributes, ...children) => {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  };
  const grouped = (number) => number.toLocaleString("en-US");

  const found = make("span", { class: "found" });
  const search = make("input", { type: "search", placeholder: "search layers", "aria-label": "search layers" });
  const button = (text, title, action) => make("button", { type: "button", title, onclick: action }, text);
  const bar = make(
    "div",
    { class: "bar" },
    make("strong", {}, data.drawing.net),
    make("span", { class: "facts" }, data.drawing.facts),
    make("span", { class: "space" }),
    found,
    search,
    button("close all", "close all blocks", () => graph.close()),
    button("open all", "open all blocks", () => graph.open()),
    button("−", "smaller", () => graph.zoom(1 / 1.3)),
    button("+", "larger", () => graph.zoom(1.3)),
    button("width", "as wide as the window", () => graph.fitWidth()),
    button("whole", "the whole drawing", () => graph.fitAll()),
  );
  const canvas = make("div", { class: "holder" });
  const details = make("div", { class: "details" }, make("p", {}, options.takesWheel
    ? "Click a box for its details and its line of the source. The knob of a block, or a double click, opens and closes it. Drag or scroll to move, scroll with Ctrl to zoom."
    : "Click a box for its details and its line of the source. The knob of a block, or a double click, opens and closes it. Drag to move, scroll with Ctrl to zoom."));
  const source = make("div", { class: "source" });
  holder.append(bar, make("div", { class: "split" }, canvas, make("aside", {}, details, source)));

  // ---- the source ----

  let shownFile = null;
  function showPlace(place) {
    if (!place) {
      source.replaceChildren();
      shownFile = null;
      return;
    }
    const file = data.sources.find((known) => known.file === place.file);
    if (!file) return;
    if (shownFile !== place.file) {
      const lines = file.text.split("\n").map((text, index) => make("code", { "data-line": index + 1 }, text || " "));
      source.replaceChildren(make("h3", {}, file.path), make("pre", {}, ...lines));
      shownFile = place.file;
    }
    const lines = [...source.querySelectorAll("code")];
    lines.forEach((line, index) => line.classList.toggle("here", index + 1 >= place.line && index + 1 <= place.end));
    const first = lines[place.line - 1];
    if (first) {
      const pre = first.parentElement;
      pre.scrollTop = first.offsetTop - pre.offsetTop - pre.clientHeight / 3;
    }
  }

  // ---- details ----

  function row(node) {
    const cells = [node.name, node.layer, node.shape, node.params ? grouped(node.params) : "", node.macs ? grouped(node.macs) : ""];
    const made = make("tr", { tabindex: 0 }, ...cells.map((cell) => make("td", {}, cell)));
    made.addEventListener("click", () => showPlace(node.place));
    return made;
  }

  function select(figure) {
    const nodes = figure.nodes.map((index) => data.nodes[index]);
    const head = make("h2", {}, figure.title);
    const facts = make("p", {}, figure.count > 1 ? `${figure.name}: ${figure.count} in a row, of which this is the first` : figure.name);
    const table = make("table", {}, make("tr", {}, ...["layer", "operation", "output", "params", "MACs"].map((word) => make("th", {}, word))));
    table.append(...nodes.map(row));
    const more = [];
    if (nodes.length === 1 || !figure.inner) {
      const last = nodes[nodes.length - 1];
      if (last && last.field) more.push(make("p", {}, `receptive field ${last.field}, effective stride ${last.stride || "none"}`));
    }
    if (options.note) more.push(...options.note(figure).map((text) => make("p", {}, text)));
    details.replaceChildren(head, facts, ...more, ...(nodes.length ? [table] : []));
    showPlace(figure.place);
  }

  const graph = NetGraph.show(canvas, data, { select, takesWheel: options.takesWheel });

  // ---- search ----

  let matches = [];
  let at = -1;
  function find() {
    const word = search.value.trim().toLowerCase();
    const named = (index) => data.nodes[index].name.toLowerCase().includes(word);
    const holds = (figure) =>
      figure.name.toLowerCase().includes(word) ||
      figure.title.toLowerCase().includes(word) ||
      figure.rows.some((line) => line.toLowerCase().includes(word)) ||
      (!figure.inner && figure.all_nodes.some(named));
    const seen = new Set(word ? graph.figures.filter(holds) : []);
    // A layer of one of equal blocks that is not drawn: the block stands for it.
    const around = new Set();
    for (const figure of seen) for (let outer = graph.parents.get(figure.id); outer; outer = graph.parents.get(outer.id)) around.add(outer);
    const standsFor = (figure) => figure.inner && figure.count > 1 && !around.has(figure) && figure.all_nodes.some(named);
    matches = word ? graph.figures.filter((figure) => seen.has(figure) || standsFor(figure)) : [];
    at = -1;
    found.textContent = word ? `${matches.length} found` : "";
  }
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || matches.length === 0) return;
    at = (at + (event.shiftKey ? matches.length - 1 : 1)) % matches.length;
    found.textContent = `${at + 1} of ${matches.length}`;
    graph.reveal(matches[at]);
  });
  return { graph, select, make, grouped };
}
