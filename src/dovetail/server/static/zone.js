// Choose the time zone this browser is in, where the person has not chosen one. Everything works without this file.
(() => {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const select = document.querySelector("select[data-zone]");
  if (!here || !select) return;
  const page = document.querySelector("form[data-zone-page]");
  if (page) {
    const address = new URL(location.href);
    if (address.searchParams.get("zone") || select.value === here) return;
    address.searchParams.set("zone", here);
    location.replace(address);
  } else if (document.querySelector("form[data-zone-preselect]") && select.value === "UTC") {
    if (![...select.options].some((option) => option.value === here)) select.add(new Option(here.replaceAll("_", " "), here));
    select.value = here;
  }
})();
