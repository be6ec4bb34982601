// Shows the views that the lane's program pushes, with tones for each answer.
"use strict";

const TEXTS = ["site", "site_en", "gate", "gate_en", "zh", "en", "holder"];
const LINKS = {
  up: ["在线", "Online"], down: ["离线", "Offline"], refused: ["未授权", "Not authorised"], "": ["", ""],
};
const DIRECTIONS = { entry: ["入口", "Entrance"], exit: ["出口", "Exit"], "": ["", ""] };
const SILENCE_MS = 400;
const byId = (id) => document.getElementById(id);
let shown = -1;
let offset = null;
let audio = null;
let data = {};
let clips = {};
let speaker = null;

// Tones by voice key, as [hertz, start, length] in seconds. Good news rises and is a clear tone;
// a refusal begins with a low buzz. What follows the buzz tells staff with their back to the
// screen what it is: once more, early, late, another gate, nothing found, already used. No two
// sound alike. A recorded voice, where the operator has one, is heard in place of the tones.
const BUZZ = [[220, 0, 0.22]];
const again = (...notes) => [...BUZZ, ...notes];
const TONES = {
  pass: [[880, 0, 0.12], [1320, 0.13, 0.24]],
  thanks: [[660, 0, 0.12], [880, 0.13, 0.12], [1100, 0.26, 0.22]],
  walk_through: [[880, 0, 0.12], [880, 0.16, 0.12], [1320, 0.32, 0.24]],
  show_certificate: [[523, 0, 0.2], [659, 0.25, 0.2]],
  reread: [[440, 0, 0.12], [440, 0.18, 0.12]],
  already_used: again([220, 0.3, 0.22], [220, 0.6, 0.22]),
  no_order: again([165, 0.3, 0.4]),
  unpaid: again([165, 0.3, 0.2], [220, 0.55, 0.2]),
  expired: again([196, 0.3, 0.2], [147, 0.55, 0.35]),
  not_yet: again([294, 0.3, 0.2], [262, 0.55, 0.2]),
  slot_early: again([294, 0.3, 0.3]),
  wrong_gate: again([330, 0.3, 0.15], [330, 0.5, 0.15]),
  wrong_site: again([330, 0.3, 0.15], [220, 0.5, 0.3]),
  too_many: again([247, 0.3, 0.1], [247, 0.45, 0.1], [247, 0.6, 0.1]),
  full: again([147, 0.3, 0.5]),
  closed: again([147, 0.3, 0.3], [110, 0.65, 0.4]),
  needs_staff: again([392, 0.3, 0.2], [330, 0.55, 0.3]),
  manual_lane: again([330, 0.3, 0.2], [392, 0.55, 0.3]),
  refused: again([220, 0.3, 0.22]),
};

function ear() {
  audio ??= new AudioContext();
  if (audio.state === "suspended") audio.resume().then(muted, () => {});
  muted();
  return audio;
}

// A browser without the kiosk flag is silent until it is touched: say so, to whoever sets it up.
function muted() {
  const silent = audio?.state === "suspended";
  byId("sound").hidden = byId("sound_en").hidden = !silent;
}

function sound(view) {
  // A lane at rest is quiet; only an answer to somebody sounds, and ends the one before.
  if (!["admit", "refuse"].includes(view.signal)) return;
  speaker?.pause();
  speaker = null;
  const names = clips[view.reason] || clips[view.voice];
  if (names) say(names, () => tones(view));
  else tones(view);
}

// Clips one after the other: Chinese, then English.
function say([name, ...rest], otherwise) {
  const own = new Audio(`/clips/${name}`);
  speaker = own;
  own.onended = () => {
    if (speaker === own && rest.length) say(rest, () => {});
  };
  own.play().catch(() => {
    if (speaker === own) otherwise();
  });
}

function tones(view) {
  const notes = TONES[view.voice] || TONES[view.signal === "admit" ? "pass" : "refused"];
  try {
    const out = ear();
    for (const [hertz, start, length] of notes) {
      const at = out.currentTime + start;
      const source = out.createOscillator();
      const level = out.createGain();
      source.type = view.signal === "admit" ? "sine" : "square";
      source.frequency.value = hertz;
      level.gain.setValueAtTime(0.0001, at);
      level.gain.exponentialRampToValueAtTime(0.5, at + 0.015);
      level.gain.exponentialRampToValueAtTime(0.0001, at + length);
      source.connect(level).connect(out.destination);
      source.start(at);
      source.stop(at + length + 0.02);
    }
  } catch {
    // A silent lane is complete without sound.
  }
}

function pair(id, [zh, en]) {
  byId(id).textContent = zh;
  byId(`${id}_en`).textContent = en;
}

function fill(view) {
  for (const id of TEXTS) byId(id).textContent = view[id] || "";
  byId("zh").style.setProperty("--letters", Math.max(4, [...view.zh].length));
  pair("link", LINKS[view.link || ""] || LINKS[""]);
  pair("direction", DIRECTIONS[view.direction || ""] || DIRECTIONS[""]);
  byId("people").hidden = !(view.people > 0);
  byId("count").textContent = view.people || "";
  byId("count_en").textContent = view.people > 1 ? "people may pass" : "person may pass";
  byId("since").hidden = !view.since;
  byId("since_zh").textContent = view.since_zh || "";
  byId("since_at").textContent = [view.since, view.since_place].filter(Boolean).join(" ");
  byId("en").textContent = [view.en, view.since && view.since_en].filter(Boolean).join(" · ");
  byId("next").hidden = !view.zh_next;
  byId("zh_next").textContent = view.zh_next || "";
  byId("en_next").textContent = view.en_next || "";
  byId("product").textContent = [view.product, view.product_en].filter(Boolean).join(" · ");
  byId("remaining").textContent =
    view.remaining > 0 ? `余 ${view.remaining} 人未入园 · ${view.remaining} still to enter` : "";
}

// What the lane would decide on without the centre: its age counts on while nothing is heard.
const AGES = [[86400, "天", "d"], [3600, "小时", "h"], [60, "分钟", "min"], [1, "秒", "s"]];
const MODES = { hub: ["本站服务器核验", "Site hub"], lane: ["本机核验", "This lane"] };

function fresh() {
  const has = Boolean(data.at);
  byId("data").hidden = byId("data_en").hidden = !has;
  if (!has) return;
  const age = Math.max(0, Math.round((Date.now() - Date.parse(data.at)) / 1000));
  const [unit, zh, en] = AGES.find(([size]) => age >= size) || AGES[3];
  const many = (data.tickets || 0).toLocaleString("en");
  const mode = MODES[data.mode] || [];
  const parts = (words) => words.filter(Boolean).join(" · ");
  const old = Math.floor(age / unit);
  byId("data").textContent = parts([mode[0], `数据 ${old} ${zh}前`, `${many} 张`, data.queue && `待传 ${data.queue}`]);
  byId("data_en").textContent = parts([mode[1], `Data ${old} ${en} old`, `${many} tickets`, data.queue && `${data.queue} to report`]);
}

function show(view) {
  document.body.dataset.signal = view.signal;
  document.body.dataset.state = view.state;
  document.body.dataset.link = view.link || "";
  offset = view.utc_offset_s ?? offset;
  fill(view);
  tick();
  const main = document.querySelector("main");
  main.classList.remove("fresh");
  void main.offsetWidth;
  main.classList.add("fresh");
}

// The page's own program is gone: nobody is admitted here, and the screen says where to go.
function lost() {
  const place = {};
  for (const id of ["site", "site_en", "gate", "gate_en"]) place[id] = byId(id).textContent;
  show({
    ...place, signal: "caution", state: "lost", zh: "请走人工通道", en: "Use the staffed lane",
    zh_next: "暂停服务", en_next: "Out of service",
  });
  shown = -1;
}

// The site's time of day, whatever zone the lane's computer is set to.
function tick() {
  fresh();
  const now = new Date();
  const local = offset === null ? -now.getTimezoneOffset() * 60 : offset;
  byId("clock").textContent = new Date(now.getTime() + local * 1000).toISOString().slice(11, 16);
}

function connect() {
  const socket = new WebSocket(`ws://${location.host}/live`);
  socket.onmessage = (event) => {
    const { number, view, data: told, clips: recorded } = JSON.parse(event.data);
    data = told || {};
    clips = recorded || {};
    fresh();
    if (number === shown) return;
    const first = shown === -1;
    shown = number;
    show(view);
    if (!first) sound(view);
  };
  socket.onclose = () => {
    lost();
    setTimeout(connect, SILENCE_MS);
  };
}

// The panel stays lit while the page is shown, where the browser can see to it.
const stayLit = () => document.visibilityState === "visible" && navigator.wakeLock?.request("screen").catch(() => {});
document.addEventListener("visibilitychange", stayLit);
document.addEventListener("pointerdown", ear);
stayLit();
try { ear(); } catch { /* no audio on this machine */ }
setInterval(tick, 1000);
connect();
