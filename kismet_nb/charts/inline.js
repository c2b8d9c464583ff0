const mark = event.target.closest("path[aria-label], line[aria-label]");
const tip = this.lastElementChild;
tip.hidden = !mark;
if (mark) {
  tip.textContent = mark.getAttribute("aria-label");
  const box = this.getBoundingClientRect();
  const x = event.clientX - box.left + 12, y = event.clientY - box.top - tip.offsetHeight - 8;
  tip.style.left = Math.max(0, Math.min(x, box.width - tip.offsetWidth)) + "px";
  tip.style.top = (y < 0 ? y + tip.offsetHeight + 28 : y) + "px";
}
