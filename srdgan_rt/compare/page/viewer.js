// The stage: one pane or more, which show pictures of one scene through one camera.

// The picture that is shown, decoded; false where this browser cannot show it: it then stays empty.
async function loadPicture(picture, scene) {
  picture.place = placePicture(picture, scene);
  picture.image = new Image();
  picture.image.src = picture.url;
  try {
    await picture.image.decode();
  } catch {
    return false;
  }
  return true;
}

class Viewer {
  #isRequested = false;
  #camera = null; // null stands for the whole picture, whatever the size of the window
  #onDrawn;
  #isSmooth;

  // isSmooth(): whether enlarged pixels are smoothed; onDrawn(zoom): called with pixels of the screen per scene pixel.
  constructor(stage, isSmooth, onDrawn) {
    this.stage = stage;
    this.scene = null;
    this.panes = []; // {element, context, draw}
    this.split = 0.5; // place of the boundary of split panes, 0 to 1
    this.#isSmooth = isSmooth;
    this.#onDrawn = onDrawn;
    new ResizeObserver(() => this.requestDrawing()).observe(stage);
  }

  get camera() {
    return this.#camera ?? fitCamera(this.scene, this.panes[0].element.getBoundingClientRect());
  }

  show(scene, panes) {
    this.scene = scene;
    this.panes = panes;
    this.stage.replaceChildren(...panes.map(({ element }) => element));
    this.requestDrawing();
  }

  #setCamera(camera) {
    this.#camera = camera && limitCamera(camera, this.scene);
    this.requestDrawing();
  }

  move(across, down) {
    this.#setCamera(moveCamera(this.camera, across, down));
  }

  // Zooms around a place in the window, or around the middle.
  zoomTo(scale, x, y) {
    const boxes = this.panes.map(({ element }) => element.getBoundingClientRect());
    const under = boxes.find((box) => box.left <= x && x <= box.right && box.top <= y && y <= box.bottom);
    const box = under ?? boxes[0];
    const across = under ? x - box.left - box.width / 2 : 0;
    const down = under ? y - box.top - box.height / 2 : 0;
    this.#setCamera(zoomCamera(this.camera, limitScale(scale, this.scene, box), across, down));
  }

  zoomBy(factor, x, y) {
    this.zoomTo(this.camera.scale * factor, x, y);
  }

  fit() {
    this.#setCamera(null);
  }

  fullSize(x, y) {
    this.zoomTo(1 / devicePixelRatio, x, y);
  }

  toggle(x, y) {
    if (this.#camera) {
      this.fit();
    } else {
      this.fullSize(x, y);
    }
  }

  // The place in the scene that is drawn at a place in the window, in the first pane.
  toScene(x, y) {
    const box = this.panes[0].element.getBoundingClientRect();
    const { camera } = this;
    return {
      x: camera.x + (x - box.left - box.width / 2) / camera.scale,
      y: camera.y + (y - box.top - box.height / 2) / camera.scale,
    };
  }

  // draw(context, camera, isSmooth), where the camera's scale is in pixels of the canvas.
  makePane(name, draw) {
    const element = makeElement("div", "", "pane");
    const canvas = makeElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", name);
    element.append(canvas);
    return { element, context: canvas.getContext("2d"), draw };
  }

  makePicturePane(picture) {
    const pane = this.makePane(picture.name, (context, camera, isSmooth) => {
      clear(context);
      drawPicture(context, picture, camera, isSmooth);
    });
    pane.element.append(makeElement("span", picture.name, "tag left"));
    return pane;
  }

  makeSplitPane(first, second) {
    const handle = this.#makeHandle();
    const pane = this.makePane(`${first.name}, then ${second.name}`, (context, camera, isSmooth) => {
      drawSplit(context, first, second, camera, isSmooth, this.split);
      handle.style.left = `${100 * this.split}%`;
      handle.setAttribute("aria-valuenow", Math.round(100 * this.split));
    });
    const tags = [makeElement("span", first.name, "tag left"), makeElement("span", second.name, "tag right")];
    pane.element.append(...tags, handle);
    return pane;
  }

  #makeHandle() {
    const handle = makeElement("div", "", "handle");
    const attributes = { role: "slider", tabindex: 0, "aria-label": "Boundary between A and B", "aria-valuemin": 0 };
    for (const [name, value] of Object.entries({ ...attributes, "aria-valuemax": 100 })) {
      handle.setAttribute(name, value);
    }
    const setSplit = (split) => {
      this.split = split;
      this.requestDrawing();
    };
    watchHandle(handle, () => this.split, setSplit);
    return handle;
  }

  requestDrawing() {
    if (!this.#isRequested) {
      this.#isRequested = true;
      requestAnimationFrame(() => this.#drawAll());
    }
  }

  #drawAll() {
    this.#isRequested = false;
    if (!this.panes.length) {
      return;
    }
    const columns = chooseColumns(this.panes.length, this.scene, this.stage.getBoundingClientRect());
    this.stage.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    this.stage.style.gridAutoRows = "minmax(0, 1fr)";
    const { camera } = this;
    for (const { context, draw } of this.panes) {
      const { canvas } = context;
      const box = canvas.getBoundingClientRect();
      const toPixels = (length) => Math.max(1, Math.round(length * devicePixelRatio));
      const size = [toPixels(box.width), toPixels(box.height)];
      if (canvas.width !== size[0] || canvas.height !== size[1]) {
        [canvas.width, canvas.height] = size;
      }
      draw(context, { ...camera, scale: camera.scale * devicePixelRatio }, this.#isSmooth());
    }
    this.#onDrawn(camera.scale * devicePixelRatio);
  }
}

// A viewer with the tools of zoom.html, and with mouse, touch and keys; moreKeys: swap(), choose(index).
function connectViewer(stage, moreKeys) {
  const find = (id) => document.getElementById(id);
  const showZoom = (zoom) => {
    find("zoom").value = `${Math.round(100 * zoom)} %`;
  };
  const viewer = new Viewer(stage, () => find("filter").value === "smooth", showZoom);
  // Before there are pictures there is nothing to move.
  const guarded = (action) => (...values) => {
    if (viewer.panes.length) {
      action(...values);
    }
  };
  const actions = {
    move: guarded((across, down) => viewer.move(across, down)),
    zoom: guarded((factor, x, y) => viewer.zoomBy(factor, x, y)),
    toggle: guarded((x, y) => viewer.toggle(x, y)),
    zoomBy: guarded((factor) => viewer.zoomBy(factor)),
    fit: guarded(() => viewer.fit()),
    ...moreKeys,
  };
  find("filter").addEventListener("change", () => viewer.requestDrawing());
  find("zoom-in").addEventListener("click", () => actions.zoomBy(1.5));
  find("zoom-out").addEventListener("click", () => actions.zoomBy(1 / 1.5));
  find("full-size").addEventListener("click", guarded(() => viewer.fullSize()));
  find("fit").addEventListener("click", actions.fit);
  watchPointers(stage, actions);
  watchKeys(actions);
  return viewer;
}
