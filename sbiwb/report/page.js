"use strict";
// What a reader may do beyond reading: choose methods and parameters, read values off figures,
// enlarge figures, copy tables. The page is complete without it.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const SVG_UNITS = 4; // numbers of a data-box that are places; as many values follow

  // -- choice of methods and parameters ------------------------------------------------------

  const controls = document.getElementById("controls");
  const boxes = all("input", controls);

  function chosen() {
    const off = { method: new Set(), parameter: new Set() };
    for (const box of boxes) if (!box.checked) off[box.name].add(box.value);
    for (const e of all("[data-method]"))
      e.classList.toggle("off", e.dataset.method.split(" ").some((m) => off.method.has(m)));
    for (const e of all("[data-parameter]"))
      e.classList.toggle("off", off.parameter.has(e.dataset.parameter));
    for (const figure of all("svg"))
      if (figure.querySelector("[data-panel]")) closeGaps(figure, off.parameter);
    for (const fieldset of all("fieldset", controls)) {
      const checked = all("input:checked", fieldset);
      for (const box of all("input", fieldset)) // the last one stays
        box.disabled = checked.length === 1 && box.checked;
    }
  }

  const places = (panel) => panel.dataset.box.split(" ").map(Number).slice(0, SVG_UNITS);

  // Panels of a corner plot move together where rows and columns are hidden.
  function closeGaps(figure, off) {
    const panels = new Map(all("[data-panel]", figure).map((p) => [p.dataset.panel, p]));
    const names = [];
    while (panels.has(`${names.length} ${names.length}`))
      names.push(panels.get(`${names.length} ${names.length}`).dataset.column);
    if (names.length < 2) return;
    const shown = names.map((_, k) => k).filter((k) => !off.has(names[k]));
    const [x0, y0] = places(panels.get("0 0")), [x1, y1] = places(panels.get("1 1"));
    const [dx, dy] = [x1 - x0, y1 - y0], last = names.length - 1;
    const move = (e, right, down) =>
      e.setAttribute("transform", `translate(${right * dx} ${down * dy})`);
    for (const [key, panel] of panels) {
      const [i, j] = key.split(" ").map(Number);
      const [row, column] = [shown.indexOf(i), shown.indexOf(j)];
      const here = row >= 0 && column >= 0;
      // The labels of the axes are those of the lowest row and of the first column.
      const across = panel.querySelector('[data-edge="across"]');
      const up = panel.querySelector('[data-edge="up"]'); // none on the diagonal
      const lends = (i === last && column >= 0) || (j === 0 && row > 0);
      panel.classList.toggle("off", !here && !lends);
      for (const part of panel.children)
        if (part !== across && part !== up) part.classList.toggle("off", !here);
      across.classList.toggle("off", !here && !(i === last && column >= 0));
      up?.classList.toggle("off", !here && !(j === 0 && row > 0));
      move(panel, here ? column - j : 0, here ? row - i : 0);
      if (i === last && column >= 0)
        move(across, here ? 0 : column - j, here ? 0 : shown.length - 1 - i);
      if (up && j === 0 && row > 0) move(up, here ? 0 : -j, here ? 0 : row - i);
    }
    const missing = names.length - shown.length, legend = figure.querySelector("[data-legend]");
    const room = Math.min(missing, Math.max(names.length - 3, 0)); // for the legend
    if (legend) move(legend, -room, 0);
    figure.dataset.whole ??= figure.getAttribute("viewBox") + " " + figure.getAttribute("width");
    const [left, top, width, height, pixels] = figure.dataset.whole.split(" ").map(Number);
    const [w, h] = [width - room * dx, height - missing * dy];
    figure.setAttribute("viewBox", `${left} ${top} ${w} ${h}`);
    figure.setAttribute("width", Math.round((pixels * w) / width));
  }

  controls.hidden = false;
  controls.addEventListener("change", chosen);
  if (boxes.some((box) => !box.checked)) chosen(); // a browser may remember

  // -- values under the pointer --------------------------------------------------------------

  const readout = document.createElement("div");
  readout.className = "readout";
  readout.hidden = true;
  readout.setAttribute("aria-hidden", "true"); // the tables have the numbers
  document.body.append(readout);

  const rounded = (value, span) =>
    value.toFixed(Math.min(Math.max(2 - Math.floor(Math.log10(Math.abs(span))), 0), 12))
      .replace("-", "\u2212");

  function values(event) {
    const figure = event.target.closest?.("figure .panel svg");
    for (const axes of figure ? all("[data-box]", figure) : []) {
      const [x0, y0, x1, y1, left, top, right, bottom] = axes.dataset.box.split(" ").map(Number);
      if (!axes.dataset.across || axes.classList.contains("off")) continue;
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(
        axes.getScreenCTM().inverse());
      if (at.x < x0 || at.x > x1 || at.y < y0 || at.y > y1) continue;
      const x = left + ((right - left) * (at.x - x0)) / (x1 - x0);
      const y = top + ((bottom - top) * (at.y - y0)) / (y1 - y0);
      const lines = [`${axes.dataset.across}: ${rounded(x, right - left)}`];
      if (axes.dataset.up) lines.push(`${axes.dataset.up}: ${rounded(y, top - bottom)}`);
      readout.textContent = lines.join("\n");
      readout.hidden = false;
      const over = event.clientX + 16 + readout.offsetWidth > window.innerWidth;
      readout.style.left = `${event.clientX + (over ? -16 - readout.offsetWidth : 16)}px`;
      readout.style.top = `${event.clientY + 16}px`;
      return;
    }
    readout.hidden = true;
  }
  document.addEventListener("pointermove", values);
  document.addEventListener("scroll", () => { readout.hidden = true; });

  // -- enlarging and copying -----------------------------------------------------------------

  function button(text, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", () => act(made));
    return made;
  }

  for (const figure of all("figure")) {
    const panels = figure.querySelector(".panels");
    const enlarge = button("Enlarge", (pressed) => {
      readout.hidden = true;
      const large = figure.classList.toggle("large");
      pressed.setAttribute("aria-pressed", large);
      if (large) panels.tabIndex = 0;
      else panels.removeAttribute("tabindex");
    });
    enlarge.setAttribute("aria-pressed", "false");
    enlarge.className = "enlarge";
    figure.prepend(enlarge);
  }

  async function copy(text, from) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch { // no permission, or no secure origin
      window.getSelection().selectAllChildren(from);
      return document.execCommand("copy");
    }
  }

  for (const source of all("pre[data-copy]")) {
    source.before(button(`Copy ${source.dataset.copy}`, async (pressed) => {
      const done = await copy(source.textContent, source);
      pressed.textContent = done ? "Copied" : "Select the text and copy it";
    }));
  }
})();
