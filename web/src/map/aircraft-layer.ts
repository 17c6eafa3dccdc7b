/** A layer of the map with all aircraft, moved by the GPU. */

import type { CustomLayerInterface, Map as MapView } from "maplibre-gl";
import type { Colour } from "./colours";
import { type Motion, mercator, type Place, placeAt } from "./reckoning";
import { FRAGMENT, VERTEX } from "./shaders";
import { drawSprites, SPRITES, type Sprite } from "./sprites";

export type Drawn = {
  readonly motion: Motion;
  readonly heading: number;
  readonly sprite: Sprite;
  readonly size: number;
  readonly colour: Colour;
  readonly alpha: number;
};

type Attribute = readonly [name: string, floats: number];

const ATTRIBUTES: readonly Attribute[] = [
  ["a_place", 2],
  ["a_velocity", 2],
  ["a_since", 1],
  ["a_turn", 1],
  ["a_sprite", 1],
  ["a_size", 1],
];
// The colour's four bytes come behind the floats.
const FLOATS = ATTRIBUTES.reduce((sum, [, floats]) => sum + floats, 0);
const STRIDE = (FLOATS + 1) * 4;
const CORNERS = 4;
const UNIFORMS = [
  "u_time",
  "u_scale",
  "u_shift",
  "u_pixel",
  "u_grow",
  "u_sprites",
  "u_line",
  "u_fade",
] as const;
const TILE = 512;
// Places are floats of 24 bits, from an origin. Further from it than so many pixels they would be
// seen to be rounded.
const FAR_PX = 2 ** 18;

export class AircraftLayer implements CustomLayerInterface {
  readonly id = "aircraft";
  readonly type = "custom";
  readonly renderingMode = "2d";
  /** Seconds of the clock that motions are told by; set before each frame. */
  time = () => 0;
  /** 1, or less if what is shown is old. */
  fade = 1;
  line: Colour = [0, 0, 0];

  #map: MapView | null = null;
  #drawn: readonly Drawn[] = [];
  #origin: Place = { x: 0.5, y: 0.5 };
  #since = 0;
  #isDue = false;
  #gpu: Gpu | null = null;

  onAdd(map: MapView, gl: WebGL2RenderingContext): void {
    this.#map = map;
    this.#gpu = new Gpu(gl);
    this.#isDue = true;
  }

  onRemove(): void {
    this.#gpu?.free();
    this.#gpu = this.#map = null;
  }

  /** Draw these from now on. */
  show(drawn: readonly Drawn[]): void {
    this.#drawn = drawn;
    this.#isDue = true;
    this.#map?.triggerRepaint();
  }

  render(): void {
    const [map, gpu] = [this.#map, this.#gpu];
    if (map === null || gpu === null) return;
    const view = viewOf(map);
    if (this.#isDue || this.#isFar(view)) this.#upload(gpu, view.centre);
    gpu.draw(
      view,
      this.#origin,
      this.time() - this.#since,
      grown(map.getZoom()),
      this.line,
      this.fade,
    );
  }

  #isFar({ centre, scale }: View): boolean {
    const off = Math.max(Math.abs(centre.x - this.#origin.x), Math.abs(centre.y - this.#origin.y));
    return off * scale > FAR_PX;
  }

  #upload(gpu: Gpu, origin: Place): void {
    this.#origin = origin;
    // Seconds since 1970 have no room for their fractions in a float.
    this.#since = this.time();
    const buffer = new ArrayBuffer(this.#drawn.length * CORNERS * STRIDE);
    const floats = new Float32Array(buffer);
    const bytes = new Uint8Array(buffer);
    let at = 0;
    for (const one of this.#drawn) {
      for (let corner = 0; corner < CORNERS; corner++) {
        fill(floats, at, one, origin, this.#since);
        bytes.set([...one.colour, Math.round(one.alpha * 255)], (at + FLOATS) * 4);
        at += FLOATS + 1;
      }
    }
    gpu.upload(buffer, this.#drawn.length);
    this.#isDue = false;
  }
}

function fill(floats: Float32Array, at: number, one: Drawn, origin: Place, since: number): void {
  const { motion } = one;
  floats[at] = motion.x - origin.x;
  floats[at + 1] = motion.y - origin.y;
  floats[at + 2] = motion.vx;
  floats[at + 3] = motion.vy;
  floats[at + 4] = motion.at - since;
  floats[at + 5] = (one.heading * Math.PI) / 180;
  floats[at + 6] = SPRITES.indexOf(one.sprite);
  floats[at + 7] = one.size;
}

/** Shapes are smaller on a map of the world, where there are many. */
export function grown(zoom: number): number {
  return Math.min(1.25, Math.max(0.55, 0.35 + zoom * 0.12));
}

// --- from the map to the screen --------------------------------------------------------------------

/** The map is flat and never turned, so this is all of it. */
export type View = {
  readonly centre: Place;
  /** Pixels a unit. */
  readonly scale: number;
  readonly width: number;
  readonly height: number;
};

export function viewOf(map: MapView): View {
  const { lng, lat } = map.getCenter();
  const { clientWidth: width, clientHeight: height } = map.getContainer();
  return { centre: mercator(lng, lat), scale: TILE * 2 ** map.getZoom(), width, height };
}

/** How many times the world is seen to the left and the right of the middle one. */
function copies({ centre, scale, width }: View): readonly number[] {
  const half = width / 2 / scale;
  const [first, last] = [Math.floor(centre.x - half), Math.floor(centre.x + half)];
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Who is drawn nearest to this point of the screen (pixels), and not further than `within`. */
export function nearest<T extends Drawn>(
  drawn: readonly T[],
  point: Place,
  within: number,
  view: View,
  time: number,
): T | null {
  let found: T | null = null;
  let least = within;
  for (const one of drawn) {
    const place = placeAt(one.motion, time);
    for (const copy of copies(view)) {
      const x = (place.x + copy - view.centre.x) * view.scale + view.width / 2;
      const y = (place.y - view.centre.y) * view.scale + view.height / 2;
      const far = Math.hypot(x - point.x, y - point.y);
      if (far <= least) [found, least] = [one, far];
    }
  }
  return found;
}

// --- the GPU ---------------------------------------------------------------------------------------

class Gpu {
  readonly #gl: WebGL2RenderingContext;
  readonly #program: WebGLProgram;
  readonly #array: WebGLVertexArrayObject;
  readonly #vertices: WebGLBuffer;
  readonly #indices: WebGLBuffer;
  readonly #picture: WebGLTexture;
  readonly #at: Record<(typeof UNIFORMS)[number], WebGLUniformLocation | null>;
  #count = 0;
  #room = 0;

  constructor(gl: WebGL2RenderingContext) {
    this.#gl = gl;
    this.#program = linked(gl);
    this.#array = gl.createVertexArray();
    this.#vertices = gl.createBuffer();
    this.#indices = gl.createBuffer();
    this.#picture = picture(gl);
    const found = UNIFORMS.map((name) => [name, gl.getUniformLocation(this.#program, name)]);
    this.#at = Object.fromEntries(found);
    gl.bindVertexArray(this.#array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#vertices);
    this.#describe();
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.#indices);
    gl.bindVertexArray(null);
  }

  #describe(): void {
    const gl = this.#gl;
    let offset = 0;
    const add = (name: string, size: number, type: number, isByte: boolean) => {
      const at = gl.getAttribLocation(this.#program, name);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, size, type, isByte, STRIDE, offset);
      offset += isByte ? size : size * 4;
    };
    for (const [name, size] of ATTRIBUTES) add(name, size, gl.FLOAT, false);
    add("a_colour", 4, gl.UNSIGNED_BYTE, true);
  }

  upload(buffer: ArrayBuffer, count: number): void {
    const gl = this.#gl;
    gl.bindVertexArray(this.#array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#vertices);
    gl.bufferData(gl.ARRAY_BUFFER, buffer, gl.DYNAMIC_DRAW);
    if (count > this.#room) {
      this.#room = count * 2;
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, quads(this.#room), gl.STATIC_DRAW);
    }
    gl.bindVertexArray(null);
    this.#count = count;
  }

  draw(view: View, origin: Place, time: number, grow: number, line: Colour, fade: number): void {
    const [gl, at] = [this.#gl, this.#at];
    const [sx, sy] = [(2 * view.scale) / view.width, (-2 * view.scale) / view.height];
    gl.useProgram(this.#program);
    gl.bindVertexArray(this.#array);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.#picture);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.STENCIL_TEST);
    gl.uniform1f(at.u_time, time);
    gl.uniform2f(at.u_scale, sx, sy);
    gl.uniform2f(at.u_pixel, 2 / view.width, -2 / view.height);
    gl.uniform1f(at.u_grow, grow);
    gl.uniform1f(at.u_sprites, SPRITES.length);
    gl.uniform3f(at.u_line, line[0] / 255, line[1] / 255, line[2] / 255);
    gl.uniform1f(at.u_fade, fade);
    for (const copy of copies(view)) {
      const x = (origin.x + copy - view.centre.x) * sx;
      gl.uniform2f(at.u_shift, x, (origin.y - view.centre.y) * sy);
      gl.drawElements(gl.TRIANGLES, this.#count * 6, gl.UNSIGNED_INT, 0);
    }
    gl.bindVertexArray(null);
  }

  free(): void {
    const gl = this.#gl;
    gl.deleteVertexArray(this.#array);
    gl.deleteBuffer(this.#vertices);
    gl.deleteBuffer(this.#indices);
    gl.deleteTexture(this.#picture);
    gl.deleteProgram(this.#program);
  }
}

/** Two triangles for each four vertices. */
function quads(count: number): Uint32Array<ArrayBuffer> {
  const indices = new Uint32Array(count * 6);
  for (let one = 0; one < count; one++) {
    const first = one * CORNERS;
    indices.set([first, first + 1, first + 2, first + 1, first + 3, first + 2], one * 6);
  }
  return indices;
}

function picture(gl: WebGL2RenderingContext): WebGLTexture {
  const made = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, made);
  // MapLibre sets these for its own pictures, and leaves them so.
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
  gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, drawSprites());
  gl.generateMipmap(gl.TEXTURE_2D);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_LINEAR);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  return made;
}

function linked(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ] as const) {
    const shader = gl.createShader(kind);
    if (shader === null) throw new Error("the map's context is lost");
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(gl.getProgramInfoLog(program) ?? "the shaders do not fit");
  }
  return program;
}
