"use strict";
// Keeps a page of terminals fresh: what changes comes as markup from the page itself, in the
// language and in the name of whoever is signed in.
(() => {
  const live = document.getElementById("live");
  const line = document.getElementById("line");
  const EVERY_MS = 2000;
  let pressed = false, read = performance.now();

  function works(yes) {
    const text = yes ? line.dataset.online : line.dataset.offline;
    if (line.textContent !== text) line.textContent = text;
    line.className = yes ? "tag" : "tag broken";
  }

  function put(fresh) {
    const kept = document.activeElement && live.contains(document.activeElement)
      ? document.activeElement.id : "";
    for (const part of fresh.querySelectorAll("[data-live]")) {
      const here = live.querySelector(`[data-live="${part.dataset.live}"]`);
      if (!here || here.innerHTML === part.innerHTML) continue;
      // A log that is shown already is not sent again.
      if (part.dataset.mark && part.dataset.mark === here.dataset.mark) continue;
      const scrolled = here.querySelector(".table-wrap");
      const left = scrolled ? scrolled.scrollLeft : 0;
      here.replaceWith(part);
      if (left) part.querySelector(".table-wrap").scrollLeft = left;
    }
    read = performance.now();
    if (kept) document.getElementById(kept)?.focus({ preventScroll: true });
  }

  async function refresh() {
    const log = live.querySelector("[data-mark]");
    const address = new URL(live.dataset.part, window.location.href);
    if (log && log.dataset.mark) address.searchParams.set("have", log.dataset.mark);
    try {
      const answer = await fetch(address);
      if (answer.redirected || answer.status === 403) { window.location.reload(); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      const text = await answer.text();
      // What is being pressed stays where it is.
      if (!pressed) put(new DOMParser().parseFromString(text, "text/html"));
      works(true);
    } catch {
      works(false);
    }
  }

  async function look() {
    if (!document.hidden) await refresh();
    setTimeout(look, EVERY_MS);
  }

  live.addEventListener("pointerdown", () => { pressed = true; });
  for (const over of ["pointerup", "pointercancel"]) {
    window.addEventListener(over, () => setTimeout(() => { pressed = false; }, 50));
  }

  // Ages go on between two readings.
  setInterval(() => {
    const passed = (performance.now() - read) / 1000;
    for (const one of live.querySelectorAll("[data-ago]")) {
      const seconds = Math.floor(Number(one.dataset.ago) + passed);
      const [unit, count] = seconds < 60 ? ["seconds", seconds]
        : seconds < 3600 ? ["minutes", Math.floor(seconds / 60)]
          : ["hours", Math.floor(seconds / 3600)];
      one.textContent = live.dataset[unit].replace("{n}", count);
    }
  }, 1000);

  // A form leaves once, however often its button is pressed; what cannot be undone is asked twice.
  document.addEventListener("submit", (event) => {
    const sure = event.submitter?.dataset.sure;
    if (event.target.dataset.sent || (sure && !window.confirm(sure))) {
      event.preventDefault();
      return;
    }
    event.target.dataset.sent = "1";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });
  look();
})();
