// Learning curves and the scatter of score against cost.

const ACROSS = {
  steps: { title: "steps", axis: "environment steps (tokens)", text: compact },
  calls: { title: "texts scored", axis: "texts scored in training", text: compact },
  seconds: { title: "wall clock", axis: "training, warm start included", text: duration },
};
const COSTS = {
  ...ACROSS,
  parameters: { title: "parameters", axis: "parameters", text: compact },
  memory: { title: "memory", axis: "peak memory, bytes", text: compact },
};

function drawCurves(figureElement, data, section) {
  const shown = shownRows(section), look = styles(data.rows);
  const drawable = shown.filter((i) => data.rows[i].curve);
  const units = [...new Set(drawable.map((i) => data.rows[i].curve.unit))];
  const wanted = Number(chosen("unit", String(commonest(drawable.map((i) => data.rows[i].curve.unit)))));
  const unit = units.includes(wanted) ? wanted : units[0];
  const across = ACROSS[chosen("x", "steps")] ? chosen("x", "steps") : "steps";
  const off = chosen("off").split(",").filter(Boolean);
  const series = drawable.filter((i) => data.rows[i].curve.unit === unit && data.rows[i].curve[across])
    .map((i) => {
      const { curve } = data.rows[i], name = rowName(data.rows[i]);
      return { id: String(i), name: `${name} (${curve.runs})`, style: look[i], x: curve[across], y: curve.mean,
        low: curve.low, high: curve.high,
        tell: (k) => `${name}\n${figure(curve.mean[k])} (${figure(curve.low[k])} to ${figure(curve.high[k])}) `
          + `after ${ACROSS[across].text(curve[across][k])}` };
    });
  const visibleSeries = series.filter((one) => !off.includes(one.id));
  const options = make("div", { class: "options" },
    segments(Object.fromEntries(Object.entries(ACROSS).map(([key, one]) => [key, one.title])), across,
      (key) => choose("x", key, "steps"), "horizontal axis"));
  if (units.length > 1) {
    const select = make("select", { "aria-label": "reward of the validation scores",
      change: () => choose("unit", select.value) },
      units.map((u) => make("option", { value: u, selected: u === unit ? "" : null }, visible(data.units[u]))));
    options.append("measured in ", select);
  }
  figureElement.replaceChildren(options);
  if (!visibleSeries.length) {
    figureElement.append(make("p", { class: "empty" }, "No row that is shown has a learning curve."));
  } else {
    const size = chartSize(figureElement);
    const [, most] = extent(visibleSeries.flatMap((one) => one.x), 0);
    const [low, high] = extent(visibleSeries.flatMap((one) => one.low.concat(one.high)));
    figureElement.append(lineChart(visibleSeries, {
      x: scale(0, most || 1, size.left, size.width - size.right),
      y: scale(low, high, size.height - size.bottom, size.top),
      xTitle: ACROSS[across].axis, xText: ACROSS[across].text, label: "Learning curves; the table has the ends",
    }, size));
  }
  figureElement.append(legend(series, off, (id) =>
    choose("off", (off.includes(id) ? off.filter((other) => other !== id) : [...off, id]).join(","))));
}

function commonest(values) {
  const counts = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return values.reduce((best, value) => (counts[value] > (counts[best] ?? 0) ? value : best), values[0] ?? 0);
}

function drawCosts(figureElement, data, section) {
  const cost = COSTS[chosen("cost", "seconds")] ? chosen("cost", "seconds") : "seconds";
  const look = styles(data.rows);
  const rows = shownRows(section).filter((i) => data.rows[i].score !== null && data.rows[i].costs[cost] > 0);
  const free = shownRows(section).filter((i) => data.rows[i].anchor && data.rows[i].score !== null
    && !(data.rows[i].costs[cost] > 0));
  figureElement.replaceChildren(make("div", { class: "options" },
    segments(Object.fromEntries(Object.entries(COSTS).map(([key, one]) => [key, one.title])), cost,
      (key) => choose("cost", key, "seconds"), "cost")));
  if (!rows.length) {
    figureElement.append(make("p", { class: "empty" }, "No row that is shown has this cost."));
    return;
  }
  const size = chartSize(figureElement, 360);
  const costs = rows.map((i) => data.rows[i].costs[cost]);
  const x = scale(Math.min(...costs) / 1.6, Math.max(...costs) * 1.6, size.left, size.width - size.right, true);
  const y = scale(...extent(rows.concat(free).map((i) => data.rows[i].score), 0.08),
    size.height - size.bottom, size.top);
  const root = chart({ x, y, xTitle: `${COSTS[cost].axis}, log scale`, xText: COSTS[cost].text,
    label: "Score against cost" }, size);
  for (const i of free) {
    const at = y(data.rows[i].score);
    root.append(draw("line", { class: "frontier", x1: size.left, x2: size.width - size.right, y1: at, y2: at }),
      draw("text", { class: "halo", x: size.width - size.right, y: at - 5, "text-anchor": "end" },
        shortened(visible(data.rows[i].agent), 24)));
  }
  root.append(draw("path", { class: "frontier", d: frontier(rows.map((i) => [x(data.rows[i].costs[cost]),
    y(data.rows[i].score)]), size.width - size.right) }));
  for (const i of rows) {
    const row = data.rows[i], px = x(row.costs[cost]), py = y(row.score);
    if (row.low !== null) {
      const [top, bottom] = [row.high, row.low].map((value) =>
        Math.min(size.height - size.bottom, Math.max(size.top, y(value))));
      root.append(draw("line", { x1: px, x2: px, y1: top, y2: bottom, stroke: look[i].colour, opacity: 0.35 }));
    }
    const mark = draw("path", { d: MARKS[look[i].number % MARKS.length](px, py, 4.5), fill: look[i].colour,
      tabindex: "0", role: "img", "aria-label": `${rowName(row)}, score ${figure(row.score)}` });
    explain(mark, `${rowName(row)}\nscore ${figure(row.score)}, ${COSTS[cost].text(row.costs[cost])}`);
    root.append(mark);
  }
  const agents = new Map(rows.map((i) => [data.rows[i].agent, look[i].colour]));
  figureElement.append(root, make("div", { class: "legend" }, [...agents].map(([agent, colour]) =>
    make("button", { type: "button", tabindex: "-1", click: () => choose("filter", agent) },
      draw("svg", { viewBox: "0 0 26 10", "aria-hidden": "true" },
        draw("path", { d: MARKS[0](13, 5, 4.5), fill: colour })), shortened(visible(agent), 40)))));
}

/** The steps that join the best scores for their cost, cheapest first. */
function frontier(points, right) {
  const ordered = points.slice().sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let best = Infinity, path = "";
  for (const [x, y] of ordered) {
    if (y < best) path += path ? `H${x.toFixed(1)}V${y.toFixed(1)}` : `M${x.toFixed(1)} ${y.toFixed(1)}`;
    best = Math.min(best, y);
  }
  return `${path}H${right}`;
}
