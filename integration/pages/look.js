// What is wrong with a page as it is shown now: lines, none if all is well.
() => {
  const found = [];
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const root = document.documentElement;
  const image = root.localName === "svg";
  document.querySelectorAll("details").forEach(d => { d.open = true; });

  // The red, green, blue and alpha of a color.
  const canvas = document.createElementNS("http://www.w3.org/1999/xhtml", "canvas").getContext("2d", { willReadFrequently: true });
  const rgba = color => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  // Relative luminance and contrast (WCAG 2.2).
  const luminance = color => {
    const [r, g, b] = rgba(color).slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  // The color behind an element.
  const behind = element => {
    if (image) return getComputedStyle(document.querySelector(".back")).fill; // package svg
    for (let e = element; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (rgba(color)[3] === 255) return color;
    }
    return "white";
  };

  const paper = luminance(behind(document.body));
  if (dark ? paper > 0.1 : paper < 0.9) found.push(`the background has a luminance of ${paper.toFixed(2)}`);
  if (!image && root.scrollWidth > innerWidth) found.push(`it is ${root.scrollWidth} pixels wide`);

  let texts = 0;
  for (const e of document.querySelectorAll("*")) {
    const text = [...e.childNodes].filter(n => n.nodeType === Node.TEXT_NODE).map(n => n.data).join("").trim();
    const box = e.getBoundingClientRect();
    if (!text || !e.checkVisibility() || box.width === 0 || e.closest("title, style, head")) continue;
    texts++;
    const style = getComputedStyle(e);
    const ratio = contrast(e instanceof SVGElement ? style.fill : style.color, behind(e));
    if (ratio < 4.5) found.push(`${JSON.stringify(text)} has a contrast of ${ratio.toFixed(1)}`);
    const scrolls = e.closest(".wide");
    const right = image ? root.getBoundingClientRect().right : innerWidth;
    if (!scrolls && (box.left < -1 || box.right > right + 1)) {
      found.push(`${JSON.stringify(text)} is from ${box.left.toFixed()} to ${box.right.toFixed()}, of ${right}`);
    }
  }
  if (texts < 5) found.push(`it has ${texts} texts`);
  return found;
}
