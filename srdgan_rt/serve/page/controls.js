// Controls for a list of settings, as srdgan_rt/serve/settings.py describes them.

function makeChoice(setting) {
  const select = makeElement("select");
  select.append(...setting.choices.map(({ value, label }) => new Option(label, value)));
  return { control: select, read: () => select.value };
}

function makeNumber(setting) {
  const input = makeElement("input");
  Object.assign(input, { type: setting.step ? "range" : "number", min: setting.low, max: setting.high });
  input.step = setting.step || "any";
  input.required = true;
  const read = () => input.valueAsNumber;
  if (!setting.step) {
    return { control: input, read };
  }
  const output = makeElement("output");
  const show = () => {
    output.value = Number(input.value);
  };
  input.addEventListener("input", show);
  const box = makeElement("span", "", "range");
  box.append(input, output);
  return { control: input, box, read, show };
}

class Controls {
  #parts;

  // Adds the controls of the settings with one of the goals; onChange() is called after each change.
  constructor(parent, settings, goals, onChange) {
    this.#parts = settings
      .filter(({ goal }) => goals.includes(goal))
      .map((setting) => ({ setting, ...(setting.choices.length ? makeChoice(setting) : makeNumber(setting)) }));
    for (const part of this.#parts) {
      const { setting, control, box } = part;
      control.id = `setting-${setting.name}`;
      part.row = makeElement("div", "", "setting");
      const label = makeElement("label", setting.label);
      label.append(box ?? control);
      part.row.append(label);
      if (setting.hint) {
        const hint = makeElement("p", setting.hint, "small");
        hint.id = `hint-${setting.name}`;
        control.setAttribute("aria-describedby", hint.id);
        part.row.append(hint);
      }
      parent.append(part.row);
      this.#set(part, setting.default);
      control.addEventListener(setting.choices.length ? "change" : "input", () => {
        this.#settle(setting.name);
        onChange();
      });
    }
    this.#settle(null);
  }

  #set(part, value) {
    part.control.value = value;
    part.show?.();
  }

  // Hides the settings that are not used with the others; name is that of the setting that has changed.
  #settle(name) {
    const values = this.#readAll();
    for (const part of this.#parts.filter(({ setting }) => setting.only_with)) {
      const [other, defaults] = part.setting.only_with;
      part.row.hidden = !(values[other] in defaults);
      if (!part.row.hidden && (name === null || name === other)) {
        this.#set(part, defaults[values[other]]);
      }
    }
  }

  #readAll() {
    return Object.fromEntries(this.#parts.map(({ setting, read }) => [setting.name, read()]));
  }

  // The values of all settings that are used.
  get values() {
    return Object.fromEntries(this.#parts.filter(({ row }) => !row.hidden).map(({ setting, read }) => [setting.name, read()]));
  }
}
