// Shows one question at a time. The server alone knows what is answered, so a reload, a second tab or a restart lose
// nothing. Whatever comes from data is set as text, never as markup.
"use strict";

const token = document.querySelector('meta[name="token"]').content;
const byId = (id) => document.getElementById(id);
const criteria = [...document.querySelectorAll("fieldset")].map((field) => field.dataset.criterion);
let state = null;
let sending = false;

async function ask(path, body) {
  if (sending) return;
  sending = true;
  byId("undo").disabled = true;
  try {
    const answer = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers: { "X-Judging-Token": token, ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!answer.ok && answer.status !== 409) throw new Error(String(answer.status));
    state = await answer.json();
    byId("conflict").hidden = answer.status !== 409;
    byId("failed").hidden = true;
    show();
  } catch {
    byId("failed").hidden = false;
  } finally {
    sending = false;
    byId("undo").disabled = state === null || state.answered === 0;
  }
}

function fill(id, text, language) {
  byId(id).textContent = text.trim() === "" ? "" : text; // an empty box says that it is empty
  byId(id).lang = language;
  byId(id).scrollTop = 0;
}

function show() {
  const question = state.question;
  byId("answered").textContent = state.answered;
  byId("total").textContent = state.total;
  byId("progress").value = state.answered;
  byId("progress").max = state.total;
  byId("done").hidden = question !== null;
  byId("pair").hidden = question === null || question.kind !== "pair";
  byId("rating").hidden = question === null || question.kind !== "rating";
  byId("given").hidden = question === null || question.input === "";
  byId("right-answer").hidden = question === null || question.reference === "";
  if (question === null) {
    byId("done").focus();
    return;
  }
  fill("input", question.input, state.language);
  fill("reference", question.reference, state.target_language);
  if (question.kind === "pair") {
    fill("left", question.texts[0], state.target_language);
    fill("right", question.texts[1], state.target_language);
    byId("which").focus();
  } else {
    fill("text", question.texts[0], state.target_language);
    byId("rating").reset();
    byId("rate").focus();
  }
  scrollTo(0, 0);
}

function prefer(side) {
  ask("answer", { question: state.question.number, answer: { preferred: side } });
}

function undo() {
  if (state !== null && state.answered > 0) ask("undo", { answered: state.answered });
}

function rate(grade) {
  const open = criteria.find((name) => !document.querySelector(`input[name="${name}"]:checked`));
  const focused = document.activeElement.closest("fieldset")?.dataset.criterion;
  const name = focused ?? open;
  if (name === undefined) return;
  document.querySelector(`input[name="${name}"][value="${grade}"]`).checked = true;
  const following = criteria[criteria.indexOf(name) + 1];
  if (following === undefined) {
    byId("next").focus();
  } else {
    const row = document.querySelectorAll(`input[name="${following}"]`);
    ([...row].find((choice) => choice.checked) ?? row[0]).focus();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || state === null || sending) return;
  const kind = state.question?.kind;
  const sides = { ArrowLeft: "left", ArrowDown: "tie", ArrowRight: "right" };
  // In a long text the arrows scroll; a key that is held down must not answer the questions that follow.
  const scrolling = document.activeElement.classList.contains("text");
  if (event.key === "Backspace") {
    event.preventDefault();
    if (!event.repeat) undo();
  } else if (kind === "pair" && event.key in sides && !scrolling) {
    event.preventDefault();
    if (!event.repeat) prefer(sides[event.key]);
  } else if (kind === "rating" && /^[1-5]$/.test(event.key)) {
    event.preventDefault();
    if (!event.repeat) rate(event.key);
  }
});
for (const button of document.querySelectorAll("[data-preferred]")) {
  button.addEventListener("click", () => prefer(button.dataset.preferred));
}
byId("rating").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = new FormData(event.target);
  const grades = Object.fromEntries(criteria.map((name) => [name, Number(given.get(name))]));
  ask("answer", { question: state.question.number, answer: grades });
});
byId("undo").addEventListener("click", undo);
ask("state");
