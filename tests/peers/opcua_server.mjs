// A plant on OPC UA by node-opcua, for tests: values that change, history, structures, alarms.
// One JSON argument says what it is; one JSON command a line on stdin, one answer a line on stdout.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const options = {
  port: 0, folder: "", certificate: "", key: "", nItems: 0, rateMs: 0,
  users: {}, anonymous: false, policies: ["Basic256Sha256", "Aes256_Sha256_RsaPss"],
  modes: ["SignAndEncrypt"], acceptUnknown: true, history: "", shiftS: 0, sampleMs: 0,
  ...JSON.parse(process.argv[2] ?? "{}"),
};

// The clock is shifted before node-opcua is loaded, so that all of it lives in the shifted time.
let shiftMs = options.shiftS * 1000;
const RealDate = Date;
globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + shiftMs);
    else super(...args);
  }
  static now() { return RealDate.now() + shiftMs; }
};

const ua = createRequire(import.meta.url)("node-opcua");
const { DataType, StatusCodes } = ua;
const quiet = () => {};
console.warn = quiet;
ua.setDebugLogger?.(quiet); ua.setWarningLogger?.(quiet); ua.setErrorLogger?.(quiet);

const certificates = new ua.OPCUACertificateManager({
  rootFolder: `${options.folder}/pki`, automaticallyAcceptUnknownCertificate: options.acceptUnknown,
});
const userCertificates = new ua.OPCUACertificateManager({
  rootFolder: `${options.folder}/user-pki`, automaticallyAcceptUnknownCertificate: options.acceptUnknown,
});
const server = new ua.OPCUAServer({
  port: options.port, hostname: "127.0.0.1", host: "127.0.0.1", resourcePath: "/plant",
  certificateFile: options.certificate, privateKeyFile: options.key,
  serverCertificateManager: certificates, userCertificateManager: userCertificates,
  serverInfo: { applicationUri: "urn:goldenbatch:test-plant", productUri: "urn:goldenbatch:test" },
  nodeset_filename: [ua.nodesets.standard, fileURLToPath(new URL("opcua_types.xml", import.meta.url))],
  allowAnonymous: options.anonymous,
  securityPolicies: options.policies.map((name) => ua.SecurityPolicy[name]),
  securityModes: options.modes.map((name) => ua.MessageSecurityMode[name]),
  userManager: { isValidUser: (name, password) => options.users[name] === password },
  disableDiscovery: false,
  serverCapabilities: {
    maxSessions: 20, maxHistoryContinuationPoints: 100, minSupportedSampleRate: options.sampleMs,
    operationLimits: {
      maxNodesPerRead: 2000, maxNodesPerBrowse: 500, maxMonitoredItemsPerCall: 2000,
      maxNodesPerHistoryReadData: 50, maxNodesPerTranslateBrowsePathsToNodeIds: 500,
      maxNodesPerMethodCall: 10,
    },
  },
});
await server.initialize();
const space = server.engine.addressSpace;
const own = space.getOwnNamespace();
const nodes = new Map();
const defaults = {
  Double: 0, Float: 0, Int32: 0, UInt32: 0, Int64: [0, 0], UInt64: [0, 0], Boolean: false, String: "",
  ByteString: Buffer.alloc(0), DateTime: new Date(0), LocalizedText: { text: "" },
};

function variant(type, value) {
  if (Array.isArray(value) && !type.endsWith("64")) {
    return { dataType: DataType[type], arrayType: ua.VariantArrayType.Array, value };
  }
  if (type === "Int64" || type === "UInt64") return { dataType: DataType[type], arrayType: ua.VariantArrayType.Scalar, value };
  if (type === "DateTime") return { dataType: DataType.DateTime, value: new Date(value) };
  if (type === "ByteString") return { dataType: DataType.ByteString, value: Buffer.from(value, "hex") };
  if (type === "LocalizedText") return { dataType: DataType.LocalizedText, value: { text: value, locale: "en" } };
  return { dataType: DataType[type], value };
}

function remember(name, node) {
  nodes.set(name, node);
  return node;
}

// ---- a press --------------------------------------------------------------------------------
const press = own.addObject({
  browseName: "Press", nodeId: "s=Press", organizedBy: space.rootFolder.objects,
  eventSourceOf: space.rootFolder.objects.server, eventNotifier: 1,
});
const base = { componentOf: press };
remember("Force", own.addAnalogDataItem({
  ...base, browseName: "Force", nodeId: "s=Press.Force", dataType: "Double",
  engineeringUnitsRange: { low: 0, high: 40 }, instrumentRange: { low: 0, high: 60 },
  engineeringUnits: ua.standardUnits.kilonewton ?? ua.makeEUInformation("kN", "kN", "kilonewton"),
  description: "main compression force",
}));
remember("Temperature", own.addAnalogDataItem({
  ...base, browseName: "Temperature", nodeId: "s=Press.Temperature", dataType: "Float",
  engineeringUnitsRange: { low: -20, high: 150 }, engineeringUnits: ua.standardUnits.degree_celsius,
}));
const types = space.getNamespaceIndex("urn:goldenbatch:test-types");
const mode = space.findDataType("MotorMode", types);
const motorType = space.findDataType("MotorType", types);
const plain = {
  Mode: { dataType: mode.nodeId, type: "Int32", value: 0 }, Running: { type: "Boolean" },
  Recipe: { type: "String" }, Label: { type: "LocalizedText", value: "start" }, Started: { type: "DateTime", value: 0 },
  Counter: { type: "UInt64", value: [0, 7] }, Speed: { type: "Double" }, Image: { type: "ByteString", value: "89504e47" },
};
function addPlain(name, { type, value, dataType, valueRank }) {
  const node = own.addVariable({
    ...base, browseName: name, nodeId: `s=Press.${name}`, dataType: dataType ?? type, minimumSamplingInterval: 0,
    ...(valueRank ? { valueRank } : {}),
  });
  node.setValueFromSource(variant(type, value ?? defaults[type]));
  return remember(name, node);
}
for (const [name, what] of Object.entries(plain)) addPlain(name, what);
addPlain("Spectrum", { type: "Double", value: [1, 2, 3], valueRank: 1 });
addPlain("Later", { type: "Double", value: 1.5 });
const motor = own.addVariable({
  ...base, browseName: "Motor", nodeId: "s=Press.Motor", dataType: motorType, minimumSamplingInterval: 0,
});
const motorValue = (fields) => ({
  dataType: DataType.ExtensionObject, value: space.constructExtensionObject(motorType, fields),
});
motor.setValueFromSource(motorValue({
  speed: 12.5, on: true, maker: "Acme", currents: [1, 2, 3], mode: 2, bearing: { temperature: 44.5, seal: "lip" },
}));
remember("Motor", motor);
const motors = own.addVariable({
  ...base, browseName: "Motors", nodeId: "s=Press.Motors", dataType: motorType, minimumSamplingInterval: 0, valueRank: 1,
});
const pair = [{ speed: 1.5, on: true, maker: "A" }, { speed: 2.5, maker: "B", bearing: { temperature: 7 } }];
motors.setValueFromSource({
  dataType: DataType.ExtensionObject, arrayType: ua.VariantArrayType.Array,
  value: pair.map((fields) => space.constructExtensionObject(motorType, fields)),
});
remember("Motors", motors);
nodes.get("Force").setValueFromSource({ dataType: DataType.Double, value: 10 });
nodes.get("Temperature").setValueFromSource({ dataType: DataType.Float, value: 21 });

// ---- history, kept in a file that outlives the process ----------------------------------------
const historical = new Set();
function keepHistory(name, maxOnlineValues = 100000) {
  space.installHistoricalDataNode(nodes.get(name), { maxOnlineValues });
  historical.add(name);
}
function pushHistory(name, row) {
  return nodes.get(name).varHistorian.push(new ua.DataValue({
    value: row.value === null ? { dataType: DataType.Null } : variant(row.type ?? "Double", row.value), statusCode: StatusCodes[row.status ?? "Good"],
    sourceTimestamp: new RealDate(row.at), serverTimestamp: new RealDate(row.at),
  }));
}
if (options.history) {
  for (const name of ["Force", "Speed"]) keepHistory(name);
  const lines = existsSync(options.history) ? readFileSync(options.history, "utf8").split("\n") : [];
  for (const line of lines.filter(Boolean)) {
    const row = JSON.parse(line);
    await pushHistory(row.name, row);
  }
}

// ---- alarms -----------------------------------------------------------------------------------
space.installAlarmsAndConditionsService();
const alarm = own.instantiateExclusiveLimitAlarm("ExclusiveLimitAlarmType", {
  browseName: "ForceAlarm", componentOf: press, conditionSource: press, conditionName: "ForceAlarm",
  inputNode: nodes.get("Force"), nodeId: "s=Press.ForceAlarm",
  lowLowLimit: -10, lowLimit: -5, highLimit: 30, highHighLimit: 38, optionals: ["ConfirmedState", "Confirm"],
});

// ---- many items, all changed at a rate --------------------------------------------------------
const load = [];
if (options.nItems) {
  const folder = own.addFolder(space.rootFolder.objects, { browseName: "Load", nodeId: "s=Load" });
  for (let i = 0; i < options.nItems; i++) {
    load.push(own.addVariable({
      organizedBy: folder, browseName: `i${i}`, nodeId: `s=Load.i${i}`, dataType: "Double", minimumSamplingInterval: 0,
    }));
  }
}
let round = 0;
let timer = null;
function changeAll(at = new Date()) {
  round += 1;
  for (let i = 0; i < load.length; i++) {
    load[i].setValueFromSource({ dataType: DataType.Double, value: round + i / 1e5 }, StatusCodes.Good, at);
  }
  return round;
}
function start(rateMs) {
  clearInterval(timer);
  timer = rateMs ? setInterval(() => changeAll(), rateMs) : null;
}
start(options.rateMs);

// ---- commands -----------------------------------------------------------------------------------
function set({ name, type = "Double", value, status = "Good", at }) {
  const node = nodes.get(name);
  const time = at === undefined ? new Date() : new RealDate(at);
  const what = type === "Motor" ? motorValue(value) : variant(type, value);
  node.setValueFromSource(what, StatusCodes[status], time);
  if (options.history && historical.has(name)) {
    appendFileSync(options.history, JSON.stringify({ name, type, value, status, at: time.getTime() }) + "\n");
  }
}
const commands = {
  set,
  many: ({ rows }) => { for (const row of rows) set(row); },
  past: async ({ name, rows }) => {
    if (!historical.has(name)) keepHistory(name);
    for (const row of rows) await pushHistory(name, row);
  },
  // Columns of a CSV file as history: a text where it changes, an empty cell as a bad value.
  load: async ({ file, times, columns }) => {
    const at = JSON.parse(readFileSync(times, "utf8"));
    const [head, ...lines] = readFileSync(file, "utf8").split(/\r?\n/).map((line) => line.split(";"));
    for (const [name, type] of Object.entries(columns)) {
      addPlain(name, { type });
      keepHistory(name, at.length + 10);
      const column = head.indexOf(name);
      for (let i = 0; i < at.length; i++) {
        const text = lines[i][column];
        if (type === "String" && i > 0 && text === lines[i - 1][column]) continue;
        const value = type === "String" ? text : text === "" ? null : Number(text);
        await pushHistory(name, { type, value, status: value === null ? "Bad" : "Good", at: at[i] });
      }
    }
  },
  shift: ({ seconds }) => { shiftMs = seconds * 1000; return { now: Date.now() }; },
  pause: () => start(0),
  resume: ({ rateMs }) => start(rateMs ?? options.rateMs),
  change: () => ({ round: changeAll() }),
  add: ({ name, ...what }) => { addPlain(name, what); },
  remove: ({ name }) => { own.deleteNode(nodes.get(name)); nodes.delete(name); },
  alarm: () => ({
    active: alarm.activeState.getValue(), acked: alarm.ackedState.getValue(),
    comment: alarm.comment.readValue().value.value?.text ?? "", user: alarm.clientUserId.readValue().value.value ?? "",
  }),
  enable: ({ on }) => { alarm.setEnabledState(on); },
  unit: ({ name, shown, described }) => {
    nodes.get(name).engineeringUnits.setValueFromSource({
      dataType: DataType.ExtensionObject, value: ua.makeEUInformation(shown, shown, described ?? shown),
    });
  },
  limits: ({ high }) => { alarm.setHighLimit(high); },
  sessions: () => ({ n: server.engine.currentSessionCount, subscriptions: server.engine.currentSubscriptionCount }),
  trust: ({ all }) => { certificates.automaticallyAcceptUnknownCertificate = all; },
  now: () => ({ now: Date.now() }),
};
await server.start();
const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
say({ url: server.endpoints[0].endpointDescriptions()[0].endpointUrl });
let rest = "";
let queue = Promise.resolve();
process.stdin.on("data", (data) => {
  const lines = (rest + data).split("\n");
  rest = lines.pop();
  for (const line of lines.filter(Boolean)) {
    queue = queue.then(async () => {
      try {
        const { op, ...args } = JSON.parse(line);
        say({ ok: true, ...(await commands[op](args)) });
      } catch (error) {
        say({ ok: false, error: String(error?.stack ?? error) });
      }
    });
  }
});
process.stdin.on("end", () => process.exit(0));
