// Texts: one prompt, agents side by side, each token coloured by its reward or by what its agent said of it.

const FIRST_CARDS = 4;

function drawTexts(place, data, definitions) {
  const { prompts, texts } = data.samples;
  const number = Math.min(Math.max(0, Number(chosen("text", "0")) || 0), prompts.length - 1);
  const titles = { ...Object.fromEntries(Object.entries(COLOURINGS).map(([key, { title }]) => [key, title])), plain: "plain" };
  const by = Object.hasOwn(titles, chosen("tokens")) ? chosen("tokens") : "reward";
  const written = new Map(texts.filter((text) => text.prompt === number).map((text) => [text.row, text]));
  const available = [...new Set(texts.map((text) => text.row))].sort((a, b) => a - b);
  const wanted = chosen("rows", firstRows(data, available).join(",")).split(",").filter(Boolean).map(Number);
  const rows = available.filter((row) => wanted.includes(row));
  const go = (step) => choose("text", String((number + step + prompts.length) % prompts.length), "0");
  const select = make("select", { "aria-label": "prompt", change: () => choose("text", select.value, "0") },
    prompts.map((prompt, i) => make("option", { value: i, selected: i === number ? "" : null },
      `${prompt.example}: ${shortened(visible(prompt.source).replace(/\s+/g, " "), 90)}`)));
  const known = [...written.values()].filter((text) => text.ends);
  const scales = Object.fromEntries(Object.keys(COLOURINGS).map((key) => [key, scaleOf(key, known)]));
  place.replaceChildren(make("div", { class: "browser" },
    make("div", { class: "prompt" },
      make("button", { type: "button", "aria-label": "previous text", "data-step": "-1", click: () => go(-1) }, "←"),
      make("button", { type: "button", "aria-label": "next text", "data-step": "1", click: () => go(1) }, "→"),
      make("span", {}, `${number + 1} of ${prompts.length}`), select),
    make("p", { class: "source", dir: "auto" }, visible(prompts[number].source)),
    make("div", { class: "chips", role: "group", "aria-label": "agents" }, available.map((row) =>
      make("button", { type: "button", "aria-pressed": String(rows.includes(row)), click: () => toggle(row) },
        shortened(rowName(data.rows[row]), 48)))),
    make("div", { class: "options" },
      explain(make("span", { class: "term", tabindex: "0" }, "tokens by"),
        `${definitions["token reward"]} ${definitions["token values"]}`),
      segments(titles, by, (key) => choose("tokens", key, "reward"), "colour"),
      by === "plain" ? null : scales[by] ? scaleLegend(scales[by]) : make("span", { class: "missing" }, missing(by))),
    make("div", { class: "cards" }, rows.map((row) => card(data.rows[row], written.get(row), by, scales[by])))));

  function toggle(row) {
    const next = rows.includes(row) ? rows.filter((other) => other !== row) : [...rows, row];
    choose("rows", next.join(",") || "none");
  }
}

/** Why no text of a prompt can be coloured so. */
function missing(by) {
  return by === "reward" ? "Rewards of single tokens are not known for these texts."
    : `These records hold no ${COLOURINGS[by].title} of tokens: evaluate with --note-values, where the agent can say it.`;
}

/** The best row of each of the first agents, and the references. */
function firstRows(data, available) {
  const first = [], agents = new Set();
  for (const row of available) {
    if (!agents.has(data.rows[row].agent) && first.length < FIRST_CARDS) first.push(row);
    agents.add(data.rows[row].agent);
  }
  return first;
}

function card(row, text, by, scale) {
  const head = make("header", {},
    make("span", {}, visible(row.agent), row.label ? make("small", {}, shortened(visible(row.label), 90)) : null));
  if (!text) return make("article", { class: "card" }, head, make("p", { class: "empty" }, "Not played."));
  head.append(make("span", {}, figure(text.reward)));
  const coloured = scale && text.ends && COLOURINGS[by].of(text);
  const body = coloured ? tokens(text, by, scale) : [visible(text.text) || "(nothing)"];
  return make("article", { class: "card" }, head, make("p", { class: "text", dir: "auto" }, body),
    make("p", { class: "parts" }, `${text.length} tokens, ended by ${visible(text.ended ?? "nothing")}`,
      Object.entries({ ...text.parts, ...text.metrics }).map(([name, value]) =>
        ` · ${visible(name)} ${plain(value)}`),
      scale && !coloured ? ` · no ${COLOURINGS[by].title} noted` : null));
}
