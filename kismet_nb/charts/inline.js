const figure = this.parentNode, tip = document.createElement("div");
const source = decodeURIComponent(this.getAttribute("src").replace(/^[^,]*,/, ""));
const svg = new DOMParser().parseFromString(source, "image/svg+xml").documentElement;
tip.hidden = true;
this.replaceWith(document.importNode(svg, true), tip);
figure.onmouseleave = () => { tip.hidden = true; };
figure.onmousemove = event => {
  const mark = event.target.closest("path[aria-label], line[aria-label]");
  tip.hidden = !mark || /^(line|area|trail)/.test(mark.getAttribute("aria-roledescription"));
  if (!tip.hidden) {
    tip.textContent = mark.getAttribute("aria-label");
    const box = figure.getBoundingClientRect();
    const x = event.clientX - box.left + 12, y = event.clientY - box.top - tip.offsetHeight - 8;
    tip.style.left = Math.max(0, Math.min(x, box.width - tip.offsetWidth)) + "px";
    tip.style.top = (y < 0 ? y + tip.offsetHeight + 28 : y) + "px";
  }
};
