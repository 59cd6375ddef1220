// Joins the parts: one view at a time, brought in line with the address.

const data = JSON.parse(document.getElementById("data").textContent);
const views = Array.from(document.querySelectorAll(".view"));
const links = Array.from(document.querySelectorAll("nav a"));
const theme = document.getElementById("theme");
const definitions = Object.fromEntries(Array.from(document.querySelectorAll("footer dl div"),
  (entry) => [entry.querySelector("dt").textContent, entry.querySelector("dd").textContent]));
const equipped = new Map();

function currentView() {
  return views.find((view) => view.dataset.slug === state.view) ?? views[0];
}

function isDark() {
  const wanted = chosen("theme");
  return wanted ? wanted === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function refresh() {
  const view = currentView(), table = data.tables[view.dataset.table];
  hideTip();
  document.documentElement.classList.toggle("dark", isDark());
  theme.textContent = isDark() ? "Light" : "Dark";
  views.forEach((other) => { other.hidden = other !== view; });
  links.forEach((link) => {
    const slug = link.dataset.slug;
    if (slug === view.dataset.slug) {
      link.setAttribute("aria-current", "page");
      link.parentElement.scrollLeft = link.offsetLeft - link.parentElement.clientWidth / 3;
    }
    else link.removeAttribute("aria-current");
    link.href = addressOf(slug);
  });
  if (!table) {
    shadeMatrix();
    const profiles = document.getElementById("profiles");
    if (profiles) drawProfiles(profiles, data.across);
    return;
  }
  if (!equipped.has(view)) equipped.set(view, equipTable(view, table));
  const focus = remembered(view);
  equipped.get(view)();
  const curves = view.querySelector(".curves"), texts = view.querySelector(".texts");
  if (curves) drawCurves(curves, table, view);
  drawCosts(view.querySelector(".costs"), table, view);
  drawPairs(view.querySelector(".pairs"), table, view);
  if (texts) drawTexts(texts, table, definitions);
  focus();
}

/** Remembers which control has the focus, since the controls of charts are drawn anew. */
function remembered(view) {
  const within = [".curves", ".costs", ".texts"].map((name) => view.querySelector(name))
    .find((part) => part?.contains(document.activeElement));
  if (!within) return () => {};
  const controls = () => Array.from(within.querySelectorAll("button, select, [tabindex]"));
  const index = controls().indexOf(document.activeElement);
  return () => controls()[index]?.focus({ preventScroll: true });
}

function go(step) {
  const next = views[(views.indexOf(currentView()) + step + views.length) % views.length];
  location.hash = addressOf(next.dataset.slug);
}

function pressKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const view = currentView(), typing = /^(input|select|textarea)$/i.test(event.target.tagName);
  if (event.key === "Escape") {
    hideTip();
    const menu = view.querySelector(".columns[open]");
    if (menu) menu.open = false;
    else if (typing) event.target.blur();
    else choose("ties", "");
    return;
  }
  if (typing) return;
  const step = (direction) => view.querySelector(`[data-step="${direction}"]`)?.click();
  const actions = {
    "/": () => view.querySelector(".filter")?.focus(),
    n: () => step(1),
    p: () => step(-1),
    "]": () => go(1),
    "[": () => go(-1),
    d: () => theme.click(),
  };
  if (Object.hasOwn(actions, event.key)) {
    event.preventDefault();
    actions[event.key]();
  }
}

links.forEach((link, i) => { link.dataset.slug = views[i].dataset.slug; });
for (const term of document.querySelectorAll("[data-term]")) explain(term, definitions[term.dataset.term] ?? "");
for (const head of document.querySelectorAll(".matrix a")) head.dataset.slug = decodeURIComponent(head.hash.slice(1));
document.querySelector(".matrix")?.addEventListener("click", (event) => {
  if (!event.target.dataset.slug) return;
  event.preventDefault();
  location.hash = addressOf(event.target.dataset.slug);
});
theme.hidden = false;
document.querySelector(".keys").hidden = false;
document.querySelector("footer details").open = false;
theme.addEventListener("click", () => choose("theme", isDark() ? "light" : "dark"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
window.addEventListener("hashchange", () => {
  const before = state.view;
  readAddress();
  refresh();
  if (state.view !== before) window.scrollTo(0, 0);
});
let width = document.documentElement.clientWidth;
window.addEventListener("resize", () => { // charts fill the width
  if (document.documentElement.clientWidth !== width) refresh();
  width = document.documentElement.clientWidth;
});
document.addEventListener("keydown", pressKey);
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".columns[open]")) menu.open = menu.contains(event.target);
});
onChange(refresh);
readAddress();
document.documentElement.dataset.ready = ""; // before the charts, which measure their places
refresh();
