// What is known of each picture.

const SVG = "http://www.w3.org/2000/svg";

function makeRows(rows) {
  const list = makeElement("dl");
  for (const [name, value] of rows) {
    list.append(makeElement("dt", name), makeElement("dd", value));
  }
  return list;
}

function formatShare(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function describeHistogram({ channel, mean, black, white }) {
  return [channel, `mean ${formatShare(mean)}, black ${formatShare(black)}, white ${formatShare(white)}`];
}

// Heights are square roots of the counts, so that rare values are seen beside frequent ones.
function drawHistogram(histograms) {
  const svg = document.createElementNS(SVG, "svg");
  const largest = Math.sqrt(Math.max(1, ...histograms.flatMap((histogram) => histogram.counts)));
  svg.setAttribute("class", "histogram");
  svg.setAttribute("viewBox", `0 0 ${histograms[0].counts.length} 100`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `Histogram. ${histograms.map((one) => describeHistogram(one).join(": ")).join("; ")}`);
  for (const { channel, counts } of histograms) {
    const path = document.createElementNS(SVG, "path");
    const steps = counts.map((count) => `V${(100 - (100 * Math.sqrt(count)) / largest).toFixed(1)}h1`);
    path.setAttribute("d", `M0 100${steps.join("")}V100Z`);
    path.setAttribute("class", channel);
    svg.append(path);
  }
  return svg;
}

function makeMetadata(groups) {
  const box = makeElement("details");
  box.append(makeElement("summary", "Metadata"));
  for (const { title, rows } of groups) {
    box.append(makeElement("h3", title), makeRows(rows));
  }
  return box;
}

// A card of a picture, with a tick box that shows it in the side-by-side view.
function makeCard(picture, isShown, onShow) {
  const card = makeElement("article");
  const tick = makeElement("input");
  tick.type = "checkbox";
  tick.checked = isShown;
  tick.addEventListener("change", () => onShow(tick.checked));
  const label = makeElement("label");
  label.append(tick, " shown side by side");
  const score = makeElement("div", "", "score");
  card.append(makeElement("h2", picture.name), label, makeRows(picture.facts), score);
  if (picture.notes.length) {
    const notes = makeElement("ul", "", "notes");
    notes.append(...picture.notes.map((note) => makeElement("li", note)));
    card.append(notes);
  }
  card.append(drawHistogram(picture.histograms), makeRows(picture.histograms.map(describeHistogram)));
  if (picture.metadata.length) {
    card.append(makeMetadata(picture.metadata));
  }
  return card;
}

// Rows with PSNR and SSIM of one picture against the reference; both are indices.
function listScores(scores, picture, reference) {
  if (picture === reference) {
    return [["PSNR, SSIM", "this is the reference"]];
  }
  const score = scores.find(({ pictures }) => pictures.includes(picture) && pictures.includes(reference));
  if (!score) {
    return [["PSNR, SSIM", "not known: sizes differ, or are too large"]];
  }
  return [["PSNR", score.psnr], ["SSIM", score.ssim || "not known: too small"]];
}
