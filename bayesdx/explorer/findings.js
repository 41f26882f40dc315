/* The findings: rows of segments that are drawn once and then only marked, so that nothing moves and the focus stays. */

const WIDEST = 34; // letters of examples that the search field shows in the narrowest column
const HINT = "Enter takes it; / comes back here.";

/* What may be typed in this model: a finding that is denied, and a number or a state; as much as a narrow field shows. */
function examplesOf(rows, read) {
  const said = (row) => row.told.names[0].replace(/^\p{Lu}(?=\p{Ll})/u, (letter) => letter.toLowerCase());
  const reads = (text, row, state) => {
    const found = read(text);
    return found && found.row.row === row && (state === undefined ? found.number !== undefined : found.state === state);
  };
  const deniable = ({ told: { says } }) => says.length === 2 && folded(says[0].join(" ")).some((word) => DENIALS.has(word));
  const denied = rows.filter(deniable).map((row) => [`no ${said(row)}`, row, 0])
    .sort(([one], [other]) => one.length - other.length);
  const measured = rows.filter((row) => row.told.number).map((row) =>
    [`${row.told.number.replace(/ \(.*\)$/, "")} ${row.told.cut}`, row, undefined]);
  const graded = rows.filter((row) => row.told.says.length > 2).flatMap((row) =>
    row.told.says.slice(1).map((words, place) => [`${said(row)} ${words[0]}`, row, place + 1]));
  const told = [denied, measured.length ? measured : graded].flatMap((one) =>
    one.filter((each) => reads(...each)).slice(0, 1).map(([text]) => text));
  while (told.length && told.join(", ").length > WIDEST) told.pop();
  return told.length ? [told.join(", ")] : [];
}

function findingsOf(context) {
  const { ask, view } = context;
  const rows = new Map(); // position of a variable -> its row
  let readTyped = () => null;
  let proposal = null;
  let opened = null; // the row whose meaning is shown

  const search = make("input", {
    type: "search", placeholder: "A finding in your words", "aria-label": "Find a finding",
    autocomplete: "off", "aria-describedby": `${view}-entry`,
  });
  const given = make("input", { type: "checkbox" });
  const matches = make("span", { className: "bdx-note bdx-matches", role: "status" });
  const entry = button("", "Take this finding", () => take(), { className: "bdx-entry", id: `${view}-entry`, hidden: true });
  const list = make("div", { className: "bdx-list" });
  const element = make("div", { className: "bdx-tabpanel" },
    make("div", { className: "bdx-search" }, search, make("div", { className: "bdx-entries" }, entry, matches,
      make("label", { className: "bdx-given" }, given, document.createTextNode(" given only")))),
    list);
  search.addEventListener("input", () => filter());
  given.addEventListener("change", () => filter());
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      search.value = "";
      filter();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (proposal) take();
      else {
        const row = [...rows.values()].find((one) => !one.element.hidden);
        if (row && search.value) focusRow(row);
      }
    }
  });

  /* Take what was typed. */
  function take() {
    const { row, state, number } = proposal;
    ask(number === undefined ? { do: "set", index: row.index, state } : { do: "set", index: row.index, number });
    context.announce(entry.textContent);
    search.value = "";
    filter();
    search.focus({ preventScroll: true });
  }

  function focusRow(row) {
    row.section.open = true;
    row.stops.find((stop) => stop.tabIndex === 0).focus();
  }

  // --- drawing
  function drawCatalogue(told) {
    rows.clear();
    matches.textContent = HINT;
    list.replaceChildren(...told.sections.map(drawSection));
    // Enter takes findings only: a cause that is known already is chosen by a click, since its words often name a finding.
    const closed = new Set(told.sections.flatMap(({ kind, groups }) =>
      (["mechanism", "cause"].includes(kind) ? groups.flatMap((group) => group.variables.map(({ index }) => index)) : [])));
    const open = [...rows.values()].filter((row) => !closed.has(row.index));
    readTyped = readerOf(open.map((row) => ({ ...row.told, row })));
    search.placeholder = ["Type a finding", ...examplesOf(open, readTyped)].join(": ");
  }

  function drawSection(section) {
    const count = make("span", { className: "bdx-count" });
    const made = make("details", { className: "bdx-section", open: section.open },
      make("summary", {}, make("h3", { textContent: section.title }), count));
    const held = [];
    for (const group of section.groups) {
      const box = make("div", { className: "bdx-group" });
      if (group.title) box.append(make("h4", { textContent: group.title }));
      const here = group.variables.map((variable) => drawVariable(variable, made));
      for (const row of here) box.append(row.element);
      held.push(...here);
      if (group.whole) {
        const whole = button("All others absent or normal",
          `Everything under ${group.title || section.title} that was not asked yet is absent or normal`, () => {
            const open = here.filter((row) => !row.finding);
            if (open.length) ask({ do: "change", findings: open.map((row) => [row.index, 0]) });
          }, { className: "bdx-whole" });
        whole.setAttribute("aria-label", `${group.title || section.title}: all others absent or normal`);
        box.append(whole);
      }
      made.append(box);
    }
    made.held = held;
    made.count = count;
    return made;
  }

  function drawVariable(variable, section) {
    const note = make("span", { className: "bdx-finding-note" });
    const options = [["–", "not asked", null], ["?", "unknown", "unknown"],
      ...variable.states.map((label, place) => [label, label, place])];
    const segments = make("div", { className: "bdx-segments", role: "radiogroup", "aria-label": variable.label });
    const radios = options.map(([text, label, state], place) => {
      const radio = button(text, label, () => ask({ do: "set", index: variable.index, state }),
        { className: "bdx-segment", role: "radio", "aria-checked": "false", "aria-label": label, tabIndex: -1 });
      if (place < 2) radio.classList.add("bdx-aside");
      segments.append(radio);
      return radio;
    });
    const info = button("i", `What ${variable.label} means`, () => toggle(row), { className: "bdx-info", tabIndex: -1,
      "aria-expanded": "false", "aria-label": `About ${variable.label}` });
    const meaning = make("div", { className: "bdx-about", hidden: true });
    const line = make("div", { className: "bdx-row" },
      make("span", { className: "bdx-label" }, make("span", { textContent: variable.label }), info, note), segments);
    let number = null;
    if (variable.number) {
      number = make("input", { type: "text", inputMode: "decimal", className: "bdx-number", placeholder: variable.number, size: variable.number.length,
        "aria-label": variable.number, tabIndex: -1, autocomplete: "off" });
      number.addEventListener("change", () => ask({ do: "set", index: variable.index, number: number.value }));
      segments.before(number);
    }
    const element = make("div", { className: "bdx-variable" }, line, meaning);
    element.dataset.index = String(variable.index);
    const text = [variable.label, variable.definition, variable.number, ...variable.words, ...variable.says.flat()].join(" ");
    const row = { element, radios, segments, note, info, meaning, number, section, index: variable.index, finding: null,
      stops: [...(number ? [number] : []), ...radios, info], words: [...new Set(folded(text))],
      told: { names: variable.words, says: variable.says, number: variable.number, cut: variable.cut } };
    radios[0].tabIndex = 0;
    line.addEventListener("keydown", (event) => move(event, row));
    line.addEventListener("focusin", (event) => {
      for (const stop of row.stops) stop.tabIndex = stop === event.target ? 0 : -1;
    });
    rows.set(variable.index, row);
    return row;
  }

  /* Arrows move within a finding and choose nothing; Enter and the space bar choose. */
  function move(event, row) {
    const place = row.stops.indexOf(event.target);
    if (place < 0) return;
    const typing = event.target === row.number;
    if (event.key === "i" && !typing) toggle(row);
    if (typing && event.key !== "ArrowUp" && event.key !== "ArrowDown") {
      const { selectionStart, value } = row.number;
      if (!(event.key === "ArrowLeft" && selectionStart === 0) && !(event.key === "ArrowRight" && selectionStart === value.length)) return;
    }
    const last = row.stops.length;
    const to = { ArrowRight: place + 1, ArrowDown: place + 1, ArrowLeft: place - 1, ArrowUp: place - 1, Home: 0, End: last - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    row.stops[(to + last) % last].focus();
  }

  // --- what a finding means
  function toggle(row) {
    const wanted = opened === row ? null : row;
    if (opened) {
      opened.meaning.hidden = true;
      opened.info.setAttribute("aria-expanded", "false");
    }
    opened = wanted;
    if (!opened) return;
    row.info.setAttribute("aria-expanded", "true");
    row.meaning.hidden = false;
    ask({ do: "about", index: row.index });
  }

  function drawAbout(told) {
    if (!opened || opened.index !== told.index) return;
    const effects = told.effects.map((one) => [one.state, one.ratio, one.then, one.raises ? `${one.raises} (${one.raised})` : ""]);
    opened.meaning.replaceChildren(
      make("p", { textContent: told.definition }),
      make("div", { className: "bdx-scroll" }, tableOf(["if it is", "likelihood ratio", "then", "raises most (ratio)"], effects)),
      make("p", { className: "bdx-note",
        textContent: `Ratio and probability are of ${told.cause}, ${told.now} with the other findings. The finding is weighed on top of them.` }),
      make("p", { className: "bdx-note", textContent: told.sources.length ? "Sources of its numbers:" : "Its numbers name no source." }),
      make("ul", { className: "bdx-sources" }, ...told.sources.map(({ citation, address }) => make("li", {},
        document.createTextNode(`${citation} `),
        ...(/^https:\/\/[^\s"'<>]+$/.test(address)
          ? [make("a", { href: address, textContent: "open", target: "_blank", rel: "noopener noreferrer", "aria-label": `Open ${citation}` })] : [])))));
  }

  // --- searching
  function filter(found = null) {
    const typed = search.value.trim();
    const content = folded(typed).filter((word) => !/^\d+$/.test(word) && !DENIALS.has(word) && !AFFIRMS.has(word));
    proposal = typed && !found ? readTyped(typed) : null;
    if (proposal) proposal = { ...proposal, row: proposal.row.row };
    const suggested = proposal && proposal.row;
    let shown = 0;
    for (const section of list.children) {
      let some = false;
      for (const row of section.held) {
        const named = found ? found.includes(row.index)
          : row === suggested || content.every((word) => row.words.some((other) => other.startsWith(word)));
        const fits = named && (!given.checked || Boolean(row.finding));
        row.element.hidden = !fits;
        some ||= fits;
        shown += fits;
      }
      for (const group of section.querySelectorAll(".bdx-group")) {
        group.hidden = !group.querySelector(".bdx-variable:not([hidden])");
      }
      section.hidden = !some;
      if (some && (content.length || given.checked)) section.open = true;
    }
    element.classList.toggle("bdx-searching", Boolean(typed));
    if (proposal && proposal.state === null && proposal.number === undefined) proposal = null; // the words leave the state open
    if (found) {
      matches.textContent = found.length ? `Nothing is called “${typed}”. Did you mean:` : `Nothing in this model fits “${typed}”.`;
    } else matches.textContent = typed || given.checked ? `${shown} of ${rows.size}` : HINT;
    entry.hidden = !proposal;
    entry.textContent = proposal ? `Enter ↵ ${said(proposal)}` : "";
    if (!shown && !found && content.length) ask({ do: "find", words: typed });
  }

  function said({ row, state, number }) {
    const label = row.segments.getAttribute("aria-label");
    return number === undefined ? `${label}: ${row.radios[state + 2].textContent}` : `${row.number.placeholder}: ${number}`;
  }

  return {
    element, search, drawCatalogue, drawAbout,
    found(reply) { if (reply.words === search.value.trim()) filter(reply.found); },
    draw(state) {
      const known = new Map(state.findings.map((finding) => [finding.index, finding]));
      for (const [index, row] of rows) {
        const finding = known.get(index) || null;
        row.finding = finding;
        const chosen = !finding ? 0 : !finding.possible.length ? 1 : finding.exact ? finding.possible[0] + 2 : -1;
        const stop = row.stops.find((one) => one.tabIndex === 0);
        if (chosen !== row.chosen) { // most rows stay as they are
          row.radios.forEach((radio, place) => { radio.setAttribute("aria-checked", String(place === chosen)); });
          row.chosen = chosen;
        }
        if (!row.element.contains(document.activeElement) && stop !== row.radios[Math.max(chosen, 0)]) {
          stop.tabIndex = -1;
          row.radios[Math.max(chosen, 0)].tabIndex = 0;
        }
        const note = chosen === -1 ? finding.text : "";
        if (row.note.textContent !== note) row.note.textContent = note;
        if (row.number && document.activeElement !== row.number) {
          row.number.value = finding && finding.said.includes(" = ") ? typedOf(finding) : "";
        }
        row.element.classList.toggle("bdx-known", finding !== null);
      }
      for (const section of list.children) {
        const count = section.held.filter((row) => row.finding).length;
        const text = count ? String(count) : "";
        if (section.count.textContent !== text) section.count.textContent = text;
      }
      if (given.checked) filter();
      if (opened) ask({ do: "about", index: opened.index });
    },
    /* Go to the findings that a suggestion is about. */
    reveal(indices) {
      search.value = "";
      given.checked = false;
      filter();
      for (const { element: one } of rows.values()) one.classList.remove("bdx-asked");
      for (const index of indices) rows.get(index).element.classList.add("bdx-asked");
      const row = rows.get(indices[0]);
      row.section.open = true;
      row.element.scrollIntoView({ block: "center" });
      row.stops.find((stop) => stop.tabIndex === 0).focus({ preventScroll: true });
    },
  };
}
