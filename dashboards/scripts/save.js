// Lets every figure be kept as a file of its own: what is seen, with its colours, paper and stamp.
const stamp = document.querySelector(".banner strong")?.textContent;
const look = getComputedStyle(document.documentElement);

function standalone(drawn) {
  const box = drawn.viewBox.baseVal, { x, y, width, height } = drawn.closest(".chart-live")
    ? drawn.getBBox() : box;
  const right = Math.max(x + width, box.x + box.width), low = Math.max(y + height, box.y + box.height);
  const left = Math.min(x, box.x), top = Math.min(y, box.y);
  const wide = right - left, high = low - top, scale = drawn.getBoundingClientRect().width / box.width;
  const copy = drawn.cloneNode(true);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("viewBox", `${left} ${top} ${wide} ${high}`);
  copy.setAttribute("width", wide * scale);
  copy.setAttribute("height", high * scale);
  const place = `x="${left}" y="${top}" width="${wide}" height="${high}"`;
  const paper = `<rect ${place} fill="var(--paper)"/>`;
  const end = `x="${right - 4}" y="${low - 4}" text-anchor="end" fill="var(--warn)"`;
  const made = stamp ? `<text ${end} font-family="sans-serif" font-size="8">${stamp}</text>` : "";
  const text = new XMLSerializer().serializeToString(copy)
    .replace(/^<svg[^>]*>/, head => head + paper).replace(/<\/svg>$/, `${made}</svg>`)
    .replaceAll("var(--sans)", "sans-serif")
    .replace(/var\((--[\w-]+)\)/g, (_, name) => look.getPropertyValue(name).trim());
  return { text, width: wide * scale, height: high * scale };
}

async function pixels({ text, width, height }) {
  const picture = new Image(), canvas = document.createElement("canvas"), twice = 2;
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await picture.decode();
  Object.assign(canvas, { width: width * twice, height: height * twice });
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise(done => canvas.toBlob(done, "image/png"));
}

const KINDS = {
  SVG: async shown => new Blob([shown.text], { type: "image/svg+xml" }),
  PNG: pixels,
};

for (const place of document.querySelectorAll("[data-name]")) {
  const line = document.createElement("p");
  line.className = "save";
  for (const [kind, made] of Object.entries(KINDS)) {
    const button = document.createElement("button");
    button.textContent = kind;
    button.setAttribute("aria-label", `Save as ${kind}: ${place.getAttribute("aria-label")}`);
    button.onclick = async () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await made(standalone(place.querySelector("svg"))));
      link.download = `${place.dataset.name}.${kind.toLowerCase()}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    };
    line.append(button);
  }
  const figure = place.closest("figure");
  if (figure) figure.append(line);
  else place.nextElementSibling.after(line);
}
