"use strict";
// Keeps the board of lanes fresh. The stream says that something has changed; what it is comes as
// markup from the page, in the language and in the name of whoever is signed in.
(() => {
  const board = document.getElementById("board");
  let fetching = false, again = false;
  const page = live(board, () => { if (again) refresh(); });

  async function refresh() {
    if (fetching || page.isPressed()) { again = true; return; }
    fetching = true;
    again = false;
    try {
      const fresh = await page.part(board.dataset.part);
      if (!fresh) return;
      if (page.isPressed()) again = true;
      else page.put(fresh);
      page.works(true);
    } catch {
      page.works(false);
      again = true;
      await new Promise((done) => setTimeout(done, 2000));
    } finally {
      fetching = false;
    }
    if (again && !page.isPressed()) refresh();
  }

  // "Operate" chooses the lane in the form without leaving the page.
  board.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-gate]");
    if (!link) return;
    event.preventDefault();
    document.getElementById("gate").value = link.dataset.gate;
    document.getElementById("act").scrollIntoView({ block: "nearest" });
    document.getElementById("reason").focus();
  });

  // A ticket lives for minutes: each new connection shows anew who is signed in.
  async function listen() {
    let ticket;
    try {
      const answer = await fetch(board.dataset.ticket, { headers: { Accept: "application/json" } });
      if (answer.redirected || answer.status === 403) { window.location.reload(); return; }
      ({ ticket } = await answer.json());
    } catch {
      page.works(false);
      setTimeout(listen, 3000);
      return;
    }
    const source = new EventSource(`${board.dataset.stream}?ticket=${encodeURIComponent(ticket)}`);
    source.addEventListener("open", () => page.works(true));
    source.addEventListener("changed", refresh);
    source.addEventListener("end", () => { source.close(); listen(); });
    source.addEventListener("error", () => {
      source.close();
      page.works(false);
      setTimeout(listen, 2000);
    });
  }
  listen();
})();
