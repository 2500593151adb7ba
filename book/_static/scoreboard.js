// The scoreboard: filters, free text and order over the table that the page holds, kept in the address.
// DataTables sorts the rows and puts the matching ones into the document.

document.addEventListener("DOMContentLoaded", () => {
  const element = document.getElementById("board");
  const form = document.getElementById("board-filters");
  if (!element || !form || typeof DataTable === "undefined") return;

  const facets = [...new Set([...form.querySelectorAll("input[type=checkbox]")].map((box) => box.name))];
  const sorted = [...form.elements.sort.options].map((option) => option.value).filter(Boolean);
  const rows = [...element.tBodies[0].rows].map((node) => ({
    node,
    text: `${node.dataset.words} ${node.textContent}`.toLowerCase(),
    values: Object.fromEntries(facets.map((name) => [name, node.dataset[name].split("|")])),
  }));
  const table = new DataTable(element, {
    paging: false,
    autoWidth: false,
    order: [],
    layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null },
    columnDefs: [{ targets: sorted.length, orderable: false }],
    language: { zeroRecords: "No claim matches all of these; clear one." },
  });

  const chosen = (name) =>
    [...form.querySelectorAll(`input[name="${name}"]:checked`)].map((box) => box.value);
  const matches = (row, wanted, but) =>
    wanted.text.every((word) => row.text.includes(word)) &&
    facets.every((name) =>
      name === but || !wanted[name].length || wanted[name].some((value) => row.values[name].includes(value)));

  let wanted;
  table.search.fixed("filters", (_text, _data, index) => matches(rows[index], wanted));

  function read() {
    wanted = Object.fromEntries(facets.map((name) => [name, chosen(name)]));
    wanted.text = form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean);
  }

  function show() {
    read();
    table.draw();
    const shown = rows.filter((row) => matches(row, wanted)).length;
    form.querySelector("output").textContent =
      shown === rows.length ? `${shown} claims` : `${shown} of ${rows.length} claims`;
    for (const box of form.querySelectorAll("input[type=checkbox]")) {
      const left = rows.filter((row) => matches(row, wanted, box.name));
      const count = left.filter((row) => row.values[box.name].includes(box.value)).length;
      box.nextElementSibling.textContent = count;
      box.parentElement.classList.toggle("none", !count);
    }
  }

  function write() {
    const state = new URLSearchParams();
    for (const name of facets) chosen(name).forEach((value) => state.append(name, value));
    if (form.elements.q.value) state.set("q", form.elements.q.value);
    if (form.elements.sort.value) state.set("sort", form.elements.sort.value);
    history.replaceState(null, "", `#${state}`);
  }

  function order(value) {
    const name = value.replace(/^-/, "");
    table.order(sorted.includes(name) ? [[sorted.indexOf(name), value === name ? "asc" : "desc"]] : []);
  }

  // The hash is either a claim's address or a selection.
  function follow() {
    const hash = decodeURIComponent(location.hash.slice(1));
    if (hash && !hash.includes("=") && !hash.startsWith("claim-")) return;
    const state = new URLSearchParams(hash.startsWith("claim-") ? "" : location.hash.slice(1));
    for (const box of form.querySelectorAll("input[type=checkbox]")) {
      box.checked = state.getAll(box.name).includes(box.value);
    }
    form.elements.q.value = state.get("q") ?? "";
    setOrder(state.get("sort") ?? "");
    const more = form.querySelector("details");
    more.open = more.open || more.querySelector(":checked") !== null;
    order(form.elements.sort.value);
    show();
    for (const { node } of rows) node.classList.toggle("aimed", node.id === hash);
    if (hash.startsWith("claim-")) {
      document.getElementById(hash)?.scrollIntoView({ block: "center", behavior: "instant" });
    }
  }

  // A column can be sorted downwards by its head only; the menu then has an entry for it.
  function setOrder(value) {
    const menu = form.elements.sort;
    menu.querySelector("[data-down]")?.remove();
    if (value.startsWith("-") && sorted.includes(value.slice(1))) {
      const entry = new Option(`${value.slice(1)}, downwards`, value);
      entry.dataset.down = "";
      menu.add(entry);
    }
    menu.value = value;
    if (menu.selectedIndex < 0) menu.value = "";
  }

  form.hidden = false;
  element.classList.add("live");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    if (event.target.name === "sort") order(event.target.value);
    show();
    write();
  });
  form.elements.clear.addEventListener("click", () => {
    history.replaceState(null, "", "#");
    for (const box of form.querySelectorAll(":checked[type=checkbox]")) box.checked = false;
    form.elements.q.value = "";
    setOrder("");
    order("");
    show();
  });
  element.tHead.addEventListener("click", (event) => {
    event.stopPropagation(); // DataTables marks it in a way that the theme's copy button takes for its own
    const [first] = table.order();
    setOrder(first && first[1] ? (first[1] === "desc" ? "-" : "") + sorted[first[0]] : "");
    write();
  });
  element.tHead.addEventListener("keyup", (event) => {
    if (event.key === "Enter" || event.key === " ") event.currentTarget.dispatchEvent(new Event("click"));
  });
  window.addEventListener("hashchange", follow);
  follow();
});
