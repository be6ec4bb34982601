"use strict";
// The buttons beside a number change it. Without this script they are not shown: the field is enough.
(() => {
  document.documentElement.classList.add("scripted");
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-step]");
    if (!button) return;
    const field = button.parentElement.querySelector("input[type=number]");
    try {
      if (button.dataset.step === "1") field.stepUp(); else field.stepDown();
    } catch {
      field.value = field.min;
    }
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
})();
