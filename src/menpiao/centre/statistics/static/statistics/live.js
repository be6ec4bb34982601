"use strict";
// Draws what the stream of the statistics server tells. Texts of the page come from its markup.
(() => {
  const root = document.getElementById("live");
  const byId = (id) => document.getElementById(id);
  const language = document.documentElement.lang;
  const named = (share) => (language.startsWith("en") ? share.en : share.zh);
  const number = new Intl.NumberFormat(language);
  const share = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });

  const element = (name, text, kind) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };
  const drawn = (name, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const row = (head, ...cells) => {
    const made = element("tr");
    const first = element("th", head);
    first.scope = "row";
    made.append(first, ...cells.map((cell) => element("td", cell)));
    return made;
  };
  const say = (id, text) => {
    // A live region is spoken when it changes: only then is it written.
    if (byId(id).textContent !== text) byId(id).textContent = text;
  };

  function showInside(figures) {
    for (const id of ["inside", "capacity", "entries", "exits", "visitors", "refused"]) {
      say(id, number.format(figures[id]));
    }
    const part = figures.capacity > 0 ? figures.inside / figures.capacity : 1;
    say("day", figures.day);
    say("percent", share.format(part));
    say("level", root.dataset[figures.level || "calm"]);
    byId("fill").style.width = `${Math.min(100, part * 100)}%`;
    byId("inside-card").className = `card live-inside level-${figures.level || "calm"}`;
  }

  function showFlow(figures) {
    const time = new Intl.DateTimeFormat("zh-CN", {
      timeZone: figures.zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23",
    });
    const step = 300000;
    const starts = figures.buckets.map((bucket) => Date.parse(bucket.start));
    byId("buckets").replaceChildren(...figures.buckets.map((bucket, index) => row(
      time.format(starts[index]), number.format(bucket.entries), number.format(bucket.exits),
      number.format(bucket.refused))).reverse());
    const chart = byId("flow");
    // One unit is one pixel, so that words keep their size on a phone.
    const wide = Math.max(280, chart.clientWidth);
    chart.setAttribute("viewBox", `0 0 ${wide} 190`);
    if (!starts.length) {
      chart.replaceChildren(drawn("text", { x: 20, y: 90 }, root.dataset.nobody));
      return;
    }
    // At least two hours, so that a bar in the morning is not a wall.
    const first = starts[0];
    const slots = Math.max(24, (starts[starts.length - 1] - first) / step + 1);
    const top = Math.max(1, ...figures.buckets.map((bucket) => bucket.entries));
    const left = 44, right = wide - 8, floor = 160, height = 145, width = (right - left) / slots;
    const parts = [0, 0.5, 1].flatMap((level) => {
      const y = floor - level * height;
      const people = drawn("text", { x: left - 6, y: y + 5, "text-anchor": "end" },
        level === 0.5 && top % 2 ? "" : number.format(top * level));
      return [drawn("line", { x1: left, x2: right, y1: y, y2: y }), people];
    });
    figures.buckets.forEach((bucket, index) => {
      const tall = (bucket.entries / top) * height;
      const bar = drawn("rect", { x: left + ((starts[index] - first) / step) * width,
        y: floor - tall, width: Math.max(0.8, width * 0.85), height: tall });
      bar.append(drawn("title", {}, `${time.format(starts[index])} ${bucket.entries}`));
      parts.push(bar);
    });
    const every = Math.ceil(slots / Math.floor(wide / 90));
    for (let slot = 0; slot < slots - every / 3; slot += every) {
      parts.push(drawn("text", { x: left + slot * width, y: 181 }, time.format(first + slot * step)));
    }
    chart.replaceChildren(...parts);
  }

  function showBars(id, shares) {
    const total = shares.reduce((sum, one) => sum + one.people, 0);
    const most = Math.max(1, ...shares.map((one) => one.people));
    const rows = shares.map((one) => {
      const made = row(named(one), number.format(one.people),
        share.format(total ? one.people / total : 0), "");
      const bar = element("div", undefined, "bar-of");
      bar.style.width = `${(one.people / most) * 100}%`;
      made.lastChild.append(bar);
      return made;
    });
    byId(id).replaceChildren(...(rows.length ? rows : [row(root.dataset.nobody, "", "", "")]));
  }

  function showMap(provinces) {
    const known = new Map(provinces.map((one) => [one.code, one.people]));
    const most = Math.max(1, ...provinces.filter((one) => one.code).map((one) => one.people));
    for (const tile of document.querySelectorAll(".tile")) {
      const people = known.get(tile.id.slice(5)) || 0;
      // The root spreads the few visitors of most provinces over the shades.
      const heat = people ? Math.max(1, Math.ceil(Math.sqrt(people / most) * 4)) : 0;
      tile.setAttribute("class", `tile heat-${heat}`);
      tile.querySelector(".tile-people").textContent = people ? number.format(people) : "";
    }
  }

  function show(figures) {
    showInside(figures);
    showFlow(figures);
    showMap(figures.provinces);
    for (const id of ["provinces", "cities", "age_bands", "sexes"]) showBars(id, figures[id]);
  }

  function line(works) {
    say("line", works ? root.dataset.online : root.dataset.offline);
    byId("line").className = works ? "tag" : "tag broken";
  }

  // A ticket lives for minutes: each new connection shows anew who is logged in.
  async function listen() {
    let ticket;
    try {
      const answer = await fetch(root.dataset.ticket, { headers: { Accept: "application/json" } });
      if (answer.redirected || answer.status === 403) {
        window.location.reload();
        return;
      }
      ({ ticket } = await answer.json());
    } catch {
      line(false);
      setTimeout(listen, 3000);
      return;
    }
    const source = new EventSource(`${root.dataset.stream}?ticket=${encodeURIComponent(ticket)}`);
    source.addEventListener("open", () => line(true));
    source.addEventListener("figures", (event) => show(JSON.parse(event.data)));
    source.addEventListener("end", () => { source.close(); listen(); });
    source.addEventListener("error", () => {
      source.close();
      line(false);
      setTimeout(listen, 2000);
    });
  }
  listen();
})();
