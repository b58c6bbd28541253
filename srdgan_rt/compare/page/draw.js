// Draws what a pane shows. A canvas has one pixel for each pixel of the screen, so the cost does not depend on the
// size of the pictures.

const CHECKER = 8; // side of the squares below transparent pixels, in pixels of the screen

function makeChecker() {
  const tile = new OffscreenCanvas(2 * CHECKER, 2 * CHECKER);
  const context = tile.getContext("2d");
  context.fillStyle = "#999";
  context.fillRect(0, 0, 2 * CHECKER, 2 * CHECKER);
  context.fillStyle = "#666";
  context.fillRect(0, 0, CHECKER, CHECKER);
  context.fillRect(CHECKER, CHECKER, CHECKER, CHECKER);
  return tile;
}

const checker = makeChecker();

// picture: {image, place}; camera.scale in pixels of the canvas.
function drawPicture(context, picture, camera, isSmooth) {
  const { image, place } = picture;
  const { width, height } = context.canvas;
  const left = width / 2 + (place.x - camera.x) * camera.scale;
  const top = height / 2 + (place.y - camera.y) * camera.scale;
  const across = (place.width * camera.scale) / image.naturalWidth; // pixels of the canvas per pixel of the picture
  const down = (place.height * camera.scale) / image.naturalHeight;
  // Only the part that is seen, with some pixels around it for the filter.
  const x0 = Math.max(0, Math.floor(-left / across) - 2);
  const y0 = Math.max(0, Math.floor(-top / down) - 2);
  const x1 = Math.min(image.naturalWidth, Math.ceil((width - left) / across) + 2);
  const y1 = Math.min(image.naturalHeight, Math.ceil((height - top) / down) + 2);
  if (x1 <= x0 || y1 <= y0) {
    return;
  }
  const target = [left + x0 * across, top + y0 * down, (x1 - x0) * across, (y1 - y0) * down];
  fillChecker(context, ...target);
  context.imageSmoothingEnabled = isSmooth || Math.min(across, down) < 1; // a reduced picture is always filtered
  context.imageSmoothingQuality = "high";
  context.drawImage(image, x0, y0, x1 - x0, y1 - y0, ...target);
}

// Whole pixels of the canvas only, so that no checkerboard shines through the edges of a picture.
function fillChecker(context, x, y, width, height) {
  const [left, top] = [Math.ceil(x), Math.ceil(y)];
  context.fillStyle = context.createPattern(checker, "repeat");
  context.fillRect(left, top, Math.floor(x + width) - left, Math.floor(y + height) - top);
}

function clear(context) {
  context.fillStyle = "#000";
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
}

// Picture A left of the boundary, B right of it; split is its place, 0 to 1.
function drawSplit(context, first, second, camera, isSmooth, split) {
  const boundary = Math.round(split * context.canvas.width);
  clear(context);
  drawPart(context, first, camera, isSmooth, 0, boundary);
  drawPart(context, second, camera, isSmooth, boundary, context.canvas.width);
}

function drawPart(context, picture, camera, isSmooth, begin, end) {
  context.save();
  context.beginPath();
  context.rect(begin, 0, end - begin, context.canvas.height);
  context.clip();
  drawPicture(context, picture, camera, isSmooth);
  context.restore();
}

// The absolute difference of each channel times gain, as both pictures are drawn.
function drawDifference(context, first, second, camera, isSmooth, gain) {
  const result = readDrawn(context, first, camera, isSmooth);
  const other = readDrawn(context, second, camera, isSmooth).data;
  const values = result.data;
  for (let i = 0; i < values.length; i += 4) {
    for (let channel = i; channel < i + 3; channel++) {
      values[channel] = Math.abs(values[channel] - other[channel]) * gain; // the array clips to 255
    }
  }
  context.putImageData(result, 0, 0);
}

function readDrawn(context, picture, camera, isSmooth) {
  const { width, height } = context.canvas;
  const scratch = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  clear(scratch);
  drawPicture(scratch, picture, camera, isSmooth);
  return scratch.getImageData(0, 0, width, height);
}
