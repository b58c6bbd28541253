// The state of the page, and the connection of all parts.

const find = (id) => document.getElementById(id);
const stage = find("stage");
const settings = JSON.parse(find("setting-list").textContent);
const regionFields = ["x", "y", "width", "height"].map((side) => [side, find(`region-${side}`)]);
let opened = null; // the picture: {key, name, width, height}
let shown = []; // pictures in the viewer
let region = null; // null stands for the whole picture
let isSelecting = false;
let work = null; // AbortController while the server works

const viewer = connectViewer(stage, { swap: () => {}, choose: () => {} });
const controls = new Controls(find("settings"), settings, ["model", "result", "depth"], showTarget);
const saveControls = new Controls(find("save-settings"), settings, ["save"], () => {});

function showProblem(error) {
  find("problem").hidden = !error;
  find("problem").textContent = error ? error.message : "";
}

function showNotes(notes) {
  find("notes").replaceChildren(...notes.map((note) => makeElement("li", note)));
}

// The size of the result.
function showTarget() {
  const factor = controls.values.outscale;
  if (!opened || !(factor > 0)) {
    find("target").textContent = "";
    return;
  }
  const { width, height } = region ?? opened;
  const [across, down] = [width, height].map((side) => Math.max(1, Math.round(side * factor)));
  find("target").textContent = `${width} × ${height} pixels become ${across} × ${down}.`;
}

async function load(pictures) {
  const scene = measureScene(pictures);
  const loaded = await Promise.all(pictures.map((picture) => loadPicture(picture, scene)));
  if (!loaded.every(Boolean)) {
    throw new Error("this browser cannot show the picture");
  }
  shown.forEach(({ url }) => URL.revokeObjectURL(url));
  shown = pictures;
  return scene;
}

async function showSource() {
  const { key, name, width, height } = opened;
  const picture = await fetchView("picture", key, name, width, height);
  const scene = await load([picture]);
  const pane = viewer.makePane(name, (context, camera, isSmooth) => {
    clear(context);
    drawPicture(context, picture, camera, isSmooth);
    if (region) {
      drawRegion(context, region, camera);
    }
  });
  viewer.show(scene, [pane]);
  viewer.fit();
  setMode("picture");
}

async function showResult(result) {
  const [, , across, down] = result.region;
  const before = await fetchView("before", opened.key, "before", across, down);
  const after = await fetchView("after", opened.key, "after", result.width, result.height);
  const scene = await load([before, after]);
  viewer.show(scene, [viewer.makeSplitPane(before, after)]);
  viewer.fit();
  setMode("result");
}

// What can be done: "picture" (choose a region), "work" (wait or cancel) or "result" (save).
function setMode(mode) {
  document.body.dataset.mode = mode;
  find("select").hidden = mode === "result";
  find("select").disabled = find("settings").disabled = find("other").disabled = mode === "work";
  find("region").disabled = mode !== "picture";
  find("region").hidden = mode === "result";
  find("enlarge").disabled = mode === "work";
  find("back").hidden = find("save-form").hidden = mode !== "result";
  find("work").hidden = mode !== "work";
  setSelecting(false);
  showTarget();
}

function setSelecting(isOn) {
  isSelecting = isOn && document.body.dataset.mode === "picture";
  find("select").setAttribute("aria-pressed", isSelecting);
  stage.classList.toggle("selecting", isSelecting);
}

function setRegion(next) {
  const isWhole = next && next.width === opened.width && next.height === opened.height;
  region = isWhole ? null : next;
  for (const [side, field] of regionFields) {
    field.value = region?.[side] ?? { x: 0, y: 0, width: opened.width, height: opened.height }[side];
  }
  viewer.requestDrawing();
  showTarget();
}

function readRegionFields() {
  const { x, y, width, height } = Object.fromEntries(regionFields.map(([side, field]) => [side, field.valueAsNumber || 0]));
  const typed = makeRegion({ x, y }, { x: x + Math.max(1, width), y: y + Math.max(1, height) }, opened);
  if (typed) {
    setRegion(typed);
  }
}

async function open(file) {
  if (work || !file) {
    return;
  }
  showProblem(null);
  const limit = Number(document.body.dataset.limit);
  if (file.size > limit) {
    showProblem(new Error(`${file.name}: files may have at most ${limit / 1e6} MB, this one has ${(file.size / 1e6).toFixed(1)}`));
    return;
  }
  find("facts").textContent = "";
  find("name").textContent = `Opening ${file.name}…`;
  find("source").hidden = false;
  try {
    opened = await sendPicture(file);
    showNotes(opened.notes);
    await showSource();
  } catch (error) {
    showProblem(error);
  }
  find("source").hidden = !opened;
  if (opened) {
    find("name").textContent = opened.name;
    find("facts").textContent = `${opened.width} × ${opened.height} pixels`;
    for (const [side, field] of regionFields) {
      field.max = { x: opened.width - 1, y: opened.height - 1, width: opened.width, height: opened.height }[side];
    }
    setRegion(null);
  }
}

function showShare(share, start) {
  const seconds = (performance.now() - start) / 1000;
  const left = share > 0.05 ? `, about ${Math.ceil((seconds * (1 - share)) / share)} s left` : "";
  find("progress").value = share;
  find("state").textContent = `${Math.round(100 * share)} %${left}`;
}

async function startWork() {
  showProblem(null);
  const previous = document.body.dataset.mode;
  const start = performance.now();
  work = new AbortController();
  setMode("work");
  showShare(0, start);
  find("cancel").focus();
  try {
    const { x, y, width, height } = region ?? {};
    const wanted = { key: opened.key, settings: controls.values, region: region && [x, y, width, height] };
    const result = await enlarge(wanted, work.signal, (share) => showShare(share, start));
    showNotes(result.notes);
    await showResult(result);
    find("save").focus({ preventScroll: true });
    stage.scrollIntoView({ block: "nearest" }); // in a narrow window it may be above the part that is seen
  } catch (error) {
    setMode(previous);
    showProblem(error.name === "AbortError" ? null : error);
  }
  work = null;
}

async function save() {
  showProblem(null);
  find("save").disabled = true;
  try {
    const { name, notes, url } = await fetchFile({ key: opened.key, settings: saveControls.values });
    const link = Object.assign(makeElement("a"), { href: url, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    showNotes([`saved as ${name}`, ...notes]);
  } catch (error) {
    showProblem(error);
  }
  find("save").disabled = false;
}

function connectFiles() {
  for (const id of ["file", "other"]) {
    find(id).addEventListener("change", ({ target }) => {
      open(target.files[0]);
      target.value = ""; // the same file can be chosen again
    });
  }
  const setOver = (isOver) => stage.classList.toggle("over", isOver);
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    setOver(true);
  });
  document.addEventListener("dragleave", () => setOver(false));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    setOver(false);
    open(event.dataTransfer.files[0]);
  });
}

connectFiles();
watchRegion(
  stage,
  () => isSelecting,
  (first, second, isLast) => {
    const [one, two] = [first, second].map(({ x, y }) => viewer.toScene(x, y));
    setRegion(makeRegion(one, two, opened));
    if (isLast) {
      setSelecting(false);
    }
  },
);
for (const [, field] of regionFields) {
  field.addEventListener("change", readRegionFields);
}
find("whole").addEventListener("click", () => setRegion(null));
find("select").addEventListener("click", () => setSelecting(!isSelecting));
find("back").addEventListener("click", () => showSource().catch(showProblem));
find("cancel").addEventListener("click", () => work?.abort());
find("form").addEventListener("submit", (event) => {
  event.preventDefault();
  startWork();
});
find("save-form").addEventListener("submit", (event) => {
  event.preventDefault();
  save();
});
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, select");
  if (event.key === "r" && !isTyping && !event.ctrlKey && !event.altKey && !event.metaKey) {
    setSelecting(!isSelecting);
  }
});
document.body.dataset.ready = "true";
