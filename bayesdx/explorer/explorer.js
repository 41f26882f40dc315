/* The explorer's front end: draws the state that Python computes, and asks for the next one.

   It knows a transport of two functions, send(request) and listen(receive), and nothing of notebooks or servers.
   Every text goes through textContent. Variables and states are named by their position. */

const PARTS = ["why", "next", "intervals"]; // in the order in which they are asked for
const NOTHING = "None of the modelled causes";
const FLAGS_IN_SIGHT = 3; // more may have to be scrolled, so that their number is told above them

const FOCUSED = ["button", "input", "select", "summary", "textarea"];

/* An element with properties, attributes (names with a hyphen, and role) and children.

   What can have the focus is marked, so that keys pressed on it are not taken for JupyterLab's commands. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  if (FOCUSED.includes(tag)) element.setAttribute("data-lm-suppress-shortcuts", "true");
  element.append(...children);
  return element;
}

function button(text, label, act) {
  const made = make("button", { type: "button", textContent: text, title: label });
  made.addEventListener("click", act);
  return made;
}

function percent(share) {
  return `${(100 * Math.max(0, Math.min(1, share))).toFixed(2)}%`;
}

/* Show the explorer in an element. Returns a function that ends it. */
export function show(host, transport) {
  const view = `bdx${crypto.getRandomValues(new Uint32Array(2)).join("")}`; // other widgets of the page load this module anew
  const rows = new Map(); // position of a variable -> its row of findings
  const lines = new Map(); // cause -> its row of the differential
  let catalogue = null;
  let state = null;
  let parts = {};
  let asked = "";
  let sent = 0;
  let latest = ""; // the last action asked for here; what comes before its reply is out of date

  const root = make("div", { className: "bdx-explorer", role: "region", "aria-label": "bayesdx explorer" });
  const ask = (request) => {
    const id = `${view}.${++sent}`;
    if (request.do !== "part" && request.do !== "find") latest = id; // these make no step
    transport.send({ id, ...request });
  };

  // --- the part that never scrolls: title, tools, red flags, messages, the leading causes on a narrow screen
  const title = make("h2", { className: "bdx-title" });
  const population = make("select", { "aria-label": "Population" });
  population.addEventListener("change", () => ask({ do: "population", name: population.value }));
  const cases = make("select", { "aria-label": "Load a published case" });
  cases.addEventListener("change", () => {
    if (cases.value !== "") ask({ do: "load", case: Number(cases.value) });
    cases.value = "";
  });
  const undo = button("Undo", "Take the last step back (Ctrl+Z)", () => ask({ do: "undo" }));
  const reset = button("Reset", "Take all findings back", () => ask({ do: "reset" }));
  const pin = button("Pin", "Pin this scenario and compare what follows with it", () =>
    ask({ do: state && state.pinned ? "unpin" : "pin" }));
  const code = button("Copy code", "Copy this case as Python code", () => copy(state.code));
  const save = button("Export", "Save the findings as a JSON file", () => download(state.document));
  const tools = make("div", { className: "bdx-tools", role: "toolbar", "aria-label": "Scenario" },
    undo, reset, pin, code, save, population, cases);
  const choices = make("div", { className: "bdx-choices" });
  const setting = make("div", { className: "bdx-setting", role: "group", "aria-label": "Setting", hidden: true },
    make("p", { textContent: "Where is this patient seen?" }), choices);
  const flags = make("div", { className: "bdx-flags", role: "alert" });
  const message = make("div", { className: "bdx-message", role: "alert", hidden: true });
  const clip = make("div", { className: "bdx-clip", hidden: true });
  const leading = make("div", { className: "bdx-leading", "aria-hidden": "true" });
  const spoken = make("div", { className: "bdx-hidden", role: "status", "aria-live": "polite" });
  const top = make("header", { className: "bdx-top" }, title, tools, setting, flags, message, clip, leading, spoken);

  // --- findings
  const search = make("input", {
    type: "search", placeholder: "Search findings  ( / )", "aria-label": "Search findings", autocomplete: "off",
  });
  const given = make("input", { type: "checkbox" });
  const matches = make("span", { className: "bdx-note", role: "status" });
  const list = make("div", { className: "bdx-list" });
  const findings = make("section", { className: "bdx-findings", "aria-label": "Findings" },
    make("div", { className: "bdx-search" }, search,
      make("label", { className: "bdx-given" }, given, document.createTextNode(" given only")), matches),
    list);
  search.addEventListener("input", () => filter());
  given.addEventListener("change", () => filter());

  // --- results
  const panel = (name, opened = true) => {
    const body = make("div", { className: "bdx-content" });
    const made = make("details", { className: "bdx-panel", open: opened },
      make("summary", {}, make("h3", { textContent: name })), body);
    return [made, body];
  };
  const table = make("ol", { className: "bdx-lines" });
  const heads = make("div", { className: "bdx-line bdx-heads", "aria-hidden": "true" },
    make("span", { textContent: "cause" }), make("span", { textContent: "now" }), make("span"),
    make("span", { className: "bdx-head-last", textContent: "change" }), make("span"));
  const under = make("p", { className: "bdx-note" });
  const differing = make("div", { className: "bdx-differing" });
  const [differential, differentialBody] = panel("Differential");
  differentialBody.append(heads, table, under, differing);
  const [why, whyBody] = panel("Why");
  const [next, nextBody] = panel("What to find out next");
  const [sets, setsBody] = panel("Most probable sets of causes");
  const [care, careBody] = panel("Steps of care", false);
  const results = make("section", { className: "bdx-results", "aria-label": "Results" },
    differential, why, next, sets, care);
  for (const one of [why, next]) one.addEventListener("toggle", pull);

  const notice = make("footer", { className: "bdx-note bdx-notice" });
  const body = make("div", { className: "bdx-body" }, findings, results);
  root.append(top, body, notice);
  host.replaceChildren(root);

  // --- asking and receiving
  function receive(reply) {
    if (reply.found) {
      if (reply.words === search.value) filter(new Set(reply.found));
      return;
    }
    if (reply.catalogue) drawCatalogue(reply.catalogue);
    if (reply.error !== undefined || (reply.id && reply.state)) say(reply.error || "");
    if (reply.state && catalogue) {
      if (reply.id && reply.id.startsWith(`${view}.`) && reply.id !== latest) return;
      if (state && reply.state.step < state.step) return;
      state = reply.state;
      parts = state.parts;
      asked = "";
      drawState();
      afterPaint(pull);
    } else if (reply.part) {
      asked = "";
      if (reply.step === state.step && reply.value) {
        parts[reply.part] = reply.value;
        drawParts();
      }
      afterPaint(pull);
    }
  }

  /* Ask for the next part that an open panel lacks; one at a time, so that a click never waits for all of them. */
  function pull() {
    if (!state || !root.isConnected) return;
    const needed = PARTS.filter((name) => !parts[name] && (name === "intervals" || { why, next }[name].open));
    if (!needed.length) root.dataset.settled = String(state.step);
    else if (asked !== `${needed[0]} ${state.step}`) {
      asked = `${needed[0]} ${state.step}`;
      ask({ do: "part", part: needed[0], step: state.step });
    }
  }

  function afterPaint(act) {
    requestAnimationFrame(() => setTimeout(act, 0));
  }

  function say(text) {
    message.textContent = text;
    message.hidden = !text;
  }

  async function copy(text) {
    const area = make("textarea", { readOnly: true, value: text, rows: Math.min(8, text.split("\n").length) });
    area.setAttribute("aria-label", "This case as Python code");
    let done = "Press Ctrl+C to copy.";
    const close = button("Close", "Close the code", () => { clip.hidden = true; code.focus(); });
    const told = make("span", { className: "bdx-note", role: "status" });
    clip.replaceChildren(area, make("div", {}, close, document.createTextNode(" "), told));
    clip.hidden = false;
    area.focus();
    area.select();
    try {
      await navigator.clipboard.writeText(text);
      done = "Copied.";
    } catch (refused) {
      done = `Press Ctrl+C to copy (${refused.name}).`; // the browser lets no page write there; the text is selected
    }
    told.textContent = done;
  }

  function download(text) {
    const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    const link = make("a", { href: address, download: `${catalogue.model.name}_findings.json` });
    root.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  }

  // --- findings: drawn once, then only checked and unchecked, so that the focus stays
  function drawCatalogue(told) {
    catalogue = told;
    title.textContent = told.model.title;
    title.title = `${told.model.name} ${told.model.version} ${told.model.hash}`;
    population.replaceChildren(...told.populations.map((one) => make("option", { value: one.name, textContent: one.title })));
    population.hidden = told.populations.length < 2;
    choices.replaceChildren(...told.populations.map((one) => {
      const made = button(one.title, one.description || one.title, () => ask({ do: "population", name: one.name }));
      made.name = one.name;
      return made;
    }));
    cases.replaceChildren(make("option", { value: "", textContent: "Load a case …" }),
      ...told.cases.map((one, place) => make("option", { value: String(place), textContent: one.title })));
    cases.hidden = !told.cases.length;
    rows.clear();
    list.replaceChildren(...told.sections.map(drawSection));
    notice.textContent = told.not_for;
    notice.title = told.entry;
  }

  function drawSection(section) {
    const count = make("span", { className: "bdx-count" });
    const made = make("details", { className: "bdx-section", open: section.open },
      make("summary", {}, make("h3", { textContent: section.title }), count));
    const held = [];
    for (const group of section.groups) {
      const box = make("div", { className: "bdx-group" });
      if (group.title) box.append(make("h4", { textContent: group.title }));
      for (const variable of group.variables) {
        const row = drawVariable(variable, made);
        held.push(row);
        box.append(row.element);
      }
      made.append(box);
    }
    made.held = held;
    made.count = count;
    return made;
  }

  function drawVariable(variable, section) {
    const name = `${view}-${variable.index}`;
    const note = make("span", { className: "bdx-finding-note" });
    const options = [["–", "not asked", null], ["?", "unknown", "unknown"],
      ...variable.states.map((label, place) => [label, label, place])];
    const inputs = options.map(([, label, value]) => {
      const input = make("input", { type: "radio", name, "aria-label": label });
      input.addEventListener("change", () => ask({ do: "set", index: variable.index, state: value }));
      return input;
    });
    const segments = make("div", { className: "bdx-segments" },
      ...options.map(([text, label], place) =>
        make("label", { className: "bdx-segment", title: label }, inputs[place],
          make("span", { textContent: text, "aria-hidden": "true" }))));
    const element = make("div", { className: "bdx-variable", role: "radiogroup", "aria-label": variable.label,
      "aria-description": variable.definition },
      make("span", { className: "bdx-label", textContent: variable.label, title: variable.definition }, note), segments);
    if (variable.number) {
      const number = make("input", { type: "text", inputMode: "decimal", className: "bdx-number", placeholder: variable.number,
        title: variable.number, "aria-label": variable.number });
      number.addEventListener("change", () => ask({ do: "set", index: variable.index, number: number.value }));
      segments.append(number);
    }
    const text = [variable.label, variable.definition, ...variable.states, variable.words].join(" ").toLowerCase();
    const row = { element, inputs, segments, note, text, section, finding: null, states: variable.states,
      index: variable.index, number: segments.querySelector(".bdx-number") };
    element.querySelector(".bdx-label").append(note);
    rows.set(variable.index, row);
    return row;
  }

  /* Show the rows whose text holds every word; where none does, those that Python finds in another spelling. */
  function filter(found = null) {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const section of list.children) {
      let some = false;
      for (const row of section.held) {
        const named = found ? found.has(row.index) : words.every((word) => row.text.includes(word));
        const fits = named && (!given.checked || row.finding);
        row.element.hidden = !fits;
        some ||= fits;
        shown += fits;
      }
      for (const group of section.querySelectorAll(".bdx-group")) {
        group.hidden = !group.querySelector(".bdx-variable:not([hidden])");
      }
      section.hidden = !some;
      if (some && (words.length || given.checked)) section.open = true;
    }
    matches.textContent = words.length || given.checked ? `${shown} of ${rows.size}` : "";
    if (!shown && !found && words.length) ask({ do: "find", words: search.value });
  }

  function drawFindings() {
    const known = new Map(state.findings.map((finding) => [finding.index, finding]));
    for (const [index, row] of rows) {
      const finding = known.get(index) || null;
      row.finding = finding;
      const chosen = !finding ? 0 : !finding.possible.length ? 1 : finding.exact ? finding.possible[0] + 2 : -1;
      row.inputs.forEach((input, place) => { input.checked = place === chosen; });
      row.note.textContent = chosen === -1 ? finding.text : finding ? finding.said : "";
      if (row.number && !(finding && finding.said)) row.number.value = "";
      row.element.classList.toggle("bdx-known", finding !== null);
    }
    for (const section of list.children) {
      const count = section.held.filter((row) => row.finding).length;
      section.count.textContent = count ? String(count) : "";
    }
    if (given.checked) filter();
  }

  // --- results
  function drawState() {
    root.classList.toggle("bdx-comparing", state.pinned !== null);
    population.value = state.population;
    drawSetting();
    undo.disabled = !state.undo;
    reset.disabled = !state.findings.length;
    pin.textContent = state.pinned ? "Unpin" : "Pin";
    pin.setAttribute("aria-pressed", String(state.pinned !== null));
    code.hidden = !state.code;
    drawFlags();
    drawFindings();
    drawDifferential();
    drawSets();
    drawCare();
    drawParts();
    const first = state.differential[0];
    spoken.textContent = `${state.flags.length ? `${state.flags.length} alerts. ` : ""}` +
      `First: ${first.label}, ${first.shown}.`;
    root.dataset.step = String(state.step);
  }

  /* The setting is asked until it is chosen. Its place stays empty until the pointer has left it, so that what comes up
     from below is not clicked by accident. */
  function drawSetting() {
    setting.classList.toggle("bdx-answered", !state.assumed);
    if (state.assumed) setting.hidden = false;
    else if (!setting.matches(":hover")) setting.hidden = true;
    for (const one of choices.children) {
      one.disabled = !state.assumed;
      one.setAttribute("aria-pressed", String(one.name === state.population));
    }
  }
  setting.addEventListener("pointerleave", () => { if (state && !state.assumed) setting.hidden = true; });

  function drawFlags() {
    const made = state.flags.map((flag) => make("div", { className: `bdx-flag bdx-${flag.urgency}` },
      make("strong", { textContent: flag.urgency.toUpperCase() }),
      document.createTextNode(` ${flag.action} `),
      make("span", { className: "bdx-because",
        textContent: `${flag.cause}${flag.certain ? "" : " (cannot be excluded)"} – ${flag.because}` })));
    if (made.length > FLAGS_IN_SIGHT) {
      made.unshift(make("div", { className: "bdx-flag-count", "aria-hidden": "true",
        textContent: `${made.length} alerts` }));
    }
    const text = made.map((one) => one.textContent).join("");
    if (flags.textContent !== text) flags.replaceChildren(...made); // an alert is read out only when it changes
  }

  function drawDifferential() {
    const focused = root.contains(document.activeElement) ? document.activeElement : null;
    heads.querySelector(".bdx-head-last").textContent = state.pinned ? "pinned" : "change";
    const wanted = [...state.differential, { cause: "", label: NOTHING, change: 0, prior: "", ...state.none }];
    const names = new Set(wanted.map((line) => line.cause));
    for (const [name, line] of lines) if (!names.has(name)) { line.element.remove(); lines.delete(name); }
    wanted.forEach((told, place) => {
      const line = lines.get(told.cause) || newLine(told);
      drawLine(line, told);
      if (table.children[place] !== line.element) table.insertBefore(line.element, table.children[place] || null);
    });
    if (focused && document.activeElement !== focused && focused.isConnected) focused.focus({ preventScroll: true });
    leading.replaceChildren(...state.differential.slice(0, 3).map((line) => make("span", {},
      make("b", { textContent: line.shown }), document.createTextNode(` ${line.label}`))));
    const count = state.findings.length;
    under.textContent = `${count} finding${count === 1 ? "" : "s"}` +
      `${state.hidden ? `; ${state.hidden} less probable causes are not shown` : ""}. ` +
      `Triage: ${state.triage}.` + (catalogue.draws
        ? ` Whiskers: 95 % credible intervals from ${catalogue.draws} draws of the model's numbers.` : "");
    drawDiffering();
  }

  function newLine(told) {
    const name = button("", "Show why", () => ask({ do: "choose", cause: told.cause }));
    name.className = "bdx-cause";
    name.disabled = told.cause === "";
    const bar = (kind) => {
      const fill = make("div", { className: "bdx-fill" });
      const whisker = make("div", { className: "bdx-whisker", hidden: true });
      return { fill, whisker, element: make("div", { className: `bdx-bar ${kind}`, "aria-hidden": "true" }, fill, whisker) };
    };
    const [now, old] = [bar("bdx-now"), bar("bdx-old")];
    const shown = make("span", { className: "bdx-shown" });
    const change = make("span", { className: "bdx-change" });
    const pinned = make("span", { className: "bdx-pinned" });
    const element = make("li", { className: "bdx-line" }, name, now.element, shown, change, old.element, pinned);
    const line = { element, name, now, old, shown, change, pinned };
    lines.set(told.cause, line);
    return line;
  }

  function drawLine(line, told) {
    const { pinned } = state;
    const chosen = told.cause !== "" && told.cause === state.chosen;
    line.name.textContent = told.label;
    if (told.cause) {
      line.name.title = `Prior ${told.prior}, likelihood ratio ${told.ratio}. Show why.`;
      line.name.setAttribute("aria-pressed", String(chosen));
    }
    line.element.classList.toggle("bdx-chosen", chosen);
    line.element.dataset.cause = told.cause;
    line.now.fill.style.width = percent(told.posterior);
    line.shown.textContent = told.shown;
    const up = told.change > 0;
    line.change.textContent = told.change ? `${up ? "▲ +" : "▼ −"}${Math.abs(told.change).toFixed(1)}` : "";
    line.change.className = `bdx-change ${told.change ? (up ? "bdx-up" : "bdx-down") : ""}`;
    const before = !pinned ? 0 : told.cause ? pinned.posterior[told.cause] : pinned.none.posterior;
    line.old.fill.style.width = percent(before);
    line.pinned.textContent = !pinned ? "" : told.cause ? pinned.shown[told.cause] : pinned.none.shown;
  }

  function drawDiffering() {
    const { pinned } = state;
    differing.replaceChildren();
    if (!pinned) return;
    if (!pinned.differing.length) {
      differing.append(make("p", { className: "bdx-note", textContent: "The pinned scenario has the same findings." }));
    } else {
      const cells = (tag, texts) => make("tr", {}, ...texts.map((text) => make(tag, { textContent: text })));
      differing.append(make("table", {},
        make("thead", {}, cells("th", ["what differs", "now", "pinned"])),
        make("tbody", {}, ...pinned.differing.map((one) => cells("td", [one.label, one.now, one.pinned])))));
    }
    for (const flag of pinned.flags) {
      differing.append(make("p", { className: "bdx-note", textContent: `Red flag of the pinned scenario: ${flag}` }));
    }
  }

  function drawSets() {
    sets.hidden = !state.sets;
    if (!state.sets) return;
    setsBody.replaceChildren(make("ol", { className: "bdx-sets" }, ...state.sets.map((one) => {
      const fill = make("div", { className: "bdx-fill" });
      fill.style.width = percent(one.probability);
      return make("li", {}, make("span", { className: "bdx-shown", textContent: one.shown }),
        make("span", { className: "bdx-set" }, document.createTextNode(one.label),
          make("div", { className: "bdx-bar", "aria-hidden": "true" }, fill)));
    })));
  }

  function drawCare() {
    care.hidden = !state.management.length;
    careBody.replaceChildren(make("ul", { className: "bdx-care" }, ...state.management.map((step) =>
      make("li", {}, make("strong", { textContent: step.urgency }),
        document.createTextNode(` ${step.cause}: ${step.action}`)))));
  }

  /* Draw the parts that have come; what has not is marked as being computed. */
  function drawParts() {
    const drawn = { intervals: drawIntervals, next: drawNext, why: drawWhy };
    const bodies = { next: nextBody, why: whyBody };
    for (const name of PARTS) {
      const value = parts[name];
      if (bodies[name]) bodies[name].setAttribute("aria-busy", String(!value));
      if (name === "intervals") drawIntervals(value && !value.error ? value : {});
      else if (value && value.error) bodies[name].replaceChildren(make("p", { textContent: value.error }));
      else if (value && value !== bodies[name].drawn) drawn[name](value);
      if (bodies[name] && value) bodies[name].drawn = value;
    }
    if (parts.why && parts.next) root.dataset.panels = String(state.step);
  }

  function drawIntervals(told) {
    for (const [cause, line] of lines) {
      const interval = told[cause];
      line.now.whisker.hidden = !interval;
      line.shown.title = interval ? `95 % credible interval: ${interval.shown}` : "";
      if (!interval) continue;
      line.now.whisker.style.left = percent(interval.lower);
      line.now.whisker.style.width = percent(interval.upper - interval.lower);
    }
  }

  function drawNext(told) {
    const most = Math.max(0.001, ...told.rows.map((row) => row.share));
    const items = told.rows.map((row) => {
      const fill = make("div", { className: "bdx-fill" });
      fill.style.width = percent(row.share / most);
      const price = row.kind === "test" ? `${row.cost} €, ${row.delay} h` : row.kind;
      const made = make("button", { type: "button", className: "bdx-option", title: row.why },
        make("span", { className: "bdx-option-label" },
          document.createTextNode(row.label),
          ...(row.badge ? [make("span", { className: "bdx-badge", textContent: row.badge })] : [])),
        make("span", { className: "bdx-note", textContent: price }),
        make("div", { className: "bdx-bar", "aria-hidden": "true" }, fill),
        make("span", { className: "bdx-shown", textContent: `${row.bits} bit` }));
      made.addEventListener("click", () => reveal(row.variables));
      return make("li", {}, made);
    });
    nextBody.replaceChildren(
      make("p", { className: told.urgent ? "bdx-urgent-note" : "bdx-note", textContent: told.reason }),
      make("ol", { className: "bdx-options" }, ...items));
  }

  function drawWhy(told) {
    const parts = [make("p", { className: "bdx-statement", textContent: told.statement })];
    if (!told.settled) {
      const ends = told.rows.flatMap((row) => [row.start, row.end]).concat(0, told.prior.value, told.posterior.value);
      const low = Math.min(...ends), high = Math.max(...ends), span = Math.max(high - low, 1);
      const place = (value) => percent((value - low) / span);
      const step = (label, weight, start, end, kind, sources = "") => {
        const fill = make("div", { className: `bdx-step bdx-${kind}` });
        fill.style.left = place(Math.min(start, end));
        fill.style.width = percent(Math.abs(end - start) / span);
        const zero = make("div", { className: "bdx-zero" });
        zero.style.left = place(0);
        return make("li", { title: sources ? `Sources: ${sources}` : "" },
          make("span", { className: "bdx-reason", textContent: label }),
          make("div", { className: "bdx-track", "aria-hidden": "true" }, zero, fill),
          make("span", { className: "bdx-shown", textContent: weight }));
      };
      parts.push(make("ol", { className: "bdx-waterfall", "aria-label": "Weights of evidence in decibans" },
        step("before any finding", told.prior.weight, 0, told.prior.value, "plain"),
        ...told.rows.map((row) => step(`${row.label}: ${row.value}`, row.weight, row.start, row.end,
          row.end >= row.start ? "for" : "against", row.sources)),
        step("with the findings", told.posterior.weight, 0, told.posterior.value, "plain")));
      parts.push(make("p", { className: "bdx-note",
        textContent: told.note || "Decibans: 10 multiply the odds by 10, 3 double them. The rows add up." }));
    }
    if (told.expected.length) {
      parts.push(make("h4", { textContent: "Expected, not yet looked for" }));
      parts.push(make("ul", { className: "bdx-expected" }, ...told.expected.map((sign) =>
        make("li", {}, button(sign.label, "Go to this finding", () => reveal([sign.index])),
          make("span", { className: "bdx-note",
            textContent: `${sign.weight} decibans if found; ${sign.present} with it, ${sign.absent} without` })))));
    }
    why.querySelector("h3").textContent = `Why ${told.label}?`;
    whyBody.replaceChildren(...parts);
  }

  /* Go to the findings that a suggestion is about. */
  function reveal(indices) {
    search.value = "";
    given.checked = false;
    filter();
    for (const { element } of rows.values()) element.classList.remove("bdx-asked");
    for (const index of indices) rows.get(index).element.classList.add("bdx-asked");
    const row = rows.get(indices[0]);
    row.section.open = true;
    row.element.scrollIntoView({ block: "center" });
    (row.inputs.find((input) => input.checked) || row.inputs[0]).focus({ preventScroll: true });
  }

  root.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input[type=search], input[type=text], textarea");
    if (event.key === "/" && !typing) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape" && event.target === search) {
      search.value = "";
      filter();
    } else if (event.key === "Enter" && event.target === search) {
      event.preventDefault();
      const row = [...rows.values()].find((one) => !one.element.hidden);
      if (row) (row.inputs.find((input) => input.checked) || row.inputs[0]).focus();
    } else if (event.key === "z" && (event.ctrlKey || event.metaKey) && !typing) {
      event.preventDefault();
      if (!undo.disabled) undo.click();
    }
  });

  const end = transport.listen(receive);
  ask({ do: "look" });
  return end;
}

/* The transport of the local page: one request after another, each a POST. */
export function overHttp(address) {
  const receivers = new Set();
  const tell = (reply) => receivers.forEach((receive) => receive(reply));
  let last = Promise.resolve();
  const post = async (request) => {
    try {
      const response = await fetch(address, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(request),
      });
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      tell(await response.json());
    } catch (failure) {
      tell({ id: request.id, error: `The explorer cannot be reached: ${failure.message}. Is bayesdx explore still running?` });
    }
  };
  return {
    send(request) { last = last.then(() => post(request)); },
    listen(receive) { receivers.add(receive); return () => receivers.delete(receive); },
  };
}

/* The transport of a notebook: messages of the widget. */
function overWidget(model) {
  return {
    send(request) { model.send(request); },
    listen(receive) {
      model.on("msg:custom", receive);
      return () => model.off("msg:custom", receive);
    },
  };
}

export default {
  render({ model, el }) {
    return show(el, overWidget(model));
  },
};
