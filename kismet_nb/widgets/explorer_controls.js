// Draws lines of controls as HTML, and sends the chosen values. The kernel responds with the current lines.

let lists = 0; // for unique ids
const typing = new WeakSet(); // elements whose text has not been sent yet

function draw({ kind, label, options, placeholder }, choose) {
  const element = document.createElement(kind === "button" ? "button" : kind === "select" ? "select" : "input");
  if (kind === "button") {
    element.textContent = label;
    element.addEventListener("click", () => choose(""));
    return [element, element];
  }
  const box = document.createElement("label");
  box.append(label, element);
  element.setAttribute("aria-label", label || (kind === "select" ? "Operator" : "Value"));
  if (kind === "select") element.append(...options.map((option) => new Option(option, option)));
  else element.placeholder = placeholder;
  if (kind === "number") element.type = "number";
  if (kind === "suggestions") {
    const list = document.createElement("datalist");
    list.id = `kismet-list-${(lists += 1)}`;
    element.setAttribute("list", list.id);
    list.append(...options.map((option) => new Option(option)));
    box.append(list);
  }
  element.addEventListener("input", () => typing.add(element));
  element.addEventListener("change", () => {
    typing.delete(element);
    if (kind !== "number" || element.value !== "") choose(element.value);
  });
  return [box, element];
}

function render({ model, el }) {
  el.classList.add("kismet-controls");
  let drawn = "";
  let controls = [];

  function receive({ lines }) {
    const structure = JSON.stringify(lines.map((line) => line.map(({ kind, label, options }) => [kind, label, options])));
    if (structure !== drawn) {
      drawn = structure;
      controls = lines.map((line, number) => line.map((control, position) =>
        draw(control, (value) => model.send({ kind: "chosen", line: number, position, value }))));
      el.replaceChildren(...controls.map((line) => {
        const row = document.createElement("div");
        row.append(...line.map(([box]) => box));
        return row;
      }));
    }
    lines.forEach((line, number) => line.forEach(({ kind, value, hidden }, position) => {
      const [box, element] = controls[number][position];
      box.hidden = hidden;
      if (kind !== "button" && !typing.has(element)) element.value = value;
    }));
  }

  model.on("msg:custom", receive);
  model.send({ kind: "drawn" });
  return () => model.off("msg:custom", receive);
}

export default { render };
