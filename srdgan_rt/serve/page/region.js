// The region of the picture that is enlarged: dragged on the stage, or typed. Its unit is a pixel of the picture.

// Draws everything outside the region darker, and a frame around it.
function drawRegion(context, region, camera) {
  const { width, height } = context.canvas;
  const left = width / 2 + (region.x - camera.x) * camera.scale;
  const top = height / 2 + (region.y - camera.y) * camera.scale;
  const [across, down] = [region.width * camera.scale, region.height * camera.scale];
  context.save();
  context.beginPath();
  context.rect(0, 0, width, height);
  context.rect(left, top, across, down);
  context.fillStyle = "#000a";
  context.fill("evenodd");
  context.lineWidth = Math.max(1, Math.round(devicePixelRatio));
  context.strokeStyle = "#000";
  context.strokeRect(left - 1.5, top - 1.5, across + 3, down + 3);
  context.strokeStyle = "#fff";
  context.strokeRect(left - 0.5, top - 0.5, across + 1, down + 1);
  context.restore();
}

// The whole pixels between two places of the scene, inside the picture; null if there are none.
function makeRegion(first, second, picture) {
  const limit = (value, end) => Math.min(Math.max(value, 0), end);
  const x = Math.floor(limit(Math.min(first.x, second.x), picture.width));
  const y = Math.floor(limit(Math.min(first.y, second.y), picture.height));
  const width = Math.ceil(limit(Math.max(first.x, second.x), picture.width)) - x;
  const height = Math.ceil(limit(Math.max(first.y, second.y), picture.height)) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

// While isOn() holds, dragging on the stage makes a region instead of moving the picture.
// set(first, second, isLast) gets two places in the window.
function watchRegion(stage, isOn, set) {
  let start = null;
  const stop = (event) => {
    event.stopImmediatePropagation();
    event.preventDefault();
  };
  const listen = (name, listener) => stage.addEventListener(name, listener, { capture: true });
  listen("pointerdown", (event) => {
    if (isOn() && event.button === 0) {
      stop(event);
      stage.focus();
      stage.setPointerCapture(event.pointerId);
      start = { x: event.clientX, y: event.clientY };
    }
  });
  listen("pointermove", (event) => {
    if (start) {
      stop(event);
      set(start, { x: event.clientX, y: event.clientY }, false);
    }
  });
  listen("pointerup", (event) => {
    if (start) {
      stop(event);
      set(start, { x: event.clientX, y: event.clientY }, true);
      start = null;
    }
  });
  listen("pointercancel", () => {
    start = null;
  });
}
