/* A note that is pasted: what was read of it, each proposal with its words marked, taken one by one. */

const LONGEST_NOTE = 50000;

function noteOf(context) {
  const { ask } = context;
  const area = make("textarea", { rows: 7, maxLength: LONGEST_NOTE, "aria-label": "A note in your words",
    placeholder: "Paste or type a note: 73M on apixaban, sudden groin pain, afebrile, hip flexion 2/5 …" });
  const text = make("div", { className: "bdx-passage", hidden: true, tabIndex: 0, role: "region", "aria-label": "The note, with what was read" });
  const list = make("ol", { className: "bdx-proposals" });
  const told = make("p", { className: "bdx-note", role: "status",
    textContent: "Nothing of a note is used before you confirm it. It stays on this machine." });
  const read = button("Read the note", "Show what the note says in the words of this model", () => {
    if (area.value.trim()) ask({ do: "read", text: area.value });
  });
  const again = button("Another note", "Back to the text", () => show(false), { hidden: true });
  const element = make("div", { className: "bdx-tabpanel bdx-notes" }, area,
    make("div", { className: "bdx-asides" }, read, again), told, text, list);
  let marks = [];

  function show(reading) {
    area.hidden = read.hidden = reading;
    text.hidden = again.hidden = list.hidden = !reading;
  }

  function point(place) {
    for (const mark of marks) mark.classList.toggle("bdx-current", mark.dataset.place === String(place));
    const first = marks.find((mark) => mark.dataset.place === String(place));
    if (first) text.scrollTop = first.offsetTop - text.offsetTop - text.clientHeight / 2;
  }

  return {
    element,
    drawn(reading) {
      marks = [];
      text.replaceChildren(...reading.pieces.map(([piece, kind, place]) => {
        if (!kind) return document.createTextNode(piece);
        const mark = make("mark", { className: `bdx-${kind}`, textContent: piece });
        mark.dataset.place = String(place);
        marks.push(mark);
        return mark;
      }));
      const settle = (item, what) => {
        item.classList.add("bdx-settled");
        item.querySelector(".bdx-outcome").textContent = what;
        for (const one of item.querySelectorAll("button")) one.disabled = true;
        const next = list.querySelector("li:not(.bdx-settled) button");
        if (next) next.focus();
        else again.focus();
      };
      list.replaceChildren(...reading.proposals.map((one, place) => {
        const item = make("li", { className: one.against ? "bdx-against" : "" },
          make("span", { className: "bdx-proposal" }, make("b", { textContent: one.label }), document.createTextNode(` ${one.value}`),
            make("span", { className: "bdx-note", textContent: ` ${one.against ? "the note contradicts itself; " : ""}${one.rule}` })),
          make("span", { className: "bdx-outcome bdx-note" }));
        const take = button("Take", `Take ${one.label}: ${one.value}`, () => {
          ask({ do: "set", index: one.index, state: one.states.length === 1 ? one.states[0] : one.states });
          settle(item, "taken");
        }, { "aria-label": `Take ${one.label}: ${one.value}` });
        const leave = button("Leave", `Leave ${one.label} out`, () => settle(item, "left out"), { "aria-label": `Leave ${one.label} out` });
        item.append(take, leave);
        item.addEventListener("focusin", () => point(place));
        item.addEventListener("pointermove", (event) => { if (event.movementX || event.movementY) point(place); });
        return item;
      }), ...reading.left.map((one) => make("li", { className: "bdx-left" },
        make("span", { className: "bdx-note", textContent: `Left out: “${one.words}” (${one.label}): ${one.why}` }))));
      const count = reading.proposals.length;
      told.textContent = count ? `${count} proposal${count === 1 ? "" : "s"}, read by rules: compare each with the words that are marked.`
        : "Nothing in the note was read as a finding of this model.";
      show(true);
      const first = list.querySelector("button");
      if (first) first.focus();
    },
  };
}
