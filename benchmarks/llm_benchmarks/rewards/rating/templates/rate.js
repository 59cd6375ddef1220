// Asks for questions and sends answers. Texts enter the page as text nodes only, never as markup.

const PAIRS = [["left", "Text 1", "←"], ["tie", "Equal", "t"], ["right", "Text 2", "→"]];
const ENDS = { 1: "worst", 5: "best" };
const SCORES = [1, 2, 3, 4, 5].map((score) => [score, ENDS[score] ?? "", String(score)]);
const KEYS = { ArrowLeft: "left", ArrowRight: "right", 1: "left", 2: "right", 0: "tie", t: "tie", T: "tie" };
const STORED = "llm-envs rater";
const answers = document.documentElement.dataset.scale === "pairs" ? PAIRS : SCORES;
const get = (id) => document.getElementById(id);

let rater = null, question = null, since = 0, busy = false;

/** Sends one request. While one is under way, no other begins. */
async function ask(action, body) {
  if (busy) return null;
  busy = true;
  enable();
  try {
    const response = await fetch(action, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    const value = await response.json();
    if (response.ok) return say(""), value;
    say(value.error);
    return response.status === 409 ? { again: true } : null;
  } catch {
    say("The server does not answer. Start llm-envs rate again and open the address that it prints. What you judged is stored.");
    return null;
  } finally {
    busy = false;
    enable();
  }
}

function say(text) {
  get("message").textContent = text;
  get("message").hidden = text === "";
}

function enable() {
  for (const button of get("answers").children) button.disabled = busy;
  get("skip").disabled = busy || !question || question.item === null;
  get("undo").disabled = busy || !question || !question.can_undo;
}

function show(next) {
  question = next;
  since = performance.now();
  get("name").hidden = true;
  get("rater").textContent = next.rater;
  get("progress").textContent = `${next.done} of ${next.total}`;
  get("bar").max = next.total;
  get("bar").value = next.done;
  for (const part of [document.querySelector(".who"), get("bar"), get("steps")]) part.hidden = false;
  get("question").hidden = next.item === null;
  get("done").hidden = next.item !== null;
  for (const button of get("answers").children) button.classList.remove("chosen");
  if (next.item !== null) {
    get("prompt").textContent = next.prompt;
    get("texts").replaceChildren(...next.texts.map(card));
    window.scrollTo(0, 0);
  }
  enable();
}

function card(text, place) {
  const article = document.createElement("article"), body = document.createElement("p");
  if (answers === PAIRS) article.append(Object.assign(document.createElement("h2"), { textContent: `Text ${place + 1}` }));
  article.tabIndex = 0;
  body.className = text.trim() === "" ? "text empty" : "text";
  body.dir = "auto";
  body.textContent = text.trim() === "" ? "(nothing)" : text;
  article.append(body);
  return article;
}

async function choose(choice) {
  if (busy || !question || question.item === null) return;
  const place = answers.findIndex(([value]) => value === choice);
  if (place >= 0) get("answers").children[place].classList.add("chosen");
  const seconds = (performance.now() - since) / 1000;
  const next = await ask("answer", { rater, item: question.item, choice, seconds });
  if (next?.again) await begin(rater, true);
  else if (next) show(next);
  else for (const button of get("answers").children) button.classList.remove("chosen");
}

async function undo() {
  if (busy || !question || !question.can_undo) return;
  const next = await ask("undo", { rater });
  if (next) show(next);
}

async function begin(name, quietly = false) {
  const message = get("message").textContent;
  const next = await ask("question", { rater: name });
  if (!next) return;
  rater = next.rater;
  try { sessionStorage.setItem(STORED, rater); } catch { /* the browser stores nothing */ }
  show(next);
  if (quietly) say(message);
}

async function start() {
  const known = await ask("raters", {});
  if (known) {
    get("known").replaceChildren(...known.raters.map((name) => Object.assign(document.createElement("option"), { value: name })));
    let before = null;
    try { before = sessionStorage.getItem(STORED); } catch { /* the browser stores nothing */ }
    if (known.raters.includes(before)) await begin(before);
    else { get("name").hidden = false; get("who").focus(); }
  }
  document.documentElement.dataset.ready = "";
}

for (const [choice, title, sign] of answers) {
  const button = document.createElement("button");
  button.type = "button";
  if (title) button.append(title);
  button.append(Object.assign(document.createElement("kbd"), { textContent: sign }));
  button.addEventListener("click", () => choose(choice));
  get("answers").append(button);
}
get("skip").addEventListener("click", () => choose("skip"));
get("undo").addEventListener("click", undo);
get("name").addEventListener("submit", (event) => {
  event.preventDefault();
  begin(get("who").value);
});
document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || event.target instanceof HTMLInputElement) return;
  const key = event.key.toLowerCase();
  if (key === "s") choose("skip");
  else if (key === "u" || key === "backspace") undo();
  else if (answers === SCORES && /^[1-5]$/.test(event.key)) choose(Number(event.key));
  else if (answers === PAIRS && Object.hasOwn(KEYS, event.key)) choose(KEYS[event.key]);
  else return;
  event.preventDefault();
});
start();
