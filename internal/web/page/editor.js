// The editor: one scroll at a time, at the coordinate behind the # of the address.
"use strict";

(() => {
  const at = (id) => document.getElementById(id);
  const area = at("text"), boxes = [];
  const pollEvery = 3000, pollShare = 20; // milliseconds; and the part of the time that asking may take

  let here = firstCoordinate;
  let base = null;   // what the text began from: {text, tag, ends}; null while it is not known
  let theirs = null; // what somebody else wrote meanwhile, while that is shown
  let busy = 0;      // writes under way
  let visits = 0, writes = 0; // so far: an answer to what was asked before is dropped

  const isDirty = () => base !== null && area.value !== base.text;

  // A text field knows line feeds alone. Other ends of lines are remembered, where they
  // are all the same, and put back when the text is saved.
  function fromServer({text, tag}) {
    const ends = text.includes("\r\n") && !/[\r\n]/.test(text.replaceAll("\r\n", "")) ? "\r\n" : "\n";
    const plain = text.replace(/\r\n?/g, "\n");
    return {text: plain, tag, ends, mixed: ends === "\n" && plain !== text};
  }
  const forServer = (text) => (base.ends === "\n" ? text : text.replace(/\n/g, base.ends));

  // ---- what is told

  function problem(text) {
    at("problem").hidden = !text;
    at("problem").textContent = text || "";
  }

  function notice(text, label, action) {
    at("notice").hidden = !text;
    at("notice").textContent = text || "";
    if (!label) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = label;
    button.addEventListener("click", () => { notice(""); action(); area.focus(); });
    at("notice").append(" ", button);
  }

  function connected(text, ok) {
    at("live").classList.toggle("on", ok);
    if (at("connection").textContent !== text) at("connection").textContent = text;
  }

  function showState() {
    const bytes = new TextEncoder().encode(area.value).length;
    const size = bytes.toLocaleString("en") + (bytes === 1 ? " byte" : " bytes");
    let text = "Loading …";
    if (busy) text = "Saving …";
    else if (isDirty()) text = size + (drafts.works ? ", not saved; kept in this browser" : ", not saved");
    else if (base) text = base.tag ? size + ", saved" : "No scroll here yet";
    at("state").textContent = text;
    at("state").classList.toggle("dirty", isDirty());
    at("save").disabled = !isDirty() || busy > 0;
    at("revert").disabled = !isDirty() || busy > 0;
    at("remove").disabled = !base || !base.tag || busy > 0;
    for (const id of ["keep-mine", "keep-theirs", "keep-both"]) at(id).disabled = busy > 0;
  }

  function showPlace() {
    parseCoordinate(here).forEach((n, i) => { boxes[i].value = n; });
    document.title = here + " – " + document.body.dataset.phext;
    toc.go(here);
    for (const [id, direction] of [["previous", -1], ["next", 1]]) at(id).disabled = !toc.neighbour(direction);
  }

  // ---- the text

  function typed() {
    if (isDirty()) drafts.set(here, {text: area.value, tag: base.tag, ends: base.ends, time: Date.now()});
    else drafts.remove(here);
    showState();
  }

  // Replaces the text as if it had been typed.
  function write(text) {
    area.value = text;
    typed();
    toc.render();
  }

  function hideConflict() {
    theirs = null;
    at("conflict").hidden = true;
  }

  // Shows what somebody else wrote, beside what is not saved.
  function showConflict(fresh) {
    theirs = fresh;
    at("conflict-title").textContent = fresh.tag ? "Somebody else has changed this scroll." : "Somebody else has deleted this scroll.";
    at("theirs").value = fresh.text;
    at("theirs").hidden = !fresh.tag;
    at("keep-both").hidden = !fresh.tag;
    at("conflict").hidden = false;
    showState();
  }

  // Takes what the server has, in favour of nothing that was typed.
  function meet(fresh) {
    const draft = drafts.get(here);
    if (!draft || draft.text === fresh.text) {
      drafts.remove(here);
      base = fresh;
      area.value = fresh.text;
      if (fresh.mixed) notice("Its lines end in several ways. If you save it here, they all end in line feeds.");
    } else {
      area.value = draft.text;
      base = draft.tag === fresh.tag ? fresh : {text: null, tag: draft.tag, ends: draft.ends};
      if (base === fresh) notice("This is what you wrote " + new Date(draft.time).toLocaleString() + " and did not save.");
      else showConflict(fresh);
    }
    area.disabled = false;
    showState();
  }

  async function show(coordinate) {
    const mine = ++visits;
    here = coordinate;
    base = null;
    area.disabled = true;
    area.value = "";
    hideConflict();
    problem("");
    notice("");
    showPlace();
    showState();
    try {
      const fresh = fromServer(await server.select(coordinate));
      if (mine === visits) meet(fresh);
    } catch (error) {
      if (mine !== visits) return;
      problem(error.message + (drafts.get(here) ? " What you did not save is kept in this browser." : ""));
      at("state").textContent = "";
    }
  }

  // Does a write, and says what became of it: true when it was done.
  async function attempt(work) {
    const place = here;
    busy++;
    writes++;
    problem("");
    showState();
    try {
      await work();
      return true;
    } catch (error) {
      await refused(place, error);
      return false;
    } finally {
      busy--;
      writes++;
      showState();
    }
  }

  // Shows what somebody else has been quicker with, or why a write was not done.
  async function refused(place, error) {
    try {
      if (error.status === 412) return met(place, fromServer(await server.select(place)));
    } catch (another) {
      error = another;
    }
    if (!(error instanceof Refused)) throw error;
    if (place === here) problem(error.message + (drafts.get(place) ? " What you wrote is kept in this browser." : ""));
  }

  function met(place, fresh) {
    if (place !== here) return;
    if (fresh.text === area.value) return settle(place, area.value, fresh);
    showConflict(fresh);
    at("conflict").focus();
  }

  // Notes that a text is saved, and what is there since. Meanwhile more may have been
  // typed, somebody else may have written, or the page may be elsewhere.
  function settle(place, text, fresh) {
    const same = fresh.text === text, draft = drafts.get(place);
    if (draft && draft.text === text) drafts.remove(place);
    else if (draft && same) drafts.set(place, {...draft, tag: fresh.tag});
    if (place !== here) return;
    if (!same && area.value !== text) return showConflict(fresh);
    hideConflict();
    base = fresh;
    if (!same) area.value = fresh.text;
    typed();
  }

  async function save() {
    if (!isDirty() || busy) return;
    const place = here, text = area.value;
    const done = await attempt(async () => {
      await server.update(place, forServer(text), base.tag);
      settle(place, text, fromServer(await server.select(place)));
    });
    if (done) poll();
  }

  async function remove() {
    at("sure-question").textContent = "Delete the scroll at " + here + "?";
    at("sure").returnValue = "no";
    at("sure").showModal();
    do { // that it was closed is told a moment later, when it may be open again
      await new Promise((closed) => at("sure").addEventListener("close", closed, {once: true}));
    } while (at("sure").open);
    if (at("sure").returnValue !== "yes" || !base || !base.tag || busy) return;
    const place = here, text = area.value;
    const done = await attempt(() => server.remove(place, base.tag));
    if (!done) return;
    drafts.remove(place);
    if (place === here) {
      base = {text: "", tag: null, ends: base.ends};
      hideConflict();
      write("");
      notice("Deleted.", "Bring it back", () => write(text));
    }
    poll();
  }

  function revert() {
    const mine = area.value;
    if (theirs) return takeTheirs();
    write(base.text);
    notice("Your changes are undone.", "Bring them back", () => write(mine));
  }

  function takeTheirs() {
    const mine = area.value;
    base = theirs;
    hideConflict();
    write(base.text);
    notice("This is theirs.", "Bring mine back", () => write(mine));
  }

  function keepBoth() {
    const mine = area.value;
    base = theirs;
    hideConflict();
    write(base.text + (base.text.endsWith("\n") ? "" : "\n") + mine);
    notice("Both are in the text: look it over, and save it.");
    area.focus();
  }

  function keepMine() {
    base = {...theirs, ends: base.ends};
    hideConflict();
    typed();
    if (isDirty()) save();
  }

  // ---- what others do

  let checksum = "", timer = 0, polling = false, again = false;

  // Looks whether somebody has changed something, now and then while the page is seen.
  async function poll() {
    clearTimeout(timer);
    again = polling;
    if (polling) return;
    polling = true;
    const began = performance.now();
    try {
      const sum = await server.checksum();
      if (sum !== checksum) {
        toc.load(await server.toc());
        checksum = sum;
        showPlace();
      }
      await look();
      connected("Live", true);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      connected(error.status ? error.message : "Not connected; trying again", false);
    } finally {
      polling = false;
      if (again) poll();
      else if (!document.hidden) timer = setTimeout(poll, Math.max(pollEvery, pollShare * (performance.now() - began)));
    }
  }

  async function look() {
    const visit = visits, write = writes;
    if (!base) return area.disabled && !busy ? show(here) : undefined;
    const seen = theirs ? theirs.tag : base.tag;
    const found = await server.select(here, seen);
    if (visit !== visits || write !== writes || busy || !found || found.tag === seen) return;
    const fresh = fromServer(found);
    if (isDirty() && fresh.text !== area.value) {
      showConflict(fresh); // and who types goes on typing
      return notice("Somebody else has written here too. Both are shown.");
    }
    const {selectionStart, selectionEnd, scrollTop} = area;
    hideConflict();
    base = fresh;
    area.value = fresh.text;
    area.setSelectionRange(selectionStart, selectionEnd);
    area.scrollTop = scrollTop;
    typed();
    notice(fresh.tag ? "Somebody else has just changed this scroll." : "Somebody else has just deleted this scroll.");
  }

  // ---- where to

  function go(coordinate, replace) {
    if (!coordinate || coordinate === here) return;
    history[replace ? "replaceState" : "pushState"](null, "", "#" + coordinate);
    show(coordinate);
  }

  // Goes where the address says; a mistake in it leads nowhere.
  function follow() {
    const numbers = parseCoordinate(location.hash.slice(1));
    if (numbers) show(formatCoordinate(numbers));
    else if (!base) show(firstCoordinate);
    if (matchMedia("(max-width: 55.99rem)").matches) at("drawer").open = false;
  }

  function goToBoxes() {
    const numbers = boxes.map((box) => Math.max(1, Math.trunc(Number(box.value)) || 1));
    go(formatCoordinate(numbers), true);
  }

  function makeBox(name, i) {
    const label = document.createElement("label");
    label.textContent = name;
    const box = document.createElement("input");
    Object.assign(box, {type: "number", inputMode: "numeric", min: 1, step: 1, id: "box-" + i, required: true});
    box.addEventListener("change", goToBoxes);
    box.addEventListener("focus", () => box.select());
    box.addEventListener("paste", (event) => {
      const numbers = parseCoordinate(event.clipboardData.getData("text").trim());
      if (!numbers) return;
      event.preventDefault();
      go(formatCoordinate(numbers));
    });
    box.addEventListener("keydown", (event) => {
      const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
      if (!step || event.altKey || event.ctrlKey || event.metaKey || !boxes[i + step]) return;
      event.preventDefault();
      boxes[i + step].focus();
    });
    label.append(box);
    boxes.push(box);
    return label;
  }

  for (const group of [0, 3, 6]) {
    const set = document.createElement("div");
    set.className = "group";
    set.append(...dimensions.slice(group, group + 3).map((name, i) => makeBox(name, group + i)));
    at("groups").append(set);
  }

  at("place").addEventListener("submit", (event) => { event.preventDefault(); goToBoxes(); });
  at("previous").addEventListener("click", () => go(toc.neighbour(-1)));
  at("next").addEventListener("click", () => go(toc.neighbour(1)));
  at("skip").addEventListener("click", () => area.focus());
  at("save").addEventListener("click", save);
  at("revert").addEventListener("click", revert);
  at("remove").addEventListener("click", remove);
  at("keep-mine").addEventListener("click", keepMine);
  at("keep-theirs").addEventListener("click", takeTheirs);
  at("keep-both").addEventListener("click", keepBoth);
  area.addEventListener("input", typed);
  area.addEventListener("change", () => toc.render());
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "s") {
      event.preventDefault();
      save();
    } else if (event.altKey && !event.ctrlKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      go(toc.neighbour(event.key === "ArrowUp" ? -1 : 1));
    }
  });
  addEventListener("hashchange", follow);
  addEventListener("beforeunload", (event) => { if (isDirty() && !drafts.works) event.preventDefault(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });

  at("drawer").open = matchMedia("(min-width: 56rem)").matches;
  follow();
  poll();
})();
