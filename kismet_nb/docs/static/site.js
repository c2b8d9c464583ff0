// Charts take their dark colours where JupyterLab says that its theme is dark: say the same for this site's theme.
(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    const theme = document.body.dataset.theme || "auto";
    const isDark = theme === "dark" || (theme === "auto" && dark.matches);
    document.documentElement.dataset.jpThemeLight = String(!isDark);
  };
  dark.addEventListener("change", follow);
  document.addEventListener("DOMContentLoaded", () => {
    follow();
    new MutationObserver(follow).observe(document.body, { attributeFilter: ["data-theme"] });
  });
})();
