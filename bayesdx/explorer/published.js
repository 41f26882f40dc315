/* The transport of a published page: a session that runs in the page itself, with the replies of session.py. */

const MOST_LINES = 25, MOST_UNASKED = 8, MOST_OPTIONS = 8, MOST_FOUND = 8, MOST_UNDONE = 200, MOST_KEPT = 6;
const LEAST_BITS = 0.01; // of what a question brings where a model knows no steps of care
const REASONS = "Decibans: 10 multiply the odds by 10, 3 double them. Each weight is that of the finding given all the others; " +
  "in brackets stands that of the finding alone. They need not add up.";
const BADGES = {
  context: "asks about an emergency", history: "asks about an emergency", examination: "looks for an emergency",
  test: "emergency test",
};

const decibans = (value) => (Math.abs(value) >= 0.05 ? `${value > 0 ? "+" : ""}${value.toFixed(1)}` : "0.0");
const letter = (place) => (place >= 26 ? letter(Math.floor(place / 26) - 1) : "") + String.fromCharCode(97 + (place % 26));
const finite = (value) => (Number.isFinite(value) ? value : value > 0 ? "inf" : "-inf");

/* Pairs of letters of a word, for a search that forgives spelling. */
function pairs(word) {
  const text = ` ${word} `;
  return new Set([...text].slice(1).map((_, place) => text.slice(place, place + 2)));
}

function likeness(one, other) {
  const [first, second] = [pairs(one), pairs(other)];
  const shared = [...first].filter((pair) => second.has(pair)).length;
  return (2 * shared) / (first.size + second.size);
}

export function inPage(data) {
  const diagnose = reasoner(data, compile);
  const index = new Map(data.lines.map((line, place) => [line.cause, place]));
  const { variables, catalogue } = data;
  const named = new Map(variables.map((variable, place) => [variable.name, place]));
  const receivers = new Set();
  const begun = { population: data.population, assumed: data.assumed, case: diagnose(data.population, new Map()), said: new Map() };
  let now = begun; // a step: the setting, the case, and the numbers as they were typed
  let previous = null, chosen = "", step = 0, kept = [];
  const past = [], future = [];

  function go(to) {
    previous = now.case;
    now = to;
    step += 1;
  }

  function advance(population, findings, assumed = false, said = now.said) {
    const found = diagnose(population, findings);
    if (!found) {
      throw new Error("These findings cannot occur together in this model; check the last one. It was not taken.");
    }
    past.push(now);
    if (past.length > MOST_UNDONE) past.shift();
    future.length = 0;
    go({ population, assumed, case: found, said });
  }

  /* Findings as pairs of a variable and the states still possible; null: unknown, undefined: not asked. */
  function change(pairs, said = new Map(now.said)) {
    const findings = new Map(now.case.findings);
    for (const [variable, possible] of pairs) {
      if (possible === undefined) findings.delete(variable);
      else findings.set(variable, possible);
    }
    advance(now.population, findings, now.assumed, said);
  }

  function asFinding(state) {
    if (state === null) return undefined;
    return state === "unknown" ? null : Array.isArray(state) ? state : [state];
  }

  function stateOf(variable, typed) {
    const { cuts, limits, number } = variables[variable];
    const value = Number(typed.trim().replace(",", "."));
    if (!Number.isFinite(value)) throw new Error(`${number}: ${typed} is no number.`);
    if (limits.length && (value < limits[0] || value > limits[1])) {
      throw new Error(`${number}: ${typed} lies outside ${limits[0]} to ${limits[1]}.`);
    }
    return cuts.filter(([cut, below]) => (below ? value < cut : value >= cut)).length;
  }

  function measured(variable, typed) {
    const said = new Map(now.said).set(variable, `${variables[variable].name} = ${typed.trim()}`);
    change([[variable, [stateOf(variable, typed)]]], said);
  }

  /* A stored case, as Diagnosis.findings_json writes it. */
  function opened(document) {
    const { model, findings } = document || {};
    if (!model || !findings) throw new Error("This is no stored case: an object with model and findings was expected.");
    if (model.name !== catalogue.model.name) throw new Error(`A case of ${model.name}; this page shows ${catalogue.model.name}.`);
    const faults = [];
    const told = Object.entries(findings).map(([name, value]) => {
      const variable = named.get(name);
      if (variable === undefined) faults.push(`${name} is no variable of this model`);
      else if (value === "UNKNOWN") return [variable, null];
      else {
        const { names } = variables[variable];
        const states = (Array.isArray(value) ? value : [value]).map((one) => names.indexOf(one));
        if (states.includes(-1)) faults.push(`${name} is one of ${names.join(", ")}, not ${JSON.stringify(value)}`);
        return [variable, states];
      }
      return null;
    });
    if (!data.programs[model.population]) faults.push(`${model.population} is no setting of this model`);
    if (faults.length) throw new Error(`The case was not opened: ${faults.join("; ")}.`);
    advance(model.population, new Map(told), false, new Map());
  }

  const actions = {
    set({ index: variable, state, number }) {
      const said = new Map(now.said);
      said.delete(variable);
      if (number === undefined) change([[variable, asFinding(state)]], said);
      else if (number.trim()) measured(variable, number);
      else change([[variable, undefined]], said);
    },
    change({ findings }) { change(findings.map(([variable, state]) => [variable, asFinding(state)])); },
    answer({ value }) {
      const asked = question();
      if (asked.kind === "setting") return advance(asked.answers.find((one) => one.mark === value).value, now.case.findings);
      if (value === "?") return change(asked.whole.map((variable) => [variable, null]));
      const marks = new Map(asked.answers.map((one) => [one.mark, one.value]));
      if (asked.several) {
        const found = value === "none" ? [] : value.map((mark) => marks.get(mark));
        return change(asked.variables.map((variable) => [variable, [+found.includes(variable)]]));
      }
      const [variable] = asked.variables;
      return marks.has(value) ? change([[variable, [marks.get(value)]]]) : measured(variable, value);
    },
    population({ name }) { advance(name, now.case.findings); },
    load({ case: place }) {
      const told = data.cases[place];
      advance(told.population, new Map(told.findings), false, new Map());
    },
    open({ document }) { opened(document); },
    reset() { chosen = ""; advance(now.population, new Map(), now.assumed, new Map()); },
    undo() {
      if (!past.length) return;
      future.push(now);
      go(past.pop());
    },
    redo() {
      if (!future.length) return;
      past.push(now);
      go(future.pop());
    },
    keep() {
      if (kept.length >= MOST_KEPT) throw new Error(`${MOST_KEPT} scenarios are kept already; remove one first.`);
      kept = [...kept, now];
      step += 1;
    },
    drop({ place }) { kept = kept.filter((_, at) => at !== place); step += 1; },
    resume({ place }) { advance(kept[place].population, kept[place].case.findings, kept[place].assumed, kept[place].said); },
    choose({ cause }) { chosen = cause; step += 1; },
  };

  const flagsOf = (one) => one.alerts().map((flag) => ({
    urgency: flag.urgency, action: flag.actions[0], further: flag.actions.slice(1), cause: flag.label, shown: flag.shown,
    because: flag.behind.map(one.text), certain: flag.certain,
  }));

  const noneOf = (one) => (data.may_have_none ? { posterior: one.none, shown: formatProbability(one.none) } : null);

  function standing({ population, case: one }) {
    return {
      population, level: one.triage().level, flags: flagsOf(one).map(({ urgency, action }) => ({ urgency, action })),
      findings: Object.fromEntries([...one.findings.keys()].map((variable) => [variable, one.value(variable)])),
      lines: Object.fromEntries(one.differential.map((line) => [line.cause, { posterior: line.posterior, shown: formatProbability(line.posterior) }])),
      none: noneOf(one),
    };
  }

  function asDocument() {
    const findings = [...now.case.findings].map(([variable, possible]) => {
      const { name, names } = variables[variable];
      return [name, !possible ? "UNKNOWN" : possible.length === 1 ? names[possible[0]] : possible.map((one) => names[one])];
    });
    const { name, version, hash } = catalogue.model;
    return `${JSON.stringify({ model: { name, version, population: now.population, hash },
      findings: Object.fromEntries(findings) }, null, 2)}\n`;
  }

  function state() {
    const present = now.case;
    const old = previous ? new Map(previous.differential.map((line) => [line.cause, line.posterior])) : null;
    const lines = present.differential.slice(0, MOST_LINES).map((line) => ({
      cause: line.cause, label: line.label, posterior: line.posterior, shown: formatProbability(line.posterior),
      prior: formatProbability(line.prior), ratio: formatRatio(line.ratio),
      change: old ? Math.round(1000 * (line.posterior - old.get(line.cause))) / 10 + 0 : 0,
    }));
    const { level, text, unasked } = present.triage();
    return {
      population: now.population, assumed: now.assumed, step, undo: past.length > 0, redo: future.length > 0, parts: {},
      triage: { level, text, unasked: unasked.slice(0, MOST_UNASKED).map((variable) => variables[variable].label),
        more: Math.max(0, unasked.length - MOST_UNASKED) },
      findings: [...present.findings].map(([variable, possible]) => ({ index: variable, possible: possible || [],
        exact: possible !== null && possible.length === 1, text: present.value(variable), phrase: present.text(variable),
        said: now.said.get(variable) || "" })),
      differential: lines, hidden: present.differential.length - lines.length,
      none: noneOf(present), flags: flagsOf(present),
      groups: present.groups().map(({ group, label, total, probability, members }) => ({ group, label, total, posterior: probability,
        shown: formatProbability(probability),
        members: members.map((line) => ({ cause: line.cause, label: line.label, shown: formatProbability(line.posterior) })) })),
      management: present.steps.map((one) => ({ urgency: one.urgency, cause: one.event.label,
        action: one.action + (one.when ? ` (${one.when})` : "") })),
      sets: null, chosen: chosen || lines[0].cause, kept: kept.map(standing), code: "", document: asDocument(),
    };
  }

  // --- ask me: of what next() suggests, the first that bears on an emergency or changes a decision; tests come last
  function suggested() {
    const { rows, reason, urgent } = now.case.next();
    const changes = data.management.length ? (row) => row.change > STOP_BELOW : (row) => row.bits >= LEAST_BITS;
    const open = rows.filter((row) => changes(row) && !(urgent && row.option.delay > EMERGENCY_HOURS));
    const bearing = rows.filter((one) => one.bears);
    const spoken = (one) => one.option.kind !== "test";
    const row = bearing.find(spoken) || open.find(spoken) || bearing[0] || open[0];
    return { row, reason: urgent ? "Act on the emergency: nothing that is still open would change what is done now." : reason };
  }

  function question() {
    if (now.assumed && catalogue.populations.length > 1) {
      return { stop: "", kind: "setting", text: "Where is the patient seen?", emergency: false, several: false, number: "", variables: [], whole: [],
        why: "Causes are common and rare by where the patient is seen; every probability starts from there.",
        answers: catalogue.populations.map((one, place) => ({ mark: letter(place), label: one.title, value: one.name, chance: "", first: "", shown: "" })) };
    }
    const { row, reason } = suggested();
    if (!row) return { stop: reason, kind: "", text: "", why: "", emergency: false, several: false, number: "", variables: [], whole: [], answers: [] };
    const { option } = row;
    const graded = option.variables.some((variable) => variables[variable].states.length > 2);
    const asked = graded ? option.variables.slice(0, 1) : option.variables;
    const several = asked.length > 1;
    const answerOf = (label, value, findings, place) => {
      const then = now.case.after(findings);
      return { mark: letter(place), label, value, chance: then ? formatProbability(then.chance) : "0 %", first: then ? then.first : "",
        shown: then ? formatProbability(then.share) : "" };
    };
    const [variable] = asked;
    const { label, definition, states, number } = variables[variable];
    const answers = several ? asked.map((one, place) => answerOf(variables[one].states[1], one, [[one, [1]]], place))
      : states.map((one, place) => answerOf(one, place, [[variable, [place]]], place));
    const defined = definition && definition.toLowerCase().replace(/\.$/, "") !== label.toLowerCase() ? ` ${definition.replace(/\.?$/, ".")}` : "";
    const text = several ? `${option.label}: which of these does it show?`
      : option.kind === "test" ? `${option.label}: what is the result?` : `${label.replace(/\?$/, "")}?${defined}`;
    return { stop: "", kind: option.kind, text, why: whyAsked(row), emergency: row.bears, several, number: several ? "" : number,
      variables: asked, whole: option.variables, answers };
  }

  /* What an answer could change: the gravest action, or the open emergency. */
  function whyAsked({ option, emergency, moved, change, bits }) {
    const delay = emergency ? option.soonest : option.delay;
    const costs = option.kind === "test" ? `It costs ${option.cost} €, ${delay ? `the result takes ${delay} h` : "the result is there at once"}. ` : "";
    if (emergency) return `${costs}It bears on an open emergency: ${emergency.event.label}, now ${formatProbability(emergency.probability)}.`;
    const gravest = data.management.filter((row) => moved.get(`${row.cause}\n${row.action}`) > STOP_BELOW)
      .sort((one, other) => URGENCIES.indexOf(one.urgency) - URGENCIES.indexOf(other.urgency) ||
        moved.get(`${other.cause}\n${other.action}`) - moved.get(`${one.cause}\n${one.action}`))[0];
    if (!gravest) return `${costs}${change > 0 ? `With a probability of ${formatProbability(change)} an answer changes what is done.` : `It brings ${bits.toFixed(2)} bit about the causes.`}`;
    const chance = formatProbability(Math.min(1, moved.get(`${gravest.cause}\n${gravest.action}`)));
    return `${costs}With a probability of ${chance} it changes whether ${gravest.label} calls for: ${gravest.action}.`;
  }

  const parts = {
    ask: question,
    intervals() { return {}; },
    next() {
      const { reason, urgent, rows } = now.case.next();
      return { reason, urgent, rows: rows.slice(0, MOST_OPTIONS).map(({ option, bits, change, bears, why }) => ({
        label: option.label, kind: option.kind, variables: option.variables, bits: bits.toFixed(3), share: bits, changes: change,
        decision: formatProbability(change), cost: String(option.cost), delay: String(bears ? option.soonest : option.delay),
        badge: bears ? BADGES[option.kind] : "", why,
      })) };
    },
    why() {
      const present = now.case;
      const cause = chosen || present.differential[0].cause;
      const found = present.reasons(eventOf(cause));
      const own = present.differential.find((one) => one.cause === cause);
      return {
        cause, label: own.label, settled: !Number.isFinite(found.prior), expected: [], note: REASONS,
        statement: `${own.label}: ${formatProbability(own.prior)} before any finding, ` +
          `${formatProbability(own.posterior)} with the findings.`,
        prior: { value: finite(found.prior), weight: decibans(found.prior) },
        posterior: { value: finite(found.posterior), weight: decibans(found.posterior) },
        rows: found.rows.map(({ variable, others, alone }) => ({
          label: `${present.text(variable)} (alone ${decibans(alone)})`, weight: decibans(others), start: 0, end: finite(others), verdict: "", sources: "",
        })),
      };
    },
  };

  function eventOf(cause) {
    const line = data.lines[index.get(cause)];
    return { name: cause, variable: line.variable, states: [line.state] };
  }

  function about(variable) {
    const cause = chosen || now.case.differential[0].cause;
    const { before, rows } = now.case.effects(variable, eventOf(cause));
    return {
      index: variable, definition: variables[variable].definition, cause: data.lines[index.get(cause)].label, now: formatProbability(before),
      effects: rows.map((row) => (row.possible ? { state: row.state, ratio: formatRatio(row.ratio), then: formatProbability(row.then),
        raises: row.raises, raised: formatRatio(row.raised) } : { state: row.state, ratio: "", then: "cannot be, with the other findings", raises: "", raised: "" })),
      sources: variables[variable].sources.map((place) => data.sources[place]),
    };
  }

  /* The variables whose words are most like those that were typed. */
  function find(typed) {
    const asked = typed.toLowerCase().split(/\s+/).filter(Boolean);
    const scored = variables.map((variable, place) => {
      const words = variable.words.join(" ").toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);
      return [Math.min(...asked.map((word) => Math.max(0, ...words.map((other) => likeness(word, other))))), place];
    });
    return scored.filter(([like]) => like >= 0.5).sort(([one], [other]) => other - one).slice(0, MOST_FOUND)
      .map(([, place]) => place);
  }

  function answer(request) {
    const reply = { id: request.id };
    if (request.do === "find") return { ...reply, words: request.words, found: find(request.words) };
    if (request.do === "about") return { ...reply, about: about(request.index), step };
    if (request.do === "part") {
      const current = request.step === step;
      return { ...reply, part: request.part, step: request.step, value: current ? parts[request.part]() : null };
    }
    if (request.do === "look") reply.catalogue = catalogue;
    else {
      try {
        actions[request.do](request);
      } catch (fault) {
        reply.error = fault.message;
      }
    }
    return { ...reply, state: state() };
  }

  return {
    page: "address of this case; it opens wherever this page is",
    send(request) { queueMicrotask(() => { const reply = answer(request); receivers.forEach((receive) => receive(reply)); }); },
    listen(receive) { receivers.add(receive); return () => receivers.delete(receive); },
  };
}
