// Turning: rotations as quaternions [x, y, z, w], and a camera without perspective. It draws nothing.
"use strict";

const dot3 = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross3 = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const unit3 = (a) => { const size = Math.hypot(...a) || 1; return a.map((each) => each / size); };

function about(axis, angle) {
  const half = Math.sin(angle / 2), [x, y, z] = unit3(axis);
  return [x * half, y * half, z * half, Math.cos(angle / 2)];
}

// First b, then a.
function after(a, b) {
  const [ax, ay, az, aw] = a, [bx, by, bz, bw] = b;
  return unit4([aw * bx + ax * bw + ay * bz - az * by, aw * by - ax * bz + ay * bw + az * bx, aw * bz + ax * by - ay * bx + az * bw, aw * bw - ax * bx - ay * by - az * bz]);
}
const unit4 = (q) => { const size = Math.hypot(...q); return q.map((each) => each / size); };

function between(a, b, share) {
  let cosine = a.reduce((sum, each, n) => sum + each * b[n], 0);
  const end = cosine < 0 ? b.map((each) => -each) : b;
  cosine = Math.min(Math.abs(cosine), 1);
  const angle = Math.acos(cosine);
  if (angle < 1e-3) return end;
  const [p, q] = [Math.sin((1 - share) * angle), Math.sin(share * angle)].map((each) => each / Math.sin(angle));
  return unit4(a.map((each, n) => p * each + q * end[n]));
}

// Rows of the matrix: where the part's axes lie to the right of us, above us, towards us.
function rowsOf([x, y, z, w]) {
  return [
    [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
    [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
    [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
  ];
}

function ofRows([r, u, d]) {
  const trace = r[0] + u[1] + d[2];
  if (trace > 0) {
    const s = 2 * Math.sqrt(trace + 1);
    return unit4([(d[1] - u[2]) / s, (r[2] - d[0]) / s, (u[0] - r[1]) / s, s / 4]);
  }
  if (r[0] > u[1] && r[0] > d[2]) {
    const s = 2 * Math.sqrt(1 + r[0] - u[1] - d[2]);
    return unit4([s / 4, (r[1] + u[0]) / s, (r[2] + d[0]) / s, (d[1] - u[2]) / s]);
  }
  if (u[1] > d[2]) {
    const s = 2 * Math.sqrt(1 + u[1] - r[0] - d[2]);
    return unit4([(r[1] + u[0]) / s, s / 4, (u[2] + d[1]) / s, (r[2] - d[0]) / s]);
  }
  const s = 2 * Math.sqrt(1 + d[2] - r[0] - u[1]);
  return unit4([(r[2] + d[0]) / s, (u[2] + d[1]) / s, s / 4, (u[0] - r[1]) / s]);
}

// The turn that brings a direction of the part towards us, with the part's z as far up as it goes.
function towardsUs(direction) {
  const d = unit3(direction), level = Math.abs(d[2]) > 0.97 ? [0, 1, 0] : [0, 0, 1];
  const up = unit3(level.map((each, n) => each - dot3(level, d) * d[n]));
  return ofRows([cross3(up, d), up, d]);
}

class Camera {
  constructor() { Object.assign(this, { turn: towardsUs([0.45, -0.62, 0.64]), centre: [0, 0, 0], scale: 4, width: 300, height: 200, size: 100 }); }

  // All of it within the window, as it is turned now: the box, of which `points` (three numbers each) fill a part.
  fit(box, points = null, share = 0.84) {
    this.centre = box[0].map((low, n) => (low + box[1][n]) / 2);
    this.size = Math.hypot(...box[0].map((low, n) => box[1][n] - low)) || 1;
    const rows = rowsOf(this.turn), corners = [], put = (point) => corners.push(point.map((each, n) => each - this.centre[n]));
    if (points?.length) for (let n = 0, step = 3 * Math.max(Math.floor(points.length / 9000), 1); n < points.length; n += step) put([points[n], points[n + 1], points[n + 2]]);
    else for (const x of [0, 1]) for (const y of [0, 1]) for (const z of [0, 1]) put([box[x][0], box[y][1], box[z][2]]);
    const reach = (row) => corners.reduce((most, each) => Math.max(most, Math.abs(dot3(row, each))), 0) * 2 || 1;
    this.scale = this.whole = Math.min((share * this.width) / reach(rows[0]), (share * this.height) / reach(rows[1]));
  }

  // Where a point of the part is in the window (from its upper left corner), and how far towards us.
  project(point) {
    const away = point.map((each, n) => each - this.centre[n]), [right, up, near] = rowsOf(this.turn);
    return [this.width / 2 + this.scale * dot3(right, away), this.height / 2 - this.scale * dot3(up, away), dot3(near, away)];
  }

  rotate(dx, dy) { this.turn = after(after(about([1, 0, 0], dy * 0.009), about([0, 1, 0], dx * 0.009)), this.turn); }

  pan(dx, dy) {
    const [right, up] = rowsOf(this.turn);
    this.centre = this.centre.map((each, n) => each - (right[n] * dx - up[n] * dy) / this.scale);
  }

  zoom(by, x = this.width / 2, y = this.height / 2) {
    const scale = Math.min(Math.max(this.scale * by, this.whole * 0.3), this.whole * 60), gained = 1 - this.scale / scale;
    this.pan(-(x - this.width / 2) * gained, -(y - this.height / 2) * gained);
    this.scale = scale;
  }
}
