const EVERY_MS = 1000;
const TIMEOUT_MS = 5000;
const PARTS = ["clock", "endpoints", "traffic", "alarms", "jobs", "queues", "outbox", "denials", "events", "schedules", "faults"];
const TONES = new Map(Object.entries({
  InService: ["good", "● "], Creating: ["warn", "◔ "], Updating: ["warn", "◑ "], SystemUpdating: ["warn", "◑ "],
  RollingBack: ["bad", "↺ "], Deleting: ["calm", "○ "], Failed: ["bad", "✕ "], UpdateRollbackFailed: ["bad", "✕ "],
  OutOfService: ["bad", "✕ "], OK: ["good", "● "], ALARM: ["bad", "▲ "], INSUFFICIENT_DATA: ["calm", "○ "],
}));
const MODES = new Map([["enforce", "✓ decides every request"], ["observe", "○ observes only"], ["off", "✕ off"]]);
let names = new Map(); // of accounts, by id
let clock = null; // {now, speed, at}

function status(element, value) {
  const [kind, sign] = TONES.get(text(value)) || ["calm", "○ "];
  tone(element, kind, sign + text(value).replace("INSUFFICIENT_DATA", "no data"));
}

// arn:aws:sts::222222222222:assumed-role/promote/session is "qa assumed-role/promote/session"
function whoIs(arn) {
  const found = /^arn:aws:(?:iam|sts)::(\d{12}):(.+)$/.exec(text(arn));
  return found ? `${nameOf(found[1])} ${found[2]}` : text(arn);
}

function nameOf(account) {
  return names.get(text(account)) || text(account);
}

// --- one endpoint ---------------------------------------------------------------------------------------------------
function makeEndpoint(one) {
  return node("article", { class: "endpoint", "aria-label": `endpoint ${text(one.name)}` },
    node("div", { class: "row" }, node("h3", { class: "mono name" }), node("span", { class: "state" })),
    node("p", { class: "phase quiet" }),
    node("div", { class: "split", role: "img" }),
    node("div", { class: "fleets" }),
    node("div", { class: "traffic" },
      node("svg", { viewBox: "0 0 100 30", preserveAspectRatio: "none", role: "img" },
        node("polygon", { class: "under" }), node("polyline", {})),
      node("p", { class: "numbers" })));
}

function phaseOf(one) {
  const words = [];
  if (one.phase) {
    const left = one.phase_ends && clock ? Math.max(0, Math.round((new Date(one.phase_ends) - awsNow()) / 1000)) : null;
    words.push(text(one.phase) + (left === null ? "" : `, ${left} s of AWS time left`));
  }
  if (one.target && one.target !== one.config && list(one.fleets).length < 2) words.push(`from ${text(one.config)} to ${text(one.target)}`);
  if (one.reason) words.push(text(one.reason));
  return words.join(" · ");
}

function updateEndpoint(element, one, traffic) {
  const part = (selector) => element.querySelector(selector);
  say(part(".name"), one.name);
  status(part(".state"), one.status);
  say(part(".phase"), phaseOf(one));
  const fleets = list(one.fleets).map((fleet) => ({ ...fleet, share: Math.min(1, Math.max(0, Number(fleet.share) || 0)) }));
  const carrying = fleets.filter((fleet) => fleet.role !== "shadow");
  const key = (fleet) => `${text(fleet.role)} ${text(fleet.config)} ${text(fleet.variant)}`;
  part(".split").hidden = carrying.length === 0;
  part(".split").setAttribute("aria-label", "traffic: " + carrying.map((fleet) =>
    `${number(fleet.share * 100)} % ${roleOf(fleet)} ${text(fleet.variant)}`).join(", "));
  keep(part(".split"), carrying, key, (fleet) => node("span", { "data-role": roleOf(fleet) }), (bar, fleet) => {
    bar.dataset.share = fleet.share;
    bar.style.width = `${fleet.share * 100}%`;
  });
  keep(part(".fleets"), fleets, key, makeFleet, (child, fleet) => updateFleet(child, fleet, `${text(one.name)}-`));
  part(".traffic").hidden = !traffic;
  if (traffic) updateTraffic(part(".traffic"), traffic);
}

function roleOf(fleet) {
  return ["new", "shadow"].includes(fleet.role) ? fleet.role : "live";
}

function makeFleet(fleet) {
  const role = roleOf(fleet);
  return node("div", { class: "fleet" },
    node("span", {}, node("span", { class: "swatch", "data-role": role, "aria-hidden": "true" }), role),
    node("span", { class: "share" }),
    node("span", { class: "mono config" }),
    node("span", { class: "what quiet" }));
}

function updateFleet(element, fleet, prefix) {
  say(element.querySelector(".share"), fleet.role === "shadow" ? "copy" : `${number(fleet.share * 100)} %`);
  const config = text(fleet.config); // of slipway-qa-ranker-r7-52d0f3aa, the revision says it all
  say(element.querySelector(".config"), config.startsWith(prefix) ? config.slice(prefix.length) : config);
  element.querySelector(".config").title = config;
  const serverless = fleet.instance_type === "serverless";
  const wanted = fleet.desired !== undefined && fleet.desired !== null && fleet.desired !== fleet.instances ? ` of ${text(fleet.desired)}` : "";
  const count = serverless ? "serverless" : `${text(fleet.instances)}${wanted} × ${text(fleet.instance_type)}`;
  say(element.querySelector(".what"), [text(fleet.variant), count, fleet.image ? `image ${short(fleet.image)}` : ""].filter(Boolean).join(" · "));
}

// The traffic of an endpoint's variants as one: sums, and the slowest variant's latency.
function together(sum, one) {
  if (!sum) return one;
  const [longer, shorter] = [list(sum.rate), list(one.rate)].sort((a, b) => b.length - a.length);
  const gap = longer.length - shorter.length;
  const rate = longer.map((value, index) => (Number(value) || 0) + (Number(shorter[index - gap]) || 0));
  const add = (name) => (Number(sum[name]) || 0) + (Number(one[name]) || 0);
  const most = (name) => [sum[name], one[name]].filter((value) => typeof value === "number").sort((a, b) => b - a)[0];
  return { ...sum, rate, errors_5xx: add("errors_5xx"), errors_4xx: add("errors_4xx"), p99_ms: most("p99_ms") };
}

function updateTraffic(element, traffic) {
  const rate = list(traffic.rate).map((value) => Number(value) || 0);
  const most = Math.max(1, ...rate);
  const points = rate.map((value, index) => `${(rate.length > 1 ? (index * 100) / (rate.length - 1) : 0).toFixed(1)},${(29 - (value / most) * 27).toFixed(1)}`);
  element.querySelector("polyline").setAttribute("points", points.join(" "));
  element.querySelector("polygon").setAttribute("points", points.length ? `0,30 ${points.join(" ")} 100,30` : "");
  const now = rate.length ? rate[rate.length - 1] : 0;
  element.querySelector("svg").setAttribute("aria-label", `requests a second: now ${number(now, 1)}, at most ${number(Math.max(0, ...rate), 1)}`);
  const numbers = [`${number(now, 1)} req/s`, `5xx ${number(traffic.errors_5xx)}`];
  if (traffic.errors_4xx) numbers.push(`4xx ${number(traffic.errors_4xx)}`);
  numbers.push(`p99 ${typeof traffic.p99_ms === "number" ? `${number(traffic.p99_ms, traffic.p99_ms < 10 ? 1 : 0)} ms` : "–"}`);
  say(element.querySelector(".numbers"), numbers.join(" · "));
}

// --- one account ----------------------------------------------------------------------------------------------------
function makeAccount(account) {
  const block = (name, title) => node("div", { class: name, hidden: "" }, node("h4", {}, title), node("ul", { class: "list" }));
  return node("section", { class: "card account", "aria-label": `account ${account.name}` },
    node("div", { class: "row" }, node("h3", {}, account.name), node("span", { class: "mono quiet" }, account.id)),
    node("div", { class: "endpoints" }),
    node("p", { class: "none quiet" }, "No endpoint."),
    block("alarms", "Alarms"), block("jobs", "Jobs"), block("queues", "Queues"), block("schedules", "Schedules"));
}

function updateAccount(element, account, parts) {
  const mine = (name) => list(parts[name]).filter((one) => text(one.account) === account.id);
  const traffic = new Map();
  for (const one of mine("traffic")) traffic.set(text(one.endpoint), together(traffic.get(text(one.endpoint)), one));
  const endpoints = mine("endpoints");
  element.querySelector(".none").hidden = endpoints.length > 0 || parts.endpoints === undefined;
  keep(element.querySelector(".endpoints"), endpoints, (one) => one.name, makeEndpoint,
    (child, one) => updateEndpoint(child, one, traffic.get(text(one.name))));
  lines(element.querySelector(".alarms"), mine("alarms").sort((a, b) => (b.state === "ALARM") - (a.state === "ALARM")), alarmLine);
  lines(element.querySelector(".jobs"), mine("jobs"), jobLine);
  lines(element.querySelector(".queues"), mine("queues"), queueLine);
  lines(element.querySelector(".schedules"), mine("schedules"), scheduleLine);
}

function lines(block, items, draw) {
  block.hidden = items.length === 0;
  redraw(block.querySelector("ul"), items, () => items.map(draw));
}

function alarmLine(alarm) {
  const state = node("span", { class: "state" });
  status(state, alarm.state);
  const title = node("span", { class: "mono", title: text(alarm.reason) }, text(alarm.name));
  const why = alarm.state === "ALARM" && alarm.reason ? node("p", { class: "quiet" }, text(alarm.reason)) : null;
  return node("li", {}, node("div", { class: "row" }, title, state), why);
}

function jobLine(job) {
  const failed = job.status === "Failed";
  const more = job.secondary && job.secondary !== job.status ? ` · ${text(job.secondary)}` : "";
  const state = node("span", { class: "state" });
  tone(state, failed ? "bad" : "calm", `${failed ? "▲ " : ""}${text(job.status)}${more}`);
  const title = node("span", { title: text(job.reason) }, node("span", { class: "mono" }, text(job.name)), ` (${text(job.kind)})`);
  return node("li", { class: "row" }, title, state);
}

function queueLine(queue) {
  const counts = [`${number(queue.visible)} waiting`, `${number(queue.in_flight)} in work`];
  if (queue.delayed) counts.push(`${number(queue.delayed)} delayed`);
  const heavy = queue.dead_letters && queue.visible > 0;
  const state = node("span", { class: "state" });
  tone(state, heavy ? "bad" : "calm", (heavy ? "▲ " : "") + counts.join(" · "));
  return node("li", { class: "row" }, node("span", {}, node("span", { class: "mono" }, text(queue.name)), queue.dead_letters ? " (dead letters)" : ""), state);
}

function scheduleLine(schedule) {
  const next = schedule.enabled === false ? "off" : schedule.next ? `next ${clockText(schedule.next)}` : "";
  return node("li", {}, node("div", { class: "row" }, node("span", { class: "mono" }, text(schedule.name)), node("span", {}, next)),
    node("p", { class: "quiet" }, [schedule.expression, schedule.target, schedule.last_error].filter(Boolean).map(text).join(" · ")));
}

// --- what all accounts share ----------------------------------------------------------------------------------------
// What an event says in a word: its status where it has one, else how its detail begins.
function gist(detail) {
  try {
    const found = Object.entries(JSON.parse(text(detail))).find(([name, value]) => name.endsWith("Status") && typeof value === "string");
    if (found) return found[1];
  } catch { /* it is a text */ }
  const status = /"\w*Status": ?"(\w+)"/.exec(text(detail)); // its JSON may be cut off
  return status ? status[1] : text(detail).slice(0, 120);
}

const TABLES = {
  denials: ["Last denials", ["Wall time", "Who", "Action and resource", "Why"], "Nobody was refused.", (one) => [
    when(one.time), node("span", { class: "mono", title: text(one.principal) }, whoIs(one.principal)),
    node("span", {}, node("strong", { class: "mono" }, text(one.action)), " on ", node("span", { class: "mono" }, text(one.resource))),
    text(one.reason) + (one.mode === "observe" ? " (observed only)" : "")]],
  faults: ["Faults", ["Fault", "Meets", "Hits", "State"], "Everything works as it should. To change that: python -m sandbox fault add --help", (one) => [
    node("span", {}, node("strong", {}, text(one.kind)), ` ${text(one.id)}`),
    Object.entries(one.match || {}).map(([key, value]) => `${key} ${key === "account" ? nameOf(value) : value}`).join(", ") || "everything",
    text(one.hits), one.state === "over" ? "over" : "▲ set"]],
  outbox: ["Outbox", ["Time", "To", "Mail"], "No mail was sent.", (one) => [
    when(one.time), text(one.to),
    node("details", {}, node("summary", {}, text(one.subject) || "(no subject)"), node("p", { class: "mono" }, text(one.body)))]],
  events: ["Last events", ["Time", "Account", "Event", "Rules"], "No event yet.", (one) => [
    when(one.time), nameOf(one.account),
    node("span", { class: "free" }, node("strong", {}, text(one.type)), ` ${short(one.resource)} `,
      node("span", { class: "quiet", title: text(one.detail) }, [text(one.source), gist(one.detail)].filter(Boolean).join(" · "))),
    list(one.delivered).map(text).join(", ") || "none"]],
};

function makeTable(name) {
  const [title, heads] = TABLES[name];
  return node("section", { class: "card", "aria-labelledby": `${name}-title` },
    node("h2", { id: `${name}-title` }, title),
    node("p", { class: "empty quiet" }),
    node("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": `${name}-title` },
      // the roles, because a narrow window shows the cells as blocks, which makes browsers forget that it is a table
      node("table", { role: "table", "aria-labelledby": `${name}-title` },
        node("thead", { role: "rowgroup" },
          node("tr", { role: "row" }, heads.map((head) => node("th", { scope: "col", role: "columnheader" }, head)))),
        node("tbody", { role: "rowgroup" }))));
}

function updateTable(element, name, parts, failed) {
  const [, heads, empty, cells] = TABLES[name];
  const rows = name === "faults" ? list(parts.faults && parts.faults.faults) : list(parts[name]);
  say(element.querySelector(".empty"), failed[name] ? `could not be read: ${failed[name]}` : empty);
  element.querySelector(".empty").hidden = rows.length > 0 && !failed[name];
  element.querySelector(".scroll").hidden = rows.length === 0;
  redraw(element.querySelector("tbody"), rows, () => rows.map((one) =>
    node("tr", { role: "row" }, cells(one).map((cell, index) => node("td", { role: "cell", "data-label": heads[index] }, cell)))));
}

// --- the whole page -------------------------------------------------------------------------------------------------
function awsNow() {
  return new Date(clock.now + (performance.now() - clock.at) * clock.speed);
}

function tick() {
  if (!clock) return;
  const now = awsNow().toISOString();
  $("now").dateTime = now;
  say($("now"), `${now.slice(0, 10)} ${now.slice(11, 19)}`);
}

function showHead(board) {
  const server = board.server || {};
  names = new Map(Object.entries({ ...server.others, ...server.accounts }).map(([name, id]) => [text(id), name]));
  say($("address"), server.url);
  say($("source"), `. ${text(server.env)}`);
  const told = board.parts.clock;
  clock = told ? { now: new Date(text(told.now)).getTime(), speed: Number(told.speed) || 1, at: performance.now() } : null;
  if (clock && Number.isNaN(clock.now)) clock = null;
  $("clock").hidden = !clock;
  if (clock) say($("speed"), `${number(clock.speed, clock.speed % 1 ? 1 : 0)} times as fast`);
  const mode = (told && told.enforcement) || server.enforcement;
  $("iam").hidden = !mode;
  if (mode) say($("enforcement"), MODES.get(text(mode)) || mode);
  const set = board.parts.faults ? list(board.parts.faults.faults).filter((one) => one.state !== "over").length : 0;
  $("set").hidden = set === 0;
  say($("set-count"), `▲ ${set}`);
  tick();
}

function show(board) {
  showHead(board);
  const { parts, failed } = board;
  const accounts = Object.entries((board.server || {}).accounts || {}).map(([name, id]) => ({ name, id: text(id) }));
  keep($("accounts"), accounts, (one) => one.id, makeAccount, (child, one) => updateAccount(child, one, parts));
  keep($("shared"), Object.keys(TABLES).filter((name) => name in parts || name in failed), (name) => name, makeTable,
    (child, name) => updateTable(child, name, parts, failed));
  $("welcome").hidden = list(parts.endpoints).length > 0;
  const absent = PARTS.filter((name) => !(name in parts) && !(name in failed));
  const broken = PARTS.filter((name) => name in failed && !(name in TABLES)).map((name) => `${name} (${failed[name]})`);
  $("absent").hidden = absent.length + broken.length === 0;
  say($("absent"), [absent.length ? `Not reported by this server: ${absent.join(", ")}.` : "", broken.length ? `Could not be read: ${broken.join(", ")}.` : ""].filter(Boolean).join(" "));
}

let lost = null; // since when
function connected(works, why) {
  lost = works ? null : lost || new Date();
  tone($("link"), works ? "good" : "bad", works ? "● connected" : "✕ no answer");
  $("gone").hidden = works;
  if (!works) say($("gone"), `The sandbox has not answered since ${lost.toTimeString().slice(0, 8)} (${why}). Below is what it said last. Start it with: make sandbox. This page finds it again by itself.`);
}

async function fetchBoard() {
  const answer = await fetch("/_sandbox/board", { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!answer.ok) throw new Error(`it answered ${answer.status}`);
  return answer.json();
}

async function poll() {
  if (!document.hidden) {
    const board = await fetchBoard().catch((error) => {
      clock = null; // time must not seem to pass
      connected(false, error.name === "TimeoutError" ? "nothing for 5 seconds" : error instanceof TypeError ? "no connection" : error.message);
    });
    if (board) {
      connected(true);
      try {
        show(board);
      } catch (error) {
        tone($("link"), "warn", "▲ partly shown");
        console.error("the page cannot show what the server said", error);
      }
    }
  }
  setTimeout(poll, EVERY_MS);
}

setInterval(tick, 250);
poll();
