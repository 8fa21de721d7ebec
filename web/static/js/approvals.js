// Keys for the approver: J/K or the arrows walk through the table, Enter opens; in an open case A goes to the
// approval and R to the refusal. A key only moves the focus: deciding stays a deliberate press of the button.

const rows = [...document.querySelectorAll("[data-case]")];

function walk(step) {
  const at = rows.indexOf(document.activeElement.closest?.("[data-case]"));
  const next = rows[Math.max(0, Math.min(rows.length - 1, at + step))];
  next?.querySelector("a")?.focus();
}

function goTo(name) {
  const target = document.querySelector(`[data-decide="${name}"]`);
  if (!target) return false;
  target.closest("details")?.setAttribute("open", "");
  target.focus();
  target.scrollIntoView({ block: "center" });
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.target.closest("input, select, textarea")) return;
  const keys = { j: () => walk(1), k: () => walk(-1), a: () => goTo("approve"), r: () => goTo("refuse") };
  const act = keys[event.key.toLowerCase()];
  if (act && act() !== false) event.preventDefault();
});
