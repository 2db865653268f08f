// Keeps what a page shows up to date: asks for the page again now and then, and puts the parts marked
// data-live in place of the old ones. Without this script a page shows how things stood when it was loaded.

const EVERY = 5000;

function inUse(part) {
  // What somebody is about to press or type must not change under their hands.
  return part.contains(document.activeElement) || part.querySelector("details.confirm[open]") !== null;
}

function replace(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (next && !inUse(part) && next.innerHTML !== part.innerHTML) {
      part.replaceChildren(...next.childNodes);
    }
  }
}

async function refresh() {
  if (document.hidden) {
    return;
  }
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (answer.redirected) {
    // The session is over, or what the page was about is gone.
    location.reload();
  } else if (answer.ok) {
    replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
  }
}

async function keepFresh() {
  // A server that cannot be reached now may be reached the next time.
  await refresh().catch(() => {});
  setTimeout(keepFresh, EVERY);
}

setTimeout(keepFresh, EVERY);
document.addEventListener("visibilitychange", () => refresh().catch(() => {}));
