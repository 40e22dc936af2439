// The live page: what callgate tells, shown as it comes. All text is set as text, never as markup.
"use strict";

const KEPT = 200;
const byId = (id) => document.getElementById(id);
const calls = new Map();
let blocks = 0;

function time(iso) {
  return new Date(iso).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

function row(cells) {
  const tr = document.createElement("tr");
  for (const [text, note] of cells) {
    const td = document.createElement("td");
    td.textContent = text || "–";
    if (note) {
      const small = document.createElement("small");
      small.textContent = note;
      td.append(small);
    }
    tr.append(td);
  }
  return tr;
}

function onBlock(fact) {
  blocks += 1;
  byId("blocked-count").textContent = String(blocks);
  const body = byId("blocked");
  body.prepend(row([[time(fact.at)], [fact.number], [fact.reason, fact.detail], [fact.centre], [fact.agent]]));
  while (body.rows.length > KEPT) body.deleteRow(-1);
}

function onCall(fact) {
  const known = calls.get(fact.call);
  if (fact.stage === "closed") {
    if (known) known.remove();
    calls.delete(fact.call);
  } else {
    const since = known ? known.cells[0].textContent : time(fact.at);
    const fresh = row([[since], [fact.number], [fact.stage], [fact.centre], [fact.campaign]]);
    if (known) known.replaceWith(fresh);
    else byId("calls").prepend(fresh);
    calls.set(fact.call, fresh);
  }
  byId("calls-count").textContent = String(calls.size);
}

function onAlarm(fact) {
  byId("alarms-section").hidden = false;
  const item = document.createElement("li");
  item.textContent = [time(fact.at), fact.alarm, fact.ruling, fact.why, fact.agent].filter(Boolean).join(" · ");
  byId("alarms").prepend(item);
}

function watch() {
  const source = new EventSource("/api/v1/events?after=0");
  const state = byId("state");
  const on = (what, show) => source.addEventListener(what, (event) => show(JSON.parse(event.data)));
  source.onopen = () => { state.textContent = "live"; state.className = "live"; };
  source.onerror = () => { state.textContent = "not live: connecting again"; state.className = ""; };
  on("block", onBlock);
  on("call", onCall);
  on("alarm", onAlarm);
}

watch();
