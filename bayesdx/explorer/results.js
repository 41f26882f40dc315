/* The answer: the differential, what to do now, scenarios side by side, reasons, what to find out next. */

const NOTHING = "None of the modelled causes";
const LEAST_SHOWN = 0.01; // probability from which a group is shown, and every line
const FIRST = 8; // lines that are shown however improbable
const MOST_MEMBERS = 4; // members of a group that are named
const COMPARED = 5; // first causes of each scenario that stand side by side

/* What is said of several causes beside each other. */
const coexist = (state) => (state.none ? "causes can be present together" : "every patient has one of these causes");

/* The groups that matter, with their members in words; the sum of what has no name of its own comes last. */
function groupsOf(state) {
  return [...state.groups].sort((one, other) => one.total - other.total).filter((group) => group.posterior >= LEAST_SHOWN)
    .map((group) => {
      const named = group.members.slice(0, MOST_MEMBERS).map((line) => `${line.label} ${line.shown}`);
      const others = group.members.length - named.length;
      return { group, named: [...named, ...(others ? [`${others} more`] : [])].join(", ") };
    });
}

function resultsOf(context) {
  const { ask, root } = context;
  const lines = new Map(); // cause -> its row of the differential
  const panel = (name, opened = true) => {
    const body = make("div", { className: "bdx-content" });
    const made = make("details", { className: "bdx-panel", open: opened }, make("summary", {}, make("h3", { textContent: name })), body);
    return [made, body];
  };
  const table = make("ol", { className: "bdx-lines" });
  const heads = make("div", { className: "bdx-line bdx-heads", "aria-hidden": "true" },
    ...["cause", "", "now", "prior", "LR", "change"].map((text) => make("span", { textContent: text })));
  const under = make("p", { className: "bdx-note" });
  const [differential, differentialBody] = panel("Differential");
  const folded = button("", "", () => { unfolded = !unfolded; fold(); }, { className: "bdx-fold", hidden: true });
  const together = make("div", { className: "bdx-together", hidden: true });
  differentialBody.append(heads, table, folded, under, together);
  const [care, careBody] = panel("What to do now", false);
  const [kept, keptBody] = panel("Scenarios side by side");
  const [why, whyBody] = panel("Why");
  const [next, nextBody] = panel("What to find out next");
  const [sets, setsBody] = panel("Most probable sets of causes");
  const element = make("section", { className: "bdx-results", "aria-label": "Results", tabIndex: -1 },
    make("h2", { className: "bdx-hidden", textContent: "Results" }), differential, care, kept, why, next, sets);
  for (const one of [why, next]) one.addEventListener("toggle", () => context.pull());
  let alarmed = false, unfolded = false, faint = [];

  function drawDifferential(state) {
    const focused = root.contains(document.activeElement) ? document.activeElement : null;
    const none = state.none ? [{ cause: "", label: NOTHING, change: 0, prior: "", ratio: "", ...state.none }] : [];
    const wanted = [...state.differential, ...none];
    const names = new Set(wanted.map((line) => line.cause));
    for (const [name, line] of lines) if (!names.has(name)) { line.element.remove(); lines.delete(name); }
    wanted.forEach((told, place) => {
      const line = lines.get(told.cause) || newLine(told);
      drawLine(line, told, state);
      if (table.children[place] !== line.element) table.insertBefore(line.element, table.children[place] || null);
    });
    const flagged = new Set(state.flags.map((flag) => flag.cause));
    faint = state.differential.slice(FIRST).filter((told) =>
      told.posterior < LEAST_SHOWN && told.cause !== state.chosen && !flagged.has(told.label));
    fold();
    if (focused && document.activeElement !== focused && focused.isConnected) focused.focus({ preventScroll: true });
    const count = state.findings.length;
    under.textContent = `${count} finding${count === 1 ? "" : "s"}` +
      `${state.hidden ? `; ${state.hidden} less probable causes are not shown` : ""}. Prior: without any finding. ` +
      `LR: the odds now divided by those of the prior. ${coexist(state)[0].toUpperCase()}${coexist(state).slice(1)}.` +
      (context.catalogue.draws ? ` Whiskers: 95 % credible intervals from ${context.catalogue.draws} draws of the model's numbers.` : "");
  }

  /* Lines below the first that are hardly possible wait behind a button, but for those of a red flag and the chosen one. */
  function fold() {
    const hidden = new Set(unfolded || faint.length < 2 ? [] : faint.map((told) => told.cause));
    for (const [cause, line] of lines) line.element.hidden = hidden.has(cause);
    folded.hidden = faint.length < 2;
    folded.textContent = unfolded ? "Fewer causes" : `${faint.length} more causes, each below 1 %`;
    folded.setAttribute("aria-expanded", String(unfolded));
  }

  /* Sums of several causes, a bar each, with the members worth naming; the sum of what has no name of its own last. */
  function drawGroups(state) {
    const shown = groupsOf(state);
    together.hidden = !shown.length;
    together.replaceChildren(make("h4", { textContent: "Together" }), make("ul", { className: "bdx-sets" }, ...shown.map(({ group, named }) => {
      const bar = barOf();
      bar.set(group.posterior);
      return make("li", { "data-group": group.group }, make("span", { className: "bdx-shown", textContent: group.shown }),
        make("span", { className: "bdx-set" }, make("b", { textContent: group.label }), bar.element,
          make("span", { className: "bdx-note", textContent: named })));
    })));
  }

  function newLine(told) {
    const name = button("", "Show why", () => ask({ do: "choose", cause: told.cause }), { className: "bdx-cause", disabled: told.cause === "" });
    const bar = barOf("bdx-now");
    const cell = (kind) => make("span", { className: kind });
    const line = { name, bar, shown: cell("bdx-shown"), prior: cell("bdx-prior"), ratio: cell("bdx-ratio"), change: cell("bdx-change") };
    line.element = make("li", { className: "bdx-line" }, name, bar.element, line.shown, line.prior, line.ratio, line.change);
    lines.set(told.cause, line);
    return line;
  }

  function drawLine(line, told, state) {
    const chosen = told.cause !== "" && told.cause === state.chosen;
    line.name.textContent = told.label;
    if (told.cause) line.name.setAttribute("aria-pressed", String(chosen));
    line.element.classList.toggle("bdx-chosen", chosen);
    line.element.dataset.cause = told.cause;
    line.bar.set(told.posterior);
    line.shown.textContent = told.shown;
    if (line.prior.textContent !== told.prior) line.prior.textContent = told.prior;
    line.ratio.textContent = told.ratio;
    const up = told.change > 0;
    line.change.textContent = told.change ? `${up ? "▲ +" : "▼ −"}${Math.abs(told.change).toFixed(1)}` : "";
    line.change.className = `bdx-change ${told.change ? (up ? "bdx-up" : "bdx-down") : ""}`;
  }

  function drawIntervals(told) {
    for (const [cause, line] of lines) {
      const interval = told[cause];
      const { whisker } = line.bar;
      whisker.hidden = !interval;
      line.shown.title = interval ? `95 % credible interval: ${interval.shown}` : "";
      if (!interval) continue;
      whisker.style.left = percent(interval.lower);
      whisker.style.width = percent(interval.upper - interval.lower);
    }
  }

  /* Steps of care; in an emergency they open, and while it stands what is merely routine waits. */
  function drawCare(state) {
    const emergency = state.triage.level === "emergency";
    const steps = state.management.filter((step) => !(emergency && step.urgency === "routine"));
    care.hidden = !steps.length;
    if (emergency !== alarmed) care.open = emergency;
    alarmed = emergency;
    careBody.replaceChildren(make("ul", { className: "bdx-care" }, ...steps.map((step) =>
      make("li", { className: `bdx-urgency-${step.urgency}` }, make("strong", { textContent: step.urgency }),
        make("span", {}, make("b", { textContent: `${step.cause}: ` }), document.createTextNode(step.action))))));
  }

  function drawKept(state) {
    kept.hidden = !state.kept.length;
    if (kept.hidden) return;
    const lineOf = (one) => (one.lines ? Object.entries(one.lines).sort(([, a], [, b]) => b.posterior - a.posterior) : []);
    const now = Object.fromEntries(state.differential.map((line) => [line.cause, line]));
    const first = new Set([...state.differential.slice(0, COMPARED).map((line) => line.cause),
      ...state.kept.flatMap((one) => lineOf(one).slice(0, COMPARED).map(([cause]) => cause))]);
    const share = (told) => {
      if (!told) return "";
      const bar = barOf("bdx-small");
      bar.set(told.posterior);
      return make("div", { className: "bdx-share" }, document.createTextNode(told.shown), bar.element);
    };
    const letters = state.kept.map((_, place) => String.fromCharCode(65 + place));
    const population = (name) => context.catalogue.populations.find((one) => one.name === name)?.title || name;
    const here = Object.fromEntries(state.findings.map((finding) => [finding.index, finding.text]));
    const columns = [{ findings: here, population: state.population }, ...state.kept];
    const differing = [...new Set(columns.flatMap((one) => Object.keys(one.findings)))]
      .filter((index) => new Set(columns.map((one) => one.findings[index])).size > 1);
    const rows = [
      ["Triage", state.triage.level, ...state.kept.map((one) => one.level)],
      ...(new Set(columns.map((one) => one.population)).size > 1 ? [["Setting", ...columns.map((one) => population(one.population))]] : []),
      ...[...first].map((cause) => [context.labels.get(cause) || cause, share(now[cause]), ...state.kept.map((one) => share(one.lines[cause]))]),
      ...(state.none ? [[NOTHING, share(state.none), ...state.kept.map((one) => share(one.none))]] : []),
      ["First red flag", ...[state.flags, ...state.kept.map((one) => one.flags)].map((flags) => (flags.length ? flags[0].action : "none"))],
      ...differing.map((index) => [context.nameOf(Number(index)), ...columns.map((one) => one.findings[index] || "not asked")]),
    ];
    const tools = letters.map((letter, place) => make("div", { className: "bdx-asides" }, document.createTextNode(letter),
      button("Go on", `Go on with scenario ${letter}`, () => ask({ do: "resume", place }), { "aria-label": `Go on with scenario ${letter}` }),
      button("×", `Remove scenario ${letter}`, () => ask({ do: "drop", place }), { "aria-label": `Remove scenario ${letter}` })));
    keptBody.replaceChildren(make("div", { className: "bdx-scroll", tabIndex: 0, role: "region", "aria-label": "Scenarios side by side" },
      tableOf(["what", "now", ...tools], rows)));
  }

  function drawSets(state) {
    sets.hidden = !state.sets;
    if (!state.sets) return;
    setsBody.replaceChildren(make("ol", { className: "bdx-sets" }, ...state.sets.map((one) => {
      const bar = barOf();
      bar.set(one.probability);
      return make("li", {}, make("span", { className: "bdx-shown", textContent: one.shown }),
        make("span", { className: "bdx-set" }, document.createTextNode(one.label), bar.element));
    })));
  }

  function drawNext(told) {
    const emergencies = told.rows.some((row) => row.badge);
    const items = told.rows.map((row) => {
      const bar = barOf();
      bar.set(row.changes);
      const price = row.kind === "test" ? `${row.cost} €, ${Number(row.delay) ? `result in ${row.delay} h` : "at once"}` : row.kind;
      const made = button("", row.why, () => context.reveal(row.variables), { className: "bdx-option" });
      made.append(
        make("span", { className: "bdx-option-label" }, document.createTextNode(row.label),
          ...(row.badge ? [make("span", { className: "bdx-badge", textContent: row.badge })] : [])),
        make("span", { className: "bdx-note", textContent: price }), bar.element,
        make("span", { className: "bdx-shown", textContent: row.decision }));
      return make("li", {}, made);
    });
    nextBody.replaceChildren(
      make("p", { className: told.urgent ? "bdx-urgent-note" : "bdx-note", textContent: told.reason }),
      make("div", { className: "bdx-option bdx-heads", "aria-hidden": "true" },
        ...["what", "kind, or price and delay", "", "changes what is done"].map((text) => make("span", { textContent: text }))),
      make("ol", { className: "bdx-options" }, ...items),
      ...(emergencies ? [make("p", { className: "bdx-note", textContent: "What bears on an emergency comes first, the rest by its net value." })] : []));
  }

  function drawWhy(told) {
    const parts = [make("p", { className: "bdx-statement", textContent: told.statement })];
    if (!told.settled) {
      const ends = told.rows.flatMap((row) => [row.start, row.end]).concat(0, told.prior.value, told.posterior.value).filter(Number.isFinite);
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
        ...told.rows.map((row) => step(row.label, row.weight, row.start, row.end, row.end >= row.start ? "for" : "against", row.sources)),
        step("with the findings", told.posterior.weight, 0, told.posterior.value, "plain")));
      parts.push(make("p", { className: "bdx-note",
        textContent: told.note || "Decibans: 10 multiply the odds by 10, 3 double them. The rows add up." }));
    }
    if (told.expected.length) {
      parts.push(make("h4", { textContent: "Expected, not yet looked for" }));
      parts.push(make("ul", { className: "bdx-expected" }, ...told.expected.map((sign) =>
        make("li", {}, button(sign.label, "Go to this finding", () => context.reveal([sign.index])),
          make("span", { className: "bdx-note",
            textContent: `${sign.weight} decibans if found; ${sign.present} with it, ${sign.absent} without` })))));
    }
    why.querySelector("h3").textContent = `Why ${told.label}?`;
    whyBody.replaceChildren(...parts);
  }

  return {
    element,
    wants: (name) => ({ why: why.open, next: next.open, intervals: context.catalogue.draws > 0 })[name],
    draw(state) {
      drawDifferential(state);
      drawGroups(state);
      drawCare(state);
      drawKept(state);
      drawSets(state);
    },
    /* Draw the parts that have come; what has not is marked as being computed. */
    drawParts(parts) {
      const bodies = { next: [nextBody, drawNext], why: [whyBody, drawWhy] };
      for (const [name, [body, draw]] of Object.entries(bodies)) {
        const value = parts[name];
        body.setAttribute("aria-busy", String(!value));
        if (!value || value === body.drawn) continue;
        if (value.error) body.replaceChildren(make("p", { textContent: value.error }));
        else draw(value);
        body.drawn = value;
      }
      drawIntervals(parts.intervals && !parts.intervals.error ? parts.intervals : {});
    },
  };
}
