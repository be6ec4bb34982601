"use strict";
// What pages that keep themselves fresh have in common: new markup comes from the page itself, in
// the language and in the name of whoever is signed in; what is being pressed stays where it is;
// ages go on between two readings; a form leaves once. Defines `live`; the page's own script, which
// says when to read, comes after it.
const live = (root, released = () => {}) => {
  const line = document.getElementById("line");
  let pressed = false, read = performance.now();

  function works(yes) {
    const text = yes ? line.dataset.online : line.dataset.offline;
    if (line.textContent !== text) line.textContent = text;
    line.className = yes ? "tag" : "tag broken";
  }

  // The markup at an address; null where somebody must sign in anew: the page is loaded again.
  async function part(address) {
    const answer = await fetch(address);
    if (answer.redirected || answer.status === 403) { window.location.reload(); return null; }
    if (!answer.ok) throw new Error(String(answer.status));
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  function put(fresh) {
    const kept = document.activeElement && root.contains(document.activeElement)
      ? document.activeElement.id : "";
    for (const now of fresh.querySelectorAll("[data-live]")) {
      const here = root.querySelector(`[data-live="${now.dataset.live}"]`);
      if (!here || here.innerHTML === now.innerHTML) continue;
      // What has a mark is replaced when its mark changes: it is long, or spoken, or pressed.
      if (now.dataset.mark && now.dataset.mark === here.dataset.mark) continue;
      const scrolled = here.querySelector(".table-wrap");
      const left = scrolled ? scrolled.scrollLeft : 0;
      here.replaceWith(now);
      if (left) now.querySelector(".table-wrap").scrollLeft = left;
    }
    read = performance.now();
    if (kept) document.getElementById(kept)?.focus({ preventScroll: true });
  }

  root.addEventListener("pointerdown", () => { pressed = true; });
  for (const over of ["pointerup", "pointercancel"]) {
    window.addEventListener(over, () => setTimeout(() => { pressed = false; released(); }, 50));
  }

  setInterval(() => {
    const passed = (performance.now() - read) / 1000;
    for (const one of root.querySelectorAll("[data-ago]")) {
      const seconds = Math.floor(Number(one.dataset.ago) + passed);
      const [unit, count] = seconds < 60 ? ["seconds", seconds]
        : seconds < 3600 ? ["minutes", Math.floor(seconds / 60)]
          : ["hours", Math.floor(seconds / 3600)];
      one.textContent = root.dataset[unit].replace("{n}", count);
    }
  }, 1000);

  // However often its button is pressed; and what cannot be undone is asked twice.
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

  return { works, part, put, isPressed: () => pressed };
};
