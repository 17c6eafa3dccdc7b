/** The shapes of aircraft, drawn once onto one picture for the GPU. All point to the north. */

import { SHAPES, type Shape } from "./shapes";

export type Sprite = Shape | "ring";
export const SPRITES: readonly Sprite[] = [...SHAPES, "ring"];

/** Pixels of a side of a shape on the picture. */
export const CELL = 64;

// Within a square from -1 to 1, y to the south.
const OUTLINES: Record<Shape, string> = {
  jet:
    "M0-.82C.1-.82.13-.66.13-.5L.13-.2.8.26.8.4.13.2.11.58.32.76.32.86 0 .78-.32.86-.32.76-.11.58" +
    "-.13.2-.8.4-.8.26-.13-.2-.13-.5C-.13-.66-.1-.82 0-.82Z",
  heavy:
    "M0-.92C.13-.92.17-.72.17-.54L.17-.28.45-.08.45-.18.56-.18.56 0 .92.24.92.4.17.2.14.6.42.8" +
    ".42.92 0 .82-.42.92-.42.8-.14.6-.17.2-.92.4-.92.24-.56 0-.56-.18-.45-.18-.45-.08-.17-.28" +
    "-.17-.54C-.17-.72-.13-.92 0-.92Z",
  light:
    "M0-.7C.08-.7.1-.6.1-.48L.72-.42.72-.18.1-.14.06.46.28.54.28.68-.28.68-.28.54-.06.46-.1-.14" +
    "-.72-.18-.72-.42-.1-.48C-.1-.6-.08-.7 0-.7Z",
  helicopter:
    "M-.62-.78L-.5-.86.06-.34.5-.86.62-.78.2-.26C.26-.16.26 0 .16.14L.07.22.07.62.26.7.26.8-.26.8" +
    "-.26.7-.07.62-.07.22-.16.14C-.26 0-.26-.16-.2-.26L-.62-.78Z",
  ground: "M0-.62L.42.5 0 .28-.42.5Z",
};
const LINE = 0.2;
const RING = { radius: 0.8, width: 0.16 };

/** Red: the shape itself. Green: it and a line around it. */
export function drawSprites(): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = CELL * SPRITES.length;
  canvas.height = CELL;
  const pen = canvas.getContext("2d");
  if (pen === null) throw new Error("this browser draws no pictures");
  pen.globalCompositeOperation = "lighter";
  for (const [index, name] of SPRITES.entries()) {
    pen.setTransform(CELL / 2, 0, 0, CELL / 2, CELL * (index + 0.5), CELL / 2);
    if (name === "ring") drawRing(pen);
    else drawShape(pen, new Path2D(OUTLINES[name]));
  }
  return canvas;
}

function drawShape(pen: CanvasRenderingContext2D, outline: Path2D): void {
  pen.lineWidth = LINE;
  pen.lineJoin = "round";
  pen.strokeStyle = "#0f0";
  pen.stroke(outline);
  pen.fillStyle = "#0f0";
  pen.fill(outline);
  pen.fillStyle = "#f00";
  pen.fill(outline);
}

function drawRing(pen: CanvasRenderingContext2D): void {
  pen.lineWidth = RING.width;
  pen.strokeStyle = "#ff0";
  pen.beginPath();
  pen.arc(0, 0, RING.radius, 0, 2 * Math.PI);
  pen.stroke();
}
