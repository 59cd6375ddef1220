// Tables: sorted by any column, filtered, columns hidden, ties of a row shown.

const SHARE_APART = 0.05;

/** Equips one table of scores. Returns what brings it in line with the address. */
function equipTable(section, data) {
  const table = section.querySelector("table.scores"), body = table.tBodies[0];
  const rows = Array.from(body.rows), heads = Array.from(table.tHead.rows[0].cells);
  const tools = section.querySelector(".tools"), filter = tools.querySelector(".filter");
  const anchors = tools.querySelector(".anchors"), count = tools.querySelector(".count");
  const keys = heads.map((head) => head.dataset.key);
  const hiddenAtFirst = keys.filter((key) => ["trained_on", "experiment", "failed"].includes(key)).join(",");
  tools.hidden = false;

  filter.addEventListener("input", () => choose("filter", filter.value));
  anchors.addEventListener("change", () => choose("anchors", anchors.checked ? "" : "no"));
  heads.forEach((head) => {
    const button = head.querySelector(".sort");
    button?.addEventListener("click", () => choose("sort", nextSort(head), "rank.up"));
    if (button && head.dataset.definition) explain(button, head.dataset.definition);
  });
  rows.forEach((row) => {
    const button = row.querySelector(".ties");
    button.addEventListener("click", () =>
      choose("ties", button.getAttribute("aria-pressed") === "true" ? "" : row.dataset.row));
  });
  const menu = tools.querySelector(".columns div");
  heads.forEach((head, i) => {
    if (["rank", "agent", "score"].includes(keys[i])) return;
    const box = make("input", { type: "checkbox", change: () => toggleColumn(keys[i], box.checked) });
    box.dataset.key = keys[i];
    menu.append(make("label", {}, box, " ", keys[i] === "interval" ? "drawing" : head.textContent));
  });

  function hiddenKeys() {
    return chosen("hide", hiddenAtFirst).split(",").filter((key) => key && key !== "none");
  }

  function toggleColumn(key, shown) {
    const hidden = hiddenKeys().filter((other) => other !== key);
    if (!shown) hidden.push(key);
    choose("hide", hidden.join(",") || "none", hiddenAtFirst);
  }

  function nextSort(head) {
    const [key, direction] = chosen("sort", "rank.up").split(".");
    const first = head.classList.contains("number") ? "down" : "up";
    if (key !== head.dataset.key) return `${head.dataset.key}.${first}`;
    return `${key}.${direction === "up" ? "down" : "up"}`;
  }

  function sortRows() {
    const [key, direction] = chosen("sort", "rank.up").split(".");
    const column = Math.max(0, keys.indexOf(key)), sign = direction === "down" ? -1 : 1;
    const original = keys[column] === "rank" && sign > 0;
    table.classList.toggle("reordered", !original || Boolean(chosen("filter")));
    heads.forEach((head, i) => {
      if (i === column) head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
    const ordered = rows.slice().sort((a, b) => {
      const [x, y] = [a, b].map((row) => row.cells[column].dataset.value ?? row.cells[column].textContent);
      const tie = Number(a.dataset.row) - Number(b.dataset.row);
      if (original || x === y) return tie;
      if (x === "" || y === "") return x === "" ? 1 : -1; // what is missing comes last in both directions
      const [p, q] = [Number(x), Number(y)];
      return sign * (Number.isNaN(p) || Number.isNaN(q) ? x.localeCompare(y) : p - q) || tie;
    });
    if (ordered.some((row, i) => body.rows[i] !== row)) body.append(...ordered);
  }

  function filterRows() {
    const words = chosen("filter").toLowerCase().split(/\s+/).filter(Boolean);
    const withAnchors = chosen("anchors") !== "no";
    if (filter.value !== chosen("filter")) filter.value = chosen("filter");
    anchors.checked = withAnchors;
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word))
        || (!withAnchors && row.classList.contains("anchor"));
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
  }

  function hideColumns() {
    const hidden = hiddenKeys();
    keys.forEach((key, i) => {
      for (const row of table.rows) row.cells[i].hidden = hidden.includes(key);
    });
    for (const box of menu.querySelectorAll("input")) box.checked = !hidden.includes(box.dataset.key);
  }

  function showTies() {
    const of = chosen("ties") === "" ? -1 : Number(chosen("ties"));
    const values = data.pValues[of];
    table.classList.toggle("tying", Boolean(values));
    rows.forEach((row) => {
      const i = Number(row.dataset.row);
      row.classList.toggle("chosen", Boolean(values) && i === of);
      row.classList.toggle("tied", Boolean(values) && i !== of && i < values.length && values[i] > SHARE_APART);
      row.querySelector(".ties").setAttribute("aria-pressed", String(Boolean(values) && i === of));
    });
  }

  return () => {
    sortRows();
    filterRows();
    hideColumns();
    showTies();
  };
}

/** The rows of a table that the filter leaves, by index. */
function shownRows(section) {
  return Array.from(section.querySelectorAll("table.scores tbody tr"))
    .filter((row) => !row.hidden).map((row) => Number(row.dataset.row)).sort((a, b) => a - b);
}
