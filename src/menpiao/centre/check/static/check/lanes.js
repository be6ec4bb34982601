"use strict";
// Keeps the board of lanes fresh. The stream says that something has changed; what it is comes as
// markup from the page, in the language and in the name of whoever is signed in.
(() => {
  const board = document.getElementById("board");
  const line = document.getElementById("line");
  let fetching = false, again = false, pressed = false, read = performance.now();

  function works(yes) {
    const text = yes ? line.dataset.online : line.dataset.offline;
    if (line.textContent !== text) line.textContent = text;
    line.className = yes ? "tag" : "tag broken";
  }

  function put(fresh) {
    const kept = document.activeElement && board.contains(document.activeElement)
      ? document.activeElement.id : "";
    // What waits for a second person is spoken, and pressed: it is replaced only when it changes.
    const old = board.querySelector("#awaiting"), now = fresh.querySelector("#awaiting");
    if (old.dataset.mark !== now.dataset.mark) old.replaceWith(now);
    for (const part of fresh.querySelectorAll("[data-live]")) {
      const here = board.querySelector(`[data-live="${part.dataset.live}"]`);
      const scrolled = here.querySelector(".table-wrap");
      const left = scrolled ? scrolled.scrollLeft : 0;
      here.replaceWith(part);
      if (left) part.querySelector(".table-wrap").scrollLeft = left;
    }
    read = performance.now();
    if (kept) document.getElementById(kept)?.focus({ preventScroll: true });
  }

  async function refresh() {
    if (fetching || pressed) { again = true; return; }
    fetching = true;
    again = false;
    try {
      const answer = await fetch(board.dataset.part);
      if (answer.redirected || answer.status === 403) { window.location.reload(); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      const text = await answer.text();
      // A button that is being pressed stays where it is.
      if (pressed) again = true;
      else put(new DOMParser().parseFromString(text, "text/html"));
      works(true);
    } catch {
      works(false);
      again = true;
      await new Promise((done) => setTimeout(done, 2000));
    } finally {
      fetching = false;
    }
    if (again && !pressed) refresh();
  }

  board.addEventListener("pointerdown", () => { pressed = true; });
  for (const over of ["pointerup", "pointercancel"]) {
    window.addEventListener(over, () => setTimeout(() => {
      pressed = false;
      if (again) refresh();
    }, 50));
  }

  // Ages go on between two readings.
  setInterval(() => {
    const passed = (performance.now() - read) / 1000;
    for (const one of board.querySelectorAll("[data-ago]")) {
      const seconds = Math.floor(Number(one.dataset.ago) + passed);
      const [unit, count] = seconds < 60 ? ["seconds", seconds]
        : seconds < 3600 ? ["minutes", Math.floor(seconds / 60)]
          : ["hours", Math.floor(seconds / 3600)];
      one.textContent = board.dataset[unit].replace("{n}", count);
    }
  }, 1000);

  // "Operate" chooses the lane in the form without leaving the page.
  board.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-gate]");
    if (!link) return;
    event.preventDefault();
    document.getElementById("gate").value = link.dataset.gate;
    document.getElementById("act").scrollIntoView({ block: "nearest" });
    document.getElementById("reason").focus();
  });

  // A form leaves once, however often its button is pressed.
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "1";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });

  // A ticket lives for minutes: each new connection shows anew who is signed in.
  async function listen() {
    let ticket;
    try {
      const answer = await fetch(board.dataset.ticket, { headers: { Accept: "application/json" } });
      if (answer.redirected || answer.status === 403) { window.location.reload(); return; }
      ({ ticket } = await answer.json());
    } catch {
      works(false);
      setTimeout(listen, 3000);
      return;
    }
    const source = new EventSource(`${board.dataset.stream}?ticket=${encodeURIComponent(ticket)}`);
    source.addEventListener("open", () => works(true));
    source.addEventListener("changed", refresh);
    source.addEventListener("end", () => { source.close(); listen(); });
    source.addEventListener("error", () => {
      source.close();
      works(false);
      setTimeout(listen, 2000);
    });
  }
  listen();
})();
