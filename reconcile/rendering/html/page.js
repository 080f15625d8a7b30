"use strict";
// Draws the charts as they come into view, and lets every table be sorted. Without it the page
// still holds all numbers.
(() => {
  const specs = JSON.parse(document.getElementById("charts").textContent);

  // `ast` lets Vega interpret its expressions instead of compiling them, which the policy forbids.
  const options = { actions: false, ast: true, renderer: "svg", tooltip: { theme: "custom" } };

  const drawn = new Set();

  async function draw(place) {
    if (drawn.has(place)) return;
    drawn.add(place);
    await vegaEmbed(place, specs[place.dataset.chart], options);
    place.dataset.drawn = "true";
  }

  const places = [...document.querySelectorAll("[data-chart]")];
  const watch = new IntersectionObserver(
    (seen) => seen.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target)),
    { rootMargin: "400px" },
  );
  places.forEach((place) => watch.observe(place));

  // The others when there is nothing else to do: a page is printed whole.
  const idle = window.requestIdleCallback || ((work) => setTimeout(work, 50));
  const rest = [...places];
  const next = () => {
    const place = rest.shift();
    if (place) draw(place).then(() => idle(next));
  };
  window.addEventListener("load", () => idle(next));

  function sortBy(table, column, button) {
    const header = button.parentElement;
    const numeric = !header.classList.contains("text");
    const before = header.getAttribute("aria-sort");
    // Numbers first from the largest: that is what one looks for.
    const descending = before ? before === "ascending" : numeric;
    table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const value = (row) => {
      const cell = row.cells[column];
      return cell.dataset.order ?? cell.textContent.trim().toLowerCase();
    };
    const compare = (one, other) => {
      const [a, b] = [value(one), value(other)];
      if (a === "–" || b === "–") return (a === "–") - (b === "–");  // unknown: last
      const known = a - b;
      const order = Number.isNaN(known) ? (a < b ? -1 : a > b ? 1 : 0) : known;
      return descending ? -order : order;
    };
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort(compare));
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    if (table.tBodies[0].rows.length < 2) continue;
    [...table.tHead.rows[0].cells].forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = header.textContent;
      button.addEventListener("click", () => sortBy(table, column, button));
      header.replaceChildren(button);
    });
  }
})();
