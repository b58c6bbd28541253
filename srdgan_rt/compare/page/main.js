// The state of the page, and the connection of all parts.

const find = (id) => document.getElementById(id);
const pictures = [...document.querySelectorAll("script.picture")].map((script) => JSON.parse(script.textContent));
const scores = JSON.parse(find("scores").textContent);
const scene = measureScene(pictures);
const state = { view: "slider", first: 0, second: 1, shown: new Set(pictures.keys()) };
let viewer = null; // until the pictures are loaded

function swap() {
  choose(state.second, state.first);
}

function choose(first, second) {
  Object.assign(state, { first, second });
  find("first").value = first;
  find("second").value = second;
  rebuild();
}

function makeDifferencePane(first, second) {
  const pane = viewer.makePane(`Difference of ${first.name} and ${second.name}`, (context, camera, isSmooth) =>
    drawDifference(context, first, second, camera, isSmooth, Number(find("gain").value)),
  );
  pane.element.append(makeElement("span", `difference x${find("gain").value}`, "tag left"));
  return pane;
}

// Makes the panes of the view that is chosen.
function rebuild() {
  const [first, second] = [pictures[state.first], pictures[state.second]];
  const shown = pictures.filter((_, index) => state.shown.has(index));
  const makers = {
    slider: () => [viewer.makeSplitPane(first, second)],
    side: () => shown.map((picture) => viewer.makePicturePane(picture)),
    difference: () => [makeDifferencePane(first, second)],
    single: () => [viewer.makePicturePane(first)],
  };
  viewer.show(scene, makers[state.view]());
  find("gain-tool").hidden = state.view !== "difference";
  for (const element of document.querySelectorAll(".choice")) {
    element.hidden = state.view === "side";
  }
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
  find("swap").addEventListener("click", swap);
  find("gain").addEventListener("change", rebuild);
}

// Loads a picture; one that this browser cannot show is named above the pictures.
async function load(picture) {
  if (!(await loadPicture(picture, scene))) {
    find("problems").hidden = false;
    find("problems").append(`${picture.name}: this browser cannot show it. `);
  }
}

fillChoices();
showDetails();
await Promise.all(pictures.map(load));
viewer = connectViewer(find("stage"), {
  swap,
  choose: (index) => index < pictures.length && choose(index, state.second),
});
connectTools();
rebuild();
document.body.dataset.ready = "true";
