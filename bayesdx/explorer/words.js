/* What was typed, as a finding: "no fever", "knee jerk absent", "age 70". Proposes; Enter takes it. */

const DENIALS = new Set(["no", "not", "non", "without", "denie", "deny", "denied", "negative", "absent", "none", "never", "nil", "normal", "intact"]);
const AFFIRMS = new Set(["yes", "present", "positive", "has", "with", "the", "a", "of", "in", "on", "and", "or", "is", "are"]);

/* Words of a text as they are compared: no case, accents or plurals, American spelling as British. */
function folded(text) {
  return text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "").replace(/ae/g, "e").replace(/oe/g, "e").replace(/\bx[\s-]ray/g, "xray")
    .split(/[^\p{L}\p{N}]+/u).filter(Boolean)
    .map((word) => (word.length > 3 && word.endsWith("s") && !word.endsWith("ss") ? word.slice(0, -1) : word));
}

const begins = (word, typed) => word === typed || (typed.length >= 3 && word.startsWith(typed));
const among = (words, typed) => words.some((word) => begins(word, typed));

/* A reader of typed words over rows with `names` (texts), `says` (texts per state) and `number`. */
function readerOf(rows) {
  const known = rows.map((row) => ({
    row, phrases: [...row.names, ...row.says.flat()].map(folded), says: row.says.map((texts) => [...new Set(texts.flatMap(folded))]),
  }));
  const seen = new Map();
  for (const one of known) {
    for (const word of new Set(one.phrases.flat())) seen.set(word, (seen.get(word) || 0) + 1);
  }
  const rarity = (typed) => {
    let count = 0;
    for (const [word, found] of seen) if (begins(word, typed)) count += found;
    return Math.log(1 + known.length / Math.max(1, count));
  };

  /* { row, state } or { row, number }; state is null where the words leave it open; null where no row fits all words. */
  return function read(text) {
    const number = text.match(/\d+(?:[.,]\d+)?/);
    const typed = folded(text.replace(/\d+(?:[.,]\d+)?(?:\s*\/\s*\d+)?/g, " "));
    const content = typed.filter((word) => !DENIALS.has(word) && !AFFIRMS.has(word));
    if (!content.length) return null;
    const weights = new Map(content.map((word) => [word, rarity(word)]));
    let best = null;
    for (const { row, phrases, says } of known) {
      if (number && !row.number) continue;
      const spoken = [...says.flat(), ...folded(row.number)];
      const fitting = typed.filter((word) => !content.includes(word) && spoken.includes(word)).length;
      let score = -Infinity;
      for (const name of phrases) {
        const matched = content.filter((word) => among(name, word));
        if (!matched.length || !content.every((word) => matched.includes(word) || among(spoken, word))) continue;
        const unsaid = name.filter((word) => !AFFIRMS.has(word) && !typed.some((one) => begins(word, one))).length;
        score = Math.max(score, matched.reduce((sum, word) => sum + weights.get(word), 0) - 0.3 * unsaid + 0.4 * fitting);
      }
      if (score > (best ? best.score : -Infinity)) best = { score, row, says };
    }
    if (!best) return null;
    const { row, says } = best;
    if (number && row.number) return { row, number: number[0].replace(",", ".") };
    const fits = says.map((words) => typed.reduce((sum, word) => sum + (words.includes(word) ? 1 : among(words, word) ? 0.6 : 0), 0));
    const most = Math.max(...fits);
    const first = fits.filter((fit) => fit === most).length === 1 ? fits.indexOf(most) : -1;
    const against = typed.some((word) => DENIALS.has(word) && !(first >= 0 && says[first].includes(word))); // "not" that is no part of the state
    if (against) return { row, state: says.length === 2 || first <= 0 ? 0 : null };
    return { row, state: first >= 0 ? first : says.length === 2 ? 1 : null };
  };
}
