// Text that is not saved yet, as the browser keeps it. A draft is what was typed, and
// the text and tag of the scroll that it began from.
"use strict";

const drafts = (() => {
  const prefix = "sq-draft:" + document.body.dataset.place + ":";
  let works = true; // a browser may keep nothing, or have no room

  function attempt(what, otherwise) {
    try {
      return what();
    } catch {
      works = false;
      return otherwise;
    }
  }

  return {
    get: (coordinate) => attempt(() => JSON.parse(localStorage.getItem(prefix + coordinate)), null),
    set(coordinate, draft) {
      works = true;
      attempt(() => localStorage.setItem(prefix + coordinate, JSON.stringify(draft)));
      return works;
    },
    remove: (coordinate) => attempt(() => localStorage.removeItem(prefix + coordinate)),
    // The coordinates that have one.
    list: () => attempt(() => Object.keys(localStorage).filter((k) => k.startsWith(prefix)).map((k) => k.slice(prefix.length)).filter(parseCoordinate), []),
    get works() { return works; },
  };
})();
