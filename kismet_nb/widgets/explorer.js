// Shows an answer: a message, the chart, and the code with a button that copies it.
// Messages carry the content, because traits are saved in the notebook.

function render({ model, el }) {
  el.classList.add("kismet-answer");
  const message = document.createElement("p");
  message.setAttribute("role", "status");
  const chart = document.createElement("div");
  const copy = document.createElement("button");
  copy.textContent = "Copy the code";
  const code = document.createElement("pre");
  el.append(message, chart, code, copy);

  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code); // no permission to copy: select the code for Ctrl-C
      copy.textContent = "Press Ctrl-C";
    }
    setTimeout(() => (copy.textContent = "Copy the code"), 2000);
  });

  const show = (content) => {
    message.textContent = content.message;
    message.hidden = !content.message;
    code.textContent = content.code;
    code.hidden = copy.hidden = !content.code;
    chart.innerHTML = content.chart; // the figure that a cell shows for this chart
  };
  model.on("msg:custom", show);
  model.send({ kind: "drawn" });
  return () => model.off("msg:custom", show);
}

export default { render };
