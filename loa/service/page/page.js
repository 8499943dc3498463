"use strict";
// The jobs of a token: what was heard before and after. All text goes in as text, never as HTML.
const LANGUAGES = ["vi", "en", "km"];
const OPEN = ["queued", "running"];
const FIGURES = [
  ["integrated_lufs", "LUFS", 1], ["true_peak_dbtp", "dBTP", 1], ["loudness_range_lu", "LU", 1],
  ["active_speech_level_dbov", "dBov", 1], ["noise_floor_dbfs", "dBFS", 1], ["duration_s", "s", 1],
];
const LOOK_EVERY_MS = 2000;
const at = (id) => document.getElementById(id);
let words = {}, language = "vi", token = "", open = null, listed = 0, sounds = [];

function make(tag, attributes = {}, ...inside) {
  const svg = ["svg", "path", "line", "text"].includes(tag);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...inside.filter((one) => one !== null));
  return element;
}
const word = (key) => words[language]?.[key] ?? key;
const said = (tag, key, attributes = {}) => make(tag, { "data-word": key, ...attributes }, word(key));

async function ask(path, method = "GET") {
  const answer = await fetch(path, { method, headers: { Authorization: `Bearer ${token}` } });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(problem.detail ?? String(answer.status)), { status: answer.status, problem });
}

function tell(error) {
  at("trouble").hidden = !error;
  if (!error) return;
  at("trouble").textContent = error.status === 401 ? word("wrong_token")
    : error.status ? `${word("refused")}: ${error.message}` : word("unreachable");
  if (error.status === 401) leave();
}

function speak(chosen) {
  language = chosen;
  document.documentElement.lang = chosen;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const button of at("languages").children) button.setAttribute("aria-pressed", String(button.value === chosen));
  localStorage.setItem("loa-language", chosen);
  document.title = `Loa – ${word("service_title")}`;
  if (open) draw(open); else if (token) refresh();
}

const when = (time) => new Intl.DateTimeFormat("vi-VN", { dateStyle: "short", timeStyle: "short" }).format(new Date(time));

function entry(job) {
  return make("li", {}, make("button", { value: job.id, onclick: () => look(job.id) },
    make("b", {}, job.bulletin?.title ?? job.key), said("span", job.state, { class: job.state }),
    make("span", { class: "note" }, `${when(job.created)} · ${job.targets.join(", ")}`),
    said("span", job.priority, { class: `note ${job.priority}` })));
}

async function refresh(more = false) {
  const last = at("list").lastElementChild?.firstElementChild.value;
  try {
    const path = more && last ? `v1/jobs?limit=50&before=${last}` : `v1/jobs?limit=${Math.max(50, Math.min(listed, 500))}`;
    const found = await (await ask(path)).json();
    const entries = found.jobs.map(entry);
    if (more) at("list").append(...entries); else at("list").replaceChildren(...entries);
    listed = at("list").children.length;
    at("more").hidden = !found.next;
    at("empty").hidden = listed > 0;
    tell(null);
  } catch (error) { tell(error); }
}

async function look(id) {
  try {
    const job = await (await ask(`v1/jobs/${id}`)).json();
    at("jobs").hidden = true;
    at("job").hidden = false;
    draw(job);
    tell(null);
  } catch (error) { tell(error); }
}

function draw(job) {
  if (open && open.id === job.id && open.language === language &&
      JSON.stringify({ ...open, language: 0 }) === JSON.stringify({ ...job, language: 0 })) return;
  if (open && open.id !== job.id) hush();
  open = { ...job, language };
  const parts = [
    make("h2", {}, job.bulletin?.title ?? job.key),
    make("p", { class: "note" }, said("span", job.state, { class: job.state }), " · ",
      said("span", job.priority, { class: job.priority }), ` · ${when(job.created)}`, ...(job.stage ? [" · ", said("span", job.stage)] : [])),
    make("p", { class: "note" }, job.id),
  ];
  if (job.problem) parts.push(...trouble(job.problem));
  parts.push(player(job.sha256, "listen_before"));
  parts.push(make("div", { class: "cards" }, ...job.renditions.map(rendition)));
  parts.push(make("div", { class: "acts" },
    OPEN.includes(job.state) ? act("cancel", "POST", `v1/jobs/${job.id}/cancel`) : null,
    ["failed", "cancelled"].includes(job.state) ? act("retry", "POST", `v1/jobs/${job.id}/retry`) : null,
    OPEN.includes(job.state) ? null : act("delete", "DELETE", `v1/jobs/${job.id}`)));
  at("shown").replaceChildren(...parts);
}

// In the reader's language as far as we have words for it; what exactly was found is English.
function trouble(problem) {
  const known = problem.kind in words[language];
  return [
    known ? said("p", problem.kind, { class: "fail" }) : make("p", { class: "fail" }, problem.got),
    make("p", {}, said("b", "advice"), ": ", known ? said("span", `try.${problem.kind}`) : problem.try),
    known ? make("p", { class: "note" }, said("span", "got"), ": ", make("span", { lang: "en" }, problem.got)) : null,
  ].filter(Boolean);
}

function act(name, method, path) {
  return said("button", name, { value: name, onclick: async () => {
    if (name === "delete" && !confirm(`${word("delete")}?`)) return;
    try {
      await ask(path, method);
      if (name === "delete") back(); else look(open.id);
    } catch (error) { tell(error); }
  } });
}

function rendition(one) {
  return make("section", { "data-codec": one.codec }, make("h3", {}, said("span", one.target), ` · ${one.output.split(".").pop()}`),
    said("p", one.holds ? "passed" : "failed_rendition", { class: one.holds ? "pass" : "fail" }),
    one.limited_by ? said("p", "limited", { class: "note" }) : null,
    player(one.sha256, "listen_after"), plot(one), figures(one),
    make("p", { class: "note" }, `${Math.round(one.size_bytes / 1024)} KiB · SHA-256 ${one.sha256}`));
}

function figures(one) {
  const show = (value, places) => value === null || value === undefined ? "–" : value.toFixed(places).replace("-", "−");
  return make("table", {},
    make("tr", {}, make("th"), said("th", "before", { scope: "col" }), said("th", "after", { scope: "col" }), make("th")),
    ...FIGURES.map(([key, unit, places]) => make("tr", {}, said("th", key, { scope: "row" }),
      make("td", {}, show(one.before[key], places)), make("td", {}, show(one.after[key], places)), make("td", {}, unit))));
}

function plot(one) {
  const trace = one.loudness;
  if (!trace || Math.max(trace.before.length, trace.after.length) < 2) return null;
  const [wide, high, left, low] = [at("job").clientWidth < 500 ? 330 : 520, 180, 34, 20];
  const heard = [...trace.before, ...trace.after, trace.target_lufs].filter((value) => value !== null);
  const top = Math.ceil(Math.max(...heard) / 6) * 6, bottom = Math.max(Math.floor(Math.min(...heard) / 6) * 6, top - 60);
  const seconds = trace.step_s * (Math.max(trace.before.length, trace.after.length) - 1) + trace.start_s;
  const x = (s) => left + (wide - left - 6) * s / seconds;
  const y = (lufs) => 6 + (high - low - 6) * (top - Math.max(lufs, bottom)) / Math.max(top - bottom, 1);
  const line = (values) => values.map((value, place) => value === null ? "" :
    `${place && values[place - 1] !== null ? "L" : "M"}${x(trace.start_s + place * trace.step_s).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const marks = [];
  for (let lufs = bottom; lufs <= top; lufs += top - bottom > 30 ? 12 : 6)
    marks.push(make("line", { class: "grid", x1: left, x2: wide - 6, y1: y(lufs), y2: y(lufs) }),
      make("text", { x: left - 4, y: y(lufs) + 4, "text-anchor": "end" }, String(lufs).replace("-", "−")));
  for (const part of [0, 0.25, 0.5, 0.75, 1])
    marks.push(make("text", { x: x(seconds * part), y: high - 4, "text-anchor": { 0: "start", 1: "end" }[part] ?? "middle" },
      `${(seconds * part).toFixed(seconds < 20 ? 1 : 0)} s`));
  const title = word("loudness");
  return make("figure", { style: null }, make("svg", { viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": title }, ...marks,
    make("line", { class: "target", x1: left, x2: wide - 6, y1: y(trace.target_lufs), y2: y(trace.target_lufs) }),
    make("path", { class: "before", d: line(trace.before) }), make("path", { class: "after", d: line(trace.after) })),
    make("figcaption", { class: "note" }, title, make("span", { class: "key before" }), word("before"),
      make("span", { class: "key after" }), word("after")));
}

function player(sha256, key) {
  const holder = make("div", { class: "acts" });
  const kept = sounds.find((one) => one.sha256 === sha256);
  const play = (one) => holder.replaceChildren(make("audio", { controls: "", src: one.url, "aria-label": word(key) }));
  if (kept) play(kept);
  else holder.append(said("button", key, { value: sha256, onclick: async () => {
    try {
      const url = URL.createObjectURL(await (await ask(`v1/blobs/${sha256}`)).blob());
      sounds.push({ sha256, url });
      play(sounds.at(-1));
    } catch (error) { tell(error); }
  } }));
  return holder;
}

function hush() {
  for (const one of sounds) URL.revokeObjectURL(one.url);
  sounds = [];
}

function back() {
  open = null;
  hush();
  at("job").hidden = true;
  at("jobs").hidden = false;
  refresh();
}

function enter(given) {
  token = given;
  sessionStorage.setItem("loa-token", token);
  at("entry").hidden = true;
  at("leave").hidden = at("jobs").hidden = false;
  refresh();
}

function leave() {
  token = "";
  open = null;
  hush();
  sessionStorage.removeItem("loa-token");
  at("list").replaceChildren();
  at("shown").replaceChildren();
  at("jobs").hidden = at("job").hidden = at("leave").hidden = true;
  at("entry").hidden = false;
}

async function begin() {
  words = await (await fetch("words.json")).json();
  at("languages").append(...LANGUAGES.map((one) =>
    make("button", { value: one, lang: one, onclick: () => speak(one) }, words[one].name)));
  at("entry").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = at("token").value.trim();
    at("token").value = "";
    enter(given);
  });
  at("leave").addEventListener("click", () => { leave(); tell(null); });
  at("back").addEventListener("click", back);
  at("more").addEventListener("click", () => refresh(true));
  speak(LANGUAGES.includes(localStorage.getItem("loa-language")) ? localStorage.getItem("loa-language") : "vi");
  const kept = sessionStorage.getItem("loa-token");
  if (kept) enter(kept); else at("entry").hidden = false;
  setInterval(() => {
    if (!token || document.hidden) return;
    if (!open) refresh(); else if (OPEN.includes(open.state)) look(open.id);
  }, LOOK_EVERY_MS);
}

begin();
