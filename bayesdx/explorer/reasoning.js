/* What the findings of one patient say, in a page: the differential, red flags, steps of care, triage, reasons, and what
   to find out next. The rules are those of bayesdx.diagnosis; a test compares both on random patients.

   Variables and states go by their positions. A finding is a list of the states still possible, or null: unknown. */

const SPEAKS = Math.log(2); // weight of evidence, in nats, from which findings speak for an event
const ROUNDING = 1e-9;
const FAINT = 1e-200; // a probability below this is computed again from the logarithms of the evidence
const EMERGENCY_HOURS = 24;
const BEARING = 0.1; // share of the uncertainty about an emergency that an option removes where it bears on it
const STOP_BELOW = 0.05; // probability of changing a decision below which it is reasonable to stop
const MOST_RESULTS = 2 ** 14; // joint results of one test that are enumerated
const DECIBANS = 10 / Math.LN10;
const URGENCIES = ["emergency", "urgent", "routine"];
const NO_EMERGENCY = "no emergency found with these findings";
const CANNOT_NOTICE = "not judged: this model has no red flags and no steps of care, so it cannot notice an emergency";
const LEVELS = ["emergency", "urgent", "soon", "none"];
const FINDING_KINDS = ["history", "examination", "test"];

/* A probability as a percentage that never shows 0 or 100 for what is merely rare or likely. */
export function formatProbability(probability) {
  if (Number.isNaN(probability)) return "n/a";
  if (probability <= 0) return "0 %";
  if (probability >= 1 - 1e-12) return "100 %";
  if (probability < 0.001) return "<0.1 %";
  if (probability > 0.999) return ">99.9 %";
  return `${(100 * probability).toFixed(1)} %`;
}

/* A likelihood ratio with two significant digits. */
export function formatRatio(ratio) {
  if (Number.isNaN(ratio)) return "n/a";
  if (ratio === Infinity) return "inf";
  if (ratio === 0) return "0";
  if (ratio >= 1e4) return ratio.toExponential(1).replace(".0e", "e").replace(/e\+(\d)$/, "e+0$1");
  const rounded = Number(ratio.toExponential(1));
  return rounded.toFixed(Math.max(0, 1 - Math.floor(Math.log10(rounded))));
}

const unique = (items) => [...new Set(items)];
const sum = (values) => values.reduce((total, value) => total + value, 0);
const difference = (after, before) => (after === before ? 0 : after - before);

function entropyBits(shares) {
  let bits = 0;
  for (const share of shares) if (share > 0) bits -= share * Math.log2(share);
  return Math.max(bits, 0);
}

/* Sort by keys of numbers, the first one that differs deciding; what is equal keeps its order. */
function sortedBy(items, keys) {
  const keyed = items.map((item) => [keys(item), item]);
  keyed.sort(([one], [other]) => {
    const place = one.findIndex((key, at) => key !== other[at]);
    return place < 0 ? 0 : one[place] < other[place] ? -1 : 1;
  });
  return keyed.map(([, item]) => item);
}

/* True where every condition surely holds, false where one surely does not, null where it is not known. */
function met(conditions, findings) {
  let certain = true;
  for (const [variable, states] of conditions) {
    const possible = findings.get(variable) || null;
    if (possible && !possible.some((state) => states.includes(state))) return false;
    certain &&= possible !== null && possible.every((state) => states.includes(state));
  }
  return certain || null;
}

/* P(an event) and P(not), each summed by itself. */
function sides(marginal, event) {
  let inside = 0, outside = 0;
  for (let state = 0; state < marginal.length; state++) {
    if (event.states.includes(state)) inside += marginal[state]; else outside += marginal[state];
  }
  return [inside, outside];
}

/* A function `diagnose(population, findings)` over a published model; null where the findings cannot be together. */
export function reasoner(data, compile) {
  const { variables, places, lines, causes, flags, tests } = data;
  const engines = new Map();
  const priors = new Map();
  const acting = unique([...flags, ...data.management].flatMap((row) => row.events.map((event) => event.variable)));
  const followed = unique([...causes, ...acting]);

  function engineOf(population) {
    if (!engines.has(population)) {
      const program = data.programs[population];
      engines.set(population, compile(program.groups ? program : { ...program, groups: data.groups }));
    }
    return engines.get(population);
  }

  function evidenceOf(engine, findings) {
    const evidence = new Array(engine.size).fill(null);
    for (const [variable, possible] of findings) {
      if (possible) evidence[places[variable]] = variables[variable].states.map((_, state) => +possible.includes(state));
    }
    return evidence;
  }

  /* Posteriors of the causes and of what can be acted on; they stay valid. */
  function looked(engine, findings) {
    const { log, marginal } = engine.propagate(evidenceOf(engine, findings));
    const marginals = log === -Infinity ? null : new Map(followed.map((v) => [v, marginal(places[v])]));
    return { log, marginals, findings };
  }

  function logOdds(engine, look, event) {
    const [inside, outside] = sides(look.marginals.get(event.variable), event);
    if (Math.min(inside, outside) >= FAINT) return Math.log(inside) - Math.log(outside);
    const [present, absent] = [true, false].map((wanted) => {
      const known = look.findings.get(event.variable) || variables[event.variable].states.map((_, state) => state);
      const kept = known.filter((state) => event.states.includes(state) === wanted);
      if (!kept.length) return -Infinity;
      const findings = new Map(look.findings).set(event.variable, kept);
      return engine.propagate(evidenceOf(engine, findings), true).log;
    });
    return difference(present, absent);
  }

  function likeliest(row, marginals) {
    let best = [row.events[0], -1];
    for (const event of row.events) {
      const chance = Math.min(1, sides(marginals.get(event.variable), event)[0]);
      if (chance > best[1]) best = [event, chance];
    }
    return best;
  }

  return function diagnose(population, findings) {
    const engine = engineOf(population);
    const management = data.management.map((row) => ({ ...row, threshold: Object.hasOwn(row.thresholds, population) ? row.thresholds[population] : row.threshold }));
    const now = looked(engine, findings);
    if (now.log === -Infinity) return null;
    if (!priors.has(population)) priors.set(population, looked(engine, new Map()));
    const before = priors.get(population);
    const informative = [...findings].filter(([, possible]) => possible).map(([variable]) => variable);
    const memory = new Map();
    const once = (name, make) => {
      if (!memory.has(name)) memory.set(name, make());
      return memory.get(name);
    };
    const without = (variable) => once(`without ${variable}`, () => {
      const rest = new Map(findings);
      rest.delete(variable);
      return looked(engine, rest);
    });
    const alone = (variable) => once(`alone ${variable}`, () =>
      looked(engine, new Map([[variable, findings.get(variable)]])));
    const value = (variable) => {
      const possible = findings.get(variable);
      return possible ? possible.map((state) => variables[variable].states[state]).join(" or ") : "unknown";
    };
    const text = (variable) => {
      const { label, texts } = variables[variable];
      const possible = findings.get(variable);
      return possible && possible.length === 1 ? texts[possible[0]] : `${label}: ${value(variable)}`;
    };

    // --- what findings say about an event (bayesdx.diagnosis.weighing)
    const abnormal = informative.filter((variable) =>
      FINDING_KINDS.includes(variables[variable].kind) && !findings.get(variable).includes(0));
    const weigh = (event) => once(`weighed ${event.name}`, () => {
      const odds = logOdds(engine, now, event);
      const each = new Map(informative.map((variable) =>
        [variable, difference(odds, logOdds(engine, without(variable), event))]));
      const signs = informative.includes(event.variable) ? [...abnormal, event.variable] : abnormal;
      return { odds, together: difference(odds, logOdds(engine, before, event)), each, signs };
    });
    const speaking = ({ odds, together, each, signs }) => {
      if (together < (odds > 0 ? ROUNDING : SPEAKS)) return [];
      const ordered = sortedBy([...each], ([, weight]) => [-weight]);
      const raising = ordered.filter(([, weight]) => weight > ROUNDING).map(([variable]) => variable);
      const named = raising.length ? raising : [...each.keys()];
      return named.some((variable) => signs.includes(variable)) ? named : [];
    };

    // --- whether it is answered (bayesdx.diagnosis.answers)
    const results = (names) => names.flatMap((name) => tests[name].variables.filter((v) => informative.includes(v)));
    const done = (names) => names.filter((name) => results([name]).length);
    const answeredBy = (names, weighed) => {
      if (!names.length || done(names).length < names.length || speaking(weighed).length) return [];
      return results(names).filter((variable) => weighed.each.get(variable) <= -SPEAKS);
    };
    const deniedBy = (events) => {
      const denied = (event) => findings.get(event.variable) &&
        !findings.get(event.variable).some((state) => event.states.includes(state));
      return events.every(denied) ? unique(events.map((event) => event.variable)) : [];
    };

    // --- red flags and steps of care (bayesdx.diagnosis.red_flags, steps)
    const fired = once("flags", () => {
      const found = flags.flatMap((row) => {
        const observed = row.conditions.every(([variable]) => findings.get(variable));
        const holds = met(row.conditions, findings);
        if (!observed || holds === false) return [];
        let answers = deniedBy(row.events);
        if (!answers.length && row.tests.length && done(row.tests).length === row.tests.length) {
          const each = row.events.map((event) => answeredBy(row.tests, weigh(event)));
          answers = each.every((one) => one.length) ? unique(each.flat()) : [];
        }
        return [{ ...row, certain: holds === true, behind: row.conditions.map(([variable]) => variable),
          done: done(row.tests), answered: answers.length > 0 }];
      });
      return sortedBy(found, (flag) => [+!flag.certain, URGENCIES.indexOf(flag.urgency)]);
    });
    const steps = once("steps", () => {
      const raised = new Map();
      for (const flag of fired) {
        if (flag.certain && !flag.answered && flag.urgency !== "routine") {
          raised.set(flag.cause, unique([...(raised.get(flag.cause) || []), ...flag.behind]));
        }
      }
      const asked = management.flatMap((row) => {
        const holds = met(row.conditions, findings);
        const [event, probability] = likeliest(row, now.marginals);
        const flagged = row.urgency === "emergency" && raised.has(row.cause) && holds === true;
        if (holds === false || !(probability >= row.threshold || flagged)) return [];
        const weighed = weigh(event);
        if (row.urgency === "emergency" && answeredBy(row.tests, weighed).length) return [];
        return [{ row, event, probability, weighed, holds: row.conditions.length > 0 && holds === true,
          flagged: raised.get(row.cause) || [] }];
      });
      const found = new Map();
      const first = (one) => [URGENCIES.indexOf(one.row.urgency), +!one.holds, one.row.threshold, one.row.step];
      for (const { row, event, probability, weighed, holds, flagged } of sortedBy(asked, first)) {
        const metBy = holds ? row.conditions.map(([variable]) => variable) : [];
        const behind = unique([...metBy, ...flagged, ...speaking(weighed)]);
        const key = `${event.name}\n${row.action}`;
        if ((behind.length || row.urgency !== "emergency") && !found.has(key)) {
          found.set(key, { ...row, event, probability, behind, certain: true, done: done(row.tests) });
        }
      }
      return sortedBy([...found.values()], (step) => [URGENCIES.indexOf(step.urgency), -step.probability, step.step]);
    });

    // --- one banner per cause, and the level (bayesdx.diagnosis.triage)
    const alerts = () => once("alerts", () => {
      const parts = new Map();
      const given = informative.filter((variable) => data.diagnoses.includes(variable)).map(text).join("; ");
      const chance = (probability) => formatProbability(probability) + (probability === 0 && given ? ` with the cause that was given: ${given}` : "");
      const add = (item, event, probability) => {
        if (!parts.has(event.name)) parts.set(event.name, { event, probability, items: [] });
        parts.get(event.name).items.push(item);
      };
      for (const flag of fired) if (!flag.answered) add(flag, ...likeliest(flag, now.marginals));
      for (const step of steps) if (step.urgency === "emergency") add(step, step.event, step.probability);
      const found = [...parts.values()].map(({ event, probability, items }) => {
        const ordered = sortedBy(items, (item) => [URGENCIES.indexOf(item.urgency), +!item.certain]);
        const open = ordered.filter((item) => !item.tests.length || item.done.length !== item.tests.length);
        const told = open.some((item) => item.urgency === ordered[0].urgency) ? open : ordered;
        return { of: items, label: event.label, shown: chance(probability), urgency: ordered[0].urgency, certain: ordered[0].certain, probability,
          actions: unique(told.map((item) => item.action)), behind: unique(ordered.flatMap((item) => item.behind)) };
      });
      return sortedBy(found, (alert) => [URGENCIES.indexOf(alert.urgency), +!alert.certain, -alert.probability]);
    });
    const triage = () => once("triage", () => {
      const reasons = Object.fromEntries(LEVELS.map((level) => [level, []]));
      const banners = alerts();
      const bannerOf = (item) => {
        const place = banners.findIndex((alert) => alert.of.includes(item));
        return place < 0 ? banners.length : place;
      };
      for (const flag of fired) {
        if (flag.answered) continue;
        const level = flag.urgency === "emergency" ? (flag.certain ? "emergency" : "urgent")
          : flag.urgency === "urgent" && flag.certain ? "urgent" : "soon";
        reasons[level].push([bannerOf(flag), `${flag.label}, red flag ${flag.title}${flag.certain ? "" : " cannot be excluded"}`]);
      }
      for (const step of steps) {
        const level = step.urgency === "emergency" ? "emergency" : step.urgency !== "urgent" ? ""
          : step.behind.length ? "urgent" : informative.length ? "soon" : "";
        if (level) {
          reasons[level].push([bannerOf(step), `${step.event.label} with a probability of ${formatProbability(step.probability)} ` +
            `calls for: ${step.action}`]);
        }
      }
      const level = LEVELS.find((one) => reasons[one].length) || "none";
      const said = level === "none" ? (flags.length || management.length ? NO_EMERGENCY : CANNOT_NOTICE)
        : `${level}: ${sortedBy(reasons[level], ([banner]) => [banner])[0][1]}`;
      return { level, text: said, unasked: level === "emergency" ? [] : unasked() };
    });
    const unasked = () => {
      const wanted = new Map();
      const rows = [...flags, ...management].filter((row) => row.urgency === "emergency");
      for (const row of rows) {
        if (met(row.conditions, findings) === false) continue;
        for (const [variable] of row.conditions) {
          if (findings.has(variable) || variables[variable].kind === "test") continue;
          if (!wanted.has(variable)) wanted.set(variable, new Map());
          wanted.get(variable).set(row.cause, row.events);
        }
      }
      const names = variables.map((_, variable) => variable).filter((variable) => wanted.has(variable));
      const worth = new Map(names.map((variable) => {
        const events = [...wanted.get(variable).values()].flat();
        const uncertain = (look) => sum(events.map((event) => entropyBits(sides(look.marginals.get(event.variable), event))));
        const after = variables[variable].states.map((_, state) => looked(engine, new Map(findings).set(variable, [state])));
        const left = after.filter((look) => look.marginals).map((look) => Math.exp(look.log - now.log) * uncertain(look));
        return [variable, uncertain(now) - sum(left)];
      }));
      return sortedBy(names, (variable) => [-Math.round(worth.get(variable) * 1e12) / 1e12]);
    };

    // --- what to find out next (bayesdx.diagnosis.suggestions), bits about the causes one by one, added up
    const worthOf = (marginals, known) => {
      const chances = new Map();
      const chance = (row) => {
        if (!chances.has(row.cause)) {
          chances.set(row.cause, Math.max(...row.events.map((event) => sides(marginals.get(event.variable), event)[0])));
        }
        return chances.get(row.cause);
      };
      const taken = new Set();
      const thresholds = new Map();
      for (const row of management) {
        const denied = row.conditions.some(([variable, states]) => {
          const possible = known.get(variable);
          return possible && !possible.some((state) => states.includes(state));
        });
        if (!denied && chance(row) >= row.threshold) taken.add(`${row.cause}\n${row.action}`);
        if (!thresholds.has(row.cause)) thresholds.set(row.cause, [row, new Set()]);
        thresholds.get(row.cause)[1].add(row.threshold);
      }
      let benefit = 0;
      for (const [row, each] of thresholds.values()) {
        for (const threshold of each) {
          if (threshold < 1) benefit += Math.max(0, (chance(row) - threshold) / (1 - threshold)) / each.size;
        }
      }
      const entropy = sum(causes.map((cause) => entropyBits(marginals.get(cause))));
      return { taken, benefit, entropy };
    };
    const openOptions = () => {
      const open = variables.map((_, variable) => variable)
        .filter((variable) => FINDING_KINDS.includes(variables[variable].kind) && !findings.has(variable));
      const grouped = new Set();
      const found = [];
      for (const test of Object.values(tests)) {
        test.variables.forEach((variable) => grouped.add(variable));
        const asked = test.variables.filter((variable) => open.includes(variable));
        if (asked.length) found.push({ ...test, kind: "test", variables: asked });
      }
      for (const variable of open) {
        const { label, kind } = variables[variable];
        if (!grouped.has(variable)) {
          found.push({ label, kind, variables: [variable], cost: 0, delay: 0, burden: 0, risk: 0, soonest: 0 });
        }
      }
      return found;
    };
    const next = () => once("next", () => {
      const { price } = data;
      const current = worthOf(now.marginals, findings);
      const emergencies = new Map();
      for (const step of steps) {
        if (step.urgency === "emergency" && step.probability > 0 && step.probability < 1) {
          const held = emergencies.get(step.event.name);
          emergencies.set(step.event.name, { event: step.event, probability: step.probability,
            threshold: Math.min(step.threshold, held ? held.threshold : 1) });
        }
      }
      const urgent = sortedBy([...emergencies.values()], (one) => [-one.probability]);
      const suggestions = openOptions().map((option) => {
        let results = [[]];
        for (const variable of option.variables) {
          results = results.flatMap((given) => variables[variable].states.map((_, state) => [...given, [variable, [state]]]));
        }
        if (results.length > MOST_RESULTS) return null;
        let bits = current.entropy, change = 0, benefit = -current.benefit;
        const moved = new Map();
        const about = urgent.map(() => 0);
        for (const result of results) {
          const known = new Map([...findings, ...result]);
          const look = looked(engine, known);
          if (!look.marginals) continue;
          const weight = Math.exp(look.log - now.log);
          const then = worthOf(look.marginals, known);
          bits -= weight * then.entropy;
          benefit += weight * then.benefit;
          const differing = [...then.taken].filter((one) => !current.taken.has(one))
            .concat([...current.taken].filter((one) => !then.taken.has(one)));
          if (differing.length) change += weight;
          for (const one of differing) moved.set(one, (moved.get(one) || 0) + weight);
          urgent.forEach(({ event }, place) => {
            const [after, otherwise] = sides(look.marginals.get(event.variable), event);
            const [was, wasNot] = sides(now.marginals.get(event.variable), event);
            let found = 0;
            if (after > 0 && was > 0) found += after * Math.log2(after / was);
            if (otherwise > 0 && wasNot > 0) found += otherwise * Math.log2(otherwise / wasNot);
            about[place] += weight * Math.max(found, 0);
          });
        }
        bits = Math.max(0, bits);
        benefit = Math.max(0, benefit);
        const costs = option.cost + option.delay * price.hour + option.burden * price.burden + option.risk * price.harm;
        const value = bits * price.bit + benefit * price.patient - costs;
        return { option, bits, change: Math.min(1, change), value, about, moved };
      }).filter((one) => one !== null);
      const bears = new Map();
      urgent.forEach((emergency, place) => {
        const bits = suggestions.map((one) => (one.option.soonest <= EMERGENCY_HOURS ? one.about[place] : 0));
        const enough = Math.min(BEARING * entropyBits([emergency.probability, 1 - emergency.probability]), Math.max(0, ...bits));
        bits.forEach((told, at) => {
          if (told > 0 && told >= enough && told > (bears.has(at) ? bears.get(at).told : 0)) bears.set(at, { told, emergency });
        });
      });
      const ranked = [
        ...sortedBy([...bears.keys()], (at) => [-bears.get(at).told]),
        ...sortedBy(suggestions.map((_, at) => at).filter((at) => !bears.has(at)),
          (at) => [-Math.round(suggestions[at].value * 1e6) / 1e6]),
      ];
      const open = ({ event, probability, threshold }) => (probability >= threshold
        ? `${event.label} has a probability of ${formatProbability(probability)}, at or above its threshold of ` +
          `${formatProbability(threshold)}`
        : `${event.label} has a red flag, at a probability of ${formatProbability(probability)}`);
      const changing = ranked.map((at) => suggestions[at]).find((one) => one.change > STOP_BELOW);
      const reason = !suggestions.length ? "Everything that the model knows of has been looked for."
        : urgent.length ? `Do not stop: ${urgent.map(open).join("; ")}.`
        : !management.length ? "Whether to stop is not judged: this model has no steps of care, so no decision can change."
        : !changing ? "It is reasonable to stop: nothing open changes a decision with a probability above " +
          `${formatProbability(STOP_BELOW)}.`
        : `Go on: ${changing.option.label} changes a decision with a probability of ${formatProbability(changing.change)}.`;
      const why = (at) => (bears.has(at) ? open(bears.get(at).emergency)
        : `net value of ${suggestions[at].value.toFixed(0)} EUR`);
      return { reason, urgent: urgent.length > 0, rows: ranked.map((at) => ({ ...suggestions[at], bears: bears.has(at),
        emergency: bears.has(at) ? bears.get(at).emergency : null, why: why(at) })) };
    });

    // --- the differential and its reasons
    const differential = once("differential", () => {
      const found = lines.map((line) => {
        const posterior = Math.min(1, now.marginals.get(line.variable)[line.state]);
        const prior = Math.min(1, before.marginals.get(line.variable)[line.state]);
        const ratio = (posterior / (1 - posterior)) / (prior / (1 - prior));
        return { ...line, posterior, prior, ratio };
      });
      return sortedBy(found, (line) => [-Math.round(Math.log(line.posterior) * 1e9) / 1e9]);
    });
    const none = once("none", () => {
      const healthy = new Map(findings);
      for (const cause of causes) {
        if (healthy.get(cause) && !healthy.get(cause).includes(0)) return 0;
        healthy.set(cause, [0]);
      }
      return Math.exp(Math.min(0, engine.propagate(evidenceOf(engine, healthy), true).log - now.log));
    });
    /* Each group as P(at least one member present), highest first, with its members in the order of the differential. */
    const groups = () => once("groups", () => sortedBy(data.cause_groups.map((group) => {
      const without = new Map(findings);
      for (const { variable, states } of group.members) {
        const possible = without.get(variable) || variables[variable].states.map((_, state) => state);
        without.set(variable, possible.filter((state) => !states.includes(state)));
      }
      const none = [...without.values()].some((possible) => possible && !possible.length) ? -Infinity
        : engine.propagate(evidenceOf(engine, without), true).log;
      const names = group.members.map((event) => event.name);
      return { ...group, probability: -Math.expm1(Math.min(0, none - now.log)),
        members: differential.filter((line) => names.includes(line.cause)) };
    }), (group) => [-group.probability]));
    const reasons = (event) => ({
      prior: DECIBANS * logOdds(engine, before, event),
      posterior: DECIBANS * logOdds(engine, now, event),
      rows: sortedBy(informative.map((variable) => ({
        variable,
        others: DECIBANS * weigh(event).each.get(variable),
        alone: DECIBANS * difference(logOdds(engine, alone(variable), event), logOdds(engine, before, event)),
      })), (row) => [-Math.abs(row.others)]),
    });
    /* What each state of a variable does to an event, given the other findings, and which line it raises most. */
    const effects = (variable, event) => {
      const others = without(variable);
      return { before: Math.min(1, sides(others.marginals.get(event.variable), event)[0]), rows: variables[variable].states.map((state, place) => {
        const then = looked(engine, new Map(others.findings).set(variable, [place]));
        if (!then.marginals) return { state, possible: false };
        const ratio = (line) => {
          const own = { name: line.cause, variable: line.variable, states: [line.state] };
          const odds = logOdds(engine, others, own);
          return Number.isFinite(odds) ? Math.exp(logOdds(engine, then, own) - odds) : NaN;
        };
        const ratios = lines.map(ratio);
        const most = ratios.reduce((best, one, at) => (Number.isFinite(one) && !(one <= ratios[best]) ? at : best), 0);
        const asked = lines.findIndex((line) => line.cause === event.name);
        return { state, possible: true, ratio: ratios[asked], then: Math.min(1, sides(then.marginals.get(event.variable), event)[0]),
          raises: lines[most].label, raised: ratios[most] };
      }) };
    };
    /* How probable an answer is, and which cause comes first then; null where it cannot be. */
    const after = (answers) => {
      const then = looked(engine, new Map([...findings, ...answers]));
      if (!then.marginals) return null;
      const shares = lines.map((line) => then.marginals.get(line.variable)[line.state]);
      const first = shares.indexOf(Math.max(...shares));
      return { chance: Math.min(1, Math.exp(then.log - now.log)), first: lines[first].label, share: Math.min(1, shares[first]) };
    };
    return { population, findings, effects, after, value, text, differential, none, groups, steps, alerts, triage, next, reasons };
  };
}
