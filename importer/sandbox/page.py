"""The page for people. Static: everything that arrived comes from ``/received`` and enters as text, never as HTML."""

from __future__ import annotations

import base64
import hashlib

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222 }
h1 { font-size: 1.3rem } h2 { font-size: 1rem; margin: 1.5rem 0 .3rem }
table { border-collapse: collapse } td { padding: .1rem 1.5rem .1rem 0; vertical-align: top }
td:last-child { font-variant-numeric: tabular-nums } pre { background: #f4f4f4; margin: .3rem 0; padding: .5rem;
white-space: pre-wrap; overflow-wrap: anywhere } #state { color: #666 } .bad { color: #b00020 }
"""

_SCRIPT = """
"use strict";
const element = (name, text) => { const e = document.createElement(name); e.textContent = text; return e; };
const shown = value => value === null ? "-" : typeof value === "number" ? value.toLocaleString("en") : String(value);
function table(title, values) {
  const rows = Object.entries(values).map(([name, value]) => {
    const row = document.createElement("tr");
    row.append(element("td", name), element("td", shown(value)));
    return row;
  });
  const body = document.createElement("table");
  body.append(...rows);
  return rows.length ? [element("h2", title), body] : [];
}
function texts(title, values) {
  return values.length ? [element("h2", title), ...values.map(value => element("pre", value))] : [];
}
function show(data) {
  const counted = data.counted_events === data.events ? "" : ` (of the first ${shown(data.counted_events)} events)`;
  const text = value => value + counted;
  document.getElementById("received").replaceChildren(
    ...table("Received", {
      "requests": data.requests, "events, repeats included": data.events,
      "unique ids": text(shown(data.unique_ids)), "repeats": text(shown(data.repeats)),
      "events without id": text(shown(data.without_id)), "ids with several contents": text(shown(data.conflicts)),
      "distinct events": text(shown(data.distinct)), "digest": text(data.digest), "bytes": data.bytes,
      "largest body": data.largest_body_bytes, "largest event": data.largest_event_bytes,
      "mean fill of batches": data.mean_batch_fill, "most requests in one second": data.most_requests_in_one_second,
    }),
    ...table("Answers (none: the connection ended without one)", data.answers),
    ...table("Answered 200 by the documented rule, but not stored", data.not_stored),
    ...table("Worth a look", data.warnings),
    ...table("Faults that fired", data.faults.fired),
    ...texts("Active faults", data.faults.active),
    ...table("Events by name", data.events_by_name),
    ...texts("Last events", data.last_events),
  );
}
let before = -1;
async function refresh() {
  const state = document.getElementById("state");
  try {
    let data = await (await fetch("/received?live")).json();
    if (data.counted_events !== data.events && data.events === before) data = await (await fetch("/received")).json();
    before = data.events;
    show(data);
    state.textContent = "refreshed every second; ids and digest are counted when nothing more arrives";
    state.className = "";
  } catch (error) {
    state.textContent = "the sandbox does not answer: " + error.message;
    state.className = "bad";
  }
  setTimeout(refresh, 1000);
}
refresh();
"""

PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>importer sandbox</title><link rel="icon" href="data:,">
<style>{_STYLE}</style></head>
<body><h1>Sandbox: what arrived</h1><p id="state"></p><main id="received"></main>
<noscript><p>Without JavaScript, see <a href="/received">/received</a>.</p></noscript>
<script>{_SCRIPT}</script></body>
</html>
"""

# Only this very script runs, and it talks to this server only: an event that became HTML could still do nothing.
PAGE_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    + "'"
)
