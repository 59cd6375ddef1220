// Every two rows: how likely a run of one is to beat a run of the other, and whether they can be told apart.

const MOST_PAIRS = 40;

function drawPairs(figureElement, data, section) {
  const rows = shownRows(section).filter((i) => i < data.improvement.length).slice(0, MOST_PAIRS);
  if (rows.length < 2) {
    figureElement.replaceChildren(make("p", { class: "empty" }, "Two rows are needed."));
    return;
  }
  const head = make("tr", {}, make("td", { class: "self" }), rows.map((i) =>
    explain(make("th", { scope: "col" }, String(i + 1)), rowName(data.rows[i]))));
  const lines = rows.map((i) => make("tr", {},
    make("th", { scope: "row", title: rowName(data.rows[i]) },
      `${i + 1} ${shortened(rowName(data.rows[i]), 26)}`),
    rows.map((j) => cellOf(data, i, j))));
  const label = "probability that a run of the row beats a run of the column";
  figureElement.replaceChildren(make("div", { class: "scroll" },
    make("table", { class: "heat", "aria-label": label }, make("thead", {}, head), make("tbody", {}, lines))),
    make("p", { class: "options" }, "worse ", make("span", { class: "scale" }, make("i")), " better, ",
      "• can be told apart"));
}

function cellOf(data, i, j) {
  if (i === j) return make("td", { class: "self" });
  const share = data.improvement[i][j], apart = data.pValues[i][j] <= SHARE_APART;
  const cell = make("td", { tabindex: "-1", "aria-label": `${Math.round(100 * share)} %${apart ? ", apart" : ""}` },
    apart ? "•" : "");
  const strength = (Math.abs(share - 0.5) * 1.5).toFixed(3);
  cell.style.backgroundColor = `rgb(var(${share >= 0.5 ? "--good" : "--bad"}) / ${strength})`;
  return explain(cell, `${rowName(data.rows[i])}\nbeats ${rowName(data.rows[j])}\n`
    + `in ${Math.round(100 * share)} % of pairs of runs; corrected p = ${plain(data.pValues[i][j])}`);
}
