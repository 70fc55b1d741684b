"use strict";
// Hides the examples that do not hold the words asked for, or are of another set or direction.
const words = document.getElementById("words");
const set = document.getElementById("set");
const direction = document.getElementById("direction");
function filter() {
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const part of document.querySelectorAll("[data-set]")) {
    const asked = (!set.value || part.dataset.set === set.value)
      && (!direction.value || part.dataset.direction === direction.value);
    let shown = 0;
    for (const row of part.querySelectorAll("tbody tr")) {
      const text = row.textContent.toLowerCase();
      row.hidden = !wanted.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    part.hidden = !asked || shown === 0;
  }
}
for (const control of [words, set, direction]) control.addEventListener("input", filter);
filter();
