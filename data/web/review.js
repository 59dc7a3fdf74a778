// Review of lesions: each is accepted, rejected or relabelled. The state stays in the browser
// (localStorage) until it is saved as a table.
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('review-data').textContent);
  const key = `deepmir ${data.unit} ${data.fingerprint}`;
  const cards = [...document.querySelectorAll('article.lesion')];
  const reader = document.getElementById('reader');
  const state = restore();

  function restore() {
    const before = Object.fromEntries(data.review.map((row) => [row.index, {
      choice: row.verdict === 'relabelled' ? row.reviewed_class : row.verdict,
      comment: row.comment || '',
      reader: row.reader || '',
    }]));
    try {
      return JSON.parse(localStorage.getItem(key)) || before;
    } catch {
      return before; // storage may be forbidden for local files
    }
  }

  function remember() {
    try {
      localStorage.setItem(key, JSON.stringify(state));
    } catch {
      // nothing is lost as long as the page stays open
    }
  }

  function entry(index) {
    state[index] = state[index] || { choice: null, comment: '' };
    return state[index];
  }

  function judge(index, choice) {
    const row = data.rows.find((one) => one.index === index);
    entry(index).choice = choice === row.class ? 'accepted' : choice;
    entry(index).reader = reader.value.trim();
    remember();
    show();
  }

  function comment(index, text) {
    entry(index).comment = text;
    remember();
  }

  function show() {
    for (const card of cards) {
      const { choice, comment: text } = state[card.dataset.index] || { choice: null, comment: '' };
      for (const radio of card.querySelectorAll('input[type=radio]')) {
        radio.checked = radio.value === choice;
      }
      const field = card.querySelector('.comment input');
      if (document.activeElement !== field) field.value = text;
      card.classList.toggle('judged', Boolean(choice));
      card.classList.toggle('rejected', Boolean(choice) && choice !== 'accepted');
      card.querySelector('.state').textContent = choice || '';
    }
    const counted = data.rows.slice(0, data.counted);
    const judged = counted.filter((row) => state[row.index]?.choice).length;
    const candidates = data.rows.slice(data.counted);
    const further = candidates.filter((row) => state[row.index]?.choice).length;
    document.getElementById('review-progress').textContent =
      `${judged} of ${data.counted} lesions judged, ${further} of ${candidates.length} candidates`;
  }

  // The words of the table: see data/review_columns.json.
  function verdict(row) {
    const choice = state[row.index]?.choice;
    if (!choice) return ['n/a', 'n/a'];
    if (choice === 'accepted') return ['accepted', row.class];
    if (choice === 'rejected') return ['rejected', 'n/a'];
    return ['relabelled', choice];
  }

  function table() {
    const plain = (text) => (text || '').replace(/\s+/g, ' ').trim() || 'n/a';
    const lines = [data.columns];
    for (const row of data.rows) {
      const { comment: text, reader: who } = state[row.index] || {};
      lines.push([row.index, row.name, row.class, ...verdict(row), plain(text),
        row.x, row.y, row.z, state[row.index]?.choice ? plain(who) : 'n/a']);
    }
    return lines.map((line) => line.join('\t') + '\n').join('');
  }

  function save() {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([table()], { type: 'text/tab-separated-values' }));
    link.download = data.file;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function current() {
    return document.activeElement?.closest('article.lesion');
  }

  function move(step) {
    const visible = cards.filter((card) => card.offsetParent);
    const at = visible.indexOf(current());
    const next = visible[Math.min(Math.max(at + step, 0), visible.length - 1)];
    next?.focus();
    next?.scrollIntoView({ block: 'center' });
  }

  function press(event) {
    const typing = event.target.matches('input[type=text], select, textarea');
    if (typing && (event.key === 'Enter' || event.key === 'Escape')) {
      current()?.focus();
      return;
    }
    const off = !document.getElementById('shortcuts').checked;
    if (typing || off || event.ctrlKey || event.metaKey || event.altKey) return;
    // Arrows belong to radio buttons, sliders and the viewer while one of them has the focus.
    const arrows = !event.target.matches('input, canvas');
    const index = Number(current()?.dataset.index);
    const label = data.labels[Number(event.key) - 1];
    const actions = {
      j: () => move(1),
      k: () => move(-1),
      ArrowRight: arrows && (() => move(1)),
      ArrowLeft: arrows && (() => move(-1)),
      s: save,
      o: () => document.getElementById('outlines').click(),
      a: index && (() => judge(index, 'accepted')),
      r: index && (() => judge(index, 'rejected')),
      c: index && (() => current().querySelector('.comment input').focus()),
      v: index && (() => current().querySelector('.show').click()),
    };
    const action = (label && index) ? () => judge(index, label) : actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  for (const card of cards) {
    const index = Number(card.dataset.index);
    card.addEventListener('change', (event) => {
      if (event.target.type === 'radio') judge(index, event.target.value);
    });
    card.querySelector('.comment input').addEventListener('input', (event) => {
      comment(index, event.target.value);
    });
    card.querySelector('.clear').addEventListener('click', () => judge(index, null));
    card.querySelector('.show').addEventListener('click', () => {
      const { x, y, z } = data.rows.find((row) => row.index === index);
      document.dispatchEvent(new CustomEvent('deepmir-show', { detail: { index, mm: [x, y, z] } }));
    });
  }
  // Readers keep their name, on every page of theirs.
  try {
    reader.value = localStorage.getItem('deepmir reader') || '';
  } catch {
    // storage may be forbidden for local files
  }
  reader.addEventListener('input', () => {
    try {
      localStorage.setItem('deepmir reader', reader.value);
    } catch {
      // it is told anew on each page
    }
  });
  document.addEventListener('keydown', press);
  document.getElementById('review-save').addEventListener('click', save);
  document.getElementById('review-file').textContent = data.file;
  document.getElementById('outlines').addEventListener('change', (event) => {
    document.body.classList.toggle('plain', !event.target.checked);
  });
  document.getElementById('unseen').addEventListener('change', (event) => {
    document.body.classList.toggle('unseen', event.target.checked);
  });
  show();
})();
