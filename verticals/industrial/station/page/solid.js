// A scan on its nominal part in three dimensions: WebGL by hand, and a plain canvas where there is none. It knows no unit.
"use strict";

const GREY = [0.86, 0.86, 0.86], EXTRA = [0.75, 0.1, 0.12], LACKING = [0.1, 0.3, 0.75], MISSED = [0.56, 0.2, 0.72];

const shadeOf = (share) => { const end = share < 0 ? LACKING : EXTRA, by = Math.min(Math.abs(share), 1); return GREY.map((each, n) => each + by * (end[n] - each)); };

const VERTEX = `attribute vec3 place; attribute vec3 normal; attribute float away;
uniform mat3 turn; uniform vec3 centre; uniform vec2 scale; uniform float depth, dots, range, push, kind;
uniform vec3 plain; varying vec3 shade;
void main() {
  vec3 p = turn * (place - centre), n = turn * normal;
  gl_Position = vec4(p.xy * scale, (push - p.z) / depth, 1.0);
  gl_PointSize = dots;
  float share = clamp(away / range, -1.0, 1.0);
  vec3 end = share < 0.0 ? vec3(${LACKING}) : vec3(${EXTRA});
  if (kind < 0.5) { shade = mix(vec3(${GREY}), end, abs(share)) * (0.5 + 0.5 * n.z); if (n.z < 0.02) gl_Position = vec4(2.0, 2.0, 2.0, 1.0); }
  else if (kind < 1.5) shade = plain * (0.5 + 0.5 * abs(n.z));
  else shade = plain;
}`;
const FRAGMENT = `precision mediump float; varying vec3 shade; uniform highp float kind;
void main() {
  if (kind < 0.5 || kind > 1.5) { vec2 at = gl_PointCoord - 0.5; if (dot(at, at) > 0.25) discard; }
  gl_FragColor = vec4(shade, 1.0);
}`;

// ---- the numbers as they come ----
function unpacked(buffer, told) {
  let at = 0;
  const take = (kind, count) => { const part = new kind(buffer, at, count); at += part.byteLength; return part; };
  const points = take(Float32Array, 3 * told.points), values = take(Float32Array, told.points), normals = take(Int8Array, 3 * told.points);
  at += -at & 3;
  const missed = take(Float32Array, 3 * told.missed), triangles = take(Float32Array, 9 * told.triangles);
  return { points, values, normals, missed, triangles };
}

function flatNormals(triangles) {
  const found = new Float32Array(triangles.length);
  for (let at = 0; at < triangles.length; at += 9) {
    const corner = (n) => [triangles[at + 3 * n], triangles[at + 3 * n + 1], triangles[at + 3 * n + 2]], [a, b, c] = [corner(0), corner(1), corner(2)];
    const normal = unit3(cross3(b.map((each, n) => each - a[n]), c.map((each, n) => each - a[n])));
    for (let n = 0; n < 9; n++) found[at + n] = normal[n % 3];
  }
  return found;
}

// ---- painters ----
class GlPainter {
  constructor(canvas, gl) {
    this.canvas = canvas;
    this.gl = gl;
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => { this.build(); if (this.data) this.load(this.data); this.again?.(); });
    this.build();
  }

  build() {
    const gl = this.gl, program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    gl.useProgram(program);
    gl.enable(gl.DEPTH_TEST);
    this.at = Object.fromEntries(["turn", "centre", "scale", "depth", "dots", "range", "push", "kind", "plain"].map((name) => [name, gl.getUniformLocation(program, name)]));
    this.slots = ["place", "normal", "away"].map((name) => gl.getAttribLocation(program, name));
  }

  load(data) {
    const gl = this.gl;
    this.data = data;
    for (const each of Object.values(this.buffers || {})) gl.deleteBuffer(each);
    this.buffers = {};
    for (const [name, values] of Object.entries({ ...data, flat: flatNormals(data.triangles) })) {
      this.buffers[name] = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    }
  }

  feed(slot, name, count, kind) {
    const gl = this.gl, place = this.slots[slot];
    if (!name) { gl.disableVertexAttribArray(place); return gl.vertexAttrib3f(place, 0, 0, 0); }
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, count, kind || gl.FLOAT, kind === gl.BYTE, 0, 0);
  }

  draw(camera, look) {
    const { gl, at, canvas, data } = this, dense = canvas.width / camera.width, rows = rowsOf(camera.turn);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniformMatrix3fv(at.turn, false, [0, 1, 2].flatMap((n) => rows.map((row) => row[n])));
    gl.uniform3fv(at.centre, camera.centre);
    gl.uniform2f(at.scale, (2 * camera.scale) / camera.width, (2 * camera.scale) / camera.height);
    gl.uniform1f(at.depth, 2 * camera.size + 2 * look.lift);
    gl.uniform1f(at.range, look.range);
    if (look.part && data.triangles.length) this.pass(1, gl.TRIANGLES, data.triangles.length / 3, look, ["triangles", "flat"], look.pale);
    if (look.scan) this.pass(0, gl.POINTS, data.values.length, look, ["points", "normals", "values"], GREY, Math.min(Math.max(2.1 * look.spacing * camera.scale, 2), 60) * dense);
    if (look.scan && data.missed.length) this.pass(2, gl.POINTS, data.missed.length / 3, look, ["missed"], MISSED, Math.min(Math.max(0.8 * look.spacing * camera.scale, 2.5), 12) * dense);
  }

  pass(kind, shape, count, look, [place, normal, away], plain, dots = 1) {
    const { gl, at } = this;
    this.feed(0, place, 3);
    this.feed(1, normal, 3, kind === 0 ? gl.BYTE : gl.FLOAT);
    this.feed(2, away, 1);
    gl.uniform1f(at.kind, kind);
    gl.uniform1f(at.push, kind === 1 ? look.lift : 0);
    gl.uniform1f(at.dots, dots);
    gl.uniform3fv(at.plain, plain);
    gl.drawArrays(shape, 0, count);
  }
}

const FLAT_MOST = 30_000; // points that a plain canvas draws in good time

class FlatPainter {
  constructor(canvas) { Object.assign(this, { canvas, pen: canvas.getContext("2d") }); }

  load(data) { this.data = data; }

  draw(camera, look) {
    const { pen, canvas, data } = this, dense = canvas.width / camera.width, [right, up, near] = rowsOf(camera.turn), [cx, cy, cz] = camera.centre;
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.clearRect(0, 0, camera.width, camera.height);
    const step = Math.max(Math.ceil(data.values.length / FLAT_MOST), 1), seen = [];
    const put = (of, n, light, share) => {
      const x = of[3 * n] - cx, y = of[3 * n + 1] - cy, z = of[3 * n + 2] - cz;
      seen.push([near[0] * x + near[1] * y + near[2] * z, camera.width / 2 + camera.scale * (right[0] * x + right[1] * y + right[2] * z), camera.height / 2 - camera.scale * (up[0] * x + up[1] * y + up[2] * z), light, share]);
    };
    for (let n = 0; look.scan && n < data.values.length; n += step) {
      const light = (near[0] * data.normals[3 * n] + near[1] * data.normals[3 * n + 1] + near[2] * data.normals[3 * n + 2]) / 127;
      if (light > 0.02) put(data.points, n, light, data.values[n] / look.range);
    }
    for (let n = 0; look.scan && n < data.missed.length / 3; n += step) put(data.missed, n, 1, null);
    seen.sort((a, b) => a[0] - b[0]);
    const size = Math.min(Math.max(1.6 * look.spacing * Math.sqrt(step) * camera.scale, 1.5), 40);
    for (const [, x, y, light, share] of seen) {
      pen.fillStyle = `rgb(${(share === null ? MISSED : shadeOf(share)).map((each) => Math.round(255 * each * (0.5 + 0.5 * light)))})`;
      pen.fillRect(x - size / 2, y - size / 2, size, size);
    }
  }
}

// A canvas that was once asked for WebGL gives no pen: where WebGL fails, another takes its place.
function painterOf(canvas) {
  try {
    const gl = canvas.getContext("webgl", { antialias: true, preserveDrawingBuffer: true, alpha: true });
    if (gl) return new GlPainter(canvas, gl);
  } catch (error) { console.warn(`WebGL is left out: ${error.message}`); }
  const fresh = canvas.cloneNode();
  canvas.replaceWith(fresh);
  return new FlatPainter(fresh);
}

// ---- the drawing with its camera ----
class Solid {
  constructor(canvas, redrawn) {
    const painter = painterOf(canvas);
    canvas = painter.canvas;
    Object.assign(this, { canvas, redrawn, camera: new Camera(), painter, data: null, look: { scan: true, part: true, range: 0.25, lift: 1, spacing: 1, pale: [0.8, 0.81, 0.83] } });
    this.painter.again = () => this.draw();
    this.pointers = new Map();
    this.wire();
    new ResizeObserver(() => this.sized()).observe(canvas.parentElement);
  }

  get kind() { return this.painter instanceof GlPainter ? "webgl" : "canvas"; }

  show(buffer, told, range) {
    this.data = unpacked(buffer, told);
    this.box = told.box_mm;
    const size = Math.hypot(...told.box_mm[0].map((low, n) => told.box_mm[1][n] - low));
    Object.assign(this.look, { spacing: told.spacing_mm, range, lift: Math.min(Math.max(-told.lowest_mm, 0) + told.spacing_mm, 0.04 * size) });
    this.painter.load(this.data);
    this.camera.turn = new Camera().turn;
    this.sized(true);
  }

  sized(fit = false) {
    const { width, height } = this.canvas.parentElement.getBoundingClientRect(), { camera, canvas } = this;
    if (!width || !height || !this.data) return;
    const dense = Math.min(devicePixelRatio || 1, 2), first = fit || !camera.whole, kept = camera.scale / (camera.whole || 1), centre = camera.centre;
    if (!fit && canvas.width === Math.round(width * dense) && canvas.height === Math.round(height * dense)) return;
    [canvas.width, canvas.height] = [Math.round(width * dense), Math.round(height * dense)];
    Object.assign(camera, { width, height });
    camera.fit(this.box, this.data.points);
    if (!first) Object.assign(camera, { scale: camera.whole * kept, centre });
    this.draw();
  }

  draw() {
    if (!this.data || !this.canvas.width) return;
    this.painter.draw(this.camera, this.look);
    this.redrawn?.();
  }

  // Turn until a direction of the part points at us, and come close to a place of it.
  visit(place, direction, closer = 1.4) {
    const { camera } = this, from = { turn: camera.turn, centre: camera.centre, scale: camera.scale };
    const turn = direction ? towardsUs(direction) : camera.turn, scale = Math.max(camera.whole * closer, Math.min(camera.scale, camera.whole * 6));
    const began = performance.now(), long = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1 : 420, mine = (this.going = {});
    const step = () => {
      if (this.going !== mine) return;
      const share = Math.min((performance.now() - began) / long, 1), ease = share * share * (3 - 2 * share);
      camera.turn = between(from.turn, turn, ease);
      camera.centre = from.centre.map((each, n) => each + (place[n] - each) * ease);
      camera.scale = from.scale * (scale / from.scale) ** ease;
      this.draw();
      if (share < 1) requestAnimationFrame(step); else this.going = null;
    };
    step();
  }

  whole() {
    this.going = null;
    this.camera.fit(this.box, this.data.points);
    this.draw();
  }

  moved(act) {
    this.going = null;
    act(this.camera);
    this.draw();
  }

  // The scanned point under a place of the window: its deviation in mm, or null.
  under(x, y, reach = 7) {
    const { points, values, normals } = this.data, { camera } = this, [right, up, near] = rowsOf(camera.turn), [cx, cy, cz] = camera.centre;
    let best = -Infinity, found = null;
    for (let n = 0; n < values.length; n++) {
      const px = points[3 * n] - cx, py = points[3 * n + 1] - cy, pz = points[3 * n + 2] - cz;
      const dx = camera.width / 2 + camera.scale * (right[0] * px + right[1] * py + right[2] * pz) - x;
      if (dx > reach || dx < -reach) continue;
      const dy = camera.height / 2 - camera.scale * (up[0] * px + up[1] * py + up[2] * pz) - y;
      if (dx * dx + dy * dy > reach * reach || near[0] * normals[3 * n] + near[1] * normals[3 * n + 1] + near[2] * normals[3 * n + 2] < 3) continue;
      const depth = near[0] * px + near[1] * py + near[2] * pz - 0.05 * Math.hypot(dx, dy) / camera.scale;
      if (depth > best) [best, found] = [depth, n];
    }
    return found === null ? null : { value: values[found], at: [...points.slice(3 * found, 3 * found + 3)] };
  }

  wire() {
    const { canvas, pointers } = this, at = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); this.moved((camera) => camera.zoom(Math.exp(-event.deltaY * 0.0015), ...at(event))); }, { passive: false });
    canvas.addEventListener("dblclick", () => this.whole());
    canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); pointers.set(event.pointerId, at(event)); });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => pointers.delete(event.pointerId));
    canvas.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId), now = at(event);
      if (!before) return;
      const others = [...pointers].filter(([id]) => id !== event.pointerId);
      pointers.set(event.pointerId, now);
      const dx = now[0] - before[0], dy = now[1] - before[1];
      if (others.length) {
        const far = ([x, y]) => Math.hypot(x - others[0][1][0], y - others[0][1][1]);
        this.moved((camera) => { camera.zoom(far(now) / (far(before) || 1), (now[0] + others[0][1][0]) / 2, (now[1] + others[0][1][1]) / 2); camera.pan(dx / 2, dy / 2); });
      } else this.moved((camera) => (event.shiftKey || event.buttons & 6 ? camera.pan(dx, dy) : camera.rotate(dx, dy)));
    });
  }
}
