// Redraws the figures of ssllib/pages/sliders.py, in the same way as `draw` there, when a slider moves.
(() => {
  "use strict";

  const OPERATIONS = {
    "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b, "**": Math.pow,
    neg: (a) => -a, sin: Math.sin, cos: Math.cos, tan: Math.tan, atan: Math.atan, exp: Math.exp, log: Math.log,
    sqrt: Math.sqrt, abs: Math.abs, min: Math.min, max: Math.max,
  };

  // The value of a formula's tree; of a grid, what stands at the sliders' places: a number or a list.
  const evaluate = (tree, env) => {
    if (Array.isArray(tree)) return OPERATIONS[tree[0]](...tree.slice(1).map((part) => evaluate(part, env)));
    if (typeof tree === "string") return env[tree];
    if (typeof tree === "number") return tree;
    const found = tree.axes.reduce((values, axis) => values[env.at[axis]], tree.values);
    return found ?? NaN;
  };

  const text = (x) => {
    if (!Number.isFinite(x)) return "–";
    const places = x ? Math.min(10, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(x))))) : 0;
    const fixed = x.toFixed(places);
    const short = fixed.includes(".") ? fixed.replace(/\.?0+$/, "") : fixed;
    return short === "-0" ? "0" : short.replace("-", "−");
  };

  const ticks = (low, high) => {
    if (!(Number.isFinite(low) && Number.isFinite(high) && high > low)) return [];
    let step = 10 ** Math.floor(Math.log10((high - low) / 3));
    step *= high - low >= 15 * step ? 5 : high - low >= 6 * step ? 2 : 1;
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i <= Math.floor(high / step + 1e-9); i++) found.push([i * step, text(i * step)]);
    return found;
  };

  const at = (v) => (Number.isFinite(v) ? Math.min(9999, Math.max(-9999, v)).toFixed(1) : "0");

  const points = (c, panel, env) => {
    const [low, high] = (c.over ?? panel.x).map((tree) => evaluate(tree, env));
    const lists = ["x", "y"].map((axis) => evaluate(c[axis], {...env, x: low}));
    const count = (lists.find(Array.isArray) ?? {length: c.count}).length;
    return Array.from({length: count}, (_, i) => {
      const here = {...env, x: low + ((high - low) * i) / Math.max(1, count - 1)};
      return ["x", "y"].map((axis, k) => (Array.isArray(lists[k]) ? lists[k][i] : evaluate(c[axis], here)));
    });
  };

  // What stands inside a panel's SVG. Its texts come escaped.
  const draw = (panel, env) => {
    const [width, height] = panel.size, left = 50, top = 24, w = width - left - 18, h = height - top - 42;
    const [[x0, x1], [y0, y1]] = [panel.x, panel.y].map((range) => range.map((tree) => evaluate(tree, env)));
    const px = (x) => ((x - x0) / (x1 - x0 || 1)) * w, py = (y) => ((y1 - y) / (y1 - y0 || 1)) * h;
    const across = panel.x_ticks ?? ticks(x0, x1), up = panel.y_ticks ?? ticks(y0, y1);
    const out = [
      `<g font-size="12" fill="currentColor"><text x="4" y="14">${panel.y_label}</text>`,
      `<text x="${left + w / 2}" y="${height - 6}" text-anchor="middle">${panel.x_label}</text>`,
      ...across.map(([x, label]) => `<text x="${at(px(x) + left)}" y="${top + h + 16}" text-anchor="middle">${label}</text>`),
      ...up.map(([y, label]) => `<text x="${left - 6}" y="${at(py(y) + top + 4)}" text-anchor="end">${label}</text>`),
      `</g><svg x="${left}" y="${top}" width="${w}" height="${h}"><g stroke="currentColor" stroke-opacity=".15">`,
      ...across.map(([x]) => `<path d="M${at(px(x))} 0V${h}"/>`),
      ...up.map(([y]) => `<path d="M0 ${at(py(y))}H${w}"/>`),
      "</g>",
    ];
    for (const c of panel.curves) {
      const r = c.dots;
      let path = "", pen = "M";
      for (const [x, y] of points(c, panel, env)) {
        const there = Number.isFinite(x) && Number.isFinite(y);
        if (there && r) path += `M${at(px(x) - r)} ${at(py(y))}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
        else if (there) path += `${pen}${at(px(x))} ${at(py(y))}`;
        pen = there ? "L" : "M";
      }
      const paint = r ? `fill="${c.color}"` : `fill="none" stroke="${c.color}" stroke-width="2"`;
      const dash = c.dash ? ` stroke-dasharray="${c.dash}"` : "";
      out.push(`<path ${paint}${dash} d="${path}"/>`);
    }
    return `${out.join("")}<path d="M0 0V${h}H${w}" fill="none" stroke="currentColor"/></svg>`;
  };

  const environment = (data, places) => {
    const env = {pi: Math.PI, at: places};
    for (const s of data.sliders) env[s.name] = s.values[places[s.name]];
    for (const [name, tree] of data.given) env[name] = evaluate(tree, env);
    return env;
  };

  const say = (data, env) => {
    const said = data.sliders.map((s) => `${s.label}: ${s.words[env.at[s.name]]}`);
    for (const r of data.readings) {
      const word = r.words.length ? `, ${r.words[evaluate(r.test, env) > 0 ? 0 : 1]}` : "";
      said.push(`${r.label}: ${text(evaluate(r.value, env))}${r.unit}${word}`);
    }
    return `${said.join("; ")}.`;
  };

  const enliven = (figure) => {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const inputs = [...figure.querySelectorAll("input")], panels = figure.querySelectorAll(".sliders-panels > svg");
    const redraw = () => {
      const env = environment(data, Object.fromEntries(data.sliders.map((s, i) => [s.name, Number(inputs[i].value)])));
      data.sliders.forEach((s, i) => {
        const word = s.words[env.at[s.name]];
        inputs[i].setAttribute("aria-valuetext", word);
        inputs[i].nextElementSibling.textContent = word;
      });
      panels.forEach((svg, i) => { svg.innerHTML = draw(data.panels[i], env); });
      figure.querySelector(".sliders-now").textContent = say(data, env);
    };
    let waiting = 0;
    const soon = () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(redraw); };
    inputs.forEach((input) => input.addEventListener("input", soon));
    figure.querySelector(".sliders-controls").hidden = false;
  };

  if (typeof module !== "undefined") {
    module.exports = {evaluate, text, ticks, draw, environment, say};
    return;
  }
  const start = () => document.querySelectorAll("figure.sliders").forEach(enliven);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
})();
