/* The case for the record: a note in plain text, one page for the printer, a file, an address. */

const RECORDED = 8; // causes of a note
const MOST_ROWS = 14; // causes that are printed below each other; more of them take two columns

function recordOf(context) {
  const population = (state) => context.catalogue.populations.find((one) => one.name === state.population)?.title || state.population;

  function facts(state) {
    const { model } = context.catalogue;
    return `${model.name} ${model.version}, ${model.hash}`;
  }

  function becauseOf(flag) {
    return `${flag.cause} (now ${flag.shown})${flag.certain ? "" : ", cannot be excluded"}` +
      `${flag.because.length ? `, because of: ${flag.because.join("; ")}` : ""}`;
  }

  /* Plain text for a record. */
  function note(state) {
    const { catalogue } = context;
    const section = (title, rows) => (rows.length ? [title, ...rows.map((row) => `- ${row}`), ""] : []);
    const lines = state.differential.slice(0, RECORDED).map((line) => `${line.label}: ${line.shown} (prior ${line.prior}, LR ${line.ratio})`);
    const together = groupsOf(state).map(({ group, named }) => `${group.label}: ${group.shown} (${named})`);
    return [
      catalogue.model.title, `Setting: ${population(state)}${state.assumed ? " (assumed)" : ""}`, `Triage: ${state.triage.text}`, "",
      ...section("Red flags", state.flags.map((flag) => `${flag.urgency.toUpperCase()}: ${flag.action}. ${becauseOf(flag)}`)),
      ...section("Findings", state.findings.map(phraseOf)),
      ...section(`Differential: probability with these findings, the first ${lines.length}; ${coexist(state)}`, lines),
      ...section("Together", together),
      ...section("What to do", state.management.filter((step) => step.urgency !== "routine")
        .map((step) => `${step.urgency}: ${step.cause}: ${step.action}`)),
      `Computed by bayesdx with the model ${facts(state)}.`, catalogue.not_for, "",
    ].join("\n");
  }

  /* The page that is printed: drawn when it is asked for. */
  const sheet = make("article", { className: "bdx-sheet", "aria-hidden": "true" });
  function drawSheet(state) {
    const { catalogue } = context;
    const section = (title, ...body) => [make("h2", { textContent: title }), ...body];
    const shares = state.differential.map((line) => {
      const bar = barOf();
      bar.set(line.posterior);
      return [line.label, bar.element, line.shown, line.prior, line.ratio];
    });
    const height = shares.length > MOST_ROWS ? Math.ceil(shares.length / 2) : shares.length;
    const columns = [shares.slice(0, height), shares.slice(height)].filter((rows) => rows.length);
    sheet.replaceChildren(
      make("h1", { textContent: catalogue.model.title }),
      make("p", { textContent: `${population(state)}${state.assumed ? " (setting assumed)" : ""}. Triage: ${state.triage.text}.` }),
      ...state.flags.map((flag) => make("div", { className: `bdx-printed-flag bdx-${flag.urgency}` },
        make("strong", { textContent: `${flag.urgency.toUpperCase()}: ${flag.action}. ` }), document.createTextNode(becauseOf(flag)))),
      ...(state.findings.length ? section("Findings", make("ul", { className: "bdx-columns" },
        ...state.findings.map((finding) => make("li", { textContent: phraseOf(finding) })))) : []),
      ...section("Differential", make("div", { className: "bdx-printed-lines" }, ...columns.map((rows) =>
        tableOf(["cause", "", "now", "prior", "LR"], rows)))),
      ...groupsOf(state).map(({ group, named }) => make("div", { textContent: `${group.label}: ${group.shown} (${named})` })),
      ...(state.management.length ? section("What to do", make("ul", {}, ...state.management
        .filter((step) => step.urgency !== "routine").map((step) =>
          make("li", { textContent: `${step.urgency}: ${step.cause}: ${step.action}` })))) : []),
      make("p", { className: "bdx-small-print", textContent: `bayesdx, model ${facts(state)}. Probabilities with these findings; prior: without any; LR: odds now to those of the prior; ${coexist(state)}. ${catalogue.not_for}` }));
  }

  /* The case as the part of an address after #, which no browser sends anywhere. */
  const address = (state) => `#case=${packed(JSON.stringify(JSON.parse(state.document)))}`;
  function shared() {
    const found = /^#case=([\w-]+)$/.exec(location.hash);
    if (!found) return null;
    try {
      return JSON.parse(unpacked(found[1]));
    } catch {
      return {}; // refused in words, as any document that is no case
    }
  }

  function download(text, name) {
    const place = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    const link = make("a", { href: place, download: name });
    context.root.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(place), 1000);
  }

  return { note, sheet, drawSheet, address, shared, becauseOf, download };
}
