// Texts: one prompt, agents side by side, each token coloured by its reward.

const FIRST_CARDS = 4;

function drawTexts(place, data, definition) {
  const { prompts, texts } = data.samples;
  const number = Math.min(Math.max(0, Number(chosen("text", "0")) || 0), prompts.length - 1);
  const by = chosen("tokens", "reward");
  const written = new Map(texts.filter((text) => text.prompt === number).map((text) => [text.row, text]));
  const available = [...new Set(texts.map((text) => text.row))].sort((a, b) => a - b);
  const wanted = chosen("rows", firstRows(data, available).join(",")).split(",").filter(Boolean).map(Number);
  const rows = available.filter((row) => wanted.includes(row));
  const go = (step) => choose("text", String((number + step + prompts.length) % prompts.length), "0");
  const select = make("select", { "aria-label": "prompt", change: () => choose("text", select.value, "0") },
    prompts.map((prompt, i) => make("option", { value: i, selected: i === number ? "" : null },
      `${prompt.example}: ${shortened(visible(prompt.source).replace(/\s+/g, " "), 90)}`)));
  const coloured = [...written.values()].some((text) => text.rewards);
  const largest = Math.max(1e-9, ...[...written.values()].flatMap((text) => (text.rewards ?? []).map(Math.abs)));
  place.replaceChildren(make("div", { class: "browser" },
    make("div", { class: "prompt" },
      make("button", { type: "button", "aria-label": "previous text", "data-step": "-1", click: () => go(-1) }, "←"),
      make("button", { type: "button", "aria-label": "next text", "data-step": "1", click: () => go(1) }, "→"),
      make("span", {}, `${number + 1} of ${prompts.length}`), select),
    make("p", { class: "source", dir: "auto" }, visible(prompts[number].source)),
    make("div", { class: "chips", role: "group", "aria-label": "agents" }, available.map((row) =>
      make("button", { type: "button", "aria-pressed": String(rows.includes(row)), click: () => toggle(row) },
        shortened(rowName(data.rows[row]), 48)))),
    coloured ? make("div", { class: "options" },
      explain(make("span", { class: "term", tabindex: "0" }, "tokens"), definition),
      segments({ reward: "by reward", plain: "plain" }, by, (key) => choose("tokens", key, "reward"), "colour"),
      by === "reward" ? make("span", { class: "scale" }, `−${plain(largest)}`, make("i"), `+${plain(largest)}`) : null,
    ) : make("p", { class: "options" }, "Rewards of single tokens are not known for these texts."),
    make("div", { class: "cards" }, rows.map((row) => card(data.rows[row], written.get(row), by, largest)))));

  function toggle(row) {
    const next = rows.includes(row) ? rows.filter((other) => other !== row) : [...rows, row];
    choose("rows", next.join(",") || "none");
  }
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

function card(row, text, by, largest) {
  const head = make("header", {},
    make("span", {}, visible(row.agent), row.label ? make("small", {}, shortened(visible(row.label), 90)) : null));
  if (!text) return make("article", { class: "card" }, head, make("p", { class: "empty" }, "Not played."));
  head.append(make("span", {}, figure(text.reward)));
  const body = by === "reward" && text.rewards ? tokens(text, largest) : [visible(text.text) || "(nothing)"];
  return make("article", { class: "card" }, head, make("p", { class: "text", dir: "auto" }, body),
    make("p", { class: "parts" }, `${text.length} tokens, ended by ${visible(text.ended ?? "nothing")}`,
      Object.entries({ ...text.parts, ...text.metrics }).map(([name, value]) =>
        ` · ${visible(name)} ${plain(value)}`)));
}

/** The tokens of a text; an end token has no characters and shows as a sign. */
function tokens(text, largest) {
  const characters = Array.from(text.text); // ends count characters, and a JavaScript string counts halves of some
  let start = 0;
  return text.ends.map((end, i) => {
    const reward = text.rewards[i], written = characters.slice(start, end).join("");
    const line = written === "" && characters[end] === "\n" ? "⏎" : written === "" ? "▪" : "";
    start = Math.max(start, end);
    const token = make("span", { class: `token${reward > 0 ? " gain" : reward < 0 ? " loss" : ""}` },
      visible(written) + line);
    token.style.setProperty("--share", (Math.sqrt(Math.abs(reward) / largest) * 0.75).toFixed(3));
    const sign = reward > 0 ? "+" : reward < 0 ? "−" : "";
    token.title = `token ${i + 1}: ${sign}${plain(Math.abs(reward))}`;
    return token;
  });
}
