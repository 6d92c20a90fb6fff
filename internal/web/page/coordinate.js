// Coordinates: nine numbers, of the library first and of the scroll last.
"use strict";

const dimensions = ["library", "shelf", "series", "collection", "volume", "book", "chapter", "section", "scroll"];
const firstCoordinate = "1.1.1/1.1.1/1.1.1";
const mostWritten = 999; // of each number of a coordinate that can be written

// Returns the nine numbers of a text, null when it is no coordinate. As in the API,
// a ; stands for a / where that has another meaning.
function parseCoordinate(text) {
  if (!/^\d{1,5}\.\d{1,5}\.\d{1,5}[/;]\d{1,5}\.\d{1,5}\.\d{1,5}[/;]\d{1,5}\.\d{1,5}\.\d{1,5}$/.test(text)) return null;
  const numbers = text.split(/[./;]/).map(Number);
  return numbers.every((n) => n >= 1) ? numbers : null;
}

function formatCoordinate(numbers) {
  return [0, 3, 6].map((at) => numbers.slice(at, at + 3).join(".")).join("/");
}

// Less than 0 when a comes before b.
function compareCoordinates(a, b) {
  const x = parseCoordinate(a), y = parseCoordinate(b);
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return x[i] - y[i];
  return 0;
}
