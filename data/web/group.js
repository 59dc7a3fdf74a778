// The cohort's charts (drawn when they come into view) and the table of its units.
'use strict';
(() => {
  const data = JSON.parse(document.getElementById('group-data').textContent);
  const { columns, pages } = data.table;
  const column = Object.fromEntries(columns.map((one) => [one.name, one.values]));
  const order = column.label.map((_, index) => index);

  // Plotly reads a little HTML in its texts; text from data is text.
  const plain = (text) => String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const open = (index) => { if (pages[index]) window.location.href = pages[index]; };

  function layout(extra) {
    const axis = { gridcolor: colour('line'), zeroline: false, automargin: true, fixedrange: true };
    return {
      paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
      font: { color: colour('text'), size: 13 }, margin: { l: 45, r: 10, t: 10, b: 40 },
      hoverlabel: { bgcolor: colour('page'), font: { color: colour('text') } },
      legend: { orientation: 'h', y: 1.15 }, bargap: 0.25,
      ...extra,
      xaxis: { ...axis, ...extra.xaxis }, yaxis: { ...axis, rangemode: 'tozero', ...extra.yaxis },
    };
  }

  function drawBars(place, chart) {
    const labels = chart.x.map((text, i) => plain(text) + (chart.n ? `<br>n = ${chart.n[i]}` : ''));
    const traces = chart.series.map((series, index) => ({
      type: 'bar', name: plain(series.name), x: labels, y: series.y,
      marker: {
        color: colour(series.class.toLowerCase()),
        pattern: { shape: index && series.class === chart.series[0].class ? '/' : '' },
      },
      error_y: series.low && {
        type: 'data', symmetric: false, color: colour('text'), thickness: 1,
        array: series.high.map((high, i) => high - series.y[i]),
        arrayminus: series.y.map((y, i) => y - series.low[i]),
      },
      hovertemplate: '%{x}: %{y:.4~g}<extra>%{fullData.name}</extra>',
    }));
    const several = chart.series.length > 1;
    const most = Math.max(...chart.series.flatMap((series) => series.y));
    Plotly.react(place, traces, layout({
      showlegend: several, barmode: 'group',
      xaxis: { type: 'category', title: { text: plain(chart.x_title) } },
      // Participants are whole, also where there are few of them.
      yaxis: { title: { text: plain(chart.y_title) }, dtick: most < 6 ? 1 : undefined },
    }), { displayModeBar: false, responsive: true });
  }

  function drawPoints(place, measure) {
    const [low, high] = measure.fences || [-Infinity, Infinity];
    const y = column[measure.name];
    const out = y.map((value) => value !== null && (value < low || value > high));
    const line = (value) => ({
      type: 'line', xref: 'paper', x0: 0, x1: 1, y0: value, y1: value,
      line: { color: colour('faint'), width: 1, dash: 'dash' },
    });
    const first = !place.data;
    const size = order.length < 100 ? 9 : 6;
    Plotly.react(place, [{
      type: 'scatter', mode: 'markers', x: order, y, text: column.label.map(plain),
      marker: {
        color: out.map((is) => colour(is ? 'cmb' : 'accent')),
        symbol: out.map((is) => (is ? 'diamond' : 'circle')),
        size: out.map((is) => (is ? 9 : size)), opacity: 0.75,
      },
      hovertemplate: '%{text}: %{y:.4~g}<extra></extra>',
    }], layout({
      hovermode: 'closest', shapes: measure.fences ? measure.fences.map(line) : [],
      xaxis: { title: { text: 'units' }, showticklabels: false, showgrid: false },
      yaxis: { rangemode: 'normal', tickformat: '.5~g' },
    }), { displayModeBar: false, responsive: true });
    if (first) place.on('plotly_click', (event) => open(event.points[0].pointIndex));
  }

  // Thresholds lie near 1, so the axis has their log odds.
  const odds = (p) => Math.log(p / (1 - p));
  const TICKS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 0.997];

  function drawCurve(place, curve) {
    const x = curve.threshold.map(odds);
    const colours = { precision: colour('cmb'), sensitivity: colour('accent') };
    const traces = Object.entries(colours).flatMap(([name, ink]) => [
      { type: 'scatter', mode: 'lines', x, y: curve[`${name}_low`], line: { width: 0 }, hoverinfo: 'skip', showlegend: false },
      { type: 'scatter', mode: 'lines', x, y: curve[`${name}_high`], line: { width: 0 }, fill: 'tonexty', fillcolor: `${ink}30`, hoverinfo: 'skip', showlegend: false },
      {
        type: 'scatter', mode: 'lines', name, x, y: curve[name], line: { color: ink, width: 2 },
        text: curve.threshold, hovertemplate: `%{text}: ${name} %{y:.2f}<extra></extra>`,
      },
    ]);
    traces.push({
      type: 'scatter', mode: 'lines', name: 'F1', x, y: curve.F1, text: curve.threshold,
      line: { color: colour('text'), width: 1, dash: 'dot' }, hovertemplate: '%{text}: F1 %{y:.2f}<extra></extra>',
    });
    const points = Object.entries(curve.points);
    Plotly.react(place, traces, layout({
      showlegend: true, hovermode: 'closest',
      shapes: points.map(([name, p]) => ({
        type: 'line', yref: 'paper', y0: 0, y1: 1, x0: odds(p), x1: odds(p),
        line: { color: colour('text'), width: 1.5, dash: name === 'present' ? 'dash' : 'solid' },
      })),
      annotations: points.map(([name, p], i) => ({
        x: odds(p), y: i ? 0.12 : 0.02, yref: 'paper', yanchor: 'bottom', showarrow: false, text: name, bgcolor: colour('page'),
      })),
      xaxis: { title: { text: 'threshold' }, tickvals: TICKS.map(odds), ticktext: TICKS.map(String) },
      yaxis: { range: [0, 1.02] },
    }), { displayModeBar: false, responsive: true });
  }

  const drawings = new Map();
  for (const curve of data.curves) drawings.set(curve.id, (place) => drawCurve(place, curve));
  for (const chart of data.charts) drawings.set(chart.id, (place) => drawBars(place, chart));
  for (const measure of data.measures) {
    drawings.set(`measure-${measure.name}`, (place) => drawPoints(place, measure));
  }
  const drawn = new Set();
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      drawn.add(target);
      drawings.get(target.id)(target);
    }
  }, { rootMargin: '200px' });
  // Plotly comes after this script: it is large, and the table need not wait for it.
  document.addEventListener('DOMContentLoaded', () => {
    for (const place of document.querySelectorAll('.plot')) seen.observe(place);
  });
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const place of drawn) drawings.get(place.id)(place);
  });

  // The table: a page of rows at a time, so that a large cohort stays quick.
  const ROWS = 50;
  const table = document.getElementById('unit-table');
  const find = document.getElementById('find');
  const only = document.getElementById('only-outliers');
  const previous = document.getElementById('previous');
  const next = document.getElementById('next');
  let sorted = { name: 'label', down: false };
  let start = 0;

  function compare(a, b) {
    const values = column[sorted.name];
    if (values[a] === null || values[b] === null) return (values[a] === null) - (values[b] === null);
    const difference = typeof values[a] === 'number'
      ? values[a] - values[b] : String(values[a]).localeCompare(String(values[b]));
    return sorted.down ? -difference : difference;
  }

  function cell(row, one, index) {
    const value = one.values[index];
    const box = row.appendChild(document.createElement(one.name === 'label' ? 'th' : 'td'));
    if (typeof value === 'number') box.className = 'number';
    if (one.name !== 'label') {
      box.textContent = value === null ? '–' : value;
      return;
    }
    box.scope = 'row';
    const holder = pages[index] ? box.appendChild(document.createElement('a')) : box;
    if (pages[index]) holder.href = pages[index];
    holder.textContent = value;
  }

  function show() {
    const wanted = find.value.trim().toLowerCase();
    const rows = order.filter((index) => (!only.checked || column.outliers[index])
      && column.label[index].toLowerCase().includes(wanted)).sort(compare);
    start = Math.min(start, Math.floor(Math.max(rows.length - 1, 0) / ROWS) * ROWS);
    const body = document.createElement('tbody');
    for (const index of rows.slice(start, start + ROWS)) {
      const row = body.appendChild(document.createElement('tr'));
      for (const one of columns) cell(row, one, index);
    }
    table.tBodies[0].replaceWith(body);
    const end = Math.min(start + ROWS, rows.length);
    document.getElementById('shown').textContent = rows.length
      ? `${start + 1} to ${end} of ${rows.length} units` : 'no such unit';
    previous.disabled = start === 0;
    next.disabled = end === rows.length;
    for (const head of table.tHead.rows[0].cells) {
      const own = head.dataset.name === sorted.name;
      head.setAttribute('aria-sort', own ? (sorted.down ? 'descending' : 'ascending') : 'none');
    }
  }

  for (const one of columns) {
    const head = table.tHead.rows[0].appendChild(document.createElement('th'));
    head.scope = 'col';
    head.dataset.name = one.name;
    const button = head.appendChild(document.createElement('button'));
    button.type = 'button';
    button.textContent = one.title;
    button.addEventListener('click', () => {
      sorted = { name: one.name, down: sorted.name === one.name && !sorted.down };
      start = 0;
      show();
    });
  }
  const again = () => { start = 0; show(); };
  find.addEventListener('input', again);
  only.addEventListener('change', again);
  previous.addEventListener('click', () => { start -= ROWS; show(); });
  next.addEventListener('click', () => { start += ROWS; show(); });
  show();
})();
