// What style sheets cannot do: names kept whole in narrow cells, scrolling by keyboard, folds opened for print,
// and search results in plain words.
(() => {
  "use strict";

  // "CIFAR-10" is one name: no line may end at its hyphen inside a table.
  const keepNames = () => {
    const name = /\b[A-Za-z][A-Za-z]*-\d+[A-Za-z]*\b/g;
    document.querySelectorAll(".bd-article :is(td, th)").forEach((cell) => {
      const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), texts = [];
      while (walker.nextNode()) if (!walker.currentNode.parentElement.closest(".math, code, .keep")) texts.push(walker.currentNode);
      texts.forEach((text) => {
        const found = [...text.data.matchAll(name)].reverse();
        found.forEach((match) => {
          text.splitText(match.index + match[0].length);
          const word = text.splitText(match.index), span = document.createElement("span");
          span.className = "keep";
          word.replaceWith(span);
          span.append(word);
        });
      });
    });
  };

  // A formula in a line is marked where it is wider than what it stands in.
  const markWide = () => {
    document.querySelectorAll(".bd-article mjx-container:not([display])").forEach((formula) => {
      formula.classList.remove("wide");
      const block = formula.closest("p, li, dd, dt, figcaption, blockquote, h1, h2, h3, h4, .admonition, section");
      if (!block || formula.closest("td, th")) return;
      if (formula.getBoundingClientRect().width > block.clientWidth) formula.classList.add("wide");
    });
  };

  // What scrolls sideways can be reached and scrolled by keyboard.
  const reachable = () => {
    markWide();
    document.querySelectorAll(".bd-article *").forEach((box) => {
      if (box.scrollWidth <= box.clientWidth + 1 || box.closest("mjx-assistive-mml, svg")) return;
      if (!["auto", "scroll"].includes(getComputedStyle(box).overflowX)) return;
      if (!box.matches("a, button, input, select, textarea, [tabindex]")) box.tabIndex = 0;
    });
  };

  const openAll = () => {
    document.querySelectorAll("details:not([open])").forEach((fold) => {
      fold.open = true;
      fold.dataset.closed = "yes";
    });
  };
  const closeAgain = () => {
    document.querySelectorAll("details[data-closed]").forEach((fold) => {
      fold.open = false;
      delete fold.dataset.closed;
    });
  };

  // An excerpt of the search shows what a formula looks like, not how it is written.
  const SIGNS = {
    alpha: "α", beta: "β", gamma: "γ", delta: "δ", epsilon: "ε", varepsilon: "ε", zeta: "ζ", eta: "η", theta: "θ",
    kappa: "κ", lambda: "λ", mu: "μ", nu: "ν", xi: "ξ", pi: "π", rho: "ρ", sigma: "σ", tau: "τ", phi: "φ",
    varphi: "φ", chi: "χ", psi: "ψ", omega: "ω", Gamma: "Γ", Delta: "Δ", Theta: "Θ", Lambda: "Λ", Sigma: "Σ",
    Phi: "Φ", Psi: "Ψ", Omega: "Ω", cdot: "·", times: "×", le: "≤", leq: "≤", ge: "≥", geq: "≥", ne: "≠", neq: "≠",
    approx: "≈", sim: "~", to: "→", infty: "∞", sum: "Σ", prod: "Π", in: "∈", partial: "∂", nabla: "∇", pm: "±",
    mid: "|", lVert: "‖", rVert: "‖", Vert: "‖", "|": "‖", ldots: "…", cdots: "…", dots: "…", ell: "ℓ", top: "⊤",
    perp: "⊥", propto: "∝", circ: "°", log: "log", exp: "exp", cos: "cos", sin: "sin", min: "min", max: "max",
    langle: "⟨", rangle: "⟩", star: "*", ast: "*", prime: "′", forall: "∀", exists: "∃", subset: "⊂", cup: "∪",
    sqrt: "√", int: "∫", ll: "≪", gg: "≫", quad: " ", qquad: " ", ",": "", ";": " ", "!": "", ":": " ", " ": " ",
    "{": "{", "}": "}", "%": "%", "_": "_", "\\": " ", "&": "&", "#": "#", "$": "$",
  };
  const plain = (tex) => {
    let text = tex.replace(/^\s*(\\\(|\\\[|\$+)|(\\\)|\\\]|\$+)\s*$/g, "");
    for (let n = 0; n < 5; n++) {
      text = text
        .replace(/\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}/g, "($1)/($2)")
        .replace(/\\(?:text|mathrm|mathbf|mathcal|mathbb|mathit|boldsymbol|operatorname\*?|hat|tilde|bar|vec)\s*\{([^{}]*)\}/g, "$1")
        .replace(/([_^])\{([^{}]*)\}/g, "$1$2");
    }
    return text
      .replace(/\\(begin|end)\{[^{}]*\}(\{[^{}]*\})?/g, " ")
      .replace(/\\(?:left|right|bigl?|bigr?|Bigl?|Bigr?|displaystyle|limits|tfrac|hat|tilde|bar|mathcal|mathbb|mathbf)(?![A-Za-z])/g, "")
      .replace(/\\([A-Za-z]+|[^A-Za-z])/g, (all, sign) => SIGNS[sign] ?? sign)
      .replace(/[{}]/g, "")
      .replace(/(^|\s)&(\s|$)/g, " ")
      .replace(/\s+/g, " ")
      .trim();
  };
  const textOfPage = (source, anchor) => {
    const page = new DOMParser().parseFromString(source, "text/html");
    const unread = ".headerlink, script, style, .cell_input, canvas, button, .toctree-wrapper, summary";
    page.querySelectorAll(unread).forEach((part) => part.remove());
    page.querySelectorAll(".math").forEach((part) => { part.textContent = " " + plain(part.textContent) + " "; });
    page.querySelectorAll("td, th, li, p, h1, h2, h3").forEach((part) => part.append(" "));
    const main = page.querySelector("article.bd-article") || page.querySelector('[role="main"]');
    const part = (anchor && main?.querySelector(anchor)) || main;
    return part ? part.textContent.replace(/\s+/g, " ").trim() : "";
  };
  window.bookText = {plain, textOfPage};
  if (typeof Search !== "undefined") Search.htmlToText = textOfPage;

  const start = () => {
    keepNames();
    const formulas = window.MathJax?.startup?.promise ?? Promise.resolve();
    formulas.then(reachable);
    let waiting = 0;
    addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(reachable, 200); });
    document.addEventListener("toggle", () => reachable(), true);
  };
  addEventListener("beforeprint", openAll);
  addEventListener("afterprint", closeAgain);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
})();
