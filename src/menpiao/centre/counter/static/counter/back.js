"use strict";
// Giving tickets back: find the order, choose, see the sum, confirm, pay out. Stands on counter.js.
(() => {
  const root = document.getElementById("counter");
  const byId = (id) => document.getElementById(id);
  const { ask, reason, element, yuan, fresh, print, paper, say, english } = root.desk;
  const words = byId("back").dataset;
  const means = (name) => root.dataset[`means${name[0].toUpperCase()}${name.slice(1)}`] || name;

  // state: find · choose · confirm · busy · lost (nobody knows whether it was done) · done
  const back = { state: "find", view: null, chosen: new Set(), fen: null, token: "", asked: null, made: null };
  let quoteNo = 0, findNo = 0;
  const isOpen = () => !byId("back").hidden;
  const number = () => back.view.order.order_no;
  const toLook = (error) => (error.problem ? reason(error.problem) : words.lost);

  // --- drawing ------------------------------------------------------------------------------
  function draw() {
    const { state, view } = back;
    byId("back-find").hidden = state !== "find";
    byId("back-order").hidden = !view || state === "find";
    byId("back-close").hidden = ["busy", "lost"].includes(state);
    byId("back-choosing").hidden = state !== "choose";
    byId("back-confirm").hidden = state !== "confirm";
    byId("back-again").hidden = state !== "lost";
    byId("back-next").hidden = byId("back-print").hidden = byId("back-browser").hidden = state !== "done";
    byId("back-go").disabled = back.fen === null;
    byId("back-sum").textContent = back.fen === null ? "–" : yuan(back.fen);
    byId("back-way").textContent = back.fen ? way(view.order) : "";
    if (!view) return;
    const { order } = view;
    byId("back-title").textContent = `${order.order_no} · ${english ? order.product_en : order.product}`;
    byId("back-facts").textContent = [order.visit_date, order.span, `× ${order.people}`, `${yuan(order.total_fen)} ${means(order.means)}`,
      root.dataset[order.state] || order.state].join(" · ");
    byId("back-tickets").replaceChildren(...view.tickets.map(row));
    byId("back-all").hidden = view.tickets.filter((one) => one.refund_fen !== null).length < 2;
    byId("back-rule").replaceChildren(...rule(view.rule));
    byId("back-made").replaceChildren(...view.refunds.map(made));
    // Beside the status, which the next sum overwrites: money that is missing stays in sight.
    const held = view.refunds.filter(stopped);
    byId("back-stopped").hidden = !held.length;
    byId("back-stopped").replaceChildren(...(held.length ? [words.stopped,
      element("small", words.stoppedMore.replace("{numbers}", held.map((one) => one.refund_no).join(" ")))] : []));
  }
  const stopped = (one) => ["abnormal", "closed"].includes(one.state);
  const way = (order) => (order.means === "cash" ? words.cash : words.provider);
  function row(one) {
    const item = element("li");
    const who = element("span", `${one.holder}${one.people > 1 ? ` × ${one.people}` : ""}`, "who");
    who.append(element("small", `${one.ticket_no} · ${yuan(one.price_fen)} ${english ? one.reason_en : one.reason_zh}`));
    if (one.refund_fen === null) {
      item.append(who, element("span", english ? one.refused_en : one.refused_zh, "tag tag-quiet"));
      return item;
    }
    if (back.state === "done") { item.append(who); return item; }
    const label = element("label", undefined, "check");
    const tick = element("input");
    tick.type = "checkbox";
    tick.value = one.ticket_no;
    tick.checked = back.chosen.has(one.ticket_no);
    tick.disabled = back.state !== "choose";
    tick.addEventListener("change", () => {
      if (tick.checked) back.chosen.add(one.ticket_no); else back.chosen.delete(one.ticket_no);
      quote();
    });
    label.append(tick, who);
    item.append(label, element("strong", `${words.returns} ${yuan(one.refund_fen)}`, "price"));
    return item;
  }
  function rule(steps) {
    if (!steps.length) return [element("li", words.never)];
    const lines = steps.map((step) => {
      const share = step.percent === 100 ? words.whole : words.share.replace("{share}", `${step.percent}%`);
      const line = element("li", words.until.replace("{when}", step.until) + share);
      if (step.now) line.append(" ", element("strong", words.now, "tag"));
      return line;
    });
    return [...lines, element("li", words.after)];
  }
  function made(one) {
    const state = { requested: words.waits, submitted: words.waits, done: words.done, replaced: words.replaced }[one.state] || words.stopped;
    const item = element("li", `${one.refund_no} · ${yuan(one.amount_fen)} · ${state}`);
    if (one.here) item.append(small(words.reprint, one.refund_no, () => slip(one.refund_no)));
    return item;
  }
  function small(text, about, act) {
    const button = element("button", text, "small-button");
    button.type = "button";
    button.setAttribute("aria-label", `${text} ${about}`);
    button.addEventListener("click", act);
    return button;
  }

  // --- finding ------------------------------------------------------------------------------
  function open(order = "") {
    if (isOpen() || !root.desk.idle()) return;
    byId("selling").hidden = true;
    byId("back").hidden = false;
    if (!byId("back-day").value) byId("back-day").value = byId("day").min;
    start();
    if (order) show(order); else byId("back-number").focus();
  }
  function close() {
    byId("back").hidden = true;
    byId("selling").hidden = false;
    root.desk.next();
  }
  function start() {
    Object.assign(back, { state: "find", view: null, chosen: new Set(), fen: null, asked: null, made: null });
    ++findNo; ++quoteNo;
    for (const id of ["back-number", "back-phone", "back-document"]) byId(id).value = "";
    byId("back-found").replaceChildren();
    say("");
    draw();
  }
  async function find(asked) {
    const mine = ++findNo;
    byId("back-found").replaceChildren();
    say(words.finding);
    try {
      const { orders } = await ask("finds", asked);
      if (mine !== findNo || back.state !== "find" || !isOpen()) return;
      say("");
      if (orders.length === 1) { show(orders[0].order_no); return; }
      byId("back-found").replaceChildren(...orders.map((one) => {
        const item = element("li", `${one.order_no} · ${english ? one.product_en : one.product} · ${one.visit_date} ${one.span} · ${one.holders.join(" ")} · ${yuan(one.total_fen)}`);
        item.append(small(words.choose, one.order_no, () => show(one.order_no)));
        return item;
      }));
      byId("back-found").querySelector("button").focus();
    } catch (error) {
      if (mine === findNo) say(toLook(error), "wrong");
    }
  }
  async function show(order) {
    const mine = ++findNo;
    try {
      const view = await ask(`orders/${encodeURIComponent(order)}/refunds`);
      if (mine !== findNo || !isOpen()) return;
      Object.assign(back, { state: "choose", view, chosen: new Set(), fen: null, asked: null, made: null });
      const offered = view.tickets.filter((one) => one.refund_fen !== null);
      const waits = view.refunds.some((one) => ["requested", "submitted"].includes(one.state));
      if (waits) say(words.busy);
      else if (!offered.length) say(words.nothing, "wrong");
      else say("");
      if (offered.length === 1) back.chosen.add(offered[0].ticket_no);
      await quote();
      (byId("back-tickets").querySelector("input") || byId("back-close")).focus();
    } catch (error) {
      if (mine === findNo) say(toLook(error), "wrong");
    }
  }
  function card(kind, text) {
    if (["choose", "done"].includes(back.state)) start();
    if (back.state === "find") find({ document_type: kind, number: text });
  }

  // --- the sum ------------------------------------------------------------------------------
  async function quote() {
    const mine = ++quoteNo;
    back.fen = null;
    // Other tickets are another act, and another key of it.
    back.token = fresh();
    draw();
    if (!back.chosen.size) return;
    try {
      const told = await ask(`orders/${number()}/refund-quotes`, { tickets: [...back.chosen] });
      if (mine !== quoteNo || back.state !== "choose") return;
      back.fen = told.refund_fen;
      say("");
    } catch (error) {
      if (mine !== quoteNo) return;
      say(toLook(error), "wrong");
    }
    draw();
    const found = [...byId("back-tickets").querySelectorAll("input")].find((one) => one.value === back.last);
    if (found) found.focus();
  }
  function go() {
    if (back.state !== "choose" || back.fen === null) return;
    back.state = "confirm";
    byId("back-question").textContent = words.question.replace("{count}", String(back.chosen.size))
      .replace("{sum}", `${yuan(back.fen)}${back.fen ? ` ${way(back.view.order)}` : ""}`);
    draw();
    // Not on the button that does it: a key that bounces must not give money away.
    byId("back-question").focus();
  }
  function choose() {
    back.state = "choose";
    draw();
    byId("back-go").focus();
  }
  function confirm() {
    if (back.state !== "confirm") return;
    back.asked = { tickets: [...back.chosen], token: back.token, expected_fen: back.fen };
    send();
  }
  async function send() {
    back.state = "busy";
    say(words.giving);
    draw();
    try {
      settle(await ask(`orders/${number()}/refunds`, back.asked));
    } catch (error) {
      const knows = error.problem && error.problem.code !== "busy";
      back.state = knows ? "choose" : "lost";
      if (knows) {
        await show(number());
        say(reason(error.problem), "wrong");
        return;
      }
      say(words.unknown, "wrong");
      draw();
      byId("back-again").focus();
    }
  }
  function settle(view) {
    Object.assign(back, { view, state: "done", made: view.refund });
    tell();
    draw();
    byId("back-next").focus();
    if (back.made) slip(back.made.refund_no);
    root.desk.mine();
  }
  function tell() {
    const { made: one, view } = back;
    const waits = one && ["requested", "submitted"].includes(one.state);
    if (one && stopped(one)) say(words.given, "wrong", words.stopped);
    else if (waits) say(words.waits, "", words.waitsMore);
    else if (one && one.amount_fen && view.order.means === "cash") say(`${words.pay} ${yuan(one.amount_fen)}`, "good", words.given);
    else say(words.given, "good", one && one.amount_fen ? `${words.repaid} ${yuan(one.amount_fen)}` : words.free);
    if (waits) setTimeout(() => watch(number(), one.refund_no), 1000);
  }
  async function watch(order, refund) {
    const same = () => isOpen() && back.state === "done" && back.made && back.made.refund_no === refund;
    if (!same()) return;
    try {
      const view = await ask(`orders/${order}/refunds`);
      if (!same()) return;
      const now = view.refunds.find((one) => one.refund_no === refund);
      if (now && now.state !== back.made.state) {
        Object.assign(back, { view, made: now });
        tell();
        draw();
        return;
      }
    } catch { /* asked again below */ }
    setTimeout(() => watch(order, refund), 1000);
  }
  const slip = (refund) => print(`orders/${number()}/refunds/${refund}/slip`, refund);

  // --- hands --------------------------------------------------------------------------------
  function escape() {
    if (back.state === "confirm") choose();
    else if (back.state === "choose") { start(); byId("back-number").focus(); }
    else if (["find", "done"].includes(back.state)) close();
  }
  const on = (id, kind, act) => byId(id).addEventListener(kind, act);
  const fields = { "back-number": () => ({ order_no: byId("back-number").value.trim() }),
    "back-document": () => ({ document_type: byId("back-kind").value, number: byId("back-document").value.trim().toUpperCase() }),
    "back-phone": () => ({ phone_end: byId("back-phone").value.replace(/\s/g, ""), day: byId("back-day").value || null }) };
  on("back-find", "submit", (event) => {
    event.preventDefault();
    // The field one stands in, else the first that says something.
    const said = Object.keys(fields).filter((id) => byId(id).value.trim());
    const chosen = said.includes(document.activeElement.id) ? document.activeElement.id : said[0];
    if (!chosen) { byId("back-number").focus(); return; }
    find(fields[chosen]());
  });
  for (const id of Object.keys(fields)) on(id, "input", () => {
    for (const other of Object.keys(fields)) if (other !== id) byId(other).value = "";
  });
  on("back-tickets", "change", (event) => { back.last = event.target.value; });
  on("back-all", "click", () => {
    back.chosen = new Set(back.view.tickets.filter((one) => one.refund_fen !== null).map((one) => one.ticket_no));
    quote();
  });
  on("back-open", "click", () => open());
  on("give-back", "click", () => open(root.desk.order()));
  on("back-close", "click", escape);
  on("back-go", "click", go);
  on("back-no", "click", choose);
  on("back-yes", "click", confirm);
  on("back-again", "click", send);
  on("back-next", "click", close);
  on("back-print", "click", () => back.made && slip(back.made.refund_no));
  on("back-browser", "click", paper);
  root.desk.back = { isOpen, open, card, keys: {
    F2: () => { if (back.state === "find") byId("back-document").focus(); },
    F4: () => { if (back.state === "find") byId("back-number").focus(); },
    F7: () => {}, F8: go, F9: confirm, F10: () => {}, Escape: escape,
  } };
  byId("back-open").disabled = false;
})();
