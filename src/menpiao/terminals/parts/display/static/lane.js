// Shows the views that the lane's program pushes, with a tone for each answer.
"use strict";

const TEXTS = ["site", "gate", "zh", "en", "zh_next", "en_next", "holder"];
const SILENCE_MS = 400;
const byId = (id) => document.getElementById(id);
let shown = -1;
let audio = null;

// Two tones that cannot be confused in a noisy place: rising and short, or low and repeated.
const TONES = {
  admit: [[880, 0, 0.12], [1320, 0.13, 0.22]],
  refuse: [[220, 0, 0.22], [220, 0.3, 0.22], [220, 0.6, 0.22]],
};

function sound(signal) {
  const notes = TONES[signal];
  if (!notes) return;
  try {
    audio ??= new AudioContext();
    if (audio.state === "suspended") audio.resume();
    for (const [hertz, start, length] of notes) {
      const at = audio.currentTime + start;
      const source = audio.createOscillator();
      const level = audio.createGain();
      source.type = signal === "admit" ? "sine" : "square";
      source.frequency.value = hertz;
      level.gain.setValueAtTime(0.0001, at);
      level.gain.exponentialRampToValueAtTime(0.5, at + 0.015);
      level.gain.exponentialRampToValueAtTime(0.0001, at + length);
      source.connect(level).connect(audio.destination);
      source.start(at);
      source.stop(at + length + 0.02);
    }
  } catch {
    // A silent lane is complete without sound.
  }
}

function line(id, text) {
  byId(id).textContent = text;
  byId(id).hidden = !text;
}

function show(view) {
  document.body.dataset.signal = view.signal;
  document.body.dataset.state = view.state;
  byId("glyph").firstElementChild.setAttribute("href", `glyphs.svg#${view.signal}`);
  for (const id of TEXTS) byId(id).textContent = view[id];
  byId("people").hidden = view.people < 1;
  byId("count").textContent = view.people || "";
  line("since", [view.since, view.since_place].filter(Boolean).join(" · "));
  byId("product").textContent = [view.product, view.product_en].filter(Boolean).join(" · ");
  byId("remaining").textContent =
    view.signal === "admit" && view.remaining > 0 ? `余 ${view.remaining} 人 · ${view.remaining} left` : "";
  const main = document.querySelector("main");
  main.classList.remove("fresh");
  void main.offsetWidth;
  main.classList.add("fresh");
}

function lost() {
  show({
    signal: "caution", state: "lost", zh: "暂停服务", en: "Out of service",
    zh_next: "请走人工通道", en_next: "Use the staffed lane",
    site: byId("site").textContent, gate: byId("gate").textContent,
    holder: "", product: "", product_en: "", people: 0, remaining: 0, since: "", since_place: "",
  });
  shown = -1;
}

function connect() {
  const socket = new WebSocket(`ws://${location.host}/live`);
  socket.onmessage = (event) => {
    const { number, view } = JSON.parse(event.data);
    if (number === shown) return;
    const first = shown === -1;
    shown = number;
    show(view);
    if (!first) sound(view.signal);
  };
  socket.onclose = () => {
    lost();
    setTimeout(connect, SILENCE_MS);
  };
}

connect();
