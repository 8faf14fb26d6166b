// Asks before something is done that is not easily undone.

import { h, render } from "./dom.js";

/**
 * Asks whether to go on. Ends with what was filled in (`fields` says by which name), or null.
 * The least harmful answer has the focus, and Escape gives it.
 */
export function ask({ title, body, fields = [], yes, isDangerous = false }) {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "question");
  document.body.append(dialog);
  return new Promise((resolve) => {
    const end = (answer) => {
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    const agree = (event) => {
      event.preventDefault();
      end(Object.fromEntries(new FormData(event.target)));
    };
    dialog.oncancel = (event) => {
      event.preventDefault();
      end(null);
    };
    render(
      dialog,
      h("form", { onsubmit: agree },
        h("h2", { id: "question" }, title),
        body.map((paragraph) => h("p", null, paragraph)),
        fields,
        h("div", { class: "actions end" },
          h("button", { type: "button", autofocus: fields.length === 0, onclick: () => end(null) }, "Leave it"),
          h("button", { type: "submit", class: isDangerous ? "danger" : "primary" }, yes))),
    );
    dialog.showModal();
  });
}

/** What becomes of runs that go on, to be chosen. */
export function handover() {
  const choice = (value, label, checked) =>
    h("label", { class: "choice" }, h("input", { type: "radio", name: "handover", value, checked }), label);
  return h("fieldset", null,
    h("legend", null, "Syncs that are running now"),
    choice("at_checkpoint", "go on with the new version from their next checkpoint", true),
    choice("at_end", "end with the version that they began with", false));
}

/** How many of the connections go by a new version before all do, to be chosen. */
export function share() {
  const choice = (percent, label) => h("option", { value: percent }, label);
  return h("label", null, "Connections that go by it at first ",
    h("select", { name: "share" },
      choice(100, "all"), choice(1, "1 %"), choice(5, "5 %"), choice(10, "10 %"), choice(25, "25 %"), choice(50, "50 %")));
}
