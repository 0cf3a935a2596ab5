"""Speed of the Sparkplug codec: payload bytes to Arrow frames, beside protobuf's own parser.

python benchmarks/sparkplug.py [--metrics N] [--messages N] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

from goldenbatch.connectors.mqtt._proto import DataType, payload_class
from goldenbatch.connectors.mqtt._rows import frames
from goldenbatch.connectors.mqtt.host import Host
from goldenbatch.connectors.mqtt.settings import SparkplugSettings

T0 = 1_700_000_000_000
PER_FRAME = 20


def born_host(n_metrics):
    settings = SparkplugSettings.model_validate({"broker": {"host": "none"}, "host_id": "bench"})
    host = Host(settings, "site", lambda: T0 * 1000)
    birth = payload_class()(timestamp=T0, seq=0)
    birth.metrics.add(name="bdSeq", datatype=DataType.INT64, long_value=0)
    for i in range(n_metrics):
        birth.metrics.add(name=f"m/{i}", alias=i, datatype=DataType.DOUBLE, double_value=0.0)
    host.take("spBv1.0/G/NBIRTH/E", birth.SerializeToString(), T0 * 1000)
    list(frames("warm", "0", host.drain().live, T0 * 1000))
    return host


def payloads(n_metrics, n_messages):
    made = []
    for k in range(n_messages):
        payload = payload_class()(timestamp=T0 + k, seq=(k + 1) % 256)
        for i in range(n_metrics):
            payload.metrics.add(alias=i, timestamp=T0 + k, double_value=i / 7 + k)
        made.append(payload.SerializeToString())
    return made


def decode(host, messages):
    n = 0
    for k, data in enumerate(messages):
        host.take("spBv1.0/G/NDATA/E", data, T0 * 1000)
        if k % PER_FRAME == PER_FRAME - 1:
            for frame in frames("bench", str(k), host.drain().live, T0 * 1000):
                n += frame.readings.num_rows
    return n


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--metrics", type=int, default=500)
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    messages = payloads(options.metrics, options.messages)
    total, wall, cpu, bare = options.metrics * options.messages, [], [], []
    for _ in range(options.rounds):
        host = born_host(options.metrics)
        start, start_cpu = time.perf_counter(), time.process_time()
        n = decode(host, messages)
        wall.append(total / (time.perf_counter() - start))
        cpu.append(total / (time.process_time() - start_cpu))
        assert n == total, (n, total)
        start = time.perf_counter()
        for data in messages:
            payload_class().FromString(data)
        bare.append(total / (time.perf_counter() - start))
    text = json.dumps(
        {
            "benchmark": "sparkplug",
            "metrics": total,
            "metrics_per_s": round(statistics.median(wall)),
            "metrics_per_cpu_s": round(statistics.median(cpu)),
            "protobuf_parser_alone_per_s": round(statistics.median(bare)),
            "target_per_s": 1_000_000,
        },
        indent=2,
    )
    if options.out:
        options.out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
