// Replays columns of a CSV file as an edge node by sparkplug-client, row by row.
// node sparkplug_replay.mjs PORT FILE TIMES PLACE COLUMN...: TIMES is a JSON array of milliseconds
import fs from "node:fs";
import sparkplug from "sparkplug-client";

const [port, file, timesFile, place, ...columns] = process.argv.slice(2);
const times = JSON.parse(fs.readFileSync(timesFile));
const lines = fs.readFileSync(file, "utf8").split("\n").filter((line) => line);
const head = lines[0].trim().split(";");
const at = columns.map((name) => head.indexOf(name));
const client = sparkplug.newClient({
  serverUrl: `mqtt://127.0.0.1:${port}`, username: "", password: "", groupId: "G", edgeNode: "E1",
  clientId: `replay-${process.pid}`, version: "spBv1.0", publishDeath: false,
});
const metric = (i, timestamp, text) => ({
  alias: i, type: "Double", value: text === "" ? null : Number(text), timestamp,
});
let row = 0;

function next() {
  for (let burst = 0; burst < 20 && row < times.length; burst++, row++) {
    const cells = lines[row + 1].trim().split(";");
    const metrics = at.map((column, i) => metric(i, times[row], cells[column])).filter((one) => one.value !== null);
    client.publishNodeData({ timestamp: times[row], metrics });
  }
  if (row < times.length) setTimeout(next, 5);
  else console.log("done");
}

client.on("birth", () => {
  const control = { name: "Node Control/Rebirth", type: "Boolean", value: false };
  const born = columns.map((name, i) => ({ name: `${place}/${name}`, ...metric(i, 1000, "0") }));
  client.publishNodeBirth({ timestamp: Date.now(), metrics: [control, ...born] });
  setTimeout(next, 50);
});
process.stdin.on("data", () => {
  client.stop();
  process.exit(0);
});
