// Make the dashboard a little quicker to use. Every page works without it.

const EVERY_SECONDS = 30;

// Show newer numbers, unless somebody is at work in the page: focus, a selection and what is
// unfolded would be lost.
async function refresh() {
  const main = document.querySelector("main[data-live]");
  const busy = () =>
    document.hidden ||
    main.contains(document.activeElement) ||
    main.querySelector("details[open]") ||
    !document.getSelection().isCollapsed;
  if (!main || busy()) return;
  const answer = await fetch(location.href);
  if (answer.redirected) return location.reload(); // to the page that asks to sign in
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const newer = page.querySelector("main[data-live]");
  if (newer && !busy()) main.replaceWith(newer);
}

// A page that waits for something says how often to look for it.
function wait() {
  const seconds = document.querySelector("[data-seconds]")?.dataset.seconds ?? EVERY_SECONDS;
  setTimeout(() => refresh().catch(() => {}).finally(wait), 1000 * seconds);
}

wait();
document.addEventListener("visibilitychange", () => refresh().catch(() => {}));

// Fold a menu when somebody turns to something else, or presses Escape.
function fold(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(except)) menu.open = false;
  }
}

document.addEventListener("click", (event) => fold(event.target));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  document.activeElement.closest("details.menu[open]")?.querySelector("summary").focus();
  fold(null);
});
