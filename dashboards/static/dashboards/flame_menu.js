/** A small menu at a point: opened by the right mouse button or the keyboard, closed by Escape or a click elsewhere. */

let open = null;

/** items: [{ label, run, href?, hint? }]; focus returns to where it was. */
export function openMenu(items, { x, y, label }) {
  closeMenu();
  const menu = document.createElement('div');
  menu.className = 'flame-menu';
  menu.setAttribute('role', 'menu');
  menu.setAttribute('aria-label', label);
  const entries = items.map((item) => entry(item));
  menu.append(...entries);
  document.body.append(menu);
  menu.style.left = `${Math.max(4, Math.min(x, innerWidth - menu.offsetWidth - 4))}px`;
  menu.style.top = `${Math.max(4, Math.min(y, innerHeight - menu.offsetHeight - 4))}px`;
  const listening = new AbortController();
  open = { menu, listening, before: document.activeElement };
  const { signal } = listening;
  menu.addEventListener('keydown', (event) => moveFocus(event, entries), { signal });
  document.addEventListener('pointerdown', (event) => { if (!menu.contains(event.target)) closeMenu(); }, { signal, capture: true });
  window.addEventListener('resize', () => closeMenu(), { signal });
  entries[0]?.focus();
}

export function closeMenu() {
  if (!open) return;
  const { menu, listening, before } = open;
  open = null;
  listening.abort();
  menu.remove();
  before?.focus?.({ preventScroll: true });
}

function entry({ label, run, href, hint }) {
  const made = document.createElement(href ? 'a' : 'button');
  made.className = 'flame-menu-item';
  made.setAttribute('role', 'menuitem');
  made.tabIndex = -1;
  if (href) {
    made.href = href;
    made.target = '_blank';
    made.rel = 'noopener noreferrer';
  } else {
    made.type = 'button';
  }
  made.append(label);
  if (hint) {
    const key = document.createElement('kbd');
    key.textContent = hint;
    made.append(key);
  }
  made.addEventListener('click', () => {
    closeMenu();
    run?.();
  });
  return made;
}

function moveFocus(event, entries) {
  const here = entries.indexOf(document.activeElement);
  const last = entries.length - 1;
  const target = {
    ArrowDown: here === last ? 0 : here + 1, ArrowUp: here <= 0 ? last : here - 1, Home: 0, End: last,
  }[event.key];
  if (target !== undefined) entries[target].focus();
  else if (event.key === 'Escape' || event.key === 'Tab') closeMenu();
  else return;
  event.preventDefault();
  event.stopPropagation();
}
