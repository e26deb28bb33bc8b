// The form of all other options, made of what the server says there is.

const HERE = ["focus_point", "focus_m", "focus_range", "focus", "f_number", "blur"]; // have controls of their own

export function build(place, options, names, onChange) {
  const given = {};
  for (const option of options.filter((one) => !HERE.includes(one.name))) {
    const id = `option-${option.name}`;
    const label = document.createElement("label");
    label.htmlFor = id;
    label.textContent = option.name.replaceAll("_", " ");
    const field = made(option, names[option.name]);
    field.id = id;
    const about = document.createElement("small");
    about.id = `${id}-about`;
    about.textContent = option.about;
    field.setAttribute("aria-describedby", about.id);
    field.addEventListener("change", () => {
      const value = read(field, option);
      if (value === undefined || value === option.default) delete given[option.name]; else given[option.name] = value;
      onChange();
    });
    place.append(label, field, about);
  }
  return {
    given,
    set(values) {
      for (const key of Object.keys(given)) delete given[key];
      for (const option of options) {
        const field = document.getElementById(`option-${option.name}`);
        if (!field) continue;
        const value = values[option.name] ?? option.default;
        if (option.name in values) given[option.name] = values[option.name];
        if (field.type === "checkbox") field.checked = Boolean(value); else field.value = value ?? "";
      }
    },
  };
}

function made(option, names) {
  const choices = option.choices ?? names;
  if (choices) {
    const field = document.createElement("select");
    const all = choices.includes(option.default) ? choices : ["", ...choices];
    field.append(...all.map((name) => new Option(name || "as it is", name)));
    field.value = option.default ?? "";
    return field;
  }
  const field = document.createElement("input");
  field.type = option.kind === "flag" ? "checkbox" : ["number", "whole"].includes(option.kind) ? "number" : "text";
  if (field.type === "number") field.step = option.kind === "whole" ? "1" : "any";
  if (field.type === "checkbox") field.checked = option.default; else field.value = option.default ?? "";
  return field;
}

function read(field, option) {
  if (field.type === "checkbox") return field.checked;
  const text = field.value.trim();
  if (text === "") return undefined;
  if (option.kind === "pair") return text.split(",").map(Number);
  return field.type === "number" ? Number(text) : text;
}
