// The list of the scrolls, and of the coordinates that have unsaved text alone.
"use strict";

const toc = (() => {
  const at = (id) => document.getElementById(id);
  const page = 300; // that are shown at once: a phext may have a million
  let entries = []; // {coordinate, summary}, in order
  let shown = page;
  let here = firstCoordinate;

  function parse(text) {
    const list = [];
    for (const line of text.split("\n")) {
      const parts = /^\* ([\d./]+): (.*)$/s.exec(line);
      if (parts && parseCoordinate(parts[1])) list.push({coordinate: parts[1], summary: parts[2]});
    }
    return list;
  }

  // Returns the entries, with those of drafts that have no scroll.
  function withDrafts(unsaved) {
    const there = new Set(entries.map((e) => e.coordinate));
    const more = [...unsaved].filter((c) => !there.has(c)).map((coordinate) => ({coordinate, summary: ""}));
    if (!more.length) return entries;
    return entries.concat(more).sort((a, b) => compareCoordinates(a.coordinate, b.coordinate));
  }

  function item(entry, unsaved) {
    const li = document.createElement("li");
    const link = document.createElement("a");
    link.href = "#" + entry.coordinate;
    if (entry.coordinate === here) link.setAttribute("aria-current", "page");
    const address = document.createElement("span");
    address.className = "at";
    address.textContent = entry.coordinate;
    const summary = document.createElement("span");
    summary.className = "summary";
    summary.textContent = entry.summary || (unsaved ? "new" : "…");
    link.append(address, summary);
    if (unsaved) {
      const mark = document.createElement("span");
      mark.className = "unsaved";
      mark.textContent = "unsaved";
      link.append(mark);
    }
    li.append(link);
    return li;
  }

  function render() {
    const unsaved = new Set(drafts.list());
    const wanted = at("filter").value.trim().toLowerCase();
    const all = withDrafts(unsaved);
    const found = wanted ? all.filter((e) => e.coordinate.startsWith(wanted) || e.summary.toLowerCase().includes(wanted)) : all;
    at("toc").replaceChildren(...found.slice(0, shown).map((e) => item(e, unsaved.has(e.coordinate))));
    at("count").textContent = entries.length.toLocaleString("en");
    at("more").hidden = found.length <= shown;
    at("more").textContent = "Show more (" + (found.length - shown).toLocaleString("en") + ")";
    at("empty").hidden = found.length > 0;
    at("empty").textContent = all.length ? "Nothing has that." : "No scrolls yet. Write one, and save it.";
  }

  at("filter").addEventListener("input", () => { shown = page; render(); });
  at("more").addEventListener("click", () => { shown += page; render(); });

  return {
    render,
    load(text) { entries = parse(text); render(); },
    go(coordinate) { here = coordinate; render(); },
    // The coordinate of the next scroll in a direction, 1 or -1; null at the end.
    neighbour(direction) {
      const all = withDrafts(new Set(drafts.list()));
      if (direction > 0) return all.find((e) => compareCoordinates(e.coordinate, here) > 0)?.coordinate ?? null;
      return all.findLast((e) => compareCoordinates(e.coordinate, here) < 0)?.coordinate ?? null;
    },
  };
})();
