// The staff panel's page: signs in, shows the last scans, and sends what staff press.
"use strict";

const byId = (id) => document.getElementById(id);
const english = () => document.documentElement.lang === "en";
const word = (key, values = {}) =>
  (WORDS[key] || [key, key])[english() ? 1 : 0].replace(/\{(\w+)\}/g, (_, name) => values[name]);
const both = (thing, name) => thing[english() ? `${name}_en` : name] || thing[name];
const said = (thing, name = "") => thing[(english() ? "en" : "zh") + name];

let socket = null;
let state = null;
let session = "";
let resuming = false;
let used = Date.now();
let told = 0;
let waiting = new Map();
let last = null;
let found = null;
const nonces = new Map();

// --- questions and answers ------------------------------------------------------------------------

function random() {
  const octets = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...octets)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

// An act keeps its nonce until it has an answer: pressed again, it is the same act.
function nonce(act) {
  if (!nonces.has(act)) nonces.set(act, random());
  return nonces.get(act);
}

function ask(type, fields = {}) {
  const id = random();
  return new Promise((resolve) => {
    if (!socket || socket.readyState !== WebSocket.OPEN) {
      resolve({ ok: false, again: true, zh: WORDS.no_answer[0], en: WORDS.no_answer[1] });
      return;
    }
    waiting.set(id, resolve);
    socket.send(JSON.stringify({ type, id, ...fields }));
  });
}

async function act(key, type, fields) {
  document.body.setAttribute("aria-busy", "true");
  const reply = await ask(type, { nonce: nonce(key), ...fields });
  document.body.removeAttribute("aria-busy");
  if (!reply.again) nonces.delete(key);
  return reply;
}

function connect() {
  socket = new WebSocket(location.href.replace(/^http/, "ws").replace(/[?#].*$/, "").replace(/\/?$/, "/live"));
  resuming = Boolean(session);
  socket.onopen = async () => {
    if (!resuming) return;
    const reply = await ask("resume", { session });
    resuming = false;
    if (!reply.ok && !reply.again) locked();
    if (state) show(state);
  };
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    if (message.type === "state") show(message);
    else if (waiting.has(message.id)) {
      waiting.get(message.id)(message);
      waiting.delete(message.id);
    }
  };
  socket.onclose = () => {
    for (const resolve of waiting.values()) resolve({ ok: false, again: true, zh: WORDS.no_answer[0], en: WORDS.no_answer[1] });
    waiting = new Map();
    notice("offline", word("cut"));
    setTimeout(connect, 1000);
  };
}

// --- what is shown --------------------------------------------------------------------------------

// Said once: the same text put in again would be read out again, with every scan.
function notice(id, text) {
  const box = byId(id);
  if (box.textContent === text) return;
  box.hidden = !text;
  box.textContent = text;
}

function element(name, text = "", kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function button(text, kind, key, press, needsCentre = true) {
  const made = element("button", text, kind);
  made.type = "button";
  made.dataset.key = key;
  made.disabled = needsCentre && state.link !== "up";
  made.onclick = press;
  return made;
}

function result(reply) {
  last = reply;
  const box = byId("result");
  box.hidden = !reply;
  if (!reply) return;
  box.className = `result ${reply.ok ? "good" : "bad"}`;
  box.replaceChildren(element("strong", said(reply)));
  const shown = reply.shown;
  if (shown) {
    const lines = [
      shown.people && word("passing", { n: shown.people }),
      shown.holder, both(shown, "product"), shown.remaining && word("left_over", { n: shown.remaining }),
      !shown.admitted && said(shown, "_next"), said(shown, "_x"), shown.notice_zh && (english() ? shown.notice_en : shown.notice_zh),
    ];
    box.append(element("span", lines.filter(Boolean).join(" · ")));
  }
}

function show(next) {
  const before = state;
  if (resuming && !next.person) return;
  state = next;
  byId("gate").textContent = both(state, "gate") || "—";
  byId("link").textContent = word(state.link);
  byId("link").dataset.link = state.link;
  byId("badge").textContent = state.person ? state.person.badge : "";
  const isIn = Boolean(state.person);
  for (const id of ["work", "tabs", "lock"]) byId(id).hidden = !isIn;
  byId("signin").hidden = isIn;
  byId("signin").querySelector("button").disabled = state.link !== "up";
  notice("offline", state.link === "up" ? "" : word("offline"));
  notice("rules", state.rules ? word(`rules_${state.rules}`) : "");
  if (!isIn && before && before.person) locked();
  if (isIn && !(before && before.person)) { used = Date.now(); byId("h-recent").scrollIntoView(); }
  fillChoices();
  for (const id of ["search", "enter"]) byId(id).querySelector("button.main").disabled = state.link !== "up";
  byId("try").textContent = word(state.dry_run_next ? "try_off" : "try_on");
  byId("try").setAttribute("aria-pressed", state.dry_run_next);
  scans();
  tickets();
}

// Nothing of a visitor stays on the page of somebody who has gone.
function locked() {
  session = "";
  nonces.clear();
  found = null;
  result(null);
  if (byId("ask").open) byId("ask").close();
  for (const form of document.forms) form.reset();
  byId("scans").replaceChildren();
  byId("found").replaceChildren();
  byId("si-badge").focus();
}

function fillChoices() {
  const lists = [["en-kind", state.kinds], ["ask-reason", state.reasons]];
  for (const [id, list] of lists) {
    const select = byId(id);
    const text = list.map((one) => said(one)).join("|");
    if (select.dataset.text === text) continue;
    const value = select.value;
    select.dataset.text = text;
    select.replaceChildren(...list.map((one) => new Option(said(one), one.code)));
    if (value) select.value = value;
  }
  for (const set of document.querySelectorAll("fieldset.supervisor")) {
    const wanted = state.person && !state.person.supervisor ? document.documentElement.lang : "";
    if (set.dataset.drawn === wanted) continue;
    set.dataset.drawn = wanted;
    set.replaceChildren();
    if (!wanted) continue;
    const pair = element("div", "", "pair");
    for (const [name, type] of [["badge", "text"], ["pin", "password"]]) {
      const field = element("p", "", "field");
      const label = element("label", word(name));
      const input = element("input");
      Object.assign(input, { id: `${set.closest("form").id || "ask"}-${name}`, type, maxLength: 12, autocomplete: "off", required: true });
      if (name === "pin") Object.assign(input, { inputMode: "numeric", pattern: "[0-9]{4,12}" });
      input.dataset.name = name;
      label.htmlFor = input.id;
      field.append(label, input);
      pair.append(field);
    }
    set.append(element("legend", word("supervisor")), pair);
  }
}

function supervisor(form) {
  const inputs = form.querySelectorAll("fieldset.supervisor input");
  if (!inputs.length || form.querySelector("fieldset.supervisor").hidden) return null;
  return { badge: inputs[0].value.trim(), pin: inputs[1].value };
}

function redraw(list, rows) {
  const key = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.key : "";
  list.replaceChildren(...rows);
  if (key) list.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

function scans() {
  const list = byId("scans");
  const text = JSON.stringify([state.scans, state.orders, state.link, document.documentElement.lang, state.person]);
  if (list.dataset.text === text) return;
  list.dataset.text = text;
  const rows = state.scans.map(scanRow);
  // The oldest first: what is put in before it does not move the places of the others.
  for (const order of [...state.orders].reverse()) rows.splice(order.newer, 0, orderRow(order));
  byId("none").hidden = rows.length > 0;
  redraw(list, rows);
}

function orderRow(order) {
  const row = element("li", "", "card scan");
  const name = `order_${order.action}`;
  const about = [
    order.by ? word("order_by", { who: order.by }) : word("order"), order.text, !order.done && word("order_failed"),
  ];
  row.append(
    element("time", order.at), element("span", word(WORDS[name] ? name : "order"), "verdict"),
    element("p", about.filter(Boolean).join(" · "), "about hint"),
  );
  return row;
}

function scanRow(scan) {
  const shown = scan.shown;
  const needs = shown.missing === "evidence" && scan.can_ask && !scan.dry_run;
  const row = element("li", "", `card scan ${needs ? "need" : shown.admitted && !scan.undone ? "in" : "out"}`);
  const verdict = [scan.dry_run && word("test"), scan.undone ? word("undone") : said(shown)];
  const about = [
    shown.people && word("passing", { n: shown.people }), shown.holder, both(shown, "product"),
    shown.since && [shown.since, shown.since_place].filter(Boolean).join(" "),
    shown.notice_zh && (english() ? shown.notice_en : shown.notice_zh),
    !shown.admitted && !needs && said(shown, "_next"),
    shown.source === "lane" && word("lane"),
    needs && shown.difference_fen && word("owed", { yuan: (shown.difference_fen / 100).toFixed(2).replace(/\.00$/, "") }),
  ];
  const acts = element("div", "", "acts");
  if (needs) acts.append(button(word("seen", { what: both(shown, "evidence") }), "main", `seen-${scan.nonce}`, async () =>
    result(await act(`seen-${scan.nonce}`, "confirm", { of: scan.nonce }))));
  if (!shown.admitted && shown.missing && scan.can_ask && !scan.dry_run) {
    const full = shown.reason.endsWith("_full");
    acts.append(button(word(full ? "force_full" : "force"), "second", `force-${scan.nonce}`, () => openForce(scan, full)));
  }
  if (scan.can_undo) acts.append(button(word("undo"), "second", `undo-${scan.nonce}`, () => openUndo(scan)));
  row.append(
    element("time", scan.at), element("span", verdict.filter(Boolean).join(" · "), "verdict"),
    element("p", about.filter(Boolean).join(" · "), "about hint"), acts,
  );
  return row;
}

function tickets() {
  const list = byId("found");
  const text = JSON.stringify([found, state.link, document.documentElement.lang]);
  if (list.dataset.text === text) return;
  list.dataset.text = text;
  if (!found) { list.replaceChildren(); return; }
  if (!found.length) { list.replaceChildren(element("li", word("nothing"), "hint")); return; }
  redraw(list, found.map((ticket) => {
    const good = ticket.status === "valid";
    const row = element("li", "", `card scan ${good ? "in" : "out"}`);
    const acts = element("div", "", "acts");
    acts.append(button(word("admit"), good ? "main" : "second", `admit-${ticket.ticket_no}`, () => openAdmit(ticket)));
    row.append(
      element("time", ticket.window), element("span", `${ticket.holder} ${word(ticket.status)}`, "verdict"),
      element("p", [both(ticket, "product"), word("left_over", { n: ticket.remaining }), ticket.ticket_no].join(" · "), "about hint"), acts,
    );
    return row;
  }));
}

// --- dialogs --------------------------------------------------------------------------------------

function dialog({ title, who, yes, parts, send, people = 1 }) {
  const box = byId("ask");
  const form = box.querySelector("form");
  form.reset();
  byId("ask-title").textContent = title;
  byId("ask-who").textContent = who;
  byId("ask-yes").textContent = yes;
  byId("ask-wrong").textContent = "";
  byId("ask-people").value = people;
  for (const part of ["reasons", "notes", "counts", "seen"]) byId(`ask-${part}`).hidden = !parts.includes(part);
  const set = form.querySelector("fieldset.supervisor");
  set.hidden = set.disabled = !parts.includes("supervisor");
  form.onsubmit = async (event) => {
    event.preventDefault();
    byId("ask-yes").disabled = true;
    const reply = await send(form);
    byId("ask-yes").disabled = false;
    const stays = !reply.ok && (reply.again || reply.field);
    if (stays) { byId("ask-wrong").textContent = said(reply); return; }
    box.close();
    result(reply);
  };
  box.showModal();
}

const whose = (shown) => [shown.holder, both(shown, "product")].filter(Boolean).join(" · ");

function openForce(scan, full) {
  dialog({
    title: word("force_title"), who: [said(scan.shown), whose(scan.shown)].filter(Boolean).join(" · "), yes: word("admit"),
    parts: ["reasons", "notes", "counts", "supervisor"], people: Math.max(1, scan.shown.remaining),
    send: (form) => act(`force-${scan.nonce}`, "force", {
      of: scan.nonce, reason: byId("ask-reason").value, note: byId("ask-note").value.trim(),
      people: Number(byId("ask-people").value), supervisor: supervisor(form),
    }),
  });
  byId("ask-reason").value = full ? "full" : byId("ask-reason").options[1].value;
}

function openUndo(scan) {
  dialog({
    title: word("undo_title"), who: [scan.at, whose(scan.shown), word("passing", { n: scan.shown.people })].join(" · "), yes: word("undo"),
    parts: ["notes"],
    send: () => act(`undo-${scan.nonce}`, "take_back", { of: scan.nonce, reason: byId("ask-note").value.trim() }),
  });
}

function openAdmit(ticket) {
  dialog({
    title: word("admit_title"), who: [ticket.holder, both(ticket, "product"), ticket.ticket_no].join(" · "), yes: word("admit"),
    parts: ["counts", "seen"], people: Math.max(1, ticket.remaining),
    send: () => act(`admit-${ticket.ticket_no}`, "choose", {
      ticket_no: ticket.ticket_no, people: Number(byId("ask-people").value), evidence_seen: byId("ask-evidence").checked,
    }),
  });
}

// --- forms ----------------------------------------------------------------------------------------

byId("signin").onsubmit = async (event) => {
  event.preventDefault();
  const reply = await ask("sign_in", { staff: { badge: byId("si-badge").value.trim(), pin: byId("si-pin").value } });
  byId("si-pin").value = "";
  if (!reply.ok) { result(reply); byId("si-pin").focus(); return; }
  session = reply.session;
  result(null);
};
byId("search").onsubmit = async (event) => {
  event.preventDefault();
  const what = byId("fi-what").value.trim();
  const reply = await ask("find", /^[0-9]{4}$/.test(what) ? { phone_end: what } : { order_no: what });
  found = reply.ok ? reply.tickets : null;
  result(reply.ok ? null : reply);
  tickets();
};
async function typed(dry) {
  const form = byId("enter");
  const fields = { kind: byId("en-kind").value, number: byId("en-number").value.trim(), dry_run: dry };
  if (!dry) fields.supervisor = supervisor(form);
  const reply = await act(`enter-${dry}-${fields.kind}-${fields.number}`, "enter", fields);
  result(reply);
  for (const input of form.querySelectorAll("[type=password]")) input.value = "";
  if (!dry && reply.shown) form.reset();
}
byId("enter").onsubmit = (event) => { event.preventDefault(); typed(false); };
byId("simulate").onclick = () => { if (byId("en-number").value.trim()) typed(true); else byId("en-number").reportValidity(); };
byId("try").onclick = () => ask("try_next", { on: !state.dry_run_next });
byId("lock").onclick = () => ask("lock");
byId("ask-no").onclick = () => byId("ask").close();
byId("stay").onclick = () => ask("awake");

function front(name) {
  for (const part of document.querySelectorAll("[data-tab]")) part.classList.toggle("front", part.dataset.tab === name);
  for (const tab of document.querySelectorAll("#tabs button")) {
    if (tab.dataset.to === name) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  scrollTo(0, 0);
}
for (const tab of document.querySelectorAll("#tabs button")) tab.onclick = () => front(tab.dataset.to);

function speak(language) {
  document.documentElement.lang = language;
  try { localStorage.setItem("language", language); } catch { /* it is only remembered */ }
  for (const part of document.querySelectorAll("[data-t]")) part.textContent = word(part.dataset.t);
  document.title = word("title");
  byId("language").textContent = english() ? "中文" : "English";
  byId("language").lang = english() ? "zh-Hans" : "en";
  if (state) show(state);
  result(last);
}
byId("language").onclick = () => speak(english() ? "zh-Hans" : "en");

// --- it locks itself ------------------------------------------------------------------------------

function stir() {
  used = Date.now();
  byId("warning").hidden = true;
  if (state && state.person && used - told > 5000) { told = used; ask("awake"); }
}
for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, stir);
setInterval(() => {
  if (!state || !state.person) { byId("warning").hidden = true; return; }
  const left = Math.ceil(state.lock_after_s - (Date.now() - used) / 1000);
  byId("warning").hidden = left > 20;
  byId("left").textContent = word("left", { n: Math.max(0, left) });
}, 1000);

let stored = "zh-Hans";
try { stored = localStorage.getItem("language") || stored; } catch { /* the first language then */ }
speak(stored);
front("recent");
connect();
