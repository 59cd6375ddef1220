// A chart: axes, grid, and a box that says the values under the pointer. Lines and points are drawn by callers.

const WIDE = { width: 760, height: 330, left: 46, right: 14, top: 10, bottom: 40 };
const COLOURS = 8, DASHES = ["", "7 4", "2 3", "10 3 2 3", "4 2"];

/** Round numbers between two ends, on a linear scale. */
function ticks(low, high, about = 6) {
  const size = 10 ** Math.floor(Math.log10((high - low) / about || 1));
  const step = [1, 2, 5, 10].map((m) => m * size).find((s) => (high - low) / s <= about) ?? 10 * size;
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(i * step);
  return found;
}

/** A scale from values to pixels. `log` needs values above zero. */
function scale(low, high, from, to, log = false) {
  const f = log ? Math.log10 : (x) => x, a = f(low), b = f(high) === a ? a + 1 : f(high);
  const place = (value) => from + ((f(value) - a) / (b - a)) * (to - from);
  place.ticks = log ? logTicks(low, high) : ticks(low, high);
  return place;
}

function logTicks(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
    for (const m of high / low > 1000 ? [1] : [1, 2, 5]) {
      if (m * 10 ** power >= low && m * 10 ** power <= high) found.push(m * 10 ** power);
    }
  }
  return found;
}

/** An empty chart with its axes. `axes` has x, y (scales), xTitle, yTitle, xText, yText, label. */
function chart(axes, size = WIDE) {
  const root = draw("svg", { viewBox: `0 0 ${size.width} ${size.height}`, role: "img", "aria-label": axes.label });
  const bottom = size.height - size.bottom, right = size.width - size.right;
  for (const y of axes.y.ticks) {
    root.append(draw("line", { class: "grid", x1: size.left, x2: right, y1: axes.y(y), y2: axes.y(y) }),
      draw("text", { x: size.left - 8, y: axes.y(y) + 4, "text-anchor": "end" }, (axes.yText ?? plain)(y)));
  }
  for (const x of axes.x.ticks) {
    root.append(draw("line", { class: "zero", x1: axes.x(x), x2: axes.x(x), y1: bottom, y2: bottom + 4 }),
      draw("text", { x: axes.x(x), y: bottom + 18, "text-anchor": "middle" }, (axes.xText ?? compact)(x)));
  }
  root.append(draw("line", { class: "zero", x1: size.left, x2: right, y1: bottom, y2: bottom }),
    draw("text", { x: right, y: size.height - 4, "text-anchor": "end" }, axes.xTitle));
  return root;
}

function plain(value) {
  return `${Number(value.toPrecision(4))}`.replace("-", "−");
}

function pathOf(points) {
  return points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

/** Colour by agent and dashes by its rows, so that colour alone never tells two lines apart. */
function styles(rows) {
  const agents = [...new Set(rows.map((row) => row.agent))], seen = {};
  return rows.map((row) => {
    const number = (seen[row.agent] = (seen[row.agent] ?? -1) + 1);
    return { colour: `var(--c${agents.indexOf(row.agent) % COLOURS})`, dash: DASHES[number % DASHES.length], number };
  });
}

const MARKS = [
  (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`,
  (x, y, r) => `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z`,
  (x, y, r) => `M${x} ${y - r * 1.3}L${x + r * 1.2} ${y + r}H${x - r * 1.2}z`,
  (x, y, r) => `M${x} ${y - r * 1.4}L${x + r * 1.4} ${y}L${x} ${y + r * 1.4}L${x - r * 1.4} ${y}z`,
  (x, y, r) => `M${x} ${y + r * 1.3}L${x + r * 1.2} ${y - r}H${x - r * 1.2}z`,
];

/** Lines with bands: {name, style, x, y, low, high}. The nearest line stands out under the pointer. */
function lineChart(series, axes, size = WIDE) {
  const root = chart(axes, size), layers = [];
  for (const one of series) {
    const points = one.x.map((x, i) => [axes.x(x), axes.y(one.y[i])]);
    const band = one.x.map((x, i) => [axes.x(x), axes.y(one.high[i])])
      .concat(one.x.map((x, i) => [axes.x(x), axes.y(one.low[i])]).reverse());
    const drawn = [
      draw("path", { class: "band", d: pathOf(band) + "z", fill: one.style.colour }),
      draw("path", { class: "line", d: pathOf(points), stroke: one.style.colour,
        "stroke-dasharray": one.style.dash || null }),
    ];
    layers.push({ one, points, drawn });
  }
  root.append(...layers.map((layer) => layer.drawn[0]), ...layers.map((layer) => layer.drawn[1]));
  const nearest = (event) => {
    const box = root.getBoundingClientRect(), unit = size.width / box.width;
    const x = (event.clientX - box.left) * unit, y = (event.clientY - box.top) * unit;
    let best = null;
    for (const layer of layers) {
      layer.points.forEach(([px, py], i) => {
        const distance = Math.hypot(px - x, py - y);
        if (!best || distance < best.distance) best = { layer, i, distance, px: px / unit, py: py / unit, box };
      });
    }
    return best;
  };
  root.addEventListener("pointermove", (event) => {
    const best = nearest(event);
    if (!best || best.distance > 60) return clear();
    for (const layer of layers) layer.drawn.forEach((mark) => mark.classList.toggle("faded", layer !== best.layer));
    const { one } = best.layer;
    showTip(one.tell(best.i),
      { left: best.box.left + best.px, width: 0, top: best.box.top + best.py, bottom: best.box.top + best.py });
  });
  const clear = () => {
    hideTip();
    for (const layer of layers) layer.drawn.forEach((mark) => mark.classList.remove("faded"));
  };
  root.addEventListener("pointerleave", clear);
  return root;
}

/** Buttons that name the lines, and hide and show them. */
function legend(series, hidden, toggle) {
  return make("div", { class: "legend" }, series.map((one) =>
    make("button", { type: "button", "aria-pressed": String(!hidden.includes(one.id)), click: () => toggle(one.id) },
      draw("svg", { viewBox: "0 0 26 10", "aria-hidden": "true" },
        draw("path", { d: "M1 5H25", fill: "none", stroke: one.style.colour, "stroke-width": 2.5,
          "stroke-dasharray": one.style.dash || null })),
      shortened(one.name, 70))));
}

function extent(values, room = 0.05) {
  const low = Math.min(...values), high = Math.max(...values), margin = (high - low || Math.abs(high) || 1) * room;
  return [low - margin, high + margin];
}

/** The size of a chart that fills its place, so that its letters keep their size. */
function chartSize(place, height = WIDE.height) {
  const width = Math.max(300, place.clientWidth || WIDE.width);
  return { ...WIDE, width, height: width < 500 ? Math.min(height, 290) : height };
}
