/* Exact posteriors in a page: the junction tree of Engine.portable, run with double precision.

   Lauritzen, Spiegelhalter (1988), with the division of messages of F. Jensen, S. Lauritzen, K. Olesen (1990),
   "Bayesian updating in causal probabilistic networks by local computations". */

/* Cell of `inner` for each cell over `outer`, the last variable running fastest. */
function cellOf(outer, inner, cards) {
  const steps = new Map();
  let stride = 1;
  for (const v of [...inner].reverse()) {
    steps.set(v, stride);
    stride *= cards[v];
  }
  let cells = Uint32Array.of(0);
  for (const v of outer) {
    const step = steps.get(v) || 0;
    const wider = new Uint32Array(cells.length * cards[v]);
    for (let cell = 0, at = 0; cell < cells.length; cell++) {
      for (let state = 0; state < cards[v]; state++) wider[at++] = cells[cell] + state * step;
    }
    cells = wider;
  }
  return [cells, stride];
}

/* P(state | parents) of a noisy-MAX gate, a row per state: the highest grade that its leak and its links draw. */
function rowsOfGate(leak, links, scope, cards) {
  let grades = [leak];
  links.forEach((link, place) => {
    const raised = [];
    for (const before of grades) {
      for (let state = 0; state < cards[scope[place]]; state++) {
        let below = 0, reached = 0;
        raised.push(before.map((share, grade) => {
          reached += link[state][grade];
          const chance = share * reached + below * link[state][grade];
          below += share;
          return chance;
        }));
      }
    }
    grades = raised;
  });
  return leak.map((_, state) => Float64Array.from(grades, (row) => row[state]));
}

/* An engine: `propagate(evidence)` with, per variable, null or the likelihood of each state.

   Its answer holds the logarithm of the probability of the evidence, -Infinity where it cannot be, and the posterior of
   a variable on demand: `marginal(v)`, an array over its states. One answer is valid until the next question. */
export function compile(program) {
  const { size, cards, homes } = program;
  const cliques = program.cliques.map(({ variables, parent, shared, numbers }) => {
    const [toShared, sharedCells] = cellOf(variables, shared, cards);
    return {
      variables, parent, toShared, numbers: Float64Array.from(numbers), cells: new Float64Array(numbers.length),
      up: new Float64Array(sharedCells), down: new Float64Array(sharedCells),
      fromParent: parent < 0 ? null : cellOf(program.cliques[parent].variables, shared, cards)[0],
      entering: [],
    };
  });
  homes.forEach((home, v) => {
    if (home >= 0) cliques[home].entering.push([v, cellOf(cliques[home].variables, [v], cards)[0]]);
  });
  const groups = program.groups.map(({ clique, scope, leaves }) => {
    const [toScope, count] = cellOf(cliques[clique].variables, scope, cards);
    return {
      clique, toScope, seen: new Float64Array(count), told: false, joint: new Float64Array(count), summed: false,
      leaves: leaves.map((leaf) => ({
        variable: leaf.variable, told: new Float64Array(count),
        rows: leaf.rows ? leaf.rows.map((row) => Float64Array.from(row)) : rowsOfGate(leaf.leak, leaf.links, scope, cards),
      })),
    };
  });
  const statesOf = new Map(cliques.flatMap((clique) => clique.entering));
  const leafOf = new Map(groups.flatMap((group) => group.leaves.map((leaf) => [leaf.variable, [group, leaf]])));
  let given = [];

  /* Multiply the evidence about the leaves of a group; the logarithm of what is factored out. */
  function enterLeaves(group) {
    let scale = 0;
    group.told = false;
    for (const leaf of group.leaves) {
      const likelihood = given[leaf.variable];
      if (!likelihood) continue;
      leaf.told.fill(0);
      likelihood.forEach((weight, state) => {
        if (weight > 0) leaf.rows[state].forEach((chance, cell) => { leaf.told[cell] += weight * chance; });
      });
      if (!group.told) group.seen.fill(1);
      group.told = true;
      let most = 0;
      for (let cell = 0; cell < group.seen.length; cell++) {
        group.seen[cell] *= leaf.told[cell];
        most = Math.max(most, group.seen[cell]);
      }
      if (!(most > 0)) return -Infinity;
      for (let cell = 0; cell < group.seen.length; cell++) group.seen[cell] /= most;
      scale += Math.log(most);
    }
    if (group.told) {
      const { cells } = cliques[group.clique];
      for (let cell = 0; cell < cells.length; cell++) cells[cell] *= group.seen[group.toScope[cell]];
    }
    return scale;
  }

  /* Divide by the largest cell, so that nothing becomes too small; its logarithm. */
  function scaled(cells) {
    let most = 0;
    for (const value of cells) if (value > most) most = value;
    if (!(most > 0)) return -Infinity;
    for (let cell = 0; cell < cells.length; cell++) cells[cell] /= most;
    return Math.log(most);
  }

  function collect() {
    let log = 0;
    for (const clique of cliques) {
      clique.cells.set(clique.numbers);
      for (const [v, states] of clique.entering) {
        const likelihood = given[v];
        if (likelihood) for (let cell = 0; cell < states.length; cell++) clique.cells[cell] *= likelihood[states[cell]];
      }
    }
    for (const group of groups) log += enterLeaves(group);
    for (const clique of cliques) {
      log += scaled(clique.cells);
      if (log === -Infinity) return log;
      clique.up.fill(0);
      for (let cell = 0; cell < clique.cells.length; cell++) clique.up[clique.toShared[cell]] += clique.cells[cell];
      if (clique.parent < 0) log += Math.log(clique.up[0]);
      else {
        const above = cliques[clique.parent].cells;
        for (let cell = 0; cell < above.length; cell++) above[cell] *= clique.up[clique.fromParent[cell]];
      }
    }
    return log;
  }

  function distribute() {
    for (let place = cliques.length - 1; place >= 0; place--) {
      const { cells, parent, up, down, toShared, fromParent } = cliques[place];
      if (parent < 0) {
        const total = up[0];
        for (let cell = 0; cell < cells.length; cell++) cells[cell] /= total;
        continue;
      }
      down.fill(0);
      const above = cliques[parent].cells;
      for (let cell = 0; cell < above.length; cell++) down[fromParent[cell]] += above[cell];
      for (let cell = 0; cell < down.length; cell++) down[cell] = up[cell] > 0 ? down[cell] / up[cell] : 0;
      for (let cell = 0; cell < cells.length; cell++) cells[cell] *= down[toShared[cell]];
    }
  }

  /* The posterior of what the leaves of a group hang on, added up once for all of them. */
  function jointOf(group) {
    const { joint, toScope, clique, summed } = group;
    if (summed) return joint;
    joint.fill(0);
    const { cells } = cliques[clique];
    for (let cell = 0; cell < cells.length; cell++) joint[toScope[cell]] += cells[cell];
    group.summed = true;
    return joint;
  }

  function marginal(v) {
    const found = new Float64Array(cards[v]);
    if (homes[v] >= 0) {
      const { cells } = cliques[homes[v]];
      const states = statesOf.get(v);
      for (let cell = 0; cell < cells.length; cell++) found[states[cell]] += cells[cell];
    } else {
      const [group, leaf] = leafOf.get(v);
      const joint = jointOf(group);
      const likelihood = given[v];
      for (let cell = 0; cell < joint.length; cell++) {
        if (!(joint[cell] > 0)) continue;
        const share = likelihood ? joint[cell] / leaf.told[cell] : joint[cell];
        for (let state = 0; state < found.length; state++) {
          found[state] += share * leaf.rows[state][cell] * (likelihood ? likelihood[state] : 1);
        }
      }
    }
    let total = 0;
    for (const share of found) total += share;
    for (let state = 0; state < found.length; state++) found[state] /= total;
    return found;
  }

  return {
    size,
    cards,
    propagate(evidence, alone = false) {
      given = evidence;
      for (const group of groups) group.summed = false;
      const log = collect();
      if (log > -Infinity && !alone) distribute();
      return { log, marginal };
    },
  };
}
