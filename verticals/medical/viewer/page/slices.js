// The image: axial slices in Hounsfield units, windowed here, with outlines and crosshair. It knows no server but for
// the slices it fetches, and decides nothing.
"use strict";

const WINDOWS = { lung: [-1350, 150], soft: [-160, 240], bone: [-450, 1050] };
const COLOURS = ["#58b7ff", "#ffb454", "#7fd98b", "#ff8fa3", "#c3a6ff", "#5fe0d3", "#f2e26b", "#ff9d5c"];
const colourOf = (label) => COLOURS[(label - 1) % COLOURS.length];

class Slices {
  constructor(canvas, url, study, changed) {
    Object.assign(this, { canvas, url, study, changed });
    [this.nx, this.ny, this.nz] = study.shape;
    this.number = Math.floor(this.nz / 2);
    this.window = "lung";
    this.overlay = true;
    this.chosen = null;
    this.zoom = 1;
    this.centre = [this.nx / 2, this.ny / 2]; // of the view, in columns and rows of the picture
    this.cross = null; // [column, row]
    this.box = null; // [[column, row], [column, row]], while one is drawn
    this.kept = new Map();
    this.waiting = new Map();
    this.picture = document.createElement("canvas");
    this.picture.width = this.nx;
    this.picture.height = this.ny;
    this.masks = [];
    this.take(study);
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement);
  }

  // ---- what is shown ----
  take(study) {
    this.study = study;
    this.masks = study.findings.map((finding) => ({ label: finding.label, ...unpacked(finding.outline) }));
    this.draw();
  }

  async show(number) {
    this.number = Math.min(Math.max(Math.round(number), 0), this.nz - 1);
    this.changed();
    this.draw();
    for (const step of [0, 1, -1, 2, -2, 3, -3]) this.fetch(this.number + step);
  }

  fetch(number) {
    if (number < 0 || number >= this.nz || this.kept.has(number)) return Promise.resolve();
    if (!this.waiting.has(number)) {
      const asked = fetch(`${this.url}/slices/${number}`)
        .then((answer) => (answer.ok ? answer.arrayBuffer() : Promise.reject(answer)))
        .then((data) => {
          this.kept.set(number, new Int16Array(data));
          if (this.kept.size > 400) this.kept.delete(this.kept.keys().next().value);
          if (number === this.number) this.draw();
        })
        .catch(() => {})
        .finally(() => this.waiting.delete(number));
      this.waiting.set(number, asked);
    }
    return this.waiting.get(number);
  }

  // ---- from the picture to the patient ----
  scale() {
    const [sx, sy] = this.study.spacing;
    const fit = Math.min(this.canvas.width / (this.nx * sx), this.canvas.height / (this.ny * sy));
    return [fit * this.zoom * sx, fit * this.zoom * sy];
  }
  toScreen(column, row) {
    const [ax, ay] = this.scale();
    return [(column - this.centre[0]) * ax + this.canvas.width / 2, (row - this.centre[1]) * ay + this.canvas.height / 2];
  }
  toPicture(x, y) {
    const [ax, ay] = this.scale();
    return [(x - this.canvas.width / 2) / ax + this.centre[0], (y - this.canvas.height / 2) / ay + this.centre[1]];
  }
  // Voxel i grows to the patient's right, which is on the left of the picture; j to the front, which is at its top.
  toVoxel(column, row) { return [this.nx - column - 0.5, this.ny - row - 0.5, this.number]; }
  toMm(column, row) { return this.mmOf(this.toVoxel(column, row)); }
  mmOf([i, j, k]) { return this.study.affine.slice(0, 3).map(([a, b, c, d]) => a * i + b * j + c * k + d); }
  // The sides of a box on this slice in mm, and its corners: it is taken as deep as its longer side.
  sides([[c1, r1], [c2, r2]]) { return [Math.abs(c1 - c2) * this.study.spacing[0], Math.abs(r1 - r2) * this.study.spacing[1]]; }
  corners(box) {
    const deep = Math.max(...this.sides(box)) / 2 / this.study.spacing[2];
    return box.map(([column, row], end) => {
      const [i, j, k] = this.toVoxel(Math.min(Math.max(column, 0), this.nx), Math.min(Math.max(row, 0), this.ny));
      return this.mmOf([i, j, Math.min(Math.max(k + (end ? deep : -deep), 0), this.nz - 1)]);
    });
  }
  heightOf(number) { const row = this.study.affine[2]; return row[2] * number + row[3]; }
  atEvent(event) {
    const box = this.canvas.getBoundingClientRect();
    const ratio = this.canvas.width / box.width;
    return this.toPicture((event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio);
  }
  inside(column, row) { return column >= 0 && row >= 0 && column < this.nx && row < this.ny; }
  densityAt(column, row) {
    const values = this.kept.get(this.number);
    return values && this.inside(column, row) ? values[Math.floor(row) * this.nx + Math.floor(column)] : null;
  }
  labelAt(column, row) {
    const [i, j, k] = this.toVoxel(Math.floor(column) + 0.5, Math.floor(row) + 0.5).map(Math.round);
    const found = this.masks.find((mask) => mask.has(i, j, k));
    return found ? found.label : null;
  }
  zoomTo(zoom, at = this.centre) {
    const before = this.toScreen(...at);
    this.zoom = Math.min(Math.max(zoom, 1), 16);
    if (this.zoom === 1) this.centre = [this.nx / 2, this.ny / 2];
    else {
      const after = this.toScreen(...at), [ax, ay] = this.scale();
      this.centre = [this.centre[0] + (after[0] - before[0]) / ax, this.centre[1] + (after[1] - before[1]) / ay];
    }
    this.draw();
  }
  look(finding) {
    const { low, shape } = finding.outline;
    this.centre = [this.nx - (low[0] + shape[0] / 2), this.ny - (low[1] + shape[1] / 2)];
    if (this.zoom < 3) this.zoom = 3;
    this.cross = null;
    return this.show(finding.slice_index);
  }

  // ---- drawing ----
  draw() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => { this.due = false; this.drawn(); });
  }
  drawn() {
    const box = this.canvas.parentElement.getBoundingClientRect(), dots = window.devicePixelRatio || 1;
    const width = Math.max(Math.round(box.width * dots), 1), height = Math.max(Math.round(box.height * dots), 1);
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const pen = this.canvas.getContext("2d");
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, width, height);
    const values = this.kept.get(this.number);
    if (!values) return;
    this.windowed(values);
    const [left, top] = this.toScreen(0, 0), [right, bottom] = this.toScreen(this.nx, this.ny);
    pen.imageSmoothingEnabled = true;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.picture, left, top, right - left, bottom - top);
    if (this.overlay) for (const mask of this.masks) this.outline(pen, mask, dots);
    if (this.box) this.rectangle(pen, dots);
    if (this.cross) this.crosshair(pen, dots);
    this.canvas.dataset.shown = String(this.number);
  }
  windowed(values) {
    const key = `${this.number}/${this.window}`;
    if (this.pictured === key) return;
    const [low, high] = WINDOWS[this.window], factor = 255 / (high - low);
    const pen = this.picture.getContext("2d"), image = pen.createImageData(this.nx, this.ny);
    const dots = new Uint32Array(image.data.buffer);
    for (let n = 0; n < dots.length; n++) {
      const grey = Math.min(Math.max((values[n] - low) * factor, 0), 255) | 0;
      dots[n] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
    }
    pen.putImageData(image, 0, 0);
    this.pictured = key;
  }
  // The edges between voxels inside and outside, so that what is drawn is what is measured.
  outline(pen, mask, dots) {
    const k = this.number, [li, lj, lk] = mask.low, [ni, nj, nk] = mask.shape;
    if (k < lk || k >= lk + nk) return;
    pen.beginPath();
    const line = (c1, r1, c2, r2) => { pen.moveTo(...this.toScreen(c1, r1)); pen.lineTo(...this.toScreen(c2, r2)); };
    for (let i = li; i < li + ni; i++)
      for (let j = lj; j < lj + nj; j++) {
        if (!mask.has(i, j, k)) continue;
        const left = this.nx - 1 - i, top = this.ny - 1 - j;
        if (!mask.has(i + 1, j, k)) line(left, top, left, top + 1);
        if (!mask.has(i - 1, j, k)) line(left + 1, top, left + 1, top + 1);
        if (!mask.has(i, j + 1, k)) line(left, top, left + 1, top);
        if (!mask.has(i, j - 1, k)) line(left, top + 1, left + 1, top + 1);
      }
    const chosen = mask.label === this.chosen;
    pen.lineCap = "round";
    pen.strokeStyle = "#000a";
    pen.lineWidth = (chosen ? 4.5 : 3) * dots;
    pen.stroke();
    pen.strokeStyle = colourOf(mask.label);
    pen.lineWidth = (chosen ? 2.2 : 1.4) * dots;
    pen.stroke();
    const [x, y] = this.toScreen(this.nx - li, this.ny - lj - nj);
    pen.font = `600 ${13 * dots}px system-ui, sans-serif`;
    pen.lineWidth = 3 * dots;
    pen.strokeStyle = "#000c";
    pen.fillStyle = colourOf(mask.label);
    pen.strokeText(mask.label, x + 5 * dots, y - 4 * dots);
    pen.fillText(mask.label, x + 5 * dots, y - 4 * dots);
  }
  rectangle(pen, dots) {
    const [x1, y1] = this.toScreen(...this.box[0]), [x2, y2] = this.toScreen(...this.box[1]);
    pen.strokeStyle = "#ffe08a";
    pen.lineWidth = 1.5 * dots;
    pen.setLineDash([6 * dots, 4 * dots]);
    pen.strokeRect(Math.min(x1, x2), Math.min(y1, y2), Math.abs(x2 - x1), Math.abs(y2 - y1));
    pen.setLineDash([]);
    const text = this.sides(this.box).map((side) => side.toFixed(0)).join(" × ") + " mm";
    pen.font = `${12 * dots}px system-ui, sans-serif`;
    pen.lineWidth = 3 * dots;
    pen.strokeStyle = "#000c";
    pen.fillStyle = "#ffe08a";
    pen.strokeText(text, Math.min(x1, x2), Math.min(y1, y2) - 6 * dots);
    pen.fillText(text, Math.min(x1, x2), Math.min(y1, y2) - 6 * dots);
  }
  crosshair(pen, dots) {
    const [x, y] = this.toScreen(...this.cross), arm = 14 * dots, gap = 4 * dots;
    pen.strokeStyle = "#ffe08a";
    pen.lineWidth = 1.5 * dots;
    pen.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      pen.moveTo(x + dx * gap, y + dy * gap);
      pen.lineTo(x + dx * arm, y + dy * arm);
    }
    pen.stroke();
  }
}

// Bits in C order over [i, j, k], the first highest.
function unpacked({ low, shape, bits }) {
  const bytes = Uint8Array.from(atob(bits), (letter) => letter.charCodeAt(0)), [, nj, nk] = shape;
  const has = (i, j, k) => {
    const a = i - low[0], b = j - low[1], c = k - low[2];
    if (a < 0 || b < 0 || c < 0 || a >= shape[0] || b >= nj || c >= nk) return false;
    const n = (a * nj + b) * nk + c;
    return Boolean((bytes[n >> 3] >> (7 - (n & 7))) & 1);
  };
  return { low, shape, has };
}
