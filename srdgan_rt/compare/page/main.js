// The state of the page, and the connection of all parts.

const find = (id) => document.getElementById(id);
const stage = find("stage");
const pictures = [...document.querySelectorAll("script.picture")].map((script) => JSON.parse(script.textContent));
const scores = JSON.parse(find("scores").textContent);
const scene = measureScene(pictures);
const state = { view: "slider", first: 0, second: 1, split: 0.5, shown: new Set(pictures.keys()), camera: null };
let panes = []; // {element, context, draw}

function paneSize() {
  const { width, height } = panes[0].element.getBoundingClientRect();
  return { width, height };
}

// The camera; null in the state stands for the whole picture, whatever the size of the window.
function currentCamera() {
  return state.camera ?? fitCamera(scene, paneSize());
}

function setCamera(camera) {
  state.camera = camera && limitCamera(camera, scene);
  requestDrawing();
}

function zoomTo(scale, x, y) {
  const pane = panes.map(({ element }) => element.getBoundingClientRect()).find((box) => contains(box, x, y));
  const box = pane ?? panes[0].element.getBoundingClientRect();
  const across = pane ? x - box.left - box.width / 2 : 0;
  const down = pane ? y - box.top - box.height / 2 : 0;
  setCamera(zoomCamera(currentCamera(), limitScale(scale, scene, box), across, down));
}

function contains(box, x, y) {
  return box.left <= x && x <= box.right && box.top <= y && y <= box.bottom;
}

const actions = {
  move: (across, down) => setCamera(moveCamera(currentCamera(), across, down)),
  zoom: (factor, x, y) => zoomTo(currentCamera().scale * factor, x, y),
  zoomBy: (factor) => zoomTo(currentCamera().scale * factor),
  fullSize: (x, y) => zoomTo(1 / devicePixelRatio, x, y),
  toggle: (x, y) => (state.camera ? actions.fit() : actions.fullSize(x, y)),
  fit: () => setCamera(null),
  swap: () => choose(state.second, state.first),
  choose: (index) => index < pictures.length && choose(index, state.second),
};

function choose(first, second) {
  Object.assign(state, { first, second });
  find("first").value = first;
  find("second").value = second;
  rebuild();
}

function makePane(name, draw) {
  const element = makeElement("div", "", "pane");
  const canvas = makeElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", name);
  element.append(canvas);
  return { element, context: canvas.getContext("2d"), draw };
}

function makePicturePane(picture) {
  const pane = makePane(picture.name, (context, camera, isSmooth) => {
    clear(context);
    drawPicture(context, picture, camera, isSmooth);
  });
  pane.element.append(makeElement("span", picture.name, "tag left"));
  return pane;
}

function makeSplitPane(first, second) {
  const pane = makePane(`${first.name}, then ${second.name}`, (context, camera, isSmooth) => {
    drawSplit(context, first, second, camera, isSmooth, state.split);
    handle.style.left = `${100 * state.split}%`;
    handle.setAttribute("aria-valuenow", Math.round(100 * state.split));
  });
  const handle = makeElement("div", "", "handle");
  const attributes = { role: "slider", tabindex: 0, "aria-label": "Boundary between A and B", "aria-valuemin": 0 };
  for (const [name, value] of Object.entries({ ...attributes, "aria-valuemax": 100 })) {
    handle.setAttribute(name, value);
  }
  const setSplit = (split) => {
    state.split = split;
    requestDrawing();
  };
  watchHandle(handle, () => state.split, setSplit);
  const tags = [makeElement("span", first.name, "tag left"), makeElement("span", second.name, "tag right")];
  pane.element.append(...tags, handle);
  return pane;
}

function makeDifferencePane(first, second) {
  const pane = makePane(`Difference of ${first.name} and ${second.name}`, (context, camera, isSmooth) =>
    drawDifference(context, first, second, camera, isSmooth, Number(find("gain").value)),
  );
  pane.element.append(makeElement("span", `difference x${find("gain").value}`, "tag left"));
  return pane;
}

// Makes the panes of the view that is chosen.
function rebuild() {
  const [first, second] = [pictures[state.first], pictures[state.second]];
  const makers = {
    slider: () => [makeSplitPane(first, second)],
    side: () => pictures.filter((_, index) => state.shown.has(index)).map(makePicturePane),
    difference: () => [makeDifferencePane(first, second)],
    single: () => [makePicturePane(first)],
  };
  panes = makers[state.view]();
  stage.replaceChildren(...panes.map(({ element }) => element));
  find("gain-tool").hidden = state.view !== "difference";
  for (const element of document.querySelectorAll(".choice")) {
    element.hidden = state.view === "side";
  }
  requestDrawing();
}

let isRequested = false;

function requestDrawing() {
  if (!isRequested) {
    isRequested = true;
    requestAnimationFrame(drawAll);
  }
}

function drawAll() {
  isRequested = false;
  if (!panes.length) {
    return;
  }
  const columns = chooseColumns(panes.length, scene, stage.getBoundingClientRect());
  stage.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
  stage.style.gridAutoRows = "minmax(0, 1fr)";
  const camera = currentCamera();
  for (const { context, draw } of panes) {
    const { canvas } = context;
    const box = canvas.getBoundingClientRect();
    const size = [Math.max(1, Math.round(box.width * devicePixelRatio)), Math.max(1, Math.round(box.height * devicePixelRatio))];
    if (canvas.width !== size[0] || canvas.height !== size[1]) {
      [canvas.width, canvas.height] = size;
    }
    draw(context, { ...camera, scale: camera.scale * devicePixelRatio }, find("filter").value === "smooth");
  }
  find("zoom").value = `${Math.round(100 * camera.scale * devicePixelRatio)} %`;
}

function fillChoices() {
  for (const id of ["first", "second", "reference"]) {
    find(id).append(...pictures.map((picture, index) => new Option(picture.name, index)));
  }
  find("first").value = state.first;
  find("second").value = state.second;
}

function showDetails() {
  const cards = pictures.map((picture, index) =>
    makeCard(picture, state.shown.has(index), (isShown) => {
      state.shown[isShown ? "add" : "delete"](index);
      rebuild();
    }),
  );
  find("details").append(...cards);
  const showScores = () =>
    cards.forEach((card, index) => {
      card.querySelector(".score").replaceChildren(makeRows(listScores(scores, index, Number(find("reference").value))));
    });
  find("reference").addEventListener("change", showScores);
  showScores();
}

function connectTools() {
  find("view").addEventListener("change", (event) => {
    state.view = event.target.value;
    rebuild();
  });
  find("first").addEventListener("change", (event) => choose(Number(event.target.value), state.second));
  find("second").addEventListener("change", (event) => choose(state.first, Number(event.target.value)));
  find("swap").addEventListener("click", actions.swap);
  find("gain").addEventListener("change", rebuild);
  find("filter").addEventListener("change", requestDrawing);
  find("zoom-in").addEventListener("click", () => actions.zoomBy(1.5));
  find("zoom-out").addEventListener("click", () => actions.zoomBy(1 / 1.5));
  find("full-size").addEventListener("click", () => actions.fullSize());
  find("fit").addEventListener("click", actions.fit);
  watchPointers(stage, actions);
  watchKeys(actions);
  new ResizeObserver(requestDrawing).observe(stage);
}

// Decodes a picture; one that this browser cannot show stays empty and is named above the pictures.
async function load(picture) {
  picture.place = placePicture(picture, scene);
  picture.image = new Image();
  picture.image.src = picture.url;
  try {
    await picture.image.decode();
  } catch {
    find("problems").hidden = false;
    find("problems").append(`${picture.name}: this browser cannot show it. `);
  }
}

fillChoices();
showDetails();
await Promise.all(pictures.map(load));
connectTools();
rebuild();
document.body.dataset.ready = "true";
