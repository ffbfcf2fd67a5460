"use strict";
(() => {
  const source = document.getElementById("data");
  const data = source ? JSON.parse(source.textContent) : null;
  const views = {};
  let only = "";
  window.rnnbench = { views }; // for tests and debugging

  async function draw(place, name, datasets) {
    const options = { actions: false, renderer: "svg", tooltip: { theme: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light" } };
    const { view } = await window.vegaEmbed(place, { ...data.specs[name], datasets }, options);
    views[name] = view;
    await view.signal("only", only).runAsync();
    return view;
  }

  async function isolate(label) {
    only = only === label ? "" : label;
    for (const legend of document.querySelectorAll(".legend")) legend.classList.toggle("chosen", only !== "");
    for (const button of document.querySelectorAll(".legend button")) button.setAttribute("aria-pressed", String(button.dataset.label === only));
    await Promise.all(Object.values(views).map((view) => view.signal("only", only).runAsync()));
  }

  function points(name, gap) {
    const rows = [];
    data.runs[name].forEach(([at, position, seed, lr, strong, chance, steps, accuracy], run) => {
      if (at !== gap) return;
      const label = data.labels[position];
      accuracy.forEach((share, k) => {
        const step = typeof steps === "number" ? steps * (k + 1) : steps[k];
        rows.push({ label, seed, lr, strong, chance, run, step, accuracy: share / 1000 });
      });
    });
    return rows;
  }

  async function learn(details) {
    const name = details.dataset.learning;
    const gap = Number(details.querySelector("select").value);
    const runs = points(name, gap);
    const baselines = (data.baselines[name] || []).filter((one) => one.gap === gap);
    if (views[name]) await views[name].data("runs", runs).data("baselines", baselines).resize().runAsync();
    else await draw(details.querySelector("[data-later]"), name, { runs, baselines });
  }

  function sort(heading) {
    const table = heading.closest("table");
    const column = [...heading.parentNode.children].indexOf(heading);
    const up = heading.getAttribute("aria-sort") !== "ascending";
    const value = (row) => row.children[column].textContent.trim();
    const number = (text) => parseFloat(text.replace(/[,≥]|below|length/g, "").trim());
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      const [n, m] = [number(x), number(y)];
      const order = Number.isNaN(n) && Number.isNaN(m) ? x.localeCompare(y) : Number.isNaN(n) ? 1 : Number.isNaN(m) ? -1 : n - m;
      return up ? order : -order;
    });
    for (const other of heading.parentNode.children) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    table.tBodies[0].append(...rows);
  }

  for (const heading of document.querySelectorAll(".sortable th")) heading.firstElementChild.addEventListener("click", () => sort(heading));
  if (!data) return;
  for (const button of document.querySelectorAll(".legend button")) button.addEventListener("click", () => isolate(button.dataset.label));
  for (const place of document.querySelectorAll("[data-spec]")) draw(place, place.dataset.spec);
  for (const details of document.querySelectorAll("details[data-learning]")) {
    details.addEventListener("toggle", () => details.open && learn(details));
    details.querySelector("select").addEventListener("change", () => learn(details));
  }
})();
