// The API of the server that the page came from.
"use strict";

// A reply that is no success. Its status is 0 when there was none.
class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

const server = (() => {
  const phext = document.body.dataset.phext;

  async function ask(what, coordinate, options) {
    const query = new URLSearchParams({p: phext});
    if (coordinate) query.set("c", coordinate);
    let reply;
    try {
      reply = await fetch("/api/v2/" + what + "?" + query, {cache: "no-store", ...options});
    } catch {
      throw new Refused(0, "The server does not answer.");
    }
    if (!reply.ok && reply.status !== 304) throw new Refused(reply.status, (await reply.text()) || reply.statusText);
    return reply;
  }

  // Decodes a text as it is: by itself a browser drops a mark of byte order.
  const decode = async (reply) => new TextDecoder("utf-8", {ignoreBOM: true}).decode(await reply.arrayBuffer());

  // The condition under which a scroll is as it was read.
  const unchanged = (tag) => (tag ? {"If-Match": tag} : {"If-None-Match": "*"});

  return {
    // Resolves to the text and its tag; the tag is null when there is no scroll. With
    // a tag it resolves to null where nothing has changed.
    async select(coordinate, tag) {
      const reply = await ask("select", coordinate, tag ? {headers: {"If-None-Match": tag}} : {});
      return reply.status === 304 ? null : {text: await decode(reply), tag: reply.headers.get("ETag")};
    },
    update: (coordinate, text, tag) =>
      ask("update", coordinate, {method: "POST", body: new Blob([text]), headers: {"Content-Type": "text/plain; charset=utf-8", ...unchanged(tag)}}),
    remove: (coordinate, tag) => ask("delete", coordinate, {method: "DELETE", headers: {"If-Match": tag}}),
    toc: async () => (await ask("toc")).text(),
    checksum: async () => (await ask("checksum")).text(),
  };
})();
