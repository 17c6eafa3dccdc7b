/** Draws aircraft where dead reckoning says they are; `aircraft-layer.ts` fills it. */

// Plain quads of four vertices: where the GPU is a program (SwiftShader), instances are slow.
export const VERTEX = `#version 300 es
in vec2 a_place;     // from the origin, in units of the whole map
in vec2 a_velocity;  // a second
in float a_since;    // seconds of the layer's clock
in float a_turn;     // radians, clockwise from the north
in float a_sprite;
in float a_size;     // pixels
in vec4 a_colour;

uniform float u_time;
uniform vec2 u_scale;    // from units of the map to the screen's -1 to 1
uniform vec2 u_shift;    // where the origin is on the screen
uniform vec2 u_pixel;    // a pixel, in the same
uniform float u_grow;
uniform float u_sprites;

out vec2 v_at;
out vec4 v_colour;

void main() {
  vec2 corner = vec2(gl_VertexID & 1, (gl_VertexID >> 1) & 1);
  vec2 edge = (corner - 0.5) * a_size * u_grow;
  float c = cos(a_turn), s = sin(a_turn);
  vec2 turned = vec2(edge.x * c - edge.y * s, edge.x * s + edge.y * c);
  vec2 place = a_place + a_velocity * max(u_time - a_since, 0.0);
  gl_Position = vec4(place * u_scale + u_shift + turned * u_pixel, 0.0, 1.0);
  v_at = vec2((a_sprite + corner.x) / u_sprites, corner.y);
  v_colour = a_colour;
}
`;

export const FRAGMENT = `#version 300 es
precision mediump float;
uniform sampler2D u_picture;
uniform vec3 u_line;
uniform float u_fade;
in vec2 v_at;
in vec4 v_colour;
out vec4 colour;

void main() {
  vec4 mask = texture(u_picture, v_at);
  float alpha = mask.g * v_colour.a * u_fade;
  colour = vec4(mix(u_line, v_colour.rgb, mask.r) * alpha, alpha);
}
`;
