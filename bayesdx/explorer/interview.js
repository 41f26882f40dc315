/* Ask me: one question at a time, why it is asked, what an answer would change, and when to stop. */

const REST_MILLISECONDS = 300; // a new question takes no click for so long, so that a double click answers one question

function interviewOf(context) {
  const { ask } = context;
  let since = 0;
  let drawn = null;
  let waiting = false; // between an answer and the next question
  const answer = (value) => {
    if (waiting || performance.now() - since < REST_MILLISECONDS) return;
    waiting = true;
    ask({ do: "answer", value });
  };
  const card = make("div", { className: "bdx-question", "aria-live": "polite" });
  const back = button("Back", "Take the last answer back", () => ask({ do: "undo" }));
  const so = make("ol", { className: "bdx-answered" });
  const heading = make("h3", { textContent: "Answered so far" });
  const element = make("div", { className: "bdx-tabpanel" }, card, make("div", { className: "bdx-so" }, heading, so));

  function choices(told) {
    const consequence = (one) => (one.first ? `${one.chance} likely; then ${one.first} ${one.shown}` : "");
    if (!told.several) {
      return told.answers.map((one) => {
        const made = button("", "", () => answer(one.mark), { className: "bdx-answer" });
        made.append(make("span", { textContent: one.label }), make("span", { className: "bdx-note", textContent: consequence(one) }));
        return made;
      });
    }
    const boxes = told.answers.map((one) => make("input", { type: "checkbox", value: one.mark }));
    const chosen = () => boxes.filter((box) => box.checked).map((box) => box.value);
    return [
      ...told.answers.map((one, place) => make("label", { className: "bdx-answer" },
        make("span", {}, boxes[place], document.createTextNode(` ${one.label}`)),
        make("span", { className: "bdx-note", textContent: consequence(one) }))),
      button("These, the others normal", "Take the results that are ticked; the others are normal", () => answer(chosen().length ? chosen() : "none"), { className: "bdx-answer" }),
    ];
  }

  function draw(state, told) {
    back.disabled = !state.undo;
    heading.hidden = !state.findings.length;
    so.replaceChildren(...[...state.findings].reverse().map((finding) => make("li", {},
      button(phraseOf(finding), "Go to this finding", () => context.reveal([finding.index])))));
    card.setAttribute("aria-busy", String(!told));
    if (!told) return;
    waiting = false;
    if (told === drawn) return;
    drawn = told;
    since = performance.now();
    const focused = card.contains(document.activeElement);
    if (told.error || told.stop) {
      card.replaceChildren(make("h3", { textContent: told.error ? "No question" : "Nothing more has to be asked" }),
        make("p", { textContent: told.error || told.stop }), make("div", { className: "bdx-asides" }, back));
    } else {
      const number = make("input", { type: "text", inputMode: "decimal", placeholder: told.number, "aria-label": told.number, autocomplete: "off" });
      number.addEventListener("change", () => { if (number.value.trim()) answer(number.value.trim()); });
      card.replaceChildren(
        make("h3", { className: told.emergency ? "bdx-urgent-note" : "", textContent: told.text }),
        make("div", { className: "bdx-answers", role: "group", "aria-label": "Answers" }, ...choices(told)),
        make("div", { className: "bdx-asides" }, ...(told.number ? [number] : []),
          ...(told.kind === "setting" ? [] : [button("Don't know", "Asked, could not be told", () => answer("?"))]), back),
        make("p", { className: "bdx-note", textContent: `Why: ${told.why}` }));
    }
    if (focused) (card.querySelector(".bdx-answer, button:enabled") || card).focus({ preventScroll: true });
  }

  return { element, draw };
}
