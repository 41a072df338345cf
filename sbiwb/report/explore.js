"use strict";
// Corner plots whose axes zoom together, drawn by plotly.js from the densities in the page.
(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const LEVELS = 65534, EXCLUDED = 65535;

  function heights(packed) {
    const bytes = Uint8Array.from(atob(packed.heights), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    return Array.from({ length: bytes.length / 2 }, (_, k) => {
      const level = view.getUint16(2 * k, true);
      return level === EXCLUDED ? null : level / LEVELS;
    });
  }

  const centres = ([low, high], n) =>
    Array.from({ length: n }, (_, k) => low + ((high - low) * (k + 0.5)) / n);

  function rows(packed) {
    const flat = heights(packed), n = packed.cells;
    return Array.from({ length: flat.length / n }, (_, k) => flat.slice(k * n, (k + 1) * n));
  }

  function traces(data, shown, off) {
    const made = [];
    data.methods.filter((m) => !off.method.has(String(m.place))).forEach((m, first) => {
      const line = { color: colour(m.colour), dash: m.dash, width: 1.6 };
      shown.forEach((i, row) => shown.slice(0, row + 1).forEach((j, column) => {
        const axes = { xaxis: axis("x", row, column), yaxis: axis("y", row, column) };
        const [across, up] = [data.parameters[j], data.parameters[i]];
        const common = { ...axes, name: m.name, legendgroup: m.name, line, showlegend: false };
        if (i === j) {
          const packed = m.marginals[i];
          if (packed) made.push({ ...common, type: "scatter", mode: "lines",
            showlegend: row === 0, x: centres(across.range, packed.cells), y: heights(packed),
            hovertemplate: `${across.label}: %{x}<br>%{y:.2f} of the peak` });
          return;
        }
        const packed = m.joints[`${i} ${j}`];
        if (!packed) return;
        const [low, high] = packed.levels, n = packed.cells;
        made.push({ ...common, type: "contour", z: rows(packed), showscale: false,
          x: centres(across.range, n), y: centres(up.range, n),
          autocontour: false, colorscale: [[0, line.color], [1, line.color]],
          contours: { coloring: "lines", start: low, end: high, size: high - low },
          hovertemplate: `${across.label}: %{x}<br>${up.label}: %{y}` });
      }));
    });
    return made;
  }

  const number = (row, column) => (row * (row + 1)) / 2 + column + 1;
  const axis = (letter, row, column) =>
    letter + (number(row, column) === 1 ? "" : number(row, column));

  function layout(data, shown) {
    const n = shown.length, gap = 0.02, size = (1 - gap * (n - 1)) / n;
    const ink = colour("--ink"), rule = colour("--rule");
    const made = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: ink, size: 11 }, margin: { l: 70, r: 10, t: 34, b: 60 },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--muted"), activecolor: ink },
      height: 220 + 150 * n, dragmode: "zoom", hovermode: "closest",
      legend: { x: 1, y: 1, xanchor: "right" },
    };
    shown.forEach((i, row) => shown.slice(0, row + 1).forEach((j, column) => {
      const [x, y] = [axis("x", row, column), axis("y", row, column)];
      const span = (k) => [k * (size + gap), k * (size + gap) + size];
      const lines = { linecolor: rule, mirror: i !== j, showgrid: false, zeroline: false, nticks: 4 };
      const label = (k) => ({ text: data.parameters[k].label, font: { size: 11 } });
      const top = n - 1 - row;
      made[x.replace("x", "xaxis")] = { ...lines, anchor: y, domain: span(column),
        range: data.parameters[j].range, showticklabels: row === n - 1,
        title: row === n - 1 ? label(j) : undefined,
        // A column zooms as one, and so does the row of the same parameter.
        matches: row === column ? undefined : axis("x", column, column) };
      made[y.replace("y", "yaxis")] = i === j
        ? { ...lines, anchor: x, domain: span(top), range: [0, 1.08], visible: false, fixedrange: true }
        : { ...lines, anchor: x, domain: span(top), range: data.parameters[i].range,
            showticklabels: column === 0, title: column === 0 ? label(i) : undefined,
            matches: axis("x", row, row) };
    }));
    return made;
  }

  function draw(place) {
    const data = JSON.parse(place.querySelector("script").textContent);
    const off = { method: new Set(), parameter: new Set() };
    for (const box of document.querySelectorAll("#controls input"))
      if (!box.checked) off[box.name].add(box.value);
    const shown = data.parameters.map((_, k) => k).filter(
      (k) => !off.parameter.has(data.parameters[k].name));
    Plotly.react(place.querySelector(".drawn"), traces(data, shown, off), layout(data, shown),
      { responsive: true, displaylogo: false });
  }

  const places = [...document.querySelectorAll(".explorer")];
  const all = () => places.forEach(draw);
  all();
  document.getElementById("controls").addEventListener("change", all);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
})();
