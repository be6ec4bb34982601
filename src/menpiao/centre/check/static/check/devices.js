"use strict";
// Keeps a page of terminals fresh: it is read again every two seconds while it is looked at.
(() => {
  const root = document.getElementById("live");
  const page = live(root);
  const EVERY_MS = 2000;

  async function refresh() {
    const log = root.querySelector("[data-mark]");
    const address = new URL(root.dataset.part, window.location.href);
    // A log that is shown already is not sent again.
    if (log && log.dataset.mark) address.searchParams.set("have", log.dataset.mark);
    try {
      const fresh = await page.part(address);
      if (!fresh) return;
      if (!page.isPressed()) page.put(fresh);
      page.works(true);
    } catch {
      page.works(false);
    }
  }

  async function look() {
    if (!document.hidden) await refresh();
    setTimeout(look, EVERY_MS);
  }
  look();
})();
