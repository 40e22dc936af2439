/** Shows how much of a file was sent. Without it the form sends the file all the same. */

const form = document.querySelector("form[enctype]");
if (form instanceof HTMLFormElement) form.addEventListener("submit", (event) => send(event, form));

/** @param {Event} event @param {HTMLFormElement} form */
function send(event, form) {
  event.preventDefault();
  const request = new XMLHttpRequest();
  request.upload.addEventListener("progress", (of) => show(form, of.loaded, of.total));
  request.addEventListener("load", () => ended(form, request));
  request.addEventListener("error", () => failed(form, form.dataset.lost ?? ""));
  request.open("POST", form.action);
  request.send(new FormData(form));
  for (const button of form.querySelectorAll("button")) button.disabled = true;
}

/** @param {HTMLFormElement} form @param {number} sent @param {number} all */
function show(form, sent, all) {
  const bar = form.querySelector(".sending progress");
  if (bar instanceof HTMLProgressElement) {
    bar.max = all;
    bar.value = sent;
  }
  say(form, (form.dataset.sent ?? "").replace("$n", String(Math.floor((100 * sent) / all))));
}

/** The page that answers is shown by its own address; why nothing was taken stands in the heading of one that refuses.
 * @param {HTMLFormElement} form @param {XMLHttpRequest} request */
function ended(form, request) {
  if (request.status < 400) return location.assign(request.responseURL);
  const heading = new DOMParser().parseFromString(request.responseText, "text/html").querySelector("h1");
  failed(form, heading?.textContent ?? form.dataset.lost ?? "");
}

/** @param {HTMLFormElement} form @param {string} why */
function failed(form, why) {
  say(form, why);
  for (const button of form.querySelectorAll("button")) button.disabled = false;
}

/** @param {HTMLFormElement} form @param {string} text */
function say(form, text) {
  const shown = form.querySelector(".sending");
  const status = form.querySelector(".sending [role=status]");
  if (shown instanceof HTMLElement) shown.hidden = false;
  if (status !== null) status.textContent = text;
}
