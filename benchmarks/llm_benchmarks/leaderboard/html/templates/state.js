// What the reader chose, in the address: #VIEW?key=value&... So a link shows what its sender saw.

const state = { view: "overview", values: new URLSearchParams() };
const listeners = [];
const LASTING = ["theme"]; // choices that stay when the reader goes to another view

function readAddress() {
  const [view, query = ""] = location.hash.slice(1).split("?");
  try {
    state.view = decodeURIComponent(view);
  } catch {
    state.view = view; // no valid escape: no such view
  }
  state.values = new URLSearchParams(query);
}

function chosen(key, otherwise = "") {
  return state.values.get(key) ?? otherwise;
}

/** Notes a choice; an empty value or the default removes it from the address. */
function choose(key, value, otherwise = "") {
  if (value === otherwise || value === "") state.values.delete(key);
  else state.values.set(key, value);
  const query = state.values.toString();
  history.replaceState(null, "", `#${encodeURIComponent(state.view)}${query && "?" + query}`);
  notify();
}

function addressOf(view) {
  const kept = new URLSearchParams(LASTING.filter((key) => chosen(key)).map((key) => [key, chosen(key)]));
  return `#${encodeURIComponent(view)}${kept.size ? "?" + kept : ""}`;
}

function onChange(listener) {
  listeners.push(listener);
}

function notify() {
  for (const listener of listeners) listener();
}
