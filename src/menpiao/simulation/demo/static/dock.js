/* Asks for the state once a second, and puts it where it belongs. */
const lang = document.body.dataset.lang;
const byId = (id) => document.getElementById(id);
const pulses = new Map();
let last = null;
let hurry = 0;

const make = (tag, text, kind) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
};
/* Rebuild a list only when what it shows has changed: focus and scrolling stay where they are. */
const keep = (place, shown, fill) => {
  const text = JSON.stringify(shown);
  if (place.dataset.shown === text) return;
  place.dataset.shown = text;
  place.replaceChildren(...fill(shown));
};
const link = (text, href) => {
  const made = make('a', text);
  made.href = href;
  made.target = '_blank';
  made.rel = 'noopener';
  return made;
};
const reader = () => document.querySelector('input[name=reader]:checked').value;

function showPart(box, state) {
  box.dataset.level = state.level;
  box.querySelector(':scope > .state').textContent = state.text;
  box.querySelector(':scope > .proof').textContent = state.proof;
  const name = box.querySelector(':scope > .name');
  if (state.link) { name.href = state.link; name.target = '_blank'; name.rel = 'noopener'; }
  else name.removeAttribute('href');
  const before = pulses.get(box.dataset.part);
  if (before !== undefined && state.pulse > before) {
    box.classList.add('moved');
    setTimeout(() => box.classList.remove('moved'), 900);
  }
  pulses.set(box.dataset.part, state.pulse);
}

function show(state) {
  last = state;
  for (const box of document.querySelectorAll('[data-part]')) {
    const found = state.parts[box.dataset.part];
    if (found) showPart(box, found);
  }
  const screen = byId('screen');
  const view = state.screen;
  screen.dataset.signal = view ? view.signal : 'caution';
  screen.querySelector('b').textContent = view ? view.words : '—';
  screen.querySelector('span').textContent = view ? [view.holder, view.since, view.next].filter(Boolean).join(' · ') : '';
  const laid = state.readers[reader()].card;
  const card = state.cards.find((one) => one.key === laid);
  const plate = byId('on-reader');
  plate.textContent = card ? `${card.who} ${card.name}` : plate.dataset.empty;
  plate.parentElement.classList.toggle('laid', Boolean(card));
  byId('lift').hidden = !card;
  keep(byId('tray'), state.cards, (cards) => cards.map((one) => {
    const button = make('button', undefined, 'id-card');
    button.type = 'button';
    button.dataset.card = one.key;
    button.append(make('b', one.who), make('small', one.name), make('small', one.kind));
    return button;
  }));
  for (const one of document.querySelectorAll('[data-card]')) {
    one.setAttribute('aria-pressed', String(one.dataset.card === laid));
  }
  const slips = Object.entries(state.readers).flatMap(([where, one]) => one.slips.map((number) => `/slips/${where}/${number}.png`));
  keep(byId('slips'), slips, (sources) => sources.map((source) => {
    const image = make('img');
    image.src = source;
    image.alt = byId('slips').dataset.alt;
    return image;
  }));
  keep(byId('messages'), state.messages, (all) => all.map((one) => {
    const item = make('li');
    item.append(make('span', one.text, 'bubble'), link(one.number, one.link));
    return item;
  }));
  keep(byId('unpaid'), state.unpaid, (all) => all.map((one) => {
    const item = make('li');
    item.append(make('span', `${one.text} · ¥${one.yuan}`), link(byId('unpaid').dataset.pay, one.link));
    return item;
  }));
  const wrong = [...state.troubles[''], ...state.troubles[reader()], ...state.troubles.gate.filter((one) => one === 'cable')];
  for (const one of document.querySelectorAll('[data-trouble]')) {
    one.setAttribute('aria-pressed', String(wrong.includes(one.dataset.trouble)));
  }
  const filled = { slips: slips.length, messages: state.messages.length, unpaid: state.unpaid.length };
  for (const hint of document.querySelectorAll('[data-none]')) hint.hidden = filled[hint.dataset.none] > 0;
  for (const count of document.querySelectorAll('[data-count]')) count.textContent = state.crowd[count.dataset.count];
  const rate = byId('rate');
  if (state.crowd.rate && document.activeElement !== rate) {
    rate.value = state.crowd.rate;
    byId('rate-now').textContent = state.crowd.rate;
  }
  const button = byId('crowd');
  button.textContent = state.crowd.rate ? button.dataset.stop : button.dataset.start;
  button.setAttribute('aria-pressed', String(state.crowd.rate > 0));
}

async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch(`/state.json?lang=${lang}`, { cache: 'no-store' });
    show(await answer.json());
    byId('gone').hidden = true;
  } catch (gone) {
    byId('gone').hidden = false;
  }
}
async function act(path, body) {
  await fetch(path, { method: 'POST', body: JSON.stringify(body ?? {}) });
  hurry = 12;
  await look();
}
async function live() {
  await look();
  if (hurry > 0) hurry -= 1;
  setTimeout(live, hurry > 0 ? 300 : 1000);
}

document.addEventListener('click', (event) => {
  const card = event.target.closest('[data-card]');
  if (card) act('/bench/lay', { reader: reader(), card: card.dataset.card });
  const trouble = event.target.closest('[data-trouble]');
  if (trouble) act('/bench/trouble', { reader: reader(), kind: trouble.dataset.trouble });
});
byId('lift').addEventListener('click', () => act('/bench/lift', { reader: reader() }));
byId('people').addEventListener('click', () => act('/bench/people'));
byId('rate').addEventListener('input', (event) => { byId('rate-now').textContent = event.target.value; });
byId('rate').addEventListener('change', (event) => {
  if (last && last.crowd.rate) act('/crowd', { rate: Number(event.target.value) });
});
byId('crowd').addEventListener('click', () => {
  act('/crowd', { rate: last && last.crowd.rate ? 0 : Number(byId('rate').value) });
});
live();
