// Elements and numbers. Texts enter the page as text nodes and attribute values only, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element: attributes by name, functions as listeners of that event, children as nodes or text. */
function make(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function draw(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Makes control and direction characters visible, so that a text cannot pass for something else. */
function visible(text) {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (character) => "\\u" + character.charCodeAt(0).toString(16).padStart(4, "0"),
  );
}

function rowName(row) {
  return visible(row.label ? `${row.agent} ${row.label}` : row.agent);
}

function shortened(text, length) {
  const characters = Array.from(text);
  return characters.length <= length ? text : characters.slice(0, length - 1).join("") + "…";
}

function figure(value, digits = 3) {
  return value === null || value === undefined ? "–" : value.toFixed(digits).replace("-", "−");
}

/** 1234567 as 1.23M. */
function compact(value) {
  for (const [size, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(value) >= size) return `${Number((value / size).toPrecision(3))}${letter}`;
  }
  return `${Number(value.toPrecision(3))}`;
}

function duration(seconds) {
  if (seconds < 100) return `${Number(seconds.toPrecision(2))} s`;
  return seconds < 6000 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

// One box for definitions and values, shown beside what has the pointer or the focus.
const tip = make("div", { class: "tip", role: "tooltip", id: "tip", hidden: "" });
document.body.append(tip);

function showTip(text, box) {
  tip.textContent = text;
  tip.hidden = false;
  const width = tip.offsetWidth, height = tip.offsetHeight, page = document.documentElement.clientWidth;
  const left = Math.min(Math.max(8, box.left + box.width / 2 - width / 2), page - width - 8);
  const above = box.top - height - 8;
  tip.style.left = `${left + window.scrollX}px`;
  tip.style.top = `${(above > 4 ? above : box.bottom + 8) + window.scrollY}px`;
}

function hideTip() {
  tip.hidden = true;
}

/** Shows a text while the element has the pointer or the focus. */
function explain(element, text) {
  const show = () => {
    element.setAttribute("aria-describedby", "tip");
    showTip(typeof text === "function" ? text() : text, element.getBoundingClientRect());
  };
  for (const event of ["pointerenter", "focus"]) element.addEventListener(event, show);
  for (const event of ["pointerleave", "blur"]) element.addEventListener(event, hideTip);
  return element;
}

/** Buttons of which one is pressed. */
function segments(options, chosen, choose, label) {
  return make("span", { class: "segments", role: "group", "aria-label": label },
    Object.entries(options).map(([key, title]) =>
      make("button", { type: "button", "aria-pressed": String(key === chosen), "data-choice": key,
        click: () => choose(key) }, title)));
}
