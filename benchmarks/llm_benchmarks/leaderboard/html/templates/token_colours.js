// What the tokens of a text can be coloured by: their rewards, and the values that their agent stated.

const COLOURINGS = {
  reward: { title: "reward", sign: true, of: (text) => text.rewards },
  q: { title: "Q", of: (text) => text.values?.q },
  v: { title: "V", of: (text) => text.values?.v },
  advantage: { title: "advantage", sign: true, of: (text) => text.values?.advantage },
  log_prob: { title: "log-probability", surprise: true, of: (text) => text.values?.log_prob },
};
const STRONGEST = 0.75;

/** The scale of one colouring over the texts of a prompt; null if none of them has such values. */
function scaleOf(key, texts) {
  const colouring = COLOURINGS[key], values = texts.flatMap((text) => colouring.of(text) ?? []);
  if (!values.length) return null;
  const low = Math.min(...values), high = Math.max(...values);
  const largest = Math.max(1e-9, Math.abs(low), Math.abs(high));
  if (colouring.sign) {
    return { ends: [-largest, largest], kind: "signed",
      mark: (value) => ({ kind: value > 0 ? "gain" : value < 0 ? "loss" : "", share: Math.sqrt(Math.abs(value) / largest) }) };
  }
  if (colouring.surprise) { // 0 nats is certain, the lowest is the greatest surprise
    return { ends: [Math.min(low, -1e-9), 0], kind: "surprise",
      mark: (value) => ({ kind: "rare", share: Math.sqrt(Math.abs(value) / Math.max(1e-9, -low)) }) };
  }
  const width = Math.max(1e-9, high - low);
  return { ends: [low, high], kind: "level", mark: (value) => ({ kind: "level", share: 0.06 + 0.94 * (value - low) / width }) };
}

function scaleLegend(scale) {
  return make("span", { class: `scale ${scale.kind}` }, signed(scale.ends[0]), make("i"), signed(scale.ends[1]));
}

function signed(value) {
  return `${value < 0 ? "−" : ""}${plain(Math.abs(value))}`;
}

/** Everything that is known of a token, exactly. */
function tokenTitle(text, i) {
  const known = Object.values(COLOURINGS).flatMap((colouring) => {
    const value = colouring.of(text)?.[i];
    return value === undefined ? [] : [`${colouring.title} ${colouring.sign && value > 0 ? "+" : ""}${signed(value)}`];
  });
  return `token ${i + 1}: ${known.join(", ")}`;
}

/** The tokens of a text; an end token has no characters and shows as a sign. */
function tokens(text, key, scale) {
  const characters = Array.from(text.text); // ends count characters, and a JavaScript string counts halves of some
  const values = COLOURINGS[key].of(text);
  let start = 0;
  return text.ends.map((end, i) => {
    const written = characters.slice(start, end).join("");
    const line = written === "" && characters[end] === "\n" ? "⏎" : written === "" ? "▪" : "";
    start = Math.max(start, end);
    const { kind, share } = values ? scale.mark(values[i]) : { kind: "", share: 0 };
    const token = make("span", { class: `token ${kind}`.trim() }, visible(written) + line);
    token.style.setProperty("--share", (Math.min(1, share) * STRONGEST).toFixed(3));
    token.title = tokenTitle(text, i);
    return token;
  });
}
