// A part of a page that keeps itself fresh: `<section data-fresh="/address" data-every="5">`. The server sends
// the part as HTML; it is exchanged only when it differs, the focus stays where it was, and what is new under
// `data-announce` is read out. Without this module the page has a button that loads it again.

const REQUEST_MS = 8000;

class FreshPart {
  constructor(element) {
    this.element = element;
    this.every = Number(element.dataset.every) * 1000;
    this.status = document.querySelector("[data-fresh-status]");
    this.text = "";
    this.failed = 0;
    for (const button of document.querySelectorAll("[data-fresh-button]")) button.hidden = true;
    this.#soon();
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.load();
    });
  }

  async load() {
    clearTimeout(this.timer);
    try {
      const response = await fetch(this.element.dataset.fresh, {
        headers: { Accept: "text/html" },
        signal: AbortSignal.timeout(REQUEST_MS),
      });
      if (response.redirected || response.status === 401) return location.reload();
      if (!response.ok) throw new Error(String(response.status));
      this.#put(await response.text());
      this.failed = 0;
    } catch {
      this.failed += 1;
    }
    this.element.classList.toggle("is-stale", this.failed > 1);
    for (const note of document.querySelectorAll("[data-fresh-stale]")) note.hidden = this.failed < 2;
    this.#soon();
  }

  #soon() {
    this.timer = setTimeout(() => this.load(), this.every * Math.min(1 + this.failed, 6));
  }

  #put(text) {
    if (text === this.text) return;
    this.text = text;
    const before = this.#announced();
    const focused = this.element.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const fresh = new DOMParser().parseFromString(text, "text/html");
    this.element.replaceChildren(...fresh.body.childNodes);
    if (focused) this.element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    const news = [...this.#announced()].filter((line) => !before.has(line));
    if (this.status && news.length) this.status.textContent = news.join(" ");
    this.element.dispatchEvent(new CustomEvent("fresh", { bubbles: true }));
  }

  #announced() {
    return new Set([...this.element.querySelectorAll("[data-announce]")].map((e) => e.dataset.announce));
  }
}

for (const element of document.querySelectorAll("[data-fresh]")) new FreshPart(element);
