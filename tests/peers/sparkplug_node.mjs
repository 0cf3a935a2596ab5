// A Sparkplug edge node by sparkplug-client: node E1 with device D1 in group G.
// node sparkplug_node.mjs PORT [gzip]; orders on standard input, one a line:
// data N, device N, history N, ddeath, dbirth, skip N, types, stop
import readline from "node:readline";
import sparkplug from "sparkplug-client";

const options = process.argv[3] === "gzip" ? { compress: true, algorithm: "GZIP" } : undefined;
const client = sparkplug.newClient({
  serverUrl: `mqtt://127.0.0.1:${process.argv[2]}`,
  username: "", password: "", groupId: "G", edgeNode: "E1", clientId: `edge-${process.pid}`,
  version: "spBv1.0", publishDeath: true, mqttOptions: { reconnectPeriod: 200 },
});
const say = (text) => console.log(text);
const now = () => Date.now();
let n = 0;

function types() {
  const at = now();
  return [
    { name: "types/int8", type: "Int8", value: -5 },
    { name: "types/int32", type: "Int32", value: -70000 },
    { name: "types/uint32", type: "UInt32", value: 4000000000 },
    { name: "types/float", type: "Float", value: 0.5 },
    { name: "types/flag", type: "Boolean", value: true },
    { name: "types/text", type: "String", value: "LOT-Č" },
    { name: "types/none", type: "Double", value: null },
    { name: "types/file", type: "Bytes", value: new Uint8Array([1, 2, 3]) },
  ].map((one) => ({ ...one, timestamp: at }));
}

function birth() {
  const control = { name: "Node Control/Rebirth", type: "Boolean", value: false };
  const properties = { engUnit: { type: "String", value: "Cel" } };
  const temp = { name: "temp", alias: 1, type: "Double", value: n, timestamp: now(), properties };
  client.publishNodeBirth({ timestamp: now(), metrics: [control, temp, ...types()] }, options);
  deviceBirth();
  say("born");
}

function deviceBirth() {
  const force = { name: "force", alias: 7, type: "Double", value: 0, timestamp: now() };
  client.publishDeviceBirth("D1", { timestamp: now(), metrics: [force] }, options);
}

client.on("birth", birth);
client.on("ncmd", (payload) => {
  say("ncmd");
  if (payload.metrics.some((one) => one.name === "Node Control/Rebirth" && one.value)) birth();
});
client.on("error", (error) => say(`error ${error}`));

const value = (alias, i, more = {}) => ({ alias, type: "Double", value: i, timestamp: now(), ...more });
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const [order, count] = line.split(" ");
  for (let i = 0; i < Number(count || 0); i++) {
    n += 1;
    const timestamp = 1700000000000 + n;
    if (order === "data") client.publishNodeData({ timestamp, metrics: [value(1, n, { timestamp })] }, options);
    if (order === "device") client.publishDeviceData("D1", { timestamp, metrics: [value(7, n, { timestamp })] }, options);
    if (order === "skip") client.incrementSeqNum();
    if (order === "history") {
      const old = { timestamp: 1600000000000 + n, isHistorical: true };
      client.publishNodeData({ timestamp: now(), metrics: [value(1, n, old)] }, options);
    }
  }
  if (order === "ddeath") client.publishDeviceDeath("D1", { timestamp: now() });
  if (order === "dbirth") deviceBirth();
  if (order === "stop") client.stop();
  say(`done ${order}`);
});
