// Draws a table with itables' own widget. The kernel sends the rows after the first page in one message.
// They are not in a trait, because a front-end or an execution tool saves the traits in the notebook.
// ITABLES is the source of itables' widget; Python inserts it before this text.

const address = URL.createObjectURL(new Blob([ITABLES], { type: "text/javascript" }));
const { default: itables } = await import(address);
URL.revokeObjectURL(address);

function render({ model, el }) {
  let options = model.get("_dt_args");
  let complete = !model.get("_has_more");
  let redraw = () => {};
  itables.render({
    el,
    model: {
      // A copy, because itables changes the options that it gets.
      get: (name) => (name === "_dt_args" ? structuredClone(options) : model.get(name)),
      on: (name, callback) => {
        if (name === "change:_dt_args") redraw = callback;
      },
      set() {},
      save_changes() {},
    },
  });
  model.on("msg:custom", (content, buffers) => {
    if (!buffers.length) return;
    if (complete && !content.options) return; // the response to another view of this table
    complete = true;
    const { info } = content;
    options = { ...options, ...content.options };
    options = { ...options, data_json: new TextDecoder().decode(buffers[0]), language: { ...options.language, info } };
    redraw();
  });
  if (complete) return;
  model.send({ kind: "rows" });
}

export default { render };
