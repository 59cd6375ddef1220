// The overview: shades of the matrix, and performance profiles.

function shadeMatrix() {
  for (const cell of document.querySelectorAll("[data-shade]")) {
    cell.style.setProperty("--share", (Number(cell.dataset.shade) * 0.45).toFixed(3));
  }
}

function drawProfiles(figureElement, across) {
  const size = chartSize(figureElement, 300), t = across.thresholds;
  const rows = across.agents.map((agent) => ({ agent: agent.name }));
  const look = styles(rows), off = chosen("off").split(",").filter(Boolean);
  const series = across.agents.map((agent, i) => ({
    id: String(i), name: visible(agent.name), style: look[i], x: t, y: agent.share, low: agent.low,
    high: agent.high,
    tell: (k) => `${visible(agent.name)}\n${Math.round(100 * agent.share[k])} % of runs above ${figure(t[k], 2)}`,
  }));
  const caption = figureElement.querySelector("figcaption");
  figureElement.replaceChildren(caption, lineChart(series.filter((one) => !off.includes(one.id)), {
    x: scale(t[0], t[t.length - 1], size.left, size.width - size.right),
    y: scale(0, 1, size.height - size.bottom, size.top),
    yText: (value) => `${Math.round(100 * value)} %`, xText: (value) => plain(value),
    xTitle: "normalised score above which a run lies", label: "Performance profiles",
  }, size), legend(series, off, (id) =>
    choose("off", (off.includes(id) ? off.filter((other) => other !== id) : [...off, id]).join(","))));
}
