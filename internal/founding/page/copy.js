// Copies the token where the browser allows that.
"use strict";

(() => {
  const button = document.getElementById("copy");
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    navigator.clipboard.writeText(document.getElementById("token").textContent).then(
      () => { document.getElementById("copied").textContent = "Copied."; },
      () => { document.getElementById("copied").textContent = "Your browser does not allow that: select the token and copy it."; });
  });
})();
