"use strict";
// The clerk's page: one sale after the other. Texts come from the markup, decisions from the server.
(() => {
  const root = document.getElementById("counter");
  const byId = (id) => document.getElementById(id);
  const words = root.dataset;
  const english = document.documentElement.lang.startsWith("en");
  const faults = JSON.parse(byId("faults").textContent);
  const named = (thing) => (english ? thing.name_en : thing.name);
  const yuan = (fen) => `¥${(fen / 100).toFixed(2).replace(/\.00$/, "")}`;
  // As staff see numbers: no birth date, and little of a short one.
  const masked = (number) => `${number.length >= 15 ? number.slice(0, 6) : ""}****${number.slice(-4)}`;
  const fresh = () => Array.from(crypto.getRandomValues(new Uint8Array(16)),
    (octet) => octet.toString(16).padStart(2, "0")).join("");

  // state: edit · scan (waits for a payment code) · busy · wait (for money) · lost · done · failed
  const sale = { state: "edit", token: fresh(), visitors: [], quote: null, asked: null, order: null };
  let ticket = "", offer = null, agent = null, quoteNo = 0, digits = "";

  // --- the server ---------------------------------------------------------------------------
  async function newTicket() {
    const answer = await fetch(words.ticket, { headers: { Accept: "application/json" } });
    if (answer.redirected || answer.status === 403) { location.reload(); throw new Error("signed out"); }
    ({ ticket } = await answer.json());
  }
  async function ask(path, body, retried) {
    if (!ticket) await newTicket();
    const answer = await fetch(`/counter/v1/${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { Authorization: `Bearer ${ticket}`, "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (answer.status === 403 && !retried) { ticket = ""; return ask(path, body, true); }
    const told = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(told.code), { problem: told });
    return told;
  }
  function reason(problem) {
    const text = faults[problem.detail] || (english ? problem.en : problem.zh);
    const place = /^visitors\.(\d+)/.exec(problem.field || "");
    return place ? `${Number(place[1]) + 1}. ${text}` : text;
  }

  // --- drawing ------------------------------------------------------------------------------
  function element(name, text, kind) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (kind) made.className = kind;
    return made;
  }
  // While tickets are given back, what is said is said there.
  const giving = () => Boolean(root.desk.back && root.desk.back.isOpen());
  const told = () => byId(giving() ? "back-status" : "status");
  function say(text, kind = "", more = "") {
    const box = told();
    box.className = `counter-status ${kind}`;
    box.replaceChildren(text, ...(more ? [element("small", more)] : []));
  }
  const product = () => offer && offer.products.find((one) => String(one.id) === byId("product").value);
  const people = () => sale.visitors.reduce((sum, one) => sum + one.people, 0);
  const total = () => (sale.quote ? sale.quote.total_fen : people() * (product() ? product().price_fen : 0));

  function draw() {
    const editing = sale.state === "edit";
    byId("visitors").replaceChildren(...sale.visitors.map(row));
    byId("nobody").textContent = sale.visitors.length ? "" : words.nobody;
    byId("people").textContent = sale.visitors.length ? `× ${people()}` : "";
    byId("total").textContent = sale.refused ? "–" : yuan(sale.order && !editing ? sale.order.total_fen : total());
    byId("edit").hidden = !editing;
    for (const one of root.querySelectorAll("#day, #product, #slot, #typed input, #typed select, #typed button"))
      one.disabled = !editing;
    for (const means of ["cash", "qr", "code"]) {
      byId(means).hidden = !offer || !offer.means.includes(means);
      byId(means).disabled = !sale.visitors.length || !sale.quote;
    }
    byId("again").hidden = sale.state !== "lost";
    byId("next").hidden = !["done", "failed"].includes(sale.state);
    byId("reprint").hidden = byId("browser").hidden = byId("give-back").hidden = sale.state !== "done";
    byId("stop").hidden = !["wait", "scan"].includes(sale.state);
    const svg = sale.state === "wait" && sale.order ? sale.order.code_svg : "";
    if (byId("show").dataset.order !== (svg && sale.order.order_no)) {
      byId("show").innerHTML = svg;
      byId("show").dataset.order = svg && sale.order.order_no;
    }
    byId("show").hidden = !svg;
    change();
  }
  function row(one, index) {
    const item = element("li");
    const line = sale.quote && sale.quote.lines[index];
    item.append(element("span", `${index + 1}. ${one.name} ${masked(one.number)}`, "who"));
    const steps = element("span", undefined, "stepper");
    const most = product() ? product().people_per_document : 1;
    const step = (sign, by) => {
      const button = element("button", sign);
      button.type = "button";
      button.setAttribute("aria-label", `${one.name} ${sign}1`);
      button.disabled = sale.state !== "edit" || one.people + by < 1 || one.people + by > most;
      button.addEventListener("click", () => { one.people += by; changed(); });
      return button;
    };
    if (most > 1) steps.append(step("−", -1), element("output", one.people), step("+", 1));
    const remove = element("button", words.remove, "small-button");
    remove.type = "button";
    remove.disabled = sale.state !== "edit";
    remove.addEventListener("click", () => { sale.visitors.splice(index, 1); changed(); });
    item.append(steps, remove);
    const why = element("div", undefined, "why");
    if (line) why.append(`${yuan(line.price_fen)} ${(english ? line.reason_en : line.reason_zh) || words.list}`);
    for (const paper of line && (line.papers.length ? line.papers : one.papers) || []) {
      one.papers = line.papers.length ? line.papers : one.papers;
      const label = element("label", undefined, "check");
      const tick = element("input");
      tick.type = "checkbox";
      tick.checked = one.evidence_seen;
      tick.disabled = sale.state !== "edit";
      tick.addEventListener("change", () => { one.evidence_seen = tick.checked; changed(); });
      label.append(tick, `${words.paper} ${named(paper)} → ${yuan(paper.price_fen)}`);
      why.append(label);
    }
    item.append(why);
    return item;
  }
  function received() {
    const text = byId("received").value.trim();
    return /^\d+(\.\d{1,2})?$/.test(text) ? Math.round(Number(text) * 100) : null;
  }
  function change() {
    const given = received();
    byId("change").textContent = given === null ? "" :
      given < total() ? words.short : `${words.change} ${yuan(given - total())}`;
  }

  // --- what is sold -------------------------------------------------------------------------
  async function load() {
    const day = byId("day").value;
    const [had, slot] = [byId("product").value, byId("slot").value];
    offer = await ask(`offer${day ? `?date=${day}` : ""}`);
    // A page that stands open through the night goes on with the day.
    if (offer.day < offer.today) offer = await ask("offer");
    byId("day").value = offer.day;
    byId("day").min = offer.today;
    byId("product").replaceChildren(...offer.products.map((one) => {
      const option = element("option", `${named(one)} ${yuan(one.price_fen)}`);
      option.value = one.id;
      return option;
    }));
    if (offer.products.some((one) => String(one.id) === had)) byId("product").value = had;
    slots(slot);
    draw();
  }
  function slots(had) {
    const found = product() ? product().slots : [];
    byId("slot").replaceChildren(...found.map((one) => {
      const option = element("option", `${one.span}（${words.remaining} ${one.remaining}）`);
      option.value = one.id;
      option.disabled = one.remaining < 1;
      return option;
    }));
    if (found.some((one) => String(one.id) === had)) byId("slot").value = had;
  }
  const asked = () => ({
    product_id: Number(byId("product").value), slot_id: Number(byId("slot").value),
    visitors: sale.visitors.map(({ papers, ...one }) => one),
  });
  // What the page offers may be over by now: what is sold instead is looked at once.
  async function quoted() {
    try {
      return await ask("quotes", asked());
    } catch (error) {
      if (!error.problem || !["sale_ended", "slot_unknown"].includes(error.problem.code)) throw error;
      const slot = byId("slot").value;
      await load();
      if (["", slot].includes(byId("slot").value)) throw error;
      return ask("quotes", asked());
    }
  }
  async function changed() {
    sale.quote = null;
    sale.refused = false;
    sale.token = fresh();
    draw();
    const mine = ++quoteNo;
    if (!sale.visitors.length) { say(""); return; }
    try {
      const quote = await quoted();
      if (mine !== quoteNo || sale.state !== "edit") return;
      sale.quote = quote;
      say("");
    } catch (error) {
      if (mine !== quoteNo) return;
      // What is not sold has no price.
      sale.refused = Boolean(error.problem);
      say(error.problem ? reason(error.problem) : words.lost, "wrong");
    }
    draw();
  }
  function add(kind, number, name) {
    if (giving()) { root.desk.back.card(kind, number); return; }
    if (["done", "failed"].includes(sale.state)) next();
    if (sale.state !== "edit") return;
    if (sale.visitors.some((one) => one.number === number)) { say(words.again, "wrong"); return; }
    if (product() && people() >= product().people_per_order) { say(words.full, "wrong"); return; }
    sale.visitors.push({ document_type: kind, number, name, people: 1, evidence_seen: false });
    changed();
  }
  function next() {
    Object.assign(sale, { state: "edit", token: fresh(), visitors: [], quote: null, refused: false, asked: null, order: null });
    byId("received").value = "";
    say("");
    draw();
    load().catch(() => say(words.lost, "wrong"));
  }

  // --- money --------------------------------------------------------------------------------
  function pay(means, code = "") {
    if (!["edit", "scan"].includes(sale.state) || !sale.quote || !sale.visitors.length) return;
    const given = received();
    if (means === "cash" && given !== null && given < total()) { say(words.short, "wrong"); return; }
    sale.asked = { ...asked(), token: sale.token, means, expected_fen: sale.quote.total_fen,
      auth_code: code, language: english ? "en" : "zh-hans" };
    // Nothing to pay is nothing to scan.
    if (!sale.quote.total_fen) Object.assign(sale.asked, { means: "cash", auth_code: "" });
    send();
  }
  async function send() {
    sale.state = "busy";
    say(words.sell);
    draw();
    try {
      settle(await ask("orders", sale.asked));
    } catch (error) {
      const knows = error.problem && error.problem.code !== "busy";
      sale.state = knows ? "edit" : "lost";
      if (knows && error.problem.code === "price_changed") changed();
      say(knows ? reason(error.problem) : words.lost, "wrong");
      draw();
      if (!knows) byId("again").focus();
    }
  }
  function settle(order) {
    sale.order = order;
    if (order.state === "awaiting_payment") {
      sale.state = "wait";
      say(order.means === "qr" ? words.waitQr : words.waitCode);
      draw();
      setTimeout(() => watch(order.order_no), 800);
      return;
    }
    const good = order.state === "paid";
    sale.state = good ? "done" : "failed";
    say(good ? words.sold : words.ended, good ? "good" : "wrong",
      good ? `${order.order_no} · ${english ? order.product_en : order.product} · ${order.people}` : order.trouble);
    const given = good && order.means === "cash" ? received() : null;
    if (given !== null) byId("status").append(element("small", `${words.change} ${yuan(given - order.total_fen)}`));
    draw();
    byId("next").focus();
    if (good) slip(order.order_no);
    mine();
  }
  async function watch(number) {
    if (sale.state !== "wait" || sale.order.order_no !== number) return;
    try {
      const order = await ask(`orders/${number}`);
      if (sale.state !== "wait" || sale.order.order_no !== number) return;
      if (order.state !== "awaiting_payment") { settle(order); return; }
      sale.order = order;
      draw();
    } catch { /* asked again below */ }
    setTimeout(() => watch(number), 1000);
  }
  async function stop() {
    if (sale.state === "scan") { sale.state = "edit"; say(""); draw(); return; }
    say(words.giveUp);
    try { await ask(`orders/${sale.order.order_no}/give-up`, {}); } catch { say(words.lost, "wrong"); }
  }
  function scan() {
    if (sale.state !== "edit" || !sale.quote) return;
    digits = "";
    sale.state = "scan";
    say(words.scan);
    draw();
    byId("status").focus();
  }
  function code(text) {
    if (sale.state === "scan" && /^1[0-5]\d{16}$/.test(text)) pay("code", text);
    else if (sale.state === "scan") say(words.scan, "wrong");
  }

  // --- the slip -----------------------------------------------------------------------------
  const slip = (number) => print(`orders/${number}/slip`, number);
  async function print(path, number) {
    let slip;
    try { slip = await ask(path); } catch (error) {
      note(error.problem ? reason(error.problem) : words.unprinted);
      return;
    }
    byId("paper").textContent = slip.lines.map((line) => (line.line === "text" ? line.text
      : line.line === "rule" ? "-".repeat(32) : "")).join("\n");
    if (!agent || agent.readyState !== WebSocket.OPEN) { note(words.unprinted); return; }
    note(words.printing);
    agent.send(JSON.stringify({ type: "print", id: number, slip }));
  }
  function note(text) {
    let line = byId("slip-note");
    if (!line || line.parentElement !== told()) {
      if (line) line.remove();
      line = element("small");
      line.id = "slip-note";
      told().append(line);
    }
    line.textContent = text;
  }
  function paper() {
    document.body.classList.add("slip");
    window.print();
    document.body.classList.remove("slip");
  }

  // --- the agent on this computer -------------------------------------------------------------
  function listen() {
    const link = new WebSocket(words.agent);
    const tell = (text, works) => {
      if (byId("agent").textContent !== text) byId("agent").textContent = text;
      byId("agent").className = works ? "tag" : "tag notice-warn";
    };
    link.addEventListener("open", () => { agent = link; });
    link.addEventListener("message", (event) => {
      const told = JSON.parse(event.data);
      if (told.type === "card") add(told.kind, told.number, told.name);
      else if (told.type === "unreadable") say(words.unreadable, "wrong");
      else if (told.type === "code") code(told.text.trim());
      else if (told.type === "state") tell(told.reader === "ready" ? words.agentOn : words.agentReader, told.reader === "ready");
      else if (told.type === "printed") note(told.status === "failed" ? `${words.unprinted} (${told.reason})` : words.printed);
    });
    link.addEventListener("close", () => {
      agent = null;
      tell(words.agentOff, false);
      setTimeout(listen, 3000);
    });
  }

  // --- a clerk's day --------------------------------------------------------------------------
  async function mine() {
    const day = await ask("sales").catch(() => null);
    if (!day) return;
    byId("drawer").textContent = yuan(day.drawer_fen);
    const means = (name) => words[`means${name[0].toUpperCase()}${name.slice(1)}`] || name;
    byId("sums").replaceChildren(...day.sums.map((one) => {
      const line = element("tr");
      const head = element("th", means(one.means));
      head.scope = "row";
      line.append(head, ...[one.orders, one.people, yuan(one.paid_fen - one.refunded_fen)].map((cell) => element("td", cell, "figure")));
      return line;
    }));
    byId("latest").replaceChildren(...(day.latest.length ? day.latest.slice(0, 6).map((one) => {
      const line = element("li", `${one.order_no} · ${yuan(one.total_fen)} · ${words[one.state] || one.state}`);
      if (one.state === "paid") {
        const button = element("button", words.reprint, "small-button");
        button.type = "button";
        button.setAttribute("aria-label", `${words.reprint} ${one.order_no}`);
        button.addEventListener("click", () => look(one.order_no));
        const back = element("button", words.giveBack, "small-button");
        back.type = "button";
        back.setAttribute("aria-label", `${words.giveBack} ${one.order_no}`);
        back.addEventListener("click", () => root.desk.back.open(one.order_no));
        line.append(button, back);
      }
      return line;
    }) : [element("li", words.none)]));
  }
  async function look(number) {
    if (!["edit", "done", "failed"].includes(sale.state) || !number) return;
    try {
      const order = await ask(`orders/${encodeURIComponent(number)}`);
      sale.order = order;
      sale.state = order.state === "paid" ? "done" : "failed";
      say(`${order.order_no} ${words[order.state] || order.state}`, order.state === "paid" ? "good" : "wrong",
        `${english ? order.product_en : order.product} · ${order.visit_date} ${order.span} · ${order.people} · ${order.holders.join(" ")}`);
      draw();
      byId("reprint").focus();
    } catch (error) {
      say(error.problem ? reason(error.problem) : words.lost, "wrong");
    }
  }

  // --- hands ----------------------------------------------------------------------------------
  // A scanner that types is caught here, wherever the focus is: while a payment code is awaited
  // every digit belongs to it.
  document.addEventListener("keydown", (event) => {
    if (sale.state === "scan" && /^\d$/.test(event.key)) {
      event.preventDefault();
      event.stopPropagation();
      digits = (digits + event.key).slice(-18);
    } else if (sale.state === "scan" && ["Enter", "Tab"].includes(event.key) && digits) {
      event.preventDefault();
      event.stopPropagation();
      const text = digits;
      digits = "";
      code(text);
    } else {
      const act = (giving() ? root.desk.back.keys : { F7: () => root.desk.back.open(), F2: () => byId("number").focus(), F4: () => byId("order").focus(), F8: () => pay("cash"),
        F9: () => offer && offer.means.includes("qr") && pay("qr"),
        F10: () => offer && offer.means.includes("code") && scan(), Escape: escape })[event.key];
      if (act && !event.repeat) { event.preventDefault(); act(); }
    }
  }, true);
  function escape() {
    if (["wait", "scan"].includes(sale.state)) stop();
    else if (["edit", "done", "failed"].includes(sale.state)) next();
  }
  const on = (id, kind, act) => byId(id).addEventListener(kind, act);
  on("typed", "submit", (event) => {
    event.preventDefault();
    const [number, name] = [byId("number"), byId("name")];
    const missing = [number, name].find((field) => !field.value.trim());
    if (missing) { missing.focus(); return; }
    add(byId("kind").value, number.value.trim().toUpperCase(), name.value.trim());
    number.value = name.value = "";
    number.focus();
  });
  on("find", "submit", (event) => { event.preventDefault(); look(byId("order").value.trim()); });
  on("received", "input", change);
  on("day", "change", () => load().then(changed, () => say(words.lost, "wrong")));
  on("product", "change", () => { slots(""); changed(); });
  on("slot", "change", changed);
  on("cash", "click", () => pay("cash"));
  on("qr", "click", () => pay("qr"));
  on("code", "click", scan);
  on("again", "click", send);
  on("next", "click", next);
  on("stop", "click", stop);
  on("reprint", "click", () => slip(sale.order.order_no));
  on("browser", "click", paper);
  // What the give-back stands on (back.js): doors, printer, words; and whether a sale can wait.
  root.desk = { ask, reason, element, yuan, fresh, print, paper, say, english, mine,
    idle: () => ["edit", "done", "failed"].includes(sale.state),
    order: () => (sale.order ? sale.order.order_no : ""),
    // What was being sold is still there; what was sold or looked up is over.
    next: () => { if (sale.state === "edit") load().catch(() => say(words.lost, "wrong")); else next(); } };
  load().catch(() => say(words.lost, "wrong"));
  mine();
  listen();
})();
