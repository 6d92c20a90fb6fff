// Moves the numbers of the page as the server tells them. Without this script
// they are those of when the page was loaded.
"use strict";

(() => {
  const numbers = "/api/founding-progress";
  const firstWait = 2000, longestWait = 60000; // milliseconds
  const at = (id) => document.getElementById(id);
  let source = null, timer = 0, wait = firstWait;

  function show(p) {
    const moved = at("claimed").textContent !== String(p.claimed);
    const width = p.percentage + "%";
    const bar = at("bar");
    at("claimed").textContent = p.claimed;
    at("total").textContent = p.total;
    at("remaining").textContent = p.remaining;
    at("percentage").textContent = p.percentage;
    if (at("next")) at("next").textContent = p.claimed + 1;
    at("fill").setAttribute("width", width);
    at("sheen").setAttribute("width", width);
    bar.setAttribute("aria-valuemax", p.total);
    bar.setAttribute("aria-valuenow", p.claimed);
    bar.setAttribute("aria-valuetext", p.claimed + " of " + p.total + " claimed");
    at("open").hidden = p.remaining === 0;
    at("closed").hidden = p.remaining !== 0;
    if (moved) pulse(at("claimed"));
  }

  // Begins the animation of an element again.
  function pulse(element) {
    element.classList.remove("pulse");
    void element.offsetWidth; // the browser has to see it without
    element.classList.add("pulse");
  }

  function tell(text, connected) {
    at("live").hidden = false;
    at("live").classList.toggle("on", connected);
    at("state").textContent = text;
  }

  // The browser connects again by itself, except where the server has refused:
  // then the numbers are asked for once, and the stream again a while later.
  function listen() {
    clearTimeout(timer);
    source = new EventSource(numbers + "/events");
    source.onopen = () => { wait = firstWait; tell("Live: the bar moves with each claim.", true); };
    source.onmessage = (event) => show(JSON.parse(event.data));
    source.onerror = () => {
      tell("Connecting again …", false);
      if (source.readyState !== EventSource.CLOSED) return;
      fetch(numbers).then((reply) => reply.json()).then(show, () => {});
      timer = setTimeout(listen, wait * (0.5 + Math.random()));
      wait = Math.min(2 * wait, longestWait);
    };
  }

  // A page that waits in the browser's history must not hold a connection.
  addEventListener("pagehide", () => { clearTimeout(timer); source.close(); });
  addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
  listen();
})();
