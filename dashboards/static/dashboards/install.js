/** Waits for the first sample of a new service and then opens its page. */

import { announce } from "./app.js";

const EVERY_MS = 2000;
const place = document.getElementById("waiting");
const text = document.getElementById("waiting-text");
const since = Date.now();

async function look() {
  if (document.visibilityState === "visible") {
    try {
      const answer = await fetch(`${place.dataset.url}?known=${place.dataset.known}`);
      const { service, url } = await answer.json();
      if (service) {
        text.textContent = `${service} has sent its first sample.`;
        announce(text.textContent);
        location.assign(url);
        return;
      }
      const seconds = Math.round((Date.now() - since) / 1000);
      if (seconds >= 60) text.textContent = `Still waiting after ${Math.floor(seconds / 60)} min. Does the service reach this server, and does it run with the token?`;
    } catch {
      text.textContent = "The server does not answer; trying again…";
    }
  }
  setTimeout(look, EVERY_MS);
}

look();
