// The parts of a report below the drawing. `data` is what `netc` wrote into the page.

"use strict";

function showReport(data) {
  const SVG = "http://www.w3.org/2000/svg";
  const svg = (name, attributes, parent, text) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  };
  const bytes = (n) => (n < 1024 ? `${n} B` : n < 1048576 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / 1048576).toFixed(2)} MiB`);
  const micros = (seconds) => `${(1e6 * seconds).toFixed(1)} µs`;
  const { profile, memory } = data;

  // ---- time ----

  const seconds = data.nodes.map(() => 0);
  const kernels = data.nodes.map(() => []);
  for (const step of profile ? profile.steps : []) {
    if (step.node === null) continue;
    seconds[step.node] += step.seconds;
    kernels[step.node].push(`${step.kernel}: ${micros(step.seconds)}, ${(100 * step.share_of_bound).toFixed(0)}% of what ${step.bound === "fma" ? "arithmetic" : "memory"} allows`);
  }
  const timeOf = (figure) => figure.all_nodes.reduce((sum, index) => sum + seconds[index], 0);
  const note = profile && ((figure) => {
    const time = timeOf(figure);
    const said = time > 0 ? [`time ${micros(time)}, ${((100 * time) / whole).toFixed(1)}% of all steps`] : ["no step of its own: computed within another"];
    return figure.inner ? said : [...said, ...figure.nodes.flatMap((index) => kernels[index])];
  });
  const whole = seconds.reduce((a, b) => a + b, 0);

  const { graph, select, make, grouped } = explorer(document.getElementById("explorer"), data, { note });
  if (profile) {
    const leaves = graph.figures.filter((figure) => !figure.inner);
    const most = leaves.reduce((a, figure) => Math.max(a, timeOf(figure) / figure.count), 0);
    graph.paint((figure) => {
      if (figure.inner || !most) return null;
      const heat = timeOf(figure) / figure.count / most;
return `--heat: ${Math.sqrt(heat).toFixed(3)}`;
    });
    document.querySelector(".bar .facts").after(make("span", { class: "facts" }, `a run takes ${(1e3 * profile.run_seconds).toFixed(3)} ms (${profile.setting}); time of a layer `), make("span", { class: "legend", title: `from 0 to ${micros(most)}` }));
  }

  // ---- bars ----

  // The units in order of execution; of equal ones behind one another each by itself.
  const rows = [];
  (function walk(panel) {
    for (const figure of panel.figures) {
      if (figure.inner && figure.count === 1) walk(figure.inner);
      else if (figure.all_nodes.length) {
        const sum = (of) => figure.all_nodes.reduce((all, index) => all + of(index), 0);
        rows.push({
          figure,
          // A number says less than what it stands for.
          name: figure.count > 1 ? `${figure.name} (${figure.count})` : /(^|\.)\d+$/.test(figure.name) ? `${figure.name} ${figure.title.split("(")[0]}` : figure.name,
          params: sum((i) => data.nodes[i].params),
          macs: sum((i) => data.nodes[i].macs),
          seconds: sum((i) => seconds[i]),
        });
      }
    }
  })(data.drawing.panel);

  (function bars() {
    const shown = rows.filter((row) => row.params || row.macs || row.seconds);
    const section = document.getElementById("sits");
    section.append(make("p", {}, "Shares of the whole, in order of execution; blocks that repeat count together. Click a line to find it in the drawing."));
    const kinds = [["params", "parameters", grouped], ["macs", "MACs", grouped]];
    if (profile) kinds.push(["seconds", "time", micros]);
    const [line, left, width] = [18, 230, 1180];
    const column = (width - left) / kinds.length;
    const chart = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${line * (shown.length + 1) + 6}` }, section);
    kinds.forEach(([kind, word, said], k) => {
      const x = left + k * column;
      const all = shown.reduce((sum, row) => sum + row[kind], 0);
      const most = shown.reduce((a, row) => Math.max(a, row[kind]), 0);
      svg("text", { class: "faint", x, y: 12 }, chart, word);
      shown.forEach((row, index) => {
        if (!most || !row[kind]) return;
        const y = line * (index + 1);
        const length = (row[kind] / most) * (column - 110);
        svg("rect", { class: `bar-${kind}`, x, y: y + 3, width: Math.max(length, 0.5), height: line - 6, rx: 2 }, chart);
        svg("text", { class: "faint", x: x + length + 5, y: y + 13 }, chart, `${((100 * row[kind]) / all).toFixed(1)}%`);
        svg("title", {}, chart.lastChild, said(row[kind]));
      });
    });
    shown.forEach((row, index) => {
      const y = line * (index + 1);
      const name = row.name.length > 36 ? `${row.name.slice(0, 35)}…` : row.name;
      svg("text", { x: 0, y: y + 13 }, chart, name);
      const hit = svg("rect", { class: "hit", x: 0, y, width, height: line }, chart);
      svg("title", {}, hit, `${row.name}: ${kinds.map(([kind, word, said]) => `${said(row[kind])} ${kind === "seconds" ? "" : word}`).join(", ")}`);
      hit.addEventListener("click", () => {
        graph.reveal(row.figure);
        window.scrollTo({ top: 0, behavior: "smooth" });
      });
    });
  })();

  // ---- memory ----

  (function memoryChart() {
    const section = document.getElementById("memory");
    const n = memory.steps.length;
    const peak = memory.live[memory.peak_step] || 0;
    // Many layers are called by their number only.
    const name = memory.steps[memory.peak_step] || "";
    const node = data.nodes.find((node) => node.name === name);
    const busiest = node ? `${name} (${node.layer.split("(")[0]})` : name;
    section.append(
      make(
        "p",
        {},
        `Per image: an arena of ${bytes(memory.arena)}, of which at most ${bytes(peak)} are in use at one time, during step ${memory.peak_step + 1} of ${n}, ${busiest}. ` +
          `Packed parameters take ${bytes(memory.weights)} more, whatever the batch. Each box is a buffer: its steps from left to right, its place in the arena from below to above.`,
      ),
    );
    if (!n || !memory.arena) return;
    const [left, width, height, base] = [70, 1180, 360, 24];
    const x = (step) => left + ((width - left - 10) * step) / n;
    const y = (at) => base + (height - base) * (1 - at / memory.arena);
    const chart = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height + 120}` }, section);
    for (let i = 0; i <= 4; i++) {
      const at = (memory.arena * i) / 4;
      svg("line", { class: "axis", x1: left, x2: width - 10, y1: y(at), y2: y(at) }, chart);
      svg("text", { class: "faint", x: left - 6, y: y(at) + 4, "text-anchor": "end" }, chart, bytes(Math.round(at)));
    }
    for (const buffer of memory.buffers) {
      const box = svg("rect", { class: "buffer", x: x(buffer.first), y: y(buffer.offset + buffer.bytes), width: x(buffer.last + 1) - x(buffer.first), height: Math.max(y(buffer.offset) - y(buffer.offset + buffer.bytes), 0.5) }, chart);
      svg("title", {}, box, `from ${buffer.writer}: ${bytes(buffer.bytes)} at ${bytes(buffer.offset)}, steps ${buffer.first + 1} to ${buffer.last + 1}`);
    }
    const [low, tall] = [height + 110, 90];
    const z = (at) => low - (tall * at) / memory.arena;
    const outline = memory.live.map((at, step) => `L${x(step)} ${z(at)}L${x(step + 1)} ${z(at)}`).join("");
    svg("path", { class: "live", d: `M${x(0)} ${low}${outline}L${x(n)} ${low}Z` }, chart);
    svg("text", { class: "faint", x: left - 6, y: low, "text-anchor": "end" }, chart, "in use");
    const middle = x(memory.peak_step + 0.5);
    svg("line", { class: "peak", x1: middle, x2: middle, y1: base - 8, y2: low }, chart);
    const atEnd = middle > width - 300;
    svg("text", { class: "peak-text", x: middle + (atEnd ? -6 : 6), y: base - 10, "text-anchor": atEnd ? "end" : "start" }, chart, `peak: ${bytes(peak)} in ${busiest}`);
    memory.steps.forEach((name, step) => {
      const hit = svg("rect", { class: "hit", x: x(step), y: height + 10, width: x(step + 1) - x(step), height: 100 }, chart);
      svg("title", {}, hit, `step ${step + 1}, ${name}: ${bytes(memory.live[step])} in use`);
    });
  })();

  // ---- the table ----

  (function table() {
    const columns = [
      ["layer", (n) => n.name],
      ["operation", (n) => n.layer],
      ["output", (n) => n.shape],
      ["params", (n) => n.params, grouped],
      ["MACs", (n) => n.macs, grouped],
      ["activation", (n) => n.bytes, bytes],
      ["receptive field", (n) => n.field],
      ["stride", (n) => n.stride],
    ];
    if (profile) columns.push(["time", (n) => seconds[data.nodes.indexOf(n)], (s) => (s ? micros(s) : "")]);
    const owner = new Map();
    for (const figure of graph.figures) if (!figure.inner) for (const index of figure.all_nodes) owner.set(index, figure);
    const body = make("tbody");
    const entries = data.nodes.map((node, index) => {
      const cells = columns.map(([, of, said]) => {
        const value = of(node);
        return make("td", said ? { class: "number" } : {}, said ? (value ? said(value) : "") : value);
      });
      const line = make("tr", { onclick: () => go(index) }, ...cells);
      return { node, line, index };
    });
    function go(index) {
      let figure = owner.get(index);
      // Of equal blocks only the first is drawn.
      if (!figure) figure = graph.figures.filter((known) => known.all_nodes.includes(index)).pop();
      if (!figure) return;
      graph.reveal(figure);
      window.scrollTo({ top: 0, behavior: "smooth" });
    }
    let sorted = -1;
    let down = true;
    const heads = columns.map(([word, of, said], c) =>
      make("th", { class: said ? "number" : "", title: "sort", onclick: () => {
        down = sorted === c ? !down : true;
        sorted = c;
        // Numbers from the largest, words from A.
        const order = (a, b) => (said ? of(b.node) - of(a.node) : of(a.node).localeCompare(of(b.node), "en", { numeric: true }));
        entries.sort((a, b) => (down ? 1 : -1) * order(a, b) || a.index - b.index);
        body.replaceChildren(...entries.map((entry) => entry.line));
      } }, word),
    );
    body.append(...entries.map((entry) => entry.line));
    const section = document.getElementById("layers");
    section.append(make("p", {}, "Per image. Receptive fields are counted in pixels of the input, as if it had no edges. Click a head to sort, a line to find the layer in the drawing."), make("div", { class: "table" }, make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body)));
  })();
}
