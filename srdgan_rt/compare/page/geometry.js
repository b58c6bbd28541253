// Sizes and positions. The scene is a plane on which all pictures lie; its unit is a pixel of the largest picture.
// A camera is {x, y, scale}: the point of the scene in the middle of a pane, and CSS pixels per unit.

const SAME_SHAPE = 0.02; // ratios of sides that differ by less are equal but for rounding
const LARGEST_SCALE = 64;

const WHOLE = { x: 0, y: 0, width: 1, height: 1 };

// picture.part: where a region lies that was cut out of the picture, in shares of the scene.
function measureScene(pictures) {
  const sizes = pictures.map(({ width, height, part }) => {
    const place = part ?? WHOLE;
    return { width: width / place.width, height: height / place.height };
  });
  return sizes.reduce((best, next) => (next.width * next.height > best.width * best.height ? next : best));
}

// Where a picture lies on the scene: it fills it, or is as large as fits in the middle if its shape is another one.
function placePicture(picture, scene) {
  if (picture.part) {
    const { x, y, width, height } = picture.part;
    return { x: x * scene.width, y: y * scene.height, width: width * scene.width, height: height * scene.height };
  }
  const [across, down] = [scene.width / picture.width, scene.height / picture.height];
  if (Math.abs(across / down - 1) < SAME_SHAPE) {
    return { x: 0, y: 0, width: scene.width, height: scene.height };
  }
  const scale = Math.min(across, down);
  const [width, height] = [picture.width * scale, picture.height * scale];
  return { x: (scene.width - width) / 2, y: (scene.height - height) / 2, width, height };
}

function fitScale(scene, pane) {
  return Math.min(pane.width / scene.width, pane.height / scene.height);
}

function fitCamera(scene, pane) {
  return { x: scene.width / 2, y: scene.height / 2, scale: fitScale(scene, pane) };
}

function moveCamera(camera, across, down) {
  return { ...camera, x: camera.x - across / camera.scale, y: camera.y - down / camera.scale };
}

// Zooms; the point of the scene at (across, down), in CSS pixels from the middle of the pane, stays where it is.
function zoomCamera(camera, scale, across, down) {
  const kept = 1 / camera.scale - 1 / scale;
  return { x: camera.x + across * kept, y: camera.y + down * kept, scale };
}

function limitScale(scale, scene, pane) {
  const fit = fitScale(scene, pane);
  return Math.min(Math.max(scale, Math.min(fit / 2, 1)), Math.max(fit, LARGEST_SCALE));
}

// The middle of a pane never leaves the scene, so that the pictures cannot get lost.
function limitCamera(camera, scene) {
  const limit = (value, end) => Math.min(Math.max(value, 0), end);
  return { ...camera, x: limit(camera.x, scene.width), y: limit(camera.y, scene.height) };
}

// The number of columns that shows the pictures of several panes largest.
function chooseColumns(count, scene, stage) {
  const scaleOf = (columns) =>
    fitScale(scene, { width: stage.width / columns, height: stage.height / Math.ceil(count / columns) });
  const choices = Array.from({ length: count }, (_, index) => index + 1);
  return choices.reduce((best, next) => (scaleOf(next) > scaleOf(best) ? next : best));
}
