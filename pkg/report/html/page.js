"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const make = (tag, text, name) => {
    const node = document.createElement(tag);
    if (text) node.textContent = text;
    if (name) node.className = name;
    return node;
  };
  for (const node of document.querySelectorAll("[data-script]")) node.hidden = false;

  // The theme: what the system says, until somebody chooses.
  $("theme").addEventListener("click", () => {
    const dark = getComputedStyle(document.documentElement).colorScheme === "light dark"
      ? matchMedia("(prefers-color-scheme: dark)").matches
      : document.documentElement.dataset.theme === "dark";
    document.documentElement.dataset.theme = dark ? "light" : "dark";
  });

  // Filters are kept in the fragment, so that a link to the file keeps them.
  const fields = ["severity", "namespace", "text"];
  const filter = () => {
    const want = Object.fromEntries(fields.map((f) => [f, $(f).value.toLowerCase()]));
    let shown = 0;
    const findings = document.querySelectorAll("details.finding");
    for (const f of findings) {
      f.hidden = (want.severity && f.dataset.severity !== want.severity)
        || (want.namespace && f.dataset.namespace !== want.namespace)
        || (want.text && !f.textContent.toLowerCase().includes(want.text));
      if (!f.hidden) shown++;
    }
    $("shown").textContent = `${shown} of ${findings.length} shown`;
    const kept = new URLSearchParams(fields.filter((f) => $(f).value).map((f) => [f, $(f).value])).toString();
    history.replaceState(null, "", kept ? `#?${kept}` : location.pathname.length ? "#" : "");
  };
  if ($("severity")) {
    const kept = new URLSearchParams(location.hash.startsWith("#?") ? location.hash.slice(2) : "");
    for (const f of fields) {
      $(f).value = kept.get(f) || "";
      $(f).addEventListener("input", filter);
    }
    if (kept.size) filter();
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    const text = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(text); // pages opened from a file may not have a clipboard
      button.textContent = "Selected";
    }
  });

  window.addEventListener("beforeprint", () => {
    for (const f of document.querySelectorAll("details")) f.open = true;
  });

  // An edge: what travels between the two parties of a cell.
  let data; // read when it is first wanted: a large page opens without it
  const side = (title, name, facts) => {
    const box = make("div");
    box.append(make("h4", `${title}: ${name}`));
    const list = make("ul");
    for (const i of facts || []) {
      const item = make("li");
      item.append(make("code", data.texts[i]));
      list.append(item);
    }
    box.append(facts && facts.length ? list : make("p", "nothing more was read that matters here", "soft"));
    return box;
  };
  const show = (index) => {
    data ??= JSON.parse($("data").textContent);
    const [client, server, label, calls] = data.cells[index].map((i) => data.texts[i]);
    const panel = $("edge");
    panel.replaceChildren(make("h3", `${client} → ${server}: ${label}`), make("p", calls));
    for (const call of data.edges[index] || []) {
      panel.append(make("h4", `${call.to}: ${call.verdict}`));
      if (call.why) {
        const fault = make("p", "", call.works ? "soft" : "fault");
        fault.append(make("strong", call.reason ? `${call.reason}: ` : ""), call.why);
        panel.append(fault);
      }
      const sides = make("div", "", "sides");
      sides.append(side("Client", call.client, call.clientFacts), side("Server", call.server, call.serverFacts));
      panel.append(sides);
      if (call.trace) {
        const box = make("div", "", "fix");
        const pre = make("pre");
        pre.tabIndex = 0;
        pre.append(make("code", call.trace));
        const copy = make("button", "Copy");
        copy.type = "button";
        copy.dataset.copy = "";
        box.append(pre, copy);
        panel.append(box);
      }
    }
    panel.hidden = false;
    for (const old of document.querySelectorAll("td[aria-selected]")) old.removeAttribute("aria-selected");
    const td = document.querySelector(`td[data-c="${index}"]`);
    if (td) td.setAttribute("aria-selected", "true");
  };
  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-c]");
    if (target) show(Number(target.dataset.c));
  });

  // The matrix by keyboard: one stop for Tab, arrows move, Enter shows.
  const table = document.querySelector("table.matrix");
  if (table) {
    table.setAttribute("role", "grid");
    const first = table.querySelector("td");
    if (first) first.tabIndex = 0;
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    table.addEventListener("keydown", (event) => {
      const td = event.target.closest("td");
      if (!td) return;
      if ((event.key === "Enter" || event.key === " ") && td.dataset.c) {
        event.preventDefault();
        show(Number(td.dataset.c));
      } else if (step[event.key]) {
        event.preventDefault();
        const [down, right] = step[event.key];
        const row = table.tBodies[0].rows[td.parentElement.rowIndex - 1 + down];
        const next = row && row.cells[td.cellIndex + right];
        if (next && next.tagName === "TD") {
          td.tabIndex = -1;
          next.tabIndex = 0;
          next.focus();
        }
      }
    });
  }
})();
