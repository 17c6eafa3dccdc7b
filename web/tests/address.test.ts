import assert from "node:assert/strict";
import { test } from "node:test";
import { type Address, PLAIN, readAddress, writeAddress } from "../src/state/address";

test("what is written is read again", () => {
  const address: Address = {
    view: "lists",
    selected: { kind: "flight", name: "A:B&C=D%/ü" },
    list: "controllers",
    filter: "arrival=E*,L*&altitude=..10000",
    camera: { latitude: 50.1, longitude: -8.2, zoom: 4.5 },
    marked: [
      { colour: 0, text: "arrival=EDDF&altitude=..10000" },
      { colour: 3, text: "callsign=*,x" },
    ],
    onlyMarked: true,
    colourBy: "phase",
    look: "dark",
    hidesPeople: true,
    embedded: true,
  };
  assert.deepEqual(readAddress(writeAddress(address)), address);
  assert.equal(writeAddress(PLAIN), "");
});

test("whatever cannot be read is as if it were not there", () => {
  for (const text of [
    "view=x",
    "show=nobody",
    "show=dragon:1",
    "at=1,2",
    "at=91,0,3",
    "at=a,b,c",
    "mark=x",
    "look=pink",
    "list=lost",
  ]) {
    assert.deepEqual(readAddress(`?${text}`), PLAIN, text);
  }
});
