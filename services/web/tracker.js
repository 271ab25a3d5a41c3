/**
 * Count the views of the page that embeds this script:
 *
 *     <script async src="https://HOST/tracker.js" data-site="example.org"></script>
 *
 * data-endpoint  where to send views, if not to /api/v1/views on the host of this script
 * data-hash      take what follows "#" as the path, for applications that route by it
 * data-local     also count on localhost and in local files
 *
 * Open any page with #toggle-page-tracker to stop counting your own visits in this browser, and
 * once more to count them again.
 *
 * tracker.py strips comments and spaces but keeps names, so they are short.
 */
(() => {
  let { currentScript, referrer } = document;
  const { endpoint = "/api/v1/views", hash, local, site } = currentScript.dataset;
  const url = new URL(endpoint, currentScript.src);
  const key = "page-tracker";

  const page = () => location.pathname + location.search;
  const address = () => (hash != null && location.hash.replace(/^#!?/, "")) || page();
  const landing = page();
  let current = address();
  let due = true; // whether current is still to be counted

  const send = () => {
    let path = current;
    // An application that changes the address may leave the canonical link as it was.
    const link = document.querySelector("link[rel=canonical]");
    if (link && path === landing) {
      const [, , host, ...rest] = link.href.split("/");
      if (host === location.host) path = "/" + rest.join("/");
    }
    const nonce = crypto
      .getRandomValues(new Uint8Array(16))
      .reduce((hex, n) => hex + n.toString(16).padStart(2, 0), "");
    const view = { site, path, referrer, nonce };
    const body = JSON.stringify(view);
    referrer = ""; // later views come from this page
    // If the page's Content-Security-Policy forbids the request, fetch fails, but sendBeacon does
    // not tell. So sendBeacon is only for browsers whose fetch does not outlive the page.
    "keepalive" in Request.prototype
      ? fetch(url, { method: "POST", body, keepalive: true, mode: "no-cors", credentials: "omit" })
          // If the view arrived nevertheless, its nonce prevents counting it twice.
          .catch(() => (new Image().src = new URL("/pixel.gif?" + new URLSearchParams(view), url)))
      : navigator.sendBeacon(url, body);
  };

  // Count the current path if it is due, somebody sees it, and the canonical link has been read.
  const update = (e) => {
    // A page is persisted if it is shown again from the back-forward cache.
    if (e && (e.persisted || current !== address())) due = true;
    current = address();
    // When a prerendered page is activated, it is visible first. A request made then would still
    // look like a prefetch.
    if (document.hidden || document.prerendering || !document.body) return;
    let off;
    try {
      off = localStorage[key];
      if (location.hash === "#toggle-" + key) {
        off = localStorage[key] = off ? "" : "off";
        location.replace("#");
        alert(key + " " + (off || "on"));
      }
    } catch (e) {} // storage is forbidden
    if (due && !off) send();
    due = false;
  };

  if (
    self[key] !== true && // embedded twice, or run again by a library that replaces the body
    self === top &&
    (local != null || !/^$|localhost$|^127\.|^\[::1/.test(location.hostname)) &&
    !navigator.webdriver && // the server knows other bots by their user agents
    navigator.doNotTrack !== "1" &&
    !navigator.globalPrivacyControl
  ) {
    self[key] = true;
    ["pageshow", "visibilitychange", "popstate", "DOMContentLoaded"].forEach((name) =>
      addEventListener(name, update)
    );
    document.addEventListener("prerenderingchange", update);
    ["pushState", "replaceState"].forEach((name) => {
      const old = history[name];
      history[name] = (...all) => {
        old.apply(history, all);
        update(name === "pushState");
      };
    });
    update();
  }
})();
