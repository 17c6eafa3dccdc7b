// Finds endpoints on the page, and sends requests from it. The page can be read without it.
"use strict";

// Of an answer; the browser would be slow with all of a long one.
const SHOWN_CHARS = 50000;

const families = [...document.querySelectorAll("main > section")];

// Shows the endpoints and types that have the text, under their headings.
function find(text) {
  const wanted = text.trim().toLowerCase();
  let found = 0;
  for (const family of families) {
    const parts = [...family.querySelectorAll("details.operation, details.type")];
    for (const one of parts) {
      one.hidden = wanted !== "" && !one.textContent.toLowerCase().includes(wanted);
      found += one.hidden ? 0 : 1;
    }
    family.hidden = parts.every((one) => one.hidden);
  }
  document.getElementById("found").textContent = wanted === "" ? "" : `${found} found`;
}

function addressOf(form) {
  const query = new URLSearchParams();
  let path = form.dataset.path;
  for (const field of form.querySelectorAll("[data-in]")) {
    if (field.dataset.in === "path") {
      path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
    } else if (field.dataset.in === "query" && field.value !== "") {
      query.set(field.name, field.value);
    }
  }
  const text = query.toString();
  return text === "" ? path : `${path}?${text}`;
}

function pretty(text, kind) {
  if (!kind.includes("json")) {
    return text;
  }
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function send(form) {
  const key = document.getElementById("key").value;
  const body = form.querySelector("[data-in=body]");
  const headers = {};
  if (key !== "") {
    headers.Authorization = `Bearer ${key}`;
  }
  if (body !== null) {
    headers["Content-Type"] = "application/json";
  }
  const address = addressOf(form);
  const answer = await fetch(address, {
    method: form.dataset.method, headers, body: body === null ? undefined : body.value,
  });
  const text = pretty(await answer.text(), answer.headers.get("Content-Type") ?? "");
  const cut = text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}\n…` : text;
  return `${form.dataset.method} ${address}\n${answer.status} ${answer.statusText}\n\n${cut}`;
}

for (const form of document.querySelectorAll("form.try")) {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const shown = document.createElement("pre");
    shown.tabIndex = 0;
    form.querySelector("output").replaceChildren(shown);
    try {
      shown.textContent = await send(form);
    } catch (error) {
      shown.textContent = `The service did not answer: ${error.message}`;
    }
  });
}

const tools = document.getElementById("tools");
tools.hidden = false;
tools.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("find").addEventListener("input", (event) => find(event.target.value));

// A link to an endpoint or a type opens it.
function open() {
  const id = decodeURIComponent(location.hash.slice(1));
  const target = id === "" ? null : document.getElementById(id);
  if (target instanceof HTMLDetailsElement) {
    target.hidden = target.closest("section").hidden = false;
    target.open = true;
    target.scrollIntoView();
  }
}
window.addEventListener("hashchange", open);
open();
