// Draws a net in which blocks open and close. `data` is what `netc` wrote into the page.
//
// Where things lie is decided as in src/drawing/layout.rs: each open block is laid out by itself by dagre, and is then one large box
// of the panel around it.

"use strict";

const NetGraph = (() => {
  const SVG = "http://www.w3.org/2000/svg";

  function element(name, attributes, parent, text) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  }

  // ---- places ----

  function layout(panel, isOpen, metrics) {
    const spots = panel.figures.map((figure) => spot(figure, isOpen, metrics));
    const graph = new dagre.graphlib.Graph({ multigraph: true });
    graph.setGraph({ nodesep: metrics.beside, edgesep: metrics.lines_apart, ranksep: metrics.below });
    const end = (anchor, kind) => (anchor.figure === null ? `${kind} ${anchor.port}` : `figure ${anchor.figure}`);
    for (let port = 0; port < panel.n_entries; port++) graph.setNode(`entry ${port}`, { width: 1, height: 1 });
    spots.forEach((s, index) => graph.setNode(`figure ${index}`, { width: s.width, height: s.height }));
    for (let port = 0; port < panel.n_exits; port++) graph.setNode(`exit ${port}`, { width: 1, height: 1 });
    panel.lines.forEach((line, index) => {
      if (!line.routed) return;
      const label = { labelpos: "c", width: 2 * line.label_width, height: line.label ? metrics.label : 0 };
      graph.setEdge(end(line.from, "entry"), end(line.to, "exit"), label, String(index));
    });
    dagre.layout(graph);
    spots.forEach((s, index) => {
      const node = graph.node(`figure ${index}`);
      s.x = node.x - s.width / 2;
      s.y = node.y - s.height / 2;
    });
    const ports = (n, kind) => Array.from({ length: n }, (_, port) => graph.node(`${kind} ${port}`).x);
    const placed = { spots, entries: ports(panel.n_entries, "entry"), exits: ports(panel.n_exits, "exit"), lines: [], labels: [] };
    panel.lines.forEach((line, index) => {
      if (!line.routed) {
        const middle = (name) => [graph.node(name).x, graph.node(name).y];
        placed.lines.push([middle(end(line.from, "entry")), middle(end(line.to, "exit"))]);
        placed.labels.push([0, 0]);
        return;
      }
      const edge = graph.edge(end(line.from, "entry"), end(line.to, "exit"), String(index));
      const points = edge.points.map((p) => [p.x, p.y]);
      const beside = line.label ? points.find((p) => Math.abs(p[1] - edge.y) < 0.5) : undefined;
      placed.labels.push(beside ? [...beside] : [0, 0]);
      if (beside) beside[1] += metrics.label / 2;
      placed.lines.push(points);
    });
    if (isReversed(spots)) mirror(placed);
    fit(panel, placed, metrics);
    return placed;
  }

  function spot(figure, isOpen, metrics) {
    const behind = figure.count > 1 ? metrics.stack : 0;
    const closed = { x: 0, y: 0, width: figure.width + 2 * behind, height: figure.height + behind, inner: null };
    if (!figure.inner || !isOpen(figure)) return closed;
    const inner = layout(figure.inner, isOpen, metrics);
    const flow = inner.entries.length ? inner.entries[0] : inner.exits.length ? inner.exits[0] : inner.width / 2;
    const half = Math.max(flow, inner.width - flow, figure.width / 2 - metrics.padding);
    shift(inner, half - flow, 0);
    inner.width = 2 * half;
    return {
      x: 0,
      y: 0,
      width: inner.width + 2 * (metrics.padding + behind),
      height: inner.height + metrics.head + metrics.padding + behind,
      inner,
    };
  }

  function isReversed(spots) {
    let balance = 0;
    spots.forEach((left, index) => {
      for (const right of spots.slice(index + 1)) {
        if (left.y < right.y + right.height && right.y < left.y + left.height) balance += left.x < right.x ? 1 : -1;
      }
    });
    return balance < 0;
  }

  function mirror(placed) {
    for (const s of placed.spots) s.x = -s.x - s.width;
    for (const point of [...placed.lines.flat(), ...placed.labels]) point[0] = -point[0];
    placed.entries = placed.entries.map((x) => -x);
    placed.exits = placed.exits.map((x) => -x);
  }

  function shift(placed, right, down) {
    for (const s of placed.spots) {
      s.x += right;
      s.y += down;
    }
    for (const point of [...placed.lines.flat(), ...placed.labels]) {
      point[0] += right;
      point[1] += down;
    }
    placed.entries = placed.entries.map((x) => x + right);
    placed.exits = placed.exits.map((x) => x + right);
  }

  function fit(panel, placed, metrics) {
    panel.lines.forEach((line, index) => attach(line, placed.lines[index], placed.spots));
    panel.lines.forEach((line, index) => {
      const label = placed.labels[index];
      const before = placed.lines[index].filter((point) => point[1] < label[1]).pop();
      label[0] += before && before[0] > label[0] + 1 ? -metrics.label_offset - line.label_width : metrics.label_offset;
    });
    const xs = [], ys = [];
    for (const s of placed.spots) {
      xs.push(s.x, s.x + s.width);
      ys.push(s.y, s.y + s.height);
    }
    for (const [x, y] of placed.lines.flat()) {
      xs.push(x);
      ys.push(y);
    }
    panel.lines.forEach((line, index) => {
      if (line.label) xs.push(placed.labels[index][0], placed.labels[index][0] + line.label_width);
    });
    const low = (of) => of.reduce((a, b) => Math.min(a, b), Infinity);
    const high = (of) => of.reduce((a, b) => Math.max(a, b), -Infinity);
    const [left, top] = [low(xs), low(ys)];
    placed.width = high(xs) - left;
    placed.height = high(ys) - top;
    shift(placed, -left, -top);
    panel.lines.forEach((line, index) => {
      const points = placed.lines[index];
      if (line.from.figure === null) points[0][1] = 0;
      if (line.to.figure === null) points[points.length - 1][1] = placed.height;
    });
  }

  function attach(line, points, spots) {
    const meets = (anchor, ports, near) => {
      if (anchor.figure === null) return null;
      const s = spots[anchor.figure];
      const port = s.inner ? s.inner[ports][anchor.port] : undefined;
      if (port !== undefined) return [s.x + (s.width - s.inner.width) / 2 + port, s];
      const inset = Math.min(12, s.width / 2);
      return [Math.min(Math.max(near, s.x + inset), s.x + s.width - inset), s];
    };
    const from = meets(line.from, "exits", points[1][0]);
    if (from) points[0] = [from[0], from[1].y + from[1].height];
    const to = meets(line.to, "entries", points[points.length - 2][0]);
    if (to) points[points.length - 1] = [to[0], to[1].y];
  }

  function curve(points) {
    return points
      .map(([x, y], index) => {
        if (index === 0) return `M${x} ${y}`;
        const [from, above] = points[index - 1];
        const half = (above + y) / 2;
        return Math.abs(from - x) < 1 ? `L${x} ${y}` : `C${from} ${half} ${x} ${half} ${x} ${y}`;
      })
      .join("");
  }

  // ---- drawing ----

  // Draws into `holder`. `events.select(figure)` is told what was chosen, `events.takesWheel` says that the page has nothing else to scroll.
  function show(holder, data, events) {
    const { metrics } = data;
    const open = new Set();
    const parents = new Map();
    const figures = [];
    (function walk(panel, parent) {
      for (const figure of panel.figures) {
        figures.push(figure);
        parents.set(figure.id, parent);
        if (figure.inner) walk(figure.inner, figure);
      }
    })(data.drawing.panel, null);
    const blocks = figures.filter((figure) => figure.inner);
    for (const block of blocks) if (parents.get(block.id) === null) open.add(block.id);

    const svg = element("svg", { class: "drawing canvas", role: "img", "aria-label": data.drawing.net }, holder);
    const defs = element("defs", {}, svg);
    const marker = element("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7.5, refY: 4, markerWidth: 6.5, markerHeight: 6.5, orient: "auto" }, defs);
    element("path", { class: "tip", d: "M0 0 8 4 0 8z" }, marker);
    const stage = element("g", {}, svg);
    let groups = new Map();
    let spots = new Map();
    let placed = null;
    let selected = null;
    let view = { x: 0, y: 0, scale: 1 };
    let paint = () => null;

    function redraw() {
      stage.replaceChildren();
      groups = new Map();
      spots = new Map();
      placed = layout(data.drawing.panel, (figure) => open.has(figure.id), metrics);
      drawPanel(data.drawing.panel, placed, stage, 0, 0);
      svg.dataset.size = `${placed.width.toFixed(1)} ${placed.height.toFixed(1)}`;
      mark();
    }

    function drawPanel(panel, at, parent, x, y) {
      const group = element("g", { transform: `translate(${x} ${y})` }, parent);
      panel.lines.forEach((line, index) => {
        const points = at.lines[index].map((point) => [...point]);
        if (line.to.figure === null) {
          const [px, py] = points[points.length - 1];
          points.push([px, py + metrics.padding]);
        }
        const path = element("path", { class: "line", d: curve(points) }, group);
        if (line.to.figure !== null) path.setAttribute("marker-end", "url(#arrow)");
        element("title", {}, path, line.shape);
      });
      panel.figures.forEach((figure, index) => drawFigure(figure, at.spots[index], group, x, y));
      panel.lines.forEach((line, index) => {
        const [lx, ly] = at.labels[index];
        if (line.label) element("text", { class: "size", x: lx, y: ly + 4 }, group, line.label);
      });
    }

    function drawFigure(figure, s, parent, x, y) {
      const behind = figure.count > 1 ? metrics.stack : 0;
      const [width, height] = [s.width - 2 * behind, s.height - behind];
      const group = element("g", { class: `figure ${figure.family}`, transform: `translate(${s.x + behind} ${s.y})`, tabindex: 0, "data-id": figure.id }, parent);
      groups.set(figure.id, group);
      spots.set(figure.id, { x: x + s.x, y: y + s.y, width: s.width, height: s.height });
      element("title", {}, group, figure.name);
      if (behind) element("path", { class: "behind", d: `M${width} ${behind}H${width + behind}V${height + behind}H${behind}V${height}` }, group);
      const round = figure.family === "input" || figure.family === "output" ? figure.height / 2 : figure.inner ? 8 : 4;
      const box = element("rect", { class: "box", width, height, rx: round }, group);
      const colour = paint(figure);
      if (colour) box.setAttribute("style", colour);
      const left = metrics.margin + 2;
      element("text", { class: "title", x: left, y: metrics.margin + 8 }, group, figure.title);
      figure.rows.forEach((row, index) => element("text", { class: "row", x: left, y: metrics.margin + 8 + metrics.line * (index + 1) }, group, row));
      if (figure.inner) {
        const knob = element("g", { class: "knob", transform: `translate(${width - 12} 12)` }, group);
        element("circle", { r: 7 }, knob);
        element("path", { d: s.inner ? "M-3.5 0H3.5" : "M-3.5 0H3.5M0 -3.5V3.5" }, knob);
        element("title", {}, knob, s.inner ? "close" : "open");
        knob.addEventListener("click", (event) => {
          event.stopPropagation();
          toggle(figure);
        });
        group.addEventListener("dblclick", (event) => {
          event.stopPropagation();
          toggle(figure);
        });
      }
      group.addEventListener("click", (event) => {
        event.stopPropagation();
        if (!dragged) select(figure);
      });
      group.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        if (event.key === " " && figure.inner) toggle(figure);
        else select(figure);
      });
      if (s.inner) drawPanel(figure.inner, s.inner, group, metrics.padding, metrics.head);
      // Places in the drawing as a whole, for what is inside as well.
      if (s.inner) offsetInside(figure.inner, x + s.x + behind, y + s.y);
    }

    function offsetInside(panel, x, y) {
      for (const figure of panel.figures) {
        const inside = spots.get(figure.id);
        if (inside) {
          inside.x += x;
          inside.y += y;
        }
        if (figure.inner) offsetInside(figure.inner, x, y);
      }
    }

    function mark() {
      for (const [id, group] of groups) group.classList.toggle("selected", selected !== null && id === selected.id);
    }

    // Opens or closes a block, which stays where it is on the screen.
    function toggle(figure) {
      const before = spots.get(figure.id);
      if (!open.delete(figure.id)) open.add(figure.id);
      redraw();
      const after = spots.get(figure.id);
      if (before && after) move(view.x + (before.x + before.width / 2 - after.x - after.width / 2) * view.scale, view.y + (before.y - after.y) * view.scale);
    }

    function openAll(wanted) {
      open.clear();
      for (const block of blocks) if (wanted(block)) open.add(block.id);
      redraw();
      fitWidth();
    }

    function select(figure) {
      selected = figure;
      mark();
      events.select(figure);
    }

    // Opens what is around a figure and moves it into the middle.
    function reveal(figure) {
      for (let around = parents.get(figure.id); around; around = parents.get(around.id)) open.add(around.id);
      redraw();
      select(figure);
      const at = spots.get(figure.id);
      const { width, height } = svg.getBoundingClientRect();
      view.scale = Math.max(view.scale, 0.8);
      move(width / 2 - (at.x + at.width / 2) * view.scale, height / 2 - (at.y + Math.min(at.height, height / view.scale) / 2) * view.scale);
    }

    // ---- moving about ----

    function move(x, y) {
      view.x = x;
      view.y = y;
      stage.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.scale})`);
    }

    function zoom(factor, at) {
      const bounds = svg.getBoundingClientRect();
      const [px, py] = at || [bounds.width / 2, bounds.height / 2];
      const scale = Math.min(4, Math.max(0.02, view.scale * factor));
      const by = scale / view.scale;
      view.scale = scale;
      move(px - (px - view.x) * by, py - (py - view.y) * by);
    }

    function fitWidth() {
      const { width } = svg.getBoundingClientRect();
      view.scale = Math.min(1, (width - 32) / placed.width);
      move((width - placed.width * view.scale) / 2, 16);
    }

    function fitAll() {
      const { width, height } = svg.getBoundingClientRect();
      view.scale = Math.min(1, (width - 32) / placed.width, (height - 32) / placed.height);
      move((width - placed.width * view.scale) / 2, 16);
    }

    let dragged = false;
    let grip = null;
    svg.addEventListener("pointerdown", (event) => {
      grip = [event.clientX - view.x, event.clientY - view.y, event.clientX, event.clientY];
      dragged = false;
    });
    svg.addEventListener("pointermove", (event) => {
      if (!grip || !event.buttons) return;
      if (!dragged && Math.hypot(event.clientX - grip[2], event.clientY - grip[3]) > 3) {
        dragged = true;
        svg.setPointerCapture(event.pointerId);
      }
      if (dragged) move(event.clientX - grip[0], event.clientY - grip[1]);
    });
    svg.addEventListener("pointerup", () => (grip = null));
    svg.addEventListener(
      "wheel",
      (event) => {
        // In a page that scrolls, the wheel alone scrolls it.
        if (!events.takesWheel && !event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        const bounds = svg.getBoundingClientRect();
        if (event.ctrlKey || event.metaKey) zoom(Math.exp(-event.deltaY * 0.01), [event.clientX - bounds.left, event.clientY - bounds.top]);
        else move(view.x - event.deltaX, view.y - event.deltaY);
      },
      { passive: false },
    );

    redraw();
    fitWidth();
    return {
      figures,
      blocks,
      reveal,
      zoom,
      fitWidth,
      fitAll,
      open: () => openAll(() => true),
      close: () => openAll(() => false),
      toggle,
      parents,
      size: () => [placed.width, placed.height],
      paint(by) {
        paint = by;
        redraw();
      },
    };
  }

  return { show, layout };
})();
