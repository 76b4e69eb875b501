/** The chooser of the page's language: a cookie of this site, or none to follow the browser. */

const LONGEST_S = 365 * 24 * 3600;

document.getElementById("language").addEventListener("change", ({ target }) => {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const age = target.value ? LONGEST_S : 0;
  document.cookie = `language=${target.value}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
  // Chromium stores a cookie in its own time, which may be after the reload's request: reading waits until it has.
  void document.cookie;
  location.reload();
});
