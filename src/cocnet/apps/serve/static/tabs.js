// Tabs: arrow keys, Home and End move between them, as screen readers expect; one panel is shown, and told so.

export function tabs(list) {
  const all = Array.from(list.querySelectorAll("[role=tab]"));
  function choose(chosen) {
    for (const tab of all) {
      tab.setAttribute("aria-selected", tab === chosen);
      tab.tabIndex = tab === chosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
    }
    document.getElementById(chosen.getAttribute("aria-controls")).dispatchEvent(new Event("shown"));
  }
  for (const [n, tab] of all.entries()) {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: n - 1, ArrowRight: n + 1, Home: 0, End: all.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const next = all[(to + all.length) % all.length];
      choose(next);
      next.focus();
    });
  }
  return { first: () => choose(all[0]) };
}
