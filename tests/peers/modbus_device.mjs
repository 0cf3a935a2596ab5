// A Modbus device by jsmodbus: registers with known contents; says its port, then takes orders
// on standard input: "set ADDRESS WORD" for a holding register, "mute", "speak", "drop".
import net from "node:net";
import readline from "node:readline";
import Modbus from "jsmodbus";

const holding = Buffer.alloc(4000);
const input = Buffer.alloc(4000);
const coils = Buffer.alloc(100);
const discrete = Buffer.alloc(100);
holding.writeInt16BE(-123, 0); // 0: int16
holding.writeUInt16BE(65535, 2); // 1: uint16
holding.writeFloatBE(12.5, 4); // 2: float32, big words
holding.writeUInt16BE(0x0000, 8); // 4: 12.5 as float32, little words
holding.writeUInt16BE(0x4148, 10);
holding.writeInt32BE(-70000, 12); // 6: int32
holding.writeDoubleBE(1 / 3, 16); // 8: float64
holding.write("LOT 42-A", 24, "latin1"); // 12: text of 8
holding.writeUInt16BE(0b0100, 40); // 20: bit 2
holding.writeInt16BE(-32768, 42); // 21: no value
input.writeUInt32BE(4000000000, 0); // 0: uint32
input.writeBigInt64BE(-9007199254740993n, 8); // 4: int64
coils.writeUInt8(0b00000101, 0); // 0 and 2
discrete.writeUInt8(0b10000000, 1); // 15

const sockets = new Set();
const tcp = new net.Server();
tcp.on("connection", (socket) => {
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
  socket.on("error", () => {});
  if (muted) socket.pause();
});
let muted = false;
const server = new Modbus.server.TCP(tcp, { holding, input, coils, discrete });
const writes = ["preWriteSingleCoil", "preWriteSingleRegister", "preWriteMultipleCoils", "preWriteMultipleRegisters"];
for (const name of writes) server.on(name, () => console.log("written"));

tcp.listen(Number(process.argv[2] || 0), "127.0.0.1", () => console.log(`port ${tcp.address().port}`));
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const [order, address, word] = line.split(" ");
  if (order === "set") holding.writeUInt16BE(Number(word), 2 * Number(address));
  if (order === "mute") {
    muted = true;
    for (const socket of sockets) socket.pause();
  }
  if (order === "speak") {
    muted = false;
    for (const socket of sockets) socket.resume();
  }
  if (order === "drop") for (const socket of sockets) socket.destroy();
  console.log(`done ${order}`);
});
