/** What every page has: the reader's zone and theme, menus that close, keys. */

import { copyText } from "./copy_text.js";

const YEAR_SECONDS = 400 * 86400;
const SAID_MS = 1500;

export function setCookie(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${YEAR_SECONDS}; SameSite=Lax${secure}`;
}

export function currentTheme() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function announce(text) {
  const live = document.getElementById("announce");
  if (live) live.textContent = text;
}

function switchTheme(event) {
  event.preventDefault();
  const next = currentTheme() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  setCookie("theme", next);
  document.dispatchEvent(new CustomEvent("themechange", { detail: next }));
  announce(`${next} colours`);
}

/** Name the browser's zone to the server once; reload only if times were shown in another one. */
function nameZone() {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const known = document.cookie.split("; ").some((pair) => pair === `zone_name=${encodeURIComponent(name)}`);
  if (known) return;
  setCookie("zone_name", name);
  const shown = document.documentElement.dataset.zone;
  const local = !document.cookie.split("; ").includes("zone=utc") && !new URLSearchParams(location.search).has("tz");
  if (local && shown !== name && name !== "UTC" && document.querySelector("time")) location.reload();
}

function closeMenus(event) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (event.key === "Escape" || (event.type === "click" && !menu.contains(event.target))) menu.open = false;
  }
}

/** The address of exactly what is shown, for somebody else or for tomorrow: project, zone and range are named in it. */
function permalink() {
  const url = new URL(location.href);
  const { project, zone } = document.documentElement.dataset;
  if (project) url.searchParams.set("project", project);
  url.searchParams.set("tz", zone);
  document.dispatchEvent(new CustomEvent("permalink", { detail: url.searchParams }));
  return url.href;
}

async function copy(event) {
  const button = event.target.closest("[data-copy], [data-permalink]");
  if (!button) return;
  const text = "permalink" in button.dataset ? permalink() : document.getElementById(button.dataset.copy).textContent.trim();
  const said = (await copyText(text)) ? "Copied" : "The browser does not allow copying here.";
  const label = button.querySelector("[data-label]") ?? button;
  const before = label.textContent;
  label.textContent = said;
  button.disabled = true;
  announce(said);
  setTimeout(() => {
    label.textContent = before;
    button.disabled = false;
  }, SAID_MS);
}

function showKeys() {
  document.getElementById("keys")?.showModal();
}

document.querySelector("[data-preference=theme]")?.addEventListener("submit", switchTheme);
document.querySelector("[data-preference=zone]")?.addEventListener("submit", (event) => {
  const url = new URL(location.href);
  url.searchParams.delete("tz");
  event.target.elements.next.value = url.pathname + url.search;
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  document.dispatchEvent(new CustomEvent("themechange", { detail: currentTheme() }));
});
document.addEventListener("keydown", (event) => {
  if (event.key === "?" && !event.target.matches("input, textarea, select")) showKeys();
});
document.addEventListener("click", (event) => { if (event.target.closest("[data-keys]")) showKeys(); });
document.addEventListener("click", closeMenus);
document.addEventListener("click", copy);
document.addEventListener("keydown", closeMenus);
nameZone();
