/* The explorer's front end: draws the state that an engine computes, and asks for the next one.

   It knows a transport of two functions, send(request) and listen(receive), and nothing of notebooks or servers; a
   transport whose page is its own says so (`page`). Variables and states are named by their position. */

const PARTS = ["ask", "why", "next", "intervals"]; // in the order in which they are asked for
const QUICK = 6; // milliseconds since the last paint within which the next part is asked for before another paint
const SILENT = ["part", "find", "about", "read"]; // requests that make no step
const LEVELS_SAID = { emergency: "Emergency", urgent: "Urgent", soon: "Soon", none: "No emergency found" };

/* Show the explorer in an element. Returns a function that ends it. */
export function show(host, transport) {
  const view = `bdx${crypto.getRandomValues(new Uint32Array(2)).join("")}`; // other widgets of the page load this module anew
  let catalogue = null;
  let state = null;
  let parts = {};
  let asked = "";
  let painted = 0;
  let sent = 0;
  let latest = ""; // the last action asked for here; what comes before its reply is out of date

  const root = make("div", { className: "bdx-explorer", role: "region", "aria-label": "bayesdx explorer" });
  const wanted = () => PARTS.filter((name) => (name === "ask" ? tabs.current === "ask" : results.wants(name)));
  const ask = (request) => {
    const id = `${view}.${++sent}`;
    if (!SILENT.includes(request.do)) latest = id;
    transport.send({ id, ...(catalogue && !SILENT.includes(request.do) ? { parts: wanted() } : {}), ...request });
  };

  const context = {
    root, view, ask, pull, labels: new Map(), catalogue: null,
    announce(text) { spoken.textContent = text; },
    nameOf: (index) => context.names.get(index),
    reveal(indices) { tabs.show("findings"); findings.reveal(indices); },
  };
  const findings = findingsOf(context);
  const interview = interviewOf(context);
  const notes = noteOf(context);
  const results = resultsOf(context);
  const record = recordOf(context);

  // --- what never scrolls: title, tools, setting, and the band of triage and red flags, whose place is always kept
  const title = make(transport.page ? "h1" : "h2", { className: "bdx-title" });
  const tool = (text, label, act, properties = {}) => button(text, label, act, properties);
  const undo = tool("Undo", "Take the last step back (Ctrl+Z)", () => ask({ do: "undo" }));
  const redo = tool("Redo", "Take the step again (Ctrl+Y)", () => ask({ do: "redo" }));
  const reset = tool("Reset", "Take all findings back", () => ask({ do: "reset" }));
  const keep = tool("Keep", "Keep this scenario beside what follows", () => ask({ do: "keep" }));
  const copyNote = tool("Copy note", "Copy this case as a note for the record", () => copy(record.note(state), "note for the record"));
  const print = tool("Print", "Print this case on one page", () => window.print(), { hidden: !transport.page });
  const share = tool("Share", "Write the case into the address of this page; nothing is sent", () => shareCase(), { hidden: !transport.page });
  const save = tool("Save case", "Save the findings as a JSON file", () =>
    record.download(state.document, `${catalogue.model.name}_findings.json`));
  const file = make("input", { type: "file", accept: ".json,application/json", className: "bdx-hidden", tabIndex: -1, "aria-label": "Open a case file" });
  file.addEventListener("change", () => openFile());
  const open = tool("Open case …", "Open a file of findings", () => file.click());
  const code = tool("Copy code", "Copy this case as Python code", () => copy(state.code, "Python code"));
  const cases = make("select", { "aria-label": "Load a published case" });
  cases.addEventListener("change", () => {
    if (cases.value !== "") ask({ do: "load", case: Number(cases.value) });
    cases.value = "";
    menu.open = false;
  });
  const menu = make("details", { className: "bdx-menu" }, make("summary", { textContent: "More" }),
    make("div", { className: "bdx-overlay" }, share, save, open, code, cases, file));
  menu.addEventListener("click", (event) => { if (event.target.closest("button")) menu.open = false; });
  const tools = make("div", { className: "bdx-tools", role: "toolbar", "aria-label": "Case" },
    undo, redo, reset, keep, copyNote, print, menu);

  const choices = make("div", { className: "bdx-choices" });
  const population = make("select", { "aria-label": "Where is this patient seen?" });
  population.addEventListener("change", () => ask({ do: "population", name: population.value }));
  const where = make("span", { className: "bdx-where" });
  const setting = make("div", { className: "bdx-setting", role: "group", "aria-label": "Setting" }, where, choices, population);

  const level = make("strong", { className: "bdx-level" });
  const first = make("div", { className: "bdx-flags", role: "alert" });
  const further = button("", "Every red flag with all that is to be done", () => unfold(all.hidden),
    { className: "bdx-further", "aria-expanded": "false" });
  const all = make("div", { className: "bdx-all bdx-overlay", hidden: true, role: "region", "aria-label": "All red flags", tabIndex: -1 });
  const band = make("div", { className: "bdx-band", role: "region", "aria-label": "Triage and red flags" }, level, first, further, all);
  const leading = make("div", { className: "bdx-leading", "aria-hidden": "true" });
  const spoken = make("div", { className: "bdx-hidden", role: "status", "aria-live": "polite" });
  const top = make("div", { className: "bdx-top" }, title, tools, setting);
  const fixed = make("div", { className: "bdx-fixed" }, band, leading);
  const skip = make("div", { className: "bdx-skip" },
    button("Skip to the findings", "", () => { tabs.show("findings"); findings.search.focus(); }),
    button("Skip to the results", "", () => results.element.focus()));

  // --- left: three ways to say what was found
  const tabs = tabsOf([["findings", "Findings", findings.element], ["ask", "Ask me", interview.element], ["note", "A note", notes.element]]);
  const left = make("section", { className: "bdx-findings", "aria-label": "Findings" },
    make("h2", { className: "bdx-hidden", textContent: "Findings" }), tabs.element);
  const body = make("div", { className: "bdx-body" }, left, results.element);

  const facts = make("span", { className: "bdx-facts" });
  const purpose = make("span", { className: "bdx-purpose" });
  const intended = make("div", { className: "bdx-overlay" });
  const notice = make("details", { className: "bdx-note bdx-notice" }, make("summary", {}, facts, purpose), intended);
  const toast = make("div", { className: "bdx-toast", hidden: true });
  root.append(skip, make("div", { className: "bdx-scroller" }, top, fixed, body), toast, notice, record.sheet, spoken);
  host.replaceChildren(root);

  function tabsOf(told) {
    const buttons = new Map();
    const list = make("div", { className: "bdx-tabs", role: "tablist", "aria-label": "How findings are given" });
    const made = { element: make("div", { className: "bdx-tabbed" }, list), current: "", show: select, buttons };
    for (const [name, text, panel] of told) {
      const one = button(text, "", () => select(name), { role: "tab", id: `${view}-tab-${name}`, "aria-controls": `${view}-${name}` });
      panel.id = `${view}-${name}`;
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", one.id);
      buttons.set(name, [one, panel]);
      list.append(one);
      made.element.append(panel);
    }
    list.addEventListener("keydown", (event) => {
      const shown = [...buttons].filter(([, [one]]) => !one.hidden).map(([name]) => name);
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const name = shown[(shown.indexOf(made.current) + step + shown.length) % shown.length];
      select(name);
      buttons.get(name)[0].focus();
    });
    function select(name) {
      made.current = name;
      for (const [other, [one, panel]] of buttons) {
        one.setAttribute("aria-selected", String(other === name));
        one.tabIndex = other === name ? 0 : -1;
        panel.hidden = other !== name;
      }
      if (state) {
        drawParts();
        pull();
      }
    }
    select("findings");
    return made;
  }

  // --- asking and receiving
  function receive(reply) {
    if (reply.found || reply.about || reply.reading) return receiveAside(reply);
    const opening = Boolean(reply.catalogue);
    if (opening) drawCatalogue(reply.catalogue);
    if (reply.error !== undefined || (reply.id && reply.state)) say(reply.error || "");
    if (reply.state && catalogue) {
      if (reply.id && reply.id.startsWith(`${view}.`) && reply.id !== latest) return;
      if (state && reply.state.step < state.step) return;
      const stepped = state && reply.state.step !== state.step;
      state = reply.state;
      parts = state.parts;
      asked = "";
      if (stepped && transport.page && location.hash.startsWith("#case=") && location.hash !== record.address(state)) {
        history.replaceState(null, "", location.pathname + location.search); // an address never holds another case than the one shown
      }
      drawState();
      afterPaint(pull);
      if (opening && transport.page) openShared();
    } else if (reply.part) {
      asked = "";
      if (reply.step === state.step && reply.value) {
        parts[reply.part] = reply.value;
        drawParts();
      }
      if (performance.now() - painted < QUICK) pull();
      else afterPaint(pull);
    }
  }

  /* What belongs to the view that asked for it alone. */
  function receiveAside(reply) {
    if (!reply.id || !reply.id.startsWith(`${view}.`)) return;
    if (reply.found) findings.found(reply);
    else if (reply.reading) notes.drawn(reply.reading);
    else if (reply.step === state.step) findings.drawAbout(reply.about);
  }

  /* Ask for the next part that an open panel lacks; one at a time, so that a click never waits for many of them. */
  function pull() {
    if (!state || !root.isConnected) return;
    const needed = wanted().filter((name) => !parts[name]);
    if (!needed.length) root.dataset.settled = String(state.step);
    else if (asked !== `${needed[0]} ${state.step}`) {
      asked = `${needed[0]} ${state.step}`;
      ask({ do: "part", part: needed[0], step: state.step });
    }
  }

  function afterPaint(act) {
    requestAnimationFrame(() => setTimeout(() => {
      painted = performance.now();
      act();
    }, 0));
  }

  /* A sentence above the lower edge, where it moves nothing. */
  function say(text, ...more) {
    toast.hidden = !text;
    if (!text) return toast.replaceChildren();
    toast.replaceChildren(make("div", { className: "bdx-message", role: "alert", textContent: text }), ...more,
      button("Close", "Close this message", () => say("")));
  }

  async function copy(text, what) {
    const area = make("textarea", { readOnly: true, value: text, rows: Math.min(9, text.split("\n").length), "aria-label": `What was copied: ${what}` });
    const back = document.activeElement;
    say(`Copying the ${what} …`, area);
    area.focus();
    area.select();
    area.scrollTop = 0;
    let done = `Copied: ${what}.`;
    try {
      await navigator.clipboard.writeText(text);
      if (back && back.isConnected) back.focus({ preventScroll: true });
    } catch (refused) {
      done = `Press Ctrl+C to copy the ${what} (${refused.name}).`; // the browser lets no page write there; the text is selected
    }
    toast.querySelector(".bdx-message").textContent = done;
  }

  function shareCase() {
    const address = record.address(state);
    history.replaceState(null, "", address); // no entry of its own in the history
    copy(location.href, transport.page);
  }

  function openShared() {
    const document = record.shared();
    if (document) ask({ do: "open", document });
  }

  async function openFile() {
    const [chosen] = file.files;
    file.value = "";
    if (!chosen) return;
    try {
      ask({ do: "open", document: JSON.parse(await chosen.text()) });
    } catch (fault) {
      say(`${chosen.name} is no file of findings: ${fault.message}`);
    }
  }

  // --- drawing
  function drawCatalogue(told) {
    catalogue = context.catalogue = told;
    context.names = new Map(told.sections.flatMap((section) => section.groups.flatMap((group) =>
      group.variables.map((variable) => [variable.index, variable.label]))));
    title.textContent = told.model.title;
    population.replaceChildren(...told.populations.map((one) => make("option", { value: one.name, textContent: one.title })));
    setting.hidden = told.populations.length < 2;
    choices.replaceChildren(...told.populations.map((one) => {
      const made = button(one.title, one.description || one.title, () => ask({ do: "population", name: one.name }));
      made.name = one.name;
      return made;
    }));
    cases.replaceChildren(make("option", { value: "", textContent: "Load a published case …" }),
      ...told.cases.map((one, place) => make("option", { value: String(place), textContent: one.title })));
    cases.hidden = !told.cases.length;
    tabs.buttons.get("note")[0].hidden = !told.reads;
    purpose.textContent = told.not_for;
    intended.replaceChildren(make("p", { textContent: told.intended }), make("p", { textContent: told.not_for }),
      make("p", { textContent: told.entry }), make("p", { textContent: `${told.model.name} ${told.model.version}, ${told.model.hash}` }));
    findings.drawCatalogue(told);
  }

  function drawState() {
    for (const line of state.differential) context.labels.set(line.cause, line.label);
    undo.disabled = !state.undo;
    redo.disabled = !state.redo;
    reset.disabled = !state.findings.length;
    code.hidden = !state.code;
    drawSetting();
    drawFlags();
    findings.draw(state);
    results.draw(state);
    leading.replaceChildren(...state.differential.slice(0, 3).map((line) => make("span", {},
      make("b", { textContent: line.shown }), document.createTextNode(` ${line.label}`))));
    drawParts();
    const [lead] = state.differential;
    const alerts = state.flags.length;
    spoken.textContent = `${alerts ? `${LEVELS_SAID[state.triage.level]}: ${state.flags[0].action}. ${alerts > 1 ? `And ${alerts - 1} more. ` : ""}` : ""}` +
      `First cause: ${lead.label}, ${lead.shown}.`;
    root.dataset.step = String(state.step);
  }

  function drawParts() {
    if (tabs.current === "ask") interview.draw(state, parts.ask);
    results.drawParts(parts);
    if (wanted().every((name) => name === "intervals" || parts[name])) root.dataset.panels = String(state.step);
  }

  function drawSetting() {
    setting.classList.toggle("bdx-assumed", state.assumed);
    where.textContent = state.assumed ? "Where is this patient seen?" : "Seen in";
    population.value = state.population;
    for (const one of choices.children) one.setAttribute("aria-pressed", String(one.name === state.population));
    facts.textContent = `${catalogue.model.name} ${catalogue.model.version}, ` +
      `${catalogue.populations.find((one) => one.name === state.population).title}${state.assumed ? " (assumed)" : ""}. `;
  }

  /* One banner: the strongest action, its cause and findings; the others unfold over the page. */
  function drawFlags() {
    const { triage, flags } = state;
    band.className = `bdx-band bdx-level-${triage.level}`;
    level.textContent = catalogue.notices ? LEVELS_SAID[triage.level] : "Not judged";
    const [lead] = flags;
    const open = triage.unasked.length && triage.level !== "emergency" ? `Not asked yet: ${listed(triage.unasked, triage.more)}.` : "";
    const told = lead
      ? [make("strong", { className: "bdx-lead", textContent: lead.action }), make("span", { className: "bdx-because", textContent: record.becauseOf(lead) })]
      : [make("span", { className: "bdx-because", textContent: triage.level === "none" && catalogue.notices ? open : triage.text.replace(/^(not )?\w+: /, "") })];
    const text = told.map((one) => one.textContent).join("\n");
    if (first.told !== text) first.replaceChildren(...told); // an alert is read out only when it changes
    first.told = text;
    further.hidden = !lead && !open;
    further.textContent = flags.length > 1 ? `and ${flags.length - 1} more` : "Details";
    all.replaceChildren(...flags.map((flag) => make("div", { className: `bdx-flag bdx-${flag.urgency}` },
      make("strong", { textContent: `${flag.urgency.toUpperCase()} ${flag.action}` }),
      make("span", { className: "bdx-because", textContent: record.becauseOf(flag) }),
      ...(flag.further.length ? [make("ul", {}, ...flag.further.map((action) => make("li", { textContent: action })))] : []))),
    ...(triage.level !== "emergency" ? [make("p", { textContent: triage.text })] : []), ...(open ? [make("p", { textContent: open })] : []));
    if (further.hidden) unfold(false);
  }

  function unfold(wide) {
    all.hidden = !wide;
    further.setAttribute("aria-expanded", String(wide));
  }

  // --- keys and overlays
  const heard = transport.page ? document : root; // a page of its own hears a key before anything was clicked
  heard.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=checkbox]), textarea");
    const commanded = event.ctrlKey || event.metaKey;
    if (event.key === "/" && !typing) {
      event.preventDefault();
      tabs.show("findings");
      findings.search.focus();
      findings.search.select();
    } else if (event.key === "Escape") {
      if (menu.open && menu.contains(event.target)) menu.firstElementChild.focus();
      if (!all.hidden && band.contains(event.target)) further.focus();
      menu.open = notice.open = false;
      unfold(false);
      if (!toast.hidden) say("");
    } else if (commanded && !typing && (event.key === "y" || (event.key.toLowerCase() === "z" && event.shiftKey))) {
      event.preventDefault();
      if (!redo.disabled) redo.click();
    } else if (commanded && !typing && event.key === "z") {
      event.preventDefault();
      if (!undo.disabled) undo.click();
    }
  });
  root.addEventListener("pointerdown", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
    if (!notice.contains(event.target)) notice.open = false;
    if (!band.contains(event.target)) unfold(false);
  });
  const beforePrint = () => { if (state) record.drawSheet(state); };
  if (transport.page) {
    window.addEventListener("beforeprint", beforePrint);
    window.addEventListener("hashchange", openShared);
  }

  const end = transport.listen(receive);
  ask({ do: "look" });
  return end;
}

/* The transport of the local page: one request after another, each a POST. Each tab has a session of its own, which it
   keeps when it is loaded again. */
export function overHttp(address) {
  const receivers = new Set();
  const tell = (reply) => receivers.forEach((receive) => receive(reply));
  const [entry] = performance.getEntriesByType("navigation");
  const known = entry && entry.type === "reload" ? sessionStorage.getItem("bayesdx") : null;
  const tab = known || crypto.getRandomValues(new Uint32Array(4)).join("");
  sessionStorage.setItem("bayesdx", tab);
  let last = Promise.resolve();
  const post = async (request) => {
    try {
      const response = await fetch(address, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ tab, ...request }),
      });
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      tell(await response.json());
    } catch (failure) {
      tell({ id: request.id, error: `The explorer cannot be reached: ${failure.message}. Is bayesdx explore still running?` });
    }
  };
  return {
    page: "address of this case; it opens on this machine while bayesdx explore runs",
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
