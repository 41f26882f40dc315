/* The transport of a published page: a session that runs in the page itself, with the replies of session.py. */

const MOST_LINES = 25, MOST_UNASKED = 8, MOST_OPTIONS = 8, MOST_FOUND = 8, MOST_UNDONE = 200;
const REASONS = "Decibans: 10 multiply the odds by 10, 3 double them. Each weight is that of the finding given all the others; " +
  "in brackets stands that of the finding alone. They need not add up.";
const BADGES = {
  context: "asks about an emergency", history: "asks about an emergency", examination: "looks for an emergency",
  test: "emergency test",
};

const decibans = (value) => (Math.abs(value) >= 0.05 ? `${value > 0 ? "+" : ""}${value.toFixed(1)}` : "0.0");
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
  const receivers = new Set();
  let setting = { population: data.population, assumed: data.assumed };
  let present = diagnose(setting.population, new Map());
  let previous = null, pinned = null, chosen = "", step = 0;
  const past = [];

  function advance(population, findings, assumed = false) {
    const found = diagnose(population, findings);
    if (!found) {
      throw new Error("These findings cannot occur together in this model; check the last one. It was not taken.");
    }
    past.push([setting, present]);
    if (past.length > MOST_UNDONE) past.shift();
    previous = present;
    present = found;
    setting = { population, assumed };
    step += 1;
  }

  function changed(variable, value) {
    const findings = new Map(present.findings);
    if (value === undefined) findings.delete(variable);
    else findings.set(variable, value);
    advance(setting.population, findings, setting.assumed);
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

  const actions = {
    set({ index: variable, state, number }) {
      if (number !== undefined) changed(variable, number.trim() ? [stateOf(variable, number)] : undefined);
      else changed(variable, state === null ? undefined : state === "unknown" ? null : [state]);
    },
    population({ name }) { advance(name, present.findings); },
    load({ case: place }) {
      const told = data.cases[place];
      advance(told.population, new Map(told.findings));
    },
    reset() { chosen = ""; advance(setting.population, new Map(), setting.assumed); },
    undo() {
      if (!past.length) return;
      previous = present;
      [setting, present] = past.pop();
      step += 1;
    },
    pin() { pinned = present; step += 1; },
    unpin() { pinned = null; step += 1; },
    choose({ cause }) { chosen = cause; step += 1; },
  };

  const told = (flag) => ({ urgency: flag.urgency, action: flag.actions[0], cause: flag.label, certain: flag.certain });

  function compared() {
    const names = [...new Set([...pinned.findings.keys(), ...present.findings.keys()])];
    const said = (one, variable) => (one.findings.has(variable) ? one.value(variable) : "not observed");
    const differing = names.map((variable) => ({ label: variables[variable].label, pinned: said(pinned, variable),
      now: said(present, variable) })).filter((one) => one.pinned !== one.now);
    if (pinned.population !== present.population) {
      differing.unshift({ label: "Population", pinned: pinned.population, now: present.population });
    }
    const lines = pinned.differential.map((line) => [line.cause, line.posterior]);
    return {
      posterior: Object.fromEntries(lines),
      shown: Object.fromEntries(lines.map(([cause, share]) => [cause, formatProbability(share)])),
      none: { posterior: pinned.none, shown: formatProbability(pinned.none) },
      flags: pinned.alerts().map((flag) => `${flag.urgency}: ${flag.actions[0]}`),
      count: pinned.findings.size,
      differing,
    };
  }

  function level() {
    const { text, level: found, unasked } = present.triage();
    const names = unasked.map((variable) => variables[variable].label);
    if (!names.length || found === "emergency") return text;
    const more = names.length > MOST_UNASKED ? ` and ${names.length - MOST_UNASKED} more` : "";
    return `${text}; not asked: ${names.slice(0, MOST_UNASKED).join(", ")}${more}`;
  }

  function asDocument() {
    const findings = [...present.findings].map(([variable, possible]) => {
      const { name, names } = variables[variable];
      return [name, !possible ? "UNKNOWN" : possible.length === 1 ? names[possible[0]] : possible.map((one) => names[one])];
    });
    const { name, version, hash } = catalogue.model;
    return `${JSON.stringify({ model: { name, version, population: setting.population, hash },
      findings: Object.fromEntries(findings) }, null, 2)}\n`;
  }

  function state() {
    const old = previous ? new Map(previous.differential.map((line) => [line.cause, line.posterior])) : null;
    const lines = present.differential.slice(0, MOST_LINES).map((line) => ({
      cause: line.cause, label: line.label, posterior: line.posterior, shown: formatProbability(line.posterior),
      prior: formatProbability(line.prior), ratio: formatRatio(line.ratio),
      change: old ? Math.round(1000 * (line.posterior - old.get(line.cause))) / 10 + 0 : 0,
    }));
    return {
      ...setting, step, undo: past.length > 0, parts: {}, triage: level(),
      findings: [...present.findings].map(([variable, possible]) => ({ index: variable, possible: possible || [],
        exact: possible !== null && possible.length === 1, text: present.value(variable), said: "" })),
      differential: lines, hidden: present.differential.length - lines.length,
      none: { posterior: present.none, shown: formatProbability(present.none) },
      flags: present.alerts().map((flag) => ({ ...told(flag), because: flag.behind.map(present.text).join("; ") })),
      management: present.steps.map((one) => ({ urgency: one.urgency, cause: one.event.label,
        action: one.action + (one.when ? ` (${one.when})` : "") })),
      sets: null, chosen: chosen || lines[0].cause, pinned: pinned && compared(), code: "", document: asDocument(),
    };
  }

  const parts = {
    intervals() { return {}; },
    next() {
      const { reason, urgent, rows } = present.next();
      return { reason, urgent, rows: rows.slice(0, MOST_OPTIONS).map(({ option, bits, change, bears, why }) => ({
        label: option.label, kind: option.kind, variables: option.variables, bits: bits.toFixed(3), share: bits,
        decision: formatProbability(change), cost: String(option.cost), delay: String(bears ? option.soonest : option.delay),
        badge: bears ? BADGES[option.kind] : "", why,
      })) };
    },
    why() {
      const cause = chosen || present.differential[0].cause;
      const line = data.lines[index.get(cause)];
      const found = present.reasons({ name: cause, variable: line.variable, states: [line.state] });
      const own = present.differential.find((one) => one.cause === cause);
      const settled = !Number.isFinite(found.prior);
      return {
        cause, label: line.label, settled, expected: [], note: REASONS,
        statement: `${line.label}: ${formatProbability(own.prior)} before any finding, ` +
          `${formatProbability(own.posterior)} with the findings.`,
        prior: { value: finite(found.prior), weight: decibans(found.prior) },
        posterior: { value: finite(found.posterior), weight: decibans(found.posterior) },
        rows: found.rows.map(({ variable, others, alone }) => ({
          label: variables[variable].label, value: `${present.value(variable)} (alone ${decibans(alone)})`,
          weight: decibans(others), start: 0, end: finite(others), verdict: "", sources: "",
        })),
      };
    },
  };

  /* The variables whose words are most like those that were typed. */
  function find(typed) {
    const asked = typed.toLowerCase().split(/\s+/).filter(Boolean);
    const scored = variables.map((variable, place) => {
      const words = variable.words.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean);
      return [Math.min(...asked.map((word) => Math.max(0, ...words.map((other) => likeness(word, other))))), place];
    });
    return scored.filter(([like]) => like >= 0.5).sort(([one], [other]) => other - one).slice(0, MOST_FOUND)
      .map(([, place]) => place);
  }

  function answer(request) {
    const reply = { id: request.id };
    if (request.do === "find") return { ...reply, words: request.words, found: find(request.words) };
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
    send(request) { queueMicrotask(() => { const reply = answer(request); receivers.forEach((receive) => receive(reply)); }); },
    listen(receive) { receivers.add(receive); return () => receivers.delete(receive); },
  };
}
