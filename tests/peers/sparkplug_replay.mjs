// Replays columns of a CSV file as an edge node by sparkplug-client, row by row.
// node sparkplug_replay.mjs PORT FILE TIMES PLACE [--at-once=N] COLUMN[:TYPE]...
// TIMES is a JSON array of milliseconds; a text is sent where it changes, an empty cell as null.
// After each N rows it says "at ROW" and waits for "go" on standard input; any other line ends it.
import fs from "node:fs";
import readline from "node:readline";
import sparkplug from "sparkplug-client";

const [port, file, timesFile, place, ...more] = process.argv.slice(2);
const given = more.filter((one) => !one.startsWith("--at-once="));
const atOnce = Number(more.find((one) => one.startsWith("--at-once="))?.split("=")[1] ?? 0);
const columns = given.map((one) => one.split(":")[0]);
const types = given.map((one) => one.split(":")[1] ?? "Double");
const times = JSON.parse(fs.readFileSync(timesFile));
const lines = fs.readFileSync(file, "utf8").split("\n").filter((line) => line);
const head = lines[0].trim().split(";");
const at = columns.map((name) => head.indexOf(name));
const client = sparkplug.newClient({
  serverUrl: `mqtt://127.0.0.1:${port}`, username: "", password: "", groupId: "G", edgeNode: "E1",
  clientId: `replay-${process.pid}`, version: "spBv1.0", publishDeath: false,
});
const metric = (i, timestamp, text) => ({
  alias: i, type: types[i], value: types[i] === "String" ? text : text === "" ? null : Number(text), timestamp,
});
const sent = new Map();
function isNews(i, text) {
  if (types[i] !== "String") return true;
  if (sent.get(i) === text) return false;
  sent.set(i, text);
  return true;
}
let row = 0;

function next() {
  for (let burst = 0; burst < 20 && row < times.length; burst++, row++) {
    const cells = lines[row + 1].trim().split(";");
    const metrics = [];
    at.forEach((column, i) => {
      if (isNews(i, cells[column])) metrics.push(metric(i, times[row], cells[column]));
    });
    client.publishNodeData({ timestamp: times[row], metrics });
    if (atOnce && (row + 1) % atOnce === 0 && row + 1 < times.length) {
      row += 1;
      console.log(`at ${row}`);
      return;
    }
  }
  if (row < times.length) setTimeout(next, 5);
  else console.log("done");
}

client.on("birth", () => {
  const control = { name: "Node Control/Rebirth", type: "Boolean", value: false };
  const born = columns.map((name, i) => ({ name: `${place}/${name}`, ...metric(i, 1000, types[i] === "String" ? "" : "0") }));
  client.publishNodeBirth({ timestamp: Date.now(), metrics: [control, ...born] });
  setTimeout(next, 50);
});
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  if (line === "go") return next();
  client.stop();
  process.exit(0);
});
