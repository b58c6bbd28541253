// All texts become text nodes, so that none can become markup.

function makeElement(name, text, className) {
  const element = document.createElement(name);
  element.textContent = text ?? "";
  if (className) {
    element.className = className;
  }
  return element;
}
