// Mouse, touch and keys, turned into moves and zooms.

const WHEEL_LINE = 16; // pixels of a line, for wheels that count lines
const WHEEL_SPEED = 0.0018;
const PINCH_SPEED = 0.01; // pinching a touchpad arrives as a wheel with Ctrl, in small steps
const KEY_STEP = 60; // CSS pixels

// actions: move(across, down); zoom(factor, x, y), where x and y are places in the window; toggle(x, y).
function watchPointers(stage, actions) {
  const pointers = new Map();

  const middle = () => {
    const points = [...pointers.values()];
    const sum = points.reduce((total, point) => ({ x: total.x + point.x, y: total.y + point.y }));
    return { x: sum.x / points.length, y: sum.y / points.length };
  };
  const spread = () => {
    const [one, two] = [...pointers.values()];
    return two ? Math.hypot(one.x - two.x, one.y - two.y) : 0;
  };

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || pointers.size === 2) {
      return;
    }
    stage.setPointerCapture(event.pointerId);
    stage.classList.add("moving");
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  stage.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) {
      return;
    }
    const [before, spreadBefore] = [middle(), spread()];
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const after = middle();
    actions.move(after.x - before.x, after.y - before.y);
    if (spreadBefore > 0 && spread() > 0) {
      actions.zoom(spread() / spreadBefore, after.x, after.y);
    }
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    stage.addEventListener(name, (event) => {
      pointers.delete(event.pointerId);
      stage.classList.toggle("moving", pointers.size > 0);
    });
  }
  stage.addEventListener("dblclick", (event) => actions.toggle(event.clientX, event.clientY));
  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? WHEEL_LINE : 1;
      const speed = event.ctrlKey ? PINCH_SPEED : WHEEL_SPEED;
      actions.zoom(Math.exp(-event.deltaY * lines * speed), event.clientX, event.clientY);
    },
    { passive: false },
  );
}

// actions: move, zoomBy(factor), fit(), swap(), choose(index).
function watchKeys(actions) {
  const keys = {
    "+": () => actions.zoomBy(1.5),
    "=": () => actions.zoomBy(1.5), // + without Shift
    "-": () => actions.zoomBy(1 / 1.5),
    0: () => actions.fit(),
    x: () => actions.swap(),
    ArrowLeft: () => actions.move(KEY_STEP, 0),
    ArrowRight: () => actions.move(-KEY_STEP, 0),
    ArrowUp: () => actions.move(0, KEY_STEP),
    ArrowDown: () => actions.move(0, -KEY_STEP),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) {
      return;
    }
    const isArrow = event.key.startsWith("Arrow"); // outside the stage, arrows scroll the page and change choices
    if (event.target.closest("select, input:not([type=checkbox])") || (isArrow && !event.target.closest("#stage"))) {
      return;
    }
    const action = /^[1-9]$/.test(event.key) ? () => actions.choose(Number(event.key) - 1) : keys[event.key];
    if (action) {
      event.preventDefault();
      action();
    }
  });
}

// The boundary of the slider view; set(share) gets its new place, 0 to 1, and get() gives it.
function watchHandle(handle, get, set) {
  const limit = (value) => Math.min(Math.max(value, 0), 1);
  handle.addEventListener("pointerdown", (event) => {
    event.stopPropagation(); // or the pictures would move, too
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener("pointermove", (event) => {
    if (handle.hasPointerCapture(event.pointerId)) {
      event.stopPropagation();
      const pane = handle.parentElement.getBoundingClientRect();
      set(limit((event.clientX - pane.left) / pane.width));
    }
  });
  handle.addEventListener("dblclick", (event) => event.stopPropagation());
  handle.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 0.1 : 0.01;
    const targets = { ArrowLeft: get() - step, ArrowRight: get() + step, Home: 0, End: 1 };
    if (event.key in targets) {
      event.preventDefault();
      set(limit(targets[event.key]));
    }
  });
}
