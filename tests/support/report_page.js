// What of the report is too wide, out of sight, or hard to read; `page` is its document. See support/browser.py.
const root = page.documentElement;
const view = page.defaultView;
const all = (selector) => [...page.querySelectorAll(selector)];

const numbers = (colour) => {
  const found = colour.match(/[\d.]+/g).map(Number);
  return found.length < 4 ? [...found, 1] : found;
};
// Luminance and contrast as WCAG 2 defines them.
const luminance = (colour) => {
  const [red, green, blue] = numbers(colour)
    .slice(0, 3)
    .map((each) => each / 255)
    .map((each) => (each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const behind = (element) => {
  for (let each = element; each; each = each.parentElement) {
    const colour = view.getComputedStyle(each).backgroundColor;
    if (numbers(colour)[3] > 0) return colour;
  }
  return "rgb(255, 255, 255)";
};
const contrast = (element) => {
  const [one, other] = [luminance(view.getComputedStyle(element).color), luminance(behind(element))];
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
};
const holdsText = (element) =>
  [...element.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());

let worst = [99, ""];
for (const element of all("body *:not(svg *)")) {
  if (!element.checkVisibility() || !holdsText(element)) continue;
  const has = contrast(element);
  if (has < worst[0]) worst = [has, element.outerHTML];
}
const edge = (name) =>
  Math.max(...all(`#stages td[data-label="${name}"]`).map((each) => each.getBoundingClientRect().right));
const matrix = page.querySelector(".matrix").parentElement;
const isShown = (element) =>
  element.checkVisibility({ contentVisibilityAuto: true }) && element.getBoundingClientRect().height > 0;

return {
  matrix: matrix.scrollWidth - matrix.clientWidth,
  overflow: root.scrollWidth - root.clientWidth,
  wide: all(".stacked")
    .map((each) => each.parentElement)
    .filter((each) => isShown(each) && each.scrollWidth > each.clientWidth + 1)
    .map((each) => each.getAttribute("aria-label")),
  worst,
  stack: edge("stack") - root.clientWidth,
  state: edge("state") - root.clientWidth,
  hidden: all("#stages tbody tr").filter((each) => !isShown(each)).length,
  folded: all("details tbody tr").filter((each) => !isShown(each)).length,
};
